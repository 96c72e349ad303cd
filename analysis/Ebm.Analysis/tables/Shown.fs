/// The text of a cell before any mark-up: as many digits as the uncertainty supports, and a text where there is no mean.
module Ebm.Analysis.Shown

open System
open System.Globalization
open System.Text
open Ebm.Analysis.Statistics
open Ebm.Analysis.Table
open Ebm.Records

type Shown =
    /// The method has no such value.
    | NotMeasured
    /// There is a mean, but the policy for diverged runs does not show it.
    | NotShown
    /// One value, with its measurement error if there is one.
    | Single of value: string * se: string option
    /// Two values, or several whose mean has no interval.
    | Listed of string list
    /// Both times ten to the power of the exponent.
    | PlusMinus of centre: string * half: string * exponent: int
    /// An interval that need not be symmetric.
    | Within of centre: string * low: string * high: string
    /// The interval has no width in the digits shown.
    | Constant of string

/// From here on a number has more digits before the point than a double distinguishes; it is shown with a power of ten.
let private huge = 1e15

let private fixedPoint (digits: int) (value: float) =
    if abs value >= huge && Double.IsFinite value then
        value.ToString("0.##e0", CultureInfo.InvariantCulture)
    else
        let text = value.ToString("F" + string digits, CultureInfo.InvariantCulture)
        // Without the sign of −0.00.
        if text.StartsWith '-' && text |> Seq.forall (fun c -> c = '-' || c = '0' || c = '.') then text.Substring 1 else text

let private decimal (digits: int) (value: float) =
    if not (Double.IsFinite value) then number value
    elif digits > 6 then value.ToString("0.0e-00", CultureInfo.InvariantCulture)
    else fixedPoint digits value

/// Some significant digits.
let private plainTo (digits: int) (value: float) =
    if value = 0.0 then "0"
    elif not (Double.IsFinite value) then number value
    else decimal (max 0 (digits - 1 - int (floor (log10 (abs value))))) value

/// Three significant digits, for a value without an uncertainty.
let plain = plainTo 3

/// A value and its uncertainty, both to two digits of the latter; with a power of ten if they would have more than six decimals, or are
/// huge. An uncertainty beyond the range of numbers is infinite.
let private plusMinus (given: int option) centre half =
    let digits = decimals half
    let largest = max (abs centre) half

    match given with
    | _ when not (Double.IsFinite half) -> PlusMinus(plain centre, number half, 0)
    | Some digits when largest < huge -> PlusMinus(fixedPoint digits centre, fixedPoint digits half, 0)
    | None when digits <= 6 && largest < huge -> PlusMinus(fixedPoint digits centre, fixedPoint digits half, 0)
    | _ ->
        let exponent = int (floor (log10 largest))
        // 10⁻³²⁴ is below the range of numbers, so the smallest numbers are scaled in two steps.
        let scaled value = if exponent < -300 then value * 1e300 / 10.0 ** float (exponent + 300) else value / 10.0 ** float exponent
        let centre, half = scaled centre, scaled half
        let digits = decimals half
        PlusMinus(fixedPoint digits centre, fixedPoint digits half, exponent)

/// Whether an interval has no width, or only that of rounding in single precision: six digits of the centre do not show it.
let private isNothing centre low high = low = high || high / 2.0 - low / 2.0 <= 1e-7 * abs centre

let cell (given: int option) (cell: Cell option) =
    match cell with
    | None -> NotMeasured
    | Some { Withheld = Some _ } -> NotShown
    | Some cell ->
        let value = given |> Option.map fixedPoint |> Option.defaultValue plain

        match cell.Values, cell.Summary.Interval with
        | [], _ -> NotMeasured
        | [ only ], _ ->
            match cell.Se with
            | Some se when se > 0.0 && Double.IsFinite only ->
                let digits = given |> Option.defaultValue (decimals se)
                Single(decimal digits only, Some(decimal digits se))
            | _ -> Single(value only, None)
        | [ first; second ], _ -> Listed [ value first; value second ]
        | _, TooFew -> Listed [ value cell.Summary.Mean ]
        | _, (StudentT(low, high) | BootstrapT(low, high) | StudentTOfLog(low, high) | BootstrapTOfLog(low, high)) when
            isNothing cell.Summary.Centre low high
            ->
            Constant(value cell.Summary.Centre)
        | _, StudentT(low, high) ->
            match plusMinus given cell.Summary.Mean (high / 2.0 - low / 2.0) with
            | PlusMinus(centre, half, 0) when half |> Seq.forall (fun c -> c = '0' || c = '.') -> Constant centre
            | shown -> shown
        | _, BootstrapT(low, high) ->
            let digits = given |> Option.defaultValue (decimals (high / 2.0 - low / 2.0))
            Within(decimal digits cell.Summary.Mean, decimal digits low, decimal digits high)
        | _, (StudentTOfLog(low, high) | BootstrapTOfLog(low, high)) -> Within(value cell.Summary.Centre, value low, value high)

