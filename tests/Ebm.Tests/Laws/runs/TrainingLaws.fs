/// The trainer's contract: updates in order, no effect of one part on another, no leaked tensors, the same bytes after any number of stops.
module Ebm.Tests.Laws.TrainingLaws

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading
open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.World

/// A module with a single trained number.
type Weight() as this =
    inherit torch.nn.Module("weight")
    let w = torch.nn.Parameter(torch.zeros (1L, device = device))
    do this.register_parameter ("w", w)
    member _.W: Tensor = w

/// A method with single numbers as parts, and a given step.
type Fake(parts: string list, step: Fake -> Batches -> Rng -> Update seq) as this =
    inherit Method("fake", [| 1L |])
    let weights = dict [ for name in parts -> name, new Weight() ]
    do
        for part in weights do
            this.register_module (part.Key, part.Value)
    member _.At name = weights[name].W
    override _.Parts = Dictionary [ for part in weights -> KeyValuePair(part.Key, part.Value :> torch.nn.Module) ]
    override fake.Iterate(batches, rng) = step fake batches rng
    override _.Sample(count, rng) = rng.Normal(count, 1L)

let private copied (t: Tensor) = t.detach().clone()
let private watch name (value: Tensor) = struct (name, value)

/// Reduces each weight by one: gradient descent with rate 1 and gradient 1.
let private plain =
    TrainSpec(Steps = Nullable 100L, Batch = 4L, Lr = 1.0, WarmUp = 0L, Clip = Nullable(), Average = Nullable(), Optimizer = SgdSpec())

let private trainer (train: TrainSpec) (method: Method) =
    let rows = (rng "rows").Normal(16L, 1L)
    Trainer(
        method,
        Batches(rows, 4L, rng "batches"),
        new Optimizers(method, train),
        new Averages(method, train.Average),
        Health(train.Health, 1L),
        train,
        rng "training"
    )

let private advance (t: Trainer) = t.Advance(fun () -> true)

/// The value of its weight before each update of a step.
let private seen (step: Fake -> Batches -> Rng -> Update seq) =
    let applied = new Fake([ "a" ], step) |> trainer plain |> advance
    [ for update in applied -> let struct (_, _, values) = Seq.head update.Watched in values[0] ]

let private three (fake: Fake) _ _ = seq {
    for _ in 1..3 do
        let w = fake.At "a"
        yield Update("a", w.sum (), watch "seen" (copied w))
}

let private untouched (step: Fake -> Batches -> Rng -> Update seq) =
    let fake = new Fake([ "a"; "b" ], step)
    trainer plain fake |> advance |> ignore
    let b = fake.At "b"
    must $"b moved to {value b}" (value b = 0.0)
    must "b has a gradient" (isNull b.grad)
    must "a did not move" (value (fake.At "a") <> 0.0)

let private refuses (parts: string list) (step: Fake -> Batches -> Rng -> Update seq) =
    throws<InvalidOperationException, _> parts (fun () -> new Fake([ "a"; "b" ], step) |> trainer plain |> advance)

// ── small runs ───────────────────────────────────────────────────────────────────────────

/// All kinds of joint CD's state, in small: persistent chains, adapted step sizes, moments, averages, cursor.
let private small =
    """
data: { kind: gaussians, train: 300, test: 50 }
method:
  kind: joint-cd
  energy: { kind: level-mlp, width: 16, depth: 2 }
  noise: { kind: variance-preserving, levels: 4 }
  memory: 64
  start: hybrid
train: { steps: 40, batch: 32, warm-up: 5, record-every: 1, checkpoint-every: 7, schedule: { kind: cosine } }
measure: { samples: 50, every: 10, every-samples: 20 }
logging: { progress: 0 }
"""

let private config (changes: (string * (obj | null)) list) =
    changes |> List.fold (fun (c: Document) (path, value) -> c.With(path, Document.From value)) (Document.Parse(small, "small.yaml"))

