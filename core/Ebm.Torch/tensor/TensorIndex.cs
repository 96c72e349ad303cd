// What may stand between the brackets of x[…], and what the brackets do.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>One index: an integer, a range, a mask or tensor of indices, None (a new dimension) or Ellipsis.</summary>
    public struct TensorIndex
    {
        internal NativeTag Tag;
        internal long? Start,
            Stop,
            Step;
        internal Tensor? Given;

        public static TensorIndex Ellipsis = new() { Tag = NativeTag.Ellipsis };

        /// <summary>A new dimension of size 1.</summary>
        public static TensorIndex None = default;

        /// <summary>As <see cref="None"/>.</summary>
        public static TensorIndex Null = default;

        /// <summary>The whole dimension.</summary>
        public static TensorIndex Colon = Slice();

        /// <summary>From start, which is in it, to stop, which is not; counted from the end when negative.</summary>
        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) =>
            new()
            {
                Tag = NativeTag.Slice,
                Start = start,
                Stop = stop,
                Step = step,
            };

        public static TensorIndex Slice((int? start, int? end) range) => Slice((long?)range.start, range.end);

        public static TensorIndex Slice(Range range) =>
            Slice(range.Start.IsFromEnd ? -range.Start.Value : range.Start.Value, End(range.End));

        public static TensorIndex Bool(bool value) => new() { Tag = NativeTag.Bool, Start = value ? 1 : 0 };

        public static TensorIndex Single(long? index) => new() { Tag = NativeTag.Int, Start = index };

        public static TensorIndex Tensor(Tensor tensor) => new() { Tag = NativeTag.Tensor, Given = tensor };

        public static implicit operator TensorIndex(long value) => Single(value);

        public static implicit operator TensorIndex((int? start, int? end) range) => Slice(range);

        public static implicit operator TensorIndex(Range range) => Slice(range);

        public static implicit operator TensorIndex(Index index) => Single(index.IsFromEnd ? -index.Value : index.Value);

        static long? End(Index end) =>
            !end.IsFromEnd ? end.Value
            : end.Value == 0 ? null
            : -end.Value;
    }

    public partial class Tensor
    {
        /// <summary>A view where all indices are integers and ranges, a copy where one is a tensor. Writing broadcasts the value.</summary>
        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => Index(indices);
            set => Put(indices, value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => Index(Of(indices));
            set => Put(Of(indices), value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[params long[] indices]
        {
            get => Index(Of(indices));
            set => Put(Of(indices), value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => Index([i1]);
            set => Put([i1], value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => Index([i1, i2]);
            set => Put([i1, i2], value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3]
        {
            get => Index([i1, i2, i3]);
            set => Put([i1, i2, i3], value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get => Index([i1, i2, i3, i4]);
            set => Put([i1, i2, i3, i4], value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5]
        {
            get => Index([i1, i2, i3, i4, i5]);
            set => Put([i1, i2, i3, i4, i5], value);
        }

        [System.Runtime.CompilerServices.IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5, long i6]
        {
            get => Index([i1, i2, i3, i4, i5, i6]);
            set => Put([i1, i2, i3, i4, i5, i6], value);
        }

        public Tensor index(params TensorIndex[] indices) => Index(indices);

        public Tensor index(params Tensor[] indices) => Index(Of(indices));

        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => Put(indices, value);

        public Tensor index_put_(Tensor value, params Tensor[] indices) => Put(Of(indices), value);

        public Tensor index_put_(Scalar value, params TensorIndex[] indices) => Put(indices, value);

        public Tensor index_put_(Scalar value, params Tensor[] indices) => Put(Of(indices), value);

        /// <param name="value">What is written; it broadcasts.</param>
        /// <param name="indices">Where to.</param>
        /// <param name="accumulate">Add to what stands there; indices that occur twice are then added twice.</param>
        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false) =>
            accumulate ? index_put_(value, Array.ConvertAll(indices, TensorOf), true) : Put(indices, value);

        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) =>
            Aten.index_put_.InPlace(this, indices, value, accumulate);

        static TensorIndex[] Of(Tensor[] indices) =>
            Array.ConvertAll(indices, index => index is null ? TensorIndex.Colon : TensorIndex.Tensor(index));

        static TensorIndex[] Of(long[] indices) => Array.ConvertAll(indices, index => TensorIndex.Single(index));

        static Tensor TensorOf(TensorIndex index) =>
            index.Given
            ?? throw new ArgumentException(
                "index_put_ accumulates at indices that are tensors; slices and integers are written without accumulate."
            );

        unsafe Tensor Index(ReadOnlySpan<TensorIndex> indices)
        {
            using var use = Use("this[]");
            var values = stackalloc NativeValue[indices.Length];
            var bounds = stackalloc long[3 * indices.Length];
            var entered = 0;
            try
            {
                for (; entered < indices.Length; entered++)
                {
                    Enter(indices[entered], &values[entered], &bounds[3 * entered]);
                }
                var status = Native.ebm_index(use.Address, values, indices.Length, out var result);
                Native.Check(status, "Tensor.this[]", status == 0 ? "" : $"self: {Describe()}, indices: {Describe(indices)}");
                return new Tensor(result);
            }
            finally
            {
                Leave(indices[..entered]);
            }
        }

        Tensor Put(ReadOnlySpan<TensorIndex> indices, Scalar value)
        {
            using var number = value.ToTensor(dtype, device);
            return Put(indices, number);
        }

        unsafe Tensor Put(ReadOnlySpan<TensorIndex> indices, Tensor value)
        {
            using var use = Use("this[]");
            using var given = value.Use("this[]");
            var values = stackalloc NativeValue[indices.Length];
            var bounds = stackalloc long[3 * indices.Length];
            var entered = 0;
            try
            {
                for (; entered < indices.Length; entered++)
                {
                    Enter(indices[entered], &values[entered], &bounds[3 * entered]);
                }
                var status = Native.ebm_index_put(use.Address, values, indices.Length, given.Address);
                Native.Check(
                    status,
                    "Tensor.this[] =",
                    status == 0 ? "" : $"self: {Describe()}, indices: {Describe(indices)}, value: {value.Describe()}"
                );
                return this;
            }
            finally
            {
                Leave(indices[..entered]);
            }
        }

        static unsafe void Enter(in TensorIndex index, NativeValue* value, long* bounds)
        {
            *value = new NativeValue { Tag = index.Tag };
            switch (index.Tag)
            {
                case NativeTag.Int:
                    value->Bits =
                        index.Start
                        ?? throw new ArgumentException(
                            "Tensor.this[]: a single index is an integer; it was given null. Use TensorIndex.None for a new dimension."
                        );
                    break;
                case NativeTag.Bool:
                    value->Bits = index.Start ?? 0;
                    break;
                case NativeTag.Slice:
                    bounds[0] = index.Start ?? long.MinValue;
                    bounds[1] = index.Stop ?? long.MinValue;
                    bounds[2] = index.Step ?? long.MinValue;
                    value->Bits = (long)bounds;
                    break;
                case NativeTag.Tensor:
                    var tensor = index.Given ?? throw new ArgumentNullException(nameof(index), "Tensor.this[]: an index is a null tensor.");
                    value->Bits = tensor.TryEnter(out var address) ? address : throw Disposed("this[] (an index)");
                    break;
            }
        }

        static void Leave(ReadOnlySpan<TensorIndex> indices)
        {
            foreach (ref readonly var index in indices)
            {
                if (index.Tag == NativeTag.Tensor)
                {
                    index.Given!.Leave();
                }
            }
        }

        static string Describe(ReadOnlySpan<TensorIndex> indices)
        {
            var words = new List<string>();
            foreach (ref readonly var index in indices)
            {
                words.Add(
                    index.Tag switch
                    {
                        NativeTag.None => "None",
                        NativeTag.Ellipsis => "...",
                        NativeTag.Slice => $"{index.Start}:{index.Stop}{(index.Step is { } step ? $":{step}" : "")}",
                        NativeTag.Tensor => index.Given!.Describe(),
                        NativeTag.Bool => index.Start == 1 ? "true" : "false",
                        _ => $"{index.Start}",
                    }
                );
            }
            return $"[{string.Join(", ", words)}]";
        }
    }

    internal static partial class Aten
    {
        public static readonly Operator index_put_ = new("index_put_(self, indices, values, accumulate)");
    }
}
