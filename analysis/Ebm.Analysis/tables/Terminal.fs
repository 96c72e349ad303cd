/// The table that a command prints: one block of at most 100 columns with the metric that decides, its share of a comparison value, the
/// next primary metrics, divergences and cost, and the few notes that explain it. Metrics that do not fit are left out; `--all`, table.md
/// and the report have them.
module Ebm.Analysis.Terminal

open System
open System.Globalization
open Ebm.Records
open Ebm.Analysis.Table

/// The most columns of a line.
let width = 100

/// The most metrics beside the one that decides.
let private others = 3

/// The sign of the best rows of a column, which the other forms print in bold.
let private sign = "•"

/// East Asian characters and emoji take two columns.
let private columnsOf (text: string) =
    let isWide (rune: Text.Rune) =
        let value = rune.Value
        List.exists (fun (low, high) -> low <= value && value <= high) [
            0x1100, 0x115f
            0x2e80, 0xa4cf
            0xac00, 0xd7a3
            0xf900, 0xfaff
            0xfe30, 0xfe6f
            0xff00, 0xff60
            0x1f300, 0x3fffd
        ]

    StringInfo(text).LengthInTextElements + (text.EnumerateRunes() |> Seq.filter isWide |> Seq.length)

let private padded (columns: int) (text: string) = text + String(' ', max 0 (columns - columnsOf text))

/// The first characters of a text that fit, and the rest.
let private cut (columns: int) (text: string) =
    let elements = StringInfo.GetTextElementEnumerator text
    let mutable past, used = 0, 0

    while elements.MoveNext()
          && (used <- used + columnsOf (elements.GetTextElement())
              used <= columns) do
        past <- elements.ElementIndex + elements.GetTextElement().Length

    // A character that is wider than the line is kept, so that every step takes one.
    let past = if past = 0 then StringInfo.GetNextTextElementLength text else past
    text.Substring(0, past), text.Substring past

/// A text in lines that fit, broken after a space if possible, else after a hyphen, a slash or a comma.
let rec wrapped (columns: int) (text: string) : string list =
    if columnsOf text <= columns then
        [ text ]
    else
        let first, _ = cut columns text
        // The space at which a line is broken need not fit.
        let isSpaced = first.Length < text.Length && text[first.Length] = ' '
        let after (signs: char array) = first.LastIndexOfAny signs + 1
        let at =
            if isSpaced then first.Length
            elif after [| ' ' |] > 0 then after [| ' ' |]
            else after [| '-'; '/'; ',' |]
        let first = if at > 0 then text.Substring(0, at) else first
        first.TrimEnd() :: wrapped columns (text.Substring(first.Length).TrimStart())

/// A column: its heading, and each cell as a text and what follows it. Numbers are aligned at their ends, and what follows at its beginning.
type private Column = { Heading: string; Cells: (string * string) list }

let private column heading cells = { Heading = heading; Cells = cells }

let private sizes (column: Column) =
    column.Cells |> List.map (fst >> columnsOf) |> List.fold max 0, column.Cells |> List.map (snd >> columnsOf) |> List.fold max 0

/// A heading of more than eight characters may take several lines, of whole words if they are not long.
let private room (column: Column) =
    let text, after = sizes column
    let words =
        System.Text.RegularExpressions.Regex.Split(column.Heading, "(?<=[-/ ])") |> Array.map (fun word -> columnsOf (word.TrimEnd ' '))
    let least = if columnsOf column.Heading <= 8 then columnsOf column.Heading else min 12 (Array.max words)
    let lines = wrapped (max least (text + after)) column.Heading
    max (text + after) (lines |> List.map columnsOf |> List.max)

let private metric (table: Table) (name: string) = [
    let better = Shown.metricOf table name |> Option.map _.Better |> Option.defaultValue Direction.None

    // The arrow stays with the last word.
    column
        ((Shown.visible (Shown.brief (columnOf table name).Label) + Markdown.arrow better).Replace(" ↓", "\u00a0↓").Replace(" ↑", "\u00a0↑"))
        [
            for row in table.Rows do
                match row.Cells.TryFind name with
                | None -> Shown.absent row, ""
                | Some cell ->
                    let text = Markdown.text (Shown.cell (columnOf table name).Decimals (Some cell))
                    text, (if Shown.isBold cell then " " + sign else "") + Notes.mark cell
        ]
]

let private share (table: Table) (name: string) = [
    match Shown.comparedWith table name with
    | Some reference ->
        column (Shown.visible (Shown.shareHeading reference)) [
            for row in table.Rows -> Shown.shareOf table row name |> Option.defaultValue (Shown.absent row), ""
        ]
    | None -> ()
]

let private costs (table: Table) = [
    let marks (row: Row) = Notes.markOf row
    column "diverged" [ for row in table.Rows -> $"{row.Diverged} of {row.Ended}", marks row ]

    if table.Rows |> List.exists (fun row -> row.Failed > 0) then column "failed" [ for row in table.Rows -> string row.Failed, "" ]

    column "units" [ for row in table.Rows -> Shown.spent row, "" ]
    column "CPU s" [ for row in table.Rows -> Shown.cpu row, "" ]
]

