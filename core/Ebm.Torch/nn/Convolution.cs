// The modules of the convolutions. Weights and biases start as U[−1/√fan, 1/√fan), fan = in / groups · |kernel|.
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Modules;

/// <summary>How many channels go in and come out, in how many groups, and whether each that comes out has a bias.</summary>
internal sealed record Channels(long In, long Out, long Groups, bool Bias);

/// <summary>The window of a convolution, one number per dimension; the padding is numbers or a rule.</summary>
internal sealed record Window(long[] Kernel, long[] Stride, long[]? Padding, Padding? PaddingType, long[] Dilation);

/// <summary>What the convolutions share: settings, weight and bias, and padding that libtorch's convolutions do not do.</summary>
public abstract class Convolution : Module<Tensor, Tensor>
{
    private readonly int dimensions;

    private protected Convolution(
        string name,
        Channels channels,
        Window window,
        long[]? outputPadding,
        PaddingModes mode,
        Device? device,
        ScalarType? dtype
    )
        : base(name)
    {
        dimensions = window.Kernel.Length;
        transposed = outputPadding is not null;
        if (transposed && mode != PaddingModes.Zeros)
            throw new ArgumentException($"{name} pads with zeros only; {mode} has no transpose here.", "padding_mode");
        if (window.PaddingType == Padding.Same && window.Stride.Any(step => step != 1))
            throw new ArgumentException(
                $"{name} with padding Same keeps the input's size, which a stride of ({string.Join(", ", window.Stride)}) cannot; "
                    + "give the padding as a number.",
                "padding"
            );

        (in_channels, out_channels, groups, padding_mode) = (channels.In, channels.Out, channels.Groups, mode);
        (kernel_size, stride, dilation) = (window.Kernel, window.Stride, window.Dilation);
        (padding, padding_type, output_padding) = (window.Padding, window.PaddingType, outputPadding ?? new long[dimensions]);

        long[] planes = transposed ? [in_channels, out_channels / groups] : [out_channels, in_channels / groups];
        weight = Parameter(empty([.. planes, .. kernel_size], dtype: dtype, device: device));
        if (channels.Bias)
            bias = Parameter(empty(out_channels, dtype: dtype, device: device));
        reset_parameters();
    }

    public long in_channels { get; }
    public long out_channels { get; }
    public bool transposed { get; }
    public Padding? padding_type { get; }
    public long[]? padding { get; }
    public PaddingModes padding_mode { get; set; }
    public long groups { get; set; }
    public long[] kernel_size { get; set; }
    public long[] stride { get; set; }
    public long[] dilation { get; set; }
    public long[] output_padding { get; set; }

    /// <summary>(out, in / groups, …kernel); transposed (in, out / groups, …kernel).</summary>
    public Parameter weight
    {
        get;
        set => field = Own(nameof(weight), field, value)!;
    }

    /// <summary>(out), or null.</summary>
    public Parameter? bias
    {
        get;
        set => field = Own(nameof(bias), field, value);
    }

    /// <summary>Draws the weight and the bias afresh, from torch's default generator.</summary>
    public void reset_parameters()
    {
        init.kaiming_uniform_(weight, Math.Sqrt(5));
        init.ByFanIn(bias, init.CalculateFanInAndFanOut(weight).fanIn);
    }

    /// <exception cref="ArgumentException">The input has the wrong number of dimensions or of channels.</exception>
    public override Tensor forward(Tensor input)
    {
        var shape = input.shape;
        if ((shape.Length != dimensions + 2 && shape.Length != dimensions + 1) || shape[^(dimensions + 1)] != in_channels)
            throw new ArgumentException(
                $"{GetName()} takes {in_channels} channels and then {dimensions} dimensions, with or without a batch before them; "
                    + $"the input is {input.Describe()}.",
                nameof(input)
            );
        return Convolve(input);
    }

    private protected abstract Tensor Convolve(Tensor input);

    // libtorch's convolutions pad with zeros; anything else goes round the input first.
    private protected Tensor Padded(Tensor input) => functional.pad(input, Around(), padding_mode);

    // Last dimension first, before and after, as `pad` takes it.
    private long[] Around()
    {
        var around = new List<long>();
        for (var i = dimensions - 1; i >= 0; i--)
        {
            var same = padding_type == Padding.Same ? dilation[i] * (kernel_size[i] - 1) : 0;
            var before = padding?[i] ?? same / 2;
            around.AddRange([before, padding?[i] ?? same - before]);
        }
        return [.. around];
    }
}

/// <summary>A convolution over the last dimension.</summary>
public sealed class Conv1d : Convolution
{
    internal Conv1d(Channels channels, Window window, PaddingModes mode, Device? device, ScalarType? dtype)
        : base(nameof(Conv1d), channels, window, null, mode, device, dtype) { }

    private protected override Tensor Convolve(Tensor input)
    {
        if (padding_mode != PaddingModes.Zeros)
        {
            using var padded = Padded(input);
            return functional.conv1d(padded, weight, bias, stride[0], 0, dilation[0], groups);
        }
        return padding_type is { } type
            ? functional.conv1d_padding(input, weight, bias, stride[0], type, dilation[0], groups)
            : functional.conv1d(input, weight, bias, stride[0], padding![0], dilation[0], groups);
    }
}

/// <summary>A convolution over the last two dimensions.</summary>
public sealed class Conv2d : Convolution
{
    internal Conv2d(Channels channels, Window window, PaddingModes mode, Device? device, ScalarType? dtype)
        : base(nameof(Conv2d), channels, window, null, mode, device, dtype) { }

    private protected override Tensor Convolve(Tensor input)
    {
        if (padding_mode != PaddingModes.Zeros)
        {
            using var padded = Padded(input);
            return functional.conv2d(padded, weight, bias, stride, [0, 0], dilation, groups);
        }
        return padding_type is { } type
            ? functional.conv2d_padding(input, weight, bias, stride, type, dilation, groups)
            : functional.conv2d(input, weight, bias, stride, padding, dilation, groups);
    }
}

/// <summary>The transpose of a convolution over the last two dimensions.</summary>
public sealed class ConvTranspose2d : Convolution
{
    internal ConvTranspose2d(Channels channels, Window window, long[] outputPadding, PaddingModes mode, Device? device, ScalarType? dtype)
        : base(nameof(ConvTranspose2d), channels, window, outputPadding, mode, device, dtype) { }

    private protected override Tensor Convolve(Tensor input) =>
        functional.conv_transpose2d(input, weight, bias, stride, padding, output_padding, dilation, groups);

    /// <summary>The same, with the output padding that gives (…output_size), one number per dimension.</summary>
    /// <exception cref="ArgumentException">No output padding gives that size.</exception>
    public Tensor forward(Tensor input, long[]? output_size)
    {
        if (output_size is null)
            return forward(input);
        var smallest = stride.Select(
            (step, i) => (input.size(i - 2) - 1) * step - 2 * padding![i] + dilation[i] * (kernel_size[i] - 1) + 1
        );
        var extra = smallest.Zip(output_size[^2..], (least, wanted) => wanted - least).ToArray();
        if (extra.Where((more, i) => more < 0 || more >= stride[i]).Any())
            throw new ArgumentException(
                $"{GetName()} makes sizes from ({string.Join(", ", smallest)}) up to less than a stride more; "
                    + $"({string.Join(", ", output_size)}) is not one.",
                nameof(output_size)
            );
        return functional.conv_transpose2d(input, weight, bias, stride, padding, extra, dilation, groups);
    }
}
