/// Who appears in a sweep's figures, and as whom: a group of runs (a row of the table) is a series on a target. The target is what it
/// learns, by its data's labels; the series is everything else that varies, and has one ink in all figures.
module Ebm.Analysis.Cast

open System
open System.Collections.Generic
open Ebm.Records
open Ebm.Analysis.Table

type Member = {
    Row: Row
    Target: string
    Series: string
    Ink: Figure.Ink
    /// Its completed runs' folders, by seed.
    Folders: (Runs.Run * RunFolder) list
    /// The run that is shown where one must stand for all: the median one by the headline metric.
    Typical: (Runs.Run * RunFolder) option
}

type Cast = {
    Table: Table
    Members: Member list
    Targets: string list
    Series: (string * Figure.Ink) list
    /// Metrics that are judged, those first that most groups have.
    Judged: string list
    /// Members that some figures leave out, because there are too many to look at.
    Beyond: int
}

/// The name of a key where it is read: the kind of `method` is the method.
let heading (key: string) = if key.EndsWith(".kind", StringComparison.Ordinal) then key.Substring(0, key.Length - 5) else key

/// More than so many pictures are not looked at.
let pictured = 40

let private isData (key: string) = key = "data" || key.StartsWith("data.", StringComparison.Ordinal)

/// A label says its key's last word, unless it is an option or kind, which speak for themselves.
let private said (key: string) (value: string) =
    if value = "" then ""
    elif heading key = key && key.Contains '.' then $"{key.Substring(key.LastIndexOf '.' + 1)}={value}"
    else value

/// Metrics with a direction that stand for themselves, not parts or baselines of one; those that most groups have first, and likelihoods
/// before others.
let private judged (table: Table) =
    let cells name = table.Rows |> List.choose (fun row -> row.Cells.TryFind name)

    table.Metrics
    |> List.filter (fun name -> (cells name).Head.Metric.Better <> "none")
    |> List.sortBy (fun name ->
        let cell = (cells name).Head
        let rare = 2 * (cells name).Length < table.Rows.Length
        name.Contains '/', rare, cell.Metric.Unit <> "nats", -(cells name).Length)

/// The cast of a table, whose runs lie in these folders.
let cast (folders: RunFolder seq) (table: Table) =
    let byId = Dictionary<string, RunFolder>(StringComparer.Ordinal)

    for folder in folders do
        byId[folder.Id] <- folder

    let judged = judged table
    let labels (row: Row) = List.zip table.Varying row.Labels
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
            let runs =
                row.Runs
                |> List.filter (fun run -> run.State = RunState.Completed)
                |> List.choose (fun run ->
                    match byId.TryGetValue run.Id with
                    | true, folder -> Some(run, folder)
                    | _ -> None)

            {
                Row = row
                Target = target row
                Series = series row
                Ink = known |> List.find (fst >> (=) (series row)) |> snd
                Folders = runs
                Typical = typical row runs
            })

    {
        Table = table
        Members = members
        Targets = members |> List.map _.Target |> List.distinct
        Series = known
        Judged = judged
        Beyond = max 0 (members.Length - pictured)
    }

/// The members that figures of pictures and curves show.
let shown (cast: Cast) = List.truncate pictured cast.Members

/// The sentence that says who is missing in such a figure.
let beyond (cast: Cast) = if cast.Beyond = 0 then "" else $" The first {pictured} groups are shown; {cast.Beyond} more are in the table."

/// Which run stands for a group.
let stands (cast: Cast) =
    match cast.Judged with
    | metric :: _ -> $"Each group is represented by its median run in {metric}."
    | [] -> "Each group is represented by its first run."

/// A figure of panels, each about a target, if there is any: a row a target under its name, or where each has one panel all in one row.
let figure id title caption keys (panels: (string * Figure.Panel) list) : Figure.Figure list =
    let targets = panels |> List.map fst |> List.distinct

    let rows: Figure.Row list =
        match targets with
        | [] -> []
        | [ _ ] -> [ { Heading = ""; Panels = List.map snd panels } ]
        | _ when targets.Length = panels.Length -> [
            {
                Heading = ""
                Panels = panels |> List.map (fun (target, panel) -> { panel with Title = $"{target} · {panel.Title}" })
            }
          ]
        | _ -> [ for target in targets -> { Heading = target; Panels = panels |> List.filter (fst >> (=) target) |> List.map snd } ]

    if rows.IsEmpty then [] else [ { Id = id; Title = title; Caption = caption; Keys = keys; Rows = rows } ]
