/// Reads the command line: a verb, overrides and options; and selects runs by them.
///
/// Verbs are words, because `dotnet fsi` takes --help, -h, -r, -d, -I and @file for itself, even after the script's name.
module Ebm.Sweeps.CommandLine

open System
open System.Globalization
open Argu
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Plan

// ── Words ───────────────────────────────────────────────────────────────────────────────────

let verbs = [
    "run", "execute the runs that are not finished, then print the comparison table (the default verb)"
    "plan", "list every run with its state, after checking its config; writes nothing"
    "status", "show the runs' states and the remaining time; works from any shell"
    "measure", "draw samples from finished runs and measure them again, without training"
    "confirm", "run the winners again on fresh seeds, as the sweep <name>-confirm"
    "table", "print the comparison table of a sweep, or of every sweep"
    "report", "print the table, and write a page with figures and runs"
    "power", "say how many seeds tell the rows of a sweep apart, and what they cost: power [name] --ratio 0.9"
    "import", "enter results of other sources as runs of a sweep: import results.csv [--name rings]"
    "retire", "take runs out of tables for good: retire <run> --because \"…\""
    "tensorboard", "write event files for TensorBoard from the records of runs: tensorboard [sweep or run]"
    "why", "show where each value of a config comes from: why [run] [key] [overrides]"
    "diff", "show the differences of two runs in settings, code, data and machine: diff <run> <run>"
    "logs", "print a run's output: logs <run>"
    "watch", "serve a page on this machine that shows a sweep, or all sweeps, as they run: watch [sweep]"
    "attach", "follow a sweep that was started with --detach"
    "stop", "end the runs of a sweep after they have written checkpoints: stop <sweep>"
    "reindex", "rebuild runs/index.db, an SQLite index of all runs, from their folders"
    "audit", "check that recorded files are unchanged and that runs can be repeated: audit verify [sweep]"
    "list", "list the groups, their options and settings: list [group|metric|net] [name]"
    "help", "print this page, or a verb's: help [verb]"
]

