namespace Ebm.Data;

/// <summary>
/// Values that are decoded from picture files when rows are asked for, in other threads than the one that trains; those that are announced are
/// decoded meanwhile. Which rows are asked for does not depend on time, so neither do their values. Memory holds the announced images alone.
/// </summary>
/// <param name="shape">(C, H, W) of the images.</param>
sealed class DecodedPixels(Pictures pictures, Fit fit, long[] shape, Device device) : Pixels
{
    readonly int numbers = (int)shape.Size();
    readonly Dictionary<long, Picked> ahead = [];

    // Enough for large minibatches; a metric may ask for more rows at once.
    const int MostFree = 1024;

    // Arrays are used again: one that another thread allocated could start a collection in the middle of a native call of the training thread.
    readonly Stack<byte[]> free = [];

    /// <summary>An image that is being decoded.</summary>
    sealed record Picked(byte[] Values, Task Done);

    public override long[] Shape => shape;

    public override bool ReadsAhead => true;

    public override Tensor At(Tensor places)
    {
        var asked = places.cpu().data<long>().ToArray();
        var picked = Array.ConvertAll(asked, place => ahead.Remove(place, out var begun) ? begun : Begin(place));
        var values = empty([asked.Length, .. shape], dtype: uint8);
        var bytes = values.bytes;
        for (var i = 0; i < picked.Length; i++)
        {
            picked[i].Done.GetAwaiter().GetResult();
            picked[i].Values.CopyTo(bytes[(i * numbers)..]);
            if (free.Count < MostFree)
                free.Push(picked[i].Values);
        }
        return values.to(device);
    }

    public override void Expect(Tensor places)
    {
        var next = places.cpu().data<long>().ToArray();
        foreach (var stale in ahead.Keys.Except(next).ToList())
            ahead.Remove(stale);
        foreach (var place in next)
            if (!ahead.ContainsKey(place))
                ahead[place] = Begin(place);
    }

    Picked Begin(long place)
    {
        var values = free.TryPop(out var unused) ? unused : new byte[numbers];
        return new(values, Task.Run(() => Decode(pictures, (int)place, fit, values)));
    }

    /// <summary>Decodes one picture.</summary>
    /// <returns>Whether it is a JPEG file.</returns>
    internal static bool Decode(Pictures pictures, int place, Fit fit, byte[] into) =>
        pictures.With(
            place,
            bytes =>
            {
                Picture.Decode(pictures.Where(place), bytes, fit, into);
                return Picture.IsJpeg(bytes.Span);
            }
        );
}
