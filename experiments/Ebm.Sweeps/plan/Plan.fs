/// Plans a sweep: composes and types every run before the first one starts. Planning writes nothing.
///
/// The runs are the product of the axes; the first axis varies slowest. The catalog types every combination, so that a bad value is an
/// error at once and not a failed run later. Combinations with the same config are one run.
module Ebm.Sweeps.Plan

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose

type PlannedRun = {
    Id: string
    Group: string
    /// The overrides that make this run, one value each.
    Overrides: string list
    Choices: Map<string, string list>
    /// The config as composed; every value has its source.
    Composed: Document
    /// The config with every default written out.
    Config: Document
    Spec: ExperimentSpec
    /// The canonical JSON that was hashed into the id.
    Hashed: string
    /// The identity of its training: twins, runs of a folder with equal ones, share a training.
    Training: string
    /// Its folder has a completed training that its twins can take.
    HasTraining: bool
    Folder: string
    State: RunState
    Reason: string option
}

type Plan = {
    Sweep: string
    /// runs/<sweep>
    Folder: string
    Runs: PlannedRun list
    /// Runs like those that searches will propose, while they have proposed none.
    Foreseen: PlannedRun list
    /// How many combinations have the config of an earlier one.
    Duplicates: int
    /// Searches that have not proposed all their trials yet.
    Searches: Search list
}

/// The inputs of planning, apart from the sweep.
type Setup = {
    Composer: Composer
    Catalog: Catalog
    /// The folder of all sweeps.
    Runs: string
    /// The value of --name.
    Name: string option
    /// Why a completed run is stale, if it is.
    Stale: RunManifest -> string option
    /// For a sweep's folder: the state and the reason of a run, by its id, from those of its folder and a scheduler's report.
    Heard: string -> string -> RunState * string option -> RunState * string option
    /// The trials that a search has proposed, from the folder of its sweep: a list of settings for each trial.
    Asked: string -> Search -> (string * Value) list list
}

// ── Axes ────────────────────────────────────────────────────────────────────────────────────

let private matches (pattern: string) (text: string) =
    // Without backtracking, because a pattern of many asterisks would try all ways to divide the text among them.
    let whole = @"\A" + Regex.Escape(pattern).Replace(@"\*", ".*").Replace(@"\?", ".") + @"\z"
    Regex.IsMatch(text, whole, RegexOptions.NonBacktracking ||| RegexOptions.Singleline)

/// The settings of one trial, as overrides.
let private together (given: Override) settings = [ for key, value in settings -> { given with Key = key; Setting = None }, Some value ]

/// The alternatives of one override: what it sets for each of its values.
let private alternatives (configs: Configs) asked (given: Override) : (Override * Value option) list list =
    let empty () = fail given.Source given.Key $"{given.Key} has no values; an axis needs at least one."

    match given.Setting with
    | None -> [ [ given, None ] ]
    | Some(One value) -> [ [ given, Some value ] ]
    | Some(Sweep []) -> empty ()
    | Some(Sweep values) -> [ for value in values -> [ given, Some value ] ]
    | Some(Together columns) ->
        match columns.Head |> snd |> List.length with
        | 0 -> empty ()
        | length -> [ for i in 0 .. length - 1 -> together given [ for key, values in columns -> key, values[i] ] ]
    | Some(Searched search) -> [ for trial in asked search -> together given trial ]
    | Some(Interval _) ->
        fail
            given.Source
            given.Key
            $"this range is continuous, and a grid needs values: write linspace(low,high,n) or logrange(low,high,n), or draw from it with \
              sobol(n, {given.Key}=interval(low,high))."
    | Some(Options(includes, excludes)) ->
        let options = configs.Options given.Key

        if options.IsEmpty then
            let groups = configs.Groups
            fail
                given.Source
                given.Key
                $"glob names options of a group, and {given.Key} is not a group. Known groups: {listed groups}{Spelling.DidYouMean(given.Key, groups)}."

        match
            options
            |> List.filter (fun option ->
                includes |> List.exists (fun pattern -> matches pattern option)
                && not (excludes |> List.exists (fun pattern -> matches pattern option)))
        with
        | [] -> fail given.Source given.Key $"no option of {given.Key} matches. Known options: {listed options}."
        | fitting -> [ for option in fitting -> [ given, Some(Text option) ] ]

let rec private product axes =
    match axes with
    | [] -> Seq.singleton []
    | axis :: rest -> seq {
        for here in axis do
            for later in product rest do
                here @ later
      }

// ── States ──────────────────────────────────────────────────────────────────────────────────

