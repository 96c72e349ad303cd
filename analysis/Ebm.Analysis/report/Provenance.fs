/// How runs were made, from their manifests: code, machine, libraries, data.
module Ebm.Analysis.Provenance

open System.Globalization
open Ebm.Records

let private invariant = CultureInfo.InvariantCulture

/// Each distinct value, the most frequent first, with the number of runs if there are several.
let private distinct (values: string option seq) =
    match values |> Seq.choose id |> Seq.filter ((<>) "") |> Seq.countBy id |> Seq.sortBy (fun (value, n) -> -n, value) |> List.ofSeq with
    | [] -> None
    | [ only, _ ] -> Some only
    | several ->
        let shown = several |> List.truncate 6 |> List.map (fun (value, n) -> $"""{value} ({Text.counted n "run"})""") |> String.concat "; "
        Some(if several.Length > 6 then $"{shown}; and {several.Length - 6} more" else shown)

/// Names and values; values that no manifest has are left out.
let of' (manifests: RunManifest list) : (string * string) list =
    let each (choose: RunManifest -> string option) = distinct (Seq.map choose manifests)
    let some (value: 'a | null) (say: 'a -> string) = value |> Option.ofObj |> Option.map say

    [
        "code",
        each (fun manifest ->
            some manifest.Git (fun git ->
                git.Commit.Substring(0, min 12 git.Commit.Length) + (if git.Dirty then ", with uncommitted changes" else "")))
        "version", each (fun manifest -> some manifest.Build (fun build -> $"{build.Version}, {build.Configuration}"))
        "machine",
        each (fun manifest ->
            some manifest.Hardware (fun machine ->
                let gpus = machine.Accelerators |> Option.ofObj |> Option.map (Seq.map (fun gpu -> ", " + gpu.Name) >> String.concat "")
                let gpus = gpus |> Option.defaultValue ""
                let memory = (float machine.Memory / 1e9).ToString("0", invariant)
                $"""{machine.Cpu}, {Text.counted machine.Cores "core"}, {memory} GB{gpus}"""))
        "threads of a run", each (fun manifest -> some manifest.Threads (fun threads -> threads.IntraOp.ToString invariant))
        "libtorch", each (fun manifest -> some manifest.Native _.Libtorch)
        ".NET", each (fun manifest -> some manifest.Runtime (fun runtime -> $"{runtime.Dotnet}, {runtime.Os}"))
        "determinism",
        each (fun manifest ->
            some manifest.Determinism (fun switches ->
                switches |> Seq.sortBy _.Key |> Seq.map (fun switch -> $"{switch.Key}: {switch.Value}") |> String.concat ", "))
        "data",
        each (fun manifest ->
            manifest.Data
            |> Seq.map (fun data -> $"{data.Name} {data.Digest.Substring(0, min 12 data.Digest.Length)}")
            |> String.concat ", "
            |> Some)
    ]
    |> List.choose (fun (name, says) -> says |> Option.map (fun says -> name, says))
