/// The tree-structured Parzen estimator of J. Bergstra, R. Bardenet, Y. Bengio and B. Kégl (2011), one dimension at a time.
///
/// What is known is split into good trials and the rest; l and g are mixtures of Gaussians about each, cut off to [0, 1], with one wide
/// component more, so that nothing is ever excluded. Of candidates drawn from l, the one with the largest l/g is next. The first trials
/// are Sobol points. All randomness follows from the search's seed and the trial's number, so that the same results make the same search.
module Ebm.Sweeps.Tpe

open System
open Ebm.Sweeps.Values

type Trial = {
    /// In (0, 1) for each key.
    At: float[]
    /// Lower is better; infinite for one that came to nothing, none while it is not known.
    Value: float option
}

/// So many trials are spread evenly before any is proposed.
let startup = 10

let private candidates = 24

let private goodOf count = Math.Clamp(int (ceil (0.15 * float count)), 2, 25)

/// Φ, by formula 7.1.26 of M. Abramowitz and I. Stegun: an error of 1.5e-7 is far below what a choice between candidates needs.
let private below (z: float) =
    let x = abs z / sqrt 2.0
    let t = 1.0 / (1.0 + 0.3275911 * x)
    let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    let erf = 1.0 - poly * exp (-x * x)
    if z >= 0.0 then 0.5 * (1.0 + erf) else 0.5 * (1.0 - erf)

/// Centre and width of each component: a point reaches to the further of its neighbours.
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

/// Where the next trial lies.
let propose (search: Search) (index: int) (known: Trial list) : float[] =
    let finished = known |> List.filter _.Value.IsSome |> List.sortBy _.Value.Value

    if finished.Length < startup then
        Sobol.point search.Seed search.Space.Length index
    else
        let good, rest = finished |> List.splitAt (goodOf finished.Length)
        // What is still at work counts as bad, so that trials of one batch keep away from each other.
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
