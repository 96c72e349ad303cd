/// The live page: what it shows, that it keeps up with the folders of runs, and that it answers only requests from this machine for itself.
module Ebm.Tests.Laws.WatchLaws

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.NetworkInformation
open System.Net.Sockets
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open System.Threading
open Ebm.Analysis
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Folder
open Ebm.Tests.Law

let private program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Ebm.Watch", "release", "ebm-watch"))

/// Waits until something holds; a law does not depend on how long that takes.
let rec private await what (tries: int) (holds: unit -> bool) =
    if not (holds ()) then
        if tries = 0 then broken $"{what}: it did not happen"
        Thread.Sleep 100
        await what (tries - 1) holds

let private started (words: string list) =
    let server = Processes.leading program words
    let line = server.StandardOutput.ReadLine()
    let found = Regex.Match(string line, @"\Ahttp://127\.0\.0\.1:([0-9]+)/")

    if not found.Success then
        let code, says = Processes.finished server
        broken $"the server did not start: {line} {code} {says}"

    server, int found.Groups[1].Value

let private ended (server: Process) (signal: int) =
    Processes.kill (server.Id, signal) |> ignore
    server.WaitForExit()
    server.ExitCode

/// Serves a folder of runs while the law holds.
let private serving (runs: string) (holds: int -> unit) =
    let server, port = started [ runs ]

    try
        holds port
    finally
        ended server 2 |> ignore

type private Answer = { Code: int; Headers: string; Body: string }

/// One request as it is written, and its answer.
let private raw (port: int) (request: string) =
    use client = new TcpClient()
    client.Connect(IPAddress.Loopback, port)
    use stream = client.GetStream()
    stream.Write(Encoding.ASCII.GetBytes request)
    use all = new MemoryStream()
    stream.CopyTo all
    let text = Encoding.UTF8.GetString(all.ToArray())
    let cut = text.IndexOf "\r\n\r\n"
    let headers = if cut < 0 then text else text.Substring(0, cut)
    let code = Regex.Match(headers, @"\AHTTP/1\.1 ([0-9]{3})")
    {
        Code = (if code.Success then int code.Groups[1].Value else 0)
        Headers = headers
        Body = (if cut < 0 then "" else text.Substring(cut + 4))
    }

let private asked port (verb: string) (path: string) (host: string) =
    raw port $"{verb} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"

let private got port path = asked port "GET" path $"127.0.0.1:{port}"

let private page port path =
    let answer = got port path
    must $"{path}: {answer.Code} {answer.Body}" (answer.Code = 200)
    answer.Body

let private versionIn (page: string) = Regex.Match(page, "data-version=\"([^\"]+)\"").Groups[1].Value

/// What changed after a version: the new version, and the parts.
let private changes port (sweep: string) (since: string) =
    let answer = got port $"{sweep}/parts?since={since}"

    match answer.Code with
    | 204 -> since, Map.empty, 0
    | 200 ->
        use json = JsonDocument.Parse answer.Body
        let root = json.RootElement

        string (root.GetProperty("version").GetString()),
        Map [ for part in root.GetProperty("parts").EnumerateObject() -> part.Name, string (part.Value.GetString()) ],
        answer.Body.Length
    | code -> broken $"{code}: {answer.Body}"

/// The contents and times of all files below a folder.
let private state (folder: string) = [
    for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> Array.sort ->
        file, File.GetLastWriteTimeUtc file, Canonical.Sha256OfFile file
]

let private withSweep holds =
    inFolder (fun folder ->
        let runs = Path.Combine(folder, "runs")
        let sweep = Path.Combine(runs, "laws")

        for seed in 0..2 do
            RunFolders.trained sweep "one" seed RunState.Completed null [] |> ignore

        RunFolders.trained sweep "two" 3 RunState.Diverged "the loss is NaN" [] |> ignore
        holds runs sweep)

