namespace Ebm.Core;

/// <summary>The learning rate during training, as a factor of its largest value. The optimizer's warm-up is a separate factor.</summary>
public interface ILearningRate
{
    /// <param name="step">0 … steps−1.</param>
    /// <returns>In [0, 1].</returns>
    double At(long step, long steps);
}

[Kind("constant")]
public sealed record Constant : ILearningRate
{
    public double At(long step, long steps) => 1;
}

/// <summary>Constant, then linearly decreasing.</summary>
/// <param name="From">Share of training after which the rate decreases.</param>
/// <param name="To">Factor at the end.</param>
[Kind("linear")]
public sealed record Linear(double From = .5, double To = .02) : ILearningRate
{
    public double From { get; } = Require.Between(0, 1, From);
    public double To { get; } = Require.Between(0, 1, To);

    public double At(long step, long steps)
    {
        var start = From * steps;
        return step < start ? 1 : 1 + (To - 1) * (step - start) / Math.Max(1, steps - start);
    }
}

/// <summary>Half a cosine, from 1 down to the final factor.</summary>
/// <param name="To">Factor at the end.</param>
[Kind("cosine")]
public sealed record Cosine(double To = 0) : ILearningRate
{
    public double To { get; } = Require.Between(0, 1, To);

    public double At(long step, long steps) => To + (1 - To) * (1 + Math.Cos(Math.PI * step / steps)) / 2;
}

/// <summary>Multiplies the rate by a factor at each of several points of training.</summary>
/// <param name="At">Shares of training, each in (0, 1), increasing.</param>
/// <param name="Factor">What the rate is multiplied by at each.</param>
[Kind("steps")]
public sealed record Steps(double[] At, double Factor = .1) : ILearningRate
{
    public double[] At { get; } =
        Require.That(
            At,
            At.All(s => s > 0 && s < 1) && At.Zip(At.Skip(1), (a, b) => a < b).All(x => x),
            "must be increasing shares of training between 0 and 1"
        );
    public double Factor { get; } = Require.Positive(Factor);

    double ILearningRate.At(long step, long steps) => Math.Pow(Factor, At.Count(share => step >= share * steps));
}
