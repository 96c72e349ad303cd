/// Executes runs as processes of this machine, and waits for them.
module Ebm.Sweeps.Local

open Ebm.Sweeps.Launcher
open Ebm.Sweeps.Sentence

let launcher = {
    Name = "local"
    Says = "processes of this machine"
    Options = []
    Read =
        fun settings arguments ->
            for entry in settings |> Option.map (_.Entries >> List.ofSeq) |> Option.defaultValue [] do
                if entry.Key <> "kind" then fail entry.KeySource entry.Key "the launcher local has no settings."

            Executes Launch.launch, arguments
    Told = fun _ -> Map.empty
    Stop = fun _ -> []
}