let private run (folder: string) (changes: (string * (obj | null)) list) = ((Experiment.Of(config changes)).Run(folder, dataRoot))

/// The files that training wrote, and the results.
let private bytes (run: RunFolder) = [
    for name in [ "events.jsonl"; "trace.jsonl"; "samples.npy" ] -> name, Canonical.Sha256OfFile(run.In name)
]

/// A flow with a learning rate so high that its last weights are not its best; its likelihood is exact, so every measurement of it is equal.
let private restless =
    """
data: { kind: gaussians, train: 300, test: 50 }
method: { kind: flow, net: { kind: real-nvp, couplings: 2, width: 16, depth: 1 } }
train: { steps: 60, batch: 32, lr: 0.2, average: null, keep: best, clip: null }
measure:
  samples: 20
  every: 10
  every-samples: 2
  during: [likelihood]
  weights: best
  metrics: { likelihood: { kind: likelihood, rows: 2 }, mode-weights: { kind: mode-weights } }
logging: { progress: 0 }
"""

/// The final measurement of a run, and its measurements during training.
let private judged (weights: string) =
    inFolder (fun folder ->
        let config = (Document.Parse(restless, "restless.yaml")).With("measure.weights", Document.From weights)
        let run = (Experiment.Of config).Run(folder, dataRoot)
        let along = [
            for m in run.Measures() do
                must $"{m.Measurement.Name} must not be measured during training" (m.Measurement.Name.StartsWith "nll")
                if m.Measurement.Name = "nll" then m.Measurement.Value
        ]
        must $"{along.Length} measurements" (along.Length = 6)
        let final = (run.Measurements() |> Seq.find (fun m -> m.Name = "nll")).Value
        must $"{final} at the end, {List.min along} at best" (final = List.min along))

let private sameBytes what (due: (string * string) list) (found: (string * string) list) =
    for (name, a), (_, b) in List.zip due found do
        must $"{what}: {name} has other bytes" (a = b)

[<DllImport("libc")>]
extern int private kill(int pid, int signal)

/// Runs in this process and sends itself a signal when training reaches each given step, as a scheduler would; resumes until it ends.
let private interrupted (experiment: Experiment) (folder: string) (steps: int64 list) =
    let at = RunFolder.Create(folder, experiment.Identity.RunId, experiment.Config, experiment.Identity.Json)
    let waiting = Queue steps
    let mutable attempts = 0

    while at.State <> RunState.Completed && attempts < 20 do
        attempts <- attempts + 1
        use stop = new Stop()
        // The system delivers signals on another thread, so training waits until the signal has arrived.
        use arrived = new ManualResetEventSlim()
        use _ =
            PosixSignalRegistration.Create(
                enum<PosixSignal> 10,
                fun context ->
                    context.Cancel <- true
                    arrived.Set()
            )

        let scheduler = {
            new IAudience with
                member _.Note _ = ()

                member _.Progress at =
                    if at.Phase = Phase.Train && waiting.Count > 0 && at.Done >= waiting.Peek() then
                        waiting.Dequeue() |> ignore
                        kill (Environment.ProcessId, 10) |> ignore
                        arrived.Wait()
                        Thread.Sleep 50
        }

        use execution = new Execution(at, Catalog.Load [], dataRoot, stop, scheduler)
        must "the attempt must start" (execution.Begin())
        let ended = execution.Run(fun e -> raise e)
        must $"it ended {ended.State}: {ended.Reason}" (ended.State = RunState.Completed || ended.State = RunState.Preempted)

    must $"it took {attempts} attempts for {steps.Length} stops" (attempts = steps.Length + 1)
    at

/// The runner of the same build configuration.
let private runner =
    let here = DirectoryInfo(Path.TrimEndingDirectorySeparator AppContext.BaseDirectory)
    Path.Combine(here.FullName, "..", "..", "Ebm.Runner", here.Name, "ebm-runner.dll")

