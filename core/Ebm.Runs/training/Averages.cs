using Ebm.Core;
using TorchSharp.Modules;

namespace Ebm.Runs;

/// <summary>
/// The <see cref="ExponentialAverage"/> of a method's weights, used for sampling and measuring while the raw weights train. It follows all weights
/// after each step, also those of parts that did not train: their average still approaches them, and a method may change its weights by itself.
/// </summary>
public sealed class Averages : IDisposable
{
    readonly double decay;
    readonly IReadOnlyList<(string Name, Parameter Raw, Tensor Mean)> weights;

    /// <param name="decay">Null keeps no average and lends the raw weights.</param>
    public Averages(Method method, double? decay)
    {
        this.decay = decay ?? 0;
        weights = decay is null
            ? []
            : [.. method.named_parameters().Select(p => (p.name, p.parameter, p.parameter.detach().clone().DetachFromDisposeScope()))];
    }

    /// <summary>Updates the average after step n, counted from one.</summary>
    public void Follow(long n)
    {
        using var scope = NewDisposeScope();
        ExponentialAverage.Follow(weights.Select(w => (w.Mean, (Tensor)w.Raw)), decay, n);
    }

    public IEnumerable<(string Name, Tensor Value)> Memory() => weights.Select(w => (w.Name, w.Mean));

    public void Remember(IReadOnlyDictionary<string, Tensor> memory)
    {
        using var _ = no_grad();
        foreach (var (name, _, mean) in weights)
            mean.copy_(memory[name]);
    }

    public void Dispose()
    {
        foreach (var (_, _, mean) in weights)
            mean.Dispose();
    }
}

/// <summary>
/// Lends a method for evaluation, with its averaged weights and in evaluation mode. Disposing restores the method bit for bit: weights, buffers (a
/// sampler may adapt step sizes or move chains) and mode, so that evaluation never changes training.
/// </summary>
public sealed class Loan : IDisposable
{
    readonly Method method;
    readonly bool training;
    readonly IReadOnlyList<(Tensor Live, Tensor Kept)> kept;

    public Loan(Method method, Averages averages)
    {
        using var _ = no_grad();
        (this.method, training) = (method, method.training);
        kept = [.. method.state_dict().Values.Select(live => (live, live.detach().clone().DetachFromDisposeScope()))];
        var means = averages.Memory().ToDictionary(m => m.Name, m => m.Value);
        foreach (var (name, raw) in method.named_parameters())
            if (means.TryGetValue(name, out var mean))
                raw.copy_(mean);
        method.eval();
    }

    public void Dispose()
    {
        using var _ = no_grad();
        foreach (var (live, copy) in kept)
        {
            live.copy_(copy);
            copy.Dispose();
        }
        method.train(training);
    }
}
