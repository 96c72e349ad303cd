/// Whether Denoising-EBM's two stages of generation help on MNIST: chains of codes, then of pixels, against pixels alone, codes alone, and pixels from
/// decoded noise. The stages act after training, so that the runs of a seed share one training and differ in their samples only. Three paired seeds,
/// half an hour of training each on one core; `minutes=N` for another time. `trajectories RUN` draws both chains of a finished run, as the paper's
/// fifth figure does: the decoded codes as they move, then the pixels. `method.stages=two-stage,pixel-only` has these stages alone.
#load "_bootstrap.fsx"
#load "_refs.fsx"
#load "_budgets.fsx"

open System
open System.IO
open TorchSharp
open Ebm
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let minutes, words = Budgets.minutes 30.0 (List.ofArray (Array.tail fsi.CommandLineArgs))

let stages = sweep "two-stage" {
    given "data=mnist"
    given "method=denoising-ebm"
    given "train=images"
    given "train.steps=null"
    given "measure=digits"
    seeds 3
    axis "method.stages" [ "two-stage"; "pixel-only"; "decoder-only"; "without-latent-chain" ]
    budget (Budgets.units minutes "denoising-ebm")
    metric "kid-digits" Lower
    baseline "method.stages" "two-stage"
}

/// Rows of a run's model after this many moves of codes, which are decoded, and of pixels. All of them begin with the same random numbers, so that a
/// longer chain continues a shorter one.
let after (run: Run) (chains: int64) (codes: int) (pixels: int) =
    let config =
        run.Folder.Config
            .With("method.stages", Document.Of(if pixels = 0 then "decoder-only" else "two-stage"))
            .With("method.sample-code-moves", Document.Of(int64 codes))
            .With("method.sample-row-moves", Document.Of(int64 (max 1 pixels)))
            .With("method.denoise", Document.Of false)
    let method =
        Catalog.Load([]).Build<ExperimentSpec>(config).Method.Build(Site(run.Data.Shape, torch.CPU, new Rng(0UL), Experiment.DataRoot))

    Checkpoint(run.Folder).Load method
    method.eval ()
    use _ = torch.no_grad ()
    method.Sample(chains, run.Stream "trajectories")

/// A line for each chain: the decoded codes from left to right, then the pixels.
let trajectories (folder: string) =
    use run = Run.Open(folder, device = "cpu")
    let codes, pixels = 35, 100
    let frames =
        Array.append [| for moves in [ 0; 1; 3; 7; 15; codes ] -> moves, 0 |] [| for moves in [ 1; 3; 10; 30; pixels ] -> codes, moves |]
    let chains = 8
    let shape = run.Data.Shape
    let rows = torch.stack ([| for codes, pixels in frames -> after run (int64 chains) codes pixels |], 1L)
    let values = rows.``to``(torch.float32).contiguous().data<float32>().ToArray()
    let path = $"{run.Folder.Id}-trajectories.png"

    File.WriteAllBytes(path, Png.Grid(ReadOnlySpan values, chains * frames.Length, int shape[0], int shape[1], int shape[2], frames.Length))

    let said (moves: int list) = moves |> List.map string |> String.concat ", "
    printfn
        $"{path}: columns are decoded codes after {said [
                                                       for codes, pixels in frames do
                                                           if pixels = 0 then codes
                                                   ]} moves,"
    printfn
        $"then pixels after {said [
                                 for _, pixels in frames do
                                     if pixels > 0 then pixels
                             ]} moves."
    0

match words with
| [ "trajectories"; folder ] -> exit (trajectories folder)
| _ -> exit (Cli.main __SOURCE_DIRECTORY__ stages words)
