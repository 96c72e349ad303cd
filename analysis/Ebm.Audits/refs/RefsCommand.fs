/// `refs`: prints the snapshots and heads that a repository keeps, and whether a run here needs them; --prune drops unneeded snapshots.
module Ebm.Audits.RefsCommand

open System
open System.Globalization
open System.IO
open System.Text.Json
open Argu
open Ebm.Audits.Workspace
open Ebm.Audits.Refs

let private day (time: DateTime) = time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)

type Option =
    | Prune

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Prune -> "drop the snapshots that no run here needs"

let private parser = Options.parser<Option>

let private perform (workspace: Workspace) (arguments: string list) =
    let options, folders = Options.read parser arguments
    let folders = workspace.Runs :: List.map Path.GetFullPath folders

    for folder in folders do
        if not (Directory.Exists folder) then
            refuse $"there are no runs in {folder}; name the folders of runs with --runs and as arguments."

    let snapshots = snapshots workspace.Root folders
    let unneeded = snapshots |> List.filter (fun snapshot -> snapshot.Needed = 0)

    let heads = heads workspace.Root workspace.Runs
    let say (line: string) = if not workspace.Json then Console.WriteLine line

    if workspace.Json then Console.WriteLine(JsonSerializer.Serialize {| audit = "refs"; heads = heads; snapshots = snapshots |})

    for head in heads do
        let where = if head.IsHere then "of this folder" else "of another folder"
        say $"ledger {head.Ledger}  {day head.Kept}  {head.Entries} entries, {where}"

    for snapshot in snapshots do
        let whose =
            if snapshot.Needed = 0 then "no run here" else $"""{Ebm.Analysis.Text.counted snapshot.Needed "record"} of runs and launches"""
        say $"{snapshot.Ref}  {day snapshot.Made}  {whose}"

    if options.Contains <@ Prune @> then
        for snapshot in unneeded do
            match Git.ask workspace.Root [ "update-ref"; "-d"; snapshot.Ref; snapshot.Commit ] with
            | Ok _ -> ()
            | Error says -> refuse $"{snapshot.Ref}: {says}"

        say $"{unneeded.Length} snapshots were dropped; git deletes their files at its next garbage collection."
    elif not unneeded.IsEmpty then
        say
            $"No run here needs {unneeded.Length} of {snapshots.Length} snapshots. --prune drops them; runs in other folders could then not be repeated, so name those folders, too."

    0

let verb = {
    Name = "refs"
    Words = "[further folders of runs]"
    Says = "list the sources and heads that git keeps for audits"
    Examples = [ "refs", "what git keeps for the runs of this folder"; "refs ../other/runs", "and for those of another one" ]
    Options = [ parser ]
    Perform = perform
}
