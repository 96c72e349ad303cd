/// The experiments of the papers at their scale: weights of the networks on libtorch's meta device, levels, sizes of steps, learning rates and data as papers or
/// code have them, and one step of each with few channels and rows.
module Ebm.Tests.Laws.PaperScaleLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private cifar = [| 3L; 32L; 32L |]
let private celeba = [| 3L; 64L; 64L |]

/// Each experiment, the shape of its rows, and the weights of its method. DRL's and GEBM's counts are those of their layers (PaperNetLaws.fs) and the learned
/// constant c; the others', whose networks are partly ours, only have to stay as they are.
let private papers = [
    "cifar10-drl-t6", cifar, 34_833_408L
    "cifar10-cdrl", cifar, 36_260_035L
    "cifar10-joint-cd", cifar, 3_905_794L
    "cifar10-gebm", cifar, 1_097_603L + 1_053_825L + 1L
    "cifar10-denoising-ebm", cifar, 31_185_158L
    "cifar10-energy-matching", cifar, 7_675_393L
    "celeba64-denoising-ebm", celeba, 33_399_174L
]

let private part (name: string) experiment = nonNull ((EveryMethod.command [ $"experiment={experiment}" ]).Config.Find name)
let private methodOf = part "method"

let private built (document: Document) shape device =
    let spec = (Catalog.Load []).Build<ISpec<Method>>(document, "method")
    spec.Build(Site(shape, device, new Rng(1UL, device), Folder.dataRoot))

/// The methods at full scale, where tensors have shapes and no values.
let private fullScale (weights: int64 -> int64) =
    for experiment, shape, due in papers do
        use _ = torch.NewDisposeScope()
        let method = built (methodOf experiment) shape torch.META
        let found = method.parameters () |> Seq.sumBy _.numel()
        must $"{experiment} has {found} weights, not {due}" (found = weights due)

/// The schedule of an experiment's noise.
let private noiseOf experiment =
    (Catalog.Load [])
        .Build<ISpec<NoiseSchedule>>(nonNull ((methodOf experiment).Find "noise"), "method.noise")
        .Build(Site(cifar, device, rng "noise", ""))

let private close (what: string) (due: float) (found: float) = must $"{what} is {found}, not {due}" (abs (found - due) <= 1e-5 * abs due)

/// Levels, and the noise of the first and the last. T6: DDPM's variances, of which the code takes a first of .0001 and a last of 1 − abar². Cooperative: log-SNRs
/// of 9.8 and −5.1. Joint: ours. Denoising: the paper's.
let private ladders = [
    "cifar10-drl-t6", 7, 0.01, 0.99998
    "cifar10-cdrl", 7, sqrt (1.0 / (1.0 + exp 9.8)), sqrt (1.0 / (1.0 + exp -5.1))
    "cifar10-joint-cd", NoiseSchedule.LevelsFor(3072L, 0.01, 0.9995), 0.01, 0.9999 // a last level above the highest
    "cifar10-denoising-ebm", 128, 0.01, 1.0
    "celeba64-denoising-ebm", 128, 0.01, 1.0
]

let private areLadders (levels: int -> int) =
    for experiment, count, first, last in ladders do
        let noise = noiseOf experiment
        must $"{experiment} has {noise.Levels} levels, not {count}" (noise.Levels = levels count)
        let found = values noise.Noise
        close $"{experiment}: the first noise" first found[0]
        close $"{experiment}: the last noise" last found[count - 1]

/// δ_t² and w_t of the recovery chains, by rung.
let private stepsOf experiment =
    let spec = (Catalog.Load []).Build<ISpec<Method>>(methodOf experiment, "method") :?> RecoveryLikelihoodSpec
    let tables = new RecoveryTables(noiseOf experiment, spec.Step, spec.StepUnit, spec.EnergyScale, spec.LossWeight, spec.LastRung)
    values tables.StepSquared, values tables.Weight

