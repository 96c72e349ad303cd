/// Figures of single models: the learned density beside the true one, samples, energies of data and samples, chains and their levels. They
/// are drawn from the arrays in run folders; a figure is left out if no run has its arrays.
module Ebm.Analysis.Portraits

open System
open System.IO
open MathNet.Numerics.Statistics
open Ebm.Records
open Ebm.Analysis.Cast
open Ebm.Analysis.Figure

/// An array of a run; None if it is missing or damaged. `audit verify` reports damaged arrays.
let private array (folder: RunFolder) name =
    try
        Option.ofObj (folder.Array name)
    with
    | :? InvalidDataException
    | :? IOException -> None

let private typicals (cast: Cast) = [
    for one in shown cast do
        match one.Typical with
        | Some(run, folder) -> one, run, folder
        | None -> ()
]

// ── densities ───────────────────────────────────────────────────────────────────────────────

/// Shades of a picture: more cannot be told apart, and fewer compress better.
let private levels = 64

let private named (content: byte[]) = "r" + (Canonical.Sha256(Convert.ToBase64String content)).Substring(0, 12)

let private picture smooth height width (palette: byte[][]) (opacity: byte[] | null) (indices: byte[]) =
    let png = Png.Paletted(indices, width, height, Array.concat palette, opacity)
    { Id = named png; Png = png; Smooth = smooth }

/// The shade of a number between 0 and 1.
let private step (share: float) = byte (Math.Clamp(Math.Round(share * float (levels - 1)), 0.0, float (levels - 1)))

/// A log density on a square grid; Edge is the grid's outer edge.
type private Landscape = { LogDensity: float32[]; Side: int; Edge: float }

let private landscape folder name =
    match array folder name, array folder "landscape-axis" with
    | Some field, Some axis when field.Shape.Length = 2 && axis.Values.Length > 1 && field.Shape[0] = field.Shape[1] ->
        let half = float (axis.Values[1] - axis.Values[0]) / 2.0

        Some { LogDensity = field.Values; Side = int field.Shape[0]; Edge = float axis.Values[axis.Values.Length - 1] + half }
    | _ -> None

/// The highest log density.
let private highest (land: Landscape) = land.LogDensity |> Array.fold max -infinityf |> float

/// How many nats below the peak the darkest colour of an energy's picture is.
let private deep = 12.0

/// The middle of a grid, as wide as the region in which the truth is within half of `deep` of its peak.
let private within (truth: Landscape) (land: Landscape) =
    let top = highest truth
    let n = truth.Side
    let mutable reach = 0

    for y in 0 .. n - 1 do
        for x in 0 .. n - 1 do
            if float truth.LogDensity[y * n + x] > top - deep / 2.0 then
                reach <- reach |> max (abs (2 * x - n + 1)) |> max (abs (2 * y - n + 1))

    let cut = max 0 ((n - 1 - int (1.15 * float reach)) / 2)

    if cut = 0 || land.Side <> n then
        land
    else
        let side = n - 2 * cut

        {
            LogDensity = [|
                for y in cut .. n - cut - 1 do
                    for x in cut .. n - cut - 1 -> land.LogDensity[y * n + x]
            |]
            Side = side
            Edge = land.Edge * float side / float n
        }

/// The width of each picture in a row.
let private side panels = Math.Clamp(1100 / max 1 panels - 20, 150, 250)

/// A log density as a picture. The first row of the array has the lowest y, which is the last row of the picture.
let private field (share: float -> float) (palette: byte[][]) opacity (land: Landscape) =
    let n = land.Side

    [|
        for y in n - 1 .. -1 .. 0 do
            for x in 0 .. n - 1 do
                step (share (float land.LogDensity[y * n + x]))
    |]
    |> picture true n n palette opacity

let private shades = Palette.steps levels

let private densityField top = field (fun log -> exp (log - top)) shades null
let private energyField top = field (fun log -> 1.0 - (top - log) / deep) shades null

/// The truth in grey as the background of points and paths. It is transparent where the density is zero, for light and dark pages.
let private backdrop (land: Landscape) =
    let grey = Array.create levels [| 128uy; 132uy; 138uy |]
    let opacity = [| for i in 0 .. levels - 1 -> byte (2 * i) |]
    land |> field (fun log -> exp (log - highest land)) grey opacity

