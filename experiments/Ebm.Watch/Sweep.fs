/// The live page of one sweep. A request brings its parts up to date, so that nothing is read while nobody looks.
///
/// The states of runs are looked at once a second at most. The table, the figures and the diagnoses are made on another thread, and take at most
/// a tenth of the time of one core: after an update, the next one waits nine times as long as it took. Curves are read on from the last offset. A
/// run that has ended is diagnosed once, and a running one every half minute.
module Ebm.Watch.Sweep

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open Giraffe.ViewEngine
open Ebm.Analysis
open Ebm.Analysis.Html
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.Mishap
open Ebm.Watch.Board
open Ebm.Watch.Glance

/// The shortest time between two updates.
let private pause = TimeSpan.FromSeconds 0.9

/// The share of one core that updates may use is one in this number.
let private share = 10.0

/// Whether it is time to do something that takes long: the clock runs from the end of the last time.
type Turn() =
    let clock = Stopwatch()
    let mutable rest = TimeSpan.Zero

    member _.IsDue = not clock.IsRunning || clock.Elapsed > rest

    member _.Take(work: unit -> unit) =
        let spent = Stopwatch.StartNew()

        try
            work ()
        finally
            rest <- max pause (spent.Elapsed * (share - 1.0))
            clock.Restart()

/// The shortest time between two diagnoses of a running run.
let private diagnosisPause = TimeSpan.FromSeconds 30.0

/// The diagnoses of one update take about this long; the next update goes on.
let private diagnosisTime = TimeSpan.FromSeconds 1.0

type private Diagnosed = {
    /// The records that were read.
    Mark: string
    At: DateTime
    Findings: Finding.Finding list
}

/// What a sweep's figures were drawn from.
type private Drawn = {
    /// The records of its runs.
    Mark: string
    /// What running runs have recorded: sizes and times.
    Growth: string
    Cast: Cast.Cast option
    Figures: Map<string, Figure.Figure list>
}

