// The memory behind a tensor: its bytes, its elements as .NET values, and what copies into and out of it.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ebm.Torch;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>
        /// The memory itself, of a contiguous tensor on the processor; writing to it writes to the tensor. Keep the tensor alive while the
        /// span is in use: it is freed by Dispose, its scope, or, when nothing refers to it any more, the finalizer.
        /// </summary>
        public unsafe Span<byte> bytes
        {
            get
            {
                RequireMemory("bytes");
                var length = NumberOfElements * ElementSize;
                return length <= int.MaxValue
                    ? new Span<byte>((void*)Data("bytes"), (int)length)
                    : throw new InvalidOperationException($"Tensor.bytes: {Describe()} has {length} bytes, more than a span holds.");
            }
            set
            {
                var memory = bytes;
                if (memory.Length != value.Length)
                {
                    throw new ArgumentException($"Tensor.bytes: {Describe()} has {memory.Length} bytes; it was given {value.Length}.");
                }
                value.CopyTo(memory);
                GC.KeepAlive(this);
            }
        }

        /// <summary>
        /// The elements as values of type T, which must be the dtype's; of a tensor elsewhere, those of a copy on the processor.
        /// </summary>
        public TensorAccessor<T> data<T>()
            where T : unmanaged
        {
            ValidateType(typeof(T));
            return new TensorAccessor<T>(device_type == DeviceType.CPU ? this : cpu());
        }

        /// <summary>The only element; T must be the dtype's type. Throws when there is not exactly one.</summary>
        public T item<T>()
            where T : unmanaged
        {
            ValidateType(typeof(T));
            var value = ToScalar();
            return typeof(T) == typeof(float) ? As<T, float>(value.ToSingle())
                : typeof(T) == typeof(double) ? As<T, double>(value.ToDouble())
                : typeof(T) == typeof(long) ? As<T, long>(value.ToInt64())
                : typeof(T) == typeof(int) ? As<T, int>(value.ToInt32())
                : typeof(T) == typeof(bool) ? As<T, bool>(value.ToBoolean())
                : typeof(T) == typeof(byte) ? As<T, byte>(value.ToByte())
                : typeof(T) == typeof(sbyte) ? As<T, sbyte>(value.ToSByte())
                : typeof(T) == typeof(short) ? As<T, short>(value.ToInt16())
                : As<T, Half>(value.ToHalf());
        }

        static T As<T, S>(S value)
            where T : unmanaged
            where S : unmanaged => Unsafe.As<S, T>(ref value);

        /// <summary>The only element, as a number with the tensor's dtype.</summary>
        public Scalar ToScalar()
        {
            var type = dtype;
            return torch.is_floating_point(type) ? new Scalar(type, Aten.item.Double(this))
                : type == ScalarType.Bool ? Aten.item.Bool(this)
                : Aten.item.Long(this) is var whole && type == ScalarType.Int64 ? whole
                : type == ScalarType.Int32 ? (int)whole
                : type == ScalarType.Int16 ? (short)whole
                : type == ScalarType.Int8 ? (sbyte)whole
                : (Scalar)(byte)whole;
        }

        /// <summary>The i-th element of a contiguous tensor on the processor.</summary>
        public T ReadCpuValue<T>(long i)
            where T : unmanaged
        {
            ValidateType(typeof(T));
            RequireMemory("ReadCpuValue");
            return new TensorAccessor<T>(this).At(i);
        }

        public float ReadCpuSingle(long i) => ReadCpuValue<float>(i);

        public double ReadCpuDouble(long i) => ReadCpuValue<double>(i);

        public long ReadCpuInt64(long i) => ReadCpuValue<long>(i);

        public int ReadCpuInt32(long i) => ReadCpuValue<int>(i);

        public short ReadCpuInt16(long i) => ReadCpuValue<short>(i);

        public sbyte ReadCpuSByte(long i) => ReadCpuValue<sbyte>(i);

        public byte ReadCpuByte(long i) => ReadCpuValue<byte>(i);

        public bool ReadCpuBool(long i) => ReadCpuValue<bool>(i);

        /// <summary>Numbers, in lists of lists for more than one dimension.</summary>
        public object tolist()
        {
            if (ndim == 0)
            {
                return ToScalar();
            }
            var list = new System.Collections.ArrayList();
            foreach (var row in unbind())
            {
                using (row)
                {
                    list.Add(row.tolist());
                }
            }
            return list;
        }

        /// <summary>Writes the elements' bytes, in order.</summary>
        public void WriteBytesToStream(Stream stream, int bufferSize = 1024)
        {
            using var flat = cpu().contiguous();
            stream.Write(flat.bytes);
            GC.KeepAlive(flat);
        }

        /// <summary>Reads as many bytes as the tensor has; throws when the stream ends before.</summary>
        public void ReadBytesFromStream(Stream stream, int bufferSize = 1024)
        {
            if (device_type == DeviceType.CPU && is_contiguous())
            {
                stream.ReadExactly(bytes);
                GC.KeepAlive(this);
                return;
            }
            using var flat = empty(shape, dtype, CPU);
            stream.ReadExactly(flat.bytes);
            copy_(flat);
        }

        /// <summary>The address of the first element.</summary>
        internal nint Data(string what)
        {
            using var use = Use(what);
            var status = Native.ebm_tensor_data(use.Address, out var data);
            Native.Check(status, $"Tensor.{what}", status == 0 ? "" : $"self: {Describe()}");
            return data;
        }

        void RequireMemory(string what)
        {
            if (device_type != DeviceType.CPU)
            {
                throw new InvalidOperationException(
                    $"Tensor.{what}: {Describe()} does not lie in the processor's memory; call cpu() first."
                );
            }
            if (!is_contiguous())
            {
                throw new InvalidOperationException($"Tensor.{what}: {Describe()} is not contiguous; call contiguous() first.");
            }
        }

        void ValidateType(Type type)
        {
            if (ToScalarType(type) != dtype)
            {
                var advice = dtype == ScalarType.BFloat16 ? "; convert it with to(float32) first" : "";
                throw new ArgumentException($"a {NameOf(dtype)} tensor has no elements of type {type.Name}{advice}.");
            }
        }
    }

    internal static partial class Aten
    {
        public static readonly Operator item = new("item(self)");
    }
}
