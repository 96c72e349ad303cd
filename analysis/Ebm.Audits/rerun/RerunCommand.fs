/// `rerun`: repeats a whole run with its own sources.
module Ebm.Audits.RerunCommand

open Ebm.Records
open Ebm.Audits.Workspace
open Ebm.Audits.Comparison

/// Repeats the whole run.
let rerunOf (workspace: Workspace) conditions (run: RunFolder) : int64 option * Comparison =
    let say (what: string) = if not workspace.Json then eprintfn $"{what} …"
    None, Rerun.rerun conditions say run

let private perform (workspace: Workspace) (arguments: string list) =
    let conditions, words = RepetitionCommand.conditionsOf workspace arguments
    RepetitionCommand.one "rerun" (rerunOf workspace conditions) workspace words

let verb = {
    Name = "rerun"
    Words = "<run>"
    Says = "build the run's own sources, repeat the whole run, and compare everything"
    Examples = [
        "rerun rings-joint-cd-s0", "takes as long as the run did"
        "rerun rings-joint-cd-s0 --threads 2", "with another number of threads"
    ]
    Options = [ RepetitionCommand.parser ]
    Perform = perform
}
