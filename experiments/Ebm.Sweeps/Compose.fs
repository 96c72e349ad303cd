/// From config groups and overrides to one document: Hydra's composition, where every value still knows where it was written.
///
/// The root's defaults list names an option of each group; the options' own lists may name more, or `override` what another list
/// chose. Later entries win. Then the command line's values are set, then every `${…}` is replaced, once. What a key means is not
/// known here: the catalog types the result.
///
/// One rule is ours: a mapping whose `kind` changes is replaced, not merged, because the settings of one kind are not another's.
module Ebm.Sweeps.Compose

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides

let fail (source: Source) key says : 'a = raise (ConfigException(source, key, says))

let listed (names: string seq) = String.Join(", ", names)

/// The override's value as a document that says it was written on the command line.
let rec document (source: Source) value =
    match value with
    | Null -> Document.Null source
    | Bool value -> Document.Of(value, source)
    | Int value -> Document.Of(value, source)
    | Float value -> Document.Of(value, source)
    | Text value -> Document.Of(value, source)
    | List values -> Document.OfList(values |> List.map (document source), source)
    | Dict entries -> Document.OfMap(entries |> List.map (fun (key, value) -> Entry(key, source, document source value)), source)

// ── Merging ─────────────────────────────────────────────────────────────────────────────────

let private isMandatory (node: Document) =
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

let rec private overlay (under: Document) (over: Document) : Document =
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

let private at (package: string) (body: Document) =
    if package = "" then
        body
    else
        (package.Split '.', body)
        ||> Array.foldBack (fun key body -> Document.OfMap([ Entry(key, body.Source, body) ], body.Source))

// ── Files and their defaults lists ──────────────────────────────────────────────────────────

type internal Default =
    | Self
    /// Another file of the same group, or of an absolute path.
    | Other of path: string * package: string option * Source
    | Group of GroupDefault

and internal GroupDefault = {
    Group: string
    Package: string option
    /// Several only where the list says so; none for null.
    Chosen: string list
    Optional: bool
    Overrides: bool
    Source: Source
}

type internal File = { Body: Document; Defaults: Default list; Header: string option }

let private entryKey =
    Regex(@"^(?:(optional|override)\s+)?(/?[A-Za-z_][\w-]*(?:/[\w-]+)*)(?:@([\w.$-]*))?$", RegexOptions.CultureInvariant)

let private optionOf (source: Source) (key: string) (node: Document) =
    if node.IsScalar then
        match node.Value with
        | null -> None
        | :? string as text -> Some text
        | _ -> Some(node.ToString())
    else
        fail source key "an option is a name, a list of names, or null."

let private parseDefault (node: Document) =
    let refuse () =
        fail
            node.Source
            "defaults"
            "an entry is `group: option`, `optional group: option`, `override /group: option`, `_self_` or a file's name."

    match node.Value with
    | :? string as text when text = "_self_" -> Self
    | :? string as text ->
        let found = Regex.Match(text, @"^(/?[\w-]+(?:/[\w-]+)*)(?:@([\w.$-]+))?$")

        if not found.Success then refuse ()

        let package = if found.Groups[2].Success then Some found.Groups[2].Value else None
        Other(found.Groups[1].Value, package, node.Source)
    | _ when node.IsMap && node.Entries.Count = 1 ->
        let entry = node.Entries[0]
        let found = entryKey.Match entry.Key

        if not found.Success then refuse ()

        Group {
            Group = found.Groups[2].Value
            Package = if found.Groups[3].Success then Some found.Groups[3].Value else None
            Chosen =
                if entry.Value.IsList then
                    entry.Value.Items |> Seq.choose (optionOf entry.Value.Source "defaults") |> List.ofSeq
                else
                    optionOf entry.Value.Source "defaults" entry.Value |> Option.toList
            Optional = found.Groups[1].Value = "optional"
            Overrides = found.Groups[1].Value = "override"
            Source = entry.KeySource
        }
    | _ -> refuse ()

/// `# @package x`, before the first line that is no comment.
let private header (path: string) =
    File.ReadLines path
    |> Seq.map _.Trim()
    |> Seq.takeWhile (fun line -> line = "" || line.StartsWith '#')
    |> Seq.map (fun line -> Regex.Match(line, @"^#\s*@package\s+(\S+)\s*$"))
    |> Seq.tryFind _.Success
    |> Option.map _.Groups[1].Value

