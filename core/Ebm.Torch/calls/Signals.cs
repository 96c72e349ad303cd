// Some libtorch packages (Debian 13's) load UCX, which takes SIGSEGV for itself; .NET needs that signal to turn a null reference into an
// exception, and without it a null argument ends the process. UCX reads its settings when it is loaded, so this is said before.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ebm.Torch;

internal static partial class Signals
{
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Nothing of this assembly may load libtorch before the variable is set.")]
    internal static void KeepForRuntime() => _ = SetEnvironment("UCX_ERROR_SIGNALS", "", overwrite: 0);
}
