/// The random numbers of resampling. The seed is the table's hash with the name of the purpose, so that the same runs give the same
/// interval on every machine, and cells are independent of each other.
///
/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
namespace Ebm.Analysis

open System
open Ebm.Records

type Generator(seed: uint64) =
    let mutable state = seed

    /// The generator of a purpose: `hash` is the table's, `name` is the purpose.
    static member Of(hash: string, name: string) = Generator(Convert.ToUInt64((Canonical.Sha256 $"{hash}/{name}").Substring(0, 16), 16))

    /// 64 random bits.
    member _.Next() =
        state <- state + 0x9E3779B97F4A7C15UL
        let z = (state ^^^ (state >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    /// A whole number from 0 to n − 1, uniform up to n/2⁶⁴ (Lemire 2019).
    member generator.Below(n: int) = int (Math.BigMul(generator.Next(), uint64 n) >>> 64)
