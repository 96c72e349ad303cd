namespace Ebm.Core;

/// <summary>
/// A network that computes a level energy, which a method registers and trains. It counts the cost of its passes, so implementations need not. A
/// class, not an interface, because TorchSharp saves and restores modules.
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

    /// <summary>Energies with one level per row, in one pass: (B, …), (B) int64 → (B).</summary>
    protected abstract Tensor EnergyAt(Tensor x, Tensor level);

    /// <summary>Energies at every level in one pass: (B, …) → (B, Levels); null if each level needs a pass of its own.</summary>
    protected virtual Tensor? EveryEnergy(Tensor x) => null;
}
