/// The items of two checklists that concern experiments, answered as far as the records can: the NeurIPS paper checklist (the template of
/// 2025, neurips.cc/public/guides/PaperChecklist) and Pineau's Machine Learning Reproducibility Checklist (version 2.0 of 7 April 2020,
/// cs.mcgill.ca/~jpineau/ReproducibilityChecklist.pdf). An item that only the authors can answer is marked.
module Ebm.Audits.Checklists

open System
open System.Globalization
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Evidence
open Ebm.Audits.Comparison

type Answer =
    /// The records answer it. A paper that contains this text may answer yes.
    | FromRecords
    /// The records answer it in part, and the lack is named.
    | Partly
    /// Only the authors can answer it.
    | Authors

type Item = {
    List: string
    Number: string
    Title: string
    Question: string
    Answer: Answer
    /// A text to paste.
    Says: string
    /// What the authors must add; empty if nothing is missing.
    Needs: string
    /// Files of the report, runs or commands that show it.
    Evidence: string list
}

let nameOf answer =
    match answer with
    | FromRecords -> "from the records"
    | Partly -> "partly"
    | Authors -> "needs your answer"

let neurips = "NeurIPS paper checklist, 2025"
let pineau = "Machine Learning Reproducibility Checklist, version 2.0 (7 April 2020)"

let sources = [
    neurips, "neurips.cc/public/guides/PaperChecklist and the style files of 2025; items 4 to 8, which concern experiments"
    pineau, "J. Pineau, cs.mcgill.ca/~jpineau/ReproducibilityChecklist.pdf; data sets, code and experimental results"
]

let private invariant = CultureInfo.InvariantCulture
let private list (parts: string seq) = String.Join(", ", parts)

let private some (value: 'a | null) (say: 'a -> string) = value |> Option.ofObj |> Option.map say

let private duration (seconds: float) =
    if seconds < 120.0 then seconds.ToString("0", invariant) + " s"
    elif seconds < 5400.0 then (seconds / 60.0).ToString("0", invariant) + " min"
    else (seconds / 3600.0).ToString("0.0", invariant) + " h"

let private between (say: float -> string) (values: float list) =
    match values with
    | [] -> "not recorded"
    | values ->
        let low, high = say (List.min values), say (List.max values)
        if low = high then low else $"{low} to {high}"

/// Each distinct text once, the most frequent first.
let private distinct (values: string option list) =
    values |> List.choose id |> List.filter ((<>) "") |> List.countBy id |> List.sortBy (fun (value, n) -> -n, value) |> List.map fst

let private orUnknown (texts: string list) =
    match texts with
    | [] -> "not recorded"
    | texts when texts.Length > 4 -> list (List.truncate 4 texts) + $" and {texts.Length - 4} more"
    | texts -> list texts

/// The lowest and highest value of a numerical setting, or the values of another one.
let private bounds (evidence: Evidence) (key: string) =
    let found = evidence.Table.Rows |> List.collect _.Runs |> List.map (fun run -> Table.setting run key) |> List.distinct
    let numbers =
        found
        |> List.map (fun text ->
            match Double.TryParse(text, NumberStyles.Float, invariant) with
            | true, value -> Some value
            | _ -> None)

    if found.Length > 1 && numbers |> List.forall Option.isSome then
        let numbers = numbers |> List.map Option.get
        $"{key} from {Shown.plain (List.min numbers)} to {Shown.plain (List.max numbers)} ({found.Length} values)"
    else
        let values = found |> List.map (fun text -> if text = "" then "none" else text) |> List.sortWith Varying.inOrder
        let shown = list (List.truncate 8 values) + (if values.Length > 8 then $" and {values.Length - 8} more" else "")
        $"{key}: {shown}"

