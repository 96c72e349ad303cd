using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The history behind an attempt: the checkpoint that it resumes from, and interventions other than restarts. Only without interventions do config
/// and code alone determine the result.
/// </summary>
static class Lineage
{
    /// <summary>The interventions behind an attempt that is about to start.</summary>
    /// <param name="now">Its manifest, with everything known before the first step.</param>
    /// <param name="earlier">The attempts before it, first to last.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="isEdited">Whether config.yaml gives a different identity than config.json.</param>
    public static IReadOnlyList<Intervention> Of(RunManifest now, IReadOnlyList<RunManifest> earlier, RunFolder folder, bool isEdited)
    {
        var before = earlier.LastOrDefault();
        var parent = now.Parent is { } origin ? earlier.LastOrDefault(attempt => attempt.Attempt == origin.Attempt) : null;
        List<Intervention> all = [];
        if (parent is not null)
        {
            all.AddRange(Intervention.Of(folder, parent));
            all.AddRange(Between(parent, now));
        }
        // Earlier training is discarded, but its divergence is recorded.
        else if (before is not null)
            all.AddRange(Intervention.Of(folder, before).Where(was => was.What == Intervention.AfterDivergence));
        if (before is { State: RunState.Diverged })
            all.Add(Intervention.After(before, now.Attempt));
        if (isEdited && !all.Any(was => was.What == Intervention.OtherSettings))
            all.Add(
                new Intervention(
                    Intervention.OtherSettings,
                    now.Attempt,
                    "config.yaml no longer gives config.json, which the run is named after"
                )
            );
        return all;
    }

    static IEnumerable<Intervention> Between(RunManifest was, RunManifest now)
    {
        Intervention Found(string what, string difference) =>
            new(what, now.Attempt, $"it went on from step {now.Parent!.Step} of attempt {was.Attempt}, and {difference}");

        var code = Differing(was.Build?.Code, now.Build?.Code);
        if (code is not null)
            yield return Found(Intervention.OtherCode, $"the code of {code} was another");
        if (was.Native is { } library && now.Native is { } other && library.Libtorch != other.Libtorch)
            yield return Found(Intervention.OtherLibraries, $"libtorch was {library.Libtorch} and is {other.Libtorch}");
        else if (Differing(was.Packages, now.Packages) is { } package)
            yield return Found(Intervention.OtherLibraries, $"the package {package} was another");
        if (was.Device is { } device && device != now.Device)
            yield return Found(Intervention.OtherConditions, $"the device was {device} and is {now.Device}");
        else if (was.Threads is { } threads && now.Threads is { } others && threads.IntraOp != others.IntraOp)
            yield return Found(Intervention.OtherConditions, $"threads were {threads.IntraOp} and are {others.IntraOp}");
        else if (Said(was.Ranks) is var before && Said(now.Ranks) is var after && before != after)
            yield return Found(Intervention.OtherConditions, $"it was trained by {before} and is by {after}");
    }

    /// <summary>The processes that train, in words.</summary>
    internal static string Said(RanksState? ranks) => ranks is null ? "one process" : $"{ranks.Count} ranks of {ranks.Library}";

    /// <summary>
    /// The first name with different values in two maps; null if they agree. Names in only one map are ignored, because a script's process loads
    /// more assemblies than the runner.
    /// </summary>
    internal static string? Differing(IReadOnlyDictionary<string, string>? was, IReadOnlyDictionary<string, string>? now) =>
        was is null || now is null
            ? null
            : was.Keys.Intersect(now.Keys).Order(StringComparer.Ordinal).FirstOrDefault(name => was[name] != now[name]);
}
