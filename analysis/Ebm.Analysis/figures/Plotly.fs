/// A figure as Plotly's JSON, to zoom into and point at: the same panels and marks as `Svg` draws. Colours are names of the page's
/// variables behind an @, which the page's script looks up, so that the figure follows light and dark; pictures are named by the id under
/// which the page holds them.
module Ebm.Analysis.Plotly

open System
open System.Text.Json
open Ebm.Records
open Ebm.Analysis.Figure

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

/// Plotly reads a little markup in texts, and TeX between dollars; here there is none.
let private plain (text: string) = text.Replace("&", "&amp;").Replace("<", "&lt;").Replace("$", "&#36;")

let private gap = 18.0

/// Where each panel lies, rows wrapped as on a page of this width: left, top, and the whole height. Headings stand above their rows.
let private laid width (figure: Figure) =
    let mutable y = 4.0
    let places = ResizeArray<Panel * float * float>()
    let headings = ResizeArray<string * float>()

    for row in figure.Rows do
        if row.Heading <> "" then
            headings.Add(row.Heading, y)
            y <- y + 22.0

        let mutable x, tallest = 0.0, 0.0

        for panel in row.Panels do
            let wide, high = Svg.size panel

            if x > 0.0 && x + wide > width then
                x <- 0.0
                y <- y + tallest + gap
                tallest <- 0.0

            places.Add(panel, x, y)
            x <- x + wide + gap
            tallest <- max tallest high

        y <- y + tallest + gap

    List.ofSeq places, List.ofSeq headings, y

