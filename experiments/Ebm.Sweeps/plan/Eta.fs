/// When a sweep will be done, and how sure that is: what remains is played through some hundred times.
///
/// A run that is under way takes what its own pace says. One that is not takes as long per unit of work as a run of its data set and method
/// that has ended, drawn anew each time; where none has, as long as any. The runs are dealt to the workers in their order. The median is
/// shown with the range of eight in ten; where one run alone tells, there is no range, and where none does, there is no guess.
module Ebm.Sweeps.Eta

open System
open System.Collections.Generic
open Ebm.Sweeps.Plan

type Remaining = {
    Median: TimeSpan
    /// One in ten is shorter, and one in ten longer.
    Low: TimeSpan
    High: TimeSpan
}

type Active = {
    Run: PlannedRun
    Elapsed: TimeSpan
    /// In all, by its own pace; none while it has shown too little of that.
    Whole: TimeSpan option
}

let private plays = 200

/// Playing thousands of runs through is cut short: their sum hardly varies.
let private effort = 200_000

/// None until something tells how long runs take.
let remaining (workers: int) (took: (PlannedRun * TimeSpan) list) (active: Active list) (waiting: PlannedRun list) : Remaining option =
    let pace (run: PlannedRun) (time: TimeSpan) = Forecast.kind run, time.TotalSeconds / snd (Forecast.work run)

    let paces = [
        for run, time in took do
            pace run time

        for run in active do
            match run.Whole with
            | Some whole -> pace run.Run whole
            | None -> ()
    ]

    if paces.IsEmpty then
        None
    else
        let everyKind = paces |> List.map snd |> Array.ofList
        let byKind =
            paces |> List.groupBy fst |> List.map (fun (kind, paces) -> kind, paces |> List.map snd |> Array.ofList) |> dict
        let random = Random(waiting.Length)

        let drawn run =
            let paces =
                match byKind.TryGetValue(Forecast.kind run) with
                | true, own -> own
                | _ -> everyKind
            paces[random.Next paces.Length] * snd (Forecast.work run)

        let play () =
            let free = PriorityQueue<unit, float>()

            for run in active do
                let whole = run.Whole |> Option.map _.TotalSeconds |> Option.defaultWith (fun () -> drawn run.Run)
                free.Enqueue((), max 0.0 (whole - run.Elapsed.TotalSeconds))

            for _ in active.Length + 1 .. workers do
                free.Enqueue((), 0.0)

            let mutable last = free.UnorderedItems |> Seq.map (fun struct (_, ends) -> ends) |> Seq.fold max 0.0

            for run in waiting do
                let mutable slot, from = (), 0.0
                free.TryDequeue(&slot, &from) |> ignore
                let ends = from + drawn run
                last <- max last ends
                free.Enqueue((), ends)

            last

        let ends = [| for _ in 1 .. max 10 (min plays (effort / (waiting.Length + 1))) -> play () |] |> Array.sort
        let at (share: float) = TimeSpan.FromSeconds ends[int (Math.Round(share * float (ends.Length - 1)))]
        Some { Median = at 0.5; Low = at 0.1; High = at 0.9 }
