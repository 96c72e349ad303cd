/// Measuring takes no gradient that a metric does not need, and reads energies in plain memory where they have such a form.
module Ebm.Tests.Laws.MeasuringLaws

open System.Collections.Generic
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// An energy without chains.
type private Still(energy: Energy) =
    inherit Method("still", [| 2L |])
    override _.Parts = Dictionary<string, torch.nn.Module>()
    override _.Iterate(_, _) = broken "a metric must not train"
    override _.Sample(_, _) = broken "a metric must not draw samples"

    interface IDensity with
        member _.Density = energy

let private net () = MlpSpec(16, 2, Activation.Silu, 1.0).Build(new Rng(5UL, device), [| 2L |], [| 1L |])
let private bowl (net: torch.nn.Module<Tensor, Tensor>) = Energy.Of net + Energy.Confinement 1.0
let private site = Site([| 2L |], device, rng "metric data", "")

/// The metrics of rows and of densities; chains and annealing need slopes.
let private metrics: (string * Ebm.Core.IMetricSpec) list = [
    "grid-kl", GridKlSpec(64, 16)
    "energy-distance", EnergyDistanceSpec(50L, 60L)
    "mmd", MmdSpec()
    "mode-weights", ModeWeightsSpec()
]

/// Units that each metric costs beyond reading the method.
let private costs (change: Tensor -> Tensor) =
    use net = Cost.Counted(net ())
    let data = (GaussiansSpec() :> ISpec<IDataset>).Build site
    let method' = new Still(Energy(fun x -> change ((bowl net).Of x)))

    for name, spec in metrics do
        use _ = torch.NewDisposeScope()
        let samples = (new Rng(6UL, device)).Normal(100L, 2L)
        let before = Cost.Units
        let metric = spec.Build(site)
        (use _ = torch.no_grad () in metric.Measure(Subject(method', data, samples, rng name)) |> List.ofSeq) |> ignore
        must $"{name} costs {Cost.Units - before} gradients" (Cost.Units = before)

/// The value in plain memory where only that is given, and the value of the layers.
let private reads (energy: torch.nn.Module<Tensor, Tensor> -> Energy) =
    use net = net ()
    let x = (new Rng(7UL, device)).Normal(70L, 2L)
    let found = (energy net).Values x
    must "values have a graph" (not found.requires_grad)
    Close.same "values in plain memory" 64 ((bowl net).Of(x).detach()) found

let all = [
    law "metrics of rows and densities take no gradient" (inSingle (fun () -> costs id))
    |> breaks
        "an energy with a graph"
        (inSingle (fun () ->
            use other = Cost.Counted(net ())

            costs (fun e ->
                use _ = torch.enable_grad ()
                e + 0.0f.ToTensor() * (other.call (torch.ones (1L, 2L))).sum())))

    law "energies are measured in plain memory, without a graph, and have the values of the layers" (inSingle (fun () -> reads bowl))
    |> breaks
        "another energy in plain memory"
        (inSingle (fun () -> reads (fun net -> Energy((fun x -> (bowl net).Of x), tiled = fun x -> (Energy.Of net).Tiled x))))
]
