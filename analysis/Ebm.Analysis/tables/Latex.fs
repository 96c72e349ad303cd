/// A table as a LaTeX fragment with booktabs, for \input inside a table environment, or outside one if it takes more than a page; and its
/// numbers as macros for the text, so that text and table always agree. Needs booktabs, amsmath, graphicx and siunitx 3.
module Ebm.Analysis.Latex

open System
open System.Globalization
open System.Text
open Ebm.Records
open Ebm.Analysis.Table

/// The accented letters that pdflatex prints with any font encoding.
let private accented = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöùúûüýÿ"

/// Text for LaTeX. A character that pdflatex cannot print is replaced by its number.
let escaped (text: string) =
    let builder = StringBuilder()
    let text = Shown.visible text

    for rune in text.EnumerateRunes() do
        match rune.ToString() with
        | "\\" -> "\\textbackslash{}"
        | "&"
        | "%"
        | "$"
        | "#"
        | "_"
        | "{"
        | "}" as sign -> "\\" + sign
        | "~" -> "\\textasciitilde{}"
        | "^" -> "\\textasciicircum{}"
        | "<" -> "\\textless{}"
        | ">" -> "\\textgreater{}"
        | "|" -> "\\textbar{}"
        // After the end of a row, LaTeX reads a bracket or an asterisk as an option, and it joins neighbours: -- is a dash.
        | "["
        | "*"
        | "-"
        | "`"
        | "'"
        | "," as sign when builder.Length = 0 || builder[builder.Length - 1] = sign[0] || sign = "`" -> "{}" + sign
        | "±" -> "$\\pm$"
        | "×" -> "$\\times$"
        | "−" -> "$-$"
        | "–" -> "--"
        | "…" -> "\\ldots{}"
        | "↓" -> "$\\downarrow$"
        | "↑" -> "$\\uparrow$"
        | "¶" -> "\\P{}"
        | "†" -> "$\\dagger$"
        | "‡" -> "$\\ddagger$"
        | "§" -> "\\S{}"
        | "‖" -> "$\\|$"
        | sign when rune.IsAscii || accented.Contains sign -> sign
        | _ -> $"{{[}}U+{rune.Value:X4}]"
        |> builder.Append
        |> ignore

    string builder

/// A comment of one line; line breaks in the text are replaced.
let private comment (text: string) = "% " + Shown.visible text + "\n"

let private mark cell =
    match Notes.mark cell with
    | "" -> ""
    | sign -> "$^{" + (escaped sign).Replace("$", "") + "}$"

/// A cell in math mode, without dollars; None if it has no number.
let private mathematics (cell: Shown.Shown) =
    let finite (text: string) = text.Replace("-Infinity", "-\\infty").Replace("Infinity", "\\infty").Replace("NaN", "\\text{NaN}")

    // 1.2e-07 as a power of ten.
    let number (text: string) =
        match text.Split 'e' with
        | [| digits; exponent |] -> $"{digits}\\times 10^{{{int exponent}}}"
        | _ -> finite text

    match cell with
    | Shown.NotMeasured
    | Shown.NotShown -> None
    | Shown.Single(value, None)
    | Shown.Constant value -> Some(number value)
    | Shown.Single(value, Some se) -> Some $"{number value}\\ (\\text{{se }}{number se})"
    | Shown.Listed values -> Some(String.Join(",\\ ", List.map number values))
    | Shown.PlusMinus(centre, half, 0) -> Some $"{number centre} \\pm {number half}"
    | Shown.PlusMinus(centre, half, exponent) -> Some $"({centre} \\pm {half})\\times 10^{{{exponent}}}"
    | Shown.Within(centre, low, high) -> Some $"{number centre}\\ [{number low},\\,{number high}]"

let private arrow better =
    match better with
    | Direction.Lower -> " $\\downarrow$"
    | Direction.Higher -> " $\\uparrow$"
    | _ -> ""

/// A column of print: its specification in the tabular, how many columns of the tabular it takes, its two headings, and the text of each row.
type private Printed = { Specification: string; Span: int; Heading: string; Unit: string; Cells: string list }

/// A heading in one column of print.
let private spanning (span: int) (text: string) = $"\\multicolumn{{{span}}}{{c}}{{{text}}}"

/// A cell of a metric: aligned numbers, or a text in their place; then what follows it.
type private Entry =
    | Aligned of value: string * half: string option * bold: bool * after: string
    | Text of text: string * after: string

