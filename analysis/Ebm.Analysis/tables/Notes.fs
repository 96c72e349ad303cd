/// The notes below a table: how its numbers were computed, what the marks mean, and the outcome of every planned run. Plain text, a
/// sentence or two per note; each renderer has its own format.
module Ebm.Analysis.Notes

open System
open System.Globalization
open Ebm.Records
open Ebm.Analysis.Statistics
open Ebm.Analysis.Table

let private marks intervened doubted imported =
    (if intervened > 0 then "*" else "") + (if doubted > 0 then "¶" else "") + (if imported > 0 then "‖" else "")

/// The marks after a row's number of runs.
let markOf (row: Row) = marks row.Intervened.Length row.Doubted.Length row.Imported.Length

/// The marks after a value that is not compared, or that has a run with an intervention, one whose metrics are in doubt, or an imported one.
let mark (cell: Cell) =
    marks cell.Intervened cell.Doubted cell.Imported
    + match cell.Verdict with
      | OtherRate -> "†"
      | TooFewToTell -> "‡"
      | Incomparable -> "§"
      | _ -> ""

let private list (parts: string seq) = String.Join(", ", parts)
let private percent (share: float) = (100.0 * share).ToString("0", CultureInfo.InvariantCulture)

/// The cells that a reader sees, with their rows and metrics.
let private shown (table: Table) = [
    for row in table.Rows do
        for name in table.Metrics do
            match row.Cells.TryFind name with
            | Some cell -> row, name, cell
            | None -> ()
]

let private has (table: Table) verdict = shown table |> List.exists (fun (_, _, cell) -> cell.Verdict = verdict)

let private intervals (table: Table) =
    let kinds = shown table |> List.map (fun (_, _, cell) -> bounds cell.Summary |> fun (_, _, kind) -> kind) |> List.distinct
    let some kind text = if List.contains kind kinds then [ text ] else []

    let how =
        some "student-t" "mean ± half the width of its 95 % interval (Student's t)"
        @ some "bootstrap-t" "mean [low, high] with its 95 % interval (bootstrap-t, from 20 runs on)"
        @ some "student-t-of-log" "geometric mean [low, high] with its 95 % interval (Student's t of the logarithm)"
        @ some "bootstrap-t-of-log" "geometric mean [low, high] with its 95 % interval (bootstrap-t of the logarithm)"

    let cells = shown table |> List.map (fun (_, name, cell) -> cell, Shown.cell (columnOf table name).Decimals (Some cell))
    let having test = cells |> List.exists test

    let how =
        how
        @ [
            if having (fun (cell, _) -> cell.Summary.N = 2) then "with two seeds, both values"
            if having (fun (cell, _) -> cell.Summary.N = 1) then "with one seed, its value"
        ]

    [
        if not how.IsEmpty then $"""A cell shows, over the seeds of completed runs: {String.Join("; ", how)}."""
        if having (fun (_, shown) -> shown.IsConstant) then "Without ±: the interval has no width in the digits shown."
        if having (fun (cell, _) -> cell.Summary.N = 1 && cell.Se.IsSome) then
            "(se …): the standard error of this one run's measurement; another seed may differ by more."
    ]

/// The phrase of an intervention, and its rank among several.
let private words what =
    match what with
    | Intervention.AfterDivergence -> 0, "repeated after diverging"
    | Intervention.OtherSettings -> 1, "with a changed config.yaml"
    | Intervention.OtherCode -> 2, "finished with other code than at the start"
    | Intervention.OtherLibraries -> 3, "finished with other libraries than at the start"
    | Intervention.OtherConditions -> 4, "finished on another device or with another number of threads"
    | other -> 5, other

