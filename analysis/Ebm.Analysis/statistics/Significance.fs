/// Is the difference more than the seeds' noise? Exact tests for few runs, and how few is too few to tell.
///
/// Paired runs: the sign-flip test (Fisher, "The Design of Experiments", 1935, § 21). Were both equally good, each difference could as
/// well have had the other sign, so the p-value is the share of all sign patterns whose mean is as far from zero. n pairs have 2ⁿ
/// patterns, and no p-value below 2/2ⁿ: five pairs cannot reach .05. Unpaired runs: the permutation test, over all ways of dealing the
/// runs to the two. Both two-sided.
module Ebm.Analysis.Significance

open System
open Ebm.Records

/// The level of every test and interval.
let level = 0.05

/// More pairs than this are sampled.
let exactPairs = 16

/// More ways of dealing than this are sampled.
let exactDeals = 200_000L

/// Random patterns of a test that is not exact; the observed one is another.
let patterns = 19_999

/// Sums that are equal but for rounding count as equal.
let private asFar (size: float) (observed: float) =
    let bound = abs observed - 1e-11 * size
    fun (sum: float) -> abs sum >= bound

/// Every sum of differences with signs, of at most 16 differences; the first has all as they are.
let private signedSums (differences: float[]) =
    let mutable sums = [| 0.0 |]

    for difference in differences do
        sums <- Array.append (sums |> Array.map (fun sum -> sum + difference)) (sums |> Array.map (fun sum -> sum - difference))

    sums

/// The two-sided p-value of paired differences against a mean of zero: exact up to 16 pairs, above from random sign patterns.
let signFlip (generator: Generator) (differences: float[]) =
    let n = differences.Length
    let isAsFar = asFar (differences |> Array.sumBy abs) (Array.sum differences)

    if n = 0 then
        1.0
    elif n <= exactPairs then
        // Half of the patterns are the other half's negatives.
        let sums = signedSums differences[1..] |> Array.map (fun sum -> sum + differences[0])
        float (sums |> Array.filter isAsFar |> Array.length) / float sums.Length
    else
        let mutable hits = 1

        for _ in 1..patterns do
            let mutable bits, sum = 0UL, 0.0

            for i in 0 .. n - 1 do
                if i % 64 = 0 then bits <- generator.Next()
                sum <- if bits &&& 1UL = 0UL then sum + differences[i] else sum - differences[i]
                bits <- bits >>> 1

            if isAsFar sum then hits <- hits + 1

        float hits / float (patterns + 1)

/// The ways of choosing k of n, or a number above `exactDeals`.
let private deals n k =
    let mutable count = 1L

    for i in 1L .. int64 (min k (n - k)) do
        if count <= exactDeals then count <- count * (int64 n - i + 1L) / i

    count

/// The two-sided p-value of two independent groups against equal means: exact while there are at most 200,000 ways of dealing the runs,
/// above from random ones.
let permutation (generator: Generator) (one: float[]) (other: float[]) =
    let all = Array.append one other
    let n, k = all.Length, one.Length

    if one.Length = 0 || other.Length = 0 then
        1.0
    else
        // About the mean of all, the difference of means is a multiple of the first group's sum.
        let centre = Array.average all
        let all = all |> Array.map (fun value -> value - centre)
        let isAsFar = asFar (all |> Array.sumBy abs) (Array.sum all[.. k - 1])
        let ways = deals n k

        if ways <= exactDeals then
            let mutable hits = 0L

            let rec deal from left sum =
                if left = 0 then
                    if isAsFar sum then hits <- hits + 1L
                else
                    for i in from .. n - left do
                        deal (i + 1) (left - 1) (sum + all[i])

            deal 0 k 0.0
            float hits / float ways
        else
            let mutable hits = 1
            let cards = Array.copy all

            for _ in 1..patterns do
                let mutable sum = 0.0

                for i in 0 .. k - 1 do
                    let j = i + generator.Below(n - i)
                    let card = cards[j]
                    cards[j] <- cards[i]
                    cards[i] <- card
                    sum <- sum + card

                if isAsFar sum then hits <- hits + 1

            float hits / float (patterns + 1)

/// The smallest p-value that so many pairs can give.
let smallestPaired pairs =
    if pairs = 0 then
        1.0
    else
        max (2.0 ** float (1 - pairs)) (if pairs <= exactPairs then 0.0 else 1.0 / float (patterns + 1))

