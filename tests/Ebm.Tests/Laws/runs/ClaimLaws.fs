/// Only one process at a time writes to a run's folder: claims, and the writes of a process that has lost its claim without noticing.
module Ebm.Tests.Laws.ClaimLaws

open System
open System.Collections.Generic
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private made (folder: string) =
    let config = Document.Parse("seed: 0", "claim.yaml")
    let json = Canonical.Json config
    RunFolder.Create(Path.Combine(folder, "sweep"), $"rings-{Canonical.Sha256(json)[..11]}", config, json)

let private manifest (at: RunFolder) (attempt: int) step =
    RunManifest(
        State = RunState.Running,
        RunId = at.Id,
        GroupId = "rings",
        SweepId = "sweep",
        ConfigSha256 = at.ConfigSha256,
        Attempt = attempt,
        Step = step
    )

let private event step = [ Event(step, "energy/gap", float step) ]

let private value x =
    Measurement("grid-kl", x, "nats", Direction.Lower, Arrays = [ NamedArray("landscape", [| "x" |], [| 1L |], [| float32 x |]) ])

let private fill (text: string) (path: string) = File.WriteAllText(Path.Combine(path, "state.json"), text)

/// Each way of writing to a run, by the process that will lose its claim.
let private writes: (string * (RunFolder -> unit)) list = [
    "manifest", fun at -> at.Write(manifest at 1 10L)
    "events", fun at -> at.Append(event 10L)
    "traces", fun at -> at.Append [ Trace(10L, "energy/loss", "00") ]
    "measures", fun at -> at.Append [ MeasuredAt(10L, value 10.0) ]
    "metrics", fun at -> at.Write [ value 10.0 ]
    "samples", fun at -> at.WriteSamples([| 10.0f |], 1L)
    "checkpoint", fun at -> at.Replace("checkpoint", fill "10")
    "truncation", fun at -> at.Truncate(0L, 0L)
    "removal", fun at -> at.Remove "checkpoint"
    "next attempt", fun at -> at.NextAttempt() |> ignore
]

/// All published files of a run, by path.
let private published (at: RunFolder) = [
    for file in Directory.GetFiles(at.Path, "*", SearchOption.AllDirectories) |> Array.sort do
        let name = Path.GetRelativePath(at.Path, file)
        if not (name.StartsWith ".staging-") then name, Canonical.Sha256OfFile file
]

/// A process that takes over the run: it resumes from the checkpoint, and writes everything again.
let private overtake (at: RunFolder) =
    let second = at.Taken(RunFolder.StagingsOf at.Path)
    must "the process that takes over must find a complete checkpoint" (Directory.Exists(second.In "checkpoint"))
    let attempt = second.NextAttempt()
    second.Write(manifest second attempt 5L)
    second.Truncate(5L, 5L)
    second.Append(event 6L)
    second.Append [ Trace(6L, "energy/loss", "06") ]
    second.Append [ MeasuredAt(6L, value 6.0) ]
    second.Replace("checkpoint", fill "6")
    second.Remove "arrays"
    second.Write [ value 6.0 ]
    second.WriteSamples([| 6.0f |], 1L)
    second.Write(manifest second attempt 6L)
    second

