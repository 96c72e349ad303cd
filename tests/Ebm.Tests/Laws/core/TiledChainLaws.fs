/// Chains in plain memory are the chains of tensor operations: the same draws, the same results to rounding, the same cost, and the same
/// stationary distribution.
module Ebm.Tests.Laws.TiledChainLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private net (width: int) (numbers: int64) =
    MlpSpec(width, 1, Activation.Tanh, 1.0).Build(new Rng 5UL, [| numbers |], [| 1L |]).``to`` torch.float32

/// An energy that is neither convex nor symmetric, tethered to other points with a strength of each row.
let private tethered (numbers: int64) (rows: int64) =
    let rng = new Rng 6UL
    let towards, spread = rng.Normal(rows, numbers), 0.5f.ToTensor() + rng.Uniform rows
    (torch.tensor 20.0f) * Energy.Of(net 16 numbers) + Energy.Tether(towards, torch.tensor 0.9f, spread)

let private stepOf (rows: int64) = 0.05f.ToTensor() + 0.2f.ToTensor() * (new Rng 7UL).Uniform rows

/// The same steps by tensor operations.
let private byTensors (kernel: IKernel) energy state steps rng =
    let mutable state = state
    let accepted = ResizeArray()

    for _ in 1..steps do
        let struct (next, taken) = kernel.Step(energy, state, rng)
        state <- next
        accepted.Add taken

    state, (torch.stack accepted).mean [| 0L |]

/// Every kernel, with a step of each row or one for all.
let private kernels (step: Tensor) : (string * IKernel) list = [
    "unadjusted Langevin", Unadjusted(Langevin(step, 0.7))
    "gradient descent", Unadjusted(Langevin(step, 0.0))
    "Langevin", Metropolis(Langevin(step, 0.7))
    "leapfrog", Metropolis(Leapfrog(step.sqrt (), 3, 0.7))
    "unadjusted leapfrog", Unadjusted(Leapfrog(step.sqrt (), 2, 0.7))
    "random walk", Metropolis(RandomWalk(3.0f.ToTensor() * step, 0.7))
    "unadjusted random walk", Unadjusted(RandomWalk(step, 0.7))
    "kinetic Langevin", KineticLangevin(step, 0.8)
    "Langevin in a cube", Within(Metropolis(Langevin(step, 0.7)), 0.8)
    "kinetic Langevin in a cube", Within(KineticLangevin(step, 0.8), 0.8)
]

let private steps = 4

/// Four steps of thirty roundings each; the largest derivative of a step is near 1, and sums of numbers add their own.
let private depth = 500

let private parts (state: ChainState) = [ "energy", state.Energy; "slope", state.Slope; "momentum", state.Momentum ]

let private agrees name (judged: IKernel) (known: IKernel) (rows: int64) (numbers: int64) =
    let energy = tethered numbers rows
    let start = (new Rng 8UL).Normal(rows, numbers)
    let due, taken = byTensors known energy (ChainState start) steps (new Rng 9UL)
    let rng = new Rng 9UL
    let found = judged.Run(energy, ChainState start, steps, rng)
    Close.same $"{name}, positions" depth due.Position found.Position

    for (part, expected), (_, actual) in List.zip (parts due) (parts found) do
        match expected, actual with
        | null, null -> ()
        | null, _ -> broken $"{name}: the state has no {part} by tensors"
        | _, null -> broken $"{name}: the state has no {part} on tiles"
        | expected, actual -> Close.same $"{name}, {part}" (10 * depth) expected actual

    let struct (ends, accepted) = judged.RunAccepting(energy, start, steps, new Rng 9UL)
    Close.same $"{name}, positions alone" 0 found.Position ends
    Close.same $"{name}, acceptance" depth taken accepted
    // The stream goes on where it would.
    let stream = new Rng 9UL
    byTensors known energy (ChainState start) steps stream |> ignore
    Close.same $"{name}, the next draw" 0 (stream.Normal 3L) (rng.Normal 3L)

let private all' change =
    for rows, numbers in [ 1L, 2L; 37L, 2L; 70L, 3L; 33L, 1L ] do
        for step in [ torch.tensor [| 0.1f |]; stepOf rows ] do
            for name, kernel in kernels step do
                agrees $"{name}, {rows} rows of {numbers}" kernel (change kernel) rows numbers

/// Proposals with the ratio's sign reversed.
type private Reversed(proposal: IProposal) =
    interface IProposal with
        member _.Temperature = proposal.Temperature

        member _.Propose(energy, from, rng) =
            let struct (candidate, ratio) = proposal.Propose(energy, from, rng)
            struct (candidate, Func<ChainState, Tensor>(fun there -> -(ratio.Invoke there)))

