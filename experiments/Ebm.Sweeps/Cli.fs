/// The command line of every sweep script: a verb, overrides, options.
///
/// Verbs are words, because `dotnet fsi` keeps --help, -h, -r, -d, -I and @file for itself, even behind the script's name.
module Ebm.Sweeps.Cli

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open Argu
open Ebm.Analysis
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Child

// ── Words ───────────────────────────────────────────────────────────────────────────────────

let private verbs = [
    "run", "do what is not done yet, then print the comparison table (no verb is this one)"
    "plan", "every run, composed and checked, and its state; writes nothing"
    "status", "what the folders say now, from any shell"
    "measure", "draw from finished runs and measure them again, without training"
    "table", "the comparison table of a sweep's runs, or of every sweep"
    "report", "the same as table"
    "why", "where every value of a config was written: why [key] [overrides]"
    "diff", "in which settings two runs differ: diff <run> <run>"
    "list", "groups and their options; list <group>: with their settings"
    "help", "this page"
]

let private later = [ "confirm"; "audit"; "reindex" ]

type private Option =
    | [<EqualsAssignmentOrSpaced>] Name of string
    | [<EqualsAssignmentOrSpaced>] Workers of int
    | [<EqualsAssignmentOrSpaced>] Runs of folder: string
    | [<EqualsAssignmentOrSpaced>] Reports of folder: string
    | [<EqualsAssignmentOrSpaced>] Data of folder: string
    | [<EqualsAssignmentOrSpaced>] With of assembly: string
    | [<EqualsAssignmentOrSpaced>] Only of states: string
    | [<EqualsAssignmentOrSpaced>] Redo of filter: string
    | [<EqualsAssignmentOrSpaced>] Where of expression: string
    | [<EqualsAssignmentOrSpaced>] Shard of part: string
    | [<EqualsAssignmentOrSpaced>] Retry of int
    | [<EqualsAssignmentOrSpaced>] On_Error of rule: string
    | [<EqualsAssignmentOrSpaced>] Max_Hours of float
    | [<EqualsAssignmentOrSpaced>] Timeout of seconds: float
    | [<EqualsAssignmentOrSpaced>] Memory of gigabytes: float
    | [<EqualsAssignmentOrSpaced>] Launcher of string
    | Dry_Run
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Name _ -> "the sweep's name; else the experiment, else the script's own"
            | Workers _ -> "runs at once (cores)"
            | Runs _ -> "where runs lie (runs)"
            | Reports _ -> "where tables go (reports)"
            | Data _ -> "the data root (the variable EBM_DATA, else data)"
            | With _ -> "a lab's own assembly with methods, data sets or metrics; may be repeated"
            | Only _ -> "only runs in these states: failed,lost,missing"
            | Redo _ -> "run again from the start: states, run ids, or an expression as in --where"
            | Where _ -> "only runs whose config fits: method.steps >= 20 && seed in {0..4}"
            | Shard _ -> "the i-th of n parts: 1/4"
            | Retry _ -> "further attempts after a failed one (0)"
            | On_Error _ -> "continue, stop or stop-after=K; else it stops when the first three all fail alike"
            | Max_Hours _ -> "start no run after so long"
            | Timeout _ -> "seconds that one run may take"
            | Memory _ -> "not there yet"
            | Launcher _ -> "local; slurm is not there yet"
            | Dry_Run -> "run: only plan"
            | Json -> "plan, table: print JSON"

/// Which options mean something to a verb. Whatever does not is refused: nothing is ignored.
let private allowed verb =
    let always = [ "--runs"; "--with"; "--name" ]
    let filters = [ "--only"; "--where"; "--shard" ]

    match verb with
    | "measure" -> always @ filters @ [ "--workers"; "--reports"; "--data"; "--timeout"; "--on-error"; "--dry-run" ]
    | "run" ->
        always
        @ filters
        @ [
            "--redo"
            "--workers"
            "--reports"
            "--data"
            "--retry"
            "--on-error"
            "--max-hours"
            "--timeout"
            "--memory"
            "--launcher"
            "--dry-run"
        ]
    | "plan" -> always @ filters @ [ "--json" ]
    | "table"
    | "report" -> always @ [ "--reports"; "--json" ]
    | "list" -> [ "--with" ]
    | "diff" -> [ "--runs" ]
    | _ -> always

let private usage (source: string) says : 'a = fail (Source.CommandLine source) "" says

