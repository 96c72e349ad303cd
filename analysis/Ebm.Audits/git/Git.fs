/// Runs git. A machine without git, or a folder without a repository, gives an Error and no exception.
module Ebm.Audits.Git

open System.Diagnostics
open System.Text
open System.Text.RegularExpressions

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
    | :? System.IO.IOException as error -> Error $"git ended early: {error.Message}"

/// Runs git without variables and input. Returns the output without its last line break.
let ask (folder: string) (arguments: string list) : Result<string, string> = tell folder [] "" arguments |> Result.map _.TrimEnd('\n')
