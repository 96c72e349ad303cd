/// A claim of a paper as a file that is written before its runs: the sentence, what would contradict it, the runs or the laws that decide, the rules that
/// their numbers must fulfil, and a control that must not fulfil them.
///
///     id: A1
///     paper: A
///     claim: Joint training has a lower KL than training at one level.
///     contradicted: Its KL is not lower on some density.
///     limits: Two densities of the plane.
///     runs:
///       given: [ train=equal-budget, train.budget=1000000, measure=claims ]
///       data: { gaussians: [ data=gaussians ], rings: [ data=rings ] }
///       seeds: 10
///       rows: { joint: [ method=joint-cd ], single: [ method=contrastive-divergence ], broken: [ method=joint-cd, train.budget=2560 ] }
///     rules: [ { row: joint, against: single, metric: grid-kl, by: 0 } ]
///     control: { row: broken, breaks: An untrained network. }
///
/// Instead of `runs`, `rules` and `control`, a claim has `laws`, parts of the sentences of laws, or `needs`, what is lacking.
module Ebm.Analysis.Claim

open System
open System.IO
open System.Text.RegularExpressions
open Ebm.Records

/// What a rule demands of the values of its row.
type Demand =
    /// Better than another row's values of a metric by more than this, paired over seeds: the whole interval of the difference.
    | Better of against: string * metric: string * by: float
    /// The same in this many of the planned seeds; fewer than `fails` contradict it.
    | Wins of against: string * metric: string * by: float * wins: int * fails: int
    /// The mean lies in this range, whole interval included.
    | Between of low: float * high: float

type Rule = {
    Row: string
    Metric: string
    Demand: Demand
    /// The data sets that it concerns.
    On: string list
    Source: Source
}

/// The same rule about another row. A rule that compares two metrics of one row still does.
let about (row: string) (rule: Rule) : Rule =
    let other against = if against = rule.Row then row else against

    {
        rule with
            Row = row
            Demand =
                match rule.Demand with
                | Better(against, metric, by) -> Better(other against, metric, by)
                | Wins(against, metric, by, wins, fails) -> Wins(other against, metric, by, wins, fails)
                | Between _ -> rule.Demand
    }

/// An override, and where it is written.
type Setting = string * Source

type Control =
    /// The rules with this row in place of the row of `Instead`, or of every row.
    | Row of row: string * instead: string option * breaks: string
    | NoControl of because: string

type Design = {
    Given: Setting list
    Data: (string * Setting list) list
    Rows: (string * Setting list) list
    Seeds: int
    Rules: Rule list
    Control: Control
}

type Decision =
    | Runs of Design
    /// Parts of the sentences of laws. The laws' planted errors are the control.
    | Laws of string list
    /// What does not exist yet.
    | Needs of string

type Claim = {
    Id: string
    Paper: string
    Says: string
    Contradicted: string
    /// What a verdict does not show.
    Limits: string
    Decision: Decision
    /// The path of the file.
    File: string
}

let private fail (source: Source) key says : 'a = raise (ConfigException(source, key, says))

let private known (it: string) (words: string list) (node: Document) =
    if not node.IsMap then raise (node.IsNot(it, "a mapping"))

    for entry in node.Entries do
        if not (List.contains entry.Key words) then
            fail
                entry.KeySource
                entry.Key
                $"""unknown key of {it}. Known keys: {String.Join(", ", words)}{Spelling.DidYouMean(entry.Key, words)}."""

let private find (key: string) (node: Document) = node.Find key |> Option.ofObj

let private need (it: string) (key: string) (node: Document) =
    match find key node with
    | Some found -> found
    | None -> fail node.Source key $"{it} needs the key {key}."

let private text at (node: Document) =
    match node.Value with
    | :? string as text when text.Trim() <> "" -> text.Trim()
    | _ -> raise (node.IsNot(at, "a text"))

/// A name or an id that YAML would read as another type is still a text here.
let private name at (node: Document) = if node.IsScalar && not node.IsNull then string node else raise (node.IsNot(at, "a name"))

