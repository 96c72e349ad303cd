/// `verify`: prints the alterations that the check of all hashes found, and gives the exit code.
module Ebm.Audits.VerifyCommand

open System
open System.Globalization
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Workspace
open Ebm.Audits.Verify

let private verdict (found: Verification) = if found.Alterations.IsEmpty then "INTACT" else "ALTERED"

let private verification (found: Verification) =
    JsonText.ReadableOf(
        fields [
            "verdict" => verdict found
            "runs" => found.Runs
            "files" => found.Files
            "bytes" => found.Bytes
            match found.Ledger with
            | Some ledger ->
                "ledger" => ledger.Id
                "entries" => ledger.Entries.Length
            | None -> ()
            "alterations" => found.Alterations
            "notes" => found.Notes
        ]
    )

let private verify (workspace: Workspace) (words: string list) =
    let sweeps = sweepsOf workspace words
    let found = Verify.verify workspace.Root (Some workspace.Data) (Some workspace.Reports) workspace.Runs sweeps
    let report = verification found

    if workspace.Json then
        Console.Write report
    else
        for alteration in found.Alterations do
            Console.WriteLine $"{Kebab.Of alteration.What}: {alteration.Subject}: {alteration.Says}"

        for note in found.Notes do
            Console.WriteLine note

        let megabytes = (float found.Bytes / 1e6).ToString("F0", CultureInfo.InvariantCulture)

        let ledger =
            match found.Ledger with
            | Some ledger -> $", ledger {ledger.Id} of {ledger.Entries.Length} entries"
            | None -> ""

        let says =
            match found.Alterations.Length with
            | 0 -> "every hash holds."
            | 1 -> "1 alteration."
            | count -> $"{count} alterations."

        Console.WriteLine $"""{(if found.Runs = 1 then "1 run" else string found.Runs + " runs")}, {found.Files} files, {megabytes} MB{ledger}."""
        Console.WriteLine $"{verdict found}: {says}"

    if found.Alterations.IsEmpty then
        let what = if sweeps.IsEmpty then "every sweep" else String.Join(' ', sweeps)
        enter workspace $"verify {what}" report
        0
    else
        3

let verb = {
    Name = "verify"
    Words = "[sweep…]"
    Says = "check every hash of runs, data and ledger; writes only the ledger's entry"
    Options = []
    Perform = verify
}
