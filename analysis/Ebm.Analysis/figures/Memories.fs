/// The persistent chains of runs that are not completed, as their last checkpoint has them: what a model draws while it trains.
module Ebm.Analysis.Memories

open System
open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open Ebm.Records
open Ebm.Analysis.Cast
open Ebm.Analysis.Figure

/// The most runs that are shown, and the most points of each.
let private most, drawn = 12, 1200

/// The positions of chains of two dimensions, and the step of the checkpoint; None without such chains. Of chains with noise levels, those at
/// the cleanest level.
let private stored (folder: RunFolder) =
    try
        let path = folder.In("checkpoint", "method.safetensors")

        if not (File.Exists path) then
            None
        else
            let tensors = Safetensors.Read path

            tensors
            |> Seq.tryFind (fun tensor ->
                tensor.Name.EndsWith(".points", StringComparison.Ordinal)
                && tensor.Dtype = "F32"
                && tensor.Shape.Length = 2
                && tensor.Shape[1] = 2L)
            |> Option.map (fun points ->
                let name = points.Name.Substring(0, points.Name.Length - "points".Length) + "levels"
                let values = MemoryMarshal.Cast<byte, float32>(points.Bytes.Span).ToArray()

                let levels =
                    match tensors |> Seq.tryFind (fun tensor -> tensor.Name = name && tensor.Dtype = "I64") with
                    | Some levels -> MemoryMarshal.Cast<byte, int64>(levels.Bytes.Span).ToArray()
                    | None -> Array.zeroCreate (values.Length / 2)

                use state = JsonText.Parse(RegularFile.Text(folder.In("checkpoint", "state.json"), RegularFile.Record))

                let points =
                    Seq.init (min levels.Length (values.Length / 2)) id
                    |> Seq.filter (fun i -> levels[i] = 0L && Single.IsFinite(values[2 * i] + values[2 * i + 1]))
                    |> Seq.truncate drawn
                    |> Seq.map (fun i -> float values[2 * i], float values[2 * i + 1])
                    |> List.ofSeq

                state.RootElement.GetProperty("step").GetInt64(), points)
            |> Option.filter (fun (_, points) -> points.Length > 1)
    with
    | :? IOException
    | :? UnauthorizedAccessException
    | :? InvalidDataException
    | :? JsonException
    | :? InvalidOperationException
    | :? Collections.Generic.KeyNotFoundException ->
        // A checkpoint is replaced while its run goes on.
        None

/// A panel for each run.
let chains (cast: Cast) =
    let panels =
        [
            for one in shown cast do
                for run, folder in one.Begun -> one, run, folder
        ]
        |> Seq.choose (fun (one, run, folder) ->
            stored folder
            |> Option.map (fun (step, points) ->
                let far = points |> List.map (fun (x, y) -> max (abs x) (abs y)) |> List.sort
                let edge = 1.1 * max 1e-6 far[int (0.99 * float (far.Length - 1))]

                one.Target,
                {
                    Title = one.Series
                    Subtitle = $"seed {run.Seed}, step {step}"
                    Tags = []
                    X = bare -edge edge
                    Y = bare -edge edge
                    Marks = [ Cloud(one.Ink, points) ]
                    Size = 170, 170
                }))
        |> Seq.truncate most
        |> List.ofSeq

    figure
        "persistent-chains"
        "Persistent chains in training"
        ("Chains of runs that are not completed, at their last checkpoint; of chains on noise levels, those at the cleanest. "
         + "They are the negative samples of training, not draws from the averaged model.")
        []
        panels
