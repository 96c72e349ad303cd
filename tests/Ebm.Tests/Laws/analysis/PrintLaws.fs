/// Tables for print and for pages: LaTeX that compiles, unique macros, escaped text, and equal bytes from equal runs.
module Ebm.Tests.Laws.PrintLaws

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Table
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.RunFolders

let private named (name: string) seeds (values: int -> (string * float) list) = [
    for seed in seeds do
        let group = "g" + (Canonical.Sha256 name).Substring(0, 8)
        let made = run "rings" name seed (values seed)
        { made with Id = $"{group}-s{seed}"; Group = group }
]

/// One of each case: eight seeds, two seeds, one seed, a divergence, tiny and huge numbers, a logarithmic metric, many seeds, no value.
let private everything = [
    yield!
        named "good" [ 0..7 ] (fun seed -> [
            "grid-kl", 1.0 + 0.01 * float seed
            "tiny", 1e-12 * float (seed + 1)
            "grid-kl/gaussian", 2.0
        ])
    yield! named "bad" [ 0..7 ] (fun seed -> [ "grid-kl", 2.0 + 0.01 * float (seed % 3); "huge/100", 1e9 + 1e3 * float seed ])
    yield! named "lost" [ 0..4 ] (fun seed -> [ "grid-kl", 0.5 + 0.1 * float seed ])
    ended RunState.Diverged (named "lost" [ 5 ] (fun _ -> [])).Head
    yield! named "two" [ 0; 1 ] (fun seed -> [ "grid-kl", 3.0 + float seed; "tiny", nan ])
    yield! named "once" [ 0 ] (fun _ -> [ "grid-kl", infinity; "tiny", 1e-30 ])
    yield! named "many" [ 0..24 ] (fun seed -> [ "grid-kl", exp (float (seed % 7)) ])
    for one in named "log" [ 0..4 ] (fun _ -> []) do
        {
            one with
                Metrics =
                    Map [ "grid-kl", { metric Direction.Lower (exp (float (int one.Seed))) with Scale = "log"; Protocol = Some "other" } ]
        }
    for one in named "single" [ 0 ] (fun _ -> []) do
        { one with Metrics = Map [ "grid-kl", { metric Direction.Lower 0.12345 with Se = Some 0.0012 } ] }
]

let private tabulate runs = tabulateWith { usualOptions with Baseline = [ "method.kind", "bad" ] } "laws" runs

/// Names that contain mark-up.
let private hostile = [
    "</script><img onerror=alert(1)>"
    "\\input{/etc/passwd} \\end{tabular} % $x_1^2$ & # ~ {"
    String('x', 300)
    "שלום\u202Eevil\u202C עולם"
    "a|b **bold** `code` [link](x) \"quoted\" 'single' &amp; \n new line"
    "[option] *star --dash ``quotes''"
    "Ä mixed ± × – … ß 漢字 😀"
]

let private ofHostile =
    hostile |> List.collect (fun name -> named name [ 0..2 ] (fun seed -> [ "grid-kl", float seed; "</td>\\alpha & _{", 1.0 + float seed ]))

let private ofMany = [
    for i in 1..90 do
        yield! named $"method {i:D2}" [ 0..2 ] (fun seed -> [ "grid-kl", float (i + seed) ])
]

let private pdflatex =
    let path = (Environment.GetEnvironmentVariable "PATH" |> Option.ofObj |> Option.defaultValue "").Split ':'
    path |> Array.map (fun folder -> Path.Combine(folder, "pdflatex")) |> Array.tryFind File.Exists

let private needsLatex =
    needs (fun () ->
        let package name =
            [ "/usr/share/texlive"; "/usr/share/texmf" ]
            |> List.exists (fun root ->
                Directory.Exists root && Directory.EnumerateFiles(root, name, SearchOption.AllDirectories) |> Seq.isEmpty |> not)

        match pdflatex with
        | None -> Some "pdflatex is not installed; Debian has it in texlive-latex-base, with texlive-latex-recommended and texlive-science"
        | Some _ when not (package "siunitx.sty") -> Some "pdflatex lacks siunitx; Debian has it in texlive-science"
        | Some _ -> None)

/// Compiles document.tex in a folder and returns what pdflatex says; fails with its errors.
let private tex (folder: string) =
    let start =
        ProcessStartInfo(
            pdflatex.Value,
            [ "-interaction=nonstopmode"; "-halt-on-error"; "-no-shell-escape"; "document.tex" ],
            WorkingDirectory = folder,
            RedirectStandardOutput = true
        )

    use tex = Process.Start start |> nonNull
    let said = tex.StandardOutput.ReadToEnd()
    tex.WaitForExit()
    let errors = said.Split '\n' |> Array.filter (fun line -> line.StartsWith '!' || line.Contains "l.") |> String.concat "\n"
    must $"pdflatex stops: {errors}" (tex.ExitCode = 0)
    said

