/// Quantities that were recorded during training, against the units spent: single seeds, their mean, and from three seeds on Student's 95 %
/// interval of the mean at each point.
module Ebm.Analysis.Training

open System
open System.Collections.Generic
open System.IO
open Ebm.Records
open Ebm.Analysis.Cast
open Ebm.Analysis.Figure

/// A run's recorded steps and values by name, in order.
type private Record = Dictionary<string, List<struct (int64 * float)>>

/// The most seeds whose curves are read, to limit the time.
let private seedsRead = 12

/// The events or the measures of a run; empty if they cannot be read.
let private read (events: bool) (folder: RunFolder) : Record =
    let record = Record(StringComparer.Ordinal)

    let add step name value =
        match record.TryGetValue name with
        | true, values -> values.Add(struct (step, value))
        | _ -> record[name] <- List [ struct (step, value) ]

    try
        if events then
            for event in folder.Events() do
                add event.Step event.What event.Value
        else
            for measured in folder.Measures() do
                add measured.Step measured.Measurement.Name measured.Measurement.Value
    with
    | :? InvalidDataException
    | :? IOException -> record.Clear()

    record

let private recorded = "units"

/// The units at each step, if the run recorded them.
let private clock (record: Record) =
    match record.TryGetValue recorded with
    | true, values ->
        let units = Dictionary<int64, float>()

        for struct (step, value) in values do
            units[step] <- value

        Some units
    | _ -> None

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

/// The curves of seeds as marks: each seed faint, the mean, and from three seeds on its interval. With `log`, of logarithms.
let private marks ink says log (curves: (float * float) list list) =
    let at = SortedDictionary<float, List<float>>()

    for curve in curves do
        for x, y in curve do
            match at.TryGetValue x with
            | true, values -> values.Add y
            | _ -> at[x] <- List [ y ]

    let most = curves.Length

    // At points where a seed is missing, the mean would jump.
    let points = [
        for KeyValue(x, values) in at do
            if values.Count = most then x, Statistics.summarise (Generator 0UL) log (List.ofSeq values)
    ]

    [
        if most >= 3 then
            Band(
                ink,
                [
                    for x, summary in points do
                        match Table.bounds summary with
                        | low, high, _ when Double.IsFinite low && Double.IsFinite high -> x, low, high
                        | _ -> ()
                ]
            )
        if most > 1 then
            for curve in curves do
                Line(ink, true, "", curve)
        Line(ink, false, says, points |> List.map (fun (x, summary) -> x, summary.Centre))
    ]

/// The range of the means without the most extreme 2 % at each end.
let private calm (values: float list) =
    match values |> List.filter Double.IsFinite |> List.sort with
    | [] -> [ 0.0; 1.0 ]
    | sorted ->
        let at share = sorted[int (Math.Round(share * float (sorted.Length - 1)))]
        let low, high = at 0.02, at 0.98
        let room = (high - low) * 0.12
        [ max sorted.Head (low - room); min (List.last sorted) (high + room) ]

/// A recorded quantity, such as gap: a panel for each group, a line for each part that recorded it.
let private watched (cast: Cast) (records: Dictionary<string, Record>) id name title caption (range: (float * float) option) =
    let records (one: Member) = one.Folders |> List.truncate seedsRead |> List.map (fun (run, _) -> records[run.Id])

    let panels = [
        for one in shown cast do
            let records = records one

            let whats =
                records
                |> List.collect (fun record -> [ for what in record.Keys -> what ])
                |> List.filter (fun what ->
                    let parts = (stem what).Split '/'
                    parts.Length = 2 && parts[1] = name)
                |> List.distinct

            let parts = whats |> List.map (fun what -> (stem what).Split('/')[0]) |> List.distinct

            let curves = [
                for i, part in List.indexed parts do
                    let mine = whats |> List.filter (fun what -> (stem what).Split('/')[0] = part)

                    let curves = [
                        for record in records do
                            let units = clock record

                            let curve = [
                                for step, value in
                                    averaged [
                                        for what in mine do
                                            if record.ContainsKey what then record[what]
                                    ] do
                                    match units with
                                    | None -> float step, value
                                    | Some units when units.ContainsKey step -> units[step], value
                                    | Some _ -> ()
                            ]

                            // A curve needs two points.
                            if curve.Length > 1 then curve
                    ]

                    if not curves.IsEmpty then i, part, curves
            ]

            if not curves.IsEmpty then
                let all = curves |> List.collect (fun (_, _, curves) -> List.concat curves)
                let inUnits = records |> List.exists (fun record -> record.ContainsKey recorded)

                let y =
                    match range with
                    | Some(low, high) -> between "" 4 low high
                    | None -> over "" 4 (calm (all |> List.map snd))

                let ink i = if parts.Length = 1 then one.Ink else Series i

                one.Target,
                {
                    Title = one.Series
                    Subtitle = ""
                    Tags = (if parts.Length = 1 then [] else parts |> List.mapi (fun i part -> Series i, part))
                    X = over (if inUnits then "training units" else "training steps") 4 (0.0 :: (all |> List.map fst))
                    Y = y
                    Marks = [
                        for i, part, curves in curves do
                            yield! marks (ink i) part false curves
                    ]
                    Size = 205, 120
                }
    ]

    figure id title (caption + beyond cast) [] panels

