/// The project's build: `dotnet fsi build.fsx [target …]`, `help` lists the targets. Plain F#: a target is a name, what it needs
/// and a body; what it needs runs before it, once.
#load "experiments/_bootstrap.fsx"

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Xml.Linq
open Ebm.Bootstrap

/// Ends the build with a sentence and an exit code: 1 the work failed, 2 it could not begin.
exception Stop of code: int * says: string

let refuse says = raise (Stop(2, says))
let fail says = raise (Stop(1, says))

// ── What was asked ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

let asked = List.ofArray fsi.CommandLineArgs[1..]

/// Options take one value each; `-p:Torch=…` is MSBuild's spelling, and goes where MSBuild, the stamp and children read it.
let rec private parse (targets: string list) (options: Map<string, string>) rest =
    match rest with
    | [] -> List.rev targets, options
    | ("--for" | "--only" as option) :: value :: rest -> parse targets (Map.add option value options) rest
    | ("--check" as option) :: rest -> parse targets (Map.add option "" options) rest
    | option :: rest when Regex.IsMatch(option, "^-p:(Torch|TorchBackend)=.+") ->
        let equals = option.IndexOf '='
        Environment.SetEnvironmentVariable(option[3 .. equals - 1], option[equals + 1 ..])
        parse targets options rest
    | option :: _ when option.StartsWith '-' ->
        refuse
            $"\"{option}\" is not an option here; there are --for analysis|experiments|everything (what to build), \
              --only \"part of a law's sentence\" (what to test), --check (format: report, change nothing), \
              -p:Torch=system|TorchSharp and -p:TorchBackend=TorchSharp-cpu|TorchSharp-cuda-linux."
    | target :: rest -> parse (target :: targets) options rest

// ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

let verbose = Environment.GetEnvironmentVariable "EBM_BUILD_VERBOSE" = "1"
let variable name = string (Environment.GetEnvironmentVariable name)

/// A program in the repository's root: its exit code, and its lines of output, which `heard` gets as they come.
let execute (heard: string -> unit) (program: string) (arguments: string list) =
    let start = ProcessStartInfo(program, arguments, WorkingDirectory = root, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true)
    let lines = List<string>()

    let hear (line: string) =
        if not (isNull line) then
            lock lines (fun () ->
                lines.Add line
                heard line)

    use child =
        try
            Process.Start start
        with :? ComponentModel.Win32Exception as missing ->
            refuse $"{program}: {missing.Message}."

    child.StandardInput.Close()
    child.OutputDataReceived.Add(fun line -> hear line.Data)
    child.ErrorDataReceived.Add(fun line -> hear line.Data)
    child.BeginOutputReadLine()
    child.BeginErrorReadLine()
    child.WaitForExit()
    child.ExitCode, List.ofSeq lines

/// A program whose output nobody wants to see unless it fails: one line says what is going on, and how long it took.
let quietly (doing: string) program arguments =
    let clock = Stopwatch.StartNew()
    Console.Write $"{doing} …"
    if verbose then Console.WriteLine()
    let code, lines = execute (fun line -> if verbose then Console.WriteLine $"  {line}") program arguments
    Console.WriteLine $" {clock.Elapsed.TotalSeconds:F0} s"
    code, lines

let mustQuietly doing program arguments =
    match quietly doing program arguments with
    | 0, lines -> lines
    | code, lines ->
        lines |> List.iter (eprintfn "%s")
        fail $"""{program} {String.concat " " arguments} ended with exit code {code}; its output is above."""

// ── setup ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

let exists (pattern: string) =
    Directory.GetDirectories("/usr/lib", "*-linux-gnu") |> Array.exists (fun folder -> Path.Exists(Path.Combine(folder, pattern)))

let onPath program =
    (variable "PATH").Split(':') |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, program)))

/// A BLAS worth having: OpenBLAS, or whatever else the machine's owner put in the place of the reference one, which is 20 times slower.
let hasBlas () =
    exists "openblas-pthread/libblas.so.3"
    || Directory.GetDirectories("/usr/lib", "*-linux-gnu")
       |> Array.map (fun folder -> FileInfo(Path.Combine(folder, "libblas.so.3")))
       |> Array.exists (fun link -> link.Exists && not ((string (link.ResolveLinkTarget true)).Contains "/blas/libblas"))

