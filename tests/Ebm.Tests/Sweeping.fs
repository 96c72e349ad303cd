/// Sweeps for laws: planned from the project's configs, and launched with a shell script instead of the runner, so that they take no time.
module Ebm.Tests.Sweeping

open System
open System.IO
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private catalog = lazy (Catalog.Load [])
let private composer = lazy (Composer(Configs(under "experiments/configs"), "sweep"))

let setup runs : Plan.Setup = {
    Composer = composer.Value
    Catalog = catalog.Value
    Runs = runs
    Name = Some "laws"
    Stale = fun _ -> None
    Heard = fun _ _ state -> state
    Asked = Search.asked
}

/// The plan of a declared sweep, with runs in this folder.
let planned runs sweep = Plan.plan (setup runs) sweep

/// The sweep of a command line.
let typed arguments = { Declare.sweep "laws" with Parts = [ arguments |> List.map Overrides.parse ] }

/// The substitute's behaviour by seed: 6 fails, 7 aborts, 8 hangs, 9 diverges, 10 allocates without end, 11 fills the disk; others
/// complete.
let runner =
    """#!/bin/sh
folder=$2
end() { sed "s/\"state\": *\"[a-z]*\"/\"state\": \"$1\"/" "$folder/manifest.json" > "$folder/.m.$$" && mv "$folder/.m.$$" "$folder/manifest.json"; echo "ended $1"; }
seed=$(sed 's/.*"seed":\([0-9]*\).*/\1/' "$folder/config.json")
echo "$seed $OMP_NUM_THREADS $MKL_NUM_THREADS $CUDA_VISIBLE_DEVICES" >> "$folder/begun"
end running
echo "progress 1 10 train"
case $seed in
6) echo "no such luck" >&2; exit 3;;
7) echo "last words" >&2; kill -ABRT $$;;
8) exec sleep 60;;
9) end diverged; exit 1;;
10) mkfifo "$folder/zeros"; cat /dev/zero > "$folder/zeros" & exec tail -c 400000000 "$folder/zeros";;
11) cat /dev/zero > "$folder/big"; echo "no space" >&2; exit 4;;
*) echo "$seed" > "$folder/result"; end completed;;
esac
"""

/// Another substitute: a run takes some steps, records and saves each, resumes from the last saved one, claims its folder, accepts SIGINT
/// and SIGTERM, and ends with its parent. The file `ticks` next to the folder of runs grows with every event.
let slow =
    """#!/bin/sh
folder=$2
parent=${EBM_PARENT:-$PPID}
exec 9>>"$folder/.claim"
flock -n 9 || exit 75
tick() { echo "$seed $1" >> "$folder/../../ticks"; }
put() { echo "$2" > "$folder/.$1.$$.new" && mv "$folder/.$1.$$.new" "$folder/$1"; }
end() { sed "s/\"state\": *\"[a-z]*\"/\"state\": \"$1\"/" "$folder/manifest.json" > "$folder/.m.$$.new" && mv "$folder/.m.$$.new" "$folder/manifest.json"; }
trap 'end interrupted; exit 130' INT
trap 'end preempted; exit 143' TERM
# What it starts may be killed in its stead.
seed=$(sed 's/.*"seed":\([0-9]*\).*/\1/' "$folder/config.json") || exit 1
grep -q '"state": *"completed"' "$folder/manifest.json"
case $? in 0) exit 0;; 1) ;; *) exit 1;; esac
echo "$$" >> "$folder/.begun"
end running
tick began
step=0
[ ! -f "$folder/step" ] || step=$(cat "$folder/step") || exit 1
if [ -f "$folder/events" ]; then head -n "$step" "$folder/events" > "$folder/.e.$$.new" && mv "$folder/.e.$$.new" "$folder/events"; fi
while [ "$step" -lt 4 ]; do
  [ -d "/proc/$parent" ] || { end interrupted; exit 130; }
  step=$((step+1))
  echo "$seed at $step" >> "$folder/events"
  tick "$step"
  sleep 0.05 9>&-
  put step "$step" || exit 1
done
put result "result of $seed" || exit 1
tick result
end completed
"""

/// The compiled runner, which the build puts next to this program.
let realRunner = Path.GetFullPath(Path.Combine(System.AppContext.BaseDirectory, "..", "..", "Ebm.Runner", "release", "ebm-runner"))