/// Compiles a document that contains a table and uses every macro; fails with the errors of pdflatex.
let private compiles (fragment: string) (macros: string) =
    Folder.inFolder (fun folder ->
        File.WriteAllText(Path.Combine(folder, "table.tex"), fragment)
        File.WriteAllText(Path.Combine(folder, "macros.tex"), macros)
        let used = [ for found in Regex.Matches(macros, @"\\newcommand\{(\\[A-Za-z]+)\}") -> found.Groups[1].Value ]

        let document =
            "\\documentclass{article}\n\\usepackage{booktabs,amsmath,graphicx,siunitx}\n\\input{macros}\n\\begin{document}\n\\tiny\n\\input{table}\n\n"
            + String.Join(", ", used)
            + "\n\\end{document}\n"

        File.WriteAllText(Path.Combine(folder, "document.tex"), document)

        let said = tex folder
        let over = said.Split '\n' |> Array.filter _.StartsWith("Overfull \\vbox")
        must $"it does not fit its page: %A{over}" (over.Length = 0))

/// Runs of six methods with five primary metrics, too wide for a text column at the size of the text.
let private ordinary = [
    let names = [ "grid-kl"; "energy-distance"; "mode-weights"; "classifier-test"; "auroc/two-moons"; "long-run/10" ]

    for i, method in
        List.indexed [ "joint-cd"; "recovery-likelihood"; "denoising-ebm"; "generalized-ebm"; "contrastive-divergence"; "flow" ] do
        for seed in (if i = 5 then [ 0..6 ] else [ 0..7 ]) do
            let made =
                run "rings" method seed [ for j, name in List.indexed names -> name, 0.1 * float (i + j + 1) + 0.013 * float (seed % 5) ]
            { made with Metrics = made.Metrics |> Map.map (fun _ metric -> { metric with Importance = Importance.Primary }) }
    ended RunState.Diverged (run "rings" "flow" 7 [])
]

/// A document of class article whose table and text give no overfull and no underfull box.
let private isQuiet (fragment: string) =
    Folder.inFolder (fun folder ->
        File.WriteAllText(
            Path.Combine(folder, "document.tex"),
            "\\documentclass{article}\n\\usepackage{booktabs,amsmath,graphicx,siunitx}\n\\begin{document}\n"
            + "\\begin{table}\n\\caption{A sweep.}\n\\centering\n"
            + fragment
            + "\\end{table}\nText.\n\\end{document}\n"
        )
        let said = tex folder
        must $"%A{said}" (not (Regex.IsMatch(said, @"(Over|Under)full \\hbox")))
        must "more than one tabular" (Regex.Count(fragment, @"\\begin\{tabular\}") = 1))

let private renders: (string * (Table -> string)) list = [
    "table.csv", Csv.runs
    "summary.csv", Csv.summary
    "versus.csv", Csv.versus
    "Markdown", Markdown.table
    "LaTeX", Latex.table
    "LaTeX against the baseline", Latex.versus
    "macros", Latex.macros
    "HTML", (fun table -> Html.rendered (HtmlTable.whole (fun run -> "#run-" + run.Id) table))
    "JSON", Json.table
]

/// Rows whose values are at the ends of the range of numbers, with every kind of interval.
let private extremes = [
    for i, value in List.indexed [ 1e308; -1e308; Double.MaxValue; -Double.MaxValue; 1e15; 2e200; 5e-324; -5e-324; 1e-200; 0.0 ] do
        for seeds in [ 1; 2; 3; 8; 25 ] do
            yield!
                named $"value-{i}-{seeds}" [ 1..seeds ] (fun seed -> [
                    "same", value
                    "spread", value / float seed
                    "signs", (if seed % 2 = 0 then value else -value)
                ])
    for seeds in [ 1; 3 ] do
        for made in named $"log-{seeds}" [ 1..seeds ] (fun _ -> []) do
            let value = {
                metric Direction.Lower (1e308 / float (int made.Seed)) with
                    Scale = "log"
                    Se = Some 1e200
                    Protocol = Some "log"
            }
            { made with Metrics = Map [ "same", value ] }
]

