/// Executes runs with SLURM: an array of tasks, each of which executes one run, or a few, with the compiled runner. No process of the sweep
/// has to wait; the folders, on a file system that all nodes see, have the outcome of each run.
module Ebm.Sweeps.Slurm

open System
open System.IO
open System.Text.RegularExpressions
open Argu
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.Child
open Ebm.Sweeps.Cluster
open Ebm.Sweeps.Launch
open Ebm.Sweeps.Launcher
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.SlurmQueue

type Submission = {
    /// Tasks at the same time.
    Workers: int
    RunsPerTask: int
    /// Further options of sbatch.
    Options: string list
    /// A shell file that each task reads first; "" for none.
    Setup: string
    /// The words before the runner that start it in a container.
    Container: string list
    Runner: string
    Arguments: string list
}

/// The script of every submission.
let script: string =
    use stream = nonNull (typeof<Submission>.Assembly.GetManifestResourceStream "submit.sbatch")
    use reader = new StreamReader(stream)
    reader.ReadToEnd()

let private refuse says : 'a = fail (Source.CommandLine "--launcher slurm") "" says

/// The largest array that this cluster accepts.
let private largest () =
    match ask "scontrol" [ "show"; "config" ] with
    | Ok config ->
        let found = Regex.Match(config, @"MaxArraySize\s*=\s*(\d+)")
        // It is one more than the greatest index.
        if found.Success then max 1 (int found.Groups[1].Value) else 1000
    | Error _ -> 1000

/// The parts of a submission, one job each: the first line of its tasks, and their number.
let private parts (tasks: int) =
    let largest = largest ()
    [ for first in 0..largest .. tasks - 1 -> first, min largest (tasks - first) ]

/// The arguments of sbatch for one part. `folder` is the submission's.
let private arguments (submission: Submission) (folder: string) (sweep: string) (jobs: Job list) (first: int, count: int) = [
    $"--job-name={Path.GetFileName sweep}"
    $"--array=0-{count - 1}%%{submission.Workers}"
    $"--cpus-per-task={jobs |> List.map _.Run.Spec.Threads |> List.max}"
    match jobs |> List.map _.Run.Spec.Train.Ranks |> List.max with
    | 1 -> ()
    | ranks -> $"--ntasks={ranks}"
    // sbatch replaces %A and %a, so a percent sign of the path is doubled.
    "--output=" + Path.Combine(folder.Replace("%", "%%"), "%A_%a.log")
    yield! submission.Options
    Path.Combine(folder, "submit.sbatch")
    string first
    submission.Setup
    yield! submission.Container
    submission.Runner
    "task"
    yield! submission.Arguments
    Path.Combine(folder, "tasks.jsonl")
]

/// The lines that describe a submission: the commands, the options in the script, and SLURM's own estimate, if it is installed here.
let describe (submission: Submission) (sweep: string) (jobs: Job list) : string list =
    let folder = SlurmTasks.next sweep
    let tasks = SlurmTasks.linesOf submission.RunsPerTask jobs
    let own = arguments submission folder sweep jobs
    let quoted (word: string) = if Regex.IsMatch(word, @"\A[\w=.,/:+%@~-]+\z") then word else "'" + word.Replace("'", @"'\''") + "'"
    let fixed' = [
        for line in script.Split '\n' do
            if line.StartsWith "#SBATCH " then line.Substring 8
    ]

    [
        $"""To submit: {Ebm.Analysis.Text.counted jobs.Length "run"} in {Ebm.Analysis.Text.counted tasks.Length "task"}. Its script, submit.sbatch, asks for {String.Join(' ', fixed')}."""
        for part in parts tasks.Length do
            String.Join(' ', "sbatch" :: List.map quoted (own part))
        if not tasks.IsEmpty then
            let trial = Path.GetTempFileName()

            try
                File.WriteAllText(trial, script)
                let options = own (List.head (parts tasks.Length)) |> List.takeWhile (fun word -> word.StartsWith "--")

                match ask "sbatch" ("--test-only" :: options @ [ trial ]) with
                | Ok _ -> "SLURM accepts these options."
                | Error says -> $"SLURM was asked whether it accepts these options: {says}"
            finally
                File.Delete trial
    ]

