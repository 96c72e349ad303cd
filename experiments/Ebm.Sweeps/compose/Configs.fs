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

/// The folder of config groups. Each file is read once, so that a sweep of thousands of runs composes from memory.
type Configs(folder: string) =
    let folder = Path.GetFullPath folder
    let files = ConcurrentDictionary<string, File>()

    /// Errors name a file by the path that the user would type.
    let shown (path: string) =
        let relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path)
        if relative.StartsWith("..", StringComparison.Ordinal) then path else relative.Replace('\\', '/')

    /// The path of a name. For a name that leads out of the folder it is the folder itself, so that no file is found.
    let inside (name: string) =
        match RelativePath.Try name with
        | null -> folder
        | path -> path.In folder

    member _.Folder = folder

    member private _.PathOf name = inside (name + ".yaml")

    member configs.Has name = File.Exists(configs.PathOf name)

    member configs.IsGroup name = not (List.isEmpty (configs.Options name))

    /// The options of a group, in ordinal order; none for a name that is not a group.
    member _.Options group =
        let path = inside group

        if path <> folder && Directory.Exists path then
            Directory.EnumerateFiles(path, "*.yaml")
            |> Seq.map (Path.GetFileNameWithoutExtension >> string)
            |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> List.ofSeq
        else
            []

    /// Every group that has options, in ordinal order.
    member _.Groups =
        FolderTree.Folders folder
        |> Seq.filter (fun path -> Directory.EnumerateFiles(path, "*.yaml") |> Seq.isEmpty |> not)
        |> Seq.map (fun path -> Path.GetRelativePath(folder, path).Replace('\\', '/'))
        |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> List.ofSeq

    /// The comment that an option's file begins with, without its package line.
    member configs.Says name =
        RegularFile.Lines(configs.PathOf name)
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
