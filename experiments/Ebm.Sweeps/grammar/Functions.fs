/// The functions of the override grammar: sweeps (choice, range, glob, seeds, linspace, logrange, zip, sobol, tpe), orders (sort,
/// shuffle), casts.
///
/// Only `shuffle` differs from Hydra's, which draws from the process's generator: here the argument's text determines the order.
module Ebm.Sweeps.Functions

open System
open System.Security.Cryptography
open System.Globalization
open System.Text
open Ebm.Records
open Ebm.Sweeps.Values

let rec private mapped (convert: Value -> Value) value =
    match value with
    | List values -> List(values |> List.map (mapped convert))
    | Dict entries -> Dict(entries |> List.map (fun (k, v) -> k, mapped convert v))
    | plain -> convert plain

/// The most values of one axis, and the most settings of a sweep, which its runs have apart from their seeds.
let internal most = 20_000

/// The most seeds, and the most runs of a sweep.
let internal mostRuns = 1_000_000

let private functions =
    List.ofArray ("bool choice float glob int interval linspace log logrange range seeds shuffle sobol sort str tag tpe zip".Split ' ')

let private kindOf =
    function
    | Null -> "null"
    | Bool _ -> "a truth value"
    | Int _
    | Float _ -> "a number"
    | Text _ -> "text"
    | List _ -> "a list"
    | Dict _ -> "a mapping"