let private over (land: Landscape) raster = Picture(raster, -land.Edge, land.Edge, -land.Edge, land.Edge)

let private pane size title subtitle edge marks = {
    Title = title
    Subtitle = subtitle
    Tags = []
    X = bare -edge edge
    Y = bare -edge edge
    Marks = marks
    Size = size, size
}

/// The line under a portrait: the run's headline metric and seed.
let private judgement (cast: Cast) (run: Runs.Run) =
    match cast.Judged |> List.tryFind run.Metrics.ContainsKey with
    | Some metric -> $"{metric} {rounded 2 run.Metrics[metric].Value}, seed {run.Seed}"
    | None -> $"seed {run.Seed}"

/// The true density of each target, from the first run that has it.
let private truths (cast: Cast) =
    Map [
        for target in cast.Targets do
            let found =
                typicals cast
                |> Seq.filter (fun (one, _, _) -> one.Target = target)
                |> Seq.tryPick (fun (_, _, folder) -> landscape folder "truth")

            match found with
            | Some truth -> target, truth
            | None -> ()
    ]

/// Densities in one dimension: lines over the truth.
let private lines (cast: Cast) = [
    for one, run, folder in typicals cast do
        match array folder "landscape", array folder "landscape-axis" with
        | Some log, Some axis when log.Shape.Length = 1 && axis.Values.Length = log.Values.Length ->
            let curve (log: NamedArray) = [ for x, log in Array.zip axis.Values log.Values -> float x, exp (float log) ]
            let truth = array folder "truth" |> Option.filter (fun truth -> truth.Values.Length = axis.Values.Length) |> Option.map curve
            let learned = curve log
            let top = learned @ Option.defaultValue [] truth |> List.map snd |> List.filter Double.IsFinite |> List.fold max 1e-12

            one.Target,
            {
                Title = one.Series
                Subtitle = judgement cast run
                Tags = []
                X = between "x" 4 (fst learned.Head) (fst (List.last learned))
                Y = between "density" 3 0.0 (1.06 * top)
                Marks = [
                    match truth with
                    | Some truth -> Band(Muted, truth |> List.map (fun (x, y) -> x, 0.0, y))
                    | None -> ()
                    Line(one.Ink, false, one.Series, learned)
                ]
                Size = 260, 150
            }
        | _ -> ()
]

/// Learned densities beside the true one, and the same as energies, which also show regions without data.
let densities (cast: Cast) =
    let truths = truths cast

    let found = [
        for one, run, folder in typicals cast do
            match landscape folder "landscape" with
            | Some land -> one, run, land
            | None -> ()
    ]

    let panels cut draw =
        found
        |> List.groupBy (fun (one, _, _) -> one.Target)
        |> List.collect (fun (target, here) ->
            let truth = truths.TryFind target
            let cut land = if cut then truth |> Option.map (fun truth -> within truth land) |> Option.defaultValue land else land
            let top land = truth |> Option.defaultValue land |> highest
            let size = side (here.Length + (if truth.IsSome then 1 else 0))

            [
                match truth with
                | Some truth -> target, pane size "truth" target (cut truth).Edge [ over (cut truth) (draw (highest truth) (cut truth)) ]
                | None -> ()
                for one, run, land in here do
                    let shown = cut land
                    target, pane size one.Series (judgement cast run) shown.Edge [ over shown (draw (top land) shown) ]
            ])

    figure
        "densities"
        "Learned densities and the truth"
        ("The normalised model density, on the same square and in the same colours as the true one, whose peak has the brightest colour. "
         + stands cast
         + beyond cast)
        [ Ramp("no density", "the truth's peak") ]
        (panels true densityField)
    @ figure
        "energies"
        "Energy landscapes"
        ($"Energy −log p(x) on a wider square, up to {deep} nats above that of the truth's peak: bright is likely, and the darkest colour "
         + $"is {deep} nats or more away. Energies show what densities hide: bridges between modes, and low energy in regions without data."
         + beyond cast)
        [ Ramp($"{deep} nats or more", "the truth's peak") ]
        (panels false energyField)
    @ figure
        "densities-1d"
        "Learned densities over the truth"
        ("Normalised densities; the truth is the grey area. " + stands cast + beyond cast)
        []
        (lines cast)

