/// Writes comparison tables. `dotnet fsi analysis/table.fsx runs/rings …` writes the tables of sweeps to reports/; without arguments, of
/// every sweep in runs; `--all` prints every metric; with `--strict`, a run that does not match its
/// hashes or the ledger is named, nothing is written, and the exit code is 3. `render
/// analysis/tables/main.yaml` writes the table of a specification next to it, and `check analysis/tables/main.yaml` checks that its files
/// agree with the runs; without a file, both process every specification in analysis/tables. `--runs DIR` replaces a specification's `runs`,
/// and the folder of all runs; the variables EBM_RUNS and EBM_REPORTS name the folders of runs and reports.
/// Needs no libtorch.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__
let name (skip: Runs.Skipped) = eprintfn $"{skip.Path}: {skip.Why}; it is skipped."

/// The value of --runs, and the other arguments.
let rec place found (arguments: string list) =
    match arguments with
    | "--runs" :: folder :: rest -> place (Some(Options.folder "--runs" folder)) rest
    | word :: rest -> let value, words = place found rest in value, word :: words
    | [] -> found, []

let specifications files =
    match files, Path.Combine(__SOURCE_DIRECTORY__, "tables") with
    | [], folder when Directory.Exists folder -> Directory.GetFiles(folder, "*.yaml") |> Array.sort |> List.ofArray
    | files, _ -> files

let someOf files =
    match specifications files with
    | [] -> raise (InvalidDataException "No specification was found: name its file, analysis/tables/<name>.yaml.")
    | files -> files

let render runs files =
    for file in someOf files do
        let table, skipped, paths = Specification.render root runs file
        List.iter name skipped
        printfn $"{Markdown.table table}"
        List.iter (printfn "%s") paths

    0

/// 3 at the first table that differs from its runs.
let rec check runs files =
    match files with
    | [] -> 0
    | file :: rest ->
        let difference, skipped = Specification.check root runs file
        List.iter name skipped

        match difference with
        | Some difference ->
            eprintfn $"{difference}"
            3
        | None ->
            printfn $"{file}: the table agrees with its runs."
            check runs rest

let sweeps strict everything runs folders =
    let workspace = Workspace.at root

    let folders =
        match folders with
        | [] -> List.ofSeq (SweepFolder.Under(Option.defaultValue workspace.Runs runs))
        | folders ->
            folders |> List.iter (Options.folder "table" >> ignore)
            folders

    let mutable any = false

    // The tables that --strict has checked are the ones that are written.
    let tables = if strict then [ for folder in folders -> folder, ReportFiles.tableOf folder ] else []

    if ReportFiles.refuses (tables |> List.choose (snd >> fst)) then
        3
    else
        for folder in folders do
            let table = tables |> List.tryFind (fst >> (=) folder) |> Option.map snd
            let table = table |> Option.defaultWith (fun () -> ReportFiles.tableOf folder)
            let written = ReportFiles.writeTable root None folder workspace.Reports table
            List.iter name written.Skipped

            match written.Table with
            | Some table ->
                any <- true
                printfn $"{if everything then Markdown.table table else Terminal.block table}"
                let file = Path.Combine(workspace.Reports, table.Sweep, "table.md")
                Terminal.more None (Path.GetRelativePath(Directory.GetCurrentDirectory(), file)) |> List.iter (printfn "%s")
            | None -> eprintfn $"{folder}: no run has begun."

        if not any then Command.Refuse "No run was found: name the folder of a sweep, runs/<sweep>." else 0

exit (
    Command.Run(fun () ->
        match place None (List.ofArray (Array.tail fsi.CommandLineArgs)) with
        | runs, "render" :: files -> render runs files
        | runs, "check" :: files -> check runs (someOf files)
        | runs, words ->
            let options = [ "--strict"; "--all" ]
            let has option = List.contains option words
            sweeps (has "--strict") (has "--all") runs (words |> List.except options))
)
