/// The verdict on a claim, from the values of its runs or the outcomes of its laws.
///
/// A rule is judged on each data set. The intervals and tests are those of the tables (Statistics.fs, Significance.fs). A gain is positive where the row is
/// better than the row that it is compared with, whatever the metric's direction.
///
/// A diverged run, or one with an infinite value, is never left out. It loses its pair, and the loss is as large as the largest difference of the
/// completed pairs on that data set. A row that diverges more often than its rival cannot pass, and neither can a bound with a diverged run.
module Ebm.Analysis.Judging

open System
open Ebm.Records
open Ebm.Analysis.Claim
open Ebm.Analysis.Statistics

type Verdict =
    | Pass
    | Fail
    | Inconclusive
    /// The control passes, so the test of the claim shows nothing.
    | Void
    | NotTested

/// What one planned run gives for one metric.
type Outcome =
    | Value of float
    /// It diverged, or its value is not finite.
    | Lost
    /// It has no value yet, with the reason.
    | Absent of string

/// The values of a claim's runs.
type Measured = {
    /// By row, data set and metric: an outcome for each seed, in the order of the seeds.
    Outcomes: string -> string -> string -> Outcome list
    /// The direction of a metric, and its unit.
    Metric: string -> (Direction * string) option
}

/// One rule on one data set.
type Part = {
    Rule: Rule
    Data: string
    Verdict: Verdict
    /// The row's mean, and its rival's if it has one.
    Mean: float
    MeanOfRival: float option
    /// The mean gain over the rival, or the row's mean; with its 95 % interval, NaN where there is none.
    Estimate: float
    Low: float
    High: float
    Unit: string
    Seeds: int
    /// Seeds in which the row is better by more than asked.
    Wins: int
    /// Diverged runs of the row and of its rival.
    Lost: int
    LostByRival: int
    /// Of the two-sided sign-flip test of the gains.
    P: float option
    /// Why it was not judged.
    Why: string option
}

/// A law and what came of it.
type LawOutcome = {
    Sentence: string
    Passed: bool
    /// Why it failed, or was skipped.
    Why: string option
    IsSkipped: bool
    /// Planted errors that it detected.
    Noticed: string list
    /// It failed because it does not detect a planted error.
    IsBlind: bool
}

/// The laws of a claim, as they were last asked.
type Asked = { Laws: LawOutcome list; Commit: string option; Seconds: float }

type ControlOutcome =
    /// The rules with the control's row, and their verdict.
    | Ran of Part list * Verdict
    | PlantedErrors of int
    | WithoutControl of because: string
    | NotRun

type Judged = {
    Claim: Claim
    Verdict: Verdict
    Parts: Part list
    Control: ControlOutcome
    Asked: Asked option
    /// Why it was not tested, or why it is void.
    Why: string option
}

// ── a rule on a data set ────────────────────────────────────────────────────────────────────

let private generator (claim: string) (rule: Rule) data = Generator.Of("claims", $"{claim}/{rule.Row}/{rule.Metric}/{rule.Demand}/{data}")

let private valuesOf outcomes =
    outcomes
    |> List.choose (fun outcome ->
        match outcome with
        | Value value -> Some value
        | _ -> None)

let private average (values: float list) = if values.IsEmpty then nan else Statistics.mean (Array.ofList values)
let private lost outcomes = outcomes |> List.filter ((=) Lost) |> List.length

/// How often a reason stands among outcomes, as a sentence.
let private whyAbsent (outcomes: Outcome list) =
    outcomes
    |> List.choose (fun outcome ->
        match outcome with
        | Absent why -> Some why
        | _ -> None)
    |> List.countBy id
    |> List.map (fun (why, n) -> $"""{Text.counted n "run"}: {why}""")
    |> String.concat "; "

/// The summary of values, with an interval if they are three or more.
let private summary claim rule data (values: float list) =
    let found = summarise (generator claim rule data) false values
    let low, high, _ = bounds found
    found.Mean, low, high

