/// The pages of help: the first one, and one for each verb with its options, two examples and its exit codes. Asking for help starts nothing.
module Ebm.Sweeps.Help

open System
open Microsoft.FSharp.Reflection
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Show

/// What the page of a verb has besides its options.
type private Page = {
    /// What may follow the verb.
    Words: string
    /// Command lines after the script's name, and what they do.
    Examples: (string * string) list
    Exits: string
}

let private plain = "0 done, 2 an error of usage or config."

let private executes =
    "0 every run completed or pruned, 1 a run failed, timed out or diverged, 2 an error of usage or config (nothing was started), "
    + "3 a finished run was altered, 130, 138 or 143 stopped by a signal."

let private marked = "0 done, 2 an error of usage or config, 3 with --strict, if a run does not match its hashes or the ledger."

let private pages =
    Map [
        "run",
        {
            Words = "[overrides…]"
            Examples = [
                "run experiment=rings method=joint-cd,flow seed=0..3", "two methods with four seeds each"
                "run train.lr=1e-3,3e-4 --workers 2 --name rates", "a grid over one setting, two runs at once, in runs/rates"
            ]
            Exits = executes
        }
        "plan",
        {
            Words = "[overrides…]"
            Examples = [
                "plan experiment=rings method=joint-cd seed=0..3", "the runs that run would execute with the same words"
                "plan --only failed,missing --json", "the runs that are left, as JSON"
            ]
            Exits = plain
        }
        "status",
        {
            Words = "[sweep…]"
            Examples = [ "status", "the states of all sweeps"; "status rings", "the states of one sweep" ]
            Exits = plain
        }
        "measure",
        {
            Words = "[overrides…]"
            Examples = [
                "measure measure.samples=20000", "the finished runs, with more samples"
                "measure experiment=mnist measure=images --only completed", "with other metrics"
            ]
            Exits = executes
        }
        "confirm",
        {
            Words = "[overrides…]"
            Examples = [
                "confirm experiment=rings train.lr=1e-3,3e-4 seed=0..2 --metric grid-kl", "the better of two settings, on six fresh seeds"
                "confirm experiment=rings train.lr=1e-3,3e-4 seed=0..2 --metric grid-kl --top 2 --seeds 10", "the best two, on ten"
            ]
            Exits = executes
        }
        "power",
        {
            Words = "[sweep]"
            Examples = [
                "power rings --ratio 0.9", "the seeds that tell a tenth apart"
                "power rings --metric grid-kl --difference 0.01", "a difference in the metric's unit"
            ]
            Exits = plain
        }
        "import",
        {
            Words = "<file.csv>"
            Examples = [
                "import results.csv --name rings", "into the table of a sweep"
                "import results.csv --name others", "or of a new one"
            ]
            Exits = plain
        }
        "retire",
        {
            Words = "[run…]"
            Examples = [
                "retire rings-gan-s0 --because \"wrong data\"", "one run leaves the tables"
                "retire --name rings --where \"train.lr == 0.1\" --because diverging", "every run with this setting"
            ]
            Exits = plain
        }
        "table",
        {
            Words = "[sweep…]"
            Examples = [ "table rings", "the table of one sweep"; "table rings --json", "the same as JSON" ]
            Exits = marked
        }
        "report",
        {
            Words = "[sweep…]"
            Examples = [ "report rings", "table, and page with figures"; "report rings --strict", "refuses altered runs" ]
            Exits = marked
        }
        "tensorboard",
        {
            Words = "[sweep or run]"
            Examples = [
                "tensorboard rings", "event files of every run of a sweep"
                "tensorboard rings-joint-cd-s0 --out events", "of one run, in another folder"
            ]
            Exits = "0 done, 1 a run has no event file, because its records cannot be read, 2 an error of usage or config."
        }
        "why",
        {
            Words = "[run] [key] [overrides…]"
            Examples = [
                "why train.lr experiment=mnist", "where the learning rate of this config is written"
                "why method.noise method=joint-cd noise=ddpm", "the same for all settings below a key"
            ]
            Exits = plain
        }
        "diff",
        {
            Words = "<run> <run>"
            Examples = [
                "diff rings-joint-cd-s0 rings-flow-s0", "the beginning of each id is enough"
                "diff 1a2b3c 4d5e6f", "and so is the beginning of its hash"
            ]
            Exits = plain
        }
        "logs",
        {
            Words = "<run>"
            Examples = [ "logs rings-joint-cd-s0", "the output of a run"; "logs rings-joint-cd-s0 --follow", "until the run ends" ]
            Exits = plain
        }
        "watch",
        {
            Words = "[sweep]"
            Examples = [
                "watch", "a page of all sweeps, at http://127.0.0.1:8050/"
                "watch rings --port 9000", "a page of one sweep, on another port"
            ]
            Exits = "2 an error of usage, such as a port in use, 130 or 143 ended by Ctrl-C or another signal."
        }
        "attach",
        {
            Words = "[sweep]"
            Examples = [ "attach", "the output of the sweep that is running"; "attach rings", "of this one" ]
            Exits = plain
        }
        "stop",
        {
            Words = "<sweep>"
            Examples = [
                "stop rings", "the sweep ends; the same run command continues it"
                "stop rings --shard 1/4", "one part of it ends"
            ]
            Exits = plain
        }
        "reindex",
        {
            Words = ""
            Examples = [ "reindex", "after runs were copied or deleted"; "reindex --runs elsewhere", "the index of another folder" ]
            Exits = plain
        }
        "list",
        {
            Words = "[topic [name [setting]]]"
            Examples = [
                "list method joint-cd", "the settings of one method, with defaults"
                "list metric", "the values of all metrics; list net has the networks by their role"
            ]
            Exits = plain
        }
        "help", { Words = "[verb]"; Examples = [ "help run", "the options of run"; "help audit verify", "an audit's" ]; Exits = plain }
    ]

