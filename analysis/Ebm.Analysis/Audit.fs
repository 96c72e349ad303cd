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

let verbs = [
    "verify", "recompute every hash of runs, data and ledger: verify [sweep…]; trains nothing, writes nothing but the ledger's entry"
]

/// What an audit is told besides its words.
type Place = {
    /// The repository's root.
    Root: string
    Runs: string
    Reports: string
    Data: string
    Json: bool
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

/// Does what the words ask. Throws ConfigException with what to correct.
let perform (place: Place) (words: string list) : int =
    match words with
    | "verify" :: sweeps -> verify place sweeps
    | [] -> refuse $"""which audit? {String.Join(", ", List.map fst verbs)}."""
    | verb :: _ ->
        refuse $"""{verb} is no audit; audits are {String.Join(", ", List.map fst verbs)}{Spelling.DidYouMean(verb, List.map fst verbs)}."""

let private help () =
    Console.WriteLine "dotnet fsi analysis/audit.fsx <verb> [words] [--runs DIR] [--reports DIR] [--data DIR] [--json]"
    Console.WriteLine()

    for verb, says in verbs do
        Console.WriteLine $"  {verb, -8} {says}"

    Console.WriteLine()
    Console.WriteLine "Exit codes: 0 all holds, 2 a sentence says what to correct, 3 an alteration, or a verdict below STATISTICAL."
    0

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
        | (option: string) :: _ when option.StartsWith "--" ->
            refuse $"{option} is no option, or lacks its value; options are --runs, --reports, --data and --json."
        | word :: rest -> read place (word :: words) rest

    try
        let start = { Root = root; Runs = Path.Combine(root, "runs"); Reports = Path.Combine(root, "reports"); Data = data; Json = false }

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
