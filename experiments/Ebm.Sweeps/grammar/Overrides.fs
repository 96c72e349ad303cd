/// One argument of the command line: Hydra's override grammar, and a little more.
///
///     key=value   +key=value   ++key=value   ~key   group=option   group@package=option
///     key=a,b     key=range(0,10,2)   seed=seeds(5)   key=logrange(1e-4,1e-1,4)   name=zip(a.b=[1,2], c=[3,4])
///     name=sobol(16, a.b=log(1e-5,1e-2), c=int(interval(1,9)), d=[x,y])            name=tpe(40, a.b=log(1e-5,1e-2))
///
/// After the grammar of Hydra 1.4 (OverrideParser.g4), by recursive descent. Values are typed here once and never go through text
/// again.
module Ebm.Sweeps.Overrides

open System
open Ebm.Records
open Ebm.Sweeps.Values

type Action =
    | Change
    | Add
    | AddOrChange
    | Delete

type Override = {
    Action: Action
    Key: string
    Package: string option
    Setting: Setting option
    /// The argument as it was given.
    Text: string
    /// The command line, or the script that declares the sweep: errors and origins name it.
    Source: Source
}

// ── Elements ────────────────────────────────────────────────────────────────────────────────

/// The items up to the closing bracket; the opening one has been read.
let private until (closing: char) what (cursor: Cursor) (item: unit -> 'a) : 'a list =
    cursor.Blanks()

    if cursor.Next = closing then
        cursor.At <- cursor.At + 1
        cursor.Blanks()
        []
    else
        let items = ResizeArray [ item () ]
        cursor.Blanks()

        while cursor.Next = ',' do
            cursor.At <- cursor.At + 1
            items.Add(item ())
            cursor.Blanks()

        cursor.Expect(closing, what)
        List.ofSeq items

/// Nesting beyond this is an error: a hostile argument must not end the process by exhausting its stack.
let private deepest = 100

let rec private element (cursor: Cursor) : Setting =
    if cursor.Depth > deepest then cursor.Fail $"nested over {deepest} deep."

    cursor.Depth <- cursor.Depth + 1
    cursor.Blanks()
    let start = cursor.At

    let result =
        match cursor.Next with
        | '[' ->
            cursor.At <- cursor.At + 1
            One(List(until ']' "a list" cursor (fun () -> value cursor)))
        | '{' ->
            cursor.At <- cursor.At + 1

            let entry () =
                let key =
                    match run cursor false false with
                    | Some(Text key) -> key
                    | Some other -> printValue other
                    | None -> cursor.Fail "a mapping needs an unquoted key here."

                cursor.Expect(':', "a mapping's key")
                key, value cursor

            let entries = until '}' "a mapping" cursor entry

            match entries |> List.countBy fst |> List.tryFind (fun (_, times) -> times > 1) with
            | Some(key, _) -> cursor.Fail $"the key {key} stands twice in one mapping."
            | None -> One(Dict entries)
        | '\''
        | '"' ->
            match cursor.Take quoted with
            | Some found ->
                cursor.Blanks()
                One(Text(unquote found.Value))
            | None -> cursor.Fail "this quote is never closed."
        | _ ->
            match cursor.Take call with
            | Some found ->
                let name = found.Groups[1].Value

                let mutable named = false

                let argument () =
                    cursor.Blanks()

                    match cursor.Take argumentName with
                    | Some found ->
                        named <- true
                        found.Groups[1].Value, element cursor
                    | None when named -> cursor.Fail "an argument without a name stands after one with a name."
                    | None -> "", element cursor

                let arguments = until ')' name cursor argument
                let past = cursor.At
                cursor.At <- start
                let result = Functions.apply cursor.Text cursor.Error name arguments
                cursor.At <- past
                result
            | None ->
                match run cursor true true with
                | Some value -> One value
                | None when cursor.Ended -> cursor.Fail "a value is missing here."
                | None -> cursor.Fail $"'{cursor.Next}' cannot start a value: quote it."

    cursor.Depth <- cursor.Depth - 1
    result

and private value cursor =
    match element cursor with
    | One value -> value
    | _ -> cursor.Fail "a sweep cannot stand inside a list or a mapping."

let private setting (cursor: Cursor) =
    cursor.Blanks()

    if cursor.Ended then
        One(Text "")
    else
        let first = element cursor
        cursor.Blanks()

        if cursor.Next <> ',' then
            first
        else
            let items = ResizeArray [ first ]

            while cursor.Next = ',' do
                cursor.At <- cursor.At + 1
                items.Add(element cursor)
                cursor.Blanks()

            items
            |> Seq.map (function
                | One value -> value
                | _ -> cursor.Fail "a sweep cannot stand inside a list of choices.")
            |> List.ofSeq
            |> Sweep

let private key =
    pattern
        @"[A-Za-z_][A-Za-z0-9_-]*(?:/[A-Za-z_][A-Za-z0-9_-]*)+|[A-Za-z_$][A-Za-z0-9_$-]*(?:\.(?:[A-Za-z_$][A-Za-z0-9_$-]*|0|[1-9][0-9]*))*"

let private package = pattern @"[A-Za-z_$][A-Za-z0-9_$-]*(?:\.(?:[A-Za-z_$][A-Za-z0-9_$-]*|0|[1-9][0-9]*))*"

let private seeds = pattern @"seeds[ \t]*\("

/// The longer sign comes first, and what has none last.
let private signs = [ "++", AddOrChange; "+", Add; "~", Delete; "", Change ]

/// Parses one argument that stands at `source`. Throws ConfigException: the argument, the character and what is wrong.
let parseAt (source: Source) (text: string) : Override =
    let cursor = Cursor(text, source)

    let sign, action = signs |> List.find (fun (sign, _) -> text.StartsWith(sign, StringComparison.Ordinal))

    let whole () =
        let setting = setting cursor

        if not cursor.Ended then
            cursor.Fail $"'{cursor.Next}' cannot stand here: quote the value, or escape it with a backslash."

        Some setting

    if action = Change && (seeds.Match text).Success then
        // The one argument without a key: seeds(5) is seed=seeds(5).
        { Action = Change; Key = "seed"; Package = None; Setting = whole (); Text = text; Source = source }
    else
        cursor.At <- sign.Length

        let key =
            match cursor.Take key with
            | Some found -> found.Value
            | None -> cursor.Fail "an override is key=value, and a key starts with a letter."

        let package =
            if cursor.Next = '@' then
                cursor.At <- cursor.At + 1
                cursor.Take package |> Option.map _.Value |> Option.orElse (Some "")
            else
                None

        let settings =
            if cursor.Next = '=' then
                cursor.At <- cursor.At + 1
                whole ()
            elif cursor.Ended && action = Delete then
                None
            elif cursor.Ended then
                cursor.Fail $"a value is missing: write {key}=value."
            else
                cursor.Fail $"'{cursor.Next}' cannot stand in a key; an override is key=value."

        { Action = action; Key = key; Package = package; Setting = settings; Text = text; Source = source }

/// Parses one argument of the command line.
let parse text = parseAt (Source.CommandLine text) text

/// The argument that sets one value: what parses back to it.
let print action (key: string) (package: string option) (value: Value option) =
    let sign = signs |> List.find (snd >> (=) action) |> fst
    let at = package |> Option.map (fun name -> "@" + name) |> Option.defaultValue ""
    let set = value |> Option.map (fun value -> "=" + printValue value) |> Option.defaultValue ""
    sign + key + at + set
