/// A repeated run is judged by what was declared before: each verdict and each kind of drift has its case.
module Ebm.Tests.Laws.RerunLaws

open System
open System.Collections.Generic
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Audits.Comparison
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// The parts of a run that a comparison reads.
type private Toy = {
    Traces: (int64 * string * string) list
    Weights: byte list
    Metric: float
    State: RunState
    Step: int64
    Tolerance: string
    Data: string
    Code: string
    Libtorch: string
    Threads: int
    Core: string
    Kernels: string
}

let private toy = {
    Traces = [ for step in 1L .. 4L -> step, "energy/loss", $"%016x{step}" ]
    Weights = [ 1uy; 2uy; 3uy; 4uy ]
    Metric = 0.5
    State = RunState.Completed
    Step = 4L
    Tolerance = ""
    Data = "d"
    Code = "c"
    Libtorch = "1.13.0"
    Threads = 1
    Core = "AVX2"
    Kernels = "effective"
}

let private write (folder: string) (toy: Toy) =
    let hashed = """{"seed":0}"""
    let id = "toy-s0-" + (Canonical.Sha256 hashed).Substring(0, 12)
    let run = RunFolder.Create(Path.Combine(folder, "toys"), id, Document.Parse("seed: 0\n" + toy.Tolerance, "config.yaml"), hashed)
    run.Append [ for step, what, bits in toy.Traces -> Trace(step, what, bits) ]
    Directory.CreateDirectory(run.In "checkpoint") |> ignore
    let weights = NamedTensorBytes("layers.0.weight", "U8", [| int64 toy.Weights.Length |], ReadOnlyMemory(List.toArray toy.Weights))
    Safetensors.Write(run.In("checkpoint", "method.safetensors"), [ weights ])
    if toy.State = RunState.Completed then run.Write [ Measurement("grid-kl", toy.Metric, "nats", Direction.Lower) ]
    let map (pairs: (string * string) list) : IReadOnlyDictionary<string, string> = readOnlyDict pairs

    run.Write(
        RunManifest(
            State = toy.State,
            Step = toy.Step,
            RunId = id,
            GroupId = "toy",
            SweepId = "toys",
            ConfigSha256 = run.ConfigSha256,
            Data = [| DataState("rows", toy.Data) |],
            Build = BuildState("Release", "0", Code = map [ "Ebm.Core", toy.Code ]),
            Native = NativeState(toy.Libtorch, Capability = toy.Core),
            Threads = ThreadCounts(toy.Threads),
            Determinism = map [ "kernels", toy.Kernels ]
        )
    )

    run

let private compared until (was: Toy) (is: Toy) (group: float list) (holds: Comparison -> unit) =
    inFolder (fun folder ->
        let was = write (Path.Combine(folder, "was")) was
        let is = write (Path.Combine(folder, "is")) is
        holds (compare until was is { nothing with Group = fun _ -> group }))

let private verdict due until (was: Toy) (is: Toy) group =
    compared until was is group (fun found -> must $"it is {nameOf found.Verdict}, and {nameOf due} was expected" (found.Verdict = due))

let private other = { toy with Weights = [ 1uy; 2uy; 3uy; 5uy ]; Metric = 0.5078125 }
let private declared = "measure:\n  tolerance:\n    grid-kl:\n      absolute: 0.01\n"
let private seeds = [ 0.45; 0.5; 0.55; 0.48 ]

let private drifts (is: Toy) =
    let found = ref []
    compared None toy is [] (fun c -> found.Value <- c.Drifts |> List.map _.Kind |> List.distinct)
    found.Value

let private isNamed (change: Toy) kind = must $"%A{drifts change}, and {kind} was expected" (drifts change = [ kind ])