/// A run's current state and its reason, from the run's folder. A run whose folder cannot be read counts as failed, so that it stops no other
/// run.
let stateOf (folder: string) =
    try
        if not (Disk.HasFile(Path.Combine(folder, "config.json"))) then
            RunState.Planned, None
        else
            match RunFolder.Open(folder).Manifest with
            | null -> RunState.Pending, None
            | manifest when manifest.State = RunState.Running && not (Claim.IsHeld folder) ->
                RunState.Lost, Some $"its process ended without a result, at or after step {manifest.Step}"
            | manifest -> manifest.State, Option.ofObj manifest.Reason
    with Mishap says ->
        RunState.Failed, Some $"its folder cannot be read: {says}"

// ── The plan ────────────────────────────────────────────────────────────────────────────────

/// The value of --name, else the experiment that the command line chooses, else the name that the script or the file declares.
let private nameOf (asked: string option) (sweep: Declare.Sweep) (choices: Map<string, string list> list) : FolderName =
    let declared () = SweepFolder.Name(sweep.Name, Source.Of "the sweep's declaration")

    match asked with
    | Some name -> SweepFolder.Name(name, Source.CommandLine $"--name {name}")
    | None ->
        let isTyped =
            sweep.Parts |> List.concat |> List.exists (fun given -> given.Key = "experiment" && not (isNull given.Source.Argument))
        let experiments = choices |> List.map (Map.tryFind "experiment" >> Option.defaultValue []) |> List.distinct

        match (if isTyped then experiments else []) with
        | []
        | [] :: _ -> declared ()
        | several when several |> List.exists List.isEmpty -> declared ()
        | several ->
            let joined = several |> List.map (String.concat "-") |> List.sort |> String.concat "-"
            // An option in a subfolder of the group has a slash in its name.
            if joined.Length <= 60 then SweepFolder.Name(joined.Replace('/', '-'), Source.Of "experiment") else declared ()

let private settings =
    lazy
        (set [
            for constructor in typeof<ExperimentSpec>.GetConstructors() do
                for parameter in constructor.GetParameters() -> Kebab.Case(string parameter.Name)
        ])

/// Refuses the last word of a setting's path in place of its path: lr for train.lr.
let private checkPath (composed: Composed) (given: Override) =
    let isPath = given.Key.Contains '.' || given.Key.Contains '/'

    if given.Action = Change && not isPath && not (settings.Value.Contains given.Key) && not (composed.Choices.ContainsKey given.Key) then
        let ends (path: string) = path.EndsWith("." + given.Key, StringComparison.Ordinal)

        match
            [
                for struct (path, _) in composed.Config.Leaves() do
                    if ends path then path
            ]
        with
        | [] -> ()
        | paths -> fail given.Source given.Key $"{given.Key} is the end of {listed paths}; write the whole path of the setting."

/// Composes and types one run. Throws ConfigException.
let private compose (composer: Composer) (catalog: Catalog) (assignment: (Override * Value option) list) =
    let composed = composer.Compose assignment
    assignment |> List.iter (fst >> checkPath composed)
    let resolved = catalog.Resolve<ExperimentSpec> composed.Config
    let identity = Identity.Of resolved.Identity

    let overrides = [ for given, value in assignment -> print given.Action given.Key given.Package value ]

    {
        Id = identity.RunId
        Group = identity.GroupId
        Overrides = overrides
        Choices = composed.Choices
        Composed = composed.Config
        Config = resolved.Document
        Spec = resolved.Value
        Hashed = identity.Json
        Training = Identity.OfTraining resolved
        HasTraining = false
        Folder = ""
        State = RunState.Planned
        Reason = None
    }

/// The runs of a list of overrides, in order; a conditional axis multiplies the runs that fit its condition.
let private composed (setup: Setup) (sweep: Declare.Sweep) asked (overrides: Override list) = [
    Declare.checkSize overrides
    let axes = overrides |> List.map (alternatives setup.Composer.Configs asked)
    let mutable made = 0L

    let conditional = [
        for condition, given in sweep.Conditional -> Where.parse "whenever" condition, alternatives setup.Composer.Configs asked given
    ]

    let rec expand assignment conditional = [
        let run = compose setup.Composer setup.Catalog assignment

        match conditional |> List.tryFindIndex (fun (condition, _) -> Where.holds condition run.Config) with
        | None ->
            made <- made + 1L
            if made > Declare.most then Declare.tooMany $"more than {Declare.most}"
            run
        | Some i ->
            for alternative in snd conditional[i] do
                yield! expand (assignment @ alternative) (List.skip (i + 1) conditional)
    ]

    for assignment in product axes do
        yield! expand assignment conditional
]

