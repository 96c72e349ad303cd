/// Sweeps on a real SLURM cluster of four nodes on this machine (cluster.sh), which the first law starts and the last one ends. Most runs are
/// executed by a substitute of the runner that waits for files, so that no law depends on how long anything takes.
module Ebm.Tests.Laws.SlurmLaws

open System
open System.Diagnostics
open System.IO
open System.Threading
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Plan
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.Sweeping

// ── The cluster ─────────────────────────────────────────────────────────────────────────────

let private programs = [ "slurmctld"; "slurmd"; "sbatch"; "munged"; "setpriv" ]

let private lacks () =
    let paths = (string (Environment.GetEnvironmentVariable "PATH")).Split ':' |> List.ofArray
    let isThere name = "/usr/sbin" :: paths |> List.exists (fun path -> File.Exists(Path.Combine(path, name)))

    match programs |> List.filter (isThere >> not) with
    | [] when Environment.UserName = "root" -> None
    | [] -> Some "only root can start the daemons of SLURM for several nodes"
    | missing ->
        let names = String.Join(", ", missing)
        Some $"{names} are not installed: apt-get install slurmctld slurmd slurm-client munge"

/// Waits until something holds; the limit only bounds a law that fails.
let private await (what: string) (holds: unit -> bool) =
    let clock = Stopwatch.StartNew()

    while not (holds ()) do
        if clock.Elapsed.TotalMinutes > 5.0 then
            let told (words: string list) =
                match SlurmQueue.ask words.Head words.Tail with
                | Ok says
                | Error says -> says

            let shown = [ [ "squeue"; "--array" ]; [ "sinfo"; "--Node"; "--long" ]; [ "sinfo"; "--list-reasons" ] ] |> List.map told
            broken (String.Join('\n', $"{what}: not within five minutes" :: shown))

        Thread.Sleep 100

/// Executes the runs of a task's line. A run takes four steps, saves each, and resumes from the last one; SIGUSR1 and SIGTERM end it with the
/// state preempted. While another process has the run, it waits. It waits at its second step until the file `go` is in the sweep's folder. If a file `deaf` is there, it hears no signal; if
/// a file `greedy` is there, it takes 400 MB.
let private runner =
    """#!/bin/bash
if [ "$1" = task ]; then
  shift $(($# - 2))
  read -ra folders <<< "$(sed -n "$(($2 + 1))p" "$1" | grep -o '/[^"]*' | tr '\n' ' ')"
  [ ${#folders[@]} -gt 1 ] || exec "$0" exec "${folders[0]}"
  code=0
  for folder in "${folders[@]}"; do "$0" exec "$folder" || code=$?; done
  exit $code
fi
folder=$2
sweep=${folder%/*}
exec 9>>"$folder/.claim"
flock -w 100 9 || exit 75
put() { echo "$2" > "$folder/.$1.$$.new" && mv "$folder/.$1.$$.new" "$folder/$1"; }
end() { sed "s/\"state\": *\"[a-z]*\"/\"state\": \"$1\"/" "$folder/manifest.json" > "$folder/.m.$$.new" && mv "$folder/.m.$$.new" "$folder/manifest.json"; }
if [ -e "$sweep/deaf" ]; then
  trap '' USR1 TERM
else
  trap 'end preempted; exit 138' USR1
  trap 'end preempted; exit 143' TERM
fi
! grep -q '"state": *"completed"' "$folder/manifest.json" || exit 0
echo "$SLURMD_NODENAME $SLURM_ARRAY_TASK_ID" >> "$folder/.begun"
end running
echo "executes $folder"
[ ! -e "$sweep/greedy" ] || { head -c 400000000 /dev/zero | tail -c 399999999; }
step=$(cat "$folder/step" 2> /dev/null || echo 0)
while [ "$step" -lt 4 ]; do
  step=$((step+1))
  echo "$step" >> "$folder/events"
  put step "$step"
  while [ "$step" = 2 ] && [ ! -e "$sweep/go" ]; do sleep 0.05 9>&-; done
done
end completed
"""

