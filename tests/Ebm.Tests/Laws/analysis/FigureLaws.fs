/// Figures as data: round ticks in place, correct intervals and fronts, and pictures with the pixels that were drawn.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.FigureLaws

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.Text
open Ebm.Analysis
open Ebm.Analysis.Figure
open Ebm.Records
open Ebm.Tests.Law
open Ebm.Tests.RunFolders

// ── pictures ────────────────────────────────────────────────────────────────────────────────

/// The indices of a paletted PNG, decoded by the rules of the format: chunks, one deflate stream, filters 0 and 2.
let private indices (png: byte[]) =
    let number at = int (BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(png, at, 4)))
    let width, height = number 16, number 20

    let rec data at =
        if Encoding.ASCII.GetString(png, at + 4, 4) = "IDAT" then png[at + 8 .. at + 7 + number at] else data (at + 12 + number at)

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

/// The labels of a panel at its width: they are inside it, and none touches the next. `shown` gives the ticks that are drawn.
let private haveRoom (shown: Panel -> Layout.Placed -> Panel) (x: Axis) (y: Axis) =
    let panel = { Title = ""; Subtitle = ""; Tags = []; X = x; Y = y; Marks = []; Size = 205, 120 }

    for width in [ 240.0; Layout.phone; 558.0; Layout.desk ] do
        let placed = Layout.placed width panel
        let drawn = shown panel placed

        let across = [
            for value, label in drawn.X.Ticks do
                let middle = placed.Left + place x value * placed.Wide
                let half = Layout.wide (Text.short Layout.longest label) / 2.0
                middle - half, middle + half
        ]

        let heights = drawn.Y.Ticks |> List.map (fun (value, _) -> (1.0 - place y value) * placed.High)
        must $"no label at {width} pixels" (not across.IsEmpty && not heights.IsEmpty)
        must $"labels at %A{across} leave {width} pixels" (across |> List.forall (fun (left, right) -> left > -1.0 && right < width + 1.0))
        must $"labels at %A{across} touch" (List.pairwise across |> List.forall (fun ((_, right), (left, _)) -> left - right > 3.0))
        must $"labels at heights %A{heights} touch" (List.pairwise heights |> List.forall (fun (a, b) -> abs (a - b) >= Layout.fontSize))

/// Axes over two values: as they are, tiny, huge, negative, equal, and logarithmic.
let private axes (a: float) (b: float) (power: int) = [
    let far = Math.Pow(10.0, float (power % 290))
    let size value = if Double.IsFinite(value * far) then value * far else value

    for values in
        [ [ a; b ]; [ size a; size b ]; [ -abs(size a); -abs(size b) ]; [ size a; size a ]; [ a; a * (1.0 + 1e-8) ]; [ 0.0; size b ] ] do
        over "" 4 values
        fitting "" 4 values

    for values in [ [ abs a; abs b ]; [ abs (size a); abs b ]; [ abs (size a); abs (size a) ]; [ abs a; 1.5 * abs a ] ] do
        powers "" values
]

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
        Metrics = Map [ "kl", { metric Direction.Lower value with N = None; Protocol = None } ]
}

/// Kinds a to f by cost; c, e and f are worse than one that costs no more.
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

/// The bar of each group, by its position from the top.
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
            $"bar {i} is {drawnLow} to {drawnHigh}, {low} to {high} is expected"
            (abs (drawnLow - low) < 1e-12 && abs (drawnHigh - high) < 1e-12)

// ── searches ────────────────────────────────────────────────────────────────────────────────

let private numbered (i: int) = i.ToString Globalization.CultureInfo.InvariantCulture

