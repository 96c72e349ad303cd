/// How time and memory grow: the exponent b of y ≈ a·xᵇ. Memory must be flat over the steps of a chain and of training.
module Ebm.Bench.Growth

open System
open TorchSharp
open Ebm.Core
open Ebm.Bench.Paired
open Ebm.Bench.Rows

let private grows name (points: (float * float) list) (shown: float -> string) =
    let all = points |> List.map (fun (x, y) -> $"{x:F0}: {shown y}") |> String.concat "; "
    fprintfn out "%-52s exponent %5.2f   (%s)" name (exponent points) all
    keep { unmeasured name "" with Exponent = exponent points }

let private micro (seconds: float) = $"{1e6 * seconds:F0} µs"
let private inSeconds (seconds: float) = $"{seconds:F2} s"
let private mib (value: float) = $"{value:F1}"

let private times name (points: (float * Timed) list) = grows name [ for x, timed in points -> x, alone 5 0.1 timed ] micro

/// Resident and managed memory, in MiB, when the garbage is collected.
let private memory () =
    GC.Collect()
    GC.WaitForPendingFinalizers()
    GC.Collect()
    Memory.now "/proc/self/status", float (GC.GetTotalMemory true) / 1048576.0

/// Memory after each tenth of the steps, without a first twentieth, in which caches and the allocator's pools fill.
let private flat name (steps: int) (run: Timed) =
    let step = steps / 20
    run step |> ignore

    let points = [
        for tenth in 1..10 do
            run (if tenth = 1 then step else 2 * step) |> ignore
            let resident, managed = memory ()
            float (2 * tenth * step), resident, managed
    ]

    grows $"{name}: resident MiB" [ for x, resident, _ in points -> x, resident ] mib
    grows $"{name}: managed MiB" [ for x, _, managed in points -> x, managed ] mib

let measure configs =
    fprintfn out "memory over steps"
    flat "100,000 Langevin steps, batch 256" 100_000 (Workloads.langevin 2L 128 256L)
    flat "20,000 training steps of joint-cd" 20_000 (fst (Steps.timed configs (Steps.all |> List.find (fun s -> s.Name = "joint-cd"))))

    fprintfn out "\ntime"
    let batches = [ 64L; 256L; 1024L; 4096L ]
    times "Langevin step, batch" [ for batch in batches -> float batch, Workloads.langevin 2L 128 batch ]
    times "Langevin step, dimension, batch 256" [ for d in [ 2L; 32L; 512L ] -> float d, Workloads.langevin d 128 256L ]
    times "Langevin step, width, batch 256" [ for width in [ 64; 128; 256; 512 ] -> float width, Workloads.langevin 2L width 256L ]
    times "level table and draw, levels, batch 256" [ for levels in [ 4L; 16L; 64L; 256L ] -> float levels, Workloads.levels levels 256L ]

    let chain = Workloads.langevin 2L 128 64L
    let lengths = [ 10; 100; 1000; 10_000 ]
    grows "chain, length, batch 64" [ for length in lengths -> float length, median [| for _ in 1..5 -> chain length |] ] micro

    let tables = [ for seeds in [ 5; 10; 20; 40 ] -> Tables.tabulating 10 5 seeds ]
    grows "table, runs" [ for table in tables -> float table.Runs, table.Read + table.Tabulated + table.Written ] inSeconds
