/// `rerun`: all of it again, with the sources as they were.
module Ebm.Audits.RerunCommand

open Ebm.Records
open Ebm.Audits.Place
open Ebm.Audits.Comparison
open Ebm.Audits.RepetitionCommand

/// All of it again.
let rerunOf (place: Place) (run: RunFolder) : int64 option * Comparison =
    let say (what: string) = if not place.Json then eprintfn $"{what} …"
    None, Rerun.rerun (conditionsOf place) say run

let verb = {
    Name = "rerun"
    Says =
        "check out the sources as they were, build them, run, and compare everything: rerun <run>; --threads and --set change what it is done with"
    Perform = one "rerun" rerunOf
}
