/// Numbered deviates: Philox as published, the stated distributions, and the same bits wherever an element is computed.
module Ebm.Tests.Laws.DeviateLaws

#nowarn "9"

open System
open Microsoft.FSharp.NativeInterop
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// The output words of one counter, from the last lane of a vector.
let private philox (key: uint64) (counter: uint32 list) =
    let mutable a, b, c, d = Lanes4.Bits counter[0], Lanes4.Bits counter[1], Lanes4.Bits counter[2], Lanes4.Bits counter[3]
    Philox.Words<Lanes4>(key, &a, &b, &c, &d)
    let memory = NativePtr.stackalloc<float32> 16
    [ a; b; c; d ] |> List.iteri (fun i word -> Lanes4.Store(word, NativePtr.add memory (4 * i)))
    [ for i in 0..3 -> BitConverter.SingleToUInt32Bits(NativePtr.get memory (4 * i + 3)) ]

/// The vectors of the authors' library Random123 for ten rounds: counter, key as low word first, output.
let private published = [
    [ 0u; 0u; 0u; 0u ], 0UL, [ 0x6627e8d5u; 0xe169c58du; 0xbc57ac4cu; 0x9b00dbd8u ]
    List.replicate 4 0xffffffffu, UInt64.MaxValue, [ 0x408f276du; 0x41c83b0eu; 0xa20bc7c6u; 0x6d5451fdu ]
    [ 0x243f6a88u; 0x85a308d3u; 0x13198a2eu; 0x03707344u ], 0x299f31d0a4093822UL, [ 0xd16cfe09u; 0x94fdccebu; 0x5001e420u; 0x24126ea1u ]
]

let private known (change: uint64 -> uint64) =
    for counter, key, due in published do
        let found = philox (change key) counter
        must $"counter %A{counter}: %A{found} where %A{due} is published" (found = due)

let private withLanes lanes (work: unit -> unit) =
    let before = Vectors.Lanes

    if Vectors.Has lanes then
        try
            Vectors.Lanes <- lanes
            work ()
        finally
            Vectors.Lanes <- before

let private withThreads count (work: unit -> unit) =
    let before = Machine.Threads

    try
        Machine.Threads <- count
        work ()
    finally
        Machine.Threads <- before

let private single = torch.float32
let private blank (shape: int64[]) = torch.empty (shape, dtype = single)
let private normals (seed: uint64) (shape: int64[]) = (new Rng(seed)).NormalLike(blank shape)

/// Draws n and n + 1 of a stream, and their moments up to the fourth against N(0, 1).
let private independent (draw: Rng -> Tensor) =
    let count = 200_000
    let rng = new Rng 11UL
    let one, two, other = values (draw rng), values (draw rng), values (draw (new Rng 12UL))
    let squares = Array.map (fun x -> x * x)
    let apart what a b =
        Close.near $"{what}" 0.0 (Close.covariance a b)
        Close.near $"squares, {what}" 0.0 (Close.covariance (squares a) (squares b))

    Close.near "mean" 0.0 (Close.mean one)
    Close.near "variance" 1.0 (Close.variance one)
    Close.near "third moment" 0.0 (Close.mean (one |> Array.map (fun x -> x ** 3.0)))
    Close.near "fourth moment" 3.0 (Close.mean (one |> Array.map (fun x -> x ** 4.0)))
    // P(|x| > 4) = 6.33e-5, P(x > 3) = 1.3499e-3.
    Close.near "share beyond 3" 1.3499e-3 (Close.share (one |> Array.map (fun x -> x > 3.0)))
    apart "two draws" one two
    apart "two streams" one other
    // The elements whose words come from one counter are 16 apart; the two deviates of a pair are among them.
    for lag in [ 1; 2; 16; 32; 48; 64 ] do
        apart $"elements {lag} apart" one[.. count - 1 - lag] one[lag..]

let private drawn (rng: Rng) = rng.NormalLike(blank [| 200_000L |])

/// A float32 draw against a double draw of the same stream.
let private sources (make: uint64 -> Rng) =
    let rng = make 13UL
    let own = values (rng.NormalLike(blank [| 100_000L |]))
    let theirs = values ((make 13UL).NormalLike(torch.empty (100_000L, dtype = torch.float64)))
    Close.near "covariance" 0.0 (Close.covariance own theirs)

let all = [
    law "Philox4x32-10 gives the words that its authors published" (fun () -> known id)
    |> breaks "another key" (fun () -> known (fun key -> key ^^^ 1UL))

    law "an element of a draw has the same bits in a tensor of any shape, at every vector width, and on any number of threads" (fun () ->
        let whole = normals 3UL [| 20_000L |]
        Close.same "a matrix" 0 (whole.reshape (400L, 50L)) (normals 3UL [| 400L; 50L |])
        for count in [ 1L; 63L; 64L; 65L; 2049L ] do
            Close.same $"the first {count}" 0 (whole.narrow (0L, 0L, count)) (normals 3UL [| count |])
        for lanes in [ 16; 8; 4 ] do
            withLanes lanes (fun () -> Close.same $"{lanes} lanes" 0 whole (normals 3UL [| 20_000L |]))
        withThreads 3 (fun () -> Close.same "three threads" 0 whole (normals 3UL [| 20_000L |])))

    law "numbered normal deviates are N(0, 1), independent within a draw, between draws and between streams" (fun () -> independent drawn)
    |> breaks "a counter that repeats" (fun () ->
        independent (fun rng -> (rng.NormalLike(blank [| 3125L; 32L |])).repeat_interleave(2L, 0L).flatten()))
    |> breaks "the same number for each draw" (fun () -> independent (fun rng -> drawn (rng.Stream "one")))
    |> breaks "a variance of 1.03" (fun () -> independent (fun rng -> drawn rng * scalar 1.015))
    |> breaks "tails cut at 2.9" (fun () -> independent (fun rng -> (drawn rng).clamp(min = scalar -2.9, max = scalar 2.9)))

    law "float32 and double draws of one stream are independent" (fun () -> sources (fun seed -> new Rng(seed)))
    |> breaks "one for both" (fun () ->
        let own = values (drawn (new Rng 13UL))
        Close.near "covariance" 0.0 (Close.covariance own own))
]
