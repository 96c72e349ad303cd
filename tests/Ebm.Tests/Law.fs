/// A test is a value with a sentence. Every file under Laws ends in `all`, a list of laws, found by reflection.
module Ebm.Tests.Law
type Law = { Says: string; Holds: unit -> unit }
let law says holds = { Says = says; Holds = holds }
