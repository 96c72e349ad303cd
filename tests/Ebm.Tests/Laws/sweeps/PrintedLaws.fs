/// What commands print of results: the runs of the command, the whole folder if asked, every metric if asked, nothing of altered runs if
/// asked; and how two runs differ.
module Ebm.Tests.Laws.PrintedLaws

open System
open System.IO
open Ebm.Records
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

/// Six completed runs, of two settings and three seeds, with a diagnostic.
let private complete folder =
    let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "method.steps=2,4"; "seed=0,1,2" ])

    for i, run in List.indexed plan.Runs do
        let at = RunFolder.Create(plan.Folder, run.Id, run.Config, run.Hashed)

        at.Write [
            Measurement("grid-kl", 0.1 + float i, "nats", Direction.Lower, Importance = Nullable Importance.Primary)
            Measurement("grid-kl/border", 0.5, "probability", Direction.Lower, Importance = Nullable Importance.Diagnostic)
        ]

        at.Write(
            RunManifest(
                State = RunState.Completed,
                RunId = run.Id,
                GroupId = run.Group,
                SweepId = "laws",
                ConfigSha256 = at.ConfigSha256,
                Seed = run.Spec.Seed
            )
        )

    plan

let private asked folder arguments =
    let folders = [ "--runs"; Path.Combine(folder, "runs"); "--name"; "laws"; "--reports"; Path.Combine(folder, "reports") ]
    toldBare (arguments @ folders)

/// The words at which the printed rows begin.
let private rows (says: string) =
    let lines = says.Split '\n' |> Array.skipWhile (fun line -> not (line.StartsWith "---")) |> Array.skip 1
    [ for line in lines |> Array.takeWhile ((<>) "") -> (line.Split ' ')[0] ]

let all = [
    law
        "after run, the table has this command's runs and says how many it leaves out; --whole has all; the files have all anyway"
        (fun () ->
            inFolder (fun folder ->
                complete folder |> ignore
                let some = [ "run"; "method.steps=2"; "seed=0,1,2"; "--reuse=config" ]
                let code, says, complains = asked folder some
                must complains (code = 0)
                must says (rows says = [ "2" ] || not (says.Contains "steps"))
                must says (says.Contains "3 runs of " && says.Contains "--whole")
                let csv = File.ReadAllLines(Path.Combine(folder, "reports", "laws", "table.csv"))
                must $"%A{csv}" (csv.Length = 7)
                let _, says, _ = asked folder (some @ [ "--whole" ])
                must says (rows says = [ "2"; "4" ] && not (says.Contains "--whole"))))

    law "--all prints diagnostics, and the table without it does not" (fun () ->
        inFolder (fun folder ->
            complete folder |> ignore
            let printed further =
                let code, says, complains = asked folder ([ "table" ] @ further) in
                must complains (code = 0)
                says
            must (printed []) (not ((printed []).Contains "/border") && (printed []).Contains "--all")
            must (printed [ "--all" ]) ((printed [ "--all" ]).Contains "grid-kl/border")))

    law "--strict names an altered run, writes nothing and ends with 3, for table and report alike" (fun () ->
        for verb in [ "table"; "report" ] do
            inFolder (fun folder ->
                let plan = complete folder
                File.AppendAllText(Path.Combine(plan.Runs.Head.Folder, "metrics.json"), " ")
                let code, says, complains = asked folder [ verb; "--strict" ]
                must $"{code}: {complains}" (code = 3 && says = "" && complains.Contains plan.Runs.Head.Id)
                must "something was written" (not (Directory.Exists(Path.Combine(folder, "reports"))))))

    law "diff of runs whose configs differ says so first, and of equal configs says that" (fun () ->
        inFolder (fun folder ->
            let plan = complete folder
            let ids = [ for run in plan.Runs -> run.Id ]
            let diff one other =
                let _, says, _ = toldBare [ "diff"; one; other; "--runs"; Path.Combine(folder, "runs") ]
                says.Split '\n'
            let first = (diff ids[0] ids[1])[0]
            must first (first.StartsWith "The configs differ in 1 setting:")
            must "the same run" ((diff ids[0] ids[0])[0] = "The configs are the same.")))
]
