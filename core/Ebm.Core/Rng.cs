using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Ebm.Core;

/// <summary>
/// A stream of random numbers; there is no global generator. A stream depends only on its parent's seed and its own name, so a new consumer does
/// not change the others: evaluating more often does not change training. Step n of training draws from <c>Stream("training").Stream(n)</c>, so a
/// checkpoint needs n and no generator state. Deviates in float32 on the CPU are numbered (<see cref="Deviates"/>), so that chains can draw theirs
/// tile by tile; all others come from libtorch's generator.
/// </summary>
/// <param name="seed">The stream's identity.</param>
/// <param name="device">The device of drawn tensors; the CPU by default. Child streams inherit it.</param>
public sealed unsafe class Rng(ulong seed, Device? device = null) : IDisposable
{
    Generator? generator;
    ulong draws;

    public ulong Seed => seed;
    public Device Device { get; } = device ?? CPU;

    /// <summary>A new independent stream; this one does not advance.</summary>
    public Rng Stream(string name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var text = new byte[sizeof(ulong) + Encoding.UTF8.GetByteCount(name)];
        BinaryPrimitives.WriteUInt64LittleEndian(text, seed);
        Encoding.UTF8.GetBytes(name, text.AsSpan(sizeof(ulong)));
        SHA256.HashData(text, hash);
        return new Rng(BinaryPrimitives.ReadUInt64LittleEndian(hash), Device);
    }

    /// <inheritdoc cref="Stream(string)"/>
    public Rng Stream(long index) => Stream(index.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>ξ ~ N(0, 1).</summary>
    public Tensor Normal(params long[] shape) =>
        IsNumbered ? Numbered<NormalDeviate>(shape) : randn(shape, device: Device, generator: Source);

    /// <summary>ξ ~ N(0, 1), with the shape, dtype and device of x.</summary>
    public Tensor NormalLike(Tensor x) =>
        TiledEnergy.Takes(x) ? Numbered<NormalDeviate>(x.shape) : randn(x.shape, dtype: x.dtype, device: x.device, generator: Source);

    /// <summary>Uniform on [0, 1).</summary>
    public Tensor Uniform(params long[] shape) =>
        IsNumbered ? Numbered<UniformDeviate>(shape) : rand(shape, device: Device, generator: Source);

    /// <inheritdoc cref="Uniform"/>
    public Tensor UniformLike(Tensor x) =>
        TiledEnergy.Takes(x) ? Numbered<UniformDeviate>(x.shape) : rand(x.shape, dtype: x.dtype, device: x.device, generator: Source);

    /// <summary>
    /// Rows of a draw, uniform on [0, 1): those at some places of <c>Uniform(n, …shape)</c> in float32 on the CPU, for every n. The stream does not
    /// advance, so a row has the same numbers whenever it is asked for.
    /// </summary>
    /// <param name="places">(B) int64.</param>
    /// <returns>(B, …shape), float32 on this stream's device.</returns>
    public Tensor UniformRows(Tensor places, long[] shape)
    {
        var drawn = empty([places.shape[0], .. shape], dtype: float32, device: CPU);
        if (drawn.numel() > 0)
            Deviates.Rows<UniformDeviate>(seed, draws, places.cpu().data<long>().ToArray(), shape.Size(), Floats.Of(drawn));
        return drawn.to(Device);
    }

    /// <summary>Uniform on 0 … below−1, int64.</summary>
    public Tensor Integers(long below, params long[] shape) => randint(0, below, shape, dtype: int64, device: Device, generator: Source);

    /// <summary>A draw from softmax(logits) for each row, by the Gumbel-max trick: (B, K) → (B) int64.</summary>
    public Tensor Categorical(Tensor logits) => (logits - UniformLike(logits).clamp(min: 1e-30).log().neg().log()).argmax(-1);

    /// <summary>0 … count−1 in random order, int64.</summary>
    public Tensor Permutation(long count) => randperm(count, dtype: int64, device: Device, generator: Source);

    bool IsNumbered => Device.type == DeviceType.CPU && get_default_dtype() == float32;

    /// <summary>Reserves the numbers of the next draws, for a chain that draws them itself.</summary>
    /// <returns>The first of them.</returns>
    internal ulong Take(long count)
    {
        var first = draws;
        draws += (ulong)count;
        return first;
    }

    Tensor Numbered<TDeviate>(long[] shape)
        where TDeviate : IDeviate
    {
        var drawn = empty(shape, dtype: float32, device: CPU);
        var number = Take(1);
        if (drawn.numel() > 0)
            Deviates.Fill<TDeviate>(seed, number, Floats.Of(drawn), drawn.numel());
        return drawn;
    }

    Generator Source => generator ??= new Generator(seed, Device);

    public void Dispose() => generator?.Dispose();
}
