/// The report: one HTML file that opens without a network. It holds its tables, its figures as SVG, and where plotly.js came along the same
/// figures to point at. The same runs give the same bytes, wherever they lie: no clock, no path, no random id. What came from outside
/// stands there as text, and the page's policy lets no script run but its own two, known by their hashes, and no address be asked.
module Ebm.Analysis.Page

open System
open System.Globalization
open System.IO
open System.Reflection
open System.Security.Cryptography
open System.Text
open System.Text.Json
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Table

/// What a report is made of.
type Report = {
    Table: Table
    Cast: Cast.Cast
    Figures: Figure.Figure list
    /// The folder and manifest of each run, by id.
    Folders: Map<string, RunFolder * RunManifest>
    /// What looked like a run and is none.
    Skipped: Skipped list
    /// plotly.js, where it was there when the report was written.
    Plotly: string option
    /// Whether a report card lies beside it.
    Card: bool
}

let private resource name =
    use stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name: string) |> nonNull
    use reader = new StreamReader(stream)
    reader.ReadToEnd()

let private invariant = CultureInfo.InvariantCulture
let private text = Text.escaped

/// Text whose direction is its own, so that it turns nothing around it.
let bdi (content: string) = $"<bdi>{text content}</bdi>"

let private counted (n: int) (what: string) = n.ToString invariant + " " + (if n = 1 then what else what + "s")
let private countedRuns n = counted n "run"

let private units (value: float) = (Figure.rounded 3 value) + " units"

// ── summary ─────────────────────────────────────────────────────────────────────────────────

let private tile kind (number: string) says = $"<div class=\"tile {kind}\"><b>{text number}</b><span>{text says}</span></div>"

/// Each value that runs have, those of most runs first, with how many where there are several.
let private distinct (values: string option seq) =
    match
        values
        |> Seq.choose id
        |> Seq.filter ((<>) "")
        |> Seq.countBy id
        |> Seq.sortBy (fun (value, n) -> -n, value)
        |> List.ofSeq
    with
    | [] -> None
    | [ only, _ ] -> Some only
    | several ->
        let shown = several |> List.truncate 6 |> List.map (fun (value, n) -> $"{value} ({countedRuns n})") |> String.concat "; "
        Some(if several.Length > 6 then $"{shown}; and {several.Length - 6} more" else shown)

let private provenance (report: Report) =
    let manifests = report.Folders |> Map.toList |> List.map (fun (_, (_, manifest)) -> manifest)
    let of' (choose: RunManifest -> string option) = distinct (Seq.map choose manifests)
    let some (value: 'a | null) (say: 'a -> string) = value |> Option.ofObj |> Option.map say

    [
        "code",
        of' (fun manifest ->
            some manifest.Git (fun git ->
                git.Commit.Substring(0, min 12 git.Commit.Length) + (if git.Dirty then ", with uncommitted changes" else "")))
        "version", of' (fun manifest -> some manifest.Build (fun build -> $"{build.Version}, {build.Configuration}"))
        "machine",
        of' (fun manifest ->
            some manifest.Hardware (fun machine ->
                let gpus = machine.Accelerators |> Option.ofObj |> Option.map (Seq.map (fun gpu -> ", " + gpu.Name) >> String.concat "")
                let gpus = gpus |> Option.defaultValue ""
                let memory = (float machine.Memory / 1e9).ToString("0", invariant)
                $"""{machine.Cpu}, {counted machine.Cores "core"}, {memory} GB{gpus}"""))
        "threads of a run", of' (fun manifest -> some manifest.Threads (fun threads -> threads.IntraOp.ToString invariant))
        "libtorch", of' (fun manifest -> some manifest.Native _.Libtorch)
        ".NET", of' (fun manifest -> some manifest.Runtime (fun runtime -> $"{runtime.Dotnet}, {runtime.Os}"))
        "determinism",
        of' (fun manifest ->
            some manifest.Determinism (fun switches ->
                switches |> Seq.sortBy _.Key |> Seq.map (fun switch -> $"{switch.Key}: {switch.Value}") |> String.concat ", "))
        "data",
        of' (fun manifest ->
            manifest.Data
            |> Seq.map (fun data -> $"{data.Name} {data.Digest.Substring(0, min 12 data.Digest.Length)}")
            |> String.concat ", "
            |> Some)
    ]
    |> List.choose (fun (name, says) -> says |> Option.map (fun says -> name, says))