let private write (width: float) (figure: Figure) (json: Utf8JsonWriter) =
    let places, headings, height = laid width figure
    let text (name: string) (value: string) = json.WriteString(name, value)

    let number (name: string) (value: float) =
        if Double.IsFinite value then json.WriteNumber(name, Math.Round(value, 9)) else json.WriteNull name

    let numbers (name: string) (values: float seq) =
        json.WriteStartArray name

        for value in values do
            // Five digits: more than a screen has.
            if Double.IsFinite value then
                json.WriteRawValue(value.ToString("G5", Globalization.CultureInfo.InvariantCulture))
            else
                json.WriteNullValue()

        json.WriteEndArray()

    let texts (name: string) (values: string seq) =
        json.WriteStartArray name
        Seq.iter (fun (value: string) -> json.WriteStringValue value) values
        json.WriteEndArray()

    let within (name: string) write =
        json.WriteStartObject name
        write ()
        json.WriteEndObject()

    let suffix i = if i = 0 then "" else string (i + 1)

    let trace i (mode: string) points says write =
        json.WriteStartObject()
        text "type" "scatter"
        text "mode" mode
        text "xaxis" ("x" + suffix i)
        text "yaxis" ("y" + suffix i)
        numbers "x" (Seq.map fst points)
        numbers "y" (Seq.map snd points)
        json.WriteBoolean("showlegend", false)

        match says with
        | [] -> text "hoverinfo" "skip"
        | [ one ] ->
            text "name" (plain one)
            text "hoverinfo" "x+y+name"
        | many ->
            texts "text" (List.map plain many)
            text "hoverinfo" "text"

        write ()
        json.WriteEndObject()

    let outlined (colour: string) (width: float) (dash: string) () =
        within "line" (fun () ->
            text "color" colour
            number "width" width
            if dash <> "" then text "dash" dash)

    let filled (colour: string) () =
        text "fill" "toself"
        text "fillcolor" colour
        within "line" (fun () -> number "width" 0.0)

    let marked hollow shade size () =
        within "marker" (fun () ->
            text "symbol" (symbol hollow shade)
            text "color" (ink shade "")
            number "size" size)

    let mark i (mark: Mark) =
        match mark with
        | Band(shade, points) ->
            let outline = [ for x, _, high in points -> x, high ] @ List.rev [ for x, low, _ in points -> x, low ]
            trace i "lines" outline [] (filled (ink shade "/0.16"))
        | Line(shade, faint, says, points) ->
            let says = if says = "" then [] else [ says ]
            trace i "lines" points says (outlined (ink shade (if faint then "/0.45" else "")) (if faint then 1.0 else 2.0) "")
        | Stroke(shade, a, b) -> trace i "lines" [ a.X, a.Y; b.X, b.Y ] [ a.Says; b.Says ] (outlined (ink shade "/0.4") 5.0 "")
        | Rule(shade, dotted, points) -> trace i "lines" points [] (outlined (ink shade "") 1.3 (if dotted then "dot" else "dash"))
        | Cloud(shade, points) ->
            trace i "markers" points [] (fun () ->
                within "marker" (fun () ->
                    text "color" (ink shade "/0.55")
                    number "size" 2.5))
        | Dots(shade, hollow, points) ->
            // Two texts at least make an array of them.
            let says = points |> List.map _.Says
            trace
                i
                "markers"
                [ for point in points -> point.X, point.Y ]
                (if says.Length = 1 then says @ [ "" ] else says)
                (marked hollow shade (if hollow then 7.0 else 10.0))
        | Boxes(shade, boxes) ->
            for l, r, b, t, says in boxes do
                trace i "lines" [ l, b; r, b; r, t; l, t; l, b ] [ says; says ] (filled (ink shade "/0.8"))
        | Words(shade, point) ->
            json.WriteStartObject()
            text "type" "scatter"
            text "mode" "text"
            text "xaxis" ("x" + suffix i)
            text "yaxis" ("y" + suffix i)
            numbers "x" [ point.X ]
            numbers "y" [ point.Y ]
            texts "text" [ plain point.Says ]
            text "hoverinfo" "skip"
            json.WriteBoolean("showlegend", false)

            within "textfont" (fun () ->
                match shade with
                | Shade share -> text "color" (if share < 0.62 then "#ffffff" else "#111111")
                | other -> text "color" (ink other "")

                number "size" 10.0)

            json.WriteEndObject()
        // In the layout.
        | Picture _ -> ()

    let axis name other i low high (axis: Axis) =
        within (name + "axis" + suffix i) (fun () ->
            text "anchor" (other + suffix i)
            numbers "domain" [ low; high ]
            text "type" (if axis.Scale = Log then "log" else "linear")

            let end' value = if axis.Scale = Log then log10 value else value
            numbers "range" [ end' axis.Low; end' axis.High ]

            if axis.Ticks.IsEmpty then
                json.WriteBoolean("showticklabels", false)
                text "ticks" ""
                json.WriteBoolean("showgrid", false)
            else
                numbers "tickvals" (axis.Ticks |> List.map fst)
                texts "ticktext" (axis.Ticks |> List.map (fun (_, says) -> plain (Text.short 40 says)))

            if axis.Title <> "" then
                within "title" (fun () ->
                    text "text" (plain axis.Title)
                    number "standoff" 4.0)

            json.WriteBoolean("zeroline", false)
            json.WriteBoolean("showline", true)
            json.WriteBoolean("mirror", true)
            text "linecolor" "@frame"
            text "gridcolor" "@line"
            text "tickcolor" "@dim")

    json.WriteStartObject()
    json.WriteStartArray "data"

    for i, (panel, _, _) in List.indexed places do
        if
            panel.Marks
            |> List.forall (function
                | Picture _ -> true
                | _ -> false)
        then
            // An axis without a trace is not drawn.
            trace i "markers" [ panel.X.Low, panel.Y.Low ] [] (fun () -> within "marker" (fun () -> number "opacity" 0.0))

        List.iter (mark i) panel.Marks

    json.WriteEndArray()
    json.WriteStartObject "layout"
    number "width" width
    number "height" height
    within "margin" (fun () ->
        for side in [ "l"; "r"; "t"; "b" ] do
            number side 0.0)
    text "hovermode" "closest"
    text "dragmode" "zoom"
    text "paper_bgcolor" "@paper"
    text "plot_bgcolor" "@paper"

    within "font" (fun () ->
        text "color" "@text"
        number "size" 11.0
        text "family" "system-ui, sans-serif")

    for i, (panel, x, y) in List.indexed places do
        let left, top, wide, high = Svg.inner panel
        axis "x" "y" i ((x + left) / width) ((x + left + wide) / width) panel.X
        axis "y" "x" i (1.0 - (y + top + high) / height) (1.0 - (y + top) / height) panel.Y

    json.WriteStartArray "images"

    for i, (panel, _, _) in List.indexed places do
        for mark in panel.Marks do
            match mark with
            | Picture(raster, l, r, b, t) ->
                json.WriteStartObject()
                text "source" ("#" + raster.Id)
                text "xref" ("x" + suffix i)
                text "yref" ("y" + suffix i)
                // Placed by its upper left corner as it is seen, whichever way the axis runs.
                number "x" (min l r)
                number "y" (if panel.Y.Low <= panel.Y.High then max b t else min b t)
                number "sizex" (abs (r - l))
                number "sizey" (abs (t - b))
                text "sizing" "stretch"
                text "layer" "below"
                json.WriteEndObject()
            | _ -> ()

    json.WriteEndArray()
    json.WriteStartArray "annotations"

    let annotation (says: string) (x: float) (y: float) anchor size colour =
        json.WriteStartObject()
        text "text" (plain says)
        text "xref" "paper"
        text "yref" "paper"
        number "x" (x / width)
        number "y" (1.0 - y / height)
        text "xanchor" anchor
        text "yanchor" "bottom"
        json.WriteBoolean("showarrow", false)

        within "font" (fun () ->
            number "size" size
            text "color" colour)

        json.WriteEndObject()

    for panel, x, y in places do
        let left, top, wide, _ = Svg.inner panel
        let middle = x + left + wide / 2.0
        let second = Svg.second panel
        if second <> "" then annotation second middle (y + top - 1.0) "center" 10.5 "@dim"

        if panel.Title <> "" then
            annotation panel.Title middle (y + top - (if second = "" then 1.0 else 16.0)) "center" 12.0 "@text"

    for heading, y in headings do
        annotation heading 0.0 (y + 18.0) "left" 12.0 "@text"

    json.WriteEndArray()
    json.WriteEndObject()
    json.WriteEndObject()

/// The JSON of a figure, `{"data": …, "layout": …}`, for a page of this width in pixels.
let json (width: float) (figure: Figure) = JsonText.ForPage(write width figure)
