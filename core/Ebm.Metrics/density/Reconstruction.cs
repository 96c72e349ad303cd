using Ebm.Nets;

namespace Ebm.Metrics;

/// <summary>
/// The squared error of an autoencoder that was trained alone, to restore rows from a few numbers: with encoder f and decoder g of two dense layers each,
/// <code>score(x) = |x − g(f(x))|²,   trained to the least mean over training rows</code>
/// It is a usual score of unusual rows, and energies that are errors of an autoencoder have to do better than it. Its seed is fixed, so the
/// same rows give the same score.
/// </summary>
static class Reconstruction
{
    const long Hidden = 256,
        Codes = 32,
        Batch = 64;
    const int Steps = 1500;
    const double Rate = 1e-3;
    const ulong Seed = 2006;

    /// <param name="train">(n, …).</param>
    /// <returns>(B, …) → (B), float64.</returns>
    public static Func<Tensor, Tensor> To(Tensor train)
    {
        var rng = new Rng(Seed, train.device);
        var mean = train.flatten(1).to(float32).mean([0]);
        Tensor Error(IReadOnlyList<Tensor> weights, Tensor rows)
        {
            var x = rows.flatten(1).to(float32) - mean;
            return (x - Restored(weights, x)).square().sum(dim: 1);
        }
        var numbers = mean.shape[0];
        using var net = nn.Sequential(
                nn.Linear(numbers, Hidden, dtype: float32),
                nn.Linear(Hidden, Codes, dtype: float32),
                nn.Linear(Codes, Hidden, dtype: float32),
                nn.Linear(Hidden, numbers, dtype: float32)
            )
            .DrawnFrom(rng.Stream("init"))
            .to(train.device);
        Tensor[] weights = [.. net.parameters()];
        using var optimizer = optim.Adam(net.parameters(), Rate);
        using var draws = rng.Stream("batches");
        using (enable_grad())
            for (var step = 0; step < Steps; step++)
            {
                using var inner = NewDisposeScope();
                foreach (var group in optimizer.ParamGroups)
                    group.LearningRate = Rate * (1 - (double)step / Steps);
                var at = draws.Integers(train.shape[0], Math.Min(Batch, train.shape[0])).to(train.device);
                optimizer.zero_grad();
                Error(weights, train.index_select(0, at)).mean().backward();
                optimizer.step();
            }
        Tensor[] trained = [.. weights.Select(one => one.detach().clone())];
        return rows => Error(trained, rows).to(float64);
    }

    /// <summary>g(f(x)): (B, d) → (B, d).</summary>
    /// <param name="weights">Weight and bias of each layer in turn.</param>
    static Tensor Restored(IReadOnlyList<Tensor> weights, Tensor x)
    {
        Tensor Layer(int layer, Tensor y) => nn.functional.linear(y, weights[2 * layer], weights[2 * layer + 1]);
        var codes = Layer(1, nn.functional.silu(Layer(0, x)));
        return Layer(3, nn.functional.silu(Layer(2, codes)));
    }
}
