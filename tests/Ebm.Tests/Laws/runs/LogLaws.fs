/// The output of a run: each stream has its own file, which keeps the start and the end even of endless output.
module Ebm.Tests.Laws.LogLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading.Tasks
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private lab = Path.Combine(AppContext.BaseDirectory, "Lab.dll")

let private config (lines: int) =
    $"""
data: {{ kind: gaussians, train: 300, test: 50 }}
method: {{ kind: chatter, lines: {lines} }}
train: {{ steps: 2, batch: 8, lr: 0.01 }}
measure: {{ samples: 10, metrics: {{ mode-weights: {{ kind: mode-weights }} }} }}
"""

/// 16 MiB.
let private most = 16L <<< 20

/// A log's size and lines, for a given number of lines printed per step.
let private holds (lines: int) (path: string) =
    let size = (FileInfo path).Length
    must $"{path} has {size} bytes" (size <= most)
    let text = File.ReadAllText path
    let numbers = [ for found in Regex.Matches(text, @"(?m)^line (\d+) \.{1000}$") -> int found.Groups[1].Value ]
    must "the first line must remain" (List.head numbers = 1)
    must "the last line must remain" (List.last numbers = lines)
    let left = Regex.Match(text, @"… about (\d+) bytes are left out here: a log has at most 16777216 bytes …")
    must "the notice about omitted bytes is missing" left.Success
    let printed = 2L * List.sumBy (fun line -> int64 $"line {line} ".Length + 1001L) [ 1..lines ]
    let there = size + int64 left.Groups[1].Value
    // The notice and the run's own lines are not printed by the method; output at the moment of the cut is not counted.
    must $"{there} of {printed} printed bytes are kept or counted as omitted" (there < printed + 4096L && there > printed - printed / 100L)

/// A run that its config ends has one sentence in its log, and no place in the code.
let private saysWhere (text: string) =
    inFolder (fun folder ->
        let experiment = Experiment.Of(Document.Parse(text, "mine.yaml"), lab)
        let at = RunFolder.Create(Path.Combine(folder, "sweep"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
        let start = ProcessStartInfo(Sweeping.realRunner, [ "exec"; at.Path; "--with"; lab ], RedirectStandardOutput = true)
        start.RedirectStandardError <- true
        use child = nonNull (Process.Start start)
        child.StandardError.ReadToEnd() |> ignore
        child.WaitForExit()
        must $"it ended with {child.ExitCode}" (child.ExitCode = 2)
        let log = (File.ReadAllText(at.In "stderr.log")).TrimEnd()
        must $"the log is: {log}" (log.Contains "conv-energy needs square images" && not (log.Contains '\n')))

let all = [
    law "an error of the config that a run finds is one sentence in its log, without a place in the code" (fun () ->
        saysWhere ((config 1).Replace("{ kind: chatter, lines: 1 }", "{ kind: contrastive-divergence, energy: { kind: conv-energy } }")))
    |> breaks "a run that completes" (fun () -> saysWhere (config 1))

    law "a run with endless output fills neither log: start and end are kept, and a line gives the number of omitted bytes" (fun () ->
        inFolder (fun folder ->
            let experiment = Experiment.Of(Document.Parse(config 20_000, "chatter.yaml"), lab)
            let at =
                RunFolder.Create(Path.Combine(folder, "sweep"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
            let start = ProcessStartInfo(Sweeping.realRunner, [ "exec"; at.Path; "--with"; lab ], RedirectStandardOutput = true)
            use child = nonNull (Process.Start start)
            let says = child.StandardOutput.ReadToEnd()
            child.WaitForExit()
            must $"it ended with {child.ExitCode}: {says}" (child.ExitCode = 0)
            must $"the method's output is mistaken for progress: {says}" (not (says.Contains "line") && says.Contains "ended completed")
            holds 20_000 (at.In "stdout.log")
            holds 20_000 (at.In "stderr.log")))
    |> breaks "a log that keeps only its start" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "stdout.log")
            let lines = [ for line in 1..20_000 -> $"line {line} {String('.', 1000)}" ]
            File.WriteAllLines(
                path,
                List.truncate 1000 lines @ [ "… about 19000000 bytes are left out here: a log has at most 16777216 bytes …" ]
            )
            holds 20_000 path))

    law "output before the log is open, or without a log, is kept in stderr.log: its last 200 lines, of which 20 are shown" (fun () ->
        inFolder (fun folder ->
            let wordy =
                Sweeping.executable folder "#!/bin/sh\ni=0\nwhile [ \"$i\" -lt 500 ]; do i=$((i+1)); echo \"word $i\" >&2; done\nexit 3\n"

            Sweeping.launched (fun s -> { s with Runner = wordy }) "0" (fun outcomes plan ->
                let outcome = snd outcomes.Head
                let due = [ for i in 301..500 -> $"word {i}" ]
                must $"{outcome.LogEnd.Length} lines" (outcome.LogEnd = due)
                must "the log" (List.ofSeq (File.ReadLines(Path.Combine(plan.Runs.Head.Folder, "stderr.log"))) = due))))
    law "a run whose log became a pipe has failed, and its sweep ends" (fun () ->
        inFolder (fun folder ->
            let piping = Sweeping.executable folder "#!/bin/sh\nmkfifo \"$2/stderr.log\"\necho 'no log' >&2\nexit 3\n"

            let sweep =
                Task.Run(fun () ->
                    Sweeping.launched (fun s -> { s with Runner = piping }) "0" (fun outcomes _ ->
                        let outcome = snd outcomes.Head
                        must $"it ended as %A{outcome.LogEnd}" (outcome.LogEnd = [ "no log" ])))

            must "the sweep waits for a reader" (sweep.Wait(TimeSpan.FromSeconds 60.0))))
]
