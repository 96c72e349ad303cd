using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The identity of a run: the resolved config without settings that do not affect the result. The same config has the same id on every machine, in
/// every culture and process, in any order of keys.
/// </summary>
public sealed record Identity
{
    /// <summary>The canonical JSON that is hashed: <c>config.json</c>.</summary>
    public string Json { get; }

    /// <summary>Its SHA-256: 64 hexadecimal digits.</summary>
    public string Sha256 { get; }

    /// <summary><c>data-method-s0-0123456789ab</c>: the folder's name.</summary>
    public string RunId { get; }

    /// <summary><c>data-method-0123456789ab</c>: equal for runs that differ only in their seed.</summary>
    public string GroupId { get; }

    Identity(string json, string sha256, string runId, string groupId) => (Json, Sha256, RunId, GroupId) = (json, sha256, runId, groupId);

    /// <param name="identity">The document <see cref="Resolved{T}.Identity"/>, with data.kind, method.kind and seed.</param>
    /// <exception cref="ConfigException">One of the three is missing, or a text cannot be normalised.</exception>
    public static Identity Of(Document identity)
    {
        var (data, method) = (identity.Text("data.kind"), identity.Text("method.kind"));
        var seed = identity.Integer("seed");
        var json = Canonical.Json(identity);
        var hash = Canonical.Sha256(json);
        var group = Canonical.Sha256(Canonical.Json(identity.Without("seed")));
        return new(json, hash, RunName.Of(data, method, seed, hash), $"{RunName.Slug($"{data}-{method}")}-{group[..RunName.Digits]}");
    }

    /// <summary>
    /// The identity of a run's training: the hash of its identity without settings that act after training. Runs of one seed with equal ones,
    /// under the same code and conditions, have equal weights. A run that measures while it trains shares no training, because its measurements
    /// then depend on all settings; the best weights need such measurements, too.
    /// </summary>
    public static string OfTraining(Resolved<ExperimentSpec> run) => Canonical.Sha256(Canonical.Json(TrainingOf(run)));

    /// <summary>The document whose hash is <see cref="OfTraining"/>.</summary>
    internal static Document TrainingOf(Resolved<ExperimentSpec> run) => run.Value.Measure.Every is null ? run.Training : run.Identity;

    /// <summary>The hash of a metric's resolved settings: values with equal protocols are comparable.</summary>
    public static string Protocol(Document settings) => Canonical.Sha256(Canonical.Json(settings))[..RunName.Digits];
}
