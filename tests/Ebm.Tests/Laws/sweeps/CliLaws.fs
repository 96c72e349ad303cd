/// The program `./ebm`: it has the words of sweep.fsx, and builds before them if a source has changed.
module Ebm.Tests.Laws.CliLaws

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes

/// Starts a program in a folder; `variables` are added to the environment. Returns exit code and output.
let private started (folder: string) (variables: (string * string) list) (program: string) (words: string list) =
    let start = ProcessStartInfo(program, words, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in variables do
        start.Environment[name] <- value

    use child = nonNull (Process.Start start)
    finished child

/// Laws are run on a build of the tests alone, too.
let private asBuilt = [ "EBM_BUILT", "1" ]

/// The path, because a law puts another program of this name first.
let private dotnet = string Environment.ProcessPath

/// The words of the newest launch record of the folder of runs.
let private launched (runs: string) =
    let record =
        Directory.GetFiles(runs, "*.json", SearchOption.AllDirectories) |> Array.filter _.Contains("/launches/") |> Array.exactlyOne
    use json = JsonDocument.Parse(File.ReadAllText record)

    [ for word in json.RootElement.GetProperty("argv").EnumerateArray() -> string (word.GetString()) ],
    string (json.RootElement.GetProperty("script").GetProperty("path").GetString())

let private copy (from: string) (into: string) =
    Directory.CreateDirectory into |> ignore

    for file in Directory.GetFiles from do
        File.Copy(file, Path.Combine(into, string (Path.GetFileName file)))

/// A copy of the program in a folder without sources, where the build only writes down that it was asked, and what it was asked for.
let private inCopy holds =
    inFolder (fun folder ->
        let root = (Directory.CreateDirectory(Path.Combine(folder, "a b"))).FullName
        copy (under "artifacts/bin/Ebm.Cli/release") (Path.Combine(root, "artifacts/bin/Ebm.Cli/release"))
        copy (under "experiments/configs/noise") (Path.Combine(root, "experiments/configs/noise"))
        File.Copy(under "experiments/_bootstrap.fsx", Path.Combine(root, "experiments/_bootstrap.fsx"))
        File.Copy(under "ebm", Path.Combine(root, "ebm"))
        let bin = (Directory.CreateDirectory(Path.Combine(folder, "bin"))).FullName
        let stand = Path.Combine(bin, "dotnet")
        File.WriteAllText(
            stand,
            "#!/bin/sh\nhere=${0%/*}/..\ncase $1 in\nfsi) shift; echo \"$*\" >> \"$here/builds\"; [ ! -e \"$here/broken\" ];;\n"
            + $"*) exec {dotnet} \"$@\";;\nesac\n"
        )
        File.SetUnixFileMode(stand, UnixFileMode.UserRead ||| UnixFileMode.UserExecute ||| UnixFileMode.UserWrite)
        let path = Environment.GetEnvironmentVariable "PATH"

        let builds () =
            let file = Path.Combine(folder, "builds")
            if File.Exists file then List.ofArray (File.ReadAllLines file) else []

        holds root builds (fun at words -> started folder [ "PATH", $"{bin}:{path}" ] at words))

let all = [
    law "./ebm without overrides plans the same runs as sweep.fsx" (fun () ->
        inFolder (fun folder ->
            let words = [ "plan"; "--json"; "--runs"; Path.Combine(folder, "runs") ]
            let code, ours = started root asBuilt (under "ebm") words
            must ours (code = 0)
            let code, scripts = started root [] dotnet ([ "fsi"; under "experiments/sweep.fsx" ] @ words)
            must scripts (code = 0)
            must $"{ours}\n{scripts}" (ours = scripts && ours.Contains "recovery-likelihood")))

    law
        "./ebm builds once if a source has changed, also if nothing is built; its stamp is the scripts' stamp; a build that fails ends it with exit code 2"
        (fun () ->
            inCopy (fun root builds start ->
                let ebm = Path.Combine(root, "ebm")
                let due = $"{root}/build.fsx build --for experiments"
                let code, says = start ebm [ "list"; "noise"; "ddpm" ]
                must $"{code}: {says}" (code = 0 && says.Contains "levels")
                must $"%A{builds ()}" (builds () = [ due ])

                // The stamp that a script computes.
                let script = Path.Combine(root, "build.fsx")
                File.WriteAllLines(
                    script,
                    [
                        "#load \"experiments/_bootstrap.fsx\""
                        "System.IO.File.WriteAllText(Ebm.Bootstrap.stampFile \"experiments\", Ebm.Bootstrap.stamp \"experiments\")"
                    ]
                )
                let code, says = started root [] dotnet [ "fsi"; script ]
                must says (code = 0)
                let code, says = start ebm [ "help" ]
                must $"{code}: {says}" (code = 0 && builds () = [ due ])

                File.AppendAllText(Path.Combine(root, "experiments/_bootstrap.fsx"), "// changed\n")
                let code, _ = start ebm [ "help" ]
                must $"{code}: %A{builds ()}" (code = 0 && builds () = [ due; due ])

                File.WriteAllText(Path.Combine(root, "..", "broken"), "")
                let code, says = start ebm [ "help" ]
                must $"{code}: {says}" (code = 2 && not (says.Contains "verb"))
                File.Delete(Path.Combine(root, "artifacts/bin/Ebm.Cli/release/Ebm.Cli.dll"))
                let code, says = start ebm [ "help" ]
                must $"{code}: {says}" (code = 2 && (builds ()).Length = 4)))

    law "./ebm is called from any folder and through links; records begin with the word that was typed" (fun () ->
        inFolder (fun folder ->
            File.CreateSymbolicLink(Path.Combine(folder, "ebm"), under "ebm") |> ignore
            File.CreateSymbolicLink(Path.Combine(folder, "again"), Path.Combine(folder, "ebm")) |> ignore
            let code, says = started folder asBuilt (Path.Combine(folder, "again")) [ "list"; "noise" ]
            must $"{code}: {says}" (code = 0 && says.Contains "ddpm")
            let words = [ "run"; "seed=0"; "--deadline"; "2020-01-01T00:00"; "--runs"; "runs"; "--reports"; "reports"; "--name"; "a" ]
            let code, says = started folder asBuilt "sh" ([ "-c"; "exec ./ebm \"$@\""; "sh" ] @ words)
            must $"{code}: {says}" (code = 1 && says.Contains "not started")
            let argv, script = launched (Path.Combine(folder, "runs"))
            must $"%A{argv} {script}" (argv = "./ebm" :: words && script = "ebm")))
]
