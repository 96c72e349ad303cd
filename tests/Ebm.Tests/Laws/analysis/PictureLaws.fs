/// Figures of image models: real rows beside samples, samples above their nearest training rows, and chains as film strips.
module Ebm.Tests.Laws.PictureLaws

open System
open System.IO
open Ebm.Analysis
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law

let private side = 3

/// An image of one grey value.
let private flat (level: float32) = Array.create (side * side) level

let private array name (axes: string list) (lead: int list) (levels: float32 list) =
    NamedArray(
        name,
        Array.ofList axes,
        Array.append [| for n in lead -> int64 n |] [| 1L; int64 side; int64 side |],
        Array.collect flat (Array.ofList levels)
    )

let private image = [ "channel"; "height"; "width" ]

/// Two chains of three frames: chain c has the levels −.5 c, −.5 c + .1, −.5 c + .2.
let private film = [
    for frame in 0..2 do
        for chain in 0..1 -> -0.5f * float32 chain + 0.1f * float32 frame
]

/// A sweep with one run whose rows are images. A run from before these arrays were recorded has only samples.
let private sweep (folder: string) isOld =
    let sweep = Path.Combine(folder, "runs", "pictures")
    let run: RunFolder = RunFolders.trained sweep "joint-cd" 0 RunState.Completed null []
    let samples = [ for i in 0..3 -> 0.2f * float32 i ]
    run.WriteSamples(Array.collect flat (Array.ofList samples), 4L, 1L, int64 side, int64 side)
    run.Write(
        "samples.png",
        fun stream -> stream.Write(Png.Grid(ReadOnlySpan(Array.collect flat (Array.ofList samples)), 4, 1, side, side, 10))
    )

    if not isOld then
        run.Write [
            array "real" ("row" :: image) [ 2 ] [ 0.9f; -0.9f ]
            array "nearest" ("sample" :: image) [ 4 ] [ 0.1f; 0.3f; 0.5f; 0.7f ]
            NamedArray("nearest-distance", [| "sample" |], [| 4L |], [| 1.0f; 2.0f; 3.0f; 4.0f |])
            NamedArray("nearest-distance-test", [| "row" |], [| 2L |], [| 7.0f; 5.0f |])
            array "film" ("frame" :: "chain" :: image) [ 3; 2 ] film
            NamedArray("film-axis", [| "level" |], [| 3L |], [| 9.0f; 4.0f; 0.0f |])
        ]

    sweep

let private panels (id: string) (chart: Chart.Chart) : Figure.Panel list =
    match chart.Figures |> List.tryFind (fun figure -> figure.Id = id) with
    | Some figure -> figure.Rows |> List.collect _.Panels
    | None -> broken $"there is no figure {id}, only %A{chart.Figures |> List.map _.Id}"

let private picture (panel: Figure.Panel) =
    match panel.Marks with
    | [ Figure.Picture(raster, _, _, _, _) ] -> raster.Png
    | other -> broken $"the panel has other marks: %A{other}"

/// The picture of a grid of images of one grey value each.
let private grid (levels: float32 list) columns =
    Png.Grid(ReadOnlySpan(Array.collect flat (Array.ofList levels)), levels.Length, 1, side, side, columns)

let private recorded () =
    Folder.inFolder (fun folder ->
        let opened = Chart.ofSweep (sweep folder false)
        let samples, chains = Chart.samples opened, Chart.chains opened

        match panels "grids" samples with
        | [ real; drawn ] ->
            must "the real rows" (real.Title = "real" && real.Subtitle = "2 test rows" && picture real = grid [ 0.9f; -0.9f ] 10)
            must "the samples" (picture drawn = grid [ 0.0f; 0.2f; 0.4f; 0.6f ] 10)
        | other -> broken $"{other.Length} panels"

        match panels "copies" samples with
        | [ pairs ] ->
            must "samples above nearest rows" (picture pairs = grid [ 0.0f; 0.2f; 0.4f; 0.6f; 0.1f; 0.3f; 0.5f; 0.7f ] 4)
            must pairs.Subtitle (pairs.Subtitle = "median distance 2.5; of test rows 6")
        | other -> broken $"{other.Length} panels"

        match panels "films" chains with
        | [ strip ] ->
            must "a line for each chain" (picture strip = grid [ 0.0f; 0.1f; 0.2f; -0.5f; -0.4f; -0.3f ] 3)
            must strip.Subtitle (strip.Subtitle = "noise levels 9 to 0")
        | other -> broken $"{other.Length} panels")

let all: Law list = [
    law "real rows are beside samples, samples above their nearest training rows, and a film strip has a line for each chain" recorded
    |> breaks "a strip with a line for each frame" (fun () ->
        Folder.inFolder (fun folder ->
            let strip = panels "films" (Chart.chains (Chart.ofSweep (sweep folder false))) |> List.exactlyOne
            must "a line for each frame" (picture strip = grid film 2)))

    law "runs from before real rows and chains were recorded have their samples alone" (fun () ->
        Folder.inFolder (fun folder ->
            let opened = Chart.ofSweep (sweep folder true)
            must "the samples" ((panels "grids" (Chart.samples opened)).Length = 1)
            let ids = [ for figure in (Chart.all opened).Figures -> figure.Id ]
            must $"%A{ids}" (not (List.contains "films" ids || List.contains "copies" ids))))
]