type Option =
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
    | [<EqualsAssignmentOrSpaced>] Max_Gpu_Hours of float
    | [<EqualsAssignmentOrSpaced>] Timeout of seconds: float
    | [<EqualsAssignmentOrSpaced>] Memory of gigabytes: float
    | [<EqualsAssignmentOrSpaced>] Launcher of string
    | [<EqualsAssignmentOrSpaced>] Sweep of file: string
    | [<EqualsAssignmentOrSpaced>] Grep of text: string
    | [<EqualsAssignmentOrSpaced>] First of int
    | [<EqualsAssignmentOrSpaced>] Sample of int
    | [<EqualsAssignmentOrSpaced>] Sample_Seed of int
    | [<EqualsAssignmentOrSpaced>] Reuse of what: string
    | [<EqualsAssignmentOrSpaced>] Max_Runs of int
    | [<EqualsAssignmentOrSpaced>] Deadline of time: string
    | [<EqualsAssignmentOrSpaced>] Gpus of numbers: string
    | [<EqualsAssignmentOrSpaced>] Per_Gpu of int
    | [<EqualsAssignmentOrSpaced>] Notify of command: string
    | [<EqualsAssignmentOrSpaced>] Prune of rule: string
    | [<EqualsAssignmentOrSpaced>] Metric of string
    | [<EqualsAssignmentOrSpaced>] Top of int
    | [<EqualsAssignmentOrSpaced>] Seeds of int
    | [<EqualsAssignmentOrSpaced>] Because of reason: string
    | [<EqualsAssignmentOrSpaced>] Difference of float
    | [<EqualsAssignmentOrSpaced>] Ratio of float
    | [<EqualsAssignmentOrSpaced>] Power of probability: float
    | Undo
    | [<EqualsAssignmentOrSpaced>] Out of folder: string
    | Tensorboard
    | [<EqualsAssignmentOrSpaced>] Port of int
    | Share
    | No_Share
    | Seeds_First
    | Strict
    | All
    | Whole
    | Follow
    | Detach
    | Dry_Run
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Name _ -> "the sweep's name (the experiment, else the script's name)"
            | Workers _ -> "how many runs execute at once (cores)"
            | Runs _ -> "the folder of all runs (the variable EBM_RUNS, else runs)"
            | Reports _ -> "the folder of tables and reports (the variable EBM_REPORTS, else reports)"
            | Data _ -> "the data root (the variable EBM_DATA, else data)"
            | With _ -> "an assembly with your own methods, data sets or metrics; may be repeated"
            | Only _ -> "only runs in these states, such as failed,lost,missing"
            | Redo _ -> "run again from the start: states, run ids, or an expression as in --where"
            | Where _ -> "only runs whose config matches, such as method.steps >= 20 && seed in {0..4}"
            | Shard _ -> "only the i-th of n parts, such as 1/4"
            | Retry _ -> "further attempts after a failed one (0)"
            | On_Error _ -> "continue, stop or stop-after=K (stop if the first three runs fail with the same error)"
            | Max_Hours _ -> "start no run after this many hours"
            | Max_Gpu_Hours _ -> "start no run after this many GPU hours, summed over runs"
            | Timeout _ -> "the most seconds that a run may take"
            | Memory _ -> "the most gigabytes that a run may use; also limits how many execute at once"
            | Launcher _ -> "the launcher that executes the runs, or an option of the group launcher (local)"
            | Sweep _ -> "a YAML file with a sweep, which replaces the script's"
            | Grep _ -> "only runs whose id or overrides contain this text"
            | First _ -> "only the first N runs"
            | Sample _ -> "only N runs, drawn at random"
            | Sample_Seed _ -> "the seed of --sample (0)"
            | Reuse _ -> "a finished run is stale unless these are the same: config, config+data, or exact, with code and libraries (exact)"
            | Max_Runs _ -> "start at most N runs"
            | Deadline _ -> "start no run after this time, such as 2026-03-01T08:00"
            | Gpus _ -> "divide these GPUs among the runs, such as 0,1; each run sees one, as cuda:0"
            | Per_Gpu _ -> "how many runs execute at once on a GPU (1)"
            | Notify _ -> "a shell command for the first failure and for the end; it gets EBM_EVENT and EBM_SWEEP"
            | Prune _ -> "end hopeless runs early by a metric: median(…), asha(…) or race(…)"
            | Metric _ -> "the metric that decides, for confirm and for searches: one of list metric"
            | Top _ -> "confirm: how many winners of each data set and method (1)"
            | Seeds _ -> "confirm: how many fresh seeds (6)"
            | Because _ -> "retire: why the runs do not count; tables and the ledger show it"
            | Difference _ -> "power: the difference of two means that matters, in the metric's unit"
            | Ratio _ -> "power: the ratio of two means that matters, such as 0.9"
            | Power _ -> "power: the wanted probability that the table's test finds the difference (.8)"
            | Undo -> "retire: let the runs count again"
            | Out _ -> "tensorboard: the folder of the event files (reports/<sweep>/tensorboard)"
            | Tensorboard -> "write event files for TensorBoard while runs go on"
            | Port _ -> "watch: the port of the page (8050, or the next free one)"
            | Share -> "a worker executes all its runs in one process (default: if they are short, on the CPU and without --memory)"
            | No_Share -> "each run has a process of its own"
            | Seeds_First -> "execute the first seed of every config before any second seed"
            | Strict -> "table, report: refuse runs whose metrics do not match their hashes, or the ledger"
            | All -> "run, table, report: print every metric, diagnostics too"
            | Whole -> "run: print the table of the sweep's whole folder, not only of this command's runs"
            | Follow -> "logs: continue until the run ends"
            | Detach -> "run in the background, also after this shell has ended; see attach, status and stop"
            | Dry_Run -> "only print the plan"
            | Json -> "plan, why, table, power, audit: print JSON"

/// Options about the processes of a sweep on this machine, which a scheduler does not have.
let ofProcesses = [
    "--retry"
    "--on-error"
    "--max-hours"
    "--max-gpu-hours"
    "--max-runs"
    "--deadline"
    "--timeout"
    "--gpus"
    "--per-gpu"
    "--share"
    "--no-share"
    "--notify"
    "--detach"
]

