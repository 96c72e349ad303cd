/// The verbs of an audit, as `analysis/audit.fsx` and `sweep.fsx audit` take them, what they print, and their exit codes: 0, all holds;
/// 2, a sentence says what to correct; 3, an alteration was found, or the verdict is DIFFERENT, NOT-COMPARABLE or FAILED.
module Ebm.Analysis.Audit

open System
open System.Globalization
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open Ebm.Records
open Ebm.Analysis.AuditVerify
open Ebm.Analysis.AuditCompare

let verbs = [
    "verify", "recompute every hash of runs, data and ledger: verify [sweep…]; trains nothing, writes nothing but the ledger's entry"
    "smoke", "run the first steps again with what is built here, and compare the trace: smoke <run> [--steps K]"
    "rerun",
    "check out the sources as they were, build them, run, and compare everything: rerun <run>; --threads and --set change what it is done with"
    "sample", "smoke so many completed runs, drawn at random: sample [sweep] [--n N] [--seed S] [--steps K]"
]

/// What an audit is told besides its words.
type Place = {
    /// The repository's root.
    Root: string
    Runs: string
    Reports: string
    Data: string
    Json: bool
    /// smoke, sample: so many steps at least.
    Steps: int64
    /// sample: so many runs, and which draw.
    N: int
    Seed: int
    /// smoke, rerun, sample: other threads and variables than the run had.
    Threads: int option
    Variables: (string * string) list
}

let private refuse says : 'a = raise (ConfigException(Source.CommandLine "audit", "", says))

let private object' (write: Utf8JsonWriter -> unit) =
    use stream = new MemoryStream()

    (use json =
        new Utf8JsonWriter(
            stream,
            JsonWriterOptions(Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)
        )
     json.WriteStartObject()
     write json
     json.WriteEndObject())

    Encoding.UTF8.GetString(stream.ToArray()) + "\n"

let private verification (found: Verification) =
    object' (fun json ->
        json.WriteString("verdict", (if found.Alterations.IsEmpty then "INTACT" else "ALTERED"))
        json.WriteNumber("runs", found.Runs)
        json.WriteNumber("files", found.Files)
        json.WriteNumber("bytes", found.Bytes)

        match found.Ledger with
        | Some ledger ->
            json.WriteString("ledger", ledger.Id)
            json.WriteNumber("entries", ledger.Entries.Length)
        | None -> ()

        json.WriteStartArray "alterations"

        for alteration in found.Alterations do
            json.WriteStartObject()
            json.WriteString("subject", alteration.Subject)
            json.WriteString("what", alteration.What)
            json.WriteString("says", alteration.Says)
            json.WriteEndObject()

        json.WriteEndArray()
        json.WriteStartArray "notes"
        found.Notes |> List.iter json.WriteStringValue
        json.WriteEndArray())

/// Enters an audit into the ledger, where there is one that holds, and keeps its head. A folder that cannot be written is no reason to fail.
let private enter (place: Place) (subject: string) (report: string) =
    try
        Ledger.append place.Runs (fun entries -> if entries.IsEmpty then [] else [ "audit", subject, Canonical.Sha256 report ])
        Ledger.anchor place.Root place.Runs |> ignore
    with
    | :? IOException
    | :? UnauthorizedAccessException -> eprintfn $"The audit is not entered into the ledger: {Ledger.pathOf place.Runs} cannot be written."

let private sweepsOf (place: Place) (words: string list) =
    if not (Directory.Exists place.Runs) then refuse $"there are no runs at {place.Runs}; --runs names another folder."

    for word in words do
        if not (Directory.Exists(Path.Combine(place.Runs, word))) then
            let there = Directory.GetDirectories place.Runs |> Array.map (Path.GetFileName >> string) |> Array.sort
            refuse $"""no sweep {word} lies under {place.Runs}; there are {String.Join(", ", there)}{Spelling.DidYouMean(word, there)}."""

    words

let private verify (place: Place) (words: string list) =
    let sweeps = sweepsOf place words
    let found = AuditVerify.verify place.Root (Some place.Data) place.Runs sweeps
    let report = verification found

    if place.Json then
        Console.Write report
    else
        for alteration in found.Alterations do
            Console.WriteLine $"{alteration.What}: {alteration.Subject}: {alteration.Says}"

        for note in found.Notes do
            Console.WriteLine note

        let megabytes = (float found.Bytes / 1e6).ToString("F0", CultureInfo.InvariantCulture)

        let ledger =
            match found.Ledger with
            | Some ledger -> $", ledger {ledger.Id} of {ledger.Entries.Length} entries"
            | None -> ""

        let verdict =
            match found.Alterations.Length with
            | 0 -> "INTACT: every hash holds."
            | 1 -> "ALTERED: 1 alteration."
            | count -> $"ALTERED: {count} alterations."

        Console.WriteLine $"{found.Runs} runs, {found.Files} files, {megabytes} MB{ledger}."
        Console.WriteLine verdict

    if found.Alterations.IsEmpty then
        let what = if sweeps.IsEmpty then "every sweep" else String.Join(' ', sweeps)
        enter place $"verify {what}" report
        0
    else
        3

