// Tensors made from nothing but a shape: zeros, ones, empty, full, ranges, and random ones. Null is the default dtype, and the default
// device.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(0, stop, 1, dtype, device, requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(start, stop, 1, dtype, device, requires_grad);

    /// <summary>start, start + step, … below stop: int64 when all three are integers, else the default dtype.</summary>
    public static Tensor arange(
        Scalar start,
        Scalar stop,
        Scalar step,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) =>
        Made(
            Aten.arange_start_step.Tensor(
                start,
                stop,
                step,
                dtype ?? (start.IsFloating || stop.IsFloating || step.IsFloating ? get_default_dtype() : ScalarType.Int64),
                Argument.None,
                On(device)
            ),
            requires_grad
        );

    /// <summary>Numbers at equal distances from start to end, both in it.</summary>
    public static Tensor linspace(
        double start,
        double end,
        long steps,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Made(Aten.linspace.Tensor(start, end, steps, dtype, Argument.None, On(device)), requires_grad);

    /// <summary>Powers of the base, with exponents at equal distances from start to end.</summary>
    public static Tensor logspace(
        double start,
        double end,
        long steps,
        double @base = 10,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Made(Aten.logspace.Tensor(start, end, steps, @base, dtype, Argument.None, On(device)), requires_grad);

    /// <summary>Ones on the diagonal; square when columns is −1.</summary>
    public static Tensor eye(
        long rows,
        long columns = -1L,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        string[]? names = null
    ) => Made(Aten.eye_m.Tensor(rows, columns == -1 ? rows : columns, dtype, Argument.None, On(device)), requires_grad, names);

    public static Tensor zeros_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        string[]? names = null
    ) => Made(Aten.zeros_like.Tensor(input, dtype, Argument.None, Given(device)), requires_grad, names);

    public static Tensor ones_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        string[]? names = null
    ) => Made(Aten.ones_like.Tensor(input, dtype, Argument.None, Given(device)), requires_grad, names);

    public static Tensor empty_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        string[]? names = null
    ) => Made(Aten.empty_like.Tensor(input, dtype, Argument.None, Given(device)), requires_grad, names);

    public static Tensor full_like(
        Tensor input,
        Scalar value,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        string[]? names = null
    ) => Made(Aten.full_like.Tensor(input, value, dtype, Argument.None, Given(device)), requires_grad, names);

    /// <summary>Uniform on [0, 1), in the shape of the input, from libtorch's default generator.</summary>
    public static Tensor rand_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.rand_like.Tensor(input, dtype, Argument.None, Given(device)), requires_grad);

    /// <summary>N(0, 1), in the shape of the input, from libtorch's default generator.</summary>
    public static Tensor randn_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.randn_like.Tensor(input, dtype, Argument.None, Given(device)), requires_grad);

    /// <summary>Integers in [low, high), in the shape of the input, from libtorch's default generator.</summary>
    public static Tensor randint_like(
        Tensor input,
        long low,
        long high,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Made(Aten.randint_like_low_dtype.Tensor(input, low, high, dtype, Argument.None, Given(device)), requires_grad);

    /// <summary>Memory with these strides, its values whatever stood there.</summary>
    public static Tensor empty_strided(
        long[] size,
        long[] strides,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        string[]? names = null
    ) => Made(Aten.empty_strided.Tensor(size, strides, dtype, Argument.None, On(device)), requires_grad, names);

    /// <summary>Integers in [0, high).</summary>
    public static Tensor randint(
        long high,
        long[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null,
        string[]? names = null
    ) => randint(0, high, size, dtype, device, requires_grad, generator, names);

    public static Tensor randint(
        long high,
        Size size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null,
        string[]? names = null
    ) => randint(0, high, size.Shape, dtype, device, requires_grad, generator, names);

    public static Tensor randint(
        int high,
        int[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null,
        string[]? names = null
    ) => randint(0L, high, Longs(size), dtype, device, requires_grad, generator, names);

    public static Tensor randint(
        int low,
        int high,
        int[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null,
        string[]? names = null
    ) => randint((long)low, high, Longs(size), dtype, device, requires_grad, generator, names);

    public static Tensor randint(
        long low,
        long high,
        Size size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null,
        string[]? names = null
    ) => randint(low, high, size.Shape, dtype, device, requires_grad, generator, names);

    /// <summary>Integers in [low, high); int64 when no dtype is given.</summary>
    public static Tensor randint(
        long low,
        long high,
        long[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null,
        string[]? names = null
    ) =>
        Made(
            Aten.randint_low_generator.Tensor(low, high, size, generator, dtype ?? ScalarType.Int64, Argument.None, On(device)),
            requires_grad,
            names
        );

    /// <summary>0 … n − 1 in random order; int64 when no dtype is given.</summary>
    public static Tensor randperm(
        long n,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null
    ) => Made(Aten.randperm_generator.Tensor(n, generator, dtype ?? ScalarType.Int64, Argument.None, On(device)), requires_grad);

    public static Tensor randperm(long n, Tensor @out, Generator? generator = null) =>
        Tensor.Into(@out, randperm(n, @out.dtype, @out.device, generator: generator));

    /// <summary>A draw from N(mean, std²) for each element of the two, broadcast.</summary>
    public static Tensor normal(Tensor mean, Tensor std, Generator? generator = null) =>
        Aten.normal_Tensor_Tensor.Tensor(mean, std, generator);

    /// <summary>Draws from N(mean, std²).</summary>
    public static Tensor normal(
        double mean,
        double std,
        ReadOnlySpan<long> size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false,
        Generator? generator = null,
        string[]? names = null
    ) => Made(randn(size, dtype, device, generator: generator).mul_(std).add_(mean), requires_grad, names);

    static Tensor Filled(Operator how, long[] size, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) =>
        Made(how.Tensor(size, dtype, Argument.None, On(device)), requires_grad, names);

    static Tensor Filled(long[] size, Scalar value, ScalarType? dtype, Device? device, bool requires_grad, string[]? names) =>
        Made(
            Aten.full.Tensor(size, value, dtype ?? (value.IsFloating ? get_default_dtype() : ScalarType.Int64), Argument.None, On(device)),
            requires_grad,
            names
        );

    static Tensor Drawn(
        Operator how,
        long[] size,
        ScalarType? dtype,
        Device? device,
        bool requires_grad,
        Generator? generator,
        string[]? names
    ) => Made(how.Tensor(size, generator, dtype, Argument.None, On(device)), requires_grad, names);

    internal static Tensor Made(Tensor tensor, bool requires_grad, string[]? names = null)
    {
        if (requires_grad)
        {
            tensor.requires_grad = true;
        }
        return names is { Length: > 0 } ? tensor.rename_(names) : tensor;
    }

    /// <summary>The device a new tensor goes to.</summary>
    internal static Device On(Device? device) => device is null && default_device is null ? CPU : InitializeDevice(device);

    // Beside a given tensor, null means that tensor's device.
    static Device? Given(Device? device) => device is null ? null : InitializeDevice(device);

    internal static long[] Longs(int[] sizes) => Array.ConvertAll(sizes, size => (long)size);

    internal static partial class Aten
    {
        public static readonly Operator zeros = new("zeros(size, dtype, layout, device)"),
            ones = new("ones(size, dtype, layout, device)"),
            empty_memory_format = new("empty.memory_format(size, dtype, layout, device)"),
            full = new("full(size, fill_value, dtype, layout, device)"),
            rand_generator = new("rand.generator(size, generator, dtype, layout, device)"),
            randn_generator = new("randn.generator(size, generator, dtype, layout, device)"),
            randint_low_generator = new("randint.low_generator(low, high, size, generator, dtype, layout, device)"),
            randperm_generator = new("randperm.generator(n, generator, dtype, layout, device)"),
            normal_Tensor_Tensor = new("normal.Tensor_Tensor(mean, std, generator)"),
            arange_start_step = new("arange.start_step(start, end, step, dtype, layout, device)"),
            linspace = new("linspace(start, end, steps, dtype, layout, device)"),
            logspace = new("logspace(start, end, steps, base, dtype, layout, device)"),
            eye_m = new("eye.m(n, m, dtype, layout, device)"),
            empty_strided = new("empty_strided(size, stride, dtype, layout, device)"),
            zeros_like = new("zeros_like(self, dtype, layout, device)"),
            ones_like = new("ones_like(self, dtype, layout, device)"),
            empty_like = new("empty_like(self, dtype, layout, device)"),
            full_like = new("full_like(self, fill_value, dtype, layout, device)"),
            rand_like = new("rand_like(self, dtype, layout, device)"),
            randn_like = new("randn_like(self, dtype, layout, device)"),
            randint_like_low_dtype = new("randint_like.low_dtype(self, low, high, dtype, layout, device)");
    }
}
