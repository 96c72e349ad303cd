/// Images by index: a row is the same however it is asked for, kept or decoded, early or late; the steps from bytes to numbers, and bits per
/// dimension.
module Ebm.Tests.Laws.PixelLaws

open System
open System.IO
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private places (of': int seq) = torch.tensor (of' |> Seq.map int64 |> Array.ofSeq, dtype = torch.int64, device = device)
let private same (a: Tensor) (b: Tensor) = a.shape = b.shape && a.equal(b).all().item<bool>()

/// A whole draw in single precision, as tensors of rows had it before rows were handed out by index.
let private inSingleUniform (rng: Rng) (shape: int64[]) = rng.UniformLike(torch.empty (shape, dtype = torch.float32, device = device))

let private picture i =
    let indices = Array.init 16 (fun at -> byte ((at + i) % 3))
    Png.Paletted(ReadOnlySpan indices, 4, 4, [| byte i; 0uy; 0uy; 0uy; byte (2 * i); 9uy; 200uy; byte i; byte (3 * i) |], null)

let private holding count (asked: string -> unit) =
    Folder.inFolder (fun root ->
        let folder = Directory.CreateDirectory(Path.Combine(root, "pictures")).FullName
        for i in 0 .. count - 1 do
            File.WriteAllBytes(Path.Combine(folder, $"{i:D3}.png"), picture i)
        asked root)

let private build (spec: ImageFolderSpec) root = (spec :> ISpec<IDataset>).Build(Site([||], device, rng "pixels", root))
let private held megabytes = ImageFolderSpec("pictures", Held = megabytes)

/// The rows of a part agree with each other whichever way they are asked for.
let private agrees (rows: Rows) (whole: Tensor) =
    let n = int rows.Count
    let order = [ for i in 0 .. n - 1 -> (7 * i + 3) % n ]
    must "by index" (same (rows.At(places order)) (whole.index_select (0L, places order)))
    must "one alone" (same (rows.At(places [ n - 1; n - 1 ])) (whole.index_select (0L, places [ n - 1; n - 1 ])))
    must "a range" (same (rows.Range(2L, int64 n - 3L)) (whole.narrow (0L, 2L, int64 n - 3L)))
    must "in chunks" (same (torch.cat (Seq.toArray (rows.Chunks 3L), 0L)) whole)

/// All minibatches of some epochs.
let private batches (rows: Rows) size count =
    let batches = Batches(rows, size, rng "batches")
    List.init count (fun _ -> batches.Next())

let private areEqual (a: Tensor list) (b: Tensor list) = must "other minibatches" (List.forall2 same a b)

/// Training images of few pixels, so that there can be many.
let private many (count: int) : IDataset =
    Images(
        "law",
        [| "law" |],
        "law",
        "law",
        HeldPixels((rng "bytes").Integers(256L, int64 count, 1L, 2L, 3L).``to``(torch.uint8)),
        struct (places [ 0 .. count - 1 ], places [], places [ 0; 1 ]),
        Steps.Old,
        Site([||], device, rng "many", "")
    )

let private inChunks (data: IDataset) = torch.cat (Seq.toArray (data.TrainRows.Chunks 100L), 0L)

