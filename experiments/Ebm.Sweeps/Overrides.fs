/// One argument of the command line: Hydra's override grammar, and a little more.
///
///     key=value   +key=value   ++key=value   ~key   group=option   group@package=option
///     key=a,b     key=range(0,10,2)   seed=seeds(5)   key=logrange(1e-4,1e-1,4)   name=zip(a.b=[1,2], c=[3,4])
///
/// After the grammar of Hydra 1.4 (OverrideLexer.g4, OverrideParser.g4), by recursive descent. Values are typed here once and
/// never go through text again. Every text that Hydra accepts means the same here, but for what names a process-global
/// generator: `shuffle` draws from the text of its own argument.
module Ebm.Sweeps.Overrides

open System
open System.Globalization
open System.Security.Cryptography
open System.Text
open System.Text.RegularExpressions
open Ebm.Records

type Value =
    | Null
    | Bool of bool
    | Int of int64
    | Float of float
    | Text of string
    | List of Value list
    | Dict of (string * Value) list

type Action =
    | Change
    | Add
    | AddOrChange
    | Delete

/// What stands right of the equals sign.
type Setting =
    /// One value: every run gets it.
    | One of Value
    /// One run a value.
    | Sweep of Value list
    /// Several keys in lock step: run i gets the i-th value of each.
    | Together of (string * Value list) list
    /// A continuous range [low, high): only a search can use it.
    | Interval of low: float * high: float
    /// The options of the group that the key names, by patterns with * and ?.
    | Options of includes: string list * excludes: string list

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

let private invariant = CultureInfo.InvariantCulture

/// Nesting beyond this is an error: a hostile argument must not end the process by exhausting its stack.
let private deepest = 100

type private Cursor(text: string, source: Source) =
    member val At = 0 with get, set
    member val Depth = 0 with get, set
    member _.Text = text
    member cursor.Ended = cursor.At >= text.Length
    member cursor.Next = if cursor.Ended then '\000' else text[cursor.At]

    member cursor.Fail(says: string) : 'a = raise (ConfigException(source, "", $"at character {cursor.At + 1}, {says}"))

    member cursor.Blanks() =
        while cursor.Next = ' ' || cursor.Next = '\t' do
            cursor.At <- cursor.At + 1

    /// Moves over what the pattern matches right here, if it does.
    member cursor.Take(pattern: Regex) =
        let found = pattern.Match(text, cursor.At)

        if found.Success && found.Length > 0 then
            cursor.At <- cursor.At + found.Length
            Some found
        else
            None

    member cursor.Expect(punctuation: char, where: string) =
        cursor.Blanks()

        if cursor.Next <> punctuation then
            let found = if cursor.Ended then "the end" else $"'{cursor.Next}'"
            cursor.Fail $"{where} needs '{punctuation}' here, and {found} was found."

        cursor.At <- cursor.At + 1
        cursor.Blanks()

let private pattern text = Regex(@"\G(?:" + text + ")", RegexOptions.CultureInvariant ||| RegexOptions.Compiled)

// ── Tokens of a value, longest first, ties in this order ────────────────────────────────────

let private uint = "(?:0|[1-9](?:_?[0-9])*)"
let private digits = "[0-9](?:_?[0-9])*"
let private point = $@"(?:{uint}?\.{digits}|{uint}\.)"

let private float' = pattern $@"[+-]?(?:(?:{point}|{uint})[eE][+-]?{digits}|{point}|[iI][nN][fF]|[nN][aA][nN])"

let private int' = pattern $"[+-]?{uint}"
let private bool' = pattern "[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]"
let private null' = pattern "[nN][uU][lL][lL]"
let private escape = pattern @"(?:\\[\\()\[\]{}:=, \t])+"
let private word = pattern "[A-Za-z_][A-Za-z0-9_-]*"
let private blanks = pattern @"[ \t]+"
let private interpolation = pattern @"\$\{[^}]+\}"
let private symbol = pattern @"[/\-\\+.$%*@?|]"
let private colon = pattern ":"
let private quoted = pattern @"'(?:[^'\\]|\\[\s\S])*'|""(?:[^""\\]|\\[\s\S])*"""
let private call = pattern @"([A-Za-z_][A-Za-z0-9_-]*)[ \t]*\("
let private argumentName = pattern @"([A-Za-z_$][A-Za-z0-9_$./-]*)[ \t]*="

