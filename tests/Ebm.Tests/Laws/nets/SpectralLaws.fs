/// Spectral normalisation: singular values by power iteration, the gradient, and the flags.
module Ebm.Tests.Laws.SpectralLaws

open TorchSharp
open Ebm.Core
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private weight () = (rng "weight").Normal(5L, 3L)

let private normed (settings: SpectralNormSpec) passes =
    let norm = new SpectralNorm(settings, 5L, rng "u")

    for _ in 1..passes do
        norm.Of(weight ()) |> ignore

    norm

let private largest (w: Tensor) = value (torch.linalg.svdvals(w)[0])

let private isOne passes =
    let found = largest ((normed (SpectralNormSpec()) passes).Of(weight ()))
    must $"the largest singular value is {found}" (abs (found - 1.0) < 1e-9)

/// The gradient of a linear function of W/σ, compared with differences of its value by singular values.
let private follows (of': SpectralNorm -> Tensor -> Tensor) =
    let norm = normed (SpectralNormSpec()) 500
    norm.eval ()
    let w, towards, along = (weight ()).requires_grad_ true, (rng "towards").Normal(5L, 3L), (rng "along").Normal(5L, 3L)
    let gradient = (gradients ((of' norm w * towards).sum()) [ w ])[0]
    use _ = torch.no_grad ()
    let moved h = let w = weight () + h * along in value ((w / largest w * towards).sum())
    let derivative = Close.derivative moved
    Close.near "gradient along a direction less differences" 0.0 {
        derivative with
            Value = derivative.Value - value ((gradient * along).sum())
    }

let private net spectral =
    LevelTimeSpec(Width = 6, Depth = 2, Spectral = spectral).Build(rng "net", [| 2L |], NoiseSchedule.Geometric(0.1, 1.0, 3))

/// Whether a call changed the net's power iteration.
let private moves (spectral: SpectralNormSpec) (ask: LevelNet -> unit) =
    let net = net spectral
    let state () = [
        for struct (name, u) in net.named_buffers () do
            if name.EndsWith ".u" then yield! values u
    ]
    let before = state ()
    must "the net must have a power iteration" (not before.IsEmpty)
    ask net
    before <> state ()

let private x () = (rng "x").Normal(4L, 2L)
let private slope (net: LevelNet) = (net :> ILevelEnergy).At(repeated 4L 1).WithSlope(x ()) |> ignore
let private pass (net: LevelNet) = net.At(x (), repeated 4L 1) |> ignore

let all = [
    law "power iteration converges to the largest singular value, and that of W/σ is one" (fun () -> isOne 200)
    |> breaks "a single pass" (fun () -> isOne 1)

    law "the gradient of W/σ goes through σ" (fun () -> follows (fun norm w -> norm.Of w))
    |> breaks "σ held constant" (fun () -> follows (fun norm w -> norm.Of(w.detach ()) / w.detach () * w))

    law "training passes change a norm, sampling only if it is not frozen, evaluation never" (fun () ->
        must "a training pass" (moves (SpectralNormSpec()) pass)
        must "a slope for a kernel" (not (moves (SpectralNormSpec()) slope))
        must "a slope, unfrozen" (moves (SpectralNormSpec(Freeze = false)) slope)
        must
            "a pass in evaluation"
            (not (
                moves (SpectralNormSpec(Freeze = false)) (fun net ->
                    net.eval ()
                    pass net)
            )))

    law "a normed net's slope agrees with differences" (fun () ->
        let net = net (SpectralNormSpec(LowerBound = true, Gain = true))
        net.eval ()
        let energy, along = (net :> ILevelEnergy).At(repeated 4L 1), (rng "along").Normal(4L, 2L)
        use _ = torch.no_grad ()
        let derivative = Close.derivative (fun h -> value ((energy.Of(x () + h * along)).sum()))
        let struct (_, slope) = energy.WithSlope(x ())
        Close.near "slope less differences" 0.0 { derivative with Value = derivative.Value - value ((slope * along).sum()) })

    law "with a lower bound small weights stay small and large ones have norm one; a gain starts at one" (fun () ->
        let settings = SpectralNormSpec(Iterations = 300, LowerBound = true, Gain = true)

        for size in [ 0.01; 0.5; 3.0 ] do
            let w = weight () / largest (weight ()) * size
            let norm = new SpectralNorm(settings, 5L, rng "u")
            let found = largest (norm.Of w)
            // σ + 10⁻⁶ in the denominator.
            must $"{size} became {found}" (abs (found / min size 1.0 - 1.0) < 2e-6 / size)
            let h = (rng "h").Normal(4L, 5L)
            Close.same "gained" 0 h (norm.Gained h))
]
