/// The tests of a table: exact p-values, against other algorithms, closed forms and publications; error rates under the null; and the
/// limits of few seeds.
module Ebm.Tests.Laws.SignificanceLaws

open System
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Significance
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private generator name = Generator.Of("laws", name)

let private near what tolerance (due: float) (found: float) =
    must $"{what} is {found:R}, {due:R} is expected" (abs (found - due) <= tolerance)

/// Darwin's fifteen pairs of Zea mays, crossed minus self-fertilized, in eighths of an inch. Fisher counted 863 of 32768 sign patterns
/// with a sum as high as the observed one ("The Design of Experiments", § 21).
let private maize = [| 49.0; -67.0; 8.0; 16.0; 6.0; 23.0; 28.0; 41.0; 14.0; 29.0; 56.0; 24.0; 75.0; 60.0; -48.0 |]

/// Survival of mice, treated and not (Efron and Tibshirani 1993, table 2.1).
let private treated, untreated =
    [| 94.0; 197.0; 16.0; 38.0; 99.0; 141.0; 23.0 |], [| 52.0; 104.0; 146.0; 10.0; 51.0; 30.0; 40.0; 27.0; 46.0 |]

/// The permutation test by enumerating all subsets of the runs.
let private bySubsets (one: float[]) (other: float[]) =
    let all = Array.append one other
    let difference (chosen: int) =
        let mine, theirs = all |> Array.indexed |> Array.partition (fun (i, _) -> chosen >>> i &&& 1 = 1)
        (mine |> Array.averageBy snd) - (theirs |> Array.averageBy snd)

    let observed = abs (Array.average one - Array.average other)
    let subsets = [|
        for chosen in 1 .. (1 <<< all.Length) - 2 do
            if Numerics.BitOperations.PopCount(uint chosen) = one.Length then chosen
    |]
    let far = subsets |> Array.filter (fun chosen -> abs (difference chosen) >= observed - 1e-9)
    float far.Length / float subsets.Length

/// The share of sign patterns whose sum is far from zero, by visiting each; `isFar` compares absolute sums.
let private byPatterns (isFar: int -> int -> bool) (differences: int[]) =
    let observed = abs (Array.sum differences)

    let sum (pattern: int) =
        differences |> Array.mapi (fun i difference -> if pattern >>> i &&& 1 = 1 then -difference else difference) |> Array.sum

    let all = 1 <<< differences.Length
    float (Seq.init all sum |> Seq.filter (fun sum -> isFar (abs sum) observed) |> Seq.length) / float all

/// The share of sign patterns of at most sixteen differences whose sum, as a rounded number, is at least as far as the observed one.
let private naively (differences: float[]) =
    let observed = abs (Array.sum differences)
    let sum (pattern: int) = differences |> Array.mapi (fun i d -> if pattern >>> i &&& 1 = 1 then -d else d) |> Array.sum
    let all = 1 <<< differences.Length
    float (Seq.init all sum |> Seq.filter (fun sum -> abs sum >= observed) |> Seq.length) / float all

/// Small integers with many ties and zeros, for each number of pairs.
let private eachPattern (due: int[] -> float) =
    for n in 1..16 do
        for draw in 1..3 do
            let differences = [| for _ in 1..n -> (generator $"patterns {n} {draw}").Below 7 - 2 |]
            let differences = differences |> Array.mapi (fun i d -> d + (generator $"patterns {n} {draw} {i}").Below 5 - 2)
            near $"%A{differences}" 0.0 (due differences) (signFlip (generator "patterns") (Array.map float differences))

/// The number of subsets of ranks 1 to n by their size and sum, by adding one rank after the other.
let private subsets n =
    let counts = Array2D.create (n + 1) (n * (n + 1) / 2 + 1) 0L
    counts[0, 0] <- 1L

    for rank in 1..n do
        for size in rank .. -1 .. 1 do
            for sum in n * (n + 1) / 2 .. -1 .. rank do
                counts[size, sum] <- counts[size, sum] + counts[size - 1, sum - rank]

    counts

