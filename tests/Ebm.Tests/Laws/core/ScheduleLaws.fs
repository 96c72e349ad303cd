/// Noise schedules: x_ℓ = signal x₀ + noise ξ, level by level and rung by rung.
module Ebm.Tests.Laws.ScheduleLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Nets
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let private count = 40_000L

let private exploding () = NoiseSchedule.Geometric(0.05, 2.0, 6)
let private preserved () = NoiseSchedule.VariancePreserving(0.05, 0.95, 6)
let private schedules = [ "exploding", exploding; "preserved", preserved ]

let private at (level: int) = repeated count level

/// Rows of N(μ, Σ) diffused to a level, then one rung up by `rise`, compared with the distribution of Diffuse at the level above.
let private rises (rise: NoiseSchedule -> Tensor -> struct (Tensor * Tensor)) =
    let world = correlated ()

    for name, schedule in schedules do
        let schedule = schedule ()

        for l in 0 .. schedule.Levels - 2 do
            let rng = rng $"rise {name} {l}"
            let x = schedule.Diffuse(world.Draw(count, rng.Stream "x0"), at l, rng.Stream "diffuse")
            let struct (scale, spread) = rise schedule (at l)
            let risen = scale.PerRow x * x + spread.PerRow x * rng.NormalLike x
            let due = world.Diffused((values schedule.Signal)[l + 1], (values schedule.Noise)[l + 1])
            Close.moments $"{name}, from level {l}" due.MeanValues due.CovarianceValues risen

let all = [
    law "Diffuse maps rows to signal x₀ + noise ξ, each row at its own level" (fun () ->
        let world = correlated ()

        for name, schedule in schedules do
            let schedule = schedule ()
            let levels = int64 schedule.Levels
            let level = torch.arange(levels, device = device).repeat_interleave count
            let rng = rng $"diffuse {name}"
            let x = schedule.Diffuse(world.Draw(count * levels, rng.Stream "x0"), level, rng.Stream "noise")

            for l in 0 .. schedule.Levels - 1 do
                let due = world.Diffused((values schedule.Signal)[l], (values schedule.Noise)[l])
                Close.moments $"{name}, level {l}" due.MeanValues due.CovarianceValues (x.narrow (0L, int64 l * count, count)))

    law "Rise after Diffuse(ℓ) has the distribution of Diffuse(ℓ + 1), for exploding and preserved variance" (fun () ->
        rises (fun schedule level -> schedule.Rise level))
    |> breaks "the spread of exploding variance, whatever the signal" (fun () ->
        rises (fun schedule level ->
            let struct (scale, _) = schedule.Rise level
            struct (scale, (schedule.Noise[level + 1L].square() - schedule.Noise[level].square()).sqrt())))

    law "the top level has no rung above it" (fun () ->
        for name, schedule in schedules do
            let schedule = schedule ()
            let top = schedule.Levels - 1
            let levels = torch.tensor ([| 0L; int64 top |], device = device)
            throws<ArgumentOutOfRangeException, _> [ $"level {top} is the top" ] (fun () -> schedule.Rise levels))

    law "preserved variance keeps signal² + noise² = 1, exploding variance keeps the signal; noise rises, in equal ratios" (fun () ->
        for levels in [ 3; 8; 40 ] do
            let preserved = NoiseSchedule.VariancePreserving(0.03, 0.95, levels)
            Close.same
                "signal² + noise²"
                8
                (torch.ones (int64 levels, device = device))
                (preserved.Signal.square () + preserved.Noise.square ())
            let exploding = NoiseSchedule.Geometric(0.03, 3.0, levels)
            Close.same "signal" 0 (torch.ones (int64 levels, device = device)) exploding.Signal

            for noise, rungs in [ values preserved.Noise, levels - 2; values exploding.Noise, levels - 1 ] do
                let ratios = noise |> Array.pairwise |> Array.map (fun (a, b) -> b / a)
                must "noise must increase" (ratios |> Array.forall (fun r -> r > 1.0))
                Close.same
                    "ratios"
                    64
                    (torch.full ([| int64 rungs |], scalar ratios[0], device = device))
                    (row (List.ofArray ratios[.. rungs - 1])))

    law "a clean level lies below the geometric ones, may have no noise, and diffuses like the others" (fun () ->
        for schedule in [ NoiseSchedule.VariancePreserving(0.1, 0.8, 5, Nullable 0.0); NoiseSchedule.Geometric(0.1, 0.8, 5, Nullable 0.0) ] do
            let noise = values schedule.Noise
            must $"the noises are {List.ofArray noise}" (schedule.Levels = 5 && noise[0] = 0.0 && abs (noise[1] - 0.1) < 1e-12)
            let x = (correlated ()).Draw(100L, rng "clean")
            Close.same "level 0 is the data" 0 x (schedule.Diffuse(x, repeated 100L 0, rng "noise")))

    law "methods whose energy or loss is divided by the noise refuse a level without noise" (fun () ->
        for method in [ "denoising-score"; "denoising-ebm" ] do
            throws<ConfigException, _> [ "noise"; "clean"; "divide" ] (fun () ->
                (Catalog.Load [])
                    .Build<ISpec<Method>>(
                        fst (
                            EveryMethod.composed [
                                $"method={method}"
                                "method.noise={kind: geometric, low: 0.1, high: 2, levels: 5, clean: 0}"
                            ]
                        ),
                        "method"
                    ))
        throws<SettingException, _> [ "noise"; "level-reconstruction" ] (fun () ->
            LevelReconstructionSpec().Build(rng "clean net", [| 1L; 8L; 8L |], NoiseSchedule.Geometric(0.1, 0.8, 5, Nullable 0.0)))
        throws<ConfigException, _> [ "noise"; "step-unit" ] (fun () ->
            (Catalog.Load [])
                .Build<ISpec<Method>>(
                    fst (
                        EveryMethod.composed [
                            "method=recovery-likelihood"
                            "method.step-unit=posterior"
                            "method.noise={kind: geometric, low: 0.1, high: 2, levels: 5, clean: 0}"
                        ]
                    ),
                    "method"
                )))

    law "the number of levels is √d ln(high/low) rungs, plus one, plus the top" (fun () ->
        for d, low, high in [ 2L, 0.01, 1.0; 64L, 0.01, 1.0; 784L, 0.05, 3.0 ] do
            let rungs = Math.Ceiling(sqrt (float d) * log (high / low))
            must $"in {d} dimensions" (NoiseSchedule.LevelsFor(d, low, high) = int rungs + 2))
]
