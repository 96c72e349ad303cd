/// What audits found is kept: a report for each, beside the ledger, under the hash that its entry has. Cards and tables cite them from
/// here, and believe none that the ledger does not have or whose bytes are others.
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

/// The cell of a table for which a run was drawn.
type Sampled = {
    Seed: int
    /// The row's group.
    Group: string
    Metric: string
    /// The table prints it bold.
    Bold: bool
    /// How many times as likely as a cell of weight one.
    Weight: int
}

/// One run that was done again.
type Kept = {
    /// smoke or rerun.
    Audit: string
    /// sweep/run.
    Run: string
    Verdict: Verdict
    /// The step up to which it was compared; all of it where there is none.
    Until: int64 option
    /// The kinds of drift that were found.
    Drifts: string list
    /// What decides how sums are taken, as the run had it and as the audit had it: threads, capability, device, cpu, gpu, libtorch.
    Was: Map<string, string>
    Is: Map<string, string>
    /// By another machine or another user than the run; None where one of the two does not say.
    Independent: bool option
    Sampled: Sampled option
}

/// What decides in which order sums are taken, in a manifest's words.
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

/// Whether others made the second run: another machine, or another user of the same one. What is not known of both is not guessed. It
/// says who typed, not who decided: a second account of the same person counts as another user.
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

/// What a kept report says of a run; None where it is another audit's.
let private read (text: string) : Kept option =
    use json = JsonDocument.Parse text
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

/// The runs that were done again, with the ledger's entry of each, in its order. A report that is gone, or has other bytes than its entry
/// says, is left out.
let all (runs: string) (entries: Ledger.Entry list) : (Ledger.Entry * Kept) list = [
    for entry in entries do
        let path = reportOf runs entry.Hash

        if entry.Kind = Ledger.Kind.audit && File.Exists path then
            let text = File.ReadAllText path

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
