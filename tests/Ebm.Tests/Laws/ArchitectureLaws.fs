module Ebm.Tests.Laws.ArchitectureLaws
open Ebm.Tests.Law
let all: Law list = []