let private byIndex = [
    law "the rows of images are those of dequantising all bytes at once with the part's stream" (fun () ->
        let bytes = (rng "bytes").Integers(256L, 50L, 3L, 5L, 7L).``to``(torch.uint8)
        let due = bytes.``to``(torch.float32).add(inSingleUniform (rng "noise") bytes.shape).div(scalar 128.0).sub(scalar 1.0)
        let found = Steps.Old.Scaled(bytes, places [ 0..49 ], rng "noise")
        must "other numbers" (same found due)
        let some = [ 49; 3; 3; 17 ]
        must
            "a row depends on its neighbours"
            (same (Steps.Old.Scaled(bytes.index_select (0L, places some), places some, rng "noise")) (due.index_select (0L, places some))))
    |> breaks "the noise of another place" (fun () ->
        let bytes = torch.zeros ([| 3L; 1L; 2L; 2L |], dtype = torch.uint8, device = device)
        must
            "other numbers"
            (same (Steps.Old.Scaled(bytes, places [ 0; 1; 2 ], rng "noise")) (Steps.Old.Scaled(bytes, places [ 0; 2; 1 ], rng "noise"))))

    law
        "a row of images is the same by index, in a range, in chunks and as a part of all rows; kept in memory or decoded when asked for"
        (fun () ->
            holding 40 (fun root ->
                let kept, decoded = build (held 256) root, build (held 0) root
                agrees kept.TrainRows kept.Train
                agrees decoded.TrainRows kept.Train
                agrees (decoded :?> IValidated).ValidationRows (kept :?> IValidated).Validation
                must "another digest" (kept.Digest = decoded.Digest && kept.TrainRows.Digest = decoded.TrainRows.Digest)
                must "the same rows for train and test" (kept.TrainRows.Digest <> kept.TestRows.Digest)))

    law "many rows of images at once are those of small chunks" (fun () -> agrees (many 2_500).TrainRows (inChunks (many 2_500)))
    |> breaks "the rows of places one further" (fun () -> agrees (many 2_500).TrainRows ((inChunks (many 2_500)).roll(1L, 0L)))

    law "minibatches of images decoded in other threads are those of images in memory, also after moving to another place" (fun () ->
        holding 40 (fun root ->
            let kept, decoded = build (held 256) root, build (held 0) root
            areEqual (batches kept.TrainRows 5L 14) (batches decoded.TrainRows 5L 14)
            let moved = Batches(decoded.TrainRows, 5L, rng "batches")
            moved.Next() |> ignore
            moved.Cursor <- struct (1L, 5L)
            areEqual (batches kept.TrainRows 5L 9 |> List.skip 7) [ moved.Next(); moved.Next() ]))
    |> breaks "minibatches of another order" (fun () ->
        holding 40 (fun root ->
            let kept = build (held 256) root
            areEqual (batches kept.TrainRows 5L 6) (List.rev (batches kept.TrainRows 5L 6))))

    law "a picture that is damaged while a run trains is an error with its name" (fun () ->
        holding 40 (fun root ->
            let data = build (held 0) root
            for i in 0..39 do
                File.WriteAllText(Path.Combine(root, "pictures", $"{i:D3}.png"), "not a picture")
            throws<InvalidDataException, _> [ ".png is not a PNG or JPEG file" ] (fun () -> data.TrainRows.Range(0L, 3L))))

    law "decoding a picture allocates little managed memory, so that other threads rarely start a collection" (fun () ->
        holding 2 (fun root ->
            let pictures = Pictures.Of(Path.Combine(root, "pictures"))
            let fit, into = Fit(4, 4, null, true, 255, Nullable()), Array.zeroCreate 48
            let decode () = DecodedPixels.Decode(pictures, 0, fit, into) |> ignore
            decode ()
            let before = GC.GetAllocatedBytesForCurrentThread()
            for _ in 1..20 do
                decode ()
            let each = (GC.GetAllocatedBytesForCurrentThread() - before) / 20L
            must $"{each} bytes a picture" (each < 8192L)))
]

let private scaled dequantise scale =
    let bytes = torch.arange(256, dtype = torch.uint8).reshape(256L, 1L, 1L, 1L)
    Steps(dequantise, scale, false).Scaled(bytes.``to`` device, places [ 0..255 ], rng "noise") |> values

/// A law of eight-bit values with known entropy, made continuous: its density is p(v) · levels in the cell of v.
let private bits (levels: float) dequantise scale =
    let p =
        Array.init 256 (fun v ->
            if v < 16 then 0.04
            elif v < 32 then 0.0225
            else 0.0)
    let entropy = -(p |> Array.sumBy (fun p -> if p > 0.0 then p * Math.Log2 p else 0.0))
    // Two numbers in a row, independent of each other.
    let nats = -(p |> Array.sumBy (fun p -> if p > 0.0 then p * log (p * levels) else 0.0)) * 2.0
    let data =
        Images(
            "law",
            [| "law" |],
            "law",
            "law",
            HeldPixels(torch.zeros ([| 4L; 1L; 1L; 2L |], dtype = torch.uint8)),
            struct (places [ 0; 1 ], places [], places [ 2; 3 ]),
            Steps(dequantise, scale, false),
            Site([||], device, rng "bits", "")
        )
    let found = (data :> IEightBit).BitsPerDimension(nats).Value
    must $"{found} bits per dimension, {entropy} are due" (abs (found - entropy) < 1e-12)

