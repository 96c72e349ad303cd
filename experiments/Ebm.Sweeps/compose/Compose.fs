/// Composes config groups and overrides into one document, as Hydra does; every value keeps the place where it was written.
///
/// Composition expands the defaults tree (Defaults.fs), sets the command line's values (Merge.fs), then replaces every `${…}` once
/// (Interpolate.fs). It does not interpret keys: the catalog types the result.
module Ebm.Sweeps.Compose

open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Merge
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Defaults

/// The composed document of one run, and the options chosen for each group.
type Composed = {
    Config: Document
    Choices: Map<string, string list>
    /// A value refers to another one, which may be the seed.
    HasReferences: bool
}

/// Whether the override chooses options of a group instead of setting a value: its key is a group and its value is not a mapping.
let choosesGroup (configs: Configs) (given: Override) =
    configs.IsGroup given.Key
    && (match given.Setting with
        | Some(One(Dict _)) -> false
        | Some(Sweep values) -> values |> List.forall (fun value -> not value.IsDict)
        | _ -> true)

/// The groups whose option is chosen by the option that the override names: the method, by an experiment about one method.
let choosesFor (configs: Configs) (given: Override) =
    match given.Setting with
    | Some(One(Text option)) when choosesGroup configs given && configs.Has $"{given.Key}/{option}" -> [
        for entry in (configs.Read $"{given.Key}/{option}").Defaults do
            match entry with
            | Group entry when entry.Overrides -> entry.Group.TrimStart '/'
            | _ -> ()
      ]
    | _ -> []

/// The options that a value names. A group whose options have a kind makes one thing, so a list of them is a mistake.
let private optionsOf (configs: Configs) (source: Source) group value =
    let name value =
        match value with
        | Text option -> option
        | List _
        | Dict _ -> fail source group $"{printValue value} is not the name of an option."
        | other -> printValue other

    match value with
    | Null -> []
    | List(_ :: _ :: _ as values) when
        values
        |> List.forall (fun value ->
            configs.Has $"{group}/{name value}" && not (isNull ((configs.Read $"{group}/{name value}").Body.Find "kind")))
        ->
        let options = values |> List.map name |> String.concat ","
        fail source group $"a run has one {group}, so a list of several is not allowed; write {group}={options} for a run of each."
    | List values -> values |> List.map name
    | other -> [ name other ]

/// Composes configs/<root>.yaml with overrides that contain no sweep. Throws ConfigException.
type Composer(configs: Configs, root: string) =
    let plain = ConcurrentDictionary<Document, unit>(HashIdentity.Reference)
    let given = ConcurrentDictionary<Document, unit>(HashIdentity.Reference)

    let secrets = Secrets.At(Path.GetFullPath(Path.Combine(configs.Folder, "..", "..")))

    /// Throws if a mandatory value is missing, or if a value looks like a secret. A subtree that several runs share is checked once.
    let rec check path (node: Document) =
        if node.IsScalar then
            if isMandatory node then fail node.Source path $"??? marks a value that must be given: write {path}=value."
            secrets.RefuseIn(path, node)
        elif not (given.ContainsKey node) then
            if node.IsMap then
                for entry in node.Entries do
                    check (join path entry.Key) entry.Value
            else
                node.Items |> Seq.iteri (fun i item -> check (join path (string i)) item)

            given.TryAdd(node, ()) |> ignore

    let trees = ConcurrentDictionary<string, Document * Map<string, string list>>()

    // The previous run's values, with the config after each: in a product of axes, consecutive runs mostly differ in the last values.
    let mutable before: Document * (Override * Value option * Document) list = Document.Null Source.Code, []

    let assigned tree values =
        let rec go config values before =
            match values, before with
            | [], _ -> []
            | (given, value) :: values, (given', value', made) :: before when
                obj.ReferenceEquals(given, given') && obj.ReferenceEquals(value, value')
                ->
                (given, value, made) :: go made values before
            | (given, value) :: values, _ ->
                let made = assign config given value
                (given, value, made) :: go made values []

        let root, made = before
        let made = go tree values (if obj.ReferenceEquals(root, tree) then made else [])
        before <- tree, made
        made |> List.tryLast |> Option.map (fun (_, _, config) -> config) |> Option.defaultValue tree

    member _.Configs = configs

    member _.Compose(overrides: (Override * Value option) list) : Composed =
        for given, value in overrides do
            // Overrides are recorded, too, also one that a later one replaces.
            value |> Option.iter (fun value -> secrets.RefuseIn(given.Key, document given.Source value))

        let groups, values = overrides |> List.partition (fun (given, _) -> choosesGroup configs given)

        for given, _ in values do
            if given.Package.IsSome then
                let known = configs.Groups
                fail given.Source given.Key $"{given.Key} is not a group, so it takes no @package{Spelling.DidYouMean(given.Key, known)}."

            if given.Key.Contains '/' then noSuchOption configs given.Source given.Key ""

        // Runs that choose the same options share one tree.
        let signature =
            groups |> List.map (fun (given, value) -> $"{print given.Action given.Key given.Package value}") |> String.concat "\n"

        let tree, choices =
            match trees.TryGetValue signature with
            | true, tree -> tree
            | _ ->
                let choices = Dictionary<string, Choice>()
                let appended = ResizeArray<GroupDefault>()

                for given, value in groups do
                    let source = given.Source
                    let key = keyOf "" given.Key given.Package

                    match given.Action, value with
                    | Change, Some value ->
                        choices[key] <- { Wanted = optionsOf configs source given.Key value; From = source; Deletes = None }
                    | Delete, value ->
                        let option = value |> Option.map (optionsOf configs source given.Key >> String.concat ",")
                        choices[key] <- { Wanted = []; From = source; Deletes = Some option }
                    | Add, Some value ->
                        appended.Add {
                            Group = given.Key
                            Package = given.Package
                            Chosen = optionsOf configs source given.Key value
                            Optional = false
                            Overrides = false
                            Source = source
                        }
                    | AddOrChange, _ ->
                        fail
                            source
                            given.Key
                            $"++ sets a value, but {given.Key} is a group: choose its option with {given.Key}=option, or add one with +{given.Key}=option."
                    | _, None -> fail source given.Key $"the option is missing: write {given.Key}=option."

                trees.GetOrAdd(signature, expand configs root (choices |> Seq.map (|KeyValue|) |> Map.ofSeq) (List.ofSeq appended))

        let written = assigned tree values
        let config = Interpolate.interpolate secrets plain written
        check "" config
        { Config = config; Choices = choices; HasReferences = not (obj.ReferenceEquals(config, written)) }
