/// Random texts in configs, sweep files and command lines are either rejected with a sentence or planned. No other error occurs, and no value
/// changes its type on the way to a run.
module Ebm.Tests.Laws.FuzzLaws

open System
open System.IO
open FsCheck
open FsCheck.FSharp
open System.Runtime.InteropServices
open TorchSharp
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private pieces =
    [ for c in "[]{},:=\"'\\#&*!|>%@`~+ \n\t-.0123456789eabks???é\u0000" -> string c ]
    @ [
        "\n  "
        ": "
        "- "
        "null"
        "true"
        "1e-3"
        ".inf"
        "nan"
        "${seed}"
        "${"
        "<<: "
        "---\n"
        "&a "
        "*a"
        "!!int "
        "kind"
        "010"
        "1_000"
        "yes"
    ]

/// A text with up to four mutations: deletions, changes, insertions, or moves to another line.
let private mutatedOf (texts: string list) : Gen<string> = gen {
    let! text = Gen.elements texts
    let! changes = Gen.choose (1, 4)
    let letters = Text.StringBuilder(text: string)

    for _ in 1..changes do
        let! at = Gen.choose (0, max 0 (letters.Length - 1))
        let! piece = Gen.elements pieces
        let! length = Gen.choose (1, 6)

        match! Gen.choose (0, 4) with
        | 0 -> letters.Remove(at, min length (letters.Length - at)) |> ignore
        | 1 -> letters.Insert(at, piece) |> ignore
        | 2 when letters.Length > at -> letters.Remove(at, 1).Insert(at, piece) |> ignore
        | 3 -> letters.Insert(at, letters.ToString(at, min length (letters.Length - at))) |> ignore
        | _ ->
            let line = letters.ToString().Split '\n'
            let! other = Gen.choose (0, line.Length - 1)
            letters.Clear().Append(String.Join('\n', Array.append [| line[other] |] line)) |> ignore

    return string letters
}

/// Checks a number of random texts, the same ones each time.
let private each count (texts: Gen<string>) (ask: string -> unit) =
    Prop.forAll (Arb.fromGen texts) (fun text ->
        ask text
        true)
    |> fromSeed (Seed.Of(11UL, 3UL)) _.WithMaxTest(count)

/// None if the text is rejected with a sentence.
let private answered (text: string) (ask: unit -> 'a) : 'a option =
    try
        Some(ask ())
    with
    | :? ConfigException as error ->
        must $"no sentence for {text}: {error.Message}" (error.Message.EndsWith '.')
        None
    | error -> broken $"{error.GetType().Name} for {text}: {error.Message}"

/// A run has the values that were written: no text becomes a number, and no number another one. A whole number may be given for a float, 1e3
/// for a whole number, and null for the record's default.
let private sameTypes (text: string) (run: Plan.PlannedRun) =
    let number (document: Document) =
        match document.Value with
        | :? int64 as whole -> Some(float whole)
        | :? float as number -> Some number
        | _ -> None

    for struct (path, written) in run.Composed.Leaves() do
        match run.Config.Find path with
        | null -> ()
        | found ->
            let same = written.IsNull || found.Equals written || (number found).IsSome && number found = number written
            must $"{path} is {found}, but {written} was written: {text}" same

let private copied (folder: string) =
    for file in Directory.GetFiles(under "experiments/configs", "*", SearchOption.AllDirectories) do
        let copy = Path.Combine(folder, Path.GetRelativePath(under "experiments/configs", file))
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName copy)) |> ignore
        File.Copy(file, copy)

let private plan (configs: string) (words: string list) =
    let setup = { Sweeping.setup "/nowhere" with Composer = Composer(Configs configs, "sweep") }
    Plan.plan setup (Sweeping.typed words)

/// The plan of a run that reads a mutated file of the configs.
let private asked folder (file: string, words) (check: string -> Plan.PlannedRun -> unit) count =
    let path = Path.Combine(folder, file)
    let text = File.ReadAllText path
    let mutable planned = 0

    each count (mutatedOf [ text ]) (fun mutated ->
        File.WriteAllText(path, mutated)

        match answered mutated (fun () -> plan folder words) with
        | None -> ()
        | Some plan ->
            planned <- planned + 1
            plan.Runs |> List.iter (check mutated))

    File.WriteAllText(path, text)
    planned

let private yaml =
    """sweep: laws
given: [ experiment=rings ]
axes: { method.steps: [ 2, 4, 8 ] }
zip: [ { train.lr: [ 1e-3, 1e-2 ], train.clip: [ 1.0, 5.0 ] } ]
whenever: [ { if: method.steps == 8, axes: { method.rounds: [ 1, 2 ] } } ]
where: method.steps >= 4 || train.lr == 0.001
seeds: 2
metric: { grid-kl: lower }
"""

