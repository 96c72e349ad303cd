// Moments, order statistics, histograms and running totals.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor var(bool unbiased = true) => Aten.var.Tensor(this, unbiased);

        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var([dim], unbiased, keepdim, type);

        public Tensor var((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var([dim.Item1, dim.Item2], unbiased, keepdim, type);

        public Tensor var((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var([dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim, type);

        public Tensor var(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var(dimensions.ToArray(), unbiased, keepdim, type);

        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Aten.var_dim.Tensor(As(type), dimensions, unbiased, keepdim);

        public (Tensor @var, Tensor mean) var_mean(bool unbiased = true) => Aten.var_mean.Pair(this, unbiased);

        public (Tensor @var, Tensor mean) var_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var_mean([dim], unbiased, keepdim, type);

        public (Tensor @var, Tensor mean) var_mean((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var_mean([dim.Item1, dim.Item2], unbiased, keepdim, type);

        public (Tensor @var, Tensor mean) var_mean(
            (long, long, long) dim,
            bool unbiased = true,
            bool keepdim = false,
            ScalarType? type = null
        ) => var_mean([dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim, type);

        public (Tensor std, Tensor mean) var_mean(
            ReadOnlySpan<long> dimensions,
            bool unbiased = true,
            bool keepdim = false,
            ScalarType? type = null
        ) => var_mean(dimensions.ToArray(), unbiased, keepdim, type);

        public (Tensor std, Tensor mean) var_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Aten.var_mean_dim.Pair(As(type), dimensions, unbiased, keepdim);

        public Tensor std(bool unbiased = true) => Aten.std.Tensor(this, unbiased);

        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std([dim], unbiased, keepdim, type);

        public Tensor std((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std([dim.Item1, dim.Item2], unbiased, keepdim, type);

        public Tensor std((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std([dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim, type);

        public Tensor std(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std(dimensions.ToArray(), unbiased, keepdim, type);

        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Aten.std_dim.Tensor(As(type), dimensions, unbiased, keepdim);

        public (Tensor std, Tensor mean) std_mean(bool unbiased = true) => Aten.std_mean.Pair(this, unbiased);

        public (Tensor std, Tensor mean) std_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std_mean([dim], unbiased, keepdim, type);

        public (Tensor std, Tensor mean) std_mean((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std_mean([dim.Item1, dim.Item2], unbiased, keepdim, type);

        public (Tensor std, Tensor mean) std_mean(
            (long, long, long) dim,
            bool unbiased = true,
            bool keepdim = false,
            ScalarType? type = null
        ) => std_mean([dim.Item1, dim.Item2, dim.Item3], unbiased, keepdim, type);

        public (Tensor std, Tensor mean) std_mean(
            ReadOnlySpan<long> dimensions,
            bool unbiased = true,
            bool keepdim = false,
            ScalarType? type = null
        ) => std_mean(dimensions.ToArray(), unbiased, keepdim, type);

        public (Tensor std, Tensor mean) std_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Aten.std_mean_dim.Pair(As(type), dimensions, unbiased, keepdim);

        /// <summary>Of all elements; of an even number of them, the lower of the middle two.</summary>
        public Tensor median() => Aten.median.Tensor(this);

        public Tensor nanmedian() => Aten.nanmedian.Tensor(this);

        public Tensor quantile(Tensor q, long dim = -1, bool keepdim = false) => Aten.quantile.Tensor(this, q, dim, keepdim);

        public Tensor nanquantile(Tensor q, long dim = -1, bool keepdim = false) => Aten.nanquantile.Tensor(this, q, dim, keepdim);

        public (Tensor values, Tensor indices) mode(long dim = -1L, bool keepdim = false) => Aten.mode.Pair(this, dim, keepdim);

        public (Tensor values, Tensor indices) kthvalue(long k, long? dim, bool keepdim = false) =>
            Aten.kthvalue.Pair(this, k, dim ?? -1, keepdim);

        /// <summary>Counts in equal bins over [min, max]; over the tensor's own range when both are 0.</summary>
        public Tensor histc(long bins = 100, long min = 0, long max = 0) => Aten.histc.Tensor(this, bins, min, max);

        public Tensor bincount(Tensor? weights, long minlength = 0) => Aten.bincount.Tensor(this, weights, minlength);

        public Tensor bucketize(Tensor boundaries, bool outInt32 = false, bool right = false) =>
            Aten.bucketize_Tensor.Tensor(this, boundaries, outInt32, right);

        public Tensor cov(long correction = 1, Tensor? fweights = null, Tensor? aweights = null) =>
            Aten.cov.Tensor(this, correction, fweights, aweights);

        public Tensor corrcoef() => Aten.corrcoef.Tensor(this);

        public Tensor cumsum(long dim, ScalarType? type = null) => Aten.cumsum.Tensor(this, dim, type);

        public Tensor cumprod(long dim, ScalarType? type = null) => Aten.cumprod.Tensor(this, dim, type);

        public Tensor logcumsumexp(long dim) => Aten.logcumsumexp.Tensor(this, dim);

        public (Tensor values, Tensor indexes) cummax(long dim) => Aten.cummax.Pair(this, dim);

        public (Tensor values, Tensor indexes) cummin(long dim) => Aten.cummin.Pair(this, dim);

        public Tensor diff(long n = 1, long dim = -1, Tensor? prepend = null, Tensor? append = null) =>
            Aten.diff.Tensor(this, n, dim, prepend, append);

        public Tensor trapezoid(double dx = 1, long dim = -1) => Aten.trapezoid_dx.Tensor(this, dx, dim);

        public Tensor trapezoid(Tensor x, long dim = -1) => Aten.trapezoid_x.Tensor(this, x, dim);

        public Tensor cumulative_trapezoid(double dx = 1, long dim = -1) => Aten.cumulative_trapezoid_dx.Tensor(this, dx, dim);

        public Tensor cumulative_trapezoid(Tensor x, long dim = -1) => Aten.cumulative_trapezoid_x.Tensor(this, x, dim);
    }

    internal static partial class Aten
    {
        public static readonly Operator var = new("var(self, unbiased)"),
            var_dim = new("var.dim(self, dim, unbiased, keepdim)"),
            var_mean = new("var_mean(self, unbiased)"),
            var_mean_dim = new("var_mean.dim(self, dim, unbiased, keepdim)"),
            std = new("std(self, unbiased)"),
            std_dim = new("std.dim(self, dim, unbiased, keepdim)"),
            std_mean = new("std_mean(self, unbiased)"),
            std_mean_dim = new("std_mean.dim(self, dim, unbiased, keepdim)"),
            median = new("median(self)"),
            nanmedian = new("nanmedian(self)"),
            quantile = new("quantile(self, q, dim, keepdim)"),
            nanquantile = new("nanquantile(self, q, dim, keepdim)"),
            mode = new("mode(self, dim, keepdim)"),
            kthvalue = new("kthvalue(self, k, dim, keepdim)"),
            histc = new("histc(self, bins, min, max)"),
            bincount = new("bincount(self, weights, minlength)"),
            bucketize_Tensor = new("bucketize.Tensor(self, boundaries, out_int32, right)"),
            cov = new("cov(self, correction, fweights, aweights)"),
            corrcoef = new("corrcoef(self)"),
            cumsum = new("cumsum(self, dim, dtype)"),
            cumprod = new("cumprod(self, dim, dtype)"),
            logcumsumexp = new("logcumsumexp(self, dim)"),
            cummax = new("cummax(self, dim)"),
            cummin = new("cummin(self, dim)"),
            diff = new("diff(self, n, dim, prepend, append)"),
            trapezoid_dx = new("trapezoid.dx(y, dx, dim)"),
            trapezoid_x = new("trapezoid.x(y, x, dim)"),
            cumulative_trapezoid_dx = new("cumulative_trapezoid.dx(y, dx, dim)"),
            cumulative_trapezoid_x = new("cumulative_trapezoid.x(y, x, dim)");
    }
}
