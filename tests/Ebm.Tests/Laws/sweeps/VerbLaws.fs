/// The verbs of the command line: they select, explain, confirm and index runs, and submit them to a scheduler.
module Ebm.Tests.Laws.VerbLaws

open System
open System.IO
open System.Text.Json
open Argu
open Microsoft.Data.Sqlite
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.Sweeping

/// The options that every verb used here has.
let private told folder (arguments: string list) =
    let runs = [ "--runs"; Path.Combine(folder, "runs") ]

    toldBare (
        arguments
        @ match arguments.Head with
          | "list" -> []
          | "diff" -> runs
          | _ -> runs @ [ "--name"; "laws" ]
    )

let private said folder arguments =
    let code, says, complains = told folder arguments
    must $"exit code {code}: {complains}" (code = 0)
    says

let private ids folder arguments =
    use json = JsonDocument.Parse(said folder ([ "plan"; "--json" ] @ arguments))
    [ for run in json.RootElement.GetProperty("runs").EnumerateArray() -> nonNull (run.GetProperty("id").GetString()) ]

/// Runs with folders of the state completed and a value of one metric, or failed without a value.
let private complete folder arguments (values: float option list) =
    let plan = planned (Path.Combine(folder, "runs")) (typed ("experiment=rings" :: arguments))

    for run, value in Seq.zip plan.Runs values do
        let at = RunFolder.Create(plan.Folder, run.Id, run.Config, run.Hashed)
        let state = if value.IsSome then RunState.Completed else RunState.Failed
        at.Write(
            RunManifest(
                State = state,
                RunId = run.Id,
                GroupId = run.Group,
                SweepId = "laws",
                ConfigSha256 = at.ConfigSha256,
                Seed = run.Spec.Seed
            )
        )
        value |> Option.iter (fun value -> at.Write([ Measurement("grid-kl", value, "nats", Direction.Lower) ]))

    plan

let rec private everything (folder: string) = [
    for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> Array.sort ->
        file, Canonical.Sha256OfFile file, File.GetLastWriteTimeUtc file
]

let private grid = [ "method.steps=2,4"; "seed=0,1,2" ]

// ── A launcher of this assembly, which only writes runs down ────────────────────────────────

type NotebookOption =
    | [<EqualsAssignmentOrSpaced>] Mark of string

    interface IArgParserTemplate with
        member _.Usage = "what to write behind each run"

/// Not a launcher, although it has a property of this name.
type Decoy() =
    member _.launcher = "notebook"

let private notebook (folder: string) = Path.Combine(folder, "notebook")
let private notebookParser = Options.parser<NotebookOption>

let launcher: Launcher.Launcher = {
    Name = "notebook"
    Says = "writes runs down"
    Options = [ notebookParser ]
    Read =
        fun _ arguments ->
            let options, rest = Options.read notebookParser arguments

            let submit _ folder (jobs: Child.Job list) =
                let mark = options.GetResult(<@ Mark @>, "")
                File.WriteAllLines(notebook folder, [ for job in jobs -> $"{job.Run.Id} {mark}" ])
                [ "page 1" ]

            let describe _ _ (jobs: Child.Job list) = [ $"page 1 gets {jobs.Length} lines" ]
            Launcher.Submits { Describe = describe; Submit = submit }, rest
    Told =
        fun folder ->
            Map [
                if File.Exists(notebook folder) then
                    for line in File.ReadAllLines(notebook folder) ->
                        (line.Split ' ')[0],
                        { Task = "1"; Word = "WRITTEN"; Why = None; IsQueued = true; State = Some RunState.Preempted; Log = None }
            ]
    Stop =
        fun folder -> [
            if File.Exists(notebook folder) then
                File.Delete(notebook folder)
                "page 1"
        ]
}

// ── SLURM, replaced by four scripts ──────────────────────────────────────────────────────────

