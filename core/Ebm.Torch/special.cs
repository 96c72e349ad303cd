// torch.special: error and gamma functions, Bessel functions, polynomials, the normal distribution.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public static partial class special
    {
        public static Tensor digamma(Tensor input) => input.digamma();

        public static Tensor entr(Tensor input) => Aten.special_entr.Tensor(input);

        public static Tensor erf(Tensor input) => input.erf();

        public static Tensor erfc(Tensor input) => input.erfc();

        public static Tensor erfcx(Tensor input) => Aten.special_erfcx.Tensor(input);

        public static Tensor erfinv(Tensor input) => input.erfinv();

        public static Tensor exp2(Tensor input) => input.exp2();

        public static Tensor expit(Tensor input) => input.sigmoid();

        public static Tensor expm1(Tensor input) => input.expm1();

        public static Tensor gammaln(Tensor input) => Aten.special_gammaln.Tensor(input);

        public static Tensor i0(Tensor input) => input.i0();

        public static Tensor i0e(Tensor input) => Aten.special_i0e.Tensor(input);

        public static Tensor i1(Tensor input) => Aten.special_i1.Tensor(input);

        public static Tensor i1e(Tensor input) => Aten.special_i1e.Tensor(input);

        public static Tensor logit(Tensor input) => input.logit();

        public static Tensor ndtr(Tensor input) => Aten.special_ndtr.Tensor(input);

        public static Tensor ndtri(Tensor input) => Aten.special_ndtri.Tensor(input);

        public static Tensor psi(Tensor input) => input.digamma();

        public static Tensor sinc(Tensor input) => input.sinc();

        public static Tensor gammainc(Tensor input, Tensor other) => input.igamma(other);

        public static Tensor gammaincc(Tensor input, Tensor other) => input.igammac(other);

        public static Tensor multigammaln(Tensor input, long p) => input.mvlgamma(p);

        public static Tensor polygamma(long n, Tensor input) => input.polygamma(n);

        public static Tensor sigmoid(Tensor input) => input.sigmoid();

        public static Tensor sigmoid_(Tensor input) => input.sigmoid_();

        public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

        public static Tensor log_softmax(Tensor input, long dim, ScalarType? dtype = null) => input.log_softmax(dim, dtype);

        /// <summary>input · log(1 + other), 0 where the input is 0.</summary>
        public static Tensor xlog1py(Tensor input, Tensor other) => Aten.special_xlog1py.Tensor(input, other);

        public static Tensor zeta(Tensor x, Tensor q) => Aten.special_zeta.Tensor(x, q);

        public static Tensor bessel_j0(Tensor input, Tensor? @out = null) => Tensor.Into(@out, Aten.special_bessel_j0.Tensor(input));

        public static Tensor bessel_j1(Tensor input, Tensor? @out = null) => Tensor.Into(@out, Aten.special_bessel_j1.Tensor(input));

        public static Tensor bessel_y0(Tensor input, Tensor? @out = null) => Tensor.Into(@out, Aten.special_bessel_y0.Tensor(input));

        public static Tensor bessel_y1(Tensor input, Tensor? @out = null) => Tensor.Into(@out, Aten.special_bessel_y1.Tensor(input));

        public static Tensor airy_ai(Tensor input, Tensor? @out = null) => Tensor.Into(@out, Aten.special_airy_ai.Tensor(input));

        public static Tensor modified_bessel_i0(Tensor input, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_modified_bessel_i0.Tensor(input));

        public static Tensor modified_bessel_i1(Tensor input, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_modified_bessel_i1.Tensor(input));

        public static Tensor modified_bessel_k0(Tensor input, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_modified_bessel_k0.Tensor(input));

        public static Tensor modified_bessel_k1(Tensor input, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_modified_bessel_k1.Tensor(input));

        public static Tensor scaled_modified_bessel_k0(Tensor input, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_scaled_modified_bessel_k0.Tensor(input));

        public static Tensor scaled_modified_bessel_k1(Tensor input, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_scaled_modified_bessel_k1.Tensor(input));

        public static Tensor spherical_bessel_j0(Tensor input, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_spherical_bessel_j0.Tensor(input));

        public static Tensor chebyshev_polynomial_t(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_chebyshev_polynomial_t.Tensor(x, n));

        public static Tensor chebyshev_polynomial_u(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_chebyshev_polynomial_u.Tensor(x, n));

        public static Tensor chebyshev_polynomial_v(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_chebyshev_polynomial_v.Tensor(x, n));

        public static Tensor chebyshev_polynomial_w(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_chebyshev_polynomial_w.Tensor(x, n));

        public static Tensor hermite_polynomial_h(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_hermite_polynomial_h.Tensor(x, n));

        public static Tensor hermite_polynomial_he(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_hermite_polynomial_he.Tensor(x, n));

        public static Tensor laguerre_polynomial_l(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_laguerre_polynomial_l.Tensor(x, n));

        public static Tensor legendre_polynomial_p(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_legendre_polynomial_p.Tensor(x, n));

        public static Tensor shifted_chebyshev_polynomial_t(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_shifted_chebyshev_polynomial_t.Tensor(x, n));

        public static Tensor shifted_chebyshev_polynomial_u(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_shifted_chebyshev_polynomial_u.Tensor(x, n));

        public static Tensor shifted_chebyshev_polynomial_v(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_shifted_chebyshev_polynomial_v.Tensor(x, n));

        public static Tensor shifted_chebyshev_polynomial_w(Tensor x, Tensor n, Tensor? @out = null) =>
            Tensor.Into(@out, Aten.special_shifted_chebyshev_polynomial_w.Tensor(x, n));
    }

    internal static partial class Aten
    {
        public static readonly Operator special_entr = new("special_entr(self)"),
            special_erfcx = new("special_erfcx(self)"),
            special_gammaln = new("special_gammaln(self)"),
            special_i0e = new("special_i0e(self)"),
            special_i1 = new("special_i1(self)"),
            special_i1e = new("special_i1e(self)"),
            special_ndtr = new("special_ndtr(self)"),
            special_ndtri = new("special_ndtri(self)"),
            special_xlog1py = new("special_xlog1py(self, other)"),
            special_zeta = new("special_zeta(self, other)"),
            special_bessel_j0 = new("special_bessel_j0(self)"),
            special_bessel_j1 = new("special_bessel_j1(self)"),
            special_bessel_y0 = new("special_bessel_y0(self)"),
            special_bessel_y1 = new("special_bessel_y1(self)"),
            special_airy_ai = new("special_airy_ai(x)"),
            special_modified_bessel_i0 = new("special_modified_bessel_i0(self)"),
            special_modified_bessel_i1 = new("special_modified_bessel_i1(self)"),
            special_modified_bessel_k0 = new("special_modified_bessel_k0(self)"),
            special_modified_bessel_k1 = new("special_modified_bessel_k1(self)"),
            special_scaled_modified_bessel_k0 = new("special_scaled_modified_bessel_k0(x)"),
            special_scaled_modified_bessel_k1 = new("special_scaled_modified_bessel_k1(x)"),
            special_spherical_bessel_j0 = new("special_spherical_bessel_j0(x)"),
            special_chebyshev_polynomial_t = new("special_chebyshev_polynomial_t(x, n)"),
            special_chebyshev_polynomial_u = new("special_chebyshev_polynomial_u(x, n)"),
            special_chebyshev_polynomial_v = new("special_chebyshev_polynomial_v(x, n)"),
            special_chebyshev_polynomial_w = new("special_chebyshev_polynomial_w(x, n)"),
            special_hermite_polynomial_h = new("special_hermite_polynomial_h(x, n)"),
            special_hermite_polynomial_he = new("special_hermite_polynomial_he(x, n)"),
            special_laguerre_polynomial_l = new("special_laguerre_polynomial_l(x, n)"),
            special_legendre_polynomial_p = new("special_legendre_polynomial_p(x, n)"),
            special_shifted_chebyshev_polynomial_t = new("special_shifted_chebyshev_polynomial_t(x, n)"),
            special_shifted_chebyshev_polynomial_u = new("special_shifted_chebyshev_polynomial_u(x, n)"),
            special_shifted_chebyshev_polynomial_v = new("special_shifted_chebyshev_polynomial_v(x, n)"),
            special_shifted_chebyshev_polynomial_w = new("special_shifted_chebyshev_polynomial_w(x, n)");
    }
}
