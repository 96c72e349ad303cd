/// Processes that are killed: a sweep, its runs, a writer. Whatever is killed whenever, what is there is whole, and nothing is done twice.
module Ebm.Tests.Laws.ProcessLaws

open System
open System.Diagnostics
open System.IO
open System.Threading
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

/// A run takes a while, goes on from its checkpoint, heeds SIGINT and SIGTERM, and ends with whoever started it.
let private slow =
    """#!/bin/sh
folder=$2
parent=$PPID
end() { sed "s/\"state\": *\"[a-z]*\"/\"state\": \"$1\"/" "$folder/manifest.json" > "$folder/.m.$$" && mv "$folder/.m.$$" "$folder/manifest.json"; }
trap 'end interrupted; exit 130' INT
trap 'end preempted; exit 143' TERM
seed=$(sed 's/.*"seed":\([0-9]*\).*/\1/' "$folder/config.json")
echo "$$" >> "$folder/begun"
end running
step=$(cat "$folder/step" 2>/dev/null || echo 0)
while [ $step -lt 5 ]; do
  [ -d /proc/$parent ] || { end interrupted; exit 130; }
  sleep 0.1
  step=$((step+1))
  echo $step > "$folder/.step.$$" && mv "$folder/.step.$$" "$folder/step"
done
echo "result of $seed" > "$folder/result"
end completed
"""

let private seeds = "0,1,2,3"
let private sweep = typed [ "experiment=rings"; $"seed={seeds}" ]
let private plan folder = planned (Path.Combine(folder, "runs")) sweep
let private start folder = Processes.again [ "launch"; folder; seeds ]

let rec private await what (tries: int) (holds: unit -> bool) =
    if not (holds ()) then
        if tries = 0 then broken $"{what} has not come about"
        Thread.Sleep 50
        await what (tries - 1) holds

let private began folder count =
    await $"the start of {count} runs" 1200 (fun () ->
        (plan folder).Runs |> List.filter (fun run -> File.Exists(Path.Combine(run.Folder, "begun"))) |> List.length >= count)

/// Goes on until all is done; then every result is there, and a run that had finished was not begun again.
let private goesOn folder (finishedBefore: Map<string, int>) =
    // Runs of the killed sweep may still be writing.
    await "the end of the orphans" 1200 (fun () ->
        (plan folder).Runs
        |> List.map (fun run -> Path.Combine(run.Folder, "begun"))
        |> List.filter File.Exists
        |> List.forall (fun begun -> not (Directory.Exists $"/proc/{Array.last (File.ReadAllLines begun)}")))
    let code, says = Processes.finished (start folder)
    must $"it ended with {code}: {says}" (code = 0)

    for run in (plan folder).Runs do
        must $"{run.Id} is {run.State}" (run.State = RunState.Completed)
        must run.Id (File.ReadAllText(Path.Combine(run.Folder, "result")) = $"result of {run.Spec.Seed}\n")

        match finishedBefore.TryFind run.Id with
        | Some times -> must $"{run.Id} ran again" (File.ReadAllLines(Path.Combine(run.Folder, "begun")).Length = times)
        | None -> ()

let private finished folder =
    Map.ofList [
        for run in (plan folder).Runs do
            if run.State = RunState.Completed then run.Id, File.ReadAllLines(Path.Combine(run.Folder, "begun")).Length
    ]

let private killed (kill: string -> Process -> unit) =
    inFolder (fun folder ->
        executable folder slow |> ignore
        let first = start folder
        began folder 3
        kill folder first
        first.WaitForExit()
        goesOn folder (finished folder))

let private stopped signal due state =
    inFolder (fun folder ->
        executable folder slow |> ignore
        let first = start folder
        began folder 2
        Processes.kill (first.Id, signal) |> ignore
        let code, says = Processes.finished first
        must $"it ended with {code}: {says}" (code = due)
        let states = (plan folder).Runs |> List.map _.State |> List.distinct |> List.sort
        must $"%A{states}" (not (List.contains RunState.Running states) && List.contains state states))

let private versions (path: string) (write: int -> int) old fresh steps =
    for step in 1..steps do
        let code = write step
        must $"it was not killed at step {step}: {code}" (code = 137)
        let found = File.ReadAllText path
        must $"killed at step {step}, it leaves \"{found}\"" (found = old || found = fresh)

let private writes path text (step: int) = fst (Processes.finished (Processes.again [ "write"; path; text; string step ]))

let all = [
    law "a sweep whose process group is killed goes on where it was: the same results, and no finished run is run twice" (fun () ->
        killed (fun _ first -> Processes.kill (-first.Id, 9) |> ignore))

    law "a sweep whose own process is killed leaves no run behind, and goes on" (fun () ->
        killed (fun _ first -> Processes.kill (first.Id, 9) |> ignore))

    law "a sweep whose runs are killed one by one fails those alone, and the same command runs them again" (fun () ->
        inFolder (fun folder ->
            executable folder slow |> ignore
            let first = start folder
            began folder 1
            let victim = (plan folder).Runs |> List.find (fun run -> File.Exists(Path.Combine(run.Folder, "begun")))
            Processes.kill (int (File.ReadAllLines(Path.Combine(victim.Folder, "begun"))[0]), 9) |> ignore
            Processes.finished first |> ignore
            let states = (plan folder).Runs |> List.map (fun run -> run.Id = victim.Id, run.State) |> List.distinct
            must $"%A{states}" (List.sort states = [ false, RunState.Completed; true, RunState.Failed ])
            goesOn folder (finished folder)))

    law "an interrupt, a termination and a scheduler's warning end a sweep with 130, 143 and 138, and no run stays running" (fun () ->
        stopped 2 130 RunState.Interrupted
        stopped 15 143 RunState.Preempted
        stopped 10 138 RunState.Preempted)

    law "a file is the old one or the new one, whenever its writer is killed: at its opening, writing, syncing and renaming" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "manifest.json")
            File.WriteAllText(path, "old")
            versions path (writes path "new") "old" "new" 5
            // What a killed writer leaves has another name, and the next attempt sweeps it away.
            must "something else is there" (Directory.GetFiles folder |> Array.forall (fun file -> file = path || (nonNull (Path.GetFileName file)).StartsWith '.'))))
    |> breaks "a file that is written in its place" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "file")
            versions path (fun _ -> File.WriteAllText(path, "ne"); 137) "old" "new" 1))

    law "a checkpoint is a whole one, whenever its writer is killed between two renames" (fun () ->
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
