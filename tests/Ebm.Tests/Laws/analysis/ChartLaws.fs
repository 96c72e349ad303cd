/// Charts of a script: the report's figures, one subject at a time, on a page without network; and one-sentence messages for mistakes.
module Ebm.Tests.Laws.ChartLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Ebm.Analysis
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law

/// Two methods on three seeds, and one run that diverged.
let private sweep (folder: string) =
    let sweep = Path.Combine(folder, "runs", "methods")

    for kind in [ "joint-cd"; "two" ] do
        for seed in 0..2 do
            RunFolders.trained sweep kind seed RunState.Completed null [] |> ignore

    RunFolders.trained sweep "two" 3 RunState.Diverged "the loss is NaN" [] |> ignore
    sweep

let private inSweep (holds: string -> string -> unit) = Folder.inFolder (fun folder -> holds folder (sweep folder))
let private ids (chart: Chart.Chart) = chart.Figures |> List.map _.Id

let private subjects: (string * (Chart.Opened -> Chart.Chart) * string list) list = [
    "seeds", Chart.seeds, [ "seeds" ]
    "densities", Chart.densities, [ "densities"; "energies" ]
    "samples", Chart.samples, [ "samples"; "energy-histograms" ]
    "costs", Chart.costs, [ "fronts" ]
    "curves", Chart.curves, [ "learning"; "gap"; "acceptance"; "acceptance-levels" ]
    "chains", Chart.chains, [ "trajectories"; "level-jumps" ]
    "outcomes", Chart.outcomes, [ "outcomes" ]
]

/// Each subject has its figures, and they equal the files of a report.
let private areTheReports subjects =
    inSweep (fun folder sweep ->
        let opened = Chart.ofSweep sweep

        for name, draw, due in subjects do
            let drawn = ids (draw opened)
            must $"Chart.{name} has %A{drawn}" (drawn = due)

        let reports = Path.Combine(folder, "reports")

        match Ebm.Tests.RunFolders.ofSweep sweep reports with
        | None, _ -> broken "the sweep has no run"
        | Some table, skipped ->
            Report.page None sweep reports (table, skipped) |> ignore
            let files = Path.Combine(reports, "methods", "figures")
            let all = Chart.all opened
            must $"Chart.all has %A{ids all}" (ids all = List.collect (fun (_, _, due) -> due) subjects)

            for figure in all.Figures do
                let written = File.ReadAllText(Path.Combine(files, figure.Id + ".svg"))
                must $"{figure.Id} differs from the report's" (Svg.standalone figure = written))

// ── refused ─────────────────────────────────────────────────────────────────────────────────

