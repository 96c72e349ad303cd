/// Arrays of NumPy as data sets: rows and images are read back, split and scaled, and other files are refused in one sentence.
module Ebm.Tests.Laws.NpyLaws

open System
open System.IO
open System.Text
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private site (seed: string) root = Site([||], device, rng seed, root)
let private build (spec: NpySpec) seed root = (spec :> ISpec<IDataset>).Build(site seed root)

/// A file as numpy.save writes it.
let private npy (descriptor: string) fortran (shape: string) (values: byte[]) =
    let header = $"{{'descr': {descriptor}, 'fortran_order': {fortran}, 'shape': ({shape}), }}"
    let header = header.PadRight((10 + header.Length + 64) / 64 * 64 - 11) + "\n"
    Array.concat [
        [| 0x93uy |]
        Encoding.ASCII.GetBytes "NUMPY"
        [| 1uy; 0uy; byte (header.Length % 256); byte (header.Length / 256) |]
        Encoding.ASCII.GetBytes header
        values
    ]

let private bytes (write: BinaryWriter -> 'a -> unit) (values: 'a seq) =
    use memory = new MemoryStream()
    use writer = new BinaryWriter(memory)
    values |> Seq.iter (write writer)
    writer.Flush()
    memory.ToArray()

let private holding (content: byte[]) (asked: string -> unit) =
    Folder.inFolder (fun root ->
        File.WriteAllBytes(Path.Combine(root, "a.npy"), content)
        asked root)

/// The rows of all parts, sorted by their first number.
let private content (data: IDataset) =
    let parts = [ data.Train; data.Test; (data :?> IValidated).Validation ]
    parts |> List.collect (fun part -> values part |> List.ofArray |> List.chunkBySize (int (data.Shape |> Array.fold (*) 1L))) |> List.sort

/// Forty rows of two small whole numbers, which every type holds exactly.
let private numbers = [ for i in 0..39 -> [ float i; float (39 - i) / 1.0 ] ]
let private plain = NpySpec("a.npy", Whiten = Whitening.None)

let private types: (string * (float -> BinaryWriter -> unit)) list = [
    "'<f4'", (fun v w -> w.Write(float32 v))
    "'<f8'", (fun v w -> w.Write v)
    "'|u1'", (fun v w -> w.Write(byte v))
    "'|i1'", (fun v w -> w.Write(sbyte v))
    "'<i2'", (fun v w -> w.Write(int16 v))
    "'<i4'", (fun v w -> w.Write(int v))
    "'<i8'", (fun v w -> w.Write(int64 v))
]

let private rowsOf descriptor (rows: float list list) =
    let write = types |> List.find (fst >> (=) descriptor) |> snd
    npy descriptor "False" $"{rows.Length}, {rows.Head.Length}" (bytes (fun w v -> write v w) (List.concat rows))

let private reads descriptor (rows: float list list) =
    holding (rowsOf descriptor rows) (fun root ->
        must $"{descriptor} is read as other rows" (content (build plain "npy" root) = List.sort numbers))

/// Forty images of one colour each, 2 × 4 pixels, with channels first.
let private pixels = [ for i in 0..39 -> [ for c in 0..2 -> [ for p in 0..7 -> byte (6 * i + 2 * c + p % 2) ] ] ]
let private first =
    npy "'|u1'" "False" "40, 3, 2, 4" [|
        for image in pixels do
            yield! List.concat image
    |]

let private last =
    npy "'|u1'" "False" "40, 2, 4, 3" [|
        for image in pixels do
            for p in 0..7 do
                for c in 0..2 -> image[c][p]
    |]

/// The eight-bit values from which dequantised images were made.
let private grey (data: IDataset) = content data |> List.map (List.map (fun x -> byte (floor ((x + 1.0) * 128.0)))) |> List.sort

let private sameImages content =
    holding content (fun root ->
        let data = build (NpySpec "a.npy") "npy" root
        must $"the shape is {List.ofArray data.Shape}" (List.ofArray data.Shape = [ 3L; 2L; 4L ])
        must "a plan is told another shape" ((NpySpec "a.npy" :> IReadsFiles).ShapeIn root = data.Shape)
        must "other pixels" (grey data = List.sort (pixels |> List.map List.concat)))