type private Cluster(folder: string) =
    let process' =
        nonNull (
            Process.Start(
                ProcessStartInfo(
                    "bash",
                    [ under "tests/Ebm.Tests/cluster.sh"; folder ],
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true
                )
            )
        )

    do
        if process'.StandardOutput.ReadLine() <> "ready" then broken $"the cluster in {folder} did not start"
        Environment.SetEnvironmentVariable("SLURM_CONF", Path.Combine(folder, "slurm.conf"))

    member _.Folder = folder

    /// start or kill a daemon, or cut a node's power.
    member _.Tell(verb: string, name: string) =
        process'.StandardInput.WriteLine $"{verb} {name}"
        process'.StandardInput.Flush()
        process'.StandardOutput.ReadLine() |> ignore

    member _.End() =
        process'.StandardInput.Close()
        process'.WaitForExit()
        Environment.SetEnvironmentVariable("SLURM_CONF", null)

let private begun = lazy (Cluster (Directory.CreateTempSubdirectory "ebm-slurm-").FullName)

let private asked program arguments =
    match SlurmQueue.ask program arguments with
    | Ok says -> says.Trim()
    | Error why -> broken $"{program}: {why}"

// ── Sweeps on it ────────────────────────────────────────────────────────────────────────────

/// A folder that also jobs of other users could enter, and that is kept until the cluster ends.
let private place (name: string) = (Directory.CreateDirectory(Path.Combine(begun.Value.Folder, "sweeps", name))).FullName

let private plan folder seeds = planned (runsOf folder) (typed [ "experiment=rings"; $"seed={seeds}" ])

let private submission folder options : Slurm.Submission = {
    Workers = 2
    RunsPerTask = 1
    Options = options
    Setup = ""
    Container = []
    Runner = executable folder runner
    Arguments = []
}

/// Submits runs with these options; files in the sweep's folder tell them what to do.
let private submitted (name: string) seeds (files: string list) (options: string list) =
    let folder = place name
    let plan = plan folder seeds
    Directory.CreateDirectory plan.Folder |> ignore

    for file in files do
        File.WriteAllText(Path.Combine(plan.Folder, file), "")

    folder, plan, Slurm.submit (submission folder options) plan.Folder (jobs plan)

let private lines (run: PlannedRun) name =
    let file = Path.Combine(run.Folder, name)
    if File.Exists file then List.ofArray (File.ReadAllLines file) else []

let private hasBegun times (run: PlannedRun) = (lines run ".begun").Length >= times
let private state (run: PlannedRun) = fst (stateOf run.Folder)
let private go (plan: Plan) = File.WriteAllText(Path.Combine(plan.Folder, "go"), "")

/// The run was begun this often, and each of its steps was taken once.
let private isWhole times (run: PlannedRun) =
    let begun, events = lines run ".begun", lines run "events"
    must $"{run.Id} was begun by %A{begun}" (begun.Length = times)
    must $"the steps of {run.Id} are %A{events}" (events = [ "1"; "2"; "3"; "4" ])

/// Whether SLURM started a process.
let private isOfATask (id: int) =
    try
        match File.ReadAllText $"/proc/{id}/environ" with
        // It has just ended.
        | "" -> true
        | environment -> environment.Contains "SLURM_JOB_ID="
    with :? IOException ->
        true

/// The first line of the status, and the lines of runs.
let private status folder = Status.lines (sweepOf folder)

let private selects folder seeds states =
    let code, says, complains = told folder [ "plan"; $"seed={seeds}"; "--only"; states ]
    must complains (code = 0)
    (says.Split '\n')[0]

/// Sweeps that wait from the start, because SLURM looks at time limits and for lost nodes twice a minute.
type private Waiting = {
    /// Of a run that hears the signal before its time limit, and of one that does not.
    Heard: Plan
    Unheard: string * Plan
    /// Of a run on the node n4, which has lost its power.
    Cut: Plan
}

