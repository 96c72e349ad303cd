/// Processes that laws start, signal and wait for.
module Ebm.Tests.Processes

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices

[<DllImport("libc")>]
extern int kill(int pid, int signal)

/// The exit code of a program that says nothing to anyone.
let ends (program: string) (arguments: string list) =
    try
        use child = nonNull (Process.Start(ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true)))
        child.StandardOutput.ReadToEnd() |> ignore
        child.WaitForExit()
        child.ExitCode
    with :? ComponentModel.Win32Exception ->
        127

/// This program again, with the words of one of its own verbs (see Main.fs), in a session of its own: its process leads a group.
let again (words: string list) =
    let self = Path.Combine(AppContext.BaseDirectory, "Ebm.Tests.dll")
    let start = ProcessStartInfo("setsid", [ "dotnet"; self ] @ words, RedirectStandardOutput = true, RedirectStandardError = true)
    nonNull (Process.Start start)

/// What it said, and its exit code.
let finished (child: Process) =
    let errors = child.StandardError.ReadToEndAsync()
    let says = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, says + errors.Result
