/// The program of `sweep.fsx watch`: ebm-watch <folder of runs> [--port N] [sweep]. It is a program of its own, because `dotnet fsi` has no
/// web server. It ends with exit code 130 after an interrupt, 143 after SIGTERM, or when the process that started it ends.
module Ebm.Watch.Program

open System
open System.IO
open System.Globalization
open System.Runtime.InteropServices
open System.Threading
open Ebm.Records
open Ebm.Sweeps

[<DllImport("libc")>]
extern int private getppid()

let private refuse says : 'a = raise (ConfigException(Source.Of "watch", "", says))

/// What to type on another machine to see the page there; none if this is no session of ssh.
let private tunnel (port: int) =
    match string (Environment.GetEnvironmentVariable "SSH_CONNECTION") |> _.Split(' ', StringSplitOptions.RemoveEmptyEntries) with
    | [| _; _; host; door |] ->
        let door = if door = "22" then "" else $"-p {door} "
        let host = if host.Contains ':' then $"[{host}]" else host
        Some $"From your own machine: ssh {door}-L {port}:127.0.0.1:{port} {Environment.UserName}@{host}, then open that address there."
    | _ -> None

let private portOf (text: string) =
    match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, port when port >= 1 && port <= 65535 -> port
    | _ -> refuse $"--port {text}: a port must be a number from 1 to 65535, such as {Server.usual}."

let private serve (runs: string) (port: int option) (name: string option) =
    match Server.start runs port with
    | None ->
        match port with
        | Some port -> refuse $"--port {port}: another program uses this port, or it needs more rights; choose another one."
        | None -> refuse $"the ports {Server.usual} to {Server.usual + 49} are all in use; choose another one with --port."
    | Some(app, port) ->
        let ended = new ManualResetEventSlim()
        let code = ref 0

        let stop signal = if Interlocked.CompareExchange(code, signal, 0) = 0 then ended.Set()

        let on signal exits =
            PosixSignalRegistration.Create(
                signal,
                fun context ->
                    context.Cancel <- true
                    stop exits
            )

        use _ = on PosixSignal.SIGINT 130
        use _ = on PosixSignal.SIGTERM 143
        use _ = on PosixSignal.SIGHUP 129
        let parent = getppid ()
        let page = name |> Option.map Parts.sweepAddress |> Option.defaultValue "/"
        Console.WriteLine $"http://127.0.0.1:{port}{page}"
        tunnel port |> Option.iter Console.WriteLine
        Console.WriteLine "The page updates itself and changes nothing. Ctrl-C ends it."
        Console.Out.Flush()

        while not (ended.Wait 1000) do
            if getppid () <> parent then stop 143

        // Open pages poll; nothing is lost if their requests are cut off.
        use patience = new CancellationTokenSource(TimeSpan.FromSeconds 1.0)

        try
            app.StopAsync(patience.Token).GetAwaiter().GetResult()
        with :? OperationCanceledException ->
            ()

        code.Value

[<EntryPoint>]
let main arguments =
    Command.Run(fun () ->
        let rec read (words: string list) port =
            match words with
            | "--port" :: text :: rest -> read rest (Some(portOf text))
            | [] -> port, None
            | [ name ] -> port, Some(string (SweepFolder.Name(name, Source.CommandLine name)))
            | _ -> refuse "ebm-watch takes a folder of runs, --port N, and the name of one sweep."

        match List.ofArray arguments with
        | runs :: rest ->
            let port, name = read rest None
            serve (Path.GetFullPath runs) port name
        | [] -> refuse "ebm-watch needs a folder of runs; `sweep.fsx watch` starts it.")
