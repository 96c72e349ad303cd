/// Which source files make an assembly another: what it was compiled from, by the debug information inside it, beside a commit that holds the
/// sources as they were. So the files are those that a build took, whatever else lies in the folders.
module Ebm.Audits.CompiledSources

open System
open System.Formats.Tar
open System.IO
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open Ebm.Records

/// The name that portable debug information has for SHA-256.
let private sha256 = Guid "8829d00f-11b8-4213-878b-770e8597ac16"

/// How Directory.Build.props has compilers write the repository's root.
let private root = "/_/"

/// The source files of an assembly by their paths in the repository, each with its SHA-256; none where it says nothing of them.
let compiledFrom (assembly: string) : Map<string, string> =
    use image = new PEReader(new MemoryStream(File.ReadAllBytes assembly))
    let embedded =
        image.ReadDebugDirectory()
        |> Seq.filter (fun entry -> entry.Type = DebugDirectoryEntryType.EmbeddedPortablePdb)
        |> List.ofSeq

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

/// The first two folders of a path: a project's.
let private project (path: string) = String.Join('/', Array.truncate 2 (path.Split '/'))

/// Of an assembly, the source files that are others in a commit, are new, or are gone: a function, because the commit is read once.
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
                // A file without anything that runs may be compiled and not stand there.
                if own.Contains(project path) && not (now.ContainsKey path) && not (File.Exists(Path.Combine(repository, path))) then
                    $"{path} (gone)"
          ]