// ── samples ─────────────────────────────────────────────────────────────────────────────────

/// The number of points in a scatter; with many scatters fewer, to keep the page small.
let private drawn panels = if panels <= 12 then 1200 else 500

let private samples (folder: RunFolder) =
    try
        if File.Exists(folder.In "samples.npy") then Some(folder.Samples()) else None
    with
    | :? InvalidDataException
    | :? IOException -> None

/// Two-dimensional rows of samples.npy, over the true density if it is known.
let scatters (cast: Cast) =
    let truths = truths cast

    let all = typicals cast
    let drawn = drawn all.Length

    let found = [
        for one, run, folder in all do
            match samples folder with
            | Some(struct (values, [| rows; 2L |])) ->
                one, run, [ for i in 0 .. min drawn (int rows) - 1 -> float values[2 * i], float values[2 * i + 1] ]
            | _ -> ()
    ]

    let panels = [
        for target, here in found |> List.groupBy (fun (one, _, _) -> one.Target) do
            // The square of the density pictures, or one that contains nearly all samples of all groups.
            let truth = truths.TryFind target |> Option.map (fun truth -> within truth truth)

            let edge =
                match truth with
                | Some truth -> truth.Edge
                | None ->
                    let far = [|
                        for _, _, points in here do
                            for x, y in points do
                                if Double.IsFinite(x + y) then max (abs x) (abs y)
                    |]
                    if far.Length = 0 then 1.0 else 1.1 * (Array.sort far)[int (0.99 * float (far.Length - 1))]

            for one, run, points in here do
                let outside = points |> List.filter (fun (x, y) -> not (abs x <= edge && abs y <= edge)) |> List.length
                let says = if outside = 0 then judgement cast run else $"{outside} of {points.Length} are outside"

                target,
                pane (side here.Length) one.Series says edge [
                    match truth with
                    | Some truth -> over truth (backdrop truth)
                    | None -> ()
                    Cloud(one.Ink, points)
                ]
    ]

    figure
        "samples"
        "Samples"
        ($"At most the first {drawn} rows of samples.npy, over the true density in grey if it is known. {stands cast}" + beyond cast)
        []
        panels

/// A panel with a picture.
let private framed title subtitle width (png: byte[]) = {
    Title = title
    Subtitle = subtitle
    Tags = []
    X = bare 0.0 1.0
    Y = bare 0.0 1.0
    Marks = [ Picture({ Id = named png; Png = png; Smooth = false }, 0.0, 1.0, 0.0, 1.0) ]
    Size =
        // The first chunk of a PNG starts with width and height.
        let side at = int png[at] * 65536 * 256 + int png[at + 1] * 65536 + int png[at + 2] * 256 + int png[at + 3]
        width, int (float width * float (side 20) / float (max 1 (side 16)))
}

/// Images as a grid, from an array whose last three axes are channels, height and width.
let private grid columns (images: NamedArray) =
    match List.ofArray images.Shape |> List.rev with
    | width :: height :: channels :: _ when Png.Draws [| channels; height; width |] ->
        let count = images.Values.LongLength / (channels * height * width)
        if count = 0L then None else Some(Png.Grid(ReadOnlySpan images.Values, int count, int channels, int height, int width, columns))
    | _ -> None

/// Sample grids of image models, from samples.png, after real rows of their data.
let grids (cast: Cast) =
    let most, shown, columns = 12, 420, 10
    let all = typicals cast

    let samples = [
        for one, run, folder in all do
            let path = folder.In "samples.png"

            if File.Exists path then
                let png = RegularFile.Bytes(path, RegularFile.Record)
                if png.Length > 24 then one.Target, framed one.Series (judgement cast run) shown png
    ]

    let kept = List.truncate most samples

    let real = [
        for target in kept |> List.map fst |> List.distinct do
            let first =
                all |> Seq.filter (fun (one, _, _) -> one.Target = target) |> Seq.tryPick (fun (_, _, folder) -> array folder "real")

            match first |> Option.bind (fun rows -> grid columns rows |> Option.map (fun png -> rows.Shape[0], png)) with
            | Some(count, png) -> target, framed "real" $"{count} test rows" shown png
            | None -> ()
    ]

    let note = if samples.Length > most then $" The first {most} of {samples.Length} groups." else ""

    let beside = if real.IsEmpty then "" else "Real rows are the first test rows, which no model has seen in training. "

    figure
        "grids"
        "Sample grids"
        ($"samples.png of one run of each group. {beside}{stands cast}" + note)
        []
        (kept |> List.map fst |> List.distinct |> List.collect (fun target -> (real @ kept) |> List.filter (fst >> (=) target)))

