using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>The identities of runs that differ only in their seed. A further one costs its hashes, and no text is kept for it.</summary>
public sealed class SeedIdentities
{
    readonly (byte[] Before, byte[] After) identity,
        training;
    readonly string data,
        method;

    /// <summary>The <see cref="Identity.GroupId"/> of all of them.</summary>
    public string GroupId { get; }

    /// <param name="run">One of the runs.</param>
    /// <exception cref="ConfigException">Its data, its method or its seed is missing, or a text cannot be normalised.</exception>
    public SeedIdentities(Resolved<ExperimentSpec> run)
    {
        GroupId = Identity.Of(run.Identity).GroupId;
        (data, method) = (run.Identity.Text("data.kind"), run.Identity.Text("method.kind"));
        identity = Around(run.Identity);
        training = Around(Identity.TrainingOf(run));
    }

    /// <summary><see cref="Identity.Json"/> of the run with this seed.</summary>
    public string Json(long seed) => Encoding.UTF8.GetString(Text(identity, seed));

    /// <summary><see cref="Identity.RunId"/> of the run with this seed.</summary>
    public string RunId(long seed) => RunName.Of(data, method, seed, Hash(identity, seed));

    /// <summary><see cref="Identity.OfTraining"/> of the run with this seed.</summary>
    public string Training(long seed) => Hash(training, seed);

    static (byte[], byte[]) Around(Document document)
    {
        var (before, after) = Canonical.Around(document, "seed");
        return (Encoding.UTF8.GetBytes(before), Encoding.UTF8.GetBytes(after));
    }

    static byte[] Text((byte[] Before, byte[] After) around, long seed) =>
        [.. around.Before, .. Encoding.UTF8.GetBytes(seed.ToString(CultureInfo.InvariantCulture)), .. around.After];

    static string Hash((byte[] Before, byte[] After) around, long seed) => Convert.ToHexStringLower(SHA256.HashData(Text(around, seed)));
}
