// Modules without parameters or buffers: activations, pooling, reshaping. They refuse to be given any.
using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Marks a module that has no parameters and no buffers.</summary>
public interface IParameterLessModule;

/// <summary>A function of one input without parameters or buffers.</summary>
public abstract class ParameterLessModule<T1, TResult> : nn.Module<T1, TResult>, IParameterLessModule
{
    protected ParameterLessModule(string name)
        : base(name) { }

    /// <exception cref="InvalidOperationException">Always.</exception>
    public override void register_buffer(string name, Tensor tensor, bool persistent = true) => throw Refusal($"buffer \"{name}\"");

    /// <exception cref="InvalidOperationException">Always.</exception>
    public override void register_parameter(string name, Parameter param) => throw Refusal($"parameter \"{name}\"");

    /// <exception cref="InvalidOperationException">The child may have parameters.</exception>
    public override void register_module(string name, nn.Module submodule)
    {
        if (submodule is not IParameterLessModule)
            throw Refusal($"child \"{name}\", which may have some");
        base.register_module(name, submodule);
    }

    private InvalidOperationException Refusal(string what) =>
        new(
            $"{GetName()} is declared to have no parameters or buffers, so it cannot hold the {what}; derive it from nn.Module<…> instead."
        );
}
