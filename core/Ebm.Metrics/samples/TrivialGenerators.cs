namespace Ebm.Metrics;

/// <summary>
/// Generators that learn next to nothing, and the floor: what a distance of samples from real rows has beside it, so that its value says something. The
/// generators are training rows with the most likely noise (<c>/parzen</c>), the Gaussian with the moments of training rows (<c>/gaussian</c>), and independent
/// Gaussian pixels (<c>/pixels</c>); the floor (<c>/floor</c>) is the same for real rows in place of samples.
/// </summary>
static class TrivialGenerators
{
    /// <summary>Rows of the three generators, each (count, …Shape).</summary>
    public static Tensor[] Draw(IDataset data, long count, Rng rng) =>
        [
            Parzen.To(data, rng.Stream("width")).Draw(count, rng.Stream("parzen")),
            MatchedGaussian.Draw(data, count, rng.Stream("gaussian")).reshape(data.Shape.Rows(count)),
            PixelGaussian.To(data).Draw(count, rng.Stream("pixels")),
        ];

    // ── the quantities beside a distance, at the next places in tables ────────────────────────

    public static Quantity OfParzen(this Quantity distance) =>
        Beside(distance, "parzen", Secondary, "the same for training rows with the most likely noise", 1);

    public static Quantity OfGaussian(this Quantity distance) =>
        Beside(distance, "gaussian", Secondary, "the same for the moment-matched Gaussian, all principal components", 2);

    public static Quantity OfPixels(this Quantity distance) =>
        Beside(distance, "pixels", Secondary, "the same for independent Gaussian pixels", 3);

    /// <param name="places">Places after that of the value: 4 behind the generators, 1 without them.</param>
    public static Quantity Floor(this Quantity value, int places = 4) =>
        Beside(value, "floor", Diagnostic, "the same for other test rows", places);

    static Quantity Beside(Quantity value, string name, Importance importance, string doc, int places) =>
        value with
        {
            Name = $"{value.Name}/{name}",
            Better = None,
            Importance = importance,
            Doc = doc,
            Order = value.Order + places,
            ComparedWith = null,
        };
}
