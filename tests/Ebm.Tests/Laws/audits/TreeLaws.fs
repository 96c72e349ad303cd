/// A rerun leaves the repository and the run unchanged, with every file's bytes, times and inode, however it ends.
module Ebm.Tests.Laws.TreeLaws

open System
open System.Diagnostics
open System.IO
open System.Threading
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes

let private git (folder: string) arguments =
    match Git.ask folder arguments with
    | Ok said -> said
    | Error says -> failwith $"{arguments}: {says}"

// ── A repository whose runner is a script ───────────────────────────────────────────────────

/// Builds the runner from the sources; its argument tells it how to behave.
let private build =
    """mode=$1
[ "$mode" = no-build ] && { echo "error: it does not compile" >&2; exit 1; }
mkdir -p artifacts/bin/Ebm.Runner/release
[ "$mode" = hang-build ] && { touch "$TMPDIR/begun"; sleep 60; }
{ echo '#!/bin/sh'; echo "mode=$mode; tmp=$TMPDIR; sources=$(pwd)"; cat runner.sh; } > artifacts/bin/Ebm.Runner/release/ebm-runner
chmod +x artifacts/bin/Ebm.Runner/release/ebm-runner
"""

/// Writes the results that the sources contain.
let private runner =
    """[ "$mode" = hang ] && { touch "$tmp/begun"; sleep 60; }
[ "$mode" = no-run ] && { echo "out of luck" >&2; exit 1; }
cp -r "$sources/results/." "$2/"
[ "$mode" = other ] && sed -i "s/0\.5/0.7/" "$2/metrics.json"
exit 0
"""

let private hashed = """{"seed":0}"""
let private id = $"toy-s0-{(Canonical.Sha256 hashed).Substring(0, 12)}"

/// The folder of an ended run, with the sources that it was made from.
let private ended (sweep: string) (git: GitState | null) =
    let run = RunFolder.Create(sweep, id, Document.Parse("seed: 0\n", "config.yaml"), hashed)
    run.Append [ Trace(1L, "energy/loss", "0000000000000001") ]
    run.Append [ Event(1L, "energy/loss", 0.5) ]
    run.Write [ Measurement("grid-kl", 0.5, "nats", Direction.Lower) ]
    run.Write(
        RunManifest(
            State = RunState.Completed,
            Step = 1L,
            RunId = id,
            GroupId = "toy",
            SweepId = "toys",
            ConfigSha256 = run.ConfigSha256,
            Git = git
        )
    )
    run.Path

/// A repository with uncommitted work, a run of it, and a temporary folder. `repository` also contains the run.
type private World = { Folder: string; Repository: string; Run: string; Temporary: string }