type private Given = {
    Verb: string
    /// Words that are neither verb, override nor option: run ids, keys, a group.
    Words: string list
    /// The lists of overrides between --or.
    Unions: string list list
    Options: ParseResults<Option>
}

let private parser = ArgumentParser.Create<Option>(programName = "sweep.fsx", helpTextMessage = "", checkStructure = false)

let private optionNames =
    parser.GetArgumentCases()
    |> List.collect (fun case -> case.CommandLineNames.Value)
    |> List.filter ((<>) "--help")
    |> List.sort

let private isWord (text: string) =
    not (text.Contains '=') && not (text.StartsWith '~') && not (text.StartsWith '+') && not (text.Contains '(')

/// --workers of --workers=4.
let private nameOf (argument: string) =
    match argument.IndexOf '=' with
    | -1 -> argument
    | cut -> argument.Substring(0, cut)

let private read (arguments: string list) : Given =
    let arguments = arguments |> List.filter ((<>) "--")

    let options =
        try
            parser.ParseCommandLine(Array.ofList arguments, ignoreMissing = true, ignoreUnrecognized = true, raiseOnUsage = false)
        with :? ArguParseException as error ->
            let lines = error.Message.Split '\n'
            let first = lines[0].Replace("ERROR: ", "").Trim().TrimEnd '.'
            let quoted = arguments |> List.tryFind (fun argument -> argument.StartsWith "--" && first.Contains(nameOf argument))
            usage (defaultArg quoted (String.Join(' ', arguments))) (first + ".")

    let rest = options.UnrecognizedCliParams

    for argument in rest do
        if argument.StartsWith '-' && argument <> "--or" then
            let name = nameOf argument
            usage argument $"{name} is no option; options are {listed optionNames}{Spelling.DidYouMean(name, optionNames)}."

    let verb, rest =
        match rest with
        | first :: rest when isWord first && (List.exists (fst >> (=) first) verbs || List.contains first later) -> first, rest
        | first :: _ when isWord first && first <> "--or" ->
            let words = List.map fst verbs @ later
            usage
                first
                $"{first} is neither a verb nor an override (key=value); verbs are {listed words}{Spelling.DidYouMean(first, words)}."
        | rest -> "run", rest

    let words, overrides = rest |> List.partition (fun argument -> isWord argument && argument <> "--or")

    let unions =
        (overrides, [ [] ])
        ||> List.foldBack (fun argument unions ->
            match argument, unions with
            | "--or", unions -> [] :: unions
            | argument, first :: others -> (argument :: first) :: others
            | _, [] -> [])

    if unions.Length > 1 && unions |> List.exists List.isEmpty then
        usage "--or" "it stands between two lists of overrides, and one of them is empty."

    { Verb = verb; Words = words; Unions = unions; Options = options }

// ── What the options say ────────────────────────────────────────────────────────────────────

type private Place = { Folder: string; Root: string; Sweep: Declare.Sweep; Given: Given; Runs: string; Reports: string }

let private loadCatalog (given: Given) = Catalog.Load(given.Options.GetResults <@ With @>)

let private planned (place: Place) =
    let composer = Composer(Configs(Path.Combine(place.Folder, "configs")), "sweep")

    let unions = [
        for overrides in place.Given.Unions |> List.map (List.map parse) do
            for part in place.Sweep.Parts -> List.fold Declare.replace part overrides
    ]

    plan composer (loadCatalog place.Given) place.Runs (place.Given.Options.TryGetResult <@ Name @>) place.Sweep.Name unions

let private states (option: string) (text: string) = [
    for name in text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) do
        let name = if name = "missing" then RunState.Planned else name
        let known = "missing" :: List.ofSeq RunState.All

        if not (List.contains name known) then
            usage $"{option} {text}" $"{name} is no state of a run; states are {listed known}{Spelling.DidYouMean(name, known)}."

        name
]

/// A redo names states, run ids, or an expression over the config.
let private redone (text: string) : PlannedRun -> bool =
    if text.IndexOfAny [| '='; '<'; '>'; ' '; '!' |] >= 0 then
        let expression = Where.parse "--redo" text
        fun run -> Where.holds expression run.Config
    else
        let names = text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)

        fun run -> names |> Array.exists (fun name -> run.Id = name || run.State = name || (name = "all" && run.State <> RunState.Planned))

let private shard (text: string) =
    match text.Split '/' |> Array.map (fun part -> Int32.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture)) with
    | [| true, part; true, parts |] when part >= 1 && part <= parts -> part - 1, parts
    | _ -> usage $"--shard {text}" "a shard is i/n with 1 <= i <= n, such as 2/4."

