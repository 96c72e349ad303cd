/// Reading runs for a table: which runs count, which are named and skipped; the location of the folders does not matter.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.ReadingLaws

open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.RunFolders

let private some = [
    for seed in 0..2 do
        run "rings" "one" seed [ "kl", 1.0 + float seed ]
        run "rings" "two" seed [ "kl", 2.0 + float seed ]
]

let private sweep (folder: string) (runs: Runs.Run list) =
    let path = Path.Combine(folder, "laws")
    path, runs |> List.map (write path)

let private names (skipped: Runs.Skipped list) (parts: string list) =
    for part in parts do
        must $"{part} is not named: %A{skipped}" (skipped |> List.exists (fun skip -> $"{skip.Path}: {skip.Why}".Contains part))

/// Six runs, two of which are damaged.
let private readsRest (harm: string -> string -> unit) (parts: string list) =
    Folder.inFolder (fun folder ->
        let path, folders = sweep folder some
        harm folders[0] folders[1]
        let runs, skipped = Runs.under path
        must $"{runs.Length} runs are read, but four are undamaged" (runs.Length = 4)
        names skipped parts)

let private cut (name: string) (folder: string) =
    let path = Path.Combine(folder, name)
    let text = File.ReadAllText path
    File.WriteAllText(path, text.Substring(0, text.Length / 2))

let all = [
    law "the runs of a sweep are read back unchanged" (fun () ->
        Folder.inFolder (fun folder ->
            let path, _ = sweep folder some
            let runs, skipped = Runs.under path
            must $"%A{skipped}" skipped.IsEmpty
            let found = runs |> List.find (fun run -> run.Group = "rings-two" && run.Seed = "1")
            let due = some |> List.find (fun run -> run.Group = "rings-two" && run.Seed = "1")
            must
                $"%A{found}"
                (found.Metrics = due.Metrics && found.Config = due.Config && found.Asked = due.Asked && found.Data = due.Data)
            must "the code is unknown" found.Code.IsSome))

    law "torn manifests and metrics, altered and renamed runs are named and skipped, and no others" (fun () ->
        readsRest
            (fun one two ->
                cut "manifest.json" one
                cut "metrics.json" two)
            [ "manifest.json"; "metrics.json" ]
        readsRest
            (fun one two ->
                cut "config.json" one
                File.Delete(Path.Combine(two, "manifest.json")))
            [ "altered"; "not begun" ]

        readsRest
            (fun one two ->
                Directory.Move(one, one + "0")
                File.WriteAllText(Path.Combine(two, "metrics.json"), "[1, 2]"))
            [ "altered"; "metrics.json" ]

        readsRest
            (fun one two ->
                File.Copy(Path.Combine(one, "manifest.json"), Path.Combine(two, "manifest.json"), true)
                cut "metrics.json" one)
            [ "another run"; "metrics.json" ])
    |> breaks "one of them is undamaged" (fun () -> readsRest (fun one _ -> cut "manifest.json" one) [ "manifest.json" ])

    law "folders without runs are named, hidden ones are not" (fun () ->
        Folder.inFolder (fun folder ->
            let path, _ = sweep folder some
            Directory.CreateDirectory(Path.Combine(path, "notes", "old")) |> ignore
            Directory.CreateDirectory(Path.Combine(path, ".trash")) |> ignore
            let runs, skipped = Runs.under path
            must "runs are missing" (runs.Length = some.Length)
            names skipped [ "notes: it contains no run" ]
            must $"%A{skipped}" (skipped.Length = 1)))

    law "a run that is in two folders counts once, and the copy is named" (fun () ->
        Folder.inFolder (fun folder ->
            let one, _ = sweep (Path.Combine(folder, "a")) some
            let two, _ = sweep (Path.Combine(folder, "b")) some[..1]
            let runs, skipped = Runs.underAll [ one; two ]
            must $"{runs.Length} runs" (runs.Length = some.Length)
            names skipped [ "counts once" ]
            // The same folder given twice is not a copy.
            must "twice" (let runs, skipped = Runs.underAll [ one; one ] in runs.Length = some.Length && skipped.IsEmpty)))

    law "moving the runs changes no byte of a table" (fun () ->
        Folder.inFolder (fun folder ->
            let here, _ = sweep (Path.Combine(folder, "here")) some
            let tables (path: string) = Report.files (Table.tabulate "laws" (fst (Runs.under path)))
            let before = tables here
            let there = Path.Combine(folder, "another place", "laws")
            Directory.CreateDirectory(Path.GetDirectoryName there |> string) |> ignore
            Directory.Move(here, there)
            must "a byte has changed" (tables there = before)))
    |> breaks "a value changed, too" (fun () ->
        Folder.inFolder (fun folder ->
            let one, _ = sweep (Path.Combine(folder, "one")) some
            let two, _ = sweep (Path.Combine(folder, "two")) (run "rings" "one" 0 [ "kl", 1.25 ] :: List.tail some)
            let tables (path: string) = Report.files (Table.tabulate "laws" (fst (Runs.under path)))
            must "a byte has changed" (tables one = tables two)))

    law "hundreds of runs are all read, each into its row" (fun () ->
        Folder.inFolder (fun folder ->
            let path, _ = sweep folder (many 4 5 20 0)
            let runs, skipped = Runs.under path
            must $"{runs.Length} runs, {skipped.Length} skipped" (runs.Length = 400 && skipped.IsEmpty)
            let table = Table.tabulateWith { Table.usualOptions with Columns = Some [] } "laws" runs
            must "rows" (table.Rows.Length = 20 && table.Rows |> List.forall (fun row -> row.Completed = 20))))
]
