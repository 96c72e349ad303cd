/// Signatures of a folder of runs. A signature states the digest of each ended run's manifest, which has the hashes of the run's files, and
/// the hash of the ledger's last line, which depends on all lines before it. Who does not have the key can rewrite runs, ledger and git's
/// reference so that their hashes agree, but cannot make a signature that agrees with them.
module Ebm.Audits.Sign

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json.Serialization
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Verify

/// The kind of a ledger's entry for a signature: the subject is the key's id, the hash is that of the signed payload.
let kind = "signature"

let private statementType = "https://in-toto.io/Statement/v1"
let private predicateType = "https://ebm.invalid/signed-runs/v1"

type Digest = { Sha256: string }

/// A run by its manifest's bytes, or the ledger by its last line.
type Subject = { Name: string; Digest: Digest }

type Predicate = {
    /// The ledger's id.
    Ledger: string
    /// The number of the ledger's last line.
    Entry: int64
    /// The hash of that line.
    Head: string
    /// UTC, by the signer's clock.
    Time: string
}

type Statement = {
    [<JsonPropertyName "_type">]
    Type: string
    Subject: Subject list
    PredicateType: string
    Predicate: Predicate
}

/// The subject's name of the ledger's line; a run's name is sweep/run.
let private ledgerName (entry: int64) = $"ledger.jsonl#{entry}"

let folderOf (runs: string) = Path.Combine(runs, SweepFolder.Signatures)

/// Whether a folder of runs has signatures.
let isSigned (runs: string) = Directory.Exists(folderOf runs) && not (Seq.isEmpty (Directory.EnumerateFiles(folderOf runs, "*.dsse.json")))

/// The manifest's path of every folder that is a run or looks like one, by its name sweep/run.
let private manifests (runs: string) : Map<string, string> =
    Map [
        for found in RunTree.Look runs do
            let manifest = Path.Combine(found.Path, "manifest.json")
            if found.LooksLikeRun && File.Exists manifest then $"{found.Sweep}/{found.Id}", manifest
    ]

/// The digest of a manifest's bytes and the manifest; None for the latter if it is not valid.
let private read (path: string) : string * RunManifest option =
    let bytes = RegularFile.Bytes(path, RegularFile.Record)

    let manifest =
        try
            Some(RunManifest.Parse(Encoding.UTF8.GetString bytes, path))
        with :? InvalidDataException ->
            None

    Canonical.Sha256(ReadOnlySpan bytes), manifest

let private isOver (manifest: RunManifest option) = manifest |> Option.exists (fun manifest -> RunStates.IsOver manifest.State)

// ── Checking ────────────────────────────────────────────────────────────────────────────────

/// A statement that a valid signature covers.
type Signed = {
    File: string
    /// SHA-256 of the payload.
    Payload: string
    Statement: Statement
}

type Check = {
    Alterations: Alteration list
    Notes: string list
    /// The newest signature by the key.
    Newest: Signed option
}

let private some (names: string list) =
    String.concat ", " (List.truncate 3 names) + (if names.Length > 3 then $" and {names.Length - 3} more" else "")

/// Why the ledger's lines up to the signed one are not those that were signed; None if they are.
let private ledgerFault (lines: string[]) (signed: Predicate) : string option =
    if lines.Length = 0 then
        Some $"it had entry {signed.Entry} when it was signed, and is gone"
    elif signed.Entry < 0L || signed.Entry >= int64 lines.Length then
        Some $"it had entry {signed.Entry} when it was signed, and now ends with entry {lines.Length - 1}"
    elif Ledger.hashOf lines[int signed.Entry] <> signed.Head then
        Some $"its entry {signed.Entry} is not the one that was signed"
    else
        seq { 1 .. int signed.Entry }
        |> Seq.tryFind (fun i -> not (lines[i].Contains $"\"prevHash\":\"{Ledger.hashOf lines[i - 1]}\""))
        |> Option.map (fun i -> $"its entry {i - 1} is not the one that entry {i} followed when it was signed")

/// Whether an earlier attempt of a run has a manifest of this digest: a next attempt keeps the files of the one before.
let private isEarlier (manifest: string) (digest: string) =
    let attempts = Path.Combine(nonNull (Path.GetDirectoryName manifest), "attempts")

    Directory.Exists attempts
    && FolderTree.Files attempts |> Seq.exists (fun file -> Path.GetFileName file = "manifest.json" && Canonical.Sha256OfFile file = digest)

