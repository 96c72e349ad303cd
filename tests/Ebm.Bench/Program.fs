/// `dotnet fsi build.fsx bench`: the speed of this project and of plain PyTorch, on the same libtorch, BLAS and threads, measured in turn.
/// Absolute times depend on the machine and its load; the ratio is the result. Below 1, this project is faster.
module Ebm.Bench.Program

open System
open Ebm.Bench.Paired
open Ebm.Bench.Rows

let private configs = Speed.configs

let private sweeps () =
    fprintfn out "\na sweep besides its runs"
    let runs, took = Sweeps.planning configs
    fprintfn out "%-52s %10.2f s" $"planning {runs} runs" took
    let pauses = Sweeps.pauses configs 40
    fprintfn
        out
        "%-52s %10.1f ms in the median, %.1f at the 90th percentile"
        "between a run's end and the next one's start"
        (1e3 * median pauses)
        (1e3 * quantile 0.9 pauses)

    for name, share in [ "in a separate process", false; "in one process with others (--share)", true ] do
        let starts = Sweeps.starts configs 6 share
        fprintfn out "%-52s %10.2f s in the median" $"a run of one step, {name}" (median starts)

    let first, alone, whole, loading = Sweeps.firstStep configs 7
    fprintfn
        out
        "%-52s %10.2f s; a process that only loads libtorch %.2f, difference %.2f"
        "runner to first step"
        first
        alone
        (first - alone)
    fprintfn
        out
        "%-52s %10.2f s of CPU; a process that only loads libtorch %.2f, difference %.2f"
        "… and to its end"
        whole
        loading
        (whole - loading)

let private tables () =
    fprintfn out "\na table of many runs"

    for seeds in [ 5; 20 ] do
        Memory.forget ()
        let table = Tables.tabulating 10 10 seeds

        fprintfn
            out
            "%-52s %10.2f s: reading %.2f, tabulating %.2f, writing %.2f; %.0f MiB at most"
            $"a table of {table.Runs} runs"
            (table.Read + table.Tabulated + table.Written)
            table.Read
            table.Tabulated
            table.Written
            (peak ())

let private audits () =
    fprintfn out "\nan audit of many runs"
    let files, megabytes, first, second = Audits.verifying 1000
    fprintfn
        out
        "%-52s %10.2f s from the disk, %.2f s the second time: %d files, %.0f MB, %d cores"
        "audit verify of 1000 runs"
        first
        second
        files
        megabytes
        Environment.ProcessorCount

let private usage =
    "bench [speed | growth | sweeps | tables | audits] [--only TEXT] [--threads N] [--cpu] [--peer NAME=FOLDER] [--write FILE.md | FILE.json] [--json]\n"
    + "  Without a word, everything but growth is measured.\n"
    + "bench scale RUNS: what a sweep of this many runs costs besides its runs, with their folders on the disk\n"
    + "bench simulate RUNS NODES: the same with everything that goes wrong on a cluster, in memory\n"
    + "bench simulate-seeds FIRST LAST: 40 runs on 8 nodes for each of these seeds, with more faults\n"
    + "  --only: the workloads of speed whose name contains TEXT, and nothing else\n"
    + "  --cpu: the CPU time of the process instead of wall-clock time, for a machine that others use\n"
    + "  --peer: another package to compare with, "
    + String.concat " or " Speed.knownPeers
    + ", in this folder\n"
    + "  --write: the rows as a table in Markdown, or as JSON\n"
    + "  --json: the rows as one object on standard output; all other lines go to standard error"

type private Options = { Words: string list; Only: string option; Threads: int; Peers: Speed.Peers; File: string option; Json: bool }

let private measure (options: Options) =
    let speed () = Speed.measureAll options.Threads (defaultArg options.Only "") options.Peers

    match options.Words with
    | [ "speed" ] -> speed ()
    | [ "growth" ] -> Growth.measure configs
    | [ "sweeps" ] -> sweeps ()
    | [ "tables" ] -> tables ()
    | [ "audits" ] -> audits ()
    | _ ->
        speed ()

        if options.Only.IsNone then
            sweeps ()
            tables ()
            audits ()

    match options.File with
    | Some path when path.EndsWith(".json", StringComparison.Ordinal) -> IO.File.WriteAllText(path, json ())
    | Some path -> writeMarkdown path
    | None -> ()

    if options.Json then printfn "%s" (json ())

let rec private read words (options: Options) =
    match words with
    | "--only" :: text :: rest -> read rest { options with Only = Some text }
    | "--threads" :: count :: rest when fst (Int32.TryParse count) -> read rest { options with Threads = int count }
    | "--write" :: path :: rest -> read rest { options with File = Some path }
    | "--cpu" :: rest ->
        byCpu <- true
        read rest options
    | "--json" :: rest ->
        out <- Console.Error
        read rest { options with Json = true }
    | "--peer" :: peer :: rest ->
        match peer.Split('=', 2) with
        | [| name; folder |] when List.contains name Speed.knownPeers ->
            read rest { options with Peers = (name, IO.Path.GetFullPath folder) :: options.Peers }
        | _ ->
            let known = String.concat " and " Speed.knownPeers
            Error $"--peer {peer}: not a valid package with its folder. Known packages are {known}; write --peer torchebm=FOLDER."
    | ("speed" | "growth" | "sweeps" | "tables" | "audits" as word) :: rest when options.Words.IsEmpty ->
        read rest { options with Words = [ word ] }
    | [] -> Ok options
    | word :: _ -> Error $"{word}: not a valid word or option here, or its value is missing.\n{usage}"

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | [ "load" ] ->
        Sweeps.load ()
        0
    | [ "simulate"; runs; nodes ] when fst (Int32.TryParse runs) && fst (Int32.TryParse nodes) ->
        Scale.simulated configs (int runs) (int nodes)
        0
    | [ "simulate-seeds"; first; last ] when fst (Int32.TryParse first) && fst (Int32.TryParse last) && int first <= int last ->
        if Scale.everySeed configs (int first) (int last) then 0 else 1
    | [ "scale"; runs ] when fst (Int32.TryParse runs) ->
        Scale.onDisk configs (int runs)
        0
    | words ->
        match read words { Words = []; Only = None; Threads = 1; Peers = []; File = None; Json = false } with
        | Ok options ->
            measure options
            0
        | Error problem ->
            eprintfn "%s" problem
            2
