/// A table for a paper as a file: its runs, rows, columns, baseline and policy. Rendered again, it gives the same bytes, so that `check`
/// can compare a committed table with its runs.
///
///     title: Three densities at one budget
///     runs: [ runs/comparison ]
///     where: [ method != gan, "seed in {0..9}" ]
///     rows: { data.kind: Data, method: Method }
///     columns: [ grid-kl, { metric: energy-distance, label: Energy distance, decimals: 4 } ]
///     baseline: method == contrastive-divergence
///     divergence: worst-case
///     worst: { grid-kl: 10, energy-distance: 1 }
///     tests: [ permutation ]
///     planned: 150
module Ebm.Analysis.Specification

open System
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Table

/// A condition on a run's setting: it has one of the values if `Holds`, else none of them.
type Condition = { Key: string; Values: string list; Holds: bool; Text: string; Source: Source }

type Specification = {
    /// The name of the file without its extension; it names the outputs and the macros.
    Name: string
    /// The folder of the file and of the outputs.
    Folder: string
    Runs: (string * Source) list
    Where: Condition list
    Baseline: Condition list
    Rows: (string * string * Source) list option
    Columns: (Column * Source) list option
    Options: Options
}

let private words = [ "title"; "runs"; "where"; "rows"; "columns"; "baseline"; "divergence"; "worst"; "tests"; "planned" ]

let private fail (source: Source) key says : 'a = raise (ConfigException(source, key, says))

let private textOf key (node: Document) =
    match node.Value with
    | :? string as text -> text
    | null -> raise (node.IsNot(key, "a text"))
    | _ -> string node

let private listOf (node: Document) = if node.IsList then List.ofSeq node.Items else [ node ]

/// `key == value`, `key != value`, `key in {a, b, 0..4}`.
let private condition at (node: Document) =
    let text = textOf at node
    let wrong () = fail node.Source at $"\"{text}\" is not a valid condition; write key == value, key != value or key in {{a, b, 0..4}}."
    let trimmed (part: string) = part.Trim().Trim('"')

    let one (sign: string) holds =
        match text.Split(sign, 2, StringSplitOptions.None) with
        | [| key; value |] when key.Trim() <> "" && value.Trim() <> "" -> {
            Key = trimmed key
            Values = [ trimmed value ]
            Holds = holds
            Text = text
            Source = node.Source
          }
        | _ -> wrong ()

    let span (part: string) =
        match part.Split("..", 2, StringSplitOptions.None) |> Array.map Int32.TryParse with
        | [| (true, low); (true, high) |] when low <= high && high - low < 10_000 -> [ for i in low..high -> string i ]
        | _ -> [ trimmed part ]

    if text.Contains "==" then
        one "==" true
    elif text.Contains "!=" then
        one "!=" false
    else
        match text.Split(" in ", 2, StringSplitOptions.None) with
        | [| key; set |] when set.Trim().StartsWith '{' && set.Trim().EndsWith '}' ->
            let values = set.Trim().Trim('{', '}').Split(',') |> List.ofArray |> List.collect span
            { Key = trimmed key; Values = values; Holds = true; Text = text; Source = node.Source }
        | _ -> wrong ()

/// Checks that each key of a mapping is known.
let private known at (words: string list) (node: Document) =
    if not node.IsMap then raise (node.IsNot(at, "a mapping"))

    for entry in node.Entries do
        if not (List.contains entry.Key words) then
            let it = if at = "" then "a table's specification" else at
            fail
                entry.KeySource
                entry.Key
                $"""unknown setting of {it}. Known settings: {String.Join(", ", words)}{Spelling.DidYouMean(entry.Key, words)}."""

let private whole at low high (node: Document) =
    match node.Value with
    | :? int64 as n when n >= low && n <= high -> int n
    | _ -> raise (node.IsNot(at, $"a whole number from {low} to {high}"))

