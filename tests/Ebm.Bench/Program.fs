/// `dotnet fsi build.fsx bench`: the speed of this project and of plain PyTorch, on the same libtorch, BLAS and threads, measured in turn.
/// Absolute times depend on the machine and its load; the ratio is the result. Below 1, this project is faster.
module Ebm.Bench.Program

open System
open Ebm.Core
open Ebm.Devices
open Ebm.Bench.Paired

type private Row = {
    Name: string
    Ours: float
    Reference: float
    Ratio: float
    Low: float
    High: float
    /// The share that the ratio may have at most; NaN if none is set.
    Bound: float
    Gradients: float
    /// Share of the peak of multiply-adds.
    Share: float
    Memory: float
}

let private rounds, private seconds = 11, 0.25

let private peak () = Memory.peak "/proc/self/status"

let private shown (unit: string) (value: float) = if Double.IsNaN value then "" else value.ToString unit

let private heading () =
    printfn
        "%-46s %10s %10s %7s %12s %7s %8s %7s %6s"
        "workload"
        "ours, µs"
        "ref., µs"
        "ratio"
        "middle half"
        "at most"
        "grad./s"
        "peak"
        "MiB"

let private print (row: Row) =
    let spread = if Double.IsNaN row.Ratio then "" else $"{row.Low:F2}–{row.High:F2}"
    printfn
        "%-46s %10.1f %10s %7s %12s %7s %8s %7s %6.0f"
        row.Name
        (1e6 * row.Ours)
        (shown "F1" (1e6 * row.Reference))
        (shown "F2" row.Ratio)
        spread
        (shown "F2" row.Bound)
        (if Double.IsNaN row.Gradients then "" else $"{row.Gradients / 1e3:F0}k")
        (if Double.IsNaN row.Share then "" else $"{100.0 * row.Share:F0} %%")
        row.Memory

let private rows = Collections.Generic.List<Row>()

/// Measures a workload: against another one if there is one, else alone.
let private measure name bound gradients flops (peaks: Workloads.Peaks) (ours: Timed) (other: Timed option) =
    Memory.forget ()

    let row =
        match other with
        | None ->
            let took = alone rounds seconds ours
            {
                Name = name
                Ours = took
                Reference = nan
                Ratio = nan
                Low = nan
                High = nan
                Bound = bound
                Gradients = gradients / took
                Share = flops / took / 1e9 / peaks.MultiplyAdd
                Memory = peak ()
            }
        | Some other ->
            let c = compare rounds seconds ours other
            {
                Name = name
                Ours = c.A
                Reference = c.B
                Ratio = median c.Ratios
                Low = quantile 0.25 c.Ratios
                High = quantile 0.75 c.Ratios
                Bound = bound
                Gradients = gradients / c.A
                Share = flops / c.A / 1e9 / peaks.MultiplyAdd
                Memory = peak ()
            }

    rows.Add row
    print row

let private configs = IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "experiments", "configs")

let private grows name (points: (float * Timed) list) =
    let times =
        points
        |> List.map (fun (x, timed) ->
            Memory.forget ()
            x, alone 5 0.1 timed, peak ())

    let shown = times |> List.map (fun (x, took, memory) -> $"{x:F0}: {1e6 * took:F0} µs, {memory:F0} MiB") |> String.concat "; "
    printfn "%-46s exponent %5.2f   (%s)" name (exponent [ for x, took, _ in times -> x, took ]) shown

