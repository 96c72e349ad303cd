namespace Ebm.Data;

/// <summary>How values of eight bits become continuous.</summary>
public enum Dequantise
{
    /// <summary>Uniform noise of one grey value's width, the same for a row whenever it is asked for.</summary>
    Uniform,

    /// <summary>No noise, as in much published code: the values are discrete, and a density of them is unbounded.</summary>
    None,
}

/// <summary>The interval of scaled values.</summary>
public enum Scale
{
    /// <summary>[−1, 1].</summary>
    Symmetric,

    /// <summary>[0, 1].</summary>
    Unit,
}

/// <summary>
/// The steps from values v of eight bits to numbers x of a row:
/// <code>
///            uniform, u ~ U[0, 1)     none
/// symmetric  x = (v + u)/128 − 1      x = v/127.5 − 1
/// unit       x = (v + u)/256          x = v/255
/// </code>
/// and in training, with flip, every visit of a row mirrors it left to right with probability ½.
/// </summary>
sealed record Steps(Dequantise Dequantise, Scale Scale, bool Flip)
{
    /// <summary>Those of all runs before the steps were settings.</summary>
    public static readonly Steps Old = new(Dequantise.Uniform, Scale.Symmetric, false);

    /// <summary>Grey values in a unit of x.</summary>
    public double LevelsPerUnit =>
        (Dequantise, Scale) switch
        {
            (Dequantise.Uniform, Scale.Symmetric) => 128,
            (Dequantise.Uniform, Scale.Unit) => 256,
            (_, Scale.Symmetric) => 127.5,
            _ => 255,
        };

    /// <param name="bytes">(n, C, H, W) uint8.</param>
    /// <param name="places">(n) int64: the rows' places in their part, which number their noise.</param>
    public Tensor Scaled(Tensor bytes, Tensor places, Rng noise)
    {
        var x = bytes.to(float32);
        if (Dequantise == Dequantise.Uniform)
            x.add_(noise.UniformRows(places, bytes.shape[1..]));
        x.div_(LevelsPerUnit);
        return Scale == Scale.Symmetric ? x.sub_(1) : x;
    }

    /// <summary>Mirrors each row (C, H, W) left to right with probability ½.</summary>
    public static Tensor Flipped(Tensor rows, Rng rng)
    {
        var mirror = rng.Uniform(rows.shape[0]).to(rows.device).lt(.5).reshape(-1, 1, 1, 1);
        return where(mirror, rows.flip(3), rows);
    }
}
