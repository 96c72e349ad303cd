/// `sign`: verifies all runs and signs them and the ledger with a private key; --new-key makes a key.
module Ebm.Audits.SignCommand

open System
open System.IO
open Argu
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Workspace

type Option =
    | [<EqualsAssignmentOrSpaced>] Key of file: string
    | [<EqualsAssignmentOrSpaced>] New_Key of name: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Key _ -> $"the private key, an ECDSA P-256 key in PEM; the pass phrase of an encrypted one is read from {Keys.passPhrase}"
            | New_Key _ -> "make a key: <name>.pem, which only you can read, and <name>.pub; signs nothing"

let private parser = Options.parser<Option>

let private signWith (workspace: Workspace) (file: string) =
    use key = Keys.privateKey (Path.GetFullPath file)
    sweepsOf workspace [] |> ignore
    let found = Verify.verify workspace.Root (Some workspace.Data) (Some workspace.Reports) workspace.Runs []

    let hasLedger =
        match found.Ledger with
        | Some ledger -> not ledger.Entries.IsEmpty
        | None -> false

    if not hasLedger then refuse $"there is no ledger in {workspace.Runs}, so there is nothing to sign; a sweep writes it."

    // A signature over files that no longer agree with an earlier one would hide what was rewritten in between.
    let id = Keys.idOf key
    let earlier = Sign.check key workspace.Runs [] None
    let isRecorded = found.Ledger.Value.Entries |> List.exists (fun entry -> entry.Kind = Sign.kind && entry.Subject = id)
    let isFirst = not isRecorded && earlier.Alterations |> List.forall (fun found -> found.What = Altered.SignatureMissing)
    let alterations = found.Alterations @ (if isFirst then [] else earlier.Alterations)

    if alterations.IsEmpty then
        let statement, file =
            try
                Sign.sign key workspace.Root workspace.Runs
            with
            | :? IOException
            | :? UnauthorizedAccessException as error -> refuse $"the signature cannot be written: {error.Message}"

        let runs = statement.Subject.Length - 1

        if workspace.Json then
            Console.Write(
                JsonText.ReadableOf(
                    fields [
                        "verdict" => "SIGNED"
                        "file" => file
                        "key" => id
                        "ledger" => statement.Predicate.Ledger
                        "entry" => statement.Predicate.Entry
                        "runs" => runs
                    ]
                )
            )
        else
            Console.WriteLine file
            Console.WriteLine
                $"""SIGNED: {Ebm.Analysis.Text.counted runs "run"}, and the ledger {statement.Predicate.Ledger} up to its entry {statement.Predicate.Entry}, with the key {id.Substring(0, 16)}. Keep a copy of the file elsewhere."""

        0
    else
        if workspace.Json then
            Console.Write(JsonText.ReadableOf(fields [ "verdict" => "ALTERED"; "alterations" => alterations ]))
        else
            for alteration in alterations do
                Console.WriteLine $"{Kebab.Of alteration.What}: {alteration.Subject}: {alteration.Says}"

            Console.WriteLine "ALTERED: nothing was signed."

        3

let private perform (workspace: Workspace) (arguments: string list) =
    let options, words = Options.read parser arguments

    match words, options.TryGetResult <@ Key @>, options.TryGetResult <@ New_Key @> with
    | word :: _, _, _ -> refuse $"sign takes no words, because a signature covers all runs of a folder; {word} is one."
    | [], Some _, Some _ -> refuse "give --key or --new-key, not both."
    | [], Some file, None -> signWith workspace file
    | [], None, Some name ->
        let secret, shown = Keys.create (Path.GetFullPath name)
        Console.WriteLine $"{secret}: the private key; keep it where the runs' machine and repository are not."
        Console.WriteLine $"{shown}: the public key; give it to everyone who verifies."
        0
    | [], None, None -> refuse "name the private key with --key, or make one with --new-key."

let verb = {
    Name = "sign"
    Words = ""
    Says = "verify all runs, and sign them and the ledger with a private key"
    Examples = [ "sign --new-key ~/keys/lab", "makes a pair of keys"; "sign --key ~/keys/lab.pem", "signs the folder of runs" ]
    Options = [ parser ]
    Perform = perform
}
