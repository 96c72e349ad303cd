/// The comparison table: a row per configuration without its seed, a column per metric, labelled only by the keys that vary.
///
/// Only completed runs enter a mean. Diverged and failed runs are counted in their row, never dropped. Among the rows of one task, the best
/// of a column is marked together with all that are not significantly worse, if there are enough seeds. The same runs give the same bytes:
/// nothing here depends on the time, the machine or the folder's path.
module Ebm.Analysis.Table

open System
open System.Collections.Generic
open System.Globalization
open System.Text
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Statistics

/// How a diverged run counts.
type Divergence =
    /// The completion rate is shown with the mean of the other runs; rows of different rates are not compared.
    | ReportRate
    /// As the bound that was declared for the metric.
    | WorstCase of bounds: Map<string, float>
    /// Its row has no mean.
    | Fail

/// A requested column. Decimals: as many as the uncertainty supports, unless given.
type Column = { Metric: string; Label: string; Decimals: int option }

type Options = {
    /// The title of the table; the sweep's name if None.
    Title: string option
    /// The keys that label rows, each with its heading; if None, the keys that vary.
    Labels: (string * string) list option
    /// All metrics if None.
    Columns: Column list option
    /// The metric that decides between the rows: the one that the sweep declared, or that the last launch named. It is shown first.
    Decides: string option
    /// Settings of the row with which the others are compared: pairs of a key and its value.
    Baseline: (string * string) list
    Divergence: Divergence
    /// The number of planned runs, if it was given; if None, the runs with a folder and the missing ones.
    Planned: int option
    /// Planned runs without a folder: never run, or removed.
    Absent: string list
    /// Those of the absent runs that a launch which is still running will begin.
    Queued: string list
    /// Runs that were excluded on purpose: the rule, and their number.
    Excluded: (string * int) list
    /// The same of imported runs, which nobody planned.
    ImportedExcluded: (string * int) list
    /// Runs that were retired, each with the reason: they are in no row.
    Retired: (Run * string) list
    /// Folders that are not runs, or cannot be read.
    Skipped: int
    /// The first of these tests that fits compares two rows.
    Tests: Significance.Test list
}

let usualOptions = {
    Title = None
    Labels = None
    Columns = None
    Decides = None
    Baseline = []
    Divergence = ReportRate
    Planned = None
    Absent = []
    Queued = []
    Excluded = []
    ImportedExcluded = []
    Retired = []
    Skipped = 0
    Tests = Significance.usual
}

/// A test of a cell against the best of its column.
type Test = {
    /// The row's key.
    Against: string
    By: Significance.Test
    /// Pairs, or the runs of both rows.
    N: int
    P: float
    /// By Holm's method, within the column and the task.
    Adjusted: float
}

type Verdict =
    /// The best of its column and task.
    | Best
    /// Not significantly worse than the best.
    | NotWorse
    | Worse
    /// Too few seeds to tell it from the best, whatever their values.
    | TooFewToTell
    /// Another completion rate than the rows that are compared.
    | OtherRate
    /// Other data, another protocol, or another number of samples.
    | Incomparable
    /// No direction, no rival, or no rival with enough seeds.
    | Unjudged

/// What one row says about one metric.
type Cell = {
    Metric: Metric
    /// One per run that counts, in the order of the seeds.
    Values: float list
    Seeds: string list
    Summary: Summary
    /// Why the mean is not shown.
    Withheld: string option
    /// The measurement error of one run, if the metric estimates it: the root of the mean square over runs.
    Se: float option
    Verdict: Verdict
    Test: Test option
    /// Runs behind its values that have an intervention.
    Intervened: int
    /// Runs behind its values whose metrics are in doubt: see Run.Doubt.
    Doubted: int
    /// Runs behind its values that were imported.
    Imported: int
}

