/// Words that people read: cut where they are long, and with their number.
module Ebm.Analysis.Text

open System.Globalization

/// Shortens a text to at most `most` graphemes; the last is then an ellipsis.
let short (most: int) (text: string) =
    let elements = StringInfo text
    if elements.LengthInTextElements <= most then text else elements.SubstringByTextElements(0, most - 1) + "…"

/// run for one, runs for any other number.
let plural (n: int) (what: string) = if n = 1 then what else what + "s"

/// 1 run, 2 runs.
let counted (n: int) (what: string) = n.ToString CultureInfo.InvariantCulture + " " + plural n what
