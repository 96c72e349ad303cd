/// Figures of final values: each seed with its group's mean and interval, the effect of settings, and quality against cost.
module Ebm.Analysis.Comparing

open System
open System.Globalization
open Ebm.Records
open Ebm.Analysis.Cast
open Ebm.Analysis.Figure
open Ebm.Analysis.Table

/// The most metrics that a figure has panels for.
let private panelled = 6

/// Which direction is better, in words.
let direction (better: Direction) = if better = Direction.None then "" else $"{better.Word()} is better"

/// A metric's unit, and which direction is better.
let about (metric: Runs.Metric) = [ metric.Unit; direction metric.Better ] |> List.filter ((<>) "") |> String.concat ", "

let private completed (row: Table.Row) = row.Runs |> List.filter (fun run -> run.State = RunState.Completed)

/// Finite values of a metric among a row's completed runs.
let values name (row: Table.Row) = [
    for run in completed row do
        match run.Metrics.TryFind name with
        | Some metric when Double.IsFinite metric.Value -> run, metric.Value
        | _ -> ()
]

/// Suffixes of the metrics that a metric is compared with, if its runs have measured them.
let private references = [ "gaussian", "a Gaussian with the data's moments"; "floor", "real data against real data" ]

/// Every seed as a point, with the mean of its group and its interval; a panel for each metric, a row for each group.
let strips (cast: Cast) =
    let most = 60
    let mutable compared = Set.empty
    let mutable isCut = false

    let panels = [
        for target in cast.Targets do
            let here = cast.Members |> List.filter (fun one -> one.Target = target)

            for name in List.truncate panelled cast.Judged do
                let having = here |> List.filter (fun one -> not (values name one.Row).IsEmpty) |> List.truncate most

                if not having.IsEmpty then
                    let metric = having |> List.pick (fun one -> one.Row.Cells.TryFind name) |> _.Metric

                    let baselines = [
                        for suffix, _ in references do
                            for i, one in List.indexed having do
                                match values $"{name}/{suffix}" one.Row with
                                | [] -> ()
                                | found -> suffix, i, found |> List.averageBy snd
                    ]

                    let own = having |> List.collect (fun one -> values name one.Row |> List.map snd)
                    let widest = List.max (List.map abs own)
                    // The interval of three seeds may be so wide that on its scale the points could not be told apart.
                    let room = 1.5 * max (List.max own - List.min own) (0.1 * widest)

                    let ends = [
                        for one in having do
                            match one.Row.Cells.TryFind name with
                            | Some cell when cell.Withheld.IsNone ->
                                let low, high, _ = bounds cell.Summary

                                for bound in [ low; high ] do
                                    if
                                        bound > List.min own - room && bound < List.max own + room && (bound > 0.0 || List.min own <= 0.0)
                                    then
                                        bound
                            | _ -> ()
                    ]
                    // On a linear axis, a baseline far away would leave little room for the other values.
                    let logarithmic = (fitting "" 4 (own @ [ for _, _, value in baselines -> value ])).Scale = Log
                    let baselines = baselines |> List.filter (fun (_, _, value) -> logarithmic || abs value <= 1.6 * widest)
                    compared <- compared + Set.ofList [ for suffix, _, _ in baselines -> suffix ]

                    let x = fitting "" 5 (own @ ends @ [ for _, _, value in baselines -> value ])

                    for one in having do
                        match one.Row.Cells.TryFind name with
                        | Some cell when cell.Withheld.IsNone ->
                            let low, high, _ = bounds cell.Summary
                            isCut <- isCut || outside x low || outside x high
                        | _ -> ()

                    target,
                    {
                        Title = name
                        Subtitle = about metric
                        Tags = []
                        X = x
                        Y = Figure.names "" true (having |> List.map _.Series)
                        Marks = [
                            for suffix, i, value in baselines do
                                Rule(Muted, (suffix = "floor"), [ value, float i - 0.36; value, float i + 0.36 ])
                            for i, one in List.indexed having do
                                match one.Row.Cells.TryFind name with
                                | Some cell when cell.Withheld.IsNone ->
                                    let low, high, how = bounds cell.Summary
                                    // A logarithmic axis has no position for values below zero, so the bar ends at its left border.
                                    let place bound = {
                                        X = (if x.Scale = Log && bound <= 0.0 then x.Low else bound)
                                        Y = float i
                                        Says = $"{one.Series}: 95 %% interval ({how}) {rounded 3 low} to {rounded 3 high}"
                                    }
                                    if Double.IsFinite low && Double.IsFinite high then Stroke(one.Ink, place low, place high)
                                | _ -> ()

                                Dots(
                                    one.Ink,
                                    true,
                                    [
                                        for run, value in values name one.Row ->
                                            { X = value; Y = float i; Says = $"{one.Series}, seed {run.Seed}: {rounded 3 value}" }
                                    ]
                                )

                                match one.Row.Cells.TryFind name with
                                | Some cell when cell.Withheld.IsNone && cell.Values.Length > 2 ->
                                    let mean = cell.Summary.Centre
                                    Dots(one.Ink, false, [ { X = mean; Y = float i; Says = $"{one.Series}: mean {rounded 3 mean}" } ])
                                | _ -> ()
                        ]
                        Size = 400, max 44 (22 * having.Length)
                    }
    ]

    figure
        "seeds"
        "Seeds, means and intervals"
        ("Open symbols are single runs, the filled symbol is their mean, and the bar its 95 % interval from three seeds on "
         + "(Student's t, of the logarithm if the metric's scale is logarithmic). Only completed runs have a value."
         + (if isCut then " A bar that reaches far beyond the runs is cut off at the border; a mean never is." else ""))
        [
            for suffix, says in references do
                if compared.Contains suffix then Dashed(Muted, (suffix = "floor"), says)
        ]
        panels

