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

/// What runs have in common that differ only in their seed, with the documents of the first of them. Planning a setting takes 10 kB and half a
/// millisecond, and each of its seeds half a kB and a fiftieth of that.
type PlannedSetting = {
    Group: string
    Choices: Map<string, string list>
    First: int64
    /// As given, and which of them is the seed, if one is.
    Overrides: string list
    SeedAt: int
    Composed: Document
    Config: Document
    Spec: ExperimentSpec
    Identities: SeedIdentities
}

type PlannedRun = {
    Id: string
    Setting: PlannedSetting
    Seed: int64
    /// The identity of its training: twins, runs of a folder with equal ones, share a training.
    Training: string
    /// Its folder has a completed training that its twins can take.
    HasTraining: bool
    /// runs/<sweep>
    Within: string
    State: RunState
    Reason: string option
} with

    member run.Folder = Path.Combine(run.Within, run.Id)

    /// The id without the seed.
    member run.Group = run.Setting.Group

    /// The options chosen for each group.
    member run.Choices = run.Setting.Choices

    /// The overrides as they would be typed for this run alone.
    member run.Overrides =
        if run.Seed = run.Setting.First then
            run.Setting.Overrides
        else
            run.Setting.Overrides |> List.mapi (fun i text -> if i = run.Setting.SeedAt then $"seed={run.Seed}" else text)

    member private run.With(document: Document) =
        if run.Seed = run.Setting.First then document else document.With("seed", Document.Of(run.Seed, document.Get("seed").Source))

    /// The config as written, with the places of its values.
    member run.Composed = run.With run.Setting.Composed

    /// The resolved config, with every default.
    member run.Config = run.With run.Setting.Config

    member run.Spec = if run.Seed = run.Setting.First then run.Setting.Spec else run.Setting.Spec.WithSeed run.Seed

    /// The canonical JSON that was hashed into the id.
    member run.Hashed = run.Setting.Identities.Json run.Seed

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

let private unreadable says = RunState.Failed, Some $"its folder cannot be read: {says}"

/// A run's current state and its reason, from its folder and the manifest there. A run whose folder cannot be read counts as failed, so that it
/// stops no other run.
let stateIn (folder: string) (manifest: RunManifest | null) =
    try
        match manifest with
        | null -> RunState.Pending, None
        | manifest when manifest.State = RunState.Running && not (Claim.IsHeld folder) ->
            RunState.Lost, Some $"its process ended without a result, at or after step {manifest.Step}"
        | manifest -> manifest.State, Option.ofObj manifest.Reason
    with Mishap says ->
        unreadable says

/// The manifest of a run, if it has one, and the same.
let private readOf (folder: string) : (RunManifest | null) * (RunState * string option) =
    try
        if not (Disk.HasFile(Path.Combine(folder, "config.json"))) then
            null, (RunState.Planned, None)
        else
            let manifest = RunFolder.Open(folder).Manifest
            manifest, stateIn folder manifest
    with Mishap says ->
        null, unreadable says

/// A run's current state and its reason.
let stateOf (folder: string) = snd (readOf folder)

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

/// Composes and types a setting by one of its runs; also tells whether its other runs differ only in the seed. Throws ConfigException.
let private compose (composer: Composer) (catalog: Catalog) (assignment: (Override * Value option) list) =
    let composed = composer.Compose assignment
    assignment |> List.iter (fst >> checkPath composed)
    let resolved = catalog.Resolve<ExperimentSpec> composed.Config
    let identities = SeedIdentities resolved

    {
        Group = identities.GroupId
        Choices = composed.Choices
        First = resolved.Value.Seed
        Overrides = [ for given, value in assignment -> print given.Action given.Key given.Package value ]
        SeedAt = assignment |> List.tryFindIndex (fun (given, _) -> given.Key = "seed") |> Option.defaultValue -1
        Composed = composed.Config
        Config = resolved.Document
        Spec = resolved.Value
        Identities = identities
    },
    not composed.HasReferences

let private runOf (setting: PlannedSetting) seed = {
    Id = setting.Identities.RunId seed
    Setting = setting
    Seed = seed
    Training = setting.Identities.Training seed
    HasTraining = false
    Within = ""
    State = RunState.Planned
    Reason = None
}

