/// Runs as an RO-Crate 1.1 (w3id.org/ro/crate/1.1) of the profile Workflow Run Crate 0.5 (w3id.org/ro/wfrun/workflow/0.5), which extends
/// Process Run Crate 0.5 and Workflow RO-Crate 1.0. The script that declared the runs is the workflow, a run is an action, a setting is a
/// parameter, a metric is a result. The bytes depend only on the runs; all times in it are times of the runs.
module Ebm.Audits.Crate

open System
open System.Globalization
open System.IO
open System.Text
open Ebm.Analysis.Fields
open Ebm.Records

/// A file of the crate: its path from the root, with forward slashes.
type Part = { Path: string; Bytes: int64; Sha256: string }

/// The files that represent the sources of some runs.
type Sources = {
    Commit: string
    Remote: string option
    /// The script that declared the runs, or the program that executed them.
    Workflow: Part
    License: Part option
    /// Lock files and settings of the build.
    Locks: Part list
    Sdk: string option
}

type Data =
    /// A file that the run read and the crate contains.
    | Included of Part
    /// A file that the run read and the crate does not contain: its path below the data root, its size and hash.
    | Named of DataFile
    /// Data that the code computes: name, and hash of the rows.
    | Computed of name: string * digest: string

type Run = { Folder: RunFolder; Manifest: RunManifest; Sources: Sources; Files: Part list; Data: Data list }

type Contents = {
    Name: string
    Description: string
    /// The crate's workflow is from the sources of the last run.
    Runs: Run list
    /// Other files of the crate, with their descriptions.
    Others: (Part * string) list
}

// ── Entities ────────────────────────────────────────────────────────────────────────────────

type private Value =
    | Text of string
    | Number of float
    | Whole of int64
    | Flag of bool
    | To of string
    | All of Value list

type private Entity = { Id: string; Types: string list; Properties: (string * Value) list }

let private entity id types properties = { Id = id; Types = types; Properties = properties }

let private refs (ids: string list) = All(ids |> List.distinct |> List.map To)

/// Percent-encodes a path, or part of a name, for an identifier; letters of any script stay as they are.
let private escaped (text: string) =
    let kept (c: char) = Char.IsAsciiLetterOrDigit c || "-._~/=".Contains c || c >= '\u00a0'
    String.collect (fun c -> if kept c then string c else $"%%{int c:X2}") text

let private mediaType (path: string) =
    match Path.GetExtension path with
    | ".json" -> "application/json"
    | ".jsonl" -> "application/jsonl"
    | ".yaml"
    | ".yml" -> "application/yaml"
    | ".png" -> "image/png"
    | ".svg" -> "image/svg+xml"
    | ".md" -> "text/markdown"
    | ".csv" -> "text/csv"
    | ".gz" -> "application/gzip"
    | ".zip" -> "application/zip"
    | ".sh" -> "text/x-shellscript"
    | ".npy"
    | ".safetensors"
    | ".bundle"
    | ".bin" -> "application/octet-stream"
    | ".log"
    | ".txt"
    | ".lock"
    | ".fsx"
    | ".fs"
    | ".cs"
    | ".dependencies"
    | "" -> "text/plain"
    | _ -> "application/octet-stream"

let private file (part: Part) types properties =
    entity
        (escaped part.Path)
        ("File" :: types)
        ([
            "name", Text(Path.GetFileName part.Path |> string)
            "encodingFormat", Text(mediaType part.Path)
            "contentSize", Text(string part.Bytes)
            "sha256", Text part.Sha256
         ]
         @ properties)

let private time (at: DateTime) = Text(at.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture))

// ── Parameters: the settings that went in, the files and metrics that came out ─────────────────

let private typeOf (value: Document) =
    match value.Kind with
    | DocumentKind.Bool -> "Boolean"
    | DocumentKind.Integer -> "Integer"
    | DocumentKind.Float -> "Float"
    | _ -> "Text"

