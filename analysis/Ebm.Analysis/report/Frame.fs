/// The page around some content: one HTML file that opens without a network. Its policy allows only its own scripts, identified by their
/// hashes, and no network address.
module Ebm.Analysis.Frame

open System
open System.IO
open System.Reflection
open System.Security.Cryptography
open System.Text
open Giraffe.ViewEngine
open Ebm.Analysis.Html

let private resource name =
    use stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name: string) |> nonNull
    use reader = new StreamReader(stream)
    reader.ReadToEnd()

let private hash (script: string) = "'sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes script)) + "'"

/// Escapes a script so that its text cannot close its tag.
let private inlined (script: string) = script.Replace("</script", "<\\/script", StringComparison.OrdinalIgnoreCase)

/// A block that scripts read. Its encoder writes <, > and & as \u escapes, so that its text cannot close the tag.
let block id (json: string) = script [ attribute "type" "application/json"; named id ] [ rawText json ]

/// The parts of a page around its content. Links are to anchors of the page or to pages in its folder.
type Frame = {
    Title: string
    /// The heading of its bar.
    Name: string
    Links: (string * string) list
    /// The target of the skip link for keyboard users, and its text.
    Skip: string * string
    /// Scripts that run before the page's own, and blocks of data for them.
    Plotly: string option
    Data: XmlNode list
}

let private around (own: string list) (connections: string) (foot: string) (frame: Frame) (content: XmlNode list) : string =
    let scripts = Option.toList (frame.Plotly |> Option.map inlined) @ [ resource "page.js" ] @ own
    let hashes = scripts |> List.map hash |> String.concat " "
    let address, words = frame.Skip

    let colours =
        $":root{{{Svg.lightScheme}}}@media screen and "
        + $"(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{Svg.darkScheme}}}}}\n"
        + $"@media screen{{:root[data-theme=dark]{{{Svg.darkScheme}}}}}\n"

    // The attribute is written without escapes: within double quotes, the quotes around hashes need none.
    let policy =
        KeyValue("content", $"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {hashes}{connections}")

    html [ attribute "lang" "en" ] [
        head [] [
            meta [ attribute "charset" "utf-8" ]
            meta [ attribute "http-equiv" "Content-Security-Policy"; policy ]
            meta [ attribute "name" "viewport"; attribute "content" "width=device-width, initial-scale=1" ]
            link [ attribute "rel" "icon"; attribute "href" "data:," ]
            title [] [ text frame.Title ]
            style [] [ rawText (colours + resource "page.css" + Svg.style) ]
        ]
        body [] [
            a [ ofClass "skip"; attribute "href" address ] [ text words ]
            nav [ ofClass "bar"; attribute "aria-label" "Sections" ] [
                div [] [
                    span [ ofClass "name" ] [ bdi frame.Name ]
                    span [ ofClass "links" ] [
                        for address, name in frame.Links do
                            anchor address [ text name ]
                    ]
                    button [ named "theme"; attribute "type" "button"; attribute "data-now" "auto"; flag "hidden" ] [ text "Colours: auto" ]
                ]
            ]
            main [] [ yield! content; footer [] [ text foot ] ]
            yield! frame.Data
            for one in scripts do
                script [] [ rawText one ]
        ]
    ]
    |> RenderView.AsString.htmlDocument

/// A whole page: its policy, style and bar, the button for colours, and the content.
let framed frame content = around [] "" "Written by Ebm.Research from run folders; the same runs give the same bytes." frame content

/// A page whose own script asks the server that sent it, and no other, for changes.
let live (script: string) frame content =
    around [ script ] "; connect-src 'self'" "Read by Ebm.Research from the folders of runs; this page changes nothing." frame content
