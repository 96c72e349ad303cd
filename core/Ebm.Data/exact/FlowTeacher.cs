using System.Security.Cryptography;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>
/// Rows drawn from a trained flow, the teacher, whose weights are a file,
/// <code>x = G(z),   z ~ N(0, I),   log p(x) = log N(G⁻¹(x); 0, I) + log |det ∂G⁻¹/∂x|</code>
/// so that data of many dimensions, such as images, have an exact density. They look like the data that the teacher was trained on only as far as the
/// teacher learned them; for a comparison of methods that does not matter, because the teacher's law is the truth.
/// </summary>
sealed class FlowTeacher : IDataset, IKnownDensity
{
    // Rows that are computed at once.
    const long Chunk = 4096;

    readonly FlowNet flow;
    readonly ScalarType dtype;
    readonly string weights;

    public FlowTeacher(FlowTeacherSpec spec, Site site)
    {
        var path = spec.PathIn(site.DataRoot);
        // The digest is that of the bytes that are read, whatever happens to the file meanwhile.
        using var file = RegularFile.Open(path);
        weights = Convert.ToHexStringLower(SHA256.HashData(file));
        if (spec.Sha256 is { } due && due != weights)
            throw new SettingException(
                nameof(spec.Sha256),
                $"is {due}, but the SHA-256 of {path} is {weights}: rows of another teacher are other data. Restore the file, or name its digest"
            );
        file.Position = 0;
        Capacity.ForRows(spec.Train, 2 * spec.Shape.Size());
        Capacity.ForRows(spec.Test, 2 * spec.Shape.Size());
        (Shape, Files) = (spec.Shape, [spec.Weights]);
        // The weights replace the initial ones, so the stream has no effect.
        flow = spec.Net.Build(new Rng(0, site.Device), spec.Shape);
        Load(flow, file, path);
        dtype = flow.parameters().First().dtype;
        using var scope = NewDisposeScope();
        Train = Draw(spec.Train, site.Rng.Stream("train")).DetachFromDisposeScope();
        Test = Draw(spec.Test, site.Rng.Stream("test")).DetachFromDisposeScope();
        if (!Train.isfinite().all().item<bool>() || !Test.isfinite().all().item<bool>())
            throw new InvalidDataException(
                $"{path}: the rows of this flow are not all finite, so it has no density to compare with; train it again."
            );
        HalfWidth = Math.Ceiling(1.25 * Math.Max(Train.abs().max().item<float>(), 1));
        Digest = Content.Digest(Train, Test);
    }

    public string Name => "flow-teacher";
    public long[] Shape { get; }
    public Tensor Train { get; }
    public Tensor Test { get; }
    public string Digest { get; }
    public double HalfWidth { get; }
    public IReadOnlyList<string> Files { get; }
    public string Common => weights;

    public Tensor LogDensity(Tensor x)
    {
        using var free = no_grad();
        return flow.LogDensity(x.to(dtype)).to(float64);
    }

    public Tensor Draw(long count, Rng rng)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        List<Tensor> parts = [];
        for (long from = 0; from < count; from += Chunk)
        {
            using var inner = NewDisposeScope();
            var z = rng.Stream(from).NormalLike(empty([Math.Min(Chunk, count - from), flow.Latent], dtype: dtype, device: rng.Device));
            parts.Add(flow.Push(z).X.to(float32).MoveToOuterDisposeScope());
        }
        return cat(parts, 0).MoveToOuterDisposeScope();
    }

    /// <summary>Weights of the file of a run of the method flow, such as its checkpoint/averages.safetensors: flow.NAME for each weight NAME of the net.</summary>
    static void Load(FlowNet flow, Stream file, string path)
    {
        const string prefix = "flow.";
        var found = Safetensors.ReadWithNotes(file, path).Tensors.ToDictionary(one => one.Name);
        using var free = no_grad();
        foreach (var (name, weight) in flow.state_dict())
        {
            if (!found.Remove(prefix + name, out var one) || one.Dtype != "F32" || !one.Shape.SequenceEqual(weight.shape))
                throw new InvalidDataException(
                    $"{path} has no weights {prefix}{name} of shape ({string.Join(", ", weight.shape)}) and dtype F32; data.net must be the net that "
                        + "was trained, method.net in the run's config.yaml."
                );
            using var read = empty(weight.shape, dtype: float32);
            one.Bytes.Span.CopyTo(read.bytes);
            weight.copy_(read);
        }
        if (found.Keys.FirstOrDefault(name => name.StartsWith(prefix, StringComparison.Ordinal)) is { } extra)
            throw new InvalidDataException(
                $"{path} has weights {extra}, which data.net does not have; it must be the net that was trained."
            );
    }
}

/// <summary>Rows drawn from a trained flow, with their exact density.</summary>
/// <param name="Weights">The file: checkpoint/averages.safetensors of a run of the method flow, below the data root or the current folder.</param>
/// <param name="Net">The flow, as in the run's config.</param>
/// <param name="Shape">Shape of one row.</param>
/// <param name="Sha256">The digest that the file must have; unset: any, and the run records it.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
[Kind("flow-teacher")]
public sealed record FlowTeacherSpec(
    string Weights,
    IGeneratorSpec<FlowNet> Net,
    long[] Shape,
    string? Sha256 = null,
    long Train = 100_000,
    long Test = 10_000
) : ISpec<IDataset>, IReadsFiles
{
    public string Weights { get; } = Require.DataPath(Weights);
    public long[] Shape { get; } =
        Require.That(
            Shape,
            Shape is [_] or [_, _, _] && Shape.All(n => n is > 0 and <= 65_536),
            "must be the shape of a row, [64] or [1, 28, 28]"
        );
    public string? Sha256 { get; } =
        Require.That(
            Sha256,
            Sha256 is null or { Length: 64 } && Sha256?.All(char.IsAsciiHexDigitLower) is not false,
            "must be 64 hexadecimal digits"
        );
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);

    public IDataset Build(Site site) => new FlowTeacher(this, site);

    internal string PathIn(string dataRoot) => DataPlace.Find(dataRoot, RelativePath.Parse(Weights, "data.weights"), "weights");

    public void Check(string dataRoot) => Safetensors.CheckHeader(PathIn(dataRoot));

    public long[]? ShapeIn(string dataRoot) => Shape;
}
