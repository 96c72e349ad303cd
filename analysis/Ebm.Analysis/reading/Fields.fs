/// JSON objects whose keys keep the order in which they are listed; `JsonText` writes them. An anonymous record would sort its keys.
module Ebm.Analysis.Fields

open System.Collections.Generic
open System.Text.Json

type Fields = OrderedDictionary<string, obj | null>

/// A key and its value: a number, a text, a list, a map, a record, or fields.
let (=>) (name: string) (value: 'a) : string * (obj | null) =
    name,
    match box value with
    // System.Text.Json refuses Some NaN, though it writes NaN.
    | :? (float option) as number -> number |> Option.map box |> Option.toObj
    | value -> value

/// An object. A key whose value is None or null is left out.
let fields (pairs: (string * (obj | null)) seq) : Fields =
    let ordered = Fields()

    for name, value in pairs do
        if not (isNull value) then ordered.Add(name, value)

    ordered

/// A null that is written, unlike a null of the record.
let nothing = JsonSerializer.SerializeToElement<obj | null> null
