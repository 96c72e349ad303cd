/// Two-sample metrics: kernel discrepancies compared with closed forms, and the classifier's accuracy with Bayes'.
module Ebm.Tests.Laws.TwoSampleLaws

open System
open System.Collections.Generic
open TorchSharp
open Ebm.Core
open Ebm.Metrics
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private site = Site([||], device, rng "two samples", "")
let private never () : 'a = raise (InvalidOperationException "a metric of samples must not call this")

type private NoMethod() =
    inherit Method("no-method", [| 1L |])
    override _.Parts = Dictionary<string, torch.nn.Module>() :> IReadOnlyDictionary<_, _>
    override _.Iterate(_, _) = never ()
    override _.Sample(_, _) = never ()

/// Real rows, for training and for testing.
let private data shape (draw: int64 -> Rng -> Tensor) (count: int64) =
    let train, test = draw count (rng "train"), draw count (rng "test")

    {
        new IDataset with
            member _.Name = "rows"
            member _.Shape = shape
            member _.Train = train
            member _.Test = test
            member _.Digest = ""
    }

let private measured (spec: ISpec<IMetric>) data samples =
    (spec.Build site).Measure(Subject(new NoMethod(), data, samples, rng "measure")) |> Seq.map (fun m -> m.Name, m) |> Map.ofSeq

let private estimate name (found: Map<string, Measurement>) = { Close.Value = found[name].Value; Close.Error = found[name].Se.Value }

let private within what due tolerance found =
    must $"{what} is {found} instead of {due}; {tolerance:E1} is allowed" (abs (found - due) <= tolerance)

/// 2 E k(X, X′) − 2 E k(X, Y) for X ~ N(0, 1), Y ~ N(m, 1), where X − Y ~ N(m, 2) gives E k = h/√(h² + 2) exp(−m²/2(h² + 2)).
let private apart h m = 2.0 * h / sqrt (h * h + 2.0) * (1.0 - exp (-m * m / (2.0 * (h * h + 2.0))))

let private repeated dimension shift truth ratio =
    let found = [|
        for i in 1L .. 300L ->
            let rng = (rng "repeated").Stream i
            Mmd.Between(rng.Normal(150L, dimension), rng.Normal(200L, dimension) + shift, 0.8 * sqrt (float dimension))
    |]
    let values = found |> Array.map (fun struct (v, _) -> v)
    Close.near "mean" truth (Close.mean values)
    let spread = sqrt (float values.Length) * (Close.mean values).Error
    let claimed = (found |> Array.averageBy (fun struct (_, se) -> se)) / spread
    // The spread of n values has a relative error of 1/√2n.
    Close.near "standard error over spread" ratio { Value = claimed; Error = claimed / sqrt (2.0 * float values.Length) }

let private byPairs self =
    let x, y = [| [| 0.0; 0.0 |]; [| 1.0; 2.0 |]; [| -1.0; 0.5 |] |], [| [| 0.5; 0.5 |]; [| 2.0; 0.0 |] |]
    let k (a: float[]) (b: float[]) = exp (-(Array.fold2 (fun s u v -> s + (u - v) ** 2.0) 0.0 a b) / (2.0 * 1.5 * 1.5))

    let among (z: float[][]) =
        Seq.average (
            seq {
                for i in 0 .. z.Length - 1 do
                    for j in 0 .. z.Length - 1 do
                        if self || i <> j then k z[i] z[j]
            }
        )

    let due = among x + among y - 2.0 * Seq.average (Seq.allPairs x y |> Seq.map (fun (a, b) -> k a b))
    let tensor (z: float[][]) = rows [ for r in z -> List.ofArray r ]
    let struct (found, _) = Mmd.Between(tensor x, tensor y, 1.5)
    within "mmd" due 1e-12 found

