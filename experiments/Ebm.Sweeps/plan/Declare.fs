/// The words with which a script declares a sweep: what every run has in common, what varies, and which metric decides.
///
///     sweep "steps" {
///         given "experiment=rings"
///         axis "method" [ "joint-cd"; "recovery-likelihood" ]
///         zip [ column "method.steps" [ 20; 60 ]; column "train.lr" [ 1e-3; 1e-4 ] ]
///         whenever "method == joint-cd" "method.rounds" [ 1; 2 ]
///         where "method.steps <= 60"
///         seeds 5
///         budget 2_000_000L
///         metric "grid-kl" Lower
///         baseline "method" "joint-cd"
///     }
///
/// The same words are functions, `sweep "steps" |> given "experiment=rings" |> seeds 5`, and keys of a YAML file (SweepFile.fs).
/// The command line may replace each of them. An axis that is declared earlier varies slower: with `seeds` first, a sweep that is stopped
/// has every method equally often. `either` makes unions:
///
///     sweep "both" |> either [ axis "method" [ "joint-cd" ] >> seeds 10; axis "method" [ "gan" ] >> seeds 3 ] |> given "experiment=rings"
module Ebm.Sweeps.Declare

open System
open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides

/// The direction of a metric, as `metric` takes it.
[<Literal>]
let Lower = Direction.Lower

[<Literal>]
let Higher = Direction.Higher

type Sweep = {
    Name: string
    /// The parts of a union, by default one. Words after a union apply to every part.
    Parts: Override list list
    /// Axes of only those runs that fit a condition: the condition in the grammar of --where, and the axis.
    Conditional: (string * Override) list
    /// Conditions that every run must fulfil, in the grammar of --where.
    Where: string list
    /// The metric that decides between runs, and its direction, which must be the metric's own.
    Metric: (string * Direction) option
    /// The settings of the rows that other rows are compared with.
    Baseline: (string * string) list
    /// A rule of --prune.
    Prune: string option
    MaxRuns: int option
    MaxHours: float option
}

let sweep name = {
    Name = name
    Parts = [ [] ]
    Conditional = []
    Where = []
    Metric = None
    Baseline = []
    Prune = None
    MaxRuns = None
    MaxHours = None
}

let internal declared name text = parseAt (Source.Of $"sweep {name}, \"{text}\"") text

/// The most runs of a sweep; more are taken for a mistake. They are planned in the memory of one process.
let internal most = int64 Functions.mostRuns

/// The most overrides of a run.
let private longest = 1000

let internal tooMany (how: string) : 'a =
    Sentence.fail (Source.Of "sweep") "" $"the axes make {how} runs; at most {most} are allowed, so leave out values or axes."

let internal tooManySettings () : 'a =
    Sentence.fail
        (Source.Of "sweep")
        ""
        $"the axes make more than {Functions.most} settings; a sweep may have {most} runs, but not more settings that differ in other values than the seed."

/// How many runs a list of overrides makes: the product of its axes, as long as a search and the options of a pattern count as one.
let internal size (overrides: Override list) =
    (1I, overrides)
    ||> List.fold (fun size given ->
        match given.Setting with
        | Some(Sweep values) -> size * bigint values.Length
        | Some(Together((_, values) :: _)) -> size * bigint values.Length
        | _ -> size)

/// The same for settings, which runs have apart from their seeds.
let internal settings (overrides: Override list) = overrides |> List.filter (fun given -> given.Key <> "seed") |> size

let internal checkSettings (count: bigint) = if count > bigint Functions.most then tooManySettings ()

let internal checkCount (runs: bigint) = if runs > bigint most then tooMany $"at least {runs}"

/// Refuses a product of axes that is too large, before it is made.
let internal checkSize (overrides: Override list) =
    checkCount (size overrides)

    if overrides.Length > longest then
        Sentence.fail (Source.Of "sweep") "" $"there are more than {longest} overrides; put them into a config file."

/// An override replaces an earlier one of the same key in its place; otherwise it is appended, and varies fastest.
let replace (overrides: Override list) (given: Override) =
    let same (other: Override) = other.Key = given.Key && other.Package = given.Package

    let all =
        if List.exists same overrides then
            overrides |> List.map (fun other -> if same other then given else other)
        else
            overrides @ [ given ]

    checkSize all
    all

let internal add given sweep = { sweep with Parts = sweep.Parts |> List.map (fun part -> replace part given) }

/// An override for every run, in the grammar of the command line: it chooses a group's option, sets a value, or makes an axis.
let given text sweep = add (declared sweep.Name text) sweep

let private value (key: string) (item: obj | null) =
    match item with
    | null -> Null
    | :? Value as value -> value
    | :? string as text -> Text text
    | :? bool as flag -> Bool flag
    | :? int as number -> Int(int64 number)
    | :? int64 as number -> Int number
    | :? float as number -> Float number
    | other ->
        invalidArg key $"the values of an axis must be texts, numbers, truth values or Values.Value; {other} is a {other.GetType().Name}."

