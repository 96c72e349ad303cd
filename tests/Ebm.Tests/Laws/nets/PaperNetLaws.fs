/// The networks of the papers: weights by their tables of layers, shapes on every size of image, rows that do not see each other, and beginnings.
module Ebm.Tests.Laws.PaperNetLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private meta = torch.META
let private nowhere () = new Rng(1UL, meta)
let private t6 () = BetaSchedules.Released(6).To meta
let private cifar = [| 3L; 32L; 32L |]

let private weights (net: torch.nn.Module) = net.parameters () |> Seq.sumBy _.numel()

// Weights of layers, with biases.
let private conv from to' kernel = from * to' * kernel * kernel + to'
let private dense from to' = from * to' + to'
let private batchNorm channels = 2L * channels

/// Widths of residual blocks: pairs of channels before and after each.
let private pairs (width: int64) blocks (multipliers: int64 list) =
    let widths = [
        for m in multipliers do
            yield! List.replicate blocks (m * width)
    ]
    List.zip (width :: List.take (widths.Length - 1) widths) widths

/// Recovery likelihood's network: its code has no published count, so this is the sum over the code's layers. `gain` is the learned factor of each channel
/// of a block's second convolution.
let private recoveryTable (width: int64) blocks multipliers channels (gain: int64) =
    let told = 4L * width
    let last = width * List.last multipliers

    let blocks = [
        for from, to' in pairs width blocks multipliers ->
            conv from to' 3L + conv to' to' 3L + gain * to' + dense told to' + (if from = to' then 0L else conv from to' 3L)
    ]

    dense width told + dense told told + dense told last + conv channels width 3L + List.sum blocks

let private recovery (width: int) (blocks: int) (multipliers: int list) spectral =
    let trunk = ResidualTrunkSpec(width, blocks, Array.ofList multipliers, Activation.LeakyRelu, spectral)
    LevelResNetTimeSpec(trunk).Build(nowhere (), cifar, t6 ())

/// DAEBM's network with a head for each level instead of an embedding.
let private headsTable (width: int64) multipliers channels levels =
    let blocks = [
        for from, to' in pairs width 1 multipliers -> conv from to' 3L + conv to' to' 3L + (if from = to' then 0L else conv from to' 3L)
    ]

    conv channels width 3L + List.sum blocks + dense (width * List.last multipliers) levels

let private spectralResNetTable (w: int64) = conv 3L w 3L + 7L * conv w w 3L + conv 3L w 1L + conv w w 1L + dense w 1L

let private spectralConvTable (w: int64) =
    let scales = [ for m in [ 1L; 2L; 4L ] -> conv (m * w) (2L * m * w) 4L + conv (2L * m * w) (2L * m * w) 3L ]
    conv 3L w 3L + List.sum scales + dense (8L * w * 16L) 1L

let private resNetGeneratorTable (w: int64) = dense 100L (w * 16L) + 6L * conv w w 3L + 7L * batchNorm w + conv w 3L 3L

let private transposedTable (w: int64) =
    let scales = [ for m in [ 8L; 4L; 2L ] -> batchNorm (m * w) + conv (m * w) (m * w / 2L) 4L ]
    dense 100L (8L * w * 16L) + List.sum scales + batchNorm w + conv w 3L 3L

let private counts (blocks: int) =
    let must what (due: int64) (table: int64) (net: torch.nn.Module) =
        use _ = torch.NewDisposeScope()
        let found = weights net
        must $"{what} has {found} weights, {table} by its table of layers, {due} in its documentation" (found = table && table = due)

    let widths = [ 1L; 2L; 2L; 2L ]
    must
        "recovery likelihood's network"
        34_833_408L
        (recoveryTable 128L 8 widths 3L 1L)
        (recovery 128 blocks [ 1; 2; 2; 2 ] (SpectralNormSpec()))
    let trunk = ResidualTrunkSpec(128, 1, [| 1; 2; 2; 2 |])
    let heads = LevelResNetSpec(trunk).Build(nowhere (), [| 1L; 28L; 28L |], NoiseSchedule.VariancePreserving(0.1, 0.9, 51).To meta)
    let table = headsTable 128L widths 1L 51L
    must "DAEBM's network with heads" table table heads
    must
        "the energy of generalized energy-based models"
        1_053_825L
        (spectralResNetTable 128L)
        (SpectralResNetSpec(128).Build(nowhere (), cifar, [| 1L |]))
    must "SNGAN's convolutional energy" 5_860_865L (spectralConvTable 64L) (SpectralConvSpec(64).Build(nowhere (), cifar, [| 1L |]))
    must
        "the base of generalized energy-based models"
        1_097_603L
        (resNetGeneratorTable 128L)
        (ResNetGeneratorSpec(100, 128).Build(nowhere (), cifar))
    must "SNGAN's convolutional generator" 3_584_003L (transposedTable 64L) (TransposedConvGeneratorSpec(100, 64).Build(nowhere (), cifar))

