/// One number per method over several data sets: the interquartile mean of all its runs on all of them, with an interval from a bootstrap
/// that resamples within each data set (Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", 2021).
/// Metrics with a comparison value, such as a Gaussian's, are divided by it, so that all data sets have the same weight; others keep their own unit.
module Ebm.Analysis.Aggregate

open System
open MathNet.Numerics.Statistics
open Ebm.Records
open Ebm.Analysis.Statistics
open Ebm.Analysis.Table

type Aggregate = {
    Metric: string
    /// The labels of its rows, without those of the data.
    Method: (string * string) list
    Tasks: int
    Runs: int
    /// Runs that diverged, which are in no mean.
    Diverged: int
    /// The interquartile mean over runs and tasks, of the values divided by `ShareOf`'s on the same data if there is one.
    Mean: float
    Low: float
    High: float
    /// The metric's comparison value.
    ShareOf: string option
    /// The probability that one of its runs is better than one of the baseline on the same data, where diverged runs lose, averaged over
    /// the data sets.
    Improvement: (float * float * float) option
}

let private isOfData (key: string) = key = "data" || key.StartsWith("data.", StringComparison.Ordinal)

/// A row's labels without those of the data, which are the same on every data set.
let methodOf (table: Table) (row: Row) = List.zip table.Varying row.Labels |> List.filter (fst >> isOfData >> not)

/// The aggregates of every metric with a direction, for the methods that have it on every data set; none for fewer than two data sets.
let all (table: Table) : Aggregate list =
    let rows = table.Rows |> List.filter (fun row -> row.Apart.IsEmpty && not row.Cells.IsEmpty)
    let tasks = rows |> List.map _.Task |> List.distinct
    let baselines =
        Versus.baselines table |> List.choose (fun (task, rows) -> if rows.Length = 1 then Some(task, rows.Head) else None) |> Map.ofList

    [
        if tasks.Length >= 2 then
            for name in table.Metrics do
                let here = rows |> List.filter (fun row -> row.Cells |> Map.tryFind name |> Option.exists _.Withheld.IsNone)

                let reference = rows |> List.tryPick (fun row -> row.Cells.TryFind name |> Option.bind _.Metric.ComparedWith)

                // The divisor of a task's values.
                let divisor task =
                    let values =
                        rows
                        |> List.filter (fun row -> row.Task = task)
                        |> List.choose (fun row -> reference |> Option.bind row.Cells.TryFind)
                        |> List.collect _.Values

                    match values with
                    | [] -> None
                    | values -> Some(Statistics.Median values)

                let scales = tasks |> List.map divisor
                let isShare = scales |> List.forall (Option.exists (fun scale -> scale > 0.0))
                let scale = Map.ofList (List.zip tasks [ for found in scales -> if isShare then found.Value else 1.0 ])

                for method, mine in here |> List.groupBy (methodOf table) do
                    let better = mine.Head.Cells[name].Metric.Better
                    let tasksOfIt = mine |> List.map _.Task

                    if better <> Direction.None && (List.distinct tasksOfIt).Length = tasks.Length && tasksOfIt.Length = tasks.Length then
                        let strata = [|
                            for row in mine -> row.Cells[name].Values |> List.map (fun value -> value / scale[row.Task]) |> Array.ofList
                        |]

                        if strata |> Array.forall (fun values -> values.Length > 0 && Array.forall Double.IsFinite values) then
                            let generator purpose = Generator.Of(table.Hash, $"aggregate/{purpose}/{name}/{method}")
                            let low, high = stratifiedBootstrap (generator "mean") (Array.concat >> interquartileMean) strata

                            let improvement =
                                let isMeasured (row: Row) =
                                    row.Cells |> Map.tryFind name |> Option.exists (fun cell -> not cell.Values.IsEmpty)
                                let others = mine |> List.map (fun row -> baselines.TryFind row.Task |> Option.filter isMeasured)

                                if
                                    others |> List.forall _.IsSome
                                    && List.exists2 (fun (row: Row) (other: Row option) -> other.Value.Key <> row.Key) mine others
                                then
                                    let theirs = [| for other in others -> Versus.outcomes name other.Value |]
                                    let mine = [| for row in mine -> Versus.outcomes name row |]
                                    let average (strata: float[][]) =
                                        let half = strata.Length / 2
                                        Array.map2 (Significance.improvement better) strata[.. half - 1] strata[half..] |> Array.average

                                    let both = Array.append mine theirs
                                    let low, high = stratifiedBootstrap (generator "improvement") average both
                                    Some(average both, low, high)
                                else
                                    None

                            {
                                Metric = name
                                Method = method
                                Tasks = tasks.Length
                                Runs = strata |> Array.sumBy _.Length
                                Diverged = mine |> List.sumBy _.Diverged
                                Mean = interquartileMean (Array.concat strata)
                                Low = low
                                High = high
                                ShareOf = if isShare then reference else None
                                Improvement = improvement
                            }
    ]