/// "3/5" if not every run of the row has a value.
let share (row: Row) (cell: Cell) = if cell.Summary.N < row.Ended then Some $"{cell.Summary.N}/{row.Ended}" else None

let isBold (cell: Cell) = cell.Verdict = Best || cell.Verdict = NotWorse

/// The heading of a key: `method` for method.kind.
let heading (table: Table) (key: string) =
    match table.Options.Labels |> Option.bind (List.tryFind (fst >> (=) key)) with
    | Some(_, label) -> label
    | None -> if key.EndsWith(".kind", StringComparison.Ordinal) then key.Substring(0, key.Length - 5) else key

/// Shortens a long name and keeps its ends; CSV, JSON and the runs have it whole.
let brief (text: string) =
    let elements = StringInfo text
    let length = elements.LengthInTextElements
    if length <= 60 then text else elements.SubstringByTextElements(0, 40) + "…" + elements.SubstringByTextElements(length - 16)

/// Text in which every character is visible: line breaks become spaces, and invisible or direction-changing characters become their names.
let visible (text: string) =
    let shown = StringBuilder()

    for rune in text.EnumerateRunes() do
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.Control -> shown.Append ' '
        | UnicodeCategory.Format
        | UnicodeCategory.LineSeparator
        | UnicodeCategory.ParagraphSeparator -> shown.Append($"[U+{rune.Value:X4}]")
        | _ -> shown.Append(rune.ToString())
        |> ignore

    string shown

/// A metric, from the first row that has it.
let metricOf (table: Table) name = table.Rows |> List.tryPick (fun row -> row.Cells.TryFind name) |> Option.map _.Metric

/// The comparison value that a metric declares, such as grid-kl/gaussian, if the table's runs measured it. A table of asked columns has it
/// only if it was asked for.
let comparedWith (table: Table) name =
    table.Rows
    // An imported value declares none.
    |> List.tryPick (fun row -> row.Cells.TryFind name |> Option.bind _.Metric.ComparedWith)
    |> Option.filter (fun reference ->
        (table.Options.Columns.IsNone || List.contains reference table.Metrics) && table.Rows |> List.exists _.Cells.ContainsKey(reference))

/// The part of a name after its last slash.
let lastPart (name: string) = name.Substring(name.LastIndexOf '/' + 1)

/// The heading of the shares of a comparison value: "of gaussian" for grid-kl/gaussian.
let shareHeading (reference: string) = "of " + lastPart reference

/// The metrics that a reader needs first: those that were asked for; else the one that decides, and the primary ones. If no metric declares
/// that it is primary (older runs), those of most rows that are not part of another metric.
let primaries (table: Table) =
    let having (keep: string -> Runs.Metric -> bool) =
        table.Metrics |> List.filter (fun name -> metricOf table name |> Option.exists (keep name))

    let isUsual name = 2 * (table.Rows |> List.filter _.Cells.ContainsKey(name) |> List.length) > table.Rows.Length

    let first =
        [
            having (fun _ metric -> metric.Importance = Importance.Primary)
            having (fun name metric -> metric.Better <> Direction.None && not (name.Contains '/') && isUsual name)
            having (fun _ metric -> metric.Better <> Direction.None)
        ]
        |> List.tryFind (List.isEmpty >> not)
        |> Option.defaultValue table.Metrics

    if table.Options.Columns.IsSome then
        table.Metrics
    else
        table.Metrics |> List.filter (fun name -> table.Options.Decides = Some name || List.contains name first)

/// The label columns: a heading, then a label per row. If nothing varies, the table's subject labels its row.
let labels (table: Table) =
    if table.Varying.IsEmpty then
        [
            for key in [ "data.kind"; "method.kind" ] do
                heading table key, [ for row in table.Rows -> setting row.Runs.Head key ]
        ]
    else
        [
            for i, key in List.indexed table.Varying do
                heading table key, [ for row in table.Rows -> row.Labels[i] ]
        ]

