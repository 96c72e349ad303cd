// Functions of one element, element by element; a name that ends in _ writes into the tensor.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor abs() => Aten.abs.Tensor(this);

        public Tensor abs_() => Aten.abs_.InPlace(this);

        public Tensor acos() => Aten.acos.Tensor(this);

        public Tensor acos_() => Aten.acos_.InPlace(this);

        public Tensor acosh() => Aten.acosh.Tensor(this);

        public Tensor acosh_() => Aten.acosh_.InPlace(this);

        public Tensor angle() => Aten.angle.Tensor(this);

        public Tensor asin() => Aten.asin.Tensor(this);

        public Tensor asin_() => Aten.asin_.InPlace(this);

        public Tensor asinh() => Aten.asinh.Tensor(this);

        public Tensor asinh_() => Aten.asinh_.InPlace(this);

        public Tensor atan() => Aten.atan.Tensor(this);

        public Tensor atan_() => Aten.atan_.InPlace(this);

        public Tensor atanh() => Aten.atanh.Tensor(this);

        public Tensor atanh_() => Aten.atanh_.InPlace(this);

        public Tensor ceil() => Aten.ceil.Tensor(this);

        public Tensor ceil_() => Aten.ceil_.InPlace(this);

        public Tensor cos() => Aten.cos.Tensor(this);

        public Tensor cos_() => Aten.cos_.InPlace(this);

        public Tensor cosh() => Aten.cosh.Tensor(this);

        public Tensor cosh_() => Aten.cosh_.InPlace(this);

        public Tensor deg2rad() => Aten.deg2rad.Tensor(this);

        public Tensor digamma() => Aten.digamma.Tensor(this);

        public Tensor digamma_() => Aten.digamma_.InPlace(this);

        public Tensor erf() => Aten.erf.Tensor(this);

        public Tensor erf_() => Aten.erf_.InPlace(this);

        public Tensor erfc() => Aten.erfc.Tensor(this);

        public Tensor erfc_() => Aten.erfc_.InPlace(this);

        public Tensor erfinv() => Aten.erfinv.Tensor(this);

        public Tensor erfinv_() => Aten.erfinv_.InPlace(this);

        public Tensor exp() => Aten.exp.Tensor(this);

        public Tensor exp_() => Aten.exp_.InPlace(this);

        public Tensor exp2() => Aten.exp2.Tensor(this);

        public Tensor expm1() => Aten.expm1.Tensor(this);

        public Tensor expm1_() => Aten.expm1_.InPlace(this);

        public Tensor floor() => Aten.floor.Tensor(this);

        public Tensor floor_() => Aten.floor_.InPlace(this);

        public Tensor frac() => Aten.frac.Tensor(this);

        public Tensor frac_() => Aten.frac_.InPlace(this);

        public Tensor i0() => Aten.i0.Tensor(this);

        public Tensor lgamma() => Aten.lgamma.Tensor(this);

        public Tensor lgamma_() => Aten.lgamma_.InPlace(this);

        public Tensor log() => Aten.log.Tensor(this);

        public Tensor log_() => Aten.log_.InPlace(this);

        public Tensor log10() => Aten.log10.Tensor(this);

        public Tensor log10_() => Aten.log10_.InPlace(this);

        public Tensor log1p() => Aten.log1p.Tensor(this);

        public Tensor log1p_() => Aten.log1p_.InPlace(this);

        public Tensor log2() => Aten.log2.Tensor(this);

        public Tensor log2_() => Aten.log2_.InPlace(this);

        public Tensor neg() => Aten.neg.Tensor(this);

        public Tensor neg_() => Aten.neg_.InPlace(this);

        public Tensor positive() => Aten.positive.Tensor(this);

        public Tensor rad2deg() => Aten.rad2deg.Tensor(this);

        public Tensor reciprocal() => Aten.reciprocal.Tensor(this);

        public Tensor reciprocal_() => Aten.reciprocal_.InPlace(this);

        public Tensor rsqrt() => Aten.rsqrt.Tensor(this);

        public Tensor rsqrt_() => Aten.rsqrt_.InPlace(this);

        public Tensor sgn() => Aten.sgn.Tensor(this);

        public Tensor sgn_() => Aten.sgn_.InPlace(this);

        public Tensor sigmoid() => Aten.sigmoid.Tensor(this);

        public Tensor sigmoid_() => Aten.sigmoid_.InPlace(this);

        public Tensor sign() => Aten.sign.Tensor(this);

        public Tensor sign_() => Aten.sign_.InPlace(this);

        public Tensor signbit() => Aten.signbit.Tensor(this);

        public Tensor sin() => Aten.sin.Tensor(this);

        public Tensor sin_() => Aten.sin_.InPlace(this);

        public Tensor sinc() => Aten.sinc.Tensor(this);

        public Tensor sinc_() => Aten.sinc_.InPlace(this);

        public Tensor sinh() => Aten.sinh.Tensor(this);

        public Tensor sinh_() => Aten.sinh_.InPlace(this);

        public Tensor sqrt() => Aten.sqrt.Tensor(this);

        public Tensor sqrt_() => Aten.sqrt_.InPlace(this);

        public Tensor square() => Aten.square.Tensor(this);

        public Tensor tan() => Aten.tan.Tensor(this);

        public Tensor tan_() => Aten.tan_.InPlace(this);

        public Tensor tanh() => Aten.tanh.Tensor(this);

        public Tensor tanh_() => Aten.tanh_.InPlace(this);

        public Tensor trunc() => Aten.trunc.Tensor(this);

        public Tensor trunc_() => Aten.trunc_.InPlace(this);

        public Tensor absolute() => abs();

        public Tensor absolute_() => abs_();

        public Tensor arccos() => acos();

        public Tensor arccos_() => acos_();

        public Tensor arccosh() => acosh();

        public Tensor arccosh_() => acosh_();

        public Tensor arcsin() => asin();

        public Tensor arcsin_() => asin_();

        public Tensor arcsinh() => asinh();

        public Tensor arcsinh_() => asinh_();

        public Tensor arctan() => atan();

        public Tensor arctan_() => atan_();

        public Tensor arctanh() => atanh();

        public Tensor arctanh_() => atanh_();

        public Tensor fix() => trunc();

        public Tensor fix_() => trunc_();

        public Tensor negative() => neg();
    }

    internal static partial class Aten
    {
        public static readonly Operator abs = new("abs(self)"),
            abs_ = new("abs_(self)"),
            acos = new("acos(self)"),
            acos_ = new("acos_(self)"),
            acosh = new("acosh(self)"),
            acosh_ = new("acosh_(self)"),
            angle = new("angle(self)"),
            asin = new("asin(self)"),
            asin_ = new("asin_(self)"),
            asinh = new("asinh(self)"),
            asinh_ = new("asinh_(self)"),
            atan = new("atan(self)"),
            atan_ = new("atan_(self)"),
            atanh = new("atanh(self)"),
            atanh_ = new("atanh_(self)"),
            ceil = new("ceil(self)"),
            ceil_ = new("ceil_(self)"),
            cos = new("cos(self)"),
            cos_ = new("cos_(self)"),
            cosh = new("cosh(self)"),
            cosh_ = new("cosh_(self)"),
            deg2rad = new("deg2rad(self)"),
            digamma = new("digamma(self)"),
            digamma_ = new("digamma_(self)"),
            erf = new("erf(self)"),
            erf_ = new("erf_(self)"),
            erfc = new("erfc(self)"),
            erfc_ = new("erfc_(self)"),
            erfinv = new("erfinv(self)"),
            erfinv_ = new("erfinv_(self)"),
            exp = new("exp(self)"),
            exp_ = new("exp_(self)"),
            exp2 = new("exp2(self)"),
            expm1 = new("expm1(self)"),
            expm1_ = new("expm1_(self)"),
            floor = new("floor(self)"),
            floor_ = new("floor_(self)"),
            frac = new("frac(self)"),
            frac_ = new("frac_(self)"),
            i0 = new("i0(self)"),
            lgamma = new("lgamma(self)"),
            lgamma_ = new("lgamma_(self)"),
            log = new("log(self)"),
            log_ = new("log_(self)"),
            log10 = new("log10(self)"),
            log10_ = new("log10_(self)"),
            log1p = new("log1p(self)"),
            log1p_ = new("log1p_(self)"),
            log2 = new("log2(self)"),
            log2_ = new("log2_(self)"),
            neg = new("neg(self)"),
            neg_ = new("neg_(self)"),
            positive = new("positive(self)"),
            rad2deg = new("rad2deg(self)"),
            reciprocal = new("reciprocal(self)"),
            reciprocal_ = new("reciprocal_(self)"),
            rsqrt = new("rsqrt(self)"),
            rsqrt_ = new("rsqrt_(self)"),
            sgn = new("sgn(self)"),
            sgn_ = new("sgn_(self)"),
            sigmoid = new("sigmoid(self)"),
            sigmoid_ = new("sigmoid_(self)"),
            sign = new("sign(self)"),
            sign_ = new("sign_(self)"),
            signbit = new("signbit(self)"),
            sin = new("sin(self)"),
            sin_ = new("sin_(self)"),
            sinc = new("sinc(self)"),
            sinc_ = new("sinc_(self)"),
            sinh = new("sinh(self)"),
            sinh_ = new("sinh_(self)"),
            sqrt = new("sqrt(self)"),
            sqrt_ = new("sqrt_(self)"),
            square = new("square(self)"),
            tan = new("tan(self)"),
            tan_ = new("tan_(self)"),
            tanh = new("tanh(self)"),
            tanh_ = new("tanh_(self)"),
            trunc = new("trunc(self)"),
            trunc_ = new("trunc_(self)");
    }
}
