/// One training step of each method in the plane and of four on 28×28 pictures, as runs execute it: the real trainer, optimizer, clipping and average,
/// with the settings of the configs. `twins.py` has the same steps in PyTorch.
module Ebm.Bench.Steps

open TorchSharp
open Ebm.Core
open Ebm.Runs

/// A method's training step: its name, its words in a sweep, and the share of training that is done, which decides its phase.
type Step = {
    Name: string
    Words: string list
    Done: float
    /// The share of PyTorch's time that it may take; NaN if none is set.
    Bound: float
    IsOfPictures: bool
    HasTwin: bool
}

let private step name words share bound = {
    Name = name
    Words = "experiment=methods" :: words
    Done = share
    Bound = bound
    IsOfPictures = false
    HasTwin = true
}

let private ofPictures name words hasTwin = {
    Name = $"{name}-of-pictures"
    Words = words
    Done = 0.5
    Bound = nan
    IsOfPictures = true
    HasTwin = hasTwin
}

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
    // The settings for digits where there are some, else those for pictures.
    ofPictures "joint-cd" [ "experiment=mnist"; "method=joint-cd" ] true
    ofPictures "recovery-likelihood" [ "experiment=images"; "data.folder=pictures"; "method=recovery-likelihood" ] true
    ofPictures "denoising-ebm" [ "experiment=mnist"; "method=denoising-ebm" ] false
    ofPictures "generalized-ebm" [ "experiment=images"; "data.folder=pictures"; "method=generalized-ebm" ] false
]

/// More steps than any measurement does, so that the phase does not change.
let private endless = 1_000_000_000L

/// The streams of a training, by name.
let rng (name: string) = (new Rng(1UL)).Stream name

/// Artificial pictures: what a step costs does not depend on what they show.
type private Pictures() =
    let rows = (rng "pictures").Normal(2000L, 1L, 28L, 28L).tanh()

    interface IDataset with
        member _.Name = "pictures"
        member _.Shape = [| 1L; 28L; 28L |]
        member _.Train = rows
        member _.Test = rows
        member _.Digest = ""

/// A training in the middle of its phase.
type Training = {
    Method: Method
    Train: TrainSpec
    Data: IDataset
    Batches: Batches
    Optimizers: Optimizers
    Averages: Averages
    Trainer: Trainer
}

let training configs (step: Step) =
    let words = step.Words @ [ "train.budget=null"; $"train.steps={endless}"; "train.record-every=1000000" ]
    let spec = (Sweeps.planned configs "/nowhere" words).Runs.Head.Spec
    let site shape name = Site(shape, torch.CPU, rng name, "/nowhere")
    let data = if step.IsOfPictures then Pictures() :> IDataset else spec.Data.Build(site [||] "data")
    let method = spec.Method.Build(site data.Shape "init")
    let train = spec.Train
    let optimizers = new Optimizers(method, train)
    let batches = Batches(data.Train, train.Batch, rng "batches")
    let health = Health(train.Health, data.Shape |> Array.fold (*) 1L)
    let averages = new Averages(method, train.Average)
    let trainer = Trainer(method, batches, optimizers, averages, health, train, rng "training")
    trainer.Resume(int64 (step.Done * float endless), 0L)
    { Method = method; Train = train; Data = data; Batches = batches; Optimizers = optimizers; Averages = averages; Trainer = trainer }

/// A timed training step, and its cost in gradient evaluations.
let timed configs (step: Step) : Paired.Timed * (unit -> float) =
    let trainer = (training configs step).Trainer
    let mutable steps = 0L

    let run count =
        let took =
            Paired.took (fun () ->
                for _ in 1..count do
                    trainer.Advance(fun () -> false) |> ignore)

        steps <- steps + int64 count
        if not (isNull trainer.Diverged) then failwith $"{step.Name} has diverged: {trainer.Diverged}"
        took

    run, (fun () -> float trainer.Units / float (max 1L steps))