/// The alterations of signed runs, the runs that were repeated or measured again and entered after the signature, and those without a
/// signature. `isAsked`: whether a sweep is checked.
let private runsHold (runs: string) (entries: Ledger.Entry list) (isAsked: string -> bool) (signed: Statement) =
    let isAsked (name: string) = isAsked (name.Split('/')[0])
    let found = manifests runs |> Map.filter (fun name _ -> isAsked name)
    let named = Dictionary<string, string>()

    for subject in signed.Subject do
        if subject.Name <> ledgerName signed.Predicate.Entry && isAsked subject.Name then named[subject.Name] <- subject.Digest.Sha256

    // The hashes of a run's manifests that were entered after the signature.
    let since =
        entries
        |> List.filter (fun entry ->
            entry.Seq > signed.Predicate.Entry && (entry.Kind = Ledger.Kind.run || entry.Kind = Ledger.Kind.measure))
        |> List.map (fun entry -> entry.Subject.Split('#')[0], entry.Hash)
        |> Set.ofList

    let alterations, again =
        [
            for KeyValue(name, digest) in named do
                match found.TryFind name with
                | None ->
                    Choice1Of2 {
                        Subject = name
                        What = Altered.SignedRunRemoved
                        Says = "it was signed, and its folder or its manifest is gone"
                    }
                | Some path ->
                    match read path with
                    | now, _ when now = digest -> ()
                    | _, Some manifest when since.Contains(name, string manifest.Hash) -> Choice2Of2 name
                    // A next attempt has its entry when it ends.
                    | _, manifest when not (isOver manifest) && isEarlier path digest -> Choice2Of2 name
                    | _ ->
                        Choice1Of2 {
                            Subject = name
                            What = Altered.SignedRunChanged
                            Says = "its manifest is not the one that was signed, and no later entry of the ledger explains it"
                        }
        ]
        |> List.partitionWith id

    let fresh = [
        for KeyValue(name, path) in found do
            if not (named.ContainsKey name) && isOver (snd (read path)) then name
    ]

    alterations, again, fresh

/// Checks the signatures by a key, in the folder of signatures or in one given file, against the ledger and the runs of some sweeps (all if
/// none is named).
let check (key: ECDsa) (runs: string) (sweeps: string list) (given: string option) : Check =
    let files =
        match given with
        | Some file -> [ file ]
        | None when Directory.Exists(folderOf runs) ->
            Directory.GetFiles(folderOf runs, "*.dsse.json") |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> List.ofArray
        | None -> []

    let id = Keys.idOf key
    let nameOf (file: string) = $"{SweepFolder.Signatures}/{Path.GetFileName file}"
    let invalid file says = { Subject = nameOf file; What = Altered.SignatureInvalid; Says = says }

    let signed, wrong, others =
        (([], [], 0), files)
        ||> List.fold (fun (signed, wrong, others) file ->
            match Envelope.read key file with
            | Envelope.Valid payload ->
                try
                    let statement = Envelope.strictly<Statement> payload "the signed statement"
                    Envelope.noNull "subjects" statement.Subject

                    if statement.Type <> statementType || statement.PredicateType <> predicateType then
                        signed, invalid file $"its statement is another one, of the type {statement.PredicateType}" :: wrong, others
                    else
                        { File = file; Payload = Canonical.Sha256(ReadOnlySpan payload); Statement = statement } :: signed, wrong, others
                with :? InvalidDataException as error ->
                    signed, invalid file error.Message :: wrong, others
            | Envelope.OfOthers when given.IsSome -> signed, invalid file $"it has no signature by the key {id}" :: wrong, others
            | Envelope.OfOthers -> signed, wrong, others + 1
            | Envelope.Invalid why -> signed, invalid file why :: wrong, others)

    let lines = Array.ofList (Ledger.linesOf runs)
    let entries = Ledger.entries runs
    let newest =
        if signed.IsEmpty then None else Some(signed |> List.maxBy (fun one -> one.Statement.Predicate.Entry, one.Statement.Predicate.Time))
    let isAsked sweep = sweeps.IsEmpty || List.contains sweep sweeps

    let runAlterations, again, fresh =
        match newest with
        | Some newest -> runsHold runs entries isAsked newest.Statement
        | None -> [], [], []

    {
        Newest = newest
        Alterations = [
            yield! List.rev wrong

            if signed.IsEmpty && wrong.IsEmpty then
                { Subject = SweepFolder.Signatures; What = Altered.SignatureMissing; Says = $"there is no signature by the key {id}" }

            // The ledger tells of a signature that was removed, unless the ledger was cut off as well.
            if given.IsNone then
                for entry in entries do
                    if entry.Kind = kind && entry.Subject = id && signed |> List.forall (fun one -> one.Payload <> entry.Hash) then
                        {
                            Subject = SweepFolder.Signatures
                            What = Altered.SignatureMissing
                            Says = $"the ledger has a signature by this key as entry {entry.Seq}, but it is gone"
                        }

            for one in List.rev signed do
                match ledgerFault lines one.Statement.Predicate with
                | Some why -> { Subject = "ledger"; What = Altered.SignedLedgerRewritten; Says = $"{why} ({nameOf one.File})" }
                | None -> ()

            yield! runAlterations
        ]
        Notes = [
            match newest with
            | None -> ()
            | Some newest ->
                let predicate = newest.Statement.Predicate
                let head =
                    $"""{nameOf newest.File}: a valid signature by the key {id.Substring(0, 16)}, made at {predicate.Time}, of {Ebm.Analysis.Text.counted (newest.Statement.Subject.Length - 1) "run"} and the ledger {predicate.Ledger} up to its entry {predicate.Entry}."""
                head
                if not fresh.IsEmpty then $"Not signed: {some fresh}."

                if not again.IsEmpty then
                    $"{again.Length} signed runs were repeated or measured again after the signature, or are being repeated: {some again}. What they have now is not signed."

            if others > 0 then $"{others} signatures name other keys and were not checked."
        ]
    }

