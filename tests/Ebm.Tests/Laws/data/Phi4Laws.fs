/// The φ⁴ field: log Z and rows against quadrature, closed forms, identities of the density, and chains that share no code with it.
module Ebm.Tests.Laws.Phi4Laws

open System
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private settings side massSquared coupling = Phi4Spec(side, massSquared, coupling, Train = 500, Test = 500)
let private usual = settings 8 -1.25 0.25
let private field (spec: Phi4Spec) = Phi4(spec, device)

// Each takes a second to anneal.
let private onEight = lazy (field usual)
let private rows = lazy (onEight.Value.Draw(40_000, rng "rows").DetachFromDisposeScope())

/// Fields of three sizes at the usual couplings.
let private fields = [ 2, lazy (field (settings 2 -1.25 0.25)); 3, lazy (field (settings 3 -1.25 0.25)); 8, onEight ]

/// Rows of chains with other lengths; log Z does not matter.
let private shorter climb settle = (field (Phi4Spec(Chains = 2000, Climb = climb, Settle = settle))).Draw(40_000, rng "rows")

let private estimated (logZ: LogRatio) = { Close.Value = logZ.Value; Close.Error = logZ.Se }

// The definitions once more, by loops.

let private site side row column = (row + side) % side * side + (column + side) % side

let private action side massSquared coupling (x: float[]) =
    let mutable sum = 0.0

    for row in 0 .. side - 1 do
        for column in 0 .. side - 1 do
            let here = x[site side row column]
            let right, below = x[site side row (column + 1)] - here, x[site side (row + 1) column] - here
            let square = here * here
            sum <- sum + (right * right + below * below + massSquared * square) / 2.0 + coupling * square * square

    sum

/// The matrix K of S = φᵀKφ/2 at λ = 0.
let private stiffness side massSquared =
    let sites = side * side
    let unit at = Array.init sites (fun i -> if Array.contains i at then 1.0 else 0.0)
    let s at = action side massSquared 0.0 (unit at)
    Array2D.init sites sites (fun i j -> if i = j then 2.0 * s [| i |] else s [| i; j |] - s [| i |] - s [| j |])

/// log ∫ exp(−φᵀKφ/2) dφ.
let private gaussian (k: float[,]) =
    let logDeterminant = 2.0 * value ((torch.linalg.cholesky (torch.tensor (k, dtype = torch.float64))).diagonal().log().sum())
    (float (Array2D.length1 k) * log (2.0 * Math.PI) - logDeterminant) / 2.0

/// Points of the trapezoid rule: outside ±3 there are e⁻¹⁵ of the usual settings' integrand and less of the others'.
let private grid spacing = [| for i in -(int (3.0 / spacing)) .. int (3.0 / spacing) -> spacing * float i |]

/// log Z on 2 × 2 sites as a sum over a grid in four dimensions.
let private bySum massSquared coupling spacing =
    let points = grid spacing

    seq {
        for a in points do
            for b in points do
                for c in points do
                    for d in points -> exp -(action 2 massSquared coupling [| a; b; c; d |])
    }
    |> Seq.sum
    |> fun total -> log total + 4.0 * log spacing

/// log Z as the trace of the L-th power of the transfer matrix between two rows of the lattice.
let private byTransfer side massSquared coupling spacing =
    let points: Tensor = torch.tensor (grid spacing, dtype = torch.float64)
    let row: Tensor = torch.cartesian_prod (Array.create side points)
    let along: Tensor = row - row.roll (1L, 1L)
    let square: Tensor = row.square ()
    let within: Tensor = along.square () / 2.0 + square * (massSquared / 2.0) + square * square * coupling
    let apart: Tensor = points.unsqueeze 1L - points.unsqueeze 0L
    let bond: Tensor = (apart.square () / -2.0).exp() * spacing
    let between = Seq.replicate (side - 1) bond |> Seq.fold (fun (p: Tensor) next -> p.kron next) bond
    let transfer: Tensor = between * (-within.sum(1L)).exp()
    let power = Seq.replicate (side - 2) transfer |> Seq.fold (fun (p: Tensor) t -> p.matmul t) transfer
    log (value ((power * transfer.t ()).sum()))

