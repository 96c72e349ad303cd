/// A value on the command line: its tokens, its types and its printed text.
///
/// Follows the lexer of Hydra 1.4 (OverrideLexer.g4): a single token keeps its type; several tokens are text.
module Ebm.Sweeps.Values

open System
open System.Globalization
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

/// The possible values of one key of a search.
type Dimension =
    /// Uniform on [low, high], or uniform in the logarithm; a whole number may be either end.
    | Between of low: float * high: float * log: bool * whole: bool
    | Among of Value list

/// A search that learns from the results of its trials.
type Search = {
    Trials: int
    /// How many trials are proposed at once, from the same results.
    Batch: int
    Seed: int64
    Space: (string * Dimension) list
}

/// The right side of the equals sign.
type Setting =
    /// One value: every run gets it.
    | One of Value
    /// A run for each value.
    | Sweep of Value list
    /// Several keys in lock step: run i gets the i-th value of each.
    | Together of (string * Value list) list
    /// A continuous range: only a search can use it.
    | Interval of Dimension
    /// A search that proposes its trials in batches.
    | Searched of Search
    /// The options of a group that match patterns with * and ?; the key names the group.
    | Options of includes: string list * excludes: string list

let internal invariant = CultureInfo.InvariantCulture

type internal Cursor(text: string, source: Source) =
    member val At = 0 with get, set
    member val Depth = 0 with get, set
    member _.Text = text
    member cursor.Ended = cursor.At >= text.Length
    member cursor.Next = if cursor.Ended then '\000' else text[cursor.At]

    member cursor.Error(says: string) : exn = ConfigException(source, "", $"at character {cursor.At + 1}, {says}")
    member cursor.Fail(says: string) : 'a = raise (cursor.Error says)

    member cursor.Blanks() =
        while cursor.Next = ' ' || cursor.Next = '\t' do
            cursor.At <- cursor.At + 1

    /// Moves past the pattern's match, if the pattern matches at the cursor.
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
            cursor.Fail $"{where} needs '{punctuation}' here, but {found} was found."

        cursor.At <- cursor.At + 1
        cursor.Blanks()

/// Not compiled: arguments are short, and compiling twenty patterns would take a third of the time that a command takes to start.
let internal pattern text = Regex(@"\G(?:" + text + ")", RegexOptions.CultureInvariant)

// ── Tokens of a value: the longest match wins, and of equal ones the first in this order ────

let private uint = "(?:0|[1-9](?:_?[0-9])*)"
let private digits = "[0-9](?:_?[0-9])*"
let private point = $@"(?:{uint}?\.{digits}|{uint}\.)"

let internal float' = pattern $@"[+-]?(?:(?:{point}|{uint})[eE][+-]?{digits}|{point}|[iI][nN][fF]|[nN][aA][nN])"

let private int' = pattern $"[+-]?{uint}"
let private bool' = pattern "[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]"
let private null' = pattern "[nN][uU][lL][lL]"
let private escape = pattern @"(?:\\[\\()\[\]{}:=, \t])+"
let private word = pattern "[A-Za-z_][A-Za-z0-9_-]*"
let private blanks = pattern @"[ \t]+"
let private interpolation = pattern @"\$\{[^}]+\}"
let private symbol = pattern @"[/\-\\+.$%*@?|]"
let private colon = pattern ":"
let internal quoted = pattern @"'(?:[^'\\]|\\[\s\S])*'|""(?:[^""\\]|\\[\s\S])*"""
let internal call = pattern @"([A-Za-z_][A-Za-z0-9_-]*)[ \t]*\("
let internal argumentName = pattern @"([A-Za-z_$][A-Za-z0-9_$./-]*)[ \t]*="

/// A whole range of whole numbers, as in --where: both ends are included.
let internal span = pattern @"([+-]?[0-9]+)\.\.([+-]?[0-9]+)(?=[ \t]*\z)"

let internal number (text: string) = text.Replace("_", "")

/// Throws what `error` makes of a number that no float64 is close to: it would become infinite or 0 without notice.
let internal floatOf (error: string -> exn) (text: string) =
    match number(text).TrimStart('+').ToLowerInvariant() with
    | "inf" -> infinity
    | "-inf" -> -infinity
    | "nan"
    | "-nan" -> nan
    | plain ->
        let value = Double.Parse(plain, NumberStyles.Float, invariant)

        if Double.IsInfinity value then raise (error $"{text} is larger than any float64; write inf if infinity is meant.")

        if value = 0.0 && plain |> Seq.takeWhile ((<>) 'e') |> Seq.exists (fun c -> c >= '1' && c <= '9') then
            raise (error $"{text} is smaller than any float64; write 0.0 if zero is meant.")

        value

let private unescape (text: string) = Regex.Replace(text, @"\\(.)", "$1")

/// Backslashes are special only before a quote or at the end: a pair stands for one backslash, an odd one escapes the quote.
let internal unquote (text: string) =
    let quote = text[0]
    let inner = text.Substring(1, text.Length - 2)

    Regex.Replace(inner, @"(\\+)(" + string quote + "|$)", fun (m: Match) -> String('\\', m.Groups[1].Length / 2) + m.Groups[2].Value)

let private token (cursor: Cursor) (withInterpolation: bool) (withColon: bool) =
    let candidates =
        [
            float', (fun (t: string) -> Float(floatOf cursor.Error t))
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

/// Reads adjacent tokens: a single token keeps its type; several are text.
let internal run (cursor: Cursor) withInterpolation withColon =
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

// ── Printing: text that parses to the same value ────────────────────────────────────────────

let private plainText (text: string) =
    text <> ""
    && not (span.Match text).Success
    && (let cursor = Cursor(text, Source.Code)

        match run cursor true false with
        | Some(Text same) -> same = text && cursor.Ended && not (text.Contains '\\')
        | _ -> false)

/// As in YAML, but without the point before inf and nan, because `.inf` would be text in this grammar.
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
