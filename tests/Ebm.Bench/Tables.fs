/// The cost of a table: thousands of artificial run folders are read, tabulated and written.
module Ebm.Bench.Tables

open System.Diagnostics
open System.IO
open Ebm.Analysis
open Ebm.Tests

/// Seconds to read runs, to tabulate them, and to write every file of the table.
type Table = { Runs: int; Read: float; Tabulated: float; Written: float }

/// The table of so many methods, values and seeds.
let tabulating methods settings seeds =
    let folder = Directory.CreateTempSubdirectory "ebm-bench-"

    try
        let sweep = Path.Combine(folder.FullName, "many")
        let made = RunFolders.many methods settings seeds 60
        made |> List.iter (RunFolders.write sweep >> ignore)
        let clock = Stopwatch.StartNew()
        let runs, _ = Runs.under sweep
        let read = clock.Elapsed.TotalSeconds
        let table = Table.tabulate "many" runs
        let tabulated = clock.Elapsed.TotalSeconds
        Report.write (Path.Combine(folder.FullName, "reports")) table |> ignore
        { Runs = runs.Length; Read = read; Tabulated = tabulated - read; Written = clock.Elapsed.TotalSeconds - tabulated }
    finally
        folder.Delete true