/// The labels of the rows, in columns of at most this width together: each setting in its own, if they fit; else all in one, in lines.
let private labels (table: Table) (most: int) : (string * string list list) list =
    let whole = [ for heading, labels in Shown.labels table -> Shown.visible heading, labels |> List.map (Shown.brief >> Shown.visible) ]
    let longest (heading, labels) = heading :: labels |> List.map columnsOf |> List.max

    if List.sumBy longest whole + 2 * (whole.Length - 1) <= most then
        [ for heading, labels in whole -> heading, labels |> List.map List.singleton ]
    else
        let text i =
            match whole with
            | [ _, labels ] -> labels[i]
            | several ->
                String.Join(
                    ", ",
                    [
                        for heading, labels in several do
                            if labels[i] <> "" then $"{heading}={labels[i]}"
                    ]
                )

        let heading =
            match whole with
            | [ heading, _ ] -> heading
            | _ -> "settings"
        [ heading, [ for i in 0 .. table.Rows.Length - 1 -> wrapped most (text i) ] ]

/// The room in which no label breaks inside a word of at most 30 columns.
let private words (table: Table) =
    let whole = Shown.labels table

    [
        for heading, labels in whole do
            for label in labels do
                let label = Shown.visible (Shown.brief label)
                if whole.Length = 1 then label else $"{Shown.visible heading}={label},"
    ]
    |> List.collect (fun text -> List.ofArray (System.Text.RegularExpressions.Regex.Split(text, "(?<=[-/, ])")))
    |> List.map (fun word -> min 30 (columnsOf (word.TrimEnd ' ')))
    |> List.fold max 10

/// The columns after the labels: as many metrics as leave room for the labels.
let private chosen (table: Table) : string list * Column list =
    let names = Shown.primaries table |> List.truncate (1 + others)

    let columns (names: string list) =
        match names with
        | [] -> costs table
        | first :: rest -> metric table first @ share table first @ List.collect (metric table) rest @ costs table

    let wide columns = columns |> List.sumBy (fun column -> 2 + room column)

    let wanted =
        labels table Int32.MaxValue
        |> List.sumBy (fun (heading, cells) -> 2 + (heading :: List.concat cells |> List.map columnsOf |> List.max))
        |> (+) -2

    // The room for the labels without which a number of metrics is not shown: for one any, for three that in which every label has at most two
    // lines and breaks inside no word.
    let least metrics =
        match metrics with
        | 0
        | 1 -> 0
        | 2 -> min wanted 30
        | 3 ->
            let isShort most = labels table most |> List.forall (snd >> List.forall (fun lines -> List.length lines <= 2))
            [ words table .. width ] |> List.tryFind isShort |> Option.defaultValue wanted |> min wanted
        | _ -> wanted

    let rec fitting (names: string list) =
        if wide (columns names) + least names.Length <= width || names.Length <= 1 then
            names
        else
            fitting (List.truncate (names.Length - 1) names)

    let names = fitting names
    names, columns names

/// The block, with a line break after its last line.
let block (table: Table) : string =
    let names, columns = chosen table
    let rooms = columns |> List.map room
    let labels = labels table (max 10 (width - List.sumBy ((+) 2) rooms))
    let labelRooms = [ for heading, cells in labels -> heading :: List.concat cells |> List.map columnsOf |> List.max ]

    // One line of text for each line of the highest cell.
    let lines (cells: string list list) (rooms: int list) =
        let height = cells |> List.map List.length |> List.max

        [
            for i in 0 .. height - 1 ->
                let parts = List.map2 (fun cell room -> padded room (List.tryItem i cell |> Option.defaultValue "")) cells rooms
                String.Join("  ", parts).TrimEnd()
        ]

    let headings = List.map2 (fun (column: Column) room -> wrapped room column.Heading) columns rooms
    let height = headings |> List.map List.length |> List.fold max 1
    // Headings stand on the rule.
    let lowered (heading: string list) = List.replicate (height - heading.Length) "" @ heading

    let numbers i =
        List.map2
            (fun (column: Column) room ->
                let text, after = column.Cells[i]
                let _, most = sizes column
                [ String(' ', max 0 (room - most - columnsOf text)) + text + after ])
            columns
            rooms

    let aligned =
        List.map2
            (fun (column: Column) (heading: string list, room: int) ->
                let _, most = sizes column
                heading |> List.map (fun line -> String(' ', max 0 (room - most - columnsOf line)) + line))
            columns
            (List.zip headings rooms)

    let rooms = labelRooms @ rooms
    let said = { table with Metrics = names }

    let notes = Notes.winner table @ Notes.withSign sign said @ Shown.legendWith (List.truncate 1 names) said @ [ Shown.costs ]

    [
        Shown.visible (defaultArg table.Options.Title table.Sweep)
        ""
        yield! lines ([ for heading, _ in labels -> lowered [ heading ] ] @ List.map lowered aligned) rooms
        String.Join("  ", [ for room in rooms -> String('-', room) ])

        for i in 0 .. table.Rows.Length - 1 do
            yield! lines ([ for _, cells in labels -> cells[i] ] @ numbers i) rooms

        ""
        yield! notes |> List.collect (Shown.visible >> wrapped width)
    ]
    |> List.map _.Replace('\u00a0', ' ')
    |> List.map (fun line -> if columnsOf line <= width then line else fst (cut (width - 1) line) + "…")
    |> String.concat "\n"
    |> fun text -> text + "\n"

/// How to see more than the block: the option, and the paths of the table's file and of the report's page.
let more (page: string option) (file: string) =
    let parts = [ yield! page |> Option.map (fun page -> page, "figures") |> Option.toList; file, "table" ]
    let line = String.Join(", ", "More: --all (every metric)" :: [ for path, what in parts -> $"{path} ({what})" ])
    // A path that does not fit has its own line, unbroken.
    if columnsOf line <= width then [ line ] else "More: --all prints every metric. See:" :: List.map fst parts
