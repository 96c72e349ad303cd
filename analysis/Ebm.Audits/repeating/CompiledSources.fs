/// Finds the source files that changed an assembly: it compares the sources in the assembly's debug information with those of a commit.
/// Only files that the build compiled count, not other files in the folders.
module Ebm.Audits.CompiledSources

open System
open System.Formats.Tar
open System.IO
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open Ebm.Records

/// The name that portable debug information has for SHA-256.
let private sha256 = Guid "8829d00f-11b8-4213-878b-770e8597ac16"

/// The repository's root in debug information, as Directory.Build.props sets it.
let private root = "/_/"

/// The source files of an assembly by their paths in the repository, each with its SHA-256; none without debug information.
let compiledFrom (assembly: string) : Map<string, string> =
    use image = new PEReader(new MemoryStream(File.ReadAllBytes assembly))
    let embedded =
        image.ReadDebugDirectory() |> Seq.filter (fun entry -> entry.Type = DebugDirectoryEntryType.EmbeddedPortablePdb) |> List.ofSeq

    Map [
        for entry in List.truncate 1 embedded do
            use provider = image.ReadEmbeddedPortablePdbDebugDirectoryData entry
            let reader = provider.GetMetadataReader()

            for handle in reader.Documents do
                let document = reader.GetDocument handle
                let name = reader.GetString document.Name

                if name.StartsWith(root, StringComparison.Ordinal) && reader.GetGuid document.HashAlgorithm = sha256 then
                    name.Substring root.Length, Convert.ToHexStringLower(reader.GetBlobBytes document.Hash)
    ]

/// The C# and F# files of a commit with their SHA-256.
let private committed (repository: string) (commit: string) : Result<Map<string, string>, string> =
    let archive = Path.Combine(Path.GetTempPath(), $"ebm-sources-{Guid.NewGuid():N}.tar")

    try
        Git.ask repository [ "archive"; "--format=tar"; "-o"; archive; commit ]
        |> Result.map (fun _ ->
            use file = File.OpenRead archive
            use tar = new TarReader(file)

            Map [
                for entry in Seq.initInfinite (fun _ -> tar.GetNextEntry()) |> Seq.takeWhile (isNull >> not) |> Seq.map nonNull do
                    match entry.DataStream with
                    | null -> ()
                    | content when List.contains (Path.GetExtension entry.Name) [ ".cs"; ".fs" ] -> entry.Name, Canonical.Sha256 content
                    | _ -> ()
            ])
    finally
        File.Delete archive

/// The project's folder of a path: its first two parts.
let private project (path: string) = String.Join('/', Array.truncate 2 (path.Split '/'))

/// A function from an assembly to its source files that differ from those of a commit, are new, or are gone. It reads the commit once.
let changed (repository: string) (commit: string) : string -> string list =
    let before = lazy (committed repository commit)

    fun assembly ->
        let now = if File.Exists assembly then compiledFrom assembly else Map.empty

        match (if now.IsEmpty then Ok Map.empty else before.Value) with
        | Error _ -> [
            $"its sources, commit {commit.Substring(0, min 12 commit.Length)}, are not here (git fetch origin 'refs/ebm/*:refs/ebm/*')"
          ]
        | Ok before when before.IsEmpty -> []
        | Ok before -> [
            let own = now.Keys |> Seq.filter before.ContainsKey |> Seq.map project |> Set.ofSeq

            for KeyValue(path, hash) in now do
                match before.TryFind path with
                | Some was when was = hash -> ()
                | Some _ -> path
                | None -> if own.Contains(project path) then $"{path} (new)"

            for path in before.Keys do
                // A compiled file without executable code is not in the debug information.
                if own.Contains(project path) && not (now.ContainsKey path) && not (File.Exists(Path.Combine(repository, path))) then
                    $"{path} (gone)"
          ]
