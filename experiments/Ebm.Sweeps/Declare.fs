/// A sweep as a script declares it: a name, what every run starts from, what varies. The command line may replace any of it.
///
///     sweep "steps" |> given "experiment=rings" |> axis "method.steps" [ 2; 4; 8 ] |> seeds 5
///
/// An axis declared earlier varies slower: with `seeds` first, a sweep that is stopped has every method equally often. `either` makes unions:
///
///     sweep "both" |> either [ axis "method" [ "joint-cd" ] >> seeds 10; axis "method" [ "gan" ] >> seeds 3 ] |> given "experiment=rings"
module Ebm.Sweeps.Declare

open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides

/// The parts of a union, one unless said otherwise; what is declared after a union holds for every part.
type Sweep = { Name: string; Parts: Override list list }

let sweep name = { Name = name; Parts = [ [] ] }

let private declared name text = parseAt (Source.Of $"sweep {name}, \"{text}\"") text

/// An override stands in the place of an earlier one of the same key; else it comes last, and varies fastest.
let replace (overrides: Override list) (given: Override) =
    let same (other: Override) = other.Key = given.Key && other.Package = given.Package

    if List.exists same overrides then
        overrides |> List.map (fun other -> if same other then given else other)
    else
        overrides @ [ given ]

/// What every run gets, in the grammar of the command line: a group's option, a value, or even an axis.
let given text sweep = { sweep with Parts = sweep.Parts |> List.map (fun part -> replace part (declared sweep.Name text)) }

let private value (key: string) (item: obj | null) =
    match item with
    | null -> Null
    | :? Value as value -> value
    | :? string as text -> Text text
    | :? bool as flag -> Bool flag
    | :? int as number -> Int(int64 number)
    | :? int64 as number -> Int number
    | :? float as number -> Float number
    | other -> invalidArg key $"an axis holds texts, numbers, truth values or Values.Value; {other} is a {other.GetType().Name}."

/// A run for each value: text for a group's options, numbers with their own type.
let axis key (items: 'T list) sweep =
    let values = items |> List.map (box >> value key)
    let text = key + "=" + (values |> List.map printValue |> String.concat ",")

    let axis = {
        declared sweep.Name (key + "=") with
            Setting = Some(Sweep values)
            Text = text
            Source = Source.Of $"sweep {sweep.Name}, \"{text}\""
    }

    { sweep with Parts = sweep.Parts |> List.map (fun part -> replace part axis) }

/// A run for each seed 0 … n − 1.
let seeds n sweep = axis "seed" [ 0 .. n - 1 ] sweep

/// All runs of one part, then all of the next; a run that two parts declare is one run.
let either (parts: (Sweep -> Sweep) list) sweep =
    if parts.IsEmpty then invalidArg (nameof parts) "a union of no parts has no run; give it one at least."
    { sweep with Parts = parts |> List.collect (fun part -> (part sweep).Parts) }
