/// Distances by the features of a ResNet-18: its file, its weights' package, its features, and what is computed once for a data set.
module Ebm.Tests.Laws.ResNetLaws

open System
open System.Collections.Generic
open System.IO
open System.Text
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Devices
open Ebm.Metrics
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

// ── the file ────────────────────────────────────────────────────────────────────────────────

/// A field of a message that holds bytes, and one that holds a number below 128.
let private field number (bytes: byte seq) =
    let bytes = Array.ofSeq bytes
    must "one byte for the length" (bytes.Length < 128)
    Array.concat [ [| byte (number <<< 3 ||| 2); byte bytes.Length |]; bytes ]

let private count number value = [| byte (number <<< 3); byte value |]
let private text number (value: string) = field number (Encoding.UTF8.GetBytes value)
let private floats (values: float32 list) = values |> Seq.collect BitConverter.GetBytes

/// x, and y = x convolved with a kernel (1, 1, 1, 2), as the format writes it.
let private network =
    let node = Array.concat [ text 1 "x"; text 1 "kernel"; text 2 "y"; text 4 "Conv" ]
    let kernel =
        Array.concat [ Seq.collect (count 1) [ 1; 1; 1; 2 ] |> Array.ofSeq; count 2 1; field 4 (floats [ 1.5f; -2f ]); text 8 "kernel" ]
    let packed = Array.concat [ field 1 [ 2uy ]; count 2 1; text 8 "raw"; field 9 (floats [ 3f; 4f ]) ]
    let whole = Array.concat [ count 1 2; count 2 7; text 8 "whole"; field 7 [ 1uy; 2uy ] ]
    Array.append (count 1 3) (field 7 (Array.concat [ field 1 node; field 5 kernel; field 5 packed; field 5 whole ]))

let private read (bytes: byte[]) = Onnx.Read(ReadOnlyMemory bytes, "net.onnx")

let private files = [
    law "an ONNX file gives its operators in order, and its constants of type float32 with their shapes and values" (fun () ->
        let found = read network
        must
            "operators"
            ([ for one in found.Operators -> one.Type, List.ofSeq one.Inputs, List.ofSeq one.Outputs ] = [
                "Conv", [ "x"; "kernel" ], [ "y" ]
            ])
        let constants = [ for one in found.Constants -> one.Name, List.ofArray one.Shape, one.Bytes.ToArray() ]
        must
            $"%A{constants}"
            (constants = [
                "kernel", [ 1L; 1L; 1L; 2L ], Array.ofSeq (floats [ 1.5f; -2f ])
                "raw", [ 2L ], Array.ofSeq (floats [ 3f; 4f ])
            ]))

    law "an ONNX file that is cut off anywhere, or is another file, is refused by name" (fun () ->
        for length in 0 .. network.Length - 1 do
            throws<InvalidDataException, _> [ "net.onnx" ] (fun () -> read network[.. length - 1])
        for bytes in [ Array.create 100 255uy; Encoding.UTF8.GetBytes "<html>Not found</html>"; count 1 3 ] do
            throws<InvalidDataException, _> [ "net.onnx" ] (fun () -> read bytes)
        let short = Array.concat [ count 1 3; count 2 1; field 4 (floats [ 1f ]); text 8 "short" ]
        throws<InvalidDataException, _> [ "net.onnx"; "short"; "(3)" ] (fun () -> read (field 7 (field 5 short))))
    |> breaks "the whole file" (fun () -> throws<InvalidDataException, _> [ "net.onnx" ] (fun () -> read network))
]

// ── the package ─────────────────────────────────────────────────────────────────────────────

/// A package with one small file, in a folder of packages; the file's content is given, or there is none.
let private inPackages (content: string option) holds =
    let package = WeightsPackage("tiny", "weights", "A.Package", "1.2.3", 1, [| struct ("tools/net.onnx", Canonical.Sha256 "right") |])

    Folder.inFolder (fun packages ->
        let path = Path.Combine(packages, "a.package", "1.2.3", "tools", "net.onnx")
        content
        |> Option.iter (fun text ->
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
            File.WriteAllText(path, text))
        holds package packages path)

