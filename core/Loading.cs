using System.Runtime.CompilerServices;

/// <summary>Part of every assembly that computes: it registers the native libraries of torch before other code of the assembly runs.</summary>
static class Loading
{
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Prepare() => Ebm.Devices.Natives.LoadWhenAsked();
}
