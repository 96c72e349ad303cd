/// A sweep as a script declares it, read like its sentence in a paper: what every run starts from, what varies, what decides.
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
/// The same words are functions, `sweep "steps" |> given "experiment=rings" |> seeds 5`, and a YAML file has them too (SweepFile.fs).
/// The command line may replace any of it. An axis declared earlier varies slower: with `seeds` first, a sweep that is stopped has every
/// method equally often. `either` makes unions:
///
///     sweep "both" |> either [ axis "method" [ "joint-cd" ] >> seeds 10; axis "method" [ "gan" ] >> seeds 3 ] |> given "experiment=rings"
module Ebm.Sweeps.Declare

open System
open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides

type Better =
    | Lower
    | Higher

type Sweep = {
    Name: string
    /// The parts of a union, one unless said otherwise; what is declared after a union holds for every part.
    Parts: Override list list
    /// Axes of runs that fit a condition only: the condition in the grammar of --where, and the axis.
    Conditional: (string * Override) list
    /// What every run must fit, in the grammar of --where.
    Where: string list
    /// The metric that decides, and its direction where it does not say one itself.
    Metric: (string * Better option) option
    /// The rows that the others are compared with: settings and their values.
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

/// An override stands in the place of an earlier one of the same key; else it comes last, and varies fastest.
let replace (overrides: Override list) (given: Override) =
    let same (other: Override) = other.Key = given.Key && other.Package = given.Package

    if List.exists same overrides then
        overrides |> List.map (fun other -> if same other then given else other)
    else
        overrides @ [ given ]

let internal add given sweep = { sweep with Parts = sweep.Parts |> List.map (fun part -> replace part given) }

/// What every run gets, in the grammar of the command line: a group's option, a value, or even an axis.
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
    | other -> invalidArg key $"an axis holds texts, numbers, truth values or Values.Value; {other} is a {other.GetType().Name}."

/// The values of one key in a zip.
let column key (items: 'T list) = key, items |> List.map (box >> value key)

let internal axisOf name key values =
    let text = key + "=" + (values |> List.map printValue |> String.concat ",")
    {
        declared name (key + "=") with
            Setting = Some(Sweep values)
            Text = text
            Source = Source.Of $"sweep {name}, \"{text}\""
    }

let internal zipOf name (columns: (string * Value list) list) =
    let texts =
        columns |> List.map (fun (key, values) -> key + "=[" + (values |> List.map printValue |> String.concat ",") + "]")
    // Read back, so that it is checked as on the command line; the name is the keys', so that each zip is an axis of its own.
    let key = columns |> List.map fst |> String.concat "--" |> _.Replace('.', '-').Replace('/', '-').Replace('@', '-')
    declared name $"""{key}=zip({String.concat "," texts})"""

/// A run for each value: text for a group's options, numbers with their own type.
let axis key (items: 'T list) sweep = add (axisOf sweep.Name key (snd (column key items))) sweep

/// Several keys in lock step: run i gets the i-th value of each.
let zip columns sweep = add (zipOf sweep.Name columns) sweep

/// A run for each seed 0 … n − 1.
let seeds n sweep = axis "seed" [ 0 .. n - 1 ] sweep

let internal conditional condition given sweep = { sweep with Conditional = sweep.Conditional @ [ condition, given ] }

/// An axis of those runs only that fit a condition: `whenever "method == joint-cd" "method.rounds" [ 1; 2 ]`.
let whenever condition key (items: 'T list) sweep = conditional condition (axisOf sweep.Name key (snd (column key items))) sweep

/// Leaves out the runs that do not fit: `where "method.steps >= 20 && seed in {0..4}"`.
let where condition sweep = { sweep with Where = sweep.Where @ [ condition ] }

/// All runs of one part, then all of the next; a run that two parts declare is one run.
let either (parts: (Sweep -> Sweep) list) sweep =
    if parts.IsEmpty then invalidArg (nameof parts) "a union of no parts has no run; give it one at least."
    { sweep with Parts = parts |> List.collect (fun part -> (part sweep).Parts) }

/// Adds another sweep's runs.
let union other sweep = { sweep with Parts = sweep.Parts @ other.Parts; Conditional = sweep.Conditional @ other.Conditional }

/// What decides between runs.
let metric name better sweep = { sweep with Metric = Some(name, Some better) }

/// What the others are compared with: `baseline "method" "contrastive-divergence"`, and more settings where one does not say it.
let baseline key value sweep = { sweep with Baseline = sweep.Baseline @ [ key, value ] }

/// What training may cost, in units: one row through one gradient.
let budget (units: int64) sweep = given $"train.budget={units}" sweep

/// Ends hopeless runs early: `prune "asha(grid-kl, from=100000)"`.
let prune rule sweep = { sweep with Prune = Some rule }

/// Starts no more runs than so many in one launch.
let maxRuns count sweep = { sweep with MaxRuns = Some count }

/// Starts no run after so long.
let maxHours hours sweep = { sweep with MaxHours = Some hours }

/// The numbers that the configs beside a script give, once these words are chosen, at the paths that fit a pattern, `*` for whatever stands
/// there: what `train.*lr` finds are all learning rates. Throws ConfigException where a word chooses several.
let configured (folder: string) (words: Sweep -> Sweep) (pattern: string) : (string * float) list =
    let chosen =
        (words (sweep pattern)).Parts
        |> List.collect (
            List.map (fun given ->
                match given.Setting with
                | Some(One value) -> given, Some value
                | None -> given, None
                | Some _ ->
                    Sentence.fail given.Source given.Key "it has several values here, so it does not say what a run is composed of.")
        )
    let composed = Compose.Composer(Configs.Configs(IO.Path.Combine(folder, "configs")), "sweep").Compose chosen
    let fits = Text.RegularExpressions.Regex("^" + Text.RegularExpressions.Regex.Escape(pattern).Replace(@"\*", ".*") + "$")

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
