/// The verbs `plan`, `why`, `diff` and `logs`. They only print.
module Ebm.Sweeps.Show

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Ebm.Analysis.Fields
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Plan

/// A path relative to the current folder, if it is below it.
let relative (path: string) =
    let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path)
    if relative.StartsWith("..", StringComparison.Ordinal) then path else relative

/// The lines of a text, broken at blanks; a word that is wider than `width` stays whole.
let internal wrapped (width: int) (text: string) : string list =
    let lines, last =
        (([], ""), text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        ||> Array.fold (fun (lines, line) word ->
            if line = "" then lines, word
            elif line.Length + 1 + word.Length <= width then lines, $"{line} {word}"
            else line :: lines, word)

    List.rev (last :: lines)

/// Prints rows of cells, each with a text that is broken beside the cells; no line is wider than 100 letters if the cells are not. A very wide
/// cell does not widen its column.
let internal described (indent: int) (rows: (string list * string) list) =
    let widths =
        rows |> List.map (fst >> List.map (fun cell -> if cell.Length > 40 then 0 else cell.Length)) |> List.transpose |> List.map List.max

    let left = indent + List.sum widths + 2 * widths.Length

    for cells, text in rows do
        let start = String(' ', indent) + String.Join("  ", List.map2 (fun (cell: string) width -> cell.PadRight width) cells widths)
        let lines = wrapped (100 - left) text
        // A cell that is too wide has its text below it.
        let isWide = start.TrimEnd().Length + 2 > left && text <> ""
        let first, others = if isWide then start, lines else start.PadRight left + lines.Head, lines.Tail

        for line in first :: [ for line in others -> String(' ', left) + line ] do
            Console.WriteLine(line.TrimEnd())

let aligned (rows: string list list) =
    let widths = rows |> List.transpose |> List.map (List.map String.length >> List.max)

    for row in rows do
        let padded = List.map2 (fun (text: string) width -> text.PadRight width) row widths
        Console.WriteLine(String.Join("  ", padded).TrimEnd())

let counts (plan: Plan) =
    Console.WriteLine $"{plan.Sweep}: {Status.counted (plan.Runs |> List.map _.State)}"

    for search in plan.Searches do
        Console.WriteLine $"A search is not finished: {search.Trials} trials in all, {search.Batch} at a time."

    let left = unfinished plan
    let trainings = left |> sharing (trained plan) |> List.filter snd |> List.length

    if trainings < left.Length then
        Console.WriteLine
            $"""{Ebm.Analysis.Text.counted left.Length "run"} to do with {Ebm.Analysis.Text.counted trainings "training"}: runs that differ only in settings of generation share one."""

    if plan.Duplicates > 0 then
        Console.WriteLine
            $"""Left out, because an earlier one has the same config: {Ebm.Analysis.Text.counted plan.Duplicates "combination"}."""

let plan (plan: Plan) =
    counts plan
    Forecast.says (Forecast.ofPlan plan) |> Option.iter Console.WriteLine

    if not plan.Runs.IsEmpty then
        let keys, values = varying plan
        Console.WriteLine()

        aligned (
            ([ "run"; "state" ] @ keys)
            :: List.map2 (fun (run: PlannedRun) values -> [ run.Id; Kebab.Of run.State ] @ values) plan.Runs values
        )

let private under (words: string list) (leaves: (string * string * string) list) =
    for word in words do
        if not (leaves |> List.exists (fun (path, _, _) -> path = word || path.StartsWith(word + ".", StringComparison.Ordinal))) then
            let known = [
                for path, _, _ in leaves do
                    let keys = path.Split '.' in for length in 1 .. keys.Length -> String.Join('.', Array.take length keys)
            ]
            usage word $"the config has no key {word}{Spelling.DidYouMean(word, known)}."

    leaves
    |> List.filter (fun (path, _, _) ->
        words.IsEmpty || words |> List.exists (fun word -> path = word || path.StartsWith(word + ".", StringComparison.Ordinal)))

let private origins (choices: (string * string) list) (leaves: (string * string * string) list) words =
    aligned [ for group, options in choices -> [ group; (if options = "" then "none" else options) ] ]
    Console.WriteLine()
    aligned [ for path, value, source in under words leaves -> [ path; value; source ] ]

/// Prints where every value of a run's config was written, from the run's folder.
let whyOfRun (run: RunFolder) words =
    match run.Manifest with
    | null -> usage run.Id "the run has not started, so its values have no recorded origin yet."
    | manifest ->
        let origin =
            match manifest.Origins with
            | null -> usage run.Id "the run predates the recording of origins; run it again to see them."
            | known ->
                fun path ->
                    (match known.TryGetValue path with
                     | true, source -> source
                     | _ -> "default")

        let leaves = [ for struct (path, leaf) in run.Config.Leaves() -> path, string leaf, origin path ]
        let choices =
            match manifest.Choices with
            | null -> []
            | choices -> [ for KeyValue(group, options) in choices -> group, options ]
        Console.WriteLine $"""{run.Id}, {Kebab.Of manifest.State}: {String.Join(' ', manifest.Overrides)}"""

        match manifest.Reason with
        | null -> ()
        | reason -> Console.WriteLine $"""The reason: {Command.OnOneLine reason}"""

        match manifest.TrainedBy with
        | null -> ()
        | source ->
            Console.WriteLine $"Its training is that of {source.Run}, {source.Step} steps, which differs only in settings of generation."

        Console.WriteLine()
        origins choices leaves words

/// Prints where every value of a plan's first run was written.
let whyOfPlan (plan: Plan) words =
    match plan.Runs with
    | [] -> usage "why" "these overrides make no run."
    | run :: _ ->
        let origin (path: string) =
            match run.Composed.Find path with
            | null -> "default"
            | node -> string node.Source

        if plan.Runs.Length > 1 then
            Console.WriteLine $"The first of {plan.Runs.Length} runs, {run.Id}:"
            Console.WriteLine()

        let choices = [ for KeyValue(group, options) in run.Choices -> group, String.Join(", ", options) ]
        origins choices [ for struct (path, leaf) in run.Config.Leaves() -> path, string leaf, origin path ] words

/// Prints one JSON object: the run's identity, and where each value that is not a default was written.
let whyJson (plan: Plan) =
    match plan.Runs with
    | [] -> usage "why" "these overrides make no run."
    | run :: _ ->
        JsonText.ReadableOf(
            fields [
                "id" => run.Id
                "runs" => plan.Runs.Length
                "identity" => RawJson run.Hashed
                "written"
                => fields [
                    for struct (path, _) in run.Config.Leaves() do
                        match run.Composed.Find path with
                        | null -> ()
                        | node -> path => string node.Source
                ]
            ]
        )

/// The runs of a name: an id, the beginning of an id or of its hash, or the path of a run's folder.
let runsNamed (runs: string) (name: string) =
    if File.Exists(Path.Combine(name, "config.json")) then
        [ RunFolder.Open name ]
    else
        RunFolder.Under runs
        |> Seq.filter (fun run ->
            run.Id = name || run.Id.StartsWith(name, StringComparison.Ordinal) || run.Id.Contains("-" + name, StringComparison.Ordinal))
        |> List.ofSeq

let findRun (runs: string) (name: string) =
    match runsNamed runs name with
    | [ run ] -> run
    | [] -> usage name $"{relative runs} has no run whose id or hash starts with this."
    | several ->
        usage name $"this matches {several.Length} runs: {listed (several |> List.truncate 5 |> List.map _.Id)}; write more of the id."

/// What a run was made with, as pairs: code, packages, machine, data.
let private circumstances (run: RunFolder) =
    let pairs prefix (map: IReadOnlyDictionary<string, string> | null) = [
        match map with
        | null -> ()
        | map ->
            for KeyValue(name, value) in map -> $"{prefix}.{name}", (if value.Length > 12 && prefix = "code" then value[..11] else value)
    ]

    match run.Manifest with
    | null -> []
    | manifest ->
        [
            match manifest.Git with
            | null -> ()
            | git ->
                "commit", git.Commit
                "dirty", (if git.Dirty then "yes" else "no")
            match manifest.Build with
            | null -> ()
            | build -> yield! pairs "code" build.Code
            match manifest.Native with
            | null -> ()
            | native -> "libtorch", native.Libtorch
            match manifest.Hardware with
            | null -> ()
            | hardware -> "cpu", hardware.Cpu
            match manifest.Runtime with
            | null -> ()
            | runtime ->
                "dotnet", runtime.Dotnet
                "system", runtime.Os
            match manifest.Threads with
            | null -> ()
            | threads -> "threads", string threads.IntraOp
            for data in manifest.Data do
                $"data.{data.Name}", data.Digest[.. min 11 (data.Digest.Length - 1)]
        ]
        @ pairs "package" manifest.Packages

/// Prints the differences of two runs: settings, then code, data, packages and machine.
let diff (runs: string) (words: string list) =
    match words with
    | [ one; other ] ->
        let one, other = findRun runs one, findRun runs other

        let differing (left: Map<string, string>) (right: Map<string, string>) =
            let value (side: Map<string, string>) key = side |> Map.tryFind key |> Option.defaultValue "-"

            [
                for key in Seq.append left.Keys right.Keys |> Seq.distinct |> Seq.sort do
                    if left.TryFind key <> right.TryFind key then [ key; value left key; value right key ]
            ]

        let leaves (run: RunFolder) = Map.ofList [ for struct (path, leaf) in run.Config.Leaves() -> path, string leaf ]
        let settings = differing (leaves one) (leaves other)

        if settings.IsEmpty then
            Console.WriteLine "The configs are the same."
        else
            Console.WriteLine
                $"""The configs differ in {Ebm.Analysis.Text.counted settings.Length "setting"}: these are different experiments, so their results may differ for that reason alone."""
            Console.WriteLine()
            aligned ([ "key"; one.Id; other.Id ] :: settings)

        match differing (Map.ofList (circumstances one)) (Map.ofList (circumstances other)) with
        | [] -> Console.WriteLine "Code, data, packages and machine are the same."
        | others ->
            Console.WriteLine()
            aligned ([ "made with"; one.Id; other.Id ] :: others)
    | words ->
        usage (String.Join(' ', "diff" :: words)) "diff takes two runs: their ids, the first characters of their ids, or their folders."

/// The most bytes that are printed of a log, from its end.
let private longestLog = 20_000_000L

/// The shortest time between two questions to a scheduler.
let private askingPause = TimeSpan.FromSeconds 15.0

/// Prints a run's output and errors, and the log of its scheduler's task if the run is not completed; with `follow`, until the run has ended.
let logs (runs: string) (words: string list) (follow: bool) =
    match words with
    | [ name ] ->
        let run = findRun runs name
        let read = Dictionary<string, int64>()
        let mutable speaker = ""

        let say (log: string) =
            if File.Exists log then
                use file = RegularFile.Open log
                let before = if read.ContainsKey log then read[log] else 0L
                // The log may have been truncated. A run's log has at most 16 MiB, so a longer one is not all a log.
                file.Seek(max (min before file.Length) (file.Length - longestLog), SeekOrigin.Begin) |> ignore
                use reader = new StreamReader(file)
                let text = reader.ReadToEnd()
                read[log] <- file.Position

                if text <> "" || not follow then
                    if speaker <> log then Console.WriteLine $"── {relative log}"
                    speaker <- log
                    Console.Write text

        let report () =
            if run.State = RunState.Completed then None else (Launcher.told (string (Path.GetDirectoryName run.Path))).TryFind run.Id

        let asked = Diagnostics.Stopwatch.StartNew()
        let mutable told = report ()
        let mutable last = false

        while not last do
            let isHeld = Claim.IsHeld run.Path
            let isSettled = RunStates.IsSettled run.State

            if follow && not isHeld && not isSettled && asked.Elapsed > askingPause then
                told <- report ()
                asked.Restart()

            // Reads once more after the process has ended, for its last lines.
            let waits = not isSettled && told |> Option.exists _.IsQueued
            last <- not follow || not (isHeld || waits)
            say (run.In "stdout.log")
            say (run.In "stderr.log")
            told |> Option.bind _.Log |> Option.iter say
            if not last then Thread.Sleep 300
    | words -> usage (String.Join(' ', "logs" :: words)) "logs takes one run: its id, the first characters of its id, or its folder."
