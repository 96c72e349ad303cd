/// The classifier of the noise level: at its optimum, p(ℓ | x), its ratios are log p(x, ℓ).
module Ebm.Tests.Laws.LevelClassifierLaws

open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Methods
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian
open Ebm.Tests.Optimum

/// A ladder whose top is exactly N(0, I).
let private schedule () = NoiseSchedule(row [ 0.98; 0.9; 0.6; 0.0 ], row [ 0.2; 0.436; 0.8; 1.0 ])

/// The exact energies of a Gaussian's levels, times a factor, plus any function of x, plus a learned quadratic form per level. Cross entropy is
/// convex in the form, so a zero gradient is the minimum.
type private Quadratic(world: Gaussian, schedule: NoiseSchedule, factor: float) as this =
    inherit LevelNet("quadratic")
    let exact = new GaussianLadder(world, schedule, List.replicate schedule.Levels 0.0)
    let forms = new Parameter(torch.zeros (6L, int64 schedule.Levels, device = device))
    do this.register_parameter ("forms", forms)
    let table (x: Tensor) =
        let a, b = x.select (1L, 0L), x.select (1L, 1L)
        factor * exact.All x + (3.0 * a.sin () + b * b).unsqueeze 1L + (monomials x).matmul forms

    override _.Levels = schedule.Levels
    override _.EveryEnergy x = table x
    override _.EnergyAt(x, level) = (table x).gather(1L, level.unsqueeze 1L).squeeze 1L

let private resampling factor ends isResampled =
    let schedule = schedule ()
    let spec =
        LevelClassifierSpec(
            {
                new ILevelEnergySpec with
                    member _.Build(_, _, noise) = new Quadratic(world (), noise, factor)
            },
            {
                new ISpec<NoiseSchedule> with
                    member _.Build _ = schedule
            },
            Ends = ends,
            Resample = isResampled,
            SampleSteps = 40
        )
    spec.Build(Site([| 2L |], device, rng "level classifier", Folder.dataRoot)) :?> LevelClassifier

let private classifier factor ends = resampling factor ends false

let private isLeast factor ends = classifier factor ends |> slopes "energy" 1000L |> vanish $"ends {ends}"

let private level0 () =
    let schedule = schedule ()
    (world ()).Diffused((values schedule.Signal)[0], (values schedule.Noise)[0])

let all = [
    law "the level's cross entropy has its minimum at p(ℓ | x): its gradient vanishes in every quadratic form" (fun () ->
        isLeast 1.0 0.0
        isLeast 1.0 0.5)
    |> breaks "a posterior that is too certain" (fun () -> isLeast 1.3 0.0)

    law "at the exact p(ℓ | x), the level classifier's ratios are log p(x, ℓ), whatever function of x is added to all levels" (fun () ->
        let schedule = schedule ()
        let method = classifier 1.0 0.0
        let x = (rng "x").Normal(100L, 2L)
        let exact = new GaussianLadder(world (), schedule, List.replicate schedule.Levels 0.0)
        Close.same "log p(x)" 256 ((level0 ()).LogDensity x) ((method :> IDensityReadout).Readout x)
        Close.same "−log p(x, ℓ)" 256 (exact.All x) ((method :> ILadder).Levels.All x))
    |> breaks "at another temperature" (fun () ->
        let x = (rng "x").Normal(100L, 2L)
        Close.same "log p(x)" 256 ((level0 ()).LogDensity x) ((classifier 1.1 0.0 :> IDensityReadout).Readout x))

    law "at the exact p(ℓ | x), the level classifier generates level 0, with resampling and without" (fun () ->
        let due = level0 ()

        for isResampled in [ false; true ] do
            let rows = (resampling 1.0 0.0 isResampled).Sample(4000L, rng "generate")
            Close.moments $"generated, resampled {isResampled}" due.MeanValues due.CovarianceValues rows)
    |> breaks "at another temperature" (fun () ->
        let due = level0 ()
        Close.moments "generated" due.MeanValues due.CovarianceValues ((classifier 1.5 0.0).Sample(4000L, rng "generate")))
]
