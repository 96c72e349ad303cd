/// The command of experiments/claims.fsx: registered claims, the runs and laws that decide them, and the report of their verdicts.
module Ebm.Sweeps.Claims

open System
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Asked
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Show
// Last, because a claim of Ebm.Runs is the hold on a run's folder.
open Ebm.Analysis.Claim
open Ebm.Analysis.Judging

// ── verdicts ────────────────────────────────────────────────────────────────────────────────

/// Where verdicts come from.
type Evidence = {
    /// The repository, whose commits register claims.
    Root: string
    /// The folder of all sweeps.
    Runs: string
    IsQuick: bool
    Plan: Declare.Sweep -> Plan
}

let private folderOf (evidence: Evidence) = Path.Combine(evidence.Runs, ClaimSweep.nameOf evidence.IsQuick)

/// The outcome of a planned run for a metric.
let private outcome (runs: Map<string, Ebm.Analysis.Runs.Run>) metric (planned: PlannedRun) : Outcome =
    match runs.TryFind planned.Id with
    | None -> Absent "it has not begun"
    | Some run ->
        match run.Retired, run.Doubt, run.State with
        | Some because, _, _ -> Absent $"it is retired, {because}"
        | _, Some doubt, _ -> Absent doubt
        | _, _, RunState.Diverged -> Lost
        | _, _, RunState.Completed ->
            match run.Metrics.TryFind metric with
            | Some found when Double.IsFinite found.Value -> Value found.Value
            | Some _ -> Lost
            | None -> Absent $"it has no {metric}"
        | _, _, state -> Absent $"it is {Kebab.Of state}"

/// The commit from which a run was started.
let private commitOf (folder: string) : string option =
    match RunFolder.Open(folder).Manifest with
    | null -> None
    | manifest -> manifest.Git |> Option.ofObj |> Option.map _.Commit

/// The verdicts on some claims, from the runs and laws that are there.
let judged (evidence: Evidence) (claims: Claim list) : ClaimPage.Report =
    let folder = folderOf evidence
    let found =
        if Directory.Exists folder then
            let runs, _ = Ebm.Analysis.Runs.under folder
            let doubts = Manifests.doubts evidence.Runs
            Map [ for run in runs -> run.Id, { run with Doubt = run.Doubt |> Option.orElseWith (fun () -> doubts run) } ]
        else
            Map.empty

    let one (claim: Claim) : ClaimPage.Reported =
        match claim.Decision with
        | Decision.Runs whole ->
            let design = ClaimSweep.reduced evidence.IsQuick whole
            let cells = ClaimSweep.planned evidence.Plan evidence.IsQuick claim design
            ClaimSweep.check claim design cells
            let byCell = Map cells

            let metric name =
                cells
                |> List.tryPick (fun (_, runs) ->
                    runs
                    |> List.tryHead
                    |> Option.bind (fun run -> run.Spec.Measure.Quantities() |> Seq.tryFind (fun one -> one.Name = name)))
                |> Option.map (fun one -> one.Better, one.Unit)

            let measured = {
                Outcomes = fun row data metric -> byCell[row, data] |> List.map (outcome found metric)
                Metric = metric
            }

            let runs = cells |> List.collect snd |> List.distinctBy _.Id
            let begun = runs |> List.filter (fun run -> found.ContainsKey run.Id)

            {
                Judged = Judging.ofRuns claim design measured
                Registration = Registered.of' evidence.Root claim.File [ for run in begun -> commitOf run.Folder ]
                Units = runs |> List.sumBy (fun run -> found.TryFind run.Id |> Option.bind _.TrainUnits |> Option.defaultValue 0L)
                Runs = runs.Length
                Seeds = ClaimSweep.seedsOf evidence.IsQuick design
            }
        | Laws parts ->
            // Laws are the same with --quick, and are asked once.
            let asked = AskedLaws.recorded evidence.Root (Path.Combine(evidence.Runs, ClaimSweep.nameOf false)) claim parts
            {
                Judged = Judging.ofLaws claim asked
                Registration = Registered.of' evidence.Root claim.File [ for asked in Option.toList asked -> asked.Commit ]
                Units = 0L
                Runs = 0
                Seeds = 0
            }
        | Needs needs -> {
            Judged = Judging.ofNeeds claim needs
            Registration = Registered.of' evidence.Root claim.File []
            Units = 0L
            Runs = 0
            Seeds = 0
          }

    { IsQuick = evidence.IsQuick; Claims = List.map one claims }

/// Checks the configs, metrics and shared runs of claims, before any of them starts.
let check (evidence: Evidence) (claims: Claim list) =
    ClaimSweep.checkShared [
        for claim in claims do
            match claim.Decision with
            | Decision.Runs whole ->
                let design = ClaimSweep.reduced evidence.IsQuick whole
                let cells = ClaimSweep.planned evidence.Plan evidence.IsQuick claim design
                ClaimSweep.check claim design cells
                claim, List.collect snd cells
            | Laws _
            | Needs _ -> ()
    ]

// ── the command ─────────────────────────────────────────────────────────────────────────────

