/// Figures of searches (`tpe`, `sobol`, and sweeps whose hopeless runs were pruned): the best result so far, the settings that matter, and
/// all trials in parallel coordinates. A trial is a group of runs: one setting on its seeds.
module Ebm.Analysis.Searching

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open MathNet.Numerics.Distributions
open Ebm.Records
open Ebm.Analysis.Cast
open Ebm.Analysis.Figure

type private Trial = {
    Member: Member
    /// The median over its completed runs; None if none completed.
    Value: float option
    /// Of a pruned trial: the last measurement before its end.
    Last: float option
    /// The units of all its runs.
    Units: float
}

/// The fewest trials with a value.
let private fewest = 5

/// Whether a plan asked for a search, or runs were pruned.
let isSearch (cast: Cast) =
    let asks = Regex @"\b(tpe|sobol)\("

    cast.Plans |> List.exists (fun plan -> plan.Overrides |> List.exists (List.exists asks.IsMatch))
    || cast.Members |> List.exists (fun one -> one.Row.Runs |> List.exists (fun run -> run.State = RunState.Pruned))

let private last (cast: Cast) metric (folder: RunFolder) =
    match (cast.Recordings.Measures folder).TryGetValue metric with
    | true, values -> values |> Seq.map (fun (struct (_, value)) -> value) |> Seq.filter Double.IsFinite |> Seq.tryLast
    | _ -> None

/// The trials of a target, in the order in which they were planned.
let private trials (cast: Cast) metric target =
    let order = Dictionary<string, int>(StringComparer.Ordinal)

    for plan in cast.Plans do
        for run in plan.Runs do
            order.TryAdd(run, order.Count) |> ignore

    let first (one: Member) =
        one.Row.Runs
        |> List.map (fun run ->
            match order.TryGetValue run.Id with
            | true, at -> at
            | _ -> Int32.MaxValue)
        |> List.min

    cast.Members
    |> List.filter (fun one -> one.Target = target)
    |> List.sortBy first
    |> List.map (fun one ->
        let values = Comparing.values metric one.Row |> List.map snd

        {
            Member = one
            Value = if values.IsEmpty then None else Some(MathNet.Numerics.Statistics.Statistics.Median values)
            Last = one.Begun |> List.filter (fun (run, _) -> run.State = RunState.Pruned) |> List.tryPick (snd >> last cast metric)
            Units = one.Row.Runs |> List.choose _.TrainUnits |> List.sumBy float
        })

// ── history ─────────────────────────────────────────────────────────────────────────────────

/// The best value so far, as the corners of stairs.
let private stairs (better: Direction) (points: (float * float) list) until =
    let best =
        (([]: (float * float) list), points)
        ||> List.fold (fun best (x, value) ->
            match best with
            | (_, before) :: _ when better.Cost value >= better.Cost before -> best
            | _ -> (x, value) :: best)
        |> List.rev

    match best with
    | [] -> []
    | first :: _ ->
        first
        :: [
            for (_, before), (x, value) in List.pairwise best do
                x, before
                x, value
        ]
        @ [ until, snd (List.last best) ]

