/// The results of audits on determinism: how often they reproduced runs, by the conditions of the repetition.
module Ebm.Audits.Statement

open System
open Ebm.Audits.Evidence
open Ebm.Audits.Comparison
open Ebm.Audits.KeptAudits

/// The results of audits under the same conditions.
type Shown = {
    /// First steps, or whole runs.
    Extent: string
    /// The conditions of the audits: those of the runs, and what was changed.
    Conditions: string
    Counts: (Verdict * int) list
    Independent: int
    Entries: int64 list
}

let matrix (evidence: Evidence) : Shown list =
    let conditions (kept: Kept) =
        let changed = [
            for key in Set.union (Set.ofSeq kept.Was.Keys) (Set.ofSeq kept.Is.Keys) do
                let was, is = kept.Was.TryFind key, kept.Is.TryFind key
                if was <> is then $"""{key} {defaultArg was "unknown"} → {defaultArg is "unknown"}"""
        ]

        let own = [
            for key in [ "device"; "cpu"; "capability"; "threads"; "libtorch" ] do
                match kept.Was.TryFind key with
                | Some value -> $"{key} {value}"
                | None -> ()
        ]

        match own, changed with
        | [], [] -> "not recorded"
        | own, [] -> String.Join(", ", own)
        | own, changed -> String.Join(", ", own) + "; with " + String.Join(", ", changed)

    evidence.Audits
    |> List.groupBy (fun (_, kept) -> (if kept.Audit = "rerun" then "whole runs" else "first steps"), conditions kept)
    |> List.sortBy fst
    |> List.map (fun ((extent, conditions), audits) -> {
        Extent = extent
        Conditions = conditions
        Counts = audits |> List.countBy (fun (_, kept) -> kept.Verdict) |> List.sort
        Independent = audits |> List.filter (fun (_, kept) -> kept.Independent = Some true) |> List.length
        Entries = audits |> List.map (fun (entry, _) -> entry.Seq)
    })
