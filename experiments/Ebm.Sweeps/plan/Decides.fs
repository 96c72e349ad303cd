/// What decides between runs: a value that the metrics of every run declare, and that has a direction.
module Ebm.Sweeps.Decides

open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Plan

let private unknown source (name: string) says (known: string list) : 'a =
    fail source "" $"unknown metric {name}: {says} {listed known}{Spelling.DidYouMean(name, known)}."

/// Refuses a name that some run's metrics do not declare, or that has no direction. `from` picks what a run's `measure` group takes.
let check source (name: string) (from: MeasureSpec -> Quantity seq) (plan: Plan) =
    for run in plan.Runs @ plan.Foreseen do
        let declared = from run.Spec.Measure |> List.ofSeq

        match declared |> List.tryFind (fun one -> one.Name = name) with
        | Some one when one.Better = Direction.None -> fail source "" $"{name} has no better direction, so it cannot decide between runs."
        | Some _ -> ()
        | None ->
            let deciding = [
                for one in declared do
                    if one.Better <> Direction.None then one.Name
            ]
            unknown source name $"the metrics of {run.Id} yield" deciding

/// Refuses what a sweep declares where no metric has such a value, or the metric says otherwise. A metric that the runs do not take is
/// none of their sweep's mistakes: overrides may have chosen other data.
let checkDeclared (catalog: Catalog) (sweep: Declare.Sweep) (plan: Plan) =
    match sweep.Metric with
    | None -> ()
    | Some(name, better) ->
        let source = Source.Of $"sweep {sweep.Name}, metric"
        let taken = plan.Runs |> Seq.collect (fun run -> run.Spec.Measure.Quantities()) |> Seq.distinct
        let known = Seq.append taken (catalog.Describe typeof<IMetricSpec> |> Seq.collect _.Quantities) |> List.ofSeq

        match known |> List.tryFind _.Fits(name) with
        | None -> unknown source name "metrics yield" (known |> List.map _.Name |> List.distinct)
        | Some one when one.Better <> better ->
            fail source "" $"{name} is declared {better.Word()}, and its metric says {one.Better.Word()}."
        | Some _ -> ()
