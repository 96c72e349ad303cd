/// A table's specification: its selection, the agreement of `render` and `check`, and the messages for a wrong one.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.SpecificationLaws

open System
open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.RunFolders

let private runs = [
    for data in [ "rings"; "gaussians" ] do
        for name, mean in [ "one", 1.0; "two", 2.0; "three", 3.0 ] do
            for seed in 0..5 do
                let made = run data name seed [ "grid-kl", mean + 0.1 * sin (float seed); "energy-distance", mean ]
                { made with Config = made.Config.Add("train.lr", "0.001") }
]

/// A repository with runs/laws and analysis/tables/main.yaml.
let private inRepository (text: string) (asked: string -> string -> unit) =
    Folder.inFolder (fun root ->
        let sweep = Path.Combine(root, "runs", "laws")
        runs |> List.iter (write sweep >> ignore)
        let file = Path.Combine(root, "analysis", "tables", "main.yaml")
        Directory.CreateDirectory(Path.Combine(root, "analysis", "tables")) |> ignore
        File.WriteAllText(file, text)
        asked root file)

let private good =
    "title: Main results\nruns: [ runs/laws ]\nwhere: [ \"data.kind == rings\", method != three, \"seed in {0..4}\", train.lr == 1e-3 ]\n"
    + "rows: { method: Method }\ncolumns:\n- { metric: grid-kl, label: KL, decimals: 2 }\nbaseline: method == two\nplanned: 40\n"

let private tableOf root file = fst (Specification.tabulate root None (Specification.read file))

let private selects (text: string) =
    inRepository text (fun root file ->
        let table = tableOf root file
        must $"%A{table.Rows |> List.map _.Labels}" ((table.Rows |> List.map _.Labels) = [ [ "one" ]; [ "two" ] ])
        must "metrics" (table.Metrics = [ "grid-kl" ])
        must "five seeds" (table.Rows |> List.forall (fun row -> row.Completed = 5))
        let counts = Notes.counts table
        must
            counts
            (counts =
                "40 runs planned: 10 used, 4 missing (never run, or removed), 18 excluded (data.kind == rings), 6 excluded (method != three), 2 excluded (seed in {0..4}).")
        let text = Markdown.table table
        must text (text.Contains "# Main results" && text.Contains "| Method | KL ↓")
        must "one row against the baseline" ((Versus.all table).Length = 1))

let private refuses says (text: string) (parts: string list) =
    law $"a table's specification: {says}" (fun () ->
        inRepository text (fun root file -> throws<ConfigException, _> parts (fun () -> tableOf root file)))

let private checks = [
    law "a specification selects runs, rows, columns and the baseline, and counts the excluded runs by condition" (fun () -> selects good)
    |> breaks "another condition" (fun () -> selects (good.Replace("method != three", "method != one")))

    law "a rendered specification passes its check; every form of the table is next to it" (fun () ->
        inRepository good (fun root file ->
            let _, _, paths = Specification.render root None file
            let names = paths |> List.map (fun path -> string (Path.GetFileName path))
            let due = [
                "main.md"
                "main.tex"
                "main-macros.tex"
                "main.html"
                "main-runs.csv"
                "main-summary.csv"
                "main-versus.csv"
                "main-versus.tex"
                "main.json"
            ]
            must $"%A{names}" (names = due && List.forall File.Exists paths)
            let bytes = paths |> List.map File.ReadAllText
            must "nothing differs" (fst (Specification.check root None file) = None)
            Specification.render root None file |> ignore
            must "the second rendering differs" (bytes = List.map File.ReadAllText paths)))

    law "a check names the first line that differs from the runs, and a missing file" (fun () ->
        inRepository good (fun root file ->
            Specification.render root None file |> ignore
            let tex = Path.Combine(root, "analysis", "tables", "main.tex")
            let text = File.ReadAllText tex
            let line = text.Substring(0, text.IndexOf "\\pm").Split('\n').Length
            File.WriteAllText(tex, text.Replace("\\pm", "\\mp"))

            match fst (Specification.check root None file) with
            | Some says -> must says (says.Contains $"main.tex, line {line}:" && says.Contains "\\mp" && says.Contains "\\pm")
            | None -> broken "an edited table passes"

            File.Delete tex

            match fst (Specification.check root None file) with
            | Some says -> must says (says.Contains "main.tex: the file is missing" && says.Contains "render")
            | None -> broken "a missing table passes"))

    law "a check detects a run that was added, removed or changed" (fun () ->
        let noticed (change: string -> unit) =
            inRepository good (fun root file ->
                Specification.render root None file |> ignore
                change (Path.Combine(root, "runs", "laws"))
                must "the change passes" (fst (Specification.check root None file)).IsSome)

        let first (sweep: string) = Directory.GetDirectories(sweep, "rings-one-s0-*") |> Array.exactlyOne
        noticed (fun sweep -> Directory.Delete(first sweep, true))

        noticed (fun sweep ->
            let path = Path.Combine(first sweep, "metrics.json")
            File.WriteAllText(path, (File.ReadAllText path).Replace("\"value\": 1", "\"value\": 1.5")))

        noticed (fun sweep ->
            let more = run "rings" "four" 0 [ "grid-kl", 1.0 ]
            write sweep { more with Config = more.Config.Add("train.lr", "0.001") } |> ignore))

    law "runs may be in another folder: --runs replaces the specification's runs" (fun () ->
        inRepository good (fun root file ->
            let here = Markdown.table (tableOf root file)
            let elsewhere = Path.Combine(root, "elsewhere")
            Directory.Move(Path.Combine(root, "runs"), elsewhere)
            throws<ConfigException, _> [ "main.yaml, line 2"; "the folder runs/laws does not exist"; "--runs" ] (fun () ->
                tableOf root file)
            let table, _ = Specification.tabulate root (Some elsewhere) (Specification.read file)
            must "another table" (Markdown.table table = here)))
]

