/// Colours that people with the common forms of colour blindness can tell apart: those of Okabe and Ito (2008,
/// https://jfly.uni-koeln.de/color) for categories, with a lighter set for dark pages, and viridis (van der Walt and Smith 2015) for
/// quantities, because its lightness increases monotonically.
module Ebm.Analysis.Palette

open System
open System.Globalization

/// For white pages. An olive replaces Okabe and Ito's yellow, which is too light on white, and a grey replaces black, the colour of text.
let light = [ "#0072b2"; "#d55e00"; "#009e73"; "#cc79a7"; "#e69f00"; "#56b4e9"; "#8a7a00"; "#7f7f7f" ]

/// The same hues for dark pages.
let dark = [ "#4c9fe0"; "#f0813c"; "#2fc39b"; "#e59cc4"; "#f2b544"; "#9ad6fb"; "#cdbf3a"; "#a8a8a8" ]

let private anchors =
    [| "440154"; "482475"; "414487"; "355f8d"; "2a788e"; "21918c"; "22a884"; "44bf70"; "7ad151"; "bddf26"; "fde725" |]
    |> Array.map (fun hex -> [| for i in 0..2 -> float (Convert.ToInt32(hex.Substring(2 * i, 2), 16)) |])

/// Red, green and blue at a position of the sequential map, 0 to 1.
let shade (at: float) =
    let at = Math.Clamp(at, 0.0, 1.0) * float (anchors.Length - 1)
    let below = min (int at) (anchors.Length - 2)
    let share = at - float below
    Array.map2 (fun a b -> byte (Math.Round(a + share * (b - a): float))) anchors[below] anchors[below + 1]

let hex (rgb: byte[]) = "#" + (Convert.ToHexString rgb).ToLowerInvariant()

/// The map as the palette of an indexed image, in `count` steps.
let steps count = [| for i in 0 .. count - 1 -> shade (float i / float (count - 1)) |]

/// The map as a CSS gradient.
let gradient =
    let stops = steps 11 |> Array.mapi (fun i rgb -> hex rgb + " " + (10 * i).ToString CultureInfo.InvariantCulture + "%")
    "linear-gradient(90deg, " + String.Join(", ", stops) + ")"
