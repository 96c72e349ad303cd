/// A lack in the records lowers the axis that it belongs to and no other, and the card names it.
module Ebm.Tests.Laws.CardLaws

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Ebm.Analysis
open Ebm.Audits
open Ebm.Audits.Evidence
open Ebm.Audits.Rules
open Ebm.Audits.Grades
open Ebm.Audits.Statement
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Processes

// ── Manifests that lack something ───────────────────────────────────────────────────────────

let private edited (change: JsonObject -> unit) (manifest: RunManifest) =
    let node = (nonNull (JsonNode.Parse(manifest.ToJson()))).AsObject()
    change node
    RunManifest.Parse(node.ToJsonString(), "manifest.json")

/// The object that holds the last name of a path, and that name.
let private at (path: string) (node: JsonObject) =
    let names = path.Split '/'
    (node, Array.truncate (names.Length - 1) names) ||> Array.fold (fun node name -> (nonNull node[name]).AsObject()), Array.last names

let private lacking path = edited (fun node -> let holder, name = at path node in holder.Remove name |> ignore)
let private having path (json: string) = edited (fun node -> let holder, name = at path node in holder[name] <- JsonNode.Parse json)
let private dirty = having "git/dirty" "true"

let private without (artefact: string) =
    edited (fun node ->
        let artefacts = (nonNull node["artefacts"]).AsArray()
        artefacts.Remove(artefacts |> Seq.find (fun entry -> string ((nonNull entry).["path"]) = artefact)) |> ignore)

// ── A sweep that lacks nothing ──────────────────────────────────────────────────────────────

let private map (pairs: (string * string) list) : IReadOnlyDictionary<string, string> = readOnlyDict pairs
let private hash (text: string) = Canonical.Sha256 text

/// The settings of a run besides its seed.
type private Told = { Method: string; Setting: string; Commit: string; Rows: string }

let private manifestOf (told: Told) (sweep: string) id (seed: int) (config: string) files =
    RunManifest(
        State = RunState.Completed,
        Step = 40L,
        RunId = id,
        GroupId = "g-" + (hash $"{told.Method} {told.Setting}").Substring(0, 12),
        SweepId = sweep,
        Seed = int64 seed,
        ConfigSha256 = hash config,
        Argv = [| "artifacts/pinned/0/ebm-runner.dll" |],
        Overrides = [| $"method={told.Method}"; $"seed={seed}" |],
        Maker = MakerState("one machine", "one user"),
        Origins = map [ "method.kind", "configs/method/toy.yaml, line 1" ],
        Choices = map [ "method", told.Method ],
        Script = ScriptState("experiments/sweep.fsx", hash "script"),
        Streams = map [ "data", "0123456789abcdef" ],
        Git = GitState(told.Commit, Snapshot = SnapshotState(told.Commit, "tree", "refs/ebm/runs/tree")),
        Build = BuildState("Release", "0.1.0", map [ "Ebm.Core", hash "dll" ], map [ "Ebm.Core", hash "code" ]),
        Runtime = RuntimeState("10.0.0", "Linux"),
        Packages = map [ "YamlDotNet", "16.3.0" ],
        PackageHashes = map [ "YamlDotNet", "content" ],
        Native = NativeState("2.10.0", Capability = "AVX2", Libraries = [| NativeFile("libtorch.so", hash "so", 1L) |]),
        Hardware = HardwareState("a CPU", 2, 8_000_000_000L),
        Threads = ThreadCounts 1,
        Environment = map [ "OMP_NUM_THREADS", "1" ],
        Determinism = map [ "kernels", "effective"; "threads", "effective" ],
        Data = [| DataState("toy", hash $"rows {seed}", [| DataFile("rows.bin", 4L, DateTime(2026, 1, 1), hash told.Rows) |]) |],
        Timing = Timing(DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), Wall = 3.0),
        Peak = Peak 1_000_000_000L,
        Cost = Spent(1000L, 10L, 1L),
        Artefacts = files
    )