let private ofExtremes decimals =
    let column name = { Metric = name; Label = name; Decimals = decimals }
    let columns = decimals |> Option.map (fun _ -> [ column "same"; column "spread"; column "signs" ])
    tabulateWith { usualOptions with Columns = columns; Baseline = [ "method.kind", "value-0-8" ] } "laws" extremes

/// Every number of a text has at most 17 digits, as many as distinguish two doubles. Hashes and CSS have no such numbers.
let private isShort (form: string) (text: string) =
    let long = [ for found in Regex.Matches(text, @"(?<![0-9a-f])[0-9]*\.?[0-9]{18,}(?![0-9a-f])") -> found.Value ]
    must $"{form}: %A{List.truncate 3 long}" long.IsEmpty

/// The tags of a fragment, in order; unescaped text shows up as a tag.
let private tags (html: string) = [ for tag in Regex.Matches(html, "<(/?[a-zA-Z!][^\\s>]*)") -> tag.Groups[1].Value ] |> List.distinct

let private knownTags = [
    "table"
    "caption"
    "bdi"
    "thead"
    "tbody"
    "tr"
    "th"
    "td"
    "small"
    "strong"
    "span"
    "a"
    "details"
    "summary"
    "div"
    "p"
]

let private isOnlyText (html: string) =
    let found = tags html |> List.map (fun tag -> tag.TrimStart '/') |> List.distinct
    must $"%A{found}" (found |> List.forall (fun tag -> List.contains tag knownTags))
    must "an attribute with a script" (not (Regex.IsMatch(html, "<[^>]*\\son[a-z]+=")))
    must "an address" (not (Regex.IsMatch(html, "(href|src)=\"(?!#)")))

