/// The cost of a sweep besides its runs: planning ten thousand runs, and the pause between one run's end and the next one's start.
module Ebm.Bench.Sweeps

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Runtime.InteropServices
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose

let planned folder runs words =
    let setup: Plan.Setup = {
        Composer = Composer(Configs folder, "sweep")
        Catalog = Catalog.Load []
        Runs = runs
        Name = Some "bench"
        Stale = fun _ -> None
        Heard = fun _ _ state -> state
        Asked = Search.asked
    }

    Plan.plan setup { Declare.sweep "bench" with Parts = [ words |> List.map Overrides.parse ] }

/// Seconds to compose, type and count this number of runs of three axes, and to find the settings that vary.
let planning configs =
    let words = [ "experiment=rings"; "method.steps=range(1,11)"; "train.lr=logrange(1e-4,1e-2,10)"; "seed=seeds(100)" ]
    let clock = Stopwatch.StartNew()
    let plan = planned configs "/nowhere" words
    Plan.varying plan |> ignore
    plan.Runs.Length, clock.Elapsed.TotalSeconds

type private Silent() =
    interface Launch.IDisplay with
        member _.Say _ = ()
        member _.Began _ = ()
        member _.Ended(_, _) = ()
        member _.Tick _ = ()

/// A runner that records its start and end, and does nothing else.
let private runner =
    "#!/bin/sh\ndate +%s.%N > \"$2/times\"\nsed 's/\"state\": *\"[a-z]*\"/\"state\": \"completed\"/' \"$2/manifest.json\" > \"$2/.m\"; mv \"$2/.m\" \"$2/manifest.json\"\ndate +%s.%N >> \"$2/times\"\n"

/// Seconds between each end and the next start, one run after the other.
let pauses configs (count: int) =
    let folder = Directory.CreateTempSubdirectory "ebm-bench-"

    try
        let script = Path.Combine(folder.FullName, "runner")
        File.WriteAllText(script, runner)
        File.SetUnixFileMode(script, UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
        let plan = planned configs (Path.Combine(folder.FullName, "runs")) [ "experiment=rings"; $"seed=seeds({count})" ]
        use _ = Hold.take plan.Folder Hold.Whole
        let jobs: Child.Job list = [ for run in plan.Runs -> { Run = run; Work = Child.Execute; Try = 1 } ]
        Launch.launch (Launch.defaults script) jobs (Silent()) |> ignore

        let times = [
            for run in plan.Runs ->
                File.ReadAllLines(Path.Combine(run.Folder, "times"))
                |> Array.map (fun text -> Double.Parse(text, CultureInfo.InvariantCulture))
        ]

        List.pairwise times |> List.map (fun (one, next) -> next[0] - one[1])
    finally
        folder.Delete true

/// Seconds from one start to the next of real runs of a single step that measure nothing, one after the other; `share` in one process.
let starts configs (count: int) share =
    let folder = Directory.CreateTempSubdirectory "ebm-bench-"

    try
        let words = [ "experiment=rings"; "method=joint-cd"; "train.steps=1"; "~measure.metrics"; $"seed=seeds({count})" ]
        let plan = planned configs (Path.Combine(folder.FullName, "runs")) words
        let runner = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Ebm.Runner", "release", "ebm-runner"))
        use _ = Hold.take plan.Folder Hold.Whole
        let jobs: Child.Job list = [ for run in plan.Runs -> { Run = run; Work = Child.Execute; Try = 1 } ]
        let outcomes, _ = Launch.launch { Launch.defaults runner with Share = share } jobs (Silent())
        if outcomes |> List.exists (fun outcome -> outcome.State <> RunState.Completed) then failwithf "%A" outcomes
        // The first run is left out, because the machine's caches are cold.
        outcomes |> List.tail |> List.map _.Took.TotalSeconds
    finally
        folder.Delete true

/// Loads libtorch and runs one operator: what any process that computes with it has to do.
let load () =
    Ebm.Devices.Natives.Load()
    use one = TorchSharp.torch.ones 1L
    use _ = one.add one
    ()

[<DllImport("libc")>]
extern int private getrusage(int who, int64[] usage)

/// Seconds of CPU of all children that have ended.
let private ofChildren () =
    let usage = Array.zeroCreate<int64> 18
    let children = -1
    getrusage (children, usage) |> ignore
    float (usage[0] + usage[2]) + 1e-6 * float (usage[1] + usage[3])

/// A runner that notes when it starts, and becomes the real one.
let private noting runner = $"#!/bin/sh\ndate +%%s.%%N > \"$2/began\"\nexec '{runner}' \"$@\"\n"

/// Medians of a run of one step: seconds from the start of its process to its first record, then of a process that only loads libtorch; and seconds of
/// CPU of the same two, to their ends.
let firstStep configs (count: int) =
    let folder = Directory.CreateTempSubdirectory "ebm-bench-"

    try
        let at (path: string) = Path.Combine(folder.FullName, path)
        let bin = Path.Combine(AppContext.BaseDirectory, "..", "..")
        let runner = Path.GetFullPath(Path.Combine(bin, "Ebm.Runner", "release", "ebm-runner"))
        File.WriteAllText(at "runner", noting runner)
        File.SetUnixFileMode(at "runner", UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
        let words = [
            "experiment=rings"
            "method=joint-cd"
            "train.steps=1"
            "train.record-every=1"
            "~measure.metrics"
            $"seed=seeds({count})"
        ]
        let plan = planned configs (at "runs") words
        use _ = Hold.take plan.Folder Hold.Whole

        let times = [
            for run in plan.Runs ->
                let before = ofChildren ()
                Launch.launch (Launch.defaults (at "runner")) [ { Run = run; Work = Child.Execute; Try = 1 } ] (Silent()) |> ignore
                let cpu = ofChildren () - before
                let began = Double.Parse(File.ReadAllText(Path.Combine(run.Folder, "began")), CultureInfo.InvariantCulture)
                let first = File.GetLastWriteTimeUtc(Path.Combine(run.Folder, "events.jsonl")) - DateTime.UnixEpoch
                let before, clock = ofChildren (), Stopwatch.StartNew()
                use loading =
                    Process.Start(nonNull Environment.ProcessPath, [ Path.Combine(AppContext.BaseDirectory, "Ebm.Bench.dll"); "load" ])
                loading.WaitForExit()
                first.TotalSeconds - began, clock.Elapsed.TotalSeconds, cpu, ofChildren () - before
        ]

        // The first run is left out, because the machine's caches are cold.
        let middle part = Paired.median (times |> List.tail |> List.map part |> Array.ofList)
        middle (fun (a, _, _, _) -> a), middle (fun (_, b, _, _) -> b), middle (fun (_, _, c, _) -> c), middle (fun (_, _, _, d) -> d)
    finally
        folder.Delete true