/// Each unit with its metrics: a whole family by its name, else the metrics.
let units (table: Table) =
    let unit name = metricOf table name |> Option.map _.Unit |> Option.defaultValue ""

    table.Metrics
    |> List.groupBy Comparable.family
    |> List.collect (fun (family, names) ->
        match names |> List.map unit |> List.distinct with
        | [ unit ] when names.Length > 1 -> [ unit, family ]
        | _ -> names |> List.map (fun name -> unit name, (columnOf table name).Label))
    |> List.filter (fun (unit, _) -> unit <> "")
    |> List.groupBy fst
    |> List.map (fun (unit, names) ->
        let names = String.Join(", ", List.map snd names)
        $"in {unit}: {names}")

/// In place of a value: a dash if no run of the row has completed, else that the method has no such value.
let absent (row: Row) = if row.Completed = 0 then "–" else "n/a"

/// The mean over a row's completed runs, as text.
let private average (row: Row) (value: Runs.Run -> float option) (text: float -> string) =
    match row.Runs |> List.filter (fun run -> run.State = RunState.Completed) |> List.choose value with
    | [] -> absent row
    | values -> text (mean (Array.ofList values))

/// Units of training of a row's run.
let spent (row: Row) =
    average row (_.TrainUnits >> Option.map float) (fun units ->
        match units with
        | many when many >= 999_500.0 -> (many / 1e6).ToString("0.##", CultureInfo.InvariantCulture) + " M"
        | many when many >= 1000.0 -> (many / 1e3).ToString("0", CultureInfo.InvariantCulture) + " k"
        | few -> few.ToString("0", CultureInfo.InvariantCulture))

/// Processor seconds of a row's run.
let cpu (row: Row) =
    average row _.Cpu (fun seconds -> seconds.ToString((if seconds < 9.95 then "0.0" else "0"), CultureInfo.InvariantCulture))

/// A row's value of a metric as a share of the metric's comparison value, in percent.
let shareOf (table: Table) (row: Row) name =
    match row.Cells.TryFind name, comparedWith table name |> Option.bind row.Cells.TryFind with
    | Some cell, Some reference when cell.Withheld.IsNone && reference.Withheld.IsNone && reference.Summary.Centre > 0.0 ->
        let share = 100.0 * cell.Summary.Centre / reference.Summary.Centre
        Some((if abs share >= 99.5 && abs share < huge then fixedPoint 0 share else plainTo 2 share) + " %")
    | _ -> None

/// The meaning of the columns of costs.
let costs = "units: rows that went through one gradient in training; CPU s: processor seconds; both are means over completed runs."

/// The meaning of columns that the notes do not explain. `shared` are the metrics whose shares of their comparison values are shown.
let legendWith (shared: string list) (table: Table) = [
    match shared |> List.choose (fun name -> comparedWith table name |> Option.map (fun reference -> name, reference)) with
    | [] -> ()
    | (name, reference) :: others ->
        let rest = if others.IsEmpty then "" else ", and so for the others"
        $"{shareHeading reference}: the mean of {name} divided by that of {reference} on the same data{rest}; 100 %% is no better than it."

    let lacking = table.Rows |> List.filter (fun row -> table.Metrics |> List.exists (row.Cells.ContainsKey >> not))

    if lacking |> List.exists (fun row -> row.Completed > 0) then "n/a: the method has no such value (no density, no chains)."
    if lacking |> List.exists (fun row -> row.Completed = 0) then "–: no completed run yet."

    match units table with
    | [] -> ()
    | units -> $"""Measured {String.Join("; ", units)}."""
]

let legend (table: Table) = legendWith table.Metrics table

/// A probability to two digits: 0.031, 0.00098.
let probability (p: float) =
    if p >= 0.0995 then fixedPoint 2 p
    elif p >= 0.000095 then fixedPoint (1 - int (floor (log10 p))) p
    else p.ToString("0e-0", CultureInfo.InvariantCulture)

