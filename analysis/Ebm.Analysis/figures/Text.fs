/// Escapes text from outside (names, reasons, logs) for markup.
module Ebm.Analysis.Text

open System
open System.Globalization

/// Escapes each line as in HTML tables, which also names invisible characters and those that change the direction of writing. Two code points
/// that are not allowed in XML become the replacement character.
let escaped (text: string) =
    String.Join("\n", text.Split '\n' |> Array.map HtmlTable.escaped).Replace('\ufffe', '\ufffd').Replace('\uffff', '\ufffd')

/// Shortens a text to at most `most` graphemes; the last is then an ellipsis.
let short (most: int) (text: string) =
    let elements = StringInfo text
    if elements.LengthInTextElements <= most then text else elements.SubstringByTextElements(0, most - 1) + "…"
