/// The marks of a table: the best rows and those that cannot be told from them, the rows that are not compared, and the notes on too few
/// seeds.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.JudgementLaws

open System
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Table
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.RunFolders

/// The noise that two methods share for one seed.
let private noise seed = sin (float (seed * seed + 7))

/// A method whose runs have these means, with the noise of their seeds and a little of their own.
let private method data name seeds mean = [
    for seed in seeds -> run data name seed [ "kl", mean + noise seed + 0.01 * sin (float (31 * seed * seed + 7 * String.length name)) ]
]

let private tabulate runs = Table.tabulate "laws" runs

let private cellOf name (table: Table) group = (table.Rows |> List.find (fun row -> row.Group = group && row.Apart.IsEmpty)).Cells[name]

let private verdicts (table: Table) = Map [ for row in table.Rows -> row.Key, (row.Cells |> Map.tryFind "kl" |> Option.map _.Verdict) ]
let private verdict (table: Table) group = (cellOf "kl" table group).Verdict
let private said (table: Table) = String.Join('\n', Notes.all table)

let private isMarked runs (best: string) (notWorse: string list) (worse: string list) =
    let table = tabulate runs
    let shown = $"%A{verdicts table}"
    must shown (verdict table best = Best)
    must shown (notWorse |> List.forall (fun name -> verdict table name = NotWorse))
    must shown (worse |> List.forall (fun name -> verdict table name = Worse))

let private three seeds = method "rings" "good" seeds 1.0 @ method "rings" "equal" seeds 1.001 @ method "rings" "bad" seeds 2.0

/// One run of a row has these interventions.
let private marked (interventions: Intervention list) =
    let table =
        three [ 0..2 ]
        |> List.map (fun run -> if run.Id = "rings-bad-s0" then { run with Interventions = interventions } else run)
        |> tabulate

    let note = "bad: 1 of 3 runs needed an intervention: 1 repeated after diverging."
    must (said table) ((said table).Contains note && not ((said table).Contains "good: 1 of 3"))

    let forms = [
        "Markdown", Markdown.table table, [ @"3\*"; @" ± "; @"\* |"; note ]
        "LaTeX", Latex.table table, [ "$^{{}*}$"; note ]
        "HTML", Html.rendered (HtmlTable.fragment (fun _ -> "#") table), [ "<summary>3*</summary>"; "</a>*</td>"; note ]
        "JSON", Json.table table, [ "\"intervened\": 1"; "redo-after-divergence"; note ]
    ]

    for form, text, parts in forms do
        for part in parts do
            must $"{form} has no \"{part}\": {text}" (text.Contains part)

/// The data of every run lost this before they were read, also after the runs are written and read again.
let private lost (loss: string option) =
    let runs = three [ 0..2 ] |> List.map (fun run -> { run with Losses = Option.toList loss })

    Folder.inFolder (fun folder ->
        let sweep = System.IO.Path.Combine(folder, "runs", "laws")

        for run in runs do
            write sweep run |> ignore

        let table, _ = ofSweep sweep (System.IO.Path.Combine(folder, "reports"))

        for table in [ tabulate runs; table.Value ] do
            for form, text in
                [
                    "Markdown", Markdown.table table
                    "LaTeX", Latex.table table
                    "HTML", Html.rendered (HtmlTable.fragment (fun _ -> "#") table)
                    "JSON", Json.table table
                ] do
                must $"{form}: {text}" (text.Split("its pictures are JPEG files").Length = 2))

