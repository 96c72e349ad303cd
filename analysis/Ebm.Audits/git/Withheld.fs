/// Detects files that look like secrets: by the usual names of such files, and by the formats of issued keys. Snapshots of the sources and
/// exports leave them out.
module Ebm.Audits.Withheld

open System
open System.Text.RegularExpressions

let private names =
    Regex(
        @"(^|/)(\.env(\..+)?|\.netrc|\.npmrc|\.pypirc|id_(rsa|dsa|ecdsa|ed25519)[^/]*|credentials(\.[^/]+)?|secrets?\.[^/]+"
        + @"|[^/]+\.(pem|key|p12|pfx|kdbx|jks))$",
        RegexOptions.IgnoreCase ||| RegexOptions.CultureInvariant
    )

// A POSIX regular expression, because git searches with it, too.
let private keys =
    "-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}|glpat-[A-Za-z0-9_-]{20}"
    + "|xox[abprs]-[A-Za-z0-9_-]{20}|hf_[A-Za-z0-9]{30}|AIza[A-Za-z0-9_-]{35}|:_(authToken|auth|password)=[^$]"

let private texts = Regex(keys, RegexOptions.CultureInvariant)

let inName (path: string) = names.IsMatch path

let inText (text: string) = texts.IsMatch text

/// The files in some commits and their history that look like secrets; one found by its text is named with the commit that added it.
let inHistory (repository: string) (commits: string list) : Result<string list, string> =
    let lines (text: string) = text.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
    let log arguments =
        Git.ask repository ([ "-c"; "core.quotePath=false"; "log"; "-m"; "--no-renames"; "--name-only" ] @ arguments @ commits)

    match log [ "--format=" ], log [ "--format=:%h"; $"-G{keys}" ] with
    | Ok named, Ok searched ->
        // The settings of a package manager are judged by their text, not by their name.
        let judged (path: string) = inName path && not (path.EndsWith ".npmrc" || path.EndsWith ".pypirc")
        let byName = lines named |> List.distinct |> List.filter judged

        let _, byText =
            (("", []), lines searched)
            ||> List.fold (fun (commit, found) line ->
                if line.StartsWith ':' then line.Substring 1, found else commit, $"{line}, in commit {commit}" :: found)

        Ok(byName @ List.rev byText)
    | Error says, _
    | _, Error says -> Error says
