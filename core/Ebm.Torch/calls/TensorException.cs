// Every refusal of libtorch, as a .NET exception: which operator, what it was given, what libtorch says.
using System.Runtime.InteropServices;

namespace Ebm.Torch;

/// <summary>
/// libtorch refused a call. The message reads <c>aten::mm(self: float32 [2, 3] cpu, mat2: float32 [4, 5] cpu): mat1 and mat2 shapes …</c>.
/// TorchSharp throws its base class, which is what code outside this assembly catches.
/// </summary>
public sealed class TensorException : ExternalException
{
    internal TensorException(string @operator, string given, string says)
        : base($"{@operator}({given}): {says}")
    {
        Operator = @operator;
        Given = given;
        Says = says;
    }

    /// <summary>The operator's name, such as <c>aten::mm</c>.</summary>
    public string Operator { get; }

    /// <summary>Every argument with its dtype, shape and device, or its value.</summary>
    public string Given { get; }

    /// <summary>The first line of libtorch's own message.</summary>
    public string Says { get; }
}
