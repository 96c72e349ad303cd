// A tensor's elements as .NET values, read and written where they lie.
using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Utils;

/// <summary>The elements of a tensor on the processor, in order. Views that are not contiguous are walked by their strides.</summary>
public sealed class TensorAccessor<T> : IDisposable, IEnumerable<T>
    where T : unmanaged
{
    readonly torch.Tensor _tensor;
    readonly long[] _shape,
        _strides;
    readonly bool _contiguous;

    internal TensorAccessor(torch.Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU)
        {
            throw new InvalidOperationException($"{tensor.Describe()} does not lie in the processor's memory; call cpu() first.");
        }
        _tensor = tensor;
        _shape = tensor.shape;
        _strides = tensor.stride();
        _contiguous = tensor.is_contiguous();
        Count = tensor.numel();
    }

    public long Count { get; }

    public bool IsReadOnly => false;

    /// <summary>One element, by a position in each dimension, or by its place in order.</summary>
    public T this[params long[] indices]
    {
        get => Read(OffsetOf(indices));
        set => Write(OffsetOf(indices), value);
    }

    internal T At(long place) => Read(OffsetAt(place));

    public T[] ToArray()
    {
        var array = new T[Count];
        CopyTo(array);
        return array;
    }

    /// <summary>An array of the tensor's rank; a scalar's is a value's array of rank 1.</summary>
    public Array ToNDArray()
    {
        if (_shape.Length < 2)
        {
            return ToArray();
        }
        var array = Array.CreateInstance(typeof(T), _shape);
        CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(array)), checked((int)Count)));
        return array;
    }

    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    /// <summary>Copies from place <paramref name="tensorIndex"/> on, as many elements as there are and the array has room for.</summary>
    public unsafe void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var target = array[arrayIndex..];
        var count = Copied(tensorIndex, target.Length);
        using var use = _tensor.Use("data");
        var data = (T*)_tensor.Data("data");
        if (_contiguous)
        {
            new ReadOnlySpan<T>(data + tensorIndex, count).CopyTo(target);
            return;
        }
        for (var i = 0; i < count; i++)
        {
            target[i] = data[OffsetAt(tensorIndex + i)];
        }
    }

    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    /// <summary>Copies to place <paramref name="tensorIndex"/> and on, as many elements as the array has and the tensor has room for.</summary>
    public unsafe void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var source = array[arrayIndex..];
        var count = Copied(tensorIndex, source.Length);
        using var use = _tensor.Use("data");
        var data = (T*)_tensor.Data("data");
        if (_contiguous)
        {
            source[..count].CopyTo(new Span<T>(data + tensorIndex, count));
            return;
        }
        for (var i = 0; i < count; i++)
        {
            data[OffsetAt(tensorIndex + i)] = source[i];
        }
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (long place = 0; place < Count; place++)
        {
            yield return At(place);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Does nothing: the tensor stays its owner's.</summary>
    public void Dispose() { }

    unsafe T Read(long offset)
    {
        using var use = _tensor.Use("data");
        return ((T*)_tensor.Data("data"))[offset];
    }

    unsafe void Write(long offset, T value)
    {
        using var use = _tensor.Use("data");
        ((T*)_tensor.Data("data"))[offset] = value;
    }

    long OffsetOf(long[] indices)
    {
        if (indices.Length == 1 && _shape.Length != 1)
        {
            return OffsetAt(indices[0]);
        }
        if (indices.Length != _shape.Length)
        {
            throw new IndexOutOfRangeException($"{indices.Length} indices for a tensor of {_shape.Length} dimensions.");
        }
        long offset = 0;
        for (var i = 0; i < indices.Length; i++)
        {
            if (indices[i] < 0 || indices[i] >= _shape[i])
            {
                throw new IndexOutOfRangeException($"index {indices[i]} of dimension {i}, whose size is {_shape[i]}.");
            }
            offset += indices[i] * _strides[i];
        }
        return offset;
    }

    long OffsetAt(long place)
    {
        if (place < 0 || place >= Count)
        {
            throw new IndexOutOfRangeException($"place {place} of {Count} elements.");
        }
        if (_contiguous)
        {
            return place;
        }
        long offset = 0;
        for (var i = _shape.Length - 1; i >= 0; i--)
        {
            offset += place % _shape[i] * _strides[i];
            place /= _shape[i];
        }
        return offset;
    }

    int Copied(long place, int room) =>
        place >= 0 && place <= Count
            ? (int)Math.Min(Count - place, room)
            : throw new IndexOutOfRangeException($"place {place} of {Count} elements.");
}
