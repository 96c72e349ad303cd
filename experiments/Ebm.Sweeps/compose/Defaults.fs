/// The defaults tree: the root's list names an option of each group. The list of an option may add groups, or `override` the choice of
/// another list. Later entries win. An option from the command line for a group inside another option (a
/// method's energy) wins over all of them.
module Ebm.Sweeps.Defaults

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Merge
open Ebm.Sweeps.Configs

/// A choice that replaces the group's own entry: from the command line, or from an `override` in an outer list.
type internal Choice = {
    Wanted: string list
    From: Source
    /// `~group` deletes any option; `~group=option` deletes this one and fails on another.
    Deletes: string option option
}

/// Entries such as `${data}-${method}` wait until every other group is chosen.
type private Piece =
    | Part of Document
    | Later of (unit -> Piece list)

/// Makes a package absolute; `parent` is the package of the file that names it.
let private resolvePackage parent (group: string) (package: string) =
    match package with
    | "_global_" -> ""
    | "_here_" -> parent
    | "_group_" -> group.Replace('/', '.')
    | absolute when absolute.StartsWith("_global_.", StringComparison.Ordinal) -> absolute.Substring 9
    | relative -> join parent relative

/// The name by which a group is overridden: with its absolute package, unless the package is the group's own name.
let internal keyOf parent (group: string) written =
    match written |> Option.map (resolvePackage parent group) with
    | Some "" -> group + "@_global_"
    | Some package when package <> group.Replace('/', '.') -> group + "@" + package
    | _ -> group

let private parentOf (name: string) =
    match name.LastIndexOf '/' with
    | -1 -> ""
    | cut -> name.Substring(0, cut)

/// Makes a name in a defaults list absolute; `folder` is the folder of the file with the list.
let private absolute folder (name: string) =
    if name.StartsWith '/' then name.Substring 1
    elif folder = "" then name
    else folder + "/" + name

let internal noSuchOption (configs: Configs) (source: Source) group option =
    let options = configs.Options group

    if options.IsEmpty then
        let groups = configs.Groups
        fail source group $"Unknown group {group}. Known groups: {listed groups}{Spelling.DidYouMean(group, groups)}."
    else
        fail source group $"Unknown option \"{option}\" of {group}. Known options: {listed options}{Spelling.DidYouMean(option, options)}."

/// The most files of one config. Two entries for the same file double the work at each level.
let private most = 1000

