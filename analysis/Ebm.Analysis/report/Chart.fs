/// Figures for scripts: open a finished run or a sweep, take the figures of a subject, and show or keep them.
///
///     Chart.ofSweep "runs/methods" |> Chart.seeds |> Chart.show
///     Chart.ofRun "runs/methods/rings-joint-cd-s0" |> Chart.densities |> Chart.svg "densities"
///
/// The figures are those of the report, drawn from the same folders by the same code. A page of them is one file that needs no network,
/// like a report. Paths are relative to the current folder.
module Ebm.Analysis.Chart

open System
open System.Diagnostics
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open Giraffe.ViewEngine
open Ebm.Records

/// The error, and what to write instead. It prints as that text alone, without a stack trace, because the mistake is in the script.
type Refusal(says: string) =
    inherit Exception(says)
    override _.ToString() = says

let private refuse says : 'a = raise (Refusal says)

/// Runs from which figures can be drawn.
[<StructuredFormatDisplay("{Of}")>]
type Opened = {
    /// The sweep's name, or the run's.
    Title: string
    Sweep: string
    /// The start of the names of its files.
    Prefix: string
    /// A sentence that names these runs.
    Of: string
    Cast: Cast.Cast
}

/// Figures to show or to save.
[<StructuredFormatDisplay("{Shows}")>]
type Chart = {
    Title: string
    Sweep: string
    /// The name of its file consists of the prefix, the name and an extension.
    Prefix: string
    Name: string
    Of: string
    Figures: Figure.Figure list
} with

    /// The text that an interactive session prints.
    member chart.Shows = chart.Figures |> List.map _.Title |> String.concat "; "

// ── opened ──────────────────────────────────────────────────────────────────────────────────

/// A list of names for a sentence.
let private listed (names: string list) =
    match List.rev names with
    | [] -> "nothing"
    | [ only ] -> only
    | last :: rest -> String.Join(", ", List.rev rest) + " and " + last

/// A list of the first names.
let private several (names: string list) =
    let most = 5
    listed (List.truncate most names @ (if names.Length > most then [ $"{names.Length - most} more" ] else []))

/// The name of a folder, also if the path is a dot.
let private name (path: string) =
    if path = "" then "" else string (Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath path)))

/// The parent folder of a path, as the user would write it.
let private around (path: string) =
    match Path.GetDirectoryName(Path.TrimEndingDirectorySeparator path) with
    | null
    | "" -> "."
    | folder -> folder

/// The names of the folders of one kind in a folder. Only two levels are searched, because a wrong path may lead anywhere.
let private inside kind folder =
    if Directory.Exists folder then
        Directory.GetDirectories(folder, "*", EnumerationOptions()) |> Array.filter kind |> Array.map name |> Array.sort |> List.ofArray
    else
        []

let private isRun (folder: string) = File.Exists(Path.Combine(folder, "config.json"))
let private isSweep folder = not (isRun folder || (inside isRun folder).IsEmpty)

/// The names of runs without the hashes at their ends, as users type them.
let private stems (ids: string list) = ids |> List.map (fun id -> Regex.Replace(id, @"-[0-9a-f]{12}\z", "")) |> List.distinct

let private missing (path: string) what (known: string list) =
    match known with
    | [] -> refuse $"{path}: the folder does not exist. Paths are relative to the current folder, {Directory.GetCurrentDirectory()}."
    | known -> refuse $"{path}: the {what} does not exist{Spelling.DidYouMean(name path, known)}. {around path} contains {several known}."

/// The runs of a folder, finished or not. Folders that look like runs and are not are named on standard error.
let private opened path =
    match Report.tableOf path with
    | None, [] -> refuse $"{path}: no run has begun."
    | None, skip :: _ -> refuse $"{path}: it cannot be drawn: {skip.Why}."
    | Some table, skipped ->
        for skip in skipped |> List.filter _.IsRun do
            eprintfn $"{skip.Path}: {skip.Why}; it is skipped."

        { Title = name path; Sweep = table.Sweep; Prefix = ""; Of = Notes.counts table; Cast = Cast.cast (RunFolder.Under path) table }

