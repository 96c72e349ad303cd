using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// Who makes a run, and on which machine: hashes that tell one from another and name neither. Whoever knows the machine's id can try names; whoever has
/// only the manifest cannot.
/// </summary>
static class Maker
{
    // systemd's id of the installation, which it asks never to be published as it is (machine-id(5)).
    static readonly string[] Files = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

    /// <summary>The maker of what runs here.</summary>
    internal static MakerState Here() =>
        Of(Files.Where(File.Exists).Select(Read).FirstOrDefault(id => id.Length > 0), Environment.UserName);

    /// <param name="machine">The machine's id; null where there is none: two machines cannot be told apart by less.</param>
    internal static MakerState Of(string? machine, string user) =>
        machine is null ? new(null, null) : new(Short(machine), user.Length > 0 ? Short($"{machine} {user}") : null);

    static string Short(string text) => Canonical.Sha256($"maker {text}")[..12];

    static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
