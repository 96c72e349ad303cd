/// The launcher: one process a run, each end its own state, and never two sweeps in one folder. The runner is a shell script here.
module Ebm.Tests.Laws.LaunchLaws

open System
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Compose
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// What the stand-in does with each seed: 0 and 1 complete, 6 fails, 7 aborts, 8 hangs, 9 diverges.
let private runner =
    """#!/bin/sh
folder=$2
end() { sed -i "s/\"state\": *\"[a-z]*\"/\"state\": \"$1\"/" "$folder/manifest.json"; echo "ended $1"; }
seed=$(sed 's/.*"seed":\([0-9]*\).*/\1/' "$folder/config.json")
echo "$seed $OMP_NUM_THREADS $OPENBLAS_NUM_THREADS" >> "$folder/begun"
end running
echo "progress 1 10 train"
case $seed in
6) echo "no such luck" >&2; exit 3;;
7) echo "last words" >&2; kill -ABRT $$;;
8) exec sleep 60;;
9) end diverged; exit 1;;
*) end completed;;
esac
"""

type private Silent() =
    interface Launch.IDisplay with
        member _.Say _ = ()
        member _.Began _ = ()
        member _.Ended(_, _) = ()
        member _.Tick _ = ()

let private catalog = lazy (Catalog.Load [])
let private configs = lazy (Composer(Configs(under "experiments/configs"), "sweep"))

let private plan runs arguments = Plan.plan configs.Value catalog.Value runs (Some "laws") "laws" [ arguments |> List.map Overrides.parse ]

/// The outcomes of a launch of these seeds, and its plan afterwards.
let private launched (change: Launch.Settings -> Launch.Settings) seeds (holds: (string * Child.Outcome) list -> Plan.Plan -> unit) =
    inFolder (fun folder ->
        let script = Path.Combine(folder, "runner")
        File.WriteAllText(script, runner)
        File.SetUnixFileMode(script, UnixFileMode.UserRead ||| UnixFileMode.UserExecute ||| UnixFileMode.UserWrite)
        let arguments = [ "experiment=rings"; $"seed={seeds}" ]
        let plan () = plan (Path.Combine(folder, "runs")) arguments
        let first = plan ()

        let settings: Launch.Settings = {
            Workers = 2
            OnError = Launch.Continue
            Retry = 0
            Timeout = None
            MaxTime = None
            Runner = script
            Arguments = []
        }

        use _ = Launch.hold first.Folder
        let jobs: Child.Job list = [ for run in first.Runs -> { Run = run; Work = Child.Execute; Try = 1 } ]
        let outcomes, stopped = Launch.launch (change settings) jobs (Silent())
        must "it stopped" stopped.IsNone
        holds [ for outcome in outcomes -> string outcome.Job.Run.Spec.Seed, outcome ] (plan ()))

let private states due (plan: Plan.Plan) =
    let found = plan.Runs |> List.map (fun run -> string run.Spec.Seed, run.State)
    must $"%A{found} where %A{due} was due" (found = due)

let all = [
    law "a failure, an abort, a hang and a divergence are each their own state, with a reason, and the other runs complete" (fun () ->
        launched (fun s -> { s with Timeout = Some(TimeSpan.FromSeconds 2.0) }) "0,6,7,8,9,1" (fun outcomes plan ->
            states [ "0", "completed"; "6", "failed"; "7", "failed"; "8", "timeout"; "9", "diverged"; "1", "completed" ] plan
            let outcome seed = outcomes |> List.find (fst >> (=) seed) |> snd
            let reason seed = string (outcome seed).Reason
            must (reason "6") ((reason "6").Contains "exit code 3: no such luck")
            must (reason "7") ((reason "7").Contains "signal 6")
            must (reason "8") ((reason "8").Contains "after 2 s")
            let ends = (outcome "7").LogEnd
            must $"%A{ends}" (ends |> List.contains "last words")))

    law "each run's process finds its thread counts in the environment" (fun () ->
        launched id "0" (fun _ plan ->
            let begun = File.ReadAllText(Path.Combine(plan.Runs.Head.Folder, "begun"))
            must begun (begun = "0 1 1\n")))

    law "stop-after starts nothing more; so does the guard when the first three fail alike" (fun () ->
        launched (fun s -> { s with Workers = 1; OnError = Launch.StopAfter 1 }) "6,0,1" (fun outcomes plan ->
            must $"{outcomes.Length} were started" (outcomes.Length = 1)
            states [ "6", "failed"; "0", "planned"; "1", "planned" ] plan)

        inFolder (fun folder ->
            let missing = Path.Combine(folder, "runner")
            File.WriteAllText(missing, "#!/bin/sh\necho alike >&2; exit 4\n")
            File.SetUnixFileMode(missing, UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
            let guarded (s: Launch.Settings) = { s with Workers = 1; OnError = Launch.Guarded; Runner = missing }
            launched guarded "0,1,2,3,4" (fun outcomes _ -> must $"{outcomes.Length} were started" (outcomes.Length = 3))))

    law "a failed run is tried again as often as asked, and its earlier attempts are kept" (fun () ->
        launched (fun s -> { s with Retry = 2 }) "6" (fun outcomes plan ->
            must $"{outcomes.Length} attempts" (outcomes.Length = 3)
            let attempts = RunFolder.Open(plan.Runs.Head.Folder).Attempts()
            must $"{attempts.Count} kept" (attempts.Count = 2)))

    law "one sweep at a time has a folder, and others are told who" (fun () ->
        inFolder (fun folder ->
            must "an empty folder is held" (not (Launch.isAlive folder))

            (use _ = Launch.hold folder
             must "nobody holds it" (Launch.isAlive folder)

             throws<ConfigException, IDisposable> [ folder; "already"; string Environment.ProcessId ] (fun () -> Launch.hold folder))

            must "it is held after its end" (not (Launch.isAlive folder))))

    law "a run that says it is running, and whose process is gone, is lost" (fun () ->
        launched id "0" (fun _ plan ->
            let folder = RunFolder.Open plan.Runs.Head.Folder
            let manifest = nonNull folder.Manifest
            folder.Write(manifest.Ended("running", 3L))
            let state, reason = Plan.stateOf folder.Path
            must state (state = RunState.Lost)
            must (string reason) ((string reason).Contains "step 3")))
]
