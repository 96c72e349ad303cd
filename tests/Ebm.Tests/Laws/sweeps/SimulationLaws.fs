/// A sweep on many simulated machines that share a folder: nothing is lost, nothing is done twice, and the status is right at any time.
module Ebm.Tests.Laws.SimulationLaws

open System
open System.IO
open Ebm.Records
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Bench.Simulation

let private holds claims faults seeds =
    for seed in seeds do
        let report = simulate claims (under "experiments/configs") fewRuns 8 faults seed

        match report.Violations with
        | [] -> ()
        | first :: _ -> broken $"seed {seed}: {first}\n{report}"

/// A process that writes to a run's folder without taking it.
let private unclaimed (path: string) : IDisposable * RunFolder =
    {
        new IDisposable with
            member _.Dispose() = ()
    },
    RunFolder.Open path

/// A process that measures the age of a lease by the clock of its own machine.
let private byOwnClock (path: string) : IDisposable * RunFolder =
    let lease = Path.Combine(path, ".claim")
    if Disk.HasFile lease && Disk.Now path - Disk.Written lease > Lease.Lasts then Disk.DeleteFile lease
    claimed path

let private killed = { noFaults with Kill = 0.001 }

let private suspended = { noFaults with Pause = 0.01; Suspend = 0.002 }

let all = [
    law "on simulated machines that die at any moment, each run completes once, with the records of an undisturbed run" (fun () ->
        holds claimed killed [ 1..4 ])

    law "a process that was suspended for longer than its lease writes nothing late" (fun () -> holds claimed suspended [ 1..4 ])
    |> breaks "one that writes without a claim" (fun () -> holds unclaimed suspended [ 1..4 ])

    law "machines whose clocks differ by minutes, and that see old times of files, do not take each other's runs" (fun () ->
        holds claimed { everyFault with Kill = 0.0; Suspend = 0.0; Full = TimeSpan.Zero } [ 1..4 ])
    |> breaks "a lease whose age is measured by the clock of the machine that wants it" (fun () ->
        holds byOwnClock { everyFault with Kill = 0.0; Suspend = 0.0; Full = TimeSpan.Zero } [ 1..4 ])

    law
        "with deaths, pauses, preemption, failures, duplicate starts, wrong clocks, old answers of the file system and a full disk at once, nothing is lost or done twice"
        (fun () -> holds claimed everyFault (280 :: [ 1..12 ]))
    |> breaks "processes that write without a claim" (fun () -> holds unclaimed everyFault [ 1..12 ])
]
