// Stochastic gradient descent, with momentum: b ← μ b + (1 − τ) g, θ ← θ − η b (Nesterov: θ ← θ − η (g + μ b)); b starts as g.
using TorchSharp.Modules;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            /// <summary>θ ← θ − learningRate · (g + weight_decay · θ), with momentum if there is some.</summary>
            /// <exception cref="ArgumentException">A negative rate, momentum or decay; Nesterov without momentum or dampened.</exception>
            public static SGD SGD(
                IEnumerable<Parameter> parameters,
                double learningRate,
                double momentum = 0,
                double dampening = 0,
                double weight_decay = 0,
                bool nesterov = false,
                bool maximize = false
            ) => new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            /// <inheritdoc cref="SGD(IEnumerable{Parameter}, double, double, double, double, bool, bool)"/>
            public static SGD SGD(
                IEnumerable<(string name, Parameter parameter)> parameters,
                double learningRate,
                double momentum = 0,
                double dampening = 0,
                double weight_decay = 0,
                bool nesterov = false,
                bool maximize = false
            ) => new(parameters.Select(named => named.parameter), learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            /// <inheritdoc cref="SGD(IEnumerable{Parameter}, double, double, double, double, bool, bool)"/>
            public static SGD SGD(
                IEnumerable<SGD.ParamGroup> parameters,
                double learningRate,
                double momentum = 0.0,
                double dampening = 0,
                double weight_decay = 0,
                bool nesterov = false,
                bool maximize = false
            ) => new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.optim;

    /// <inheritdoc cref="torch.optim.SGD(IEnumerable{Parameter}, double, double, double, double, bool, bool)"/>
    public class SGD : OptimizerHelper, IMomentum
    {
        public SGD(
            IEnumerable<Parameter> parameters,
            double lr,
            double momentum = 0.0,
            double dampening = 0,
            double weight_decay = 0,
            bool nesterov = false,
            bool maximize = false
        )
            : this([new ParamGroup { Parameters = parameters }], lr, momentum, dampening, weight_decay, nesterov, maximize) { }

        public SGD(
            IEnumerable<ParamGroup> parameters,
            double lr,
            double momentum = 0.0,
            double dampening = 0,
            double weight_decay = 0,
            bool nesterov = false,
            bool maximize = false
        )
        {
            Settings.AtLeastZero(lr);
            Settings.AtLeastZero(momentum);
            Settings.AtLeastZero(weight_decay);
            if (nesterov && (momentum == 0 || dampening != 0))
                throw new ArgumentException(
                    $"Nesterov momentum needs a positive momentum and no dampening; they are {momentum} and {dampening}.",
                    nameof(nesterov)
                );
            _defaults = new Options
            {
                LearningRate = lr,
                InitialLearningRate = lr,
                momentum = momentum,
                dampening = dampening,
                weight_decay = weight_decay,
                nesterov = nesterov,
                maximize = maximize,
            };
            foreach (var group in parameters)
                add_param_group(group);
        }

        public double Momentum
        {
            get => ((Options)_defaults).momentum!.Value;
            set => ((Options)_defaults).momentum = value;
        }

        public override Tensor? step(Func<Tensor>? closure = null) => _step<ParamGroup>(Descend, closure);

        private void Descend(ParamGroup group)
        {
            var options = group.Options;
            var (momentum, decay, rate) = (options.momentum!.Value, options.weight_decay!.Value, options.LearningRate!.Value);
            var (moving, direction, states) = Moving<State>(group);

            if (options.maximize!.Value)
                direction = Foreach.Negated(direction);
            if (decay != 0)
                direction = Foreach.Sum(direction, moving, decay);
            if (momentum != 0)
            {
                var begun = states.Select((state, i) => (state, i)).ToLookup(entry => entry.state.momentum_buffer is not null);
                foreach (var (state, i) in begun[false])
                    state.momentum_buffer = direction[i].clone().DetachFromDisposeScope();
                Tensor[] buffers = [.. begun[true].Select(entry => entry.state.momentum_buffer!)];
                Foreach.Multiply(buffers, momentum);
                Foreach.Add(buffers, [.. begun[true].Select(entry => direction[entry.i])], 1 - options.dampening!.Value);

                buffers = [.. states.Select(state => state.momentum_buffer!)];
                direction = options.nesterov!.Value ? Foreach.Sum(direction, buffers, momentum) : buffers;
            }
            Foreach.Add(moving, direction, -rate);
        }

        public override void add_param_group(Modules.ParamGroup param_group)
        {
            var defaults = (Options)_defaults;
            var options = (Options)(param_group.Options ??= new Options());
            options.LearningRate ??= defaults.LearningRate;
            options.momentum ??= defaults.momentum;
            options.dampening ??= defaults.dampening;
            options.weight_decay ??= defaults.weight_decay;
            options.nesterov ??= defaults.nesterov;
            options.maximize ??= defaults.maximize;
            Add(param_group, parameter => new State(parameter));
        }

        /// <summary>The running direction of one parameter; null before its first step, and without momentum.</summary>
        public sealed class State(Parameter parameter) : OptimizerState(parameter), IDisposable
        {
            public Tensor? momentum_buffer;

            public override void Initialize(OptimizerOptions options) => Replace(ref momentum_buffer, null);

            public override void to(Device device) => Replace(ref momentum_buffer, momentum_buffer?.to(device));

            public override void LoadStateDict(OptimizerState source) =>
                Replace(ref momentum_buffer, ((State)source).momentum_buffer?.to(_parameter.device, copy: true));

            public override bool ApproximatelyEquals(OptimizerState other) =>
                other is State state && Close(momentum_buffer, state.momentum_buffer);

            public void Dispose() => Replace(ref momentum_buffer, null);
        }

        public class Options : OptimizerOptions
        {
            public double? momentum;
            public double? dampening;
            public double? weight_decay;
            public bool? nesterov;
            public bool? maximize;

            public override void LoadStateDict(OptimizerOptions source)
            {
                base.LoadStateDict(source);
                var options = (Options)source;
                (momentum, dampening, weight_decay) = (options.momentum, options.dampening, options.weight_decay);
                (nesterov, maximize) = (options.nesterov, options.maximize);
            }
        }

        public class ParamGroup : ParamGroup<Options>, IMomentum
        {
            public ParamGroup() { }

            public ParamGroup(IEnumerable<Parameter> parameters, Options options)
                : base(parameters, options) { }

            public ParamGroup(
                IEnumerable<Parameter> parameters,
                double lr = 1e-3,
                double momentum = 0.0,
                double dampening = 0,
                double weight_decay = 0,
                bool nesterov = false,
                bool maximize = false
            )
                : base(
                    parameters,
                    new Options
                    {
                        LearningRate = lr,
                        momentum = momentum,
                        dampening = dampening,
                        weight_decay = weight_decay,
                        nesterov = nesterov,
                        maximize = maximize,
                    }
                ) { }

            public double Momentum
            {
                get => Options.momentum!.Value;
                set => Options.momentum = value;
            }
        }
    }
}
