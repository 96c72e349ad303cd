/// Diagnoses of real models, samplers and trainings whose truth is known.
module Ebm.Tests.Laws.DiagnosedTrainingLaws

open System
open System.Collections.Generic
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Records
open Ebm.Runs
open Ebm.Analysis
open Ebm.Analysis.Finding
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.World

/// Three round Gaussians with these weights.
let private gaussians (weights: float list) : IDataset =
    (GaussiansSpec(Weights = Array.ofList weights, Sd = 0.25, Train = 1000L, Test = 1000L) :> ISpec<IDataset>)
        .Build(Site([||], device, rng "diagnosed data", ""))

let private density (data: IDataset) = Energy(fun x -> -(data :?> IKnownDensity).LogDensity x)
let private draw (count: int64) (data: IDataset) = (data :?> IKnownDensity).Draw(count, rng "diagnosed draws")

/// A method that is a density only; others draw its samples.
type private Known(energy: Energy) =
    inherit Method("known", [| 2L |])
    override _.Parts = Dictionary<string, torch.nn.Module>() :> IReadOnlyDictionary<_, _>
    override _.Iterate(_, _) = raise (InvalidOperationException "a metric must not train")
    override _.Sample(_, _) = raise (InvalidOperationException "the samples are given")

    interface IDensity with
        member _.Density = energy

/// The findings about a density and its samples, as the metric on the grid records them.
let private diagnosed (data: IDataset) (energy: Energy) (samples: Tensor) =
    inFolder (fun folder ->
        let run = RunFolders.plant (Path.Combine(folder, "laws")) 0 { RunFolders.sound with Grid = false; Events = [] }
        let metric = (GridKlSpec(Cells = 128, Picture = 64) :> IMetricSpec).Build(Site([||], device, rng "diagnosed metric", ""))
        run.Write(List.ofSeq (metric.Measure(Subject(new Known(energy), data, samples, rng "diagnosed metric"))))
        run.WriteSamples([| for value in values samples -> float32 value |], samples.shape[0], 2L)
        Diagnosis.ofFolder run)

let private blames check verdict (words: string) (findings: Finding list) =
    let found = findings |> List.find (fun found -> found.Check = check)
    must $"{check} blames {found.Verdict}: {found.Says}; {found.Evidence}" (found.Verdict = verdict && found.Says.Contains words)

let private blamesNothing (findings: Finding list) =
    for found in findings do
        must $"{found.Check} blames {found.Verdict}: {found.Says}; {found.Evidence}" (found.Verdict = Fine || found.Verdict = NotMeasured)

let private truth = [ 0.3; 0.3; 0.4 ]

/// A chain that starts in the first mode and takes short steps.
let private stuck (energy: Energy) =
    let start =
        torch.tensor (array2D [ [ 1.5; 0.0 ] ], dtype = torch.float64, device = device) + 0.05 * (rng "stuck start").Normal(2000L, 2L)
    Walk(energy, 1.0, true).From(start, row [ 0.01 ], 100, rng "stuck").X

/// A training on three Gaussians, ended; its findings.
let private trained (method: string) (train: string) =
    let mutable found = []

    inFolder (fun folder ->
        let config =
            Document.Parse(
                $"""
data: {{ kind: gaussians, modes: 3, sd: 0.3, train: 20000, test: 2000 }}
method: {method}
train: {{ batch: 256, record-every: 10, {train} }}
measure:
  samples: 2000
  metrics: {{ grid-kl: {{ kind: grid-kl, cells: 128, picture: 64 }} }}
""",
                "diagnosed.yaml"
            )

        found <- Diagnosis.ofFolder ((Experiment.Of(config)).Run(folder, dataRoot)))

    found

let private persistent settings = $"{{ kind: contrastive-divergence, energy: {{ kind: mlp, width: 64 }}, {settings} }}"

let all = [
    law "an exact model with exact draws is sound" (fun () ->
        let data = gaussians truth
        diagnosed data (density data) (draw 2000L data) |> blamesNothing)

    law "an exact model whose chains are stuck in one mode: the sampler lacks the other two" (fun () ->
        let data = gaussians truth
        let findings = diagnosed data (density data) (stuck (density data))
        findings |> blames "modes" Sampler "samples lack 2 of 3 modes that the model has"
        findings |> blames "chains" Sampler "samples do not follow the model")
    |> breaks "exact draws" (fun () ->
        let data = gaussians truth
        diagnosed data (density data) (draw 2000L data) |> blames "modes" Sampler "samples lack")

    law "a model without a mode, with exact draws: the model lacks it, and the sampler is sound" (fun () ->
        let data, model = gaussians truth, gaussians [ 0.499; 0.499; 0.002 ]
        let findings = diagnosed data (density model) (draw 2000L model)
        findings |> blames "modes" Model "the model lacks 1 of 3 modes"
        findings |> blames "chains" Fine "samples follow the model")

    law "a model without a mode whose samples have it: the samples are better than the density" (fun () ->
        let data, model = gaussians truth, gaussians [ 0.499; 0.499; 0.002 ]
        let findings = diagnosed data (density model) (draw 2000L data)
        findings |> blames "modes" Model "the model lacks 1 of 3 modes"
        findings |> blames "chains" Model "nearer to the data")

    law "energies three times too steep are told from a sampler that is cold" (fun () ->
        let data = gaussians truth
        let steep = Energy(fun x -> 3.0 * (density data).Of x)
        // Draws of exp(−3E) near each mode.
        let cold = (gaussians truth :?> IKnownDensity).Draw(2000L, rng "cold")
        let centre = (data :?> IKnownModes).Nearest cold

        let cold =
            let means =
                torch.stack ([| for k in 0..2 -> cold.index(torch.TensorIndex.Tensor(centre.eq (scalar (float k)))).mean([| 0L |]) |])
            means.index_select (0L, centre) + (cold - means.index_select (0L, centre)) / sqrt 3.0

        diagnosed data steep cold |> blames "energies" Model "too steep"
        let findings = diagnosed data (density data) cold
        findings |> blames "energies" Fine "scale of the data"
        findings |> blames "chains" Sampler "samples do not follow the model")

    law "a trained flow, whose draws are exact, is sound" (fun () ->
        inSingle (fun () -> trained "{ kind: flow, net: { kind: spline-flow } }" "steps: 500, lr: 3e-3" |> blamesNothing) ())

    law "contrastive divergence that draws by one step from noise: the sampler" (fun () ->
        inSingle
            (fun () ->
                trained (persistent "sample-from: noise, sample-steps: 1") "steps: 400, lr: 3e-3"
                |> blames "chains" Sampler "samples do not follow the model")
            ())

    law "contrastive divergence with a learning rate a hundred times too high: its energies run away or diverge" (fun () ->
        inSingle
            (fun () ->
                trained (persistent "adjusted: false, steps: 1, magnitude: 0") "steps: 400, lr: 0.3, clip: null"
                |> blames "energies" Model "")
            ())
]
