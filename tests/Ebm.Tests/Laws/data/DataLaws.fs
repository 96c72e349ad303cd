/// Data sets: draws have the stated density, and a file that is not the original is rejected.
module Ebm.Tests.Laws.DataLaws

open System
open System.IO
open System.IO.Compression
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private site root = Site([||], device, rng "data", root)

let private build (spec: ISpec<IDataset>) = spec.Build(site "")
let private known spec = build spec :?> IKnownDensity

let private checkerboard () = CheckerboardSpec(Train = 500, Test = 500) :> ISpec<IDataset>
let private moons = TwoMoonsSpec(Train = 500, Test = 500)

let private catalog = Catalog.Load []

/// A kind of data with default settings, 500 rows to train on, and so many to test on.
let private withRows kind (test: int64) =
    catalog.Build<ISpec<IDataset>>(Document.Parse($"{{ kind: {kind}, train: 500, test: {test} }}", "data.yaml"), "data")

/// The kinds of the project whose rows are drawn from a density that is known, by their shapes.
let private exact = [
    for kind in catalog.Kinds typeof<ISpec<IDataset>> do
        if not (kind.StartsWith "law-") then
            try
                use _ = torch.NewDisposeScope()
                let data = build (withRows kind 500)
                if data :? IKnownDensity then kind, List.ofArray data.Shape
            with
            // A table has other settings, and images are files.
            | :? ConfigException
            | :? FileNotFoundException -> ()
]

/// Two-dimensional targets, with default and other settings.
let private plane: (string * (unit -> ISpec<IDataset>)) list =
    [
        for kind, shape in exact do
            if shape = [ 2L ] then kind, (fun () -> withRows kind 500)
    ]
    @ [
        "few wide gaussians", (fun () -> GaussiansSpec(Modes = 5, Radius = 1, Sd = 0.4, Train = 500, Test = 500))
        "two other rings", (fun () -> RingsSpec(Radii = [| 2; 1 |], Weights = [| 0.3; 0.7 |], Sd = 0.15, Train = 500, Test = 500))
        "a circle", (fun () -> TorusSpec(Dimension = 2, Circles = 1, Sd = 0.3, Train = 500, Test = 500))
        "wide two-moons", (fun () -> TwoMoonsSpec(Radius = 2, Sd = 0.5, Train = 500, Test = 500))
    ]

/// A target with a changed density or changed draws.
let private altered (target: IKnownDensity) density draw = {
    new IKnownDensity with
        member _.HalfWidth = target.HalfWidth
        member _.LogDensity(x) = density (target.LogDensity x)
        member _.Draw(count, rng) = draw (target.Draw(count, rng))
}

/// The probabilities of cells² squares of the box by the midpoint rule; the first coordinate varies slowest.
let private masses (target: IKnownDensity) (cells: int) : Tensor =
    use scope = torch.NewDisposeScope()
    let width = 2.0 * target.HalfWidth / float cells
    let axis = torch.arange (cells, dtype = torch.float64, device = device) * width + (width / 2.0 - target.HalfWidth)

    let column (x: Tensor) =
        use inner = torch.NewDisposeScope()
        let density = target.LogDensity(torch.stack ([| x.expand (int64 cells); axis |], 1L))
        (density.exp () * width * width).MoveToOuterDisposeScope()

    torch.stack([| for i in 0 .. cells - 1 -> column axis[i] |], 0L).MoveToOuterDisposeScope()

let private integrates target =
    let mass cells = value ((masses target cells).sum())
    let fine, coarse = mass 512, mass 256
    // The change when the cells were halved, and the rounding of a sum of 512² positive terms.
    let tolerance = abs (fine - coarse) + Math.ScaleB(512.0 * 512.0, -52)
    must $"mass {fine}, off by {fine - 1.0:E2} where {tolerance:E2} is allowed" (abs (fine - 1.0) <= tolerance)

