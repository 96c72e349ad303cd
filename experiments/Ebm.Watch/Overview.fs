/// The live page of all sweeps of a folder of runs, the last changed first.
module Ebm.Watch.Overview

open System
open System.Collections.Concurrent
open System.IO
open Giraffe.ViewEngine
open Ebm.Analysis.Html
open Ebm.Records
open Ebm.Sweeps.Mishap
open Ebm.Watch.Board
open Ebm.Watch.Glance

/// "3 running, 9 queued, 12 completed".
let private counts (look: Look) =
    let order = [ "running"; "queued"; "completed"; "diverged"; "failed" ]

    look.Runs
    |> List.countBy _.Word
    |> List.sortBy (fun (word, _) -> List.tryFindIndex ((=) word) order |> Option.defaultValue order.Length, word)
    |> List.map (fun (word, count) -> $"{count} {word}")
    |> String.concat ", "

type Overview(runs: string) =
    let board = Board()
    let gate = obj ()
    let glances = ConcurrentDictionary<string, Glance>(StringComparer.Ordinal)
    let turn = Sweep.Turn()

    let lookAt (folder: string) : Result<Look, string> =
        try
            Ok((glances.GetOrAdd(folder, fun folder -> Glance folder)).Look())
        with
        | Mishap says -> Error says
        | error -> Error $"{error.GetType().Name}: {error.Message}"

    let age (look: Result<Look, string>) =
        match look with
        | Ok look -> -look.Changed.Ticks
        | Error _ -> 0L

    let look () =
        let seen =
            [ for folder in SweepFolder.Under runs -> string (Path.GetFileName folder), lookAt folder ]
            |> List.sortBy (fun (name, look) -> age look, name)

        let none = [ paragraph "There is no sweep yet. This page shows the first one as soon as it begins." ]
        board.Set("summary", Parts.part "summary" (if seen.IsEmpty then none else []))

        for name, look in seen do
            board.Set(
                "sweep-" + name,
                li [ named ("sweep-" + name) ] [
                    match FolderName.Try name with
                    | null -> bdi name
                    | _ -> anchor (Parts.sweepAddress name) [ text name ]

                    match look with
                    | Ok look ->
                        if not look.AtWork.IsEmpty then
                            text " "
                            Ebm.Analysis.Page.badge "running"
                        span [ ofClass "small" ] [ text $" {counts look}" ]
                    | Error says -> span [ ofClass "small" ] [ text $" It cannot be read: {says}" ]
                ]
            )

        board.Arrange("sweeps", [ for name, _ in seen -> "sweep-" + name ])

    member _.Board = board

    member _.Update() =
        lock gate (fun () ->
            if turn.IsDue then
                try
                    turn.Take look
                with Mishap says ->
                    board.Set("summary", Parts.part "summary" [ paragraph $"The folder of runs cannot be read: {says}" ]))

    member _.Page(script: string) =
        let version = board.Version

        [ rawText (board.Html "summary"); ul [ named "sweeps"; ofClass "sweeps" ] [ rawText (board.Children "sweeps") ] ]
        |> Parts.page script "Sweeps: live" "Sweeps" [] version