/// The verbs of a first hour, in the order of their use.
let private daily = [ "run"; "plan"; "status"; "watch"; "table"; "report"; "list"; "stop" ]

let private wide = 100
let private lines (text: string) =
    for line in wrapped wide text do
        Console.WriteLine line
let private blank () = Console.WriteLine()

/// What follows an option: N of `--workers N`; nothing after a switch.
let private taken =
    Map [
        for case in FSharpType.GetUnionCases typeof<CommandLine.Option> do
            let name = "--" + case.Name.ToLowerInvariant().Replace('_', '-')

            name,
            (match case.GetFields() with
             | [||] -> ""
             | fields when fields[0].Name <> "Item" -> " " + fields[0].Name.ToUpperInvariant()
             | fields when fields[0].PropertyType = typeof<int> -> " N"
             | fields when fields[0].PropertyType = typeof<float> -> " NUMBER"
             | _ -> " NAME")
    ]

let private options (names: string list) = [
    for case in parser.GetArgumentCases() do
        let name = case.CommandLineNames.Value.Head
        if List.contains name names then [ name + taken[name] ], case.Description.Value
]

/// The first page: what to type, the verbs, overrides, and this script's own sweep.
let private front (sweep: Declare.Sweep) =
    lines "dotnet fsi experiments/sweep.fsx [verb] [overrides…] [--options]"
    lines "./ebm [verb] [overrides…] [--options], the same words with a quicker start"
    blank ()
    lines "The first verbs:"
    let first, others = verbs |> List.partition (fun (verb, _) -> List.contains verb daily)
    let first = first |> List.sortBy (fun (verb, _) -> List.findIndex ((=) verb) daily)
    described 2 [ for verb, says in first -> [ verb ], says ]
    blank ()
    lines "More verbs:"
    described 2 [ for verb, says in others -> [ verb ], says ]
    blank ()
    lines "help <verb> prints a verb's options, with examples and exit codes."
    blank ()
    lines "Overrides, one argument each; commas and functions make a run for each value:"

    described 2 [
        [ "experiment=mnist" ], "an option of a group; list prints the groups"
        [ "method.steps=20,40" ], "a setting, here with two values; list method joint-cd prints a method's settings"
        [ "seed=0..3" ], "the seeds 0, 1, 2 and 3; seeds(4) is the same"
        [ "train.lr=logrange(1e-4,1e-2,3)" ], "three values, evenly spaced in the logarithm; linspace is linear"
        [ "name=zip(a.b=[1,2], c=[3,4])" ], "varies several keys together"
        [ "name=sobol(16, train.lr=log(1e-5,1e-2))" ], "draws points evenly; tpe(40, …) searches, with --metric"
        [ "+key=value  ++key=value  ~key" ], "adds a key, adds or changes it, deletes it"
        [ "a=1 --or b=2" ], "the union of two lists of overrides"
    ]

    blank ()
    let declared = sweep.Parts |> List.map (List.map _.Text >> String.concat " ")
    lines $"""This script's own sweep, {sweep.Name}: {String.Join(" --or ", declared)}"""
    lines $"Exit codes: {executes}"

