/// The settings of a launch: limits, retries, workers and devices from the options, and the pinned code.
module Ebm.Sweeps.Terms

open System
open System.Globalization
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked

let internal onError (given: Given) =
    match given.Options.TryGetResult <@ On_Error @> with
    | None -> Launch.Guarded
    | Some "continue" -> Launch.Continue
    | Some "stop" -> Launch.StopAfter 1
    | Some text ->
        match text.Split '=' with
        | [| "stop-after"; count |] ->
            match Int32.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, count when count > 0 -> Launch.StopAfter count
            | _ -> usage $"--on-error {text}" "K in stop-after=K must be a count of 1 or more."
        | _ -> usage $"--on-error {text}" "the value must be continue, stop or stop-after=K."

/// Hours that an option may give: from a third of a second to a hundred years.
let private hours option = Options.between option "hours" 1e-4 1e6 >> TimeSpan.FromHours

/// How long runs may start: until --max-hours (or the sweep's maxHours) or --deadline, whichever is earlier.
let internal maxTime (place: Place) =
    let options = place.Given.Options

    let until =
        match options.TryGetResult <@ Deadline @> with
        | None -> None
        | Some text ->
            match DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal) with
            | true, time -> Some(max TimeSpan.Zero (time - DateTime.Now))
            | _ -> usage $"--deadline {text}" "the time must be written like 2026-03-01T08:00."

    [ options.TryGetResult <@ Max_Hours @> |> Option.orElse place.Sweep.MaxHours |> Option.map (hours "--max-hours"); until ]
    |> List.choose id
    |> function
        | [] -> None
        | times -> Some(List.min times)

/// A process takes no further run after one that took longer.
let private short = TimeSpan.FromMinutes 1.0

let internal settings (place: Place) (plan: Plan) : Launch.Settings =
    let options = place.Given.Options
    let counted = Options.counted
    let retry = options.GetResult(<@ Retry @>, 0)

    if retry < 0 || retry > 1_000_000 then
        usage $"--retry {retry}" "--retry counts further attempts, so it must be at least 0, and at most 1000000."

    let memory =
        options.TryGetResult <@ Memory @>
        |> Option.map (Options.between "--memory" "gigabytes" 1e-3 1e6 >> fun gigabytes -> int64 (gigabytes * 1073741824.0))

    let gpus =
        options.TryGetResult <@ Gpus @>
        |> Option.map (fun text ->
            text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) |> List.ofArray)
        |> Option.defaultValue []

    let perGpu = options.TryGetResult <@ Per_Gpu @> |> Option.map (counted "--per-gpu") |> Option.defaultValue 1

    if not gpus.IsEmpty then
        for run in plan.Runs do
            if run.Spec.Device <> "cuda:0" then
                usage "--gpus" $"{run.Id} has device={run.Spec.Device}; with --gpus each run sees one GPU, so set device=cuda:0."

    let workers =
        match options.TryGetResult <@ Workers @> with
        | Some workers -> counted "--workers" workers
        | None when not gpus.IsEmpty -> int (min 1_000_000L (int64 gpus.Length * int64 perGpu))
        | None ->
            let threads = 1 :: (plan.Runs |> List.map _.Spec.Threads) |> List.max
            max 1 (Environment.ProcessorCount / threads)

    // All workers together must fit into the machine's memory.
    let workers =
        match memory with
        | Some bytes -> max 1 (min workers (int (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / bytes)))
        | None -> workers

    let always, never = options.Contains <@ CommandLine.Option.Share @>, options.Contains <@ No_Share @>
    if always && never then usage "--no-share" "--share and --no-share exclude each other."
    // A process keeps memory of its earlier runs, on GPUs above all.
    let isolated = memory.IsSome || plan.Runs |> List.exists (fun run -> run.Spec.Device <> "cpu")

    if not (File.Exists(runner ())) then
        fail (Source.Of(runner ())) "" "the compiled runner does not exist; build it with: dotnet fsi build.fsx build"

    {
        Launch.defaults (runner ()) with
            Workers = workers
            Trained = trained plan
            Wanted = options.TryGetResult <@ Workers @>
            OnError = onError place.Given
            Retry = retry
            Timeout =
                options.TryGetResult <@ Timeout @> |> Option.map (Options.between "--timeout" "seconds" 1e-3 1e9 >> TimeSpan.FromSeconds)
            MaxTime = maxTime place
            MaxGpuTime = options.TryGetResult <@ Max_Gpu_Hours @> |> Option.map (hours "--max-gpu-hours")
            MaxRuns = options.TryGetResult <@ Max_Runs @> |> Option.map (counted "--max-runs") |> Option.orElse place.Sweep.MaxRuns
            Memory = memory
            Gpus = gpus
            PerGpu = perGpu
            Share = always || not (never || isolated)
            ShareWithin = if always then TimeSpan.MaxValue else short
            Notify = options.TryGetResult <@ Notify @>
            Pruner =
                pruning place
                |> Option.map (fun text ->
                    let metric, rule = Prune.check text plan
                    Prune.Pruner(metric, rule, plan))
    }

/// Data that a run may find in the current folder, which may be a part of the sources' folder.
let private dataHere (plan: Plan) =
    [
        for run in plan.Runs do
            for key in [ "data.file"; "data.folder"; "data.weights" ] do
                match run.Composed.Find key with
                | null -> ()
                | node ->
                    match node.Value with
                    | :? string as path -> Path.GetFullPath path
                    | _ -> ()
    ]
    |> List.distinct

/// The record that the runs of a launch share.
let internal launchRecord (place: Place) (plan: Plan) =
    let git, said = Snapshot.take place.Root ([ place.Runs; place.Reports; dataRoot place ] @ dataHere plan)

    for sentence in said do
        eprintfn $"{sentence}"

    let words = Environment.GetCommandLineArgs() |> Array.skip 1

    let script =
        words
        |> Array.tryFind (fun word -> (word.EndsWith ".fsx" || Path.GetFileName word = "ebm") && File.Exists word)
        |> Option.map (fun script ->
            let relative = Path.GetRelativePath(place.Root, Path.GetFullPath script).Replace('\\', '/')
            ScriptState((if relative.StartsWith ".." then string (Path.GetFileName script) else relative), Canonical.Sha256OfFile script))

    let kept = Array.ofSeq (recorded (Secrets.At place.Root) (List.ofArray words))
    LaunchRecord(kept, Option.toObj git, Option.toObj script)

/// Pins the current code, so that a build during the sweep does not change its runs. Returns a function that puts the pinned code into
/// settings, and the handle that keeps it.
let internal pinned (place: Place) (plan: Plan) : (Launch.Settings -> Launch.Settings) * IDisposable =
    let pin = Pin.take (Path.Combine(place.Root, "artifacts", "pinned")) (runner ()) (labs place.Given)

    let arguments = [
        "--data"
        dataRoot place
        for assembly in pin.With do
            "--with"
            assembly
    ]

    let record = launchRecord place plan
    let path = record.Write plan.Folder
    let subject = $"{plan.Sweep}/{SweepFolder.Launches}/{Path.GetFileName path}"
    Ledger.within place.Root place.Runs (fun () -> Ledger.enter place.Runs Ledger.Kind.launch subject (Canonical.Sha256OfFile path))
    // Written again if the sweep's folder was deleted since.
    let executing () = [ "--launch"; record.Write plan.Folder ]
    (fun settings -> { settings with Runner = pin.Runner; Arguments = arguments; Executing = executing }), pin.Held
