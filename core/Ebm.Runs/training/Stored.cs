using Ebm.Records;

namespace Ebm.Runs;

/// <summary>Converts tensors to safetensors files and back.</summary>
static class Stored
{
    static readonly (string Name, ScalarType Type)[] Types =
    [
        ("F64", ScalarType.Float64),
        ("F32", ScalarType.Float32),
        ("BF16", ScalarType.BFloat16),
        ("I64", ScalarType.Int64),
        ("I32", ScalarType.Int32),
        ("U8", ScalarType.Byte),
        ("BOOL", ScalarType.Bool),
    ];

    /// <summary>A tensor's values as bytes, in row-major order.</summary>
    public static byte[] Bytes(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().cpu().contiguous().bytes.ToArray();
    }

    /// <summary>Writes tensors; names must be unique.</summary>
    public static void Write(string path, IEnumerable<(string Name, Tensor Value)> tensors) =>
        Safetensors.Write(
            path,
            tensors.Select(t => new NamedTensorBytes(
                t.Name,
                Types.Single(type => type.Type == t.Value.dtype).Name,
                t.Value.shape,
                Bytes(t.Value)
            ))
        );

    /// <summary>The tensors of a file, on the CPU, in the current scope.</summary>
    /// <exception cref="InvalidDataException">The file is torn or was changed; the message names it.</exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path) =>
        Safetensors
            .Read(path)
            .ToDictionary(
                t => t.Name,
                t =>
                {
                    var tensor = empty(t.Shape, dtype: Types.Single(type => type.Name == t.Dtype).Type);
                    t.Bytes.Span.CopyTo(tensor.bytes);
                    return tensor;
                }
            );
}