let private number (text: string) = text.Replace("_", "")

let private floatOf (text: string) =
    match number(text).TrimStart('+').ToLowerInvariant() with
    | "inf" -> infinity
    | "-inf" -> -infinity
    | "nan"
    | "-nan" -> nan
    | plain -> Double.Parse(plain, NumberStyles.Float, invariant)

let private unescape (text: string) = Regex.Replace(text, @"\\(.)", "$1")

/// Only backslashes right before a quote, or at the end, are special: each pair is one, an odd one escapes the quote.
let private unquote (text: string) =
    let quote = text[0]
    let inner = text.Substring(1, text.Length - 2)

    Regex.Replace(inner, @"(\\+)(" + string quote + "|$)", fun (m: Match) -> String('\\', m.Groups[1].Length / 2) + m.Groups[2].Value)

let private token (cursor: Cursor) (withInterpolation: bool) (withColon: bool) =
    let candidates =
        [
            float', (fun (t: string) -> Float(floatOf t))
            int',
            (fun t ->
                match Int64.TryParse(number t, NumberStyles.AllowLeadingSign, invariant) with
                | true, value -> Int value
                | _ -> cursor.Fail $"{t} does not fit 64 bits.")
            bool', (fun t -> Bool(t.ToLowerInvariant() = "true"))
            null', (fun _ -> Null)
            if withInterpolation then interpolation, Text
            symbol, Text
            word, Text
            escape, unescape >> Text
            if withColon then colon, Text
            blanks, Text
        ]
        |> List.choose (fun (pattern, value) ->
            let found = pattern.Match(cursor.Text, cursor.At)

            if found.Success then Some(found, value) else None)

    match candidates with
    | [] -> None
    | _ ->
        let found, value = candidates |> List.maxBy (fun (found, _) -> found.Length)
        let typed = value found.Value
        cursor.At <- cursor.At + found.Length
        Some(found.Value, typed)

/// A run of tokens: one alone keeps its type, several are text.
let private run (cursor: Cursor) withInterpolation withColon =
    let rec tokens found =
        match token cursor withInterpolation withColon with
        | Some token -> tokens (token :: found)
        | None -> List.rev found

    let blank (text: string, _) = String.IsNullOrWhiteSpace text

    match tokens [] |> List.skipWhile blank |> List.rev |> List.skipWhile blank |> List.rev with
    | [] -> None
    | [ _, value ] -> Some value
    | several ->
        several
        |> List.map (function
            | source, Text text when source.StartsWith '\\' && escape.IsMatch source -> text
            | source, _ -> source)
        |> String.concat ""
        |> Text
        |> Some

// ── Printing: what parses back to the same value ────────────────────────────────────────────

let private plainText (text: string) =
    text <> ""
    && (let cursor = Cursor(text, Source.Code)

        match run cursor true false with
        | Some(Text same) -> same = text && cursor.Ended && not (text.Contains '\\')
        | _ -> false)

/// As in YAML, but for the point before inf and nan, which would make text of them here.
let private printFloat (value: float) = if Double.IsFinite value then Scalars.Text value else Scalars.Text(value).Replace(".", "")

let rec printValue value =
    match value with
    | Null -> "null"
    | Bool value -> if value then "true" else "false"
    | Int value -> value.ToString invariant
    | Float value -> printFloat value
    | Text text when plainText text -> text
    | Text text ->
        let inner =
            Regex.Replace(
                text,
                @"(\\*)('|$)",
                fun (m: Match) -> String('\\', 2 * m.Groups[1].Length) + (if m.Groups[2].Length > 0 then @"\'" else "")
            )

        $"'{inner}'"
    | List values -> "[" + String.Join(",", values |> List.map printValue) + "]"
    | Dict entries ->
        let key (text: string) = Regex.Replace(text, @"[\\()\[\]{}:=, \t]", @"\$0")

        "{" + String.Join(",", entries |> List.map (fun (k, v) -> $"{key k}:{printValue v}")) + "}"