let private speed threads (only: string) =
    Machine.Threads <- threads
    let reference = Reference.start threads
    let peaks = Workloads.peaks 0.2
    printfn
        "libtorch %s, %d thread(s), libtorch's kernels for %s, ours with %d lanes"
        Natives.Version
        threads
        (string Machine.Capability)
        Vectors.Lanes

    match reference with
    | Some reference -> printfn "reference: %s at its best: frozen weights in chains, states in place" reference.Version
    | None ->
        printfn
            "reference: none; no python3 on this machine has torch (Debian's package is python3-torch), so only this project's times are shown"

    printfn
        "peaks, GF/s: multiply-add %.0f, product %.0f, product in bf16 %.0f, convolution %.0f\n"
        peaks.MultiplyAdd
        peaks.Product
        peaks.Product16
        peaks.Convolution

    heading ()
    let wanted (name: string) = name.Contains(only, StringComparison.Ordinal)
    let twin words = reference |> Option.map (fun reference -> Reference.timed reference words)

    let run name bound gradients flops (ours: unit -> Timed) (words: string) =
        if wanted name then measure name bound gradients flops peaks (ours ()) (twin words)

    for batch, bound in [ 64L, 0.30; 256L, 0.45; 1024L, 0.45; 4096L, nan ] do
        let flops = Workloads.flops 2L 128 batch
        run
            $"Langevin 2-128-128-1, batch {batch}"
            bound
            (float batch)
            flops
            (fun () -> Workloads.langevin 2L 128 batch)
            $"langevin {batch} best 128"

    for width, bound in [ 64, 0.60; 256, nan; 512, 0.60 ] do
        let flops = Workloads.flops 2L width 256L
        run
            $"Langevin 2-{width}-{width}-1, batch 256"
            bound
            256.0
            flops
            (fun () -> Workloads.langevin 2L width 256L)
            $"langevin 256 best {width}"

    run "Langevin, batch 256, against PyTorch's defaults" nan 256.0 nan (fun () -> Workloads.langevin 2L 128 256L) "langevin 256 usual 128"
    run "Metropolis-adjusted Langevin, batch 256" nan 256.0 nan (fun () -> Workloads.mala 128 256L) "mala 256 128"
    run "Hamiltonian Monte Carlo, 5 leaps, batch 256" nan 1280.0 nan (fun () -> Workloads.hmc 128 256L) "hmc 256 128"
    run "level table and draw, batch 256" nan nan nan (fun () -> Workloads.levels 256L) "levels 256"

    for width in [ 64; 128; 256; 512 ] do
        if wanted $"kernel, width {width}" then
            measure
                $"kernel, width {width}, batch 1024"
                nan
                1024.0
                (Workloads.flops 2L width 1024L)
                peaks
                (Workloads.slope width 1024L)
                None

    for side, channels, batch in [ 28L, 1L, 64L; 32L, 3L, 64L ] do
        let name = $"convolutional energy {side}×{side}, bf16 against fp32"
        if wanted name then
            measure
                name
                0.45
                (float batch)
                nan
                peaks
                (Workloads.convolutional side channels batch Ebm.Nets.Precision.Bfloat16)
                (Some(Workloads.plainConvolutional side channels batch))

    let residual = "convolutions of two residual blocks, bf16 against fp32"

    if wanted residual then
        let fp32 = Workloads.residual TorchSharp.torch.float32
        measure residual 0.45 64.0 nan peaks (Workloads.residual TorchSharp.torch.bfloat16) (Some fp32)

    for step in Steps.all do
        let name = $"step of {step.Name}"
        if wanted name then
            let timed, units = Steps.timed configs step
            timed 20 |> ignore
            measure name step.Bound (units ()) nan peaks timed (twin $"step {step.Name}")

    if wanted "two threads against one, batch 1024" then
        let at count (timed: Timed) : Timed =
            fun steps ->
                Machine.Threads <- count
                let took = timed steps
                Machine.Threads <- threads
                took

        let chain = Workloads.langevin 2L 128 1024L
        measure "two threads against one, batch 1024" 0.60 1024.0 nan peaks (at 2 chain) (Some(at 1 chain))

    if only = "" then
        measure "one operator on one number" nan nan nan peaks (clocked (Workloads.add ())) (twin "add")
        printfn "\ngrowth: seconds ≈ a·xᵇ; peak memory is the whole process's"
        grows "Langevin, batch" [ for batch in [ 64L; 256L; 1024L; 4096L ] -> float batch, Workloads.langevin 2L 128 batch ]
        grows "Langevin, dimension, batch 256" [ for d in [ 2L; 32L; 512L ] -> float d, Workloads.langevin d 128 256L ]
        grows "Langevin, width, batch 256" [ for width in [ 64; 128; 256; 512 ] -> float width, Workloads.langevin 2L width 256L ]

/// The measured rows as a table in Markdown, or as JSON.
let private write (path: string) =
    if path.EndsWith(".json", StringComparison.Ordinal) then
        let options = Text.Json.JsonSerializerOptions(WriteIndented = true)
        options.NumberHandling <- Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals
        IO.File.WriteAllText(path, Text.Json.JsonSerializer.Serialize(rows.ToArray(), options))
    else
        IO.File.WriteAllLines(
            path,
            [
                "| workload | ours, µs | reference, µs | ratio | middle half | at most | share of the peak |"
                "| --- | --- | --- | --- | --- | --- | --- |"
                for row in rows do
                    let half = if Double.IsNaN row.Ratio then "" else $"{row.Low:F2}–{row.High:F2}"
                    let ours, reference, ratio = shown "F1" (1e6 * row.Ours), shown "F1" (1e6 * row.Reference), shown "F2" row.Ratio
                    let share = if Double.IsNaN row.Share then "" else $"{100.0 * row.Share:F0} %%"
                    $"""| {row.Name} | {ours} | {reference} | {ratio} | {half} | {shown "F2" row.Bound} | {share} |"""
            ]
        )

let private sweep () =
    printfn "a sweep beside its runs"
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

let private usage =
    "bench [sweeps | tables | audits] [--only TEXT] [--threads N] [--write FILE.md | FILE.json]\n"
    + "  Without a word, everything is measured. --only: the workloads of speed whose name contains TEXT, and nothing else."

[<EntryPoint>]
let main arguments =
    let rec read words (only: string option) threads (file: string option) =
        match words with
        | "--only" :: text :: rest -> read rest (Some text) threads file
        | "--threads" :: count :: rest when fst (Int32.TryParse count) -> read rest only (int count) file
        | "--write" :: path :: rest -> read rest only threads (Some path)
        | [] ->
            speed threads (defaultArg only "")
            Option.iter write file

            if only.IsNone then
                sweep ()
                tables ()
                audits ()

            0
        | [ "sweeps" ] ->
            sweep ()
            0
        | [ "tables" ] ->
            tables ()
            0
        | [ "audits" ] ->
            audits ()
            0
        | _ ->
            eprintfn "%s" usage
            2

    read (List.ofArray arguments) None 1 None
