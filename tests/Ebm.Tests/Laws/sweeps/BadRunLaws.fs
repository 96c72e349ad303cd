/// One bad run never ends the others: whatever happens to its folder, that run has failed with a sentence, and the others complete.
module Ebm.Tests.Laws.BadRunLaws

open System
open System.IO
open System.Threading
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.Sweeping

/// The substitute of the runner, in which the run with seed 6 does this to its folder.
let private harmed (shell: string) = runner.Replace("6) echo \"no such luck\" >&2; exit 3;;", $"6) {shell};;")

/// What may happen to the folder of a run while it executes, and a part of the reason that the run then has.
let private harms = [
    "its folder is deleted", "rm -rf \"$folder\"; exit 0", "deleted or moved"
    "its folder is deleted before it fails", "rm -rf \"$folder\"; exit 3", "deleted or moved"
    "its folder is moved away", "mv \"$folder\" \"$folder.away\"; exit 0", "deleted or moved"
    "its folder is replaced by a file", "rm -rf \"$folder\"; echo x > \"$folder\"; exit 0", "deleted or moved"
    "its folder is replaced by an empty one", "rm -rf \"$folder\"; mkdir \"$folder\"; exit 0", "deleted or moved"
    "its folder cannot be read", "rm -rf \"$folder\"; ln -s \"$folder\" \"$folder\"; exit 0", "cannot be read"
    "its manifest is deleted", "rm \"$folder/manifest.json\"; exit 0", "manifest was deleted"
    "its manifest is a folder", "rm \"$folder/manifest.json\"; mkdir \"$folder/manifest.json\"; exit 0", "cannot be read"
    "its manifest is no JSON", "echo '{' > \"$folder/manifest.json\"; exit 0", "cannot be read"
    "its manifest is another value", "echo '[1]' > \"$folder/manifest.json\"; exit 1", "cannot be read"
    "its log is a folder", "mkdir \"$folder/stderr.log\"; exit 3", "exit code 3"
    "an earlier attempt is damaged",
    "mkdir -p \"$folder/attempts/001\"; echo x > \"$folder/attempts/001/manifest.json\"; exit 3",
    "exit code 3"
    "it kills itself", "kill -9 $$", "signal 9"
]

let private outcomeOf seed (outcomes: (string * Child.Outcome) list) = outcomes |> List.find (fst >> (=) seed) |> snd

/// Seeds 0 and 1 are completed, and seed 6 has failed with this reason.
let private onlyOneFails (name: string) (says: string) (outcomes: (string * Child.Outcome) list) =
    let state seed = (outcomeOf seed outcomes).State
    let reason = string (outcomeOf "6" outcomes).Reason
    must $"{name}: others are %A{outcomes}" (state "0" = RunState.Completed && state "1" = RunState.Completed)
    let its = state "6"
    must $"{name}: it is {its}: {reason}" (its = RunState.Failed && reason.Contains says)

