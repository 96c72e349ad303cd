/// Folders of pictures as data sets: pixels are read back, resized by averaging, divided by the seed or by folders, and other files are refused
/// in one sentence.
module Ebm.Tests.Laws.ImageFolderLaws

open System
open System.IO
open System.Text
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private site (seed: string) root = Site([||], device, rng seed, root)
let private build (spec: ImageFolderSpec) seed root = (spec :> ISpec<IDataset>).Build(site seed root)

/// A PNG whose pixel (y, x) has the colour red, green, blue.
let private png height width (colour: int -> int -> byte * byte * byte) =
    let all = [|
        for y in 0 .. height - 1 do
            for x in 0 .. width - 1 -> colour y x
    |]
    let colours = Array.distinct all
    let palette = [|
        for r, g, b in colours do
            yield! [| r; g; b |]
    |]
    let indices = all |> Array.map (fun colour -> byte (Array.IndexOf(colours, colour)))
    Png.Paletted(ReadOnlySpan indices, width, height, palette, null)

let private flat height width (level: byte) = png height width (fun _ _ -> level, level, level)

/// 16 × 8 pixels, the left half dark (20) and the right half light (230).
let private jpeg =
    Convert.FromBase64String(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQME"
        + "BAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAIABADASIAAhEBAxEB/8QAFgABAQEA"
        + "AAAAAAAAAAAAAAAAAAkK/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/EABQBAQAAAAAAAAAAAAAAAAAAAAD/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCb"
        + "7RgAP//Z"
    )

/// The same picture with an EXIF orientation.
let private turned (orientation: byte) =
    let exif =
        Array.concat [
            [| 0xFFuy; 0xE1uy; 0uy; 34uy |]
            Encoding.ASCII.GetBytes "Exif\000\000II*\000"
            [| 8uy; 0uy; 0uy; 0uy; 1uy; 0uy; 0x12uy; 1uy; 3uy; 0uy; 1uy; 0uy; 0uy; 0uy; orientation; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy |]
        ]
    Array.concat [ jpeg[..1]; exif; jpeg[2..] ]

let private holding (files: (string * byte[]) list) (asked: string -> unit) =
    Folder.inFolder (fun root ->
        for name, content in files do
            let path = Path.Combine(root, "pictures", name)
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
            File.WriteAllBytes(path, content)
        asked root)

let private levels (part: Tensor) =
    let row = part.shape[1] * part.shape[2] * part.shape[3] |> int
    values part |> Array.map (fun x -> byte (floor ((x + 1.0) * 128.0))) |> List.ofArray |> List.chunkBySize row

/// The eight-bit values of all images, sorted.
let private content (data: IDataset) =
    List.sort (
        levels data.Train
        @ levels data.Test
        @ (match data with
           | :? IValidated as v when v.Validation.shape[0] > 0L -> levels v.Validation
           | _ -> [])
    )

let private plain = ImageFolderSpec "pictures"

let private colour i y x = byte (3 * i + 10 * y), byte (5 * i + x), byte (200 - 2 * i)
let private twenty = [ for i in 0..19 -> $"class-{i % 3}/picture {i:D2}.png", png 3 4 (colour i) ]

let private due = [
    for i in 0..19 ->
        [
            for channel in 0..2 do
                for y in 0..2 do
                    for x in 0..3 -> (let r, g, b = colour i y x in [ r; g; b ][channel])
        ]
]

let private readBack files =
    holding files (fun root ->
        let data = build plain "pictures" root
        must $"the shape is {List.ofArray data.Shape}" (List.ofArray data.Shape = [ 3L; 3L; 4L ])
        must "the sizes of the parts" (data.Train.shape[0] = 16L && data.Test.shape[0] = 2L)
        must "other pixels" (content data = List.sort due)
        must "outside [-1, 1]" (value (data.Train.abs().max()) <= 1.0))

/// The one image of two equal pictures, as fitted.
let private shown (picture: byte[]) (spec: ImageFolderSpec) =
    let mutable found = [||]
    holding [ for i in 1..4 -> $"{i}.png", picture ] (fun root ->
        let data = build spec "pictures" root
        found <- levels data.Train |> List.head |> Array.ofList)
    found

