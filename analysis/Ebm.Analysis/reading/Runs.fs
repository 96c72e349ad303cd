/// Runs for analysis: the contents of their folders, in plain values. Reading never changes a folder, and needs no tensors.
module Ebm.Analysis.Runs

open System
open System.IO
open System.Text.Json
open Ebm.Records

type Metric = {
    Value: float
    Unit: string
    Better: Direction
    /// As the metric declares it; `Secondary` if its file does not have one.
    Importance: Importance
    /// Its place among the metrics of its importance, the smallest first; none if it declares none.
    Order: int option
    /// The metric that it declares as its comparison value, such as grid-kl/gaussian.
    ComparedWith: string option
    /// linear or log.
    Scale: string
    /// The standard error of this one value, if it is an estimate.
    Se: float option
    N: int64 option
    /// Hash of the protocol of the measurement: values of different protocols are not comparable.
    Protocol: string option
}

type Run = {
    Id: string
    Sweep: string
    /// The configuration without its seed.
    Group: string
    State: RunState
    Step: int64
    Reason: string option
    Seed: string
    /// The hashed config, flat: dotted key to value, texts without quotes.
    Config: Map<string, string>
    /// The overrides: a group's option (method to generalized-ebm-mlp) or a single key to its value.
    Asked: Map<string, string>
    Metrics: Map<string, Metric>
    TrainUnits: int64 option
    SampleUnits: int64 option
    Seconds: float option
    /// Processor seconds of its last attempt.
    Cpu: float option
    /// Each data set's name and the digest of its content, as the run read it.
    Data: (string * string) list
    /// What the files of its data lost before they were read, such as detail in JPEG, as sentences.
    Losses: string list
    /// Hash of the assemblies that ran, else the commit; none if both are unknown.
    Code: string option
    /// Interventions in the run; see docs/resume-and-rerun.md.
    Interventions: Intervention list
    /// The source of an imported run, which was not executed here.
    Imported: string option
    /// Why it was taken out of tables.
    Retired: string option
    /// Why the metrics are not known to be those that the run wrote: its manifest or its metrics.json were changed, or have no hash.
    Doubt: string option
    /// The hash of its manifest.
    Hash: string option
    /// The folder that it was read from. No file of a table depends on it.
    Path: string
}

/// An empty run, from which others are made.
let nothing = {
    Id = ""
    Sweep = ""
    Group = ""
    State = RunState.Pending
    Step = 0L
    Reason = None
    Seed = "0"
    Config = Map.empty
    Asked = Map.empty
    Metrics = Map.empty
    TrainUnits = None
    SampleUnits = None
    Seconds = None
    Cpu = None
    Data = []
    Losses = []
    Code = None
    Interventions = []
    Imported = None
    Retired = None
    Doubt = None
    Hash = None
    Path = ""
}

/// A folder that looks like a run and cannot be read as one. It is named and not counted.
type Skipped = {
    Path: string
    Why: string
    /// It is a run without a valid record; a table's count of planned runs includes it.
    IsRun: bool
}

/// Settings repeat in thousands of runs, so each text is kept once.
let private kept (text: string) = String.Intern text

let rec private flatten path (value: JsonElement) = seq {
    match value.ValueKind with
    | JsonValueKind.Object when value.EnumerateObject() |> Seq.isEmpty |> not ->
        for property in value.EnumerateObject() do
            yield! flatten (if path = "" then property.Name else path + "." + property.Name) property.Value
    | JsonValueKind.String -> kept path, kept (string (value.GetString()))
    | _ -> kept path, kept (value.GetRawText())
}

let private metric (measurement: Measurement) = {
    Value = measurement.Value
    Unit = kept measurement.Unit
    Better = measurement.Better
    Importance = Option.ofNullable measurement.Importance |> Option.defaultValue Importance.Secondary
    Order = Option.ofNullable measurement.Order
    ComparedWith = Option.ofObj measurement.ComparedWith |> Option.map kept
    Scale = kept measurement.Scale
    Se = Option.ofNullable measurement.Se
    N = Option.ofNullable measurement.N
    Protocol = Option.ofObj measurement.Protocol |> Option.map kept
}

/// "key=value" as a pair, without the signs of additions and overrides.
let private asked (overrides: string seq) =
    Map [
        for text in overrides do
            match text.TrimStart('+').Split('=', 2) with
            | [| key; value |] -> kept key, kept value
            | _ -> ()
    ]

/// The compiled code determines what is computed, so two commits with one build count as one code.
let private code (manifest: RunManifest) =
    let assemblies = manifest.Build |> Option.ofObj |> Option.bind (fun build -> Option.ofObj build.Assemblies)

    match assemblies with
    | Some hashes when hashes.Count > 0 ->
        hashes
        |> Seq.sortWith (fun a b -> String.CompareOrdinal(a.Key, b.Key))
        |> Seq.map (fun (KeyValue(name, hash)) -> $"{name} {hash}\n")
        |> String.concat ""
        |> Canonical.Sha256
        |> fun hash -> Some(kept (hash.Substring(0, 12)))
    | _ -> manifest.Git |> Option.ofObj |> Option.map (fun git -> kept git.Commit)