/// A finished run, by its folder. The hash at the end of the name may be left out if no other run in the sweep has the same start.
let ofRun (path: string) : Opened =
    let path =
        if isRun path then
            path
        elif isSweep path then
            refuse
                $"{path}: this is a sweep, not a run. Write Chart.ofSweep \"{path}\", or add the name of a run: {several (stems (inside isRun path))}."
        elif Directory.Exists path then
            refuse $"{path}: this folder is not a run, because it has no config.json. A run is a folder runs/<sweep>/<run id>."
        else
            let beside = inside isRun (around path)

            match beside |> List.filter _.StartsWith(name path, StringComparison.Ordinal) with
            | [ only ] -> Path.Combine(around path, only)
            | [] -> missing path "run" (stems beside)
            | some -> refuse $"{path}: {some.Length} runs begin with this name. Write a longer part: {several some}."

    let opened = opened path
    let run = opened.Cast.Members.Head.Row.Runs.Head

    if run.State <> RunState.Completed then
        let reason = run.Reason |> Option.map (fun reason -> $" ({reason})") |> Option.defaultValue ""
        refuse $"{path}: this run is not finished: it is {Kebab.Of run.State} at step {run.Step}{reason}. Only completed runs have figures."

    let facts = List.choose run.Config.TryFind [ "data.kind"; "method.kind" ] @ [ $"seed {run.Seed}" ]
    { opened with Sweep = run.Sweep; Prefix = run.Id + "-"; Of = $"""One run: {String.Join(", ", facts)}.""" }

/// The finished runs of a sweep, by its folder.
let ofSweep (path: string) : Opened =
    if isRun path then
        refuse $"{path}: this is a run, not a sweep. Write Chart.ofRun \"{path}\"."
    elif not (Directory.Exists path) then
        missing path "sweep" (inside isSweep (around path))
    elif not (isSweep path) then
        match inside isSweep path with
        | [] -> refuse $"{path}: this folder contains no run. A sweep is a folder runs/<sweep> with runs."
        | sweeps ->
            let first = Path.Combine(path, sweeps.Head)
            refuse $"{path}: this folder contains sweeps: {several sweeps}. Open one: Chart.ofSweep \"{first}\"."

    let opened = opened path

    if opened.Cast.Members |> List.forall _.Folders.IsEmpty then
        refuse $"{path}: no run is finished. {opened.Of} Only completed runs have figures."

    opened

// ── figures ─────────────────────────────────────────────────────────────────────────────────

let private chart name (opened: Opened) figures = {
    Title = opened.Title
    Sweep = opened.Sweep
    Name = name
    Prefix = opened.Prefix
    Of = opened.Of
    Figures = figures
}

let private draw (subject: Gallery.Subject) (opened: Opened) =
    match Gallery.distinct (subject.Draw opened.Cast) with
    | [] ->
        let others = [
            for other in Gallery.subjects do
                if not (other.Draw opened.Cast).IsEmpty then $"Chart.{other.Name}"
        ]

        refuse $"{opened.Title} has no {subject.Name}: they need {subject.Needs}. It has {listed others}."
    | figures -> chart subject.Name opened figures

/// Every seed with the mean and the interval of its group, a panel per metric.
let seeds opened = draw Gallery.seeds opened

/// Learned densities next to the true one, and the same as energies.
let densities opened = draw Gallery.densities opened

/// Samples as points or as pictures, and their energies next to those of data.
let samples opened = draw Gallery.samples opened

/// Quality against cost.
let costs opened = draw Gallery.costs opened

/// Metrics, gap, acceptance and losses over training.
let curves opened = draw Gallery.curves opened

/// Trajectories of chains, and jumps between noise levels.
let chains opened = draw Gallery.chains opened

/// The history of a search, and the settings that matter in it.
let searches opened = draw Gallery.searches opened

/// Persistent chains of runs that are not completed, at their last checkpoints.
let persistent opened = draw Gallery.persistent opened

/// The effect of settings that vary.
let settings opened = draw Gallery.settings opened

/// How runs ended, if not all completed.
let outcomes opened = draw Gallery.outcomes opened

/// All figures that a report would show.
let all (opened: Opened) =
    match Gallery.figures opened.Cast with
    | [] -> refuse $"{opened.Title}: its runs have recorded no data for figures."
    | figures -> chart "figures" opened figures

// ── changed ─────────────────────────────────────────────────────────────────────────────────

/// Another title for the figure, or a heading above several figures.
let title (text: string) (chart: Chart) =
    match chart.Figures with
    | [ only ] -> { chart with Figures = [ { only with Title = text } ] }
    | _ -> { chart with Title = text }

/// One figure of several, by its id: the name of its SVG file in a report.
let only (id: string) (chart: Chart) =
    match chart.Figures |> List.filter (fun figure -> figure.Id = id) with
    | [] ->
        let ids = chart.Figures |> List.map _.Id
        refuse $"{chart.Title}: the chart has no figure {id}{Spelling.DidYouMean(id, ids)}. Its figures: {several ids}."
    | figures -> { chart with Name = id; Figures = figures }

