/// Data sets: what a density says and what is drawn are the same law, and a file that is not the original is refused.
module Ebm.Tests.Laws.DataLaws

open System
open System.IO
open System.IO.Compression
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Tests.Law

let private site seed = Site([||], torch.CPU, new Rng(uint64 seed), Path.GetTempPath())

let private build (spec: ISpec<IDataset>) seed = spec.Build(site seed)

let private doubles (values: torch.Tensor) = values.``to``(torch.float64).cpu().contiguous().data<double>().ToArray()

let private targets: (string * ISpec<IDataset>) list = [
    "gaussians", GaussiansSpec(Train = 1000, Test = 1000)
    "gaussians of equal weight", GaussiansSpec(Modes = 5, Radius = 1, Sd = 0.4, Train = 1000, Test = 1000)
    "rings", RingsSpec(Train = 1000, Test = 1000)
    "rings of other radii", RingsSpec(Radii = [| 2; 1 |], Weights = [| 0.3; 0.7 |], Sd = 0.15, Train = 1000, Test = 1000)
    "checkerboard", CheckerboardSpec(Train = 1000, Test = 1000)
    "two-moons", TwoMoonsSpec(Train = 1000, Test = 1000)
    "wide two-moons", TwoMoonsSpec(Radius = 2, Sd = 0.5, Train = 1000, Test = 1000)
]

let private known (spec: ISpec<IDataset>) = build spec 1 :?> IKnownDensity

let private midpoints cells halfWidth = Array.init cells (fun i -> (float i + 0.5) * 2.0 * halfWidth / float cells - halfWidth)

/// Probability of each of cells² squares of the box, from the density at midpoints: (cells, cells), x slowest.
let private masses (target: IKnownDensity) cells =
    use _ = torch.NewDisposeScope()
    let axis = midpoints cells target.HalfWidth
    let area = (2.0 * target.HalfWidth / float cells) ** 2.0

    Array.map
        (fun x ->
            use _ = torch.NewDisposeScope()
            let row = Array.collect (fun y -> [| x; y |]) axis
            let logDensity = target.LogDensity(torch.tensor(row, dtype = torch.float64).reshape(-1, 2))
            doubles logDensity |> Array.map (fun l -> area * exp l))
        axis

let private mass target cells = masses target cells |> Array.sumBy Array.sum

let private moons = TwoMoonsSpec(Train = 1, Test = 1)

/// A plain sum over both arcs by Simpson's rule, from the definition.
let private moonsByBrute (radius: float) sd (x: float) (y: float) intervals =
    let bell dx dy = exp (-(dx * dx + dy * dy) / (2.0 * sd * sd)) / (2.0 * Math.PI * sd * sd)

    let at side theta = bell (x - side * radius * (cos theta - 0.5)) (y - side * radius * (sin theta - 0.25))

    let weight i =
        if i = 0 || i = intervals then 1.0
        elif i % 2 = 1 then 4.0
        else 2.0

    Seq.init (intervals + 1) (fun i ->
        let theta = Math.PI * float i / float intervals
        weight i * (at 1.0 theta + at -1.0 theta) / 2.0)
    |> Seq.sum
    |> fun total -> total / (3.0 * float intervals)

let private integrates = [
    for name, spec in targets ->
        law $"{name}: the density integrates to one" (fun () ->
            let target = known spec
            let fine, coarse = mass target 512, mass target 256
            // What halving the cells still changed, and the rounding of a sum of 512² terms.
            let tolerance = abs (fine - coarse) + 512.0 * 2.2e-16 * 512.0

            if abs (fine - 1.0) > tolerance then failwith $"mass {fine}, off by {fine - 1.0:e2} where {tolerance:e2} is allowed")
]

