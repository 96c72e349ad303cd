/// One training step of each method in the plane, as runs execute it: the real trainer, optimizer, clipping and average, with the settings of the
/// default configs. `twins.py` has the same steps in PyTorch.
module Ebm.Bench.Steps

open System.Diagnostics
open TorchSharp
open Ebm.Core
open Ebm.Runs

/// A method's training step: its name, its words in a sweep, and the share of training that is done, which decides its phase.
type Step = {
    Name: string
    Words: string list
    Done: float
    /// The share of PyTorch's time that it may take.
    Bound: float
}

let private step name words share bound = { Name = name; Words = "experiment=methods" :: words; Done = share; Bound = bound }

let all = [
    step "joint-cd" [ "method=joint-cd" ] 0.5 0.60
    step "recovery-likelihood" [ "method=recovery-likelihood" ] 0.5 0.60
    step "denoising-ebm" [ "method=denoising-ebm" ] 0.5 0.70
    step "generalized-ebm/flow" [ "method=generalized-ebm" ] 0.1 0.70
    step "generalized-ebm/energy" [ "method=generalized-ebm" ] 0.6 0.70
    step "contrastive-divergence" [ "method=contrastive-divergence" ] 0.5 0.90
    step "denoising-score" [ "method=denoising-score" ] 0.5 0.90
    step "energy-matching/matching" [ "method=energy-matching" ] 0.1 0.90
    step "energy-matching/contrast" [ "method=energy-matching" ] 0.5 0.90
    step "flow" [ "method=flow" ] 0.5 0.90
    step "gan" [ "method=gan" ] 0.5 0.90
    step "level-classifier" [ "method=level-classifier" ] 0.5 0.90
]

/// More steps than any measurement does, so that the phase does not change.
let private endless = 1_000_000_000L

/// A timed training step, and its cost in gradient evaluations.
let timed configs (step: Step) : Paired.Timed * (unit -> float) =
    let words = step.Words @ [ "train.budget=null"; $"train.steps={endless}"; "train.record-every=1000000" ]
    let spec = (Sweeps.planned configs "/nowhere" words).Runs.Head.Spec
    let rng (name: string) = (new Rng(1UL)).Stream name
    let data = spec.Data.Build(Site([||], torch.CPU, rng "data", "/nowhere"))
    let method = spec.Method.Build(Site(data.Shape, torch.CPU, rng "init", "/nowhere"))
    let train = spec.Train
    let optimizers = new Optimizers(method, train)
    let batches = Batches(data.Train, train.Batch, rng "batches")
    let health = Health(train.Health, data.Shape |> Array.fold (*) 1L)
    let averages = new Averages(method, train.Average)
    let trainer = Trainer(method, batches, optimizers, averages, health, train, rng "training")
    trainer.Resume(int64 (step.Done * float endless), 0L)
    let mutable steps = 0L

    let run count =
        let clock = Stopwatch.StartNew()

        for _ in 1..count do
            trainer.Advance(fun () -> false) |> ignore

        steps <- steps + int64 count
        if not (isNull trainer.Diverged) then failwith $"{step.Name} has diverged: {trainer.Diverged}"
        clock.Elapsed.TotalSeconds

    run, (fun () -> float trainer.Units / float (max 1L steps))
