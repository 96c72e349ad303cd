using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>An activation and its derivative on vectors, with the constants that it holds through a loop.</summary>
interface IActivated<TSelf, T>
    where T : unmanaged, IVector<T>
{
    static abstract TSelf Begin();

    /// <summary>a(x) and a′(x).</summary>
    (T Value, T Derivative) Of(T x);

    /// <summary>a″(x).</summary>
    T Bend(T x);
}

/// <summary>The activations that kernels compute themselves, each within a few units in the last place of libtorch's.</summary>
static unsafe class Activated
{
    public static bool Has(Activation activation) => activation != Activation.Gelu;

    /// <summary>h ← a(h), d ← a′(h) and b ← a″(h), as far as they are wanted.</summary>
    /// <param name="count">Floats, whole vectors.</param>
    public static void Apply<T>(Activation activation, float* h, float* d, int count, float* b = null)
        where T : unmanaged, IVector<T> => With<T, Numbers>(activation, new(h, d, b, count));

    /// <summary>The outputs Σᵢ uᵢ a(zᵢ) + bias of a tile, and their gradient before the activation, g = u ⊙ a′(z).</summary>
    /// <param name="z">numbers · 32 floats.</param>
    /// <param name="u">A number for each of z if all rows have the same, else as z.</param>
    /// <param name="bias">One number, or 32.</param>
    /// <param name="same">Whether all rows have the same u and bias.</param>
    /// <param name="outputs">32 floats.</param>
    /// <param name="g">As z; null if it is not wanted.</param>
    public static void Sum<T>(Activation activation, float* z, float* u, float* bias, bool same, int numbers, float* outputs, float* g)
        where T : unmanaged, IVector<T> => With<T, Outputs>(activation, new(z, u, bias, same, numbers, outputs, g));

    /// <summary>Work that is generic in the activation.</summary>
    interface IActivatedWork
    {
        void Do<T, TActivation>()
            where T : unmanaged, IVector<T>
            where TActivation : struct, IActivated<TActivation, T>;
    }

    static void With<T, TWork>(Activation activation, TWork work)
        where T : unmanaged, IVector<T>
        where TWork : struct, IActivatedWork
    {
        switch (activation)
        {
            case Activation.Silu:
                work.Do<T, Silu<T>>();
                break;
            case Activation.Softplus:
                work.Do<T, Softplus<T>>();
                break;
            case Activation.Tanh:
                work.Do<T, Tanh<T>>();
                break;
            case Activation.LeakyRelu:
                work.Do<T, LeakyRelu<T>>();
                break;
            case Activation.Relu:
                work.Do<T, Relu<T>>();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, "has no kernel");
        }
    }

    readonly struct Numbers(float* h, float* d, float* b, int count) : IActivatedWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Do<T, TActivation>()
            where T : unmanaged, IVector<T>
            where TActivation : struct, IActivated<TActivation, T>
        {
            float* value = h,
                derivative = d,
                bend = b;
            var (all, activation) = (count, TActivation.Begin());
            if (bend != null)
                for (var i = 0; i < all; i += T.Lanes)
                    T.Store(activation.Bend(T.Load(value + i)), bend + i);
            if (derivative == null)
                for (var i = 0; i < all; i += T.Lanes)
                    T.Store(activation.Of(T.Load(value + i)).Value, value + i);
            else
                for (var i = 0; i < all; i += T.Lanes)
                {
                    var (a, slope) = activation.Of(T.Load(value + i));
                    T.Store(a, value + i);
                    T.Store(slope, derivative + i);
                }
        }
    }

    readonly struct Outputs(float* z, float* u, float* bias, bool same, int numbers, float* outputs, float* g) : IActivatedWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public void Do<T, TActivation>()
            where T : unmanaged, IVector<T>
            where TActivation : struct, IActivated<TActivation, T>
        {
            float* from = z,
                weight = u,
                gradient = g;
            var (size, shared, activation) = (numbers * Tile.Rows, same, TActivation.Begin());
            for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
            {
                var sum = shared ? T.Of(*bias) : T.Load(bias + lane);
                for (int i = lane, number = 0; i < size; i += Tile.Rows, number++)
                {
                    var w = shared ? T.Of(weight[number]) : T.Load(weight + i);
                    var (a, slope) = activation.Of(T.Load(from + i));
                    sum = T.MultiplyAdd(w, a, sum);
                    if (gradient != null)
                        T.Store(w * slope, gradient + i);
                }
                T.Store(sum, outputs + lane);
            }
        }
    }

    readonly struct Silu<T> : IActivated<Silu<T>, T>
        where T : unmanaged, IVector<T>
    {
        readonly Exponential<T> exponential;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Silu(Exponential<T> exponential) => this.exponential = exponential;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Silu<T> Begin() => new(new Exponential<T>());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (T Value, T Derivative) Of(T x)
        {
            var s = exponential.Sigmoid(ref x);
            var h = x * s;
            return (h, T.MultiplyAdd(h, exponential.One - s, s));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Bend(T x)
        {
            var s = exponential.Sigmoid(ref x);
            var rest = exponential.One - s;
            return s * rest * T.MultiplyAdd(x, rest - s, T.Of(2));
        }
    }

    readonly struct Softplus<T> : IActivated<Softplus<T>, T>
        where T : unmanaged, IVector<T>
    {
        public static Softplus<T> Begin() => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (T Value, T Derivative) Of(T x) => (Functions.Softplus(x), Functions.Sigmoid(x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Bend(T x)
        {
            var s = Functions.Sigmoid(x);
            return s * (T.Of(1) - s);
        }
    }

    readonly struct Tanh<T> : IActivated<Tanh<T>, T>
        where T : unmanaged, IVector<T>
    {
        public static Tanh<T> Begin() => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (T Value, T Derivative) Of(T x)
        {
            var h = Functions.Tanh(x);
            return (h, T.Of(1) - h * h);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Bend(T x)
        {
            var h = Functions.Tanh(x);
            return T.Of(-2) * h * (T.Of(1) - h * h);
        }
    }

    readonly struct LeakyRelu<T> : IActivated<LeakyRelu<T>, T>
        where T : unmanaged, IVector<T>
    {
        public static LeakyRelu<T> Begin() => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (T Value, T Derivative) Of(T x)
        {
            var slope = T.Select(T.Greater(x, T.Of(0)), T.Of(1), T.Of(.2f));
            return (x * slope, slope);
        }

        public T Bend(T x) => T.Of(0);
    }

    readonly struct Relu<T> : IActivated<Relu<T>, T>
        where T : unmanaged, IVector<T>
    {
        public static Relu<T> Begin() => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (T Value, T Derivative) Of(T x)
        {
            var slope = T.Greater(x, T.Of(0)) & T.Of(1);
            return (x * slope, slope);
        }

        public T Bend(T x) => T.Of(0);
    }
}
