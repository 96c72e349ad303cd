// The same elements in another shape: views where libtorch gives views, copies elsewhere.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor view(params long[] shape) => Aten.view.Tensor(this, shape);

        public Tensor view_as(Tensor other) => Aten.view_as.Tensor(this, other);

        public Tensor reshape(params long[] shape) => Aten.reshape.Tensor(this, shape);

        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.flatten_using_ints.Tensor(this, start_dim, end_dim);

        public Tensor unflatten(long dim, params long[] sizes) => Aten.unflatten_int.Tensor(this, dim, sizes);

        public Tensor unflatten(long dim, Size sizes) => unflatten(dim, sizes.Shape);

        public Tensor ravel() => Aten.ravel.Tensor(this);

        public Tensor squeeze(long? dim = null) => dim is { } one ? Aten.squeeze_dim.Tensor(this, one) : Aten.squeeze.Tensor(this);

        public Tensor squeeze_(long? dim = null) => dim is { } one ? Aten.squeeze__dim.InPlace(this, one) : Aten.squeeze_.InPlace(this);

        public Tensor unsqueeze(long dim) => Aten.unsqueeze.Tensor(this, dim);

        public Tensor unsqueeze_(long dim) => Aten.unsqueeze_.InPlace(this, dim);

        public Tensor atleast_1d() => Aten.atleast_1d.Tensor(this);

        public Tensor atleast_2d() => Aten.atleast_2d.Tensor(this);

        public Tensor atleast_3d() => Aten.atleast_3d.Tensor(this);

        public Tensor permute(params long[] permutation) => Aten.permute.Tensor(this, permutation);

        public Tensor permute(IEnumerable<long> permutation) => permute(permutation.ToArray());

        public Tensor transpose(long dim0, long dim1) => Aten.transpose_int.Tensor(this, dim0, dim1);

        public Tensor transpose_(long dim0, long dim1) => Aten.transpose_.InPlace(this, dim0, dim1);

        public Tensor swapaxes(long dim0, long dim1) => transpose(dim0, dim1);

        public Tensor swapdims(long dim0, long dim1) => transpose(dim0, dim1);

        public Tensor t() => Aten.t.Tensor(this);

        public Tensor T => Aten.numpy_T.Tensor(this);
        public Tensor mT => Aten.mT.Tensor(this);
        public Tensor mH => Aten.mH.Tensor(this);
        public Tensor H => Aten.matrix_H.Tensor(this);

        public Tensor adjoint() => Aten.adjoint.Tensor(this);

        public Tensor movedim(long[] source, long[] destination) => Aten.movedim_intlist.Tensor(this, source, destination);

        public Tensor moveaxis(long[] source, long[] destination) => movedim(source, destination);

        public Tensor flip(params long[] dims) => Aten.flip.Tensor(this, dims);

        public Tensor fliplr() => Aten.fliplr.Tensor(this);

        public Tensor flipud() => Aten.flipud.Tensor(this);

        public Tensor rot90(long k = 1, (long, long)? dims = null) =>
            Aten.rot90.Tensor(this, k, dims is { } plane ? [plane.Item1, plane.Item2] : new long[] { 0, 1 });

        public Tensor roll(long shifts, long? dims = null) => roll(new[] { shifts }, dims is { } one ? new[] { one } : []);

        public Tensor roll(long[] shifts) => roll(shifts, Array.Empty<long>());

        public Tensor roll(long[] shifts, long[] dims) => Aten.roll.Tensor(this, shifts, dims);

        public Tensor roll(ReadOnlySpan<long> shifts, ReadOnlySpan<long> dims = default) => roll(shifts.ToArray(), dims.ToArray());

        public Tensor roll((long, long) shifts, (long, long) dims) =>
            roll(new[] { shifts.Item1, shifts.Item2 }, new[] { dims.Item1, dims.Item2 });

        public Tensor roll((long, long, long) shifts, (long, long, long) dims) =>
            roll(new[] { shifts.Item1, shifts.Item2, shifts.Item3 }, new[] { dims.Item1, dims.Item2, dims.Item3 });

        public Tensor expand(params long[] sizes) => expand(sizes, false);

        public Tensor expand(long[] sizes, bool isImplicit = false) => Aten.expand.Tensor(this, sizes, isImplicit);

        public Tensor expand(ReadOnlySpan<long> sizes, bool isImplicit = false) => expand(sizes.ToArray(), isImplicit);

        public Tensor expand(Size sizes, bool isImplicit = false) => expand(sizes.Shape, isImplicit);

        public Tensor expand_as(Tensor other) => Aten.expand_as.Tensor(this, other);

        public Tensor broadcast_to(params long[] shape) => Aten.broadcast_to.Tensor(this, shape);

        public Tensor repeat(params long[] sizes) => Aten.repeat.Tensor(this, sizes);

        public Tensor tile(long[] reps) => Aten.tile.Tensor(this, reps);

        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) =>
            Aten.repeat_interleave_self_int.Tensor(this, repeats, dim, output_size);

        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) =>
            Aten.repeat_interleave_self_Tensor.Tensor(this, repeats, dim, output_size);

        /// <summary>Windows of `size` elements, `step` apart, as a new last dimension.</summary>
        public Tensor unfold(long dimension, long size, long step) => Aten.unfold.Tensor(this, dimension, size, step);

        public Tensor as_strided(long[] size, long[] strides, long storageOffset = 0L) =>
            Aten.as_strided.Tensor(this, size, strides, storageOffset);

        public Tensor alias() => Aten.alias.Tensor(this);

        public Tensor[] split(long size, int dim = 0) => Aten.split_Tensor.Tensors(this, size, dim);

        public Tensor[] split(params long[] sizes) => split(sizes, 0L);

        public Tensor[] split(long[] sizes, long dim = 0) => Aten.split_with_sizes.Tensors(this, sizes, dim);

        public Tensor[] split(ReadOnlySpan<long> sizes, long dim = 0) => split(sizes.ToArray(), dim);

        public Tensor[] tensor_split(long size, long dim = 0L) => Aten.tensor_split_sections.Tensors(this, size, dim);

        public Tensor[] tensor_split(long[] sizes, long dim = 0L) => Aten.tensor_split_indices.Tensors(this, sizes, dim);

        public Tensor[] tensor_split(Tensor indices, long dim = 0L) =>
            Aten.tensor_split_tensor_indices_or_sections.Tensors(this, indices, dim);

        public Tensor[] hsplit(long size) => Aten.hsplit_int.Tensors(this, size);

        public Tensor[] hsplit(params long[] sizes) => Aten.hsplit_array.Tensors(this, sizes);

        public Tensor[] vsplit(long size) => Aten.vsplit_int.Tensors(this, size);

        public Tensor[] vsplit(params long[] sizes) => Aten.vsplit_array.Tensors(this, sizes);

        public Tensor[] dsplit(long size) => Aten.dsplit_int.Tensors(this, size);

        public Tensor[] dsplit(params long[] sizes) => Aten.dsplit_array.Tensors(this, sizes);

        public Tensor[] chunk(long chunks, long dim = 0L) => Aten.chunk.Tensors(this, chunks, dim);

        public Tensor[] unbind(long dimension = 0L) => Aten.unbind_int.Tensors(this, dimension);
    }

    internal static partial class Aten
    {
        public static readonly Operator view = new("view(self, size)"),
            view_as = new("view_as(self, other)"),
            reshape = new("reshape(self, shape)"),
            flatten_using_ints = new("flatten.using_ints(self, start_dim, end_dim)"),
            unflatten_int = new("unflatten.int(self, dim, sizes)"),
            ravel = new("ravel(self)"),
            squeeze_dim = new("squeeze.dim(self, dim)"),
            squeeze = new("squeeze(self)"),
            squeeze__dim = new("squeeze_.dim(self, dim)"),
            squeeze_ = new("squeeze_(self)"),
            unsqueeze = new("unsqueeze(self, dim)"),
            unsqueeze_ = new("unsqueeze_(self, dim)"),
            atleast_1d = new("atleast_1d(self)"),
            atleast_2d = new("atleast_2d(self)"),
            atleast_3d = new("atleast_3d(self)"),
            permute = new("permute(self, dims)"),
            transpose_int = new("transpose.int(self, dim0, dim1)"),
            transpose_ = new("transpose_(self, dim0, dim1)"),
            t = new("t(self)"),
            numpy_T = new("numpy_T(self)"),
            mT = new("mT(self)"),
            mH = new("mH(self)"),
            matrix_H = new("matrix_H(self)"),
            adjoint = new("adjoint(self)"),
            movedim_intlist = new("movedim.intlist(self, source, destination)"),
            flip = new("flip(self, dims)"),
            fliplr = new("fliplr(self)"),
            flipud = new("flipud(self)"),
            rot90 = new("rot90(self, k, dims)"),
            roll = new("roll(self, shifts, dims)"),
            expand = new("expand(self, size, implicit)"),
            expand_as = new("expand_as(self, other)"),
            broadcast_to = new("broadcast_to(self, size)"),
            repeat = new("repeat(self, repeats)"),
            tile = new("tile(self, dims)"),
            repeat_interleave_self_int = new("repeat_interleave.self_int(self, repeats, dim, output_size)"),
            repeat_interleave_self_Tensor = new("repeat_interleave.self_Tensor(self, repeats, dim, output_size)"),
            unfold = new("unfold(self, dimension, size, step)"),
            as_strided = new("as_strided(self, size, stride, storage_offset)"),
            alias = new("alias(self)"),
            split_Tensor = new("split.Tensor(self, split_size, dim)"),
            split_with_sizes = new("split_with_sizes(self, split_sizes, dim)"),
            tensor_split_sections = new("tensor_split.sections(self, sections, dim)"),
            tensor_split_indices = new("tensor_split.indices(self, indices, dim)"),
            tensor_split_tensor_indices_or_sections = new("tensor_split.tensor_indices_or_sections(self, tensor_indices_or_sections, dim)"),
            hsplit_int = new("hsplit.int(self, sections)"),
            hsplit_array = new("hsplit.array(self, indices)"),
            vsplit_int = new("vsplit.int(self, sections)"),
            vsplit_array = new("vsplit.array(self, indices)"),
            dsplit_int = new("dsplit.int(self, sections)"),
            dsplit_array = new("dsplit.array(self, indices)"),
            chunk = new("chunk(self, chunks, dim)"),
            unbind_int = new("unbind.int(self, dim)");
    }
}
