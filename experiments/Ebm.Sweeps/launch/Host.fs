/// A process that executes runs: one run, or in shared mode one run after another from its standard input.
///
/// Its output is read line by line without blocking it; the last lines of its standard error are kept.
module Ebm.Sweeps.Host

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Threading.Tasks
open Ebm.Devices
open Ebm.Runs

[<DllImport("libc", SetLastError = true)>]
extern int private kill(int pid, int signal)

/// The number of last lines that are kept.
let kept = 200

/// Characters of a line that are read, so that a run without line breaks does not fill the sweep's memory.
let private longest = 10_000

/// `threads` are the run's; it sees only `gpu`; `ended` is called on another thread when the process ends.
type Host(runner: string, arguments: string list, threads: int, gpu: string option, shared: bool, ended: unit -> unit) =
    let errors = ConcurrentQueue<string>()
    let mutable hear: string -> unit = ignore

    let process' =
        let info =
            ProcessStartInfo(runner, arguments, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true)

        for KeyValue(name, value) in Machine.Environs threads do
            info.Environment[name] <- value

        info.Environment[Stop.ParentVariable] <- string Environment.ProcessId

        // A sweep may be a rank of a launcher; its runs are not.
        for name in List.ofSeq info.Environment.Keys do
            if Mpi.Marks name then info.Environment.Remove name |> ignore

        gpu |> Option.iter (fun gpu -> info.Environment["CUDA_VISIBLE_DEVICES"] <- gpu)

        let started = new Process(StartInfo = info, EnableRaisingEvents = true)
        started.Exited.Add(fun _ -> ended ())
        started.Start() |> ignore
        if not shared then started.StandardInput.Close()
        // If memory runs out, the system ends a run and not the sweep.
        try
            File.WriteAllText($"/proc/{started.Id}/oom_score_adj", "500")
        with
        | :? IOException
        | :? UnauthorizedAccessException ->
            // The process has already ended, or the system has no such file.
            ()

        started

    let listen (reader: StreamReader) (hear: string -> unit) : Task = task {
        let buffer = Array.zeroCreate<char> 4096
        let line = StringBuilder()
        let mutable more = true

        while more do
            let! got = reader.ReadAsync(buffer, 0, buffer.Length)
            more <- got > 0

            for i in 0 .. got - 1 do
                if buffer[i] = '\n' then
                    hear (string line)
                    line.Clear() |> ignore
                elif line.Length < longest then
                    line.Append buffer[i] |> ignore

        if line.Length > 0 then hear (string line)
    }

    let listening =
        lazy
            (Task.WhenAll(
                listen process'.StandardOutput (fun line -> hear line),
                listen process'.StandardError (fun line ->
                    errors.Enqueue line

                    while errors.Count > kept do
                        errors.TryDequeue() |> ignore)
            ))

    member _.IsShared = shared
    member _.Threads = threads
    member _.Gpu = gpu
    member _.HasExited = process'.HasExited

    /// Valid after its end.
    member _.ExitCode = process'.ExitCode

    /// The last lines on standard error.
    member _.Errors = List.ofSeq errors

    /// Calls `each` for every further line on standard output.
    member _.Hear(each: string -> unit) =
        hear <- each
        errors.Clear()
        listening.Value |> ignore

    /// The memory that it uses now, in bytes; 0 after its end.
    member _.Memory: int64 =
        try
            let pages = (File.ReadAllText $"/proc/{process'.Id}/statm").Split ' '
            int64 pages[1] * int64 Environment.SystemPageSize
        with
        | :? IOException
        | :? InvalidOperationException -> 0L

    member _.Signal(signal: int) = if not process'.HasExited then kill (process'.Id, signal) |> ignore

    /// Gives a shared host its next run. If the host has already ended, its end reports that.
    member _.Give(line: string) =
        try
            process'.StandardInput.WriteLine line
            process'.StandardInput.Flush()
        with :? IOException ->
            ()

    /// A shared host without a next run ends by itself.
    member _.Dismiss() =
        try
            process'.StandardInput.Close()
        with :? IOException ->
            ()

        if not (process'.WaitForExit(TimeSpan.FromSeconds 5.0)) then kill (process'.Id, 9) |> ignore

    /// Waits for its last lines, with a timeout, because a grandchild may keep the pipes open.
    member _.Settle() = listening.Value.Wait(TimeSpan.FromSeconds 2.0) |> ignore
