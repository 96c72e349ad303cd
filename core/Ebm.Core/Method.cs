using Ebm.Records;

namespace Ebm.Core;

/// <summary>
/// A training method, as its paper states it. A method is a module; its registered children contain all state that a restart needs: networks,
/// persistent chains, adapted step sizes.
/// </summary>
/// <param name="name">The kind that configs name.</param>
/// <param name="shape">Shape of one row.</param>
public abstract class Method(string name, long[] shape) : nn.Module(name)
{
    protected long[] Shape => shape;

    /// <summary>Registers the state that a restart needs, under the names used in checkpoints; null children are skipped.</summary>
    protected void Keep(params (string Name, nn.Module? Child)[] children)
    {
        foreach (var (name, child) in children)
            if (child is not null)
                register_module(name, child);
    }

    /// <summary>Makes a module a child and counts the passes of its networks from now on.</summary>
    public override void register_module(string name, nn.Module submodule) => base.register_module(name, Cost.Counted(submodule));

    /// <summary>The parts that have an optimizer each; two parts may share weights.</summary>
    public abstract IReadOnlyDictionary<string, nn.Module> Parts { get; }

    /// <summary>
    /// One step of training as a lazy sequence of updates: the trainer applies each update before the next is computed, so a method alternates
    /// between parts with a loop and yield. The trainer owns scopes, gradients and optimizers.
    /// </summary>
    /// <param name="data">The step takes as many minibatches as it needs.</param>
    /// <param name="rng">This step's stream.</param>
    public abstract IEnumerable<Update> Iterate(Batches data, Rng rng);

    /// <summary>Draws rows in data space: (count, …Shape).</summary>
    public abstract Tensor Sample(long count, Rng rng);
}

/// <summary>A loss to minimise in the parameters of one part, and values to record.</summary>
/// <param name="Part">A key of <see cref="Method.Parts"/>.</param>
/// <param name="Loss">A scalar with a graph.</param>
/// <param name="Watch">Computes the values to record from tensors that the step has computed. It is called at the end of the step, without a graph, and
/// only if the step is recorded; it must not draw random numbers or call a network.</param>
public sealed record Update(string Part, Tensor Loss, Func<(string Name, Tensor Value)[]> Watch)
{
    /// <param name="part">A key of <see cref="Method.Parts"/>.</param>
    /// <param name="loss">A scalar with a graph.</param>
    /// <param name="watched">Values to record that exist already.</param>
    public Update(string part, Tensor loss, params (string Name, Tensor Value)[] watched)
        : this(part, loss, () => watched) { }

    /// <summary>Values to record, by name: scalars, vectors (recorded as name/i) or matrices (name/i/j). NaN entries, such as levels without rows, are not
    /// recorded.</summary>
    public (string Name, Tensor Value)[] Watched => Watch();

    /// <summary>
    /// The energies of the rows where this update's chains end, (B), in any scale; null if it runs no chains. Their mean is recorded bit for bit,
    /// because chains show a difference between two runs earlier than the weights.
    /// </summary>
    public Tensor? Chains { get; init; }
}

/// <summary>A method with an explicit density: −log p(x) + const in nats, in data space, including every scale.</summary>
public interface IDensity
{
    Energy Density { get; }
}

/// <summary>
/// A density with a proposal q that covers it, so that importance sampling estimates its normaliser:
/// <code>log Z = log E_q[exp(−Density(x)) / q(x)],   x ~ q</code>
/// The proposal may be a base with an exact density; a method whose density is normalised already returns its own rows with log weights 0.
/// </summary>
public interface IWeighted : IDensity
{
    /// <summary>New rows of q, without a graph, and log(exp(−Density(x)) / q(x)) of each: (count, …Shape) and (count), in nats.</summary>
    (Tensor Rows, Tensor LogWeights) Weigh(long count, Rng rng);
}

/// <summary>A method that reweighs a base with a known density, so that the fit of the base and the contribution of the energy can be measured
/// separately.</summary>
public interface IOnBase : IDensity
{
    /// <summary>−log g(x) in nats, where g is the density of the base.</summary>
    Energy Base { get; }
}

/// <summary>A method that samples by Markov chains, which can run <c>times</c> as long as in <see cref="Method.Sample"/>.</summary>
public interface IChains
{
    Tensor Run(long count, int times, Rng rng);
}

/// <summary>
/// A method with a ladder: a sequence of noise levels from data to noise with one density exp(−E_ℓ)/Z_ℓ each; each level is the diffusion of the
/// one below, up to learning errors. The top level is a known Gaussian, where generation starts and where estimates of normalisers are anchored.
/// </summary>
public interface ILadder : IDensity
{
    /// <summary>E_0 … E_top in nats, one level per row; E_0 equals Density up to a constant.</summary>
    ILevelEnergy Levels { get; }

    /// <summary>The noise schedule, with as many levels.</summary>
    NoiseSchedule Noise { get; }

    /// <summary>−log of the normalised Gaussian of the top level, in nats; E_top learns it up to a constant.</summary>
    Energy Top { get; }

    /// <summary>Rows of each level, (count, …Shape), level 0 first: exact draws of <see cref="Top"/>, then rows of the model's chains from level to
    /// level downwards.</summary>
    IReadOnlyList<Tensor> Visit(long count, Rng rng);
}

/// <summary>
/// A method that computes log p(x) in one pass, without a normaliser. It is exact if the marginal of the levels is uniform and the top level is
/// N(0, I); otherwise its errors are log p(level 0)/p(top) and log p(x | top) − log N(x; 0, I).
/// </summary>
public interface IDensityReadout : ILadder
{
    /// <summary>log p(x) in nats: (B, …) → (B).</summary>
    Tensor Readout(Tensor x);
}

/// <summary>Arrays for figures that only this method can produce, such as level jumps and trajectories.</summary>
public interface IPortrait
{
    IEnumerable<NamedArray> Portrait(Rng rng);
}
