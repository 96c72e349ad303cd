namespace Ebm.Nets;

/// <summary>A record of a net whose images are those of <see cref="ConvTrunk"/>.</summary>
interface ITakesSquareImages : INeedsShape
{
    bool INeedsShape.Takes(long[] shape) => ConvTrunk.Takes(shape);

    string INeedsShape.Needed => ConvTrunk.Needed;
}

/// <summary>
/// The trunk of the convolutional nets for square images: two strided convolutions reduce the side to a half and to a quarter. Nets that output an
/// image have two pixel shuffles back up, with a skip at half the side. Each net defines the layers between. The net that owns the trunk registers
/// the layers under their own names.
/// </summary>
sealed class ConvTrunk
{
    readonly Modules.Conv2d down1,
        down2,
        inner;
    readonly Modules.Conv2d? outer,
        up1,
        join,
        up2;
    readonly long width,
        side;
    readonly Activation activation;
    readonly Precision precision;

    /// <param name="owner">The net that registers the layers.</param>
    /// <param name="setting">The setting to name in errors.</param>
    /// <param name="kind">The net's kind, for errors.</param>
    /// <param name="image">(C, H, W).</param>
    /// <param name="width">Channels at half the side; twice as many at a quarter.</param>
    /// <param name="planes">Input planes in addition to the image's channels.</param>
    /// <param name="returns">Whether the net outputs an image.</param>
    /// <exception cref="SettingException">The rows are not square images whose side is a multiple of 4.</exception>
    public ConvTrunk(
        nn.Module owner,
        string setting,
        string kind,
        long[] image,
        int width,
        Activation activation,
        Device device,
        Precision precision = Precision.Float32,
        int planes = 0,
        bool returns = true
    )
    {
        (this.width, this.activation, this.precision) = (width, activation, precision);
        side = Quarter(setting, kind, image);
        var (w, channels) = (this.width, image[0]);
        down1 = Layer("down1", channels + planes, w, 4, stride: 2);
        down2 = Layer("down2", w, 2 * w, 4, stride: 2);
        inner = Layer("inner", 2 * w, 2 * w, 3);
        if (!returns)
            return;
        outer = Layer("outer", 2 * w, 2 * w, 3);
        up1 = Layer("up1", 2 * w, 4 * w, 1);
        join = Layer("join", 2 * w, w, 3);
        up2 = Layer("up2", w, 4 * channels, 3);

        Modules.Conv2d Layer(string name, long from, long to, long kernel, long stride = 1)
        {
            var layer = nn.Conv2d(from, to, kernel, stride: stride, padding: kernel > 1 ? 1 : 0, device: device);
            owner.register_module(name, layer);
            return layer;
        }
    }

    /// <summary>The rows that <see cref="Takes"/> is true for.</summary>
    public const string Needed = "square images whose side is a multiple of 4";

    /// <summary>Whether the rows are square images whose side is a multiple of 4.</summary>
    public static bool Takes(long[] shape) => shape is [_, var height, var width] && height == width && height % 4 == 0;

    /// <summary>A quarter of an image's side.</summary>
    /// <exception cref="SettingException">The rows are not square images whose side is a multiple of 4.</exception>
    public static long Quarter(string setting, string kind, long[] shape) =>
        Takes(shape)
            ? shape[1] / 4
            : throw new SettingException(setting, $"{kind} needs {Needed}; these rows have shape ({string.Join(", ", shape)})");

    /// <summary>Numbers per row at a quarter of the side.</summary>
    public long Flat => 2 * width * side * side;

    /// <summary>(B, C + planes, H, W) → features at half the side, (B, width, H/2, W/2), and at a quarter, (B, 2 width, H/4, W/4).</summary>
    public (Tensor Fine, Tensor Coarse) Down(Tensor x)
    {
        var fine = Active(precision.Halve(down1, x));
        // Dense layers read channel by channel. The copy is made before the activation, whose gradient then has one order of numbers throughout; with two,
        // it takes several times as long.
        return (fine, Active(Conv(inner, Active(Conv(down2, fine, stride: 2))).contiguous()));
    }

    /// <summary>Features at a quarter of the side, and the skip at half of it → (B, C, H, W), linear.</summary>
    public Tensor Up(Tensor coarse, Tensor fine)
    {
        var up = Active(nn.functional.pixel_shuffle(Conv(up1!, Active(Conv(outer!, coarse)), padding: 0), 2));
        return nn.functional.pixel_shuffle(Conv(up2!, Active(Conv(join!, cat([up, fine], 1)))), 2);
    }

    /// <summary>(B, Flat) → (B, 2 width, H/4, W/4).</summary>
    public Tensor AtQuarter(Tensor flat) => flat.view(-1, 2 * width, side, side);

    /// <summary>A dense layer of the owner, in the trunk's arithmetic.</summary>
    public Tensor Dense(Modules.Linear layer, Tensor x) => precision.Dense(layer, x);

    public Tensor Active(Tensor x) => activation.Of(x);

    /// <summary>Makes the channels of a pixel adjacent in memory, which is fastest for convolutions; the shape stays (B, C, H, W).</summary>
    public static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    Tensor Conv(Modules.Conv2d layer, Tensor x, long stride = 1, long padding = 1) => precision.Conv(layer, x, stride, padding);
}
