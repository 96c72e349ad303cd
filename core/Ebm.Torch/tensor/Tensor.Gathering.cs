// Elements by index, by mask and by order; elements written by index and by mask.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor select(long dim, long index) => Aten.select_int.Tensor(this, dim, index);

        public Tensor narrow(long dim, long start, long length) => Aten.narrow.Tensor(this, dim, start, length);

        public Tensor slice(long dim, long start, long finish, long step) => Aten.slice_Tensor.Tensor(this, dim, start, finish, step);

        public Tensor index_select(long dim, Tensor index) => Aten.index_select.Tensor(this, dim, index);

        public Tensor gather(long dim, Tensor index) => Aten.gather.Tensor(this, dim, index);

        public Tensor take(Tensor index) => Aten.take.Tensor(this, index);

        public Tensor take_along_dim(Tensor indices) => Aten.take_along_dim.Tensor(this, indices);

        public Tensor take_along_dim(Tensor indices, long dim) => Aten.take_along_dim.Tensor(this, indices, dim);

        public Tensor take_along_dim(IEnumerable<long> indices) => take_along_dim(tensor(indices.ToArray()));

        public Tensor take_along_dim(IEnumerable<long> indices, long dim) => take_along_dim(tensor(indices.ToArray()), dim);

        public Tensor masked_select(Tensor mask) => Aten.masked_select.Tensor(this, mask);

        public Tensor nonzero() => Aten.nonzero.Tensor(this);

        public IList<Tensor> nonzero_as_list() => Aten.nonzero_numpy.Tensors(this);

        public Tensor argwhere() => Aten.argwhere.Tensor(this);

        /// <summary>This tensor where the condition holds, y elsewhere.</summary>
        public Tensor where(Tensor condition, Tensor y) => Aten.where_self.Tensor(condition, this, y);

        public Tensor scatter(long dim, Tensor index, Tensor src) => Aten.scatter_src.Tensor(this, dim, index, src);

        public Tensor scatter_(long dim, Tensor index, Tensor src) => Aten.scatter__src.InPlace(this, dim, index, src);

        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Aten.scatter_add.Tensor(this, dim, index, src);

        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Aten.scatter_add_.InPlace(this, dim, index, src);

        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Aten.index_add.Tensor(this, dim, index, source, alpha);

        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Aten.index_add_.InPlace(this, dim, index, source, alpha);

        public Tensor index_copy(long dim, Tensor index, Tensor source) => Aten.index_copy.Tensor(this, dim, index, source);

        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Aten.index_copy_.InPlace(this, dim, index, source);

        public Tensor index_fill(long dim, Tensor index, Scalar value) => Aten.index_fill_int_Scalar.Tensor(this, dim, index, value);

        public Tensor index_fill_(long dim, Tensor index, Scalar value) => Aten.index_fill__int_Scalar.InPlace(this, dim, index, value);

        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.masked_fill_Scalar.Tensor(this, mask, value);

        public Tensor masked_fill_(Tensor mask, Scalar value) => Aten.masked_fill__Scalar.InPlace(this, mask, value);

        public Tensor masked_scatter(Tensor mask, Tensor value) => Aten.masked_scatter.Tensor(this, mask, value);

        public Tensor masked_scatter_(Tensor mask, Tensor value) => Aten.masked_scatter_.InPlace(this, mask, value);

        public Tensor select_scatter(Tensor src, long dim, long index) => Aten.select_scatter.Tensor(this, src, dim, index);

        public Tensor slice_scatter(Tensor src, long dim = 0L, long? start = null, long? end = null, long step = 1L) =>
            Aten.slice_scatter.Tensor(this, src, dim, start, end, step);

        public Tensor diagonal_scatter(Tensor src, long offset = 0L, long dim1 = 0L, long dim2 = 1L) =>
            Aten.diagonal_scatter.Tensor(this, src, offset, dim1, dim2);

        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) =>
            Aten.sort_stable.Pair(this, stable, dim, descending);

        public Tensor argsort(long dim = -1, bool descending = false) => Aten.argsort.Tensor(this, dim, descending);

        public Tensor msort() => Aten.msort.Tensor(this);

        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Aten.topk.Pair(this, k, dim, largest, sorted);

        /// <summary>
        /// The different values (or slices along a dimension); where each element's is, and how many there are, when asked for.
        /// </summary>
        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(
            bool sorted = true,
            bool return_inverse = false,
            bool return_counts = false,
            int? dim = null
        ) =>
            Asked(
                dim is { } one
                    ? Aten.unique_dim.Triple(this, one, sorted, return_inverse, return_counts)
                    : Aten._unique2.Triple(this, sorted, return_inverse, return_counts),
                return_inverse,
                return_counts
            );

        /// <summary>As <see cref="unique"/>, but only neighbours that are equal become one.</summary>
        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique_consecutive(
            bool return_inverse = false,
            bool return_counts = false,
            int? dim = null
        ) => Asked(Aten.unique_consecutive.Triple(this, return_inverse, return_counts, dim), return_inverse, return_counts);

        static (Tensor, Tensor?, Tensor?) Asked((Tensor Output, Tensor Inverse, Tensor Counts) found, bool inverse, bool counts)
        {
            if (!inverse)
            {
                found.Inverse.Dispose();
            }
            if (!counts)
            {
                found.Counts.Dispose();
            }
            return (found.Output, inverse ? found.Inverse : null, counts ? found.Counts : null);
        }
    }

    internal static partial class Aten
    {
        public static readonly Operator select_int = new("select.int(self, dim, index)"),
            narrow = new("narrow(self, dim, start, length)"),
            slice_Tensor = new("slice.Tensor(self, dim, start, end, step)"),
            index_select = new("index_select(self, dim, index)"),
            gather = new("gather(self, dim, index, sparse_grad)"),
            take = new("take(self, index)"),
            take_along_dim = new("take_along_dim(self, indices, dim)"),
            masked_select = new("masked_select(self, mask)"),
            nonzero = new("nonzero(self)"),
            nonzero_numpy = new("nonzero_numpy(self)"),
            argwhere = new("argwhere(self)"),
            where_self = new("where.self(condition, self, other)"),
            scatter_src = new("scatter.src(self, dim, index, src)"),
            scatter__src = new("scatter_.src(self, dim, index, src)"),
            scatter_add = new("scatter_add(self, dim, index, src)"),
            scatter_add_ = new("scatter_add_(self, dim, index, src)"),
            index_add = new("index_add(self, dim, index, source, alpha)"),
            index_add_ = new("index_add_(self, dim, index, source, alpha)"),
            index_copy = new("index_copy(self, dim, index, source)"),
            index_copy_ = new("index_copy_(self, dim, index, source)"),
            index_fill_int_Scalar = new("index_fill.int_Scalar(self, dim, index, value)"),
            index_fill__int_Scalar = new("index_fill_.int_Scalar(self, dim, index, value)"),
            masked_fill_Scalar = new("masked_fill.Scalar(self, mask, value)"),
            masked_fill__Scalar = new("masked_fill_.Scalar(self, mask, value)"),
            masked_scatter = new("masked_scatter(self, mask, source)"),
            masked_scatter_ = new("masked_scatter_(self, mask, source)"),
            select_scatter = new("select_scatter(self, src, dim, index)"),
            slice_scatter = new("slice_scatter(self, src, dim, start, end, step)"),
            diagonal_scatter = new("diagonal_scatter(self, src, offset, dim1, dim2)"),
            sort_stable = new("sort.stable(self, stable, dim, descending)"),
            argsort = new("argsort(self, dim, descending)"),
            msort = new("msort(self)"),
            topk = new("topk(self, k, dim, largest, sorted)"),
            unique_dim = new("unique_dim(self, dim, sorted, return_inverse, return_counts)"),
            _unique2 = new("_unique2(self, sorted, return_inverse, return_counts)"),
            unique_consecutive = new("unique_consecutive(self, return_inverse, return_counts, dim)");
    }
}
