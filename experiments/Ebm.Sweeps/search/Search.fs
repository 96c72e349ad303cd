/// A search's journal: what was asked, trial by trial, and what came of it. A search that goes on, or is repeated, reads its trials here
/// and proposes only what is missing; lines are only ever added.
///
///     {"trial":0,"at":[0.25,0.5],"settings":["train.lr=0.001","method.steps=20"]}
///     {"trial":0,"value":0.031}
module Ebm.Sweeps.Search

open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Ebm.Records
open Ebm.Sweeps.Values

/// One journal for a space and its seed: more trials of the same search go on in it.
let private journal (folder: string) (search: Search) =
    let space = search.Space |> List.map (fun (key, range) -> $"{key} %A{range}") |> String.concat "\n"
    let hash = Canonical.Sha256 $"{search.Seed} {search.Batch}\n{space}"
    Path.Combine(folder, $"search-{hash[..7]}.jsonl")

let private options =
    JsonSerializerOptions(NumberHandling = Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals)

let private number (node: JsonNode) =
    if node.GetValueKind() = JsonValueKind.String then
        System.Double.Parse(node.GetValue<string>(), invariant)
    else
        node.GetValue<float>()

/// Every trial so far. A line that a crash tore is not there; it can only be the last.
let trials (folder: string) (search: Search) : Tpe.Trial list =
    let path = journal folder search

    if not (File.Exists path) then
        []
    else
        let text = File.ReadAllText path
        let whole = text.Substring(0, text.LastIndexOf '\n' + 1)
        let lines =
            whole.Split('\n', System.StringSplitOptions.RemoveEmptyEntries) |> Array.map (fun line -> nonNull (JsonNode.Parse line))

        let values =
            Map.ofList [
                for line in lines do
                    match line["value"] with
                    | null -> ()
                    | value -> (nonNull line["trial"]).GetValue<int>(), number value
            ]

        [
            for line in lines do
                match line["at"] with
                | null -> ()
                | at -> {
                    Tpe.Trial.At = at.Deserialize<float[]>() |> nonNull
                    Tpe.Trial.Value = values |> Map.tryFind ((nonNull line["trial"]).GetValue<int>())
                  }
        ]

let private settings (search: Search) (trial: Tpe.Trial) = [
    for (key, range), u in Seq.zip search.Space trial.At -> key, Sobol.valueAt range u
]

/// The settings of every trial so far.
let asked (folder: string) (search: Search) = trials folder search |> List.truncate search.Trials |> List.map (settings search)

/// A torn last line goes before the next is written.
let private append (folder: string) (search: Search) (lines: string list) =
    Directory.CreateDirectory folder |> ignore
    use file = new FileStream(journal folder search, FileMode.OpenOrCreate, FileAccess.ReadWrite)
    use reader = new StreamReader(file)
    let text = reader.ReadToEnd()
    let whole = System.Text.Encoding.UTF8.GetByteCount(text.Substring(0, text.LastIndexOf '\n' + 1))
    file.SetLength(int64 whole)
    file.Seek(0L, SeekOrigin.End) |> ignore
    file.Write(System.Text.Encoding.UTF8.GetBytes(lines |> List.map (fun line -> line + "\n") |> String.concat ""))
    file.Flush true

/// Writes down what trials came to: `valueOf` is asked for those whose value is not known, by their settings as overrides.
let tell (folder: string) (search: Search) (valueOf: string list -> float option) =
    let told = [
        for i, trial in List.indexed (trials folder search) do
            if trial.Value.IsNone then
                match valueOf [ for key, value in settings search trial -> $"{key}={printValue value}" ] with
                | Some value -> JsonSerializer.Serialize({| trial = i; value = value |}, options)
                | None -> ()
    ]

    if not told.IsEmpty then append folder search told

/// Proposes the next batch, from what was told before it.
let ask (folder: string) (search: Search) =
    let known = trials folder search
    // A batch that was cut off is filled up, from the same knowledge: proposals do not depend on where a search was interrupted.
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
