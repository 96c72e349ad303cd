/// Words of the command line on a declared sweep. A word replaces what the script declares for its key. But options of a group that the script declares are a
/// choice among its runs: parts of a union and rows of a zip with other options are left out, because their other settings belong to their option.
///
///     method=joint-cd         of either [ zip [ method; train.budget ]; method=gan >> … ]: the zip's row of joint-cd, and not the second part
///     method=my-own           an option that no part declares: replaces the method of every part, as any other key
module Ebm.Sweeps.Restrict

open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose

/// The values of a setting for the override's own key, or for a column of a zip.
let private valuesOf key (given: Override) =
    match given.Setting with
    | Some(One value) when given.Key = key -> [ value ]
    | Some(Sweep values) when given.Key = key -> values
    | Some(Together columns) -> columns |> List.filter (fst >> (=) key) |> List.collect snd
    | _ -> []

/// One declared override with only these values of a key, in their order; None if it has none of them.
let private kept (word: Override) values (own: Override) =
    let key = word.Key

    match own.Setting with
    | Some(Together columns) when columns |> List.exists (fst >> (=) key) ->
        let rows = valuesOf key own |> List.indexed
        let chosen = values |> List.collect (fun value -> rows |> List.filter (snd >> (=) value) |> List.map fst)

        if chosen.IsEmpty then
            None
        else
            Some { own with Setting = Some(Together [ for key, values in columns -> key, chosen |> List.map (fun i -> values[i]) ]) }
    | _ ->
        match valuesOf key own with
        | [] -> Some own
        | declared ->
            match values |> List.filter (fun value -> List.contains value declared) with
            | [] -> None
            | [ only ] -> Some { word with Setting = Some(One only) }
            | several -> Some { word with Setting = Some(Sweep several) }

/// A part with only the word's values; None if it has other values of that key.
let private restricted (word: Override) values (part: Override list) =
    let part = part |> List.map (kept word values)
    if List.forall Option.isSome part then Some(List.choose id part) else None

/// A declared sweep's parts under the words of a command line.
let under (configs: Configs) (words: Override list) (parts: Override list list) : Override list list =
    // Of two words for one key, the later counts.
    (parts, words |> List.fold Declare.replace [])
    ||> List.fold (fun parts word ->
        let values = valuesOf word.Key word
        let declares value = parts |> List.exists (List.exists (fun own -> valuesOf word.Key own |> List.contains value))
        let has part = part |> List.exists (valuesOf word.Key >> List.isEmpty >> not)

        if
            word.Action = Change && word.Package.IsNone && choosesGroup configs word && not values.IsEmpty && List.forall declares values
        then
            match parts |> List.choose (fun part -> if has part then restricted word values part else Some(Declare.replace part word)) with
            | [] ->
                fail word.Source word.Key "the sweep declares this together with other values only; leave out this word or another one."
            | some -> some
        else
            parts |> List.map (fun part -> Declare.replace part word))
