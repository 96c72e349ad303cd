/// Quantities that were recorded during training, against the units spent: single seeds, their mean, and from three seeds on Student's 95 %
/// interval of the mean at each point.
module Ebm.Analysis.Training

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Analysis.Cast
open Ebm.Analysis.Figure
open Ebm.Analysis.Recordings

/// The most seeds whose curves are read, to limit the time.
let private seedsRead = 12

let private recorded = "units"

/// The units at a step, on straight lines between records and from zero; steps themselves if the run recorded no units.
let private clock (events: Record) : int64 -> float =
    match events.TryGetValue recorded with
    | true, values ->
        let steps = [|
            0L
            for struct (step, _) in values do
                step
        |]
        let units = [|
            0.0
            for struct (_, units) in values do
                units
        |]

        fun step ->
            let found = Array.BinarySearch(steps, step)

            if found >= 0 then
                units[found]
            else
                // After the last record, the line of the last two goes on.
                let above = Math.Clamp(~~~found, 1, steps.Length - 1)
                let slope = (units[above] - units[above - 1]) / float (steps[above] - steps[above - 1])
                units[above - 1] + slope * float (step - steps[above - 1])
    | _ -> float

let private inUnits (events: Record) = events.ContainsKey recorded

/// The name of a vector or matrix, without the indices of the entry.
let private stem (what: string) = what.TrimEnd([| '0'; '1'; '2'; '3'; '4'; '5'; '6'; '7'; '8'; '9'; '/' |])

/// The mean over a vector's entries at each step.
let private averaged (series: seq<List<struct (int64 * float)>>) =
    let sums = SortedDictionary<int64, struct (float * int)>()

    for values in series do
        for struct (step, value) in values do
            match sums.TryGetValue step with
            | true, struct (sum, n) -> sums[step] <- struct (sum + value, n + 1)
            | _ -> sums[step] <- struct (value, 1)

    [ for KeyValue(step, struct (sum, n)) in sums -> step, sum / float n ]

type private Curves = {
    /// The points of each completed run, a seed each.
    Seeds: (float * float) list list
    /// The points of runs that are not completed, which are in no mean.
    Partial: (float * float) list list
    /// The summary of all seeds at equal units.
    Means: (float * Statistics.Summary) list
}

/// The value of a curve between its points, on a straight line.
let private valueAt (xs: float[], ys: float[]) x =
    let found = Array.BinarySearch(xs, x)

    if found >= 0 then
        ys[found]
    else
        let above = Math.Clamp(~~~found, 1, xs.Length - 1)
        ys[above - 1] + (ys[above] - ys[above - 1]) * (x - xs[above - 1]) / (xs[above] - xs[above - 1])

/// The most points of a mean.
let private pointsDrawn = 200

/// Seeds measured at different units are compared on straight lines between their points, over the units that all of them reached: a mean
/// over other seeds at each point would jump. With `log`, summaries are of logarithms.
let private together log (seeds: (float * float) list list) (partial: (float * float) list list) : Curves =
    let long = seeds |> List.filter (fun curve -> curve.Length > 1) |> List.map (List.distinctBy fst >> Array.ofList >> Array.unzip)

    let means =
        if long.IsEmpty then
            []
        else
            let first, last = long |> List.map (fst >> Array.head) |> List.max, long |> List.map (fst >> Array.last) |> List.min
            let all =
                [
                    for xs, _ in long do
                        yield! xs
                ]
                |> List.distinct
                |> List.sort
                |> List.filter (fun x -> x >= first && x <= last)
            let every = 1 + all.Length / pointsDrawn

            [
                for i, x in List.indexed all do
                    if i % every = 0 || i = all.Length - 1 then
                        x, Statistics.summarise (Generator 0UL) log [ for curve in long -> valueAt curve x ]
            ]

    { Seeds = seeds; Partial = partial; Means = means }

let private means (curves: Curves) = [ for _, summary in curves.Means -> summary.Centre ]

let private bands (curves: Curves) = [
    if curves.Seeds.Length >= 3 then
        for x, summary in curves.Means do
            match Table.bounds summary with
            | low, high, _ when Double.IsFinite low && Double.IsFinite high -> x, low, high
            | _ -> ()
]

