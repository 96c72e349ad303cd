/// The layout of a figure in a column: how many panels a row has, how large they are, and which labels have room. A page has two layouts,
/// for desks and for phones; each fills its column with texts of at least eleven pixels.
module Ebm.Analysis.Layout

open System
open System.Globalization
open Ebm.Analysis.Figure

/// The size of all texts of a panel, in pixels; titles are one pixel larger.
let fontSize = 11.0

/// The width of the report's column in a wide window, and of the drawings for narrow windows, in pixels.
let desk, phone = 1132.0, 340.0

/// The distance of panels, in pixels.
let gap = 16.0

/// The most graphemes of a text.
let longest = 40

/// The width of a letter, in pixels, in a wide font; titles are larger and bold.
let private letter, bold = 6.7, 8.3

/// The approximate width of a text, and of a title, in pixels.
let wide (text: string) = letter * float (StringInfo(text).LengthInTextElements)
let wideTitle (text: string) = bold * float (StringInfo(text).LengthInTextElements)

/// How many graphemes fit into a width.
let fitting (width: float) = Math.Clamp(int (width / letter), 3, longest)

/// A panel at its size: its labels are shortened or left out where they would collide.
type Placed = {
    Panel: Panel
    /// With its labels.
    Width: float
    Height: float
    /// The plotting area.
    Left: float
    Top: float
    Wide: float
    High: float
    /// The most graphemes of the title, of the second line, of a label of the vertical axis, and of a tag.
    Titles: int
    Subtitles: int
    Names: int
    Tags: int
}

/// Whether a panel keeps its aspect ratio: pictures, and areas without ticks. Others become wider at the same height.
let keepsAspect (panel: Panel) = (panel.X.Ticks.IsEmpty && panel.Y.Ticks.IsEmpty) || panel.Marks |> List.exists _.IsPicture

/// The second line as one text.
let second (panel: Panel) = panel.Subtitle :: List.map snd panel.Tags |> List.filter ((<>) "") |> String.concat "  "

/// Margins of the plotting area: left, right, top, bottom.
let private margins names (panel: Panel) =
    let half = panel.X.Ticks |> List.map (fun (_, label) -> wide (Text.short longest label) / 2.0) |> List.fold max 0.0
    let labels = panel.Y.Ticks |> List.map (fun (_, label) -> wide (Text.short names label) + 10.0) |> List.fold max 4.0
    let left = max labels half + (if panel.Y.Title = "" then 0.0 else 17.0)
    let right = if panel.X.Ticks.IsEmpty then 4.0 else max 10.0 half
    let top = (if panel.Title = "" then 0.0 else 19.0) + (if second panel = "" then 0.0 else 15.0) + 4.0
    let bottom = (if panel.X.Ticks.IsEmpty then 4.0 else 20.0) + (if panel.X.Title = "" then 0.0 else 17.0)
    left, right, top, bottom

/// Every k-th tick, for the smallest k at which the labels' places are apart. Of the possible starts, the one with the shortest labels wins:
/// on a logarithmic axis these are the powers of ten.
let private thinned (apart: (float * string) -> (float * string) -> bool) (ticks: (float * string) list) =
    let every k = [ for start in 0 .. k - 1 -> ticks |> List.indexed |> List.filter (fun (i, _) -> i % k = start) |> List.map snd ]
    let fits = List.pairwise >> List.forall (fun (a, b) -> apart a b)

    if ticks.IsEmpty then
        []
    else
        seq { 1 .. ticks.Length }
        |> Seq.pick (fun k ->
            match every k |> List.filter fits with
            | [] -> None
            | fit -> fit |> List.minBy (fun ticks -> -ticks.Length, ticks |> List.sumBy (snd >> String.length)) |> Some)

/// Shortens texts at points until neighbours at the same height have room; a text that has no room for three graphemes is left out.
let private spaced (x: float -> float) (y: float -> float) width (marks: Mark list) =
    let texts = [
        for mark in marks do
            match mark with
            | Words(_, point) -> x point.X, y point.Y, wide (Text.short longest point.Says)
            | _ -> ()
    ]

    let room px py own =
        let beside = texts |> List.filter (fun (otherX, otherY, _) -> abs (otherY - py) < fontSize && otherX <> px)
        // A short neighbour leaves the rest of the distance to this text.
        (2.0 * min px (width - px), beside)
        ||> List.fold (fun room (otherX, _, other) ->
            let distance = abs (otherX - px) - 4.0
            min room (if own + other <= 2.0 * distance then infinity else 2.0 * max (distance / 2.0) (distance - other / 2.0)))

    marks
    |> List.choose (fun mark ->
        match mark with
        | Words(ink, point) ->
            let own = wide (Text.short longest point.Says)
            let room = room (x point.X) (y point.Y) own

            if own <= room then Some mark
            elif room < wide "abc" then None
            else Some(Words(ink, { point with Says = Text.short (fitting room) point.Says }))
        | _ -> Some mark)

