namespace Ebm.Core;

/// <summary>
/// A level energy that is a network: what a method registers and trains. Abstract only because a module is what this ecosystem saves
/// and restores.
/// </summary>
public abstract class LevelNet(string name) : nn.Module(name), ILevelEnergy
{
    public abstract int Levels { get; }

    public abstract Tensor At(Tensor x, Tensor level);

    public abstract Tensor All(Tensor x);
}
