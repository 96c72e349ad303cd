/// Records: the meaning of YAML, canonical texts of values, and atomic writes of files.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.RecordLaws

open System
open System.Globalization
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Ebm.Records
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// A config file's content: any tree of scalars, lists and maps, including difficult texts and numbers.
type Tree = Tree of Document

let private awkward = [
    ""
    " "
    "yes"
    "no"
    "on"
    "off"
    "y"
    "True"
    "null"
    "~"
    "010"
    "1_000"
    "1e-3"
    ".5"
    "0x1F"
    "0o17"
    ".inf"
    "NaN"
    "- a"
    "a: b"
    "a #b"
    "#"
    "@x"
    "`"
    "%"
    "!tag"
    "&a"
    "*a"
    "[1"
    "{"
    "'"
    "\""
    "\\"
    "a\nb"
    "\t"
    "trailing "
    "?"
    "---"
    "..."
    "<<"
    "="
]

let private numbers = [ 0.0; -0.0; 1.0; 0.1; 1e-3; 1e21; 1e22; 1e-6; 1e-7; 5e-324; Double.MaxValue; nan; infinity; -infinity ]

type Trees =
    static member Tree() : Arbitrary<Tree> =
        let text =
            Gen.oneof [
                Gen.elements awkward
                Gen.elements [ "a"; "kind"; "level-mlp"; "b c" ]
                ArbMap.defaults |> ArbMap.generate<int> |> Gen.map string
            ]

        let scalar =
            Gen.oneof [
                Gen.constant (Document.Null())
                ArbMap.defaults |> ArbMap.generate<bool> |> Gen.map (fun b -> Document.Of b)
                ArbMap.defaults |> ArbMap.generate<int64> |> Gen.map (fun i -> Document.Of i)
                Gen.oneof [ Gen.elements numbers; ArbMap.defaults |> ArbMap.generate<float> ] |> Gen.map (fun f -> Document.Of f)
                text |> Gen.map (fun t -> Document.Of t)
            ]

        let rec tree depth =
            if depth = 0 then
                scalar
            else
                let below = tree (depth - 1)

                Gen.oneof [
                    scalar
                    Gen.listOf below |> Gen.map (fun items -> Document.OfList(List.truncate 4 items))
                    Gen.zip (Gen.listOf text) (Gen.listOf below)
                    |> Gen.map (fun (keys, values) ->
                        let keys = List.distinct keys
                        let n = min 4 (min keys.Length values.Length)
                        Document.OfMap(List.map2 (fun k v -> Entry(k, Source.Code, v)) (List.take n keys) (List.take n values)))
                ]

        tree 3 |> Gen.map Tree |> Arb.fromGen

let private forTrees says (property: Tree -> bool) =
    law says (fun () -> fromSeed usualSeed _.WithArbitrary([ typeof<Trees> ]).WithMaxTest(400) property)

let rec private turned (document: Document) =
    match document.Kind with
    | DocumentKind.Map -> Document.OfMap(document.Entries |> Seq.rev |> Seq.map (fun e -> Entry(e.Key, e.KeySource, turned e.Value)))
    | DocumentKind.List -> Document.OfList(document.Items |> Seq.map turned)
    | _ -> document

