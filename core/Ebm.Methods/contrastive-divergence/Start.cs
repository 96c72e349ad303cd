namespace Ebm.Methods;

/// <summary>Where the negative chains of a step start.</summary>
public enum Start
{
    Data,
    Persistent,
    Hybrid,
    Noise,
}

static class Starts
{
    /// <summary>The shares of the chains that start at data and at new noise; the others continue.</summary>
    /// <param name="persistent">The share of a persistent start that restarts; <c>data</c> and <c>noise</c> are the shares of a hybrid
    /// start.</param>
    public static (double Data, double Noise) Shares(this Start start, double data, double noise, double persistent) =>
        start switch
        {
            Start.Data => (1, 0),
            Start.Noise => (0, 1),
            Start.Persistent => (0, persistent),
            Start.Hybrid => (data, noise),
            _ => throw new ArgumentOutOfRangeException(nameof(start), start, "not a valid start"),
        };
}