/// The same, but a run waits at its start for a file `go` next to the folder of runs.
let waiting =
    let work = "while [ \"$step\" -lt 4 ]"
    slow.Replace(work, "while [ ! -e \"$folder/../../go\" ]; do sleep 0.02 9>&-; done\n" + work)

/// Writes an executable script.
let executable folder (text: string) =
    let path = Path.Combine(folder, "runner")
    File.WriteAllText(path, text)
    File.SetUnixFileMode(path, UnixFileMode.UserRead ||| UnixFileMode.UserExecute ||| UnixFileMode.UserWrite)
    path

type Silent() =
    interface Launch.IDisplay with
        member _.Say _ = ()
        member _.Began _ = ()
        member _.Ended(_, _) = ()
        member _.Tick _ = ()

let jobs (plan: Plan.Plan) : Child.Job list = [ for run in plan.Runs -> { Run = run; Work = Child.Execute; Try = 1 } ]

/// The outcomes of a launch of this command line, by seed, and the plan afterwards.
let launchedIn folder (change: Launch.Settings -> Launch.Settings) arguments (holds: (string * Child.Outcome) list -> Plan.Plan -> unit) =
    let sweep = typed ("experiment=rings" :: arguments)
    let plan () = planned (Path.Combine(folder, "runs")) sweep
    let first = plan ()
    let settings = { Launch.defaults (executable folder runner) with Workers = 2; OnError = Launch.Continue }
    use _ = Hold.take first.Folder Hold.Whole
    let outcomes, stopped = Launch.launch (change settings) (jobs first) (Silent())
    must "it stopped" stopped.IsNone
    holds [ for outcome in outcomes -> string outcome.Job.Run.Spec.Seed, outcome ] (plan ())

let launched change seeds holds = inFolder (fun folder -> launchedIn folder change [ $"seed={seeds}" ] holds)

let states due (plan: Plan.Plan) =
    let found = plan.Runs |> List.map (fun run -> string run.Spec.Seed, Ebm.Records.Kebab.Of run.State)
    must $"%A{found} where %A{due} was expected" (found = due)

/// The output of a command of a script in a folder that declares this sweep, and its exit code.
let toldAt folder sweep (arguments: string list) =
    use says = new StringWriter()
    use complains = new StringWriter()
    let out, error = Console.Out, Console.Error
    Console.SetOut says
    Console.SetError complains

    try
        let code = Cli.main folder sweep arguments
        code, says.ToString(), complains.ToString()
    finally
        Console.SetOut out
        Console.SetError error

/// The same for a script of the project.
let toldBy sweep arguments = toldAt (under "experiments") sweep arguments

/// The output of a command, and its exit code.
let toldBare (arguments: string list) = toldBy (Declare.sweep "laws" |> Declare.given "experiment=rings") arguments

let runsOf folder = Path.Combine(folder, "runs")
let sweepOf folder = Path.Combine(folder, "runs", "laws")

/// Exit code, output and errors of a verb that takes the folder of runs and the sweep's name.
let told folder (arguments: string list) = toldBare (arguments @ [ "--runs"; runsOf folder; "--name"; "laws" ])

/// Completed runs of a command line, each with a value of grid-kl by its place in the plan, as the ledger has them. Returns their ids.
let completed folder (arguments: string list) (value: int -> Plan.PlannedRun -> float) =
    let plan = planned (runsOf folder) (typed arguments)

    for i, run in List.indexed plan.Runs do
        let at = RunFolder.Create(plan.Folder, run.Id, run.Config, run.Hashed)
        at.Write [ Measurement("grid-kl", value i run, "nats", Direction.Lower, N = 100L, Protocol = "0123456789ab") ]

        at.Write(
            RunManifest(
                State = RunState.Completed,
                RunId = run.Id,
                GroupId = run.Group,
                SweepId = "laws",
                ConfigSha256 = at.ConfigSha256,
                Seed = run.Spec.Seed,
                Overrides = Array.ofList run.Overrides,
                Choices = readOnlyDict [ for KeyValue(group, options) in run.Choices -> group, String.Join(", ", options) ],
                Cost = Spent(1_000_000L, 10L, 1L),
                Timing = Timing(Wall = Nullable 36.0)
            )
        )

    Manifests.enterRuns (runsOf folder) (RunFolder.Under plan.Folder) |> ignore
    plan.Runs |> List.map _.Id
