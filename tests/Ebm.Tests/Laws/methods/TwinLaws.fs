/// The PyTorch twins that the benchmark times are training steps of the same methods: from the same state and with the same random numbers, a twin in
/// single precision and ours are equally far from the twin in double precision. Accept decisions and drawn levels are discrete: all three must decide
/// alike, and do unless a random number is within a rounding error of its threshold. A law sees such a case, and fails, because the twin in single
/// precision is then much further from the one in double than rounding explains; seeds are fixed.
module Ebm.Tests.Laws.TwinLaws

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Text.Json
open System.Text.Json.Nodes
open TorchSharp
open Ebm.Bench
open Ebm.Core
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Folder
open Ebm.Tests.Law
open Ebm.Tests.World

let private twin = lazy (Reference.script "compared.py" 1 [])

/// Asks the twin; None if python3 has no torch.
let private needsTorch law =
    needs
        (fun () ->
            if twin.Value.IsNone then Some "no python3 of this machine can import torch (Debian's package is python3-torch)" else None)
        law

let private node (value: 'a) = nonNull (JsonSerializer.SerializeToNode value)
let private dictionary (pairs: (string * JsonNode) seq) = JsonObject(pairs |> Seq.map (fun (k, v) -> KeyValuePair(k, v)))

let private sent (tensor: Tensor) =
    use held = tensor.detach().contiguous().cpu()

    let dtype =
        match held.dtype with
        | torch.ScalarType.Float32 -> "f4"
        | torch.ScalarType.Float64 -> "f8"
        | _ -> "i8"

    dictionary [
        "dtype", node dtype
        "shape", JsonArray [| for size in held.shape -> node size |]
        "data", node (Convert.ToBase64String(held.bytes.ToArray()))
    ]

let private got (value: JsonNode | null) =
    let bytes = Convert.FromBase64String((nonNull (nonNull value).["data"]).GetValue<string>())
    MemoryMarshal.Cast<byte, float>(ReadOnlySpan bytes).ToArray()

/// Numbers of the state by name: those of a part under its name, others under their own.
type private State = Dictionary<string, ResizeArray<float[]>>

let private put (state: State) key (numbers: float[]) =
    if not (state.ContainsKey key) then state[key] <- ResizeArray()
    state[key].Add numbers

let private kinds = [ "weight"; "average"; "mean"; "square" ]

/// A parameter with its average and its moments; those without moments have not been trained yet.
type private Weight = { Name: string; Of: (string * Tensor) list; Step: int64 }

let private parts (training: Steps.Training) = [
    let moments = dict [ for struct (name, value) in training.Optimizers.Memory() -> name, value ]
    let averages = dict [ for struct (name, value) in training.Averages.Memory() -> name, value ]
    let names = [ for struct (name, weight) in training.Method.named_parameters () -> weight, name ]
    for part in training.Optimizers.All do
        part.Name,
        [
            for struct (name, weight) in part.Parameters do
                let whole = names |> List.find (fun (own, _) -> Object.ReferenceEquals(own, weight)) |> snd
                let moment kind = moments[$"{part.Name}/{name}/{kind}"]
                let step = (moment "step").item<int64>()
                if step > 0L then
                    {
                        Name = whole
                        Of = [ "weight", weight; "average", averages[whole]; "mean", moment "mean"; "square", moment "square" ]
                        Step = step
                    }
        ]
]

/// The part that only follows others: the base of a generalized energy-based model.
let private apart (training: Steps.Training) = [
    for struct (name, weight) in training.Method.named_parameters () do
        if name.Contains "model.base." then weight :> Tensor
]

/// What lasts besides weights, by its name in checkpoints.
let private lasting (training: Steps.Training) =
    let weights = HashSet [ for struct (name, _) in training.Method.named_parameters () -> name ]
    [
        for KeyValue(name, value) in training.Method.state_dict () do
            if not (weights.Contains name) then name, value
    ]

let private ours (training: Steps.Training) : State =
    let state = State()

    for part, weights in parts training do
        for weight in weights do
            for kind, value in weight.Of do
                put state $"{part}, {kind}" (values value)

    for value in apart training do
        put state "apart" (values value)

    for name, value in lasting training do
        put state name (values value)

    state

/// The optimizers' settings, at this step's learning rate.
let private settings (training: Steps.Training) part =
    let train = training.Train
    let own =
        match train.Parts.TryGetValue part with
        | true, own -> own
        | _ -> PartSpec()
    let struct (position, last) = training.Trainer.Progress
    let lr = (if own.Lr.HasValue then own.Lr.Value else train.Lr) * train.Schedule.At(position, last)
    let clip = if own.Clip.HasValue then own.Clip.Value else train.Clip.Value
    let adam = train.Optimizer :?> AdamSpec
    lr, clip, adam.Beta1, adam.Beta2

/// How the twin runs: its precision, and errors planted in it as factors of its learning rates and of its rows of data.
type private Run = { Double: bool; Rate: float; Rows: float }

let private single = { Double = false; Rate = 1.0; Rows = 1.0 }

let private request (training: Steps.Training) name =
    dictionary [
        "name", node name
        "batch", node training.Train.Batch
        "net", dictionary [ "width", node 8; "bottleneck", node 32 ]
        "parts",
        dictionary [
            for part, weights in parts training do
                if not weights.IsEmpty then
                    let lr, clip, beta1, beta2 = settings training part
                    part,
                    dictionary [
                        "lr", node lr
                        "clip", node clip
                        "betas", JsonArray [| node beta1; node beta2 |]
                        "weights",
                        JsonArray [|
                            for weight in weights ->
                                dictionary [
                                    "step", node weight.Step
                                    for kind, value in weight.Of do
                                        kind, sent value
                                ]
                                :> JsonNode
                        |]
                    ]
        ]
        "apart", JsonArray [| for value in apart training -> sent value :> JsonNode |]
        "lasts", dictionary [ for name, value in lasting training -> name, sent value ]
    ]

/// The twin's step, with draws from these streams in its own order, which is ours.
let private stepped (request: JsonObject) (draws: Rng) (rows: Batches) (run: Run) =
    let twin = twin.Value.Value
    request["double"] <- node run.Double
    request["rate"] <- node run.Rate
    Reference.say twin (request.ToJsonString())

    let rec answer () =
        let line = nonNull (JsonNode.Parse(Reference.hear twin))

        match line["ask"] with
        | null -> line
        | ask ->
            let number (name: string) = (nonNull line[name]).GetValue<int64>()
            let shape = [| for size in (nonNull line["shape"]).AsArray() -> (nonNull size).GetValue<int64>() |]
            use _ = torch.NewDisposeScope()

            let drawn =
                match ask.GetValue<string>() with
                | "normal" -> draws.Normal shape
                | "uniform" -> draws.Uniform shape
                | "integers" -> draws.Integers(number "below", shape)
                | "rows" -> rows.Next() * torch.tensor (float32 run.Rows)
                | "slots" ->
                    use chains = new Memory(torch.zeros [| number "below"; 1L |], torch.zeros ([| number "below" |], dtype = torch.int64))
                    let struct (_, _, slots) = chains.Draw(shape[0], draws)
                    slots
                | other -> failwith $"the twin asked for {other}"

            Reference.say twin ((sent drawn).ToJsonString())
            answer ()

    let line = answer ()
    let state = State()

    for KeyValue(part, weights) in (nonNull line["parts"]).AsObject() do
        for weight in (nonNull weights).AsArray() do
            for kind in kinds do
                put state $"{part}, {kind}" (got (nonNull weight).[kind])

    for value in (nonNull line["apart"]).AsArray() do
        put state "apart" (got value)

    for KeyValue(name, value) in (nonNull line["lasts"]).AsObject() do
        put state name (got value)

    state["losses"] <- ResizeArray [ [| for loss in (nonNull line["losses"]).AsArray() -> (nonNull loss).GetValue<float>() |] ]
    state

/// Our step from a state in the middle of training, and its twins in single and in double precision.
type private Compared = { Before: State; Ours: State; Single: State; Exact: State; Twin: Run -> State }

let private prepared (step: Steps.Step) =
    let training = Steps.training (under "experiments/configs") step

    // Moments and averages of several steps; of the first alone, updates are signs. Denoising-ebm reconstructs at the fourth and the eighth.
    for _ in 1 .. (if step.IsOfPictures then 3 else 7) do
        training.Trainer.Advance(fun () -> false) |> ignore

    for name, value in lasting training do
        // The base follows the flow as late in training.
        if name.EndsWith "followed" then value.fill_ (scalar 1e6) |> ignore

    let request = request training step.Name
    let next, cursor = training.Trainer.Step + 1L, training.Batches.Cursor
    let rows () = Batches(training.Data.Train, training.Train.Batch, Steps.rng "batches", Cursor = cursor)
    let twin run = stepped request ((Steps.rng "training").Stream next) (rows ()) run
    let before = ours training
    let applied = training.Trainer.Advance(fun () -> false)
    let after = ours training
    after["losses"] <- ResizeArray [ [| for update in applied -> update.Loss |] ]
    { Before = before; Ours = after; Single = twin single; Exact = twin { single with Double = true }; Twin = twin }

let private norm (x: float[]) = sqrt (Array.sumBy (fun v -> v * v) x)
let private distance (a: float[]) (b: float[]) = norm (Array.map2 (-) a b)

/// Whether the i-th weight of a part has a gradient besides rounding errors. The last bias has none if a loss only compares energies, and Adam then
/// divides rounding errors by each other.
let private learns (compared: Compared) (key: string) =
    match key.Split ", " with
    | [| part; _ |] ->
        let single, exact = compared.Single[$"{part}, mean"], compared.Exact[$"{part}, mean"]
        fun i -> distance single[i] exact[i] < 1e-2 * norm exact[i]
    | _ -> fun _ -> true

/// A state lies about as far from the exact one as the twin in single precision: what that differs by is what rounding does to this step. Sums in another
/// order have other errors of the same size, so sixteen times as much is allowed.
let private near step (compared: Compared) (state: State) =
    for KeyValue(key, exact) in compared.Exact do
        let learns = learns compared key
        let joined (state: State) = state[key] |> Seq.indexed |> Seq.filter (fst >> learns) |> Seq.map snd |> Array.concat
        let mine, single, exact = joined state, joined compared.Single, joined compared.Exact
        let change = if compared.Before.ContainsKey key then distance exact (joined compared.Before) else norm exact
        let stored = 16.0 * Math.ScaleB(1.0, -24) * norm exact
        let own, others = distance mine exact, distance single exact
        must
            $"{step}, {key}: the twin in single precision is {others:G3} from the one in double, too far for rounding at a change of {change:G3}"
            (others <= 1e-3 * change + stored)
        must
            $"{step}, {key}: ours is {own:G3} from the exact step, the twin in single precision {others:G3}"
            (own <= 16.0 * others + stored)

/// Few pictures and a small net, so that the law is quick; and convolutions in full precision, because those of bf16 differ by more than the error that a law can see.
let private small (step: Steps.Step) =
    let words =
        match step.Name with
        | "joint-cd-of-pictures" -> [
            "method.energy.precision=float32"
            "method.energy.width=8"
            "method.energy.bottleneck=32"
            "method.memory=100"
            "train.batch=16"
          ]
        | "recovery-likelihood-of-pictures" -> [ "train.batch=16" ]
        | _ -> []

    { step with Words = step.Words @ words }

let all = [
    for step in Steps.all |> List.filter _.HasTwin |> List.map small do
        let compared = lazy (prepared step)
        let planted run = inSingle (fun () -> near step.Name compared.Value (compared.Value.Twin run))
        law
            $"a training step of {step.Name} is its twin's in PyTorch: same losses, moments, weights, averages and chains from the same numbers"
            (inSingle (fun () -> near step.Name compared.Value compared.Value.Ours))
        |> breaks "the learning rates are one percent larger" (planted { single with Rate = 1.01 })
        |> breaks "the rows are a thousandth larger" (planted { single with Rows = 1.001 })
        |> needsTorch
]