/// The runs that --where, --shard and --only leave.
let private selected (given: Given) (plan: Plan) =
    let runs =
        match given.Options.TryGetResult <@ Where @> with
        | Some text ->
            let expression = Where.parse "--where" text
            plan.Runs |> List.filter (fun run -> Where.holds expression run.Config)
        | None -> plan.Runs

    let runs =
        match given.Options.TryGetResult <@ Shard @> with
        | Some text ->
            let part, parts = shard text
            runs |> List.indexed |> List.filter (fun (i, _) -> i % parts = part) |> List.map snd
        | None -> runs

    let runs =
        match given.Options.TryGetResult <@ Only @> with
        | Some text ->
            let states = states "--only" text
            runs |> List.filter (fun run -> List.contains run.State states)
        | None -> runs

    { plan with Runs = runs }

let private relative (path: string) =
    let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path)
    if relative.StartsWith("..", StringComparison.Ordinal) then path else relative

// ── plan, why, diff, list, status ───────────────────────────────────────────────────────────

let private aligned (rows: string list list) =
    let widths = rows |> List.transpose |> List.map (List.map String.length >> List.max)

    for row in rows do
        let padded = List.map2 (fun (text: string) width -> text.PadRight width) row widths
        Console.WriteLine(String.Join("  ", padded).TrimEnd())

let private printCounts (plan: Plan) =
    Console.WriteLine $"{plan.Sweep}: {Status.counted (plan.Runs |> List.map _.State)}"

    if plan.Duplicates > 0 then
        Console.WriteLine $"{plan.Duplicates} combinations come to a config that another one has already, and are left out."

let private printPlan (plan: Plan) =
    printCounts plan

    if not plan.Runs.IsEmpty then
        let keys, values = varying plan
        Console.WriteLine()

        aligned (
            ([ "run"; "state" ] @ keys)
            :: List.map2 (fun (run: PlannedRun) values -> [ run.Id; run.State ] @ values) plan.Runs values
        )

let private origin (composed: Document) (key: string) =
    match composed.Find key with
    | null -> None
    | node -> Some(string node.Source)

let private printWhy (place: Place) =
    let plan = planned place
    let run = plan.Runs.Head

    let leaves = [ for struct (path, leaf) in run.Config.Leaves() -> path, leaf ]

    let shown =
        match place.Given.Words with
        | [] -> leaves
        | words ->
            for word in words do
                if not (leaves |> List.exists (fun (path, _) -> path = word || path.StartsWith(word + "."))) then
                    let known = [
                        for path, _ in leaves do
                            let keys = path.Split '.' in for length in 1 .. keys.Length -> String.Join('.', Array.take length keys)
                    ]
                    usage word $"this config has no {word}{Spelling.DidYouMean(word, known)}."

            leaves |> List.filter (fun (path, _) -> words |> List.exists (fun word -> path = word || path.StartsWith(word + ".")))

    if plan.Runs.Length > 1 then
        Console.WriteLine $"The first of {plan.Runs.Length} runs, {run.Id}:"
        Console.WriteLine()

    let options =
        run.Choices
        |> Map.toList
        |> List.map (fun (group, options) -> group, (if options.IsEmpty then "none" else listed options))
    aligned [ for group, options in options -> [ group; options ] ]
    Console.WriteLine()
    aligned [ for path, leaf in shown -> [ path; string leaf; origin run.Composed path |> Option.defaultValue "default" ] ]

let private findRun (runs: string) (name: string) =
    let named =
        if File.Exists(Path.Combine(name, "config.json")) then
            [ RunFolder.Open name ]
        else
            RunFolder.Under runs
            |> Seq.filter (fun run -> run.Id = name || run.Id.StartsWith name || run.Id.Contains("-" + name))
            |> List.ofSeq

    match named with
    | [ run ] -> run
    | [] -> usage name $"there is no run of this id under {relative runs}."
    | several ->
        usage name $"this fits {several.Length} runs: {listed (several |> List.truncate 5 |> List.map _.Id)}; write more of the id."

