/// Denoising score matching: its loss at the truth, its optimum, its double backward, and annealed Langevin.
module Ebm.Tests.Laws.DenoisingScoreLaws

open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let private world () = Gaussian.Of([ 0.3; -0.2 ], [ [ 0.4; 0.1 ]; [ 0.1; 0.3 ] ])
let private schedule () = NoiseSchedule.Geometric(0.2, 1.5, 4)

/// The exact energies of a Gaussian's levels, times one learned factor.
type private Tempered(world: Gaussian, schedule: NoiseSchedule, factor: float) as this =
    inherit LevelNet("tempered")
    let exact = new GaussianLadder(world, schedule, List.replicate schedule.Levels 0.0)
    let beta = new Parameter(number factor)
    do this.register_parameter ("beta", beta)
    override _.Levels = schedule.Levels
    override _.EveryEnergy x = beta * exact.All x
    override _.EnergyAt(x, level) = beta * exact.At(x, level)

let private spec net schedule =
    DenoisingScoreSpec(
        {
            new ILevelEnergySpec with
                member _.Build(rng, shape, noise) = net rng shape noise
        },
        {
            new ISpec<NoiseSchedule> with
                member _.Build _ = schedule
        },
        SampleSteps = 40,
        Confinement = 1e6
    )

let private built (spec: DenoisingScoreSpec) = spec.Build(Site([| 2L |], device, rng "denoising score", Folder.dataRoot)) :?> DenoisingScore

let private tempered factor =
    let schedule = schedule ()
    built (spec (fun _ _ noise -> new Tempered(world (), noise, factor)) schedule)

let private updates (method: DenoisingScore) batch count =
    let data = Batches((world ()).Draw(20_000L, rng "data"), batch, rng "batches")
    [| for i in 1L .. count -> method.Iterate(data, (rng "updates").Stream i) |> Seq.exactlyOne |]

/// At the truth E |noise s + ξ|² = d − noise² tr Σ_ℓ⁻¹: the error of the best denoiser.
let private least factor =
    let schedule = schedule ()
    let misfits = updates (tempered factor) 1000L 60L |> Array.map (fun u -> let struct (_, v) = u.Watched[0] in values v)

    for l in 0 .. schedule.Levels - 1 do
        let noise = (values schedule.Noise)[l]
        let due = 2.0 - noise * noise * value ((world ()).Diffused(1.0, noise).Precision.diagonal().sum())
        Close.near $"misfit at level {l}" due (misfits |> Array.map (Array.item l) |> Close.mean)

/// The derivative of the loss in the energies' common factor.
let private slope factor =
    let method = tempered factor
    let beta = method.Parts["energy"].parameters() |> Seq.toArray
    [| for u in updates method 500L 60L -> value (Array.head (gradients u.Loss beta)) |] |> Close.mean

/// The derivative of one step's loss along a direction in the parameters, by double backward and by differences.
let private differs (along: Tensor[] -> Tensor[] -> Tensor) =
    let method = built (spec (fun rng shape noise -> LevelMlpSpec(Width = 8, Depth = 2).Build(rng, shape, noise)) (schedule ()))
    let weights = method.Parts["energy"].parameters() |> Seq.toArray
    let direction = [| for w in weights -> (rng "direction").NormalLike w |]
    let rows = (world ()).Draw(64L, rng "rows")
    let loss () = (method.Iterate(Batches(rows, 16L, rng "batches"), rng "step") |> Seq.exactlyOne).Loss

    let moved (share: float) =
        use _ = torch.no_grad ()
        Array.iter2 (fun (w: Parameter) (d: Tensor) -> w.add_ (number share * d) |> ignore) weights direction

    let derivative =
        Close.derivative (fun h ->
            moved h
            let there = value (loss ())
            moved -h
            there)

    // The last layer's bias changes energies but no score, so the loss does not depend on it.
    let exact = value (along (gradients (loss ()) weights) direction)
    must
        $"double backward gives {exact:G9}, differences {derivative.Value:G9} ± {derivative.Error:G3}"
        (abs (exact - derivative.Value) <= 10.0 * derivative.Error)

let private dot (a: Tensor[]) (b: Tensor[]) = Array.map2 (fun (g: Tensor) (d: Tensor) -> (g * d).sum()) a b |> Array.reduce (+)

let all = [
    law "at a Gaussian's exact scores, the loss of denoising score matching is d − noise² tr Σ⁻¹ at every level" (fun () -> least 1.0)
    |> breaks "scores a tenth too large" (fun () -> least 1.1)

    law "denoising score matching has its minimum at a Gaussian's exact scores" (fun () -> Close.near "slope in the factor" 0.0 (slope 1.0))
    |> breaks "scores a twentieth too large" (fun () -> Close.near "slope in the factor" 0.0 (slope 1.05))

    law "the gradient of denoising score matching, a second derivative, agrees with differences" (fun () -> differs dot)
    |> breaks "the first parameter's gradient omitted" (fun () -> differs (fun g d -> dot g[1..] d[1..]))

    law "on exact energies, annealed Langevin generates level 0" (fun () ->
        let schedule = schedule ()
        let due = (world ()).Diffused(1.0, (values schedule.Noise)[0])
        let generated = (tempered 1.0).Sample(4000L, rng "generate")
        Close.moments "generated" due.MeanValues due.CovarianceValues generated)
    |> breaks "at another temperature" (fun () ->
        let schedule = schedule ()
        let due = (world ()).Diffused(1.0, (values schedule.Noise)[0])
        Close.moments "generated" due.MeanValues due.CovarianceValues ((tempered 1.5).Sample(4000L, rng "generate")))
]
