/// From the runs of a sweep: how many paired seeds tell its rows apart, and what they cost. The rows are compared as the table compares them: with
/// the baseline if there is one, else with the best row, by sign flips over common seeds, with Holm's correction.
module Ebm.Sweeps.Power

open System
open System.Globalization
open Ebm.Analysis
open Ebm.Analysis.Fields
open Ebm.Analysis.Table
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked
open Ebm.Sweeps.Sentence

/// The fewest common seeds that give a standard deviation with a limit.
let private fewest = 3

/// What matters: a difference of means, or their ratio.
type private Wanted =
    | Difference of float
    | Ratio of float

type private Need = {
    Row: Row
    Pairs: int
    /// Of the differences over common seeds, or of their logarithms' for a ratio.
    Sd: float
    /// None for more than 100,000 seeds.
    Seeds: int option
    /// For the upper 80 % limit of the standard deviation.
    SeedsAtMost: int option
}

/// The rows on one data set.
type private Task = {
    /// The row that the others are compared with.
    Best: Row
    Rows: Row list
    /// How many rows the table compares with the best one.
    Among: int
    Found: (Row * Result<Need, string>) list
}

/// The labels of a row; a setting's value has its key, as method.steps=2.
let private nameOf (table: Table) (row: Row) =
    match List.zip table.Varying row.Labels |> List.filter (snd >> (<>) "") with
    | [] -> row.Group
    | labels ->
        let named (key: string, value: string) =
            match Shown.heading table key with
            | heading when heading.Contains '.' -> $"{heading}={value}"
            | _ -> value

        String.Join(" ", List.map named labels)

let private number (value: float) = value.ToString("G4", CultureInfo.InvariantCulture)

/// The row that the others are compared with.
let private reference (table: Table) (metric: string) (rows: Row list) =
    match Versus.baselines table |> List.tryFind (fun (task, _) -> task = rows.Head.Task) with
    | Some(_, [ baseline ]) when baseline.Cells.ContainsKey metric -> baseline
    | _ -> rows |> List.minBy (fun row -> let cell = row.Cells[metric] in cell.Metric.Better.Cost cell.Summary.Centre)

let private deviation (values: float list) =
    let mean = List.average values
    sqrt ((values |> List.sumBy (fun value -> (value - mean) * (value - mean))) / float (values.Length - 1))

/// The need of one row, or why it has none.
let private needOf
    (table: Table)
    (wanted: Wanted)
    (probability: float)
    (metric: string)
    (among: int)
    (best: Row)
    (row: Row)
    : Result<Need, string> =
    let cell, other = row.Cells[metric], best.Cells[metric]
    let isLog, one, two = onOneScale cell other
    let theirs = Map.ofList two
    let differences = one |> List.choose (fun (seed, value) -> theirs.TryFind seed |> Option.map (fun other -> value - other))

    let size =
        match wanted with
        | Difference size -> Ok(abs size)
        | Ratio ratio when isLog -> Ok(abs (log ratio))
        | Ratio _ when cell.Metric.Scale = "log" -> Error $"a ratio needs positive values of {metric}"
        | Ratio ratio -> Ok(abs ((ratio - 1.0) * other.Summary.Mean))

    match size with
    | Error why -> Error why
    | Ok _ when differences.Length < fewest ->
        Error
            $"""{Ebm.Analysis.Text.counted differences.Length "seed"} in common with {nameOf table best}, and a standard deviation needs {fewest}"""
    | Ok size ->
        let sd = deviation differences
        let needed sd = Seeds.needed among (size / sd) probability

        Ok { Row = row; Pairs = differences.Length; Sd = sd; Seeds = needed sd; SeedsAtMost = needed (Seeds.upper differences.Length sd) }

let private spoken (seconds: float) =
    if seconds < 5400.0 then
        $"""{(seconds / 60.0).ToString("0.#", CultureInfo.InvariantCulture)} min"""
    else
        $"""{(seconds / 3600.0).ToString("0.#", CultureInfo.InvariantCulture)} h"""

/// What further seeds cost, if every row gets this many: runs, seconds one after the other, and units, as those of the rows' runs.
let private cost (rows: Row list) (seeds: int) =
    let mean (values: float list) = if values.IsEmpty then 0.0 else List.average values

    let more = [
        for row in rows do
            let runs = row.Runs |> List.filter (fun run -> run.State = RunState.Completed && run.Imported.IsNone)
            let further = if runs.IsEmpty then 0 else max 0 (seeds - runs.Length)
            further,
            float further * mean (runs |> List.choose _.Seconds),
            float further * mean (runs |> List.choose (_.TrainUnits >> Option.map float))
    ]

    more |> List.sumBy (fun (runs, _, _) -> runs),
    more |> List.sumBy (fun (_, seconds, _) -> seconds),
    more |> List.sumBy (fun (_, _, units) -> units)