/// Starts the runner on a run's folder, and kills it with SIGKILL after it has recorded some steps.
let private killed (at: RunFolder) (step: int64) =
    let start = ProcessStartInfo("dotnet", [ runner; "exec"; at.Path; "--data"; dataRoot ], RedirectStandardOutput = true)
    use child = nonNull (Process.Start start)

    let reached () =
        let line = child.StandardOutput.ReadLine()

        match line with
        | null -> true
        | line ->
            let words = line.Split ' '
            words[0] = "progress" && words[3] = "train" && int64 words[1] >= step

    while not (reached ()) do
        ()

    child.Kill()
    child.WaitForExit()

// ── methods that go wrong ────────────────────────────────────────────────────────────────

/// The loss is NaN at one step.
[<Kind("law-nan")>]
type NanSpec([<Optional; DefaultParameterValue(5L)>] at: int64) =
    member _.At = at

    interface ISpec<Method> with
        member _.Build _ =
            let mutable step = 0L
            new Fake(
                [ "a" ],
                fun fake batches _ -> seq {
                    batches.Next() |> ignore
                    step <- step + 1L
                    let w = fake.At "a"
                    yield Update("a", (if step >= at then w.sum () * nan else w.sum ()))
                }
            )

/// Chains freeze and the gap grows step by step, while every loss stays small: the silent runaway of methods.md.
[<Kind("law-runaway")>]
type RunawaySpec([<Optional; DefaultParameterValue(20L)>] from: int64) =
    member _.From = from

    interface ISpec<Method> with
        member _.Build _ =
            let mutable step = 0L
            new Fake(
                [ "a" ],
                fun fake batches _ -> seq {
                    batches.Next() |> ignore
                    step <- step + 1L
                    let late = max 0.0 (float (step - from))
                    let say (v: float) = torch.tensor (v, dtype = torch.float32)
                    yield
                        Update(
                            "a",
                            (fake.At "a").sum() * 0.1,
                            watch "gap" (say (0.5 * exp (late / 10.0))),
                            watch "accepted" (say (0.6 * exp (-late / 10.0))),
                            watch "step" (say (0.1 * exp (-late / 10.0))),
                            watch "displacement" (say (0.3 * exp (-late / 10.0)))
                        )
                }
            )

/// A training step, or the drawing of rows, factorises a matrix without a Cholesky factor.
[<Kind("law-factorless")>]
type FactorlessSpec([<Optional; DefaultParameterValue(false)>] drawing: bool) =
    member _.Drawing = drawing

    interface ISpec<Method> with
        member _.Build _ =
            let mutable step = 0L
            let factor () = torch.linalg.cholesky (-(torch.eye 3L))

            {
                new Fake([ "a" ],
                         fun fake batches _ -> seq {
                             batches.Next() |> ignore
                             step <- step + 1L
                             yield Update("a", (fake.At "a").sum() * 0.1)
                             if step >= 5L && not drawing then yield Update("a", (fake.At "a").sum() * (factor ()).sum())
                         }) with
                    override _.Sample(count, rng) =
                        if drawing then factor () |> ignore
                        rng.Normal(count, 2L)
            }

/// A metric of rows whose covariance it cannot decompose.
[<Kind("law-factorless")>]
type FactorlessMetricSpec() =
    interface IMetricSpec

    interface ISpec<IMetric> with
        member _.Build _ = {
            new IMetric with
                member _.Measure _ =
                    torch.linalg.eigh (torch.full ([| 3L; 3L |], scalar nan)) |> ignore
                    Seq.empty
        }

/// Returns a quantity that it does not declare.
[<Kind("law-undeclared")>]
type UndeclaredMetricSpec() =
    interface IMetricSpec

    interface ISpec<IMetric> with
        member _.Build _ = {
            new IMetric with
                member _.Measure _ = [ Measurement("planted", 1.0, "nats", Direction.Lower) ]
        }

