/// Random streams are named and passed as arguments; they are independent of each other and of the order of use, and have the stated distributions.
module Ebm.Tests.Laws.RngLaws

open System
open FsCheck
open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private count = 100_000L

/// The largest distance between a sample's distribution and the claimed one, with Kolmogorov's bound, which holds for any distribution.
let private distributed what (cumulative: float -> float) (sample: float[]) =
    let sorted, n = Array.sort sample, float sample.Length
    let distance =
        sorted |> Array.mapi (fun i x -> max (abs (cumulative x - float i / n)) (abs (cumulative x - float (i + 1) / n))) |> Array.max
    // P(√n D > d) ≈ 2 exp(−2d²), as small as Close.k allows.
    let bound = sqrt (log (2.0 / 7e-6) / 2.0 / n)
    must $"{what}: the distributions are {distance:G3} apart; chance would give at most {bound:G3}" (distance < bound)

let private uniform x = max 0.0 (min 1.0 x)

/// Φ by quadrature, because the error function has no closed form.
let private normal =
    let step = 1e-3
    let cells = [| for x in -8.0 .. step .. 8.0 -> exp (-((x + step / 2.0) ** 2.0) / 2.0) / sqrt (2.0 * Math.PI) * step |]
    let upTo = Array.scan (+) 0.0 cells
    fun x ->
        let at = (max -8.0 (min 7.999 x) + 8.0) / step
        let i = int at
        upTo[i] + (at - float i) * (upTo[i + 1] - upTo[i])

let private frequencies (draws: Tensor) classes =
    let draws = values (draws.``to`` torch.float64)
    [ for c in 0 .. classes - 1 -> draws |> Array.map ((=) (float c)) |> Close.share ]

let private drawsSoftmax (draw: Rng -> Tensor -> Tensor) =
    let logits = [ 0.0; 1.0; -2.0; 3.0; -6.0 ]
    let total = logits |> List.sumBy exp
    let drawn = draw (rng "categorical") ((row logits).expand(count, 5L))

    for i, found in List.indexed (frequencies drawn 5) do
        Close.near $"share of class {i}" (exp logits[i] / total) found

