// Sums over shared indices, distances, searches: functions that no tensor has as a method.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Einstein's summation, such as <c>bij,bjk-&gt;bik</c>.</summary>
    public static Tensor einsum(string equation, params Tensor[] tensors) => Aten.einsum.Tensor(equation, tensors);

    /// <summary>The p-norm distances between the rows of two: (…, P, M), (…, R, M) → (…, P, R).</summary>
    public static Tensor cdist(
        Tensor x1,
        Tensor x2,
        double p = 2.0,
        compute_mode compute_mode = compute_mode.use_mm_for_euclid_dist_if_necessary
    ) => Aten.cdist.Tensor(x1, x2, p, (long)compute_mode);

    /// <summary>The product of a chain of matrices, in the cheapest order.</summary>
    public static Tensor chain_matmul(params Tensor[] matrices) => Aten.linalg_multi_dot.Tensor(matrices);

    public static Tensor cholesky(Tensor input) => input.cholesky();

    public static Tensor trapz(Tensor y, Tensor x, long dim = -1) => y.trapezoid(x, dim);

    public static Tensor trapz(Tensor y, double dx = 1, long dim = -1) => y.trapezoid(dx, dim);

    public static Tensor softmax(Tensor input, int dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

    public static (Tensor res, Tensor logabsdet) slogdet(Tensor A) => linalg.slogdet(A);

    public static Tensor divide_(Tensor left, Scalar right) => left.div_(right);

    public static Tensor multiply_(Tensor left, Tensor right) => left.mul_(right);

    public static Tensor multiply_(Tensor left, Scalar right) => left.mul_(right);

    public static Tensor negative_(Tensor input) => input.neg_();

    public static Tensor norm(Tensor input) => input.norm();

    public static Tensor gather(Tensor input, long dim, Tensor index, bool sparse_grad = false) =>
        Aten.gather.Tensor(input, dim, index, sparse_grad);

    /// <summary>Where values would go in a sorted sequence: before equals, or after them with <paramref name="right"/>.</summary>
    public static Tensor searchsorted(
        Tensor sorted_sequence,
        Tensor values,
        bool out_int32 = false,
        bool right = false,
        Tensor? sorter = null
    ) => Aten.searchsorted_Tensor.Tensor(sorted_sequence, values, out_int32, right, Argument.None, sorter);

    public static Tensor searchsorted(Tensor sorted_sequence, Scalar values, bool out_int32, bool right, Tensor sorter) =>
        Aten.searchsorted_Scalar.Tensor(sorted_sequence, values, out_int32, right, Argument.None, sorter);

    /// <summary>Counts in bins of equal width over a range (the input's own when there is none), and the bins' edges.</summary>
    public static (Tensor hist, Tensor bin_edges) histogram(
        Tensor input,
        long bins,
        (double min, double max)? range = null,
        Tensor? weight = null,
        bool density = false
    ) => Aten.histogram_bin_ct.Pair(input, bins, range is { } given ? [given.min, given.max] : (double[]?)null, weight, density);

    /// <summary>Counts between edges that increase.</summary>
    public static (Tensor hist, Tensor bin_edges) histogram(Tensor input, Tensor bins, Tensor? weight = null, bool density = false) =>
        Aten.histogram_bins_tensor.Pair(input, bins, weight, density);

    /// <summary>Draws from the gamma distributions with these shapes and rate 1.</summary>
    public static Tensor _standard_gamma(Tensor input, Generator? generator = null) => Aten._standard_gamma.Tensor(input, generator);

    public static Tensor _sample_dirichlet(Tensor input, Generator? generator = null) => Aten._sample_dirichlet.Tensor(input, generator);

    public static bool is_tensor(object obj) => obj is Tensor;

    internal static partial class Aten
    {
        public static readonly Operator einsum = new("einsum(equation, tensors)"),
            cdist = new("cdist(x1, x2, p, compute_mode)"),
            linalg_multi_dot = new("linalg_multi_dot(tensors)"),
            searchsorted_Tensor = new("searchsorted.Tensor(sorted_sequence, self, out_int32, right, side, sorter)"),
            searchsorted_Scalar = new("searchsorted.Scalar(sorted_sequence, self, out_int32, right, side, sorter)"),
            histogram_bin_ct = new("histogram.bin_ct(self, bins, range, weight, density)"),
            histogram_bins_tensor = new("histogram.bins_tensor(self, bins, weight, density)"),
            _standard_gamma = new("_standard_gamma(self, generator)"),
            _sample_dirichlet = new("_sample_dirichlet(self, generator)");
    }
}
