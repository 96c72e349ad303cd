/// Builds the library of a script, if it is not up to date; every script loads this file first.
/// A stamp decides, not MSBuild: a hash over all sources and the times of the outputs. If the stamp is missing or differs (a changed source,
/// another SDK or libtorch, a missing package, a replaced output), `build.fsx` builds in a separate process. F# Interactive type-checks these
/// lines at every start, so they avoid records, formats and overloads. EBM_BUILD_VERBOSE=1 prints how long the decision took. The program of
/// `./ebm` compiles this file, too.
/// A script in `analysis/`, or one that loads the `_refs.fsx` there, gets only Ebm.Records, Ebm.Analysis and Ebm.Audits, which need no
/// libtorch.
module Ebm.Bootstrap

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography
open System.Text

#if INTERACTIVE
let root: string = Path.GetDirectoryName __SOURCE_DIRECTORY__
#else
/// The program is in artifacts/bin/<project>/release.
let root: string = Path.GetFullPath(AppContext.BaseDirectory + "/../../../..")
#endif

/// The folders of a product's sources.
let rec sources (product: string) : string[] =
    match product with
    | "analysis" -> [| "core/Ebm.Records"; "analysis/Ebm.Analysis"; "analysis/Ebm.Audits" |]
    | "experiments" -> [|
        "core"
        "analysis/Ebm.Analysis"
        "analysis/Ebm.Audits"
        "experiments/Ebm.Sweeps"
        "experiments/Ebm.Watch"
        "experiments/Ebm.Cli"
        "experiments/_bootstrap.fsx"
      |]
    | _ -> Array.append (sources "experiments") [| "tests" |]

/// The top projects of a product; they refer to its other projects.
let rec projects (product: string) : string[] =
    match product with
    | "analysis" -> [| "analysis/Ebm.Audits" |]
    | "experiments" -> [| "core/Ebm.Runner"; "experiments/Ebm.Sweeps"; "experiments/Ebm.Watch"; "experiments/Ebm.Cli" |]
    | _ -> Array.append (projects "experiments") [| "tests/Ebm.Tests"; "tests/Ebm.Bench" |]

let rec private add (files: ResizeArray<string>) (path: string) : unit =
    if File.Exists path then
        files.Add path
    elif Directory.Exists path then
        // A pipe and a device have length 0, and reading one may never end; a linked folder may contain itself.
        for file in Directory.GetFiles path do
            let target = FileInfo(file).ResolveLinkTarget true
            let real = FileInfo(if isNull target then file else target.FullName)
            if real.Exists && real.Length > 0L then files.Add file

        for folder in Directory.GetDirectories path do
            if not (folder.EndsWith "/obj" || folder.EndsWith "/bin") && isNull (DirectoryInfo(folder).LinkTarget) then add files folder

let stampFile (product: string) : string = root + "/artifacts/bin/." + product + ".stamp"

#if INTERACTIVE
let private sdk (_: string) : string = AppContext.BaseDirectory
#else
/// A compiled program needs no SDK, so it keeps the one that has built it, as long as that is installed.
let private sdk (product: string) : string =
    let built = if File.Exists(stampFile product) then File.ReadAllText(stampFile product) else ""
    let folder = built.Substring(built.IndexOf ' ' + 1)
    if Directory.Exists folder then folder else ""
#endif

/// The stamp of the current sources and outputs: a hash, and the SDK's folder. It equals the stamp file exactly if nothing needs to be built.
let stamp (product: string) : string =
    let lines, files = ResizeArray<string>(), ResizeArray<string>()

    // The outputs load libtorch from its package's folder, which the build recorded.
    if product <> "analysis" then
        let backend = Environment.GetEnvironmentVariable "TorchBackend"
        lines.Add backend
        let list = root + "/artifacts/native/" + (if String.IsNullOrEmpty backend then "cpu" else backend) + "/natives.txt"

        if File.Exists list then
            for line in File.ReadAllLines list do
                add files (line.Substring(line.IndexOf ' ' + 1) + "/libtorch_cpu.so")

    for project in projects product do
        add files (root + "/artifacts/bin/" + Path.GetFileName project + "/release")

    for file in files do
        lines.Add(file + File.GetLastWriteTimeUtc(file).ToString("O"))

    files.Clear()

    for source in Array.append [| "Directory.Build.props"; "core/Directory.Build.props"; "global.json"; "paket.lock" |] (sources product) do
        add files (root + "/" + source)

    for file in files do
        lines.Add(file + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes file)))

    lines.Sort StringComparer.Ordinal
    Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(String.Join("\n", lines)))) + " " + sdk product

let isBuilt (product: string) : bool = File.Exists(stampFile product) && File.ReadAllText(stampFile product) = stamp product

#if INTERACTIVE
let private script: string = Path.GetFullPath fsi.CommandLineArgs[0]
let isBuildScript: bool = script = root + "/build.fsx"

if not isBuildScript then
    let clock = Stopwatch.StartNew()
    let readsFolders =
        Path.GetDirectoryName(script).EndsWith "/analysis"
        || File.Exists script
           && Seq.exists (fun (line: string) -> line.StartsWith "#load" && line.Contains "analysis/_refs.fsx") (File.ReadLines script)

    let product = if readsFolders then "analysis" else "experiments"
    let built = isBuilt product

    if Environment.GetEnvironmentVariable "EBM_BUILD_VERBOSE" = "1" then
        stderr.WriteLine(
            "bootstrap: " + product + " built: " + string built + "; deciding took " + clock.ElapsedMilliseconds.ToString() + " ms"
        )

    if not built then
        use child = Process.Start(Environment.ProcessPath, [| "fsi"; root + "/build.fsx"; "build"; "--for"; product |])
        child.WaitForExit()
        // The exit code 2 of a script means that no run was launched.
        if child.ExitCode <> 0 then exit 2
#endif