let private nearly (what: string) (due: int) (found: byte[]) =
    for level in found do
        must $"{what} is {level}, {due} is due" (abs (int level - due) <= 4)

let private half spec = shown spec (ImageFolderSpec("pictures", Size = Nullable 8, Colour = Colour.Grey, Test = 0.5, Validation = 0.0))

let private reading = [
    law "every picture of a folder and its sub-folders is read back exactly, and dequantised into [−1, 1]" (fun () -> readBack twenty)
    |> breaks "a changed pixel" (fun () ->
        readBack ((fst twenty.Head, png 3 4 (fun y x -> if y + x = 0 then 1uy, 0uy, 200uy else colour 0 y x)) :: twenty.Tail))

    law "a picture is made smaller by averaging: a fine checkerboard becomes grey" (fun () ->
        half (png 64 64 (fun y x -> if (y + x) % 2 = 0 then 255uy, 255uy, 255uy else 0uy, 0uy, 0uy)) |> nearly "the checkerboard" 127)
    |> breaks "squares that are as large as a pixel of the small picture" (fun () ->
        half (png 64 64 (fun y x -> if (y / 8 + x / 8) % 2 = 0 then 255uy, 255uy, 255uy else 0uy, 0uy, 0uy))
        |> nearly "the checkerboard" 127)

    law "with crop, the largest centred square is shown; without, the whole picture" (fun () ->
        let bars = png 16 48 (fun _ x -> let v = (if x < 16 || x >= 32 then 250uy else 10uy) in v, v, v)
        half bars |> nearly "the middle" 10
        let whole =
            shown bars (ImageFolderSpec("pictures", Size = Nullable 48, Crop = false, Colour = Colour.Grey, Test = 0.5, Validation = 0.0))
        nearly "the left of the whole" 250 [| whole[48 * 24 + 4] |]
        nearly "the middle of the whole" 10 [| whole[48 * 24 + 24] |])

    law "grey is the luminance .299 R + .587 G + .114 B" (fun () ->
        for (r, g, b), due in [ (255uy, 0uy, 0uy), 76; (0uy, 255uy, 0uy), 150; (0uy, 0uy, 255uy), 29; (90uy, 90uy, 90uy), 90 ] do
            for level in
                shown (png 4 4 (fun _ _ -> r, g, b)) (ImageFolderSpec("pictures", Colour = Colour.Grey, Test = 0.5, Validation = 0.0)) do
                must $"({r}, {g}, {b}) becomes {level}, {due} is due" (int level = due))

    law "the background shows through transparent pixels" (fun () ->
        let clear = Png.Paletted(ReadOnlySpan(Array.zeroCreate<byte> 16), 4, 4, [| 200uy; 0uy; 0uy |], [| 0uy |])
        for background in [ 0; 128; 255 ] do
            let spec = ImageFolderSpec("pictures", Background = background, Test = 0.5, Validation = 0.0)
            must $"not {background}" (shown clear spec |> Array.forall (fun level -> int level = background)))

    law "a JPEG is upright, as its EXIF orientation says" (fun () ->
        let grey = ImageFolderSpec("pictures", Colour = Colour.Grey, Test = 0.5, Validation = 0.0)
        let at picture width y x =
            let levels = shown picture grey
            int levels[y * width + x]
        let isDark level = level < 60
        must "as stored: dark on the left" (isDark (at jpeg 16 4 2) && not (isDark (at jpeg 16 4 13)))
        must "3, upside down: dark on the right" (not (isDark (at (turned 3uy) 16 4 2)) && isDark (at (turned 3uy) 16 4 13))
        must "6, turned to the right: dark above" (isDark (at (turned 6uy) 8 2 4) && not (isDark (at (turned 6uy) 8 13 4)))
        must "8, turned to the left: dark below" (not (isDark (at (turned 8uy) 8 2 4)) && isDark (at (turned 8uy) 8 13 4)))
    |> breaks "an orientation that does not turn" (fun () ->
        let grey = ImageFolderSpec("pictures", Colour = Colour.Grey, Test = 0.5, Validation = 0.0)
        let levels = shown (turned 1uy) grey
        must "dark on the right" (levels[4 * 16 + 13] < 60uy))

    law "the folders train, test and validation divide the pictures; without validation, a part of train is set apart" (fun () ->
        let part name count level = [ for i in 1..count -> $"{name}/{i}.png", flat 4 4 (level + byte i) ]
        let tested (data: IDataset) = levels data.Test |> List.map List.head |> List.sort
        holding (part "train/a" 10 0uy @ part "test" 3 100uy @ part "validation/b" 2 200uy) (fun root ->
            let data = build plain "pictures" root
            must "sizes" (data.Train.shape[0] = 10L && data.Test.shape[0] = 3L && (data :?> IValidated).Validation.shape[0] = 2L)
            must "test" (tested data = [ 101uy; 102uy; 103uy ])
            let mixed = build (ImageFolderSpec("pictures", Split = PictureSplit.Seed, Test = 0.2)) "pictures" root
            must "by the seed" (mixed.Test.shape[0] = 3L && tested mixed <> [ 101uy; 102uy; 103uy ]))
        holding (part "train" 10 0uy @ part "test" 3 100uy) (fun root ->
            let data = build (ImageFolderSpec("pictures", Validation = 0.2)) "pictures" root
            must
                "set apart"
                (data.Train.shape[0] = 8L && (data :?> IValidated).Validation.shape[0] = 2L && tested data = [ 101uy; 102uy; 103uy ])))

    law "a split depends on the seed alone; the digest changes with a name or a byte, and not with times" (fun () ->
        holding twenty (fun root ->
            let folder = Path.Combine(root, "pictures")
            let built seed = build plain seed root
            let before = built "pictures"
            for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) do
                File.SetLastWriteTimeUtc(file, DateTime(2020, 1, 1))
            let again = built "pictures"
            must "equal seeds" (before.Digest = again.Digest && values before.Train = values again.Train)
            let other = built "another"
            must "the digest depends on the seed" (before.Digest = other.Digest)
            must "another seed, the same split" (levels before.Test <> levels other.Test)
            must
                "a text is in the digest"
                (File.WriteAllText(Path.Combine(folder, "notes.txt"), "x")
                 (built "pictures").Digest = before.Digest)
            must "the manifest has another digest" (DataPlace.Describe(root, "pictures").Sha256 = before.Digest)
            let some = Path.Combine(folder, fst twenty.Head)
            File.Move(some, some.Replace("00", "99"))
            let renamed = built "pictures"
            must "another name, the same digest" (renamed.Digest <> before.Digest)
            File.WriteAllBytes(some.Replace("00", "99"), png 3 4 (colour 21))
            must "other bytes, the same digest" ((built "pictures").Digest <> renamed.Digest)))

    law "the shape that a plan is told is that of the run's images" (fun () ->
        holding twenty (fun root ->
            for spec in
                [
                    plain
                    ImageFolderSpec("pictures", Colour = Colour.Grey)
                    ImageFolderSpec("pictures", Size = Nullable 8)
                    ImageFolderSpec("pictures", Size = Nullable 5, Colour = Colour.Grey)
                ] do
                let told, due = (spec :> IReadsFiles).ShapeIn root, (build spec "pictures" root).Shape
                must $"%A{told} is told, %A{due} is due" (told = due)))

    law "a folder is read below the data root, or else below the current folder; not if it is in both" (fun () ->
        holding twenty (fun root ->
            holding twenty (fun here ->
                let before = Environment.CurrentDirectory
                try
                    Environment.CurrentDirectory <- here
                    must "not found in the current folder" ((build plain "pictures" (Path.Combine(root, "none"))).Train.shape[0] = 16L)
                    must "a path with ./ and / names another" (ImageFolderSpec("./pictures/").Folder = "pictures")
                    Refusing.refused [ "in the data root"; "in the current folder"; "rename one" ] (fun () ->
                        build plain "pictures" root |> ignore)
                finally
                    Environment.CurrentDirectory <- before)))
]