/// Outputs of all networks, with few channels, on images of a size.
let private fits (image: int64[]) =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let rng, count = rng "fits", 2L
    let rows = torch.zeros (Array.append [| count |] image, device = device)
    let level = torch.ones ([| count |], dtype = torch.int64, device = device)
    let noise = torch.ones (count, device = device)

    let expects what (due: int64 list) (found: Tensor) =
        let shown (shape: seq<int64>) = String.Join(", ", shape)
        must $"{what} on ({shown image}): ({shown found.shape}), not ({shown due})" (List.ofArray found.shape = due)

    let rowsOf = count :: List.ofArray image

    for multipliers in [ [| 1; 2; 2 |]; [| 1; 2; 2; 2 |]; [| 1; 2; 2; 2; 4 |] ] do
        let trunk = ResidualTrunkSpec(4, 2, multipliers, Activation.LeakyRelu, SpectralNormSpec())
        let time = LevelResNetTimeSpec(trunk, TimeCode.Angle).Build(rng, image, (BetaSchedules.Released(6).To device))
        expects "level-resnet-time" [ count ] (time.At(rows, level))
        expects "level-resnet-time, all levels" [ count; 7L ] (time.All rows)
        expects "level-resnet" [ count; 7L ] (LevelResNetSpec(trunk).Build(rng, image, (BetaSchedules.Released(6).To device)).All rows)
        expects "resnet-energy" [ count; 1L ] (ResNetEnergySpec(trunk).Build(rng, image, [| 1L |]).call rows)

    for net in [ SpectralResNetSpec 4 :> INetSpec; SpectralConvSpec 4 ] do
        expects $"{net.GetType().Name}" [ count; 1L ] (net.Build(rng, image, [| 1L |]).call rows)

    let latents = torch.zeros (count, 100L, device = device)

    for net in [ ResNetGeneratorSpec(100, 4) :> IGeneratorSpec<GeneratorNet>; TransposedConvGeneratorSpec(100, 4) ] do
        expects $"{net.GetType().Name}" rowsOf (net.Build(rng, image).call latents)

    let autoencoder = UNetAutoencoderSpec(UNetSpec(4, 2)).Build(rng, image, 5L)
    expects "unet-autoencoder's code" [ count; 5L ] (autoencoder.Encode(rows, noise))
    expects "unet-autoencoder" rowsOf (autoencoder.Restore(rows, noise))
    expects
        "resnet-decoder"
        rowsOf
        (ResNetDecoderSpec(UNetSpec 4).Build(rng, [| 5L |], image).call(torch.zeros (count, 5L, device = device)))
    let told = Array.append [| image[0] + 2L |] image[1..]
    expects
        "unet"
        rowsOf
        (UNetMapSpec(UNetSpec 4).Build(rng, told, image).call(torch.zeros (Array.append [| count |] told, device = device)))
    let flow = MultiScaleFlowSpec(Scales = 3, Width = 4).Build(rng, image)
    let size = image |> Array.reduce (*)
    let struct (z, volume) = flow.Pull rows
    expects "multi-scale-flow's latents" [ count; size ] z
    expects "multi-scale-flow's volume" [ count ] volume
    let struct (x, _) = flow.Push z
    expects "multi-scale-flow" rowsOf x

