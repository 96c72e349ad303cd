/// The entry point of every sweep script: reads the command line and calls its verb.
module Ebm.Sweeps.Cli

open System
open System.IO
open System.Text
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Show

open Ebm.Sweeps.Asked
open Ebm.Sweeps.Tabulate
open Ebm.Sweeps.Perform
open Ebm.Sweeps.Attach

let private help (sweep: Declare.Sweep) =
    let lines = StringBuilder()
    let say (line: string) = lines.AppendLine line |> ignore
    say "dotnet fsi experiments/sweep.fsx [verb] [overrides…] [--options]"
    say ""

    for verb, says in verbs do
        say $"  {verb, -8} {says}"

    say ""
    say "Overrides (one argument each; commas and functions make axes):"
    say "  experiment=mnist  method.steps=20,40  seed=seeds(5)  train.lr=logrange(1e-4,1e-2,3)"
    say "  +key=value adds, ++key=value adds or changes, ~key deletes; name=zip(a.b=[1,2], c=[3,4]) varies keys together;"
    say "  name=sobol(16, train.lr=log(1e-5,1e-2), method.steps=int(interval(5,40))) draws points evenly, tpe(40, …) searches;"
    say "  --or between two lists of overrides makes their union."
    say ""
    say "Options:"

    for case in parser.GetArgumentCases() do
        say $"  {case.CommandLineNames.Value.Head, -12} {case.Description.Value}"

    say ""
    say "Launchers, with their own options:"

    for launcher in Launcher.all () do
        say $"  {launcher.Name, -12} {launcher.Says}"

        for case in launcher.Options |> List.collect _.GetArgumentCases() do
            say $"    {case.CommandLineNames.Value.Head, -18} {case.Description.Value}"

    say ""
    let declared = sweep.Parts |> List.map (List.map _.Text >> String.concat " ")
    say $"""This script's own sweep: {String.Join(" --or ", declared)}"""
    say "Exit codes: 0 every run completed or pruned, 1 a run failed or diverged, 2 an error of usage or config, 130 or 143 stopped."
    Console.Write lines

let private perform (folder: string) (root: string) (sweep: Declare.Sweep) (arguments: string list) =
    Command.Run(fun () ->
        let given = read arguments

        for case in given.Options.GetAllResults() |> List.map parser.GetArgumentCaseInfo do
            for name in case.CommandLineNames.Value do
                if not (List.contains name (allowed given.Verb)) then
                    let takers = verbs |> List.map fst |> List.filter (fun verb -> List.contains name (allowed verb))
                    usage name $"{given.Verb} has no option {name}; {listed takers} have it."

        if not given.Words.IsEmpty && List.contains given.Verb [ "run"; "plan"; "help"; "confirm"; "measure"; "reindex" ] then
            usage given.Words.Head $"{given.Words.Head} is not a valid override; an override is key=value."

        let path option (given: string option) name = given |> Option.defaultValue (Path.Combine(root, name)) |> Options.folder option

        let place = {
            Folder = folder
            Root = root
            Sweep = given.Options.TryGetResult <@ CommandLine.Option.Sweep @> |> Option.map SweepFile.ofFile |> Option.defaultValue sweep
            Given = given
            Composer = Composer(Configs(Path.Combine(folder, "configs")), "sweep")
            Catalog = lazy (Catalog.Load(given.Options.GetResults <@ With @>))
            Runs = path "--runs" (given.Options.TryGetResult <@ Runs @>) "runs"
            Reports = path "--reports" (given.Options.TryGetResult <@ Reports @>) "reports"
        }

        match given.Verb with
        | "plan" ->
            let whole = planned place
            let plan = whole |> selected given
            checkSearch place whole
            checkRuns place plan (unfinished plan)
            if given.Options.Contains <@ CommandLine.Option.Json @> then
                Console.WriteLine(Plan.json plan)
            else
                Show.plan plan
                Retire.say (Retire.retiredIn plan)
            0
        | "status" ->
            match sweepFolders place with
            | [] -> Console.WriteLine $"{relative place.Runs} has no sweep yet."
            | folders -> folders |> List.collect Status.lines |> List.iter Console.WriteLine

            0
        | "table"
        | "report" -> printTables place
        | "why" ->
            match given.Words with
            | [] when given.Options.Contains <@ CommandLine.Option.Json @> -> Console.Write(Show.whyJson (planned place))
            | word :: words when Directory.Exists place.Runs && not (runsNamed place.Runs word).IsEmpty ->
                Show.whyOfRun (findRun place.Runs word) words
            | words -> Show.whyOfPlan (planned place) words

            0
        | "diff" ->
            Show.diff place.Runs given.Words
            0
        | "logs" ->
            Show.logs place.Runs given.Words (given.Options.Contains <@ Follow @>)
            0
        | "list" ->
            Show.list place.Composer.Configs (fun () -> place.Catalog.Value) given.Words
            0
        | "confirm" -> confirm place
        | "power" -> Power.power place
        | "import" -> Import.import place
        | "retire" -> Retire.retire place
        | "attach" -> attach place
        | "stop" -> stop place
        | "reindex" ->
            let path, count = Index.rebuild place.Runs
            Console.WriteLine $"{relative path} has {count} runs."
            0
        | "help" ->
            help sweep
            0
        | "measure" -> measure place
        | "audit" -> usage "audit" "the word audit must come first: audit verify --runs DIR."
        | _ -> run place)

/// Executes a command line for a declared sweep. `folder` is the script's folder, which contains `configs`. Returns the exit code.
let main (folder: string) (sweep: Declare.Sweep) (arguments: string seq) : int =
    let root = string (Path.GetDirectoryName(Path.GetFullPath folder))

    match List.ofSeq arguments with
    // Audits have the words and options of analysis/audit.fsx.
    | "audit" :: words -> Audit.main root words
    | words when List.contains "--help" words -> perform folder root sweep [ "help" ]
    | words -> perform folder root sweep words