/// Debian's packages that this machine lacks for a product: headers of libtorch, a compiler, a BLAS.
let missingPackages product =
    if product = "analysis" || variable "Torch" = "TorchSharp" then
        []
    else
        let own = variable "LIBTORCH"

        if own <> "" && not (File.Exists $"{own}/lib/libtorch_cpu.so" && Directory.Exists $"{own}/include/torch/csrc/api/include") then
            refuse
                $"LIBTORCH={own}: no libtorch there (lib/libtorch_cpu.so and include/torch/csrc/api/include are looked for). \
                  Name the folder of an unpacked libtorch, or the one that python3 -c 'import torch; print(torch.__path__[0])' prints; or unset it."

        [ if own = "" && not (exists "libtorch_cpu.so" && Directory.Exists "/usr/include/torch/csrc/api/include") then
              "libtorch-dev"
          if own = "" && not (hasBlas ()) then
              "libopenblas0-pthread"
          if not (onPath "g++") then
              "g++" ]

let setup product =
    match missingPackages product with
    | [] -> ()
    | packages ->
        let names = String.concat " " packages

        if not (onPath "apt-get") then
            refuse
                $"This machine lacks {names} (Debian's names) and has no apt-get. Install them with its own package manager, \
                  or name an unpacked libtorch with LIBTORCH=/path, or use the real package: -p:Torch=TorchSharp."

        if snd (execute ignore "id" [ "-u" ]) <> [ "0" ] then
            refuse $"This machine lacks {names}. Run this, then try again:\n\n  sudo apt-get update && sudo apt-get install --yes --no-install-recommends {names}\n"

        Environment.SetEnvironmentVariable("DEBIAN_FRONTEND", "noninteractive")
        let patiently = [ "-o"; "DPkg::Lock::Timeout=600" ]
        mustQuietly "setup: asking apt for its lists" "apt-get" (patiently @ [ "update" ]) |> ignore

        mustQuietly $"setup: installing {names}" "apt-get" (patiently @ [ "install"; "--yes"; "--no-install-recommends" ] @ packages)
        |> ignore

// ── build ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The lock names no registry: Paket reads it from here. Yours to set; else NuGet's own first source.
let findPackageSource () =
    if variable "NUGET_SOURCE" = "" then
        let _, lines = execute ignore "dotnet" [ "nuget"; "list"; "source"; "--format"; "short" ]

        match lines |> List.tryFind (fun line -> line.StartsWith "E ") with
        | Some line -> Environment.SetEnvironmentVariable("NUGET_SOURCE", line[2..].Trim())
        | None -> refuse "No package source: `dotnet nuget list source` shows none that is enabled. Add one, or set NUGET_SOURCE to its address."

/// Tools and packages, where Paket has not put this lock's yet.
let restore () =
    findPackageSource ()
    let current = Path.Combine(root, "paket-files", "paket.restore.cached")
    let locked = File.ReadAllText(Path.Combine(root, "paket.lock"))
    mustQuietly "build: restoring tools" "dotnet" [ "tool"; "restore" ] |> ignore

    if not (File.Exists(Path.Combine(root, ".paket", "Paket.Restore.targets")) && File.Exists current && File.ReadAllText current = locked) then
        mustQuietly "build: restoring packages" "dotnet" [ "paket"; "restore" ] |> ignore

/// Two builds never write into one folder: the second waits here. The lock is the operating system's, so it dies with its holder.
let alone work =
    Directory.CreateDirectory(Path.Combine(root, "artifacts", "bin")) |> ignore
    let path = Path.Combine(root, "artifacts", ".lock")

    let rec take waiting =
        try
            new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
        with :? IOException ->
            if not waiting then
                printfn "build: another build is at work in %s; waiting for it" (Path.GetDirectoryName path)

            Threading.Thread.Sleep 200
            take true

    use _ = take false
    work ()

/// A compiler's complaints: once each, with paths as seen from the root.
let complaints (lines: string list) =
    lines
    |> List.filter (fun line -> Regex.IsMatch(line, @"\b(error|warning)\b( [A-Z]+\d+)?\s*:"))
    |> List.map (fun line -> Regex.Replace(line.Trim(), @" \[[^\]]*proj\]$", "").Replace(root + "/", ""))
    |> List.distinct

