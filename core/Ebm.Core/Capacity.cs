using System.Globalization;
using System.Runtime.CompilerServices;

namespace Ebm.Core;

/// <summary>
/// Checks memory before a large allocation, because Linux kills a process that runs out of memory without an error message. Components check when
/// they are built, not when settings are read: a config may be read on another machine than the one that runs it.
/// </summary>
public static class Capacity
{
    /// <summary>Bytes available to this process: the machine's memory, or most of its container's.</summary>
    public static double Bytes { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Throws if a setting's value needs more memory than this process has.</summary>
    /// <param name="needs">Bytes; a float, so that no product of settings overflows.</param>
    /// <param name="makes">What needs them, such as "100000 rows of 2 numbers".</param>
    /// <exception cref="SettingException">More is needed than there is.</exception>
    public static void For<T>(T value, double needs, string makes, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : IFormattable
    {
        if (needs > Bytes)
            throw new SettingException(setting, TooLarge(value.ToString(null, CultureInfo.InvariantCulture), needs, makes));
    }

    /// <summary>The same check for computed rows; the computation holds several copies of them.</summary>
    /// <param name="numbers">Doubles held per row.</param>
    public static void ForRows(long value, double numbers, [CallerArgumentExpression(nameof(value))] string setting = "") =>
        For(value, sizeof(double) * numbers * value, "so many rows while they are computed", setting);

    /// <summary>The error message for a setting that needs too much memory.</summary>
    public static string TooLarge(string value, double needs, string makes) =>
        $"is {value}: {makes} take {Show(needs)}, and this machine has {Show(Bytes)}; lower it";

    static string Show(double bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:#,0.#} GB");
}
