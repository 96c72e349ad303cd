/// Tar archives of pictures: they give the rows of the unpacked folder, and a damaged one is refused in one sentence.
module Ebm.Tests.Laws.ArchiveLaws

open System
open System.Formats.Tar
open System.IO
open System.IO.Compression
open Ebm.Core
open Ebm.Data
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private flat (level: byte) = Png.Paletted(ReadOnlySpan(Array.zeroCreate<byte> 16), 4, 4, [| level; level; level |], null)

let private pictures = [
    "train/a/1.png", flat 10uy
    "train/a/2.png", flat 20uy
    "train/b/3.png", flat 30uy
    "train/b/4.png", flat 40uy
    "test/5.png", flat 50uy
    "test/6.png", flat 60uy
]

let private tar (entries: TarEntry list) =
    use memory = new MemoryStream()
    do
        use writer = new TarWriter(memory, TarEntryFormat.Pax, leaveOpen = true)
        for entry in entries do
            writer.WriteEntry entry
    memory.ToArray()

let private file (name: string) (content: byte[]) : TarEntry =
    PaxTarEntry(TarEntryType.RegularFile, name, DataStream = new MemoryStream(content))

let private packed (files: (string * byte[]) list) = tar [ for name, content in files -> file name content ]

let private zipped (content: byte[]) =
    use memory = new MemoryStream()
    do
        use zip = new GZipStream(memory, CompressionLevel.Fastest)
        zip.Write(content, 0, content.Length)
    memory.ToArray()

/// An archive of six flat grey pictures 10, 20, … 60 under these names, compressed by xz.
let private xz =
    Convert.FromBase64String(
        "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AQZdADociEYyOgcD4SrxDqfPeMChdSd7PSLbn6Py2vq2H/B84Zec3hC53PtPPIhumXwyyfhPfst8UFX4XrJhOIJSAjAm"
        + "x9gf43+tWZ0OTAHt2eF+t1YiQTakqBA2ZqCtpeWFdjRZqF2ZtCC1z8vTbNP/piRzuw/SFjZztiSg4X7cxK3SccyCIy/j9MB8DAuQO3oIobTGto/Iy7nJ/Myul9izLNn/XN0h"
        + "uWv6bO4skxNDJ/zHtjAB3Mmk+/Gp6jq7huVXo6d0Y242WOeWmqKX4b4woA3D1FhfRr0tRjRLc6/WqlY3utE9wU1WjclQXfV+UKdIEW1VdbG1lx091/c3o7oFX8BG76y++BAA"
        + "AABweNcSGWxpQwABogKAUAAA06+kbLHEZ/sCAAAAAARZWg=="
    )

let private spec name = ImageFolderSpec(name, Colour = Colour.Grey, Validation = 0.0)
let private build (spec: ImageFolderSpec) root = (spec :> ISpec<IDataset>).Build(Site([||], device, rng "archive", root))

let private holding (files: (string * byte[]) list) (asked: string -> unit) =
    Folder.inFolder (fun root ->
        for name, content in files do
            let path = Path.Combine(root, name)
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
            File.WriteAllBytes(path, content)
        asked root)

let private unpacked = pictures |> List.map (fun (name, content) -> "pictures/" + name, content)

let private sameAs (archive: string) content =
    holding ((archive, content) :: unpacked) (fun root ->
        let folder, found = build (spec "pictures") root, build (spec archive) root
        must "other rows" (values found.Train = values folder.Train && values found.Test = values folder.Test)
        (spec archive :> IReadsFiles).Check root
        must "another shape" ((spec archive :> IReadsFiles).ShapeIn root = found.Shape))

let private sameDigest (archive: string) content =
    holding ((archive, content) :: unpacked) (fun root ->
        must "another digest" ((build (spec "pictures") root).Digest = (build (spec archive) root).Digest))

let private refuses says (archive: string) (content: byte[]) (parts: string list) =
    law $"an archive of pictures: {says} is refused in one sentence" (fun () ->
        holding [ archive, content ] (fun root -> Refusing.refused (archive :: parts) (fun () -> build (spec archive) root |> ignore)))

/// Every beginning of an archive is refused, and with the file's name.
let private cutsAreRefused (archive: string) (content: byte[]) cuts =
    for cut in cuts do
        holding [ archive, Array.truncate cut content ] (fun root ->
            Refusing.refused [ archive ] (fun () -> build (spec archive) root |> ignore))

/// A header alone: what it claims does not follow.
let private claims (name: string) (kind: char) (size: int64) =
    let block = Array.zeroCreate<byte> 512
    let put at (text: string) = Text.Encoding.ASCII.GetBytes(text).CopyTo(block, int at)
    let octal at digits (value: int64) = put at (Convert.ToString(value, 8).PadLeft(digits, '0'))
    put 0 name
    for at in [ 100; 108; 116 ] do
        octal at 7 0L
    octal 124 11 size
    octal 136 11 0L
    put 148 "        "
    put 156 (string kind)
    put 257 "ustar\00000"
    octal 148 6 (block |> Array.sumBy int64)
    block[154] <- 0uy
    block

