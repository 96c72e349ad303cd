/// Makes the teachers of `data=digits-8`: flows whose rows have an exact density, trained on MNIST of 8 × 8 pixels. They are made already, and their weights
/// are in experiments/teachers: run this to see how, or to make a teacher of your own. Another training gives other weights, and so other data.
///
///     dotnet fsi experiments/teachers.fsx rows            writes mnist-8.npy into the current folder: a minute
///     dotnet fsi experiments/teachers.fsx run             trains a flow on it: three minutes on one core
///     dotnet fsi experiments/teachers.fsx export RUN FILE copies the flow of a finished run, and prints the settings of its data set
#load "_bootstrap.fsx"
#load "_refs.fsx"

open System
open System.IO
open System.IO.Compression
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Records
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let root =
    Environment.GetEnvironmentVariable "EBM_DATA" |> Option.ofObj |> Option.defaultValue (Path.Combine(__SOURCE_DIRECTORY__, "..", "data"))

/// Grey values of 0 to 255 as 17 levels of the mean over windows of 28 × 28 pixels, with uniform noise of one level, in [−1, 1]: the form of the UCI digits.
let rows () =
    Machine.Threads <- 1
    use stream = new GZipStream(File.OpenRead(Path.Combine(root, "mnist", "train-images-idx3-ubyte.gz")), CompressionMode.Decompress)
    use all = new MemoryStream()
    stream.CopyTo all
    let images = (torch.tensor (Array.skip 16 (all.ToArray()))).``to``(torch.float32).reshape(-1L, 1L, 28L, 28L)
    let levels = (torch.nn.functional.adaptive_avg_pool2d (images, 8L) * torch.tensor (16.0f / 255.0f)).round()
    let noisy = levels + (new Rng(2018UL)).Stream("mnist-8").UniformLike(levels)
    let scaled = (noisy * torch.tensor (2.0f / 17.0f) - torch.tensor 1.0f).contiguous()
    let file = "mnist-8.npy"
    Npy.Write(file, ReadOnlyMemory(scaled.data<float32>().ToArray()), scaled.shape)
    printfn $"{file}: {scaled.shape[0]} rows, SHA-256 {Canonical.Sha256OfFile file}"

let export (run: string) (file: string) =
    let folder = RunFolder.Open run

    if folder.State <> RunState.Completed then
        eprintfn $"{run} is {Kebab.Of folder.State}; only a completed run of the method flow can be a teacher."
        exit 2

    let struct (_, shape) = Npy.Describe(folder.In "samples.npy")
    let row = String.Join(", ", Array.tail shape)
    File.Copy(Path.Combine(run, "checkpoint", "averages.safetensors"), file, overwrite = true)
    printfn $"kind: flow-teacher\nweights: {file}\nsha256: {Canonical.Sha256OfFile file}\nshape: [{row}]"
    printfn $"""net: {(folder.Config.Find "method.net")}"""

let teachers = sweep "teachers" {
    given "method=flow"
    given "method.net={kind: real-nvp, couplings: 8, width: 96, input-scale: 2}"
    given "method.noise=0"
    given "data=npy"
    given "data.file=mnist-8.npy"
    given "data.low=-1"
    given "data.high=1"
    given "train.steps=12000"
    given "train.batch=256"
    given "train.lr=1e-3"
    given "train.schedule={kind: linear}"
    given "measure=images"
    given "measure.samples=1000"
    seeds 1
    metric "energy-distance" Lower
}

match List.ofArray (Array.tail fsi.CommandLineArgs) with
| [ "rows" ] -> rows ()
| [ "export"; run; file ] -> export run file
| words -> exit (Cli.main __SOURCE_DIRECTORY__ teachers words)
