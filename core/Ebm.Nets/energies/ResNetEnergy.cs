namespace Ebm.Nets;

/// <summary>
/// A ResNet without normalisation over the batch, for one energy or several: the features of <see cref="ResidualTrunk"/>, then a dense layer: (B, C, H, W) →
/// (B, …to).
/// </summary>
public sealed class ResNetEnergy : nn.Module<Tensor, Tensor>
{
    readonly ResidualTrunk trunk;
    readonly Modules.Linear head;
    readonly long[] to;

    /// <param name="kind">The net's kind, for errors.</param>
    public ResNetEnergy(ResidualTrunkSpec settings, string kind, Rng rng, long[] from, long[] to)
        : base(nameof(ResNetEnergy))
    {
        this.to = to;
        trunk = new(settings, "energy", kind, from, rng.Stream("trunk"));
        head = nn.Linear(trunk.Features, to.Size(), device: rng.Device);
        RegisterComponents();
        this.DrawnFrom(rng);
        trunk.Begin();
    }

    public override Tensor forward(Tensor x) => head.call(trunk.Of(x)).reshape(to.Rows(x.shape[0]));
}

/// <summary>A ResNet for square images.</summary>
/// <param name="Trunk">The layers below the last.</param>
[Kind("resnet-energy")]
public sealed record ResNetEnergySpec(ResidualTrunkSpec? Trunk = null) : INetSpec, IOnResidualTrunk
{
    public ResidualTrunkSpec Trunk { get; } = Trunk ?? new();

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) => new ResNetEnergy(Trunk, "resnet-energy", rng, from, to);
}
