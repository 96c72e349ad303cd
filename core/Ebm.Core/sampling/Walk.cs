namespace Ebm.Core;

/// <summary>
/// Langevin steps of a method's chains under one energy, in training and in generation. Papers differ in the energy, the temperature, the
/// Metropolis adjustment, the start and the step sizes.
/// </summary>
/// <param name="Target">Chains sample exp(−Target/T).</param>
/// <param name="Temperature">T.</param>
/// <param name="Adjusted">Metropolis-adjusted moves; false is faster, but biased by the step size.</param>
/// <param name="Range">Chains are clamped to the cube [−range, range]; null: not clamped.</param>
public sealed record Walk(Energy Target, double Temperature, bool Adjusted, double? Range = null)
{
    /// <summary>Runs all chains of a batch, detached from every graph.</summary>
    /// <param name="start">(B, …).</param>
    /// <param name="step">ε of Langevin, (1) or one per chain, (B).</param>
    /// <param name="count">Langevin steps, at least 0.</param>
    public Walked From(Tensor start, Tensor step, int count, Rng rng)
    {
        var proposal = new Langevin(step, Temperature);
        IKernel kernel = Adjusted ? new Metropolis(proposal) : new Unadjusted(proposal);
        if (Range is { } bound)
            kernel = new Within(kernel, bound);
        var (ends, accepted) = kernel.RunAccepting(Target, start, count, rng);
        return new(ends, accepted);
    }

    /// <summary>The same with the step size of each chain's level, (B) int64; if learn is set, the sizes adapt to the acceptance.</summary>
    public Walked From(Tensor start, Tensor level, StepSizes steps, int count, Rng rng, bool learn = false)
    {
        var walked = From(start, steps.For(level), count, rng);
        if (learn)
            steps.Learn(level, walked.Accepted);
        return walked;
    }

    /// <summary>Metropolis with proposals x + length · ξ: they can change modes in few dimensions, and are nearly all rejected in many.</summary>
    /// <param name="length">(1) or one per chain, (B).</param>
    public Tensor Leap(Tensor start, Tensor length, int count, Rng rng) =>
        new Metropolis(new RandomWalk(length, Temperature)).Run(Target, start, count, rng);
}

/// <summary>The result of a walk.</summary>
/// <param name="X">The final positions: (B, …).</param>
/// <param name="Accepted">Mean acceptance of each chain, (B), in [0, 1].</param>
public sealed record Walked(Tensor X, Tensor Accepted)
{
    /// <summary>The root mean square distance between the final positions and the starts before any leaps: a scalar.</summary>
    public Tensor Displacement(Tensor begun) => (X - begun).square().SumPerRow().mean().sqrt();

    /// <summary>The values that training records of a walk: "displacement", "accepted", and "step" of each level.</summary>
    /// <param name="steps">The step sizes used.</param>
    /// <param name="begun">The starts of the chains: (B, …); null: displacement is not recorded.</param>
    /// <param name="level">Each chain's level, (B) int64, to record the mean acceptance per level; null: the mean over all chains.</param>
    public (string Name, Tensor Value)[] Watched(StepSizes steps, Tensor? begun = null, Tensor? level = null)
    {
        var all = steps.All;
        (string, Tensor) accepted = ("accepted", level is null ? Accepted.mean() : Accepted.MeanByLevel(level, (int)all.shape[0]));
        return begun is null ? [accepted, ("step", all)] : [("displacement", Displacement(begun)), accepted, ("step", all)];
    }
}