/// The slope of the state before last.
type private Stale(kernel: IKernel) =
    interface IKernel with
        member _.Step(energy, state, rng) =
            let from = state.Under energy
            let struct (next, accepted) = kernel.Step(energy, from, rng)
            struct (ChainState(next.Position, next.Energy, from.Slope), accepted)

let private step37 = stepOf 37L
let private broken' known = agrees "Langevin" (Metropolis(Langevin(step37, 0.7))) known 37L 2L

/// Units of a run, and whether it computed tile by tile: then it asks once for the energy on tiles, not at each step.
let private costs (kernel: IKernel) (run: IKernel -> Energy -> ChainState -> ChainState) =
    let mutable asked = 0
    let inner = tethered 2L 40L
    let energy =
        Energy(
            (fun x -> inner.Of x),
            tiled =
                fun x ->
                    asked <- asked + 1
                    inner.Tiled x
        )
    let before = Cost.Units
    let one = run kernel energy (ChainState((new Rng 8UL).Normal(40L, 2L)))
    let first = Cost.Units - before
    run kernel energy one |> ignore
    first, Cost.Units - before - first, asked

let private fast (kernel: IKernel) energy (state: ChainState) = kernel.Run(energy, state, 5, new Rng 9UL)
let private slow kernel energy state = fst (byTensors kernel energy state 5 (new Rng 9UL))

/// exp(−E) for E = |x|²/2 + 4 f(x): draws by rejection, since f is bounded. The largest tilt of very many draws stands for the bound.
let private target () =
    let net = net 16 2L
    let strength = torch.tensor 4.0f

    let draw (count: int64) (rng: Rng) =
        let tries = rng.Normal(40L * count, 2L)
        let tilt = -strength * net.call(tries).squeeze 1L
        let kept = tries[(rng.Uniform(40L * count)).lt((tilt - tilt.max ()).exp())]
        must $"{kept.shape[0]} draws are fewer than {count}" (kept.shape[0] >= count)
        kept.narrow (0L, 0L, count)

    let energy = strength * Energy.Of net + Energy.Confinement 1.0
    energy, draw

let private invariant name (run: IKernel -> Energy -> Tensor -> Tensor) (kernel: IKernel) =
    let energy, draw = target ()
    let ends = run kernel energy (draw 20_000L (rng "start"))
    let fresh = draw 20_000L (rng "fresh")
    let features (x: Tensor) = [
        for i in 0..1 do
            let xi = values (x.select (1L, int64 i))
            $"x{i}", xi
            $"x{i}²", Array.map (fun v -> v * v) xi
            $"cos 3x{i}", Array.map (fun v -> cos (3.0 * v)) xi
        "the energy", values (energy.Of x)
    ]

    for (feature, reached), (_, due) in List.zip (features ends) (features fresh) do
        Close.near $"{name}: mean of {feature} minus that of exact draws" 0.0 (Close.mean reached - Close.mean due)

let private runs: (string * (IKernel -> Energy -> Tensor -> Tensor)) list = [
    "on tiles", (fun kernel energy x -> kernel.Run(energy, x, 20, rng "chain"))
    "by tensors", (fun kernel energy x -> (fst (byTensors kernel energy (ChainState x) 20 (rng "chain"))).Position)
]

let private adjusted (step: float32) : (string * IKernel) list = [
    "Langevin", Metropolis(Langevin(torch.tensor [| step |], 1.0))
    "leapfrog", Metropolis(Leapfrog(torch.tensor [| sqrt (2.0f * step) |], 3, 1.0))
    "random walk", Metropolis(RandomWalk(torch.tensor [| 3.0f * step |], 1.0))
]

let private quietly (work: unit -> unit) =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    work ()

let private single work = inSingle (fun () -> quietly work)

