/// The timed workloads besides training steps, written as a user writes them. `reference.py` does the same arithmetic.
module Ebm.Bench.Workloads

open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Methods
open Ebm.Nets

let private rng seed = new Rng(seed)

let private frozen<'net when 'net :> torch.nn.Module> (net: 'net) =
    for parameter in net.parameters () do
        parameter.requires_grad <- false

    net

/// An MLP d-w-w-1 whose parameters need no gradient, because only the slope in x is used.
let private net (dimension: int64) (width: int) = frozen (MlpSpec(Width = width, Depth = 2).Build(rng 1UL, [| dimension |], [| 1L |]))

/// Multiply-adds of one pass through the MLP, times two: forward, and back to the input.
let flops (dimension: int64) (width: int) (batch: int64) =
    let width = int64 width
    2.0 * 2.0 * float batch * float (dimension * width + width * width + width)

/// The steps of a chain, as in samplers; the clock measures one call for all.
let private chain (kernel: IKernel) (energy: Energy) (batch: int64) dimension : Paired.Timed =
    let noise = rng 2UL
    let mutable x = noise.Normal(batch, dimension)

    fun count ->
        Paired.took (fun () ->
            let moved = kernel.Run(energy, x, count, noise)
            x.Dispose()
            x <- moved)

/// Unadjusted Langevin of a batch.
let langevin dimension width batch = chain (Unadjusted(Langevin(torch.tensor 0.01f, 1.0))) (Energy.Of(net dimension width)) batch dimension

/// The same as a plain loop over TorchSharp, without this project: what a user of its operators would write.
let plain width (batch: int64) : Paired.Timed =
    let linear (inputs: int) (outputs: int) = frozen (torch.nn.Linear(inputs, outputs))
    let layers = [ linear 2 width; linear width width; linear width 1 ]

    let energy x = (layers[0].call x, layers.Tail) ||> List.fold (fun h layer -> layer.call (torch.nn.functional.silu h))

    let step, spread = torch.tensor 0.01f, torch.tensor (sqrt 0.02f)
    let mutable x = torch.randn [| batch; 2L |]

    Paired.clocked (fun () ->
        use _ = torch.NewDisposeScope()
        let at = x.detach().requires_grad_()
        let slope = torch.autograd.grad([| (energy at).sum() |], [| at |])[0]
        let moved = at.detach () - step * slope + spread * torch.randn_like at
        x.Dispose()
        x <- moved.MoveToOuterDisposeScope())

/// Metropolis-adjusted Langevin.
let mala width batch = chain (Metropolis(Langevin(torch.tensor 0.01f, 1.0))) (Energy.Of(net 2L width)) batch 2L

/// Hamiltonian Monte Carlo with five leapfrog steps.
let hmc width batch = chain (Metropolis(Leapfrog(torch.tensor 0.1f, 5, 1.0))) (Energy.Of(net 2L width)) batch 2L

let private withSlope (energy: Energy) (x: torch.Tensor) : Paired.Timed =
    Paired.clocked (fun () ->
        let struct (value, slope) = energy.WithSlope x
        value.Dispose()
        slope.Dispose())

/// Energy and slope alone, without a chain: the kernel.
let slope width (batch: int64) = withSlope (Energy.Of(net 2L width)) ((rng 2UL).Normal(batch, 2L))

/// Energy and slope of a denoising autoencoder's reconstruction error, of rows (texture) or of codes (semantic).
let autoencoder isOfCodes (batch: int64) =
    let net = frozen (MlpAutoencoderSpec().Build(rng 1UL, [| 2L |], 2L))
    let decoder = frozen (MlpSpec().Build(rng 2UL, [| 2L |], [| 2L |]))
    let error = ReconstructionError(net, decoder, torch.tensor [| 0.2f |], EnergyNoise.None, [| 2L |])
    let level = torch.zeros ([| batch |], dtype = torch.int64)
    let energy = if isOfCodes then error.Semantic(level, rng 3UL) else error.Texture(level, rng 3UL)
    withSlope energy ((rng 4UL).Normal(batch, 2L))

/// Energy and slope of a spline flow's density.
let flow (batch: int64) =
    withSlope (frozen (SplineFlowSpec(InputScale = 3.0).Build(rng 1UL, [| 2L |]))).Density ((rng 2UL).Normal(batch, 2L))

/// Energy and slope of the small convolutional energy.
let convolutional (side: int64) (channels: int64) (batch: int64) (precision: Precision) : Paired.Timed =
    let spec = ConvEnergySpec(Activation = Activation.LeakyRelu, Precision = precision)
    let net = frozen (spec.Build(rng 1UL, [| channels; side; side |], [| 1L |]))
    withSlope (Energy.Of net) ((rng 2UL).Normal(batch, channels, side, side))

let private channelsLast (x: torch.Tensor) = x.permute(0L, 2L, 3L, 1L).contiguous().permute(0L, 3L, 1L, 2L)

/// The same energy in float32 with channels last, in libtorch's operators alone.
let plainConvolutional (side: int64) (channels: int64) (batch: int64) : Paired.Timed =
    let weight (shape: int64[]) = torch.randn shape * torch.tensor 0.05f
    let kernels = [
        for shape in [ [| 32L; channels; 4L; 4L |]; [| 64L; 32L; 4L; 4L |]; [| 64L; 64L; 3L; 3L |] ] -> channelsLast (weight shape)
    ]
    let dense, last = weight [| 128L; 4L * side * side |], weight [| 1L; 128L |]
    let start = (rng 2UL).Normal(batch, channels, side, side)
    let active (x: torch.Tensor) = torch.nn.functional.leaky_relu (x, 0.2)

    let through (x: torch.Tensor) (kernel: torch.Tensor, stride: int64) =
        torch.nn.functional.conv2d (x, kernel, torch.zeros kernel.shape[0], strides = [| stride; stride |], padding = [| 1L; 1L |])
        |> active

    Paired.clocked (fun () ->
        use _ = torch.NewDisposeScope()
        let x = start.detach().requires_grad_()
        let features = List.fold through (channelsLast x) (List.zip kernels [ 2L; 2L; 1L ])
        let hidden = torch.nn.functional.linear (features.flatten 1L, dense, torch.zeros 128L) |> active
        torch.autograd.grad ([| torch.nn.functional.linear(hidden, last, torch.zeros 1L).sum() |], [| x |]) |> ignore)

/// Energy and slope of a stem and two residual blocks of 64 channels on 32×32 images, in libtorch's operators alone.
let residual (precision: torch.ScalarType) : Paired.Timed =
    let weights = [ for from in [ 3L; 64L; 64L; 64L; 64L ] -> (torch.randn (64L, from, 3L, 3L) * torch.tensor 0.05f).``to`` precision ]
    let start = torch.randn (64L, 3L, 32L, 32L)
    let active (x: torch.Tensor) = torch.nn.functional.leaky_relu (x, 0.2)
    let through (x: torch.Tensor) (weight: torch.Tensor) = torch.nn.functional.conv2d (x, weight, padding = [| 1L; 1L |])

    Paired.clocked (fun () ->
        use _ = torch.NewDisposeScope()
        let x = start.detach().requires_grad_()
        let at = (channelsLast x).``to`` precision
        let block (h: torch.Tensor) first second = h + through (active (through (active h) first)) second
        let h = block (block (through at weights[0]) weights[1] weights[2]) weights[3] weights[4]
        torch.autograd.grad ([| (active h).``to``(torch.float32).sum() |], [| x |]) |> ignore)

/// A level's draw for each row: the table of energies of all levels, and a draw from its softmax.
let levels (count: int64) (batch: int64) : Paired.Timed =
    let net = MlpSpec(InputScale = 3.0).Build(rng 1UL, [| 2L |], [| count |])
    let noise = rng 2UL
    let x = noise.Normal(batch, 2L)

    Paired.clocked (fun () ->
        use _ = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        noise.Categorical(-(net.call x)) |> ignore)

/// One operator on one number: the cost of a call.
let add () =
    let x, y = torch.ones (1L), torch.ones (1L)

    fun () ->
        use _ = x.add y
        ()

/// The machine's own peaks, GF/s.
type Peaks = { MultiplyAdd: float; Product: float; Product16: float; Convolution: float }

let private multiplyAdd () =
    let rounds = 1_000_000L
    let took = Paired.alone 7 0.1 (Paired.clocked (fun () -> MultiplyAddPeak.Run rounds |> ignore))
    float (rounds * MultiplyAddPeak.Operations) / took / 1e9

let peaks seconds =
    let n = 1024L

    let product dtype =
        let a, b = torch.randn([| n; n |]).``to``(dtype: torch.ScalarType), torch.randn([| n; n |]).``to`` dtype
        let took = Paired.alone 5 seconds (Paired.clocked (fun () -> use _ = torch.matmul (a, b) in ()))
        2.0 * float (n * n * n) / took / 1e9

    let image, kernel = torch.randn (64L, 64L, 32L, 32L), torch.randn (64L, 64L, 3L, 3L)

    let convolution =
        Paired.alone 5 seconds (Paired.clocked (fun () -> use _ = torch.nn.functional.conv2d (image, kernel, padding = [| 1L; 1L |]) in ()))

    {
        MultiplyAdd = multiplyAdd ()
        Product = product torch.float32
        Product16 = product torch.bfloat16
        Convolution = 2.0 * 64.0 * 64.0 * 9.0 * float (64L * 32L * 32L) / convolution / 1e9
    }
