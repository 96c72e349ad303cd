/// One process at a time writes into a run's folder: who may claim it, and what becomes of the writes of one that has lost it unawares.
module Ebm.Tests.Laws.ClaimLaws

open System
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

/// Each way of writing into a run, by the one that is going to lose it.
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
]

/// Everything of a run that is published, by its path.
let private published (at: RunFolder) = [
    for file in Directory.GetFiles(at.Path, "*", SearchOption.AllDirectories) |> Array.sort do
        let name = Path.GetRelativePath(at.Path, file)
        if not (name.StartsWith ".staging-") then name, Canonical.Sha256OfFile file
]

/// What one that takes the run over does: it goes on from the checkpoint, and writes everything anew.
let private overtake (at: RunFolder) =
    let second = at.Taken()
    must "no whole checkpoint is there for the one that takes over" (Directory.Exists(second.In "checkpoint"))
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

/// At the n-th step of a write by the first, another one takes the run over and does it; then the first goes on. False when it has fewer steps.
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
            // A planted one finds its temporary file gone.
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

        must $"a write of {name} comes to {n - 1} steps, so nothing was tried" (n > 2 || name = "removal")

let all = [
    law "a claim is a lock here and a lease elsewhere: another machine's counts while it is fresh, and is over two minutes later" (fun () ->
        inFolder (fun folder ->
            let run = made folder
            let claim = run.In ".claim"
            let held () = Claim.IsHeld run.Path
            must "held by nobody" (not (held ()))

            (use _ = new Claim(run)
             must "not held" (held ())
             throws<TakenException, _> [ "another process is executing this run" ] (fun () -> new Claim(run)))

            must "held after its end" (not (held ()))
            must "it leaves something behind" (Directory.GetDirectories(run.Path).Length = 0)
            File.WriteAllText(claim, "elsewhere\n12\n")
            must "another machine's lease" (held ())
            throws<TakenException, _> [ "another process is executing this run" ] (fun () -> new Claim(run))
            File.SetLastWriteTimeUtc(claim, DateTime.UtcNow - Lease.Lasts - TimeSpan.FromSeconds 1.0)
            must "a lease that is over" (not (held ()))))

    law "whoever has lost a run unawares publishes nothing into it, at whichever step of whichever write it wakes up" (fun () ->
        fenced _.Taken())
    |> breaks "one that writes without having taken it" (fun () -> fenced id)

    law "a process killed between the two renames of a checkpoint leaves it to the next one" (fun () ->
        inFolder (fun folder ->
            let at = made folder
            let first = at.Taken()
            first.Replace("checkpoint", fill "5")

            AtomicFile.Reached <- Action<string>(fun what -> if what = "moved away" then invalidOp "killed")

            try
                throws<InvalidOperationException, _> [ "killed" ] (fun () -> first.Replace("checkpoint", fill "10"))
            finally
                AtomicFile.Reached <- null

            must "it was not between them" (not (Directory.Exists(at.In "checkpoint")))
            let second = at.Taken()
            must "the checkpoint is gone" (second.Settle "checkpoint" && File.ReadAllText(second.In("checkpoint", "state.json")) = "5")))
]
