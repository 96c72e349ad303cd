/// Metrics of images: a classifier's weights, the distance by its features, trivial generators, copies of training rows.
module Ebm.Tests.Laws.ImageMetricLaws

open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open MathNet.Numerics.Distributions
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private never () : 'a = raise (InvalidOperationException "a metric must not call this")

/// Metrics of samples use nothing of the method.
type private Unasked() =
    inherit Method("unasked", [| 2L |])
    override _.Parts = Dictionary<string, torch.nn.Module>()
    override _.Iterate(_, _) = never ()
    override _.Sample(_, _) = never ()

let private measured (spec: ISpec<IMetric>) (data: IDataset) samples stream =
    use method = new Unasked()
    (spec.Build(Site(data.Shape, device, rng "metric", ""))).Measure(Subject(method, data, samples, rng stream)) |> List.ofSeq

let private find name (found: Measurement list) =
    match found |> List.tryFind (fun m -> m.Name = name) with
    | Some m -> m
    | None -> broken $"{name} was not measured, only {found |> List.map _.Name}"

let private data name (train: Tensor) (test: Tensor) = {
    new IDataset with
        member _.Name = name
        member _.Shape = train.shape[1..]
        member _.Train = train
        member _.Test = test
        member _.Digest = ""
}

// ── the classifier ──────────────────────────────────────────────────────────────────────────

/// The bytes of a classifier's file of weights, and their SHA-256.
let private weights (name: string) =
    use stream = nonNull (typeof<DigitClassifier>.Assembly.GetManifestResourceStream $"{name}.safetensors")
    use into = new MemoryStream()
    stream.CopyTo into
    into.ToArray(), (nonNull (DigitClassifier.Of(name, torch.CPU))).Sha256

let private read (bytes: byte[]) sha256 =
    use stream = new MemoryStream(bytes)
    DigitClassifier.Read(stream, "the weights", sha256) |> ignore

let private sha256 (bytes: byte[]) = Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes)

/// A part of a data set in gzipped IDX files, without noise, and its labels.
let private labelled (folder: string) =
    let bytes (name: string) (header: int) =
        use stream = new GZipStream(File.OpenRead(Path.Combine(Folder.dataRoot, folder, name)), CompressionMode.Decompress)
        use into = new MemoryStream()
        stream.CopyTo into
        into.ToArray()[header..]

    let images = torch.tensor(bytes "t10k-images-idx3-ubyte.gz" 16).``to``(torch.float32).reshape(-1L, 1L, 28L, 28L)
    images / scalar 128.0 - scalar 1.0, bytes "t10k-labels-idx1-ubyte.gz" 8

let private accuracy folder =
    let images, labels = labelled folder
    let net = nonNull (DigitClassifier.Of(folder, torch.CPU))
    let said = (net.call (DigitClassifier.Grey images)).argmax(1L).data<int64>().ToArray()
    Array.map2 (fun (a: int64) (b: byte) -> a = int64 b) said labels |> Array.filter id |> Array.length |> float |> (*) 1e-4