/// The finest result; its error is at most the change from a coarser grid, because the rule's error falls faster than any power.
let private refined (of': float -> float) = { Close.Value = of' 0.5; Close.Error = abs (of' 0.5 - of' 0.6) }

let private quadratures shift =
    for massSquared, coupling in [ -1.25, 0.25; 0.5, 1.0 ] do
        let shifted = coupling * shift

        for side, due in [ 2, refined (bySum massSquared shifted); 3, refined (byTransfer 3 massSquared shifted) ] do
            let found = estimated (field (settings side massSquared coupling)).LogZ
            Close.near $"log Z on {side} × {side} sites, m² = {massSquared}, λ = {coupling}" 0.0 (found - due)

/// Hamiltonian Monte Carlo of one chain: means of what is observed after each trajectory, with the errors of the means of fifty stretches.
let private chain side massSquared coupling trajectories (seed: int) (observe: float[] -> float[]) =
    let random, sites = Random seed, side * side
    let normal () = sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())
    let neighbours =
        Array.init sites (fun i ->
            let row, column = i / side, i % side
            [| site side row (column + 1); site side row (column - 1); site side (row + 1) column; site side (row - 1) column |])

    let push (p: float[]) (x: float[]) step =
        for i in 0 .. sites - 1 do
            let near = neighbours[i]
            let others = x[near[0]] + x[near[1]] + x[near[2]] + x[near[3]]
            p[i] <- p[i] - step * (x[i] * (4.0 + massSquared + 4.0 * coupling * x[i] * x[i]) - others)

    let energy x (p: float[]) = action side massSquared coupling x + Array.sumBy (fun v -> v * v) p / 2.0
    let mutable x = Array.init sites (fun _ -> normal () / 2.0)

    let moved () =
        let step = 0.2 + 0.1 * random.NextDouble()
        let p, y = Array.init sites (fun _ -> normal ()), Array.copy x
        let before = energy y p

        for _ in 1..12 do
            push p y (step / 2.0)

            for i in 0 .. sites - 1 do
                y[i] <- y[i] + step * p[i]

            push p y (step / 2.0)

        if random.NextDouble() < exp (before - energy y p) then x <- y
        observe x

    for _ in 1..200 do
        moved () |> ignore

    let stretches =
        Array.init 50 (fun _ -> Array.init (trajectories / 50) (fun _ -> moved ()) |> Array.transpose |> Array.map Array.average)

    stretches |> Array.transpose |> Array.map Close.mean

/// log Z at the usual settings from the free field of m₁² = 1: its normaliser minus ∫₀¹ ⟨S − S₁⟩ dβ, by the Gauss–Legendre rule with eight points.
let private byIntegration coupling =
    let rule = [
        0.1834346424956498, 0.3626837833783620
        0.5255324099163290, 0.3137066458778873
        0.7966664774136267, 0.2223810344533745
        0.9602898564975363, 0.1012285362903763
    ]

    let points = [
        for at, weight in rule do
            for side in [ -1.0; 1.0 ] -> (1.0 + side * at) / 2.0, weight / 2.0
    ]

    let terms =
        points
        |> List.mapi (fun i (beta, weight) ->
            let difference = Array.sumBy (fun v -> v * v * (coupling * v * v - 1.125))
            let found = (chain 8 (1.0 - 2.25 * beta) (beta * coupling) 20_000 i (fun x -> [| difference x |]))[0]
            { Close.Value = weight * found.Value; Close.Error = weight * found.Error })

    let free = { Close.Value = gaussian (stiffness 8 1.0); Close.Error = 0.0 }
    terms |> List.fold (fun sum term -> sum - term) free

let private integrated coupling =
    Close.near "log Z less thermodynamic integration" 0.0 (estimated onEight.Value.LogZ - byIntegration coupling)

