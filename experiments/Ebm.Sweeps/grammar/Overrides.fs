/// Parses one argument of the command line: Hydra's override grammar with a few additions.
///
///     key=value   +key=value   ++key=value   ~key   group=option   group@package=option
///     key=a,b     key=0..3    key=range(0,10,2)   seed=seeds(5)   key=logrange(1e-4,1e-1,4)   name=zip(a.b=[1,2], c=[3,4])
///     name=sobol(16, a.b=log(1e-5,1e-2), c=int(interval(1,9)), d=[x,y])            name=tpe(40, a.b=log(1e-5,1e-2))
///
/// The parser follows the grammar of Hydra 1.4 (OverrideParser.g4) by recursive descent. It types values once; they are not converted
/// to text and back.
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
    /// The argument as the user wrote it.
    Text: string
    /// The command line, or the script that declares the sweep; errors and origins name it.
    Source: Source
}

// ── Elements ────────────────────────────────────────────────────────────────────────────────

/// Reads items up to the closing bracket, after the opening one.
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

/// Deeper nesting is an error, so that no argument exhausts the stack of the process.
let private deepest = 100

let rec private element (cursor: Cursor) : Setting =
    if cursor.Depth > deepest then cursor.Fail $"values are nested more than {deepest} levels deep."

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
                    | None -> cursor.Fail "an unquoted key is missing here."

                cursor.Expect(':', "a mapping's key")
                key, value cursor

            let entries = until '}' "a mapping" cursor entry

            match entries |> List.countBy fst |> List.tryFind (fun (_, times) -> times > 1) with
            | Some(key, _) -> cursor.Fail $"the mapping has the key {key} twice."
            | None -> One(Dict entries)
        | '\''
        | '"' ->
            match cursor.Take quoted with
            | Some found ->
                cursor.Blanks()
                One(Text(unquote found.Value))
            | None -> cursor.Fail "this quote is not closed."
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
                    | None when named -> cursor.Fail "an argument without a name follows one with a name; put it before."
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
                | None -> cursor.Fail $"'{cursor.Next}' cannot start a value; quote the value."

    cursor.Depth <- cursor.Depth - 1
    result

and private value cursor =
    match element cursor with
    | One value -> value
    | _ -> cursor.Fail "a list or a mapping cannot contain a sweep."

let private setting (cursor: Cursor) =
    cursor.Blanks()

    if cursor.Ended then
        One(Text "")
    elif (span.Match(cursor.Text, cursor.At)).Success then
        let found = (cursor.Take span).Value
        cursor.Blanks()

        match Int64.TryParse found.Groups[1].Value, Int64.TryParse found.Groups[2].Value with
        | (true, low), (true, high) when low > high -> cursor.Fail $"the range {found.Value} is empty; write {high}..{low}."
        | (true, low), (true, high) when bigint high - bigint low < bigint Functions.most -> Sweep [ for i in low..high -> Int i ]
        | _ -> cursor.Fail $"the range {found.Value} has more than {Functions.most} values."
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
                | _ -> cursor.Fail "a list of choices cannot contain a sweep.")
            |> List.ofSeq
            |> Sweep

/// A longer key has more levels than documents may have.
let private longestKey = 1000

let private key =
    pattern
        @"[A-Za-z_][A-Za-z0-9_-]*(?:/[A-Za-z_][A-Za-z0-9_-]*)+|[A-Za-z_$][A-Za-z0-9_$-]*(?:\.(?:[A-Za-z_$][A-Za-z0-9_$-]*|0|[1-9][0-9]*))*"

let private package = pattern @"[A-Za-z_$][A-Za-z0-9_$-]*(?:\.(?:[A-Za-z_$][A-Za-z0-9_$-]*|0|[1-9][0-9]*))*"

let private seeds = pattern @"seeds[ \t]*\("

/// Longer signs come first, because `++` also starts with `+`.
let private signs = [ "++", AddOrChange; "+", Add; "~", Delete; "", Change ]

/// Parses one argument; errors name `source`. Throws ConfigException: the argument, the character and what is wrong.
let parseAt (source: Source) (text: string) : Override =
    let cursor = Cursor(text, source)

    let sign, action = signs |> List.find (fun (sign, _) -> text.StartsWith(sign, StringComparison.Ordinal))

    let whole () =
        let setting = setting cursor

        if not cursor.Ended then
            cursor.Fail $"'{cursor.Next}' is not allowed here; quote the value, or escape the character with a backslash."

        Some setting

    if action = Change && (seeds.Match text).Success then
        // The only argument without a key: seeds(5) means seed=seeds(5).
        { Action = Change; Key = "seed"; Package = None; Setting = whole (); Text = text; Source = source }
    else
        cursor.At <- sign.Length

        let key =
            match cursor.Take key with
            | Some found when found.Length > longestKey -> cursor.Fail $"the key has more than {longestKey} letters."
            | Some found -> found.Value
            | None -> cursor.Fail "an override must be key=value, and its key must start with a letter."

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
                cursor.Fail $"the value is missing: write {key}=value."
            else
                cursor.Fail $"'{cursor.Next}' is not allowed in a key; an override is key=value."

        { Action = action; Key = key; Package = package; Setting = settings; Text = text; Source = source }

/// Parses one argument of the command line.
let parse text = parseAt (Source.CommandLine text) text

/// Prints an argument that parses to the same override.
let print action (key: string) (package: string option) (value: Value option) =
    let sign = signs |> List.find (snd >> (=) action) |> fst
    let at = package |> Option.map (fun name -> "@" + name) |> Option.defaultValue ""
    let set = value |> Option.map (fun value -> "=" + printValue value) |> Option.defaultValue ""
    sign + key + at + set
