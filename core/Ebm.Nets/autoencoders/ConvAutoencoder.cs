namespace Ebm.Nets;

/// <summary>
/// A small U-shaped denoising autoencoder for images; z is a dense layer at the bottom of the trunk. log σ is an additional plane of the input, and
/// r(x̃, σ) = x̃ + σ u, so that u has unit size at every σ. Activations are smooth because chains follow the slope of |x − r|². (Our completion:
/// the paper names only ResNet and U-Net.)
/// </summary>
public sealed class ConvAutoencoder : Autoencoder
{
    readonly ConvTrunk trunk;
    readonly Modules.Linear narrow,
        wide;

    public ConvAutoencoder(ConvAutoencoderSpec settings, Rng rng, long[] shape, long codes)
        : base(nameof(ConvAutoencoder))
    {
        trunk = new(
            this,
            "autoencoder",
            "conv-autoencoder",
            shape,
            settings.Width,
            Activation.Silu,
            rng.Device,
            settings.Precision,
            planes: 1
        );
        narrow = nn.Linear(trunk.Flat, codes, device: rng.Device);
        wide = nn.Linear(codes, trunk.Flat, device: rng.Device);
        RegisterComponents();
        this.DrawnFrom(rng);
    }

    protected override Tensor Encoded(Tensor noisy, Tensor noise) => Narrowed(Down(noisy, noise).Coarse, noisy.dtype);

    protected override Tensor Restored(Tensor noisy, Tensor noise)
    {
        var (fine, coarse) = Down(noisy, noise);
        var u = trunk.Up(coarse + trunk.AtQuarter(trunk.Dense(wide, Narrowed(coarse, noisy.dtype))), fine);
        return noisy + noise.PerRow(noisy) * u.to(noisy.dtype);
    }

    // A code enters energies, so that it is not rounded to bfloat16.
    Tensor Narrowed(Tensor coarse, ScalarType dtype) => narrow.call(coarse.flatten(1).to(dtype));

    (Tensor Fine, Tensor Coarse) Down(Tensor noisy, Tensor noise)
    {
        var plane = noise.log().PerRow(noisy).expand(-1, 1, noisy.shape[2], noisy.shape[3]);
        return trunk.Down(cat([noisy, plane], 1));
    }
}

/// <summary>A small U-shaped convolutional denoising autoencoder for square images.</summary>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
[Kind("conv-autoencoder")]
public sealed record ConvAutoencoderSpec(int Width = 32, [OldRunsHad(Precision.Float32)] Precision Precision = Precision.Float32)
    : IAutoencoderSpec,
        ITakesSquareImages
{
    public int Width { get; } = Require.Units(Width);

    public Autoencoder Build(Rng rng, long[] shape, long codes) => new ConvAutoencoder(this, rng, shape, codes);
}
