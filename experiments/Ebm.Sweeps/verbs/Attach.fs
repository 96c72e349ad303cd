/// A sweep that goes on by itself: its last words followed from another shell, and its end asked for.
module Ebm.Sweeps.Attach

open System
open System.IO
open System.Threading
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked

/// The one sweep that the words mean.
let internal oneSweep (place: Place) =
    let folders = sweepFolders place

    match folders |> List.filter Hold.isAlive, folders with
    | [ alive ], _ -> alive
    | [], [ folder ] -> folder
    | [], _ -> usage place.Given.Verb $"no sweep is at work under {relative place.Runs}."
    | several, _ ->
        usage
            place.Given.Verb
            $"{several.Length} sweeps are at work: {listed (several |> List.map (Path.GetFileName >> string))}; name one."

/// The parts of a sweep that are at work: all, or the one that --shard names.
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
            $"{relative (log (part place.Given))} is not there: the sweep was not started with --detach. `status` says how it is."

    let readers = [
        for part in followed -> part, new StreamReader(new FileStream(log part, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
    ]

    let mutable speaker = if followed.Length = 1 then Some followed.Head else None
    let mutable last = false

    while not last do
        // Once more after their end, for their last words.
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
    | [] -> usage "stop" $"no sweep is at work in {relative folder}."
    | parts ->
        Hold.stop folder parts

        for part in parts do
            Console.WriteLine
                $"{Path.GetFileName folder}: {Hold.spoken part}{Hold.who folder part} is asked to stop; its runs write checkpoints first."

        0