/// The folder of config groups. Files are read once: a sweep of thousands of runs composes from memory.
type Configs(folder: string) =
    let folder = Path.GetFullPath folder
    let files = ConcurrentDictionary<string, File>()

    /// As the user would type it: errors name files this way.
    let shown (path: string) =
        let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path)
        if relative.StartsWith("..", StringComparison.Ordinal) then path else relative.Replace('\\', '/')

    member _.Folder = folder

    member private _.PathOf name = Path.Combine(folder, name + ".yaml")

    member configs.Has name = File.Exists(configs.PathOf name)

    member _.IsGroup name =
        Directory.Exists(Path.Combine(folder, name))
        && Directory.EnumerateFiles(Path.Combine(folder, name), "*.yaml") |> Seq.isEmpty |> not

    /// The options of a group, in ordinal order.
    member _.Options group =
        let path = Path.Combine(folder, group)

        if Directory.Exists path then
            Directory.EnumerateFiles(path, "*.yaml")
            |> Seq.map (Path.GetFileNameWithoutExtension >> string)
            |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> List.ofSeq
        else
            []

    /// Every group that has options, in ordinal order.
    member _.Groups =
        Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories)
        |> Seq.filter (fun path -> Directory.EnumerateFiles(path, "*.yaml") |> Seq.isEmpty |> not)
        |> Seq.map (fun path -> Path.GetRelativePath(folder, path).Replace('\\', '/'))
        |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> List.ofSeq

    /// The comment that an option's file begins with, without its package line.
    member configs.Says name =
        File.ReadLines(configs.PathOf name)
        |> Seq.map _.Trim()
        |> Seq.takeWhile (fun line -> line.StartsWith '#')
        |> Seq.map _.TrimStart('#').Trim()
        |> Seq.filter (fun line -> line <> "" && not (line.StartsWith "@package"))
        |> String.concat " "

    member internal configs.Read name =
        files.GetOrAdd(
            name,
            fun name ->
                let path = configs.PathOf name
                let document = Document.Read(path, shown path)

                if not document.IsMap then fail document.Source "" "a config file is a mapping of keys."

                let defaults =
                    match document.Find "defaults" with
                    | null -> []
                    | list when list.IsList -> list.Items |> Seq.map parseDefault |> List.ofSeq
                    | other -> fail other.Source "defaults" "defaults is a list of `group: option`."

                {
                    Body = (if isNull (document.Find "defaults") then document else document.Without "defaults")
                    Defaults = defaults
                    Header = header path
                }
        )

// ── The defaults tree ───────────────────────────────────────────────────────────────────────

/// What one run is composed of: its document, and the option that each group contributed.
type Composed = { Config: Document; Choices: Map<string, string list> }

/// What decides a group's option instead of its own entry: the command line, or an `override` in a list that came first.
type private Choice = {
    Wanted: string list
    From: Source
    /// `~group`, or `~group=option`: no option, if it is this one.
    Deletes: string option option
    mutable Used: bool
}

/// Entries such as `${data}-${method}` wait until every other group is chosen.
type private Piece =
    | Part of Document
    | Later of (unit -> Piece list)

let private groupKey (group: string) package =
    match package with
    | Some package -> $"{group}@{package}"
    | None -> group

let private join parent child =
    if parent = "" then child
    elif child = "" then parent
    else parent + "." + child

/// A package as written, seen from the package of the file that writes it.
let private resolvePackage parent (group: string) (package: string) =
    match package with
    | "_global_" -> ""
    | "_here_" -> parent
    | "_group_" -> group.Replace('/', '.')
    | absolute when absolute.StartsWith("_global_.", StringComparison.Ordinal) -> absolute.Substring 9
    | relative -> join parent relative

let private parentOf (name: string) =
    match name.LastIndexOf '/' with
    | -1 -> ""
    | cut -> name.Substring(0, cut)

/// A name in a defaults list, seen from the folder of the file that writes it.
let private absolute folder (name: string) =
    if name.StartsWith '/' then name.Substring 1
    elif folder = "" then name
    else folder + "/" + name

let private noSuchOption (configs: Configs) (source: Source) group option =
    let options = configs.Options group

    if options.IsEmpty then
        let groups = configs.Groups
        fail source group $"there is no group {group}; groups are {listed groups}{Spelling.DidYouMean(group, groups)}."
    else
        fail source group $"\"{option}\" is no option of {group}; known are {listed options}{Spelling.DidYouMean(option, options)}."

