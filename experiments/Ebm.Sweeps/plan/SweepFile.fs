/// A sweep in YAML: its keys are the words of Declare.fs. A script and a file that declare the same sweep give the same plan.
///
///     sweep: steps
///     given: [ experiment=rings ]
///     axes: { method: [ joint-cd, recovery-likelihood ], train.lr: "logrange(1e-4,1e-2,3)" }
///     zip: [ { method.steps: [ 20, 60 ], train.clip: [ 1.0, 5.0 ] } ]
///     whenever: [ { if: method == joint-cd, axes: { method.rounds: [ 1, 2 ] } } ]
///     where: method.steps <= 60
///     seeds: 5
///     metric: { grid-kl: lower }
///     budget: 2000000
///     baseline: { method: contrastive-divergence }
///     prune: asha(grid-kl, from=100000)
///     max-runs: 100
///     max-hours: 12
///     union: [ { given: [ experiment=rings ], seeds: 2 } ]
///
/// Keys are read in the order of the file: the last axis varies fastest.
module Ebm.Sweeps.SweepFile

open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Declare

let private words = [
    "sweep"
    "given"
    "axes"
    "zip"
    "whenever"
    "where"
    "seeds"
    "metric"
    "baseline"
    "budget"
    "prune"
    "max-runs"
    "max-hours"
    "union"
]

let private refuse (node: Document) key says : 'a = raise (ConfigException(node.Source, key, says))

let rec private value (node: Document) =
    match node.Kind with
    | DocumentKind.Null -> Null
    | DocumentKind.Bool -> Bool(unbox (nonNull node.Value))
    | DocumentKind.Integer -> Int(unbox (nonNull node.Value))
    | DocumentKind.Float -> Float(unbox (nonNull node.Value))
    | DocumentKind.Text -> Text(string node.Value)
    | DocumentKind.List -> List(node.Items |> Seq.map value |> List.ofSeq)
    | _ -> Dict [ for entry in node.Entries -> entry.Key, value entry.Value ]

let private text key (node: Document) =
    match node.Value with
    | :? string as text -> text
    | _ -> raise (node.IsNot(key, "a text"))

let private items key (node: Document) = if node.IsList then List.ofSeq node.Items else raise (node.IsNot(key, "a list"))
let private entries key (node: Document) = if node.IsMap then List.ofSeq node.Entries else raise (node.IsNot(key, "a mapping"))

let private count key (node: Document) =
    match Option.ofNullable (node.AsInteger()) with
    | Some n when n >= 1L && n <= most -> int n
    | _ -> raise (node.IsNot(key, $"a count from 1 to {most}"))

/// Errors and origins name the file and the line.
let private at (node: Document) (given: Override) = { given with Source = node.Source }

/// A list has typed values; a text is parsed like the right side of an override.
let private axis name (entry: Entry) =
    at
        entry.Value
        (if entry.Value.IsList then
             match entry.Value.Items |> Seq.map value |> List.ofSeq with
             | [] -> refuse entry.Value entry.Key $"{entry.Key} has no values; an axis needs at least one."
             | values -> axisOf name entry.Key values
         else
             match value entry.Value with
             | Text text -> parseAt entry.Value.Source $"{entry.Key}={text}"
             | single -> axisOf name entry.Key [ single ])

let rec private read (node: Document) (start: Sweep) : Sweep =
    let word sweep (entry: Entry) =
        let node = entry.Value

        match entry.Key with
        | "sweep" -> { sweep with Name = string (SweepFolder.Name(text "sweep" node, node.Source)) }
        | "given" -> items "given" node |> List.fold (fun sweep item -> add (parseAt item.Source (text "given" item)) sweep) sweep
        | "axes" -> entries "axes" node |> List.fold (fun sweep entry -> add (axis sweep.Name entry) sweep) sweep
        | "zip" ->
            (sweep, items "zip" node)
            ||> List.fold (fun sweep item ->
                let columns = entries "zip" item |> List.map (fun entry -> entry.Key, items entry.Key entry.Value |> List.map value)
                add (at item (zipOf sweep.Name columns)) sweep)
        | "whenever" ->
            (sweep, items "whenever" node)
            ||> List.fold (fun sweep item ->
                let condition = text "if" (item.Get "if")

                for entry in item.Entries do
                    if entry.Key <> "if" && entry.Key <> "axes" then
                        refuse item entry.Key $"unknown key {entry.Key}; the keys of a conditional axis are if and axes."

                entries "axes" (item.Get "axes")
                |> List.fold (fun sweep entry -> conditional condition (axis sweep.Name entry) sweep) sweep)
        | "where" when node.IsList -> items "where" node |> List.fold (fun sweep item -> where (text "where" item) sweep) sweep
        | "where" -> where (text "where" node) sweep
        | "seeds" -> add (at node (axisOf sweep.Name "seed" [ for seed in 0L .. int64 (count "seeds" node) - 1L -> Int seed ])) sweep
        | "metric" ->
            match entries "metric" node with
            | [ entry ] ->
                match [ Lower; Higher ] |> List.tryFind (fun better -> better.Word() = string entry.Value.Value) with
                | Some better -> metric entry.Key better sweep
                | None -> raise (entry.Value.IsNot(entry.Key, "lower or higher"))
            | _ -> raise (node.IsNot("metric", "a mapping of one metric to lower or higher"))
        | "baseline" -> entries "baseline" node |> List.fold (fun sweep entry -> baseline entry.Key (string entry.Value) sweep) sweep
        | "budget" -> add (at node (axisOf sweep.Name "train.budget" [ value node ])) sweep
        | "prune" -> prune (text "prune" node) sweep
        | "max-runs" -> maxRuns (count "max-runs" node) sweep
        | "max-hours" ->
            match Option.ofNullable (node.AsFloat()) with
            | Some hours when hours >= 1e-4 && hours <= 1e6 -> maxHours hours sweep
            | _ -> raise (node.IsNot("max-hours", "a number of hours from 0.0001 to 1000000"))
        | "union" -> items "union" node |> List.fold (fun whole item -> union (read item (Declare.sweep whole.Name)) whole) sweep
        | other ->
            refuse node other $"unknown key {other}; the keys of a sweep are {Sentence.listed words}{Spelling.DidYouMean(other, words)}."

    entries "" node |> List.fold word start

let private whole (document: Document) =
    Secrets.Here.RefuseIn document

    match document.Find "sweep" with
    | null -> refuse document "sweep" "the sweep's name is missing: write sweep: name."
    | name -> read document (sweep (string (SweepFolder.Name(text "sweep" name, name.Source))))

/// Reads a sweep from YAML. Throws ConfigException: the file, the line and what is wrong.
let parse (yaml: string) (file: string) = whole (Document.Parse(yaml, file))

/// Reads a sweep from a YAML file.
let ofFile (path: string) = whole (Document.Read path)
