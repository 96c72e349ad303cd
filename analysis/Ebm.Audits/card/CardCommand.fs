/// `card`: the report card of a sweep, reports/<sweep>/card.html and card.json, and the checklist to paste.
module Ebm.Audits.CardCommand

open System
open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Workspace

let private write (workspace: Workspace) (sweep: string) =
    match Evidence.read workspace sweep with
    | None ->
        if not workspace.Json then eprintfn $"{sweep}: no run has begun."
        None
    | Some evidence ->
        let axes, files = Card.files evidence
        let folder = Path.Combine(workspace.Reports, sweep)
        Directory.CreateDirectory folder |> ignore

        for name, text in files do
            AtomicFile.Write(Path.Combine(folder, name), text)

        // The report and the card link to each other.
        let report = Path.Combine(folder, "index.html")

        let isLinked =
            File.Exists report
            && isNull (RegularFile.Refusal report)
            && FileInfo(report).Length <= int64 RegularFile.Record
            && File.ReadAllText(report).Contains "href=\"card.html\""

        if not isLinked then
            ReportFiles.write workspace.Root (Some(Report.plotly workspace.Root)) (Path.Combine(workspace.Runs, sweep)) workspace.Reports
            |> ignore

        let card = files |> List.find (fst >> (=) "card.json") |> snd

        if workspace.Json then
            Console.Write card
        else
            Console.WriteLine $"{sweep}"

            for axis in axes do
                let grade = axis.Grade |> Option.map Rules.letter |> Option.defaultValue "–"

                let why =
                    match axis.Why, axis.Lacks with
                    | Some why, _ -> $"not judged: {why}"
                    | None, [] -> ""
                    | None, lack :: rest -> lack.Rule.Says + (if rest.IsEmpty then "" else $"; and {rest.Length} more")

                Console.WriteLine($"  {grade} {axis.Name, -12} {why}".TrimEnd())

            for name, _ in files do
                Console.WriteLine(Path.GetRelativePath(Directory.GetCurrentDirectory(), Path.Combine(folder, name)))

        enter workspace $"card {sweep}" card
        Some()

let private perform (workspace: Workspace) (words: string list) =
    let sweeps =
        match sweepsOf workspace words with
        | [] -> SweepFolder.Under workspace.Runs |> Seq.map (Path.GetFileName >> string) |> List.ofSeq
        | words -> words

    if sweeps |> List.choose (write workspace) |> List.isEmpty then refuse "no run has begun, so there is nothing to grade."
    0

let verb = {
    Name = "card"
    Words = "[sweep…]"
    Says = "grade the records of a sweep on eight axes, and fill in the NeurIPS and Pineau checklists"
    Examples = [ "card rings", "the grades of one sweep"; "card", "of every sweep" ]
    Options = []
    Perform = perform
}
