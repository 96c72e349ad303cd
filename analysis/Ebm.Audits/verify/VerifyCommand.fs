/// `verify`: what an audit of hashes prints, and its exit code.
module Ebm.Audits.VerifyCommand

open System
open System.Globalization
open Ebm.Records
open Ebm.Audits.Place
open Ebm.Audits.Verify

let private verification (found: Verification) =
    JsonText.Readable(fun json ->
        json.WriteStartObject()
        json.WriteString("verdict", (if found.Alterations.IsEmpty then "INTACT" else "ALTERED"))
        json.WriteNumber("runs", found.Runs)
        json.WriteNumber("files", found.Files)
        json.WriteNumber("bytes", found.Bytes)

        match found.Ledger with
        | Some ledger ->
            json.WriteString("ledger", ledger.Id)
            json.WriteNumber("entries", ledger.Entries.Length)
        | None -> ()

        json.WriteStartArray "alterations"

        for alteration in found.Alterations do
            json.WriteStartObject()
            json.WriteString("subject", alteration.Subject)
            json.WriteString("what", alteration.What)
            json.WriteString("says", alteration.Says)
            json.WriteEndObject()

        json.WriteEndArray()
        json.WriteStartArray "notes"
        found.Notes |> List.iter json.WriteStringValue
        json.WriteEndArray()
        json.WriteEndObject())

let private verify (place: Place) (words: string list) =
    let sweeps = sweepsOf place words
    let found = Verify.verify place.Root (Some place.Data) place.Runs sweeps
    let report = verification found

    if place.Json then
        Console.Write report
    else
        for alteration in found.Alterations do
            Console.WriteLine $"{alteration.What}: {alteration.Subject}: {alteration.Says}"

        for note in found.Notes do
            Console.WriteLine note

        let megabytes = (float found.Bytes / 1e6).ToString("F0", CultureInfo.InvariantCulture)

        let ledger =
            match found.Ledger with
            | Some ledger -> $", ledger {ledger.Id} of {ledger.Entries.Length} entries"
            | None -> ""

        let verdict =
            match found.Alterations.Length with
            | 0 -> "INTACT: every hash holds."
            | 1 -> "ALTERED: 1 alteration."
            | count -> $"ALTERED: {count} alterations."

        Console.WriteLine $"{found.Runs} runs, {found.Files} files, {megabytes} MB{ledger}."
        Console.WriteLine verdict

    if found.Alterations.IsEmpty then
        let what = if sweeps.IsEmpty then "every sweep" else String.Join(' ', sweeps)
        enter place $"verify {what}" report
        0
    else
        3

let verb = {
    Name = "verify"
    Says = "recompute every hash of runs, data and ledger: verify [sweep…]; trains nothing, writes nothing but the ledger's entry"
    Perform = verify
}