/// Writes the folder of an ended run.
let private write (runs: string) (sweep: string) (told: Told) (seed: int) (metric: float) =
    let text (value: string) = JsonSerializer.Serialize value
    let config = $"{{\"data\":{{\"kind\":\"toy\"}},\"method\":{{\"kind\":{text told.Method},\"lr\":{text told.Setting}}},\"seed\":{seed}}}"
    let folder = Path.Combine(runs, sweep, RunName.Of("toy", told.Method, int64 seed, hash config))
    Directory.CreateDirectory(Path.Combine(folder, "checkpoint")) |> ignore

    let files = [
        "checkpoint/state.json", "{}"
        "config.json", config
        "config.yaml", $"data: {{kind: toy}}\nseed: {seed}\n"
        "metrics.json",
        $"{{ \"grid-kl\": {{ \"value\": {Table.number metric}, \"unit\": \"nats\", \"better\": \"lower\", \"n\": 1000, \"protocol\": \"p\" }} }}\n"
        "samples.npy", "samples"
    ]

    for name, content in files do
        File.WriteAllText(Path.Combine(folder, name), content)

    let listed = [| for name, content in files -> Artefact(name, hash content, int64 content.Length) |]
    let manifest = manifestOf told sweep (string (Path.GetFileName folder)) seed config listed
    File.WriteAllText(Path.Combine(folder, "manifest.json"), manifest.Sealed().ToJson())
    RunFolder.Open folder

let private workspaceOf (folder: string) = {
    Workspace.at folder with
        Runs = Path.Combine(folder, "runs")
        Reports = Path.Combine(folder, "reports")
        Data = Path.Combine(folder, "data")
        Json = true
}

let private found verdict made : Comparison.Comparison = {
    Verdict = verdict
    Parting = None
    Drifts = []
    Metrics = []
    Reason = None
    Made = made
    Notes = []
}

/// Enters an audit of a run, with its conditions and its user.
let private audit (workspace: Workspace.Workspace) (run: RunFolder) verb verdict (change: RunManifest -> RunManifest) =
    let was = nonNull run.Manifest
    let comparison = found verdict (Some(was, change was))
    Workspace.enter workspace $"{verb} {run.Sweep}/{run.Id}" (KeptAudits.written (KeptAudits.kept verb run None None comparison) comparison)

let private byOthers = having "maker/machine" "\"other machine\""

