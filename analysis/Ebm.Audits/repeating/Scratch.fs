/// Where an audit works: a folder and child processes of its own, both gone when it ends, however it ends. A signal ends the children first,
/// so that nothing is written into a folder that is being deleted; only SIGKILL, which nobody can heed, leaves the folder behind.
module Ebm.Audits.Scratch

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading

/// A signal has ended the audit; by then its folder is gone.
exception Stopped of signal: int with
    override this.Message = $"stopped by signal {this.signal}; nothing was left behind."

/// What a child said, and its exit code.
type Ended = { Code: int; Output: string; Errors: string }

type Scratch(folder: string) =
    let children = HashSet<Process>()
    let mutable signal = 0

    let kill (child: Process) =
        try
            child.Kill(entireProcessTree = true)
        with :? InvalidOperationException ->
            // It has just ended by itself.
            ()

    member _.Folder = folder
    member _.Check() = if signal <> 0 then raise (Stopped signal)

    /// Ends all children, and lets none begin any more.
    member _.Stop(by: int) =
        lock children (fun () ->
            if signal = 0 then signal <- by
            Seq.iter kill children)

    /// Runs a program to its end, with nothing to read and variables beside those of this process. Throws Stopped.
    member scratch.Run(where: string, variables: (string * string) list, program: string, arguments: string list) : Ended =
        let start =
            ProcessStartInfo(
                program,
                arguments,
                WorkingDirectory = where,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for name in Git.ofAnotherRepository do
            start.Environment.Remove name |> ignore

        for name, value in variables do
            start.Environment[name] <- value

        use child =
            lock children (fun () ->
                scratch.Check()
                let child = nonNull (Process.Start start)
                children.Add child |> ignore
                child)

        child.StandardInput.Close()
        let errors = child.StandardError.ReadToEndAsync()
        let output = child.StandardOutput.ReadToEndAsync()
        child.WaitForExit()
        lock children (fun () -> children.Remove child |> ignore)
        scratch.Check()
        { Code = child.ExitCode; Output = output.Result; Errors = errors.Result }

/// What a killed child has just begun to write may still come.
let rec private delete (folder: string) attempts =
    try
        if Directory.Exists folder then Directory.Delete(folder, true)
    with :? IOException when attempts > 0 ->
        Thread.Sleep 100
        delete folder (attempts - 1)

/// Works at a scratch of its own. Throws Stopped where a signal came.
let inScratch (act: Scratch -> 'a) : 'a =
    let folder = (Directory.CreateTempSubdirectory "ebm-audit-").FullName
    let scratch = Scratch folder

    let heed (signal: PosixSignal) number =
        PosixSignalRegistration.Create(
            signal,
            fun context ->
                context.Cancel <- true
                scratch.Stop number
        )

    use _ = heed PosixSignal.SIGINT 2
    use _ = heed PosixSignal.SIGTERM 15
    use _ = heed PosixSignal.SIGHUP 1

    try
        try
            let made = act scratch
            scratch.Check()
            made
        with error when not (error :? Stopped) ->
            // What a signal broke off fails in many ways.
            scratch.Check()
            reraise ()
    finally
        scratch.Stop 15
        delete folder 20