/// A panel with this width.
let placed (width: float) (panel: Panel) : Placed =
    let names = fitting (0.42 * width)
    let left, right, top, bottom = margins names panel
    let room = max 40.0 (width - left - right)
    let drawnWide, drawnHigh = float (fst panel.Size), float (snd panel.Size)

    let wideArea, high =
        if keepsAspect panel then
            let tallest = 560.0
            let scale = min (room / drawnWide) (tallest / drawnHigh)
            scale * drawnWide, scale * drawnHigh
        else
            // A wide panel is also higher, so that slopes stay visible.
            room, Math.Clamp(0.34 * room, drawnHigh, 1.5 * drawnHigh)

    let left = left + (room - wideArea) / 2.0
    let x value = left + place panel.X value * wideArea
    let y value = top + (1.0 - place panel.Y value) * high

    let beside (a, one) (b, other) = abs (x b - x a) >= (wide (Text.short longest one) + wide (Text.short longest other)) / 2.0 + 5.0

    let above (a, _) (b, _) = abs (y b - y a) >= fontSize + 1.0

    let shown = {
        panel with
            X.Ticks = thinned beside panel.X.Ticks
            Y.Ticks = thinned above panel.Y.Ticks
            Marks = spaced x y width panel.Marks
    }

    let tags = panel.Tags.Length
    let taken = if tags = 0 then 0.0 else wide panel.Subtitle + 2.0 * letter * float tags

    {
        Panel = shown
        Width = width
        Height = top + high + bottom
        Left = left
        Top = top
        Wide = wideArea
        High = high
        Titles = fitting ((width - 4.0) * letter / bold)
        Subtitles = fitting (width - 4.0)
        Names = names
        Tags = if tags = 0 then longest else fitting ((width - 4.0 - taken) / float tags)
    }

/// The width at which a panel was meant to be seen. On a phone, two small areas without ticks are side by side.
let private meant (column: float) (panel: Panel) =
    let left, right, _, _ = margins 18 panel
    let isSmall = panel.X.Ticks.IsEmpty && panel.Y.Ticks.IsEmpty && fst panel.Size <= 260

    if isSmall && column <= phone then
        (phone - gap) / 2.0
    else
        // A title tells groups apart, so that it gets room.
        max (left + float (fst panel.Size) + right) (min 280.0 (wideTitle panel.Title + 4.0))

/// The number of panels side by side in a column of this width; the rows of many panels are equally long.
let columns (column: float) (panels: Panel list) =
    match panels with
    | [] -> 1
    | _ ->
        let meant = panels |> List.map (meant column) |> List.max
        let most = Math.Clamp(int ((column + gap + 0.5) / (meant + gap)), 1, panels.Length)
        let rows = (panels.Length + most - 1) / most
        (panels.Length + rows - 1) / rows

/// The width of each panel of a row.
let share (column: float) count = (column - gap * float (count - 1)) / float count

/// The panels of a row at their width.
let row (column: float) (panels: Panel list) = panels |> List.map (placed (share column (columns column panels)))

/// A figure's panels with left and top, its headings with their top, and its height, in a column of this width.
let laid (column: float) (figure: Figure) =
    let mutable y = 0.0
    let panels = ResizeArray<Placed * float * float>()
    let headings = ResizeArray<string * float>()

    for line in figure.Rows do
        if line.Heading <> "" then
            headings.Add(line.Heading, y)
            y <- y + 22.0

        let count = columns column line.Panels

        for part in row column line.Panels |> List.chunkBySize count do
            for i, panel in List.indexed part do
                panels.Add(panel, float i * (panel.Width + gap), y)

            y <- y + (part |> List.map _.Height |> List.max) + gap

    List.ofSeq panels, List.ofSeq headings, y
