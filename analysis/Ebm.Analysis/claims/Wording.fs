/// Verdicts in plain words. Each sentence follows from the verdict and the direction of its numbers, and contains them.
module Ebm.Analysis.Wording

open System
open System.Globalization
open Ebm.Analysis.Claim
open Ebm.Analysis.Judging

/// A verdict as a word. Runs of --quick decide nothing, and their word says so.
let word (isQuick: bool) (verdict: Verdict) =
    match verdict, isQuick with
    | Pass, false -> "PASS"
    | Fail, false -> "FAIL"
    | Inconclusive, false -> "INCONCLUSIVE"
    | Void, false -> "VOID"
    | NotTested, _ -> "NOT TESTED"
    | Pass, true -> "WOULD HOLD"
    | Fail, true -> "WOULD FAIL"
    | Inconclusive, true -> "WOULD BE INCONCLUSIVE"
    | Void, true -> "WOULD BE VOID"

/// A number with two digits of the interval's half width, or four digits without one.
let number (half: float) (value: float) =
    if not (Double.IsFinite value) then
        "–"
    elif Double.IsFinite half && half > 0.0 then
        value.ToString("F" + string (min 6 (Statistics.decimals half)), CultureInfo.InvariantCulture)
    else
        value.ToString("G4", CultureInfo.InvariantCulture)

let private half (part: Part) = (part.High - part.Low) / 2.0

/// The estimate with its interval.
let estimate (part: Part) =
    let shown = number (half part)

    if not (Double.IsFinite part.Estimate) then "–"
    elif Double.IsFinite part.Low then $"{shown part.Estimate} [{shown part.Low}, {shown part.High}]"
    else shown part.Estimate

let private plain (value: float) = value.ToString("0.######", CultureInfo.InvariantCulture)

/// A rule as a sentence without its verdict.
let rule (rule: Rule) =
    let than against metric = if metric = rule.Metric then $"{against}" else $"{metric} of {against}"
    let by (by: float) =
        if by = 0.0 then ""
        elif by > 0.0 then $" by more than {plain by}"
        else $", or worse by less than {plain -by}"

    match rule.Demand with
    | Better(against, metric, margin) -> $"{rule.Metric} of {rule.Row} better than {than against metric}{by margin}"
    | Wins(against, metric, margin, wins, _) -> $"{rule.Metric} of {rule.Row} better than {than against metric}{by margin} in {wins} seeds"
    | Between(low, high) when Double.IsInfinity low -> $"{rule.Metric} of {rule.Row} below {plain high}"
    | Between(low, high) when Double.IsInfinity high -> $"{rule.Metric} of {rule.Row} above {plain low}"
    | Between(low, high) -> $"{rule.Metric} of {rule.Row} between {plain low} and {plain high}"

let private seeds n = Text.counted n "seed"

/// Diverged runs, or nothing.
let private losses (part: Part) =
    match part.Lost, part.LostByRival with
    | 0, 0 -> ""
    | mine, 0 -> $""" {Text.counted mine "run"} of {part.Rule.Row} diverged and counts as a loss."""
    | mine, theirs -> $" {mine} of its runs and {theirs} of its rival's diverged; they count as losses."

/// What a part shows: a sentence that names its numbers.
let part (part: Part) =
    let measured = if part.Unit = "" then part.Rule.Metric else $"{part.Rule.Metric} ({part.Unit})"
    let shown = number (half part)
    let interval =
        if Double.IsFinite part.Low then $"95 %% interval {shown part.Low} to {shown part.High}" else "too few seeds for an interval"

    let against other (metric: string) by =
        let rival = if metric = part.Rule.Metric then $"{other}" else $"{metric} of {other}"
        let direction =
            if part.Estimate > 0.0 then "better"
            elif part.Estimate < 0.0 then "worse"
            else "equal"
        let amount = number (half part) (abs part.Estimate)
        let compared = if direction = "equal" then $"is equal to {rival}" else $"is {direction} than {rival} by {amount}"
        let margin = if by = 0.0 then "" else $", where more than {plain by} is asked"
        $"On {part.Data}, {part.Rule.Row} {compared} in {measured} on average ({interval} in its favour; {seeds part.Seeds}){margin}"

    match part.Why, part.Rule.Demand with
    | Some why, _ -> $"On {part.Data}, {part.Rule.Row} was not judged: {why}."
    | None, Better(other, _, _)
    | None, Wins(other, _, _, _, _) when not (Double.IsFinite part.Estimate) ->
        $"On {part.Data}, no seed has a value of {measured} for both {part.Rule.Row} and {other}; {part.Rule.Row} wins in {part.Wins} of {seeds part.Seeds}.{losses part}"
    | None, Better(other, metric, by) ->
        let ending =
            match part.Verdict with
            | Pass -> "the whole interval is on the claim's side"
            | Fail -> "the whole interval contradicts the claim"
            | _ when part.Lost > part.LostByRival -> "it diverged more often than its rival, so it cannot pass"
            | _ -> "the interval contains the bound, so these seeds do not decide"

        $"{against other metric by}: {ending}.{losses part}"
    | None, Wins(other, metric, by, _, _) ->
        let ending =
            match part.Verdict with
            | Pass -> "enough for the claim"
            | Fail -> "too few, which contradicts the claim"
            | _ when part.Lost > part.LostByRival -> "but it diverged more often than its rival, so it cannot pass"
            | _ -> "neither enough for the claim nor few enough to contradict it"

        $"{against other metric by}. It wins in {part.Wins} of {seeds part.Seeds}: {ending}.{losses part}"
    | None, Between _ ->
        let ending =
            match part.Verdict with
            | Pass -> "the whole interval is within the bound"
            | Fail when 2 * part.Lost > part.Seeds -> "more than half of its runs diverged"
            | Fail -> "the whole interval is outside the bound"
            | _ when part.Lost > 0 -> "a run diverged, so it cannot pass"
            | _ -> "the interval contains the bound, so these seeds do not decide"

        let asked = (rule part.Rule).Substring($"{part.Rule.Metric} of {part.Rule.Row} ".Length)
        let shownMean = if Double.IsFinite part.Estimate then shown part.Estimate else "without a value"
        $"On {part.Data}, {measured} of {part.Rule.Row} is {shownMean} on average ({interval}; {seeds part.Seeds}), and the claim asks for {asked}: {ending}.{losses part}"

