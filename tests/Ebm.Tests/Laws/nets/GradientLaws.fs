/// Kernels of fully connected networks agree with autograd in outputs, input gradients and the gradient of every weight.
module Ebm.Tests.Laws.GradientLaws

open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Nets
open Ebm.Tests.Law

type private Net = torch.nn.Module<torch.Tensor, torch.Tensor>

let private build (activation: Activation) (width: int) depth (inputs: int64) (outputs: int64) : Net =
    MlpSpec(width, depth, activation, 3.0).Build(new Rng(5UL), [| inputs |], [| outputs |])

let private rows (count: int64) (inputs: int64) = ((new Rng(7UL)).Normal(count, inputs)).``to`` torch.float32

/// Outputs, and the gradients of a loss with a different weight for each output in x and in every weight.
let private pass (net: Net) (x: torch.Tensor) =
    let at = x.detach().requires_grad_()
    let y = net.call at
    let weights = torch.linspace(-1.0, 2.0, y.numel (), dtype = y.dtype).reshape y.shape
    let inputs = Array.append [| at |] [| for weight in net.parameters () -> weight :> torch.Tensor |]
    y.detach (), List.ofSeq (torch.autograd.grad ([| (weights * y.square ()).sum() |], inputs))

/// The largest deviation of the kernel in single precision from autograd in double precision, in shares of each tensor's largest entry.
let private deviation (judged: Activation) (known: Activation) width depth count inputs outputs =
    use _ = torch.NewDisposeScope()
    let x = rows count inputs
    let y, gradients = pass ((build judged width depth inputs outputs).``to`` torch.float32) x
    let y', gradients' = pass ((build known width depth inputs outputs).``to`` torch.float64) (x.``to`` torch.float64)

    let far (a: torch.Tensor) (b: torch.Tensor) =
        ((a.``to`` torch.float64 - b).abs().max()).item<float>() / max 1e-3 ((b.abs().max()).item<float>())

    List.map2 far (y :: gradients) (y' :: gradients') |> List.max

/// Sums of n float32 products differ by about √n roundings of 6e-8, three layers deep; n is 4,000 at most here.
let private agree judged known =
    for width, depth, count, inputs, outputs in [ 19, 3, 1L, 3L, 1L; 19, 1, 33L, 1L, 5L; 64, 2, 100L, 2L, 7L; 130, 3, 64L, 17L, 1L ] do
        let far = deviation judged known width depth count inputs outputs
        must $"{judged}, width {width}, {count} rows: {far:g3} from autograd, 1e-5 is allowed" (far < 1e-5)

let private kernels = [ Activation.Silu; Activation.LeakyRelu; Activation.Relu; Activation.Softplus; Activation.Tanh ]

let private same (first: torch.Tensor, rest: torch.Tensor list) (other: torch.Tensor, others: torch.Tensor list) =
    List.forall2 (fun (a: torch.Tensor) (b: torch.Tensor) -> a.Equals b) (first :: rest) (other :: others)

/// The same bits on one thread and on three, and at every width that the processor has.
let private alike (compute: unit -> torch.Tensor * torch.Tensor list) =
    let threads, lanes = Machine.Threads, Vectors.Lanes
    let whole = compute ()

    try
        Machine.Threads <- 3
        must "three threads differ from one" (same (compute ()) whole)
        Machine.Threads <- 1

        for narrow in [ 16; 8; 4 ] do
            if Vectors.Has narrow then
                Vectors.Lanes <- narrow
                must $"{narrow} lanes differ from {lanes}" (same (compute ()) whole)
    finally
        Machine.Threads <- threads
        Vectors.Lanes <- lanes

/// The score of each row from an output chosen for it, and the gradients of |score|², weighted by row, in every weight.
let private scored (activation: Activation) dtype depth outputs count =
    let net = (build activation 24 depth 3L outputs).``to``(dtype: torch.ScalarType)
    let x = (rows count 3L).``to`` dtype
    let column = (new Rng(8UL)).Integers(outputs, count)
    let score = Energy(fun x -> net.call(x).gather(1L, column.unsqueeze 1L).squeeze(1L)).Score x
    let loss = (torch.linspace(0.5, 1.5, count, dtype = dtype).unsqueeze 1L * score.square ()).sum()
    let weights = [| for w in net.parameters () -> w :> torch.Tensor |]
    score.detach (),
    [
        for g in torch.autograd.grad ([| loss |], weights, allow_unused = true) do
            if not g.IsInvalid then g
    ]

