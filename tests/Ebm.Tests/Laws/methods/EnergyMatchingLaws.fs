/// Energy matching: its pairs, its flow between a Gaussian and its translation, and its chains under an exact energy.
module Ebm.Tests.Laws.EnergyMatchingLaws

open System
open System.Numerics
open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Methods
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let rec private orders (left: int list) : int list seq =
    if left.IsEmpty then
        Seq.singleton []
    else
        left |> Seq.collect (fun i -> orders (List.except [ i ] left) |> Seq.map (fun rest -> i :: rest))

/// The found pairing costs as much as the cheapest of all orders.
let private pairs (pairing: Tensor -> Tensor -> int64[]) =
    for trial in 1..20 do
        let x, y = (rng $"from {trial}").Normal(6L, 2L), (rng $"to {trial}").Normal(6L, 2L)
        let cost = values ((y.unsqueeze 1L - x.unsqueeze 0L).square().sum 2L)
        let sum (order: int seq) = order |> Seq.mapi (fun i j -> cost[6 * i + j]) |> Seq.sum
        let found = pairing x y |> Array.map int
        must $"{found} is not a permutation" (Array.sort found = [| 0..5 |])
        let least = orders [ 0..5 ] |> Seq.map sum |> Seq.min
        must $"the pairing costs {sum found}, the cheapest {least}" (sum found <= least + 1e-9)

/// Pairs each row with the nearest remaining one.
let private greedy (x: Tensor) (y: Tensor) =
    let cost = values ((y.unsqueeze 1L - x.unsqueeze 0L).square().sum 2L)
    let taken = System.Collections.Generic.HashSet<int>()

    [|
        for i in 0..5 do
            let j = [ 0..5 ] |> List.filter (taken.Contains >> not) |> List.minBy (fun j -> cost[6 * i + j])
            taken.Add j |> ignore
            int64 j
    |]

/// A given potential, plus learned linear and quadratic terms.
type private Given(exact: Tensor -> Tensor) as this =
    inherit torch.nn.Module<Tensor, Tensor>("given")
    let forms = new Parameter(torch.zeros (3L, device = device))
    do this.register_parameter ("forms", forms)

    override _.forward(x: Tensor) : Tensor =
        let monomials = torch.cat ([| x; x.square().sum(1L, keepdim = true) |], 1L)
        (exact x + monomials.matmul forms).unsqueeze 1L

let private built (exact: Tensor -> Tensor) (settings: INetSpec -> EnergyMatchingSpec) =
    let spec =
        settings
            {
                new INetSpec with
                    member _.Build(_, _, _) = new Given(exact)
            }
    spec.Build(Site([| 2L |], device, rng "energy matching", Folder.dataRoot)) :?> EnergyMatching

/// The lanes and the pairing in processes with wide, usual and narrow vectors; .NET fixes their width when a process starts.
let private paired =
    lazy
        [
            for variable, value in [ "DOTNET_MaxVectorTBitWidth", "512"; "DOTNET_MaxVectorTBitWidth", "256"; "DOTNET_EnableAVX2", "0" ] do
                let code, says = Processes.finished (Processes.againWith variable value [ "pair" ])
                must $"{variable}={value} ends with {code}: {says}" (code = 0)
                let parts = says.Trim().Split ": "
                parts[0], parts[1]
        ]

let private widths (change: int -> string -> string) =
    let found = paired.Value |> List.mapi (fun i (lanes, order) -> lanes, change i order)
    must $"one width only: %A{found}" (Vector<double>.Count = 2 || (found |> List.distinctBy fst).Length > 1)
    must $"the pairings differ: %A{found}" ((found |> List.distinctBy snd).Length = 1)

let private shift () = row [ 1.5; -0.8 ]

/// From N(0, I) to its translation the mean velocity of all pairs is the shift: V(x) = −shift·x, which no added term improves.
let private translates factor =
    let method = built (fun x -> x.matmul (-factor * shift ())) (fun net -> EnergyMatchingSpec(net, Matching = 1.0, Confinement = 1e6))
    let forms = method.Parts["potential"].parameters() |> Seq.toArray
    let data = Batches(((rng "data").Normal(20_000L, 2L) + shift (): torch.Tensor), 64L, rng "batches")

    let slopes = [|
        for i in 1L .. 60L do
            let update = method.Iterate(data, (rng "updates").Stream i) |> Seq.exactlyOne
            values (Array.head (gradients update.Loss forms))
    |]

    for j in 0..2 do
        Close.near $"slope in coefficient {j}" 0.0 (slopes |> Array.map (Array.item j) |> Close.mean)

let private world () = Gaussian.Of([ 0.3; -0.2 ], [ [ 0.3; 0.1 ]; [ 0.1; 0.2 ] ])
let private warmth = 0.5

/// The energies of a Gaussian as a potential at one temperature, sampled at another.
let private exact temperature =
    built (fun x -> warmth * (world ()).Energy.Of x) (fun net ->
        EnergyMatchingSpec(
            net,
            Matching = 0.0,
            Temperature = temperature,
            FlowSteps = 10,
            Steps = 40,
            SampleSteps = 150,
            Step = 0.1,
            Confinement = 1e6
        ))