/// Resamples random pictures, also to a larger size, and compares with the formula: A · picture · Bᵀ with the weights of rows and columns.
let private resamples (reach: float -> float) =
    let weights (length: int) (new': int) =
        let scale = float length / float new'
        [|
            for i in 0 .. new' - 1 ->
                let w = [| for j in 0 .. length - 1 -> max 0.0 (1.0 - abs (float j + 0.5 - (float i + 0.5) * scale) / reach scale) |]
                w |> Array.map (fun one -> one / Array.sum w)
        |]
    let random = Random 7
    for height, width, newHeight, newWidth in [ 13, 9, 5, 4; 8, 8, 4, 2; 218, 178, 64, 64; 4, 5, 9, 8; 3, 40, 3, 1 ] do
        let from = Array.init (4 * height * width) (fun _ -> byte (random.Next 256))
        let found = Array.zeroCreate<byte>(4 * newHeight * newWidth)
        Resampling.Run(ReadOnlySpan from, height, width, Span found, newHeight, newWidth)
        let a, b = weights height newHeight, weights width newWidth
        for y in 0 .. newHeight - 1 do
            for x in 0 .. newWidth - 1 do
                for c in 0..2 do
                    let mutable due = 0.0
                    for i in 0 .. height - 1 do
                        if a[y][i] > 0.0 then
                            for j in 0 .. width - 1 do
                                due <- due + a[y][i] * b[x][j] * float from[4 * (i * width + j) + c]
                    let got = float found[4 * (y * newWidth + x) + c]
                    // A half is rounded in single precision.
                    must $"{height} × {width} to {newHeight} × {newWidth}: ({y}, {x}) is {got}, {due} is due" (abs (got - due) < 0.501)

let private steps = [
    law "a resampled picture has the weights of a triangle that grows with the reduction" (fun () -> resamples (max 1.0))
    |> breaks "a triangle that does not grow" (fun () -> resamples (fun scale -> if scale > 1.5 then 1.5 else max 1.0 scale))

    law
        "scaling: symmetric is in [−1, 1], unit in [0, 1]; without noise the ends are reached, with noise a cell has one value's width"
        (fun () ->
            for dequantise, scale, low, high, width in
                [
                    Dequantise.None, Scale.Symmetric, -1.0, 1.0, 2.0 / 255.0
                    Dequantise.None, Scale.Unit, 0.0, 1.0, 1.0 / 255.0
                    Dequantise.Uniform, Scale.Symmetric, -1.0, 1.0, 1.0 / 128.0
                    Dequantise.Uniform, Scale.Unit, 0.0, 1.0, 1.0 / 256.0
                ] do
                let found = scaled dequantise scale
                for v in 0..255 do
                    let least = low + float v * width
                    let most = if dequantise = Dequantise.None then least else least + width
                    // Single precision rounds to 2⁻²⁴.
                    must $"{dequantise} {scale}: {v} becomes {found[v]}" (found[v] >= least - 1e-7 && found[v] <= most + 1e-7)
                must "the largest" (found[255] <= high))

    law "bits per dimension are the entropy of a known law of eight-bit values, by the Jacobian of the scaling" (fun () ->
        bits 128.0 Dequantise.Uniform Scale.Symmetric
        bits 256.0 Dequantise.Uniform Scale.Unit)
    |> breaks "the Jacobian of the other scaling" (fun () -> bits 128.0 Dequantise.Uniform Scale.Unit)

    law "values without noise have no bits per dimension" (fun () ->
        holding 20 (fun root ->
            let data = build (ImageFolderSpec("pictures", Dequantise = Dequantise.None)) root
            must "some" (not ((data :?> IEightBit).BitsPerDimension(1.0).HasValue))))

    law "flips mirror about half of the rows left to right, others in each epoch, and only in training" (fun () ->
        holding 40 (fun root ->
            let plain, flipped = build (held 256) root, build (ImageFolderSpec("pictures", Flip = true)) root
            must "asking for rows flips them" (same plain.Train flipped.Train)
            let before, after = batches plain.TrainRows 32L 12, batches flipped.TrainRows 32L 12
            let flips = [
                for a, b in List.zip before after do
                    for i in 0L .. 31L ->
                        let row, found = a[torch.TensorIndex.Single i], b[torch.TensorIndex.Single i]
                        if same row found then 0.0
                        elif same (row.flip [| 2L |]) found then 1.0
                        else broken "a row is neither itself nor its mirror image"
            ]
            let share = List.average flips
            // A share of 384 rows has a standard error of .0255.
            must $"{share} are mirrored" (abs (share - 0.5) < 4.5 * 0.0255)
            must "each epoch the same" (List.take 32 flips <> (flips |> List.skip 32 |> List.take 32))
            areEqual after (batches flipped.TrainRows 32L 12)))
]

let all: Law list = byIndex @ steps
