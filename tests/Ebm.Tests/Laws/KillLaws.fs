/// Sweeps that are killed at twenty moments of their lives, and the same command again: what comes out is what an uninterrupted sweep
/// writes, byte for byte, and a run that had finished is not touched any more.
module Ebm.Tests.Laws.KillLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading
open System.Threading.Tasks
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// Every artefact and the checkpoint of every run of a sweep, by content. How many seconds were spent is no result.
let private results (sweep: string) =
    Map.ofList [
        for run in RunFolder.Under sweep do
            for artefact in run.Artefacts() do
                run.Id + "/" + artefact.Path, artefact.Sha256

            if Directory.Exists(run.In "checkpoint") then
                for file in Directory.GetFiles(run.In "checkpoint") do
                    let name = string (Path.GetFileName file)

                    run.Id + "/checkpoint/" + name,
                    if name = "state.json" then
                        Canonical.Sha256(Regex.Replace(File.ReadAllText file, "\"seconds\": [^,]*,", ""))
                    else
                        Canonical.Sha256OfFile file
    ]

/// The manifests of the runs that are done.
let private finished (sweep: string) =
    Map.ofList [
        for run in RunFolder.Under sweep do
            let manifest = run.Manifest
            if run.State = RunState.Completed then run.Id, string manifest
    ]

/// Starts a sweep, harms it at each moment and starts it again when it is gone; at last lets it go on to its end. Returns how often the
/// harm was done.
let private harmed (start: unit -> Process) (sweep: string) (moments: (Process -> bool) list) =
    let mutable at = start ()
    let mutable hits = 0
    let mutable done' = Map.empty

    for harm in moments do
        if at.HasExited then at <- start ()
        if harm at then hits <- hits + 1
        for KeyValue(run, manifest) in finished sweep do
            if not (Map.containsKey run done') then done' <- done'.Add(run, manifest)

    if not at.HasExited then at.WaitForExit()
    let code, says = Processes.finished (start ())
    must $"it ended with {code}: {says}" (code = 0)
    let last = finished sweep

    for KeyValue(run, manifest) in done' do
        must $"{run} had finished, and was run again" (last[run] = manifest)

    hits

/// Some at once, each on a thread of its own.
let private atOnce (works: (unit -> 'a) list) : 'a list =
    let tasks = [
        for work in works ->
            Task.Factory.StartNew(
                (fun () ->
                    try
                        Ok(work ())
                    with error ->
                        Error error),
                TaskCreationOptions.LongRunning
            )
    ]

    [
        for task in tasks ->
            match task.Result with
            | Ok result -> result
            | Error error -> raise error
    ]

// ── With a script in the place of the runner ────────────────────────────────────────────────

let private sweepIn folder = Path.Combine(folder, "runs", "laws")
let private start folder () = Processes.again [ "launch"; folder; "0,1,2,3" ]

let private ticks folder =
    let path = Path.Combine(folder, "runs", "ticks")
    if File.Exists path then (File.ReadAllLines path).Length else 0

/// What an uninterrupted sweep leaves, and how much happens in it.
let private whole =
    lazy
        (let mutable found = Map.empty, 0

         inFolder (fun folder ->
             Sweeping.executable folder Sweeping.slow |> ignore
             let code, says = Processes.finished (start folder ())
             must $"it ended with {code}: {says}" (code = 0)
             found <- results (sweepIn folder), ticks folder)

         found)

/// As far into a sweep's life as `share` of all that happens in it, and some milliseconds more.
let private reached folder (share: float) (milliseconds: int) (sweep: Process) =
    let due = int (share * float (snd whole.Value))

    while ticks folder < due && not sweep.HasExited do
        Thread.Sleep 5

    Thread.Sleep milliseconds

type private Victim =
    | Group
    | Own
    | Runs

let private kill (random: Random) folder victim (sweep: Process) =
    match victim with
    | Group
    | Own ->
        Processes.kill ((if victim = Group then -sweep.Id else sweep.Id), 9) |> ignore
        sweep.WaitForExit()
        sweep.ExitCode = 137
    | Runs ->
        let running = [
            for run in RunFolder.Under(sweepIn folder) do
                if run.State = RunState.Running then int (Array.last (File.ReadAllLines(run.In ".begun")))
        ]

        running.Length > 0 && Processes.kill (running[random.Next running.Length], 9) = 0

/// One sweep, harmed at some moments that are spread over its life.
let private lane victim runner count seed () =
    let mutable hits = 0

    inFolder (fun folder ->
        Sweeping.executable folder runner |> ignore
        let random = Random(seed: int)
        let shares = [ for _ in 1..count -> 0.95 * random.NextDouble() ] |> List.sort

        hits <-
            harmed (start folder) (sweepIn folder) [
                for share in shares ->
                    fun sweep ->
                        // The very first moments lie before the first run.
                        reached folder share (random.Next(if share < 0.05 then 600 else 60)) sweep
                        kill random folder victim sweep
            ]

        must "other results than an uninterrupted sweep's" (results (sweepIn folder) = fst whole.Value))

    hits

let private killed victim =
    whole.Force() |> ignore
    let hits = atOnce [ for seed in 1..4 -> lane victim Sweeping.slow 5 seed ] |> List.sum
    must $"only {hits} of 20 kills met a process" (hits >= 10)

/// Does not cut what was recorded after the step that it goes on from.
let private careless = Sweeping.slow.Replace("if [ -f \"$folder/events\" ]", "if false")

/// Goes on when its sweep is gone, and does not claim its folder.
let private orphan =
    Sweeping.slow.Replace("[ -d \"/proc/$parent\" ]", "true").Replace("flock -n 9", "true").Replace("sleep 0.05", "sleep 0.5")

let all = [
    law "a sweep whose process group is killed at 20 moments of its life ends in the bytes of one that was not, and finished runs stay as they are" (fun () ->
        killed Group)
    |> breaks "runs that go on without cutting what came after their last step" (fun () -> lane Group careless 3 1 () |> ignore)

    law "a sweep whose own process is killed at 20 moments of its life ends in the bytes of one that was not, and finished runs stay as they are" (fun () ->
        killed Own)
    |> breaks "runs that go on without their sweep, unclaimed" (fun () -> lane Own orphan 2 1 () |> ignore)

    law "a sweep whose runs are killed at 20 moments of its life ends in the bytes of one that was not, and finished runs stay as they are" (fun () ->
        killed Runs)
    |> breaks "a finished run that is taken for a failed one" (fun () ->
        inFolder (fun folder ->
            Sweeping.executable folder Sweeping.slow |> ignore

            harmed (start folder) (sweepIn folder) [
                fun sweep ->
                    sweep.WaitForExit()
                    true
                fun sweep ->
                    let run = RunFolder.Under(sweepIn folder) |> Seq.head
                    run.Write((nonNull run.Manifest).Ended(RunState.Failed, 1L, "planted"))
                    sweep.WaitForExit()
                    true
            ]
            |> ignore))
]