/// The call throws a message of one line with these parts, and prints nothing.
let private refuses (parts: string list) (call: unit -> 'a) =
    let thrown =
        try
            call () |> ignore
            None
        with error ->
            Some error

    match thrown with
    | Some(:? Chart.Refusal as refusal) ->
        let says = string refusal
        must $"more than one line: {says}" (says = refusal.Message && not (says.Contains '\n') && says.EndsWith '.')

        for part in parts do
            must $"\"{part}\" is missing in: {says}" (says.Contains part)
    | Some error -> broken $"{error.GetType().Name} was thrown: {error.Message}"
    | None -> broken "nothing was refused"

let private refusals () =
    inSweep (fun folder sweep ->
        let at path = Path.Combine(folder, path)
        let run = Path.Combine(sweep, "rings-joint-cd-s0")
        refuses [ "the folder does not exist"; Directory.GetCurrentDirectory() ] (fun () -> Chart.ofSweep (at "nowhere/methods"))
        refuses [ "the folder does not exist" ] (fun () -> Chart.ofSweep "")
        refuses [ "the sweep does not exist (did you mean methods?)" ] (fun () -> Chart.ofSweep (at "runs/method"))
        refuses [ "contains sweeps: methods"; "Chart.ofSweep \""; "methods\"" ] (fun () -> Chart.ofSweep (at "runs"))
        refuses [ "contains no run" ] (fun () -> Chart.ofSweep (Directory.CreateDirectory(at "empty").FullName))
        refuses [ "Write Chart.ofSweep" ] (fun () -> Chart.ofRun sweep)
        refuses [ "the run does not exist (did you mean rings-two-s0?)" ] (fun () -> Chart.ofRun (Path.Combine(sweep, "rings-twp-s0")))
        refuses [ "3 runs begin with this name"; "rings-joint-cd-s1-" ] (fun () -> Chart.ofRun (Path.Combine(sweep, "rings-joint-cd")))
        refuses [ "Write Chart.ofRun" ] (fun () -> Chart.ofSweep (Directory.GetDirectories sweep |> Array.head))
        refuses [ "not finished"; "diverged at step 40"; "the loss is NaN" ] (fun () -> Chart.ofRun (Path.Combine(sweep, "rings-two-s3")))

        for name in [ "trajectories"; "level-jumps" ] do
            for file in Directory.GetFiles(sweep, name + ".npy", SearchOption.AllDirectories) do
                File.Delete file

        refuses [ "has no chains"; "arrays/trajectories"; "Chart.seeds, Chart.densities, Chart.samples and Chart.curves" ] (fun () ->
            Chart.ofRun run |> Chart.chains)

        let densities = Chart.ofRun run |> Chart.densities
        refuses [ "did you mean energies?"; "densities and energies" ] (fun () -> Chart.only "energie" densities)
        refuses [ "2 figures"; "Chart.only \"densities\""; "Chart.svg \"" ] (fun () -> Chart.svg (at "a.svg") densities)
        refuses [ "ends in .html"; "Chart.svg" ] (fun () -> Chart.save (at "a.pdf") densities)
        refuses [ "cannot be written" ] (fun () -> Chart.save "/dev/null/a.html" densities)
        refuses [ "Chart.together [" ] (fun () -> Chart.together []))

// ── opened ──────────────────────────────────────────────────────────────────────────────────

/// The numbers of interactive and of static figures in an opened page.
let private answering (page: Browser.Page) =
    let count selector = int (page.Text $"document.querySelectorAll('{selector}').length")
    page.Text "new Promise(done => setTimeout(done, 300))" |> ignore
    count "figure .plot .main-svg:first-child", count "figure:not(.live) .desk svg.panel"

let private inBrowser holds =
    inSweep (fun folder sweep ->
        Folder.inFolder (fun profile ->
            use page = Browser.Page.Open profile
            holds page folder (Chart.ofSweep sweep |> Chart.all)))

/// Opens a page, original or changed, in a window of this width: gives the numbers of interactive and static figures, and checks that the
/// page requests and logs nothing.
let private shown plotly (change: string -> string) width (holds: int * int -> unit) =
    inBrowser (fun page folder chart ->
        let file = Path.Combine(folder, "chart.html")
        File.WriteAllText(file, change (Chart.page plotly chart))
        page.Size(width, 800)
        page.Go file
        holds (answering page)
        must "the page is wider than its window" (page.Text "document.documentElement.scrollWidth <= window.innerWidth" = "True")
        must $"the page requested %A{page.Asked}" page.Asked.IsEmpty
        must $"the page logged %A{page.Said}" page.Said.IsEmpty)

let private allOf what (found: int) = must $"{found} {what}" (found >= (subjects |> List.sumBy (fun (_, _, ids) -> ids.Length)))

let private answers (live, still) =
    allOf "interactive figures" live
    must $"{still} static panels" (still = 0)

let private stands (live, still) =
    allOf "static panels" still
    must $"{live} interactive figures" (live = 0)

let private plotly = Report.plotly Folder.root

let private needsPlotly law =
    law |> needs (fun () -> if plotly.IsSome then None else Some "plotly.js is missing: `npm ci` in analysis/plotly installs it")

let private asks (html: string) =
    html.Replace("img-src data: blob:", "img-src *").Replace("<footer>", "<img src=\"http://example.org/a.png\"><footer>")

// ── scripts ─────────────────────────────────────────────────────────────────────────────────

/// The script of a page of docs, outside the clone and with other runs.
let private script page (folder: string) =
    let text = File.ReadAllText(Folder.under page)
    let blocks = Regex.Matches(text, "```fsharp[^\n]*\n(.*?)```", RegexOptions.Singleline) |> Seq.map _.Groups[1].Value
    let block = blocks |> Seq.filter _.Contains("Chart.") |> Seq.exactlyOne
    let loaded =
        Regex.Replace(
            block,
            "#load \"(?:\\.\\./)?(?:[a-z]+/)?_(bootstrap|refs).fsx\"",
            fun found ->
                let file = if found.Groups[1].Value = "refs" then "analysis/_refs.fsx" else "experiments/_bootstrap.fsx"
                $"#load \"{Folder.under file}\""
        )

    let path = Path.Combine(folder, "chart.fsx")
    // Not in the clone's own reports.
    File.WriteAllText(path, loaded.Replace("Chart.show", "Chart.save \"shown.html\""))
    path

let private runs page (change: string -> string) (due: string list) =
    inSweep (fun folder _ ->
        let script = script page folder
        File.WriteAllText(script, change (File.ReadAllText script))
        let start = ProcessStartInfo("dotnet", [ "fsi"; script ], WorkingDirectory = folder)
        start.RedirectStandardOutput <- true
        start.RedirectStandardError <- true
        use fsi = Process.Start start |> nonNull
        let errors = fsi.StandardError.ReadToEndAsync()
        let said = fsi.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
        fsi.WaitForExit()
        must $"the script ends with {fsi.ExitCode}: {errors.Result}" (fsi.ExitCode = 0)
        must $"the script says %A{said}" (List.ofArray said = due)

        for file in due do
            must $"{file} is not there" (File.Exists(Path.Combine(folder, file))))

let all = [
    law "a chart has the figures of its subject, and they equal the report's" (fun () -> areTheReports subjects)
    |> breaks "a figure of another subject" (fun () ->
        areTheReports [ for name, draw, due in subjects -> name, draw, (if name = "costs" then [ "learning" ] else due) ])

    law "runs that cannot be drawn are refused with a sentence that names the correct call" refusals
    |> breaks "a run that can be drawn" (fun () ->
        inSweep (fun _ sweep -> refuses [] (fun () -> Chart.ofRun (Path.Combine(sweep, "rings-two-s0")))))
    |> breaks "another exception" (fun () -> refuses [] (fun () -> raise (DirectoryNotFoundException "the folder does not exist.")))

    law "a title replaces that of one figure, or is above several; charts of different runs on one page have different ids" (fun () ->
        inSweep (fun _ sweep ->
            let one seed = Chart.ofRun (Path.Combine(sweep, $"rings-two-s{seed}"))
            must "one figure" ((Chart.seeds (one 0) |> Chart.title "mine").Figures.Head.Title = "mine")
            must "several" ((Chart.densities (one 0) |> Chart.title "mine").Title = "mine")
            let both = Chart.together [ Chart.densities (one 0); Chart.densities (one 1) ]
            must $"%A{ids both}" (ids both = [ "densities"; "energies"; "densities-2"; "energies-2" ])
            must "titles" ((both.Figures |> List.distinctBy _.Title).Length = 4)))

    law "the same runs give the same page in any folder, and files are written to the given paths" (fun () ->
        inSweep (fun folder sweep ->
            let chart = Chart.ofSweep sweep |> Chart.densities
            let at name = Path.Combine(folder, name)
            Chart.save (at "new/one.html") chart
            Chart.svg (at "drawings") chart
            Chart.svg (at "one.svg") (Chart.only "energies" chart)
            must "the page" (File.ReadAllText(at "new/one.html") = Chart.html chart)
            must "the drawing" (File.ReadAllText(at "one.svg") = File.ReadAllText(at "drawings/energies.svg"))
            must "all drawings" (Directory.GetFiles(at "drawings").Length = 2)
            inSweep (fun _ moved -> must "another page" (Chart.html (Chart.ofSweep moved |> Chart.densities) = Chart.html chart))))

    law "a page is opened only if there is a desktop" (fun () ->
        let variables (given: (string * string) list) name = given |> Map.ofList |> Map.tryFind name |> Option.defaultValue ""
        must "X" (Chart.isWatched (variables [ "DISPLAY", ":0" ]) false)
        must "Wayland" (Chart.isWatched (variables [ "WAYLAND_DISPLAY", "wayland-0" ]) false)
        must "no display" (not (Chart.isWatched (variables []) false))
        must "a pipe" (not (Chart.isWatched (variables [ "DISPLAY", ":0" ]) true))
        must "CI" (not (Chart.isWatched (variables [ "DISPLAY", ":0"; "CI", "true" ]) false)))

    law "in a browser with no network a chart's figures are interactive from the start, and its page requests and logs nothing" (fun () ->
        shown plotly id 1280 answers)
    |> breaks "a page of SVG alone" (fun () -> shown None id 1280 answers)
    |> breaks "a picture from elsewhere" (fun () -> shown plotly asks 1280 answers)
    |> needsPlotly
    |> Browser.needed

    law "in a window as narrow as a telephone, a chart's figures are static and fit" (fun () -> shown plotly id 390 stands)
    |> breaks "a wide window" (fun () -> shown plotly id 1280 stands)
    |> needsPlotly
    |> Browser.needed

    law "without Plotly a chart's page still has its figures" (fun () -> shown None id 1280 stands)
    |> breaks "a picture from elsewhere" (fun () -> shown None asks 1280 stands)
    |> Browser.needed

    law "the scripts of docs/reports.md and docs/read-a-run.md do what they say" (fun () ->
        runs "docs/reports.md" id [ "shown.html"; "figures/densities.svg"; "figures/energies.svg"; "gap.svg"; "chains.html" ]
        runs "docs/read-a-run.md" id [ "shown.html" ])
    |> breaks "a run that does not exist" (fun () ->
        runs "docs/read-a-run.md" (_.Replace("rings-joint-cd-s0", "rings-gan-s0")) [ "shown.html" ])
]
