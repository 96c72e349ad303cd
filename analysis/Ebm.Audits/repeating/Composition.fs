/// Composes a run's overrides again with today's configs, in a separate process of the sweep's script, because analysis reads no configs.
/// If the result is not the run's config, the keys that differ are listed.
module Ebm.Audits.Composition

open System
open System.IO
open System.Text.Json
open Ebm.Records
open Ebm.Audits.Scratch

/// The part of a config that identifies a run, and the file of each value; a value that is in no file is a default.
type Composed = { Identity: Document; Written: Map<string, string> }

type Composing =
    | Made of Composed
    /// Today's configs do not accept the run's overrides.
    | Refused of says: string
    | Untold of why: string

/// Reads the output of `why --json`.
let read (json: string) : Composed =
    use json = JsonText.Parse json

    {
        Identity = Document.Parse(json.RootElement.GetProperty("identity").GetRawText(), "identity")
        Written =
            Map [ for entry in json.RootElement.GetProperty("written").EnumerateObject() -> entry.Name, string (entry.Value.GetString()) ]
    }

/// Composes a run's overrides with the configs of a repository. `labs` are a lab's assemblies.
let compose (scratch: Scratch) (repository: string) (labs: string list) (manifest: RunManifest) : Composing =
    let script = Path.Combine(repository, "experiments", "sweep.fsx")
    let words = Path.Combine(scratch.Folder, "words.yaml")
    let entry name value = Collections.Generic.KeyValuePair(name, value)

    let sweep =
        Document.OfMap [
            entry "sweep" (Document.Of "again")
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
        | :? Collections.Generic.KeyNotFoundException -> Untold "the output of the script has an unknown format"
    | 2 -> Refused last
    | code -> Untold $"the script ended with exit code {code}: {last}"

/// Each key whose value differs between the run's config and today's, with both values and their origins.
let differing (run: RunFolder) (manifest: RunManifest) (now: Composed) : string list =
    let leaves (document: Document) = Map [ for struct (path, leaf) in document.Leaves() -> path, string leaf ]
    let before, after = leaves (Document.Parse(run.ConfigJson, run.In "config.json")), leaves now.Identity

    let origin key =
        match manifest.Origins with
        | null -> "origin not recorded"
        | origins ->
            match origins.TryGetValue key with
            | true, where -> where
            | _ -> "default"

    let shown (values: Map<string, string>) where key =
        match values.TryFind key with
        | Some value -> $"{value} ({where key})"
        | None -> "absent"

    [
        for key in Set.union (Set.ofSeq before.Keys) (Set.ofSeq after.Keys) do
            if before.TryFind key <> after.TryFind key then
                let is = shown after (fun key -> now.Written.TryFind key |> Option.defaultValue "default") key
                $"{key} was {shown before origin key} and is {is}"
    ]