let private columnOf (node: Document) =
    if node.IsMap then
        known "a column" [ "metric"; "label"; "decimals" ] node
        let metric = node.Find "metric" |> Option.ofObj

        match metric with
        | None -> fail node.Source "columns" "a column needs its metric, such as metric: grid-kl."
        | Some metric ->
            let name = textOf "metric" metric
            let label = node.Find "label" |> Option.ofObj |> Option.map (textOf "label") |> Option.defaultValue name
            let decimals = node.Find "decimals" |> Option.ofObj |> Option.map (whole "decimals" 0L 12L)
            { Metric = name; Label = label; Decimals = decimals }, metric.Source
    else
        let name = textOf "columns" node
        { Metric = name; Label = name; Decimals = None }, node.Source

/// The specification that a document describes; `file` determines the folder of the outputs.
let private specified (document: Document) (file: string) =
    known "" words document
    Secrets.Here.RefuseIn document
    let find key = document.Find key |> Option.ofObj |> Option.filter (fun node -> not node.IsNull)

    let worst =
        match find "worst" with
        | None -> Map.empty
        | Some node ->
            if not node.IsMap then raise (node.IsNot("worst", "a mapping from metrics to their worst values"))

            Map [
                for entry in node.Entries do
                    match entry.Value.AsFloat() |> Option.ofNullable with
                    | Some bound when Double.IsFinite bound -> entry.Key, bound
                    | _ -> raise (entry.Value.IsNot($"worst.{entry.Key}", "a number"))
            ]

    let divergence =
        match find "divergence" |> Option.map (fun node -> node, textOf "divergence" node) with
        | None
        | Some(_, "report-rate") -> ReportRate
        | Some(_, "fail") -> Fail
        | Some(node, "worst-case") when worst.IsEmpty ->
            fail node.Source "divergence" "worst-case needs the worst value of each metric, such as worst: { grid-kl: 10 }."
        | Some(_, "worst-case") -> WorstCase worst
        | Some(node, other) ->
            let policies = [ "report-rate"; "worst-case"; "fail" ]
            fail
                node.Source
                "divergence"
                ($"\"{other}\" is not a policy for diverged runs; write {Spelling.Either(ResizeArray policies)}"
                 + $"{Spelling.DidYouMean(other, policies)}.")

    match find "worst", divergence with
    | Some node, (ReportRate | Fail) -> fail node.Source "worst" "worst values need divergence: worst-case; write it, or delete them."
    | _ -> ()

    let test (node: Document) =
        let name = textOf "tests" node
        let known = Significance.tests |> List.map _.Name

        match Significance.tests |> List.tryFind (fun test -> test.Name = name) with
        | Some test -> test
        | None ->
            fail
                node.Source
                "tests"
                $"unknown test {name}. Known tests: {Spelling.Either(ResizeArray known)}{Spelling.DidYouMean(name, known)}."

    let conditions key = find key |> Option.map (listOf >> List.map (condition key)) |> Option.defaultValue []
    let baseline = conditions "baseline"

    for condition in baseline do
        if not condition.Holds || condition.Values.Length > 1 then
            fail condition.Source "baseline" $"\"{condition.Text}\" does not select a row; write key == value."

    let rows =
        find "rows"
        |> Option.map (fun node ->
            if node.IsMap then
                [ for entry in node.Entries -> entry.Key, textOf $"rows.{entry.Key}" entry.Value, entry.KeySource ]
            else
                [ for item in listOf node -> let key = textOf "rows" item in key, key, item.Source ])

    let columns = find "columns" |> Option.map (listOf >> List.map columnOf)

    match columns |> Option.defaultValue [] |> List.countBy (fun (column, _) -> column.Metric) |> List.tryFind (fun (_, n) -> n > 1) with
    | Some(name, _) -> fail (find "columns").Value.Source "columns" $"{name} is listed twice; delete one of them."
    | None -> ()

    {
        Name = string (Path.GetFileNameWithoutExtension file)
        Folder = Path.GetDirectoryName file |> Option.ofObj |> Option.defaultValue ""
        Runs =
            match find "runs" with
            | None -> fail document.Source "runs" "a table needs the folders of its runs, such as runs: [ runs/rings ]."
            | Some node -> [ for item in listOf node -> textOf "runs" item, item.Source ]
        Where = conditions "where"
        Baseline = baseline
        Rows = rows
        Columns = columns
        Options = {
            usualOptions with
                Title = find "title" |> Option.map (textOf "title")
                Labels = rows |> Option.map (List.map (fun (key, label, _) -> key, label))
                Columns = columns |> Option.map (List.map fst)
                Baseline = [ for condition in baseline -> condition.Key, condition.Values.Head ]
                Divergence = divergence
                Tests =
                    match find "tests" |> Option.toList |> List.collect listOf with
                    | [] -> Significance.usual
                    | named -> List.map test named
                Planned = find "planned" |> Option.map (whole "planned" 0L (int64 Int32.MaxValue))
        }
    }

