/// Recovery likelihood on N(0, s² I), where all levels, recovery densities and normalisers have closed forms; and the tables of its ladders.
module Ebm.Tests.Laws.RecoveryLaws

open System
open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Data
open Ebm.Methods
open Ebm.Metrics
open Ebm.Nets
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

// ── A world ─────────────────────────────────────────────────────────────────────────────────

let private d = 2
let private s = 0.7
let private preserved () = NoiseSchedule.VariancePreserving(0.1, 0.95, 6)
let private exploding () = NoiseSchedule.Geometric(0.1, 2.0, 6, Nullable 0.01)
let private schedules = [ "preserved", preserved; "exploding", exploding ]

/// Signal and noise of each rung's energy, whose variable is y_t = a_{t+1} x_t, and the scale and spread of the rung.
let private rungs (schedule: NoiseSchedule) =
    let t = torch.arange (int64 (schedule.Levels - 1), device = device)
    let struct (a, sigma) = schedule.Rise t
    let v = a.square () * (schedule.Signal[t].square() * s * s + schedule.Noise[t].square())
    {| A = values a; Sigma = values sigma; V = v |}

/// Energies −log N(y; 0, v_t) / β_t + shift_t as a network could learn them, with output β_t times the energy.
type private Round(v: Tensor, shift: Tensor, scale: Tensor) =
    inherit LevelNet("round")
    override _.Levels = int v.shape[0]

    override _.EnergyAt(y, t) = scale[t] * (y.square().sum(1L) / (2.0 * v[t]) + float d / 2.0 * (2.0 * Math.PI * v[t]).log() + shift[t])

let private given net = {
    new ILevelEnergySpec with
        member _.Build(_, _, noise) = net noise
}

let private scheduled (schedule: NoiseSchedule) = {
    new ISpec<NoiseSchedule> with
        member _.Build _ = schedule
}

let private site name = Site([| int64 d |], device, rng name, Folder.dataRoot)
let private build name (spec: RecoveryLikelihoodSpec) = spec.Build(site name) :?> RecoveryLikelihood

let private exact (schedule: NoiseSchedule) =
    let v = (rungs schedule).V
    given (fun _ -> new Round(v, torch.zeros_like v, torch.ones_like v))

let private world () = Gaussian.Round(d, s * s)
let private batches size = Batches((world ()).Draw(20_000L, rng "data"), size, rng "batches")
let private updates (method: RecoveryLikelihood) size count =
    let batches = batches size
    [| for i in 1L .. count -> method.Iterate(batches, (rng "updates").Stream i) |> Seq.exactlyOne |]

let private nth (x: Tensor) i = (values x)[i]

let private within what due tolerance found =
    must $"{what} is {found:G8} instead of {due:G8}; {tolerance:G2} is allowed" (abs (found - due) <= tolerance)

// ── Tables ──────────────────────────────────────────────────────────────────────────────────

/// The released T = 6 tables to six decimals: a, σ, and their products from the data.
let private t6 = [
    0.999950, 0.010000, 0.999950, 0.010000
    0.946167, 0.323680, 0.946119, 0.323818
    0.856290, 0.516495, 0.810152, 0.586219
    0.774796, 0.632211, 0.627703, 0.778453
    0.700918, 0.713242, 0.439968, 0.898013
    0.633956, 0.773369, 0.278921, 0.960314
    0.022776, 0.999741, 0.006353, 0.999980
]

let private hasTable (schedule: NoiseSchedule) =
    let half = 5.1e-7
    let struct (a, sigma) = schedule.Rise(torch.arange (6L, device = device))
    must "there are seven levels" (schedule.Levels = 7)

    for i, (a', sigma', signal, noise) in List.indexed t6 do
        within $"signal {i}" signal half (nth schedule.Signal i)
        within $"noise {i}" noise half (nth schedule.Noise i)

        if i > 0 then
            within $"a_{i}" a' half (nth a (i - 1))
            within $"σ_{i}" sigma' half (nth sigma (i - 1))

/// d_t², 1/d_t² and the loss weight, to the known digits.
let private steps = [
    2.0954e-5, 47724.0, 1.0
    1.7277e-3, 578.8, 0.6267
    4.6861e-3, 213.4, 0.5120
    7.9202e-3, 126.3, 0.4538
    1.0742e-2, 93.1, 0.4185
    1.9196e-2, 52.1, 0.3238
]