/// A search of sixteen trials: the value follows the rate, not the width; the units differ.
let private searched =
    let generator = Generator 5UL
    let rates = [| for i in 1..16 -> 0.001 * float ((7 * i) % 17) |]

    let runs = [
        for i, rate in Array.indexed rates do
            let one = run "a" 0 (100L + int64 (10 * i)) (rate + 0.0001 * float (generator.Below 10))
            let config =
                one.Config
                    .Add("train.lr", rate.ToString Globalization.CultureInfo.InvariantCulture)
                    .Add("width", numbered (8 * generator.Below 3))
            { one with Id = $"trial-{i}"; Group = $"trial-{i}"; Config = config }
    ]

    let plan: Plans.Plan = {
        Trainings = []
        Overrides = [ [ "s=tpe(16, train.lr=log(1e-4,1e-2))" ] ]
        Metric = Some "kl"
        Baseline = []
        Runs = runs |> List.map _.Id
    }

    { Cast.cast Seq.empty (Table.tabulate "search" runs) with Plans = [ plan ] }, [ for run in runs -> run.Metrics["kl"].Value ]

let private isHistory (due: float list -> float list) =
    let cast, values = searched
    let panels = (Searching.history cast).Head.Rows.Head.Panels
    must $"{panels.Length} panels" (panels.Length = 2 && panels |> List.map _.X.Title = [ "trials"; "units of training, all trials" ])

    for panel, xs in
        List.zip panels [ [ for i in 1..16 -> float i ]; [ for i in 1..16 -> float (Seq.sum [ for j in 0 .. i - 1 -> 100 + 10 * j ]) ] ] do
        let stairs =
            panel
            |> within (function
                | Line(_, false, _, points) -> Some points
                | _ -> None)
            |> List.exactlyOne

        for x, best in List.zip xs (due values) do
            let drawn = stairs |> List.filter (fun (at, _) -> at <= x) |> List.last |> snd
            must $"at {x} the best is {drawn}, {best} is expected" (drawn = best)

let private soFar (values: float list) = values |> List.scan min infinity |> List.tail

/// Of searches whose setting has no effect, at most 5 % and three standard errors exceed the line of chance.
let private isChance (line: float -> float) =
    let searches, trials = 400, 20
    let generator = Generator 11UL
    let draw () = float (generator.Next() >>> 11)

    let above =
        [ 1..searches ]
        |> List.filter (fun _ ->
            let labels = [| for _ in 1..trials -> numbered (generator.Below 1000000) |]
            let groups = Searching.groupsOf labels
            Searching.shareOf trials groups [| for _ in 1..trials -> draw () |] > line (Searching.chanceOf trials 3))
        |> List.length

    let rate = float above / float searches
    must $"{rate} of searches exceed the line" (rate <= 0.05 + 3.0 * sqrt (0.05 * 0.95 / float searches) && rate > 0.005)

let private tellsApart (labels: string[] -> string[]) =
    let cast, values = searched
    let label key = [| for one in cast.Members -> one.Row.Runs.Head.Config[key] |]
    let values = [| for one in cast.Members -> one.Row.Runs.Head.Metrics["kl"].Value |]
    let share key = Searching.importance (Generator 3UL) key (labels (label key)) values |> Option.get
    let rate = share "train.lr"
    must $"the rate's share is {rate}" (rate.Share > 0.7 && rate.Low > rate.Chance && rate.Low <= rate.Share && rate.Share <= rate.High)
    let width = share "width"
    must $"the width's share is {width}" (width.Share < 0.35 && width.Low = 0.0)

// ── as XPlot's types ────────────────────────────────────────────────────────────────────────

let private hostile = "</script><b>'$x$ & ünïcode"

/// Three panels: lines with gaps, a picture with a text on it, and an empty one.
let private several =
    let picture = Picture({ Id = "r1"; Png = [||]; Smooth = false }, -0.5, 1.5, 1.5, -0.5)
    let gap = Line(Series 1, false, hostile, [ 0.0, 1.0 / 3.0; 1.0, nan; 2.0, infinity; 3.0, 123456.789 ])
    let says = Dots(Series 0, true, [ { X = 1.0; Y = 2.0; Says = hostile } ])

    let panel title tags x y marks = { Title = title; Subtitle = ""; Tags = tags; X = x; Y = y; Marks = marks; Size = 200, 100 }

    {
        Id = "several"
        Title = hostile
        Caption = ""
        Keys = []
        Rows = [
            {
                Heading = hostile
                Panels = [ panel hostile [ Series 0, hostile ] (between "x" 4 0.0 3.0) (powers "y" [ 0.1; 1e6 ]) [ gap; says ] ]
            }
            {
                Heading = ""
                Panels = [
                    panel "picture" [] (names "to" false [ "0"; "1" ]) (names "from" true [ "0"; "1" ]) [
                        picture
                        Words(Shade 0.1, { X = 0.0; Y = 0.0; Says = hostile })
                    ]
                    panel "" [] (bare 0.0 1.0) (bare 0.0 1.0) []
                ]
            }
        ]
    }

