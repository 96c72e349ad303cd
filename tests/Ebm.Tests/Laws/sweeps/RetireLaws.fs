/// A retired run is in no table, its folder stays as it is, and every record says why.
module Ebm.Tests.Laws.RetireLaws

open System
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

let private said folder arguments =
    match told folder arguments with
    | 0, says, _ -> says
    | code, _, complains -> broken $"exit code {code}: {complains}"

let private axes = [ "method.steps=2,4"; "seed=0,1,2" ]

/// Six completed runs. Four steps are better, because of the run of seed 0 alone.
let private complete folder =
    completed folder ("experiment=rings" :: axes) (fun _ run ->
        let value =
            if string (nonNull (run.Config.Find "method.steps")) <> "4" then 1.0
            elif run.Spec.Seed = 0L then 0.1
            else 1.1

        value + 0.01 * float run.Spec.Seed)

let private inSweep (holds: string -> string list -> unit) = inFolder (fun folder -> holds folder (complete folder))
let private because = "its disk was full"
let private retire folder (run: string) = said folder [ "retire"; run; "--because"; because ]
let private tableOf folder = ReportFiles.tableOf (sweepOf folder) |> fst |> Option.get
let private altered folder = (Verify.verify folder None None (runsOf folder) []).Alterations |> List.map (fun one -> Kebab.Of one.What)

let private bytes (folder: string) = [
    for path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> Array.sort -> path, Canonical.Sha256OfFile path
]

let private workspaceOf folder : Workspace.Workspace = {
    Workspace.at folder with
        Runs = runsOf folder
        Reports = Path.Combine(folder, "reports")
}

let private isLeftOut (table: Table.Table) (run: string) =
    must "it is in a row" (table.Rows |> List.collect _.Runs |> List.forall (fun one -> one.Id <> run))

    for name, text in Report.files table do
        if name <> "summary.csv" && name <> "macros.tex" then
            // LaTeX escapes the hyphens of a name, so only the reason is compared there.
            must $"{name} does not say why" ((text: string).Contains because && (name = "table.tex" || text.Contains run))

    must "the page does not say why" ((Html.rendered (HtmlTable.whole (fun run -> run.Id) table)).Contains because)