let private refusedBy (spec: unit -> ImageFolderSpec) parts root =
    Refusing.refused parts (fun () ->
        let spec = spec ()
        (spec :> IReadsFiles).Check root
        build spec "pictures" root |> ignore)

/// A folder that is refused, by the check of a plan or by the run, in one sentence.
let private refuses says (files: (string * byte[]) list) (spec: unit -> ImageFolderSpec) (parts: string list) =
    law $"a folder of pictures: {says} is refused in one sentence" (fun () -> holding files (refusedBy spec parts))

let private good = [ for i in 1..6 -> $"{i}.png", flat 8 8 (byte (40 * i)) ]
let private folder () = plain

let private crc (bytes: byte[]) =
    let mutable crc = 0xFFFFFFFFu
    for b in bytes do
        crc <- crc ^^^ uint32 b
        for _ in 1..8 do
            crc <- if crc &&& 1u = 1u then (crc >>> 1) ^^^ 0xEDB88320u else crc >>> 1
    ~~~crc

/// A small file whose header says 60,000 × 60,000 pixels.
let private bomb =
    let file = flat 8 8 1uy
    let big (n: uint32) = BitConverter.GetBytes n |> Array.rev
    Array.blit (big 60000u) 0 file 16 4
    Array.blit (big 60000u) 0 file 20 4
    Array.blit (big (crc file[12..28])) 0 file 29 4
    file

