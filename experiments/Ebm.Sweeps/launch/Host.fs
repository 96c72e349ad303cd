/// A process in which runs happen: one run's own, or, where runs share, one that is given run after run on its standard input.
///
/// What it says is heard line by line, without end and without blocking it; the last lines of its standard error are kept.
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

/// How many of a run's last lines are kept.
let kept = 200

/// A run that prints without end, or without a line break, must not take the sweep's memory: of a line so much is heard.
let private longest = 10_000

/// `threads` are the run's, `gpu` is the only one that it is shown; `ended` is called, on another thread, when it is gone.
type Host(runner: string, arguments: string list, threads: int, gpu: string option, shared: bool, ended: unit -> unit) =
    let errors = ConcurrentQueue<string>()
    let mutable hear: string -> unit = ignore

    let process' =
        let info =
            ProcessStartInfo(runner, arguments, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true)

        for KeyValue(name, value) in Machine.Environs threads do
            info.Environment[name] <- value

        info.Environment[Stop.ParentVariable] <- string Environment.ProcessId
        gpu |> Option.iter (fun gpu -> info.Environment["CUDA_VISIBLE_DEVICES"] <- gpu)

        let started = new Process(StartInfo = info, EnableRaisingEvents = true)
        started.Exited.Add(fun _ -> ended ())
        started.Start() |> ignore
        if not shared then started.StandardInput.Close()
        // Where the system runs out of memory, a run ends, and not the sweep that watches over the others.
        try
            File.WriteAllText($"/proc/{started.Id}/oom_score_adj", "500")
        with
        | :? IOException
        | :? UnauthorizedAccessException ->
            // It is over already, or the system has no such file.
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

    /// After its end.
    member _.ExitCode = process'.ExitCode

    /// Its last words on standard error.
    member _.Errors = List.ofSeq errors

    /// Tells of every line on its standard output from here on.
    member _.Hear(each: string -> unit) =
        hear <- each
        errors.Clear()
        listening.Value |> ignore

    /// Bytes of memory that it holds now; 0 when it is gone.
    member _.Memory: int64 =
        try
            let pages = (File.ReadAllText $"/proc/{process'.Id}/statm").Split ' '
            int64 pages[1] * int64 Environment.SystemPageSize
        with
        | :? IOException
        | :? InvalidOperationException -> 0L

    member _.Signal(signal: int) = if not process'.HasExited then kill (process'.Id, signal) |> ignore

    /// Gives a shared host its next run; it may be gone already, and that is seen as its end.
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

    /// Waits for its last words; a grandchild could hold the pipes open for ever.
    member _.Settle() = listening.Value.Wait(TimeSpan.FromSeconds 2.0) |> ignore