let private kernels = [
    law "mmd of a few points is its definition, over all pairs of different rows" (fun () -> byPairs false)
    |> breaks "rows paired with themselves" (fun () -> byPairs true)

    law "between equal laws mmd averages zero, and its standard error is √2 times its spread" (fun () -> repeated 8L 0.0 0.0 (sqrt 2.0))
    |> breaks "distributions a fifth of a standard deviation apart in each direction" (fun () -> repeated 8L 0.2 0.0 (sqrt 2.0))

    law "between N(0, 1) and N(1, 1) mmd is its closed form, and its standard error its spread" (fun () ->
        repeated 1L 1.0 (apart 0.8 1.0) 1.0)
    |> breaks "a kernel twice as wide" (fun () -> repeated 1L 1.0 (apart 1.6 1.0) 1.0)

    law "rows closer to each other than by chance, such as copies, do not give a significant value" (fun () ->
        let x = (rng "copied").Normal(200L, 1L)
        let struct (found, se) = Mmd.Between(x, x + 0.001, 0.8)
        must $"{found} with a standard error of {se}" (found < 0.0 && -found < Close.k * se))

    law "the kernel's width is the median distance of real rows, for all samples" (fun () ->
        let rows = data [| 1L |] (fun n rng -> rng.Normal(n, 1L)) 3000L
        // The median of |N(0, 2)|, .67449 √2.
        let due = apart 0.95387 1.0
        let found = measured (MmdSpec(Reference = 3000L)) rows ((rng "samples").Normal(2000L, 1L) + 1.0)
        let mmd = estimate "mmd" found
        // The width is estimated from 1,000 rows, with an error of about two per cent; half of that affects the value.
        Close.near "mmd" due { mmd with Error = mmd.Error + 0.01 * due / Close.k }
        Close.near "its floor" 0.0 (estimate "mmd/floor" found))
]

let private images = data [| 1L; 8L; 8L |] (fun n rng -> rng.Normal(n, 1L, 8L, 8L).sign()) 400L

let private ofImages (features: Features) (change: Tensor -> Tensor) () =
    let samples = change ((rng "images").Normal(400L, 1L, 8L, 8L).sign())
    let found = measured (KidSpec(Features = features, Samples = 400L, Reference = 400L)) images samples
    Close.near "kid" 0.0 (estimate "kid" found)
    Close.near "its floor" 0.0 (estimate "kid/floor" found)

let private kid = [
    for features in [ Features.Pixels; Features.Convolutions ] do
        law $"kid by {features} of images of the same law is zero within its error" (ofImages features id)
        |> breaks
            "images with a bright edge"
            (ofImages features (fun x -> torch.cat ([| x.narrow (3L, 0L, 7L); x.narrow(3L, 7L, 1L).abs() |], 3L)))

    law "kid does not measure rows that are not images" (fun () ->
        let rows = data [| 64L |] (fun n rng -> rng.Normal(n, 64L)) 10L
        must "it must not measure" (measured (KidSpec()) rows rows.Test).IsEmpty)
]

/// Φ(z).
let private normal (z: float) = (1.0 + value (torch.special.erf (number (z / sqrt 2.0)))) / 2.0

let private told shift due =
    let rows = data [| 2L |] (fun n rng -> rng.Normal(n, 2L)) 4000L
    let found = measured (ClassifierTestSpec(Epochs = 10)) rows ((rng "samples").Normal(4000L, 2L) + shift / sqrt 2.0)
    let accuracy = estimate "classifier-test" found
    // A net fitted to 4,000 rows is worse than Bayes by at most a standard error here, and never better.
    Close.near $"accuracy at a distance of {shift}" due { accuracy with Error = accuracy.Error * (1.0 + 1.0 / Close.k) }
    Close.near "its floor" 0.5 (estimate "classifier-test/floor" found)

let private classifier = [
    law "a classifier of N(0, I) and N(μ, I) has the accuracy of Bayes, Φ(|μ|/2), and one half at μ = 0" (fun () ->
        told 0.0 0.5
        told 1.0 (normal 0.5))
    |> breaks "compared with the wrong distribution" (fun () -> told 1.5 (normal 0.5))

    law "separated samples give an accuracy of 1" (fun () ->
        let rows = data [| 2L |] (fun n rng -> rng.Normal(n, 2L)) 400L
        let found = measured (ClassifierTestSpec()) rows ((rng "samples").Normal(400L, 2L) + 20.0)
        let test = found["classifier-test"]
        must $"{test}" (test.Value = 1.0 && test.Se.Value > 0.0))

    law "a two-sample metric depends only on its stream, leaves no live tensors, and returns complete measurements" (fun () ->
        let rows = data [| 1L; 8L; 8L |] (fun n rng -> rng.Normal(n, 1L, 8L, 8L)) 60L
        let specs: ISpec<IMetric> list = [ MmdSpec(); KidSpec(); ClassifierTestSpec(Epochs = 2) ]
        let measure () = [ for spec in specs -> measured spec rows rows.Train |> Map.map (fun _ m -> m.Value) ]
        let first = measure ()
        collected ()
        let before = live ()
        must "two calls must give the same value" (measure () = first)
        collected ()
        must $"{live () - before} more tensors live" (live () = before)

        for spec in specs do
            for m in (measured spec rows rows.Train).Values do
                must $"{m} is incomplete" (m.Unit <> "" && not (isNull m.Protocol) && m.N.HasValue && m.Se.HasValue))
]

let all: Law list = kernels @ kid @ classifier
