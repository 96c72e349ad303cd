/// Runs the laws. Laws about processes start this program again, for example as a sweep that is killed, or as a writer that dies at a given
/// step.
module Ebm.Tests.Program

open System
open System.IO
open Ebm.Records
open Ebm.Sweeps

let private launch folder seeds part =
    let plan = Sweeping.planned (Path.Combine(folder, "runs")) (Sweeping.typed [ "experiment=rings"; $"seed={seeds}" ])
    let settings = { Launch.defaults (Path.Combine(folder, "runner")) with Workers = 2; OnError = Launch.Continue }
    use _ = Hold.take plan.Folder part

    let isMine at =
        match part with
        | Hold.Whole -> true
        | Hold.Shard(i, n) -> at % n = i - 1

    let left = [
        for at, run in List.indexed plan.Runs do
            if isMine at && not (RunStates.IsSettled run.State) then run
    ]
    let _, stopped = Launch.launch settings (Sweeping.jobs { plan with Runs = left }) (Sweeping.Silent())
    defaultArg stopped 0

/// Dies by SIGKILL at the n-th step of writing.
let private write (path: string) (text: string) n =
    let mutable step = 0

    AtomicFile.Reached <-
        Action<string>(fun _ ->
            step <- step + 1

            if step = n then
                Processes.kill (Environment.ProcessId, 9) |> ignore
                Threading.Thread.Sleep 10_000)

    if Directory.Exists path then
        RunFolder.Open(path).Replace("checkpoint", fun folder -> File.WriteAllText(Path.Combine(folder, "state"), text))
    else
        AtomicFile.Write(path, text)

    0

/// A rerun with substitutes for build and runner, which behave as `mode` says.
let private rerun repository run mode =
    let conditions = {
        Ebm.Audits.Repetition.conditions repository Folder.dataRoot with
            Compose = fun _ _ _ _ -> Ebm.Audits.Composition.Untold "this law composes no config"
            Build = "sh", [ "build.sh"; mode ]
    }

    try
        let found = Ebm.Audits.Rerun.rerun conditions ignore (RunFolder.Open run)
        printfn "%s" (Ebm.Audits.Comparison.nameOf found.Verdict)
        found.Drifts |> List.iter (fun drift -> printfn "%s: %s" drift.Kind drift.Says)
        0
    with
    | Ebm.Audits.Scratch.Stopped signal -> 128 + signal
    | :? InvalidDataException as error ->
        eprintfn "%s" error.Message
        2

[<System.Runtime.InteropServices.DllImport("libc")>]
extern int private getppid()

/// Appends entries one after the other, and prints each, until its reader ends.
let private append folder name count =
    let parent = getppid ()
    let mutable n = 1

    while n <= count && getppid () = parent do
        Ebm.Audits.Ledger.append folder (fun _ -> [ "audit", $"{name} {n}", "hash" ])
        Console.Out.WriteLine n
        n <- n + 1
        // Gives other processes a turn.
        Threading.Thread.Sleep 5

    0

/// Prints the lanes of .NET's vectors of doubles and the optimal pairing of two sets of points, many of them at the same distance.
let private pair () =
    let points name = ((new Ebm.Core.Rng(3UL)).Stream(name: string).Integers(5L, 262L)).reshape(131L, 2L)
    let order = Ebm.Core.Transport.Pairing(points "from", points "to").data<int64>().ToArray()
    printfn "%d: %s" Numerics.Vector<double>.Count (String.Join(" ", order))
    0

[<EntryPoint>]
let main words =
    Ebm.Devices.Natives.LoadWhenAsked()
    match List.ofArray words with
    | [ "launch"; folder; seeds ] -> launch folder seeds Hold.Whole
    | [ "launch"; folder; seeds; i; n ] -> launch folder seeds (Hold.Shard(int i, int n))
    | [ "write"; path; text; step ] -> write path text (int step)
    | "fuzz" :: kinds -> Fuzzing.run kinds
    | [ "rerun"; repository; run; mode ] -> rerun repository run mode
    | [ "append"; folder; name; count ] -> append folder name (int count)
    | "sweep" :: folder :: words ->
        Cli.main (Path.Combine(Folder.root, "experiments")) (Declare.sweep "laws") (words @ [ "--runs"; folder ])
    // In another repository, which has its own configs.
    | "at" :: root :: words -> Cli.main (Path.Combine(root, "experiments")) (Declare.sweep "laws") words
    | [ "pair" ] -> pair ()
    | "laws" :: options -> Asking.main options
    | _ ->
        eprintfn "The laws run with: dotnet fsi build.fsx test"
        2
