/// The files of the config groups: each option's document, its defaults list and the package it names, read once.
module Ebm.Sweeps.Configs

open System
open System.Collections.Concurrent
open System.IO
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Sweeps.Sentence

type internal Default =
    | Self
    /// Another file: of the same group, or at a path that starts at the configs' root.
    | Other of path: string * package: string option * Source
    | Group of GroupDefault

and internal GroupDefault = {
    Group: string
    Package: string option
    /// The option; several if the entry is a list, none if it is null.
    Chosen: string list
    Optional: bool
    Overrides: bool
    Source: Source
}

type internal File = { Body: Document; Defaults: Default list; Header: string option }

let private entryKey =
    Regex(@"\A(?:(optional|override)\s+)?(/?[A-Za-z_][\w-]*(?:/[\w-]+)*)(?:@([\w.$-]*))?\z", RegexOptions.CultureInvariant)

let private optionOf (source: Source) (key: string) (node: Document) =
    if node.IsScalar then
        match node.Value with
        | null -> None
        | :? string as text -> Some text
        | _ -> Some(node.ToString())
    else
        fail source key $"the option must be a name, a list of names, or null; it is {node}."

let private parseDefault (node: Document) =
    let refuse () =
        fail
            node.Source
            "defaults"
            "an entry must be `group: option`, `optional group: option`, `override /group: option`, `_self_` or the name of a file."

    match node.Value with
    | :? string as text when text = "_self_" -> Self
    | :? string as text ->
        let found = Regex.Match(text, @"\A(/?[\w-]+(?:/[\w-]+)*)(?:@([\w.$-]+))?\z")

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

/// The x of `# @package x`, among the comments that the file begins with.
let private header (path: string) =
    RegularFile.Lines path
    |> Seq.map _.Trim()
    |> Seq.takeWhile (fun line -> line = "" || line.StartsWith '#')
    |> Seq.map (fun line -> Regex.Match(line, @"\A#\s*@package\s+(\S+)\s*\z"))
    |> Seq.tryFind _.Success
    |> Option.map _.Groups[1].Value

/// The configs that a package brings: a folder beside this assembly, which a clone of the project does not have.
let private packaged () = Path.Combine(string (Path.GetDirectoryName(typeof<File>.Assembly.Location)), "configs")

/// The folder of config groups, and a second folder, that of the package: a file of the first replaces one of the same name in the second.
/// Each file is read once, so that a sweep of thousands of runs composes from memory.
type Configs(folder: string, ?further: string) =
    let folder = Path.GetFullPath folder
    let folders = [ folder; defaultArg further (packaged ()) ] |> List.filter (fun path -> path = folder || Directory.Exists path)
    let files = ConcurrentDictionary<string, File>()

    /// Errors name a file by the path that the user would type.
    let shown (path: string) =
        let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path)
        if relative.StartsWith("..", StringComparison.Ordinal) then path else relative.Replace('\\', '/')

    /// The paths of a name in each folder; none for a name that leads out of the folders.
    let inside (name: string) =
        match RelativePath.Try name with
        | null -> []
        | path -> folders |> List.map path.In

    member _.Folder = folder

    /// The file of a name; if there is none, the path that it would have in the first folder.
    member private _.PathOf name =
        match inside (name + ".yaml") with
        | [] -> folder
        | paths -> paths |> List.tryFind File.Exists |> Option.defaultValue paths.Head

    member configs.Has name = File.Exists(configs.PathOf name)

    member configs.IsGroup name = not (List.isEmpty (configs.Options name))

    /// The options of a group, in ordinal order; none for a name that is not a group.
    member _.Options group =
        [
            for path in inside group do
                if not (List.contains path folders) && Directory.Exists path then
                    for file in Directory.EnumerateFiles(path, "*.yaml") do
                        string (Path.GetFileNameWithoutExtension file)
        ]
        |> List.distinct
        |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

    /// Every group that has options, in ordinal order.
    member _.Groups =
        [
            for folder in folders do
                for path in FolderTree.Folders folder do
                    if not (Directory.EnumerateFiles(path, "*.yaml") |> Seq.isEmpty) then
                        Path.GetRelativePath(folder, path).Replace('\\', '/')
        ]
        |> List.distinct
        |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

    /// The comment that an option's file begins with, without its package line.
    member configs.Says name =
        RegularFile.Lines(configs.PathOf name)
        |> Seq.map _.Trim()
        |> Seq.takeWhile (fun line -> line.StartsWith '#')
        |> Seq.map _.TrimStart('#').Trim()
        |> Seq.filter (fun line -> line <> "" && not (line.StartsWith "@package"))
        |> String.concat " "

    /// The settings of an option that composes no others.
    member configs.Settings name : Document =
        let file = configs.Read name
        if not file.Defaults.IsEmpty then fail file.Body.Source "defaults" "an option of this group cannot have defaults."
        file.Body

    member internal configs.Read name =
        files.GetOrAdd(
            name,
            fun name ->
                let path = configs.PathOf name
                let document = Document.Read(path, shown path)

                if not document.IsMap then fail document.Source "" "a config file must be a mapping of keys."

                let defaults =
                    match document.Find "defaults" with
                    | null -> []
                    | list when list.IsList -> list.Items |> Seq.map parseDefault |> List.ofSeq
                    | other -> fail other.Source "defaults" "defaults must be a list of `group: option`."

                {
                    Body = (if isNull (document.Find "defaults") then document else document.Without "defaults")
                    Defaults = defaults
                    Header = header path
                }
        )
