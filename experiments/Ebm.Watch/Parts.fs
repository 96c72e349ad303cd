/// The parts of a live page as HTML. Their words, tables and styles are those of the report.
module Ebm.Watch.Parts

open System
open System.Globalization
open Giraffe.ViewEngine
open Ebm.Analysis
open Ebm.Analysis.Html
open Ebm.Records
open Ebm.Sweeps
open Ebm.Watch.Glance

let private invariant = CultureInfo.InvariantCulture

/// An element that is a part of a board.
let part name (content: XmlNode list) = div [ named name ] content

/// The id of a run's row, and the address that leads to it.
let rowOf (id: string) = "run-" + id

let addressOf (run: Runs.Run) = "#" + rowOf run.Id

/// The link to a sweep's page.
let sweepAddress (name: string) = "/sweep/" + Uri.EscapeDataString name

let private tile kind (count: int) says = div [ ofClass $"tile {kind}" ] [ b [] [ text (count.ToString invariant) ]; span [] [ text says ] ]

let private isFailure (run: Seen) =
    List.contains run.State [ RunState.Diverged; RunState.Failed; RunState.Timeout; RunState.Lost ] || run.Word = "unreadable"

/// "about 4 min left (3 min–6 min)".
let private left (time: Eta.Remaining) =
    let low, median, high = Pace.spoken time.Low, Pace.spoken time.Median, Pace.spoken time.High
    if low = high then $"about {median} left" else $"about {median} left ({low}–{high})"

/// The sentence about what executes the sweep.
let private work (look: Look) =
    match look.AtWork with
    | [] when look.Runs.IsEmpty -> "No run has begun. This page fills as soon as one does."
    | [] -> "Nothing executes this sweep at the moment."
    | parts ->
        let parts = String.Join("; ", parts)
        let rest = look.Left |> Option.map (fun time -> "; " + left time) |> Option.defaultValue ""
        $"{parts.Substring(0, 1).ToUpperInvariant()}{parts.Substring 1}{rest}."

/// The counts of runs by state, and what executes them.
let summary (name: string) (look: Look) =
    let count word = look.Runs |> List.filter (fun run -> run.Word = word) |> List.length

    let others =
        look.Runs
        |> List.map _.Word
        |> List.distinct
        |> List.filter (fun word -> not (List.contains word [ "completed"; "running"; "queued"; "diverged"; "failed" ]))

    part "summary" [
        if not look.IsThere then
            paragraph $"There is no sweep {name} yet, or its folder was removed. This page fills as soon as it begins."
        else
            div [ ofClass "tiles" ] [
                tile "" look.Runs.Length (if look.Runs.Length = 1 then "run" else "runs")
                tile "" (count "running") "running"
                tile "" (count "queued") "queued"
                tile "good" (count "completed") "completed"
                tile (if count "diverged" > 0 then "bad" else "") (count "diverged") "diverged"
                tile (if count "failed" > 0 then "bad" else "") (count "failed") "failed"
                for word in others do
                    tile "" (count word) word

                for marked, word in
                    [
                        look.Runs |> List.filter _.Retired.IsSome, "retired, in no table"
                        look.Runs |> List.filter _.Imported.IsSome, "imported"
                    ] do
                    if not marked.IsEmpty then tile "" marked.Length word
            ]

            paragraph (work look)

            for trouble in look.Troubles do
                paragraph trouble
    ]

let private bar (share: float) =
    tag "progress" [ attribute "max" "1"; attribute "value" (share.ToString("0.###", invariant)) ] [
        text ((100.0 * share).ToString("0", invariant) + " %")
    ]

let private position (pace: Pace.Pace) =
    let phase =
        match pace.Phase with
        | None -> "starting"
        | Some phase when phase <> Ebm.Runs.Phase.Train -> if phase = Ebm.Runs.Phase.Sample then "drawing samples" else "measuring"
        | Some _ -> ""

    [
        bar pace.Share
        text (
            if phase = "starting" then " starting"
            elif phase = "" then $" {Pace.step pace}"
            else $" {Pace.step pace}, {phase}"
        )
    ]

/// The line of a diagnosis; opened, each finding with its evidence and what to try. Empty if nothing can be judged yet.
let diagnosis (run: Seen) (findings: Finding.Finding list) = [
    if findings |> List.exists (fun found -> found.Verdict <> Finding.NotMeasured) then
        details [ ofClass "diagnosis"; attribute "data-of" ("diagnosis of " + run.Id) ] [
            tag "summary" [] [ text (Diagnosis.line findings) ]

            for found in findings do
                p [] [ b [] [ text $"{Diagnosis.word found.Verdict}, {found.Check}: " ]; text found.Says ]

                if not found.Evidence.IsEmpty then remark (String.Join("; ", found.Evidence))

                match found.Try with
                | Some setting -> remark $"Try {setting}."
                | None -> ()
        ]
]

/// The state of a run, and whether it was retired or imported.
let private badges (run: Seen) = [
    Page.badge run.Word
    if run.Retired.IsSome then
        text " "
        Page.badge "retired"
    match run.Imported with
    | Some source ->
        text " "
        Page.imported source
    | None -> ()
]

