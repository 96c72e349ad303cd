/// Runs the winners of a sweep again on fresh seeds, because on the seeds that chose it the best of many settings looks better than it is.
module Ebm.Sweeps.Confirm

open System
open Ebm.Records
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Overrides

/// The best settings of each data set and method by the mean of their values; lower is better.
let winners (top: int) (runs: (PlannedRun * float option) list) : PlannedRun list list =
    runs
    |> List.groupBy (fun (run, _) -> run.Config.Text "data.kind", run.Config.Text "method.kind")
    |> List.collect (fun (_, runs) ->
        let groups = runs |> List.groupBy (fun (run, _) -> run.Group)
        // A setting that failed or diverged on a seed has no mean, so it cannot win.
        let whole = groups |> List.filter (fun (_, runs) -> runs |> List.forall (fun (_, value) -> value |> Option.exists Double.IsFinite))

        whole
        |> List.sortBy (fun (_, runs) -> runs |> List.averageBy (fun (_, value) -> value.Value))
        |> List.truncate top
        |> List.map (fun (_, runs) -> List.map fst runs))

/// The smallest `count` seeds that no run of the plan has.
let freshSeeds count (runs: PlannedRun list) =
    let used = runs |> List.map _.Spec.Seed |> Set.ofList
    Seq.initInfinite int64 |> Seq.filter (fun seed -> not (used.Contains seed)) |> Seq.truncate count |> List.ofSeq

/// A sweep of the winners on other seeds.
let sweep name (seeds: int64 list) (winners: PlannedRun list list) : Declare.Sweep =
    let again (run: PlannedRun) =
        let settings =
            run.Overrides |> List.map (parseAt (Source.Of $"a winner of {name}")) |> List.filter (fun given -> given.Key <> "seed")
        settings @ [ Declare.axisOf name "seed" (seeds |> List.map Values.Int) ]

    { Declare.sweep $"{name}-confirm" with Parts = winners |> List.map (List.head >> again) }
