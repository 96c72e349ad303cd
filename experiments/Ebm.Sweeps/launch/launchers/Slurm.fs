/// Executes runs with SLURM: an array of tasks, each of which executes one run, or a few, with the compiled runner. No process of the sweep
/// has to wait; the folders, on a file system that all nodes see, have the outcome of each run.
module Ebm.Sweeps.Slurm

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Argu
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.Child
open Ebm.Sweeps.Launch
open Ebm.Sweeps.Launcher
open Ebm.Sweeps.Sentence

type Submission = {
    /// Tasks at the same time.
    Workers: int
    RunsPerTask: int
    /// Further options of sbatch.
    Options: string
    Runner: string
    Arguments: string list
}

/// Where the submissions of a sweep's folder are kept, each in a numbered folder.
let private kept sweep = folder "slurm" sweep

let private ask (program: string) (arguments: string list) =
    try
        use asked =
            nonNull (Process.Start(ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true)))

        let errors = asked.StandardError.ReadToEndAsync()
        let says = asked.StandardOutput.ReadToEnd()
        asked.WaitForExit()
        if asked.ExitCode = 0 then Ok says else Error(errors.Result.Trim())
    with :? ComponentModel.Win32Exception ->
        Error $"{program} is not installed"

/// The largest array that this cluster accepts.
let private largest () =
    match ask "scontrol" [ "show"; "config" ] with
    | Ok config ->
        let found = Regex.Match(config, @"MaxArraySize\s*=\s*(\d+)")
        if found.Success then max 1 (int found.Groups[1].Value - 1) else 1000
    | Error _ -> 1000

/// The script of every submission.
let script: string =
    use stream = nonNull (typeof<Submission>.Assembly.GetManifestResourceStream "submit.sbatch")
    use reader = new StreamReader(stream)
    reader.ReadToEnd()

/// The number of a job becomes a file's name, and an argument of sacct and scancel, where other text could be an option.
let private isNumber (job: string) = Regex.IsMatch(job, @"\A[0-9]+\z")

/// Writes the tasks and the script, submits them, and returns the jobs' numbers. The runs wait as pending.
let submit (submission: Submission) (sweep: string) (jobs: Job list) : string list =
    let folder =
        let all = kept sweep
        let last = if Directory.Exists all then Directory.GetDirectories(all).Length else 0
        (Directory.CreateDirectory(Path.Combine(all, (last + 1).ToString("000", CultureInfo.InvariantCulture)))).FullName

    let tasks = jobs |> List.chunkBySize submission.RunsPerTask
    let lines = [
        for task in tasks ->
            JsonSerializer.Serialize {| runs = [ for job in task -> job.Run.Folder ]; afresh = (task.Head.Work = ExecuteAfresh) |}
    ]
    let text = lines |> List.map (fun line -> line + "\n") |> String.concat ""
    let path, tasksFile = Path.Combine(folder, "submit.sbatch"), Path.Combine(folder, "tasks.jsonl")
    AtomicFile.Write(path, script)
    AtomicFile.Write(tasksFile, text)
    let threads = jobs |> List.map _.Run.Spec.Threads |> List.max

    [
        for first in 0 .. largest () .. tasks.Length - 1 do
            let count = min (largest ()) (tasks.Length - first)

            let own = [
                "--parsable"
                $"--job-name={Path.GetFileName sweep}"
                $"--array=0-{count - 1}%%{submission.Workers}"
                $"--cpus-per-task={threads}"
                // sbatch replaces %A and %a, so a percent sign of the path is doubled.
                "--output=" + Path.Combine(folder.Replace("%", "%%"), "%A_%a.log")
            ]

            let options = submission.Options.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

            match ask "sbatch" (own @ options @ [ path; submission.Runner; tasksFile; string first ] @ submission.Arguments) with
            | Ok says ->
                let job = (says.Trim().Split ';')[0]
                if not (isNumber job) then
                    fail (Source.CommandLine "--launcher slurm") "" $"sbatch named no job: it printed \"{says.Trim()}\"."
                AtomicFile.Write(
                    Path.Combine(folder, $"job-{job}.json"),
                    JsonSerializer.Serialize {| job = job; first = first; count = count |}
                )

                for task in List.skip first tasks |> List.truncate count do
                    for job in task do
                        Child.enroll job

                job
            | Error why ->
                fail
                    (Source.CommandLine "--launcher slurm")
                    ""
                    $"sbatch refused the script {path}, and none of its runs were submitted: {why}."
    ]

