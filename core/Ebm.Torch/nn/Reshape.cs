// The same numbers in another shape: flattened, unflattened, and windows laid out as columns (unfold) or summed back (fold).
using System.Runtime.CompilerServices;
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>Joins the dimensions from <paramref name="start_dim"/> to <paramref name="end_dim"/> into one.</summary>
            public static Flatten Flatten(long start_dim = 1, long end_dim = -1) => new(start_dim, end_dim);

            /// <summary>Splits a dimension into several.</summary>
            public static Unflatten Unflatten(long dim, long[] unflattened_size) => new(dim, unflattened_size);

            /// <summary>(B, C, H, W) → (B, C |kernel|, windows).</summary>
            public static Unfold Unfold(long kernel_size, long dilation = 1, long padding = 0, long stride = 1) =>
                new((kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));

            /// <inheritdoc cref="Unfold(long, long, long, long)"/>
            public static Unfold Unfold(
                (long, long) kernel_size,
                (long, long)? dilation = null,
                (long, long)? padding = null,
                (long, long)? stride = null
            ) => new(kernel_size, dilation ?? (1, 1), padding ?? (0, 0), stride ?? (1, 1));

            /// <summary>(B, C |kernel|, windows) → (B, C, …output_size): overlapping windows are summed.</summary>
            public static Fold Fold(long output_size, long kernel_size, long dilation = 1, long padding = 0, long stride = 1) =>
                new((output_size, output_size), (kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));

            /// <inheritdoc cref="Fold(long, long, long, long, long)"/>
            public static Fold Fold(
                (long, long) output_size,
                (long, long) kernel_size,
                (long, long)? dilation = null,
                (long, long)? padding = null,
                (long, long)? stride = null
            ) => new(output_size, kernel_size, dilation ?? (1, 1), padding ?? (0, 0), stride ?? (1, 1));

            public static partial class functional
            {
                /// <summary>(B, C, H, W) → (B, C |kernel|, windows).</summary>
                public static Tensor unfold(Tensor input, long kernel_size, long dilation = 1, long padding = 0, long stride = 1) =>
                    unfold(input, (kernel_size, kernel_size), (dilation, dilation), (padding, padding), (stride, stride));

                /// <inheritdoc cref="unfold(Tensor, long, long, long, long)"/>
                public static Tensor unfold(
                    Tensor input,
                    (long, long) kernel_size,
                    (long, long)? dilation = null,
                    (long, long)? padding = null,
                    (long, long)? stride = null
                ) =>
                    Aten.im2col.Tensor(
                        input,
                        Sides(kernel_size),
                        Sides(dilation ?? (1, 1)),
                        Sides(padding ?? (0, 0)),
                        Sides(stride ?? (1, 1))
                    );

                /// <summary>(B, C |kernel|, windows) → (B, C, output_size, output_size): overlapping windows are summed.</summary>
                public static Tensor fold(
                    Tensor input,
                    long output_size,
                    long kernel_size,
                    long dilation = 1,
                    long padding = 0,
                    long stride = 1
                ) => fold(
                        input,
                        (output_size, output_size),
                        (kernel_size, kernel_size),
                        (dilation, dilation),
                        (padding, padding),
                        (stride, stride)
                    );

                /// <summary>(B, C |kernel|, windows) → (B, C, …output_size): overlapping windows are summed.</summary>
                public static Tensor fold(
                    Tensor input,
                    (long, long) output_size,
                    (long, long) kernel_size,
                    (long, long)? dilation = null,
                    (long, long)? padding = null,
                    (long, long)? stride = null
                ) =>
                    Aten.col2im.Tensor(
                        input,
                        Sides(output_size),
                        Sides(kernel_size),
                        Sides(dilation ?? (1, 1)),
                        Sides(padding ?? (0, 0)),
                        Sides(stride ?? (1, 1))
                    );

                // libtorch multiplies two sides without looking whether the product fits, and divides by it: 2³² · 2³² is 0, and the process ends.
                private static long[] Sides((long, long) sides, [CallerArgumentExpression(nameof(sides))] string name = "") =>
                    sides is (> int.MinValue and <= int.MaxValue, > int.MinValue and <= int.MaxValue)
                        ? [sides.Item1, sides.Item2]
                        : throw new ArgumentOutOfRangeException(
                            name.Split(' ')[0],
                            sides,
                            $"windows and images have sides below 2^31; write a {name.Split(' ')[0]} that fits the image"
                        );
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator im2col = new("im2col(self, kernel_size, dilation, padding, stride)");
            public static readonly Operator col2im = new("col2im(self, output_size, kernel_size, dilation, padding, stride)");
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <inheritdoc cref="torch.nn.Flatten"/>
    public sealed class Flatten : ParameterLessModule<Tensor, Tensor>
    {
        internal Flatten(long start_dim, long end_dim)
            : base(nameof(Flatten)) => (this.start_dim, this.end_dim) = (start_dim, end_dim);

        public long start_dim { get; set; }
        public long end_dim { get; set; }

        public override Tensor forward(Tensor input) => input.flatten(start_dim, end_dim);
    }

    /// <inheritdoc cref="torch.nn.Unflatten"/>
    public sealed class Unflatten : ParameterLessModule<Tensor, Tensor>
    {
        internal Unflatten(long dim, long[] unflattened_size)
            : base(nameof(Unflatten)) => (this.dim, this.unflattened_size) = (dim, unflattened_size);

        public long dim { get; set; }
        public long[] unflattened_size { get; set; }

        public override Tensor forward(Tensor tensor) => tensor.unflatten(dim, unflattened_size);
    }

    /// <inheritdoc cref="torch.nn.Unfold(long, long, long, long)"/>
    public sealed class Unfold : ParameterLessModule<Tensor, Tensor>
    {
        internal Unfold((long, long) kernel_size, (long, long) dilation, (long, long) padding, (long, long) stride)
            : base(nameof(Unfold)) =>
            (this.kernel_size, this.dilation, this.padding, this.stride) = (kernel_size, dilation, padding, stride);

        public (long, long) kernel_size { get; set; }
        public (long, long) dilation { get; set; }
        public (long, long) padding { get; set; }
        public (long, long) stride { get; set; }

        public override Tensor forward(Tensor tensor) => functional.unfold(tensor, kernel_size, dilation, padding, stride);
    }

    /// <inheritdoc cref="torch.nn.Fold(long, long, long, long, long)"/>
    public sealed class Fold : ParameterLessModule<Tensor, Tensor>
    {
        internal Fold((long, long) output_size, (long, long) kernel_size, (long, long) dilation, (long, long) padding, (long, long) stride)
            : base(nameof(Fold)) =>
            (this.output_size, this.kernel_size, this.dilation, this.padding, this.stride) = (
                output_size,
                kernel_size,
                dilation,
                padding,
                stride
            );

        public (long, long) output_size { get; set; }
        public (long, long) kernel_size { get; set; }
        public (long, long) dilation { get; set; }
        public (long, long) padding { get; set; }
        public (long, long) stride { get; set; }

        public override Tensor forward(Tensor tensor) => functional.fold(tensor, output_size, kernel_size, dilation, padding, stride);
    }
}