let private numbers (json: Json.JsonElement) =
    let rec within (json: Json.JsonElement) = [
        match json.ValueKind with
        | Json.JsonValueKind.Number -> json.GetRawText()
        | Json.JsonValueKind.Array -> yield! json.EnumerateArray() |> Seq.collect within
        | Json.JsonValueKind.Object -> yield! json.EnumerateObject() |> Seq.collect (fun property -> within property.Value)
        | _ -> ()
    ]

    within json

/// The JSON for plotly.js of `several`, changed by `change`.
let private isTold (change: string -> string) =
    let text = change (Plotly.json 1000.0 several)
    must "the text differs the second time" (text = change (Plotly.json 1000.0 several))
    must "a text can end the script around it" (not (text.Contains '<'))
    use document = Json.JsonDocument.Parse text
    let data, layout = document.RootElement.GetProperty "data", document.RootElement.GetProperty "layout"
    let digits (number: string) = (RegularExpressions.Regex.Match(number, "[1-9.][0-9.]*").Value.Replace(".", "").TrimStart '0').Length
    let long = numbers document.RootElement |> List.filter (fun number -> digits number > 5)
    must $"numbers as long as %A{List.truncate 3 long}" long.IsEmpty
    let line = data[0]
    let y = [ for value in line.GetProperty("y").EnumerateArray() -> value.GetRawText() ]
    must $"the line's heights are %A{y}" (y = [ "0.33333"; "null"; "null"; "1.2346E+05" ])

    for axis in [ "xaxis"; "yaxis"; "xaxis2"; "yaxis2"; "xaxis3"; "yaxis3" ] do
        must $"{axis} is not there" (fst (layout.TryGetProperty axis))
        let isUsed =
            data.EnumerateArray()
            |> Seq.exists (fun trace -> (trace.GetProperty(axis.Substring(0, 5))).GetString() = axis.Replace("axis", ""))
        must $"{axis} has no trace, so it is not drawn" isUsed

    let title = layout.GetProperty("xaxis").GetProperty "title"
    must "an axis' title is not an object" (title.ValueKind = Json.JsonValueKind.Object && title.GetProperty("text").GetString() = "x")
    must "the logarithm is lost" (layout.GetProperty("yaxis").GetProperty("type").GetString() = "log")
    let pictures = [
        for picture in layout.GetProperty("images").EnumerateArray() ->
            picture.GetProperty("source").GetString(), picture.GetProperty("xref").GetString()
    ]
    must $"pictures are %A{pictures}" (pictures = [ "#r1", "x2" ])
    must "lines are drawn over a picture" (not (layout.GetProperty("xaxis2").GetProperty("showgrid").GetBoolean()))

    let words = [ for words in layout.GetProperty("annotations").EnumerateArray() -> string (words.GetProperty("text").GetString()) ]
    let written = "&lt;/script>&lt;b>'&#36;x&#36; &amp; ünïcode"
    must $"the words are %A{words}" (words = [ $"""<span style="color:@s0">{written}</span>"""; written; "picture"; written ])

