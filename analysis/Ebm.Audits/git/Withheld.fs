/// What looks like a secret: names that files with secrets have, and keys as those who issue them make them. What is kept of the sources
/// is without, and so is what is handed on.
module Ebm.Audits.Withheld

open System
open System.Text.RegularExpressions

let private names =
    Regex(
        @"(^|/)(\.env(\..+)?|\.netrc|\.npmrc|\.pypirc|id_(rsa|dsa|ecdsa|ed25519)[^/]*|credentials(\.[^/]+)?|secrets?\.[^/]+"
        + @"|[^/]+\.(pem|key|p12|pfx|kdbx|jks))$",
        RegexOptions.IgnoreCase ||| RegexOptions.CultureInvariant
    )

// Git searches with it too, so it is written as POSIX has it.
let private keys =
    "-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}|glpat-[A-Za-z0-9_-]{20}"
    + "|xox[abprs]-[A-Za-z0-9_-]{20}|hf_[A-Za-z0-9]{30}|AIza[A-Za-z0-9_-]{35}|:_(authToken|auth|password)=[^$]"

let private texts = Regex(keys, RegexOptions.CultureInvariant)

let inName (path: string) = names.IsMatch path

let inText (text: string) = texts.IsMatch text

/// What looks like a secret in a commit and all that led to it: the file, and the commit that brought it where its text does.
let inHistory (repository: string) (commits: string list) : Result<string list, string> =
    let lines (text: string) = text.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
    let log arguments =
        Git.ask repository ([ "-c"; "core.quotePath=false"; "log"; "-m"; "--no-renames"; "--name-only" ] @ arguments @ commits)

    match log [ "--format=" ], log [ "--format=:%h"; $"-G{keys}" ] with
    | Ok named, Ok searched ->
        // What was committed under the name of a package manager's settings is judged by its text.
        let judged (path: string) = inName path && not (path.EndsWith ".npmrc" || path.EndsWith ".pypirc")
        let byName = lines named |> List.distinct |> List.filter judged

        let _, byText =
            (("", []), lines searched)
            ||> List.fold (fun (commit, found) line ->
                if line.StartsWith ':' then line.Substring 1, found else commit, $"{line}, in commit {commit}" :: found)

        Ok(byName @ List.rev byText)
    | Error says, _
    | _, Error says -> Error says
