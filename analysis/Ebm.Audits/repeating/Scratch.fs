/// The temporary folder and the child processes of an audit; both end with it. On a signal, the children end first, so that no process
/// writes into a folder that is being deleted. Only SIGKILL leaves the folder behind.
module Ebm.Audits.Scratch

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading

/// A signal ended the audit, and its folder is deleted.
exception Stopped of signal: int with
    override this.Message = $"stopped by signal {this.signal}; nothing was left behind."

/// The output and the exit code of a child.
type Ended = { Code: int; Output: string; Errors: string }

type Scratch(folder: string) =
    let children = HashSet<Process>()
    let mutable signal = 0

    let kill (child: Process) =
        try
            child.Kill(entireProcessTree = true)
        with :? InvalidOperationException ->
            // The child has already ended.
            ()

    member _.Folder = folder
    member _.Check() = if signal <> 0 then raise (Stopped signal)

    /// Ends all children, and starts no further ones.
    member _.Stop(by: int) =
        lock children (fun () ->
            if signal = 0 then signal <- by
            Seq.iter kill children)

    /// Runs a program to its end, with an empty standard input and further environment variables. Throws Stopped.
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

/// Tries again, because the last writes of a killed child may arrive late.
let rec private delete (folder: string) attempts =
    try
        if Directory.Exists folder then Directory.Delete(folder, true)
    with :? IOException when attempts > 0 ->
        Thread.Sleep 100
        delete folder (attempts - 1)

/// Runs `act` with a new scratch. Throws Stopped if a signal came.
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
            // A signal may surface as another exception.
            scratch.Check()
            reraise ()
    finally
        scratch.Stop 15
        delete folder 20
