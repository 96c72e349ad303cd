/// A figure as SVG: a picture for each panel, for a page that lays them out, or one file with the whole figure, for a paper. The same figure
/// gives the same bytes: numbers in the invariant culture, ids by position, no time and no random numbers. Colours are variables of the
/// style, so that a page may be light or dark.
module Ebm.Analysis.Svg

open System
open System.Globalization
open System.Text
open Ebm.Analysis.Figure

/// A length, rounded to a tenth of a pixel.
let private at (value: float) = (Math.Round(value, 1) + 0.0).ToString("0.#", CultureInfo.InvariantCulture)

let private whole (value: int) = value.ToString CultureInfo.InvariantCulture

let private colour ink =
    match ink with
    | Series i -> "s" + whole (i % Palette.light.Length)
    | Muted -> "muted"
    | Strong -> "strong"
    | Shade _ -> ""

/// The class attribute; a shade also gets its colour.
let private drawn kind ink =
    match ink with
    | Shade share -> $"class=\"{kind}\" style=\"--ink:{Palette.hex (Palette.shade share)}\""
    | _ -> $"class=\"{kind} {colour ink}\""

// An interpolated string cannot contain quoted strings, so these have names.
let private asBand = drawn "band"
let private asStroke = drawn "stroke"
let private asCloud = drawn "cloud"
let private asBox = drawn "box"
let private asLine = drawn "line"

/// Dashes for lines whose colour is a repetition.
let private dashed ink =
    match ink with
    | Series i when i >= Palette.light.Length -> " stroke-dasharray=\"6 3\""
    | _ -> ""

/// Five symbols and eight colours give forty combinations; neighbours differ in both.
let private symbol hollow ink (x: float) (y: float) (r: float) says =
    let kind = if hollow then "open" else "dot"
    let title = if says = "" then "" else $"<title>{Html.escaped says}</title>"
    let path = $"<path {drawn kind ink} d=\"M{at x} {at y}"

    let closed (steps: (float * float) list) =
        let steps = steps |> List.map (fun (dx, dy) -> at (dx * r) + " " + at (dy * r)) |> String.concat "l"
        $"{path}m{steps}z\">{title}</path>"

    match ink with
    | Series i when i % 5 = 1 -> closed [ -0.9, -0.9; 1.8, 0.0; 0.0, 1.8; -1.8, 0.0 ]
    | Series i when i % 5 = 2 -> closed [ 0.0, -1.25; 1.25, 1.25; -1.25, 1.25; -1.25, -1.25 ]
    | Series i when i % 5 = 3 -> closed [ 0.0, -1.2; 1.15, 2.0; -2.3, 0.0 ]
    | Series i when i % 5 = 4 -> closed [ 0.0, 1.2; 1.15, -2.0; -2.3, 0.0 ]
    | _ -> $"<circle {drawn kind ink} cx=\"{at x}\" cy=\"{at y}\" r=\"{at r}\">{title}</circle>"

/// A text of at most `most` graphemes; the whole text is shown under the pointer.
let private cut most kind anchor x y (text: string) =
    let shown = Text.short most text
    let title = if shown = text then "" else $"<title>{Html.escaped text}</title>"
    $"<text class=\"{kind}\" text-anchor=\"{anchor}\" x=\"{at x}\" y=\"{at y}\">{Html.escaped shown}{title}</text>"

let private words kind anchor x y text = cut Layout.longest kind anchor x y text

/// A path through points; a point that is not finite interrupts it.
let private path (points: (float * float) seq) =
    let builder = StringBuilder()
    let mutable pen = false

    for x, y in points do
        if Double.IsFinite x && Double.IsFinite y then
            builder.Append(if pen then 'L' else 'M').Append(at x).Append(' ').Append(at y) |> ignore
            pen <- true
        else
            pen <- false

    string builder

