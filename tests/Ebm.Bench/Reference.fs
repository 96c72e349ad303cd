/// The same workloads as plain PyTorch loops, in a Python process that waits during our measurements: one line per request and answer.
module Ebm.Bench.Reference

open System
open System.Diagnostics
open System.Globalization
open System.IO
open Ebm.Devices

type Reference = { Version: string; Process: Process }

let private script = Path.Combine(AppContext.BaseDirectory, "reference.py")

/// None if no Python on this machine has torch.
let start threads =
    let tryPython (python: string) =
        let start =
            ProcessStartInfo(
                python,
                [ script; string threads ],
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        // The same BLAS kernels and threads as in our measurements.
        for KeyValue(name, value) in Machine.Environs threads do
            start.Environment[name] <- value

        // PyTorch at its best: OpenBLAS chooses its kernels itself.
        for name in [ "OPENBLAS_CORETYPE"; "OPENBLAS_L2_SIZE" ] do
            start.Environment.Remove name |> ignore

        start.Environment["OPENBLAS_NUM_THREADS"] <- string threads

        try
            let python = Process.Start start |> nonNull

            match python.StandardOutput.ReadLine() with
            | null -> None
            | version -> Some { Version = version; Process = python }
        with :? ComponentModel.Win32Exception ->
            None

    List.tryPick tryPython [ "python3"; "/usr/bin/python3" ]

let private ask (reference: Reference) (request: string) =
    reference.Process.StandardInput.WriteLine request
    reference.Process.StandardInput.Flush()

    match reference.Process.StandardOutput.ReadLine() with
    | null -> failwith $"the reference stopped at \"{request}\": {reference.Process.StandardError.ReadToEnd()}"
    | answer -> Double.Parse(answer, CultureInfo.InvariantCulture)

/// A workload by its name and arguments, as `reference.py` reads them.
let timed reference (workload: string) : Paired.Timed = fun count -> ask reference $"{count} {workload}"

let peak (reference: Reference) = Paired.Memory.peak $"/proc/{reference.Process.Id}/status"
let forget reference = ask reference "0 forget" |> ignore
