/// The processes that execute a sweep's folder: one sweep, or several shards, on this machine or on others that see the folder.
///
/// Each process holds a lease on its own file, sweep.lock or shard-2-of-4.lock. It takes its own lease first and then checks the others, so
/// of two exclusive processes that start at the same time, at most one continues. Next to the lease is its process id, sweep.pid, for
/// signals on this machine. A file sweep.stop, written on any machine, asks it to stop.
module Ebm.Sweeps.Hold

open System
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Ebm.Records
open Ebm.Runs

type Part =
    | Whole
    /// The i-th of n, counted from 1.
    | Shard of int * int

/// The name of the part's files.
let nameOf part =
    match part with
    | Whole -> "sweep"
    | Shard(i, n) -> $"shard-{i}-of-{n}"

let spoken part =
    match part with
    | Whole -> "a sweep"
    | Shard(i, n) -> $"shard {i}/{n}"

let private fileOf (folder: string) part extension = Path.Combine(folder, nameOf part + extension)

let private partOf (file: string) =
    match Path.GetFileNameWithoutExtension file with
    | "sweep" -> Some Whole
    | name ->
        let found = Regex.Match(string name, @"\Ashard-([0-9]{1,6})-of-([0-9]{1,6})\z")
        if found.Success then Some(Shard(int found.Groups[1].Value, int found.Groups[2].Value)) else None

/// The parts of a sweep that have a file of this kind, in order.
let filed (folder: string) extension : Part list =
    if Disk.HasFolder folder then Disk.Files(folder, "*" + extension) |> Array.choose partOf |> Array.sort |> List.ofArray else []

/// The parts of a folder that are running. Writes nothing.
let atWork (folder: string) : Part list = filed folder ".lock" |> List.filter (fun part -> Lease.IsHeld(fileOf folder part ".lock"))

let isAlive folder = not (atWork folder).IsEmpty

/// " (process 12 on node3)"; empty if the process is unknown.
let who (folder: string) part =
    let id = fileOf folder part ".pid"

    match Lease.Elsewhere(fileOf folder part ".lock") with
    | null when File.Exists id -> $" (process {RegularFile.Text(id, 1000).Trim()})"
    | null -> ""
    | elsewhere -> $" ({elsewhere})"

let private excludes one other =
    match one, other with
    | Shard(i, n), Shard(j, m) -> i = j || n <> m
    | _ -> true

let private wished = Event<unit>()

/// Asks the part that this process holds to stop. It sends no signal, because a sweep that was started in the background may ignore SIGINT.
let wishes = wished.Publish

/// The interval of checks for a stop file.
let private glance = TimeSpan.FromSeconds 0.5

/// Holds a part until it is disposed or the process ends in any way. Throws ConfigException if another process has it or a part that
/// overlaps with it.
let take (folder: string) (part: Part) : IDisposable =
    Directory.CreateDirectory folder |> ignore

    let refuse other =
        let overlap =
            match part, other with
            | Shard(_, n), Shard(_, m) when n <> m -> $", and shards of {m} overlap with those of {n}"
            | _ -> ""

        Sentence.fail
            (Source.Of folder)
            ""
            $"{spoken other} is already running in this folder{who folder other}{overlap}; wait for it, stop it, or choose another name with --name."

    // A process that checks whether the lease is held takes it for a moment, so several tries are needed.
    let rec lease tries =
        match Lease.Take(fileOf folder part ".lock") with
        | null when tries = 0 -> refuse part
        | null ->
            Thread.Sleep 20
            lease (tries - 1)
        | lease -> lease

    let lease = lease 10

    match atWork folder |> List.filter (fun other -> other <> part && excludes part other) with
    | other :: _ ->
        lease.Dispose()
        refuse other
    | [] ->
        let wish, id = fileOf folder part ".stop", fileOf folder part ".pid"
        File.Delete wish
        File.WriteAllText(id, $"{Environment.ProcessId}\n")

        let look (_: obj | null) =
            try
                if File.Exists wish then
                    File.Delete wish
                    wished.Trigger()
            with
            | :? IOException
            | :? UnauthorizedAccessException ->
                // The folder is unreachable; the next check may succeed.
                ()

        let watch = new Timer(look, null, glance, glance)

        {
            new IDisposable with
                member _.Dispose() =
                    watch.Dispose()
                    try
                        File.Delete id
                    with
                    | :? IOException
                    | :? UnauthorizedAccessException ->
                        // The folder was deleted, or cannot be written any more.
                        ()
                    lease.Dispose()
        }

/// Asks running parts, here or on other machines, to stop, like an interrupt from their keyboard.
let stop (folder: string) (parts: Part list) =
    for part in parts do
        File.WriteAllText(fileOf folder part ".stop", "")