/// The values of one key in a zip.
let column key (items: 'T list) = key, items |> List.map (box >> value key)

let internal axisOf name key values =
    let text = key + "=" + (values |> List.map printValue |> String.concat ",")
    { declared name (key + "=") with Setting = Some(Sweep values); Text = text; Source = Source.Of $"sweep {name}, \"{text}\"" }

let internal zipOf name (columns: (string * Value list) list) =
    let texts = columns |> List.map (fun (key, values) -> key + "=[" + (values |> List.map printValue |> String.concat ",") + "]")
    // Parsed from text, so that it is checked as on the command line. The name contains the keys, so that each zip is a separate axis.
    let key = columns |> List.map fst |> String.concat "--" |> _.Replace('.', '-').Replace('/', '-').Replace('@', '-')
    declared name $"""{key}=zip({String.concat "," texts})"""

/// A run for each value: texts for a group's options, typed values for settings.
let axis key (items: 'T list) sweep = add (axisOf sweep.Name key (snd (column key items))) sweep

/// Several keys in lock step: run i gets the i-th value of each.
let zip columns sweep = add (zipOf sweep.Name columns) sweep

/// A run for each seed 0 … n − 1.
let seeds n sweep = axis "seed" [ 0 .. n - 1 ] sweep

let internal conditional condition given sweep = { sweep with Conditional = sweep.Conditional @ [ condition, given ] }

/// An axis of only those runs that fit a condition: `whenever "method == joint-cd" "method.rounds" [ 1; 2 ]`.
let whenever condition key (items: 'T list) sweep = conditional condition (axisOf sweep.Name key (snd (column key items))) sweep

/// Leaves out the runs that do not fit: `where "method.steps >= 20 && seed in {0..4}"`.
let where condition sweep = { sweep with Where = sweep.Where @ [ condition ] }

/// The union of parts, in their order; a run that two parts declare is planned once.
let either (parts: (Sweep -> Sweep) list) sweep =
    if parts.IsEmpty then invalidArg (nameof parts) "a union needs at least one part."
    { sweep with Parts = parts |> List.collect (fun part -> (part sweep).Parts) }

/// Adds another sweep's runs.
let union other sweep = { sweep with Parts = sweep.Parts @ other.Parts; Conditional = sweep.Conditional @ other.Conditional }

/// The metric that decides between runs, and whether lower or higher is better.
let metric name better sweep = { sweep with Metric = Some(name, better) }

/// A setting of the rows that others are compared with: `baseline "method" "contrastive-divergence"`. Repeat it for more settings.
let baseline key value sweep = { sweep with Baseline = sweep.Baseline @ [ key, value ] }

/// The cost of training, in units; one unit is one row through one gradient.
let budget (units: int64) sweep = given $"train.budget={units}" sweep

/// Ends hopeless runs early: `prune "asha(grid-kl, from=100000)"`.
let prune rule sweep = { sweep with Prune = Some rule }

/// Starts at most `count` runs in one launch.
let maxRuns count sweep = { sweep with MaxRuns = Some count }

/// Starts no run after `hours` hours.
let maxHours hours sweep = { sweep with MaxHours = Some hours }

/// The numbers at the paths that match a pattern, in the config that these words compose from the configs beside the script. `*` matches
/// any text, so `train.*lr` finds all learning rates. Throws ConfigException if a word has several values.
let configured (folder: string) (words: Sweep -> Sweep) (pattern: string) : (string * float) list =
    let chosen =
        (words (sweep pattern)).Parts
        |> List.collect (
            List.map (fun given ->
                match given.Setting with
                | Some(One value) -> given, Some value
                | None -> given, None
                | Some _ ->
                    Sentence.fail given.Source given.Key "this word has several values; give it one, because only one config is composed.")
        )
    let composed = Compose.Composer(Configs.Configs(IO.Path.Combine(folder, "configs")), "sweep").Compose chosen
    let fits =
        Text.RegularExpressions.Regex(
            @"\A" + Text.RegularExpressions.Regex.Escape(pattern).Replace(@"\*", ".*") + @"\z",
            Text.RegularExpressions.RegexOptions.NonBacktracking
        )

    [
        for struct (path, leaf) in composed.Config.Leaves() do
            if fits.IsMatch path then path, float (string leaf)
    ]

// ── The same words in braces ────────────────────────────────────────────────────────────────

type Sweep with

    member sweep.Yield(()) = sweep

    [<CustomOperation "given">]
    member _.Given(sweep, text) = given text sweep

    [<CustomOperation "axis">]
    member _.Axis(sweep, key, items: 'T list) = axis key items sweep

    [<CustomOperation "zip">]
    member _.Zip(sweep, columns) = zip columns sweep

    [<CustomOperation "seeds">]
    member _.Seeds(sweep, count) = seeds count sweep

    [<CustomOperation "whenever">]
    member _.Whenever(sweep, condition, key, items: 'T list) = whenever condition key items sweep

    [<CustomOperation "where">]
    member _.Only(sweep: Sweep, condition) = where condition sweep

    [<CustomOperation "either">]
    member _.Either(sweep: Sweep, parts) = either parts sweep

    [<CustomOperation "union">]
    member _.Union(sweep: Sweep, other) = union other sweep

    [<CustomOperation "metric">]
    member _.Decides(sweep: Sweep, name, better) = metric name better sweep

    [<CustomOperation "baseline">]
    member _.Against(sweep: Sweep, key, value) = baseline key value sweep

    [<CustomOperation "budget">]
    member _.AtCost(sweep: Sweep, units) = budget units sweep

    [<CustomOperation "prune">]
    member _.Prunes(sweep: Sweep, rule) = prune rule sweep

    [<CustomOperation "maxRuns">]
    member _.AtMost(sweep: Sweep, count) = maxRuns count sweep

    [<CustomOperation "maxHours">]
    member _.NoLonger(sweep: Sweep, hours) = maxHours hours sweep
