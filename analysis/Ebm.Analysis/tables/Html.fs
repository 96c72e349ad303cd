/// HTML as values of Giraffe.ViewEngine. The functions of this file escape all text from outside.
module Ebm.Analysis.Html

open System
open System.Text
open Giraffe.ViewEngine

/// Escapes text for use between tags and in quoted attributes. Invisible characters, and those that change the direction of writing, are
/// replaced by their names; two code points that XML cannot contain become the replacement character.
let escaped (text: string) =
    let builder = StringBuilder()

    for c in String.Join("\n", text.Split '\n' |> Array.map Shown.visible) do
        match c with
        | '&' -> "&amp;"
        | '<' -> "&lt;"
        | '>' -> "&gt;"
        | '"' -> "&quot;"
        | '\'' -> "&#39;"
        | '\ufffe'
        | '\uffff' -> "\ufffd"
        | c -> string c
        |> builder.Append
        |> ignore

    string builder

let text (content: string) = rawText (escaped content)

let attribute (name: string) (value: string) = KeyValue(name, escaped value)

let ofClass (names: string) = attribute "class" names
let named (id: string) = attribute "id" id

let rendered (nodes: XmlNode list) = RenderView.AsString.htmlNodes nodes

/// Text with its own direction of writing, which does not affect the text around it.
let bdi (content: string) = tag "bdi" [] [ text content ]

let paragraph (content: string) = p [] [ text content ]

let remark (content: string) = p [ ofClass "small" ] [ text content ]

let anchor (address: string) (content: XmlNode list) = a [ attribute "href" address ] content

/// The heading of a column.
let column (kind: string) (content: XmlNode list) = th [ attribute "scope" "col"; if kind <> "" then ofClass kind ] content

/// A list of names with their descriptions.
let definitions (pairs: (string * string) list) =
    dl [] [
        for name, says in pairs do
            dt [] [ text name ]
            dd [] [ bdi says ]
    ]