/// Names and what is said of them.
let definitions (pairs: (string * string) list) =
    let items = pairs |> List.map (fun (name, says) -> $"<dt>{text name}</dt><dd>{bdi says}</dd>") |> String.concat ""
    $"<dl>{items}</dl>"

let private summary (report: Report) =
    let runs = report.Table.Rows |> List.collect _.Runs
    let counts = report.Table.Counts
    let seconds = runs |> List.choose _.Seconds |> List.sum

    let spent =
        match runs |> List.filter (fun run -> run.State = RunState.Completed) |> List.choose _.TrainUnits |> List.map float with
        | [] -> []
        | spent ->
            let low, high = List.min spent, List.max spent
            [ "training, a run", (if high <= 1.01 * low then units high else $"{units low} to {units high}") ]

    let seeds = runs |> List.map _.Seed |> List.distinct |> List.length

    let time =
        if seconds = 0.0 then []
        elif seconds < 5400.0 then [ "time of all runs", (seconds / 60.0).ToString("0", invariant) + " min" ]
        else [ "time of all runs", (seconds / 3600.0).ToString("0.0", invariant) + " h" ]

    String.concat "" [
        "<div class=\"tiles\">"
        tile "" (counts.Planned.ToString invariant) "runs planned"
        tile "good" (counts.Used.ToString invariant) "completed"
        tile (if counts.Diverged > 0 then "bad" else "") (counts.Diverged.ToString invariant) "diverged"
        tile (if counts.Failed > 0 then "bad" else "") (counts.Failed.ToString invariant) "failed"

        for n, says in
            [
                counts.Pruned, "pruned"
                counts.Unfinished, "unfinished"
                counts.Missing, "missing"
                counts.Skipped, "unreadable"
                List.sumBy snd counts.Excluded, "excluded"
            ] do
            if n > 0 then tile "" (n.ToString invariant) says

        tile "" (report.Table.Rows.Length.ToString invariant) "groups"
        tile "" (seeds.ToString invariant) "seeds"
        "</div>"
        $"<p>{text (Notes.counts report.Table)}</p>"
        definitions (
            spent @ time @ (provenance report |> List.filter (fun (name, _) -> List.contains name [ "machine"; "code"; "version" ]))
        )
    ]

// ── tables ──────────────────────────────────────────────────────────────────────────────────

let private cell kind (sortable: string option) content =
    let value = sortable |> Option.map (fun value -> $" data-value=\"{text value}\"") |> Option.defaultValue ""
    let kind = if kind = "" then "" else $" class=\"{kind}\""
    $"<td{kind}{value}>{content}</td>"

let private header kind content = $"<th scope=\"col\" class=\"{kind}\">{content}</th>"

let private plain = Shown.plain

let private tools id (states: string list) (words: string) =
    let options = states |> List.map (fun state -> $"<option value=\"{text state}\">{text state}</option>") |> String.concat ""
    let choice =
        if states.Length < 2 then "" else $"<label>State <select><option value=\"\">any</option>{options}</select></label>"
    $"<div class=\"tools\" id=\"{id}\" hidden><label>Filter <input type=\"search\" "
    + $"placeholder=\"{words}\"></label>{choice}<output aria-live=\"polite\"></output></div>"

/// Where a run is shown in the report.
let address (run: Run) = "#run=" + Uri.EscapeDataString run.Id

let private comparison (report: Report) =
    String.concat "" [
        tools "find-groups" [] "words that a row must have"
        "<div id=\"comparison\" data-tools=\"find-groups\">"
        HtmlTable.fragment address report.Table
        HtmlTable.versus report.Table
        HtmlTable.aggregates report.Table
        "</div>\n"
    ]

