/// Anchored levels: at the classifier's optimum the density is p for any α, and likelihood finds the α that removes an error of the classifier.
module Ebm.Tests.Laws.AnchoredLaws

open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Methods
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian
open Ebm.Tests.Optimum

/// Level 0 without noise, and a top that is exactly N(0, I).
let private schedule () = NoiseSchedule(row [ 1.0; 0.9; 0.6; 0.0 ], row [ 0.0; 0.436; 0.8; 1.0 ])

/// N(0, s² I), where the flow stays.
let private scale = 0.8

/// The exact energies of the levels and of the flow, times a factor, plus an error of some classes, plus any function of x, plus a learned quadratic form per
/// class.
type private Quadratic(factor: float, wrong: float list) as this =
    inherit LevelNet("quadratic")
    let exact = new GaussianLadder(world (), schedule (), List.replicate 4 0.0)
    let forms = new Parameter(torch.zeros (6L, 5L, device = device))
    do this.register_parameter ("forms", forms)
    let table (x: Tensor) =
        let a, b = x.select (1L, 0L), x.select (1L, 1L)
        let flow = -((Gaussian.Round(2, scale * scale)).LogDensity x)
        let error = (0.4 * (3.0 * a).sin()).unsqueeze 1L * row wrong
        factor * torch.cat ([| exact.All x; flow.unsqueeze 1L |], 1L)
        + error
        + (3.0 * a.sin () + b * b).unsqueeze 1L
        + (monomials x).matmul forms

    override _.Levels = 5
    override _.EveryEnergy x = table x
    override _.EnergyAt(x, level) = (table x).gather(1L, level.unsqueeze 1L).squeeze 1L

let private right = [ 0.0; 0.0; 0.0; 0.0; 0.0 ]

let private settings alpha ends score (energy: unit -> LevelNet) =
    AnchoredLevelsSpec(
        ScaledSpec scale,
        {
            new ILevelEnergySpec with
                member _.Build(_, _, classes) =
                    must "a class for each level and one for the flow" (classes.Levels = 5)
                    energy ()
        },
        {
            new ISpec<NoiseSchedule> with
                member _.Build _ = schedule ()
        },
        BaseShare = 0.0,
        Ends = ends,
        Alpha = alpha,
        Score = score,
        SampleSteps = 5
    )

let private build (spec: AnchoredLevelsSpec) = spec.Build(Site([| 2L |], device, rng "anchored", "")) :?> AnchoredLevels

let private exact alpha ends score factor = build (settings alpha ends score (fun () -> new Quadratic(factor, right)))

let private isLeast factor =
    for ends in [ 0.0; 0.6 ] do
        exact 0.5 ends 0.0 factor |> slopes "energy" 1000L |> vanish $"ends {ends}"

let private agrees factor =
    for alpha in [ 0.0; 0.5; 1.0 ] do
        let method = exact alpha 0.0 0.0 factor
        let x = (rng "x").Normal(100L, 2L)
        Close.same "−log p(x)" 256 (-((world ()).LogDensity x)) ((method :> IDensity).Density.Of x)
        let struct (rows, logWeights) = (method :> IWeighted).Weigh(20_000L, rng "weigh")
        Close.near "Z" 1.0 (Close.mean (values (logWeights.exp ())))
        let again = -((method :> IDensity).Density.Of rows) + (method :> IOnBase).Base.Of rows
        Close.same "the log weight is log p/g" 256 again logWeights

let private generates factor =
    let due = world ()
    Close.moments "generated" due.MeanValues due.CovarianceValues ((exact 0.5 0.0 0.0 factor).Sample(4000L, rng "generate"))

/// The gradient in α, where the energies of these classes have an error.
let private alphaAt alpha wrong = build (settings alpha 0.0 0.0 (fun () -> new Quadratic(1.0, wrong))) |> slopes "control" 4000L

/// An error of the top is in both of the classifier's ratios.
let private ofTop = [ 0.0; 0.0; 0.0; 1.0; 0.0 ]

/// An error of level 0 is in the first alone.
let private ofData = [ 1.0; 0.0; 0.0; 0.0; 0.0 ]

let private shared wrong = alphaAt 1.0 wrong |> vanish "α = 1"

let all = [
    law "the cross entropy of levels and flow has its minimum at p(class | x), for any shares: its gradient vanishes there" (fun () ->
        isLeast 1.0)
    |> breaks "a posterior that is too certain" (fun () -> isLeast 1.3)

    law "denoising score matching at the levels with noise has its minimum at the same energies" (fun () ->
        exact 0.5 0.0 100.0 1.0 |> slopes "energy" 1000L |> vanish "with the score")
    |> breaks "at another temperature" (fun () -> exact 0.5 0.0 100.0 1.1 |> slopes "energy" 1000L |> vanish "with the score")

    law "α has its greatest likelihood at 1 if the classifier's error on p is its error on the flow" (fun () ->
        shared ofTop
        Close.below "the slope at α = 0" 0.0 (alphaAt 0.0 ofTop |> Array.map Array.head |> Close.mean))
    |> breaks "an error on p alone" (fun () -> shared ofData)

    law "at p(class | x), the density of anchored levels is p for any α, without noise, and the flow weighs to Z = 1" (fun () -> agrees 1.0)
    |> breaks "at another temperature" (fun () -> agrees 1.1)

    law "at p(class | x), anchored levels generate p" (fun () -> generates 1.0) |> breaks "at another temperature" (fun () -> generates 1.5)
]