/// The newest signature as fields of a report.
let shown (key: ECDsa) (signed: Signed) =
    fields [
        "key" => Keys.idOf key
        "file" => Path.GetFileName signed.File
        "ledger" => signed.Statement.Predicate.Ledger
        "entry" => signed.Statement.Predicate.Entry
        "head" => signed.Statement.Predicate.Head
        "time" => signed.Statement.Predicate.Time
        "runs" => signed.Statement.Subject.Length - 1
    ]

// ── Signing ─────────────────────────────────────────────────────────────────────────────────

/// Signs the ended runs and the ledger as they are now; writes the envelope, and enters it into the ledger. Returns the statement and the
/// file. The caller has verified them. Throws InvalidDataException if the ledger's last line is not an entry.
let sign (key: ECDsa) (repository: string) (runs: string) : Statement * string =
    let lines = Array.ofList (Ledger.linesOf runs)
    let last = Array.last lines
    let entries = Ledger.entries runs

    if entries.Length <> lines.Length then
        raise (InvalidDataException $"{Ledger.pathOf runs}: some of its lines are not entries, so it cannot be signed.")

    let head = {
        Ledger = entries.Head.Subject
        Entry = (List.last entries).Seq
        Head = Ledger.hashOf last
        Time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)
    }

    let statement = {
        Type = statementType
        Subject = [
            { Name = ledgerName head.Entry; Digest = { Sha256 = head.Head } }
            for KeyValue(name, path) in manifests runs do
                match read path with
                | digest, manifest when isOver manifest -> { Name = name; Digest = { Sha256 = digest } }
                | _ -> ()
        ]
        PredicateType = predicateType
        Predicate = head
    }

    let payload = Encoding.UTF8.GetBytes(JsonText.LineOf statement)
    let id = Keys.idOf key
    let name =
        $"""{head.Entry.ToString("000000", CultureInfo.InvariantCulture)}-{head.Head.Substring(0, 12)}-{id.Substring(0, 8)}.dsse.json"""
    let file = Path.Combine(folderOf runs, name)
    Directory.CreateDirectory(folderOf runs) |> ignore
    AtomicFile.Write(file, Envelope.sign key payload)
    // A folder that was copied has a head of its own before it goes on.
    Ledger.anchor repository runs |> ignore
    Ledger.append runs (fun _ -> [ kind, id, Canonical.Sha256(ReadOnlySpan payload) ])
    Ledger.anchor repository runs |> ignore
    statement, file