let private gap temperature =
    let method = exact temperature
    let data = Batches((world ()).Draw(20_000L, rng "data"), 200L, rng "batches")

    let gaps = [|
        for i in 1L .. 15L do
            let update = method.Iterate(data, (rng "updates").Stream i) |> Seq.exactlyOne
            update.Watched |> Seq.pick (fun struct (n, v) -> if n = "gap" then Some(value v) else None)
    |]

    Close.near "mean gap" 0.0 (Close.mean gaps)

/// A step of the second phase under a potential of slope ±1 in the first coordinate, with data at (3, 3). At this temperature chains descend, nearly without noise.
let private second slope (settings: INetSpec -> EnergyMatchingSpec) =
    let method = built (fun x -> slope * x.select (1L, 0L)) settings
    let rows = torch.zeros ([| 8L; 2L |], dtype = torch.float64, device = device) + scalar 3.0
    method, method.Iterate(Batches(rows, 8L, rng "batches"), rng "update") |> Seq.exactlyOne

let private descending follow box step weight floor net =
    EnergyMatchingSpec(
        net,
        Matching = 0.0,
        Temperature = 1e-12,
        Contrast = weight,
        ContrastFloor = floor,
        DataFollowFlow = follow,
        FlowSteps = 4,
        Steps = 2,
        Adjusted = false,
        Step = step,
        Box = box,
        Confinement = 1e6
    )

let private none = Nullable<float>()

/// Chains from data are the first half; their energies are their coordinates.
let private endAt due follow box =
    let _, update = second 1.0 (descending follow box 0.25 1.0 none)
    for x in values (nonNull update.Chains) |> Array.take 4 do
        must $"a chain from data ends at {x}, not {due}" (abs (x - due) < 1e-5)

let private trimmed (trim: Tensor -> float -> Tensor) =
    for share, due in
        [ 0.0, [ -1.0; 0.5; 2.0; 4.0; 7.0 ]; 0.2, [ -1.0; 0.5; 2.0; 4.0 ]; 0.39, [ -1.0; 0.5; 2.0; 4.0 ]; 0.4, [ -1.0; 0.5; 2.0 ] ] do
        let found = values (trim (row [ 4.0; -1.0; 7.0; 2.0; 0.5 ]) share) |> Array.sort |> List.ofArray
        must $"%A{found} are left at a share of {share}" (found = due)

/// Energies of data are −3, those of chains from data, too, and those of chains from noise about −1: the contrast is about −1.
let private slopes weight floor =
    let method, update = second -1.0 (descending false none 1e-9 weight floor)
    gradients update.Loss (method.Parts["potential"].parameters() |> Seq.toArray) |> Array.map values |> Array.concat

let private isCut floor =
    let flow, found = slopes 0.0 none, slopes 1.0 (Nullable floor)
    must $"slopes %A{found}, of the flow %A{flow}" (Array.forall2 (fun (a: float) b -> abs (a - b) < 1e-9) flow found)

let private generates temperature =
    let due = world ()
    Close.moments "generated" due.MeanValues due.CovarianceValues ((exact temperature).Sample(4000L, rng "generate"))

let all = [
    law "pairs of two minibatches have the least total squared distance of all pairings" (fun () ->
        pairs (fun x y -> Transport.Pairing(x, y).data<int64>().ToArray()))
    |> breaks "the nearest remaining row" (fun () -> pairs greedy)
    |> breaks "the inverse of the pairing" (fun () -> pairs (fun x y -> Transport.Pairing(x, y).argsort(0L).data<int64>().ToArray()))

    law "optimal pairs are the same at every vector width, also among equal distances" (fun () -> widths (fun _ order -> order))
    |> breaks "another order in one process" (fun () -> widths (fun i order -> order.Substring i))

    law "energy matching's flow from N(0, I) to its translation has its minimal loss at V(x) = −shift·x" (fun () -> translates 1.0)
    |> breaks "a tenth too fast" (fun () -> translates 1.1)

    law "on an exact potential, energy matching's gap has mean zero at the potential's temperature" (fun () -> gap warmth)
    |> breaks "at another temperature" (fun () -> gap (0.8 * warmth))

    law "on an exact potential, energy matching generates exp(−V/ε)" (fun () -> generates warmth)
    |> breaks "at another temperature" (fun () -> generates (0.8 * warmth))

    law "energy matching's chains from data descend by their steps, after the flow if they follow it, and end in the box" (fun () ->
        endAt 2.5 false none
        endAt 1.5 true none
        endAt 1.0 true (Nullable 1.0))
    |> breaks "chains that do not follow the flow" (fun () -> endAt 1.5 false none)

    law "a trimmed contrast leaves out the highest energies, a share of them rounded down" (fun () ->
        trimmed (fun energies share -> Objectives.Trimmed(energies, share)))
    |> breaks "the lowest energies" (fun () -> trimmed (fun energies share -> -Objectives.Trimmed(-energies, share)))

    law "below its floor, energy matching's contrast has no gradient" (fun () -> isCut -0.1)
    |> breaks "a floor that the contrast does not reach" (fun () -> isCut -100.0)
]
