/// The trainer's updates in one pass over memory: Adam and AdamW as TorchSharp computes them, the average as its definition says.
module Ebm.Tests.Laws.UpdateLaws

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Methods
open Ebm.Nets
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// Vectors of several sizes.
type private Vectors(sizes: int64 list) as this =
    inherit torch.nn.Module("vectors")
    let weights = [ for size in sizes -> new Modules.Parameter(0.1 * (rng $"start of {size}").Normal(size)) ]
    do weights |> List.iteri (fun i w -> this.register_parameter ($"w{i}", w))
    member _.Weights: Tensor list = [ for w in weights -> w ]

/// A method with vectors as parts, and a given step.
type private Fake(parts: (string * int64 list) list, step: Fake -> Rng -> Update seq) as this =
    inherit Method("fake", [| 1L |])
    let parts = [ for name, sizes in parts -> name, new Vectors(sizes) ]

    do
        for name, part in parts do
            this.register_module (name, part)

    member _.At name = (List.find (fst >> (=) name) parts |> snd).Weights
    override _.Parts = Dictionary [ for name, part in parts -> KeyValuePair(name, part :> torch.nn.Module) ]
    override fake.Iterate(_, rng) = step fake rng
    override _.Sample(count, rng) = rng.Normal(count, 1L)

let private copied (t: Tensor) = t.detach().clone()

let private optimizers (optimizer: IOptimizer) (clip: Nullable<float>) sizes =
    let fake = new Fake([ "a", sizes ], (fun _ _ -> Seq.empty))
    fake, new Optimizers(fake, TrainSpec(Lr = 1e-3, Clip = clip, Optimizer = optimizer))

/// Odd sizes: shorter than a vector, whole vectors, and rests.
let private odd = [ 1L; 7L; 16L; 17L; 1000L ]

/// Gradients of update n. Every seventh update leaves a parameter out.
let private gradient (sizes: int64 list) (n: int) : (Tensor | null)[] = [|
    for i, size in List.indexed sizes -> if (n + i) % 7 = 0 then null else (rng $"gradient {n} of {size}").Normal(size)
|]

let private norm (gradient: (Tensor | null) seq) =
    gradient |> Seq.choose Option.ofObj |> Seq.sumBy (fun g -> values g |> Array.sumBy (fun x -> x * x)) |> sqrt

/// One update by TorchSharp's own operators.
let private byOperators
    (optimizer: torch.optim.Optimizer)
    (weights: Modules.Parameter list)
    (gradient: (Tensor | null)[])
    norm
    (clip: Nullable<float>)
    =
    for w, g in List.zip weights (List.ofArray gradient) do
        match g with
        | null -> w.grad <- null
        | g -> w.grad <- if clip.HasValue && norm > clip.Value then g * scalar (clip.Value / norm) else g

    use _ = torch.no_grad ()
    optimizer.step () |> ignore

/// The largest difference that float32 allows between two ways to compute `updates` updates of Adam. u is one rounding. Per update, the mean has
/// an error of 4u of a gradient, which lasts 1/(1 − β₁) updates, the mean square a relative one of 5u, which lasts 1/(1 − β₂), of which the root
/// has half; ten more operations follow. |m|/√v is at most (1 − β₁)/√(1 − β₂). Both ways have these errors.
let private allowed (spec: MomentsSpec) updates (largest: float) =
    let u = Math.ScaleB(1.0, -24)
    let steepest = (1.0 - spec.Beta1) / sqrt (1.0 - spec.Beta2)
    let relative = 4.0 / (1.0 - spec.Beta1) + 2.5 / (1.0 - spec.Beta2) + 10.0
    2.0 * u * float updates * (1e-3 * steepest * relative + 3.0 * largest)

