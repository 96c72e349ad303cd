using System.Security.Cryptography;
using Ebm.Nets;

namespace Ebm.Metrics;

/// <summary>
/// Reads the weights of the <see cref="InceptionV3"/> that defines the Fréchet inception distance, from a safetensors file made of the usual PyTorch file; the page
/// docs/image-metrics.md has the script. It writes two notes, and a file without them, or with others, is refused: the SHA-256 of the PyTorch file, whose
/// first eight digits are in its name, and that of the tensors' bytes in ordinal order of names.
/// </summary>
static class InceptionWeights
{
    /// <summary>The first digits of the SHA-256 of pt_inception-2015-12-05-6726825d.pth.</summary>
    public const string Official = "6726825d";

    const string Source = "source-sha256",
        Content = "content-sha256",
        Convert = "; docs/image-metrics.md has the script that makes the file";

    /// <param name="path">The place of the file.</param>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static void CheckThere(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"the weights of the Inception network are missing, {path}{Convert}.", path);
    }

    /// <summary>The network, and the SHA-256 of its tensors.</summary>
    /// <exception cref="FileNotFoundException">The file is not there.</exception>
    /// <exception cref="InvalidDataException">It is not a safetensors file of these weights, or it was altered.</exception>
    public static (InceptionV3 Network, string Sha256) Read(string path, Device device)
    {
        CheckThere(path);
        var (tensors, notes) = Safetensors.ReadWithNotes(path);
        string Note(string name) => notes.GetValueOrDefault(name, "missing");
        if (!Note(Source).StartsWith(Official, StringComparison.Ordinal))
            throw new InvalidDataException(
                $"{path}: the note {Source} is {Note(Source)}; that of the official weights begins with {Official}{Convert}."
            );
        var found = Digest(tensors);
        if (Note(Content) != found)
            throw new InvalidDataException(
                $"{path} was altered: the SHA-256 of its tensors is {found}, and its note {Content} is {Note(Content)}{Convert}."
            );
        using var scope = NewDisposeScope();
        var named = tensors.ToDictionary(one => one.Name);
        var weights = new Dictionary<string, Tensor>();
        foreach (var (name, shape) in InceptionV3.Expected)
        {
            if (!named.TryGetValue(name, out var one) || one.Dtype != "F32" || !one.Shape.SequenceEqual(shape))
                throw new InvalidDataException(
                    $"{path} has no tensor {name} of shape ({string.Join(", ", shape)}) and dtype F32{Convert}."
                );
            var values = empty(shape, dtype: float32);
            one.Bytes.Span.CopyTo(values.bytes);
            weights[name] = values;
        }
        return (new InceptionV3(weights, device), found);
    }

    /// <summary>SHA-256 of the tensors' bytes in ordinal order of names, in hex.</summary>
    public static string Digest(IEnumerable<NamedTensorBytes> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var one in tensors.OrderBy(one => one.Name, StringComparer.Ordinal))
            hash.AppendData(one.Bytes.Span);
        return System.Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
