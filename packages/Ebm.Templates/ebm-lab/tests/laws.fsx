/// The lab's laws: `dotnet fsi build.fsx test`. A law is a sentence with a check, and an error planted on purpose on which the check must fail.
/// The tolerance is derived: four standard errors of the estimate.
#load "../experiments/_bootstrap.fsx"
#load "../experiments/_refs.fsx"

open Ebm.Core
open Lab
open TorchSharp

let count = 20_000L
let site = Site([| 2L |], torch.CPU, new Rng(0UL), "data")
let rows = SpiralSpec(Sd = 0.05, Rows = count).Build(site).Train

/// Uniform along the arm, the squared radius is uniform on [0, 4]: its mean is 2, plus 2 · 0.05² of noise; its variance is 16 / 12.
let isUniformAlongTheArm (rows: torch.Tensor) =
    let mean = rows.square().sum(1L).mean().item<float32>() |> float
    abs (mean - 2.005) < 4.0 * sqrt (16.0 / 12.0 / float count)

/// Each law with what it must accept, and what it must not: here, rows that are 2 % too far out.
let laws = [ ("the rows of the spiral are uniform along its arm", isUniformAlongTheArm, rows, rows * torch.tensor 1.02f) ]

let failures = [
    for says, holds, right, planted in laws do
        if not (holds right) then $"FAILED: {says}"
        if holds planted then $"FAILED: {says}: the check does not notice the planted error"
]

failures |> List.iter (printfn "%s")
printfn $"laws: {laws.Length}, failures: {failures.Length}"
exit (if failures.IsEmpty then 0 else 1)
