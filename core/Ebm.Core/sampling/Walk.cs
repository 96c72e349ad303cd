namespace Ebm.Core;

/// <summary>
/// The walk of a method's chains, in training and in generation: Langevin steps under one energy. Papers choose the energy, the temperature,
/// whether moves are Metropolis-adjusted, where chains begin and how far they step.
/// </summary>
/// <param name="Target">Chains follow exp(−Target/T).</param>
/// <param name="Temperature">T.</param>
/// <param name="Adjusted">Metropolis-adjusted moves; false is faster and biased by the step.</param>
/// <param name="Range">Chains are kept in the cube [−range, range]; null, they go everywhere.</param>
public sealed record Walk(Energy Target, double Temperature, bool Adjusted, double? Range = null)
{
    /// <summary>Walks every chain of a batch, cut from every graph.</summary>
    /// <param name="start">(B, …).</param>
    /// <param name="step">ε of Langevin, (1) or one per chain, (B).</param>
    /// <param name="count">Langevin steps, at least 0.</param>
    public Walked From(Tensor start, Tensor step, int count, Rng rng)
    {
        var proposal = new Langevin(step, Temperature);
        IKernel kernel = Adjusted ? new Metropolis(proposal) : new Unadjusted(proposal);
        if (Range is { } bound)
            kernel = new Within(kernel, bound);
        var accepted = zeros_like(start.Flat()[.., 0]);
        var ends = kernel.Run(Target, start, count, rng, (_, _, taken) => accepted.add_(taken));
        return new(ends, accepted / Math.Max(1, count));
    }

    /// <summary>The same with the step size of each chain's level, (B) int64; the sizes may learn from what was accepted.</summary>
    public Walked From(Tensor start, Tensor level, StepSizes steps, int count, Rng rng, bool learn = false)
    {
        var walked = From(start, steps.For(level), count, rng);
        if (learn)
            steps.Learn(level, walked.Accepted);
        return walked;
    }

    /// <summary>Metropolis proposals x + length · ξ instead: they change mode in few dimensions, and are nearly all refused in many.</summary>
    /// <param name="length">(1) or one per chain, (B).</param>
    public Tensor Leap(Tensor start, Tensor length, int count, Rng rng) =>
        new Metropolis(new RandomWalk(length, Temperature)).Run(Target, start, count, rng);
}

/// <summary>Where a walk ended, and how it went.</summary>
/// <param name="X">Where the chains ended: (B, …).</param>
/// <param name="Accepted">Mean acceptance of each chain, (B), in [0, 1].</param>
public sealed record Walked(Tensor X, Tensor Accepted)
{
    /// <summary>The root mean square distance of the ends from where the chains began, before any leaps: a scalar.</summary>
    public Tensor Displacement(Tensor begun) => (X - begun).square().SumPerRow().mean().sqrt();

    /// <summary>What training records of a walk: "displacement"; "accepted"; and "step", of each level.</summary>
    /// <param name="steps">The step sizes that the chains had.</param>
    /// <param name="begun">Where the chains began: (B, …); null, and there is no displacement.</param>
    /// <param name="level">Of each chain, (B) int64, where acceptance is a mean by level; null where it is one of all chains.</param>
    public (string Name, Tensor Value)[] Watched(StepSizes steps, Tensor? begun = null, Tensor? level = null)
    {
        var all = steps.All;
        (string, Tensor) accepted = ("accepted", level is null ? Accepted.mean() : Accepted.MeanByLevel(level, (int)all.shape[0]));
        return begun is null ? [accepted, ("step", all)] : [("displacement", Displacement(begun)), accepted, ("step", all)];
    }
}
