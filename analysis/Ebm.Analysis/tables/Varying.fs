/// The settings in which configurations differ, and an order for their values.
module Ebm.Analysis.Varying

open System
open System.Globalization

/// The natural order of names: numbers in them by size, so that long-run/10 comes before long-run/100.
let natural =
    let chunk (text: string) start =
        let digit = Char.IsAsciiDigit text[start]
        let mutable past = start

        while past < text.Length && Char.IsAsciiDigit text[past] = digit do
            past <- past + 1

        past

    let rec compare (a: string) i (b: string) j =
        if i = a.Length || j = b.Length then
            sign (a.Length - i - (b.Length - j))
        else
            let pastA, pastB = chunk a i, chunk b j
            let x, y = a.Substring(i, pastA - i), b.Substring(j, pastB - j)

            let order =
                if Char.IsAsciiDigit x[0] && Char.IsAsciiDigit y[0] then
                    let x, y = x.TrimStart '0', y.TrimStart '0'
                    if x.Length <> y.Length then x.Length - y.Length else String.CompareOrdinal(x, y)
                else
                    String.CompareOrdinal(x, y)

            if order <> 0 then order else compare a pastA b pastB

    fun a b -> compare a 0 b 0

/// Compares settings as numbers if both are numbers, else as text.
let inOrder (a: string) (b: string) =
    let number (text: string) = Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture)

    match number a, number b with
    | (true, x), (true, y) when x <> y -> compare x y
    | _ -> natural a b

/// The keys of the kinds above a key: a setting of one kind does not apply to another kind.
let private kindsAbove (key: string) =
    let parts = key.Split '.'
    [ for length in 1 .. parts.Length - 1 -> String.Join('.', Array.take length parts) + ".kind" ] |> List.filter ((<>) key)

/// The keys in which flat configurations differ, in natural order. A key is compared only between configurations of the same kinds above
/// it: two methods differ in their kind, not in settings that only one of them has.
let keys (configs: Map<string, string> list) =
    let differ key (configs: Map<string, string> list) = configs |> Seq.distinctBy (Map.tryFind key) |> Seq.truncate 2 |> Seq.length > 1

    configs
    |> Seq.collect _.Keys
    |> Seq.distinct
    |> Seq.filter (fun key ->
        let above = kindsAbove key

        differ key configs
        && configs |> List.groupBy (fun config -> above |> List.choose config.TryFind) |> List.exists (snd >> differ key))
    |> List.ofSeq
    |> List.sortWith natural
