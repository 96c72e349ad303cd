/// Closed-form slopes of networks agree with autograd, row by row, in every batch.
module Ebm.Tests.Laws.SlopeLaws

open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Nets
open Ebm.Tests.Law

/// In single precision, as in chains.
let private build (activation: Activation) (heads: int64) =
    MlpSpec(19, 3, activation, 3.0).Build(new Rng(5UL), [| 3L |], [| heads |]).``to`` torch.float32

type private nn = torch.nn.Module<torch.Tensor, torch.Tensor>

/// The energy on tiles alone.
let private own (net: nn) (column: torch.Tensor | null) =
    Energy((fun _ -> broken "an energy on tiles was computed with a graph"), tiled = fun x -> (unbox<ITiled>(box net)).Tiled(x, column))

let private points rows = ((new Rng(7UL)).Normal(rows, 3L)).``to`` torch.float32

/// The largest deviation of value and slope from autograd's. Sums have terms of about one in total; sums of twenty float32 products, three deep,
/// differ by about twenty times 6e-8 if taken in another order.
let private deviation (judged: Activation) (known: Activation) (rows: int64) (heads: int64) =
    use _ = torch.NewDisposeScope()
    use ours = build judged heads
    use theirs = build known heads
    let x = points rows
    let column = (new Rng(8UL)).Integers(heads, rows)
    let chosen (net: nn) = Energy(fun x -> net.call(x).gather(1L, column.unsqueeze 1L).squeeze 1L)
    let struct (value, slope) = (chosen theirs).WithSlope x
    let struct (v, s) = (own ours column).WithSlope x
    let far (a: torch.Tensor) (b: torch.Tensor) = ((a - b).abs().max()).item<float32>() |> float
    max (far v value) (far s slope)

let private agree judged known =
    for rows in [ 1L; 16L; 37L ] do
        for heads in [ 1L; 5L ] do
            let far = deviation judged known rows heads
            must $"{judged}, {rows} rows, {heads} heads: {far:g3} from autograd, 2e-6 is allowed" (far < 2e-6)

let all = [
    law "a network's closed-form slope is autograd's" (fun () ->
        for activation in [ Activation.Silu; Activation.LeakyRelu; Activation.Relu; Activation.Softplus; Activation.Tanh ] do
            agree activation activation)
    |> breaks "another activation" (fun () -> agree Activation.Silu Activation.Gelu)

    law "a row's slope has the same bits in every batch, on any number of threads, and at every vector width" (fun () ->
        use _ = torch.NewDisposeScope()
        use net = build Activation.Silu 1L
        let slopes (x: torch.Tensor) =
            let struct (_, slope) = (own net null).WithSlope x
            slope
        let x = points 300L
        let whole = slopes x
        must "a batch of 5 differs from the same rows among 300" ((slopes (x.narrow (0L, 100L, 5L))).Equals(whole.narrow (0L, 100L, 5L)))
        let threads = Machine.Threads

        try
            Machine.Threads <- 3
            must "three threads differ from one" ((slopes x).Equals whole)
        finally
            Machine.Threads <- threads

        let lanes = Vectors.Lanes

        try
            for narrow in [ 16; 8; 4 ] do
                if Vectors.Has narrow then
                    Vectors.Lanes <- narrow
                    must $"{narrow} lanes differ from {lanes}" ((slopes x).Equals whole)
        finally
            Vectors.Lanes <- lanes)

    law "a level that does not exist is an error, not an invalid read" (fun () ->
        use _ = torch.NewDisposeScope()
        use net = build Activation.Silu 4L
        let x = points 20L
        throws<System.ArgumentOutOfRangeException, _> [ "the network has 4" ] (fun () ->
            (own net (4L * torch.ones ([| 20L |], dtype = torch.int64))).WithSlope x))
]