/// The points of all runs.
let private points (curves: Curves) = List.concat (curves.Seeds @ curves.Partial)

/// Each seed faint, their mean, and from three seeds on its interval. A run measured once is a symbol.
let private marks ink says (y: Axis) (curves: Curves) = [
    match bands curves with
    | [] -> ()
    // A logarithmic axis has no place for bounds below zero.
    | band -> Band(ink, [ for x, low, high in band -> x, inside y low, inside y high ])

    let isFaint = not curves.Means.IsEmpty

    for curve in curves.Seeds @ curves.Partial do
        match curve with
        | [ x, value ] -> Dots(ink, true, [ { X = x; Y = value; Says = $"{says}: {rounded 3 value}" } ])
        // The line of a single seed is its mean.
        | _ when isFaint && curves.Seeds.Length = 1 && curve = curves.Seeds.Head -> ()
        | _ -> Line(ink, true, (if isFaint then "" else says), curve)

    if isFaint then Line(ink, false, says, curves.Means |> List.map (fun (x, summary) -> x, summary.Centre))
]

/// Whether an axis cuts off part of a band or of a single seed.
let private cuts (y: Axis) (curves: Curves list) =
    curves
    |> List.exists (fun curves ->
        bands curves |> List.exists (fun (_, low, high) -> outside y low || outside y high)
        || points curves |> List.exists (snd >> outside y))

let private cutOff = " Bands and single runs that leave a panel are cut off there; means are not."

/// The range of the values without the most extreme 2 % at each end, extended to all means.
let private calm (means: float list) (values: float list) =
    match values |> List.filter Double.IsFinite |> List.sort with
    | [] -> means
    | sorted ->
        let at share = sorted[int (Math.Round(share * float (sorted.Length - 1)))]
        let low, high = at 0.02, at 0.98
        let room = (high - low) * 0.12
        max sorted.Head (low - room) :: min (List.last sorted) (high + room) :: means

/// The title of the axis of training.
let private spent (events: Record seq) = if Seq.exists inUnits events then "training units" else "training steps"

/// A run's values of a part, averaged over the entries of a vector, against its units; none if they are fewer than two.
let private curve (whats: string list) (record: Record) =
    let units = clock record

    match
        averaged [
            for what in whats do
                if record.ContainsKey what then record[what]
        ]
    with
    | []
    | [ _ ] -> None
    | values -> Some [ for step, value in values -> units step, value ]

/// A recorded quantity, such as gap: a panel for each group, a line for each part that recorded it.
let private watched (cast: Cast) (events: RunFolder -> Record) id name title caption (range: (float * float) option) =
    let mutable isCut = false

    let panels = [
        for one in shown cast do
            let read runs = runs |> List.truncate seedsRead |> List.map (fun (_: Runs.Run, folder) -> events folder)
            let completed, begun = read one.Folders, read one.Begun

            let whats =
                completed @ begun
                |> List.collect (fun record -> [ for what in record.Keys -> what ])
                |> List.filter (fun what ->
                    let parts = (stem what).Split '/'
                    parts.Length = 2 && parts[1] = name)
                |> List.distinct

            let parts = whats |> List.map (fun what -> (stem what).Split('/')[0]) |> List.distinct

            let found = [
                for i, part in List.indexed parts do
                    let mine = whats |> List.filter (fun what -> (stem what).Split('/')[0] = part)
                    let curves = together false (List.choose (curve mine) completed) (List.choose (curve mine) begun)
                    if not (points curves).IsEmpty then i, part, curves
            ]

            if not found.IsEmpty then
                let all = found |> List.collect (fun (_, _, curves) -> points curves)
                let seeds = found |> List.collect (fun (_, _, curves) -> List.concat curves.Seeds)

                let y =
                    match range with
                    | Some(low, high) -> between "" 4 low high
                    | None ->
                        // A run that diverges would flatten the others.
                        over
                            ""
                            4
                            (calm
                                (found |> List.collect (fun (_, _, curves) -> means curves))
                                (List.map snd (if seeds.IsEmpty then all else seeds)))

                isCut <- isCut || cuts y [ for _, _, curves in found -> curves ]
                let ink i = if parts.Length = 1 then one.Ink else Series i

                one.Target,
                {
                    Title = one.Series
                    Subtitle = ""
                    Tags = (if parts.Length = 1 then [] else parts |> List.mapi (fun i part -> Series i, part))
                    X = over (spent (completed @ begun)) 4 (0.0 :: List.map fst all)
                    Y = y
                    Marks = [
                        for i, part, curves in found do
                            yield! marks (ink i) part y curves
                    ]
                    Size = 205, 120
                }
    ]

    figure id title (caption + (if isCut then cutOff else "") + beyond cast) [] panels

