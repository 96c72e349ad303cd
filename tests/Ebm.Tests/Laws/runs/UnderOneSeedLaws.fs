/// Common random numbers: the inputs of two methods under the same seed, so that their runs are pairs.
module Ebm.Tests.Laws.UnderOneSeedLaws

open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Folder
open Ebm.Tests.Laws.TrainingLaws

/// Records its rows in each step and its first noise; then draws a given amount of further noise.
let private listener (further: int64) =
    new Fake(
        [ "a" ],
        fun fake batches rng -> seq {
            let rows = batches.Next()
            let sum: Tensor = (rows * torch.arange(1L, 1L + rows.numel (), device = device).reshape rows.shape).sum()
            let noise = rng.Normal(1L).sum()
            if further > 0L then rng.Normal further |> ignore
            yield Update("a", (fake.At "a").sum(), struct ("rows", sum), struct ("noise", noise))
        }
    )

[<Kind("law-terse")>]
type TerseSpec() =
    interface ISpec<Method> with
        member _.Build _ = listener 0L

[<Kind("law-lavish")>]
type LavishSpec() =
    interface ISpec<Method> with
        member _.Build site =
            // It also draws before training, as large networks do.
            site.Rng.Normal 100L |> ignore
            listener 1000L

/// The records of a run's method, step by step, and its final draw.
let private heard folder (kind: string) (seed: int) =
    let config =
        $"""
seed: {seed}
data: {{ kind: gaussians, train: 300, test: 50 }}
method: {{ kind: {kind} }}
train: {{ steps: 40, batch: 16, lr: 1e-3, record-every: 1 }}
measure: {{ samples: 20, metrics: {{}} }}
"""

    let run = (Experiment.Of(Document.Parse(config, $"{kind}.yaml"))).Run(Path.Combine(folder, kind), dataRoot)
    let events = [
        for event in run.Events() do
            if event.What = "a/rows" || event.What = "a/noise" then event.Step, event.What, event.Value
    ]
    must $"{events.Length} events" (events.Length = 80)
    let struct (samples, _) = run.Samples()
    events, List.ofArray samples

let private paired (other: int) =
    inSingle
        (fun () ->
            inFolder (fun folder ->
                let terse, samples = heard folder "law-terse" 3
                let lavish, others = heard folder "law-lavish" other
                must "the methods must get the same rows and noise" (terse = lavish)
                must "their samples must start with the same noise" (samples = others)))
        ()

let all = [
    law "under one seed all methods get the same batches, noise and noise of samples in every step, however much else they draw" (fun () ->
        paired 3)
    |> breaks "another seed" (fun () -> paired 4)
]
