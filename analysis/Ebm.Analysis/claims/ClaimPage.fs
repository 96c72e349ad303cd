/// The report of claims: what follows and what does not, a row for each claim, then a section for each with its numbers. The same judgements give the same
/// bytes as Markdown, HTML, LaTeX and JSON.
module Ebm.Analysis.ClaimPage

open System
open System.Globalization
open Giraffe.ViewEngine
open Ebm.Records
open Ebm.Analysis.Claim
open Ebm.Analysis.Judging
open Ebm.Analysis.Fields
open Ebm.Analysis.Html

/// When a claim was written down, as git knows it.
type Registration = {
    /// The last commit that changed the claim's file, and its date.
    Commit: string option
    Date: string option
    /// The file has changes that are not committed.
    IsUncommitted: bool
    /// Why the file may have been changed after its runs.
    Changed: string option
}

/// One claim of a report.
type Reported = {
    Judged: Judged
    Registration: Registration
    /// The units of training of its runs, all together, the control's included.
    Units: int64
    /// Its runs, and the seeds of each row.
    Runs: int
    Seeds: int
}

type Report = { IsQuick: bool; Claims: Reported list }

let private short (hash: string) = hash.Substring(0, min 10 hash.Length)

/// The registration in a few words.
let registered (registration: Registration) =
    let changed = if registration.Changed.IsSome then "; CHANGED AFTER ITS RUNS" else ""

    match registration.Commit, registration.Date with
    | Some commit, Some date -> $"{short commit} of {date.Substring(0, min 10 date.Length)}{changed}"
    | _ when registration.IsUncommitted -> "not committed" + changed
    | _ -> "unknown" + changed

let private units (n: int64) =
    if n = 0L then "–"
    elif n >= 1_000_000L then (float n / 1e6).ToString("0.#", CultureInfo.InvariantCulture) + " M"
    else (float n / 1e3).ToString("0.#", CultureInfo.InvariantCulture) + " k"

let private verdictWord (report: Report) (one: Reported) = Wording.word report.IsQuick one.Judged.Verdict

let private verdicts = [ Pass; Fail; Inconclusive; Void; NotTested ]

/// What follows from the report and what does not.
let summary (report: Report) : string list =
    let ids verdict = report.Claims |> List.filter (fun one -> one.Judged.Verdict = verdict) |> List.map _.Judged.Claim.Id
    let counts =
        verdicts
        |> List.choose (fun verdict ->
            match ids verdict with
            | [] -> None
            | found -> Some $"""{found.Length} {Wording.word report.IsQuick verdict} ({String.Join(", ", found)})""")
    let changed = report.Claims |> List.filter _.Registration.Changed.IsSome |> List.map _.Judged.Claim.Id
    let adjusted = report.Claims |> List.map _.Judged |> Judging.adjusted
    let significant = adjusted |> List.filter (fun (_, p) -> p <= Significance.level) |> List.length

    [
        if report.IsQuick then
            "These are runs of --quick: small budgets, one data set and few seeds. They decide nothing; they show that every command works."

        $"""{Text.counted report.Claims.Length "claim"}: {String.Join("; ", counts)}."""

        if not report.IsQuick then
            "What follows: a claim with PASS or FAIL is decided for the data, networks and budgets of its own runs, by rules that were written down before them. "
            + "INCONCLUSIVE means that these seeds do not decide."
            "What does not follow: that a paper is right or wrong at its own scale, with its own networks, or on images, unless the claim's data are images."

        match ids Void with
        | [] -> ()
        | found -> $"""The control of {String.Join(", ", found)} passes or is missing, so nothing follows from its numbers."""

        let isUnclear (one: Reported) =
            match one.Judged.Control with
            | Ran(_, Inconclusive) -> one.Judged.Verdict = Pass
            | WithoutControl _ -> one.Judged.Verdict = Pass
            | _ -> false

        match report.Claims |> List.filter isUnclear |> List.map _.Judged.Claim.Id with
        | [] -> ()
        | found ->
            $"""The control of {String.Join(", ", found)} does not pass, but it is missing or does not clearly fail either: trust these verdicts less."""

        match changed with
        | [] -> ()
        | found ->
            $"""The file of {String.Join(", ", found)} was changed after its runs began, or is not committed: such a verdict was not registered beforehand."""

        if not adjusted.IsEmpty then
            let verb = if significant = 1 then "has" else "have"
            $"""Of {Text.counted adjusted.Length "comparison"} of two rows, {significant} {verb} a difference that is significant after Holm's correction over all of them (sign flips over common seeds, level .05)."""
    ]

let private headings = [ "claim"; "verdict"; "what decides"; "seeds"; "training units"; "control"; "registered" ]

let private cells (report: Report) (one: Reported) = [
    one.Judged.Claim.Id
    verdictWord report one
    Wording.headline one.Judged
    (if one.Seeds = 0 then "–" else string one.Seeds)
    units one.Units
    Wording.control one.Judged
    registered one.Registration
]

