using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>An activation and its derivative on vectors.</summary>
interface IActivated
{
    /// <summary>a(x) and a′(x).</summary>
    static abstract (T Value, T Derivative) Of<T>(T x)
        where T : unmanaged, IVector<T>;

    /// <summary>a″(x).</summary>
    static abstract T Bend<T>(T x)
        where T : unmanaged, IVector<T>;
}

/// <summary>The activations that kernels compute themselves, each within a few units in the last place of libtorch's.</summary>
static class Activated
{
    public static bool Has(Activation activation) => activation != Activation.Gelu;

    /// <summary>h ← a(h), d ← a′(h) and b ← a″(h), as far as they are wanted.</summary>
    /// <param name="count">Floats, whole vectors.</param>
    public static unsafe void Apply<T>(Activation activation, float* h, float* d, int count, float* b = null)
        where T : unmanaged, IVector<T>
    {
        switch (activation)
        {
            case Activation.Silu:
                Apply<T, Silu>(h, d, b, count);
                break;
            case Activation.Softplus:
                Apply<T, Softplus>(h, d, b, count);
                break;
            case Activation.Tanh:
                Apply<T, Tanh>(h, d, b, count);
                break;
            case Activation.LeakyRelu:
                Apply<T, LeakyRelu>(h, d, b, count);
                break;
            case Activation.Relu:
                Apply<T, Relu>(h, d, b, count);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, "has no kernel");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static unsafe void Apply<T, TActivation>(float* h, float* d, float* b, int count)
        where T : unmanaged, IVector<T>
        where TActivation : IActivated
    {
        if (b != null)
            for (var i = 0; i < count; i += T.Lanes)
                T.Store(TActivation.Bend(T.Load(h + i)), b + i);
        if (d == null)
            for (var i = 0; i < count; i += T.Lanes)
                T.Store(TActivation.Of(T.Load(h + i)).Value, h + i);
        else
            for (var i = 0; i < count; i += T.Lanes)
            {
                var (value, derivative) = TActivation.Of(T.Load(h + i));
                T.Store(value, h + i);
                T.Store(derivative, d + i);
            }
    }

    readonly struct Silu : IActivated
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (T Value, T Derivative) Of<T>(T x)
            where T : unmanaged, IVector<T>
        {
            var s = T.Of(1) / (T.Of(1) + Functions.ExpHeld(-x));
            var h = x * s;
            return (h, T.MultiplyAdd(h, T.Of(1) - s, s));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Bend<T>(T x)
            where T : unmanaged, IVector<T>
        {
            var s = Functions.Sigmoid(x);
            return s * (T.Of(1) - s) * T.MultiplyAdd(x, T.Of(1) - s - s, T.Of(2));
        }
    }

    readonly struct Softplus : IActivated
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (T Value, T Derivative) Of<T>(T x)
            where T : unmanaged, IVector<T> => (Functions.Softplus(x), Functions.Sigmoid(x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Bend<T>(T x)
            where T : unmanaged, IVector<T>
        {
            var s = Functions.Sigmoid(x);
            return s * (T.Of(1) - s);
        }
    }

    readonly struct Tanh : IActivated
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (T Value, T Derivative) Of<T>(T x)
            where T : unmanaged, IVector<T>
        {
            var h = Functions.Tanh(x);
            return (h, T.Of(1) - h * h);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Bend<T>(T x)
            where T : unmanaged, IVector<T>
        {
            var h = Functions.Tanh(x);
            return T.Of(-2) * h * (T.Of(1) - h * h);
        }
    }

    readonly struct LeakyRelu : IActivated
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (T Value, T Derivative) Of<T>(T x)
            where T : unmanaged, IVector<T>
        {
            var slope = T.Select(T.Greater(x, T.Of(0)), T.Of(1), T.Of(.2f));
            return (x * slope, slope);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Bend<T>(T x)
            where T : unmanaged, IVector<T> => T.Of(0);
    }

    readonly struct Relu : IActivated
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (T Value, T Derivative) Of<T>(T x)
            where T : unmanaged, IVector<T>
        {
            var slope = T.Greater(x, T.Of(0)) & T.Of(1);
            return (x * slope, slope);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Bend<T>(T x)
            where T : unmanaged, IVector<T> => T.Of(0);
    }
}
