/// Noise-contrastive estimation: at its minimum f = log p/n, a normalised density.
module Ebm.Tests.Laws.NoiseContrastLaws

open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Methods
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian
open Ebm.Tests.Optimum

/// log n/p times a factor, plus a learned quadratic form. The loss is convex in the form, so a zero gradient is the minimum.
type private Quadratic(factor: float) as this =
    inherit torch.nn.Module<Tensor, Tensor>("quadratic")
    let form = new Parameter(torch.zeros (6L, 1L, device = device))
    do this.register_parameter ("form", form)

    override _.forward x =
        let exact = (Gaussian.Round(2, 1.0)).LogDensity x - (world ()).LogDensity x
        factor * exact.unsqueeze 1L + (monomials x).matmul form

let private contrast factor ratio =
    let energy = {
        new INetSpec with
            member _.Build(_, _, _) = new Quadratic(factor)
    }
    NoiseContrastSpec(energy, Ratio = ratio).Build(Site([| 2L |], device, rng "noise contrast", "")) :?> NoiseContrast

let private isLeast factor =
    for ratio in [ 1; 3 ] do
        contrast factor ratio |> slopes "energy" 1000L |> vanish $"{ratio} rows of noise for each of data"

let private agrees factor =
    let method = contrast factor 1
    let x = (rng "x").Normal(100L, 2L)
    Close.same "−log p(x)" 64 (-((world ()).LogDensity x)) ((method :> IDensity).Density.Of x)
    let struct (_, logWeights) = (method :> IWeighted).Weigh(20_000L, rng "weigh")
    Close.near "Z" 1.0 (Close.mean (values (logWeights.exp ())))

let private generates factor =
    let due = world ()
    Close.moments "generated" due.MeanValues due.CovarianceValues ((contrast factor 1).Sample(4000L, rng "generate"))

let all = [
    law "the loss of noise contrast has its minimum at f = log p/n, for any number of noise rows: its gradient vanishes there" (fun () ->
        isLeast 1.0)
    |> breaks "a ratio that is too certain" (fun () -> isLeast 1.3)

    law "at f = log p/n, the density of noise contrast is p and its proposal weighs to Z = 1" (fun () -> agrees 1.0)
    |> breaks "at another temperature" (fun () -> agrees 1.1)

    law "at f = log p/n, noise contrast generates p" (fun () -> generates 1.0) |> breaks "at another temperature" (fun () -> generates 1.5)
]