/// Walks the defaults lists from the last entry to the first: what a later list overrides is then known when the group is reached.
let private expand (configs: Configs) (root: string) (choices: Dictionary<string, Choice>) (appended: GroupDefault list) =
    let seen = Dictionary<string, string list>()
    let sources = Dictionary<string, Source>()

    /// None where a group of the text has no option.
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
                fail source group $"{group} is no group of this defaults list; it has {listed known}{Spelling.DidYouMean(group, known)}."

        let replaced = Regex.Replace(text, @"\$\{([^}]+)\}", option)
        if missing then None else Some replaced

    let rec file depth name package : Piece list =
        let read = configs.Read name

        if depth > 32 then fail read.Body.Source "defaults" $"{name} stands in a circle of defaults lists."

        let folder = parentOf name

        // The outer list's overrides stay: whoever comes first is kept.
        for entry in read.Defaults do
            match entry with
            | Group entry when entry.Overrides ->
                let key = groupKey (absolute folder entry.Group) entry.Package
                choices.TryAdd(key, { Wanted = entry.Chosen; From = entry.Source; Deletes = None; Used = false }) |> ignore
            | _ -> ()

        let entries = if List.contains Self read.Defaults then read.Defaults else read.Defaults @ [ Self ]

        (entries, [])
        ||> List.foldBack (fun entry later ->
            let pieces =
                match entry with
                | Self -> [ Part(at package read.Body) ]
                | Other(path, written, source) ->
                    let name = absolute folder path

                    if not (configs.Has name) then fail source "defaults" $"there is no file {name}.yaml beside this one."

                    file (depth + 1) name (place package (parentOf (path.TrimStart '/')) (parentOf name) written name)
                | Group entry when entry.Overrides -> []
                | Group entry -> group depth folder package entry

            pieces @ later)

    /// Where a file's body goes: as its entry says, else as its own header says, else below the group's name.
    and place parent (relative: string) absoluteGroup written name =
        match written, (configs.Read name).Header with
        | Some package, _
        | None, Some package -> resolvePackage parent absoluteGroup package
        | None, None -> join parent (relative.Replace('/', '.'))

    and group depth folder package (entry: GroupDefault) : Piece list =
        let name = absolute folder entry.Group
        let key = groupKey name entry.Package

        let wanted, source, demanded =
            match choices.TryGetValue key with
            | true, choice ->
                choice.Used <- true

                match choice.Deletes with
                | Some(Some option) when entry.Chosen <> [ option ] ->
                    let found = if entry.Chosen.IsEmpty then "nothing" else listed entry.Chosen
                    fail choice.From name $"{name} is {found} here, not {option}, so it is not deleted."
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
                fail source name $"the group {key} stands twice in the defaults lists: leave out the +, or write `override /{key}`."
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
            options wanted

    let rec settle pieces =
        pieces
        |> List.collect (function
            | Part body -> [ body ]
            | Later pieces -> settle (pieces ()))

    let last = appended |> List.collect (group 0 "" "")
    let bodies = settle (file 0 root "" @ last)

    for KeyValue(key, choice) in choices do
        if not choice.Used then
            let group = (key.Split '@')[0]
            let option = if choice.Wanted.IsEmpty then "option" else choice.Wanted.Head
            if not (configs.IsGroup group) then noSuchOption configs choice.From group option
            let known = Seq.sort seen.Keys

            fail
                choice.From
                group
                $"no defaults list names {key}, so there is nothing to override; they name {listed known}. To add it, write +{key}={option}."

    let merged = bodies |> List.fold overlay (Document.OfMap(Seq.empty<Entry>, (configs.Read root).Body.Source))
    merged, seen |> Seq.map (|KeyValue|) |> Map.ofSeq

// ── Values ──────────────────────────────────────────────────────────────────────────────────

/// Overrides, of the command line or a script, do not stand in files.
let private isOverride (node: Document) = node.Leaves() |> Seq.exists (fun struct (_, leaf) -> isNull leaf.Source.File)

/// Sets a value. Where it is a `kind` and a new one, what files said for the old kind goes with it; overrides stay.
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

let private assign (config: Document) (given: Override) (value: Value option) =
    let source = given.Source
    let value = value |> Option.map (document source)

    match given.Action, value, Option.ofObj (config.Find given.Key) with
    | Change, Some value, _
    | AddOrChange, Some value, _ -> change config given.Key value
    | Add, Some value, None -> change config given.Key value
    | Add, Some value, Some node ->
        if not node.IsNull && not (isMandatory node) && not value.IsMap && not value.IsList then
            fail source given.Key $"{given.Key} is there already, at {node.Source}; leave out the +, or write ++ to set it in either case."

        change config given.Key value
    | Delete, _, None ->
        let cut = given.Key.LastIndexOf '.'
        let above = if cut < 0 then "" else given.Key.Substring(0, cut)
        let keys =
            match config.Find above with
            | null -> []
            | map -> map.Entries |> Seq.map _.Key |> List.ofSeq
        fail source given.Key $"there is no {given.Key} to delete{Spelling.DidYouMean(given.Key.Substring(cut + 1), keys)}."
    | Delete, Some value, Some node when value <> node -> fail source given.Key $"{given.Key} is {node}, not {value}, so it is not deleted."
    | Delete, _, _ -> config.Without given.Key
    | _, None, _ -> fail source given.Key "a value is missing."

