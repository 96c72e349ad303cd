/// The parts of a live page, each with the version at which it last changed, so that an open page gets only what is new to it.
///
/// A part is an element of the page with the part's name as its id. A list is an element whose children are parts in a given order.
module Ebm.Watch.Board

open System
open System.Collections.Generic
open Giraffe.ViewEngine
open Ebm.Analysis.Fields
open Ebm.Analysis.Html
open Ebm.Records

type Board() =
    // Versions of another board, such as that of a server that was restarted, mean nothing here.
    let epoch = Guid.NewGuid().ToString "N"
    let parts = Dictionary<string, string * int64>(StringComparer.Ordinal)
    let lists = Dictionary<string, string list * int64>(StringComparer.Ordinal)
    let mutable version = 0L

    let next () =
        version <- version + 1L
        version

    /// Sets a part, an element whose id is its name.
    member _.Set(name: string, element: XmlNode) =
        let html = rendered [ element ]

        lock parts (fun () ->
            match parts.TryGetValue name with
            | true, (before, _) when before = html -> ()
            | _ -> parts[name] <- (html, next ()))

    /// Sets the children of a list, and removes the parts that are no longer in it.
    member _.Arrange(name: string, children: string list) =
        lock parts (fun () ->
            let before =
                match lists.TryGetValue name with
                | true, (before, _) -> Some before
                | _ -> None

            if before <> Some children then
                let stays = HashSet children

                for gone in defaultArg before [] |> List.filter (stays.Contains >> not) do
                    parts.Remove gone |> ignore

                lists[name] <- (children, next ()))

    /// A part as HTML; empty if it is not set.
    member _.Html(name: string) =
        lock parts (fun () ->
            match parts.TryGetValue name with
            | true, (html, _) -> html
            | _ -> "")

    /// The children of a list as HTML.
    member board.Children(name: string) =
        let children =
            lock parts (fun () ->
                match lists.TryGetValue name with
                | true, (children, _) -> children
                | _ -> [])

        children |> List.map board.Html |> String.concat "\n"

    /// The version of all parts together, for `Since`.
    member _.Version = lock parts (fun () -> $"{epoch}.{version}")

    /// What changed after a version, as JSON: the new version, lists by name, and parts by name as HTML. None if nothing did. A version of
    /// another board gives everything.
    member _.Since(seen: string) : string option =
        let since =
            match seen.Split '.' with
            | [| board; number |] when board = epoch ->
                match Int64.TryParse number with
                | true, number -> number
                | _ -> -1L
            | _ -> -1L

        lock parts (fun () ->
            if since >= version then
                None
            else
                fields [
                    "version" => $"{epoch}.{version}"
                    "lists"
                    => fields [
                        for list in lists do
                            if snd list.Value > since then list.Key => fst list.Value
                    ]
                    "parts"
                    => fields [
                        for part in parts do
                            if snd part.Value > since then part.Key => fst part.Value
                    ]
                ]
                |> JsonText.PageOf
                |> Some)