/// The row of a run in the table of all runs.
let row (findings: Finding.Finding list) (run: Seen) =
    let sorted (value: float option) (content: XmlNode list) =
        let number = value |> Option.map (fun value -> value.ToString("R", invariant)) |> Option.defaultValue ""
        td [ attribute "data-value" number ] content

    let wall =
        run.Manifest
        |> Option.bind (fun manifest -> Option.ofObj manifest.Timing)
        |> Option.bind (fun timing -> Option.ofNullable timing.Wall)

    tr [ named (rowOf run.Id); attribute "data-state" run.Word ] [
        td [ ofClass "text" ] [ bdi run.Id ]
        td [ ofClass "text" ] (badges run)
        match run.Pace, run.Manifest with
        | Some pace, _ -> td [ ofClass "text"; attribute "data-value" (pace.Share.ToString("R", invariant)) ] (position pace)
        | None, Some manifest when manifest.Step > 0L -> td [ ofClass "text"; attribute "data-value" "1" ] [ text $"step {manifest.Step}" ]
        | _ -> td [ ofClass "text"; attribute "data-value" "" ] []

        let rate = run.Pace |> Option.bind _.Rate
        sorted rate [ text (rate |> Option.map Pace.rate |> Option.defaultValue "") ]
        let left = run.Pace |> Option.bind _.Left
        sorted (left |> Option.map _.TotalSeconds) [ text (left |> Option.map Pace.spoken |> Option.defaultValue "") ]
        sorted wall [ text (wall |> Option.map (Pace.seconds >> Pace.spoken) |> Option.defaultValue "") ]
        td [ ofClass "text wrap" ] [
            let says = [
                yield! Option.toList run.Reason
                for because in Option.toList run.Retired -> "retired: " + because
                for source in Option.toList run.Imported -> "imported from " + source
            ]

            if not says.IsEmpty then bdi (String.Join("; ", says))
            yield! diagnosis run findings
        ]
    ]

/// The table of all runs, whose rows are parts; its search box and its choice of states.
let runs (rows: string) = [
    let states = "queued" :: "not started" :: "unreadable" :: [ for state in Enum.GetValues<RunState>() -> Kebab.Of state ]

    div [ ofClass "tools"; named "find-runs"; flag "hidden" ] [
        label [] [ text "Filter "; input [ attribute "type" "search"; attribute "placeholder" "words, such as a seed or a method" ] ]
        label [] [
            text "State "
            select [] [
                option [ attribute "value" "" ] [ text "any" ]
                for state in states do
                    option [ attribute "value" state ] [ text state ]
            ]
        ]
        tag "output" [ attribute "aria-live" "off" ] []
    ]

    div [ ofClass "scroll tall" ] [
        table [ ofClass "sortable live"; attribute "data-tools" "find-runs" ] [
            thead [] [
                tr [] [
                    column "text" [ text "run" ]
                    column "text" [ text "state" ]
                    column "text" [ text "progress" ]
                    column "" [ text "rate" ]
                    column "" [ text "time left" ]
                    column "" [ text "took" ]
                    column "text" [ text "reason; sampler or model?" ]
                ]
            ]
            tbody [ named "rows" ] [ rawText rows ]
        ]
    ]
]

/// The runs that are running. `findings` gives a run's diagnosis.
let active (findings: Seen -> Finding.Finding list) (look: Look) =
    part "active" [
        match look.Runs |> List.filter _.Pace.IsSome with
        | [] -> paragraph "No run is running."
        | running ->
            for run in List.truncate 40 running do
                let pace = run.Pace.Value

                div [ ofClass "running" ] [
                    p [] [ anchor ("#" + rowOf run.Id) [ text run.Id ] ]
                    p [ ofClass "small" ] [ bar pace.Share; text (" " + Pace.says pace) ]
                    yield! diagnosis run (findings run)
                ]

            if running.Length > 40 then paragraph $"And {running.Length - 40} more, in the table of runs."
    ]

/// Runs that diverged, failed or stopped, with step, reason, diagnosis and the end of the log. `words` gives the end of a run's log, and
/// `findings` its diagnosis.
let failures (words: Seen -> string) (findings: Seen -> Finding.Finding list) (look: Look) =
    let told = 60

    let ended =
        look.Runs
        |> List.filter (fun run -> isFailure run || List.contains run.State [ RunState.Interrupted; RunState.Preempted; RunState.Pruned ])

    part "ended" [
        if ended.IsEmpty then paragraph "No run has diverged or failed."

        for run in ended |> List.sortBy (isFailure >> not) |> List.truncate told do
            div [ ofClass (if isFailure run then "failure" else "failure other") ] [
                yield! badges run
                text " "
                anchor ("#" + rowOf run.Id) [ text run.Id ]
                text (
                    match run.Manifest with
                    | Some manifest -> $" at step {manifest.Step.ToString invariant}: "
                    | None -> ": "
                )
                bdi (run.Reason |> Option.defaultValue "no reason recorded")
                yield! diagnosis run (findings run)
                match words run with
                | "" -> ()
                | words ->
                    details [ attribute "data-of" ("log of " + run.Id) ] [
                        tag "summary" [] [ text "the end of its log" ]
                        pre [] [ text words ]
                    ]
            ]

        if ended.Length > told then paragraph $"And {ended.Length - told} more, in the table of runs."
    ]

/// The comparison table of the runs so far.
let comparison (table: Table.Table option) =
    part
        "so-far"
        (match table with
         | None -> [ paragraph "The table begins with the first run that has a record." ]
         | Some table -> HtmlTable.whole addressOf table)

/// The id of a figure's part.
let figurePart (figure: Figure.Figure) = "part-" + figure.Id

let figure (figure: Figure.Figure) =
    part (figurePart figure) [ rawText (Svg.definitions [ figure ]); FigureHtml.figure FigureHtml.Never figure ]

/// A live page: its heading, what its script says about the connection, and the parts.
let page (script: string) title (heading: string) links (version: string) (content: XmlNode list) =
    Frame.live script { Title = title; Name = heading; Links = links; Skip = "#summary", "To the summary"; Plotly = None; Data = [] } [
        h1 [] [ bdi heading ]
        p [ ofClass "lead"; named "connection"; attribute "data-version" version; attribute "role" "status" ] [
            text "This page needs its script to stay up to date."
        ]
        yield! content
    ]