/// Reads a specification.
let read (file: string) =
    if not (Path.Exists file) then
        fail (Source.Of file) "" "the file does not exist; a table's specification is a YAML file such as analysis/tables/main.yaml."

    specified (Document.Read file) file

/// Compares numbers as numbers: 1e-3 equals 0.001.
let private same (a: string) (b: string) =
    let number (text: string) = Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture)

    match number a, number b with
    | (true, x), (true, y) -> x = y
    | _ -> a = b

let private holds (condition: Condition) (run: Run) =
    let value = if condition.Key = "sweep" then run.Sweep else setting run condition.Key
    List.exists (same value) condition.Values = condition.Holds

/// Throws ConfigException for a key that no run has.
let private mustBeKnown (runs: Run list) at key source =
    let keys = runs |> Seq.collect (fun run -> Seq.append run.Config.Keys run.Asked.Keys) |> Seq.distinct |> Set.ofSeq |> Set.add "sweep"

    if not (keys.Contains key) then fail source at $"no run has the setting {key}{Spelling.DidYouMean(key, keys)}."

/// The path of a folder of runs: relative to the repository's root, or below `place` instead of its `runs`.
let private locate (root: string) (place: string option) (folder: string) =
    match place with
    | Some place when folder = "runs" -> place
    | Some place when folder.StartsWith("runs/", StringComparison.Ordinal) -> Path.Combine(place, folder.Substring 5)
    | _ -> Path.Combine(root, folder)

/// The table of a specification, and the skipped folders. Folders of runs are relative to `root`; `place` replaces `runs`.
let tabulate (root: string) (place: string option) (specification: Specification) : Table * Skipped list =
    let folders = [
        for folder, source in specification.Runs do
            let path = locate root place folder

            if not (Directory.Exists path) then
                fail source "runs" $"the folder {folder} does not exist; run its sweep, or name the folder of runs with --runs."

            path
    ]

    let all, skipped = underAll folders
    let runs = all |> List.filter _.Retired.IsNone

    if runs.IsEmpty then fail (snd specification.Runs.Head) "runs" "no run in these folders has begun."

    for condition in specification.Where do
        mustBeKnown runs "where" condition.Key condition.Source

    let kept = runs |> List.filter (fun run -> specification.Where |> List.forall (fun condition -> holds condition run))

    // A run counts for the first condition that excludes it.
    let excluded (runs: Run list) =
        let leftOut = runs |> List.choose (fun run -> specification.Where |> List.tryFind (fun condition -> not (holds condition run)))

        [
            for condition in specification.Where do
                match leftOut |> List.filter (fun rule -> obj.ReferenceEquals(rule, condition)) with
                | [] -> ()
                | some -> condition.Text, some.Length
        ]

    let imported, executed = runs |> List.partition _.Imported.IsSome

    if kept.IsEmpty then
        fail specification.Where.Head.Source "where" $"""these conditions exclude all of {Text.counted runs.Length "run"}."""

    for key, _, source in defaultArg specification.Rows [] do
        mustBeKnown kept "rows" key source

    let metrics = kept |> Seq.collect _.Metrics.Keys |> Seq.distinct |> List.ofSeq

    for column, source in defaultArg specification.Columns [] do
        if not (List.contains column.Metric metrics) then
            let there = metrics |> List.sortWith Varying.natural
            fail
                source
                "columns"
                ($"no run has the metric {column.Metric}{Spelling.DidYouMean(column.Metric, metrics)}. Known metrics: "
                 + String.Join(", ", there)
                 + ".")

    for condition in specification.Baseline do
        mustBeKnown kept "baseline" condition.Key condition.Source

    // Missing runs, from the plans of all sweeps in the folders.
    let absent = Plans.absent folders (names all skipped)

    let options = {
        specification.Options with
            Excluded = excluded executed
            ImportedExcluded = excluded imported
            Absent = absent
            Retired = [
                for run in all do
                    match run.Retired with
                    | Some because -> run, because
                    | None -> ()
            ]
            Queued = Plans.queued folders absent
            Skipped = skipped |> List.filter _.IsRun |> List.length
            Baseline = [
                for condition in specification.Baseline do
                    // Uses the spelling of the runs: 1e-3 in the file may be 0.001 there.
                    let spelled = kept |> List.map (fun run -> setting run condition.Key) |> List.tryFind (same condition.Values.Head)
                    condition.Key, defaultArg spelled condition.Values.Head
            ]
    }

    let table = tabulateWith options specification.Name kept

    match table.Rows |> List.countBy _.Labels |> List.tryFind (fun (_, n) -> n > 1), specification.Rows with
    | Some(labels, n), Some((_, _, source) :: _) ->
        let alike = table.Rows |> List.filter (fun row -> row.Labels = labels)
        let keys = alike |> List.map _.Runs.Head.Config |> Varying.keys |> List.filter ((<>) "seed")
        let name = String.Join(" ", labels)
        fail
            source
            "rows"
            $"""{n} rows would be named "{name}"; they differ in {String.Join(", ", keys)}: add one, or exclude rows with where."""
    | _ -> ()

    if not specification.Baseline.IsEmpty then
        let baselines = Versus.baselines table
        let source = specification.Baseline.Head.Source

        match baselines |> List.tryFind (fun (_, rows) -> rows.Length > 1) with
        | Some(_, rows) ->
            let names = String.Join("; ", [ for row in rows -> String.Join(" ", row.Labels) ])
            fail source "baseline" $"{rows.Length} rows of one data set match the baseline ({names}); add a condition."
        | None when baselines.IsEmpty -> fail source "baseline" "no row has these settings."
        | None -> ()

    table, skipped

