/// Flows: inverses, log-determinants, normalised densities, and training by likelihood.
module Ebm.Tests.Laws.FlowLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

/// A new flow is nearly the identity for all couplings; larger weights make it nonlinear.
let private bent (by: float) (flow: CouplingFlow) =
    use _ = torch.no_grad ()

    for i, p in Seq.indexed (flow.parameters ()) do
        p.add_ (by * ((rng "bent").Stream(int64 i)).NormalLike p) |> ignore

    flow

let private affine = Affine 2.0 :> IMonotone
let private spline = RationalQuadratic(8, 3.0) :> IMonotone

let private flow (monotone: IMonotone) (shape: int64 list) =
    bent 0.15 (new CouplingFlow(monotone, 4, 8, 1, 1.0, rng "flow", Array.ofList shape))

let private kinds = [ "affine", affine; "spline", spline ]
let private shapes = [ [ 2L ]; [ 3L ]; [ 5L ]; [ 1L; 2L; 2L ] ]

/// x exp(s) + t, inverted in the wrong order.
type private Misordered() =
    interface IMonotone with
        member _.Parameters = 2

        member _.Map(x, parameters, inverted) =
            let s, t = parameters.select (2L, 0L), parameters.select (2L, 1L)
            struct ((if inverted then x * (-s).exp() - t else x * s.exp () + t), (if inverted then -s else s))