/// `better` and `worse` on ten seeds. Their settings were chosen and declared in the sweep before, on three other seeds.
let private build (folder: string) (names: string * string) =
    let git (words: string list) =
        must $"git {words}" (ends "git" ([ "-C"; folder; "-c"; "user.name=l"; "-c"; "user.email=l@l" ] @ words) = 0)
    let workspace = workspaceOf folder
    File.WriteAllText(Path.Combine(folder, "paket.lock"), "")
    File.WriteAllText(Path.Combine(folder, ".gitignore"), "runs\nreports\ndata\n")
    git [ "init"; "--quiet" ]
    git [ "add"; "-A" ]
    git [ "commit"; "--quiet"; "-m"; "sources" ]
    let commit = Git.ask folder [ "rev-parse"; "HEAD" ] |> Result.defaultValue ""
    Directory.CreateDirectory workspace.Data |> ignore
    File.WriteAllText(Path.Combine(workspace.Data, "rows.bin"), "rows")
    let told method' setting = { Method = method'; Setting = setting; Commit = commit; Rows = "rows" }
    let better, worse = names

    for seed in 0..2 do
        for method' in [ better; worse ] do
            for setting in [ "0.1"; "0.2" ] do
                write workspace.Runs "toys" (told method' setting) seed 1.0 |> ignore

    for seed in 10..19 do
        let noise = 0.001 * float (seed % 3)
        write workspace.Runs "toys-confirm" (told better "0.1") seed (0.1 + noise) |> ignore
        write workspace.Runs "toys-confirm" (told worse "0.2") seed (0.5 + 2.0 * noise) |> ignore

    let here = RunFolder.Under(Path.Combine(workspace.Runs, "toys-confirm")) |> List.ofSeq

    Plans.note ignore (Path.Combine(workspace.Runs, "toys-confirm")) {
        Overrides = [ [ $"method={better},{worse}"; "seed=10..19" ] ]
        Metric = Some "grid-kl"
        Baseline = [ "method.kind", worse ]
        Runs = here |> List.map _.Id
        Trainings = []
    }

    Manifests.enterRuns workspace.Runs here |> ignore
    let best = here |> List.find (fun run -> (File.ReadAllText(run.In "config.json")).Contains(JsonSerializer.Serialize better))
    audit workspace best "rerun" Comparison.Bitwise byOthers
    workspace

let private inWorld names (holds: Workspace.Workspace -> unit) = Folder.inFolder (fun folder -> holds (build folder names))

let private usual = "better", "worse"
let private sweep = "toys-confirm"

/// The evidence of a sweep that lacks nothing, read once.
let private whole =
    lazy
        (let kept = ref None
         inWorld usual (fun workspace -> kept.Value <- Evidence.read workspace sweep)
         Option.get kept.Value)

// ── What is planted ─────────────────────────────────────────────────────────────────────────

let private first (change: RunManifest -> RunManifest) (evidence: Evidence) =
    match evidence.Runs with
    | made :: rest -> { evidence with Runs = { made with Manifest = change made.Manifest } :: rest }
    | [] -> broken "there are no runs"

let private altered what (evidence: Evidence) = {
    evidence with
        Altered = [ { Subject = "toys-confirm/toy"; What = what; Says = "planted" } ]
}

/// The same sweep with other runs in its table.
let private retabled (options: Table.Options -> Table.Options) (change: Runs.Run list -> Runs.Run list) (evidence: Evidence) =
    let runs = evidence.Table.Rows |> List.collect _.Runs |> change
    { evidence with Table = Table.tabulateWith (options evidence.Table.Options) evidence.Table.Sweep runs }

let private seedsOf (count: int) (runs: Runs.Run list) = runs |> List.filter (fun run -> int run.Seed < 10 + count)

let private isFirst (run: Runs.Run) = run.Seed = "10" && run.Config["method.kind"] = "better"

let private one (change: Runs.Run -> Runs.Run) (runs: Runs.Run list) = runs |> List.map (fun run -> if isFirst run then change run else run)

let private audits (change: KeptAudits.Kept -> KeptAudits.Kept) (evidence: Evidence) =
    match evidence.Audits with
    | (entry, kept) :: _ -> { evidence with Audits = evidence.Audits @ [ entry, change kept ] }
    | [] -> broken "there are no audits"

let private only (change: KeptAudits.Kept -> KeptAudits.Kept) (evidence: Evidence) = {
    evidence with
        Audits = evidence.Audits |> List.map (fun (entry, kept) -> entry, change kept)
}

let private came verdict (kept: KeptAudits.Kept) = { kept with Verdict = verdict }
let private elsewhere (kept: KeptAudits.Kept) = { kept with Is = kept.Is.Add("threads", "2"); Drifts = [ "environment" ] }
let private asWas (kept: KeptAudits.Kept) = { kept with Is = kept.Was }

let private plan (change: Plans.Plan -> Plans.Plan list) (evidence: Evidence) = {
    evidence with
        Plans = evidence.Plans |> List.collect change
}

let private tries (count: string -> int) (evidence: Evidence) = {
    evidence with
        Chosen =
            evidence.Chosen
            |> Option.map (fun (name, runs) ->
                name, runs |> List.filter (fun run -> run.Config["method.lr"] = "0.1" || count run.Config["method.kind"] > 1))
}

let private imports (evidence: Evidence) = { evidence with Imported = [ evidence.Runs.Head ] }

/// A run of the worse row with this value, which was retired.
let private retires value =
    retabled
        (fun options ->
            let metric = RunFolders.metric Direction.Lower value
            let run = (List.last whole.Value.Table.Rows).Runs |> List.last
            {
                options with
                    Retired = [ { run with Id = "retired"; Seed = "20"; Metrics = run.Metrics.Add("grid-kl", metric) }, "a reason" ]
            })
        id

/// The lack of each rule, planted; by axis and sentence.
let private planted: ((string * string) * (Evidence -> Evidence)) list = [
    ("code", "a run names neither a commit nor assemblies"), first (lacking "git" >> lacking "build")
    ("code", "a run names no commit"), first (lacking "git")
    ("code", "uncommitted sources have no snapshot"), first (dirty >> lacking "git/snapshot")
    ("code", "a commit is not in this repository"), fun e -> { e with AbsentCommits = set [ String('a', 40) ] }
    ("code", "a snapshot lacks files that were left out"), first (having "git/snapshot/refused" """["keys.pem: it looks like a secret"]""")
    ("code", "a run names no hashes of its assemblies"), first (lacking "build/assemblies")
    ("code", "compared runs were computed by different code"), first (having "build/code" """{"Ebm.Core":"other"}""")
    ("code", "git may delete the commit, because no snapshot refers to it"), first (lacking "git/snapshot")
    ("code", "the sources were not committed; only a snapshot has them"), first dirty
    ("code", "the program was not copied at launch; a build during the sweep may have replaced it"),
    first (having "argv" """["ebm-runner.dll"]""")
    ("code", "the sources of an imported run are not in these records"), imports
    ("config", "the settings of an imported run are not in these records"), imports
    ("data", "an imported run does not show which data it read"), imports
    ("environment", "the machine and the libraries of an imported run are not in these records"), imports
    ("determinism", "an imported run cannot be repeated"), imports
    ("statistics", "values of an imported run have no protocol"), imports
    ("tuning", "these records do not say how the settings of an imported run were found"), imports
    ("artefacts", "an imported run has no samples, events or checkpoint"), imports
    ("statistics", "runs were retired from the table"), retires 0.5
    ("statistics", "with the retired runs, another row is the best of a column"), retires -100.0
    ("config", "a config was changed after the run"), altered Altered.ConfigEdited
    ("config", "a run does not say where its settings come from"), first (lacking "origins")
    ("config", "a run does not say from which options it was composed"), first (lacking "choices")
    ("config", "a run does not have its overrides"), first (having "overrides" "[]")
    ("config", "no script declares the run"), first (lacking "script")
    ("data", "a data file has other bytes than the runs read"), altered Altered.DataChanged
    ("data", "a run does not say which data it read"), first (having "data" "[]")
    ("data", "runs of one seed read different data"),
    retabled id (fun runs -> { runs.Head with Id = "odd"; Data = [ "toy", "another" ] } :: runs)
    ("data", "a run does not name the random stream of its split"), first (lacking "streams")
    ("data", "data files are missing here, so their bytes were not compared"), fun e -> { e with AbsentData = [ "rows.bin" ] }
    ("environment", "a run does not name its machine or its libtorch"), first (lacking "hardware")
    ("environment", "the sources have no lock file of packages"), fun e -> { e with Unlocked = set [ String('a', 40) ] }
    ("environment", "native libraries have no hashes"), first (lacking "native/libraries")
    ("environment", "a package has no hash of its content"), first (lacking "packageHashes")
    ("environment", "a run does not have its threads or its environment variables"), first (lacking "environment")
    ("environment", "compared runs come from different machines or libraries"), first (having "hardware/cpu" "\"another CPU\"")
    ("determinism", "an audit under a run's own conditions differed or failed"), audits (came Comparison.Different)
    ("determinism", "a run does not have its determinism switches"), first (lacking "determinism")
    ("determinism", "a determinism switch was requested, but not effective"), first (having "determinism/kernels" "\"requested\"")
    ("determinism", "a run reached a lower level of determinism than requested"),
    first (having "determinismLevel" """{"requested":"D3","effective":"D1"}""")
    ("determinism", "no audit has repeated a run"), fun e -> { e with Audits = [] }
    ("determinism", "an audit was only as close as another seed"), audits (came Comparison.Statistical)
    ("determinism", "an audit was within the declared tolerance, but not bit for bit"), audits (came Comparison.Tolerance)
    ("determinism", "an audit under other conditions differed or failed"), audits (elsewhere >> came Comparison.Different)
    ("determinism", "no audit has repeated a whole run"), only (fun kept -> { kept with Audit = "smoke"; Until = Some 50L })
    ("determinism", "no whole run was repeated on another machine or by another user"), only (fun kept -> { kept with Independent = None })
    ("determinism", "a bold row has no audited run"), only (fun kept -> { kept with Run = "toys-confirm/another" })
    ("statistics", "planned runs are missing from the table"), retabled (fun o -> { o with Planned = Some 21 }) id
    ("statistics", "a row has one or two seeds, too few for an interval"), retabled (fun o -> { o with Planned = None }) (seedsOf 2)
    ("statistics", "a row has fewer than six seeds, too few for a paired test"), retabled (fun o -> { o with Planned = None }) (seedsOf 5)
    ("statistics", "runs have started and not ended"),
    retabled id (fun runs ->
        let running = { runs.Head with Id = "later"; Seed = "20"; State = RunState.Running; Metrics = Map.empty }
        running :: { running with Id = "too"; Group = (runs |> List.last).Group } :: runs)
    ("statistics", "folders of runs could not be read"), fun e -> { e with Skipped = [ { Path = "x/torn"; Why = "torn"; IsRun = true } ] }
    ("statistics", "values of one column were measured differently"),
    retabled
        id
        (List.map (fun run ->
            if run.Config["method.kind"] = "worse" then
                { run with Metrics = run.Metrics |> Map.map (fun _ metric -> { metric with Protocol = Some "another" }) }
            else
                run))
    ("statistics", "a row has fewer than ten seeds"), retabled (fun o -> { o with Planned = None }) (seedsOf 9)
    ("statistics", "rows lost different shares of their runs"),
    retabled id (fun runs ->
        let lost = { runs.Head with State = RunState.Diverged; Metrics = Map.empty }
        // Ten of eleven completed.
        { lost with Id = "lost"; Seed = "20" }
        :: { runs.Head with Id = "kept"; Seed = "20"; Group = (List.last runs).Group; Config = (List.last runs).Config }
        :: runs)
    ("statistics", "rows of one data set have different seeds, so tests are not paired"),
    retabled id (one (fun run -> { run with Seed = "20" }))
    ("tuning", "the metric or the baseline was changed after the first launch"),
    plan (fun plan -> [ plan; { plan with Metric = Some "energy-distance" } ])
    ("tuning", "methods were tried with different numbers of settings"), tries (fun method' -> if method' = "better" then 2 else 1)
    ("tuning", "reported seeds took part in the choice of settings"),
    fun e -> {
        e with
            Chosen = e.Chosen |> Option.map (fun (name, runs) -> name, runs |> List.map (fun run -> { run with Seed = "1" + run.Seed }))
    }
    ("tuning", "no metric was declared before the results"), plan (fun plan -> [ { plan with Metric = None } ])
    ("tuning", "the sweep has several settings, and no fresh seeds confirm the choice"),
    fun e ->
        let again = e.Runs |> List.map (fun made -> { made with Run = { made.Run with Group = made.Run.Group + "-2" } })
        { e with Chosen = None; Runs = e.Runs @ again }
    ("tuning", "settings were tuned in another sweep, which is not in these records"),
    fun e -> first (having "choices/tuned" "\"toys-better\"") { e with Chosen = None }
    ("tuning", "these records do not say how the settings were found"), fun e -> { e with Chosen = None }
    ("tuning", "no baseline was declared before the results"), plan (fun plan -> [ { plan with Baseline = [] } ])
    ("artefacts", "files of a run or the ledger were altered"), altered Altered.ArtefactChanged
    ("artefacts", "a manifest is not sealed"), first (lacking "hash")
    ("artefacts", "without a ledger, removed runs cannot be detected"), fun e -> { e with Ledger = None }
    ("artefacts", "a run has no entry in the ledger"),
    fun e -> {
        e with
            Ledger =
                e.Ledger
                |> Option.map (fun ledger -> {
                    ledger with
                        Entries = ledger.Entries |> List.filter (fun entry -> entry.Kind <> "run" || entry.Seq > 1L)
                })
    }
    ("artefacts", "a completed run has no samples"), first (without "samples.npy")
    ("artefacts", "a completed run has no checkpoint"), first (without "checkpoint/state.json")
    ("artefacts", "no repository has the ledger's head, or it lacks the last entries"),
    fun e -> { e with Ledger = e.Ledger |> Option.map (fun ledger -> { ledger with Loose = Some 1L }) }
]

// ── How it is judged ────────────────────────────────────────────────────────────────────────

let private grades (evidence: Evidence) = grade evidence |> List.map (fun axis -> axis.Name, axis.Grade)

/// The axis has the rule's grade and names the lack, and all others stay at A.
let private lowers (rule: Rule) (plant: Evidence -> Evidence) =
    for axis in grade (plant whole.Value) do
        let lacks = axis.Lacks |> List.map _.Rule.Says |> String.concat "; "

        if axis.Name = rule.Axis then
            must $"{axis.Name} is %A{axis.Grade}: {lacks}" (axis.Grade = Some rule.Grade)
            must $"it is not named: {lacks}" (axis.Lacks |> List.exists (fun lack -> lack.Rule.Says = rule.Says && not lack.Found.IsEmpty))
        else
            // An imported run lacks something on every axis.
            let isImported (says: string) = says.Contains "imported run"
            let others = axis.Lacks |> List.filter (fun lack -> not (isImported rule.Says && isImported lack.Rule.Says))
            must $"{axis.Name} is %A{axis.Grade}: {lacks}" others.IsEmpty

let private lowering (rule: Rule) =
    let plant = planted |> List.tryFind (fst >> (=) (rule.Axis, rule.Says)) |> Option.map snd

    law $"the card says of {rule.Axis}, {letter rule.Grade}: {rule.Says}" (fun () ->
        match plant with
        | Some plant -> lowers rule plant
        | None -> broken "nothing is planted for it")
    |> breaks "nothing is planted" (fun () -> lowers rule id)
    |> needsGit

let private judged axis (evidence: Evidence) = grade evidence |> List.find (fun found -> found.Name = axis)

/// Its own user repeated the whole run, others only its first steps.
let private othersFirstSteps =
    only (fun kept -> { kept with Independent = Some false })
    >> audits (fun kept -> { kept with Independent = Some true; Audit = "smoke"; Until = Some 50L })

// ── The page ────────────────────────────────────────────────────────────────────────────────

let private text (evidence: Evidence) =
    Card.files evidence |> snd |> List.map (fun (name, text) -> name + "\n" + text) |> String.concat "\n"

let private named = "</script><img src=x onerror=window.broken=1>", "'; \u202eهذا\" & <b>\\input{x}"

/// Hostile names add no tag to the page.
let private harmless (html: string) =
    let tags = Regex.Matches(html, "<(img|script|b)\\b[^>]*>") |> Seq.map _.Value |> List.ofSeq
    let foreign = tags |> List.filter (fun tag -> tag <> "<script>" && not (tag.StartsWith "<b class=\"grade"))
    must $"the page has %A{foreign}" foreign.IsEmpty

let private quietly (act: unit -> 'a) =
    let out = Console.Out

    try
        Console.SetOut TextWriter.Null
        act ()
    finally
        Console.SetOut out

let private carded (workspace: Workspace.Workspace) =
    let code = quietly (fun () -> Audit.perform workspace [ "card"; sweep ])
    must $"it ends with {code}" (code = 0)
    Path.Combine(workspace.Reports, sweep, "card.html")

let private shows (page: Browser.Page) (file: string) =
    page.Go file
    must "grades are not all there" (page.Text "document.querySelectorAll('.grades a').length" = "8")
    let background = "getComputedStyle(document.body).backgroundColor"
    let light = page.Text background
    page.Prefer("screen", "dark")
    must "dark is as light" (page.Text background <> light)
    page.Prefer("print", "dark")
    must "paper is dark" (page.Text background = light)
    page.Prefer("screen", "light")
    page.Press "Escape"
    page.Ask "document.getElementById('theme').click()" |> ignore
    must "a name ran" (page.Text "typeof window.broken" = "undefined")
    must $"the page asked for %A{page.Asked}" page.Asked.IsEmpty
    must $"the page said %A{page.Said}" page.Said.IsEmpty
    must "the page is wider than its window" (page.Text "document.documentElement.scrollWidth <= window.innerWidth" = "True")

let private opened names (change: string -> string) () =
    Folder.inFolder (fun profile ->
        inWorld names (fun workspace ->
            let card = carded workspace
            File.WriteAllText(card, change (File.ReadAllText card))
            use page = Browser.Page.Open profile
            shows page card))

let all =
    (rules |> List.map lowering)
    @ [
        law "if a sweep's records lack nothing, every axis of its card is an A" (fun () ->
            for name, grade in grades whole.Value do
                must $"{name} is %A{grade}: %A{(judged name whole.Value).Lacks}" (grade = Some A))
        |> breaks "a manifest without its commit" (fun () ->
            must "it is an A" ((judged "code" (first (lacking "git") whole.Value)).Grade = Some A))
        |> needsGit

        law "an axis without anything to grade is not judged, and the card says why" (fun () ->
            let unjudged axis (change: Evidence -> Evidence) (part: string) =
                let found = judged axis (change whole.Value)
                must $"{axis} is %A{found.Grade}" found.Grade.IsNone
                must $"it says %A{found.Why}" (found.Why |> Option.exists _.Contains(part))

            unjudged "tuning" (fun e -> { e with Plans = [] }) "plans.jsonl"
            unjudged "statistics" (retabled (fun o -> { o with Planned = None }) (List.map (RunFolders.ended RunState.Failed))) "No run"

            unjudged
                "determinism"
                (fun e -> {
                    e with
                        Audits = []
                        Runs = e.Runs |> List.map (fun made -> { made with Manifest = lacking "determinism" made.Manifest })
                })
                "no audit")
        |> needsGit

        law "an alteration on the disk lowers the axis that it belongs to" (fun () ->
            inWorld usual (fun workspace ->
                let run = RunFolder.Under(Path.Combine(workspace.Runs, sweep)) |> Seq.head
                let read () = Option.get (Evidence.read workspace sweep)
                let graded axis grade = must $"{axis} is %A{(judged axis (read ())).Grade}" ((judged axis (read ())).Grade = Some grade)
                File.WriteAllText(run.In "samples.npy", "sampleS")
                graded "artefacts" F
                File.WriteAllText(Path.Combine(workspace.Data, "rows.bin"), "rowS")
                graded "data" F
                File.Delete(Path.Combine(workspace.Data, "rows.bin"))
                graded "data" B
                graded "code" A))
        |> needsGit

        law "verify names an audit's report that was altered, and one that is missing" (fun () ->
            inWorld usual (fun workspace ->
                let run = RunFolder.Under(Path.Combine(workspace.Runs, sweep)) |> Seq.head
                audit workspace run "smoke" Comparison.Bitwise id
                let files = Directory.GetFiles(Path.Combine(workspace.Runs, SweepFolder.Audits))
                let named () =
                    (Verify.verify workspace.Root (Some workspace.Data) None workspace.Runs []).Alterations
                    |> List.map (_.What >> Kebab.Of)
                must $"%A{named ()}" (named ()).IsEmpty
                let last = (Option.get (Ledger.load workspace.Root workspace.Runs)).Entries |> List.last
                let kept = Workspace.reportOf workspace.Runs last.Hash
                must "there are not two" (files.Length = 2)
                File.WriteAllText(kept, (File.ReadAllText kept).Replace("smoke", "rerun"))
                must $"%A{named ()}" (named () = [ "audit-changed" ])
                File.Delete kept
                must $"%A{named ()}" (named () = [ "audit-missing" ])))
        |> needsGit

        law "the same records give the same card, byte for byte, in any folder" (fun () ->
            Folder.inFolder (fun elsewhere ->
                inWorld usual (fun workspace ->
                    let here = Evidence.read workspace sweep |> Option.get |> text
                    must "the second card differs" (text (Option.get (Evidence.read workspace sweep)) = here)
                    must "it cannot be copied" (ends "cp" [ "-r"; workspace.Root + "/."; elsewhere ] = 0)
                    must "the card differs in another folder" (text (Option.get (Evidence.read (workspaceOf elsewhere) sweep)) = here)
                    must "it names its folder" (not (here.Contains workspace.Root))
                    // The card's own entry in the ledger is not evidence.
                    carded workspace |> ignore
                    must "the card differs after its entry" (text (Option.get (Evidence.read workspace sweep)) = here))))
        |> breaks "a run less" (fun () ->
            inWorld usual (fun workspace ->
                let here = Evidence.read workspace sweep |> Option.get |> text
                Directory.Delete((Seq.head (RunFolder.Under(Path.Combine(workspace.Runs, sweep)))).Path, true)
                must "the card is the same" (text (Option.get (Evidence.read workspace sweep)) = here)))
        |> needsGit

        law "hostile names are text in a card, its JSON and its checklist" (fun () ->
            inWorld named (fun workspace ->
                let files = Evidence.read workspace sweep |> Option.get |> Card.files |> snd |> Map.ofList
                harmless files["card.html"]
                let json = JsonDocument.Parse files["card.json"]
                must "the name is lost" (json.RootElement.GetRawText().Contains "onerror")
                must "LaTeX reads a name" (not (files["checklist.tex"].Contains "\\input{"))))
        |> breaks "a name as it is" (fun () -> harmless (fst named))
        |> needsGit

        law "the card and the report link to each other, and the ledger has the card" (fun () ->
            inWorld usual (fun workspace ->
                let card = carded workspace
                must "the card does not link to the report" ((File.ReadAllText card).Contains "href=\"index.html\"")
                let report = Path.Combine(workspace.Reports, sweep, "index.html")
                must "the report does not link to the card" ((File.ReadAllText report).Contains "href=\"card.html\"")
                let last = (Option.get (Ledger.load workspace.Root workspace.Runs)).Entries |> List.last
                must last.Subject (last.Subject = $"card {sweep}")
                let json = Path.Combine(workspace.Reports, sweep, "card.json")
                must "its hash differs" (last.Hash = Canonical.Sha256OfFile json)
                must "it is not kept" (File.Exists(Workspace.reportOf workspace.Runs last.Hash))))
        |> needsGit

        law "the statement on determinism lists the kept audits by their conditions, and no others" (fun () ->
            inWorld usual (fun workspace ->
                let run = RunFolder.Under(Path.Combine(workspace.Runs, sweep)) |> Seq.head
                audit workspace run "smoke" Comparison.Different (having "threads/intraOp" "2")
                audit workspace run "smoke" Comparison.Bitwise id
                let rows = matrix (Option.get (Evidence.read workspace sweep))
                let said = rows |> List.map (fun row -> row.Extent, row.Conditions.Contains "threads 1 → 2", row.Counts)
                let due = [
                    "first steps", false, [ Comparison.Bitwise, 1 ]
                    "first steps", true, [ Comparison.Different, 1 ]
                    "whole runs", false, [ Comparison.Bitwise, 1 ]
                ]
                must $"%A{said}" (said = due)
                // A report whose bytes do not match the ledger's entry is ignored.
                for file in Directory.GetFiles(Path.Combine(workspace.Runs, SweepFolder.Audits)) do
                    File.AppendAllText(file, " ")
                must "changed reports are used" (matrix (Option.get (Evidence.read workspace sweep))).IsEmpty))
        |> needsGit

        law
            "an A for determinism needs a whole run that another user repeated; the user's own rerun and first steps by others give a B"
            (fun () ->
                let grade change = (judged "determinism" (change whole.Value)).Grade
                must "a whole run by others" (grade id = Some A)
                must "first steps by others" (grade othersFirstSteps = Some B)
                must "nobody else repeated it" (grade (only (fun kept -> { kept with Independent = Some false })) = Some B))
        |> breaks "first steps by others are an A" (fun () ->
            must "" ((judged "determinism" (othersFirstSteps whole.Value)).Grade = Some A))
        |> needsGit

        law "docs/report-card.md has the card's rules with their grades, and no others" (fun () ->
            let lines = File.ReadAllLines(Folder.under "docs/report-card.md")
            let due = rules |> List.map (fun rule -> $"| {rule.Axis} | {letter rule.Grade} | {rule.Says} | {rule.Better} |")
            let there = lines |> Array.filter (fun line -> Regex.IsMatch(line, @"^\| [a-z]+ \| [ABCDF] \|")) |> List.ofArray
            let missing = List.except there due
            let extra = List.except due there
            must $"missing %A{missing}, extra %A{extra}" (missing.IsEmpty && extra.IsEmpty && there = due))

        law
            "in a browser with no network a card requests nothing, logs nothing and runs no name, in light and dark mode and on paper"
            (opened named id)
        |> breaks "a picture from elsewhere" (fun () ->
            opened
                usual
                (fun html ->
                    html.Replace("img-src data: blob:", "img-src *").Replace("<footer>", "<img src=\"http://example.org/a.png\"><footer>"))
                ())
        |> needsGit
        |> Browser.needed
    ]
