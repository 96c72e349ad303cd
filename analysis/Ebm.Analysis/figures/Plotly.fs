/// A figure as XPlot's traces and layout, for zooming and hovering: the same panels and marks as `Svg` draws. Only XPlot's types and their
/// serialisation are used, because its own pages load a script from the network. A colour is an @ and the name of a variable of the page; the
/// page's script replaces it, so that the figure follows light and dark. A picture is the id of one that the page contains.
module Ebm.Analysis.Plotly

open System
open System.Collections.Generic
open System.Globalization
open Newtonsoft.Json
open XPlot.Plotly
open Ebm.Analysis.Figure

// ── additions to XPlot's types ──────────────────────────────────────────────────────────────

/// The title as an object: since version 3, plotly.js ignores a title that is a text, as XPlot's is.
type Title = { text: string; standoff: float }

/// A horizontal or vertical axis; XPlot's types for the two have the same properties. The members here hide XPlot's.
type PanelAxis(title: Title option) =
    inherit Xaxis()
    member _.title = Option.get title
    member _.ShouldSerializetitle() = title.IsSome
    // XPlot writes this property into every axis; plotly.js does not read it.
    member _._isSubplotObj = false
    member _.ShouldSerialize_isSubplotObj() = false

/// A picture below the marks of a panel; x and y are its upper left corner.
type PanelPicture = {
    source: string
    xref: string
    yref: string
    x: float
    y: float
    sizex: float
    sizey: float
    sizing: string
    layer: string
}

/// A layout with any number of panels and with pictures; XPlot's has at most two axes of each direction, and no pictures.
type PanelLayout(images: PanelPicture list) =
    inherit Layout()
    member _.images = images

    /// The axes by their names in the layout: xaxis, yaxis, xaxis2, …
    [<JsonExtensionData>]
    member val axes = SortedDictionary<string, obj>(StringComparer.Ordinal)

// ── marks ───────────────────────────────────────────────────────────────────────────────────

let private ink ink (opacity: string) =
    match ink with
    | Series i -> $"@s{i % Palette.light.Length}{opacity}"
    | Muted -> "@dim" + opacity
    | Strong -> "@text" + opacity
    | Shade share -> Palette.hex (Palette.shade share)

let private symbol hollow ink =
    let plain =
        match ink with
        | Series i -> [ "circle"; "square"; "diamond"; "triangle-up"; "triangle-down" ][i % 5]
        | _ -> "circle"

    if hollow then plain + "-open" else plain

/// Escapes a text, because plotly.js interprets some markup, and TeX between dollar signs.
let private plain (text: string) = text.Replace("&", "&amp;").Replace("<", "&lt;").Replace("$", "&#36;")

/// The name of the i-th axis of a direction: x, x2, x3, …
let private nth direction i = if i = 0 then direction else direction + string (i + 1)

/// The text of a trace when the pointer is over it.
type private Says =
    | Nothing
    | Name of string
    | Each of string list

let private trace i mode (points: (float * float) list) says =
    let trace =
        Scatter(mode = mode, xaxis = nth "x" i, yaxis = nth "y" i, x = List.map fst points, y = List.map snd points, showlegend = false)

    match says with
    | Nothing
    | Each [] -> trace.hoverinfo <- "skip"
    | Name name ->
        trace.name <- plain name
        trace.hoverinfo <- "x+y+name"
    | Each texts ->
        trace.text <- List.map plain texts
        trace.hoverinfo <- "text"

    trace

let private line i points says (colour: string) (width: float) (dash: string) =
    let trace = trace i "lines" points says
    trace.line <- XPlot.Plotly.Line(color = colour, width = width)
    if dash <> "" then trace.line.dash <- dash
    trace

let private area i points says (colour: string) =
    let trace = trace i "lines" points says
    trace.fill <- "toself"
    trace.fillcolor <- colour
    trace.line <- XPlot.Plotly.Line(width = 0.0)
    trace