let all = [
    law
        "a chain on tiles takes the steps of its kernel: positions, energy, slope, momentum, acceptance, and the stream's next draw"
        (single (fun () -> all' id))
    |> breaks "another temperature" (single (fun () -> broken' (Metropolis(Langevin(step37, 0.8)))))
    |> breaks "no accept test" (single (fun () -> broken' (Unadjusted(Langevin(step37, 0.7)))))
    |> breaks "the ratio's sign reversed" (single (fun () -> broken' (Metropolis(Reversed(Langevin(step37, 0.7))))))
    |> breaks "a stale slope" (single (fun () -> broken' (Stale(Metropolis(Langevin(step37, 0.7))))))
    |> breaks "one step size for all" (single (fun () -> broken' (Metropolis(Langevin(step37[0L].unsqueeze 0L, 0.7)))))

    law
        "a chain on tiles costs what its steps cost, also when it continues, and asks for the energy's weights once"
        (single (fun () ->
            for name, kernel in kernels (torch.tensor [| 0.1f |]) do
                let first, second, asked = costs kernel fast
                let dueFirst, dueSecond, askedBySteps = costs kernel slow
                must $"{name}: {first} and {second} units instead of {dueFirst} and {dueSecond}" ((first, second) = (dueFirst, dueSecond))
                must $"{name}: two runs asked {asked} times" (asked = 2)
                must "steps ask again" (askedBySteps <> 2 || dueFirst = 0L)))

    law
        "a chain has the same bits on any number of threads, at every vector width, and among other chains"
        (single (fun () ->
            let energy = Energy.Of(net 16 3L) + Energy.Confinement 1.0
            let start = (new Rng 8UL).Normal(300L, 3L)
            let ends kernel (x: Tensor) = (kernel: IKernel).Run(energy, x, 20, new Rng 9UL)
            let lanes, threads = Vectors.Lanes, Machine.Threads

            for name, kernel in kernels (torch.tensor [| 0.1f |]) do
                let whole = ends kernel start
                Close.same $"{name}, the first 40" 0 (whole.narrow (0L, 0L, 40L)) (ends kernel (start.narrow (0L, 0L, 40L)))

                try
                    Machine.Threads <- 3
                    Close.same $"{name}, three threads" 0 whole (ends kernel start)
                finally
                    Machine.Threads <- threads

                try
                    for narrow in [ 8; 4 ] do
                        Vectors.Lanes <- narrow
                        Close.same $"{name}, {narrow} lanes" 0 whole (ends kernel start)
                finally
                    Vectors.Lanes <- lanes))

    law
        "adjusted kernels leave a network's density invariant, on tiles and by tensors"
        (single (fun () ->
            for path, run in runs do
                for step in [ 0.02f; 0.2f; 0.6f ] do
                    for name, kernel in adjusted step do
                        invariant $"{name}, step {step}, {path}" run kernel))
    |> breaks "unadjusted on tiles" (single (fun () -> invariant "" (snd runs[0]) (Unadjusted(Langevin(torch.tensor [| 0.2f |], 1.0)))))
    |> breaks "at another temperature" (single (fun () -> invariant "" (snd runs[0]) (Metropolis(Langevin(torch.tensor [| 0.2f |], 1.2)))))

    law
        "unadjusted Langevin on tiles has the theoretical bias, variance T/(κ(1 − εκ/2))"
        (single (fun () ->
            let bias due =
                for step in [ 0.1; 0.5; 1.0; 1.5 ] do
                    let kernel = Unadjusted(Langevin(torch.tensor [| float32 step |], 0.5))
                    let ends = kernel.Run(Energy.Confinement 1.0, 0.7f.ToTensor() * (rng "begin").Normal(20_000L, 1L), 60, rng "bias")
                    Close.near $"variance at step {step}" (due step) (Close.variance (values ends))

            bias (fun step -> 0.5 / (1.0 - step / 2.0))))

    law
        "on tiles, a candidate without a finite energy is rejected, and a chain of NaN stays one"
        (single (fun () ->
            let weights = net 16 1L
            let start = torch.tensor [| 0.0f; Single.NaN; 0.5f; 1.0f |]
            let ends = (Metropolis(Langevin(torch.tensor [| 0.1f |], 1.0))).Run(Energy.Of weights, start.unsqueeze 1L, 20, rng "nan")
            must "the chains beside it go on" (values ends |> Array.map Double.IsFinite = [| true; false; true; true |])
            // A step so long that candidates overflow: their energies are infinite or NaN.
            let far = Metropolis(RandomWalk(torch.tensor [| 1e30f |], 1.0))
            let stay = far.Run(Energy.Confinement 1.0, start.unsqueeze 1L, 20, rng "far")
            Close.same "nobody moved" 0 (start.unsqueeze 1L) stay))

    law
        "a chain of 100,000 steps allocates nothing per step and leaves one state"
        (single (fun () ->
            let energy = Energy.Of(net 8 2L) + Energy.Confinement 1.0
            let start = (new Rng 8UL).Normal(8L, 2L)

            for name, kernel in
                [
                    "unadjusted", (Unadjusted(Langevin(torch.tensor [| 0.1f |], 1.0)) :> IKernel)
                    "adjusted", Metropolis(Langevin(torch.tensor [| 0.1f |], 1.0))
                ] do
                let run (steps: int) =
                    let before, tensors = GC.GetAllocatedBytesForCurrentThread(), live ()
                    use _ = kernel.Run(energy, start, steps, new Rng 9UL)
                    GC.GetAllocatedBytesForCurrentThread() - before, live () - tensors

                run 10 |> ignore
                let few, _ = run 10
                let bytes, tensors = run 100_000
                must $"{name}: {bytes} bytes for 100,000 steps, {few} for 10" (bytes < few + 20_000L)
                must $"{name}: {tensors} tensors remain" (tensors <= 2L)))
]
