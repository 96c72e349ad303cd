/// A sample of audits prefers bold cells, draws each run once before any twice, and prints the result of each cell.
module Ebm.Tests.Laws.SamplingLaws

open System
open System.IO
open System.Text.Json
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Processes

/// Two methods on some seeds: one is better in one metric, and the other metric shows no difference.
let private table seeds =
    Table.tabulate "laws" [
        for seed in 0 .. seeds - 1 do
            let noise = 0.01 * float (seed * 7 % 5)
            RunFolders.run "toy" "better" seed [ "grid-kl", 0.1 + noise ]
            RunFolders.run "toy" "worse" seed [ "grid-kl", 0.5 + noise ]
    ]

let private nameOf (drawn: Sample.Drawn) = $"{drawn.Run.Sweep}/{drawn.Run.Id}"

/// The share of seeds whose first cell is bold, against the share that the weights give for one bold cell of two.
let private prefers weight =
    let seeds = 2000
    let table = table 8

    let bold = Seq.init seeds (fun seed -> Sample.draw seed 1 Set.empty [ table ] |> List.head) |> Seq.filter _.Sampled.Bold |> Seq.length

    let due = float weight / float (weight + 1)
    let error = sqrt (due * (1.0 - due) / float seeds)
    must $"{bold} of {seeds} are bold" (abs (float bold / float seeds - due) < 4.5 * error)

// ── A world whose runner is a script ────────────────────────────────────────────

let private map (pairs: (string * string) list) : Collections.Generic.IReadOnlyDictionary<string, string> = readOnlyDict pairs

/// A run with a trace, and the result of its repetition.
let private written (root: string) method' (seed: int) metric (comesOut: bool) maker =
    let text (value: string) = JsonSerializer.Serialize value
    let config = $"{{\"data\":{{\"kind\":\"toy\"}},\"method\":{{\"kind\":{text method'}}},\"seed\":{seed}}}"
    let id = $"toy-{method'}-s{seed}-{(Canonical.Sha256 config).Substring(0, 12)}"
    let folder, again = Path.Combine(root, "runs", "toys", id), Path.Combine(root, "again", id)

    for folder in [ folder; again ] do
        Directory.CreateDirectory folder |> ignore

    File.WriteAllText(Path.Combine(folder, "config.json"), config)
    File.WriteAllText(Path.Combine(folder, "config.yaml"), $"seed: {seed}\ndevice: cpu\n")
    let value = Table.number metric
    File.WriteAllText(
        Path.Combine(folder, "metrics.json"),
        $"{{ \"grid-kl\": {{ \"value\": {value}, \"unit\": \"nats\", \"better\": \"lower\" }} }}\n"
    )
    let run = RunFolder.Open folder
    let trace last = [ for step in [ 10L; 50L ] -> Trace(step, "energy/loss", $"%016x{step + (if step = 50L then last else 0L)}") ]
    run.Append(trace 0L)
    File.Copy(run.In "trace.jsonl", Path.Combine(again, "trace.jsonl"))

    if not comesOut then
        File.WriteAllText(
            Path.Combine(again, "trace.jsonl"),
            (File.ReadAllText(run.In "trace.jsonl")).Replace("0000000000000032", "0000000000000033")
        )

    let manifest (maker: string) =
        RunManifest(
            State = RunState.Completed,
            Step = 50L,
            RunId = id,
            GroupId = "toy-" + method',
            SweepId = "toys",
            Seed = int64 seed,
            ConfigSha256 = run.ConfigSha256,
            Maker = MakerState(maker, "user"),
            Threads = ThreadCounts 1,
            Data = [| DataState("toy", "d") |]
        )

    run.Write(manifest "here")
    File.WriteAllText(Path.Combine(again, "manifest.json"), (manifest maker).Sealed().ToJson())
    run

/// Sixteen runs; those of `fails` are not reproduced.
let private inWorld (fails: string -> int -> bool) maker (holds: Workspace.Workspace -> unit) =
    Folder.inFolder (fun root ->
        must "git init" (ends "git" [ "init"; "--quiet"; root ] = 0)
        let runner = Path.Combine(root, "artifacts", "bin", "Ebm.Runner", "release", "ebm-runner")
        Directory.CreateDirectory(string (Path.GetDirectoryName runner)) |> ignore
        File.WriteAllText(runner, "#!/bin/sh\ncp \"$(dirname \"$0\")/../../../../again/$(basename \"$2\")\"/* \"$2\"/\n")
        must "chmod" (ends "chmod" [ "+x"; runner ] = 0)

        let runs = [
            for seed in 0..7 do
                written root "better" seed (0.1 + 0.001 * float (seed % 3)) (not (fails "better" seed)) maker
                written root "worse" seed (0.5 + 0.001 * float (seed % 2)) (not (fails "worse" seed)) maker
        ]

        let workspace = {
            Workspace.at root with
                Runs = Path.Combine(root, "runs")
                Reports = Path.Combine(root, "reports")
                Data = Path.Combine(root, "data")
        }

        Manifests.enterRuns workspace.Runs runs |> ignore
        holds workspace)

let private said (workspace: Workspace.Workspace) words =
    let out = Console.Out
    use text = new StringWriter()

    try
        Console.SetOut text
        let code = Audit.perform workspace words
        code, string text
    finally
        Console.SetOut out

