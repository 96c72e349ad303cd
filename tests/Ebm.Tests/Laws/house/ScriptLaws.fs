/// Shell scripts, those of the repository and those that programs write, have nothing that shellcheck would report, and contain no pasted text.
module Ebm.Tests.Laws.ScriptLaws

open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Ebm.Audits
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes

/// What shellcheck reports, by the rules of bash for a script that asks for it; empty if nothing.
let private reports (text: string) =
    let shell = if text.StartsWith "#!/bin/bash" then "bash" else "sh"
    let start =
        ProcessStartInfo(
            "shellcheck",
            [ $"--shell={shell}"; "--format=gcc"; "-" ],
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        )

    use child = nonNull (Process.Start start)
    child.StandardInput.Write text
    child.StandardInput.Close()
    child.StandardOutput.ReadToEnd()

let private tracked =
    lazy
        (match Git.ask root [ "ls-files"; "-z" ] with
         | Ok said -> said.Split('\000') |> Array.filter ((<>) "") |> List.ofArray
         | Error says -> broken says)

let private scripts () = [
    for file in tracked.Value do
        let path = under file

        if
            File.Exists path && not (file.EndsWith ".fsx") && (File.ReadLines path |> Seq.truncate 1 |> Seq.exists _.StartsWith("#!/bin/"))
        then
            file, File.ReadAllText path

    "the script in the background", Perform.background
    "the capsule's script", Export.script
    "SLURM's script", Slurm.script
    "the substitute of the runner", Sweeping.runner
    "the slow substitute", Sweeping.slow
    "the waiting substitute", Sweeping.waiting
]

let private areClean (scripts: (string * string) list) =
    for name, text in scripts do
        match reports text with
        | "" -> ()
        | found -> broken $"{name}: {found}"

/// The places in programs whose regular expression accepts a line break after its end.
let private open' (sources: (string * string) list) = [
    for name, text in sources do
        for found in Regex.Matches(text, @"Regex\b[^\n]*?(?:\n[^\n]*?)?[^\s(,=\[@>{]\$""\s*[,)]") do
            if not (found.Value.Contains "(?m)" || found.Value.Contains "Multiline") then $"{name}: {found.Value}"
]

let private programs () = [
    for file in tracked.Value do
        if Regex.IsMatch(file, @"\A(core|analysis|experiments)/.*\.(cs|fs|fsx)\z") && File.Exists(under file) then
            file, File.ReadAllText(under file)
]

/// Words that a shell would take for commands, several words, or options.
let private hostile = [ "$(touch hacked)"; "a b"; "`touch hacked`"; "a\nb"; "-x"; "'"; "\""; "*"; "\\"; ""; "a;touch hacked" ]

/// The lines of a program that prints each of its arguments between brackets.
let private echo = "#!/bin/sh\nprintf '[%s]' \"$@\"\n"

let private shown (words: string list) = words |> List.map (fun word -> $"[{word}]") |> String.concat ""

let all = [
    law "shellcheck has nothing to report on any script" (fun () ->
        let found = scripts ()
        must $"%A{List.map fst found}" (found |> List.exists (fst >> (=) ".ci/run") && found.Length >= 9)
        areClean found)
    |> breaks "an unquoted name" (fun () -> areClean [ "planted", "#!/bin/sh\nrun=$1\nexec dotnet fsi rerun $run\n" ])
    |> needs (fun () ->
        if ends "shellcheck" [ "--version" ] = 0 then None else Some "shellcheck is not installed: apt-get install shellcheck")

    law "the scripts of SLURM and of the background pass every word on as it is" (fun () ->
        for name in hostile |> List.filter ((<>) "") do
            inFolder (fun folder ->
                let place = (Directory.CreateDirectory(Path.Combine(folder, name))).FullName
                let program = Sweeping.executable place echo
                let started (words: string list) =
                    let start =
                        ProcessStartInfo(
                            "bash",
                            words,
                            WorkingDirectory = folder,
                            RedirectStandardOutput = true,
                            RedirectStandardError = true
                        )
                    start.Environment["SLURM_ARRAY_TASK_ID"] <- "3"
                    use child = nonNull (Process.Start start)
                    finished child

                let log = Path.Combine(place, "log")
                let code, said = started ([ "-c"; Perform.background; "sh"; log; program ] @ hostile)
                must $"{name}: {code}: {said}" (code = 0 && said = "" && File.ReadAllText log = shown hostile)
                let script = Path.Combine(folder, "submit.sbatch")
                File.WriteAllText(script, Slurm.script)
                let code, said = started ([ script; "1000"; ""; program ] @ hostile)
                must $"{name}: {code}: {said}" (code = 0 && said = shown (hostile @ [ "1003" ]))
                must "a word was executed" (not (File.Exists(Path.Combine(folder, "hacked"))))))

    law "a regular expression in the programs ends in \\z where it ends, because $ accepts a line break after the end" (fun () ->
        let found = open' (programs ())
        must $"%A{found}" found.IsEmpty)
    |> breaks "a name with a line break passes" (fun () ->
        must "planted" (open' [ "planted", "let private folderName = Regex(\"^[a-z]*$\")" ]).IsEmpty)
]