/// The first samples of image models above their nearest training rows, which show whether a model has copied its data.
let copies (cast: Cast) =
    let most, shown = 12, 420

    let middle (distances: NamedArray) = distances.Values |> Array.filter Single.IsFinite |> Array.map float |> Statistics.Median

    let panels = [
        for one, run, folder in typicals cast do
            match array folder "nearest", samples folder with
            | Some near, Some(struct (values, shape)) when
                near.Shape.Length = 4 && shape.Length = 4 && shape[0] >= near.Shape[0] && shape[1..] = near.Shape[1..]
                ->
                let size = near.Values.Length / max 1 (int near.Shape[0])
                let columns = min 10 (int near.Shape[0]) |> max 1
                // Whole lines only.
                let count = int near.Shape[0] / columns * columns

                // A line of samples, then a line of their nearest rows.
                let pairs = [|
                    for from in 0..columns .. count - 1 do
                        yield! values.AsSpan(from * size, size * columns).ToArray()
                        yield! near.Values.AsSpan(from * size, size * columns).ToArray()
                |]

                let says =
                    match array folder "nearest-distance", array folder "nearest-distance-test" with
                    | Some samples, Some test -> $"median distance {rounded 3 (middle samples)}; of test rows {rounded 3 (middle test)}"
                    | _ -> judgement cast run

                match grid columns (NamedArray("pairs", near.Axes, Array.append [| 2L * int64 count |] near.Shape[1..], pairs)) with
                | Some png -> one.Target, framed one.Series says shown png
                | None -> ()
            | _ -> ()
    ]

    let note = if panels.Length > most then $" The first {most} of {panels.Length} groups." else ""

    figure
        "copies"
        "Samples and their nearest training rows"
        ("Lines of samples, and below each sample the training row with the least Euclidean distance. A model that copies its training rows has samples "
         + $"that are much nearer to one than test rows are. {stands cast}"
         + note)
        []
        (List.truncate most panels)

// ── energies ────────────────────────────────────────────────────────────────────────────────

/// The energies that a run has recorded: of test rows, of samples, and of other sets.
let private energies (folder: RunFolder) =
    let names =
        try
            List.ofSeq (folder.ArrayNames())
        with
        | :? InvalidDataException
        | :? IOException -> []

    [
        for name in names do
            if name.StartsWith("energy-", StringComparison.Ordinal) || name.StartsWith("energies-", StringComparison.Ordinal) then
                match array folder name with
                | Some values when values.Shape.Length = 1 && values.Values.Length > 1 ->
                    name.Substring(name.IndexOf '-' + 1), values.Values |> Array.map float |> Array.filter Double.IsFinite
                | _ -> ()
    ]
    |> List.filter (fun (_, values) -> values.Length > 1)

let private quantile share (sorted: float[]) = sorted[int (share * float (sorted.Length - 1))]

let private bins = 40

let private ofData name = name = "test" || name = "data"

