/// What all audits share: the folders that an audit works with, the search for the runs that its arguments name, and its ledger entry.
module Ebm.Audits.Workspace

open System
open System.IO
open Argu
open Ebm.Records

type Workspace = {
    /// The repository's root.
    Root: string
    Runs: string
    Reports: string
    Data: string
    /// Print JSON.
    Json: bool
}

let private placed (root: string) runs reports data json : Workspace = {
    Root = root
    Runs = Options.place "--runs" runs "EBM_RUNS" (Path.Combine(root, "runs"))
    Reports = Options.place "--reports" reports "EBM_REPORTS" (Path.Combine(root, "reports"))
    Data = Options.place "--data" data "EBM_DATA" (Path.Combine(root, "data"))
    Json = json
}

/// The folders that the environment variables name, else a repository's own.
let at (root: string) : Workspace = placed root None None None false

/// The options of every audit.
[<RequireQualifiedAccess>]
type Option =
    | [<EqualsAssignmentOrSpaced>] Runs of folder: string
    | [<EqualsAssignmentOrSpaced>] Reports of folder: string
    | [<EqualsAssignmentOrSpaced>] Data of folder: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Runs _ -> "the folder of runs (the variable EBM_RUNS, else runs)"
            | Reports _ -> "the folder of reports (the variable EBM_REPORTS, else reports)"
            | Data _ -> "the data root (the variable EBM_DATA, else data)"
            | Json -> "print JSON"

let parser = Options.parser<Option>

/// The workspace that the arguments name, and the other arguments; paths are relative to the current folder.
let read (root: string) (arguments: string list) : Workspace * string list =
    let options, rest = Options.read parser arguments

    placed
        root
        (options.TryGetResult <@ Option.Runs @>)
        (options.TryGetResult <@ Option.Reports @>)
        (options.TryGetResult <@ Option.Data @>)
        (options.Contains <@ Option.Json @>),
    rest

/// An audit as a verb of the command line; its file declares it, and Audit lists it.
type Verb = {
    Name: string
    /// The words after the name.
    Words: string
    /// The description that `help` prints.
    Says: string
    /// Command lines after the script's name, and what they do.
    Examples: (string * string) list
    /// The parsers of its own options; every audit also has the options of this file.
    Options: ArgumentParser list
    /// Runs the audit with the arguments after its name; returns the exit code. Throws ConfigException with what to correct.
    Perform: Workspace -> string list -> int
}

let refuse says : 'a = Options.usage "audit" says

/// The path of an audit's report; its name is the hash in the ledger's entry.
let reportOf (runs: string) (hash: string) = Path.Combine(runs, SweepFolder.Audits, hash + ".json")

/// Enters an audit into the ledger, if there is a valid one, keeps its report next to the ledger, and keeps the ledger's head. An audit
/// does not fail if the folder cannot be written.
let enter (workspace: Workspace) (subject: string) (report: string) =
    Ledger.within workspace.Root workspace.Runs (fun () ->
        // It may quote the output of a build, or the value of a variable.
        let report = Secrets.Here.Masked report
        let hash = Canonical.Sha256 report

        Ledger.append workspace.Runs (fun entries ->
            if entries.IsEmpty then
                []
            else
                // The report comes first, because an entry without its report would look like a removed report.
                Directory.CreateDirectory(Path.Combine(workspace.Runs, SweepFolder.Audits)) |> ignore
                AtomicFile.Write(reportOf workspace.Runs hash, report)
                [ Ledger.Kind.audit, subject, hash ]))

let sweepsOf (workspace: Workspace) (words: string list) =
    if not (Directory.Exists workspace.Runs) then refuse $"there are no runs at {workspace.Runs}; name their folder with --runs."

    for word in words do
        if not (Directory.Exists((SweepFolder.Name(word, Source.CommandLine word)).In workspace.Runs)) then
            let there = SweepFolder.Under workspace.Runs |> Seq.map (Path.GetFileName >> string) |> Array.ofSeq
            refuse
                $"""there is no sweep {word} in {workspace.Runs}; its sweeps are {String.Join(", ", there)}{Spelling.DidYouMean(word, there)}."""

    words

let runOf (workspace: Workspace) (words: string list) =
    match words with
    | [ word ] ->
        let found =
            RunFolder.Under workspace.Runs
            |> Seq.filter (fun run -> run.Id = word || $"{run.Sweep}/{run.Id}" = word || run.Id.Contains word)
            |> List.ofSeq

        match found with
        | [ run ] -> run
        | [] -> refuse $"no run in {workspace.Runs} has {word} in its id; give a run's id, or a part of it."
        | several ->
            refuse
                $"""{word} is a part of several ids: {String.Join(", ", several |> List.map (fun run -> $"{run.Sweep}/{run.Id}"))}; give a longer part."""
    | _ -> refuse "name one run: its id, or a part of it."

/// The run that the arguments name, which can be repeated: an imported one has no code.
let executedRunOf (workspace: Workspace) (words: string list) =
    let run = runOf workspace words

    match run.Manifest with
    | NonNull manifest when not (isNull manifest.Imported) ->
        refuse
            $"{run.Sweep}/{run.Id} was imported from {(nonNull manifest.Imported).File}, so there is no code to repeat it; `audit verify` checks its files."
    | _ -> run

let runnerOf (workspace: Workspace) =
    let runner = Path.Combine(workspace.Root, "artifacts", "bin", "Ebm.Runner", "release", "ebm-runner")
    if not (File.Exists runner) then refuse "the runner is not built; build it with: dotnet fsi build.fsx build"
    runner
