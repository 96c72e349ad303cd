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

let private tiled (energy: Energy) (x: Tensor) =
    match energy.Tiled x with
    | null -> broken "it has no form in plain memory"
    | own -> own

/// Rows, and what must not depend on the batch, the threads and the width: energies and slopes.
let private repeats (results: Tensor -> Tensor list) (x: Tensor) =
    let whole = results x
    let same what (found: Tensor list) = must $"{what} differ" (List.forall2 (fun (a: Tensor) (b: Tensor) -> a.Equals b) found whole)
    let few = results (x.narrow (0L, 100L, 5L))
    must "5 rows differ from the same among 300" (List.forall2 (fun (a: Tensor) (b: Tensor) -> a.Equals(b.narrow (0L, 100L, 5L))) few whole)
    let threads, lanes = Machine.Threads, Vectors.Lanes

    try
        Machine.Threads <- 3
        same "three threads" (results x)
    finally
        Machine.Threads <- threads

    try
        for narrow in [ 16; 8; 4 ] do
            if Vectors.Has narrow then
                Vectors.Lanes <- narrow
                same $"{narrow} lanes" (results x)
    finally
        Vectors.Lanes <- lanes

let all = [
    for name, monotone, bound in kinds do
        law
            $"{name} couplings in plain memory are as near to float64 as the layers are, also in the tails and with extreme weights"
            (fun () -> values (monotone bound) (monotone bound))
        |> breaks "another bound" (fun () -> values (monotone (bound + 0.01)) (monotone bound))

        law $"slopes of energies and densities through {name} couplings are autograd's" (fun () -> slopes (monotone bound) (monotone bound))
        |> breaks "another bound" (fun () -> slopes (monotone (bound + 0.01)) (monotone bound))

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
