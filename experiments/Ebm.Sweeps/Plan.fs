/// Every run of a sweep, composed, typed and counted, before anything starts. Planning writes nothing.
///
/// The axes are multiplied, the first one varying slowest; each combination is composed and given to the catalog, so that one bad
/// value anywhere is one sentence now and not a failure tonight. Combinations that come to the same config are one run.
module Ebm.Sweeps.Plan

open System
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Compose

type PlannedRun = {
    Id: string
    Group: string
    /// The overrides that make this run, one value each.
    Overrides: string list
    Choices: Map<string, string list>
    /// As composed: every value knows where it was written.
    Composed: Document
    /// Every default written out.
    Config: Document
    Spec: ExperimentSpec
    /// The canonical JSON that was hashed into the id.
    Hashed: string
    Folder: string
    State: string
    Reason: string option
}

type Plan = {
    Sweep: string
    /// runs/<sweep>
    Folder: string
    Runs: PlannedRun list
    /// Combinations that came to a config that another one had already.
    Duplicates: int
}

// ── Axes ────────────────────────────────────────────────────────────────────────────────────

let private matches (pattern: string) (text: string) =
    Regex.IsMatch(text, "^" + Regex.Escape(pattern).Replace(@"\*", ".*").Replace(@"\?", ".") + "$")

/// What one override gives a run, for each of its values.
let private alternatives (configs: Configs) (given: Override) : (Override * Value option) list list =
    let empty () = fail given.Source given.Key $"{given.Key} has no value to vary over, so there is no run to make; give it one at least."

    match given.Setting with
    | None -> [ [ given, None ] ]
    | Some(One value) -> [ [ given, Some value ] ]
    | Some(Sweep []) -> empty ()
    | Some(Sweep values) -> [ for value in values -> [ given, Some value ] ]
    | Some(Together columns) ->
        match columns.Head |> snd |> List.length with
        | 0 -> empty ()
        | length -> [
            for i in 0 .. length - 1 -> [ for key, values in columns -> { given with Key = key; Setting = None }, Some values[i] ]
          ]
    | Some(Interval _) ->
        fail given.Source given.Key $"interval is continuous, and a grid needs values: write linspace(low,high,n) or logrange(low,high,n)."
    | Some(Options(includes, excludes)) ->
        let options = configs.Options given.Key

        if options.IsEmpty then
            let groups = configs.Groups
            fail
                given.Source
                given.Key
                $"glob names options of a group, and {given.Key} is none; groups are {listed groups}{Spelling.DidYouMean(given.Key, groups)}."

        match
            options
            |> List.filter (fun option ->
                includes |> List.exists (fun pattern -> matches pattern option)
                && not (excludes |> List.exists (fun pattern -> matches pattern option)))
        with
        | [] -> fail given.Source given.Key $"no option of {given.Key} fits; there are {listed options}."
        | fitting -> [ for option in fitting -> [ given, Some(Text option) ] ]

/// More runs than anyone means to start by hand.
let private most = 1_000_000L

let rec private product axes =
    match axes with
    | [] -> Seq.singleton []
    | axis :: rest -> seq {
        for here in axis do
            for later in product rest do
                here @ later
      }

// ── States ──────────────────────────────────────────────────────────────────────────────────