let private printDiff (place: Place) =
    match place.Given.Words with
    | [ one; other ] ->
        let one, other = findRun place.Runs one, findRun place.Runs other
        let leaves (run: RunFolder) = [ for struct (path, leaf) in run.Config.Leaves() -> path, string leaf ] |> Map.ofList
        let left, right = leaves one, leaves other
        let keys = Seq.append left.Keys right.Keys |> Seq.distinct |> Seq.sort |> List.ofSeq
        let differing = keys |> List.filter (fun key -> left.TryFind key <> right.TryFind key)
        let value (side: Map<string, string>) key = side |> Map.tryFind key |> Option.defaultValue "-"

        if differing.IsEmpty then
            Console.WriteLine "Their configs are the same."
        else
            aligned ([ "key"; one.Id; other.Id ] :: [ for key in differing -> [ key; value left key; value right key ] ])
    | words -> usage (String.Join(' ', "diff" :: words)) "diff takes two runs: their ids, the first characters of them, or their folders."

let private roleOf (group: string) =
    typeof<ExperimentSpec>.GetConstructors()
    |> Array.collect _.GetParameters()
    |> Array.tryFind (fun parameter -> Kebab.Case(string parameter.Name) = group)
    |> Option.map _.ParameterType

let private printList (place: Place) =
    let configs = Configs(Path.Combine(place.Folder, "configs"))
    let options group = [ for option in configs.Options group -> [ "  " + option; configs.Says(group + "/" + option) ] ]

    match place.Given.Words with
    | [] ->
        for group in configs.Groups do
            Console.WriteLine group
            aligned (options group)
    | [ group ] when configs.IsGroup group ->
        aligned (options group)

        match roleOf group with
        | None -> ()
        | Some role ->
            for kind in (loadCatalog place.Given).Describe role do
                Console.WriteLine()
                let name = if kind.Kind = "" then group else $"kind: {kind.Kind}"
                Console.WriteLine((name + "  " + kind.Doc).TrimEnd())

                aligned [
                    for setting in kind.Settings do
                        let standard =
                            match setting.Default with
                            | null -> "must be given"
                            | value -> value
                        [ "  " + setting.Key; standard; setting.Wants; setting.Doc ]
                ]
    | words ->
        let groups = configs.Groups
        usage
            (String.Join(' ', "list" :: words))
            $"list takes one group, or none; groups are {listed groups}{Spelling.DidYouMean(words.Head, groups)}."

/// The folders of the sweeps that the words, the name or the overrides mean; all of them where nothing is said.
let private sweepFolders (place: Place) =
    let asked = place.Given.Options.TryGetResult <@ Name @>

    let folders =
        match place.Given.Words, asked, place.Given.Unions with
        | [], None, [ [] ] -> if Directory.Exists place.Runs then Directory.GetDirectories place.Runs |> Array.sort |> List.ofArray else []
        | [], Some name, [ [] ] -> [ Path.Combine(place.Runs, name) ]
        | [], _, _ -> [ (planned place).Folder ]
        | words, _, _ -> words |> List.map (fun name -> Path.Combine(place.Runs, name))

    for folder in folders do
        if not (Directory.Exists folder) then
            let there =
                if Directory.Exists place.Runs then
                    Directory.GetDirectories place.Runs |> Array.map (Path.GetFileName >> string) |> Array.sort |> List.ofArray
                else
                    []

            let name = string (Path.GetFileName folder)
            let known = if there.IsEmpty then "there are none" else $"there are {listed there}"
            usage name $"no sweep of this name lies under {relative place.Runs}; {known}{Spelling.DidYouMean(name, there)}."

    folders

// ── table ───────────────────────────────────────────────────────────────────────────────────

/// Writes a sweep's table and prints it. False where the folder holds no run that has begun.
let private tabulate (place: Place) (asJson: bool) (folder: string) =
    let table, skipped = Report.ofSweep folder place.Reports

    for skip in skipped do
        eprintfn $"{relative skip.Path}: {skip.Why}; it is left out."

    match table with
    | Some table when asJson -> Console.Write(Json.table table)
    | Some table ->
        Console.WriteLine()
        Console.WriteLine(Markdown.table table)
        Console.WriteLine(relative (Path.Combine(place.Reports, table.Sweep, "table.md")))
    | None -> ()

    table.IsSome

let private printTables (place: Place) =
    let json = place.Given.Options.Contains <@ Json @>

    match sweepFolders place |> List.map (tabulate place json) with
    | [] -> usage place.Given.Verb $"there is no sweep under {relative place.Runs} yet."
    | some when List.contains true some -> 0
    | _ -> usage place.Given.Verb "no run there has begun."

// ── run ─────────────────────────────────────────────────────────────────────────────────────