let private program (folder: string) (name: string) (text: string) =
    let path = Path.Combine(folder, name)
    File.WriteAllText(path, "#!/bin/sh\n" + text)
    File.SetUnixFileMode(path, UnixFileMode.UserRead ||| UnixFileMode.UserExecute ||| UnixFileMode.UserWrite)

let private withSlurm (states: string) (holds: string -> unit) =
    inFolder (fun folder ->
        let bin = (Directory.CreateDirectory(Path.Combine(folder, "bin"))).FullName
        File.WriteAllText(Path.Combine(folder, "states"), states)
        let here = "cd -- \"${0%/*}/..\" || exit 1\n"
        program bin "sbatch" (here + "printf '[%s]' \"$@\" >> submitted; echo >> submitted; echo \"4$(wc -l < submitted)\"\n")
        program bin "sacct" (here + "echo asked >> asked; cat states\n")
        program bin "scancel" (here + "echo \"$@\" >> cancelled\n")
        program bin "squeue" "echo squeue is down >&2; exit 1\n"
        program bin "scontrol" "echo 'MaxArraySize            = 2'\n"
        let path = Environment.GetEnvironmentVariable "PATH"
        Environment.SetEnvironmentVariable("PATH", $"{bin}:{path}")

        try
            holds folder
        finally
            Environment.SetEnvironmentVariable("PATH", path))

let private submission folder : Slurm.Submission = {
    Workers = 7
    RunsPerTask = 1
    Options = [ "--partition=night" ]
    Setup = ""
    Container = []
    Runner = "/some where/ebm-runner"
    Arguments = [ "--data"; "/data" ]
}

/// The methods that some words plan under a script's axis of methods; the data are in the plane, so that no files are needed.
let private methodsOf (words: string list) =
    inFolder (fun folder ->
        let sweep = Declare.sweep "laws" |> Declare.given "method=joint-cd,gan"
        let runs = [ "--runs"; Path.Combine(folder, "runs"); "--name"; "laws" ]
        let code, says, complains = toldBy sweep ([ "plan"; "--json"; "data=rings"; "seed=0" ] @ words @ runs)
        must $"exit code {code}: {complains}" (code = 0)
        use json = JsonDocument.Parse says
        [
            for run in json.RootElement.GetProperty("runs").EnumerateArray() ->
                (nonNull (run.GetProperty("id").GetString())).Split("-s0")[0]
        ])

let private yields (words: string list) =
    let found = methodsOf words
    must $"%A{found} are planned" (found = [ "rings-energy-matching" ])

