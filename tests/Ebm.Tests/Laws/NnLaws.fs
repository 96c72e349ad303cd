/// Layers against explicit formulas, and modules: what is registered is named, saved, moved and restored.
module Ebm.Tests.Laws.NnLaws

open System
open System.IO
open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

type private F = torch.nn.functional

/// The numbers of a (B, C, H, W) tensor by index, zero outside.
let private at (x: Tensor) =
    let shape, numbers = x.shape |> Array.map int, values x
    fun b c i j ->
        if i < 0 || j < 0 || i >= shape[2] || j >= shape[3] then
            0.0
        else
            numbers[((b * shape[1] + c) * shape[2] + i) * shape[3] + j]

let private made (shape: int list) (f: int -> int -> int -> int -> float) =
    let b, c, h, w = shape[0], shape[1], shape[2], shape[3]
    (row [
        for b in 0 .. b - 1 do
            for c in 0 .. c - 1 do
                for i in 0 .. h - 1 do
                    for j in 0 .. w - 1 -> f b c i j
    ])
        .reshape(shape |> List.map int64 |> Array.ofList)

/// Σ over the group's channels and the kernel of input × weight, plus bias.
let private convolved (x: Tensor) (w: Tensor) (bias: Tensor) stride padding dilation groups =
    let xs, ws = x.shape |> Array.map int, w.shape |> Array.map int
    let x, w, bias = at x, at w, values bias
    let size i = (xs[i] + 2 * padding - dilation * (ws[i] - 1) - 1) / stride + 1
    let perGroup = ws[0] / groups

    made [ xs[0]; ws[0]; size 2; size 3 ] (fun b o i j ->
        bias[o]
        + List.sum [
            for c in 0 .. ws[1] - 1 do
                for p in 0 .. ws[2] - 1 do
                    for q in 0 .. ws[3] - 1 ->
                        x b (o / perGroup * ws[1] + c) (i * stride - padding + p * dilation) (j * stride - padding + q * dilation)
                        * w o c p q
        ])

let private agrees what (due: Tensor) (found: Tensor) = Close.same what 256 due found

let private image () = (rng "image").Normal(2L, 4L, 5L, 6L)

/// A module whose children, parameters and buffers are registered by name.
type private Nested(width: int64) as this =
    inherit torch.nn.Module<Tensor, Tensor>("nested")
    let inner = torch.nn.Linear(2L, width, device = device)
    let gain = torch.nn.Parameter(torch.ones (width, device = device))
    let seen = torch.zeros (1L, device = device)

    do
        this.register_module ("inner", inner)
        this.register_parameter ("gain", gain)
        this.register_buffer ("seen", seen)

    member _.Seen = seen
    member _.Inner = inner
    override _.forward x = inner.call x * gain

let private written (m: torch.nn.Module) = [ for entry in m.state_dict () -> entry.Key, values entry.Value ]

let private normalised (x: Tensor) (group: int -> int -> int list) eps =
    // group b c: the channels that share mean and variance with c.
    let shape, a = x.shape |> Array.map int, at x
    made (List.ofArray shape) (fun b c i j ->
        let all = [
            for k in group b c do
                for i in 0 .. shape[2] - 1 do
                    for j in 0 .. shape[3] - 1 -> a b k i j
        ]
        let mean = List.average all
        let variance = all |> List.averageBy (fun v -> (v - mean) ** 2.0)
        (a b c i j - mean) / sqrt (variance + eps))

