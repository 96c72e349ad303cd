/// Flows in plain memory agree with their layers and autograd: values, log-determinants and slopes, both ways, with the same bits everywhere.
module Ebm.Tests.Laws.TiledFlowLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Nets
open Ebm.Tests.Law

type private Tensor = torch.Tensor

/// The same function, which kernels do not know.
type private Plain(of': IMonotone) =
    interface IMonotone with
        member _.Parameters = of'.Parameters
        member _.Map(x, parameters, inverted) = of'.Map(x, parameters, inverted)

let private stream (name: string) = (new Rng(20260101UL)).Stream name

/// Weights far from their initial values: with 3, bins and slopes have all sizes that float32 resolves.
let private bent (by: float) monotone (shape: int64 list) (dtype: torch.ScalarType) =
    let flow = new CouplingFlow(monotone, 4, 11, 2, 1.5, stream "flow", Array.ofList shape)
    use _ = torch.no_grad ()

    for i, p in Seq.indexed (flow.parameters ()) do
        p.add_ (by * ((stream "bent").Stream(int64 i)).NormalLike p) |> ignore

    flow.``to`` dtype

let private kinds = [ "affine", (fun (b: float) -> Affine b :> IMonotone), 2.0; "spline", (fun b -> RationalQuadratic(8, b)), 3.0 ]

let private wide (x: Tensor) = x.``to`` torch.float64

/// The error that a share of the numbers does not exceed; NaN is the largest error.
let private error (share: float) (a: Tensor) (b: Tensor) =
    let errors = (wide a - wide b).abs().flatten().nan_to_num(infinity, infinity, infinity)
    let k = max 1L (int64 (ceil (share * float (errors.numel ()))))
    let struct (value, _) = errors.kthvalue (k, 0L, false)
    value.item<float>()

let private struct' (struct (a: Tensor, b: Tensor)) = [ a.detach (); b.detach () ]

/// Ours, in float32, must be as near to float64 as libtorch's layers in float32 are: both round as often, so the worst error of one may be a few
/// times that of the other; and never better than a few units in the last place of the largest number.
let private asNear what share (ours: Tensor list) (single: Tensor list) (exact: Tensor list) =
    for i, (our, one, due) in List.indexed (List.zip3 ours single exact) do
        let found, known = error share our due, error share one due
        let size = max 1.0 (((wide due).abs().max()).item<float>())
        must $"{what}, result {i}: {found:g3} from float64, libtorch's float32 {known:g3}" (found <= 8.0 * known + 64.0 * 6e-8 * size)

/// Compares the results of a flow with kernels, one without, and one without in double, on the same rows.
let private compares what judged known (shape: int64 list) (by: float) (results: CouplingFlow -> Tensor -> Tensor list) (rows: int64) =
    use _ = torch.NewDisposeScope()
    use ours = bent by judged shape torch.float32
    use single = bent by (Plain known) shape torch.float32
    use exact = bent by (Plain known) shape torch.float64
    let x = ((stream "rows").Normal(Array.ofList (rows :: shape))).``to`` torch.float32 * 2.0
    // Extreme weights magnify rounding errors of single rows without bound, in libtorch up to NaN.
    let share = if by < 1.0 then 1.0 else 0.8
    asNear $"{what}, rows {shape}, bent by {by}, batch {rows}" share (results ours x) (results single x) (results exact (wide x))

let private each compared =
    for shape in [ [ 2L ]; [ 3L ]; [ 1L; 3L; 3L ] ] do
        for by in [ 0.2; 1.0; 3.0 ] do
            for rows in [ 1L; 16L; 37L; 300L ] do
                compared shape by rows

let private values judged known =
    each (fun shape by rows ->
        compares
            "push, pull"
            judged
            known
            shape
            by
            (fun flow x ->
                use _ = torch.no_grad ()
                struct' (flow.Push(x.flatten 1L)) @ struct' (flow.Pull x))
            rows)

/// An energy network in the dtype of a flow.
let private energy (x: Tensor) (shape: int64 list) =
    Energy.Of((MlpSpec(13, 2, Activation.Silu, 1.0).Build(stream "energy", Array.ofList shape, [| 1L |])).``to`` x.dtype)

let private slopes judged known =
    for shape in [ [ 2L ]; [ 3L ]; [ 1L; 3L; 3L ] ] do
        for by in [ 0.2; 1.0 ] do
            for rows in [ 1L; 37L; 300L ] do
                let density (flow: CouplingFlow) (x: Tensor) = struct' (flow.Density.WithSlope x)
                let tilted (flow: CouplingFlow) (x: Tensor) = struct' ((energy x shape + flow.Density).WithSlope x)
                let pulled (flow: CouplingFlow) (x: Tensor) = struct' (((energy x shape).After flow).WithSlope(x.flatten 1L))

                for what, results in [ "−log g", density; "E − log g", tilted; "E(G(z))", pulled ] do
                    compares what judged known shape by results rows

/// The gradients of an objective in rows and all weights.
let private gradient (objective: Tensor -> Tensor) (flow: CouplingFlow) (x: Tensor) =
    let at = x.detach().requires_grad_ true
    let inputs = Array.append [| at |] [| for p in flow.parameters () -> p :> Tensor |]
    Gradients.Of(objective at, inputs) |> List.ofSeq |> List.choose Option.ofObj |> List.map _.detach()

let private weighted (flow: CouplingFlow) inverted (x: Tensor) =
    let struct (y, logVolume) = if inverted then flow.Pull x else flow.Push(x.flatten 1L)
    let weights = ((stream "weights").Normal y.shape).``to`` x.dtype
    (y * weights).sum() + (logVolume * weights.flatten(1L).select(1L, 0L)).sum()

/// Gradients of likelihoods, of both outputs both ways, and of slopes, which are differentiated twice.
let private objectives = [
    "likelihood", (fun (flow: CouplingFlow) x -> -flow.LogDensity(x).mean())
    "push", (fun flow x -> weighted flow false x)
    "rows alone", (fun flow x -> (flow.call (x.flatten 1L)).square().sum())
    "pull", (fun flow x -> weighted flow true x)
    "slope", (fun flow x -> (flow.Density.Score x).square().mean())
]

// Larger weights make single rows lose all digits in float32, in either way of computing, and a gradient is a sum over rows.
let private gradients judged known =
    for shape in [ [ 2L ]; [ 3L ]; [ 1L; 3L; 3L ] ] do
        for rows in [ 1L; 37L; 300L ] do
            for what, objective in objectives do
                compares $"gradient of {what}" judged known shape 0.2 (fun flow x -> gradient (objective flow) flow x) rows

let private tiled (energy: Energy) (x: Tensor) =
    match energy.Tiled x with
    | null -> broken "it has no form in plain memory"
    | own -> own

/// What must not depend on threads and the vector width.
let private repeatsWhole (results: unit -> Tensor list) =
    let whole = results ()
    let same what =
        let found = results ()
        must $"{what} differ" (List.forall2 (fun (a: Tensor) (b: Tensor) -> a.Equals b) found whole)
    let threads, lanes = Machine.Threads, Vectors.Lanes

    try
        Machine.Threads <- 3
        same "three threads"
    finally
        Machine.Threads <- threads

    try
        for narrow in [ 16; 8; 4 ] do
            if Vectors.Has narrow then
                Vectors.Lanes <- narrow
                same $"{narrow} lanes"
    finally
        Vectors.Lanes <- lanes

/// Nor on the other rows.
let private repeats (results: Tensor -> Tensor list) (x: Tensor) =
    repeatsWhole (fun () -> results x)
    let whole, few = results x, results (x.narrow (0L, 100L, 5L))
    must "5 rows differ from the same among 300" (List.forall2 (fun (a: Tensor) (b: Tensor) -> a.Equals(b.narrow (0L, 100L, 5L))) few whole)

let all = [
    for name, monotone, bound in kinds do
        law
            $"{name} couplings in plain memory are as near to float64 as the layers are, also in the tails and with extreme weights"
            (fun () -> values (monotone bound) (monotone bound))
        |> breaks "another bound" (fun () -> values (monotone (bound + 0.01)) (monotone bound))

        law $"slopes of energies and densities through {name} couplings are autograd's" (fun () -> slopes (monotone bound) (monotone bound))
        |> breaks "another bound" (fun () -> slopes (monotone (bound + 0.01)) (monotone bound))

        law $"gradients of objectives of {name} couplings in rows and all weights are autograd's" (fun () ->
            gradients (monotone bound) (monotone bound))
        |> breaks "another bound" (fun () -> gradients (monotone (bound + 0.01)) (monotone bound))

        law $"gradients in the weights of {name} couplings have the same bits on any number of threads and at every vector width" (fun () ->
            use _ = torch.NewDisposeScope()
            use flow = bent 0.5 (monotone bound) [ 3L ] torch.float32
            let x = 2.0 * ((stream "rows").Normal(300L, 3L)).``to`` torch.float32
            repeatsWhole (fun () -> gradient (fun x -> -flow.LogDensity(x).mean()) flow x))

        law $"a graph of {name} couplings can be used twice, and frozen weights have no gradient" (fun () ->
            use _ = torch.NewDisposeScope()
            use flow = bent 0.5 (monotone bound) [ 2L ] torch.float32
            let x = ((stream "rows").Normal(40L, 2L)).``to`` torch.float32
            let loss = -flow.LogDensity(x).mean()
            let weights = [| for p in flow.parameters () -> p :> Tensor |]
            let first = torch.autograd.grad ([| loss |], weights, retain_graph = true)
            let second = torch.autograd.grad ([| loss |], weights)
            must "the second gradient differs" (Seq.forall2 (fun (a: Tensor) (b: Tensor) -> a.Equals b) first second)
            weights[0].requires_grad <- false
            flow.LogDensity(x).sum().backward()
            must "a frozen weight has a gradient" (isNull weights[0].grad)
            must "another has none" (not (isNull weights[1].grad)))

        law $"{name} couplings give a row the same bits in every batch, on any number of threads, and at every vector width" (fun () ->
            use _ = torch.NewDisposeScope()
            use flow = bent 0.5 (monotone bound) [ 3L ] torch.float32
            let x = 2.0 * ((stream "rows").Normal(300L, 3L)).``to`` torch.float32
            repeats
                (fun x ->
                    use _ = torch.no_grad ()
                    struct' (flow.Push x)
                    @ struct' (flow.Pull x)
                    @ struct' ((energy x [ 3L ] + flow.Density).WithSlope x)
                    @ struct' (((energy x [ 3L ]).After flow).WithSlope x))
                x)

        law $"a row of {name} couplings that is not finite leaves other rows alone, and its energy and slope are not finite" (fun () ->
            use _ = torch.NewDisposeScope()
            use flow = bent 0.5 (monotone bound) [ 2L ] torch.float32
            let x = ((stream "rows").Normal(40L, 2L)).``to`` torch.float32
            let clean = x.clone ()
            x[3, 1] <- torch.tensor (nanf, dtype = torch.float32)
            let due, found = struct' (flow.Density.WithSlope clean), struct' (flow.Density.WithSlope x)

            for due, found in List.zip due found do
                must "another row changed" ((found.narrow (0L, 4L, 36L)).Equals(due.narrow (0L, 4L, 36L)))
                must "NaN became a number" ((found[3].isnan().any()).item<bool>()))

    law "samplers of a generalized energy-based model and densities of flows run in plain memory" (fun () ->
        use _ = torch.NewDisposeScope()
        use flow = bent 0.1 (Affine 2.0) [ 2L ] torch.float32
        let x = ((stream "rows").Normal(40L, 2L)).``to`` torch.float32
        let one = torch.ones (1L, dtype = torch.float32)

        for energy in [ flow.Density; energy x [ 2L ] + flow.Density; one * ((energy x [ 2L ]).Above -10.0).After flow ] do
            tiled energy x |> ignore)

    law "an energy with a floor has slope 0 below it, in plain memory too" (fun () ->
        use _ = torch.NewDisposeScope()
        let x = ((stream "rows").Normal(100L, 2L)).``to`` torch.float32
        let given = energy x [ 2L ]
        let struct (e, slope) = given.WithSlope x
        let least = (e.median ()).item<float32>() |> float
        let struct (held, flat) = (given.Above least).WithSlope x
        let below = e.le (Scalar.op_Implicit least)
        must "energies" (held.Equals(e.clamp_min (Scalar.op_Implicit least)))
        must "slopes" (flat.Equals(slope.masked_fill (below.unsqueeze 1L, Scalar.op_Implicit 0.0))))
]
