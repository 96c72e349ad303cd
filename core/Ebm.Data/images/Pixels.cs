namespace Ebm.Data;

/// <summary>The eight-bit values of images of one shape, by place.</summary>
abstract class Pixels
{
    /// <summary>(C, H, W).</summary>
    public abstract long[] Shape { get; }

    /// <summary>places (n) → (n, C, H, W) uint8 on their device.</summary>
    public abstract Tensor At(Tensor places);

    /// <summary>Announces the images that are asked for next.</summary>
    public virtual void Expect(Tensor places) { }

    /// <summary>Whether <see cref="Expect"/> is of use.</summary>
    public virtual bool ReadsAhead => false;
}

/// <summary>Values that are in memory, on the device of the data: one byte each.</summary>
/// <param name="values">(N, C, H, W) uint8.</param>
sealed class HeldPixels(Tensor values) : Pixels
{
    public override long[] Shape => values.shape[1..];

    public override Tensor At(Tensor places) => values.index_select(0, places);
}

/// <summary>Images of a part of a data set as rows: their values, scaled by the settings when a row is asked for.</summary>
/// <param name="pixels">The values of all parts.</param>
/// <param name="places">(n) int64: the places of this part's images, on the data's device; kept.</param>
/// <param name="content">The digest of all values.</param>
/// <param name="noise">The stream of this part.</param>
sealed class PixelRows(Pixels pixels, Tensor places, Steps steps, string content, Rng noise) : Rows
{
    // Of this many rows at once: values, noise and sums of all rows would be several times the rows.
    const long PartRows = 1024;

    readonly Tensor part = places.DetachFromDisposeScope();

    public override long Count => part.shape[0];

    public override Tensor At(Tensor places)
    {
        using var scope = NewDisposeScope();
        var count = places.shape[0];
        if (count <= PartRows)
            return Scaled(places).MoveToOuterDisposeScope();
        var rows = empty([count, .. pixels.Shape], dtype: float32, device: part.device);
        for (long from = 0; from < count; from += PartRows)
        {
            using var inner = NewDisposeScope();
            var size = Math.Min(PartRows, count - from);
            rows.narrow(0, from, size).copy_(Scaled(places.narrow(0, from, size)));
        }
        return rows.MoveToOuterDisposeScope();
    }

    Tensor Scaled(Tensor places) => steps.Scaled(pixels.At(part.index_select(0, places.to(part.device))), places, noise);

    public override Tensor Range(long from, long count)
    {
        using var places = arange(from, from + count, dtype: int64, device: part.device);
        return At(places);
    }

    public override void Expect(Tensor order, long from, long count)
    {
        if (!pixels.ReadsAhead || count <= 0)
            return;
        using var next = part.index_select(0, order.narrow(0, from, count));
        pixels.Expect(next);
    }

    public override Tensor Visited(Tensor rows, Rng visits, long position) =>
        steps.Flip ? Steps.Flipped(rows, visits.Stream(position)) : rows;

    /// <summary>Of what determines the rows, because images of files that do not fit in memory would have to be decoded once more.</summary>
    public override string Digest =>
        Records.Canonical.Sha256($"{content} {Content.Digest(part)} {noise.Seed} {steps.Dequantise} {steps.Scale}\n");
}