let private hasSteps (squared: RecoveryTables -> Tensor) =
    let tables =
        new RecoveryTables(
            BetaSchedules.Released 6,
            1e-4,
            StepUnit.NoiseRatio,
            EnergyScale.OverStepSquared,
            LossWeight.SigmaRatio,
            LastRung.Marginal
        )

    for t, (step, scale, weight) in List.indexed steps do
        within $"d_{t}²" step (5e-5 * step) (nth (squared tables) t)
        within $"1/d_{t}²" scale (max 0.051 (1e-5 * scale)) (nth tables.LogDensityScale t)
        within $"w_{t}" weight 5.1e-5 (nth tables.Weight t)

    must "the last rung is not tethered" (Double.IsInfinity(nth tables.Tether 5))
    within "the last rung's a" 1.0 0.0 (nth tables.A 5)

// ── Chains ──────────────────────────────────────────────────────────────────────────────────

/// Unadjusted conditional chains against N(x'/σ² / κ, 1/κ), κ = 1/v + 1/σ², with Langevin's own bias 1/(1 − εκ/2) at the ε of a step rule.
let private recovers schedules unit step (epsilon: float -> float -> float) =
    for name, schedule in (schedules: (string * (unit -> NoiseSchedule)) list) do
        let schedule = schedule ()
        let table = rungs schedule
        let v, noise = values table.V, values schedule.Noise
        let spec =
            RecoveryLikelihoodSpec(
                exact schedule,
                scheduled schedule,
                Adjusted = false,
                Step = step,
                StepUnit = unit,
                Confinement = Nullable()
            )
        let method = build "recovers" spec

        for t in [ 2; 3 ] do
            let above = (row [ 0.8; -0.5 ]).expand(20_000L, 2L)
            let variance = table.Sigma[t] ** 2.0
            let kappa = 1.0 / v[t] + 1.0 / variance
            let e = step * variance * epsilon table.A[t] (noise[t] / noise[0])
            let count = int (ceil (4.0 / (e * kappa)))
            let due = Gaussian(row [ 0.8; -0.5 ] / variance / kappa, torch.eye (2L, device = device) / (kappa * (1.0 - e * kappa / 2.0)))
            let start = due.Draw(20_000L, rng $"start {t}")
            let y = method.Recover(start, above, repeated 20_000L t, count, 1.0, rng $"recover {name} {t}").X
            Close.moments $"{name}, rung {t}" due.MeanValues due.CovarianceValues y

/// Adjusted chains with small steps from x_{t+1}: mean and variance of the recovery density.
let private unbiased last (due: float -> float -> float * float) =
    let schedule = preserved ()
    let table = rungs schedule
    let t = schedule.Levels - 2
    let v =
        match last with
        | LastRung.Tethered -> (nth table.V t)
        | _ -> (nth table.V t) / table.A[t] ** 2.0
    let net = given (fun _ -> new Round(torch.full_like (table.V, scalar v), torch.zeros_like table.V, torch.ones_like table.V))
    let method = build "unbiased" (RecoveryLikelihoodSpec(net, scheduled schedule, Step = 0.4, LastRung = last, Confinement = Nullable()))
    let above = (row [ 0.8; -0.5 ]).expand(20_000L, 2L)
    let y = method.Recover(above, above, repeated 20_000L t, 60, 1.0, rng "recover").X
    let share, variance = due v (table.Sigma[t] ** 2.0)
    let due = Gaussian(share * row [ 0.8; -0.5 ], variance * torch.eye (2L, device = device))
    Close.moments "the last rung" due.MeanValues due.CovarianceValues y

// ── Losses ──────────────────────────────────────────────────────────────────────────────────

/// θ_t |y|²/2 with one learned number: −log p(y | x') has a closed form.
type private Bowl(theta: float, levels: int) as this =
    inherit LevelNet("bowl")
    let theta = new Parameter(number theta)
    do this.register_parameter ("theta", theta)
    override _.Levels = levels
    override _.EnergyAt(y, _) = theta * y.square().sum(1L) / 2.0

