/// What git answers about a repository. A machine without git, and a folder without a repository, are answers too.
module Ebm.Audits.Git

open System.Diagnostics
open System.Text

/// Whoever commits for the project need not have told git a name, and no hook or question of theirs comes in between.
let private identity = [
    "GIT_AUTHOR_NAME", "Ebm.Research"
    "GIT_AUTHOR_EMAIL", "runs@ebm.invalid"
    "GIT_COMMITTER_NAME", "Ebm.Research"
    "GIT_COMMITTER_EMAIL", "runs@ebm.invalid"
    "GIT_TERMINAL_PROMPT", "0"
    "GIT_OPTIONAL_LOCKS", "0"
]

/// Variables by which git takes another repository than the folder's: a hook that calls us has some of them set to the user's own.
let ofAnotherRepository = [
    "GIT_DIR"
    "GIT_WORK_TREE"
    "GIT_INDEX_FILE"
    "GIT_COMMON_DIR"
    "GIT_OBJECT_DIRECTORY"
    "GIT_ALTERNATE_OBJECT_DIRECTORIES"
    "GIT_PREFIX"
]

/// Runs git in a folder with further variables and a text on its standard input. What it printed, or what it said went wrong.
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
    | :? System.ComponentModel.Win32Exception -> Error "there is no git on this machine"
    | :? System.IO.IOException as error -> Error $"git ended early: {error.Message}"

/// The same without variables and input; the answer without its last line break.
let ask (folder: string) (arguments: string list) : Result<string, string> = tell folder [] "" arguments |> Result.map _.TrimEnd('\n')
