/// Comparison within k standard errors that are estimated from the sample itself; and the message of a failure.
module Ebm.Tests.Close

open System
open TorchSharp
open Ebm.Records
open Ebm.Tests.Law
open Ebm.Tests.World

/// An estimate and its standard error.
type Estimate = {
    Value: float
    Error: float
} with

    static member (-)(a, b) = { Value = a.Value - b.Value; Error = sqrt (a.Error * a.Error + b.Error * b.Error) }

/// Two-sided probability of a false alarm: 7 in a million. Seeds are fixed, so the result of a law does not vary.
let k = 4.5

/// A metric's value, with the standard error that it states; NaN if it states none.
let measured name (found: Measurement list) =
    match found |> List.tryFind (fun m -> m.Name = name) with
    | Some m -> { Value = m.Value; Error = m.Se.GetValueOrDefault nan }
    | None -> broken $"{name} was not measured, only {found |> List.map _.Name}"

let mean (sample: float[]) =
    let n = float sample.Length
    let average = Array.average sample
    let spread = sample |> Array.sumBy (fun x -> (x - average) * (x - average))

    { Value = average; Error = sqrt (spread / (n - 1.0) / n) }

/// The covariance of x and y; the variance if they are the same. The error is that of the mean of the products.
let covariance (x: float[]) (y: float[]) =
    let centred (z: float[]) = let m = Array.average z in z |> Array.map (fun v -> v - m)
    Array.map2 (*) (centred x) (centred y) |> mean

let variance x = covariance x x

/// The share of rows for which it holds.
let share (sample: bool[]) =
    let n = float sample.Length
    let p = (sample |> Array.filter id |> Array.length |> float) / n

    // Agresti and Coull's two added successes and failures keep the error positive at 0 and 1.
    let q = (p * n + 2.0) / (n + 4.0)
    { Value = p; Error = sqrt (q * (1.0 - q) / n) }

let private z truth estimate = (estimate.Value - truth) / estimate.Error

let isNear truth estimate = abs (z truth estimate) <= k

let near what truth estimate =
    must
        $"{what}: estimated {estimate.Value:G6}, truth {truth:G6}, standard error {estimate.Error:G3}, z = {z truth estimate:F1} (|z| ≤ {k} holds)"
        (isNear truth estimate)

/// A one-sided claim: above the bound by more than k standard errors.
let above what bound estimate =
    must
        $"{what}: estimated {estimate.Value:G6}, to exceed {bound:G6}, standard error {estimate.Error:G3}, z = {z bound estimate:F1} (z > {k} holds)"
        (z bound estimate > k)

let below what bound estimate =
    must
        $"{what}: estimated {estimate.Value:G6}, to be below {bound:G6}, standard error {estimate.Error:G3}, z = {z bound estimate:F1} (z < −{k} holds)"
        (z bound estimate < -k)

/// Column i of (B, d) rows.
let column (x: Tensor) (i: int) = values (x.select (1L, int64 i))

/// Mean and covariance of the rows, entry by entry.
let moments what (truth: float[]) (truthCovariance: float[,]) (x: Tensor) =
    let columns = Array.init truth.Length (column x)

    for i in 0 .. truth.Length - 1 do
        near $"{what}, mean of x{i}" truth[i] (mean columns[i])

        for j in i .. truth.Length - 1 do
            near $"{what}, covariance of x{i} and x{j}" truthCovariance[i, j] (covariance columns[i] columns[j])

/// The relative size of one rounding.
let private roundings (dtype: torch.ScalarType) =
    match dtype with
    | torch.ScalarType.Float64 -> Math.ScaleB(1.0, -52)
    | torch.ScalarType.Float32 -> Math.ScaleB(1.0, -23)
    | torch.ScalarType.BFloat16 -> Math.ScaleB(1.0, -7)
    | torch.ScalarType.Float16 -> Math.ScaleB(1.0, -10)
    | _ -> 0.0

/// Equal within rounding: both were computed in at most `depth` consecutive operations, each with one rounding relative to the largest
/// number.
let same what depth (expected: Tensor) (actual: Tensor) =
    let shape (x: Tensor) = x.shape |> Seq.map string |> String.concat ", "

    must
        $"{what}: shape ({shape actual}) where ({shape expected}) was expected"
        (Seq.forall2 (=) actual.shape expected.shape && actual.ndim = expected.ndim)
    must $"{what}: dtype {actual.dtype} where {expected.dtype} was expected" (actual.dtype = expected.dtype)
    let expected, actual, dtype = values expected, values actual, expected.dtype
    let size = Array.fold (fun m v -> if Double.IsFinite v then max m (abs v) else m) 0.0 expected
    let tolerance = float depth * roundings dtype * max size Double.Epsilon

    for i in 0 .. expected.Length - 1 do
        let e, a = expected[i], actual[i]
        let equal = e = a || (Double.IsNaN e && Double.IsNaN a) || abs (a - e) <= tolerance
        must
            $"{what}: number {i} is {a:G9} where {e:G9} was expected, off by {abs (a - e):G3}; {depth} roundings allow {tolerance:G3}"
            equal

/// The derivative of f at 0 by central differences; the error is their difference to those of half the step.
let derivative (f: float -> float) =
    let central h = (f h - f -h) / (2.0 * h)
    // Truncation falls as h², rounding rises as 1/h: near the cube root of the rounding unit both are small.
    let h = Math.Cbrt(roundings torch.float64) * 4.0
    let coarse, fine = central (2.0 * h), central h
    let rounding = roundings torch.float64 * (abs (f h) + abs (f -h) + abs (f 0.0)) / h

    { Value = (4.0 * fine - coarse) / 3.0; Error = abs (fine - coarse) / 3.0 + 8.0 * rounding }

/// The slope by least squares, with the error from the residuals.
let slope (x: float[]) (y: float[]) =
    let n, mx, my = float x.Length, Array.average x, Array.average y
    let xx = x |> Array.sumBy (fun v -> (v - mx) * (v - mx))
    let b = Array.fold2 (fun s u v -> s + (u - mx) * (v - my)) 0.0 x y / xx
    let residual = Array.fold2 (fun s u v -> s + (v - my - b * (u - mx)) ** 2.0) 0.0 x y

    { Value = b; Error = sqrt (residual / (n - 2.0) / xx) }
