/// Early stopping: by metrics at equal cost, not by a loss; a run that is ended early is pruned, and enters no mean.
module Ebm.Tests.Laws.PruneLaws

open System
open System.IO
open Ebm.Records
open Ebm.Sweeps
open Ebm.Sweeps.Prune
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

let private curve (values: float list) : Curve = values |> List.mapi (fun i value -> int64 (100 * (i + 1)), value)
let private ends what rule finished others own = must $"{what} goes on" ((hopeless rule finished others own).IsSome)
let private goesOn what rule finished others own = must $"{what} ends" ((hopeless rule finished others own).IsNone)

let private asha = Asha(100L, 4)

/// The survivors of eight runs with the values 1 … 8 at the first rung, judged one after the other.
let private survivors rule =
    [ 1..8 ]
    |> List.filter (fun i ->
        let others = [
            for j in 1..8 do
                if j <> i then curve [ float j ]
        ]
        (hopeless rule [] others (curve [ float i ])).IsNone)

let private judged folder rule (values: (int * float) list) =
    let sweep = typed [ "experiment=rings"; "train.lr=1e-3,1e-2"; "seed=0,1,2,3,4,5" ]
    let plan = planned (Path.Combine(folder, "runs")) sweep

    for run, (_, value) in Seq.zip plan.Runs values do
        let at = RunFolder.Create(plan.Folder, run.Id, run.Config, run.Hashed)
        at.Write(
            RunManifest(State = RunState.Completed, RunId = run.Id, GroupId = run.Group, SweepId = "laws", ConfigSha256 = at.ConfigSha256)
        )
        at.Write([ Measurement("grid-kl", value, "nats", Direction.Lower) ])

    Pruner("grid-kl", rule, plan), plan

let all = [
    law "asha keeps the best quarter of the runs at a rung, and judges each run there once" (fun () ->
        must $"%A{survivors asha}" (survivors asha = [ 1; 2 ])
        goesOn "the only one" asha [] [] (curve [ 9.0 ])
        goesOn "one of three" asha [] [ curve [ 1.0 ]; curve [ 2.0 ] ] (curve [ 9.0 ])
        let others = [ for j in 1..7 -> curve [ float j; 0.0 ] ]
        goesOn "a run between two rungs" asha [] others (curve [ 8.0; 8.0 ])
        let late = [ for j in 1..7 -> curve [ 1.0; 1.0; 1.0; float j ] ]
        ends "the worst at the second rung" asha [] late (curve [ 1.0; 1.0; 1.0; 8.0 ])
        ends "NaN" asha [] [ for j in 1..7 -> curve [ float j ] ] (curve [ nan ]))
    |> breaks "half of them" (fun () -> must "" (survivors (Asha(100L, 2)) = [ 1; 2 ]))

    law
        "the median rule ends a run whose best value is worse than the median of finished runs up to the same cost, but not before `from`"
        (fun () ->
            let finished = [ for j in 1..5 -> curve [ float j; float j; 0.0 ] ]
            let median = Median(200L, 5)
            goesOn "before its time" median finished finished (curve [ 9.0 ])
            ends "a bad one" median finished finished (curve [ 9.0; 8.0 ])
            goesOn "one that was good once" median finished finished (curve [ 2.0; 9.0 ])
            goesOn "with too few to compare with" median (List.truncate 4 finished) finished (curve [ 9.0; 9.0 ]))

    law "a race ends a setting that is worse than the best on every seed, but not one that is only noisier" (fun () ->
        let group name values = name, Map.ofList [ for seed, value in List.indexed values -> int64 seed, value ]
        let best = group "best" [ 1.0; 2.0; 3.0; 4.0 ]
        let lost groups = losers 0.1 4 groups |> List.map fst
        must "the loser" (lost [ best; group "worse" [ 1.1; 2.1; 3.1; 4.1 ] ] = [ "worse" ])
        must "the noisy one" (lost [ best; group "noisy" [ 0.0; 4.0; 1.0; 6.0 ] ] = [])
        must "too few pairs" (lost [ best; group "short" [ 9.0; 9.0; 9.0 ] ] = []))

    law
        "a rule accepts a value that the runs' metrics declare; a rule that needs measurements during training is an error without them"
        (fun () ->
            let plan = planned "/nowhere" (typed [ "experiment=rings" ])
            let refused parts text = throws<ConfigException, _> ("--prune" :: parts) (fun () -> check text plan)
            refused [ "unknown metric energy/loss"; "grid-kl" ] "asha(energy/loss, from=1000)"
            refused [ "unknown metric long-run/7"; "did you mean long-run/1?" ] "race(long-run/7)"
            refused [ "energies has no better direction" ] "race(energies)"
            refused [ "measure.every" ] "asha(grid-kl, from=1000)"
            refused [ "did you mean asha?" ] "ahsa(grid-kl, from=1000)"
            refused [ "from is missing" ] "median(grid-kl)"
            refused [ "did you mean startup?" ] "median(grid-kl, from=1, strtup=3)"
            check "race(grid-kl)" plan |> ignore
            let tabular = planned "/nowhere" (typed [ "experiment=rings"; "data=table"; "data.file=x.csv"; "measure=tabular" ])
            let rule text = throws<ConfigException, _> [ "unknown metric"; "did you mean nll-validation?" ] (fun () -> check text tabular)
            rule "asha(validation, from=1000)"
            throws<ConfigException, _> [ "unknown metric nll:"; "nll-validation" ] (fun () -> check "asha(nll, from=1000)" tabular)
            check "asha(nll-validation, from=1000)" tabular |> ignore)

    law "runs of a setting that has lost its race do not start: they are pruned, with the reason, and stay pruned" (fun () ->
        inFolder (fun folder ->
            // Four seeds of each setting are done; the second one loses each time.
            let values = [ for seed in 0..5 -> 0, 1.0 + float seed ] @ [ for seed in 0..3 -> 1, 2.0 + float seed ]
            let judge, plan = judged folder (Race(0.1, 4)) values
            let left = { plan with Runs = plan.Runs |> List.skip 10 }
            let settings = { Launch.defaults (executable folder runner) with Pruner = Some judge }
            use _ = Hold.take plan.Folder Hold.Whole
            let outcomes, _ = Launch.launch settings (jobs left) (Silent())
            must $"%A{outcomes |> List.map _.State}" (outcomes |> List.forall (fun outcome -> outcome.State = RunState.Pruned))

            for run in left.Runs do
                let state, reason = Plan.stateOf run.Folder
                must (string reason) (state = RunState.Pruned && (string reason).Contains "p = 0.0625")
                must "it began" (not (File.Exists(Path.Combine(run.Folder, "begun"))))
                must "it is not settled" (RunStates.IsSettled state)))
]
