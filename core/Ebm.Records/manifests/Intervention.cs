namespace Ebm.Records;

/// <summary>
/// What a run needed beyond being started and, where it was stopped, being started again. Going on from a checkpoint gives the bytes that the run
/// would have had, and is none; doing a run again after it diverged is one, and so is going on from a checkpoint under another code, other
/// libraries or other settings, because no single config and code has made what came of it.
/// </summary>
/// <param name="What">One of the kinds below.</param>
/// <param name="Attempt">The attempt that began with it.</param>
/// <param name="Says">What was different, a sentence without a full stop.</param>
public sealed record Intervention(string What, int Attempt, string Says) : Extensible
{
    /// <summary>The config had diverged, and was run again from step 0.</summary>
    public const string AfterDivergence = "redo-after-divergence";

    /// <summary>Its checkpoint was made by other code.</summary>
    public const string OtherCode = "resume-under-other-code";

    /// <summary>Its checkpoint was made with another libtorch, or other packages.</summary>
    public const string OtherLibraries = "resume-under-other-libraries";

    /// <summary>Its checkpoint was made on another device, or with another number of threads.</summary>
    public const string OtherConditions = "resume-under-other-conditions";

    /// <summary>config.yaml no longer gives config.json: the file was edited, or the code resolves it otherwise.</summary>
    public const string OtherSettings = "changed-settings";

    /// <summary>Those that a run's result rests on; of manifests that do not say, earlier attempts that diverged.</summary>
    public static IReadOnlyList<Intervention> Of(RunFolder folder, RunManifest manifest) =>
        manifest.Interventions
        ?? (
            manifest.Attempt <= 1
                ? []
                :
                [
                    .. folder
                        .Attempts()
                        .Where(earlier => earlier.Attempt < manifest.Attempt && earlier.State == RunState.Diverged)
                        .Select(earlier => After(earlier, earlier.Attempt + 1)),
                ]
        );

    /// <summary>An attempt at what had diverged.</summary>
    public static Intervention After(RunManifest diverged, int attempt) =>
        new(
            AfterDivergence,
            attempt,
            $"attempt {diverged.Attempt} diverged at step {diverged.Step}{(diverged.Reason is { } reason ? $": {reason.TrimEnd('.')}" : "")}"
        );
}
