/// Who is at work in a sweep's folder: one sweep, or several shards of it, on this machine or on others that see the folder.
///
/// Each holds a lease on a file of its own, sweep.lock or shard-2-of-4.lock. It takes its own first and looks at the others then: of two
/// that exclude each other and come at once, one goes on or none, never both. Beside it lies its process id, sweep.pid, for whoever
/// wants to signal it here; whoever wants it to stop, from any machine, leaves sweep.stop.
module Ebm.Sweeps.Hold

open System
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Ebm.Records
open Ebm.Runs

type Part =
    | Whole
    /// The i-th of n, counted from 1.
    | Shard of int * int

/// What its files are called.
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
        let found = Regex.Match(string name, @"^shard-(\d+)-of-(\d+)$")
        if found.Success then Some(Shard(int found.Groups[1].Value, int found.Groups[2].Value)) else None

/// The parts of a sweep that have a file of this kind, in order.
let filed (folder: string) extension : Part list =
    if Directory.Exists folder then
        Directory.GetFiles(folder, "*" + extension) |> Array.choose partOf |> Array.sort |> List.ofArray
    else
        []

/// The parts that are at work in a folder. Writes nothing.
let atWork (folder: string) : Part list = filed folder ".lock" |> List.filter (fun part -> Lease.IsHeld(fileOf folder part ".lock"))

let isAlive folder = not (atWork folder).IsEmpty

/// " (process 12 on node3)"; empty where it is not known.
let who (folder: string) part =
    let id = fileOf folder part ".pid"

    match Lease.Elsewhere(fileOf folder part ".lock") with
    | null when File.Exists id -> $" (process {(File.ReadAllText id).Trim()})"
    | null -> ""
    | elsewhere -> $" ({elsewhere})"

let private excludes one other =
    match one, other with
    | Shard(i, n), Shard(j, m) -> i = j || n <> m
    | _ -> true

let private wished = Event<unit>()

/// Somebody wants the part that this process holds to stop. No signal: whoever starts a sweep in the background may have it ignore SIGINT.
let wishes = wished.Publish

/// How soon a wish to stop is noticed.
let private glance = TimeSpan.FromSeconds 0.5

/// Holds a part until it is disposed, or the process is gone, however it went. Throws ConfigException when another process has it, or has
/// a part that overlaps with it.
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
            $"{spoken other} is at work in this folder already{who folder other}{overlap}; wait for it, stop it, or choose another name with --name."

    // Whoever only looks whether it is held, holds it for a moment.
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
            with :? IOException ->
                // The folder is out of reach; the next glance may see it.
                ()

        let watch = new Timer(look, null, glance, glance)

        {
            new IDisposable with
                member _.Dispose() =
                    watch.Dispose()
                    File.Delete id
                    lease.Dispose()
        }

/// Asks parts that are at work, here or on other machines, to stop, as an interrupt from their keyboard would.
let stop (folder: string) (parts: Part list) =
    for part in parts do
        File.WriteAllText(fileOf folder part ".stop", "")