let private with' (line: string) = "runs: [ runs/laws ]\n" + line

let private errors = [
    refuses "an unknown setting is named with its line and a suggestion" (with' "colums: [ grid-kl ]\n") [
        "main.yaml, line 2, colums"
        "did you mean columns?"
    ]
    refuses "runs are needed" "title: x\n" [ "main.yaml"; "runs"; "runs: [ runs/rings ]" ]
    refuses "a condition has one of three forms" (with' "where: [ data.kind = rings ]\n") [ "main.yaml, line 2, where"; "key == value" ]
    refuses "a condition on a setting that no run has is refused" (with' "where: [ data.knd == rings ]\n") [
        "main.yaml, line 2, where"
        "no run has the setting data.knd (did you mean data.kind?)"
    ]
    refuses "conditions that exclude all runs are refused" (with' "where: [ data.kind == moons ]\n") [
        "line 2, where"
        "exclude all of 36 runs"
    ]
    refuses "a metric that no run has is refused" (with' "columns:\n- grid-kl\n- grid-lk\n") [
        "main.yaml, line 4, columns"
        "no run has the metric grid-lk (did you mean grid-kl?)"
        "energy-distance, grid-kl"
    ]
    refuses "a column is listed once" (with' "columns: [ grid-kl, grid-kl ]\n") [ "line 2, columns"; "twice" ]
    refuses "decimals are a whole number" (with' "columns: [ { metric: grid-kl, decimals: many } ]\n") [
        "line 2, decimals"
        "from 0 to 12"
    ]
    refuses "rows that share a name are refused, with the keys in which they differ" (with' "rows: [ data.kind ]\n") [
        "main.yaml, line 2, rows"
        "3 rows would be named"
        "method.kind"
    ]
    refuses "a row's key that no run has is refused" (with' "rows: { method.kin: Method }\n") [ "line 2"; "did you mean method.kind?" ]
    refuses "a baseline without a row is refused" (with' "baseline: method == four\n") [ "line 2, baseline"; "no row has these settings" ]
    refuses "a baseline with several rows is refused" (with' "baseline: train.lr == 0.001\n") [
        "line 2, baseline"
        "3 rows of one data set match the baseline"
    ]
    refuses "a baseline must select a row, not exclude one" (with' "baseline: method != one\n") [ "line 2, baseline"; "key == value" ]
    refuses "a policy is one of three" (with' "divergence: worst\n") [ "line 2, divergence"; "report-rate, worst-case or fail" ]
    refuses "an unknown test is refused" (with' "tests: [ sign-flop ]\n") [
        "line 2, tests"
        "unknown test sign-flop"
        "did you mean sign-flip?"
    ]
    refuses "worst-case needs the worst values" (with' "divergence: worst-case\n") [ "line 2, divergence"; "worst: { grid-kl: 10 }" ]
    refuses "worst values without their policy are refused" (with' "worst: { grid-kl: 10 }\n") [
        "line 2, worst"
        "need divergence: worst-case"
    ]
    refuses "a worst value is a number" (with' "divergence: worst-case\nworst: { grid-kl: much }\n") [ "line 3, grid-kl"; "a number" ]
    law "a table's specification: a missing file is named" (fun () ->
        throws<ConfigException, _> [ "analysis/tables/none.yaml"; "does not exist" ] (fun () ->
            Specification.read "analysis/tables/none.yaml"))
]

let all = checks @ errors
