/// What people look at in this field: the learned density beside the true one, samples, energies of data and samples, chains and their levels. It is drawn from the
/// arrays in run folders; a figure whose arrays no run has is not there.
module Ebm.Analysis.Portraits

open System
open System.IO
open Ebm.Records
open Ebm.Analysis.Cast
open Ebm.Analysis.Figure

/// An array of a run, if it is there and whole; one that is torn is not there, for `audit verify` says so by name.
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

/// By target, in the cast's order; `heading` only where there are several.
let private byTarget (cast: Cast) (panels: (string * Panel) list) =
    let targets = panels |> List.map fst |> List.distinct

    [
        for target in targets ->
            {
                Heading = (if targets.Length > 1 then target else "")
                Panels = panels |> List.filter (fst >> (=) target) |> List.map snd
            }
    ]

let private figure id title caption keys rows =
    if rows |> List.forall (fun row -> row.Panels.IsEmpty) then
        []
    else
        [ { Id = id; Title = title; Caption = caption; Keys = keys; Rows = rows } ]

// ── densities ───────────────────────────────────────────────────────────────────────────────

/// Shades of a picture: enough for an eye, few enough to pack well.
let private levels = 64

let private named (content: byte[]) = "r" + (Canonical.Sha256(Convert.ToBase64String content)).Substring(0, 12)

let private picture smooth height width (palette: byte[][]) (indices: byte[]) =
    let png = Png.Paletted(indices, width, height, Array.concat palette)
    { Id = named png; Png = png; Smooth = smooth }

/// A field of shares, 0 to 1, as a picture; its first row is the lowest y and the picture's is the highest.
let private field (height: int) (width: int) (share: int -> float) =
    [|
        for y in height - 1 .. -1 .. 0 do
            for x in 0 .. width - 1 do
                byte (Math.Clamp(Math.Round(share (y * width + x) * float (levels - 1)), 0.0, float (levels - 1)))
    |]
    |> picture true height width (Palette.steps levels)

let private side = 168

/// A log density on its grid, with the grid's outer edges.
type private Landscape = { LogDensity: float32[]; Height: int; Width: int; Edge: float }

let private landscape folder name =
    match array folder name, array folder "landscape-axis" with
    | Some field, Some axis when field.Shape.Length = 2 && axis.Values.Length > 1 && field.Shape[0] = field.Shape[1] ->
        let half = float (axis.Values[1] - axis.Values[0]) / 2.0

        Some {
            LogDensity = field.Values
            Height = int field.Shape[0]
            Width = int field.Shape[1]
            Edge = float axis.Values[axis.Values.Length - 1] + half
        }
    | _ -> None

let private pane title subtitle (land: Landscape) raster = {
    Title = title
    Subtitle = subtitle
    X = bare -land.Edge land.Edge
    Y = bare -land.Edge land.Edge
    Marks = [ Picture(raster, -land.Edge, land.Edge, -land.Edge, land.Edge) ]
    Size = side, side
}

/// The highest density that a picture of this target shows: the truth's own.
let private highest (land: Landscape) = land.LogDensity |> Array.fold max -infinityf |> float

/// Nats under the peak at which an energy's picture ends.
let private deep = 12.0

let private densityField top (land: Landscape) = field land.Height land.Width (fun i -> exp (float land.LogDensity[i] - top))

let private energyField top (land: Landscape) = field land.Height land.Width (fun i -> 1.0 - (top - float land.LogDensity[i]) / deep)

/// What is said under a portrait: the headline metric of that run.
let private judgement (cast: Cast) (run: Runs.Run) =
    match cast.Judged |> List.tryFind run.Metrics.ContainsKey with
    | Some metric -> $"{metric} {rounded 2 run.Metrics[metric].Value}, seed {run.Seed}"
    | None -> $"seed {run.Seed}"

