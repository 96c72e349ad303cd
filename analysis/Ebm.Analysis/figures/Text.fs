/// Text that came from outside (names, reasons, logs) as it stands in markup: always as text, whatever it holds.
module Ebm.Analysis.Text

open System
open System.Globalization

/// As in HTML tables, line by line: what has no shape, or turns the direction of writing, is named. Two code points that XML cannot hold
/// become the replacement character.
let escaped (text: string) =
    String.Join("\n", text.Split '\n' |> Array.map HtmlTable.escaped).Replace('\ufffe', '\ufffd').Replace('\uffff', '\ufffd')

/// At most so many characters as a reader counts them, the end replaced by an ellipsis.
let short (most: int) (text: string) =
    let elements = StringInfo text
    if elements.LengthInTextElements <= most then text else elements.SubstringByTextElements(0, most - 1) + "…"