let private classifiers = [
    law "a classifier has the weights of its SHA-256; changed weights and weights of another net are refused" (fun () ->
        for name in [ "mnist"; "fashion-mnist" ] do
            let bytes, due = weights name
            read bytes due
            let changed = Array.copy bytes
            changed[bytes.Length - 1] <- changed[bytes.Length - 1] ^^^ 1uy
            throws<InvalidDataException, _> [ "the weights"; "SHA-256"; due; sha256 changed ] (fun () -> read changed due)
            use other = new MemoryStream()
            Safetensors.Write(other, [ NamedTensorBytes("first.weight", "F32", [| 1L |], ReadOnlyMemory(Array.zeroCreate 4)) ])
            let other = other.ToArray()
            throws<InvalidDataException, _> [ "the weights"; "no tensor" ] (fun () -> read other (sha256 other)))
    |> breaks "weights of another SHA-256 pass" (fun () ->
        let bytes, _ = weights "mnist"
        throws<InvalidDataException, _> [ "SHA-256" ] (fun () -> read bytes (sha256 bytes)))

    for name, due in [ "mnist", 0.9919; "fashion-mnist", 0.8997 ] do
        law $"the classifier of {name} has the accuracy on test rows that its file states" (fun () ->
            // Arithmetic of another machine may move a few of ten thousand rows that are on the border.
            let found = accuracy name
            must $"{found}" (abs (found - due) < 6e-4))
        |> Folder.needsData (Path.Combine(name, "t10k-labels-idx1-ubyte.gz"))

    law "rows are judged as pictures: clipped, rounded to 256 grey values, and rounding again changes nothing" (fun () ->
        let x = row [ -2.0; -1.0; -0.9999; 0.0; 0.00781; 0.99; 1.0; 3.0 ]
        let due = [ 0.0; 0.0; 0.0; 128.0; 128.0; 254.0; 255.0; 255.0 ] |> List.map (fun v -> (v + 0.5) / 128.0 - 1.0)
        Close.same "grey" 4 ((row due).``to`` torch.float32) (DigitClassifier.Grey x)
        Close.same "again" 4 (DigitClassifier.Grey x) (DigitClassifier.Grey(DigitClassifier.Grey x)))
]

// ── the distance by its features ────────────────────────────────────────────────────────────

let private mnist train test =
    (MnistSpec(Train = train, Test = test) :> ISpec<IDataset>).Build(Site([||], device, rng "digits", Folder.dataRoot))

let private trivial = [ "kid-digits/parzen"; "kid-digits/gaussian"; "kid-digits/pixels" ]

/// Samples that are new real rows are at distance 0, and trivial generators are not.
let private ofReal (samples: Tensor -> Tensor) =
    let all = mnist 3000L 4000L
    // Half of the test rows pass for samples.
    let rows = samples (all.Test.narrow (0L, 2000L, 2000L))
    let found = measured (KidDigitsSpec()) (data "mnist" all.Train (all.Test.narrow (0L, 0L, 2000L))) rows "measure"
    Close.near "real rows" 0.0 (Close.measured "kid-digits" found)
    Close.near "the floor" 0.0 (Close.measured "kid-digits/floor" found)

    for name in trivial do
        Close.above name (find "kid-digits/floor" found).Value (Close.measured name found)

    Close.near "sure" (find "kid-digits/sure/floor" found).Value (Close.measured "kid-digits/sure" found)

/// Copies of one digit: one class only.
let private ofOne () =
    let all = mnist 200L 200L
    let one = all.Test.narrow(0L, 0L, 1L).expand(50L, 1L, 28L, 28L)
    let found = measured (KidDigitsSpec()) all one "measure"
    must "nine tenths too many of one class" (abs ((find "kid-digits/classes" found).Value - 0.9) < 1e-9)
    let shares = (Seq.head (find "kid-digits/classes" found).Arrays).Values
    must "shares" (shares.Length = 10 && Seq.sum shares = 1f && Seq.max shares = 1f)

let private distances = [
    law "kid-digits is 0 for new digits, and trivial generators are farther than real rows by many standard errors" (fun () -> ofReal id)
    |> breaks "noise in place of samples" (fun () -> ofReal (fun rows -> (rng "noise").NormalLike rows))
    |> breaks "blurred samples" (fun () -> ofReal (fun rows -> MakingImages.From(MadeImages.Blur, rows, rng "blur")))
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"

    law "the total variation of classes is .9 for copies of one digit, whose shares are recorded" ofOne
    |> Folder.needsData "mnist/train-images-idx3-ubyte.gz"

    law "kid-digits is for data sets with a classifier only" (fun () ->
        let rows = (rng "rows").Normal(20L, 1L, 28L, 28L)
        must "measured" (measured (KidDigitsSpec()) (data "other" rows rows) rows "measure").IsEmpty
        let rows = rows.narrow (3L, 0L, 20L)
        must "measured" (measured (KidDigitsSpec()) (data "mnist" rows rows) rows "measure").IsEmpty)
]

// ── trivial generators ──────────────────────────────────────────────────────────────────────

