namespace Ebm.Core;

/// <summary>
/// The twin of <see cref="KineticLangevin"/>, with h = 2√λ: x ← x + (h/2) v, v ← e^{−κh} (v − (h/2) ∇E(x)) + √(1 − e^{−2κh}) ξ − (h/2) ∇E(x),
/// x ← x + (h/2) v.
/// </summary>
sealed unsafe class TiledKineticLangevin(PerRow step, double friction) : TiledKernel
{
    public override int Draws => 1;

    public override bool CarriesMomentum => true;

    // The step sizes, then ξ.
    public override int Memory(int numbers) => (1 + numbers) * Tile.Rows;

    public override void Begin(long first, int count, float* memory) => step.Gather(first, count, memory);

    public override void Step<T>(ref TiledChains chains)
    {
        float* noise = chains.Own + Tile.Rows,
            x = chains.State.Position,
            v = chains.Momentum;
        var size = chains.State.Size;
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var half = T.Sqrt(T.Load(chains.Own + lane));
            for (var i = lane; i < size; i += Tile.Rows)
                T.Store(T.Load(x + i) + half * T.Load(v + i), x + i);
        }
        chains.State.Moved();
        chains.Computed += chains.State.Under<T>(withSlope: true);
        chains.Draws.Normal<T>(noise);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var half = T.Sqrt(T.Load(chains.Own + lane));
            var keep = Functions.Exp(T.Of((float)-friction) * (half + half));
            var spread = T.Sqrt(T.Of(1) - keep * keep);
            for (var i = lane; i < size; i += Tile.Rows)
            {
                var kick = half * T.Load(chains.State.Slope + i);
                var next = keep * (T.Load(v + i) - kick) + spread * T.Load(noise + i) - kick;
                T.Store(next, v + i);
                T.Store(T.Load(x + i) + half * next, x + i);
            }
        }
        chains.State.Moved();
        chains.AcceptAll<T>();
    }
}
