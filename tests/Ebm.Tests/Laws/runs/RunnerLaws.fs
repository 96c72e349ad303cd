/// The runner's command line: a verb accepts only its own options, and anything else is rejected before the run starts.
module Ebm.Tests.Laws.RunnerLaws

open System
open System.Diagnostics
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private config =
    """
data: { kind: gaussians, train: 300, test: 50 }
method: { kind: flow, net: { kind: real-nvp, couplings: 2, width: 8, depth: 1 } }
train: { steps: 2, batch: 8, lr: 0.01 }
measure: { samples: 10, metrics: { mode-weights: { kind: mode-weights } } }
"""

let private asked (arguments: string list) =
    // A runner that waits for a pipe is ended.
    let start =
        ProcessStartInfo("timeout", [ "60"; Sweeping.realRunner ] @ arguments, RedirectStandardOutput = true, RedirectStandardError = true)
    use child = nonNull (Process.Start start)
    let errors = child.StandardError.ReadToEndAsync()
    let says = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, says, errors.Result

let private refuses (arguments: string list) (due: string) =
    let code, says, complains = asked arguments
    must $"%A{arguments} ends with {code}: {says}{complains}" (code = 2 && says = "" && complains.Contains due)
    must $"not one line: {complains}" (complains.TrimEnd('\n').Split('\n').Length = 1 && complains.Length <= 4100)
    must $"a control character: {complains}" (complains.TrimEnd('\n') |> Seq.forall (Char.IsControl >> not))

let all = [
    law "the runner rejects an option of another verb, a missing value and a missing word, in one line with the verb's words" (fun () ->
        refuses [ "exec"; "run"; "--config=x" ] "Unknown option --config=x of exec"
        refuses [ "measure"; "run"; "--launch"; "x" ] "Unknown option --launch of measure. Known options: --data, --with, --config."
        refuses [ "serve"; "--afresh" ] "Unknown option --afresh of serve. Known options: --data, --with, --launch."
        refuses [ "exec"; "run"; "--untl"; "3" ] "did you mean --until?"
        refuses [ "task"; "tasks.jsonl"; "soon" ] "\"soon\" is not a valid number"
        refuses [ "exec"; "run"; "--data" ] "--data needs a value"
        refuses [ "exec" ] "ebm-runner exec <run folder>"
        refuses [ "exec"; "a"; "b" ] "2 were given"
        refuses [ "libraries"; "x" ] "ebm-runner libraries"
        refuses [ "exec"; String('a', 5000) ] "a"
        refuses [ "exec"; "\027[31m\n" ] "\\u001b"
        refuses [ "exec"; "" ] "empty"
        refuses [ "exce"; "run" ] "Unknown verb exce")
    |> breaks "an option that the verb has" (fun () -> refuses [ "exec"; "run"; "--afresh" ] "Unknown option --afresh")

    law "the runner's help describes every verb, for every spelling of help" (fun () ->
        let _, help, _ = asked [ "help" ]

        for verb in [ "exec"; "measure"; "task"; "serve"; "libraries" ] do
            must $"{verb} is missing in {help}" (help.Contains $"ebm-runner {verb}")

        for name in [ "--help"; "-h" ] do
            must name (asked [ name ] = (0, help, "")))

    law
        "a task waits while another process executes its run, goes on after a run that cannot be executed, and gives up a run that twice came no further"
        (fun () ->
            inFolder (fun folder ->
                let experiment = Experiment.Of(Document.Parse(config, "tiny.yaml"))
                let made (name: string) =
                    RunFolder.Create(Path.Combine(folder, name), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)

                let absent, held, stuck = Path.Combine(folder, "absent"), made "held", made "stuck"

                let ended attempt =
                    RunManifest(
                        State = RunState.Preempted,
                        RunId = stuck.Id,
                        GroupId = "g",
                        SweepId = "stuck",
                        ConfigSha256 = stuck.ConfigSha256,
                        Attempt = attempt,
                        Step = 1L,
                        Signal = Nullable 10
                    )

                stuck.Write(ended 1)
                stuck.Write(ended (stuck.NextAttempt()))
                let tasks = Path.Combine(folder, "tasks.jsonl")
                File.WriteAllText(
                    tasks,
                    Text.Json.JsonSerializer.Serialize {| runs = [ absent; stuck.Path; held.Path ]; afresh = false |}
                )
                let claim = new Claim(held)
                let release = Threading.Tasks.Task.Delay(3000).ContinueWith(fun (_: Threading.Tasks.Task) -> claim.Dispose())
                let code, says, complains = asked [ "task"; tasks; "0" ]
                release.Wait()
                must $"{code} {says} {complains}" (code = 2 && complains.Contains absent)
                must says (says.Trim() = $"{held.Id} ended completed" && held.State = RunState.Completed)
                let manifest = nonNull stuck.Manifest
                must $"%A{manifest.State}" (manifest.State = RunState.Timeout && (string manifest.Reason).Contains "two attempts")))

    law "a pipe or a device instead of a file of a run is refused with one sentence on standard error" (fun () ->
        let put (kind: string) (path: string) =
            if kind = "a pipe" then
                must "mkfifo" (Processes.ends "mkfifo" [ path ] = 0)
            else
                File.CreateSymbolicLink(path, "/dev/zero") |> ignore

        for kind in [ "a pipe"; "a device" ] do
            for name in [ "config.yaml"; "manifest.json"; "events.jsonl"; "trace.jsonl"; "stdout.log"; "stderr.log" ] do
                inFolder (fun folder ->
                    let experiment = Experiment.Of(Document.Parse(config, "tiny.yaml"))
                    let at =
                        RunFolder.Create(
                            Path.Combine(folder, "sweep"),
                            experiment.Identity.RunId,
                            experiment.Config,
                            experiment.Identity.Json
                        )
                    File.Delete(at.In name)
                    put kind (at.In name)
                    let code, _, complains = asked [ "exec"; at.Path; "--until"; "0" ]
                    must $"{name} as {kind} ends with {code}: {complains}" (code = 1 || code = 2)
                    must
                        $"{name} as {kind}: {complains}"
                        (complains.Contains $"{name}: this is {kind}" && not (complains.Contains "   at "))))
]
