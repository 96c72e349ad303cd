/// The report: one complete page that needs no network and shows text from outside as text.
module Ebm.Tests.Laws.ReportLaws

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Ebm.Analysis
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law

let private write = RunFolders.trained

/// A sweep of two methods on three seeds, one of them diverged.
let private sweep (folder: string) name =
    let sweep = Path.Combine(folder, name)

    for seed in 0..2 do
        write sweep "one" seed RunState.Completed null [] |> ignore
        write sweep "two" seed RunState.Completed null [] |> ignore

    write sweep "two" 3 RunState.Diverged "the loss is NaN" [] |> ignore
    sweep

let private reported (plotly: string option) (folder: string) (sweep: string) =
    let reports = Path.Combine(folder, "reports")

    match Ebm.Tests.RunFolders.ofSweep sweep reports with
    | Some table, skipped -> Report.page plotly sweep reports (table, skipped)
    | None, _ -> broken $"{sweep} has no run"

let private page plotly folder name = File.ReadAllText(reported plotly folder (sweep folder name))

/// Every figure for which these runs have data.
let private drawn = [
    "seeds"
    "densities"
    "energies"
    "samples"
    "energy-histograms"
    "fronts"
    "learning"
    "gap"
    "acceptance"
    "acceptance-levels"
    "trajectories"
    "level-jumps"
    "outcomes"
]

let private inBrowser holds =
    Folder.inFolder (fun folder ->
        Folder.inFolder (fun profile ->
            use page = Browser.Page.Open profile
            holds page folder))

/// A search of ten trials of two settings, of which one was pruned.
let private search (folder: string) =
    let sweep = Path.Combine(folder, "search")

    let ids = [
        for i in 0..10 do
            let settings = [ "lr", $"0.00{(3 * i) % 11 + 1}"; "width", string (8 * (1 + i % 3)) ]
            let run =
                if i = 4 then
                    write sweep "one" i RunState.Pruned "hopeless" settings
                else
                    write sweep "one" i RunState.Completed null settings
            run.Id
    ]

    let plan: Plans.Plan = {
        Trainings = []
        Overrides = [ [ "s=sobol(11, method.lr=[1,2])" ] ]
        Metric = Some "energy-distance"
        Baseline = []
        Runs = ids
    }
    Plans.note ignore sweep plan
    sweep

/// The figures of a sweep's report, and their page.
let private figuresOf (sweep: string) =
    let table = Report.tableOf sweep |> fst |> Option.get
    let cast = Cast.cast (RunFolder.Under sweep) table
    cast, Gallery.figures cast

// ── layout ──────────────────────────────────────────────────────────────────────────────────

/// The panels of one of a page's two layouts: columns, the least width of a panel, and the viewBoxes' widths, for each row.
let private layouts kind (html: string) = [
    for row in
        Regex.Matches(
            html,
            $"<div class=\"panels {kind}\" style=\"--columns:(\\d+);--least:(\\d+)px\">(.*?)</div>",
            RegexOptions.Singleline
        ) do
        int row.Groups[1].Value,
        float row.Groups[2].Value,
        [
            for panel in Regex.Matches(row.Groups[3].Value, "viewBox=\"0 0 ([0-9.]+) ") ->
                Double.Parse(panel.Groups[1].Value, Globalization.CultureInfo.InvariantCulture)
        ]
]

/// Texts are at least eleven pixels high in the columns of windows of 390 and of 1280 pixels. `changed` changes the page.
let private isLegible (changed: string -> string) =
    Folder.inFolder (fun folder ->
        for html in [ page None folder "methods"; File.ReadAllText(reported None folder (search folder)) ] do
            let html = changed html
            let sizes = [
                for found in Regex.Matches(html, "svg[^{}]*\\{[^}]*?font(?:-size)?:(?:[0-9]+ )?([0-9.]+)px") ->
                    Double.Parse(found.Groups[1].Value, Globalization.CultureInfo.InvariantCulture)
            ]
            must $"sizes of texts are %A{sizes}" (sizes.Length > 1)
            let smallest = List.min sizes
            let phone, desk = layouts "phone" html, layouts "desk" html
            must "a row is not in both layouts" (phone.Length = desk.Length && phone.Length >= 6)

            let check window column (count: int) widths =
                let share = (column - 16.0 * float (count - 1)) / float count

                for width in widths do
                    must $"at {window} pixels, texts are {smallest * share / width} pixels high" (smallest * share / width >= 10.99)

            for _, least, widths in phone do
                check 390 362.0 (max 1 (int (378.0 / (least + 16.0)))) widths

            for columns, _, widths in desk do
                check 1280 1132.0 columns widths
                must
                    $"a row of {columns} panels is {widths}"
                    (widths |> List.forall (fun width -> abs (float columns * (width + 16.0) - 1148.0) < 2.0)))