let private reading = [
    law "an array of any known type is read back exactly, row by row" (fun () ->
        for descriptor, _ in types do
            reads descriptor numbers)
    |> breaks "a changed number" (fun () -> reads "'<f4'" ([ 1.0; 39.0 ] :: numbers.Tail))

    law "images of eight bits are read back with channels first or last, and lie in [−1, 1]" (fun () ->
        sameImages first
        sameImages last
        holding first (fun root ->
            let data = build (NpySpec "a.npy") "npy" root
            must "outside" (value (data.Train.abs().max()) <= 1.0)))
    |> breaks "channels last read as channels first" (fun () ->
        sameImages (
            npy "'|u1'" "False" "40, 3, 2, 4" [|
                for image in pixels do
                    for p in 0..7 do
                        for c in 0..2 -> image[c][p]
            |]
        ))

    law "with low and high, images are scaled linearly: low becomes -1 and high 1" (fun () ->
        let values = [ for i in 0..39 -> 2.0 + float (i % 5) ]
        holding (npy "'<f8'" "False" "40, 1, 1" (bytes (fun w (v: float) -> w.Write v) values)) (fun root ->
            let data = build (NpySpec("a.npy", Low = 2.0, High = 6.0)) "npy" root
            must "other values" (content data = List.sort [ for v in values -> [ (v - 4.0) / 2.0 ] ])))

    law "rows are whitened column by column, by the training rows" (fun () ->
        holding (rowsOf "'<f8'" [ for i in 0..99 -> [ float (i % 7); float (100 * (i % 11)) ] ]) (fun root ->
            let train = (build (NpySpec "a.npy") "npy" root).Train.``to`` torch.float64
            must "the mean" (value ((train.mean [| 0L |]).abs().max()) < 1e-6)
            must "the variance" (value ((train.var (0L) - 1.0).abs().max()) < 1e-5)))

    law "a split depends on the seed alone; the digest changes with the content, and not with the time of the file" (fun () ->
        holding first (fun root ->
            let path = Path.Combine(root, "a.npy")
            let before = build (NpySpec "a.npy") "npy" root
            File.SetLastWriteTimeUtc(path, DateTime(2020, 1, 1))
            let again = build (NpySpec "a.npy") "npy" root
            let other = build (NpySpec "a.npy") "another" root
            must "equal seeds" (before.Digest = again.Digest && values before.Train = values again.Train)
            must "the seed is in the digest" (before.Digest = other.Digest)
            must "another seed, the same split" (values before.Test <> values other.Test)
            let changed = File.ReadAllBytes path
            changed[changed.Length - 1] <- 77uy
            File.WriteAllBytes(path, changed)
            must "another byte" ((build (NpySpec "a.npy") "npy" root).Digest <> before.Digest)))
]

let private floats count = bytes (fun (w: BinaryWriter) (v: float32) -> w.Write v) [ for i in 1..count -> float32 i ]

/// A file that is refused, by the check of a plan or by the run, in one sentence.
let private refuses says (content: byte[]) (spec: unit -> NpySpec) (parts: string list) =
    law $"an array: {says} is refused in one sentence" (fun () ->
        holding content (fun root ->
            Refusing.refused parts (fun () ->
                let spec = spec ()
                (spec :> IReadsFiles).Check root
                build spec "npy" root |> ignore)))

let private rows () = NpySpec "a.npy"

let private hostile = [
    refuses "an empty file" [||] rows [ "a.npy"; "not a NumPy array" ]
    refuses "a text" (Encoding.UTF8.GetBytes "a,b\n1,2\n3,4") rows [ "a.npy"; "not a NumPy array" ]
    refuses "a big-endian array" (npy "'>f4'" "False" "4, 2" (floats 8)) rows [ "a.npy"; ">f4"; "big-endian"; "astype" ]
    refuses "an array in Fortran order" (npy "'<f4'" "True" "4, 2" (floats 8)) rows [ "column by column"; "ascontiguousarray" ]
    refuses "complex numbers" (npy "'<c8'" "False" "4, 2" (floats 16)) rows [ "<c8"; "known are <f4" ]
    refuses "Python objects" (npy "'|O'" "False" "4, 2" (floats 8)) rows [ "|O"; "known are" ]
    refuses "records" (npy "[('a', '<f4')]" "False" "8," (floats 8)) rows [ "header cannot be read" ]
    refuses "a file that ends early" (npy "'<f4'" "False" "4, 2" (floats 7)) rows [ "32 bytes"; "has 28"; "not complete" ]
    refuses "a file that is too long" (npy "'<f4'" "False" "4, 2" (floats 9)) rows [ "32 bytes"; "has 36" ]
    refuses "an endless shape" (npy "'<f4'" "False" "999999999999, 999999999999" (floats 8)) rows [ "has 32" ]
    refuses "an array without rows" (npy "'<f4'" "False" "0, 2" [||]) rows [ "no rows" ]
    refuses "a single number" (npy "'<f4'" "False" "" (floats 1)) rows [ "no rows" ]
    refuses
        "a row with NaN"
        (npy
            "'<f4'"
            "False"
            "40, 1"
            (bytes (fun (w: BinaryWriter) (v: float32) -> w.Write v) [ for i in 0..39 -> if i = 7 then nanf else float32 i ]))
        rows
        [ "row 7"; "NaN" ]
    refuses "float images without bounds" (npy "'<f4'" "False" "4, 2, 2" (floats 16)) rows [ "data.low=1 data.high=16" ]
    refuses "numbers outside of the bounds" (npy "'<f4'" "False" "4, 2, 2" (floats 16)) (fun () -> NpySpec("a.npy", Low = 0.0, High = 15.0)) [
        "between 1 and 16"
    ]
    refuses "axes whose meaning is not clear" (npy "'|u1'" "False" "4, 2, 2, 2" (Array.zeroCreate 32)) rows [
        "not clear"
        "data.layout=rows"
    ]
    refuses "a layout that does not fit" (npy "'<f4'" "False" "4, 2" (floats 8)) (fun () -> NpySpec("a.npy", Layout = Layout.ChannelsLast)) [
        "data.layout=channels-last"
    ]
    refuses "high below low" (npy "'<f4'" "False" "4, 2, 2" (floats 16)) (fun () -> NpySpec("a.npy", Low = 1.0, High = 0.0)) [
        "must be greater than low"
    ]
    refuses "too few rows" (npy "'<f4'" "False" "2, 4" (floats 8)) rows [ "training rows"; "more rows than columns" ]
    refuses "another name" (npy "'<f4'" "False" "4, 2" (floats 8)) (fun () -> NpySpec "b.npy") [
        "b.npy is missing"
        "data.file="
        "--data"
    ]
    refuses "a path with .." (npy "'<f4'" "False" "4, 2" (floats 8)) (fun () -> NpySpec "../a.npy") [ "without .."; "write a.npy" ]
]

let all: Law list = reading @ hostile
