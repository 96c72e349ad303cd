// Pooling over the last two dimensions: the largest or the mean of each window. A stride left out is the window's size.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>(B, C, H, W) → (B, C, H′, W′), the largest of each window.</summary>
            public static MaxPool2d MaxPool2d(
                long kernel_size,
                long? stride = null,
                long? padding = null,
                long? dilation = null,
                bool ceil_mode = false
            ) => new(Two(kernel_size), Two(stride), Two(padding), Two(dilation), ceil_mode);

            /// <inheritdoc cref="MaxPool2d(long, long?, long?, long?, bool)"/>
            public static MaxPool2d MaxPool2d(
                (long, long) kernel_size,
                (long, long)? stride = null,
                (long, long)? padding = null,
                (long, long)? dilation = null,
                bool ceil_mode = false
            ) => new(Two(kernel_size), Two(stride), Two(padding), Two(dilation), ceil_mode);

            /// <inheritdoc cref="MaxPool2d(long, long?, long?, long?, bool)"/>
            public static MaxPool2d MaxPool2d(
                long[] kernel_size,
                long[]? stride = null,
                long[]? padding = null,
                long[]? dilation = null,
                bool ceil_mode = false
            ) => new(kernel_size, stride, padding, dilation, ceil_mode);

            /// <summary>(B, C, H, W) → (B, C, H′, W′), the mean of each window.</summary>
            public static AvgPool2d AvgPool2d(
                long kernel_size,
                long? stride = null,
                long? padding = null,
                bool ceil_mode = false,
                bool count_include_pad = true,
                long? divisor_override = null
            ) => new(Two(kernel_size), Two(stride), Two(padding), ceil_mode, count_include_pad, divisor_override);

            /// <inheritdoc cref="AvgPool2d(long, long?, long?, bool, bool, long?)"/>
            public static AvgPool2d AvgPool2d(
                (long, long) kernel_size,
                (long, long)? stride = null,
                (long, long)? padding = null,
                bool ceil_mode = false,
                bool count_include_pad = true,
                long? divisor_override = null
            ) => new(Two(kernel_size), Two(stride), Two(padding), ceil_mode, count_include_pad, divisor_override);

            /// <inheritdoc cref="AvgPool2d(long, long?, long?, bool, bool, long?)"/>
            public static AvgPool2d AvgPool2d(
                long[] kernel_size,
                long[]? stride = null,
                long[]? padding = null,
                bool ceil_mode = false,
                bool count_include_pad = true,
                long? divisor_override = null
            ) => new(kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);

            /// <summary>(B, C, H, W) → (B, C, …output_size), the means of windows that tile the input.</summary>
            public static AdaptiveAvgPool2d AdaptiveAvgPool2d(long output_size) => new(Two(output_size));

            /// <inheritdoc cref="AdaptiveAvgPool2d(long)"/>
            public static AdaptiveAvgPool2d AdaptiveAvgPool2d((long, long) output_size) => new(Two(output_size));

            /// <inheritdoc cref="AdaptiveAvgPool2d(long)"/>
            public static AdaptiveAvgPool2d AdaptiveAvgPool2d(long[] output_size) => new(output_size);

            private static long[] Two(long both) => [both, both];

            private static long[]? Two(long? both) => both is { } side ? Two(side) : null;

            private static long[] Two((long, long) pair) => [pair.Item1, pair.Item2];

            private static long[]? Two((long, long)? pair) => pair is { } sides ? Two(sides) : null;

            public static partial class functional
            {
                /// <summary>(B, C, H, W) → (B, C, H′, W′), the largest of each window.</summary>
                public static Tensor max_pool2d(
                    Tensor input,
                    long[] kernel_size,
                    long[]? strides = null,
                    long[]? padding = null,
                    long[]? dilation = null,
                    bool ceil_mode = false
                ) => Aten.max_pool2d.Tensor(input, kernel_size, strides ?? kernel_size, padding ?? zero, dilation ?? one, ceil_mode);

                /// <inheritdoc cref="max_pool2d(Tensor, long[], long[], long[], long[], bool)"/>
                public static Tensor max_pool2d(
                    Tensor input,
                    long kernel_size,
                    long? stride = null,
                    long? padding = null,
                    long? dilation = null,
                    bool ceil_mode = false
                ) => max_pool2d(input, Two(kernel_size), Two(stride), Two(padding), Two(dilation), ceil_mode);

                /// <inheritdoc cref="max_pool2d(Tensor, long[], long[], long[], long[], bool)"/>
                public static Tensor max_pool2d(
                    Tensor input,
                    (long, long) kernel_size,
                    (long, long)? stride = null,
                    (long, long)? padding = null,
                    (long, long)? dilation = null,
                    bool ceil_mode = false
                ) => max_pool2d(input, Two(kernel_size), Two(stride), Two(padding), Two(dilation), ceil_mode);

                /// <summary>The largest of each window, and its position in the flattened (H, W) plane.</summary>
                public static (Tensor output, Tensor indices) max_pool2d_with_indices(
                    Tensor input,
                    long[] kernel_size,
                    long[]? strides = null,
                    long[]? padding = null,
                    long[]? dilation = null,
                    bool ceil_mode = false
                ) =>
                    Aten.max_pool2d_with_indices.Pair(
                        input,
                        kernel_size,
                        strides ?? kernel_size,
                        padding ?? zero,
                        dilation ?? one,
                        ceil_mode
                    );

                /// <summary>(B, C, H, W) → (B, C, H′, W′), the mean of each window.</summary>
                public static Tensor avg_pool2d(
                    Tensor input,
                    long[] kernel_size,
                    long[]? stride = null,
                    long[]? padding = null,
                    bool ceil_mode = false,
                    bool count_include_pad = true,
                    long? divisor_override = null
                ) =>
                    Aten.avg_pool2d.Tensor(
                        input,
                        kernel_size,
                        stride ?? kernel_size,
                        padding ?? zero,
                        ceil_mode,
                        count_include_pad,
                        divisor_override
                    );

                /// <inheritdoc cref="avg_pool2d(Tensor, long[], long[], long[], bool, bool, long?)"/>
                public static Tensor avg_pool2d(
                    Tensor input,
                    long kernel_size,
                    long? stride = null,
                    long padding = 0,
                    bool ceil_mode = false,
                    bool count_include_pad = true,
                    long? divisor_override = null
                ) => avg_pool2d(input, Two(kernel_size), Two(stride), Two(padding), ceil_mode, count_include_pad, divisor_override);

                /// <inheritdoc cref="avg_pool2d(Tensor, long[], long[], long[], bool, bool, long?)"/>
                public static Tensor avg_pool2d(
                    Tensor input,
                    (long, long) kernel_size,
                    (long, long)? stride = null,
                    (long, long)? padding = null,
                    bool ceil_mode = false,
                    bool count_include_pad = true,
                    long? divisor_override = null
                ) => avg_pool2d(input, Two(kernel_size), Two(stride), Two(padding), ceil_mode, count_include_pad, divisor_override);

                /// <summary>(B, C, H, W) → (B, C, …output_size), the means of windows that tile the input.</summary>
                public static Tensor adaptive_avg_pool2d(Tensor input, long[] output_size) =>
                    Aten.adaptive_avg_pool2d.Tensor(input, output_size);

                /// <inheritdoc cref="adaptive_avg_pool2d(Tensor, long[])"/>
                public static Tensor adaptive_avg_pool2d(Tensor input, (long, long) output_size) =>
                    adaptive_avg_pool2d(input, Two(output_size));

                /// <inheritdoc cref="adaptive_avg_pool2d(Tensor, long[])"/>
                public static Tensor adaptive_avg_pool2d(Tensor input, long output_size) => adaptive_avg_pool2d(input, Two(output_size));
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator max_pool2d = new("max_pool2d(self, kernel_size, stride, padding, dilation, ceil_mode)");
            public static readonly Operator max_pool2d_with_indices = new(
                "max_pool2d_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode)"
            );
            public static readonly Operator avg_pool2d = new(
                "avg_pool2d(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)"
            );
            public static readonly Operator adaptive_avg_pool2d = new("adaptive_avg_pool2d(self, output_size)");
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <inheritdoc cref="torch.nn.MaxPool2d(long, long?, long?, long?, bool)"/>
    public sealed class MaxPool2d : ParameterLessModule<Tensor, Tensor>
    {
        internal MaxPool2d(long[] kernel_size, long[]? stride, long[]? padding, long[]? dilation, bool ceil_mode)
            : base(nameof(MaxPool2d)) =>
            (this.kernel_size, this.stride, this.padding, this.dilation, this.ceil_mode) = (
                kernel_size,
                stride,
                padding,
                dilation,
                ceil_mode
            );

        public long[] kernel_size { get; set; }
        public long[]? stride { get; set; }
        public long[]? padding { get; set; }
        public long[]? dilation { get; set; }
        public bool ceil_mode { get; set; }

        public override Tensor forward(Tensor input) => functional.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode);

        /// <summary>The largest of each window, and its position in the flattened (H, W) plane.</summary>
        public (Tensor Values, Tensor Indices) forward_with_indices(Tensor input) =>
            functional.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode);
    }

    /// <inheritdoc cref="torch.nn.AvgPool2d(long, long?, long?, bool, bool, long?)"/>
    public sealed class AvgPool2d : ParameterLessModule<Tensor, Tensor>
    {
        internal AvgPool2d(
            long[] kernel_size,
            long[]? stride,
            long[]? padding,
            bool ceil_mode,
            bool count_include_pad,
            long? divisor_override
        )
            : base(nameof(AvgPool2d)) =>
            (this.kernel_size, this.stride, this.padding, this.ceil_mode, this.count_include_pad, this.divisor_override) = (
                kernel_size,
                stride,
                padding,
                ceil_mode,
                count_include_pad,
                divisor_override
            );

        public long[] kernel_size { get; set; }
        public long[]? stride { get; set; }
        public long[]? padding { get; set; }
        public bool ceil_mode { get; set; }
        public bool count_include_pad { get; set; }
        public long? divisor_override { get; set; }

        public override Tensor forward(Tensor input) =>
            functional.avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
    }

    /// <inheritdoc cref="torch.nn.AdaptiveAvgPool2d(long)"/>
    public sealed class AdaptiveAvgPool2d : ParameterLessModule<Tensor, Tensor>
    {
        internal AdaptiveAvgPool2d(long[] output_size)
            : base(nameof(AdaptiveAvgPool2d)) => this.output_size = output_size;

        public long[] output_size { get; set; }

        public override Tensor forward(Tensor input) => functional.adaptive_avg_pool2d(input, output_size);
    }
}
