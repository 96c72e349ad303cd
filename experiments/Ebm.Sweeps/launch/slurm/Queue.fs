/// What SLURM says of tasks, with one call for all of them: the accounting, which also knows tasks that ended long ago. The queue is asked on
/// clusters without accounting, and for a task that the accounting does not know yet.
module Ebm.Sweeps.SlurmQueue

open System
open System.Diagnostics
open Ebm.Records
open Ebm.Sweeps.Launcher

/// SLURM retries for long while its daemons are down.
let private patience = TimeSpan.FromSeconds 30.0

/// The output of a program of SLURM, or why there is none.
let ask (program: string) (arguments: string list) : Result<string, string> =
    try
        let start = ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true)
        use asked = nonNull (Process.Start start)
        let errors = asked.StandardError.ReadToEndAsync()
        let says = asked.StandardOutput.ReadToEndAsync()

        if not (asked.WaitForExit patience) then
            asked.Kill()
            Error $"{program} did not answer within {patience.TotalSeconds} s"
        elif asked.ExitCode = 0 then
            Ok says.Result
        else
            Error(errors.Result.Trim().ReplaceLineEndings " ")
    with :? ComponentModel.Win32Exception ->
        Error $"{program} is not installed"

let private queued = [
    "PENDING"
    "RUNNING"
    "REQUEUED"
    "REQUEUE_HOLD"
    "REQUEUE_FED"
    "RESIZING"
    "RESV_DEL_HOLD"
    "SIGNALING"
    "SPECIAL_EXIT"
    "STAGE_OUT"
    "STOPPED"
    "SUSPENDED"
    "CONFIGURING"
    "COMPLETING"
]

/// The state that SLURM's word implies for a run whose folder has no end, because SLURM ended the process before it could write one.
let meaning (word: string) : RunState option =
    match word with
    | "OUT_OF_MEMORY"
    | "FAILED"
    | "BOOT_FAIL" -> Some RunState.Failed
    | "TIMEOUT"
    | "DEADLINE" -> Some RunState.Timeout
    | "PREEMPTED" -> Some RunState.Preempted
    | "NODE_FAIL"
    | "REVOKED"
    | "unknown" -> Some RunState.Lost
    | "CANCELLED" -> Some RunState.Interrupted
    | word when List.contains word queued -> Some RunState.Pending
    | _ -> None

let isQueued (word: string) = List.contains word queued

/// The word and the reason of each task, from lines such as 12_3|PENDING|Resources.
let private read (lines: string) =
    Map.ofList [
        for line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
            match line.Split '|' |> List.ofArray with
            | task :: word :: others when not (task.Contains '.') ->
                // CANCELLED is followed by the user who did it.
                let word = (word.Split ' ')[0]
                // A running task still has the reason for which it waited.
                let why = others |> List.tryHead |> Option.filter (fun why -> word <> "RUNNING" && why <> "None" && why <> "")
                task, (word, why)
            | _ -> ()
    ]

let private accounting (jobs: string) =
    ask "sacct" [ "-j"; jobs; "--allusers"; "--allocations"; "--parsable2"; "--noheader"; "--format=JobID,State,Reason" ] |> Result.map read

let private queue (jobs: string) =
    match ask "squeue" [ "-j"; jobs; "--states=all"; "--array"; "--noheader"; "--format=%i|%T|%r" ] with
    | Ok lines -> Ok(read lines)
    // All these jobs ended some minutes ago.
    | Error why when why.Contains "Invalid job id" -> Ok Map.empty
    | Error why -> Error why

/// SLURM's word and reason for each task; a task that it does not know has the word unknown.
let words (tasks: SlurmTasks.Task list) : Result<Map<string, string * string option>, string> =
    let jobs = tasks |> List.map _.Job |> List.distinct |> String.concat ","

    // An array whose tasks have not started has one line, 12_[0-4]; the accounting has 12 before it knows the array.
    let wordOf (known: Map<string, string * string option>) (task: SlurmTasks.Task) =
        known.TryFind task.Name
        |> Option.orElseWith (fun () ->
            known |> Map.tryPick (fun name word -> if name.StartsWith(task.Job + "_[") then Some word else None))
        |> Option.orElseWith (fun () -> known.TryFind task.Job)

    let each known = [
        for task in tasks do
            match wordOf known task with
            | Some word -> task.Name, word
            | None -> ()
    ]

    if tasks.IsEmpty then
        Ok Map.empty
    else
        let accounted = accounting jobs

        match accounted with
        | Ok known when tasks |> List.forall (wordOf known >> Option.isSome) -> Ok(Map.ofList (each known))
        | _ ->
            let unknown = [ for task in tasks -> task.Name, ("unknown", None) ]

            match accounted, queue jobs with
            | Error accounting, Error queue -> Error $"{accounting}; {queue}"
            | Ok known, Error _ -> Ok(Map.ofList (each known))
            | Error _, Ok known -> Ok(Map.ofList (unknown @ each known))
            | Ok before, Ok now -> Ok(Map.ofList (unknown @ each before @ each now))

/// The reports on the runs of a sweep's folder.
let reports (sweep: string) : Result<Map<string, Told>, string> =
    let tasks = SlurmTasks.ofRuns sweep

    words (List.ofSeq tasks.Values |> List.distinctBy _.Name)
    |> Result.map (fun words ->
        Map.ofList [
            for KeyValue(run, task) in tasks do
                match words.TryFind task.Name with
                | Some(word, why) ->
                    run, { Task = task.Name; Word = word; Why = why; IsQueued = isQueued word; State = meaning word; Log = Some task.Log }
                | None -> ()
        ])