/// A difference from the baseline with its interval; a ratio if the metric is logarithmic.
let versus (given: int option) (versus: Versus.Versus) =
    let low, high, _ = bounds versus.Difference

    match Double.IsFinite low && low < high, versus.Ratio with
    | true, false -> plusMinus given versus.Difference.Mean (high / 2.0 - low / 2.0)
    | true, true -> Within(plain (exp versus.Difference.Mean), plain (exp low), plain (exp high))
    | false, false -> Single(plain versus.Difference.Mean, None)
    | false, true -> Single(plain (exp versus.Difference.Mean), None)

let private versusOf (table: Table) (found: Versus.Versus) = versus (columnOf table found.Metric).Decimals found

/// The labels of the baseline, of which each task has one.
let private baselineName (table: Table) = String.Join(", ", [ for key, value in table.Options.Baseline -> $"{key} {value}" ])

let versusHeadings (table: Table) =
    [ for key in table.Varying -> heading table key ]
    @ [ "metric"; "pairs"; "difference"; "p"; "Holm"; "P(better)"; "effect"; "correlation" ]

/// The cells of a comparison; `text` formats a number with its uncertainty, `plainly` everything else.
let versusCells (text: Shown -> string) (plainly: string -> string) (table: Table) (versus: Versus.Versus) : string list =
    let some (value: float) = if Double.IsFinite value then fixedPoint 2 value else "n/a"
    let n (row: Row) = row.Cells[versus.Metric].Summary.N
    let ratio = if versus.Ratio then plainly " ×" else ""

    [
        yield! versus.Row.Labels |> List.map plainly
        plainly (columnOf table versus.Metric).Label
        plainly (if versus.By.Paired then string versus.Pairs else $"{n versus.Row} and {n versus.Baseline}")
        text (versusOf table versus) + ratio
        plainly (versus.P |> Option.map probability |> Option.defaultValue "†")
        plainly (
            match versus.Adjusted with
            | Some p -> probability p
            | None when versus.P.IsNone -> "†"
            | None -> "n too small"
        )
        plainly (some versus.Improvement)
        plainly (some versus.Effect)
        plainly (some versus.Correlation)
    ]

let versusNote (table: Table) =
    let named (test: Significance.Test) = if test.Paired then test.Says else $"{test.Says} if two numbers of runs are given"
    let tests = String.Join(", else ", table.Options.Tests |> List.map named)

    $"Difference from {baselineName table}: its mean over common seeds ± half of its 95 %% interval, a ratio if × follows; p of "
    + $"a two-sided test, {tests}; Holm over the rows of one data set and "
    + "metric; P(better): the probability that a run is better than one of the baseline, where diverged runs lose; effect: the mean "
    + "difference over its standard deviation; correlation: of the two over common seeds."
    + (if Versus.all table |> List.exists _.P.IsNone then
           " †: not tested, because the row and the baseline lost different shares of their runs; difference, effect and correlation are of the "
           + "runs that are left."
       else
           "")

/// The headings of the table of metrics over all data sets.
let aggregateHeadings (table: Table) (aggregates: Aggregate.Aggregate list) =
    [ for key, _ in aggregates.Head.Method -> heading table key ]
    @ [ "metric"; "interquartile mean"; "95 % interval"; "runs"; "data sets" ]
    @ (if aggregates |> List.exists _.Improvement.IsSome then [ "P(better)" ] else [])

let aggregateCells (table: Table) (aggregates: Aggregate.Aggregate list) (aggregate: Aggregate.Aggregate) =
    let half = (aggregate.High - aggregate.Low) / 2.0
    let digits = min 6 (decimals half)
    let text = fixedPoint digits

    [ for _, label in aggregate.Method -> label ]
    @ [
        (columnOf table aggregate.Metric).Label
        + (match aggregate.ShareOf with
           | Some reference -> " / " + lastPart reference
           | None -> "")
        text aggregate.Mean
        $"[{text aggregate.Low}, {text aggregate.High}]"
        string aggregate.Runs
        string aggregate.Tasks
    ]
    @ (if aggregates |> List.exists _.Improvement.IsSome then
           [
               match aggregate.Improvement with
               | Some(p, low, high) -> $"{fixedPoint 2 p} [{fixedPoint 2 low}, {fixedPoint 2 high}]"
               | None -> ""
           ]
       else
           [])

let aggregateNote =
    "Interquartile mean over all runs on all data sets (without the lowest and the highest quarter), with the 95 % interval of a bootstrap within data "
    + "sets; after a slash: each value divided by the metric's comparison value on the same data, so that data sets have equal weight. Methods "
    + "without runs on a data set are left out."
