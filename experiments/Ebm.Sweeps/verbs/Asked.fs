/// What a command refers to: its sweep, the sweep's folder and plan.
module Ebm.Sweeps.Asked

open System
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Show

type internal Place = {
    Folder: string
    Root: string
    Sweep: Declare.Sweep
    Given: Given
    Runs: string
    Reports: string
    /// Shared by all plans of one command.
    Composer: Composer
    Catalog: Lazy<Catalog>
    /// Whether `run` ends with the table and the report of the sweep; a command with a report of its own does without.
    Tabulates: bool
}

let internal dataRoot (place: Place) =
    Options.place "--data" (place.Given.Options.TryGetResult <@ Data @>) "EBM_DATA" (Path.Combine(place.Root, "data"))

/// The path of a program: beside this library in a lab's repository, where packages put it; in a clone, in the outputs of its own project.
let internal programNamed (project: string) (name: string) =
    let here = Path.GetDirectoryName(typeof<Declare.Sweep>.Assembly.Location) |> string
    let beside = Path.Combine(here, name)

    // An output folder may have only the native half of a program that is built with the project.
    if File.Exists beside && File.Exists(beside + ".dll") then
        beside
    else
        Path.GetFullPath(Path.Combine(here, "..", "..", project, Path.GetFileName here |> string, name))

let internal runner () = programNamed "Ebm.Runner" "ebm-runner"

let internal labs (given: Given) = given.Options.GetResults <@ With @> |> List.map Path.GetFullPath

let internal stale (place: Place) =
    let reuse =
        match place.Given.Options.TryGetResult <@ Reuse @> with
        | None
        | Some "exact" -> Reuse.Exact
        | Some "config+data" -> Reuse.Data
        | Some "config" -> Reuse.Config
        | Some other ->
            let known = [ "config"; "config+data"; "exact" ]
            usage $"--reuse {other}" $"unknown value {other}. Known values: {listed known}{Spelling.DidYouMean(other, known)}."

    let inputs = Inputs(string (Path.GetDirectoryName(runner ())), labs place.Given, dataRoot place)
    fun manifest -> Option.ofObj (inputs.Changed(manifest, reuse))

/// The declared parts with words of the command line. An axis over a group yields to a word whose option chooses for that group: an experiment about one method
/// is not crossed with the methods of the script.
let private under (place: Place) (words: Override list) : Override list list =
    let configs = place.Composer.Configs
    let chosen = words |> List.collect (choosesFor configs)

    let isAxis (own: Override) =
        match own.Setting with
        | Some(Values.Setting.Sweep _) -> true
        | _ -> false

    place.Sweep.Parts
    |> List.map (List.filter (fun own -> not (isAxis own && List.contains own.Key chosen)))
    |> Restrict.under configs words

/// The declared sweep with the overrides of the command line. Each side of --or is a separate part.
let internal asked (place: Place) : Declare.Sweep = {
    place.Sweep with
        Parts = [
            for words in place.Given.Unions do
                yield! under place (words |> List.map parse)
        ]
}

/// The rule of --prune, else the sweep's.
let internal pruning (place: Place) = place.Given.Options.TryGetResult <@ CommandLine.Option.Prune @> |> Option.orElse place.Sweep.Prune

let internal planNamed (place: Place) (name: string option) (sweep: Declare.Sweep) =
    // It names a folder of runs and of reports.
    name |> Option.iter (fun name -> (Secrets.At place.Root).RefuseIn("name", Document.Of(name, Source.CommandLine "--name")))

    let plan =
        Plan.plan
            {
                Composer = place.Composer
                Catalog = place.Catalog.Value
                Runs = place.Runs
                Name = name
                Stale = stale place
                Heard =
                    fun folder ->
                        let told = Launcher.told folder
                        fun run -> Launcher.heard (told.TryFind run)
                Asked = Search.asked
            }
            sweep

    // Whatever names a metric is refused before anything is started.
    Decides.checkDeclared place.Catalog.Value sweep plan
    place.Given.Options.TryGetResult <@ Metric @>
    |> Option.iter (fun name -> Decides.check (Source.CommandLine $"--metric {name}") name _.Quantities() plan)
    pruning place |> Option.iter (fun text -> Prune.check text plan |> ignore)
    plan

let internal planOf (place: Place) sweep = planNamed place (place.Given.Options.TryGetResult <@ Name @>) sweep

let internal planned (place: Place) = planOf place (asked place)

/// The folders of the sweeps that words, --name or overrides select; without any of them, all folders.
let internal sweepFolders (place: Place) =
    let asked = place.Given.Options.TryGetResult <@ Name @>

    let folders =
        match place.Given.Words, asked, place.Given.Unions with
        | [], None, [ [] ] -> List.ofSeq (SweepFolder.Under place.Runs)
        | [], Some name, [ [] ] -> [ (SweepFolder.Name(name, Source.CommandLine $"--name {name}")).In place.Runs ]
        | [], _, _ -> [ (planned place).Folder ]
        | words, _, _ -> words |> List.map (fun name -> (SweepFolder.Name(name, Source.CommandLine name)).In place.Runs)

    for folder in folders do
        if not (Directory.Exists folder) then
            let there = SweepFolder.Under place.Runs |> Seq.map (Path.GetFileName >> string) |> List.ofSeq

            let name = string (Path.GetFileName folder)
            let known = if there.IsEmpty then "There is no sweep" else $"Known sweeps: {listed there}"
            usage name $"{relative place.Runs} has no sweep of this name. {known}{Spelling.DidYouMean(name, there)}."

    folders