let private partHeadings = [ "data"; "rule"; "row"; "rival"; "gain, or value"; "wins"; "diverged"; "p"; "p, Holm"; "verdict" ]

let private partCells (report: Report) (adjusted: (Part * float) list) (part: Part) =
    let p (value: float) = if value < 0.001 then "< .001" else value.ToString("0.###", CultureInfo.InvariantCulture)
    let holm = adjusted |> List.tryFind (fun (other, _) -> obj.ReferenceEquals(other, part)) |> Option.map snd
    let half = (part.High - part.Low) / 2.0

    [
        part.Data
        Wording.rule part.Rule
        Wording.number half part.Mean
        part.MeanOfRival |> Option.map (Wording.number half) |> Option.defaultValue "–"
        Wording.estimate part
        (if part.Why.IsSome then "–" else $"{part.Wins} of {part.Seeds}")
        (match part.Rule.Demand with
         | Between _ -> string part.Lost
         | _ -> $"{part.Lost} and {part.LostByRival}")
        part.P |> Option.map p |> Option.defaultValue "–"
        holm |> Option.map p |> Option.defaultValue "–"
        Wording.word report.IsQuick part.Verdict
    ]

/// The parts of a claim in its table: the rules, then those of the control, which have a mark.
let private partRows report adjusted (judged: Judged) =
    let control =
        match judged.Control with
        | Ran(parts, _) -> parts
        | _ -> []
    [ for part in judged.Parts -> partCells report adjusted part ]
    @ [
        for part in control ->
            match partCells report [] part with
            | data :: rest -> $"{data} (control)" :: rest
            | [] -> []
    ]

let private decidedBy (claim: Claim) =
    match claim.Decision with
    | Runs design ->
        let data = design.Data |> List.map fst |> String.concat ", "
        $"""Decided by runs: {Text.counted design.Rows.Length "row"} on {data}, {Text.counted design.Seeds "seed"} each."""
    | Laws parts -> $"""Decided by laws with {String.Join(", ", [ for part in parts -> $"\"{part}\"" ])} in their sentence."""
    | Needs needs -> $"Needs: {needs.TrimEnd '.'}."

let private registrationSays (registration: Registration) = [
    match registration.Commit, registration.Date with
    | Some commit, Some date -> $"Registered: commit {commit} of {date}."
    | _ -> "Registered: no commit has its file."
    match registration.Changed with
    | Some why -> $"CHANGED AFTER ITS RUNS: {why}."
    | None -> ()
]

let private title = "Claims"

let private lines (report: Report) (one: Reported) = Wording.paragraph report.IsQuick one.Judged

// ── Markdown ────────────────────────────────────────────────────────────────────────────────

/// The report as Markdown.
let markdown (report: Report) : string =
    let text = Text.StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    let escaped = Markdown.escaped
    // A sentence is longer than a cell, and is not shortened.
    let prose (line: string) =
        line.Replace("\\", "\\\\").Replace("*", "\\*").Replace("`", "\\`").Replace("<", "\\<").Replace("|", "\\|") |> Shown.visible
    let adjusted = report.Claims |> List.map _.Judged |> Judging.adjusted
    say $"# {title}"

    for line in summary report do
        say ""
        say (prose line)

    say ""
    text.Append(Markdown.aligned (headings :: [ for one in report.Claims -> cells report one |> List.map escaped ])) |> ignore

    for one in report.Claims do
        let claim = one.Judged.Claim
        say ""
        say $"## {claim.Id}: {verdictWord report one}"
        say ""
        say $"Paper {prose claim.Paper}. {prose (claim.Says.TrimEnd '.')}."
        say ""
        say $"Contradicted by: {prose (claim.Contradicted.TrimEnd '.')}."
        say ""
        say (String.Join(" ", decidedBy claim :: registrationSays one.Registration) |> prose)

        match partRows report adjusted one.Judged with
        | [] -> ()
        | rows ->
            say ""
            text.Append(Markdown.aligned (partHeadings :: List.map (List.map escaped) rows)) |> ignore

        match one.Judged.Asked with
        | Some asked ->
            say ""
            text.Append(
                Markdown.aligned (
                    [ "law"; "outcome"; "planted errors detected" ]
                    :: [
                        for law in asked.Laws ->
                            [
                                escaped law.Sentence
                                (if law.Passed then "holds"
                                 elif law.IsSkipped then "skipped"
                                 else "does not hold")
                                escaped (String.Join("; ", law.Noticed))
                            ]
                    ]
                )
            )
            |> ignore
        | None -> ()

        say ""
        say (lines report one |> String.concat " " |> prose)

    string text

// ── HTML ────────────────────────────────────────────────────────────────────────────────────