let all = [
    law "a retired run is in no row, is named with its reason in every format, and its folder keeps every byte" (fun () ->
        inSweep (fun folder runs ->
            let run = runs.Head
            let before = bytes (Path.Combine(sweepOf folder, run))
            retire folder run |> ignore
            must "its folder changed" (bytes (Path.Combine(sweepOf folder, run)) = before)
            let table = tableOf folder
            isLeftOut table run
            must $"%A{table.Counts}" (table.Counts.Planned = 6 && table.Counts.Used = 5 && table.Counts.Missing = 0)
            must "verify" (altered folder |> List.isEmpty)
            must "status" ((said folder [ "status" ]).Contains $"{run}: {because}")))
    |> breaks "a run that was not retired" (fun () -> inSweep (fun folder runs -> isLeftOut (tableOf folder) runs.Head))

    law "status has each retired run once, and counts it apart from the others" (fun () ->
        inSweep (fun folder runs ->
            retire folder runs.Head |> ignore
            let says = said folder [ "status" ]
            must says (says.Contains "6 runs: 5 completed, 1 retired")
            must says ((says.Split runs.Head).Length = 2)))

    law "the ledger has a retired run with its reason, and the file beside the runs cannot be changed or removed" (fun () ->
        inSweep (fun folder runs ->
            retire folder runs.Head |> ignore
            let entry = Ledger.entries (runsOf folder) |> List.last
            must $"%A{entry}" (entry.Kind = "retire" && entry.Subject = $"laws/{runs.Head}: {because}")
            let file = Retired.fileOf (sweepOf folder)
            let text = File.ReadAllText file
            File.WriteAllText(file, text.Replace("full", "old"))
            must $"%A{altered folder}" (altered folder = [ "retired-changed" ])
            let code, _, complains = told folder [ "retire"; runs[1]; "--because"; because ]
            must complains (code <> 0 && complains.Contains "not the one that the ledger has")
            File.Delete file
            must $"%A{altered folder}" (altered folder = [ "retired-missing" ])
            File.WriteAllText(file, text)
            must "restored" (altered folder |> List.isEmpty)))

    law "a decision whose entry is missing, because its process died, is finished by the same command" (fun () ->
        inSweep (fun folder runs ->
            retire folder runs.Head |> ignore
            let file = Retired.fileOf (sweepOf folder)
            let decision: Retired.Decision = { Run = runs[1]; Because = because; Undone = false }
            File.AppendAllText(file, Retired.written decision + "\n")
            must $"%A{altered folder}" (altered folder = [ "retired-changed" ])
            Retirement.decide folder (runsOf folder) "laws" [ decision ]
            must $"%A{altered folder}" (altered folder |> List.isEmpty)))

    law "--undo lets a run count again, with a reason that the ledger has" (fun () ->
        inSweep (fun folder runs ->
            let before = Json.table (tableOf folder)
            retire folder runs.Head |> ignore
            said folder [ "retire"; runs.Head; "--undo"; "--because"; "the disk was not full" ] |> ignore
            must "the table is another one" (Json.table (tableOf folder) = before)
            must "the ledger" ((Ledger.entries (runsOf folder) |> List.last).Kind = "restore")
            must "verify" (altered folder |> List.isEmpty)))

    law "a filter retires the runs of one sweep that match it" (fun () ->
        inSweep (fun folder _ ->
            said folder [ "retire"; "--where"; "seed == 1"; "--because"; because ] |> ignore
            let left = (tableOf folder).Rows |> List.collect _.Runs |> List.map _.Seed |> List.distinct |> List.sort
            must $"%A{left}" (left = [ "0"; "2" ])))

    law "a retired run without a reason, or with a secret as the reason, is refused in one sentence that does not show it" (fun () ->
        inSweep (fun folder runs ->
            let secret = "ghp_" + "0a1B2c3D4e5F6a7B8c9D0e1F2a3B4c5D6e7F"

            for arguments, part in
                [
                    [ "retire"; runs.Head ], "--because"
                    [ "retire"; runs.Head; "--because"; " " ], "empty"
                    [ "retire"; runs.Head; "--because"; secret ], "secret"
                    [ "retire"; runs.Head; "--because"; "a\nb" ], "line break"
                    [ "retire"; "nothing-of-this-name"; "--because"; because ], "no run"
                    [ "retire"; "--because"; because ], "name runs"
                    [ "retire"; runs.Head; "--undo"; "--because"; because ], "none of these runs is retired"
                ] do
                let code, says, complains = told folder arguments
                must $"{code}: {complains}" (code = 2 && complains.Contains part && complains.Trim().Split('\n').Length = 1)
                must "the secret is shown" (not ((says + complains).Contains secret))

            inSweep (fun elsewhere others ->
                let foreign = Path.Combine(sweepOf elsewhere, others.Head)
                let code, _, complains = told folder [ "retire"; foreign; "--because"; because ]
                must complains (code = 2 && complains.Contains "--runs"))

            must "a decision was written" (not (File.Exists(Retired.fileOf (sweepOf folder))))
            File.WriteAllText(Retired.fileOf (sweepOf folder), $$"""{"run":"{{runs.Head}}","because":"\u001b[2J"}""" + "\n")
            throws<InvalidDataException, _> [ "control character" ] (fun () -> Retired.read (sweepOf folder))
            File.Delete(Retired.fileOf (sweepOf folder))
            retire folder runs.Head |> ignore
            let code, _, complains = told folder [ "retire"; runs.Head; "--because"; because ]
            must complains (code = 2 && complains.Contains "already retired")))

    law "a sweep that plans a retired run says so, does not execute it, and does not end with 0" (fun () ->
        inSweep (fun folder runs ->
            let again = [ "run"; yield! axes; "--reuse"; "config"; "--reports"; Path.Combine(folder, "reports") ]
            must "it is done" ((told folder again |> fun (code, _, _) -> code) = 0)
            retire folder runs.Head |> ignore
            let code, says, complains = told folder again
            must $"{code}: {says}{complains}" (code = 1 && says.Contains $"{runs.Head} is retired because {because}")
            must "it was executed" (says.Contains "No run is left to execute.")
            let says = said folder [ "plan"; yield! axes ]
            must says (says.Contains $"{runs.Head} is retired")))

    law "the card names retired runs, and a column whose best row they change" (fun () ->
        inSweep (fun folder runs ->
            let lacks () =
                match Evidence.read (workspaceOf folder) "laws" with
                | None -> broken "there is no evidence"
                | Some evidence -> [
                    for axis in Grades.grade evidence do
                        for lack in axis.Lacks do
                            if lack.Rule.Says.Contains "retired" then lack.Rule.Says, lack.Found
                  ]

            must "a rule is broken before" (lacks () |> List.isEmpty)
            let fatal =
                runs
                |> List.find (fun run ->
                    run.Contains "-s0-"
                    && (let at = RunFolder.Open(Path.Combine(sweepOf folder, run)) in
                        string (nonNull (at.Config.Find "method.steps")) = "4"))
            let harmless = runs |> List.find (fun run -> run.Contains "-s1-")
            retire folder harmless |> ignore
            must $"%A{lacks ()}" ((lacks ()).Length = 1)
            retire folder fatal |> ignore
            let winners = lacks () |> List.tryFind (fun (says, _) -> says.StartsWith "with the retired runs")
            must $"%A{lacks ()}" (winners |> Option.exists (fun (_, found) -> found.Head.StartsWith "grid-kl: 4 with them, 2 without"))))
]
