// Changing the size of images: padding around them, interpolation between pixels, and channels shuffled into pixels.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        /// <summary>How <c>nn.Upsample</c> fills the pixels between.</summary>
        public enum UpsampleMode
        {
            Nearest = 0,
            Linear = 1,
            Bilinear = 2,
            Bicubic = 3,
            Trilinear = 4,
        }

        /// <summary>How <c>interpolate</c> fills the pixels between.</summary>
        public enum InterpolationMode
        {
            Nearest = 0,
            Linear = 1,
            Bilinear = 2,
            Bicubic = 3,
            Trilinear = 4,
            Area = 5,
            NearestExact = 6,
        }

        public static partial class nn
        {
            /// <summary>(B, C, …size) → (B, C, …size′), where size′ is given or is scale_factor times the size.</summary>
            public static Upsample Upsample(
                long[]? size = null,
                double[]? scale_factor = null,
                UpsampleMode mode = UpsampleMode.Nearest,
                bool? align_corners = null,
                bool? recompute_scale_factor = null
            ) => new(size, scale_factor, mode, align_corners, recompute_scale_factor);

            /// <summary>(B, C r², H, W) → (B, C, H r, W r).</summary>
            public static PixelShuffle PixelShuffle(long upscale_factor) => new(upscale_factor);

            /// <summary>Zeros around the last two dimensions.</summary>
            public static ZeroPad2d ZeroPad2d(long padding) => new(padding, padding, padding, padding);

            /// <summary>Zeros around the last two dimensions: left, right, top, bottom.</summary>
            public static ZeroPad2d ZeroPad2d((long, long, long, long) padding) =>
                new(padding.Item1, padding.Item2, padding.Item3, padding.Item4);

            public static partial class functional
            {
                /// <summary>
                /// Adds entries around the last dimensions: (before, after) of the last one, then of the one before it, ….
                /// </summary>
                public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                    mode switch
                    {
                        // libtorch refuses a value with the modes that take none.
                        PaddingModes.Reflect => Aten.pad.Tensor(input, pad, "reflect"),
                        PaddingModes.Replicate => Aten.pad.Tensor(input, pad, "replicate"),
                        PaddingModes.Circular => Aten.pad.Tensor(input, pad, "circular"),
                        _ => Aten.pad.Tensor(input, pad, "constant", value),
                    };

                /// <inheritdoc cref="pad(Tensor, long[], PaddingModes, double)"/>
                public static Tensor pad(
                    Tensor input,
                    ReadOnlySpan<long> pad,
                    PaddingModes mode = PaddingModes.Constant,
                    double value = 0
                ) => functional.pad(input, pad.ToArray(), mode, value);

                /// <inheritdoc cref="pad(Tensor, long[], PaddingModes, double)"/>
                public static Tensor pad(Tensor input, (long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                    functional.pad(input, Two(pad), mode, value);

                /// <inheritdoc cref="pad(Tensor, long[], PaddingModes, double)"/>
                public static Tensor pad(
                    Tensor input,
                    (long, long, long, long) pad,
                    PaddingModes mode = PaddingModes.Constant,
                    double value = 0
                ) => functional.pad(input, new[] { pad.Item1, pad.Item2, pad.Item3, pad.Item4 }, mode, value);

                /// <summary>As many entries before and after every dimension, the batch's included.</summary>
                public static Tensor pad(Tensor input, long pad, PaddingModes mode = PaddingModes.Constant, double value = 0) =>
                    functional.pad(input, Enumerable.Repeat(pad, 2 * (int)input.ndim).ToArray(), mode, value);

                /// <summary>
                /// (B, C, …size) → (B, C, …size′), over one to three dimensions; size′ is given, or scale_factor times the size.
                /// </summary>
                /// <exception cref="ArgumentException">
                /// Not exactly one of size and scale_factor, or a mode that this number of dimensions has not.
                /// </exception>
                public static Tensor interpolate(
                    Tensor x,
                    long[]? size = null,
                    double[]? scale_factor = null,
                    InterpolationMode mode = InterpolationMode.Nearest,
                    bool? align_corners = null,
                    bool recompute_scale_factor = false,
                    bool antialias = false
                )
                {
                    if (size is null == scale_factor is null)
                        throw new ArgumentException("interpolate takes a size or a scale factor: one of them, not both.", nameof(size));
                    var dimensions = (int)x.ndim - 2;
                    // One number stands for every dimension.
                    if (size is { Length: 1 })
                        size = [.. Enumerable.Repeat(size[0], dimensions)];
                    if (scale_factor is { Length: 1 })
                        scale_factor = [.. Enumerable.Repeat(scale_factor[0], dimensions)];
                    if ((size?.Length ?? scale_factor!.Length) != dimensions)
                        throw new ArgumentException(
                            $"interpolate resizes the dimensions after the second, of which {x.Describe()} has {dimensions}; "
                                + $"it was given {size?.Length ?? scale_factor!.Length} numbers.",
                            nameof(size)
                        );
                    if (scale_factor is not null && (recompute_scale_factor || mode == InterpolationMode.Area))
                        (size, scale_factor) = ([.. scale_factor.Select((factor, i) => (long)Math.Floor(x.shape[i + 2] * factor))], null);

                    var smooth =
                        mode
                        is InterpolationMode.Linear
                            or InterpolationMode.Bilinear
                            or InterpolationMode.Bicubic
                            or InterpolationMode.Trilinear;
                    if (align_corners is not null && !smooth)
                        throw new ArgumentException($"align_corners means nothing in mode {mode}; leave it out.", nameof(align_corners));
                    var align = align_corners ?? false;
                    return (mode, dimensions, antialias) switch
                    {
                        (InterpolationMode.Nearest, 1, false) => Aten.upsample_nearest1d.Tensor(x, size, scale_factor),
                        (InterpolationMode.Nearest, 2, false) => Aten.upsample_nearest2d.Tensor(x, size, scale_factor),
                        (InterpolationMode.Nearest, 3, false) => Aten.upsample_nearest3d.Tensor(x, size, scale_factor),
                        (InterpolationMode.NearestExact, 1, false) => Aten.upsample_nearest_exact1d.Tensor(x, size, scale_factor),
                        (InterpolationMode.NearestExact, 2, false) => Aten.upsample_nearest_exact2d.Tensor(x, size, scale_factor),
                        (InterpolationMode.NearestExact, 3, false) => Aten.upsample_nearest_exact3d.Tensor(x, size, scale_factor),
                        (InterpolationMode.Area, 1, false) => Aten.adaptive_avg_pool1d.Tensor(x, size),
                        (InterpolationMode.Area, 2, false) => Aten.adaptive_avg_pool2d.Tensor(x, size),
                        (InterpolationMode.Area, 3, false) => Aten.adaptive_avg_pool3d.Tensor(x, size),
                        (InterpolationMode.Linear, 1, false) => Aten.upsample_linear1d.Tensor(x, size, align, scale_factor),
                        (InterpolationMode.Bilinear, 2, false) => Aten.upsample_bilinear2d.Tensor(x, size, align, scale_factor),
                        (InterpolationMode.Bilinear, 2, true) => Aten.upsample_bilinear2d_aa.Tensor(x, size, align, scale_factor),
                        (InterpolationMode.Bicubic, 2, false) => Aten.upsample_bicubic2d.Tensor(x, size, align, scale_factor),
                        (InterpolationMode.Bicubic, 2, true) => Aten.upsample_bicubic2d_aa.Tensor(x, size, align, scale_factor),
                        (InterpolationMode.Trilinear, 3, false) => Aten.upsample_trilinear3d.Tensor(x, size, align, scale_factor),
                        _ => throw new ArgumentException(
                            $"There is no mode {mode}{(antialias ? " with antialiasing" : "")} for {dimensions} dimensions: "
                                + "Linear is for one, Bilinear and Bicubic for two (these also with antialiasing), Trilinear for three.",
                            nameof(mode)
                        ),
                    };
                }

                /// <summary>(B, C, …size) → (B, C, …size′); the same as <see cref="interpolate"/>.</summary>
                public static Tensor upsample(
                    Tensor input,
                    long[]? size = null,
                    double[]? scale_factor = null,
                    UpsampleMode mode = UpsampleMode.Nearest,
                    bool align_corners = false
                ) => interpolate(input, size, scale_factor, (InterpolationMode)mode, mode == UpsampleMode.Nearest ? null : align_corners);

                /// <summary>(B, C r², H, W) → (B, C, H r, W r).</summary>
                public static Tensor pixel_shuffle(Tensor input, long upscale_factor) => Aten.pixel_shuffle.Tensor(input, upscale_factor);
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator pad = new("pad(self, pad, mode, value)");
            public static readonly Operator pixel_shuffle = new("pixel_shuffle(self, upscale_factor)");
            public static readonly Operator adaptive_avg_pool1d = new("adaptive_avg_pool1d(self, output_size)");
            public static readonly Operator adaptive_avg_pool3d = new("adaptive_avg_pool3d(self, output_size)");
            public static readonly Operator upsample_nearest1d = new("upsample_nearest1d.vec(input, output_size, scale_factors)");
            public static readonly Operator upsample_nearest2d = new("upsample_nearest2d.vec(input, output_size, scale_factors)");
            public static readonly Operator upsample_nearest3d = new("upsample_nearest3d.vec(input, output_size, scale_factors)");
            public static readonly Operator upsample_nearest_exact1d = new(
                "_upsample_nearest_exact1d.vec(input, output_size, scale_factors)"
            );
            public static readonly Operator upsample_nearest_exact2d = new(
                "_upsample_nearest_exact2d.vec(input, output_size, scale_factors)"
            );
            public static readonly Operator upsample_nearest_exact3d = new(
                "_upsample_nearest_exact3d.vec(input, output_size, scale_factors)"
            );
            public static readonly Operator upsample_linear1d = new(
                "upsample_linear1d.vec(input, output_size, align_corners, scale_factors)"
            );
            public static readonly Operator upsample_bilinear2d = new(
                "upsample_bilinear2d.vec(input, output_size, align_corners, scale_factors)"
            );
            public static readonly Operator upsample_bilinear2d_aa = new(
                "_upsample_bilinear2d_aa.vec(input, output_size, align_corners, scale_factors)"
            );
            public static readonly Operator upsample_bicubic2d = new(
                "upsample_bicubic2d.vec(input, output_size, align_corners, scale_factors)"
            );
            public static readonly Operator upsample_bicubic2d_aa = new(
                "_upsample_bicubic2d_aa.vec(input, output_size, align_corners, scale_factors)"
            );
            public static readonly Operator upsample_trilinear3d = new(
                "upsample_trilinear3d.vec(input, output_size, align_corners, scale_factors)"
            );
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <inheritdoc cref="torch.nn.Upsample"/>
    public sealed class Upsample : ParameterLessModule<Tensor, Tensor>
    {
        private readonly long[]? sizes;
        private readonly double[]? factors;

        internal Upsample(long[]? size, double[]? scale_factor, UpsampleMode mode, bool? align_corners, bool? recompute_scale_factor)
            : base(nameof(Upsample)) =>
            (sizes, factors, this.mode, this.align_corners, this.recompute_scale_factor) = (
                size,
                scale_factor,
                mode,
                align_corners,
                recompute_scale_factor
            );

        public bool? recompute_scale_factor { get; set; }
        public UpsampleMode mode { get; }
        public bool? align_corners { get; }
        public ReadOnlySpan<long> size => sizes;
        public ReadOnlySpan<double> scale_factor => factors;

        public override Tensor forward(Tensor input) =>
            functional.interpolate(input, sizes, factors, (InterpolationMode)mode, align_corners, recompute_scale_factor ?? false);
    }

    /// <inheritdoc cref="torch.nn.PixelShuffle"/>
    public sealed class PixelShuffle : ParameterLessModule<Tensor, Tensor>
    {
        internal PixelShuffle(long upscale_factor)
            : base(nameof(PixelShuffle)) => this.upscale_factor = upscale_factor;

        public long upscale_factor { get; set; }

        public override Tensor forward(Tensor input) => functional.pixel_shuffle(input, upscale_factor);
    }

    /// <summary>Entries around the last dimensions, as <c>functional.pad</c> counts them.</summary>
    public abstract class PadBase : ParameterLessModule<Tensor, Tensor>
    {
        private readonly PaddingModes mode;

        protected PadBase(string name, PaddingModes mode, double value, params long[] padding)
            : base(name) => (this.mode, this.value, this.padding) = (mode, value, padding);

        public long[] padding { get; set; }
        public double value { get; set; }

        public override Tensor forward(Tensor input) => functional.pad(input, padding, mode, value);
    }

    /// <inheritdoc cref="torch.nn.ZeroPad2d(long)"/>
    public sealed class ZeroPad2d : PadBase
    {
        internal ZeroPad2d(params long[] padding)
            : base(nameof(ZeroPad2d), PaddingModes.Zeros, 0, padding) { }
    }
}