// ── Does it come out again? ─────────────────────────────────────────────────────────────────

let private runOf (place: Place) (words: string list) =
    match words with
    | [ word ] ->
        let found =
            RunFolder.Under place.Runs
            |> Seq.filter (fun run -> run.Id = word || $"{run.Sweep}/{run.Id}" = word || run.Id.Contains word)
            |> List.ofSeq

        match found with
        | [ run ] -> run
        | [] -> refuse $"no run under {place.Runs} is called {word}; give a run's id, or a part of it."
        | several ->
            refuse $"""{word} could be {String.Join(", ", several |> List.map (fun run -> $"{run.Sweep}/{run.Id}"))}; give more of it."""
    | _ -> refuse "name one run: its id, or a part of it."

let private runnerOf (place: Place) =
    let runner = Path.Combine(place.Root, "artifacts", "bin", "Ebm.Runner", "release", "ebm-runner")
    if not (File.Exists runner) then refuse "the compiled runner is not there; build it with: dotnet fsi build.fsx build"
    runner

let private number (value: float) = value.ToString("R", CultureInfo.InvariantCulture)

let private comparison (verb: string) (run: RunFolder) (until: int64 option) (found: Comparison) =
    object' (fun json ->
        json.WriteString("audit", verb)
        json.WriteString("run", $"{run.Sweep}/{run.Id}")
        json.WriteString("verdict", nameOf found.Verdict)
        until |> Option.iter (fun step -> json.WriteNumber("until", step))
        found.Reason |> Option.iter (fun reason -> json.WriteString("reason", reason))

        match found.Parting with
        | Some parting ->
            json.WriteStartObject "parting"
            parting.Step |> Option.iter (fun step -> json.WriteNumber("step", step))
            json.WriteString("what", parting.What)
            json.WriteEndObject()
        | None -> ()

        json.WriteStartArray "drifts"

        for drift in found.Drifts do
            json.WriteStartObject()
            json.WriteString("kind", drift.Kind)
            json.WriteString("says", drift.Says)
            json.WriteEndObject()

        json.WriteEndArray()
        json.WriteStartArray "metrics"

        for metric in found.Metrics do
            json.WriteStartObject()
            json.WriteString("name", metric.Name)
            json.WriteString("was", number metric.Was)
            json.WriteString("is", number metric.Is)
            json.WriteString("agrees", nameOf metric.Agrees)
            json.WriteEndObject()

        json.WriteEndArray())

/// Prints and enters a comparison; the exit code that its verdict means.
let private conclude (place: Place) (verb: string) (run: RunFolder) (until: int64 option) (found: Comparison) =
    let report = comparison verb run until found

    if place.Json then
        Console.Write report
    else
        let upTo = until |> Option.map (fun step -> $" up to step {step}") |> Option.defaultValue ""
        Console.WriteLine $"{nameOf found.Verdict}: {run.Sweep}/{run.Id}{upTo}"
        found.Reason |> Option.iter (fun reason -> Console.WriteLine $"  {reason}")

        match found.Parting with
        | Some { Step = Some step; What = what } -> Console.WriteLine $"  they part at step {step}: {what}"
        | Some { What = what } -> Console.WriteLine $"  they part after training: {what}"
        | None -> ()

        for metric in found.Metrics |> List.filter (fun metric -> metric.Agrees <> Bitwise) do
            Console.WriteLine $"  {metric.Name} was {number metric.Was} and is {number metric.Is}: {nameOf metric.Agrees}"

        for drift in found.Drifts do
            Console.WriteLine $"  {drift.Kind} drift: {drift.Says}"

    enter place $"{verb} {run.Sweep}/{run.Id}" report

    match found.Verdict with
    | Bitwise
    | Tolerance
    | Statistical -> 0
    | Different
    | NotComparable
    | Failed -> 3

let private conditions (place: Place) : AuditRerun.Conditions = { Data = place.Data; Threads = place.Threads; Variables = place.Variables }

let private smokeOne (place: Place) (run: RunFolder) =
    let until, found = AuditRerun.smoke (runnerOf place) (conditions place) place.Steps run
    conclude place "smoke" run (Some until) found

