namespace Ebm.Core;

/// <summary>
/// The walk of a method's chains: Langevin steps under one energy, in training and in generation. All methods take the same walk; what their papers
/// choose are the energy, the start, the steps, the temperature and whether moves are Metropolis-adjusted.
/// </summary>
public static class Walk
{
    /// <summary>Walks every chain of a batch, cut from every graph.</summary>
    /// <param name="target">The chains follow exp(−target/T).</param>
    /// <param name="start">Where the chains begin: (B, …).</param>
    /// <param name="step">ε of Langevin, (1) or one per chain, (B).</param>
    /// <param name="count">Langevin steps, at least 0.</param>
    /// <param name="temperature">T.</param>
    /// <param name="adjusted">Metropolis-adjusted moves; false is faster and biased by the step.</param>
    /// <param name="range">Chains are kept in the cube [−range, range]; null, they go everywhere.</param>
    public static Walked Run(
        Energy target,
        Tensor start,
        Tensor step,
        int count,
        double temperature,
        bool adjusted,
        Rng rng,
        double? range = null
    )
    {
        var proposal = new Langevin(step, temperature);
        IKernel kernel = adjusted ? new Metropolis(proposal) : new Unadjusted(proposal);
        if (range is { } bound)
            kernel = new Within(kernel, bound);
        var accepted = zeros_like(start.Flat()[.., 0]);
        var ends = kernel.Run(target, start, count, rng, (_, _, taken) => accepted.add_(taken));
        return new(ends, accepted / Math.Max(1, count));
    }

    /// <summary>The same with the step size of each chain's level.</summary>
    /// <param name="level">(B) int64.</param>
    /// <param name="learn">Whether the step sizes learn from what was accepted.</param>
    public static Walked Run(
        this StepSizes steps,
        Energy target,
        Tensor start,
        Tensor level,
        int count,
        double temperature,
        bool adjusted,
        Rng rng,
        bool learn = false,
        double? range = null
    )
    {
        var walked = Run(target, start, steps.For(level), count, temperature, adjusted, rng, range);
        if (learn)
            steps.Learn(level, walked.Accepted);
        return walked;
    }

    /// <summary>Metropolis proposals x + length · ξ: they change mode in few dimensions, and are nearly all refused in many.</summary>
    /// <param name="length">(1) or one per chain, (B).</param>
    /// <returns>Where the chains are then: (B, …).</returns>
    public static Tensor Leap(Energy target, Tensor start, Tensor length, int count, double temperature, Rng rng) =>
        new Metropolis(new RandomWalk(length, temperature)).Run(target, start, count, rng);
}

/// <summary>Where a walk ended, and how it went.</summary>
/// <param name="X">Where the chains ended: (B, …).</param>
/// <param name="Accepted">Mean acceptance of each chain, (B), in [0, 1].</param>
public sealed record Walked(Tensor X, Tensor Accepted)
{
    /// <summary>
    /// What training records of a walk: "displacement", the root mean square distance of the ends from <paramref name="begun"/>; "accepted";
    /// and "step", of each level.
    /// </summary>
    /// <param name="steps">The step sizes that the chains had.</param>
    /// <param name="begun">Where the chains began, before any leaps: (B, …); null, and there is no displacement.</param>
    /// <param name="level">Of each chain, (B) int64, where acceptance is a mean by level; null where it is one of all chains.</param>
    public (string Name, Tensor Value)[] Watched(StepSizes steps, Tensor? begun = null, Tensor? level = null)
    {
        var all = steps.All;
        (string, Tensor) accepted = ("accepted", level is null ? Accepted.mean() : Accepted.MeanByLevel(level, (int)all.shape[0]));
        return begun is null ? [accepted, ("step", all)] : [("displacement", Displacement(begun)), accepted, ("step", all)];
    }

    /// <summary>The root mean square distance of the ends from where the chains began: a scalar.</summary>
    public Tensor Displacement(Tensor begun) => (X - begun).square().SumPerRow().mean().sqrt();
}
