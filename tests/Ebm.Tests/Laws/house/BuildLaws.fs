/// The build: its errors, the changes of its stamp, and that two builds never write at the same time.
module Ebm.Tests.Laws.BuildLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Ebm.Tests
open Ebm.Tests.Law

/// Starts a process in a folder.
let private start (folder: string) (path: string) (arguments: string list) =
    let start =
        ProcessStartInfo(
            Environment.GetEnvironmentVariable "DOTNET_HOST_PATH" |> Option.ofObj |> Option.defaultValue "dotnet",
            "fsi" :: arguments,
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    if path <> "" then start.Environment["PATH"] <- path

    Process.Start start |> nonNull

let private said (script: Process) =
    script.StandardInput.Close()
    let errors = script.StandardError.ReadToEndAsync()
    let output = script.StandardOutput.ReadToEnd()
    script.WaitForExit()
    script.ExitCode, output + errors.Result

let private build arguments = start Folder.root "" ("build.fsx" :: arguments) |> said

let private says code (parts: string list) (got: int, text: string) =
    must $"exit code {got}, not {code}; it says:\n{text}" (got = code)

    for part in parts do
        must $"it does not say \"{part}\"; it says:\n{text}" (text.Contains part)

/// Runs a check in a temporary copy of the build that has nothing to build.
let private inCopy holds =
    Folder.inFolder (fun folder ->
        Directory.CreateDirectory(Path.Combine(folder, "experiments")) |> ignore

        for file in [ "build.fsx"; "experiments/_bootstrap.fsx" ] do
            File.Copy(Folder.under file, Path.Combine(folder, file))

        holds folder)

/// Runs a script in a copy under the name of the build script, so that it builds nothing first.
let private script (folder: string) arguments (lines: string list) =
    let path = Path.Combine(folder, "build.fsx")
    File.WriteAllLines(path, lines)
    start folder "" (path :: arguments) |> said

/// Whether the stamp of a copy changes with each action.
let private changesStamp (doings: string list) =
    let mutable answers = []

    inCopy (fun folder ->
        let code, text =
            script folder [] [
                "#load \"experiments/_bootstrap.fsx\""
                "open System.IO"
                "let write (path: string) = Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath path)) |> ignore; File.WriteAllText(path, path)"
                "write \"core/Ebm.Records/folders/Event.cs\"; write \"artifacts/bin/Ebm.Audits/release/Ebm.Records.dll\""
                "let compare doing = let before = Ebm.Bootstrap.stamp \"analysis\" in doing (); printfn \"%b\" (before <> Ebm.Bootstrap.stamp \"analysis\")"
                for doing in doings do
                    $"compare (fun () -> {doing})"
            ]

        must text (code = 0)
        answers <- text.Trim().Split '\n' |> Array.map bool.Parse |> List.ofArray)

    answers

/// The output of `setup` if the only package source is an empty folder, for this entry of the tool manifest.
let private askedToSetUp (tool: string) =
    let mutable answer = 0, ""

    inCopy (fun folder ->
        let write (name: string) (text: string) =
            Directory.CreateDirectory(string (Path.GetDirectoryName(Path.Combine(folder, name)))) |> ignore
            File.WriteAllText(Path.Combine(folder, name), text)

        Directory.CreateDirectory(Path.Combine(folder, "empty")) |> ignore
        write
            "nuget.config"
            "<configuration><packageSources><clear /><add key=\"empty\" value=\"empty\" /></packageSources></configuration>"
        write ".config/dotnet-tools.json" $"{{ \"version\": 1, \"isRoot\": true, \"tools\": {{ {tool} }} }}"
        answer <- start folder "" [ "build.fsx"; "setup" ] |> said)

    answer

/// The output and exit code of the target `test`, with a script in place of the process of the laws, for each script.
let private tested (stands: string list) =
    let mutable answers = []

    inCopy (fun folder ->
        File.Move(Path.Combine(folder, "build.fsx"), Path.Combine(folder, "targets.fsx"))

        let code, text =
            script folder [ "help" ] [
                "#load \"targets.fsx\""
                "let test stand ="
                "    try Targets.askLaws \"sh\" [ \"-c\"; stand ]; printfn \"ended 0\""
                "    with Targets.Stop(code, _) -> printfn \"ended %d\" code"
                "printfn \"ended 0\""
                for stand in stands do
                    $"test \"\"\"{stand}\"\"\""
            ]

        must text (code = 0)
        let ends = Regex.Matches(text, @"(?s)(.*?)ended (\d)\n") |> Seq.skip 1
        answers <- [ for found in ends -> int found.Groups[2].Value, found.Groups[1].Value ])

    answers

let private firstLaw = "echo 'asking: one' >&2; echo 'asked: 1 of 3, passed: one' >&2; "

/// The second of three laws ends the process.
let private dying words = $"{firstLaw} echo 'asking: two' >&2; echo 'double free' >&2; {words}"

let private counted = firstLaw + "echo '1 passed, 0 failed, 0 skipped'; "

let all = [
    law "unknown targets, unknown options and circular targets are errors that name them, with exit code 2" (fun () ->
        build [ "tset" ] |> says 2 [ "\"tset\""; "did you mean test?"; "setup" ]
        build [ "build"; "--fro"; "analysis" ] |> says 2 [ "\"--fro\""; "--for" ]

        inCopy (fun folder ->
            File.Move(Path.Combine(folder, "build.fsx"), Path.Combine(folder, "targets.fsx"))

            script folder [ "help" ] [
                "#load \"targets.fsx\""
                "let target needs : Targets.Target = { Does = \"\"; Needs = needs; Body = ignore }"
                "let targets = Map [ \"a\", target [ \"b\" ]; \"b\", target [ \"c\" ]; \"c\", target [ \"b\" ] ]"
                "try Targets.visit targets (System.Collections.Generic.HashSet()) [] \"a\""
                "with Targets.Stop(code, says) -> printfn \"%s\" says; exit code"
            ]
            |> says 2 [ "b → c → b" ]))
    |> breaks "a target that is known" (fun () -> build [ "help" ] |> says 2 [ "did you mean" ])

    law "if no source serves a package, the error names it and says what to do, with exit code 2" (fun () ->
        askedToSetUp "\"no.such.tool\": { \"version\": \"1.0.0\", \"commands\": [ \"no\" ] }"
        |> says 2 [ "The package no.such.tool cannot be restored"; "dotnet nuget add source" ])
    |> breaks "no package is missing" (fun () -> askedToSetUp "" |> says 2 [ "cannot be restored" ])

    law "a changed source or output of a product changes its stamp; a change to other files does not" (fun () ->
        let within = [
            "write \"core/Ebm.Records/documents/Canonical.cs\""
            "File.SetLastWriteTimeUtc(\"artifacts/bin/Ebm.Audits/release/Ebm.Records.dll\", System.DateTime.UnixEpoch)"
            "write \"global.json\""
        ]

        let without = [ "write \"core/Ebm.Core/Energy.cs\""; "write \"core/Ebm.Records/obj/new.json\""; "write \"README.md\"" ]
        let due = (within |> List.map (fun _ -> true)) @ (without |> List.map (fun _ -> false))
        let got = changesStamp (within @ without)
        must $"""after each of {String.Join(" · ", within @ without)} the stamp changes as {got}, not {due}""" (got = due))

    law "a second build waits for the first one, and prints that it waits" (fun () ->
        inCopy (fun folder ->
            let lock = Path.Combine(folder, "artifacts", ".lock")
            Directory.CreateDirectory(Path.Combine(folder, "artifacts")) |> ignore
            let first = new FileStream(lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
            let second = start folder "" [ "build.fsx"; "clean" ]
            let line = second.StandardError.ReadLine() |> string
            must $"it says \"{line}\"" (line.Contains "another build is running")
            must "the second did not wait" (not (second.WaitForExit 500))
            first.Dispose()
            said second |> says 0 []))

    law "a folder of outputs that cannot be written ends the build with one sentence and exit code 2, without waiting" (fun () ->
        for path in [ "artifacts/.lock/below"; "artifacts" ] do
            inCopy (fun folder ->
                let path = Path.Combine(folder, path)
                Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
                File.WriteAllText(path, "")
                let built = start folder "" [ "build.fsx"; "clean" ]
                let over = built.WaitForExit 60_000
                if not over then built.Kill true
                let code, text = said built
                must $"it waits: {text}" over
                (code, text) |> says 2 [ "build: "; "correct this path" ]
                must $"a stack trace: {text}" (not (text.Contains "   at "))))

    law "if the process of the laws dies, the running law counts as failed, and the last lines of the process are printed" (fun () ->
        let found =
            tested [ dying "kill -ABRT $$"; dying "exit 0"; $"{firstLaw} exit 0"; $"{counted} kill -ABRT $$"; $"{counted} echo more" ]

        let due = [
            "FAILED:  two\n    The process of the laws ended with exit code 134 while this law was running.\n    double free\n"
            "FAILED:  two\n    The process of the laws ended with exit code 0 while this law was running.\n    double free\n"
            "The process of the laws ended with exit code 0; laws that had ended: 1 of 3.\n"
            "All laws have run, but their process ended with exit code 134.\n"
            "The process of the laws ended with exit code 0; laws that had ended: 1 of 3.\n"
        ]
        must $"{found.Length} answers" (found.Length = due.Length)

        for answer, due in Seq.zip found due do
            answer |> says 1 [ due ]

        for _, text in List.take 3 found do
            must $"it does not end in a count with a failure: {text}" (text.EndsWith "\n1 passed, 1 failed, 0 skipped\n"))
    |> breaks "a process that counts and ends" (fun () -> tested [ counted ] |> List.iter (says 1 []))
]
