using Ebm.Core;
using TorchSharp.Modules;

namespace Ebm.Runs;

// One optimizer per part of a method. Two parts may share weights; each has its own moments for them.

/// <summary>A kind of optimizer: builds it, and converts its state for checkpoints.</summary>
public interface IOptimizer
{
    OptimizerHelper Over(IEnumerable<Parameter> parameters, double lr);

    /// <summary>The optimizer's state for one parameter.</summary>
    IEnumerable<(string Name, Tensor Value)> Memory(OptimizerState state);

    /// <summary>Restores the state that <see cref="Memory"/> returned.</summary>
    void Remember(OptimizerState state, IReadOnlyDictionary<string, Tensor> memory);
}

/// <summary>Adam and AdamW: optimizers with running moments of the gradient, which differ in their weight decay.</summary>
public abstract record MomentsSpec(double Beta1, double Beta2, double Epsilon, double WeightDecay) : IOptimizer
{
    public double Beta1 { get; } = Require.Between(0, 0.999999, Beta1);
    public double Beta2 { get; } = Require.Between(0, 0.999999, Beta2);
    public double Epsilon { get; } = Require.Positive(Epsilon);
    public double WeightDecay { get; } = Require.NonNegative(WeightDecay);

    public abstract OptimizerHelper Over(IEnumerable<Parameter> parameters, double lr);

    /// <summary>Whether weight decay is applied to the weights instead of the gradient.</summary>
    protected abstract bool IsDecoupled { get; }

    /// <summary>Updates a parameter and its moments as the optimizer's step does, in one pass.</summary>
    /// <param name="clip">Factor of the gradient.</param>
    /// <returns>False, without an effect, if the tensors are not in plain memory.</returns>
    internal bool Updates(OptimizerState state, Parameter weight, Tensor gradient, double lr, double clip)
    {
        var (step, mean, square) = Moments(state);
        if (!(PlainMemory.Has(weight) && PlainMemory.Has(gradient) && PlainMemory.Has(mean) && PlainMemory.Has(square)))
            return false;
        Count(state, ++step);
        var pass = new AdamPass(
            Clip: (float)clip,
            Decay: IsDecoupled ? 0 : (float)WeightDecay,
            Keep: IsDecoupled ? (float)(1 - lr * WeightDecay) : 1,
            Beta1: (float)Beta1,
            Rest1: (float)(1 - Beta1),
            Beta2: (float)Beta2,
            Rest2: (float)(1 - Beta2),
            Rate: (float)(lr / (1 - Math.Pow(Beta1, step))),
            Root: (float)(1 / Math.Sqrt(1 - Math.Pow(Beta2, step))),
            Epsilon: (float)Epsilon
        );
        pass.Over(PlainMemory.Written(weight), PlainMemory.Of(gradient), PlainMemory.Written(mean), PlainMemory.Written(square));
        return true;
    }

    public IEnumerable<(string Name, Tensor Value)> Memory(OptimizerState state)
    {
        var (step, mean, square) = Moments(state);
        return [("step", tensor(step)), ("mean", mean), ("square", square)];
    }

    public void Remember(OptimizerState state, IReadOnlyDictionary<string, Tensor> memory)
    {
        var (_, mean, square) = Moments(state);
        mean.copy_(memory["mean"]);
        square.copy_(memory["square"]);
        Count(state, memory["step"].item<long>());
    }

    static void Count(OptimizerState state, long step)
    {
        if (state is Adam.State adam)
            adam.step = step;
        else
            ((AdamW.State)state).step = step;
    }

    static (long Step, Tensor Mean, Tensor Square) Moments(OptimizerState state) =>
        state switch
        {
            Adam.State adam => (adam.step, adam.exp_avg, adam.exp_avg_sq),
            AdamW.State adam => (adam.step, adam.exp_avg, adam.exp_avg_sq),
            _ => throw new ArgumentException($"{state.GetType()} has no moments", nameof(state)),
        };
}

