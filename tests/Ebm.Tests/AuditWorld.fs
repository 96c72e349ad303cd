/// A repository with runs, data and a ledger, for laws about audits, and the alterations that an attacker makes by hand.
module Ebm.Tests.AuditWorld

open System
open System.IO
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Audits
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes

/// A repository with runs of two sweeps, their data, a table, and a ledger whose head it keeps.
type World(folder: string, runs: string) =
    new(folder: string) = World(folder, Path.Combine(folder, "runs"))
    member _.Root = folder
    member _.Runs = runs
    member _.Data = Path.Combine(folder, "data")
    member _.Rows = Path.Combine(folder, "data", "toy", "rows.bin")
    member world.Ledger = Path.Combine(world.Runs, "ledger.jsonl")

    member world.Run(sweep: string, seed: int) : RunFolder =
        Directory.GetDirectories(Path.Combine(world.Runs, sweep), $"toy-m-s{seed}-*") |> Array.exactlyOne |> RunFolder.Open

    member world.File(seed: int, name: string) = (world.Run("rings", seed)).In name
    member _.Reports = Path.Combine(folder, "reports")
    member world.Verify() = Verify.verify world.Root (Some world.Data) (Some world.Reports) world.Runs []

let configOf (seed: int) = $"""{{"data":{{"kind":"toy"}},"method":{{"kind":"m"}},"seed":{seed},"train":{{"lr":0.001}}}}"""

/// Begun at some time, as by a sweep and its runner.
let begunAt (time: DateTime) (world: World) sweep seed =
    let hashed = configOf seed
    let id = $"toy-m-s{seed}-{(Canonical.Sha256 hashed).Substring(0, 12)}"
    let config = Document.Parse($"data:\n  kind: toy\nmethod:\n  kind: m\nseed: {seed}\ntrain:\n  lr: 0.001\n", "config.yaml")
    let folder = RunFolder.Create(Path.Combine(world.Runs, sweep), id, config, hashed)
    let rows = FileInfo world.Rows

    let manifest =
        RunManifest(
            State = RunState.Running,
            RunId = id,
            GroupId = "toy-000000000000",
            SweepId = sweep,
            Seed = int64 seed,
            Attempt = folder.NextAttempt(),
            ConfigSha256 = folder.ConfigSha256,
            Git = GitState(String('a', 40)),
            Timing = Timing(time, time.AddMinutes 1.0),
            Data = [|
                DataState("toy", "d", [| DataFile("toy/rows.bin", rows.Length, rows.LastWriteTimeUtc, Canonical.Sha256OfFile world.Rows) |])
            |]
        )

    folder.Write manifest
    Manifests.enterBegun world.Runs [ folder ]
    folder, manifest

let begun: World -> string -> int -> RunFolder * RunManifest = begunAt (DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc))

/// Ended in some state, with the files of an ended run.
let ended state (folder: RunFolder, manifest: RunManifest) =
    let seed = manifest.Seed
    folder.Append [ for step in 1L .. 3L -> Event(step, "energy/loss", 1.0 / float (step + seed)) ]
    folder.Append [ for step in 1L .. 3L -> Trace(step, "energy/parameters", $"%016x{step + 16L * seed}") ]

    folder.Replace(
        "checkpoint",
        fun at ->
            let weights = NamedTensorBytes("w", "F32", [| 2L |], ReadOnlyMemory [| 1uy; 2uy; 3uy; byte seed; 5uy; 6uy; 7uy; 8uy |])
            Safetensors.Write(Path.Combine(at, "method.safetensors"), [ weights ])
    )

    if state = RunState.Completed then
        folder.WriteSamples([| 1f; 2f; float32 seed; 4f |], 2L, 2L)
        folder.Write [ NamedArray("landscape", [| "x" |], [| 2L |], [| 0f; float32 seed |]) ]
        folder.Write [ Measurement("grid-kl", 0.125 + float seed / 64.0, "nats", Direction.Lower) ]

    File.WriteAllText(folder.In "stdout.log", "ended")
    folder.Write(manifest.Ended(state, 3L))
    folder

let entered (world: World) (folder: RunFolder) = Manifests.enterRuns world.Runs [ folder ] |> ignore

