using Ebm.Core;

namespace Ebm.Methods;

/// <summary>
/// Where chains start: at the noisier row x_{t+1} in training and generation, as in the paper; or (our completion) at y_t itself in training and at
/// a_{t+1}² x_{t+1} in generation, the mean of y_t if x_t were N(0, I); with exploding variance, a = 1 and this is x_{t+1} too.
/// </summary>
public enum From
{
    Above,
    Data,
}

/// <summary>
/// Where generation starts: the top level's N(signal μ, signal² Σ + noise² I) with the moments of the data (our completion), or N(0, I).
/// </summary>
public enum Top
{
    Moments,
    Standard,
}

/// <summary>
/// Diffusion recovery likelihood: rungs x_{t+1} = a_{t+1} x_t + σ_{t+1} ξ lead from data to noise. Each has an energy of y_t = a_{t+1} x_t, trained
/// by how well it recovers y_t from x_{t+1}:
/// <code>p(y_t | x_{t+1}) ∝ exp(−E(y_t, t) − |x_{t+1} − y_t|² / 2σ_{t+1}²)</code>
/// The tether makes that density nearly Gaussian and easy to sample, and E(·, t) is still the energy of the marginal of y_t: the tether has no
/// parameters, so the gradient of −log p(y_t | x_{t+1}) is that of E⁺ − E⁻ with negatives from the tethered chain. Generation recovers rows rung by
/// rung from the top.
/// Source: Gao, Song, Poole, Wu and Kingma, "Learning energy-based models by diffusion recovery likelihood" (ICLR 2021), with the
/// constants of their code (T = 6) in the preset paper-code. Our defaults suit few dimensions: raw energies, adjusted moves with adapted step
/// sizes, chains that start at data. (The paper's chains relax the tether by only .3 to 25 %, so they train a short-run sampler.)
/// </summary>
public sealed class RecoveryLikelihood : Method, ILadder, IChains
{
    readonly RecoveryLikelihoodSpec settings;
    readonly RecoveryTables tables;
    readonly LevelNet energy;
    readonly StepSizes steps;
    readonly RunningGaussian? moments;
    readonly CooperativeInitialiser? initialiser;
    readonly Energy? confinement;

    public RecoveryLikelihood(RecoveryLikelihoodSpec settings, Site site)
        : base("recovery-likelihood", site.Shape)
    {
        this.settings = settings;
        tables = new RecoveryTables(
            settings.Noise.Build(site),
            settings.Step,
            settings.StepUnit,
            settings.EnergyScale,
            settings.LossWeight,
            settings.LastRung
        );
        energy = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, tables.Below);
        steps = new StepSizes(tables.StepSquared / 2, settings.Acceptance, settings.Adjusted && settings.Adapt ? .1 : 0);
        moments = settings.Top == Methods.Top.Moments ? new RunningGaussian(site.Shape.Size(), site.Device) : null;
        initialiser = settings.Initialiser is { } spec ? new(spec, tables, site.Rng.Stream("initialiser"), site.Shape) : null;
        confinement = settings.Confinement is { } width ? Energy.Confinement(width) : null;
        Keep(("ladder", tables), ("energy", energy), ("steps", steps), ("moments", moments), ("initialiser", initialiser));
        var parts = new Dictionary<string, nn.Module> { ["energy"] = energy };
        if (initialiser is not null)
            parts["initialiser"] = initialiser;
        Parts = parts;
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // For each row, y_t at a uniform rung and x_{t+1} above it.
        var batch = data.Next();
        moments?.Learn(batch);
        var t = rng.Integers(tables.Energies, batch.shape[0]);
        var (y, above) = tables.Pair(batch, t, settings.Coupled, rng);
        if (settings.Steps == 0)
        {
            yield return Denoising(y, above, t);
            yield break;
        }

        // Negative phase: the tethered chain under the energy at each row's rung.
        var begun = settings.From == From.Data && initialiser is null ? y : Begin(above, t, rng);
        var walked = Recover(begun, above, t, settings.Steps, 1, rng, learn: true);

        var (positive, negative) = (energy.At(y, t), energy.At(walked.X, t));
        var (weight, scale) = (tables.Weight[t], tables.LogDensityScale[t]);
        var loss = Objectives.Contrast(weight * positive, weight * negative);
        if (settings.Magnitude > 0)
            loss = loss + settings.Magnitude * Objectives.Magnitude(positive, negative);
        yield return new(
            "energy",
            loss,
            () =>
                [
                    ("gap", Objectives.Contrast(scale * positive, scale * negative)),
                    ("magnitude", (scale * positive).abs().mean()),
                    .. walked.Watched(steps, begun, t),
                ]
        )
        {
            Chains = negative,
        };

