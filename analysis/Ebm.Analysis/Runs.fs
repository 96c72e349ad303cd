/// Runs as analysis sees them: what their folders say, in plain values. Reading never changes a folder, and needs no tensors.
module Ebm.Analysis.Runs

open System.IO
open System.Text.Json
open Ebm.Records

type Metric = {
    Value: float
    Unit: string
    /// lower, higher or none.
    Better: string
    /// linear or log.
    Scale: string
    /// The standard error of this one value, where it is an estimate.
    Se: float option
    N: int64 option
    /// Hash of how it was measured: values of different protocols are not comparable.
    Protocol: string option
}

type Run = {
    Id: string
    Sweep: string
    /// The configuration without its seed.
    Group: string
    State: string
    Step: int64
    Reason: string option
    Seed: string
    /// What was hashed, flat: dotted key to value, texts without quotes.
    Config: Map<string, string>
    /// What it was asked for by: a group's option (method to generalized-ebm-mlp) or a single key to its value.
    Asked: Map<string, string>
    Metrics: Map<string, Metric>
    TrainUnits: int64 option
    SampleUnits: int64 option
    Seconds: float option
}

/// A folder that looks like a run and is not one, or not a whole one: named, and not counted.
type Skipped = { Path: string; Why: string }

let rec private flatten path (value: JsonElement) = seq {
    match value.ValueKind with
    | JsonValueKind.Object when value.EnumerateObject() |> Seq.isEmpty |> not ->
        for property in value.EnumerateObject() do
            yield! flatten (if path = "" then property.Name else path + "." + property.Name) property.Value
    | JsonValueKind.String -> path, string (value.GetString())
    | _ -> path, value.GetRawText()
}

let private metric (measurement: Measurement) = {
    Value = measurement.Value
    Unit = measurement.Unit
    Better = measurement.Better
    Scale = measurement.Scale
    Se = Option.ofNullable measurement.Se
    N = Option.ofNullable measurement.N
    Protocol = Option.ofObj measurement.Protocol
}

/// "key=value", of which the sign says nothing more here.
let private asked (overrides: string seq) =
    Map [
        for text in overrides do
            match text.TrimStart('+').Split('=', 2) with
            | [| key; value |] -> key, value
            | _ -> ()
    ]

let private read (folder: RunFolder) (manifest: RunManifest) =
    use config = JsonDocument.Parse folder.ConfigJson
    let settings = flatten "" config.RootElement |> Map.ofSeq

    {
        Id = folder.Id
        Sweep = folder.Sweep
        Group = manifest.GroupId
        State = manifest.State
        Step = manifest.Step
        Reason = Option.ofObj manifest.Reason
        Seed = settings |> Map.tryFind "seed" |> Option.defaultValue (string manifest.Seed)
        Config = settings
        Asked = asked manifest.Overrides
        Metrics = folder.Measurements() |> Seq.map (fun measured -> measured.Name, metric measured) |> Map.ofSeq
        TrainUnits = manifest.Cost |> Option.ofObj |> Option.map _.Train
        SampleUnits = manifest.Cost |> Option.ofObj |> Option.map _.Sample
        Seconds = manifest.Timing |> Option.ofObj |> Option.bind (fun timing -> Option.ofNullable timing.Wall)
    }

/// Every run in or below a folder, and what was skipped there with its reason.
let under (path: string) : Run list * Skipped list =
    let skip (folder: RunFolder) why = Choice2Of2 { Path = folder.Path; Why = why }

    let runs, skipped =
        RunFolder.Under path
        |> Seq.map (fun folder ->
            try
                if not folder.IdentityHolds then
                    skip folder "its name is not the hash of its config.json: one of them was altered"
                else
                    match folder.Manifest with
                    | null -> skip folder "it has no manifest.json: it has not begun"
                    | manifest -> Choice1Of2(read folder manifest)
            with
            | :? InvalidDataException as error -> skip folder error.Message
            | :? JsonException as error -> skip folder $"its config.json is not JSON: {error.Message}")
        |> List.ofSeq
        |> List.partition _.IsChoice1Of2

    [
        for run in runs do
            match run with
            | Choice1Of2 run -> run
            | _ -> ()
    ],
    [
        for run in skipped do
            match run with
            | Choice2Of2 skipped -> skipped
            | _ -> ()
    ]
