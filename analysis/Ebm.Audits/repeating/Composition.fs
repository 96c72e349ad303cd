/// What a run's own words would make of the configs as they are now: composed again by the sweep's script, in a process of its own, because
/// analysis reads no configs. Where that is another config than the run's, the keys say in what.
module Ebm.Audits.Composition

open System
open System.IO
open System.Text.Json
open Ebm.Records
open Ebm.Audits.Scratch

/// What a config identifies a run by, and where each of its values was written; what stands in no file is a default.
type Composed = { Identity: Document; Written: Map<string, string> }

type Composing =
    | Made of Composed
    /// The configs, or what they describe, have no such words any more.
    | Refused of says: string
    | Untold of why: string

/// What `why --json` prints.
let read (json: string) : Composed =
    use json = JsonDocument.Parse json

    {
        Identity = Document.Parse(json.RootElement.GetProperty("identity").GetRawText(), "identity")
        Written =
            Map [
                for entry in json.RootElement.GetProperty("written").EnumerateObject() -> entry.Name, string (entry.Value.GetString())
            ]
    }

/// Composes a run's overrides with the configs of a repository. `labs` are a lab's assemblies.
let compose (scratch: Scratch) (repository: string) (labs: string list) (manifest: RunManifest) : Composing =
    let script = Path.Combine(repository, "experiments", "sweep.fsx")
    let words = Path.Combine(scratch.Folder, "words.yaml")
    let entry name value = Collections.Generic.KeyValuePair(name, value)

    let sweep =
        Document.OfMap [
            entry "sweep" (Document.Of manifest.SweepId)
            entry "given" (Document.OfList [ for given in manifest.Overrides -> Document.Of given ])
        ]

    File.WriteAllText(words, sweep.ToYaml())

    let arguments =
        [ "fsi"; script; "why"; "--json"; "--sweep"; words; "--runs"; Path.Combine(scratch.Folder, "none") ]
        @ List.collect (fun lab -> [ "--with"; lab ]) labs

    let ended = scratch.Run(repository, [], "dotnet", arguments)

    let last = (ended.Errors.Trim().Split '\n' |> Array.last).Replace(words, "its overrides")

    match ended.Code with
    | 0 ->
        try
            Made(read ended.Output)
        with
        | :? JsonException
        | :? Collections.Generic.KeyNotFoundException -> Untold "the script said it in a form that is not known here"
    | 2 -> Refused last
    | code -> Untold $"the script ended with exit code {code}: {last}"

/// Each key of which the run's config and today's have different values: what it was and is, and where that was written.
let differing (run: RunFolder) (manifest: RunManifest) (now: Composed) : string list =
    let leaves (document: Document) = Map [ for struct (path, leaf) in document.Leaves() -> path, string leaf ]
    let before, after = leaves (Document.Parse(run.ConfigJson, run.In "config.json")), leaves now.Identity

    let origin key =
        match manifest.Origins with
        | null -> "nobody wrote down where"
        | origins ->
            match origins.TryGetValue key with
            | true, where -> where
            | _ -> "default"

    let shown (values: Map<string, string>) where key =
        match values.TryFind key with
        | Some value -> $"{value} ({where key})"
        | None -> "not there"

    [
        for key in Set.union (Set.ofSeq before.Keys) (Set.ofSeq after.Keys) do
            if before.TryFind key <> after.TryFind key then
                let is = shown after (fun key -> now.Written.TryFind key |> Option.defaultValue "default") key
                $"{key} was {shown before origin key} and is {is}"
    ]
