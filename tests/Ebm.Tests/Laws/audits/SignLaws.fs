/// Signatures: a rewrite of runs, ledger and git's reference that leaves every hash right is found, other tools accept the signatures, and
/// ordinary work after a signature is no alarm.
module Ebm.Tests.Laws.SignLaws

open System
open System.Formats.Asn1
open System.IO
open System.Numerics
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Audits
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.AuditWorld

let private needsOpenSsl = needs (fun () -> if ends "openssl" [ "version" ] = 0 then None else Some "openssl is not installed")

/// The keys of a lab and of somebody else: private, public.
let private keys =
    lazy
        (let folder = (Directory.CreateTempSubdirectory "ebm-keys-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         Keys.create (Path.Combine(folder, "lab")), Keys.create (Path.Combine(folder, "other")))

let private lab () = fst keys.Value
let private other () = snd keys.Value

/// The exit code of an audit and what it prints.
let private told (world: World) (words: string list) =
    let out = Console.Out
    use says = new StringWriter()

    try
        Console.SetOut says
        let workspace = { Workspace.at world.Root with Runs = world.Runs; Data = world.Data; Reports = world.Reports }
        let code = Audit.perform workspace words
        code, string says
    finally
        Console.SetOut out

let private signWith (key: string) (world: World) =
    let code, says = told world [ "sign"; "--key"; key ]
    must $"sign ends with {code}: {says}" (code = 0 && says.Contains "SIGNED")

let private sign world = signWith (fst (lab ())) world
let private check world = told world [ "verify"; "--public"; snd (lab ()) ]
let private envelopes (world: World) = Directory.GetFiles(Sign.folderOf world.Runs) |> Array.sort
let private envelope world = Array.last (envelopes world)

/// Changes an envelope: its type, its payload, the key's id and the signature of its first signature.
let private forged (change: string * byte[] * string * byte[] -> string * byte[] * string * byte[]) (world: World) =
    let was = JsonText.Read<Envelope.Envelope>(File.ReadAllText(envelope world), "envelope")
    let first = was.Signatures.Head
    let kind, payload, id, signature =
        change (was.PayloadType, Convert.FromBase64String was.Payload, string first.Keyid, Convert.FromBase64String(string first.Sig))

    File.WriteAllText(
        envelope world,
        JsonText.FileOf(
            {
                PayloadType = kind
                Payload = Convert.ToBase64String payload
                Signatures = [ { Keyid = id; Sig = Convert.ToBase64String signature } ]
            }
            : Envelope.Envelope
        )
    )

let private signedBy (file: string) kind payload =
    use key = Keys.privateKey file
    key.SignData(Envelope.signedBytes kind payload, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)

let private edited (payload: byte[]) (before: string) (after: string) =
    let text = Encoding.UTF8.GetString payload
    must $"{before} is not in {text}" (text.Contains before)
    Encoding.UTF8.GetBytes(text.Replace(before, after))

// ── Forgeries ───────────────────────────────────────────────────────────────────────────────

let private idOf (world: World) = (Ledger.entries world.Runs).Head.Subject

/// Rewrites the ledger with right numbers and hashes, and git's reference with it: no hash tells of it.
let private rewritten (world: World) (change: string -> string option) =
    let id = idOf world
    let all = lines world |> Array.choose change |> Array.mapi (fun i line -> Regex.Replace(line, "\"seq\":\\d+", $"\"seq\":{i}"))
    rewrite world (rechained (List.ofArray all))
    Git.ask world.Root [ "update-ref"; "-d"; Ledger.refOf id ] |> Result.defaultWith failwith |> ignore
    anchored world

/// Gives a run a better metric and seals it; returns the manifest's hash before and after.
let private improved (world: World) seed =
    let run = world.Run("rings", seed)
    let before = nonNull (nonNull run.Manifest).Hash
    run.Write [ Measurement("grid-kl", 0.001, "nats", Direction.Lower) ]
    run.Write(nonNull run.Manifest)
    before, nonNull (nonNull run.Manifest).Hash

let private isOf (subject: string) (line: string) = line.Contains $"\"subject\":\"{subject}"

/// Everything that has hashes agrees, so that an audit without a key finds nothing.
let private seamless (world: World) =
    let found = (world.Verify()).Alterations
    must $"it is not seamless: %A{found}" found.IsEmpty

let private forgeries: (string * string * string * (World -> unit)) list = [
    "a rewrite of a run, the ledger and git's reference",
    "signed-run-changed",
    "toy-m-s1",
    (fun world ->
        let before, after = improved world 1
        rewritten world (fun line -> Some(line.Replace(before, after)))
        seamless world)
    "the ledger in that rewrite",
    "signed-ledger-rewritten",
    "entry 17",
    (fun world ->
        let before, after = improved world 1
        rewritten world (fun line -> Some(line.Replace(before, after)))
        seamless world)
    "that rewrite without the ledger's entry of the signature",
    "signed-run-changed",
    "toy-m-s1",
    (fun world ->
        let before, after = improved world 1
        rewritten world (fun line -> if line.Contains "\"kind\":\"signature\"" then None else Some(line.Replace(before, after)))
        seamless world)
    "a diverged run that was removed from folder, ledger and git's reference",
    "signed-run-removed",
    "toy-m-s3",
    (fun world ->
        let run = world.Run("rings", 3)
        rewritten world (fun line -> if isOf $"rings/{run.Id}" line then None else Some line)
        Directory.Delete(run.Path, true)
        seamless world)
    "a sweep that was removed from the folder, the ledger and git's reference",
    "signed-run-removed",
    "moons/toy-m-s0",
    (fun world ->
        Directory.Delete(Path.Combine(world.Runs, "moons"), true)
        rewritten world (fun line -> if isOf "moons/" line then None else Some line)
        seamless world)
    "a ledger that was deleted with git's reference",
    "signed-ledger-rewritten",
    "is gone",
    (fun world ->
        let id = idOf world
        Git.ask world.Root [ "update-ref"; "-d"; Ledger.refOf id ] |> Result.defaultWith failwith |> ignore
        File.Delete world.Ledger
        seamless world)
    "a ledger that was started again over the same runs, with git's reference",
    "signed-ledger-rewritten",
    "when it was signed",
    (fun world ->
        let id = idOf world
        Git.ask world.Root [ "update-ref"; "-d"; Ledger.refOf id ] |> Result.defaultWith failwith |> ignore
        File.Delete world.Ledger
        Manifests.enterRuns world.Runs (RunFolder.Under world.Runs) |> ignore

        for table in [ "table.csv"; "data/toy/rows.bin" ] do
            Ledger.enterTable world.Runs "rings" (Path.Combine(world.Root, table))

        anchored world
        seamless world)
    "a ledger that was cut off before the signed entry, with git's reference",
    "signed-ledger-rewritten",
    "ends with entry 16",
    (fun world ->
        rewritten world (fun line ->
            if line.Contains "\"kind\":\"table\"" || line.Contains "\"kind\":\"signature\"" then None else Some line)
        seamless world)
    "a table's entry in the ledger, with git's reference",
    "signed-ledger-rewritten",
    "entry 17",
    (fun world ->
        rewritten world (fun line -> Some(if line.Contains "\"kind\":\"table\"" then line.Replace("\"rings\"", "\"moons\"") else line))
        seamless world)
    "an entry before the signed one, whose hash the next line no longer has",
    "signed-ledger-rewritten",
    "entry 3 is not the one",
    (fun world ->
        let all = lines world
        all[3] <- Regex.Replace(all[3], "\"time\":\"....", "\"time\":\"1999")
        rewrite world all)
    "a better run in the place of a signed one, that no entry explains",
    "signed-run-changed",
    "toy-m-s2",
    (fun world -> improved world 2 |> ignore)
    "a signed run whose manifest says that a next attempt is running",
    "signed-run-changed",
    "toy-m-s3",
    (fun world ->
        let run = world.Run("rings", 3)
        Directory.Delete(run.Path, true)
        let folder, manifest = begun world "rings" 3
        folder.Write(manifest))
    "a statement that was edited",
    "signature-invalid",
    "it was edited",
    forged (fun (kind, payload, id, signature) -> kind, edited payload "rings/toy-m-s1" "rings/toy-m-s9", id, signature)
    "a statement that somebody else signed in the lab's name",
    "signature-invalid",
    "another key",
    forged (fun (kind, payload, id, _) ->
        let payload = edited payload "rings/toy-m-s1" "rings/toy-m-s9"
        kind, payload, id, signedBy (fst (other ())) kind payload)
    "a statement that somebody else signed",
    "signature-missing",
    "there is no signature",
    forged (fun (kind, payload, _, _) ->
        use key = Keys.privateKey (fst (other ()))
        kind, payload, Keys.idOf key, signedBy (fst (other ())) kind payload)
    "a signature of the payload alone, without its type",
    "signature-invalid",
    "it was edited",
    forged (fun (kind, payload, id, _) ->
        use key = Keys.privateKey (fst (lab ()))
        kind, payload, id, key.SignData(payload, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence))
    "another type of the payload",
    "signature-invalid",
    "it was edited",
    forged (fun (_, payload, id, signature) -> "text/plain", payload, id, signature)
    "another statement that the lab signed, about something else",
    "signature-invalid",
    "another one",
    forged (fun (kind, payload, id, _) ->
        let payload = edited payload "signed-runs/v1" "lunch-menu/v1"
        kind, payload, id, signedBy (fst (lab ())) kind payload)
    "a text that the lab signed as another type",
    "signature-invalid",
    "has the type text/plain",
    forged (fun (_, payload, id, _) -> "text/plain", payload, id, signedBy (fst (lab ())) "text/plain" payload)
    "a statement with a key twice",
    "signature-invalid",
    "predicateType",
    forged (fun (kind, payload, id, _) ->
        let payload = edited payload "\"predicateType\":" "\"predicateType\":\"\",\"predicateType\":"
        kind, payload, id, signedBy (fst (lab ())) kind payload)
    "an envelope with a payload twice",
    "signature-invalid",
    "payload",
    (fun world -> replace (envelope world) "  \"payload\":" "  \"payload\": \"e30=\",\n  \"payload\":")
    "an envelope without signatures",
    "signature-invalid",
    "no signature",
    (fun world -> File.WriteAllText(envelope world, Regex.Replace(File.ReadAllText(envelope world), @"(?s)\[.*\]", "[]")))
    "an empty signature", "signature-invalid", "it was edited", forged (fun (kind, payload, id, _) -> kind, payload, id, [||])
    "a signature that is cut off",
    "signature-invalid",
    "it was edited",
    forged (fun (kind, payload, id, signature) -> kind, payload, id, signature[..20])
    "a signature of zeros",
    "signature-invalid",
    "it was edited",
    forged (fun (kind, payload, id, _) -> kind, payload, id, [| 0x30uy; 6uy; 2uy; 1uy; 0uy; 2uy; 1uy; 0uy |])
    "null in the place of a signature",
    "signature-invalid",
    "is null",
    (fun world -> File.WriteAllText(envelope world, Regex.Replace(File.ReadAllText(envelope world), @"(?s)\[.*\]", "[null]")))
    "null in the place of a signed run",
    "signature-invalid",
    "is null",
    forged (fun (kind, payload, id, _) ->
        let payload = edited payload "\"subject\":[" "\"subject\":[null,"
        kind, payload, id, signedBy (fst (lab ())) kind payload)
    "an envelope that is not JSON", "signature-invalid", "invalid content", (fun world -> File.WriteAllText(envelope world, "{"))
    "an envelope that is null", "signature-invalid", "null", (fun world -> File.WriteAllText(envelope world, "null"))
    "an envelope of brackets",
    "signature-invalid",
    "invalid content",
    (fun world -> File.WriteAllText(envelope world, String('[', 100_000)))
    "an envelope that is not text",
    "signature-invalid",
    "not UTF-8",
    (fun world -> File.WriteAllBytes(envelope world, [| 0x22uy; 0xFFuy; 0x22uy |]))
    "an envelope that is empty", "signature-invalid", "empty", (fun world -> File.WriteAllText(envelope world, ""))
    "a pipe in the place of an envelope",
    "signature-invalid",
    "empty",
    (fun world ->
        let path = envelope world
        File.Delete path
        must "no pipe" (ends "mkfifo" [ path ] = 0))
    "a folder in the place of an envelope",
    "signature-missing",
    "there is no signature",
    (fun world ->
        let path = envelope world
        File.Delete path
        Directory.CreateDirectory path |> ignore)
    "an envelope that was removed", "signature-missing", "there is no signature", (fun world -> File.Delete(envelope world))
    "all signatures that were removed",
    "signature-missing",
    "there is no signature",
    (fun world -> Directory.Delete(Sign.folderOf world.Runs, true))
    "the newest signature that was removed, with an older one left",
    "signature-missing",
    "but it is gone",
    (fun world ->
        begun world "moons" 1 |> ended RunState.Completed |> entered world
        sign world
        must "two" ((envelopes world).Length = 2)
        File.Delete(envelope world))
    "a signature of another folder of runs",
    "signed-ledger-rewritten",
    "not the one that was signed",
    (fun world ->
        inFolder (fun folder ->
            must "it cannot be copied" (ends "cp" [ "-r"; world.Root + "/."; folder ] = 0)
            let elsewhere = World folder
            File.Delete(envelope elsewhere)
            rewritten elsewhere (fun line ->
                if line.Contains "\"kind\":\"signature\"" then None else Some(line.Replace("\"time\":\"20", "\"time\":\"19")))
            sign elsewhere
            File.Copy(envelope elsewhere, Path.Combine(Sign.folderOf world.Runs, "copied.dsse.json"))))
]

let private isFound what (part: string) (world: World) =
    let code, says = check world
    must $"it ends with {code}: {says}" (code = 3 && says.Contains "ALTERED")
    must
        $"{what} about {part} is not in: {says}"
        (says.Split '\n' |> Array.exists (fun line -> line.StartsWith $"{what}: " && line.Contains part))

let private forgery (name, what, part, alter: World -> unit) =
    law $"a signature shows {name}, and the audit ends with 3" (fun () ->
        inWorld (fun world ->
            sign world
            alter world
            isFound what part world))
    |> breaks "nothing was done" (fun () ->
        inWorld (fun world ->
            sign world
            isFound what part world))
    |> needsGit

// ── Ordinary work after a signature ─────────────────────────────────────────────────────────

/// A signature's other valid form, (r, n − s).
let private otherForm (signature: byte[]) =
    let order = BigInteger.Parse("0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", Globalization.NumberStyles.HexNumber)
    let sequence = AsnReader(ReadOnlyMemory signature, AsnEncodingRules.DER).ReadSequence()
    let r, s = sequence.ReadInteger(), sequence.ReadInteger()
    let writer = AsnWriter AsnEncodingRules.DER
    writer.PushSequence() |> ignore
    writer.WriteInteger r
    writer.WriteInteger(order - s)
    writer.PopSequence()
    writer.Encode()

let private ordinary: (string * string * (World -> unit)) list = [
    "nothing", "of 7 runs and the ledger", ignore
    "a further run", "Not signed: moons/toy-m-s1", (fun world -> begun world "moons" 1 |> ended RunState.Completed |> entered world)
    "a run that is running", "a valid signature", (fun world -> begun world "moons" 1 |> ignore)
    "a measurement", "1 signed runs were repeated or measured again", (fun world -> measured 0.5 world (world.Run("rings", 1)))
    "a repetition of a failed run",
    "1 signed runs were repeated",
    (fun world -> begun world "rings" 4 |> ended RunState.Completed |> entered world)
    "a repetition that is running",
    "1 signed runs were repeated",
    (fun world ->
        let folder, manifest = begun world "rings" 4
        folder.Write manifest)
    "another signature by the key",
    "of 8 runs and the ledger",
    (fun world ->
        begun world "moons" 1 |> ended RunState.Completed |> entered world
        sign world)
    "a signature by another key", "1 signatures name other keys", signWith (fst (other ()))
    "touched files",
    "a valid signature",
    (fun world ->
        for file in Directory.GetFiles(world.Runs, "*", SearchOption.AllDirectories) do
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow))
    "an audit", "a valid signature", (fun world -> must "the audit" (fst (told world [ "verify" ]) = 0))
    "the other form of the same signature",
    "a valid signature",
    forged (fun (kind, payload, id, signature) ->
        let form = otherForm signature
        must "it is another one" (form <> signature)
        kind, payload, id, form)
    "another name of the key in the envelope",
    "a valid signature",
    forged (fun (kind, payload, _, signature) -> kind, payload, "lab", signature)
    "an envelope in another notation, with a further field and a further signature",
    "a valid signature",
    (fun world ->
        let was = JsonText.Read<Envelope.Envelope>(File.ReadAllText(envelope world), "envelope")
        let urls (text: string | null) = (string text).Replace('+', '-').Replace('/', '_')
        let signatures = $"""[{{"sig":"AAAA"}},{{"sig":"{urls was.Signatures.Head.Sig}"}}]"""
        File.WriteAllText(
            envelope world,
            $"""{{"signatures":{signatures},"note":1,"payloadType":"{was.PayloadType}","payload":"{urls was.Payload}"}}"""
        ))
    "a process that died while it appended to the ledger",
    "a valid signature",
    (fun world -> File.AppendAllText(world.Ledger, "{\"seq\":99,\"ki"))
    "the loss of the repository", "a valid signature", (fun world -> Directory.Delete(Path.Combine(world.Root, ".git"), true))
]

let private isIntact (part: string) (world: World) =
    let code, says = check world
    must $"it ends with {code}: {says}" (code = 0 && says.Contains "INTACT" && says.Contains part)

// ── Keys ────────────────────────────────────────────────────────────────────────────────────

let private inKeys (holds: (string -> string -> string) -> unit) =
    inFolder (fun folder ->
        holds (fun name text ->
            let path = Path.Combine(folder, name)
            File.WriteAllText(path, text)
            path))

let private refuses (parts: string list) (read: unit -> ECDsa) = throws<ConfigException, _> parts read

let private withPhrase (phrase: string | null) (act: unit -> unit) =
    let before = Environment.GetEnvironmentVariable Keys.passPhrase

    try
        Environment.SetEnvironmentVariable(Keys.passPhrase, phrase)
        act ()
    finally
        Environment.SetEnvironmentVariable(Keys.passPhrase, before)

let private encrypted (key: ECDsa) =
    key.ExportEncryptedPkcs8PrivateKeyPem("open sesame", PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000))