/// Whether a process is at work on a run: it holds the run's claim, and the system drops that when the process ends, however it ends.
let isClaimed (folder: string) =
    let claim = Path.Combine(folder, ".claim")

    File.Exists claim
    && (try
            use _ = new FileStream(claim, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
            false
        with :? IOException ->
            true)

/// What a run's folder says now.
let stateOf (folder: string) =
    if not (File.Exists(Path.Combine(folder, "config.json"))) then
        RunState.Planned, None
    else
        match RunFolder.Open(folder).Manifest with
        | null -> RunState.Pending, None
        | manifest when manifest.State = RunState.Running && not (isClaimed folder) ->
            RunState.Lost, Some $"it was running at step {manifest.Step}, and its process is gone"
        | manifest -> manifest.State, Option.ofObj manifest.Reason

// ── The plan ────────────────────────────────────────────────────────────────────────────────

let private folderName = Regex("^[A-Za-z0-9_][A-Za-z0-9._-]*$")

/// --name, else the experiment, else the name that the script declares.
let private nameOf (asked: string option) (declared: string) (choices: Map<string, string list> list) =
    match asked with
    | Some name when not (folderName.IsMatch name) ->
        fail (Source.CommandLine $"--name {name}") "" "a sweep's name is a folder's: letters, digits, points, hyphens and underscores."
    | Some name -> name
    | None ->
        let experiments = choices |> List.map (Map.tryFind "experiment" >> Option.defaultValue []) |> List.distinct

        match experiments with
        | [] :: _ -> declared
        | several when several |> List.exists List.isEmpty -> declared
        | several ->
            let joined = several |> List.map (String.concat "-") |> List.sort |> String.concat "-"
            if joined.Length <= 60 then joined else declared

/// One run: composed and typed. Throws ConfigException.
let private compose (composer: Composer) (catalog: Catalog) (assignment: (Override * Value option) list) =
    let composed = composer.Compose assignment
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
        Folder = ""
        State = RunState.Planned
        Reason = None
    }

/// Plans the union of several lists of overrides.
let plan
    (composer: Composer)
    (catalog: Catalog)
    (runs: string)
    (name: string option)
    (declared: string)
    (unions: Override list list)
    : Plan =
    let composed = [
        for overrides in unions do
            let axes = overrides |> List.map (alternatives composer.Configs)
            let size = axes |> List.fold (fun size axis -> size * int64 axis.Length) 1L

            if size > most || size < 0L then fail (Source.Of "sweep") "" $"the axes make {size} runs; over {most} cannot be meant."

            for assignment in product axes do
                compose composer catalog assignment
    ]

    let distinct = composed |> List.distinctBy _.Id
    let sweep = nameOf name declared (distinct |> List.map _.Choices)
    let folder = Path.Combine(runs, sweep)

    {
        Sweep = sweep
        Folder = folder
        Duplicates = composed.Length - distinct.Length
        Runs = [
            for run in distinct do
                let folder = Path.Combine(folder, run.Id)
                let state, reason = stateOf folder
                { run with Folder = folder; State = state; Reason = reason }
        ]
    }

/// How many runs are in each state; every state is there.
let counts (plan: Plan) = [ for state in RunState.All -> state, plan.Runs |> List.filter (fun run -> run.State = state) |> List.length ]

// ── What is shown ───────────────────────────────────────────────────────────────────────────

/// The keys in which the runs differ, and each run's values, as they would be typed.
let varying (plan: Plan) =
    let configs =
        plan.Runs
        |> List.map (fun run -> run.Config.Leaves() |> Seq.map (fun struct (path, leaf) -> path, string leaf) |> Map.ofSeq)

    let keys = Ebm.Analysis.Varying.keys configs
    keys, configs |> List.map (fun config -> keys |> List.map (fun key -> config.TryFind key |> Option.defaultValue ""))

/// The object that `plan --json` prints.
let json (plan: Plan) =
    use stream = new MemoryStream()

    let write () =
        use json =
            new Utf8JsonWriter(stream, JsonWriterOptions(Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.Default))
        json.WriteStartObject()
        json.WriteString("sweep", plan.Sweep)
        json.WriteStartObject "counts"

        for state, count in counts plan do
            json.WriteNumber(state, count)

        json.WriteNumber("total", plan.Runs.Length)
        json.WriteEndObject()
        json.WriteStartArray "runs"

        for run in plan.Runs do
            json.WriteStartObject()
            json.WriteString("id", run.Id)
            json.WriteString("group", run.Group)
            json.WriteString("state", run.State)
            json.WriteStartArray "overrides"
            run.Overrides |> List.iter json.WriteStringValue
            json.WriteEndArray()
            json.WritePropertyName "config"
            json.WriteRawValue(Canonical.Json run.Config)
            json.WriteEndObject()

        json.WriteEndArray()
        json.WriteEndObject()

    write ()
    Encoding.UTF8.GetString(stream.ToArray())