/// The learning rate of each experiment: steps, batch, and the rate at some of the steps.
let private rates = [
    "cifar10-drl-t6", 1_000_000L, 256L, [ 0L, 1e-4 / 1001.0; 1000L, 1e-4; 999_999L, 1e-4 ]
    "cifar10-cdrl", 500_000L, 256L, [ 0L, 1e-4 / 10_001.0; 10_000L, 1e-4; 499_999L, 1e-4 ]
    "cifar10-joint-cd",
    120_000L,
    200L,
    [ 6000L, 1e-5; 72_000L, 1e-5; 96_000L, 1e-5 * (1.0 + 1e-5) / 2.0; 119_999L, 1e-5 * (1e-5 + 1.0 / 48_000.0) ]
    "cifar10-gebm", 150_000L, 128L, [ 0L, 1e-4; 149_999L, 1e-4 ]
    "cifar10-denoising-ebm", 200_000L, 128L, [ 1000L, 5e-5; 199_999L, 5e-5 ]
    "cifar10-energy-matching", 147_000L, 512L, [ 0L, 1.2e-3 / 10_001.0; 10_000L, 1.2e-3; 146_999L, 1.2e-3 ]
    "celeba64-denoising-ebm", 200_000L, 128L, [ 1000L, 5e-5; 199_999L, 5e-5 ]
]

/// Adam's β₁, β₂ and ε, the clip, and the decay of the average; ε and clip of energy matching are for sums over 3072 numbers.
let private updates = [
    "cifar10-drl-t6", (0.9, 0.999, 1e-7), None, Some 0.999
    "cifar10-cdrl", (0.9, 0.999, 1e-8), Some 1.0, Some 0.9999
    "cifar10-joint-cd", (0.0, 0.999, 1e-8), None, None
    "cifar10-gebm", (0.5, 0.999, 1e-8), None, None
    "cifar10-denoising-ebm", (0.9, 0.999, 1e-8), Some 1.0, Some 0.999
    "cifar10-energy-matching", (0.9, 0.95, 3072e-8), Some 3072.0, Some 0.99
    "celeba64-denoising-ebm", (0.9, 0.999, 1e-8), Some 1.0, Some 0.999
]

let private trains (rate: float -> float) =
    for experiment, steps, batch, due in rates do
        let train = (Catalog.Load []).Build<TrainSpec>(part "train" experiment, "train")
        must
            $"{experiment}: {train.Steps} steps of {train.Batch} rows"
            (train.Steps = Nullable steps && train.Batch = batch && not train.Budget.HasValue)
        for step, due in due do
            close $"{experiment}: the learning rate at step {step}" due (rate (train.Lr * train.Factor(step, 0L)))

    for experiment, due, clip, average in updates do
        let train = (Catalog.Load []).Build<TrainSpec>(part "train" experiment, "train")
        let adam = train.Optimizer :?> AdamSpec
        must $"{experiment}: {adam}" ((adam.Beta1, adam.Beta2, adam.Epsilon) = due)
        must
            $"{experiment}: clip {train.Clip}, average {train.Average}"
            (Option.ofNullable train.Clip = clip && Option.ofNullable train.Average = average)

/// What each experiment does with the bytes of a picture: whether noise makes them continuous, and whether training mirrors them.
let private readings = [
    "cifar10-drl-t6", "none", true
    "cifar10-cdrl", "none", true
    "cifar10-joint-cd", "none", false
    "cifar10-gebm", "none", false
    "cifar10-denoising-ebm", "uniform", true
    "cifar10-energy-matching", "none", true
    "celeba64-denoising-ebm", "uniform", true
]

let private few =
    Map [
        "width", 4L
        "blocks", 1L
        "steps", 2L
        "flow-steps", 2L
        "code-moves", 2L
        "row-moves", 2L
        "memory", 8L
        "codes", 4L
        "latent", 4L
    ]

/// The same settings with few channels, blocks and steps.
let private reduced (document: Document) =
    (document, document.Leaves())
    ||> Seq.fold (fun document (struct (path, leaf)) ->
        match few.TryFind(path.Substring(path.LastIndexOf '.' + 1)) with
        | Some count when (leaf.Value :? int64) -> document.With(path, Document.From count)
        | _ -> document)