let private notJudged (rule: Rule) data seeds unit' why = {
    Rule = rule
    Data = data
    Verdict = NotTested
    Mean = nan
    MeanOfRival = None
    Estimate = nan
    Low = nan
    High = nan
    Unit = unit'
    Seeds = seeds
    Wins = 0
    Lost = 0
    LostByRival = 0
    P = None
    Why = Some why
}

/// A rule with a rival.
let private paired (claim: string) (rule: Rule) data unit' (better: Direction) by (needed: (int * int) option) (mine: Outcome list) theirs =
    let gainOf mine theirs = better.Cost theirs - better.Cost mine
    let pairs = List.zip mine theirs
    let complete =
        pairs
        |> List.choose (fun pair ->
            match pair with
            | Value mine, Value theirs -> Some(gainOf mine theirs)
            | _ -> None)
    let largest = if complete.IsEmpty then 1.0 else complete |> List.map abs |> List.max
    let gains =
        pairs
        |> List.map (fun pair ->
            match pair with
            | Value mine, Value theirs -> gainOf mine theirs
            | Lost, _ -> -largest
            | _ -> largest)
    // A pair whose row diverged is no win, even if its rival diverged, too, or `by` allows the row to be worse.
    let wins = List.zip mine gains |> List.filter (fun (mine, gain) -> mine <> Lost && gain > by) |> List.length
    // Without a completed pair there is no size of a loss, so only wins are known.
    let estimate, low, high = if complete.IsEmpty then nan, nan, nan else summary claim rule data gains
    let ours, others = lost mine, lost theirs

    let verdict =
        match needed with
        | Some(_, fails) when wins < fails -> Fail
        | Some(wanted, _) when wins >= wanted && ours <= others -> Pass
        | Some _ -> Inconclusive
        | None when complete.IsEmpty ->
            if wins = gains.Length then Pass
            elif ours > others then Fail
            else Inconclusive
        | None when high < by -> Fail
        | None when low > by && ours <= others -> Pass
        | None -> Inconclusive

    {
        Rule = rule
        Data = data
        Verdict = verdict
        Mean = average (valuesOf mine)
        MeanOfRival = Some(average (valuesOf theirs))
        Estimate = estimate
        Low = low
        High = high
        Unit = unit'
        Seeds = mine.Length
        Wins = wins
        Lost = ours
        LostByRival = others
        P = if complete.IsEmpty then None else Some(Significance.signFlip (generator claim rule data) (Array.ofList gains))
        Why = None
    }

/// A rule with bounds.
let private bounded (claim: string) (rule: Rule) data unit' low' high' (mine: Outcome list) =
    let values = valuesOf mine
    let estimate, low, high = summary claim rule data values
    let ours = lost mine

    let verdict =
        if 2 * ours > mine.Length then Fail
        elif high < low' || low > high' then Fail
        elif low > low' && high < high' && ours = 0 then Pass
        else Inconclusive

    {
        Rule = rule
        Data = data
        Verdict = verdict
        Mean = estimate
        MeanOfRival = None
        Estimate = estimate
        Low = low
        High = high
        Unit = unit'
        Seeds = mine.Length
        Wins = values |> List.filter (fun value -> value > low' && value < high') |> List.length
        Lost = ours
        LostByRival = 0
        P = None
        Why = None
    }

/// A rule on one data set. Wins are asked for in proportion if fewer seeds were run than the claim has.
let private part (claim: Claim) (planned: int) (measured: Measured) (rule: Rule) (data: string) : Part =
    let mine = measured.Outcomes rule.Row data rule.Metric
    let isAbsent outcome =
        match outcome with
        | Absent _ -> true
        | _ -> false

    let rival =
        match rule.Demand with
        | Better(against, metric, by) -> Some(against, metric, by, None)
        | Wins(against, metric, by, wins, fails) ->
            let share n = int (Math.Ceiling(float n * float mine.Length / float planned))
            Some(against, metric, by, Some(share wins, share fails))
        | Between _ -> None

    let theirs = rival |> Option.map (fun (against, metric, _, _) -> measured.Outcomes against data metric) |> Option.defaultValue []
    let better, unit' = measured.Metric rule.Metric |> Option.defaultValue (Direction.None, "")

    match whyAbsent (mine @ theirs) with
    | why when List.exists isAbsent (mine @ theirs) -> notJudged rule data mine.Length unit' why
    | _ ->
        match rule.Demand, rival with
        | Between(low, high), _ -> bounded claim.Id rule data unit' low high mine
        | _, Some(_, _, by, needed) when better <> Direction.None -> paired claim.Id rule data unit' better by needed mine theirs
        | _ -> notJudged rule data mine.Length unit' $"{rule.Metric} has no better direction"

