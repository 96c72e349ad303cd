// A module's tensors as a whole: saved and restored by name, moved between devices and dtypes, their gradients cleared.
// A move changes the storage under each parameter and buffer and keeps the objects, so optimizers and fields that hold
// them stay right.
using Ebm.Torch;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            /// <summary>
            /// Parameters, then persistent buffers: the live tensors, not copies. A tensor with two names has two entries.
            /// </summary>
            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                var start = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
                foreach (var (name, parameter) in Walk(true, module => module.ownParameters.Select(entry => (entry.Key, entry.Value))))
                    destination.TryAdd(start + name, parameter);
                foreach (
                    var (name, buffer) in Walk(
                        true,
                        module => module.ownBuffers.Where(entry => entry.Value.Persistent).Select(entry => (entry.Key, entry.Value.Tensor))
                    )
                )
                    destination.TryAdd(start + name, buffer);
                return destination;
            }

            /// <summary>Copies values into the parameters and buffers of the same names, cast to their dtype and device.</summary>
            /// <returns>The names this module has and the source lacks, and those the source has and this module lacks.</returns>
            /// <exception cref="InvalidOperationException">Strict, and some name is missing or unexpected; nothing was copied.</exception>
            /// <exception cref="ArgumentException">A shape differs; nothing was copied.</exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                Dictionary<string, Tensor> source,
                bool strict = true,
                IList<string>? skip = null
            )
            {
                var here = state_dict();
                var missing = here.Keys.Where(key => !source.ContainsKey(key) && skip?.Contains(key) != true).ToList();
                var unexpected = source.Keys.Where(key => !here.ContainsKey(key) && skip?.Contains(key) != true).ToList();
                if (strict && missing.Count + unexpected.Count > 0)
                    throw new InvalidOperationException(
                        $"The state dictionary does not fit {GetName()}: missing [{string.Join(", ", missing)}], "
                            + $"unexpected [{string.Join(", ", unexpected)}]. "
                            + "Build the module with the settings it was saved with, name the differences in skip, or pass strict: false."
                    );

                var copies = source.Where(entry => here.ContainsKey(entry.Key) && skip?.Contains(entry.Key) != true).ToList();
                foreach (var (key, value) in copies)
                    if (!here[key].shape.AsSpan().SequenceEqual(value.shape))
                        throw new ArgumentException(
                            $"{key} of {GetName()} is {here[key].Describe()}, "
                                + $"and the state dictionary's is {value.Describe()}; the shapes differ.",
                            nameof(source)
                        );

                using var _ = no_grad();
                foreach (var (key, value) in copies)
                    here[key].copy_(value);
                return (missing, unexpected);
            }

            /// <summary>Removes the gradients, or fills them with zeros where <paramref name="set_to_none"/> is false.</summary>
            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    using var gradient = parameter.grad;
                    if (gradient is null)
                        continue;
                    if (set_to_none)
                        parameter.grad = null;
                    else
                        gradient.zero_();
                }
            }

            internal void Move(Device? device, ScalarType? dtype, bool non_blocking)
            {
                if (dtype is { } type && !is_floating_point(type) && !is_complex(type))
                    throw new ArgumentException(
                        $"{GetName()} cannot become {type}: parameters have gradients, so a module's dtype is a floating-point one.",
                        nameof(dtype)
                    );

                using var _ = no_grad();
                using var scope = NewDisposeScope();
                foreach (var tensor in named_parameters().Select(entry => (Tensor)entry.parameter).Concat(buffers()))
                {
                    MoveOne(tensor);
                    if (tensor.requires_grad && tensor.grad is { } gradient)
                        MoveOne(gradient);
                }

                void MoveOne(Tensor tensor)
                {
                    var target = dtype is { } wanted && tensor.is_floating_point() ? wanted : tensor.dtype;
                    Aten.set_data.Run(tensor, tensor.to(target, device ?? tensor.device, non_blocking: non_blocking));
                }
            }
        }
    }

    internal static partial class Aten
    {
        public static readonly Operator set_data = new("set_data(self, new_data)");
    }
}

/// <summary>Moves of a whole module; each returns the module itself. Integer buffers keep their dtype.</summary>
public static class ModuleExtensionMethods
{
    public static T to<T>(this T module, torch.ScalarType type, bool non_blocking = false)
        where T : torch.nn.Module => Moved(module, null, type, non_blocking);

    public static T to<T>(this T module, torch.Device device, torch.ScalarType type, bool non_blocking = false)
        where T : torch.nn.Module => Moved(module, device, type, non_blocking);

    public static T to<T>(this T module, torch.Device device, bool non_blocking = false)
        where T : torch.nn.Module => Moved(module, device, null, non_blocking);

    public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false)
        where T : torch.nn.Module => Moved(module, new torch.Device(deviceType, deviceIndex), null, non_blocking);

    public static T to<T>(this T module, string device, bool non_blocking = false)
        where T : torch.nn.Module => Moved(module, new torch.Device(device), null, non_blocking);

    public static T to<T>(this T module, torch.Tensor other, bool non_blocking = false)
        where T : torch.nn.Module => Moved(module, other.device, other.dtype, non_blocking);

    public static T cpu<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => module.to(DeviceType.CPU, -1, non_blocking);

    public static T cuda<T>(this T module, int deviceIndex = -1, bool non_blocking = false)
        where T : torch.nn.Module => module.to(DeviceType.CUDA, deviceIndex, non_blocking);

    public static T half<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => module.to(torch.ScalarType.Float16, non_blocking);

    public static T bfloat16<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => module.to(torch.ScalarType.BFloat16, non_blocking);

    public static T @float<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => module.to(torch.ScalarType.Float32, non_blocking);

    public static T @double<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => module.to(torch.ScalarType.Float64, non_blocking);

    private static T Moved<T>(T module, torch.Device? device, torch.ScalarType? dtype, bool non_blocking)
        where T : torch.nn.Module
    {
        module.Move(device, dtype, non_blocking);
        return module;
    }
}
