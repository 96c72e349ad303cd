/// Assigns each group of runs (a row of the table) a target and a series. The target is the data that the group learns; the series is every
/// other setting that varies, and has the same ink in all figures.
module Ebm.Analysis.Cast

open System
open System.Collections.Generic
open System.IO
open Ebm.Records
open Ebm.Analysis.Table

type Member = {
    Row: Row
    Target: string
    Series: string
    Ink: Figure.Ink
    /// The completed runs with their folders, by seed.
    Folders: (Runs.Run * RunFolder) list
    /// Its other runs that have a folder: running, or ended without a result. They are in curves over training, and in no mean.
    Begun: (Runs.Run * RunFolder) list
    /// The run that represents the group in figures of single runs: the median run in the headline metric.
    Typical: (Runs.Run * RunFolder) option
}

type Cast = {
    Table: Table
    Members: Member list
    Targets: string list
    Series: (string * Figure.Ink) list
    /// Metrics with a direction: first the one that the sweep declared, then those that most groups have.
    Judged: string list
    /// The plans of the runs' sweeps, the oldest first.
    Plans: Plans.Plan list
    /// How many members the figures of single runs leave out.
    Beyond: int
    Recordings: Recordings.Recordings
}

/// The heading of a key: `method.kind` is shown as `method`.
let heading (key: string) = if key.EndsWith(".kind", StringComparison.Ordinal) then key.Substring(0, key.Length - 5) else key

/// The most members in figures of single runs.
let pictured = 40

let private isData (key: string) = key = "data" || key.StartsWith("data.", StringComparison.Ordinal)

/// A label: the last word of the key and the value. Options and kinds are shown without a key.
let private said (key: string) (value: string) =
    if value = "" then ""
    elif heading key = key && key.Contains '.' then $"{key.Substring(key.LastIndexOf '.' + 1)}={value}"
    else value

/// Numbers in three digits, if the values of their key stay different.
let private shortened (values: string list) : string -> string =
    let short (value: string) =
        match Double.TryParse(value, Globalization.NumberStyles.Float, Globalization.CultureInfo.InvariantCulture) with
        | true, number when value.Length > 6 -> Figure.rounded 3 number
        | _ -> value

    if (values |> List.distinctBy short).Length = (List.distinct values).Length then short else id

/// Metrics with a direction: the declared one, then in the table's order; those that few groups have come last. Of older runs, whose metrics
/// declare no order, parts of another metric come last, and likelihoods first.
let private judged (declared: string option) (table: Table) =
    let cells name = table.Rows |> List.choose (fun row -> row.Cells.TryFind name)

    table.Metrics
    |> List.filter (fun name -> (cells name).Head.Metric.Better <> Direction.None)
    |> List.sortBy (fun name ->
        let cell = (cells name).Head
        let rare = 2 * (cells name).Length < table.Rows.Length
        let isOlder = cell.Metric.Order.IsNone

        Some name <> declared,
        isOlder && name.Contains '/',
        rare,
        isOlder && cell.Metric.Unit <> "nats",
        (if isOlder then -(cells name).Length else 0))

/// The plans of the folders' sweeps. A damaged list of plans is reported by the table, and has none here.
let private plans (folders: RunFolder seq) =
    folders
    |> Seq.map (fun folder -> string (Path.GetDirectoryName folder.Path))
    |> Seq.distinct
    |> Seq.collect (fun sweep ->
        try
            Plans.read sweep
        with :? InvalidDataException -> [])
    |> List.ofSeq

/// The cast of a table, whose runs are in these folders; what they recorded is read through `recordings`.
let castWith (recordings: Recordings.Recordings) (folders: RunFolder seq) (table: Table) =
    let byId = Dictionary<string, RunFolder>(StringComparer.Ordinal)

    for folder in folders do
        byId[folder.Id] <- folder

    let plans = plans folders
    let judged = judged (plans |> List.tryLast |> Option.bind _.Metric) table
    let shorts = table.Varying |> List.mapi (fun i _ -> shortened (table.Rows |> List.map (fun row -> row.Labels[i])))
    let labels (row: Row) = List.zip3 table.Varying row.Labels shorts |> List.map (fun (key, value, short) -> key, short value)
    let joined labels = labels |> List.map (fun (key, value) -> said key value) |> List.filter ((<>) "") |> String.concat " · "
    let kind key (row: Row) = setting row.Runs.Head key

    let target row =
        match labels row |> List.filter (fst >> isData) |> joined with
        | "" -> kind "data.kind" row
        | labels -> labels

    let series row =
        match labels row |> List.filter (fst >> isData >> not) |> joined with
        | "" -> kind "method.kind" row
        | labels -> labels

    let known = table.Rows |> List.map series |> List.distinct |> List.mapi (fun i name -> name, Figure.Series i)

    let typical (row: Row) (runs: (Runs.Run * RunFolder) list) =
        match judged |> List.tryFind row.Cells.ContainsKey with
        | None -> List.tryHead runs
        | Some metric ->
            let value (run: Runs.Run, _) = run.Metrics.TryFind metric |> Option.map _.Value |> Option.filter (Double.IsNaN >> not)
            let ordered = runs |> List.filter (value >> Option.isSome) |> List.sortBy value
            if ordered.IsEmpty then List.tryHead runs else Some ordered[(ordered.Length - 1) / 2]

    let members =
        table.Rows
        |> List.map (fun row ->
            let runs, begun =
                row.Runs
                |> List.choose (fun run ->
                    match byId.TryGetValue run.Id with
                    | true, folder -> Some(run, folder)
                    | _ -> None)
                |> List.partition (fun (run, _) -> run.State = RunState.Completed)

            {
                Row = row
                Target = target row
                Series = series row
                Ink = known |> List.find (fst >> (=) (series row)) |> snd
                Folders = runs
                Begun = begun
                Typical = typical row runs
            })

    {
        Table = table
        Members = members
        Targets = members |> List.map _.Target |> List.distinct
        Series = known
        Judged = judged
        Plans = plans
        Beyond = max 0 (members.Length - pictured)
        Recordings = recordings
    }

/// The cast of a table, whose runs are in these folders.
let cast (folders: RunFolder seq) (table: Table) = castWith (Recordings.Recordings()) folders table

/// The members that figures of single runs show.
let shown (cast: Cast) = List.truncate pictured cast.Members

/// The sentence about members that such a figure leaves out.
let beyond (cast: Cast) = if cast.Beyond = 0 then "" else $" The first {pictured} groups are shown; {cast.Beyond} more are in the table."

/// The sentence about the run that represents a group.
let stands (cast: Cast) =
    match cast.Judged with
    | metric :: _ -> $"Each group is represented by its median run in {metric}."
    | [] -> "Each group is represented by its first run."

/// A figure of panels, each with its target; none without panels. Each target has a row with its name as the heading; if every target has
/// only one panel, all panels are in one row.
let figure id title caption keys (panels: (string * Figure.Panel) list) : Figure.Figure list =
    let targets = panels |> List.map fst |> List.distinct

    let rows: Figure.Row list =
        match targets with
        | [] -> []
        | [ _ ] -> [ { Heading = ""; Panels = List.map snd panels } ]
        | _ when targets.Length = panels.Length -> [
            { Heading = ""; Panels = panels |> List.map (fun (target, panel) -> { panel with Title = $"{target} · {panel.Title}" }) }
          ]
        | _ -> [ for target in targets -> { Heading = target; Panels = panels |> List.filter (fst >> (=) target) |> List.map snd } ]

    if rows.IsEmpty then [] else [ { Id = id; Title = title; Caption = caption; Keys = keys; Rows = rows } ]
