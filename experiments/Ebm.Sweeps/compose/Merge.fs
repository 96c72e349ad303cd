/// Merges documents: mappings key by key; scalars and lists are replaced; `???` replaces no value; every value keeps its source.
///
/// One rule is not Hydra's: a mapping whose `kind` changes is replaced, because its settings belong to the old kind.
module Ebm.Sweeps.Merge

open System
open System.Collections.Generic
open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Sentence

/// An override's value as a document with the override's source.
let rec document (source: Source) value =
    match value with
    | Null -> Document.Null source
    | Bool value -> Document.Of(value, source)
    | Int value -> Document.Of(value, source)
    | Float value -> Document.Of(value, source)
    | Text value -> Document.Of(value, source)
    | List values -> Document.OfList(values |> List.map (document source), source)
    | Dict entries -> Document.OfMap(entries |> List.map (fun (key, value) -> Entry(key, source, document source value)), source)

let isMandatory (node: Document) =
    match node.Value with
    | :? string as text -> text = "???"
    | _ -> false

let private kindOf (map: Document) =
    match map.Find "kind" with
    | null -> None
    | kind -> Some(string kind.Value)

let private changesKind (under: Document) (over: Document) =
    match kindOf under, kindOf over with
    | Some one, Some other -> one <> other
    | _ -> false

/// Merges `over` into `under`; `over` wins.
let rec overlay (under: Document) (over: Document) : Document =
    if isMandatory over && not under.IsNull then
        under
    elif under.IsMap && over.IsMap && not (changesKind under over) then
        let known = under.Entries |> Seq.map _.Key |> HashSet

        let kept =
            under.Entries
            |> Seq.map (fun entry ->
                match over.Find entry.Key with
                | null -> entry
                | above ->
                    let source = (over.Entries |> Seq.find (fun other -> other.Key = entry.Key)).KeySource
                    Entry(entry.Key, source, overlay entry.Value above))

        let added = over.Entries |> Seq.filter (fun entry -> not (known.Contains entry.Key))
        Document.OfMap(Seq.append kept added, under.Source)
    else
        over

/// Puts a document below a dotted path.
let at (package: string) (body: Document) =
    if package = "" then
        body
    else
        (package.Split '.', body) ||> Array.foldBack (fun key body -> Document.OfMap([ Entry(key, body.Source, body) ], body.Source))

/// The path of a child; either may be empty.
let join parent child =
    if parent = "" then child
    elif child = "" then parent
    else parent + "." + child

// ── What overrides do ───────────────────────────────────────────────────────────────────────

/// A value from an override, of the command line or a script, has no file as its source.
let private isOverride (node: Document) = node.Leaves() |> Seq.exists (fun struct (_, leaf) -> isNull leaf.Source.File)

/// Sets a value. A new `kind` removes the settings that files gave for the old kind, and keeps those of overrides.
let private set (config: Document) (path: string) (value: Document) =
    let above = if path.EndsWith(".kind", StringComparison.Ordinal) then path.Substring(0, path.Length - 5) else path

    match config.Find above with
    | null -> config
    | parent when above <> path && parent.IsMap && kindOf parent |> Option.exists (fun kind -> kind <> string value.Value) ->
        let kept = parent.Entries |> Seq.filter (fun entry -> isOverride entry.Value)
        config.With(above, Document.OfMap(kept, parent.Source))
    | _ -> config
    |> _.With(path, value)

let private change (config: Document) (path: string) (value: Document) =
    match config.Find path with
    | null -> set config path value
    | node when node.IsMap && value.IsMap -> config.With(path, overlay node value)
    | _ -> set config path value

/// Applies one override of a value to a config. Throws ConfigException.
let assign (config: Document) (given: Override) (value: Value option) =
    let source = given.Source
    let value = value |> Option.map (document source)

    match given.Action, value, Option.ofObj (config.Find given.Key) with
    | Change, Some value, _
    | AddOrChange, Some value, _ -> change config given.Key value
    | Add, Some value, None -> change config given.Key value
    | Add, Some value, Some node ->
        if not node.IsNull && not (isMandatory node) && not value.IsMap && not value.IsList then
            fail source given.Key $"{given.Key} already exists, at {node.Source}; leave out the +, or write ++ to set it in either case."

        change config given.Key value
    | Delete, _, None ->
        let cut = given.Key.LastIndexOf '.'
        let above = if cut < 0 then "" else given.Key.Substring(0, cut)
        let keys =
            match config.Find above with
            | null -> []
            | map -> map.Entries |> Seq.map _.Key |> List.ofSeq
        fail
            source
            given.Key
            $"{given.Key} does not exist, so it cannot be deleted{Spelling.DidYouMean(given.Key.Substring(cut + 1), keys)}."
    | Delete, Some value, Some node when value <> node ->
        fail source given.Key $"{given.Key} is {node}, not {value}, so it cannot be deleted with ~{given.Key}={value}."
    | Delete, _, _ -> config.Without given.Key
    | _, None, _ -> fail source given.Key $"the value is missing: write {given.Key}=value."