/// Walks the defaults lists from the last entry to the first, so that the overrides of later lists are known when a group is reached.
let rec internal expand (configs: Configs) (root: string) (given: Map<string, Choice>) (appended: GroupDefault list) =
    let choices = Dictionary given
    let used = HashSet<string>()
    let typed = ResizeArray<Piece>()
    let seen = Dictionary<string, string list>()
    let sources = Dictionary<string, Source>()
    let mutable files = 0

    /// None if a group that the text names has no option.
    let interpolate (source: Source) (text: string) =
        let mutable missing = false

        let option (found: Match) =
            let group = found.Groups[1].Value.Trim().Replace('.', '/')

            match seen.TryGetValue group with
            | true, [ option ] -> option
            | true, _ ->
                missing <- true
                ""
            | _ ->
                let known = seen.Keys |> Seq.sort |> List.ofSeq
                fail source group $"this defaults list has no group {group}. Its groups: {listed known}{Spelling.DidYouMean(group, known)}."

        let replaced = Regex.Replace(text, @"\$\{([^}]+)\}", option)
        if missing then None else Some replaced

    let rec file depth name package : Piece list =
        let read = configs.Read name

        if depth > 32 then fail read.Body.Source "defaults" $"the defaults list of {name} includes itself, directly or through other files."

        files <- files + 1
        if files > most then fail read.Body.Source "defaults" $"the defaults lists name more than {most} files."

        let folder = parentOf name

        // TryAdd keeps the first override of a group: an outer list's override wins over an inner one's.
        for entry in read.Defaults do
            match entry with
            | Group entry when entry.Overrides ->
                let key = keyOf package (absolute folder entry.Group) entry.Package
                choices.TryAdd(key, { Wanted = entry.Chosen; From = entry.Source; Deletes = None }) |> ignore
            | _ -> ()

        let entries = if List.contains Self read.Defaults then read.Defaults else read.Defaults @ [ Self ]

        (entries, [])
        ||> List.foldBack (fun entry later ->
            let pieces =
                match entry with
                | Self -> [ Part(at package read.Body) ]
                | Other(path, written, source) ->
                    let name = absolute folder path

                    if not (configs.Has name) then
                        fail
                            source
                            "defaults"
                            $"the file {name}.yaml does not exist; an entry without a group names a file of the configs folder."

                    file (depth + 1) name (place package (parentOf (path.TrimStart '/')) (parentOf name) written name)
                | Group entry when entry.Overrides -> []
                | Group entry -> group depth folder package entry

            pieces @ later)

    /// The package that receives a file's body: the one of its entry, else the one of its own header, else the group's name.
    and place parent (relative: string) absoluteGroup written name =
        match written, (configs.Read name).Header with
        | Some package, _
        | None, Some package -> resolvePackage parent absoluteGroup package
        | None, None -> join parent (relative.Replace('/', '.'))

    and group depth folder package (entry: GroupDefault) : Piece list =
        let name = absolute folder entry.Group
        let key = keyOf package name entry.Package

        let wanted, source, demanded =
            match choices.TryGetValue key with
            | true, choice ->
                used.Add key |> ignore

                match choice.Deletes with
                | Some(Some option) when entry.Chosen <> [ option ] ->
                    let found = if entry.Chosen.IsEmpty then "nothing" else listed entry.Chosen
                    fail choice.From name $"{name} is {found}, not {option}, so it cannot be deleted with ~{name}={option}."
                | Some _ -> [], choice.From, true
                | None -> choice.Wanted, choice.From, true
            | _ -> entry.Chosen, entry.Source, false

        let options names =
            let has option = configs.Has(name + "/" + option)

            if demanded || not entry.Optional then
                for option in names do
                    if not (has option) then noSuchOption configs source name option

            let names = names |> List.filter has

            match sources.TryGetValue key with
            | true, (other: Source) ->
                let source = if isNull other.File then other else entry.Source
                fail source name $"the defaults lists already choose an option of {key}: leave out the +, or write `override /{key}`."
            | _ ->
                sources[key] <- entry.Source
                seen[key] <- names

            [
                for option in names do
                    let file' = name + "/" + option
                    yield! file (depth + 1) file' (place package (entry.Group.TrimStart '/') name entry.Package file')
            ]

        if not demanded && wanted |> List.exists _.Contains("${") then
            [ Later(fun () -> options (wanted |> List.choose (interpolate source))) ]
        else
            let pieces = options wanted
            // The settings of `tuned` come later and must not undo a choice from the command line.
            if demanded && isNull source.File && key.Contains '@' then typed.AddRange pieces
            pieces

    let rec settle pieces =
        pieces
        |> List.collect (function
            | Part body -> [ body ]
            | Later pieces -> settle (pieces ()))

    let last = appended |> List.collect (group 0 "" "")
    let bodies = settle (file 0 root "" @ last)
    let unused = choices |> Seq.map (|KeyValue|) |> Seq.filter (fst >> used.Contains >> not) |> List.ofSeq

    match unused with
    | [] ->
        let whole = bodies @ settle (List.ofSeq typed)
        let merged = whole |> List.fold overlay (Document.OfMap(Seq.empty<Entry>, (configs.Read root).Body.Source))
        merged, seen |> Seq.map (|KeyValue|) |> Map.ofSeq
    | (key, choice) :: _ ->
        let group = (key.Split '@')[0]
        let option = if choice.Wanted.IsEmpty then "option" else choice.Wanted.Head
        if not (configs.IsGroup group) then noSuchOption configs choice.From group option
        let known = Seq.sort seen.Keys |> List.ofSeq

        // The name alone is enough if the group occurs once.
        match known |> List.filter _.StartsWith(key + "@", StringComparison.Ordinal) with
        | [ only ] when given.ContainsKey key && not (given.ContainsKey only) ->
            expand configs root (given |> Map.remove key |> Map.add only choice) appended
        | several when several.Length > 1 ->
            fail choice.From group $"{group} occurs several times, as {listed several}; write {several.Head}={option}."
        | _ ->
            fail
                choice.From
                group
                $"no defaults list names {key}, so it cannot be overridden; they name {listed known}. To add it, write +{key}={option}."