let private costSays (rows: Row list) (seeds: int option) =
    match seeds with
    | None -> $"more than {Seeds.most} seeds: too many to run; ask for a larger difference"
    | Some seeds ->
        match cost rows seeds with
        | 0, _, _ -> $"""{Ebm.Analysis.Text.counted seeds "seed"} a row, which these runs have"""
        | runs, seconds, units ->
            let millions = (units / 1e6).ToString("0.##", CultureInfo.InvariantCulture)
            let units = if units = 0.0 then "" else $", {millions} M units"
            $"""{Ebm.Analysis.Text.counted seeds "seed"} a row: {Ebm.Analysis.Text.counted runs "further run"}, about {spoken seconds} one after the other{units}"""

/// The largest need of all rows; None if there is none, or one is too large.
let private largest (seeds: int option list) =
    if seeds.IsEmpty || seeds |> List.exists Option.isNone then None else seeds |> List.choose id |> List.max |> Some

let internal power (place: Place) =
    let options = place.Given.Options

    let wanted =
        match options.TryGetResult <@ CommandLine.Option.Difference @>, options.TryGetResult <@ CommandLine.Option.Ratio @> with
        | Some _, Some _ -> usage "--ratio" "give either --difference or --ratio."
        | None, None ->
            usage "power" "say which difference matters: --ratio 0.9, a ratio of two means, or --difference 0.01 in the metric's unit."
        | Some size, None when Double.IsFinite size && size <> 0.0 -> Difference size
        | Some size, None -> usage $"--difference {size}" "the difference must be a number other than 0."
        | None, Some ratio when Double.IsFinite ratio && ratio > 0.0 && ratio <> 1.0 -> Ratio ratio
        | None, Some ratio -> usage $"--ratio {ratio}" "the ratio must be a positive number other than 1."

    let probability =
        match options.GetResult(<@ CommandLine.Option.Power @>, 0.8) with
        | p when p > 0.05 && p < 1.0 -> p
        | p -> usage $"--power {p}" "the power must be a probability above .05 and below 1."

    let folder =
        match sweepFolders place with
        | [ folder ] -> folder
        | [] -> usage "power" $"{relative place.Runs} has no sweep yet; run a few seeds of each row first."
        | several -> usage "power" $"there are {several.Length} sweeps; name one."

    let table =
        match ReportFiles.tableOf folder with
        | Some table, _ -> table
        | None, _ -> usage "power" $"no run of {relative folder} has begun; run a few seeds of each row first."

    let known = [
        for name in table.Metrics do
            match Shown.metricOf table name with
            | Some metric when metric.Better <> Direction.None -> name
            | _ -> ()
    ]

    if known.IsEmpty then
        usage "power" $"no run of {relative folder} has finished with a metric that has a direction; run a few seeds of each row first."

    let metric =
        match options.TryGetResult <@ Metric @>, Plans.read folder |> List.tryLast |> Option.bind _.Metric with
        | Some name, _ when List.contains name known -> name
        | Some name, _ ->
            usage $"--metric {name}" $"no row can be judged by {name}. Known metrics: {listed known}{Spelling.DidYouMean(name, known)}."
        | None, Some name when List.contains name known -> name
        | None, _ -> usage "power" $"name the metric that decides: --metric. Known metrics: {listed known}."

    match wanted, Shown.metricOf table metric with
    | Difference _, Some found when found.Scale = "log" ->
        usage "--difference" $"tables compare {metric} by the ratio of its means, so give --ratio."
    | _ -> ()

    // Imported runs are no pairs with runs of this project, but their rows count in Holm's factor.
    let tasks = [
        for _, all in table.Rows |> List.filter (fun row -> row.Apart.IsEmpty && row.Cells.ContainsKey metric) |> List.groupBy _.Task do
            let rows = all |> List.filter _.Imported.IsEmpty

            if rows.Length > 1 then
                let best = reference table metric rows
                let others = rows |> List.filter (fun row -> row.Key <> best.Key)
                let among = all.Length - 1
                {
                    Best = best
                    Rows = rows
                    Among = among
                    Found = [ for row in others -> row, needOf table wanted probability metric among best row ]
                }
    ]

    let needs (task: Task) = task.Found |> List.choose (snd >> Result.toOption)

    if tasks.IsEmpty then
        let but =
            match table.Rows |> List.filter (fun row -> not row.Imported.IsEmpty) with
            | [] -> ""
            | imported ->
                let rows = Ebm.Analysis.Text.counted imported.Length "imported row"
                $", apart from {rows}, whose seeds are no pairs with those of runs here"

        usage "power" $"{relative folder} has no two rows of {metric} on the same data{but}; run a few seeds of two rows first."

    match List.collect needs tasks, List.collect _.Found tasks with
    | [], (row, Error why) :: _ -> usage "power" $"{nameOf table row}: {why}; run a few more seeds first."
    | _ -> ()

    let asked =
        match wanted with
        | Difference size -> $"a difference of {number size}"
        | Ratio ratio -> $"a ratio of {number ratio}"

    if options.Contains <@ CommandLine.Option.Json @> then
        let total rows seeds =
            match seeds with
            | None -> box nothing
            | Some seeds ->
                let runs, seconds, units = cost rows seeds
                box <| fields [ "seeds" => seeds; "runs" => runs; "seconds" => seconds; "units" => units ]

        Console.Write(
            JsonText.ReadableOf(
                fields [
                    "sweep" => table.Sweep
                    "metric" => metric
                    match wanted with
                    | Difference size -> "difference" => size
                    | Ratio ratio -> "ratio" => ratio
                    "power" => probability
                    "level" => Significance.level
                    "data"
                    => [
                        for task in tasks ->
                            fields [
                                "against" => task.Best.Key
                                "tests" => task.Among
                                "smallest" => Significance.pairsNeeded task.Among
                                "rows"
                                => [
                                    for row, need in task.Found ->
                                        fields [
                                            "row" => row.Key
                                            match need with
                                            | Error why -> "why" => why
                                            | Ok need ->
                                                "pairs" => need.Pairs
                                                "sd" => need.Sd
                                                match need.Seeds with
                                                | Some seeds -> "seeds" => seeds
                                                | None -> ()
                                                match need.SeedsAtMost with
                                                | Some seeds -> "seeds-at-most" => seeds
                                                | None -> ()
                                        ]
                                ]
                                "estimate" => total task.Rows (largest [ for need in needs task -> need.Seeds ])
                                "at-most" => total task.Rows (largest [ for need in needs task -> need.SeedsAtMost ])
                            ]
                    ]
                ]
            )
        )
    else
        Console.WriteLine $"{table.Sweep}, {metric}: {asked}, to be found with probability {number probability}"

        for task in tasks do
            let tests = if task.Among = 1 then "one test" else $"the smallest of {task.Among} tests (Holm)"
            Console.WriteLine()
            Console.WriteLine $"Against {Shown.brief (nameOf table task.Best)}, by sign flips over common seeds, level .05 for {tests};"
            Console.WriteLine $"fewer than {Significance.pairsNeeded task.Among} seeds cannot be significant, whatever their values."
            Console.WriteLine()
            let seeds (need: int option) = need |> Option.map string |> Option.defaultValue $">{Seeds.most}"

            aligned (
                [ "row"; "pairs"; "sd"; "seeds"; "at most" ]
                :: [
                    for row, need in task.Found ->
                        Shown.brief (nameOf table row)
                        :: match need with
                           | Ok need -> [ string need.Pairs; number need.Sd; seeds need.Seeds; seeds need.SeedsAtMost ]
                           | Error _ -> [ "-"; "-"; "-"; "-" ]
                ]
            )

            for row, need in task.Found do
                match need with
                | Error why -> Console.WriteLine $"{Shown.brief (nameOf table row)}: {why}."
                | Ok _ -> ()

            match needs task with
            | [] -> ()
            | needs ->
                Console.WriteLine()
                Console.WriteLine $"estimate: {costSays task.Rows (largest [ for need in needs -> need.Seeds ])}"
                Console.WriteLine $"at most:  {costSays task.Rows (largest [ for need in needs -> need.SeedsAtMost ])}"

        Console.WriteLine()
        Console.WriteLine "sd: of the differences over common seeds (of their logarithms for a ratio of a logarithmic metric)."
        Console.WriteLine "at most: for the upper 80 % limit of the variance, because few pilot seeds estimate it badly."

    0