/// Histograms of energies, relative to the mean energy of test data, because an energy is defined up to a constant.
let histograms (cast: Cast) =
    let ink name =
        match name with
        | "test"
        | "data" -> Series 0
        | "samples" -> Series 1
        | _ -> Series 2

    let panels = [
        for one, run, folder in typicals cast do
            let all = energies folder

            match all |> List.tryFind (fst >> ofData) with
            | None -> ()
            | Some(_, data) ->
                let zero = Array.average data
                let shifted = all |> List.map (fun (name, values) -> name, values |> Array.map (fun e -> e - zero) |> Array.sort)
                let low = shifted |> List.map (fun (_, values) -> quantile 0.002 values) |> List.min
                let high = shifted |> List.map (fun (_, values) -> quantile 0.99 values) |> List.max
                let high = if high > low then high else low + 1.0
                let width = (high - low) / float bins

                let shares (values: float[]) =
                    let counts = Array.zeroCreate<float> bins

                    for value in values do
                        let i = Math.Clamp(int (floor ((value - low) / width)), 0, bins - 1)
                        counts[i] <- counts[i] + 1.0 / float values.Length

                    counts

                let shares = shifted |> List.map (fun (name, values) -> name, shares values)

                let outline (counts: float[]) = [
                    low, 0.0
                    for i in 0 .. bins - 1 do
                        low + float i * width, counts[i]
                        low + float (i + 1) * width, counts[i]
                    high, 0.0
                ]

                let overlap =
                    match shares |> List.tryFind (fst >> ofData), shares |> List.tryFind (fst >> (=) "samples") with
                    | Some(_, a), Some(_, b) -> $"overlap of data and samples: {rounded 2 (Array.sum (Array.map2 min a b))}"
                    | _ -> ""

                one.Target,
                {
                    Title = one.Series
                    Subtitle = overlap
                    Tags = []
                    X = between "E − mean E of data, nats" 5 low high
                    Y = { between "" 3 0.0 (1.08 * (shares |> Seq.collect snd |> Seq.max)) with Ticks = [] }
                    Marks = [
                        for name, counts in shares do
                            if ofData name then Band(ink name, outline counts |> List.map (fun (x, y) -> x, 0.0, y))
                        for name, counts in shares do
                            Line(ink name, false, name, outline counts)
                    ]
                    Size = 205, 120
                }
    ]

    let others =
        typicals cast
        |> List.collect (fun (_, _, folder) -> if panels.IsEmpty then [] else energies folder |> List.map fst)
        |> List.distinct
        |> List.filter (fun name -> not (ofData name) && name <> "samples")

    figure
        "energy-histograms"
        "Energies of data and of samples"
        ("Shares of rows by energy, relative to the mean energy of test data, because an energy is defined up to a constant. The model "
         + "gives samples to the right of the data a lower density than the data. The last bin contains all higher energies."
         + beyond cast)
        [
            Streak(Series 0, "test data")
            Streak(Series 1, "samples")
            if not others.IsEmpty then Streak(Series 2, String.Join(", ", others))
        ]
        panels

// ── chains ──────────────────────────────────────────────────────────────────────────────────

/// Recorded chains: an array of rounds, chains, and two coordinates followed by the level.
let trajectories (cast: Cast) =
    let chains, rounds, groups = 4, 120, 4
    let truths = truths cast

    let having = [
        for one, run, folder in typicals cast do
            match array folder "trajectories" with
            | Some path when path.Shape.Length = 3 && path.Shape[2] >= 2L && path.Shape[0] > 0L -> one, run, path
            | _ -> ()
    ]

    let rows = [
        for one, run, path in List.truncate groups having do
            let all, wide = int path.Shape[1], int path.Shape[2]
            let at round chain = (round * all + chain) * wide
            let truth = truths.TryFind one.Target |> Option.map (fun truth -> within truth truth)

            let edge =
                match truth with
                | Some truth -> truth.Edge
                | None -> path.Values |> Seq.filter Single.IsFinite |> Seq.fold (fun most value -> max most (abs (float value))) 1.0

            let target = if cast.Targets.Length > 1 then one.Target + " · " else ""

            {
                Heading = $"{target}{one.Series}, seed {run.Seed}"
                Panels = [
                    for chain in 0 .. min chains all - 1 do
                        let points = [
                            for round in 0 .. min rounds (int path.Shape[0]) - 1 ->
                                float path.Values[at round chain], float path.Values[at round chain + 1]
                        ]

                        let clean = [
                            for round in 0 .. points.Length - 1 do
                                if wide = 2 || path.Values[at round chain + 2] = 0.0f then
                                    { X = fst points[round]; Y = snd points[round]; Says = $"round {round + 1}" }
                        ]

                        let says = if wide = 2 then "" else $"cleanest in {clean.Length} of {points.Length}"

                        pane (side chains) $"chain {chain + 1}" says edge [
                            match truth with
                            | Some truth -> over truth (backdrop truth)
                            | None -> ()
                            Line(Muted, true, "", points)
                            Dots(one.Ink, true, clean)
                            Dots(Strong, false, [ { X = fst points[0]; Y = snd points[0]; Says = "the first round" } ])
                        ]
                ]
            }
    ]

    let note = if having.Length > groups then $" The first {groups} of {having.Length} groups that recorded chains." else ""

    let caption =
        $"The first {chains} chains of one run of each group, over at most {rounds} rounds. Thin lines join the rounds, symbols are "
        + "rounds at the cleanest level, and the dark point is the first round. A chain that mixes visits every mode."
        + note

    if rows.IsEmpty then [] else [ { Id = "trajectories"; Title = "Chains"; Caption = caption; Keys = []; Rows = rows } ]

