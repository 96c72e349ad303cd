using System.Runtime.CompilerServices;

namespace Ebm.Devices;

/// <summary>Multiply-adds between registers alone, at this process's vector width: the peak that kernels are measured against.</summary>
public static unsafe class MultiplyAddPeak
{
    /// <summary>Floating-point operations of one round.</summary>
    public static long Operations => 2L * 10 * Vectors.Lanes;

    /// <summary>Runs rounds of ten independent multiply-adds.</summary>
    /// <returns>A number that depends on all of them.</returns>
    public static float Run(long rounds)
    {
        float result;
        Vectors.Run(new Work(rounds, &result));
        return result;
    }

    readonly struct Work(long rounds, float* result) : IVectorWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<T>()
            where T : unmanaged, IVector<T>
        {
            T a = T.Of(1),
                b = T.Of(2),
                c = T.Of(3),
                d = T.Of(4),
                e = T.Of(5),
                f = T.Of(6),
                g = T.Of(7),
                h = T.Of(8),
                i = T.Of(9),
                j = T.Of(10);
            T times = T.Of(.999f),
                plus = T.Of(1e-3f);
            for (var round = 0L; round < rounds; round++)
            {
                a = T.MultiplyAdd(a, times, plus);
                b = T.MultiplyAdd(b, times, plus);
                c = T.MultiplyAdd(c, times, plus);
                d = T.MultiplyAdd(d, times, plus);
                e = T.MultiplyAdd(e, times, plus);
                f = T.MultiplyAdd(f, times, plus);
                g = T.MultiplyAdd(g, times, plus);
                h = T.MultiplyAdd(h, times, plus);
                i = T.MultiplyAdd(i, times, plus);
                j = T.MultiplyAdd(j, times, plus);
            }
            var all = stackalloc float[16];
            T.Store(a + b + c + d + e + f + g + h + i + j, all);
            *result = all[0];
        }
    }
}
