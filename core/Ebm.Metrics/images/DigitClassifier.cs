using System.Security.Cryptography;
using Ebm.Nets;

namespace Ebm.Metrics;

/// <summary>
/// A small classifier of grey images of 28 × 28 with ten classes; its last hidden layer gives the features of <c>kid-digits</c>.
/// <code>
/// (1, 28, 28) → conv 3×3, max 2×2 → (16, 14, 14) → conv 3×3, max 2×2 → (32, 7, 7) → conv 3×3, max 2×2 → (32, 3, 3) → dense → (64) → dense → (10)
/// </code>
/// with a rectification after every layer but the last: 33,194 weights. A classifier was trained once for each data set, by
/// experiments/classifiers.fsx, and its weights are in this assembly, because another training gives other features, whose values are not comparable.
/// </summary>
public sealed class DigitClassifier : nn.Module<Tensor, Tensor>
{
    /// <summary>The number of classes.</summary>
    public const int Classes = 10;

    const long Side = 28,
        FeatureCount = 64;

    // The SHA-256 of each file in images/classifiers; a retrained classifier has another.
    static readonly Dictionary<string, string> Known = new()
    {
        ["fashion-mnist"] = "80f2b9167cdd4bf52c704e2f225bfe9dbec1cad6b019e19c18e37e2a23a8683c",
        ["mnist"] = "f24a82ecb670f6f3987e4906774e7dc1a4409a050c544c6607fab8a7cf942f1c",
    };

    readonly Modules.Conv2d first = Layer(1, 16),
        second = Layer(16, 32),
        third = Layer(32, 32);
    readonly Modules.Linear dense = nn.Linear(288, FeatureCount, dtype: float32),
        last = nn.Linear(FeatureCount, Classes, dtype: float32);

    // The root of the features' mean square over training rows: features have mean square 1, so that the kernel's constant means the same for all.
    readonly Tensor scale = ones(1, dtype: float32);

    DigitClassifier()
        : base(nameof(DigitClassifier))
    {
        register_buffer("scale", scale);
        RegisterComponents();
    }

    /// <summary>SHA-256 of the file of weights, in hex; empty while it is trained.</summary>
    public string Sha256 { get; private set; } = "";

    /// <summary>The classifier of a data set; null if it has none.</summary>
    /// <param name="data">The data set's name, such as <c>mnist</c>.</param>
    public static DigitClassifier? Of(string data, Device device)
    {
        if (!Known.TryGetValue(data, out var sha256))
            return null;
        using var stream = typeof(DigitClassifier).Assembly.GetManifestResourceStream($"{data}.safetensors")!;
        return (DigitClassifier)Read(stream, $"the classifier of {data}", sha256).to(device);
    }

    /// <summary>The class scores before the softmax: rows in [−1, 1], (B, 1, 28, 28) → (B, 10).</summary>
    public override Tensor forward(Tensor rows) => last.call(Hidden(rows));

    /// <summary>Features with mean square 1 over training rows: (B, 1, 28, 28) → (B, 64).</summary>
    public Tensor Features(Tensor rows) => Hidden(rows) / scale;

    /// <summary>Class scores and features in one pass.</summary>
    public (Tensor Scores, Tensor Features) Both(Tensor rows)
    {
        var hidden = Hidden(rows);
        return (last.call(hidden), hidden / scale);
    }

    /// <summary>
    /// Rows as pictures show them: clipped to [−1, 1] and rounded to 256 grey values v, at the middle of the interval that v has after
    /// dequantisation, (v + ½)/128 − 1.
    /// </summary>
    public static Tensor Grey(Tensor rows) => ((rows.to(float32) + 1) * 128).floor_().clamp_(0, 255).add_(.5).div_(128).sub_(1);

    static Modules.Conv2d Layer(long from, long to) => nn.Conv2d(from, to, 3, padding: 1, dtype: float32);

    Tensor Hidden(Tensor rows)
    {
        static Tensor Halved(Modules.Conv2d layer, Tensor x) =>
            nn.functional.max_pool2d(nn.functional.relu(Convolution.Of(x, layer.weight, layer.bias, padding: 1)), 2);
        return nn.functional.relu(dense.call(Halved(third, Halved(second, Halved(first, rows))).flatten(1)));
    }

