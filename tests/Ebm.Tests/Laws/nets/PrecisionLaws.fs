/// Convolutional nets in bfloat16: products are rounded, and nothing else is. Energies and slopes deviate by the roundings of their layers, chains have
/// the distribution of float32, and training keeps float32 weights, optimizer state and averages.
module Ebm.Tests.Laws.PrecisionLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Nets
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Folder
open Ebm.Tests.Law
open Ebm.Tests.World

/// Half the distance of two neighbours, relative to a number.
let private rounding = Math.ScaleB(1.0, -9)

let private image = [| 1L; 8L; 8L |]

let private energy (shape: int64[]) precision =
    let net = ConvEnergySpec(8, 32, Activation.Silu, precision).Build(new Rng(3UL, device), shape, [| 1L |])
    // Weights of twice their initial size: the energy is far from linear.
    use _ = torch.no_grad ()
    for weight in net.parameters () do
        weight.mul_ (2.0f.ToTensor()) |> ignore
    net

let private evaluated (net: torch.nn.Module<Tensor, Tensor>) (x: Tensor) =
    let struct (value, slope) = (Energy.Of net).WithSlope x
    [ "energy", value; "slope", slope ]

/// The distance of two tensors, relative to the spread of the first.
let private apart (due: Tensor) (found: Tensor) =
    must $"{found.dtype} instead of float32" (found.dtype = torch.float32)
    value (((found - due).square().mean().sqrt()) / due.std ())

/// Four products forward, each of a rounded input, a rounded weight and a rounded result, and an activation; the slope has as many backward. In the worst case
/// all of them add up.
let private deviates (change: torch.nn.Module<Tensor, Tensor> -> unit) =
    use full = energy image Precision.Float32
    use half = energy image Precision.Bfloat16
    change half
    let x = (new Rng(4UL, device)).Normal([| 64L; yield! image |])

    for (name, due), (_, found) in List.zip (evaluated full x) (evaluated half x) do
        let passes = if name = "energy" then 1.0 else 2.0
        let far, most = apart due found, passes * 4.0 * 4.0 * rounding
        must $"the {name} deviates by {far:g3} of its spread, {most:g3} is allowed" (far < most)
        must $"the {name} is that of float32, so no product was rounded" (far > 0.0)

// ── chains ───────────────────────────────────────────────────────────────────────────────

/// A confined energy of images of 4 × 4 far above zero, where neighbours in bfloat16 are 16 apart.
let private target (lowered: Tensor -> Tensor) precision =
    let net = energy [| 1L; 4L; 4L |] precision
    let whole = Energy.Of net + Energy.Confinement 1.0
    Energy(
        (fun x -> lowered (whole.Of x + 3000.0f.ToTensor())),
        fun x ->
            let struct (value, slope) = whole.WithSlope x
            struct (lowered (value + 3000.0f.ToTensor()), slope)
    )

let private chains = 1000L

/// Numbers of the last positions of independent chains, by a name.
let private ends (kernel: IKernel) (energy: Energy) (start: Tensor) steps seed =
    let judge = target id Precision.Float32
    let ends = kernel.Run(energy, start, steps, new Rng(seed, device))
    must $"states are {ends.dtype}" (ends.dtype = torch.float32)
    let rows = ends.flatten 1L

    [
        "mean of a row", values (rows.mean [| 1L |])
        "square of a row", values ((rows - start.flatten 1L).square().mean [| 1L |])
        "energy", values (use _ = torch.no_grad () in judge.Of ends)
    ]

/// Means over independent chains differ by the errors of both means alone. The two energies differ by far less than these errors.
let private alike kernel energy start steps =
    for (name, due), (_, found) in
        List.zip (ends kernel (target id Precision.Float32) start steps 11UL) (ends kernel energy start steps 12UL) do
        Close.near $"{name} after {steps} steps" 0.0 (Close.mean due - Close.mean found)

let private adjusted energy =
    let step = 0.3f.ToTensor()
    alike (Metropolis(Langevin(step, 1.0))) energy ((new Rng(5UL, device)).Normal(chains, 1L, 4L, 4L)) 40

/// Steps of a 500th of the state, as chains on images have: a quarter of the distance of neighbours in bfloat16.
let private small (moved: IKernel -> IKernel) =
    let step = 2e-6f.ToTensor()
    let start = torch.full ([| chains; 1L; 4L; 4L |], scalar 1.5, dtype = torch.float32, device = device)
    let kernel = moved (Unadjusted(Langevin(step, 1.0)))
    let energy = target id
    let reference = ends (Unadjusted(Langevin(step, 1.0))) (energy Precision.Float32) start 20 11UL

    for (name, due), (_, found) in List.zip reference (ends kernel (energy Precision.Bfloat16) start 20 12UL) do
        Close.near $"{name} of small steps" 0.0 (Close.mean due - Close.mean found)

