/// `dotnet fsi build.fsx bench`: the speed of this project and of plain PyTorch, on the same libtorch, BLAS and threads, measured in turn.
/// Absolute times depend on the machine and its load; the ratio is the result. Below 1, this project is faster.
module Ebm.Bench.Program

open System
open Ebm.Core
open Ebm.Devices
open Ebm.Bench.Paired

let private rounds, private seconds = 11, 0.25

let private µs seconds = seconds * 1e6

let private peak () = Memory.peak "/proc/self/status"

let private line (name: string) (c: Comparison) gradients memory =
    let spread = $"{quantile 0.25 c.Ratios:F2}–{quantile 0.75 c.Ratios:F2}"
    let gradients = if Double.IsNaN gradients then "" else $"{gradients / c.A / 1e3:F0}k"
    printfn "%-46s %10.1f %10.1f %8.2f %12s %10s %14s" name (µs c.A) (µs c.B) (median c.Ratios) spread gradients memory

let private against (reference: Reference.Reference option) name words gradients (ours: Timed) =
    Memory.forget ()

    match reference with
    | None ->
        let took = alone rounds seconds ours
        line name { A = took; B = nan; Ratios = [| nan |] } gradients $"{peak ():F0}"
    | Some reference ->
        Reference.forget reference
        let compared = compare rounds seconds ours (Reference.timed reference words)
        line name compared gradients $"{peak ():F0} / {Reference.peak reference:F0}"

let private grows name (points: (float * Timed) list) =
    let times =
        points
        |> List.map (fun (x, timed) ->
            Memory.forget ()
            x, alone 5 0.1 timed, peak ())

    let shown = times |> List.map (fun (x, took, memory) -> $"{x:F0}: {µs took:F0} µs, {memory:F0} MiB") |> String.concat "; "
    printfn "%-46s exponent %5.2f   (%s)" name (exponent [ for x, took, _ in times -> x, took ]) shown

let private speed threads =
    Machine.Threads <- threads
    let reference = Reference.start threads
    let product, convolution = Workloads.roofline 0.2
    printfn "libtorch %s, %d thread(s), kernels for %s" Natives.Version threads (string Machine.Capability)

    match reference with
    | Some reference -> printfn "reference: %s" reference.Version
    | None ->
        printfn
            "reference: none; no python3 on this machine has torch (Debian's package is python3-torch), so only this project's times are shown"

    printfn "roofline: matrix product %.0f GF/s, convolution %.0f GF/s\n" product convolution
    printfn "%-46s %10s %10s %8s %12s %10s %14s" "workload" "ours, µs" "ref., µs" "ratio" "middle half" "gradients/s" "peak MiB"

    for batch in [ 64L; 256L; 1024L ] do
        let ours = Workloads.langevin 2L batch

        for manner in [ "usual"; "best" ] do
            against reference $"Langevin, MLP 2-128-128-1, batch {batch}, vs {manner}" $"langevin {batch} {manner}" (float batch) ours

        let took = alone 5 seconds ours
        printfn
            "%-46s %10.1f GF/s, %.0f %% of the matrix product's"
            ""
            (Workloads.flops 2L batch / took / 1e9)
            (100.0 * Workloads.flops 2L batch / took / 1e9 / product)

    let levels = 7
    // Per row: five gradients for a transition (its start and four candidates) and two rows of the update.
    for manner in [ "usual"; "best" ] do
        against
            reference
            $"joint-cd step, batch 256, {levels} levels, vs {manner}"
            $"joint-cd 256 {levels} {manner}"
            (7.0 * 256.0)
            (clocked (Workloads.jointCd 2L 256L levels 4))

    against reference "one operator on one number" "add" nan (clocked (Workloads.add ()))

    printfn "\nour own growth: seconds ≈ a·xᵇ; peak memory is the whole process's"
    grows "Langevin, batch" [ for batch in [ 64L; 256L; 1024L; 4096L ] -> float batch, Workloads.langevin 2L batch ]
    grows "Langevin, dimension, batch 256" [ for d in [ 2L; 32L; 512L ] -> float d, Workloads.langevin d 256L ]
    grows "joint-cd, batch" [ for batch in [ 64L; 256L; 1024L ] -> float batch, clocked (Workloads.jointCd 2L batch levels 4) ]
    grows "joint-cd, levels, batch 256" [ for levels in [ 4; 16; 64 ] -> float levels, clocked (Workloads.jointCd 2L 256L levels 4) ]
    grows "joint-cd, Langevin steps, batch 256" [
        for steps in [ 2; 8; 32 ] -> float steps, clocked (Workloads.jointCd 2L 256L levels steps)
    ]

let private configs = System.IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "experiments", "configs")

let private steps threads (only: string) =
    Machine.Threads <- threads
    let reference = Reference.start threads
    printfn "%-46s %10s %10s %8s %12s %10s %14s" "one training step" "ours, µs" "ref., µs" "ratio" "middle half" "gradients/s" "peak MiB"

    for step in Steps.all do
        if step.Name.Contains only then
            let timed, units = Steps.timed configs step
            timed 20 |> ignore
            against reference step.Name $"step {step.Name}" (units ()) timed

let private sweep () =
    printfn "a sweep beside its runs"
    let configs = System.IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "experiments", "configs")
    let runs, took = Sweeps.planning configs
    printfn "%-46s %10.2f s" $"planning {runs} runs" took
    let pauses = Sweeps.pauses configs 40
    printfn
        "%-46s %10.1f ms in the median, %.1f at the 90th percentile"
        "between a run's end and the next one's start"
        (1e3 * median pauses)
        (1e3 * quantile 0.9 pauses)

    for name, share in [ "in a separate process", false; "in one process with others (--share)", true ] do
        let starts = Sweeps.starts configs 6 share
        printfn "%-46s %10.2f s in the median" $"a run of one step, {name}" (median starts)

let private tables () =
    printfn "a table of many runs"

    for seeds in [ 5; 20 ] do
        Memory.forget ()
        let runs, read, tabulated, written = Tables.tabulating seeds

        printfn
            "%-46s %10.2f s: reading %.2f, tabulating %.2f, writing %.2f; %.0f MiB at most"
            $"a table of {runs} runs"
            (read + tabulated + written)
            read
            tabulated
            written
            (peak ())

let private audits () =
    printfn "an audit of many runs"
    let files, megabytes, first, second = Audits.verifying 1000
    printfn
        "%-46s %10.2f s from the disk, %.2f s the second time: %d files, %.0f MB, %d cores"
        "audit verify of 1000 runs"
        first
        second
        files
        megabytes
        Environment.ProcessorCount

/// `bench`, `bench sweeps` for sweeps only, `bench tables` for tables only, `bench audits` for audits only, `bench 2` for two threads.
[<EntryPoint>]
let main arguments =
    match arguments with
    | [| "sweeps" |] -> sweep ()
    | [| "tables" |] -> tables ()
    | [| "audits" |] -> audits ()
    | [| "steps" |] -> steps 1 ""
    | [| "steps"; only |] -> steps 1 only
    | _ ->
        speed (if arguments.Length = 1 then int arguments[0] else 1)
        sweep ()
        tables ()
        audits ()

    0