/// Streams whose names differ in only one letter, or whose numbers are consecutive.
let private streams (of': Rng -> int64 -> Rng) =
    let root = rng "streams"
    let firsts = [| for i in 0L .. 9_999L -> use _ = torch.NewDisposeScope() in values (((of' root i).Normal 2L)) |]
    let first, second = Array.map (Array.item 0) firsts, Array.map (Array.item 1) firsts
    distributed "first draws of 10,000 streams" normal first
    Close.near "correlation of neighbouring streams" 0.0 (Close.covariance first[..9_998] first[1..])
    Close.near "correlation within a stream" 0.0 (Close.covariance first second)
    Close.near
        "correlation of squares"
        0.0
        (Close.covariance (Array.map (fun x -> x * x) first[..9_998]) (Array.map (fun x -> x * x) first[1..]))

let all = [
    law "a stream is a pure function of its parent's seed and its name: drawing, order and other streams change nothing" (fun () ->
        let draw (r: Rng) = r.Normal 5L
        let due = draw ((new Rng(7UL, device)).Stream "a")
        let root = new Rng(7UL, device)
        root.Normal 100L |> ignore
        (root.Stream "b").Normal 3L |> ignore
        (root.Stream "a").Normal 3L |> ignore
        Close.same "the stream a" 0 due (draw (root.Stream "a"))
        must "another name must draw other numbers" (values (draw (root.Stream "b")) <> values due)
        must "another seed must draw other numbers" (values (draw ((new Rng(8UL, device)).Stream "a")) <> values due)
        must "the root must not draw as its stream" (values (draw (new Rng(7UL, device))) <> values due)
        must "the stream of a stream must differ from that of the root" (values (draw ((root.Stream "a").Stream "a")) <> values due))

    law "seeds of streams are the same on every machine and in every version" (fun () ->
        // The first eight bytes, little-endian, of SHA-256 over the parent's eight bytes and the name.
        let due =
            use hash = Security.Cryptography.SHA256.Create()
            BitConverter.ToUInt64(hash.ComputeHash(Array.append (BitConverter.GetBytes 42UL) (Text.Encoding.UTF8.GetBytes "training")), 0)

        must "of a name" ((new Rng(42UL, device)).Stream("training").Seed = due)
        must "of a number" ((new Rng(42UL, device)).Stream(12L).Seed = (new Rng(42UL, device)).Stream("12").Seed))

    law "numbered streams are independent of their neighbours" (fun () -> streams (fun root i -> root.Stream i))
    |> breaks "one stream for two numbers" (fun () -> streams (fun root i -> root.Stream(i / 2L)))

    law "normal, uniform and integer draws have their distributions, in double and in float32" (fun () ->
        for dtype in [ torch.float64; torch.float32 ] do
            inDtype
                dtype
                (fun () ->
                    let rng = rng "moments"
                    distributed "normal" normal (values (rng.Normal count))
                    distributed "normal like" normal (values (rng.NormalLike(torch.empty (count, device = device))))
                    distributed "uniform" uniform (values (rng.Uniform count))
                    distributed "uniform like" uniform (values (rng.UniformLike(torch.empty (count, device = device))))
                    must "uniform on [0, 1)" (values (rng.Uniform count) |> Array.forall (fun u -> u >= 0.0 && u < 1.0)))
                ()

        let integers = (rng "integers").Integers(7L, count)
        must "integers are int64" (integers.dtype = torch.int64)
        for i, found in List.indexed (frequencies integers 7) do
            Close.near $"share of {i}" (1.0 / 7.0) found)
    |> breaks "a squared uniform" (fun () -> distributed "uniform" uniform (values ((rng "moments").Uniform(count).square())))
    |> breaks "a normal a twentieth too narrow" (fun () -> distributed "normal" normal (values (0.95 * (rng "moments").Normal count)))

    law "a categorical draw has the softmax of its logits" (fun () -> drawsSoftmax (fun rng logits -> rng.Categorical logits))
    |> breaks "at another temperature" (fun () -> drawsSoftmax (fun rng logits -> rng.Categorical(1.1 * logits)))

    law "a categorical draw never has probability zero, whatever the scale of the logits" (fun () ->
        for dtype in [ torch.float64; torch.float32 ] do
            let logits = torch.tensor ([| -infinity; 1e4; -infinity; 1e4; -1e4 |], dtype = torch.float64, device = device)
            let drawn = (rng "impossible").Categorical((logits.``to`` dtype).expand(count, 5L))
            let shares = frequencies drawn 5
            must $"{dtype}: an impossible class was drawn" (List.forall (fun i -> shares[i].Value = 0.0) [ 0; 2; 4 ])
            Close.near $"{dtype}: share of class 1" 0.5 shares[1])

    law "a permutation contains each number once, in every place equally often" (fun () ->
        let rng = rng "permutation"
        let places = [| for _ in 1..5000 -> values ((rng.Permutation 5L).``to`` torch.float64) |]
        must "every number must occur once" (places |> Array.forall (fun p -> Array.sort p = [| 0.0; 1.0; 2.0; 3.0; 4.0 |]))

        for place in 0..4 do
            for number in 0..4 do
                Close.near
                    $"share of {number} in place {place}"
                    0.2
                    (places |> Array.map (fun p -> p[place] = float number) |> Close.share))

    law "batches use every row once per epoch, in another order each time, and a cursor restores the position" (fun () ->
        let data = torch.arange(10L, device = device).``to``(torch.float64).unsqueeze 1L
        let batches () = Batches(data, 3L, rng "batches")
        let one = batches ()
        let taken = [ for _ in 1..9 -> values (one.Next()) |> List.ofArray ]
        let epochs = taken |> List.chunkBySize 3 |> List.map List.concat

        for epoch in epochs do
            must "no row may occur twice in an epoch" ((List.distinct epoch).Length = 9)

        must "epochs must have different orders" ((List.distinct epochs).Length = 3)

        for i in 0..8 do
            let before = batches ()
            for _ in 1..i do
                before.Next() |> ignore
            let after = batches ()
            after.Next() |> ignore
            after.Cursor <- before.Cursor
            must $"after {i} batches the cursor does not restore the position" (values (after.Next()) |> List.ofArray = taken[i]))

    law "a batch with more rows than the data is rejected" (fun () ->
        let data = torch.zeros (10L, 1L, device = device)
        throws<SettingException, _> [ "batch"; "10"; "11" ] (fun () -> Batches(data, 11L, rng "batches")))
]