let private rounded (x: Tensor) = x.``to``(torch.bfloat16).``to`` torch.float32

/// A kernel whose states are bfloat16.
let private coarse (kernel: IKernel) = {
    new IKernel with
        member _.Step(energy, state, rng) =
            let struct (next, accepted) = kernel.Step(energy, state, rng)
            struct (ChainState(rounded next.Position), accepted)
}

// ── training ─────────────────────────────────────────────────────────────────────────────

/// Names and dtypes of the tensors of a checkpoint after some steps of training, and the weights.
let private trained (precision: string) (change: Method -> unit) =
    let document, _ =
        EveryMethod.composed [ "method=contrastive-divergence"; "energy=conv"; $"method.energy.precision={precision}"; "method.steps=2" ]
    let spec = (Catalog.Load []).Build<ISpec<Method>>(document, "method")
    let method = spec.Build(Site(image, device, rng "method", dataRoot))
    let train = TrainSpec(Steps = Nullable 10L, Batch = 8L, Lr = 1e-4)
    use optimizers = new Optimizers(method, train)
    use averages = new Averages(method, train.Average)
    let batches = Batches((rng "rows").Normal([| 16L; yield! image |]), 8L, rng "batches")
    let trainer = Trainer(method, batches, optimizers, averages, Health(train.Health, 1L), train, rng "training")

    for _ in 1..3 do
        trainer.Advance(fun () -> true) |> ignore
        change method

    [
        for entry in method.state_dict () do
            $"method {entry.Key}: {entry.Value.dtype}"
        for struct (name, value) in optimizers.Memory() do
            $"optimizer {name}: {value.dtype}"
        for struct (name, value) in averages.Memory() do
            $"average {name}: {value.dtype}"
    ],
    torch.cat [| for weight in method.parameters () -> weight.detach().flatten() |]

let private masters (change: Method -> unit) =
    let due, _ = trained "fp32" ignore
    let found, weights = trained "bf16" change
    must "a checkpoint in bf16 has other tensors than one in fp32" (found = due)
    let between = value ((weights.ne (rounded weights)).``to``(torch.float64).mean())
    must $"{between:p0} of the weights are no numbers of bfloat16" (between > 0.9)

// ── words ────────────────────────────────────────────────────────────────────────────────

let private resolved (kind: string) (settings: string) =
    let run =
        (Catalog.Load [])
            .Resolve<ExperimentSpec>(
                Document.Parse(
                    $"data: {{ kind: gaussians }}\nmethod: {{ kind: joint-cd, energy: {{ kind: {kind}{settings} }}, noise: {{ kind: variance-preserving }} }}",
                    "x.yaml"
                )
            )

    string (run.Document.Find "method.energy.precision"), (Identity.Of run.Identity).RunId

let all = [
    law
        "a convolutional energy in bf16 and its slope deviate from float32 by the roundings of their products"
        (inSingle (fun () -> deviates ignore))
    |> breaks
        "weights of four bits"
        (inSingle (fun () ->
            deviates (fun net ->
                use _ = torch.no_grad ()

                for weight in net.parameters () do
                    // Adding and subtracting 3·2^k x rounds x to few bits.
                    let far = weight * 1048576.0f.ToTensor()
                    weight.copy_ (weight + far - far) |> ignore)))

    law
        "adjusted chains on a convolutional energy in bf16 have the distribution of float32"
        (inSingle (fun () -> adjusted (target id Precision.Bfloat16)))
    |> breaks "energies in bfloat16" (inSingle (fun () -> adjusted (target rounded Precision.Bfloat16)))

    law "small unadjusted steps along a slope in bf16 move chains as in float32" (inSingle (fun () -> small id))
    |> breaks "steps added in bfloat16" (inSingle (fun () -> small coarse))

    law "training in bf16 keeps weights, moments and averages in float32" (inSingle (fun () -> masters ignore))
    |> breaks
        "weights rounded after each update"
        (inSingle (fun () ->
            masters (fun method ->
                use _ = torch.no_grad ()

                for weight in method.parameters () do
                    weight.copy_ (rounded weight) |> ignore)))

    law "fp32 and bf16 are words for float32 and bfloat16, and give the same runs" (fun () ->
        let word, id = resolved "level-conv" ""
        must $"the default is {word}" (word = "float32")
        for word, same in [ "fp32", "float32"; "bf16", "bfloat16" ] do
            let written, other = resolved "level-conv" $", precision: {word}"
            must $"{word} is written as {written}" (written = same)
            must $"{word} gives another run than {same}" (other = snd (resolved "level-conv" $", precision: {same}"))
            must $"{word}: the run's id must depend on it" ((other = id) = (word = "fp32"))
        throws<ConfigException, _> [ "float32 (fp32) or bfloat16 (bf16)"; "did you mean bf16?" ] (fun () ->
            resolved "level-conv" ", precision: fb16"))
]
