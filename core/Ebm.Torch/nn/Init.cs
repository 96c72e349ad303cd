// How parameters start. Draws come from the generator given, else from torch's default one (`torch.manual_seed`).
namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Fills tensors in place, without recording gradients, and returns them.</summary>
        public static class init
        {
            /// <summary>What follows a layer; <see cref="calculate_gain"/> gives its gain.</summary>
            public enum NonlinearityType
            {
                Linear = 0,
                Conv1D = 1,
                Conv2D = 2,
                Conv3D = 3,
                ConvTranspose1D = 4,
                ConvTranspose2D = 5,
                ConvTranspose3D = 6,
                Sigmoid = 7,
                Tanh = 8,
                ReLU = 9,
                LeakyReLU = 10,
            }

            /// <summary>Which variance a Kaiming initialisation keeps: the forward pass's or the backward pass's.</summary>
            public enum FanInOut
            {
                FanIn = 0,
                FanOut = 1,
            }

            /// <summary>
            /// One over the factor by which a nonlinearity shrinks its input's scale; LeakyReLU's slope is <paramref name="param"/>.
            /// </summary>
            public static double calculate_gain(NonlinearityType nonlinearity, double param = 0.0) =>
                nonlinearity switch
                {
                    <= NonlinearityType.Sigmoid => 1,
                    NonlinearityType.Tanh => 5.0 / 3,
                    NonlinearityType.ReLU => Math.Sqrt(2),
                    NonlinearityType.LeakyReLU => Math.Sqrt(2 / (1 + param * param)),
                    _ => throw new ArgumentOutOfRangeException(nameof(nonlinearity), nonlinearity, "There is no gain for it."),
                };

            public static Tensor ones_(Tensor tensor) => constant_(tensor, 1);

            public static Tensor zeros_(Tensor tensor) => constant_(tensor, 0);

            public static Tensor constant_(Tensor tensor, Scalar val) => Fill(tensor, t => t.fill_(val));

            /// <summary>The identity matrix; the tensor is a matrix.</summary>
            public static Tensor eye_(Tensor tensor)
            {
                if (tensor.ndim != 2)
                    throw new ArgumentException($"An identity matrix needs 2 dimensions; the tensor has {tensor.ndim}.", nameof(tensor));
                return Fill(tensor, t => t.copy_(eye(t.shape[0], t.shape[1], dtype: t.dtype, device: t.device)));
            }

            /// <summary>U[low, high).</summary>
            public static Tensor uniform_(Tensor tensor, double low = 0, double high = 1, Generator? generator = null) =>
                Fill(tensor, t => t.uniform_(low, high, generator));

            /// <summary>N(mean, std²).</summary>
            public static Tensor normal_(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) =>
                Fill(tensor, t => t.normal_(mean, std, generator));

            /// <summary>N(mean, std²) conditioned on [a, b], by inverting its distribution function.</summary>
            public static Tensor trunc_normal_(
                Tensor tensor,
                double mean = 0.0,
                double std = 1.0,
                double a = -2.0,
                double b = 2.0,
                Generator? generator = null
            )
            {
                // erfinv(2Φ − 1) is the normal quantile over √2.
                var (low, high) = (NormalBelow((a - mean) / std), NormalBelow((b - mean) / std));
                return Fill(
                    tensor,
                    t => t.uniform_(2 * low - 1, 2 * high - 1, generator).erfinv_().mul_(std * Math.Sqrt(2)).add_(mean).clamp_(a, b)
                );
            }

            /// <summary>gain · U[−√(6 / (fan in + fan out)), …): Glorot and Bengio 2010.</summary>
            public static Tensor xavier_uniform_(Tensor tensor, double gain = 1.0)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                var bound = gain * Math.Sqrt(6.0 / (fanIn + fanOut));
                return uniform_(tensor, -bound, bound);
            }

            /// <summary>gain · N(0, 2 / (fan in + fan out)): Glorot and Bengio 2010.</summary>
            public static Tensor xavier_normal_(Tensor tensor, double gain = 1.0)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                return normal_(tensor, 0, gain * Math.Sqrt(2.0 / (fanIn + fanOut)));
            }

            /// <inheritdoc cref="xavier_uniform_"/>
            public static Tensor glorot_uniform_(Tensor tensor, double gain = 1.0) => xavier_uniform_(tensor, gain);

            /// <inheritdoc cref="xavier_normal_"/>
            public static Tensor glorot_normal_(Tensor tensor, double gain = 1.0) => xavier_normal_(tensor, gain);

            /// <summary>U[−√3 s, √3 s) with s = gain / √fan: He et al. 2015.</summary>
            public static Tensor kaiming_uniform_(
                Tensor tensor,
                double a = 0,
                FanInOut mode = FanInOut.FanIn,
                NonlinearityType nonlinearity = NonlinearityType.LeakyReLU
            )
            {
                var bound = Math.Sqrt(3) * KaimingScale(tensor, a, mode, nonlinearity);
                return uniform_(tensor, -bound, bound);
            }

            /// <summary>N(0, s²) with s = gain / √fan: He et al. 2015.</summary>
            public static Tensor kaiming_normal_(
                Tensor tensor,
                double a = 0,
                FanInOut mode = FanInOut.FanIn,
                NonlinearityType nonlinearity = NonlinearityType.LeakyReLU
            ) => normal_(tensor, 0, KaimingScale(tensor, a, mode, nonlinearity));

            /// <summary>
            /// gain times a uniformly random matrix whose rows, or columns if fewer, are orthonormal; later dimensions count as columns.
            /// </summary>
            public static Tensor orthogonal_(Tensor tensor, double gain = 1.0)
            {
                if (tensor.ndim < 2)
                    throw new ArgumentException(
                        $"An orthogonal matrix needs at least 2 dimensions; the tensor has {tensor.ndim}.",
                        nameof(tensor)
                    );
                return Fill(
                    tensor,
                    t =>
                    {
                        var rows = t.shape[0];
                        var columns = t.numel() / rows;
                        var tall = empty(Math.Max(rows, columns), Math.Min(rows, columns), dtype: t.dtype, device: t.device).normal_();
                        var (q, r) = linalg.qr(tall);
                        // Without the signs of R's diagonal, Q is not uniformly distributed (Mezzadri 2006).
                        var uniform = q * r.diag().sign();
                        t.copy_((rows < columns ? uniform.t() : uniform).reshape(t.shape)).mul_(gain);
                    }
                );
            }

            /// <summary>(inputs, outputs) of one unit: of (out, in, …kernel), in · |kernel| and out · |kernel|.</summary>
            /// <exception cref="ArgumentException">Fewer than two dimensions.</exception>
            public static (long fanIn, long fanOut) CalculateFanInAndFanOut(Tensor tensor)
            {
                var shape = tensor.shape;
                if (shape.Length < 2)
                    throw new ArgumentException(
                        $"Fan in and fan out need at least 2 dimensions; the tensor has {shape.Length}. "
                            + "Initialise a vector with uniform_ or normal_.",
                        nameof(tensor)
                    );
                var kernel = shape[2..].Aggregate(1L, (size, side) => size * side);
                return (shape[1] * kernel, shape[0] * kernel);
            }

            // U[−1/√fan, 1/√fan), which is how layers' biases start.
            internal static void ByFanIn(Tensor? tensor, long fanIn)
            {
                if (tensor is null)
                    return;
                var bound = fanIn > 0 ? 1 / Math.Sqrt(fanIn) : 0;
                uniform_(tensor, -bound, bound);
            }

            private static double KaimingScale(Tensor tensor, double a, FanInOut mode, NonlinearityType nonlinearity)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                return calculate_gain(nonlinearity, a) / Math.Sqrt(mode == FanInOut.FanIn ? fanIn : fanOut);
            }

            private static double NormalBelow(double z)
            {
                using var scope = NewDisposeScope();
                return 0.5 * (1 + tensor(z / Math.Sqrt(2), dtype: ScalarType.Float64).erf().item<double>());
            }

            private static Tensor Fill(Tensor tensor, Action<Tensor> fill)
            {
                using var _ = no_grad();
                using var scope = NewDisposeScope();
                fill(tensor);
                return tensor;
            }
        }
    }
}
