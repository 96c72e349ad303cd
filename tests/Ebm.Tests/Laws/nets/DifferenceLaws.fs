/// Slopes in the row and gradients in the weights agree with differences, for every energy of every method and every network that a config can
/// name. Reflection and the configs list them.
module Ebm.Tests.Laws.DifferenceLaws

open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private dot (a: Tensor) (b: Tensor) = value ((a * b).sum())

let private agree what (exact: float) (differences: Close.Estimate) =
    Close.near $"{what}, its gradient less differences" 0.0 { differences with Value = differences.Value - exact }

/// A number that depends on a tensor, along a direction in it.
let private inRow what (f: Tensor -> Tensor) (slope: Tensor -> Tensor) (x: Tensor) =
    let v = (rng "direction").NormalLike x / sqrt (float (x.numel ()))
    let along h =
        use _ = torch.no_grad ()
        value ((f (x + number h * v)).sum())
    agree $"{what}, in the row" (dot (slope x) v) (Close.derivative along)

let private byAutograd (f: Tensor -> Tensor) (x: Tensor) =
    let at = x.detach().requires_grad_ true
    gradients ((f at).sum()) [ at ] |> Array.head

/// The same along a direction in all weights at once.
let private inWeights what (f: unit -> Tensor) (net: torch.nn.Module) (gradient: float -> float) =
    let weights = net.parameters () |> Seq.toArray
    // The direction has length one, as in the row: a net with kinks is linear only over short distances.
    let size = weights |> Array.sumBy (fun w -> float (w.numel ()))
    let directions = weights |> Array.map (fun w -> (rng "direction").NormalLike w / sqrt size)

    let moved (h: float) =
        use _ = torch.no_grad ()
        Array.iter2 (fun (w: Parameter) (d: Tensor) -> w.add_ (number h * d) |> ignore) weights directions

    let along h =
        use _ = torch.no_grad ()
        moved h
        let there = value ((f ()).sum())
        moved -h
        there

    let exact = Seq.map2 dot (gradients ((f ()).sum()) weights) directions |> Seq.sum
    agree $"{what}, in the weights" (gradient exact) (Close.derivative along)

let private energyAgrees what (energy: Energy) (net: torch.nn.Module) (shape: int64[]) gradient =
    let x = (rng "rows").Normal(Array.append [| 5L |] shape)
    let slope (x: Tensor) = let struct (_, slope) = energy.WithSlope x in slope
    inRow what energy.Of slope x
    inRow what energy.Of (byAutograd energy.Of) x
    inWeights what (fun () -> energy.Of x) net gradient

let private ladderAgrees what (ladder: ILevelEnergy) (net: torch.nn.Module) (shape: int64[]) gradient =
    let level = (rng "levels").Integers(int64 ladder.Levels, 5L)
    energyAgrees $"{what}, each row at its level" (ladder.At level) net shape gradient
    let x = (rng "rows").Normal(Array.append [| 5L |] shape)
    // Levels have different weights; otherwise an error in one could hide in another.
    let weigh = (rng "levels' weights").Normal(1L, int64 ladder.Levels)
    inRow $"{what}, all levels" (fun x -> weigh * ladder.All x) (byAutograd (fun x -> weigh * ladder.All x)) x

let private methodsAgree gradient =
    for option, document in EveryMethod.options.Value do
        use _ = torch.NewDisposeScope()
        let shape, method = EveryMethod.build document
        // In training, each call changes a spectral norm.
        method.eval ()

        match box method with
        | :? IDensity as density -> energyAgrees option density.Density method shape gradient
        | _ -> ()

        match box method with
        | :? ILadder as ladder -> ladderAgrees option ladder.Levels method shape gradient
        | _ -> ()

// ── networks ─────────────────────────────────────────────────────────────────────────────

let private networksAgree gradient =
    let found = EveryNet.kinds ()
    must "some networks must be found" (found.Length > 3)

    for kind, build in found do
        use _ = torch.NewDisposeScope()
        let shape, net = EveryNet.somewhere build
        (net :?> torch.nn.Module).eval()

        match net with
        | :? ILevelEnergy as ladder -> ladderAgrees kind ladder (net :?> torch.nn.Module) shape gradient
        | :? GeneratorNet as generator ->
            let z = (rng "latents").Normal(5L, generator.Latent)
            let weigh = (rng "outputs' weights").NormalLike(generator.call(z).detach())
            let scalar (z: Tensor) = weigh * generator.call z
            inRow kind scalar (byAutograd scalar) z
            inWeights kind (fun () -> scalar z) generator gradient

            match net with
            | :? FlowNet as flow -> energyAgrees $"{kind}, its density" (Energy(fun x -> flow.LogDensity x)) flow shape gradient
            | _ -> ()
        | :? Autoencoder as autoencoder ->
            let x, noise = (rng "rows").Normal(Array.append [| 5L |] shape), (rng "noise").Uniform(5L) + 0.1

            for part, f in [ "Encode", (fun x -> autoencoder.Encode(x, noise)); "Restore", (fun x -> autoencoder.Restore(x, noise)) ] do
                let weigh = (rng "outputs' weights").NormalLike((f x).detach())
                inRow $"{kind}, {part}" (fun x -> weigh * f x) (byAutograd (fun x -> weigh * f x)) x
                inWeights $"{kind}, {part}" (fun () -> weigh * f x) autoencoder gradient
        | :? torch.nn.Module<Tensor, Tensor> as net ->
            let x = (rng "rows").Normal(Array.append [| 5L |] shape)
            let out = net.call(x).detach()

            if out.shape = [| 5L; 1L |] then
                energyAgrees kind (Energy.Of net) net shape gradient
            else
                let scalar (x: Tensor) = (rng "outputs' weights").NormalLike out * net.call x
                inRow kind scalar (byAutograd scalar) x
                inWeights kind (fun () -> scalar x) net gradient
        | other -> broken $"{kind} builds a {other.GetType().Name}, which this law cannot evaluate"

let all = [
    law "slopes and gradients of every method's density and levels agree with differences" (fun () -> methodsAgree id)
    |> breaks "a gradient a thousandth too large" (fun () -> methodsAgree ((*) 1.001))

    law "slopes and gradients of every network that a config can name agree with differences" (fun () -> networksAgree id)
    |> breaks "a gradient a thousandth too large" (fun () -> networksAgree ((*) 1.001))
]
