/// Builds the lab's assembly, if it is not up to date; every script loads this file first. A stamp decides: a hash over the sources and the
/// times of the outputs. F# Interactive type-checks these lines at every start, so they are few. Messages go to standard error.
module Lab.Bootstrap

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography
open System.Text
open System.Threading

let root: string = Path.GetDirectoryName __SOURCE_DIRECTORY__
let private output: string = root + "/artifacts/bin/Ebm.Runner/release"
let private stampFile: string = root + "/artifacts/lab.stamp"

let private files (folder: string) : string[] =
    if Directory.Exists folder then Directory.GetFiles(folder, "*", SearchOption.AllDirectories) else [||]

let private stamp () : string =
    let lines = ResizeArray<string>()
    lines.Add AppContext.BaseDirectory
    let settings = [| "Directory.Build.props"; "global.json"; "nuget.config"; "packages.lock.json" |]

    for file in Array.append (Array.map (fun name -> root + "/" + name) settings) (files (root + "/lab")) do
        if File.Exists file && not (file.Contains "/obj/" || file.Contains "/bin/") then
            lines.Add(file + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes file)))

    for file in files output do
        lines.Add(file + File.GetLastWriteTimeUtc(file).ToString("O"))

    // libtorch is loaded from its package's folder, which may have been deleted. The folder `made` is filled when a run loads it.
    if File.Exists(output + "/natives.txt") then
        for line in File.ReadAllLines(output + "/natives.txt") do
            if not (line.StartsWith "made ") then lines.Add(line + string (Directory.Exists(line.Substring(line.IndexOf ' ' + 1))))

    lines.Sort StringComparer.Ordinal
    Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(String.Join("\n", lines))))

let private isBuilt () : bool = File.Exists stampFile && File.ReadAllText stampFile = stamp ()

/// Only one build at a time; the operating system releases the lock when its process ends.
let rec private locked () : FileStream =
    let free =
        try
            new FileStream(root + "/artifacts/.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
        with :? IOException ->
            null

    if isNull free then
        Thread.Sleep 200
        locked ()
    else
        free

if not (isBuilt ()) then
    Directory.CreateDirectory(root + "/artifacts") |> ignore
    use _ = locked ()

    if not (isBuilt ()) then
        stderr.WriteLine "build: the lab's assembly, with its packages …"
        // A compiler server that stays running would keep a scheduler's job from ending.
        let options = [| "-c"; "Release"; "--nologo"; "-v"; "quiet"; "--disable-build-servers" |]
        let start = ProcessStartInfo(Environment.ProcessPath, Array.append [| "build"; root + "/lab" |] options)
        start.RedirectStandardOutput <- true
        use child = Process.Start start
        let said = child.StandardOutput.ReadToEnd()
        child.WaitForExit()

        // The exit code 2 of a script means that no run was launched.
        if child.ExitCode <> 0 then
            stderr.Write said
            exit 2

        File.WriteAllText(stampFile, stamp ())