let all =
    List.map forgery forgeries
    @ [
        law "ordinary work after a signature is no alarm, and the audit says what is not signed" (fun () ->
            for name, part, happens in ordinary do
                try
                    inWorld (fun world ->
                        sign world
                        happens world
                        isIntact part world)
                with Broken says ->
                    broken $"after {name}: {says}")
        |> breaks "a run that was removed" (fun () ->
            inWorld (fun world ->
                sign world
                Directory.Delete((world.Run("rings", 1)).Path, true)
                isIntact "a valid signature" world))
        |> needsGit

        law "a copy of a folder of runs keeps its signatures, and a copy of a signature outlives the folder's" (fun () ->
            inWorld (fun world ->
                sign world
                let kept = Path.Combine(world.Root, "kept.json")
                File.Copy(envelope world, kept)

                inFolder (fun folder ->
                    must "it cannot be copied" (ends "cp" [ "-r"; world.Runs; Path.Combine(folder, "runs") ] = 0)
                    isIntact "a valid signature" (World folder))

                // A signature and the runs after the older one are gone without a trace, except in the copy.
                let older = lines world
                begun world "moons" 1 |> ended RunState.Completed |> entered world
                sign world
                let newer = Path.Combine(world.Root, "newer.json")
                File.Move(envelope world, newer)
                Directory.Delete((world.Run("moons", 1)).Path, true)
                rewrite world older
                rewritten world Some
                isIntact "of 7 runs" world
                let withCopy file = told world [ "verify"; "--public"; snd (lab ()); $"--signature={file}" ]
                must "the older copy" (fst (withCopy kept) = 0)
                let code, says = withCopy newer
                must says (code = 3 && says.Contains "signed-run-removed: moons/toy-m-s1" && says.Contains "signed-ledger-rewritten")
                let code, says = told world [ "verify"; "--public"; snd (other ()); $"--signature={kept}" ]
                must says (code = 3 && says.Contains "signature-invalid" && says.Contains "no signature by the key")
                throws<ConfigException, _> [ "--public" ] (fun () -> told world [ "verify"; $"--signature={kept}" ])))
        |> breaks "the folder's own signature" (fun () ->
            inWorld (fun world ->
                sign world
                must "three" (fst (told world [ "verify"; "--public"; snd (lab ()); $"--signature={envelope world}" ]) = 3)))
        |> needsGit

        law "altered runs are not signed, nor runs whose hashes were made to agree after an earlier signature" (fun () ->
            inWorld (fun world ->
                let refused (part: string) =
                    let before = if Directory.Exists(Sign.folderOf world.Runs) then (envelopes world).Length else 0
                    let code, says = told world [ "sign"; "--key"; fst (lab ()) ]
                    must $"{code}: {says}" (code = 3 && says.Contains part && says.Contains "nothing was signed")
                    let now = if Directory.Exists(Sign.folderOf world.Runs) then (envelopes world).Length else 0
                    must "a signature was written" (now = before)

                let path = world.File(1, "metrics.json")
                let metrics = File.ReadAllText path
                replace path "0.140625" "0.130625"
                refused "artefact-changed"
                File.WriteAllText(path, metrics)
                sign world
                let before, after = improved world 1
                rewritten world (fun line -> Some(line.Replace(before, after)))
                seamless world
                refused "signed-run-changed"
                // All signatures are gone, and the ledger still has the entry.
                Directory.Delete(Sign.folderOf world.Runs, true)
                refused "signature-missing"
                // Another person knows nothing of the earlier state.
                signWith (fst (other ())) world))
        |> breaks "unaltered runs" (fun () -> inWorld (fun world -> must "three" (fst (told world [ "sign"; "--key"; fst (lab ()) ]) = 3)))
        |> needsGit

        law "nothing is signed without a ledger, and sign takes a key and no sweeps" (fun () ->
            inWorld (fun world ->
                let refuse (parts: string list) words = throws<ConfigException, _> parts (fun () -> told world ("sign" :: words))
                refuse [ "--key"; "--new-key" ] []
                refuse [ "not both" ] [ "--key=a"; "--new-key=b" ]
                refuse [ "rings" ] [ "rings"; "--key"; fst (lab ()) ]
                refuse [ "no such file" ] [ "--key"; Path.Combine(world.Root, "absent.pem") ]
                File.Delete world.Ledger
                Directory.Delete(Path.Combine(world.Root, ".git"), true)
                refuse [ "there is no ledger" ] [ "--key"; fst (lab ()) ]))
        |> needsGit

        law "the folder of signatures is not a sweep" (fun () ->
            inWorld (fun world ->
                sign world
                let sweeps = SweepFolder.Under world.Runs |> Seq.map (Path.GetFileName >> string) |> List.ofSeq
                must $"%A{sweeps}" (sweeps = [ "moons"; "rings" ])
                must "a name of a sweep" (SweepFolder.IsReserved "signatures" && not (SweepFolder.IsReserved "rings"))
                let code, says = told world [ "verify" ]
                must says (code = 0 && says.Contains "The folder has signatures; --public")))
        |> needsGit

        law "signed bytes are those of DSSE's own example, and lengths count bytes" (fun () ->
            let text (bytes: byte[]) = Encoding.UTF8.GetString bytes
            let pae = Envelope.signedBytes "http://example.com/HelloWorld" "hello world"B
            must (text pae) (text pae = "DSSEv1 29 http://example.com/HelloWorld 11 hello world")
            let pae = Envelope.signedBytes "é" (Encoding.UTF8.GetBytes "…")
            must (text pae) (text pae = "DSSEv1 2 é 3 …"))

        law "a statement has the digests that sha256sum prints, of every run that ended" (fun () ->
            inWorld (fun world ->
                begun world "moons" 1 |> ignore
                sign world
                use envelope = JsonDocument.Parse(File.ReadAllText(envelope world))
                let payload = envelope.RootElement.GetProperty("payload").GetBytesFromBase64()
                use statement = JsonDocument.Parse(ReadOnlyMemory payload)
                let root = statement.RootElement
                must "type" (root.GetProperty("_type").GetString() = "https://in-toto.io/Statement/v1")
                let digests = [
                    for subject in root.GetProperty("subject").EnumerateArray() ->
                        string (subject.GetProperty("name").GetString()),
                        string (subject.GetProperty("digest").GetProperty("sha256").GetString())
                ]
                let due = [
                    "ledger.jsonl#18", Canonical.Sha256((lines world)[18])
                    for sweep, seeds in [ "moons", [ 0 ]; "rings", [ 0..5 ] ] do
                        for seed in seeds do
                            let run = world.Run(sweep, seed)
                            $"{sweep}/{run.Id}", Canonical.Sha256OfFile(run.In "manifest.json")
                ]
                must $"%A{digests}" (digests = due)))
        |> needsGit

        law "openssl accepts a signature, and its keys sign" (fun () ->
            inWorld (fun world ->
                let file name = Path.Combine(world.Root, name)
                let openssl (words: string) = ends "openssl" (List.ofArray (words.Replace("@", world.Root + "/").Split ' '))
                must "sec1" (openssl "ecparam -name prime256v1 -genkey -out @sec1.pem" = 0)
                must "pkcs8" (openssl "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out @pkcs8.pem" = 0)

                for key in [ "sec1"; "pkcs8" ] do
                    must "public" (openssl $"pkey -in @{key}.pem -pubout -out @{key}.pub" = 0)
                    signWith (file $"{key}.pem") world
                    let code, says = told world [ "verify"; "--public"; file $"{key}.pub" ]
                    must says (code = 0 && says.Contains "a valid signature")
                    let made = envelopes world |> Array.map (fun path -> JsonText.Read<Envelope.Envelope>(File.ReadAllText path, path))
                    use id = Keys.publicKey (file $"{key}.pub")
                    let made = made |> Array.find (fun one -> one.Signatures.Head.Keyid = Keys.idOf id)
                    let payload = Convert.FromBase64String made.Payload
                    File.WriteAllBytes(file "signed", Encoding.UTF8.GetBytes $"DSSEv1 28 application/vnd.in-toto+json {payload.Length} ")
                    File.AppendAllBytes(file "signed", payload)
                    File.WriteAllBytes(file "signature", Convert.FromBase64String(string made.Signatures.Head.Sig))
                    let verifies () = openssl $"dgst -sha256 -verify @{key}.pub -signature @signature @signed" = 0
                    must "openssl does not accept it" (verifies ())
                    File.AppendAllText(file "signed", " ")
                    must "openssl accepts other bytes" (not (verifies ()))
                    must "der" (openssl $"pkey -in @{key}.pem -pubout -outform DER -out @der" = 0)
                    must "the key's id" (Canonical.Sha256OfFile(file "der") = Keys.idOf id)))
        |> needsGit
        |> needsOpenSsl

        law "keys on other curves, RSA keys, encrypted keys and other files are refused, with what to do" (fun () ->
            inKeys (fun file ->
                use key = ECDsa.Create ECCurve.NamedCurves.nistP256
                use large = ECDsa.Create ECCurve.NamedCurves.nistP384
                use rsa = RSA.Create 2048
                for name, text, part in
                    [
                        "p384.pem", large.ExportPkcs8PrivateKeyPem(), "P-256"
                        "p384-sec1.pem", large.ExportECPrivateKeyPem(), "P-256"
                        "rsa.pem", rsa.ExportPkcs8PrivateKeyPem(), "not one ECDSA key"
                        "rsa1.pem", rsa.ExportRSAPrivateKeyPem(), "not one ECDSA key"
                        "empty.pem", "", "not one ECDSA key"
                        "text.pem", "a shopping list", "not one ECDSA key"
                        "cut.pem", key.ExportPkcs8PrivateKeyPem().Substring(0, 100), "not one ECDSA key"
                        "two.pem", key.ExportPkcs8PrivateKeyPem() + "\n" + key.ExportPkcs8PrivateKeyPem(), "not one ECDSA key"
                        "large.pem", String('x', 70_000), "too large"
                        "public.pem", key.ExportSubjectPublicKeyInfoPem(), "needs the private one"
                        "old.pem", "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "openssl pkcs8"
                    ] do
                    refuses [ name; part ] (fun () -> Keys.privateKey (file name text))

                refuses [ "-pubout" ] (fun () -> Keys.publicKey (file "secret.pub" (key.ExportPkcs8PrivateKeyPem())))
                refuses [ "P-256" ] (fun () -> Keys.publicKey (file "p384.pub" (large.ExportSubjectPublicKeyInfoPem())))
                refuses [ "not one ECDSA key" ] (fun () -> Keys.publicKey (file "rsa.pub" (rsa.ExportSubjectPublicKeyInfoPem())))

                withPhrase null (fun () ->
                    refuses [ Keys.passPhrase; "openssl pkcs8" ] (fun () -> Keys.privateKey (file "locked.pem" (encrypted key))))
                withPhrase "guess" (fun () -> refuses [ "does not fit" ] (fun () -> Keys.privateKey (file "locked.pem" (encrypted key))))

                withPhrase "open sesame" (fun () ->
                    use opened = Keys.privateKey (file "locked.pem" (encrypted key))
                    must "another key" (Keys.idOf opened = Keys.idOf key))

                for text in [ key.ExportPkcs8PrivateKeyPem(); key.ExportECPrivateKeyPem() ] do
                    use read = Keys.privateKey (file "good.pem" text)
                    must "another key" (Keys.idOf read = Keys.idOf key)))
        |> breaks "a good key" (fun () ->
            inKeys (fun file ->
                use key = ECDsa.Create ECCurve.NamedCurves.nistP256
                refuses [] (fun () -> Keys.privateKey (file "good.pem" (key.ExportPkcs8PrivateKeyPem())))))

        law "a new key is readable by its owner alone, and replaces no file" (fun () ->
            inFolder (fun folder ->
                let name = Path.Combine(folder, "new")
                let secret, shown = Keys.create name
                let mode = File.GetUnixFileMode secret
                must $"{mode}" (mode = (UnixFileMode.UserRead ||| UnixFileMode.UserWrite))
                use one = Keys.privateKey secret
                use other = Keys.publicKey shown
                must "two keys" (Keys.idOf one = Keys.idOf other)
                let text = File.ReadAllText secret
                throws<ConfigException, _> [ "never replaced" ] (fun () -> Keys.create name)
                File.Delete secret
                throws<ConfigException, _> [ "new.pub" ] (fun () -> Keys.create name)
                must "it was written" (not (File.Exists secret) && text.Contains "PRIVATE KEY")
                throws<ConfigException, _> [ "cannot be written" ] (fun () -> Keys.create (Path.Combine(folder, "absent", "key")))))
    ]