/// The runs of one submission with their tasks, such as 12_3.
let private submitted (tasks: string[]) (file: string) : (string * string) list =
    try
        use json = JsonText.Parse(RegularFile.Text(file, RegularFile.Written))
        let number (name: string) = json.RootElement.GetProperty(name).GetInt32()
        let job = string (json.RootElement.GetProperty("job").GetString())

        // It becomes an argument of sacct and scancel, where other text could be an option.
        if not (isNumber job) then fail (Source.Of file) "" $"the number of a SLURM job must be digits; it is \"{job}\"."

        [
            for i in 0 .. number "count" - 1 do
                use task = JsonText.Parse tasks[number "first" + i]

                for run in task.RootElement.GetProperty("runs").EnumerateArray() do
                    $"{job}_{i}", string (Path.GetFileName(string (run.GetString())))
        ]
    with
    | :? JsonException
    | :? InvalidOperationException
    | :? FormatException
    | :? IndexOutOfRangeException
    | :? Collections.Generic.KeyNotFoundException as error ->
        raise (InvalidDataException($"{file}: this is not a submission to SLURM: {error.Message.TrimEnd '.'}.", error))

/// The task of each run; the last submission of a run counts.
let private given (sweep: string) : (string * string) list =
    let all = kept sweep

    if not (Directory.Exists all) then
        []
    else
        [
            for folder in Directory.GetDirectories all |> Array.sort do
                let tasks = Path.Combine(folder, "tasks.jsonl") |> RegularFile.Lines |> Array.ofSeq

                for file in Directory.GetFiles(folder, "job-*.json") |> Array.sort do
                    yield! submitted tasks file
        ]

let private jobOf (task: string) = (task.Split '_')[0]

let private queued = [ "PENDING"; "RUNNING"; "REQUEUED"; "RESIZING"; "SUSPENDED"; "CONFIGURING"; "COMPLETING" ]

/// SLURM's word for a task. The state that it implies is used if SLURM ended the process before it could write one.
let tell (task: string) (word: string) : Told = {
    Task = task
    Word = word
    IsQueued = List.contains word queued
    State =
        match word with
        | "OUT_OF_MEMORY"
        | "FAILED"
        | "BOOT_FAIL" -> Some RunState.Failed
        | "TIMEOUT"
        | "DEADLINE" -> Some RunState.Timeout
        | "PREEMPTED" -> Some RunState.Preempted
        | "NODE_FAIL" -> Some RunState.Lost
        | "CANCELLED" -> Some RunState.Interrupted
        | _ -> None
}

/// SLURM's report on each submitted run, with one query for all jobs of the sweep.
let told (sweep: string) : Map<string, Told> =
    match given sweep with
    | [] -> Map.empty
    | given ->
        let jobs = given |> List.map (fst >> jobOf) |> List.distinct |> String.concat ","

        match ask "sacct" [ "-j"; jobs; "--parsable2"; "--noheader"; "--format=JobID,State" ] with
        | Error _ -> Map.empty
        | Ok lines ->
            let words =
                Map.ofList [
                    for line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                        match line.Split '|' with
                        | [| task; word |] when not (task.Contains '.') -> task, (word.Split ' ')[0]
                        | _ -> ()
                ]

            // An array that has not started has one line, 12_[0-4].
            let wordOf (task: string) =
                words.TryFind task
                |> Option.orElseWith (fun () ->
                    words |> Map.tryPick (fun known word -> if known.StartsWith(jobOf task + "_[") then Some word else None))

            Map.ofList [
                for task, run in given do
                    match wordOf task with
                    | Some word -> run, tell task word
                    | None -> ()
            ]

/// Cancels each job that has a queued run. SLURM sends SIGTERM to running runs, which then write checkpoints.
let private stop (sweep: string) : string list =
    let told = told sweep

    let jobs =
        given sweep
        |> List.filter (fun (task, run) -> told.TryFind run |> Option.exists (fun told -> told.IsQueued && told.Task = task))
        |> List.map (fst >> jobOf)
        |> List.distinct

    if not jobs.IsEmpty then
        ask "scancel" jobs |> Result.defaultWith (fun why -> fail (Source.CommandLine "stop") "" $"scancel failed: {why}.") |> ignore

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

let launcher = {
    Name = "slurm"
    Says = "a SLURM job array; --workers tasks run at the same time (256)"
    Options = [ parser ]
    Read =
        fun arguments ->
            let options, rest = Options.read parser arguments

            // Checked here, so that --dry-run refuses it, too.
            let runsPerTask = options.GetResult(<@ Runs_Per_Task @>, 1) |> Options.counted "--runs-per-task"

            let submission (settings: Settings) = {
                Workers = settings.Wanted |> Option.defaultValue 256
                RunsPerTask = runsPerTask
                Options = options.GetResult(<@ Slurm @>, "")
                Runner = settings.Runner
                Arguments = settings.Arguments @ settings.Executing()
            }

            Submits(submission >> submit), rest
    Told = told
    Stop = stop
}
