using Ebm.Core;

namespace Ebm.Methods;

/// <summary>The stages of generation: codes by chain, decoded, then pixels by chain; or only a part of them, for comparison.</summary>
public enum Stages
{
    TwoStage,
    PixelOnly,
    DecoderOnly,
    WithoutLatentChain,
}

/// <summary>
/// Denoising-EBM: the reconstruction error of a denoising autoencoder r, trained as an energy. With x̃ = x + ε, ε ~ N(0, σ² I),
///   texture   U^c(x, σ) = |x − r(x̃, σ)|² / 2σ²   (eq. 7),     semantic   U^s(z, σ) = U^c(h(z), σ)   (eq. 8),
/// where h decodes the codes z = f(x̃, σ) of r's encoder. φ, the weights of the autoencoder, are trained by reconstruction and by the likelihood of
/// the texture energy; γ, those of h, by reconstruction of x from z and by the likelihood of the semantic energy. Negatives come from two chains:
/// codes from N(0, I) under U^s, then, from their decoded rows, rows under U^c (Algorithm 1).
/// Source: Zeng, "How to construct energy for images? Denoising autoencoder can be energy based model" (2023), without public code. It does not
/// give widths, σ inside the chains and at test, batch and weights. Ours: the sigma-scaled step (the printed one diverges if η ≥ 2σ²), adjusted
/// chains, standardised codes, one fixed σ for energy and density, fewer reconstruction than contrast updates after a warm-up, other starts of row
/// chains, and leaps. The reconstruction error alone does not define a density: see the laws.
/// </summary>
public sealed class DenoisingEbm : Method, IDensity, IChains
{
    readonly DenoisingEbmSpec settings;
    readonly NoiseSchedule noise;
    readonly Autoencoder autoencoder;
    readonly nn.Module<Tensor, Tensor> decoder;
    readonly CodeScale scale;
    readonly Tensor sigmas,
        age;
    readonly StepSizes codeSteps,
        rowSteps;
    readonly int[] descent;
    readonly Memory chains;
    readonly Energy confinement,
        prior;

