// Several tensors into one, and one into several.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>One after the other along a dimension that they have.</summary>
    public static Tensor cat(Tensor[] tensors, long dim = 0) => Aten.cat.Tensor(tensors, dim);

    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => cat(tensors.ToArray(), dim);

    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0) => cat(tensors.ToArray(), dim);

    public static Tensor concat(Tensor[] tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor concat(ReadOnlySpan<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor concatenate(Tensor[] tensors, long axis = 0) => cat(tensors, axis);

    public static Tensor concatenate(IList<Tensor> tensors, long axis = 0) => cat(tensors, axis);

    public static Tensor concatenate(ReadOnlySpan<Tensor> tensors, long axis = 0) => cat(tensors, axis);

    /// <summary>Side by side along a new dimension; all of one shape.</summary>
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Aten.stack.Tensor(tensors.ToArray(), dim);

    public static Tensor hstack(params Tensor[] tensors) => Aten.hstack.Tensor(tensors);

    public static Tensor hstack(IList<Tensor> tensors) => hstack(tensors.ToArray());

    public static Tensor hstack(ReadOnlySpan<Tensor> tensors) => hstack(tensors.ToArray());

    public static Tensor hstack(IEnumerable<Tensor> tensors) => hstack(tensors.ToArray());

    public static Tensor vstack(Tensor[] tensors) => Aten.vstack.Tensor(tensors);

    public static Tensor vstack(IList<Tensor> tensors) => vstack(tensors.ToArray());

    public static Tensor vstack(ReadOnlySpan<Tensor> tensors) => vstack(tensors.ToArray());

    public static Tensor dstack(params Tensor[] tensors) => Aten.dstack.Tensor(tensors);

    public static Tensor dstack(IList<Tensor> tensors) => dstack(tensors.ToArray());

    public static Tensor dstack(ReadOnlySpan<Tensor> tensors) => dstack(tensors.ToArray());

    public static Tensor dstack(IEnumerable<Tensor> tensors) => dstack(tensors.ToArray());

    public static Tensor column_stack(params Tensor[] tensors) => Aten.column_stack.Tensor(tensors);

    public static Tensor column_stack(IList<Tensor> tensors) => column_stack(tensors.ToArray());

    public static Tensor column_stack(ReadOnlySpan<Tensor> tensors) => column_stack(tensors.ToArray());

    public static Tensor row_stack(params Tensor[] tensors) => vstack(tensors);

    public static Tensor row_stack(IList<Tensor> tensors) => vstack(tensors);

    public static Tensor row_stack(ReadOnlySpan<Tensor> tensors) => vstack(tensors);

    public static Tensor block_diag(params Tensor[] tensors) => Aten.block_diag.Tensor(tensors);

    public static Tensor cartesian_prod(params Tensor[] tensors) => Aten.cartesian_prod.Tensor(tensors);

    public static Tensor cartesian_prod(IList<Tensor> tensors) => cartesian_prod(tensors.ToArray());

    public static Tensor cartesian_prod(ReadOnlySpan<Tensor> tensors) => cartesian_prod(tensors.ToArray());

    public static Tensor combinations(Tensor input, int r = 2, bool with_replacement = false) =>
        Aten.combinations.Tensor(input, r, with_replacement);

    /// <summary>The coordinates of a grid, one tensor a dimension.</summary>
    /// <param name="tensors">The points along each dimension.</param>
    /// <param name="indexing"><c>ij</c>: the i-th dimension follows the i-th tensor; <c>xy</c>: the first two are exchanged.</param>
    public static Tensor[] meshgrid(IEnumerable<Tensor> tensors, string indexing = "ij") =>
        Aten.meshgrid_indexing.Tensors(tensors.ToArray(), indexing);

    public static IList<Tensor> broadcast_tensors(params Tensor[] tensors) => Aten.broadcast_tensors.Tensors(tensors);

    /// <summary>The shape to which shapes broadcast; throws where they do not.</summary>
    public static Size broadcast_shapes(params long[][] shapes)
    {
        using var scope = NewDisposeScope();
        var meta = Array.ConvertAll(shapes, shape => empty(shape, float32, META));
        return new Size(shapes.Length == 0 ? [] : broadcast_tensors(meta)[0].shape);
    }

    public static IEnumerable<Tensor> atleast_1d(params Tensor[] input) => Aten.atleast_1d_Sequence.Tensors(input);

    public static IEnumerable<Tensor> atleast_2d(params Tensor[] input) => Aten.atleast_2d_Sequence.Tensors(input);

    public static IEnumerable<Tensor> atleast_3d(params Tensor[] input) => Aten.atleast_3d_Sequence.Tensors(input);

    public static Tensor[] where(Tensor condition) => Aten.where.Tensors(condition);

    public static Tensor[] unbind(Tensor tensor, int dim = 0) => tensor.unbind(dim);

    public static Tensor tril_indices(long row, long col, long offset = 0L, ScalarType dtype = ScalarType.Int64, Device? device = null) =>
        Aten.tril_indices.Tensor(row, col, offset, dtype, Argument.None, On(device));

    public static Tensor triu_indices(long row, long col, long offset = 0L, ScalarType dtype = ScalarType.Int64, Device? device = null) =>
        Aten.triu_indices.Tensor(row, col, offset, dtype, Argument.None, On(device));

    public static Tensor moveaxis(Tensor input, long source, long destination) => movedim(input, source, destination);

    public static Tensor moveaxis(Tensor input, (long, long) source, (long, long) destination) =>
        input.movedim([source.Item1, source.Item2], [destination.Item1, destination.Item2]);

    public static Tensor moveaxis(Tensor input, (long, long, long) source, (long, long, long) destination) =>
        input.movedim([source.Item1, source.Item2, source.Item3], [destination.Item1, destination.Item2, destination.Item3]);

    public static Tensor movedim(Tensor input, long source, long destination) => input.movedim([source], [destination]);

    internal static partial class Aten
    {
        public static readonly Operator cat = new("cat(tensors, dim)"),
            stack = new("stack(tensors, dim)"),
            hstack = new("hstack(tensors)"),
            vstack = new("vstack(tensors)"),
            dstack = new("dstack(tensors)"),
            column_stack = new("column_stack(tensors)"),
            block_diag = new("block_diag(tensors)"),
            cartesian_prod = new("cartesian_prod(tensors)"),
            combinations = new("combinations(self, r, with_replacement)"),
            meshgrid_indexing = new("meshgrid.indexing(tensors, indexing)"),
            broadcast_tensors = new("broadcast_tensors(tensors)"),
            atleast_1d_Sequence = new("atleast_1d.Sequence(tensors)"),
            atleast_2d_Sequence = new("atleast_2d.Sequence(tensors)"),
            atleast_3d_Sequence = new("atleast_3d.Sequence(tensors)"),
            where = new("where(condition)"),
            tril_indices = new("tril_indices(row, col, offset, dtype, layout, device)"),
            triu_indices = new("triu_indices(row, col, offset, dtype, layout, device)");
    }
}
