/// Whether a claim was written down before its runs: the last commit that changed its file must be part of the commit from which each of its runs was started.
module Ebm.Audits.Registered

open System.IO
open Ebm.Analysis.ClaimPage

/// The registration of a file in a repository, against the commits of its runs; None is a run that names no commit.
let of' (root: string) (file: string) (commits: string option list) : Registration =
    let path = Path.GetRelativePath(root, Path.GetFullPath file).Replace('\\', '/')
    let ask words = Git.ask root words

    let isUncommitted =
        match ask [ "status"; "--porcelain"; "--"; path ] with
        | Ok "" -> false
        | _ -> true

    let commit, date =
        match ask [ "log"; "-1"; "--format=%H %cI"; "--"; path ] with
        | Ok said when said.Contains ' ' ->
            let parts = said.Split(' ', 2)
            Some parts[0], Some parts[1]
        | _ -> None, None

    let short (hash: string) = hash.Substring(0, min 10 hash.Length)

    let changed =
        if isUncommitted then
            Some "its file has changes that are not committed"
        else
            match commit with
            | None -> Some "no commit has its file"
            | Some commit ->
                commits
                |> List.distinct
                |> List.tryPick (fun started ->
                    match started with
                    | None -> Some "a run names no commit, so nobody can check the order"
                    | Some started when not (Git.isHash started) -> Some "a run names a commit that is not one"
                    | Some started ->
                        match ask [ "merge-base"; "--is-ancestor"; commit; started ] with
                        | Ok _ -> None
                        | Error _ -> Some $"the commit {short started}, from which a run was started, does not contain it")

    { Commit = commit; Date = date; IsUncommitted = isUncommitted; Changed = changed }
