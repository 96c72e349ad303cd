namespace Ebm.Nets;

/// <summary>
/// A small U-shaped denoising autoencoder for images: two strided convolutions down, z dense at the bottom, and back up with a skip at
/// each resolution. log σ is a plane beside the pixels, and r(x̃, σ) = x̃ + σ u, so that u is of unit size at every σ. Smooth
/// activations: chains follow the slope of |x − r|². (Our completion: the paper says ResNet and U-Net, and no more.)
/// </summary>
public sealed class ConvAutoencoder : Autoencoder
{
    readonly Modules.Conv2d down1,
        down2,
        inner,
        outer,
        up1,
        join,
        up2;
    readonly Modules.Linear narrow,
        wide;
    readonly long width,
        side;

    public ConvAutoencoder(ConvAutoencoderSpec settings, Rng rng, long[] shape, long codes)
        : base(nameof(ConvAutoencoder))
    {
        side = Images.Quarter("autoencoder", "conv-autoencoder", shape);
        width = settings.Width;
        var (w, device, channels) = (width, rng.Device, shape[0]);
        var flat = 2 * w * side * side;
        down1 = nn.Conv2d(channels + 1, w, 4, stride: 2, padding: 1, device: device);
        down2 = nn.Conv2d(w, 2 * w, 4, stride: 2, padding: 1, device: device);
        inner = nn.Conv2d(2 * w, 2 * w, 3, padding: 1, device: device);
        narrow = nn.Linear(flat, codes, device: device);
        wide = nn.Linear(codes, flat, device: device);
        outer = nn.Conv2d(2 * w, 2 * w, 3, padding: 1, device: device);
        up1 = nn.Conv2d(2 * w, 4 * w, 1, device: device);
        join = nn.Conv2d(2 * w, w, 3, padding: 1, device: device);
        up2 = nn.Conv2d(w, 4 * channels, 3, padding: 1, device: device);
        RegisterComponents();
        this.DrawnFrom(rng);
    }

    public override Tensor Encode(Tensor noisy, Tensor noise)
    {
        Cost.Pass(noisy);
        return narrow.call(Down(noisy, noise).Coarse.flatten(1));
    }

    public override Tensor Restore(Tensor noisy, Tensor noise)
    {
        Cost.Pass(noisy);
        var (fine, coarse) = Down(noisy, noise);
        var back = coarse + wide.call(narrow.call(coarse.flatten(1))).view(-1, 2 * width, side, side);
        var up = Active(nn.functional.pixel_shuffle(up1.call(Active(outer.call(back))), 2));
        var u = nn.functional.pixel_shuffle(up2.call(Active(join.call(cat([up, fine], 1)))), 2);
        return noisy + noise.PerRow(noisy) * u;
    }

    /// <summary>Features at half and at a quarter of the resolution.</summary>
    (Tensor Fine, Tensor Coarse) Down(Tensor noisy, Tensor noise)
    {
        var plane = noise.log().PerRow(noisy).expand(-1, 1, noisy.shape[2], noisy.shape[3]);
        var fine = Active(down1.call(cat([noisy, plane], 1)));
        return (fine, Active(inner.call(Active(down2.call(fine)))));
    }

    static Tensor Active(Tensor x) => nn.functional.silu(x);
}

/// <summary>A small U-shaped convolutional denoising autoencoder for square images.</summary>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
[Kind("conv-autoencoder")]
public sealed record ConvAutoencoderSpec(int Width = 32) : IAutoencoderSpec
{
    public int Width { get; } = Require.Units(Width);

    public Autoencoder Build(Rng rng, long[] shape, long codes) => new ConvAutoencoder(this, rng, shape, codes);
}