let private inWorld (holds: World -> unit) =
    inFolder (fun folder ->
        let repository = Path.Combine(folder, "repository")
        let at name = Path.Combine(repository, name)
        Directory.CreateDirectory repository |> ignore
        let temporary = (Directory.CreateDirectory(Path.Combine(folder, "temporary"))).FullName
        git repository [ "init"; "--quiet"; "-b"; "main" ] |> ignore
        File.WriteAllText(at "build.sh", build)
        File.WriteAllText(at "runner.sh", "exit 9")
        File.WriteAllText(at ".gitignore", "runs/\n")
        Directory.Move(ended (Path.Combine(folder, "made")) null, at "results")
        git repository [ "add"; "-A" ] |> ignore
        git repository [ "commit"; "--quiet"; "-m"; "first" ] |> ignore
        // The sources at launch: one file changed and one untracked.
        File.WriteAllText(at "runner.sh", runner)
        File.WriteAllText(at "notes.txt", "untracked at launch")

        let state =
            match Snapshot.take repository [ at "runs" ] with
            | Some state, _ -> state
            | None, why -> broken $"%A{why}"

        let run = ended (at "runs/toys") state
        // Later changes: a stash, another branch with a commit, a worktree, and staged, unstaged and untracked changes.
        git repository [ "stash"; "--quiet" ] |> ignore
        git repository [ "switch"; "--quiet"; "-c"; "idea" ] |> ignore
        File.WriteAllText(at "runner.sh", "exit 8")
        git repository [ "commit"; "--quiet"; "-am"; "another idea" ] |> ignore
        git repository [ "worktree"; "add"; "--quiet"; "--detach"; Path.Combine(folder, "beside") ] |> ignore
        File.WriteAllText(at "build.sh", "exit 7")
        git repository [ "add"; "build.sh" ] |> ignore
        File.AppendAllText(at "build.sh", "# and more")
        File.WriteAllText(at "new.txt", "unknown")
        // A hook that leaves a file if it runs.
        File.WriteAllText(at ".git/hooks/post-checkout", "#!/bin/sh\ntouch " + at "hooked")
        File.SetUnixFileMode(at ".git/hooks/post-checkout", UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
        holds { Folder = folder; Repository = repository; Run = run; Temporary = temporary })

/// Every path of the repository and its other worktree: kind, size, inode, mode and times; then the output of git.
let private state (world: World) =
    let find = ProcessStartInfo("find", [ world.Repository; Path.Combine(world.Folder, "beside") ], RedirectStandardOutput = true)
    find.ArgumentList.Add "-printf"
    find.ArgumentList.Add "%p %y %s %i %m %T@ %C@\n"
    use child = nonNull (Process.Start find)
    let listed = child.StandardOutput.ReadToEnd().Split '\n' |> Array.sort |> List.ofArray

    let said = [
        for arguments in
            [
                [ "rev-parse"; "HEAD"; "--abbrev-ref"; "HEAD" ]
                [ "for-each-ref" ]
                [ "stash"; "list" ]
                [ "worktree"; "list" ]
                [ "status"; "--porcelain" ]
                [ "ls-files"; "--stage"; "--debug" ]
            ] -> git world.Repository arguments
    ]

    listed @ said

let private isAsBefore (before: string list) (world: World) =
    let after = state world
    let differ = (List.except before after @ List.except after before) |> List.truncate 6
    must $"""changed: {String.Join("; ", differ)}""" (before = after)
    let left = Directory.GetFileSystemEntries(world.Temporary) |> Array.filter (fun path -> not (path.EndsWith "begun"))
    must $"%A{left} were left behind" (left.Length = 0)
    must "a process is still running" (about world.Temporary).IsEmpty

/// The program that repeats the run, started by `around`.
let private starting (around: string list) (world: World) mode =
    let program = Path.Combine(AppContext.BaseDirectory, "Ebm.Tests.dll")
    let words = around @ [ "env"; $"TMPDIR={world.Temporary}"; "dotnet"; program; "rerun"; world.Repository; world.Run; mode ]
    leading words.Head words.Tail

let private rerun around world mode = finished (starting around world mode)

let private leaves around mode code (says: string) (world: World) =
    let before = state world
    let ended, said = rerun around world mode
    must $"it ended with {ended}: {said}" (ended = code && said.Contains says)
    isAsBefore before world

/// Stops it during work that would take a minute.
let private stops mode signal (world: World) =
    let before = state world
    let child = starting [ "nice" ] world mode
    let begun = Path.Combine(world.Temporary, "begun")
    let deadline = DateTime.UtcNow.AddSeconds 60.0

    while not (File.Exists begun) && not child.HasExited && DateTime.UtcNow < deadline do
        Thread.Sleep 20

    must "it did not start the work" (File.Exists begun)
    kill (child.Id, signal) |> ignore
    let code, said = finished child
    must $"it ended with {code}: {said}" (code = 128 + signal)
    isAsBefore before world

let all = [
    law
        "a rerun from a dirty tree, on another branch, inside a git hook, changes nothing: bytes, times, inodes, index, stash, worktrees"
        (fun () ->
            inWorld (fun world ->
                leaves [ "nice" ] "same" 0 "BITWISE" world
                leaves [ "nice" ] "other" 0 "DIFFERENT" world

                // Git calls a hook with variables that name the user's repository.
                leaves
                    [
                        "env"
                        $"GIT_DIR={world.Repository}/.git"
                        $"GIT_INDEX_FILE={world.Repository}/.git/index"
                        $"GIT_WORK_TREE={world.Repository}"
                    ]
                    "same"
                    0
                    "BITWISE"
                    world))
    |> breaks "the user adds a file meanwhile" (fun () ->
        inWorld (fun world ->
            let before = state world
            git world.Repository [ "add"; "new.txt" ] |> ignore
            isAsBefore before world))
    |> breaks "a file is written again with the same bytes" (fun () ->
        inWorld (fun world ->
            let before = state world
            let path = Path.Combine(world.Run, "metrics.json")
            File.WriteAllText(path, File.ReadAllText path)
            isAsBefore before world))
    |> needsGit

    law "a failed rerun changes nothing and leaves no file behind" (fun () ->
        inWorld (fun world ->
            leaves [ "nice" ] "no-build" 0 "FAILED" world
            leaves [ "nice" ] "no-run" 2 "out of luck" world
            git world.Repository [ "update-ref"; "-d"; git world.Repository [ "for-each-ref"; "--format=%(refname)"; "refs/ebm/runs" ] ]
            |> ignore
            git world.Repository [ "reflog"; "expire"; "--expire=now"; "--all" ] |> ignore
            git world.Repository [ "gc"; "--quiet"; "--prune=now" ] |> ignore
            leaves [ "nice" ] "same" 2 "git fetch origin" world))
    |> needsGit

    law "a rerun that is interrupted, during the build or the run, changes nothing and leaves no file behind" (fun () ->
        inWorld (stops "hang-build" 2)
        inWorld (stops "hang" 15))
    |> needsGit

    law "a rerun works with a read-only repository and a read-only run folder" (fun () ->
        inWorld (fun world ->
            let readOnly = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\""
            leaves [ "unshare"; "--mount"; "sh"; "-c"; readOnly; world.Repository ] "same" 0 "BITWISE" world
            // The mount is read-only.
            must
                "it can be written"
                (ends "unshare" [ "--mount"; "sh"; "-c"; readOnly; world.Repository; "touch"; world.Run + "/x" ] <> 0)))
    |> needsGit
    |> needs (fun () ->
        if ends "unshare" [ "--mount"; "sh"; "-c"; "mount --bind /tmp /tmp" ] = 0 then None else Some "mounting is not permitted")

    law
        "refs lists sources that no run here needs, and drops them with --prune; the sources of a run or a launch stay, and so do heads"
        (fun () ->
            inWorld (fun world ->
                let runs = Path.Combine(world.Repository, "runs")
                let needed () = Refs.snapshots world.Repository [ runs ] |> List.map _.Needed |> List.sort
                must $"%A{needed ()}" (needed () = [ 1 ])
                Ledger.append runs (fun _ -> [ "audit", "first", "hash" ])
                must "no head" (Ledger.anchor world.Repository runs = Ok())

                // Two further snapshots: a launch needs one, and nothing needs the other.
                for text in [ "for a launch"; "for nobody" ] do
                    File.WriteAllText(Path.Combine(world.Repository, "notes.txt"), text)

                    match Snapshot.take world.Repository [ runs ] with
                    | Some state, _ when text = "for a launch" -> LaunchRecord([], state).Write(Path.Combine(runs, "toys")) |> ignore
                    | _ -> ()

                must $"%A{needed ()}" (needed () = [ 0; 1; 1 ])
                let heads = Refs.heads world.Repository runs
                must $"%A{heads}" (heads |> List.map (fun head -> head.Entries, head.IsHere) = [ 2L, true ])

                let asked further =
                    let out = Console.Out

                    try
                        Console.SetOut TextWriter.Null
                        Audit.perform (Workspace.at world.Repository) ("refs" :: further)
                    finally
                        Console.SetOut out

                must "listed" (asked [] = 0 && needed () = [ 0; 1; 1 ])
                must "dropped" (asked [ "--prune" ] = 0 && needed () = [ 1; 1 ])
                must "the head" (Refs.heads world.Repository runs = heads)
                leaves [ "nice" ] "same" 0 "BITWISE" world))
    |> needsGit
]
