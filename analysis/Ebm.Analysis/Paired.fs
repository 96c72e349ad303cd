/// Runs on the same seeds, one against the other: what a seed does to both cancels in the difference. A run that diverged has lost to one that did
/// not, and is never dropped.
module Ebm.Analysis.Paired

open System
open System.Globalization
open MathNet.Numerics.Statistics
open Ebm.Analysis.Runs

type Pairs = {
    N: int
    /// One less the other, of the pairs in which both have the metric.
    Differences: float list
    /// Pairs in which the first is the better one.
    Wins: int
}

let private ended (run: Run) = run.State = "completed" || run.State = "diverged"
let private value metric (run: Run) = if run.State = "completed" then run.Metrics.TryFind metric else None

/// The pairs of runs that have a seed in common and have ended; none where the metric has no value in any.
let compare metric (one: Run list) (other: Run list) =
    let pairs = [
        for a in one do
            for b in other do
                if a.Seed = b.Seed && ended a && ended b then value metric a, value metric b
    ]

    let wins (a: Metric) (b: Metric) = if a.Better = "higher" then a.Value > b.Value else a.Value < b.Value

    {
        N = if pairs |> List.exists (fun (a, b) -> a.IsSome || b.IsSome) then pairs.Length else 0
        Differences = [
            for pair in pairs do
                match pair with
                | Some a, Some b -> a.Value - b.Value
                | _ -> ()
        ]
        Wins =
            pairs
            |> List.filter (function
                | Some a, Some b -> wins a b
                | a, None -> a.IsSome
                | None, _ -> false)
            |> List.length
    }

let private number (value: float) = value.ToString("G3", CultureInfo.InvariantCulture)

/// A Markdown table: of each row and each of its runs' kinds the median, and the pairs against one kind.
let against (rowOf: Run -> string) (kindOf: Run -> string) metric reference (runs: Run list) = [
    $"| target | {metric}: method | runs | diverged | median | pairs | less {reference}'s: mean [95 %% interval] | median | wins |"
    "|---|---|---|---|---|---|---|---|---|"

    for row, here in runs |> List.filter ended |> List.groupBy rowOf |> List.sortBy fst do
        let other = here |> List.filter (fun run -> kindOf run = reference)

        for kind, mine in here |> List.groupBy kindOf |> List.sortBy fst do
            let diverged = mine |> List.filter (fun run -> run.State = "diverged") |> List.length
            let values = mine |> List.choose (value metric) |> List.map _.Value
            let median (values: float list) = if values.IsEmpty then "n/a" else number (Statistics.Median values)
            let found = compare metric mine other

            let interval =
                let summary = Statistics.summarise (Generator.Of(row, $"{metric}/{kind}")) false found.Differences

                match Statistics.bounds summary with
                | low, high, _ when Double.IsFinite low -> $"{number summary.Mean} [{number low}, {number high}]"
                | _ when not found.Differences.IsEmpty -> number summary.Mean
                | _ -> "n/a"

            let wins = if kind = reference || values.IsEmpty then "" else $"{found.Wins} of {found.N}"
            let apart = if kind = reference then [ ""; "" ] else [ interval; median found.Differences ]
            let cells =
                [ row; kind; string mine.Length; string diverged; median values ]
                @ [ (if kind = reference then "" else string found.Differences.Length) ]
                @ apart
                @ [ wins ]
            "| " + String.concat " | " cells + " |"
]