let all = [
    law
        "plotly.js gets every panel, trace, picture and text of a figure, with numbers of five digits or null, and no text ends a script"
        (fun () -> isTold id)
    |> breaks "NaN as a text" (fun () -> isTold (_.Replace("null", "\"NaN\"")))
    |> breaks "a < as it is" (fun () -> isTold (_.Replace("\\u003c", "<")))
    |> breaks "all digits" (fun () -> isTold (_.Replace("0.33333", "0.3333333333333333")))
    |> breaks "axes that XPlot's layout has no name for" (fun () -> isTold (_.Replace("axis3", "axis1")))
    |> breaks "titles as XPlot has them" (fun () ->
        isTold (fun json -> RegularExpressions.Regex.Replace(json, "\"title\":\\{\"text\":(\"[^\"]*\")[^}]*\\}", "\"title\":$1")))
    |> breaks "a layout without pictures" (fun () -> isTold (_.Replace("#r1", "")))

    law "a paletted picture has the pixels that were drawn, with either filter" (fun () -> survives id)
    |> breaks "a row lower" (fun () -> survives (fun drawn -> Array.append (Array.zeroCreate 16) drawn[.. drawn.Length - 17]))

    law "a picture's errors are sentences" (fun () ->
        throws<ArgumentException, _> [ "16 × 31"; "512" ] (fun () -> Png.Paletted(smooth, 16, 31, palette))
        throws<ArgumentException, _> [ "not a valid palette" ] (fun () -> Png.Paletted(smooth, 16, 32, [| 0uy |])))

    forAll
        "ticks are round, in order, inside, and have different labels"
        (fun (low: FsCheck.NormalFloat, size: FsCheck.PositiveInt, power: int) ->
            let span = float size.Get * Math.Pow(10.0, float (power % 8))
            // If the bounds agree in nine digits, their labels may, too.
            let low = Math.Clamp(low.Get, -1e6 * span, 1e6 * span)
            inPlace (between "" 5 low (low + span))
            let from = Math.Pow(10.0, float (power % 8))
            inPlace (powers "" [ from; from * (2.0 + float size.Get) ])
            true)

    forAll
        "axes over any two values have at least two ticks with different labels, and labels that have room at every width"
        (fun (a: FsCheck.NormalFloat, b: FsCheck.NormalFloat, power: int) ->
            for axis in axes a.Get b.Get power do
                inPlace axis
                haveRoom (fun _ placed -> placed.Panel) axis axis

            true)
    |> breaks "all ticks of a long axis" (fun () ->
        let levels = names "" false [ for i in 0..60 -> $"level {i}" ]
        haveRoom (fun panel _ -> panel) levels levels)

    law "the history of a search shows the best value so far, against trials and against the units of all trials" (fun () ->
        isHistory soFar)
    |> breaks "the value of each trial" (fun () -> isHistory id)

    law "a setting without effect exceeds the line of chance in 5 % of searches" (fun () -> isChance id)
    |> breaks "no line" (fun () -> isChance (fun _ -> 0.0))

    law "the setting that a search's results follow has a share far above chance, and one without effect has none" (fun () -> tellsApart id)
    |> breaks "labels of other trials" (fun () -> tellsApart Array.sort)

    law "panels that an earlier figure has are left out, and a figure that would have none" (fun () ->
        let figure id panels = { several with Id = id; Rows = [ { Heading = ""; Panels = panels } ] }
        let panels = several.Rows |> List.collect _.Panels
        let figures = Gallery.distinct [ figure "one" panels[..1]; figure "two" panels; figure "three" [ panels[1]; panels[0] ] ]
        must $"figures are %A{figures |> List.map _.Id}" (figures |> List.map _.Id = [ "one"; "two" ])
        must "a panel is there twice" (figures[1].Rows |> List.collect _.Panels = [ panels[2] ])
        must $"the caption is {figures[1].Caption}" (figures[1].Caption.Contains "2 panels left out"))

    law "the bar of a mean is the table's interval" (fun () -> areIntervals Statistics.studentT)
    |> breaks "one standard error" (fun () ->
        areIntervals (fun values ->
            let low, high = Statistics.studentT values
            let centre, half = (low + high) / 2.0, (high - low) / 2.0 / 4.303
            centre - half, centre + half))

    law "the front has the groups to which no other is better in both quality and cost" (fun () -> isFront unbeaten (front ()))
    |> breaks "every group" (fun () -> isFront id (front ()))

    law "colours rise in lightness along the map, so that a grey copy shows the same" (fun () ->
        let light = Palette.steps 64 |> Array.map (fun rgb -> 0.2126 * float rgb[0] + 0.7152 * float rgb[1] + 0.0722 * float rgb[2])
        must "the map turns back" (light |> Array.pairwise |> Array.forall (fun (a, b) -> b > a)))
]
