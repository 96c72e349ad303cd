/// The report of one sweep's runs, or of several: `dotnet fsi analysis/report.fsx runs/rings …`. Without arguments, of every sweep under
/// runs. One HTML file each, reports/<sweep>/index.html, and its figures as SVG beside it. Needs no libtorch.
#load "../experiments/_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Records
open Ebm.Analysis

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__

let sweeps =
    match Array.tail fsi.CommandLineArgs, Path.Combine(root, "runs") with
    | [||], all -> Array.ofSeq (SweepFolder.Under all)
    | folders, _ -> folders

let reports = Path.Combine(root, "reports")
let mutable any = false

for folder in sweeps do
    let table, skipped = Report.ofSweep folder reports

    for skip in skipped do
        eprintfn $"{skip.Path}: {skip.Why}; it is left out."

    match table with
    | Some table ->
        any <- true
        let path = Report.page (Report.plotly root) folder reports (table, skipped)
        printfn $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), path)}"
    | None -> eprintfn $"{folder}: no run there has begun."

if not any then
    eprintfn "There is nothing to report: give the folder of a sweep, runs/<sweep>."
    exit 2
