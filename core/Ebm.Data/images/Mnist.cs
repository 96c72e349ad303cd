using System.Security.Cryptography;

namespace Ebm.Data;

/// <summary>
/// MNIST: 60,000 + 10,000 handwritten digits of 28 × 28 grey values v in 0 … 255. Uniform dequantisation makes them continuous, so that
/// they have a density, and they are scaled to [−1, 1]:
/// <code>x = (v + u) / 128 − 1,   u ~ U[0, 1)</code>
/// So a negative log-likelihood in nats becomes bits per dimension as (NLL + d ln 128) / (d ln 2), d = 784.
/// </summary>
public sealed class Mnist : IDataset
{
    const string Source =
        "Put the files of \"The MNIST database of handwritten digits\" (Y. LeCun, C. Cortes and C. J. C. Burges), under their original names, "
        + "into the folder mnist of the data root; --data or the variable EBM_DATA sets the data root.";

    static readonly Idx TrainImages = new(
        "train-images-idx3-ubyte.gz",
        [60_000, 28, 28],
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        Source
    );
    static readonly Idx TestImages = new(
        "t10k-images-idx3-ubyte.gz",
        [10_000, 28, 28],
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        Source
    );

    internal Mnist(MnistSpec spec, Site site)
    {
        var folder = Folder(site.DataRoot);
        var (train, test) = (Pixels(TrainImages, folder, spec.Train), Pixels(TestImages, folder, spec.Test));
        using (NewDisposeScope())
        {
            Train = Scaled(train, site.Rng.Stream("train")).to(site.Device).DetachFromDisposeScope();
            Test = Scaled(test, site.Rng.Stream("test")).to(site.Device).DetachFromDisposeScope();
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(train);
        hash.AppendData(test);
        Digest = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    static string Folder(string dataRoot) => Path.Combine(dataRoot, "mnist");

    /// <summary>Checks that both files are there and have the right headers.</summary>
    internal static void Check(string dataRoot)
    {
        TrainImages.Check(Folder(dataRoot));
        TestImages.Check(Folder(dataRoot));
    }

    public string Name => "mnist";
    public long[] Shape { get; } = [1, 28, 28];
    public Tensor Train { get; }
    public Tensor Test { get; }

    /// <summary>Digest of the grey values before dequantisation, so that it does not depend on the seed.</summary>
    public string Digest { get; }

    public IReadOnlyList<string> Files { get; } = [$"mnist/{TrainImages.Name}", $"mnist/{TestImages.Name}"];

    static byte[] Pixels(Idx file, string folder, long rows) => file.Read(folder)[..(int)(rows * 28 * 28)];

    static Tensor Scaled(byte[] pixels, Rng rng) => Images.Dequantised(tensor(pixels).to(rng.Device).reshape(-1, 1, 28, 28), rng);
}

/// <summary>MNIST's handwritten digits as (1, 28, 28), in [−1, 1], from gzipped IDX files under mnist/ in the data root.</summary>
/// <param name="Train">How many of the 60,000 training digits to use, from the first on.</param>
/// <param name="Test">How many of the 10,000 test digits to use, from the first on.</param>
[Kind("mnist")]
public sealed record MnistSpec(long Train = 60_000, long Test = 10_000) : ISpec<IDataset>, IReadsFiles
{
    public long Train { get; } = Require.Between(1, 60_000, Train);
    public long Test { get; } = Require.Between(1, 10_000, Test);

    public IDataset Build(Site site) => new Mnist(this, site);

    public void Check(string dataRoot) => Mnist.Check(dataRoot);

    public long[]? ShapeIn(string dataRoot) => [1, 28, 28];
}