/// Reading an archive with another largest decompressed size than that of runs.
let private unpacksAtMost bytes (says: string list) (content: byte[]) =
    let before = PictureArchive.MostUnpacked
    PictureArchive.MostUnpacked <- bytes
    try
        holding [ "pictures.tar.gz", content ] (fun root -> Refusing.refused says (fun () -> build (spec "pictures.tar.gz") root |> ignore))
    finally
        PictureArchive.MostUnpacked <- before

/// A megabyte of zeros before the pictures, which takes a kilobyte.
let private swollen = zipped (packed (("zeros.bin", Array.zeroCreate (1 <<< 20)) :: pictures))

let all: Law list = [
    law "a tar archive, plain or compressed by gzip or xz, has the rows of the folder that it unpacks to" (fun () ->
        sameAs "pictures.tar" (packed pictures)
        sameAs "pictures.tar" (packed (pictures |> List.rev |> List.map (fun (name, content) -> "./" + name, content)))
        sameAs "pictures.tar.gz" (zipped (packed pictures))
        sameAs "pictures.tar.xz" xz)
    |> breaks "one picture more" (fun () -> sameAs "pictures.tar" (packed (("train/a/0.png", flat 99uy) :: pictures)))

    law "the digest of an archive is that of the folder" (fun () -> sameDigest "pictures.tar" (packed pictures))

    law "other files in an archive are ignored, as in a folder" (fun () ->
        sameAs "pictures.tar" (packed (("notes.txt", [| 65uy |]) :: (".hidden.png", [| 65uy |]) :: ("../above.png", flat 1uy) :: pictures)))

    law "an archive that is cut anywhere is refused with its name" (fun () ->
        let content = packed pictures
        cutsAreRefused "pictures.tar" content [
            0
            100
            512
            700
            content.Length / 2
            content.Length - 1024
            content.Length - 1536
            content.Length - 2000
        ]
        let small = zipped content
        cutsAreRefused "pictures.tar.gz" small [ 0; 5; small.Length / 2; small.Length - 40 ]
        cutsAreRefused "pictures.tar.xz" xz [ 0; 5; 60; xz.Length / 2; 240 ])
    |> breaks "a whole archive" (fun () -> cutsAreRefused "pictures.tar" (packed pictures) [ Int32.MaxValue ])

    law "an archive that decompresses to more than its limit is refused, whatever it has besides pictures" (fun () ->
        unpacksAtMost (1L <<< 20) [ "pictures.tar.gz decompresses to more than 1 MB"; "unpack it" ] swollen)
    |> breaks "a limit that it keeps" (fun () -> unpacksAtMost (1L <<< 22) [ "decompresses to more than" ] swollen)

    refuses "a picture of 300 MB, of which nothing follows" "pictures.tar.gz" (zipped (claims "train/x.png" '0' (300L <<< 20))) [
        "train/x.png"
        "larger than 256 MB"
    ]
    refuses "an extended header of 300 MB" "pictures.tar.gz" (zipped (claims "x" 'x' (300L <<< 20))) [
        "a header of 300 MB"
        "pack the pictures again"
    ]
    refuses "one without pictures" "pictures.tar" (packed [ "notes.txt", [| 65uy |] ]) [ "has no PNG or JPEG files" ]
    refuses "a damaged picture in it" "pictures.tar" (packed (("train/x.png", (flat 1uy)[..40]) :: pictures)) [ "train/x.png"; "damaged" ]
    refuses
        "a picture of another size"
        "pictures.tar"
        (packed (("train/z.png", Png.Paletted(ReadOnlySpan(Array.zeroCreate<byte> 20), 5, 4, [| 1uy; 1uy; 1uy |], null)) :: pictures))
        [ "train/z.png 4 × 5"; "data.size" ]
    refuses "a name twice" "pictures.tar" (packed (pictures.Head :: pictures)) [ "train/a/1.png twice" ]
    refuses "another format" "pictures.tar" (packed (("train/x.gif", [| 65uy |]) :: pictures)) [ "train/x.gif"; "convert it to PNG" ]
    refuses
        "a link"
        "pictures.tar"
        (tar (
            PaxTarEntry(TarEntryType.SymbolicLink, "train/x.png", LinkName = "a/1.png")
            :: [ for name, content in pictures -> file name content ]
        ))
        [ "train/x.png is a link" ]
    refuses "a text" "pictures.tar" (Array.replicate 4000 65uy) [ "not a complete tar archive" ]
    refuses "a text that is called xz" "pictures.tar.xz" (Array.replicate 4000 65uy) [ "not a complete tar archive" ]
]
