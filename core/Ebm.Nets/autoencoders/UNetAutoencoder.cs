namespace Ebm.Nets;

/// <summary>
/// Denoising-EBM's autoencoder: a U-Net of residual blocks (<see cref="UNet"/>) that are told the noise level, with a code at the bottom. The paper names
/// ResNet blocks, a U-Net and skip connections; widths, depths, the size of the code and how the net is told σ are ours:
/// <code>
/// e = embedding of arctan σ          2 dense layers of 4w on w sines and cosines
/// bottom = way down of x̃             each block told e
/// z = dense(bottom)                  the code
/// r = way up of a(dense(z))          each block told e; sees the scales above the bottom if skips is set
/// </code>
/// The code replaces the bottom, it is not added to it; and r is not x̃ plus something: with either, what passes by the code would bypass it, and an energy
/// |x − r|² of r = x̃ + σu does not grow away from the data.
/// </summary>
public sealed class UNetAutoencoder : Autoencoder
{
    readonly UNet net;
    readonly TimeEmbedding embedding;
    readonly Modules.Linear narrow,
        wide;
    readonly Activation activation;

    public UNetAutoencoder(UNetAutoencoderSpec settings, Rng rng, long[] shape, long codes)
        : base(nameof(UNetAutoencoder))
    {
        var spec = settings.Net;
        activation = spec.Activation;
        embedding = new(spec.Width, activation, null, rng.Stream("embedding"));
        net = new(spec, "autoencoder", "unet-autoencoder", shape, rng.Stream("net"), embedding: 4 * spec.Width, skips: settings.Skips);
        narrow = nn.Linear(net.Bottom.Size(), codes, device: rng.Device);
        wide = nn.Linear(codes, net.Bottom.Size(), device: rng.Device);
        RegisterComponents();
        this.DrawnFrom(rng);
        net.Begin();
    }

    protected override Tensor Encoded(Tensor noisy, Tensor noise) => Code(net.Down(noisy, Told(noise)).Bottom, noisy.dtype);

    protected override Tensor Restored(Tensor noisy, Tensor noise)
    {
        var e = Told(noise);
        var (kept, bottom) = net.Down(noisy, e);
        var h = activation.Of(wide.call(Code(bottom, noisy.dtype))).reshape(net.Bottom.Rows(noisy.shape[0]));
        return net.Up(ConvTrunk.ChannelsLast(h.to(bottom.dtype)), kept, e).to(noisy.dtype);
    }

    Tensor Code(Tensor bottom, ScalarType dtype) => narrow.call(activation.Of(bottom).to(dtype).flatten(1));

    Tensor Told(Tensor noise) => embedding.call(TimeEmbedding.Angle(noise, ones_like(noise)));
}

/// <summary>A U-Net with a code, as a denoising autoencoder of square images.</summary>
/// <param name="Net">The U-Net; an even width of at least 4.</param>
/// <param name="Skips">Whether the way up sees the scales above the bottom: sharper reconstructions, and codes that matter less.</param>
[Kind("unet-autoencoder")]
public sealed record UNetAutoencoderSpec(UNetSpec? Net = null, bool Skips = true) : IAutoencoderSpec, INeedsShape
{
    public UNetSpec Net { get; } = TimeEmbedding.Checked(Net ?? new(), net => net.Width, nameof(Net));

    bool INeedsShape.Takes(long[] shape) => Net.Takes(shape);

    string INeedsShape.Needed => Net.Needed;

    public Autoencoder Build(Rng rng, long[] shape, long codes) => new UNetAutoencoder(this, rng, shape, codes);
}
