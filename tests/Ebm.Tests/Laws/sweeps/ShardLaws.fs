/// Several machines with one folder: which parts of a sweep may run at the same time, and the result if two machines start a run.
module Ebm.Tests.Laws.ShardLaws

open System
open System.Diagnostics
open System.IO
open System.Threading
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Hold
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// Which parts may run at the same time.
let private excludes (take: string -> Part -> IDisposable) =
    for one, other, together in
        [
            Whole, Whole, false
            Whole, Shard(1, 2), false
            Shard(1, 2), Whole, false
            Shard(1, 2), Shard(1, 2), false
            Shard(1, 2), Shard(2, 2), true
            Shard(1, 2), Shard(2, 3), false
            Shard(3, 4), Shard(1, 4), true
        ] do
        inFolder (fun folder ->
            use _ = take folder one

            let goes =
                try
                    (take folder other).Dispose()
                    true
                with :? ConfigException ->
                    false

            must $"{spoken other} beside {spoken one}: {goes}" (goes = together))

let private elsewhere folder (name: string) =
    let path = Path.Combine(folder, name)
    File.WriteAllText(path, "node3\n12\n")
    path

let private sweepIn folder = Path.Combine(folder, "runs", "laws")

let rec private await what (tries: int) (holds: unit -> bool) =
    if not (holds ()) then
        if tries = 0 then broken $"{what}: it did not happen in time"
        Thread.Sleep 20
        await what (tries - 1) holds

let private shard folder (i: int) = Processes.again [ "launch"; folder; "0,1,2,3"; string i; "2" ]

/// A flow whose training is long enough to be stopped in the middle.
let private config =
    """
data: { kind: gaussians, train: 300, test: 50 }
method: { kind: flow, net: { kind: real-nvp, couplings: 2, width: 8, depth: 1 } }
train: { steps: 400, batch: 16, lr: 1e-3, checkpoint-every: 10, record-every: 2 }
measure: { samples: 20, metrics: { mode-weights: { kind: mode-weights } } }
logging: { progress: 0 }
"""