/// The parts of a manifest that drifts are read from.
let private manifest =
    """{
  "state": "completed", "runId": "toy-s0-000000000000", "groupId": "toy", "sweepId": "toys", "configSha256": "aa11",
  "build": { "configuration": "Release", "version": "0", "compiler": "5.0.0", "code": { "Ebm.Methods": "c0de01", "Lab": "c0de02" } },
  "runtime": { "dotnet": "10.0.12", "os": "Debian 12", "kernel": "Unix 6.18", "libc": "2.36" },
  "packages": { "YamlDotNet": "16.3.0" },
  "packageHashes": { "YamlDotNet": "SgMO=" },
  "native": { "libtorch": "1.13.0", "build": "GCC 12.2", "blas": "MKL 2024.2", "capability": "AVX512", "vectorLanes": 16, "libraries": [
    { "path": "/somewhere/libLibTorchSharp.so", "sha256": "a0", "bytes": 1, "original": "a1" },
    { "path": "/somewhere/libtorch_cpu.so", "sha256": "b0", "bytes": 1 } ] },
  "hardware": { "cpu": "AMD EPYC", "cores": 2, "memory": 8, "features": [ "avx2", "avx512f" ] },
  "threads": { "intraOp": 1, "interOp": 1 },
  "environment": { "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8" },
  "determinism": { "kernels": "effective",
    "threads": "effective" },
  "device": "cpu",
  "determinismLevel": { "requested": "D3", "effective": "D3" },
  "data": [ { "name": "rows", "digest": "d0", "rows": { "train": 100, "test": 20 }, "split": "e0", "preprocessing": "e2", "files": [
    { "path": "toy/rows.bin", "bytes": 9, "modified": "2026-01-01T00:00:00Z", "sha256": "f0" } ] } ]
}"""

/// The drifts between a manifest and a copy with one text replaced.
let private planted (before: string) (after: string) holds =
    must $"{before} is not in the manifest" (manifest.Contains before)
    let read (text: string) = RunManifest.Parse(text, "manifest.json")
    holds (Comparison.drifts (fun name -> [ $"core/{name}/Some.cs" ]) (read manifest) (read (manifest.Replace(before, after))))

/// The text, its replacement, the kind of drift, and a part of the message.
let private plants = [
    "aa11", "bb22", "config", "was aa11 and is bb22"
    "\"train\": 100", "\"train\": 90", "data", "the number of rows of rows train was 100 and is 90"
    "\"e0\"", "\"e1\"", "data", "the split of rows was e0 and is e1"
    "\"e2\"", "\"e3\"", "data", "the preprocessing of rows was e2"
    "5.0.0", "5.1.0", "dependency", "the compiler was 5.0.0 and is 5.1.0"
    "\"cpu\",\n", "\"cuda:0\",\n", "environment", "the device was cpu and is cuda:0"
    "\"effective\": \"D3\"", "\"effective\": \"D1\"", "determinism", "the effective level was D3 and is D1"
    "\"digest\": \"d0\"", "\"digest\": \"d1\"", "data", "the digest of rows was d0 and is d1"
    "\"sha256\": \"f0\"", "\"sha256\": \"f1\"", "data", "toy/rows.bin was f0 of 9 bytes and is f1 of 9 bytes"
    "\"bytes\": 9", "\"bytes\": 8", "data", "of 8 bytes"
    "c0de01", "c0de03", "code", "Ebm.Methods was c0de01 and is c0de03: core/Ebm.Methods/Some.cs"
    "c0de02", "c0de03", "code", "the code of Lab"
    "16.3.0", "16.4.0", "dependency", "the package YamlDotNet was 16.3.0 and is 16.4.0"
    "SgMO=", "TgMO=", "dependency", "the content of the package YamlDotNet"
    "1.13.0", "2.11.0", "dependency", "libtorch was 1.13.0 and is 2.11.0"
    "GCC 12.2", "GCC 13.1", "dependency", "how libtorch was built"
    "\"b0\"", "\"b1\"", "dependency", "libtorch_cpu.so was b0 and is b1"
    "AMD EPYC", "Intel Xeon", "environment", "the CPU was AMD EPYC and is Intel Xeon"
    ", \"avx512f\"", "", "environment", "the instruction set was avx2, avx512f and is avx2"
    "\"intraOp\": 1", "\"intraOp\": 2", "environment", "threads were 1 and are 2"
    "\"interOp\": 1", "\"interOp\": 2", "environment", "parallel operators were 1 and are 2"
    "MKL 2024.2", "MKL 2025.0", "dependency", "BLAS was MKL 2024.2 and is MKL 2025.0"
    "\"a1\"", "\"a2\"", "dependency", "libLibTorchSharp.so was a1 and is a2"
    "AVX512", "AVX2", "environment", "the vector capability was AVX512 and is AVX2"
    "\"vectorLanes\": 16", "\"vectorLanes\": 8", "environment", "vectors had 16 lanes and have 8"
    "10.0.12", "10.0.13", "environment", ".NET was 10.0.12"
    "Debian 12", "Debian 13", "environment", "the system was Debian 12"
    "Unix 6.18", "Unix 6.19", "environment", "the kernel was Unix 6.18"
    "2.36", "2.41", "environment", "the C library was 2.36"
    "\"OMP_NUM_THREADS\": \"1\"", "\"OMP_NUM_THREADS\": \"2\"", "environment", "the variable OMP_NUM_THREADS was 1 and is 2"
    "\"kernels\": \"effective\"", "\"kernels\": \"requested\"", "determinism", "the flag kernels was effective and is requested"
]