let private badge (state: RunState) = let word = text (Kebab.Of state) in $"<span class=\"state {word}\">{word}</span>"

let private link (run: Run) = $"<a href=\"{text (address run)}\">{text run.Id}</a>"

let private runTable (report: Report) =
    let table = report.Table
    let metrics = report.Cast.Judged |> List.truncate 6
    let runs = table.Rows |> List.collect (fun row -> row.Runs |> List.map (fun run -> row, run))
    let states = runs |> List.map (fun (_, run) -> Kebab.Of run.State) |> List.distinct |> List.sort

    String.concat "" [
        tools "find-runs" states "words, such as a seed or a method"
        "<div class=\"scroll tall\"><table class=\"sortable\" id=\"all-runs\" data-tools=\"find-runs\"><thead><tr>"
        header "text" "run"
        header "text" "state"
        header "" "seed"

        for key in table.Varying do
            header "text" (bdi (Cast.heading key))

        for name in metrics do
            header "" (text name)

        header "" "training units"
        header "" "seconds"
        "</tr></thead><tbody>\n"

        for row, run in runs do
            $"<tr data-state=\"{text (Kebab.Of run.State)}\">"
            cell "text" None (link run)
            cell "text" None (badge run.State)
            cell "" None (bdi run.Seed)

            for label in row.Labels do
                cell "text" None (bdi label)

            for name in metrics do
                match run.Metrics.TryFind name with
                | Some metric -> cell "" (Some(number metric.Value)) (text (plain metric.Value))
                | None -> cell "none" (Some "") "n/a"

            match run.TrainUnits with
            | Some units -> cell "" (Some(units.ToString invariant)) (text (Figure.rounded 3 (float units)))
            | None -> cell "none" (Some "") ""

            match run.Seconds with
            | Some seconds -> cell "" (Some(number seconds)) (seconds.ToString("0", invariant))
            | None -> cell "none" (Some "") ""

            "</tr>\n"

        "</tbody></table></div>"
    ]

// ── failures ────────────────────────────────────────────────────────────────────────────────

/// The last words of a run's process: what it said on standard error, or if nothing there on standard output.
let private lastWords (folder: RunFolder) =
    let most, lines = 3000, 20

    let ending name =
        let path = folder.In(name: string)

        try
            if not (File.Exists path) then
                ""
            else
                use stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite ||| FileShare.Delete)
                stream.Seek(max 0L (stream.Length - int64 most), SeekOrigin.Begin) |> ignore
                use reader = new StreamReader(stream, UTF8Encoding false)
                let all = reader.ReadToEnd().TrimEnd().Split('\n')
                all |> Array.skip (max 0 (all.Length - lines)) |> String.concat "\n"
        with :? IOException ->
            ""

    match ending "stderr.log" with
    | "" -> ending "stdout.log"
    | words -> words

let private ended (run: Run) = run.State = RunState.Completed

let private failures (report: Report) =
    let told = 60
    let runs = report.Table.Rows |> List.collect _.Runs |> List.filter (ended >> not)

    let absent = report.Table.Options.Absent

    if runs.IsEmpty && report.Skipped.IsEmpty && absent.IsEmpty then
        "<p>Every run completed.</p>"
    else
        String.concat "" [
            if not runs.IsEmpty then "<p>These runs are in no mean; the table counts them.</p>"

            for run in List.truncate told runs do
                let kind =
                    if List.contains run.State [ RunState.Diverged; RunState.Failed; RunState.Timeout; RunState.Lost ] then "" else " other"
                let reason = run.Reason |> Option.defaultValue "no reason is recorded"
                let step = run.Step.ToString invariant
                $"<div class=\"failure{kind}\">{badge run.State} {link run} at step {step}: {bdi reason}"

                match report.Folders.TryFind run.Id |> Option.map (fst >> lastWords) with
                | Some words when words <> "" -> $"<details><summary>the end of its log</summary><pre>{text words}</pre></details>"
                | _ -> ()

                "</div>"

            if runs.Length > told then $"<p>And {runs.Length - told} more, in the table of runs.</p>"

            if not absent.IsEmpty then
                "<p>Planned, and not there: never run, or removed.</p><ul>"

                for id in List.truncate told absent do
                    $"<li><code>{text id}</code></li>"

                if absent.Length > told then $"<li>and {absent.Length - told} more</li>"
                "</ul>"

            if not report.Skipped.IsEmpty then
                "<p>Folders that look like runs and were left out:</p><ul>"

                for skip in report.Skipped do
                    // The folder's name, not where it lies.
                    let folder = string (Path.GetFileName skip.Path)
                    $"<li><code>{text folder}</code>: {text (skip.Why.Replace(skip.Path, folder))}</li>"

                "</ul>"
        ]