/// Compares with TorchSharp's optimizer after many updates of which `given` are what ours gets.
let private asTorchSharp (ours: MomentsSpec) (theirs: MomentsSpec) (given: (Tensor | null)[] -> (Tensor | null)[]) () =
    for clip in [ Nullable(); Nullable 20.0 ] do
        let fake, parts = optimizers ours clip odd
        use parts = parts
        let twins = [ for w in fake.At "a" -> new Modules.Parameter(copied w) ]
        use their = theirs.Over(twins, 1e-3)
        let updates = 1000
        let mutable clipped = 0

        for n in 1..updates do
            use _ = torch.NewDisposeScope()
            let gradient = gradient odd n
            let size = norm gradient
            if size > 32.0 then clipped <- clipped + 1
            parts["a"].Step(given gradient, size, 1.0)
            byOperators their twins gradient size clip

        must "some gradients must be clipped" (clipped > 0)

        for w, twin in List.zip (fake.At "a") twins do
            let due, found = values twin, values w
            let largest = due |> Array.map abs |> Array.max
            let apart = Array.map2 (fun a b -> abs (a - b)) due found |> Array.max
            must
                $"{due.Length} weights differ by {apart:G3}, and rounding allows {allowed ours updates largest:G3}"
                (apart <= allowed ours updates largest)

let private numbers (gradient: (Tensor | null)[]) : (Tensor | null)[] = [|
    for g, size in Array.zip gradient (Array.ofList odd) ->
        match g with
        | null -> torch.zeros (size)
        | g -> g
|]

/// The weights after some updates of 1041 numbers in parameters of these sizes.
let private inPieces sizes =
    let all name = ((rng name).Normal(1041L)).split(Array.ofList sizes)
    let fake, parts = optimizers (AdamWSpec()) (Nullable 5.0) sizes
    use parts = parts
    (use _ = torch.no_grad () in
     for w, start in Seq.zip (fake.At "a") (all "start") do
         w.copy_ start |> ignore)

    for n in 1..20 do
        parts["a"].Step([| for g in all $"gradient {n}" -> g |], 10.0, 1.0)

    fake.At "a" |> Seq.collect values |> Array.ofSeq

/// A whole training of one large part: its weights and averages.
let private trained threads scale =
    Machine.Threads <- threads

    try
        let step (fake: Fake) (rng: Rng) = seq {
            let w = fake.At("a").Head
            Update("a", (scalar scale * w * rng.NormalLike w).sum())
        }
        let fake = new Fake([ "a", [ 200_001L ] ], step)
        let train = TrainSpec(Steps = Nullable 5L, Batch = 4L)
        use parts = new Optimizers(fake, train)
        use averages = new Averages(fake, train.Average)
        let batches = Batches((rng "rows").Normal(16L, 1L), 4L, rng "batches")
        let trainer = Trainer(fake, batches, parts, averages, Health(train.Health, 1L), train, rng "training")
        let applied = [
            for _ in 1..5 do
                yield! trainer.Advance(fun () -> true)
        ]
        [ for update in applied -> update.Gradient ],
        values (fake.At("a").Head),
        [ for struct (_, mean) in averages.Memory() -> values mean ]
    finally
        Machine.Threads <- 1

let private trainer (fake: Fake) (averages: Averages) =
    let train = TrainSpec(Steps = Nullable 100_000L, Batch = 4L, WarmUp = 0L, Lr = 0.01)
    let batches = Batches((rng "rows").Normal(16L, 1L), 4L, rng "batches")
    Trainer(fake, batches, new Optimizers(fake, train), averages, Health(train.Health, 1L), train, rng "training")

/// The average of a method whose parts train in turn, against the definition in double precision.
let private averaged (isFollowed: int -> string -> bool) () =
    let turn n = if n % 2 = 1 then "a" else "b"
    let mutable n = 0
    let step (fake: Fake) (rng: Rng) = seq {
        n <- n + 1
        let part = turn n
        // Gradients vary from step to step, so that the weights keep moving.
        Update(part, fake.At part |> Seq.map (fun w -> (w * rng.NormalLike w).sum()) |> Seq.reduce (fun a b -> a + b))
    }
    let fake = new Fake([ "a", [ 17L; 3L ]; "b", [ 33L ] ], step)
    use averages = new Averages(fake, Nullable 0.99)
    let trainer = trainer fake averages
    let all = [
        for part in [ "a"; "b" ] do
            for w in fake.At part -> part, w
    ]
    let mean = [| for _, w in all -> values w |]
    let steps = 300

    for step in 1..steps do
        trainer.Advance(fun () -> false) |> ignore
        let d = min 0.99 ((1.0 + float step) / (10.0 + float step))

        for i, (part, w) in List.indexed all do
            if isFollowed step part then mean[i] <- Array.map2 (fun m a -> d * m + (1.0 - d) * a) mean[i] (values w)

    for due, struct (name, found) in Seq.zip mean (averages.Memory()) do
        // Three roundings per step, which last 1/(1 − d) steps.
        Close.same name 300 (torch.tensor (Array.map float32 due)) found

