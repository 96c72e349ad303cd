using Ebm.Records;

namespace Ebm.Core;

/// <summary>
/// One training method, as its paper states it. A method is a module whose registered children are everything that must survive
/// a restart: networks, persistent chains, adapted steps.
/// </summary>
/// <param name="name">The kind that configs name.</param>
/// <param name="shape">Shape of one row.</param>
public abstract class Method(string name, long[] shape) : nn.Module(name)
{
    protected long[] Shape => shape;

    /// <summary>Registers what must survive a restart, by the names that checkpoints have; null is not there.</summary>
    protected void Keep(params (string Name, nn.Module? Child)[] children)
    {
        foreach (var (name, child) in children)
            if (child is not null)
                register_module(name, child);
    }

    /// <summary>Makes a module a child; the passes of its networks count from now on.</summary>
    public override void register_module(string name, nn.Module submodule) => base.register_module(name, Cost.Counted(submodule));

    /// <summary>One optimizer per name; two names may share weights.</summary>
    public abstract IReadOnlyDictionary<string, nn.Module> Parts { get; }

    /// <summary>
    /// One step of training as a lazy sequence: each update is applied before the next is computed, so alternation is a loop and a
    /// yield. The trainer owns scopes, gradients and optimizers.
    /// </summary>
    /// <param name="data">As many minibatches as the step needs.</param>
    /// <param name="rng">This step's stream.</param>
    public abstract IEnumerable<Update> Iterate(Batches data, Rng rng);

    /// <summary>Rows in data space: (count, …Shape).</summary>
    public abstract Tensor Sample(long count, Rng rng);
}

/// <summary>A loss to descend in one part's parameters, and what to record.</summary>
/// <param name="Part">A key of <see cref="Method.Parts"/>.</param>
/// <param name="Loss">A scalar with its graph.</param>
/// <param name="Watched">Values by name: scalars, vectors (recorded as name/i) or matrices (name/i/j). NaN entries, never visited, are not recorded.</param>
public sealed record Update(string Part, Tensor Loss, params (string Name, Tensor Value)[] Watched)
{
    /// <summary>
    /// The energies of where this update's chains have ended, (B), any scale; null where it ran none. Their mean is traced bit for bit: chains
    /// show a difference between two runs before the weights do.
    /// </summary>
    public Tensor? Chains { get; init; }
}

/// <summary>A method with an explicit density: −log p(x) + const in nats, in data space, every scale applied.</summary>
public interface IDensity
{
    Energy Density { get; }
}

/// <summary>
/// A density with a proposal that covers it, so that its normaliser is a mean over the proposal's rows (importance sampling):
/// <code>log Z = log E_q[exp(−Density(x)) / q(x)],   x ~ q</code>
/// A base with an exact density is such a proposal; a method whose density is normalised already gives its own rows with weights 0.
/// </summary>
public interface IWeighted : IDensity
{
    /// <summary>Fresh rows of q, without a graph, and log(exp(−Density(x)) / q(x)) of each: (count, …Shape) and (count), in nats.</summary>
    (Tensor Rows, Tensor LogWeights) Weigh(long count, Rng rng);
}

/// <summary>A method whose model reweighs a base that has a density of its own: what the base fits is told apart from what the energy adds.</summary>
public interface IOnBase : IDensity
{
    /// <summary>−log g(x) in nats, g the base's density.</summary>
    Energy Base { get; }
}

/// <summary>A method that samples by Markov chains: its sampler, run <c>times</c> as long as <see cref="Method.Sample"/> runs it.</summary>
public interface IChains
{
    Tensor Run(long count, int times, Rng rng);
}

/// <summary>
/// A method that has a ladder: the sequence of noise levels from data to noise with an energy each, exp(−E_ℓ)/Z_ℓ, each the diffusion of the one
/// below up to errors of learning. It ends in a Gaussian that is known, where generation begins; estimates of normalisers go along it.
/// </summary>
public interface ILadder : IDensity
{
    /// <summary>E_0 … E_top in nats, of rows at their own level; the first is Density, but for a constant.</summary>
    ILevelEnergy Levels { get; }

    /// <summary>As many levels.</summary>
    NoiseSchedule Noise { get; }

    /// <summary>−log of the normalised Gaussian of the top level in nats: what E_top is learned to be, but for a constant.</summary>
    Energy Top { get; }

    /// <summary>Rows of each level, exact ones of <see cref="Top"/> and from there down by the model's chains: (count, …Shape) for each, level 0 first.</summary>
    IReadOnlyList<Tensor> Visit(long count, Rng rng);
}

/// <summary>
/// A method that reads log p(x) in one pass, without a normaliser: exact where the level marginal is uniform and the top level is
/// N(0, I). Its deviations from both are log p(level 0)/p(top) and log p(x | top) − log N(x; 0, I).
/// </summary>
public interface IDensityReadout : ILadder
{
    /// <summary>log p(x) in nats: (B, …) → (B).</summary>
    Tensor Readout(Tensor x);
}

/// <summary>Arrays for figures that only this method can give: level jumps, trajectories.</summary>
public interface IPortrait
{
    IEnumerable<NamedArray> Portrait(Rng rng);
}
