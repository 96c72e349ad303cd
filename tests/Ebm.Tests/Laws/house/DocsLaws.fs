/// The commands in the README and the pages under docs work and print what the pages show.
/// In a block marked `console`, a line that begins with `$` is a command, and the lines below it are searched for in its output; `…` matches
/// any text. After `console`, `dry` only plans the runs, `exit 2` expects that exit code, and `by hand` excludes the block.
module Ebm.Tests.Laws.DocsLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Ebm.Tests
open Ebm.Tests.Law

type Command = { Line: int; Types: string; Prints: string list; Dry: bool; Exits: int }

/// The commands of a page's `console` blocks, except those marked `by hand`.
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

/// The command line, changed so that runs and reports are in a temporary folder.
let private redirected (folder: string) (command: Command) =
    let line = command.Types.Replace(" runs/", $" {folder}/runs/")

    match [ "dotnet fsi experiments/sweep.fsx"; "./ebm" ] |> List.tryFind line.StartsWith with
    | None -> line
    | Some sweep ->
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

/// Runs a line in a shell; its exit code and output.
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
    "README.md" :: [ for file in Directory.GetFiles(Folder.under "docs", "*.md") |> Array.sort -> $"docs/{Path.GetFileName file}" ]

let private read page = List.ofArray (File.ReadAllLines(Folder.under page))

let private follows =
    pages
    |> List.map (fun page -> page, read page)
    |> List.filter (fun (_, lines) -> not (commands lines).IsEmpty)
    |> List.map (fun (page, lines) ->
        let shown = law $"the commands of {page} print what the page shows" (fun () -> follow page lines)
        let asksFor (data: string) = commands lines |> List.exists (fun command -> Regex.IsMatch(command.Types, $@"={data}\b"))
        if asksFor "mnist" then Folder.needsData "mnist/train-images-idx3-ubyte.gz" shown else shown)

let all = [
    yield! follows

    law "the check of pages fails if a command fails or prints something else" (fun () ->
        follow "a page" [ "```console"; "$ echo one two three"; "one … three"; "```" ])
    |> breaks "a command that fails" (fun () -> follow "a page" [ "```console"; "$ false"; "```" ])
    |> breaks "another exit code" (fun () -> follow "a page" [ "```console exit 2"; "$ true"; "```" ])
    |> breaks "another output" (fun () -> follow "a page" [ "```console"; "$ echo one"; "two"; "```" ])

    law "every link of the pages has a target, and the README links to every page" (fun () ->
        let code, said = typed "dotnet fsi build.fsx docs"
        must said (code = 0))

    law "continuous integration runs the README's test command" (fun () ->
        let command = "dotnet fsi build.fsx test"
        let inReadme = read "README.md" |> List.contains $"$ {command}"
        let inScript = (File.ReadAllText(Folder.under ".ci/run")).Contains command
        must $"README: {inReadme}, .ci/run: {inScript} for `{command}`" (inReadme && inScript))
]
