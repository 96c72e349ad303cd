/// `sample`: audits randomly drawn cells of a sweep's table, and prints the result of each.
module Ebm.Audits.SampleCommand

open System
open System.Globalization
open System.IO
open Argu
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Workspace
open Ebm.Audits.Comparison
open Ebm.Audits.Sample

let private percent (share: float) = (100.0 * share).ToString("0", CultureInfo.InvariantCulture)

type Option =
    | [<EqualsAssignmentOrSpaced>] N of count: int
    | [<EqualsAssignmentOrSpaced>] Seed of int
    | [<EqualsAssignmentOrSpaced>] Steps of count: int64
    | Rerun
    | Again

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | N _ -> "the number of cells (5)"
            | Seed _ -> "the seed of the draw (0)"
            | Steps _ -> "the least number of steps, as for smoke (50)"
            | Rerun -> "repeat whole runs, as rerun does"
            | Again -> "also draw cells that were drawn before"

let private parser = Options.parser<Option>

let private perform (workspace: Workspace) (arguments: string list) : int =
    let conditions, arguments = RepetitionCommand.conditionsOf workspace arguments
    let options, words = Options.read parser arguments
    let seed = options.GetResult(<@ Seed @>, 0)
    let n = options.GetResult(<@ N @>, 5) |> Options.counted "--n"

    let audit, again =
        if options.Contains <@ Rerun @> then
            "rerun", RerunCommand.rerunOf workspace conditions
        else
            "smoke", SmokeCommand.smokeOf workspace conditions (RepetitionCommand.steps (options.GetResult(<@ Steps @>, 50L)))

    let sweeps =
        match sweepsOf workspace words with
        | [] -> List.ofSeq (SweepFolder.Under workspace.Runs)
        | words -> words |> List.map (fun word -> Path.Combine(workspace.Runs, word))

    let tables = sweeps |> List.choose (ReportFiles.tableOf >> fst)

    let before =
        match Ledger.load workspace.Root workspace.Runs with
        | Some ledger when not (options.Contains <@ Again @>) ->
            KeptAudits.all workspace.Runs ledger.Entries
            |> List.filter (fun (_, kept) -> kept.Sampled.IsSome)
            |> List.map (fun (_, kept) -> kept.Run)
            |> Set.ofList
        | _ -> Set.empty

    let drawn = draw seed n before tables

    if drawn.IsEmpty then
        let isImported = tables |> List.exists (fun table -> table.Rows |> List.exists (fun row -> not row.Imported.IsEmpty))
        refuse
            $"""no run {if isImported then "that was executed here " else ""}is completed, so no cell can be drawn{if isImported then "; imported runs cannot be repeated" else ""}."""

    if RepetitionCommand.areAltered workspace [ for one in drawn -> RunFolder.Open one.Run.Path ] then
        3
    else
        let audited = [
            for i, one in List.indexed drawn do
                let run = RunFolder.Open one.Run.Path
                let until, found = again run
                let kept = KeptAudits.kept audit run until (Some one.Sampled) found
                let bold = if one.Sampled.Bold then ", bold" else ""

                if not workspace.Json then
                    Console.WriteLine $"{i + 1} of {drawn.Length}, {one.Sampled.Metric} of {one.Row}{bold} (weight {one.Sampled.Weight})"
                    RepetitionCommand.print run until found
                    if kept.Independent = Some true then Console.WriteLine "  by another machine or user than the run's own"

                enter workspace $"sample {run.Sweep}/{run.Id}" (KeptAudits.written kept found)
                kept, found
        ]

        let verdicts = audited |> List.map (fun (kept, _) -> kept.Verdict)
        let hits, n, low, high = summary verdicts

        if workspace.Json then
            Console.Write(
                JsonText.ReadableOf(
                    fields [
                        "audit" => "sample"
                        "seed" => seed
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
                $"{hits} of {n} cells reproduce, {percent low} to {percent high} %% (Wilson, 95 %%); bold cells are drawn with odds of {boldWeight} to 1."
            )

        verdicts |> List.map RepetitionCommand.exitCode |> List.max

let verb = {
    Name = "sample"
    Words = "[sweep…]"
    Says = "repeat runs behind randomly drawn cells of a table, bold cells with higher odds"
    Examples = [ "sample rings", "repeats a few runs of one sweep"; "sample rings --seed 7", "another draw" ]
    Options = [ parser; RepetitionCommand.parser ]
    Perform = perform
}
