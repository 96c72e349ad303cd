/// The optimum of a loss: its gradient vanishes there, in every direction of a quadratic form that a net adds to the exact energies. Losses that are convex in the
/// form have no other minimum.
module Ebm.Tests.Optimum

open TorchSharp
open Ebm.Core
open Ebm.Tests.World
open Ebm.Tests.Gaussian

/// Data of two correlated numbers, not centred and not of unit variance.
let world () = Gaussian.Of([ 0.4; -0.3 ], [ [ 0.3; 0.1 ]; [ 0.1; 0.2 ] ])

/// 1, a, b, a², ab, b² of rows (a, b): (B, 2) → (B, 6).
let monomials (x: Tensor) =
    let a, b = x.select (1L, 0L), x.select (1L, 1L)
    torch.stack ([| torch.ones_like a; a; b; a * a; a * b; b * b |], 1L)

/// Gradients of a part's loss in its first weights, over 60 steps on rows of the world.
let slopes (part: string) (batch: int64) (method: Method) =
    let weights = method.Parts[part].parameters() |> Seq.toArray
    let data = Batches((world ()).Draw(40_000L, rng "data"), batch, rng "batches")

    [|
        for i in 1L .. 60L do
            use _ = torch.NewDisposeScope()
            let update = method.Iterate(data, (rng "updates").Stream i) |> Seq.find (fun update -> update.Part = part)
            values (Array.head (gradients update.Loss weights))
    |]

/// The mean gradient is zero within its error, in every coefficient.
let vanish what (slopes: float[][]) =
    for j in 0 .. slopes[0].Length - 1 do
        Close.near $"{what}, slope in coefficient {j}" 0.0 (slopes |> Array.map (Array.item j) |> Close.mean)
