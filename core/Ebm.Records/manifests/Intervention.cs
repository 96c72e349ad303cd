namespace Ebm.Records;

/// <summary>
/// An event in the history of a run that one config and code alone do not explain. Resuming from a checkpoint gives the same bytes as an
/// uninterrupted run and is not an intervention. Repeating a diverged run is one, and so is resuming under other code, libraries or settings.
/// </summary>
/// <param name="What">One of the kinds below.</param>
/// <param name="Attempt">The attempt that started with it.</param>
/// <param name="Says">What was different; a sentence without a full stop.</param>
public sealed record Intervention(string What, int Attempt, string Says) : Extensible
{
    /// <summary>The run had diverged, and was repeated from step 0.</summary>
    public const string AfterDivergence = "redo-after-divergence";

    /// <summary>Other code made the checkpoint.</summary>
    public const string OtherCode = "resume-under-other-code";

    /// <summary>The checkpoint was made with another libtorch or other packages.</summary>
    public const string OtherLibraries = "resume-under-other-libraries";

    /// <summary>The checkpoint was made on another device, or with another number of threads.</summary>
    public const string OtherConditions = "resume-under-other-conditions";

    /// <summary>config.yaml does not resolve to config.json any more: the file was edited, or the code resolves it differently.</summary>
    public const string OtherSettings = "changed-settings";

    /// <summary>The interventions behind a run's result; for older manifests without this list, earlier attempts that diverged.</summary>
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

    /// <summary>An attempt after a divergence.</summary>
    public static Intervention After(RunManifest diverged, int attempt) =>
        new(
            AfterDivergence,
            attempt,
            $"attempt {diverged.Attempt} diverged at step {diverged.Step}{(diverged.Reason is { } reason ? $": {reason.TrimEnd('.')}" : "")}"
        );
}