type Sweep(folder: string) =
    let name = string (Path.GetFileName folder)
    let board = Board()
    let gate = obj ()
    let glance = Glance folder
    let recordings = Recordings.Recordings()
    let states, drawing = Turn(), Turn()
    let words = Dictionary<string, string * string>(StringComparer.Ordinal)
    let mutable drawn = { Mark = ""; Growth = ""; Cast = None; Figures = Map.empty }
    let mutable diagnosed: Map<string, Diagnosed> = Map.empty
    let mutable task = Task.CompletedTask
    let mutable look = { IsThere = false; Runs = []; AtWork = []; Left = None; Troubles = []; Changed = DateTime.MinValue }

    /// The end of a run's log, read once for each of its records.
    let lastWords (run: Seen) =
        match words.TryGetValue run.Id, run.Folder with
        | (true, (mark, words)), _ when mark = run.Mark -> words
        | _, Some folder ->
            let said = LastWords.of' folder
            words[run.Id] <- (run.Mark, said)
            said
        | _, None -> ""

    /// What a running run has recorded: sizes and times.
    let growthOf (run: Seen) =
        String.concat " " [
            match run.Pace, run.Folder with
            | Some _, Some folder ->
                for file in [ "events.jsonl"; "measures.jsonl"; "checkpoint/state.json" ] do
                    let file = FileInfo(folder.In file)
                    if file.Exists then $"{file.Length} {file.LastWriteTimeUtc.Ticks}" else "0"
            | _ -> ()
        ]

    let growth (look: Look) = look.Runs |> List.map growthOf |> List.filter ((<>) "") |> String.concat " "

    let findings (run: Seen) = diagnosed.TryFind run.Id |> Option.map _.Findings |> Option.defaultValue []

    /// The runs that have records to judge which were not read yet, each with the mark of these; running ones first.
    let undiagnosed (look: Look) = [
        let now = DateTime.UtcNow

        for run in look.Runs |> List.sortBy _.Pace.IsNone do
            if run.Manifest.IsSome && run.Word <> "queued" then
                let isRecent (before: Diagnosed) = run.Pace.IsSome && now - before.At < diagnosisPause

                match diagnosed.TryFind run.Id with
                | Some before when isRecent before -> ()
                | before ->
                    let mark = $"{run.Mark} {growthOf run}"
                    if before |> Option.map _.Mark <> Some mark then run, mark
    ]

    let diagnose (due: (Seen * string) list) =
        let spent = Stopwatch.StartNew()

        for some in List.chunkBySize 8 due do
            if spent.Elapsed < diagnosisTime then
                try
                    let read, _ = Runs.underAll [ for run, _ in some -> run.Folder.Value.Path ]

                    for run, mark in some do
                        let found = read |> List.tryFind (fun read -> read.Id = run.Id) |> Option.map Diagnosis.ofRun
                        diagnosed <- diagnosed.Add(run.Id, { Mark = mark; At = DateTime.UtcNow; Findings = defaultArg found [] })
                with
                // The folder may have been changed while it was read; the next update reads it again.
                | Mishap _ -> ()
                // As in `draw`, one bad record does not end the page.
                | _ ->
                    for run, mark in some do
                        diagnosed <- diagnosed.Add(run.Id, { Mark = mark; At = DateTime.UtcNow; Findings = [] })

    let trouble says = board.Set("trouble", Parts.part "trouble" (if says = "" then [] else [ paragraph says ]))

    let show (drawn: Drawn) =
        let of' (subjects: Gallery.Subject list) =
            subjects |> List.collect (fun subject -> drawn.Figures.TryFind subject.Name |> Option.defaultValue [])

        let grows = of' Gallery.growing |> List.map _.Id |> Set.ofList

        // What grows comes first.
        let figures = of' Gallery.subjects |> Gallery.distinct |> List.sortBy (fun figure -> not (grows.Contains figure.Id))

        for figure in figures do
            board.Set(Parts.figurePart figure, Parts.figure figure)

        board.Arrange("figures", List.map Parts.figurePart figures)

    /// Makes the table and the figures again, or only the curves if no record of a run has changed.
    let draw mark growth =
        try
            let before = drawn

            let now =
                match before.Cast with
                | Some cast when before.Mark = mark -> {
                    before with
                        Growth = growth
                        Figures =
                            (before.Figures, Gallery.growing)
                            ||> List.fold (fun figures subject -> figures.Add(subject.Name, subject.Draw cast))
                  }
                | _ ->
                    recordings.Forget()
                    let table, _ = ReportFiles.tableOf folder
                    board.Set("so-far", Parts.comparison table)
                    let cast = table |> Option.map (Cast.castWith recordings (RunFolder.Under folder))

                    {
                        Mark = mark
                        Growth = growth
                        Cast = cast
                        Figures =
                            match cast with
                            | None -> Map.empty
                            | Some cast -> Map [ for subject in Gallery.subjects -> subject.Name, subject.Draw cast ]
                    }

            drawn <- now
            show now
            trouble ""
        with
        | Mishap says ->
            // The folder may have been changed while it was read; the next update reads it again.
            drawn <- { drawn with Mark = "" }
            trouble $"The table and the figures are not up to date: {says}"
        | error ->
            // One bad record of one run does not end the page. The same records are not drawn again.
            drawn <- { drawn with Mark = mark; Growth = growth }
            trouble $"The table and the figures are not up to date, by an error of this program: {error.GetType().Name}: {error.Message}"

    let glimpse () =
        look <- glance.Look()
        board.Set("summary", Parts.summary name look)
        board.Set("active", Parts.active findings look)
        board.Set("ended", Parts.failures lastWords findings look)

        for run in look.Runs do
            board.Set(Parts.rowOf run.Id, Parts.row (findings run) run)

        board.Arrange("rows", [ for run in look.Runs -> Parts.rowOf run.Id ])

    do
        trouble ""
        board.Set("so-far", Parts.comparison None)
        board.Arrange("figures", [])

    member _.Board = board

    /// Brings the states of runs up to date, and begins to draw if something to draw has changed.
    member _.Update() =
        lock gate (fun () ->
            if states.IsDue then
                try
                    states.Take glimpse
                with
                | Mishap says -> trouble $"The folder of the sweep cannot be read: {says}"
                | error -> trouble $"The states of runs cannot be shown: {error.GetType().Name}: {error.Message}"

            if task.IsCompleted && drawing.IsDue then
                let mark = String.Join(' ', [ for run in look.Runs -> $"{run.Id} {run.Word} {run.Mark} {run.Retired}" ])
                let growth = growth look
                let hasChanged = (mark, growth) <> (drawn.Mark, drawn.Growth)
                let due = undiagnosed look

                if hasChanged && drawn.Cast.IsNone then trouble "The table and the figures are being drawn."

                if hasChanged || not due.IsEmpty then
                    let work () =
                        if hasChanged then draw mark growth
                        diagnose due

                    task <- Task.Run(Action(fun () -> drawing.Take work)))

    /// Waits until what was begun is drawn.
    member _.Wait(most: TimeSpan) = task.Wait most |> ignore

    /// The page with all parts as they are now.
    member _.Page(script: string) =
        let version = board.Version
        let part name = rawText (board.Html name)
        let section name title = h2 [ named name ] [ text title ]

        let links = [ "/", "All sweeps"; "#now", "Now"; "#figures-so-far", "Figures"; "#table", "Table"; "#runs", "Runs" ]

        [
            part "summary"
            part "trouble"
            section "now" "Running"
            part "active"
            section "endings" "Diverged, failed and stopped"
            part "ended"
            section "table" "Table so far"
            div [ named "comparison" ] [ part "so-far" ]
            section "figures-so-far" "Figures"
            div [ named "figures" ] [ rawText (board.Children "figures") ]
            section "runs" "Runs"
            yield! Parts.runs (board.Children "rows")
        ]
        |> Parts.page script $"{Text.short 80 name}: live" name links version
