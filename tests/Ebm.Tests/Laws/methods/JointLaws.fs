/// Joint time-sample contrastive divergence: the chain on (x, ℓ), its negatives, its levels, and its one-pass density.
module Ebm.Tests.Laws.JointLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let private chains = 40_000L

/// Step sizes for each level of a ladder over data with spread `width`.
let private suited share width (schedule: NoiseSchedule) = share * (schedule.Noise.square () + schedule.Signal.square () * width * width)

let private narrow () = Gaussian.Of([ 0.5; -0.2 ], [ [ 0.04; 0.01 ]; [ 0.01; 0.02 ] ])

let private schedules = [
    "exploding", (fun () -> NoiseSchedule.Geometric(0.05, 2.0, 6))
    "preserved", (fun () -> NoiseSchedule.VariancePreserving(0.05, 0.95, 6))
]

/// Rounds of x given ℓ and ℓ given x, started from the exact joint distribution; levels must stay uniform and keep their moments.
let private keepsTheJoint (kernel: Tensor -> IKernel) (draw: ILevelEnergy -> Tensor -> Rng -> Tensor) =
    for name, schedule in schedules do
        let world, schedule, rng = narrow (), schedule (), rng $"joint {name}"
        let ladder = new GaussianLadder(world, schedule, List.replicate schedule.Levels 0.0)
        let steps = suited 0.3 0.2 schedule
        let mutable level = (rng.Stream "levels").Integers(int64 schedule.Levels, chains)
        let mutable x = schedule.Diffuse(world.Draw(chains, rng.Stream "start"), level, rng.Stream "rise")

        for round in 1..8 do
            x <- (kernel steps[level]).Run((ladder :> ILevelEnergy).At level, x, 3, rng.Stream $"move {round}")
            level <- draw ladder x (rng.Stream $"draw {round}")

        for l in 0 .. schedule.Levels - 1 do
            let here = level.eq (torch.tensor (int64 l))
            Close.near
                $"{name}: share of level {l}"
                (1.0 / float schedule.Levels)
                (values (here.``to`` torch.float64) |> Array.map ((=) 1.0) |> Close.share)
            let due = ladder.At l
            Close.moments $"{name}: level {l}" due.MeanValues due.CovarianceValues x[here]

let private adjusted step = Metropolis(Langevin(step, 1.0)) :> IKernel
let private unadjusted step = Unadjusted(Langevin(step, 1.0)) :> IKernel
let private exactly (ladder: ILevelEnergy) (x: Tensor) (rng: Rng) = rng.Categorical(-ladder.All x)
let private tempered (ladder: ILevelEnergy) (x: Tensor) (rng: Rng) = rng.Categorical(-2.0 * ladder.All x)
let private ofOthers (ladder: ILevelEnergy) (x: Tensor) (rng: Rng) = rng.Categorical(-(ladder.All x).roll(1L, 0L))

/// A given schedule, and one that configs can name.
type private Given(schedule: NoiseSchedule) =
    interface ISpec<NoiseSchedule> with
        member _.Build _ = schedule

type private Exact(world: Gaussian, shift: float list) =
    interface ILevelEnergySpec with
        member _.Build(_, _, schedule) = new GaussianLadder(world, schedule, shift)

let private site (shape: int64[]) name = Site(shape, device, rng name, Folder.dataRoot)

let private unshifted (schedule: NoiseSchedule) = List.replicate schedule.Levels 0.0

/// Joint CD over exact energies, where results have closed forms.
let private exactMethod (world: Gaussian) (schedule: NoiseSchedule) shift settings =
    let spec =
        JointCdSpec(Exact(world, shift), Given schedule, Adapt = false, Confinement = 1e6, Step = 0.3, StepFloor = 0.2, Memory = 4000)
    (settings spec: JointCdSpec).Build(site [| int64 world.Dimension |] "exact method") :?> JointCd

let private preserved () = NoiseSchedule.VariancePreserving(0.05, 0.95, 6)

let private watched name (update: Update) = update.Watched |> Seq.pick (fun struct (n, v) -> if n = name then Some v else None)

let private updates (method: JointCd) (rowsOfData: Tensor) batch count =
    let batches = Batches(rowsOfData, batch, rng "batches")
    [ for i in 1L .. count -> method.Iterate(batches, (rng "updates").Stream i) |> Seq.exactlyOne ]