let private divergence (table: Table) = [
    let some = table.Rows |> List.exists (fun row -> row.Diverged > 0)

    match table.Options.Divergence with
    | ReportRate when some ->
        "Runs that diverged are in no mean: (3/5) is the mean of 3 runs of 5, and such a row is not compared with rows of another rate (†)."
    | ReportRate when has table OtherRate -> "† not compared: another share of the row's runs has a value."
    | ReportRate -> ()
    | Fail -> "– : a run of the row diverged, so it has no mean (policy: fail)."
    | WorstCase bounds ->
        let bounds = list [ for KeyValue(name, bound) in bounds -> $"{name} {number bound}" ]
        $"A run that diverged counts as the worst case ({bounds})."

    for row in table.Rows do
        if row.Diverged + row.Failed > 0 then
            let low, high = wilson row.Completed row.Ended
            let name = String.Join(" ", row.Labels |> List.filter ((<>) ""))
            let name = if name = "" then "" else $"{Shown.brief name}: "
            $"""{name}{row.Completed} of {Text.counted row.Ended "run"} completed, """
            + $"a rate of {percent low} to {percent high} %% (Wilson, 95 %%)."

    for row in table.Rows do
        match row.Intervened with
        | [] -> ()
        | runs ->
            let name = String.Join(" ", row.Labels |> List.filter ((<>) ""))
            let name = if name = "" then "" else $"{Shown.brief name}: "
            let kinds = runs |> List.collect (fun run -> run.Interventions |> List.map _.What |> List.distinct) |> List.countBy id
            let what = list [ for what, n in kinds |> List.sortBy (fst >> words >> fst) -> $"{n} {snd (words what)}" ]
            $"""* {name}{runs.Length} of {Text.counted row.Completed "run"} needed an intervention: {what}."""
]

/// Columns of one task with several rows, but too few seeds to tell any of them apart.
let private tooFew (table: Table) = [
    for name in table.Metrics do
        for _, rows in table.Rows |> List.groupBy _.Task do
            let cells = rows |> List.choose (fun row -> row.Cells.TryFind name)

            match cells |> List.filter (fun cell -> cell.Verdict = Unjudged && cell.Withheld.IsNone) with
            | first :: _ :: _ as rivals when
                first.Metric.Better <> Direction.None && not (cells |> List.exists (fun cell -> cell.Verdict = Best))
                ->
                let best = rivals |> List.minBy (fun cell -> first.Metric.Better.Cost cell.Summary.Centre)
                let others = rivals |> List.filter (fun cell -> not (obj.ReferenceEquals(cell, best)))
                name, rivals.Length, min best.Summary.N (others |> List.map _.Summary.N |> List.max)
            | _ -> ()
]

/// What the sign of the best rows means, `Bold` or a mark, or why no row has it.
let private best (sign: string) (table: Table) = [
    let tests = shown table |> List.choose (fun (_, _, cell) -> cell.Test)

    if has table Best then
        let used = table.Options.Tests |> List.filter (fun test -> tests |> List.exists (fun found -> found.By = test))
        let test = String.Join(", else ", [ for test in used -> test.Says ])

        $"{sign}: the best of its column on the same data, and all that are not significantly worse "
        + $"(two-sided {test}; Holm over the column; level .05)."

    if has table TooFewToTell then "‡ too few seeds to tell the row from the best one, whatever their values."

    match tooFew table with
    | [] -> ()
    | none ->
        let rivals = none |> List.map (fun (_, rivals, _) -> rivals) |> List.max
        let seeds = none |> List.map (fun (_, _, n) -> n) |> List.max
        let columns = none |> List.map (fun (name, _, _) -> name) |> List.distinct
        let columns = if has table Best then $""" in {list (columns |> List.map (fun name -> (columnOf table name).Label))}""" else ""
        let smallest = (2.0 ** float (1 - seeds)).ToString("0.####", CultureInfo.InvariantCulture)
        let times = if rivals = 2 then "" else $", times {rivals - 1} for as many comparisons (Holm)"
        $"""No row is marked as the best{columns}: {Text.counted seeds "common seed"} cannot tell {rivals} rows apart, as no p-value """
        + $"is below {smallest}{times}; {Significance.pairsNeeded (rivals - 1)} seeds could."

    if has table Incomparable then
        "§ not compared: measured by another protocol, over another number of samples, or on other data than the rest of its column."
]

let private apart (table: Table) = [
    for row in table.Rows do
        if not row.Apart.IsEmpty then
            let why = list [ for key, value in row.Apart -> $"{key} {value}" ]
            let runs = list [ for run in row.Runs -> run.Id ]
            $"A separate row, because its runs are not comparable with others of their configuration ({why}): {Shown.brief runs}."

    match table.Codes with
    | []
    | [ _ ] -> ()
    | codes ->
        let codes = list [ for code, n in codes -> $"{code.Substring(0, min 12 code.Length)} ({n})" ]
        $"Warning: the runs come from different builds of the code, {codes}."
]