/// Small points as one path of relative steps, which takes a few bytes for each point.
let private cloud (points: (float * float) seq) =
    let builder = StringBuilder()
    let tenths (value: float) = int (Math.Round(value * 10.0))
    let write (value: int) = builder.Append((decimal value / 10.0M).ToString("0.#", CultureInfo.InvariantCulture)) |> ignore
    let mutable lastX, lastY = 0, 0

    for x, y in points do
        if Double.IsFinite x && Double.IsFinite y then
            let x, y = tenths x, tenths y
            builder.Append(if builder.Length = 0 then 'M' else 'm') |> ignore
            write (x - lastX)
            builder.Append ' ' |> ignore
            write (y - lastY)
            builder.Append "h0" |> ignore
            lastX <- x
            lastY <- y

    string builder

/// The content of a panel with its corner at the origin. `id` is a unique id for its clipping area; `pictures` gives the markup of a picture.
let private content (id: string) (pictures: Raster -> string) (placed: Layout.Placed) =
    let panel, left, top, width, height = placed.Panel, placed.Left, placed.Top, placed.Wide, placed.High
    let x value = left + place panel.X value * width
    let y value = top + (1.0 - place panel.Y value) * height
    let builder = StringBuilder()
    let say (text: string) = builder.Append text |> ignore
    let middle = left + width / 2.0

    // A text that is wider than the plotting area stays within the panel.
    let centred wide = Math.Clamp(middle, min (wide / 2.0) (placed.Width / 2.0), max (placed.Width - wide / 2.0) (placed.Width / 2.0))

    let line kind most wide y text =
        let at = centred (wide (Text.short most text))
        say (cut most kind "middle" at y text)

    if panel.Title <> "" then line "title" placed.Titles Layout.wideTitle 14.0 panel.Title

    if panel.Tags.IsEmpty && panel.Subtitle <> "" then
        line "subtitle" placed.Subtitles Layout.wide (if panel.Title = "" then 13.0 else 29.0) panel.Subtitle
    elif not panel.Tags.IsEmpty then
        let tags =
            panel.Tags
            |> List.map (fun (ink, says) -> $"<tspan class=\"tag {colour ink}\">{Html.escaped (Text.short placed.Tags says)}</tspan>")

        let line = String.Join("  ", [ Html.escaped panel.Subtitle ] @ tags).Trim()
        let at' = at (centred (min placed.Width (Layout.wide (Layout.second panel))))
        say $"<text class=\"subtitle\" text-anchor=\"middle\" x=\"{at'}\" y=\"29\">{line}</text>"

    let isPicture =
        panel.Marks
        |> List.exists (function
            | Picture _ -> true
            | _ -> false)

    if not isPicture then
        for value, _ in panel.X.Ticks do
            say $"<path class=\"grid\" d=\"M{at (x value)} {at top}v{at height}\"/>"

        for value, _ in panel.Y.Ticks do
            say $"<path class=\"grid\" d=\"M{at left} {at (y value)}h{at width}\"/>"

    say $"<clipPath id=\"{id}\"><rect x=\"{at left}\" y=\"{at top}\" width=\"{at width}\" height=\"{at height}\"/></clipPath>"
    say $"<g clip-path=\"url(#{id})\">"

    for mark in panel.Marks do
        match mark with
        | Band(ink, points) ->
            let upper = points |> List.map (fun (at, _, high) -> x at, y high)
            let lower = points |> List.map (fun (at, low, _) -> x at, y low) |> List.rev
            let outline = upper @ lower |> List.filter (fun (x, y) -> Double.IsFinite x && Double.IsFinite y)
            say $"<path {asBand ink} d=\"{path outline}z\"/>"
        | Line(ink, faint, says, points) ->
            let kind = if faint then "line faint" else "line"
            let title = if says = "" then "" else $"<title>{Html.escaped says}</title>"
            let dashes = if faint then "" else dashed ink
            say $"<path {drawn kind ink}{dashes} d=\"{points |> Seq.map (fun (a, b) -> x a, y b) |> path}\">{title}</path>"
        | Stroke(ink, a, b) ->
            say $"<path {asStroke ink} d=\"{path [ x a.X, y a.Y; x b.X, y b.Y ]}\"><title>{Html.escaped a.Says}</title></path>"
        | Rule(ink, dotted, points) ->
            let kind = if dotted then "rule dotted" else "rule"
            say $"<path {drawn kind ink} d=\"{points |> Seq.map (fun (a, b) -> x a, y b) |> path}\"/>"
        | Cloud(ink, points) -> say $"<path {asCloud ink} d=\"{points |> Seq.map (fun (a, b) -> x a, y b) |> cloud}\"/>"
        | Dots(ink, hollow, points) ->
            for point in points do
                let px, py = x point.X, y point.Y

                if Double.IsFinite px && Double.IsFinite py then say (symbol hollow ink px py (if hollow then 2.9 else 4.2) point.Says)
        | Boxes(ink, boxes) ->
            for l, r, b, t, says in boxes do
                let l, r, b, t = x l, x r, y b, y t
                let title = if says = "" then "" else $"<title>{Html.escaped says}</title>"
                let corner = $"x=\"{at (min l r)}\" y=\"{at (min b t)}\""
                say $"<rect {asBox ink} {corner} width=\"{at (abs (r - l))}\" height=\"{at (abs (b - t))}\">{title}</rect>"
        | Picture(raster, l, r, b, t) ->
            let l, r, b, t = x l, x r, y b, y t
            let place = $"translate({at (min l r)} {at (min b t)}) scale({at (abs (r - l))} {at (abs (b - t))})"
            say $"<g transform=\"{place}\">{pictures raster}</g>"
        | Words(Shade share, point) ->
            let kind = if share < 0.62 then "on-dark" else "on-light"
            say (words kind "middle" (x point.X) (y point.Y + 3.5) point.Says)
        | Words(ink, point) -> say (words $"label {colour ink}" "middle" (x point.X) (y point.Y + 3.5) point.Says)

    say "</g>"
    say $"<rect class=\"frame\" x=\"{at left}\" y=\"{at top}\" width=\"{at width}\" height=\"{at height}\"/>"

    for value, label in panel.X.Ticks do
        say (words "tick" "middle" (x value) (top + height + 14.0) label)

    for value, label in panel.Y.Ticks do
        say (cut placed.Names "tick" "end" (left - 6.0) (y value + 3.8) label)

    if panel.X.Title <> "" then
        say (words "axis" "middle" middle (top + height + (if panel.X.Ticks.IsEmpty then 15.0 else 31.0)) panel.X.Title)

    if panel.Y.Title <> "" then
        let across = top + height / 2.0
        let title = Text.short Layout.longest panel.Y.Title
        say $"<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(11 {at across}) rotate(-90)\">{Html.escaped title}</text>"

    string builder