/// Squares with fewer than ten expected draws, and everything outside the box, form one bin.
let private chiSquare (target: IKnownDensity) (draws: Tensor) =
    let count, cells = float draws.shape[0], 64
    let expected = (masses target 512).reshape(64L, 8L, 64L, 8L).sum([| 1L; 3L |]).flatten() |> values |> Array.map ((*) count)
    let seen = Array.zeroCreate<float>(cells * cells)
    let square v = int (floor ((v + target.HalfWidth) / (2.0 * target.HalfWidth) * float cells))

    for x, y in Array.zip (Close.column draws 0) (Close.column draws 1) do
        let i, j = square x, square y

        if min i j >= 0 && max i j < cells then seen[i * cells + j] <- seen[i * cells + j] + 1.0

    let often = [|
        for c in 0 .. cells * cells - 1 do
            if expected[c] >= 10.0 then c
    |]
    let term c = (seen[c] - expected[c]) ** 2.0 / expected[c]
    let restSeen = count - Array.sumBy (fun c -> seen[c]) often
    let restExpected = count - Array.sumBy (fun c -> expected[c]) often
    // If the rest is too rare for a bin, its count is compared by the Poisson distribution.
    must
        $"{restSeen} draws are in the rest, where {restExpected:G3} were expected"
        (restSeen <= restExpected + Close.k * sqrt (restExpected + 1.0))
    let freedom = float (often.Length - 1)
    let z = (Array.sumBy term often - freedom) / sqrt (2.0 * freedom)
    must $"chi-square is {z:F1} standard deviations from its {freedom} degrees of freedom" (abs z <= Close.k)

let private drawn (target: IKnownDensity) (source: IKnownDensity) = chiSquare target (source.Draw(200_000, rng "draws"))

let private shares (modes: IKnownModes) (due: float[]) =
    let nearest = modes.Nearest((modes :?> IKnownDensity).Draw(100_000, rng "modes")) |> values

    for k in 0 .. due.Length - 1 do
        let share = nearest |> Array.map (fun mode -> mode = float k) |> Close.share
        Close.near $"share of mode {k}" due[k] share

let private densities = [
    for name, spec in plane do
        law $"{name}: the density integrates to one" (fun () -> integrates (known (spec ())))
        |> breaks "a density a millionth too high" (fun () -> integrates (altered (known (spec ())) (fun log -> log + 1e-6) id))

        law $"{name}: draws have the stated density, by a chi-square test on 64 x 64 squares" (fun () ->
            let target = known (spec ()) in drawn target target)
        |> breaks "draws two per cent too wide" (fun () ->
            let target = known (spec ()) in drawn target (altered target id (fun x -> 1.02 * x)))

    for name, spec in
        plane
        @ [
            "gaussians on the line", (fun () -> GaussiansSpec(Dimension = 1, Modes = 3, Train = 500, Test = 500))
            "gaussians in five dimensions", (fun () -> GaussiansSpec(Dimension = 5, Train = 500, Test = 500))
            "torus", (fun () -> TorusSpec(Train = 500, Test = 500))
            "ising", (fun () -> IsingSpec(Train = 500, Test = 500))
        ] do
        // If components overlap, the nearest mean may not be the mean that a row was drawn from.
        if name <> "few wide gaussians" then
            let modes () = build (spec ()) :?> IKnownModes

            law $"{name}: the share of draws nearest to each mode is the mode's mass" (fun () ->
                let modes = modes () in shares modes (values modes.Weights))
            |> breaks "a hundredth of the weight in another mode" (fun () ->
                let modes = modes ()
                let wrong = values modes.Weights
                wrong[0] <- wrong[0] + 0.01
                wrong[1] <- wrong[1] - 0.01
                shares modes wrong)
]

