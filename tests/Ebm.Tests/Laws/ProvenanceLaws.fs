/// A run says where it comes from before its first step, and the sources it came from are kept, whatever git was told of them.
module Ebm.Tests.Laws.ProvenanceLaws

open System
open System.Collections.Generic
open System.IO
open Ebm.Analysis
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes

let private needsGit = needs (fun () -> if ends "git" [ "--version" ] = 0 then None else Some "there is no git here")

type private Silent() =
    interface IAudience with
        member _.Progress _ = ()
        member _.Note _ = ()

/// The manifest of a run that has begun, and not done a step.
let private begun (launch: LaunchRecord | null) (holds: RunManifest -> unit) =
    inFolder (fun folder ->
        let config =
            Document.Parse("data: {kind: gaussians}\nmethod: {kind: contrastive-divergence, energy: {kind: mlp}}\nseed: 3\n", "law.yaml")
        let experiment = Experiment.Of config
        let at =
            RunFolder.Create(Path.Combine(folder, "laws"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
        use stop = new Stop()
        use execution = new Execution(at, Catalog.Load [], dataRoot, stop, Silent(), launch)
        must "it does not begin" (execution.Begin())
        holds (nonNull at.Manifest))

let private isSha (text: string) = text.Length = 64 && text |> Seq.forall Char.IsAsciiHexDigitLower

let private complete (manifest: RunManifest) =
    let there what (value: 'a | null) : 'a =
        match value with
        | null -> broken $"it does not say {what}"
        | value -> value

    must $"it is {manifest.State} at step {manifest.Step}" (manifest.State = RunState.Running && manifest.Step = 0L)
    let code = there "its assemblies" (there "its build" manifest.Build).Assemblies
    must "an assembly's hash" (code.ContainsKey "Ebm.Core" && code.Values |> Seq.forall isSha)
    let native = there "its libraries" manifest.Native
    let libraries = there "the files of its libraries" native.Libraries
    must
        "libtorch is not among them"
        (libraries |> Seq.exists (fun file -> file.Path.Contains "libtorch" && isSha file.Sha256 && file.Bytes > 1000L))
    must "no BLAS core" (not (String.IsNullOrEmpty native.Blas))
    must "no C library" (not (isNull (there "its runtime" manifest.Runtime).Libc))
    must "no CPU features" ((there "the CPU's features" (there "its hardware" manifest.Hardware).Features).Count > 0)
    let threads = there "its threads" manifest.Threads
    must "no count of operators at once" (threads.IntraOp = 1 && threads.InterOp.HasValue)
    let flags = there "determinism" manifest.Determinism

    for flag in [ "kernels"; "threads"; "blas-core"; "full-precision-products"; "full-precision-convolutions" ] do
        must $"nothing of {flag}" (flags.ContainsKey flag && List.contains flags[flag] [ "effective"; "requested"; "unavailable" ])

    must "kernels repeat" (flags["kernels"] = "effective" && flags["threads"] = "effective")
    let streams = there "its streams" manifest.Streams
    must "streams are alike" (streams.Count = 6 && (Seq.distinct streams.Values |> Seq.length) = 6)
    must "no seal" (isSha (there "its own hash" manifest.Hash))

// ── A repository ────────────────────────────────────────────────────────────────────────────

let private key = "ghp_" + String('a', 36)

/// Committed, changed, staged, untracked, ignored, secret and oversized files.
let private inRepository (holds: string -> (string list -> string) -> unit) =
    inFolder (fun folder ->
        let git arguments =
            match Git.ask folder arguments with
            | Ok said -> said
            | Error says -> broken $"""git {String.Join(' ', arguments)}: {says}"""

        let write (name: string) (text: string) =
            let path = Path.Combine(folder, name)
            Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
            File.WriteAllText(path, text)

        git [ "init"; "--quiet"; "--initial-branch=work" ] |> ignore

        for name in [ "same.cs"; "changed.cs"; "gone.cs"; "settings.cs"; "staged.cs" ] do
            write name "first"

        write ".gitignore" "ignored.txt\n"
        git [ "add"; "-A" ] |> ignore
        git [ "commit"; "--quiet"; "-m"; "first" ] |> ignore
        write "stashed.cs" "put away"
        git [ "stash"; "--include-untracked"; "--quiet" ] |> ignore
        write "changed.cs" "second"
        File.Delete(Path.Combine(folder, "gone.cs"))
        write "settings.cs" $"token = {key}"
        write "staged.cs" "staged"
        git [ "add"; "staged.cs" ] |> ignore
        write "staged.cs" "staged and changed"
        write "new folder/née.cs" "untracked"
        write "ignored.txt" "ignored"
        write ".env" "anything"
        write "large.bin" (String('x', int Snapshot.largest + 1))
        write "runs/a/metrics.json" "a result"
        holds folder git)

/// All that a user could miss: index, working tree, branches, stash.
let private theirs folder (git: string list -> string) =
    Canonical.Sha256OfFile(Path.Combine(folder, ".git", "index")),
    git [ "status"; "--porcelain"; "--untracked-files=all" ],
    git [ "branch"; "--list"; "--verbose" ],
    git [ "stash"; "list" ],
    git [ "rev-parse"; "HEAD" ]

let private snapshotOf (state: GitState option) =
    match state with
    | Some state when not (isNull state.Snapshot) -> nonNull state.Snapshot
    | _ -> broken "there is no snapshot"

let private take folder = Snapshot.take folder [ Path.Combine(folder, "runs") ]

/// What `git add -A` and `git commit` do, which is not meant.
let private carelessly folder (git: string list -> string) =
    git [ "add"; "-A" ] |> ignore
    git [ "commit"; "--quiet"; "-m"; "mine" ] |> ignore
    Some(GitState("", Snapshot = SnapshotState(git [ "rev-parse"; "HEAD" ], "", ""))), []

let private keeps (take: string -> (string list -> string) -> GitState option * string list) =
    inRepository (fun folder git ->
        let before = theirs folder git
        let state, said = take folder git
        let snapshot = snapshotOf state
        must "index, tree, branch or stash changed" (theirs folder git = before)
        let files = git [ "-c"; "core.quotePath=false"; "ls-tree"; "-r"; "--name-only"; snapshot.Commit ]
        let due =
            "\n"
            |> fun line -> String.Join(line, [ ".gitignore"; "changed.cs"; "new folder/née.cs"; "same.cs"; "settings.cs"; "staged.cs" ])
        must $"it holds {files}" (files = due)
        let text name = git [ "show"; $"{snapshot.Commit}:{name}" ]
        must "what is not staged" (text "changed.cs" = "second" && text "staged.cs" = "staged and changed")
        must "the key is in it" (text "settings.cs" = "first")

        for name in [ ".env"; "large.bin"; "settings.cs" ] do
            must $"it does not say that it left {name} out" (said |> List.exists (fun (sentence: string) -> sentence.Contains name))
            must $"{name} is not in the manifest" (nonNull snapshot.Refused |> Seq.exists (fun file -> file.StartsWith(name + ":"))))

let all = [
    law "before its first step a run says its code, libraries, machine, threads, determinism and streams" (fun () -> begun null complete)
    |> breaks "a manifest without them" (fun () ->
        complete (RunManifest(State = RunState.Running, RunId = "r", GroupId = "g", SweepId = "s", ConfigSha256 = "c")))

    law "what a launch found out stands in its runs' manifests, and the same launch is written once" (fun () ->
        inFolder (fun folder ->
            let git = GitState(String('a', 40), "main", Snapshot = SnapshotState(String('b', 40), String('c', 40), "refs/ebm/runs/c"))
            let record = LaunchRecord([| "sweep.fsx" |], git, ScriptState("experiments/sweep.fsx", String('d', 64)))
            let path = record.Write folder
            let bare = LaunchRecord([| "ebm" |])
            let read = LaunchRecord.Read(bare.Write(Path.Combine(folder, "bare")))
            must "a launch without git and script" (isNull read.Git && isNull read.Script)
            must "another file" (record.Write folder = path && (Directory.GetFiles(Path.Combine(folder, "launches"))).Length = 1)

            begun (LaunchRecord.Read path) (fun manifest ->
                must "the snapshot" ((nonNull (nonNull manifest.Git).Snapshot).Commit = String('b', 40))
                must "the script" ((nonNull manifest.Script).Path = "experiments/sweep.fsx"))))

    law
        "a snapshot has the sources as they are, untracked ones too, without secrets and results; index, branch and stash stay as they were"
        (fun () -> keeps (fun folder _ -> take folder))
    |> breaks "a commit on the user's branch" (fun () -> keeps carelessly)
    |> needsGit

    law "the same sources have the same snapshot; committed sources are their own" (fun () ->
        inRepository (fun folder git ->
            let first = snapshotOf (fst (take folder))
            must "another one" ((snapshotOf (fst (take folder))).Commit = first.Commit)
            must "nothing keeps it" (git [ "rev-parse"; first.Ref ] = first.Commit)
            git [ "stash"; "--include-untracked"; "--quiet" ] |> ignore
            must "the commit itself" ((snapshotOf (fst (take folder))).Commit = git [ "rev-parse"; "HEAD" ])))
    |> needsGit

    law "a repository without a commit has a snapshot; a folder without a repository has none, and says so" (fun () ->
        inFolder (fun folder ->
            // The file system's own root ends the search for a repository above.
            let none, said = Snapshot.take (Path.GetTempPath()) []
            if none.IsNone then must "it does not say so" (said.Length = 1 && said.Head.Contains "not kept")
            Git.ask folder [ "init"; "--quiet" ] |> ignore
            File.WriteAllText(Path.Combine(folder, "a.cs"), "a")
            let snapshot = snapshotOf (fst (Snapshot.take folder []))
            must "its file" (Git.ask folder [ "show"; $"{snapshot.Commit}:a.cs" ] = Ok "a")))
    |> needsGit

    law "the hash of a large file is remembered by its size and time, and found anew when they change" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "rows.bin")
            let long = DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc)

            let digest (fill: byte) (time: DateTime) =
                File.WriteAllBytes(path, Array.create 2_000_000 fill)
                File.SetLastWriteTimeUtc(path, time)
                must "it is not the file's" (DigestCache.Of path = Canonical.Sha256OfFile path)
                DigestCache.Of path

            must "it did not notice" (digest 1uy long <> digest 2uy (long.AddSeconds 1.0))))
]