/// Metrics with one that reads a file that is not here.
let private missing = {
    new IMetricSpec with
        member _.Quantities = [||]
    interface ISpec<IMetric> with
        member _.Build _ = broken "the metric must not be built"
    interface IReadsFiles with
        member _.Check _ = raise (FileNotFoundException "the weights are missing; `data.fsx fetch tiny` gets them.")
        member _.ShapeIn _ = null
}

let private packages = [
    law "missing weights are refused with the command that gets them, altered ones with both digests, and right ones are used" (fun () ->
        inPackages None (fun package packages path ->
            let says = nonNull (package.Missing packages)
            must says (says.Contains path && says.Contains "dotnet fsi experiments/data.fsx fetch tiny")
            throws<FileNotFoundException, _> [ path; "fetch tiny" ] (fun () -> package.Checked packages)
            must "verify" (fst (Weights.verify packages package) = 1))
        inPackages (Some "wrong") (fun package packages path ->
            throws<InvalidDataException, _> [ path; Canonical.Sha256 "wrong"; Canonical.Sha256 "right"; "fetch tiny" ] (fun () ->
                package.Checked packages)
            must "fetch" (Result.isError (Weights.fetch packages package))
            must "verify" (fst (Weights.verify packages package) = 3))
        inPackages (Some "right") (fun package packages path ->
            must "paths" (List.ofSeq (package.Checked packages) = [ path ])
            must "fetch" (Result.isOk (Weights.fetch packages package))
            must "verify" (fst (Weights.verify packages package) = 0)))
    |> breaks "right weights" (fun () ->
        inPackages (Some "right") (fun package packages _ ->
            throws<InvalidDataException, _> [ "fetch tiny" ] (fun () -> package.Checked packages)))

    law "a plan refuses a metric whose files are missing, and names its setting" (fun () ->
        let config = Document.Parse("measure: { metrics: { pictures: { kind: tiny } } }", "measure.yaml")
        let measure = MeasureSpec(Metrics = readOnlyDict [ "pictures", missing ])
        throws<ConfigException, _> [ "measure.yaml, line 1"; "pictures"; "fetch tiny" ] (fun () ->
            DataFiles.CheckMetrics(measure, config, "")))
]

// ── the features ────────────────────────────────────────────────────────────────────────────

let private isHere = Law.needs (fun () -> Option.ofObj (ResNet18.Weights.Missing Natives.PackagesFolder))

/// sin(.37 i) · .9 at the i-th number of a picture (3, 32, 32).
let private waves () = ((torch.arange(3072L).``to`` torch.float32 * scalar 0.37).sin() * scalar 0.9).reshape(1L, 3L, 32L, 32L)

let private features = [
    law "features are those that onnxruntime computes from the same files" (fun () ->
        use net = new ResNet18(device)
        let found = (net.Features(waves ())).``to`` torch.float64
        // Recorded from onnxruntime 1.31 with its own preprocessing, whose rounding differs: it sums in another order, over some 10⁴ numbers.
        for at, due in [ 0, 0.7351863; 1, 0.0011679298; 2, 0.0; 3, 0.35556668; 100, 0.083419584; 511, 0.0 ] do
            let value = found[0L, int64 at].item<float>()
            must $"feature {at} is {value} instead of {due}" (abs (value - due) < 1e-4)
        let mean = found.mean().item<float>()
        must $"their mean is {mean}" (abs (mean - 0.7210787) < 1e-5))
    |> breaks "channels in another order" (fun () ->
        use net = new ResNet18(device)
        let flipped = (waves ()).flip(1L)
        let found = net.Features flipped
        let value = found[0L, 0L].item<float32>()
        must $"{value}" (abs (value - 0.7351863f) < 1e-4f))
    |> isHere

    law "a grey picture has the features of the same picture in colour, whatever the others of its batch are" (fun () ->
        use net = new ResNet18(device)
        let grey = torch.rand (18L, 1L, 9L, 12L, generator = new torch.Generator(5UL)) * scalar 2.0 - scalar 1.0
        let all = net.Features grey
        let one = net.Features((grey.narrow (0L, 17L, 1L)).expand(1L, 3L, 9L, 12L))
        must "" ((all.narrow (0L, 17L, 1L) - one).abs().max().item<float32>() < 1e-4f))
    |> isHere
]

