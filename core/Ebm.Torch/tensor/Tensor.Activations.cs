// The activations of networks.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor relu() => Aten.relu.Tensor(this);

        public Tensor relu_() => Aten.relu_.InPlace(this);

        public Tensor relu6() => Aten.relu6.Tensor(this);

        public Tensor relu6_() => Aten.relu6_.InPlace(this);

        public Tensor selu() => Aten.selu.Tensor(this);

        public Tensor selu_() => Aten.selu_.InPlace(this);

        public Tensor silu() => Aten.silu.Tensor(this);

        public Tensor silu_() => Aten.silu_.InPlace(this);

        public Tensor hardsigmoid() => Aten.hardsigmoid.Tensor(this);

        public Tensor hardsigmoid_() => Aten.hardsigmoid_.InPlace(this);

        public Tensor hardswish() => Aten.hardswish.Tensor(this);

        public Tensor hardswish_() => Aten.hardswish_.InPlace(this);

        public Tensor gelu() => Aten.gelu.Tensor(this);

        public Tensor gelu_() => Aten.gelu_.InPlace(this);

        public Tensor celu() => Aten.celu.Tensor(this);

        public Tensor celu(Scalar alpha) => Aten.celu.Tensor(this, alpha);

        public Tensor celu_() => Aten.celu_.InPlace(this);

        public Tensor celu_(Scalar alpha) => Aten.celu_.InPlace(this, alpha);

        public Tensor elu(double alpha = 1) => Aten.elu.Tensor(this, alpha);

        public Tensor elu(Scalar alpha, Scalar scale, Scalar input_scale) => Aten.elu.Tensor(this, alpha, scale, input_scale);

        public Tensor elu_(double alpha = 1) => Aten.elu_.InPlace(this, alpha);

        public Tensor elu_(Scalar alpha, Scalar scale, Scalar input_scale) => Aten.elu_.InPlace(this, alpha, scale, input_scale);

        public Tensor leaky_relu(Scalar negative_slope) => Aten.leaky_relu.Tensor(this, negative_slope);

        public Tensor leaky_relu_(Scalar negative_slope) => Aten.leaky_relu_.InPlace(this, negative_slope);

        public Tensor hardtanh(Scalar min, Scalar max) => Aten.hardtanh.Tensor(this, min, max);

        public Tensor hardtanh_(Scalar min, Scalar max) => Aten.hardtanh_.InPlace(this, min, max);

        public Tensor softplus(double beta = 1, double threshold = 20) => Aten.softplus.Tensor(this, beta, threshold);

        public Tensor threshold(Scalar threshold, Scalar value) => Aten.threshold.Tensor(this, threshold, value);

        public Tensor threshold_(Scalar threshold, Scalar value) => Aten.threshold_.InPlace(this, threshold, value);

        public Tensor log_sigmoid() => Aten.log_sigmoid.Tensor(this);

        public Tensor glu(long dim = -1) => Aten.glu.Tensor(this, dim);

        public Tensor prelu(Tensor target) => Aten.prelu.Tensor(this, target);

        public Tensor channel_shuffle(long groups) => Aten.channel_shuffle.Tensor(this, groups);
    }

    internal static partial class Aten
    {
        public static readonly Operator relu = new("relu(self)"),
            relu_ = new("relu_(self)"),
            relu6 = new("relu6(self)"),
            relu6_ = new("relu6_(self)"),
            selu = new("selu(self)"),
            selu_ = new("selu_(self)"),
            silu = new("silu(self)"),
            silu_ = new("silu_(self)"),
            hardsigmoid = new("hardsigmoid(self)"),
            hardsigmoid_ = new("hardsigmoid_(self)"),
            hardswish = new("hardswish(self)"),
            hardswish_ = new("hardswish_(self)"),
            gelu = new("gelu(self)"),
            gelu_ = new("gelu_(self)"),
            celu = new("celu(self, alpha)"),
            celu_ = new("celu_(self, alpha)"),
            elu = new("elu(self, alpha, scale, input_scale)"),
            elu_ = new("elu_(self, alpha, scale, input_scale)"),
            leaky_relu = new("leaky_relu(self, negative_slope)"),
            leaky_relu_ = new("leaky_relu_(self, negative_slope)"),
            hardtanh = new("hardtanh(self, min_val, max_val)"),
            hardtanh_ = new("hardtanh_(self, min_val, max_val)"),
            softplus = new("softplus(self, beta, threshold)"),
            threshold = new("threshold(self, threshold, value)"),
            threshold_ = new("threshold_(self, threshold, value)"),
            log_sigmoid = new("log_sigmoid(self)"),
            glu = new("glu(self, dim)"),
            prelu = new("prelu(self, weight)"),
            channel_shuffle = new("channel_shuffle(self, groups)");
    }
}
