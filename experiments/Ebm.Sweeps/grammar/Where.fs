/// `--where "method.steps >= 20 && seed in {0..4}"` selects runs by their typed resolved configs.
///
/// It has `== != < <= > >=`, `in {a, b}`, `in {0..4}`, `&& || !` and parentheses, but no arithmetic, because keys contain hyphens. A key
/// that is missing in a run's config is unequal to every value.
module Ebm.Sweeps.Where

open System
open System.Globalization
open System.Text.RegularExpressions
open Ebm.Records

type Literal =
    | Number of float
    | Flag of bool
    | Nothing
    | Word of string

type Expression =
    | Compare of key: string * operator: string * Literal
    | Among of key: string * (Literal * Literal) list
    | Not of Expression
    | And of Expression * Expression
    | Or of Expression * Expression

let private tokens =
    Regex(
        @"\s*(?:(?<symbol>==|!=|<=|>=|&&|\|\||\.\.|[<>!(){},])|(?<text>'[^']*'|""[^""]*"")|(?<word>(?:(?!\.\.)[A-Za-z0-9_.+/:-])+))",
        RegexOptions.CultureInvariant
    )

/// The most conditions, brackets and negations together: parsing and evaluation recurse once for each, and a stack overflow ends the
/// process.
let private most = 1000

/// Parses the value of an option, `--where` or `--redo`. Throws ConfigException: the place and the expected token.
let parse (option: string) (text: string) : Expression =
    let mutable at, asked = 0, 0

    let fail says = raise (ConfigException(Source.CommandLine $"{option} {text}", "", $"at character {at + 1}, {says}"))

    let peek () =
        let found = tokens.Match(text, at)
        if found.Success && found.Index = at then Some found else None

    let symbol () =
        match peek () with
        | Some found when found.Groups["symbol"].Success -> found.Groups["symbol"].Value
        | _ -> ""

    let take () = at <- at + (peek ()).Value.Length

    let takeSymbol wanted =
        if symbol () = wanted then
            take ()
            true
        else
            false

    let expect wanted = if not (takeSymbol wanted) then fail $"'{wanted}' is expected here."

    let word what =
        match peek () with
        | Some found when found.Groups["word"].Success ->
            take ()
            found.Groups["word"].Value
        | _ -> fail $"{what} is expected here."

    let literal () =
        match peek () with
        | Some found when found.Groups["text"].Success ->
            take ()
            let quoted = found.Groups["text"].Value
            Word(quoted.Substring(1, quoted.Length - 2))
        | _ ->
            let text = word "a value"

            match Scalars.Resolve text with
            | null -> Nothing
            | :? bool as flag -> Flag flag
            | :? int64 as number -> Number(float number)
            | :? float as number -> Number number
            | _ -> Word text

    let item () =
        let low = literal ()
        if takeSymbol ".." then low, literal () else low, low

    let rec items found =
        let found = item () :: found
        if takeSymbol "," then items found else List.rev found

    let rec disjunction () =
        let mutable left = conjunction ()

        while takeSymbol "||" do
            left <- Or(left, conjunction ())

        left

    and conjunction () =
        let mutable left = single ()

        while takeSymbol "&&" do
            left <- And(left, single ())

        left

    and single () =
        asked <- asked + 1
        if asked > most then fail $"the expression has more than {most} conditions and brackets."

        if takeSymbol "!" then
            Not(single ())
        elif takeSymbol "(" then
            let inner = disjunction ()
            expect ")"
            inner
        else
            let key = word "a key"

            match peek () with
            | Some found when found.Groups["word"].Value = "in" ->
                take ()
                expect "{"
                let among = items []
                expect "}"
                Among(key, among)
            | _ ->
                match symbol () with
                | "=="
                | "!="
                | "<"
                | "<="
                | ">"
                | ">=" as operator ->
                    take ()
                    Compare(key, operator, literal ())
                | _ -> fail $"== != < <= > >= or in is expected after {key}."

    let expression = disjunction ()

    if text.Substring(at).Trim() <> "" then fail "&& or || is expected here."

    expression

let private literalOf (node: Document | null) =
    match node with
    | null -> None
    | node ->
        match node.Value with
        | null -> if node.IsNull then Some Nothing else None
        | :? bool as flag -> Some(Flag flag)
        | :? int64 as number -> Some(Number(float number))
        | :? float as number -> Some(Number number)
        | text -> Some(Word(string text))

/// `method` means `method.kind`, as it does on the command line.
let private find (config: Document) (key: string) =
    match config.Find key with
    | null -> literalOf null
    | node when node.IsMap -> literalOf (node.Find "kind")
    | node -> literalOf node

let private order a b =
    match a, b with
    | Number x, Number y -> Some(compare x y)
    | Word x, Word y -> Some(String.CompareOrdinal(x, y))
    | _ -> None

/// Whether a run's resolved config fulfils the expression.
let rec holds expression (config: Document) =
    match expression with
    | Not inner -> not (holds inner config)
    | And(left, right) -> holds left config && holds right config
    | Or(left, right) -> holds left config || holds right config
    | Among(key, ranges) ->
        match find config key with
        | None -> false
        | Some value ->
            ranges
            |> List.exists (fun (low, high) ->
                value = low
                || (match order low value, order value high with
                    | Some below, Some above -> below <= 0 && above <= 0
                    | _ -> false))
    | Compare(key, operator, literal) ->
        match find config key, operator with
        | value, "==" -> value = Some literal
        | value, "!=" -> value <> Some literal
        | None, _ -> false
        | Some value, _ ->
            match order value literal, operator with
            | Some order, "<" -> order < 0
            | Some order, "<=" -> order <= 0
            | Some order, ">" -> order > 0
            | Some order, _ -> order >= 0
            | None, _ -> false
