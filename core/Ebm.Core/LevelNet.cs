namespace Ebm.Core;

/// <summary>
/// A level energy that is a network: what a method registers and trains. It counts what its passes cost, so that no network has to.
/// Abstract only because a module is what this ecosystem saves and restores.
/// </summary>
public abstract class LevelNet(string name) : nn.Module(name), ILevelEnergy
{
    public abstract int Levels { get; }

    public Tensor At(Tensor x, Tensor level)
    {
        Cost.Pass(x);
        return EnergyAt(x, level);
    }

    public Tensor All(Tensor x)
    {
        if (EveryEnergy(x) is { } table)
        {
            Cost.Pass(x);
            return table;
        }
        var rows = x.shape[0];
        var levels = arange(Levels, device: x.device).repeat(rows);
        return At(x.repeat_interleave(Levels, 0), levels).reshape(rows, Levels);
    }

    /// <summary>Each row at its own level, in one pass: (B, …), (B) int64 → (B).</summary>
    protected abstract Tensor EnergyAt(Tensor x, Tensor level);

    /// <summary>Every level in one pass: (B, …) → (B, Levels); null, and each level of a row costs a pass.</summary>
    protected virtual Tensor? EveryEnergy(Tensor x) => null;
}
