/// Points that fill a cube evenly: I. M. Sobol's sequence with the direction numbers of S. Joe and F. Y. Kuo (2008, new-joe-kuo-6),
/// in the order of A. Antonov and V. Saleev's Gray code, shifted by the bits of a seed, which keeps every stratum full.
module Ebm.Sweeps.Sobol

open System
open System.Security.Cryptography
open System.Text
open Ebm.Sweeps.Values

/// Degree, coefficients and first direction numbers of each dimension after the first.
let private joeKuo = [|
    1, 0, [ 1 ]
    2, 1, [ 1; 3 ]
    3, 1, [ 1; 3; 1 ]
    3, 2, [ 1; 1; 1 ]
    4, 1, [ 1; 1; 3; 3 ]
    4, 4, [ 1; 3; 5; 13 ]
    5, 2, [ 1; 1; 5; 5; 17 ]
    5, 4, [ 1; 1; 5; 5; 5 ]
    5, 7, [ 1; 1; 7; 11; 19 ]
    5, 11, [ 1; 1; 5; 1; 1 ]
    5, 13, [ 1; 1; 1; 3; 11 ]
    5, 14, [ 1; 3; 5; 5; 31 ]
    6, 1, [ 1; 3; 3; 9; 7; 49 ]
    6, 13, [ 1; 1; 1; 15; 21; 21 ]
    6, 16, [ 1; 3; 1; 13; 27; 49 ]
|]

let dimensions = joeKuo.Length + 1

let private bits = 32

let private directions =
    Array.init dimensions (fun dimension ->
        if dimension = 0 then
            Array.init bits (fun i -> 1u <<< (bits - 1 - i))
        else
            let degree, coefficients, first = joeKuo[dimension - 1]
            let v = Array.zeroCreate<uint32> bits
            first |> List.iteri (fun i m -> v[i] <- uint32 m <<< (bits - 1 - i))

            for i in degree .. bits - 1 do
                v[i] <- v[i - degree] ^^^ (v[i - degree] >>> degree)

                for k in 1 .. degree - 1 do
                    if (coefficients >>> (degree - 1 - k)) &&& 1 = 1 then v[i] <- v[i] ^^^ v[i - k]

            v)

/// 64 bits determined by a text alone, so that a sweep's draws do not depend on the machine, the process or the time.
let internal drawn (text: string) = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes text), 0)

/// The point of an index, from 0, with `count` coordinates in (0, 1).
let point (seed: int64) (count: int) (index: int) = [|
    for dimension in 0 .. count - 1 ->
        let gray = uint32 index ^^^ (uint32 index >>> 1)
        let mutable x = uint32 (drawn $"sobol {seed} {dimension}" >>> 32)

        for bit in 0 .. bits - 1 do
            if (gray >>> bit) &&& 1u = 1u then x <- x ^^^ directions[dimension][bit]

        (float x + 0.5) / 4294967296.0
|]

/// Twelve digits: enough for any setting, and 1e-4 stays 1e-4 where a sum of logarithms gives 9.999999999999999e-5.
let internal tidy (value: float) = Double.Parse(value.ToString("G12", invariant), invariant)

/// Maps a number in (0, 1) to a value of a key.
let valueAt dimension (u: float) =
    match dimension with
    | Among values -> values[min (values.Length - 1) (int (u * float values.Length))]
    | Between(low, high, log, whole) ->
        let low, high = if whole then low - 0.5, high + 0.5 else low, high
        let x = if log then exp (Math.Log low + u * (Math.Log high - Math.Log low)) else low + u * (high - low)
        if whole then Int(int64 (Math.Clamp(round x, ceil low, floor high))) else Float(tidy x)