let private symbols i points says marker =
    let trace = trace i "markers" points says
    trace.marker <- marker
    trace

let private traces i (mark: Mark) =
    match mark with
    | Band(shade, points) ->
        let outline = [ for x, _, high in points -> x, high ] @ List.rev [ for x, low, _ in points -> x, low ]
        [ area i outline Nothing (ink shade "/0.16") ]
    | Line(shade, faint, says, points) -> [
        let says = if says = "" then Nothing else Name says
        line i points says (ink shade (if faint then "/0.45" else "")) (if faint then 1.0 else 2.0) ""
      ]
    | Stroke(shade, a, b) -> [ line i [ a.X, a.Y; b.X, b.Y ] (Each [ a.Says; b.Says ]) (ink shade "/0.4") 5.0 "" ]
    | Rule(shade, dotted, points) -> [ line i points Nothing (ink shade "") 1.3 (if dotted then "dot" else "dash") ]
    | Cloud(shade, points) -> [ symbols i points Nothing (Marker(color = ink shade "/0.55", size = 2.5)) ]
    | Dots(shade, hollow, points) -> [
        symbols
            i
            [ for point in points -> point.X, point.Y ]
            (Each [ for point in points -> point.Says ])
            (Marker(symbol = symbol hollow shade, color = ink shade "", size = (if hollow then 7.0 else 10.0)))
      ]
    | Boxes(shade, boxes) -> [
        for l, r, b, t, says in boxes do
            area i [ l, b; r, b; r, t; l, t; l, b ] (Each [ says; says ]) (ink shade "/0.8")
      ]
    | Words(shade, point) -> [
        let trace = trace i "text" [ point.X, point.Y ] Nothing
        trace.text <- [ plain point.Says ]

        let colour =
            match shade with
            | Shade share -> if share < 0.62 then "#ffffff" else "#111111"
            | other -> ink other ""

        trace.textfont <- Textfont(color = colour, size = Layout.fontSize)
        trace
      ]
    // Pictures are part of the layout.
    | Picture _ -> []

/// The traces of a panel. A panel without marks gets an invisible one, because plotly.js does not draw axes without traces.
let private panelTraces i (panel: Panel) =
    match List.collect (traces i) panel.Marks with
    | [] -> [ symbols i [ panel.X.Low, panel.Y.Low ] Nothing (Marker(opacity = 0.0)) ]
    | traces -> traces

// ── the layout ──────────────────────────────────────────────────────────────────────────────

let private isPictured (panel: Panel) = panel.Marks |> List.exists _.IsPicture

/// An axis between two positions in the figure, from 0 at the lower left corner to 1.
let private axis most other low high isPictured (axis: Axis) =
    let at value = if axis.Scale = Log then log10 value else value
    let title = if axis.Title = "" then None else Some { text = plain axis.Title; standoff = 4.0 }

    let drawn =
        PanelAxis(
            title,
            anchor = other,
            domain = [ low; high ],
            ``type`` = (if axis.Scale = Log then "log" else "linear"),
            range = [ at axis.Low; at axis.High ],
            zeroline = false,
            showline = true,
            mirror = true,
            linecolor = "@frame",
            gridcolor = "@line",
            tickcolor = "@dim"
        )

    if axis.Ticks.IsEmpty then
        drawn.showticklabels <- false
        drawn.ticks <- ""
    else
        drawn.tickvals <- List.map fst axis.Ticks
        drawn.ticktext <- [ for _, says in axis.Ticks -> plain (Text.short most says) ]

    // Grid lines over a picture would look like part of it.
    if axis.Ticks.IsEmpty || isPictured then drawn.showgrid <- false
    drawn

let private images i (panel: Panel) = [
    for mark in panel.Marks do
        match mark with
        | Picture(raster, l, r, b, t) -> {
            source = "#" + raster.Id
            xref = nth "x" i
            yref = nth "y" i
            // The upper left corner on the page, for both directions of the axis.
            x = min l r
            y = (if panel.Y.Low <= panel.Y.High then max b t else min b t)
            sizex = abs (r - l)
            sizey = abs (t - b)
            sizing = "stretch"
            layer = "below"
          }
        | _ -> ()
]

