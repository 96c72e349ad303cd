/// Executes runs as processes of this machine, and waits for them.
module Ebm.Sweeps.Local

open Ebm.Sweeps.Launcher

let launcher = {
    Name = "local"
    Says = "processes of this machine"
    Options = []
    Read = fun arguments -> Executes Launch.launch, arguments
    Told = fun _ -> Map.empty
    Stop = fun _ -> []
}
