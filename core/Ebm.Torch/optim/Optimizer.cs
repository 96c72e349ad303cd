// What every optimizer has: groups of parameters with options, and a state per parameter that a checkpoint can read and
// restore. A step is a few calls on lists of tensors (`_foreach_…`), whatever the number of parameters.
using System.Diagnostics.CodeAnalysis;
using TorchSharp.Modules;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            /// <summary>Changes parameters by their gradients.</summary>
            public abstract partial class Optimizer : IDisposable
            {
                /// <summary>The groups, in the order they were added.</summary>
                protected IList<ParamGroup> _parameter_groups = new List<ParamGroup>();

                /// <summary>The groups, whose <see cref="ILearningRateController.LearningRate"/> a schedule sets.</summary>
                public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;

                /// <summary>All parameters of all groups.</summary>
                public virtual IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(group => group.Parameters);

                /// <summary>Adds a group; options it does not set are the optimizer's.</summary>
                public abstract void add_param_group(ParamGroup param_group);

                /// <summary>
                /// Updates every parameter that has a gradient. A closure is called first, recording gradients; its loss is returned.
                /// </summary>
                public abstract Tensor? step(Func<Tensor>? closure = null);

                /// <summary>Fills the gradients with zeros; a parameter without one keeps none.</summary>
                public abstract void zero_grad();

                public void Dispose()
                {
                    Dispose(true);
                    GC.SuppressFinalize(this);
                }

                protected abstract void Dispose(bool disposing);

                /// <summary>Options of the groups and states of the parameters, in order: the live objects, not copies.</summary>
                public class StateDictionary
                {
                    internal StateDictionary() { }

                    /// <summary>One per group.</summary>
                    public List<OptimizerOptions> Options { get; } = [];

                    /// <summary>One per parameter, group after group.</summary>
                    public List<OptimizerState> State { get; } = [];

                    /// <summary>Per group, the positions of its parameters in <see cref="State"/>.</summary>
                    public List<List<int>> StateIndexRef { get; } = [];
                }
            }

            /// <summary>What a learning-rate schedule sets.</summary>
            public interface ILearningRateController
            {
                double LearningRate { get; set; }
                double InitialLearningRate { get; set; }
            }

            public interface IMomentum
            {
                double Momentum { get; set; }
            }

            public interface IBetas
            {
                (double, double) Betas { get; set; }
            }
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;
    using static torch.optim;

    /// <summary>The settings of one group. Null where unset, until the group is added to an optimizer.</summary>
    public class OptimizerOptions
    {
        public double? LearningRate { get; set; }
        public double InitialLearningRate { get; set; }

        /// <summary>Takes over another group's settings.</summary>
        public virtual void LoadStateDict(OptimizerOptions source)
        {
            InitialLearningRate = source.InitialLearningRate;
            LearningRate = source.LearningRate;
        }
    }

    /// <summary>What an optimizer remembers of one parameter.</summary>
    public abstract class OptimizerState
    {
        protected Parameter _parameter;

        protected OptimizerState(Parameter parameter) => _parameter = parameter;

        /// <summary>Takes over copies of another state's tensors, on this parameter's device.</summary>
        public abstract void LoadStateDict(OptimizerState source);

        /// <summary>Whether both remember the same, within the tolerance of <c>allclose</c>.</summary>
        public abstract bool ApproximatelyEquals(OptimizerState other);

        /// <summary>Back to what it was before the first step.</summary>
        public abstract void Initialize(OptimizerOptions options);

        /// <summary>Moves the tensors to a device.</summary>
        public virtual void to(Device device) { }

        // State outlives every scope: it is the optimizer's, which disposes it.
        private protected static Tensor Zeros(Parameter parameter) => zeros_like(parameter).DetachFromDisposeScope();

        private protected static void Replace([NotNullIfNotNull(nameof(by))] ref Tensor? kept, Tensor? by)
        {
            if (ReferenceEquals(kept, by))
                return;
            kept?.Dispose();
            kept = by?.DetachFromDisposeScope();
        }

        private protected static bool Close(Tensor? mine, Tensor? others) =>
            mine is null ? others is null : others is not null && mine.allclose(others);
    }

    /// <summary>Parameters that share options.</summary>
    public class ParamGroup : ILearningRateController
    {
        public IEnumerable<Parameter> Parameters { get; set; } = [];
        public OptimizerOptions? Options { get; set; }

        public double LearningRate
        {
            get => Set(Options).LearningRate!.Value;
            set => Set(Options).LearningRate = value;
        }

        public double InitialLearningRate
        {
            get => Set(Options).InitialLearningRate;
            set => Set(Options).InitialLearningRate = value;
        }

        private protected static T Set<T>(T? options)
            where T : OptimizerOptions =>
            options
            ?? throw new InvalidOperationException("The group has no options yet: add it to an optimizer, or construct it with some.");
    }

    /// <summary>Parameters that share options of one kind.</summary>
    public class ParamGroup<TOptions> : ParamGroup
        where TOptions : OptimizerOptions
    {
        public ParamGroup() { }

        public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = null)
        {
            Parameters = parameters;
            base.Options = options;
        }

        public new TOptions Options
        {
            get => Set((TOptions?)base.Options);
            set => base.Options = value;
        }
    }

    /// <summary>An optimizer with a state per parameter.</summary>
    public abstract class OptimizerHelper : Optimizer
    {
        private readonly Dictionary<Parameter, OptimizerState> states = new(ReferenceEqualityComparer.Instance);

        /// <summary>The options of groups that set none.</summary>
        protected OptimizerOptions _defaults = new();

        /// <summary>The live options and states.</summary>
        public virtual StateDictionary state_dict()
        {
            var dictionary = new StateDictionary();
            foreach (var group in _parameter_groups)
            {
                dictionary.Options.Add(group.Options!);
                dictionary.StateIndexRef.Add(Enumerable.Range(dictionary.State.Count, group.Parameters.Count()).ToList());
                dictionary.State.AddRange(group.Parameters.Select(parameter => states[parameter]));
            }
            return dictionary;
        }

        /// <summary>Takes over another optimizer's options and copies of its states, by position.</summary>
        /// <exception cref="ArgumentException">The number of groups or of parameters differs; nothing was changed.</exception>
        public virtual void load_state_dict(StateDictionary state_dict)
        {
            var here = this.state_dict();
            if (here.Options.Count != state_dict.Options.Count || here.State.Count != state_dict.State.Count)
                throw new ArgumentException(
                    $"The state dictionary has {state_dict.Options.Count} groups and {state_dict.State.Count} parameters; "
                        + $"this {GetType().Name} has {here.Options.Count} and {here.State.Count}.",
                    nameof(state_dict)
                );
            foreach (var (mine, theirs) in here.Options.Zip(state_dict.Options))
                mine.LoadStateDict(theirs);
            foreach (var (mine, theirs) in here.State.Zip(state_dict.State))
                mine.LoadStateDict(theirs);
        }

        /// <summary>Moves the states to a device.</summary>
        public void to(Device device)
        {
            foreach (var state in states.Values)
                state.to(device);
        }

        public override void zero_grad()
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            Foreach.Zero(parameters().Select(parameter => parameter.grad).OfType<Tensor>().ToArray());
        }

        /// <summary>Runs <paramref name="body"/> on each group, without recording gradients and in a dispose scope.</summary>
        protected Tensor? _step<T>(Action<T> body, Func<Tensor>? loss_closure = null)
            where T : ParamGroup
        {
            Tensor? loss = null;
            if (loss_closure is not null)
            {
                using var recording = enable_grad();
                loss = loss_closure();
            }
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            foreach (var group in _parameter_groups)
                body((T)group);
            return loss;
        }

        // A group whose options are complete; its parameters are read once, not at every step.
        private protected void Add(ParamGroup group, Func<Parameter, OptimizerState> start)
        {
            group.Options!.InitialLearningRate = group.LearningRate;
            group.Parameters = group.Parameters.ToArray();
            foreach (var parameter in group.Parameters)
            {
                var state = start(parameter);
                if (!states.TryAdd(parameter, state))
                    throw new ArgumentException(
                        $"A parameter of shape ({string.Join(", ", parameter.shape)}) is given to {GetType().Name} twice; give each once."
                    );
                state.Initialize(group.Options);
            }
            _parameter_groups.Add(group);
        }

        // The parameters of a group that have a gradient, with their gradients and states.
        private protected (Tensor[] Parameters, Tensor[] Gradients, TState[] States) Moving<TState>(ParamGroup group)
            where TState : OptimizerState
        {
            var (moving, gradients, remembered) = (new List<Tensor>(), new List<Tensor>(), new List<TState>());
            foreach (var parameter in group.Parameters)
                if (parameter.grad is { } gradient)
                {
                    moving.Add(parameter);
                    gradients.Add(gradient);
                    remembered.Add((TState)states[parameter]);
                }
            return ([.. moving], [.. gradients], [.. remembered]);
        }

        protected override void Dispose(bool disposing)
        {
            if (!disposing)
                return;
            foreach (var state in states.Values)
                (state as IDisposable)?.Dispose();
            states.Clear();
        }
    }
}
