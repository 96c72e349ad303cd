/// The slopes of energies: each agrees with autograd and with differences, leaves no graph, and is counted once.
module Ebm.Tests.Laws.EnergyLaws

open System
open FsCheck
open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let private leaf (x: Tensor) = x.detach().requires_grad_ true

let private slope (energy: Energy) x =
    let struct (_, slope) = energy.WithSlope x
    slope

/// The derivative of the summed energy along v by differences, compared with the slope along v.
let private agreesWithDifferences what (energy: Energy) (x: Tensor) (v: Tensor) =
    use _ = torch.no_grad ()
    let along t = value ((energy.Of(x + t * v)).sum())
    Close.near
        $"{what}: slope along a direction minus differences"
        0.0
        (let d = Close.derivative along in { d with Value = d.Value - value ((slope energy x * v).sum()) })

let private agreesWithAutograd what (energy: Energy) (x: Tensor) =
    let at = leaf x
    let due = torch.autograd.grad([| (energy.Of at).sum() |], [| at |])[0]
    let struct (e, slope) = energy.WithSlope x
    // As many roundings as the longest sum has terms, plus some for the depth of a net.
    let depth = 64 + 8 * int (x.numel () / x.shape[0])
    Close.same $"{what}: slope against autograd" depth due slope
    Close.same $"{what}: energy beside the slope" depth (energy.Of(x).detach()) e

let private agrees what energy (rng: Rng) (shape: int64 list) =
    let x = rng.Normal(Array.ofList shape)
    agreesWithAutograd what energy x
    agreesWithDifferences what energy x (rng.NormalLike x)

/// All energies with a composed or closed-form slope, for rows of a shape.
let private composed (rng: Rng) (shape: int64 list) : (string * Energy) list =
    let rowsOf, batch = List.tail shape, List.head shape
    let quartic = Energy(fun x -> (x.square().square() / 4.0).SumPerRow())
    let towards = (rng.Stream "towards").Normal(Array.ofList shape)
    let positive (name: string) : Tensor = (rng.Stream name).Uniform batch + 0.5
    let tether = Energy.Tether(towards, positive "scale", positive "spread")

    [
        "autograd", quartic
        "a tether of one scale", Energy.Tether(towards, number(0.7).squeeze(), number(0.4).squeeze())
        "a tether per row", tether
        "confinement", Energy.Confinement 3.0
        "a sum", quartic + tether + Energy.Confinement 2.0
        "one temperature", number(0.3).squeeze() * quartic
        "a temperature per row", positive "temperature" * (quartic + tether)
        if rowsOf = [ 3L ] then "a Gaussian", (correlated ()).Energy
    ]

let private schedule () = NoiseSchedule.VariancePreserving(0.1, 0.9, 4)

let private activations = [ Activation.Silu; Activation.Softplus; Activation.Gelu; Activation.Tanh ]

/// Every net that is an energy, with a different level in each row.
let private nets (rng: Rng) (shape: int64 list) =
    let rowShape = Array.ofList (List.tail shape)
    let level = (rng.Stream "level").Integers(4L, List.head shape)
    let at (spec: ILevelEnergySpec) = (spec.Build(rng.Stream "net", rowShape, schedule ()) :> ILevelEnergy).At level

    [
        for activation in activations do
            $"level-mlp, {activation}", at (LevelMlpSpec(Width = 7, Depth = 2, Activation = activation))
            $"level-time, {activation}", at (LevelTimeSpec(Width = 7, Depth = 2, Activation = activation))
        let mlp = MlpSpec(Width = 7, Depth = 2).Build(rng.Stream "mlp", rowShape, [| 1L |])
        "mlp", Energy(fun x -> mlp.call(x).squeeze 1L)

        if rowShape.Length = 3 then
            "level-reconstruction", at (LevelReconstructionSpec(Width = 3, Bottleneck = 5))
            "level-conv", at (LevelConvSpec(Width = 3, Hidden = 5))
    ]

let private shapes seed =
    let random = Random(seed: int)
    let batch = int64 (random.Next(1, 6))

    match random.Next 3 with
    | 0 -> [ batch; int64 (random.Next(1, 7)) ]
    | 1 -> [ batch; 3L ]
    | _ -> [ batch; int64 (random.Next(1, 3)); 4L; 4L ]

/// The cost of a computation, in units.
let private units (spend: unit -> unit) =
    let before = Cost.Units
    spend ()
    Cost.Units - before

let private costs what (due: int64) spend =
    let found = units spend
    must $"{what} cost {found} units instead of {due}" (found = due)

let private net () = LevelMlpSpec(Width = 4, Depth = 1).Build(rng "counted", [| 2L |], schedule ())

let private run (kernel: IKernel) (energy: Energy) steps () =
    kernel.Run(energy, torch.zeros (10L, 2L, device = device), steps, rng "counted") |> ignore

