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
        use child =
            nonNull (Process.Start(ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true)))
        child.StandardOutput.ReadToEnd() |> ignore
        child.WaitForExit()
        child.ExitCode
    with :? ComponentModel.Win32Exception ->
        127

let private ofItsOwn (interrupts: string) (program: string) (arguments: string list) =
    let words = [ interrupts; "setsid"; program ] @ arguments
    nonNull (Process.Start(ProcessStartInfo("env", words, RedirectStandardOutput = true, RedirectStandardError = true)))

/// A program in a session of its own: its process leads a group. It heeds interrupts, also where these laws are asked in the background.
let leading program arguments = ofItsOwn "--default-signal=INT" program arguments

let private itself = Path.Combine(AppContext.BaseDirectory, "Ebm.Tests.dll")

/// This program again, with the words of one of its own verbs (see Main.fs), as the leader of a group.
let again (words: string list) = leading "dotnet" (itself :: words)

/// The same with so many gigabytes: what takes more is refused, where the machine would have none left for anybody.
let againWithin (gigabytes: int) (words: string list) =
    let limits =
        $"ulimit -d {gigabytes * 1_000_000}; export DOTNET_GCHeapHardLimit={int64 gigabytes * 500_000_000L:x}; exec dotnet \"$@\""
    leading "sh" ([ "-c"; limits; "sh"; itself ] @ words)

/// The same as a shell starts what goes on in its background: interrupts are ignored, and so they are in all that it starts.
let inBackground (words: string list) = ofItsOwn "--ignore-signal=INT" "dotnet" (itself :: words)

/// The processes, other than this one, one of whose arguments has a text in it: a folder's path finds all that are at work in it.
let about (text: string) = [
    for folder in Directory.GetDirectories "/proc" do
        match Int32.TryParse(Path.GetFileName folder) with
        | true, id when id <> Environment.ProcessId ->
            let words =
                try
                    (File.ReadAllText(Path.Combine(folder, "cmdline"))).Split '\000'
                with :? IOException ->
                    // It has just ended.
                    [||]

            if words |> Array.exists (fun word -> word.Contains text) then id
        | _ -> ()
]

/// What it said, and its exit code.
let finished (child: Process) =
    let errors = child.StandardError.ReadToEndAsync()
    let says = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, says + errors.Result
