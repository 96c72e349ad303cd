namespace Ebm.Nets;

/// <summary>What a net is told about a noise level.</summary>
public enum TimeCode
{
    /// <summary>Its number, as in the released code of recovery likelihood.</summary>
    Index,

    /// <summary>The angle arctan(noise/signal), as in the code of cooperative recovery likelihood.</summary>
    Angle,
}

/// <summary>
/// The network of diffusion recovery likelihood (Gao et al. 2021), layer by layer as in the released code: a ResNet whose blocks are told the level, and a head
/// whose weights depend on it:
/// <code>
/// e = embedding of the level          2 dense layers of 4w on w sines and cosines
/// f = features of the image           <see cref="ResidualTrunk"/>, each block told e; last activation ReLU
/// E(x, ℓ) = f · dense(a(e))           w m_{K−1} numbers each, this dense layer without spectral norm
/// </code>
/// All other layers have spectral norms with one power iteration per pass, in their code also of the passes inside chains (freeze: false). They have w = 128, n
/// = 8, m = 1, 2, 2, 2 and leaky ReLU on CIFAR-10: 34,833,408 weights.
/// </summary>
public sealed class LevelResNetTime : LevelNet
{
    readonly ResidualTrunk trunk;
    readonly TimeEmbedding embedding;
    readonly Modules.Linear head;
    readonly Activation activation;
    readonly Tensor codes;

    public LevelResNetTime(LevelResNetTimeSpec settings, Rng rng, long[] shape, NoiseSchedule noise)
        : base(nameof(LevelResNetTime))
    {
        Levels = noise.Levels;
        activation = settings.Trunk.Activation;
        codes =
            settings.Time == TimeCode.Index
                ? arange(Levels, dtype: noise.Noise.dtype, device: rng.Device)
                : TimeEmbedding.Angle(noise.Noise, noise.Signal);
        var width = (long)settings.Trunk.Width;
        embedding = new(width, activation, settings.Trunk.Spectral, rng.Stream("embedding"));
        trunk = new(settings.Trunk, "energy", "level-resnet-time", shape, rng.Stream("trunk"), embedding: 4 * width);
        head = nn.Linear(4 * width, trunk.Features, device: rng.Device);
        RegisterComponents();
        this.DrawnFrom(rng, settings.Xavier);
        trunk.Begin();
    }

    public override int Levels { get; }

    protected override Tensor EnergyAt(Tensor x, Tensor level)
    {
        var e = embedding.call(codes.to(x.dtype)[level]);
        return (trunk.Of(x, e) * head.call(activation.Of(e))).sum(1);
    }
}

/// <summary>A ResNet for square images that is told the noise level.</summary>
/// <param name="Trunk">The layers below the head; an even width of at least 4.</param>
/// <param name="Time">What the net is told.</param>
/// <param name="Xavier">Initial weights of the released code: uniform with the mean of fan-in and fan-out, biases 0; false: libtorch's.</param>
[Kind("level-resnet-time")]
public sealed record LevelResNetTimeSpec(ResidualTrunkSpec? Trunk = null, TimeCode Time = TimeCode.Index, bool Xavier = true)
    : ILevelEnergySpec,
        IOnResidualTrunk
{
    public ResidualTrunkSpec Trunk { get; } = TimeEmbedding.Checked(Trunk ?? new(), trunk => trunk.Width, nameof(Trunk));

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) => new LevelResNetTime(this, rng, shape, noise);
}
