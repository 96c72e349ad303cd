using Ebm.Devices;
using Ebm.Nets;

namespace Ebm.Metrics;

/// <summary>
/// The 512 features of a ResNet-18 (He et al. 2016) that was trained on ImageNet, after the mean over positions. Its file is read as a plain list of
/// weights, and libtorch computes: with batch norms folded into convolutions, each with a bias,
/// <code>
/// layer      from → to          kernel, stride    side
/// stem         3 →  64          7×7, 2            224 → 112
/// maximum     64 →  64          3×3, 2            112 →  56
/// 2 blocks    64 →  64          3×3               56
/// 2 blocks    64 → 128          3×3, 2 once       56 → 28
/// 2 blocks   128 → 256          3×3, 2 once       28 → 14
/// 3 blocks   256 → 512          3×3, 2 once       14 →  7
/// mean       512                                   7 →  1
/// </code>
/// A block is x + f(x), rectified, where f is two convolutions with a rectification between them; where the number of channels grows, x becomes a
/// convolution of x with kernel 1×1 and stride 2. The file has a block more at the end than the paper. The mean image of ImageNet is subtracted first, with channels in the order blue, green, red.
/// </summary>
public sealed class ResNet18 : IDisposable
{
    const long Side = 224;

    // A batch of this many pictures takes some 200 MB.
    const long BatchRows = 16;
    const double Epsilon = 1e-5;

    /// <summary>The weights and the mean image.</summary>
    public static readonly WeightsPackage Weights = new(
        "resnet18",
        "weights of a ResNet-18 trained on ImageNet, for the metric resnet18",
        "Microsoft.ML.DnnImageFeaturizer.ResNet18",
        "0.23.1",
        60,
        [
            ("tools/DnnImageModels/ResNet18Onnx/ResNet18.onnx", Sha256),
            (
                "tools/DnnImageModels/ResNetPrepOnnx/ResNetPreprocess.onnx",
                "84bf8def78d0befaa3f6e73745d57d7016c6a192ead76f79686bd438c1047004"
            ),
        ]
    );

    /// <summary>SHA-256 of the weights' file, in hex.</summary>
    public const string Sha256 = "e2552f19db2dfdb01b3669537b6a0f1b44da38d18279535492ed5dfc2ef1ff8f";

    readonly Tensor mean;
    readonly IReadOnlyList<(Tensor Kernel, Tensor Bias)> layers;

    /// <exception cref="FileNotFoundException">The weights are not here; the message says how to get them.</exception>
    /// <exception cref="InvalidDataException">A file has another SHA-256.</exception>
    public ResNet18(Device device)
    {
        var paths = Weights.Checked(Natives.PackagesFolder);
        using var scope = NewDisposeScope();
        using var free = no_grad();
        mean = Constants(Read(paths[1])).Values.Single().to(device).DetachFromDisposeScope();
        layers =
        [
            .. Folded(Read(paths[0]))
                .Select(layer => (layer.Kernel.to(device).DetachFromDisposeScope(), layer.Bias.to(device).DetachFromDisposeScope())),
        ];
    }

    /// <summary>
    /// Images in [−1, 1] are rounded to 256 values, grey ones repeated for three channels, and resized to 224 × 224 (<see cref="Resize"/>): (B, C, H,
    /// W), C = 1 or 3 → (B, 512), float32.
    /// </summary>
    public Tensor Features(Tensor images)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var features = new List<Tensor>();
        for (var from = 0L; from < images.shape[0]; from += BatchRows)
        {
            using var inner = NewDisposeScope();
            var rows = images.narrow(0, from, Math.Min(BatchRows, images.shape[0] - from));
            var bytes = ((rows.to(float32) + 1) * 128).floor_().clamp_(0, 255);
            var wide = Resize.To(bytes.expand(-1, 3, -1, -1), Side).flip(1);
            features.Add(Of(wide - mean).MoveToOuterDisposeScope());
        }
        return cat(features, 0).MoveToOuterDisposeScope();
    }

    /// <summary>(B, 3, 224, 224), blue, green, red, less the mean image → (B, 512).</summary>
    Tensor Of(Tensor x)
    {
        using var scope = NewDisposeScope();
        var next = 0;
        Tensor Next(Tensor rows, int stride)
        {
            var (kernel, bias) = layers[next++];
            return Convolution.Of(rows, kernel, bias, stride, kernel.shape[2] / 2);
        }
        // Channels last in memory, which convolutions are faster with.
        x = Next(x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), 2).relu_();
        x = nn.functional.max_pool2d(x, 3, 2, 1);
        while (next < layers.Count)
        {
            using var inner = NewDisposeScope();
            // A block with a convolution of x begins with it.
            var grows = layers[next].Kernel.shape[2] == 1;
            var shortcut = grows ? Next(x, 2) : x;
            x = Next(Next(x, grows ? 2 : 1).relu_(), 1).add_(shortcut).relu_().MoveToOuterDisposeScope();
        }
        return x.mean([2, 3]).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        mean.Dispose();
        foreach (var (kernel, bias) in layers)
        {
            kernel.Dispose();
            bias.Dispose();
        }
    }

    // ── the file ──────────────────────────────────────────────────────────────────────────────

    /// <summary>The convolutions in the order of computation, each followed by its batch norm: γ (Kx − m)/√(v + ε) + β is a convolution with a bias.</summary>
    static IEnumerable<(Tensor Kernel, Tensor Bias)> Folded(Onnx file)
    {
        var constants = Constants(file);
        Tensor? kernel = null;
        foreach (var one in file.Operators)
            if (one.Type == "Conv")
                kernel = constants[one.Inputs[1]];
            else if (one is { Type: "BatchNormalization", Inputs: [_, var gamma, var beta, var middle, var variance] })
            {
                var scale = constants[gamma] / (constants[variance] + Epsilon).sqrt();
                yield return (kernel! * scale.reshape(-1, 1, 1, 1), constants[beta] - constants[middle] * scale);
            }
    }

    static Dictionary<string, Tensor> Constants(Onnx file) =>
        file.Constants.ToDictionary(
            constant => constant.Name,
            constant =>
            {
                var values = empty(constant.Shape, dtype: float32);
                constant.Bytes.Span.CopyTo(values.bytes);
                return values;
            }
        );

    static Onnx Read(string path) => Onnx.Read(File.ReadAllBytes(path), path);
}