/// Gradients of a negative phase in a small net's parameters, along fixed directions: one row per replicate.
let private negativeGradients (energy: LevelNet) (negative: Tensor -> Rng -> Tensor) replicates =
    let parameters = energy.parameters () |> Seq.toArray
    let directions = [ for i in 1..4 -> [| for p in parameters -> ((rng "directions").Stream $"{i}").NormalLike p |] ]

    [|
        for i in 1L .. replicates do
            use _ = torch.NewDisposeScope()
            let rng = (rng "replicates").Stream i
            let x = (rng.Stream "x").Normal(16L, 2L)
            let gradients = gradients ((negative x (rng.Stream "level")).mean()) parameters
            [| for d in directions -> Seq.map2 (fun (g: Tensor) (v: Tensor) -> value ((g * v).sum())) gradients d |> Seq.sum |]
    |]

let private negatives levelOf =
    let schedule = preserved ()
    let energy = LevelMlpSpec(Width = 8, Depth = 2).Build(rng "net", [| 2L |], schedule)
    // The heads of a new net are nearly equal; with different heads the drawn level matters.
    use _ = torch.no_grad ()
    for p in energy.parameters () do
        p.mul_ (torch.tensor 2.0) |> ignore
    use _ = torch.enable_grad ()
    let sampled = negativeGradients energy (fun x rng -> energy.At(x, levelOf (energy :> ILevelEnergy) x rng)) 1000L
    let whole = negativeGradients energy (fun x _ -> -(-energy.All x).logsumexp 1L) 1000L

    for i in 0..3 do
        let drawn, expected = Array.map (Array.item i) sampled, Array.map (Array.item i) whole
        Close.near $"sampled minus log-sum-exp, direction {i}" 0.0 (Array.map2 (-) drawn expected |> Close.mean)
        // Centred squares in pairs, because the replicates share their x.
        let squares (z: float[]) = let m = Array.average z in z |> Array.map (fun v -> (v - m) ** 2.0)
        Close.above
            $"variance of sampled minus variance of log-sum-exp, direction {i}"
            0.0
            (Array.map2 (-) (squares drawn) (squares expected) |> Close.mean)

/// How often one exact draw of the level changes it, for Gaussian noise in d dimensions at the given levels.
let private jumps d (noise: float[]) =
    let rng = rng $"jumps {d}"
    let count = 20_000L
    let levels = int64 noise.Length
    let schedule = NoiseSchedule(torch.zeros (levels, device = device), row (List.ofArray noise))
    let level = (rng.Stream "level").Integers(levels, count)
    let x = schedule.Diffuse(torch.zeros (count, (d: int64), device = device), level, rng.Stream "noise")
    let logits = -x.square().sum(1L, keepdim = true) / (2.0 * schedule.Noise.square ()) - float d * schedule.Noise.log ()
    let landed = (rng.Stream "draw").Categorical logits
    values (landed.ne(level).``to`` torch.float64) |> Array.map ((=) 1.0) |> Close.share

let private geometric low high count = values (NoiseSchedule.Geometric(low, high, count)).Noise

/// The default ladder without its top, with only a share of its rungs.
let private ladderOf d share =
    let rungs = NoiseSchedule.LevelsFor(d, 0.01, 1.0) - 2
    geometric 0.01 1.0 (1 + max 1 (int (Math.Round(float rungs * share))))

/// Chains under a level's energy and the tether to a point one rung above, from draws of the posterior.
let private tethered (tether: Tensor -> Tensor -> Tensor -> Energy) (due: Gaussian -> float -> Gaussian) =
    let world = Gaussian.Of([ 0.0; 1.0 ], [ [ 1.0; 0.5 ]; [ 0.5; 1.5 ] ])
    let schedule = NoiseSchedule.VariancePreserving(0.3, 0.9, 4)
    let y = row [ 2.0; -1.0 ]

    for l in [ 0; 2 ] do
        let level = world.Diffused((values schedule.Signal)[l], (values schedule.Noise)[l])
        let struct (scale, spread) = schedule.Rise(torch.tensor ([| int64 l |], device = device))
        let energy = level.Energy + tether y scale spread

        let posterior = level.Recovered(y, value scale, value spread)
        let curvatures = values (torch.linalg.eigvalsh posterior.Precision)

        for share in [ 0.1; 0.5; 1.2 ] do
            // The step as a share of the inverse of the largest curvature, from small to nearly unstable (2).
            let step = share / Array.max curvatures
            let rng = rng $"tethered {l} {share}"
            let start = posterior.Draw(chains, rng.Stream "start")
            let ends = (unadjusted (number step)).Run(energy, start, int (ceil (4.0 / (step * Array.min curvatures))), rng)
            let settled = due posterior step
            Close.moments $"level {l}, step {share} of half the largest stable one" settled.MeanValues settled.CovarianceValues ends

