/// Figures as data: axes whose ticks are round and in place, intervals and fronts that are what they are called, pictures that hold what was drawn.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.FigureLaws

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open Ebm.Analysis
open Ebm.Analysis.Figure
open Ebm.Records
open Ebm.Tests.Law

// ── pictures ────────────────────────────────────────────────────────────────────────────────

/// The indices of a paletted PNG, by the format's own rules: chunks, one deflate stream, filters 0 and 2.
let private indices (png: byte[]) =
    let number at = int (BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(png, at, 4)))
    let width, height = number 16, number 20

    let rec data at =
        if Text.Encoding.ASCII.GetString(png, at + 4, 4) = "IDAT" then
            png[at + 8 .. at + 7 + number at]
        else
            data (at + 12 + number at)

    use stream = new ZLibStream(new MemoryStream(data 8), CompressionMode.Decompress)
    use content = new MemoryStream()
    stream.CopyTo content
    let rows = content.ToArray() |> Array.chunkBySize (width + 1)
    must $"{rows.Length} rows of {height}" (rows.Length = height)

    (Array.zeroCreate<byte> width, rows)
    ||> Array.scan (fun above row -> Array.map2 (fun (up: byte) (value: byte) -> if row[0] = 2uy then value + up else value) above row[1..])
    |> Array.tail
    |> Array.concat

let private palette = Palette.steps 64 |> Array.concat
let private smooth = [|
    for y in 0..31 do
        for x in 0..15 -> byte ((x + y) % 64)
|]
let private rough = [| for i in 0..511 -> byte ((i * 37 + i * i * 11) % 64) |]

let private survives change =
    for drawn in [ smooth; rough ] do
        must "other pixels" (indices (Png.Paletted(drawn, 16, 32, palette)) = change drawn)

// ── axes ────────────────────────────────────────────────────────────────────────────────────

let private inPlace (axis: Axis) =
    let places = axis.Ticks |> List.map (fst >> place axis)
    must $"ticks at %A{places}" (places |> List.forall (fun at -> at >= -1e-6 && at <= 1.0 + 1e-6))
    must $"ticks are %A{axis.Ticks}" (places = List.sort places && (axis.Ticks |> List.distinctBy snd).Length = axis.Ticks.Length)
    must $"{axis.Ticks.Length} ticks" (axis.Ticks.Length >= 2 && axis.Ticks.Length <= 12)

// ── groups ──────────────────────────────────────────────────────────────────────────────────

let private run kind (seed: int) (units: int64) value : Runs.Run = {
    Runs.nothing with
        Id = $"{kind}-s{seed}"
        Group = kind
        State = RunState.Completed
        Seed = string seed
        Config = Map [ "data.kind", "rings"; "method.kind", kind; "seed", string seed ]
        TrainUnits = Some units
        SampleUnits = Some 1L
        Metrics = Map [ "kl", { Value = value; Unit = "nats"; Better = "lower"; Scale = "linear"; Se = None; N = None; Protocol = None } ]
}

/// Kinds a to f by cost, of which c, e and f are beaten by one that costs no more.
let private runs = [
    for kind, units, value in [ "a", 100L, 0.9; "b", 200L, 0.5; "c", 300L, 0.6; "d", 400L, 0.2; "e", 400L, 0.3; "f", 900L, 0.25 ] do
        for seed in 0..2 -> run kind seed units (value + 0.01 * float (seed - 1))
]

let private cast = Cast.cast Seq.empty (Table.tabulate "laws" runs)
let private panel (figures: Figure list) = figures.Head.Rows.Head.Panels.Head
let private within part (panel: Panel) = panel.Marks |> List.choose part

let private front () =
    let panel = panel (Comparing.fronts cast)

    let medians =
        panel
        |> within (function
            | Dots(_, false, points) -> Some(points |> List.map (fun point -> point.X, point.Y))
            | _ -> None)
        |> List.concat

    let stairs =
        panel
        |> within (function
            | Rule(_, _, points) -> Some points
            | _ -> None)
        |> List.concat

    medians, stairs

let private unbeaten (medians: (float * float) list) = [
    for units, value in medians do
        if not (medians |> List.exists (fun (u, v) -> (u, v) <> (units, value) && u <= units && v <= value)) then units, value
]

let private isFront due (medians, stairs: (float * float) list) =
    let turns = medians |> List.filter (fun median -> List.contains median stairs)
    must $"the front turns at %A{turns}" (Set.ofList turns = Set.ofList (due medians) && turns.Length = 3)

/// The bar of each group, by its place from the top.
let private bars () =
    panel (Comparing.strips cast)
    |> within (function
        | Stroke(_, low, high) -> Some(low.Y, (low.X, high.X))
        | _ -> None)
    |> Map.ofList

let private areIntervals interval =
    for i, (_, group) in runs |> List.groupBy _.Group |> List.indexed do
        let low, high = interval [| for run in group -> run.Metrics["kl"].Value |]
        let drawnLow, drawnHigh = (bars ())[float i]
        must
            $"bar {i} is {drawnLow} to {drawnHigh}, {low} to {high} is due"
            (abs (drawnLow - low) < 1e-12 && abs (drawnHigh - high) < 1e-12)

let all = [
    law "a paletted picture holds the pixels that were drawn, whichever filter packs it better" (fun () -> survives id)
    |> breaks "a row lower" (fun () -> survives (fun drawn -> Array.append (Array.zeroCreate 16) drawn[.. drawn.Length - 17]))

    law "a picture's errors are sentences" (fun () ->
        throws<ArgumentException, _> [ "16 × 31"; "512" ] (fun () -> Png.Paletted(smooth, 16, 31, palette))
        throws<ArgumentException, _> [ "no palette" ] (fun () -> Png.Paletted(smooth, 16, 32, [| 0uy |])))

    forAll
        "ticks are round, in order, inside, and no two say the same"
        (fun (low: FsCheck.NormalFloat, size: FsCheck.PositiveInt, power: int) ->
            let span = float size.Get * Math.Pow(10.0, float (power % 8))
            // Where the bounds agree in nine digits, so may their labels.
            let low = Math.Clamp(low.Get, -1e6 * span, 1e6 * span)
            inPlace (between "" 5 low (low + span))
            let from = Math.Pow(10.0, float (power % 8))
            inPlace (powers "" [ from; from * (2.0 + float size.Get) ])
            true)

    law "the bar beside a mean is the table's interval" (fun () -> areIntervals Statistics.studentT)
    |> breaks "one standard error" (fun () ->
        areIntervals (fun values ->
            let low, high = Statistics.studentT values
            let centre, half = (low + high) / 2.0, (high - low) / 2.0 / 4.303
            centre - half, centre + half))

    law "the front is who is beaten by nobody in both quality and cost" (fun () -> isFront unbeaten (front ()))
    |> breaks "everybody" (fun () -> isFront id (front ()))

    law "colours rise in lightness along the map, so that a grey copy says the same" (fun () ->
        let light = Palette.steps 64 |> Array.map (fun rgb -> 0.2126 * float rgb[0] + 0.7152 * float rgb[1] + 0.0722 * float rgb[2])
        must "the map turns back" (light |> Array.pairwise |> Array.forall (fun (a, b) -> b > a)))
]