let items (evidence: Evidence) (axes: Grades.Axis list) : Item list =
    let table = evidence.Table
    let manifests = evidence.Runs |> List.map _.Manifest
    let runs = table.Rows |> List.collect _.Runs
    let completed = evidence.Runs |> List.filter (fun made -> made.Run.State = RunState.Completed)
    let gradeOf name = axes |> List.find (fun axis -> axis.Name = name) |> _.Grade
    let atLeastB names = names |> List.forall (fun name -> gradeOf name = Some Rules.A || gradeOf name = Some Rules.B)

    let answered names = if atLeastB names then FromRecords else Partly
    let of' (choose: RunManifest -> string option) = distinct (List.map choose manifests)
    let short (hash: string) = if hash.Length > 12 then hash.Substring(0, 12) else hash
    let commits = of' (Evidence.sources >> Option.map short)
    let remotes = of' (fun manifest -> some manifest.Git (fun git -> git.Remote |> Option.ofObj |> Option.defaultValue ""))
    let commands = evidence.Plans |> List.map Grades.commandOf |> List.distinct
    let data = of' (fun manifest -> Some(list [ for set in manifest.Data -> $"{set.Name} ({short set.Digest})" ]))

    let files =
        manifests
        |> List.collect (fun manifest -> [
            for set in manifest.Data do
                match set.Files with
                | null -> ()
                | files -> yield! files |> Seq.map _.Path
        ])
        |> List.distinct
        |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

    let inputs = if files.IsEmpty then "data are computed from the seed alone" else $"data files are {orUnknown files}"
    let machines = evidence.Runs |> List.map (Rules.machineOf >> Some) |> distinct

    let memory = manifests |> List.choose (fun manifest -> manifest.Peak |> Option.ofObj |> Option.map (fun peak -> float peak.Rss / 1e9))

    let hosts =
        of' (fun manifest ->
            some manifest.Hardware (fun machine ->
                let memory = (float machine.Memory / 1e9).ToString("0", invariant)
                $"{machine.Cores} cores, {memory} GB"))

    let walls = completed |> List.choose _.Run.Seconds
    let total = runs |> List.choose _.Seconds |> List.sum
    let counts = table.Counts

    let trainings =
        $"""{Text.counted counts.Planned "run"} planned, {counts.Used} used, {counts.Diverged} diverged, {counts.Failed} failed"""
        + (if counts.Pruned > 0 then $", {counts.Pruned} pruned" else "")
        + (if counts.Missing + counts.Unfinished > 0 then $", {counts.Missing + counts.Unfinished} not ended" else "")

    let attempts = manifests |> List.sumBy (fun manifest -> manifest.Attempt - 1)
    let seeds = runs |> List.map _.Seed |> List.distinct |> List.length
    let notes = Notes.all table |> List.truncate 2 |> String.concat " "
    let ranges = table.Varying |> List.map (bounds evidence)
    let varied = if ranges.IsEmpty then "only the seed varies" else String.Join("; ", ranges)

    let tried =
        Rules.settings evidence
        |> List.map (fun (data, methods) ->
            let methods = list [ for method', n in methods -> $"{method'} {n}" ]
            $"on {data}: {methods}")

    let declared =
        match evidence.Plans |> List.choose _.Metric |> List.distinct with
        | [ metric ] -> $"by {metric}, as declared at launch"
        | [] -> "no metric was declared"
        | several -> $"the metric was changed: {list several}"

    let chosen =
        match evidence.Chosen, evidence.Confirmed with
        | Some(name, before), _ ->
            $"""Settings were chosen in the sweep {name} ({Text.counted before.Length "run"}) and run again here on other seeds."""
        | None, Some(name, after) ->
            $"""The winners were run again on fresh seeds in the sweep {name} ({Text.counted after.Length "run"})."""
        | None, None -> "No other sweep in these records chose or confirmed the settings."

    let audits =
        match evidence.Audits with
        | [] -> "no audit has repeated a run"
        | audits ->
            let hits = audits |> List.filter (fun (_, kept) -> reproduces kept.Verdict) |> List.length
            $"{hits} of {audits.Length} audits reproduced the run"

    let metrics =
        table.Metrics
        |> List.choose (fun name ->
            Shown.metricOf table name
            |> Option.filter (fun metric -> metric.Better <> Direction.None)
            |> Option.map (fun metric ->
                let n = metric.N |> Option.map (fun n -> $", over {n}") |> Option.defaultValue ""
                let protocol = metric.Protocol |> Option.map (fun protocol -> $", protocol {short protocol}") |> Option.defaultValue ""
                $"{name} in {metric.Unit}, {metric.Better.Word()} is better{n}{protocol}"))

    let packages =
        of' (fun manifest ->
            some manifest.Packages (fun packages -> list (packages |> Seq.sortBy _.Key |> Seq.map (fun p -> $"{p.Key} {p.Value}"))))

    let libraries = of' (fun manifest -> some manifest.Native (fun native -> "libtorch " + native.Libtorch))

    let settings =
        table.Constant
        |> List.filter (fun (key, _) -> key.StartsWith("data.", StringComparison.Ordinal))
        |> List.map (fun (key, value) -> $"{key} {value}")

    let checkpoints =
        completed
        |> List.filter (fun made -> made.Manifest.Artefacts |> Seq.exists _.Path.StartsWith("checkpoint/", StringComparison.Ordinal))
        |> List.length

    let byMethod =
        completed
        |> List.groupBy (fun made -> made.Run.Config.TryFind "method.kind" |> Option.defaultValue "run")
        |> List.sortBy fst
        |> List.choose (fun (method', made) ->
            match made |> List.choose _.Run.Seconds with
            | [] -> None
            | seconds -> Some $"{method'} {duration (List.average seconds)}")

    let item answer list number title question says needs evidence = {
        List = list
        Number = number
        Title = title
        Question = question
        Answer = answer
        Says = says
        Needs = needs
        Evidence = evidence
    }

    let verify = $"dotnet fsi analysis/audit.fsx verify {table.Sweep}"

    [
        item
            (answered [ "code"; "config"; "data"; "artefacts" ])
            neurips
            "4"
            "Experimental result reproducibility"
            "Does the paper fully disclose all the information needed to reproduce the main experimental results of the paper to the extent that it affects the main claims and/or conclusions of the paper (regardless of whether the code and data are provided or not)?"
            $"Each run keeps its full configuration, its seed, its sources (commit {orUnknown commits}), digests of its data, and hashes of its libraries and results; {audits}."
            "State in the paper which of these are published."
            [ "config.yaml and manifest.json of each run"; verify ]
        item
            Authors
            neurips
            "5"
            "Open access to data and code"
            "Does the paper provide open access to the data and code, with sufficient instructions to faithfully reproduce the main experimental results, as described in supplemental material?"
            $"""Sources: commit {orUnknown commits}{if remotes.IsEmpty then "" else $" of {list remotes}"}; {inputs}. The commands: {String.Join("; ", List.truncate 3 commands)}."""
            "Where code and data are published, and under which licence."
            [ "plans.jsonl"; "table.json" ]
        item
            (answered [ "config" ])
            neurips
            "6"
            "Experimental setting/details"
            "Does the paper specify all the training and test details (e.g., data splits, hyperparameters, how they were chosen, type of optimizer, etc.) necessary to understand the results?"
            $"Each run's config.yaml has every setting, including defaults, and its manifest.json has their origins; settings that vary: {varied}. {chosen}"
            "Name in the paper the settings that a reader needs."
            [ "config.yaml of each run"; "table.csv" ]
        item
            (answered [ "statistics" ])
            neurips
            "7"
            "Experiment statistical significance"
            "Does the paper report error bars suitably and correctly defined or other appropriate information about the statistical significance of the experiments?"
            $"""{notes} The interval is over {Text.counted seeds "seed"}; a seed sets the initialisation, the order of the data and the noise."""
            ""
            [ "table.tex"; "summary.csv" ]
        item
            (answered [ "environment" ])
            neurips
            "8"
            "Experiments compute resources"
            "For each experiment, does the paper provide sufficient information on the computer resources (type of compute workers, memory, time of execution) needed to reproduce the experiments?"
            $"""{orUnknown machines} ({orUnknown hosts}). A run took {between duration walls} and up to {between (fun gigabytes -> gigabytes.ToString("0.0", invariant) + " GB") memory} of memory; all {runs.Length} runs, including those that diverged or failed, took {duration total}."""
            "Whether the project needed more compute than this sweep."
            [ "manifest.json of each run: hardware, timing, peak, cost" ]
        item
            (if settings.IsEmpty then Partly else FromRecords)
            pineau
            "data 1"
            "Statistics of the data"
            "The relevant statistics, such as number of examples."
            (if settings.IsEmpty then $"Data: {orUnknown data}." else $"Data: {list settings}.")
            ""
            [ "config.yaml of each run" ]
        item
            (answered [ "data" ])
            pineau
            "data 2"
            "Splits"
            "The details of train / validation / test splits."
            $"Rows are drawn or split with the random stream named data, which depends only on the run's seed; digests: {orUnknown data}."
            ""
            [ "manifest.json of each run: data, streams" ]
        item
            Authors
            pineau
            "data 3"
            "Exclusions and preprocessing"
            "An explanation of any data that were excluded, and all pre-processing step."
            (if settings.IsEmpty then "" else $"The settings of the data: {list settings}.")
            "Which data were excluded before the files were made, and why."
            [ "config.yaml of each run" ]
        item
            Authors
            pineau
            "data 4"
            "Where the data are"
            "A link to a downloadable version of the dataset or simulation environment."
            $"The {inputs}."
            "The link."
            [ "manifest.json of each run: data" ]
        item
            Authors
            pineau
            "data 5"
            "New data"
            "For new data collected, a complete description of the data collection process, such as instructions to annotators and methods for quality control."
            ""
            "Whether data were collected for this paper, and how."
            []
        item
            (answered [ "environment" ])
            pineau
            "code 1"
            "Dependencies"
            "Specification of dependencies."
            $"paket.lock in the sources; {orUnknown packages}; {orUnknown libraries}."
            ""
            [ "manifest.json of each run: packages, native" ]
        item (answered [ "code" ]) pineau "code 2" "Training code" "Training code." $"Commit {orUnknown commits}." "" [
            "manifest.json of each run: git, build"
        ]
        item
            (answered [ "code" ])
            pineau
            "code 3"
            "Evaluation code"
            "Evaluation code."
            $"The same sources; each metric names its protocol by a hash: {orUnknown metrics}."
            ""
            [ "metrics.json of each run" ]
        item
            (if checkpoints = completed.Length && checkpoints > 0 then FromRecords else Partly)
            pineau
            "code 4"
            "Trained models"
            "(Pre-)trained model(s)."
            $"{checkpoints} of {completed.Length} completed runs keep a checkpoint."
            "Whether they are published, and where."
            [ "checkpoint/ of each run" ]
        item
            (if commands.IsEmpty then Authors else FromRecords)
            pineau
            "code 5"
            "Command and results"
            "README file includes table of results accompanied by precise command to run to produce those results."
            (if commands.IsEmpty then "" else String.Join("; ", List.truncate 3 commands))
            (if commands.IsEmpty then "The command: the records have no plan." else "")
            [ "table.md"; "plans.jsonl" ]
        item
            (answered [ "config"; "tuning" ])
            pineau
            "results 1"
            "Hyper-parameters"
            "The range of hyper-parameters considered, method to select the best hyper-parameter configuration, and specification of all hyper-parameters used to generate results."
            $"""Range: {varied}. Settings tried: {String.Join("; ", tried)}. Selection: {declared}. {chosen}"""
            (if atLeastB [ "tuning" ] then "" else "How the settings were found, if these records do not show it.")
            [ "table.csv"; "plans.jsonl"; "config.yaml of each run" ]
        item
            FromRecords
            pineau
            "results 2"
            "Number of runs"
            "The exact number of training and evaluation runs."
            $"""{trainings}; {Text.counted attempts "earlier attempt"}; {Text.counted seeds "seed"}."""
            ""
            [ "table.json" ]
        item
            (if metrics.IsEmpty then Partly else FromRecords)
            pineau
            "results 3"
            "Measures"
            "A clear definition of the specific measure or statistics used to report results."
            (String.Join("; ", metrics))
            "What each metric measures, in a sentence."
            [ "metrics.json of each run" ]
        item
            (answered [ "statistics" ])
            pineau
            "results 4"
            "Central tendency and variation"
            "A description of results with central tendency (e.g. mean) & variation (e.g. error bars)."
            notes
            ""
            [ "table.tex"; "summary.csv" ]
        item
            (if walls.IsEmpty then Partly else FromRecords)
            pineau
            "results 5"
            "Runtime"
            "The average runtime for each result, or estimated energy cost."
            (if byMethod.IsEmpty then "Not recorded." else $"Mean time of a run: {list byMethod}; all runs {duration total}.")
            ""
            [ "table.csv" ]
        item
            (answered [ "environment" ])
            pineau
            "results 6"
            "Infrastructure"
            "A description of the computing infrastructure used."
            $"{orUnknown machines} ({orUnknown hosts})."
            ""
            [ "manifest.json of each run: hardware, runtime, native" ]
    ]

/// The NeurIPS items in the format of the template, to paste into a paper. An item has an answer only if the records give one.
let latex (items: Item list) : string =
    let text = Latex.escaped

    String.concat "" [
        "% The items that concern experiments, filled in from the records of runs. Check each before you use it.\n"

        for item in items do
            if item.List = neurips then
                let answer = if item.Answer = FromRecords then "\\answerYes{}" else "\\answerTODO{}"
                let needs = if item.Needs = "" then "" else " % " + Shown.visible item.Needs
                $"\\item {{\\bf {text item.Title}}}\n"
                $"    \\item[] Question: {text item.Question}\n"
                $"    \\item[] Answer: {answer}{needs}\n"
                $"    \\item[] Justification: {text item.Says}\n"
    ]
