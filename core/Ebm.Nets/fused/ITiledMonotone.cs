namespace Ebm.Nets;

/// <summary>An increasing function that kernels compute on tiles: <see cref="IMonotone.Map"/> in plain memory, and the transposes of its
/// derivatives.</summary>
unsafe interface ITiledMonotone : IMonotone
{
    /// <summary>Floats per number and lane that <see cref="Map"/> keeps for <see cref="Back"/>.</summary>
    int Kept { get; }

    /// <summary>x ← f(x; θ) or f⁻¹(x; θ), and its log slopes added to logSlope.</summary>
    /// <param name="x">numbers · 32 floats.</param>
    /// <param name="parameters">numbers · Parameters · 32 floats; overwritten.</param>
    /// <param name="logSlope">32 floats.</param>
    /// <param name="kept">numbers · Kept · 32 floats; null if <see cref="Back"/> will not follow.</param>
    void Map<T>(float* x, int numbers, float* parameters, bool inverted, float* logSlope, float* kept)
        where T : unmanaged, IVector<T>;

    /// <summary>The gradient of an objective in x and θ from its gradients in y, which x's replaces, and in the log slope.</summary>
    /// <param name="slope">In y, then in x: numbers · 32 floats.</param>
    /// <param name="parameters">As Map left them; then the gradient in θ.</param>
    /// <param name="weight">In the log slope: 32 floats.</param>
    void Back<T>(float* slope, int numbers, float* parameters, bool inverted, float* weight, float* kept)
        where T : unmanaged, IVector<T>;
}
