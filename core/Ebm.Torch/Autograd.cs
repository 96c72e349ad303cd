// Gradients: torch.autograd, Tensor.backward and grad, and the modes in which operations are recorded.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>Gradients of the outputs' sum with respect to the inputs; nothing is added to their <c>grad</c>.</summary>
        /// <param name="outputs">What is differentiated; one that is no scalar needs a seed.</param>
        /// <param name="inputs">With respect to which.</param>
        /// <param name="grad_outputs">A seed for each output, of its shape; null (all, or one) is for scalars.</param>
        /// <param name="retain_graph">Keep the graph for another pass; with <paramref name="create_graph"/>, say true.</param>
        /// <param name="create_graph">Record the gradients' own graph, so that they can be differentiated in turn.</param>
        /// <param name="allow_unused">An input that no output depends on gives null, and is no error.</param>
        public static unsafe IList<Tensor> grad(
            IList<Tensor> outputs,
            IList<Tensor> inputs,
            IList<Tensor>? grad_outputs = null,
            bool retain_graph = false,
            bool create_graph = false,
            bool allow_unused = false
        )
        {
            using var from = new TensorsInUse(outputs, "autograd.grad", nameof(outputs));
            using var to = new TensorsInUse(inputs, "autograd.grad", nameof(inputs));
            using var seeds = new TensorsInUse(grad_outputs, "autograd.grad", nameof(grad_outputs));
            var results = new nint[to.Addresses.Length];
            fixed (
                nint* outs = from.Addresses,
                    ins = to.Addresses,
                    given = seeds.Addresses,
                    found = results
            )
            {
                var status = Native.ebm_grad(
                    outs,
                    from.Addresses.Length,
                    ins,
                    to.Addresses.Length,
                    given,
                    seeds.Addresses.Length,
                    Byte(retain_graph),
                    Byte(create_graph),
                    Byte(allow_unused),
                    found
                );
                Native.Check(
                    status,
                    "torch.autograd.grad",
                    status == 0 ? "" : $"outputs: {from.Describe()}, inputs: {to.Describe()}, grad_outputs: {seeds.Describe()}"
                );
            }
            return Array.ConvertAll(results, handle => handle == 0 ? null! : new Tensor(handle));
        }

        /// <summary>Adds the gradients of the tensors' sum to the <c>grad</c> of the leaves they depend on.</summary>
        /// <param name="tensors">What is differentiated.</param>
        /// <param name="grad_tensors">A seed for each; null for scalars.</param>
        /// <param name="retain_graph">Keep the graph for another pass; what <paramref name="create_graph"/> says when null.</param>
        /// <param name="create_graph">Record the gradients' own graph.</param>
        /// <param name="inputs">Only the <c>grad</c> of these leaves, when given.</param>
        public static unsafe void backward(
            IList<Tensor> tensors,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        )
        {
            using var from = new TensorsInUse(tensors, "autograd.backward", nameof(tensors));
            using var seeds = new TensorsInUse(grad_tensors, "autograd.backward", nameof(grad_tensors));
            using var to = new TensorsInUse(inputs, "autograd.backward", nameof(inputs));
            fixed (
                nint* outs = from.Addresses,
                    given = seeds.Addresses,
                    ins = to.Addresses
            )
            {
                var status = Native.ebm_backward(
                    outs,
                    from.Addresses.Length,
                    given,
                    seeds.Addresses.Length,
                    Byte(retain_graph ?? create_graph),
                    Byte(create_graph),
                    ins,
                    to.Addresses.Length
                );
                Native.Check(
                    status,
                    "torch.autograd.backward",
                    status == 0 ? "" : $"tensors: {from.Describe()}, grad_tensors: {seeds.Describe()}, inputs: {to.Describe()}"
                );
            }
        }

        public static void backward(
            Tensor tensor,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        ) => backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(
            Tensor tensor,
            Tensor grad_tensor,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        ) => backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        /// <summary>
        /// Until it is disposed of, a backward pass that fails tells which forward operation it belongs to, and NaN is a failure.
        /// </summary>
        public static AnomalyMode detect_anomaly(bool check_nan = true) => new(true, check_nan);

        public static AnomalyMode set_detect_anomaly(bool mode, bool check_nan = true) => new(mode, check_nan);

        static byte Byte(bool value) => value ? (byte)1 : (byte)0;
    }

    /// <summary>Operations are not recorded until it is disposed of (on this thread).</summary>
    public static IDisposable no_grad() => new GradMode(false);

    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);

    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);

    /// <summary>As <see cref="no_grad"/>, and cheaper; what is made in it can never take part in autograd.</summary>
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);

    public static bool is_grad_enabled() => Native.ebm_grad_mode() != 0;

    public static bool is_inference_mode_enabled() => Native.ebm_inference_mode() != 0;

    public partial class Tensor
    {
        /// <summary>Whether operations on it are recorded; only floating-point leaves can be told to.</summary>
        public bool requires_grad
        {
            get => Facts("requires_grad").RequiresGrad != 0;
            set => Aten.requires_grad_.Run(this, value);
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        /// <summary>Makes backward keep the gradient of this tensor, which is no leaf.</summary>
        public void retain_grad() => Aten.retain_grad.Run(this);

        /// <summary>What backward passes have added up; null before the first.</summary>
        public Tensor? grad
        {
            get
            {
                using var use = Use("grad");
                Native.Check(Native.ebm_tensor_grad(use.Address, out var gradient), "Tensor.grad");
                return gradient == 0 ? null : new Tensor(gradient);
            }
            set
            {
                using var use = Use("grad");
                using var gradient = value is null ? default : value.Use("grad");
                Native.Check(
                    Native.ebm_tensor_set_grad(use.Address, gradient.Address),
                    "Tensor.grad",
                    value is null ? "none" : $"self: {Describe()}, value: {value.Describe()}"
                );
            }
        }

        /// <summary>Adds this scalar's gradients to the <c>grad</c> of the leaves it depends on.</summary>
        public void backward() => autograd.backward(this);

        /// <summary>As <see cref="autograd.backward(IList{Tensor}, IList{Tensor}, bool?, bool, IList{Tensor})"/> of this tensor.</summary>
        public void backward(
            IList<Tensor>? grad_tensors = null,
            bool retain_graph = false,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        ) => autograd.backward(this, grad_tensors, retain_graph, create_graph, inputs);

        /// <summary>The same values, cut from the graph.</summary>
        public Tensor detach() => Aten.detach.Tensor(this);

        public Tensor detach_() => Aten.detach_.InPlace(this);
    }

    // A thread's mode is the thread's: putting it back from another thread would change that one's.
    sealed class GradMode : IDisposable
    {
        readonly byte _before = Native.ebm_grad_mode();
        readonly int _thread = Environment.CurrentManagedThreadId;
        bool _over;

        public GradMode(bool enabled) => Native.ebm_set_grad_mode(enabled ? (byte)1 : (byte)0);

        public void Dispose()
        {
            if (!_over)
            {
                RequireThread(_thread, "no_grad, enable_grad and set_grad_enabled");
                _over = true;
                Native.ebm_set_grad_mode(_before);
            }
        }
    }

    sealed class InferenceMode(bool enabled) : IDisposable
    {
        readonly int _thread = Environment.CurrentManagedThreadId;
        nint _guard = Native.ebm_inference_guard(enabled ? (byte)1 : (byte)0);

        public void Dispose()
        {
            if (_guard != 0)
            {
                RequireThread(_thread, "inference_mode");
                Native.ebm_inference_release(_guard);
                _guard = 0;
            }
        }
    }

    internal static partial class Aten
    {
        public static readonly Operator requires_grad_ = new("requires_grad_(self, requires_grad)"),
            retain_grad = new("retain_grad(self)"),
            detach = new("detach(self)"),
            detach_ = new("detach_(self)");
    }

    internal static void RequireThread(int thread, string what)
    {
        if (thread != Environment.CurrentManagedThreadId)
        {
            throw new InvalidOperationException(
                $"{what} must be disposed of on the thread that began it: no await or other thread may lie between."
            );
        }
    }
}

/// <summary>Anomaly detection of backward passes, from its construction until it is disposed of.</summary>
public class AnomalyMode : IDisposable
{
    readonly byte _before = Native.ebm_anomaly_mode();
    readonly byte _checkedBefore = Native.ebm_anomaly_checks_nan();

    public AnomalyMode(bool enabled, bool check_nan = true) =>
        Native.ebm_set_anomaly_mode(enabled ? (byte)1 : (byte)0, check_nan ? (byte)1 : (byte)0);

    public static bool IsEnabled => Native.ebm_anomaly_mode() != 0;

    public static bool ShouldCheckNaN => Native.ebm_anomaly_checks_nan() != 0;

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) => Native.ebm_set_anomaly_mode(_before, _checkedBefore);
}