type Row = {
    /// The group, and the row's difference from others of it.
    Key: string
    Group: string
    Labels: string list
    /// The settings of the data; rows of one task are compared.
    Task: string
    Runs: Run list
    Cells: Map<string, Cell>
    Completed: int
    Diverged: int
    Failed: int
    /// The row's difference from others of its group: other data, another protocol.
    Apart: (string * string) list
} with

    /// Runs that ended by themselves: the n of a cell is out of these.
    member row.Ended = row.Completed + row.Diverged + row.Failed

    /// Its completed runs that have an intervention.
    member row.Intervened = row.Runs |> List.filter (fun run -> run.State = RunState.Completed && not run.Interventions.IsEmpty)

    /// Its runs that were imported.
    member row.Imported = row.Runs |> List.filter _.Imported.IsSome

    /// Its runs whose metrics or outcome are in doubt.
    member row.Doubted = row.Runs |> List.filter _.Doubt.IsSome

/// The planned runs by outcome.
type Counts = {
    Planned: int
    /// In a mean.
    Used: int
    /// In a mean, and neither planned nor executed here.
    Imported: int
    Diverged: int
    /// Failed, or timed out.
    Failed: int
    /// Ended early by a rule.
    Pruned: int
    /// Started and not ended.
    Unfinished: int
    /// Planned, but without a folder: never run, or removed.
    Missing: int
    Excluded: (string * int) list
    /// Imported, and excluded.
    ImportedExcluded: (string * int) list
    Skipped: int
}

type Table = {
    Sweep: string
    Options: Options
    /// SHA-256 of the table's inputs: runs, values, options.
    Hash: string
    Varying: string list
    Constant: (string * string) list
    Metrics: string list
    Rows: Row list
    Counts: Counts
    /// The builds of the runs, with their numbers of runs.
    Codes: (string * int) list
}

/// A number for CSV and JSON: every digit, in the invariant culture.
let number (value: float) =
    if Double.IsFinite value then value.ToString("R", CultureInfo.InvariantCulture)
    elif Double.IsNaN value then "NaN"
    elif value > 0.0 then "Infinity"
    else "-Infinity"

/// The bounds of a mean's interval, NaN without one, and the name of its method.
let bounds = Statistics.bounds

/// The keys that label the rows. A setting in an option's file is not a label if the option is one: a learning rate tuned for a method is
/// part of that method's row. The kind represents the option, unless two options have one kind.
let private labels (runs: Run list) =
    let values (key: Run -> string option) = runs |> List.map key |> List.distinct
    let groups =
        runs
        |> List.collect (fun run -> run.Asked.Keys |> Seq.filter (fun key -> key <> "seed" && not (key.Contains '.')) |> List.ofSeq)
        |> List.distinct
    let options (run: Run) = groups |> List.map run.Asked.TryFind
    let among groups key = groups |> List.forall (snd >> List.distinctBy key >> List.length >> (=) 1)
    let follows key = among (List.groupBy options runs) (fun run -> run.Config.TryFind key)
    let set key = runs |> List.exists _.Asked.ContainsKey(key)

    // For two options of one kind, the option is the label, and the kind, which it determines, is not.
    let presets =
        groups
        |> List.filter (fun group ->
            let kind (run: Run) = run.Config.TryFind(group + ".kind")
            values kind <> [ None ] && not (among (List.groupBy kind runs) _.Asked.TryFind(group)))

    let isKind (key: string) = key.EndsWith(".kind", StringComparison.Ordinal) && key.Split('.').Length = 2

    let keys =
        runs
        |> List.map _.Config
        |> Varying.keys
        |> List.filter (fun key ->
            key <> "seed"
            && not (isKind key && List.contains (key.Substring(0, key.Length - 5)) presets)
            && (isKind key || set key || not (follows key)))

    List.sortWith Varying.natural (presets @ keys)

/// The label of a run for a key: its setting, or the requested option; empty if it has none.
let setting (run: Run) key = run.Config |> Map.tryFind key |> Option.orElse (run.Asked.TryFind key) |> Option.defaultValue ""

