// Convolutions over the last one or two dimensions, and the transposed one. Weights and biases start as U[−1/√fan, 1/√fan),
// fan = in / groups · |kernel|.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    /// <summary>What stands around the input of a convolution or of <c>pad</c>. Zeros and Constant are one for <c>pad</c>.</summary>
    public enum PaddingModes
    {
        Zeros = 0,
        Reflect = 1,
        Replicate = 2,
        Circular = 3,
        Constant = 4,
    }

    /// <summary>How much stands around the input: nothing, or as much as keeps its size (stride 1 only).</summary>
    public enum Padding
    {
        Valid = 0,
        Same = 1,
    }

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>(B, in_channels, L) → (B, out_channels, L′).</summary>
            public static Conv1d Conv1d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, [kernel_size], [stride], [padding], null, [dilation], groups, bias, padding_mode, device, dtype);

            /// <inheritdoc cref="Conv1d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv1d Conv1d(
                long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, [kernel_size], [stride], null, padding, [dilation], groups, bias, padding_mode, device, dtype);

            /// <summary>(B, in_channels, H, W) → (B, out_channels, H′, W′).</summary>
            public static Conv2d Conv2d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, [kernel_size, kernel_size], [stride, stride], [padding, padding], null, [dilation, dilation],
                    groups, bias, padding_mode, device, dtype);

            /// <inheritdoc cref="Conv2d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv2d Conv2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true,
                Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, Two(kernel_size), Two(stride ?? (1, 1)), Two(padding ?? (0, 0)), null, Two(dilation ?? (1, 1)),
                    groups, bias, padding_mode, device, dtype);

            /// <inheritdoc cref="Conv2d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv2d Conv2d(
                long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, [kernel_size, kernel_size], [stride, stride], null, padding, [dilation, dilation],
                    groups, bias, padding_mode, device, dtype);

            /// <inheritdoc cref="Conv2d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv2d Conv2d(
                long in_channels, long out_channels, (long, long) kernel_size, Padding padding, (long, long)? stride = null, (long, long)? dilation = null,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, Two(kernel_size), Two(stride ?? (1, 1)), null, padding, Two(dilation ?? (1, 1)),
                    groups, bias, padding_mode, device, dtype);

            /// <summary>(B, in_channels, H, W) → (B, out_channels, H′, W′): the transpose of a convolution, which enlarges.</summary>
            public static ConvTranspose2d ConvTranspose2d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long output_padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, [kernel_size, kernel_size], [stride, stride], [padding, padding], [output_padding, output_padding],
                    [dilation, dilation], groups, bias, padding_mode, device, dtype);

            /// <inheritdoc cref="ConvTranspose2d(long, long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static ConvTranspose2d ConvTranspose2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                (long, long)? output_padding = null, (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1,
                bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, Two(kernel_size), Two(stride ?? (1, 1)), Two(padding ?? (0, 0)), Two(output_padding ?? (0, 0)),
                    Two(dilation ?? (1, 1)), groups, bias, padding_mode, device, dtype);

            public static partial class functional
            {
                /// <summary>(B, C, L), (out, C / groups, k), (out) → (B, out, L′).</summary>
                public static Tensor conv1d(
                    Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? dilation = null, long groups = 1) =>
                    Aten.conv1d.Tensor(input, weight, bias, stride ?? 1, padding ?? 0, dilation ?? 1, groups);

                /// <inheritdoc cref="conv1d"/>
                public static Tensor conv1d_padding(
                    Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, Padding padding = Padding.Valid, long? dilation = null,
                    long groups = 1) =>
                    Aten.conv1d_padding.Tensor(input, weight, bias, stride ?? 1, Word(padding), dilation ?? 1, groups);

                /// <summary>(B, C, H, W), (out, C / groups, k, k′), (out) → (B, out, H′, W′).</summary>
                public static Tensor conv2d(
                    Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null, long groups = 1) =>
                    Aten.conv2d.Tensor(input, weight, bias, strides ?? one, padding ?? zero, dilation ?? one, groups);

                /// <inheritdoc cref="conv2d"/>
                public static Tensor conv2d_padding(
                    Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, Padding padding = Padding.Valid, long[]? dilation = null,
                    long groups = 1) =>
                    Aten.conv2d_padding.Tensor(input, weight, bias, strides ?? one, Word(padding), dilation ?? one, groups);

                /// <summary>(B, C, H, W), (C, out / groups, k, k′), (out) → (B, out, H′, W′).</summary>
                public static Tensor conv_transpose2d(
                    Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? output_padding = null,
                    long[]? dilation = null, long groups = 1) =>
                    Aten.conv_transpose2d.Tensor(input, weight, bias, strides ?? one, padding ?? zero, output_padding ?? zero, groups, dilation ?? one);

                private static readonly long[] zero = [0], one = [1];

                private static string Word(Padding padding) => padding == Padding.Same ? "same" : "valid";
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator conv1d = new("conv1d(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv1d_padding = new("conv1d.padding(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv2d = new("conv2d(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv2d_padding = new("conv2d.padding(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv_transpose2d = new("conv_transpose2d.input(input, weight, bias, stride, padding, output_padding, groups, dilation)");
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <summary>What the convolutions share: settings, weight and bias, and padding that libtorch's convolutions do not do.</summary>
    public abstract class Convolution : Module<Tensor, Tensor>
    {
        private readonly int dimensions;

        private protected Convolution(
            string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[]? padding, Padding? padding_type, long[] dilation,
            bool transposed, long[] output_padding, long groups, bool bias, PaddingModes padding_mode, Device? device, ScalarType? dtype) : base(name)
        {
            if (transposed && padding_mode != PaddingModes.Zeros)
                throw new ArgumentException($"{name} pads with zeros only; {padding_mode} has no transpose here.", nameof(padding_mode));
            if (padding_type == TorchSharp.Padding.Same && stride.Any(step => step != 1))
                throw new ArgumentException($"{name} with padding Same keeps the input's size, which a stride of ({string.Join(", ", stride)}) cannot; give the padding as a number.", nameof(padding));

            dimensions = kernel_size.Length;
            (this.in_channels, this.out_channels, this.kernel_size, this.stride, this.dilation, this.output_padding) =
                (in_channels, out_channels, kernel_size, stride, dilation, output_padding);
            (this.padding, this.padding_type, this.padding_mode, this.transposed, this.groups) = (padding, padding_type, padding_mode, transposed, groups);

            long[] channels = transposed ? [in_channels, out_channels / groups] : [out_channels, in_channels / groups];
            weight = Parameter(empty([.. channels, .. kernel_size], dtype: dtype, device: device));
            if (bias) this.bias = Parameter(empty(out_channels, dtype: dtype, device: device));
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
                    $"{GetName()} takes {in_channels} channels and {dimensions} dimensions of positions, with or without a batch before them; the input's shape is ({string.Join(", ", shape)}).",
                    nameof(input));
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
                var same = padding_type == TorchSharp.Padding.Same ? dilation[i] * (kernel_size[i] - 1) : 0;
                var before = padding?[i] ?? same / 2;
                around.AddRange([before, padding?[i] ?? same - before]);
            }
            return [.. around];
        }
    }

    /// <inheritdoc cref="torch.nn.Conv1d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
    public sealed class Conv1d : Convolution
    {
        internal Conv1d(
            long in_channels, long out_channels, long[] kernel_size, long[] stride, long[]? padding, Padding? padding_type, long[] dilation, long groups,
            bool bias, PaddingModes padding_mode, Device? device, ScalarType? dtype)
            : base(nameof(Conv1d), in_channels, out_channels, kernel_size, stride, padding, padding_type, dilation, false, [0], groups, bias, padding_mode, device, dtype) { }

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

    /// <inheritdoc cref="torch.nn.Conv2d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
    public sealed class Conv2d : Convolution
    {
        internal Conv2d(
            long in_channels, long out_channels, long[] kernel_size, long[] stride, long[]? padding, Padding? padding_type, long[] dilation, long groups,
            bool bias, PaddingModes padding_mode, Device? device, ScalarType? dtype)
            : base(nameof(Conv2d), in_channels, out_channels, kernel_size, stride, padding, padding_type, dilation, false, [0, 0], groups, bias, padding_mode, device, dtype) { }

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

    /// <inheritdoc cref="torch.nn.ConvTranspose2d(long, long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
    public sealed class ConvTranspose2d : Convolution
    {
        internal ConvTranspose2d(
            long in_channels, long out_channels, long[] kernel_size, long[] stride, long[] padding, long[] output_padding, long[] dilation, long groups,
            bool bias, PaddingModes padding_mode, Device? device, ScalarType? dtype)
            : base(nameof(ConvTranspose2d), in_channels, out_channels, kernel_size, stride, padding, null, dilation, true, output_padding, groups, bias, padding_mode, device, dtype) { }

        private protected override Tensor Convolve(Tensor input) =>
            functional.conv_transpose2d(input, weight, bias, stride, padding, output_padding, dilation, groups);
    }
}
