/// The comparison table: the keys that label a row, the runs that enter a mean, and equal bytes from equal runs.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.ComparisonLaws

open System
open Ebm.Records
open Ebm.Analysis
open Ebm.Records
open Ebm.Tests.Law

let private metric value : Runs.Metric = {
    Value = value
    Unit = "nats"
    Better = Direction.Lower
    Importance = Importance.Secondary
    Order = None
    ComparedWith = None
    Scale = "linear"
    Se = None
    N = None
    Protocol = Some "p"
}

/// A completed run of a group, its seed, its settings and its metrics.
let private run group (seed: int) config metrics : Runs.Run = {
    Runs.nothing with
        Id = $"{group}-s{seed}"
        Sweep = "laws"
        Group = group
        State = RunState.Completed
        Step = 10L
        Seed = string seed
        Config = Map.ofList (("seed", string seed) :: config)
        Metrics =
            Map [
                for name, value in metrics -> name, { metric value with ComparedWith = if name = "kl" then Some "kl/gaussian" else None }
            ]
        TrainUnits = Some 1000L
        SampleUnits = Some 10L
        Seconds = Some 1.5
}

let private steps n = [ "data.kind", "rings"; "method.kind", "one"; "method.steps", string n; "train.lr", "0.001" ]

let private runs = [
    for seed in 0..2 do
        run "g2" seed (steps 2) [ "kl", 1.0 + float seed; "kl/gaussian", 4.0 ]
        run "g10" seed (steps 10) [ "kl", 2.0 + float seed; "kl/gaussian", 4.0 ]
    { run "g10" 3 (steps 10) [ "kl", 1e6 ] with State = RunState.Diverged; Reason = Some "the loss is NaN" }
    { run "g10" 4 (steps 10) [] with State = RunState.Failed }
    { run "g2" 5 (steps 2) [] with State = RunState.Timeout }
]

let private table runs = Table.tabulate "laws" runs

/// The fields of a CSV line by its heading.
let private records (csv: string) =
    match csv.TrimEnd('\n').Split '\n' |> Array.map _.Split(',') |> List.ofArray with
    | header :: rows -> header, rows |> List.map (Array.zip header >> Map.ofArray)
    | [] -> broken "the table is empty"

let private every = [ Csv.runs; Csv.summary; Markdown.table; Json.table ]

let private sameBytes (one: Runs.Run list) (other: Runs.Run list) =
    for render in every do
        must "the order of the folders changes the table" (render (table one) = render (table other))

let private onlyCompleted (runs: Runs.Run list) =
    let summary = Csv.summary (table runs) |> records |> snd
    let row = summary |> List.find (fun row -> row["group"] = "g10" && row["metric"] = "kl")
    must $"%A{row}" (row["n"] = "3" && row["mean"] = "3" && row["median"] = "3")
    must $"%A{row}" (row["diverged"] = "1" && row["failed"] = "1")

/// A run that was measured differently gets a separate row.
let private splits change key value =
    let changed = { runs.Head with Metrics = runs.Head.Metrics |> Map.map (fun _ metric -> change metric) }
    let table = table (changed :: List.tail runs)
    let header, rows = records (Csv.summary table)
    must $"%A{header}" (Array.contains key header)
    let rows = rows |> List.filter (fun row -> row["group"] = "g2" && row["metric"] = "kl")
    let counts = [ for row in rows -> row[key], row["n"] ] |> List.sort
    must $"%A{counts}" (counts = [ "", "2"; value, "1" ])
    let notes = String.Join('\n', Notes.all table)
    must notes (notes.Contains $"{key} {value}" && notes.Contains changed.Id)