/// The mixture of K round Gaussians on the trigonometric moment curve, term by term.
let private plainly dimension modes radius sd (x: float[]) =
    let mean k i =
        let angle = 2.0 * Math.PI * float k / float modes * float (i / 2 + 1)

        if i = dimension - 1 && dimension % 2 = 1 then
            radius * (if k % 2 = 0 then 1.0 else -1.0) / sqrt (float dimension)
        else
            radius * sqrt (2.0 / float dimension) * (if i % 2 = 0 then cos angle else sin angle)

    let component' k =
        let apart = Seq.sum (seq { for i in 0 .. dimension - 1 -> (x[i] - mean k i) ** 2.0 })
        let length = Seq.sum (seq { for i in 0 .. dimension - 1 -> (mean k i) ** 2.0 })
        must $"mode {k} in {dimension} dimensions has length {sqrt length}, not {radius}" (abs (sqrt length - radius) < 1e-12)
        exp (-apart / (2.0 * sd * sd)) / float modes / (2.0 * Math.PI * sd * sd) ** (float dimension / 2.0)

    Seq.init modes component' |> Seq.sum |> log

let private inSpace radius =
    for dimension in [ 2; 3; 4; 7 ] do
        let target = known (GaussiansSpec(Dimension = dimension, Modes = 6, Radius = 1.5, Sd = 0.3, Train = 1, Test = 1))
        let points = 2.0 * (rng "points").NormalLike(torch.empty (50L, int64 dimension, device = device))
        let due = Array.chunkBySize dimension (values points) |> Array.map (plainly dimension 6 radius 0.3)
        // A distance of |x − μ|²/2s², about a hundred, sums some ten roundings a coordinate.
        Close.same $"log density in {dimension} dimensions" (10 * dimension) (row (List.ofArray due)) (target.LogDensity points)

/// By Simpson's rule over both arcs, from the definition.
let private bySimpson radius sd intervals (x: float) (y: float) =
    let bell dx dy = exp (-(dx * dx + dy * dy) / (2.0 * sd * sd)) / (2.0 * Math.PI * sd * sd)
    let arc side theta = bell (x - side * radius * (cos theta - 0.5)) (y - side * radius * (sin theta - 0.25))
    let weight i =
        if i = 0 || i = intervals then 1.0
        elif i % 2 = 1 then 4.0
        else 2.0

    Seq.init (intervals + 1) (fun i -> let theta = Math.PI * float i / float intervals in weight i * (arc 1.0 theta + arc -1.0 theta) / 2.0)
    |> Seq.sum
    |> fun total -> total / (3.0 * float intervals)

let private arcs radius =
    let target = known moons
    let points = 5.0 * (rng "points").UniformLike(torch.empty (60L, 2L, device = device)) - 2.5
    let found = values (target.LogDensity points)

    for (x, y), found in Array.zip (Array.zip (Close.column points 0) (Close.column points 1)) found do
        let fine, coarse = bySimpson radius moons.Sd 20_000 x y, bySimpson radius moons.Sd 10_000 x y

        // The change when Simpson's intervals were halved, and the rounding of a sum of 20,000 terms.
        if fine > 1e-280 then
            let tolerance = abs (fine - coarse) / fine + Math.ScaleB(20_000.0, -52)
            must
                $"at ({x}, {y}) the log density is {found}, by Simpson {log fine}; {tolerance:E1} is allowed"
                (abs (found - log fine) <= tolerance)

/// The density of the noisy torus by the mean over each circle's angles: the trapezoid rule over a period, whose error falls faster than any power.
let private onTorus radius =
    let dimension, circles, sd = 7, 2, 0.4
    let target = known (TorusSpec(dimension, circles, 1.5, sd, 1, 1))
    let points = (rng "points").Normal(40L, int64 dimension).``to``(torch.float64)
    let mirror = [| for i in 1..dimension -> float i |]
    let length = Array.sumBy (fun v -> v * v) mirror

    let due (x: float[]) =
        let along = 2.0 * Array.sum (Array.map2 (*) x mirror) / length
        let y = Array.map2 (fun x v -> x - along * v) x mirror

        let onCircle u v =
            let angles = 400
            let at i =
                let theta = 2.0 * Math.PI * float i / float angles in (u - radius * cos theta) ** 2.0 + (v - radius * sin theta) ** 2.0
            log (Seq.averageBy (fun i -> exp (-(at i) / (2.0 * sd * sd))) (seq { 0 .. angles - 1 }))

        onCircle y[0] y[1] + onCircle y[2] y[3]
        - Array.sumBy (fun v -> v * v) y[4..] / (2.0 * sd * sd)
        - float dimension * log (sd * sqrt (2.0 * Math.PI))

    let expected = values points |> Array.chunkBySize dimension |> Array.map due
    Close.same "log density on a torus" 1000 (row (List.ofArray expected)) (target.LogDensity points)