/// A run that another process seems to execute, with its log.
let private running (sweep: string) (seed: int) (startedAt: DateTime) (holds: RunFolder -> unit) =
    let folder = RunFolders.trained sweep "two" seed RunState.Pending null [ "steps", "many" ]
    File.WriteAllText(folder.In "events.jsonl", "")
    File.WriteAllText(folder.In "stdout.log", "     2.0 s  progress 1 100 train\n")
    use claim = new Claim(folder)

    claim.Folder.Write(
        RunManifest(
            State = RunState.Running,
            RunId = folder.Id,
            GroupId = "g-running",
            SweepId = folder.Sweep,
            Seed = int64 seed,
            ConfigSha256 = folder.ConfigSha256,
            Timing = Timing(Started = startedAt)
        )
    )

    holds claim.Folder

let private outside (page: string) =
    // Names of vocabularies, which nothing fetches, and the server's own address.
    [
        for found in Regex.Matches(page, @"(?i)\b(https?:)?//[a-z0-9.\[][^\s""'<>)]*") do
            if not (Regex.IsMatch(found.Value, @"\A(http://www\.w3\.org/|http://127\.0\.0\.1:)")) then found.Value
    ]
    |> List.filter (fun url -> not (url.StartsWith "//" && url.Contains ' '))

let private nothingOutside (page: string) =
    let loads = [
        for found in
            Regex.Matches(
                page,
                @"(?i)(?:\b(?:src|href|action|data|poster|srcset)\s*=\s*[""']?|url\(\s*[""']?|@import\s+[""']?)((?:https?:)?//[^""'\s>)]*)"
            ) -> found.Groups[1].Value
    ]
    must $"it loads %A{loads}" loads.IsEmpty

