/// A search's journal: the settings of each trial, and its value. A search that is continued or repeated reads its trials here and
/// proposes only those that are missing; lines are only appended.
///
///     {"trial":0,"at":[0.25,0.5],"settings":["train.lr=0.001","method.steps=20"]}
///     {"trial":0,"value":0.031}
module Ebm.Sweeps.Search

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Ebm.Records
open Ebm.Sweeps.Values

/// The journal's name depends on space, seed and batch, so a search with more trials continues the same journal.
let private journal (folder: string) (search: Search) =
    let space = search.Space |> List.map (fun (key, range) -> $"{key} %A{range}") |> String.concat "\n"
    let hash = Canonical.Sha256 $"{search.Seed} {search.Batch}\n{space}"
    Path.Combine(folder, $"search-{hash[..7]}.jsonl")

let private number (node: JsonNode) =
    if node.GetValueKind() = JsonValueKind.String then Double.Parse(node.GetValue<string>(), invariant) else node.GetValue<float>()

let private read (search: Search) (lines: JsonNode list) : Tpe.Trial list =
    let trial (line: JsonNode) =
        match line["trial"] with
        | null -> raise (InvalidOperationException "a line has no number of its trial")
        | number -> number.GetValue<int>()

    let values =
        Map.ofList [
            for line in lines do
                match line["value"] with
                | null -> ()
                | value -> trial line, number value
        ]

    [
        for line in lines do
            match line["at"] with
            | null -> ()
            | at ->
                let point = at.Deserialize<float[]>() |> nonNull

                if point.Length <> search.Space.Length || point |> Array.exists (fun u -> not (u > 0.0 && u < 1.0)) then
                    raise (InvalidOperationException $"a trial is not {search.Space.Length} numbers between 0 and 1")

                { Tpe.Trial.At = point; Tpe.Trial.Value = values |> Map.tryFind (trial line) }
    ]

/// Every trial so far. Ignores a last line that a crash left incomplete. Throws InvalidDataException if the file is not such a journal.
let trials (folder: string) (search: Search) : Tpe.Trial list =
    let path = journal folder search

    if not (File.Exists path) then
        []
    else
        try
            RegularFile.WholeLines path
            |> Seq.filter ((<>) "")
            |> Seq.map (fun line -> nonNull (JsonNode.Parse(line, documentOptions = JsonDocumentOptions(AllowDuplicateProperties = false))))
            |> List.ofSeq
            |> read search
        with
        | :? JsonException
        | :? InvalidOperationException
        | :? FormatException
        | :? NullReferenceException as error ->
            raise (InvalidDataException($"{path}: this is not the journal of a search: {error.Message.TrimEnd '.'}.", error))

let private settings (search: Search) (trial: Tpe.Trial) = [
    for (key, range), u in Seq.zip search.Space trial.At -> key, Sobol.valueAt range u
]

/// The settings of every trial so far.
let asked (folder: string) (search: Search) = trials folder search |> List.truncate search.Trials |> List.map (settings search)

/// Removes an incomplete last line before it appends.
let private append (folder: string) (search: Search) (lines: string list) =
    Directory.CreateDirectory folder |> ignore
    use file = new FileStream(journal folder search, FileMode.OpenOrCreate, FileAccess.ReadWrite)
    use reader = new StreamReader(file, System.Text.UTF8Encoding false, detectEncodingFromByteOrderMarks = false)
    let text = reader.ReadToEnd()
    let whole = System.Text.Encoding.UTF8.GetByteCount(text.Substring(0, text.LastIndexOf '\n' + 1))
    file.SetLength(int64 whole)
    file.Seek(0L, SeekOrigin.End) |> ignore
    file.Write(System.Text.Encoding.UTF8.GetBytes(lines |> List.map (fun line -> line + "\n") |> String.concat ""))
    file.Flush true

/// Records the values of trials. `valueOf` gives a trial's value from its settings as overrides; it is called for trials without one.
let tell (folder: string) (search: Search) (valueOf: string list -> float option) =
    let told = [
        for i, trial in List.indexed (trials folder search) do
            if trial.Value.IsNone then
                match valueOf [ for key, value in settings search trial -> $"{key}={printValue value}" ] with
                | Some value -> JsonText.LineOf {| trial = i; value = value |}
                | None -> ()
    ]

    if not told.IsEmpty then append folder search told

/// Proposes the next batch from the values recorded before it.
let ask (folder: string) (search: Search) =
    let known = trials folder search
    // An interrupted batch is completed from the values before it, so that proposals do not depend on the interruption.
    let start = known.Length / search.Batch * search.Batch
    let count = min search.Trials (start + search.Batch) - known.Length

    let rec next asked index left =
        if left = 0 then
            List.rev asked
        else
            let soFar = known @ List.rev asked |> List.mapi (fun i (t: Tpe.Trial) -> if i < start then t else { t with Value = None })
            let trial: Tpe.Trial = { At = Tpe.propose search index soFar; Value = None }
            next (trial :: asked) (index + 1) (left - 1)

    let lines = [
        for i, trial in List.indexed (next [] known.Length count) ->
            JsonSerializer.Serialize {|
                trial = known.Length + i
                at = trial.At
                settings = [ for key, value in settings search trial -> $"{key}={printValue value}" ]
            |}
    ]

    append folder search lines
