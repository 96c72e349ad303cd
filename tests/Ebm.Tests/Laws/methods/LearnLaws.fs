/// Learning: whole runs, a minute each on one core, measured by the exact density.
module Ebm.Tests.Laws.LearnLaws

open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.World

/// Joint CD on a target for some steps; the values of its metrics, by name.
let private learned (data: string) (steps: int) =
    let mutable found = Map.empty

    inFolder (fun folder ->
        let config =
            Document.Parse(
                $"""
data: {data}
method: {{ kind: joint-cd, energy: {{ kind: level-mlp }}, noise: {{ kind: variance-preserving }} }}
train: {{ steps: {steps}, batch: 256, lr: 3e-3, schedule: {{ kind: linear }} }}
measure:
  samples: 4000
  metrics: {{ grid-kl: {{ kind: grid-kl, cells: 256 }}, modes: {{ kind: mode-weights }} }}
""",
                "learn.yaml"
            )

        let run = (Experiment.Of(config)).Run(folder, dataRoot)
        must $"the run ended {run.State}" (run.State = RunState.Completed)
        found <- Map [ for m in run.Measurements() -> m.Name, m.Value ])

    found

/// grid-kl must be at most a twentieth of that of the moment-matched Gaussian.
let private learns data steps =
    let found = learned data steps
    let divergence, gaussian = found["grid-kl"], found["grid-kl/gaussian"]
    must
        $"grid-kl is {divergence:G3} nats; {gaussian / 20.0:G3} is a twentieth of the moment-matched Gaussian's"
        (divergence <= gaussian / 20.0)
    found

let all = [
    law "joint CD learns eight Gaussians of unequal weight: grid-kl within a twentieth of the moment-matched Gaussian's" (fun () ->
        inSingle (fun () -> learns "{ kind: gaussians }" 1000 |> ignore) ())
    |> breaks "hardly trained" (fun () -> inSingle (fun () -> learns "{ kind: gaussians }" 30 |> ignore) ())

    law "joint CD learns three rings of unequal weight" (fun () -> inSingle (fun () -> learns "{ kind: rings }" 2500 |> ignore) ())
]