let private number at (node: Document) =
    match Option.ofNullable (node.AsFloat()) with
    | Some value when Double.IsFinite value -> value
    | _ -> raise (node.IsNot(at, "a number"))

let private whole at low high (node: Document) =
    match Option.ofNullable (node.AsInteger()) with
    | Some n when n >= int64 low && n <= int64 high -> int n
    | _ -> raise (node.IsNot(at, $"a whole number from {low} to {high}"))

let private items at (node: Document) = if node.IsList then List.ofSeq node.Items else raise (node.IsNot(at, "a list"))

let private settings at (node: Document) : Setting list = [ for item in items at node -> text at item, item.Source ]

/// Names with their lists of overrides, in the order of the file.
let private named at (node: Document) =
    if not node.IsMap then raise (node.IsNot(at, "a mapping from names to lists of settings"))
    if node.Entries.Count = 0 then fail node.Source at $"{at} has no entry; it needs at least one."
    [ for entry in node.Entries -> entry.Key, settings $"{at}.{entry.Key}" entry.Value ]

let private among at (names: string list) (node: Document) =
    let name = name at node

    if not (List.contains name names) then
        fail node.Source at $"""there is no {name} here. Known names: {String.Join(", ", names)}{Spelling.DidYouMean(name, names)}."""

    name

/// The most seeds of a claim.
let private mostSeeds = 1000

