/// The compiled runner reproduces a small training; if the conditions differ, the audit names them.
module Ebm.Tests.Laws.SmokeLaws

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text
open Ebm.Audits
open Ebm.Audits.Comparison
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private quiet = "measure: { samples: 10, metrics: { mode-weights: { kind: mode-weights } } }\nlogging: { progress: 0 }\n"

let private trained =
    "data: { kind: gaussians, train: 300, test: 50 }\n\
     method: { kind: contrastive-divergence, energy: { kind: mlp, width: 64 } }\n\
     train: { steps: 6, batch: 64, lr: 1e-3, record-every: 2 }\n"
    + quiet

let private chatty =
    "data: { kind: gaussians, train: 300, test: 50 }\n\
     method: { kind: chatter, lines: 1 }\n\
     train: { steps: 2, batch: 8, lr: 0.01, record-every: 1 }\n"
    + quiet

/// As a sweep starts its runs.
let private asASweep = [ "OMP_NUM_THREADS", "1"; "MKL_NUM_THREADS", "1" ]

/// A run of a config by the compiled runner, with a lab's assembly if one is given.
let private made (folder: string) (config: string) (lab: string option) =
    let experiment =
        match lab with
        | Some lab -> Experiment.Of(Document.Parse(config, "smoke.yaml"), lab)
        | None -> Experiment.Of(Document.Parse(config, "smoke.yaml"))

    let run = RunFolder.Create(Path.Combine(folder, "runs", "laws"), experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)

    let words = [ "exec"; run.Path; "--data"; dataRoot ] @ (lab |> Option.map (fun lab -> [ "--with"; lab ]) |> Option.defaultValue [])
    let start = ProcessStartInfo(Sweeping.realRunner, words, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in asASweep do
        start.Environment[name] <- value

    use child = nonNull (Process.Start start)
    let code, says = Processes.finished child
    must $"it ended with {code}: {says}" (code = 0)
    run

/// Made once, because it is only read.
let private template =
    lazy
        (let folder = (Directory.CreateTempSubdirectory "ebm-law-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         made folder trained None)

let private asked = { Repetition.conditions root dataRoot with Compose = fun _ _ _ _ -> Composition.Untold "this law composes no config" }

let private smoke (conditions: Repetition.Conditions) run = Smoke.smoke Sweeping.realRunner conditions 4L run

/// The bits decide the verdict, whatever they are, and the drifts name exactly what differed.
let private isNamed (says: string list) (until: int64, found: Comparison) =
    must $"up to {until}" (until = 4L)
    must $"{nameOf found.Verdict}: %A{found.Drifts}" (found.Verdict = (if found.Parting.IsNone then Bitwise else Different))
    must $"%A{found.Drifts}" (found.Drifts |> List.forall (fun drift -> drift.Kind = "environment"))

    for part in says do
        must $"{part} is not among %A{found.Drifts}" (found.Drifts |> List.exists (fun drift -> drift.Says.Contains part))

let private isSame (found: Comparison) =
    must $"{nameOf found.Verdict}: %A{found.Parting}, %A{found.Drifts}" (found.Verdict = Bitwise && found.Drifts.IsEmpty)

/// The same assembly with appended bytes: its code is the same.
let private longer (path: string) =
    use file = new FileStream(path, FileMode.Append)
    file.Write(ReadOnlySpan(Array.zeroCreate<byte> 16))

/// The same assembly with another text constant.
let private reworded (path: string) =
    let bytes = File.ReadAllBytes path
    let at = bytes.AsSpan().IndexOf(ReadOnlySpan(Encoding.Unicode.GetBytes "line "))
    must "it prints no lines" (at > 0)
    bytes[at] <- byte 'L'
    File.WriteAllBytes(path, bytes)

/// A run of a lab's assembly that is no longer at its path.
let private orphan =
    lazy
        (let folder = (Directory.CreateTempSubdirectory "ebm-law-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         let lab = Path.Combine(folder, "Lab.dll")
         File.Copy(Path.Combine(AppContext.BaseDirectory, "Lab.dll"), lab)
         let run = made folder chatty (Some lab)
         File.Delete lab
         run)

/// The findings of an audit after the lab's assembly was moved and changed.
let private afterwards change (due: string list) =
    inFolder (fun folder ->
        let lab = Path.Combine(folder, "Lab.dll")
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Lab.dll"), lab)
        change lab
        let _, found = Smoke.smoke Sweeping.realRunner { asked with With = [ lab ] } 1L orphan.Value
        must (nameOf found.Verdict) (found.Verdict = Bitwise)
        must $"%A{found.Drifts}" (found.Drifts.Length = due.Length)

        for drift, says in List.zip found.Drifts due do
            must $"%A{drift}" (drift.Kind = "code" && drift.Says.Contains says))

let private isLong =
    needs (fun () ->
        match Environment.GetEnvironmentVariable "EBM_LONG" with
        | null
        | "" -> Some "it builds the project twice; set EBM_LONG=1"
        | _ -> None)

/// The output of a script, which must end with this code.
let private says code (script: string) (words: string list) =
    let start = ProcessStartInfo("dotnet", "fsi" :: script :: words, RedirectStandardOutput = true, RedirectStandardError = true)
    use child = nonNull (Process.Start start)
    let ended, said = Processes.finished child
    must $"{script} {words} ended with {ended}: {said}" (ended = code)
    said

let private capability () =
    match (nonNull template.Value.Manifest).Native with
    | null -> ""
    | native -> string native.Capability

let all = [
    law
        "smoke reproduces a run's first steps bit for bit, without drift; with two threads the bits decide, and the drift names the threads"
        (fun () ->
            isSame (snd (smoke asked template.Value))
            smoke { asked with Threads = Some 2 } template.Value
            |> isNamed [ "threads were 1 and are 2"; "OMP_NUM_THREADS was 1 and is 2" ])
    |> breaks "one thread" (fun () -> smoke asked template.Value |> isNamed [ "threads were 1 and are 2" ])

    law "with another branch of MKL the bits decide, and the variable is named" (fun () ->
        smoke { asked with Variables = [ "MKL_CBWR", "COMPATIBLE" ] } template.Value |> isNamed [ "MKL_CBWR was absent and is COMPATIBLE" ])
    |> breaks "the same branch" (fun () -> smoke asked template.Value |> isNamed [ "MKL_CBWR" ])

    // Computed data are drawn with these kernels, too, so the verdict may be NOT-COMPARABLE.
    law "with vector instructions for another CPU, they and the variable are named" (fun () ->
        let _, found = smoke { asked with Variables = [ "ATEN_CPU_CAPABILITY", "default" ] } template.Value

        for part in [ $"the vector capability was {capability ()} and is DEFAULT"; "ATEN_CPU_CAPABILITY was absent and is default" ] do
            must $"{part} is not among %A{found.Drifts}" (found.Drifts |> List.exists (fun drift -> drift.Says.Contains part)))
    |> needs (fun () -> if capability () = "DEFAULT" then Some "this CPU has no vector instructions to do without" else None)

    law
        "a lab's assembly is identified by its hash: unchanged, with other bytes of the same code, with other code, missing, and moved"
        (fun () ->
            afterwards ignore []
            afterwards longer [ "Lab has other bytes" ]
            afterwards reworded [ "the code of Lab was" ]

            throws<InvalidDataException, _> [ "Lab.dll"; "--with" ] (fun () -> smoke asked orphan.Value)
            throws<InvalidDataException, _> [ "Other.dll" ] (fun () -> smoke { asked with With = [ "Other.dll" ] } orphan.Value))
    |> breaks "the assembly is the same" (fun () -> afterwards ignore [ "the code of Lab was" ])

    law "runs of the four methods are reproduced here, from their sources, and from a fresh clone that fetched their snapshots" (fun () ->
        inFolder (fun folder ->
            let runs, clone = Path.Combine(folder, "runs"), Path.Combine(folder, "clone")
            let methods = [ "joint-cd"; "recovery-likelihood"; "denoising-ebm"; "generalized-ebm" ]
            let at where script = Path.Combine(where, "analysis", script)
            let reports = Path.Combine(folder, "reports")

            says 0 (under "experiments/sweep.fsx") [
                $"""method={String.Join(",", methods)}"""
                "seed=0"
                "train.steps=60"
                "--runs"
                runs
                "--reports"
                reports
            ]
            |> ignore

            for name in methods do
                let said = says 0 (at root "audit.fsx") [ "smoke"; name; "--runs"; runs ]
                must said (said.Contains "BITWISE" && not (said.Contains "drift"))

            must "here" ((says 0 (at root "audit.fsx") [ "rerun"; methods[0]; "--runs"; runs ]).Contains "BITWISE")
            must "clone" (Processes.ends "git" [ "clone"; "--quiet"; root; clone ] = 0)
            let fetched = Processes.ends "git" [ "-C"; clone; "fetch"; "--quiet"; "origin"; "refs/ebm/*:refs/ebm/*" ]
            must "fetch" (fetched = 0)
            must "hashes" ((says 0 (at clone "audit.fsx") [ "verify"; "--runs"; runs ]).Contains "INTACT")
            must "there" ((says 0 (at clone "audit.fsx") [ "rerun"; methods[3]; "--runs"; runs ]).Contains "BITWISE")))
    |> isLong
]
