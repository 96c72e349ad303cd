/// A run records its provenance before its first step, and its sources are kept in a snapshot, including those that git ignores or does not know.
module Ebm.Tests.Laws.ProvenanceLaws

open System
open System.Collections.Generic
open System.IO
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Core
open Ebm.Devices
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Sweeping
open Ebm.Tests.Folder
open Ebm.Tests.Processes

let private needsGit = needs (fun () -> if ends "git" [ "--version" ] = 0 then None else Some "there is no git here")

type private Silent() =
    interface IAudience with
        member _.Progress _ = ()
        member _.Note _ = ()

/// The manifest of a run that has started but not completed a step.
let private begun (launch: LaunchRecord | null) (holds: RunManifest -> unit) =
    inFolder (fun folder ->
        let config =
            Document.Parse("data: {kind: gaussians}\nmethod: {kind: contrastive-divergence, energy: {kind: mlp}}\nseed: 3\n", "law.yaml")
        let experiment = Experiment.Of config
        let at = RunFolder.Create(Path.Combine(folder, "laws"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
        use stop = new Stop()
        use execution = new Execution(at, Catalog.Load [], dataRoot, stop, Silent(), launch)
        must "the run must start" (execution.Begin())
        holds (nonNull at.Manifest))

let private isSha (text: string) = text.Length = 64 && text |> Seq.forall Char.IsAsciiHexDigitLower

let private complete (manifest: RunManifest) =
    let there what (value: 'a | null) : 'a =
        match value with
        | null -> broken $"it does not have {what}"
        | value -> value

    must $"it is {manifest.State} at step {manifest.Step}" (manifest.State = RunState.Running && manifest.Step = 0L)
    let code = there "its assemblies" (there "its build" manifest.Build).Assemblies
    must "an assembly's hash" (code.ContainsKey "Ebm.Core" && code.Values |> Seq.forall isSha)
    let native = there "its libraries" manifest.Native
    let libraries = there "the files of its libraries" native.Libraries
    must
        "libtorch is not among them"
        (libraries |> Seq.exists (fun file -> file.Path.Contains "libtorch" && isSha file.Sha256 && file.Bytes > 1000L))
    must "no vector capability" (not (String.IsNullOrEmpty native.Capability))
    must $"vectors of {native.VectorLanes} lanes" (native.VectorLanes = Nullable Vectors.Lanes)
    must "no BLAS" (not (String.IsNullOrEmpty native.Blas))
    must "no C library" (not (isNull (there "its runtime" manifest.Runtime).Libc))
    must "no CPU features" ((there "the CPU's features" (there "its hardware" manifest.Hardware).Features).Count > 0)
    let threads = there "its threads" manifest.Threads
    must "no count of operators at once" (threads.IntraOp = 1 && threads.InterOp.HasValue)
    let flags = there "determinism" manifest.Determinism

    for flag in [ "kernels"; "threads"; "matmul"; "vector-capability"; "full-precision-products"; "full-precision-convolutions" ] do
        must $"nothing of {flag}" (flags.ContainsKey flag && List.contains flags[flag] [ "effective"; "requested"; "unavailable" ])

    must "kernels must be repeatable" (flags["kernels"] = "effective" && flags["threads"] = "effective")
    let streams = there "its streams" manifest.Streams
    must "streams must differ" (streams.Count = 6 && (Seq.distinct streams.Values |> Seq.length) = 6)
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

/// Everything of the user's that a snapshot must not change: index, working tree, branches, stash.
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

/// A snapshot by `git add -A` and `git commit`, which changes the user's branch.
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
        must $"it has {files}" (files = due)
        let text name = git [ "show"; $"{snapshot.Commit}:{name}" ]
        must "unstaged changes must be in it" (text "changed.cs" = "second" && text "staged.cs" = "staged and changed")
        must "the key must not be in it" (text "settings.cs" = "first")

        for name in [ ".env"; "large.bin"; "settings.cs" ] do
            must $"it does not report that {name} is left out" (said |> List.exists (fun (sentence: string) -> sentence.Contains name))
            must $"{name} is not in the manifest" (nonNull snapshot.Refused |> Seq.exists (fun file -> file.StartsWith(name + ":"))))

// ── What is found out ───────────────────────────────────────────────────────────────────────

/// The build of these laws.
let private built (isDeterministic: string -> bool) =
    let path = typeof<Execution>.Assembly.Location
    must "its header must be marked deterministic" (isDeterministic path)
    must $"its compiler is {Compiled.By path}" (not (String.IsNullOrEmpty(Compiled.By path)))

    begun null (fun manifest ->
        let build = nonNull manifest.Build
        must $"its SDK is {build.Sdk}" (fst (Version.TryParse((string build.Sdk).Split('-')[0])))
        must "the build must be deterministic" (build.Deterministic = Nullable true)
        must "without a launch there must be no tree" (isNull build.Tree)
        let runtime = nonNull manifest.Runtime
        must "cultures" (runtime.Invariant.HasValue)
        must "the device must be cpu" (manifest.Device = "cpu"))

let private machine (hasGpus: bool) =
    inFolder (fun root ->
        let write (path: string) (text: string) =
            let path = Path.Combine(root, path)
            Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
            File.WriteAllText(path, text)

        let bare = Hardware.Of root
        must "missing values must be null" (isNull bare.Features && isNull bare.Affinity && isNull bare.Accelerators)
        must "missing numbers must be null" (not bare.Installed.HasValue && not bare.NumaNodes.HasValue)
        write "proc/cpuinfo" "processor\t: 0\nmodel name\t: A CPU\nflags\t\t: fpu avx2 fma\n\nprocessor\t: 1\nmodel name\t: Another\n"
        write "proc/meminfo" "MemTotal:       1024 kB\nMemFree:         1 kB\n"
        write "proc/self/status" "Name:\tebm\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n"
        write "sys/devices/system/node/node0/cpulist" "0-1\n"
        write "sys/devices/system/node/node1/cpulist" "\n"
        write "sys/devices/system/node/power/control" "\n"

        if hasGpus then
            write "proc/driver/nvidia/version" "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n"
            write "proc/driver/nvidia/gpus/0000:01:00.0/information" "Model: \t\t NVIDIA H200\nGPU UUID: \t GPU-1234\nBus Type: \t PCIe\n"

        let machine = Hardware.Of root
        must "its CPU" (machine.Cpu = "A CPU" && List.ofSeq (nonNull machine.Features) = [ "fma"; "avx2" ])
        must "its cores" (machine.Affinity = "0-1" && machine.NumaNodes = Nullable 2)
        must "its memory" (machine.Installed = Nullable(1024L * 1024L))
        let gpu = Seq.exactlyOne (if isNull machine.Accelerators then broken "it has no GPU" else nonNull machine.Accelerators)
        must $"%A{gpu}" (gpu.Name = "NVIDIA H200" && gpu.Driver = "570.86.15" && not gpu.Memory.HasValue)
        must "its own number" (gpu.Id = (Canonical.Sha256 "GPU-1234").Substring(0, 12)))

let private secret = "hunter2-and-nobody-else"

let private slurm = [
    "SLURM_JOB_ID", "13"
    "SLURM_ARRAY_JOB_ID", "12"
    "SLURM_ARRAY_TASK_ID", "5"
    "SLURMD_NODENAME", "node7"
    "SLURM_JOB_PARTITION", "gpu"
    "SLURM_CPUS_PER_TASK", "4"
    "SLURM_MEM_PER_NODE", "16000"
    "SLURM_JOB_END_TIME", "1790000000"
    "SLURM_JOB_USER", secret
    "SLURM_JOB_ACCOUNT", secret
]

let private asJob (state: SchedulerState | null) =
    match state with
    | null -> broken "there is no job"
    | state ->
        must $"%A{state}" (state.Kind = "slurm" && state.Job = "12" && state.Index = "5" && state.Node = "node7" && state.Partition = "gpu")
        let limits = nonNull state.Limits
        must
            "limits"
            (limits["cpus"] = "4" && limits["memory-mb"] = "16000" && limits["ends-unix-seconds"] = "1790000000" && limits.Count = 3)

let private scheduled (variables: (string * string) list) = asJob (Scheduler.Of(readOnlyDict variables))

let private hidden = [
    "AWS_SECRET_ACCESS_KEY", secret
    "GITHUB_TOKEN", secret
    "DOTNET_DASHBOARD_OTLP_PRIMARYAPIKEY", secret
    "MKL_LICENSE_TOKEN", secret
    "HTTPS_PROXY", $"http://me:{secret}@proxy"
]

let private leaks (allowed: IReadOnlyDictionary<string, string> -> IReadOnlyDictionary<string, string>) =
    let kept = allowed (readOnlyDict (("OMP_NUM_THREADS", "1") :: ("DOTNET_gcServer", "0") :: hidden @ slurm))
    must $"%A{List.ofSeq kept.Keys}" (List.ofSeq kept.Keys = [ "DOTNET_gcServer"; "OMP_NUM_THREADS" ])

/// The runner of the same build configuration.
let private runner =
    let here = DirectoryInfo(Path.TrimEndingDirectorySeparator AppContext.BaseDirectory)
    Path.Combine(here.FullName, "..", "..", "Ebm.Runner", here.Name, "ebm-runner.dll")

/// A run by the runner in an environment with secrets.
let private ran () =
    inFolder (fun folder ->
        let text =
            "data: {kind: gaussians, train: 60, test: 20}\nmethod: {kind: contrastive-divergence, energy: {kind: mlp, width: 4, depth: 1}}\n"
            + "train: {steps: 2, batch: 8}\nmeasure: {samples: 4, metrics: {}}\n"
        let experiment = Experiment.Of(Document.Parse(text, "ran.yaml"))
        let at = RunFolder.Create(Path.Combine(folder, "laws"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
        let start =
            Diagnostics.ProcessStartInfo(
                "dotnet",
                [ runner; "exec"; at.Path ],
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for name, value in slurm @ hidden do
            start.Environment[name] <- value

        use child = nonNull (Diagnostics.Process.Start start)
        let code, says = finished child
        must $"{code}: {says}" (code = 0)
        let manifest = nonNull at.Manifest
        asJob manifest.Scheduler

        for file in Directory.GetFiles(at.Path, "*", SearchOption.AllDirectories) do
            must $"{file} has a secret" (not ((File.ReadAllText file).Contains secret))

        let lock = File.ReadAllText(under "paket.lock")
        let packages, hashes = nonNull manifest.Packages, nonNull manifest.PackageHashes
        use listed = Text.Json.JsonDocument.Parse(File.ReadAllText(nonNull (Path.ChangeExtension(runner, ".deps.json"))))
        must "no packages" (packages.Count > 0 && packages.Count = hashes.Count)
        must "no libtorch" (packages.Keys |> Seq.exists (fun name -> name.StartsWith "libtorch"))

        for KeyValue(name, version) in packages do
            // Paket omits a final zero.
            let spelled = if version.EndsWith ".0" then [ version; version.Substring(0, version.Length - 2) ] else [ version ]
            must $"{name} {version} is not locked" (spelled |> List.exists (fun version -> lock.Contains $"{name} ({version})"))

            match listed.RootElement.GetProperty("libraries").TryGetProperty $"{name}/{version}" with
            | true, built ->
                let built = string (built.GetProperty("sha512").GetString())
                must $"{name} differs: {hashes[name]}, {built}" ($"sha512-{hashes[name]}" = built)
            // It has no assembly, so it is not in the list of assemblies.
            | _ -> must $"{name} is not among the packages that were built" (name.StartsWith "libtorch"))

/// The manifest after the first step, before anything was saved.
let private dataFirst (change: RunManifest -> unit) =
    World.inSingle
        (fun () ->
            inFolder (fun folder ->
                let text =
                    "data: {kind: gaussians, train: 60, test: 20}\nmethod: {kind: contrastive-divergence, energy: {kind: mlp, width: 4, depth: 1}}\n"
                    + "train: {steps: 2, batch: 8}\nmeasure: {samples: 4, metrics: {}}\nlogging: {progress: 0}\n"
                let experiment = Experiment.Of(Document.Parse(text, "first.yaml"))
                let at =
                    RunFolder.Create(Path.Combine(folder, "laws"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
                let mutable first = None

                let audience = {
                    new IAudience with
                        member _.Note _ = ()
                        member _.Progress at' = if first.IsNone && at'.Phase = Phase.Train then first <- Some(nonNull at.Manifest)
                }

                use stop = new Stop()
                use execution = new Execution(at, Catalog.Load [], dataRoot, stop, audience)
                must "it does not begin" (execution.Begin())
                execution.Run(fun error -> raise error) |> ignore
                let manifest = first.Value
                change manifest
                must "the manifest must be that of the start" (manifest.State = RunState.Running && manifest.Step = 0L)
                must "no data" (manifest.Data.Count = 1)
                let data = manifest.Data[0]
                let rows = nonNull data.Rows
                must "rows" (rows["train"] = 60L && rows["test"] = 20L && rows.Count = 2)
                must "a split and settings" (isSha (string data.Split) && isSha (string data.Preprocessing))))
        ()

/// Rows, some for training and some for tests.
type private Parted(train: float list, test: float list) =
    let rows (values: float list) = TorchSharp.torch.tensor (Array.ofList values, dtype = TorchSharp.torch.float32)

    interface Ebm.Core.IDataset with
        member _.Name = "parted"
        member _.Shape = [| 1L |]
        member _.Train = rows train
        member _.Test = rows test
        member _.Digest = Canonical.Sha256 $"%A{List.sort (train @ test)}"

let private splits (what: DataState -> string | null) =
    let state train test (settings: string) = Inputs.Of(Parted(train, test), dataRoot, Document.Parse(settings, "splits.yaml"))

    let first = state [ 1.0; 2.0; 3.0 ] [ 4.0 ] "whiten: full"
    must "the same split" (what (state [ 1.0; 2.0; 3.0 ] [ 4.0 ] "whiten: full") = what first)
    must "another row for tests" (what (state [ 1.0; 2.0; 4.0 ] [ 3.0 ] "whiten: full") <> what first)
    must "another order" (what (state [ 2.0; 1.0; 3.0 ] [ 4.0 ] "whiten: full") <> what first)
    must "a part more" (what (state [ 1.0; 2.0 ] [ 3.0; 4.0 ] "whiten: full") <> what first)
    must "settings" ((state [ 1.0; 2.0; 3.0 ] [ 4.0 ] "whiten: none").Preprocessing <> first.Preprocessing)

/// The recorded determinism with and without requesting repeatable kernels.
let private readBack (asks: bool) =
    let said on =
        Machine.Deterministic on |> ignore

        try
            let blank = RunManifest(State = RunState.Running, RunId = "r", GroupId = "g", SweepId = "s", ConfigSha256 = "c")
            let manifest = Provenance.Of(blank, null, Machine.Threads, Matmul.Highest, World.rng "determinism")
            (nonNull manifest.Determinism)["kernels"], nonNull manifest.DeterminismLevel
        finally
            Machine.Deterministic false |> ignore

    let word, level = said true
    must "requested kernels must be effective" (word = "effective" && level.Requested = "D3" && level.Effective = "D3")
    let word, level = said (not asks)
    must $"not in force: {word}, {level.Effective}" (word = "requested" && level.Effective = "D1")

/// Two files with the same name, size and modification time, one after the other: the cached digest of the file, or of its folder, is the fresh one.
let private remembers (name: string) (digest: string -> string) (fresh: string -> string) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, name)
        let long = DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc)

        let write (fill: byte) =
            File.WriteAllBytes(path, Array.create 2_000_000 fill)
            File.SetLastWriteTimeUtc(path, long)

        let settles = DigestCache.Settles
        DigestCache.Settles <- TimeSpan.Zero

        try
            write 1uy
            let changed = DigestCache.Changed path
            must "another digest" (digest path = fresh path)
            must "it must not change" (digest path = fresh path)
            write 2uy
            // The system's clock has a limited resolution.
            while DigestCache.Changed path = changed do
                write 2uy

            must "it must detect the change" (digest path = fresh path)
        finally
            DigestCache.Settles <- settles)

let private bySizeAndTime (fresh: string -> string) =
    let known = Dictionary<string, string>()

    fun (path: string) ->
        let file = FileInfo path
        let key = $"{file.Length} {file.LastWriteTimeUtc:O}"
        if not (known.ContainsKey key) then known[key] <- fresh path
        known[key]

let private looked (path: string) = PictureFolder.Look(string (Path.GetDirectoryName path))
let private freshOfFolder path = (looked path).Digest(fun file -> Canonical.Sha256OfFile file)

let all = [
    law "before its first step a run records its code, libraries, machine, threads, determinism and streams" (fun () -> begun null complete)
    |> breaks "a manifest without them" (fun () ->
        complete (RunManifest(State = RunState.Running, RunId = "r", GroupId = "g", SweepId = "s", ConfigSha256 = "c")))

    law "a launch record is in the manifests of its runs, and the same launch is written once" (fun () ->
        inFolder (fun folder ->
            let git = GitState(String('a', 40), "main", Snapshot = SnapshotState(String('b', 40), String('c', 40), "refs/ebm/runs/c"))
            let record = LaunchRecord([| "sweep.fsx" |], git, ScriptState("experiments/sweep.fsx", String('d', 64)))
            let path = record.Write folder
            let bare = LaunchRecord([| "ebm" |])
            let read = LaunchRecord.Read(bare.Write(Path.Combine(folder, "bare")))
            must "a launch without git and script" (isNull read.Git && isNull read.Script)
            must
                "there must be one file"
                (record.Write folder = path && (Directory.GetFiles(Path.Combine(folder, "launches"))).Length = 1)

            begun (LaunchRecord.Read path) (fun manifest ->
                must "the snapshot" ((nonNull (nonNull manifest.Git).Snapshot).Commit = String('b', 40))
                must "the script" ((nonNull manifest.Script).Path = "experiments/sweep.fsx"))))

    law
        "a snapshot has the current sources, including untracked ones, without secrets and results; index, branch and stash do not change"
        (fun () -> keeps (fun folder _ -> take folder))
    |> breaks "a commit on the user's branch" (fun () -> keeps carelessly)
    |> needsGit

    law "the same sources have the same snapshot; committed sources are their own snapshot" (fun () ->
        inRepository (fun folder git ->
            let first = snapshotOf (fst (take folder))
            must "it must be the same commit" ((snapshotOf (fst (take folder))).Commit = first.Commit)
            must "a ref must keep it" (git [ "rev-parse"; first.Ref ] = first.Commit)
            git [ "stash"; "--include-untracked"; "--quiet" ] |> ignore
            must "the commit itself" ((snapshotOf (fst (take folder))).Commit = git [ "rev-parse"; "HEAD" ])))
    |> needsGit

    law "a repository without a commit has a snapshot; a folder without a repository has none, and reports it" (fun () ->
        inFolder (fun folder ->
            // The root of the file system ends the search for a repository.
            let none, said = Snapshot.take (Path.GetTempPath()) []
            if none.IsNone then must "it must report it" (said.Length = 1 && said.Head.Contains "No snapshot")
            Git.ask folder [ "init"; "--quiet" ] |> ignore
            File.WriteAllText(Path.Combine(folder, "a.cs"), "a")
            let snapshot = snapshotOf (fst (Snapshot.take folder []))
            must "its file" (Git.ask folder [ "show"; $"{snapshot.Commit}:a.cs" ] = Ok "a")))
    |> needsGit

    law "a build records its SDK, its compiler and whether it is deterministic, from the assemblies themselves" (fun () ->
        built Compiled.IsDeterministic)
    |> breaks "an assembly whose header is not marked deterministic" (fun () -> built (fun _ -> false))

    law "a machine's cores, memory, NUMA nodes and GPUs come from /proc and /sys; values without a file are absent" (fun () -> machine true)
    |> breaks "GPUs on a machine without GPUs" (fun () -> machine false)

    law "the output of nvidia-smi is read line by line, and unknown values are absent" (fun () ->
        let told = Hardware.Told "GPU-1, 143771, Disabled\nGPU-2, [N/A], [N/A]\nno such card\n"
        let struct (memory, mig) = told["GPU-1"]
        must "a card" (memory = Nullable(143771L <<< 20) && mig = "Disabled")
        let struct (memory, mig) = told["GPU-2"]
        must "another" (not memory.HasValue && isNull mig)
        must "lines" (told.Count = 2))

    law "a scheduler's job is recorded with its array, node, partition and limits, but without its user" (fun () -> scheduled slurm)
    |> breaks "a job alone" (fun () -> scheduled [ "SLURM_JOB_ID", "12" ])

    law "outside a scheduler no job is recorded" (fun () ->
        must "no job may be recorded" (isNull (Scheduler.Of(readOnlyDict [ "HOME", "/root"; "SLURM_CONF", "/etc/slurm.conf" ]))))

    law "only environment variables that affect the computation are recorded, and no secret under any name" (fun () ->
        leaks (fun environment -> Provenance.Allowed environment))
    |> breaks "the whole environment" (fun () -> leaks id)

    law "a runner's manifest has its scheduler job, its packages as locked by the build, and no secret" (fun () -> ran ())
    |> needs (fun () -> if File.Exists runner then None else Some "the runner is not built")

    law "the data are in the manifest before the first step is recorded: rows, split, settings" (fun () -> dataFirst ignore)
    |> breaks "a manifest without the data at that time" (fun () ->
        dataFirst (fun manifest -> (nonNull (typeof<RunManifest>.GetProperty "Data")).SetValue(manifest, Array.empty<DataState>)))

    law "a split's hash depends on the parts of rows and their order; that of preprocessing on the settings" (fun () ->
        splits (fun (state: DataState) -> state.Split))
    |> breaks "the digest of all rows, without their parts" (fun () -> splits (fun state -> state.Digest))

    law "each determinism switch is read back, and the level is the one that they allow" (fun () -> readBack true)
    |> breaks "switches recorded as requested" (fun () -> readBack false)

    law "an attempt from a launcher records when it was queued, and one started directly does not" (fun () ->
        begun null (fun manifest ->
            let timing = nonNull manifest.Timing
            must "it must not be queued" (timing.Started.HasValue && not timing.Queued.HasValue && not timing.Gpu.HasValue))

        inFolder (fun folder ->
            let plan = planned (Path.Combine(folder, "runs")) (typed [ "experiment=rings"; "seed=0" ])
            Child.enroll { Run = plan.Runs.Head; Work = Child.Execute; Try = 1 }
            let at = RunFolder.Open plan.Runs.Head.Folder
            let queued = (nonNull (nonNull at.Manifest).Timing).Queued
            use stop = new Stop()
            use execution = new Execution(at, Catalog.Load [], dataRoot, stop, Silent())
            must "the run must start" (execution.Begin())
            let timing = nonNull (nonNull at.Manifest).Timing
            must "it must be queued" (queued.HasValue && timing.Queued = queued && timing.Started.Value >= queued.Value)))

    law "submodules are recorded by their commits, and a launch's tree is the build's" (fun () ->
        inRepository (fun folder git ->
            let other = folder + "-other"
            Directory.CreateDirectory other |> ignore

            try
                let there arguments =
                    match Git.ask other arguments with
                    | Ok said -> said
                    | Error says -> broken says

                there [ "init"; "--quiet" ] |> ignore
                File.WriteAllText(Path.Combine(other, "a"), "a")
                there [ "add"; "-A" ] |> ignore
                there [ "commit"; "--quiet"; "-m"; "a" ] |> ignore
                must "there must be no submodules" (isNull (take folder |> fst |> Option.get).Submodules)
                git [ "-c"; "protocol.file.allow=always"; "submodule"; "--quiet"; "add"; other; "part" ] |> ignore
                let state = take folder |> fst |> Option.get
                let submodules = nonNull state.Submodules
                must $"%A{List.ofSeq submodules}" (submodules.Count = 1 && submodules["part"] = there [ "rev-parse"; "HEAD" ])
                begun (LaunchRecord([| "sweep.fsx" |], state)) (fun manifest ->
                    must "the trees must be equal" ((nonNull manifest.Build).Tree = (nonNull state.Snapshot).Tree))
            finally
                Directory.Delete(other, true)))
    |> needsGit

    law "the hash of a large file is computed again when its bytes change, even if its size and time are restored" (fun () ->
        remembers "rows.bin" DigestCache.Of Canonical.Sha256OfFile)
    |> breaks "a cache by sizes and times" (fun () -> remembers "rows.bin" (bySizeAndTime Canonical.Sha256OfFile) Canonical.Sha256OfFile)

    law "the digest of a folder of pictures is computed again when a file changes, even if its size and time are restored" (fun () ->
        remembers "1.png" (fun path -> DigestCache.Of(looked path)) freshOfFolder)
    |> breaks "a cache by sizes and times" (fun () -> remembers "1.png" (bySizeAndTime freshOfFolder) freshOfFolder)
]
