/// The published sets of images: small files in their exact formats are read back, and others are refused in one sentence.
module Ebm.Tests.Laws.ImageSetLaws

open System
open System.IO
open System.IO.Compression
open System.Text
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private site root = Site([||], device, rng "sets", root)

/// The eight-bit values of all rows.
let private bytes (rows: Tensor) = values rows |> Array.map (fun x -> byte (floor ((x + 1.0) * 128.0)))

let private holding (files: (string * byte[]) list) (asked: string -> unit) =
    Folder.inFolder (fun root ->
        for name, content in files do
            let path = Path.Combine(root, name)
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
            File.WriteAllBytes(path, content)
        asked root)

let private refusedIn files parts (read: string -> unit) = holding files (fun root -> Refusing.refused parts (fun () -> read root))

/// Value of channel c, row y, column x of image n.
let private value' n c y x = byte (17 * n + 80 * c + 3 * y + x)
let private planes n = [|
    for c in 0..2 do
        for y in 0..31 do
            for x in 0..31 -> value' n c y x
|]

// CIFAR

let private cifar labels = Cifar("cifar", [| "one.bin"; "two.bin" |], 2, "test.bin", 3, labels, "cifar-binary.tar.gz")
let private records labels first count =
    Array.concat [ for n in first .. first + count - 1 -> Array.append (Array.replicate labels 7uy) (planes n) ]
let private cifarFiles labels = [
    "cifar/one.bin", records labels 0 2
    "cifar/two.bin", records labels 2 2
    "cifar/test.bin", records labels 4 3
]

let private readsCifar labels files =
    holding files (fun root ->
        let data = (cifar labels).Read("cifar", Steps.Old, site root)
        must "the shape" (data.Shape = [| 3L; 32L; 32L |])
        must "training images" (bytes data.Train = Array.concat [ for n in 0..3 -> planes n ])
        must "test images" (bytes data.Test = Array.concat [ for n in 4..6 -> planes n ]))

let private cifarLaws = [
    law "CIFAR's binary records, with one or two labels, are read back plane by plane" (fun () ->
        readsCifar 1 (cifarFiles 1)
        readsCifar 2 (cifarFiles 2))
    |> breaks "a changed value" (fun () ->
        let changed = records 1 0 2
        changed[100] <- changed[100] + 1uy
        readsCifar 1 (("cifar/one.bin", changed) :: (cifarFiles 1).Tail))

    law "a CIFAR file that is missing, or has another size, is refused with its name and where to get it" (fun () ->
        for read in [ (fun root -> (cifar 1).Check root); (fun root -> (cifar 1).Read("cifar", Steps.Old, site root) |> ignore) ] do
            refusedIn (cifarFiles 1).Tail [ "one.bin is missing"; "cifar-binary.tar.gz"; "--data" ] read
            refusedIn
                (("cifar/two.bin", (records 1 2 2)[1..]) :: cifarFiles 1 |> List.distinctBy fst)
                [ "two.bin has 6,145 bytes"; "6,146" ]
                read
            refusedIn (cifarFiles 2) [ "one.bin has 6,148 bytes"; "2 records of 3,073 bytes" ] read)

    law "CIFAR-10 and CIFAR-100 name the first file of the published archive that is missing" (fun () ->
        Folder.inFolder (fun root ->
            Refusing.refused [ "cifar-10-batches-bin/data_batch_1.bin is missing"; "cifar-10-binary.tar.gz" ] (fun () ->
                (Cifar10Spec() :> IReadsFiles).Check root)
            Refusing.refused [ "cifar-100-binary/train.bin is missing"; "cifar-100-binary.tar.gz" ] (fun () ->
                (Cifar100Spec() :> IReadsFiles).Check root)))
]

// SVHN

let private word (n: int) = BitConverter.GetBytes(uint32 n)
let private padded (content: byte[]) = Array.append content (Array.zeroCreate ((8 - content.Length % 8) % 8))
let private element (kind: int) (content: byte[]) = Array.concat [ word kind; word content.Length; padded content ]

/// A name of at most four bytes lies in its own tag.
let private small (kind: int) (content: byte[]) =
    Array.concat [ word (kind ||| (content.Length <<< 16)); content; Array.zeroCreate (4 - content.Length) ]