/// A description of the panel for screen readers.
let private alternative (figure: Figure) (panel: Panel) =
    let axes =
        match panel.X.Title, panel.Y.Title with
        | "", "" -> ""
        | x, "" -> x
        | "", y -> y
        | x, y -> $"{y} against {x}"

    [ figure.Title; panel.Title; Layout.second panel; axes ] |> List.filter ((<>) "") |> String.concat "; "

/// A panel of a page's figure. `id` is unique in the page. It refers to pictures by the ids of `definitions`.
let panel (figure: Figure) (id: string) (panel: Layout.Placed) =
    let width, height = panel.Width, panel.Height
    let use' (raster: Raster) = $"<use href=\"#{raster.Id}\"/>"
    let inside = content id use' panel
    let alternative = Html.escaped (alternative figure panel.Panel)
    $"<svg class=\"panel\" viewBox=\"0 0 {at width} {at height}\" width=\"{at width}\" height=\"{at height}\" role=\"img\" "
    + $"aria-label=\"{alternative}\">{inside}</svg>"

/// A picture with width and height 1, as XML.
let private image (id: string) (raster: Raster) =
    let named = if id = "" then "" else $" id=\"{id}\""
    let kind = if raster.Smooth then "" else " class=\"pixels\""
    $"<image{named}{kind} width=\"1\" height=\"1\" preserveAspectRatio=\"none\" "
    + $"href=\"data:image/png;base64,{Convert.ToBase64String raster.Png}\"/>"