/// Both cells' values by seed on the scale of the comparison: logarithms if the metric declares it and all values are positive.
let onOneScale (one: Cell) (other: Cell) =
    let log = one.Metric.Scale = "log" && one.Values @ other.Values |> List.forall (fun value -> value > 0.0)
    let bySeed (cell: Cell) = List.zip cell.Seeds (if log then cell.Values |> List.map Math.Log else cell.Values)
    log, bySeed one, bySeed other

/// The smallest p-value that the seeds of two rows can give.
let private smallest tests (one: HashSet<string>) (other: HashSet<string>) =
    let sizes: Significance.Sizes = { Common = one |> Seq.filter other.Contains |> Seq.length; One = one.Count; Other = other.Count }
    (Significance.fitting tests sizes).Smallest sizes

/// One test of two rows' values.
type Compared = {
    /// Values on common seeds.
    Pairs: (float * float) list
    By: Significance.Test
    Smallest: float
    P: Lazy<float>
}

let compareValues tests (generator: unit -> Generator) (one: (string * float) list) (other: (string * float) list) =
    let others = Map.ofList other
    let pairs = one |> List.choose (fun (seed, value) -> others.TryFind seed |> Option.map (fun beside -> value, beside))
    let sizes: Significance.Sizes = { Common = pairs.Length; One = one.Length; Other = other.Length }
    let test = Significance.fitting tests sizes
    let values = List.map snd >> Array.ofList

    {
        Pairs = pairs
        By = test
        Smallest = test.Smallest sizes
        P = lazy (test.P (generator ()) (Array.ofList pairs) (values one) (values other))
    }

/// The share of a row's runs that have no value of a metric. A mean over the others looks better the more runs a row lost, so rows are
/// tested against each other only if their shares are equal.
let lost (row: Row) (cell: Cell) = float (row.Ended - cell.Summary.N) / float (max 1 row.Ended)

