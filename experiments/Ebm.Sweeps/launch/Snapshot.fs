/// A snapshot of the sources at launch, as a commit outside all branches, with staged, unstaged and untracked files. The user's index,
/// branch and stash stay unchanged, because the commit is made from a copy of the index. Equal sources share one snapshot, under
/// refs/ebm/runs/<tree>. Files that look like secrets, or are too large to be sources, are left out and named, with the place and the rule.
module Ebm.Sweeps.Snapshot

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Audits

/// Larger files, in bytes, are data or results and not sources.
let largest = 8_000_000L

/// Why a file is left out; None if it is not.
let private refusal (secrets: Secrets) (top: string) (path: string) =
    let file = FileInfo(Path.Combine(top, path))

    /// The places by rule, because a file may have many.
    let said (found: SecretFound seq) =
        let told = [
            for rule, places in found |> Seq.groupBy _.Rule do
                match places |> Seq.map _.Line |> Seq.filter (fun line -> line > 0) |> Seq.map string |> Seq.truncate 5 |> List.ofSeq with
                | [] -> $"its name matches {rule}"
                | lines -> $"""line {String.Join(", ", lines)} matches {rule}"""
        ]

        if told.IsEmpty then None else Some $"""it looks like a secret: {String.Join("; ", told)}"""

    if path.EndsWith '/' then
        Some "it is a separate repository"
    elif not (isNull file.LinkTarget) then
        // Git keeps the link's target, and not the file there.
        said (secrets.InFile(path, Encoding.UTF8.GetBytes(nonNull file.LinkTarget)))
    elif not file.Exists then
        None
    elif file.Length > largest then
        Some $"it has {file.Length} bytes, and sources may have {largest}"
    else
        said (secrets.InFile(path, File.ReadAllBytes file.FullName))

/// The address without user name, password and query; None for a folder of this machine, and for an address of an unusual form.
let private remote (secrets: Secrets) (url: string) =
    let known = Regex.Match(url, @"^(?<scheme>(https?|ssh|git)://)([^/]*@)?(?<rest>[^?#]*)|^((?<git>git@)|[^@/]*@)?(?<rest>[^/?#]+:[^?#]*)")
    let plain = known.Groups["scheme"].Value + known.Groups["git"].Value + known.Groups["rest"].Value
    if not known.Success || url.StartsWith "file:" || url.Contains "::" || known.Groups["rest"].Value.Contains '@' then
        None
    else
        Some(secrets.Masked plain)

let private (>>=) result next = Result.bind next result

let private make (secrets: Secrets) (top: string) (leave: string list) (head: string option) (changed: string list) =
    let ask arguments = Git.ask top arguments

    let below (folder: string) (path: string) =
        let relative = Path.GetRelativePath(top, folder).Replace('\\', '/')
        path = relative || path.StartsWith(relative + "/")

    let sources = changed |> List.filter (fun path -> leave |> List.forall (fun folder -> not (below folder path)))
    let judged = sources |> List.map (fun path -> path, refusal secrets top path)
    let taken = judged |> List.choose (fun (path, why) -> if why.IsNone then Some path else None)
    let refused = judged |> List.choose (fun (path, why) -> why |> Option.map (fun why -> path, why))
    let index = Path.Combine(Path.GetTempPath(), $"ebm-index-{Guid.NewGuid():N}")
    let zeros (lines: string list) = lines |> List.map (fun line -> line + "\000") |> String.concat ""

    try
        ask [ "rev-parse"; "--git-path"; "index" ]
        >>= fun users ->
            let users = Path.Combine(top, users)
            if File.Exists users then File.Copy(users, index)
            let tell = Git.tell top [ "GIT_INDEX_FILE", index ]

            tell (zeros taken) [ "update-index"; "-z"; "--add"; "--remove"; "--replace"; "--stdin" ]
            >>= fun _ ->
                // A refused file keeps the version of the last commit; its staged version is dropped.
                (Ok "", refused)
                ||> List.fold (fun before (path, _) ->
                    before
                    >>= fun _ -> tell "" [ "update-index"; "--force-remove"; "--"; path.TrimEnd '/' ]
                    >>= fun _ ->
                        match head |> Option.map (fun head -> tell "" [ "ls-tree"; head; "--"; path ]) with
                        | Some(Ok listed) when listed <> "" -> tell listed [ "update-index"; "--index-info" ]
                        | _ -> Ok "")
                >>= fun _ -> tell "" [ "write-tree" ]
                >>= fun tree ->
                    let tree = tree.Trim()
                    let name = $"refs/ebm/runs/{tree.Substring(0, 12)}"
                    let refused = [| for path, why in refused -> $"{secrets.Masked path}: {why}" |]

                    let kept commit = SnapshotState(commit, tree, name, (if refused.Length = 0 then null else refused))

                    match ask [ "rev-parse"; "--verify"; "--quiet"; name ] with
                    | Ok commit when commit <> "" -> Ok(kept commit)
                    | _ ->
                        let made =
                            match head with
                            | Some head when ask [ "rev-parse"; head + "^{tree}" ] = Ok tree -> Ok head
                            | _ ->
                                let parent = head |> Option.map (fun head -> [ "-p"; head ]) |> Option.defaultValue []
                                Git.tell top [] "The sources as they ran\n" ([ "commit-tree"; tree ] @ parent) |> Result.map _.Trim()

                        made >>= fun commit -> ask [ "update-ref"; name; commit ] |> Result.map (fun _ -> kept commit)
    finally
        File.Delete index