/// Nearly free: to first order λ changes log Z by −λ Σ ⟨φ⁴⟩, and covariances by a millionth.
let private free side massSquared =
    let coupling = 1e-6
    let law = field (settings side 0.5 coupling)
    let k = stiffness side massSquared
    let inverse: Tensor = torch.linalg.inv (torch.tensor (k, dtype = torch.float64))
    let sites = side * side
    let due = values inverse |> fun flat -> Array2D.init sites sites (fun i j -> flat[i * sites + j])
    let zero = Array.zeroCreate sites
    Close.near "log Z" (gaussian k - 3.0 * coupling * float sites * due[0, 0] ** 2.0) (estimated law.LogZ)
    Close.moments "the free field" zero due (law.Free(20_000, rng "free"))
    Close.moments "rows" zero due (law.Draw(20_000, rng "rows"))

/// By parts, ∫ ∂_i (f p) = 0, so that E[f ∂S/∂φ_i] = E[∂f/∂φ_i] for any f.
let private byParts (rows: Tensor) coupling =
    let rows = rows.``to`` torch.float64
    let lattice = rows.reshape (-1L, 8L, 8L)
    let beside = lattice.roll (1L, 1L) + lattice.roll (-1L, 1L) + lattice.roll (1L, 2L) + lattice.roll (-1L, 2L)
    let slope: Tensor = rows * (4.0 - 1.25) + rows * rows * rows * (4.0 * coupling) - beside.reshape rows.shape
    let magnetisation, total = rows.mean [| 1L |], slope.sum [| 1L |]
    let square = magnetisation * magnetisation
    let near what due (sample: Tensor) = Close.near what due (Close.mean (values sample))
    near "mean over sites of φ ∂S/∂φ" 1.0 ((rows * slope).mean [| 1L |])
    near "M Σ ∂S/∂φ" 1.0 (magnetisation * total)
    near "M³ Σ ∂S/∂φ − 3M²" 0.0 (square * magnetisation * total - square * 3.0)
    near "M" 0.0 magnetisation
    Close.near "positive rows" 0.5 (Close.share (values magnetisation |> Array.map (fun m -> m > 0.0)))

/// Moments whose chains are slow, and those of neighbours, from rows and from one long chain of other code.
let private observe (x: float[]) =
    let pairs = Array.mapi (fun i v -> v * (x[site 8 (i / 8) (i + 1)] + x[site 8 (i / 8 + 1) (i % 8)])) x
    let square = let m = Array.average x in m * m
    [| Array.averageBy (fun v -> v * v) x; square; square * square; Array.average pairs |]

let private ofChain = lazy (chain 8 -1.25 0.25 50_000 20 observe)

let private moments (rows: Tensor) =
    let found = values rows |> Array.chunkBySize 64 |> Array.map observe |> Array.transpose

    for name, found, due in Array.zip3 [| "φ²"; "M²"; "M⁴"; "φφ′ + φφ″" |] found ofChain.Value do
        Close.near $"{name} of rows less that of the chain" 0.0 (Close.mean found - due)

/// No row of one part is, up to sign, a row of the other, and squared magnetisations neither of the parts nor of consecutive rows are correlated.
let private apart (first: Tensor) (second: Tensor) =
    let signless (rows: Tensor) = values (rows.abs ()) |> Array.chunkBySize 64 |> Array.map List.ofArray |> set
    must "a row is in both parts" (Set.intersect (signless first) (signless second)).IsEmpty
    let squared (rows: Tensor) = values ((rows.mean [| 1L |]).square())
    let a, b = squared first, squared second
    Close.near "covariance of M² of the parts" 0.0 (Close.covariance a b)
    Close.near "covariance of M² of consecutive rows" 0.0 (Close.covariance a[1..] a[.. a.Length - 2])

let private parts () =
    let data = (Phi4Spec(Train = 4000, Test = 4000, Chains = 2000) :> ISpec<IDataset>).Build(Site([||], device, rng "data", ""))
    data.Train, data.Test

let private density coupling =
    for side, law in fields do
        let law = law.Value
        let points = (rng "points").NormalLike(torch.empty (20L, int64 (side * side), device = device))
        let due = values points |> Array.chunkBySize (side * side) |> Array.map (fun x -> -(action side -1.25 coupling x) - law.LogZ.Value)
        // Squares, fourth powers and products of neighbours: some ten roundings a site.
        Close.same $"log density on {side} × {side} sites" (10 * side * side) (row (List.ofArray due)) (law.LogDensity points)

