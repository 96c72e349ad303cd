/// `verify`: prints the alterations that the check of all hashes found, and gives the exit code.
module Ebm.Audits.VerifyCommand

open System
open System.Globalization
open System.IO
open System.Security.Cryptography
open Argu
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Workspace
open Ebm.Audits.Verify

type Option =
    | [<EqualsAssignmentOrSpaced>] Public of file: string
    | [<EqualsAssignmentOrSpaced>] Signature of file: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Public _ -> "also check the signatures that sign made with this key; the file has the public key in PEM"
            | Signature _ -> "with --public: check this signature, kept elsewhere, and not those in the folder of runs"

let private parser = Options.parser<Option>

let private verdict (found: Verification) = if found.Alterations.IsEmpty then "INTACT" else "ALTERED"

let private verification (found: Verification) signature =
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
            "signature" => signature
            "alterations" => found.Alterations
            "notes" => found.Notes
        ]
    )

let private verify (workspace: Workspace) (arguments: string list) =
    let options, words = Options.read parser arguments
    let sweeps = sweepsOf workspace words
    let signature = options.TryGetResult <@ Signature @> |> Option.map Path.GetFullPath

    use key: ECDsa | null =
        match options.TryGetResult <@ Public @> with
        | Some file -> Keys.publicKey (Path.GetFullPath file)
        | None when signature.IsSome -> refuse "--signature needs --public, the public key to check it with."
        | None -> null

    let found = Verify.verify workspace.Root (Some workspace.Data) (Some workspace.Reports) workspace.Runs sweeps
    let signed = Option.ofObj key |> Option.map (fun key -> key, Sign.check key workspace.Runs sweeps signature)

    let found =
        match signed with
        | Some(_, signed) -> { found with Alterations = found.Alterations @ signed.Alterations; Notes = found.Notes @ signed.Notes }
        | None when Sign.isSigned workspace.Runs -> {
            found with
                Notes = found.Notes @ [ "The folder has signatures; --public checks them with the signer's public key." ]
          }
        | None -> found

    let report = verification found (signed |> Option.bind (fun (key, signed) -> signed.Newest |> Option.map (Sign.shown key)))

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

        Console.WriteLine $"""{Ebm.Analysis.Text.counted found.Runs "run"}, {found.Files} files, {megabytes} MB{ledger}."""
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
    Examples = [ "verify", "every sweep"; "verify rings --json", "one sweep, as JSON" ]
    Options = [ parser ]
    Perform = verify
}