/// At step n of a write by the first process, another one takes over the run; then the first resumes. False if the write has fewer steps.
let private sleepsAt n (write: RunFolder -> unit) (taken: RunFolder -> RunFolder) =
    let mutable reached = false

    inFolder (fun folder ->
        let at = made folder
        let first = taken at
        first.Write(manifest at 1 5L)
        first.Append(event 5L)
        first.Append [ Trace(5L, "energy/loss", "05") ]
        first.Append [ MeasuredAt(5L, value 5.0) ]
        first.Replace("checkpoint", fill "5")
        first.Write [ value 5.0 ]
        let mutable step = 0
        let mutable due = []
        let mutable says = ""

        AtomicFile.Reached <-
            Action<string>(fun what ->
                step <- step + 1

                if step = n then
                    AtomicFile.Reached <- null
                    reached <- true
                    says <- what
                    let second = overtake at
                    second.Release()
                    due <- published at)

        try
            try
                write first
            with
            | :? FencedException
            // A planted process finds its temporary file deleted.
            | :? IOException -> ()
        finally
            AtomicFile.Reached <- null

        if reached then
            must $"asleep at step {n}, {says}, it wrote into the run" (published at = due)
            throws<FencedException, _> [ "stops writing to it" ] (fun () -> first.Write(manifest at 1 11L))
            must $"asleep at step {n}, {says}, it wrote later" (published at = due))

    reached

let private fenced taken =
    for name, write in writes do
        let mutable n = 1

        while sleepsAt n write taken do
            n <- n + 1

        must $"a write of {name} has only {n - 1} steps, so nothing was tested" (n > 2 || name = "removal")

/// A process found the lease free, and was suspended; meanwhile another one has taken the run. `before` are the staging folders that it knows.
let private late (before: RunFolder -> IReadOnlyList<string>) =
    inFolder (fun folder ->
        let at = made folder
        let other = at.Taken(RunFolder.StagingsOf at.Path)
        throws<FencedException, _> [ "at the same time" ] (fun () -> at.Taken(before at))
        other.Write [ value 7.0 ]
        must "the late process must leave no folder" ((RunFolder.StagingsOf at.Path).Count = 1))

let all = [
    law "a claim is a lock on one machine and a lease between machines: that of another machine expires after two minutes" (fun () ->
        inFolder (fun folder ->
            let run = made folder
            let claim = run.In ".claim"
            let held () = Claim.IsHeld run.Path
            must "it must not be held" (not (held ()))

            (use _ = new Claim(run)
             must "it must be held" (held ())
             throws<TakenException, _> [ "another process is executing this run" ] (fun () -> new Claim(run)))

            must "it must not be held after its end" (not (held ()))
            must "it must leave no folder" (Directory.GetDirectories(run.Path).Length = 0)
            File.WriteAllText(claim, "elsewhere\n12\n")
            must "another machine's lease" (held ())
            throws<TakenException, _> [ "another process is executing this run" ] (fun () -> new Claim(run))
            File.SetLastWriteTimeUtc(claim, DateTime.UtcNow - Lease.Lasts - TimeSpan.FromSeconds 1.0)
            must "an expired lease must not hold" (not (held ()))))

    law "a process that has lost its claim without noticing writes nothing to the run, at any step of any write" (fun () ->
        fenced (fun at -> at.Taken(RunFolder.StagingsOf at.Path)))
    |> breaks "one that writes without a claim" (fun () -> fenced id)

    law "a process that comes late to a free lease leaves the run to the one that has taken it since" (fun () ->
        late (fun _ -> ResizeArray<string>()))
    |> breaks "one that looks again after it was suspended" (fun () -> late (fun at -> RunFolder.StagingsOf at.Path))

    law "a process killed between the two renames of a checkpoint leaves it to the next process" (fun () ->
        inFolder (fun folder ->
            let at = made folder
            let first = at.Taken(RunFolder.StagingsOf at.Path)
            first.Replace("checkpoint", fill "5")

            AtomicFile.Reached <- Action<string>(fun what -> if what = "moved away" then invalidOp "killed")

            try
                throws<InvalidOperationException, _> [ "killed" ] (fun () -> first.Replace("checkpoint", fill "10"))
            finally
                AtomicFile.Reached <- null

            must "it must be killed between them" (not (Directory.Exists(at.In "checkpoint")))
            let second = at.Taken(RunFolder.StagingsOf at.Path)
            must
                "the checkpoint must remain"
                (second.Settle "checkpoint" && File.ReadAllText(second.In("checkpoint", "state.json")) = "5")))
]
