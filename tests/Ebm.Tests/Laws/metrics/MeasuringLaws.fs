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

/// log Z of N(0, I/4) from an energy that has no other form than plain memory; data with correlated coordinates, so that chains move in turned ones.
let private annealed (width: float) =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let energy = Energy((fun _ -> broken "the layers were computed"), tiled = fun x -> (Energy.Confinement width).Tiled x)
    let data = (TwoMoonsSpec(Train = 2000L, Test = 100L) :> ISpec<IDataset>).Build site
    let samples = width.ToScalar() * (rng "annealed").Normal(300L, 2L)
    let spec = AisSpec(Rungs = 60, Chains = 300L, Settle = 0)

    let found = spec.Build(site).Measure(Subject(new Still(energy), data, samples, rng "ais")) |> Seq.map (fun m -> m.Name, m) |> Map.ofSeq

    for name in [ "ais/forward"; "ais/reverse"; "ais/log-z" ] do
        Close.near name (log (2.0 * System.Math.PI * 0.25)) {
            Close.Value = found[name].Value
            Close.Error = found[name].Se.GetValueOrDefault 0.0
        }

/// The energy distance of rows, short or as long as a matrix product takes them: zeros make rows longer, but no farther apart.
let private distances (further: float) =
    use _ = torch.NewDisposeScope()
    let x, y = (rng "x").Normal(70L, 3L), (rng "y").Normal(83L, 3L) + further.ToScalar()
    let longer (rows: Tensor) = torch.cat (ResizeArray [ rows; torch.zeros (rows.shape[0], 30L) ], 1L)
    let struct (short, se) = EnergyDistance.Between(x, y)
    let struct (long', itsSe) = EnergyDistance.Between(longer x, longer ((rng "y").Normal(83L, 3L)))
    must $"energy distance {short} where {long'} was expected" (abs (short - long') < 1e-12)
    must $"standard error {se} where {itsSe} was expected" (abs (se - itsSe) < 1e-12)

let all = [
    law "annealing moves and weighs in plain memory, in both directions" (inSingle (fun () -> annealed 0.5))
    |> breaks "a density a fifth wider" (inSingle (fun () -> annealed 0.6))

    law "sums over pairs of short rows are those of the matrix of all pairs" (inSingle (fun () -> distances 0.0))
    |> breaks "a millionth farther" (inSingle (fun () -> distances 1e-6))

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
