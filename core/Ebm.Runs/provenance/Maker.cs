using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// Hashes that identify the user and machine of a run without naming them. Someone who knows the machine's id can test user names; the manifest
/// alone does not allow it.
/// </summary>
static class Maker
{
    // systemd's id of the installation, which must not be published unhashed (machine-id(5)).
    static readonly string[] Files = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

    /// <summary>The user and machine of this process.</summary>
    internal static MakerState Here() =>
        Of(Files.Where(File.Exists).Select(Read).FirstOrDefault(id => id.Length > 0), Environment.UserName);

    /// <param name="machine">The machine's id; null if there is none, because nothing else identifies a machine reliably.</param>
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
