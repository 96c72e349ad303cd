using System.Globalization;
using System.Runtime.CompilerServices;

namespace Ebm.Core;

/// <summary>
/// How many bytes this process may take, asked before it takes them: where no memory is left, Linux ends the process without a reason. Asked when
/// something is built and never when settings are read, because a config may be read on another machine than it runs on.
/// </summary>
public static class Capacity
{
    /// <summary>Bytes that this process may have: the machine's, or most of its container's.</summary>
    public static double Bytes { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Refuses a setting whose value takes more bytes than there are.</summary>
    /// <param name="needs">Bytes; a float, so that no product of settings overflows.</param>
    /// <param name="makes">What takes them, such as "100000 rows of 2 numbers".</param>
    /// <exception cref="SettingException">It takes more than there is.</exception>
    public static void For<T>(T value, double needs, string makes, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : IFormattable
    {
        if (needs > Bytes)
            throw new SettingException(setting, TooLarge(value.ToString(null, CultureInfo.InvariantCulture), needs, makes));
    }

    /// <summary>The same for rows that are computed, which are held several times over while they are.</summary>
    /// <param name="numbers">Held for each row, in double.</param>
    public static void ForRows(long value, double numbers, [CallerArgumentExpression(nameof(value))] string setting = "") =>
        For(value, sizeof(double) * numbers * value, "so many rows while they are computed", setting);

    /// <summary>The sentence for a setting that makes too much.</summary>
    public static string TooLarge(string value, double needs, string makes) =>
        $"is {value}: {makes} take {Show(needs)}, and this machine has {Show(Bytes)}; lower it";

    static string Show(double bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:#,0.#} GB");
}