let private verbs = [
    "plan", "list the claims and their runs, after checking every config; writes nothing"
    "run", "execute the runs and ask the laws that are not done, then print the verdicts (the default verb)"
    "table", "print the verdicts"
    "report", "print the verdicts, and write claims.md, claims.html, claims.tex and claims.json"
]

/// The options of the sweep engine that each verb takes; --only and --quick are this command's own.
let private taken verb =
    match verb with
    | "plan" -> [ "--runs"; "--with"; "--shard" ]
    | "run" -> [
        "--runs"
        "--reports"
        "--data"
        "--with"
        "--shard"
        "--workers"
        "--memory"
        "--timeout"
        "--max-hours"
        "--deadline"
        "--retry"
        "--reuse"
        "--redo"
        "--seeds-first"
        "--share"
        "--no-share"
        "--dry-run"
      ]
    | _ -> [ "--runs"; "--reports"; "--with" ]

let private help () =
    Console.WriteLine "Registered claims of the papers, and the runs and laws that decide them.\n"
    described 2 [ for verb, says in verbs -> [ verb ], says ]
    Console.WriteLine ""

    described 2 [
        [ "--only A1,B4" ], "only these claims"
        [ "--quick" ], "small budgets and few seeds, in other folders: shows that all works, and decides nothing"
        [ "--workers N, --shard i/n" ], "as for every sweep"
    ]

    Console.WriteLine
        "\nExit codes: 0 done, 1 a run has not ended, 2 an error of usage or of a claim's file, 3 a claim is void or was changed after its runs."
    0

/// Our own options, and the other words.
let rec private own (only, isQuick, others) (words: string list) =
    match words with
    | [] -> only, isQuick, List.rev others
    | "--quick" :: rest -> own (only, true, others) rest
    | "--only" :: ids :: rest when not (ids.StartsWith '-') -> own (Some ids, isQuick, others) rest
    | [ "--only" ] -> usage "--only" "--only needs ids of claims, such as A1,B4."
    | word :: rest when word.StartsWith "--only=" -> own (Some(word.Substring 7), isQuick, others) rest
    | word :: rest -> own (only, isQuick, word :: others) rest

let private cut (width: int) (text: string) = Text.short width text

/// The table of verdicts in a terminal.
let private print (report: ClaimPage.Report) =
    aligned (
        [ "claim"; "verdict"; "what decides"; "control" ]
        :: [
            for one in report.Claims ->
                [
                    one.Judged.Claim.Id
                    Wording.word report.IsQuick one.Judged.Verdict + (if one.Registration.Changed.IsSome then " ¶" else "")
                    cut
                        60
                        (one.Judged.Why
                         |> Option.filter (fun _ -> one.Judged.Verdict = NotTested)
                         |> Option.defaultValue (Wording.headline one.Judged))
                    cut 40 (Wording.control one.Judged)
                ]
        ]
    )

    Console.WriteLine ""

    for line in ClaimPage.summary report do
        List.iter (fun (line: string) -> Console.WriteLine line) (wrapped 100 line)

    if report.Claims |> List.exists _.Registration.Changed.IsSome then
        Console.WriteLine "¶ The claim's file was changed after its runs began, or is not committed; the report says which commit."

/// 3 if a claim is void, or was changed after runs that it has.
let private codeOf (report: ClaimPage.Report) =
    let isBroken (one: ClaimPage.Reported) =
        one.Judged.Verdict = Void || (one.Registration.Changed.IsSome && one.Judged.Verdict <> NotTested && not report.IsQuick)
    if report.Claims |> List.exists isBroken then 3 else 0

let private write (place: Place) (report: ClaimPage.Report) =
    let folder = Path.Combine(place.Reports, ClaimSweep.nameOf report.IsQuick)

    for path in Report.writeFiles folder (ClaimPage.files report) do
        Console.WriteLine(relative path)

/// Builds the laws' program if the repository has none.
let private buildLaws (root: string) =
    if not (File.Exists(AskedLaws.program root)) then
        Console.WriteLine "The laws are not built yet; this takes minutes."
        let start = Diagnostics.ProcessStartInfo("dotnet", [ "fsi"; Path.Combine(root, "build.fsx"); "build"; "--for"; "everything" ])
        use child = nonNull (Diagnostics.Process.Start start)
        child.WaitForExit()
        if child.ExitCode <> 0 then usage "laws" "the program of the laws was not built; the lines above say why."

let private askLaws (evidence: Evidence) (claims: Claim list) =
    let folder = Path.Combine(evidence.Runs, ClaimSweep.nameOf false)

    let open' = [
        for claim in claims do
            match claim.Decision with
            | Laws parts when
                (buildLaws evidence.Root
                 AskedLaws.recorded evidence.Root folder claim parts)
                    .IsNone
                ->
                claim, parts
            | _ -> ()
    ]

    for claim, parts in open' do
        Console.WriteLine $"{claim.Id}: asking its laws"
        let asked = AskedLaws.ask evidence.Root folder claim parts
        Console.WriteLine $"""{claim.Id}: {Text.counted asked.Laws.Length "law"}, {asked.Seconds:F0} s"""

