/// The scripts of the experiments on images compose: every setting has the same seeds, runs of one method and data set have one budget, and
/// `minutes=` sets it.
module Ebm.Tests.Laws.ImageSweepLaws

open System.Diagnostics
open System.Text.Json
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Processes

/// Subject: the kinds of data and method. Others: the kinds of the other pictures whose energies are compared. Trivial: whether scores without a model are, too.
type Planned = { Group: string; Seed: int; Subject: string; Budget: int64; Others: string list; Trivial: bool }

/// The exit code of a script, and its output followed by its errors.
let private told (script: string) (words: string list) =
    let start =
        ProcessStartInfo(
            "dotnet",
            [ "fsi"; Folder.under $"experiments/{script}.fsx" ] @ words,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    finished (nonNull (Process.Start start))

let private planned (script: string) (words: string list) =
    Folder.inFolder (fun folder ->
        let code, says = told script ([ "plan"; "--json"; "--runs"; folder ] @ words)
        must $"{script} ends with exit code {code}: {says}" (code = 0)
        use plan = JsonDocument.Parse(says.Substring(says.IndexOf '{', says.LastIndexOf '}' + 1 - says.IndexOf '{'))

        [
            for run in plan.RootElement.GetProperty("runs").EnumerateArray() do
                let config = run.GetProperty "config"
                let kind (part: string) = string (config.GetProperty(part).GetProperty("kind").GetString())
                let group = string (run.GetProperty("group").GetString())
                let mutable metric = Unchecked.defaultof<JsonElement>
                let others, trivial =
                    if config.GetProperty("measure").GetProperty("metrics").TryGetProperty("out-of-distribution", &metric) then
                        [ for set in metric.GetProperty("sets").EnumerateObject() -> string (set.Value.GetProperty("kind").GetString()) ],
                        metric.GetProperty("trivial").GetBoolean()
                    else
                        [], false

                {
                    Group = group
                    Seed = config.GetProperty("seed").GetInt32()
                    Subject = $"""{kind "data"} {kind "method"}"""
                    Budget = config.GetProperty("train").GetProperty("budget").GetInt64()
                    Others = others
                    Trivial = trivial
                }
        ])

/// Rows of a table are compared seed by seed, so that all need the same seeds.
let private arePaired (runs: Planned list) =
    let seeds = runs |> List.groupBy _.Group |> List.map (fun (_, runs) -> runs |> List.map _.Seed |> List.sort)
    must $"seeds of the rows: %A{List.distinct seeds}" ((List.distinct seeds).Length = 1 && seeds.Length > 1 && seeds.Head.Length >= 3)

/// Settings of one method are compared at one cost.
let private costTheSame (runs: Planned list) =
    for subject, runs in runs |> List.groupBy _.Subject do
        let budgets = runs |> List.map _.Budget |> List.distinct
        must $"budgets of {subject}: %A{budgets}" (budgets.Length = 1)

let private ood = lazy (planned "ood" [])

/// Each data set of ood.fsx: the sets whose pictures are the others, and the methods.
let private areOthers (others: string -> string list) =
    let methods = [ "contrastive-divergence"; "denoising-ebm"; "denoising-score"; "joint-cd"; "recovery-likelihood" ]
    let found = ood.Value
    arePaired found
    for data, own in found |> List.groupBy (fun run -> run.Subject.Split(' ')[0]) do
        must
            $"{data}: {own.Length} runs"
            (own |> List.map _.Subject |> List.distinct |> List.sort = [ for name in methods -> $"{data} {name}" ])
        must $"{data}: other pictures %A{own.Head.Others}" (own |> List.forall (fun run -> run.Others = others data))
        must $"{data}: no trivial scores to subtract" (own |> List.forall _.Trivial)

/// The plan at the script's own quarter of an hour.
let private noiseLevels = lazy (planned "noise-levels" [])

let private sample = [
    for group in [ "a"; "b" ] do
        for seed in 0..2 -> { Group = group; Seed = seed; Subject = "mnist joint-cd"; Budget = 1000L; Others = []; Trivial = false }
]

let all = [
    law "noise-levels.fsx and long-run.fsx pair their seeds, and have one budget for a method and data set" (fun () ->
        for runs in [ noiseLevels.Value; planned "long-run" [] ] do
            arePaired runs
            costTheSame runs)
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"

    law "images.fsx pairs its seeds, and has one budget for a method and data set" (fun () ->
        let runs = planned "images" []
        arePaired runs
        costTheSame runs)
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"
    |> Folder.needsData "fashion-mnist/train-images-idx3-ubyte.gz"

    law "two-stage.fsx pairs its seeds, and minutes= sets the budget" (fun () ->
        let runs = planned "two-stage" [ "minutes=5" ]
        arePaired runs
        costTheSame runs
        must $"{runs.Head.Budget} units in five minutes" (noiseLevels.Value.Head.Budget = 3L * runs.Head.Budget))
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"

    law "ood.fsx compares digits with clothes, clothes with digits, and has five methods on three data sets" (fun () ->
        areOthers (fun data ->
            if data = "mnist" then [ "fashion-mnist" ]
            elif data = "fashion-mnist" then [ "mnist" ]
            else []))
    |> breaks "CIFAR-10 as JPEG with digits" (fun () -> areOthers (fun data -> if data = "mnist" then [ "fashion-mnist" ] else [ "mnist" ]))
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"
    |> Folder.needsData "fashion-mnist/train-images-idx3-ubyte.gz"
    |> Folder.needsData "cifar10-jpeg/cifar10-jpeg.tar.xz"

    law "a method on the command line of images.fsx chooses its runs, with their budget" (fun () ->
        let runs = planned "images" [ "method=joint-cd,recovery-likelihood"; "data=mnist"; "seed=0" ]
        let subjects = runs |> List.map _.Subject
        must $"%A{subjects}" (List.sort subjects = [ "mnist joint-cd"; "mnist recovery-likelihood" ]))
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"

    law "minutes that are not a positive number end with exit code 2 and an example" (fun () ->
        let code, says = told "two-stage" [ "plan"; "minutes=half" ]
        must $"{code}: {says}" (code = 2 && says.Contains "minutes=half" && says.Contains "minutes=30"))

    law "rows with equal seeds and budgets pass" (fun () ->
        arePaired sample
        costTheSame sample)
    |> breaks "a row that lacks a seed" (fun () -> arePaired sample.Tail)
    |> breaks "a row of another cost" (fun () -> costTheSame ({ sample.Head with Budget = 2000L } :: sample.Tail))
]
