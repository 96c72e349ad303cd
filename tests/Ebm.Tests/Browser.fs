/// A page in headless Chromium, controlled over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol) with a web
/// socket and JSON. The network is off, or leads only to this machine; requests of the page and messages on its console are recorded.
module Ebm.Tests.Browser

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Net.WebSockets
open System.Text
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Ebm.Tests.Law

let private found =
    lazy
        ([ "chromium"; "chromium-browser"; "google-chrome" ]
         |> List.allPairs (List.ofArray ((string (Environment.GetEnvironmentVariable "PATH")).Split ':'))
         |> List.map Path.Combine
         |> List.tryFind File.Exists)

/// Laws that open a page are skipped without Chromium.
let needed law =
    law
    |> needs (fun () ->
        match found.Value with
        | Some _ -> None
        | None -> Some "Chromium is not on the PATH; Debian's package is chromium")

type Page private (chromium: Process, socket: ClientWebSocket, isOnline: bool) =
    let patience = new CancellationTokenSource(TimeSpan.FromSeconds(if isOnline then 600.0 else 60.0))
    let asked, said = List<string>(), List<string>()
    let mutable count = 0
    let mutable session = ""

    let receive () =
        let buffer, text = Array.zeroCreate<byte> 65536, new MemoryStream()

        let rec next () =
            let got = socket.ReceiveAsync(ArraySegment buffer, patience.Token).GetAwaiter().GetResult()
            text.Write(buffer, 0, got.Count)
            if not got.EndOfMessage then next ()

        next ()
        JsonDocument.Parse(text.ToArray()).RootElement

    /// Handles messages that are not answers.
    let hear (message: JsonElement) =
        match message.TryGetProperty "method" with
        | true, name ->
            let parameters = message.GetProperty "params"

            match string (name.GetString()) with
            | "Network.requestWillBeSent" -> asked.Add(string (parameters.GetProperty("request").GetProperty("url").GetString()))
            | "Runtime.consoleAPICalled"
            | "Runtime.exceptionThrown"
            | "Log.entryAdded" -> said.Add(parameters.GetRawText())
            | _ -> ()
        | _ -> ()

    let send (name: string) (parameters: string) =
        count <- count + 1
        let id = count
        let into = if session = "" then "" else $",\"sessionId\":\"{session}\""
        let message = $"{{\"id\":{id},\"method\":\"{name}\",\"params\":{parameters}{into}}}"

        socket
            .SendAsync(ArraySegment(Encoding.UTF8.GetBytes message), WebSocketMessageType.Text, true, patience.Token)
            .GetAwaiter()
            .GetResult()

        id

    let call (name: string) (parameters: string) =
        let id = send name parameters

        let rec answer () =
            let message = receive ()
            hear message

            match message.TryGetProperty "id" with
            | true, found when found.GetInt32() = id ->
                match message.TryGetProperty "error" with
                | true, error -> failwith $"{name}: {error.GetRawText()}"
                | _ -> message.GetProperty "result"
            | _ -> answer ()

        answer ()

    /// Starts a new Chromium without network and with an empty profile.
    static member Open(profile: string) = Page.Start(profile, false)

    /// Starts a new Chromium that reaches servers on this machine, and no other, with an empty profile.
    static member OpenHere(profile: string) = Page.Start(profile, true)

    static member private Start(profile: string, isOnline: bool) =
        let start =
            ProcessStartInfo(
                Option.get found.Value,
                [
                    "--headless=new"
                    "--no-sandbox"
                    "--disable-gpu"
                    "--disable-dev-shm-usage"
                    "--no-first-run"
                    "--disable-background-networking"
                    "--remote-debugging-port=0"
                    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
                    $"--user-data-dir={profile}"
                    "about:blank"
                ],
                RedirectStandardError = true,
                RedirectStandardOutput = true
            )

        let chromium = Process.Start start |> nonNull
        let listening = "DevTools listening on "
        let address = TaskCompletionSource<Uri>()

        // Its output must be read to the end, because a full pipe would block it.
        chromium.OutputDataReceived.Add ignore
        chromium.ErrorDataReceived.Add(fun said ->
            match said.Data with
            | null -> address.TrySetException(InvalidOperationException "Chromium ended before it listened.") |> ignore
            | line when line.StartsWith(listening, StringComparison.Ordinal) ->
                address.TrySetResult(Uri(line.Substring listening.Length)) |> ignore
            | _ -> ())
        chromium.BeginErrorReadLine()
        chromium.BeginOutputReadLine()
        let socket = new ClientWebSocket()
        socket.ConnectAsync(address.Task.GetAwaiter().GetResult(), CancellationToken.None).GetAwaiter().GetResult()
        let page = new Page(chromium, socket, isOnline)
        page.Begin()
        page

    member private _.Begin() =
        let target = (call "Target.createTarget" "{\"url\":\"about:blank\"}").GetProperty("targetId").GetString()
        let attached = call "Target.attachToTarget" $"{{\"targetId\":\"{target}\",\"flatten\":true}}"
        session <- string (attached.GetProperty("sessionId").GetString())

        for domain in [ "Page"; "Network"; "Runtime"; "Log" ] do
            call $"{domain}.enable" "{}" |> ignore

        if not isOnline then
            call "Network.emulateNetworkConditions" "{\"offline\":true,\"latency\":0,\"downloadThroughput\":0,\"uploadThroughput\":0}"
            |> ignore

    /// The value of a JavaScript expression as JSON; waits for a promise.
    member _.Ask(expression: string) =
        let result =
            call "Runtime.evaluate" $"{{\"expression\":{JsonSerializer.Serialize expression},\"awaitPromise\":true,\"returnByValue\":true}}"

        match result.TryGetProperty "exceptionDetails" with
        | true, details -> broken $"{expression} throws: {details.GetRawText()}"
        | _ ->
            match result.GetProperty("result").TryGetProperty "value" with
            | true, value -> value.Clone()
            | _ -> JsonDocument.Parse("null").RootElement

    member page.Text(expression: string) = string (page.Ask(expression).ToString())

    /// Presses and releases a key on the focused element.
    member _.Press(key: string) =
        let text = if key = "Enter" then ",\"text\":\"\\r\"" else ""
        let code =
            if key = "Enter" then 13
            elif key = "Escape" then 27
            else 9

        for kind in [ "keyDown"; "keyUp" ] do
            let text = if kind = "keyDown" then text else ""

            call
                "Input.dispatchKeyEvent"
                $"{{\"type\":\"{kind}\",\"key\":\"{key}\",\"code\":\"{key}\",\"windowsVirtualKeyCode\":{code}{text}}}"
            |> ignore

    /// Sets the size of the window.
    member _.Size(width: int, height: int) =
        call "Emulation.setDeviceMetricsOverride" $"{{\"width\":{width},\"height\":{height},\"deviceScaleFactor\":1,\"mobile\":false}}"
        |> ignore

    /// Emulates a preference for dark mode, or print.
    member _.Prefer(media: string, scheme: string) =
        call
            "Emulation.setEmulatedMedia"
            $"{{\"media\":\"{media}\",\"features\":[{{\"name\":\"prefers-color-scheme\",\"value\":\"{scheme}\"}}]}}"
        |> ignore

    /// Opens a file or an address, waits until it is loaded, and clears the records.
    member page.Go(place: string) =
        asked.Clear()
        said.Clear()
        let address = Uri place
        call "Page.navigate" $"{{\"url\":{JsonSerializer.Serialize address.AbsoluteUri}}}" |> ignore

        let rec wait () =
            if page.Text "document.readyState + location.protocol" <> "complete" + address.Scheme + ":" then
                Thread.Sleep 20
                wait ()

        wait ()

    /// All requests, except for the page itself and its data and blob addresses.
    member _.Asked =
        asked
        |> Seq.filter (fun url ->
            not (url.StartsWith("data:", StringComparison.Ordinal) || url.StartsWith("blob:", StringComparison.Ordinal)))
        |> Seq.skip 1
        |> List.ofSeq

    /// Saves a picture of the window as PNG.
    member _.Photograph(path: string) =
        let data = (call "Page.captureScreenshot" "{\"format\":\"png\"}").GetProperty("data").GetString() |> string
        File.WriteAllBytes(path, Convert.FromBase64String data)

    /// All messages on the console, with uncaught errors.
    member _.Said = List.ofSeq said

    interface IDisposable with
        member _.Dispose() =
            // A closed browser stops writing to its profile; the children of a killed one may continue.
            session <- ""
            send "Browser.close" "{}" |> ignore
            if not (chromium.WaitForExit 20_000) then chromium.Kill true
            chromium.WaitForExit()
            socket.Dispose()
            chromium.Dispose()
            patience.Dispose()