/// Writes the tasks and the script, submits them, and returns the jobs' numbers. The runs wait as pending.
let submit (submission: Submission) (sweep: string) (jobs: Job list) : string list =
    // Runs that are queued would otherwise be submitted twice.
    reports sweep
    |> Result.defaultWith (fun why -> refuse $"SLURM does not say which runs of {sweep} are queued, so none is submitted: {why}.")
    |> ignore

    let folder = SlurmTasks.next sweep
    Directory.CreateDirectory folder |> ignore
    let tasks = SlurmTasks.linesOf submission.RunsPerTask jobs
    AtomicFile.Write(Path.Combine(folder, "submit.sbatch"), script)
    AtomicFile.Write(Path.Combine(folder, "tasks.jsonl"), tasks |> List.map (fun (line, _) -> line + "\n") |> String.concat "")

    let submitPart (before: string list) part =
        let first, count = part

        let sofar =
            if before.IsEmpty then
                "none of its runs were submitted"
            else
                $"""its first {Ebm.Analysis.Text.counted first "task"} were submitted as {listed (List.rev before)}"""

        // Held until the runs' folders are prepared, because a task may start at once.
        match ask "sbatch" ("--parsable" :: "--hold" :: arguments submission folder sweep jobs part) with
        | Error why -> refuse $"sbatch refused the script of {folder}, and {sofar}: {why}."
        | Ok says ->
            let job = (says.Trim().Split ';')[0]
            if not (SlurmTasks.isNumber job) then refuse $"sbatch named no job: it printed \"{says.Trim()}\"."
            SlurmTasks.note folder job first count

            try
                for _, jobs in List.skip first tasks |> List.truncate count do
                    for job in jobs do
                        Child.enroll job
            with _ ->
                ask "scancel" [ job ] |> ignore
                reraise ()

            match ask "scontrol" [ "release"; job ] with
            | Ok _ -> job :: before
            | Error why -> refuse $"job {job} is held, because scontrol did not release it: {why}. Write: scontrol release {job}"

    parts tasks.Length |> List.fold submitPart [] |> List.rev

/// SLURM's report on each submitted run; none if SLURM does not answer.
let told (sweep: string) : Map<string, Told> = reports sweep |> Result.defaultValue Map.empty

/// Cancels each job that has a queued run. SLURM sends SIGTERM to running runs, which then write checkpoints.
let private stop (sweep: string) : string list =
    let why says : 'a = fail (Source.CommandLine "stop") "" says
    let told = reports sweep |> Result.defaultWith (fun says -> why $"SLURM does not say which runs are queued: {says}.")

    let jobs = List.ofSeq told.Values |> List.filter _.IsQueued |> List.map (fun told -> (told.Task.Split '_')[0]) |> List.distinct

    if not jobs.IsEmpty then ask "scancel" jobs |> Result.defaultWith (fun says -> why $"scancel failed: {says}.") |> ignore

    jobs

type Option =
    | [<EqualsAssignmentOrSpaced>] Slurm of options: string
    | [<EqualsAssignmentOrSpaced>] Runs_Per_Task of int

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Slurm _ -> "further options of sbatch: --slurm \"--partition=gpu --time=2:00:00\""
            | Runs_Per_Task _ -> "runs of one task, one after the other (1)"

let private parser = Options.parser<Option>

/// The words that start the runner in the cluster's container, which sees the folders of the runs, the code and the data.
let private within (cluster: Cluster) (settings: Settings) (sweep: string) : string list =
    match cluster.Container with
    | None -> []
    | Some image ->
        let rec files words =
            match words with
            | "--data" :: folder :: rest -> folder :: files rest
            | "--with" :: assembly :: rest -> string (Path.GetDirectoryName assembly) :: files rest
            | _ :: rest -> files rest
            | [] -> []

        let seen =
            string (Path.GetDirectoryName sweep) :: string (Path.GetDirectoryName settings.Runner) :: files settings.Arguments
            |> List.distinct

        match seen |> List.tryFind (fun folder -> folder.IndexOfAny [| ','; ':' |] >= 0) with
        | Some folder -> refuse $"a folder that a container sees has no comma or colon in its path; {folder} has."
        | None -> ()

        [ "apptainer"; "exec"; $"""--bind={String.Join(',', seen)}"""; yield! cluster.ContainerOptions; image ]

let launcher = {
    Name = "slurm"
    Says = "a SLURM job array; --workers tasks run at the same time (256)"
    Options = [ parser ]
    Read =
        fun written arguments ->
            let cluster = written |> Option.map Cluster.read |> Option.defaultValue Cluster.nothing
            let options, rest = Options.read parser arguments

            // Checked here, so that --dry-run refuses it, too.
            let runsPerTask =
                options.TryGetResult <@ Runs_Per_Task @>
                |> Option.map (Options.counted "--runs-per-task")
                |> Option.orElse cluster.RunsPerTask
                |> Option.defaultValue 1

            let further = options.GetResult(<@ Slurm @>, "").Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

            let submission (settings: Settings) (sweep: string) = {
                Workers = settings.Wanted |> Option.orElse cluster.AtOnce |> Option.defaultValue 256
                RunsPerTask = runsPerTask
                Options = [
                    yield! cluster.Sbatch
                    match settings.Memory with
                    | Some bytes -> $"--mem={max 1L (bytes >>> 20)}M"
                    | None -> ()
                    yield! further
                ]
                Setup =
                    match cluster.Setup with
                    | Some file when File.Exists file -> Path.GetFullPath file
                    | Some file -> refuse $"the file {file}, which prepares the nodes, does not exist."
                    | None -> ""
                Container = within cluster settings sweep
                Runner = settings.Runner
                Arguments = settings.Arguments
            }

            Submits {
                Describe = fun settings sweep jobs -> describe (submission settings sweep) sweep jobs
                Submit =
                    fun settings sweep jobs ->
                        let submission = submission settings sweep
                        submit { submission with Arguments = submission.Arguments @ settings.Executing() } sweep jobs
            },
            rest
    Told = told
    Stop = stop
}