/// "96 runs planned: 90 used, 4 diverged, 2 excluded (…); 3 imported."
let counts (table: Table) =
    let c = table.Counts
    let queued = table.Options.Queued.Length
    let some n text = if n > 0 then [ $"{n} {text}" ] else []
    let excluded rules = rules |> List.collect (fun (rule, n) -> some n $"excluded ({rule})")

    let parts =
        [ $"{c.Used} used" ]
        @ some c.Diverged "diverged"
        @ some c.Failed "failed"
        @ some c.Pruned "pruned"
        @ some c.Unfinished "unfinished"
        @ some queued "queued"
        @ some (c.Missing - queued) "missing (never run, or removed)"
        @ excluded c.Excluded
        @ some c.Skipped "unreadable or not begun"

    let imported =
        match c.Imported, c.ImportedExcluded with
        | 0, [] -> ""
        | used, [] -> $"; {used} imported"
        | used, rules ->
            let parts = $"{used} used" :: excluded rules
            $"; {used + List.sumBy snd rules} imported: {list parts}"

    $"""{Text.counted c.Planned "run"} planned: {list parts}{imported}."""

/// Numbers that the run's own hashes do not cover.
let private doubts (table: Table) = [
    for row in table.Rows do
        for why, runs in row.Doubted |> List.groupBy (_.Doubt >> Option.get) do
            $"¶ {Shown.brief (list [ for run in runs -> run.Id ])}: {why}; `audit verify` names every alteration."
]

/// Rows that were not computed here.
let private imports (table: Table) = [
    let sources = [
        for row in table.Rows do
            match row.Imported with
            | [] -> ()
            | runs ->
                let name = String.Join(" ", row.Labels |> List.filter ((<>) ""))
                let from = runs |> List.choose _.Imported |> List.distinct
                let count = Text.counted runs.Length "run"
                $"""‖ {Shown.brief (if name = "" then row.Group else name)}: {count} imported from {Shown.brief (String.Join("; ", from))}."""
    ]

    if not sources.IsEmpty then
        "‖ imported: another source reported the values, and nothing here can repeat them. Its protocol is not known, its runs are no pairs "
        + "with runs of this project, and a test between the two assumes that both measured the same."

    yield! sources
]

/// What the data had lost before they were read, so that nobody compares the figures with those of the original data.
let private losses (table: Table) =
    table.Rows |> List.collect (_.Runs >> List.collect _.Losses) |> List.distinct |> List.map (fun loss -> $"Data: {Shown.visible loss}")

/// The row with the best mean of the metric that is shown first, and whether a test confirms it; nothing where rows have several data sets.
let winner (table: Table) = [
    for name in Shown.primaries table |> List.truncate 1 do
        let found = [
            for row in table.Rows do
                match row.Cells.TryFind name with
                | Some cell when cell.Withheld.IsNone && row.Apart.IsEmpty && Double.IsFinite cell.Summary.Centre -> row, cell
                | _ -> ()
        ]

        match found with
        | (_, first) :: _ :: _ when
            first.Metric.Better <> Direction.None && (found |> List.distinctBy (fun (row, _) -> row.Task)).Length = 1
            ->
            let row, cell = found |> List.minBy (fun (_, cell) -> first.Metric.Better.Cost cell.Summary.Centre)
            let at = table.Rows |> List.findIndex (fun other -> obj.ReferenceEquals(other, row))
            let parts = [
                for heading, labels in Shown.labels table do
                    // The names of methods and data speak for themselves; a number does not.
                    if labels[at] <> "" then (if heading.Contains '.' then $"{heading}={labels[at]}" else labels[at])
            ]
            let label = String.Join(" ", parts |> List.map (Shown.brief >> Shown.visible))
            let word = if first.Metric.Better = Direction.Lower then "Lowest" else "Highest"

            if label <> "" then
                let seeds = if cell.Summary.N = 1 then " (1 seed)" else ""
                let test = if cell.Verdict = Best then "" else ", which no test confirms"
                $"{word} mean {(columnOf table name).Label}: {label}{seeds}{test}."
        | _ -> ()
]

/// Every note of a table whose best cells have this sign, in the order in which a reader needs them.
let withSign (sign: string) (table: Table) =
    intervals table @ best sign table @ losses table @ divergence table @ doubts table @ imports table @ apart table @ [ counts table ]

/// Every note of a table whose best cells are bold.
let all = withSign "Bold"
