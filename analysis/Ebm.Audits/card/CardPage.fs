/// The report card as a page, in the report's frame and style, and as JSON. The same evidence gives the same bytes; what came from outside
/// is text.
module Ebm.Audits.CardPage

open System
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Evidence
open Ebm.Audits.Grades
open Ebm.Audits.Checklists

let private text = Text.escaped

let private shown (grade: Grade option) =
    match grade with
    | Some grade -> letter grade, letter grade
    | None -> "none", "not judged"

let private badge grade =
    let kind, says = shown grade
    $"<b class=\"grade {kind}\">{says}</b>"

/// What a lack is about: runs lead to their pages in the report.
let private about (evidence: Evidence) (found: string list) =
    let runs = evidence.Runs |> List.map (fun made -> made.Run.Id, made.Run) |> Map.ofList
    let most = 6

    let one (name: string) =
        match runs.TryFind name with
        | Some run -> $"<a href=\"index.html{text (Page.address run)}\">{text run.Id}</a>"
        | None -> Page.bdi name

    String.Join(", ", found |> List.truncate most |> List.map one)
    + (if found.Length > most then $", and {found.Length - most} more" else "")

let private axis (evidence: Evidence) (axis: Axis) =
    String.concat "" [
        $"<section class=\"axis\" id=\"{axis.Name}\"><h3>{axis.Name}: {badge axis.Grade}</h3><p class=\"small\">{text axis.Asks}</p>"
        Page.definitions axis.Shows
        axis.Why |> Option.map (fun why -> $"<p>Not judged: {text why}</p>") |> Option.defaultValue ""

        for lack in axis.Lacks do
            let grade = letter lack.Rule.Grade
            $"<div class=\"lack {grade}\"><p><b class=\"grade {grade}\">{grade}</b> {text lack.Rule.Says}: {about evidence lack.Found}</p>"
            $"<p class=\"small\">For a better grade: {text lack.Rule.Better}</p></div>"

        if axis.Why.IsNone && axis.Lacks.IsEmpty then "<p>Nothing is lacking.</p>"
        "</section>\n"
    ]

let private statement (evidence: Evidence) =
    match matrix evidence with
    | [] ->
        "<p>No audit that the ledger has did a run of this sweep again, so nothing can be said. <code>audit sample</code> does some again; "
        + "<code>--threads 2</code> and <code>--set ATEN_CPU_CAPABILITY=avx2</code> do it under other conditions.</p>"
    | rows ->
        let verdicts =
            [
                Comparison.Bitwise
                Comparison.Tolerance
                Comparison.Statistical
                Comparison.Different
                Comparison.NotComparable
                Comparison.Failed
            ]
            |> List.filter (fun verdict -> rows |> List.exists (fun row -> row.Counts |> List.exists (fst >> (=) verdict)))

        String.concat "" [
            "<div class=\"scroll\"><table><thead><tr><th class=\"text\" scope=\"col\">conditions</th><th class=\"text\" scope=\"col\">what</th>"

            for verdict in verdicts do
                $"<th scope=\"col\">{Comparison.nameOf verdict}</th>"

            "<th scope=\"col\">by others</th><th class=\"text\" scope=\"col\">ledger entries</th></tr></thead><tbody>"

            for row in rows do
                $"<tr><td class=\"text wrap\">{Page.bdi row.Conditions}</td><td class=\"text\">{text row.Extent}</td>"

                for verdict in verdicts do
                    let n = row.Counts |> List.tryFind (fst >> (=) verdict) |> Option.map snd |> Option.defaultValue 0
                    $"<td>{n}</td>"

                let entries = String.Join(", ", List.truncate 12 row.Entries) + (if row.Entries.Length > 12 then ", …" else "")
                $"<td>{row.Independent}</td><td class=\"text\">{entries}</td></tr>"

            "</tbody></table></div>"
            "<p class=\"small\">Each number counts audits; what stands in no line has not been tried. By others: from another machine or another "
            + "user's account than the run, as far as manifests tell. It says who typed, not that nobody agreed on anything.</p>"
        ]