let private entry (table: Table) (row: Row) name =
    let found = row.Cells.TryFind name
    let shown = Shown.cell (columnOf table name).Decimals found
    let isPlain (text: string) = RegularExpressions.Regex.IsMatch(text, @"^-?[0-9]+(\.[0-9]+)?\z")

    match found with
    | None -> Text("--", "")
    | Some cell ->
        let share = Shown.share row cell |> Option.map (sprintf "\\,{\\scriptsize(%s)}") |> Option.defaultValue ""
        let after = share + mark cell
        let bold = Shown.isBold cell

        match shown with
        | Shown.PlusMinus(value, half, 0) when isPlain value && isPlain half -> Aligned(value, Some half, bold, after)
        | Shown.Constant value
        | Shown.Single(value, None) when isPlain value -> Aligned(value, None, bold, after)
        | other ->
            match mathematics other with
            | Some text -> Text((if bold then $"{{\\boldmath${text}$}}" else $"${text}$"), after)
            | None -> Text("--", "")

/// The format of siunitx for some numbers: digits before and after the point.
let private format (further: string) (numbers: string list) =
    let parts = numbers |> List.map (fun number -> number.TrimStart('-').Split '.')
    let before = parts |> List.map (fun part -> part[0].Length) |> List.max
    let after = parts |> List.map (fun part -> if part.Length > 1 then part[1].Length else 0) |> List.max
    let sign = if numbers |> List.exists _.StartsWith('-') then "-" else ""
    $"S[table-format={sign}{before}.{after}{further}]"

/// A metric: its values, each with a column of siunitx for the number, one for ±, one for the uncertainty, and one for marks, as far as the
/// metric's cells need them.
let private metric (table: Table) name =
    let entries = [ for row in table.Rows -> entry table row name ]
    let metric = Shown.metricOf table name
    let values =
        entries
        |> List.choose (function
            | Aligned(value, _, _, _) -> Some value
            | Text _ -> None)
    let halves =
        entries
        |> List.choose (function
            | Aligned(_, half, _, _) -> half
            | Text _ -> None)
    let hasMarks =
        entries
        |> List.exists (function
            | Aligned(_, _, _, after) -> after <> ""
            | Text _ -> false)

    let parts = [
        if values.IsEmpty then "r" else format "" values
        if not halves.IsEmpty then
            "@{\\,}c@{\\,}"
            // A heading that is wider than its numbers widens this column, on the right.
            format ",table-number-alignment=left" halves
        if hasMarks then "@{}l"
    ]

    let span = parts.Length

    let cell entry =
        match entry with
        | Text(text, after) -> spanning span (text + after)
        | Aligned(value, half, bold, after) ->
            let series = if bold then "\\bfseries " else ""

            String.Join(
                " & ",
                [
                    series + value
                    if not halves.IsEmpty then
                        if half.IsNone then ""
                        elif bold then "\\boldmath$\\pm$"
                        else "$\\pm$"
                        match half with
                        | Some half -> series + half
                        | None -> ""
                    if hasMarks then after
                ]
            )

    let heading =
        escaped (Shown.brief (columnOf table name).Label)
        + (metric |> Option.map (fun metric -> arrow metric.Better) |> Option.defaultValue "")
    let unit = metric |> Option.map _.Unit |> Option.defaultValue ""

    {
        Specification = String.Join("", parts)
        Span = span
        Heading = spanning span heading
        Unit = if unit = "" then String.Join("", List.replicate (span - 1) " & ") else spanning span $"({escaped unit})"
        Cells = List.map cell entries
    }

let private plainColumn specification heading cells = {
    Specification = specification
    Span = 1
    Heading = heading
    Unit = ""
    Cells = cells
}

/// A tabular no wider than the line: a wider one is scaled down.
let private fitted (tabular: string) =
    "\\noindent\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n" + tabular.TrimEnd '\n' + "}\n"

/// The number of rows of one tabular, which LaTeX does not break; with headings and rules they fill most of a page.
let private height = 36

/// The rows in tabulars that fit on a page each, divided where the data change, if possible.
let private pages (table: Table) : int list list =
    let tasks = table.Rows |> List.indexed |> List.groupBy (fun (_, row) -> row.Task) |> List.map (snd >> List.map fst)

    (([]: int list list), tasks |> List.collect (List.chunkBySize height))
    ||> List.fold (fun pages rows ->
        match pages with
        | last :: before when last.Length + rows.Length <= height -> (last @ rows) :: before
        | _ -> rows :: pages)
    |> List.rev

