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

/// A figure of a page; the page has the pictures of `Svg.definitions`.
let figure answering (one: Figure.Figure) : XmlNode =
    // Panels are numbered across all rows.
    let before = one.Rows |> List.scan (fun count row -> count + row.Panels.Length) 0

    figure [
        named one.Id
        match answering with
        | Never -> ()
        | AtAClick -> flag "data-plot"
        | AtOnce -> attribute "data-plot" "at-once"
    ] [
        div [ ofClass "head" ] [ h3 [] [ text one.Title ] ]
        for first, row in Seq.zip before one.Rows do
            if row.Heading <> "" then h4 [] [ bdi row.Heading ]
            div [ ofClass "panels" ] [
                for i, panel in List.indexed row.Panels do
                    rawText (Svg.panel one (first + i) panel)
            ]
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

let private width = 1120.0

/// The data for interactive figures, as blocks of the page.
let plots (figures: Figure.Figure list) = [ for one in figures -> Frame.block ("plot-" + one.Id) (Plotly.json width one) ]