/// Every trial, and the best so far, against the number of trials and against the units spent on them.
let history (cast: Cast) =
    let panels = [
        for metric in List.truncate 1 cast.Judged do
            for target in cast.Targets do
                let trials = trials cast metric target
                let valued = trials |> List.filter _.Value.IsSome

                if valued.Length >= fewest then
                    let about = valued.Head.Member.Row.Cells[metric].Metric
                    let numbers = [ 1.0 .. float trials.Length ]
                    let spent = trials |> List.scan (fun sum trial -> sum + trial.Units) 0.0 |> List.tail
                    let costs = trials |> List.map _.Units
                    let y = fitting "" 4 (trials |> List.collect (fun trial -> Option.toList trial.Value @ Option.toList trial.Last))

                    let panel title (x: float list) = {
                        Title = metric
                        Subtitle = Comparing.about about
                        Tags = []
                        X = over title 5 (0.0 :: x)
                        Y = y
                        Marks = [
                            let at pick = [
                                for i, (x, trial) in List.indexed (List.zip x trials) do
                                    match pick trial with
                                    | Some value -> i, x, value, trial
                                    | None -> ()
                            ]

                            let points = at _.Value
                            Line(
                                Strong,
                                false,
                                "the best so far",
                                stairs about.Better [ for _, x, value, _ in points -> x, value ] (List.last x)
                            )

                            Dots(
                                Series 0,
                                true,
                                [
                                    for i, x, value, trial in points ->
                                        { X = x; Y = value; Says = $"trial {i + 1}, {trial.Member.Series}: {rounded 3 value}" }
                                ]
                            )

                            Dots(
                                Series 3,
                                true,
                                [
                                    for i, x, value, trial in at (fun trial -> if trial.Value.IsNone then trial.Last else None) ->
                                        { X = x; Y = value; Says = $"trial {i + 1}, {trial.Member.Series}: pruned at {rounded 3 value}" }
                                ]
                            )
                        ]
                        Size = 330, 190
                    }

                    target, panel "trials" numbers

                    // Trials of equal cost would give the same picture again.
                    if List.min costs > 0.0 && List.max costs > 1.02 * List.min costs then
                        target, panel "units of training, all trials" spent
    ]

    let isPruned = cast.Members |> List.exists (fun one -> one.Row.Runs |> List.exists (fun run -> run.State = RunState.Pruned))
    let twice = panels.Length > (panels |> List.distinctBy fst).Length

    figure
        "history"
        "History of the search"
        ("Each trial's median over its completed seeds, in the order of the plans, and the best so far. "
         + (if twice then "" else "All trials cost about the same, so against units the picture would be the same. ")
         + "The best of many trials is chosen for its value, so it looks better than it is; the verb confirm runs it again on other seeds.")
        [ Streak(Strong, "best so far"); Symbol(Series 0, "trial"); if isPruned then Symbol(Series 3, "pruned: its last measurement") ]
        panels

// ── importance ──────────────────────────────────────────────────────────────────────────────

/// Ranks from 0; equal values share their mean rank.
let private ranks (values: float[]) =
    let places = values |> Array.sort |> Array.indexed |> Array.groupBy snd
    let rank = dict [ for value, equal in places -> value, equal |> Array.averageBy (fst >> float) ]
    values |> Array.map (fun value -> rank[value])

/// The share of the variance of the values' ranks that lies between groups, without the share that chance gives k groups: the epsilon-squared
/// of Kruskal and Wallis's test. `distinct` is the number of different trials among the values. NaN if it is not above k.
let shareOf (distinct: int) (groups: int[]) (values: float[]) =
    let ranks = ranks values
    let centre = Array.average ranks
    let squares = ranks |> Array.sumBy (fun rank -> (rank - centre) * (rank - centre))
    let parts = Array.zip groups ranks |> Array.groupBy fst

    let between =
        parts
        |> Array.sumBy (fun (_, part) -> let mean = part |> Array.averageBy snd in float part.Length * (mean - centre) * (mean - centre))

    if distinct <= parts.Length || squares = 0.0 then
        nan
    else
        1.0 - (1.0 - between / squares) * float (distinct - 1) / float (distinct - parts.Length)

/// The groups of a setting's values: each value, or for numbers of more than four values three groups of about equal size, four from 24
/// trials on.
let groupsOf (labels: string[]) : int[] =
    let different = Array.distinct labels

    match labels |> Array.map Comparing.asNumber with
    | numbers when different.Length > 4 && numbers |> Array.forall Option.isSome ->
        let numbers = numbers |> Array.map Option.get
        let sorted = Array.sort numbers
        let count = if numbers.Length >= 24 then 4 else 3
        numbers |> Array.map (fun number -> Array.findIndex ((=) number) sorted * count / numbers.Length)
    | _ -> labels |> Array.map (fun label -> Array.findIndex ((=) label) different)

/// The share that a setting without any effect exceeds in 5 % of searches of n trials in k groups, by Kruskal and Wallis's χ² distribution.
let chanceOf n k =
    let between = ChiSquared.InvCDF(float (k - 1), 0.95) / float (n - 1)
    1.0 - (1.0 - between) * float (n - 1) / float (n - k)