/// The runner lies beside this library, where the build puts every program.
let private runner () =
    let here = Path.GetDirectoryName(typeof<Declare.Sweep>.Assembly.Location) |> string
    let path = Path.GetFullPath(Path.Combine(here, "..", "..", "Ebm.Runner", Path.GetFileName here |> string, "ebm-runner"))

    if not (File.Exists path) then
        fail (Source.Of path) "" "the compiled runner is not there; build it with: dotnet fsi build.fsx build"

    path

let private settings (place: Place) (plan: Plan) : Launch.Settings =
    let options = place.Given.Options
    let positive option value = if value > 0.0 then value else usage $"{option} {value}" $"{option} must be positive."

    let onError =
        match options.TryGetResult <@ On_Error @> with
        | None -> Launch.Guarded
        | Some "continue" -> Launch.Continue
        | Some "stop" -> Launch.StopAfter 1
        | Some text ->
            match text.Split '=' with
            | [| "stop-after"; count |] when Int32.TryParse count |> fst && int count > 0 -> Launch.StopAfter(int count)
            | _ -> usage $"--on-error {text}" "it is continue, stop or stop-after=K."

    match options.TryGetResult <@ Launcher @> with
    | None
    | Some "local" -> ()
    | Some "slurm" -> usage "--launcher slurm" "SLURM is not there yet; local is."
    | Some other -> usage $"--launcher {other}" "a launcher is local; slurm is not there yet."

    if options.Contains <@ Memory @> then usage "--memory" "a limit of memory is not there yet; leave it out."

    let retry = options.GetResult(<@ Retry @>, 0)
    if retry < 0 then usage $"--retry {retry}" "--retry counts further attempts, so it is 0 or more."

    let workers =
        match options.TryGetResult <@ Workers @> with
        | Some workers when workers < 1 -> usage $"--workers {workers}" "at least one run must be at work."
        | Some workers -> workers
        | None ->
            let threads = 1 :: (plan.Runs |> List.map _.Spec.Threads) |> List.max
            max 1 (Environment.ProcessorCount / threads)

    let data =
        options.TryGetResult <@ Data @>
        |> Option.orElse (Environment.GetEnvironmentVariable "EBM_DATA" |> Option.ofObj |> Option.filter ((<>) ""))
        |> Option.defaultValue (Path.Combine(place.Root, "data"))
        |> Path.GetFullPath

    {
        Workers = workers
        OnError = onError
        Retry = retry
        Timeout = options.TryGetResult <@ Timeout @> |> Option.map (positive "--timeout" >> TimeSpan.FromSeconds)
        MaxTime = options.TryGetResult <@ Max_Hours @> |> Option.map (positive "--max-hours" >> TimeSpan.FromHours)
        Runner = runner ()
        Arguments = [
            "--data"
            data
            for assembly in options.GetResults <@ With @> do
                "--with"
                Path.GetFullPath assembly
        ]
    }

/// A device that is not there is an error now, not in every run. Looking for one loads libtorch, so only where one is asked for.
let private checkDevices (plan: Plan) =
    for run in plan.Runs |> List.distinctBy _.Spec.Device do
        if run.Spec.Device <> "cpu" then
            try
                run.Spec.OnDevice() |> ignore
            with :? SettingException as error ->
                match run.Composed.Find "device" with
                | null -> fail Source.Code "device" $"device {error.Says}."
                | node -> fail node.Source "device" $"device {error.Says}."

/// Plans, does the jobs that the plan leaves, and prints the table of the sweep's folder.
let private perform (place: Place) (jobsOf: Plan -> Job list) =
    let given = place.Given
    let plan = planned place |> selected given

    if given.Options.Contains <@ Dry_Run @> then
        printPlan plan
        0
    else
        checkDevices plan
        let settings = settings place plan
        let jobs = jobsOf plan

        let outcomes, stopped =
            if jobs.IsEmpty then
                printCounts plan
                if not plan.Runs.IsEmpty then Console.WriteLine "Nothing is left to do."
                [], None
            else
                use _ = Launch.hold plan.Folder
                printCounts plan
                Console.WriteLine $"{jobs.Length} to do, {min settings.Workers jobs.Length} at once, in {relative plan.Folder}"
                Status.during (Launch.launch settings jobs)

        match stopped with
        | Some code ->
            Console.WriteLine "Stopped; the same command goes on from here."
            code
        | None ->
            tabulate place false plan.Folder |> ignore
            let ended = outcomes |> List.map (fun outcome -> outcome.Job.Run.Id, outcome.State) |> Map.ofList
            let good state = state = RunState.Completed || state = RunState.Pruned
            let all = plan.Runs |> List.forall (fun run -> ended |> Map.tryFind run.Id |> Option.defaultValue run.State |> good)
            if all then 0 else 1