let private waiting =
    lazy
        (let _, heard, _ = submitted "heard" "0" [] [ "--time=1"; "--signal=B:USR1@55" ]
         let folder, unheard, _ = submitted "unheard" "0" [ "deaf" ] [ "--time=1" ]
         let _, cut, _ = submitted "cut" "0" [] [ "--partition=fragile" ]
         await "it begins" (fun () -> (lines cut.Runs.Head "events").Length = 2)
         begun.Value.Tell("cut", "n4")
         { Heard = heard; Unheard = (folder, unheard); Cut = cut })

let private slurm says holds =
    law says (fun () ->
        waiting.Force() |> ignore
        holds ())
    |> needs lacks

// ── Real runs ───────────────────────────────────────────────────────────────────────────────

let private command (at: string) (words: string list) (options: string list) =
    told at ([ "run" ] @ words @ [ $"--reports={at}/reports" ] @ options)

let private executedIn (at: string) = List.ofSeq (RunFolder.Under(sweepOf at)) |> List.sortBy _.Id

let private completes (at: string) =
    await $"{at} completes" (fun () ->
        match executedIn at with
        | [] -> false
        | runs ->
            match runs |> List.tryFind (fun run -> run.State = RunState.Failed) with
            | Some run -> broken $"{run.Id} failed: {(nonNull run.Manifest).Reason}"
            | None -> runs |> List.forall (fun run -> run.State = RunState.Completed))

/// A sweep of real runs, by these commands, one after the other.
let private executed (folder: string) (words: string list) (name: string) (commands: string list list) =
    let at = Path.Combine(folder, name)

    for options in commands do
        let code, says, complains = command at words options
        must $"{name}: {code} {says} {complains}" (code = 0 || (options.Head = "--shard=1/2" && code = 1))

    completes at
    executedIn at

/// Everything that a run has computed: records, weights, state of the optimizers, samples, arrays, metrics. Three files have times, paths or
/// the machine's name: the manifest and the logs, which are no artefacts, and the checkpoint's state.json.
let private bytes (run: RunFolder) = [
    for file in run.ArtefactNames() do
        if file <> "checkpoint/state.json" then run.Id, file, Canonical.Sha256OfFile(run.In file)
]

let private areSame (what: string) (due: RunFolder list) (found: RunFolder list) =
    let due, found = List.collect bytes due, List.collect bytes found
    must "no weights are compared" (due |> List.exists (fun (_, file, _) -> file.EndsWith ".safetensors"))

    match List.except due found @ List.except found due |> List.map (fun (run, file, _) -> $"{file} of {run}") |> List.distinct with
    | [] -> ()
    | others -> broken $"""{what} has other bytes: {String.Join(", ", others)}"""

/// A flow, whose training takes no time.
let private flow = [ "method=flow"; "train.steps=20"; "~measure.metrics.long-run" ]

let private needsMpi law =
    law
    |> needs (fun () ->
        let pmix = "/usr/lib/x86_64-linux-gnu/pmix2/lib"

        if ends "which" [ "mpirun.openmpi" ] <> 0 then
            Some "Open MPI is not installed: apt-get install openmpi-bin"
        elif Directory.Exists pmix && not (File.Exists(Path.Combine(pmix, "libpmix.so"))) then
            Some "Debian's SLURM finds PMIx only with its package for developers: apt-get install libpmix-dev"
        else
            None)

