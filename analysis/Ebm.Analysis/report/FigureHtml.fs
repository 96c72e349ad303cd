/// Figures in a page: as SVG and, if plotly.js is included, as data that makes them interactive.
module Ebm.Analysis.FigureHtml

open Giraffe.ViewEngine
open Ebm.Analysis.Html

/// When a figure becomes interactive.
type Answering =
    | Never
    | AtAClick
    /// At once if the window is wide enough, else on a click.
    | AtOnce

let private key (key: Figure.Key) =
    match key with
    | Figure.Ramp(low, high) ->
        let gradient = span [ ofClass "ramp"; attribute "style" $"background:{Palette.gradient}" ] []
        li [] [ text $"{low} "; gradient; text $" {high}" ]
    | key ->
        let sign, says = Svg.keySign key
        li [] [ rawText sign; bdi says ]

/// The panels of a row, drawn for a column of this width. The style shows one of the two drawings, by the window's width. Panels are
/// numbered across all rows, from `first`.
let private panels kind column (one: Figure.Figure) first (row: Figure.Row) =
    let count = Layout.columns column row.Panels

    let least = int (0.94 * Layout.share column count)

    div [ ofClass $"panels {kind}"; attribute "style" $"--columns:{count};--least:{least}px" ] [
        for i, panel in List.indexed (Layout.row column row.Panels) do
            rawText (Svg.panel one $"{one.Id}-{kind}-{first + i}" panel)
    ]

/// A figure of a page; the page has the pictures of `Svg.definitions`.
let figure answering (one: Figure.Figure) : XmlNode =
    let first = one.Rows |> List.scan (fun count row -> count + row.Panels.Length) 0

    figure [
        named one.Id
        match answering with
        | Never -> ()
        | AtAClick -> flag "data-plot"
        | AtOnce -> attribute "data-plot" "at-once"
    ] [
        div [ ofClass "head" ] [ h3 [] [ text one.Title ] ]
        for first, row in Seq.zip first one.Rows do
            if row.Heading <> "" then h4 [] [ bdi row.Heading ]
            panels "desk" Layout.desk one first row
            panels "phone" Layout.phone one first row
        if answering <> Never then div [ ofClass "plot" ] []
        if not one.Keys.IsEmpty then ul [ ofClass "keys" ] (List.map key one.Keys)
        figcaption [] [ text one.Caption ]
    ]

/// The note of a page without plotly.js.
let still =
    p [ ofClass "small" ] [
        text "These figures are SVG. With npm, "
        code [] [ text "npm ci" ]
        text " in analysis/plotly installs plotly.js, which makes the figures of later pages interactive."
    ]

/// The data for interactive figures, as blocks of the page.
let plots (figures: Figure.Figure list) = [ for one in figures -> Frame.block ("plot-" + one.Id) (Plotly.json Layout.desk one) ]