// ── figures ─────────────────────────────────────────────────────────────────────────────────

/// When a figure becomes interactive.
type Answering =
    | Never
    | AtAClick
    /// Where the window is wide enough; elsewhere at a click.
    | AtOnce

/// A figure as it stands in a page, whose pictures `Svg.definitions` puts there.
let figure answering (figure: Figure.Figure) =
    let mutable index = -1

    String.concat "" [
        let live =
            match answering with
            | Never -> ""
            | AtAClick -> " data-plot"
            | AtOnce -> " data-plot=\"at-once\""

        $"<figure id=\"{figure.Id}\"{live}><div class=\"head\"><h3>{text figure.Title}</h3></div>"

        for row in figure.Rows do
            if row.Heading <> "" then $"<h4>{bdi row.Heading}</h4>"
            "<div class=\"panels\">"

            for panel in row.Panels do
                index <- index + 1
                Svg.panel figure index panel
                "\n"

            "</div>"

        if answering <> Never then "<div class=\"plot\"></div>"

        if not figure.Keys.IsEmpty then
            "<ul class=\"keys\">"

            for key in figure.Keys do
                match key with
                | Figure.Ramp(low, high) ->
                    $"<li>{text low} <span class=\"ramp\" style=\"background:{Palette.gradient}\"></span> {text high}</li>"
                | key ->
                    let sign, says = Svg.keySign key
                    $"<li>{sign}{bdi says}</li>"

            "</ul>"

        $"<figcaption>{text figure.Caption}</figcaption></figure>\n"
    ]

/// What a page without plotly.js says of it.
let still =
    "<p class=\"small\">These figures are SVG. With npm, <code>npm ci</code> in analysis/plotly brings plotly.js, and "
    + "pages written after it have them interactive as well.</p>\n"

// ── data ────────────────────────────────────────────────────────────────────────────────────

/// A block that scripts read: the encoder writes <, > and & as \u escapes, so that nothing in it can end it.
let private block id (json: string) = $"<script type=\"application/json\" id=\"{id}\">{json}</script>\n"

let private width = 1120.0

/// What brings figures of a page to life, as blocks of its data.
let plots (figures: Figure.Figure list) = String.concat "" [ for one in figures -> block ("plot-" + one.Id) (Plotly.json width one) ]

/// Where each setting came from, as far as the manifest says.
let private origins (report: Report) (run: Run) =
    match report.Folders.TryFind run.Id |> Option.bind (fun (_, manifest) -> Option.ofObj manifest.Origins) with
    | None -> Map.empty
    | Some origins -> Map [ for KeyValue(key, from) in origins -> key, from ]

