using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>
/// One pass of a batch through the fully connected autoencoder and back: codes, or u = (r − x̃)/σ, and for a gradient of u those of all weights and of
/// x̃. The twin of <see cref="MlpPass"/>.
/// </summary>
/// <param name="rows">B.</param>
sealed unsafe class AutoencoderPass(AutoencoderKernel kernel, long rows)
{
    readonly AutoencoderKernel kernel = kernel;
    readonly long rows = rows,
        tiles = (rows + Tile.Rows - 1) / Tile.Rows;
    Lent? gradients,
        inputs;

    // x̃, log σ, z or u, and the kernel's.
    int Memory => (2 * kernel.Numbers + 1 + kernel.Codes) * Tile.Rows + kernel.Memory;

    /// <summary>z: (B, Codes).</summary>
    /// <param name="x">x̃: (B, Numbers).</param>
    /// <param name="log">log σ: (B).</param>
    public void Encode(float* x, float* log, float* z) => Vectors.Run(new Work(this, x, log, z, true));

    /// <summary>u: (B, Numbers).</summary>
    /// <param name="keeps">Whether <see cref="Back"/> will follow.</param>
    public void Through(float* x, float* log, float* u, bool keeps)
    {
        if (keeps)
        {
            gradients = Lent.Floats(tiles * kernel.Kept * Tile.Rows);
            inputs = Lent.Floats(tiles * kernel.Turned * Tile.Rows);
        }
        Vectors.Run(new Work(this, x, log, u, false));
    }

    /// <summary>∂ of every weight and bias, and of x̃, from ∂ of u.</summary>
    /// <param name="du">(B, Numbers).</param>
    /// <param name="weights">A layer's (Outputs, Inputs), then its (Outputs); null pointers for those that are not wanted.</param>
    /// <param name="dx">(B, Numbers); null if it is not wanted.</param>
    public void Back(float* du, nint[] weights, float* dx)
    {
        Vectors.Run(new Work(this, du, null, dx, false));
        Vectors.Run(new Weights(this, weights));
        gradients!.Return();
        inputs!.Return();
        (gradients, inputs) = (null, null);
    }

    /// <summary>Whether what <see cref="Back"/> needs is there: it is used once.</summary>
    public bool Keeps => gradients is not null;

    readonly struct Work(AutoencoderPass pass, float* from, float* log, float* to, bool encode) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> => Tile.Each(pass.rows, pass.Memory, new One<T>(pass, from, log, to, encode));
    }

    readonly struct One<T>(AutoencoderPass pass, float* from, float* log, float* to, bool encode) : ITileWork
        where T : unmanaged, IVector<T>
    {
        public void Do(long first, int count, float* memory)
        {
            if (log != null)
                pass.Forward<T>(from, log, to, encode, first, count, memory);
            else
                pass.Backward<T>(from, to, first, count, memory);
        }
    }

    readonly struct Weights(AutoencoderPass pass, nint[] weights) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T>
        {
            var panels = MlpPass.Panels(pass.kernel.Layers);
            var (of, to) = (pass, weights);
            Tile.EachOf(panels.Length, of.tiles * Tile.Rows, i => of.Panel<T>(panels[i].Layer, panels[i].Output, to));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Forward<T>(float* x, float* log, float* to, bool encode, long first, int count, float* memory)
        where T : unmanaged, IVector<T>
    {
        float* here = memory,
            noise = here + kernel.Numbers * Tile.Rows,
            result = noise + Tile.Rows,
            work = result + (kernel.Numbers + kernel.Codes) * Tile.Rows;
        Tile.Gather(x, first, count, kernel.Numbers, here);
        Tile.Gather(log, first, count, 1, noise);
        kernel.Through<T>(
            here,
            noise,
            encode ? result : null,
            encode ? null : result,
            Keeps ? Kept(first) : null,
            Keeps ? inputs!.Address : null,
            first,
            tiles * Tile.Rows,
            work
        );
        Tile.Scatter(result, first, count, encode ? kernel.Codes : kernel.Numbers, to);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Backward<T>(float* du, float* dx, long first, int count, float* memory)
        where T : unmanaged, IVector<T>
    {
        float* kept = Kept(first),
            work = memory + kernel.Numbers * Tile.Rows;
        Tile.GatherGradient(du, first, count, kernel.Numbers, kernel.OfU(kept));
        kernel.Back<T>(kept, dx == null ? null : memory, work);
        if (dx != null)
            Tile.Scatter(memory, first, count, kernel.Numbers, dx);
    }

    void Panel<T>(int l, int output, nint[] weights)
        where T : unmanaged, IVector<T>
    {
        var layer = kernel.Layers[l];
        if (weights[2 * l] != 0)
            WeightGradient.Panel<T>(
                gradients!.Address + kernel.Gradients[l] * Tile.Rows,
                kernel.Kept,
                output,
                tiles,
                inputs!.Address + kernel.Inputs[l] * tiles * Tile.Rows,
                layer.Inputs,
                layer.Outputs,
                (float*)weights[2 * l],
                (float*)weights[2 * l + 1]
            );
    }

    float* Kept(long first) => gradients!.Address + first * kernel.Kept;
}