let all = [
    law "an experiment about one method is not crossed with the methods of a script, and a method of the command line is used" (fun () ->
        // Rings have no pictures to read in some way.
        yields [ "experiment=cifar10-energy-matching"; "~data.dequantise"; "~data.flip" ]
        let found = methodsOf [ "experiment=rings" ]
        must $"%A{found} are planned" (found.Length = 2)
        let found = methodsOf [ "method=denoising-score"; "experiment=rings" ]
        must $"%A{found} are planned" (found = [ "rings-denoising-score" ]))
    |> breaks "an experiment that leaves the method open" (fun () -> yields [ "experiment=rings" ])

    law "plan, status, why, diff and list change no file" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder grid [ for i in 0..5 -> Some(float i) ]
            let before = everything folder

            for arguments in
                [
                    "plan" :: grid
                    [ "plan"; "--json" ]
                    [ "status" ]
                    [ "why"; "train.lr" ]
                    [ "diff"; plan.Runs[0].Id; plan.Runs[1].Id ]
                    [ "list"; "method" ]
                ] do
                said folder arguments |> ignore

            let code, _, _ = told folder [ "plan"; "method.stpes=3" ]
            must "a mistake passes" (code = 2)
            must "something was written" (everything folder = before && plan.Runs.Length = 6)))

    law "a metric that no run's metrics declare is refused before anything is started, with the known names and what was meant" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder grid [ for i in 0..5 -> Some(float i) ]
            let before = everything folder

            let refused parts arguments =
                let code, _, complains = told folder arguments
                must $"exit code {code}: {complains}" (code = 2)
                must complains (parts |> List.forall (fun part -> (complains: string).Contains(part: string)))

            let meant = [ "unknown metric grid-lk"; "energy-distance"; "did you mean grid-kl?" ]
            let search = "s=tpe(4, train.lr=log(1e-4,1e-2))"
            refused meant ([ "run"; "--metric"; "grid-lk" ] @ grid)
            refused meant [ "run"; "--metric"; "grid-lk"; search ]
            refused meant ([ "confirm"; "--metric"; "grid-lk" ] @ grid)
            refused meant ([ "run"; "--prune"; "race(grid-lk)" ] @ grid)
            refused [ "energies has no better direction" ] ([ "confirm"; "--metric"; "energies" ] @ grid)
            refused [ "measure.best"; "did you mean grid-kl?" ] ([ "plan"; "measure.best=grid-lk" ] @ grid)
            refused [ "measure.tolerance"; "grid-lk" ] ([ "plan"; "+measure.tolerance.grid-lk.absolute=1" ] @ grid)
            must "something was written" (everything folder = before)

            let declared = Declare.metric "grid-lk" Declare.Lower (typed grid)
            let catalog = Ebm.Runs.Catalog.Load []
            throws<ConfigException, _> [ "unknown metric grid-lk"; "did you mean grid-kl?" ] (fun () ->
                Decides.checkDeclared catalog declared plan)
            throws<ConfigException, _> [ "declared higher"; "says lower" ] (fun () ->
                Decides.checkDeclared catalog (Declare.metric "grid-kl" Declare.Higher (typed grid)) plan)
            Decides.checkDeclared catalog (Declare.metric "nll-validation" Declare.Lower (typed grid)) plan))

    law "list metric prints every value that metrics yield, with its unit, direction and doc" (fun () ->
        let listed = said "" [ "list"; "metric" ]

        for line in
            [
                "  grid-kl  +nats +lower +primary +KL"
                "  auroc/<set>  +probability +higher "
                "  <nll.nll-validation>/ess  +rows +higher +diagnostic "
            ] do
            must $"{line} is not in {listed}" (Text.RegularExpressions.Regex.IsMatch(listed, line)))

    law
        "a sample is the same on every machine, a larger one contains the smaller, and another seed gives another; --first and --grep select runs"
        (fun () ->
            inFolder (fun folder ->
                let all = ids folder grid
                let three = ids folder (grid @ [ "--sample=3" ])
                must "it is not a sample" (three.Length = 3 && List.forall (fun id -> List.contains id all) three)
                must "it differs from itself" (ids folder (grid @ [ "--sample=3" ]) = three)
                must "the larger one lacks some" (Set.isSubset (Set three) (Set(ids folder (grid @ [ "--sample=5" ]))))
                let others = [ for seed in 1..4 -> ids folder (grid @ [ "--sample=3"; $"--sample-seed={seed}" ]) ]
                must "every seed draws the same" (others |> List.exists ((<>) three))
                must "first" (ids folder (grid @ [ "--first=2" ]) = List.truncate 2 all)
                must "grep" ((ids folder (grid @ [ "--grep=method.steps=4" ])).Length = 3)))

    law "--only failed, --only missing and --redo select runs; finished runs are not selected otherwise" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder grid [ Some 0.0; None; Some 1.0; None ]
            let id i = plan.Runs[i].Id
            must "only failed" (ids folder (grid @ [ "--only=failed" ]) = [ id 1; id 3 ])
            must "only missing" (ids folder (grid @ [ "--only=missing" ]) = [ id 4; id 5 ])
            let now = planned (Path.Combine(folder, "runs")) (typed ("experiment=rings" :: grid))
            let redone text = now.Runs |> List.filter (CommandLine.redone text) |> List.map _.Id
            must "a state" (redone "completed" = [ id 0; id 2 ])
            must "an id" (redone (id 3) = [ id 3 ])
            must "an expression" (redone "method.steps == 4 && seed < 2" = [ id 3; id 4 ])))

    law "why <run> prints the origin of each value of the run, and diff prints the differences of two runs" (fun () ->
        inFolder (fun folder ->
            launchedIn folder id [ "train.lr=1e-2"; "seed=0,1" ] (fun _ plan ->
                let id = plan.Runs.Head.Id
                let says = said folder [ "why"; id; "train.lr" ]
                must
                    says
                    (says.Contains "command line, \"train.lr=1e-2\"" && says.Contains "completed" && not (says.Contains "train.batch"))
                let says = said folder [ "why"; id ]
                must says (says.Contains "rings.yaml" && says.Contains "default")
                let says = said folder [ "diff"; plan.Runs[0].Id; plan.Runs[1].Id ]
                let lines = says.Split '\n' |> Array.filter _.StartsWith("seed")
                must says (lines.Length = 1))))

    law "diff prints differences in code, commit, packages, data and machine, and nothing that both runs share" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder [ "seed=0,1" ] [ Some 1.0; Some 1.0 ]

            let made (run: Plan.PlannedRun) commit code cpu package digest threads =
                let at = RunFolder.Open run.Folder
                let entries (pairs: (string * string) list) = readOnlyDict pairs
                at.Write(
                    RunManifest(
                        State = RunState.Completed,
                        RunId = run.Id,
                        GroupId = run.Group,
                        SweepId = "laws",
                        ConfigSha256 = at.ConfigSha256,
                        Git = GitState(commit, "main"),
                        Build = BuildState("Release", "1", Code = entries [ "Ebm.Core", code; "Ebm.Data", "same" ]),
                        Hardware = HardwareState(cpu, 2, 1L),
                        Packages = entries [ "Argu", package ],
                        Threads = ThreadCounts threads,
                        Data = [| DataState("rings", digest) |]
                    )
                )

            made plan.Runs[0] "c0" "k0" "one" "1.0" "d0" 1
            made plan.Runs[1] "c1" "k1" "two" "2.0" "d1" 2
            let says = said folder [ "diff"; plan.Runs[0].Id; plan.Runs[1].Id ]
            let words = says.Split '\n' |> Array.map (fun line -> line.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray)

            for due in
                [
                    [ "seed"; "0"; "1" ]
                    [ "commit"; "c0"; "c1" ]
                    [ "code.Ebm.Core"; "k0"; "k1" ]
                    [ "cpu"; "one"; "two" ]
                    [ "package.Argu"; "1.0"; "2.0" ]
                    [ "data.rings"; "d0"; "d1" ]
                    [ "threads"; "1"; "2" ]
                ] do
                must $"%A{due} is missing in {says}" (words |> Array.contains due)

            must says (not (says.Contains "Ebm.Data"))))

    law "no run starts after --deadline, and the error for an invalid time shows the format" (fun () ->
        inFolder (fun folder ->
            let asked time = told folder [ "run"; "seed=0,1"; $"--deadline={time}"; $"--reports={folder}/reports" ]
            let code, says, _ = asked "2020-01-01T00:00"
            must says (code = 1 && says.Contains "the time limit for starting runs (--max-time) is over; not started: 2 of 2 runs")
            let code, _, complains = asked "soon"
            must complains (code = 2 && complains.Contains "the time must be written like 2026-03-01T08:00")))

    law "confirm selects the best setting without failed seeds, and runs it on seeds that were not used for the choice" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder grid [ Some 3.0; Some 3.0; Some 3.0; Some 1.0; Some 1.0; None ]
            let value (run: Plan.PlannedRun) = Prune.finalValue "grid-kl" run.Folder
            let winners = Confirm.winners 1 [ for run in plan.Runs -> run, value run ]
            must "another winner" ((winners |> List.map (fun runs -> runs.Head.Config.Integer "method.steps")) = [ 2L ])
            let seeds = Confirm.freshSeeds 4 plan.Runs
            must $"%A{seeds}" (seeds = [ 3L; 4L; 5L; 6L ])
            let again = planned (Path.Combine(folder, "runs")) (Confirm.sweep "laws" seeds winners)
            let found = [ for run in again.Runs -> run.Config.Integer "method.steps", run.Spec.Seed ]
            must $"%A{found}" (found = [ for seed in seeds -> 2L, seed ])))
    |> breaks "a setting that failed counts by the seeds that it has" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder grid [ Some 3.0; Some 3.0; Some 3.0; Some 1.0; Some 1.0; Some 1.0 ]
            let winners = Confirm.winners 1 [ for run in plan.Runs -> run, Prune.finalValue "grid-kl" run.Folder ]
            must "" (winners.Head.Head.Config.Integer "method.steps" = 2L)))

    law "every option belongs to a verb, and the options of every verb exist" (fun () ->
        let options =
            [
                for case in CommandLine.parser.GetArgumentCases() do
                    yield! case.CommandLineNames.Value
            ]
            |> List.filter ((<>) "--help")
        let taken = CommandLine.verbs |> List.collect (fst >> CommandLine.allowed) |> List.distinct
        must $"%A{List.except taken options} belong to no verb" (List.except taken options = [])
        must $"%A{List.except options taken} do not exist" (List.except options taken = []))

    law "a plan is recorded once; a table counts its missing runs and uses the declared baseline" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder [ "seed=0,1,2"; "method=joint-cd,flow" ] (List.replicate 6 (Some 1.0))
            let planned: Plans.Plan = {
                Overrides = [ [ "seed=0,1,2"; "method=joint-cd,flow" ] ]
                Metric = Some "grid-kl"
                Baseline = [ "method.kind", "flow" ]
                Runs = plan.Runs |> List.map _.Id
                Trainings = [ for run in plan.Runs -> run.Training ]
            }

            Plans.note ignore plan.Folder { planned with Runs = List.truncate 2 planned.Runs }
            Plans.note ignore plan.Folder planned
            Plans.note ignore plan.Folder planned
            must "another plan is read" (Plans.read plan.Folder = [ { planned with Runs = List.truncate 2 planned.Runs }; planned ])
            let table () = Ebm.Tests.RunFolders.ofSweep plan.Folder (Path.Combine(folder, "reports")) |> fst |> Option.get
            let counts () = (table ()).Counts.Planned, (table ()).Counts.Missing
            must $"{counts ()}" (counts () = (6, 0))
            Directory.Delete(plan.Runs.Head.Folder, true)
            must $"{counts ()}" (counts () = (6, 1))
            must "no baseline" ((table ()).Options.Baseline = planned.Baseline)
            File.AppendAllText(Path.Combine(plan.Folder, "plans.jsonl"), "{\"overrides\": 3")
            throws<InvalidDataException, _> [ "plans.jsonl, line 3" ] (fun () -> Plans.read plan.Folder)))

    law "the index depends only on the folders: rebuilt after deletion it has the same rows, and SQL reads it" (fun () ->
        inFolder (fun folder ->
            complete folder grid [ Some 0.0; Some 1.0; None; Some 3.0; Some 4.0; Some nan ] |> ignore
            let runs = Path.Combine(folder, "runs")

            let asked (sql: string) =
                let file = Path.Combine(runs, "index.db")
                use connection = new SqliteConnection($"Data Source={file};Pooling=False;Mode=ReadOnly")
                connection.Open()
                use command = connection.CreateCommand()
                command.CommandText <- sql
                use reader = command.ExecuteReader()
                [
                    while reader.Read() do
                        [ for i in 0 .. reader.FieldCount - 1 -> string (reader.GetValue i) ]
                ]

            let all () = [ for table in [ "runs"; "settings"; "metrics" ] -> asked $"select * from {table} order by 1, 2" ]
            must "the count" (Index.rebuild runs = (Path.Combine(runs, "index.db"), 6))
            let before = all ()
            File.Delete(Path.Combine(runs, "index.db"))
            Index.rebuild runs |> ignore
            must "another index" (all () = before)
            let mean =
                asked
                    "select s.value, avg(m.value), count(*) from metrics m join settings s using (run) where s.key = 'method.steps' group by 1"
            must $"%A{mean}" (mean = [ [ "2"; "0.5"; "2" ]; [ "4"; "3.5"; "3" ] ])))

    law
        "SLURM gets an array of tasks with a signal before the time limit, in parts within its limit, and only runs that are not queued"
        (fun () ->
            withSlurm "41_[0]|PENDING|Priority\n41_1|OUT_OF_MEMORY|None\n42|RUNNING|Priority\n" (fun folder ->
                let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "seed=0,1,2" ])
                let numbers = Slurm.submit (submission folder) plan.Folder (jobs plan)
                must $"%A{numbers}" (numbers = [ "41"; "42" ])
                let _, skipped = Runs.underAll [ plan.Folder ]
                must $"%A{skipped}" (skipped |> List.forall _.IsRun)
                let submitted = File.ReadAllLines(Path.Combine(folder, "submitted"))
                let part = Path.Combine(plan.Folder, "launches", "slurm", "001")
                let script = File.ReadAllText(Path.Combine(part, "submit.sbatch"))

                for due in [ "--signal=B:USR1@120"; "--requeue"; "--open-mode=append" ] do
                    must $"{due} is missing in {script}" (script.Contains due)

                for due in
                    [
                        "[--parsable][--hold][--job-name=laws][--array=0-1%7]"
                        $"[--output={part}/%%A_%%a.log][--partition=night]"
                        $"[{part}/submit.sbatch][0][][/some where/ebm-runner][task][--data][/data][{part}/tasks.jsonl]"
                    ] do
                    must $"{due} is missing in %A{submitted}" (submitted[0].Contains due)

                must submitted[1] (submitted[1].Contains $"[{part}/submit.sbatch][2][][/some where/ebm-runner]")
                let tasks = File.ReadAllLines(Path.Combine(plan.Folder, "launches", "slurm", "001", "tasks.jsonl"))
                must "a line a task" (tasks.Length = 3 && tasks[2].Contains plan.Runs[2].Id)
                let told = Slurm.told plan.Folder
                must "sacct was asked more than once" (File.ReadAllLines(Path.Combine(folder, "asked")).Length = 1)
                let of' i = told[plan.Runs[i].Id]
                must $"%A{told}" ((of' 0).IsQueued && (of' 1).State = Some RunState.Failed && (of' 2).IsQueued)
                must $"%A{told}" ((of' 0).Why = Some "Priority" && (of' 1).Why = None && (of' 2).Why = None)

                for run in plan.Runs do
                    must "it is not pending" (fst (Plan.stateOf run.Folder) = RunState.Pending)))

    law "SLURM's states are mapped to run states, and the state in the folder of a settled run wins" (fun () ->
        for says, due in
            [
                "TIMEOUT", Some RunState.Timeout
                "PREEMPTED", Some RunState.Preempted
                "NODE_FAIL", Some RunState.Lost
                "CANCELLED", Some RunState.Interrupted
                "OUT_OF_MEMORY", Some RunState.Failed
                "RUNNING", Some RunState.Pending
                "COMPLETED", None
            ] do
            must says (SlurmQueue.meaning says = due)

        withSlurm "41_0|PENDING\n41_1|TIMEOUT\n42_0|TIMEOUT\n" (fun folder ->
            let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "seed=0,1,2" ])
            Slurm.submit (submission folder) plan.Folder (jobs plan) |> ignore
            let at = RunFolder.Open plan.Runs[2].Folder
            at.Write((nonNull at.Manifest).Ended(RunState.Completed, 3L, "done"))
            let first = (Status.lines plan.Folder).Head
            must first (first.EndsWith "3 runs: 1 pending, 1 completed, 1 timeout")))

    law
        "an option of the group launcher has the words of sbatch; --dry-run prints its submission, and devices are not looked for"
        (fun () ->
            withSlurm "" (fun folder ->
                let configs = Path.Combine(folder, "experiments", "configs")
                must "cp" (ends "cp" [ "-r"; under "experiments"; folder ] = 0)
                let setup, ours = Path.Combine(folder, "modules.sh"), Path.Combine(configs, "launcher", "ours.yaml")
                File.WriteAllText(setup, "module load cuda\n")

                let asked (text: string) (further: string list) =
                    File.WriteAllText(ours, text)
                    let words = [
                        "run"
                        "experiment=rings"
                        "method=joint-cd"
                        "device=cuda:7"
                        "seed=seeds(3)"
                        "--dry-run"
                        "--launcher=ours"
                    ]
                    let sweep = Declare.sweep "laws"
                    toldAt (Path.Combine(folder, "experiments")) sweep (words @ [ "--runs"; Path.Combine(folder, "runs") ] @ further)

                let lines = [
                    "kind: slurm"
                    "partition: gpu"
                    "account: energy"
                    "qos: normal"
                    "gres: gpu:1"
                    "mem: 16G"
                    "time: 4:00:00"
                    "exclusive: true"
                    "at-once: 5"
                    "runs-per-task: 2"
                    $"setup: {setup}"
                    "container: lab.sif"
                    "container-options: [ --nv ]"
                ]
                let code, says, complains = asked (String.Join('\n', lines)) [ "--slurm"; "--nice" ]
                must $"{code} {complains}" (code = 0)

                for due in
                    [
                        "To submit: 3 runs in 2 tasks."
                        "--array=0-1%5"
                        "--partition=gpu --account=energy --qos=normal --gres=gpu:1 --mem=16G --time=4:00:00 --exclusive --nice"
                        $"{setup} apptainer exec --bind={folder}/runs,"
                        " --nv lab.sif "
                        "SLURM accepts these options"
                    ] do
                    must $"{due} is missing in {says}" (says.Contains due)

                must "it was submitted" (not ((File.ReadAllText(Path.Combine(folder, "submitted"))).Contains "--hold"))
                must "runs were prepared" (not (Directory.Exists(Path.Combine(folder, "runs", "laws"))))
                let _, says, _ = asked "kind: slurm\nmem: 1G" [ "--runs-per-task=1"; "--workers=9"; "--memory=2" ]
                must says (says.Contains "--array=0-1%9" && says.Contains "--mem=1G --mem=2048M")

                for text, due in
                    [
                        "kind: slurm\npartiton: gpu", "ours.yaml, line 2, partiton: unknown key partiton (did you mean partition?)"
                        "kind: slrum", "Unknown launcher \"slrum\""
                        "kind: slurm\nat-once: 0", "count from 1"
                        "kind: slurm\ntime: [ 1 ]", "line 2, time"
                        "kind: slurm\nsetup: nowhere.sh", "nowhere.sh"
                        "kind: local\nmem: 1G", "local has no settings"
                        "mem: 1G", "kind"
                    ] do
                    let code, _, complains = asked text []
                    must $"{text}: {code} {complains}" (code = 2 && complains.Contains due)

                let code, _, complains = asked "kind: slurm" [ "--retry=2" ]
                must complains (code = 2 && complains.Contains "--retry has no effect on runs that slurm executes")
                let code, _, complains = toldBare [ "plan"; "launcher=ours"; "--runs"; Path.Combine(folder, "runs") ]
                must complains (code = 2 && complains.Contains "--launcher ours")))

    law "stop without a name stops nothing and names what is running; with a name it prints the command that continues the sweep" (fun () ->
        inFolder (fun folder ->
            let runs = Path.Combine(folder, "runs")
            let laws = Path.Combine(runs, "laws")
            let asked words = toldBare ([ "stop" ] @ words @ [ "--runs"; runs ])
            Directory.CreateDirectory laws |> ignore
            let code, _, complains = asked []
            must complains (code = 2 && complains.Contains "no sweep is running")
            use _ = Hold.take laws Hold.Whole
            let plan: Plans.Plan = {
                Overrides = [ [ "experiment=rings"; "method=gan, flow" ] ]
                Metric = None
                Baseline = []
                Runs = []
                Trainings = []
            }
            Plans.note ignore laws plan
            let code, _, complains = asked []
            must complains (code = 2 && complains.Contains "write stop laws")
            must "it is stopped" (not (File.Exists(Path.Combine(laws, "sweep.stop"))))
            let code, says, complains = asked [ "laws" ]
            must complains (code = 0 && says.Contains "will stop as soon as")
            must says (says.Contains "To continue it, write: run 'method=gan, flow' --name laws")))

    law "stop cancels the SLURM jobs that still have a run of the sweep, and no others" (fun () ->
        withSlurm "41_0|COMPLETED\n41_1|OUT_OF_MEMORY\n42_0|RUNNING\n" (fun folder ->
            let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "seed=0,1,2" ])
            Slurm.submit (submission folder) plan.Folder (jobs plan) |> ignore
            let code, says, complains = toldBare [ "stop"; string (Path.GetFileName plan.Folder); "--runs"; Path.Combine(folder, "runs") ]
            must complains (code = 0 && says.Contains "42 are asked to stop")
            must "others are cancelled" (File.ReadAllText(Path.Combine(folder, "cancelled")).Trim() = "42")))

    law "a job's number in a sweep's folder that is not a number reaches no SLURM command" (fun () ->
        withSlurm "41_0|RUNNING\n41_1|RUNNING\n42_0|RUNNING\n" (fun folder ->
            let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "seed=0,1,2" ])
            Slurm.submit (submission folder) plan.Folder (jobs plan) |> ignore
            let kept = Path.Combine(plan.Folder, "launches", "slurm", "001")
            let file = (Directory.GetFiles(kept, "job-*.json"))[0]

            for forged in [ "--user=me"; "41 --user=me"; "41\n"; ""; "41,42" ] do
                File.WriteAllText(file, JsonSerializer.Serialize {| job = forged; first = 0; count = 1 |})
                let code, _, complains =
                    toldBare [ "stop"; string (Path.GetFileName plan.Folder); "--runs"; Path.Combine(folder, "runs") ]
                must $"{forged}: {code} {complains}" (code = 2 && complains.Contains "must be digits" && complains.Contains file)
                must $"{forged} cancelled" (not (File.Exists(Path.Combine(folder, "cancelled"))))))

    law "a launcher that another assembly has is found by its name, takes its own options, and tells and stops what it was given" (fun () ->
        inFolder (fun folder ->
            let asked further = told folder ([ "run"; "seed=0,1"; $"--reports={folder}/reports" ] @ further)
            let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "seed=0,1" ])
            let laws = Path.Combine(folder, "runs", "laws")
            let code, says, complains = asked [ "--launcher=notebook"; "--mark"; "x" ]
            must complains (code = 0 && says.Contains "Submitted 2 runs as page 1")
            must "they are not written down" (List.ofArray (File.ReadAllLines(notebook laws)) = [ for run in plan.Runs -> run.Id + " x" ])
            let _, says, _ = asked [ "--launcher=notebook" ]
            must says (says.Contains "Already in the queue of notebook: 2 runs")
            must "help does not name it" ((said folder [ "help"; "run" ]).Contains "  notebook ")
            must "stop" ((said folder [ "stop" ]).Contains "page 1 are asked to stop" && not (File.Exists(notebook laws)))
            let code, _, complains = asked [ "--mark=x" ]
            must complains (code = 2 && complains.Contains "Unknown option --mark")
            let code, _, complains = asked [ "--launcher=notebok" ]
            let known = String.concat ", " [ for launcher in Launcher.all () -> launcher.Name ]
            let due = $"Unknown launcher \"notebok\". Known launchers: {known} (did you mean notebook?)."
            must complains (code = 2 && known.Contains "notebook" && complains.Contains due)))
]
