/// Every script's first line loads this file: it builds what the script stands on, and does nothing where that is built already.
/// A stamp decides, not MSBuild: a hash over all that is compiled, beside the times of what came out. No stamp, a changed source,
/// another SDK or libtorch, a package that is gone, or an output that someone else replaced: `build.fsx` builds, in a process of its own, so that a script
/// whose library is built pays for these lines only. They are typed again at every start: hence no records, no formats, few
/// overloads. EBM_BUILD_VERBOSE=1 prints what deciding took.
/// A script under `analysis/`, or one elsewhere that loads the `_refs.fsx` there, gets Ebm.Records, Ebm.Analysis and Ebm.Audits alone,
/// which need no libtorch.
module Ebm.Bootstrap

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography
open System.Text

let root: string = Path.GetDirectoryName __SOURCE_DIRECTORY__

/// What a product is compiled from, beside what every build reads.
let sources (product: string) : string[] =
    match product with
    | "analysis" -> [| "core/Ebm.Records"; "analysis/Ebm.Analysis"; "analysis/Ebm.Audits" |]
    | "experiments" -> [| "core"; "analysis/Ebm.Analysis"; "analysis/Ebm.Audits"; "experiments/Ebm.Sweeps" |]
    | _ -> [| "core"; "analysis/Ebm.Analysis"; "analysis/Ebm.Audits"; "experiments/Ebm.Sweeps"; "tests" |]

/// The projects through which a product's others are reached.
let projects (product: string) : string[] =
    match product with
    | "analysis" -> [| "analysis/Ebm.Audits" |]
    | "experiments" -> [| "core/Ebm.Runner"; "experiments/Ebm.Sweeps" |]
    | _ -> [| "core/Ebm.Runner"; "experiments/Ebm.Sweeps"; "tests/Ebm.Tests"; "tests/Ebm.Bench" |]

let rec private add (files: ResizeArray<string>) (path: string) : unit =
    if File.Exists path then
        files.Add path
    elif Directory.Exists path then
        for file in Directory.GetFiles path do
            files.Add file

        for folder in Directory.GetDirectories path do
            if not (folder.EndsWith "/obj" || folder.EndsWith "/bin") then add files folder

/// The stamp of what is there now: that on disk is the same exactly when nothing needs building.
let stamp (product: string) : string =
    let lines, files = ResizeArray<string>(), ResizeArray<string>()
    lines.Add AppContext.BaseDirectory

    // What was built loads libtorch from its package's folder, which the build wrote down.
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
    Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(String.Join("\n", lines))))

let stampFile (product: string) : string = root + "/artifacts/bin/." + product + ".stamp"
let isBuilt (product: string) : bool = File.Exists(stampFile product) && File.ReadAllText(stampFile product) = stamp product

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
        // To whoever reads a script's exit code, 2 says that nothing was launched.
        if child.ExitCode <> 0 then exit 2