/// The files of a specification's table: path and text.
let outputs (specification: Specification) (table: Table) =
    let path suffix = Path.Combine(specification.Folder, specification.Name + suffix)

    [
        path ".md", Markdown.table table
        path ".tex", Latex.table table
        path "-macros.tex", Latex.macros table
        path ".html", Html.rendered (HtmlTable.whole (fun run -> $"#run-{run.Id}") table)
        path "-runs.csv", Csv.runs table
        path "-summary.csv", Csv.summary table
        if not table.Options.Baseline.IsEmpty then
            path "-versus.csv", Csv.versus table
            path "-versus.tex", Latex.versus table
        path ".json", Json.table table
    ]

/// Writes the files of a specification's table next to it, each completely or not at all; returns their paths.
let render (root: string) (place: string option) (file: string) =
    let specification = read file
    let table, skipped = tabulate root place specification
    let files = outputs specification table

    for path, text in files do
        AtomicFile.Write(path, text)

    table, skipped, List.map fst files

/// Compares the files of a specification with its runs; returns the first line that differs, as a message, or None.
let check (root: string) (place: string option) (file: string) =
    let specification = read file
    let table, skipped = tabulate root place specification
    let cut (line: string) = if line.Length > 200 then line.Substring(0, 197) + "…" else line

    let differs (path: string, text: string) =
        if not (File.Exists path) then
            Some $"{path}: the file is missing; write it with: dotnet fsi analysis/table.fsx render {file}"
        else
            let found = RegularFile.Text(path, RegularFile.Record)

            if found = text then
                None
            else
                let committed, due = found.Split '\n', text.Split '\n'
                let line (lines: string[]) i = if i < lines.Length then cut lines[i] else "(nothing)"
                let at =
                    Seq.initInfinite id
                    |> Seq.find (fun i ->
                        line committed i <> line due i || committed.Length <= i || due.Length <= i || committed[i] <> due[i])
                Some $"{path}, line {at + 1}: the file has\n  {line committed at}\nbut its runs give\n  {line due at}"

    outputs specification table |> List.tryPick differs, skipped