/// libtorch throws an error that is not numerical.
[<Kind("law-misshapen")>]
type MisshapenSpec() =
    interface ISpec<Method> with
        member _.Build _ = new Fake([ "a" ], fun fake _ _ -> seq { yield Update("a", (torch.ones 2L + torch.ones 3L + fake.At "a").sum()) })

let private ended (changes: (string * (obj | null)) list) =
    let mutable found = RunState.Planned, "", 0L

    inSingle
        (fun () ->
            inFolder (fun folder ->
                let config = config ([ "train.steps", box 10; "measure.every", null; "data.dimension", 2 ] @ changes)

                let at =
                    try
                        (Experiment.Of config).Run(folder, dataRoot)
                    with :? InvalidOperationException ->
                        RunFolder.Open(Directory.GetDirectories folder |> Array.head)

                let manifest = nonNull at.Manifest
                found <- manifest.State, string manifest.Reason, manifest.Step))
        ()

    found

let private numbersFail (changes: (string * (obj | null)) list) (reason: string) step =
    let state, said, at = ended changes
    must $"it ended {state} at step {at}: {said}" (state = RunState.Diverged && said.StartsWith reason && at = step)
    must $"the reason must be one line: {said}" (not (said.Contains '\n') && not (said.Contains "frame"))

let private method' (text: string) = "method", box (Document.Parse(text, "x.yaml"))

let private diverges (kind: string) (reason: string) =
    inSingle
        (fun () ->
            inFolder (fun folder ->
                let broken =
                    config [
                        "method", box (Document.Parse($"kind: {kind}", "x.yaml"))
                        "train.steps", 400
                        "train.clip", null
                        "measure.every", null
                    ]
                let at = (Experiment.Of(broken)).Run(folder, dataRoot)
                let manifest = nonNull at.Manifest
                must $"it ended {manifest.State}" (manifest.State = RunState.Diverged)
                must $"the reason is {manifest.Reason}" ((manifest.Reason |> Option.ofObj |> Option.defaultValue "").Contains reason)
                must $"the step is {manifest.Step}" (manifest.Step >= 5L && manifest.Step < 400L)
                must "it must not write metrics" (not (File.Exists(at.In "metrics.json")))
                let again = nonNull ((Experiment.Of(broken)).Run(folder, dataRoot)).Manifest
                must "it must not run again" (again.ToJson() = manifest.ToJson())))
        ()

// ── every method ─────────────────────────────────────────────────────────────────────────

/// A few steps of a method on a few rows, with given settings of training.
let private brief (method: Document) (train: string) =
    Document
        .Parse(
            $"""
data: {{ kind: gaussians, train: 300, test: 50 }}
train: {{ batch: 32, record-every: 1, checkpoint-every: 100, {train} }}
measure: {{ samples: 20, metrics: {{ energy-distance: {{ kind: energy-distance }} }} }}
logging: {{ progress: 0 }}
""",
            "brief.yaml"
        )
        .With("method", method)
    |> Experiment.Of

/// The options of the group `method` for rows of the plane; the image laws test presets for images.
let private onThePlane () = [
    for option, method in EveryMethod.options.Value do
        let shape, _ = EveryMethod.build method
        if shape = [| 2L |] then option, method
]

let private everyMethodDiverges (train: string) =
    for option, method in onThePlane () do
        inFolder (fun folder ->
            let run = (brief method train).Run(folder, dataRoot)
            let manifest = nonNull run.Manifest
            let reason = manifest.Reason |> Option.ofObj |> Option.defaultValue ""
            must $"{option} ended {manifest.State}: {reason}" (manifest.State = RunState.Diverged)
            must $"{option} must have a reason" (reason <> "")
            must $"{option} diverged at step {manifest.Step}" (manifest.Step > 0L && manifest.Step < 60L)
            must $"{option} must not have metrics" (not (File.Exists(run.In "metrics.json")) && Seq.isEmpty (run.Measurements())))

