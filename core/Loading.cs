using System.Runtime.CompilerServices;

/// <summary>Compiled into every assembly that computes: before any of its code runs, torch knows where its native libraries are.</summary>
static class Loading
{
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Prepare() => Ebm.Devices.Natives.LoadWhenAsked();
}