let private seeds =
    "Thin lines are seeds, the thick line is their mean, and the band its 95 % interval (Student's t) at equal units, from three seeds on."

/// The sentence about runs that are not completed; none if the cast has none of them.
let private unfinished (cast: Cast) =
    if cast.Members |> List.forall _.Begun.IsEmpty then
        ""
    else
        " Runs that are not completed are drawn as far as they have come, and are in no mean."

/// The most groups and metrics of the learning curves.
let private groupsDrawn, metricsDrawn = 12, 6

/// The groups with the best medians of the headline metric, in the table's order.
let private best (cast: Cast) =
    match cast.Judged with
    | metric :: _ when cast.Members.Length > groupsDrawn ->
        let cost (one: Member) =
            match one.Row.Cells.TryFind metric with
            | Some cell when Double.IsFinite cell.Summary.Median -> cell.Metric.Better.Cost cell.Summary.Median
            | _ -> infinity

        let chosen = cast.Members |> List.sortBy cost |> List.truncate groupsDrawn |> List.map _.Row.Key |> Set.ofList
        cast.Members |> List.filter (fun one -> chosen.Contains one.Row.Key),
        $" Of {cast.Members.Length} groups, the {groupsDrawn} with the best {metric} are shown."
    | _ ->
        List.truncate groupsDrawn cast.Members,
        (if cast.Members.Length > groupsDrawn then $" The first {groupsDrawn} of {cast.Members.Length} groups are shown." else "")

/// The definitions of the metrics that a run measured during training; none if they cannot be read.
let private defined (folder: RunFolder) =
    try
        [ for measured in folder.Measures() -> measured.Measurement ] |> List.distinctBy _.Name
    with
    | :? InvalidDataException
    | :? IOException -> []

/// Metrics measured during training: a panel for each metric, the declared one first, and a line for each group.
let learning (cast: Cast) =
    let groups, chosen = best cast
    let runs (one: Member) = List.truncate seedsRead one.Folders, List.truncate seedsRead one.Begun
    let metrics = Dictionary<string, Measurement>(StringComparer.Ordinal)

    for one in groups do
        // The runs of a group measure the same metrics.
        for _, folder in List.truncate 1 (one.Folders @ one.Begun) do
            for metric in defined folder do
                if metric.Better <> Direction.None then metrics[metric.Name] <- metric

    // Some metrics are only measured during training.
    let others = metrics.Keys |> Seq.filter (fun name -> not (List.contains name cast.Judged)) |> Seq.sortWith Varying.natural
    let declared = cast.Plans |> List.tryLast |> Option.bind _.Metric

    let names =
        cast.Judged @ List.ofSeq others
        |> List.filter metrics.ContainsKey
        |> List.sortBy (fun name -> Some name <> declared)
        |> List.truncate metricsDrawn

    let mutable isCut = false

    let recorded = [
        if not names.IsEmpty then
            for one in groups do
                let read runs = [ for _: Runs.Run, folder in runs -> cast.Recordings.Measures folder, cast.Recordings.Events folder ]
                let completed, begun = runs one
                one, read completed, read begun
    ]

    let title = spent (recorded |> Seq.collect (fun (_, completed, begun) -> Seq.map snd (completed @ begun)))

    let panels = [
        for target in cast.Targets do
            for name in names do
                let seeds (runs: (Record * Record) list) = [
                    for measures, events in runs do
                        match measures.TryGetValue name with
                        | true, values ->
                            let units = clock events
                            [ for struct (step, value) in values -> units step, value ]
                        | _ -> ()
                ]

                let found = [
                    for one, completed, begun in recorded do
                        if one.Target = target then
                            match seeds completed, seeds begun with
                            | [], [] -> ()
                            | completed, begun -> one, completed, begun
                ]

                let all = found |> List.collect (fun (_, completed, begun) -> List.concat (completed @ begun))

                if not all.IsEmpty then
                    let y = fitting "" 4 (List.map snd all)
                    let curves = [ for one, completed, begun in found -> one, together (y.Scale = Log) completed begun ]
                    isCut <- isCut || cuts y (List.map snd curves)

                    target,
                    {
                        Title = name
                        Subtitle =
                            [ metrics[name].Unit; Comparing.direction metrics[name].Better ] |> List.filter ((<>) "") |> String.concat ", "
                        Tags = []
                        X = over title 4 (0.0 :: List.map fst all)
                        Y = y
                        Marks = [
                            for one, curves in curves do
                                yield! marks one.Ink one.Series y curves
                        ]
                        Size = 330, 190
                    }
    ]

    figure
        "learning"
        "Metrics over training"
        ("Metrics measured during training, against the units spent. " + seeds + (if isCut then cutOff else "") + unfinished cast + chosen)
        [
            for one in groups do
                Streak(one.Ink, one.Series)
        ]
        panels
    |> List.map (fun figure -> { figure with Keys = List.distinct figure.Keys })

