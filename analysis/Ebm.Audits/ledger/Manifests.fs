/// The manifests of a run that the ledger knows. A sweep enters each attempt and each measurement when it begins, with the hash of the
/// manifest before it, and when it ends, with the hash of its manifest. A later manifest enters the ledger only with both: a beginning, and
/// a chain of hashes from a manifest that the ledger knows. So a manifest that was put in a run's folder later stays unknown.
module Ebm.Audits.Manifests

open System
open System.Collections.Generic
open System.Globalization
open Ebm.Analysis
open Ebm.Records

/// The ledger's name for an attempt of a run.
let subjectOf (sweep: string) (run: string) (attempt: int) = $"{sweep}/{run}#{attempt}"

/// What the ledger has about one run, in the order of the entries: each with its attempt.
type Known = (int * Ledger.Entry) list

/// The entries about each run, by sweep/run.
let known (entries: Ledger.Entry list) : IReadOnlyDictionary<string, Known> =
    let about = Dictionary<string, ResizeArray<int * Ledger.Entry>>()

    for entry in entries do
        if List.contains entry.Kind [ Ledger.Kind.run; Ledger.Kind.measure; Ledger.Kind.import; Ledger.Kind.begin' ] then
            match entry.Subject.Split '#' with
            | [| run; attempt |] ->
                match Int32.TryParse(attempt, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
                // Another spelling of a number, such as 01, is no entry of that attempt.
                | true, number when string number = attempt ->
                    if not (about.ContainsKey run) then about[run] <- ResizeArray()
                    about[run].Add((number, entry))
                | _ -> ()
            | _ -> ()

    readOnlyDict [ for KeyValue(run, entries) in about -> run, List.ofSeq entries ]

let private isEnd (entry: Ledger.Entry) = entry.Kind <> Ledger.Kind.begin'

/// The entries of manifests that ended an attempt or a measurement.
let ends (known: Known) : Known = known |> List.filter (snd >> isEnd)

/// Whether the ledger has this manifest, as the end of an attempt or as what was there before a beginning.
let private has (known: Known) (manifest: RunManifest) =
    match manifest.Hash with
    | null -> false
    | hash -> known |> List.exists (fun (_, entry) -> entry.Hash = hash)

/// Whether the ledger has the beginning of this attempt, or of an attempt before it that the scheduler repeated, after all ends before it.
let private isBegun (known: Known) (manifest: RunManifest) =
    let last =
        known
        |> List.filter (fun (_, entry) -> isEnd entry && Some entry.Hash <> Option.ofObj manifest.Hash)
        |> List.map (fun (_, entry) -> entry.Seq)
    let after = if last.IsEmpty then -1L else List.max last
    known |> List.exists (fun (attempt, entry) -> not (isEnd entry) && attempt <= manifest.Attempt && entry.Seq > after)

/// Why a manifest is not one that the ledger explains; None if it is. `earlier` are the run's other manifests. The ledger explains a
/// manifest that it has; one that follows such a manifest by hash and began before the ledger's eyes; and one of an attempt without a result
/// that follows by hash. A run without any entry is not explained by the ledger, and not contradicted either.
let unknown (known: Known) (earlier: RunManifest list) (manifest: RunManifest) : string option =
    /// One of the manifests continues one that the ledger has, directly or through others of this run. A hash is followed once, because the
    /// hashes of forged manifests may lead in a circle.
    let rec follow (seen: Set<string>) (manifests: RunManifest list) =
        match manifests with
        | [] -> false
        | manifest :: rest ->
            match Option.ofObj manifest.Replaces |> Option.orElse (Option.ofObj manifest.PrevHash) with
            | None -> List.isEmpty (ends known) || follow seen rest
            | Some before when known |> List.exists (fun (_, entry) -> entry.Hash = before) -> true
            | Some before when seen.Contains before -> follow seen rest
            | Some before ->
                let others = earlier |> List.filter (fun other -> other.Hash = before && other.Attempt <= manifest.Attempt)
                follow (seen.Add before) (others @ rest)

    let hasResult (manifests: RunManifest list) = manifests |> List.exists (fun one -> RunStates.IsSettled one.State)

    if known.IsEmpty || has known manifest then
        None
    elif not (follow Set.empty [ manifest ]) then
        Some $"the ledger does not have its manifest of attempt {manifest.Attempt}, which follows none that it has"
    elif isBegun known manifest then
        None
    elif RunStates.IsOver manifest.State && isNull manifest.Replaces && not (hasResult (manifest :: earlier)) then
        None
    else
        Some $"the ledger has neither the beginning nor the end of attempt {manifest.Attempt}"

/// Whether the ledger has another manifest of this attempt, but also the beginning of a later attempt that found this one. The run was altered
/// in between, and what it says now is of the later attempt.
let isSuperseded (known: Known) (manifest: RunManifest) =
    let last = ends known |> List.filter (fun (attempt, _) -> attempt = manifest.Attempt) |> List.tryLast

    last |> Option.exists (fun (_, entry) -> Some entry.Hash <> Option.ofObj manifest.Hash)
    && known
       |> List.exists (fun (attempt, entry) ->
           not (isEnd entry) && attempt > manifest.Attempt && Some entry.Hash = Option.ofObj manifest.Hash)

/// How the manifests of a run contradict what the ledger has about it.
let contradictions (known: Known) (earlier: RunManifest list) (manifest: RunManifest) : (Altered * string) list = [
    let all = earlier @ [ manifest ]

    for one in all do
        // The last entry of an attempt counts: a run that was measured again has another manifest.
        let last = ends known |> List.filter (fun (attempt, _) -> attempt = one.Attempt) |> List.tryLast |> Option.map snd
        let isCurrent = obj.ReferenceEquals(one, manifest)

        match last with
        | Some entry when Some entry.Hash = Option.ofObj one.Hash -> ()
        | Some _ when not isCurrent && isSuperseded known one -> ()
        | Some entry when isNull one.Replaces || has known one || (unknown known all one).IsSome ->
            if isCurrent then
                Altered.ManifestReplaced, $"its manifest does not match entry {entry.Seq} of the ledger"
            else
                Altered.AttemptReplaced, $"the manifest of its attempt {one.Attempt} does not match entry {entry.Seq} of the ledger"
        | _ ->
            match unknown known all one with
            | Some why -> Altered.ManifestUnknown, why
            | None -> ()

    // The config says it, too, and its hash names the run.
    for _, entry in ends known do
        if (entry.Kind = Ledger.Kind.import) <> not (isNull manifest.Imported) then
            let executed, imported = "a run that was executed", "an imported run"
            let was, is = if isNull manifest.Imported then imported, executed else executed, imported
            Altered.ManifestReplaced, $"entry {entry.Seq} of the ledger has {was}, and its manifest is that of {is}"

    for attempt in ends known |> List.map fst |> List.distinct do
        if all |> List.forall (fun manifest -> manifest.Attempt <> attempt) then
            Altered.AttemptMissing, $"the ledger has its attempt {attempt}, but the manifest of that attempt is gone"
]

/// Gives, for the runs of a folder's tables, the reason why its ledger does not explain a run's manifest. Reads no artefact.
let doubts (runs: string) : Runs.Run -> string option =
    let entries = Ledger.entries runs
    let about = known entries

    fun run ->
        match about.TryGetValue $"{run.Sweep}/{run.Id}" with
        | false, _ when run.Imported.IsSome && not entries.IsEmpty -> Some "the ledger has no entry of its import"
        | true, known ->
            match ends known |> List.tryLast with
            | Some(_, entry) when Some entry.Hash = run.Hash -> None
            | _ ->
                let folder = RunFolder.Open run.Path

                match folder.Manifest with
                | null -> None
                | manifest ->
                    match contradictions known (List.ofSeq (folder.Attempts())) manifest with
                    | (what, says) :: _ -> Some $"{Kebab.Of what}: {says}"
                    | [] -> None
        | _ -> None

// ── Entering ────────────────────────────────────────────────────────────────────────────────

/// Enters the beginning of the run's current attempt, or of a measurement of it.
let enterBegun (runs: string) (folders: RunFolder seq) =
    let begun = [
        for folder in folders do
            match folder.Manifest with
            | null -> ()
            | manifest ->
                // A pending manifest is that of the attempt itself; the manifest before it is the last attempt's.
                let before =
                    if RunStates.IsOver manifest.State then
                        manifest.Hash
                    else
                        match folder.Attempts() |> Seq.tryLast with
                        | Some last -> last.Hash
                        | None -> null

                Ledger.Kind.begin', subjectOf folder.Sweep folder.Id manifest.Attempt, (before |> Option.ofObj |> Option.defaultValue "")
    ]

    if not begun.IsEmpty then Ledger.append runs (fun _ -> begun)

/// Enters the ended attempts and measurements of runs that have no entry, the first attempt first. Returns the runs whose manifests the
/// ledger does not explain, each with the reason: they are not entered.
let enterRuns (runs: string) (folders: RunFolder seq) : (RunFolder * string) list =
    let ended = [
        for folder in folders do
            match folder.Manifest with
            | null -> ()
            | manifest when isNull manifest.Hash -> ()
            | manifest -> folder, List.ofSeq (folder.Attempts()), manifest
    ]

    let mutable refused = []

    if not ended.IsEmpty then
        Ledger.append runs (fun entries ->
            let about = known entries

            [
                for folder, earlier, manifest in ended do
                    let known =
                        match about.TryGetValue $"{folder.Sweep}/{folder.Id}" with
                        | true, known -> known
                        | _ -> []

                    let all = earlier @ [ manifest ]
                    let fresh = all |> List.filter (fun manifest -> RunStates.IsOver manifest.State && not (has known manifest))

                    match fresh |> List.tryPick (fun manifest -> unknown known all manifest) with
                    | Some why -> refused <- (folder, why) :: refused
                    | None ->
                        for manifest in fresh do
                            let kind =
                                if not (isNull manifest.Imported) then Ledger.Kind.import
                                elif isNull manifest.Replaces then Ledger.Kind.run
                                else Ledger.Kind.measure

                            kind, subjectOf folder.Sweep folder.Id manifest.Attempt, string manifest.Hash
            ])

    List.rev refused
