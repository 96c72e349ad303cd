/// `export`: runs, with all that another machine needs to look at them and to do them again, in one folder.
module Ebm.Audits.ExportCommand

open System
open System.Globalization
open System.IO
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Place

let private export (place: Place) (words: string list) =
    let name, runs, folder =
        match words with
        | [ word ] when Directory.Exists(Path.Combine(place.Runs, word)) ->
            $"The sweep {word}", List.ofSeq (RunFolder.Under(Path.Combine(place.Runs, word))), Path.Combine(word, "export", "all")
        | [ _ ] ->
            let run = runOf place words
            $"The run {run.Sweep}/{run.Id}", [ run ], Path.Combine(run.Sweep, "export", run.Id)
        | _ -> refuse "name one run or one sweep: a run's id, or a part of it, or the sweep's name."

    // Neither asked for is both asked for.
    let both = place.Crate = place.Capsule

    let wish: Export.Wish = {
        Repository = place.Root
        Data = place.Data
        Crate = both || place.Crate
        Capsule = both || place.Capsule
        Plans = runs.Length > 1
        Largest = place.Largest
    }

    let made = Export.make wish name runs (place.Out |> Option.defaultValue (Path.Combine(place.Reports, folder)))

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

    if place.Json then
        Console.Write(report made.Folder)
    else
        let megabytes = (float made.Bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture)
        Console.WriteLine made.Folder
        Console.WriteLine $"""{made.Runs} {if made.Runs = 1 then "run" else "runs"}, {made.Files} files, {megabytes} MB."""
        made.Notes |> List.iter Console.WriteLine
        if wish.Capsule then Console.WriteLine "Anywhere with git and the .NET SDK: sh rerun.sh"

    enter place $"export {words.Head}" (report (string (Path.GetFileName made.Folder)))
    0

let verb = {
    Name = "export"
    Says =
        "a folder from which another machine does it again, and which is an RO-Crate: export <run or sweep> [--out DIR] [--largest MB]; "
        + "--crate or --capsule alone leaves the other out"
    Perform = export
}
