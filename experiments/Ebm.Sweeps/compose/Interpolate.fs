/// Interpolation: replaces every `${…}` once, after all values are set. A value that is a single `${…}` keeps the type of its target, and its
/// source is the place where it was written. Only the environment's resolver may give another value in another process.
module Ebm.Sweeps.Interpolate

open System
open System.Collections.Concurrent
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Merge

/// The most references that one value may lead through, and the deepest nesting of one in another: following them recurses.
let private deepest = 64

/// The most that the references of one config may amount to, in nodes and letters. A value that names the one before it twice doubles each
/// time.
let private most = 200_000L

/// The text inside the `${…}` that starts at `start`, and the index behind it; braces nest.
let private inside (source: Source) path (text: string) start =
    let mutable depth = 1
    let mutable i = start

    while depth > 0 && i < text.Length do
        if text[i] = '{' then depth <- depth + 1
        elif text[i] = '}' then depth <- depth - 1

        i <- i + 1

    if depth > 0 then fail source path $"\"{text}\" opens an interpolation with ${{ and does not close it."

    text.Substring(start, i - 1 - start), i

let private resolvers = [ "oc.decode"; "oc.env"; "oc.select" ]

/// Replaces every `${…}` by the value that it names: a path, a relative path (`${.sibling}`, `${..uncle}`), an environment variable
/// with a default (`${oc.env:NAME,default}`), or a path that may be missing (`${oc.select:a.b,default}`).
///
/// `plain` collects trees without interpolations, because the runs of a sweep share most of their trees. A variable whose name shows that
/// its value is secret is refused.
let interpolate (secrets: Secrets) (plain: ConcurrentDictionary<Document, unit>) (config: Document) =
    let mutable spent = 0L

    let spend (source: Source) path (amount: int64) =
        spent <- spent + 1L + amount

        if spent > most then
            fail
                source
                path
                $"the references (${{…}}) of this config amount to more than {most} values and letters; write the values out, or refer to shorter ones."

    let rec value (open': string list) (path: string) (node: Document) : Document =
        match node.Value with
        | :? string as text when text.Contains "${" ->
            if List.contains path open' then
                let circle = String.Join(" → ", List.rev (path :: open'))
                fail node.Source path $"this value refers to itself: {circle}."

            if open'.Length > deepest then
                fail
                    node.Source
                    path
                    $"more than {deepest} references (${{…}}) lead from one to the next here; refer to the last value directly."

            texts 0 (path :: open') path node.Source text
        | _ -> node

    and texts depth open' path source (text: string) : Document =
        if depth > deepest then fail source path $"references (${{…}}) are nested more than {deepest} levels deep."

        let pieces = ResizeArray<Document>()
        let literal = Text.StringBuilder()

        let flush () =
            if literal.Length > 0 then
                pieces.Add(Document.Of(string literal, source))
                literal.Clear() |> ignore

        let mutable i = 0

        while i < text.Length do
            if text[i] = '\\' && i + 2 < text.Length && text[i + 1] = '$' && text[i + 2] = '{' then
                literal.Append "${" |> ignore
                i <- i + 3
            elif text[i] = '$' && i + 1 < text.Length && text[i + 1] = '{' then
                flush ()
                let inner, past = inside source path text (i + 2)
                pieces.Add(reference depth open' path source inner)
                i <- past
            else
                literal.Append text[i] |> ignore
                i <- i + 1

        flush ()

        match List.ofSeq pieces with
        | [ only ] -> only
        | several ->
            let word (piece: Document) =
                if piece.IsScalar then
                    match piece.Value with
                    | :? string as text -> text
                    | _ -> piece.ToString()
                else
                    fail source path $"\"{text}\" joins text with {piece}, which is not a scalar."

            let joined = several |> List.map word |> String.concat ""
            spend source path (int64 joined.Length)
            Document.Of(joined, source)

    and reference depth open' path source (inner: string) : Document =
        spend source path 0L
        let inner = if inner.Contains "${" then string (texts (depth + 1) open' path source inner).Value else inner

        match inner.IndexOf ':' with
        | -1 ->
            match lookUp open' path source inner with
            | Some found -> found
            | None ->
                let keys = config.Leaves() |> Seq.map (fun struct (path, _) -> path) |> List.ofSeq
                fail source path $"${{{inner}}} names a key that the config does not have{Spelling.DidYouMean(inner, keys)}."
        | colon ->
            let name = inner.Substring(0, colon).Trim()
            let arguments = inner.Substring(colon + 1).Split(',', 2) |> Array.map _.Trim()
            let fallback = if arguments.Length > 1 then Some(Document.Plain(arguments[1].Trim('\'', '"'), source)) else None

            match name with
            | "oc.env" ->
                let variable = arguments[0]

                if secrets.IsSecret variable then
                    fail
                        source
                        path
                        $"the name of the environment variable {variable} shows that its value is secret, and configs are recorded and \
                          published; let the code read it while it runs. If it is not a secret, add \
                          `- {{ variable: {variable}, because: \"…\" }}` below `allow:` in {Secrets.OwnFile}."

                match Option.ofObj (Variables.Of variable), fallback with
                | Some set, _ -> Document.Of(set, source)
                | None, Some fallback -> fallback
                | None, None ->
                    fail source path $"the environment variable {variable} is not set; set it, or write ${{oc.env:{variable},default}}."
            | "oc.select" ->
                lookUp open' path source arguments[0] |> Option.orElse fallback |> Option.defaultWith (fun () -> Document.Null source)
            | "oc.decode" -> Document.Plain(arguments[0].Trim('\'', '"'), source)
            | _ -> fail source path $"Unknown resolver {name}. Known resolvers: {listed resolvers}{Spelling.DidYouMean(name, resolvers)}."

    and lookUp open' path source (target: string) =
        let target = Regex.Replace(target.Trim(), @"\[(\d+)\]", ".$1")
        let dots = target.Length - target.TrimStart('.').Length

        let absolute =
            if dots = 0 then
                target
            else
                let above = path.Split '.'

                if dots > above.Length then fail source path $"${{{target}}} has more dots than there are levels above this key."

                join (String.Join('.', Array.take (above.Length - dots) above)) (target.Substring dots)

        match config.Find absolute with
        | null -> None
        | found ->
            let found = whole open' absolute found
            spend source path found.Size
            Some(found.From source)

    and whole open' path (node: Document) : Document =
        if node.IsScalar then
            value open' path node
        elif plain.ContainsKey node then
            node
        else
            let mutable changed = false

            let within key (below: Document) =
                let found = whole open' (join path key) below
                if not (obj.ReferenceEquals(found, below)) then changed <- true
                found

            let found =
                if node.IsMap then
                    let entries = [| for entry in node.Entries -> Entry(entry.Key, entry.KeySource, within entry.Key entry.Value) |]
                    if changed then Document.OfMap(entries, node.Source) else node
                else
                    let items = [| for i, item in Seq.indexed node.Items -> within (string i) item |]
                    if changed then Document.OfList(items, node.Source) else node

            if not changed then plain.TryAdd(node, ()) |> ignore
            found

    whole [] "" config