/// The pictures of figures without duplicates, for `panel` to refer to.
let definitions (figures: Figure list) =
    let rasters =
        [
            for figure in figures do
                for row in figure.Rows do
                    for panel in row.Panels do
                        for mark in panel.Marks do
                            match mark with
                            | Picture(raster, _, _, _, _) -> raster
                            | _ -> ()
        ]
        |> List.distinctBy _.Id

    if rasters.IsEmpty then
        ""
    else
        let images = rasters |> List.map (fun raster -> image raster.Id raster) |> String.concat "\n"
        $"<svg class=\"pictures\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n{images}\n</defs></svg>"

/// The style of each class; the page, or `standalone`, defines the variables of the inks.
let style =
    let inks = [ for i in 0 .. Palette.light.Length - 1 -> $".s{i}{{--ink:var(--s{i})}}" ] |> String.concat ""
    inks
    + ".muted{--ink:var(--dim)}.strong{--ink:var(--text)}\
       .line{fill:none;stroke:var(--ink);stroke-width:1.8;stroke-linejoin:round}.faint{stroke-width:.9;opacity:.45}\
       .band{fill:var(--ink);opacity:.16}.stroke{fill:none;stroke:var(--ink);stroke-width:5;opacity:.38}\
       .rule{fill:none;stroke:var(--ink);stroke-width:1.3;stroke-dasharray:5 3}.dotted{stroke-dasharray:1.5 2.5}\
       .tag{fill:var(--ink);font-weight:600}\
       .dot{fill:var(--ink);stroke:var(--paper);stroke-width:.8}\
       .open{fill:var(--paper);fill-opacity:.55;stroke:var(--ink);stroke-width:1.2}\
       .cloud{fill:none;stroke:var(--ink);stroke-width:1.7;stroke-linecap:round;opacity:.55}.box{fill:var(--ink);fill-opacity:.78}\
       .pixels{image-rendering:pixelated}.grid{stroke:var(--line);stroke-width:.7;fill:none}\
       .frame{fill:none;stroke:var(--frame);stroke-width:1}\
       svg text{font:11px var(--sans);fill:var(--text);unicode-bidi:isolate}svg .tick{fill:var(--dim)}svg .axis{fill:var(--dim)}\
       svg .title{font-weight:600;font-size:12px}svg .subtitle{fill:var(--dim)}\
       svg .label{fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3px}\
       svg .on-dark{fill:#fff}svg .on-light{fill:#111}"

/// The variables of a colour scheme.
let scheme (inks: string list) (paper: string) (text: string) (dim: string) (line: string) (frame: string) =
    String.concat "" [ for i, ink in List.indexed inks -> $"--s{i}:{ink};" ]
    + $"--paper:{paper};--text:{text};--dim:{dim};--line:{line};--frame:{frame};"

let lightScheme = scheme Palette.light "#ffffff" "#1b1f24" "#5c6570" "#eceff2" "#b9c0c8"
let darkScheme = scheme Palette.dark "#15191e" "#e6e9ec" "#9aa4af" "#262c33" "#4a545f"

