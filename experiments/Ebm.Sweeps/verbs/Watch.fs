/// Starts the server of live pages, a program of its own, and ends with it.
module Ebm.Sweeps.Watch

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked

[<DllImport("libc")>]
extern int private getppid()

[<DllImport("libc")>]
extern int private kill(int id, int signal)

let private sigterm = 15

/// The sweep that words, --name or overrides name; None for all sweeps.
let private asked (place: Place) =
    match place.Given.Words, place.Given.Options.TryGetResult <@ Name @>, place.Given.Unions with
    | [], None, [ [] ] -> None
    | [], Some name, [ [] ] -> Some(string (SweepFolder.Name(name, Source.CommandLine $"--name {name}")))
    | [], _, _ -> Some (planned place).Sweep
    | [ name ], _, _ -> Some(string (SweepFolder.Name(name, Source.CommandLine name)))
    | _ -> usage "watch" "it shows one sweep, or all sweeps without a name; name one."

let internal watch (place: Place) : int =
    let name = asked place

    match name with
    | Some name when not (Directory.Exists(Path.Combine(place.Runs, name))) ->
        let there = SweepFolder.Under place.Runs |> Seq.map (Path.GetFileName >> string) |> List.ofSeq
        let known = if there.IsEmpty then "" else $" Known sweeps: {listed there}{Spelling.DidYouMean(name, there)}."

        for line in wrapped 100 $"{relative place.Runs} has no sweep {name} yet; the page shows it as soon as it begins.{known}" do
            eprintfn "%s" line
    | _ -> ()

    let port =
        match place.Given.Options.TryGetResult <@ Port @> with
        | Some port -> [ "--port"; string port ]
        | None -> []

    let program = programNamed "Ebm.Watch" "ebm-watch"

    if not (File.Exists program) then
        usage
            "watch"
            $"{program} does not exist, so there is no page to serve; build the project, or refer to the package Ebm.Watch in a lab's project."

    let start = ProcessStartInfo(program, place.Runs :: port @ Option.toList name, UseShellExecute = false)
    use server = nonNull (Process.Start start)

    // A terminal sends its interrupt to both processes, anything else only to this one; the server counts the first.
    let pass signal number =
        PosixSignalRegistration.Create(
            signal,
            fun context ->
                context.Cancel <- true
                kill (server.Id, number) |> ignore
        )

    use _ = pass PosixSignal.SIGINT 2
    use _ = pass PosixSignal.SIGTERM sigterm
    use _ = pass PosixSignal.SIGHUP 1
    let parent = getppid ()

    // The outer process of `dotnet fsi` may be killed without a signal to this one.
    while not (server.WaitForExit 500) do
        if getppid () <> parent then kill (server.Id, sigterm) |> ignore

    server.ExitCode