let private generators = [
    law "rows of a Parzen window have the mean of the training rows, and their covariance plus the noise's" (fun () ->
        let train =
            torch.cat ([| (rng "left").Normal(300L, 2L) - scalar 3.0; (rng "right").Normal(300L, 2L) * scalar 0.5 + scalar 3.0 |], 0L)
        let train = train.``to`` torch.float64
        let window = Parzen.To(data "plane" train train, rng "width")
        let centre = [| for i in 0..1 -> (Close.mean (Close.column train i)).Value |]
        let moment i j = (Close.covariance (Close.column train i) (Close.column train j)).Value
        let noise = window.Width * window.Width
        let spread = Array2D.init 2 2 (fun i j -> moment i j + (if i = j then noise else 0.0))
        Close.moments "draws" centre spread (window.Draw(20_000L, rng "draws")))

    law "a Parzen window has the width under which other rows are the most likely" (fun () ->
        // For N(0, 1) in one dimension and n rows the best width is near (4/3n)^⅕; the grid has half octaves, the rest is chance.
        let train = (rng "bell").Normal(2000L, 1L)
        let width = Parzen.To(data "line" train train, rng "width").Width
        let due = (4.0 / 3.0 / 1500.0) ** 0.2
        must $"{width} instead of {due}" (width > due / 2.0 && width < due * 2.0))
    |> breaks "a far wider window" (fun () -> must "planted" (1.0 < 2.0 * (4.0 / 3.0 / 1500.0) ** 0.2))

    law "the energy of independent pixels is minus the logarithm of their Gaussian densities, and draws have their moments" (fun () ->
        let train = (rng "pixels").Normal(500L, 1L, 2L, 1L) * scalar 0.5 + scalar 1.0
        let pixels = PixelGaussian.To(data "pixels" train train)
        let x = (rng "x").Normal(3L, 1L, 2L, 1L).``to`` torch.float32
        let means, sds = values pixels.Mean, values pixels.Sd
        let due = [
            for x in x.reshape(3L, 2L).unbind 0L -> -(Seq.sum (Seq.mapi (fun i v -> Normal.PDFLn(means[i], sds[i], v)) (values x)))
        ]
        Close.same "energies" 40 ((row due).``to`` torch.float32) (pixels.Energy x)
        let drawn = (pixels.Draw(20_000L, rng "draws")).flatten 1L
        Close.moments "draws" means (Array2D.init 2 2 (fun i j -> if i = j then sds[i] * sds[i] else 0.0)) drawn)
]

/// Rows of 3000 numbers, which are read in three parts.
let private wide count = (rng "wide").Normal(count, 1L, 60L, 50L).``to`` torch.float32 + scalar 7.0

/// Moments of independent pixels against those of all rows at once, in double precision.
let private momentsInParts (chosen: Tensor -> Tensor) =
    let train = wide 3000L
    let pixels = PixelGaussian.To(data "wide" (chosen train) train)
    let all = train.``to`` torch.float64
    for what, due, found in [ "means", all.mean [| 0L |], pixels.Mean; "deviations", all.std 0L, pixels.Sd ] do
        let apart = value ((found - due).abs().max())
        // Rounding of the result to float32 at 7 is 2.4e-7.
        must $"{what}: {apart}" (apart < 1e-6)

let private nearestInParts (chosen: Tensor -> Tensor) =
    let x, y = (rng "x").Normal(20L, 1L, 60L, 50L).``to`` torch.float32 + scalar 7.0, wide 3000L
    let apart = value ((NearestRows.Distances(x, Rows.op_Implicit (chosen y)) - NearestRows.Distances(x, y)).abs().max())
    // Among two rows at nearly the same distance the farther may be taken.
    must $"{apart}" (apart < 1e-3)

/// Rows in more dimensions than draws take the factor for, and draws of their Gaussian: both along three directions.
let private ofWide (drawn: IDataset -> Tensor) =
    use _ = torch.NewDisposeScope()
    let d = 1100L
    // More rows than a chunk has, with a mean and unequal variances.
    let sizes = torch.linspace(0.5, 2.0, d).``to`` torch.float32
    let train = (rng "wide").Normal(9_500L, d).``to`` torch.float32 * sizes + scalar 0.1
    let along = ((rng "directions").Normal(d, 3L) / scalar (sqrt (float d))).``to`` torch.float64
    let rows = train.``to``(torch.float64).matmul along
    let mean = [| for i in 0..2 -> (Close.mean (Close.column rows i)).Value |]
    let covariance = Array2D.init 3 3 (fun i j -> (Close.covariance (Close.column rows i) (Close.column rows j)).Value)
    Close.moments "draws" mean covariance ((drawn (data "wide" train train)).matmul along)

