/// Runs of several ranks under real launchers and libraries, Open MPI's and MPICH's: processes that are started, stopped and killed.
module Ebm.Tests.Laws.MpiLaws

open System
open System.Diagnostics
open System.IO
open System.Threading
open Ebm.Audits
open Ebm.Audits.Comparison
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Folder
open Ebm.Tests.Law
open Ebm.Tests.Processes

let private launchers = [ "Open MPI", "mpirun.openmpi"; "MPICH", "mpirun.mpich" ]

let private isThere program =
    (string (Environment.GetEnvironmentVariable "PATH")).Split ':'
    |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, program)))

let private needsLauncher program law =
    needs (fun () -> if isThere program then None else Some $"{program} is not installed: apt-get install openmpi-bin mpich") law

let private config =
    Document.Parse(
        "data: { kind: gaussians, train: 300, test: 50 }\n"
        + "method: { kind: contrastive-divergence, energy: { kind: mlp, width: 8, depth: 1 }, steps: 3, memory: 60 }\n"
        + "train: { steps: 1000000, batch: 12, record-every: 1, checkpoint-every: 5, average: 0.9, ranks: 2 }\n"
        + "measure: { samples: 40, at-once: 7, metrics: { energy-distance: { kind: energy-distance } } }",
        "mpi.yaml"
    )

let private made (folder: string) (name: string) (config: Document) =
    let experiment = Experiment.Of config
    RunFolder.Create(Path.Combine(folder, name), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)

