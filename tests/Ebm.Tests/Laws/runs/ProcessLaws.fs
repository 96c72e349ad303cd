/// Processes that are asked to stop, or killed while they write: no run stays running, and all files are complete.
module Ebm.Tests.Laws.ProcessLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

let private seeds = "0,1,2,3"
let private sweep = typed [ "experiment=rings"; $"seed={seeds}" ]
let private plan folder = planned (Path.Combine(folder, "runs")) sweep
let private start folder = Processes.again [ "launch"; folder; seeds ]

let rec private await what (tries: int) (holds: unit -> bool) =
    if not (holds ()) then
        if tries = 0 then broken $"{what} did not happen in time"
        Thread.Sleep 50
        await what (tries - 1) holds

let private began folder count =
    await $"the start of {count} runs" 1200 (fun () ->
        (plan folder).Runs |> List.filter (fun run -> File.Exists(Path.Combine(run.Folder, ".begun"))) |> List.length >= count)

let private stopped signal due state =
    inFolder (fun folder ->
        // The runs wait for the signal.
        executable folder waiting |> ignore
        let first = start folder
        began folder 2
        Processes.kill (first.Id, signal) |> ignore
        let code, says = Processes.finished first
        must $"it ended with {code}: {says}" (code = due)
        let states = (plan folder).Runs |> List.map _.State |> List.distinct |> List.sort
        must $"%A{states}" (not (List.contains RunState.Running states) && List.contains state states))

/// Runs that ignore signals, and a number of interrupts.
let private twice interrupts =
    inFolder (fun folder ->
        let deaf = Regex.Replace(waiting, "(?m)^trap '.*' (INT|TERM)$", "trap '' $1")
        must "the script must ignore signals" (deaf.Contains "trap '' TERM")
        executable folder deaf |> ignore
        let sweep = start folder
        began folder 2

        for i in 1..interrupts do
            // Repeated signals within a second count as one request.
            if i > 1 then Thread.Sleep 1500
            Processes.kill (sweep.Id, 2) |> ignore

        let isOver = sweep.WaitForExit(TimeSpan.FromSeconds(if interrupts > 1 then 30.0 else 3.0))

        if not isOver then
            Processes.kill (-sweep.Id, 9) |> ignore
            broken "it does not end"

        must $"it ended with {sweep.ExitCode}" (sweep.ExitCode = 130)
        let states = (plan folder).Runs |> List.map _.State |> List.distinct |> List.sort
        must $"%A{states}" (states = [ RunState.Planned; RunState.Interrupted ]))

let private versions (path: string) (write: int -> int) old fresh steps =
    for step in 1..steps do
        let code = write step
        must $"it was not killed at step {step}: {code}" (code = 137)
        let found = File.ReadAllText path
        must $"killed at step {step}, it leaves \"{found}\"" (found = old || found = fresh)

let private writes path text (step: int) = fst (Processes.finished (Processes.again [ "write"; path; text; string step ]))

let all = [
    law "an interrupt, SIGTERM and SIGUSR1 end a sweep with 130, 143 and 138, and no run stays running" (fun () ->
        stopped 2 130 RunState.Interrupted
        stopped 15 143 RunState.Preempted
        stopped 10 138 RunState.Preempted)

    law "the second interrupt ends runs that ignore the first at once, with 130, and none stays running" (fun () -> twice 2)
    |> breaks "one interrupt" (fun () -> twice 1)

    law
        "a sweep that is detached goes on by itself, where interrupts are ignored too; attach, logs and stop find it from another shell, and a second one is refused; the process of its runs hears an interrupt in the second one"
        (fun () ->
            inFolder (fun folder ->
                let words words = "sweep" :: Path.Combine(folder, "runs") :: words
                let verb = words >> Processes.again
                let ask = verb >> Processes.finished
                let detached = [
                    "run"
                    "experiment=rings"
                    "method=flow"
                    "train.steps=1,100000"
                    "~measure.metrics"
                    "--workers=1"
                    "--name=laws"
                    $"--reports={folder}/reports"
                    "--detach"
                ]

                try
                    let code, says = Processes.finished (Processes.inBackground (words detached))
                    must says (code = 0 && says.Contains "runs in the background")
                    let runs () = List.ofSeq (RunFolder.Under(Path.Combine(folder, "runs")))
                    let long () = runs () |> List.tryFind (fun run -> run.Config.Integer "train.steps" > 1L)
                    let isRunning (run: RunFolder) = run.State = RunState.Running
                    await "its second run" 1200 (fun () -> long () |> Option.exists isRunning)
                    let code, says = ask detached
                    must says (code = 2 && says.Contains "already running in this folder")
                    let attached, followed = verb [ "attach"; "--name=laws" ], verb [ "logs"; (long ()).Value.Id; "--follow" ]
                    let code, says = ask [ "stop"; "--name=laws" ]
                    must says (code = 0 && says.Contains "will stop as soon as")
                    let code, says = Processes.finished attached
                    must says (code = 0 && says.Contains "running rings-flow" && says.Contains "the same command continues from here")
                    let code, says = Processes.finished followed
                    must says (code = 0 && says.Contains "ended interrupted")
                    let manifests = runs () |> List.map (fun run -> nonNull run.Manifest)
                    let ended = manifests |> List.map (fun manifest -> manifest.State, manifest.Reason) |> List.sort
                    must $"%A{ended}" (ended = [ RunState.Completed, null; RunState.Interrupted, "stopped by SIGINT" ])
                    must "each run had a process" (manifests |> List.forall (fun manifest -> Seq.contains "serve" manifest.Argv))
                finally
                    for id in Processes.about folder do
                        Processes.kill (id, 9) |> ignore))

    law "a file is the old one or the new one whenever its writer is killed: at opening, writing, syncing and renaming" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "manifest.json")
            File.WriteAllText(path, "old")
            versions path (writes path "new") "old" "new" 5
            // A killed writer leaves a file with another name, which the next attempt deletes.
            must
                "no other file may remain"
                (Directory.GetFiles folder |> Array.forall (fun file -> file = path || (nonNull (Path.GetFileName file)).StartsWith '.'))))
    |> breaks "a file that is written in place" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "file")
            versions
                path
                (fun _ ->
                    File.WriteAllText(path, "ne")
                    137)
                "old"
                "new"
                1))

    law "a checkpoint is complete whenever its writer is killed between two renames" (fun () ->
        inFolder (fun folder ->
            let run = (plan folder).Runs.Head
            let at = RunFolder.Create(Path.Combine(folder, "runs", "laws"), run.Id, run.Config, run.Hashed)
            at.Replace("checkpoint", fun folder -> File.WriteAllText(Path.Combine(folder, "state"), "old"))

            for step in 1..5 do
                let code = writes at.Path "new" step
                must $"it was not killed at step {step}: {code}" (code = 137)
                must $"killed at step {step}, it leaves no checkpoint" (at.Settle "checkpoint")
                let found = File.ReadAllText(at.In("checkpoint", "state"))
                must $"killed at step {step}, it leaves \"{found}\"" (found = "old" || found = "new")))
]
