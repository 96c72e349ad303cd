/// The report card as a page in the report's frame and style, and as JSON. The same evidence gives the same bytes. Text from outside is
/// escaped.
module Ebm.Audits.CardPage

open System
open Giraffe.ViewEngine
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Html
open Ebm.Audits.Evidence
open Ebm.Audits.Rules
open Ebm.Audits.Grades
open Ebm.Audits.Statement
open Ebm.Audits.Checklists

let private badge (grade: Grade option) =
    match grade with
    | Some grade -> b [ ofClass $"grade {letter grade}" ] [ text (letter grade) ]
    | None -> b [ ofClass "grade none" ] [ text "not judged" ]

/// What a lack concerns: runs link to their pages in the report.
let private about (evidence: Evidence) (found: string list) : XmlNode list = [
    let runs = evidence.Runs |> List.map (fun made -> made.Run.Id, made.Run) |> Map.ofList
    let most = 6

    for i, name in List.indexed (List.truncate most found) do
        if i > 0 then text ", "

        match runs.TryFind name with
        | Some run -> anchor $"index.html{Page.address run}" [ text run.Id ]
        | None -> bdi name

    if found.Length > most then text $", and {found.Length - most} more"
]

let private axis (evidence: Evidence) (axis: Axis) =
    tag "section" [ ofClass "axis"; named axis.Name ] [
        h3 [] [ text $"{axis.Name}: "; badge axis.Grade ]
        remark axis.Asks
        definitions axis.Shows
        match axis.Why with
        | Some why -> paragraph $"Not judged: {why}"
        | None when axis.Lacks.IsEmpty -> paragraph "No rule lowers this grade."
        | None -> ()

        for lack in axis.Lacks do
            div [ ofClass $"lack {letter lack.Rule.Grade}" ] [
                p [] [ badge (Some lack.Rule.Grade); text $" {lack.Rule.Says}: "; yield! about evidence lack.Found ]
                remark $"For a better grade: {lack.Rule.Better}"
            ]
    ]

let private statement (evidence: Evidence) : XmlNode list =
    let word content = td [ ofClass "text" ] [ text content ]

    match matrix evidence with
    | [] -> [
        p [] [
            text "The ledger has no audit that repeated a run of this sweep. "
            code [] [ text "audit sample" ]
            text " repeats some; "
            code [] [ text "--threads 2" ]
            text " and "
            code [] [ text "--set ATEN_CPU_CAPABILITY=avx2" ]
            text " repeat them under other conditions."
        ]
      ]
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

        [
            div [ ofClass "scroll" ] [
                table [] [
                    thead [] [
                        tr [] [
                            column "text" [ text "conditions" ]
                            column "text" [ text "extent" ]
                            for verdict in verdicts do
                                column "" [ text (Comparison.nameOf verdict) ]
                            column "" [ text "by others" ]
                            column "text" [ text "ledger entries" ]
                        ]
                    ]
                    tbody [] [
                        for row in rows do
                            let number n = td [] [ text (string<int> n) ]
                            let more = if row.Entries.Length > 12 then ", …" else ""

                            tr [] [
                                td [ ofClass "text wrap" ] [ bdi row.Conditions ]
                                word row.Extent
                                for verdict in verdicts do
                                    number (row.Counts |> List.tryFind (fst >> (=) verdict) |> Option.map snd |> Option.defaultValue 0)
                                number row.Independent
                                word (String.Join(", ", List.truncate 12 row.Entries) + more)
                            ]
                    ]
                ]
            ]
            remark (
                "Each number counts audits; conditions without an audit are not listed. By others: the manifests name another machine or another "
                + "user than those of the run. This shows who started the audit, not that two people worked independently."
            )
        ]

let private item (item: Item) =
    let kind =
        match item.Answer with
        | FromRecords -> "A"
        | Partly -> "C"
        | Authors -> "D"

    div [ ofClass "item" ] [
        h4 [] [ text $"{item.Number}. {item.Title} — "; span [ ofClass $"grade {kind}" ] [ text (nameOf item.Answer) ] ]
        p [ ofClass "question" ] [ text item.Question ]
        if item.Says <> "" then paragraph item.Says
        if item.Needs <> "" then p [ ofClass "needs" ] [ text $"Needs your answer: {item.Needs}" ]
        if not item.Evidence.IsEmpty then remark $"""Evidence: {String.Join("; ", item.Evidence)}"""
    ]

let html (evidence: Evidence) (axes: Axis list) (items: Item list) =
    let sweep = evidence.Table.Sweep

    [
        h1 [] [ bdi sweep; text ": report card" ]
        p [ ofClass "lead" ] [
            text (
                $"""{Text.counted evidence.Runs.Length "run"}. A grade describes the records of these runs; missing information lowers it. It does not say whether """
                + "the method is good, or whether an entry was honest when it was made."
            )
        ]
        ul [ ofClass "grades" ] [
            for axis in axes do
                li [] [ anchor $"#{axis.Name}" [ badge axis.Grade; text axis.Name ] ]
        ]
        h2 [ named "axes" ] [ text "Axes" ]
        yield! List.map (axis evidence) axes
        h2 [ named "statement" ] [ text "Determinism in audits" ]
        yield! statement evidence
        h2 [ named "checklists" ] [ text "Checklists" ]
        p [] [
            text "Filled in from the records. A mark shows what only the authors can answer. "
            anchor "checklist.tex" [ text "checklist.tex" ]
            text " has the NeurIPS items in the format of their template."
        ]
        for list, source in Checklists.sources do
            h3 [] [ text list ]
            remark source
            yield! items |> List.filter (fun item -> item.List = list) |> List.map item
    ]
    |> Frame.framed {
        Title = $"{Text.short 80 sweep}: report card"
        Name = sweep
        Links = [ "#axes", "Axes"; "#statement", "Determinism"; "#checklists", "Checklists"; "index.html", "Report" ]
        Skip = "#axes", "To the grades"
        Plotly = None
        Data = []
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