/// Sets variables of this process, which runners inherit.
let private given (variables: (string * string) list) (act: unit -> 'a) : 'a =
    let set = List.iter (fun (name: string, value: string | null) -> Environment.SetEnvironmentVariable(name, value))
    let before = [ for name, _ in variables -> name, Environment.GetEnvironmentVariable name ]
    set [ for name, value in variables -> name, value ]

    try
        act ()
    finally
        set before

/// Without a program, the runner chooses it.
let private startedBy program = given [ "EBM_MPIRUN", (if program = "" then "" else program + " -n {ranks}") ]

let private executable (path: string) (text: string) =
    File.WriteAllText(path, text)
    File.SetUnixFileMode(path, UnixFileMode.UserRead ||| UnixFileMode.UserExecute ||| UnixFileMode.UserWrite)

let private started (program: string) (run: RunFolder) (options: string list) =
    let start =
        // A runner that waits for ever is ended.
        ProcessStartInfo(
            "timeout",
            [ "--kill-after=10"; "120"; Sweeping.realRunner; "exec"; run.Path ] @ options,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    let child = startedBy program (fun () -> nonNull (Process.Start start))
    let errors = child.StandardError.ReadToEndAsync()
    let says = child.StandardOutput.ReadToEndAsync()
    child,
    (fun () ->
        child.WaitForExit()
        child.ExitCode, says.Result + errors.Result)

let private ended program run options = (snd (started program run options)) ()

/// The processes of the ranks, by the folder on their command line; the launchers have it, too.
let private ranksOf (run: RunFolder) = [
    for folder in Directory.GetDirectories "/proc" do
        match Int32.TryParse(Path.GetFileName folder) with
        | true, id ->
            let words =
                try
                    (File.ReadAllText $"/proc/{id}/cmdline").Split '\000' |> List.ofArray
                with :? IOException -> []

            match words with
            | program :: "exec" :: path :: _ when program = Sweeping.realRunner && path = run.Path ->
                let environment =
                    try
                        File.ReadAllText $"/proc/{id}/environ"
                    with :? IOException ->
                        ""

                let ranked =
                    [ 0; 1 ]
                    |> List.tryFind (fun rank ->
                        [ "OMPI_COMM_WORLD_RANK"; "PMI_RANK" ] |> List.exists (fun name -> environment.Contains $"{name}={rank}\000"))

                match ranked with
                | Some rank -> rank, id
                | None -> ()
            | _ -> ()
        | _ -> ()
]

let private await what (holds: unit -> bool) =
    let clock = Stopwatch.StartNew()

    while not (holds ()) do
        // It only bounds a law that fails.
        if clock.Elapsed.TotalSeconds > 100.0 then broken $"{what}: not within 100 s"
        Thread.Sleep 20

let private trace (run: RunFolder) = File.ReadAllLines(run.In "trace.jsonl")

/// Starts a run of two ranks, does something to it once it has a checkpoint, and waits for its end.
let private disturbed program (run: RunFolder) (disturb: Process -> (int * int) list -> unit) =
    let child, wait = started program run []
    await "a checkpoint" (fun () -> child.HasExited || File.Exists(run.In("checkpoint", "state.json")))
    disturb child (ranksOf run)
    let code, says = wait ()
    await $"the ranks do not end: {says}" (fun () -> (ranksOf run).IsEmpty && not (Claim.IsHeld run.Path))
    code, nonNull run.Manifest, says

/// Goes on until ten steps later, with the same bytes as a run that was never disturbed.
let private resumes program folder (run: RunFolder) =
    let step = (nonNull run.Manifest).Step
    let until = [ "--until"; string (step + 10L) ]
    let whole = made folder "whole" config
    // 128: interrupted by no signal.
    let code, says = ended program whole until
    must $"{code} {says}" (code = 128)
    let code, says = ended program run until
    must $"{code} {says}" (code = 128)
    must $"it goes on from step {step} with other numbers" (trace run = trace whole)
    must $"%A{(nonNull run.Manifest).Interventions}" (Seq.isEmpty (nonNull (nonNull run.Manifest).Interventions))

// ── audits ──────────────────────────────────────────────────────────────────────────────────

/// A completed run of two ranks whose launch kept its sources: an empty repository.
let private launched program folder =
    let repository = Path.Combine(folder, "repository")
    must "git init" (ends "git" [ "init"; "--quiet"; repository ] = 0)
    File.WriteAllText(Path.Combine(repository, "sources"), "")

    match Ebm.Sweeps.Snapshot.take repository [] with
    | None, why -> broken $"%A{why}"
    | Some git, _ ->
        let run = made folder "runs" (config.With("train.steps", Document.Of 12L))
        let launch = LaunchRecord([||], git).Write(Path.Combine(folder, "runs"))
        let code, says = ended program run [ "--launch"; launch ]
        must $"{code} {says}" (code = 0)
        repository, run

/// The build puts the compiled runner where that of the sources would be.
let private conditions repository =
    let runner = string (Path.GetDirectoryName(string (Path.GetDirectoryName Sweeping.realRunner)))

    {
        Repetition.conditions repository dataRoot with
            Compose = fun _ _ _ _ -> Composition.Untold "this law composes no config"
            Build = "sh", [ "-c"; $"mkdir -p artifacts/bin && ln -s '{runner}' artifacts/bin/Ebm.Runner" ]
    }

let private isOfTwoRanks (found: Comparison) =
    match found.Made with
    | Some(_, again) when not (isNull again.Ranks) -> must $"%A{again.Ranks}" ((nonNull again.Ranks).Count = 2)
    | made -> broken $"no ranks repeated it: %A{made}"

let private isTheSame (found: Comparison) =
    must $"{nameOf found.Verdict}: %A{found.Reason} %A{found.Parting} %A{found.Drifts}" (found.Verdict = Bitwise && found.Drifts.IsEmpty)
    isOfTwoRanks found

let all = [
    for name, program in launchers do
        law $"{name}: a run of two ranks repeats byte for byte, and its manifest names the library" (fun () ->
            inFolder (fun folder ->
                let files at =
                    let run = made folder at (config.With("train.steps", Document.Of 12L))
                    let code, says = ended program run []
                    let manifest = nonNull run.Manifest
                    must
                        $"{code} {says} %A{manifest.Reason}"
                        (code = 0 && manifest.State = RunState.Completed && says.Contains "ended completed")
                    let ranks = nonNull manifest.Ranks
                    must ranks.Library (ranks.Count = 2 && ranks.Library.Replace(" ", "").Contains(name.Replace(" ", "")))

                    [
                        for file in run.ArtefactNames() do
                            if file <> "checkpoint/state.json" then file, Canonical.Sha256OfFile(run.In file)
                    ]

                must "the second run differs" (files "a" = files "b")))
        |> needsLauncher program

        law $"{name}: when a rank is killed, the run is lost, no rank stays, and it goes on from its last checkpoint" (fun () ->
            for rank in [ 0; 1 ] do
                inFolder (fun folder ->
                    let run = made folder "killed" config

                    let code, manifest, says =
                        disturbed program run (fun _ ranks -> kill (List.find (fst >> (=) rank) ranks |> snd, 9) |> ignore)

                    must $"{code} %A{manifest.State} {says}" (code <> 0 && manifest.State = RunState.Lost)
                    must (string manifest.Reason) ((string manifest.Reason).Contains "a rank ended without a word")
                    if rank = 1 then resumes program folder run))
        |> needsLauncher program

        law $"{name}: a signal stops all ranks after the same step, with a checkpoint, from which four ranks go on" (fun () ->
            inFolder (fun folder ->
                let run = made folder "stopped" config
                let code, manifest, says = disturbed program run (fun child _ -> kill (child.Id, 15) |> ignore)
                must $"{code} {says} %A{manifest.State}" (manifest.State = RunState.Preempted)
                resumes program folder run
                File.WriteAllText(run.In "config.yaml", (config.With("train.ranks", Document.Of 4L)).ToYaml())
                let code, says = ended program run [ "--until"; string ((nonNull run.Manifest).Step + 3L) ]
                let manifest = nonNull run.Manifest
                must $"{code} {says}" (code = 128 && (nonNull manifest.Ranks).Count = 4)
                must $"%A{manifest.Interventions}" ((Seq.exactlyOne (nonNull manifest.Interventions)).What = Intervention.OtherConditions)))
        |> needsLauncher program

        law $"{name}: the ranks end when the process that started them is killed, and the run goes on" (fun () ->
            inFolder (fun folder ->
                let run = made folder "orphaned" config

                let _, manifest, _ =
                    disturbed program run (fun child _ ->
                        // `timeout`, and the runner that it has started.
                        for id in [ child.Id ] do
                            for other in
                                File.ReadAllText($"/proc/{id}/task/{id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries) do
                                kill (int other, 9) |> ignore)

                // MPICH's launcher kills its ranks when nobody reads what they print; a sweep finds such a run lost.
                must $"%A{manifest.State} {manifest.Reason}" (manifest.State = RunState.Interrupted || manifest.State = RunState.Running)

                resumes program folder run))
        |> needsLauncher program

        law $"{name}: when rank 1 fails, the run has failed, and its sweep, status and why name the rank and its error" (fun () ->
            inFolder (fun folder ->
                let data = Directory.CreateDirectory(Path.Combine(folder, "shelf"))
                Npy.Write(
                    Path.Combine(data.FullName, "rows.npy"),
                    ReadOnlyMemory [| for i in 0..799 -> float32 ((i * i) % 17) |],
                    400L,
                    2L
                )
                // Rank 1 is told another folder of data.
                let words = Path.Combine(folder, "words")
                executable
                    words
                    "#!/bin/bash\n[ \"${OMPI_COMM_WORLD_RANK:-$PMI_RANK}\" = 1 ] || exec \"$@\"\nexec \"${@/%\\/shelf//nowhere}\"\n"

                let code, says, complains =
                    given [ "EBM_MPIRUN", $"{program} -n {{ranks}} {words}" ] (fun () ->
                        Sweeping.told folder [
                            "run"
                            "data=npy"
                            "data.file=rows.npy"
                            "method=flow"
                            "train.steps=10"
                            "train.batch=16"
                            "train.ranks=2"
                            "measure=tabular"
                            "seed=0"
                            $"--data={data.FullName}"
                            $"--reports={folder}/reports"
                            "--workers=1"
                        ])

                let due = $"rank 1: {folder}/nowhere/rows.npy is missing"
                must $"{code} {says} {complains}" (code = 1 && says.Contains due)
                let run = RunFolder.Under(Sweeping.sweepOf folder) |> Seq.exactlyOne
                must $"{run.State} {(nonNull run.Manifest).Reason}" (run.State = RunState.Failed)

                for verb in [ [ "status" ]; [ "why"; run.Id ] ] do
                    let code, says, complains = Sweeping.toldBare (verb @ [ "--runs"; Sweeping.runsOf folder ])
                    let says = String.Join(' ', says.Split('\n') |> Array.map _.Trim())
                    must $"{code} {says} {complains}" (code = 0 && says.Contains "failed" && says.Contains due)))
        |> needsLauncher program

        law $"{name}: audits repeat a run of two ranks by two ranks, with the same bytes and no drift" (fun () ->
            inFolder (fun folder ->
                let repository, run = launched program folder

                startedBy program (fun () ->
                    isTheSame (snd (Smoke.smoke Sweeping.realRunner (conditions root) 4L run))
                    isTheSame (Rerun.rerun (conditions repository) ignore run))))
        |> breaks "one process" (fun () ->
            inFolder (fun folder ->
                let run = made folder "one" (config.With("train.ranks", Document.Of 1L).With("train.steps", Document.Of 12L))
                let code, says = ended program run []
                must $"{code} {says}" (code = 0)
                isTheSame (snd (Smoke.smoke Sweeping.realRunner (conditions root) 4L run))))
        |> needsLauncher program
        |> needsGit

    law "an audit names the library when other ranks repeat a run, and says why when nothing starts them" (fun () ->
        inFolder (fun folder ->
            let run = made folder "runs" (config.With("train.steps", Document.Of 12L))
            let code, says = ended "mpirun.openmpi" run []
            must $"{code} {says}" (code = 0)
            let smoke () = snd (Smoke.smoke Sweeping.realRunner (conditions root) 4L run)

            startedBy "mpirun.mpich" (fun () ->
                let found = smoke ()
                isOfTwoRanks found
                must $"{nameOf found.Verdict}" (found.Verdict = (if found.Parting.IsNone then Bitwise else Different))
                let says = [ "the number of processes that trained was 2 by Open MPI"; " and is 2 by MPICH" ]

                match found.Drifts with
                | [ drift ] -> must $"%A{drift}" (drift.Kind = "environment" && says |> List.forall drift.Says.Contains)
                | drifts -> broken $"one drift was expected, and there are %A{drifts}")

            given [ "EBM_MPIRUN", "/nowhere/mpirun" ] (fun () ->
                throws<InvalidDataException, _> [ "could not start it"; "/nowhere/mpirun" ] smoke)))
    |> needsLauncher "mpirun.openmpi"
    |> needsLauncher "mpirun.mpich"

    law
        "ranks that cannot share the batch, or are more than the processors, are refused by name before a process is started for them"
        (fun () ->
            inFolder (fun folder ->
                let began = Path.Combine(folder, "began")
                executable (Path.Combine(folder, "mpirun")) $"#!/bin/sh\ntouch '{began}'\n"

                let refused program (run: RunFolder) (parts: string list) =
                    let paths = string (Environment.GetEnvironmentVariable "PATH")
                    let code, says = given [ "PATH", $"{folder}:{paths}" ] (fun () -> ended program run [])
                    must $"{code} {says}" (code = 2 && parts |> List.forall says.Contains)
                    must "ranks were started" (not (File.Exists began))
                    must $"%A{run.Manifest}" (isNull run.Manifest)

                let withRanks (ranks: int64) (batch: int64) =
                    config.With("train.ranks", Document.Of ranks).With("train.batch", Document.Of batch)

                for ranks in [ 5L; 24L ] do
                    let says = [ "ranks must divide train.batch, which is 12"; $"the value is {ranks}" ]
                    let words = [
                        "run"
                        $"train.ranks={ranks}"
                        "train.batch=12"
                        "method=flow"
                        "seed=0"
                        "--runs"
                        Path.Combine(folder, "none")
                    ]
                    let code, printed, complains = Sweeping.toldBare words
                    must $"{code} {printed} {complains}" (code = 2 && says |> List.forall complains.Contains)
                    must "the sweep has a folder" (not (Directory.Exists(Path.Combine(folder, "none"))))
                    // A config that was edited after the plan.
                    let run = made folder $"edited {ranks}" config
                    File.WriteAllText(run.In "config.yaml", (withRanks ranks 12L).ToYaml())
                    refused "mpirun" run says

                let most = int64 Environment.ProcessorCount
                let run = made folder "many" (withRanks (most + 1L) (12L * (most + 1L)))
                refused "" run [ $"train.ranks is {most + 1L}"; $"this machine has {most} processors" ]))
]
