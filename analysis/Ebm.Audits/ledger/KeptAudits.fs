/// The reports of audits. Each is kept next to the ledger, under the hash in its ledger entry. Cards and tables cite a report only if the
/// ledger has its entry and its bytes match the hash.
module Ebm.Audits.KeptAudits

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.Json
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Workspace
open Ebm.Audits.Comparison

/// The table cell for which a run was drawn.
type Sampled = {
    Seed: int
    /// The row's group.
    Group: string
    Metric: string
    /// The table prints it bold.
    Bold: bool
    /// The cell is drawn this many times as often as a cell of weight one.
    Weight: int
}

/// An audit that repeated a run.
type Kept = {
    /// smoke or rerun.
    Audit: string
    /// sweep/run.
    Run: string
    Verdict: Verdict
    /// The step up to which the runs were compared; None if they were compared whole.
    Until: int64 option
    /// The kinds of drift that were found.
    Drifts: string list
    /// The conditions that affect the order of sums, of the run and of the audit: threads, capability, device, cpu, gpu, libtorch.
    Was: Map<string, string>
    Is: Map<string, string>
    /// Whether the audit had another machine or another user than the run; None if a manifest does not name them.
    Independent: bool option
    Sampled: Sampled option
}

/// The conditions that affect the order of sums, from a manifest.
let conditions (run: RunFolder) (manifest: RunManifest) : Map<string, string> =
    let some (value: 'a | null) (choose: 'a -> string | null) = value |> Option.ofObj |> Option.bind (choose >> Option.ofObj)

    Map [
        for name, value in
            [
                "threads", some manifest.Threads (fun threads -> threads.IntraOp.ToString CultureInfo.InvariantCulture)
                "capability", some manifest.Native _.Capability
                "libtorch", some manifest.Native _.Libtorch
                "cpu", some manifest.Hardware _.Cpu
                "gpu",
                some manifest.Hardware (fun machine ->
                    match machine.Accelerators with
                    | null -> null
                    | gpus -> String.Join(", ", gpus |> Seq.map _.Name))
                "device", run.Config.Find "device" |> Option.ofObj |> Option.map string
            ] do
            match value with
            | Some value when value <> "" -> name, value
            | _ -> ()
    ]

/// Whether the two runs have different machines, or different users of one machine; None if a manifest does not name them. A second account
/// of one person counts as another user.
let independent (was: RunManifest) (is: RunManifest) : bool option =
    match was.Maker, is.Maker with
    | null, _
    | _, null -> None
    | was, is ->
        match was.Machine, is.Machine with
        | null, _
        | _, null -> None
        | one, other when one <> other -> Some true
        | _ ->
            match was.User, is.User with
            | null, _
            | _, null -> None
            | one, other -> Some(one <> other)

let kept (audit: string) (run: RunFolder) (until: int64 option) (sampled: Sampled option) (found: Comparison) : Kept = {
    Audit = audit
    Run = $"{run.Sweep}/{run.Id}"
    Verdict = found.Verdict
    Until = until
    Drifts = found.Drifts |> List.map _.Kind |> List.distinct
    Was = found.Made |> Option.map (fst >> conditions run) |> Option.defaultValue Map.empty
    Is = found.Made |> Option.map (snd >> conditions run) |> Option.defaultValue Map.empty
    Independent = found.Made |> Option.bind (fun (was, is) -> independent was is)
    Sampled = sampled
}

// ── As JSON ─────────────────────────────────────────────────────────────────────────────────

let private number (value: float) = value.ToString("R", CultureInfo.InvariantCulture)

/// The report of an audit, as it is printed with --json and kept.
let report (kept: Kept) (found: Comparison) =
    fields [
        "audit" => kept.Audit
        "run" => kept.Run
        "verdict" => nameOf kept.Verdict
        "until" => kept.Until
        "reason" => found.Reason
        "independent" => kept.Independent
        "sampled" => kept.Sampled
        "parting" => found.Parting
        "drifts" => found.Drifts
        "was" => kept.Was
        "is" => kept.Is
        "metrics"
        => [
            for metric in found.Metrics ->
                fields [ "name" => metric.Name; "was" => number metric.Was; "is" => number metric.Is; "agrees" => nameOf metric.Agrees ]
        ]
        if not found.Notes.IsEmpty then "notes" => found.Notes
    ]

let written (kept: Kept) (found: Comparison) = JsonText.ReadableOf(report kept found)

/// Reads a kept report; None if it is not of an audit that repeats a run.
let private read (text: string) : Kept option =
    use json = JsonText.Parse text
    let root = json.RootElement
    let find (element: JsonElement) (name: string) =
        match element.TryGetProperty name with
        | true, value -> Some value
        | _ -> None
    let text (element: JsonElement) name =
        find element name |> Option.map (fun value -> string (value.GetString())) |> Option.defaultValue ""

    let map name =
        match find root name with
        | Some map -> Map [ for entry in map.EnumerateObject() -> entry.Name, string (entry.Value.GetString()) ]
        | None -> Map.empty

    match text root "audit", verdictOf (text root "verdict") with
    | ("smoke" | "rerun") as audit, Some verdict ->
        Some {
            Audit = audit
            Run = text root "run"
            Verdict = verdict
            Until = find root "until" |> Option.map _.GetInt64()
            Drifts =
                match find root "drifts" with
                | Some drifts -> [ for drift in drifts.EnumerateArray() -> text drift "kind" ] |> List.distinct
                | None -> []
            Was = map "was"
            Is = map "is"
            Independent = find root "independent" |> Option.map _.GetBoolean()
            Sampled =
                find root "sampled"
                |> Option.map (fun sampled -> {
                    Seed = (sampled.GetProperty "seed").GetInt32()
                    Group = text sampled "group"
                    Metric = text sampled "metric"
                    Bold = (sampled.GetProperty "bold").GetBoolean()
                    Weight = (sampled.GetProperty "weight").GetInt32()
                })
        }
    | _ -> None

/// The audits that repeated runs, in the order of the ledger, each with its entry. A report that is missing or does not match its entry's
/// hash is left out.
let all (runs: string) (entries: Ledger.Entry list) : (Ledger.Entry * Kept) list = [
    for entry in entries do
        let path = reportOf runs entry.Hash

        if entry.Kind = Ledger.Kind.audit && File.Exists path then
            let text = RegularFile.Text(path, RegularFile.Record)

            if Canonical.Sha256 text = entry.Hash then
                let kept =
                    try
                        read text
                    with
                    | :? JsonException
                    | :? KeyNotFoundException
                    | :? InvalidOperationException
                    | :? FormatException -> None

                match kept with
                | Some kept -> entry, kept
                | None -> ()
]