/// On exact energies plus a constant of each level, with chains from data, the gap has mean zero.
let private closes frozen negative shift =
    let world, schedule = narrow (), preserved ()
    let method =
        exactMethod world schedule (shift schedule) (fun s ->
            JointCdSpec(
                s.Energy,
                s.Noise,
                Frozen = frozen,
                Start = Start.Data,
                Negative = negative,
                Adapt = false,
                Step = s.Step,
                StepFloor = s.StepFloor,
                Confinement = s.Confinement,
                Memory = 4000
            ))
    let gaps = [| for u in updates method (world.Draw(20_000L, rng "data")) 500L 60L -> value (watched "gap" u) |]
    Close.near "mean gap" 0.0 (Close.mean gaps)

let private unrelated (schedule: NoiseSchedule) = [ for l in 1 .. schedule.Levels -> float (l % 3) ]

/// Memory has the same levels after updates in which half of its chains restart.
let private keepsLevels frozen =
    let world, schedule = narrow (), preserved ()
    let method =
        exactMethod world schedule (unshifted schedule) (fun s ->
            JointCdSpec(s.Energy, s.Noise, Frozen = frozen, Start = Start.Noise, FromNoise = 0.5, Memory = 400))
    let levels () = (method.state_dict()["chains.levels"]).data<int64>().ToArray()
    let before = levels ()
    updates method (world.Draw(20_000L, rng "data")) 100L 20L |> Seq.iter ignore
    must "memory has other levels" (levels () = before)