/// The smallest p-value that groups of these sizes can give.
let smallestUnpaired one other =
    match deals (one + other) one with
    | _ when one = 0 || other = 0 -> 1.0
    | ways when ways > exactDeals -> 1.0 / float (patterns + 1)
    // Of two groups of one size, the lowest runs in one and the highest in the other is as far as the reverse.
    | ways -> min 1.0 ((if one = other then 2.0 else 1.0) / float ways)

/// The runs that two rows have, and the seeds that both have.
type Sizes = { Common: int; One: int; Other: int }

/// A two-sided test of two rows of runs. Another one is another value in `tests`.
[<ReferenceEquality>]
type Test = {
    /// As files and specifications have it.
    Name: string
    /// In the notes below a table.
    Says: string
    /// It compares the values on common seeds; else all values.
    Paired: bool
    Needs: Sizes -> bool
    /// The smallest p-value that it can give.
    Smallest: Sizes -> float
    /// Of the values on common seeds, then of all values of both.
    P: Generator -> (float * float)[] -> float[] -> float[] -> float
}

/// The tests of a table that names none, those of fewest assumptions that still need most of the runs first.
let usual = [
    {
        Name = "sign-flip"
        Says = "sign flips over common seeds"
        Paired = true
        Needs = fun sizes -> sizes.Common > 0 && 2 * sizes.Common >= min sizes.One sizes.Other
        Smallest = fun sizes -> smallestPaired sizes.Common
        P = fun generator pairs _ _ -> signFlip generator [| for a, b in pairs -> a - b |]
    }
    {
        Name = "permutation"
        Says = "permutation"
        Paired = false
        Needs = fun _ -> true
        Smallest = fun sizes -> smallestUnpaired sizes.One sizes.Other
        P = fun generator _ one other -> permutation generator one other
    }
]

/// All tests that a table can name. A further one is added here, and leaves tables that name none as they were.
let tests = usual

/// The first of some tests whose needs two rows meet; the last where they meet none.
let fitting (tests: Test list) sizes =
    tests |> List.tryFind (fun test -> test.Needs sizes) |> Option.defaultWith (fun () -> List.last tests)

/// Holm's adjusted p-values, in the order of the given ones: reject where one is at most the level, and the chance of any false rejection
/// among them all is at most the level (Holm, "A simple sequentially rejective multiple test procedure", 1979).
let holm (p: float[]) =
    let adjusted = Array.zeroCreate p.Length
    let mutable highest = 0.0

    p
    |> Array.indexed
    |> Array.sortBy snd
    |> Array.iteri (fun rank (i, p') ->
        highest <- max highest (min 1.0 (float (p.Length - rank) * p'))
        adjusted[i] <- highest)

    adjusted

/// Which of several tests can reach the level at all, given the smallest p-value of each: those that cannot are no part of the family,
/// and do not count in Holm's factor (Tarone, "A modified Bonferroni method for discrete data", 1990).
let testable (smallest: float[]) =
    let within k = smallest |> Array.map (fun p -> p <= level / float k)
    let k = Seq.initInfinite (fun i -> i + 1) |> Seq.find (fun k -> (within k |> Array.filter id |> Array.length) <= k)
    within k

/// The fewest pairs with which a test can reach the level among so many of its kind.
let pairsNeeded tests = Seq.initInfinite id |> Seq.find (fun n -> 2.0 ** float (1 - n) * float (max 1 tests) <= level)

/// The probability that a run of one is better than a run of the other, ties by half: Mann and Whitney's U over the number of pairs of
/// runs. A run that diverged is worse than any value: give it as NaN. NaN where either has no run.
let improvement (better: Direction) (one: float[]) (other: float[]) =
    let score value = if Double.IsNaN value then -infinity else -better.Cost value
    let mutable wins = 0.0

    for a in one do
        for b in other do
            let a, b = score a, score b
            wins <-
                wins
                + (if a > b then 1.0
                   elif a = b then 0.5
                   else 0.0)

    wins / float (one.Length * other.Length)

/// Pearson's correlation of pairs: how much of the noise a seed gives to both. NaN of fewer than three pairs, or where one side never
/// changes.
let correlation (one: float[]) (other: float[]) =
    if one.Length < 3 then
        nan
    else
        let a, b = Statistics.mean one, Statistics.mean other
        let along f = Array.map2 f one other |> Array.sum
        let ab, aa, bb =
            along (fun x y -> (x - a) * (y - b)), along (fun x _ -> (x - a) * (x - a)), along (fun _ y -> (y - b) * (y - b))
        if aa = 0.0 || bb = 0.0 then nan else Math.Clamp(ab / sqrt (aa * bb), -1.0, 1.0)