let private rerun (place: Place) (run: RunFolder) =
    let say (what: string) = if not place.Json then eprintfn $"{what} …"
    AuditRerun.rerun place.Root (conditions place) say run |> conclude place "rerun" run None

/// A hash orders the runs: who knows the seed draws the same ones.
let private sample (place: Place) (sweeps: string list) =
    let below = if sweeps.IsEmpty then [ place.Runs ] else sweeps |> List.map (fun sweep -> Path.Combine(place.Runs, sweep))

    let drawn =
        below
        |> List.collect (RunFolder.Under >> List.ofSeq)
        |> List.filter (fun run -> run.State = RunState.Completed)
        |> List.sortBy (fun run -> Canonical.Sha256 $"{place.Seed} {run.Sweep}/{run.Id}")
        |> List.truncate place.N

    if drawn.IsEmpty then refuse "no run there is completed, so there is none to draw."
    drawn |> List.map (smokeOne place) |> List.max

/// Does what the words ask. Throws ConfigException with what to correct.
let perform (place: Place) (words: string list) : int =
    match words with
    | "verify" :: sweeps -> verify place sweeps
    | "smoke" :: words -> runOf place words |> smokeOne place
    | "rerun" :: words -> runOf place words |> rerun place
    | "sample" :: sweeps -> sample place (sweepsOf place sweeps)
    | [] -> refuse $"""which audit? {String.Join(", ", List.map fst verbs)}."""
    | verb :: _ ->
        refuse $"""{verb} is no audit; audits are {String.Join(", ", List.map fst verbs)}{Spelling.DidYouMean(verb, List.map fst verbs)}."""

let private help () =
    Console.WriteLine
        "dotnet fsi analysis/audit.fsx <verb> [words] [--runs DIR] [--reports DIR] [--data DIR] [--json] [--steps K] [--threads N]"
    Console.WriteLine "    [--set NAME=VALUE]… [--n N] [--seed S]"
    Console.WriteLine()

    for verb, says in verbs do
        Console.WriteLine $"  {verb, -8} {says}"

    Console.WriteLine()
    Console.WriteLine "Exit codes: 0 all holds, 2 a sentence says what to correct, 3 an alteration, or a verdict below STATISTICAL."
    0

let private (|Whole|_|) (text: string) =
    match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, number -> Some number
    | _ -> None

/// What the script is called with; paths are relative to the current folder. Returns the exit code.
let main (root: string) (arguments: string list) : int =
    let data =
        match Environment.GetEnvironmentVariable "EBM_DATA" with
        | null
        | "" -> Path.Combine(root, "data")
        | folder -> folder

    let rec read (place: Place) words arguments =
        match arguments with
        | [] -> place, List.rev words
        | "--" :: rest -> read place words rest
        | "--json" :: rest -> read { place with Json = true } words rest
        | "--runs" :: folder :: rest -> read { place with Runs = Path.GetFullPath folder } words rest
        | "--reports" :: folder :: rest -> read { place with Reports = Path.GetFullPath folder } words rest
        | "--data" :: folder :: rest -> read { place with Data = Path.GetFullPath folder } words rest
        | "--steps" :: Whole count :: rest -> read { place with Steps = int64 count } words rest
        | "--n" :: Whole count :: rest -> read { place with N = count } words rest
        | "--threads" :: Whole count :: rest when count > 0 -> read { place with Threads = Some count } words rest
        | "--set" :: variable :: rest when variable.Contains '=' ->
            let cut = variable.IndexOf '='
            read { place with Variables = place.Variables @ [ variable.Substring(0, cut), variable.Substring(cut + 1) ] } words rest
        | "--seed" :: Whole seed :: rest -> read { place with Seed = seed } words rest
        | (option: string) :: _ when option.StartsWith "--" ->
            refuse
                $"{option} is no option, or lacks its value; options are --runs, --reports, --data, --steps, --threads, --set NAME=VALUE, --n, --seed and --json."
        | word :: rest -> read place (word :: words) rest

    try
        let start = {
            Root = root
            Runs = Path.Combine(root, "runs")
            Reports = Path.Combine(root, "reports")
            Data = data
            Json = false
            Steps = 50L
            N = 5
            Seed = 0
            Threads = None
            Variables = []
        }

        match read start [] arguments with
        | _, [ "help" ] -> help ()
        | place, words -> perform place words
    with
    | :? ConfigException as error ->
        eprintfn $"{error.Message}"
        2
    | :? InvalidDataException as error ->
        eprintfn $"{error.Message}"
        2