        // The proposal is trained towards the refined rows.
        if (initialiser is not null)
            yield return new("initialiser", (walked.X - begun).square().SumPerRow().mean());
    }

    /// <summary>
    /// Training without chains: for small σ, p(y_t | x_{t+1}) is N(x_{t+1} − σ² ∇E(x_{t+1}, t), σ² I), and its −log is denoising score matching
    /// weighted by σ²: |y − x + σ² ∇E(x)|² / 2σ².
    /// </summary>
    Update Denoising(Tensor y, Tensor above, Tensor t)
    {
        var sigma = tables.Sigma[t].PerRow(y);
        var misfit = (y - above - sigma.square() * At(t).Score(above)) / sigma;
        var squares = misfit.square().SumPerRow();
        return new("energy", squares.mean() / 2, () => [("misfit", squares.MeanByLevel(t, tables.Energies))]);
    }

    /// <summary>−log p(y_t) + const in nats, with one rung per row, including every scale.</summary>
    Energy At(Tensor t)
    {
        var scaled = tables.LogDensityScale[t] * energy.At(t);
        return confinement is null ? scaled : scaled + confinement;
    }

    /// <summary>The start of a chain, given only x_{t+1}: (B, …), (B) int64 → (B, …).</summary>
    Tensor Begin(Tensor above, Tensor t, Rng rng) =>
        initialiser?.Propose(above, t, rng) ?? (settings.From == From.Above ? above : tables.A[t].square().PerRow(above) * above);

    /// <summary>y_t given x_{t+1}: the conditional chain, Langevin on E(·, t) and the tether, ε_t = δ_t²/2.</summary>
    /// <param name="begun">The starts of the chains: (B, …).</param>
    /// <param name="above">x_{t+1}: (B, …).</param>
    /// <param name="t">Each chain's rung: (B) int64.</param>
    /// <param name="learn">Whether the step sizes adapt to the acceptance.</param>
    public Walked Recover(Tensor begun, Tensor above, Tensor t, int count, double temperature, Rng rng, bool learn = false)
    {
        var tethered = At(t) + Energy.Tether(above, ones_like(tables.Tether[t]), tables.Tether[t]);
        return new Walk(tethered, temperature, settings.Adjusted).From(begun, t, steps, count, rng, learn);
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    /// <summary>From the top down to level 0: x_t = y_t / a, with y_t recovered from x_{t+1}; then, if set, the estimate of the clean row.</summary>
    public Tensor Run(long count, int times, Rng rng)
    {
        var x = Descent.Run(
            tables.Energies - 1,
            Above(count, rng),
            (level, above) =>
            {
                var t = above.AllAt(level);
                var y = Recover(Begin(above, t, rng), above, t, times * settings.SampleSteps, settings.Temperature, rng).X;
                return y / tables.A[t].PerRow(above);
            }
        );
        return settings.Denoise ? Noise.Clean(x, Density) : x;
    }

    /// <summary>Rows of the top level: (count, …).</summary>
    Tensor Above(long count, Rng rng)
    {
        var xi = rng.Normal(Shape.Rows(count));
        return moments?.Push(xi, Noise.Signal[-1], Noise.Noise[-1]) ?? xi;
    }

    /// <summary>−log p(x₀) + const: level 0 is the data with noise₀ added.</summary>
    public Energy Density => new(x => At(x.AllAt(0)).Of(tables.A[0] * x));
    public ILevelEnergy Levels => new RecoveryLadder(tables, At, Top);
    public NoiseSchedule Noise => tables.Noise;

    /// <summary>The Gaussian where generation starts.</summary>
    public Energy Top => moments?.Energy(Noise.Signal[-1], Noise.Noise[-1]) ?? Energy.Gaussian(sd: 1, Shape.Size());

    /// <summary>Generation at temperature 1, followed at each rung by as many untethered steps, so that rows follow the rung's own
    /// energy.</summary>
    public IReadOnlyList<Tensor> Visit(long count, Rng rng)
    {
        Tensor Down(int level, Tensor above)
        {
            var t = above.AllAt(level);
            var y = Recover(Begin(above, t, rng), above, t, settings.SampleSteps, 1, rng).X;
            var free = new Walk(At(t), Temperature: 1, settings.Adjusted).From(y, t, steps, settings.SampleSteps, rng).X;
            return free / tables.A[t].PerRow(above);
        }
        return Descent.Visit(Noise.Levels, tables.Energies - 1, Above(count, rng), Down);
    }
}

