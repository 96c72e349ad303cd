/// Runs made up for laws and benchmarks about tables: as records, and as the folders that a sweep leaves behind. They have files, and
/// nothing in them was trained.
module Ebm.Tests.RunFolders

open System
open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Runs

let metric better value : Metric = {
    Value = value
    Unit = "nats"
    Better = better
    Scale = "linear"
    Se = None
    N = Some 1000L
    Protocol = Some "p"
}

/// A completed run of a method on data, with its seed and its metrics, lower being better.
let run data method (seed: int) (metrics: (string * float) list) : Run = {
    nothing with
        Id = $"{data}-{method}-s{seed}"
        Sweep = "laws"
        Group = $"{data}-{method}"
        State = RunState.Completed
        Step = 100L
        Seed = string seed
        Config = Map [ "data.kind", data; "method.kind", method; "seed", string seed ]
        Asked = Map [ "data", data; "method", method ]
        Metrics = Map [ for name, value in metrics -> name, metric "lower" value ]
        TrainUnits = Some 1000L
        SampleUnits = Some 10L
        Seconds = Some 1.5
        Data = [ data, Canonical.Sha256 $"{data} {seed}" ]
        Code = Some "0123456789ab"
}

/// The same run, not completed.
let ended state (run: Run) = { run with State = state; Metrics = Map.empty; Reason = Some "planted" }

/// A run's folder: config.json, manifest.json and, of a completed one, metrics.json. Its id gets the hash that belongs to it. The folder's
/// path.
let write (sweep: string) (run: Run) =
    let config =
        (Document.Empty, Map.toSeq run.Config)
        ||> Seq.fold (fun document (key, value) -> document.With(key, Document.Plain(value, Source.Code)))

    let hashed = Canonical.Json config
    let sha = Canonical.Sha256 hashed
    let id = $"{run.Id}-{sha.Substring(0, 12)}"
    let folder = Path.Combine(sweep, id)
    Directory.CreateDirectory folder |> ignore
    File.WriteAllText(Path.Combine(folder, "config.json"), hashed)

    let manifest =
        RunManifest(
            State = run.State,
            Step = run.Step,
            Reason = Option.toObj run.Reason,
            RunId = id,
            GroupId = run.Group,
            SweepId = run.Sweep,
            Seed = int64 run.Seed,
            ConfigSha256 = sha,
            Overrides = [| for KeyValue(key, value) in run.Asked -> $"{key}={value}" |],
            Data = [| for name, digest in run.Data -> DataState(name, digest) |],
            Build = BuildState("Release", "0.1.0", dict [ "Ebm.Core", defaultArg run.Code "" ] |> System.Collections.Generic.Dictionary),
            Cost = Spent(1000L, 10L, 1L)
        )

    File.WriteAllText(Path.Combine(folder, "manifest.json"), manifest.ToJson())

    if run.State = RunState.Completed then
        let fields = [
            for KeyValue(name, metric) in run.Metrics do
                let protocol = metric.Protocol |> Option.map (fun protocol -> $", \"protocol\": \"{protocol}\"") |> Option.defaultValue ""
                let n = metric.N |> Option.map (fun n -> $", \"n\": {n}") |> Option.defaultValue ""
                let value = if Double.IsFinite metric.Value then Table.number metric.Value else $"\"{Table.number metric.Value}\""
                $"  \"{name}\": {{ \"value\": {value}, \"unit\": \"{metric.Unit}\", \"better\": \"{metric.Better}\"{n}{protocol} }}"
        ]

        File.WriteAllText(Path.Combine(folder, "metrics.json"), "{\n" + String.Join(",\n", fields) + "\n}\n")

    folder

/// Many runs of a sweep: methods × values × seeds on one data set, eight metrics each, and a setting more for each of `settings`.
let many methods values seeds settings = [
    for method in 1..methods do
        for value in 1..values do
            for seed in 1..seeds do
                let generator = Generator.Of("many", $"{method}/{value}/{seed}")
                let draw () = float (generator.Next() >>> 11) / 9007199254740992.0
                let metrics = [ for i in 1..8 -> $"metric-{i}", float method + 0.1 * float value + draw () ]
                let run = run "rings" $"method-{method}" seed metrics

                {
                    run with
                        Id = $"{run.Id}-{value}"
                        Group = $"{run.Group}-{value}"
                        Config =
                            (run.Config.Add("method.steps", string value), [ 1..settings ])
                            ||> List.fold (fun config i -> config.Add($"train.setting-{i}", string (10 * i)))
                }
]
