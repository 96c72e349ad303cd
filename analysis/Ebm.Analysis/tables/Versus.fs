/// Every row of a task against a row that was named beforehand, the baseline: differences on common seeds with their interval, a test if
/// both rows lost the same share of their runs, and the probability that a run of the row beats a run of the baseline. A diverged run loses
/// to every other run.
module Ebm.Analysis.Versus

open System
open System.Runtime.CompilerServices
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Statistics
open Ebm.Analysis.Table
open Ebm.Records

type Versus = {
    Metric: string
    Row: Row
    Baseline: Row
    /// The number of seeds for which both rows have a value.
    Pairs: int
    /// The row's values minus the baseline's; of logarithms if the metric's scale is logarithmic. Unpaired rows have a mean and no
    /// interval.
    Difference: Summary
    /// The difference is of logarithms, so its exponential is a ratio.
    Ratio: bool
    By: Significance.Test
    /// None if the two rows lost different shares of their runs; see `Table.lost`.
    P: float option
    /// By Holm's method, over the task's rows with a p-value; None if n is too small for any p-value to reach the level.
    Adjusted: float option
    /// The probability that a run of the row is better than a run of the baseline.
    Improvement: float
    /// Mean difference over the standard deviation of differences.
    Effect: float
    /// Between the two rows' values over common seeds: a high correlation makes pairing useful.
    Correlation: float
}

/// The rows of each task that have the baseline's settings; a valid baseline has one per task.
let baselines (table: Table) =
    if table.Options.Baseline.IsEmpty then
        []
    else
        let matches (row: Row) =
            row.Apart.IsEmpty && table.Options.Baseline |> List.forall (fun (key, value) -> setting row.Runs.Head key = value)

        table.Rows |> List.filter matches |> List.groupBy _.Task

/// The metric's values of a row, with NaN for each diverged run.
let outcomes name (row: Row) =
    let cell = row.Cells[name]
    let lost = row.Runs |> List.filter (fun run -> run.State = RunState.Diverged && not (List.contains run.Seed cell.Seeds))
    Array.ofList (cell.Values @ List.replicate lost.Length nan)

let private versus tests hash name (baseline: Row) (row: Row) =
    let cell, other = row.Cells[name], baseline.Cells[name]
    let ratio, one, two = onOneScale cell other
    let generator purpose () = Generator.Of(hash, $"versus/{purpose}/{name}/{row.Key}/{baseline.Key}")
    let test = compareValues tests (generator "test") one two
    let differences = [ for a, b in test.Pairs -> a - b ]

    let summary =
        if test.By.Paired then
            summarise (generator "mean" ()) false differences
        else
            let centre (values: (string * float) list) = values |> List.map snd |> Array.ofList |> mean
            let apart = centre one - centre two
            { summarise (generator "mean" ()) false [ apart ] with N = 0 }

    test.Smallest,
    {
        Metric = name
        Row = row
        Baseline = baseline
        Pairs = test.Pairs.Length
        Difference = summary
        Ratio = ratio
        By = test.By
        P = if lost row cell = lost baseline other then Some test.P.Value else None
        Adjusted = None
        Improvement = Significance.improvement cell.Metric.Better (outcomes name row) (outcomes name baseline)
        Effect = summary.Mean / summary.Sd
        Correlation = Significance.correlation [| for a, _ in test.Pairs -> a |] [| for _, b in test.Pairs -> b |]
    }

let private find (table: Table) : Versus list = [
    let baselines = baselines table

    for name in table.Metrics do
        for task, rows in baselines do
            match rows with
            | [ baseline ] ->
                let comparable (row: Row) =
                    match row.Cells.TryFind name, baseline.Cells.TryFind name with
                    | Some cell, Some other ->
                        row.Key <> baseline.Key
                        && row.Task = task
                        && row.Apart.IsEmpty
                        && cell.Withheld.IsNone
                        && other.Withheld.IsNone
                        && cell.Metric.Better <> Direction.None
                        // An imported value has no protocol.
                        && (cell.Imported > 0
                            || other.Imported > 0
                            || Comparable.protocolOf cell.Metric = Comparable.protocolOf other.Metric
                               && Comparable.samplesOf cell.Metric = Comparable.samplesOf other.Metric)
                        && cell.Values @ other.Values |> List.forall Double.IsFinite
                        && not cell.Values.IsEmpty
                        && not other.Values.IsEmpty
                    | _ -> false

                let found = table.Rows |> List.filter comparable |> List.map (versus table.Options.Tests table.Hash name baseline)
                // The family of Holm's correction: the rows that are tested and can reach the level.
                let tested = found |> List.filter (fun (_, versus) -> versus.P.IsSome)
                let can = tested |> List.map fst |> Array.ofList |> Significance.testable |> List.ofArray
                let family = List.zip tested can |> List.choose (fun ((_, versus), can) -> if can then Some versus else None)
                let adjusted = [| for versus in family -> versus.P.Value |] |> Significance.holm
                let adjustedOf = Map.ofList (List.zip [ for versus in family -> versus.Row.Key ] (List.ofArray adjusted))

                for _, versus in found do
                    { versus with Adjusted = adjustedOf.TryFind versus.Row.Key }
            | _ -> ()
]

// Cached, because tests of thousands of runs take a second, and every form of a table needs them.
let private found = ConditionalWeakTable<Table, Versus list>()

/// Every row against the baseline of its task, metric by metric; none if no baseline was named, or a task has none or several.
let all (table: Table) : Versus list = found.GetValue(table, find)
