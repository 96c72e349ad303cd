/// `export`: runs in one folder, with everything that another machine needs to inspect and repeat them.
module Ebm.Audits.ExportCommand

open System
open System.Globalization
open System.IO
open Argu
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Workspace

type Option =
    | [<EqualsAssignmentOrSpaced>] Out of folder: string
    | [<EqualsAssignmentOrSpaced>] Largest of megabytes: int64
    | Crate
    | Capsule

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Out _ -> "the folder to make (reports/<sweep>/export/…)"
            | Largest _ -> "copy data files up to this size in MB (64)"
            | Crate -> "only the RO-Crate"
            | Capsule -> "only what another machine needs to repeat the runs"

let private parser = Options.parser<Option>

/// The folder of the sweep of this name.
let private (|Sweep|_|) (runs: string) (word: string) =
    FolderName.Try word |> Option.ofObj |> Option.map _.In(runs) |> Option.filter Directory.Exists

let private export (workspace: Workspace) (arguments: string list) =
    let options, words = Options.read parser arguments

    let name, runs, folder =
        match words with
        | [ Sweep workspace.Runs folder as word ] ->
            let found = RunTree.Look folder

            for other in found do
                match other.Why with
                | NonNull why when other.LooksLikeRun || other.Misplaced ->
                    refuse $"{other.Path} is not a run: {why}; move it elsewhere first."
                | _ -> ()

            $"The sweep {word}", found |> Seq.choose (_.Run >> Option.ofObj) |> List.ofSeq, Path.Combine(word, "export", "all")
        | [ _ ] ->
            let run = runOf workspace words
            $"The run {run.Sweep}/{run.Id}", [ run ], Path.Combine(run.Sweep, "export", run.Id)
        | _ -> refuse "name one run or one sweep: a run's id, or a part of it, or the sweep's name."

    if RepetitionCommand.areAltered workspace runs then
        3
    else
        // Without either option, both are exported.
        let crate, capsule = options.Contains <@ Crate @>, options.Contains <@ Capsule @>
        let both = crate = capsule

        let wish: Export.Wish = {
            Repository = workspace.Root
            Data = workspace.Data
            Crate = both || crate
            Capsule = both || capsule
            Plans = runs.Length > 1
            Largest = int64 (Options.between "--largest" "megabytes" 0.0 1e9 (float (options.GetResult(<@ Largest @>, 64L)))) * 1_000_000L
        }

        let made =
            Export.make
                wish
                name
                runs
                (options.TryGetResult <@ Out @>
                 |> Option.map (Options.folder "--out")
                 |> Option.defaultValue (Path.Combine(workspace.Reports, folder)))

        let report (within: string) =
            JsonText.ReadableOf(
                fields [
                    "audit" => "export"
                    "folder" => within
                    "runs" => made.Runs
                    "files" => made.Files
                    "bytes" => made.Bytes
                    "sha256sums" => Canonical.Sha256 made.Seal
                    "notes" => made.Notes
                ]
            )

        if workspace.Json then
            Console.Write(report made.Folder)
        else
            let megabytes = (float made.Bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture)
            Console.WriteLine made.Folder
            Console.WriteLine $"""{Ebm.Analysis.Text.counted made.Runs "run"}, {made.Files} files, {megabytes} MB."""
            made.Notes |> List.iter Console.WriteLine
            if wish.Capsule then Console.WriteLine "Anywhere with git and the .NET SDK: sh rerun.sh"

        enter workspace $"export {words.Head}" (report (string (Path.GetFileName made.Folder)))
        0

let verb = {
    Name = "export"
    Words = "<run or sweep>"
    Says = "export runs to a folder from which another machine can repeat them; it is also an RO-Crate"
    Examples = [ "export rings-joint-cd-s0", "one run"; "export rings", "a whole sweep" ]
    Options = [ parser ]
    Perform = export
}