let private everyMethodResumes (stops: int64 list) (seed: int) =
    for option, method in onThePlane () do
        inFolder (fun folder ->
            let experiment = brief method "steps: 4, warm-up: 2"
            let whole = experiment.Run(Path.Combine(folder, "whole"), dataRoot)
            must $"{option} ended {whole.State}" (whole.State = RunState.Completed)
            let measured = whole.Measurements()
            must $"{option} must not measure a NaN" (measured |> Seq.forall (fun m -> Double.IsFinite m.Value))
            let again = interrupted (experiment.With("seed", seed)) (Path.Combine(folder, "stopped")) stops
            sameBytes option (bytes whole) (bytes again))

let private jointCd () =
    let spec = JointCdSpec(LevelMlpSpec(Width = 8, Depth = 1), VariancePreservingSpec(Levels = Nullable 4), Memory = 64)
    spec.Build(Site([| 1L |], device, rng "joint", dataRoot))

/// The number of live tensors after some steps of training.
let private liveAfter (method: unit -> Method) steps =
    collected ()
    let before = live ()
    use method = method ()
    let trainer = trainer plain method
    for _ in 1..steps do
        advance trainer |> ignore
    collected ()
    live () - before

let private staysFlat method =
    // The first steps create lasting tensors: an optimizer's moments, an epoch's order.
    let counts = [ for steps in [ 2; 3; 5; 9; 30 ] -> liveAfter method steps ]
    must $"live tensors after 2, 3, 5, 9 and 30 steps: %A{counts}" ((List.distinct counts).Length = 1)

/// A method that computes its rows in ten steps.
type private Stepwise(computed: Tensor -> unit) =
    inherit Fake([ "w" ], fun _ _ _ -> Seq.empty)
    override _.Sample(count, rng) =
        let steps = [| for _ in 1..10 -> rng.Normal(count, 1L) |]
        steps |> Array.iter computed
        Array.last steps

/// Between two of the calls that draw rows, the live tensors grow by the rows, and not by all ten steps.
let private keepsRowsAlone (computed: Tensor -> unit) =
    use method = new Stepwise(computed)
    let nothing = Document.Parse("{}", "law.yaml")
    let evaluation = Evaluation(method, Unchecked.defaultof<IDataset>, MeasureSpec(AtOnce = 5L), nothing, nothing)
    let counts = ResizeArray<int64>()
    use rows = evaluation.Draw(30L, rng "rows", (fun _ -> counts.Add(live ())))
    must $"{rows.shape[0]} rows" (rows.shape[0] = 30L)
    for before, after in Seq.pairwise counts do
        must $"live tensors at each call: %A{List.ofSeq counts}" (after - before < 10L)

let private endsUnpaid (units: int64) =
    let fake =
        new Fake(
            [ "a" ],
            fun fake _ _ -> seq {
                Cost.Rows units
                Update("a", (fake.At "a").sum())
            }
        )

    for steps in [ Nullable<int64>(); Nullable 10L ] do
        let train = TrainSpec(Steps = steps, Budget = Nullable 100L, Batch = 4L, Average = Nullable())

        throws<InvalidOperationException, _> [ "train.budget"; "fake"; "cost nothing"; "set train.budget=null train.steps=N" ] (fun () ->
            advance (trainer train fake))