let private drawsMatch = [
    for name, spec in targets ->
        law $"{name}: draws have the density, by chi-square on 64 x 64 squares" (fun () ->
            use _ = torch.NewDisposeScope()
            let target = known spec
            let draws, cells = 200_000, 64
            let fine = masses target 512

            let expected =
                Array.init (cells * cells) (fun c ->
                    let i, j = c / cells * 8, c % cells * 8
                    float draws
                    * Seq.sum (
                        seq {
                            for a in 0..7 do
                                for b in 0..7 -> fine[i + a][j + b]
                        }
                    ))

            let drawn = target.Draw(draws, new Rng(7UL)) |> doubles |> Array.chunkBySize 2
            let index v = int (floor ((v + target.HalfWidth) / (2.0 * target.HalfWidth) * float cells))
            let seen = Array.zeroCreate<float>(cells * cells)

            for point in drawn do
                let i, j = index point[0], index point[1]

                if i >= 0 && j >= 0 && i < cells && j < cells then seen[i * cells + j] <- seen[i * cells + j] + 1.0

            // Squares that expect fewer than ten draws are one bin, and so is what fell outside.
            let often, seldom = Array.indexed expected |> Array.partition (fun (_, e) -> e >= 10.0)
            let oftenSeen = often |> Array.sumBy (fun (c, _) -> seen[c])
            let restSeen, restExpected = float draws - oftenSeen, Array.sumBy snd seldom
            let term s e = (s - e) ** 2.0 / e
            let kept = often |> Array.sumBy (fun (c, e) -> term seen[c] e)

            let chi, freedom =
                if restExpected >= 10.0 then kept + term restSeen restExpected, often.Length
                elif restSeen > 10.0 + 4.5 * sqrt 10.0 then failwith $"{restSeen} draws where {restExpected:g3} are expected"
                else kept, often.Length - 1

            let z = (chi - float freedom) / sqrt (2.0 * float freedom)

            if abs z > 4.5 then failwith $"chi-square {chi:f0} with {freedom} degrees of freedom: {z:f1} standard deviations off")
]

let private modesMatch = [
    for name, spec in
        targets
        @ [
            "gaussians on the line", GaussiansSpec(Dimension = 1, Modes = 3, Train = 1000, Test = 1000) :> ISpec<IDataset>
            "gaussians in 5 dimensions", GaussiansSpec(Dimension = 5, Train = 1000, Test = 1000)
        ] do
        match build spec 1 with
        | :? IKnownModes as modes when name <> "gaussians of equal weight" ->
            law $"{name}: each mode is nearest to its share of the draws" (fun () ->
                use _ = torch.NewDisposeScope()
                let draws = 100_000
                let weights = doubles modes.Weights
                let nearest = modes.Nearest((modes :?> IKnownDensity).Draw(draws, new Rng(3UL)))
                let counts = Array.zeroCreate<float> weights.Length

                for k in nearest.data<int64>().ToArray() do
                    counts[int k] <- counts[int k] + 1.0

                for k in 0 .. weights.Length - 1 do
                    let share, w = counts[k] / float draws, weights[k]
                    let se = sqrt (w * (1.0 - w) / float draws)

                    if abs (share - w) > 4.5 * se then failwith $"mode {k}: share {share:f5} for weight {w:f5}, standard error {se:f5}")
        | _ -> ()
]

