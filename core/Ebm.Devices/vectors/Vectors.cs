using System.Globalization;
using System.Runtime.Intrinsics;

namespace Ebm.Devices;

/// <summary>
/// The vector width of this process's own kernels: the widest that the processor has, or the width that the environment variable EBM_VECTOR_LANES
/// names. Widths give the same bits; a narrow one is for tests and for comparing machines.
/// </summary>
public static class Vectors
{
    /// <summary>The environment variable: 16, 8 or 4.</summary>
    public const string Variable = "EBM_VECTOR_LANES";

    static int lanes = Chosen();

    /// <summary>Lanes of float32 in a vector: 16, 8 or 4.</summary>
    public static int Lanes
    {
        get => lanes;
        internal set =>
            lanes = Has(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "not a width of this processor");
    }

    /// <summary>Whether the processor has vectors of so many lanes.</summary>
    public static bool Has(int count) =>
        count switch
        {
            16 => Vector512.IsHardwareAccelerated,
            8 => Vector256.IsHardwareAccelerated,
            4 => Vector128.IsHardwareAccelerated,
            _ => false,
        };

    /// <summary>Runs work that is generic in the vector, at the chosen width.</summary>
    public static void Run<TWork>(TWork work)
        where TWork : IVectorWork, allows ref struct
    {
        switch (lanes)
        {
            case 16:
                work.Run<Lanes16>();
                break;
            case 8:
                work.Run<Lanes8>();
                break;
            default:
                work.Run<Lanes4>();
                break;
        }
    }

    /// <exception cref="InvalidOperationException">The variable names a width that the processor does not have.</exception>
    static int Chosen()
    {
        var widest = new[] { 16, 8 }.FirstOrDefault(Has, 4);
        return Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } said ? widest
            : int.TryParse(said, CultureInfo.InvariantCulture, out var asked) && Has(asked) ? asked
            : throw new InvalidOperationException(
                $"{Variable}={said} is not a vector width of this processor, which has {widest} lanes at most; write 16, 8 or 4, or unset it"
            );
    }
}

/// <summary>Work that is generic in the vector.</summary>
public interface IVectorWork
{
    void Run<T>()
        where T : unmanaged, IVector<T>;
}
