namespace Ebm.Methods;

/// <summary>Where the negative chains of a step begin.</summary>
public enum Start
{
    Data,
    Persistent,
    Hybrid,
    Noise,
}

static class Starts
{
    /// <summary>The shares of the chains that begin at data and anew at noise; the rest goes on where it was.</summary>
    /// <param name="persistent">The share of a persistent start that begins anew; <c>data</c> and <c>noise</c> are those of a hybrid one.</param>
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
