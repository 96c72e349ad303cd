// A parameter is a tensor that a module trains. It takes over its data's handle, as TorchSharp's does: the tensor it was
// made from is used up, and the parameter stands in that tensor's dispose scope until a module registers it.
namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>Makes a parameter of <paramref name="data"/>, which is used up: use the parameter from here on.</summary>
            public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;

    /// <inheritdoc cref="torch.nn.Parameter"/>
    public class Parameter : Tensor
    {
        public Parameter(Tensor data, bool requires_grad = true)
            : this(data, data.OwningDisposeScope, requires_grad) { }

        private Parameter(Tensor data, DisposeScope? scope, bool requires_grad)
            : base(Taken(data, requires_grad)) => MoveToOtherDisposeScope(scope);

        private static nint Taken(Tensor data, bool requires_grad)
        {
            if (data.is_leaf)
            {
                data.requires_grad = requires_grad;
                return data.DecoupleFromNativeHandle();
            }
            // The result of a recorded computation is no leaf; its value starts a leaf of its own.
            var leaf = data.detach();
            data.Dispose();
            leaf.requires_grad = requires_grad;
            return leaf.DecoupleFromNativeHandle();
        }
    }
}