let private byDefinition = [
    law "gaussians in 3, 4 and 7 dimensions: all modes have length r, and the log density is its formula, summed plainly" (fun () ->
        use _ = torch.NewDisposeScope()

        for dimension in [ 3; 4; 7 ] do
            let radius, sd, modes = 1.5, 0.3, 6
            let spec = GaussiansSpec(Dimension = dimension, Modes = modes, Radius = radius, Sd = sd, Train = 1, Test = 1)
            let target = known spec

            let mean k i =
                let angle = 2.0 * Math.PI * float k / float modes * float (i / 2 + 1)

                if i = dimension - 1 && dimension % 2 = 1 then
                    radius * (if k % 2 = 0 then 1.0 else -1.0) / sqrt (float dimension)
                else
                    radius * sqrt (2.0 / float dimension) * (if i % 2 = 0 then cos angle else sin angle)

            let means = Array.init modes (fun k -> Array.init dimension (mean k))

            for m in means do
                let length = sqrt (Array.sumBy (fun v -> v * v) m)

                if abs (length - radius) > 1e-12 then failwith $"a mode at {length}, not {radius}"

            let random = Random(5)
            let points = Array.init 50 (fun _ -> Array.init dimension (fun _ -> 4.0 * random.NextDouble() - 2.0))

            let plain (x: float[]) =
                means
                |> Array.sumBy (fun m ->
                    let d2 = Array.fold2 (fun sum a b -> sum + (a - b) ** 2.0) 0.0 x m
                    exp (-d2 / (2.0 * sd * sd)) / float modes / (2.0 * Math.PI * sd * sd) ** (float dimension / 2.0))
                |> log

            let given = doubles (target.LogDensity(torch.tensor(Array.concat points, dtype = torch.float64).reshape(-1, dimension)))

            Array.iter2
                (fun x l -> if abs (l - plain x) > 1e-11 * (1.0 + abs l) then failwith $"{l} for {plain x} in {dimension} dimensions")
                points
                given)

    law "two-moons: the log density is Simpson's sum over the arcs" (fun () ->
        use _ = torch.NewDisposeScope()
        let random = Random(11)
        let points = Array.init 60 (fun _ -> [| 5.0 * random.NextDouble() - 2.5; 5.0 * random.NextDouble() - 2.5 |])
        let given = doubles ((known moons).LogDensity(torch.tensor(Array.concat points, dtype = torch.float64).reshape(-1, 2)))

        Array.iter2
            (fun (x: float[]) l ->
                let by n = moonsByBrute moons.Radius moons.Sd x[0] x[1] n
                let fine, coarse = by 20_000, by 10_000

                // Where the density is a number at all: Simpson's own error, and rounding.
                if fine > 1e-280 then
                    let tolerance = abs (fine - coarse) / fine + 1e-11

                    if abs (l - log fine) > tolerance then
                        failwith $"at ({x[0]}, {x[1]}): {l}, by the sum {log fine}, where {tolerance:e1} is allowed")
            points
            given)

    law "checkerboard: every draw lies where the density is 1/8, and the density is zero beside each edge" (fun () ->
        use _ = torch.NewDisposeScope()
        let board = known (CheckerboardSpec(Train = 1, Test = 1))
        let eighth = -log 8.0

        if doubles (board.LogDensity(board.Draw(1_000_000, new Rng(2UL)))) |> Array.exists (fun l -> abs (l - eighth) > 1e-15) then
            failwith "a draw fell where the density is not 1/8"

        let at x y = (doubles (board.LogDensity(torch.tensor([| (x: float); y |], dtype = torch.float64).reshape(1, 2))))[0]

        for x, y, inside in
            [
                -1.999, -1.999, true
                -1.999, -1.0, false
                -2.001, -1.5, false
                0.5, 0.999, true
                0.5, 1.0, false
                1.999, 1.999, true
                2.0, 1.5, false
            ] do
            if (at x y = Double.NegativeInfinity) = inside then failwith $"({x}, {y}): log density {at x y}")
]

let private rows = [
    law
        "rows are those of the seed: the same seed gives the same digest, another seed another, and more test rows leave the training rows alone"
        (fun () ->
            for name, _ in targets do
                let spec test : ISpec<IDataset> =
                    match name with
                    | "rings" -> RingsSpec(Train = 500, Test = test)
                    | "checkerboard" -> CheckerboardSpec(Train = 500, Test = test)
                    | "two-moons" -> TwoMoonsSpec(Train = 500, Test = test)
                    | _ -> GaussiansSpec(Train = 500, Test = test)

                let first, again, other, longer = build (spec 50) 1, build (spec 50) 1, build (spec 50) 2, build (spec 80) 1

                if first.Digest <> again.Digest then failwith $"{name}: one seed, two digests"
                if first.Digest = other.Digest then failwith $"{name}: two seeds, one digest"
                if not (first.Train.equal(longer.Train).all().item<bool>()) then
                    failwith $"{name}: the training rows depend on the test rows"
                if first.Digest.Length <> 64 then failwith $"{first.Digest} is no SHA-256"
                if first.Train.dtype <> torch.float32 then failwith $"{name}: rows are {first.Train.dtype}"
                if first.Train.shape <> Array.append [| 500L |] first.Shape then failwith $"{name}: a wrong shape")

    law "the box of every target holds all its edges and modes, and 512 cells meet the checkerboard's edges" (fun () ->
        for name, spec in targets do
            let half = (known spec).HalfWidth
            if half < 4.0 || half <> floor half then failwith $"{name}: half-width {half}"

        if 512 % int (2.0 * (known (CheckerboardSpec(Train = 1, Test = 1))).HalfWidth) <> 0 then
            failwith "an edge of a square falls inside a cell")
]