/// A monotone function without its slope.
type private Slopeless(of': IMonotone) =
    interface IMonotone with
        member _.Parameters = of'.Parameters

        member _.Map(x, parameters, inverted) =
            let struct (y, slope) = of'.Map(x, parameters, inverted)
            struct (y, 0.9 * slope)

/// Also outside the box: in the tails, up to two standard deviations beyond the spline's box.
let private latent (flow: FlowNet) count = 2.0 * (rng "latent").Normal(count, flow.Latent)

/// Rounding errors grow with volumes: as much as the most stretched row, over about a hundred operations.
let private magnified (logVolume: Tensor) = int (128.0 * exp (value (logVolume.detach().abs().max())))

let private inverts (monotone: IMonotone) =
    use _ = torch.no_grad ()

    for shape in shapes do
        let flow = flow monotone shape
        let z = latent flow 200L
        let struct (x, up) = flow.Push z
        must "the shape of rows" (x.shape = Array.ofList (200L :: shape))
        let struct (back, down) = flow.Pull x
        let depth = magnified up
        Close.same "z again" depth z back
        Close.same "the two volumes are opposite" depth (-up) down

/// log |det| of each row's Jacobian, by autograd.
let private jacobian (map: Tensor -> Tensor) (x: Tensor) =
    let at = x.detach().requires_grad_ true
    let y = (map at).flatten 1L

    let rowsOf = [|
        for j in 0L .. y.shape[1] - 1L -> torch.autograd.grad([| (y.select (1L, j)).sum() |], [| at |], retain_graph = true).[0].flatten(1L)
    |]

    torch.stack(rowsOf, 1L).det().abs().log()

let private volumes (monotone: IMonotone) =
    for shape in [ [ 2L ]; [ 3L ]; [ 1L; 2L; 2L ] ] do
        let flow = flow monotone shape
        let z = latent flow 50L
        let pushed (z: Tensor) = let struct (x, _) = flow.Push z in x
        let pulled (x: Tensor) = let struct (z, _) = flow.Pull x in z
        let struct (x, up) = flow.Push z
        let struct (_, down) = flow.Pull(x.detach ())
        Close.same "log volume of pushing" (magnified up) (jacobian pushed z) (up.detach ())
        Close.same "log volume of pulling" (magnified up) (jacobian pulled x) (down.detach ())

/// ∫ exp f over [−width, width]², at cell midpoints.
let private integral (f: Tensor -> Tensor) width cells =
    use _ = torch.no_grad ()
    let axis = (torch.arange (float cells, dtype = torch.float64, device = device) + 0.5) * (2.0 * width / float cells) - width
    let x = torch.cartesian_prod ([| axis; axis |])
    value ((f x).exp().sum()) * (2.0 * width / float cells) ** 2.0

let private integratesToOne (monotone: IMonotone) =
    let flow = flow monotone [ 2L ]
    let coarse, fine = integral flow.LogDensity 10.0 120, integral flow.LogDensity 10.0 240
    // A spline's density has kinks: the midpoint rule's error is less than the change when the cells are doubled.
    must $"the density's integral is {fine:G8}, {coarse:G8} on cells twice as wide" (abs (fine - 1.0) <= max (abs (fine - coarse)) 1e-6)

let private isDrawnFrom (density: CouplingFlow -> Tensor -> Tensor) =
    use _ = torch.no_grad ()

    for name, monotone in kinds do
        let flow = flow monotone [ 2L ]
        let x = flow.call ((rng "drawn").Normal(100_000L, 2L))
        let narrow = Gaussian.Round(2, 0.25)
        Close.near
            $"{name}: mean of N(x; 0, I/4) / g(x) over the flow's rows"
            1.0
            (Close.mean (values ((narrow.LogDensity x - density flow x).exp())))

/// The slope of the loss along a direction in the weights, compared with differences.
let private agreesWithDifferences (flow: CouplingFlow) =
    let x = (rng "differences").Normal(20L, flow.Latent)
    let weights = flow.parameters () |> Seq.toArray
    let directions = [| for i, p in Array.indexed weights -> ((rng "directions").Stream(int64 i)).NormalLike p |]
    let loss () = -flow.LogDensity(x.reshape (20L, -1L)).mean()
    let due = gradients (loss ()) weights
    let along = Array.map2 (fun (g: Tensor) (v: Tensor) -> value ((g * v).sum())) due directions |> Array.sum

    let moved (t: float) =
        use _ = torch.no_grad ()
        let kept = weights |> Array.map (fun p -> p.detach().clone())
        Array.iter2 (fun (p: TorchSharp.Modules.Parameter) (v: Tensor) -> p.add_ (t * v) |> ignore) weights directions
        let there = value (loss ())
        Array.iter2 (fun (p: TorchSharp.Modules.Parameter) (k: Tensor) -> p.copy_ k |> ignore) weights kept
        there

    let d = Close.derivative moved
    Close.near "gradient of −log g along a direction less differences" 0.0 { d with Value = d.Value - along }

let private weighted (method: Method) =
    match box method with
    | :? IWeighted as weighted -> weighted
    | _ -> broken "it has no density"

/// Trains a method as the trainer does, without its averages and schedule.
let private train (method: Method) (data: Tensor) batch (lr: float) steps =
    let batches = Batches(data, batch, rng "batches")
    let parts = Map [ for part in method.Parts -> part.Key, torch.optim.Adam(part.Value.parameters (), lr) ]

    for i in 1L .. steps do
        use _ = torch.NewDisposeScope()

        for update in method.Iterate(batches, (rng "steps").Stream i) do
            let part = parts[update.Part]
            part.zero_grad ()
            update.Loss.backward ()
            part.step () |> ignore

let private learns spec steps =
    inSingle
        (fun () ->
            let world = Gaussian.Of([ 0.5; -1.0 ], [ [ 1.0; 0.6 ]; [ 0.6; 0.8 ] ])
            let method = (FlowSpec spec).Build(Site([| 2L |], device, rng "learns", ""))
            train method (world.Draw(20_000L, rng "data")) 256L 3e-3 steps
            use _ = torch.no_grad ()
            let x = world.Draw(20_000L, rng "fresh")
            let gap = values (world.LogDensity x + (weighted method).Density.Of x)
            Close.below "KL(data ‖ flow)" 0.02 (Close.mean gap))
        ()

let all = [
    for name, monotone in kinds do
        law $"{name} couplings invert, in the tails too, for rows of every shape" (fun () -> inverts monotone)
        |> breaks "inverted in the wrong order" (fun () -> inverts (Misordered()))

        law $"the log-determinant of {name} couplings is that of autograd's Jacobian, both ways" (fun () -> volumes monotone)
        |> breaks "a tenth of the slopes omitted" (fun () -> volumes (Slopeless monotone))

        law $"the density of {name} couplings integrates to one" (fun () -> integratesToOne monotone)
        |> breaks "a tenth of the slopes omitted" (fun () -> integratesToOne (Slopeless monotone))

        law $"gradients of the likelihood of {name} couplings agree with differences" (fun () ->
            agreesWithDifferences (flow monotone [ 2L ])
            agreesWithDifferences (flow monotone [ 5L ]))

    law "a flow's rows are drawn from its density" (fun () -> isDrawnFrom (fun flow x -> flow.LogDensity x))
    |> breaks "the latent density alone" (fun () ->
        isDrawnFrom (fun flow x -> let struct (z, _) = flow.Pull x in Gaussian.Round(2, 1.0).LogDensity z))

    law "a spline with zero parameters is the identity, and outside its box every spline is" (fun () ->
        let x = (4.0 * (rng "identity").Normal(1000L, 1L))
        let zero = torch.zeros (1000L, 1L, int64 spline.Parameters, device = device)

        for inverted in [ false; true ] do
            let struct (y, slope) = spline.Map(x, zero, inverted)
            Close.same "the identity" 64 x y
            Close.same "its slope" 64 (torch.ones_like x) (slope.exp ())
            let struct (y, slope) = spline.Map(x, (rng "any").NormalLike zero, inverted)
            let outside = x.abs().gt(scalar 3.0)
            Close.same "outside" 64 (x.masked_select outside) (y.masked_select outside)
            // A bin can be a thousandth of the box, and magnifies rounding errors accordingly.
            Close.same "the slope outside" 4096 (torch.ones_like (x.masked_select outside)) (slope.exp().masked_select outside))

    law "a flow counts a pass once, however many couplings it has" (fun () ->
        let flow = flow affine [ 2L ]
        let before = Cost.Units
        flow.LogDensity((rng "cost").Normal(10L, 2L)) |> ignore
        must $"a pass of 10 rows cost {Cost.Units - before} units" (Cost.Units - before = 10L))

    law "flows learn a Gaussian by maximum likelihood" (fun () ->
        learns (RealNvpSpec(Couplings = 4, Width = 32)) 500L
        learns (SplineFlowSpec(Couplings = 2, Bins = 8, Width = 32)) 500L)
    |> breaks "hardly trained" (fun () -> learns (RealNvpSpec(Couplings = 4, Width = 32)) 10L)

    law "a flow's density is normalised: its own rows have weight one" (fun () ->
        let method = (FlowSpec(RealNvpSpec())).Build(Site([| 2L |], device, rng "weights", ""))
        let struct (rows, weights) = (weighted method).Weigh(50L, rng "rows")
        must "the shape of rows" (rows.shape = [| 50L; 2L |])
        must "a weight" (values weights |> Array.forall ((=) 0.0)))
]