let private rule (rows: string list) (data: string list) (seeds: int) (node: Document) : Rule =
    known "a rule" [ "row"; "metric"; "against"; "against-metric"; "by"; "wins"; "fails"; "below"; "above"; "between"; "on" ] node
    let row = need "a rule" "row" node |> among "row" rows
    let metric = need "a rule" "metric" node |> name "metric"
    let of' key read = find key node |> Option.map (read key)
    let against = of' "against" (fun at -> among at rows)
    let forbidden (keys: string list) because =
        for key in keys do
            find key node |> Option.iter (fun found -> fail found.Source key $"{key} {because}.")

    let demand =
        match against, of' "below" number, of' "above" number, find "between" node with
        | Some against, None, None, None ->
            let other = of' "against-metric" name |> Option.defaultValue metric
            if against = row && other = metric then
                fail node.Source "against" "a row is not compared with itself; name another row or metric."
            let by = of' "by" number |> Option.defaultValue 0.0

            match of' "wins" (fun at -> whole at 1 seeds) with
            | Some wins -> Wins(against, other, by, wins, of' "fails" (fun at -> whole at 0 wins) |> Option.defaultValue (seeds - wins))
            | None ->
                forbidden [ "fails" ] "needs wins, the seeds in which the row must be better"
                Better(against, other, by)
        | None, below, above, between ->
            forbidden [ "by"; "wins"; "fails"; "against-metric" ] "needs against, the row to compare with"

            match below, above, between with
            | Some bound, None, None -> Between(-infinity, bound)
            | None, Some bound, None -> Between(bound, infinity)
            | None, None, Some pair ->
                match items "between" pair |> List.map (number "between") with
                | [ low; high ] when low < high -> Between(low, high)
                | _ -> raise (pair.IsNot("between", "two rising numbers"))
            | _ -> fail node.Source "rules" "a rule has one of against, below, above and between."
        | Some _, _, _, _ -> fail node.Source "rules" "a rule has one of against, below, above and between."

    {
        Row = row
        Metric = metric
        Demand = demand
        On = find "on" node |> Option.map (items "on" >> List.map (among "on" data)) |> Option.defaultValue data
        Source = node.Source
    }

let private control (rows: string list) (node: Document) : Control =
    known "a control" [ "row"; "instead"; "breaks"; "none" ] node

    match find "none" node with
    | Some because when node.Entries.Count = 1 -> NoControl(text "none" because)
    | Some other -> fail other.Source "none" "a control is none with a reason, or it has a row; delete one of them."
    | None ->
        Row(
            need "a control" "row" node |> among "row" rows,
            find "instead" node |> Option.map (among "instead" rows),
            need "a control" "breaks" node |> text "breaks"
        )

let private design (document: Document) (node: Document) : Design =
    known "runs" [ "given"; "data"; "seeds"; "rows" ] node
    let data = need "runs" "data" node |> named "data"
    let rows = need "runs" "rows" node |> named "rows"
    let seeds = need "runs" "seeds" node |> whole "seeds" 3 mostSeeds
    let rules = need "a claim with runs" "rules" document |> items "rules" |> List.map (rule (List.map fst rows) (List.map fst data) seeds)
    if rules.IsEmpty then fail document.Source "rules" "a claim with runs needs at least one rule."

    {
        Given = find "given" node |> Option.map (settings "given") |> Option.defaultValue []
        Data = data
        Rows = rows
        Seeds = seeds
        Rules = rules
        Control = need "a claim with runs" "control" document |> control (List.map fst rows)
    }

let private ofDocument (file: string) (document: Document) : Claim =
    known "a claim" [ "id"; "paper"; "claim"; "contradicted"; "limits"; "runs"; "rules"; "control"; "laws"; "needs" ] document
    Secrets.Here.RefuseIn document
    let id = need "a claim" "id" document |> name "id"
    let expected = string (Path.GetFileNameWithoutExtension file)

    if not (Regex.IsMatch(id, @"\A[A-Za-z0-9-]+\z")) then
        fail (need "a claim" "id" document).Source "id" $"{id} is not an id; use letters, digits and hyphens."

    if id <> expected then
        fail (need "a claim" "id" document).Source "id" $"the file {expected}.yaml has the claim {id}; an id is the name of its file."

    let decision =
        match find "runs" document, find "laws" document, find "needs" document with
        | Some runs, None, None -> Runs(design document runs)
        | None, laws, needs ->
            for key in [ "rules"; "control" ] do
                find key document |> Option.iter (fun found -> fail found.Source key $"{key} needs runs.")

            match laws, needs with
            | Some laws, None ->
                match items "laws" laws |> List.map (text "laws") with
                | [] -> fail laws.Source "laws" "laws has no entry; name a part of the sentence of a law."
                | parts -> Laws parts
            | None, Some needs -> Needs(text "needs" needs)
            | _ -> fail document.Source "" "a claim has one of runs, laws and needs."
        | _ -> fail document.Source "" "a claim has one of runs, laws and needs."

    let said key = need "a claim" key document |> text key

    {
        Id = id
        Paper = need "a claim" "paper" document |> name "paper"
        Says = said "claim"
        Contradicted = said "contradicted"
        Limits = said "limits"
        Decision = decision
        File = file
    }

/// Reads one claim. Throws ConfigException, which names the file, the line and the key.
let read (file: string) : Claim = ofDocument file (Document.Read file)

/// The claim of a text, as if it were in a file of this name.
let parse (file: string) (text: string) : Claim = ofDocument file (Document.Parse(text, file))

/// A1 before A2 before A10 before B1; ours last.
let private order (id: string) =
    let found = Regex.Match(id, @"\A([A-Za-z-]*)([0-9]*)(.*)\z")
    let letters = found.Groups[1].Value
    let digits = found.Groups[2].Value
    letters.Length, letters, (if digits = "" then 0 else int (Int64.Parse digits % 1_000_000L)), id

/// The claims of a folder's YAML files, by id.
let readAll (folder: string) : Claim list =
    if not (Directory.Exists folder) then fail (Source.Of folder) "" "the folder of claims does not exist."

    Directory.GetFiles(folder, "*.yaml") |> Seq.map read |> Seq.sortBy (fun claim -> order claim.Id) |> List.ofSeq

/// The claims of a list of ids such as A1,B4, in the order of the folder; all without a list.
let chosen (only: string option) (claims: Claim list) : Claim list =
    match only with
    | None -> claims
    | Some text ->
        let ids = text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)
        let there = claims |> List.map _.Id
        let source = Source.CommandLine $"--only {text}"
        if ids.Length = 0 then fail source "" "--only needs ids of claims, such as A1,B4."

        for id in ids do
            if not (List.contains id there) then
                fail source "" $"""there is no claim {id}. Known claims: {String.Join(", ", there)}{Spelling.DidYouMean(id, there)}."""

        claims |> List.filter (fun claim -> Array.contains claim.Id ids)
