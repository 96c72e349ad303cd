/// Which task of SLURM executes which run. Each submission of a sweep has a numbered folder with tasks.jsonl, a line for each task, and a file
/// job-12.json for each job, whose tasks are some of the lines.
module Ebm.Sweeps.SlurmTasks

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Sweeps.Child
open Ebm.Sweeps.Sentence

/// Where the submissions of a sweep's folder are kept.
let private kept sweep = Launcher.folder "slurm" sweep

/// The folder of the next submission.
let next (sweep: string) : string =
    let all = kept sweep
    let last = if Directory.Exists all then Directory.GetDirectories(all).Length else 0
    Path.Combine(all, (last + 1).ToString("000", CultureInfo.InvariantCulture))

/// The lines of tasks.jsonl with their jobs. Runs of one task are all executed afresh, or all not. Runs that share a training follow each other,
/// so that a task trains once.
let linesOf (runsPerTask: int) (jobs: Job list) : (string * Job list) list = [
    for _, alike in jobs |> List.groupBy _.Work do
        for task in alike |> List.groupBy _.Run.Training |> List.collect snd |> List.chunkBySize runsPerTask ->
            JsonSerializer.Serialize {| runs = [ for job in task -> job.Run.Folder ]; afresh = (task.Head.Work = ExecuteAfresh) |}, task
]

/// The number of a job becomes a file's name, and an argument of sacct and scancel, where other text could be an option.
let isNumber (job: string) = Regex.IsMatch(job, @"\A[0-9]+\z")

/// Records that a job has this many tasks, from a line of tasks.jsonl on.
let note (folder: string) (job: string) (first: int) (count: int) =
    AtomicFile.Write(Path.Combine(folder, $"job-{job}.json"), JsonSerializer.Serialize {| job = job; first = first; count = count |})

type Task = {
    Job: string
    /// The job and the index in its array, such as 12_3.
    Name: string
    Log: string
}

/// The runs of one job with their tasks.
let private ofJob (tasks: string[]) (file: string) : (string * Task) list =
    try
        use json = JsonText.Parse(RegularFile.Text(file, RegularFile.Written))
        let number (name: string) = json.RootElement.GetProperty(name).GetInt32()
        let job = string (json.RootElement.GetProperty("job").GetString())

        if not (isNumber job) then fail (Source.Of file) "" $"the number of a SLURM job must be digits; it is \"{job}\"."

        [
            for i in 0 .. number "count" - 1 do
                use task = JsonText.Parse tasks[number "first" + i]

                for run in task.RootElement.GetProperty("runs").EnumerateArray() do
                    string (Path.GetFileName(string (run.GetString()))),
                    { Job = job; Name = $"{job}_{i}"; Log = Path.Combine(string (Path.GetDirectoryName file), $"{job}_{i}.log") }
        ]
    with
    | :? JsonException
    | :? InvalidOperationException
    | :? FormatException
    | :? IndexOutOfRangeException
    | :? KeyNotFoundException as error ->
        raise (InvalidDataException($"{file}: this is not a submission to SLURM: {error.Message.TrimEnd '.'}.", error))

/// The task of each run of a sweep's folder, by the run's id; a run's last submission counts.
let ofRuns (sweep: string) : Map<string, Task> =
    let all = kept sweep

    if not (Directory.Exists all) then
        Map.empty
    else
        Map.ofList [
            for folder in Directory.GetDirectories all |> Array.sort do
                match Directory.GetFiles(folder, "job-*.json") with
                | [||] -> ()
                | files ->
                    let tasks = Path.Combine(folder, "tasks.jsonl") |> RegularFile.Lines |> Array.ofSeq

                    for file in Array.sort files do
                        yield! ofJob tasks file
        ]