/// Several charts as one, in this order. If they are of different runs, each figure names its runs.
let together (charts: Chart list) : Chart =
    if charts.IsEmpty then refuse "Chart.together needs at least one chart. Write Chart.together [ one; other ]."

    let distinct (part: Chart -> string) = charts |> List.map part |> List.distinct
    let titles = distinct _.Title

    let figures = [
        for chart in charts do
            for figure in chart.Figures do
                if titles.Length = 1 then figure else { figure with Title = $"{figure.Title} · {chart.Title}" }
    ]

    // An id is an anchor and a file name, so repeated ids get a number.
    let numbered = [
        for i, figure in List.indexed figures do
            match figures |> List.truncate i |> List.filter (fun before -> before.Id = figure.Id) with
            | [] -> figure
            | before -> { figure with Id = $"{figure.Id}-{before.Length + 1}" }
    ]

    {
        Title = String.Join(" · ", titles)
        Sweep = charts.Head.Sweep
        Name = String.Join("+", distinct _.Name)
        Prefix = Text.short 120 (String.Join("", distinct _.Prefix))
        Of = String.Join(" ", distinct _.Of)
        Figures = numbered
    }

// ── shown and kept ──────────────────────────────────────────────────────────────────────────

/// The page as text, with or without plotly.js.
let page (plotly: string option) (chart: Chart) =
    let answering = if plotly.IsSome then FigureHtml.AtOnce else FigureHtml.Never

    [
        h1 [] [ Html.bdi chart.Title ]
        p [ Html.ofClass "lead" ] [ Html.text chart.Of ]
        rawText (Svg.definitions chart.Figures)
        if plotly.IsNone then FigureHtml.still
        yield! List.map (FigureHtml.figure answering) chart.Figures
    ]
    |> Frame.framed {
        Title = Text.short 80 chart.Title
        Name = chart.Sweep
        Links = [ for figure in chart.Figures -> "#" + figure.Id, figure.Title ]
        Skip = "#" + chart.Figures.Head.Id, "To the first figure"
        Plotly = plotly
        Data = if plotly.IsSome then FigureHtml.plots chart.Figures else []
    }

/// The clone in which this library was built, wherever the script is.
let private clone =
    lazy
        (let rec up (folder: string | null) =
            match folder with
            | null -> None
            | folder when File.Exists(Path.Combine(folder, "analysis", "plotly", "package.json")) -> Some folder
            | folder -> up (Path.GetDirectoryName folder)

         up (Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location)))

/// The page as text, to embed or to send.
let html (chart: Chart) = page (clone.Value |> Option.bind Report.plotly) chart

let private write (path: string) (text: string) =
    try
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath path) |> nonNull) |> ignore
        AtomicFile.Write(path, text)
    with
    | :? IOException
    | :? UnauthorizedAccessException as error -> refuse $"{path} cannot be written: {error.Message}"

    // Relative and short if it is below the current folder, so that it can be copied.
    let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path)
    printfn "%s" (if relative.StartsWith("..", StringComparison.Ordinal) then Path.GetFullPath path else relative)

let private endsIn (ending: string) (path: string) = path.EndsWith(ending, StringComparison.OrdinalIgnoreCase)

/// Writes the page into a file, and prints its path.
let save (path: string) (chart: Chart) =
    if not (endsIn ".html" path) then
        let drawing = Path.ChangeExtension(path, ".svg")
        refuse $"{path}: a page's name ends in .html. For drawings write Chart.svg \"{drawing}\"."

    write path (html chart)

/// Writes a chart of one figure into a file that ends in .svg, or each figure of a chart into a folder, and prints the paths.
let svg (path: string) (chart: Chart) =
    match chart.Figures with
    | [ only ] when endsIn ".svg" path -> write path (Svg.standalone only)
    | figures when endsIn ".svg" path ->
        let ids = figures |> List.map _.Id
        let folder = Path.ChangeExtension(path, null)
        refuse
            $"{path}: the chart has {ids.Length} figures, {several ids}. Select one with Chart.only \"{ids.Head}\", or name a folder, \
              Chart.svg \"{folder}\"."
    | figures ->
        for figure in figures do
            write (Path.Combine(path, figure.Id + ".svg")) (Svg.standalone figure)

/// Whether there is a desktop, by environment variables: not if the output is piped, and not in CI.
let isWatched (variable: string -> string) (piped: bool) =
    (variable "DISPLAY" <> "" || variable "WAYLAND_DISPLAY" <> "") && variable "CI" = "" && not piped

/// Writes the page to reports/<sweep>/charts, prints its path, and opens it if there is a desktop.
let show (chart: Chart) =
    let root = clone.Value |> Option.defaultWith Directory.GetCurrentDirectory
    let path = Path.Combine(root, "reports", chart.Sweep, "charts", chart.Prefix + chart.Name + ".html")
    write path (html chart)

    if isWatched (Environment.GetEnvironmentVariable >> string) Console.IsOutputRedirected then
        try
            // The shell starts the browser in the background, without the script's terminal and its output.
            use shell = Process.Start(ProcessStartInfo("sh", [ "-c"; "xdg-open \"$0\" </dev/null >/dev/null 2>&1 &"; path ])) |> nonNull
            shell.WaitForExit()
        with :? ComponentModel.Win32Exception ->
            ()
