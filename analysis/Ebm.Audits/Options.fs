/// Reads command-line options, declared as Argu unions, and refuses unknown ones.
module Ebm.Audits.Options

open System
open System.Text.RegularExpressions
open Argu
open Ebm.Records

/// The parser of one union of options. Help is a verb, so --help is not an option.
let parser<'option when 'option :> IArgParserTemplate> = ArgumentParser.Create<'option>(helpTextMessage = "", checkStructure = false)

/// The options that a parser knows: --json, --runs.
let names (parser: ArgumentParser) = [
    for case in parser.GetArgumentCases() do
        yield! case.CommandLineNames.Value |> List.filter ((<>) "--help")
]

let private helps = set [ "--help"; "-help"; "-h"; "--h"; "-?"; "--?"; "/?"; "?"; "/h"; "/help"; "--usage"; "--man" ]

/// Whether an argument asks for help; nothing is started then.
let asksHelp (argument: string) = helps.Contains(argument.ToLowerInvariant())

/// The name of an option: --workers for --workers=4.
let nameOf (argument: string) = (argument.Split '=')[0]

let usage (source: string) says : 'a = raise (ConfigException(Source.CommandLine source, "", says))

/// The sentence of the parser for a value that is not a number, with the type in words. Every text is valid where no number is wanted.
let private numbers (says: string) =
    let says = Regex.Replace(says, @"\Aparameter '(--[a-z-]+)' (?=must be)", "$1 ")
    let says = says.Replace("must be followed by <int>", "needs a whole number, such as 2")
    Regex.Replace(says, @"must be followed by <(\w+)>(?=, but was)", "needs a number ($1)")

/// The options of one union among the arguments, and the other arguments in their order. Throws ConfigException for an option without a
/// value, or with a value that is not valid.
let read (parser: ArgumentParser<'option>) (arguments: string list) : ParseResults<'option> * string list =
    let options =
        try
            parser.ParseCommandLine(Array.ofList arguments, ignoreMissing = true, ignoreUnrecognized = true, raiseOnUsage = false)
        with :? ArguParseException as error ->
            let lines = error.Message.Split '\n'
            let first = lines[0].Replace("ERROR: ", "").Trim().TrimEnd '.' |> numbers
            let quoted = arguments |> List.tryFind (fun argument -> argument.StartsWith "--" && first.Contains(nameOf argument))
            // Only the names, because a value may be secret.
            let options = arguments |> List.filter _.StartsWith("--") |> List.map nameOf
            usage (defaultArg quoted (String.Join(' ', options))) (first + ".")

    options, options.UnrecognizedCliParams

/// The most options that an error lists; `help` prints more.
let private few = 10

/// Throws ConfigException if an argument looks like an option. The message has the nearest of the `known` options of `whose`, or names the
/// command that prints them.
let refuseOthers (whose: string) (help: string) (known: string list) (arguments: string list) =
    for argument in arguments do
        if argument.StartsWith '-' then
            let name = nameOf argument

            let says =
                match Option.ofObj (Spelling.Nearest(name, known)) with
                | Some meant -> $"did you mean {meant}? {help} lists all."
                | None when known.Length <= few -> $"""known options: {String.Join(", ", List.sort known)}."""
                | None -> $"{help} lists the known ones."

            usage argument $"Unknown option {name} of {whose}; {says}"

/// Checks that an option's value is a count of 1 or more.
let counted (option: string) (count: int) =
    if count > 0 && count <= 1_000_000 then
        count
    else
        usage $"{option} {count}" $"{option} must be a count of 1 or more, and at most 1000000."

/// Checks that an option's number is one of a unit, such as hours, in a range. NaN is in no range.
let between (option: string) (units: string) (least: float) (most: float) (value: float) =
    if value >= least && value <= most then
        value
    else
        usage $"{option} {value}" $"{option} must be a number of {units} from {least} to {most}."

/// The full path of a folder that an option names. It need not exist.
let folder (option: string) (path: string) =
    if path = "" then usage option "the path of a folder is missing."

    match FolderPath.Refusal path with
    | null -> System.IO.Path.GetFullPath path
    | says -> usage $"{option} {path}" says

/// The folder that an option gives, else an environment variable, else the standard one. Given paths are relative to the current folder.
let place (option: string) (given: string option) (variable: string) (standard: string) =
    match given, Option.ofObj (Environment.GetEnvironmentVariable variable) with
    | Some path, _ -> folder option path
    | None, Some path when path <> "" -> folder variable path
    | _ -> standard
