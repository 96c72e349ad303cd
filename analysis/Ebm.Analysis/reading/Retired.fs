/// Runs that were taken out of tables for good: `retired.jsonl` in a sweep's folder has a line for each decision, the last one of a run counts.
/// The run's own folder stays as it is. The ledger has every decision with its reason, and the hash of this file.
module Ebm.Analysis.Retired

open System.IO
open System.Text.Json
open Ebm.Analysis.Fields
open Ebm.Records

type Decision = {
    Run: string
    Because: string
    /// The run was retired before, and counts again.
    Undone: bool
}

[<Literal>]
let FileName = "retired.jsonl"

let fileOf (sweep: string) = Path.Combine(sweep, FileName)

/// A decision as a line of the file.
let written (decision: Decision) =
    JsonText.LineOf(fields [ "run" => decision.Run; "because" => decision.Because; if decision.Undone then "undone" => true ])

/// The decisions of a sweep's folder, the first one first. Throws InvalidDataException for a line that is not a decision.
let decisions (sweep: string) : Decision list =
    if not (Disk.HasFile(fileOf sweep)) then
        []
    else
        [
            for i, line in Seq.indexed (RegularFile.Lines(fileOf sweep)) do
                try
                    use json = JsonText.Parse line

                    let text (name: string) =
                        let text = string (json.RootElement.GetProperty(name).GetString())
                        // `retire` writes none; in a terminal they are commands.
                        if Seq.exists System.Char.IsControl text then
                            raise (System.Collections.Generic.KeyNotFoundException $"{name} has a control character.")
                        text

                    {
                        Run = text "run"
                        Because = text "because"
                        Undone =
                            match json.RootElement.TryGetProperty "undone" with
                            | true, undone -> undone.GetBoolean()
                            | _ -> false
                    }
                with
                | :? JsonException
                | :? System.InvalidOperationException
                | :? System.Collections.Generic.KeyNotFoundException as error ->
                    raise (InvalidDataException($"{fileOf sweep}, line {i + 1}: not a decision on a run: {error.Message}", error))
        ]

/// The retired runs among some decisions, each with the reason.
let among (decisions: Decision list) : Map<string, string> =
    (Map.empty, decisions)
    ||> List.fold (fun retired decision ->
        if decision.Undone then retired.Remove decision.Run else retired.Add(decision.Run, decision.Because))

/// The retired runs of a sweep's folder, each with the reason. Throws InvalidDataException for a line that is not a decision.
let read (sweep: string) : Map<string, string> = among (decisions sweep)
