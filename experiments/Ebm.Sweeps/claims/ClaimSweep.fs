/// The runs of claims: each row on each data set with each seed, in the words of Declare.fs. All claims are one sweep, so a run that two claims need exists
/// once, and runs that differ only in settings of generation share a training.
module Ebm.Sweeps.ClaimSweep

open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Plan
// Last, because a claim of Ebm.Runs is the hold on a run's folder.
open Ebm.Analysis.Claim

/// The folders of runs; those of --quick are never in the other one.
let nameOf (isQuick: bool) = if isQuick then "claims-quick" else "claims"

/// By what --quick divides a budget, and the least that is left.
let quickShare, quickLeast = 20L, 2560L

/// The seeds of --quick: the fewest that have an interval.
let quickSeeds = 3

/// A cell of a claim's design: the runs of a row on a data set.
type Cell = { Row: string; Data: string; Overrides: Override list }

let seedsOf (isQuick: bool) (design: Design) = if isQuick then min quickSeeds design.Seeds else design.Seeds

/// The data sets of a claim. --quick takes as few as give each rule one.
let private dataOf (isQuick: bool) (design: Design) =
    if not isQuick then
        List.map fst design.Data
    else
        let firsts = design.Rules |> List.map (fun rule -> rule.On.Head) |> set
        design.Data |> List.map fst |> List.filter firsts.Contains

/// The design that is judged: with --quick, its rules on the data sets that it has.
let reduced (isQuick: bool) (design: Design) : Design =
    let data = dataOf isQuick design
    let kept (rule: Rule) = { rule with On = rule.On |> List.filter (fun one -> List.contains one data) }
    { design with Rules = design.Rules |> List.map kept }

/// A smaller budget in the place of the one that is given.
let private quicker (given: Override list) =
    given
    |> List.map (fun one ->
        match one.Key, one.Setting with
        | "train.budget", Some(One(Int units)) ->
            let less = max quickLeast (units / quickShare)
            if less >= units then one else { parseAt one.Source $"train.budget={less}" with Source = one.Source }
        | _ -> one)

/// The rows that some rule or the control needs.
let private rowsOf (design: Design) =
    let needed =
        set [
            for rule in design.Rules do
                rule.Row
                match rule.Demand with
                | Better(against, _, _)
                | Wins(against, _, _, _, _) -> against
                | Between _ -> ()
            match design.Control with
            | Row(row, _, _) -> row
            | NoControl _ -> ()
        ]

    design.Rows |> List.filter (fst >> needed.Contains)

/// The cells of a claim. Throws ConfigException for a row that nothing uses, and for a setting with several values.
let cells (isQuick: bool) (claim: Claim) (design: Design) : Cell list =
    let data = dataOf isQuick design
    let used = rowsOf design |> List.map fst

    for name, settings in design.Rows do
        if not (List.contains name used) then
            let source = settings |> List.tryHead |> Option.map snd |> Option.defaultValue (Source.Of claim.File)
            Sentence.fail source $"rows.{name}" "no rule and no control uses this row; delete it, or add a rule."

    [
        for name, settings in design.Data do
            if List.contains name data then
                for row, own in design.Rows do
                    let given = [
                        for text, source in design.Given @ settings @ own do
                            let one = parseAt source text

                            match one.Setting with
                            | Some(One _)
                            | None -> ()
                            | _ -> Sentence.fail source one.Key "a setting of a claim has one value; write another row for another value."

                            if one.Key = "seed" then Sentence.fail source "seed" "the key seeds of runs gives the seeds."
                            one
                    ]

                    let whole = ([], given) ||> List.fold Declare.replace
                    { Row = row; Data = name; Overrides = if isQuick then quicker whole else whole }
    ]

let private withSeeds name seeds (cell: Cell) =
    cell.Overrides @ [ Declare.axisOf name "seed" [ for seed in 0 .. seeds - 1 -> Int(int64 seed) ] ]

/// The sweep of some cells.
let private sweepOf isQuick (parts: Override list list) = { Declare.sweep (nameOf isQuick) with Parts = parts }

/// The sweep of the runs of some claims. Seeds vary slowest within a claim's cell, and claims follow each other, so an early claim is decided early.
let sweep (isQuick: bool) (claims: Claim list) : Declare.Sweep =
    sweepOf isQuick [
        for claim in claims do
            match claim.Decision with
            | Decision.Runs design ->
                for cell in cells isQuick claim design do
                    withSeeds claim.Id (seedsOf isQuick design) cell
            | Laws _
            | Needs _ -> ()
    ]

/// The planned runs of each cell of a claim, in the order of the seeds. `plan` plans a sweep.
let planned (plan: Declare.Sweep -> Plan) (isQuick: bool) (claim: Claim) (design: Design) : ((string * string) * PlannedRun list) list = [
    for cell in cells isQuick claim design ->
        (cell.Row, cell.Data), (plan (sweepOf isQuick [ withSeeds claim.Id (seedsOf isQuick design) cell ])).Runs
]

/// Refuses a rule about a metric that its runs do not measure, and one that compares by a metric without a better direction.
let check (claim: Claim) (design: Design) (runs: ((string * string) * PlannedRun list) list) =
    let judge (rule: Rule) row metric isCompared =
        for (name, data), planned in runs do
            if name = row && List.contains data rule.On then
                for run in List.truncate 1 planned do
                    let declared = run.Spec.Measure.Quantities() |> List.ofSeq

                    match declared |> List.tryFind (fun one -> one.Name = metric) with
                    | Some one when isCompared && one.Better = Direction.None ->
                        Sentence.fail
                            rule.Source
                            "metric"
                            $"{metric} has no better direction, so it cannot compare rows; use below, above or between."
                    | Some _ -> ()
                    | None ->
                        let names = [ for one in declared -> one.Name ]
                        Sentence.fail
                            rule.Source
                            "metric"
                            $"the runs of {row} on {data} do not measure {metric}. They measure {Sentence.listed names}{Spelling.DidYouMean(metric, names)}."

    let one (rule: Rule) =
        match rule.Demand with
        | Better(against, metric, _)
        | Wins(against, metric, _, _, _) ->
            judge rule rule.Row rule.Metric true
            judge rule against metric true
        | Between _ -> judge rule rule.Row rule.Metric false

    for rule in design.Rules do
        one rule

        match design.Control with
        | Row(row, instead, _) when instead |> Option.forall ((=) rule.Row) -> one (about row rule)
        | _ -> ()

/// Refuses claims that share a run and measure it differently: measurements are no part of a run's id, so only one of them would be taken.
let checkShared (claims: (Claim * PlannedRun list) list) =
    let known = System.Collections.Generic.Dictionary<string, Claim * Document>()

    for claim, runs in claims do
        for run in runs do
            let measure = run.Config.Get "measure"

            match known.TryGetValue run.Id with
            | true, (other, before) when before <> measure ->
                Sentence.fail
                    (Source.Of claim.File)
                    "measure"
                    $"{run.Id} is also a run of {other.Id}, which measures it in another way; give both claims one option of measure."
            | true, _ -> ()
            | _ -> known[run.Id] <- (claim, measure)