/// Applies a function to its arguments, pairs of a name (or "") and a value. `text` is the whole argument of the command line; `error`
/// makes an exception that names the place.
let apply (text: string) (error: string -> exn) name (arguments: (string * Setting) list) : Setting =
    let positional = arguments |> List.filter (fst >> (=) "") |> List.map snd
    let named = arguments |> List.filter (fst >> (<>) "")

    let allow names =
        for given, _ in named do
            if not (List.contains given names) then raise (error $"{name} has no argument called {given}.")

    let failed says : 'a = raise (error says)

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
        let most = if name = "seeds" then mostRuns else most

        match value with
        | Int n when n >= 1L && n <= int64 most -> int n
        | other -> failed $"{name} needs a count from 1 to {most}, not {printValue other}."

    let finite value =
        match real value with
        | number when Double.IsFinite number -> number
        | number -> failed $"{name} takes finite numbers, not {printValue (Float number)}."

    let named' key = named |> List.tryFind (fst >> (=) key) |> Option.map (snd >> one)

    let flag key =
        match named' key with
        | None -> false
        | Some(Bool value) -> value
        | Some other -> failed $"{key} of {name} must be true or false, not {printValue other}."

    let cast convert =
        allow []

        match positional with
        | [ One value ] -> One(mapped convert value)
        | [ Sweep values ] -> Sweep(values |> List.map (mapped convert))
        | [] -> failed $"{name} needs a value."
        | [ _ ] -> failed $"{name} cannot convert this kind of sweep."
        | several -> Sweep(several |> List.map (one >> mapped convert))

    let refuse wanted value = failed $"{printValue value} is not {wanted}."

    /// A list stays a list; other arguments are the values of a sweep.
    let reorder (order: Value list -> Value list) =
        match positional with
        | [ One(List values) ] -> One(List(order values))
        | [ One value ] -> One value
        | [ Sweep values ] -> Sweep(order values)
        | [] -> failed $"{name} needs values."
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

        // Decimal, so that range(0,1,0.1) contains 0.3 and not 0.30000000000000004.
        let exact value =
            let value = real value

            if Double.IsFinite value && abs value < 1e15 then decimal value else failed "range takes finite numbers between -1e15 and 1e15."

        let first, past, by = exact start, exact stop, exact step
        if by = 0m then failed "the step of range must not be 0."
        if float (past - first) / float by > float most then failed $"range has more than {most} values; write a larger step."
        let length = max 0m (ceil ((past - first) / by))

        Sweep [
            for i in 0m .. length - 1m ->
                let value = first + i * by
                if whole then Int(int64 value) else Float(float value)
        ]
    | "interval" ->
        allow [ "start"; "end" ]

        match values () @ (List.choose named' [ "start"; "end" ]) with
        | [ low; high ] -> Interval(Between(finite low, finite high, false, false))
        | _ -> failed "interval takes (start, end)."
    | "log" ->
        allow []

        match values () with
        | [ low; high ] when finite low > 0.0 && finite high > finite low -> Interval(Between(finite low, finite high, true, false))
        | _ -> failed "log takes (low, high), both above zero."
    | "int" when
        (match positional with
         | [ Interval _ ] -> true
         | _ -> false)
        ->
        match positional with
        | [ Interval(Between(low, high, log, _)) ] when abs low < 1e15 && abs high < 1e15 ->
            Interval(Between(ceil low, floor high, log, true))
        | [ Interval(Between _) ] -> failed "int takes an interval between -1e15 and 1e15."
        | _ -> failed "int cannot convert this."
    | "glob" ->
        allow [ "include"; "exclude" ]

        let patterns value =
            match value with
            | Text pattern -> [ pattern ]
            | List patterns ->
                patterns
                |> List.map (function
                    | Text pattern -> pattern
                    | other -> failed $"{printValue other} is not a pattern.")
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

        // Fisher–Yates, with a hash of the argument's text as the generator, so that a sweep always has the same order.
        let order (values: Value list) =
            let values = List.toArray values

            if int64 text.Length * int64 values.Length > 1_000_000_000L then
                failed $"{values.Length} written values are too many to shuffle; write them as a range."

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
            | Text text as given when (let found = float'.Match text in found.Success && found.Length = text.Length) ->
                Float(floatOf error text)
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
            let low, high, n = finite low, finite high, count n
            if not (Double.IsFinite(high - low)) then failed $"{name} takes bounds that are less than 1.8e308 apart."

            if name = "logrange" && not (low > 0.0 && high > 0.0) then failed "logrange needs bounds above zero."

            let at i =
                let share = if n = 1 then 0.0 else float i / float (n - 1)

                if i = 0 then low
                elif i = n - 1 then high
                elif name = "linspace" then Sobol.tidy (low + share * (high - low))
                else Sobol.tidy (Math.Pow(10.0, Math.Log10 low + share * (Math.Log10 high - Math.Log10 low)))

            Sweep [ for i in 0 .. n - 1 -> Float(at i) ]
        | _ -> failed $"{name} takes (low, high, count)."
    | "zip" ->
        if not positional.IsEmpty || named.IsEmpty then
            failed "zip needs named lists: name=zip(method.steps=[20,60], train.lr=[1e-3,1e-4])."

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

            failed $"the lists of zip must have the same length: {lengths}."
    | "sobol"
    | "tpe" ->
        let options = if name = "sobol" then [ "seed" ] else [ "seed"; "batch" ]
        let whole key otherwise =
            match named' key with
            | None -> otherwise
            | Some(Int n) when n >= 0L -> n
            | Some other -> failed $"{key} of {name} must be a whole number, not {printValue other}."

        let trials =
            match values () with
            | [ n ] -> count n
            | _ -> failed $"{name} takes a count, then named ranges: {name}(16, train.lr=log(1e-5,1e-2), method.steps=int(interval(5,40)))."

        let space = [
            for key, setting in named do
                if not (List.contains key options) then
                    key,
                    match setting with
                    | Interval(Between(low, high, _, _) as range) ->
                        if not (low < high) then failed $"{key}: the range is empty: {low} is not below {high}."
                        range
                    | One(List(_ :: _ as values))
                    | Sweep(_ :: _ as values) -> Among values
                    | _ -> failed $"{key} in {name} must be interval(low,high), log(low,high), int(interval(low,high)) or a list."
        ]

        if space.IsEmpty then failed $"{name} needs at least one range: {name}(16, train.lr=log(1e-5,1e-2))."
        if space.Length > Sobol.dimensions then failed $"{name} has {space.Length} ranges; at most {Sobol.dimensions} are possible."

        if name = "tpe" then
            let batch = whole "batch" 4L
            if batch > int64 most then failed $"batch of tpe must be at most {most}, not {batch}."
            Searched { Trials = trials; Batch = max 1 (int batch); Seed = whole "seed" 0L; Space = space }
        else
            let points = [ for i in 0 .. trials - 1 -> Sobol.point (whole "seed" 0L) space.Length i ]
            Together [ for j, (key, range) in List.indexed space -> key, [ for point in points -> Sobol.valueAt range point[j] ] ]
    | _ ->
        let known = String.Join(", ", functions)
        failed $"Unknown function {name}. Known functions: {known}{Spelling.DidYouMean(name, functions)}."