/// The options of a verb. Any other option is an error, so that none is ignored.
let allowed verb =
    let always = [ "--runs"; "--with"; "--name" ]
    let sweep = [ "--sweep" ]
    let filters = [ "--only"; "--where"; "--shard"; "--grep"; "--first"; "--sample"; "--sample-seed" ]

    let launch = [ "--workers"; "--reports"; "--data"; "--memory"; "--dry-run"; "--all"; "--whole" ] @ ofProcesses

    let running =
        always
        @ sweep
        @ filters
        @ launch
        @ [ "--redo"; "--reuse"; "--prune"; "--metric"; "--seeds-first"; "--launcher"; "--tensorboard"; "--out" ]

    match verb with
    | "measure" -> always @ sweep @ filters @ launch
    | "confirm" -> always @ sweep @ launch @ [ "--metric"; "--top"; "--seeds"; "--reuse" ]
    | "run" -> running
    // What run accepts, so that one word turns a run into its plan and back; options without an effect on a plan are checked.
    | "plan" -> running @ [ "--json" ]
    | "why" -> always @ sweep @ [ "--json" ]
    | "table"
    | "report" -> always @ [ "--reports"; "--json"; "--strict"; "--all" ]
    | "power" -> always @ [ "--metric"; "--difference"; "--ratio"; "--power"; "--json" ]
    | "retire" -> always @ [ "--where"; "--because"; "--undo" ]
    | "tensorboard" -> always @ [ "--reports"; "--out" ]
    | "list" -> [ "--with" ]
    | "logs" -> [ "--runs"; "--follow" ]
    | "watch" -> always @ [ "--port" ]
    | "diff"
    | "reindex" -> [ "--runs" ]
    | "attach"
    | "stop" -> always @ [ "--shard" ]
    | _ -> always

let usage source says : 'a = Options.usage source says

type Given = {
    Verb: string
    /// The remaining words: run ids, keys, a group.
    Words: string list
    /// The lists of overrides between --or.
    Unions: string list list
    Options: ParseResults<Option>
    Launcher: Launcher.Launcher
    Launching: Launcher.Launching
}

let parser = Options.parser<Option>

/// The words of a command line as they are recorded: without --notify, whose command may contain the token of a service, and with secrets
/// masked.
let recorded (secrets: Secrets) (words: string list) : string seq =
    let rec kept words =
        match words with
        | "--notify" :: rest ->
            // A -- before the command is passed over, as `read` does.
            match rest |> List.skipWhile ((=) "--") with
            | [] -> []
            | _ :: rest -> kept rest
        | word :: rest when word.StartsWith "--notify=" -> kept rest
        | word :: rest -> word :: kept rest
        | [] -> []

    secrets.Masked(kept words)

/// Refuses an argument with the sentence that says what to write instead.
let private instead (argument: string) (says: string) = usage argument $"{says}."

let private isWord (text: string) =
    not (text.Contains '=') && not (text.StartsWith '~') && not (text.StartsWith '+') && not (text.Contains '(')

let read (configs: Configs) (arguments: string list) : Given =
    let options, rest = arguments |> List.filter ((<>) "--") |> Options.read parser
    let launcher, written = options.GetResult(<@ Launcher @>, "local") |> Launcher.chosen configs
    let launching, rest = launcher.Read written rest
    let known = Options.names parser @ List.collect Options.names launcher.Options
    let groups = lazy configs.Groups

    for i, argument in List.indexed rest do
        if argument.StartsWith '-' && argument <> "--or" then
            Meant.ofOption known groups.Value argument (List.tryItem (i + 1) rest) |> Option.iter (instead argument)
        elif not (argument.StartsWith '+' || argument.StartsWith '~') then
            Meant.ofOverride argument |> Option.iter (instead argument)

    let help =
        match rest with
        | first :: _ when List.exists (fst >> (=) first) verbs -> $"help {first}"
        | _ -> "help run"

    rest |> List.filter ((<>) "--or") |> Options.refuseOthers "a sweep" help known

    let verb, rest =
        match rest with
        | first :: rest when isWord first && List.exists (fst >> (=) first) verbs -> first, rest
        | first :: others when isWord first && first <> "--or" ->
            let words = List.map fst verbs
            Meant.ofWord groups.Value configs.Options first (List.tryHead others) |> Option.iter (instead first)
            usage
                first
                $"{first} is not a verb, nor an override (key=value). Known verbs: {listed words}{Spelling.DidYouMean(first, words)}."
        | rest -> "run", rest

    // A path may have = or a bracket, and `import` takes no overrides.
    let words, overrides =
        if verb = "import" then rest, [] else rest |> List.partition (fun argument -> isWord argument && argument <> "--or")

    let unions =
        (overrides, [ [] ])
        ||> List.foldBack (fun argument unions ->
            match argument, unions with
            | "--or", unions -> [] :: unions
            | argument, first :: others -> (argument :: first) :: others
            | _, [] -> [])

    if not words.IsEmpty && List.contains verb [ "run"; "plan"; "confirm"; "measure"; "reindex" ] then
        let word = words.Head
        let next = words |> List.tryItem 1
        Meant.ofWord groups.Value configs.Options word next |> Option.iter (instead word)
        usage word $"{word} is not a valid override; an override is key=value."

    if unions.Length > 1 && unions |> List.exists List.isEmpty then usage "--or" "one side of --or has no overrides."

    { Verb = verb; Words = words; Unions = unions; Options = options; Launcher = launcher; Launching = launching }

