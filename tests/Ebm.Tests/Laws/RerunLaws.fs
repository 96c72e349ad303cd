/// A run that is done again is compared by what was declared before: each verdict has its case, and each drift its name.
module Ebm.Tests.Laws.RerunLaws

open System
open System.Collections.Generic
open System.IO
open Ebm.Analysis
open Ebm.Analysis.AuditCompare
open Ebm.Records
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// What a run is, as far as a comparison asks.
type private Toy = {
    Traces: (int64 * string * string) list
    Weights: byte list
    Metric: float
    State: string
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
    Core = "HASWELL"
    Kernels = "effective"
}

let private write (folder: string) (toy: Toy) =
    let hashed = """{"seed":0}"""
    let id = "toy-s0-" + (Canonical.Sha256 hashed).Substring(0, 12)
    let run =
        RunFolder.Create(Path.Combine(folder, "toys"), id, Document.Parse("seed: 0\n" + toy.Tolerance, "config.yaml"), hashed)
    run.Append [ for step, what, bits in toy.Traces -> Trace(step, what, bits) ]
    Directory.CreateDirectory(run.In "checkpoint") |> ignore
    let weights =
        NamedTensorBytes("layers.0.weight", "U8", [| int64 toy.Weights.Length |], ReadOnlyMemory(List.toArray toy.Weights))
    Safetensors.Write(run.In("checkpoint", "method.safetensors"), [ weights ])
    if toy.State = RunState.Completed then run.Write [ Measurement("grid-kl", toy.Metric, "nats", "lower") ]
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
            Native = NativeState(toy.Libtorch, Blas = toy.Core),
            Threads = ThreadCounts(toy.Threads),
            Determinism = map [ "kernels", toy.Kernels ]
        )
    )

    run

let private compared until (was: Toy) (is: Toy) (group: float list) (holds: Comparison -> unit) =
    inFolder (fun folder ->
        let was = write (Path.Combine(folder, "was")) was
        let is = write (Path.Combine(folder, "is")) is
        holds (compare until was is (fun _ -> group) []))

let private verdict due until (was: Toy) (is: Toy) group =
    compared until was is group (fun found -> must $"it is {nameOf found.Verdict}, and {nameOf due} was due" (found.Verdict = due))

let private other = { toy with Weights = [ 1uy; 2uy; 3uy; 5uy ]; Metric = 0.5078125 }
let private declared = "measure:\n  tolerance:\n    grid-kl:\n      absolute: 0.01\n"
let private seeds = [ 0.45; 0.5; 0.55; 0.48 ]

let private drifts (is: Toy) =
    let found = ref []
    compared None toy is [] (fun c -> found.Value <- c.Drifts |> List.map _.Kind |> List.distinct)
    found.Value

let private isNamed (change: Toy) kind = must $"%A{drifts change}, and {kind} was due" (drifts change = [ kind ])

let all = [
    law
        "every verdict has its case: the same bits, within what was declared, as another seed would, neither, other inputs, not at the end"
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

    law "the same bits from another machine are the same bits, and what was different there is said all the same" (fun () ->
        compared None toy { toy with Threads = 2; Code = "e" } [] (fun found ->
            must (nameOf found.Verdict) (found.Verdict = Bitwise)
            must $"%A{found.Drifts}" (found.Drifts |> List.map _.Kind = [ "code"; "environment" ])))

    law "two runs part at the first step whose traced bits differ, and else at a tensor, which is named" (fun () ->
        let at step = toy.Traces |> List.map (fun (s, what, bits) -> if s >= step then s, what, "f" + bits.Substring 1 else s, what, bits)

        compared None toy { toy with Traces = at 3L } [] (fun found ->
            must $"%A{found.Parting}" (found.Parting = Some { Step = Some 3L; What = "energy/loss" }))

        compared None toy { toy with Weights = [ 0uy; 2uy; 3uy; 4uy ] } [] (fun found ->
            must $"%A{found.Parting}" (found.Parting = Some { Step = None; What = "layers.0.weight in checkpoint/method.safetensors" })))

    law "the first steps are compared up to a step, whatever comes later" (fun () ->
        let later = {
            other with
                Traces = toy.Traces |> List.map (fun (s, what, bits) -> s, what, (if s > 2L then "f" + bits.Substring 1 else bits))
        }
        verdict Bitwise (Some 2L) toy { later with State = RunState.Interrupted; Step = 2L } []
        verdict Different (Some 3L) toy { later with State = RunState.Interrupted; Step = 3L } []
        verdict Failed (Some 3L) toy { later with State = RunState.Failed; Step = 2L } [])

    law "six drifts have names of their own: config, data, code, dependency, environment, determinism" (fun () ->
        isNamed { toy with Data = "e" } "data"
        isNamed { toy with Code = "e" } "code"
        isNamed { toy with Libtorch = "2.11.0" } "dependency"
        isNamed { toy with Threads = 2 } "environment"
        isNamed { toy with Core = "SKYLAKEX" } "environment"
        isNamed { toy with Kernels = "unavailable" } "determinism"
        let manifest hash = RunManifest(State = "completed", RunId = "r", GroupId = "g", SweepId = "s", ConfigSha256 = hash)
        must "config" (AuditCompare.drifts (manifest "a") (manifest "b") |> List.map _.Kind = [ "config" ])
        must "nothing has changed" (drifts toy = []))
    |> breaks "nothing has changed" (fun () -> isNamed toy "code")

    law "where another seed would lie is a prediction interval: of four normal values it holds the fifth 95 times in 100" (fun () ->
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
