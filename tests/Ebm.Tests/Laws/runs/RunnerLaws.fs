/// The runner's command line: a verb accepts only its own options, and anything else is rejected before the run starts.
module Ebm.Tests.Laws.RunnerLaws

open System.Diagnostics
open Ebm.Tests
open Ebm.Tests.Law

let private asked (arguments: string list) =
    let start = ProcessStartInfo(Sweeping.realRunner, arguments, RedirectStandardOutput = true, RedirectStandardError = true)
    use child = nonNull (Process.Start start)
    let errors = child.StandardError.ReadToEndAsync()
    let says = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, says, errors.Result

let private refuses (arguments: string list) (due: string) =
    let code, says, complains = asked arguments
    must $"%A{arguments} ends with {code}: {says}{complains}" (code = 2 && says = "" && complains.Contains due)

let all = [
    law "the runner rejects an option of another verb, a missing value and a missing word, and prints the verb's usage" (fun () ->
        refuses [ "exec"; "run"; "--config=x" ] "Unknown option --config=x of exec"
        refuses [ "measure"; "run"; "--launch"; "x" ] "Unknown option --launch of measure. Known options: --data, --with, --config."
        refuses [ "serve"; "--afresh" ] "Unknown option --afresh of serve. Known options: --data, --with, --launch."
        refuses [ "exec"; "run"; "--untl"; "3" ] "did you mean --until?"
        refuses [ "task"; "tasks.jsonl"; "soon" ] "\"soon\" is not a valid number"
        refuses [ "exec"; "run"; "--data" ] "--data needs a value"
        refuses [ "exec" ] "ebm-runner exec <run folder>"
        refuses [ "exce"; "run" ] "Unknown verb exce")
    |> breaks "an option that the verb has" (fun () -> refuses [ "exec"; "run"; "--afresh" ] "Unknown option --afresh")

    law "the runner's help describes every verb, for every spelling of help" (fun () ->
        let _, help, _ = asked [ "help" ]

        for verb in [ "exec"; "measure"; "task"; "serve"; "libraries" ] do
            must $"{verb} is missing in {help}" (help.Contains $"ebm-runner {verb}")

        for name in [ "--help"; "-h" ] do
            must name (asked [ name ] = (0, help, "")))
]