let private kept (workspace: Workspace.Workspace) =
    KeptAudits.all workspace.Runs (Option.get (Ledger.load workspace.Root workspace.Runs)).Entries |> List.map snd

let private never _ _ = false

/// There are two cells in two rows, so each sample of two has a run of each.
let private comesOut fails due =
    inWorld fails "here" (fun workspace ->
        let code, text = said workspace [ "sample"; "toys"; "--n=2" ]
        must $"it ends with {code}, and says {text}" ((code = 0) = due))

let all = [
    law "a bold cell is drawn with the odds of its weight" (fun () -> prefers Sample.boldWeight)
    |> breaks "another weight" (fun () -> prefers (Sample.boldWeight / 2))

    law "one seed always draws the same cells, another seed draws others, and no run is drawn twice" (fun () ->
        let draw seed = Sample.draw seed 6 Set.empty [ table 8 ] |> List.map nameOf
        must "one seed draws two samples" (draw 1 = draw 1)
        must "two seeds draw the same" (List.distinct [ for seed in 0..9 -> draw seed ] |> List.length > 5)
        for seed in 0..9 do
            must "a run is drawn twice" ((List.distinct (draw seed)).Length = (draw seed).Length))

    law "a sampled run is drawn again only if no other is left" (fun () ->
        let table = table 8
        let all' = table.Rows |> List.collect _.Runs |> List.map (fun run -> $"{run.Sweep}/{run.Id}") |> Set.ofList
        // All but one of each row.
        let left = Set.ofList [ for row in table.Rows -> let run = row.Runs[3] in $"{run.Sweep}/{run.Id}" ]
        let drawn n = Sample.draw 3 n (Set.difference all' left) [ table ] |> List.map nameOf
        must $"%A{drawn 2}" (Set.ofList (drawn 2) = left)
        must "it stops when nothing is left" ((drawn 4).Length = 4 && Set.isSubset left (Set.ofList (drawn 4))))
    |> breaks "without what was before" (fun () ->
        let table = table 8
        let left = Set.ofList [ for row in table.Rows -> let run = row.Runs[3] in $"{run.Sweep}/{run.Id}" ]
        let drawn = Sample.draw 3 2 Set.empty [ table ] |> List.map nameOf |> Set.ofList
        must "only the rest is drawn" (drawn = left))

    law "a sample prints and keeps the result of each cell, and ends with the worst verdict's exit code" (fun () ->
        inWorld (fun method' _ -> method' = "worse") "here" (fun workspace ->
            let code, text = said workspace [ "sample"; "toys"; "--n"; "2" ]
            must $"it ends with {code}" (code = 3)

            for part in
                [
                    "1 of 2"
                    "grid-kl of better, bold (weight 8)"
                    "BITWISE: toys/toy-better"
                    "DIFFERENT: toys/toy-worse"
                    "first difference at step 50: energy/loss"
                    "1 of 2 cells reproduce, 9 to 91 % (Wilson, 95 %)"
                ] do
                must $"it does not say {part}: {text}" (text.Contains part)

            let found = kept workspace
            must $"%A{found}" (found.Length = 2 && found |> List.forall _.Sampled.IsSome)
            let ledger = Option.get (Ledger.load workspace.Root workspace.Runs)
            must $"%A{ledger.Faults}" ledger.Faults.IsEmpty
            let subjects = ledger.Entries |> List.filter (fun entry -> entry.Kind = "audit") |> List.map _.Subject
            must $"%A{subjects}" (subjects |> List.forall _.StartsWith("sample toys/toy-")))

        comesOut never true)
    |> breaks "a run that is not reproduced" (fun () -> comesOut (fun _ _ -> true) true)
    |> needsGit

    law "a second sample draws other runs, unless --again is given" (fun () ->
        inWorld never "here" (fun workspace ->
            let sample further = said workspace ([ "sample"; "toys"; "--n=2" ] @ further) |> ignore
            let names () = kept workspace |> List.map _.Run
            sample []
            let first = names ()
            sample []
            must $"%A{names ()}" ((List.distinct (names ())).Length = 4)
            sample [ "--again" ]
            must $"%A{names ()}" (List.skip 4 (names ()) = first)))
    |> needsGit

    law "an audit by another machine is independent, one by the same machine is not, and an unknown machine gives no answer" (fun () ->
        let independent maker =
            let found = ref []
            inWorld never maker (fun workspace ->
                said workspace [ "sample"; "toys"; "--n=2" ] |> ignore
                found.Value <- kept workspace |> List.map _.Independent |> List.distinct)
            found.Value

        must "elsewhere" (independent "elsewhere" = [ Some true ])
        must "here" (independent "here" = [ Some false ])
        let manifest (maker: MakerState | null) =
            RunManifest(State = RunState.Completed, RunId = "r", GroupId = "g", SweepId = "s", ConfigSha256 = "c", Maker = maker)
        let of' (one: MakerState | null) (other: MakerState | null) = KeptAudits.independent (manifest one) (manifest other)
        must "another user" (of' (MakerState("m", "a")) (MakerState("m", "b")) = Some true)
        must "unknown" (of' (MakerState("m", "a")) null = None && of' (MakerState(null, null)) (MakerState("m", "a")) = None))
    |> needsGit
]
