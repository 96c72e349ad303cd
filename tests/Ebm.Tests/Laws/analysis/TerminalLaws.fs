/// What a command prints of a table: one block of at most 100 columns with the metrics that a reader needs first, and how to see more; and
/// the same order in the other forms.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.TerminalLaws

open System
open System.Globalization
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Table
open Ebm.Tests.Law
open Ebm.Tests.RunFolders

/// A metric as one of the project declares it.
let private declared importance place (name: string) value =
    let reference = if name = "grid-kl" then Some "grid-kl/gaussian" else None
    let better = if name.Contains "/gaussian" || name.Contains "/floor" then Direction.None else Direction.Lower
    name, { metric better value with Importance = importance; Order = Some place; ComparedWith = reference }

/// A run of the metrics of the default sweep.
let private usual method (seed: int) (value: float) : Runs.Run = {
    run "rings" method seed [] with
        TrainUnits = Some 1_000_448L
        Cpu = Some 31.6
        Metrics =
            Map [
                declared Importance.Primary 100 "grid-kl" value
                declared Importance.Secondary 101 "grid-kl/gaussian" 0.9
                declared Importance.Diagnostic 104 "grid-kl/border" 1e-40
                declared Importance.Primary 310 "energy-distance" (value / 7.0)
                declared Importance.Diagnostic 312 "energy-distance/floor" 0.001
                declared Importance.Primary 340 "mode-weights" (value / 3.0)
                declared Importance.Primary 500 "auroc/two-moons" 0.9
            ]
}

let private sweep = [
    for method, value in [ "joint-cd", 0.09; "recovery-likelihood", 0.045; "denoising-ebm", 0.18 ] do
        for seed in 0..2 do
            usual method seed (value + 0.009 * float seed)
]

let private deciding = { usualOptions with Decides = Some "energy-distance" }
let private tabulate runs = tabulateWith { usualOptions with Decides = Some "grid-kl" } "laws" runs

/// Labels and metrics of any length, one to seven settings, and marks of every kind.
let private wide = [
    let words = [
        "recovery-likelihood-with-a-very-long-name-that-somebody-gave-it/because-it-has-many-settings"
        String('x', 300)
        "two words"
        "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"
        "שלום\u202Eevil\u202C עולם"
        "a"
    ]

    for settings in [ 1; 2; 4; 7 ] do
        for values in [ [ 0..2 ]; [ 0; 1 ]; [ 0 ]; [ 0..7 ]; [ 0..24 ] ] do
            settings,
            values.Length,
            [
                for i, word in List.indexed words do
                    for seed in values do
                        let made = usual $"m{i}" seed (exp (float ((seed * 7 + i) % 23) * 9.0 - 60.0))
                        let setting j = $"method.a-setting-with-a-long-name.number-{j}", word + string (i + j)
                        {
                            made with
                                Config = (made.Config, [ 1..settings ]) ||> List.fold (fun config j -> config.Add(setting j))
                                Metrics =
                                    made.Metrics
                                        .Add(declared Importance.Primary 5 (String('m', 90)) (float seed))
                                        .Add(declared Importance.Primary 6 "another-metric with a name of several words" (float seed))
                                State = if seed = 3 && i = 2 then RunState.Diverged else RunState.Completed
                                TrainUnits = Some(int64 1e15)
                                Cpu = Some 1e9
                        }
            ]
]

/// No line has more columns than a terminal of this width; wide characters take two.
let private fits (text: string) =
    for line in text.Split '\n' do
        let isWide (rune: Text.Rune) = 0x2e80 <= rune.Value && rune.Value <= 0xa4cf
        let columns = StringInfo(line).LengthInTextElements + (line.EnumerateRunes() |> Seq.filter isWide |> Seq.length)
        must $"{columns} columns: {line}" (columns <= 100)

let private headings (table: Table) =
    let html = Html.rendered (HtmlTable.fragment (fun _ -> "#") table)
    [ for found in Regex.Matches(html, "<thead>.*?</thead>", RegexOptions.Singleline) -> Regex.Replace(found.Value, "<[^>]*>", " ") ]

let private inOrder (names: string list) (text: string) =
    let places = names |> List.map (fun name -> text.IndexOf(name, StringComparison.Ordinal))
    must $"{names} in\n{text}" (places |> List.forall (fun place -> place >= 0) && places = List.sort places)

