/// Runs git. A machine without git, or a folder without a repository, gives an Error and no exception.
module Ebm.Audits.Git

open System.Diagnostics
open System.IO
open System.Text
open System.Text.RegularExpressions
open System.Threading.Tasks

/// Whether a text is the full hash of an object. The commits that a manifest names are arguments of git, where other text could be an option.
let isHash (text: string) = Regex.IsMatch(text, @"\A([0-9a-f]{40}|[0-9a-f]{64})\z")

/// Commits need no configured user name, and git asks no questions.
let private identity = [
    "GIT_AUTHOR_NAME", "Ebm.Research"
    "GIT_AUTHOR_EMAIL", "runs@ebm.invalid"
    "GIT_COMMITTER_NAME", "Ebm.Research"
    "GIT_COMMITTER_EMAIL", "runs@ebm.invalid"
    "GIT_TERMINAL_PROMPT", "0"
    "GIT_OPTIONAL_LOCKS", "0"
]

/// Variables that make git use another repository than the folder's; git sets some of them for a hook, which may start an audit.
let ofAnotherRepository = [
    "GIT_DIR"
    "GIT_WORK_TREE"
    "GIT_INDEX_FILE"
    "GIT_COMMON_DIR"
    "GIT_OBJECT_DIRECTORY"
    "GIT_ALTERNATE_OBJECT_DIRECTORIES"
    "GIT_PREFIX"
]

/// Runs git in a folder with further variables and a text on its standard input. Returns its output, or its error message.
let tell (folder: string) (variables: (string * string) list) (input: string) (arguments: string list) : Result<string, string> =
    let start =
        ProcessStartInfo(
            "git",
            "-C" :: folder :: arguments,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = UTF8Encoding false,
            StandardInputEncoding = UTF8Encoding false
        )

    for name in ofAnotherRepository do
        start.Environment.Remove name |> ignore

    for name, value in identity @ variables do
        start.Environment[name] <- value

    try
        use git = nonNull (Process.Start start)
        let errors = git.StandardError.ReadToEndAsync()
        let output = git.StandardOutput.ReadToEndAsync()
        git.StandardInput.Write input
        git.StandardInput.Close()
        git.WaitForExit()
        if git.ExitCode = 0 then Ok output.Result else Error(errors.Result.Trim())
    with
    | :? System.ComponentModel.Win32Exception -> Error "git is not installed"
    | :? IOException as error -> Error $"git ended early: {error.Message}"

/// Runs git without variables and input. Returns the output without its last line break.
let ask (folder: string) (arguments: string list) : Result<string, string> = tell folder [] "" arguments |> Result.map _.TrimEnd('\n')

/// Objects above this size, in bytes, are not read.
let private largest = 1_000_000_000L

/// Reads objects by their hashes, in one process. `each` gets every object's hash and bytes.
let read (folder: string) (objects: string list) (each: string -> byte[] -> unit) : Result<unit, string> =
    let start =
        ProcessStartInfo("git", [ "-C"; folder; "cat-file"; "--batch" ], RedirectStandardInput = true, RedirectStandardOutput = true)

    for name in ofAnotherRepository do
        start.Environment.Remove name |> ignore

    try
        use git = nonNull (Process.Start start)

        let asking =
            Task.Run(fun () ->
                for name in objects do
                    git.StandardInput.Write(name + "\n")

                git.StandardInput.Close())

        use output = new BufferedStream(git.StandardOutput.BaseStream, 1 <<< 16)

        let line () =
            let text = StringBuilder()
            let mutable next = output.ReadByte()

            while next <> int '\n' && next >= 0 do
                text.Append(char next) |> ignore
                next <- output.ReadByte()

            string text

        let rec all objects =
            match objects with
            | [] -> Ok()
            | name :: rest ->
                match line().Split ' ' with
                | [| _; _; size |] when int64 size > largest -> Error $"the object {name} is too large to be read: it has {size} bytes"
                | [| _; _; size |] ->
                    let bytes = Array.zeroCreate<byte>(int size)
                    output.ReadExactly bytes
                    output.ReadByte() |> ignore
                    each name bytes
                    all rest
                | _ -> Error $"the object {name} is missing"

        let ended = all objects
        if ended.IsError then git.Kill()
        asking.Wait()
        git.WaitForExit()
        ended
    with
    | :? System.ComponentModel.Win32Exception -> Error "git is not installed"
    | :? System.AggregateException
    | :? IOException -> Error "git ended early"
