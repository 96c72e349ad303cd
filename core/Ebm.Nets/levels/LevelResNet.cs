namespace Ebm.Nets;

/// <summary>
/// DAEBM's ResNet (Zhang, Tan and Ou 2023) with one head per level: one pass gives the energies of all levels. Their code tells the net the level instead, as
/// level-resnet-time does, so that a draw of the level takes a pass for each. On 28×28 it has w = 128, n = 1 and m = 1, 2, 2, 2 with SiLU:
/// <code>
/// 28×28×1, padded to 32×32        conv 3×3, 128
/// 32×32                           block 128 → 128
/// pool, 16×16                     block 128 → 256
/// pool, 8×8                       block 256 → 256
/// pool, 4×4                       block 256 → 256
/// SiLU, sum over pixels           256 features, dense to one number per level
/// </code>
/// </summary>
/// <param name="Trunk">The layers below the heads.</param>
[Kind("level-resnet")]
public sealed record LevelResNetSpec(ResidualTrunkSpec? Trunk = null) : ILevelEnergySpec, IOnResidualTrunk
{
    public ResidualTrunkSpec Trunk { get; } = Trunk ?? new();

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) =>
        new LevelHeads(new ResNetEnergy(Trunk, "level-resnet", rng, shape, [noise.Levels]), noise.Levels);
}
