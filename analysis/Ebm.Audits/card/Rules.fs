/// The rules of a report card. An entry names an axis, the lack, the grade to which it lowers the axis, and the remedy. Missing information
/// breaks a rule. The table in docs/report-card.md is this list.
module Ebm.Audits.Rules

open System
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Evidence
open Ebm.Audits.Comparison
open Ebm.Audits.KeptAudits

type Grade =
    | A
    | B
    | C
    | D
    | F

let letter grade =
    match grade with
    | A -> "A"
    | B -> "B"
    | C -> "C"
    | D -> "D"
    | F -> "F"

let rank grade = "ABCDF".IndexOf(letter grade)

/// `Says` names the lack; `Found` lists the run ids, files or rows that have it, and nothing if the rule is kept.
type Rule = { Axis: string; Grade: Grade; Says: string; Better: string; Found: Evidence -> string list }

// ── What rules ask ──────────────────────────────────────────────────────────────────────────

let private runsWhere (lacks: Made -> bool) (evidence: Evidence) = evidence.Runs |> List.filter lacks |> List.map _.Run.Id

let private of' (manifest: RunManifest -> 'a | null) (lacks: 'a -> bool) (made: Made) =
    match manifest made.Manifest with
    | null -> false
    | value -> lacks value

let private missing (value: 'a | null) = isNull (box value)
let isEmpty (map: Collections.Generic.IReadOnlyDictionary<string, string> | null) =
    match map with
    | null -> true
    | map -> map.Count = 0

/// Imported runs, for the rules on what they lack.
let private imported (evidence: Evidence) = evidence.Imported |> List.map _.Run.Id

let private own = "train the method here, or report its numbers as those of the source"

/// Alterations of some kinds, as `verify` prints them.
let private altered (kinds: string list) (evidence: Evidence) =
    evidence.Altered
    |> List.filter (fun alteration ->
        kinds |> List.exists (fun kind -> (Kebab.Of alteration.What).StartsWith(kind, StringComparison.Ordinal)))
    |> List.map (fun alteration -> $"{Kebab.Of alteration.What}: {alteration.Subject}: {alteration.Says}")

let counted (values: string seq) =
    values
    |> Seq.countBy id
    |> Seq.sortBy (fun (value, n) -> -n, value)
    |> Seq.map (fun (value, n) -> let runs = if n = 1 then "run" else "runs" in $"{value} ({n} {runs})")
    |> List.ofSeq

/// The values that differ between compared runs; empty if they agree.
let private several (values: string seq) =
    match counted values with
    | []
    | [ _ ] -> []
    | values -> values

let codeOf (made: Made) =
    match made.Manifest.Build with
    | null -> None
    | build ->
        match build.Code with
        | null -> None
        | code ->
            code
            |> Seq.sortWith (fun a b -> String.CompareOrdinal(a.Key, b.Key))
            |> Seq.map (fun (KeyValue(name, hash)) -> $"{name} {hash}\n")
            |> String.concat ""
            |> Canonical.Sha256
            |> fun hash -> Some("code " + hash.Substring(0, 12))

/// The machine and the libtorch of a run, in a line.
let machineOf (made: Made) =
    let manifest = made.Manifest
    let some (value: 'a | null) (say: 'a -> string) = value |> Option.ofObj |> Option.map say

    [
        some manifest.Hardware _.Cpu
        some manifest.Native (fun native -> "libtorch " + native.Libtorch)
        manifest.Native |> Option.ofObj |> Option.bind (fun native -> Option.ofObj native.Capability)
        some manifest.Threads (fun threads -> if threads.IntraOp = 1 then "1 thread" else $"{threads.IntraOp} threads")
    ]
    |> List.choose id
    |> String.concat ", "

/// Whether an audit had the run's own machine, libraries and threads, as far as both records show.
let ownConditions (kept: Kept) =
    kept.Was = kept.Is && kept.Drifts |> List.forall (fun kind -> kind <> "environment" && kind <> "dependency" && kind <> "determinism")

let private audited (choose: Kept -> bool) (evidence: Evidence) =
    evidence.Audits
    |> List.filter (snd >> choose)
    |> List.map (fun (entry, kept) -> $"{nameOf kept.Verdict}: {kept.Run}, ledger entry {entry.Seq}")

/// Whether the audit could compare the two runs.
let private speaks (kept: Kept) = kept.Verdict <> NotComparable

/// Whether the audit reproduced a whole run.
let private repeatsAll (kept: Kept) = kept.Audit = "rerun" && reproduces kept.Verdict

/// A lack, named by `says`, if nothing was found.
let private none says (found: 'a list) = if found.IsEmpty then [ says ] else []

let nameOfRow (row: Table.Row) =
    match row.Labels |> List.filter ((<>) "") with
    | [] -> row.Group
    | labels -> String.Join(" ", labels)

let private rowsWhere (lacks: Table.Row -> bool) (evidence: Evidence) = evidence.Table.Rows |> List.filter lacks |> List.map nameOfRow

/// Leaves out rows of runs apart: the rules on data and protocols report them.
let private isWhole (row: Table.Row) = row.Apart.IsEmpty

/// The rows by data set; rows of one data set are compared.
let private tasks (evidence: Evidence) = evidence.Table.Rows |> List.filter isWhole |> List.groupBy _.Task |> List.map snd

let private boldRows (evidence: Evidence) =
    evidence.Table.Rows |> List.filter (fun row -> row.Cells |> Map.exists (fun _ cell -> Shown.isBold cell))

let private verdicts verdict (evidence: Evidence) = [
    for row in evidence.Table.Rows do
        // The data axis reports other data.
        if not (row.Apart |> List.exists (fun (key, _) -> key = "data digest")) then
            for KeyValue(name, cell) in row.Cells do
                if cell.Verdict = verdict then $"{name} of {nameOfRow row}"
]

// ── Tuning ──────────────────────────────────────────────────────────────────────────────────

/// The runs among which the settings were chosen: those of the tuning sweep, else those of this one.
let private selection (evidence: Evidence) =
    match evidence.Chosen with
    | Some(_, runs) -> runs
    | None -> evidence.Runs |> List.map _.Run

/// The number of settings of each method that were tried on each data set.
let settings (evidence: Evidence) : (string * (string * int) list) list =
    let of' (key: string) (run: Runs.Run) = run.Config.TryFind key |> Option.defaultValue ""

    selection evidence
    |> List.groupBy (of' "data.kind")
    |> List.map (fun (data, runs) ->
        data,
        runs
        |> List.groupBy (of' "method.kind")
        |> List.map (fun (method', runs) -> method', runs |> List.distinctBy _.Group |> List.length)
        |> List.sortBy fst)
    |> List.sortBy fst

let private chosenHere (evidence: Evidence) =
    evidence.Chosen.IsNone && settings evidence |> List.exists (snd >> List.exists (fun (_, n) -> n > 1))

let private tunedElsewhere (made: Made) =
    match made.Manifest.Choices with
    | null -> None
    | choices ->
        match choices.TryGetValue "tuned" with
        | true, option when option <> "" && option <> "null" -> Some option
        | _ -> None

let private seeds (runs: Runs.Run list) = runs |> List.map _.Seed |> Set.ofList

/// Reported seeds that took part in the choice of settings.
let private reused (evidence: Evidence) =
    let here = evidence.Runs |> List.map _.Run |> seeds

    match evidence.Chosen, evidence.Confirmed with
    | Some(_, before), _ -> Set.intersect here (seeds before)
    | None, Some(_, after) -> Set.intersect here (seeds after)
    | None, None -> Set.empty

let metrics (evidence: Evidence) = evidence.Plans |> List.map _.Metric |> List.distinct

/// Columns whose best row is another one if the retired runs count again.
let private retiredWinners (evidence: Evidence) =
    let table = evidence.Table

    match table.Options.Retired with
    | [] -> []
    | retired ->
        let runs = (table.Rows |> List.collect _.Runs) @ List.map fst retired
        let whole = Table.tabulateWith { table.Options with Retired = [] } table.Sweep runs

        // By their centres, so that a difference shows even if there are too few seeds for a test.
        let best (table: Table.Table) =
            Map [
                for name in table.Metrics do
                    for task, rows in table.Rows |> List.filter isWhole |> List.groupBy _.Task do
                        let candidates =
                            rows
                            |> List.choose (fun row -> row.Cells.TryFind name |> Option.map (fun cell -> row, cell))
                            |> List.filter (fun (_, cell) -> Double.IsFinite cell.Summary.Centre)

                        match candidates with
                        | (_, first) :: _ when first.Metric.Better <> Direction.None ->
                            (name, task), candidates |> List.minBy (fun (_, cell) -> first.Metric.Better.Cost cell.Summary.Centre) |> fst
                        | _ -> ()
            ]

        let now = best table

        [
            for KeyValue((name, _) as column, row) in best whole do
                match now.TryFind column with
                | Some other when other.Group = row.Group -> ()
                | other ->
                    let instead = other |> Option.map nameOfRow |> Option.defaultValue "no row"
                    $"{name}: {nameOfRow row} with them, {instead} without"
        ]

// ── The rules ───────────────────────────────────────────────────────────────────────────────

let private rule axis grade says better (found: Evidence -> string list) = {
    Axis = axis
    Grade = grade
    Says = says
    Better = better
    Found = found
}

let private launch = "start runs with experiments/sweep.fsx, in a repository"

let rules: Rule list = [
    let code = rule "code"

    code F "a run names neither a commit nor assemblies" launch (runsWhere (fun m -> missing m.Manifest.Git && missing m.Manifest.Build))
    code D "a run names no commit" launch (runsWhere (fun m -> missing m.Manifest.Git))
    code D "the sources of an imported run are not in these records" own imported
    code
        D
        "uncommitted sources have no snapshot"
        "commit, or install git so that the sweep takes a snapshot"
        (runsWhere (of' _.Git (fun git -> git.Dirty && missing git.Snapshot)))
    code C "a commit is not in this repository" "git fetch origin 'refs/ebm/*:refs/ebm/*'" (fun e -> List.ofSeq e.AbsentCommits)
    code C "a snapshot lacks files that were left out" "make them smaller, or let git ignore them; then run again" (fun e ->
        e.Runs
        |> List.collect (fun made ->
            match made.Manifest.Git with
            | null -> []
            | git ->
                match git.Snapshot with
                | null -> []
                | snapshot -> List.ofSeq (snapshot.Refused |> Option.ofObj |> Option.defaultValue [||]))
        |> List.distinct)
    code C "a run names no hashes of its assemblies" launch (runsWhere (of' _.Build (fun build -> isEmpty build.Assemblies)))
    code C "compared runs were computed by different code" "run them again with one build: --only stale" (fun e ->
        several (e.Runs |> List.choose codeOf))
    code
        B
        "git may delete the commit, because no snapshot refers to it"
        launch
        (runsWhere (of' _.Git (fun git -> not git.Dirty && missing git.Snapshot)))
    code
        B
        "the sources were not committed; only a snapshot has them"
        "commit before a run that you report"
        (runsWhere (of' _.Git (fun git -> git.Dirty && not (missing git.Snapshot))))
    code
        B
        "the program was not copied at launch; a build during the sweep may have replaced it"
        launch
        (runsWhere (fun m -> not (m.Manifest.Argv |> Seq.truncate 1 |> Seq.exists _.Contains("/pinned/"))))

    let config = rule "config"
    config F "a config was changed after the run" "restore it, or run again" (altered [ "config" ])
    config C "a run does not say where its settings come from" launch (runsWhere (fun m -> isEmpty m.Manifest.Origins))
    config C "a run does not say from which options it was composed" launch (runsWhere (fun m -> isEmpty m.Manifest.Choices))
    config C "the settings of an imported run are not in these records" own imported
    config B "a run does not have its overrides" launch (runsWhere (fun m -> m.Manifest.Overrides.Count = 0))
    config B "no script declares the run" launch (runsWhere (fun m -> missing m.Manifest.Script))

    let data = rule "data"
    data F "a data file has other bytes than the runs read" "restore it, or run again" (altered [ "data" ])
    data D "a run does not say which data it read" launch (runsWhere (fun m -> m.Manifest.Data.Count = 0))
    data D "an imported run does not show which data it read" own imported
    data
        D
        "runs of one seed read different data"
        "run them again on one version of the data"
        (rowsWhere (fun row -> row.Apart |> List.exists (fun (key, _) -> key = "data digest")))
    data
        C
        "a run does not name the random stream of its split"
        launch
        (runsWhere (fun m ->
            match m.Manifest.Streams with
            | null -> true
            | streams -> not (streams.ContainsKey "data")))
    data B "data files are missing here, so their bytes were not compared" "name their folder with --data" _.AbsentData

    let environment = rule "environment"

    environment
        D
        "a run does not name its machine or its libtorch"
        launch
        (runsWhere (fun m -> missing m.Manifest.Hardware || missing m.Manifest.Native))
    environment D "the machine and the libraries of an imported run are not in these records" own imported
    environment D "the sources have no lock file of packages" "commit paket.lock" (fun e -> List.ofSeq e.Unlocked)
    environment
        C
        "native libraries have no hashes"
        launch
        (runsWhere (
            of' _.Native (fun native ->
                match native.Libraries with
                | null -> true
                | files -> files.Count = 0)
        ))
    environment
        C
        "a package has no hash of its content"
        "restore packages with NuGet's own folder, which has them"
        (runsWhere (fun m ->
            let hashes = m.Manifest.PackageHashes |> Option.ofObj

            match m.Manifest.Packages with
            | null -> true
            | packages -> packages.Keys |> Seq.exists (fun name -> hashes |> Option.forall (fun hashes -> not (hashes.ContainsKey name)))))
    environment
        C
        "a run does not have its threads or its environment variables"
        launch
        (runsWhere (fun m -> missing m.Manifest.Threads || missing m.Manifest.Environment))
    environment
        B
        "compared runs come from different machines or libraries"
        "compute compared runs on one machine, or report the difference"
        (fun e -> e.Runs |> List.map machineOf |> List.filter ((<>) "") |> several)

    let determinism = rule "determinism"
    let again = "audit rerun, and find the reason"

    determinism
        F
        "an audit under a run's own conditions differed or failed"
        again
        (audited (fun kept -> ownConditions kept && (kept.Verdict = Different || kept.Verdict = Failed)))
    determinism D "an imported run cannot be repeated" own imported
    determinism D "a run does not have its determinism switches" launch (runsWhere (fun m -> isEmpty m.Manifest.Determinism))
    determinism
        C
        "a determinism switch was requested, but not effective"
        "use this project's libtorch, see docs/install.md"
        (runsWhere (of' _.Determinism (fun switches -> switches.Values |> Seq.exists (fun value -> value = "requested"))))
    determinism
        C
        "a run reached a lower level of determinism than requested"
        "use this project's libtorch, see docs/install.md"
        (runsWhere (of' _.DeterminismLevel (fun level -> String.CompareOrdinal(level.Effective, level.Requested) < 0)))
    determinism C "no audit has repeated a run" "audit sample --n 5" (fun e ->
        e.Audits |> List.filter (snd >> speaks) |> none "no entry of the ledger")
    determinism
        C
        "an audit was only as close as another seed"
        again
        (audited (fun kept -> ownConditions kept && kept.Verdict = Statistical))
    determinism
        B
        "an audit was within the declared tolerance, but not bit for bit"
        again
        (audited (fun kept -> ownConditions kept && kept.Verdict = Tolerance))
    determinism
        B
        "an audit under other conditions differed or failed"
        "report the conditions for which the numbers hold"
        (audited (fun kept -> not (ownConditions kept) && (kept.Verdict = Different || kept.Verdict = Failed)))
    determinism B "no audit has repeated a whole run" "audit sample --n 1 --rerun" (fun e ->
        e.Audits |> List.filter (snd >> repeatsAll) |> none "first steps at most")
    determinism
        B
        "no whole run was repeated on another machine or by another user"
        "run audit sample --rerun on another machine, or as another user"
        (fun e ->
            e.Audits
            |> List.filter (fun (_, kept) -> repeatsAll kept && kept.Independent = Some true)
            |> none "no whole run by another machine or user")
    determinism B "a bold row has no audited run" "audit sample, which prefers bold cells" (fun e ->
        let done' = e.Audits |> List.filter (snd >> speaks) |> List.map (fun (_, kept) -> kept.Run) |> Set.ofList

        boldRows e
        |> List.filter (fun row -> row.Runs |> List.forall (fun run -> not (done'.Contains $"{run.Sweep}/{run.Id}")))
        |> List.map nameOfRow)

    let statistics = rule "statistics"
    let more = "add seeds: seed=0..9"

    statistics
        D
        "with the retired runs, another row is the best of a column"
        "report both tables, or take the decision back: sweep.fsx retire --undo"
        retiredWinners
    statistics D "planned runs are missing from the table" "run them, or report why they are left out" (fun e ->
        match e.Table.Options.Absent with
        | [] when e.Table.Counts.Missing > 0 -> [ $"{e.Table.Counts.Missing} of {e.Table.Counts.Planned}" ]
        | absent -> absent)
    statistics D "a row has one or two seeds, too few for an interval" more (rowsWhere (fun row -> isWhole row && row.Completed < 3))
    statistics
        C
        "a row has fewer than six seeds, too few for a paired test"
        more
        (rowsWhere (fun row -> isWhole row && row.Completed >= 3 && row.Completed < 6))
    statistics C "runs were retired from the table" "report them with the reasons, which the table lists" (fun e ->
        e.Table.Options.Retired |> List.map (fun (run, because) -> $"{run.Id}: {because}"))
    statistics C "values of an imported run have no protocol" own imported
    statistics C "runs have started and not ended" "let the sweep finish" (fun e ->
        if e.Table.Counts.Unfinished > 0 then [ $"{e.Table.Counts.Unfinished} of {e.Table.Counts.Planned}" ] else [])
    statistics C "folders of runs could not be read" "audit verify, which names the alterations" (fun e ->
        // Other axes report the altered runs.
        e.Skipped
        |> List.map (fun skip -> string (IO.Path.GetFileName skip.Path))
        |> List.filter (fun name -> e.Altered |> List.forall (fun alteration -> not (alteration.Subject.EndsWith("/" + name)))))
    statistics C "values of one column were measured differently" "measure them again with one protocol" (verdicts Table.Incomparable)
    statistics B "a row has fewer than ten seeds" more (rowsWhere (fun row -> isWhole row && row.Completed >= 6 && row.Completed < 10))
    statistics B "rows lost different shares of their runs" "report the rate of divergence beside the mean" (verdicts Table.OtherRate)
    statistics B "rows of one data set have different seeds, so tests are not paired" "give all methods the same seeds" (fun e ->
        tasks e
        |> List.collect (fun rows ->
            let sets = rows |> List.map (fun row -> nameOfRow row, seeds row.Runs)
            if sets |> List.distinctBy snd |> List.length < 2 then
                []
            else
                sets |> List.map (fun (name, set) -> $"""{name}: {Text.counted set.Count "seed"}""")))

    let tuning = rule "tuning"

    tuning D "the metric or the baseline was changed after the first launch" "report both, or use the first" (fun e ->
        let changed (values: string list) =
            match List.distinct values with
            | []
            | [ _ ] -> []
            | several -> [ String.Join(", then ", several) ]
        let baseline (plan: Plans.Plan) =
            match plan.Baseline with
            | [] -> "no baseline"
            | pairs -> String.Join(", ", [ for key, value in pairs -> $"{key}={value}" ])

        changed (e.Plans |> List.map (fun plan -> defaultArg plan.Metric "no metric")) @ changed (e.Plans |> List.map baseline))
    tuning D "methods were tried with different numbers of settings" "give each method the same number of trials" (fun e ->
        settings e
        |> List.filter (fun (_, methods) -> methods |> List.distinctBy snd |> List.length > 1)
        |> List.map (fun (data, methods) ->
            let of' = String.Join(", ", [ for method', n in methods -> $"{method'} {n}" ])
            $"on {data}: {of'}"))
    tuning D "reported seeds took part in the choice of settings" "confirm on fresh seeds: sweep.fsx confirm" (fun e ->
        reused e |> Seq.map (fun seed -> $"seed {seed}") |> List.ofSeq)
    tuning C "no metric was declared before the results" "--metric, or metric in the sweep's file" (fun e ->
        if metrics e = [ None ] then [ "plans.jsonl" ] else [])
    tuning C "the sweep has several settings, and no fresh seeds confirm the choice" "sweep.fsx confirm" (fun e ->
        if chosenHere e && e.Confirmed.IsNone then
            settings e
            |> List.collect (fun (data, methods) -> [
                for method', n in methods do
                    if n > 1 then $"{n} settings of {method'} on {data}"
            ])
        else
            [])
    tuning C "settings were tuned in another sweep, which is not in these records" "keep the tuning sweep next to this one" (fun e ->
        if e.Chosen.IsNone then
            e.Runs |> List.choose tunedElsewhere |> List.distinct |> List.map (fun option -> $"tuned/{option}.yaml")
        else
            [])
    tuning B "these records do not say how the settings were found" "report it, or keep the tuning sweep next to this one" (fun e ->
        if e.Chosen.IsNone && not (chosenHere e) && e.Runs |> List.forall (fun made -> (tunedElsewhere made).IsNone) then
            [ "one setting a method" ]
        else
            [])
    tuning B "these records do not say how the settings of an imported run were found" own imported
    tuning B "no baseline was declared before the results" "baseline in the sweep's file" (fun e ->
        if tasks e |> List.exists (fun rows -> rows.Length > 1) && e.Plans |> List.forall (fun plan -> plan.Baseline.IsEmpty) then
            [ "plans.jsonl" ]
        else
            [])

    let artefacts = rule "artefacts"

    artefacts
        F
        "files of a run or the ledger were altered"
        "restore them from a copy; audit verify names each"
        (altered [ "artefact"; "manifest"; "attempt"; "run"; "retired"; "ledger"; "audit"; "plans"; "launch"; "report" ])
    artefacts D "a manifest is not sealed" "this run predates sealed manifests; run it again" (runsWhere (fun m -> missing m.Manifest.Hash))
    artefacts C "without a ledger, removed runs cannot be detected" launch (fun e -> none "ledger.jsonl" (Option.toList e.Ledger))
    artefacts C "a run has no entry in the ledger" launch (fun e ->
        match e.Ledger with
        | None -> []
        | Some ledger ->
            let known = ledger.Entries |> List.map (fun entry -> entry.Subject.Split('#')[0]) |> Set.ofList
            e |> runsWhere (fun made -> RunStates.IsOver made.Run.State && not (known.Contains $"{made.Run.Sweep}/{made.Run.Id}")))
    let keeps (file: string -> bool) (made: Made) =
        made.Run.State <> RunState.Completed || made.Manifest.Artefacts |> Seq.exists (fun artefact -> file artefact.Path)

    artefacts C "a completed run has no samples" launch (runsWhere (keeps ((=) "samples.npy") >> not))
    artefacts C "a completed run has no checkpoint" "train.keep=last" (runsWhere (keeps _.StartsWith("checkpoint/") >> not))
    artefacts C "an imported run has no samples, events or checkpoint" own imported
    artefacts B "no repository has the ledger's head, or it lacks the last entries" "audit verify, in the repository" (fun e ->
        match e.Ledger with
        | Some { Loose = None } -> [ "refs/ebm/ledger" ]
        | Some { Loose = Some loose } when loose > 0L -> [ $"the last {loose} entries" ]
        | _ -> [])
]
