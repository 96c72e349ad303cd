/// Kernels of the fully connected autoencoder agree with autograd in double precision: codes, restored rows, every gradient, and the two energies that
/// denoising-ebm makes of it.
module Ebm.Tests.Laws.AutoencoderLaws

open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests.Law

type private Decoder = torch.nn.Module<torch.Tensor, torch.Tensor>

let private float32, float64 = torch.float32, torch.float64

let private build (activation: Activation) (width: int) depth (numbers: int64) (codes: int64) (precision: torch.ScalarType) =
    (MlpAutoencoderSpec(width, depth, activation, 3.0).Build(new Rng(5UL), [| numbers |], codes)).``to`` precision

let private decoder (activation: Activation) (width: int) (numbers: int64) (codes: int64) (precision: torch.ScalarType) : Decoder =
    (MlpSpec(width, 2, activation, 1.5).Build(new Rng(6UL), [| codes |], [| numbers |])).``to`` precision

let private rows (seed: uint64) (count: int64) (numbers: int64) = ((new Rng(seed)).Normal(count, numbers)).``to`` float32

/// Levels from .01 to 2: (B).
let private noise (count: int64) = (torch.linspace(-4.6, 0.7, count, dtype = float64).exp()).``to`` float32

/// Deviation in shares of the largest entry.
let private far (a: torch.Tensor) (b: torch.Tensor) =
    ((a.``to`` float64 - b.``to`` float64).abs().max()).item<float>() / max 1e-3 ((b.abs().max().``to`` float64).item<float>())

/// Codes without a graph, restored rows, and the gradients of a loss of restored rows in x̃ and every weight.
let private pass (net: Autoencoder) (x: torch.Tensor) (sigma: torch.Tensor) =
    let codes =
        use _ = torch.no_grad ()
        net.Encode(x, sigma)
    let at = x.detach().requires_grad_()
    let restored = net.Restore(at, sigma)
    let weights = torch.linspace(-1.0, 2.0, restored.numel (), dtype = x.dtype).reshape restored.shape
    let loss = (weights * ((restored - at) / sigma.unsqueeze 1L).square()).sum()
    let inputs = Array.append [| at |] [| for weight in net.parameters () -> weight :> torch.Tensor |]
    codes :: restored.detach () :: List.ofSeq (torch.autograd.grad ([| loss |], inputs))

let private sizes = [ 19, 2, 1L, 1L, 1L; 33, 3, 37L, 2L, 2L; 64, 4, 100L, 17L, 5L ]

let private agree judged known =
    for width, depth, count, numbers, codes in sizes do
        use _ = torch.NewDisposeScope()
        let x, sigma = rows 7UL count numbers, noise count
        let ours = pass (build judged width depth numbers codes float32) x sigma
        let theirs = pass (build known width depth numbers codes float64) (x.``to`` float64) (sigma.``to`` float64)
        // (r − x̃)/σ loses the roundings of x̃, 6e-8 at most, divided by σ of .01 at least: 1e-5 of numbers near one.
        let worst = List.map2 far ours theirs |> List.max
        must $"{judged}, width {width}, {count} rows: {worst:g3} from autograd, 5e-5 is allowed" (worst < 5e-5)

let private sigmas = torch.tensor ([| 0.05f; 0.3f; 1.0f |])

/// Value and slope of the energies on tiles, or with a graph.
let private energies tiled activation noise width depth (count: int64) (numbers: int64) (codes: int64) precision =
    let net, h = build activation width depth numbers codes precision, decoder activation width numbers codes precision
    let error = ReconstructionError(net, h, sigmas.``to`` precision, noise, [| numbers |])
    let level = (new Rng(8UL)).Integers(3L, count)
    let drawn = new Rng(9UL)
    let at name (energy: Energy) (x: torch.Tensor) =
        let x = x.``to`` precision
        must $"{name} has no form on tiles" (not tiled || not (isNull (box (energy.Tiled x))))
        let struct (value, slope) = energy.WithSlope x
        [ value; slope ]
    at "texture" (error.Texture(level, drawn)) (rows 7UL count numbers)
    @ at "semantic" (error.Semantic(level, drawn)) (rows 10UL count codes)
    @ at "noiseless" (error.Noiseless 1) (rows 7UL count numbers)

