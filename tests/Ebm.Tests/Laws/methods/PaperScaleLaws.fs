/// The experiments of the papers at their scale: networks, schedules and steps on libtorch's meta device, and one step of each with few channels and rows.
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

let private methodOf experiment = fst (EveryMethod.composed [ $"experiment={experiment}" ])

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

/// The ladder's noises and steps as the papers' code has them.
let private ladder experiment =
    let document = methodOf experiment
    let noise = (Catalog.Load []).Build<ISpec<NoiseSchedule>>(nonNull (document.Find "noise"), "method.noise")
    noise.Build(Site(cifar, device, rng "ladder", ""))

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

    law "ladders at the papers' scale have their levels and noises" (fun () ->
        let t6 = ladder "cifar10-drl-t6"
        Close.same "T6" 64 (BetaSchedules.Released 6).Noise t6.Noise
        let cosine = ladder "cifar10-cdrl"
        let ends = values (2.0 * (cosine.Signal / cosine.Noise).log())
        must $"cooperative: log-SNRs %A{ends}" (ends.Length = 7 && abs (ends[0] - 9.8) < 1e-4 && abs (ends[6] + 5.1) < 1e-4)
        let joint = ladder "cifar10-joint-cd"
        must $"joint: {joint.Levels} levels" (joint.Levels = NoiseSchedule.LevelsFor(3072L, 0.01, 0.9995))
        let denoising = ladder "cifar10-denoising-ebm"
        let ratio = values (denoising.Noise[0L] / denoising.Noise[1L])
        // The paper's ratio, rounded to five digits.
        must $"denoising: {denoising.Levels} levels, ratio {ratio[0]}" (denoising.Levels = 128 && abs (ratio[0] - 0.96439) < 5e-6))

    law "one step of every experiment at a paper's scale runs, with few channels and rows" (fun () ->
        inSingle (fun () -> step (fun method update -> method.Parts[update.Part])) ())
    |> breaks "weights that the loss does not depend on" (fun () ->
        inSingle (fun () -> step (fun _ _ -> torch.nn.Linear(2L, 2L, device = device))) ())
]