/// Z of the periodic lattice by the transfer matrix: the trace of its L-th power over the states of a line of spins.
let private byTransfer side coupling =
    let spin state i = if (state >>> (i % side)) &&& 1 = 1 then 1.0 else -1.0
    let lines = 1 <<< side
    let inLine state = Seq.sumBy (fun i -> spin state i * spin state (i + 1)) (seq { 0 .. side - 1 })
    let between a b = Seq.sumBy (fun i -> spin a i * spin b i) (seq { 0 .. side - 1 })
    let transfer = Array2D.init lines lines (fun a b -> exp (coupling * (inLine a + between a b)))
    let times (a: float[,]) (b: float[,]) =
        Array2D.init lines lines (fun i j -> Seq.sumBy (fun k -> a[i, k] * b[k, j]) (seq { 0 .. lines - 1 }))
    let power = Seq.replicate (side - 1) transfer |> Seq.fold times transfer
    Seq.sumBy (fun i -> power[i, i]) (seq { 0 .. lines - 1 })

let private onLattice coupling =
    for side in [ 2; 3; 4 ] do
        let target = known (IsingSpec(side, 0.3, 1, 1))
        let sites = side * side
        // All spins up: each of the 2L² pairs adds β.
        let up = target.LogDensity(torch.ones (1L, int64 sites, device = device)) |> value
        let logZ = log (byTransfer side coupling)
        must $"{side} × {side}: {up} nats" (abs (up - (0.3 * 2.0 * float sites - logZ - float sites * log 2.0)) < 1e-10)
        must "outside" (value (target.LogDensity(2.0 * torch.ones (1L, int64 sites, device = device))) = Double.NegativeInfinity)

/// The mean energy per pair of neighbours among draws, which Z's logarithm has as its derivative.
let private energies coupling =
    let side, step = 4, 1e-4
    let pairs = 2.0 * float (side * side)
    let due = (log (byTransfer side (coupling + step)) - log (byTransfer side (coupling - step))) / (2.0 * step * pairs)
    let rows = (known (IsingSpec(side, 0.3, 1, 1))).Draw(100_000, rng "draws").sign().reshape(-1L, 4L, 4L)
    let perRow = (rows * (rows.roll (1, 1) + rows.roll (1, 2))).sum([| 1L; 2L |]) / pairs.ToScalar() |> values
    Close.near "energy of a pair" due (Close.mean perRow)

/// Log densities are −log 8 inside, −∞ outside.
let private onBoard (points: Tensor) =
    must "a draw has density zero" (values ((known (checkerboard ())).LogDensity points) |> Array.forall (fun l -> l = -(log 8.0)))

let private edges shift =
    let at x y = (known (checkerboard ())).LogDensity(World.rows [ [ x + shift; y ] ]) |> value

    for x, y, inside in
        [
            -2.0, -2.0, true
            -1.999, -1.001, true
            -1.999, -1.0, false
            -2.001, -1.5, false
            0.5, 0.999, true
            0.5, 1.0, false
            1.999, 1.999, true
            2.0, 1.5, false
        ] do
        must $"({x}, {y}) is {at x y} nats" ((at x y = Double.NegativeInfinity) <> inside)

