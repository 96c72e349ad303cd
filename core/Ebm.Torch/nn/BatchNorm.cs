// Batch normalisation (Ioffe and Szegedy 2015): each channel by its mean and variance over the batch while training, by
// running averages of them otherwise.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>(B, num_features) or (B, num_features, L) → the same shape.</summary>
            public static BatchNorm1d BatchNorm1d(
                long num_features,
                double eps = 1e-05,
                double momentum = 0.1,
                bool affine = true,
                bool track_running_stats = true,
                Device? device = null,
                ScalarType? dtype = null
            ) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);

            /// <summary>(B, num_features, H, W) → the same shape.</summary>
            public static BatchNorm2d BatchNorm2d(
                long num_features,
                double eps = 1e-05,
                double momentum = 0.1,
                bool affine = true,
                bool track_running_stats = true,
                Device? device = null,
                ScalarType? dtype = null
            ) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);

            public static partial class functional
            {
                /// <summary>
                /// (B, C, …) → the same shape; the other tensors (C). In training the running averages move towards the batch's.
                /// </summary>
                public static Tensor batch_norm(
                    Tensor input,
                    Tensor? running_mean,
                    Tensor? running_var,
                    Tensor? weight = null,
                    Tensor? bias = null,
                    bool training = false,
                    double momentum = 0.1,
                    double eps = 1e-5
                ) => Aten.batch_norm.Tensor(input, weight, bias, running_mean, running_var, training, momentum, eps, true);
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator batch_norm = new(
                "batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled)"
            );
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <summary>A normalisation with running averages as buffers.</summary>
    public abstract class NormBase : Module<Tensor, Tensor>
    {
        private protected NormBase(
            long num_features,
            double eps,
            double? momentum,
            bool affine,
            bool track_running_stats,
            Device? device,
            ScalarType? dtype,
            string name
        )
            : base(name)
        {
            (this.num_features, this.eps, this.momentum, this.affine, this.track_running_stats) = (
                num_features,
                eps,
                momentum,
                affine,
                track_running_stats
            );
            if (affine)
            {
                weight = Parameter(ones(num_features, dtype: dtype, device: device));
                bias = Parameter(zeros(num_features, dtype: dtype, device: device));
            }
            if (track_running_stats)
            {
                running_mean = zeros(num_features, dtype: dtype, device: device);
                running_var = ones(num_features, dtype: dtype, device: device);
                num_batches_tracked = zeros([], dtype: ScalarType.Int64, device: device);
            }
        }

        public long num_features { get; }
        public double eps { get; set; }
        public double? momentum { get; set; }
        public bool affine { get; }
        public bool track_running_stats { get; }

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

        /// <summary>(C), or null where nothing is tracked.</summary>
        public Tensor? running_mean
        {
            get;
            set => field = OwnBuffer(nameof(running_mean), field, value);
        }

        /// <summary>(C), unbiased, or null where nothing is tracked.</summary>
        public Tensor? running_var
        {
            get;
            set => field = OwnBuffer(nameof(running_var), field, value);
        }

        /// <summary>How many batches the averages have seen: a scalar, int64; null where nothing is tracked.</summary>
        public Tensor? num_batches_tracked
        {
            get;
            set => field = OwnBuffer(nameof(num_batches_tracked), field, value);
        }

        /// <summary>Mean 0, variance 1, no batch seen.</summary>
        public void reset_running_stats()
        {
            if (running_mean is not null)
                init.zeros_(running_mean);
            if (running_var is not null)
                init.ones_(running_var);
            if (num_batches_tracked is not null)
                init.zeros_(num_batches_tracked);
        }

        /// <summary>Weights 1, biases 0, and the running averages afresh.</summary>
        public void reset_parameters()
        {
            reset_running_stats();
            if (weight is not null)
                init.ones_(weight);
            if (bias is not null)
                init.zeros_(bias);
        }
    }

    /// <summary>Batch normalisation; its kinds differ in the inputs they take.</summary>
    public abstract class BatchNorm : NormBase
    {
        private protected BatchNorm(
            long num_features,
            double eps,
            double momentum,
            bool affine,
            bool track_running_stats,
            Device? device,
            ScalarType? dtype,
            string name
        )
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name) { }

        private protected abstract bool Takes(long dimensions);

        /// <exception cref="ArgumentException">The input has the wrong number of dimensions.</exception>
        public override Tensor forward(Tensor input)
        {
            if (!Takes(input.ndim))
                throw new ArgumentException(
                    $"{GetName()} does not take {input.ndim} dimensions; the input is {input.Describe()}.",
                    nameof(input)
                );
            var averaging = momentum ?? 0;
            if (training && num_batches_tracked is not null)
            {
                using var counting = no_grad();
                num_batches_tracked.add_(1);
                // Without a momentum the running averages are plain averages over all batches.
                averaging = momentum ?? 1.0 / num_batches_tracked.item<long>();
            }
            var (mean, variance) = training && !track_running_stats ? (null, null) : (running_mean, running_var);
            return functional.batch_norm(input, mean, variance, weight, bias, training || running_mean is null, averaging, eps);
        }
    }

    /// <inheritdoc cref="torch.nn.BatchNorm1d"/>
    public sealed class BatchNorm1d : BatchNorm
    {
        internal BatchNorm1d(
            long num_features,
            double eps,
            double momentum,
            bool affine,
            bool track_running_stats,
            Device? device,
            ScalarType? dtype
        )
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, nameof(BatchNorm1d)) { }

        private protected override bool Takes(long dimensions) => dimensions is 2 or 3;
    }

    /// <inheritdoc cref="torch.nn.BatchNorm2d"/>
    public sealed class BatchNorm2d : BatchNorm
    {
        internal BatchNorm2d(
            long num_features,
            double eps,
            double momentum,
            bool affine,
            bool track_running_stats,
            Device? device,
            ScalarType? dtype
        )
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, nameof(BatchNorm2d)) { }

        private protected override bool Takes(long dimensions) => dimensions == 4;
    }
}