/// Continues from the state of TorchSharp's optimizer, as a checkpoint of an earlier version has it.
let private continues forget () =
    let spec = AdamSpec()
    let fake, parts = optimizers spec (Nullable()) odd
    use parts = parts
    let weights = fake.At "a"
    let twins = [ for w in weights -> new Modules.Parameter(copied w) ]
    use their = spec.Over(twins, 1e-3)
    let update n = gradient odd n, 1.0

    for n in 1..50 do
        let gradient, norm = update n
        byOperators their twins gradient norm (Nullable())

    let memory = Dictionary<string, Tensor>()

    for i, state in Seq.indexed (their.state_dict().State) do
        for struct (name, value) in spec.Memory state do
            memory[$"a/w{i}/{name}"] <- if forget name then torch.zeros_like value else value

    let names = [ for struct (name, _) in parts.Memory() -> name ]
    must $"the state is {names}" (set names = set memory.Keys)
    (use _ = torch.no_grad () in
     for w, twin in List.zip weights twins do
         w.copy_ twin |> ignore)
    parts.Remember memory

    for n in 51..100 do
        let gradient, norm = update n
        byOperators their twins gradient norm (Nullable())
        parts["a"].Step(gradient, norm, 1.0)

    for w, twin in List.zip weights twins do
        let apart = Array.map2 (fun a b -> abs (a - b)) (values w) (values twin) |> Array.max
        must $"weights differ by {apart:G3}" (apart <= allowed spec 50 1.0)

/// Computes a loss, trains its weights, then asks for the loss's gradient.
let private refusesStale (loss: Tensor -> Tensor) =
    let fake = new Fake([ "a", [ 8L ] ], (fun fake _ -> seq { Update("a", (fake.At("a").Head).sum()) }))
    let early = loss (fake.At("a").Head)
    (trainer fake (new Averages(fake, Nullable()))).Advance(fun () -> false) |> ignore
    throws<ExternalException, _> [ "modified by an inplace operation" ] early.backward

/// A finite loss whose gradient is not.
let private diverges (loss: Tensor -> Tensor) =
    let fake = new Fake([ "a", [ 8L ] ], (fun fake _ -> seq { Update("a", loss (fake.At("a").Head)) }))
    let before = values (fake.At("a").Head)
    let trainer = trainer fake (new Averages(fake, Nullable()))
    trainer.Advance(fun () -> false) |> ignore
    must $"training has diverged: {trainer.Diverged}" ((string trainer.Diverged).Contains "gradient of a")
    must "no weight may change" (values (fake.At("a").Head) = before)

/// How often the values to record are computed in ten steps of which every fifth is recorded.
let private computed (update: Tensor -> (unit -> Tensor) -> Update) =
    let mutable count = 0

    let watch (w: Tensor) () =
        count <- count + 1
        must "values to record need no graph" (not (torch.is_grad_enabled ()))
        w.mean ()

    let fake = new Fake([ "a", [ 8L ] ], (fun fake _ -> seq { let w = fake.At("a").Head in update (w.sum ()) (watch w) }))
    let trainer = trainer fake (new Averages(fake, Nullable()))

    for n in 1..10 do
        let applied = trainer.Advance(fun () -> n % 5 = 0)
        must $"step {n} returns {applied[0].Watched.Count} values" (applied[0].Watched.Count = if n % 5 = 0 then 1 else 0)

    must $"they were computed {count} times" (count = 2)

// ── flat memory ──────────────────────────────────────────────────────────────────────────

/// glibc's account of its heap; `uordblks` are the bytes in use.
[<Struct; StructLayout(LayoutKind.Sequential)>]
type private Heap =
    val arena: unativeint
    val ordblks: unativeint
    val smblks: unativeint
    val hblks: unativeint
    val hblkhd: unativeint
    val usmblks: unativeint
    val fsmblks: unativeint
    val uordblks: unativeint
    val fordblks: unativeint
    val keepcost: unativeint

[<DllImport("libc")>]
extern Heap private mallinfo2()

/// Live tensors, and bytes in use of native and of managed memory.
let private used () =
    collected ()
    let heap = mallinfo2 ()
    live (), int64 (heap.uordblks + heap.hblkhd), GC.GetTotalMemory true

