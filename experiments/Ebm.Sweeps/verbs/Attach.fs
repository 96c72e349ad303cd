/// Follows or stops a running sweep from another shell.
module Ebm.Sweeps.Attach

open System
open System.IO
open System.Threading
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked

/// The sweep that the words select; without words, the one that is running.
let internal oneSweep (place: Place) =
    let folders = sweepFolders place

    match folders |> List.filter Hold.isAlive, folders with
    | [ alive ], _ -> alive
    | [], [ folder ] -> folder
    | [], _ -> usage place.Given.Verb $"no sweep is running under {relative place.Runs}."
    | several, _ ->
        usage
            place.Given.Verb
            $"{several.Length} sweeps are running: {listed (several |> List.map (Path.GetFileName >> string))}; name one."

/// The running parts of a sweep: all of them, or the one that --shard names.
let internal working (place: Place) folder =
    match place.Given.Options.TryGetResult <@ Shard @> with
    | None -> Hold.atWork folder
    | Some _ -> Hold.atWork folder |> List.filter ((=) (part place.Given))

let internal attach (place: Place) =
    let folder = oneSweep place
    let log part = Path.Combine(folder, Hold.nameOf part + ".log")

    let followed =
        match working place folder, Hold.filed folder ".log" with
        | [], logs -> logs
        | parts, logs -> parts |> List.filter (fun part -> List.contains part logs)

    if followed.IsEmpty then
        usage
            "attach"
            $"{relative (log (part place.Given))} does not exist, so the sweep was not started with --detach. `status` shows its state."

    let readers = [ for part in followed -> part, new StreamReader(RegularFile.Open(log part)) ]

    let mutable speaker = if followed.Length = 1 then Some followed.Head else None
    let mutable last = false

    while not last do
        // Reads once more after the processes have ended, for their last lines.
        last <- Hold.atWork folder |> List.forall (fun part -> not (List.contains part followed))

        for part, reader in readers do
            let text = reader.ReadToEnd()

            if text <> "" then
                if speaker <> Some part then Console.WriteLine $"── {Hold.spoken part}"
                speaker <- Some part
                Console.Write text

        if not last then Thread.Sleep 500

    0

let internal stop (place: Place) =
    let folder = oneSweep place

    match working place folder with
    | [] ->
        match Launcher.all () |> List.collect (fun launcher -> launcher.Stop folder) with
        | [] -> usage "stop" $"no sweep is running in {relative folder}."
        | jobs -> Console.WriteLine $"""{Path.GetFileName folder}: {String.Join(", ", jobs)} are asked to stop."""

        0
    | parts ->
        Hold.stop folder parts

        for part in parts do
            Console.WriteLine
                $"{Path.GetFileName folder}: {Hold.spoken part}{Hold.who folder part} will stop as soon as its runs have written checkpoints."

        0
