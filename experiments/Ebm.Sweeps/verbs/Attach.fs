/// Follows or stops a running sweep from another shell.
module Ebm.Sweeps.Attach

open System
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Ebm.Analysis
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

/// The sweep that the words select. Without words nothing is stopped; the error names what is running.
let private sweepToStop (place: Place) =
    match place.Given.Words, place.Given.Options.TryGetResult <@ Name @>, place.Given.Unions with
    | [], None, [ [] ] ->
        let isBusy folder = Hold.isAlive folder || Launcher.told folder |> Map.exists (fun _ told -> told.IsQueued)

        match List.ofSeq (SweepFolder.Under place.Runs) |> List.filter isBusy |> List.map (Path.GetFileName >> string) with
        | [] -> usage "stop" $"no sweep is running under {relative place.Runs}."
        | first :: _ as running ->
            let verb = if running.Length = 1 then "is" else "are"
            usage "stop" $"name the sweep to stop: write stop {first}; {listed running} {verb} running."
    | _ -> oneSweep place

let private quoted (word: string) = if Regex.IsMatch(word, @"\A[\w=.,/:+~@%-]+\z") then word else "'" + word.Replace("'", @"'\''") + "'"

/// The words after the script's name that continue a sweep; None if this script does not declare what its last launch planned.
let private continues (place: Place) (folder: string) =
    let name = string (Path.GetFileName folder)
    let declared = place.Sweep.Parts |> List.map (List.map _.Text)

    match Plans.read folder |> List.tryLast |> Option.map _.Overrides, declared with
    | Some planned, _ when planned = declared && name = place.Sweep.Name -> Some "run"
    | Some [ planned ], [ declared ] ->
        let key (text: string) = text.Split('=')[0]
        let keys = Set.ofList (List.map key planned)

        if declared |> List.forall (key >> keys.Contains) then
            let own = planned |> List.except declared |> List.map quoted
            Some(String.Join(' ', "run" :: own @ [ $"--name {name}" ]))
        else
            None
    | _ -> None

let internal stop (place: Place) =
    let folder = sweepToStop place

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

        match continues place folder with
        | Some words -> Console.WriteLine $"To continue it, write: {words}"
        | None -> Console.WriteLine "To continue it, write the command that started it again."

        0