let private steep judged known =
    use _ = torch.NewDisposeScope()

    for depth, outputs in [ 1, 1L; 2, 3L; 3, 1L ] do
        let slopes activation dtype =
            let score, gradients = scored activation dtype depth outputs 50L
            [ for found in score :: gradients -> found.``to`` torch.float64 ]

        // The top's bias is not in the slope: autograd gives nothing, and the kernel zeros.
        for a, b in Seq.zip (slopes judged torch.float32) (slopes known torch.float64) do
            let far = ((a - b).abs().max()).item<float>() / max 1e-3 ((b.abs().max()).item<float>())
            must $"depth {depth}, {outputs} outputs: {far:g3} from double precision, 1e-5 is allowed" (far < 1e-5)

let all = [
    law "a kernel's outputs, input gradient and weight gradients are autograd's" (fun () ->
        for activation in kernels do
            agree activation activation)
    |> breaks "another activation" (fun () -> agree Activation.Softplus Activation.Silu)

    law "outputs and gradients have the same bits on any number of threads and at every vector width" (fun () ->
        use _ = torch.NewDisposeScope()
        let net = (build Activation.Silu 37 2 3L 5L).``to`` torch.float32
        let x = rows 300L 3L
        alike (fun () -> pass net x))

    law "a score and its gradients have the same bits on any number of threads and at every vector width" (fun () ->
        use _ = torch.NewDisposeScope()

        for activation in kernels do
            alike (fun () -> scored activation torch.float32 2 5L 300L))
    |> breaks "a score that depends on the threads" (fun () ->
        use _ = torch.NewDisposeScope()

        alike (fun () ->
            let score, gradients = scored Activation.Silu torch.float32 2 5L 300L
            score * torch.tensor (1.0f + 1e-6f * float32 Machine.Threads), gradients))

    law "a gradient follows the weights: kernels never use those of an earlier update" (fun () ->
        use _ = torch.NewDisposeScope()
        let net = (build Activation.Silu 24 2 3L 1L).``to`` torch.float32
        let x = rows 40L 3L
        let before = pass net x

        for weight in net.parameters () do
            use _ = torch.no_grad ()
            weight.mul_ (torch.tensor 1.5f) |> ignore

        let fresh = (build Activation.Silu 24 2 3L 1L).``to`` torch.float32
        fresh.load_state_dict (net.state_dict ()) |> ignore
        must "the weights have changed, and the outputs have not" (not (same before (pass net x)))
        must "the outputs are not those of the present weights" (same (pass fresh x) (pass net x)))

    law "the gradient of a score, in every weight and in the outputs' weights, is autograd's" (fun () ->
        steep Activation.Silu Activation.Silu)
    |> breaks "another activation" (fun () -> steep Activation.Silu Activation.Softplus)

    law "a gradient of all weights' gradients is autograd's" (fun () ->
        use _ = torch.NewDisposeScope()

        let twice (net: Net) (x: torch.Tensor) =
            let weights = [| for w in net.parameters () -> w :> torch.Tensor |]
            let first = torch.autograd.grad ([| net.call(x).square().sum() |], weights, retain_graph = true, create_graph = true)
            let sum = first |> Seq.map (fun g -> g.square().sum()) |> Seq.reduce (+)
            [ for g in torch.autograd.grad ([| sum |], weights) -> g.``to`` torch.float64 ]

        let x = rows 50L 3L
        let ours = twice ((build Activation.Silu 24 2 3L 2L).``to`` torch.float32) x
        let theirs = twice ((build Activation.Silu 24 2 3L 2L).``to`` torch.float64) (x.``to`` torch.float64)

        for a, b in List.zip ours theirs do
            let far = ((a - b).abs().max()).item<float>() / (b.abs().max()).item<float>()
            must $"{far:g3} from double precision, 1e-5 is allowed" (far < 1e-5))

    law "outputs have the shape of the spec, from the kernel and from libtorch's layers" (fun () ->
        use _ = torch.NewDisposeScope()

        for dtype in [ torch.float32; torch.float64 ] do
            let net = (MlpSpec(16, 2).Build(new Rng(5UL), [| 3L |], [| 2L; 4L; 4L |])).``to``(dtype: torch.ScalarType)
            let shape = (net.call ((rows 5L 3L).``to`` dtype)).shape
            must $"{dtype}: the shape is %A{shape}" (shape = [| 5L; 2L; 4L; 4L |]))

    law "NaN in a row stays in that row's output, and shows in the gradients" (fun () ->
        use _ = torch.NewDisposeScope()
        let net = (build Activation.Silu 24 2 3L 1L).``to`` torch.float32
        let x = rows 40L 3L
        x[7L, 1L] <- torch.tensor nanf
        let y, gradients = pass net x
        let bad = y.isnan ()
        must "another row than the one with NaN has no finite output" (bad.sum().item<int64>() = 1L && (bad[7L, 0L]).item<bool>())
        must "the gradient of the weights is finite" (gradients[1].isnan().any().item<bool>()))
]
