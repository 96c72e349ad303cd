/// The remaining time: simulated for the workers, by kind of run, with a range that has its stated coverage.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.EtaLaws

open System
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Sweeping

let private seconds (value: float) = TimeSpan.FromSeconds value
let private near (due: float) (time: TimeSpan) = abs (time.TotalSeconds - due) < 1e-6

let private runs =
    lazy ((planned "/nowhere" (typed [ "experiment=rings"; "method=joint-cd,flow"; "train.steps=100,200"; "seed=0,1,2,3,4,5,6,7" ])).Runs)

let private some kind steps count =
    runs.Value
    |> List.filter (fun run -> run.Config.Text "method.kind" = kind && run.Spec.Train.Steps.Value = steps)
    |> List.truncate count
    |> List.map (fun run -> run, true)

let private left workers took active waiting = Option.get (Eta.remaining workers took active waiting)

let private is what (due: float) (found: Eta.Remaining) =
    must $"{what}: {found.Median}" (near due found.Median && near due found.Low && near due found.High)

let all = [
    law "the remaining runs are distributed over the workers: five runs of ten seconds take two workers thirty" (fun () ->
        let done' = some "joint-cd" 100L 1 |> List.map (fun run -> run, seconds 10.0)
        is "two workers" 30.0 (left 2 done' [] (some "joint-cd" 100L 5))
        is "twice the work" 60.0 (left 2 done' [] (some "joint-cd" 200L 5)))

    law "each kind of run has its own pace, and an unknown kind has that of all finished runs" (fun () ->
        let took = [ (some "joint-cd" 100L 1).Head, seconds 10.0; (some "flow" 100L 1).Head, seconds 40.0 ]
        is "a slow kind" 40.0 (left 1 took [] (some "flow" 100L 1))
        is "a quick kind" 20.0 (left 1 took [] (some "joint-cd" 100L 2))
        is
            "an unknown one"
            10.0
            (left
                1
                took.Tail.Tail
                [ { Run = (some "joint-cd" 100L 1).Head; Elapsed = seconds 0.0; Whole = Some(seconds 5.0) } ]
                (some "flow" 100L 1)))
    |> breaks "one pace for all" (fun () ->
        let took = [ (some "joint-cd" 100L 1).Head, seconds 10.0; (some "joint-cd" 100L 1).Head, seconds 40.0 ]
        is "a quick kind" 20.0 (left 1 took [] (some "joint-cd" 100L 2)))

    law "the remaining time of a running run follows its own pace" (fun () ->
        let active: Eta.Active<_> = { Run = (some "joint-cd" 100L 1).Head; Elapsed = seconds 30.0; Whole = Some(seconds 100.0) }
        is "one worker" 70.0 (left 1 [] [ active ] []))

    law "there is no estimate before a run gives a pace" (fun () ->
        let active: Eta.Active<_> = { Run = (some "joint-cd" 100L 1).Head; Elapsed = seconds 30.0; Whole = None }
        must "a guess" (Eta.remaining 1 [] [ active ] (some "joint-cd" 100L 5) |> Option.isNone))

    law "a run that takes a training takes as long as others of its kind do after training" (fun () ->
        let one = fst (some "joint-cd" 100L 1).Head
        let took = [ (one, true), seconds 100.0; (one, false), seconds 10.0 ]
        is "one training" 100.0 (left 1 took [] [ one, true ])
        is "one training for three runs" 120.0 (left 1 took [] [ one, true; one, false; one, false ]))
    |> breaks "it trains again" (fun () ->
        let one = fst (some "joint-cd" 100L 1).Head
        let took = [ (one, true), seconds 100.0; (one, false), seconds 10.0 ]
        is "one training for three runs" 120.0 (left 1 took [] [ one, true; one, true; one, false ]))

    law "the range contains eight in ten sums of run times" (fun () ->
        // Five runs that take 10 or 30 seconds, evenly: 50 + 20·Binomial(5, ½), whose tenths are 70 and 130.
        let took = [ for time in [ 10.0; 30.0 ] -> (some "joint-cd" 100L 1).Head, seconds time ]
        let found = left 1 took [] (some "joint-cd" 100L 5)
        must $"{found}" (near 70.0 found.Low && near 130.0 found.High && (near 90.0 found.Median || near 110.0 found.Median)))
]
