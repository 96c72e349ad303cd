// Elementwise functions with settings, or of two tensors.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor round(long decimals = 0L) => Aten.round_decimals.Tensor(this, decimals);

        public Tensor round_(long decimals = 0L) => Aten.round__decimals.InPlace(this, decimals);

        /// <summary>Cut off at the ends that are given; at least one must be.</summary>
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.clamp.Tensor(this, min, max);

        public Tensor clamp(Tensor? min = null, Tensor? max = null) => Aten.clamp_Tensor.Tensor(this, min, max);

        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Aten.clamp_.InPlace(this, min, max);

        public Tensor clamp_(Tensor? min = null, Tensor? max = null) => Aten.clamp__Tensor.InPlace(this, min, max);

        public Tensor clamp_max(Scalar max) => Aten.clamp_max.Tensor(this, max);

        public Tensor clamp_max_(Scalar max) => Aten.clamp_max_.InPlace(this, max);

        public Tensor clamp_min(Scalar min) => Aten.clamp_min.Tensor(this, min);

        public Tensor clamp_min_(Scalar min) => Aten.clamp_min_.InPlace(this, min);

        public Tensor clip(Scalar? min = null, Scalar? max = null) => clamp(min, max);

        public Tensor atan2(Tensor other) => Aten.atan2.Tensor(this, other);

        public Tensor atan2_(Tensor other) => Aten.atan2_.InPlace(this, other);

        public Tensor arctan(Tensor other) => atan2(other);

        public Tensor arctan_(Tensor other) => atan2_(other);

        public Tensor arctan2(Tensor other) => atan2(other);

        public Tensor arctan2_(Tensor other) => atan2_(other);

        public Tensor hypot(Tensor other) => Aten.hypot.Tensor(this, other);

        public Tensor copysign(Tensor other) => Aten.copysign_Tensor.Tensor(this, other);

        public Tensor nextafter(Tensor other) => Aten.nextafter.Tensor(this, other);

        public Tensor heaviside(Tensor other) => Aten.heaviside.Tensor(this, other);

        public Tensor ldexp(Tensor other) => Aten.ldexp_Tensor.Tensor(this, other);

        public Tensor ldexp_(Tensor other) => Aten.ldexp_.InPlace(this, other);

        public (Tensor Mantissa, Tensor Exponent) frexp() => Aten.frexp_Tensor.Pair(this);

        /// <summary>log(exp(this) + exp(other)), without overflow.</summary>
        public Tensor logaddexp(Tensor other) => Aten.logaddexp.Tensor(this, other);

        public Tensor logaddexp2(Tensor other) => Aten.logaddexp2.Tensor(this, other);

        /// <summary>log(p / (1 − p)), p cut off at eps and 1 − eps; NaN outside [0, 1] when there is no eps.</summary>
        public Tensor logit(double? eps = null) => Aten.logit.Tensor(this, eps);

        /// <summary>this · log(y), 0 where this is 0.</summary>
        public Tensor xlogy(Tensor y) => Aten.xlogy_Tensor.Tensor(this, y);

        public Tensor xlogy(Scalar y) => Aten.xlogy_Scalar_Other.Tensor(this, y);

        public Tensor xlogy_(Tensor y) => Aten.xlogy__Tensor.InPlace(this, y);

        public Tensor xlogy_(Scalar y) => Aten.xlogy__Scalar_Other.InPlace(this, y);

        public Tensor igamma(Tensor other) => Aten.igamma.Tensor(this, other);

        public Tensor igammac(Tensor other) => Aten.igammac.Tensor(this, other);

        /// <summary>The p-th derivative of digamma.</summary>
        public Tensor polygamma(long p) => Aten.polygamma.Tensor(p, this);

        public Tensor polygamma_(long p) => Aten.polygamma_.InPlace(this, p);

        /// <summary>The logarithm of the multivariate gamma function of dimension p.</summary>
        public Tensor mvlgamma(long p) => Aten.mvlgamma.Tensor(this, p);

        public Tensor mvlgamma_(long p) => Aten.mvlgamma_.InPlace(this, p);

        public Tensor nan_to_num(double nan = 0d, double? posinf = null, double? neginf = null) =>
            Aten.nan_to_num.Tensor(this, nan, posinf, neginf);
    }

    internal static partial class Aten
    {
        public static readonly Operator round_decimals = new("round.decimals(self, decimals)"),
            round__decimals = new("round_.decimals(self, decimals)"),
            clamp = new("clamp(self, min, max)"),
            clamp_Tensor = new("clamp.Tensor(self, min, max)"),
            clamp_ = new("clamp_(self, min, max)"),
            clamp__Tensor = new("clamp_.Tensor(self, min, max)"),
            clamp_max = new("clamp_max(self, max)"),
            clamp_max_ = new("clamp_max_(self, max)"),
            clamp_min = new("clamp_min(self, min)"),
            clamp_min_ = new("clamp_min_(self, min)"),
            atan2 = new("atan2(self, other)"),
            atan2_ = new("atan2_(self, other)"),
            hypot = new("hypot(self, other)"),
            copysign_Tensor = new("copysign.Tensor(self, other)"),
            nextafter = new("nextafter(self, other)"),
            heaviside = new("heaviside(self, values)"),
            ldexp_Tensor = new("ldexp.Tensor(self, other)"),
            ldexp_ = new("ldexp_(self, other)"),
            frexp_Tensor = new("frexp.Tensor(self)"),
            logaddexp = new("logaddexp(self, other)"),
            logaddexp2 = new("logaddexp2(self, other)"),
            logit = new("logit(self, eps)"),
            xlogy_Tensor = new("xlogy.Tensor(self, other)"),
            xlogy_Scalar_Other = new("xlogy.Scalar_Other(self, other)"),
            xlogy__Tensor = new("xlogy_.Tensor(self, other)"),
            xlogy__Scalar_Other = new("xlogy_.Scalar_Other(self, other)"),
            igamma = new("igamma(self, other)"),
            igammac = new("igammac(self, other)"),
            polygamma = new("polygamma(n, self)"),
            polygamma_ = new("polygamma_(self, n)"),
            mvlgamma = new("mvlgamma(self, p)"),
            mvlgamma_ = new("mvlgamma_(self, p)"),
            nan_to_num = new("nan_to_num(self, nan, posinf, neginf)");
    }
}
