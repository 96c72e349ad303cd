/// `refs`: the snapshots and heads that a repository keeps, and whether a run here needs them; --prune drops those that none needs.
module Ebm.Audits.RefsCommand

open System
open System.Globalization
open System.IO
open Ebm.Audits.Place
open Ebm.Audits.Refs

let private day (time: DateTime) = time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)

let private perform (place: Place) (folders: string list) =
    let folders = place.Runs :: List.map Path.GetFullPath folders

    for folder in folders do
        if not (Directory.Exists folder) then
            refuse $"there are no runs at {folder}; --runs and the words name the folders to look below."

    let snapshots = snapshots place.Root folders
    let unneeded = snapshots |> List.filter (fun snapshot -> snapshot.Needed = 0)

    for head in heads place.Root place.Runs do
        let where = if head.IsHere then "of this folder" else "of another folder"
        Console.WriteLine $"ledger {head.Ledger}  {day head.Kept}  {head.Entries} entries, {where}"

    for snapshot in snapshots do
        let whose = if snapshot.Needed = 0 then "no run here" else $"{snapshot.Needed} runs and launches"
        Console.WriteLine $"{snapshot.Ref}  {day snapshot.Made}  {whose}"

    if place.Prune then
        for snapshot in unneeded do
            match Git.ask place.Root [ "update-ref"; "-d"; snapshot.Ref; snapshot.Commit ] with
            | Ok _ -> ()
            | Error says -> refuse $"{snapshot.Ref}: {says}"

        Console.WriteLine $"{unneeded.Length} snapshots were dropped; git collects their files in its own time."
    elif not unneeded.IsEmpty then
        Console.WriteLine
            $"{unneeded.Length} of {snapshots.Length} snapshots are named by no run here. --prune drops them: runs that lie elsewhere could then not be done again, so name their folders too."

    0

let verb = {
    Name = "refs"
    Says = "the sources and heads that git keeps for audits: refs [further folders of runs] [--prune]"
    Perform = perform
}
