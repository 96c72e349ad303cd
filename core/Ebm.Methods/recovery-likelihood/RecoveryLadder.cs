using Ebm.Core;

namespace Ebm.Methods;

/// <summary>
/// Recovery likelihood's energies as a ladder: E(a_{t+1} x_t, t) of rows x_t at each level below the top; at the top, the normalised Gaussian where
/// generation starts.
/// </summary>
/// <param name="at">−log p(y_t) + const in nats, with one rung per row.</param>
/// <param name="top">−log N of the top level, in nats.</param>
sealed class RecoveryLadder(RecoveryTables tables, Func<Tensor, Energy> at, Energy top) : ILevelEnergy
{
    public int Levels => tables.Energies + 1;

    public Tensor At(Tensor x, Tensor level)
    {
        Tensor Below(Tensor t) => at(t).Of(tables.A[t].PerRow(x) * x);
        var highest = level == tables.Energies;
        // A GPU computes both cases, because reading one flag back would stop it at each step of a chain.
        var mayBeHighest = level.device_type != DeviceType.CPU || highest.any().item<bool>();
        return mayBeHighest ? where(highest, top.Of(x), Below(level.clamp(max: tables.Energies - 1))) : Below(level);
    }

    public Tensor All(Tensor x) => stack([.. Enumerable.Range(0, tables.Energies).Select(t => At(x, x.AllAt(t))), top.Of(x)], 1);
}