/// Digits, and twenty others.
let private digits =
    lazy
        (let all = (MnistSpec(Train = 200L, Test = 60L) :> ISpec<IDataset>).Build(Site([||], device, rng "digits", Folder.dataRoot))
         let train, test, fresh = all.Train, all.Test.narrow (0L, 0L, 40L), all.Test.narrow (0L, 40L, 20L)
         {
             new IDataset with
                 member _.Name = "digits"
                 member _.Shape = all.Shape
                 member _.Train = train
                 member _.Test = test
                 member _.Digest = ""
         },
         fresh)

/// The distance of samples from digits, and the values beside it.
let private ofDigits (samples: Tensor -> Tensor) =
    let data, fresh = digits.Value
    let metric = (ResNet18DistancesSpec(20L, 20L) :> ISpec<IMetric>).Build(Site(data.Shape, device, rng "metric", ""))

    let found =
        metric.Measure(Subject(Unchecked.defaultof<Method>, data, samples fresh, rng "measure"))
        |> Seq.map (fun m -> m.Name, m)
        |> Map.ofSeq

    let estimate name = { Close.Value = found[name].Value; Close.Error = found[name].Se.GetValueOrDefault nan }
    Close.near "krd of digits" 0.0 (estimate "krd-resnet18")
    Close.near "its floor" 0.0 (estimate "krd-resnet18/floor")

    for distance in [ "krd-resnet18"; "frd-resnet18" ] do
        for name in [ "parzen"; "gaussian"; "pixels" ] do
            Close.above name found[$"{distance}/floor"].Value (estimate $"{distance}/{name}")

let private distancesOfDigits = [
    law "krd-resnet18 is 0 for new digits, and trivial generators are farther than real rows by many standard errors" (fun () ->
        ofDigits id)
    |> breaks "noise in place of samples" (fun () -> ofDigits (fun rows -> (rng "noise").NormalLike rows))
    |> isHere
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"
]

// ── what is computed once ───────────────────────────────────────────────────────────────────

let private quantity name = Quantity(name, "squared distance", Direction.Lower, Importance.Primary, "law 1", "a law's")
let private quantities = [| for i in 1..5 -> quantity $"law-{i}" |]
let private distances = FeatureDistances(quantities, quantities, quantities[..1], quantities[..1])

/// Measures this many samples of noise in front of data; returns the values, and how many rows the features were asked for.
let private measured (data: IDataset) count =
    let mutable asked = 0L
    let features (rows: Tensor) =
        asked <- asked + rows.shape[0]
        rows.flatten 1L
    let samples = (rng "samples").Normal(Array.append [| count |] data.Shape)
    let subject = Subject(Unchecked.defaultof<Method>, data, samples, rng $"measured {count}")
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let facts: obj[] = [| "facts" |]
    let rows = ComparedRows.Through(features, subject, 30L, 40L, facts)
    [ for one in distances.Of(rows, facts) -> one.Value ], asked

let private rowsOf name : IDataset =
    let train, test = (rng $"train {name}").Normal(100L, 1L, 2L, 3L), (rng $"test {name}").Normal(90L, 1L, 2L, 3L)
    {
        new IDataset with
            member _.Name = name
            member _.Shape = [| 1L; 2L; 3L |]
            member _.Train = train
            member _.Test = test
            member _.Digest = name
    }

let private once = [
    law "the features of real rows and trivial generators are computed once for a data set, and not for another one" (fun () ->
        let data, other = rowsOf "one", rowsOf "other"
        let first, asked = measured data 30L
        must $"{asked} rows" (asked = 30L + 40L + 4L * 30L)
        let again, asked = measured data 30L
        must $"{asked} rows" (asked = 30L)
        // A product's last digit depends on where its numbers are in memory.
        must $"%A{again} after %A{first}" (List.forall2 (fun a b -> abs (a - b) <= 1e-12 * abs b) again first)
        let fewer, asked = measured data 20L
        must $"{asked} rows" (asked = 20L && fewer <> first)
        let others, asked = measured other 30L
        must $"{asked} rows" (asked = 190L && others <> first))

    law "distances of features leave no tensor behind" (fun () ->
        use _ = torch.NewDisposeScope()
        let data = rowsOf "left"
        let before = Machine.LiveTensors
        measured data 30L |> ignore
        let samples = 2L // the samples, and their stream
        must $"{Machine.LiveTensors - before}" (Machine.LiveTensors - before <= samples))
]

let all = files @ packages @ features @ distancesOfDigits @ once