let private energiesAgree judged known =
    for width, depth, count, numbers, codes in sizes do
        use _ = torch.NewDisposeScope()
        let ours = energies true judged EnergyNoise.None width depth count numbers codes float32
        let theirs = energies false known EnergyNoise.None width depth count numbers codes float64
        let worst = List.map2 far ours theirs |> List.max
        must $"{judged}, width {width}, {count} rows: {worst:g3} from autograd, 1e-5 is allowed" (worst < 1e-5)

let private kernels = [ Activation.Silu; Activation.LeakyRelu; Activation.Relu; Activation.Softplus; Activation.Tanh ]

let private same (a: torch.Tensor list) (b: torch.Tensor list) = List.forall2 (fun (a: torch.Tensor) (b: torch.Tensor) -> a.Equals b) a b

/// Singular values of ∂r/∂x̃ at a row of 64 numbers, largest first.
let private directions (spec: IAutoencoderSpec) codes =
    use _ = torch.NewDisposeScope()
    let net = (spec.Build(new Rng(11UL), [| 1L; 8L; 8L |], codes)).``to`` float64
    let x = ((new Rng(12UL)).Normal(1L, 1L, 8L, 8L).``to`` float64).requires_grad_()
    let restored = net.Restore(x, torch.tensor ([| 0.4 |], dtype = float64)).flatten()
    let slope (i: int64) = (torch.autograd.grad ([| restored[i] |], [| x |], retain_graph = true))[0]
    let slopes = torch.stack [| for i in 0L .. 63L -> (slope i).flatten() |]
    (torch.linalg.svdvals slopes).data<float>().ToArray()

/// Rounding leaves 1e-12 of the first.
let private throughCode spec =
    let found = directions spec 5L
    let significant = found |> Array.filter (fun s -> s > 1e-10 * found[0]) |> Array.length
    must $"{significant} directions pass a code of 5 numbers" (significant = 5)

