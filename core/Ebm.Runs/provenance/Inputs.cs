using System.Collections.Concurrent;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>What must be unchanged for a finished result to be reused.</summary>
public enum Reuse
{
    /// <summary>Only the config, by its id.</summary>
    Config,

    /// <summary>The config and the files of its data.</summary>
    Data,

    /// <summary>Also the code, libtorch and the packages.</summary>
    Exact,
}

/// <summary>
/// The current inputs of a run: the runner's assemblies, packages, libtorch, the data's files. A completed run with other inputs is stale: it is
/// reported as stale, and neither repeated nor reused unless the user asks for it.
/// </summary>
/// <param name="runner">The folder of the compiled runner.</param>
/// <param name="with">Additional assemblies, from --with.</param>
/// <param name="dataRoot">The folder that contains the files of data sets.</param>
public sealed class Inputs(string runner, IReadOnlyList<string> with, string dataRoot)
{
    // A plan compares many runs, mostly of the same data.
    readonly ConcurrentDictionary<string, string?> digests = new();

    readonly Lazy<IReadOnlyDictionary<string, string>?> packages = new(() =>
        Provenance.Packages(Path.Combine(runner, "ebm-runner.deps.json"))
    );

    /// <summary>The first input of a completed run that has changed or is missing, in words; null if none has.</summary>
    public string? Changed(RunManifest made, Reuse reuse) =>
        reuse == Reuse.Config ? null : Data(made) ?? (reuse == Reuse.Exact ? Code(made) ?? Library(made) : null);

    string? Code(RunManifest made)
    {
        if (made.Build?.Code is not { } code)
            return "it does not say which code made it";
        foreach (var (name, hash) in code)
        {
            var path = with.FirstOrDefault(lab => Path.GetFileNameWithoutExtension(lab) == name) ?? Path.Combine(runner, name + ".dll");
            if (!File.Exists(path))
                return $"{name}, whose code it ran, is not there";
            if (CodeHash.Of(path) != hash)
                return $"the code of {name} has changed";
        }
        return null;
    }

    string? Library(RunManifest made)
    {
        if (made.Native is { } native && native.Libtorch != Natives.Version)
            return $"libtorch was {native.Libtorch} and is {Natives.Version}";
        if (made.Packages is not { } before || packages.Value is not { } now)
            return null;
        return before
            .Keys.Union(now.Keys)
            .Order(StringComparer.Ordinal)
            .Where(name => before.GetValueOrDefault(name) != now.GetValueOrDefault(name))
            .Select(name =>
                $"the package {name} was {before.GetValueOrDefault(name, "not there")} and is {now.GetValueOrDefault(name, "not there")}"
            )
            .FirstOrDefault();
    }

    string? Data(RunManifest made)
    {
        foreach (var file in made.Data.SelectMany(data => data.Files ?? []))
        {
            if (RelativePath.Try(file.Path) is not { } path)
                return "its manifest names a data file that is not below the data root";
            var found = DataPlace.Of(dataRoot, path);
            if (!Path.Exists(found))
                return $"the data file {file.Path} is not there";
            if (File.Exists(found) && new FileInfo(found).Length != file.Bytes)
                return $"the data file {file.Path} has changed";
            // Not by its time alone, because a user can reset it.
            if (digests.GetOrAdd(found, Digest) != file.Sha256)
                return $"the data file {file.Path} has changed";
        }
        return null;
    }

    static string? Digest(string path)
    {
        try
        {
            return DataPlace.Digest(path);
        }
        catch (Exception error) when (error is IOException or InvalidDataException)
        {
            return null; // a folder that has no pictures any more, or a file that was removed a moment ago
        }
    }

    /// <summary>The state of a data set as it is read now.</summary>
    /// <param name="settings">The data's settings in the config.</param>
    internal static DataState Of(IDataset data, string dataRoot, Document settings)
    {
        List<(string Name, Rows Rows)> parts = [("train", data.TrainRows), ("test", data.TestRows)];
        if (data is IValidated validated)
            parts.Add(("validation", validated.ValidationRows));
        return new DataState(
            data.Name,
            data.Digest,
            Files(data, dataRoot),
            parts.ToDictionary(part => part.Name, part => part.Rows.Count),
            Canonical.Sha256(string.Concat(parts.Select(part => $"{part.Name} {part.Rows.Digest}\n"))),
            Canonical.Sha256(Canonical.Json(settings)),
            data.Loss
        );
    }

    static IReadOnlyList<DataFile>? Files(IDataset data, string dataRoot) =>
        data.Files.Count == 0 ? null : [.. data.Files.Select(name => DataPlace.Describe(dataRoot, name))];
}