let private run (place: Place) =
    let redo =
        match place.Given.Options.TryGetResult <@ Redo @> with
        | Some filter -> redone filter
        | None -> fun _ -> false

    perform place (fun plan -> [
        for run in plan.Runs do
            if redo run then { Run = run; Work = ExecuteAfresh; Try = 1 }
            elif not (RunState.IsSettled run.State) then { Run = run; Work = Execute; Try = 1 }
    ])

let private measure (place: Place) =
    perform place (fun plan -> [
        for run in plan.Runs do
            if run.State = RunState.Completed then { Run = run; Work = Measure; Try = 1 }
    ])

// ── The whole ───────────────────────────────────────────────────────────────────────────────

let private help (sweep: Declare.Sweep) =
    let lines = StringBuilder()
    let say (line: string) = lines.AppendLine line |> ignore
    say "dotnet fsi experiments/sweep.fsx [verb] [overrides…] [--options]"
    say ""

    for verb, says in verbs do
        say $"  {verb, -8} {says}"

    say ""
    say "Overrides, each one argument; commas and functions make axes:"
    say "  experiment=mnist  method.steps=20,40  seed=seeds(5)  train.lr=logrange(1e-4,1e-2,3)"
    say "  +key=value adds, ++key=value adds or changes, ~key deletes; name=zip(a.b=[1,2], c=[3,4]) goes in lock step;"
    say "  --or between two lists of overrides makes the union."
    say ""
    say "Options:"

    for case in parser.GetArgumentCases() do
        for name in case.CommandLineNames.Value do
            if name <> "--help" then say $"  {name, -12} {case.Description.Value}"

    say ""
    let declared = sweep.Parts |> List.map (List.map _.Text >> String.concat " ")
    say $"""This script's own sweep: {String.Join(" --or ", declared)}"""
    say "Exit codes: 0 every run completed or pruned, 1 some run failed or diverged, 2 a sentence says what to correct, 130 or 143 stopped."
    Console.Write lines

/// Does what the command line asks of a declared sweep. `folder` is the script's own, where `configs` lies. Returns the exit code.
let main (folder: string) (sweep: Declare.Sweep) (arguments: string seq) : int =
    try
        let given = read (List.ofSeq arguments)

        if List.contains given.Verb later then usage given.Verb $"{given.Verb} is not there yet."

        for case in given.Options.GetAllResults() |> List.map parser.GetArgumentCaseInfo do
            for name in case.CommandLineNames.Value do
                if not (List.contains name (allowed given.Verb)) then
                    let takers = verbs |> List.map fst |> List.filter (fun verb -> List.contains name (allowed verb))
                    usage name $"{given.Verb} takes no {name}; it goes with {listed takers}."

        if not given.Words.IsEmpty && List.contains given.Verb [ "run"; "plan"; "help" ] then
            usage given.Words.Head $"{given.Words.Head} is no override; an override is key=value."

        let root = Path.GetDirectoryName(Path.GetFullPath folder) |> string

        let path option (given: string option) name =
            match given with
            | Some "" -> usage option "it needs a folder's path."
            | _ -> Path.GetFullPath(given |> Option.defaultValue (Path.Combine(root, name)))

        let place = {
            Folder = folder
            Root = root
            Sweep = sweep
            Given = given
            Runs = path "--runs" (given.Options.TryGetResult <@ Runs @>) "runs"
            Reports = path "--reports" (given.Options.TryGetResult <@ Reports @>) "reports"
        }

        match given.Verb with
        | "plan" ->
            let plan = planned place |> selected given
            if given.Options.Contains <@ Json @> then Console.WriteLine(Plan.json plan) else printPlan plan
            0
        | "status" ->
            match sweepFolders place with
            | [] -> Console.WriteLine $"There is no sweep under {relative place.Runs} yet."
            | folders -> folders |> List.collect Status.lines |> List.iter Console.WriteLine

            0
        | "table"
        | "report" -> printTables place
        | "why" ->
            printWhy place
            0
        | "diff" ->
            printDiff place
            0
        | "list" ->
            printList place
            0
        | "help" ->
            help sweep
            0
        | "measure" -> measure place
        | _ -> run place
    with
    | :? ConfigException as error ->
        eprintfn $"{error.Message}"
        2
    | :? InvalidDataException as error ->
        eprintfn $"{error.Message}"
        2
