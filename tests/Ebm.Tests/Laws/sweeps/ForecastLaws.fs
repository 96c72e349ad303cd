/// The forecast of a plan's time and disk space, from finished runs of the same kind and their work.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.ForecastLaws

open System
open System.IO
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

/// Completes the first runs of a plan; each has a time and a number of additional bytes in its folder.
let private taken folder words (times: (float * int) list) =
    let plan () = planned (Path.Combine(folder, "runs")) (typed words)
    let first = plan ()

    for run, (seconds, bytes) in Seq.zip first.Runs times do
        let at = RunFolder.Create(first.Folder, run.Id, run.Config, run.Hashed)
        let timing = Timing(DateTime.UnixEpoch, Wall = seconds)
        at.Write(
            RunManifest(
                State = RunState.Completed,
                RunId = run.Id,
                GroupId = run.Group,
                SweepId = "laws",
                ConfigSha256 = at.ConfigSha256,
                Timing = timing
            )
        )
        File.WriteAllBytes(at.In "samples.npy", Array.zeroCreate bytes)

    plan ()

let all = [
    law "the time and disk space of remaining runs are forecast by kind and work; runs of an unknown kind are counted" (fun () ->
        inFolder (fun folder ->
            // 100 steps took 10, 12 and 50 seconds; four runs of 300 steps are left, and four of another method.
            let words = [ "experiment=rings"; "method=joint-cd,flow"; "train.steps=100,300"; "seed=0,1,2" ]
            let plan = taken folder words [ 10.0, 2_000_000; 12.0, 3_000_000; 50.0, 9_000_000 ]
            let forecast = Forecast.ofPlan plan
            must $"{forecast.Seconds} s" (abs (forecast.Seconds - 3.0 * 36.0) < 1e-9)
            must $"{forecast.Unknown} unknown" (forecast.Unknown = 6)
            // Config and manifest add some kilobytes to the samples.
            must $"{forecast.Bytes} bytes" (forecast.Bytes > 9_000_000.0 && forecast.Bytes < 9_200_000.0)
            let says = Forecast.says forecast |> Option.defaultValue ""
            must says (says.Contains "about 2 min" && says.Contains "9.0 MB" && says.Contains "6 further runs cannot be estimated")))
    |> breaks "no work is counted" (fun () ->
        inFolder (fun folder ->
            let plan =
                taken folder [ "experiment=rings"; "method=joint-cd"; "train.steps=100"; "seed=0,1,2,3" ] [ 10.0, 1; 12.0, 1; 50.0, 1 ]
            must "" (abs ((Forecast.ofPlan plan).Seconds - 3.0 * 36.0) < 1e-9)))

    law "there is no forecast if all runs are finished, or no pace is known" (fun () ->
        inFolder (fun folder ->
            let words = [ "experiment=rings"; "method=joint-cd"; "train.steps=100"; "seed=0,1" ]
            must "nothing is known" (Forecast.says (Forecast.ofPlan (taken folder words [])) = None)
            must "all is done" (Forecast.says (Forecast.ofPlan (taken folder words [ 1.0, 1; 1.0, 1 ])) = None)))
]
