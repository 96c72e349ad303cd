/// The Inception network: its table of layers, what its file must be, and the inception score.
module Ebm.Tests.Laws.InceptionLaws

open System
open System.Collections.Generic
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Metrics
open Ebm.Nets
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// Weights of a network that was not trained: norms that change nothing, and small random kernels.
let private untrained () =
    let weights = Dictionary<string, Tensor>()
    let draws = rng "inception"

    for struct (name, shape) in InceptionV3.Expected do
        weights[name] <-
            if name.EndsWith ".bn.weight" || name.EndsWith "running_var" then
                torch.ones (shape, dtype = torch.float32)
            elif shape.Length = 1 then
                torch.zeros (shape, dtype = torch.float32)
            else
                let inputs = shape[1..] |> Array.fold (*) 1L
                (draws.Stream name).Normal(shape).``to`` torch.float32 * scalar (sqrt (2.0 / float inputs))

    weights

/// A small file with these notes.
let private file (notes: (string * string) list) holds =
    Folder.inFolder (fun folder ->
        let path = Path.Combine(folder, "inception.safetensors")
        let tensors = [ NamedTensorBytes("fc.bias", "F32", [| 2L |], ReadOnlyMemory(Array.init 8 byte)) ]
        let all = ("content-sha256", InceptionWeights.Digest tensors) :: notes |> Map.ofList |> Map.toList
        Safetensors.Write(path, tensors, readOnlyDict all)
        holds path)

let private official = "source-sha256", InceptionWeights.Official + String('0', 56)
let private read (path: string) = InceptionWeights.Read(path, device) |> ignore

let private score (scores: float list list) =
    let struct (value, se) = InceptionDistances.InceptionScore(rows scores)
    value, se

let all = [
    law "the layers of the Inception network have the published number of weights" (fun () ->
        // 27,161,264 of Inception v3, less 3,326,696 of its second classifier and 2,049,000 of its last layer with 1000 classes.
        let convolutions = InceptionV3.Convolutions |> Seq.sumBy _.Weights
        must $"{convolutions}" (convolutions = 27_161_264L - 3_326_696L - 2_049_000L)
        let numbers =
            InceptionV3.Expected
            |> Seq.filter (fun struct (name, _) -> not (name.Contains "running"))
            |> Seq.sumBy (fun struct (_, shape) -> Array.fold (*) 1L shape)
        must $"{numbers}" (numbers = convolutions + 2048L * 1008L + 1008L))

    law "an image of 299 × 299 has 2048 features and 1008 class scores, whatever the others of its batch are" (fun () ->
        use net = new InceptionV3(untrained (), device)
        let x = (rng "images").Normal(2L, 3L, InceptionV3.Side, InceptionV3.Side).``to`` torch.float32
        let struct (features, scores) = net.Of x
        must "shapes" (features.shape = [| 2L; InceptionV3.FeatureCount |] && scores.shape = [| 2L; 1008L |])
        let struct (alone, _) = net.Of(x.narrow (0L, 1L, 1L))
        let apart = (alone - features.narrow (0L, 1L, 1L)).abs().max().item<float32>() / features.abs().max().item<float32>()
        must $"{apart}" (apart < 1e-4f))

    law
        "weights of Inception that are missing, not official, altered or incomplete are refused, and the error says where the script is"
        (fun () ->
            let refused parts notes =
                file notes (fun path -> throws<InvalidDataException, _> (path :: "docs/image-metrics.md" :: parts) (fun () -> read path))
            throws<FileNotFoundException, _> [ "nothing.safetensors"; "docs/image-metrics.md" ] (fun () -> read "nothing.safetensors")
            refused [ "source-sha256 is missing"; "6726825d" ] []
            refused [ "source-sha256 is 0123"; "6726825d" ] [ "source-sha256", "0123" ]
            refused [ "was altered"; "content-sha256 is other" ] [ official; "content-sha256", "other" ]
            refused [ "no tensor"; "Conv2d_1a_3x3.conv.weight"; "(32, 3, 3, 3)" ] [ official ])
    |> breaks "notes of the official file pass for its weights" (fun () ->
        file [ official ] (fun path -> throws<InvalidDataException, _> [ "was altered" ] (fun () -> read path)))

    law
        "the inception score is the number of equally frequent classes of which the network is sure, and 1 if it says the same of all"
        (fun () ->
            let sure classes = [ for i in 0..59 -> [ for c in 0..5 -> if c = i % classes then 50.0 else 0.0 ] ]
            for classes in [ 1; 2; 3; 6 ] do
                let value, se = score (sure classes)
                must $"{value} ± {se} for {classes} classes" (abs (value - float classes) < 1e-9 && se < 1e-9)
            let value, _ = score [ for _ in 1..10 -> [ 0.3; -1.0; 2.0 ] ]
            must $"{value}" (abs (value - 1.0) < 1e-12))
    |> breaks "scores of unequal classes" (fun () ->
        let value, _ = score [ for i in 0..59 -> [ for c in 0..1 -> if c = min 1 (i % 3) then 50.0 else 0.0 ] ]
        must $"{value}" (abs (value - 2.0) < 1e-9))
]