let private definitions = [
    law "gaussians: in any dimension all modes have length r, and the log density is its formula term by term" (fun () -> inSpace 1.5)
    |> breaks "a slightly larger radius" (fun () -> inSpace (1.5 + 1e-9))

    law "two-moons: the log density agrees with Simpson's rule over the arcs to the last digits" (fun () -> arcs moons.Radius)
    |> breaks "a slightly larger radius" (fun () -> arcs (moons.Radius + 1e-9))

    law "torus: the log density is that of the mean over each circle's angles" (fun () -> onTorus 1.5)
    |> breaks "a slightly larger radius" (fun () -> onTorus (1.5 + 1e-9))

    law "ising: the normaliser of each lattice is the trace of its transfer matrix's power" (fun () -> onLattice 0.3)
    |> breaks "a slightly stronger coupling" (fun () -> onLattice (0.3 + 1e-9))

    law "ising: the mean energy of draws is the derivative of log Z" (fun () -> energies 0.3)
    |> breaks "a coupling a twentieth stronger" (fun () -> energies 0.315)

    law "checkerboard: all of a million draws are on its squares" (fun () ->
        onBoard ((known (checkerboard ())).Draw(1_000_000, rng "draws")))
    |> breaks "draws a millionth to the right" (fun () ->
        onBoard ((known (checkerboard ())).Draw(1_000_000, rng "draws").``to``(torch.float64) + 1e-6))

    law "checkerboard: a square contains its lower edges, but not its upper ones" (fun () -> edges 0.0)
    |> breaks "a board beside its place" (fun () -> edges 0.0015)

    law "the corners of every target's box are whole numbers, so that the edges of 512 cells include the checkerboard's edges" (fun () ->
        for name, spec in plane do
            let half = (known (spec ())).HalfWidth
            must $"{name} lies in ±{half}" (half >= 4.0 && half = floor half))
]

let private sameRows (a: Tensor) (b: Tensor) = must "the rows differ" (a.equal(b).all().item<bool>())

let private rows = [
    law
        "rows are float32 and determined by the seed: equal seeds give equal digests, other seeds others; more test rows do not change the training rows"
        (fun () ->
            must $"only {exact.Length} kinds are found" (exact.Length >= 4)

            for kind, _ in exact do
                let built test = build (withRows kind test)
                let first, again, longer = built 50, built 50, built 80
                let other = (withRows kind 50).Build(Site([||], device, (rng "data").Stream "other", ""))
                must $"{first.Name}: one seed, two digests" (first.Digest = again.Digest)
                must $"{first.Name}: two seeds, one digest" (first.Digest <> other.Digest)
                must $"{first.Name}: \"{first.Digest}\" is not a SHA-256" (first.Digest.Length = 64)
                must $"{first.Name}: rows are {first.Train.dtype}" (first.Train.dtype = torch.float32 && first.Test.dtype = torch.float32)
                must $"{first.Name}: a wrong shape" (first.Train.shape = Array.append [| 500L |] first.Shape && first.Test.shape[0] = 50L)
                sameRows first.Train longer.Train

                throws<Broken, _> [ "the rows differ" ] (fun () -> sameRows first.Train other.Train))
]

let private refuses says setting (construct: unit -> obj) =
    law $"{says}: rejected" (fun () ->
        try
            construct () |> ignore
            broken "was accepted"
        with :? SettingException as error ->
            must $"the error names {error.Setting}" (error.Setting = setting))

let private settings = [
    refuses "gaussians: weights that do not sum to one" "Weights" (fun () -> GaussiansSpec(Weights = [| 0.5; 0.6 |]))
    refuses "gaussians: a mode of weight zero" "Weights" (fun () -> GaussiansSpec(Weights = [| 1; 0 |]))
    refuses "gaussians: modes together with weights" "Modes" (fun () -> GaussiansSpec(Modes = 2, Weights = [| 0.5; 0.5 |]))
    refuses "gaussians: a spread of zero" "Sd" (fun () -> GaussiansSpec(Sd = 0))
    refuses "rings: one weight for two radii" "Weights" (fun () -> RingsSpec(Radii = [| 1; 2 |], Weights = [| 1 |]))
    refuses "mnist: more rows than digits" "Train" (fun () -> MnistSpec(Train = 60_001))
]

let private images = "train-images-idx3-ubyte.gz"

/// A header of 60,000 images of 28 × 28, and black pixels.
let private black () =
    Array.append
        [| 0uy; 0uy; 8uy; 3uy; 0uy; 0uy; 0xEAuy; 0x60uy; 0uy; 0uy; 0uy; 28uy; 0uy; 0uy; 0uy; 28uy |]
        (Array.zeroCreate (60_000 * 28 * 28))