/// Quality against the cost of training and of drawing samples, in units of one row through one gradient. No other group is both cheaper and
/// better than one on the front.
let fronts (cast: Cast) =
    let costs: (string * (Runs.Run -> int64 option)) list = [ "training", _.TrainUnits; "drawing samples", _.SampleUnits ]

    let panels = [
        for target in cast.Targets do
            let here = cast.Members |> List.filter (fun one -> one.Target = target)

            for name in List.truncate 1 cast.Judged do
                for says, cost in costs do
                    let points = [
                        for one in here do
                            match
                                [
                                    for run, value in values name one.Row do
                                        match cost run with
                                        | Some units -> run, float units, value
                                        | None -> ()
                                ]
                            with
                            | [] -> ()
                            | runs ->
                                let middle (of': (Runs.Run * float * float) -> float) =
                                    MathNet.Numerics.Statistics.Statistics.Median(Seq.map of' runs)
                                one, runs, middle (fun (_, units, _) -> units), middle (fun (_, _, value) -> value)
                    ]

                    let spread = points |> List.map (fun (_, _, units, _) -> units) |> List.distinct

                    // Without a difference in cost there is no trade-off to show.
                    if points.Length > 1 && spread.Length > 1 && List.max spread > 1.02 * List.min spread then
                        let metric = (List.head points |> fun (one, _, _, _) -> one.Row.Cells[name]).Metric
                        let cost = metric.Better.Cost

                        let front =
                            (([], None), points |> List.sortBy (fun (_, _, units, value) -> units, cost value))
                            ||> List.fold (fun (front, best) (_, _, units, value) ->
                                match best with
                                | Some best when cost value >= cost best -> front, Some best
                                | _ -> (units, value) :: front, Some value)
                            |> fst
                            |> List.rev

                        let all = points |> List.collect (fun (_, runs, _, _) -> runs)
                        let units = all |> List.map (fun (_, units, _) -> units)
                        let x = fitting $"units of {says}" 4 units
                        let worst = all |> List.map (fun (_, _, value) -> value) |> List.maxBy cost

                        let stairs =
                            [ fst front.Head, worst ]
                            @ (List.pairwise front |> List.collect (fun ((a, v), (b, _)) -> [ a, v; b, v ]))
                            @ [ List.last front; List.max units, snd (List.last front) ]

                        target,
                        {
                            Title = name
                            Subtitle = about metric
                            Tags = []
                            X = x
                            Y = fitting "" 4 (all |> List.map (fun (_, _, value) -> value))
                            Marks = [
                                Rule(Muted, false, stairs)
                                for one, runs, units, value in points do
                                    Dots(
                                        one.Ink,
                                        true,
                                        [
                                            for run, units, value in runs ->
                                                { X = units; Y = value; Says = $"{one.Series}, seed {run.Seed}" }
                                        ]
                                    )
                                for one, _, units, value in points do
                                    Dots(
                                        one.Ink,
                                        false,
                                        [ { X = units; Y = value; Says = $"{one.Series}: {rounded 3 value} for {rounded 3 units} units" } ]
                                    )
                            ]
                            Size = 330, 190
                        }
    ]

    figure
        "fronts"
        "Quality against cost"
        ("Medians of groups (filled) and single runs (open) against their cost, in units of one row through one gradient of an "
         + "energy or network. The dashed line is the front: no other group is both cheaper and better than one on it.")
        [ for name, ink in cast.Series -> Symbol(ink, name) ]
        panels

/// A setting as a number.
let asNumber (text: string) =
    match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
    | true, value when Double.IsFinite value -> Some value
    | _ -> None

/// Settings with several values that are numbers in all runs.
let numeric (cast: Cast) = [
    for i, key in List.indexed cast.Table.Varying do
        let values = cast.Members |> List.map (fun one -> one.Row.Labels[i]) |> List.filter ((<>) "")

        match values |> List.map asNumber with
        | [] -> ()
        | numbers when numbers |> List.forall Option.isSome && (List.distinct numbers).Length > 1 -> i, key
        | _ -> ()
]

/// A metric against each numeric setting that varies, over all values of the other numeric settings; each name that varies, such as the
/// method, has a line.
let sensitivities (cast: Cast) =
    let numeric = numeric cast
    let isNumber i = numeric |> List.exists (fst >> (=) i)
    let dataKey (key: string) = key = "data" || key.StartsWith("data.", StringComparison.Ordinal)

    let named (one: Member) =
        List.zip cast.Table.Varying one.Row.Labels
        |> List.indexed
        |> List.filter (fun (i, (key, value)) -> not (isNumber i || dataKey key || value = ""))
        |> List.map (fun (_, (_, value)) -> value)
        |> String.concat " · "

    let lines = cast.Members |> List.map named |> List.distinct |> List.truncate 8
    let generator = Generator.Of(cast.Table.Hash, "sensitivity")

    let panels = [
        for target in cast.Targets do
            let here = cast.Members |> List.filter (fun one -> one.Target = target)

            for name in List.truncate 2 cast.Judged do
                for i, key in List.truncate 8 numeric do
                    let points =
                        lines
                        |> List.mapi (fun line of' ->
                            Series line,
                            [
                                for one in here do
                                    match asNumber one.Row.Labels[i] with
                                    | Some x when named one = of' ->
                                        for run, value in values name one.Row do
                                            x, value, $"{one.Series}, seed {run.Seed}: {rounded 3 value}"
                                    | _ -> ()
                            ])
                        |> List.filter (snd >> List.isEmpty >> not)

                    let all = points |> List.collect snd

                    if (all |> List.distinctBy (fun (x, _, _) -> x)).Length > 1 then
                        let metric = here |> List.pick (fun one -> one.Row.Cells.TryFind name) |> _.Metric
                        let y = fitting "" 4 (all |> List.map (fun (_, value, _) -> value))

                        target,
                        {
                            Title = name
                            Subtitle = about metric
                            Tags = []
                            X = fitting key 4 (all |> List.map (fun (x, _, _) -> x))
                            Y = y
                            Marks = [
                                for ink, points in points do
                                    let at =
                                        points
                                        |> List.groupBy (fun (x, _, _) -> x)
                                        |> List.sortBy fst
                                        |> List.map (fun (x, here) ->
                                            let values = here |> List.map (fun (_, value, _) -> value)
                                            x, Statistics.summarise generator (metric.Scale = "log") values)

                                    match
                                        [
                                            for x, summary in at do
                                                match bounds summary with
                                                | low, high, _ when Double.IsFinite low && Double.IsFinite high ->
                                                    x, inside y low, inside y high
                                                | _ -> ()
                                        ]
                                    with
                                    | [] -> ()
                                    | band -> Band(ink, band)

                                    if all.Length <= 400 then
                                        Dots(ink, true, [ for x, value, says in points -> { X = x; Y = value; Says = says } ])
                                    else
                                        Cloud(ink, [ for x, value, _ in points -> x, value ])

                                    // If nearly every run has a value of its own, a line would join single runs.
                                    if points.Length >= 2 * at.Length then
                                        Line(ink, false, "", [ for x, summary in at -> x, summary.Centre ])
                            ]
                            Size = 250, 160
                        }
    ]

    figure
        "sensitivity"
        "Effect of settings"
        ("Every completed run by one setting at a time, over all values of the other numeric settings. Where values have several runs, the "
         + "line is their mean and the band its 95 % interval from three runs on, cut off at the border of the panel.")
        [
            if lines.Length > 1 then
                for i, name in List.indexed lines do
                    Streak(Series i, name)
        ]
        panels

/// How runs ended: a bar for each group in which not all runs completed.
let outcomes (cast: Cast) =
    let ends = [
        RunState.Completed, Muted
        RunState.Diverged, Series 1
        RunState.Failed, Series 4
        RunState.Timeout, Series 6
        RunState.Pruned, Series 5
    ]

    let all = cast.Members |> List.collect _.Row.Runs |> List.map _.State

    if all |> List.forall ((=) RunState.Completed) then
        []
    else
        let kind state = if ends |> List.exists (fst >> (=) state) then Kebab.Of state else "unfinished"
        let states =
            [ for state, ink in ends -> Kebab.Of state, ink ] @ [ "unfinished", Series 2 ]
            |> List.filter (fun (state, _) -> all |> List.exists (fun other -> kind other = state))
        // If all runs completed, the figure is left out.
        let ill (one: Member) = one.Row.Runs |> List.exists (fun run -> run.State <> RunState.Completed)
        let groups = cast.Members |> List.filter ill |> List.truncate 40
        let several = cast.Targets.Length > 1

        [
            {
                Id = "outcomes"
                Title = "How runs ended"
                Caption =
                    "Final states of runs, for groups in which not all completed. Divergence is a result; only completed runs "
                    + "enter a mean."
                Keys = [ for state, ink in states -> Patch(ink, state) ]
                Rows = [
                    {
                        Heading = ""
                        Panels = [
                            {
                                Title = ""
                                Subtitle = ""
                                Tags = []
                                X = between "runs" 5 0.0 (groups |> List.map (fun one -> float one.Row.Runs.Length) |> List.max)
                                Y =
                                    Figure.names "" true [
                                        for one in groups -> if several then $"{one.Target} · {one.Series}" else one.Series
                                    ]
                                Marks = [
                                    for state, ink in states do
                                        Boxes(
                                            ink,
                                            [
                                                for i, one in List.indexed groups do
                                                    let count state =
                                                        one.Row.Runs |> List.filter (fun run -> kind run.State = state) |> List.length
                                                    let before = states |> List.takeWhile (fst >> (<>) state) |> List.sumBy (fst >> count)

                                                    if count state > 0 then
                                                        float before,
                                                        float (before + count state),
                                                        float i - 0.32,
                                                        float i + 0.32,
                                                        $"{one.Series}: {count state} {state}"
                                            ]
                                        )
                                ]
                                Size = 420, max 44 (20 * groups.Length)
                            }
                        ]
                    }
                ]
            }
        ]
