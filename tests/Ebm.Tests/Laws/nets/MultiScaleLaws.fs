/// The multi-scale flow of images: inverse, log-determinant, and rows that are drawn from its density.
module Ebm.Tests.Laws.MultiScaleLaws

open TorchSharp
open Ebm.Core
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

/// A new flow is nearly the identity up to the order of pixels; larger weights make it nonlinear.
let private flow scales (shape: int64[]) =
    let flow = MultiScaleFlowSpec(scales, Couplings = 3, Width = 4, Blocks = 1).Build(rng "flow", shape)
    use _ = torch.no_grad ()

    for i, p in Seq.indexed (flow.parameters ()) do
        p.add_ (0.15 * ((rng "bent").Stream(int64 i)).NormalLike p) |> ignore

    flow

let private pictures = [ 1, [| 1L; 2L; 2L |]; 2, [| 1L; 4L; 4L |]; 2, [| 3L; 2L; 2L |]; 3, [| 2L; 4L; 4L |] ]

let private inverts (again: FlowNet -> Tensor -> Tensor) =
    use _ = torch.no_grad ()

    for scales, shape in pictures do
        let flow = flow scales shape
        let x = (rng "rows").Normal(Array.append [| 50L |] shape)
        let struct (z, down) = flow.Pull x
        must "one number per row and latent" (z.shape = [| 50L; flow.Latent |])
        let struct (back, up) = flow.Push(again flow z)
        // Rounding grows with the most stretched row, over hundreds of operations.
        let depth = int (1024.0 * exp (value (down.abs().max())))
        Close.same "rows again" depth x back
        Close.same "the two volumes are opposite" depth (-down) up

/// log |det| of each row's Jacobian, by autograd.
let private jacobian (map: Tensor -> Tensor) (x: Tensor) =
    let at = x.detach().requires_grad_ true
    let y = (map at).flatten 1L
    let gradient j = torch.autograd.grad([| (y.select (1L, j)).sum() |], [| at |], retain_graph = true).[0].flatten(1L)
    torch.stack([| for j in 0L .. y.shape[1] - 1L -> gradient j |], 1L).det().abs().log()

let private volumes (share: float) =
    for scales, shape in pictures do
        let flow = flow scales shape
        let x = (rng "rows").Normal(Array.append [| 5L |] shape)
        let struct (z, down) = flow.Pull x
        let struct (_, up) = flow.Push(z.detach ())
        let pulled (x: Tensor) = let struct (z, _) = flow.Pull x in z
        let pushed (z: Tensor) = let struct (x, _) = flow.Push z in x
        let depth = int (4096.0 * exp (value (down.detach().abs().max())))
        Close.same "log volume of pulling" depth (jacobian pulled x) (share * down.detach ())
        Close.same "log volume of pushing" depth (jacobian pushed z) (share * up.detach ())

/// The mean of N(x; 0, I/4)/g(x) over the flow's own rows is the integral of the Gaussian, 1, only if g is their normalised density.
let private isDrawnFrom (density: FlowNet -> Tensor -> Tensor) =
    use _ = torch.no_grad ()
    let flow = flow 2 [| 1L; 2L; 2L |]
    let x = flow.call ((rng "drawn").Normal(5_000L, 4L))
    let narrow = Gaussian.Round(4, 0.25)
    Close.near "mean of N(x; 0, I/4) / g(x)" 1.0 (Close.mean (values ((narrow.LogDensity(x.flatten 1L) - density flow x).exp())))

let all = [
    law "the multi-scale flow inverts pictures of every shape" (fun () -> inverts (fun _ z -> z))
    |> breaks "latents of the scales in another order" (fun () -> inverts (fun _ z -> z.flip 1L))

    law "the log-determinant of the multi-scale flow is that of autograd's Jacobian, both ways" (fun () -> volumes 1.0)
    |> breaks "a tenth of it omitted" (fun () -> volumes 0.9)

    law "the multi-scale flow's rows are drawn from its density" (fun () -> isDrawnFrom (fun flow x -> flow.LogDensity x))
    |> breaks "the latent density alone" (fun () ->
        isDrawnFrom (fun flow x -> let struct (z, _) = flow.Pull x in Gaussian.Round(4, 1.0).LogDensity z))
]
