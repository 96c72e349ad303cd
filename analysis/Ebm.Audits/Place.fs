/// Where an audit is done and what it is told, how it finds what it is asked about, and how it is entered into the ledger: what all audits
/// have in common.
module Ebm.Audits.Place

open System
open System.IO
open Ebm.Records

/// What an audit is told besides its words.
type Place = {
    /// The repository's root.
    Root: string
    Runs: string
    Reports: string
    Data: string
    Json: bool
    /// smoke, sample: so many steps at least.
    Steps: int64
    /// sample: so many runs, and which draw.
    N: int
    Seed: int
    /// sample: those that were sampled before, too.
    Again: bool
    /// sample: whole runs, as rerun does.
    Whole: bool
    /// smoke, rerun, sample: other threads and variables than the run had.
    Threads: int option
    Variables: (string * string) list
    /// smoke, rerun, sample: a lab's assemblies, where they lie now.
    With: string list
    /// export: the folder to make, only one of the two things that lie in it, and up to how many bytes a data file is taken along.
    Out: string option
    Crate: bool
    Capsule: bool
    Largest: int64
    /// bisect: the last commit in question.
    Bad: string
    /// refs: drop what no run here needs.
    Prune: bool
}

/// The place that a repository's own folders are, with what is assumed where nothing is said.
let at (root: string) : Place = {
    Root = root
    Runs = Path.Combine(root, "runs")
    Reports = Path.Combine(root, "reports")
    Data =
        match Environment.GetEnvironmentVariable "EBM_DATA" with
        | null
        | "" -> Path.Combine(root, "data")
        | folder -> folder
    Json = false
    Steps = 50L
    N = 5
    Seed = 0
    Again = false
    Whole = false
    Threads = None
    Variables = []
    With = []
    Out = None
    Crate = false
    Capsule = false
    Largest = 64_000_000L
    Bad = "HEAD"
    Prune = false
}

/// An audit: a folder holds it, and Audit lists it.
type Verb = {
    Name: string
    /// What `help` says of it.
    Says: string
    /// Does what the words behind its name ask; returns the exit code. Throws ConfigException with what to correct.
    Perform: Place -> string list -> int
}

let refuse says : 'a = raise (ConfigException(Source.CommandLine "audit", "", says))

/// Where an audit's report is kept: the name is the hash that the ledger's entry has.
let reportOf (runs: string) (hash: string) = Path.Combine(runs, SweepFolder.Audits, hash + ".json")

/// Enters an audit into the ledger, where there is one that holds, keeps its report beside it, and keeps the ledger's head. A folder that
/// cannot be written is no reason to fail.
let enter (place: Place) (subject: string) (report: string) =
    try
        let hash = Canonical.Sha256 report

        Ledger.append place.Runs (fun entries ->
            if entries.IsEmpty then
                []
            else
                // First the report, then its entry: an entry without its report would look like one that was taken away.
                Directory.CreateDirectory(Path.Combine(place.Runs, SweepFolder.Audits)) |> ignore
                AtomicFile.Write(reportOf place.Runs hash, report)
                [ Ledger.Kind.audit, subject, hash ])

        Ledger.anchor place.Root place.Runs |> ignore
    with
    | :? IOException
    | :? UnauthorizedAccessException -> eprintfn $"The audit is not entered into the ledger: {Ledger.pathOf place.Runs} cannot be written."

let sweepsOf (place: Place) (words: string list) =
    if not (Directory.Exists place.Runs) then refuse $"there are no runs at {place.Runs}; --runs names another folder."

    for word in words do
        if not (Directory.Exists(Path.Combine(place.Runs, word))) then
            let there = SweepFolder.Under place.Runs |> Seq.map (Path.GetFileName >> string) |> Array.ofSeq
            refuse $"""no sweep {word} lies under {place.Runs}; there are {String.Join(", ", there)}{Spelling.DidYouMean(word, there)}."""

    words

let runOf (place: Place) (words: string list) =
    match words with
    | [ word ] ->
        let found =
            RunFolder.Under place.Runs
            |> Seq.filter (fun run -> run.Id = word || $"{run.Sweep}/{run.Id}" = word || run.Id.Contains word)
            |> List.ofSeq

        match found with
        | [ run ] -> run
        | [] -> refuse $"no run under {place.Runs} is called {word}; give a run's id, or a part of it."
        | several ->
            refuse $"""{word} could be {String.Join(", ", several |> List.map (fun run -> $"{run.Sweep}/{run.Id}"))}; give more of it."""
    | _ -> refuse "name one run: its id, or a part of it."

let runnerOf (place: Place) =
    let runner = Path.Combine(place.Root, "artifacts", "bin", "Ebm.Runner", "release", "ebm-runner")
    if not (File.Exists runner) then refuse "the compiled runner is not there; build it with: dotnet fsi build.fsx build"
    runner
