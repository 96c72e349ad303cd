// The same values in another dtype, on another device, in other memory.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>
        /// This tensor in another dtype; itself (a second owner of it) where nothing changes, unless a copy is asked for.
        /// </summary>
        /// <param name="type">The dtype.</param>
        /// <param name="copy">A copy even where nothing changes.</param>
        /// <param name="disposeAfter">Dispose of this tensor.</param>
        /// <param name="non_blocking">Do not wait for a copy between devices.</param>
        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            After(disposeAfter, Aten.to_dtype.Tensor(this, type, non_blocking, copy));

        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(type, copy, disposeAfter, non_blocking);

        /// <summary>This tensor on another device. Throws when this machine has no such device.</summary>
        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(dtype, device, copy, disposeAfter, non_blocking);

        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            After(disposeAfter, Aten.to_device.Tensor(this, InitializeDevice(device), type, non_blocking, copy));

        public Tensor to(
            DeviceType deviceType,
            int deviceIndex = -1,
            bool copy = false,
            bool disposeAfter = false,
            bool non_blocking = false
        ) => to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(device), copy, disposeAfter, non_blocking);

        /// <summary>In the dtype and on the device of another.</summary>
        public Tensor to(Tensor other, bool non_blocking = false) => Aten.to_other.Tensor(this, other, non_blocking);

        public Tensor cpu() => to(CPU);

        public Tensor cuda(Device? device = null, bool non_blocking = false) =>
            to(device ?? new Device(DeviceType.CUDA), non_blocking: non_blocking);

        public Tensor type(ScalarType dtype) => to(dtype);

        public Tensor type(Func<Tensor, Tensor> typeFunc) => typeFunc(this);

        public Tensor type_as(Tensor tensor) => to(tensor.dtype);

        public Tensor @bool() => to(ScalarType.Bool);

        public Tensor @byte() => to(ScalarType.Byte);

        public Tensor @char() => to(ScalarType.Int8);

        public Tensor @short() => to(ScalarType.Int16);

        public Tensor @int() => to(ScalarType.Int32);

        public Tensor @long() => to(ScalarType.Int64);

        public Tensor half() => to(ScalarType.Float16);

        public Tensor bfloat16() => to(ScalarType.BFloat16);

        public Tensor @float() => to(ScalarType.Float32);

        public Tensor @double() => to(ScalarType.Float64);

        /// <summary>A copy with memory of its own, in the graph.</summary>
        public Tensor clone() => Aten.clone.Tensor(this);

        /// <summary>Row-major in memory; itself (a second owner of it) where it already is.</summary>
        public Tensor contiguous() => Aten.contiguous.Tensor(this);

        /// <summary>Writes another's values, broadcast and converted, into this tensor.</summary>
        public Tensor copy_(Tensor source, bool nonBlocking = false) => Aten.copy_.InPlace(this, source, nonBlocking);

        /// <summary>Makes this tensor share another's memory, shape and dtype.</summary>
        public Tensor set_(Tensor source) => Aten.set__source_Tensor.InPlace(this, source);

        public Tensor fill_(Scalar value) => Aten.fill__Scalar.InPlace(this, value);

        public Tensor zero_() => Aten.zero_.InPlace(this);

        /// <summary>Memory that a GPU can read while the processor goes on.</summary>
        public Tensor pin_memory() => Aten.pin_memory.Tensor(this);

        public bool is_pinned() => Aten.is_pinned.Bool(this);

        public Tensor to_dense() => Aten.to_dense.Tensor(this);

        Tensor After(bool disposeThis, Tensor result)
        {
            if (disposeThis)
            {
                Dispose();
            }
            return result;
        }
    }

    internal static partial class Aten
    {
        public static readonly Operator to_dtype = new("to.dtype(self, dtype, non_blocking, copy)"),
            to_device = new("to.device(self, device, dtype, non_blocking, copy)"),
            to_other = new("to.other(self, other, non_blocking)"),
            clone = new("clone(self)"),
            contiguous = new("contiguous(self)"),
            copy_ = new("copy_(self, src, non_blocking)"),
            set__source_Tensor = new("set_.source_Tensor(self, source)"),
            fill__Scalar = new("fill_.Scalar(self, value)"),
            zero_ = new("zero_(self)"),
            pin_memory = new("pin_memory(self)"),
            is_pinned = new("is_pinned(self)"),
            to_dense = new("to_dense(self)");
    }
}