let all = [
    law "each update is applied before the next is computed" (fun () ->
        must $"a method saw {seen three} of its own weight" (seen three = [ 0.0; -1.0; -2.0 ]))
    |> breaks "updates that are all computed first" (fun () ->
        let eager fake batches rng = three fake batches rng |> List.ofSeq |> Seq.ofList
        must $"a method saw {seen eager}" (seen eager = [ 0.0; -1.0; -2.0 ]))

    law "an update of one part does not change another, even if its loss depends on both" (fun () ->
        untouched (fun fake _ _ -> seq { Update("a", ((fake.At "a" + 1.0) * (fake.At "b" + 1.0)).sum()) }))
    |> breaks "an update of the other part too" (fun () ->
        untouched (fun fake _ _ -> seq {
            Update("a", (fake.At "a").sum())
            Update("b", (fake.At "b").sum())
        }))

    law "an error says how a method breaks its contract" (fun () ->
        refuses [ "\"c\""; "a, b" ] (fun fake _ _ -> seq { Update("c", (fake.At "a").sum()) })
        refuses [ "no update" ] (fun _ _ _ -> Seq.empty)
        refuses [ "scalar"; "(2)" ] (fun fake _ _ -> seq { Update("a", torch.cat [| fake.At "a"; fake.At "a" |]) })
        refuses [ "depends on none" ] (fun fake _ _ -> seq { Update("a", (fake.At "b").sum()) })
        refuses [ "scope" ] (fun fake _ _ -> seq {
            use _ = torch.NewDisposeScope()
            Update("a", (fake.At "a").sum())
        })
        refuses [ "gradients off"; "yield" ] (fun fake _ _ -> seq {
            let loss = (fake.At "a").sum()
            use _ = torch.no_grad ()
            Update("a", loss)
        }))

    law "drawing rows keeps what a method computes beside them until its call ends" (fun () -> keepsRowsAlone ignore)
    |> breaks "tensors that are kept" (fun () ->
        let kept = ResizeArray<Tensor>()
        try
            keepsRowsAlone (fun tensor -> kept.Add(tensor.DetachFromDisposeScope()))
        finally
            for tensor in kept do
                tensor.Dispose())

    law "live tensors after training do not depend on its length" (fun () -> inSingle (fun () -> staysFlat jointCd) ())
    |> breaks "a method that keeps one tensor per step" (fun () ->
        let kept = ResizeArray()
        staysFlat (fun () ->
            new Fake(
                [ "a" ],
                fun fake _ _ -> seq {
                    kept.Add((torch.zeros 1L).DetachFromDisposeScope())
                    Update("a", (fake.At "a").sum())
                }
            )))

    law "clipping scales a gradient down to the clip without changing its direction" (fun () ->
        for clip, due in [ 2.5, 2.5; 100.0, 5.0 ] do
            let fake = new Fake([ "a" ], fun fake _ _ -> seq { Update("a", 5.0 * (fake.At "a").sum()) })
            let applied =
                trainer
                    (TrainSpec(
                        Steps = Nullable 10L,
                        Batch = 4L,
                        Lr = 1.0,
                        WarmUp = 0L,
                        Clip = Nullable clip,
                        Average = Nullable(),
                        Optimizer = SgdSpec()
                    ))
                    fake
                |> advance
            must "the recorded norm" (applied[0].Gradient = 5.0)
            Close.same $"clip {clip}" 8 (row [ -due ]) (copied (fake.At "a")))

    law "warm-up increases the learning rate linearly to its full value" (fun () ->
        let fake = new Fake([ "a" ], fun fake _ _ -> seq { Update("a", (fake.At "a").sum()) })
        let t =
            trainer
                (TrainSpec(
                    Steps = Nullable 10L,
                    Batch = 4L,
                    Lr = 1.0,
                    WarmUp = 3L,
                    Clip = Nullable(),
                    Average = Nullable(),
                    Optimizer = SgdSpec()
                ))
                fake
        let path = [
            for _ in 1..5 ->
                (advance t |> ignore
                 value (fake.At "a"))
        ]
        Close.same "weights" 16 (row [ -0.25; -0.75; -1.5; -2.5; -3.5 ]) (row path))

    law "a budget ends training at the first update that reaches it" (fun () ->
        for budget, updates in [ 10L, 4; 9L, 3; 1L, 1 ] do
            let mutable applied = 0
            let fake =
                new Fake(
                    [ "a" ],
                    fun fake _ _ -> seq {
                        for _ in 1..3 do
                            Cost.Rows 3L
                            applied <- applied + 1
                            Update("a", (fake.At "a").sum())
                    }
                )

            let t =
                trainer
                    (TrainSpec(
                        Steps = Nullable(),
                        Budget = Nullable budget,
                        Batch = 4L,
                        Lr = 1.0,
                        WarmUp = 0L,
                        Average = Nullable(),
                        Optimizer = SgdSpec()
                    ))
                    fake
            while not t.Done do
                advance t |> ignore
            must $"a budget of {budget} took {applied} updates of 3 units" (applied = updates && t.Units = 3L * int64 updates))

    law "a step that costs nothing under a budget ends the run with an error, because the budget would never end it" (fun () ->
        endsUnpaid 0L)
    |> breaks "a step that costs something" (fun () -> endsUnpaid 3L)

    law "the average is lent for evaluation, and the method is restored bit for bit" (fun () ->
        let fake = new Fake([ "a" ], fun fake _ _ -> seq { Update("a", (fake.At "a").sum()) })
        use averages = new Averages(fake, Nullable 0.5)
        let mean = ResizeArray [ 0.0 ]

        for n in 1L .. 4L do
            (use _ = torch.no_grad () in (fake.At "a").sub_(torch.tensor 1.0) |> ignore)
            averages.Follow n
            let d = min 0.5 ((1.0 + float n) / (10.0 + float n))
            mean.Add(d * mean[mean.Count - 1] + (1.0 - d) * value (fake.At "a"))

        (use loan = new Loan(fake, averages)
         Close.same "the average" 16 (row [ mean[4] ]) (copied (fake.At "a"))
         must "the method must be in evaluation mode" (not fake.training)
         use _ = torch.no_grad ()
         (fake.At "a").fill_ 99.0 |> ignore)

        must "the weight must be restored" (value (fake.At "a") = -4.0 && fake.training))

    law "a run repeated, stopped and resumed anywhere, or measured twice as often writes the same bytes" (fun () ->
        inSingle
            (fun () ->
                inFolder (fun folder ->
                    let at (name: string) = Path.Combine(folder, name)
                    let due = bytes (run (at "once") [])
                    sameBytes "repeated" due (bytes (run (at "again") []))
                    sameBytes "measured twice as often" due (bytes (run (at "often") [ "measure.every", 5 ]))
                    sameBytes "measured never" due (bytes (run (at "never") [ "measure.every", null ]))
                    sameBytes "stopped" due (bytes (interrupted (Experiment.Of(config [])) (at "stopped") [ 3L; 4L; 17L; 30L ]))))
            ())
    |> breaks "another seed" (fun () ->
        inSingle
            (fun () ->
                inFolder (fun folder ->
                    sameBytes
                        "another seed"
                        (bytes (run (Path.Combine(folder, "a")) []))
                        (bytes (run (Path.Combine(folder, "b")) [ "seed", 1 ]))))
            ())

    law "weights: best measures the best weights; only the selected metrics are measured during training" (fun () ->
        inSingle (fun () -> judged "best") ())
    |> breaks "the last weights" (fun () -> inSingle (fun () -> judged "last") ())

    law "a run that is killed by SIGKILL resumes from its checkpoint and writes the same bytes" (fun () ->
        inSingle
            (fun () ->
                inFolder (fun folder ->
                    let whole = run (Path.Combine(folder, "whole")) []
                    let experiment = Experiment.Of(config [])
                    let at =
                        RunFolder.Create(
                            Path.Combine(folder, "killed"),
                            experiment.Identity.RunId,
                            experiment.Config,
                            experiment.Identity.Json
                        )
                    killed at 12L
                    must $"it ended {at.State}" (at.State = RunState.Running)
                    let manifest = nonNull at.Manifest
                    must
                        "it must start with its provenance"
                        (not (isNull manifest.Build || isNull manifest.Native || isNull manifest.Runtime))
                    must "some events must be recorded" (Seq.length (at.Events()) > 0)
                    sameBytes "killed" (bytes whole) (bytes (run (Path.Combine(folder, "killed")) []))))
            ())

    law "a diverging run ends with state, step and reason: a NaN loss" (fun () -> diverges "law-nan" "loss of a is NaN")

    law "a diverging run ends with state, step and reason: a silent runaway with small losses" (fun () ->
        diverges "law-runaway" "silent runaway")

    law "a run diverges, with step and reason, if libtorch's linear algebra fails in training, in drawing rows or in measuring" (fun () ->
        numbersFail [ method' "kind: law-factorless" ] "linalg.cholesky: The factorization could not be completed" 5L
        numbersFail [ method' "{ kind: law-factorless, drawing: true }" ] "drawing rows: linalg.cholesky: " 10L
        numbersFail
            [ "measure.metrics", box (Document.Parse("{ worst: { kind: law-factorless } }", "x.yaml")) ]
            "measuring worst: linalg.eigh: The algorithm failed to converge"
            10L)
    |> breaks "shapes that do not fit" (fun () -> numbersFail [ method' "kind: law-misshapen" ] "" 1L)

    law "a run whose metric returns an undeclared quantity fails, and the reason names it" (fun () ->
        let state, said, _ = ended [ "measure.metrics", box (Document.Parse("{ worst: { kind: law-undeclared } }", "x.yaml")) ]
        must $"{state}: {said}" (state = RunState.Failed && said.Contains "the metric worst returns planted"))

    law
        "divergence is an outcome of every method: at a far too high learning rate its run ends with state, step and reason, without measurements"
        (fun () -> inSingle (fun () -> everyMethodDiverges "steps: 60, lr: 1e30, warm-up: 0, clip: null") ())
    |> breaks "at a tiny learning rate" (fun () -> inSingle (fun () -> everyMethodDiverges "steps: 2, lr: 1e-9, warm-up: 0") ())

    law "for every method, a stopped run resumes to the same bytes, and its measurements are finite" (fun () ->
        inSingle (fun () -> everyMethodResumes [ 2L ] 0) ())
    |> breaks "another seed" (fun () -> inSingle (fun () -> everyMethodResumes [ 2L ] 1) ())

    law "a healthy run never counts as diverged, even with noisy values" (fun () ->
        let random = Random 3
        let health = Health(HealthSpec(), 2L)
        let noisy (centre: float) = centre * exp (0.5 * (random.NextDouble() + random.NextDouble() - 1.0))

        for record in 1..2000 do
            // A gap that settles, acceptance around .6, steps that shrink threefold while they adapt: typical training.
            let settling = 1.0 + 3.0 * exp (-float record / 100.0)
            let watched = [
                struct ("gap", [| (random.NextDouble() - 0.5) * settling |])
                struct ("magnitude", [| noisy 20.0 |])
                struct ("accepted", [| noisy 0.55; nan |])
                struct ("step", [| noisy (0.03 * settling) |])
                struct ("displacement", [| noisy (0.2 * settling) |])
            ]

            let reason = health.Of("energy", noisy 30.0, watched)
            must $"record {record}: {reason}" (isNull reason)
            must "an update" (isNull (health.Of("energy", random.NextDouble() * 100.0 - 50.0, noisy 3.0))))

    law "health's windows are restored from a checkpoint" (fun () ->
        let feed (health: Health) records = [
            for record in records ->
                let late = float record
                Option.ofObj (
                    health.Of(
                        "a",
                        1.0,
                        [ struct ("gap", [| 0.5 * exp (late / 10.0) |]); struct ("accepted", [| 0.6 * exp (-late / 10.0) |]) ]
                    )
                )
        ]

        let whole = feed (Health(HealthSpec(), 1L)) [ 1..80 ]
        let first, second = Health(HealthSpec(), 1L), Health(HealthSpec(), 1L)
        let before = feed first [ 1..25 ]
        second.Remember(first.Memory())
        must "the restored windows must give the same result" (before @ feed second [ 26..80 ] = whole)
        must "some divergence must be detected" (whole |> List.exists Option.isSome))
]
