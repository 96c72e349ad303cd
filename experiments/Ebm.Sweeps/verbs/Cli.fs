/// The entry point of every sweep script: reads the command line and calls its verb.
module Ebm.Sweeps.Cli

open System
open System.IO
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

let private perform (folder: string) (root: string) (sweep: Declare.Sweep) (arguments: string list) =
    Command.Run(fun () ->
        let configs = Configs(Path.Combine(folder, "configs"))
        let given = read configs arguments

        for case in given.Options.GetAllResults() |> List.map parser.GetArgumentCaseInfo do
            for name in case.CommandLineNames.Value do
                if not (List.contains name (allowed given.Verb)) then
                    let takers = verbs |> List.map fst |> List.filter (fun verb -> List.contains name (allowed verb))
                    let have = if takers.Length = 1 then "has" else "have"

                    let further =
                        match given.Verb, name with
                        | ("table" | "report"), "--metric" ->
                            " --all prints every metric, and a specification for analysis/table.fsx chooses columns (docs/tables.md)."
                        | _ -> ""

                    usage name $"{given.Verb} has no option {name}; {listed takers} {have} it.{further}"

        let place = {
            Folder = folder
            Root = root
            Sweep = given.Options.TryGetResult <@ CommandLine.Option.Sweep @> |> Option.map SweepFile.ofFile |> Option.defaultValue sweep
            Given = given
            Composer = Composer(configs, "sweep")
            Catalog = lazy (Catalog.Load(given.Options.GetResults <@ With @>))
            Runs = Options.place "--runs" (given.Options.TryGetResult <@ Runs @>) "EBM_RUNS" (Path.Combine(root, "runs"))
            Reports = Options.place "--reports" (given.Options.TryGetResult <@ Reports @>) "EBM_REPORTS" (Path.Combine(root, "reports"))
            Tabulates = true
        }

        match given.Verb with
        | "plan" ->
            let whole = planned place
            let plan = whole |> selected given
            checkSearch place whole
            checkRuns place plan (unfinished plan)
            Terms.settings place plan |> ignore
            given.Options.TryGetResult <@ Redo @> |> Option.iter (redone >> ignore)

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
        | "tensorboard" -> TensorBoard.export place
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
            Listing.list configs (fun () -> place.Catalog.Value) (given.Words @ List.concat given.Unions)
            0
        | "confirm" -> confirm place
        | "power" -> Power.power place
        | "import" -> Import.import place
        | "retire" -> Retire.retire place
        | "watch" -> Watch.watch place
        | "attach" -> attach place
        | "stop" -> stop place
        | "reindex" ->
            let path, count = Index.rebuild place.Runs
            Console.WriteLine $"""{relative path} has {Ebm.Analysis.Text.counted count "run"}."""
            0
        | "measure" -> measure place
        | "audit" -> usage "audit" "the word audit must come first: audit verify --runs DIR."
        | _ -> run place)

/// Executes a command line for a declared sweep. `folder` is the script's folder, which contains `configs`. Returns the exit code.
let main (folder: string) (sweep: Declare.Sweep) (arguments: string seq) : int =
    let root = string (Path.GetDirectoryName(Path.GetFullPath folder))

    let arguments = List.ofSeq arguments

    match Help.asked arguments, arguments |> List.filter ((<>) "--") with
    | _, [ "--version" | "-v" | "version" ] ->
        let version = nonNull (typeof<Place>.Assembly.GetName().Version)
        Console.WriteLine $"Ebm.Research {version.ToString 3}"
        0
    | Some words, _ -> Command.Run(fun () -> Help.print root sweep words)
    // Audits have the words and options of analysis/audit.fsx.
    | None, "audit" :: words -> Audit.main root words
    | None, words -> perform folder root sweep words