let all = [
    law "the printed block has at most 100 columns, whatever the rows, settings and metrics are called" (fun () ->
        for settings, seeds, runs in wide do
            for decides in [ None; Some "grid-kl"; Some(String('m', 90)) ] do
                let text = Terminal.block (tabulateWith { usualOptions with Decides = decides } "laws" runs)
                fits text
                must
                    $"{settings} settings, {seeds} seeds\n{text}"
                    (text.Contains "diverged" && text.Contains "units" && text.Contains "CPU s")

        fits (Terminal.block (tabulateWith { usualOptions with Title = Some(String('t', 150)) } "laws" sweep))
        fits (Terminal.block (tabulate [])))
    |> breaks "the Markdown of the same runs" (fun () ->
        for _, _, runs in wide do
            fits (Markdown.table (tabulate runs)))

    law
        "a few rows are one block: the label, the metric that decides with its share, the next primary metrics, divergences and cost"
        (fun () ->
            let text = Terminal.block (tabulate sweep)
            let lines = text.Split '\n'
            must text (lines |> Array.filter (fun line -> Regex.IsMatch(line, "^-+(  -+)*$")) |> Array.length = 1)

            for due in
                [
                    @"^method +grid-kl ↓ +gaussian +distance ↓ +(mode-)?weights ↓ +diverged +units +CPU s$"
                    @"^joint-cd +0\.099 ± 0\.022 +11 % .*0 of 3 +1 M +32$"
                    @"^recovery-(likelihood)? +0\.054 ± 0\.022 +6\.0 % .*0 of 3 +1 M +32$"
                    @"^Lowest mean grid-kl: recovery-likelihood, which no test confirms\."
                    @"^of gaussian: the mean of grid-kl divided by that of grid-kl/gaussian"
                    @"^9 runs planned: 9 used\.$"
                ] do
                must $"{due} is missing in\n{text}" (lines |> Array.exists (fun line -> Regex.IsMatch(line, due)))

            must $"a diagnostic in\n{text}" (not (text.Contains "/floor" || text.Contains "/border"))
            must $"a repeated column in\n{text}" (Regex.Count(text, @"(?m)\bunits\b.*\bunits\b") = 0))

    law "a metric is left out before a label breaks inside a word" (fun () ->
        for name in [ "generalized-ebm"; "supercalifragilistic-ebm" ] do
            let runs = sweep @ [ for seed in 0..2 -> usual name seed (0.2 + 0.009 * float seed) ]
            let parts (text: string) = Regex.Split(text, "(?<=-)") |> List.ofArray
            let words = runs |> List.collect (fun run -> parts run.Config["method.kind"]) |> Set.ofList
            let text = Terminal.block (tabulate runs)
            let lines = text.Split '\n' |> Array.skipWhile (fun line -> not (line.StartsWith "---")) |> Array.skip 1

            for line in lines |> Array.takeWhile ((<>) "") do
                must text (parts ((line.Split ' ')[0]) |> List.forall (fun part -> part = "" || words.Contains part)))

    law "the row with the best mean is named before the table, or in its first note, with the seeds if it has one" (fun () ->
        let isNamed words runs =
            let table = tabulate runs
            let says = $"Lowest mean grid-kl: recovery-likelihood{words}, which no test confirms."

            inOrder [ says; "| method" ] (Markdown.table table)
            inOrder [ $"<p>{says}</p>"; "<table" ] (Html.rendered (HtmlTable.fragment (fun _ -> "#") table))
            inOrder [ "\\raggedright\n" + says; "A cell shows" ] (Latex.table table)
            inOrder [ "\n\n" + says.Substring(0, 60); "A cell shows" ] (Terminal.block table)

        isNamed "" sweep
        isNamed " (1 seed)" (sweep |> List.filter (fun run -> run.Seed = "0")))

    law "a row without a completed run has dashes, and a note says why; n/a is left to methods without such a value" (fun () ->
        let begun = [ for seed in 0..2 -> ended RunState.Running (usual "generalized-ebm" seed 0.1) ]
        let table = tabulate (sweep @ [ for run in begun -> { run with TrainUnits = None; Cpu = None; Reason = None } ])

        for name, text, note in
            [
                "terminal", Terminal.block table, "–: no completed run yet."
                "Markdown", Markdown.table table, "–: no completed run yet."
                "LaTeX", Latex.table table, "--: no completed run yet."
                "HTML", Html.rendered (HtmlTable.fragment (fun _ -> "#") table), "–: no completed run yet."
            ] do
            must $"{name}: {text}" (text.Contains note && not (text.Contains "n/a")))
    |> breaks "a completed run without the metric" (fun () ->
        let lacking = { usual "generalized-ebm" 0 0.1 with Metrics = Map.empty }
        must "n/a" (not ((Terminal.block (tabulate (lacking :: sweep))).Contains "n/a")))

    law "notes on metrics that the page hides at first are hidden with them" (fun () ->
        let html = Html.rendered (HtmlTable.fragment (fun _ -> "#") (tabulate sweep))
        let from, until =
            html.IndexOf("class=\"others\"", StringComparison.Ordinal), html.LastIndexOf("</details>", StringComparison.Ordinal)
        let hidden, visible = html.Substring(from, until - from), html.Substring(0, from) + html.Substring until
        let floor = "Measured in [^<]*energy-distance/floor"
        must visible (visible.Contains "Measured in" && not (Regex.IsMatch(visible, floor)))
        must hidden (Regex.IsMatch(hidden, floor)))

    law "every form has the metric that decides first, then the other primary ones, then the rest; diagnostics come last" (fun () ->
        let table = tabulateWith deciding "laws" sweep
        let order = [ "energy-distance"; "grid-kl"; "mode-weights"; "auroc/two-moons" ]
        let rest = [ "grid-kl/gaussian"; "grid-kl/border"; "energy-distance/floor" ]
        must $"%A{table.Metrics}" (table.Metrics = order @ rest)
        inOrder [ "method"; "distance ↓"; "grid-kl ↓" ] (Terminal.block table)

        let markdown = (Markdown.table table).Split '\n' |> Array.filter (fun line -> line.StartsWith "| method")
        inOrder (("| method" :: [ for name in order -> name + " ↓" ]) @ [ "| n "; "units" ] @ rest) (String.Join(" ", markdown))
        must $"%A{markdown}: n is repeated" (Regex.Count(String.Join(" ", markdown), @"\| n ") = 1)

        match headings table with
        | [ first; others ] ->
            inOrder ([ "method" ] @ order @ [ " n "; "diverged"; "failed"; "units"; "CPU s" ]) first
            inOrder ("method" :: rest) others
        | other -> broken $"%A{other}"

        let tex = Latex.table table
        inOrder [ "energy-distance $\\downarrow$"; "grid-kl $\\downarrow$"; "mode-weights $\\downarrow$" ] tex
        must tex (Regex.Count(tex, @"\\begin\{tabular\}") = 1 && not (tex.Contains "/border")))
    |> breaks "another metric decides" (fun () -> inOrder [ "method"; "distance ↓"; "grid-kl ↓" ] (Terminal.block (tabulate sweep)))

    law "one run is a run and one row a row, in every form" (fun () ->
        let one = tabulate [ usual "joint-cd" 0 0.09 ]

        for name, text in
            [
                "terminal", Terminal.block one
                "Markdown", Markdown.table one
                "LaTeX", Latex.table one
                "HTML", Html.rendered (HtmlTable.whole (fun _ -> "#") one)
                "JSON", Json.table one
            ] do
            must $"{name}: {text}" (not (Regex.IsMatch(text, @"\b1 (runs|rows|seeds|settings|metrics)\b"))))
    |> breaks "one runs" (fun () -> must "" (not (Regex.IsMatch("1 runs planned", @"\b1 (runs|rows|seeds)\b"))))

    law "a value without spread has no ±, and a note says why" (fun () ->
        let text = Markdown.table (tabulate sweep)
        must text (text.Contains "| 0.900" && text.Contains "Without ±: the interval has no width in the digits shown.")
        let rounding = [
            for seed in 0..2 ->
                { usual "joint-cd" seed 0.09 with Metrics = Map [ "kl", metric Direction.Lower (0.9 + 1e-9 * float seed) ] }
        ]
        must (Markdown.table (tabulate rounding)) ((Markdown.table (tabulate rounding)).Contains "| 0.900 ")
        let given = { usualOptions with Columns = Some [ { Metric = "grid-kl"; Label = "KL"; Decimals = Some 1 } ] }
        let text = Markdown.table (tabulateWith given "laws" sweep)
        must text (not (text.Contains "± 0.0 ")))

    law "runs whose metrics declare no importance show the metric that decides, then those that are not part of another" (fun () ->
        let old = [
            for one in sweep ->
                {
                    one with
                        Metrics = one.Metrics |> Map.map (fun _ metric -> { metric with Importance = Importance.Secondary; Order = None })
                }
        ]
        let text = Terminal.block (tabulate old)
        inOrder [ "grid-kl ↓"; "distance ↓" ] text
        must text (not (text.Contains "/border")))

    law "the line after the block names the option, the page and the file in one line, and never breaks a path" (fun () ->
        let shown = Terminal.more (Some "reports/methods/index.html") "reports/methods/table.md"
        must $"%A{shown}" (shown.Length = 1 && shown.Head.Contains "--all" && shown.Head.Contains "reports/methods/index.html")
        fits shown.Head
        let long = "/a-folder/" + String('x', 90) + "/table.md"
        must "a long path" (Terminal.more None long |> List.contains long))
]