// ── What is selected ────────────────────────────────────────────────────────────────────────

let states (option: string) (text: string) = [
    for name in text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) do
        match Kebab.Read<RunState> name |> Option.ofNullable with
        | Some state -> state
        | None when name = "missing" -> RunState.Planned
        | None ->
            let known = "missing" :: List.ofSeq (Kebab.All<RunState>())
            usage $"{option} {text}" $"unknown state {name}. Known states: {listed known}{Spelling.DidYouMean(name, known)}."
]

/// The value of --redo: states, run ids, or an expression over the config.
let redone (text: string) : PlannedRun -> bool =
    if text.IndexOfAny [| '='; '<'; '>'; ' '; '!' |] >= 0 then
        let expression = Where.parse "--redo" text
        fun run -> Where.holds expression run.Config
    else
        let names = text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)

        fun run ->
            names
            |> Array.exists (fun name -> run.Id = name || Kebab.Of run.State = name || (name = "all" && run.State <> RunState.Planned))

/// The part of a sweep that --shard names; without it, the whole sweep.
let part (given: Given) =
    match given.Options.TryGetResult <@ Shard @> with
    | None -> Hold.Whole
    | Some text ->
        match text.Split '/' |> Array.map (fun part -> Int32.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture)) with
        | [| true, part; true, parts |] when part >= 1 && part <= parts -> Hold.Shard(part, parts)
        | _ -> usage $"--shard {text}" "a shard must be i/n with 1 <= i <= n, such as 2/4."

/// The runs of a plan that the filters select.
let selected (given: Given) (plan: Plan) =
    let runs =
        match given.Options.TryGetResult <@ Where @> with
        | Some text ->
            let expression = Where.parse "--where" text
            plan.Runs |> List.filter (fun run -> Where.holds expression run.Config)
        | None -> plan.Runs

    let runs =
        match part given with
        | Hold.Shard(part, parts) ->
            // Runs with one training are in one shard, because two machines would train it twice.
            runs |> List.groupBy _.Training |> List.indexed |> List.filter (fun (i, _) -> i % parts = part - 1) |> List.collect (snd >> snd)
        | Hold.Whole -> runs

    let runs =
        match given.Options.TryGetResult <@ Only @> with
        | Some text ->
            let states = states "--only" text
            runs |> List.filter (fun run -> List.contains run.State states)
        | None -> runs

    let runs =
        match given.Options.TryGetResult <@ Grep @> with
        | Some text -> runs |> List.filter (fun run -> run.Id.Contains text || run.Overrides |> List.exists _.Contains(text))
        | None -> runs

    let runs =
        match given.Options.TryGetResult <@ Sample @> with
        | Some count ->
            // Ordered by a hash, so that every machine draws the same runs, and a larger sample contains the smaller one.
            let seed = given.Options.GetResult(<@ Sample_Seed @>, 0)
            let drawn =
                runs |> List.sortBy (fun run -> Canonical.Sha256 $"{seed} {run.Id}") |> List.truncate (Options.counted "--sample" count)
            let drawn = drawn |> List.map _.Id |> Set.ofList in
            runs |> List.filter (fun run -> drawn.Contains run.Id)
        | None -> runs

    let runs =
        match given.Options.TryGetResult <@ First @> with
        | Some count -> runs |> List.truncate (Options.counted "--first" count)
        | None -> runs

    { plan with Runs = runs }
