// Affine maps: y = x Wᵀ + b, and of two inputs y_k = x₁ᵀ A_k x₂ + b_k. Weights and biases start as U[−1/√in, 1/√in).
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>(…, inputSize) → (…, outputSize).</summary>
            public static Linear Linear(
                long inputSize,
                long outputSize,
                bool hasBias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) => new(inputSize, outputSize, hasBias, device, dtype);

            /// <summary>A map with the weight (out, in) and bias (out) given.</summary>
            public static Linear Linear(Parameter weight, Parameter? bias = null) => new(weight, bias);

            /// <summary>(…, in1_features), (…, in2_features) → (…, out_features).</summary>
            public static Bilinear Bilinear(
                long in1_features,
                long in2_features,
                long out_features,
                bool hasBias = true,
                Device? device = null,
                ScalarType? dtype = null
            ) => new(in1_features, in2_features, out_features, hasBias, device, dtype);

            /// <summary>Returns its input.</summary>
            public static Identity Identity() => new();

            public static partial class functional
            {
                /// <summary>(…, in), (out, in), (out) → (…, out).</summary>
                public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Aten.linear.Tensor(input, weights, bias);

                /// <summary>(…, in1), (…, in2), (out, in1, in2), (out) → (…, out).</summary>
                public static Tensor bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias = null) =>
                    Aten.bilinear.Tensor(input1, input2, weight, bias);
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator linear = new("linear(input, weight, bias)");
            public static readonly Operator bilinear = new("bilinear(input1, input2, weight, bias)");
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <inheritdoc cref="torch.nn.Linear(long, long, bool, Device?, ScalarType?)"/>
    public sealed class Linear : Module<Tensor, Tensor>
    {
        internal Linear(Parameter weight, Parameter? bias = null)
            : base(nameof(Linear))
        {
            (in_features, out_features) = (weight.shape[1], weight.shape[0]);
            this.weight = weight;
            this.bias = bias;
        }

        internal Linear(long inputSize, long outputSize, bool hasBias, Device? device, ScalarType? dtype)
            : base(nameof(Linear))
        {
            (in_features, out_features) = (inputSize, outputSize);
            weight = Parameter(empty(outputSize, inputSize, dtype: dtype, device: device));
            if (hasBias)
                bias = Parameter(empty(outputSize, dtype: dtype, device: device));
            init.kaiming_uniform_(weight, Math.Sqrt(5));
            init.ByFanIn(bias, inputSize);
        }

        public long in_features { get; set; }
        public long out_features { get; set; }

        /// <summary>(out, in).</summary>
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

        public override Tensor forward(Tensor tensor) => functional.linear(tensor, weight, bias);
    }

    /// <inheritdoc cref="torch.nn.Bilinear"/>
    public sealed class Bilinear : Module<Tensor, Tensor, Tensor>
    {
        internal Bilinear(long in1_features, long in2_features, long out_features, bool hasBias, Device? device, ScalarType? dtype)
            : base(nameof(Bilinear))
        {
            (this.in1_features, this.in2_features, this.out_features) = (in1_features, in2_features, out_features);
            weight = Parameter(empty(out_features, in1_features, in2_features, dtype: dtype, device: device));
            if (hasBias)
                bias = Parameter(empty(out_features, dtype: dtype, device: device));
            init.ByFanIn(weight, in1_features);
            init.ByFanIn(bias, in1_features);
        }

        public long in1_features { get; set; }
        public long in2_features { get; set; }
        public long out_features { get; set; }

        /// <summary>(out, in1, in2).</summary>
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

        public override Tensor forward(Tensor input1, Tensor input2) => functional.bilinear(input1, input2, weight, bias);
    }

    /// <inheritdoc cref="torch.nn.Identity"/>
    public sealed class Identity : ParameterLessModule<Tensor, Tensor>
    {
        internal Identity()
            : base(nameof(Identity)) { }

        public override Tensor forward(Tensor tensor) => tensor.alias();
    }
}
