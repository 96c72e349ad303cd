/// Passes are counted where networks are called, so networks need not count.
module Ebm.Tests.Laws.CostLaws

open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private costs what (due: int64) (spend: unit -> Tensor) =
    let before = Cost.Units
    spend () |> ignore
    must $"{what} cost {Cost.Units - before} units instead of {due}" (Cost.Units - before = due)

/// Calls every kind of network in every way, with five rows.
let private everyPass (registered: torch.nn.Module -> torch.nn.Module) =
    for kind, build in EveryNet.kinds () do
        use _ = torch.NewDisposeScope()
        let shape, net = EveryNet.somewhere build
        registered (net :?> torch.nn.Module) |> ignore
        let x = (rng "rows").Normal(Array.append [| 5L |] shape)
        let costs = fun how -> costs $"{kind}, {how}" 5L

        match net with
        | :? LevelNet as ladder -> costs "At" (fun () -> ladder.At(x, repeated 5L 1))
        | :? Autoencoder as autoencoder ->
            let noise = torch.ones (5L, device = device)
            costs "Encode" (fun () -> autoencoder.Encode(x, noise))
            costs "Restore" (fun () -> autoencoder.Restore(x, noise))
        | :? GeneratorNet as generator ->
            let z = (rng "latents").Normal(5L, generator.Latent)
            costs "call" (fun () -> generator.call z)

            match generator with
            | :? FlowNet as flow ->
                costs "Push" (fun () -> let struct (x, _) = flow.Push z in x)
                costs "Pull" (fun () -> let struct (z, _) = flow.Pull x in z)
            | _ -> ()
        | :? torch.nn.Module<Tensor, Tensor> as net -> costs "call" (fun () -> net.call x)
        | other -> broken $"{kind} builds a {other.GetType().Name}, which this law cannot call"

/// libtorch's own layer, which does not count, as critic and inside the generator.
let private ofLayers (counted: torch.nn.Module<Tensor, Tensor> -> torch.nn.Module<Tensor, Tensor>) =
    let layer () = torch.nn.Linear(2L, 1L, device = device) :> torch.nn.Module<Tensor, Tensor>
    let critic = {
        new INetSpec with
            member _.Build(_, _, _) = counted (layer ())
    }

    let generator = {
        new IGeneratorSpec<GeneratorNet> with
            member _.Build(_, _) = new LatentNet(torch.nn.Linear(2L, 2L, device = device), 2L)
    }

    let gan = (GanSpec(generator, critic, CriticSteps = 1, Penalty = 0.0)).Build(Site([| 2L |], device, rng "gan", ""))
    let batches = Batches((rng "data").Normal(10L, 2L), 10L, rng "batches")
    let before = Cost.Units
    gan.Iterate(batches, rng "step") |> Seq.iter ignore
    // The critic's positives and negatives, then the generator's rows through both networks.
    must $"a step cost {Cost.Units - before} units instead of 40" (Cost.Units - before = 40L)

/// Counts each call a second time.
type private Twice(net: torch.nn.Module<Tensor, Tensor>) as twice =
    inherit torch.nn.Module<Tensor, Tensor>("twice")
    do twice.register_module ("net", Cost.Counted net)
    override _.forward x = net.call x

/// A network of a row and a second input, with two layers.
type private Conditioned() as net =
    inherit torch.nn.Module<Tensor, Tensor, Tensor>("conditioned")
    let row, other = torch.nn.Linear(2L, 2L, device = device), torch.nn.Linear(2L, 2L, device = device)

    do
        net.register_module ("row", row)
        net.register_module ("other", other)

    override _.forward(x, y) = row.call x + other.call y

/// `counted` makes the network count.
let private ofTwoInputs (counted: torch.nn.Module -> torch.nn.Module) =
    use net = new Conditioned()
    counted net |> ignore
    let x = (rng "rows").Normal(5L, 2L)
    costs "a network of two inputs" 5L (fun () -> net.call (x, x))

let all = [
    law "a network of two inputs costs one unit per row, however many layers it has" (fun () -> ofTwoInputs Cost.Counted)
    |> breaks "its layers counted one by one" (fun () ->
        ofTwoInputs (fun net ->
            for child in net.children () do
                Cost.Counted child |> ignore
            net))

    law "each pass of each network that a config can name costs one unit per row, however it is called" (fun () -> everyPass Cost.Counted)
    |> breaks "networks that are not registered" (fun () -> everyPass id)

    law "all levels cost one pass if the net computes them at once, and one pass per level otherwise" (fun () ->
        let x = (rng "rows").Normal(5L, 2L)
        let noise = NoiseSchedule.VariancePreserving(0.1, 0.9, 4)
        costs "heads" 5L (fun () -> (LevelMlpSpec(Width = 4).Build(rng "heads", [| 2L |], noise)).All x)
        costs "time" 20L (fun () -> (LevelTimeSpec(Width = 4).Build(rng "time", [| 2L |], noise)).All x))

    law "a network that does not count itself is counted when a method calls it, and once if it is registered twice" (fun () ->
        ofLayers id
        ofLayers Cost.Counted)
    |> breaks "a counted network inside another" (fun () -> ofLayers (fun net -> new Twice(net)))
]