/// The state of the repository that contains `root`, with a snapshot; changes in the folders `leave` (results, data) are not sources. Also
/// messages about what could not be kept. None without git or a repository, which is reported and does not stop the launch.
let take (root: string) (leave: string list) : GitState option * string list =
    match Git.ask root [ "rev-parse"; "--show-toplevel" ] with
    | Error says -> None, [ $"No snapshot of the sources was made: {says.Split('\n')[0]}." ]
    | Ok top ->
        let ask arguments = Git.ask top arguments
        let secrets = Secrets.At top
        let head = ask [ "rev-parse"; "--verify"; "--quiet"; "HEAD" ] |> Result.toOption |> Option.filter ((<>) "")

        let changed =
            Git.tell top [] "" [ "status"; "--porcelain=v1"; "-z"; "--untracked-files=all"; "--no-renames" ]
            |> Result.map (fun text ->
                text.Split('\000', StringSplitOptions.RemoveEmptyEntries) |> Array.map _.Substring(3) |> List.ofArray)

        let snapshot =
            try
                changed >>= make secrets top leave head
            with
            | :? IOException
            | :? UnauthorizedAccessException as error -> Error error.Message

        /// A line per submodule, "<sign><commit> <path> (…)"; the sign shows whether it is checked out as committed.
        let submodules: Collections.Generic.IReadOnlyDictionary<string, string> | null =
            if not (File.Exists(Path.Combine(top, ".gitmodules"))) then
                null
            else
                match Git.tell top [] "" [ "submodule"; "status"; "--recursive" ] with
                | Error _ -> null
                | Ok text ->
                    readOnlyDict [
                        for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                            match line.Substring(1).Split ' ' |> List.ofArray with
                            | commit :: path :: _ -> path, commit
                            | _ -> ()
                    ]

        let state commit (snapshot: SnapshotState | null) =
            let text (arguments: string list) : string | null =
                match ask arguments with
                | Ok text when text <> "" -> secrets.Masked text
                | _ -> null

            let url: string | null =
                match ask [ "config"; "--get"; "remote.origin.url" ] with
                | Ok url -> remote secrets url |> Option.toObj
                | Error _ -> null

            GitState(
                commit,
                text [ "rev-parse"; "--abbrev-ref"; "HEAD" ],
                (match changed with
                 | Ok changed -> not changed.IsEmpty
                 | Error _ -> true),
                text [ "describe"; "--tags"; "--always" ],
                url,
                snapshot,
                submodules
            )

        match snapshot, head with
        | Ok snapshot, head ->
            let refused =
                match snapshot.Refused with
                | null -> []
                | refused -> [ for file in refused -> $"The snapshot of the sources does not contain {file}." ]

            Some(state (head |> Option.defaultValue snapshot.Commit) snapshot), refused
        | Error says, Some head -> Some(state head null), [ $"No snapshot of the sources was made: {says.Split('\n')[0]}." ]
        | Error says, None -> None, [ $"No snapshot of the sources was made: {says.Split('\n')[0]}." ]