let all = [
    slurm "SLURM gets arrays within its largest size, executes every run once on all nodes, and no process waits for them here" (fun () ->
        let folder, plan, numbers = submitted "arrays" "seeds(7)" [] []
        must $"%A{numbers}" (numbers.Length = 3)
        let first = asked "scontrol" [ "show"; "job"; numbers[0] ]
        must first (first.Contains "ArrayTaskThrottle=2")
        let ofNoTask = about plan.Folder |> List.filter (not << isOfATask)
        must $"%A{ofNoTask}" ofNoTask.IsEmpty
        await "two begin" (fun () -> (plan.Runs |> List.filter (hasBegun 1)).Length >= 2)
        let says = (status folder).Head
        must says (says.Contains "running" && says.Contains "pending")
        // The same command again submits nothing.
        let code, says, complains = told folder [ "run"; "seed=seeds(7)"; "--launcher"; "slurm" ]
        must $"{says} {complains}" (code = 0 && says.Contains "Already in the queue of slurm: 7 runs" && says.Contains "No run is left")
        go plan
        await "all complete" (fun () -> plan.Runs |> List.forall (fun run -> state run = RunState.Completed))
        plan.Runs |> List.iter (isWhole 1)
        let nodes = [ for run in plan.Runs -> ((lines run ".begun").Head.Split ' ')[0] ] |> List.distinct |> List.sort
        must $"%A{nodes}" (nodes = [ "n1"; "n2" ]))
    |> breaks "a step is taken twice" (fun () ->
        let folder = place "planted"
        let run = (plan folder "0").Runs.Head
        Directory.CreateDirectory run.Folder |> ignore
        File.WriteAllText(Path.Combine(run.Folder, ".begun"), "n1 0\n")
        File.WriteAllText(Path.Combine(run.Folder, "events"), "1\n2\n2\n3\n4\n")
        isWhole 1 run)

    slurm
        "the default sweep, with a small budget, has the same bytes here, on two nodes of a cluster, and from two shards of one folder"
        (fun () ->
            // The methods of experiments/sweep.fsx, with two of its three seeds, and none of the two metrics that take most of its time.
            let executed =
                executed (place "bytes") [
                    "experiment=methods"
                    "method=joint-cd,recovery-likelihood,denoising-ebm,generalized-ebm"
                    "seed=seeds(2)"
                    "train.budget=6000"
                    "measure.samples=200"
                    "~measure.metrics.long-run"
                    "~measure.metrics.density-readout"
                ]

            let here = executed "here" [ [ "--workers=2" ] ]
            // Two tasks of five processors do not fit on one node.
            let there = executed "there" [ [ "--launcher=slurm"; "--slurm=--mem=4000 --cpus-per-task=5"; "--runs-per-task=2" ] ]
            let shards = executed "shards" [ [ "--shard=1/2" ]; [ "--shard=2/2" ] ]
            must $"{here.Length} runs" (here.Length = 8)
            areSame "the cluster" here there
            areSame "the sweep of two shards" here shards
            let nodes = [ for run in there -> (nonNull (nonNull run.Manifest).Scheduler).Node ] |> List.distinct
            must $"%A{nodes}" (List.sort nodes = [ "n1"; "n2" ]))

    slurm "a run of two ranks has the same bytes here and on a cluster, where srun starts them" (fun () ->
        let executed = executed (place "ranks") (flow @ [ "seed=0"; "train.ranks=2" ])
        let here = executed "here" [ [ "--workers=1" ] ]
        // Nodes of one machine share the folder of temporary files, in which their servers of PMIx would disturb each other.
        let there = executed "there" [ [ "--launcher=slurm"; "--slurm=--mem=4000 --nodes=1" ] ]
        areSame "the cluster" here there

        for run in here @ there do
            let manifest = nonNull run.Manifest
            must $"%A{manifest.Ranks}" ((nonNull manifest.Ranks).Count = 2)

        must "it was no task" (not (isNull (nonNull there.Head.Manifest).Scheduler)))
    |> needsMpi

    slurm "a run whose ranks srun cannot start has failed, and why and status say what srun says" (fun () ->
        let at = Path.Combine(place "unstarted", "there")
        let words = flow @ [ "seed=0"; "train.ranks=2" ]
        let code, says, complains = command at words [ "--launcher=slurm"; "--slurm=--mem=4000 --ntasks=1" ]
        must $"{code} {says} {complains}" (code = 0)
        await "it fails" (fun () -> executedIn at |> List.exists (fun run -> run.State = RunState.Failed))
        let code, says, complains = toldBare [ "why"; (executedIn at).Head.Id; "--runs"; runsOf at ]
        let due = [ "the ranks did not begin"; "More processors requested than permitted" ]
        must $"{code} {says} {complains}" (code = 0 && due |> List.forall says.Contains)
        let says = String.Join(' ', status at |> List.map _.Trim())
        must says (due |> List.forall says.Contains))

    slurm "a training that SIGUSR1 ends is queued again, goes on from its checkpoint, and has the bytes of an undisturbed one" (fun () ->
        let folder = place "disturbed"
        let go = Path.Combine(folder, "go")

        let words = [
            "method=joint-cd"
            "seed=0"
            "train.steps=100"
            "train.checkpoint-every=10"
            "train.record-every=5"
            $"train.schedule={{ kind: waiting, until: '{go}', step: 20 }}"
            "~measure.metrics.long-run"
            "~measure.metrics.density-readout"
            $"""--with={Path.Combine(AppContext.BaseDirectory, "Lab.dll")}"""
        ]

        let at = Path.Combine(folder, "there")
        let code, says, complains = command at words [ "--launcher=slurm"; "--slurm=--mem=4000" ]
        must $"{code} {says} {complains}" (code = 0)
        let run () = (executedIn at).Head
        await "it has a checkpoint at step 20" (fun () -> (nonNull (run ()).Manifest).Step = 20L)
        // As SLURM does before a time limit: to the script alone.
        asked "scancel" [ "--signal=USR1"; "--batch"; (nonNull (nonNull (run ()).Manifest).Scheduler).Job ] |> ignore
        completes at
        let manifest = nonNull (run ()).Manifest
        let first = Seq.exactlyOne ((run ()).Attempts())
        must $"%A{first.State} {first.Signal}" (first.State = RunState.Preempted && first.Signal = Nullable 10)
        let parent = nonNull manifest.Parent
        must $"%A{parent} %A{first.Step}" (parent.Step = first.Step && first.Step >= 20L && first.Step < 100L)
        must $"%A{manifest.Interventions}" (Seq.isEmpty (nonNull manifest.Interventions))
        File.WriteAllText(go, "")
        areSame "the disturbed training" (executed folder words "here" [ [ "--workers=1" ] ]) [ run () ])

    slurm "short runs share a task, which reads a file of the cluster first and starts them in its container" (fun () ->
        let folder = place "shared"
        let plan = plan folder "0,1,2"
        Directory.CreateDirectory plan.Folder |> ignore
        go plan
        let setup, container = Path.Combine(folder, "modules.sh"), Path.Combine(folder, "apptainer")
        File.WriteAllText(setup, "LAWS_SETUP=\"$# words\"\nexport LAWS_SETUP\n")
        File.WriteAllText(container, "#!/bin/bash\necho \"$LAWS_SETUP, $1 $2\" >> \"${0%/*}/contained\"\nshift 2\nexec \"$@\"\n")
        must "chmod" (ends "chmod" [ "+x"; container ] = 0)
        let submission = { submission folder [] with RunsPerTask = 2; Setup = setup; Container = [ container; "exec"; "lab.sif" ] }
        must "one job" ((Slurm.submit submission plan.Folder (jobs plan)).Length = 1)
        await "they complete" (fun () -> plan.Runs |> List.forall (fun run -> state run = RunState.Completed))
        plan.Runs |> List.iter (isWhole 1)
        must
            "two tasks"
            (List.ofArray (File.ReadAllLines(Path.Combine(folder, "contained"))) = [ for _ in 1..2 -> "0 words, exec lab.sif" ])
        let tasks = [ for run in plan.Runs -> ((lines run ".begun").Head.Split ' ')[1] ]
        must $"%A{tasks}" (tasks = [ "0"; "0"; "1" ]))

    slurm "logs --follow waits for a run in the queue, and ends with it" (fun () ->
        let folder, plan, numbers = submitted "followed" "0" [ "go" ] [ "--begin=now+3600" ]
        let run = plan.Runs.Head
        let follow () = toldBare [ "logs"; run.Id; "--follow"; "--runs"; runsOf folder ]
        let following = Tasks.Task.Run follow
        // It looks three times a second whether the run has begun or left the queue.
        Thread.Sleep 1000
        must "it does not wait" (not following.IsCompleted)
        asked "scontrol" [ "update"; $"JobId={numbers.Head}"; "StartTime=now" ] |> ignore
        await "it ends" (fun () -> following.IsCompleted)
        let code, says, complains = following.Result
        must $"{code} {says} {complains}" (code = 0 && says.Contains $"executes {run.Folder}" && state run = RunState.Completed))

    slurm "a submission that SLURM refuses changes nothing, and one that it cannot be asked about is refused" (fun () ->
        let folder = place "refused"
        let refused (options: string list) (parts: string list) =
            let code, says, complains = told folder ([ "run"; "seed=0"; "--launcher"; "slurm" ] @ options)
            must $"{code} {says} {complains}" (code = 2 && parts |> List.forall complains.Contains)

        refused [ "--slurm=--partition=moon" ] [ "sbatch refused"; "none of its runs were submitted"; "moon" ]
        must "a run was prepared" (plan folder "0" |> _.Runs |> List.forall (fun run -> state run = RunState.Planned))
        let _, plan, _ = submitted "unasked" "0" [] []
        let path = Environment.GetEnvironmentVariable "PATH"
        Environment.SetEnvironmentVariable("PATH", "/nowhere")

        try
            throws<ConfigException, _> [ "does not say which runs"; "none is submitted" ] (fun () ->
                Slurm.submit (submission folder []) plan.Folder (jobs plan))

            must "status needs SLURM" ((Status.lines plan.Folder).Head.Contains "1 run: 1 ")
        finally
            Environment.SetEnvironmentVariable("PATH", path)

        go plan
        await "it completes" (fun () -> state plan.Runs.Head = RunState.Completed))

    slurm "a task that needs more memory than it asked for is killed: its run has failed, and its log says why" (fun () ->
        let folder, plan, _ = submitted "greedy" "0" [ "greedy" ] [ "--mem=100" ]
        await "it fails" (fun () -> (status folder).Head.Contains "1 failed")
        let says = String.Join(' ', status folder)
        must says (says.Contains "task " && says.Contains ".log")
        must "only failed" ((selects folder "0" "failed").Contains "1 failed")
        let code, says, _ = toldBare [ "logs"; plan.Runs.Head.Id; "--runs"; runsOf folder ]
        must says (code = 0 && says.Contains "memory limit"))

    slurm "a run preempted by a job of higher priority is queued again, and goes on from its last step" (fun () ->
        let _, plan, _ = submitted "preempted" "0" [] [ "--partition=spare"; "--exclusive" ]
        let run = plan.Runs.Head
        await "it begins" (fun () -> (lines run "events").Length = 2)
        asked "sbatch" [ "--partition=urgent"; "--exclusive"; "--output=/dev/null"; "--wrap=true" ] |> ignore
        await "it is preempted" (fun () -> state run = RunState.Preempted)
        await "it begins again" (fun () -> hasBegun 2 run)
        go plan
        await "it completes" (fun () -> state run = RunState.Completed)
        isWhole 2 run)

    slurm "a run on a node that loses its power is executed on another node, from its last step" (fun () ->
        let plan = waiting.Value.Cut
        let run = plan.Runs.Head
        await "it begins again" (fun () -> hasBegun 2 run)
        go plan
        await "it completes" (fun () -> state run = RunState.Completed)
        isWhole 2 run
        must "the nodes" (lines run ".begun" |> List.map (fun line -> (line.Split ' ')[0]) = [ "n4"; "n1" ])
        begun.Value.Tell("start", "n4")
        await "the node is back" (fun () -> asked "sinfo" [ "--nodes=n4"; "--partition=fragile"; "--noheader"; "--format=%T" ] = "idle"))

    slurm "a run whose node's daemon is killed ends where it is, and the task that replaces it waits and executes nothing" (fun () ->
        let _, plan, _ = submitted "orphaned" "0" [] [ "--partition=fragile" ]
        let run = plan.Runs.Head
        await "it begins" (fun () -> (lines run "events").Length = 2)
        begun.Value.Tell("kill", "n4")
        asked "scontrol" [ "update"; "NodeName=n4"; "State=DOWN"; "Reason=killed" ] |> ignore
        await "another node has it" (fun () -> asked "squeue" [ "--partition=fragile"; "--noheader"; "--format=%N %T" ] = "n1 RUNNING")
        go plan
        await "it completes" (fun () -> state run = RunState.Completed)
        await "its task ends" (fun () -> asked "squeue" [ "--partition=fragile"; "--noheader" ] = "")
        isWhole 1 run)

    slurm "while SLURM's controller is down and started again, runs go on, and none is executed twice" (fun () ->
        let folder, plan, numbers = submitted "restarted" "0,1" [] []
        await "they begin" (fun () -> plan.Runs |> List.forall (hasBegun 1))
        // A controller that forgot the job would give its number to the next one, whose tasks the nodes would then refuse.
        let before = DateTime.UtcNow
        asked "scontrol" [ "update"; $"JobId={numbers.Head}"; "Comment=saved" ] |> ignore
        await "it is saved" (fun () -> File.GetLastWriteTimeUtc(Path.Combine(begun.Value.Folder, "state", "job_state")) > before)
        begun.Value.Tell("kill", "controller")
        go plan
        await "they complete" (fun () -> plan.Runs |> List.forall (fun run -> state run = RunState.Completed))
        begun.Value.Tell("start", "controller")
        await "the controller answers" (fun () -> Result.isOk (SlurmQueue.ask "squeue" []))
        let says = (status folder).Head
        must says (says.EndsWith "2 runs: 2 completed")
        plan.Runs |> List.iter (isWhole 1))

    slurm "stop ends the runs of a sweep on all nodes; the same command submits them again, and they go on" (fun () ->
        let folder, plan, _ = submitted "stopped" "0,1,2" [] []
        await "two begin" (fun () -> (plan.Runs |> List.filter (fun run -> (lines run "events").Length = 2)).Length = 2)
        let code, says, complains = told folder [ "stop" ]
        must complains (code = 0 && says.Contains "asked to stop")
        await "they are interrupted" (fun () -> (status folder).Head.EndsWith "3 runs: 3 interrupted")
        go plan
        let again = plan.Runs |> List.map (fun run -> { run with State = state run })
        Slurm.submit (submission folder []) plan.Folder (jobs { plan with Runs = again }) |> ignore
        await "they complete" (fun () -> plan.Runs |> List.forall (fun run -> state run = RunState.Completed))

        for run in plan.Runs do
            let events = lines run "events"
            must $"%A{events}" (events = [ "1"; "2"; "3"; "4" ]))

    slurm
        "before the time limit, a run writes a checkpoint, and its task is queued again and continues it; without one, it has the state timeout"
        (fun () ->
            let heard, (folder, unheard) = waiting.Value.Heard, waiting.Value.Unheard
            await "it begins again" (fun () -> hasBegun 2 heard.Runs.Head)
            go heard
            await "it completes" (fun () -> state heard.Runs.Head = RunState.Completed)
            isWhole 2 heard.Runs.Head
            await "its time is over" (fun () -> (status folder).Head.EndsWith "1 run: 1 timeout")
            must "only timeout" ((selects folder "0" "timeout").Contains "1 timeout")
            must "it was begun again" (hasBegun 1 unheard.Runs.Head && not (hasBegun 2 unheard.Runs.Head)))

    law "the cluster of these laws ends with all its processes" (fun () ->
        if begun.IsValueCreated then
            let folder = begun.Value.Folder
            begun.Value.End()
            must "a process is left" (about folder).IsEmpty
            Directory.Delete(folder, true))
    |> needs lacks
]