/// The two-sided p-value if the signed ranks 1 to n have this sum.
let private bySignedRanks n (observed: int) =
    let counts = subsets n
    let total = n * (n + 1) / 2
    // The ranks with a minus sign are a subset; the sum is the total less twice the subset's.
    let far =
        Seq.sum (
            seq {
                for size in 0..n do
                    for sum in 0..total do
                        if abs (total - 2 * sum) >= abs observed then counts[size, sum]
            }
        )
    float far / 2.0 ** float n

/// The two-sided p-value if the first k of n ranks have this sum.
let private byRankSums n k (observed: int) =
    let counts = subsets n
    let far sum = abs (2 * sum - k * (n + 1)) >= abs (2 * observed - k * (n + 1))
    let sums = [ 0 .. n * (n + 1) / 2 ]
    float (sums |> List.sumBy (fun sum -> if far sum then counts[k, sum] else 0L)) / float (sums |> List.sumBy (fun sum -> counts[k, sum]))

let private signedRanks (due: int -> int -> float) =
    for n in [ 20; 25; 30; 40 ] do
        // All signs equal; every fifth and every third rank with a minus sign; nearly balanced.
        for negative in [ (fun _ -> false); (fun i -> i % 5 = 0); (fun i -> i % 3 = 0); (fun i -> i % 2 = 0) ] do
            let ranks = [| for i in 1..n -> if negative i then -i else i |]
            near
                $"{n} pairs with the sum {Array.sum ranks}"
                0.0
                (due n (Array.sum ranks))
                (signFlip (generator "ranks") (Array.map float ranks))

let private rankSums (due: int -> int -> int -> float) =
    for n, k in [ 22, 11; 30, 15; 30, 7; 31, 20; 40, 20 ] do
        for shift in [ 0; 3; n / 4 ] do
            let first, rest = [| 1..n |] |> Array.partition (fun rank -> rank > shift && rank <= shift + k)
            let found = permutation (generator "rank sums") (Array.map float first) (Array.map float rest)
            near $"{k} of {n} with the sum {Array.sum first}" 1e-12 (due n k (Array.sum first)) found

/// Pairs whose differences are ±.1 in decimal notation: the number of minus signs is binomial.
let private equalDifferences (p: Generator -> (float * float)[] -> float) =
    for n, minus in [ 6, 1; 16, 4; 20, 5; 30, 9; 40, 12 ] do
        for size in [ 0.0; 7.3; 1234.5; 1234567.8 ] do
            let pairs = [|
                for i in 0 .. n - 1 ->
                    let high, low = Math.Round(size + 0.1 * float (i + 1), 1), Math.Round(size + 0.1 * float i, 1)
                    if i < minus then low, high else high, low
            |]

            let choose k = Seq.fold (fun count i -> count * float (n - i + 1) / float i) 1.0 [ 1..k ]
            let far = [ 0..n ] |> List.filter (fun k -> abs (n - 2 * k) >= n - 2 * minus) |> List.sumBy choose
            near $"{minus} of {n} at {size}" 1e-14 (far / 2.0 ** float n) (p (generator "equal") pairs)

/// Forty differences of both signs.
let private mixed = [| for i in 1..40 -> if i % 3 = 0 then -float i else float i * 0.8 |]

/// How often p is at most the level under the null hypothesis.
let private rejects n (p: string -> float[] -> float) =
    let draws = values ((rng $"null {n}").Normal(int64 n * 3000L)) |> Array.chunkBySize n
    draws |> Array.mapi (fun i draw -> p (string i) draw <= level) |> Close.share