/// Energies and generated rows of a batch are those of its rows alone: chains run many rows at once.
let private apart (prepare: torch.nn.Module -> unit) =
    use _ = torch.no_grad ()
    let image = [| 1L; 8L; 8L |]
    let x = (rng "rows").Normal(4L, 1L, 8L, 8L)
    let level = repeated 4L 1
    let noise = torch.full ([| 4L |], scalar 0.3, device = device)

    let agree what (net: torch.nn.Module) (of': Tensor -> Tensor -> Tensor) (inputs: Tensor) =
        prepare net
        let whole = of' inputs level
        let alone = of' (inputs.narrow (0L, 2L, 1L)) (level.narrow (0L, 2L, 1L))
        // A convolution of another batch sums in another order: hundreds of terms, some layers deep.
        Close.same $"{what}, a row alone" 10_000 (whole.narrow (0L, 2L, 1L)) alone

    let plain (net: torch.nn.Module<Tensor, Tensor>) what inputs = agree what net (fun x _ -> net.call x) inputs
    plain (SpectralResNetSpec(4).Build(rng "net", image, [| 1L |])) "spectral-resnet" x
    plain (SpectralConvSpec(4).Build(rng "net", image, [| 1L |])) "spectral-conv" x
    plain (ResNetEnergySpec(ResidualTrunkSpec 4).Build(rng "net", image, [| 1L |])) "resnet-energy" x
    let z = (rng "latents").Normal(4L, 6L)
    plain (ResNetGeneratorSpec(6, 4).Build(rng "net", image)) "resnet-generator" z
    plain (TransposedConvGeneratorSpec(6, 4).Build(rng "net", image)) "transposed-conv-generator" z
    plain (ResNetDecoderSpec(UNetSpec 4).Build(rng "net", [| 6L |], image)) "resnet-decoder" z
    let noises = NoiseSchedule.VariancePreserving(0.1, 0.9, 4)
    let time = LevelResNetTimeSpec(ResidualTrunkSpec(4, Spectral = SpectralNormSpec())).Build(rng "net", image, noises)
    agree "level-resnet-time" time (fun x level -> time.At(x, level)) x
    let autoencoder = UNetAutoencoderSpec(UNetSpec 4).Build(rng "net", image, 3L)
    agree "unet-autoencoder" autoencoder (fun x _ -> autoencoder.Restore(x, noise.narrow (0L, 0L, x.shape[0]))) x

let private noises () = NoiseSchedule.VariancePreserving(0.1, 0.9, 5)

/// With second convolutions near zero, every block begins as its shortcut, so what the blocks are told does not matter at the beginning.
let private begins (blocks: bool) =
    use _ = torch.no_grad ()
    let trunk = if blocks then ResidualTrunkSpec(4, 2, [| 1; 2 |], Spectral = SpectralNormSpec()) else ResidualTrunkSpec(4, 2, [| 1; 2 |])
    let net = LevelResNetTimeSpec(trunk).Build(rng "net", [| 1L; 8L; 8L |], noises ())
    net.eval ()
    let x = (rng "rows").Normal(1L, 1L, 8L, 8L)
    let without = net.All x
    for parameter in net.named_parameters () do
        if parameter.ToTuple() |> fst |> _.Contains("embedded") then
            // Not zeroed: a spectral norm divides by the largest singular value.
            (parameter.ToTuple() |> snd).neg_() |> ignore
    let difference = value ((net.All x - without).abs().max() / without.abs().max())
    must $"what the blocks are told changes energies by {difference:G3} at the beginning; 1e-3 is allowed" (difference < 1e-3)

/// Whether the averages of a base's norms change, in updates of the energy and of the base.
let private normsLearn (spec: GeneratorNet -> unit) =
    let generator = ResNetGeneratorSpec(4, 4, 1)

    let method =
        Ebm.Methods
            .GeneralizedEbmSpec(
                generator,
                SpectralResNetSpec 4,
                Ebm.Methods.BaseLearning.Kale,
                Bound = Ebm.Methods.Bound.DonskerVaradhan,
                EnergySteps = 2
            )
            .Build(Site([| 1L; 8L; 8L |], device, rng "gebm", ""))

    let gebm = method :?> Ebm.Methods.GeneralizedEbm
    let averages () = [
        for struct (name, b) in gebm.Base.named_buffers () do
            if name.Contains "running" then yield! values b
    ]
    let norm () = [
        for struct (name, b) in method.named_buffers () do
            if name.EndsWith ".u" then yield! values b
    ]
    method.train ()
    let batches = Batches((rng "data").Normal(16L, 1L, 8L, 8L), 8L, rng "batches")
    let mutable before = averages (), norm ()

    for update in method.Iterate(batches, rng "step") do
        spec gebm.Base
        let now = averages (), norm ()
        let learns = update.Part = "base"
        must $"{update.Part}: averages of the base's norms changed: {fst now <> fst before}" ((fst now <> fst before) = learns)
        must $"{update.Part}: the energy's spectral norm changed: {snd now <> snd before}" ((snd now <> snd before) = not learns)
        before <- now

let all = [
    law "the networks of the papers have as many weights as their tables of layers" (fun () -> counts 8)
    |> breaks "a block fewer" (fun () -> counts 7)

    law "networks of the papers fit images of 1 and 3 channels and 28, 32 and 64 pixels" (fun () ->
        inSingle
            (fun () ->
                for image in [ [| 1L; 28L; 28L |]; [| 1L; 32L; 32L |]; [| 3L; 32L; 32L |]; [| 3L; 64L; 64L |] ] do
                    fits image)
            ())

    law "energies, chains' generators and autoencoders of images treat each row alone" (fun () -> apart (fun net -> net.eval ()))
    |> breaks "norms over the batch" (fun () -> apart (fun net -> net.train ()))

    law "residual blocks with spectral norms begin as their shortcuts" (fun () -> begins true)
    |> breaks "blocks that begin at full size" (fun () -> begins false)

    law "a base's norms over the batch learn in its own updates alone, and an energy's spectral norm in the energy's" (fun () ->
        normsLearn ignore)
    |> breaks "norms that always learn" (fun () -> normsLearn (fun generator -> generator.train ()))

    law "a level's waves are sines and cosines at frequencies from 1 to 1/10000, and angles tell levels apart" (fun () ->
        let t = row [ 0.0; 3.0 ]
        let waves = TimeEmbedding.Waves(t, 6L)
        let expected = rows [ [ 0.0; 0.0; 0.0; 1.0; 1.0; 1.0 ]; [ sin 3.0; sin 0.03; sin 0.0003; cos 3.0; cos 0.03; cos 0.0003 ] ]
        Close.same "waves" 64 expected waves
        let noise = noises ()
        let angles = values (TimeEmbedding.Angle(noise.Noise, noise.Signal))
        must $"angles %A{angles}" (angles |> Array.forall (fun a -> a > 0.0 && a < 1000.0) && Array.sort angles = angles))
]
