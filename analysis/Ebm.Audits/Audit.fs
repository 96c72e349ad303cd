/// The command line of the audits, for `analysis/audit.fsx` and `sweep.fsx audit`. Exit codes: 0, all holds; 2, the message says what to
/// correct; 3, an alteration was found, or the verdict is DIFFERENT, NOT-COMPARABLE or FAILED.
module Ebm.Audits.Audit

open System
open Ebm.Records
open Ebm.Audits.Workspace

let verbs = [
    VerifyCommand.verb
    SignCommand.verb
    SmokeCommand.verb
    RerunCommand.verb
    SampleCommand.verb
    CardCommand.verb
    ExportCommand.verb
    BisectCommand.verb
    RefsCommand.verb
]

let private find (name: string) =
    let names = verbs |> List.map _.Name

    match verbs |> List.tryFind (fun verb -> verb.Name = name) with
    | Some verb -> verb
    | None -> refuse $"""Unknown audit "{name}". Known audits: {String.Join(", ", names)}{Spelling.DidYouMean(name, names)}."""

/// Runs the audit that the arguments name. Throws ConfigException with a message that says what to correct.
let perform (workspace: Workspace) (arguments: string list) : int =
    match arguments with
    | [] -> refuse $"""name an audit: {String.Join(", ", verbs |> List.map _.Name)}."""
    | name :: arguments ->
        let verb = find name
        let own = verb.Options |> List.collect Options.names
        arguments
        |> List.filter (fun argument -> not (List.contains (Options.nameOf argument) own))
        |> Options.refuseOthers name $"help audit {name}" (own @ Options.names Workspace.parser)
        verb.Perform workspace arguments

/// A name with the lines of its text beside it; no line is wider than 100 letters.
let private beside (name: string) (text: string) =
    let mutable line = "  " + name.PadRight 22

    for word in text.Split ' ' do
        if line.Length + 1 + word.Length > 100 then
            Console.WriteLine line
            line <- String(' ', 24)

        line <- line + " " + word

    Console.WriteLine line

let private help (words: string list) =
    let shown, options =
        match words with
        | [] -> verbs, []
        | name :: _ -> let verb = find name in [ verb ], verb.Options

    Console.WriteLine "dotnet fsi analysis/audit.fsx <verb> [words] [options]"
    Console.WriteLine "dotnet fsi experiments/sweep.fsx audit <verb> …, and ./ebm audit <verb> …, are the same"
    Console.WriteLine()

    for verb in shown do
        beside $"{verb.Name} {verb.Words}" verb.Says

    if not words.IsEmpty then
        Console.WriteLine()
        Console.WriteLine "Examples:"

        for verb in shown do
            for example, does in verb.Examples do
                Console.WriteLine $"  {example}"
                Console.WriteLine $"      {does}"

    Console.WriteLine()
    Console.WriteLine "Options:"

    for parser in options @ [ Workspace.parser ] do
        for case in parser.GetArgumentCases() do
            beside case.CommandLineNames.Value.Head case.Description.Value

    if words.IsEmpty then Console.WriteLine "Most verbs have further options: help <verb> prints them, with examples."

    Console.WriteLine()
    Console.WriteLine "Exit codes: 0 everything holds, 2 the message says what to correct, 3 an alteration was found, or"
    Console.WriteLine "the verdict is DIFFERENT, NOT-COMPARABLE or FAILED."
    0

/// Runs the script with its arguments; paths are relative to the current folder. Returns the exit code.
let main (root: string) (arguments: string list) : int =
    Command.Run(fun () ->
        try
            match arguments |> List.filter ((<>) "--") with
            | "help" :: words -> help (words |> List.filter (Options.asksHelp >> not))
            | name :: "help" :: _ -> help [ name ]
            | arguments when List.exists Options.asksHelp arguments ->
                // A word before it names the audit; options and runs do not matter.
                help (arguments |> List.truncate 1 |> List.filter (fun word -> not (word.StartsWith '-' || Options.asksHelp word)))
            | arguments ->
                let workspace, arguments = Workspace.read root arguments
                perform workspace arguments
        with Scratch.Stopped signal as stopped ->
            eprintfn $"{stopped.Message}"
            128 + signal)
