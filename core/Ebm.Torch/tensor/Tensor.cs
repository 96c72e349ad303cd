// A tensor: one reference to libtorch's TensorImpl, and the .NET object that owns it. Lifetime and facts are here; operators are in the
// files beside.
//
// Freed by Dispose, by the scope it was made in, or by its finalizer, whichever comes first. A disposed tensor throws wherever it is used.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor : IDisposable
    {
        // Below this, what a tensor's own object costs is what the collector goes by.
        const int LeastPressure = 64;

        static long totalCount,
            peakCount;
        NativeOwner _owner;
        readonly int _pressure;

        /// <summary>Takes over one reference to a TensorImpl.</summary>
        /// <param name="handle">Its address.</param>
        /// <param name="kib">The memory it holds alone. Of a tensor that no scope will free, the garbage collector is told.</param>
        internal Tensor(nint handle, int kib = 0)
        {
            if (handle == 0)
            {
                GC.SuppressFinalize(this);
                throw new ArgumentNullException(nameof(handle), "libtorch returned an undefined tensor.");
            }
            _owner = new NativeOwner(handle);
            var now = Interlocked.Increment(ref totalCount);
            for (var peak = Volatile.Read(ref peakCount); now > peak; )
            {
                var seen = Interlocked.CompareExchange(ref peakCount, now, peak);
                peak = seen == peak ? now : seen;
            }
            if (!DisposeScopeManager.Register(this) && kib >= LeastPressure)
            {
                _pressure = kib;
                GC.AddMemoryPressure(1024L * kib);
            }
        }

        /// <summary>Tensors alive now, on all threads.</summary>
        public static long TotalCount => Interlocked.Read(ref totalCount);

        /// <summary>The most tensors that were alive at once since the process started.</summary>
        public static long PeakCount => Interlocked.Read(ref peakCount);

        /// <summary>Takes over one reference to the TensorImpl at this address.</summary>
        public static Tensor UnsafeCreateTensor(IntPtr handle) => new(handle);

        /// <summary>The address of the TensorImpl; throws when the tensor was disposed of.</summary>
        public IntPtr Handle => _owner.IsDisposed ? throw Disposed("Handle") : _owner.Address;

        /// <summary>True after Dispose.</summary>
        public bool IsInvalid => _owner.IsDisposed;

        /// <summary>
        /// Gives the reference away: this object is then as if disposed of, and the caller owns what the address refers to.
        /// </summary>
        public IntPtr DecoupleFromNativeHandle()
        {
            using var use = Use("DecoupleFromNativeHandle");
            Native.ebm_tensor_share(use.Address);
            Dispose();
            return use.Address;
        }

        ~Tensor() => Dispose(false);

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (_owner.Address != 0 && _owner.Disown())
            {
                OwningDisposeScope = null;
                Interlocked.Decrement(ref totalCount);
                Leave();
                if (_pressure > 0)
                {
                    GC.RemoveMemoryPressure(1024L * _pressure);
                }
            }
        }

        internal bool TryEnter(out nint address) => _owner.TryEnter(out address);

        internal void Leave()
        {
            if (_owner.Leave())
            {
                Native.ebm_tensor_release(_owner.Address);
            }
        }

        /// <summary>Keeps the native tensor alive for a block: <c>using var use = Use("numel")</c>.</summary>
        internal Hold Use(string what) => TryEnter(out var address) ? new Hold(this, address) : throw Disposed(what);

        internal readonly ref struct Hold(Tensor? tensor, nint address)
        {
            public nint Address => address;

            public void Dispose() => tensor?.Leave();
        }

        static ObjectDisposedException Disposed(string what) => new("torch.Tensor", $"Tensor.{what}: the tensor was disposed of.");

        internal TensorFacts Facts(string what)
        {
            using var use = Use(what);
            Native.Check(Native.ebm_tensor_facts(use.Address, out var facts), $"Tensor.{what}");
            return facts;
        }

        /// <summary>For errors: dtype, shape and device, or that it is gone.</summary>
        internal string Describe()
        {
            try
            {
                return $"{torch.NameOf(dtype)} [{string.Join(", ", shape)}] {device}";
            }
            catch (ObjectDisposedException)
            {
                return "a disposed tensor";
            }
        }

        public ScalarType dtype => (ScalarType)Facts("dtype").Dtype;
        public Device device => Facts("device") is var facts ? new Device((DeviceType)facts.Device, facts.DeviceIndex) : null!;
        public DeviceType device_type => (DeviceType)Facts("device_type").Device;
        public int device_index => Facts("device_index").DeviceIndex;
        public long Dimensions => Facts("Dimensions").Dimensions;
        public long ndim => Dimensions;

        public long dim() => Dimensions;

        public long NumberOfElements => Facts("NumberOfElements").NumberOfElements;

        public long numel() => NumberOfElements;

        public long ElementSize => Facts("ElementSize").ItemSize;

        public long element_size() => ElementSize;

        public long storage_offset() => Facts("storage_offset").StorageOffset;

        public bool is_leaf => Facts("is_leaf").IsLeaf != 0;

        public bool is_contiguous() => Facts("is_contiguous").IsContiguous != 0;

        public bool is_cpu() => device_type == DeviceType.CPU;

        public bool is_cuda => device_type == DeviceType.CUDA;
        public bool is_meta => device_type == DeviceType.META;
        public bool is_sparse => Facts("is_sparse").IsSparse != 0;

        public bool is_conj() => Facts("is_conj").IsConj != 0;

        public bool is_neg() => Facts("is_neg").IsNeg != 0;

        public bool is_integral() => torch.is_integral(dtype);

        public bool is_floating_point() => torch.is_floating_point(dtype);

        public bool is_complex() => torch.is_complex(dtype);

        /// <summary>The size of each dimension; empty for a scalar.</summary>
        public long[] shape
        {
            get
            {
                using var use = Use("shape");
                return ShapeOf(use.Address);
            }
        }

        public long[] size() => shape;

        /// <summary>The size of one dimension, counted from the end when negative.</summary>
        public long size(int dim) => shape is var sizes && Position(dim, sizes.Length, "size") is var at ? sizes[at] : 0;

        /// <summary>How many elements apart neighbours are, in each dimension.</summary>
        public long[] stride()
        {
            using var use = Use("stride");
            return StridesOf(use.Address);
        }

        public long stride(int dim) => stride() is var strides && Position(dim, strides.Length, "stride") is var at ? strides[at] : 0;

        static int Position(int dim, int count, string what) =>
            dim >= -count && dim < count
                ? (dim + count) % count
                : throw new ArgumentOutOfRangeException(
                    nameof(dim),
                    $"Tensor.{what}: dimension {dim} of a tensor with {count}; it must lie in [{-count}, {count - 1}]."
                );

        static unsafe long[] ShapeOf(nint address)
        {
            const int room = 16;
            var near = stackalloc long[room];
            var count = Native.ebm_tensor_shape(address, near, room);
            if (count <= room)
            {
                return new Span<long>(near, count).ToArray();
            }
            var sizes = new long[count];
            fixed (long* start = sizes)
            {
                Native.ebm_tensor_shape(address, start, count);
            }
            return sizes;
        }

        static unsafe long[] StridesOf(nint address)
        {
            var strides = new long[Native.ebm_tensor_shape(address, null, 0)];
            fixed (long* start = strides)
            {
                Native.Check(Native.ebm_tensor_strides(address, start, strides.Length), "Tensor.stride");
            }
            return strides;
        }

        /// <summary>A name for people; nothing computes with it.</summary>
        public string? name { get; set; }

        /// <summary>Same shape and same values (not the same object): collections of tensors need a comparer of references.</summary>
        public bool Equals(Tensor target) => target is not null && Aten.equal.Bool(this, target);

        public override bool Equals(object? obj) => obj is Tensor other && Equals(other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
    }

    internal static partial class Aten
    {
        public static readonly Operator equal = new("equal(self, other)");
    }
}