let all = [
    law "the keys in which runs differ label the rows, smallest first; the seed never does" (fun () ->
        let table = table runs
        must $"%A{table.Varying}" (table.Varying = [ "method.steps" ])
        must "10 comes before 2" ((table.Rows |> List.map _.Labels) = [ [ "2" ]; [ "10" ] ]))

    law "a setting of one kind is not a difference between two kinds" (fun () ->
        let other = [ "data.kind", "rings"; "method.kind", "two"; "method.width", "8"; "train.lr", "0.001" ]
        let table = table (runs @ [ run "two" 0 other [] ])
        must $"%A{table.Varying}" (table.Varying = [ "method.kind"; "method.steps" ]))

    law "a setting in an option's file labels no row; a requested setting does; the option's name labels two options of one kind" (fun () ->
        let asked method more config = [
            for data in [ "rings"; "gaussians" ] do
                { run $"{method}-{data}" 0 (("data.kind", data) :: config) [] with Asked = Map([ "method", method; "data", data ] @ more) }
        ]
        let one = asked "one" [] [ "method.kind", "one"; "train.lr", "0.001" ]
        let two = asked "two" [] [ "method.kind", "two"; "train.lr", "0.003" ]
        let preset = asked "one-paper" [] [ "method.kind", "one"; "method.steps", "7"; "train.lr", "0.001" ]
        let varying runs = (table runs).Varying
        must $"%A{varying (one @ two)}" (varying (one @ two) = [ "data.kind"; "method.kind" ])
        must $"%A{varying (one @ two @ preset)}" (varying (one @ two @ preset) = [ "data.kind"; "method" ])
        must
            "a preset's name is not a label"
            ((table (one @ preset)).Rows |> List.exists (fun row -> row.Labels = [ "rings"; "one-paper" ]))
        let faster = asked "one" [ "train.lr", "0.01" ] [ "method.kind", "one"; "train.lr", "0.01" ]
        must $"%A{varying (one @ faster)}" (varying (one @ faster) = [ "data.kind"; "train.lr" ])

        // Settings that no override names and no option determines: two versions of one file.
        let later = asked "one" [] [ "method.kind", "one"; "train.lr", "0.002" ]
        must $"%A{varying (one @ later)}" (varying (one @ later) = [ "data.kind"; "train.lr" ]))

    law "only completed runs enter a mean; runs that diverged, failed or timed out are counted next to it" (fun () -> onlyCompleted runs)
    |> breaks "a diverged run counts" (fun () -> onlyCompleted (runs |> List.map (fun run -> { run with State = RunState.Completed })))

    law "the columns of table.csv and summary.csv are those that other tools read" (fun () ->
        let header, rows = records (Csv.runs (table runs))
        let columns = String.Join(',', header)
        must columns (columns = "run,group,state,seed,method.steps,kl,kl/gaussian,train-units,sample-units,seconds")
        must $"{rows.Length} rows" (rows.Length = runs.Length)
        let columns = String.Join(',', records (Csv.summary (table runs)) |> fst)
        must columns (columns = "group,method.steps,metric,unit,better,n,mean,sd,low,high,interval,median,diverged,failed"))

    law "the same runs give the same bytes, in whatever order their folders are read" (fun () -> sameBytes runs (List.rev runs))
    |> breaks "another value" (fun () -> sameBytes runs (run "g2" 0 (steps 2) [ "kl", 1.5 ] :: List.tail runs))

    law "values of another protocol, or over another number of samples, get a separate row, which names the reason" (fun () ->
        splits (fun metric -> { metric with Protocol = Some "q" }) "kl protocol" "q"
        splits (fun metric -> { metric with N = Some 7L }) "kl n" "7")
    |> breaks "the same protocol" (fun () -> splits id "kl protocol" "q")

    law "beside a metric is its mean as a share of the comparison value that it declares, and the notes say so" (fun () ->
        let text = Markdown.table (table runs)
        must text (text.Contains "| 50 %" && text.Contains "| 75 %" && text.Contains "| of gaussian")
        must text (text.Contains "of gaussian: the mean of kl divided by that of kl/gaussian")
        let declaring (run: Runs.Run) = { run with Metrics = run.Metrics |> Map.map (fun _ metric -> { metric with ComparedWith = None }) }
        must "a share without a declaration" (not ((Markdown.table (table (List.map declaring runs))).Contains "of gaussian")))

    law "a hostile name is text: it ends no cell and becomes no mark-up" (fun () ->
        let hostile = "a|b\n<img onerror=x> `c` [d](e) *f*"
        let rows = table [ run "h" 0 (("method.name", hostile) :: steps 2) []; run "g" 0 (("method.name", "plain") :: steps 2) [] ]
        let lines = (Markdown.table rows).Split '\n' |> Array.filter _.StartsWith('|')
        let cells = lines |> Array.map (fun line -> Text.RegularExpressions.Regex.Count(line, @"(?<!\\)\|")) |> Array.distinct
        must $"%A{lines}" (cells.Length = 1)
        must $"%A{lines}" (lines |> Array.forall (fun line -> not (line.Contains " <img") && not (line.Contains "](")))
        must (Json.table rows) (not ((Json.table rows).Contains '<')))

    law "a table without completed runs is written in every form, and says so" (fun () ->
        let none = runs |> List.map (fun run -> { run with State = RunState.Failed; Metrics = Map.empty })

        for render in every do
            must "nothing was written" (render (table none) <> ""))
]