    // ── training ──────────────────────────────────────────────────────────────────────────────

    /// <summary>Trains a classifier: Adam on the cross entropy, with a rate that falls linearly to 0. The weights are then rounded to 16 bits.</summary>
    /// <param name="rows">(N, 1, 28, 28), in [−1, 1].</param>
    /// <param name="labels">(N), int64, 0 … 9.</param>
    /// <param name="watch">Called after each epoch with its number, from 1, and its mean cross entropy in nats.</param>
    public static DigitClassifier Train(Tensor rows, Tensor labels, Rng rng, int epochs, Action<int, double>? watch = null)
    {
        const long batch = 128;
        const double rate = 2e-3;
        var net = new DigitClassifier().DrawnFrom(rng.Stream("init"));
        using var scope = NewDisposeScope();
        using var optimizer = optim.Adam(net.parameters(), rate);
        var steps = rows.shape[0] / batch;
        var order = new Batches(arange(rows.shape[0]), batch, rng.Stream("batches"));
        using (enable_grad())
            for (var epoch = 0; epoch < epochs; epoch++)
            {
                var sum = zeros(1, dtype: float32);
                for (var step = 0L; step < steps; step++)
                {
                    using var inner = NewDisposeScope();
                    foreach (var group in optimizer.ParamGroups)
                        group.LearningRate = rate * (1 - (epoch * steps + step) / (double)(epochs * steps));
                    var at = order.Next();
                    var loss = nn.functional.cross_entropy(net.call(rows.index_select(0, at)), labels.index_select(0, at));
                    optimizer.zero_grad();
                    loss.backward();
                    optimizer.step();
                    sum.add_(loss.detach());
                }
                watch?.Invoke(epoch + 1, sum.item<float>() / steps);
            }
        using var free = no_grad();
        foreach (var parameter in net.parameters())
            parameter.copy_(parameter.to(float16));
        var square = Chunked.Map(some => net.Hidden(some).square().mean([1]), rows).mean().item<double>();
        net.scale.fill_(Math.Sqrt(square));
        return net;
    }

    // ── the file ──────────────────────────────────────────────────────────────────────────────

    /// <summary>Writes the weights, in 16 bits each, and the features' scale.</summary>
    /// <param name="notes">How it was trained.</param>
    public void Save(string path, IReadOnlyDictionary<string, string> notes) =>
        Safetensors.Write(
            path,
            named_parameters()
                .Select(one =>
                {
                    using var half = one.parameter.detach().to(float16).contiguous();
                    return new NamedTensorBytes(one.name, "F16", one.parameter.shape, half.bytes.ToArray());
                })
                .Append(new NamedTensorBytes("scale", "F32", [1], scale.bytes.ToArray())),
            notes
        );

    /// <summary>Reads a file of weights.</summary>
    /// <param name="name">What the stream contains, for errors.</param>
    /// <param name="sha256">The SHA-256 that the content must have.</param>
    /// <exception cref="InvalidDataException">The content has another SHA-256, or other tensors than the classifier.</exception>
    internal static DigitClassifier Read(Stream stream, string name, string sha256)
    {
        var found = Convert.ToHexStringLower(SHA256.HashData(stream));
        if (found != sha256)
            throw new InvalidDataException(
                $"{name}: the SHA-256 of the weights is {found} instead of {sha256}, so values would not be comparable with others. "
                    + "Restore the file, or build again."
            );
        stream.Position = 0;
        var tensors = Safetensors.ReadWithNotes(stream, name).Tensors.ToDictionary(one => one.Name);
        var net = new DigitClassifier { Sha256 = found };
        using var free = no_grad();
        foreach (var (into, at) in net.state_dict())
        {
            if (!tensors.TryGetValue(into, out var from) || !from.Shape.SequenceEqual(at.shape))
                throw new InvalidDataException($"{name}: the weights have no tensor {into} of shape ({string.Join(", ", at.shape)}).");
            using var read = empty(at.shape, dtype: from.Dtype == "F16" ? float16 : float32);
            if (from.Bytes.Length != read.bytes.Length)
                throw new InvalidDataException($"{name}: the weights {into} are of dtype {from.Dtype}, not F16 or F32.");
            from.Bytes.Span.CopyTo(read.bytes);
            at.copy_(read);
        }
        return net;
    }
}