/// Acceptance by noise level: a panel for each group and part that records several levels, a line for each level.
let private levels (cast: Cast) =
    let panels = [
        for one in shown cast do
            match one.Typical |> Option.orElse (List.tryHead one.Begun) with
            | None -> ()
            | Some(_, folder) ->
                let record = cast.Recordings.Events folder

                let found = [
                    for what in List.ofSeq record.Keys do
                        match what.Split '/' with
                        | [| part; "accepted"; level |] ->
                            match Int32.TryParse(level, NumberStyles.None, CultureInfo.InvariantCulture) with
                            | true, level -> part, (level, what)
                            | _ -> ()
                        | _ -> ()
                ]

                let parts = found |> List.groupBy fst

                for part, levels in parts do
                    let levels = levels |> List.map snd |> List.sort

                    let curves = [
                        for level, what in levels do
                            match curve [ what ] record with
                            | Some points -> level, points
                            | None -> ()
                    ]

                    if curves.Length > 1 then
                        let top = float (levels |> List.map fst |> List.max)

                        one.Target,
                        {
                            Title = (if parts.Length = 1 then one.Series else $"{one.Series} · {part}")
                            Subtitle = ""
                            Tags = []
                            X = over (spent [ record ]) 4 (0.0 :: (curves |> List.collect (snd >> List.map fst)))
                            Y = between "" 4 0.0 1.0
                            Marks = [ for level, points in curves -> Line(Shade(float level / top), false, $"level {level}", points) ]
                            Size = 205, 120
                        }
    ]

    figure
        "acceptance-levels"
        "Acceptance by noise level"
        ("The share of proposals that the Metropolis test accepts at each noise level. "
         + stands cast
         + " A group without a completed run is represented by its first run."
         + beyond cast)
        [ Ramp("the cleanest level", "the noisiest") ]
        panels

/// Energy gap, acceptance and loss, as methods record them.
let curves (cast: Cast) =
    let seeds = seeds + unfinished cast
    let events = cast.Recordings.Events

    watched
        cast
        events
        "gap"
        "gap"
        "Energy gap over training"
        ("Mean energy of the model's samples minus that of data, as each method records it. If it settles near zero, the sampler "
         + "agrees with the model; if it keeps growing, the model diverges from its sampler. "
         + seeds)
        None
    @ watched
        cast
        events
        "acceptance"
        "accepted"
        "Acceptance over training"
        ("The share of proposals that the Metropolis test accepts, averaged over noise levels. " + seeds)
        (Some(0.0, 1.0))
    @ levels cast
    @ watched
        cast
        events
        "loss"
        "loss"
        "Losses"
        ("The loss of each method. Losses are not comparable between methods, and those of contrastive methods do not show convergence. "
         + seeds)
        None
