using System.Text;

namespace Ebm.Records;

/// <summary>
/// A network in a file of the ONNX format: its operators in the order of computation, and its constants. Only what networks of convolutions need is
/// read; the file is a message of protocol buffers (version 3 of the format, https://onnx.ai).
/// </summary>
/// <param name="Operators">In the order of computation.</param>
/// <param name="Constants">Those of type float32.</param>
public sealed record Onnx(IReadOnlyList<Onnx.Operator> Operators, IReadOnlyList<NamedTensorBytes> Constants)
{
    // Numbers of the fields in onnx.proto.
    const int Graph = 7,
        Node = 1,
        Initializer = 5,
        NodeInput = 1,
        NodeOutput = 2,
        NodeType = 4,
        TensorShape = 1,
        TensorType = 2,
        TensorFloats = 4,
        TensorName = 8,
        TensorBytes = 9;
    const long Float32 = 1;

    /// <summary>An operator of the graph.</summary>
    /// <param name="Type">Such as <c>Conv</c>.</param>
    /// <param name="Inputs">The names of constants and of other operators' outputs.</param>
    public sealed record Operator(string Type, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs);

    /// <param name="file">The bytes of the file.</param>
    /// <param name="name">The name of the file, for errors.</param>
    /// <exception cref="InvalidDataException">The bytes are not of this format, or have no graph.</exception>
    public static Onnx Read(ReadOnlyMemory<byte> file, string name)
    {
        var operators = new List<Operator>();
        var constants = new List<NamedTensorBytes>();
        var graphs = Fields(file, name).Where(field => field.Number == Graph).ToList();
        if (graphs is not [var graph])
            throw new InvalidDataException($"{name} is not an ONNX file: it has {graphs.Count} graphs instead of one.");
        foreach (var field in Fields(graph.Bytes, name))
            if (field.Number == Node)
            {
                var parts = Fields(field.Bytes, name).ToList();
                string[] Texts(int number) => [.. parts.Where(part => part.Number == number).Select(part => Text(part.Bytes))];
                operators.Add(new(string.Concat(Texts(NodeType)), Texts(NodeInput), Texts(NodeOutput)));
            }
            else if (field.Number == Initializer && Tensor([.. Fields(field.Bytes, name)], name) is { } constant)
                constants.Add(constant);
        return new(operators, constants);
    }

    static NamedTensorBytes? Tensor(List<Field> parts, string name)
    {
        if (parts.Find(part => part.Number == TensorType).Value != Float32)
            return null;
        // Old writers repeat the field of the shape, newer ones pack its numbers into one.
        long[] shape =
        [
            .. parts
                .Where(part => part.Number == TensorShape)
                .SelectMany(part => part.Bytes.Length == 0 ? [part.Value] : Packed(part.Bytes, name)),
        ];
        var bytes = parts.Find(part => part.Number is TensorFloats or TensorBytes && part.Bytes.Length > 0).Bytes;
        var called = Text(parts.Find(part => part.Number == TensorName).Bytes);
        if (shape.Aggregate(4L, (size, side) => size * side) != bytes.Length)
            throw new InvalidDataException(
                $"{name}: the constant {called} of shape ({string.Join(", ", shape)}) has {bytes.Length} bytes, which do not fit."
            );
        return new(called, "F32", shape, bytes);
    }

    static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    // ── protocol buffers ──────────────────────────────────────────────────────────────────────

    /// <summary>A field: a number, or bytes.</summary>
    readonly record struct Field(int Number, long Value, ReadOnlyMemory<byte> Bytes);

    static IEnumerable<Field> Fields(ReadOnlyMemory<byte> message, string name)
    {
        for (var at = 0; at < message.Length; )
        {
            var key = Varint(message, ref at, name);
            var (number, wire) = ((int)(key >> 3), (int)(key & 7));
            if (wire == 0)
            {
                yield return new(number, Varint(message, ref at, name), default);
                continue;
            }
            var length = wire switch
            {
                1 => 8,
                2 => Varint(message, ref at, name),
                5 => 4,
                _ => -1,
            };
            if (length < 0 || length > message.Length - at)
                throw NotOnnx(name);
            yield return new(number, 0, message.Slice(at, (int)length));
            at += (int)length;
        }
    }

    static IEnumerable<long> Packed(ReadOnlyMemory<byte> bytes, string name)
    {
        for (var at = 0; at < bytes.Length; )
            yield return Varint(bytes, ref at, name);
    }

    static long Varint(ReadOnlyMemory<byte> bytes, ref int at, string name)
    {
        var value = 0L;
        for (var shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            var next = bytes.Span[at++];
            value |= (next & 127L) << shift;
            if (next < 128)
                return value;
        }
        throw NotOnnx(name);
    }

    static InvalidDataException NotOnnx(string name) => new($"{name} is not an ONNX file, or it is cut off.");
}
