using Ebm.Core;

namespace Ebm.Methods;

/// <summary>
/// An amortised start of recovery chains, as in cooperative diffusion recovery likelihood (Zhu, Xie, Wu, Gao, ICLR 2024, and their code):
/// <code>y_t⁰ = mean(x_{t+1}, t) + √(a_{t+1}² noise_t² σ_{t+1}² / noise_{t+1}²) ξ,   loss = |y_tᴷ − y_t⁰|²</code>
/// Langevin refines the proposal, and the proposal is trained towards the refined row. The spread is that of y_t given x_{t+1} and x₀, the
/// diffusion's posterior. Our completion: mean = x_{t+1} + σ_{t+1} g(x_{t+1}, t), so that a net with output 0 proposes the start of the older
/// paper; g receives t as a one-hot code, for images as planes of pixels.
/// </summary>
public sealed class CooperativeInitialiser : nn.Module
{
    readonly RecoveryTables tables;
    readonly nn.Module<Tensor, Tensor> g;
    readonly Tensor spread;
    readonly bool isOfImages;

    public CooperativeInitialiser(CooperativeInitialiserSpec settings, RecoveryTables tables, Rng rng, long[] shape)
        : base(nameof(CooperativeInitialiser))
    {
        this.tables = tables;
        isOfImages = shape.Length == 3;
        g = settings.Net.Build(rng, isOfImages ? [shape[0] + tables.Energies, .. shape[1..]] : [shape.Size() + tables.Energies], shape);
        var noise = tables.Noise.Noise;
        spread = tables.A * noise.narrow(0, 0, tables.Energies) * tables.Sigma / noise.narrow(0, 1, tables.Energies);
        register_module("net", g);
    }

    /// <summary>y_t⁰, with a graph of the mean: (B, …), (B) int64 → (B, …).</summary>
    public Tensor Propose(Tensor above, Tensor t, Rng rng)
    {
        var code = nn.functional.one_hot(t, tables.Energies).to(above.dtype);
        var told = isOfImages
            ? cat([above, code.reshape(-1, tables.Energies, 1, 1).expand(-1, -1, above.shape[2], above.shape[3])], 1)
            : cat([above.Flat(), code], 1);
        var mean = above + tables.Sigma[t].PerRow(above) * g.call(told);
        return mean + spread[t].PerRow(above) * rng.NormalLike(above);
    }
}

/// <summary>A network that proposes the starts of recovery chains.</summary>
/// <param name="Net">To a row, from a flat row followed by the rung's one-hot code; for images, from an image followed by the code as planes.</param>
public sealed record CooperativeInitialiserSpec(INetSpec Net);