/// One tabular of some of the rows.
let private tabular (table: Table) (rows: int list) (columns: Printed list) =
    let text = StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    let row (cells: string list) = String.Join(" & ", cells) + " \\\\"
    let specification = columns |> List.map _.Specification |> String.concat ""
    say $"\\begin{{tabular}}{{@{{}}{specification}@{{}}}}"
    say "\\toprule"
    say (row [ for column in columns -> column.Heading ])

    if columns |> List.exists (fun column -> column.Unit.Contains '(') then say (row [ for column in columns -> column.Unit ])

    say "\\midrule"

    for i in rows do
        let at = table.Rows[i]
        let above = if i = rows.Head then None else Some table.Rows[i - 1]

        // A rule separates data sets; a repeated label is printed once.
        if table.Varying.Length > 1 && above |> Option.exists (fun above -> above.Task <> at.Task) then say "\\midrule"

        say (
            row [
                for j, column in List.indexed columns do
                    let again =
                        j = 0
                        && table.Varying.Length > 1
                        && above |> Option.exists (fun above -> above.Task = at.Task && above.Labels.Head = at.Labels.Head)
                    if again then "" else column.Cells[i]
            ]
        )

    say "\\bottomrule"
    say "\\end{tabular}"
    string text

/// The first line of every file: its program and its source.
let private origin (table: Table) =
    let runs = table.Rows |> List.sumBy _.Runs.Length
    $"""%% generated by analysis/table.fsx: {Shown.visible table.Sweep}, table-hash {table.Hash}, from {Text.counted runs "run"}; do not edit"""
    + "\n"

/// The fragment: tabulars, then the notes in small print.
let table (table: Table) =
    let brief = Shown.brief >> escaped

    let labels = [ for heading, labels in Shown.labels table -> plainColumn "l" (brief heading) (List.map brief labels) ]

    // If all rows have the same number of runs, a note gives it.
    let ns = [ for row in table.Rows -> string row.Completed + (Notes.markOf row).Replace("¶", "\\P").Replace("‖", "$\\|$") ]
    let labels = if (List.distinct ns).Length > 1 then labels @ [ plainColumn "r" "$n$" ns ] else labels
    let printed = Shown.primaries table

    let share name = [
        match Shown.comparedWith table name with
        | Some reference ->
            plainColumn "r" (escaped (Shown.shareHeading reference)) [
                for row in table.Rows -> Shown.shareOf table row name |> Option.map escaped |> Option.defaultValue "--"
            ]
        | None -> ()
    ]

    let columns =
        labels
        @ [
            for i, name in List.indexed printed do
                metric table name
                if i = 0 then yield! share name
        ]

    let text = StringBuilder()
    let say (line: string) = text.Append line |> ignore
    say (origin table)
    say "% \\usepackage{booktabs,amsmath,graphicx,siunitx}\n"

    for row in table.Rows do
        let label = String.Join(" ", row.Labels |> List.filter ((<>) ""))
        say (comment $"""{label}: {String.Join(" ", [ for run in row.Runs -> run.Id ])}""")

    if table.Rows.IsEmpty then
        say (comment "no rows")
    else
        say "\\begingroup\\sisetup{text-series-to-math=true,group-digits=none}%\n"

        for i, rows in List.indexed (pages table) do
            if i > 0 then say "\\par\\medskip\n"
            say (fitted (tabular table rows columns))

        say "\\endgroup\n"

        let said = { table with Metrics = printed }
        let each =
            if (List.distinct ns).Length = 1 && table.Rows.Length > 1 then
                [ $"""Each row has {Text.counted table.Rows.Head.Completed "completed run"}{(Notes.markOf table.Rows.Head)}.""" ]
            else
                []
        let legend = Shown.legendWith (List.truncate 1 printed) said |> List.filter (fun note -> not (note.StartsWith "Measured"))
        let notes = String.Join("\n", Notes.winner table @ Notes.all said @ each @ legend |> List.map escaped)
        say "\\par\\smallskip\n\\noindent\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright\n"
        say (notes.Replace("n/a:", "{--}:") + "\n")
        say "\\end{minipage}\\par\n"

    string text