type Importance = {
    Key: string
    Share: float
    /// The 95 % percentile interval over resampled trials.
    Low: float
    High: float
    /// What the share of a setting without any effect exceeds in 5 % of searches.
    Chance: float
}

let private resamples = 999

/// A setting's importance; None with too few trials or one group.
let importance (generator: Generator) key (labels: string[]) (values: float[]) : Importance option =
    let groups = groupsOf labels
    let n, k = values.Length, (Array.distinct groups).Length
    let share = if k < 2 then nan else shareOf n groups values

    if Double.IsNaN share || n < k + 3 then
        None
    else
        let resampled =
            [|
                for _ in 1..resamples do
                    let chosen = Array.init n (fun _ -> generator.Below n)
                    // Copies of a trial are no evidence, so only different trials count.
                    shareOf
                        (Array.distinct chosen).Length
                        (chosen |> Array.map (fun i -> groups[i]))
                        (chosen |> Array.map (fun i -> values[i]))
            |]
            |> Array.filter (Double.IsNaN >> not)
            |> Array.sort

        let at share = if resampled.Length = 0 then nan else resampled[int (Math.Round(share * float (resampled.Length - 1)))]

        Some {
            Key = key
            Share = Math.Clamp(share, 0.0, 1.0)
            Low = Math.Clamp(at 0.025, 0.0, 1.0)
            High = Math.Clamp(at 0.975, 0.0, 1.0)
            Chance = chanceOf n k
        }

/// The fewest trials for the importance of settings.
let private enough = 8

/// How much of the trials' results each setting alone explains.
let importances (cast: Cast) =
    let panels = [
        for metric in List.truncate 1 cast.Judged do
            for target in cast.Targets do
                let trials = trials cast metric target |> List.filter _.Value.IsSome

                let found =
                    [
                        for i, key in List.indexed cast.Table.Varying do
                            let having = trials |> List.filter (fun trial -> trial.Member.Row.Labels[i] <> "") |> Array.ofList
                            let labels = having |> Array.map (fun trial -> trial.Member.Row.Labels[i])

                            if having.Length >= enough && (Array.distinct labels).Length > 1 then
                                let generator = Generator.Of(cast.Table.Hash, $"importance {target} {key}")
                                yield! importance generator (heading key) labels (having |> Array.map _.Value.Value) |> Option.toList
                    ]
                    |> List.sortBy (fun one -> -one.Share)
                    |> List.truncate 20

                if not found.IsEmpty then
                    target,
                    {
                        Title = metric
                        Subtitle = Text.counted trials.Length "trial"
                        Tags = []
                        X = between "share of the variance of ranks" 5 -0.02 1.02
                        Y = Figure.names "" true (found |> List.map _.Key)
                        Marks = [
                            for i, one in List.indexed found do
                                let at x says = { X = x; Y = float i; Says = says }

                                if Double.IsFinite(one.Low + one.High) then
                                    let says = $"{one.Key}: 95 %% interval {rounded 2 one.Low} to {rounded 2 one.High}"
                                    Stroke(Series 0, at one.Low says, at one.High says)

                                let chance = Math.Clamp(one.Chance, 0.0, 1.0)
                                Rule(Strong, true, [ chance, float i - 0.36; chance, float i + 0.36 ])
                                Dots(Series 0, false, [ at one.Share $"{one.Key}: {rounded 2 one.Share}" ])
                        ]
                        Size = 400, max 44 (26 * found.Length)
                    }
    ]

    figure
        "importance"
        "Settings that matter"
        ("The share of the variance of the trials' ranks that lies between groups of one setting's values, less what chance gives as many "
         + "groups (epsilon-squared of Kruskal and Wallis's test): a number is divided into three groups, or four from 24 trials on. Bars "
         + "are 95 % percentile intervals over resampled trials; only right of the dotted line is a share distinguishable from none. Each "
         + "setting is seen alone, so interactions are missed. A search that follows its results tries good settings more often, and two "
         + "settings that it moved together share one effect: the shares describe these trials, not other ranges.")
        [ Dashed(Strong, true, "a setting without effect stays below in 95 % of searches") ]
        panels

// ── parallel coordinates ────────────────────────────────────────────────────────────────────

