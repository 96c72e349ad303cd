/// Writes the tables and the report of a sweep, with a file SHA256SUMS of their hashes, whose own hash enters the ledger. So `verify` detects
/// a change to any file of a report, and `sha256sum -c SHA256SUMS` does without this project.
module Ebm.Audits.ReportFiles

open System
open System.IO
open Ebm.Analysis
open Ebm.Records

let sums = "SHA256SUMS"

/// The names and hashes in a file of sums; lines of another form are left out.
let read (path: string) : (string * string) list = [
    if File.Exists path then
        for line in RegularFile.Lines path do
            match line.Split("  ", 2) with
            | [| sha256; name |] -> name, sha256
            | _ -> ()
]

let private seal (runs: string) (folder: string) (sweep: string) (written: string list) =
    let names = written |> List.map (fun path -> Path.GetRelativePath(folder, path).Replace('\\', '/'))
    // A table alone leaves the page as it is, and its hash with it. Sums that the ledger does not have vouch for nothing: the page then has a
    // hash that no file has, until it is written again.
    let before = Path.Combine(folder, sums)
    let reports =
        Ledger.entries runs |> List.filter (fun entry -> entry.Kind = Ledger.Kind.report && entry.Subject = sweep && entry.Hash <> "")

    let isKnown =
        File.Exists before && (let hash = Canonical.Sha256OfFile before in reports |> List.exists (fun entry -> entry.Hash = hash))

    let others =
        (if isKnown then read before
         elif not reports.IsEmpty && File.Exists(Path.Combine(folder, "index.html")) then [ "index.html", String('0', 64) ]
         else [])
        // A page is written with all its figures, so those of the page before are gone.
        |> List.filter (fun (name, _) -> not (List.contains name names || (List.contains "index.html" names && name.StartsWith "figures/")))

    let text =
        others @ [ for name in names -> name, Canonical.Sha256OfFile(Path.Combine(folder, name)) ]
        |> List.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))
        |> List.map (fun (name, sha256) -> $"{sha256}  {name}\n")
        |> String.concat ""

    AtomicFile.Write(Path.Combine(folder, sums), text)
    Ledger.enter runs Ledger.Kind.report sweep (Canonical.Sha256 text)

/// What a report of a sweep's folder consists of.
type Written = {
    /// None if no run has begun.
    Table: Table.Table option
    Skipped: Runs.Skipped list
    /// The path of index.html, if it was asked for.
    Page: string option
}

/// Tabulates a sweep's folder. Runs that the ledger of the folder above does not explain are marked.
let tableOf (folder: string) : Table.Table option * Runs.Skipped list =
    let runs = string (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath folder)))
    Report.tableWith (Manifests.doubts runs) folder

/// Whether `--strict` refuses some tables: a run does not match its hashes, or the ledger does not explain it. Each such run is named on
/// standard error, and nothing is written.
let refuses (tables: Table.Table list) : bool =
    let doubted = [
        for table in tables do
            yield! table.Rows |> List.collect _.Doubted
    ]

    for run in doubted do
        eprintfn $"{run.Path}: {run.Doubt.Value}."

    if not doubted.IsEmpty then eprintfn "With --strict, nothing is written of these runs; `audit verify` names every alteration."
    not doubted.IsEmpty

/// Writes the table of a sweep's folder, as `tableOf` gives it, to `reports`, and the page if `plotly` is given. `repository` keeps the
/// ledger's head.
let writeTable
    (repository: string)
    (plotly: string option option)
    (folder: string)
    (reports: string)
    (table: Table.Table option, skipped: Runs.Skipped list)
    : Written =
    let runs = string (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath folder)))

    match table with
    | None -> { Table = None; Skipped = skipped; Page = None }
    | Some table ->
        let place = Path.Combine(reports, table.Sweep)
        let before = Map.ofList (read (Path.Combine(place, sums)))
        let files = Report.files table
        let isNew = files |> List.exists (fun (name, text) -> before.TryFind name <> Some(Canonical.Sha256 text))
        // If this process dies before it writes the sums, `verify` knows that the report is unfinished.
        if isNew || plotly.IsSome then Ledger.within repository runs (fun () -> Ledger.enter runs Ledger.Kind.report table.Sweep "")
        let files = Report.writeFiles place files
        let page = plotly |> Option.map (fun plotly -> Report.page plotly folder reports (table, skipped))

        let drawings =
            match page with
            | Some page -> page :: List.ofArray (Directory.GetFiles(Path.Combine(place, "figures")))
            | None -> []

        Ledger.within repository runs (fun () ->
            Ledger.enterTable runs table.Sweep (Path.Combine(place, "table.csv"))
            seal runs place table.Sweep (files @ drawings))

        { Table = Some table; Skipped = skipped; Page = page }

/// Tabulates a sweep's folder and writes its table.
let write (repository: string) (plotly: string option option) (folder: string) (reports: string) : Written =
    writeTable repository plotly folder reports (tableOf folder)