/// Memory in use does not grow with the number of steps. In the background the runtime takes and returns megabytes while it compiles, so a loop is
/// repeated until memory changes little twice in a row; where something is kept, it never does.
let private flat (steps: int) (run: int -> unit) =
    let steps = steps / 2
    run (steps / 10)

    let rec quiet inARow (growth: int64 list) =
        let tensors, native, managed = used ()
        run steps
        let tensors', native', managed' = used ()
        must $"{tensors' - tensors} more tensors are alive after {steps} steps" (tensors' = tensors)
        let change = max (abs (native' - native)) (abs (managed' - managed))

        if change >= (1L <<< 19) || inARow = 0 then
            must $"memory in use changed by {List.rev growth} bytes, each in {steps} steps" (growth.Length < 10)
            quiet (if change < (1L <<< 19) then 1 else 0) (change :: growth)

    quiet 0 []

let private trains steps step () =
    let fake = new Fake([ "a", [ 16L; 3L ] ], step)
    use averages = new Averages(fake, Nullable 0.99)
    let trainer = trainer fake averages

    flat steps (fun steps ->
        for n in 1..steps do
            trainer.Advance(fun () -> n % 50 = 0) |> ignore)

let private square (fake: Fake) (rng: Rng) = seq {
    let loss = fake.At "a" |> Seq.map (fun w -> (w - rng.NormalLike w).square().sum()) |> Seq.reduce (fun a b -> a + b)
    Update("a", loss, struct ("gap", loss))
}

let private ofJointCd (width: int) depth (rows: int64) (use': Trainer -> unit) =
    let spec =
        JointCdSpec(
            LevelMlpSpec(Width = width, Depth = depth),
            VariancePreservingSpec(Levels = Nullable 4),
            Memory = 1000,
            Steps = 1,
            Rounds = 1
        )
    use method = spec.Build(Site([| 1L |], device, rng "joint", ""))
    let train = TrainSpec(Steps = Nullable 100_000L, Batch = rows)
    use parts = new Optimizers(method, train)
    use averages = new Averages(method, train.Average)
    let batches = Batches((rng "rows").Normal(4L * rows, 1L), rows, rng "batches")
    use' (Trainer(method, batches, parts, averages, Health(train.Health, 1L), train, rng "training"))

let private jointCd steps =
    ofJointCd 8 1 4L (fun trainer ->
        flat steps (fun steps ->
            for n in 1..steps do
                trainer.Advance(fun () -> n % 50 = 0) |> ignore))

/// Managed bytes that a step allocates after the first few. A step creates some hundred tensors; each is a few small objects.
let private frugal (also: unit -> unit) =
    ofJointCd 128 3 256L (fun trainer ->
        let advance steps =
            for _ in 1..steps do
                trainer.Advance(fun () -> false) |> ignore
                also ()

        advance 5
        let before = GC.GetAllocatedBytesForCurrentThread()
        advance 10
        let bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / 10L
        must $"a step allocates {bytes} bytes" (bytes < 130_000L))

let private chains (kernel: IKernel) steps (watch: Tensor -> unit) =
    use net = MlpSpec(Width = 8, Depth = 1).Build(rng "net", [| 2L |], [| 1L |])
    let energy = Energy.Of(net) + Energy.Confinement 1.0
    let rng = rng "chain"
    let mutable x = rng.Normal(4L, 2L)

    flat steps (fun steps ->
        use _ = torch.NewDisposeScope()
        let next = kernel.Run(energy, x, steps, rng, (fun _ state _ -> watch state.Position))
        x.Dispose()
        x <- next.MoveToOuterDisposeScope())

let private langevin () = Langevin(number 0.01, 1.0)

let all = [
    law
        "an update in one pass is that of TorchSharp's Adam or AdamW, clipped or not, with weight decay, and where weights have no gradient"
        (fun () ->
            let specs: MomentsSpec list = [
                AdamSpec()
                AdamSpec(WeightDecay = 0.1)
                AdamWSpec(WeightDecay = 0.1)
                AdamSpec(0.5, 0.9, 1e-4)
            ]

            for spec in specs do
                inSingle (asTorchSharp spec spec id) ())
    |> breaks "a gradient of zero for weights that have none" (inSingle (asTorchSharp (AdamSpec()) (AdamSpec()) numbers))
    |> breaks
        "decoupled weight decay in one of the two"
        (inSingle (asTorchSharp (AdamSpec(WeightDecay = 0.1)) (AdamWSpec(WeightDecay = 0.1)) id))
    |> breaks "another decay of the mean" (inSingle (asTorchSharp (AdamSpec()) (AdamSpec(Beta1 = 0.88)) id))

    law "the update of a weight does not depend on its place in a tensor, bit by bit" (fun () ->
        inSingle
            (fun () ->
                let whole = inPieces [ 1041L ]
                must "bits depend on the sizes of tensors" (inPieces odd = whole && inPieces [ 3L; 1038L ] = whole))
            ())

    law "weights, averages and norms of a training have the same bits for any number of threads" (fun () ->
        inSingle (fun () -> must "bits depend on the number of threads" (trained 1 1.0 = trained 4 1.0)) ())
    |> breaks "another gradient" (fun () -> inSingle (fun () -> must "bits depend on the gradient" (trained 1 1.0 = trained 4 1.001)) ())

    law "the average follows all weights after each step, also those of the part that did not train" (inSingle (averaged (fun _ _ -> true)))
    |> breaks "an average that follows only the part that trained" (inSingle (averaged (fun n part -> (n % 2 = 1) = (part = "a"))))

    law "training continues from moments that TorchSharp's Adam has left in a checkpoint" (inSingle (continues (fun _ -> false)))
    |> breaks "a forgotten number of updates" (inSingle (continues ((=) "step")))

    law "a loss that was computed before an update of its weights is refused" (fun () ->
        inSingle (fun () -> refusesStale (_.square().sum())) ())
    |> breaks "a loss that keeps no weights for its gradient" (fun () -> inSingle (fun () -> refusesStale _.sum()) ())

    law "a gradient that is not finite ends training before the update" (fun () ->
        inSingle
            (fun () ->
                diverges (fun w -> (0.0 * w).sqrt().sum())
                diverges (fun w -> (w - w.detach ()).sqrt().sum()))
            ())
    |> breaks "a finite gradient" (fun () -> inSingle (fun () -> diverges _.sum()) ())

    law "values to record are computed without a graph, and only in steps that are recorded" (fun () ->
        inSingle (fun () -> computed (fun loss watch -> Update("a", loss, (fun () -> [| struct ("mean", watch ()) |])))) ())
    |> breaks "values computed with the loss" (fun () ->
        inSingle (fun () -> computed (fun loss watch -> (use _ = torch.no_grad () in Update("a", loss, struct ("mean", watch ()))))) ())

    law "20,000 steps of training keep no memory" (inSingle (trains 20_000 square))
    |> breaks
        "a step that keeps a tensor"
        (inSingle (fun () ->
            let kept = ResizeArray<Tensor>()
            trains
                200
                (fun fake rng ->
                    kept.Add((torch.zeros 1L).DetachFromDisposeScope())
                    square fake rng)
                ()
            kept |> Seq.iter _.Dispose()))
    |> breaks
        "a step that keeps two kilobytes outside of tensors"
        (inSingle (fun () ->
            let kept = ResizeArray<nativeint>()
            trains
                2_000
                (fun fake rng ->
                    kept.Add(Marshal.AllocHGlobal 2000)
                    square fake rng)
                ()))

    law "thousands of steps of joint CD keep no memory" (inSingle (fun () -> jointCd 4_000))

    law "a step of training allocates small objects only: arrays of a batch's size are used again" (inSingle (fun () -> frugal ignore))
    |> breaks
        "a new array of a layer's size in each step"
        (inSingle (fun () -> frugal (fun () -> Array.zeroCreate<float32>(256 * 128) |> ignore)))

    law
        "100,000 Langevin steps keep no memory, nor 20,000 with adjustment"
        (inSingle (fun () ->
            chains (Unadjusted(langevin ())) 100_000 ignore
            chains (Metropolis(langevin ())) 20_000 ignore))
    |> breaks
        "a chain that keeps a tensor"
        (inSingle (fun () ->
            let kept = ResizeArray<Tensor>()
            chains (Unadjusted(langevin ())) 200 (fun x -> kept.Add(x.clone().DetachFromDisposeScope()))))
]
