// A table of vectors, looked up by index; and its inverse notion, an index as a vector of zeros and a one.
using Ebm.Torch;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>(…) int64 → (…, embedding_dims). Rows start as N(0, 1), row padding_idx as 0: it gets no gradient.</summary>
            public static Embedding Embedding(
                long num_embeddings,
                long embedding_dims,
                long? padding_idx = null,
                double? max_norm = null,
                double norm_type = 2.0,
                bool scale_grad_by_freq = false,
                bool sparse = false,
                Device? device = null,
                ScalarType? dtype = null
            )
            {
                var table = empty(num_embeddings, embedding_dims, dtype: dtype, device: device);
                init.normal_(table);
                if (padding_idx is { } row)
                {
                    using var zeros = table.select(0, row);
                    init.zeros_(zeros);
                }
                return new(Parameter(table), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
            }

            /// <summary>A table given row by row (rows, embedding_dims), trained only if not frozen.</summary>
            public static Embedding Embedding_from_pretrained(
                Tensor embeddings,
                bool freeze = true,
                long? padding_idx = null,
                double? max_norm = null,
                double norm_type = 2.0,
                bool scale_grad_by_freq = false,
                bool sparse = false,
                Device? device = null,
                ScalarType? dtype = null
            )
            {
                using var _ = no_grad();
                var table = embeddings.to(dtype ?? embeddings.dtype, device ?? embeddings.device, copy: true);
                return new(Parameter(table, requires_grad: !freeze), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
            }

            public static partial class functional
            {
                /// <summary>(…) int64 → (…, num_classes) int64; −1 classes means one more than the largest index.</summary>
                /// <exception cref="ArgumentException">The tensor is not int64.</exception>
                public static Tensor one_hot(Tensor x, long num_classes = -1) =>
                    x.dtype == ScalarType.Int64
                        ? Aten.one_hot.Tensor(x, num_classes)
                        : throw new ArgumentException(
                            $"one_hot takes indices of dtype Int64; these are {x.dtype}. Convert them with .to(ScalarType.Int64).",
                            nameof(x)
                        );
            }
        }

        internal static partial class Aten
        {
            public static readonly Operator embedding = new("embedding(weight, indices, padding_idx, scale_grad_by_freq, sparse)");
            public static readonly Operator embedding_renorm_ = new("embedding_renorm_(self, indices, max_norm, norm_type)");
            public static readonly Operator one_hot = new("one_hot(self, num_classes)");
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;

    /// <inheritdoc cref="torch.nn.Embedding"/>
    public sealed class Embedding : nn.Module<Tensor, Tensor>
    {
        private readonly long? paddingRow;
        private readonly double? maximum;
        private readonly double norm;
        private readonly bool byFrequency,
            sparse;

        internal Embedding(Parameter weight, long? padding_idx, double? max_norm, double norm_type, bool scale_grad_by_freq, bool sparse)
            : base(nameof(Embedding))
        {
            this.weight = weight;
            (paddingRow, maximum, norm, byFrequency, this.sparse) = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
            if (padding_idx < 0 || padding_idx >= weight.shape[0])
                throw new ArgumentException(
                    $"padding_idx is a row of the table, 0 to {weight.shape[0] - 1}; it is {padding_idx}.",
                    nameof(padding_idx)
                );
        }

        /// <summary>(rows, embedding_dims); never null, though TorchSharp declares that it could be.</summary>
        public Parameter? weight
        {
            get;
            set =>
                field = Own(
                    nameof(weight),
                    field,
                    value ?? throw new ArgumentNullException(nameof(value), "An embedding needs its table.")
                );
        }

        public override Tensor forward(Tensor input)
        {
            if (maximum is { } most)
            {
                // Rows that are used and longer than the maximum are shortened where they stand, outside the graph.
                using var _ = no_grad();
                using var scope = NewDisposeScope();
                Aten.embedding_renorm_.InPlace(weight!, input.contiguous(), most, norm);
            }
            return Aten.embedding.Tensor(weight!, input, paddingRow ?? -1, byFrequency, sparse);
        }
    }
}