/// The drift of a run whose overrides now give another config.
let private composedAgain (made: string list) (now: string list) =
    let result = ref []

    inFolder (fun folder ->
        let plan words = Sweeping.planned (Path.Combine(folder, "runs")) (Sweeping.typed ("experiment=rings" :: words))
        let planned = (plan made).Runs.Head
        let run = RunFolder.Create(Path.Combine(folder, "laws"), planned.Id, planned.Config, planned.Hashed)
        let origins: IReadOnlyDictionary<string, string> =
            readOnlyDict [
                for struct (path, _) in planned.Config.Leaves() do
                    match planned.Composed.Find path with
                    | null -> ()
                    | node -> path, string node.Source
            ]
        let manifest =
            RunManifest(State = RunState.Completed, RunId = run.Id, GroupId = "g", SweepId = "laws", ConfigSha256 = "", Origins = origins)
        result.Value <- Composition.differing run manifest (Composition.read (Show.whyJson (plan now))))

    result.Value

let all = [
    law
        "every verdict has its case: the same bits, within tolerance, in another seed's range, in none of these, other inputs, not at the end"
        (fun () ->
            verdict Bitwise None toy toy []
            verdict Tolerance None { toy with Tolerance = declared } { other with Tolerance = declared } []
            verdict Statistical None toy other seeds
            verdict Different None toy other [ 0.1; 0.11 ]
            verdict Different None toy { other with Metric = 0.9 } seeds
            verdict NotComparable None toy { other with Data = "e" } seeds
            verdict NotComparable None toy { other with Code = "e" } seeds
            verdict Failed None toy { toy with State = RunState.Failed; Step = 2L } [])
    |> breaks "no tolerance is declared" (fun () -> verdict Tolerance None toy other [])
    |> breaks "one weight's last bit" (fun () -> verdict Bitwise None toy { toy with Weights = [ 1uy; 2uy; 3uy; 5uy ] } [])
    |> breaks "one metric's last bit" (fun () -> verdict Bitwise None toy { toy with Metric = Math.BitIncrement 0.5 } [])
    |> breaks "a tolerance that only the second run declares" (fun () -> verdict Tolerance None toy { other with Tolerance = declared } [])

    law "equal bits from another machine are BITWISE, and the drifts are still named" (fun () ->
        compared None toy { toy with Threads = 2; Code = "e" } [] (fun found ->
            must (nameOf found.Verdict) (found.Verdict = Bitwise)
            must $"%A{found.Drifts}" (found.Drifts |> List.map _.Kind = [ "code"; "environment" ])))

    law "the first difference is the first step whose traced bits differ, else a tensor, which is named" (fun () ->
        let at step = toy.Traces |> List.map (fun (s, what, bits) -> if s >= step then s, what, "f" + bits.Substring 1 else s, what, bits)

        compared None toy { toy with Traces = at 3L } [] (fun found ->
            must $"%A{found.Parting}" (found.Parting = Some { Step = Some 3L; What = "energy/loss" }))

        compared None toy { toy with Weights = [ 0uy; 2uy; 3uy; 4uy ] } [] (fun found ->
            must $"%A{found.Parting}" (found.Parting = Some { Step = None; What = "layers.0.weight in checkpoint/method.safetensors" })))

    law "a comparison of the first steps ignores later steps" (fun () ->
        let later = {
            other with
                Traces = toy.Traces |> List.map (fun (s, what, bits) -> s, what, (if s > 2L then "f" + bits.Substring 1 else bits))
        }
        verdict Bitwise (Some 2L) toy { later with State = RunState.Interrupted; Step = 2L } []
        verdict Different (Some 3L) toy { later with State = RunState.Interrupted; Step = 3L } []
        verdict Failed (Some 3L) toy { later with State = RunState.Failed; Step = 2L } [])

    law
        "there are six kinds of drift, and each names the old and the new value: config, data, code, dependency, environment, determinism"
        (fun () ->
            isNamed { toy with Data = "e" } "data"
            isNamed { toy with Code = "e" } "code"
            isNamed { toy with Libtorch = "2.11.0" } "dependency"
            isNamed { toy with Threads = 2 } "environment"
            isNamed { toy with Core = "AVX512" } "environment"
            isNamed { toy with Kernels = "unavailable" } "determinism"
            must "nothing has changed" (drifts toy = [])

            for before, after, kind, says in plants do
                planted before after (fun found ->
                    match found with
                    | [ one ] -> must $"%A{one}, and {kind} was expected, saying {says}" (one.Kind = kind && one.Says.Contains says)
                    | several -> broken $"{before}: one drift was expected, and there are %A{several}"))
    |> breaks "nothing has changed" (fun () -> isNamed toy "code")
    |> breaks "a drift by another name" (fun () -> isNamed { toy with Core = "AVX512" } "dependency")

    law "a value that one of two manifests lacks is not a drift" (fun () ->
        for before, after in
            [
                "\"kernels\": \"effective\",\n    \"threads\": \"effective\"", "\"kernels\": \"effective\""
                "\"YamlDotNet\": \"SgMO=\"", ""
                ", \"libc\": \"2.36\"", ""
                "\"interOp\": 1", "\"interOp\": null"
                ", \"vectorLanes\": 16", ""
            ] do
            planted before after (fun found -> must $"{before}: %A{found}" found.IsEmpty))
    |> breaks "a flag with another value" (fun () ->
        planted "\"kernels\": \"effective\"" "\"kernels\": \"requested\"" (fun found -> must $"%A{found}" found.IsEmpty))

    law "a config drift names each changed key with both values and their origins, but no key that does not identify a run" (fun () ->
        let drifted = composedAgain [ "method=joint-cd"; "seed=3" ] [ "method=joint-cd"; "seed=3"; "method.steps=6"; "threads=2" ]
        must $"%A{drifted}" (drifted = [ "method.steps was 4 (default) and is 6 (command line, \"method.steps=6\")" ])
        let drifted = composedAgain [ "method=joint-cd"; "seed=3" ] [ "method=joint-cd"; "seed=3"; "train=equal-budget" ]
        must $"%A{drifted}" (drifted.Length > 0 && drifted |> List.forall _.StartsWith("train."))
        must $"%A{drifted}" (drifted |> List.exists _.Contains("experiments/configs/train/"))
        must "the same words" (composedAgain [ "method=joint-cd"; "seed=3" ] [ "method=joint-cd"; "seed=3" ] = []))
    |> breaks "the same words" (fun () ->
        must "nothing" (composedAgain [ "method=joint-cd"; "seed=3" ] [ "method=joint-cd"; "seed=3" ] <> []))

    law "the debug information of an assembly shows which sources of a commit changed" (fun () ->
        inFolder (fun folder ->
            let assembly = Path.Combine(AppContext.BaseDirectory, "Ebm.Records.dll")
            let sources = CompiledSources.compiledFrom assembly
            must $"%A{sources.Keys}" (sources.ContainsKey "core/Ebm.Records/folders/RunFolder.cs" && sources.Count > 10)

            for path in sources.Keys do
                if path.StartsWith "core/" then
                    let copy = Path.Combine(folder, path)
                    Directory.CreateDirectory(string (Path.GetDirectoryName copy)) |> ignore
                    File.Copy(under path, copy)

            let git arguments =
                match Git.ask folder arguments with
                | Ok said -> said
                | Error says -> failwith says

            let committed () =
                git [ "add"; "-A" ] |> ignore
                git [ "commit"; "--quiet"; "-m"; "sources" ] |> ignore
                git [ "rev-parse"; "HEAD" ]

            git [ "init"; "--quiet" ] |> ignore
            let same = committed ()
            must "nothing was changed" (CompiledSources.changed folder same assembly = [])
            File.AppendAllText(Path.Combine(folder, "core/Ebm.Records/folders/RunFolder.cs"), "// Another line.\n")
            File.Delete(Path.Combine(folder, "core/Ebm.Records/formats/Npy.cs"))
            File.WriteAllText(Path.Combine(folder, "core/Ebm.Records/Former.cs"), "class Former { }")
            File.WriteAllText(Path.Combine(folder, "core/Ebm.Records/notes.md"), "not compiled")
            let other = committed ()
            // The commit lacks these files: they were added, and the last one was then deleted.
            File.Delete(Path.Combine(folder, "core/Ebm.Records/Former.cs"))
            let changed = CompiledSources.changed folder other assembly
            must
                $"%A{changed}"
                (changed = [
                    "core/Ebm.Records/folders/RunFolder.cs"
                    "core/Ebm.Records/formats/Npy.cs (new)"
                    "core/Ebm.Records/Former.cs (gone)"
                ])

            match CompiledSources.changed folder (String('0', 40)) assembly with
            | [ says ] -> must says (says.Contains "git fetch origin")
            | other -> broken $"%A{other}"))
    |> needs (fun () -> if Processes.ends "git" [ "--version" ] = 0 then None else Some "git is not installed")

    law "a metric agrees if it is the same number, or NaN both times; a missing or infinite metric does not agree" (fun () ->
        let agree was is tolerance due =
            compared
                None
                { toy with Metric = was; Tolerance = tolerance }
                { other with Metric = is; Tolerance = tolerance }
                []
                (fun found ->
                    let said = found.Metrics |> List.map (fun metric -> nameOf metric.Agrees)
                    must $"{was} and {is}: %A{said}" (said = [ nameOf due ]))

        let relative = "measure:\n  tolerance:\n    grid-kl:\n      relative: 0.5\n"
        agree nan nan "" Bitwise
        agree nan 0.5 declared Different
        agree 0.5 nan declared Different
        agree infinity infinity "" Bitwise
        agree infinity 0.5 relative Different
        agree 0.5 infinity relative Different
        agree 0.5 0.6 relative Tolerance
        agree 0.0 -0.0 declared Tolerance
        agree nan 0.5 relative Different
        verdict Different None toy other [ 0.5; 0.51 ]
        verdict Different None toy other [ 0.5; 0.51; nan ]
        verdict Different None { toy with Metric = nan } other seeds
        verdict Failed None toy { other with State = RunState.Diverged } seeds

        compared None { toy with Metric = nan } toy [] (fun found -> must (nameOf found.Verdict) (found.Verdict = Different))
        inFolder (fun folder ->
            let was, is = write (Path.Combine(folder, "was")) { toy with Metric = nan }, write (Path.Combine(folder, "is")) toy
            File.Delete(is.In "metrics.json")
            must "a metric that is missing" ((metrics was is (fun _ -> [])).Head.Agrees = Different)
            is.Write [ Measurement("grid-kl", nan, "nats", Direction.Lower, Protocol = "q") ]
            was.Write [ Measurement("grid-kl", nan, "nats", Direction.Lower, Protocol = "p") ]
            must "another protocol" ((metrics was is (fun _ -> [])).Head.Agrees = NotComparable)))
    |> breaks "infinity is within half of itself" (fun () ->
        compared None { toy with Metric = infinity } other [] (fun found -> must "within" (found.Metrics.Head.Agrees = Tolerance)))

    law "the range of another seed is a prediction interval: for four normal values, it contains a fifth in 95 of 100 cases" (fun () ->
        let random = Generator 7UL
        let trials = 2000

        let inside =
            Seq.init trials (fun _ ->
                let draw () =
                    MathNet.Numerics.Distributions.Normal.InvCDF(0.0, 1.0, (float (random.Next() >>> 11) + 0.5) / 9007199254740992.0)
                let low, high = predicts false (List.init 4 (fun _ -> draw ())) |> Option.get
                let next = draw ()
                next >= low && next <= high)
            |> Seq.filter id
            |> Seq.length

        let error = sqrt (0.95 * 0.05 / float trials)
        must $"{inside} of {trials}" (abs (float inside / float trials - 0.95) < 4.5 * error))
]