/// In a browser, at both widths: the panels of a row fill the column, and no text is smaller than eleven pixels.
let private fills (change: string -> string) =
    inBrowser (fun page folder ->
        let path = reported None folder (search folder)
        File.WriteAllText(path, change (File.ReadAllText path))

        for width in [ 390; 1280 ] do
            page.Size(width, 900)
            page.Go path

            let found =
                page.Ask
                    "[...document.querySelectorAll('.panels')].filter(row => row.clientWidth).map(row => { \
                     const panels = [...row.children].map(panel => panel.getBoundingClientRect()); \
                     const texts = [...row.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize) \
                       * text.closest('svg').getBoundingClientRect().width / text.closest('svg').viewBox.baseVal.width); \
                     return [(Math.max(...panels.map(p => p.right)) - Math.min(...panels.map(p => p.left))) / row.clientWidth, Math.min(99, ...texts)]; })"

            must "no rows" (found.GetArrayLength() > 5)

            for row in found.EnumerateArray() do
                let filled, smallest = row[0].GetDouble(), row[1].GetDouble()
                must $"at {width}, panels fill {filled} of the column" (filled > 0.98 || (width = 390 && filled > 0.45))
                must $"at {width}, a text has {smallest} pixels" (smallest >= 10.99)

            must "the page is wider than its window" (page.Text "document.documentElement.scrollWidth <= window.innerWidth" = "True"))

// ── training ────────────────────────────────────────────────────────────────────────────────

/// Three seeds of one method, whose gap explodes at the end in one; the second spent more units on each step.
let private trained (folder: string) =
    let sweep = Path.Combine(folder, "trained")

    for seed in 0..2 do
        let run = write sweep "one" seed RunState.Completed null []
        let per = if seed = 1 then 30.0 else 25.0
        File.Delete(run.In "events.jsonl")

        run.Append [
            for step in 10L..10L..40L do
                Event(step, "energy/gap", (if step = 40L && seed = 0 then 1e6 else 1.0 / float (step + int64 seed)))
                Event(step, "energy/loss", (if step = 40L && seed = 0 then 1e6 else 1.0 / float (step + int64 seed)))
                // Units are recorded at other steps than metrics are measured.
                Event(step + 5L, "units", per * float (step + 5L))
        ]

        run.Append [ for step in [ 20L; 40L ] -> MeasuredAt(step, Measurement("only-during", float step, "nats", Direction.Lower)) ]

    Plans.note ignore sweep {
        Trainings = []
        Overrides = []
        Metric = Some "only-during"
        Baseline = []
        Runs = [ for run in Directory.GetDirectories sweep -> Path.GetFileName run |> string ]
    }
    sweep

let private strong (panel: Figure.Panel) =
    panel.Marks
    |> List.collect (function
        | Figure.Line(_, false, _, points) -> points
        | Figure.Dots(_, false, points) -> [ for point in points -> point.X, point.Y ]
        | _ -> [])
    |> List.filter (fun (x, y) -> Double.IsFinite x && Double.IsFinite y)

let private panelsOf (figures: Figure.Figure list) = figures |> List.collect _.Rows |> List.collect _.Panels

/// No mean is outside of its panel. `drawn` gives the points that are checked.
let private areInside (drawn: Figure.Panel -> (float * float) list) =
    Folder.inFolder (fun folder ->
        for sweep in [ trained folder; sweep folder "methods"; search folder ] do
            for panel in panelsOf (snd (figuresOf sweep)) do
                for x, y in drawn panel do
                    let isIn axis value = let at = Figure.place axis value in at >= -1e-9 && at <= 1.0 + 1e-9
                    must $"{panel.Title}: the mean {y} at {x} is outside" (isIn panel.X x && isIn panel.Y y))