/// The update's gradient in θ compared with that of the mean of −log p(y_t | x_{t+1}), with or without the tether's part of the normaliser.
let private contrasts (logZ: float -> float -> float -> float) =
    let schedule = exploding ()
    let theta = 1.7
    let method =
        build
            "contrasts"
            (RecoveryLikelihoodSpec(
                given (fun noise -> new Bowl(theta, noise.Levels)),
                scheduled schedule,
                Steps = 30,
                From = From.Above,
                Step = 0.2,
                Confinement = Nullable()
            ))
    let parameters = method.Parts["energy"].parameters() |> Seq.toArray
    let table = rungs schedule
    let v, n = values table.V, schedule.Levels - 1

    // E|y|² = d v; E|x'|² = d (v + σ²).
    let due =
        let derivative t =
            let objective h = float d * ((theta + h) * v[t] / 2.0 + logZ (theta + h) (table.Sigma[t] ** 2.0) (v[t] + table.Sigma[t] ** 2.0))
            (Close.derivative objective).Value

        List.averageBy derivative [ 0 .. n - 1 ]

    let gradients = [| for u in updates method 2000L 40L -> value ((gradients u.Loss parameters)[0]) |]
    Close.near "gradient in θ" due (Close.mean gradients)

/// log ∫ exp(−θy²/2 − (x' − y)²/2σ²) dy, averaged over x', for one dimension.
let private tethered theta variance secondMoment =
    let kappa = theta + 1.0 / variance
    secondMoment / (2.0 * variance * variance * kappa) - log kappa / 2.0 - secondMoment / (2.0 * variance)

let private small () =
    given (fun noise -> (LevelMlpSpec(Width = 6, Depth = 1) :> ILevelEnergySpec).Build(rng "small", [| int64 d |], noise))

/// The loss without chains and its gradient, compared with σ²/2 |∇E(x') + (x' − y)/σ² |² for the same rows.
let private denoises (weight: Tensor -> Tensor) =
    for name, schedule in schedules do
        let schedule = schedule ()
        let method = build "denoises" (RecoveryLikelihoodSpec(small (), scheduled schedule, Steps = 0, Confinement = Nullable()))
        let parameters = method.Parts["energy"].parameters() |> Seq.toArray
        let update = updates method 200L 1L |> Array.exactlyOne

        let tables = new RecoveryTables(schedule, 0.1, StepUnit.Recovery, EnergyScale.Raw, LossWeight.One, LastRung.Tethered)
        let stream = (rng "updates").Stream 1L
        let x0 = (batches 200L).Next()
        let t = stream.Integers(int64 tables.Energies, 200L)
        let struct (y, above) = tables.Pair(x0, t, false, stream)
        let net = (small ()).Build(rng "any", [| int64 d |], tables.Below)
        let score = (net :> ILevelEnergy).At(t).Score above
        let sigma = tables.Sigma[t].unsqueeze 1L
        let due = ((weight sigma) * (score - (y - above) / sigma.square ()).square()).sum(1L).mean()
        Close.same $"{name}: loss" 4096 due update.Loss

        // The last bias does not affect the slope, so it has no gradient.
        let known (all: (Tensor | null)[]) = all |> Array.choose Option.ofObj
        let dues = known (reached due (net.parameters () |> Seq.toArray))
        let found = known (reached update.Loss parameters)
        must $"{name}: {found.Length} gradients instead of {dues.Length}" (dues.Length = found.Length && dues.Length > 2)

        for a, b in Array.zip dues found do
            Close.same $"{name}: gradient" 4096 a b

/// The divergence between the recovery density and its Gaussian approximation: KL in nats, for each σ, at a point of a Gaussian world.
let private linearised (sigma: float) =
    let world = Gaussian.Of([ 0.0; 0.0 ], [ [ 0.6; 0.2 ]; [ 0.2; 0.5 ] ])
    let above = row [ 0.7; 0.4 ]
    let slope = world.Precision.matmul above
    let simple = Gaussian(above - sigma * sigma * slope, sigma * sigma * torch.eye (2L, device = device))
    (world.Recovered(above, 1.0, sigma)).Divergence simple

// ── Scale ───────────────────────────────────────────────────────────────────────────────────