let private ofVerb verb (says: string) =
    let page = pages |> Map.tryFind verb |> Option.defaultValue { Words = ""; Examples = []; Exits = plain }
    lines $"{verb}: {says}"
    blank ()
    let names = allowed verb
    Console.WriteLine $"""  {verb} {page.Words}{if names.IsEmpty || verb = "help" then "" else " [--options]"}"""

    if not page.Examples.IsEmpty then
        blank ()
        lines "Examples, after `dotnet fsi experiments/sweep.fsx` or `./ebm`:"

        for example, does in page.Examples do
            Console.WriteLine $"  {example}"
            Console.WriteLine $"      {does}"

    if verb <> "help" && not names.IsEmpty then
        blank ()
        lines "Options; what applies without one is in parentheses:"
        described 2 (options names)

    if List.contains "--launcher" names then
        blank ()
        lines "Launchers, with their own options:"

        for launcher in Launcher.all () do
            described 2 [ [ launcher.Name ], launcher.Says ]

            described 4 [
                for case in launcher.Options |> List.collect _.GetArgumentCases() do
                    [ case.CommandLineNames.Value.Head ], case.Description.Value
            ]

    blank ()
    lines $"Exit codes: {page.Exits}"

/// Prints the page of these words, the first one without any; returns the exit code.
let print (root: string) (sweep: Declare.Sweep) (words: string list) : int =
    match words with
    | "audit" :: words -> Audit.main root ("help" :: words)
    | [] ->
        front sweep
        0
    | verb :: _ ->
        match List.tryFind (fst >> (=) verb) verbs with
        | Some(verb, says) ->
            ofVerb verb says
            0
        | None ->
            let known = List.map fst verbs
            usage
                $"help {verb}"
                $"{verb} is not a verb; for an option or a setting, write list {verb}. Known verbs: {listed known}{Spelling.DidYouMean(verb, known)}."

/// The words after `help`, if a command line asks for help in any spelling: `help run`, `run --help`, `audit verify -h`, `plan help`.
let asked (arguments: string list) : string list option =
    let words = arguments |> List.filter (fun word -> word <> "--" && not (Options.asksHelp word))
    let isVerb word = verbs |> List.exists (fst >> (=) word)
    let asks = arguments |> List.exists Options.asksHelp

    match words with
    | "help" :: first :: _ when first.StartsWith '-' || first.Contains '=' -> Some []
    | "help" :: words -> Some words
    | [ "audit"; verb; "help" ] -> Some [ "audit"; verb ]
    | verb :: "help" :: _ when isVerb verb -> Some [ verb ]
    | "audit" :: words when asks -> Some("audit" :: List.truncate 1 words)
    | verb :: _ when asks && isVerb verb -> Some [ verb ]
    | _ when asks -> Some []
    | _ -> None
