namespace Ebm.Nets;

/// <summary>x̃ ↦ (r(x̃, σ) − x̃)/σ of the fully connected autoencoder on tiles: what chains under its reconstruction error evaluate.</summary>
/// <param name="log">log σ of each row: (B), contiguous.</param>
sealed unsafe class TiledAutoencoder(AutoencoderKernel kernel, Tensor log) : TiledFunction
{
    public override int Inputs => kernel.Numbers;
    public override int Outputs => kernel.Numbers;

    // log σ, what is kept for the way back, and the working memory.
    public override int Memory => (1 + kernel.Kept) * Tile.Rows + kernel.Memory;

    public override void Begin(long first, int count, float* memory) => Tile.Gather(Floats.Of(log), first, count, 1, memory);

    public override void Through<T>(float* x, float* y, bool keeps, float* memory) =>
        kernel.Through<T>(x, memory, null, y, keeps ? Kept(memory) : null, null, 0, 0, Work(memory));

    public override void Back<T>(float* dy, float* dx, float* memory)
    {
        MlpMap.Copy(dy, kernel.OfU(Kept(memory)), kernel.Numbers);
        kernel.Back<T>(Kept(memory), dx, Work(memory));
    }

    static float* Kept(float* memory) => memory + Tile.Rows;

    float* Work(float* memory) => memory + (1 + kernel.Kept) * Tile.Rows;
}
