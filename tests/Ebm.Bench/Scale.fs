/// What a sweep of very many runs costs besides its runs: the plan, the states, the status and the time left.
module Ebm.Bench.Scale

open System
open System.Diagnostics
open System.IO
open Ebm.Records
open Ebm.Sweeps

let private cpu () = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds

/// Prints what a part costs, and what the process holds after it.
let private part name (work: unit -> 'a) : 'a =
    let before, clock = cpu (), Stopwatch.StartNew()
    let result = work ()
    let took, wall = cpu () - before, clock.Elapsed.TotalSeconds
    let megabytes = float (GC.GetTotalMemory true) / 1e6
    printfn
        $"%-40s{name} %8.2f{took} s of CPU, %8.2f{wall} s, %6.0f{megabytes} MB held, %6.0f{float Environment.WorkingSet / 1e6} MB resident"
    result

let private words (runs: int) =
    let seeds = max 1 (runs / 1000)
    [ "experiment=rings"; "method=joint-cd"; "method.steps=range(1,11)"; "train.lr=logrange(1e-4,1e-2,100)"; $"seed=seeds({seeds})" ]

/// Plans this number of runs, gives every run a folder with a completed manifest below a folder on the disk, and reads it all again.
let onDisk configs (runs: int) =
    let folder = Directory.CreateTempSubdirectory("ebm-scale-")

    try
        Sweeps.planned configs "/nowhere" (words 1000) |> ignore
        let plan = part $"plan {runs} runs" (fun () -> Sweeps.planned configs folder.FullName (words runs))
        part "varying settings" (fun () -> Plan.varying plan |> fst |> List.length) |> ignore

        part "prepare them" (fun () ->
            for run in plan.Runs do
                Child.enroll { Run = run; Work = Child.Execute; Try = 1 })

        part "end them" (fun () ->
            for run in plan.Runs do
                use claim = new Ebm.Runs.Claim(RunFolder.Open run.Folder)
                let manifest = nonNull claim.Folder.Manifest
                claim.Folder.Write(manifest.Ended(RunState.Completed, 100L)))

        part "find them" (fun () -> (RunTree.Look plan.Folder).Count) |> ignore
        let lines = part "status" (fun () -> Status.lines plan.Folder)
        printfn $"{lines.Head}"
        part "plan again" (fun () -> Sweeps.planned configs folder.FullName (words runs)) |> ignore
    finally
        folder.Delete true

/// Faults of a cluster, by the call to the file system or by the attempt, such that every tenth attempt meets one.
let private faults = {
    Simulation.Kill = 0.0001
    Simulation.Pause = 0.0001
    Simulation.Suspend = 0.00001
    Simulation.Preempt = 0.01
    Simulation.Fail = 0.01
    Simulation.Duplicate = 0.01
    Simulation.Skew = TimeSpan.FromMinutes 5.0
    Simulation.Stale = TimeSpan.Zero
    Simulation.Full = TimeSpan.FromMinutes 1.0
}

/// Simulates a sweep of this number of runs on this number of nodes, and looks at the result.
let simulated configs (runs: int) (nodes: int) =
    let look (folder: string) =
        part "find them" (fun () -> (RunTree.Look folder).Count) |> ignore
        let lines = part "status" (fun () -> Status.lines folder)
        printfn $"{lines.Head}"
        let above = string (Path.GetDirectoryName folder)
        part "plan them again" (fun () -> Sweeps.planned configs above (words runs)) |> ignore

    let report =
        part $"simulate {runs} runs on {nodes} nodes" (fun () ->
            Simulation.simulated Simulation.claimed configs (words runs) nodes faults 1 look 1)

    printfn $"%A{report}"

/// Simulates 40 runs on 8 nodes with every fault, once for each of these seeds. False if a promise was broken.
let everySeed configs (first: int) (last: int) =
    let mutable broken = 0

    for seed in first..last do
        match (Simulation.simulate Simulation.claimed configs Simulation.fewRuns 8 Simulation.everyFault seed).Violations with
        | [] -> ()
        | violations ->
            broken <- broken + 1
            printfn $"seed {seed}: %A{violations}"

    printfn $"{last - first + 1} seeds, {broken} with a violation"
    broken = 0
