/// Pairs of runs on the same seeds: differences, wins, and what a run that diverged counts for.
module Ebm.Tests.Laws.PairedLaws

open Ebm.Analysis
open Ebm.Analysis.Runs
open Ebm.Tests.Law

let private run seed (outcome: float option) : Run = {
    nothing with
        Id = $"run-{seed}"
        Sweep = "law"
        Group = "group"
        State = (if outcome.IsSome then "completed" else "diverged")
        Step = 1L
        Seed = string seed
        Metrics =
            match outcome with
            | Some value ->
                Map [ "kl", { Value = value; Unit = "nats"; Better = "lower"; Scale = "linear"; Se = None; N = None; Protocol = None } ]
            | None -> Map.empty
}

let private one = [ run 0 (Some 0.1); run 1 (Some 0.3); run 2 None; run 3 (Some 0.2); run 4 None; run 7 (Some 0.0) ]
let private other = [ run 4 None; run 3 None; run 2 (Some 0.5); run 1 (Some 0.2); run 0 (Some 0.4) ]

let private pairUp one other =
    let found = Paired.compare "kl" one other
    must $"{found.N} pairs of five seeds in common" (found.N = 5)
    let due = [ 0.1 - 0.4; 0.3 - 0.2 ]
    must $"differences {found.Differences}, not {due}" (found.Differences = due)
    must $"{found.Wins} wins: seed 0 by value and seed 3 because the other diverged are 2" (found.Wins = 2)

let all = [
    law "a run that diverged has lost to one that did not, and is no pair's difference" (fun () -> pairUp one other)
    |> breaks "runs that diverged are dropped" (fun () -> pairUp one (other |> List.filter (fun run -> run.State = "completed")))
    |> breaks "seeds are not looked at" (fun () -> pairUp (one |> List.map (fun run -> { run with Seed = "0" })) other)
]
