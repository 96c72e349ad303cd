/// The project's build: `dotnet fsi build.fsx [target …] [--options]`; `help` lists both. A target is a name, the targets that it needs, and a
/// body; the needed targets run before it, once. Only results go to standard output; progress and errors go to standard error.
#load "experiments/_bootstrap.fsx"

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Ebm.Bootstrap

/// Ends the build with a sentence and an exit code: 1 if the work failed, 2 if it could not start.
exception Stop of code: int * says: string

let fail says = raise (Stop(1, says))
let refuse says = raise (Stop(2, says))

let variable name = string (Environment.GetEnvironmentVariable name)
let verbose = variable "EBM_BUILD_VERBOSE" = "1"
let at path = Path.Combine(root, path)

// ── Programs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Runs a program in the repository's root with an empty standard input. Passes each line of output or error to its listener at once; returns
/// the exit code and all lines.
let runHearing output errors (program: string) (arguments: string list) =
    let start =
        ProcessStartInfo(
            program,
            arguments,
            WorkingDirectory = root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    let lines = List<string>()
    let ends = new CountdownEvent(2)
    let isOver = ref false

    let hear listener (line: string) =
        if isNull line then
            ends.Signal() |> ignore
        else
            lock lines (fun () ->
                if not isOver.Value then
                    lines.Add line
                    listener line

                    if verbose then eprintfn "    %s" line)

    use child =
        try
            Process.Start start
        with :? ComponentModel.Win32Exception as reason ->
            refuse $"{program} does not start: {reason.Message}."

    child.StandardInput.Close()
    child.OutputDataReceived.Add(fun line -> hear output line.Data)
    child.ErrorDataReceived.Add(fun line -> hear errors line.Data)
    child.BeginOutputReadLine()
    child.BeginErrorReadLine()

    // Without a timeout, WaitForExit also waits until both streams end, and a process that the child left running may keep them open.
    while not (child.WaitForExit 60_000) do
        ()

    ends.Wait 5_000 |> ignore

    lock lines (fun () ->
        isOver.Value <- true
        child.ExitCode, List.ofSeq lines)

let run program arguments = runHearing ignore ignore program arguments
let dotnet = Environment.ProcessPath

/// Runs a program that must succeed and returns its lines; on failure prints them and ends the build.
let must program arguments =
    match run program arguments with
    | 0, lines -> lines
    | code, lines ->
        eprintfn ""
        lines |> List.iter (eprintfn "%s")
        let name = Path.GetFileName program
        fail $"""`{name} {String.concat " " arguments}` ended with exit code {code}; its output is above."""

let private onPath program = (variable "PATH").Split ':' |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, program)))

/// Prints a line with the name of the work and, at its end, the time that it took.
let telling (doing: string) work =
    let clock = Stopwatch.StartNew()
    eprintf "%s …" doing

    if verbose then eprintfn ""

    let result = work ()
    eprintfn " %.0f s" clock.Elapsed.TotalSeconds
    result

// ── setup ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The repository contains no registry address. Paket reads it from NUGET_SOURCE; if the user has not set it, it becomes NuGet's first source.
let findPackageSource () =
    if variable "NUGET_SOURCE" = "" then
        match run dotnet [ "nuget"; "list"; "source"; "--format"; "short" ] |> snd |> List.tryFind (fun line -> line.StartsWith "E ") with
        | Some line -> Environment.SetEnvironmentVariable("NUGET_SOURCE", line[2..].Trim())
        | None -> refuse "No package source is enabled (`dotnet nuget list source` lists them). Enable one, or set NUGET_SOURCE."

let restoreTools () = must dotnet [ "tool"; "restore" ] |> ignore

/// The package that the sources do not serve, from the output of NuGet or Paket; None if the failure has another cause.
let private missingPackage (lines: string list) =
    lines
    |> List.tryPick (fun line ->
        let found =
            Regex.Match(
                line,
                @"NU110[123]: Unable to find (a stable )?package '?(?<name>[\w.-]+)"
                + @"|[Vv]ersions? (.* )?for package (?<name>[\w.-]+)"
                + @"|(Unable to retrieve|Unable to download|Version .* of) package '?(?<name>[\w.-]+)"
                + @"|package '?(?<name>[\w.-]+)'?,? is not found"
            )

        if found.Success then Some(found.Groups["name"].Value.TrimEnd '.') else None)

