using System.Runtime.InteropServices;
using Ebm.Core;

namespace Ebm.Runs;

/// <summary>The result of one update.</summary>
/// <param name="Part">The part that was updated.</param>
/// <param name="Loss">The loss before the update.</param>
/// <param name="Gradient">Norm of the part's gradient before clipping.</param>
/// <param name="Watched">Values by name, row-major, with their shapes; empty if the step is not recorded.</param>
/// <param name="ChainEnergy">The mean energy at the ends of its chains; null without chains, or if the step is not recorded.</param>
public sealed record Applied(
    string Part,
    double Loss,
    double Gradient,
    IReadOnlyList<(string Name, long[] Shape, double[] Values)> Watched,
    double? ChainEnergy = null
);

/// <summary>
/// The training loop. A step opens a scope and asks the method for updates; each is applied before the next is computed: the gradient in that
/// part's parameters only, averaged over ranks, clipped, then one step of that part's optimizer. The trainer does not depend on methods, samplers or
/// levels.
/// </summary>
/// <param name="method">The method to train.</param>
/// <param name="batches">Its minibatches.</param>
/// <param name="optimizers">One per part of the method.</param>
/// <param name="averages">Averages of the weights, updated after each step.</param>
/// <param name="health">Checks each update before it is applied.</param>
/// <param name="train">The settings.</param>
/// <param name="rng">The stream of training; step n draws from its n-th stream, so a checkpoint needs only n.</param>
public sealed class Trainer(
    Method method,
    Batches batches,
    Optimizers optimizers,
    Averages averages,
    Health health,
    TrainSpec train,
    Rng rng
)
{
    readonly Ranks ranks = Ranks.Here;

    // Statistics of rows, such as adapted step sizes, of which ranks keep the mean. Chains are each rank's own.
    readonly IReadOnlyList<Tensor> statistics = Ranks.Here.Count == 1 ? [] : Statistics(method);

    /// <summary>Steps done.</summary>
    public long Step { get; private set; }

    /// <summary>Units of cost spent on them.</summary>
    public long Units { get; private set; }

    /// <summary>Why training has diverged; null if it has not.</summary>
    public string? Diverged => health.Diverged;

    /// <summary>Whether the steps are done or the budget is spent.</summary>
    public bool Done => Step >= train.Steps || Units >= train.Budget;

    /// <summary>The progress of training.</summary>
    public (long Position, long End) Progress => train.Progress(Step, Units);

    /// <summary>Resumes training from a checkpoint.</summary>
    public void Resume(long step, long units) => (Step, Units) = (step, units);

    /// <summary>Runs one step and returns its updates in order. After divergence the last of them was not applied, or there is none.</summary>
    /// <param name="records">Called at the end of the step: whether to copy recorded values to the host.</param>
    /// <exception cref="InvalidOperationException">The method breaks the contract of its iterator, or a step under a budget cost nothing; the
    /// message says how.</exception>
    public IReadOnlyList<Applied> Advance(Func<bool> records)
    {
        using var scope = NewDisposeScope();
        using var stream = ranks.Count == 1 ? rng.Stream(Step + 1) : rng.Stream(Step + 1).Stream($"rank {ranks.Rank}");
        var (applied, gradMode) = (new List<(Update Update, double Loss, double Gradient)>(), is_grad_enabled());
        var (before, spent) = (Units, Cost.Units);
        batches.Progress = (double)Progress.Position / Progress.End;
        try
        {
            using var updates = method.Iterate(batches, stream).GetEnumerator();
            while (true)
            {
                var more = updates.MoveNext();
                Expect(scope, gradMode, more ? $"its update {applied.Count + 1}" : "its last update");
                var gradient = more ? Gradient(updates.Current) : null;
                var cost = AgreedCost(more, Cost.Units - spent);
                spent = Cost.Units;
                if (gradient is not null)
                    applied.Add(Apply(updates.Current, gradient));
                Units += cost;
                if (!more || Diverged is not null || Units >= train.Budget)
                    break;
            }
        }
        catch (ExternalException error) when (health.Of(error) is not null)
        {
            ranks.Fail(isNumerical: true, Diverged!);
        }
        catch (NumericalException error) when (ranks.Count > 1)
        {
            health.Fail(error.Message);
            ranks.Fail(isNumerical: true, error.Message);
        }
        catch (RankFailedException error) when (error.IsNumerical)
        {
            health.Fail(error.Message);
        }
        Units += Cost.Units - spent;
        AgreeOnStatistics();
        if (applied.Count == 0 && Diverged is null)
            throw new InvalidOperationException($"{method.GetName()} yielded no update: a step of training must yield at least one");
        if (train.Budget is not null && Units == before && Diverged is null)
            throw new InvalidOperationException(
                $"a step of {method.GetName()} cost nothing, so train.budget would never end training: set train.budget=null train.steps=N, or register the networks that the method calls, so that their passes are counted"
            );
        Step++;
        if (Diverged is null)
            averages.Follow(Step);
        var reads = Diverged is not null || records();
        using var free = no_grad();
        return
        [
            .. applied.Select(a => new Applied(
                a.Update.Part,
                a.Loss,
                a.Gradient,
                reads ? [.. a.Update.Watched.Select(w => (w.Name, w.Value.shape, OverRanks(Numbers(w.Value.detach()))))] : [],
                reads && a.Update.Chains is { } chains ? OverRanks(Numbers(chains.detach().mean()))[0] : null
            )),
        ];
    }

    /// <summary>The gradient of this rank's share of the loss.</summary>
    IReadOnlyList<Tensor?> Gradient(Update update) =>
        update.Loss.numel() == 1
            ? optimizers[update.Part].Gradient(update.Loss)
            : throw new InvalidOperationException(
                $"the loss of part {update.Part} must be a scalar; its shape is ({string.Join(", ", update.Loss.shape)})"
            );

    (Update, double Loss, double Gradient) Apply(Update update, IReadOnlyList<Tensor?> gradient)
    {
        using var free = no_grad();
        // The means over ranks, of the loss too.
        IReadOnlyList<Tensor> means = ranks.Mean([update.Loss.detach(), .. gradient.OfType<Tensor>()]);
        var next = 1;
        gradient = [.. gradient.Select(g => g is null ? null : means[next++])];
        var (loss, norm) = Measured(means[0], [.. means.Skip(1)]);
        if (health.Of(update.Part, loss, norm) is null)
            optimizers[update.Part].Step(gradient, norm, train.Factor(Step, Units));
        return (update, loss, norm);
    }

    /// <summary>The cost of all ranks since the last update.</summary>
    /// <exception cref="InvalidOperationException">Some ranks have another update, and some have none.</exception>
    long AgreedCost(bool more, long cost)
    {
        if (ranks.Count == 1)
            return cost;
        Span<double> sums = [more ? 1 : 0, cost];
        ranks.Sum(sums);
        return sums[0] == 0 || sums[0] == ranks.Count
            ? (long)sums[1]
            : throw new InvalidOperationException(
                $"{method.GetName()} yields another update on {sums[0]} of {ranks.Count} ranks: the number of updates in a step must not depend on the rows"
            );
    }

    void AgreeOnStatistics()
    {
        if (statistics.Count == 0)
            return;
        using var free = no_grad();
        // Double precision, so that the mean of equal numbers is that number.
        foreach (var (own, mean) in statistics.Zip(ranks.Mean([.. statistics.Select(own => own.to(float64))])))
            own.copy_(mean);
    }

    static IReadOnlyList<Tensor> Statistics(Method method)
    {
        var chains = method.modules().OfType<Memory>().SelectMany(memory => memory.buffers()).Select(buffer => buffer.Handle).ToHashSet();
        return [.. method.buffers().Where(buffer => buffer.is_floating_point() && !chains.Contains(buffer.Handle))];
    }

    /// <summary>The mean of each number over the ranks that have it: NaN marks one without rows.</summary>
    double[] OverRanks(double[] numbers)
    {
        if (ranks.Count == 1)
            return numbers;
        var sums = numbers.Select(n => double.IsNaN(n) ? 0 : n).Concat(numbers.Select(n => double.IsNaN(n) ? 0.0 : 1)).ToArray();
        ranks.Sum(sums);
        return [.. numbers.Select((_, i) => sums[i] / sums[numbers.Length + i])];
    }

    static (double Loss, double Norm) Measured(Tensor loss, Tensor[] gradient)
    {
        if (loss.device_type == DeviceType.CPU)
            return (loss.ToDouble(), Norm.Of(gradient));
        // One copy to the host for both, because on a GPU each copy waits for the device.
        var measured = Numbers(stack([loss.detach().reshape([]), Norm.ByOperators(gradient)]));
        return (measured[0], measured[1]);
    }

    /// <summary>
    /// An iterator is suspended inside its own code: if it held a scope or a gradient mode open across a yield, they would apply to the trainer
    /// too, and would dispose the wrong tensors.
    /// </summary>
    void Expect(DisposeScope scope, bool gradMode, string when)
    {
        if (is_grad_enabled() != gradMode)
            throw new InvalidOperationException(
                $"{method.GetName()} left gradients {(gradMode ? "off" : "on")} across {when}: end the using of no_grad or enable_grad before the yield"
            );
        if (!ReferenceEquals(CurrentDisposeScope, scope))
            throw new InvalidOperationException(
                $"{method.GetName()} holds a dispose scope open across {when}: methods must not open scopes; the trainer and the chains do"
            );
    }

    internal static double[] Numbers(Tensor values) => values.to(float64).cpu().contiguous().data<double>().ToArray();
}