/// Marks the best cell of one metric among the rows of one task, and all that are not significantly worse.
let private judge tests hash name (rows: Row list) : Row list =
    let cells = rows |> List.choose (fun row -> row.Cells.TryFind name |> Option.map (fun cell -> row, cell))
    let better = cells |> List.tryHead |> Option.map (fun (_, cell) -> cell.Metric.Better) |> Option.defaultValue Direction.None
    let marked (verdicts: Map<string, Verdict * Test option>) =
        rows
        |> List.map (fun row ->
            match row.Cells.TryFind name, verdicts.TryFind row.Key with
            | Some cell, Some(verdict, test) -> { row with Cells = row.Cells.Add(name, { cell with Verdict = verdict; Test = test }) }
            | _ -> row)

    if better = Direction.None || cells.Length < 2 then
        rows
    else
        let measuredAs (row: Row, cell: Cell) =
            let data = row.Apart |> List.filter (fun (key, _) -> key = "data digest")
            $"{Comparable.protocolOf cell.Metric}/{Comparable.samplesOf cell.Metric}/{data}"

        // An imported value has no protocol. It is compared with the others, and has a mark.
        let isImported (_, cell: Cell) = cell.Imported > 0
        let usual = cells |> Seq.filter (isImported >> not) |> Seq.map measuredAs |> Comparable.usual
        let same, apart = cells |> List.partition (fun found -> isImported found || Some(measuredAs found) = usual)

        // Only rows that lost the smallest share are compared.
        let shown = same |> List.filter (fun (_, cell) -> cell.Withheld.IsNone)
        let least = if shown.IsEmpty then 0.0 else shown |> List.map (fun (row, cell) -> lost row cell) |> List.min
        let whole, losing = shown |> List.partition (fun (row, cell) -> lost row cell = least)
        let candidates =
            whole
            |> List.filter (fun (_, cell) -> cell.Values |> List.forall Double.IsFinite)
            |> List.sortWith (fun (a, x) (b, y) ->
                match compare (better.Cost x.Summary.Centre) (better.Cost y.Summary.Centre) with
                | 0 -> String.CompareOrdinal(a.Key, b.Key)
                | order -> order)

        let against (row: Row, cell: Cell) (rival: Row, other: Cell) =
            let _, theirs, mine = onOneScale other cell
            compareValues tests (fun () -> Generator.Of(hash, $"test/{name}/{row.Key}/{rival.Key}")) theirs mine

        // A row that no single test could tell from another one is not compared, whatever its mean.
        let seeds = candidates |> List.map (fun (row, cell) -> row.Key, HashSet cell.Seeds)
        let canTell (key, mine: HashSet<string>) =
            seeds |> List.exists (fun (other, theirs) -> other <> key && smallest tests mine theirs <= Significance.level)
        let told, hopeless = List.zip candidates seeds |> List.partition (snd >> canTell)
        let told, hopeless = List.map fst told, List.map fst hopeless

        let rivals =
            match told with
            | best :: rest ->
                let tests = rest |> List.map (against best)
                List.zip3 rest tests (tests |> List.map _.Smallest |> Array.ofList |> Significance.testable |> List.ofArray)
            | [] -> []

        Map [
            for row, _ in apart do
                row.Key, (Incomparable, None)
            for row, _ in losing do
                row.Key, (OtherRate, None)

            // If no rival can be told from the best row, nothing is marked.
            if rivals |> List.exists (fun (_, _, can) -> can) then
                let best, bestCell = told.Head
                best.Key, (Best, None)
                let asked = rivals |> List.filter (fun (_, _, can) -> can)
                let p = asked |> List.map (fun (_, test, _) -> test.P.Value) |> Array.ofList
                let adjusted = Significance.holm p

                for i, ((rival, cell), test, _) in List.indexed asked do
                    let n = if test.By.Paired then test.Pairs.Length else cell.Summary.N
                    let result = { Against = best.Key; By = test.By; N = n; P = p[i]; Adjusted = adjusted[i] }
                    let worse = better.Cost cell.Summary.Centre > better.Cost bestCell.Summary.Centre
                    rival.Key, ((if worse && adjusted[i] <= Significance.level then Worse else NotWorse), Some result)

                for rival, _ in hopeless do
                    rival.Key, (TooFewToTell, None)

                for (rival, _), _, can in rivals do
                    if not can then rival.Key, (TooFewToTell, None)
        ]
        |> marked

/// The table's inputs as text; their hash seeds every resampling.
let private content (options: Options) (runs: Run list) =
    let text = StringBuilder()
    let line (parts: string list) = text.Append(String.Join('\t', parts)).Append('\n') |> ignore

    let divergence =
        match options.Divergence with
        | ReportRate -> [ "report-rate" ]
        | Fail -> [ "fail" ]
        | WorstCase bounds -> "worst-case" :: [ for KeyValue(name, bound) in bounds -> $"{name}={number bound}" ]

    line divergence
    line [ for key, value in options.Baseline -> $"{key}={value}" ]
    if options.Tests <> Significance.usual then line [ for test in options.Tests -> test.Name ]

    for run in runs |> List.sortWith (fun a b -> String.CompareOrdinal(a.Id, b.Id)) do
        line [ run.Id; run.Group; Kebab.Of run.State; run.Seed; String.Join(' ', run.Data |> List.map snd) ]

        for intervention in run.Interventions do
            line [ "intervention"; intervention.What ]

        for KeyValue(name, metric) in run.Metrics do
            line [ name; number metric.Value; Comparable.protocolOf metric; Comparable.samplesOf metric ]

    string text

/// The seed of a run among those of other rows. Seeds of another source are other seeds, so its runs are no pairs with runs of this project.
let private seedOf (run: Run) =
    match run.Imported with
    | None -> run.Seed
    | Some source -> $"{run.Seed} of {source}"