/// The seed of an assignment that sets it once, as a whole number, and the assignment without it.
let private seedOf (assignment: (Override * Value option) list) =
    match assignment |> List.partition (fun (given, _) -> given.Key = "seed") with
    | [ { Action = Change; Package = None }, Some(Int seed) ], others when seed >= 0L -> Some(seed, others)
    | _ -> None

/// Assignments of a product are equal if their values are the same objects.
let private sameObjects = {
    new IEqualityComparer<(Override * Value option) list> with
        member _.Equals(one, other) =
            match one, other with
            | NonNull one, NonNull other ->
                List.length one = List.length other && List.forall2 (fun (_, a) (_, b) -> obj.ReferenceEquals(a, b)) one other
            | _ -> false

        member _.GetHashCode assignment =
            (0, assignment) ||> List.fold (fun hash (_, value) -> HashCode.Combine(hash, HashIdentity.Reference.GetHashCode value))
}

/// The runs of a list of overrides, in order; a conditional axis multiplies the runs that fit its condition.
let private composed (setup: Setup) (sweep: Declare.Sweep) asked (count: int ref) (overrides: Override list) = [
    Declare.checkSize overrides
    let axes = overrides |> List.map (alternatives setup.Composer.Configs asked)
    let mutable made = 0L
    // Those whose further seeds need no composition.
    let settings = Dictionary<_, PlannedSetting> sameObjects

    let run assignment =
        let alike = seedOf assignment

        match alike with
        | Some(seed, others) when settings.ContainsKey others -> runOf settings[others] seed
        | _ ->
            count.Value <- count.Value + 1
            Declare.checkSettings (bigint count.Value)
            let setting, isAlike = compose setup.Composer setup.Catalog assignment

            match alike with
            | Some(_, others) when isAlike -> settings[others] <- setting
            | _ -> ()

            runOf setting setting.First

    let conditional = [
        for condition, given in sweep.Conditional -> Where.parse "whenever" condition, alternatives setup.Composer.Configs asked given
    ]

    let rec expand assignment conditional = [
        let run = run assignment

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
        sweep.Parts |> List.sumBy Declare.settings |> Declare.checkSettings
        let all = sweep.Parts |> List.collect (composed setup sweep asked (ref 0))
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
                let run = { run with Within = folder }

                if isNew then
                    run
                else
                    let manifest, state = readOf run.Folder
                    let state, reason = heard run.Id state

                    let stale, trained =
                        match manifest with
                        | NonNull manifest when state = RunState.Completed ->
                            try
                                setup.Stale manifest, manifest.TrainingSha256 = run.Training && isNull manifest.TrainedBy
                            with Mishap says ->
                                Some $"its inputs cannot be compared: {says}", false
                        | _ -> None, false

                    match stale with
                    | Some _ -> { run with State = RunState.Stale; Reason = stale }
                    | None -> { run with State = state; Reason = reason; HasTraining = trained }
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
    let parted (text: string) = let cut = text.IndexOf '=' in if cut < 0 then text, "" else text.Substring(0, cut), text.Substring(cut + 1)
    let settings = HashSet<PlannedSetting>(plan.Runs |> Seq.map _.Setting, HashIdentity.Reference) |> List.ofSeq
    let given = settings |> List.map (fun setting -> setting, setting.Overrides |> List.map parted)
    let keys = given |> Seq.collect (snd >> List.map fst) |> Seq.distinct |> List.ofSeq
    let ofSetting = Dictionary<PlannedSetting, IDictionary<string, string>>(HashIdentity.Reference)

    for setting, values in given do
        ofSetting[setting] <- dict values

    let value (key: string) (run: PlannedRun) =
        match ofSetting[run.Setting].TryGetValue key with
        | true, _ when key = "seed" && run.Setting.SeedAt >= 0 -> string run.Seed
        | true, value -> value
        | _ -> ""

    let keys = keys |> List.filter (fun key -> plan.Runs |> Seq.distinctBy (value key) |> Seq.truncate 2 |> Seq.length > 1)
    keys, plan.Runs |> List.map (fun run -> keys |> List.map (fun key -> value key run))

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