let private tiles beta =
    for side, law in fields do
        let law = law.Value
        let points = (rng "points").NormalLike(torch.empty (50L, int64 (side * side), dtype = torch.float32, device = torch.CPU))
        let x = points.``to``(torch.float64).requires_grad_ true
        let energy = law.Action(0.7).Of x
        let slope = (gradients (energy.sum ()) [ x ])[0]
        let struct (plain, own) = law.Action(0.7).WithSlope(x.detach ())
        // The largest terms of a slope are about as large as the largest slope.
        Close.same "the closed slope" 40 slope own
        Close.same "its energy" 1 (energy.detach ()) plain
        let struct (tiled, tiledSlope) = law.Action(beta).WithSlope points
        let single (t: Tensor) = t.detach().``to`` torch.float32
        Close.same $"energies on tiles, {side} × {side} sites" (10 * side * side) (single energy) tiled
        Close.same $"slopes on tiles, {side} × {side} sites" 40 (single slope) tiledSlope

let private refuses setting (construct: unit -> obj) = throws<SettingException, _> [ setting ] construct

let all: Law list = [
    law "phi4: log Z on small lattices is that of quadrature and of the transfer matrix, within its standard error" (fun () ->
        quadratures 1.0)
    |> breaks "a coupling a twentieth stronger" (fun () -> quadratures 1.05)

    law "phi4: log Z on 8 × 8 sites is that of thermodynamic integration by separate chains, within both errors" (fun () -> integrated 0.25)
    |> breaks "a coupling a twentieth stronger" (fun () -> integrated 0.2625)

    law "phi4: log Z has a standard error of at most five thousandths of a nat by default, and is the same for all seeds" (fun () ->
        let built (seed: string) = (usual :> ISpec<IDataset>).Build(Site([||], device, rng seed, "")) :?> IKnownDensity
        let at (data: IKnownDensity) = value (data.LogDensity(torch.ones (1L, 64L, device = device)))
        let logZ = onEight.Value.LogZ
        must $"log Z is {logZ}" (logZ.Se > 0.0 && logZ.Se <= 0.005)
        let one, other = at (built "one"), value (onEight.Value.LogDensity(torch.ones (1L, 64L, device = device)))
        must $"a data set has the log density {one}, and one of no seed {other}" (one = other))

    law "phi4: without coupling, log Z and the covariances of the free field and of rows are the closed forms" (fun () -> free 4 0.5)
    |> breaks "a squared mass a tenth larger" (fun () -> free 4 0.55)

    law "phi4: rows satisfy the identities of integration by parts, and half of them are positive" (fun () -> byParts rows.Value 0.25)
    |> breaks "a coupling a twentieth stronger" (fun () -> byParts rows.Value 0.2625)
    |> breaks "rows that have not left the free field" (fun () -> byParts (shorter 1 1) 0.25)

    law "phi4: rows have the moments of a long chain of other code" (fun () -> moments rows.Value)
    |> breaks "rows whose chains are a quarter as long" (fun () -> moments (shorter 4 5))

    law "phi4: training and test rows are independent, and so are rows of one part" (fun () -> parts () ||> apart)
    |> breaks "one stream for both parts" (fun () -> let train, _ = parts () in apart train (-train))

    law "phi4: the log density is the action, term by term, less log Z" (fun () -> density 0.25)
    |> breaks "a coupling a millionth stronger" (fun () -> density 0.25000025)

    law "phi4: energies and slopes on tiles are those of tensors and of autograd" (fun () -> tiles 0.7)
    |> breaks "slightly further along the path" (fun () -> tiles 0.701)

    law "phi4: no coupling, a lattice of 17 and a log Z without enough rungs are rejected" (fun () ->
        refuses "Coupling" (fun () -> Phi4Spec(Coupling = 0))
        refuses "Side" (fun () -> Phi4Spec(Side = 17))
        refuses "Rungs" (fun () -> field (Phi4Spec(Rungs = 4, Chains = 1000))))
]
