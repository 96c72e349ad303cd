/// `card`: the report card of a sweep, reports/<sweep>/card.html and card.json, and the checklist to paste.
module Ebm.Audits.CardCommand

open System
open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Place

let private write (place: Place) (sweep: string) =
    match Evidence.read place sweep with
    | None ->
        if not place.Json then eprintfn $"{sweep}: no run there has begun."
        None
    | Some evidence ->
        let axes, files = Card.files evidence
        let folder = Path.Combine(place.Reports, sweep)
        Directory.CreateDirectory folder |> ignore

        for name, text in files do
            AtomicFile.Write(Path.Combine(folder, name), text)

        // The report leads here, and the card leads there.
        let report = Path.Combine(folder, "index.html")

        if not (File.Exists report && File.ReadAllText(report).Contains "href=\"card.html\"") then
            match Report.ofSweep (Path.Combine(place.Runs, sweep)) place.Reports with
            | Some table, skipped ->
                Report.page (Report.plotly place.Root) (Path.Combine(place.Runs, sweep)) place.Reports (table, skipped) |> ignore
            | None, _ -> ()

        let card = files |> List.find (fst >> (=) "card.json") |> snd

        if place.Json then
            Console.Write card
        else
            Console.WriteLine $"{sweep}"

            for axis in axes do
                let grade = axis.Grade |> Option.map Grades.letter |> Option.defaultValue "–"

                let why =
                    match axis.Why, axis.Lacks with
                    | Some why, _ -> $"not judged: {why}"
                    | None, [] -> ""
                    | None, lack :: rest -> lack.Rule.Says + (if rest.IsEmpty then "" else $"; and {rest.Length} more")

                Console.WriteLine($"  {grade} {axis.Name, -12} {why}".TrimEnd())

            for name, _ in files do
                Console.WriteLine(Path.GetRelativePath(Directory.GetCurrentDirectory(), Path.Combine(folder, name)))

        enter place $"card {sweep}" card
        Some()

let private perform (place: Place) (words: string list) =
    let sweeps =
        match sweepsOf place words with
        | [] -> SweepFolder.Under place.Runs |> Seq.map (Path.GetFileName >> string) |> List.ofSeq
        | words -> words

    if sweeps |> List.choose (write place) |> List.isEmpty then
        refuse "no run there has begun, so there is nothing to grade."
    0

let verb = {
    Name = "card"
    Says = "grade what the records of a sweep show, axis by axis, and fill in the NeurIPS and Pineau checklists: card [sweep…]"
    Perform = perform
}
