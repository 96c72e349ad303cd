/// The audits, as `analysis/audit.fsx` and `sweep.fsx audit` take them, and their exit codes: 0, all holds; 2, a sentence says what to
/// correct; 3, an alteration was found, or the verdict is DIFFERENT, NOT-COMPARABLE or FAILED.
module Ebm.Audits.Audit

open System
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Audits.Place

let verbs = [
    VerifyCommand.verb
    SmokeCommand.verb
    RerunCommand.verb
    SampleCommand.verb
    CardCommand.verb
    ExportCommand.verb
    BisectCommand.verb
    RefsCommand.verb
]

let private names = verbs |> List.map _.Name

/// Does what the words ask. Throws ConfigException with what to correct.
let perform (place: Place) (words: string list) : int =
    match words with
    | [] -> refuse $"""which audit? {String.Join(", ", names)}."""
    | name :: words ->
        match verbs |> List.tryFind (fun verb -> verb.Name = name) with
        | Some verb -> verb.Perform place words
        | None -> refuse $"""Unknown audit "{name}". Known audits: {String.Join(", ", names)}{Spelling.DidYouMean(name, names)}."""

let private options = [
    "--runs DIR"
    "--reports DIR"
    "--data DIR"
    "--json"
    "--steps K"
    "--threads N"
    "--set NAME=VALUE"
    "--with FILE"
    "--n N"
    "--seed S"
    "--rerun"
    "--again"
    "--prune"
    "--out DIR"
    "--crate"
    "--capsule"
    "--largest MB"
    "--bad COMMIT"
]

let private help () =
    Console.WriteLine "dotnet fsi analysis/audit.fsx <verb> [words] [options]"
    Console.WriteLine()

    for verb in verbs do
        Console.WriteLine $"  {verb.Name, -8} {verb.Says}"

    Console.WriteLine()
    Console.WriteLine $"""Options: {String.Join(", ", options)}."""
    Console.WriteLine
        "Exit codes: 0 all holds, 2 a sentence says what to correct, 3 an alteration, or the verdict DIFFERENT, NOT-COMPARABLE or FAILED."
    0

let private (|Whole|_|) (text: string) =
    match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, number -> Some number
    | _ -> None

/// What the script is called with; paths are relative to the current folder. Returns the exit code.
let main (root: string) (arguments: string list) : int =
    let rec read (place: Place) words arguments =
        match arguments with
        | [] -> place, List.rev words
        | "--" :: rest -> read place words rest
        | "--json" :: rest -> read { place with Json = true } words rest
        | "--runs" :: folder :: rest -> read { place with Runs = Path.GetFullPath folder } words rest
        | "--reports" :: folder :: rest -> read { place with Reports = Path.GetFullPath folder } words rest
        | "--data" :: folder :: rest -> read { place with Data = Path.GetFullPath folder } words rest
        | "--with" :: file :: rest -> read { place with With = place.With @ [ Path.GetFullPath file ] } words rest
        | "--steps" :: Whole count :: rest -> read { place with Steps = int64 count } words rest
        | "--n" :: Whole count :: rest when count > 0 -> read { place with N = count } words rest
        | "--threads" :: Whole count :: rest when count > 0 -> read { place with Threads = Some count } words rest
        | "--set" :: variable :: rest when variable.Contains '=' ->
            let cut = variable.IndexOf '='
            read { place with Variables = place.Variables @ [ variable.Substring(0, cut), variable.Substring(cut + 1) ] } words rest
        | "--again" :: rest -> read { place with Again = true } words rest
        | "--prune" :: rest -> read { place with Prune = true } words rest
        | "--rerun" :: rest -> read { place with Whole = true } words rest
        | "--out" :: folder :: rest -> read { place with Out = Some(Path.GetFullPath folder) } words rest
        | "--crate" :: rest -> read { place with Crate = true } words rest
        | "--capsule" :: rest -> read { place with Capsule = true } words rest
        | "--bad" :: commit :: rest -> read { place with Bad = commit } words rest
        | "--largest" :: Whole megabytes :: rest -> read { place with Largest = int64 megabytes * 1_000_000L } words rest
        | "--seed" :: Whole seed :: rest -> read { place with Seed = seed } words rest
        | (option: string) :: _ when option.StartsWith "--" ->
            refuse $"""Unknown option {option}, or its value is missing. Known options: {String.Join(", ", options)}."""
        | word :: rest -> read place (word :: words) rest

    try
        match read (at root) [] arguments with
        | _, [ "help" ] -> help ()
        | place, words -> perform place words
    with
    | Workplace.Stopped signal as stopped ->
        eprintfn $"{stopped.Message}"
        128 + signal
    | :? ConfigException as error ->
        eprintfn $"{error.Message}"
        2
    | :? InvalidDataException as error ->
        eprintfn $"{error.Message}"
        2