let all = [
    law "the sign-flip test of Darwin's maize gives Fisher's count: 1726 of 32768 patterns" (fun () ->
        near "p" 1e-12 (1726.0 / 32768.0) (signFlip (generator "maize") maize))
    |> breaks "one-sided" (fun () -> near "p" 1e-12 (863.0 / 32768.0) (signFlip (generator "maize") maize))

    law "n pairs that all agree have the smallest possible p, 2/2ⁿ: five cannot reach .05, six can" (fun () ->
        for n, due in [ 3, 0.25; 4, 0.125; 5, 0.0625; 6, 0.03125; 8, 0.0078125; 16, 2.0 ** -15.0 ] do
            near $"{n} pairs" 1e-15 due (signFlip (generator "agree") [| for i in 1..n -> float i |])
            near $"the smallest of {n}" 1e-15 due (smallestPaired n)

        must "five" (smallestPaired 5 > level && smallestPaired 6 <= level)
        must "nothing differs" (signFlip (generator "zero") [| 0.0; 0.0; 0.0 |] = 1.0)
        must "no pair" (signFlip (generator "none") [||] = 1.0))

    law "up to sixteen pairs, with ties and zeros, the sign-flip test counts the patterns that visiting each of them counts" (fun () ->
        eachPattern (fun (differences: int[]) -> byPatterns (>=) differences))
    |> breaks "without ties" (fun () -> eachPattern (byPatterns (>)))
    |> breaks "one-sided" (fun () -> eachPattern (byPatterns (fun sum observed -> sum >= observed && sum > 0) >> fun p -> p / 2.0))

    law "of 20, 25, 30 and 40 pairs, differences of 1 to n have Wilcoxon's signed-rank distribution, counted by convolution" (fun () ->
        signedRanks (fun n observed -> bySignedRanks n observed))
    |> breaks "the distribution of one pair less" (fun () -> signedRanks (fun n observed -> bySignedRanks (n - 1) observed))
    |> breaks "without the observed sum" (fun () -> signedRanks (fun n observed -> bySignedRanks n (observed + 1)))

    law "differences that are equal in decimal notation have the binomial distribution of their signs, whatever the values' size" (fun () ->
        equalDifferences paired)
    |> breaks "comparing sums of rounded numbers without a tolerance" (fun () ->
        equalDifferences (fun _ pairs -> let differences = [| for a, b in pairs -> a - b |] in naively (Array.truncate 16 differences)))
    |> breaks "a tolerance for the differences only" (fun () ->
        equalDifferences (fun generator pairs -> signFlip generator [| for a, b in pairs -> a - b |]))

    law "order, sign, scale and pairs without a difference do not change the p-value" (fun () ->
        let differences = [| for i in 1..29 -> sin (float (7 * i)) + 0.3 |]
        let due = signFlip (generator "plain") differences
        must $"{due}" (due > 0.0 && due < 1.0)

        for what, changed in
            [
                "reversed", Array.rev differences
                "negated", Array.map (~-) differences
                "with zeros", Array.append [| 0.0; 0.0 |] differences
                "huge", differences |> Array.map (fun d -> d * 1e307)
                "tiny", differences |> Array.map (fun d -> d * 1e-300)
            ] do
            near what 1e-12 due (signFlip (generator what) changed)

        let far = [| for d in differences -> d * 1e308, -d * 1e308 / 1.5 |]
        near "differences beyond the range of numbers" 1e-12 due (paired (generator "far") far))
    |> breaks "another difference" (fun () ->
        let differences = [| for i in 1..29 -> sin (float (7 * i)) + 0.3 |]
        near "p" 1e-12 (signFlip (generator "plain") differences) (signFlip (generator "plain") (Array.append differences [| 0.5 |])))

    law "above forty pairs, random patterns give the p-value of all patterns, within their sampling error" (fun () ->
        // Forty-one pairs, one of them zero, have the p-value of the forty others.
        let exact = signFlip (generator "exact") mixed
        let drawn = signFlip (generator "drawn") (Array.append mixed [| 0.0 |])
        must $"{drawn} is a share of all patterns" (drawn * float (patterns + 1) % 1.0 = 0.0)
        let error = sqrt (exact * (1.0 - exact) / float patterns)
        near $"p (± {error:G2})" (Close.k * error + 1.0 / float patterns) exact drawn)
    |> breaks "one sign for all pairs" (fun () -> near "p" 0.02 (signFlip (generator "exact") mixed) 1.0)

    law "the permutation test counts all divisions of the runs" (fun () ->
        near "mice" 1e-12 (bySubsets treated untreated) (permutation (generator "mice") treated untreated)
        let ties = [| 1.0; 2.0; 2.0; 3.0 |], [| 2.0; 2.0; 4.0 |]
        near "ties" 1e-12 (bySubsets (fst ties) (snd ties)) (permutation (generator "ties") (fst ties) (snd ties)))
    |> breaks "one-sided" (fun () ->
        near "mice" 1e-12 (bySubsets treated untreated / 2.0) (permutation (generator "mice") treated untreated))

    law "groups that do not overlap have the smallest possible p: 2/C(2n, n), and 1/C(n + m, n) of unequal ones" (fun () ->
        let apart n m = permutation (generator "apart") [| for i in 1..n -> float i |] [| for i in 1..m -> 100.0 + float i |]

        for n, due in [ 3, 2.0 / 20.0; 4, 2.0 / 70.0; 5, 2.0 / 252.0 ] do
            near $"{n} and {n}" 1e-12 due (apart n n)
            near $"the smallest of {n} and {n}" 1e-12 due (smallestUnpaired n n)

        near "3 and 10" 1e-12 (1.0 / 286.0) (apart 3 10)
        near "the smallest of 3 and 10" 1e-12 (1.0 / 286.0) (smallestUnpaired 3 10))

    law "of 22 to 40 runs, ranks have the distribution of Wilcoxon's rank sum, counted by convolution" (fun () ->
        rankSums (fun n k observed -> byRankSums n k observed))
    |> breaks "another size of the first group" (fun () -> rankSums (fun n k observed -> byRankSums n (k - 1) observed))
    |> breaks "without the observed sum" (fun () -> rankSums (fun n k observed -> byRankSums n k (observed - 1)))

    law "above forty runs, random divisions give the p-value of all divisions within their sampling error" (fun () ->
        let n, k = 41, 20
        let first, rest = [| 1..n |] |> Array.partition (fun rank -> rank % 2 = 0 && rank > 2 || rank = 5)
        must $"{first.Length}" (first.Length = k)
        let exact = byRankSums n k (Array.sum first)
        let drawn = permutation (generator "drawn") (Array.map float first) (Array.map float rest)
        let error = sqrt (exact * (1.0 - exact) / float patterns)
        near $"p (± {error:G2})" (Close.k * error + 1.0 / float patterns) exact drawn)
    |> breaks "equal groups" (fun () -> near "p" 0.02 1.0 (byRankSums 41 20 370))

    law "under the null hypothesis, a test rejects at most as often as its level, and not much less often" (fun () ->
        for n in [ 8; 20 ] do
            let rate = rejects n (fun name draw -> signFlip (generator name) draw)
            Close.near $"sign flips of {n}" (floor (level * 2.0 ** float (n - 1)) / 2.0 ** float (n - 1)) rate

        let halves = rejects 12 (fun name draw -> permutation (generator name) draw[..5] draw[6..])
        Close.near "permutations of six and six" (floor (level * 462.0) / 462.0) halves)
    |> breaks "one-sided p-values" (fun () ->
        Close.near "sign flips" level (rejects 8 (fun name draw -> signFlip (generator name) draw / 2.0)))

    law "Holm's adjusted p-values follow the published steps, and never decrease" (fun () ->
        let close (due: float list) (found: float[]) =
            must $"%A{found}" (List.forall2 (fun (a: float) b -> abs (a - b) < 1e-12) due (List.ofArray found))

        close [ 0.04; 0.06; 0.06; 0.06 ] (holm [| 0.01; 0.02; 0.03; 0.04 |])
        close [ 0.06; 0.03; 0.06; 0.02 ] (holm [| 0.03; 0.01; 0.04; 0.005 |])
        close [ 1.0; 1.0 ] (holm [| 0.9; 0.6 |])
        close [] (holm [||]))
    |> breaks "Bonferroni" (fun () -> must "adjusted" (holm [| 0.03; 0.01 |] = [| 0.06; 0.02 |]))

    law "with Holm, the chance of any false rejection is at most the level" (fun () ->
        let tests, n = 5, 8
        let draws = values ((rng "family").Normal(int64 (tests * n) * 2000L)) |> Array.chunkBySize (tests * n)

        let any adjust =
            draws
            |> Array.map (fun family ->
                family |> Array.chunkBySize n |> Array.map (signFlip (generator "family")) |> adjust |> Array.exists (fun p -> p <= level))
            |> Close.share

        must "some false rejection in more than 5 % of families" (let rate = any holm in rate.Value <= level + Close.k * rate.Error)
        Close.above "without it" level (any id))

    law "tests that cannot reach the level are not part of the family, and do not raise the factor of the others" (fun () ->
        must "seven rivals of six pairs" (testable (Array.create 7 (smallestPaired 6)) = Array.create 7 false)
        must "seven rivals of nine pairs" (testable (Array.create 7 (smallestPaired 9)) = Array.create 7 true)
        let mixed = Array.append (Array.create 4 (smallestPaired 10)) (Array.create 3 (smallestPaired 3))
        must "three of three pairs among four of ten" (testable mixed = Array.append (Array.create 4 true) (Array.create 3 false))
        must "none" (testable [||] = [||])
        must $"{pairsNeeded 1}, {pairsNeeded 7}" (pairsNeeded 1 = 6 && pairsNeeded 7 = 9))

    law "the probability of improvement is Mann and Whitney's U over the pairs, and normal draws have its closed form" (fun () ->
        // Hollander and Wolfe 1973, p. 69: W = 35 of 50.
        let term, early = [| 0.80; 0.83; 1.89; 1.04; 1.45; 1.38; 1.91; 1.64; 0.73; 1.46 |], [| 1.15; 0.88; 0.90; 0.74; 1.21 |]
        near "permeability" 1e-12 0.7 (improvement Direction.Higher term early)
        near "the other way" 1e-12 0.3 (improvement Direction.Lower term early)
        near "ties count half" 1e-12 0.625 (improvement Direction.Lower [| 1.0; 2.0 |] [| 2.0; 2.0 |] - 0.125)
        near
            "a diverged run loses to every other one, and ties with a diverged one"
            1e-12
            0.5
            (improvement Direction.Lower [| nan; 1.0 |] [| nan; 1.0 |])
        near "and to infinity" 1e-12 0.0 (improvement Direction.Higher [| nan |] [| -1e300 |])
        // P(X < Y) = Φ(1/√2) for normal draws whose means differ by one.
        let x, y = values ((rng "x").Normal 4000L), values ((rng "y").Normal 4000L) |> Array.map ((+) 1.0)
        Close.near "normal" 0.76025 (Close.share (Array.map2 (<) x y))
        let u = improvement Direction.Lower x y
        near "all pairs" (Close.k * sqrt (0.25 / 4000.0)) 0.76025 u)

    law "the correlation of seeds is Pearson's, and NaN if one side is constant" (fun () ->
        let x = [| 1.0; 2.0; 3.0; 4.0 |]
        near "a line" 1e-12 1.0 (correlation x (x |> Array.map (fun v -> 3.0 * v + 1.0)))
        near "the other way" 1e-12 -1.0 (correlation x (x |> Array.map (fun v -> -v)))
        near "r" 1e-12 0.6 (correlation x [| 2.0; 1.0; 4.0; 3.0 |])
        must "a constant" (Double.IsNaN(correlation x [| 1.0; 1.0; 1.0; 1.0 |]))
        must "two pairs" (Double.IsNaN(correlation [| 1.0; 2.0 |] [| 1.0; 2.0 |])))
]