let private scaledSpec (schedule: NoiseSchedule) energyScale weight =
    let step = 0.2
    let table = rungs schedule
    let output = row [ for a, sigma in Array.zip table.A table.Sigma -> 2.0 * step * a * a * sigma * sigma ]
    let net scale = given (fun _ -> new Round(table.V, torch.zeros_like table.V, scale))
    let energy = if energyScale = EnergyScale.Raw then net (torch.ones_like output) else net output
    RecoveryLikelihoodSpec(
        energy,
        scheduled schedule,
        Step = step,
        Adapt = false,
        EnergyScale = energyScale,
        LossWeight = weight,
        Confinement = Nullable()
    )

/// The increase of the log density read from a network with scaled outputs, per unit of the true one.
let private calibrated (read: RecoveryLikelihood -> Tensor -> Tensor) =
    for name, schedule in schedules do
        let schedule = schedule ()
        let method = build "calibrated" (scaledSpec schedule EnergyScale.OverStepSquared LossWeight.One)
        let x = (rng "calibrated").Normal(50L, 2L)
        let truth = ((world ()).Diffused((nth schedule.Signal 0), (nth schedule.Noise 0))).LogDensity x
        let slope = Close.slope (values (read method x)) (values truth)
        within $"{name}: slope of the true log density on the one read" 1.0 1e-6 slope.Value

// ── The likelihood along the ladder ─────────────────────────────────────────────────────────

let private data =
    lazy
        ((GaussiansSpec(Dimension = d, Modes = 1, Radius = 0, Sd = s, Train = 1000, Test = 1000) :> ISpec<IDataset>)
            .Build(Site([||], device, rng "ladder data", "")))

/// The metric's values on exact energies, each with a given shift.
let private walked (schedule: NoiseSchedule) top transport rows sampleSteps (output: Tensor -> Tensor) =
    let table = rungs schedule
    let shift = (rng "shift").Normal(int64 (schedule.Levels - 1))
    let net = given (fun _ -> new Round(table.V, shift, output (torch.ones_like shift)))
    let method =
        build
            "walked"
            (RecoveryLikelihoodSpec(
                net,
                scheduled schedule,
                Steps = 1,
                Step = 0.6,
                SampleSteps = sampleSteps,
                Top = top,
                Confinement = Nullable()
            ))
    updates method 5000L 4L |> ignore
    let found =
        (LadderLikelihoodSpec(Transport = transport, Rows = rows) :> ISpec<IMetric>)
            .Build(site "metric")
            .Measure(Subject(method, data.Value, torch.zeros (2L, int64 d, device = device), rng "measure"))
    let name =
        match transport with
        | Transport.None -> "ladder/"
        | _ -> "recovery/"
    // exp(−E(a x)) is a density of y = a x.
    let due = -(nth shift 0) - float d * log table.A[0]
    due, Map [ for m in found -> m.Name.Replace(name, ""), { Close.Value = m.Value; Close.Error = m.Se.GetValueOrDefault nan } ]

let private walks output =
    for name, schedule, top in [ "preserved", preserved, Top.Standard; "exploding", exploding, Top.Moments ] do
        for transport in [ Transport.None; Transport.Recovery ] do
            let due, found = walked (schedule ()) top transport 4000L 12 output
            Close.near $"{name}, {transport}: log Z" due found["log-z"]
            Close.near $"{name}, {transport}: off the grid's" 0.0 found["grid-error"]
            let exact = -(((world ()).Diffused(nth (schedule ()).Signal 0, nth (schedule ()).Noise 0)).LogDensity data.Value.Test)
            Close.near $"{name}, {transport}: negative log-likelihood" (Array.average (values exact)) found["nll"]

// ── The initialiser ─────────────────────────────────────────────────────────────────────────

let private initialised () =
    let schedule = preserved ()
    let settings = CooperativeInitialiserSpec(MlpSpec(Width = 8, Depth = 1))
    schedule,
    build "initialised" (RecoveryLikelihoodSpec(small (), scheduled schedule, From = From.Above, Initialiser = settings, Coupled = true))