let private valueOf (value: Document) =
    match value.Value with
    | :? bool as flag -> Flag flag
    | :? int64 as whole -> Whole whole
    | :? float as number -> Number number
    | :? string as text -> Text text
    | _ -> Text(string value)

let private parameterId (path: string) = $"#parameter/{escaped path}"
let private settingId (path: string) (value: Document) = $"#setting/{escaped path}={escaped (string value)}"

/// The output that a result file belongs to: arrays and checkpoints are many files.
let private outputOf (name: string) = name.Split('/')[0]
let private outputId (name: string) = $"#output/{escaped (outputOf name)}"

/// The input files of a run, apart from its data.
let private isInput (name: string) = name = "config.yaml" || name = "config.json"

let private isLog (name: string) = name.EndsWith ".log" || name.StartsWith "attempts/"

let private settings (run: Run) = run.Folder.Config.Leaves() |> Seq.map (fun struct (path, value) -> path, value) |> List.ofSeq

let private parameters (runs: Run list) = [
    let values = runs |> List.collect settings

    for path, values in values |> List.groupBy fst do
        let typed = values |> List.map snd |> List.tryFind (fun value -> not value.IsNull) |> Option.defaultValue (snd values.Head)

        entity (parameterId path) [ "FormalParameter" ] [ "name", Text path; "additionalType", Text(typeOf typed) ]

    for path, value in values |> List.distinctBy (fun (path, value) -> settingId path value) do
        entity (settingId path value) [ "PropertyValue" ] [
            "name", Text path
            "value", valueOf value
            "exampleOfWork", To(parameterId path)
        ]
]

let private below (run: Run) = $"runs/{run.Folder.Sweep}/{run.Folder.Id}/"
let private nameIn (run: Run) (part: Part) = part.Path.Substring (below run).Length
let private isResult (run: Run) (part: Part) = nameIn run part |> fun name -> not (isInput name || isLog name)

let private outputs (runs: Run list) = [
    for name in
        runs |> List.collect (fun run -> run.Files |> List.filter (isResult run) |> List.map (nameIn run >> outputOf)) |> List.distinct do
        entity (outputId name) [ "FormalParameter" ] [ "name", Text name; "additionalType", Text "File" ]
]

let private metricId (run: Run) (name: string) = $"#metric/{escaped run.Folder.Sweep}/{run.Folder.Id}/{escaped name}"

let private metrics (run: Run) = [
    for metric in run.Folder.Measurements() do
        entity (metricId run metric.Name) [ "PropertyValue" ] [
            "name", Text metric.Name
            "value", if Double.IsFinite metric.Value then Number metric.Value else Text(metric.Value.ToString CultureInfo.InvariantCulture)
            "unitText", Text metric.Unit
        ]
]

// ── Runs ────────────────────────────────────────────────────────────────────────────────────

let private actionId (run: Run) = $"#run/{escaped run.Folder.Sweep}/{run.Folder.Id}"

let private dataId (data: Data) =
    match data with
    | Included part -> escaped part.Path
    | Named file -> $"#data/{escaped file.Path}"
    | Computed(name, digest) -> $"#data/{escaped name}/{digest.Substring(0, min 12 digest.Length)}"

let private dataEntity (data: Data) =
    match data with
    | Included part -> file part [] []
    | Named missing ->
        entity (dataId data) [ "CreativeWork" ] [
            "name", Text missing.Path
            "description", Text "A file that the run read and the crate does not contain."
            "contentSize", Text(string missing.Bytes)
            "sha256", Text missing.Sha256
        ]
    | Computed(name, digest) ->
        entity (dataId data) [ "CreativeWork" ] [
            "name", Text name
            "description", Text "Data that the code computes from its settings; the hash is that of its rows."
            "sha256", Text digest
        ]

let private variables (run: Run) =
    match run.Manifest.Environment with
    | null -> []
    | environment -> [ for KeyValue(name, value) in environment -> $"#variable/{escaped name}={escaped value}", name, value ]