let private learned () =
    Folder.inFolder (fun folder ->
        let cast, _ = figuresOf (trained folder)
        let panels = (Training.learning cast).Head.Rows.Head.Panels
        must $"panels are %A{panels |> List.map _.Title}" (panels |> List.map _.Title = [ "only-during"; "grid-kl" ])
        // Measured at steps 20 and 40: at 500 and 1000 units, and at 600 and 1200 for the second seed.
        let means = strong panels[1]
        must $"means are at %A{List.map fst means}" (List.map fst means = [ 600.0; 1000.0 ])
        let at seed units =
            let per = (if seed = 1 then 30.0 else 25.0) in
            let a, b = 1.0 / float (20 + seed), 1.0 / float (40 + seed) in
            a + (b - a) * (units / per - 20.0) / 20.0
        let due units = List.average [ for seed in 0..2 -> at seed units ]

        for units, mean in means do
            must $"the mean at {units} is {mean}, {due units} is expected" (abs (mean - due units) < 1e-12))

/// No two panels of different figures are equal. `figures` gives those of a cast.
let private areDifferent (figures: Cast.Cast -> Figure.Figure list) =
    Folder.inFolder (fun folder ->
        for sweep in [ trained folder; sweep folder "methods"; search folder ] do
            let found =
                figures (fst (figuresOf sweep))
                |> List.collect (fun figure ->
                    [ for panel in panelsOf [ figure ] -> figure.Id, (panel.X, panel.Y, panel.Marks) ] |> List.distinctBy snd)

            for _, same in List.groupBy snd found do
                must $"%A{List.map fst same} show the same" (same.Length = 1))

let private sameBytes (change: string -> unit) =
    Folder.inFolder (fun here ->
        Folder.inFolder (fun there ->
            let first = page None here "methods"
            let moved = sweep there "methods"
            change moved
            let again = File.ReadAllText(reported None there moved)
            must "the page changed" (first = again)))

/// Outside addresses of the page, in attributes, styles and scripts.
let private asks (html: string) = [
    for found in Regex.Matches(html, "(?:src|href|url)\\s*[=(]\\s*[\"']?(?!#|data:)[^\"'\\s)>]+") -> found.Value
]

/// The data blocks of a page, by id.
let private blocks (html: string) =
    Map [
        for found in Regex.Matches(html, "<script type=\"application/json\" id=\"([^\"]+)\">(.*?)</script>", RegexOptions.Singleline) do
            found.Groups[1].Value, JsonDocument.Parse(found.Groups[2].Value).RootElement
    ]

let private names = [
    "</script><img src=x onerror=\"window.broken=1\">"
    "\\input{/etc/passwd} $x^2$ \\end{table} & % # _ ~"
    String('n', 300)
    "\u202eهذا نص من اليمين إلى اليسار\u2066 ‮"
    "'; window.broken=1 //\u2028\u0000]]>&lt;"
]

/// A sweep whose settings, reasons and logs contain mark-up and scripts.
let private hostile (folder: string) =
    let sweep = Path.Combine(folder, "<img src=x onerror='window.broken=1'>")

    for i, name in List.indexed names do
        write sweep name 0 RunState.Completed null [ "note", name; name, "1" ] |> ignore
        let lost = write sweep "one" i RunState.Failed name [ "note", name ]
        File.WriteAllText(lost.In "stderr.log", $"first\n{name}\nlast")

    sweep

/// Checks that all hostile texts of a page are text.
let private harmless (html: string) =
    let tags = Regex.Matches(html, "<(img|script)\\b[^>]*>") |> Seq.map _.Value |> List.ofSeq
    let due = tags |> List.filter (fun tag -> tag <> "<script>" && not (tag.StartsWith "<script type=\"application/json\" id=\""))
    must $"the page has %A{due}" due.IsEmpty
    let data = blocks html
    let kept = data["run-data"].GetRawText()

    for name in names do
        let due = JsonSerializer.Serialize(name, JsonSerializerOptions(Encoder = Text.Encodings.Web.JavaScriptEncoder.Default))
        must $"the page's data have lost {name}" (kept.Contains due)

let private xml (svg: string) = Xml.Linq.XDocument.Parse svg |> ignore