/// Learned densities beside the true one, and the same as energies, which show what happens where there are no data.
let densities (cast: Cast) =
    let found = [
        for one, run, folder in typicals cast do
            match landscape folder "landscape" with
            | Some land -> one, run, land, landscape folder "truth"
            | None -> ()
    ]

    let panels draw =
        found
        |> List.groupBy (fun (one, _, _, _) -> one.Target)
        |> List.collect (fun (target, here) ->
            let truth = here |> List.tryPick (fun (_, _, _, truth) -> truth)

            let top (land: Landscape) =
                match truth with
                | Some truth -> highest truth
                | None -> highest land

            [
                match truth with
                | Some truth -> target, pane "truth" target truth (draw (highest truth) truth)
                | None -> ()
                for one, run, land, _ in here do
                    target, pane one.Series (judgement cast run) land (draw (top land) land)
            ])
        |> byTarget cast

    figure
        "densities"
        "Learned densities beside the truth"
        ("The normalised model density on the same square and the same colours as the true one, whose peak is the brightest. "
         + stands cast
         + beyond cast)
        [ Ramp("no density", "the truth's peak") ]
        (panels densityField)
    @ figure
        "energies"
        "Energy landscapes"
        ($"Energy −log p(x), up to {deep} nats above that of the truth's peak: bright is likely, and the dark is {deep} nats or more away. What a density's "
         + "picture hides shows here: bridges between modes, and energy that stays low where there are no data."
         + beyond cast)
        [ Ramp($"{deep} nats or more", "the truth's peak") ]
        (panels energyField)

// ── samples ─────────────────────────────────────────────────────────────────────────────────

/// Points of a scatter: more hide each other.
let private drawn = 1200

let private samples (folder: RunFolder) =
    try
        if File.Exists(folder.In "samples.npy") then Some(folder.Samples()) else None
    with
    | :? InvalidDataException
    | :? IOException -> None

/// Rows of samples.npy where they are points of a plane, with the grid's square where there is one.
let scatters (cast: Cast) =
    let panels = [
        for one, run, folder in typicals cast do
            match samples folder with
            | Some(struct (values, [| rows; 2L |])) ->
                let points = [ for i in 0 .. min drawn (int rows) - 1 -> float values[2 * i], float values[2 * i + 1] ]
                let land = landscape folder "truth" |> Option.orElse (landscape folder "landscape")

                let edge =
                    match land with
                    | Some land -> land.Edge
                    | None -> points |> Seq.collect (fun (x, y) -> [ abs x; abs y ]) |> Seq.filter Double.IsFinite |> Seq.fold max 1.0
                let outside = points |> List.filter (fun (x, y) -> not (abs x <= edge && abs y <= edge)) |> List.length

                one.Target,
                {
                    Title = one.Series
                    Subtitle = (if outside = 0 then judgement cast run else $"{outside} of {points.Length} lie outside")
                    X = bare -edge edge
                    Y = bare -edge edge
                    Marks = [ Cloud(one.Ink, points) ]
                    Size = side, side
                }
            | _ -> ()
    ]

    figure
        "samples"
        "Samples"
        ($"The first {drawn} rows of samples.npy at most, on the square of the densities. {stands cast}" + beyond cast)
        []
        (byTarget cast panels)

/// Sample grids of image models, as their runs drew them.
let grids (cast: Cast) =
    let most = 12

    let panels = [
        for one, run, folder in typicals cast do
            let path = folder.In "samples.png"

            if File.Exists path then
                let png = File.ReadAllBytes path

                // Width and height are the first fields of the first chunk.
                if png.Length > 24 then
                    let side at = int png[at] * 65536 * 256 + int png[at + 1] * 65536 + int png[at + 2] * 256 + int png[at + 3]
                    let width, height = side 16, side 20
                    let shown = 420

                    one.Target,
                    {
                        Title = one.Series
                        Subtitle = judgement cast run
                        X = bare 0.0 1.0
                        Y = bare 0.0 1.0
                        Marks = [ Picture({ Id = named png; Png = png; Smooth = false }, 0.0, 1.0, 0.0, 1.0) ]
                        Size = shown, int (float shown * float height / float (max 1 width))
                    }
    ]

    let note = if panels.Length > most then $" The first {most} of {panels.Length} groups." else ""

    figure
        "grids"
        "Sample grids"
        ($"samples.png of one run a group, not selected by eye. {stands cast}" + note)
        []
        (byTarget cast (List.truncate most panels))