let private gaussians = [
    law "draws of the matched Gaussian have the mean and covariance of the training rows in many dimensions, too" (fun () ->
        ofWide (fun data -> MatchedGaussian.Draw(data, 2_000L, rng "draws")))
    |> breaks "draws from half of the rows' deviations" (fun () ->
        ofWide (fun data ->
            let drawn = MatchedGaussian.Draw(data, 2_000L, rng "draws")
            let mean = drawn.mean [| 0L |]
            (drawn - mean) / scalar (sqrt 2.0) + mean))

    law "the matched Gaussian of rows in several chunks has their mean and covariance" (fun () ->
        ofWide (fun data -> (MatchedGaussian.To data).Draw(2_000L, rng "factor")))
]

// ── copies ──────────────────────────────────────────────────────────────────────────────────

let private copying = [
    law "new rows are as far from the training rows as test rows are; copies are at distance 0, and far rows farther" (fun () ->
        let all = (rng "rows").Normal(2000L, 5L)
        let train, test, fresh = all.narrow (0L, 0L, 1000L), all.narrow (0L, 1000L, 500L), all.narrow (0L, 1500L, 500L)
        let told samples = measured (CopyingSpec()) (data "rows" train test) samples "measure"
        Close.near "new rows" 0.5 (Close.measured "copying" (told fresh))
        Close.near "their ratio" 1.0 (Close.measured "copying/ratio" (told fresh))
        let copies = told (train.narrow (0L, 100L, 400L))
        must "copies" ((find "copying" copies).Value = 1.0 && (find "copying/ratio" copies).Value = 0.0)
        must "far rows" ((find "copying" (told (fresh + scalar 20.0))).Value = 0.0))
    |> breaks "copies pass for new rows" (fun () ->
        let all = (rng "rows").Normal(1500L, 5L)
        let train, test = all.narrow (0L, 0L, 1000L), all.narrow (0L, 1000L, 500L)
        Close.near
            "copies"
            0.5
            (Close.measured "copying" (measured (CopyingSpec()) (data "rows" train test) (train.narrow (0L, 0L, 500L)) "m")))

    law "rows that are read in parts have the nearest of all, and the moments of all" (fun () ->
        nearestInParts id
        momentsInParts id)
    |> breaks "the first part alone has the nearest" (fun () -> nearestInParts _.narrow(0L, 0L, 1398L))
    |> breaks "the first part alone has the moments" (fun () -> momentsInParts _.narrow(0L, 0L, 1398L))

    law "distances to the nearest row are those of all pairs, far from the origin, too" (fun () ->
        let x, y = (rng "x").Normal(40L, 3L) + scalar 1000.0, (rng "y").Normal(70L, 3L) + scalar 1000.0
        let due = (x.unsqueeze 1L - y.unsqueeze 0L).``to``(torch.float64).square().sum(2L).amin([| 1L |]).sqrt()
        // Among two rows at nearly the same distance the farther may be taken; rounding of float32 at 1000 is 6e-5.
        let apart = (NearestRows.Distances(x, y) - due).abs().max().item<float>()
        must $"{apart}" (apart < 1e-2))
]

// ── scores without a model ──────────────────────────────────────────────────────────────────

/// Scores of rows by name.
let private scores train rows =
    dict [ for struct (name, score) in TrivialScores.To(data "scores" train train) -> name, values (score.Invoke rows) ]

