/// Is it the sampler or the model? Every check on one run, and the line that sums them up.
module Ebm.Analysis.Diagnosis

open System
open System.IO
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Finding

/// All checks; add another one here. An earlier one that fails explains later ones: runaway energies leave no chains and no modes to judge.
let checks = [ Energies.check; Chains.check; Modes.check; Fit.check; Readouts.check ]

let private rank verdict =
    match verdict with
    | Sampler
    | Model
    | SamplerOrModel -> 0
    | Readout -> 1
    | Fine -> 2
    | NotMeasured -> 3

let word verdict =
    match verdict with
    | Sampler -> "sampler"
    | Model -> "model"
    | SamplerOrModel -> "sampler or model"
    | Readout -> "readout"
    | Fine -> "fine"
    | NotMeasured -> "not measured"

/// The findings of a run, the worst first. It may still be in training; then only what is recorded so far is judged.
let ofRun (run: Run) : Finding list =
    let evidence = Evidence.of' run

    // One bad record must not hide what the others say.
    let judged (check: Check) =
        try
            check.Judge evidence
        with error -> {
            finding check.Name NotMeasured "this check failed on its records" with
                Evidence = [ JsonText.LineOf $"{error.GetType().Name}: {error.Message}" ]
        }

    checks |> List.map judged |> List.sortBy (fun found -> rank found.Verdict)

/// The findings of a run's folder; none if it is not a run.
let ofFolder (folder: RunFolder) : Finding list =
    match fst (under folder.Path) with
    | [ run ] -> ofRun run
    | _ -> []

/// The longest line.
let width = 100

let private names verdict (findings: Finding list) =
    match
        [
            for found in findings do
                if found.Verdict = verdict then found.Check
        ]
    with
    | [] -> []
    | names -> [ word verdict + ": " + String.Join(", ", names) ]

/// One line of at most 100 columns: what is wrong, the worst first, then what is fine and what was not measured.
let line (findings: Finding list) : string =
    let wrong = [
        for found in findings do
            if rank found.Verdict < 2 then word found.Verdict + ": " + found.Says
    ]

    match wrong, names Fine findings, names NotMeasured findings with
    | [], [], _ -> "not measured"
    | parts, fine, unknown ->
        // As many parts as fit.
        (parts @ fine @ unknown)
        |> List.fold
            (fun (line: string) part ->
                if line = "" then part
                elif line.Length + 2 + part.Length <= width then line + "; " + part
                else line)
            ""
        |> Text.short width

/// The line of each run in a sweep's folder, by id; without runs of which nothing can be judged yet. Runs that cannot be read have none.
let lines (folder: string) : Map<string, string> =
    let runs =
        try
            fst (under folder)
        with
        | :? InvalidDataException
        | :? IOException -> []

    runs
    |> Array.ofList
    |> Array.Parallel.map (fun run -> run.Id, ofRun run)
    |> Array.filter (fun (_, findings) -> findings |> List.exists (fun found -> found.Verdict <> NotMeasured))
    |> Array.map (fun (id, findings) -> id, line findings)
    |> Map.ofArray
