/// The timed workloads, written as a user writes them. `reference.py` does the same arithmetic.
module Ebm.Bench.Workloads

open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Nets

let private scoped work =
    use _ = torch.NewDisposeScope()
    work ()

let private site (dimension: int64) (seed: uint64) = Site([| dimension |], torch.CPU, new Rng(seed), "")

/// An MLP d-128-128-1 whose parameters need no gradient, because only the slope in x is used.
let private net (dimension: int64) =
    let net = MlpSpec(Width = 128, Depth = 2).Build(new Rng 1UL, [| dimension |], [| 1L |])

    for parameter in net.parameters () do
        parameter.requires_grad <- false

    net

/// Multiply-adds of one pass through `net`, times two: forward, and back to the input.
let flops (dimension: int64) (batch: int64) = 2.0 * 2.0 * float batch * float (dimension * 128L + 128L * 128L + 128L)

/// One unadjusted Langevin step of a batch.
let langevin dimension (batch: int64) =
    let net = net dimension
    let energy = Energy(fun x -> net.call(x).squeeze 1L)
    let kernel = Unadjusted(Langevin(torch.tensor 0.01f, 1.0))
    let rng = new Rng 2UL
    let mutable x = rng.Normal(batch, dimension)

    // A chain of many steps, as in samplers; the clock measures one call for all.
    fun count ->
        let clock = System.Diagnostics.Stopwatch.StartNew()
        let moved = kernel.Run(energy, x, count, rng)
        x.Dispose()
        x <- moved
        clock.Elapsed.TotalSeconds

/// One training step of joint time-sample contrastive divergence, as in the trainer: iterate, differentiate, step.
let jointCd dimension (batch: int64) (levels: int) steps =
    let spec =
        JointCdSpec(
            LevelMlpSpec(Width = 128, Depth = 3, InputScale = 3.0),
            VariancePreservingSpec(Levels = levels),
            Steps = steps,
            Rounds = 1,
            Start = Start.Hybrid,
            FromData = 0.3,
            FromNoise = 0.05,
            Memory = 10_000,
            Adjusted = true,
            Negative = Negative.LogSumExp
        )

    let method = spec.Build(site dimension 1UL)
    let rng = new Rng 3UL
    let data = Batches(rng.Normal(20_000L, dimension), batch, rng.Stream "batches")
    let optimizer = torch.optim.Adam(method.Parts["energy"].parameters(), lr = 1e-3)
    let mutable step = 0L

    fun () ->
        scoped (fun () ->
            step <- step + 1L

            for update in method.Iterate(data, rng.Stream step) do
                optimizer.zero_grad ()
                update.Loss.backward ()
                optimizer.step () |> ignore)

/// One operator on one number: the cost of a call.
let add () =
    let x, y = torch.ones (1L), torch.ones (1L)

    fun () ->
        use _ = x.add y
        ()

/// GF/s of the fastest matrix product and convolution on this machine, for scale.
let roofline seconds =
    let n = 1024L
    let a, b = torch.randn (n, n), torch.randn (n, n)
    let product = Paired.alone 5 seconds (Paired.clocked (fun () -> use _ = torch.matmul (a, b) in ()))
    let image, kernel = torch.randn (64L, 64L, 32L, 32L), torch.randn (64L, 64L, 3L, 3L)

    let convolution =
        Paired.alone 5 seconds (Paired.clocked (fun () -> use _ = torch.nn.functional.conv2d (image, kernel, padding = [| 1L; 1L |]) in ()))

    2.0 * float (n * n * n) / product / 1e9, 2.0 * 64.0 * 64.0 * 9.0 * float (64L * 32L * 32L) / convolution / 1e9