/// The second line; tags are coloured.
let private second (placed: Layout.Placed) =
    let tag (shade, says) = $"""<span style="color:{ink shade String.Empty}">{plain (Text.short placed.Tags says)}</span>"""
    plain (Text.short placed.Subtitles placed.Panel.Subtitle) :: List.map tag placed.Panel.Tags
    |> List.filter ((<>) "")
    |> String.concat "  "

/// The traces and the layout of a figure, for a page with this width in pixels.
let figure (width: float) (figure: Figure) : Scatter list * PanelLayout =
    let places, headings, height = Layout.laid width figure

    let words markup x y anchor size colour =
        Annotation(
            text = markup,
            xref = "paper",
            yref = "paper",
            x = x / width,
            y = 1.0 - y / height,
            xanchor = anchor,
            yanchor = "bottom",
            showarrow = false,
            font = Font(size = size, color = colour)
        )

    let annotations = [
        for placed, x, y in places do
            let top = y + placed.Top
            let middle = x + placed.Left + placed.Wide / 2.0
            let second = second placed
            if second <> "" then words second middle (top - 1.0) "center" Layout.fontSize "@dim"

            match plain (Text.short placed.Titles placed.Panel.Title) with
            | "" -> ()
            | title -> words title middle (top - (if second = "" then 1.0 else 16.0)) "center" (Layout.fontSize + 1.0) "@text"

        for heading, y in headings do
            words (plain heading) 0.0 (y + 18.0) "left" 12.0 "@text"
    ]

    let layout =
        PanelLayout(
            places |> List.mapi (fun i (placed, _, _) -> images i placed.Panel) |> List.concat,
            width = width,
            height = height,
            margin = Margin(l = 0.0, r = 0.0, t = 0.0, b = 0.0),
            hovermode = "closest",
            dragmode = "zoom",
            paper_bgcolor = "@paper",
            plot_bgcolor = "@paper",
            font = Font(color = "@text", size = Layout.fontSize, family = "system-ui, sans-serif"),
            annotations = annotations
        )

    for i, (placed, x, y) in List.indexed places do
        let panel, left, top = placed.Panel, x + placed.Left, y + placed.Top
        let across = axis Layout.longest (nth "y" i) (left / width) ((left + placed.Wide) / width)
        let up = axis placed.Names (nth "x" i) (1.0 - (top + placed.High) / height) (1.0 - top / height)
        layout.axes.Add(nth "xaxis" i, across (isPictured panel) panel.X)
        layout.axes.Add(nth "yaxis" i, up (isPictured panel) panel.Y)

    places |> List.mapi (fun i (placed, _, _) -> panelTraces i placed.Panel) |> List.concat, layout

// ── as text ─────────────────────────────────────────────────────────────────────────────────

/// Numbers with five digits, which is more than a screen resolves; NaN and infinities become null.
type private FiveDigits() =
    inherit JsonConverter<float>()
    override _.CanRead = false
    override _.ReadJson(_, _, _, _, _) = raise (NotSupportedException())

    override _.WriteJson(writer: JsonWriter, value: float, _: JsonSerializer) =
        if Double.IsFinite value then writer.WriteRawValue(value.ToString("G5", CultureInfo.InvariantCulture)) else writer.WriteNull()

/// XPlot's serialisation, with characters escaped that could end the surrounding script.
let private settings = JsonSerializerSettings(StringEscapeHandling = StringEscapeHandling.EscapeHtml, Converters = [| FiveDigits() |])

/// The JSON of a figure, `{"data": …, "layout": …}`, for a page with this width in pixels.
let json (width: float) (drawn: Figure) =
    let traces, layout = figure width drawn
    JsonConvert.SerializeObject({| data = traces; layout = layout |}, settings)