let private refuseWithout package =
    let instead =
        if variable "TorchBackend" = "cuda" then
            "add a source that serves it (`dotnet nuget add source`), or unset TorchBackend to compute on the CPU."
        else
            "add a source that serves it (`dotnet nuget add source`, or NUGET_SOURCE for Paket), and build again."

    refuse $"The package {package} cannot be restored: no enabled package source serves it. To continue, {instead}"

/// Restores tools and packages, from the caches or the package source.
let setup () =
    findPackageSource ()

    for arguments in [ [ "tool"; "restore" ]; [ "paket"; "restore" ] ] do
        match run dotnet arguments with
        | 0, _ -> ()
        | code, lines ->
            lines |> List.iter (eprintfn "%s")
            missingPackage lines |> Option.iter refuseWithout
            fail $"""`dotnet {String.concat " " arguments}` ended with exit code {code}; its output is above."""

// ── build ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Only one build at a time writes into the folder; another one waits. The operating system releases the lock when the process ends.
let alone work =
    let folder = (Directory.CreateDirectory(at "artifacts/bin")).Parent.FullName

    // The system's error number if another process has the lock; no time ends the other errors, such as a read-only disk.
    let again = 11

    let free () =
        try
            Some(new FileStream(Path.Combine(folder, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        with :? IOException as error when error.HResult = again ->
            None

    // Not inside the exception handler, because a recursive call from a handler is not a tail call.
    let rec take told =
        match free () with
        | Some taken -> taken
        | None ->
            if not told then eprintfn "build: another build is running in %s; waiting for it to end." folder
            Thread.Sleep 200
            take true

    use _ = take false
    work ()

/// The first twenty errors and warnings of the compilers, without duplicates, with paths relative to the root.
let private complaints (lines: string list) =
    let found =
        lines
        |> List.filter (fun line -> Regex.IsMatch(line, @"\b(error|warning)( [A-Z]+\d+)?\s*:"))
        |> List.map (fun line -> Regex.Replace(line.Trim(), @" \[[^\]]*\]$", "").Replace(root + "/", ""))
        // A restore repeats its messages for each project.
        |> List.distinctBy (fun line -> Regex.Replace(line, @"^\S+proj : ", ""))
        // Some messages list every overload.
        |> List.map (fun line -> if line.Length > 400 then line[..399] + " …" else line)

    match found with
    | [] -> lines
    | found when found.Length > 20 -> List.take 20 found @ [ $"… and {found.Length - 20} more." ]
    | found -> found

/// Writes a solution filter, because `dotnet build` takes one argument and a product has several top projects.
let private solutionFilter product =
    let entry (folder: string) =
        let file = Directory.GetFiles(at folder, "*.*proj") |> Array.exactlyOne
        "\"" + Path.GetRelativePath(root, file).Replace("/", "\\\\") + "\""

    let entries = projects product |> Array.map entry |> String.concat ", "
    let path = at $"artifacts/{product}.slnf"
    File.WriteAllText(path, "{ \"solution\": { \"path\": \"..\\\\Ebm.Research.sln\", \"projects\": [" + entries + "] } }\n")
    path

/// Writes the list of assemblies that scripts refer to. If they use tensors, the list also tells torch where its native libraries are.
let private writeReferences project =
    let folder = at $"artifacts/bin/{project}/release"

    let assemblies = [
        for path in Directory.GetFiles(folder, "*.dll") |> Array.sort do
            let name = Path.GetFileName path
            if name = "TorchSharp.dll" || name.StartsWith "Ebm." then name
    ]

    let lines = [
        "#I \".\""
        for name in assemblies do
            $"#r \"{name}\""
        if List.contains "Ebm.Devices.dll" assemblies then "Ebm.Devices.Natives.LoadWhenAsked()"
    ]

    File.WriteAllLines(Path.Combine(folder, "references.fsx"), lines)

/// Installs plotly.js for reports if npm is present. Without it, reports have the same figures as SVG, so a failure does not end the build.
let private bringPlotly () =
    let folder = at "analysis/plotly"
    let installed = Path.Combine(folder, "node_modules", ".package-lock.json")
    let isThere =
        File.Exists installed && File.GetLastWriteTimeUtc installed >= File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json"))

    if not isThere && onPath "npm" then
        let options = [ "--no-audit"; "--no-fund"; "--fetch-retries=0"; "--fetch-timeout=20000" ]

        match
            telling "build: plotly.js for interactive figures (optional)" (fun () -> run "npm" ([ "ci"; "--prefix"; folder ] @ options))
        with
        | 0, _ -> ()
        | _, lines ->
            // npm names the cause by a code, such as ENOTFOUND without a network.
            let why =
                lines
                |> List.map (fun line -> Regex.Match(line, @"\Anpm (ERR!|error) code (\S+)"))
                |> List.tryFind _.Success
                |> Option.map (fun found -> $" ({found.Groups[2].Value})")
                |> Option.defaultValue ""

            eprintfn "build: npm could not fetch plotly.js%s. Figures of reports are then static (SVG); everything else works." why

let build product =
    // A build of the product also brings these up to date.
    let products =
        [ "analysis", "Ebm.Audits"; "experiments", "Ebm.Sweeps"; "everything", "Ebm.Tests" ]
        |> List.take (
            match product with
            | "analysis" -> 1
            | "experiments" -> 2
            | _ -> 3
        )

    if not (isBuilt product) then
        alone (fun () ->
            if not (isBuilt product) then
                let code, lines =
                    telling $"build: {product}, with tools and packages" (fun () ->
                        setup ()
                        // A compiler server that stays running would keep a scheduler's job from ending.
                        run dotnet [
                            "build"
                            solutionFilter product
                            "-c"
                            "Release"
                            "--nologo"
                            "-v"
                            "quiet"
                            "--disable-build-servers"
                        ])

                if code <> 0 then
                    missingPackage lines |> Option.iter refuseWithout
                    complaints lines |> List.iter (eprintfn "%s")
                    fail "The build failed; the errors are above."

                for _, project in products do
                    writeReferences project

                if product <> "analysis" then
                    for line in must dotnet [ at "artifacts/bin/Ebm.Runner/release/ebm-runner.dll"; "libraries" ] do
                        eprintfn "build: %s" line

                for product, _ in products do
                    File.WriteAllText(stampFile product, stamp product)

                bringPlotly ())

// ── pack ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Makes the packages. They are compiled apart from the scripts' assemblies, because their debug information leads to the commit's sources.
let pack (options: Map<string, string>) =
    let packages = at "artifacts/packages"
    if Directory.Exists packages then Directory.Delete(packages, true)

    let settings = [
        "-p:Packing=true"
        "-p:Configuration=Release"
        $"""-p:ArtifactsPath={at "artifacts/packing"}"""
        $"-p:PackageOutputPath={packages}"
        yield! options.TryFind "suffix" |> Option.map (fun suffix -> $"-p:VersionSuffix={suffix}") |> Option.toList
    ]

    let all target =
        run
            dotnet
            ([
                "msbuild"
                at "packages/All.proj"
                $"-t:{target}"
                "-m"
                "-nodeReuse:false"
                "-nologo"
                "-v:quiet"
                "-p:UseSharedCompilation=false"
             ]
             @ settings)

    telling "pack: the packages" (fun () ->
        setup ()

        for target in [ "Restore"; "Pack" ] do
            match all target with
            | 0, _ -> ()
            | _, lines ->
                missingPackage lines |> Option.iter refuseWithout
                complaints lines |> List.iter (eprintfn "%s")
                fail "The packages cannot be made; the errors are above.")

    for path in Directory.GetFiles packages |> Array.sort do
        printfn "%s" (Path.GetRelativePath(root, path))

// ── test ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The last line that the process of the laws prints.
let private count = Regex @"^(\d+) passed, (\d+) failed, (\d+) skipped$"

/// Runs the laws in a separate process and prints its output. The process writes the start and the end of each law to standard error; other
/// lines there are shown only if the process dies. A law that did not run counts as failed.
let askLaws program arguments =
    let clock = Stopwatch.StartNew()
    let isWatched = not Console.IsErrorRedirected
    let asked, ended, noise = HashSet<string>(), Dictionary<string, int>(), List<string>()
    let counted, far = ref None, ref "none"
    let number outcome = ended.GetValueOrDefault(outcome, 0)
    let wipe () = if isWatched then eprintf "\r\027[K"

    let say (line: string) =
        wipe ()
        printfn "%s" line

    let output (line: string) =
        // A line like the count is printed as text if another line follows it.
        Option.iter say counted.Value
        counted.Value <- if count.IsMatch line then Some line else None

        if counted.Value.IsNone then say line

    let errors (line: string) =
        let begins = Regex.Match(line, "^asking: (.*)$")
        let ends = Regex.Match(line, @"^asked: (\d+ of \d+), (\w+): (.*)$")

        if begins.Success then
            noise.Clear()
            asked.Add begins.Groups[1].Value |> ignore
        elif ends.Success then
            far.Value <- ends.Groups[1].Value
            ended[ends.Groups[2].Value] <- number ends.Groups[2].Value + 1
            asked.Remove ends.Groups[3].Value |> ignore

            if isWatched then eprintf "\rtest: the laws … %s" far.Value
        else
            noise.Add line

    eprintf "test: the laws …%s" (if isWatched then "" else "\n")
    let code, _ = runHearing output errors program arguments
    wipe ()
    eprintfn "test: the laws took %.0f s" clock.Elapsed.TotalSeconds

    let lastWords =
        let shown =
            match List.ofSeq noise with
            | long when long.Length > 60 -> List.take 30 long @ [ "…" ] @ long[long.Length - 30 ..]
            | short -> short

        shown |> List.map (fun line -> "\n    " + line) |> String.concat ""

    match counted.Value with
    | Some line ->
        let found = count.Match line
        let due = if found.Groups[1].Value <> "0" && found.Groups[2].Value = "0" then 0 else 1

        // Native libraries may still crash when the process ends, after the count.
        if code <> due then say $"All laws have run, but their process ended with exit code {code}.{lastWords}"

        say line

        if code <> 0 || due <> 0 then raise (Stop(1, ""))
    | None ->
        for law in asked do
            say $"FAILED:  {law}\n    The process of the laws ended with exit code {code} while this law was running.{lastWords}"

        say
            $"""The process of the laws ended with exit code {code}; laws that had ended: {far.Value}.{if asked.Count = 0 then lastWords else ""}"""
        // At least one failure is counted, also if the process dies between two laws.
        say $"""{number "passed"} passed, {number "failed" + max 1 asked.Count} failed, {number "skipped"} skipped"""
        raise (Stop(1, ""))

let test (options: Map<string, string>) =
    let given name =
        match options.TryFind name with
        | Some value -> [ "--" + name; value ]
        | None -> []

    askLaws dotnet ([ at "artifacts/bin/Ebm.Tests/release/Ebm.Tests.dll"; "laws" ] @ given "only" @ given "seed")

// ── bench ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Prints the lines of the benchmark as it writes them.
let bench (options: Map<string, string>) =
    let given = [
        yield! Option.toList (options.TryFind "part")

        for name in [ "only"; "threads"; "write" ] do
            match options.TryFind name with
            | Some value -> yield! [ $"--{name}"; value ]
            | None -> ()

        for flag in [ "cpu"; "json" ] do
            if options.ContainsKey flag then $"--{flag}"

        for peer in options.TryFind "peer" |> Option.map _.Split('\n') |> Option.defaultValue [||] do
            yield! [ "--peer"; peer ]
    ]

    let code, _ = runHearing (printfn "%s") (eprintfn "%s") dotnet (at "artifacts/bin/Ebm.Bench/release/Ebm.Bench.dll" :: given)

    if code <> 0 then fail $"The benchmark ended with exit code {code}."

// ── docs, format, lock, clean ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

let docs () =
    for line in must dotnet [ "fsi"; at "docs/_pages.fsx" ] do
        printfn "%s" line

/// The reference of all public types, from the assemblies that were packed and their documentation. docfx is restored only here.
let api () =
    // The tool's manifest is that of the folder docs.
    let inDocs arguments = must "env" ([ "-C"; at "docs"; dotnet ] @ arguments) |> ignore

    telling "api: the reference of all types" (fun () ->
        inDocs [ "tool"; "restore" ]
        inDocs [ "tool"; "run"; "docfx"; "--"; "docfx.json"; "--logLevel"; "warning" ])

    let first = "<meta http-equiv=\"refresh\" content=\"0; url=Ebm.Core.html\">\n"
    File.WriteAllText(at "artifacts/docs/api/index.html", first)
    printfn "artifacts/docs/api/index.html"

let format check =
    let sources = [ "build.fsx"; "core"; "analysis"; "experiments"; "tests"; "docs"; "packages" ]
    findPackageSource ()
    restoreTools ()
    let fantomas = if check then "fantomas" :: "--check" :: sources else "fantomas" :: sources
    let csharpier = "csharpier" :: (if check then "check" else "format") :: sources.Tail

    let failures =
        [ fantomas; csharpier ]
        |> List.map (fun arguments -> telling $"format: {arguments.Head}" (fun () -> run dotnet arguments))
        |> List.filter (fun (code, _) -> code <> 0)

    for _, lines in failures do
        lines |> List.iter (eprintfn "%s")

    if not failures.IsEmpty then
        fail (if check then "Some files are not formatted; `dotnet fsi build.fsx format` formats them." else "A formatter failed.")

/// With a cold cache, Paket's first lock file lacks transitive packages, so this installs until the file no longer changes. It also replaces
/// the address of the registry in the file.
let relock () =
    let path = at "paket.lock"
    let before = File.ReadAllText path

    let rec settle attempts (previous: string) =
        File.Delete path
        must dotnet [ "paket"; "install" ] |> ignore
        must dotnet [ "paket"; "restore" ] |> ignore
        let current = Regex.Replace(File.ReadAllText path, @"(?m)^(\s*remote:) .*$", "$1 %NUGET_SOURCE%")

        if current <> previous then
            if attempts = 0 then
                fail
                    "paket.lock still changes after ten installations: two versions of a package fit equally well. Pin one in paket.dependencies."

            settle (attempts - 1) current
        else
            current

    try
        let settled =
            telling "lock: paket install, until it no longer changes" (fun () ->
                findPackageSource ()
                restoreTools ()
                settle 10 "")

        File.WriteAllText(path, settled)
        printfn "paket.lock %s" (if settled = before then "has not changed" else "has changed")
    with _ ->
        File.WriteAllText(path, before)
        reraise ()

let clean () =
    alone (fun () ->
        for folder in Directory.GetDirectories(at "artifacts") do
            Directory.Delete(folder, true))

// ── The targets ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Target = { Does: string; Needs: string list; Body: unit -> unit }

/// The edit distance of two words.
let rec private distance (a: char list) (b: char list) =
    match a, b with
    | [], rest
    | rest, [] -> rest.Length
    | x :: a, y :: b when x = y -> distance a b
    | x :: a', y :: b' -> 1 + List.min [ distance a' b'; distance a' b; distance a b' ]

let find (targets: Map<string, Target>) name =
    match targets.TryFind name with
    | Some target -> target
    | None ->
        let nearest = targets.Keys |> Seq.minBy (fun known -> distance (List.ofSeq known) (List.ofSeq name |> List.truncate 10))
        refuse $"""Unknown target "{name}". Known targets: {String.concat ", " targets.Keys} (did you mean {nearest}?)."""

/// Runs the targets that a target needs, then the target, depth first. Throws if targets need each other in a circle.
let rec visit targets (finished: HashSet<string>) path name =
    if List.contains name path then
        let circle = List.rev (name :: path) |> List.skipWhile ((<>) name) |> String.concat " → "
        refuse $"Targets need each other in a circle: {circle}."

    let target = find targets name

    if not (finished.Contains name) then
        for need in target.Needs do
            visit targets finished (name :: path) need

        target.Body()
        finished.Add name |> ignore

/// Splits the arguments into targets and options; `-p:TorchBackend=…` sets an environment variable, which MSBuild, the stamp and children read.
let rec private parse words (options: Map<string, string>) arguments =
    match arguments with
    | [] -> List.rev words, options
    | "--for" :: ("analysis" | "experiments" | "everything" as product) :: rest -> parse words (options.Add("for", product)) rest
    | "--only" :: part :: rest -> parse words (options.Add("only", part)) rest
    | "--threads" :: count :: rest when Regex.IsMatch(count, @"\A[1-9][0-9]{0,3}\z") -> parse words (options.Add("threads", count)) rest
    | "bench" :: ("speed" | "growth" | "sweeps" | "tables" | "audits" as part) :: rest ->
        parse ("bench" :: words) (options.Add("part", part)) rest
    | "--cpu" :: rest -> parse words (options.Add("cpu", "")) rest
    | "--json" :: rest -> parse words (options.Add("json", "")) rest
    | "--peer" :: peer :: rest when peer.Contains '=' ->
        // The benchmark runs in the clone's root.
        let at = peer.IndexOf '='
        let whole = peer[..at] + Path.GetFullPath peer[at + 1 ..]
        let before = options.TryFind "peer" |> Option.map (fun earlier -> earlier + "\n") |> Option.defaultValue ""
        parse words (options.Add("peer", before + whole)) rest
    | "--write" :: path :: rest when path.EndsWith ".md" || path.EndsWith ".json" ->
        // The benchmark runs in the clone's root.
        parse words (options.Add("write", Path.GetFullPath path)) rest
    | "--seed" :: seed :: rest when Regex.IsMatch(seed, @"\A[0-9]{1,20},[0-9]{1,20}(,[0-9]{1,3})?\z") ->
        parse words (options.Add("seed", seed)) rest
    | "--suffix" :: suffix :: rest when Regex.IsMatch(suffix, @"\A[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*\z") ->
        parse words (options.Add("suffix", suffix)) rest
    | "--check" :: rest -> parse words (options.Add("check", "")) rest
    | ("-p:TorchBackend=cpu" | "-p:TorchBackend=cuda" as property) :: rest ->
        Environment.SetEnvironmentVariable("TorchBackend", property[property.IndexOf '=' + 1 ..])
        parse words options rest
    | option :: _ when option.StartsWith '-' ->
        refuse
            $"Unknown option \"{option}\", or its value is missing. Known options: --for analysis|experiments|everything, --only \"part of a \
              law's name\", --seed 123,457, --suffix alpha.1, --threads 2, --write table.md, --json, --cpu, --peer torchebm=FOLDER, \
              --check, -p:TorchBackend=cpu|cuda."
    | word :: rest -> parse (word :: words) options rest

let main arguments =
    let words, options = parse [] Map.empty arguments
    let product = defaultArg (options.TryFind "for") "everything"
    let target name does needs body = name, { Does = does; Needs = needs; Body = body }

    let targets =
        Map.ofList [
            target "setup" "restores tools and packages, including libtorch" [] setup
            target "build" "compiles; --for analysis|experiments|everything" [] (fun () -> build product)
            target "pack" "makes NuGet packages in artifacts/packages; --suffix alpha.1 for a version before the release" [] (fun () ->
                pack options)
            target "test" "checks the laws; --only \"part of a name\", --seed 123,457" [ "build" ] (fun () -> test options)
            target
                "bench"
                "measures speed; also plain PyTorch's, if python3 has torch; growth, --only \"part of a name\", --threads 2, --write table.md, --json"
                [ "build" ]
                (fun () -> bench options)
            target "docs" "checks the links of the pages and writes them as HTML to artifacts/docs" [] docs
            target "api" "writes the reference of all public types to artifacts/docs/api" [ "pack" ] api
            target "format" "formats sources with Fantomas and CSharpier; --check changes nothing" [] (fun () ->
                format (options.ContainsKey "check"))
            target "lock" "rebuilds paket.lock from paket.dependencies" [] relock
            target "clean" "deletes all build outputs" [] clean
        ]

    match words with
    | [ "help" ] ->
        for KeyValue(name, target) in targets do
            printfn "%-8s %s" name target.Does
    | words ->
        let finished = HashSet()

        for word in (if words.IsEmpty then [ "build" ] else words) do
            visit targets finished [] word

if isBuildScript then
    try
        main (List.ofArray fsi.CommandLineArgs[1..])
    with
    | Stop(code, says) ->
        if says <> "" then eprintfn "%s" says

        exit code
    | error when (error :? IOException || error :? UnauthorizedAccessException) ->
        eprintfn "build: %s; correct this path or its permissions, or free some space." (error.Message.TrimEnd '.')
        exit 2