/// Chains of images as film strips: a line for each chain, from left to right.
let films (cast: Cast) =
    let most, shown = 6, 640

    let panels = [
        for one, run, folder in typicals cast do
            match array folder "film", array folder "film-axis" with
            | Some film, Some axis when film.Shape.Length = 5 && axis.Axes.Length = 1 && axis.Values.LongLength = film.Shape[0] ->
                let frames, chains = int film.Shape[0], int film.Shape[1]
                let size = film.Values.Length / max 1 (frames * chains)

                // The array has a frame after the other, and the strip a chain below the other.
                let strips = [|
                    for chain in 0 .. chains - 1 do
                        for frame in 0 .. frames - 1 do
                            yield! film.Values.AsSpan((frame * chains + chain) * size, size).ToArray()
                |]

                let places = axis.Values |> Array.map (fun place -> rounded 3 (float place))

                let says =
                    match axis.Axes[0], Array.tryHead places, Array.tryLast places with
                    | "level", Some first, Some last -> $"noise levels {first} to {last}"
                    | _ -> $"""{String.Join(", ", places)} times as long as in generation"""

                match grid frames (NamedArray("film", film.Axes, film.Shape, strips)) with
                | Some png -> one.Target, framed one.Series says shown png
                | None -> ()
            | _ -> ()
    ]

    let note = if panels.Length > most then $" The first {most} of {panels.Length} groups." else ""

    figure
        "films"
        "Chains of images"
        ($"A line is a chain of one run of each group, from left to right: from noise to data over the levels of a ladder, or the end of a chain that "
         + $"runs longer and longer. {stands cast}"
         + note)
        []
        (List.truncate most panels)

/// The moves from each noise level to each, as shares of the moves from it.
let jumps (cast: Cast) =
    let panels = [
        for one, run, folder in typicals cast do
            match array folder "level-jumps" with
            | Some moves when moves.Shape.Length = 2 && moves.Shape[0] = moves.Shape[1] && moves.Shape[0] > 1L ->
                let n = int moves.Shape[0]
                let value from into = float moves.Values[from * n + into]
                let top = moves.Values |> Array.map float |> Array.filter Double.IsFinite |> Array.fold max 1e-12
                let names = [ for level in 0 .. n - 1 -> level.ToString Globalization.CultureInfo.InvariantCulture ]
                let every = max 1 (n / 10)
                let thin (axis: Axis) = { axis with Ticks = axis.Ticks |> List.filter (fun (at, _) -> int at % every = 0) }

                let raster =
                    [|
                        for from in 0 .. n - 1 do
                            for into in 0 .. n - 1 do
                                step (value from into / top)
                    |]
                    |> picture false n n shades null

                let edge = float n - 0.5
                let stay = List.init n (fun i -> value i i) |> List.average

                one.Target,
                {
                    Title = one.Series
                    Subtitle = $"share of moves that stay: {rounded 2 stay}, seed {run.Seed}"
                    Tags = []
                    X = thin (Figure.names "to level" false names)
                    Y = thin (Figure.names "from level" true names)
                    Marks = [
                        Picture(raster, -0.5, edge, edge, -0.5)
                        if n <= 8 then
                            for from in 0 .. n - 1 do
                                for into in 0 .. n - 1 do
                                    let share = value from into
                                    Words(Shade(share / top), { X = float into; Y = float from; Says = (rounded 2 share).TrimStart('0') })
                    ]
                    Size = 210, 210
                }
            | _ -> ()
    ]

    figure
        "level-jumps"
        "Jumps between noise levels"
        ("The share of moves from a level (row, the cleanest on top) to a level (column). If all mass is on the diagonal, chains "
         + "do not change their level."
         + beyond cast)
        [ Ramp("none", "the largest share") ]
        panels
