/// Plain PyTorch in a Python process, which waits while we measure: one line per request and answer.
module Ebm.Bench.Reference

open System
open System.Diagnostics
open System.Globalization
open System.IO
open Ebm.Devices

type Reference = { Version: string; Process: Process }

/// The reference cannot run a workload.
exception Lacks of reason: string

/// Starts one of the scripts beside this program. None if no Python on this machine has torch.
let script name threads (arguments: string list) =
    let tryPython (python: string) =
        let start =
            ProcessStartInfo(
                python,
                [ Path.Combine(AppContext.BaseDirectory, name); string threads ] @ arguments,
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

/// The reference of speed, on the same clock, with other packages by name and folder.
let start threads (peers: (string * string) list) =
    script "reference.py" threads [
        if Paired.byCpu then "--cpu"
        for name, folder in peers do
            $"{name}={folder}"
    ]

let say (reference: Reference) (line: string) =
    reference.Process.StandardInput.WriteLine line
    reference.Process.StandardInput.Flush()

let hear (reference: Reference) =
    match reference.Process.StandardOutput.ReadLine() with
    | null -> failwith $"the reference stopped: {reference.Process.StandardError.ReadToEnd()}"
    | answer -> answer

let private ask reference (request: string) =
    say reference request

    match hear reference with
    | lack when lack.StartsWith("lacks ", StringComparison.Ordinal) -> raise (Lacks lack[6..])
    | answer -> Double.Parse(answer, CultureInfo.InvariantCulture)

/// A workload by its name and arguments, as `reference.py` reads them.
let timed reference (workload: string) : Paired.Timed = fun count -> ask reference $"{count} {workload}"

let peak (reference: Reference) = Paired.Memory.peak $"/proc/{reference.Process.Id}/status"
let forget reference = ask reference "0 forget" |> ignore