// ── Functions ───────────────────────────────────────────────────────────────────────────────

let rec private mapped (convert: Value -> Value) value =
    match value with
    | List values -> List(values |> List.map (mapped convert))
    | Dict entries -> Dict(entries |> List.map (fun (k, v) -> k, mapped convert v))
    | plain -> convert plain

/// Twelve digits: enough for any setting, and 1e-4 stays 1e-4 where a sum of logarithms gives 9.999999999999999e-5.
let private tidy (value: float) = Double.Parse(value.ToString("G12", invariant), invariant)

let private functions = [
    "bool"
    "choice"
    "float"
    "glob"
    "int"
    "interval"
    "linspace"
    "logrange"
    "range"
    "seeds"
    "shuffle"
    "sort"
    "str"
    "tag"
    "zip"
]

let private kindOf =
    function
    | Null -> "null"
    | Bool _ -> "a truth value"
    | Int _
    | Float _ -> "a number"
    | Text _ -> "text"
    | List _ -> "a list"
    | Dict _ -> "a mapping"

/// Applies a function to its arguments, (name or "", value) each. `fail` raises the sentence at the function's place.
let private apply (text: string) (fail: string -> Setting) name (arguments: (string * Setting) list) =
    let positional = arguments |> List.filter (fst >> (=) "") |> List.map snd
    let named = arguments |> List.filter (fst >> (<>) "")

    let allow names =
        for given, _ in named do
            if not (List.contains given names) then fail $"{name} has no argument called {given}." |> ignore

    let failed says : 'a =
        fail says |> ignore
        failwith says

    let one setting =
        match setting with
        | One value -> value
        | _ -> failed $"{name} takes plain values, not a sweep."

    let values () = positional |> List.map one

    let real value =
        match value with
        | Int value -> float value
        | Float value -> value
        | other -> failed $"{name} takes numbers; {printValue other} is {kindOf other}."

    let count value =
        match value with
        | Int n when n >= 1L && n <= 1_000_000L -> int n
        | other -> failed $"{name} needs a count from 1 to 1000000; {printValue other} is none."

    let named' key = named |> List.tryFind (fst >> (=) key) |> Option.map (snd >> one)

    let flag key =
        match named' key with
        | None -> false
        | Some(Bool value) -> value
        | Some other -> failed $"{key} of {name} is true or false, not {printValue other}."

    let cast convert =
        allow []

        match positional with
        | [ One value ] -> One(mapped convert value)
        | [ Sweep values ] -> Sweep(values |> List.map (mapped convert))
        | [] -> failed $"{name} takes a value."
        | [ _ ] -> failed $"{name} cannot convert this kind of sweep."
        | several -> Sweep(several |> List.map (one >> mapped convert))

    let refuse wanted value = failed $"{printValue value} is not {wanted}."

    /// A list stays a list, anything else is the sweep's values.
    let reorder (order: Value list -> Value list) =
        match positional with
        | [ One(List values) ] -> One(List(order values))
        | [ One value ] -> One value
        | [ Sweep values ] -> Sweep(order values)
        | [] -> failed $"{name} takes values."
        | _ -> Sweep(order (values ()))

    match name with
    | "choice" ->
        allow []
        if positional.IsEmpty then failed "choice needs at least one value."
        Sweep(values ())
    | "range" ->
        allow [ "start"; "stop"; "step" ]

        let start, stop, step =
            match values (), named' "start", named' "stop", named' "step" with
            | [ stop ], start, None, step -> defaultArg start (Int 0L), stop, defaultArg step (Int 1L)
            | [ start; stop ], None, None, step -> start, stop, defaultArg step (Int 1L)
            | [ start; stop; step ], None, None, None -> start, stop, step
            | [], start, Some stop, step -> defaultArg start (Int 0L), stop, defaultArg step (Int 1L)
            | [ start ], None, Some stop, step -> start, stop, defaultArg step (Int 1L)
            | _ -> failed "range takes (stop), (start, stop) or (start, stop, step)."

        let whole = [ start; stop; step ] |> List.forall (fun (v: Value) -> v.IsInt)

        // Decimal, so that range(0,1,0.1) holds 0.3 and not 0.30000000000000004.
        let exact value =
            let value = real value

            if Double.IsFinite value && abs value < 1e15 then decimal value else failed "range takes finite numbers below 1e15."

        let first, past, by = exact start, exact stop, exact step
        if by = 0m then failed "range never ends with step 0."
        let length = max 0m (ceil ((past - first) / by))
        if length > 1_000_000m then failed "range has over a million values."

        Sweep [
            for i in 0m .. length - 1m ->
                let value = first + i * by
                if whole then Int(int64 value) else Float(float value)
        ]
    | "interval" ->
        allow [ "start"; "end" ]

        match values () @ (List.choose named' [ "start"; "end" ]) with
        | [ low; high ] -> Interval(real low, real high)
        | _ -> failed "interval takes (start, end)."
    | "glob" ->
        allow [ "include"; "exclude" ]

        let patterns value =
            match value with
            | Text pattern -> [ pattern ]
            | List patterns ->
                patterns
                |> List.map (function
                    | Text pattern -> pattern
                    | other -> failed $"{printValue other} is no pattern.")
            | other -> failed $"glob takes patterns; {printValue other} is {kindOf other}."

        let excludes =
            match values (), named' "exclude" with
            | [ _; second ], None -> Some second
            | _, exclude -> exclude

        match values (), named' "include" with
        | first :: _, None
        | [], Some first -> Options(patterns first, excludes |> Option.map patterns |> Option.defaultValue [])
        | _ -> failed "glob takes patterns of option names, and exclude=patterns."
    | "tag" ->
        match List.rev positional with
        | (Sweep _ | Interval _ | Options _ as sweep) :: tags when tags |> List.forall (fun t -> t.IsOne) -> sweep
        | _ -> failed "tag takes tags and, last, a sweep."
    | "sort" ->
        allow [ "reverse" ]
        let reverse = flag "reverse"

        let order values =
            let sorted =
                if values |> List.forall (fun (v: Value) -> v.IsInt || v.IsFloat) then
                    values |> List.sortBy real
                elif values |> List.forall (fun (v: Value) -> v.IsText) then
                    values |> List.sortWith (fun a b -> String.CompareOrdinal(printValue a, printValue b))
                else
                    failed "sort takes numbers only, or text only."

            if reverse then List.rev sorted else sorted

        reorder order
    | "shuffle" ->
        allow []

        // Fisher–Yates; the generator is a hash of the argument's own text, so that a sweep has one order, for ever.
        let order (values: Value list) =
            let values = List.toArray values

            for i in values.Length - 1 .. -1 .. 1 do
                let digest = SHA256.HashData(Encoding.UTF8.GetBytes $"{text}\n{i}")
                let j = int (BitConverter.ToUInt64(digest, 0) % uint64 (i + 1))
                let swapped = values[i]
                values[i] <- values[j]
                values[j] <- swapped

            List.ofArray values

        reorder order
    | "int" ->
        cast (function
            | Int value -> Int value
            | Float value when Double.IsFinite value && abs value < 9e18 -> Int(int64 value)
            | Bool value -> Int(if value then 1L else 0L)
            | Text text as given ->
                match Int64.TryParse(number text, NumberStyles.AllowLeadingSign, invariant) with
                | true, value -> Int value
                | _ -> refuse "a whole number" given
            | given -> refuse "a whole number" given)
    | "float" ->
        cast (function
            | Int value -> Float(float value)
            | Float value -> Float value
            | Bool value -> Float(if value then 1.0 else 0.0)
            | Text text as given when (let found = float'.Match text in found.Success && found.Length = text.Length) -> Float(floatOf text)
            | Text text as given ->
                match Int64.TryParse(number text, NumberStyles.AllowLeadingSign, invariant) with
                | true, value -> Float(float value)
                | _ -> refuse "a number" given
            | given -> refuse "a number" given)
    | "bool" ->
        cast (function
            | Bool value -> Bool value
            | Int value -> Bool(value <> 0L)
            | Float value -> Bool(value <> 0.0)
            | Text text when text.ToLowerInvariant() = "true" -> Bool true
            | Text text when text.ToLowerInvariant() = "false" -> Bool false
            | given -> refuse "true or false" given)
    | "str" ->
        cast (function
            | Text text -> Text text
            | other -> Text(printValue other))
    | "seeds" ->
        allow []

        match values () with
        | [ n ] -> Sweep [ for seed in 0 .. count n - 1 -> Int(int64 seed) ]
        | _ -> failed "seeds takes a count: seeds(5) is 0,1,2,3,4."
    | "linspace"
    | "logrange" ->
        allow []

        match values () with
        | [ low; high; n ] ->
            let low, high, n = real low, real high, count n

            if name = "logrange" && not (low > 0.0 && high > 0.0) then failed "logrange needs bounds above zero."

            let at i =
                let share = if n = 1 then 0.0 else float i / float (n - 1)

                if i = 0 then low
                elif i = n - 1 then high
                elif name = "linspace" then tidy (low + share * (high - low))
                else tidy (Math.Pow(10.0, Math.Log10 low + share * (Math.Log10 high - Math.Log10 low)))

            Sweep [ for i in 0 .. n - 1 -> Float(at i) ]
        | _ -> failed $"{name} takes (low, high, count)."
    | "zip" ->
        if not positional.IsEmpty || named.IsEmpty then
            failed "zip takes named lists: name=zip(method.steps=[20,60], train.lr=[1e-3,1e-4])."

        let columns =
            named
            |> List.map (fun (key, setting) ->
                match setting with
                | One(List values)
                | Sweep values -> key, values
                | _ -> failed $"{key} in zip needs a list.")

        match columns |> List.map (snd >> List.length) |> List.distinct with
        | [ _ ] -> Together columns
        | _ ->
            let lengths = columns |> List.map (fun (key, values) -> $"{key} has {values.Length}") |> String.concat ", "

            failed $"lists in zip need one length: {lengths}."
    | "sobol" -> failed "sobol is not there yet: use linspace, logrange or zip."
    | _ ->
        let known = String.Join(", ", functions)
        failed $"{name} is no function; known are {known}{Spelling.DidYouMean(name, functions)}."

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

                apply
                    cursor.Text
                    (fun says ->
                        cursor.At <- start
                        cursor.Fail says)
                    name
                    arguments
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

/// Parses one argument that stands at `source`. Throws ConfigException: the argument, the character and what is wrong.
let parseAt (source: Source) (text: string) : Override =
    let cursor = Cursor(text, source)

    let action =
        if text.StartsWith "++" then AddOrChange
        elif text.StartsWith "+" then Add
        elif text.StartsWith "~" then Delete
        else Change

    cursor.At <-
        (match action with
         | AddOrChange -> 2
         | Change -> 0
         | _ -> 1)

    match cursor.Take(pattern @"seeds[ \t]*\("), action with
    | Some _, Change ->
        // The one argument without a key: seeds(5) is seed=seeds(5).
        cursor.At <- 0
        let setting = setting cursor
        if not cursor.Ended then cursor.Fail "nothing may follow seeds(n)."
        { Action = Change; Key = "seed"; Package = None; Setting = Some setting; Text = text; Source = source }
    | _ ->
        cursor.At <-
            (match action with
             | AddOrChange -> 2
             | Change -> 0
             | _ -> 1)

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
                let setting = setting cursor

                if not cursor.Ended then
                    cursor.Fail $"'{cursor.Next}' cannot stand here: quote the value, or escape it with a backslash."

                Some setting
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
    let sign =
        match action with
        | Change -> ""
        | Add -> "+"
        | AddOrChange -> "++"
        | Delete -> "~"

    let at = package |> Option.map (fun name -> "@" + name) |> Option.defaultValue ""
    let set = value |> Option.map (fun value -> "=" + printValue value) |> Option.defaultValue ""
    sign + key + at + set
