/// Elementary functions on vectors stay within their stated errors of double precision over all of float32, with the same bits at every width.
module Ebm.Tests.Laws.FunctionLaws

#nowarn "9"

open System
open Microsoft.FSharp.NativeInterop
open Ebm.Devices
open Ebm.Tests.Law

type private Function =
    | Exp
    | ExpHeld
    | Sigmoid
    | Silu
    | Tanh
    | Log
    | Softplus
    | Sine
    | Cosine

let private compute<'T when 'T: unmanaged and 'T: struct and 'T :> ValueType and 'T: (new: unit -> 'T) and 'T :> IVector<'T>> f (x: 'T) =
    match f with
    | Exp -> Functions.Exp x
    | ExpHeld -> Functions.ExpHeld x
    | Sigmoid -> Functions.Sigmoid x
    | Silu ->
        let mutable held = x
        let sigmoid = (Exponential<'T>()).Sigmoid(&held)
        held * sigmoid
    | Tanh -> Functions.Tanh x
    | Log -> Functions.Log x
    | Softplus -> Functions.Softplus x
    | Sine ->
        let struct (sin, _) = Functions.SinCosOfTurns x
        sin
    | Cosine ->
        let struct (_, cos) = Functions.SinCosOfTurns x
        cos

let private at<'T when 'T: unmanaged and 'T: struct and 'T :> ValueType and 'T: (new: unit -> 'T) and 'T :> IVector<'T>> f (xs: float32[]) =
    let values = Array.zeroCreate<float32> xs.Length
    use from = fixed xs
    use into = fixed values

    for i in 0 .. 'T.Lanes .. xs.Length - 1 do
        'T.Store(compute f ('T.Load(NativePtr.add from i)), NativePtr.add into i)

    values

/// A number for each lane of the widest vectors, and as many of the last.
let private whole (xs: float32[]) = Array.append xs (Array.create (16 - xs.Length % 16) (Array.last xs))

let private special = [
    0.0f
    -0.0f
    Single.Epsilon
    -Single.Epsilon
    1.17549421e-38f
    1.17549435e-38f
    Single.MaxValue
    Single.MinValue
    infinityf
    -infinityf
    nanf
]

/// Bit patterns at equal distances, so of all exponents and signs, with subnormal numbers and NaN; and more numbers where functions bend.
let private points =
    whole [|
        for bits in 0UL .. 65551UL .. 0xFFFF_FFFFUL -> BitConverter.UInt32BitsToSingle(uint32 bits)
        for i in -10_000 .. 10_000 -> 0.01f * float32 i
        for i in -2_000 .. 2_000 -> 1.0f + 2.5e-4f * float32 i
        yield! special
    |]

/// The same for turns, which are in [0, 1].
let private turns =
    whole [|
        for x in points do
            if x >= 0.0f && x <= 1.0f then yield x
        for i in 0..20_000 do
            yield 5e-5f * float32 i
        yield nanf
    |]

/// The distance between a number and the next in float32.
let private ulp (x: float) = if x = 0.0 then Math.ScaleB(1.0, -149) else Math.ScaleB(1.0, max -149 (Math.ILogB x - 23))

/// Values at the widest vectors, after a change by lanes; all other widths must have the same bits.
let private values (change: int -> float32 -> float32) f (xs: float32[]) =
    let found = [
        if Vectors.Has 16 then at<Lanes16> f xs |> Array.map (change 16)
        if Vectors.Has 8 then at<Lanes8> f xs |> Array.map (change 8)
        at<Lanes4> f xs |> Array.map (change 4)
    ]

    for other in found.Tail do
        for i in 0 .. xs.Length - 1 do
            if not (other[i].Equals found.Head[i]) || Single.IsNegative other[i] <> Single.IsNegative found.Head[i] then
                broken $"at {xs[i]:g9} one width gives {found.Head[i]:g9} and another {other[i]:g9}"

    found.Head

/// Infinite values and NaN must be as due; others within the allowed error for the argument and the due value.
let private within f (due: float -> float) (allowed: float -> float -> float) xs change =
    for x, y in Array.zip xs (values change f xs) do
        let exact = due (float x)

        let isRight =
            if Double.IsNaN exact then Single.IsNaN y
            elif Single.IsInfinity(float32 exact) then y = float32 exact
            else abs (float y - exact) <= allowed (float x) exact

        if not isRight then broken $"at {x:g9} it is {y:g9} where {exact:g9} is due, and {allowed (float x) exact:g3} is allowed"

let private keeps says f due allowed xs =
    law says (fun () -> within f due allowed xs (fun _ y -> y))
    |> breaks "a millionth more" (fun () -> within f due allowed xs (fun _ y -> y + 1e-6f * y + 1e-6f))
    |> breaks "the other sign at four lanes" (fun () -> within f due allowed xs (fun lanes y -> if lanes = 4 then -y else y))

let private keepsNaN says f due allowed xs =
    keeps says f due allowed xs
    |> breaks "a number for NaN" (fun () -> within f due allowed xs (fun _ y -> if Single.IsNaN y then 0.0f else y))

let private sigmoid x = 1.0 / (1.0 + exp -x)

let all = [
    keepsNaN
        "the exponential on vectors has an error of two units in the last place, or 1.22e-38 below -87.3, and is infinite above 88.7228"
        Exp
        (fun x -> if x > float 88.7228f then infinity else exp x)
        (fun x due -> if x < -87.3 then 1.22e-38 else 2.0 * ulp due)
        points

    keeps
        "the held exponential on vectors has an error of two units in the last place, stays within [-87.3, 88], and is finite for NaN"
        ExpHeld
        (fun x -> if Double.IsNaN x then 1.0 else exp (Math.Clamp(x, float -87.3f, 88.0)))
        // Any finite number for NaN.
        (fun x due -> if Double.IsNaN x then float Single.MaxValue else 2.0 * ulp due)
        points

    keepsNaN
        "the sigmoid on vectors has an error of three units in the last place, and is 0 below -88.72"
        Sigmoid
        sigmoid
        (fun x due -> if x < -88.72 then 3e-39 else 3.0 * ulp due)
        points

    keepsNaN
        "SiLU with its constants in registers has an error of four units in the last place, or 1.5e-36 below -87"
        Silu
        (fun x -> if Double.IsNegativeInfinity x then 0.0 else x * sigmoid x)
        (fun x due -> if x < -87.0 then 1.5e-36 else 4.0 * ulp due)
        points

    keepsNaN "tanh on vectors has an error of 3e-7" Tanh tanh (fun _ _ -> 3e-7) points

    keepsNaN
        "the logarithm on vectors has an error of two units in the last place, is -∞ for 0 and subnormal numbers, and NaN below"
        Log
        (fun x ->
            if x < 0.0 then nan
            elif x < Math.ScaleB(1.0, -126) then -infinity
            else log x)
        (fun _ due -> 2.0 * ulp due)
        points

    keepsNaN
        "softplus on vectors has an error of 2e-7 max(1, x)"
        Softplus
        (fun x -> Math.Max(x, 0.0) + Math.Log(1.0 + exp -(abs x)))
        (fun x _ -> 2e-7 * max 1.0 x)
        points

    keepsNaN "the sine of turns on vectors has an error of 1.2e-7" Sine (fun u -> sin (2.0 * Math.PI * u)) (fun _ _ -> 1.2e-7) turns

    keepsNaN "the cosine of turns on vectors has an error of 1.2e-7" Cosine (fun u -> cos (2.0 * Math.PI * u)) (fun _ _ -> 1.2e-7) turns
]
