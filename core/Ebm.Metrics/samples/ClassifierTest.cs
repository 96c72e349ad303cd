using Ebm.Nets;
using static Ebm.Metrics.ClassifierTestSpec;

namespace Ebm.Metrics;

/// <summary>
/// The classifier two-sample test (Lopez-Paz and Oquab 2017): a small network learns to distinguish samples from real rows; the metric is its
/// accuracy on held-out rows. One half means that it cannot distinguish them, 1 that it always can. A high accuracy proves a difference, a low one
/// does not exclude it: <c>classifier-test/floor</c>, with real rows in place of the samples, is the accuracy due to chance and few rows.
/// </summary>
public sealed class ClassifierTest(ClassifierTestSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        using var scope = NewDisposeScope();
        var (data, rng) = (subject.Data, subject.Rng);
        var real = RealRows.HeldOut(data, Math.Min(spec.Rows, subject.Samples.shape[0]), rng.Stream("real")).flatten(1);
        var count = real.shape[0];
        var rival = RealRows.Rival(data, count, rng.Stream("floor")).flatten(1);
        return [Compare(OfSamples, subject.Samples.narrow(0, 0, count).flatten(1)), Compare(OfReal, rival)];

        Measurement Compare(Quantity what, Tensor rows)
        {
            var (accuracy, seen) = Accuracy(rows.narrow(0, 0, Math.Min(count, rows.shape[0])), real, rng.Stream(what.Name));
            // Agresti and Coull's two added successes and failures keep the error positive at accuracies of 0 and 1.
            var p = (accuracy * seen + 2) / (seen + 4);
            var se = Math.Sqrt(p * (1 - p) / (seen + 4));
            return what.Found(accuracy, se, seen, count, spec.Width, spec.Depth, spec.Epochs, spec.Batch);
        }
    }

    /// <summary>Trains on half of each set and tests on the other half; both classes have equal weight, whatever their numbers of rows.</summary>
    /// <returns>The accuracy, and the number of test rows.</returns>
    (double Accuracy, long Rows) Accuracy(Tensor fake, Tensor real, Rng rng)
    {
        var (fakeSeen, fakeUnseen) = Halves(fake, rng.Stream("fake"));
        var (realSeen, realUnseen) = Halves(real.to(fake.dtype), rng.Stream("real"));
        var seen = cat([fakeSeen, realSeen], 0);
        // −log σ(logit) of samples, −log σ(−logit) of real rows.
        var sign = cat([-ones_like(fakeSeen[.., 0]), ones_like(realSeen[.., 0])], 0);
        var (mean, sd) = (seen.mean([0]), seen.std(0).clamp(min: 1e-12));
        seen = (seen - mean) / sd;

        using var net = Cost.Counted(new MlpSpec(spec.Width, spec.Depth).Build(rng.Stream("net"), [seen.shape[1]], [1])).to(seen.dtype);
        using var optimizer = optim.AdamW(net.parameters(), spec.Lr, weight_decay: spec.Decay);
        using var draws = rng.Stream("batches");
        using (enable_grad())
            for (var i = 0L; i < spec.Epochs * Math.Max(1, seen.shape[0] / spec.Batch); i++)
            {
                using var inner = NewDisposeScope();
                var at = draws.Integers(seen.shape[0], spec.Batch).to(seen.device);
                var logit = net.call(seen.index_select(0, at)).squeeze(1);
                optimizer.zero_grad();
                nn.functional.softplus(sign.index_select(0, at) * logit).mean().backward();
                optimizer.step();
            }

        using var free = no_grad();
        Tensor Logit(Tensor rows) => net.call((rows - mean) / sd).squeeze(1);
        var right = ((Logit(fakeUnseen) > 0).to(float64).mean() + (Logit(realUnseen) <= 0).to(float64).mean()) / 2;
        return (right.item<double>(), fakeUnseen.shape[0] + realUnseen.shape[0]);
    }

    static (Tensor Seen, Tensor Unseen) Halves(Tensor rows, Rng rng)
    {
        var (order, half) = (rng.Permutation(rows.shape[0]).to(rows.device), rows.shape[0] / 2);
        return (rows.index_select(0, order.narrow(0, 0, half)), rows.index_select(0, order.narrow(0, half, rows.shape[0] - half)));
    }
}

/// <summary>How well a small network distinguishes samples from real rows on held-out rows: one half if it cannot.</summary>
/// <param name="Rows">At most this many rows of each; half of them are for training.</param>
/// <param name="Width">Units per hidden layer of the network.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="Epochs">Training draws this many times the number of training rows.</param>
/// <param name="Batch">Rows per minibatch, drawn with replacement.</param>
/// <param name="Lr">Adam's learning rate.</param>
/// <param name="Decay">Weight decay: the share of the weights, times the learning rate, subtracted at each update.</param>
[Kind("classifier-test")]
public sealed record ClassifierTestSpec(
    long Rows = 4000,
    int Width = 64,
    int Depth = 2,
    int Epochs = 30,
    long Batch = 128,
    double Lr = 3e-3,
    double Decay = .01
) : IMetricSpec
{
    public static readonly Quantity OfSamples =
            new(
                "classifier-test",
                "accuracy",
                Lower,
                Primary,
                "classifier-test 1",
                "accuracy in distinguishing samples from real rows",
                Order: 330
            ),
        OfReal =
            new(
                "classifier-test/floor",
                "accuracy",
                None,
                Diagnostic,
                "classifier-test 1",
                "the same for real rows instead of samples",
                Order: 331
            );

    public long Rows { get; } = Require.Between(8, 1_000_000, Rows);
    public int Width { get; } = Require.Between(1, 4096, Width);
    public int Depth { get; } = Require.Between(1, 16, Depth);
    public int Epochs { get; } = Require.Between(1, 100_000, Epochs);
    public long Batch { get; } = Require.Between(1, 16_384, Batch);
    public double Lr { get; } = Require.Positive(Lr);
    public double Decay { get; } = Require.NonNegative(Decay);

    public IMetric Build(Site site) => new ClassifierTest(this);
}