let private zipped (content: byte[]) =
    use memory = new MemoryStream()

    do
        use zip = new GZipStream(memory, CompressionLevel.Fastest)
        zip.Write(content, 0, content.Length)

    memory.ToArray()

/// The error for a file of training images that is not the original.
let private complains<'e when 'e :> exn> says (file: unit -> byte[] option) (parts: string list) =
    law $"mnist: {says}" (fun () ->
        Folder.inFolder (fun root ->
            let folder = Directory.CreateDirectory(Path.Combine(root, "mnist")).FullName
            file () |> Option.iter (fun bytes -> File.WriteAllBytes(Path.Combine(folder, images), bytes))

            throws<'e, _> (Path.Combine("mnist", images) :: "MNIST database of handwritten digits" :: "--data" :: parts) (fun () ->
                (MnistSpec() :> ISpec<IDataset>).Build(site root))))

let private files = [
    complains<FileNotFoundException> "the error for a missing file names it and where to get it" (fun () -> None) [ "is missing" ]
    complains<InvalidDataException>
        "labels instead of images are recognised by their magic number"
        (fun () -> Some(zipped [| 0uy; 0uy; 8uy; 1uy |]))
        [ "00000801"; "00000803" ]
    complains<InvalidDataException> "the error for too few bytes has both numbers" (fun () -> Some(zipped (Array.truncate 1000 (black ())))) [
        "1,000"
        "47,040,016"
        "fewer than"
    ]
    complains<InvalidDataException>
        "a truncated file is rejected"
        (fun () -> let whole = zipped (black ()) in Some(Array.truncate (whole.Length / 2) whole))
        []
    complains<InvalidDataException> "a file that is not gzip is rejected" (fun () -> Some(Array.truncate 5000 (black ()))) [ "gzip" ]
    complains<InvalidDataException>
        "other sizes in the header are rejected"
        (fun () ->
            let other = black ()
            other[7] <- 0x61uy
            Some(zipped other))
        [ "60000 × 28 × 28" ]
    complains<InvalidDataException> "altered pixels are detected by the digest of the content" (fun () -> Some(zipped (black ()))) [
        "was altered"
        "ba891046e6505d7a"
    ]

    law "mnist: the original files give 60,000 + 10,000 dequantised digits in [−1, 1], and every seed has the same digest" (fun () ->
        let read (seed: string) train =
            (MnistSpec(Train = train, Test = 1000) :> ISpec<IDataset>).Build(Site([||], device, rng seed, Folder.dataRoot))

        let all, some, other = read "one" 60_000, read "one" 1000, read "two" 1000
        must "a wrong shape" (all.Train.shape = [| 60_000L; 1L; 28L; 28L |] && all.Test.shape = [| 1000L; 1L; 28L; 28L |])
        must "fewer digits are not the first ones" (some.Digest = other.Digest && some.Digest <> all.Digest)
        let low, high = value (all.Train.min ()), value (all.Train.max ())
        must $"pixels lie in [{low}, {high}]" (low >= -1.0 && high <= 1.0 && high > 0.99)
        // Recovers grey values from rows: two seeds differ only in the added noise, and the noise is uniform. A row is
        // rounded by 2⁻²⁵, 2⁻¹⁸ of a grey value, so that at most so small a share of two rows' values crosses one of four edges.
        let grey (data: IDataset) = ((data.Train.``to`` torch.float64 + 1.0) * 128.0).flatten()
        let differing = (grey some).floor() - (grey other).floor()
        must "the seed changes grey values" (value (differing.abs().mean()) <= Math.ScaleB(4.0, -18))
        let added = values ((grey some) - (grey some).floor()) |> Array.truncate 50_000
        Close.near "mean of what is added" 0.5 (Close.mean added)
        Close.near "variance of what is added" (1.0 / 12.0) (Close.variance added))
    |> Folder.needsData (Path.Combine("mnist", images))
]

let all: Law list = densities @ definitions @ rows @ settings @ files