let private seeds =
    "Thin lines are seeds, the thick line is their mean, and the band its 95 % interval (Student's t) at each point, from three seeds on."

/// Metrics measured during training: a panel for each metric, a line for each group.
let learning (cast: Cast) =
    let most = 6
    let groups = List.truncate 12 cast.Members

    let measures = [
        for one in groups -> one, [ for run, folder in List.truncate seedsRead one.Folders -> run, read false folder, folder ]
    ]

    let names =
        cast.Judged
        |> List.filter (fun name ->
            measures |> List.exists (fun (_, runs) -> runs |> List.exists (fun (_, record, _) -> record.ContainsKey name)))
        |> List.truncate most

    let clocks = Dictionary<string, Dictionary<int64, float> option>()

    if not names.IsEmpty then
        for _, runs in measures do
            for run, _, folder in runs do
                clocks[run.Id] <- clock (read true folder)

    let panels = [
        for target in cast.Targets do
            for name in names do
                let curves = [
                    for one, runs in measures do
                        if one.Target = target then
                            let curves = [
                                for run, record, _ in runs do
                                    match record.TryGetValue name with
                                    | true, values -> [
                                        for struct (step, value) in values do
                                            match clocks[run.Id] with
                                            | None -> float step, value
                                            | Some units when units.ContainsKey step -> units[step], value
                                            | Some _ -> ()
                                      ]
                                    | _ -> ()
                            ]

                            if curves |> List.exists (fun curve -> curve.Length > 1) then one, curves
                ]

                let values = curves |> List.collect (snd >> List.concat)

                if not values.IsEmpty then
                    let y = fitting "" 4 (values |> List.map snd)

                    target,
                    {
                        Title = name
                        Subtitle = ""
                        Tags = []
                        X = over "training units" 4 (0.0 :: (values |> List.map fst))
                        Y = y
                        Marks = [
                            for one, curves in curves do
                                yield! marks one.Ink one.Series (y.Scale = Log) curves
                        ]
                        Size = 330, 190
                    }
    ]

    figure
        "learning"
        "Learning curves"
        ("Metrics measured during training, against the units spent. " + seeds)
        [
            for name, ink in cast.Series do
                if groups |> List.exists (fun one -> one.Series = name) then Streak(ink, name)
        ]
        panels

/// Energy gap, acceptance and loss, as methods record them.
let curves (cast: Cast) =
    let records = Dictionary<string, Record>(StringComparer.Ordinal)

    for one in shown cast do
        for run, folder in List.truncate seedsRead one.Folders do
            records[run.Id] <- read true folder

    watched
        cast
        records
        "gap"
        "gap"
        "Energy gap over training"
        ("Mean energy of the model's samples minus that of data, as each method records it. If it settles near zero, the sampler "
         + "agrees with the model; if it keeps growing, the model diverges from its sampler. "
         + seeds)
        None
    @ watched
        cast
        records
        "acceptance"
        "accepted"
        "Acceptance over training"
        ("The share of proposals that the Metropolis test accepts, averaged over noise levels. " + seeds)
        (Some(0.0, 1.0))
    @ watched
        cast
        records
        "loss"
        "loss"
        "Losses"
        ("The loss of each method. Losses are not comparable between methods, and those of contrastive methods do not show convergence. "
         + seeds)
        None