/// The cell of one metric: the values of completed runs, and under worst-case the declared bound for each diverged run.
let private cell hash (divergence: Divergence) key (runs: Run list) diverged name =
    let found =
        runs
        |> List.choose (fun run ->
            match run.State, divergence with
            | RunState.Completed, _ -> run.Metrics.TryFind name |> Option.map (fun metric -> seedOf run, metric.Value)
            | RunState.Diverged, WorstCase bounds -> bounds.TryFind name |> Option.map (fun bound -> seedOf run, bound)
            | _ -> None)

    let withValue = runs |> List.filter (fun run -> run.State = RunState.Completed && run.Metrics.ContainsKey name)

    withValue
    |> List.map _.Metrics[name]
    |> function
        | [] -> None
        | first :: _ as measured ->
            let errors = measured |> List.choose _.Se

            Some {
                Metric = first
                Values = List.map snd found
                Seeds = List.map fst found
                Summary = summarise (Generator.Of(hash, $"mean/{name}/{key}")) (first.Scale = "log") (List.map snd found)
                Withheld =
                    match divergence with
                    | Fail when diverged > 0 -> Some "one of its runs diverged"
                    | WorstCase bounds when diverged > 0 && first.Better <> Direction.None && not (bounds.ContainsKey name) ->
                        Some "one of its runs diverged, and no bound is declared for the metric"
                    | _ -> None
                Se =
                    if errors.IsEmpty then
                        None
                    else
                        let power = exponent (Array.ofList errors)
                        let squares = errors |> List.map (fun se -> Math.ScaleB(se, -power)) |> List.map (fun se -> se * se)
                        Some(Math.ScaleB(sqrt (List.average squares), power))
                Verdict = Unjudged
                Test = None
                Intervened = withValue |> List.filter (fun run -> not run.Interventions.IsEmpty) |> List.length
                Doubted = withValue |> List.filter _.Doubt.IsSome |> List.length
                Imported = withValue |> List.filter _.Imported.IsSome |> List.length
            }