let private refuses says (construct: unit -> obj) (setting: string) =
    law says (fun () ->
        try
            construct () |> ignore
            failwith "was accepted"
        with :? SettingException as error when error.Setting = setting ->
            ())

let private settings = [
    refuses "gaussians: weights that do not sum to one are refused" (fun () -> GaussiansSpec(Weights = [| 0.5; 0.6 |])) "Weights"
    refuses "gaussians: a mode of weight zero is refused" (fun () -> GaussiansSpec(Weights = [| 1; 0 |])) "Weights"
    refuses "gaussians: modes and weights together are refused" (fun () -> GaussiansSpec(Modes = 2, Weights = [| 0.5; 0.5 |])) "Modes"
    refuses "gaussians: a spread of zero is refused" (fun () -> GaussiansSpec(Sd = 0)) "Sd"
    refuses "rings: one weight for two radii is refused" (fun () -> RingsSpec(Radii = [| 1; 2 |], Weights = [| 1 |])) "Weights"
    refuses "mnist: more rows than there are digits are refused" (fun () -> MnistSpec(Train = 60_001)) "Train"
]

/// A folder with mnist/ in it, which `fill` fills; gone afterwards.
let private withFolder fill (body: string -> unit) =
    let root = Directory.CreateTempSubdirectory "ebm-mnist-"

    try
        Directory.CreateDirectory(Path.Combine(root.FullName, "mnist")) |> ignore
        fill (Path.Combine(root.FullName, "mnist"))
        body root.FullName
    finally
        root.Delete true

let private write (folder: string) (content: byte[]) =
    use file = File.Create(Path.Combine(folder, "train-images-idx3-ubyte.gz"))
    use zip = new GZipStream(file, CompressionLevel.Fastest)
    zip.Write(content, 0, content.Length)

let private images = [| 0uy; 0uy; 8uy; 3uy; 0uy; 0uy; 0xEAuy; 0x60uy; 0uy; 0uy; 0uy; 28uy; 0uy; 0uy; 0uy; 28uy |]
let private whole = Array.append images (Array.zeroCreate (60_000 * 28 * 28))

let private complains says fill (fragments: string list) =
    law says (fun () ->
        withFolder fill (fun root ->
            let said =
                try
                    MnistSpec().Build(Site([||], torch.CPU, new Rng(1UL), root)) |> ignore
                    failwith "was accepted"
                with
                | :? FileNotFoundException as error -> error.Message
                | :? InvalidDataException as error -> error.Message

            for fragment in "train-images-idx3-ubyte.gz" :: "MNIST database of handwritten digits" :: "--data" :: fragments do
                if not (said.Contains(fragment, StringComparison.Ordinal)) then failwith $"\"{said}\" does not say \"{fragment}\""))

let private files = [
    complains "mnist: a missing file is named, and where to get it" ignore [ "is missing" ]
    complains
        "mnist: labels in the place of images are noticed by their magic number"
        (fun folder -> write folder [| 0uy; 0uy; 8uy; 1uy; 0uy; 0uy; 0uy; 0uy |])
        [ "00000801"; "00000803" ]
    complains
        "mnist: a file with too few bytes says how many were found and expected"
        (fun folder -> write folder (Array.truncate 1000 whole))
        [ "1,000"; "47,040,016"; "cut short" ]
    complains
        "mnist: a file cut off in the middle is refused"
        (fun folder ->
            write folder whole
            let path = Path.Combine(folder, "train-images-idx3-ubyte.gz")
            let bytes = File.ReadAllBytes path
            File.WriteAllBytes(path, Array.truncate (bytes.Length / 2) bytes))
        []
    complains
        "mnist: a file that is not gzip is refused"
        (fun folder -> File.WriteAllBytes(Path.Combine(folder, "train-images-idx3-ubyte.gz"), whole[0..5000]))
        [ "gzip" ]
    complains
        "mnist: other sizes in the header are refused"
        (fun folder ->
            let other = Array.copy whole
            other[7] <- 0x61uy
            write folder other)
        [ "60000 × 28 × 28" ]
    complains "mnist: one altered pixel is noticed by the digest of the content" (fun folder -> write folder whole) [
        "was altered"
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ]
]

let all: Law list = integrates @ drawsMatch @ modesMatch @ byDefinition @ rows @ settings @ files
