/// Ranks that are threads of this process, so that laws about ranks need no MPI. A rank that ends early ends the others, too.
module Ebm.Tests.ThreadRanks

open System
open System.Threading
open Ebm.Devices

/// What all threads see.
type Shared(count: int) =
    let all = new Barrier(count)

    member val Shares: byte[][] = Array.create count [||]
    member _.Count = count

    /// Each thread shows its bytes, then all read them.
    member shared.Exchange(rank: int, share: byte[]) : byte[][] =
        shared.Shares[rank] <- share

        if not (all.SignalAndWait 60_000) then raise (TimeoutException "a rank did not come")

        let found = Array.copy shared.Shares
        all.SignalAndWait() |> ignore
        found

let private bytes (numbers: Array) =
    let found = Array.zeroCreate<byte>(Buffer.ByteLength numbers)
    Buffer.BlockCopy(numbers, 0, found, 0, found.Length)
    found

let private numbers<'a> (share: byte[]) : 'a[] =
    let found = Array.zeroCreate<'a>(share.Length / sizeof<'a>)
    Buffer.BlockCopy(share, 0, found, 0, share.Length)
    found

type ThreadRank(shared: Shared, rank: int) =
    inherit Ranks()
    override _.Count = shared.Count
    override _.Rank = rank
    override _.Library = "threads 1"

    override _.Add(all: Span<float32>) =
        let shares = shared.Exchange(rank, bytes (all.ToArray()))
        (shares |> Array.map numbers<float32> |> Array.reduce (Array.map2 (+))).CopyTo all

    override _.Add(all: Span<float>) =
        let shares = shared.Exchange(rank, bytes (all.ToArray()))
        (shares |> Array.map numbers<float> |> Array.reduce (Array.map2 (+))).CopyTo all

    override _.Highest(all: Span<int64>) =
        let shares = shared.Exchange(rank, bytes (all.ToArray()))
        (shares |> Array.map numbers<int64> |> Array.reduce (Array.map2 max)).CopyTo all

    override _.Collect(share: ReadOnlySpan<byte>, all: Span<byte>) = (shared.Exchange(rank, share.ToArray()) |> Array.concat).CopyTo all

/// What each of so many ranks computes, or the exception that ended it.
let eachOf (count: int) (make: Shared -> int -> Ranks) (compute: unit -> 'a) : Result<'a, exn> list =
    let shared = Shared count
    let found = Array.create count (Error(exn "it did not end"))

    let threads = [
        for rank in 0 .. count - 1 ->
            Thread(fun () ->
                Ranks.Join(make shared rank)

                found[rank] <-
                    try
                        Ok(compute ())
                    with e ->
                        Error e)
    ]

    for thread in threads do
        thread.Start()

    for thread in threads do
        thread.Join()

    List.ofArray found

let usual (shared: Shared) (rank: int) : Ranks = ThreadRank(shared, rank)

/// What each of so many ranks computes; one rank is this thread, without any.
let together (count: int) (compute: unit -> 'a) : 'a list =
    if count = 1 then
        [ compute () ]
    else
        eachOf count usual compute
        |> List.map (function
            | Ok found -> found
            | Error e -> raise e)