/// Measured again, with another value of its metric, as by a sweep.
let measured value (world: World) (folder: RunFolder) =
    Manifests.enterBegun world.Runs [ folder ]
    let draft = folder.Draft()
    draft.Write [ Measurement("grid-kl", value, "nats", Direction.Lower) ]
    folder.Adopt(draft, nonNull folder.Manifest)
    entered world folder

let anchored (world: World) =
    match Ledger.anchor world.Root world.Runs with
    | Ok() -> ()
    | Error says -> failwith says

/// Made once, because writing a run waits for the disk many times.
let template =
    lazy
        (let folder = (Directory.CreateTempSubdirectory "ebm-law-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         let world = World folder
         must "git init" (ends "git" [ "init"; "--quiet"; folder ] = 0)
         Directory.CreateDirectory(string (Path.GetDirectoryName world.Rows)) |> ignore
         File.WriteAllText(world.Rows, "some rows")

         for seed in 0..2 do
             begun world "rings" seed |> ended RunState.Completed |> entered world

         begun world "rings" 3 |> ended RunState.Diverged |> entered world
         begun world "rings" 4 |> ended RunState.Failed |> entered world
         // A run with two attempts.
         begun world "rings" 5 |> ended RunState.Failed |> entered world
         begun world "rings" 5 |> ended RunState.Completed |> entered world
         begun world "moons" 0 |> ended RunState.Completed |> entered world
         let table = Path.Combine(folder, "table.csv")
         File.WriteAllText(table, "run,group\n")
         Ledger.enterTable world.Runs "rings" table
         anchored world
         folder)

let inWorld (holds: World -> unit) =
    inFolder (fun folder ->
        must "it cannot be copied" (ends "cp" [ "-r"; template.Value + "/."; folder ] = 0)
        holds (World folder))

let replace (path: string) (before: string) (after: string) =
    let text = File.ReadAllText path
    must $"{before} is not in {Path.GetFileName path}" (text.Contains before)
    File.WriteAllText(path, text.Replace(before, after))

let flip (path: string) (at: int) =
    let bytes = File.ReadAllBytes path
    let at = if at < 0 then bytes.Length + at else at
    bytes[at] <- bytes[at] ^^^ 1uy
    File.WriteAllBytes(path, bytes)

let lines (world: World) = File.ReadAllLines world.Ledger
let rewrite (world: World) (lines: string seq) =
    File.WriteAllText(world.Ledger, String.concat "" (lines |> Seq.map (fun line -> line + "\n")))

/// Adjusts all hashes after a line, as an attacker does who knows how hashes are made.
let rechained (lines: string list) =
    (([], ""), lines)
    ||> List.fold (fun (made, prev) line ->
        let line = Regex.Replace(line, "\"prevHash\":\"[^\"]*\"", $"\"prevHash\":\"{prev}\"")
        line :: made, Ledger.hashOf line)
    |> fst
    |> List.rev

/// Puts the hash of the text that it has into a manifest.
let seal (path: string) =
    let blank = Regex.Replace(File.ReadAllText path, "(?m)^  \"hash\": \"[^\"]*\"", "  \"hash\": \"\"")
    File.WriteAllText(path, blank.Replace("  \"hash\": \"\"", $"  \"hash\": \"{Canonical.Sha256 blank}\""))

let resealed (folder: RunFolder) (before: string) (after: string) =
    let path = folder.In "manifest.json"
    replace path before after
    seal path

/// An audit of the world names an alteration of this kind.
let named what (part: string) (world: World) =
    let found = (world.Verify()).Alterations
    let shown = found |> List.map (fun a -> $"{Kebab.Of a.What}: {a.Subject}: {a.Says}") |> String.concat "; "
    must
        $"{what} about {part} is not among: {shown}"
        (found |> List.exists (fun a -> Kebab.Of a.What = what && $"{a.Subject}: {a.Says}".Contains part))

let quietly (act: unit -> int) =
    let out = Console.Out

    try
        Console.SetOut TextWriter.Null
        act ()
    finally
        Console.SetOut out

/// The exit code of an audit of the world.
let audited (world: World) words =
    let workspace = { Workspace.at world.Root with Runs = world.Runs; Data = world.Data; Reports = world.Reports; Json = true }
    quietly (fun () -> Audit.perform workspace words)
