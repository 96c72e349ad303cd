using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ebm.Runs;

/// <summary>
/// Named tensors as a safetensors file: a length, a JSON header that gives each tensor's type, shape and place, then the bytes.
/// The format: https://huggingface.co/docs/safetensors
/// </summary>
public static class Stored
{
    static readonly (string Name, ScalarType Type)[] Types =
    [
        ("F64", ScalarType.Float64), ("F32", ScalarType.Float32), ("BF16", ScalarType.BFloat16), ("I64", ScalarType.Int64),
        ("I32", ScalarType.Int32), ("U8", ScalarType.Byte), ("BOOL", ScalarType.Bool),
    ];

    /// <summary>A tensor's values, row by row, as they lie in memory.</summary>
    public static byte[] Bytes(Tensor tensor) => tensor.detach().cpu().contiguous().bytes.ToArray();

    /// <param name="stream">Where to.</param>
    /// <param name="tensors">Each name once.</param>
    public static void Write(Stream stream, IEnumerable<(string Name, Tensor Value)> tensors)
    {
        using var scope = NewDisposeScope();
        var (header, contents, offset) = (new JsonObject(), new List<byte[]>(), 0L);
        foreach (var (name, value) in tensors)
        {
            var content = Bytes(value);
            header.Add(name, new JsonObject
            {
                ["dtype"] = Types.Single(t => t.Type == value.dtype).Name,
                ["shape"] = new JsonArray([.. value.shape.Select(n => (JsonNode)n)]),
                ["data_offsets"] = new JsonArray(offset, offset + content.Length),
            });
            contents.Add(content);
            offset += content.Length;
        }
        // The values begin at a multiple of eight bytes.
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        var padding = (8 - text.Length % 8) % 8;
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length + padding);
        stream.Write(length);
        stream.Write(text);
        stream.Write(Encoding.ASCII.GetBytes(new string(' ', padding)));
        foreach (var content in contents) stream.Write(content);
    }

    /// <summary>The tensors of a file, on the CPU, in the current scope.</summary>
    /// <exception cref="InvalidDataException">The file is torn or altered; the sentence names it.</exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path)
    {
        var file = File.ReadAllBytes(path);
        try
        {
            var start = sizeof(long) + checked((int)BinaryPrimitives.ReadInt64LittleEndian(file));
            var header = JsonNode.Parse(file.AsSpan(sizeof(long)..start))!.AsObject();
            return header.Where(entry => entry.Key != "__metadata__").ToDictionary(entry => entry.Key, entry =>
            {
                var (shape, offsets) = (Longs(entry.Value!["shape"]!), Longs(entry.Value["data_offsets"]!));
                var type = Types.Single(t => t.Name == (string)entry.Value["dtype"]!).Type;
                var tensor = empty(shape, dtype: type);
                file.AsSpan((int)(start + offsets[0]), (int)(offsets[1] - offsets[0])).CopyTo(tensor.bytes);
                return tensor;
            });
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException or NullReferenceException or OverflowException)
        {
            throw new InvalidDataException($"{path}: this is not a whole safetensors file: {error.Message}", error);
        }
    }

    static long[] Longs(JsonNode list) => [.. list.AsArray().Select(n => (long)n!)];
}
