using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>
/// Uses, on a thread of its own, what every run needs later and libtorch does not: while the main thread loads libtorch, .NET compiles the code that
/// reads and writes manifests, and the rules for secrets are read. Then the hashes of the code are computed, which the manifest will contain.
/// Nothing depends on this thread; it only fills caches.
/// </summary>
static class Ahead
{
    public static void Start() => new Thread(Use) { IsBackground = true }.Start();

    static void Use()
    {
        try
        {
            var manifest = new RunManifest
            {
                State = RunState.Running,
                RunId = "",
                GroupId = "",
                SweepId = "",
                ConfigSha256 = "",
            };
            RunManifest.Parse(manifest.Sealed().ToJson(), "");
            Secrets.Here.Masked("");
            foreach (var assembly in Directory.GetFiles(AppContext.BaseDirectory, "Ebm.*.dll"))
                CodeHash.Of(assembly);
        }
        catch (Exception)
        {
            // The run meets the same error, and reports it.
        }
    }
}