/// The German culture writes 0,5 and groups with points. Culture tables are absent here (invariant globalization), so the law makes the culture.
let private inGerman (holds: unit -> 'a) =
    let before = CultureInfo.CurrentCulture
    let german = CultureInfo.InvariantCulture.Clone() :?> CultureInfo
    german.NumberFormat.NumberDecimalSeparator <- ","
    german.NumberFormat.NumberGroupSeparator <- "."
    german.NumberFormat.NegativeSign <- "−"
    CultureInfo.CurrentCulture <- german

    try
        holds ()
    finally
        CultureInfo.CurrentCulture <- before

let private parse text = Document.Parse(text, "x.yaml")

let private refused text (parts: string list) = throws<ConfigException, _> ("x.yaml, line" :: parts) (fun () -> parse text)

let private gives text (due: obj | null) =
    let found = (parse $"v: {text}").Get("v").Value

    let named (value: obj | null) =
        match value with
        | null -> "null"
        | v -> $"{v} ({v.GetType().Name})"
    must $"v: {text} is {named found} instead of {named due}" (Object.Equals(found, due))

let private run (folder: string) =
    let config = parse "data: { kind: rings }\nmethod: { kind: joint-cd }\nseed: 0\n"
    let json = Canonical.Json config
    RunFolder.Create(Path.Combine(folder, "sweep"), $"rings-joint-cd-s0-{Canonical.Sha256(json)[..11]}", config, json)

/// Replaces a file repeatedly while another thread reads it.
let private replaces (write: string * string -> unit) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "file")
        let size = 1 <<< 20
        let version (i: int) = String(char (int 'a' + i % 26), size)
        write (path, version 0)
        use stop = new CancellationTokenSource()
        use looking = new ManualResetEventSlim()
        let mutable halves = 0

        let reader =
            Task.Run(fun () ->
                while not stop.IsCancellationRequested do
                    // A writer in place may lock out readers; that counts as a partial file too.
                    let text =
                        try
                            File.ReadAllText path
                        with :? IOException ->
                            ""
                    if text.Length <> size || text.TrimEnd(text[0]) <> "" then halves <- halves + 1
                    looking.Set())

        looking.Wait()

        for i in 1..60 do
            write (path, version i)

        stop.Cancel()
        reader.Wait()
        must $"{halves} reads found no complete file" (halves = 0)
        must "another file is in the folder" (Directory.GetFiles(folder).Length = 1))

