/// Trains the classifiers whose features `kid-digits` uses, on the labelled files of MNIST and Fashion-MNIST in the data root, and prints the test
/// accuracy and the SHA-256 of each file of weights. They are trained already: run this to see how, or to check that another training gives the same
/// accuracy. A new file has another SHA-256, and DigitClassifier.cs refuses it until it names the new one, because all values change.
/// `dotnet fsi experiments/classifiers.fsx [FOLDER]`; five minutes on one core.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Metrics
open Ebm.Records

let folder =
    match Array.tail fsi.CommandLineArgs with
    | [| folder |] -> folder
    | _ -> Path.Combine(Path.GetTempPath(), "classifiers")

let root =
    Environment.GetEnvironmentVariable "EBM_DATA" |> Option.ofObj |> Option.defaultValue (Path.Combine(__SOURCE_DIRECTORY__, "..", "data"))

/// The bytes of a gzipped IDX file after its header.
let bytes (data: string) (name: string) (header: int) =
    use stream = new GZipStream(File.OpenRead(Path.Combine(root, data, name + ".gz")), CompressionMode.Decompress)
    use all = new MemoryStream()
    stream.CopyTo all
    all.ToArray()[header..]

/// Grey values as the metric sees them, and labels.
let part data name =
    let images = torch.tensor(bytes data $"{name}-images-idx3-ubyte" 16).``to``(torch.float32).reshape(-1L, 1L, 28L, 28L)
    (images + torch.tensor 0.5f) / torch.tensor 128.0f - torch.tensor 1.0f,
    torch.tensor(bytes data $"{name}-labels-idx1-ubyte" 8).``to`` torch.int64

// One thread, so that sums have one order.
Machine.Threads <- 1
let epochs, seed = 6, 2018UL
Directory.CreateDirectory folder |> ignore

for data in [ "mnist"; "fashion-mnist" ] do
    let rows, labels = part data "train"
    let watch epoch loss = printfn $"{data}, epoch {epoch} of {epochs}: cross entropy %.4f{loss}"
    let net = DigitClassifier.Train(rows, labels, (new Rng(seed)).Stream data, epochs, watch)
    let unseen, theirs = part data "t10k"
    use _ = torch.no_grad ()
    let right = (net.call unseen).argmax(1L).eq(theirs).``to``(torch.float64).mean().item<float>()
    let path = Path.Combine(folder, data + ".safetensors")

    let notes = dict [ "data", data; "seed", string seed; "epochs", string epochs; "accuracy", $"%.4f{right}" ]
    net.Save(path, Dictionary notes)
    printfn $"{path}: accuracy %.4f{right}, SHA-256 {Canonical.Sha256OfFile path}"
