/// The comparison table of one sweep's runs, or of several: `dotnet fsi analysis/table.fsx runs/rings …`. Without arguments, of every
/// sweep under runs. Needs neither libtorch nor a compiler.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Analysis

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__
let all = Path.Combine(root, "runs")

let sweeps =
    match List.ofArray (Array.tail fsi.CommandLineArgs) with
    | [] when Directory.Exists all -> Directory.GetDirectories all |> Array.sort |> List.ofArray
    | folders -> folders

let written = [
    for folder in sweeps do
        let runs, skipped = Runs.under folder

        for skip in skipped do
            eprintfn $"{skip.Path}: {skip.Why}; it is left out."

        if not runs.IsEmpty then
            let table = Table.tabulate (Path.GetFileName(Path.GetFullPath folder)) runs
            printfn $"{Markdown.table table}"
            Report.write (Path.Combine(root, "reports", table.Sweep)) table |> List.iter (printfn "%s")
]

if written.IsEmpty then
    eprintfn "There is no run to tabulate: give the folder of a sweep, runs/<sweep>."
    exit 2