let all = [
    law "unquoted scalars follow YAML 1.2: 64-bit integers, float64, only true and false are bools" (fun () ->
        for text, due in
            [
                "10", box 10L
                "-3", box -3L
                "+1", box 1L
                "1_000", box 1000L
                "0x1F", box 31L
                "0o17", box 15L
                "9223372036854775807", box Int64.MaxValue
                "0.1", box 0.1
                "1e-3", box 1e-3
                "1e3", box 1e3
                "1.", box 1.0
                ".5", box 0.5
                "-.5e+2", box -50.0
                ".inf", box infinity
                "-.inf", box -infinity
                "inf", box infinity
                ".nan", box nan
                "nan", box nan
                "true", box true
                "false", box false
                "True", box "True"
                "yes", box "yes"
                "no", box "no"
                "on", box "on"
                "off", box "off"
                "010", box "010"
                "1e", box "1e"
                "1__0", box "1__0"
                "0b1", box "0b1"
                "'1'", box "1"
                "\"true\"", box "true"
                "2026-01-01", box "2026-01-01"
                "12:30", box "12:30"
                "~", null
                "null", null
                "", null
            ] do
            gives text due)

    law "YAML that readers disagree about, or that hides a mistake, is rejected with its line" (fun () ->
        for text, parts in
            [
                "a: 1\nb: 2\na: 3", [ " 3, a: "; "twice"; "line 1" ]
                "a:\n\tb: 1", [ " 2"; "tab" ]
                "a: !!python/object 1", [ " 1"; "tag" ]
                "a: !!int \"x\"", [ " 1"; "!!int" ]
                "base: &b { x: 1 }\na:\n  <<: *b", [ " 3"; "merge keys" ]
                "a: *nobody", [ " 1"; "*nobody" ]
                "a: 1\n---\nb: 2", [ " 2"; "second document" ]
                "? [1, 2]\n: 3", [ " 1"; "key" ]
                "a: [1, 2", [ "" ]
                "a: b: c", [ " 1" ]
                "a: 99999999999999999999", [ " 1"; "64 bits" ]
                "a: 1e999", [ " 1"; "larger than any float64" ]
                "a: \u0007", [ " 1"; "control character" ]
                String.replicate 100 "[" + String.replicate 100 "]", [ " 1"; "nested" ]
            ] do
            refused text parts

        // Exponential aliases: ten aliases of ten aliases of ….
        let bomb = [ for i in 1..9 -> $"""a{i}: &a{i} [{String.replicate 10 $"*a{i - 1}," |> _.TrimEnd(',')}]""" ]
        refused ("a0: &a0 [x]\n" + String.concat "\n" bomb) [ "aliases" ])

    law "the reader fails on any text only with a message" (fun () ->
        let pieces = [|
            "a"
            ": "
            ":"
            "\n"
            "  "
            "- "
            "["
            "]"
            "{"
            "}"
            ","
            "&x "
            "*x"
            "!t "
            "\""
            "'"
            "#"
            "|"
            ">"
            "\t"
            "1e5"
            "? "
            "%"
            "\\"
            "\r"
            "é"
            "\uD800"
            "---"
            "~"
        |]
        let random = Random 1

        for _ in 1..5000 do
            let text = String.Join("", Array.init (random.Next 12) (fun _ -> pieces[random.Next pieces.Length]))

            try
                parse text |> ignore
            with
            | :? ConfigException as e -> must $"no place in: {e.Message}" (e.Message.StartsWith "x.yaml" && e.Message.EndsWith '.')
            | e -> broken $"{e.GetType().Name} for {text.Replace('\n', '¶')}: {e.Message}")

    forTrees "a document written as YAML, in blocks or on one line, reads back as an equal document" (fun (Tree document) ->
        let whole = Document.OfMap [ Entry("v", Source.Code, document) ]
        (parse (whole.ToYaml())).Equals whole && (parse $"v: {document}").Equals whole)

    forTrees "canonical JSON does not depend on the order of keys, and differs for different values" (fun (Tree document) ->
        let json = Canonical.Json document
        json = Canonical.Json(turned document)
        && document.GetHashCode() = (turned document).GetHashCode()
        && Canonical.Json(Document.OfList [ document ]) <> json)

    forTrees "canonical JSON and YAML do not depend on the culture" (fun (Tree document) ->
        inGerman (fun () -> Canonical.Json document) = Canonical.Json document && inGerman document.ToYaml = document.ToYaml())

    law "canonical JSON: keys in ordinal order, no blanks, floats keep their point, −0.0 is 0.0, NaN and infinities are strings" (fun () ->
        let text =
            "{ b: 1, B: 1.0, a-b: [1e-7, 1e21, -0.0, 0.1, 100.0], a: { z: .nan, y: -.inf }, t: \"a\\\"\\n\\x01é\", n: null, f: true }"
        let due =
            """{"B":1.0,"a":{"y":"-Infinity","z":"NaN"},"a-b":[1.0e-7,1.0e+21,0.0,0.1,100.0],"b":1,"f":true,"n":null,"t":"a\"\n\u0001é"}"""
        let found = Canonical.Json(parse text)
        must $"{found}\ninstead of\n{due}" (found = due))

    law "a hash is SHA-256 in hexadecimal, of the bytes of a text or file" (fun () ->
        let due = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        must "of a text" (Canonical.Sha256 "abc" = due)

        inFolder (fun folder ->
            let path = Path.Combine(folder, "abc")
            File.WriteAllText(path, "abc")
            must "of a file" (Canonical.Sha256OfFile path = due)))

    law "numbers read back as they were written, to the last bit" (fun () ->
        let random = Random 2
        let bytes = Array.zeroCreate<byte> 8

        for _ in 1..10_000 do
            random.NextBytes bytes
            let value = BitConverter.ToDouble(bytes, 0)

            if Double.IsFinite value then
                let text = Scalars.Text value
                must $"{value:R} is written {text}" (Object.Equals(Scalars.Resolve text, value) && (text.Contains '.')))

    law "readers of a file that is replaced find the old or the new one, never a part" (fun () ->
        replaces (fun (path, text: string) -> AtomicFile.Write(path, text)))
    |> breaks "written in place" (fun () -> replaces File.WriteAllText)

    law "a write that fails leaves the old file and no other" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "file")
            AtomicFile.Write(path, "old")

            throws<InvalidOperationException, _> [ "half way" ] (fun () ->
                AtomicFile.Write(
                    path,
                    (fun (stream: Stream) ->
                        stream.Write("ne"B)
                        invalidOp "half way")
                ))

            must "the old file must remain" (File.ReadAllText path = "old")
            must "another file is in the folder" (Directory.GetFiles(folder).Length = 1)))

    law "arrays survive NumPy's format: values bit for bit, shape, and 64-byte alignment" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "a.npy")
            let back (values: 'a[]) (shape: int64[]) =
                Npy.Write<'a>(path, ReadOnlyMemory values, shape)
                let struct (read, readShape) = Npy.Read<'a> path
                must $"{typeof<'a>.Name}: shape" (readShape = shape)
                must $"{typeof<'a>.Name}: values" (Array.forall2 (fun (a: 'a) (b: 'a) -> a.Equals b) values read)
                let bytes = File.ReadAllBytes path
                let start = 10 + int (BitConverter.ToUInt16(bytes, 8))
                must "the values must start at a multiple of 64" (start % 64 = 0 && bytes[start - 1] = byte '\n')

            back [| 1.0f; -0.0f; nanf; infinityf; 1e-45f; Single.MaxValue |] [| 2L; 3L |]
            back [| 0.1; -1e300; nan |] [| 3L |]
            back [| Int64.MinValue; 0L |] [| 1L; 2L; 1L |]
            back [| 5.0f |] [||]
            back ([||]: float32[]) [| 0L; 7L |]
            let bytes = File.ReadAllBytes path
            must
                "another header than NumPy's"
                (Encoding.ASCII.GetString(bytes, 10, 60).StartsWith "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }")))

    law "an array that is torn, changed or of another type is rejected with the file's name" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "a.npy")
            Npy.Write<float32>(path, ReadOnlyMemory [| 1.0f; 2.0f |], [| 2L |])
            throws<InvalidDataException, _> [ path; "<f4" ] (fun () -> Npy.Read<float> path)
            let bytes = File.ReadAllBytes path

            for torn in
                [
                    bytes[.. bytes.Length - 2]
                    Array.append bytes [| 0uy |]
                    bytes[..5]
                    bytes[..40]
                    Array.map (fun b -> b ^^^ 0xFFuy) bytes
                ] do
                File.WriteAllBytes(path, torn)
                throws<InvalidDataException, _> [ path ] (fun () -> Npy.Read<float32> path)

            throws<ArgumentException, _> [ "2"; "3" ] (fun () -> Npy.Write<float32>(path, ReadOnlyMemory [| 1.0f; 2.0f |], [| 3L |]))))

    law "recorded lines are read back; a torn last line is ignored, and an earlier torn line is an error" (fun () ->
        inFolder (fun folder ->
            let run = run folder
            let events = [ Event(1L, "energy/gap", -0.1); Event(2L, "energy/gap", nan); Event(3L, "energy/gap", infinity) ]
            run.Append(events :> Event seq)
            must "other events came back" (List.ofSeq (run.Events()) = events)
            let path = run.In "events.jsonl"
            must "a line must be as documented" (File.ReadLines path |> Seq.head = """{"step":1,"what":"energy/gap","value":-0.1}""")
            File.AppendAllText(path, """{"step":4,"wh""")
            must "the torn line was read" (Seq.length (run.Events()) = 3)
            run.Truncate(2L, 2L)
            must "truncation" (List.ofSeq (run.Events()) |> List.map _.Step = [ 1L; 2L ])
            File.AppendAllText(path, "{\"st\n{\"step\":3,\"what\":\"x\",\"value\":1}\n")
            throws<InvalidDataException, _> [ "events.jsonl, line 3" ] (fun () -> Seq.length (run.Events()))))

    law "a folder that is replaced is complete at every moment: a failed replacement leaves the old one" (fun () ->
        inFolder (fun folder ->
            let run = run folder
            let content () = File.ReadAllText(run.In("checkpoint", "state"))
            let fill (text: string) (path: string) = File.WriteAllText(Path.Combine(path, "state"), text)
            run.Replace("checkpoint", fill "one")
            run.Replace("checkpoint", fill "two")
            must "not replaced" (content () = "two")

            throws<InvalidOperationException, _> [] (fun () ->
                run.Replace(
                    "checkpoint",
                    fun path ->
                        fill "three" path
                        invalidOp "no space left"
                ))

            must "no folder remains" (run.Settle "checkpoint")
            must "the old one must remain" (content () = "two")
            // Killed between the two renames: only the previous version exists, under its other name.
            Directory.Move(run.In "checkpoint", run.In "checkpoint.previous")
            must "not recovered" (run.Settle "checkpoint" && content () = "two")))

    law "a run's folder belongs to its config: another config, another hash in the id, or a changed hash are detected" (fun () ->
        inFolder (fun folder ->
            let mine = run folder
            must "the identity must hold" mine.IdentityHolds
            must "not found below" (RunFolder.Under folder |> Seq.map _.Id |> List.ofSeq = [ mine.Id ])
            let config = parse "seed: 1"
            throws<InvalidDataException, _> [ "12 digits" ] (fun () ->
                RunFolder.Create(folder, "x-000000000000", config, Canonical.Json config))
            File.AppendAllText(mine.In "config.json", " ")
            must "the change was not detected" (not mine.IdentityHolds)
            throws<DirectoryNotFoundException, _> [ "no such folder" ] (fun () -> RunFolder.Open(Path.Combine(folder, "nowhere")))))

    law "a manifest reads back as written, including fields of later versions" (fun () ->
        let text =
            """{"state":"diverged","step":12,"reason":"the loss is NaN","runId":"r","groupId":"g","sweepId":"s","configSha256":"c","tomorrow":{"x":[1,2]}}"""
        let manifest = RunManifest.Parse(text, "manifest.json")
        let again = RunManifest.Parse(manifest.ToJson(), "manifest.json")
        must "state, step or reason" (again.State = RunState.Diverged && again.Step = 12L && again.Reason = "the loss is NaN")
        must "the unknown field must be kept" (manifest.ToJson().Contains "tomorrow" && again.ToJson() = manifest.ToJson())
        throws<InvalidDataException, _> [ "manifest.json" ] (fun () -> RunManifest.Parse("{\"state\":1}", "manifest.json")))

    law "metrics and arrays of a run read back, NaN included" (fun () ->
        inFolder (fun folder ->
            let run = run folder
            let grid = NamedArray("landscape", [| "y"; "x" |], [| 2L; 2L |], [| 1.0f; 2.0f; nanf; 4.0f |])
            let measured = [
                Measurement("grid-kl", 0.03, "nats", Direction.Lower, Se = 0.002, N = 262144L, Protocol = "p", Arrays = [| grid |])
                Measurement("long-run/1", nan, "", Direction.None, Importance = Nullable Importance.Diagnostic)
            ]
            run.Write(measured :> Measurement seq)
            let back = run.Measurements()
            must "names" (back |> Seq.map _.Name |> List.ofSeq = [ "grid-kl"; "long-run/1" ])
            must "values" (back[0].Value = 0.03 && back[0].Se = Nullable 0.002 && Double.IsNaN back[1].Value)
            let array = nonNull (run.Array "landscape")
            must
                "the array"
                (array.Axes = grid.Axes
                 && array.Shape = grid.Shape
                 && Array.forall2 (fun (a: float32) b -> a.Equals b) array.Values grid.Values)
            let json = File.ReadAllText(run.In "metrics.json")
            for text in [ "\"value\": \"NaN\""; "\"better\": \"none\""; "\"importance\": \"diagnostic\"" ] do
                must $"{text} is not in the JSON" (json.Contains text)
            throws<ArgumentException, _> [ "../x" ] (fun () ->
                run.Write([ NamedArray("../x", [||], [||], [| 0.0f |]) ] :> NamedArray seq))))

    forAll "a word with one typing error is recognised, and a very different word is not" (fun (NonNegativeInt seed) ->
        let known = [ "recovery-likelihood"; "joint-cd"; "denoising-ebm"; "generalized-ebm" ]
        let random = Random seed
        let word = known[random.Next known.Length]
        let i = random.Next(word.Length - 1)

        let slip =
            match random.Next 4 with
            | 0 -> word.Remove(i, 1)
            | 1 -> word.Insert(i, "x")
            | 2 -> $"{word[.. i - 1]}{word[i + 1]}{word[i]}{word[i + 2 ..]}"
            | _ -> $"{word[.. i - 1]}q{word[i + 1 ..]}"

        Spelling.Nearest(slip, known) = word && isNull (Spelling.Nearest("zzzzzzzz", known)))
]
