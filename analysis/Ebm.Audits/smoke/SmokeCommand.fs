/// `smoke`: the first steps again, with what is built here.
module Ebm.Audits.SmokeCommand

open Ebm.Records
open Ebm.Audits.Place
open Ebm.Audits.Comparison
open Ebm.Audits.RepetitionCommand

/// The first steps again, up to the step that is answered.
let smokeOf (place: Place) (run: RunFolder) : int64 option * Comparison =
    let until, found = Smoke.smoke (runnerOf place) (conditionsOf place) place.Steps run
    Some until, found

let verb = {
    Name = "smoke"
    Says = "run the first steps again with what is built here, and compare the trace: smoke <run> [--steps K]"
    Perform = one "smoke" smokeOf
}
