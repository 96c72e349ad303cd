// The ranges of optimizers' settings.
using System.Runtime.CompilerServices;

namespace TorchSharp.Modules;

internal static class Settings
{
    internal static void AtLeastZero(double value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!(value >= 0) || double.IsInfinity(value))
            throw new ArgumentException($"{name} is a finite number, at least 0; it is {value}.", name);
    }

    internal static void Below1(double value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!(value >= 0 && value < 1))
            throw new ArgumentException($"{name} is at least 0 and below 1; it is {value}.", name);
    }
}