/// A worker is suspended until its lease ends, another worker executes the run, then the first one continues.
let private late (also: RunFolder -> unit) =
    inFolder (fun folder ->
        let experiment = Experiment.Of(Document.Parse(config, "late.yaml"))
        let at = RunFolder.Create(Path.Combine(folder, "sweep"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
        let start = ProcessStartInfo(Sweeping.realRunner, [ "exec"; at.Path ], RedirectStandardOutput = true)
        use first = nonNull (Process.Start start)

        while not ((string (first.StandardOutput.ReadLine())).StartsWith "progress 20 ") do
            must "it ended" (not first.HasExited)

        let stop, go = 19, 18
        Processes.kill (first.Id, stop) |> ignore
        // As seen from another machine, where locks do not work: a lease that its machine has not touched for a long time.
        File.Delete(at.In ".claim")
        File.SetLastWriteTimeUtc(elsewhere at.Path ".claim", DateTime.UtcNow - Lease.Lasts - TimeSpan.FromSeconds 1.0)
        must "the second worker failed" (Processes.ends Sweeping.realRunner [ "exec"; at.Path ] = 0)

        let written () = [
            for file in Directory.GetFiles(at.Path, "*", SearchOption.AllDirectories) |> Array.sort do
                if not (file.Contains "/attempts/") then file, Canonical.Sha256OfFile file
        ]

        let due = written ()
        must "it is not done" (at.State = RunState.Completed && (nonNull at.Manifest).Attempt = 2)
        Processes.kill (first.Id, go) |> ignore
        let says = first.StandardOutput.ReadToEnd()
        first.WaitForExit()
        also at
        must says (says.Contains "ended lost" && says.Contains "stops writing to it")
        must "the late worker wrote into the run" (written () = due))

let all = [
    law
        "shards with the same n may run in a folder at once; the same shard twice, a sweep and a shard, or shards with different n may not"
        (fun () -> excludes Hold.take)
    |> breaks "shards with different n that overlap" (fun () ->
        excludes (fun folder part ->
            Hold.take
                folder
                (match part with
                 | Shard(i, _) -> Shard(i, 9)
                 | Whole -> Whole)))
    |> breaks "a lock that shards ignore" (fun () ->
        excludes (fun folder part -> if part = Whole then Hold.take (folder + "/whole") part else Hold.take folder part))

    law "the error for a folder in use names its process; when that process has ended, in any way, the folder is free" (fun () ->
        inFolder (fun folder ->
            must "an empty folder is held" (not (isAlive folder))

            (use _ = Hold.take folder (Shard(1, 2))
             must "it is not held" (atWork folder = [ Shard(1, 2) ])
             throws<ConfigException, _> [ folder; "shard 1/2"; "already"; string Environment.ProcessId ] (fun () ->
                 Hold.take folder Whole)
             throws<ConfigException, _> [ "shards of 2 overlap with those of 3" ] (fun () -> Hold.take folder (Shard(2, 3))))

            must "it is held after its end" (not (isAlive folder))))

    law "a part on another machine counts, by its name, until its lease ends after two minutes" (fun () ->
        inFolder (fun folder ->
            let lease = elsewhere folder "shard-1-of-2.lock"
            must "it does not count" (atWork folder = [ Shard(1, 2) ])
            throws<ConfigException, _> [ "process 12 on node3" ] (fun () -> Hold.take folder (Shard(1, 2)))
            throws<ConfigException, _> [ "process 12 on node3" ] (fun () -> Hold.take folder Whole)
            must "the other shard may not" (use _ = Hold.take folder (Shard(2, 2)) in true)
            let status = Status.lines folder
            must $"%A{status}" (status.Head.EndsWith ", shard 1/2 is running (process 12 on node3)")
            File.SetLastWriteTimeUtc(lease, DateTime.UtcNow - Lease.Lasts - TimeSpan.FromSeconds 1.0)
            must "it still counts" (not (isAlive folder))
            use _ = Hold.take folder Whole
            must "" (atWork folder = [ Whole ])))

    law "two shards in one folder execute every run once, each its own; status shows both, and one stop ends both" (fun () ->
        inFolder (fun folder ->
            Sweeping.executable folder Sweeping.waiting |> ignore
            let first, second = shard folder 1, shard folder 2
            let states () = [ for run in RunFolder.Under(sweepIn folder) -> run.State ]
            await "all runs" 3000 (fun () -> (states () |> List.filter ((=) RunState.Running)).Length = 4)
            let status = Status.lines (sweepIn folder)
            must
                $"%A{status}"
                (status.Head.Contains "shard 1/2 is running (process" && status.Head.Contains "shard 2/2 is running (process")
            let again, says = Processes.finished (shard folder 2)
            must $"the same shard twice: {again}, {says}" (again <> 0 && says.Contains "shard 2/2 is already running in this folder")
            Hold.stop (sweepIn folder) (atWork (sweepIn folder))

            for ended in [ first; second ] do
                let code, says = Processes.finished ended
                must $"it ended with {code}: {says}" (code = 130)

            must $"%A{states ()}" (states () |> List.forall ((=) RunState.Interrupted))
            File.WriteAllText(Path.Combine(folder, "runs", "go"), "")

            for ended in [ shard folder 1; shard folder 2 ] do
                let code, says = Processes.finished ended
                must $"it ended with {code}: {says}" (code = 0)

            for run in RunFolder.Under(sweepIn folder) do
                must $"{run.Id} is {run.State}" (run.State = RunState.Completed)
                let seed = (nonNull run.Manifest).Seed
                must run.Id (File.ReadAllLines(run.In "events") = [| for step in 1..4 -> $"{seed} at {step}" |])))

    law "a sweep waits for a run that another process has started; the run does not fail and is not started again" (fun () ->
        inFolder (fun folder ->
            let plan = Sweeping.planned (Path.Combine(folder, "runs")) (Sweeping.typed [ "experiment=rings"; "seed=0,1" ])
            let settings = { Launch.defaults (Sweeping.executable folder Sweeping.slow) with Workers = 2; OnError = Launch.Continue }
            // Two launches of the same runs, as if neither could see the other's lock on the folder.
            let other = Tasks.Task.Run(fun () -> Launch.launch settings (Sweeping.jobs plan) (Sweeping.Silent()))
            let outcomes, _ = Launch.launch settings (Sweeping.jobs plan) (Sweeping.Silent())
            let others, _ = other.Result

            for outcome in outcomes @ others do
                must $"{outcome.State}: {outcome.Reason}" (outcome.State = RunState.Completed)

            for run in plan.Runs do
                must $"{run.Id} was begun twice" ((File.ReadAllLines(Path.Combine(run.Folder, ".begun"))).Length = 1)))

    law "a worker that continues after another machine has executed its run writes nothing into it" (fun () -> late ignore)
    |> breaks "one that appends what it recorded" (fun () -> late (fun at -> at.Append [ Event(21L, "a/loss", 0.0) ]))
]
