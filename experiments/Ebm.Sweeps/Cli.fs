module Ebm.Sweeps.Cli
let main (_: string list) = 0