/// Checks an opened page in light and dark mode.
let private shows (page: Browser.Page) plotly file =
    page.Go file
    let panels =
        page.Ask(
            "[...document.querySelectorAll('svg.panel')].filter(svg => svg.parentElement.clientWidth).map(svg => svg.getBoundingClientRect().width * svg.getBoundingClientRect().height)"
        )
    must
        "a panel has no area"
        (panels.GetArrayLength() > 10 && panels.EnumerateArray() |> Seq.forall (fun area -> area.GetDouble() > 1000.0))
    must "a picture is missing" (page.Text "[...document.querySelectorAll('.pictures image')].length > 4" = "True")
    must
        "a panel has no label for screen readers"
        (page.Text "[...document.querySelectorAll('svg.panel')].every(svg => svg.getAttribute('aria-label'))" = "True")
    let light = page.Text "getComputedStyle(document.body).backgroundColor"
    page.Prefer("screen", "dark")
    must "dark is as light" (page.Text "getComputedStyle(document.body).backgroundColor" <> light)
    page.Prefer("print", "dark")
    must "paper is dark" (page.Text "getComputedStyle(document.body).backgroundColor" = light)
    must "buttons are printed" (page.Text "document.querySelector('.bar').offsetHeight" = "0")
    page.Prefer("screen", "light")

    if plotly then
        // Makes each figure interactive by Plotly, and static again.
        let drawn =
            page.Text
                "(async () => { for (const button of document.querySelectorAll('figure .head button')) button.click(); \
             await new Promise(done => setTimeout(done, 300)); \
                               return [...document.querySelectorAll('figure .plot')].filter(plot => plot.querySelector('.main-svg')).length; })()"
        must $"{drawn} of {drawn.Length} figures are interactive" (drawn = page.Text "document.querySelectorAll('figure').length")
    else
        must "a button without Plotly" (page.Text "document.querySelectorAll('figure .head button').length" = "0")

    must $"the page requested %A{page.Asked}" page.Asked.IsEmpty
    must $"the page logged %A{page.Said}" page.Said.IsEmpty

let private opened (change: string -> string) (holds: Browser.Page -> unit) () =
    inBrowser (fun page folder ->
        let path = reported None folder (sweep folder "methods")
        File.WriteAllText(path, change (File.ReadAllText path))
        page.Go path
        holds page)

let private column table n =
    $"[...document.querySelectorAll('{table} tbody tr:not([hidden])')].map(row => row.cells[{n}].textContent.trim())"

let private sorts (page: Browser.Page) =
    let seeds () = page.Text(column "#all-runs" 2 + ".join(' ')")
    let before = seeds ()
    // With the keyboard only.
    page.Ask "document.querySelector('#all-runs th:nth-child(3) button').focus()" |> ignore
    page.Press "Enter"
    must $"seeds are {seeds ()}" (seeds () = "0 0 1 1 2 2 3")
    page.Press "Enter"
    must $"seeds are {seeds ()}" (seeds () = "3 2 2 1 1 0 0" && seeds () <> before)
    let first = column ".results" 0 + "[0]"
    page.Ask "document.querySelector('.results thead th:nth-child(1) button').click()" |> ignore
    must "the table's first row" (page.Text first = "one")
    page.Ask "document.querySelector('.results thead th:nth-child(1) button').click()" |> ignore
    must "the table's first row, the other way" (page.Text first = "two")

let private filters (page: Browser.Page) =
    let write words =
        page.Ask
            $"(() => {{ const input = document.querySelector('#find-runs input'); input.value = '{words}'; input.dispatchEvent(new Event('input')); }})()"
        |> ignore
    let shown () = page.Text(column "#all-runs" 3 + ".join(' ')")
    write "ONE"
    must
        $"shown are {shown ()}"
        (shown () = "one one one" && page.Text "document.querySelector('#find-runs output').textContent" = "3 of 7 rows")
    write ""
    page.Ask
        "(() => { const choice = document.querySelector('#find-runs select'); choice.value = 'diverged'; choice.dispatchEvent(new Event('change')); })()"
    |> ignore
    must $"shown are {shown ()}" (shown () = "two")

let private opensRuns (page: Browser.Page) =
    page.Ask "document.querySelector('#all-runs tr[data-state=completed] a').click()" |> ignore
    let text () = page.Text "new Promise(done => setTimeout(() => done(document.getElementById('run').innerText), 50))"
    let shown = text ()

    for part in [ "completed"; "method.kind"; "grid-kl"; "0.1"; "configs/method/one.yaml"; "1000 units" ] do
        must $"a run's page lacks {part}: {shown}" (shown.Contains part)

    page.Press "Escape"
    must "a run's page stays open" (page.Text "document.getElementById('run').hidden" = "True")