    public DenoisingEbm(DenoisingEbmSpec settings, Site site)
        : base("denoising-ebm", site.Shape)
    {
        this.settings = settings;
        noise = settings.Noise.Build(site);
        autoencoder = settings.Autoencoder.Build(site.Rng.Stream("autoencoder"), site.Shape, settings.Codes);
        decoder = settings.Decoder.Build(site.Rng.Stream("decoder"), [settings.Codes], site.Shape);
        scale = new CodeScale(settings.Codes, site.Device);
        // The schedule's levels, then the fixed σ.
        sigmas = cat([noise.Noise, full([1], settings.Sigma, dtype: noise.Noise.dtype, device: site.Device)]);
        // On the host, because training reads it at each step.
        age = zeros(1, dtype: int64);
        Error = new ReconstructionError(autoencoder, decoder, sigmas, settings.EnergyNoise, site.Shape);
        StepSizes Steps(double eta, bool adjusted) =>
            new(settings.StepRule.Steps(sigmas, eta, settings.Kappa), settings.Acceptance, adjusted ? .1 : 0);
        (codeSteps, rowSteps) = (Steps(settings.CodeStep, AdjustedCodes), Steps(settings.RowStep, settings.Adjusted));
        descent = [noise.Levels, .. settings.Annealed ? Below(settings.Sigma) : []];
        chains = new Memory(
            settings.Width * site.Rng.Stream("chains").Normal(site.Shape.Rows(settings.Memory)),
            full([settings.Memory], noise.Levels, dtype: int64, device: site.Device)
        );
        confinement = Energy.Confinement(settings.Confinement);
        prior = Energy.Confinement(settings.CodeConfinement ?? settings.Confinement);
        register_buffer("age", age);
        Keep(("autoencoder", autoencoder), ("decoder", decoder), ("scale", scale));
        Keep(("code_steps", codeSteps), ("row_steps", rowSteps), ("chains", chains));
        // Four optimizers for two sets of weights, because gradients of reconstruction and of contrast differ in scale.
        Parts = new Dictionary<string, nn.Module>
        {
            ["denoise"] = autoencoder,
            ["decode"] = decoder,
            ["semantic"] = decoder,
            ["texture"] = autoencoder,
        };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    /// <summary>The energies at each level of the schedule and, as an additional last level, at the fixed σ.</summary>
    public ReconstructionError Error { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        var warm = data.Progress < settings.WarmUp;
        age.add_(1);

        // Reconstruction: L rounds, φ by eq. 1 and γ by eq. 13.
        var rounds = warm || age.item<long>() % settings.Every == 0 ? settings.Rounds : 0;
        for (var round = 0; round < rounds; round++)
        {
            var clean = data.Next();
            var at = rng.Integers(noise.Levels, clean.shape[0]);
            var noisy = noise.Diffuse(clean, at, rng);
            var misfit = (autoencoder.Restore(noisy, sigmas[at]) - clean).square().SumPerRow();
            yield return new(
                "denoise",
                (settings.Weighted ? misfit / (2 * sigmas[at].square()) : misfit).mean(),
                () => [("misfit", (misfit / (2 * sigmas[at].square())).mean())]
            );
            var z = Encode(noisy, sigmas[at], learn: true);
            yield return new("decode", (decoder.call(z) - clean).square().SumPerRow().mean());
        }
        if (warm)
            yield break;

        // Positive phase: data and their codes, each row at its σ.
        var batch = data.Next();
        var count = batch.shape[0];
        var level = settings.SigmaPerRow ? rng.Integers(noise.Levels, count) : batch.AllAt(noise.Levels);
        var positiveRows = settings.NoisyData ? batch + sigmas[level].PerRow(batch) * rng.NormalLike(batch) : batch;
        var decoded = (long)Math.Round(settings.FromDecoder * count);

        // Negative phase, first half: codes from N(0, I) under the semantic energy.
        var imagined = batch.narrow(0, 0, 0);
        if (decoded > 0)
        {
            var own = level.narrow(0, 0, decoded);
            var rows = batch.narrow(0, 0, decoded);
            var codes = Encode(rows + sigmas[own].PerRow(rows) * rng.NormalLike(rows), sigmas[own]);
            var start = rng.Normal(decoded, settings.Codes);
            var ofCodes = MoveCodes(start, own, settings.CodeMoves, rng, learn: true);
            imagined = Decode(ofCodes.X);
            var real = Error.Semantic(own, rng).Of(codes);
            var dreamt = Error.Semantic(own, rng).Of(ofCodes.X);
            yield return new(
                "semantic",
                Objectives.Contrast(real, dreamt) + settings.Magnitude * Objectives.Magnitude(real, dreamt),
                () => [("gap", Objectives.Contrast(real, dreamt)), .. ofCodes.Watched(codeSteps), ("mismatch", CodeScale.Mismatch(codes))]
            )
            {
                Chains = dreamt,
            };
        }

        // Second half: rows under the texture energy, from the decoded codes and the other starts.
        var (begun, slots) = Begin(positiveRows, imagined, rng);
        var leapt = Leap(begun, level, rng);
        var ofRows = MoveRows(leapt, level, settings.RowMoves, rng, learn: true);
        chains.Store(slots, ofRows.X, level);

        var positive = Error.Texture(level, rng).Of(positiveRows);
        var negative = Error.Texture(level, rng).Of(ofRows.X);
        yield return new(
            "texture",
            Objectives.Contrast(positive, negative) + settings.Magnitude * Objectives.Magnitude(positive, negative),
            () =>
                [
                    ("gap", Objectives.Contrast(positive, negative)),
                    .. ofRows.Watched(rowSteps),
                    ("magnitude", positive.abs().mean()),
                    ("displacement", ofRows.Displacement(begun)),
                ]
        )
        {
            Chains = negative,
        };
    }

    /// <summary>The levels of the schedule with less noise than this, from the largest.</summary>
    IEnumerable<int> Below(double sigma)
    {
        var values = noise.Noise.cpu().to(float64).data<double>().ToArray();
        return Enumerable.Range(0, values.Length).Where(level => values[level] < sigma).OrderByDescending(level => values[level]);
    }

    /// <summary>Standardised codes, detached from φ: (B, codes).</summary>
    Tensor Encode(Tensor noisy, Tensor sigma, bool learn = false)
    {
        using var free = no_grad();
        var codes = autoencoder.Encode(noisy, sigma);
        if (learn)
            scale.Learn(codes);
        return scale.Of(codes);
    }

    Tensor Decode(Tensor codes)
    {
        using var free = no_grad();
        return decoder.call(codes);
    }

    Tensor Restore(Tensor noisy, Tensor level)
    {
        using var free = no_grad();
        return autoencoder.Restore(noisy, sigmas[level]);
    }

    /// <summary>What chains of codes move under.</summary>
    Energy CodeEnergy(Tensor level, Rng rng) => Error.Semantic(level, rng) + prior;

    /// <summary>What chains of rows move under.</summary>
    Energy RowEnergy(Tensor level, Rng rng) => Error.Texture(level, rng) + confinement;

    Walked MoveCodes(Tensor start, Tensor level, int count, Rng rng, bool learn = false) =>
        new Walk(CodeEnergy(level, rng), Temperature: 1, AdjustedCodes).From(start, level, codeSteps, count, rng, learn);

    Walked MoveRows(Tensor start, Tensor level, int count, Rng rng, bool learn = false) =>
        WalkOfRows(level, rng).From(start, level, rowSteps, count, rng, learn);

    Walk WalkOfRows(Tensor level, Rng rng) => new(RowEnergy(level, rng), Temperature: 1, settings.Adjusted);

    bool AdjustedCodes => settings.AdjustedCodes ?? settings.Adjusted;

    /// <summary>Leaps; the length of each is the noise of a random level.</summary>
    Tensor Leap(Tensor start, Tensor level, Rng rng) =>
        WalkOfRows(level, rng).Leap(start, noise.Noise[rng.Integers(noise.Levels, start.shape[0])], settings.Leaps, rng);

    /// <summary>The starts of row chains: decoded codes, data, or memory, of which some restart; and the memory slots of the last rows.</summary>
    (Tensor X, Tensor Slots) Begin(Tensor batch, Tensor imagined, Rng rng)
    {
        var data = Math.Min((long)Math.Round(settings.FromData * batch.shape[0]), batch.shape[0] - imagined.shape[0]);
        var given = cat([imagined, batch.narrow(0, imagined.shape[0], data)]);
        Tensor Fresh(Tensor x) => settings.Width * rng.NormalLike(x);
        var (begun, _, slots) = chains.Begin(given, given.AllAt(0), batch.shape[0], settings.FromNoise, 1, Fresh, 0, rng);
        return (begun, slots);
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        var z = rng.Normal(count, settings.Codes);
        var level = z.AllAt(noise.Levels);
        if (settings.Stages is Stages.TwoStage or Stages.DecoderOnly)
            z = MoveCodes(z, level, times * settings.SampleCodeMoves, rng).X;
        if (settings.Stages == Stages.DecoderOnly)
            return Decode(z);
        var x = settings.Stages == Stages.PixelOnly ? settings.Width * rng.Normal(Shape.Rows(count)) : Decode(z);
        var moves = (int)Math.Ceiling((double)settings.SampleRowMoves / descent.Length);
        var rounds = settings.Leaps == 0 ? 1 : (int)Math.Ceiling((double)moves / settings.RowMoves);
        var walked = Chain.Repeat(
            descent.Length * times * rounds,
            x,
            (i, at) =>
            {
                var own = at.AllAt(descent[i / (times * rounds)]);
                var leapt = Leap(at, own, rng);
                return MoveRows(leapt, own, moves / rounds, rng).X;
            }
        );
        return settings.Denoise ? Restore(walked, walked.AllAt(descent[^1])) : walked;
    }

    /// <summary>−log p(x) + const: the texture energy at the fixed σ with ε = 0; chains with noise inside the energy sample it only
    /// approximately.</summary>
    public Energy Density => Error.Noiseless(noise.Levels) + confinement;
}

/// <summary>Denoising-EBM.</summary>
/// <param name="Autoencoder">r = g ∘ f, conditioned on σ.</param>
/// <param name="Decoder">h, from a code to a row.</param>
/// <param name="Noise">σ of the reconstruction.</param>
/// <param name="Codes">Numbers in a code.</param>
/// <param name="Sigma">The fixed σ of the energy, the density and generation.</param>
/// <param name="SigmaPerRow">Chains and contrasts at one σ per row, as in Algorithm 1; false: at the fixed σ.</param>
/// <param name="EnergyNoise">ε inside the energy; fresh noise is only for unadjusted chains.</param>
/// <param name="WarmUp">Share of training with reconstruction only.</param>
/// <param name="Rounds">L: consecutive reconstruction rounds.</param>
/// <param name="Every">Steps between two reconstructions after the warm-up.</param>
/// <param name="Weighted">Divide squared reconstruction errors by 2σ², so that all levels have equal weight; false is eq. 1.</param>
/// <param name="CodeMoves">K, Langevin steps on codes.</param>
/// <param name="RowMoves">T, Langevin steps on rows.</param>
/// <param name="Leaps">Metropolis proposals x + σξ, with σ of a random level, before the Langevin steps on rows; the paper has 0.</param>
/// <param name="CodeStep">η₁, on standardised codes.</param>
/// <param name="RowStep">η₂.</param>
/// <param name="Kappa">κ of the sigma-scaled step.</param>
/// <param name="Adjusted">Metropolis-adjusted moves with step sizes adapted in training; the paper has false.</param>
/// <param name="AdjustedCodes">The same of codes alone: a code has few numbers, so its chains can be adjusted where those of rows, of many numbers, would stand
/// still. Unadjusted chains diverge where the decoder is steep. Null: as Adjusted.</param>
/// <param name="Acceptance">Target acceptance of the adaptation.</param>
/// <param name="FromDecoder">Share of the row chains that start at decoded codes; the paper has 1.</param>
/// <param name="FromData">Share of the row chains that start at this step's data; the others continue.</param>
/// <param name="FromNoise">Share of the continuing chains that restart.</param>
/// <param name="Width">Standard deviation of the noise where chains restart.</param>
/// <param name="Memory">Number of persistent chains, at least a batch.</param>
/// <param name="Magnitude">Weight of U⁺² + U⁻².</param>
/// <param name="NoisyData">The contrast's data are x + σξ at each row's σ, as the chains' rows are; false, as in the paper: clean. In many dimensions a chain at
/// temperature 1 cannot reach the energies of clean rows, and the contrast never closes. The density is then that of noisy data.</param>
/// <param name="Denoise">The last step of generation is r(x).</param>
/// <param name="Annealed">Generation divides its row moves between the fixed σ and the schedule's levels below it; false: all at the fixed σ.</param>
/// <param name="Stages">The stages of generation.</param>
/// <param name="SampleCodeMoves">Langevin steps on codes in generation.</param>
/// <param name="SampleRowMoves">Langevin steps on rows in generation.</param>
/// <param name="Confinement">Width w of the weak |x|²/2w² that makes the normalisers of rows and codes finite.</param>
/// <param name="CodeConfinement">The same of codes alone: with 1, chains of codes have the density N(0, I) exp(−U^s), and stay among the standardised codes for
/// however long they run. Null: w.</param>
[Kind("denoising-ebm")]
public sealed record DenoisingEbmSpec(
    IAutoencoderSpec Autoencoder,
    INetSpec Decoder,
    ISpec<NoiseSchedule> Noise,
    int Codes = 2,
    double Sigma = .2,
    bool SigmaPerRow = false,
    EnergyNoise EnergyNoise = EnergyNoise.None,
    double WarmUp = .04,
    int Rounds = 1,
    int Every = 4,
    bool Weighted = true,
    int CodeMoves = 3,
    int RowMoves = 4,
    int Leaps = 2,
    double CodeStep = .1,
    double RowStep = .02,
    StepRule StepRule = StepRule.SigmaScaled,
    double Kappa = .5,
    bool Adjusted = true,
    double Acceptance = .6,
    double FromDecoder = .1,
    double FromData = .3,
    double FromNoise = .01,
    double Width = 1.5,
    int Memory = 10_000,
    double Magnitude = 1e-2,
    [OldRunsHad(false)] bool NoisyData = false,
    [OldRunsHad(false), AfterTraining] bool Denoise = false,
    [OldRunsHad(false), AfterTraining] bool Annealed = false,
    [AfterTraining] Stages Stages = Stages.TwoStage,
    [AfterTraining] int SampleCodeMoves = 35,
    [AfterTraining] int SampleRowMoves = 100,
    double Confinement = 10,
    [OldRunsHad(null)] double? CodeConfinement = null,
    [OldRunsHad(null)] bool? AdjustedCodes = null
) : ISpec<Method>
{
    public ISpec<NoiseSchedule> Noise { get; } = IMayBeClean.Refuse(Noise, "the energy is divided by 2σ²");
    public int Codes { get; } = Require.Units(Codes);
    public double Sigma { get; } = Require.Positive(Sigma);
    public double WarmUp { get; } = Require.Between(0, 1, WarmUp);
    public int Rounds { get; } = Require.Updates(Rounds);
    public int Every { get; } = Require.AtLeast(1, Every);
    public int CodeMoves { get; } = Require.Moves(CodeMoves, least: 0);
    public int RowMoves { get; } = Require.Moves(RowMoves);
    public int Leaps { get; } =
        Require.That(
            Require.Moves(Leaps, least: 0),
            Leaps == 0 || EnergyNoise != EnergyNoise.Fresh,
            "compare energies at two points, which fresh noise makes random (set leaps: 0, or energy-noise: fixed)",
            nameof(Leaps)
        );
    public double CodeStep { get; } = Require.Positive(CodeStep);
    public double RowStep { get; } = Require.Positive(RowStep);
    public double Kappa { get; } = Require.Positive(Kappa);
    public bool Adjusted { get; } =
        Require.That(
            Adjusted,
            !Adjusted || EnergyNoise != EnergyNoise.Fresh,
            "compares energies at two points, which fresh noise makes random (set adjusted: false, or energy-noise: fixed)"
        );
    public bool? AdjustedCodes { get; } =
        Require.That(
            AdjustedCodes,
            AdjustedCodes is not true || EnergyNoise != EnergyNoise.Fresh,
            "compares energies at two points, which fresh noise makes random (set adjusted-codes: false, or energy-noise: fixed)"
        );
    public double Acceptance { get; } = Require.Between(.01, .99, Acceptance);
    public double FromDecoder { get; } = Require.Between(0, 1, FromDecoder);
    public double FromData { get; } = Require.Between(0, 1 - FromDecoder, FromData);
    public double FromNoise { get; } = Require.Between(0, 1, FromNoise);
    public double Width { get; } = Require.Positive(Width);
    public int Memory { get; } = Require.Between(1, 10_000_000, Memory);
    public double Magnitude { get; } = Require.NonNegative(Magnitude);
    public int SampleCodeMoves { get; } = Require.Moves(SampleCodeMoves, least: 0);
    public int SampleRowMoves { get; } = Require.Moves(SampleRowMoves);
    public double Confinement { get; } = Require.Positive(Confinement);
    public double? CodeConfinement { get; } = Require.Positive(CodeConfinement);

    public Method Build(Site site) => new DenoisingEbm(this, site);
}