/// Proposals of a net with output 0, minus the rows above: their spread is that of y_t given x_{t+1} and x₀.
let private proposes (spread: float -> float -> float -> float -> float) =
    let schedule = preserved ()
    let tables = new RecoveryTables(schedule, 0.1, StepUnit.Recovery, EnergyScale.Raw, LossWeight.One, LastRung.Tethered)
    let initialiser =
        new CooperativeInitialiser(CooperativeInitialiserSpec(MlpSpec(Width = 8, Depth = 1)), tables, rng "silent", [| int64 d |])
    use _ = torch.no_grad ()

    for p in initialiser.parameters () do
        p.zero_ () |> ignore

    let table, noise = rungs schedule, values schedule.Noise

    for t in 0 .. tables.Energies - 1 do
        let above = (row [ 0.8; -0.5 ]).expand(20_000L, 2L)
        let y = initialiser.Propose(above, repeated 20_000L t, rng $"propose {t}")
        let variance = (spread table.A[t] noise[t] table.Sigma[t] noise[t + 1]) ** 2.0
        Close.moments $"rung {t}" [| 0.8; -0.5 |] (array2D [ [ variance; 0.0 ]; [ 0.0; variance ] ]) y

/// y_t of rows that all equal x₀ has the signal (times x₀) and noise given to the rung's energy.
let private isTold (told: RecoveryTables -> NoiseSchedule) =
    for name, schedule in schedules do
        let tables = new RecoveryTables(schedule (), 0.1, StepUnit.Recovery, EnergyScale.Raw, LossWeight.One, LastRung.Tethered)
        let told = told tables

        for t in 0 .. tables.Energies - 1 do
            let count = 20_000L
            let struct (y, _) = tables.Pair(3.0 * torch.ones (count, 1L), repeated count t, false, (rng "told").Stream(int64 t))
            let signal, noise = value told.Signal[t], value told.Noise[t]
            Close.near $"{name}, rung {t}: signal" (3.0 * signal) (Close.mean (values y))
            Close.near $"{name}, rung {t}: noise²" (noise * noise) (Close.variance (values y))

/// A step of one in units of the posterior's variance is the variance of y_t given x_{t+1} and x₀, by Bayes' rule: y_t = a x_t has noise a noise_t, and x_{t+1}
/// is y_t with σ_{t+1} added.
let private hasPosteriorSteps (unit: StepUnit) =
    for name, schedule in schedules do
        let schedule = schedule ()
        let tables = new RecoveryTables(schedule, 0.5, unit, EnergyScale.Raw, LossWeight.One, LastRung.Tethered)
        let rungs = rungs schedule
        let due =
            row [
                for t in 0 .. tables.Energies - 1 ->
                    let own = rungs.A[t] * (values schedule.Noise)[t]
                    1.0 / (1.0 / (own * own) + 1.0 / (rungs.Sigma[t] * rungs.Sigma[t]))
            ]
        Close.same $"{name}: steps" 64 due tables.StepSquared

/// Rows of two generations with the same numbers, one of which ends with the estimate of clean rows by the energy's own slope.
let private denoisesLast (estimate: NoiseSchedule -> Tensor -> Tensor) =
    let schedule = preserved ()
    let rows denoise =
        let spec = RecoveryLikelihoodSpec(exact schedule, scheduled schedule, SampleSteps = 3, Denoise = denoise, Confinement = Nullable())
        let method = build "denoised" spec
        for _ in method.Iterate(batches 100L, rng "denoised") do
            ()
        method.Sample(20L, rng "generation")
    Close.same "clean rows" 4096 (estimate schedule (rows false)) (rows true)

/// E[x₀ | x] of N(0, s² I) at level 0.
let private posteriorMean (schedule: NoiseSchedule) (x: Tensor) =
    let a, noise = (values schedule.Signal)[0], (values schedule.Noise)[0]
    a * s * s / (a * a * s * s + noise * noise) * x

/// Keeps its input, and returns two of its channels.
type private Keeping() =
    inherit torch.nn.Module<Tensor, Tensor>("keeping")
    member val Seen: Tensor = torch.zeros 1L with get, set

    override keeping.forward x =
        keeping.Seen <- x
        x.narrow (1L, 0L, 2L)