let private action (run: Run) =
    let manifest = run.Manifest
    let inputs = run.Files |> List.filter (nameIn run >> isInput) |> List.map (fun part -> escaped part.Path)
    let results = run.Files |> List.filter (isResult run)
    let typed = if manifest.Overrides.Count = 0 then "none" else String.Join(' ', manifest.Overrides)

    entity (actionId run) [ "CreateAction" ] [
        "name", Text $"{run.Folder.Sweep}/{run.Folder.Id}"
        "description", Text $"Attempt {manifest.Attempt}, trained to step {manifest.Step}. Overrides: {typed}."
        match manifest.Timing with
        | null -> ()
        | timing ->
            if timing.Started.HasValue then "startTime", time timing.Started.Value
            if timing.Ended.HasValue then "endTime", time timing.Ended.Value
        "instrument", To(escaped run.Sources.Workflow.Path)
        "object", refs (inputs @ (run.Data |> List.map dataId) @ (settings run |> List.map (fun (path, value) -> settingId path value)))
        "result",
        refs (
            (results |> List.map (fun part -> escaped part.Path)) @ [ for metric in run.Folder.Measurements() -> metricId run metric.Name ]
        )
        if manifest.State = RunState.Completed then
            "actionStatus", To "http://schema.org/CompletedActionStatus"
        else
            "actionStatus", To "http://schema.org/FailedActionStatus"
            "error", Text(String.Join(": ", [ Kebab.Of manifest.State; yield! Option.ofObj manifest.Reason |> Option.toList ]))
        match variables run with
        | [] -> ()
        | variables -> "environment", refs (variables |> List.map (fun (id, _, _) -> id))
    ]

let private folder (run: Run) =
    entity (escaped (below run)) [ "Dataset" ] [
        "name", Text $"The folder of the run {run.Folder.Id}"
        "hasPart", refs (run.Files |> List.map (fun part -> escaped part.Path))
    ]

let private runFile (run: Run) (part: Part) =
    let name = nameIn run part

    file part [] [
        if isResult run part then "exampleOfWork", To(outputId name)
        if isLog name then "about", To(actionId run)
    ]

// ── Sources ─────────────────────────────────────────────────────────────────────────────────

let private platform (run: Run) =
    let version =
        match run.Sources.Sdk, Option.ofObj run.Manifest.Runtime with
        | Some sdk, _ -> $"SDK {sdk}"
        | None, Some runtime -> runtime.Dotnet
        | None, None -> "not recorded"

    entity $"#platform/{escaped version}" [ "ComputerLanguage"; "SoftwareApplication" ] [
        "name", Text ".NET, with F# and C#"
        "url", To "https://dotnet.microsoft.com/"
        "version", Text version
    ]

let private libtorch (run: Run) =
    match run.Manifest.Native with
    | null -> None
    | native ->
        Some(
            entity $"#libtorch/{escaped native.Libtorch}" [ "SoftwareApplication" ] [
                "name", Text "libtorch"
                "url", To "https://pytorch.org/"
                "version", Text native.Libtorch
            ]
        )

let private workflow (runs: Run list) (run: Run) =
    let sources = run.Sources
    let own = runs |> List.filter (fun other -> other.Sources.Workflow.Path = sources.Workflow.Path)

    file sources.Workflow [ "SoftwareSourceCode"; "ComputationalWorkflow" ] [
        "programmingLanguage", To (platform run).Id
        "version", Text sources.Commit
        match sources.Remote with
        | Some url -> "url", Text url
        | None -> ()
        match sources.License with
        | Some license -> "license", To(escaped license.Path)
        | None -> ()
        match own |> List.choose libtorch with
        | [] -> ()
        | native -> "softwareRequirements", refs (native |> List.map _.Id)
        "input", refs (own |> List.collect settings |> List.map (fst >> parameterId))
        "output", refs (outputs own |> List.map _.Id)
    ]

let private licenseOf (part: Part) = {
    file part [ "CreativeWork" ] [ "description", Text "The licence of the sources, and of their results unless they state another one." ] with
        Types = [ "File"; "CreativeWork" ]
}

