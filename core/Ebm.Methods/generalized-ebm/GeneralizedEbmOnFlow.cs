using Ebm.Core;

namespace Ebm.Methods;

/// <summary>
/// If the base has a density, so has the generalized energy-based model: E(x) − log g(x) up to a constant; rows of the base weighted by exp(−E)
/// estimate the normaliser. This is a separate class because metrics test which interfaces a method implements, and a model on a base without a
/// density must not implement these.
/// </summary>
sealed class GeneralizedEbmOnFlow : Method, IWeighted, IOnBase, IChains
{
    readonly GeneralizedEbm model;
    readonly FlowNet flow;

    public GeneralizedEbmOnFlow(GeneralizedEbm model, FlowNet flow)
        : base("generalized-ebm", [])
    {
        (this.model, this.flow) = (model, flow);
        register_module("model", model);
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts => model.Parts;

    public override IEnumerable<Update> Iterate(Batches data, Rng rng) => model.Iterate(data, rng);

    public override Tensor Sample(long count, Rng rng) => model.Sample(count, rng);

    public Tensor Run(long count, int times, Rng rng) => model.Run(count, times, rng);

    public Energy Density => model.Energy + flow.Density;

    public Energy Base => flow.Density;

    public (Tensor Rows, Tensor LogWeights) Weigh(long count, Rng rng)
    {
        using var free = no_grad();
        var rows = model.Draw(count, rng);
        return (rows, -model.Energy.Of(rows));
    }
}