/// An initialiser of images gets the rung as planes, which are one at its own rung's plane and zero elsewhere.
let private tellsImages () =
    let schedule = preserved ()
    let tables = new RecoveryTables(schedule, 0.1, StepUnit.Recovery, EnergyScale.Raw, LossWeight.One, LastRung.Tethered)
    let keeping = new Keeping()

    let net = {
        new INetSpec with
            member _.Build(_, from, target) =
                must "channels before and after" (from = [| 2L + 5L; 4L; 4L |] && target = [| 2L; 4L; 4L |])
                keeping
    }

    let initialiser = new CooperativeInitialiser(CooperativeInitialiserSpec net, tables, rng "images", [| 2L; 4L; 4L |])
    let above = (rng "above").Normal(3L, 2L, 4L, 4L)
    let proposed = initialiser.Propose(above, torch.tensor ([| 0L; 4L; 2L |]), rng "proposal")
    must "the shape of proposals" (proposed.shape = above.shape)
    Close.same "the image" 1 above (keeping.Seen.narrow (1L, 0L, 2L))
    let planes = keeping.Seen.narrow (1L, 2L, 5L)
    let due =
        torch.nn.functional.one_hot(torch.tensor [| 0L; 4L; 2L |], 5L).``to``(torch.float64).reshape(3L, 5L, 1L, 1L).expand(3L, 5L, 4L, 4L)
    Close.same "the planes" 1 due planes

