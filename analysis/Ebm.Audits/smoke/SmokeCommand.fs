/// `smoke`: repeats the first steps with the current build.
module Ebm.Audits.SmokeCommand

open Argu
open Ebm.Records
open Ebm.Audits.Workspace
open Ebm.Audits.Comparison

type Option =
    | [<EqualsAssignmentOrSpaced>] Steps of count: int64

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Steps _ -> "the least number of steps (50)"

let private parser = Options.parser<Option>

/// Repeats the first steps; returns the last step that was compared, and the comparison.
let smokeOf (workspace: Workspace) conditions (steps: int64) (run: RunFolder) : int64 option * Comparison =
    let until, found = Smoke.smoke (runnerOf workspace) conditions steps run
    Some until, found

let private perform (workspace: Workspace) (arguments: string list) =
    let conditions, arguments = RepetitionCommand.conditionsOf workspace arguments
    let options, words = Options.read parser arguments
    RepetitionCommand.one
        "smoke"
        (smokeOf workspace conditions (RepetitionCommand.steps (options.GetResult(<@ Steps @>, 50L))))
        workspace
        words

let verb = {
    Name = "smoke"
    Words = "<run>"
    Says = "repeat the first steps with the current build, and compare the trace"
    Examples = [ "smoke rings-joint-cd-s0", "takes seconds"; "smoke rings-joint-cd-s0 --steps 500", "more steps" ]
    Options = [ parser; RepetitionCommand.parser ]
    Perform = perform
}