/// Each group is a line through its settings to the metric, coloured by its rank; yellow is best. The axes are below each other.
let parallels (cast: Cast) =
    match cast.Judged, cast.Table.Varying with
    | metric :: _, keys when keys.Length > 1 && cast.Members.Length > 2 ->
        let values (i: int) = cast.Members |> List.map (fun one -> one.Row.Labels[i]) |> List.distinct |> List.sortWith Varying.inOrder
        let keys = keys |> List.indexed |> List.filter (fun (i, _) -> (values i).Length > 1) |> List.truncate 7

        // Each axis is scaled to 0 … 1: numbers by size, names by order.
        let scaled (i: int) =
            let values = values i
            let numbers = values |> List.map Comparing.asNumber
            let isNumber = values.Length > 2 && numbers |> List.forall Option.isSome

            if isNumber then
                let axis = fitting "" 4 (numbers |> List.choose id)
                let at text = place axis (Option.get (Comparing.asNumber text))
                at,
                (if values.Length <= 5 then
                     [ for value in values -> at value, value ]
                 else
                     [ for at, says in axis.Ticks -> place axis at, says ])
            else
                let at value = (float (List.findIndex ((=) value) values) + 0.5) / float values.Length
                let every = max 1 (values.Length / 12)

                at,
                [
                    for i, value in List.indexed values do
                        if i % every = 0 then at value, value
                ]

        let medians = [
            for one in cast.Members do
                match one.Row.Cells.TryFind metric with
                | Some cell when cell.Withheld.IsNone && Double.IsFinite cell.Summary.Median -> one, cell.Summary.Median
                | _ -> ()
        ]

        if medians.Length < 3 || keys.Length < 2 then
            []
        else
            let about = (fst medians.Head).Row.Cells[metric].Metric
            let axis = fitting "" 4 (medians |> List.map snd)
            // The best values are on the right.
            let quality value = if about.Better = Direction.Higher then place axis value else 1.0 - place axis value
            let axes = keys |> List.map (fun (i, key) -> key, i, scaled i)
            let last = float axes.Length
            let places = medians |> List.map snd |> List.sort |> List.toArray

            let lines = [
                for one, value in List.truncate 400 (medians |> List.sortBy (snd >> quality)) do
                    let points = [
                        for y, (_, i, (at, _)) in List.indexed axes do
                            at one.Row.Labels[i], float y
                        quality value, last
                    ]

                    let rank = float (Array.findIndex ((=) value) places) / float (max 1 (places.Length - 1))

                    Line(
                        Shade(if about.Better = Direction.Higher then rank else 1.0 - rank),
                        false,
                        $"{one.Target}, {one.Series}: {rounded 3 value}",
                        points
                    )
            ]

            let rows = [ for _, _, (_, ticks) in axes -> ticks ] @ [ [ for at, says in axis.Ticks -> quality at, says ] ]

            [
                {
                    Id = "parallel"
                    Title = "Settings and results of all groups"
                    Caption =
                        $"Each line is a group of runs, from its settings at the top to its median {metric} at the bottom, with the best on "
                        + "the right; brighter lines have a better rank. Numbers are spaced by size, names evenly."
                    Keys = [ Ramp("worst", "best") ]
                    Rows = [
                        {
                            Heading = ""
                            Panels = [
                                {
                                    Title = ""
                                    Subtitle = ""
                                    Tags = []
                                    X = bare -0.1 1.1
                                    Y = {
                                        Figure.names "" true ([ for key, _, _ in axes -> heading key ] @ [ metric ]) with
                                            Low = last + 0.5
                                            High = -0.3
                                    }
                                    Marks = [
                                        for y in 0 .. axes.Length do
                                            Line(Muted, false, "", [ 0.0, float y; 1.0, float y ])
                                        yield! lines
                                        for y, ticks in List.indexed rows do
                                            for at, says in ticks do
                                                Words(Strong, { X = at; Y = float y + 0.24; Says = says })
                                    ]
                                    Size = 600, 62 * (axes.Length + 1)
                                }
                            ]
                        }
                    ]
                }
            ]
    | _ -> []

/// All figures of a search.
let figures (cast: Cast) = if isSearch cast then history cast @ importances cast @ parallels cast else []