let all = [
    law "steps in units of the posterior's variance are those of Bayes' rule" (fun () -> hasPosteriorSteps StepUnit.Posterior)
    |> breaks "the variance of the recovery density" (fun () -> hasPosteriorSteps StepUnit.Recovery)

    law "generation ends with the estimate of clean rows if it is set" (fun () -> denoisesLast posteriorMean)
    |> breaks "rows with the noise of level 0" (fun () -> denoisesLast (fun _ x -> x))

    law "an initialiser of images gets the rung as planes of pixels" tellsImages

    law "the energy of a rung receives the signal and noise of y = a x, its variable" (fun () -> isTold _.Below)
    |> breaks "those of x" (fun () -> isTold (fun tables -> NoiseSchedule(tables.Noise.Signal, tables.Noise.Noise)))

    law "the released schedule has the paper's six energies, to six decimals (B8)" (fun () -> hasTable (BetaSchedules.Released 6))
    |> breaks "equally spaced levels" (fun () -> hasTable (BetaSchedules.Ddpm 7))
    |> breaks "seven energies" (fun () -> hasTable (BetaSchedules.Released 7))

    law "the released schedule has no T = 1000: above 501 its stride is 0, which is an error with that message (B8)" (fun () ->
        must "T = 501 has 502 levels" ((BetaSchedules.Released 501).Levels = 502)

        for energies in [ 502; 1000 ] do
            throws<SettingException, _> [ "between 2 and 501"; $"{energies}"; "ddpm" ] (fun () -> BetaSchedules.Released energies))

    law "all thousand levels of DDPM are rungs of its own betas" (fun () ->
        let schedule = BetaSchedules.Ddpm 1000
        let struct (a, sigma) = schedule.Rise(torch.arange (999L, device = device))
        let beta = torch.linspace(1e-4, 0.02, 1000L, dtype = torch.float64, device = device).narrow(0, 1L, 999L)
        let off = (sigma.square () - beta).abs().max()
        within "largest |σ² − β|" 0.0 1e-12 (value off)
        within "largest |a² + σ² − 1|" 0.0 1e-12 (value ((a.square () + sigma.square () - 1.0).abs().max()))
        within "signal left at the top" 0.006353 5.1e-7 (nth schedule.Signal 999))

    law "recovery likelihood takes a step on a thousand levels" (fun () ->
        let net = LevelTimeSpec(Width = 4, Depth = 1)
        let method = build "thousand" (RecoveryLikelihoodSpec(net, DdpmSpec(), Steps = 2))
        let update = updates method 100L 1L |> Array.exactlyOne
        must "the loss must be finite" (Double.IsFinite(value update.Loss))
        must "999 energies and the top" ((method :> ILadder).Levels.Levels = 1000))

    law
        "steps, scales and weights are those of the released code: c_t² is a ratio of standard deviations, the last rung is marginal"
        (fun () -> hasSteps _.StepSquared)
    |> breaks "c_t² squared" (fun () -> hasSteps (fun tables -> tables.StepSquared * tables.Below.Noise / tables.Below.Noise[0]))

    law "a conditional chain has the recovery density's closed form with unadjusted Langevin's bias (B7)" (fun () ->
        recovers schedules StepUnit.Recovery 0.2 (fun a _ -> a * a)
        recovers [ "preserved", preserved ] StepUnit.NoiseRatio 0.004 (fun _ c2 -> c2))
    |> breaks "c_t² squared" (fun () -> recovers [ "preserved", preserved ] StepUnit.NoiseRatio 0.004 (fun _ c2 -> c2 * c2))

    let posterior v variance = let kappa = 1.0 / v + 1.0 / variance in 1.0 / (variance * kappa), 1.0 / kappa

    law "an adjusted chain from x_{t+1} reaches the recovery density, and at a marginal last rung the marginal" (fun () ->
        unbiased LastRung.Tethered posterior
        unbiased LastRung.Marginal (fun v _ -> 0.0, v))
    |> breaks "a last rung with a tether" (fun () -> unbiased LastRung.Tethered (fun v _ -> 0.0, v))

    law "the contrast's gradient is that of −log p(y_t | x_{t+1}), including the normaliser" (fun () -> contrasts tethered)
    |> breaks "the marginal's normaliser instead of the tethered one" (fun () ->
        contrasts (fun theta _ _ -> log (2.0 * Math.PI / theta) / 2.0))

    law "without chains the loss is denoising score matching, weighted by σ²/2, gradients included" (fun () ->
        denoises (fun sigma -> sigma.square () / 2.0))
    |> breaks "without the weight" (fun () -> denoises (fun sigma -> torch.full_like (sigma, scalar 0.5)))

    law "the Gaussian approximation of the recovery density is accurate to fourth order in σ" (fun () ->
        let sigmas = [| 0.02; 0.04; 0.08 |]
        let slope = Close.slope (sigmas |> Array.map log) (sigmas |> Array.map (linearised >> log))
        within "order" 4.0 0.1 slope.Value)

    law "the log density is the network's output times 1/δ_t², if outputs are scaled (B6)" (fun () ->
        calibrated (fun method x -> -(method :> IDensity).Density.Of x))
    |> breaks "without the scale" (fun () ->
        calibrated (fun method x -> -(method.Parts["energy"] :?> LevelNet).At(x, repeated x.shape[0] 0)))

    law "weighted by 1/δ_t², scaled outputs have the loss of raw energies" (fun () ->
        let loss energyScale weight =
            let method = build "weighted" (scaledSpec (preserved ()) energyScale weight)
            (updates method 500L 1L |> Array.exactlyOne).Loss

        Close.same "loss" 4096 (loss EnergyScale.Raw LossWeight.One) (loss EnergyScale.OverStepSquared LossWeight.InverseStepSquared))
    |> breaks "weighted by 1" (fun () ->
        let loss energyScale weight =
            let method = build "weighted" (scaledSpec (preserved ()) energyScale weight)
            (updates method 500L 1L |> Array.exactlyOne).Loss

        Close.same "loss" 4096 (loss EnergyScale.Raw LossWeight.One) (loss EnergyScale.OverStepSquared LossWeight.One))

    law "on exact energies the gap has mean zero: from data, from above, and with one noise for both rows of a pair" (fun () ->
        for from, steps, coupled in [ From.Data, 2, false; From.Above, 30, false; From.Above, 30, true ] do
            let schedule = preserved ()
            let method =
                build
                    "gap"
                    (RecoveryLikelihoodSpec(
                        exact schedule,
                        scheduled schedule,
                        From = from,
                        Steps = steps,
                        Coupled = coupled,
                        Step = 0.3,
                        Adapt = false,
                        Confinement = Nullable()
                    ))
            let gaps = updates method 1000L 40L |> Array.map (fun u -> value u.Loss)
            Close.near $"from {from}, coupled {coupled}" 0.0 (Close.mean gaps))
    |> breaks "two steps from above" (fun () ->
        let schedule = preserved ()
        let spec =
            RecoveryLikelihoodSpec(
                exact schedule,
                scheduled schedule,
                From = From.Above,
                Steps = 2,
                Adapt = false,
                Confinement = Nullable()
            )
        Close.near "gap" 0.0 (updates (build "gap" spec) 1000L 40L |> Array.map (fun u -> value u.Loss) |> Close.mean))

    law "on exact energies, generation gives level 0, also through T6's last rung; at another temperature it does not" (fun () ->
        let generated (schedule: NoiseSchedule) temperature =
            let spec =
                RecoveryLikelihoodSpec(
                    exact schedule,
                    scheduled schedule,
                    Step = 0.4,
                    SampleSteps = 30,
                    Top = Top.Standard,
                    Temperature = temperature,
                    Confinement = Nullable()
                )
            let due = (world ()).Diffused((nth schedule.Signal 0), (nth schedule.Noise 0))
            Close.moments
                $"temperature {temperature}"
                due.MeanValues
                due.CovarianceValues
                ((build "generated" spec).Sample(20_000L, rng "generate"))

        generated (preserved ()) 1.0
        generated (BetaSchedules.Released 6) 1.0
        throws<Broken, _> [ "covariance" ] (fun () -> generated (preserved ()) 0.8))

    law "a running Gaussian has the mean and covariance of all rows it saw, draws their diffusion, and is normalised" (fun () ->
        let gaussian = correlated ()
        let rows = gaussian.Draw(1000L, rng "rows")
        let running = new RunningGaussian(3L, device)

        for i in 0L .. 9L do
            running.Learn(rows.narrow (0, 100L * i, 100L))

        let mean = rows.mean [| 0L |]
        let centred = rows - mean
        let due = (Gaussian(mean, centred.t().matmul centred / 1000.0)).Diffused(0.8, 0.3)
        let signal, noise = number(0.8).squeeze(), number(0.3).squeeze()
        let x = (rng "x").Normal(50L, 3L)
        Close.same "−log density" 4096 (-(due.LogDensity x)) (running.Energy(signal, noise).Of x)
        Close.moments "draws" due.MeanValues due.CovarianceValues (running.Push((rng "draws").Normal(20_000L, 3L), signal, noise)))

    law "along the ladder log Z and the negative log-likelihood are correct, with and without recovery between rungs (B3)" (fun () ->
        walks id)
    |> breaks "without the scale of the outputs" (fun () -> walks (fun one -> 0.8 * one))

    law "fifty rungs bracket log Z within .2 nats (B3)" (fun () ->
        let due, found = walked (BetaSchedules.Ddpm 51) Top.Standard Transport.None 1000L 8 id
        let low, high = found["log-z-low"].Value, found["log-z-high"].Value
        must $"{low} to {high} is more than .2" (abs (high - low) < 0.2)
        Close.near "log Z" due found["log-z"])

    law "an initialiser with output 0 proposes x_{t+1}, with the spread of y_t given x_{t+1} and x₀" (fun () ->
        proposes (fun a noise sigma above -> a * noise * sigma / above))
    |> breaks "the spread of the rung" (fun () -> proposes (fun _ _ sigma _ -> sigma))

    law "an initialiser learns from the ends of its chains, in an update that changes nothing else" (fun () ->
        let schedule, method = initialised ()
        let batches = batches 100L
        let parts = [ for u in method.Iterate(batches, rng "initialised") -> u ]
        must "two updates" (parts |> List.map _.Part = [ "energy"; "initialiser" ])
        let energies = method.Parts["energy"].parameters() |> Seq.toArray
        let own = method.Parts["initialiser"].parameters() |> Seq.toArray
        let touched (of': Tensor) inputs = reached of' inputs |> Array.exists (isNull >> not)
        must "the loss must depend on its weights" (touched parts[1].Loss own)
        must "the loss must not depend on the energy" (not (touched parts[1].Loss energies))
        must "the energy's loss must not depend on it" (not (touched parts[0].Loss own))
        must "some rungs" (schedule.Levels = 6))

    law "contradictory settings are rejected" (fun () ->
        let spec = RecoveryLikelihoodSpec(small (), scheduled (preserved ()))
        throws<SettingException, _> [ "x_{t+1}" ] (fun () -> RecoveryLikelihoodSpec(spec.Energy, spec.Noise, Coupled = true))
        throws<SettingException, _> [ "tethered" ] (fun () ->
            RecoveryLikelihoodSpec(spec.Energy, spec.Noise, Steps = 0, LastRung = LastRung.Marginal)))
]