/// Every run's configuration, metrics and end, for the pages of runs. What all runs have in common stands there once, what a group has in
/// common once for the group, and what a metric is once for all values.
let private runData (report: Report) =
    let constant = Map.ofList report.Table.Constant
    let runs = report.Table.Rows |> List.collect _.Runs
    let heads =
        runs |> List.distinctBy _.Group |> List.map (fun run -> run.Group, (run.Config, origins report run)) |> Map.ofList
    let about (name: string, metric: Metric) = name, metric.Unit, metric.Better.Word(), defaultArg metric.Protocol ""
    let metrics = runs |> List.collect (fun run -> run.Metrics |> Map.toList |> List.map about) |> List.distinct
    let index = metrics |> List.mapi (fun i metric -> metric, i) |> dict
    let settings (without: Map<string, string>) = Map.filter (fun key value -> without.TryFind key <> Some value)

    let facts (run: Run) found = [
        "seed", Some run.Seed
        "ended", Some(run.Reason |> Option.map (fun reason -> $"at step {run.Step}: {reason}") |> Option.defaultValue $"at step {run.Step}")
        "asked for by",
        found |> Option.map (fun (_, manifest: RunManifest) -> String.Join(" ", manifest.Overrides)) |> Option.filter ((<>) "")
        "attempt", found |> Option.map (fun (_, manifest) -> manifest.Attempt.ToString invariant) |> Option.filter ((<>) "1")
        "training", run.TrainUnits |> Option.map (fun n -> units (float n))
        "drawing samples", run.SampleUnits |> Option.map (fun n -> units (float n))
        "took", run.Seconds |> Option.map (fun seconds -> seconds.ToString("0", invariant) + " s")
        "peak memory",
        found
        |> Option.bind (fun (_, manifest) -> Option.ofObj manifest.Peak)
        |> Option.map (fun peak -> Figure.rounded 3 (float peak.Rss / 1e6) + " MB")
    ]

    let value (name, metric: Metric) : obj list = [
        index[about (name, metric)]
        metric.Value
        for se in Option.toList metric.Se do
            Double.Parse(se.ToString("G3", invariant), invariant)
    ]

    let log (run: Run) found =
        match found with
        | Some(folder, _) when not (ended run) -> lastWords folder |> Some |> Option.filter ((<>) "")
        | _ -> None

    fields [
        "constant" => constant
        "groups" => Map.map (fun _ (config, _) -> settings constant config) heads
        "origins" => Map.map (fun _ (_, origins) -> origins) heads
        "metrics" => [ for name, unit, better, protocol in metrics -> [ name; unit; better; protocol ] ]
        "runs"
        => [
            for run in runs ->
                let found = report.Folders.TryFind run.Id

                fields [
                    "id" => run.Id
                    "state" => run.State
                    "facts"
                    => [
                        for name, says in facts run found do
                            for says in Option.toList says -> [ name; says ]
                    ]
                    "group" => run.Group
                    "config" => settings (fst heads[run.Group]) run.Config
                    "origins" => settings (snd heads[run.Group]) (origins report run)
                    "values"
                    => [
                        for KeyValue(name, metric) in run.Metrics |> Seq.sortWith (fun a b -> Varying.natural a.Key b.Key) ->
                            value (name, metric)
                    ]
                    "log" => log run found
                ]
        ]
    ]

// ── the page ────────────────────────────────────────────────────────────────────────────────

let private hash (script: string) = "'sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes script)) + "'"

/// A script that cannot be ended from within.
let private inlined (script: string) = script.Replace("</script", "<\\/script", StringComparison.OrdinalIgnoreCase)

/// What holds of every table; what holds of this one stands in its notes.
let private method' = [
    "A row of the table is a group: runs of one configuration on several seeds. Only completed runs enter a mean; what diverged "
    + "or failed is counted beside it."
    "The interval speaks of seeds: initialisation, order of data and noise of sampling together. It says nothing about other data "
    + "or settings. "
    + "Percentile bootstraps, which many use, cover 75 to 84 % at three to five seeds where they say 95; Student's t covers what "
    + "it says for normal data."
    "The unit of cost is one row through one gradient of an energy or network, whatever machine it ran on. Seconds are shown, and "
    + "are no metric."
]

/// What a page is besides its content. Links lead within the page or to a page beside it.
type Frame = {
    Title: string
    /// What its bar is headed by.
    Name: string
    Links: (string * string) list
    /// Where a reader without a pointer may skip to, and the words for it.
    Skip: string * string
    /// Scripts before the page's own, and blocks of data that they read.
    Plotly: string option
    Data: string
}