/// Compares the metrics that were read with what the run's sealed manifest says.
let private doubt (seal: Seal) (manifest: RunManifest) (sha256: string | null) =
    let listed = manifest.Artefacts |> Seq.tryFind (fun artefact -> artefact.Path = RunFolder.MetricsFile)

    match seal, listed, sha256 with
    | Seal.Broken, _, _ -> Some "its manifest.json was changed after it was written"
    | _ when manifest.State <> RunState.Completed -> None
    | _, Some listed, sha256 when sha256 <> listed.Sha256 -> Some "its metrics.json was changed after the run ended"
    | _, None, Null when seal = Seal.Holds -> None
    | _, None, _
    | Seal.Absent, _, _ -> Some "its manifest.json has no hash of its metrics"
    | _ -> None

/// The source of an imported run; its config has it, and the run's id is the hash of the config.
let private importedFrom (settings: Map<string, string>) = settings.TryFind Imported.Key

let private read (folder: RunFolder) (manifest: RunManifest) (seal: Seal) (settings: Map<string, string>) =
    let struct (metrics, sha256) = folder.ReadMetrics()

    {
        Id = folder.Id
        Sweep = kept folder.Sweep
        Group = kept manifest.GroupId
        State = manifest.State
        Step = manifest.Step
        Reason = Option.ofObj manifest.Reason
        Seed = settings |> Map.tryFind "seed" |> Option.defaultValue (string manifest.Seed)
        Config = settings
        Asked = asked manifest.Overrides
        Metrics = metrics |> Seq.map (fun measured -> kept measured.Name, metric measured) |> Map.ofSeq
        TrainUnits = manifest.Cost |> Option.ofObj |> Option.map _.Train
        SampleUnits = manifest.Cost |> Option.ofObj |> Option.map _.Sample
        Seconds = manifest.Timing |> Option.ofObj |> Option.bind (fun timing -> Option.ofNullable timing.Wall)
        Cpu = manifest.Timing |> Option.ofObj |> Option.bind (fun timing -> Option.ofNullable timing.Cpu)
        Data = [ for data in manifest.Data -> kept data.Name, kept data.Digest ]
        Losses = [ for data in manifest.Data |> Seq.choose (_.Loss >> Option.ofObj) -> kept data ]
        Code = code manifest
        Interventions = Intervention.Of(folder, manifest) |> List.ofSeq
        Imported = importedFrom settings
        Retired = None
        Doubt = doubt seal manifest sha256
        Hash = Option.ofObj manifest.Hash
        Path = folder.Path
    }

/// What a sweep's folder says about its runs.
type private Said = {
    /// All runs that a launch planned; empty if nothing was launched.
    Planned: Set<string>
    Retired: Map<string, string>
}

/// Reads one run, or gives the reason why its folder is not counted.
let private readOrSkip (said: string -> Said) (found: RunTree.Found) =
    let skip isRun why = Error { Path = found.Path; Why = why; IsRun = isRun }

    try
        match found.Run, found.Manifest with
        | Null, _ -> skip found.LooksLikeRun (nonNull found.Why)
        | _, Null -> skip true "it has no manifest.json, so it has not begun"
        | NonNull run, NonNull manifest ->
            use config = JsonText.Parse run.ConfigJson
            let settings = flatten "" config.RootElement |> Map.ofSeq
            let sweep = said (string (Path.GetDirectoryName run.Path))

            // No launch plans an imported run.
            if not sweep.Planned.IsEmpty && not (sweep.Planned.Contains run.Id) && (importedFrom settings).IsNone then
                skip false "no launch of this sweep planned it; the sweep's command with its settings would"
            else
                Ok { read run manifest found.Seal settings with Retired = sweep.Retired.TryFind run.Id }
    with
    | :? InvalidDataException as error -> skip true error.Message
    | :? JsonException as error -> skip true $"its config.json is not JSON: {error.Message}"
    | :? IOException as error -> skip true $"it cannot be read: {error.Message}"
    | :? UnauthorizedAccessException as error -> skip true $"it cannot be read: {error.Message}"

/// Every run in or below some folders, and the skipped folders with reasons. A run that is in two of them counts once. Folders are read in
/// parallel; the result does not depend on the order.
let underAll (paths: string list) : Run list * Skipped list =
    let folders = paths |> Seq.collect RunTree.Look |> Seq.distinctBy _.Path |> Array.ofSeq

    let sweeps =
        folders
        |> Seq.map (fun found -> string (Path.GetDirectoryName found.Path))
        |> Seq.distinct
        |> Seq.map (fun sweep -> sweep, { Planned = Plans.read sweep |> List.collect _.Runs |> Set.ofList; Retired = Retired.read sweep })
        |> readOnlyDict

    let results = folders |> Array.Parallel.map (readOrSkip (fun sweep -> sweeps[sweep]))

    let runs = [
        for result in results do
            match result with
            | Ok run -> run
            | Error _ -> ()
    ]

    // The same id means the same config, so another folder of it is a copy.
    let copies = runs |> List.groupBy _.Id |> List.collect (snd >> List.tail)

    runs |> List.distinctBy _.Id,
    [
        for result in results do
            match result with
            | Error skipped -> skipped
            | Ok _ -> ()

        for copy in copies do
            { Path = copy.Path; Why = "another of the folders contains the same run, and it counts once"; IsRun = false }
    ]

/// Every run in or below a folder, and the skipped folders with reasons.
let under (path: string) : Run list * Skipped list = underAll [ path ]

/// The ids of all folders of runs, valid or not.
let names (runs: Run list) (skipped: Skipped list) : string list =
    [ for run in runs -> run.Id ]
    @ [
        for skip in skipped do
            if skip.IsRun then string (Path.GetFileName skip.Path)
    ]