let private profiles = [
    "https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"
    "https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"
]

let private ended (run: Run) =
    match run.Manifest.Timing with
    | null -> None
    | timing -> Option.ofNullable timing.Ended |> Option.orElse (Option.ofNullable timing.Started)

let private graph (crate: Contents) = [
    let runs = crate.Runs
    let main = List.last runs
    let sources = runs |> List.map _.Sources |> List.distinctBy _.Workflow.Path
    let data = runs |> List.collect _.Data |> List.distinctBy dataId
    let licenses = sources |> List.choose _.License |> List.distinct
    let locks = sources |> List.collect _.Locks |> List.distinct

    let included =
        data
        |> List.choose (fun data ->
            match data with
            | Included part -> Some part
            | Named _
            | Computed _ -> None)

    entity "ro-crate-metadata.json" [ "CreativeWork" ] [
        "about", To "./"
        "conformsTo", refs [ "https://w3id.org/ro/crate/1.1"; "https://w3id.org/workflowhub/workflow-ro-crate/1.0" ]
    ]

    entity "./" [ "Dataset" ] [
        "name", Text crate.Name
        "description", Text crate.Description
        "datePublished", (runs |> List.choose ended |> List.fold max DateTime.MinValue |> time)
        "license",
        (match main.Sources.License with
         | Some license -> To(escaped license.Path)
         | None -> Text "The sources state no licence.")
        "conformsTo", refs (profiles |> List.map (fun (id, _, _) -> id))
        "hasPart",
        refs [
            yield! sources |> List.map (fun sources -> escaped sources.Workflow.Path)
            yield! licenses @ locks @ included |> List.map (fun part -> escaped part.Path)
            yield! runs |> List.map (below >> escaped)
            yield! crate.Others |> List.map (fun (part, _) -> escaped part.Path)
        ]
        "mainEntity", To(escaped main.Sources.Workflow.Path)
        "mentions", refs (runs |> List.map actionId)
    ]

    for id, name, version in profiles do
        entity id [ "CreativeWork" ] [ "name", Text name; "version", Text version ]

    for run in runs |> List.distinctBy _.Sources.Workflow.Path do
        workflow runs run

    for license in licenses do
        licenseOf license

    for lock in locks do
        file lock [] []

    for part, what in crate.Others do
        file part [] [ "description", Text what ]

    yield! runs |> List.map platform |> List.distinctBy _.Id
    yield! runs |> List.choose libtorch |> List.distinctBy _.Id
    yield! runs |> List.map action
    yield! runs |> List.map folder

    for run in runs do
        yield! run.Files |> List.map (runFile run)

    yield! data |> List.map dataEntity
    yield! parameters runs
    yield! outputs runs

    for run in runs do
        yield! metrics run

    for id, name, value in runs |> List.collect variables |> List.distinct do
        entity id [ "PropertyValue" ] [ "name", Text name; "value", Text value ]
]

// ── JSON-LD ─────────────────────────────────────────────────────────────────────────────────

let rec private plain (value: Value) : obj =
    match value with
    | Text text -> text
    | Number number -> number
    | Whole number -> number
    | Flag flag -> flag
    | To id -> fields [ "@id" => id ]
    | All values -> List.map plain values

/// The text of `ro-crate-metadata.json`: one flat graph that describes each entity once.
let json (crate: Contents) : string =
    JsonText.ReadableOf(
        fields [
            // The second context defines sha256 and environment.
            "@context" => [ "https://w3id.org/ro/crate/1.1/context"; "https://w3id.org/ro/terms/workflow-run/context" ]
            "@graph"
            => [
                for entity in graph crate ->
                    fields [
                        "@id" => entity.Id
                        match entity.Types with
                        | [ one ] -> "@type" => one
                        | several -> "@type" => several
                        for name, value in entity.Properties do
                            name => plain value
                    ]
            ]
        ]
    )