let private damaged (file: byte[]) =
    let file = Array.copy file
    let at = file.Length - 20
    file[at] <- file[at] ^^^ 0x55uy
    file[at - 3] <- file[at - 3] ^^^ 0x55uy
    file

let private hostile = [
    refuses "a folder that is not there" good (fun () -> ImageFolderSpec "picturse") [
        "picturse is missing"
        "data.folder="
        "--data"
        "EBM_DATA"
    ]
    refuses "an absolute path" good (fun () -> ImageFolderSpec "/some/where/pictures") [ "write pictures"; "--data /some/where" ]
    refuses "a path with .." good (fun () -> ImageFolderSpec "../pictures") [ "without .." ]
    refuses "a file in place of a folder" good (fun () -> ImageFolderSpec "pictures/1.png") [ "is a file"; "name a folder" ]
    refuses "a folder without pictures" [ "notes.txt", [| 65uy |] ] folder [ "has no PNG or JPEG files" ]
    refuses "another format" (("x.GIF", [| 65uy |]) :: good) folder [ "x.GIF"; "convert it to PNG" ]
    refuses "a text that is called png" (("x.png", Encoding.UTF8.GetBytes "hello, world") :: good) folder [
        "x.png"
        "not a PNG or JPEG file"
    ]
    refuses "an empty file" (("x.png", [||]) :: good) folder [ "x.png"; "not a PNG or JPEG file" ]
    refuses "a file that ends early" (("x.png", (flat 8 8 1uy)[..40]) :: good) folder [ "x.png"; "remove it from the folder" ]
    refuses "a JPEG that ends early" [ for i in 1..6 -> $"{i}.jpg", jpeg[..150] ] folder [ "1.jpg"; "remove it from the folder" ]
    refuses "a damaged file" (("x.png", damaged (png 8 8 (fun y x -> byte (31 * y), byte (17 * x), byte (y * x)))) :: good) folder [
        "x.png"
        "damaged"
    ]
    refuses "billions of pixels" (("x.png", bomb) :: good) (fun () -> ImageFolderSpec("pictures", Size = Nullable 8)) [
        "x.png"
        "3600 million pixels"
    ]
    refuses "different sizes without data.size" (("x.png", flat 8 9 1uy) :: good) folder [ "1.png 8 × 8"; "x.png 8 × 9"; "data.size=32" ]
    refuses "three pictures" (List.take 3 good) folder [ "at least two" ]
    refuses "train without test" [ for name, file in good -> "train/" + name, file ] folder [
        "no pictures in a folder test"
        "data.split=seed"
    ]
    refuses "folders that are not there" good (fun () -> ImageFolderSpec("pictures", Split = PictureSplit.Folders)) [
        "no pictures in a folder train"
    ]
    refuses "a picture beside train and test" (("train/1.png", flat 8 8 1uy) :: ("test/1.png", flat 8 8 1uy) :: good) folder [
        "outside the folders"
        "such as 6.png"
    ]
    refuses "a name with a backslash" (("a\\b.png", flat 8 8 1uy) :: good) folder [ "a\\\\b.png"; "rename" ]
    refuses "a name with a line break" (("a\nb.png", flat 8 8 1uy) :: good) folder [ "a\\nb.png"; "rename" ]
    refuses "a size of 3" good (fun () -> ImageFolderSpec("pictures", Size = Nullable 3)) [ "between 4 and 1024" ]
    refuses "shares without training rows" good (fun () -> ImageFolderSpec("pictures", Test = 0.5, Validation = 0.6)) [
        "must be between 0 and"
    ]

    law "a folder of pictures: a link to a folder, a broken link and a pipe are refused in one sentence" (fun () ->
        holding good (fun root ->
            let link = Path.Combine(root, "pictures", "more")
            Directory.CreateSymbolicLink(link, root) |> ignore
            refusedBy folder [ "more is a link to another folder" ] root
            Directory.Delete link
            let broken' = Path.Combine(root, "pictures", "7.png")
            File.CreateSymbolicLink(broken', Path.Combine(root, "nowhere.png")) |> ignore
            refusedBy folder [ "7.png" ] root
            File.Delete broken'
            Processes.ends "mkfifo" [ broken' ] |> ignore
            refusedBy folder [ "7.png"; "this is a pipe" ] root))

    law "a link to a picture is read" (fun () ->
        holding good (fun root ->
            File.CreateSymbolicLink(Path.Combine(root, "pictures", "7.png"), Path.Combine(root, "pictures", "1.png")) |> ignore
            let data = build (ImageFolderSpec("pictures", Test = 0.3)) "pictures" root
            must "seven pictures" (content data |> List.length = 7)))
]

/// How many pictures of 128 × 128 are in the sub-folders few and more.
let private few, more = 250, 2_250

/// A folder of so many small files.
let private crowd (asked: string -> unit) =
    let file = flat 128 128 200uy
    Folder.inFolder (fun root ->
        for name, count in [ "few", few; "more", more ] do
            let folder = Path.Combine(root, "pictures", name)
            Directory.CreateDirectory folder |> ignore
            for i in 1..count do
                File.WriteAllBytes(Path.Combine(folder, $"{i:D5}.png"), file)
        asked root)

/// Bytes by which the peak memory of the process grows while a set is read and trained on.
let private growth (root: string) (folder: string) (held: int) =
    collected ()
    Provenance.ForgetPeak()
    let before = Provenance.PeakMemory
    let trained () =
        use _ = torch.NewDisposeScope()
        let data = build (ImageFolderSpec(folder, Held = held)) "pictures" root
        let batches = Batches(data.TrainRows, 64L, rng "batches")
        for _ in 1..20 do
            batches.Next() |> ignore
    inSingle trained ()
    Provenance.PeakMemory - before

/// The most that the larger set may take in addition is half of what its rows take as bytes; names and tasks are far below, and other work of the process is.
let private takesNoMore held =
    crowd (fun root ->
        let small, large = growth root "pictures/few" held, growth root "pictures" held
        let rows = int64 more * 3L * 128L * 128L
        must
            $"{few} pictures take {small >>> 20} MB, {few + more} take {large >>> 20} MB; the rows are {rows >>> 20} MB"
            (large - small < rows / 2L))

let private memory =
    law "2,500 pictures of a folder that are not kept train in the memory of 250" (fun () -> takesNoMore 0)
    |> breaks "pictures that are kept" (fun () -> takesNoMore 1_000)
    |> needs (fun () -> if File.Exists "/proc/self/clear_refs" then None else Some "the system does not measure the peak of a process anew")

let all: Law list = reading @ hostile @ [ memory ]
