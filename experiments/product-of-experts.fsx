/// Samples from a product of experts, p(x) ∝ exp(−E₁(x) − E₂(x)): two models that are trained separately, one on rings and one on a
/// checkerboard. Trains the models if they are missing (two minutes), draws rows by adjusted Langevin, and prints their distance from the
/// product, which is computed on a grid.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open System
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Declare

// The experts are two runs of one sweep; finished runs are not trained again.
let experts =
    sweep "experts" |> given "train=equal-budget" |> given "method=joint-cd" |> given "seed=0" |> axis "data" [ "rings"; "checkerboard" ]

match Cli.main __SOURCE_DIRECTORY__ experts [ "run" ] with
| 0 -> ()
| code -> exit code

let folder name = Path.Combine(__SOURCE_DIRECTORY__, "..", name, "experts")
let runs = [
    for run in RunFolder.Under(folder "runs") do
        if run.State = RunState.Completed then Run.Open run.Path
]
let densities = [ for run in runs -> (box run.Method :?> IDensity).Density ]
let product = densities |> List.reduce (fun one other -> one + other)
let free = torch.no_grad ()
let number (x: float) = torch.tensor x

// Chains start at rows of the first expert, resampled with the other expert's density as weights, and move under the sum of the energies.
let count = 4000L
let offered = runs.Head.Sample(5L * count)
let liked = (-densities[1].Of offered).softmax 0L
let begun = offered[liked.multinomial (count, replacement = true, generator = new torch.Generator(1UL))]
let langevin = Metropolis(Langevin(torch.tensor [| 0.002f |], 1.0))
let drawn = langevin.Run(product, begun, 500, runs.Head.Stream "product")

// The product's mass on the cells of a grid, exact up to the width of a cell.
let half, boxes, fine = 3.0, 24L, 12L
let cells = boxes * fine
let axis' = (torch.arange (cells, dtype = torch.float32) + number 0.5) * number (2.0 * half / float cells) - number half
let grid = torch.stack ([| axis'.repeat_interleave (cells: int64); axis'.repeat [| cells |] |], 1L)
let mass = (-(product.Of grid).``to`` torch.float64).softmax(0L).view(boxes, fine, boxes, fine).sum([| 1L; 3L |])

/// The share of rows in each box.
let shares (x: torch.Tensor) =
    let index =
        ((x + number half) * number (float boxes / (2.0 * half))).floor().clamp(min = number 0.0, max = number (float (boxes - 1L))).``to``
            torch.int64
    let flat = index.select (1L, 0L) * torch.tensor boxes + index.select (1L, 1L)
    flat.bincount(null, boxes * boxes).view(boxes, boxes).``to`` torch.float64 / number (float x.shape[0])

let apart x = (shares x - mass).abs().sum().item<float>() / 2.0

// The expected distance of as many exact rows: Σ √(2 p (1 − p) / π n) / 2.
let floor = (mass * (number 1.0 - mass) * number (2.0 / Math.PI / float count)).sqrt().sum().item<float>() / 2.0
printfn
    $"total variation from the exact product, {boxes * boxes} boxes: {apart drawn:F3} for {count} rows of the product, {floor:F3} for exact rows,"
printfn $"{apart (runs.Head.Sample count):F3} for rows of the first expert alone."

// The rows as a picture for a browser.
let points = drawn.cpu().contiguous().data<float32>().ToArray() |> Array.chunkBySize 2
let dots = [ for p in points -> FormattableString.Invariant $"<circle cx='{p[0]:F3}' cy='{-p[1]:F3}' r='.012'/>" ] |> String.concat "\n"
let picture = Path.Combine(folder "reports", "product.svg")
Directory.CreateDirectory(folder "reports") |> ignore
File.WriteAllText(picture, $"<svg xmlns='http://www.w3.org/2000/svg' viewBox='-3 -3 6 6' width='600' height='600'>\n{dots}\n</svg>\n")
printfn $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), Path.GetFullPath picture)}"
