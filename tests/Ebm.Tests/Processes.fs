/// Processes that laws start, signal and wait for.
module Ebm.Tests.Processes

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices

[<DllImport("libc")>]
extern int kill(int pid, int signal)

/// The exit code of a program; its output is discarded.
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

/// Starts a program as the leader of its own process group. It accepts interrupts, also if the laws run in the background.
let leading program arguments = ofItsOwn "--default-signal=INT" program arguments

let private itself = Path.Combine(AppContext.BaseDirectory, "Ebm.Tests.dll")

/// Starts this program with the arguments of one of its own verbs (see Main.fs), as the leader of a group.
let again (words: string list) = leading "dotnet" (itself :: words)

/// The same with an environment variable.
let againWith (variable: string) (value: string) (words: string list) = leading "env" ([ $"{variable}={value}"; "dotnet"; itself ] @ words)

/// The same with a memory limit in gigabytes, so that a run that needs more fails and other processes keep their memory.
let againWithin (gigabytes: int) (words: string list) =
    let limits = $"ulimit -d {gigabytes * 1_000_000}; export DOTNET_GCHeapHardLimit={int64 gigabytes * 500_000_000L:x}; exec dotnet \"$@\""
    leading "sh" ([ "-c"; limits; "sh"; itself ] @ words)

/// The same as a background process of a shell: it and its children ignore interrupts.
let inBackground (words: string list) = ofItsOwn "--ignore-signal=INT" "dotnet" (itself :: words)

/// The other processes with this text in an argument: a folder's path finds all that use it.
let about (text: string) = [
    for folder in Directory.GetDirectories "/proc" do
        match Int32.TryParse(Path.GetFileName folder) with
        | true, id when id <> Environment.ProcessId ->
            let words =
                try
                    (File.ReadAllText(Path.Combine(folder, "cmdline"))).Split '\000'
                with :? IOException ->
                    // The process has just ended.
                    [||]

            if words |> Array.exists (fun word -> word.Contains text) then id
        | _ -> ()
]

/// The output and the exit code.
let finished (child: Process) =
    let errors = child.StandardError.ReadToEndAsync()
    let says = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, says + errors.Result

let needsGit = Law.needs (fun () -> if ends "git" [ "--version" ] = 0 then None else Some "git is not installed")