/// Wraps a text into lines of at most `most` characters.
let private folded most (text: string) =
    ([], text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
    ||> Array.fold (fun lines word ->
        match lines with
        | (line: string) :: rest when line.Length + 1 + word.Length <= most -> line + " " + word :: rest
        | _ -> word :: lines)
    |> List.rev

let private sign key (x: float) (y: float) =
    match key with
    | Symbol(ink, says) -> symbol false ink (x + 6.0) (y - 4.0) 4.2 "", says
    | Streak(ink, says) -> $"<path {asLine ink}{dashed ink} d=\"M{at x} {at (y - 4.0)}h14\"/>", says
    | Dashed(ink, dotted, says) ->
        let kind = if dotted then "rule dotted" else "rule"
        $"<path {drawn kind ink} d=\"M{at x} {at (y - 4.0)}h14\"/>", says
    | Patch(ink, says) -> $"<rect {asBox ink} x=\"{at x}\" y=\"{at (y - 9.0)}\" width=\"14\" height=\"10\"/>", says
    | Ramp(low, high) ->
        let boxes =
            Palette.steps 24
            |> Array.mapi (fun i rgb ->
                $"<rect x=\"{at (x + 3.0 * float i)}\" y=\"{at (y - 9.0)}\" width=\"3.2\" height=\"10\" fill=\"{Palette.hex rgb}\"/>")
            |> String.concat ""
        boxes, $"{low} to {high}"

let private signWidth key =
    match key with
    | Ramp _ -> 78.0
    | _ -> 20.0

/// The symbol of a key, for a legend in HTML.
let keySign (key: Key) =
    let width = signWidth key - 4.0
    let drawn, says = sign key 0.0 11.0
    $"<svg class=\"key\" viewBox=\"0 0 {at width} 14\" width=\"{at width}\" height=\"14\" aria-hidden=\"true\">{drawn}</svg>", says

/// The whole figure as one file: title, panels, keys and caption, 960 pixels wide. It follows the reader's light or dark setting, and is
/// light in print.
let standalone (figure: Figure) =
    let width, margin = 960.0, 8.0
    let builder = StringBuilder()
    let say (text: string) = builder.Append(text).Append('\n') |> ignore
    let panels, headings, height = Layout.laid (width - 2.0 * margin) figure
    let head = 30.0

    for heading, y in headings do
        say (words "heading" "start" margin (head + y + 10.0) heading)

    for i, (panel, x, y) in List.indexed panels do
        let inside = content ("p" + whole i) (image "") panel
        say $"<g transform=\"translate({at (margin + x)} {at (head + y)})\">{inside}</g>"

    let mutable y = head + height
    let mutable x = 8.0

    for key in figure.Keys do
        let _, says = sign key 0.0 0.0
        let room = signWidth key + Layout.wide (Text.short Layout.longest says) + 16.0

        if x > 8.0 && x + room > width then
            x <- 8.0
            y <- y + 18.0

        say (fst (sign key x (y + 10.0)) + words "key" "start" (x + signWidth key) (y + 10.0) says)
        x <- x + room

    if not figure.Keys.IsEmpty then y <- y + 24.0

    for line in folded 150 figure.Caption do
        say $"<text class=\"caption\" x=\"8\" y=\"{at (y + 10.0)}\">{Html.escaped line}</text>"
        y <- y + 15.0

    let title = Html.escaped figure.Title

    let sheet =
        $":root{{{lightScheme}--sans:Helvetica,Arial,sans-serif}}\
          @media screen and (prefers-color-scheme:dark){{:root{{{darkScheme}}}}}{style}\
          svg .heading{{font-weight:600;font-size:12px}}svg .caption{{fill:var(--dim)}}svg{{background:var(--paper)}}"

    let box = $"viewBox=\"0 0 {at width} {at (y + 12.0)}\" width=\"{at width}\" height=\"{at (y + 12.0)}\""

    $"<svg xmlns=\"http://www.w3.org/2000/svg\" {box} role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n\
      <style>{sheet}</style>\n<text class=\"title\" x=\"8\" y=\"18\">{title}</text>\n{builder}</svg>\n"