/// <summary>Adam (Kingma and Ba 2015), with optional weight decay added to the gradient.</summary>
/// <param name="Beta1">Decay of the mean of gradients.</param>
/// <param name="Beta2">Decay of the mean of their squares.</param>
/// <param name="Epsilon">Added to the root of the mean square.</param>
/// <param name="WeightDecay">Share of the weights added to the gradient.</param>
[Kind("adam")]
public sealed record AdamSpec(double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0)
    : MomentsSpec(Beta1, Beta2, Epsilon, WeightDecay)
{
    public override OptimizerHelper Over(IEnumerable<Parameter> parameters, double lr) =>
        optim.Adam(parameters, lr, Beta1, Beta2, Epsilon, WeightDecay);

    protected override bool IsDecoupled => false;
}

/// <summary>Adam with weight decay applied to the weights instead of the gradient (Loshchilov and Hutter 2019).</summary>
/// <param name="Beta1">Decay of the mean of gradients.</param>
/// <param name="Beta2">Decay of the mean of their squares.</param>
/// <param name="Epsilon">Added to the root of the mean square.</param>
/// <param name="WeightDecay">Share of the weights, times the learning rate, subtracted at each update.</param>
[Kind("adamw")]
public sealed record AdamWSpec(double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0.01)
    : MomentsSpec(Beta1, Beta2, Epsilon, WeightDecay)
{
    public override OptimizerHelper Over(IEnumerable<Parameter> parameters, double lr) =>
        optim.AdamW(parameters, lr, Beta1, Beta2, Epsilon, WeightDecay);

    protected override bool IsDecoupled => true;
}

/// <summary>Stochastic gradient descent.</summary>
/// <param name="Momentum">Decay of the running sum of gradients.</param>
/// <param name="Nesterov">Use Nesterov's momentum.</param>
/// <param name="WeightDecay">Share of the weights added to the gradient.</param>
[Kind("sgd")]
public sealed record SgdSpec(double Momentum = 0, bool Nesterov = false, double WeightDecay = 0) : IOptimizer
{
    public double Momentum { get; } = Require.Between(0, 0.999999, Momentum);
    public bool Nesterov { get; } = Require.That(Nesterov, !Nesterov || Momentum > 0, "needs a momentum above 0");
    public double WeightDecay { get; } = Require.NonNegative(WeightDecay);

    public OptimizerHelper Over(IEnumerable<Parameter> parameters, double lr) =>
        optim.SGD(parameters, lr, Momentum, 0, WeightDecay, Nesterov);

    public IEnumerable<(string Name, Tensor Value)> Memory(OptimizerState state) =>
        ((SGD.State)state).momentum_buffer is { } buffer ? [("momentum", buffer)] : [];

    public void Remember(OptimizerState state, IReadOnlyDictionary<string, Tensor> memory)
    {
        if (memory.TryGetValue("momentum", out var buffer))
            ((SGD.State)state).momentum_buffer = buffer.clone().DetachFromDisposeScope();
    }
}

/// <summary>One part of a method, with its optimizer.</summary>
public sealed class Part : IDisposable
{
    readonly IOptimizer kind;
    readonly OptimizerHelper optimizer;
    readonly OptimizerState[] states;
    readonly double lr;
    readonly double? clip;

    internal Part(string name, nn.Module module, TrainSpec train)
    {
        var own = train.Parts.GetValueOrDefault(name) ?? new PartSpec();
        (Name, lr, clip, kind) = (name, own.Lr ?? train.Lr, own.Clip ?? train.Clip, own.Optimizer ?? train.Optimizer);
        Parameters = [.. module.named_parameters().Where(p => p.parameter.requires_grad)];
        if (Parameters.Count == 0)
            throw new InvalidOperationException($"the part {name} has no parameters to train");
        optimizer = kind.Over(Parameters.Select(p => p.parameter), lr);
        states = kind is MomentsSpec ? [.. optimizer.state_dict().State] : [];
    }

    public string Name { get; }
    public IReadOnlyList<(string name, Parameter parameter)> Parameters { get; }

