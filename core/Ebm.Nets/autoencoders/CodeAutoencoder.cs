namespace Ebm.Nets;

/// <summary>
/// A small denoising autoencoder of square images that sees x̃ through the code alone: r(x̃, σ) = g(f(x̃, σ)).
/// <code>
/// f   x̃ and a plane of log σ    two strided convolutions, a convolution, dense: the code    (<see cref="ConvTrunk"/>)
/// g   the code                  dense, two upsamplings                                      (<see cref="ConvDecoder"/>)
/// </code>
/// Rows that the code cannot express are far from r(x), so that |x − r(x)|² grows away from the data. (Our completion: the paper names only ResNet and U-Net.)
/// </summary>
public sealed class CodeAutoencoder : Autoencoder
{
    readonly ConvTrunk trunk;
    readonly Modules.Linear narrow;
    readonly ConvDecoder decoder;

    public CodeAutoencoder(CodeAutoencoderSpec settings, Rng rng, long[] shape, long codes)
        : base(nameof(CodeAutoencoder))
    {
        const string Kind = "code-autoencoder";
        trunk = new(
            this,
            "autoencoder",
            Kind,
            shape,
            settings.Width,
            Activation.Silu,
            rng.Device,
            settings.Precision,
            planes: 1,
            returns: false
        );
        narrow = nn.Linear(trunk.Flat, codes, device: rng.Device);
        decoder = new("autoencoder", Kind, settings.Width, settings.Precision, rng.Stream("decoder"), [codes], shape);
        RegisterComponents();
        this.DrawnFrom(rng);
    }

    protected override Tensor Encoded(Tensor noisy, Tensor noise)
    {
        var plane = noise.log().PerRow(noisy).expand(-1, 1, noisy.shape[2], noisy.shape[3]);
        // A code enters energies, so that it is not rounded to bfloat16.
        return narrow.call(trunk.Down(cat([noisy, plane], 1)).Coarse.flatten(1).to(noisy.dtype));
    }

    protected override Tensor Restored(Tensor noisy, Tensor noise) => decoder.call(Encoded(noisy, noise));
}

/// <summary>A small convolutional denoising autoencoder of square images without a way past the code.</summary>
/// <param name="Width">Channels at half resolution, of the encoder and of the decoder; twice as many at a quarter.</param>
[Kind("code-autoencoder")]
public sealed record CodeAutoencoderSpec(int Width = 32, Precision Precision = Precision.Float32) : IAutoencoderSpec, ITakesSquareImages
{
    public int Width { get; } = Require.Units(Width);

    public Autoencoder Build(Rng rng, long[] shape, long codes) => new CodeAutoencoder(this, rng, shape, codes);
}
