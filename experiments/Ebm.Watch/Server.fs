/// The server of live pages. It listens on this machine's loopback interface, answers GET and HEAD, and only requests for its own address:
/// a web page elsewhere whose name leads to 127.0.0.1 gets nothing (DNS rebinding). It writes no file.
module Ebm.Watch.Server

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Sockets
open System.Reflection
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Connections
open Microsoft.AspNetCore.Server.Kestrel.Core
open Microsoft.Extensions.Primitives
open Ebm.Records

/// The port without --port; if it is taken, the next free one.
let usual = 8050

let private script =
    use stream = Assembly.GetExecutingAssembly().GetManifestResourceStream "watch.js" |> nonNull
    use reader = new StreamReader(stream)
    reader.ReadToEnd()

type private Site(runs: string) =
    let overview = lazy (Overview.Overview runs)
    let sweeps = ConcurrentDictionary<string, Lazy<Sweep.Sweep>>(StringComparer.Ordinal)

    member _.Overview = overview.Value

    /// A sweep's view. One whose folder does not exist is not kept, so that any address costs nothing.
    member _.Sweep(name: FolderName) =
        let folder = name.In runs

        if Directory.Exists folder then
            sweeps.GetOrAdd(string name, fun _ -> lazy (Sweep.Sweep folder)).Value
        else
            match sweeps.TryGetValue(string name) with
            | true, known -> known.Value
            | _ -> Sweep.Sweep folder

/// The name of a sweep in an address; None for anything else, such as a path.
let private nameIn (text: string) = if SweepFolder.IsReserved text then None else Option.ofObj (FolderName.Try text)

let private answer (context: HttpContext) (status: int) (kind: string) (content: string) : Task =
    context.Response.StatusCode <- status
    context.Response.ContentType <- kind + "; charset=utf-8"
    let bytes = Text.Encoding.UTF8.GetBytes content
    context.Response.ContentLength <- bytes.LongLength
    if HttpMethods.IsHead context.Request.Method then
        Task.CompletedTask
    else
        context.Response.Body.WriteAsync(ReadOnlyMemory<byte> bytes).AsTask()

let private says context status (sentence: string) = answer context status "text/plain" (sentence + "\n")

let private changes (context: HttpContext) (board: Board.Board) =
    match board.Since(string (context.Request.Query.Item "since")) with
    | Some json -> answer context 200 "application/json" json
    | None ->
        context.Response.StatusCode <- 204
        Task.CompletedTask

/// How long the first page of a sweep waits for its table and figures.
let private patience = TimeSpan.FromSeconds 3.0

let private serve (site: Site) (context: HttpContext) : Task =
    match List.ofArray (context.Request.Path.Value |> Option.ofObj |> Option.defaultValue "/" |> _.Split('/')) with
    | [ ""; "" ] ->
        site.Overview.Update()
        answer context 200 "text/html" (site.Overview.Page script)
    | [ ""; "parts" ] ->
        site.Overview.Update()
        changes context site.Overview.Board
    | [ ""; "sweep"; name ] when (nameIn name).IsSome ->
        let sweep = site.Sweep (nameIn name).Value
        sweep.Update()
        sweep.Wait patience
        answer context 200 "text/html" (sweep.Page script)
    | [ ""; "sweep"; name; "parts" ] when (nameIn name).IsSome ->
        let sweep = site.Sweep (nameIn name).Value
        sweep.Update()
        changes context sweep.Board
    | _ -> says context 404 "There is no page of this address. The pages are /, which lists the sweeps, and /sweep/<name>."

/// Refuses requests that this server does not serve; the sentence says why.
let private guarded (port: int) (next: HttpContext -> Task) (context: HttpContext) : Task =
    let header (name: string) (value: string) = context.Response.Headers[name] <- StringValues value
    header "Cache-Control" "no-store"
    header "X-Content-Type-Options" "nosniff"
    header "Referrer-Policy" "no-referrer"
    header "Cross-Origin-Resource-Policy" "same-origin"
    header "Cross-Origin-Opener-Policy" "same-origin"
    // The page itself says what it may load.
    header "Content-Security-Policy" "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    let known = [ $"127.0.0.1:{port}"; $"localhost:{port}"; $"[::1]:{port}" ]

    if not (List.contains (string context.Request.Host) known) then
        says
            context
            403
            $"This server answers only requests for its own address. Open http://127.0.0.1:{port}/; over ssh, forward the same port number."
    elif not (HttpMethods.IsGet context.Request.Method || HttpMethods.IsHead context.Request.Method) then
        header "Allow" "GET, HEAD"
        says context 405 "This server only shows runs: it answers GET and HEAD, and changes nothing."
    else
        next context

/// A server on one port; None if the port is taken.
let private startOn (runs: string) (port: int) : WebApplication option =
    // The empty builder reads no settings and no variables, which could name other addresses to listen on.
    let builder = WebApplication.CreateEmptyBuilder(WebApplicationOptions())

    builder.WebHost
        .UseKestrelCore()
        .ConfigureKestrel(fun (options: KestrelServerOptions) ->
            options.AddServerHeader <- false
            options.Limits.MaxRequestBodySize <- Nullable 0L
            options.Listen(IPAddress.Loopback, port))
    |> ignore

    let app = builder.Build()
    let site = Site runs
    RunExtensions.Run(app, RequestDelegate(guarded port (serve site)))

    try
        app.StartAsync().GetAwaiter().GetResult()
        Some app
    with
    | :? IOException as error when (error.InnerException :? AddressInUseException) ->
        (app :> IDisposable).Dispose()
        None
    | :? SocketException ->
        (app :> IDisposable).Dispose()
        None

/// Starts the server: on this port, else on the usual one or the next free one after it. Returns it with its port; None if every port that
/// may be used is taken.
let start (runs: string) (port: int option) : (WebApplication * int) option =
    let ports =
        match port with
        | Some port -> [ port ]
        | None -> [ usual .. usual + 49 ]

    ports |> List.tryPick (fun port -> startOn runs port |> Option.map (fun app -> app, port))
