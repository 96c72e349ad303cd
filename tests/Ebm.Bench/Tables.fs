/// The cost of a table: thousands of artificial run folders are read, tabulated and written.
module Ebm.Bench.Tables

open System.Diagnostics
open System.IO
open Ebm.Analysis
open Ebm.Tests

/// Seconds to read the runs of ten methods, ten values and `seeds` seeds, to tabulate them, and to write every file of the table.
let tabulating seeds =
    let folder = Directory.CreateTempSubdirectory "ebm-bench-"

    try
        let sweep = Path.Combine(folder.FullName, "many")
        let made = RunFolders.many 10 10 seeds 60
        made |> List.iter (RunFolders.write sweep >> ignore)
        let clock = Stopwatch.StartNew()
        let runs, _ = Runs.under sweep
        let read = clock.Elapsed.TotalSeconds
        let table = Table.tabulate "many" runs
        let tabulated = clock.Elapsed.TotalSeconds
        Report.write (Path.Combine(folder.FullName, "reports")) table |> ignore
        runs.Length, read, tabulated - read, clock.Elapsed.TotalSeconds - tabulated
    finally
        folder.Delete true
