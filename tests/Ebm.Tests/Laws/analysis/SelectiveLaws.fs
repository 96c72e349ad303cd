/// No run is left out silently: every planned run is in a table and its report, or is counted there with the reason.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.SelectiveLaws

open System
open System.IO
open Ebm.Analysis
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.RunFolders

/// A repository with six planned runs (four completed, one diverged, one with a deleted folder) and one that was not planned
/// and does not count.
let private inSweep (holds: string -> string -> string -> unit) =
    Folder.inFolder (fun root ->
        let sweep = Path.Combine(root, "runs", "laws")
        let planned = [
            for seed in 0..5 ->
                let made = run "rings" (if seed < 3 then "one" else "two") seed [ "kl", float seed ]
                write sweep (if seed = 1 then ended RunState.Diverged made else made)
        ]

        let ids = planned |> List.map (fun folder -> string (Path.GetFileName folder))
        Plans.note ignore sweep { Overrides = []; Metric = None; Baseline = []; Runs = List.truncate 3 ids; Trainings = [] }
        Plans.note ignore sweep { Overrides = []; Metric = None; Baseline = []; Runs = List.skip 3 ids; Trainings = [] }
        write sweep (run "rings" "one" 99 [ "kl", 9.0 ]) |> ignore
        Directory.Delete(planned[5], true)
        holds root sweep ids[5])

let private counts = "6 runs planned: 4 used, 1 diverged, 1 missing (never run, or removed)."

let private reported (missing: string -> string) =
    inSweep (fun root sweep gone ->
        let reports = Path.Combine(root, "reports")
        let table, skipped = Ebm.Tests.RunFolders.ofSweep sweep reports
        let page = Report.page None sweep reports (Option.get table, skipped)
        let read name = File.ReadAllText(Path.Combine(reports, "laws", name))

        for name in [ "table.md"; "table.tex"; "table.json"; "index.html" ] do
            must $"{name} does not count: {Notes.counts (Option.get table)}" ((read name).Contains counts)

        must "the report's name" (page.EndsWith "index.html")

        for name in [ "table.md"; "table.json"; "index.html" ] do
            must $"{name} does not name the missing run" ((read name).Contains(missing gone)))

let private specified (where: string) (due: string) =
    inSweep (fun root _ gone ->
        let file = Path.Combine(root, "analysis", "tables", "main.yaml")
        Directory.CreateDirectory(Path.Combine(root, "analysis", "tables")) |> ignore
        File.WriteAllText(file, $"runs: [ runs ]\n{where}columns:\n- {{ metric: kl }}\n")
        let table = fst (Specification.tabulate root None (Specification.read file))
        must (Notes.counts table) (Notes.counts table = due)
        must "what is missing" (table.Options.Absent = [ gone ]))

let all = [
    law "a planned run that was deleted is counted and named in table and report, also among other folders" (fun () -> reported id)
    |> breaks "another run" (fun () -> reported (fun _ -> "rings-one-s1234"))

    law "runs that a condition excludes are counted by it, and do not hide a missing run" (fun () ->
        specified "" counts

        specified
            "where: [ \"seed in {0..3}\", method != two ]\n"
            "6 runs planned: 2 used, 1 diverged, 1 missing (never run, or removed), 1 excluded (seed in {0..3}), 1 excluded (method != two).")
    |> breaks "a table that counts only the runs that it shows" (fun () ->
        specified "where: [ method != two ]\n" "4 runs planned: 3 used, 1 diverged.")
]
