using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The finished training of another run in the same sweep's folder that this run would repeat bit by bit: the two configs differ only in settings
/// that act after training, and code, libraries, machine and data are the same. Its files are taken if they still have the hashes that the other
/// run's sealed manifest states.
/// </summary>
/// <param name="Folder">The other run.</param>
/// <param name="Manifest">Its manifest.</param>
sealed record SharedTraining(RunFolder Folder, RunManifest Manifest)
{
    const string Checkpoint = "checkpoint/";

    static readonly string[] Records = ["events.jsonl", "trace.jsonl"];

    /// <summary>A training that a run can take; null if there is none.</summary>
    /// <param name="folder">The run.</param>
    /// <param name="now">Its manifest, with its data and everything else known before the first step.</param>
    /// <param name="note">Receives why a training is not taken, as a sentence.</param>
    public static SharedTraining? For(RunFolder folder, RunManifest now, Action<string> note)
    {
        // The only config with this training.
        if (now.TrainingSha256 is not { } wanted || wanted == now.ConfigSha256)
            return null;
        // A folder with another name is not one of a sweep.
        if (folder.Id.Length <= RunName.Digits)
            return null;
        // Equal data, method and seed give equal ids up to the hash.
        var start = folder.Id[..^RunName.Digits];
        foreach (var path in Directory.GetDirectories(Path.GetDirectoryName(folder.Path)!, $"{start}*").Order(StringComparer.Ordinal))
        {
            if (path == folder.Path || RunTree.Look(path) is not [{ Run: { } other, Manifest: { } was, Seal: Seal.Holds }])
                continue;
            if (was.State != RunState.Completed || was.TrainingSha256 != wanted || was.TrainedBy is not null)
                continue;
            if (was.Interventions is not [])
                note($"the training of {other.Id} is not taken, because it is not the result of its config alone");
            else if (Difference(was, now) is { } difference)
                note($"the training of {other.Id} is not taken: {difference}");
            else
                return new(other, was);
        }
        return null;
    }

    /// <summary>Where the checkpoint comes from.</summary>
    public ParentState Origin =>
        new(
            Folder.Id,
            Manifest.Attempt,
            Manifest.Step,
            ParentState.HashOf(CheckpointFiles.Select(file => (file.Path[Checkpoint.Length..], file.Sha256)))
        );

    /// <summary>Copies the records of training into a run's folder.</summary>
    /// <exception cref="InvalidDataException">A file is missing, does not have the hash that the manifest states, or is not below the run.</exception>
    public void CopyRecords(RunFolder into)
    {
        foreach (var file in Manifest.Artefacts.Where(file => Records.Contains(file.Path)))
        {
            using (var source = Opened(file))
                into.Write(file.Path, source.CopyTo);
            Verify(file, into.In(file.Path));
        }
    }

    /// <summary>Copies the files of the checkpoint into a folder.</summary>
    /// <inheritdoc cref="CopyRecords"/>
    public void CopyCheckpoint(string into)
    {
        foreach (var file in CheckpointFiles)
        {
            var copy = Path.Combine(into, file.Path[Checkpoint.Length..]);
            using (
                Stream source = Opened(file),
                    target = File.Create(copy)
            )
                source.CopyTo(target);
            Verify(file, copy);
        }
    }

    IEnumerable<Artefact> CheckpointFiles => Manifest.Artefacts.Where(file => file.Path.StartsWith(Checkpoint, StringComparison.Ordinal));

    // The seal has no key, so the path may be anyone's, and the copy has the same one.
    FileStream Opened(Artefact file)
    {
        var path = RelativePath.Parse(file.Path, Folder.In("manifest.json")).WithoutLinks(Folder.Path);
        return File.Exists(path) ? RegularFile.Open(path) : throw new InvalidDataException($"{file.Path} of {Folder.Id} is gone");
    }

    // The copy is hashed, because it is what will be used.
    void Verify(Artefact file, string copy)
    {
        if (Canonical.Sha256OfFile(copy) != file.Sha256)
            throw new InvalidDataException($"{file.Path} of {Folder.Id} does not have the hash that its manifest states");
    }

    /// <summary>The first condition under which two runs of one training may give other bits, in words; null if there is none.</summary>
    static string? Difference(RunManifest was, RunManifest now)
    {
        if (Lineage.Differing(was.Build?.Code, now.Build?.Code) is { } code)
            return $"the code of {code} was another";
        if (Lineage.Differing(was.Packages, now.Packages) is { } package)
            return $"the package {package} was another";
        var (before, after) = (Conditions(was).ToList(), Conditions(now).ToList());
        return before.Zip(after).Where(pair => pair.First != pair.Second).Select(pair => $"{pair.First.What} was another").FirstOrDefault()
            ?? (before.Count == after.Count ? null : "its conditions are not known");
    }

    static IEnumerable<(string What, string? Value)> Conditions(RunManifest run)
    {
        static string Listed(IEnumerable<KeyValuePair<string, string>>? map) =>
            string.Join(
                '\n',
                (map ?? []).OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}={entry.Value}")
            );

        yield return ("libtorch", run.Native?.Libtorch);
        yield return ("libtorch's build", run.Native?.Build);
        yield return ("the BLAS", run.Native?.Blas);
        yield return ("the vector capability", run.Native?.Capability);
        yield return ("the number of lanes", $"{run.Native?.VectorLanes}");
        yield return ("the machine's CPU", run.Hardware?.Cpu);
        yield return ("the machine's instruction set", string.Join(' ', run.Hardware?.Features ?? []));
        yield return (
            "the machine's GPUs",
            string.Join('\n', (run.Hardware?.Accelerators ?? []).Select(gpu => $"{gpu.Name} {gpu.Driver}"))
        );
        yield return (".NET", run.Runtime?.Dotnet);
        yield return ("the C library", run.Runtime?.Libc);
        yield return ("the device", run.Device);
        yield return ("the number of threads", $"{run.Threads?.IntraOp} {run.Threads?.InterOp}");
        yield return ("the number of ranks", Lineage.Said(run.Ranks));
        yield return ("the determinism", Listed(run.Determinism));
        // The number of a GPU does not change bits.
        yield return ("the environment", Listed(run.Environment?.Where(variable => variable.Key != "CUDA_VISIBLE_DEVICES")));
        foreach (var data in run.Data)
            yield return ($"the data {data.Name}", $"{data.Digest} {data.Split} {data.Preprocessing}");
    }
}
