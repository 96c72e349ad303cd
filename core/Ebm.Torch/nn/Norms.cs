// Normalisation within each sample: over groups of channels, over the last dimensions; and of vectors to length 1.
// (x − mean) / √(variance + eps) · weight + bias, weights starting at 1 and biases at 0.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>(B, num_channels, …) → the same shape, normalised within each group of channels of each sample.</summary>
            public static GroupNorm GroupNorm(
                long num_groups,
                long num_channels,
                double eps = 1e-05,
                bool affine = true,
                Device? device = null,
                ScalarType? dtype = null
            ) => new(num_groups, num_channels, eps, affine, device, dtype);

            /// <summary>(…, …normalized_shape) → the same shape, normalised over those last dimensions.</summary>
            public static LayerNorm LayerNorm(
                long[] normalized_shape,
                double eps = 1e-05,
                bool elementwise_affine = true,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) => new(normalized_shape, eps, elementwise_affine, bias, device, dtype);

            /// <inheritdoc cref="LayerNorm(long[], double, bool, bool, Device, ScalarType?)"/>
            public static LayerNorm LayerNorm(
                long normalized_shape,
                double eps = 1e-05,
                bool elementwise_affine = true,
                bool bias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) => new([normalized_shape], eps, elementwise_affine, bias, device, dtype);

            /// <summary>The cosine of the angle between vectors along a dimension.</summary>
            public static CosineSimilarity CosineSimilarity(long dim = 1, double eps = 1e-8) => new(dim, eps);

            public static partial class functional
            {
                /// <summary>(B, C, …) → the same shape; weight and bias (C).</summary>
                public static Tensor group_norm(
                    Tensor input,
                    long num_groups,
                    Tensor? weight = null,
                    Tensor? bias = null,
                    double eps = 1e-5
                ) => Aten.group_norm.Tensor(input, num_groups, weight, bias, eps);

                /// <summary>(…, …normalized_shape) → the same shape; weight and bias of the normalised shape.</summary>
                public static Tensor layer_norm(
                    Tensor input,
                    long[] normalized_shape,
                    Tensor? weight = null,
                    Tensor? bias = null,
                    double eps = 1e-5
                ) => Aten.layer_norm.Tensor(input, normalized_shape, weight, bias, eps);

                /// <summary>(B, C, …) → the same shape, each channel of each sample normalised.</summary>
                public static Tensor instance_norm(
                    Tensor input,
                    Tensor? running_mean = null,
                    Tensor? running_var = null,
                    Tensor? weight = null,
                    Tensor? bias = null,
                    bool use_input_stats = true,
                    double momentum = 0.1,
                    double eps = 1e-5
                ) => Aten.instance_norm.Tensor(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, true);

                /// <summary>x / max(‖x‖_p, eps) along a dimension.</summary>
                public static Tensor normalize(Tensor input, double p = 2.0, long dim = 1L, double eps = 1e-12)
                {
                    using var length = Aten.norm_ScalarOpt_dim.Tensor(input, p, new[] { dim }, true);
                    using var positive = length.clamp_min(eps);
                    return input / positive;
                }

                /// <summary>x₁·x₂ / (max(‖x₁‖, eps) max(‖x₂‖, eps)) along a dimension, which disappears.</summary>
                public static Tensor cosine_similarity(Tensor x1, Tensor x2, long dim = 1, double eps = 1e-8) =>
                    Aten.cosine_similarity.Tensor(x1, x2, dim, eps);
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator group_norm = new("group_norm(input, num_groups, weight, bias, eps)");
            public static readonly Operator layer_norm = new("layer_norm(input, normalized_shape, weight, bias, eps)");
            public static readonly Operator instance_norm = new(
                "instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled)"
            );
            public static readonly Operator cosine_similarity = new("cosine_similarity(x1, x2, dim, eps)");
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <inheritdoc cref="torch.nn.GroupNorm"/>
    public sealed class GroupNorm : Module<Tensor, Tensor>
    {
        internal GroupNorm(long num_groups, long num_channels, double eps, bool affine, Device? device, ScalarType? dtype)
            : base(nameof(GroupNorm))
        {
            (this.num_groups, this.eps, this.affine) = (num_groups, eps, affine);
            if (!affine)
                return;
            weight = Parameter(ones(num_channels, dtype: dtype, device: device));
            bias = Parameter(zeros(num_channels, dtype: dtype, device: device));
        }

        public long num_groups { get; set; }
        public double eps { get; set; }
        public bool affine { get; set; }

        /// <summary>(C), or null where not affine.</summary>
        public Parameter? weight
        {
            get;
            set => field = Own(nameof(weight), field, value);
        }

        /// <summary>(C), or null where not affine.</summary>
        public Parameter? bias
        {
            get;
            set => field = Own(nameof(bias), field, value);
        }

        public override Tensor forward(Tensor tensor) => functional.group_norm(tensor, num_groups, weight, bias, eps);
    }

    /// <inheritdoc cref="torch.nn.LayerNorm(long[], double, bool, bool, Device, ScalarType?)"/>
    public sealed class LayerNorm : Module<Tensor, Tensor>
    {
        internal LayerNorm(long[] normalized_shape, double eps, bool elementwise_affine, bool bias, Device? device, ScalarType? dtype)
            : base(nameof(LayerNorm))
        {
            (this.normalized_shape, this.eps, this.elementwise_affine) = (normalized_shape, eps, elementwise_affine);
            if (!elementwise_affine)
                return;
            weight = Parameter(ones(normalized_shape, dtype: dtype, device: device));
            if (bias)
                this.bias = Parameter(zeros(normalized_shape, dtype: dtype, device: device));
        }

        public long[] normalized_shape { get; set; }
        public double eps { get; set; }
        public bool elementwise_affine { get; set; }

        /// <summary>(…normalized_shape), or null where not affine.</summary>
        public Parameter? weight
        {
            get;
            set => field = Own(nameof(weight), field, value);
        }

        /// <summary>(…normalized_shape), or null.</summary>
        public Parameter? bias
        {
            get;
            set => field = Own(nameof(bias), field, value);
        }

        /// <summary>Weights 1, biases 0.</summary>
        public void reset_parameters()
        {
            if (weight is not null)
                init.ones_(weight);
            if (bias is not null)
                init.zeros_(bias);
        }

        public override Tensor forward(Tensor tensor) => functional.layer_norm(tensor, normalized_shape, weight, bias, eps);
    }

    /// <inheritdoc cref="torch.nn.CosineSimilarity"/>
    public sealed class CosineSimilarity : nn.Module<Tensor, Tensor, Tensor>, IParameterLessModule
    {
        internal CosineSimilarity(long dim, double eps)
            : base(nameof(CosineSimilarity)) => (this.dim, this.eps) = (dim, eps);

        public long dim { get; set; }
        public double eps { get; set; }

        public override Tensor forward(Tensor input1, Tensor input2) => functional.cosine_similarity(input1, input2, dim, eps);
    }
}
