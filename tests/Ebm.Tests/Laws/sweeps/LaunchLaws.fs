/// The launcher: one process for each run, a state for each kind of end, and at most one sweep in a folder. The runner is a shell script.
module Ebm.Tests.Laws.LaunchLaws

open System
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

/// A file system of one megabyte, if this user may mount one.
let private inSmallDisk (holds: string -> unit) =
    inFolder (fun folder ->
        let mount arguments = Processes.ends "mount" arguments = 0
        let disk = (Directory.CreateDirectory(Path.Combine(folder, "disk"))).FullName

        if mount [ "-t"; "tmpfs"; "-o"; "size=1m"; "tmpfs"; disk ] then
            try
                holds disk
            finally
                Processes.ends "umount" [ disk ] |> ignore)

let private mayMount () =
    let mutable can = false
    inSmallDisk (fun _ -> can <- true)
    if can then None else Some "a small tmpfs cannot be mounted here"

let private begun (run: Plan.PlannedRun) = File.ReadAllLines(Path.Combine(run.Folder, "begun"))

let all = [
    law "a failure, an abort, a hang and a divergence have different states with a reason, and the other runs complete" (fun () ->
        launched (fun s -> { s with Timeout = Some(TimeSpan.FromSeconds 2.0) }) "0,6,7,8,9,1" (fun outcomes plan ->
            states [ "0", "completed"; "6", "failed"; "7", "failed"; "8", "timeout"; "9", "diverged"; "1", "completed" ] plan
            let outcome seed = outcomes |> List.find (fst >> (=) seed) |> snd
            let reason seed = string (outcome seed).Reason
            must (reason "6") ((reason "6").Contains "exit code 3: no such luck")
            must (reason "7") ((reason "7").Contains "signal 6")
            must (reason "8") ((reason "8").Contains "after 2 s")
            let ends = (outcome "7").LogEnd
            must $"%A{ends}" (ends |> List.contains "last words")))

    law "the process of each run has its thread counts in the environment" (fun () ->
        launched id "0" (fun _ plan ->
            let begun = File.ReadAllText(Path.Combine(plan.Runs.Head.Folder, "begun"))
            must begun (begun = "0 1 1 \n")))

    law "no run starts after the failures of stop-after, or after the first three runs failed with the same error" (fun () ->
        launched (fun s -> { s with Workers = 1; OnError = Launch.StopAfter 1 }) "6,0,1" (fun outcomes plan ->
            must $"{outcomes.Length} were started" (outcomes.Length = 1)
            states [ "6", "failed"; "0", "planned"; "1", "planned" ] plan)

        inFolder (fun folder ->
            let missing = executable folder "#!/bin/sh\necho alike >&2; exit 4\n"
            let guarded (s: Launch.Settings) = { s with Workers = 1; OnError = Launch.Guarded; Runner = missing }
            launched guarded "0,1,2,3,4" (fun outcomes _ -> must $"{outcomes.Length} were started" (outcomes.Length = 3))))

    law "--retry sets how often a failed run is tried again, and its earlier attempts are kept" (fun () ->
        launched (fun s -> { s with Retry = 2 }) "6" (fun outcomes plan ->
            must $"{outcomes.Length} attempts" (outcomes.Length = 3)
            let attempts = RunFolder.Open(plan.Runs.Head.Folder).Attempts()
            must $"{attempts.Count} kept" (attempts.Count = 2)))

    law "a run with the state running whose process has ended is lost" (fun () ->
        launched id "0" (fun _ plan ->
            let folder = RunFolder.Open plan.Runs.Head.Folder
            let manifest = nonNull folder.Manifest
            folder.Write(manifest.Ended(RunState.Running, 3L))
            let state, reason = Plan.stateOf folder.Path
            must $"{state}" (state = RunState.Lost)
            must (string reason) ((string reason).Contains "step 3")))

    law "--memory ends a run that uses too much, its state is failed, its reason has both numbers, and the others complete" (fun () ->
        launched (fun s -> { s with Memory = Some 100_000_000L }) "0,10,1" (fun outcomes plan ->
            states [ "0", "completed"; "10", "failed"; "1", "completed" ] plan
            let reason = string (outcomes |> List.find (fst >> (=) "10") |> snd).Reason
            must reason (reason.Contains "out of memory" && reason.Contains "it held 0." && reason.Contains "--memory allows 0.0931")))
    |> breaks "without a limit it ends in another way" (fun () ->
        launched (fun s -> { s with Timeout = Some(TimeSpan.FromSeconds 1.0) }) "10" (fun _ plan -> states [ "10", "failed" ] plan))

    law "a run that fills the disk has failed, each later run is reported, and no other result is lost" (fun () ->
        inSmallDisk (fun disk ->
            launchedIn disk (fun s -> { s with Workers = 1 }) [ "seed=0,11,1" ] (fun outcomes plan ->
                let state seed = (outcomes |> List.find (fst >> (=) seed) |> snd).State
                must "the first run" (state "0" = RunState.Completed)
                must $"""{state "11"}""" (state "11" = RunState.Failed)
                must "not every run was reported" (outcomes.Length = 3)
                let first = plan.Runs |> List.find (fun run -> run.Spec.Seed = 0L)
                must
                    $"{first.State}"
                    (first.State = RunState.Completed && File.ReadAllText(Path.Combine(first.Folder, "result")) = "0\n"))))
    |> needs mayMount

    law "each run sees one GPU, and no GPU has more runs than --per-gpu at once" (fun () ->
        launched (fun s -> { s with Workers = 8; Gpus = [ "4"; "5" ]; PerGpu = 2 }) "0,1,2,3" (fun _ plan ->
            let seen = plan.Runs |> List.map (fun run -> (Array.head (begun run)).Split(' ')[3]) |> List.countBy id |> List.sort
            must $"%A{seen}" (seen = [ "4", 2; "5", 2 ])))

    law "at most --max-runs runs start, and none after --max-hours; the remaining runs stay planned" (fun () ->
        launched (fun s -> { s with MaxRuns = Some 2 }) "0,1,2,3" (fun outcomes plan ->
            must $"{outcomes.Length} runs" (outcomes.Length = 2)
            states [ "0", "completed"; "1", "completed"; "2", "planned"; "3", "planned" ] plan)

        launched (fun s -> { s with MaxTime = Some(TimeSpan.FromTicks -1L) }) "0,1" (fun outcomes _ ->
            must "a run started" outcomes.IsEmpty))

    law "with --seeds-first, the first seed of every setting runs before any second seed" (fun () ->
        let plan = planned "/nowhere" (typed [ "experiment=rings"; "method.steps=2,4,8"; "seed=0,1" ])
        let order jobs = [ for job: Child.Job in jobs -> job.Run.Spec.Seed ]
        must "as planned" (order (jobs plan) = [ 0L; 1L; 0L; 1L; 0L; 1L ])
        let first = Launch.seedsFirst (jobs plan)
        must $"%A{order first}" (order first = [ 0L; 0L; 0L; 1L; 1L; 1L ])
        must "settings change places" ([ for job in List.truncate 3 first -> job.Run.Config.Integer "method.steps" ] = [ 2L; 4L; 8L ]))

    law "runs in a shared process write the same bytes as runs in separate processes, and a crash affects one of them" (fun () ->
        let bytes (run: Plan.PlannedRun) = [
            for file in [ "samples.npy"; "events.jsonl"; "metrics.json"; "trace.jsonl" ] ->
                Canonical.Sha256OfFile(Path.Combine(run.Folder, file))
        ]

        let done' change =
            let mutable found = []

            inFolder (fun folder ->
                let sweep = typed [ "experiment=rings"; "method=joint-cd"; "train.steps=20"; "~measure.metrics.long-run"; "seed=0,1,2" ]
                let plan = planned (Path.Combine(folder, "runs")) sweep
                use _ = Hold.take plan.Folder Hold.Whole
                let outcomes, _ = Launch.launch (change (Launch.defaults realRunner)) (jobs plan) (Silent())
                let hosts = plan.Runs |> List.map (fun run -> File.ReadAllText(Path.Combine(run.Folder, "stderr.log")))
                must
                    $"%A{outcomes |> List.map (fun outcome -> outcome.State, outcome.Reason)} %A{hosts}"
                    (outcomes |> List.forall (fun o -> o.State = RunState.Completed))
                found <- plan.Runs |> List.map bytes)

            found

        must "other bytes" (done' (fun s -> { s with Share = true }) = done' id)

        let serving =
            """#!/bin/sh
echo $$ >> "$(dirname "$0")/hosts"
while read -r _ folder; do
  end() { sed "s/\"state\": *\"[a-z]*\"/\"state\": \"$1\"/" "$folder/manifest.json" > "$folder/.m" && mv "$folder/.m" "$folder/manifest.json"; }
  end running
  case $folder in *-s1-*) kill -ABRT $$;; esac
  case $folder in *-s6-*) end failed;; *) end completed;; esac
  echo next
done
"""
        inFolder (fun folder ->
            let shared (s: Launch.Settings) = { s with Runner = executable folder serving; Workers = 1; Share = true }
            launched shared "0,1,2,3" (fun outcomes plan ->
                states [ "0", "completed"; "1", "failed"; "2", "completed"; "3", "completed" ] plan
                let reason = string (outcomes |> List.find (fst >> (=) "1") |> snd).Reason
                must reason (reason.Contains "signal 6"))
            let hosts = File.ReadAllLines(Path.Combine(folder, "hosts"))
            must $"{hosts.Length} processes" (hosts.Length = 2))

        // The process of a failed run, or of a run that took longer than the limit, takes no further run.
        for within, seeds, due in [ TimeSpan.MaxValue, "0,6,2,3", 2; TimeSpan.FromMinutes 1.0, "0,2,3", 1; TimeSpan.Zero, "0,2,3", 3 ] do
            inFolder (fun folder ->
                let shared (s: Launch.Settings) = {
                    s with
                        Runner = executable folder serving
                        Workers = 1
                        Share = true
                        ShareWithin = within
                }
                launched shared seeds (fun outcomes _ -> must "a run is missing" (outcomes.Length = seeds.Split(',').Length))
                let hosts = File.ReadAllLines(Path.Combine(folder, "hosts"))
                must $"{hosts.Length} processes for {seeds} within {within}" (hosts.Length = due)))

    law "no run starts after --max-gpu-hours, summed over runs; runs without a GPU do not count" (fun () ->
        let gpuTime (time: TimeSpan) gpus (s: Launch.Settings) = { s with Workers = 1; Gpus = gpus; MaxGpuTime = Some time }
        launched (gpuTime (TimeSpan.FromTicks 1L) [ "0" ]) "0,1,2" (fun outcomes _ -> must $"{outcomes.Length} runs" (outcomes.Length = 1))
        launched (gpuTime (TimeSpan.FromHours 1.0) [ "0" ]) "0,1,2" (fun outcomes _ ->
            must $"{outcomes.Length} runs" (outcomes.Length = 3))
        launched (gpuTime (TimeSpan.FromTicks 1L) []) "0,1,2" (fun outcomes _ -> must $"{outcomes.Length} runs" (outcomes.Length = 3)))

    law "--notify calls its command at the first failure and at the end, with the counts" (fun () ->
        inFolder (fun folder ->
            let said = Path.Combine(folder, "said")
            let notify = $"echo $EBM_EVENT $EBM_SWEEP $EBM_COMPLETED $EBM_FAILED >> {said}"

            launchedIn folder (fun s -> { s with Workers = 1; Notify = Some notify }) [ "seed=0,6,7" ] (fun _ _ ->
                let lines = File.ReadAllLines said
                must $"%A{lines}" (lines = [| "first-failure laws 1 1"; "finished laws 1 2" |]))))

    law "the code of a sweep is pinned at launch: later edits have no effect, and equal code shares a pin" (fun () ->
        let asked edit =
            inFolder (fun folder ->
                let bin = (Directory.CreateDirectory(Path.Combine(folder, "bin"))).FullName
                let script = executable bin runner
                let pin = Pin.take (Path.Combine(folder, "pins")) script []
                use _ = pin.Held
                edit script pin.Runner
                must "another pin for the same code" ((Pin.take (Path.Combine(folder, "pins")) pin.Runner []).Hash = pin.Hash)
                launchedIn folder (fun s -> { s with Runner = pin.Runner }) [ "seed=0" ] (fun _ plan -> states [ "0", "completed" ] plan))

        asked (fun script _ -> File.WriteAllText(script, "#!/bin/sh\nexit 1\n")))
    |> breaks "runs of the code that is edited" (fun () ->
        inFolder (fun folder ->
            launchedIn
                folder
                (fun s ->
                    File.WriteAllText(s.Runner, "#!/bin/sh\nexit 1\n")
                    s)
                [ "seed=0" ]
                (fun _ plan -> states [ "0", "completed" ] plan)))

    law "in a pipe, a sweep prints a line for each event without control codes, and status has the same counts" (fun () ->
        inFolder (fun folder ->
            let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "seed=0,6,1" ])
            let settings = { Launch.defaults (executable folder runner) with OnError = Launch.Continue }
            use says = new StringWriter()
            let out = Console.Out
            Console.SetOut says

            try
                use _ = Hold.take plan.Folder Hold.Whole
                Status.during (Launch.launch settings (jobs plan)) |> ignore
            finally
                Console.SetOut out

            let text = says.ToString()
            must text (not (text.Contains '\027') && not (text.Contains '\r'))
            let events word = text.Split '\n' |> Array.filter _.StartsWith(word + " ") |> Array.length
            must text (events "running" = 3 && events "completed" = 2 && events "failed" = 1)
            let status = Status.lines plan.Folder
            must $"%A{status}" (status.Head = "laws: 3 runs: 2 completed, 1 failed")))

    law "a manifest has the origin of each value: file and line, option, or override" (fun () ->
        inFolder (fun folder ->
            launchedIn folder id [ "seed=0"; "train.lr=1e-2" ] (fun _ plan ->
                let manifest = nonNull (RunFolder.Open plan.Runs.Head.Folder).Manifest
                let origins = nonNull manifest.Origins
                must $"%A{List.ofSeq origins}" (origins["train.lr"] = "command line, \"train.lr=1e-2\"")
                must origins["data.kind"] (origins["data.kind"].EndsWith "data/rings.yaml, line 2")
                must "the overrides" (List.ofSeq manifest.Overrides = [ "experiment=rings"; "seed=0"; "train.lr=0.01" ])
                must "a default has a place" (not (origins.ContainsKey "train.warm-up"))
                must "no choice" ((nonNull manifest.Choices)["experiment"] = "rings"))))
]