/// Level 0 of a ladder and the density of its method differ by a constant.
let private startsAtDensity (lowest: ILadder -> Tensor -> Tensor) =
    let mutable found = 0

    for option, config in EveryMethod.options.Value do
        use _ = torch.NewDisposeScope()
        let shape, method = EveryMethod.build config
        // In training, each call changes a spectral norm.
        method.eval ()

        match box method, box method with
        | (:? ILadder as ladder), (:? IDensity as model) ->
            found <- found + 1
            let x = 3.0 * (rng "rows").Normal(Array.append [| 6L |] shape)
            let difference = lowest ladder x - model.Density.Of x
            Close.same $"{option}: the difference in each row" 4096 (difference.mean().expand(6L)) difference
        | _ -> ()

    must $"only {found} methods have a ladder and a density" (found > 2)

let all = [
    law "the lowest level of every ladder is the method's density with its confinement, up to a constant" (fun () ->
        startsAtDensity (fun ladder x -> ladder.Levels.At(x, repeated x.shape[0] 0)))
    |> breaks "another level" (fun () -> startsAtDensity (fun ladder x -> ladder.Levels.At(x, repeated x.shape[0] 1)))
    |> breaks "an omitted confinement" (fun () ->
        startsAtDensity (fun ladder x -> ladder.Levels.At(x, repeated x.shape[0] 0) - x.flatten(1L).square().sum(1L) / 200.0))

    forAll
        "slopes of sums, temperings, tethers and confinements agree with autograd and with differences, for every shape"
        (fun (NonNegativeInt seed) ->
            use _ = torch.NewDisposeScope()
            let rng = (rng "composed").Stream(int64 seed)

            for what, energy in composed rng (shapes seed) do
                agrees what energy rng (shapes seed)

            true)

    forAll
        "slopes of every net agree with autograd and with differences, for every shape, level and activation"
        (fun (NonNegativeInt seed) ->
            use _ = torch.NewDisposeScope()
            let rng = (rng "nets").Stream(int64 seed)

            for what, energy in nets rng (shapes seed) do
                agrees what energy rng (shapes seed)

            true)

    law "a wrong slope does not agree" (fun () ->
        let x = (rng "wrong").Normal(5L, 3L)
        let wrong = Energy((fun x -> x.square().SumPerRow() / 2.0), (fun x -> struct (x.square().SumPerRow() / 2.0, 1.001 * x)))
        let noticed check =
            try
                check ()
                false
            with Broken _ ->
                true
        must "autograd did not notice" (noticed (fun () -> agreesWithAutograd "wrong" wrong x))
        must "differences did not notice" (noticed (fun () -> agreesWithDifferences "wrong" wrong x (torch.ones_like x))))

    law "a tether is −log N(towards; scale x, spread²) up to a constant" (fun () ->
        let rng = rng "tether"
        let x, y = rng.Normal(50L, 1L), rng.Normal(50L, 1L)
        let scale, spread = rng.Uniform 50L + 0.5, rng.Uniform 50L + 0.5
        let energy = Energy.Tether(y, scale, spread)

        for i in 0L .. 49L do
            let due = Gaussian(scale[i] * x[i], (spread[i].square()).reshape(1L, 1L))
            let constant = -0.5 * log (2.0 * Math.PI) - log (value (spread[i].reshape 1L))
            let found = -(energy.Of x)[i]
            Close.same "log density" 64 (due.LogDensity(y[i].unsqueeze 0L) - constant) (found.reshape 1L))

    law "At and All of a ladder agree: All has one column per level" (fun () ->
        let rng = rng "ladder"

        for spec in
            [
                LevelMlpSpec(Width = 5) :> ILevelEnergySpec
                LevelTimeSpec(Width = 5)
                LevelReconstructionSpec(Width = 3, Bottleneck = 5)
                LevelConvSpec(Width = 3, Hidden = 5)
            ] do
            let net = spec.Build(rng, [| 1L; 4L; 4L |], schedule ())
            let x = rng.Normal(6L, 1L, 4L, 4L)
            let table = net.All x
            must "the table's shape" (table.shape = [| 6L; int64 net.Levels |])

            for l in 0 .. net.Levels - 1 do
                Close.same $"level {l}" 256 (table.select (1L, int64 l)) (net.At(x, repeated 6L l)))

    law "WithSlope leaves no graph, gives the parameters no gradient, and works with gradients off" (fun () ->
        let net = net ()
        let level = torch.zeros (5L, dtype = torch.int64, device = device)
        let x = leaf ((rng "no graph").Normal(5L, 2L))
        let check () =
            let struct (e, slope) = ((net :> ILevelEnergy).At level).WithSlope x
            must "the energy must not have a graph" (not e.requires_grad)
            must "the slope must not have a graph" (not slope.requires_grad)

        check ()
        (use _ = torch.no_grad () in check ())
        must "gradients must be on again" (torch.is_grad_enabled ())
        must "parameters must not get a gradient" (net.parameters () |> Seq.forall (fun p -> isNull p.grad))
        must "x must not get a gradient" (isNull x.grad))

    law "a chain of any length adds no live tensors except the state that it returns" (fun () ->
        let energy = (net () :> ILevelEnergy).At(torch.zeros (5L, dtype = torch.int64, device = device))
        let start = torch.zeros (5L, 2L, device = device)
        let step = number 0.1

        let left steps =
            use _ = torch.NewDisposeScope()
            let before = live ()
            (Metropolis(Langevin(step, 1.0))).Run(energy, start, steps, rng "left") |> ignore
            live () - before

        must $"{left 3} tensors after 3 steps, {left 30} after 30" (left 3 = left 30))

    law "Score has its graph: the gradient of |∇E|² in the parameters agrees with differences" (fun () ->
        let net = net ()
        let x = (rng "score").Normal(5L, 2L)
        let energy = (net :> ILevelEnergy).At(torch.tensor ([| 0L; 1L; 2L; 3L; 0L |], device = device))
        let parameters = [| for p in net.parameters () -> p :> Tensor |]
        let directions = [| for i, p in Seq.indexed parameters -> ((rng "directions").Stream(int64 i)).NormalLike p |]
        let loss () = (energy.Score x).square().sum()
        let due = gradients (loss ()) parameters
        let along = Seq.map2 (fun (g: Tensor) (v: Tensor) -> value ((g * v).sum())) due directions |> Seq.sum

        let moved t =
            let put (values: Tensor[]) =
                use _ = torch.no_grad ()
                Array.iter2 (fun (p: Tensor) (v: Tensor) -> p.copy_ v |> ignore) parameters values

            let kept = parameters |> Array.map (fun p -> p.detach().clone())
            put (Array.map2 (fun (p: Tensor) (v: Tensor) -> p.detach () + (t: float) * v) parameters directions)
            let there = value (loss ())
            put kept
            there

        let d = Close.derivative moved
        Close.near "gradient along a direction minus differences" 0.0 { d with Value = d.Value - along })

    law "a unit is the gradient of one row: a slope of B rows costs B, whatever it computes" (fun () ->
        let x = torch.zeros (10L, 2L, device = device)
        let level = torch.zeros (10L, dtype = torch.int64, device = device)
        let one, other = (net () :> ILevelEnergy).At level, (net () :> ILevelEnergy).At level
        costs "a net's slope" 10L (fun () -> one.WithSlope x |> ignore)
        costs "a closed form's slope" 10L (fun () -> Energy.Confinement(1.0).WithSlope x |> ignore)
        costs "the slope of a sum" 10L (fun () -> (one + other + Energy.Confinement 1.0).WithSlope x |> ignore)
        costs "a score, which is differentiated twice" 20L (fun () -> one.Score x |> ignore)
        costs "an energy with a graph" 10L (fun () -> one.Of x |> ignore)
        costs "an energy without a graph" 0L (fun () -> use _ = torch.no_grad () in one.Of x |> ignore))

    law "n Langevin steps cost n units per row, one more under Metropolis; leapfrog costs one per leap" (fun () ->
        let energy = (net () :> ILevelEnergy).At(torch.zeros (10L, dtype = torch.int64, device = device))
        let step = number 0.1
        costs "7 unadjusted steps" 70L (run (Unadjusted(Langevin(step, 1.0))) energy 7)
        costs "7 adjusted steps" 80L (run (Metropolis(Langevin(step, 1.0))) energy 7)
        costs "7 adjusted trajectories of 3" 220L (run (Metropolis(Leapfrog(step, 3, 1.0))) energy 7))

    law "an update of joint CD costs its chain's slopes, its positives and its negatives, and nothing for drawing levels" (fun () ->
        for negative in [ Negative.LogSumExp; Negative.Sampled ] do
            for adjusted in [ true; false ] do
                let spec =
                    JointCdSpec(
                        LevelMlpSpec(Width = 4, Depth = 1),
                        VariancePreservingSpec(Levels = 4),
                        Steps = 3,
                        Rounds = 2,
                        Adjusted = adjusted,
                        Negative = negative,
                        Memory = 64
                    )

                let method = spec.Build(Site([| 2L |], device, rng "costs", ""))
                let batches = Batches((rng "data").Normal(64L, 2L), 16L, rng "batches")
                let slopes = 2L * (if adjusted then 4L else 3L)
                costs $"an update, adjusted = {adjusted}, {negative}" (16L * (slopes + 2L)) (fun () ->
                    method.Iterate(batches, rng "update") |> Seq.iter ignore))
]