let private bold = [
    law
        "the best row is marked, with those that are not significantly worse; pairing by seeds finds differences within the noise"
        (fun () -> isMarked (three [ 0..7 ]) "rings-good" [ "rings-equal" ] [ "rings-bad" ])
    |> breaks "other seeds for one method" (fun () ->
        let own = method "rings" "bad" [ 100..107 ] 1.3 @ method "rings" "good" [ 0..7 ] 1.0 @ method "rings" "equal" [ 0..7 ] 1.001
        isMarked own "rings-good" [ "rings-equal" ] [ "rings-bad" ])

    law "if higher is better, the highest row is the best" (fun () ->
        let higher =
            three [ 0..7 ]
            |> List.map (fun run -> {
                run with
                    Metrics = run.Metrics |> Map.map (fun _ metric -> { metric with Better = Direction.Higher })
            })
        must "best" (verdict (tabulate higher) "rings-bad" = Best)
        let none =
            three [ 0..7 ]
            |> List.map (fun run -> {
                run with
                    Metrics = run.Metrics |> Map.map (fun _ metric -> { metric with Better = Direction.None })
            })
        must "no direction, no best" (verdict (tabulate none) "rings-bad" = Unjudged))

    law "five paired seeds cannot reach .05: nothing is marked, and the notes give the number of seeds that could" (fun () ->
        let table = tabulate (three [ 0..4 ])
        must $"%A{verdicts table}" (table.Rows |> List.forall (fun row -> row.Cells["kl"].Verdict = Unjudged))
        let notes = said table
        must
            notes
            (notes.Contains "No row is marked as the best: 5 common seeds"
             && notes.Contains "0.0625, times 2"
             && notes.Contains "; 7 seeds could"))

    law "Holm's factor counts: six pairs can tell two methods apart, but not three" (fun () ->
        let two = tabulate (method "rings" "good" [ 0..5 ] 1.0 @ method "rings" "bad" [ 0..5 ] 2.0)
        must $"%A{verdicts two}" (verdict two "rings-good" = Best && verdict two "rings-bad" = Worse)
        must $"%A{verdicts (tabulate (three [ 0..5 ]))}" (verdict (tabulate (three [ 0..5 ])) "rings-good" = Unjudged))

    law "a method with three seeds is never marked, and does not prevent the comparison of others" (fun () ->
        let table = tabulate (three [ 0..7 ] @ method "rings" "few" [ 0..2 ] 0.1)
        must $"%A{verdicts table}" (verdict table "rings-few" = TooFewToTell && verdict table "rings-good" = Best)
        must (said table) ((said table).Contains "‡"))

    law "unpaired runs are compared by permutation, not by pairs" (fun () ->
        let table = tabulate (method "rings" "good" [ 0..5 ] 1.0 @ method "rings" "bad" [ 10..15 ] 9.0)
        match (cellOf "kl" table "rings-bad").Test with
        | Some test -> must $"%A{test}" (not test.By.Paired && abs (test.P - 2.0 / 924.0) < 1e-12)
        | None -> broken "no test")

    law "rows are compared by the requested test, which changes the table's hash" (fun () ->
        let runs = three [ 0..7 ]
        let dealt = tabulateWith { usualOptions with Tests = List.tail Significance.usual } "laws" runs
        let pOf table = (cellOf "kl" table "rings-bad").Test |> Option.map (fun test -> test.By.Name, test.P)
        must $"%A{pOf (tabulate runs)}" (pOf (tabulate runs) = Some("sign-flip", 2.0 / 256.0))
        must $"%A{pOf dealt}" (pOf dealt |> Option.map fst = Some "permutation" && pOf dealt <> pOf (tabulate runs))
        must (said dealt) ((said dealt).Contains "(two-sided permutation; Holm")
        must "one hash" (dealt.Hash <> (tabulate runs).Hash))

    law "columns are the metric that decides, then by importance, then by the place that metrics declare, then by name" (fun () ->
        let of' importance place = { metric Direction.Lower 1.0 with Importance = importance; Order = place }
        let metrics = [
            "a/ess", of' Importance.Diagnostic (Some 2)
            "a/nll", of' Importance.Primary (Some 9)
            "b", of' Importance.Diagnostic (Some 1)
            "c", of' Importance.Primary (Some 3)
            "z", of' Importance.Primary (Some 1)
            "old/10", of' Importance.Secondary None
            "old/9", of' Importance.Secondary None
            "placed", of' Importance.Secondary (Some 800)
        ]
        let one seed metrics = { run "rings" "one" seed [] with Metrics = Map metrics }
        let inOrder decides (runs: Runs.Run list) = (tabulateWith { usualOptions with Decides = decides } "laws" runs).Metrics
        let due = [ "z"; "c"; "a/nll"; "placed"; "old/9"; "old/10"; "b"; "a/ess" ]
        must $"%A{inOrder None [ one 0 metrics ]}" (inOrder None [ one 0 metrics ] = due)
        must "the one that decides is first" (inOrder (Some "old/10") [ one 0 metrics ] = "old/10" :: List.except [ "old/10" ] due)

        // A run of an older version, whose metrics declare nothing, changes no place.
        let older = metrics |> List.map (fun (name, _) -> name, metric Direction.Lower 1.0)
        must "with an older run" (inOrder None [ one 0 metrics; one 1 older ] = due))

    law "only rows of one data set are compared" (fun () ->
        let table =
            tabulate (
                three [ 0..7 ]
                @ (three [ 0..7 ]
                   |> List.map (fun run -> {
                       run with
                           Id = run.Id + "-g"
                           Group = run.Group + "-g"
                           Config = run.Config.Add("data.kind", "gaussians")
                           Metrics = run.Metrics |> Map.map (fun _ metric -> { metric with Value = metric.Value + 50.0 })
                   }))
            )
        let best = table.Rows |> List.filter (fun row -> row.Cells["kl"].Verdict = Best)
        must $"%A{verdicts table}" (best.Length = 2))

    law "a row that lost runs is not compared with one that did not, and shows 6/8" (fun () ->
        let survivors = method "rings" "good" [ 0..5 ] 0.5 @ [ for seed in 6..7 -> ended RunState.Diverged (run "rings" "good" seed []) ]
        let table = tabulate (survivors @ method "rings" "bad" [ 0..7 ] 2.0 @ method "rings" "fair" [ 0..7 ] 1.0)
        must
            $"%A{verdicts table}"
            (verdict table "rings-good" = OtherRate && verdict table "rings-fair" = Best && verdict table "rings-bad" = Worse)
        must (Markdown.table table) ((Markdown.table table).Contains "(6/8)†")
        // Wilson: 6 of 8 is 41 to 93 %.
        must (said table) ((said table).Contains "6 of 8 runs completed, a rate of 41 to 93 %"))
    |> breaks "survivors alone" (fun () ->
        let table = tabulate (method "rings" "good" [ 0..5 ] 0.5 @ method "rings" "bad" [ 0..7 ] 2.0 @ method "rings" "fair" [ 0..7 ] 1.0)
        must "" (verdict table "rings-good" = OtherRate))

    law "a run that diverged can count as the worst case, or remove its row's mean" (fun () ->
        let runs =
            method "rings" "good" [ 0..6 ] 0.5 @ [ ended RunState.Diverged (run "rings" "good" 7 []) ] @ method "rings" "bad" [ 0..7 ] 2.0
        let worst = tabulateWith { usualOptions with Divergence = WorstCase(Map [ "kl", 100.0 ]) } "laws" runs
        must "eight values" ((cellOf "kl" worst "rings-good").Summary.N = 8 && List.last (cellOf "kl" worst "rings-good").Values = 100.0)
        must (said worst) ((said worst).Contains "worst case (kl 100)")
        let fail = tabulateWith { usualOptions with Divergence = Fail } "laws" runs
        must "withheld" ((cellOf "kl" fail "rings-good").Withheld.IsSome && (cellOf "kl" fail "rings-good").Verdict = Unjudged)
        must (Markdown.table fail) ((Markdown.table fail).Contains "– " && (said fail).Contains "policy: fail")
        let undeclared = tabulateWith { usualOptions with Divergence = WorstCase(Map [ "other", 1.0 ]) } "laws" runs
        must "no bound" ((cellOf "kl" undeclared "rings-good").Withheld.IsSome))

    law "rows of different protocols are not compared, and runs with other data for one seed get a separate row" (fun () ->
        let protocol =
            method "rings" "bad" [ 0..7 ] 0.1
            |> List.map (fun run -> { run with Metrics = run.Metrics |> Map.map (fun _ metric -> { metric with Protocol = Some "q" }) })
        let table = tabulate (method "rings" "good" [ 0..7 ] 1.0 @ method "rings" "fair" [ 0..7 ] 1.5 @ protocol)
        must $"%A{verdicts table}" (verdict table "rings-bad" = Incomparable && verdict table "rings-good" = Best)
        let runs = three [ 0..7 ]
        let other =
            runs
            |> List.map (fun run -> if run.Group = "rings-good" && run.Seed = "3" then { run with Data = [ "rings", "f00d" ] } else run)
        let table = tabulate other
        let apart = table.Rows |> List.filter (fun row -> not row.Apart.IsEmpty)
        must $"%A{apart}" (apart.Length = 1 && apart.Head.Apart = [ "data digest", "f00d" ] && apart.Head.Runs.Length = 1)
        must (said table) ((said table).Contains "data digest f00d"))
    |> breaks "the same data" (fun () -> must "" ((tabulate (three [ 0..7 ])).Rows |> List.exists (fun row -> not row.Apart.IsEmpty)))

    law "runs of different builds are compared, with a warning" (fun () ->
        let table = tabulate (three [ 0..7 ] |> List.map (fun run -> if run.Seed = "0" then { run with Code = Some "another" } else run))
        must (said table) ((said table).Contains "different builds" && (said table).Contains "another (3)")
        must "best" (verdict table "rings-good" = Best))

    law "every planned run is counted" (fun () ->
        let runs =
            three [ 0..7 ]
            @ [
                ended RunState.Diverged (run "rings" "bad" 8 [])
                ended RunState.Failed (run "rings" "bad" 9 [])
                ended RunState.Running (run "rings" "bad" 10 [])
                ended RunState.Pruned (run "rings" "bad" 11 [])
            ]
        let table = tabulateWith { usualOptions with Planned = Some 40; Excluded = [ "seed != 99", 2 ]; Skipped = 1 } "laws" runs
        let due =
            "40 runs planned: 24 used, 1 diverged, 1 failed, 1 pruned, 1 unfinished, 9 missing (never run, or removed), 2 excluded (seed != 99), "
            + "1 unreadable or not begun."
        must (Notes.counts table) (Notes.counts table = due))

    law "values that are not finite are shown but never the best" (fun () ->
        let broken' =
            method "rings" "good" [ 0..7 ] 1.0
            |> List.map (fun run -> if run.Seed = "0" then { run with Metrics = Map [ "kl", metric Direction.Lower -infinity ] } else run)
        let table = tabulate (broken' @ method "rings" "bad" [ 0..7 ] 2.0 @ method "rings" "fair" [ 0..7 ] 1.5)
        must $"%A{verdicts table}" (verdict table "rings-good" = Unjudged && verdict table "rings-fair" = Best)
        must "shown" ((Markdown.table table).Contains "-Infinity"))

    law "a cell whose runs needed interventions is marked in every form, with how many and which" (fun () ->
        marked [ Intervention(Intervention.AfterDivergence, 2, "attempt 1 diverged") ])
    |> breaks "runs without interventions" (fun () -> marked [])

    law "what the data lost before they were read is said below the table, in every form, once" (fun () ->
        lost (Some "set: its pictures are JPEG files"))
    |> breaks "data that lost nothing" (fun () -> lost None)
]

let private near what (due: float) (found: float) =
    must $"{what} is {found:R}, {due:R} is expected" (abs (found - due) <= 1e-9 * max 1.0 (abs due))

let private baseline runs = tabulateWith { usualOptions with Baseline = [ "method.kind", "base" ] } "laws" runs

let private pairs = [
    law "against the baseline: differences on common seeds, the exact p, Holm, and the probability of improvement" (fun () ->
        let values name list = [ for seed, value in List.indexed list -> run "rings" name seed [ "kl", value ] ]
        let runs =
            values "base" [ 2.0; 3.0; 4.0; 5.0; 6.0; 7.0; 8.0; 9.0 ]
            @ values "one" [ 1.0; 2.0; 3.0; 4.0; 5.0; 6.0; 7.0; 8.5 ]
            @ values "two" [ 2.0; 3.5; 4.0; 5.0; 6.5; 7.0; 8.0; 9.0 ]

        match Versus.all (baseline runs) with
        | [ one; two ] ->
            near "mean" -0.9375 one.Difference.Mean
            near "p" (2.0 / 256.0) one.P.Value
            near "Holm" (4.0 / 256.0) one.Adjusted.Value
            // Two differences of .5 and six of zero: half of the patterns are at least as far.
            near "p of two" 0.5 two.P.Value
            near "Holm of two" 0.5 two.Adjusted.Value
            near
                "improvement"
                (Significance.improvement Direction.Lower [| 1.0; 2.0; 3.0; 4.0; 5.0; 6.0; 7.0; 8.5 |] [| for i in 2..9 -> float i |])
                one.Improvement
            must $"{one.Correlation}" (one.Correlation > 0.99 && one.Pairs = 8 && one.By.Paired)
        | other -> broken $"%A{other}")

    law "a diverged run loses to every run that did not diverge" (fun () ->
        let values name list = [
            for seed, value in List.indexed list ->
                if Double.IsNaN value then ended RunState.Diverged (run "rings" name seed []) else run "rings" name seed [ "kl", value ]
        ]

        match Versus.all (baseline (values "base" [ 2.0; nan ] @ values "one" [ 1.0; nan ])) with
        // Four pairs: a win, a win against the diverged run, a loss of the diverged run, and a tie of both.
        | [ one ] ->
            near "improvement" (2.5 / 4.0) one.Improvement
            must "pairs" (one.Pairs = 1)
        | other -> broken $"%A{other}")

    law
        "a row that lost another share of its runs than the baseline has no p-value in any form of the table, nor a part in Holm's"
        (fun () ->
            let lost count name = [
                for seed in 0..8 ->
                    let made = run "rings" name seed [ "kl", float seed ] in if seed < count then ended RunState.Diverged made else made
            ]

            let better name = [ for seed in 0..8 -> run "rings" name seed [ "kl", 0.5 * float seed - 1.0 ] ]
            let compared runs = Versus.all (baseline runs) |> List.map (fun versus -> versus.Row.Group, versus) |> Map.ofList

            // The survivors of "one" are as good as the baseline's; "two" lost nothing.
            let runs = lost 0 "base" @ lost 2 "one" @ better "two"
            let found = compared runs
            must $"%A{found}" (found["rings-one"].P.IsNone && found["rings-one"].Adjusted.IsNone && found["rings-one"].Pairs = 7)
            near "the only tested row" found["rings-two"].P.Value found["rings-two"].Adjusted.Value

            let table = baseline runs
            let forms = [
                "Markdown", Markdown.table table, "†: not tested"
                "LaTeX", Latex.versus table, "$\\dagger$: not tested"
                "HTML", Html.rendered (HtmlTable.whole (fun _ -> "#") table), "†: not tested"
            ]

            for form, text, part in forms do
                must $"{form} has no \"{part}\": {text}" (text.Contains part)

            let csv = (Csv.versus table).Split '\n' |> Array.find _.StartsWith("rings-one,")
            must csv (csv.Contains ",sign-flip,,,")
            must "macros" (not ((Latex.macros table).Contains "OneKlP}") && (Latex.macros table).Contains "TwoKlP}")
            use json = System.Text.Json.JsonDocument.Parse(Json.table table)
            let one =
                json.RootElement.GetProperty("versus").EnumerateArray()
                |> Seq.find (fun versus -> versus.GetProperty("row").GetString() = "rings-one")
            must
                $"{one}"
                (match one.TryGetProperty "p" with
                 | true, p -> p.ValueKind = System.Text.Json.JsonValueKind.Null
                 | _ -> true)

            // Failed runs are lost as well; rows that lost the same share are compared; a row may not be tested against a baseline that lost more.
            let failed = lost 0 "base" |> List.map (fun run -> if run.Seed = "0" then ended RunState.Failed run else run)
            let found = compared (failed @ lost 1 "one" @ better "two")
            must $"%A{found}" (found["rings-one"].P.IsSome && found["rings-two"].P.IsNone)

            // A declared bound is the value of a run that diverged, so nothing is lost.
            let bounded = { usualOptions with Baseline = [ "method.kind", "base" ]; Divergence = WorstCase(Map [ "kl", 10.0 ]) }
            must "worst case" (Versus.all (tabulateWith bounded "laws" runs) |> List.forall _.P.IsSome))
    |> breaks "a row that lost nothing" (fun () ->
        let runs = [
            for name in [ "base"; "one" ] do
                for seed in 0..8 do
                    run "rings" name seed [ "kl", float seed ]
        ]
        must "no p" (Versus.all (baseline runs) |> List.forall _.P.IsNone))

    law "over data sets, a diverged run loses to every run that did not diverge" (fun () ->
        let on data = [
            for name in [ "base"; "one" ] do
                for seed in 0..3 do
                    let made = run data name seed [ "kl", (if name = "one" then 0.5 else 1.0) ]
                    if name = "one" && seed = 0 then ended RunState.Diverged made else made
        ]

        let aggregates = Aggregate.all (baseline (on "rings" @ on "gaussians")) |> List.filter (fun found -> snd found.Method.Head = "one")
        let improvement = aggregates |> List.map (fun found -> found.Improvement |> Option.map (fun (p, _, _) -> p))
        must $"%A{improvement}" (improvement = [ Some 0.75 ]))
    |> breaks "survivors only" (fun () -> must "p" (Significance.improvement Direction.Lower [| 0.5; 0.5; 0.5 |] [| 1.0 |] = 0.75))

    law "a logarithmic metric is compared by ratios" (fun () ->
        let log name factor = [
            for seed in 0..4 ->
                {
                    run "rings" name seed [] with
                        Metrics = Map [ "kl", { metric Direction.Lower (factor * exp (noise seed)) with Scale = "log" } ]
                }
        ]

        match Versus.all (baseline (log "base" 1.0 @ log "one" 3.0)) with
        | [ one ] ->
            near "ratio" 3.0 (exp one.Difference.Mean)
            must "of logarithms" (one.Ratio && one.Adjusted.IsNone)
        | other -> broken $"%A{other}")

    law "over data sets: the interquartile mean of values divided by each Gaussian's, for methods with all data sets" (fun () ->
        let on data scale = [
            for name, value in [ "base", 1.0; "one", 0.5 ] do
                for seed in 0..3 do
                    run data name seed [ "kl", scale * (value + 0.01 * float seed); "kl/gaussian", scale ]
        ]

        let only = [ for seed in 0..3 -> run "rings" "alone" seed [ "kl", 1.0 ] ]
        let table = baseline (on "rings" 1.0 @ on "gaussians" 100.0 @ only)
        let aggregates = Aggregate.all table |> List.filter (fun aggregate -> aggregate.Metric = "kl")
        must
            $"%A{aggregates}"
            ((aggregates |> List.map (fun aggregate -> aggregate.Method)) = [ [ "method.kind", "base" ]; [ "method.kind", "one" ] ])
        let one = aggregates[1]
        // The middle four of .5 .51 .52 .53, twice each.
        near "mean" 0.515 one.Mean
        must $"%A{one}" (one.ShareOf = Some "kl/gaussian" && one.Low <= one.Mean && one.Mean <= one.High && one.Runs = 8 && one.Tasks = 2)
        must $"%A{one.Improvement}" (one.Improvement = Some(1.0, 1.0, 1.0))
        must "one data set has no aggregate" (Aggregate.all (baseline (on "rings" 1.0))).IsEmpty)
]

let all = bold @ pairs
