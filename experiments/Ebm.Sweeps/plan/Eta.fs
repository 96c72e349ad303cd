/// Estimates when a sweep will be done, with a range, by simulating the remaining runs up to 200 times.
///
/// A run that has started takes the time that its own pace predicts. A waiting run takes as long per unit of work as a finished run of its
/// data set and method, drawn anew in each simulation; if there is none, as any finished run. The workers take the runs in order. The
/// result is the median and the range of the middle eight of ten simulations, or None as long as no run gives a pace.
module Ebm.Sweeps.Eta

open System
open System.Collections.Generic
open Ebm.Sweeps.Plan

type Remaining = {
    Median: TimeSpan
    /// One simulation in ten is shorter than Low, and one in ten is longer than High.
    Low: TimeSpan
    High: TimeSpan
}

type Active<'run> = {
    Run: 'run
    Elapsed: TimeSpan
    /// The run's total time by its own pace; none until the pace is known.
    Whole: TimeSpan option
}

let private plays = 200

/// Seconds; a TimeSpan holds little more.
let private longest = 9e11

/// The most run times drawn in all. Many remaining runs get fewer simulations, because their sum hardly varies.
let private effort = 200_000

/// The estimate for runs of which only the kind and the work are known, each with whether it trains: one that takes the training of a twin takes as
/// long as others of its kind do after training. None until a run gives a pace.
let remainingBy
    (kind: 'run -> 'kind)
    (work: 'run -> float)
    (workers: int)
    (took: (('run * bool) * TimeSpan) list)
    (active: Active<'run * bool> list)
    (waiting: ('run * bool) list)
    : Remaining option =
    let pace (run, trains) (time: TimeSpan) = (kind run, trains), time.TotalSeconds / work run

    let paces = [
        for run, time in took do
            pace run time

        for run in active do
            match run.Whole with
            | Some whole -> pace run.Run whole
            | None -> ()
    ]

    // Further workers would have nothing to do.
    let workers = min workers (active.Length + waiting.Length)

    if paces.IsEmpty then
        None
    else
        let everyKind trains =
            match paces |> List.filter (fun ((_, trained), _) -> trained = trains) with
            | [] -> paces
            | like -> like
            |> List.map snd
            |> Array.ofList
        let training, other = everyKind true, everyKind false
        let byKind = paces |> List.groupBy fst |> List.map (fun (kind, paces) -> kind, paces |> List.map snd |> Array.ofList) |> dict
        let random = Random(waiting.Length)

        let drawn (run, trains) =
            let paces =
                match byKind.TryGetValue((kind run, trains)) with
                | true, own -> own
                | _ -> if trains then training else other
            paces[random.Next paces.Length] * work run

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
        let at (share: float) = TimeSpan.FromSeconds(min longest ends[int (Math.Round(share * float (ends.Length - 1)))])
        Some { Median = at 0.5; Low = at 0.1; High = at 0.9 }

/// The estimate for planned runs. None until a run gives a pace.
let remaining workers took active waiting = remainingBy Forecast.kind (Forecast.work >> snd) workers took active waiting
