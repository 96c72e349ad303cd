/// Distances of features, compared with closed forms: Fréchet distance, precision and recall; and the resizing before them.
module Ebm.Tests.Laws.FeatureLaws

open MathNet.Numerics.Statistics
open TorchSharp
open Ebm.Metrics
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private frechet x y =
    let struct (value, _) = FrechetDistance.Between(x, y)
    value

let private within what due tolerance found =
    must $"{what} is {found} instead of {due}; {tolerance:E1} is allowed" (abs (found - due) <= tolerance)

/// Two rows along each axis, on either side of a mean, so far away that the standard deviation along it is sd.
let private exact (mean: float list) (sds: float list) =
    let d = sds.Length
    let size = sqrt (float (2 * d - 1) / 2.0)
    rows [
        for axis in 0 .. d - 1 do
            for side in [ size; -size ] do
                [ for i in 0 .. d - 1 -> mean[i] + (if i = axis then side * sds[i] else 0.0) ]
    ]

/// |m₁ − m₂|² + Σ (s₁ − s₂)²: the distance for covariances that commute.
let private commuting (mean: float list) (mean': float list) (sds: float list) (sds': float list) =
    List.sumBy (fun (a, b) -> (a - b) ** 2.0) (List.zip mean mean' @ List.zip sds sds')

let private told turned =
    for sds, sds' in [ [ 1.0; 2.0; 3.0 ], [ 2.0; 2.0; 0.5 ]; [ 1.0; 2.0; 0.0 ], [ 3.0; 0.0; 0.0 ]; [ 1e-2; 1.0; 1e2 ], [ 1.0; 1.0; 1.0 ] ] do
        let mean, mean' = [ 1.0; 0.0; -2.0 ], [ 0.0; 0.5; 1.0 ]
        let due = commuting mean mean' sds sds'
        // The same rotation of both changes nothing.
        let struct (q, _) = torch.linalg.qr ((rng "turn").Normal(3L, 3L))
        let turn (x: Tensor) = if turned then x.matmul q else x
        within $"%A{sds} and %A{sds'}" due (1e-9 * max 1.0 due) (frechet (turn (exact mean sds)) (turn (exact mean' sds')))

/// Distances between samples of two Gaussians, with their standard errors.
let private repeated count =
    Array.unzip [|
        for i in 1..count do
            let x, y = (rng $"x{i}").Normal(300L, 3L), (rng $"y{i}").Normal(400L, 3L) * scalar 1.5 + scalar 0.5
            let struct (value, se) = FrechetDistance.Between(x, y)
            value, se
    |]

let private share rows others k =
    let struct (value, _) = Coverage.Of(rows, others, k)
    value

let private line (values: float list) = rows [ for v in values -> [ v ] ]

let all = [
    law "the Fréchet distance of Gaussians whose covariances commute is the closed form, for singular covariances, too" (fun () ->
        told false
        told true)

    law "the Fréchet distance of rows from themselves is 0, and that of fewer rows than features is the closed form" (fun () ->
        let x = (rng "x").Normal(40L, 5L)
        within "itself" 0.0 1e-10 (frechet x x)
        // Two rows each in 30 dimensions: covariances of rank one along e₁ and e₂ with variances a² and b², traces of whose product's root are 0.
        let pair axis (half: float) = rows [ for side in [ 1.0; -1.0 ] -> [ for i in 0..29 -> if i = axis then side * half else 0.0 ] ]
        within "across" (2.0 * 9.0 + 2.0 * 16.0) 1e-9 (frechet (pair 0 3.0) (pair 1 4.0))
        within "along" (2.0 * (4.0 - 3.0) ** 2.0) 1e-9 (frechet (pair 0 3.0) (pair 0 4.0)))
    |> breaks "traces alone" (fun () -> within "along" (2.0 * 9.0 + 2.0 * 16.0) 1e-9 2.0)

    law "the standard error of the Fréchet distance is the spread of repetitions" (fun () ->
        let values, errors = repeated 400
        // The spread of 400 values is known to 1/√800 of itself.
        let ratio = Array.average errors / ArrayStatistics.StandardDeviation values
        must $"{ratio}" (abs (ratio - 1.0) < Close.k / sqrt 800.0))
    |> breaks "an error of means only" (fun () ->
        let values, _ = repeated 100
        must "" (abs (sqrt (4.0 * 0.75 / 300.0) * 0.5 / ArrayStatistics.StandardDeviation values - 1.0) < Close.k / sqrt 800.0))

    law "rows are inside a support if they are as near to one of its rows as its k-th neighbour is" (fun () ->
        // Radii for k = 1 are 1, 1, 1, and 7 for the row far away; for k = 2 they are 2, 1, 2, 8.
        let support = line [ 0.0; 1.0; 2.0; 9.0 ]
        let near k (values: float list) due = must $"%A{values}" (share (line values) support k = due)
        near 1 [ -1.0; -1.1; 3.0; 3.1 ] 0.75
        near 1 [ -1.1; -5.0; 16.1; 1.5 ] 0.25
        near 2 [ -2.0; -2.1; 17.0; 17.1 ] 0.5
        must "a support has its rows" (share support support 1 = 1.0))
    |> breaks "a neighbour that is the row itself" (fun () -> must "planted" (share (line [ -1.0 ]) (line [ 0.0; 1.0; 2.0 ]) 1 = 0.0))

    law "resizing keeps constants and means, is exact on ramps inside, and averages when it makes images smaller" (fun () ->
        let constant = torch.full ([| 1L; 2L; 5L; 7L |], scalar 0.3)
        within "constant" 0.0 1e-12 ((Resize.To(constant, 12L) - scalar 0.3).abs().max().item<float>())
        let x = (rng "image").Normal(1L, 1L, 8L, 8L)
        Close.same "the same side" 4 x (Resize.To(x, 8L))
        let ramp = torch.arange(8L).``to``(torch.float64).expand(1L, 1L, 8L, 8L)
        let up = values ((Resize.To(ramp, 16L)).select(2L, 3L).flatten())
        for i in 1..14 do
            within $"pixel {i}" ((float i + 0.5) / 2.0 - 0.5) 1e-12 up[i]
        // To a half: weights ⅛ ⅜ ⅜ ⅛ of the four pixels around.
        let down = values ((Resize.To(x, 4L)).flatten())
        let w = row [ 0.125; 0.375; 0.375; 0.125 ]
        let due = (x.reshape(8L, 8L).narrow(0L, 1L, 4L).narrow(1L, 1L, 4L) * w * w.unsqueeze 1L).sum().item<float>()
        within "inside" due 1e-12 down[5])
]