/// The table of some runs, under a sweep's name.
let tabulateWith (options: Options) (sweep: string) (runs: Run list) =
    let varying = options.Labels |> Option.map (List.map fst) |> Option.defaultWith (fun () -> labels runs)
    let hash = Canonical.Sha256(content options runs)
    let apart = Comparable.differences runs
    let apartOf (run: Run) = apart.TryFind run.Id |> Option.defaultValue []
    let apartKeys = apart.Values |> Seq.collect (List.map fst) |> Seq.distinct |> List.ofSeq |> List.sortWith Varying.natural

    let bySeed (a: Run) (b: Run) =
        match Varying.inOrder a.Seed b.Seed with
        | 0 -> String.CompareOrdinal(a.Id, b.Id)
        | order -> order

    let row (group: string, apart: (string * string) list) (runs: Run list) =
        let runs = runs |> List.sortWith bySeed
        let key = if apart.IsEmpty then group else $"{group} {apart}"
        let inState states = runs |> List.filter (fun run -> List.contains run.State states) |> List.length
        let diverged = inState [ RunState.Diverged ]
        let names =
            runs |> Seq.filter (fun run -> run.State = RunState.Completed) |> Seq.collect _.Metrics.Keys |> Seq.distinct |> List.ofSeq

        {
            Key = key
            Group = group
            Labels =
                (varying |> List.map (setting runs.Head))
                @ (apartKeys |> List.map (fun key -> apart |> List.tryFind (fst >> (=) key) |> Option.map snd |> Option.defaultValue ""))
            Task = Comparable.task runs.Head
            Runs = runs
            Cells =
                names
                |> List.choose (fun name -> cell hash options.Divergence key runs diverged name |> Option.map (fun cell -> name, cell))
                |> Map.ofList
            Completed = inState [ RunState.Completed ]
            Diverged = diverged
            Failed = inState [ RunState.Failed; RunState.Timeout ]
            Apart = apart
        }

    let unjudged =
        runs
        |> List.groupBy (fun run -> run.Group, apartOf run)
        |> List.map (fun (key, runs) -> row key runs)
        |> List.sortWith (fun a b ->
            match List.map2 Varying.inOrder a.Labels b.Labels |> List.tryFind ((<>) 0) with
            | Some order -> order
            | None -> String.CompareOrdinal(a.Key, b.Key))

    // The metric that decides, then the others by importance and by the place that they declare. Those of older runs declare no place: they
    // come after those that do, by name.
    let found =
        unjudged
        |> List.collect (fun row -> [ for KeyValue(name, cell) in row.Cells -> name, cell.Metric ])
        |> List.groupBy fst
        |> List.map (fun (name, found) ->
            let metric = found |> List.map snd |> List.minBy (fun metric -> metric.Order.IsNone, metric.Importance)
            (options.Decides <> Some name, metric.Importance, defaultArg metric.Order Int32.MaxValue), name)
        |> List.sortWith (fun (a, x) (b, y) -> if a <> b then compare a b else Varying.natural x y)
        |> List.map snd

    let metrics = options.Columns |> Option.map (List.map _.Metric) |> Option.defaultValue found

    let judged =
        unjudged
        |> List.groupBy _.Task
        |> List.collect (fun (_, rows) -> (rows, metrics) ||> List.fold (fun rows name -> judge options.Tests hash name rows))
        |> List.map (fun row -> row.Key, row)
        |> Map.ofList

    let constant =
        match runs with
        | [] -> []
        | first :: _ ->
            first.Config
            |> Map.toList
            |> List.filter (fun (key, value) ->
                key <> "seed" && not (List.contains key varying) && runs |> List.forall (fun run -> run.Config.TryFind key = Some value))

    let imported, executed = runs |> List.partition _.Imported.IsSome
    let count states = executed |> List.filter (fun run -> List.contains run.State states) |> List.length
    let used, diverged = count [ RunState.Completed ], count [ RunState.Diverged ]
    let failed, pruned = count [ RunState.Failed; RunState.Timeout ], count [ RunState.Pruned ]
    // Each reason with the names of its runs.
    let retired (isImported: bool) =
        options.Retired
        |> List.filter (fun (run, _) -> run.Imported.IsSome = isImported)
        |> List.groupBy snd
        |> List.map (fun (because, runs) ->
            let names = String.Join(", ", [ for run, _ in runs -> run.Id ])
            $"retired because {because}: {names}", runs.Length)

    let allExcluded = options.Excluded @ retired false
    let excluded = allExcluded |> List.sumBy snd
    let there = executed.Length + excluded + options.Skipped
    let planned = max (there + options.Absent.Length) (defaultArg options.Planned there)

    {
        Sweep = sweep
        Options = options
        Hash = hash
        Varying = varying @ apartKeys
        Constant = constant
        Metrics = metrics
        Rows = unjudged |> List.map (fun row -> judged[row.Key])
        Counts = {
            Planned = planned
            Used = used
            Imported = imported.Length
            Diverged = diverged
            Failed = failed
            Pruned = pruned
            Unfinished = executed.Length - used - diverged - failed - pruned
            Missing = planned - there
            Excluded = allExcluded
            ImportedExcluded = options.ImportedExcluded @ retired true
            Skipped = options.Skipped
        }
        Codes = Comparable.codes runs
    }

/// The table of a sweep's runs, without a specification.
let tabulate (sweep: string) (runs: Run list) = tabulateWith usualOptions sweep runs

/// The requested column of a metric, else a plain one.
let columnOf (table: Table) name =
    table.Options.Columns
    |> Option.bind (List.tryFind (fun column -> column.Metric = name))
    |> Option.defaultValue { Metric = name; Label = name; Decimals = None }