let private checklist (items: Item list) (list: string, source: string) =
    String.concat "" [
        $"<h3>{text list}</h3><p class=\"small\">{text source}</p>\n"

        for item in items do
            if item.List = list then
                let kind =
                    match item.Answer with
                    | FromRecords -> "A"
                    | Partly -> "C"
                    | Authors -> "D"

                $"<div class=\"item\"><h4>{text item.Number}. {text item.Title} — <span class=\"grade {kind}\">{nameOf item.Answer}</span></h4>"
                $"<p class=\"question\">{text item.Question}</p>"
                if item.Says <> "" then $"<p>{text item.Says}</p>"
                if item.Needs <> "" then $"<p class=\"needs\">Needs your answer: {text item.Needs}</p>"
                if not item.Evidence.IsEmpty then
                    let evidence = item.Evidence |> List.map text |> String.concat "; "
                    $"<p class=\"small\">Evidence: {evidence}</p>"
                "</div>\n"
    ]

let html (evidence: Evidence) (axes: Axis list) (items: Item list) =
    let sweep = evidence.Table.Sweep

    String.concat "" [
        $"<h1>{Page.bdi sweep}: report card</h1>\n"
        $"<p class=\"lead\">{evidence.Runs.Length} runs. A grade says what the records of these runs show, and what is unknown is no A; it says "
        + "nothing of whether the method is good. Where something was entered, it is not shown that the entry was honest.</p>"
        "<ul class=\"grades\">"

        for axis in axes do
            $"<li><a href=\"#{axis.Name}\">{badge axis.Grade}{axis.Name}</a></li>"

        "</ul>\n<h2 id=\"axes\">Axes</h2>\n"

        for one in axes do
            axis evidence one

        "<h2 id=\"statement\">What audits have shown of determinism</h2>\n"
        statement evidence
        "\n<h2 id=\"checklists\">Checklists</h2>\n<p>Filled from the records; what only authors can say is marked. "
        + "<a href=\"checklist.tex\">checklist.tex</a> has the NeurIPS items as its template has them.</p>\n"

        for source in Checklists.sources do
            checklist items source
    ]
    |> Page.framed {
        Title = $"{Text.short 80 sweep}: report card"
        Name = sweep
        Links = [ "#axes", "Axes"; "#statement", "Determinism"; "#checklists", "Checklists"; "index.html", "Report" ]
        Skip = "#axes", "To the grades"
        Plotly = None
        Data = ""
    }

let json (evidence: Evidence) (axes: Axis list) (items: Item list) =
    let grade (axis: Axis) =
        match axis.Grade, axis.Why with
        | Some grade, _ -> [ "grade" => letter grade ]
        | None, why -> [ "grade" => nothing; "notJudged" => defaultArg why "" ]

    JsonText.ReadableOf(
        fields [
            "sweep" => evidence.Table.Sweep
            "table" => evidence.Table.Hash
            "axes"
            => [
                for axis in axes ->
                    fields [
                        "axis" => axis.Name
                        yield! grade axis
                        "evidence" => fields [ for name, says in axis.Shows -> name => says ]
                        "lacks"
                        => [
                            for lack in axis.Lacks ->
                                fields [
                                    "grade" => letter lack.Rule.Grade
                                    "says" => lack.Rule.Says
                                    "better" => lack.Rule.Better
                                    "about" => lack.Found
                                ]
                        ]
                    ]
            ]
            "determinism"
            => [
                for row in matrix evidence ->
                    fields [
                        "conditions" => row.Conditions
                        "extent" => row.Extent
                        "verdicts" => fields [ for verdict, n in row.Counts -> Comparison.nameOf verdict => n ]
                        "independent" => row.Independent
                        "entries" => row.Entries
                    ]
            ]
            "checklists"
            => [
                for item in items ->
                    fields [
                        "list" => item.List
                        "number" => item.Number
                        "title" => item.Title
                        "question" => item.Question
                        "answer" => nameOf item.Answer
                        "says" => item.Says
                        "needs" => item.Needs
                        "evidence" => item.Evidence
                    ]
            ]
        ]
    )