let all = [
    law "the LaTeX fragment and every macro compile with only booktabs, amsmath, graphicx and siunitx, for any content" (fun () ->
        for runs in [ everything; ofHostile; named "alone" [ 0..2 ] (fun seed -> [ "grid-kl", float seed ]); [] ] do
            compiles (Latex.table (tabulate runs) + "\n\n" + Latex.versus (tabulate runs)) (Latex.macros (tabulate runs)))
    |> breaks "a name that is not escaped" (fun () -> compiles ((Latex.table (tabulate everything)).Replace("good", "g_o^d & more")) "")
    |> needsLatex

    law
        "the table of an ordinary sweep is one tabular that fits a text column of article, without a box that is too full or too empty"
        (fun () -> isQuiet (Latex.table (tabulateWith { usualOptions with Decides = Some "grid-kl" } "laws" ordinary)))
    |> breaks "no scaling" (fun () ->
        let tex = Latex.table (tabulateWith usualOptions "laws" ordinary)
        isQuiet (Regex.Replace(tex, @"\\resizebox\{.*\}\{!\}\{%", "{")))
    |> needsLatex

    law "a table with many rows continues on the next pages" (fun () -> compiles (Latex.table (tabulate ofMany)) "")
    |> breaks "one tabular" (fun () ->
        compiles (Regex.Replace(Latex.table (tabulate ofMany), @"(?s)\\bottomrule.{0,40}\\par\\medskip.*?\\midrule", "")) "")
    |> needsLatex

    law "every special character of LaTeX is escaped" (fun () ->
        let due = "\\textbackslash{}a \\& \\% \\$ \\# \\_ \\{ \\} \\textasciitilde{} \\textasciicircum{} \\textless{} \\textgreater{}"
        let found = Latex.escaped "\\a & % $ # _ { } ~ ^ < >"
        must found (found = due)
        must (Latex.escaped "-- [x]") (Latex.escaped "[x] --" = "{}[x] -{}-")
        must (Latex.escaped "漢") (Latex.escaped "漢é±" = "{[}U+6F22]é$\\pm$"))
    |> breaks "one that is not escaped" (fun () -> must "" (Latex.escaped "50%" = "50%"))

    law "the fragment names its source, and the runs of every row" (fun () ->
        let table = tabulate everything
        let tex = Latex.table table
        must
            tex
            (tex.StartsWith
                $"%% generated by analysis/table.fsx: laws, table-hash {table.Hash}, from {everything.Length} runs; do not edit\n")

        for run in everything do
            must $"{run.Id} is missing" (Regex.IsMatch(tex, $"(?m)^%%.*{Regex.Escape run.Id}"))

        must "bold" (tex.Contains "\\bfseries 1.035 & \\boldmath$\\pm$ & \\bfseries 0.020")
        must "no rule is vertical" (not (Regex.IsMatch(tex, @"\\begin\{tabular\}\{[^\n]*\|"))))

    law "macros have unique names of letters, and the same numbers as the table" (fun () ->
        for runs in [ everything; ofHostile ] do
            let macros = Latex.macros (tabulate runs)
            let names = [
                for line in macros.Split '\n' do
                    if line.StartsWith "\\newcommand" then Regex.Match(line, @"^\\newcommand\{\\(res[A-Za-z]+)\}").Groups[1].Value
            ]
            must $"%A{names}" (names |> List.forall ((<>) "") && (List.distinct names).Length = names.Length && not names.IsEmpty)

        let macros = Latex.macros (tabulate everything)
        must macros (macros.Contains "\\newcommand{\\resLawsGoodGridKl}{\\ensuremath{1.035 \\pm 0.020}}\n")
        must macros (macros.Contains "\\newcommand{\\resLawsGoodGridKlMean}{\\ensuremath{1.035}}\n")
        must macros (macros.Contains "\\newcommand{\\resLawsGoodGridKlP}{\\ensuremath{0.0078}}\n")
        must macros (macros.Contains "\\newcommand{\\resLawsBadHugeOneZeroZeroMean}"))

    law "a hostile name is text in every form: without mark-up in Markdown, without tags in HTML, unchanged in JSON and CSV" (fun () ->
        let table = tabulate ofHostile
        let lines = (Markdown.table table).Split '\n' |> Array.filter _.StartsWith('|')
        let cells (line: string) = Regex.Count(line, @"(?<!\\)\|")
        let blocks = lines |> Array.map cells |> Array.distinct
        must $"%A{lines}" (blocks.Length <= 4)
        must "a tag in Markdown" (not (Regex.IsMatch(Markdown.table table, @"(?<!\\)<")))
        must
            "the direction of writing changes"
            (not ((Markdown.table table).Contains '\u202E') && not ((Latex.table table).Contains '\u202E'))
        isOnlyText (Html.rendered (HtmlTable.fragment (fun run -> "#run-" + run.Id) table))
        let against = { usualOptions with Baseline = [ "method.kind", hostile[0] ] }
        isOnlyText (Html.rendered (HtmlTable.versus (tabulateWith against "</caption><b>" ofHostile)))
        use json = JsonDocument.Parse(Json.table table)
        let groups =
            json.RootElement.GetProperty("groups").EnumerateArray()
            |> Seq.map (fun group -> group.GetProperty("keys").GetProperty("method.kind").GetString() |> string)
            |> Set.ofSeq
        must $"%A{groups}" (groups = Set.ofList hostile)
        must "< in JSON" (not ((Json.table table).Contains '<'))
        must "quoted in CSV" ((Csv.summary table).Contains("\"" + hostile[4].Replace("\"", "\"\"") + "\"")))
    |> breaks "a tag that is not escaped" (fun () ->
        isOnlyText (Html.rendered (HtmlTable.fragment (fun run -> "#run-" + run.Id) (tabulate ofHostile)) + "<img onerror=x>"))

    law "links of a cell lead to the runs of its row, with the addresses that the page gives" (fun () ->
        let html = Html.rendered (HtmlTable.fragment (fun run -> $"runs/{run.Id}/\"") (tabulate everything))
        let ids = [ for found in Regex.Matches(html, "id=\"(row-[0-9]+)\"") -> found.Groups[1].Value ]
        let linked = [ for found in Regex.Matches(html, "href=\"#(row-[0-9]+)\"") -> found.Groups[1].Value ] |> List.distinct
        must $"%A{linked}" (List.sort linked = List.sort ids && ids.Length = (tabulate everything).Rows.Length)

        for run in everything do
            must $"{run.Id} has no link" (html.Contains $"href=\"runs/{run.Id}/&quot;\""))

    law "a table is printed in every form if a standard error is not a number, as that of one sample" (fun () ->
        let ofOneSample =
            everything
            |> List.map (fun run -> { run with Metrics = run.Metrics |> Map.map (fun _ measured -> { measured with Se = Some nan }) })

        for name, render in renders do
            must $"{name} is empty" (render (tabulate ofOneSample) <> "")

        use json = JsonDocument.Parse(Json.table (tabulate ofOneSample))
        let errors =
            json.RootElement.GetProperty("groups").EnumerateArray()
            |> Seq.collect (fun group -> group.GetProperty("metrics").EnumerateObject())
            |> Seq.choose (fun metric ->
                match metric.Value.TryGetProperty "se" with
                | true, se -> Some(string se)
                | _ -> None)
            |> Set.ofSeq
        must $"%A{errors}" (errors = Set.singleton "NaN"))

    law "every form of a table has the same bytes from the same runs, in any order of folders and in any culture" (fun () ->
        let once = renders |> List.map (fun (_, render) -> render (tabulate everything))
        let culture = Globalization.CultureInfo.CurrentCulture

        try
            Globalization.CultureInfo.CurrentCulture <- Globalization.CultureInfo "de-DE"

            for (name, render), due in List.zip renders once do
                must $"{name} differs" (render (tabulate (List.rev everything)) = due)
        finally
            Globalization.CultureInfo.CurrentCulture <- culture)
    |> breaks "another value" (fun () ->
        let changed =
            everything
            |> List.map (fun run ->
                if run.Id = everything.Head.Id then
                    { run with Metrics = run.Metrics.Add("grid-kl", metric Direction.Lower 1.001) }
                else
                    run)
        for name, render in renders do
            must $"{name} differs" (render (tabulate everything) = render (tabulate changed)))

    law "table.json has the raw and the adjusted p-value of every test, its policy, its hash and the outcome of every run" (fun () ->
        use json = JsonDocument.Parse(Json.table (tabulate everything))
        let root = json.RootElement
        let tests = [
            for group in root.GetProperty("groups").EnumerateArray() do
                for metric in group.GetProperty("metrics").EnumerateObject() do
                    match metric.Value.TryGetProperty "test" with
                    | true, test -> test.GetProperty("p").GetDouble(), test.GetProperty("holm").GetDouble()
                    | _ -> ()
        ]
        must $"%A{tests}" (not tests.IsEmpty && tests |> List.forall (fun (p, holm) -> 0.0 < p && p <= holm && holm <= 1.0))
        must "policy" (root.GetProperty("divergence").GetString() = "report-rate")
        must "hash" ((root.GetProperty("hash").GetString() |> string).Length = 64)
        must
            "counts"
            (root.GetProperty("runs").GetProperty("diverged").GetInt32() = 1
             && root.GetProperty("runs").GetProperty("planned").GetInt32() = everything.Length)
        must "pairs" (root.GetProperty("versus").GetArrayLength() > 0))

    law
        "digits follow the uncertainty: two digits of it, a power of ten if it is tiny, and the measurement error for a single run"
        (fun () ->
            let text = Markdown.table (tabulate everything)

            for due in [ "1.035 ± 0.020"; "(4.5 ± 2.0)e-12"; "0.1235 (se 0.0012)"; "3.00, 4.00"; "7.39 [1.04, 52.6]§" ] do
                must $"{due} is missing in\n{text}" (text.Contains due)

            let given =
                tabulateWith
                    { usualOptions with Columns = Some [ { Metric = "grid-kl"; Label = "KL"; Decimals = Some 1 } ] }
                    "laws"
                    everything
            must (Markdown.table given) ((Markdown.table given).Contains "**1.0**" && (Markdown.table given).Contains "| KL ↓")
            must "the name is the label" (not ((Markdown.table given).Contains "grid-kl ↓")))

    law "numbers at the ends of the range of doubles have few digits and a power of ten in every form of a table" (fun () ->
        for decimals in [ None; Some 2 ] do
            for name, render in renders do
                isShort name (render (ofExtremes decimals))

        let text = Markdown.table (ofExtremes None)

        for due in [ "| 1e308"; "| -1e308"; "| 1.8e308"; "| 1e308, 1e308"; "| 1e15"; "| 4.9e-324"; "(se 1e200)" ] do
            must $"{due} is missing in\n{text}" (text.Contains due)

        for due in [ "$1\\times 10^{308}$"; "$1.8\\times 10^{308}$"; "$-1\\times 10^{308}$" ] do
            must due ((Latex.table (ofExtremes None)).Contains due)

        let bodies = (Latex.macros (ofExtremes None)).Split '\n' |> Array.filter (fun line -> not (line.StartsWith '%'))
        let letters = bodies |> Array.filter (fun line -> Regex.IsMatch(line, @"[0-9]e-?[0-9]|Infinity|NaN(?!\})"))
        must $"letters of a number in mathematics: %A{letters}" (letters.Length = 0))
    |> breaks "all digits" (fun () -> isShort "F0" ((1e308).ToString("F0", Globalization.CultureInfo.InvariantCulture)))
    |> breaks "decimals of a small number" (fun () -> isShort "F24" ((1e-9).ToString("F24", Globalization.CultureInfo.InvariantCulture)))

    law "LaTeX compiles numbers at the ends of the range of doubles" (fun () ->
        compiles (Latex.table (ofExtremes None) + "\n\n" + Latex.versus (ofExtremes None)) (Latex.macros (ofExtremes None)))
    |> needsLatex
]
