// Sums, means, products, norms, extremes and their places: over all elements, or along dimensions.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor sum(ScalarType? type = null) => Aten.sum.Tensor(this, type);

        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => Aten.sum_dim_IntList.Tensor(this, dim, keepdim, type);

        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) => sum([dim0, dim1], keepdim, type);

        public Tensor sum(long dim0, long dim1, long dim2, bool keepdim = false, ScalarType? type = null) =>
            sum([dim0, dim1, dim2], keepdim, type);

        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) => sum(dim.ToArray(), keepdim, type);

        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) =>
            Aten.sum_dim_IntList.Tensor(this, dim, keepdim, type);

        public Tensor nansum() => Aten.nansum.Tensor(this);

        public Tensor mean() => Aten.mean.Tensor(this);

        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Aten.mean_dim.Tensor(this, dimensions, keepdim, type);

        public Tensor prod(ScalarType? type = null) => Aten.prod.Tensor(this, type);

        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) => Aten.prod_dim_int.Tensor(this, dim, keepdim, type);

        /// <summary>The p-norm of all elements as one vector.</summary>
        public Tensor norm(float p = 2.0f) => Aten.norm_Scalar.Tensor(this, p);

        public Tensor norm(int dim, bool keepdim = false, float p = 2.0f) => Aten.norm_ScalarOpt_dim.Tensor(this, p, dim, keepdim);

        /// <summary>The p-norm of the difference.</summary>
        public Tensor dist(Tensor other, float p = 2.0f) => Aten.dist.Tensor(this, other, p);

        public Tensor logsumexp(long dim, bool keepdim = false) => Aten.logsumexp.Tensor(this, dim, keepdim);

        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.softmax_int.Tensor(this, dim, dtype);

        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.log_softmax_int.Tensor(this, dim, dtype);

        public Tensor max() => Aten.max.Tensor(this);

        public Tensor min() => Aten.min.Tensor(this);

        public Tensor max(Tensor other) => maximum(other);

        public Tensor min(Tensor other) => minimum(other);

        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) => Aten.max_dim.Pair(this, dim, keepdim);

        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) => Aten.min_dim.Pair(this, dim, keepdim);

        public Tensor amax(params long[] dims) => amax(dims, false);

        public Tensor amax(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => amax(dims.ToArray(), keepdim, @out);

        public Tensor amax(long[] dims, bool keepdim = false, Tensor? @out = null) => Into(@out, Aten.amax.Tensor(this, dims, keepdim));

        public Tensor amin(params long[] dims) => amin(dims, false);

        public Tensor amin(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => amin(dims.ToArray(), keepdim, @out);

        public Tensor amin(long[] dims, bool keepdim = false, Tensor? @out = null) => Into(@out, Aten.amin.Tensor(this, dims, keepdim));

        public (Tensor min, Tensor max) aminmax(long? dim = null, bool keepdim = false) => Aten.aminmax.Pair(this, dim, keepdim);

        public Tensor argmax() => Aten.argmax.Tensor(this);

        public Tensor argmax(long dim, bool keepdim = false) => Aten.argmax.Tensor(this, dim, keepdim);

        public Tensor argmin() => Aten.argmin.Tensor(this);

        public Tensor argmin(long dim, bool keepdim = false) => Aten.argmin.Tensor(this, dim, keepdim);

        public Tensor all() => Aten.all.Tensor(this);

        public Tensor all(long dim, bool keepdim = false) => Aten.all_dim.Tensor(this, dim, keepdim);

        public Tensor any() => Aten.any.Tensor(this);

        public Tensor any(long dim, bool keepdim = false) => Aten.any_dim.Tensor(this, dim, keepdim);

        public Tensor count_nonzero(long[]? dims = null) => Aten.count_nonzero_dim_IntList.Tensor(this, dims ?? []);

        // Writes a result into a tensor that was given for it.
        internal static Tensor Into(Tensor? given, Tensor result)
        {
            if (given is null)
            {
                return result;
            }
            using (result)
            {
                Aten.resize_.Run(given, result.shape);
                return given.copy_(result);
            }
        }

        Tensor As(ScalarType? type) => type is { } given && given != dtype ? to(given) : this;
    }

    internal static partial class Aten
    {
        public static readonly Operator sum = new("sum(self, dtype)"),
            sum_dim_IntList = new("sum.dim_IntList(self, dim, keepdim, dtype)"),
            nansum = new("nansum(self)"),
            mean = new("mean(self)"),
            mean_dim = new("mean.dim(self, dim, keepdim, dtype)"),
            prod = new("prod(self, dtype)"),
            prod_dim_int = new("prod.dim_int(self, dim, keepdim, dtype)"),
            norm_Scalar = new("norm.Scalar(self, p)"),
            norm_ScalarOpt_dim = new("norm.ScalarOpt_dim(self, p, dim, keepdim)"),
            dist = new("dist(self, other, p)"),
            logsumexp = new("logsumexp(self, dim, keepdim)"),
            softmax_int = new("softmax.int(self, dim, dtype)"),
            log_softmax_int = new("log_softmax.int(self, dim, dtype)"),
            max = new("max(self)"),
            min = new("min(self)"),
            max_dim = new("max.dim(self, dim, keepdim)"),
            min_dim = new("min.dim(self, dim, keepdim)"),
            amax = new("amax(self, dim, keepdim)"),
            amin = new("amin(self, dim, keepdim)"),
            aminmax = new("aminmax(self, dim, keepdim)"),
            argmax = new("argmax(self, dim, keepdim)"),
            argmin = new("argmin(self, dim, keepdim)"),
            all = new("all(self)"),
            all_dim = new("all.dim(self, dim, keepdim)"),
            any = new("any(self)"),
            any_dim = new("any.dim(self, dim, keepdim)"),
            count_nonzero_dim_IntList = new("count_nonzero.dim_IntList(self, dim)"),
            resize_ = new("resize_(self, size)");
    }
}
