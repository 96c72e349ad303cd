/// A figure as data: panels with axes and marks, described by what they show. `Svg` draws it for paper and page, and `Plotly` for
/// interaction, so both show the same.
module Ebm.Analysis.Figure

open System
open System.Globalization

/// The role of a mark's colour. The page's style gives the colours, one set for light and one for dark pages.
type Ink =
    /// The i-th series. After the last colour, colours repeat with another symbol or dash.
    | Series of int
    /// The background: references, frames.
    | Muted
    /// The colour of text.
    | Strong
    /// A place on the sequential colour map, 0 to 1.
    | Shade of float

type Scale =
    | Linear
    | Log

/// If Low is above High, the axis runs downwards. Positions on a logarithmic axis are positive.
type Axis = { Title: string; Scale: Scale; Low: float; High: float; Ticks: (float * string) list }

type Point = { X: float; Y: float; Says: string }

/// A picture as PNG bytes. Equal pictures have the same id, so that a page contains each once.
type Raster = { Id: string; Png: byte[]; Smooth: bool }

type Mark =
    /// The area between two lines: x, low, high.
    | Band of Ink * (float * float * float) list
    /// Faint lines are single runs; strong ones are their mean.
    | Line of Ink * faint: bool * says: string * (float * float) list
    /// A thick straight line: an interval.
    | Stroke of Ink * Point * Point
    /// A dashed or dotted line: a reference.
    | Rule of Ink * dotted: bool * (float * float) list
    /// Symbols; hollow ones are single runs.
    | Dots of Ink * hollow: bool * Point list
    /// Many small points without texts: rows of samples.
    | Cloud of Ink * (float * float) list
    /// Filled boxes: left, right, bottom, top, and text.
    | Boxes of Ink * (float * float * float * float * string) list
    /// A picture: left, right, bottom, top.
    | Picture of Raster * float * float * float * float
    /// Centred text at a point; on a shade, in white or black.
    | Words of Ink * Point

type Panel = {
    Title: string
    /// A smaller second line, usually a number.
    Subtitle: string
    /// A legend of this panel, beside the second line.
    Tags: (Ink * string) list
    X: Axis
    Y: Axis
    Marks: Mark list
    /// Width and height of the plotting area, in pixels of the page.
    Size: int * int
}

type Key =
    | Symbol of Ink * string
    | Streak of Ink * string
    | Patch of Ink * string
    | Dashed of Ink * dotted: bool * string
    /// The colour map, with the meaning of its ends.
    | Ramp of low: string * high: string

/// Panels in one row, under a heading if there are several rows.
type Row = { Heading: string; Panels: Panel list }

type Figure = {
    /// The file's name and the anchor: letters, digits and hyphens.
    Id: string
    Title: string
    Caption: string
    Keys: Key list
    Rows: Row list
}

let private invariant = CultureInfo.InvariantCulture

/// A number without an exponent between 1e−4 and 1e12, or as 2e−5 with at most this many decimals.
let private written decimals (value: float) =
    let plain (value: float) = (Math.Round(decimal value, 12)).ToString("0.############", invariant)

    let text =
        match abs value with
        | _ when Double.IsNaN value -> "NaN"
        | size when Double.IsInfinity size -> if value > 0.0 then "∞" else "-∞"
        | 0.0 -> "0"
        | size when size >= 1e12 || size < 1e-4 -> value.ToString("0." + String('#', decimals) + "e-0", invariant)
        | size when size >= 1e9 -> plain (value / 1e9) + " G"
        | size when size >= 1e6 -> plain (value / 1e6) + " M"
        | size when size >= 1e4 -> plain (value / 1e3) + " k"
        | _ -> plain value

    text.Replace('-', '−')

/// A number in a few characters: 0.02, 2e−5, 500 k, 2 M, with a typographic minus.
let brief (value: float) = written 2 value

/// A number rounded to significant digits, for texts in a figure.
let rounded (digits: int) (value: float) =
    if value = 0.0 || not (Double.IsFinite value) then
        brief value
    else
        let unit = Math.Pow(10.0, float (int (floor (log10 (abs value))) - digits + 1))
        brief (if unit >= 1.0 then Math.Round(value / unit) * unit else Math.Round(value / unit) / Math.Round(1.0 / unit))

/// The distance of ticks, 1, 2 or 5 times a power of ten, for about `count` ticks.
let private steps count low high =
    let rough = (high - low) / float count
    let power = Math.Pow(10.0, floor (log10 rough))

    power
    * (match rough / power with
       | ratio when ratio < 1.5 -> 1.0
       | ratio when ratio < 3.5 -> 2.0
       | ratio when ratio < 7.5 -> 5.0
       | _ -> 10.0)

