using System.IO.Compression;

namespace Ebm.Metrics;

/// <summary>
/// Scores by which rows of another data set are told from test rows without a model, as a standard for the energies of models: a model has learned
/// something only if it does better than all of them. A higher score means less like the training rows.
/// </summary>
public static class TrivialScores
{
    const long Most = 10_000;

    // Principal components up to this share of the variance.
    const double Explained = .9;

    /// <summary>The scores for data: rows (B, …Shape) → (B), float64.</summary>
    public static IReadOnlyList<(string Name, Func<Tensor, Tensor> Score)> To(IDataset data)
    {
        var train = data.TrainRows.Range(0, Math.Min(Most, data.TrainRows.Count));
        var gaussian = MatchedGaussian.To(data, floor: 1e-6);
        var independent = PixelGaussian.To(data);
        var all = new List<(string, Func<Tensor, Tensor>)>
        {
            ("components", OutsideComponents(gaussian)),
            ("nearest", rows => NearestRows.Distances(rows, train)),
            ("gaussian", rows => gaussian.Whitened(rows).square().sum(dim: 1)),
            ("pixels", rows => independent.Energy(rows.to(float32)).to(float64)),
            ("autoencoder", Reconstruction.To(train)),
        };
        if (data.Shape is [_, > 1, > 1])
        {
            all.Add(("variation", Unusual(Variation, train)));
            all.Add(("bytes", Unusual(CompressedBytes, train)));
        }
        return all;
    }

    /// <summary>The squared distance of a row from the plane of the leading principal components.</summary>
    static Func<Tensor, Tensor> OutsideComponents(MatchedGaussian gaussian)
    {
        // The columns of the factor are the components times their standard deviations, the longest last.
        var variances = gaussian.Factor.square().sum(dim: 0);
        var lesser = variances.cumsum(0) <= (1 - Explained) * variances.sum();
        var (directions, apart) = (gaussian.Factor / variances.sqrt(), lesser.to(float64));
        return rows => ((rows.flatten(1).to(float64) - gaussian.Mean).matmul(directions) * apart).square().sum(dim: 1);
    }

    /// <summary>The distance of a statistic from its median over training rows: it may be unusually low or unusually high.</summary>
    static Func<Tensor, Tensor> Unusual(Func<Tensor, Tensor> statistic, Tensor train)
    {
        var median = Chunked.Map(statistic, train).median();
        return rows => (statistic(rows) - median).abs();
    }

    /// <summary>The sum of the absolute differences of neighbouring pixels: (B, C, H, W) → (B).</summary>
    static Tensor Variation(Tensor rows)
    {
        var x = rows.to(float64);
        var (down, right) = (x.diff(dim: 2), x.diff(dim: 3));
        return down.abs().flatten(1).sum(dim: 1) + right.abs().flatten(1).sum(dim: 1);
    }

    /// <summary>The length of the deflated pixels in 256 values, after the difference from the pixel on the left, as in PNG files: (B, C, H, W) →
    /// (B).</summary>
    static Tensor CompressedBytes(Tensor rows)
    {
        var pixels = ((rows.cpu().to(float32) + 1) * 128).floor_().clamp_(0, 255);
        // Modulo 256, as PNG stores differences.
        var differences = cat([pixels.narrow(3, 0, 1), pixels.diff(dim: 3)], 3).remainder(256).to(uint8).flatten(1).contiguous();
        var (count, size, bytes) = ((int)rows.shape[0], (int)differences.shape[1], differences.data<byte>().ToArray());
        return tensor([.. Enumerable.Range(0, count).Select(i => (double)Deflated(bytes.AsSpan(i * size, size)))]);
    }

    static long Deflated(ReadOnlySpan<byte> bytes)
    {
        using var into = new MemoryStream();
        using (var deflate = new DeflateStream(into, CompressionLevel.SmallestSize, leaveOpen: true))
            deflate.Write(bytes);
        return into.Length;
    }
}