// ── a claim ─────────────────────────────────────────────────────────────────────────────────

/// All must pass; one that fails is enough for a failure.
let together (verdicts: Verdict list) : Verdict =
    if List.contains NotTested verdicts then NotTested
    elif List.contains Fail verdicts then Fail
    elif verdicts |> List.forall ((=) Pass) then Pass
    else Inconclusive

let private allOf (parts: Part list) = parts |> List.map _.Verdict |> together
let private whyNot (parts: Part list) =
    parts |> List.tryPick (fun part -> part.Why |> Option.map (fun why -> $"{part.Rule.Row} on {part.Data}: {why}"))

/// The verdict on a claim with runs.
let ofRuns (claim: Claim) (design: Design) (measured: Measured) : Judged =
    let judge rules = [
        for rule: Rule in rules do
            for data in rule.On do
                part claim design.Seeds measured rule data
    ]

    let parts = judge design.Rules

    let control =
        match design.Control with
        | NoControl because -> WithoutControl because
        | Row(row, instead, _) ->
            let concerned = design.Rules |> List.filter (fun rule -> instead |> Option.forall ((=) rule.Row))
            let parts = judge (List.map (about row) concerned)
            Ran(parts, allOf parts)

    let verdict, why =
        match allOf parts, control with
        | NotTested, _ -> NotTested, whyNot parts
        | _, Ran(parts, NotTested) -> NotTested, whyNot parts |> Option.map (fun why -> $"the control: {why}")
        | _, Ran(_, Pass) -> Void, Some "the control passes, so these rules do not tell a working model from a broken one"
        | verdict, _ -> verdict, None

    { Claim = claim; Verdict = verdict; Parts = parts; Control = control; Asked = None; Why = why }

/// The verdict on a claim with laws.
let ofLaws (claim: Claim) (asked: Asked option) : Judged =
    let laws = asked |> Option.map _.Laws |> Option.defaultValue []
    let noticed = laws |> List.sumBy _.Noticed.Length
    let failed = laws |> List.filter (fun law -> not law.Passed && not law.IsSkipped && not law.IsBlind)

    let verdict, why =
        if laws.IsEmpty then
            NotTested, Some "its laws were not asked yet; the verb run asks them"
        else
            match laws |> List.tryFind _.IsSkipped, laws |> List.tryFind _.IsBlind with
            | Some law, _ -> NotTested, Some $"a law was skipped: {law.Why |> Option.defaultValue law.Sentence}"
            | None, Some law -> Void, law.Why
            | None, None when failed.Length > 0 -> Fail, failed.Head.Why
            | None, None when noticed = 0 -> Void, Some "its laws have no planted error, so nothing shows that they can fail"
            | None, None -> Pass, None

    let control = if laws.IsEmpty then NotRun else PlantedErrors noticed
    { Claim = claim; Verdict = verdict; Parts = []; Control = control; Asked = asked; Why = why }

/// A claim that needs what does not exist.
let ofNeeds (claim: Claim) (needs: string) : Judged = {
    Claim = claim
    Verdict = NotTested
    Parts = []
    Control = NotRun
    Asked = None
    Why = Some needs
}

/// The p-values of all comparisons of a report after Holm's correction, in their order.
let adjusted (judged: Judged list) : (Part * float) list =
    let tested = [
        for one in judged do
            for part in one.Parts do
                match part.P with
                | Some p -> part, p
                | None -> ()
    ]

    List.zip (List.map fst tested) (tested |> List.map snd |> Array.ofList |> Significance.holm |> List.ofArray)