let private room = 0.05

/// Values beyond these are drawn at the border, because their differences are not numbers.
let private largest, smallest = 1e300, 1e-290

/// Bounds that differ in their first nine digits. Others agree in all digits that a label could have.
let private apart low high =
    let low, high = Math.Clamp(low, -largest, largest), Math.Clamp(high, -largest, largest)
    let size = max (abs low) (abs high)

    if high - low > 1e-9 * size && size > smallest then low, high
    elif size <= smallest then -0.5, 0.5
    else low - 0.1 * size, low + 0.1 * size

/// An axis with exactly these bounds, unless they are equal, and about `count` round ticks.
let between title count low high =
    let low, high = apart low high
    let step = steps count low high
    let first, last = ceil (low / step - 1e-9), floor (high / step + 1e-9)

    let scaled = [
        for i in 0 .. int (last - first) do
            let value = (first + float i) * step
            // Divides, because in floating point 3 × 0.1 is not 0.3.
            let value = if step < 1.0 then (first + float i) / Math.Round(1.0 / step) else value
            let decimals = if value = 0.0 then 2 else Math.Clamp(int (ceil (log10 (abs value / step))) + 1, 2, 12)
            value, written decimals value
    ]

    { Title = title; Scale = Linear; Low = low; High = high; Ticks = scaled }

/// An axis that contains all values, with a margin.
let over title count (values: float seq) =
    match values |> Seq.filter Double.IsFinite |> List.ofSeq with
    | [] -> between title count 0.0 1.0
    | finite ->
        let low, high = apart (List.min finite) (List.max finite)
        let around = (high - low) * room
        between title count (low - around) (high + around)

/// A logarithmic axis that contains all positive values. It has ticks at powers of ten, and over few decades also between them.
let powers title (values: float seq) =
    let finite = values |> Seq.filter (fun value -> Double.IsFinite value && value > 0.0) |> List.ofSeq
    let within value = Math.Clamp(value, smallest, largest)
    let low, high = if finite.IsEmpty then 0.1, 1.0 else within (List.min finite), within (List.max finite)
    let around = max ((log10 high - log10 low) * room) 0.05
    let low, high = log10 low - around, log10 high + around
    let decades = [ int (floor low) .. int (ceil high) ]
    let every = max 1 (int (ceil ((high - low) / 5.0)))

    let ticks = [
        for power in decades do
            for digit in
                (if high - low <= 1.2 then [ 1; 2; 3; 5 ]
                 elif high - low <= 2.2 then [ 1; 3 ]
                 else [ 1 ]) do
                let text = (decimal digit).ToString invariant + "e" + power.ToString invariant
                let value = Double.Parse(text, invariant)

                if (digit > 1 || (power % every + every) % every = 0) && log10 value >= low - 1e-9 && log10 value <= high + 1e-9 then
                    value, brief value
    ]

    let low, high = Math.Pow(10.0, low), Math.Pow(10.0, high)

    {
        Title = title
        Scale = Log
        Low = low
        High = high
        // A range that contains fewer than two of these ticks is narrow enough for those of a linear axis.
        Ticks = (if ticks.Length < 2 then (between "" 3 low high).Ticks else ticks)
    }

/// An axis for names, the first at the top (or left), with half a position of margin at both ends.
let names title downwards (names: string list) =
    let ticks = names |> List.mapi (fun i name -> float i, name)
    let last = float names.Length - 0.5
    let low, high = if downwards then last, -0.5 else -0.5, last
    { Title = title; Scale = Linear; Low = low; High = high; Ticks = ticks }

/// An axis without ticks or title, for pictures.
let bare low high = { Title = ""; Scale = Linear; Low = low; High = high; Ticks = [] }

/// A logarithmic axis if all values are positive and span more than a factor of thirty, else a linear one.
let fitting title count (values: float list) =
    let finite = values |> List.filter Double.IsFinite

    if not finite.IsEmpty && List.min finite > 0.0 && List.max finite > 30.0 * List.min finite then
        powers title finite
    else
        over title count finite

/// The position of a value on an axis, 0 at the low end and 1 at the high end; NaN if it has none.
let place (axis: Axis) value =
    match axis.Scale with
    | Linear -> (value - axis.Low) / (axis.High - axis.Low)
    | Log when value > 0.0 -> (log value - log axis.Low) / (log axis.High - log axis.Low)
    | Log -> nan

/// The nearest position inside an axis.
let inside (axis: Axis) value = Math.Clamp(value, min axis.Low axis.High, max axis.Low axis.High)

/// Whether an axis does not contain a value.
let outside (axis: Axis) value = Double.IsFinite value && inside axis value <> value