// ── energies ────────────────────────────────────────────────────────────────────────────────

/// The arrays of energies that a run has, each a row of values: of the test rows, of samples, and of whatever else was scored.
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
                    | Some(_, a), Some(_, b) -> $"data and samples overlap by {rounded 2 (Array.sum (Array.map2 min a b))}"
                    | _ -> ""

                one.Target,
                {
                    Title = one.Series
                    Subtitle = overlap
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
        ("Shares of rows by energy, relative to the mean energy of test data: an energy is defined up to a constant. Samples to the right of data are "
         + "less likely than data, by the model itself. The last bin holds all that is beyond."
         + beyond cast)
        [
            Streak(Series 0, "test data")
            Streak(Series 1, "samples")
            if not others.IsEmpty then Streak(Series 2, String.Join(", ", others))
        ]
        (byTarget cast panels)

// ── chains ──────────────────────────────────────────────────────────────────────────────────

/// Chains as they went, where a run recorded them: rounds, chains, and two coordinates with the level behind.
let trajectories (cast: Cast) =
    let chains, rounds = 4, 120

    let panels = [
        for one, _, folder in typicals cast do
            match array folder "trajectories" with
            | Some path when path.Shape.Length = 3 && path.Shape[2] >= 2L ->
                let all, wide = int path.Shape[1], int path.Shape[2]
                let at round chain = (round * all + chain) * wide
                let land = landscape folder "truth" |> Option.orElse (landscape folder "landscape")
                let most = path.Values |> Seq.filter Single.IsFinite |> Seq.fold (fun most value -> max most (abs (float value))) 1.0

                let edge =
                    match land with
                    | Some land -> land.Edge
                    | None -> most

                for chain in 0 .. min chains all - 1 do
                    let points = [
                        for round in 0 .. min rounds (int path.Shape[0]) - 1 ->
                            float path.Values[at round chain], float path.Values[at round chain + 1]
                    ]

                    let clean = [
                        if wide > 2 then
                            for round in 0 .. points.Length - 1 do
                                if path.Values[at round chain + 2] = 0.0f then points[round]
                    ]

                    one.Target + one.Series,
                    {
                        Title = $"{one.Series}, chain {chain + 1}"
                        Subtitle = (if wide > 2 then $"{clean.Length} of {points.Length} rounds at the cleanest level" else "")
                        X = bare -edge edge
                        Y = bare -edge edge
                        Marks = [
                            Line(Muted, true, "", points)
                            Cloud(one.Ink, (if wide > 2 then clean else points))
                            Dots(Strong, true, [ { X = fst points[0]; Y = snd points[0]; Says = "the first round" } ])
                        ]
                        Size = side, side
                    }
            | _ -> ()
    ]

    figure
        "trajectories"
        "Chains"
        ($"The first {chains} chains of one run a group over {rounds} rounds at most, thin; the points are where the chain stood at the cleanest level, and the "
         + "ring is its first round. A chain that works is seen in every mode.")
        []
        (byTarget cast panels |> List.map (fun row -> { row with Heading = "" }))

/// Moves between noise levels, from each to each: a share of the moves from it.
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
                                byte (Math.Clamp(Math.Round(value from into / top * float (levels - 1)), 0.0, float (levels - 1)))
                    |]
                    |> picture false n n (Palette.steps levels)

                let edge = float n - 0.5
                // The diagonal's highest off-diagonal share: how far the ladder is walked at all.
                let stay = List.init n (fun i -> value i i) |> List.average

                one.Target,
                {
                    Title = one.Series
                    Subtitle = $"stays with probability {rounded 2 stay}, seed {run.Seed}"
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
        ("The share of moves from a level (row, the cleanest on top) to a level (column). Mass only on the diagonal is a ladder that is not walked."
         + beyond cast)
        [ Ramp("none", "the largest share") ]
        (byTarget cast panels)
