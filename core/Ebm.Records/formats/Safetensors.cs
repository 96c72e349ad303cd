using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ebm.Records;

/// <summary>A tensor as bytes, as in a checkpoint, independent of any tensor library.</summary>
/// <param name="Dtype">The format's name of the type: <c>F32</c>, <c>F64</c>, <c>BF16</c>, <c>I64</c>, <c>I32</c>, <c>U8</c>, <c>BOOL</c>,
/// …</param>
/// <param name="Shape">Empty for a scalar.</param>
/// <param name="Bytes">Little-endian, in row-major order.</param>
public sealed record NamedTensorBytes(string Name, string Dtype, long[] Shape, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// The safetensors format: the header's length in 8 bytes, a JSON header (name → dtype, shape, offsets), the bytes. The same tensors give the same
/// bytes in whatever order they are passed. Reading first validates the file: offsets without gaps and overlaps, sizes that fit the shapes, nothing
/// after the end.
/// The format: https://huggingface.co/docs/safetensors (its description of 2022, which has not changed since).
/// </summary>
public static class Safetensors
{
    const int LongestHeader = 100_000_000;
    const string Notes = "__metadata__";

    static readonly IReadOnlyDictionary<string, int> SizeOf = new Dictionary<string, int>
    {
        ["F64"] = 8,
        ["I64"] = 8,
        ["U64"] = 8,
        ["F32"] = 4,
        ["I32"] = 4,
        ["U32"] = 4,
        ["F16"] = 2,
        ["BF16"] = 2,
        ["I16"] = 2,
        ["U16"] = 2,
        ["I8"] = 1,
        ["U8"] = 1,
        ["BOOL"] = 1,
    };

    /// <summary>Writes a file atomically.</summary>
    /// <param name="notes">Texts stored in the header.</param>
    /// <exception cref="ArgumentException">Two tensors with the same name, an unsupported dtype, or bytes that do not fit the shape.</exception>
    public static void Write(string path, IEnumerable<NamedTensorBytes> tensors, IReadOnlyDictionary<string, string>? notes = null)
    {
        var all = tensors.ToList();
        AtomicFile.Write(path, stream => Write(stream, all, notes));
    }

    /// <inheritdoc cref="Write(string, IEnumerable{NamedTensorBytes}, IReadOnlyDictionary{string, string})"/>
    public static void Write(Stream stream, IEnumerable<NamedTensorBytes> tensors, IReadOnlyDictionary<string, string>? notes = null)
    {
        // The widest elements come first, so that every tensor starts at a multiple of its element size.
        var ordered = tensors
            .OrderByDescending(tensor => Bytes(tensor.Dtype))
            .ThenBy(tensor => tensor.Name, StringComparer.Ordinal)
            .ToList();
        foreach (var tensor in ordered)
        {
            var wanted = tensor.Shape.Aggregate((long)Bytes(tensor.Dtype), (size, length) => checked(size * length));
            if (wanted != tensor.Bytes.Length || tensor.Shape.Any(length => length < 0))
                throw new ArgumentException(
                    $"{tensor.Name}: {tensor.Dtype} of shape ({string.Join(", ", tensor.Shape)}) takes {wanted} bytes, but {tensor.Bytes.Length} were given.",
                    nameof(tensors)
                );
        }
        if (ordered.GroupBy(tensor => tensor.Name).FirstOrDefault(same => same.Count() > 1 || same.Key == Notes) is { } twice)
            throw new ArgumentException(
                $"\"{twice.Key}\" cannot name a tensor: {(twice.Key == Notes ? "the format reserves it for notes" : "two tensors have this name")}.",
                nameof(tensors)
            );
        var header = Header(ordered, notes ?? new Dictionary<string, string>());
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var tensor in ordered)
            stream.Write(tensor.Bytes.Span);
    }

    static int Bytes(string dtype) =>
        SizeOf.TryGetValue(dtype, out var size)
            ? size
            : throw new ArgumentException($"The dtype {dtype} is not supported; supported are {string.Join(", ", SizeOf.Keys)}.");

    static byte[] Header(IReadOnlyList<NamedTensorBytes> tensors, IReadOnlyDictionary<string, string> notes)
    {
        var header = new OrderedDictionary<string, object>();
        if (notes.Count > 0)
            header[Notes] = new SortedDictionary<string, string>(notes.ToDictionary(), StringComparer.Ordinal);
        var begin = 0L;
        foreach (var tensor in tensors)
            header[tensor.Name] = new Described(tensor.Dtype, tensor.Shape, [begin, begin += tensor.Bytes.Length]);
        var json = Encoding.UTF8.GetBytes(JsonText.LineOf(header));
        // Blanks after the JSON align the bytes to a multiple of 8.
        return [.. json, .. Enumerable.Repeat((byte)' ', (8 - json.Length % 8) % 8)];
    }

    sealed record Described(string Dtype, long[] Shape, [property: JsonPropertyName("data_offsets")] long[] Offsets);

    /// <summary>Checks the header without reading the tensors.</summary>
    /// <exception cref="InvalidDataException">The file is torn, was changed or has another format; the message names the file.</exception>
    public static void CheckHeader(string path)
    {
        using var stream = RegularFile.Open(path);
        _ = ReadHeader(stream, path);
    }

    /// <summary>The tensors in ordinal order of names.</summary>
    /// <exception cref="InvalidDataException">The file is torn, was changed or has another format; the message names the file.</exception>
    public static IReadOnlyList<NamedTensorBytes> Read(string path) => ReadWithNotes(path).Tensors;

    /// <summary>The tensors in ordinal order of names, and the header's texts.</summary>
    /// <exception cref="InvalidDataException">The file is torn, was changed or has another format; the message names the file.</exception>
    public static (IReadOnlyList<NamedTensorBytes> Tensors, IReadOnlyDictionary<string, string> Notes) ReadWithNotes(string path)
    {
        using var stream = RegularFile.Open(path);
        return ReadWithNotes(stream, path);
    }

    /// <summary>The same from a stream that can seek, at its start.</summary>
    /// <param name="name">What the stream contains, for errors.</param>
    /// <exception cref="InvalidDataException">The content is torn, was changed or has another format; the message has the name.</exception>
    public static (IReadOnlyList<NamedTensorBytes> Tensors, IReadOnlyDictionary<string, string> Notes) ReadWithNotes(
        Stream stream,
        string name
    )
    {
        var (places, notes) = ReadHeader(stream, name);
        var tensors = new List<NamedTensorBytes>();
        foreach (var place in places)
        {
            var bytes = new byte[place.End - place.Begin];
            stream.ReadExactly(bytes);
            tensors.Add(new(place.Name, place.Dtype, place.Shape, bytes));
        }
        return ([.. tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)], notes);
    }

    sealed record Place(string Name, string Dtype, long[] Shape, long Begin, long End);

    static (IReadOnlyList<Place>, IReadOnlyDictionary<string, string>) ReadHeader(Stream stream, string path)
    {
        InvalidDataException Refuse(string says, Exception? cause = null) => new($"{path}: {says}", cause);
        Span<byte> start = stackalloc byte[8];
        if (stream.ReadAtLeast(start, 8, throwOnEndOfStream: false) < 8)
            throw Refuse("this is not a safetensors file; it is too short.");
        var length = BinaryPrimitives.ReadInt64LittleEndian(start);
        if (length is < 2 or > LongestHeader || length > stream.Length - 8)
            throw Refuse($"this is not a safetensors file, or it is torn: its header would take {length} of {stream.Length} bytes.");
        var header = new byte[length];
        stream.ReadExactly(header);
        var places = new List<Place>();
        var notes = new Dictionary<string, string>();
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            foreach (var entry in json.RootElement.EnumerateObject())
                if (entry.Name == Notes)
                    foreach (var note in entry.Value.EnumerateObject())
                        notes.Add(note.Name, note.Value.GetString() ?? throw Refuse($"the note {note.Name} is not a text."));
                else
                    places.Add(PlaceOf(entry, Refuse));
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Refuse($"the header of this safetensors file cannot be read: {error.Message}", error);
        }
        places.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        var end = 0L;
        foreach (var place in places)
        {
            if (place.Begin != end)
                throw Refuse($"{place.Name} starts at byte {place.Begin}, but the tensor before it ends at {end}; the file was changed.");
            end = place.End;
        }
        return end == stream.Length - stream.Position
            ? (places, notes)
            : throw Refuse($"its tensors take {end} bytes, but the file has {stream.Length - stream.Position}; it is torn.");
    }

    static Place PlaceOf(JsonProperty entry, Func<string, Exception?, InvalidDataException> refuse)
    {
        var dtype = entry.Value.GetProperty("dtype").GetString() ?? "";
        var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(axis => axis.GetInt64()).ToArray();
        var place = entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (!SizeOf.TryGetValue(dtype, out var size))
            throw refuse($"{entry.Name} is of dtype \"{dtype}\"; known are {string.Join(", ", SizeOf.Keys)}.", null);
        if (shape.Any(length => length < 0) || place.Length != 2)
            throw refuse($"the header's entry for {entry.Name} is not valid: {entry.Value.GetRawText()}.", null);
        var wanted = shape.Aggregate((UInt128)size, (product, length) => product > ulong.MaxValue ? product : product * (ulong)length);
        var given = place[1] - place[0];
        if (given < 0 || wanted != (UInt128)given || given > Array.MaxLength)
            throw refuse(
                $"{entry.Name} is {dtype} of shape ({string.Join(", ", shape)}), which takes {wanted} bytes; the header gives it {given}.",
                null
            );
        return new(entry.Name, dtype, shape, place[0], place[1]);
    }
}
