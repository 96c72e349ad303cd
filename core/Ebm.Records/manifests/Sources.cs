namespace Ebm.Records;

// The code of a run in its manifest: the commit, the sources at launch, and the program built from them.

/// <summary>The commit from which a run was started.</summary>
/// <param name="Dirty">Files differed from the commit.</param>
/// <param name="Describe">The nearest tag, and the distance to it.</param>
/// <param name="Remote">The remote's address, without credentials; null for a folder on this machine.</param>
/// <param name="Snapshot">The sources at launch, including uncommitted files.</param>
/// <param name="Submodules">The commit of each submodule, by path; null if there are none.</param>
public sealed record GitState(
    string Commit,
    string? Branch = null,
    bool Dirty = false,
    string? Describe = null,
    string? Remote = null,
    SnapshotState? Snapshot = null,
    IReadOnlyDictionary<string, string>? Submodules = null
) : Extensible;

/// <summary>The sources of a launch as a commit that is on no branch.</summary>
/// <param name="Tree">The hash of its content: two launches of the same tree share one snapshot.</param>
/// <param name="Ref">The ref that keeps it from garbage collection.</param>
/// <param name="Refused">Files left out, each with the reason.</param>
public sealed record SnapshotState(string Commit, string Tree, string Ref, IReadOnlyList<string>? Refused = null) : Extensible;

/// <summary>The script that declared a sweep.</summary>
/// <param name="Path">Relative to the repository, or only the file name.</param>
public sealed record ScriptState(string Path, string Sha256) : Extensible;

/// <summary>The program that ran.</summary>
/// <param name="Configuration">Release or Debug.</param>
/// <param name="Version">The project's version.</param>
/// <param name="Assemblies">SHA-256 of each assembly of the project, by name.</param>
/// <param name="Code">A hash of each assembly's code that does not depend on comments and line numbers.</param>
/// <param name="Sdk">The version of the .NET SDK that built them, stored in the assemblies.</param>
/// <param name="Compiler">The compiler's version, from its debug information.</param>
/// <param name="Deterministic">Whether the assemblies are marked as deterministic builds: the same sources give the same bytes.</param>
/// <param name="Tree">The git hash of the sources that the launch built; null for a run started directly.</param>
public sealed record BuildState(
    string Configuration,
    string Version,
    IReadOnlyDictionary<string, string>? Assemblies = null,
    IReadOnlyDictionary<string, string>? Code = null,
    string? Sdk = null,
    string? Compiler = null,
    bool? Deterministic = null,
    string? Tree = null
) : Extensible;
