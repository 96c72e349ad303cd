/// `bisect`: prints the result of the search for the commit that changed a run. The exit code is 3 if such a commit exists.
module Ebm.Audits.BisectCommand

open System
open System.IO
open Argu
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Workspace
open Ebm.Audits.Comparison
open Ebm.Audits.Bisect

let private verdict (found: Found) =
    match found with
    | Unchanged -> "UNCHANGED"
    | Changed _ -> "CHANGED"
    | NotTheCode _ -> "NOT-THE-CODE"
    | NotTold _ -> "NOT-TOLD"

let private report (run: RunFolder) (bisection: Bisection) =
    let outcome (probe: Probe) =
        match probe.Outcome with
        | Same -> [ "outcome" => "same" ]
        | Parts part -> [ "outcome" => "parts"; "parting" => part ]
        | Untold(why, _) -> [ "outcome" => "untold"; "reason" => why ]

    JsonText.ReadableOf(
        fields [
            "audit" => "bisect"
            "run" => $"{run.Sweep}/{run.Id}"
            "verdict" => verdict bisection.Found
            "until" => bisection.Until
            "commits" => bisection.Commits
            "from" => bisection.Versions.Head
            "to" => List.last bisection.Versions
            match bisection.Found with
            | Changed(first, part, suspects) ->
                "first" => bisection.Versions[first]
                "parting" => part
                "suspects" => [ for suspect in suspects -> bisection.Versions[suspect].Hash ]
            | NotTheCode part -> "parting" => part
            | NotTold why -> "reason" => why
            | Unchanged -> ()
            "probes" => [ for probe in bisection.Probes -> fields [ "hash" => probe.Commit.Hash; yield! outcome probe ] ]
        ]
    )

let private line (commit: Commit) = $"{commit.Hash.Substring(0, 12)} {commit.Date.Substring(0, 10)} {commit.Subject}"

let private where (parting: Parting) =
    match parting.Step with
    | Some step -> $"step {step}: {parting.What}"
    | None -> parting.What

let private print (run: RunFolder) (bisection: Bisection) =
    let name = $"{run.Sweep}/{run.Id}"

    match bisection.Found with
    | Unchanged -> Console.WriteLine $"UNCHANGED: {name}, up to step {bisection.Until}, over {bisection.Commits} commits"
    | Changed(first, parting, suspects) ->
        Console.WriteLine $"CHANGED: {name}, by {line bisection.Versions[first]}"
        Console.WriteLine $"  first difference: {where parting}"

        if not suspects.IsEmpty then
            Console.WriteLine "  or by one of the commits right before it, which could not be tested:"

            for suspect in suspects do
                Console.WriteLine $"    {line bisection.Versions[suspect]}"
    | NotTheCode parting ->
        Console.WriteLine $"NOT-THE-CODE: {name}: its own sources give other results here; first difference: {where parting}"
        Console.WriteLine "  `audit rerun` prints what differs: libraries, machine, data or flags."
    | NotTold why -> Console.WriteLine $"NOT-TOLD: {line (List.last bisection.Versions)}: {why}; name an earlier commit with --bad."

    for probe in bisection.Probes do
        match probe.Outcome with
        | Untold(why, _) -> Console.WriteLine $"  not tested: {line probe.Commit}: {why}"
        | Same
        | Parts _ -> ()

type Option =
    | [<EqualsAssignmentOrSpaced>] Steps of count: int64
    | [<EqualsAssignmentOrSpaced>] Bad of commit: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Steps _ -> "the least number of steps to compare (50)"
            | Bad _ -> "the last commit to test (HEAD)"

let private parser = Options.parser<Option>

let private bisectWith (building: unit -> Building) (workspace: Workspace) (arguments: string list) =
    let conditions, arguments = RepetitionCommand.conditionsOf workspace arguments
    let options, words = Options.read parser arguments
    let run = executedRunOf workspace words

    let say (what: string) = eprintfn $"{what}"
    let memory = Path.Combine(workspace.Root, "artifacts", "bisect")
    let steps, bad = RepetitionCommand.steps (options.GetResult(<@ Steps @>, 50L)), options.GetResult(<@ Bad @>, "HEAD")
    let bisection = bisect (building ()) conditions memory say steps bad run
    let report = report run bisection
    if workspace.Json then Console.Write report else print run bisection
    enter workspace $"bisect {run.Sweep}/{run.Id}" report

    match bisection.Found with
    | Unchanged -> 0
    | NotTold _ -> 2
    | Changed _
    | NotTheCode _ -> 3

let verbOf building = {
    Name = "bisect"
    Words = "<run>"
    Says = "find the commit that changed the results of a run's first steps"
    Examples = [
        "bisect rings-joint-cd-s0", "finds the commit that changed the run"
        "bisect rings-joint-cd-s0 --bad HEAD~3", "among the commits up to this one"
    ]
    Options = [ parser; RepetitionCommand.parser ]
    Perform = bisectWith building
}

let verb = verbOf building
