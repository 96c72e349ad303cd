/// The tests of a table: exact p-values, against another algorithm and publications; error rates under the null; and the limits of few
/// seeds.
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

/// How often p is at most the level under the null hypothesis.
let private rejects n (p: string -> float[] -> float) =
    let draws = values ((rng $"null {n}").Normal(int64 n * (if n > exactPairs then 600L else 3000L))) |> Array.chunkBySize n
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

    law "above sixteen pairs, random patterns give the p-value of all patterns, within their sampling error" (fun () ->
        // Seventeen pairs, one of them zero, have the p-value of the sixteen others.
        let differences = [| for i in 1..16 -> if i % 3 = 0 then -float i else float i * 1.1 |]
        let exact = signFlip (generator "exact") differences
        let drawn = signFlip (generator "drawn") (Array.append differences [| 0.0 |])
        let error = sqrt (exact * (1.0 - exact) / float patterns)
        near $"p (± {error:G2})" (Close.k * error + 1.0 / float patterns) exact drawn)
    |> breaks "one sign for all pairs" (fun () ->
        let differences = [| for i in 1..16 -> if i % 3 = 0 then -float i else float i * 1.1 |]
        near "p" 0.02 (signFlip (generator "exact") differences) 1.0)

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

    law "for many runs, random divisions give the p-value within their sampling error" (fun () ->
        // Eleven and eleven have 705432 divisions, which are sampled; the p-value of ten and ten with the same spread is exact and close to
        // it.
        let spread n shift = [| for i in 0 .. n - 1 -> float i / float (n - 1) + shift |]
        let drawn = permutation (generator "drawn") (spread 11 0.0) (spread 11 0.2)
        let again = permutation (generator "again") (spread 11 0.0) (spread 11 0.2)
        let error = sqrt (2.0 * drawn * (1.0 - drawn) / float patterns)
        near "drawn twice" (Close.k * error) drawn again
        near
            "by subsets"
            (Close.k * error)
            (bySubsets (spread 10 0.0) (spread 10 0.2))
            (permutation (generator "ten") (spread 10 0.0) (spread 10 0.2)))

    law "under the null hypothesis, a test rejects at most as often as its level, and not much less often" (fun () ->
        for n in [ 8; 20 ] do
            let rate = rejects n (fun name draw -> signFlip (generator name) draw)
            Close.near $"sign flips of {n}" (floor (level * 2.0 ** float (min 16 n - 1)) / 2.0 ** float (min 16 n - 1)) rate

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