/// Plans the union of a sweep's lists of overrides.
let plan (setup: Setup) (sweep: Declare.Sweep) : Plan =
    let conditions = sweep.Where |> List.map (Where.parse "where")

    let under asked =
        sweep.Parts |> List.sumBy Declare.size |> Declare.checkCount
        let all = sweep.Parts |> List.collect (composed setup sweep asked)
        let distinct = all |> List.distinctBy _.Id
        let name = nameOf setup.Name sweep (distinct |> List.map _.Choices)
        name,
        all.Length - distinct.Length,
        distinct |> List.filter (fun run -> conditions |> List.forall (fun c -> Where.holds c run.Config))

    let searches = [
        for given in List.concat sweep.Parts @ List.map snd sweep.Conditional do
            match given.Setting with
            | Some(Searched search) -> search
            | _ -> ()
    ]

    let name, duplicates, runs, foreseen =
        if searches.IsEmpty then
            let name, duplicates, runs = under (fun _ -> [])
            name, duplicates, runs, []
        else
            // A journal's path contains the sweep's name, which depends on its runs. A search without trials has none, so `first` makes one up.
            let first (search: Search) = [ [ for key, range in search.Space -> key, Sobol.valueAt range 0.5 ] ]
            let name, _, foreseen = under first
            let _, duplicates, runs = under (setup.Asked(name.In setup.Runs))
            name, duplicates, runs, foreseen

    let folder = name.In setup.Runs
    let isNew = not (Disk.HasFolder folder)
    let heard = if isNew then (fun _ state -> state) else setup.Heard folder

    {
        Sweep = string name
        Folder = folder
        Foreseen = foreseen
        Duplicates = duplicates
        Searches = searches |> List.filter (fun search -> (setup.Asked folder search).Length < search.Trials)
        Runs = [
            for run in runs do
                let folder = Path.Combine(folder, run.Id)
                let state, reason = if isNew then RunState.Planned, None else heard run.Id (stateOf folder)

                let stale, trained =
                    if state <> RunState.Completed then
                        None, false
                    else
                        try
                            match RunFolder.Open(folder).Manifest with
                            | null -> None, false
                            | manifest -> setup.Stale manifest, manifest.TrainingSha256 = run.Training && isNull manifest.TrainedBy
                        with Mishap says ->
                            Some $"its inputs cannot be compared: {says}", false

                match stale with
                | Some why -> { run with Folder = folder; State = RunState.Stale; Reason = Some why }
                | None -> { run with Folder = folder; State = state; Reason = reason; HasTraining = trained }
        ]
    }

/// How many runs are in each state; the map has every state.
let counts (plan: Plan) =
    let found = plan.Runs |> List.countBy _.State |> Map.ofList
    [ for state in Enum.GetValues<RunState>() -> state, found |> Map.tryFind state |> Option.defaultValue 0 ]

/// The runs that are left to do.
let unfinished (plan: Plan) = plan.Runs |> List.filter (fun run -> run.State <> RunState.Stale && not (RunStates.IsSettled run.State))

/// The trainings that are done.
let trained (plan: Plan) =
    set [
        for run in plan.Runs do
            if run.HasTraining then run.Training
    ]

/// Runs that are left to do, in order, each with whether it trains; the others take the training of a twin that is done or comes before.
let sharing (trained: string seq) (left: PlannedRun list) : (PlannedRun * bool) list =
    let known = HashSet<string> trained
    [ for run in left -> run, known.Add run.Training ]

// ── What is shown ───────────────────────────────────────────────────────────────────────────

/// The keys that differ between runs, in the order in which they were given, and each run's values; "" if a run has no value.
let varying (plan: Plan) =
    let given = [
        for run in plan.Runs ->
            run.Overrides
            |> List.map (fun text ->
                let cut = text.IndexOf '=' in if cut < 0 then text, "" else text.Substring(0, cut), text.Substring(cut + 1))
    ]

    let keys = given |> Seq.collect (List.map fst) |> Seq.distinct |> List.ofSeq
    let runs = given |> List.map dict

    let value (key: string) (run: IDictionary<string, string>) =
        match run.TryGetValue key with
        | true, value -> value
        | _ -> ""

    let keys = keys |> List.filter (fun key -> runs |> Seq.distinctBy (value key) |> Seq.truncate 2 |> Seq.length > 1)
    keys, runs |> List.map (fun run -> keys |> List.map (fun key -> value key run))

/// The object that `plan --json` prints.
let json (plan: Plan) =
    JsonText.ReadableOf(
        fields [
            "sweep" => plan.Sweep
            "counts"
            => fields [
                for state, count in counts plan do
                    Kebab.Of state => count
                "total" => plan.Runs.Length
            ]
            "runs"
            => [
                for run in plan.Runs ->
                    fields [
                        "id" => run.Id
                        "group" => run.Group
                        "state" => run.State
                        "overrides" => run.Overrides
                        "config" => RawJson(Canonical.Json run.Config)
                    ]
            ]
        ]
    )
