/// Searches the history of sources for what looks like a secret: every version of every file, the names of files, and the messages of
/// commits. A bundle of the sources contains all of them.
module Ebm.Audits.Withheld

open System
open System.Collections.Generic
open System.Text
open Ebm.Records

/// A place in the history, with the latest commit that has it.
type Found = { Place: SecretFound; Commit: string }

let say (found: Found) = $"{found.Place}, in commit {found.Commit}"

/// Every version of a file that some commits and their history contain: the commit that brought it, the object, the path.
let private versions (repository: string) (commits: string list) =
    [ "log"; "-m"; "--root"; "--no-renames"; "--no-abbrev"; "--raw"; "-z"; "--format=%x01%H" ] @ commits
    |> Git.ask repository
    |> Result.map (fun text -> [
        let words = text.Split('\000') |> Array.map _.TrimStart('\n')
        let mutable commit = ""

        for i in 0 .. words.Length - 2 do
            if words[i].StartsWith '\001' then
                commit <- words[i].Substring(1, 12)
            elif words[i].StartsWith ':' && (i = 0 || not (words[i - 1].StartsWith ':')) then
                match words[i].Split ' ' with
                // A link to another repository has no bytes here.
                | [| _; mode; _; object'; _ |] when mode <> "160000" && object'.Trim '0' <> "" -> commit, object', words[i + 1]
                | _ -> ()
    ])

/// What looks like a secret in some commits and their history; each file and rule once.
let inHistory (secrets: Secrets) (repository: string) (commits: string list) : Result<Found list, string> =
    let messages () =
        Git.ask repository ([ "log"; "-z"; "--format=%H%n%B%n%an%n%cn" ] @ commits)
        |> Result.map (fun text -> [
            for message in text.Split('\000', StringSplitOptions.RemoveEmptyEntries) do
                let commit = (message.Split '\n')[0]
                let said = Encoding.UTF8.GetBytes(message.Substring(min message.Length (commit.Length + 1)))

                for place in secrets.InFile("message of a commit", said) do
                    { Place = place; Commit = commit.Substring(0, 12) }
        ])

    versions repository commits
    |> Result.bind (fun versions ->
        let paths = versions |> List.groupBy (fun (_, object', _) -> object') |> dict
        let found = List<Found>()

        Git.read repository (List.ofSeq paths.Keys) (fun object' bytes ->
            for commit, _, path in paths[object'] |> List.distinctBy (fun (_, _, path) -> path) do
                for place in secrets.InFile(path, bytes) do
                    found.Add { Place = place; Commit = commit })
        |> Result.map (fun () -> List.ofSeq found))
    |> Result.bind (fun found ->
        messages ()
        |> Result.map (fun messages ->
            found @ messages |> List.distinctBy (fun found -> found.Place.Path, found.Place.Rule) |> List.sortBy _.Place.Path))