let private grid (headings: string list) (rows: string list list) =
    div [ ofClass "scroll" ] [
        table [] [
            thead [] [
                tr [] [
                    for heading in headings do
                        column "text" [ text heading ]
                ]
            ]
            tbody [] [
                for row in rows do
                    tr [] [
                        for cell in row do
                            td [ ofClass "text wrap" ] [ bdi cell ]
                    ]
            ]
        ]
    ]

/// The report as a page.
let html (report: Report) : string =
    let adjusted = report.Claims |> List.map _.Judged |> Judging.adjusted

    let frame: Frame.Frame = {
        Title = title
        Name = title
        Links = [ "#verdicts", "Verdicts"; "#claims", "Claim by claim" ]
        Skip = "#verdicts", "Skip to the verdicts"
        Plotly = None
        Data = []
    }

    Frame.framed frame [
        h1 [] [ text title ]
        for line in summary report do
            paragraph line

        h2 [ named "verdicts" ] [ text "Verdicts" ]
        grid headings [ for one in report.Claims -> cells report one ]
        h2 [ named "claims" ] [ text "Claim by claim" ]
        for one in report.Claims do
            let claim = one.Judged.Claim

            tag "section" [ named $"claim-{claim.Id}" ] [
                h3 [] [ text $"{claim.Id}: {verdictWord report one}" ]
                paragraph $"Paper {claim.Paper}. {claim.Says.TrimEnd '.'}."
                paragraph $"Contradicted by: {claim.Contradicted.TrimEnd '.'}."
                remark (String.Join(" ", decidedBy claim :: registrationSays one.Registration))
                match partRows report adjusted one.Judged with
                | [] -> ()
                | rows -> grid partHeadings rows
                match one.Judged.Asked with
                | Some asked ->
                    grid [ "law"; "outcome"; "planted errors detected" ] [
                        for law in asked.Laws ->
                            [
                                law.Sentence
                                (if law.Passed then "holds"
                                 elif law.IsSkipped then "skipped"
                                 else "does not hold")
                                String.Join("; ", law.Noticed)
                            ]
                    ]
                | None -> ()
                paragraph (lines report one |> String.concat " ")
            ]
    ]

// ── LaTeX ───────────────────────────────────────────────────────────────────────────────────

/// The table of verdicts as a fragment with booktabs, for \input inside a table environment.
let latex (report: Report) : string =
    let row (cells: string list) = String.Join(" & ", cells |> List.map Latex.escaped) + " \\\\\n"

    "\\begin{tabular}{lllrrll}\n\\toprule\n"
    + row headings
    + "\\midrule\n"
    + String.Join("", [ for one in report.Claims -> row (cells report one) ])
    + "\\bottomrule\n\\end{tabular}\n"

// ── JSON ────────────────────────────────────────────────────────────────────────────────────

/// All of it for programs.
let json (report: Report) : string =
    let adjusted = report.Claims |> List.map _.Judged |> Judging.adjusted

    let part (part: Part) =
        fields [
            "data" => part.Data
            "rule" => Wording.rule part.Rule
            "verdict" => Wording.word report.IsQuick part.Verdict
            "mean" => part.Mean
            "rival" => part.MeanOfRival
            "estimate" => part.Estimate
            "low" => part.Low
            "high" => part.High
            "unit" => part.Unit
            "seeds" => part.Seeds
            "wins" => part.Wins
            "diverged" => part.Lost
            "divergedOfRival" => part.LostByRival
            "p" => part.P
            "holm" => (adjusted |> List.tryFind (fun (other, _) -> obj.ReferenceEquals(other, part)) |> Option.map snd)
            "why" => Option.toObj part.Why
        ]

    JsonText.ReadableOf(
        fields [
            "quick" => report.IsQuick
            "claims"
            => [
                for one in report.Claims ->
                    fields [
                        "id" => one.Judged.Claim.Id
                        "claim" => one.Judged.Claim.Says
                        "verdict" => verdictWord report one
                        "why" => Option.toObj one.Judged.Why
                        "runs" => one.Runs
                        "units" => one.Units
                        "control" => Wording.control one.Judged
                        "commit" => Option.toObj one.Registration.Commit
                        "date" => Option.toObj one.Registration.Date
                        "changed" => Option.toObj one.Registration.Changed
                        "parts" => [ for one in one.Judged.Parts -> part one ]
                        "controlParts"
                        => (match one.Judged.Control with
                            | Ran(parts, _) -> [ for one in parts -> part one ]
                            | _ -> [])
                        "laws"
                        => [
                            for law in one.Judged.Asked |> Option.map _.Laws |> Option.defaultValue [] ->
                                fields [ "law" => law.Sentence; "passed" => law.Passed; "noticed" => law.Noticed ]
                        ]
                    ]
            ]
        ]
    )

/// The files of a report, by name.
let files (report: Report) = [
    "claims.md", markdown report
    "claims.html", html report
    "claims.tex", latex report
    "claims.json", json report
]