// ── Interpolation ───────────────────────────────────────────────────────────────────────────

/// The text inside `${…}` starting at `start`, and where it ends; braces nest.
let private inside (source: Source) path (text: string) start =
    let mutable depth = 1
    let mutable i = start

    while depth > 0 && i < text.Length do
        if text[i] = '{' then depth <- depth + 1
        elif text[i] = '}' then depth <- depth - 1

        i <- i + 1

    if depth > 0 then fail source path $"\"{text}\" opens an interpolation with ${{ and never closes it."

    text.Substring(start, i - 1 - start), i

let private resolvers = [ "oc.decode"; "oc.env"; "oc.select" ]

/// Replaces every `${…}` by what it names: a path, a relative path (`${.sibling}`, `${..uncle}`), an environment variable with
/// a default (`${oc.env:NAME,default}`), a path that may be missing (`${oc.select:a.b,default}`). A whole `${…}` keeps its type.
///
/// `plain` are trees that are known to hold nothing to replace: the runs of a sweep share most of theirs.
let private interpolate (plain: ConcurrentDictionary<Document, unit>) (config: Document) =
    let rec value (open': string list) (path: string) (node: Document) : Document =
        match node.Value with
        | :? string as text when text.Contains "${" ->
            if List.contains path open' then
                let circle = String.Join(" → ", List.rev (path :: open'))
                fail node.Source path $"this refers to itself: {circle}."

            texts (path :: open') path node.Source text
        | _ -> node

    and texts open' path source (text: string) : Document =
        let pieces = ResizeArray<Document>()
        let literal = Text.StringBuilder()

        let flush () =
            if literal.Length > 0 then
                pieces.Add(Document.Of(string literal, source))
                literal.Clear() |> ignore

        let mutable i = 0

        while i < text.Length do
            if text[i] = '\\' && i + 2 < text.Length && text[i + 1] = '$' && text[i + 2] = '{' then
                literal.Append "${" |> ignore
                i <- i + 3
            elif text[i] = '$' && i + 1 < text.Length && text[i + 1] = '{' then
                flush ()
                let inner, past = inside source path text (i + 2)
                pieces.Add(reference open' path source inner)
                i <- past
            else
                literal.Append text[i] |> ignore
                i <- i + 1

        flush ()

        match List.ofSeq pieces with
        | [ only ] -> only
        | several ->
            let word (piece: Document) =
                if piece.IsScalar then
                    match piece.Value with
                    | :? string as text -> text
                    | _ -> piece.ToString()
                else
                    fail source path $"\"{text}\" joins text with {piece}, which is no scalar."

            Document.Of(several |> List.map word |> String.concat "", source)

    and reference open' path source (inner: string) : Document =
        let inner = if inner.Contains "${" then string (texts open' path source inner).Value else inner

        match inner.IndexOf ':' with
        | -1 ->
            match lookUp open' path source inner with
            | Some found -> found
            | None ->
                let keys = config.Leaves() |> Seq.map (fun struct (path, _) -> path) |> List.ofSeq
                fail source path $"${{{inner}}} names nothing{Spelling.DidYouMean(inner, keys)}."
        | colon ->
            let name = inner.Substring(0, colon).Trim()
            let arguments = inner.Substring(colon + 1).Split(',', 2) |> Array.map _.Trim()
            let fallback = if arguments.Length > 1 then Some(Document.Plain(arguments[1].Trim('\'', '"'), source)) else None

            match name with
            | "oc.env" ->
                match Option.ofObj (Environment.GetEnvironmentVariable arguments[0]), fallback with
                | Some set, _ -> Document.Of(set, source)
                | None, Some fallback -> fallback
                | None, None ->
                    fail
                        source
                        path
                        $"the environment has no variable {arguments[0]}; write ${{oc.env:{arguments[0]},default}} to do without it."
            | "oc.select" ->
                lookUp open' path source arguments[0] |> Option.orElse fallback |> Option.defaultWith (fun () -> Document.Null source)
            | "oc.decode" -> Document.Plain(arguments[0].Trim('\'', '"'), source)
            | _ -> fail source path $"{name} is no resolver; known are {listed resolvers}{Spelling.DidYouMean(name, resolvers)}."

    and lookUp open' path source (target: string) =
        let target = Regex.Replace(target.Trim(), @"\[(\d+)\]", ".$1")
        let dots = target.Length - target.TrimStart('.').Length

        let absolute =
            if dots = 0 then
                target
            else
                let above = path.Split '.'

                if dots > above.Length then fail source path $"${{{target}}} climbs above the whole config."

                join (String.Join('.', Array.take (above.Length - dots) above)) (target.Substring dots)

        match config.Find absolute with
        | null -> None
        | found -> Some((whole open' absolute found).From source)

    and whole open' path (node: Document) : Document =
        if node.IsScalar then
            value open' path node
        elif plain.ContainsKey node then
            node
        else
            let mutable changed = false

            let within key (below: Document) =
                let found = whole open' (join path key) below
                if not (obj.ReferenceEquals(found, below)) then changed <- true
                found

            let found =
                if node.IsMap then
                    let entries = [| for entry in node.Entries -> Entry(entry.Key, entry.KeySource, within entry.Key entry.Value) |]
                    if changed then Document.OfMap(entries, node.Source) else node
                else
                    let items = [| for i, item in Seq.indexed node.Items -> within (string i) item |]
                    if changed then Document.OfList(items, node.Source) else node

            if not changed then plain.TryAdd(node, ()) |> ignore
            found

    whole [] "" config

// ── The whole ───────────────────────────────────────────────────────────────────────────────

/// Whether the override chooses options of a group, rather than setting a value: the key is a group and the value no mapping.
let choosesGroup (configs: Configs) (given: Override) =
    configs.IsGroup given.Key
    && (match given.Setting with
        | Some(One(Dict _)) -> false
        | Some(Sweep values) -> values |> List.forall (fun value -> not value.IsDict)
        | _ -> true)

let private optionsOf (source: Source) group value =
    let name value =
        match value with
        | Text option -> option
        | List _
        | Dict _ -> fail source group $"{printValue value} is no option's name."
        | other -> printValue other

    match value with
    | Null -> []
    | List values -> values |> List.map name
    | other -> [ name other ]

/// Composes configs/<root>.yaml with overrides that hold no sweep. Throws ConfigException.
type Composer(configs: Configs, root: string) =
    let plain = ConcurrentDictionary<Document, unit>(HashIdentity.Reference)
    let given = ConcurrentDictionary<Document, unit>(HashIdentity.Reference)

    /// Whatever must be given is given; what is shared is looked into once.
    let rec check path (node: Document) =
        if node.IsScalar then
            if isMandatory node then fail node.Source path $"??? stands for a value that must be given: write {path}=value."
        elif not (given.ContainsKey node) then
            if node.IsMap then
                for entry in node.Entries do
                    check (join path entry.Key) entry.Value
            else
                node.Items |> Seq.iteri (fun i item -> check (join path (string i)) item)

            given.TryAdd(node, ()) |> ignore

    let trees = ConcurrentDictionary<string, Document * Map<string, string list>>()

    // The values of the run before, and what each made of the config: of a product, mostly the last ones change.
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
        let groups, values = overrides |> List.partition (fun (given, _) -> choosesGroup configs given)

        for given, _ in values do
            if given.Package.IsSome then
                let known = configs.Groups
                fail given.Source given.Key $"{given.Key} is no group, so it takes no @package{Spelling.DidYouMean(given.Key, known)}."

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
                    let key = groupKey given.Key given.Package

                    match given.Action, value with
                    | Change, Some value ->
                        choices[key] <- { Wanted = optionsOf source given.Key value; From = source; Deletes = None; Used = false }
                    | Delete, value ->
                        let option = value |> Option.map (optionsOf source given.Key >> String.concat ",")
                        choices[key] <- { Wanted = []; From = source; Deletes = Some option; Used = false }
                    | Add, Some value ->
                        appended.Add {
                            Group = given.Key
                            Package = given.Package
                            Chosen = optionsOf source given.Key value
                            Optional = false
                            Overrides = false
                            Source = source
                        }
                    | AddOrChange, _ ->
                        fail
                            source
                            given.Key
                            $"++ sets values; a group's option is chosen with {given.Key}=option, or added with +{given.Key}=option."
                    | _, None -> fail source given.Key "an option is missing."

                trees.GetOrAdd(signature, expand configs root choices (List.ofSeq appended))

        let config = assigned tree values |> interpolate plain
        check "" config
        { Config = config; Choices = choices }
