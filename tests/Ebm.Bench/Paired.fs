/// Times two implementations in turn: A B A B …. The speed of shared machines drifts by a factor of two within minutes, so only ratios of
/// neighbours are meaningful, and their median is the result.
module Ebm.Bench.Paired

open System
open System.Diagnostics
open System.IO

/// Whether seconds are the CPU time of the process, all its threads together. Other processes lengthen it less than the wall-clock time.
let mutable byCpu = false

/// Seconds that the work takes.
let took (work: unit -> unit) =
    if byCpu then
        let before = Environment.CpuUsage.TotalTime
        work ()
        (Environment.CpuUsage.TotalTime - before).TotalSeconds
    else
        let clock = Stopwatch.StartNew()
        work ()
        clock.Elapsed.TotalSeconds

/// Seconds that `count` steps take.
type Timed = int -> float

let clocked (step: unit -> unit) : Timed =
    fun count ->
        took (fun () ->
            for _ in 1..count do
                step ())

let private sorted values = Array.sort (Array.ofSeq values)

/// The p-quantile, between neighbours by proportion.
let quantile p values =
    let values = sorted values
    let at = p * float (values.Length - 1)
    let low = int (floor at)
    let high = min (low + 1) (values.Length - 1)
    values[low] + (at - float low) * (values[high] - values[low])

let median values = quantile 0.5 values

/// The number of steps that take about the requested time, after a warm-up.
let calibrated (seconds: float) (timed: Timed) =
    let rec enough count =
        match timed count with
        | took when took < seconds / 4.0 -> enough (count * 2)
        | took -> max 1 (int (float count * seconds / took))

    enough 1

/// Seconds per step of A, and of B, and the ratios A/B of each pair.
type Comparison = { A: float; B: float; Ratios: float[] }

let compare rounds seconds (a: Timed) (b: Timed) =
    let forA, forB = calibrated seconds a, calibrated seconds b
    let pairs = [| for _ in 1..rounds -> a forA / float forA, b forB / float forB |]
    { A = median (Array.map fst pairs); B = median (Array.map snd pairs); Ratios = pairs |> Array.map (fun (a, b) -> a / b) }

/// Seconds per step of one implementation.
let alone rounds seconds (a: Timed) =
    let count = calibrated seconds a
    median [| for _ in 1..rounds -> a count / float count |]

/// The resident memory of a process, in MiB, by its file of status; NaN if the system does not report it.
module Memory =
    let private named (name: string) (status: string) =
        if File.Exists status then
            let line = File.ReadLines status |> Seq.find (fun line -> line.StartsWith name)
            float (line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024.0
        else
            nan

    /// The peak since `forget`.
    let peak status = named "VmHWM" status

    let now status = named "VmRSS" status

    let forget () =
        GC.Collect()
        GC.WaitForPendingFinalizers()

        if File.Exists "/proc/self/clear_refs" then File.WriteAllText("/proc/self/clear_refs", "5")

/// b of y ≈ a·xᵇ: the median of the slopes between all pairs of points in logarithms (Theil 1950, Sen 1968), which few outliers do not change.
let exponent (points: (float * float) list) =
    let logs = [ for x, y in points -> log x, log y ]
    median [|
        for i, (x, y) in List.indexed logs do
            for x', y' in List.skip (i + 1) logs do
                (y' - y) / (x' - x)
    |]