let build product =
    if not (isBuilt product) then
        setup product

        alone (fun () ->
            if not (isBuilt product) then
                restore ()
                // The projects that reach all the others; a filter, because `dotnet build` takes one argument.
                let quoted = projects product |> Array.map (fun path -> $"\"{path}/{Path.GetFileName path}\"")
                let filter = Path.Combine(root, "artifacts", $"{product}.slnf")

                let files =
                    projects product
                    |> Array.map (fun path -> Directory.GetFiles(Path.Combine(root, path), "*.*proj") |> Array.exactlyOne)
                    |> Array.map (fun file -> "\"" + Path.GetRelativePath(root, file).Replace("/", "\\\\") + "\"")

                File.WriteAllText(
                    filter,
                    "{ \"solution\": { \"path\": \"..\\\\Ebm.Research.sln\", \"projects\": ["
                    + String.Join(", ", files)
                    + "] } }"
                )

                let arguments = [ "build"; filter; "--configuration"; "Release"; "--nologo"; "--verbosity"; "quiet"; "--disable-build-servers" ]

                match quietly $"build: compiling {product}" "dotnet" arguments with
                | 0, _ -> File.WriteAllText(stampFile product, stamp product)
                | _, lines ->
                    (match complaints lines with
                     | [] -> lines
                     | found -> found)
                    |> List.iter (eprintfn "%s")

                    fail "The build failed; the errors are above.")

// ── test ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

let test only =
    let results = Path.Combine(root, "artifacts", "test")

    if Directory.Exists results then
        Directory.Delete(results, true)

    let filter = match only with Some part -> [ "--filter"; $"DisplayName~{part}" ] | None -> []
    let arguments = [ "test"; "tests/Ebm.Tests"; "--configuration"; "Release"; "--no-build"; "--nologo"; "--results-directory"; results; "--logger"; "trx;LogFileName=laws.trx"; "--logger"; "console;verbosity=quiet" ]
    let code, lines = quietly "test: the laws" "dotnet" (arguments @ filter)
    let trx = Path.Combine(results, "laws.trx")

    if not (File.Exists trx) then
        lines |> List.iter (eprintfn "%s")
        fail "The tests did not run to their end; what they said is above."

    let named name (element: XElement) = element.Descendants() |> Seq.filter (fun found -> found.Name.LocalName = name)
    let tests = (XDocument.Load trx).Root |> named "UnitTestResult" |> List.ofSeq
    let outcome (test: XElement) = test.Attribute(XName.Get "outcome").Value
    let title (test: XElement) = Regex.Replace(test.Attribute(XName.Get "testName").Value, @"^.*?\(says: ""(.*)""\)$", "$1")
    let text name test = named name test |> Seq.map (fun found -> found.Value.Trim()) |> String.concat "\n"
    let passed, others = tests |> List.partition (fun test -> outcome test = "Passed")
    let skipped, failed = others |> List.partition (fun test -> outcome test = "NotExecuted")

    for test in failed do
        printfn "\nFAILED  %s\n%s" (title test) (text "Message" test)

    for test in skipped do
        printfn "\nskipped %s\n  %s" (title test) (text "Message" test)

    if code <> 0 && failed.IsEmpty then
        lines |> List.iter (eprintfn "%s")

    printfn "%d passed, %d failed, %d skipped" passed.Length failed.Length skipped.Length

    if tests.IsEmpty then
        fail "No test ran."

    if code <> 0 || not failed.IsEmpty then
        raise (Stop(1, ""))

// ── The targets ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Target = { Does: string; Needs: string list; Body: unit -> unit }

/// Depth first; a need that leads back to its own target, or to none, is named.
let rec visit (targets: Map<string, Target>) (finished: HashSet<string>) (path: string list) name =
    if List.contains name path then
        refuse $"""The targets need each other in a circle: {String.concat " → " (List.rev (name :: path))}."""

    if not (finished.Contains name) then
        for need in targets[name].Needs do
            visit targets finished (name :: path) need

        targets[name].Body()
        finished.Add name |> ignore

let main () =
    let names, options = parse [] Map.empty asked
    let product = defaultArg (options.TryFind "--for") "everything"

    let targets =
        Map.ofList [
            "setup", { Does = "install what the machine lacks"; Needs = []; Body = fun () -> setup product }
            "build", { Does = "compile"; Needs = [ "setup" ]; Body = fun () -> build product }
            "test", { Does = "check every law"; Needs = [ "build" ]; Body = fun () -> test (options.TryFind "--only") }
            "clean", { Does = "delete what was built"; Needs = []; Body = fun () -> if Directory.Exists(Path.Combine(root, "artifacts")) then Directory.Delete(Path.Combine(root, "artifacts"), true) }
        ]

    for name in names do
        visit targets (HashSet()) [] name

try
    main ()
with Stop(code, says) ->
    if says <> "" then
        eprintfn "%s" says

    exit code