/// The plan of each claim: how it is decided, and how much is done.
let private printPlan (evidence: Evidence) (claims: Claim list) =
    let line (claim: Claim) =
        match claim.Decision with
        | Decision.Runs whole ->
            let design = ClaimSweep.reduced evidence.IsQuick whole
            let cells = ClaimSweep.planned evidence.Plan evidence.IsQuick claim design
            ClaimSweep.check claim design cells
            let runs = cells |> List.collect snd |> List.distinctBy _.Id
            let settled = runs |> List.filter (fun run -> RunStates.IsSettled run.State || run.State = RunState.Stale)
            let budget (run: PlannedRun) =
                run.Config.Find "train.budget" |> Option.ofObj |> Option.bind (fun node -> Option.ofNullable (node.AsInteger()))
            let units = runs |> List.distinctBy _.Training |> List.sumBy (budget >> Option.defaultValue 0L)
            [ claim.Id; "runs"; $"{settled.Length} of {runs.Length} done, {float units / 1e6:F1} M units" ], claim.Says
        | Laws parts ->
            let isAsked = (AskedLaws.recorded evidence.Root (Path.Combine(evidence.Runs, ClaimSweep.nameOf false)) claim parts).IsSome
            [ claim.Id; "laws"; (if isAsked then "asked" else "not asked yet") ], claim.Says
        | Needs _ -> [ claim.Id; "not tested"; "" ], claim.Says

    described 0 (List.map line claims)

let private perform (folder: string) (root: string) (words: string list) : int =
    let only, isQuick, words = own (None, false, []) words

    let verb, words =
        match words with
        | word :: rest when List.exists (fst >> (=) word) verbs -> word, rest
        | word :: _ when not (word.StartsWith '-') && not (word.Contains '=') ->
            let known = List.map fst verbs
            usage word $"{word} is not a verb of claims. Known verbs: {listed known}{Spelling.DidYouMean(word, known)}."
        | words -> "run", words

    match words |> List.tryFind (fun word -> word.Contains '=' && not (word.StartsWith '-')) with
    | Some word ->
        usage word "a claim's settings are in its file in experiments/claims, so that they are registered; this command takes no overrides."
    | None -> ()

    let configs = Configs(Path.Combine(folder, "configs"))
    let given = CommandLine.read configs ((if verb = "report" then "table" else verb) :: words)

    for case in given.Options.GetAllResults() |> List.map parser.GetArgumentCaseInfo do
        for name in case.CommandLineNames.Value do
            if not (List.contains name (taken verb)) then
                usage name $"{verb} of claims has no option {name}. It has --only, --quick, {listed (taken verb)}."

    let all = Claim.readAll (Path.Combine(folder, "claims"))
    let claims = Claim.chosen only all

    let place = {
        Folder = folder
        Root = root
        Sweep = ClaimSweep.sweep isQuick claims
        Given = given
        Composer = Composer(configs, "sweep")
        Catalog = lazy (Catalog.Load(given.Options.GetResults <@ With @>))
        Runs = Options.place "--runs" (given.Options.TryGetResult <@ CommandLine.Option.Runs @>) "EBM_RUNS" (Path.Combine(root, "runs"))
        Reports = Options.place "--reports" (given.Options.TryGetResult <@ Reports @>) "EBM_REPORTS" (Path.Combine(root, "reports"))
        Tabulates = false
    }

    let evidence = { Root = root; Runs = place.Runs; IsQuick = isQuick; Plan = planNamed place None }

    match verb with
    | "plan" ->
        check evidence all
        printPlan evidence claims
        0
    | "run" ->
        // All claims, because a run of a chosen one may belong to another one, too.
        check evidence all
        let hasRuns = not place.Sweep.Parts.IsEmpty
        let code = if hasRuns then Perform.run place else 0

        if code > 1 || given.Options.Contains <@ Dry_Run @> then
            code
        else
            // One machine asks the laws; they take no share of the runs.
            match part given with
            | Hold.Shard(i, _) when i > 1 -> ()
            | _ -> askLaws evidence claims

            let report = judged evidence claims
            print report
            write place report
            let isLeft (run: PlannedRun) = not (RunStates.IsSettled run.State || run.State = RunState.Stale)
            let left = if hasRuns then planned place |> selected given |> fun plan -> List.exists isLeft plan.Runs else false
            max (codeOf report) (if left then 1 else 0)
    | _ ->
        let report = judged evidence claims
        print report
        if verb = "report" then write place report
        codeOf report

/// Executes a command line. `folder` is the script's folder, which contains `configs` and `claims`. Returns the exit code.
let main (folder: string) (arguments: string seq) : int =
    let root = string (Path.GetDirectoryName(Path.GetFullPath folder))
    let words = arguments |> Seq.filter ((<>) "--") |> List.ofSeq

    if words |> List.exists Options.asksHelp || List.tryHead words = Some "help" then
        help ()
    else
        Command.Run(fun () -> perform folder root words)