    /// <summary>The gradient of a loss in this part's parameters only; null for parameters that the loss does not depend on.</summary>
    /// <exception cref="InvalidOperationException">The loss depends on none of them.</exception>
    public IReadOnlyList<Tensor?> Gradient(Tensor loss)
    {
        var given = Gradients.Of(loss, [.. Parameters.Select(p => (Tensor)p.parameter)]);
        return given.Any(g => g is not null)
            ? given
            : throw new InvalidOperationException(
                $"the loss of part {Name} depends on none of its parameters ({string.Join(", ", Parameters.Select(p => p.name).Take(4))}, …): "
                    + "a detached tensor, or the name of another part"
            );
    }

    /// <summary>Clips the gradient, then steps.</summary>
    /// <param name="gradient">One per parameter.</param>
    /// <param name="norm">Its norm over all parameters.</param>
    /// <param name="factor">Factor of the learning rate.</param>
    public void Step(IReadOnlyList<Tensor?> gradient, double norm, double factor)
    {
        var (rate, scale, isLeft) = (lr * factor, norm > clip ? clip.Value / norm : 1, false);
        for (var i = 0; i < Parameters.Count; i++)
        {
            if (
                gradient[i] is not { } g
                || (kind is MomentsSpec moments && moments.Updates(states[i], Parameters[i].parameter, g, rate, scale))
            )
                continue;
            Parameters[i].parameter.grad = norm > clip ? g * scale : g;
            isLeft = true;
        }
        if (!isLeft)
            return;
        // TorchSharp's optimizers leave parameters without a gradient alone.
        foreach (var group in optimizer.ParamGroups)
            group.LearningRate = rate;
        optimizer.step();
        // A gradient's tensors belong to the step's scope; keeping them on parameters would keep their memory.
        foreach (var (_, parameter) in Parameters)
            parameter.grad = null;
    }

    internal IEnumerable<(string Name, Tensor Value)> Memory() =>
        optimizer
            .state_dict()
            .State.Zip(Parameters, (state, parameter) => kind.Memory(state).Select(m => ($"{Name}/{parameter.name}/{m.Name}", m.Value)))
            .SelectMany(m => m);

    internal void Remember(IReadOnlyDictionary<string, Tensor> memory)
    {
        using var _ = no_grad();
        foreach (var (state, (name, _)) in optimizer.state_dict().State.Zip(Parameters))
        {
            var prefix = $"{Name}/{name}/";
            kind.Remember(
                state,
                memory
                    .Where(m => m.Key.StartsWith(prefix, StringComparison.Ordinal))
                    .ToDictionary(m => m.Key[prefix.Length..], m => m.Value)
            );
        }
    }

    public void Dispose() => optimizer.Dispose();
}

/// <summary>The parts of a method, by name.</summary>
public sealed class Optimizers : IDisposable
{
    readonly string method;
    readonly IReadOnlyDictionary<string, Part> parts;

    /// <exception cref="SettingException">`train.parts` names a part that the method does not have.</exception>
    public Optimizers(Method method, TrainSpec train)
    {
        this.method = method.GetName();
        parts = method.Parts.ToDictionary(p => p.Key, p => new Part(p.Key, p.Value, train), StringComparer.Ordinal);
        foreach (var name in train.Parts.Keys.Where(name => !parts.ContainsKey(name)))
            throw new SettingException(nameof(TrainSpec.Parts), $"name {name}, but the parts of {this.method} are {Names}");
    }

    /// <exception cref="InvalidOperationException">Unknown part; the message names the known ones.</exception>
    public Part this[string name] =>
        parts.TryGetValue(name, out var part)
            ? part
            : throw new InvalidOperationException($"{method} yielded an update of the part \"{name}\", but it declares {Names}");

    public IEnumerable<Part> All => parts.Values;

    public IEnumerable<(string Name, Tensor Value)> Memory() => parts.Values.SelectMany(part => part.Memory());

    public void Remember(IReadOnlyDictionary<string, Tensor> memory)
    {
        foreach (var part in parts.Values)
            part.Remember(memory);
    }

    string Names => string.Join(", ", parts.Keys);

    public void Dispose()
    {
        foreach (var part in parts.Values)
            part.Dispose();
    }
}
