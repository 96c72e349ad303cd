// Dropout (Srivastava et al. 2014): while training, each entry is zero with probability p, and the others are divided by 1 − p.
// Its draws come from torch's default generator, as TorchSharp's do: a program whose runs must repeat seeds that generator
// (`torch.manual_seed`) where it needs them to, or leaves dropout out.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>Zeros with probability p while training, drawn from torch's default generator.</summary>
            public static Dropout Dropout(double p = 0.5, bool inplace = false) => new(p, inplace);

            public static partial class functional
            {
                /// <inheritdoc cref="Dropout"/>
                public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                    inplace ? Aten.dropout_.InPlace(input, p, training).alias() : Aten.dropout.Tensor(input, p, training);
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator dropout = new("dropout(input, p, train)");
            public static readonly Operator dropout_ = new("dropout_(self, p, train)");
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.nn;

    /// <inheritdoc cref="torch.nn.Dropout"/>
    public sealed class Dropout : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout(double p, bool inplace)
            : base(nameof(Dropout)) => (this.p, this.inplace) = (p, inplace);

        public double p { get; set; }
        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.dropout(tensor, p, training, inplace);
    }
}