/// A whole page around some content: its policy, style and bar, the button for colours. It asks nobody, and no other script runs.
let framed (frame: Frame) (content: string) =
    let script = resource "page.js"
    let plotly = frame.Plotly |> Option.map inlined
    let scripts = (Option.toList plotly @ [ script ]) |> List.map hash |> String.concat " "
    let links = [ for address, name in frame.Links -> $"<a href=\"{address}\">{text name}</a>" ] |> String.concat ""
    let skip, words = frame.Skip

    let style =
        $":root{{{Svg.lightScheme}}}@media screen and "
        + $"(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{Svg.darkScheme}}}}}\n"
        + $"@media screen{{:root[data-theme=dark]{{{Svg.darkScheme}}}}}\n"
        + resource "page.css"
        + Svg.style

    String.concat "" [
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        $"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data: blob:; style-src "
        + $"'unsafe-inline'; script-src {scripts}\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"icon\" href=\"data:,\">\n"
        $"<title>{text frame.Title}</title>\n<style>\n{style}</style></head>\n<body>\n"
        $"<a class=\"skip\" href=\"{skip}\">{text words}</a>\n"
        $"<nav class=\"bar\" aria-label=\"Sections\"><div><span class=\"name\">{bdi frame.Name}</span><span class=\"links\">{links}</span>"
        "<button id=\"theme\" type=\"button\" data-now=\"auto\" hidden>Colours: auto</button></div></nav>\n<main>\n"
        content
        "<footer>Written by Ebm.Research from run folders; the same runs give the same bytes.</footer>\n</main>\n"
        frame.Data
        plotly |> Option.map (fun plotly -> $"<script>{plotly}</script>\n") |> Option.defaultValue ""
        $"<script>{script}</script>\n</body></html>\n"
    ]

/// The whole page.
let html (report: Report) =
    let sweep = report.Table.Sweep
    let runs = report.Table.Rows |> List.sumBy _.Runs.Length
    let interactive = report.Plotly.IsSome

    let constant =
        report.Table.Constant
        |> List.map (fun (key, value) -> $"<tr><td class=\"text\">{bdi key}</td><td class=\"text wrap\">{bdi value}</td></tr>")

    let links = [
        "#table", "Table"
        if not report.Figures.IsEmpty then "#figures", "Figures"
        "#runs", "Runs"
        "#failures", "Failures"
        "#method", "Statistics"
        "#provenance", "Provenance"
        if report.Card then "card.html", "Card"
    ]

    let data = String.concat "" [ block "run-data" (JsonText.PageOf(runData report)); if interactive then plots report.Figures ]

    String.concat "" [
        $"<h1>{bdi sweep}</h1>\n"
        $"""<p class="lead">{counted runs "run"} in {counted report.Table.Rows.Length "group"}</p>"""
        Svg.definitions report.Figures
        summary report
        "\n<h2 id=\"table\">Comparison</h2>\n"
        comparison report
        if not report.Figures.IsEmpty then
            "<h2 id=\"figures\">Figures</h2>\n"
            if not interactive then still
            for one in report.Figures do
                figure (if interactive then AtAClick else Never) one
        "<h2 id=\"runs\" tabindex=\"-1\">Runs</h2>\n<section id=\"run\" hidden aria-label=\"One run\"></section>\n"
        runTable report
        if not constant.IsEmpty then
            $"""<details><summary>{counted constant.Length "setting"} that all runs have in common</summary>"""
            $"""<div class="scroll"><table><tbody>{String.concat "" constant}</tbody></table></div></details>"""
        "\n<h2 id=\"failures\">Failures</h2>\n"
        failures report
        "\n<h2 id=\"method\">Statistics</h2>\n"
        for paragraph in method' do
            $"<p>{text paragraph}</p>\n"
        "<h2 id=\"provenance\">Provenance</h2>\n"
        definitions (provenance report)
    ]
    |> framed {
        Title = $"{Text.short 80 sweep}: report"
        Name = sweep
        Links = links
        Skip = "#comparison", "To the table"
        Plotly = report.Plotly
        Data = data
    }