let all = [
    law "a live page answers GET and HEAD for its own address alone, and a request for another host gets a sentence" (fun () ->
        withSweep (fun runs _ ->
            serving runs (fun port ->
                for host in [ $"127.0.0.1:{port}"; $"localhost:{port}"; $"[::1]:{port}" ] do
                    must host ((asked port "GET" "/" host).Code = 200)
                    must host ((asked port "HEAD" "/sweep/laws" host).Code = 200)
                    must host ((asked port "HEAD" "/sweep/laws" host).Body = "")

                for host in
                    [
                        "example.org"
                        $"example.org:{port}"
                        "127.0.0.1"
                        "127.0.0.1:1"
                        $"localhost.example.org:{port}"
                        $"127.0.0.2:{port}"
                    ] do
                    for path in [ "/"; "/sweep/laws"; "/sweep/laws/parts?since="; "/none" ] do
                        let answer = asked port "GET" path host
                        must $"{host}{path}: {answer.Code}" (answer.Code = 403)
                        must answer.Body (answer.Body.StartsWith "This server answers only requests for its own address.")
                        must "it gives the runs away" (not (answer.Body.Contains "laws")))))

    law "a live page changes nothing: other methods are refused, and no file of the runs is written" (fun () ->
        withSweep (fun runs _ ->
            let before = state runs

            serving runs (fun port ->
                for verb in [ "POST"; "PUT"; "PATCH"; "DELETE"; "OPTIONS"; "TRACE"; "PROPFIND" ] do
                    let answer = asked port verb "/sweep/laws" $"127.0.0.1:{port}"
                    must $"{verb}: {answer.Code}" (answer.Code = 405 && answer.Headers.Contains "Allow: GET, HEAD")

                page port "/" |> ignore
                page port "/sweep/laws" |> ignore
                changes port "/sweep/laws" "" |> ignore)

            must "a file was written" (state runs = before)))

    law "a live page listens on the loopback interface alone" (fun () ->
        withSweep (fun runs _ ->
            serving runs (fun port ->
                let listeners = [
                    for listener in IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners() do
                        if listener.Port = port then listener.Address
                ]

                must $"%A{listeners}" (not listeners.IsEmpty && listeners |> List.forall IPAddress.IsLoopback))))

    law "an address never leads out of the folder of runs" (fun () ->
        withSweep (fun runs _ ->
            let secret = "a text beside the runs"
            Directory.CreateDirectory(Path.Combine(runs, "..", "beside")) |> ignore
            File.WriteAllText(Path.Combine(runs, "..", "beside", "manifest.json"), secret)
            File.WriteAllText(Path.Combine(runs, "..", "secret"), secret)

            serving runs (fun port ->
                for path in
                    [
                        "/sweep/.."
                        "/sweep/%2e%2e"
                        "/sweep/..%2fbeside"
                        "/sweep/%2e%2e%2fbeside"
                        "/sweep/..%5cbeside"
                        "/sweep/laws/../../../secret"
                        "/sweep//etc"
                        "/sweep/%2Fetc%2Fpasswd"
                        "/sweep/.hidden"
                        "/sweep/a%00b"
                        "/sweep/audits"
                        "/sweep/ledger.jsonl"
                        "/laws/one"
                        "/etc/passwd"
                        "/../secret"
                    ] do
                    let answer = got port path
                    must
                        $"{path}: {answer.Code}"
                        (List.contains answer.Code [ 404; 400 ] || (answer.Code = 200 && answer.Body.Contains "id=\"sweeps\""))
                    must path (not (answer.Body.Contains secret || answer.Body.Contains "root:x:0")))))

    law "a page of a sweep with a run that diverged shows its step and its reason, and the figures of the report" (fun () ->
        withSweep (fun runs sweep ->
            serving runs (fun port ->
                await "the figures" 600 (fun () -> (page port "/sweep/laws").Contains "id=\"part-gap\"")
                let page = page port "/sweep/laws"
                must "the step" (page.Contains " at step 40: <bdi>the loss is NaN</bdi>")
                must "its state" (page.Contains "<span class=\"state diverged\">diverged</span>")
                let table, _ = Report.tableOf sweep
                let cast = Cast.cast (RunFolder.Under sweep) table.Value

                for figure in Gallery.figures cast do
                    let due = Giraffe.ViewEngine.RenderView.AsString.htmlNodes [ FigureHtml.figure FigureHtml.Never figure ]
                    must $"{figure.Id} is not the report's" (page.Contains due))))

    law
        "each run's row has its diagnosis, with evidence and what to try, also while it runs, and it changes with the run's records"
        (fun () ->
            inFolder (fun folder ->
                let runs = Path.Combine(folder, "runs")
                let sweep = Path.Combine(runs, "laws")
                let lacking = RunFolders.plant sweep 1 { RunFolders.sound with Drawn = [ 0.5; 0.5; 0.0 ] }
                let stopped = RunFolders.plant sweep 2 { RunFolders.sound with State = RunState.Interrupted }

                running sweep 7 (DateTime.UtcNow.AddSeconds -100.0) (fun training ->
                    let gaps = [ for step in 10L..10L..400L -> Event(step, "energy/gap", float step * float step / 100.0) ]
                    training.Append gaps

                    serving runs (fun port ->
                        let row (run: RunFolder) =
                            Regex
                                .Match(
                                    page port "/sweep/laws",
                                    $"<tr id=\"run-{Regex.Escape run.Id}\".*?</tr>",
                                    RegexOptions.Singleline
                                )
                                .Value

                        let tells (run: RunFolder) =
                            let findings = Diagnosis.ofFolder run
                            let has (text: string) = (row run).Contains(Html.escaped text)
                            await run.Id 600 (fun () -> has $"{Diagnosis.line findings}")

                            for found in findings do
                                must found.Says (has $"{Diagnosis.word found.Verdict}, {found.Check}: ")
                                must found.Check (has found.Says && List.forall has found.Evidence)
                                must found.Check (found.Try |> Option.forall (fun setting -> has $"Try {setting}."))

                            findings

                        let blames (verdict: Finding.Verdict) findings =
                            must $"%A{findings}" (findings |> List.exists (fun (found: Finding.Finding) -> found.Verdict = verdict))

                        tells lacking |> blames Finding.Sampler
                        tells training |> blames Finding.Model
                        must "something to try" ((row lacking).Contains "Try method.")
                        must "an open diagnosis" (not ((row lacking).Contains "<details open"))
                        let before = tells stopped
                        stopped.Write((nonNull stopped.Manifest).Ended(RunState.Diverged, 400L, "planted"))
                        let after = tells stopped
                        blames Finding.Model after
                        must "the diagnosis stays" (before <> after)))))

    law "a retired run is marked with its reason, and an imported one with its source, in the list of a live page" (fun () ->
        withSweep (fun runs sweep ->
            let theirs = RunFolders.imported sweep

            let ours = RunFolder.Under sweep |> Seq.find (fun run -> run.Id <> theirs.Id)
            let decide undone =
                let decision: Retired.Decision = { Run = ours.Id; Because = "its disk was full"; Undone = undone }
                File.AppendAllText(Retired.fileOf sweep, Retired.written decision + "\n")

            serving runs (fun port ->
                let row (run: RunFolder) =
                    Regex.Match(page port "/sweep/laws", $"<tr id=\"run-{Regex.Escape run.Id}\".*?</tr>", RegexOptions.Singleline).Value

                let isRetired () = (row ours).Contains "<span class=\"state retired\">retired</span>"
                let mark = "<span class=\"state imported\" title=\"a paper, table 2\">imported</span>"
                must (row theirs) ((row theirs).Contains mark && (row theirs).Contains "imported from a paper, table 2")
                must (row ours) (not (isRetired () || (row ours).Contains "imported"))
                decide false
                await "the mark" 600 isRetired
                must (row ours) ((row ours).Contains "<bdi>retired: its disk was full</bdi>")
                must (row ours) ((row ours).Contains "<span class=\"state completed\">completed</span>")
                await "the table without it" 600 (fun () -> (page port "/sweep/laws").Contains "retired because its disk was full")
                decide true
                await "the return" 600 (isRetired >> not)
                File.AppendAllText(Retired.fileOf sweep, "{}\n")
                await "the bad line" 600 (fun () -> (page port "/sweep/laws").Contains "retired.jsonl, line 3: not a decision"))))

    law "the page of a search shows its figures, and of each pruned run the step and the reason" (fun () ->
        inFolder (fun folder ->
            let runs = Path.Combine(folder, "runs")
            let sweep = Path.Combine(runs, "laws")

            for width in 1..8 do
                RunFolders.trained sweep "one" width RunState.Completed null [ "width", string width ] |> ignore

            let reason = "the rule asha: grid-kl is worse than that of the best quarter of the runs at step 40"
            let pruned = RunFolders.trained sweep "one" 9 RunState.Pruned reason [ "width", "9" ]
            let table, _ = Report.tableOf sweep
            let figures = Searching.figures (Cast.cast (RunFolder.Under sweep) table.Value)
            must "a search without figures" (figures |> List.exists (fun figure -> figure.Id = "history"))

            serving runs (fun port ->
                let page () = page port "/sweep/laws"

                for figure in figures do
                    await figure.Id 600 (fun () -> (page ()).Contains $"id=\"part-{figure.Id}\"")

                let page = page ()
                must "a pruned trial in the history" (page.Contains "pruned: its last measurement")
                must "its state" (page.Contains "<span class=\"state pruned\">pruned</span>")
                must "the step and the reason" (page.Contains $"{pruned.Id}</a> at step 40: <bdi>{reason}</bdi>"))))

    law "no byte of a live page names an address outside" (fun () ->
        withSweep (fun runs _ ->
            serving runs (fun port ->
                await "the figures" 600 (fun () -> (page port "/sweep/laws").Contains "id=\"part-gap\"")

                for path in [ "/"; "/sweep/laws"; "/sweep/laws/parts?since="; "/parts?since=" ] do
                    let answer = got port path
                    nothingOutside answer.Body
                    must $"{path} names %A{outside answer.Body}" (outside answer.Body).IsEmpty

                let policy = Regex.Match(page port "/sweep/laws", "Content-Security-Policy\" content=\"([^\"]*)\"").Groups[1].Value
                must policy (policy.StartsWith "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-")
                must policy (policy.EndsWith "; connect-src 'self'"))))
    |> breaks "a picture from elsewhere" (fun () -> nothingOutside "<img src=\"https://example.org/x.png\">")
    |> breaks "a style from elsewhere" (fun () -> nothingOutside "<style>@import url(//example.org/x.css)</style>")
    |> breaks "a text with an address" (fun () -> must "" (outside "see http://example.org/x").IsEmpty)

    law "what a running run records appears in the next parts, without a half-written line" (fun () ->
        withSweep (fun runs sweep ->
            running sweep 7 (DateTime.UtcNow.AddSeconds -100.0) (fun run ->
                serving runs (fun port ->
                    let mutable version = versionIn (page port "/sweep/laws")
                    let shown = Collections.Generic.Dictionary<string, string>()

                    let look () =
                        let next, parts, _ = changes port "/sweep/laws" version
                        version <- next

                        for KeyValue(name, html) in parts do
                            shown[name] <- html

                    let row = "run-" + run.Id
                    let has (text: string) () =
                        look ()
                        shown.ContainsKey row && shown[row].Contains text

                    let append (step: int64) =
                        run.Append [ Event(step, "energy/gap", 0.5 / float step); Event(step, "units", 10.0 * float step) ]

                    append 10L
                    append 20L
                    await "step 20" 600 (has "step 20")
                    await "its curve" 600 (fun () ->
                        look ()
                        shown.ContainsKey "part-gap")
                    let before = shown["part-gap"]
                    File.AppendAllText(run.In "events.jsonl", "{\"step\":30,\"what\":\"energy/gap\",\"val")
                    await "still step 20" 20 (has "step 20")
                    File.AppendAllText(run.In "events.jsonl", "ue\":0.1}\n{\"step\":30,\"what\":\"units\",\"value\":300}\n")
                    await "step 30" 600 (has "step 30")
                    await "a longer curve" 600 (fun () ->
                        look ()
                        shown["part-gap"] <> before)))))

    law "a thousand runs: an update sends only what changed" (fun () ->
        inFolder (fun folder ->
            let runs = Path.Combine(folder, "runs")
            let sweep = Path.Combine(runs, "laws")

            for run in RunFolders.many 10 10 10 0 do
                RunFolders.write sweep run |> ignore

            serving runs (fun port ->
                let first = page port "/sweep/laws"
                must "all rows" (Regex.Matches(first, "<tr id=\"run-").Count = 1000)
                // Until everything is drawn.
                let mutable version = versionIn first
                let mutable quiet = 0

                await "the table" 3000 (fun () ->
                    let next, parts, _ = changes port "/sweep/laws" version
                    quiet <- if parts.IsEmpty then quiet + 1 else 0
                    version <- next
                    quiet > 30)

                let run = (RunFolder.Under sweep |> Seq.head)
                run.Write((nonNull run.Manifest).Ended(RunState.Diverged, 7L, "planted"))
                let mutable sent = Map.empty

                await "the change" 600 (fun () ->
                    let next, parts, bytes = changes port "/sweep/laws" version
                    version <- next
                    sent <- parts
                    must $"{bytes} bytes for one run" (bytes < 20_000 || parts.ContainsKey "so-far")
                    parts.ContainsKey("run-" + run.Id))

                must $"%A{sent.Keys}" (sent.Keys |> Seq.filter _.StartsWith("run-") |> Seq.length = 1)
                must sent["run-" + run.Id] (sent["run-" + run.Id].Contains "planted"))))

    law "a sweep that has not begun, a broken run and a folder that is removed are sentences on the page" (fun () ->
        withSweep (fun runs sweep ->
            serving runs (fun port ->
                must "not begun" ((page port "/sweep/later").Contains "There is no sweep later yet, or its folder was removed.")
                let broken' = Path.Combine(sweep, "rings-one-s9-0123456789ab")
                Directory.CreateDirectory broken' |> ignore
                File.WriteAllText(Path.Combine(broken', "config.json"), "{")
                File.WriteAllText(Path.Combine(broken', "manifest.json"), "{\"state\":")
                let version = versionIn (page port "/sweep/laws")
                await "the broken run" 600 (fun () ->
                    (page port "/sweep/laws").Contains "<span class=\"state unreadable\">unreadable</span>")
                await "the figures" 600 (fun () -> (page port "/sweep/laws").Contains "id=\"part-gap\"")
                Directory.Delete(sweep, true)
                await "the removal" 600 (fun () ->
                    (page port "/sweep/laws").Contains "There is no sweep laws yet, or its folder was removed.")
                let _, parts, _ = changes port "/sweep/laws" version
                must "the open page is not told" (parts["summary"].Contains "its folder was removed"))))

    law "the server takes the next free port, refuses a taken one, and ends on an interrupt with 130 and on SIGTERM with 143" (fun () ->
        withSweep (fun runs _ ->
            let first, port = started [ runs ]
            let second, other = started [ runs ]

            try
                must "two servers have one port" (port <> other)
                let code, says = Processes.finished (Processes.leading program [ runs; "--port"; string port ])
                must $"{code}: {says}" (code = 2 && says.Contains $"--port {port}: another program uses this port")
                let code, says = Processes.finished (Processes.leading program [ runs; "--port"; "0" ])
                must $"{code}: {says}" (code = 2 && says.Contains "a port must be a number from 1 to 65535")
                let code, says = Processes.finished (Processes.leading program [ runs; "../laws" ])
                must $"{code}: {says}" (code = 2 && says.Contains "a sweep's name must be")
            finally
                let codes = ended first 2, ended second 15
                must $"{codes}" (codes = (130, 143))))

    law "watch starts the server, passes signals on, and over ssh says how to reach the page" (fun () ->
        withSweep (fun runs _ ->
            let words = [
                "SSH_CONNECTION=10.0.0.9 5000 10.0.0.7 22"
                "dotnet"
                Path.Combine(AppContext.BaseDirectory, "Ebm.Tests.dll")
                "sweep"
                runs
                "watch"
                "lows"
            ]
            let watching = Processes.leading "env" words
            let line = string (watching.StandardOutput.ReadLine())
            let port = Regex.Match(line, @"\Ahttp://127\.0\.0\.1:([0-9]+)/sweep/lows\z").Groups[1].Value
            let tunnel = string (watching.StandardOutput.ReadLine())
            let codes = ended watching 15
            let errors = watching.StandardError.ReadToEnd()
            must $"{line} {errors}" (port <> "")
            must tunnel (tunnel.Contains $"ssh -L {port}:127.0.0.1:{port} {Environment.UserName}@10.0.0.7")
            must $"{codes}" (codes = 143)
            must errors (errors.Contains "has no sweep lows yet" && errors.Contains "did you mean laws?")
            must "the server is left" (Processes.about runs).IsEmpty))

    law "status gives the step, the rate and the time left of a running run, in lines of at most 100 columns" (fun () ->
        withSweep (fun _ sweep ->
            let now = DateTime.UtcNow

            running sweep 7 (now.AddSeconds -102.0) (fun run ->
                // Training began 2 s after the start, 100 s ago, at 1 % of a budget of units that the config does not have: steps end it.
                run.Append [ Event(40L, "energy/gap", 0.5); Event(40L, "units", 400.0) ]
                File.SetLastWriteTimeUtc(run.In "events.jsonl", now)
                let pace = Pace.at now Map.empty run (nonNull run.Manifest)
                must $"%A{pace}" (pace.Step = 40L && pace.Phase = Some Phase.Train)
                must $"%A{pace.Rate}" (abs (pace.Rate.Value - 0.4) < 1e-6)
                let lines = Status.lines sweep
                must $"%A{lines}" (lines |> List.exists (fun line -> line.Contains "step 40"))
                must $"%A{lines}" (lines |> List.exists (fun line -> line.Contains "0.40 steps/s"))
                must $"%A{lines}" (lines |> List.forall (fun line -> line.Length <= 100)))))

    law "the time left follows from the pace of training and from what finished runs took after it" (fun () ->
        withSweep (fun _ sweep ->
            let now = DateTime.UtcNow
            let text =
                "{\"data\":{\"kind\":\"rings\"},\"method\":{\"kind\":\"two\"},\"seed\":8,\"train\":{\"steps\":100,\"budget\":null}}"
            let id = RunName.Of("rings", "two", 8L, Canonical.Sha256 text)
            let path = Path.Combine(sweep, id)
            Directory.CreateDirectory path |> ignore
            File.WriteAllText(Path.Combine(path, "config.json"), text)
            let run = RunFolder.Open path

            run.Write(
                RunManifest(
                    State = RunState.Running,
                    RunId = id,
                    GroupId = "g",
                    SweepId = "laws",
                    ConfigSha256 = run.ConfigSha256,
                    Timing = Timing(Started = now.AddSeconds -100.0)
                )
            )

            // Training began at second 10 with nothing done, and half of it is done now, 90 s later.
            File.WriteAllText(run.In "stdout.log", "    10.0 s  progress 0 100 train\n")
            run.Append [ Event(50L, "units", 500.0) ]
            File.SetLastWriteTimeUtc(run.In "events.jsonl", now)
            let left usual =
                (Pace.at now usual run (nonNull run.Manifest)).Left |> Option.map (fun time -> Math.Round(time.TotalSeconds, 3))
            must $"%A{left Map.empty}" (left Map.empty = Some 90.0)
            // A finished run spent 30 of 50 s after training.
            let usual = Pace.usual [ RunName.Of("rings", "two", 1L, String('0', 64)), Timing(Wall = 50.0, Train = 20.0) ]
            must $"%A{left usual}" (left usual = Some 120.0)

            // A quarter of the rows took 30 s, until second 70 of 100.
            File.AppendAllText(
                run.In "stdout.log",
                "    40.0 s  progress 100 100 train\n    40.0 s  progress 0 2000 sample\n    70.0 s  progress 500 2000 sample\n"
            )
            must $"%A{left Map.empty}" (left Map.empty = Some 60.0)
            // The finished run would be done by now.
            must $"%A{left usual}" (left usual = Some 60.0)
            File.AppendAllText(run.In "stdout.log", "    75.0 s  progress 0 2 measure\n")
            must $"%A{left Map.empty}" (left Map.empty).IsNone))

    law
        "a planned run is queued as long as its launch is running, and not started otherwise: in status, notes, JSON, report and page"
        (fun () ->
            withSweep (fun runs sweep ->
                let there = [ for run in RunFolder.Under sweep -> run.Id ]
                let waits = "rings-one-s9-0123456789ab"

                Plans.note ignore sweep { Overrides = [ [] ]; Metric = None; Baseline = []; Runs = there @ [ waits ]; Trainings = [] }

                let table () = (Report.tableOf sweep |> fst).Value

                let says (word: string) (other: string) =
                    let notes = Notes.counts (table ())
                    // A table also counts runs that were removed, so it says "missing".
                    let noted = if word = "not started" then "missing" else word
                    must notes (notes.Contains("1 " + noted) && notes.Contains "missing" = (noted = "missing"))
                    let status = (Status.lines sweep).Head
                    must status (status.Contains("1 " + word) && not (status.Contains other))

                    serving runs (fun port ->
                        let page = page port "/sweep/laws"
                        must $"the page has no {word} run" (page.Contains $"<span class=\"state {word}\">{word}</span>"))

                    must "the count of missing runs" ((table ()).Counts.Missing = 1)
                    must "the absent run" ((table ()).Options.Absent = [ waits ])

                says "not started" "queued"

                using (Hold.take sweep Hold.Whole) (fun _ ->
                    says "queued" "not started"
                    must "JSON" ((Json.table (table ())).Contains "\"queued\""))

                says "not started" "queued"))

    law "a run that is not completed is drawn as far as it has come, and is in no mean" (fun () ->
        inFolder (fun folder ->
            let sweep = Path.Combine(folder, "runs", "laws")

            for seed in 0..2 do
                RunFolders.trained sweep "one" seed RunState.Completed null [] |> ignore

            let gap () =
                let table = (Report.tableOf sweep |> fst).Value
                let figure = Training.curves (Cast.cast (RunFolder.Under sweep) table) |> List.find (fun figure -> figure.Id = "gap")
                figure.Rows.Head.Panels.Head.Marks

            let lines faint marks = [
                for mark in marks do
                    match mark with
                    | Figure.Line(_, isFaint, _, points) when isFaint = faint -> points
                    | _ -> ()
            ]
            let before = gap ()
            RunFolders.trained sweep "one" 3 RunState.Interrupted "stopped" [] |> ignore
            let after = gap ()
            must "the mean changed" (lines false before = lines false after)
            must "the run is not drawn" ((lines true after).Length = (lines true before).Length + 1)))

    law
        "the page keeps up with a real sweep in a browser: figures change without a reload, a divergence appears, and nothing outside is asked for"
        (fun () ->
            inFolder (fun folder ->
                let runs = Path.Combine(folder, "runs")

                let plan =
                    Sweeping.planned
                        runs
                        (Sweeping.typed [
                            "experiment=rings"
                            "method=joint-cd"
                            "seed=0,1"
                            "train.lr=0.001,1e7"
                            "train.steps=20"
                            "train.budget=null"
                            "train.clip=null"
                            "train.record-every=2"
                            "measure.samples=200"
                        ])

                serving runs (fun port ->
                    use browser = Browser.Page.OpenHere(Path.Combine(folder, "profile"))
                    let address = $"http://127.0.0.1:{port}/sweep/laws"
                    browser.Go address
                    browser.Ask "window.first = true" |> ignore
                    let shows (selector: string) =
                        browser.Text $"document.querySelectorAll({JsonSerializer.Serialize selector}).length" <> "0"

                    let execute (isWanted: Plan.PlannedRun -> bool) =
                        use _ = Hold.take plan.Folder Hold.Whole
                        let settings = { Launch.defaults Sweeping.realRunner with Workers = 2; OnError = Launch.Continue }
                        let wanted = { plan with Runs = plan.Runs |> List.filter isWanted }
                        Launch.launch settings (Sweeping.jobs wanted) (Sweeping.Silent()) |> ignore

                    let diverges (run: Plan.PlannedRun) = run.Spec.Train.Lr > 1.0
                    execute (fun run -> run.Spec.Seed = 0L && not (diverges run))
                    await "its row" 600 (fun () -> shows "#rows tr[data-state=completed]")
                    await "its curve" 600 (fun () -> shows "#part-gap path.line")
                    let drawn () = browser.Text "document.getElementById('part-gap').innerHTML"
                    let before = drawn ()
                    must "a run has diverged already" (not (shows "#ended .failure"))
                    execute (fun run -> run.Spec.Seed = 1L || diverges run)
                    await "the divergence" 600 (fun () -> shows "#ended .failure .state.diverged")
                    let failure = browser.Text "document.querySelector('#ended .failure').textContent"
                    must failure (Regex.IsMatch(failure, @"diverged .* at step [0-9]+: .+"))
                    await "another curve" 600 (fun () -> drawn () <> before)
                    await "the samples" 600 (fun () -> shows "#part-samples path.cloud")
                    must "the page was reloaded" (browser.Text "window.first" = "True")
                    let outside = browser.Asked |> List.filter (fun url -> not (url.StartsWith $"http://127.0.0.1:{port}/"))
                    must $"it asked for %A{outside}" outside.IsEmpty
                    must "it never asked for changes" (not browser.Asked.IsEmpty)
                    must $"%A{browser.Said}" browser.Said.IsEmpty)))
    |> Browser.needed
]
