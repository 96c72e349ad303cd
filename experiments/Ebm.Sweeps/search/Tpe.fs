/// The tree-structured Parzen estimator of J. Bergstra, R. Bardenet, Y. Bengio and B. Kégl (2011), one dimension at a time.
///
/// Finished trials are split into good ones and the rest. l and g are mixtures of Gaussians at their points, truncated to [0, 1], with an
/// additional wide component, so that no point is excluded. The next trial is the candidate from l with the largest l/g. The first trials
/// are Sobol points. The search's seed and the trial's number determine all draws, so the same results give the same search.
module Ebm.Sweeps.Tpe

open System
open Ebm.Sweeps.Values

type Trial = {
    /// A number in (0, 1) for each key.
    At: float[]
    /// Lower is better; infinite if the trial failed, none until it has ended.
    Value: float option
}

/// How many trials are Sobol points before the estimator proposes any.
let startup = 10

let private candidates = 24

let private goodOf count = Math.Clamp(int (ceil (0.15 * float count)), 2, 25)

/// Φ by formula 7.1.26 of M. Abramowitz and I. Stegun, with an error of 1.5e-7.
let private below (z: float) =
    let x = abs z / sqrt 2.0
    let t = 1.0 / (1.0 + 0.3275911 * x)
    let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    let erf = 1.0 - poly * exp (-x * x)
    if z >= 0.0 then 0.5 * (1.0 + erf) else 0.5 * (1.0 - erf)

/// Centre and width of each component; the width is the distance to the further neighbour.
let private components (points: float list) =
    let sorted = 0.5 :: points |> List.sort |> Array.ofList
    let narrowest = 1.0 / float (min 100 (sorted.Length + 1))

    (0.5, 1.0)
    :: [
        for point in points ->
            let i = Array.IndexOf(sorted, point)
            let left = if i = 0 then point else point - sorted[i - 1]
            let right = if i = sorted.Length - 1 then 1.0 - point else sorted[i + 1] - point
            point, Math.Clamp(max left right, narrowest, 1.0)
    ]

let private density (components: (float * float) list) x =
    components
    |> List.averageBy (fun (centre, width) ->
        let z = (x - centre) / width
        exp (-0.5 * z * z) / (width * sqrt (2.0 * Math.PI) * (below ((1.0 - centre) / width) - below (-centre / width))))

/// The point of the next trial.
let propose (search: Search) (index: int) (known: Trial list) : float[] =
    let finished = known |> List.filter _.Value.IsSome |> List.sortBy _.Value.Value

    if finished.Length < startup then
        Sobol.point search.Seed search.Space.Length index
    else
        let good, rest = finished |> List.splitAt (goodOf finished.Length)
        // Running trials count as bad, so that the trials of one batch differ.
        let bad = rest @ (known |> List.filter _.Value.IsNone)

        [|
            for dimension, (_, range) in List.indexed search.Space ->
                let mutable draws = 0

                let uniform () =
                    draws <- draws + 1
                    (float (Sobol.drawn $"tpe {search.Seed} {index} {dimension} {draws}" >>> 11) + 0.5) / 9007199254740992.0

                let at trials = trials |> List.map (fun trial -> trial.At[dimension])

                match range with
                | Among values ->
                    let k = values.Length
                    let place u = min (k - 1) (int (u * float k))
                    let weights trials =
                        let counts = at trials |> List.countBy place |> Map.ofList
                        [ for i in 0 .. k - 1 -> float (counts |> Map.tryFind i |> Option.defaultValue 0) + 1.0 ]
                    let l, g = weights good, weights bad
                    let drawn () =
                        let mutable left, i = uniform () * List.sum l, 0
                        while i < k - 1 && left >= l[i] do
                            left <- left - l[i]
                            i <- i + 1
                        i
                    let best = [ for _ in 1..candidates -> drawn () ] |> List.maxBy (fun i -> l[i] / g[i])
                    (float best + 0.5) / float k
                | Between _ ->
                    let l, g = components (at good), components (at bad)

                    let rec drawn tries =
                        let centre, width = l[min (l.Length - 1) (int (uniform () * float l.Length))]
                        let x = centre + width * sqrt (-2.0 * log (uniform ())) * cos (2.0 * Math.PI * uniform ())
                        if x > 0.0 && x < 1.0 then x
                        elif tries = 0 then centre
                        else drawn (tries - 1)

                    [ for _ in 1..candidates -> drawn 100 ] |> List.maxBy (fun x -> density l x / density g x)
        |]
