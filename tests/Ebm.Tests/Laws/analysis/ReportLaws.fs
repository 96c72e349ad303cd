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
    "trajectories"
    "level-jumps"
    "outcomes"
]

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
            "[...document.querySelectorAll('svg.panel')].map(svg => svg.getBoundingClientRect().width * svg.getBoundingClientRect().height)"
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

let private inBrowser holds =
    Folder.inFolder (fun folder ->
        Folder.inFolder (fun profile ->
            use page = Browser.Page.Open profile
            holds page folder))

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
                let panels = Regex.Matches(figure, "<svg class=\"panel\"").Count
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