let all = [
    law "the joint chain leaves (x, ℓ) invariant: levels stay uniform, and every level keeps its mean and covariance" (fun () ->
        keepsTheJoint adjusted exactly)
    |> breaks "unadjusted moves" (fun () -> keepsTheJoint unadjusted exactly)
    |> breaks "the level drawn at another temperature" (fun () -> keepsTheJoint adjusted tempered)
    |> breaks "the level drawn from another row's energies" (fun () -> keepsTheJoint adjusted ofOthers)

    law "on exact energies, joint CD's chains from data keep the joint law: the gap has mean zero, the levels stay uniform" (fun () ->
        closes false Negative.Sampled unshifted)

    law "frozen chains keep each level's density, whatever the levels' normalisers" (fun () -> closes true Negative.LogSumExp unrelated)
    |> breaks "levels that move" (fun () -> closes false Negative.LogSumExp unrelated)

    law "frozen chains keep their levels, also where they restart" (fun () -> keepsLevels true)
    |> breaks "levels that move" (fun () -> keepsLevels false)

    law "frozen chains are rejected with generation by the joint chain" (fun () ->
        let spec generation = JointCdSpec(LevelMlpSpec(), Given(preserved ()), Frozen = true, Generation = generation)
        spec Generation.Annealed |> ignore
        throws<SettingException, _> [ "Generation"; "frozen: true"; "generation: annealed" ] (fun () -> spec Generation.Joint))

    law "on exact energies, joint CD generates level 0, annealed and by the joint chain" (fun () ->
        let world, schedule = narrow (), preserved ()

        for generation in [ Generation.Annealed; Generation.Joint ] do
            let method =
                exactMethod world schedule (unshifted schedule) (fun s ->
                    JointCdSpec(
                        s.Energy,
                        s.Noise,
                        Generation = generation,
                        SampleSteps = 40,
                        Visits = 10,
                        Steps = 5,
                        Adapt = false,
                        Step = s.Step,
                        StepFloor = s.StepFloor,
                        Confinement = s.Confinement,
                        Memory = 4000
                    ))
            let due = world.Diffused((values schedule.Signal)[0], (values schedule.Noise)[0])
            Close.moments $"{generation}" due.MeanValues due.CovarianceValues (method.Sample(4000L, rng "generate")))

    law "the log-sum-exp negative has the expectation of the sampled one, and less variance (A6)" (fun () -> negatives exactly)
    |> breaks "the softmax of the wrong x" (fun () -> negatives ofOthers)

    law "joint CD's two negatives have the same gradient on average, with the same chains" (fun () ->
        let schedule = preserved ()

        let gradients negative =
            let spec =
                JointCdSpec(
                    LevelMlpSpec(Width = 8, Depth = 2),
                    Given schedule,
                    Negative = negative,
                    Start = Start.Noise,
                    Steps = 1,
                    Adapt = false,
                    Memory = 16
                )
            let method = spec.Build(site [| 2L |] "two negatives") :?> JointCd
            let parameters = method.Parts["energy"].parameters() |> Seq.toArray
            let directions = [| for p in parameters -> (rng "direction").NormalLike p |]

            [|
                for u in updates method ((rng "data").Normal(4096L, 2L)) 16L 400L do
                    let along = World.gradients u.Loss parameters
                    Seq.map2 (fun (g: Tensor) (v: Tensor) -> value ((g * v).sum())) along directions |> Seq.sum
            |]

        Array.map2 (-) (gradients Negative.Sampled) (gradients Negative.LogSumExp)
        |> Close.mean
        |> Close.near "sampled less log-sum-exp" 0.0)

    law "with a number of levels like √d, .5 to .7 of exact draws change the level in 2, 8, 32 and 64 dimensions (A8)" (fun () ->
        for d in [ 2L; 8L; 32L; 64L ] do
            let rate = jumps d (ladderOf d 1.0)
            Close.above $"jumps in {d} dimensions" 0.5 rate
            Close.below $"jumps in {d} dimensions" 0.7 rate)
    |> breaks "a quarter of the levels" (fun () ->
        for d in [ 2L; 8L; 32L; 64L ] do
            Close.above $"jumps in {d} dimensions" 0.5 (jumps d (ladderOf d 0.25)))

    law "with a quarter of the levels, under .05 of draws change the level in 8, 32 and 64 dimensions (A8)" (fun () ->
        for d in [ 8L; 32L; 64L ] do
            Close.below $"jumps in {d} dimensions" 0.05 (jumps d (ladderOf d 0.25)))

    law "if all levels are equal, the level is drawn uniformly: 1 − 1/Levels of draws change it (A8)" (fun () ->
        for d in [ 2L; 64L ] do
            let levels = NoiseSchedule.LevelsFor(d, 0.01, 1.0)
            Close.near $"jumps among {levels} equal levels" (1.0 - 1.0 / float levels) (jumps d (Array.replicate levels 0.5)))

    law "the one-pass density is exact on exact energies whose top is N(0, I) and whose levels are uniform" (fun () ->
        let world = narrow ()
        let schedule = NoiseSchedule(row [ 0.99; 0.8; 0.0 ], row [ 0.1; 0.6; 1.0 ])
        let x = (rng "readout").Normal(100L, 2L)

        let readout shift =
            let method = exactMethod world schedule shift id
            (method :> IDensityReadout).Readout x

        Close.same "log p(x)" 64 ((world.Diffused(0.99, 0.1)).LogDensity x) (readout [ 0.3; 0.3; 0.3 ]))
    |> breaks "levels that are not uniform" (fun () ->
        let world = narrow ()
        let schedule = NoiseSchedule(row [ 0.99; 0.8; 0.0 ], row [ 0.1; 0.6; 1.0 ])
        let x = (rng "readout").Normal(100L, 2L)
        let method = exactMethod world schedule [ 0.3; 0.3; 0.0 ] id
        Close.same "log p(x)" 64 ((world.Diffused(0.99, 0.1)).LogDensity x) ((method :> IDensityReadout).Readout x))

    law "the one-pass density is off by log p(0)/p(top) − [log p(x | top) − log N(x; 0, I)], and by nothing else" (fun () ->
        let world, schedule = narrow (), preserved ()
        let shift = [ 0.7; 0.0; 0.1; 0.2; 0.3; -0.4 ]
        let method = exactMethod world schedule shift id
        let ladder = new GaussianLadder(world, schedule, shift)
        let x = (rng "readout").Normal(100L, 2L)
        let levels = shift[5] - shift[0]
        let top = (ladder.At 5).LogDensity x - Gaussian.Round(2, 1.0).LogDensity x
        Close.same "log p(x)" 64 ((ladder.At 0).LogDensity x + levels - top) ((method :> IDensityReadout).Readout x))

    law "a tethered chain has the recovery posterior's mean, and its covariance with unadjusted Langevin's own bias" (fun () ->
        tethered (fun y scale spread -> Energy.Tether(y, scale, spread)) (fun posterior step -> posterior.Settled(step, 1.0)))
    |> breaks "compared with the posterior itself" (fun () ->
        tethered (fun y scale spread -> Energy.Tether(y, scale, spread)) (fun posterior _ -> posterior))
    |> breaks "the tether's scale squared" (fun () ->
        tethered (fun y scale spread -> Energy.Tether(y, scale.square (), spread)) (fun posterior step -> posterior.Settled(step, 1.0)))
]