/// The outcome of the control in a few words, for a table.
let control (judged: Judged) =
    match judged.Control with
    | Ran(_, Pass) -> "passes"
    | Ran(_, Fail) -> "fails, as it must"
    | Ran(_, Inconclusive) -> "does not pass, but does not clearly fail"
    | Ran _ -> "not run"
    | PlantedErrors n -> $"""{Text.counted n "planted error"} detected"""
    | WithoutControl _ -> "none"
    | NotRun -> "–"

let private controlSays (judged: Judged) (design: Design) =
    match judged.Control, design.Control with
    | Ran(parts, verdict), Row(row, _, breaks) ->
        let numbers = parts |> List.map (fun part -> $"{estimate part} on {part.Data} ({part.Rule.Metric})") |> String.concat ", "
        let what = breaks.TrimEnd '.'

        match verdict with
        | Fail -> [ $"The control {row} ({what}) fails, as it must: {numbers}." ]
        | Inconclusive -> [ $"The control {row} ({what}) does not pass; these seeds do not show that it clearly fails: {numbers}." ]
        | Pass -> [
            $"The control {row} ({what}) passes: {numbers}. A test that a broken model passes shows nothing, so the claim is void."
          ]
        | _ -> [ $"The control {row} ({what}) was not judged." ]
    | WithoutControl because, _ -> [ $"There is no control: {because.TrimEnd '.'}." ]
    | _ -> []

/// The paragraph on a claim: what came out, what its control did, what the verdict does not show.
let paragraph (isQuick: bool) (judged: Judged) : string list = [
    let claim = judged.Claim

    if isQuick && judged.Verdict <> NotTested then "These are runs of --quick, with small budgets and few seeds: they decide nothing."

    match judged.Verdict, judged.Why with
    | NotTested, Some why -> $"Not tested: {why.TrimEnd '.'}."
    | Void, Some why -> $"Void: {why.TrimEnd '.'}."
    | _ -> ()

    match claim.Decision with
    | Runs design ->
        if judged.Verdict <> NotTested then
            for one in judged.Parts do
                part one
            yield! controlSays judged design
    | Laws _ ->
        match judged.Asked with
        | Some asked ->
            let count of' = asked.Laws |> List.filter of' |> List.length
            let noticed = asked.Laws |> List.sumBy _.Noticed.Length
            $"""{count _.Passed} of {Text.counted asked.Laws.Length "law"} hold. As their control, they detect {Text.counted noticed "planted error"}."""
            for law in asked.Laws do
                match law.Why with
                | Some why when not law.Passed -> $"\"{law.Sentence}\" does not hold: {Text.short 300 (why.Replace('\n', ' '))}"
                | _ -> ()
        | None -> ()
    | Needs _ -> ()

    $"Limits: {claim.Limits.TrimEnd '.'}."
]

/// The row's estimate for the table of verdicts: the first rule's, on the data set that is the least favourable.
let headline (judged: Judged) : string =
    match judged.Claim.Decision, judged.Parts with
    | Laws _, _ ->
        match judged.Asked with
        | Some asked -> $"""{asked.Laws |> List.filter _.Passed |> List.length} of {Text.counted asked.Laws.Length "law"}"""
        | None -> "–"
    | _, [] -> "–"
    | _, parts ->
        let worst =
            parts
            |> List.minBy (fun part ->
                match part.Verdict with
                | Fail -> 0, part.Wins
                | NotTested -> 1, 0
                | Inconclusive -> 2, part.Wins
                | _ -> 3, part.Wins)
        match worst.Rule.Demand with
        | Wins _ -> $"{worst.Wins} of {worst.Seeds} seeds; {estimate worst} ({worst.Rule.Row}, {worst.Data})"
        | _ -> $"{estimate worst} ({worst.Rule.Row}, {worst.Data})"