let private overrides = [
    "method.steps=2,4"
    "train.lr=1e-3"
    "train.parts={energy: {lr: 0.1}}"
    "a=zip(method.steps=[1,2],train.lr=[1e-3,0.1])"
    "s=sobol(4,train.lr=log(1e-3,1),method.steps=int(interval(1,4)))"
    "method=choice(joint-cd,flow)"
    "+method.energy.width=int(64.0)"
    "train.average=0.999"
    "seed=range(0,4)"
    "~train.clip"
]

// ── records ──────────────────────────────────────────────────────────────────────────────

/// A network that does not check its width.
[<Kind("law-unchecked")>]
type UncheckedSpec([<Optional; DefaultParameterValue(4)>] width: int) =
    member _.Width = width

    interface INetSpec with
        member _.Build(_, from, _) = torch.nn.Linear(Shapes.Size from, int64 width)

/// A network that ends the process if it is large, as the system does without memory.
[<Kind("law-ending")>]
type EndingSpec([<Optional; DefaultParameterValue(4)>] width: int) =
    member _.Width = width

    interface INetSpec with
        member _.Build(_, from, _) =
            if width > 1000 then Processes.kill (Environment.ProcessId, 9) |> ignore

            torch.nn.Linear(Shapes.Size from, int64 (max 1 width))

/// Builds every kind, or the named kinds, with hostile settings, in a separate process.
let private fuzzed (kinds: string list) =
    let code, said = Processes.againWithin 3 ("fuzz" :: kinds) |> Processes.finished
    let lines = said.Split '\n' |> List.ofArray
    let wrong = lines |> List.filter _.StartsWith("wrong: ")
    must (String.concat "\n" (List.truncate 10 wrong)) wrong.IsEmpty
    let last = lines |> List.tryFindBack _.StartsWith("case: ") |> Option.defaultValue said
    must $"the process ended with code {code} at {last}" (code = 0)

    lines |> List.filter (fun line -> line.Contains " built, ") |> List.map (fun line -> (line.Split ':')[0])

let private everyKind () =
    let asked = fuzzed []

    for role in
        [
            typeof<ISpec<IDataset>>
            typeof<INetSpec>
            typeof<ILevelEnergySpec>
            typeof<IAutoencoderSpec>
            typeof<IGeneratorSpec<GeneratorNet>>
            typeof<ISpec<Method>>
            typeof<ISpec<IMetric>>
        ] do
        for kind in (Catalog.Load []).Kinds role do
            must $"{kind} was not tried" (kind.StartsWith "law-" || List.contains kind asked)

let all = [
    law
        "every kind in a config is built and used, or rejected with a sentence, for all settings and rows: no other exception is thrown, and the process continues"
        everyKind
    |> breaks "a record that checks no width" (fun () -> fuzzed [ "law-unchecked" ] |> ignore)
    |> breaks "a record that ends the process" (fun () -> fuzzed [ "law-ending" ] |> ignore)

    law "very long conditions are rejected with a sentence" (fun () ->
        for text in [ String('(', 100_000); String('!', 100_000); String.replicate 100_000 "a == 1 && " + "a == 1" ] do
            throws<ConfigException, _> [ "more than 1000 conditions" ] (fun () -> Where.parse "--where" text))

    law "a thousand mutated configs are rejected with a sentence or planned, and no value changes its type" (fun () ->
        inFolder (fun folder ->
            copied folder

            let planned =
                [
                    "sweep.yaml", [ "experiment=rings" ]
                    "experiment/rings.yaml", [ "experiment=rings" ]
                    "method/joint-cd.yaml", [ "experiment=rings"; "method=joint-cd" ]
                    "method/generalized-ebm.yaml", [ "experiment=rings"; "method=generalized-ebm" ]
                    "train/short.yaml", [ "experiment=rings" ]
                ]
                |> List.sumBy (fun file -> asked folder file sameTypes 200)

            // If all were rejected, types would not be tested.
            must $"only {planned} were planned" (planned > 50)))
    |> breaks "numbers that are read as texts" (fun () ->
        inFolder (fun folder ->
            copied folder
            let texts (run: Plan.PlannedRun) = {
                run with
                    Setting = { run.Setting with Composed = Document.Parse("train: { lr: \"0.001\" }", "x") }
            }
            asked folder ("train/short.yaml", [ "experiment=rings" ]) (fun text run -> sameTypes text (texts run)) 100 |> ignore))

    law "five hundred mutated sweeps in YAML are rejected with a sentence, or are sweeps" (fun () ->
        each 500 (mutatedOf [ yaml ]) (fun text -> answered text (fun () -> SweepFile.parse text "sweep.yaml") |> ignore))

    law "five hundred mutated overrides are rejected with a sentence or planned, and no value changes its type" (fun () ->
        each 500 (mutatedOf overrides) (fun text ->
            match answered text (fun () -> Overrides.parse text) with
            | None -> ()
            | Some _ ->
                match
                    answered text (fun () ->
                        Plan.plan (Sweeping.setup "/nowhere") (Sweeping.typed [ "experiment=rings"; "method=joint-cd"; text ]))
                with
                | None -> ()
                | Some plan -> plan.Runs |> List.iter (sameTypes text)))
]