/// Checks the comparison in a window of 390 by 844 pixels.
let private isNarrow (page: Browser.Page) =
    page.Size(390, 844)
    let table = "document.querySelector('#comparison table.results')"
    let box part side = page.Text $"Math.round({table}.querySelector('{part}').getBoundingClientRect().{side})" |> int
    must "the first metric is cut off" (box "tbody td.number" "right" <= 390)
    must "the first row is below the window" (box "tbody td.number" "bottom" <= 844)
    let before = box "tbody th" "left"
    page.Text $"{table}.scrollLeft = 60" |> ignore
    must "the label scrolls away" (box "tbody th" "left" = before)
    must "the page is wider than its window" (page.Text "document.documentElement.scrollWidth <= window.innerWidth" = "True")

let all = [
    law "a report has every figure for which its runs have data, and no others" (fun () ->
        Folder.inFolder (fun folder ->
            let html = page None folder "methods"
            let found = [ for m in Regex.Matches(html, "<figure id=\"([a-z-]+)\"") -> m.Groups[1].Value ]
            must $"figures are %A{found}" (Set.ofList found = Set.ofList drawn)
            let files = Directory.GetFiles(Path.Combine(folder, "reports", "methods", "figures")) |> Array.map Path.GetFileName
            must $"files are %A{files}" (Set.ofArray files = Set.ofList [ for id in drawn -> id + ".svg" ])))

    law "a run without arrays, and one whose arrays are torn, have no figures, and the report has the other figures" (fun () ->
        Folder.inFolder (fun folder ->
            let sweep = sweep folder "methods"

            for i, run in Array.indexed (Directory.GetDirectories sweep) do
                let arrays = Path.Combine(run, "arrays")

                if Directory.Exists arrays then
                    if i % 2 = 0 then
                        Directory.Delete(arrays, true)
                    else
                        for file in Directory.GetFiles(arrays, "*.npy") do
                            File.WriteAllText(file, "torn")

                if File.Exists(Path.Combine(run, "events.jsonl")) then File.WriteAllText(Path.Combine(run, "events.jsonl"), "{torn")

            let html = File.ReadAllText(reported None folder sweep)
            let found = [ for m in Regex.Matches(html, "<figure id=\"([a-z-]+)\"") -> m.Groups[1].Value ]
            must $"figures are %A{found}" (Set.ofList found = Set.ofList [ "seeds"; "samples"; "fronts"; "learning"; "outcomes" ])))

    law "a search's report has its history, the settings that matter, parallel coordinates, and metrics over training" (fun () ->
        Folder.inFolder (fun folder ->
            let ids = figuresOf (search folder) |> snd |> List.map _.Id

            for due in [ "learning"; "history"; "importance"; "sensitivity"; "parallel" ] do
                must $"{due} is not among %A{ids}" (List.contains due ids)))

    law "at 390 and at 1280 pixels, the texts of every figure are at least eleven pixels high, and its panels fill the column" (fun () ->
        isLegible id)
    |> breaks "the layout of a desk on a phone" (fun () ->
        isLegible (fun html -> html.Replace("panels phone", "panels other").Replace("panels desk", "panels phone")))
    |> breaks "a smaller font" (fun () -> isLegible (_.Replace("svg .axis{", "svg .axis{font-size:9px;")))

    law "in a browser, figures fill the column at 390 and at 1280 pixels, and no text is smaller than eleven pixels" (fun () -> fills id)
    |> breaks "the layout of a desk on a phone" (fun () ->
        fills (
            _.Replace(
                ".panels.phone { display: grid; } .panels.desk { display: none;",
                ".panels.phone { display: none; } .panels.desk { display: grid;"
            )
        ))
    |> Browser.needed

    law "no mean is cut off at the border of its panel" (fun () -> areInside strong)
    |> breaks "the bounds of a band" (fun () ->
        areInside (fun panel ->
            panel.Marks
            |> List.collect (function
                | Figure.Line(_, true, _, points) -> points
                | Figure.Band(_, points) -> [ for x, _, high in points -> x, high + 1e9 ]
                | _ -> [])))

    law
        "metrics measured during training have a mean at equal units, also if seeds spent others and units were recorded at other steps, and \
         the declared metric is the first"
        learned

    law "no picture of a report is there twice" (fun () -> areDifferent Gallery.figures)
    |> breaks "gap and loss of a method whose loss is its gap" (fun () ->
        areDifferent (fun cast -> Gallery.subjects |> List.collect (fun subject -> subject.Draw cast)))

    law "the same runs give the same report in any folder" (fun () -> sameBytes ignore)
    |> breaks "a seed less" (fun () -> sameBytes (fun sweep -> Directory.Delete((Directory.GetDirectories sweep)[0], true)))

    law "a report refers to nothing outside itself" (fun () ->
        Folder.inFolder (fun folder ->
            match asks (page None folder "methods") with
            | [] -> ()
            | found -> broken $"the page refers to %A{found}"))
    |> breaks "a script of another host" (fun () ->
        match asks "<script src=\"https://example.org/a.js\">" with
        | [] -> ()
        | found -> broken $"%A{found}")

    law "hostile names, reasons and logs are text in the page, in its data and in its drawings" (fun () ->
        Folder.inFolder (fun folder ->
            let path = reported (Some "/* </SCRIPT> */") folder (hostile folder)
            harmless (File.ReadAllText path)

            for file in Directory.GetFiles(Path.Combine(string (Path.GetDirectoryName path), "figures")) do
                xml (File.ReadAllText file)))
    |> breaks "a name as it is" (fun () -> harmless names[0])

    law "each figure's interactive twin has a plot for each of its panels, and is JSON" (fun () ->
        Folder.inFolder (fun folder ->
            let html = page (Some "") folder "methods"
            let blocks = blocks html

            for id in drawn do
                let figure = Regex.Match(html, $"<figure id=\"{id}\".*?</figure>", RegexOptions.Singleline).Value
                let layout = blocks["plot-" + id].GetProperty "layout"
                let axes = layout.EnumerateObject() |> Seq.filter (fun property -> property.Name.StartsWith "xaxis") |> Seq.length
                let panels = (layouts "desk" figure |> List.sumBy (fun (_, _, widths) -> widths.Length))
                must $"{id}: {axes} plots and {panels} panels" (axes = panels && panels > 0)))

    law
        "in a browser with no network the report requests and logs nothing, and shows its figures in light and dark mode and on paper"
        (fun () -> inBrowser (fun page folder -> shows page false (reported None folder (sweep folder "methods"))))
    |> breaks "a picture from elsewhere" (fun () ->
        inBrowser (fun page folder ->
            let path = reported None folder (sweep folder "methods")
            let html = File.ReadAllText path
            File.WriteAllText(
                path,
                html.Replace("img-src data: blob:", "img-src *").Replace("<footer>", "<img src=\"http://example.org/a.png\"><footer>")
            )
            shows page false path))
    |> Browser.needed

    law "with Plotly every figure becomes interactive, without log messages or requests" (fun () ->
        inBrowser (fun page folder -> shows page true (reported (Report.plotly Folder.root) folder (sweep folder "methods"))))
    |> needs (fun () ->
        if (Report.plotly Folder.root).IsSome then None else Some "plotly.js is missing: `npm ci` in analysis/plotly installs it")
    |> Browser.needed

    law
        "the tables sort, by the keyboard too, filter by words and by state, and open a run's page with its settings and their origins"
        (opened id (fun page ->
            sorts page
            opensRuns page
            filters page
            must $"the page logged %A{page.Said}" page.Said.IsEmpty))
    |> breaks "a table that does not sort" (opened (fun html -> html.Replace("sortable", "fixed")) sorts)
    |> Browser.needed

    law
        "in a window of a phone's size the table's first metric is beside its label without scrolling, and the label stays when it scrolls"
        (opened id isNarrow)
    |> breaks "labels of any width" (opened (fun html -> html.Replace("max-width: 9.5em", "min-width: 25em")) isNarrow)
    |> Browser.needed

    law "in an opened page, hostile names run no script and are displayed unchanged" (fun () ->
        inBrowser (fun page folder ->
            page.Go(reported (Report.plotly Folder.root) folder (hostile folder))
            page.Ask "[...document.querySelectorAll('figure .head button')].forEach(button => button.click())" |> ignore
            let text = page.Text "new Promise(done => setTimeout(() => done(document.body.textContent), 300))"
            must "a name ran" (page.Text "typeof window.broken" = "undefined")
            must $"the page logged %A{page.Said}" page.Said.IsEmpty
            must $"the page requested %A{page.Asked}" page.Asked.IsEmpty

            for part in [ "</script><img src=x onerror="; "\\input{/etc/passwd}"; "[U+202E]" ] do
                must $"{part} is not displayed" (text.Contains part)

            must "the page is wider than its window" (page.Text "document.documentElement.scrollWidth <= window.innerWidth" = "True")))
    |> Browser.needed
]