/// One step of each, with four rows: every update has a finite loss and a gradient in the weights of its part.
let private step (weights: Method -> Update -> torch.nn.Module) =
    for experiment, shape, _ in papers do
        use _ = torch.NewDisposeScope()
        let method = built (reduced (methodOf experiment)) shape device
        // Both phases of a method that has two: the second is the paper's.
        let batches = Batches((rng "data").Normal(Array.append [| 16L |] shape), 4L, rng "batches", Progress = 0.999)

        for update in method.Iterate(batches, rng "step") do
            let loss = value update.Loss
            must $"{experiment}, {update.Part}: a loss of {loss}" (Double.IsFinite loss)
            let norm = gradients update.Loss ((weights method update).parameters()) |> Array.sumBy (fun g -> value (g.square().sum()))
            must $"{experiment}, {update.Part}: a gradient of squared norm {norm}" (norm > 0.0 && Double.IsFinite norm)

let all = [
    law "methods at the papers' scale have the weights of their tables" (fun () -> fullScale id)
    |> breaks "one weight more" (fun () -> fullScale ((+) 1L))

    law "ladders at the papers' scale have their levels, and their first and last noises" (fun () ->
        areLadders id
        Close.same "T6" 64 (BetaSchedules.Released 6).Noise (noiseOf "cifar10-drl-t6").Noise
        let noise = (noiseOf "cifar10-denoising-ebm").Noise
        // The paper's ratio, rounded to five digits.
        let ratio = value (noise[0L] / noise[1L])
        must $"a ratio of {ratio}" (abs (ratio - 0.96439) < 5e-6))
    |> breaks "one level more" (fun () -> areLadders ((+) 1))

    law "recovery chains at the papers' scale have the steps and weights of the released code" (fun () ->
        let steps, weights = stepsOf "cifar10-drl-t6"
        for t, (step, weight) in
            [ 2.0954e-5, 1.0; 1.7277e-3, 0.6267; 4.6861e-3, 0.5120; 7.9202e-3, 0.4538; 1.0742e-2, 0.4185; 1.9196e-2, 0.3238 ]
            |> List.indexed do
            // Printed with five and four digits.
            must $"T6, rung {t}: a step of {steps[t]}" (abs (steps[t] / step - 1.0) < 5e-5)
            must $"T6, rung {t}: a weight of {weights[t]}" (abs (weights[t] - weight) < 1e-4)
        // Cooperative: 4e-4 c² σ² on a cosine of log-SNRs.
        let steps, weights = stepsOf "cifar10-cdrl"
        let b = atan (exp (-0.5 * 9.8))
        let a = atan (exp (0.5 * 5.1)) - b
        let signal2 = [ for i in 0..6 -> 1.0 / (1.0 + tan (a * float i / 6.0 + b) ** 2.0) ]
        let sigma2 = [ for t in 0..5 -> 1.0 - signal2[t + 1] / signal2[t] ]
        for t in 0..5 do
            close $"cooperative, rung {t}: the step" (4e-4 * sqrt ((1.0 - signal2[t]) / (1.0 - signal2[0])) * sigma2[t]) steps[t]
            close $"cooperative, rung {t}: the weight" (sqrt (sigma2[0] / sigma2[t])) weights[t])

    law "training at the papers' scale has their steps, batches, learning rates and updates" (fun () -> trains id)
    |> breaks "a rate that is a hundredth too high" (fun () -> trains ((*) 1.01))

    law "experiments at the papers' scale read pictures as the papers' code does" (fun () ->
        for experiment, dequantise, flip in readings do
            let data = part "data" experiment
            let found = string ((data.Get "dequantise").Value), (data.Get "flip").Value
            must $"{experiment}: %A{found}" (found = (dequantise, box flip)))

    law "one step of every experiment at a paper's scale runs, with few channels and rows" (fun () ->
        inSingle (fun () -> step (fun method update -> method.Parts[update.Part])) ())
    |> breaks "weights that the loss does not depend on" (fun () ->
        inSingle (fun () -> step (fun _ _ -> torch.nn.Linear(2L, 2L, device = device))) ())
]
