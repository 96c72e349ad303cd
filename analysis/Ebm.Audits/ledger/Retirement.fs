/// Takes runs out of tables, and puts them back. A decision is a line of the sweep's retired.jsonl and an entry of the ledger, which has the
/// reason and the hash of the file, so that neither can be changed alone. The folder of the run stays as it is.
module Ebm.Audits.Retirement

open System
open System.IO
open Ebm.Analysis
open Ebm.Records

/// The most characters of a reason.
let longest = 500

/// Whether an entry is a decision on a run of this sweep.
let isOf (sweep: string) (entry: Ledger.Entry) =
    (entry.Kind = Ledger.Kind.retire || entry.Kind = Ledger.Kind.restore) && entry.Subject.StartsWith(sweep + "/", StringComparison.Ordinal)

let private subjectOf (sweep: string) (decision: Retired.Decision) = $"{sweep}/{decision.Run}: {decision.Because}"

/// Enters decisions on runs of one sweep, and writes them to its file. Throws InvalidDataException if the file is not that of the ledger.
let decide (repository: string) (runs: string) (sweep: string) (decisions: Retired.Decision list) =
    let folder = Path.Combine(runs, sweep)
    let file = Retired.fileOf folder
    let added = decisions |> List.map (fun decision -> Retired.written decision + "\n") |> String.concat ""
    Ledger.anchor repository runs |> ignore

    Ledger.append runs (fun entries ->
        let there = if File.Exists file then RegularFile.Text(file, RegularFile.Record) else ""

        let isKnown (text: string) =
            match entries |> List.tryFindBack (isOf sweep) with
            | None -> text = ""
            | Some last -> Canonical.Sha256 text = last.Hash

        // A process that died after it had written the file left these very lines without an entry.
        let before = if there.EndsWith(added, StringComparison.Ordinal) then there.Substring(0, there.Length - added.Length) else there

        let text =
            if isKnown there then
                there + added
            elif isKnown before then
                there
            else
                raise (
                    InvalidDataException
                        $"{file}: the file is not the one that the ledger has; `audit verify {sweep}` names the alteration."
                )

        AtomicFile.Write(file, text)
        let hash = Canonical.Sha256 text

        [
            for decision in decisions ->
                (if decision.Undone then Ledger.Kind.restore else Ledger.Kind.retire), subjectOf sweep decision, hash
        ])

    Ledger.anchor repository runs |> ignore