/// "A against the baseline" as a separate fragment; only the first lines of the file if no baseline was named.
let versus (table: Table) =
    let text = StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    let row (cells: string list) = String.Join(" & ", cells) + " \\\\"
    say ((origin table).TrimEnd '\n')
    say "% \\usepackage{booktabs,amsmath,graphicx,siunitx}"

    match Versus.all table with
    | [] -> say "% no baseline was named"
    | all ->
        // The effect column is left out, because the page is too narrow; the other forms have it.
        let printed (cells: string list) = List.removeAt (cells.Length - 2) cells
        let headings = Shown.versusHeadings table |> List.map (Shown.brief >> escaped) |> printed
        let math shown = mathematics shown |> Option.map (sprintf "$%s$") |> Option.defaultValue "--"
        let columns = String('l', table.Varying.Length + 1) + String('r', headings.Length - table.Varying.Length - 1)

        // One tabular for the comparisons of a page.
        let pages =
            (([]: Versus.Versus list list list), all |> List.groupBy (fun versus -> versus.Metric, versus.Row.Task))
            ||> List.fold (fun pages (_, some) ->
                match pages with
                | last :: before when (List.sumBy List.length last) + some.Length <= height -> (last @ [ some ]) :: before
                | _ -> [ some ] :: pages)
            |> List.rev

        for i, page in List.indexed pages do
            if i > 0 then say "\\par\\medskip"
            let one = StringBuilder()
            let say (line: string) = one.Append(line).Append('\n') |> ignore
            say $"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}"
            say "\\toprule"
            say (row headings)

            for some in page do
                say "\\midrule"
                some |> List.iter (Shown.versusCells math (Shown.brief >> escaped) table >> printed >> row >> say)

            say "\\bottomrule"
            say "\\end{tabular}"
            text.Append(fitted (string one)) |> ignore

        say "\\par\\smallskip"
        say "\\noindent\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright"
        say (escaped ((Shown.versusNote table).Replace("effect: the mean difference over its standard deviation; ", "")))
        say "\\end{minipage}\\par"

    string text

// ── macros ──────────────────────────────────────────────────────────────────────────────────

let private digits = [| "Zero"; "One"; "Two"; "Three"; "Four"; "Five"; "Six"; "Seven"; "Eight"; "Nine" |]

/// A name of letters only: grid-kl becomes GridKl, long-run/100 becomes LongRunOneZeroZero.
let private camel (text: string) =
    let name = StringBuilder()
    let mutable first = true

    for c in text do
        if Char.IsAsciiLetter c then
            name.Append(if first then Char.ToUpperInvariant c else c) |> ignore
            first <- false
        else
            if Char.IsAsciiDigit c then name.Append digits[int c - int '0'] |> ignore
            first <- true

    string name

let private letters (key: string) =
    (Canonical.Sha256 key).Substring(0, 8) |> String.map (fun c -> if Char.IsAsciiDigit c then char (int 'g' + int c - int '0') else c)

/// A macro for every number of the table: \res, the table's name, the row's labels, the metric; with the suffix Mean, the mean alone.
/// With a baseline, also the suffixes Difference and P.
let macros (table: Table) =
    let row (row: Row) = row.Labels |> List.map camel |> String.concat ""
    let stem (at: Row) = camel table.Sweep + row at

    // Names that are equal or empty in letters alone get a part of their hash.
    let twice = table.Rows |> List.countBy stem |> List.filter (fun (_, n) -> n > 1) |> List.map fst |> Set.ofList
    let stem (at: Row) =
        let name = stem at
        let lost = at.Labels |> List.exists (fun label -> label <> "" && camel label = "")
        if twice.Contains name || lost then name + letters at.Key else name

    let versus = Versus.all table |> List.map (fun versus -> (versus.Row.Key, versus.Metric), versus) |> Map.ofList
    let text = StringBuilder()
    let define name (body: string) = text.Append($"\\newcommand{{\\res{name}}}{{\\ensuremath{{{body}}}}}\n") |> ignore
    text.Append(origin table) |> ignore

    let names = table.Metrics |> List.countBy camel |> Map.ofList

    for at in table.Rows do
        for metric in table.Metrics do
            let found = at.Cells.TryFind metric
            let decimals = (columnOf table metric).Decimals

            match mathematics (Shown.cell decimals found), found with
            | Some body, Some cell ->
                let name = stem at + camel metric + (if names[camel metric] > 1 then letters metric else "")
                define name body

                match Shown.cell decimals found with
                | Shown.PlusMinus(centre, _, 0)
                | Shown.Within(centre, _, _) -> mathematics (Shown.Single(centre, None)) |> Option.iter (define (name + "Mean"))
                | Shown.PlusMinus(centre, _, exponent) -> define (name + "Mean") $"{centre}\\times 10^{{{exponent}}}"
                | _ -> ()

                match versus.TryFind(at.Key, metric) with
                | Some versus ->
                    let difference = Shown.versus decimals versus
                    mathematics difference |> Option.iter (define (name + "Difference"))
                    versus.P
                    |> Option.bind (fun p -> mathematics (Shown.Single(Shown.probability p, None)))
                    |> Option.iter (define (name + "P"))
                | None -> ()
            | _ -> ()

    string text
