/// The comparison table of one sweep's runs, or of several: `dotnet fsi analysis/table.fsx runs/rings …`. Without arguments, of every
/// sweep under runs. Needs neither libtorch nor a compiler.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Analysis

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__

let sweeps =
    match Array.tail fsi.CommandLineArgs, Path.Combine(root, "runs") with
    | [||], all when Directory.Exists all -> Array.sort (Directory.GetDirectories all)
    | folders, _ -> folders

let mutable any = false

for folder in sweeps do
    let table, skipped = Report.ofSweep folder (Path.Combine(root, "reports"))

    for skip in skipped do
        eprintfn $"{skip.Path}: {skip.Why}; it is left out."

    match table with
    | Some table ->
        any <- true
        printfn $"{Markdown.table table}"
    | None -> eprintfn $"{folder}: no run there has begun."

if not any then
    eprintfn "There is nothing to tabulate: give the folder of a sweep, runs/<sweep>."
    exit 2
