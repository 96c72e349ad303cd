// Several tensors kept alive for one native call.
using static TorchSharp.torch;

namespace Ebm.Torch;

internal readonly ref struct TensorsInUse
{
    readonly Tensor?[] _tensors;

    /// <param name="tensors">Null is an empty list; a null entry has the address 0.</param>
    /// <param name="call">The call, for errors.</param>
    /// <param name="argument">Its argument, for errors.</param>
    public TensorsInUse(IList<Tensor>? tensors, string call, string argument)
    {
        _tensors = tensors is null ? [] : [.. tensors];
        Addresses = new nint[_tensors.Length];
        for (var i = 0; i < _tensors.Length; i++)
        {
            if (_tensors[i] is { } tensor && !tensor.TryEnter(out Addresses[i]))
            {
                Leave(i);
                throw new ObjectDisposedException(
                    "torch.Tensor",
                    $"{call}: entry {i} of argument '{argument}' is a tensor that was disposed of."
                );
            }
        }
    }

    public nint[] Addresses { get; }

    public void Dispose() => Leave(_tensors.Length);

    void Leave(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _tensors[i]?.Leave();
        }
    }

    public string Describe() => $"[{string.Join(", ", _tensors.Select(tensor => tensor?.Describe() ?? "none"))}]";
}