let all = [
    law "a linear layer is x Wᵀ + b" (fun () ->
        let layer = torch.nn.Linear(4L, 3L, device = device)
        let x = (rng "x").Normal(5L, 4L)
        agrees "with bias" (x.matmul (layer.weight.t ()) + nonNull layer.bias) (layer.call x)
        let plain = torch.nn.Linear(4L, 3L, hasBias = false, device = device)
        must "there is a bias" (isNull plain.bias && (plain.parameters () |> Seq.length) = 1)
        agrees "without" (x.matmul (plain.weight.t ())) (plain.call x))

    law "a convolution is a sum over channels and kernel, for every stride, padding, dilation and number of groups" (fun () ->
        let x = image ()

        for stride, padding, dilation, groups in [ 1, 0, 1, 1; 2, 1, 1, 1; 1, 2, 2, 1; 1, 1, 1, 2; 3, 2, 1, 4 ] do
            let w, b = (rng "w").Normal(4L, int64 (4 / groups), 3L, 2L), (rng "b").Normal 4L
            let two n = [| int64 n; int64 n |]
            agrees
                $"stride {stride}, padding {padding}, dilation {dilation}, groups {groups}"
                (convolved x w b stride padding dilation groups)
                (F.conv2d (x, w, b, two stride, two padding, two dilation, int64 groups))

        let layer = torch.nn.Conv2d(4L, 2L, 3L, stride = 2L, padding = 1L, device = device)
        agrees "the layer" (convolved x layer.weight (nonNull layer.bias) 2 1 1 1) (layer.call x))

    law "a convolution over one dimension is that over two with a height of one" (fun () ->
        let x = (rng "x").Normal(2L, 3L, 7L)
        let layer = torch.nn.Conv1d(3L, 2L, 3L, stride = 2L, padding = 1L, device = device)
        let due = F.conv2d (x.unsqueeze 2L, layer.weight.unsqueeze 2L, nonNull layer.bias, [| 1L; 2L |], [| 0L; 1L |])
        agrees "conv1d" (due.squeeze 2L) (layer.call x))

    law "a transposed convolution is the convolution's adjoint: ⟨conv x, y⟩ = ⟨x, convᵀ y⟩" (fun () ->
        for stride, padding in [ 1, 0; 2, 1 ] do
            let x, w = (rng "x").Normal(2L, 3L, 5L, 5L), (rng "w").Normal(4L, 3L, 3L, 3L)
            let two n = [| int64 n; int64 n |]
            let y = F.conv2d (x, w, strides = two stride, padding = two padding)
            let seed = (rng "y").NormalLike y
            let back = F.conv_transpose2d (seed, w, strides = two stride, padding = two padding)
            agrees $"stride {stride}" ((y * seed).sum()) ((x * back).sum()))

    law "pools take the greatest and the mean of their windows" (fun () ->
        let x = image ()
        let a = at x
        let windows f =
            made [ 2; 4; 2; 3 ] (fun b c i j ->
                f [
                    for p in 0..1 do
                        for q in 0..1 -> a b c (2 * i + p) (2 * j + q)
                ])
        agrees "max" (windows List.max) (F.max_pool2d (x, 2L))
        agrees "mean" (windows List.average) (F.avg_pool2d (x, 2L))
        agrees "all in one" (x.mean ([| 2L; 3L |], true)) (F.adaptive_avg_pool2d (x, 1L)))

    law "resizing: nearest repeats, bilinear keeps what is linear, pixel-shuffle lays channels out side by side" (fun () ->
        let x = image ()
        let nearest = F.interpolate (x, scale_factor = [| 2.0; 2.0 |], mode = torch.InterpolationMode.Nearest)
        agrees "nearest" (x.repeat_interleave(2L, 2L).repeat_interleave(2L, 3L)) nearest
        let ramp (n: int64) = torch.linspace (0.0, 1.0, n, device = device)
        let plane = (ramp 5L).unsqueeze 1L + 2.0 * ramp 6L
        let finer = (ramp 9L).unsqueeze 1L + 2.0 * ramp 11L
        agrees
            "bilinear"
            finer
            (F
                .interpolate(
                    plane.unsqueeze(0L).unsqueeze 0L,
                    size = [| 9L; 11L |],
                    mode = torch.InterpolationMode.Bilinear,
                    align_corners = true
                )
                .[0L, 0L])
        let a = at x
        agrees "pixel shuffle" (made [ 2; 1; 10; 12 ] (fun b _ i j -> a b (i % 2 * 2 + j % 2) (i / 2) (j / 2))) (F.pixel_shuffle (x, 2L)))

    law "padding adds what it says: a number, a mirror, the border" (fun () ->
        let x = image ()
        let a = at x
        let padded f = made [ 2; 4; 7; 9 ] (fun b c i j -> f b c (i - 1) (j - 2))
        agrees
            "a number"
            (padded (fun b c i j -> if i < 0 || j < 0 || i > 4 || j > 5 then 7.0 else a b c i j))
            (F.pad (x, [| 2L; 1L; 1L; 1L |], PaddingModes.Constant, 7.0))
        let mirror n i =
            if i < 0 then -i
            elif i > n then 2 * n - i
            else i
        agrees "a mirror" (padded (fun b c i j -> a b c (mirror 4 i) (mirror 5 j))) (F.pad (x, [| 2L; 1L; 1L; 1L |], PaddingModes.Reflect))
        let border n i = max 0 (min n i)
        agrees
            "the border"
            (padded (fun b c i j -> a b c (border 4 i) (border 5 j)))
            (F.pad (x, [| 2L; 1L; 1L; 1L |], PaddingModes.Replicate)))

    law "norms subtract the mean and divide by the deviation of their group" (fun () ->
        let x = image ()
        agrees
            "groups of two channels"
            (normalised x (fun _ c -> [ c / 2 * 2; c / 2 * 2 + 1 ]) 1e-5)
            ((torch.nn.GroupNorm(2L, 4L, device = device)).call x)
        agrees "a row" (normalised x (fun _ _ -> [ 0..3 ]) 1e-5) ((torch.nn.LayerNorm([| 4L; 5L; 6L |], device = device)).call x)
        let scaled = torch.nn.GroupNorm(1L, 4L, device = device)
        (use _ = torch.no_grad () in (nonNull scaled.weight).mul_(torch.tensor 3.0) |> ignore)
        agrees "its weight scales" (3.0 * normalised x (fun _ _ -> [ 0..3 ]) 1e-5) (scaled.call x))

    law "batch norm uses the batch while it trains, and afterwards what it remembers of batches" (fun () ->
        let norm = torch.nn.BatchNorm2d(4L, momentum = 0.5, device = device)
        let x = image ()
        let mean = x.mean [| 0L; 2L; 3L |]
        let spread = x.var ([| 0L; 2L; 3L |], false)
        let channel (v: Tensor) = v.reshape (1L, 4L, 1L, 1L)
        agrees "training" ((x - channel mean) / (channel spread + 1e-5).sqrt()) (norm.call x)
        // Half of what it was (0 and 1), half of the batch's mean and its unbiased variance.
        agrees "running mean" (mean / 2.0) (nonNull norm.running_mean)
        agrees "running variance" (x.var [| 0L; 2L; 3L |] / 2.0 + 0.5) (nonNull norm.running_var)
        norm.eval ()
        agrees "evaluation" ((x - channel (nonNull norm.running_mean)) / (channel (nonNull norm.running_var) + 1e-5).sqrt()) (norm.call x))

    law "an embedding is a row of its table, and only rows that were used get a gradient" (fun () ->
        let table = torch.nn.Embedding(5L, 3L, device = device)
        let rows = torch.tensor ([| 4L; 0L; 4L |], device = device)
        agrees "rows" ((nonNull table.weight).index_select(0L, rows)) (table.call rows)
        ((table.call rows).sum()).backward()
        let gradient = values (nonNull (nonNull table.weight).grad) |> Array.chunkBySize 3 |> Array.map Array.head
        must $"{gradient}" (gradient = [| 1.0; 0.0; 0.0; 0.0; 2.0 |]))

    law "activations are what their formulas say" (fun () ->
        let x = 3.0 * (rng "x").Normal 200L
        let of' f = row [ for v in values x -> f v ]

        for name, due, found in
            [
                "relu", (fun v -> max 0.0 v), F.relu x
                "leaky relu", (fun v -> if v < 0.0 then 0.2 * v else v), F.leaky_relu (x, 0.2)
                "elu", (fun v -> if v < 0.0 then exp v - 1.0 else v), F.elu (x, 1.0)
                "silu", (fun v -> v / (1.0 + exp -v)), F.silu x
                "softplus", (fun v -> max v 0.0 + log (1.0 + exp -(abs v))), F.softplus x
                "tanh", tanh, F.tanh x
                "sigmoid", (fun v -> 1.0 / (1.0 + exp -v)), F.sigmoid x
            ] do
            agrees name (of' due) found

        // Φ(x) x, with erf from the tensor layer, which OperatorLaws holds to its derivative.
        agrees "gelu" (x * (1.0 + (x / sqrt 2.0).erf()) / 2.0) (F.gelu x))

    law "losses are what their formulas say" (fun () ->
        let x, y = (rng "x").Normal(5L, 4L), (rng "y").Normal(5L, 4L)
        agrees "mean square" ((x - y).square().mean()) (F.mse_loss (x, y))
        agrees "sum of absolutes" ((x - y).abs().sum()) (F.l1_loss (x, y, torch.nn.Reduction.Sum))
        let labels = torch.tensor ([| 0L; 3L; 1L; 1L; 2L |], device = device)
        agrees "cross entropy" (-(x.log_softmax 1L).gather(1L, labels.unsqueeze 1L).mean()) (F.cross_entropy (x, labels))
        let target = (y.sigmoid ()).detach()
        let due = -(target * x.sigmoid().log() + (1.0 - target) * (1.0 - x.sigmoid ()).log()).mean()
        agrees "binary cross entropy of logits" due (F.binary_cross_entropy_with_logits (x, target)))

    law "dropout keeps the mean while it trains and does nothing afterwards" (fun () ->
        let dropout = torch.nn.Dropout 0.25
        let x = torch.ones (100_000L, device = device)
        torch.manual_seed 1L |> ignore
        let kept = values (dropout.call x)
        Close.near "the mean" 1.0 (Close.mean kept)
        must "kept numbers are scaled" (kept |> Array.distinct |> Array.sort = [| 0.0; 1.0 / 0.75 |])
        dropout.eval ()
        Close.same "evaluation" 0 x (dropout.call x))

    law "gradients of layers agree with differences, in their input and in their weights" (fun () ->
        let x = image ()

        for name, layer in
            [
                "conv2d", torch.nn.Conv2d(4L, 2L, 3L, padding = 1L, device = device) :> torch.nn.Module<Tensor, Tensor>
                "transposed conv2d", torch.nn.ConvTranspose2d(4L, 2L, 3L, stride = 2L, device = device)
                "group norm", torch.nn.GroupNorm(2L, 4L, device = device)
                "a sequence",
                torch.nn.Sequential(
                    torch.nn.Conv2d(4L, 4L, 1L, device = device) :> torch.nn.Module<Tensor, Tensor>,
                    torch.nn.SiLU(),
                    torch.nn.Flatten(),
                    torch.nn.Linear(120L, 3L, device = device)
                )
            ] do
            let rng = rng name
            let leaf = x.detach().requires_grad_ true
            let result = layer.call leaf
            let seed = (rng.Stream "seed").NormalLike result
            let parameters = layer.parameters () |> Seq.toArray
            let inputs = Array.append [| leaf |] (parameters |> Array.map (fun p -> p :> Tensor))
            let directions = inputs |> Array.mapi (fun i p -> (rng.Stream(int64 i)).NormalLike p)
            let gradients = torch.autograd.grad ([| (result * seed).sum() |], inputs)
            let along = Seq.map2 (fun (g: Tensor) (v: Tensor) -> value ((g * v).sum())) gradients directions |> Seq.sum
            use _ = torch.no_grad ()
            let start = inputs |> Array.map (fun p -> p.detach().clone())

            let moved t =
                Array.iteri2 (fun i (p: Tensor) (v: Tensor) -> p.copy_ (start[i] + t * v) |> ignore) inputs directions
                value ((layer.call leaf * seed).sum())

            let d = Close.derivative moved
            Close.near $"{name}: gradient along a direction less differences" 0.0 { d with Value = d.Value - along })

    law "a module names what is registered, in order, and nothing else" (fun () ->
        let m = new Nested(3L)
        must
            "parameters"
            ([ for struct (name, _) in m.named_parameters () -> name ] |> List.sort = [ "gain"; "inner.bias"; "inner.weight" ])
        must "buffers" ([ for struct (name, _) in m.named_buffers () -> name ] = [ "seen" ])
        must "children" ([ for struct (name, _) in m.named_children () -> name ] = [ "inner" ])
        must "state" ([ for name, _ in written m -> name ] |> List.sort = [ "gain"; "inner.bias"; "inner.weight"; "seen" ])
        must "mode" (m.training && m.Inner.training)
        m.eval ()
        must "evaluation reaches the children" (not m.training && not m.Inner.training))

    law "a state that is loaded is the state that was saved, and misfits are named" (fun () ->
        let a, b = new Nested(3L), new Nested(3L)
        (use _ = torch.no_grad () in a.Seen.fill_ 5.0 |> ignore)
        let saved = Collections.Generic.Dictionary<string, Tensor>()
        for entry in a.state_dict () do
            saved.Add(entry.Key, entry.Value.clone ())
        must "they were equal before" (written a <> written b)
        b.load_state_dict saved |> ignore
        must "they differ" (written a = written b)
        let x = (rng "x").Normal(4L, 2L)
        Close.same "they compute otherwise" 0 (a.call x) (b.call x)

        let refuses (parts: string list) (change: Collections.Generic.Dictionary<string, Tensor> -> unit) =
            let state = Collections.Generic.Dictionary<string, Tensor>()
            for entry in a.state_dict () do
                state.Add(entry.Key, entry.Value)
            change state

            let thrown =
                try
                    (b.load_state_dict state |> ignore
                     "")
                with e ->
                    e.Message
            for part in parts do
                must $"\"{thrown}\" does not say {part}" (thrown.Contains part)

        refuses [ "gain" ] (fun s -> s.Remove "gain" |> ignore)
        refuses [ "stranger" ] (fun s -> s.Add("stranger", torch.zeros 1L))
        must "a misfit changed something" (written a = written b))

    law "a module's tensors live as long as the module, whatever scope it was made in; dispose frees them" (fun () ->
        let m =
            use _ = torch.NewDisposeScope()
            new Nested(2L)

        must "they died with the scope" (m.parameters () |> Seq.forall (fun p -> not p.IsInvalid) && not m.Seen.IsInvalid)
        let all = [ for p in m.parameters () -> p :> Tensor ] @ [ m.Seen ]
        m.Dispose()
        must "they live on" (all |> List.forall _.IsInvalid))

    law "a module moves as a whole to another dtype; gradients can be switched off and zeroed" (fun () ->
        let m = new Nested(2L)
        m.``to`` torch.float32 |> ignore
        must "not all moved" (m.state_dict().Values |> Seq.forall (fun t -> t.dtype = torch.float32))
        ((m.call (torch.ones (1L, 2L, dtype = torch.float32, device = device))).sum()).backward()
        must "no gradient" (m.parameters () |> Seq.forall (fun p -> not (isNull p.grad)))
        m.zero_grad ()
        must
            "a gradient is left"
            (m.parameters ()
             |> Seq.forall (fun p ->
                 match p.grad with
                 | null -> true
                 | g -> values g |> Array.forall ((=) 0.0))))
]
