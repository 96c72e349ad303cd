/// The work of a run besides training: metrics of a default measurement, and writing a checkpoint.
module Ebm.Bench.Metered

open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Metrics
open Ebm.Records
open Ebm.Runs

type Metric = { Name: string; Spec: IMetricSpec }

let all = [
    { Name = "grid-kl of joint-cd"; Spec = GridKlSpec() }
    { Name = "long-run of joint-cd"; Spec = LongRunSpec() }
    { Name = "ais of joint-cd"; Spec = AisSpec() }
]

let private joint = Steps.all |> List.find (fun step -> step.Name = "joint-cd")

/// Measures a model that has trained for a moment, so that its chains move.
let timed configs (metric: Metric) : Paired.Timed =
    let training = Steps.training configs joint

    for _ in 1..50 do
        training.Trainer.Advance(fun () -> false) |> ignore

    let measured = metric.Spec.Build(Site([| 2L |], torch.CPU, Steps.rng "metric", "/nowhere"))
    let samples = training.Method.Sample(4000L, Steps.rng "samples")

    Paired.clocked (fun () ->
        measured.Measure(Subject(training.Method, training.Data, samples, Steps.rng "measure")) |> Seq.length |> ignore)

/// Replaces the checkpoint of a run, with its sync to the disk.
let checkpoint configs : Paired.Timed =
    let training = Steps.training configs joint

    for _ in 1..2 do
        training.Trainer.Advance(fun () -> false) |> ignore

    let folder = Directory.CreateTempSubdirectory "ebm-bench-"
    System.AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> folder.Delete true)
    let hashed = "{\"seed\":1}"
    let id = $"toy-s1-{(Canonical.Sha256 hashed).Substring(0, 12)}"
    let run = RunFolder.Create(folder.FullName, id, Document.Parse("seed: 1", "a config"), hashed)

    Paired.clocked (fun () ->
        use _ = torch.NewDisposeScope()

        (Checkpoint run)
            .Save(
                TrainingState(
                    Step = 2L,
                    Units = 2L,
                    Measured = 0L,
                    Seconds = 1.0,
                    Cursor = Cursor(0L, 0L),
                    Health = readOnlyDict [],
                    Method = readOnlyDict [ for KeyValue(name, value) in training.Method.state_dict () -> name, value ],
                    Optimizers = readOnlyDict [ for struct (name, value) in training.Optimizers.Memory() -> name, value ],
                    Averages = readOnlyDict [ for struct (name, value) in training.Averages.Memory() -> name, value ]
                )
            ))