let private matrix (class': int) (name: string) (sizes: int list) (values: byte[]) =
    element
        14
        (Array.concat [
            element 6 (Array.append (word class') (word 0))
            element 5 (sizes |> List.map word |> Array.concat)
            small 1 (Encoding.ASCII.GetBytes name)
            element 2 values
        ])

let private compressed (content: byte[]) =
    use memory = new MemoryStream()
    do
        use zip = new ZLibStream(memory, CompressionLevel.Fastest, leaveOpen = true)
        zip.Write(content, 0, content.Length)
    let all = memory.ToArray()
    Array.concat [ word 15; word all.Length; all ]

let private header (text: string) version order =
    Array.concat [
        Encoding.ASCII.GetBytes(text.PadRight 116)
        Array.zeroCreate 8
        BitConverter.GetBytes(uint16 version)
        Encoding.ASCII.GetBytes(order: string)
    ]

let private five = header "MATLAB 5.0 MAT-file, Platform: GLNXA64" 0x0100 "IM"

/// The array X of these images, whose first size, the rows, is the fastest.
let private x first count = [|
    for n in first .. first + count - 1 do
        for c in 0..2 do
            for x in 0..31 do
                for y in 0..31 -> value' n c y x
|]

let private mat first count =
    Array.concat [
        five
        compressed (matrix 9 "X" [ 32; 32; 3; count ] (x first count))
        compressed (matrix 9 "y" [ count; 1 ] (Array.replicate count 1uy))
    ]

let private svhn train test = [ "svhn/train_32x32.mat", train; "svhn/test_32x32.mat", test ]

let private readsSvhn files =
    holding files (fun root ->
        let spec = SvhnSpec()
        (spec :> IReadsFiles).Check root
        let data = (spec :> ISpec<IDataset>).Build(site root)
        must "training images" (bytes data.Train = Array.concat [ for n in 0..2 -> planes n ])
        must "test images" (bytes data.Test = Array.concat [ for n in 3..4 -> planes n ]))

let private refusesSvhn says (file: unit -> byte[]) parts =
    law $"SVHN: {says} is refused with the file's name" (fun () ->
        let files = svhn (file ()) (mat 3 2)
        refusedIn files ("train_32x32.mat" :: "SVHN" :: parts) (fun root -> (SvhnSpec() :> ISpec<IDataset>).Build(site root) |> ignore))

let private svhnLaws = [
    law "SVHN's arrays, compressed or not, in any order, are read back from the order of MATLAB" (fun () ->
        readsSvhn (svhn (mat 0 3) (mat 3 2))
        let plain = Array.concat [ five; matrix 9 "y" [ 3; 1 ] [| 1uy; 2uy; 3uy |]; matrix 9 "X" [ 32; 32; 3; 3 ] (x 0 3) ]
        readsSvhn (svhn plain (mat 3 2)))
    |> breaks "rows in place of columns" (fun () ->
        let turned = Array.concat [ for n in 0..2 -> planes n ]
        readsSvhn (svhn (Array.concat [ five; matrix 9 "X" [ 32; 32; 3; 3 ] turned ]) (mat 3 2)))

    refusesSvhn "version 7.3" (fun () -> header "MATLAB 7.3 MAT-file, Platform: GLNXA64" 0x0200 "IM") [
        "version 7.3, which is HDF5"
        "'-v7'"
    ]
    refusesSvhn "an HDF5 file" (fun () -> Array.append [| 0x89uy; 72uy; 68uy; 70uy; 13uy; 10uy; 26uy; 10uy |] (Array.zeroCreate 500)) [
        "HDF5"
    ]
    refusesSvhn "a text" (fun () -> Array.replicate 300 65uy) [ "not a MAT-file of version 5" ]
    refusesSvhn "an empty file" (fun () -> [||]) [ "not a MAT-file of version 5" ]
    refusesSvhn "a big-endian file" (fun () -> Array.append (header "MATLAB 5.0 MAT-file" 1 "MI") (Array.skip 128 (mat 0 3))) [
        "big-endian"
    ]
    refusesSvhn "another version" (fun () -> Array.append (header "MATLAB 5.0 MAT-file" 0x0300 "IM") (Array.skip 128 (mat 0 3))) [
        "0x0300"
    ]
    refusesSvhn "a file without X" (fun () -> Array.append five (matrix 9 "Z" [ 1; 1 ] [| 1uy |])) [ "no array X; it has Z" ]
    refusesSvhn "X of numbers" (fun () -> Array.append five (matrix 6 "X" [ 32; 32; 3; 3 ] (x 0 3))) [ "class 6, not of bytes" ]
    refusesSvhn "X of another size" (fun () -> Array.append five (matrix 9 "X" [ 16; 64; 3; 3 ] (x 0 3))) [ "16 × 64 × 3 × 3" ]
    refusesSvhn "X with fewer values than its sizes say" (fun () -> Array.append five (matrix 9 "X" [ 32; 32; 3; 3 ] (x 0 2))) [
        "6144 bytes, where 9216"
    ]
    law "SVHN: a file that is cut anywhere is refused with its name" (fun () ->
        let whole = mat 0 3
        for cut in [ 127; 130; 140; 160; 200; whole.Length / 2 ] do
            refusedIn (svhn (Array.truncate cut whole) (mat 3 2)) [ "train_32x32.mat" ] (fun root ->
                (SvhnSpec() :> ISpec<IDataset>).Build(site root) |> ignore))
]

// CelebA

/// A picture of 218 rows: bands of 20 rows above and below, the rest grey.
let private face level =
    Png.Paletted(
        ReadOnlySpan [|
            for y in 0..217 do
                for _ in 1..178 -> (if y < 20 || y >= 198 then 1uy else 0uy)
        |],
        178,
        218,
        [| level; level; level; 255uy; 255uy; 255uy |],
        null
    )

let private faces = [ for i in 1..6 -> $"celeba/img_align_celeba/{i:D6}.png", face (byte (20 * i)) ]
let private list' (lines: string list) =
    "celeba/list_eval_partition.txt", Encoding.ASCII.GetBytes(lines |> List.map (fun line -> line + "\n") |> String.concat "")
let private usual = [ for i in 1..6 -> $"{i:D6}.png {[ 0; 2; 0; 1; 0; 2 ][i - 1]}" ]
let private celeba = CelebaSpec(Size = 8, Dequantise = Dequantise.None)

let private celebaLaws = [
    law "CelebA: the list divides the faces, and the square of 178 drops the 20 upper and lower rows" (fun () ->
        holding (list' usual :: faces) (fun root ->
            (celeba :> IReadsFiles).Check root
            let data = (celeba :> ISpec<IDataset>).Build(site root)
            let levels (rows: Tensor) = values rows |> Array.map (fun x -> int (round ((x + 1.0) * 127.5))) |> Array.chunkBySize 192
            for found, due in
                List.zip [ data.Train; data.Test; (data :?> IValidated).Validation ] [ [ 20; 60; 100 ]; [ 40; 120 ]; [ 80 ] ] do
                let shown = levels found |> Array.map Array.distinct |> List.ofArray
                must $"%A{shown}, %A{due} is due" (shown = [ for level in due -> [| level |] ])))

    law "CelebA: what is missing, a face that is not listed, and a line that is no entry are refused in one sentence" (fun () ->
        let build root = (celeba :> ISpec<IDataset>).Build(site root) |> ignore
        for read in [ build; (fun root -> (celeba :> IReadsFiles).Check root) ] do
            refusedIn [ list' usual ] [ "img_align_celeba is missing"; "CelebA" ] read
            refusedIn faces [ "list_eval_partition.txt is missing" ] read
            refusedIn (list' usual.Tail :: faces) [ "does not list 000001.png" ] read
            refusedIn (list' (usual @ [ "000009.png 0" ]) :: faces) [ "line 7: 000009.png is not in" ] read
            refusedIn (list' (usual @ [ usual.Head ]) :: faces) [ "line 7"; "listed twice" ] read
            refusedIn (list' ("000001.png 3" :: usual.Tail) :: faces) [ "line 1"; "0, 1 or 2" ] read
        let little = Png.Paletted(ReadOnlySpan(Array.zeroCreate<byte> 20000), 100, 200, [| 1uy; 1uy; 1uy |], null)
        refusedIn (list' usual :: (fst faces.Head, little) :: faces.Tail) [ "000001.png is 200 × 100"; "square of 178" ] build)
]

// MNIST's format

let private digits = [
    law "Fashion-MNIST: a missing file is refused with its place and name" (fun () ->
        Folder.inFolder (fun root ->
            Refusing.refused [ "fashion-mnist/train-images-idx3-ubyte.gz is missing"; "Fashion-MNIST" ] (fun () ->
                (FashionMnistSpec() :> IReadsFiles).Check root)))

    law "Fashion-MNIST is read, and refused as MNIST; each has half of its values where it should" (fun () ->
        let spec = FashionMnistSpec(Train = 1000, Test = 500)
        let data = (spec :> ISpec<IDataset>).Build(site Folder.dataRoot)
        must "the shapes" (data.Train.shape = [| 1000L; 1L; 28L; 28L |] && data.Test.shape = [| 500L; 1L; 28L; 28L |])
        must "the name" (data.Name = "fashion-mnist" && data.Files[0] = "fashion-mnist/train-images-idx3-ubyte.gz")
        Folder.inFolder (fun root ->
            Directory.CreateSymbolicLink(Path.Combine(root, "mnist"), Path.Combine(Folder.dataRoot, "fashion-mnist")) |> ignore
            throws<InvalidDataException, _> [ "was altered"; "MNIST database of handwritten digits" ] (fun () ->
                (MnistSpec() :> ISpec<IDataset>).Build(site root))))
    |> Folder.needsData (Path.Combine("fashion-mnist", "train-images-idx3-ubyte.gz"))

    law "CIFAR-10 as JPEG: 50,000 + 10,000 images from the archive, whose loss the manifest and the table tell" (fun () ->
        let spec = ImageFolderSpec("cifar10-jpeg/cifar10-jpeg.tar.xz", Split = PictureSplit.Folders, Validation = 0.0)
        let data = (spec :> ISpec<IDataset>).Build(site Folder.dataRoot)
        must "the rows" (data.TrainRows.Count = 50_000L && data.TestRows.Count = 10_000L && data.Shape = [| 3L; 32L; 32L |])
        must $"{data.Loss}" ((nonNull data.Loss).Contains "its pictures are JPEG files, which lose detail"))
    |> Folder.needsData (Path.Combine("cifar10-jpeg", "cifar10-jpeg.tar.xz"))
]

let all: Law list = cifarLaws @ svhnLaws @ celebaLaws @ digits
