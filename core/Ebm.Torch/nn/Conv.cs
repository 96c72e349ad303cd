// Convolutions over the last one or two dimensions, and the transposed one, as factories and as functions; Convolution.cs has
// the modules.
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
                long in_channels,
                long out_channels,
                long kernel_size,
                long stride = 1,
                long padding = 0,
                long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new([kernel_size], [stride], [padding], null, [dilation]),
                    padding_mode,
                    device,
                    dtype
                );

            /// <inheritdoc cref="Conv1d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv1d Conv1d(
                long in_channels,
                long out_channels,
                long kernel_size,
                Padding padding,
                long stride = 1,
                long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new([kernel_size], [stride], null, padding, [dilation]),
                    padding_mode,
                    device,
                    dtype
                );

            /// <summary>(B, in_channels, H, W) → (B, out_channels, H′, W′).</summary>
            public static Conv2d Conv2d(
                long in_channels,
                long out_channels,
                long kernel_size,
                long stride = 1,
                long padding = 0,
                long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new([kernel_size, kernel_size], [stride, stride], [padding, padding], null, [dilation, dilation]),
                    padding_mode,
                    device,
                    dtype
                );

            /// <inheritdoc cref="Conv2d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv2d Conv2d(
                long in_channels,
                long out_channels,
                (long, long) kernel_size,
                (long, long)? stride = null,
                (long, long)? padding = null,
                (long, long)? dilation = null,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new(Two(kernel_size), Two(stride ?? (1, 1)), Two(padding ?? (0, 0)), null, Two(dilation ?? (1, 1))),
                    padding_mode,
                    device,
                    dtype
                );

            /// <inheritdoc cref="Conv2d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv2d Conv2d(
                long in_channels,
                long out_channels,
                long kernel_size,
                Padding padding,
                long stride = 1,
                long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new([kernel_size, kernel_size], [stride, stride], null, padding, [dilation, dilation]),
                    padding_mode,
                    device,
                    dtype
                );

            /// <inheritdoc cref="Conv2d(long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static Conv2d Conv2d(
                long in_channels,
                long out_channels,
                (long, long) kernel_size,
                Padding padding,
                (long, long)? stride = null,
                (long, long)? dilation = null,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new(Two(kernel_size), Two(stride ?? (1, 1)), null, padding, Two(dilation ?? (1, 1))),
                    padding_mode,
                    device,
                    dtype
                );

            /// <summary>(B, in_channels, H, W) → (B, out_channels, H′, W′): the transpose of a convolution, which enlarges.</summary>
            public static ConvTranspose2d ConvTranspose2d(
                long in_channels,
                long out_channels,
                long kernel_size,
                long stride = 1,
                long padding = 0,
                long output_padding = 0,
                long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new([kernel_size, kernel_size], [stride, stride], [padding, padding], null, [dilation, dilation]),
                    [output_padding, output_padding],
                    padding_mode,
                    device,
                    dtype
                );

            /// <inheritdoc cref="ConvTranspose2d(long, long, long, long, long, long, long, PaddingModes, long, bool, Device?, ScalarType?)"/>
            public static ConvTranspose2d ConvTranspose2d(
                long in_channels,
                long out_channels,
                (long, long) kernel_size,
                (long, long)? stride = null,
                (long, long)? padding = null,
                (long, long)? output_padding = null,
                (long, long)? dilation = null,
                PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) =>
                new(
                    new(in_channels, out_channels, groups, bias),
                    new(Two(kernel_size), Two(stride ?? (1, 1)), Two(padding ?? (0, 0)), null, Two(dilation ?? (1, 1))),
                    Two(output_padding ?? (0, 0)),
                    padding_mode,
                    device,
                    dtype
                );

            public static partial class functional
            {
                /// <summary>(B, C, L), (out, C / groups, k), (out) → (B, out, L′).</summary>
                public static Tensor conv1d(
                    Tensor input,
                    Tensor weight,
                    Tensor? bias = null,
                    long? stride = null,
                    long? padding = null,
                    long? dilation = null,
                    long groups = 1
                ) => Aten.conv1d.Tensor(input, weight, bias, stride ?? 1, padding ?? 0, dilation ?? 1, groups);

                /// <inheritdoc cref="conv1d"/>
                public static Tensor conv1d_padding(
                    Tensor input,
                    Tensor weight,
                    Tensor? bias = null,
                    long? stride = null,
                    Padding padding = Padding.Valid,
                    long? dilation = null,
                    long groups = 1
                ) => Aten.conv1d_padding.Tensor(input, weight, bias, stride ?? 1, Word(padding), dilation ?? 1, groups);

                /// <summary>(B, C, H, W), (out, C / groups, k, k′), (out) → (B, out, H′, W′).</summary>
                public static Tensor conv2d(
                    Tensor input,
                    Tensor weight,
                    Tensor? bias = null,
                    long[]? strides = null,
                    long[]? padding = null,
                    long[]? dilation = null,
                    long groups = 1
                ) => Aten.conv2d.Tensor(input, weight, bias, strides ?? one, padding ?? zero, dilation ?? one, groups);

                /// <inheritdoc cref="conv2d"/>
                public static Tensor conv2d_padding(
                    Tensor input,
                    Tensor weight,
                    Tensor? bias = null,
                    long[]? strides = null,
                    Padding padding = Padding.Valid,
                    long[]? dilation = null,
                    long groups = 1
                ) => Aten.conv2d_padding.Tensor(input, weight, bias, strides ?? one, Word(padding), dilation ?? one, groups);

                /// <summary>(B, C, H, W), (C, out / groups, k, k′), (out) → (B, out, H′, W′).</summary>
                public static Tensor conv_transpose2d(
                    Tensor input,
                    Tensor weight,
                    Tensor? bias = null,
                    long[]? strides = null,
                    long[]? padding = null,
                    long[]? output_padding = null,
                    long[]? dilation = null,
                    long groups = 1
                ) =>
                    Aten.conv_transpose2d.Tensor(
                        input,
                        weight,
                        bias,
                        strides ?? one,
                        padding ?? zero,
                        output_padding ?? zero,
                        groups,
                        dilation ?? one
                    );

                private static readonly long[] zero = [0],
                    one = [1];

                private static string Word(Padding padding) => padding == Padding.Same ? "same" : "valid";
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator conv1d = new("conv1d(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv1d_padding = new("conv1d.padding(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv2d = new("conv2d(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv2d_padding = new("conv2d.padding(input, weight, bias, stride, padding, dilation, groups)");
            public static readonly Operator conv_transpose2d = new(
                "conv_transpose2d.input(input, weight, bias, stride, padding, output_padding, groups, dilation)"
            );
        }
    }
}