/// <summary>Diffusion recovery likelihood.</summary>
/// <param name="Steps">Langevin steps per recovery in training; 0: its Gaussian limit for small σ instead, denoising score matching.</param>
/// <param name="SampleSteps">Langevin steps per recovery in generation.</param>
/// <param name="From">Where chains start, unless an initialiser proposes the start.</param>
/// <param name="Initialiser">A network that proposes the starts of chains; null: none.</param>
/// <param name="Coupled">The same noise makes both rows of a pair; only for chains that do not start at data.</param>
/// <param name="Adjusted">Metropolis-adjusted moves; false, as in the paper, is faster, but biased by the step size.</param>
/// <param name="Step">Initial ε_t = δ_t²/2, in units of step-unit: the papers' b²/2.</param>
/// <param name="StepUnit">The unit of step sizes.</param>
/// <param name="Adapt">Adapt each rung's step size of adjusted moves to its acceptance.</param>
/// <param name="Acceptance">Target acceptance of the adaptation. Chains from above need .85: with larger steps some never move, and energies
/// diverge.</param>
/// <param name="EnergyScale">Whether the network's output is the energy or the energy times δ_t².</param>
/// <param name="LossWeight">Weight of each rung's contrast.</param>
/// <param name="LastRung">Whether the last energy is tethered.</param>
/// <param name="Top">Where generation starts.</param>
/// <param name="Temperature">Temperature of generation: 1 samples the density. A noise scale of .99 in code is a temperature of .9801.</param>
/// <param name="Denoise">Replace generated rows, which have the noise of level 0, by Tweedie's estimate of the clean row.</param>
/// <param name="Magnitude">Weight of E⁺² + E⁻² of the network's outputs, which penalises a common drift of all energies.</param>
/// <param name="Confinement">Width w of the weak |y|²/2w² that makes every rung's normaliser finite; null: none.</param>
[Kind("recovery-likelihood")]
public sealed record RecoveryLikelihoodSpec(
    ILevelEnergySpec Energy,
    ISpec<NoiseSchedule> Noise,
    int Steps = 6,
    [AfterTraining] int SampleSteps = 20,
    From From = From.Data,
    CooperativeInitialiserSpec? Initialiser = null,
    bool Coupled = false,
    bool Adjusted = true,
    double Step = .1,
    StepUnit StepUnit = StepUnit.Recovery,
    bool Adapt = true,
    double Acceptance = .6,
    EnergyScale EnergyScale = EnergyScale.Raw,
    LossWeight LossWeight = LossWeight.One,
    LastRung LastRung = LastRung.Tethered,
    Top Top = Top.Moments,
    [AfterTraining] double Temperature = 1,
    [OldRunsHad(false), AfterTraining] bool Denoise = false,
    double Magnitude = 0,
    double? Confinement = 10
) : ISpec<Method>
{
    public ISpec<NoiseSchedule> Noise { get; } =
        StepUnit == StepUnit.Recovery ? Noise : IMayBeClean.Refuse(Noise, "this step-unit is the noise of the rung's lower level");
    public int Steps { get; } =
        Require.That(
            Require.Moves(Steps, least: 0),
            Steps > 0 || (LastRung == LastRung.Tethered && Initialiser is null),
            "0 replaces all chains by a tethered Gaussian, which needs last-rung: tethered and no initialiser",
            nameof(Steps)
        );
    public int SampleSteps { get; } = Require.Moves(SampleSteps);
    public bool Coupled { get; } =
        Require.That(
            Coupled,
            !Coupled || ((From == From.Above || Initialiser is not null) && Steps > 0),
            "is only for chains that start at x_{t+1}: started at a y_t with the same noise, they would not be draws given x_{t+1}"
        );
    public double Step { get; } = Require.Positive(Step);
    public double Acceptance { get; } = Require.Between(.01, .99, Acceptance);
    public double Temperature { get; } = Require.Positive(Temperature);
    public double Magnitude { get; } = Require.NonNegative(Magnitude);
    public double? Confinement { get; } = Require.Positive(Confinement);

    public Method Build(Site site) => new RecoveryLikelihood(this, site);
}
