/// Text that came from outside (names, reasons, logs) as it stands in markup: always as text, whatever it holds.
module Ebm.Analysis.Text

open System
open System.Globalization
open System.Text

/// Letters of markup as entities. Control characters, which XML cannot hold, and halves of a pair become the replacement character; marks that turn the
/// direction of writing are shown by name, because they would turn their neighbours too.
let escaped (text: string) =
    let builder = StringBuilder text.Length
    let mutable i = 0

    while i < text.Length do
        let character = text[i]

        match character with
        | '&' -> builder.Append "&amp;"
        | '<' -> builder.Append "&lt;"
        | '>' -> builder.Append "&gt;"
        | '"' -> builder.Append "&quot;"
        | '\'' -> builder.Append "&#39;"
        | '\n'
        | '\t' -> builder.Append character
        | '\u2028'
        | '\u2029' -> builder.Append ' '
        | _ when character >= '\u202a' && character <= '\u202e' || character >= '\u2066' && character <= '\u2069' ->
            builder.Append("[U+" + (int character).ToString("X4", CultureInfo.InvariantCulture) + "]")
        | _ when Char.IsHighSurrogate character && i + 1 < text.Length && Char.IsLowSurrogate text[i + 1] ->
            i <- i + 1
            builder.Append(character).Append text[i]
        | _ when Char.IsControl character || Char.IsSurrogate character || character >= '\ufffe' -> builder.Append '\ufffd'
        | _ -> builder.Append character
        |> ignore

        i <- i + 1

    string builder

/// At most so many characters as a reader counts them, the end replaced by an ellipsis.
let short (most: int) (text: string) =
    let elements = StringInfo text
    if elements.LengthInTextElements <= most then text else elements.SubstringByTextElements(0, most - 1) + "…"
