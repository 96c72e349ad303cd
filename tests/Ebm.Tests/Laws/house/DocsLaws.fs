/// What the README and the pages under docs say, they say of this code: their commands are run here, and their output is looked for.
/// In a block marked `console`, a line that begins with `$` is a command and the lines below it are what it says, `…` standing for anything.
/// After `console`: `dry` only plans what would run, `exit 2` expects that exit code, `by hand` is for people.
module Ebm.Tests.Laws.DocsLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Ebm.Tests
open Ebm.Tests.Law

type Command = { Line: int; Types: string; Prints: string list; Dry: bool; Exits: int }

/// The commands of a page's `console` blocks, but those left to people.
let private commands (page: string list) =
    let rec split block (fence: string) found lines =
        match lines with
        | [] -> List.rev found
        | (_, (line: string)) :: rest when line.StartsWith "```" -> split (not block) (if block then "" else line[3..].Trim()) found rest
        | (number, line) :: rest when block && Regex.IsMatch(fence, "^console( dry| exit \d+)?$") ->
            if line.StartsWith "$ " then
                let exits = if fence.StartsWith "console exit " then int fence[13..] else 0
                split
                    block
                    fence
                    ({ Line = number; Types = line[2..]; Prints = []; Dry = fence = "console dry"; Exits = exits } :: found)
                    rest
            else
                match found with
                | command :: before -> split block fence ({ command with Prints = command.Prints @ [ line ] } :: before) rest
                | [] -> broken $"line {number}: a block of commands begins with what a command prints"
        | _ :: rest -> split block fence found rest

    split false "" [] (page |> List.mapi (fun i line -> i + 1, line))

/// What is typed, with runs and reports in a folder of the law's own.
let private redirected (folder: string) (command: Command) =
    let sweep = "dotnet fsi experiments/sweep.fsx"
    let line = command.Types.Replace(" runs/", $" {folder}/runs/")

    if not (line.StartsWith sweep) then
        line
    else
        let verb =
            match line[sweep.Length ..].Split(' ', StringSplitOptions.RemoveEmptyEntries) |> Array.tryHead with
            | Some word when not (word.Contains '=' || word.StartsWith '-') -> word
            | _ -> "run"

        match verb with
        | "list"
        | "help" -> line
        | "run" -> $"""{line} --runs {folder}/runs --reports {folder}/reports{if command.Dry then " --dry-run" else ""}"""
        | "table"
        | "report"
        | "audit" -> $"{line} --runs {folder}/runs --reports {folder}/reports"
        | _ -> $"{line} --runs {folder}/runs"

/// A shell's exit code and everything it said.
let private typed (line: string) =
    let start =
        ProcessStartInfo("bash", [ "-c"; $"{{ {line}\n}} 2>&1 </dev/null" ], WorkingDirectory = Folder.root, RedirectStandardOutput = true)

    use shell = Process.Start start |> nonNull
    let said = shell.StandardOutput.ReadToEnd()
    shell.WaitForExit()
    shell.ExitCode, said

let private follow name (page: string list) =
    Folder.inFolder (fun folder ->
        for command in commands page do
            let code, said = typed (redirected folder command)
            let at = $"{name}, line {command.Line}: `{command.Types}`"
            must $"{at} ends with exit code {code}, not {command.Exits}; it says:\n{said}" (code = command.Exits)

            for line in command.Prints |> List.filter ((<>) "") do
                let pattern = Regex.Escape(line).Replace("…", ".*")
                must $"{at} does not print \"{line}\"; it says:\n{said}" (Regex.IsMatch(said, pattern)))

let private pages =
    "README.md"
    :: [ for file in Directory.GetFiles(Folder.under "docs", "*.md") |> Array.sort -> $"docs/{Path.GetFileName file}" ]

let private read page = List.ofArray (File.ReadAllLines(Folder.under page))

let private follows =
    pages
    |> List.map (fun page -> page, read page)
    |> List.filter (fun (_, lines) -> not (commands lines).IsEmpty)
    |> List.map (fun (page, lines) -> law $"the commands of {page} do what it says" (fun () -> follow page lines))

let all = [
    yield! follows

    law "a page whose command fails, or prints something else, is noticed" (fun () ->
        follow "a page" [ "```console"; "$ echo one two three"; "one … three"; "```" ])
    |> breaks "a command that fails" (fun () -> follow "a page" [ "```console"; "$ false"; "```" ])
    |> breaks "another exit code" (fun () -> follow "a page" [ "```console exit 2"; "$ true"; "```" ])
    |> breaks "another output" (fun () -> follow "a page" [ "```console"; "$ echo one"; "two"; "```" ])

    law "every link of the pages leads somewhere, and the README names every page" (fun () ->
        let code, said = typed "dotnet fsi build.fsx docs"
        must said (code = 0))

    law "what a machine runs on every change is the README's test command" (fun () ->
        let command = "dotnet fsi build.fsx test"
        let inReadme = read "README.md" |> List.contains $"$ {command}"
        let inScript = (File.ReadAllText(Folder.under ".ci/run")).Contains command
        must $"README: {inReadme}, .ci/run: {inScript} for `{command}`" (inReadme && inScript))
]