let all = [
    law "a code autoencoder restores rows from the code alone: r moves in as many directions as a code has numbers" (fun () ->
        throughCode (CodeAutoencoderSpec 8))
    |> breaks "an autoencoder with a way past its code" (fun () -> throughCode (ConvAutoencoderSpec 8))

    law "an autoencoder's kernel gives autograd's codes, restored rows and gradients of input and weights" (fun () ->
        for activation in kernels do
            agree activation activation)
    |> breaks "another activation" (fun () -> agree Activation.Silu Activation.Gelu)

    law "texture and semantic energies on tiles have autograd's value and slope" (fun () ->
        for activation in kernels do
            energiesAgree activation activation)
    |> breaks "another activation" (fun () -> energiesAgree Activation.Silu Activation.Softplus)

    law "with noise fixed per chain, the energy on tiles is |x − r(x + σξ)|²/2σ² with its slope by autograd" (fun () ->
        use _ = torch.NewDisposeScope()
        let count, numbers = 37L, 3L
        let net = build Activation.Silu 33 3 numbers 2L float32
        let double = build Activation.Silu 33 3 numbers 2L float64
        let error = ReconstructionError(net, decoder Activation.Silu 8 numbers 2L float32, sigmas, EnergyNoise.Fixed, [| numbers |])
        let level = (new Rng(8UL)).Integers(3L, count)
        let energy = error.Texture(level, new Rng(9UL))
        let x = rows 7UL count numbers
        let xi, sigma = ((new Rng(9UL)).Normal(count, numbers)).``to``(float32).``to`` float64, (sigmas[level]).``to`` float64
        let spread = sigma.unsqueeze 1L
        let byHand = Energy(fun x -> (x - double.Restore(x + spread * xi, sigma)).square().sum(1L) / (2.0 * sigma.square ()))
        must "no form on tiles" (not (isNull (box (energy.Tiled x))))
        let struct (value, slope) = energy.WithSlope x
        let struct (value', slope') = byHand.WithSlope(x.``to`` float64)
        must $"value {far value value':g3}, slope {far slope slope':g3}" (far value value' < 1e-5 && far slope slope' < 1e-5))

    law "noise drawn at every evaluation has no form on tiles" (fun () ->
        use _ = torch.NewDisposeScope()
        let net, h = build Activation.Silu 8 2 2L 2L float32, decoder Activation.Silu 8 2L 2L float32
        let error = ReconstructionError(net, h, sigmas, EnergyNoise.Fresh, [| 2L |])
        let level = torch.ones ([| 4L |], dtype = torch.int64)
        let tiled (energy: Energy) = energy.Tiled(rows 7UL 4L 2L)
        must "texture has" (isNull (box (tiled (error.Texture(level, new Rng(1UL))))))
        must "semantic has" (isNull (box (tiled (error.Semantic(level, new Rng(1UL)))))))

    law "an autoencoder's results have the same bits on any number of threads and at every vector width" (fun () ->
        use _ = torch.NewDisposeScope()
        let net = build Activation.Silu 37 3 3L 2L float32
        let x, sigma = rows 7UL 300L 3L, noise 300L
        let everything () = pass net x sigma @ energies true Activation.Silu EnergyNoise.Fixed 37 3 300L 3L 2L float32
        let whole = everything ()
        let threads, lanes = Machine.Threads, Vectors.Lanes

        try
            Machine.Threads <- 3
            must "three threads differ from one" (same (everything ()) whole)
            Machine.Threads <- 1

            for narrow in [ 16; 8; 4 ] do
                if Vectors.Has narrow then
                    Vectors.Lanes <- narrow
                    must $"{narrow} lanes differ from {lanes}" (same (everything ()) whole)
        finally
            Machine.Threads <- threads
            Vectors.Lanes <- lanes)

    law "a gradient of an autoencoder's gradient is autograd's" (fun () ->
        use _ = torch.NewDisposeScope()
        let steep precision =
            let net = build Activation.Silu 24 3 3L 2L precision
            let error =
                ReconstructionError(net, decoder Activation.Silu 8 3L 2L precision, sigmas.``to`` precision, EnergyNoise.None, [| 3L |])
            let score = (error.Noiseless 1).Score((rows 7UL 50L 3L).``to`` precision)
            let weights = [|
                for w in net.parameters () do
                    if w.ndim = 2L then w :> torch.Tensor
            |]
            List.ofSeq (torch.autograd.grad ([| score.square().sum() |], weights))
        let worst = List.map2 far (steep float32) (steep float64) |> List.max
        must $"{worst:g3} from double precision, 1e-4 is allowed" (worst < 1e-4))

    law "NaN in a row stays in that row's energy and shows in the gradients of the weights" (fun () ->
        use _ = torch.NewDisposeScope()
        let net = build Activation.Silu 24 3 3L 2L float32
        let x = rows 7UL 40L 3L
        x[7L, 1L] <- torch.tensor nanf
        let error = ReconstructionError(net, decoder Activation.Silu 8 3L 2L float32, sigmas, EnergyNoise.None, [| 3L |])
        let struct (value, slope) = (error.Noiseless 0).WithSlope x
        let bad = value.isnan ()
        must "another row has NaN, or this one has none" (bad.sum().item<int64>() = 1L && (bad[7L]).item<bool>())
        must "the slope of another row has NaN" (slope.isnan().any(1L).sum().item<int64>() = 1L)
        let gradients = List.skip 3 (pass net x (noise 40L))
        must "the gradient of the weights is finite" (gradients.Head.isnan().any().item<bool>()))
]
