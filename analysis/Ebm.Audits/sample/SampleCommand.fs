/// `sample`: audits cells of a sweep's table, drawn at random, and says of each what came of it.
module Ebm.Audits.SampleCommand

open System
open System.Globalization
open System.IO
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Place
open Ebm.Audits.Comparison
open Ebm.Audits.Sample

let private percent (share: float) = (100.0 * share).ToString("0", CultureInfo.InvariantCulture)

/// Does a run again and says how far: what `sample` is to do with each.
type Again = Place -> RunFolder -> int64 option * Comparison

let sampleBy (again: Again) (audit: string) (place: Place) (words: string list) : int =
    let sweeps =
        match sweepsOf place words with
        | [] -> List.ofSeq (SweepFolder.Under place.Runs)
        | words -> words |> List.map (fun word -> Path.Combine(place.Runs, word))

    let tables = sweeps |> List.choose (Report.tableOf >> fst)

    let before =
        match Ledger.load place.Root place.Runs with
        | Some ledger when not place.Again ->
            KeptAudits.all place.Runs ledger.Entries
            |> List.filter (fun (_, kept) -> kept.Sampled.IsSome)
            |> List.map (fun (_, kept) -> kept.Run)
            |> Set.ofList
        | _ -> Set.empty

    let drawn = draw place.Seed place.N before tables
    if drawn.IsEmpty then refuse "no run there is completed, so there is none to draw."

    let audited = [
        for i, one in List.indexed drawn do
            let run = RunFolder.Open one.Run.Path
            let until, found = again place run
            let kept = KeptAudits.kept audit run until (Some one.Sampled) found
            let bold = if one.Sampled.Bold then ", bold" else ""

            if not place.Json then
                Console.WriteLine $"{i + 1} of {drawn.Length}, {one.Sampled.Metric} of {one.Row}{bold} (weight {one.Sampled.Weight})"
                RepetitionCommand.print run until found
                if kept.Independent = Some true then Console.WriteLine "  by another machine or user than the run's own"

            enter place $"sample {run.Sweep}/{run.Id}" (KeptAudits.written kept found)
            kept, found
    ]

    let verdicts = audited |> List.map (fun (kept, _) -> kept.Verdict)
    let hits, n, low, high = summary verdicts

    if place.Json then
        Console.Write(
            JsonText.ReadableOf(
                fields [
                    "audit" => "sample"
                    "seed" => place.Seed
                    "reproduced" => hits
                    "of" => n
                    "low" => low
                    "high" => high
                    "cells" => [ for kept, found in audited -> KeptAudits.report kept found ]
                ]
            )
        )
    else
        Console.WriteLine(
            $"{hits} of {n} cells reproduce, {percent low} to {percent high} %% (Wilson, 95 %%); a bold cell is drawn {boldWeight} times as readily."
        )

    verdicts |> List.map RepetitionCommand.exitCode |> List.max

let verb = {
    Name = "sample"
    Says =
        "repeats runs behind randomly drawn cells of a table, bold cells with higher odds: sample [sweep] [--n N] [--seed S] [--rerun]; --again also draws cells that were drawn before"
    Perform =
        fun place words ->
            if place.Whole then
                sampleBy RerunCommand.rerunOf "rerun" place words
            else
                sampleBy SmokeCommand.smokeOf "smoke" place words
}