let all = [
    law
        "whatever happens to the folder of a run, it has failed with a sentence, the others complete, and the next launch continues"
        (fun () ->
            for name, shell, says in harms do
                inFolder (fun folder ->
                    let script = executable (Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName) (harmed shell)
                    let change (s: Launch.Settings) = { s with Runner = script; Workers = 3 }

                    launchedIn folder change [ "seed=0,6,1" ] (fun outcomes plan ->
                        onlyOneFails name says outcomes
                        let state seed = (plan.Runs |> List.find (fun run -> run.Spec.Seed = seed)).State
                        must $"{name}: {state 0L}" (state 0L = RunState.Completed && state 1L = RunState.Completed)
                        must $"{name}: {state 6L}" (state 6L <> RunState.Completed)
                        // Status, the table and the search for values read the folder as it is now.
                        Prune.finalValue "grid-kl" (plan.Runs |> List.find (fun run -> run.Spec.Seed = 6L)).Folder |> ignore)

                    // Its folder may still be damaged.
                    launchedIn folder change [ "seed=0,6,1" ] (fun outcomes _ ->
                        let outcome = outcomeOf "6" outcomes
                        must $"{name}, again: {outcome.State}" (outcome.State = RunState.Failed && outcome.Reason.IsSome)
                        must $"{name}, again" ((outcomeOf "0" outcomes).State = RunState.Completed))))
    |> breaks "a harm that does nothing" (fun () ->
        inFolder (fun folder ->
            let script = executable (Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName) (harmed "end completed")
            launchedIn folder (fun s -> { s with Runner = script }) [ "seed=0,6,1" ] (fun outcomes _ -> onlyOneFails "none" "" outcomes)))

    law "in a shared process, a deleted folder or a killed process affects one run, and a path with a tab none" (fun () ->
        let serving harm =
            "#!/bin/sh\nend() { sed \"s/\\\"state\\\": *\\\"[a-z]*\\\"/\\\"state\\\": \\\"completed\\\"/\" \"$folder/manifest.json\" > \"$folder/.m\" && mv \"$folder/.m\" \"$folder/manifest.json\"; }\n"
            + "if [ \"$1\" = exec ]; then folder=$2; end; exit 0; fi\n"
            + $"while read -r _ folder; do case $folder in *-s6-*) {harm};; *) end;; esac; echo next; done\n"

        for harm, says in
            [ "rm -rf \"$folder\"", "deleted or moved"; "kill -9 $$", "signal 9"; "rm -rf \"$folder\"; exit 3", "deleted or moved" ] do
            inFolder (fun folder ->
                let script = executable (Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName) (serving harm)
                let shared (s: Launch.Settings) = { s with Runner = script; Workers = 1; Share = true }
                launchedIn folder shared [ "seed=0,6,1" ] (fun outcomes _ -> onlyOneFails harm says outcomes)
                let tab = (Directory.CreateDirectory(Path.Combine(folder, "a\tb"))).FullName
                launchedIn tab shared [ "seed=0,1" ] (fun _ plan -> states [ "0", "completed"; "1", "completed" ] plan)))

    law "plan, status, table and index show the other runs of a sweep with a run that cannot be read" (fun () ->
        let manifests = [ "{"; "[1]"; "{\"state\":\"splendid\"}"; ""; "\u0000" ]

        for damage in
            [ (fun (run: RunFolder) -> Directory.CreateDirectory(run.In "manifest.json") |> ignore) ]
            @ [ for text in manifests -> fun (run: RunFolder) -> File.WriteAllText(run.In "manifest.json", text) ]
            @ [ fun (run: RunFolder) -> File.WriteAllText(run.In "config.yaml", "{") ] do
            inFolder (fun folder ->
                launchedIn folder id [ "seed=0,6,1" ] (fun _ plan ->
                    let bad = RunFolder.Open (plan.Runs |> List.find (fun run -> run.Spec.Seed = 6L)).Folder
                    File.Delete(bad.In "manifest.json")
                    damage bad

                    for verb in
                        [
                            [ "plan"; "seed=0,6,1" ]
                            [ "status" ]
                            [ "reindex" ]
                            [ "table"; "--reports"; Path.Combine(folder, "reports") ]
                        ] do
                        let name = if verb.Head = "reindex" then [] else [ "--name"; "laws" ]
                        let code, says, complains = toldBare (verb @ [ "--runs"; Path.Combine(folder, "runs") ] @ name)
                        must $"{verb.Head}: {code}: {complains}{says}" (code = 0))))

    law "if the folder of the whole sweep is deleted, the running run has failed, and those that start later complete" (fun () ->
        inFolder (fun folder ->
            let script =
                executable (Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName) (harmed "rm -rf \"${folder%/*}\"; exit 0")
            let record = LaunchRecord [| "a"; "law" |]
            let again () = [ "--launch"; record.Write(Path.Combine(folder, "runs", "laws")) ]

            launchedIn folder (fun s -> { s with Runner = script; Workers = 1; Executing = again }) [ "seed=0,6,1" ] (fun outcomes plan ->
                onlyOneFails "all" "deleted or moved" outcomes
                states [ "0", "planned"; "6", "planned"; "1", "completed" ] plan
                must "no launch record" (Directory.GetFiles(Path.Combine(plan.Folder, "launches")).Length = 1))))

    law "a pruner, a notification and a stop file that cannot be read end no run" (fun () ->
        inFolder (fun folder ->
            let script =
                executable
                    (Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName)
                    (harmed
                        "echo '{\"step\":' > \"$folder/measures.jsonl\"; echo x > \"$folder/metrics.json\"; mkdir \"$folder/../sweep.stop\"; sleep 2; end completed")

            let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "measure.every=10"; "seed=0,6,1" ])

            for rule in [ "median(grid-kl, from=1)"; "race(grid-kl, startup=1)" ] do
                let metric, rule = Prune.check rule plan
                let change (s: Launch.Settings) = {
                    s with
                        Runner = script
                        Workers = 3
                        Pruner = Some(Prune.Pruner(metric, rule, plan))
                        Notify = Some "exit 7"
                }

                launchedIn folder change [ "measure.every=10"; "seed=0,6,1" ] (fun outcomes _ ->
                    must $"%A{outcomes}" (outcomes |> List.forall (fun (_, outcome) -> outcome.State = RunState.Completed)))

                Directory.Delete(plan.Folder, true)))

    law "rm -rf of one running run's folder: its sweep ends with exit code 1, a sentence and the table of the others" (fun () ->
        inFolder (fun folder ->
            let runs, reports = Path.Combine(folder, "runs"), Path.Combine(folder, "reports")

            let words = [
                "run"
                "experiment=rings"
                "method=joint-cd"
                "train.steps=100"
                "~measure.metrics.long-run"
                "seed=0,1"
                "--workers"
                "2"
            ]

            use child = again ([ "sweep"; runs ] @ words @ [ "--reports"; reports ])
            let victim () =
                if Directory.Exists runs then
                    Directory.GetFiles(runs, "events.jsonl", SearchOption.AllDirectories)
                    |> Array.tryHead
                    |> Option.map Path.GetDirectoryName
                else
                    None

            let deadline = DateTime.UtcNow.AddMinutes 3.0

            while (victim ()).IsNone && not child.HasExited && DateTime.UtcNow < deadline do
                Thread.Sleep 20

            let victim = victim () |> Option.map string |> Option.defaultWith (fun () -> broken (snd (finished child)))
            // A run that writes while rm deletes may keep its folder.
            let rec isRemoved tries = ends "rm" [ "-rf"; victim ] = 0 || tries > 1 && isRemoved (tries - 1)
            must "rm" (isRemoved 20)
            let code, says = finished child
            must $"{code}: {says}" (code = 1 && not (says.Contains "   at ") && not (says.Contains "Unhandled"))
            let line = says.Split '\n' |> Array.tryFind (fun line -> line.StartsWith "failed ")
            must says (line.IsSome && line.Value.Contains(Path.GetFileName victim |> string) && line.Value.Contains "deleted or moved")
            let table = File.ReadAllLines(Path.Combine(reports, "rings", "table.csv"))
            must $"%A{table}" (table.Length = 2 && table |> Array.skip 1 |> Array.forall _.Contains("completed"))))
]