let private without = [
    law "scores without a model have their closed forms" (fun () ->
        // Mean 0; variances of 200/5, 200/5 and .02/5: the first two components have 90 %.
        let train =
            rows [
                [ 10.0; 0.0; 0.0 ]
                [ -10.0; 0.0; 0.0 ]
                [ 0.0; 10.0; 0.0 ]
                [ 0.0; -10.0; 0.0 ]
                [ 0.0; 0.0; 0.1 ]
                [ 0.0; 0.0; -0.1 ]
            ]
        let found = scores train (rows [ [ 5.0; -3.0; 2.0 ]; [ 9.0; 0.0; 0.0 ] ])
        let near name (due: float list) =
            for due, found in Seq.zip due found[name] do
                must $"{name}: {found} instead of {due}" (abs (due - found) <= 1e-5 * max 1.0 (abs due))
        near "components" [ 4.0; 0.0 ]
        near "nearest" [ sqrt (25.0 + 9.0 + 1.9 * 1.9); 1.0 ]
        near "gaussian" [ (25.0 + 9.0) / 40.0 + 4.0 / 0.004; 81.0 / 40.0 ]
        must "no images" (not (found.ContainsKey "variation" || found.ContainsKey "bytes")))

    law "images have scores of unusual variation and of an unusual compressed size" (fun () ->
        let flat = torch.zeros (5L, 1L, 8L, 8L)
        let step = torch.cat ([| flat.narrow (3L, 0L, 4L); flat.narrow (3L, 0L, 4L) + scalar 0.5 |], 3L)
        let noise = MakingImages.From(MadeImages.Noise, flat, rng "noise")
        let found = scores flat (torch.cat ([| flat; step; noise |], 0L))
        let variation, bytes = found["variation"], found["bytes"]
        must $"%A{variation}" (variation[0] = 0.0 && variation[5] = 4.0 && variation[10] > 4.0)
        must $"%A{bytes}" (bytes[0] = 0.0 && bytes[5] > 0.0 && bytes[10] > bytes[5]))

    law
        "an autoencoder that was trained alone restores rows like the training rows better than others, the same in every process"
        (fun () ->
            use _ = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            // Rows on a circle in 40 dimensions, and rows in the plane of the circle, at its centre.
            let plane = torch.cat ([| torch.eye (2L); torch.zeros (2L, 38L) |], 1L)
            let circle (name: string) =
                let angle = (rng name).Uniform(500L) * scalar (2.0 * Math.PI)
                (torch.stack ([| angle.cos (); angle.sin () |], 1L) * scalar 3.0).matmul(plane.``to`` torch.float64)
            let train = circle "train"
            let score = Reconstruction.To train
            let on, off = score.Invoke(circle "on"), score.Invoke(torch.zeros (5L, 40L))
            must
                $"{on.mean().item<float>()} on the circle, {off.mean().item<float>()} off it"
                (on.max().item<float>() * 10.0 < off.min().item<float>())
            must "another score" ((Reconstruction.To train).Invoke(train).equal(score.Invoke train).all().item<bool>()))

    law "the difference of two areas on the same rows has the spread of repetitions as its standard error" (fun () ->
        let random = Random 7
        let repetition _ =
            let side mean = [| for _ in 1..60 -> let x = Normal.Sample(random, mean, 1.0) in x, x + Normal.Sample(random, 0.0, 0.5) |]
            let (own, own'), (others, others') = Array.unzip (side 0.0), Array.unzip (side 0.8)
            let struct (area, _), struct (area', _) = RocArea.Of(own, others), RocArea.Of(own', others')
            let struct (difference, se) = RocArea.Between(struct (own, others), struct (own', others'))
            must "a difference" (abs (difference - (area - area')) < 1e-12)
            difference, se
        let differences, errors = Array.unzip (Array.init 1000 repetition)
        let spread = MathNet.Numerics.Statistics.ArrayStatistics.StandardDeviation differences
        // A standard deviation of a thousand is known to 1/√2000 of itself; DeLong's variance has a bias of the order of 1/60.
        let ratio = Array.average errors / spread
        must $"{ratio}" (abs (ratio - 1.0) < Close.k / sqrt 2000.0 + 1.0 / 60.0)
        let struct (nothing, _) = RocArea.Between(struct ([| 1.0; 2.0 |], [| 3.0; nan |]), struct ([| 1.0; 2.0 |], [| 3.0; 4.0 |]))
        must "NaN" (Double.IsNaN nothing))

    law "made images have the shape of the rows: one value, noise, a mean of neighbours, a mean of two rows" (fun () ->
        let rows = (rng "rows").Normal(4L, 3L, 5L, 6L)
        let made (kind: MadeImages) = MakingImages.From(kind, rows, rng "made")
        for kind in Enum.GetValues<MadeImages>() do
            must $"{kind}" ((made kind).shape = rows.shape)
        must "constant" ((made MadeImages.Constant).flatten(2L).std(2L).abs().max().item<float>() = 0.0)
        let pixel (x: Tensor) = x.narrow(0L, 0L, 1L).narrow(1L, 0L, 1L).reshape(5L, 6L)
        let blurred = (pixel (made MadeImages.Blur)).narrow(0L, 1L, 1L).narrow(1L, 1L, 1L).item<float>()
        let mean = (pixel rows).narrow(0L, 0L, 3L).narrow(1L, 0L, 3L).mean().item<float>()
        must $"{blurred} instead of {mean}" (abs (blurred - mean) < 1e-12)
        let halves = (made MadeImages.Interpolation).unsqueeze 1L
        let one i = rows.select (0L, i)
        let pairs =
            torch.stack (
                [|
                    for i in 0L .. 3L do
                        for j in 0L .. 3L do
                            if i <> j then (one i + one j) / scalar 2.0
                |],
                0L
            )
        let apart = (halves - pairs.unsqueeze 0L).abs().flatten(2L).amax([| 2L |]).amin [| 1L |]
        must "means of two rows" (apart.max().item<float>() < 1e-12))
]

// ── bits ────────────────────────────────────────────────────────────────────────────────────

/// The normal density with a variance of ¼ in every number of a row.
type private Bell() =
    inherit Method("bell", [| 1L; 2L; 2L |])
    override _.Parts = Dictionary<string, torch.nn.Module>()
    override _.Iterate(_, _) = never ()
    override _.Sample(_, _) = never ()

    interface IDensity with
        member _.Density = Energy(fun (x: Tensor) -> x.flatten(1L).square().sum(1L) * scalar 2.0)

/// Bits of a value of eight bits, of which 128 are a unit of a row.
let private inBits nats = nats / (4.0 * log 2.0) + 7.0

let private bits (value: float -> float) =
    let rows = (rng "bell").Normal(400L, 1L, 2L, 2L).``to`` torch.float32 * scalar 0.5
    let data = {
        new IDataset with
            member _.Name = "bell"
            member _.Shape = [| 1L; 2L; 2L |]
            member _.Train = rows
            member _.Test = rows
            member _.Digest = ""
        interface IEightBit with
            member _.BitsPerDimension nats = Nullable(value nats)
    }
    use method = new Bell()
    let metric = (AisSpec(Rungs = 40, Chains = 200L, Settle = 5) :> ISpec<IMetric>).Build(Site(data.Shape, device, rng "ais", ""))
    let found = metric.Measure(Subject(method, data, rows, rng "measure")) |> List.ofSeq
    let nats = rows.flatten(1L).square().sum(1L).mean().item<float32>() * 2.0f
    let due = inBits (float nats + 2.0 * log (2.0 * Math.PI / 4.0))
    for name in [ "ais/bits"; "ais/bits/low"; "ais/bits/high" ] do
        Close.near name due (Close.measured name found)
    let value name = (find name found).Value
    // The forward estimate of log Z is too low, and the reverse one too high.
    must "low is of the forward run" (value "ais/bits/low" - value "ais/bits" < 0.0 = (value "ais/forward" < value "ais/log-z"))
    must "high is of the reverse run" (value "ais/bits/high" - value "ais/bits" > 0.0 = (value "ais/reverse" > value "ais/log-z"))

let private perDimension = [
    law "annealed importance sampling gives the likelihood of images in bits per dimension, with log Z from either side" (fun () ->
        bits inBits)
    |> breaks "bits without the width of a grey value" (fun () -> bits (fun nats -> nats / (4.0 * log 2.0)))
]

let all = classifiers @ distances @ generators @ gaussians @ copying @ without @ perDimension
