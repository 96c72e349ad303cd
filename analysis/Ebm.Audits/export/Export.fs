/// Exports runs to a separate folder with everything that another machine needs to inspect and repeat them: their sources as a git bundle,
/// their lock files, the small data files, the results, and one command. It exports only files whose hashes are in the manifests, and nothing
/// that looks like a secret.
module Ebm.Audits.Export

open System
open System.Diagnostics
open System.IO
open System.Text
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Crate

type Wish = {
    Repository: string
    Data: string
    /// Include the description as an RO-Crate.
    Crate: bool
    /// Include sources, data, and the command that repeats a run.
    Capsule: bool
    /// Include the plans of a whole sweep, so that missing runs show.
    Plans: bool
    /// The size in bytes above which a data file is named instead of copied.
    Largest: int64
}

type Made = {
    Folder: string
    Runs: int
    Files: int
    Bytes: int64
    /// What the folder does not contain and why, one sentence each.
    Notes: string list
    /// The text of SHA256SUMS, which has the hash of every other file.
    Seal: string
}

let private refuse says : 'a = raise (InvalidDataException says)

let private git (repository: string) (arguments: string list) =
    match Git.ask repository arguments with
    | Ok said -> said
    | Error says -> refuse $"git: {says}"

// ── Sources ─────────────────────────────────────────────────────────────────────────────────

/// The commit with a run's sources at launch.
let private commitOf (wish: Wish) (run: RunFolder) (manifest: RunManifest) =
    let repository = wish.Repository

    let commit =
        match manifest.Git with
        | null -> refuse $"{run}: its manifest names no sources, so it cannot be repeated."
        | git ->
            match git.Snapshot with
            | null when wish.Capsule ->
                refuse
                    $"{run}: its manifest names no snapshot of its sources, so it cannot be repeated; --crate exports only its description."
            | null when git.Dirty -> refuse $"{run}: its sources were not committed, and its manifest names no snapshot of them."
            | null -> git.Commit
            | snapshot -> snapshot.Commit

    if not (Git.isHash commit) then refuse $"{run}: what its manifest names as its sources is not the hash of a commit."

    match Git.ask repository [ "rev-parse"; "--verify"; "--quiet"; commit + "^{tree}" ] with
    | Ok tree when tree <> "" -> commit, tree.Substring(0, 12)
    | _ ->
        refuse
            $"{run}: its sources, commit {commit}, are not in this repository; `git fetch origin 'refs/ebm/*:refs/ebm/*'` brings them from \
              the clone that made them."

/// Writes one file of a commit, byte by byte; None if the commit has no such file.
let private extract (repository: string) (commit: string) (path: string) (target: string) =
    match Git.ask repository [ "cat-file"; "-e"; $"{commit}:{path}" ] with
    | Error _ -> false
    | Ok _ ->
        Directory.CreateDirectory(Path.GetDirectoryName target |> string) |> ignore

        let start = ProcessStartInfo("git", [ "-C"; repository; "cat-file"; "blob"; $"{commit}:{path}" ], RedirectStandardOutput = true)
        for name in Git.ofAnotherRepository do
            start.Environment.Remove name |> ignore

        use git = nonNull (Process.Start start)
        use file = File.Create target
        git.StandardOutput.BaseStream.CopyTo file
        git.WaitForExit()
        if git.ExitCode <> 0 then refuse $"git cannot read {path} of commit {commit}."
        true

let private part (root: string) (path: string) : Part =
    let file = FileInfo(Path.Combine(root, path))

    { Path = path; Bytes = file.Length; Sha256 = if file.Length = 0L then Canonical.Sha256 "" else Canonical.Sha256OfFile file.FullName }

let private locks = [ "paket.lock"; "paket.dependencies"; "packages.lock.json"; "global.json"; ".config/dotnet-tools.json" ]

/// The files that represent a run's sources in the crate.
let private sourcesOf (wish: Wish) (root: string) (run: RunFolder) (manifest: RunManifest) =
    let commit, tree = commitOf wish run manifest

    let take path =
        let within = $"sources/{tree}/{path}"
        let target = Path.Combine(root, within)
        if File.Exists target || extract wish.Repository commit path target then Some(part root within) else None

    let script =
        match manifest.Script with
        | null -> None
        | script -> take (string (RelativePath.Parse(script.Path, run.In "manifest.json")))

    match script |> Option.orElseWith (fun () -> take "core/Ebm.Runner/Program.cs") with
    | None -> refuse $"{run}: its sources, commit {commit}, contain no script and no runner."
    | Some workflow ->
        let locks = locks |> List.choose take

        let sdk =
            locks
            |> List.tryFind _.Path.EndsWith("global.json")
            |> Option.bind (fun part -> (Document.Read(Path.Combine(root, part.Path))).Find "sdk.version" |> Option.ofObj)
            |> Option.map (fun version -> string version.Value)

        {
            Commit = commit
            Remote =
                match manifest.Git with
                | null -> None
                | git -> Option.ofObj git.Remote
            Workflow = workflow
            License = take "LICENSE"
            Locks = locks
            Sdk = sdk
        }

/// Writes a bundle from which `git clone` gets the sources of every run and checks out those of the last one. It contains their history,
/// because git cannot clone from a bundle of a commit without its parents.
let private bundle (repository: string) (commits: string list) (target: string) =
    let temporary = Directory.CreateTempSubdirectory "ebm-bundle-"

    try
        let bare = temporary.FullName
        git bare [ "init"; "--quiet"; "--bare"; "." ] |> ignore
        let objects = git repository [ "rev-parse"; "--path-format=absolute"; "--git-path"; "objects" ]
        // Git reads the objects in the repository and writes nothing to it.
        File.WriteAllText(Path.Combine(bare, "objects", "info", "alternates"), objects + "\n")
        let branch (commit: string) = $"refs/heads/{commit.Substring(0, 12)}"

        for commit in commits do
            git bare [ "update-ref"; branch commit; commit ] |> ignore

        git bare [ "symbolic-ref"; "HEAD"; branch (List.last commits) ] |> ignore

        // With several threads, the packed bytes vary.
        git bare ([ "-c"; "pack.threads=1"; "bundle"; "create"; "--quiet"; target; "HEAD" ] @ (commits |> List.map branch)) |> ignore
    finally
        temporary.Delete true

// ── Runs and data ───────────────────────────────────────────────────────────────────────────

let private copy (source: string) (target: string) =
    Directory.CreateDirectory(Path.GetDirectoryName target |> string) |> ignore
    File.Copy(source, target)
    File.SetUnixFileMode(target, UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.GroupRead ||| UnixFileMode.OtherRead)

/// Copies a run's folder, without the files that only a running process needs, and checks each file against the manifest's hash.
let private copyRun (root: string) (run: RunFolder) (manifest: RunManifest) : Part list =
    let attempts =
        if Directory.Exists(run.In "attempts") then
            FolderTree.Files(run.In "attempts")
            |> Seq.map (fun path -> Path.GetRelativePath(run.Path, path).Replace('\\', '/'))
            |> List.ofSeq
        else
            []

    let own = [ "manifest.json"; "stdout.log"; "stderr.log" ] |> List.filter (fun name -> File.Exists(run.In name))
    let names = List.distinct (List.ofSeq (run.ArtefactNames()) @ attempts @ own) |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))
    let hashes = dict [ for artefact in manifest.Artefacts -> artefact.Path, artefact.Sha256 ]

    if RunManifest.IsSealed(File.ReadAllText(run.In "manifest.json")) = Nullable false then
        refuse $"{run}: its manifest was edited after it was written; `audit verify {run.Sweep}` names all alterations."

    for artefact in manifest.Artefacts do
        if not (List.contains artefact.Path names) then
            refuse $"{run}: {artefact.Path} is gone; `audit verify {run.Sweep}` names all alterations."

    for name in run.ArtefactNames() do
        if not (hashes.ContainsKey name) then
            refuse $"{run}: {JsonText.LineOf name} was not there when the run ended; `audit verify {run.Sweep}` names all alterations."

    [
        for name in names do
            // A link could lead to any file of this machine.
            let source = RelativePath.Parse(name, string run).WithoutLinks run.Path
            let within = $"runs/{run.Sweep}/{run.Id}/{name}"
            copy source (Path.Combine(root, within))
            let part = part root within

            match hashes.TryGetValue name with
            | true, hash when hash <> part.Sha256 ->
                refuse $"{run}: {name} was altered after the run ended; `audit verify {run.Sweep}` names all alterations."
            | _ -> part
    ]

let private megabytes (bytes: int64) = (float bytes / 1e6).ToString("0.0", Globalization.CultureInfo.InvariantCulture) + " MB"

/// Copies the files of a data set that are small enough and still those that the run read; the others are named with the reason.
let private dataOf (wish: Wish) (root: string) (manifest: RunManifest) : (Data * string option) list = [
    for set in manifest.Data do
        match set.Files with
        | null -> Computed(set.Name, set.Digest), None
        | files when files.Count = 0 -> Computed(set.Name, set.Digest), None
        | files ->
            for file in files do
                let path = RelativePath.Parse(file.Path, $"the manifest of {manifest.RunId}, data")
                let source = DataPlace.Of(wish.Data, path)
                let within = $"data/{path}"
                let without why = Named file, Some $"{file.Path} ({megabytes file.Bytes}, SHA-256 {file.Sha256}) is not included: {why}."

                if not wish.Capsule then
                    Named file, None
                elif File.Exists(Path.Combine(root, within)) then
                    Included(part root within), None
                elif file.Bytes > wish.Largest then
                    without $"it is larger than {megabytes wish.Largest}"
                elif Directory.Exists source then
                    without "it is a folder of pictures; copy it to the same place on the other machine"
                elif not (File.Exists source) then
                    without "it is not in the data folder of this machine"
                elif Canonical.Sha256OfFile source <> file.Sha256 then
                    without "the file of that name on this machine has other content"
                else
                    copy source (Path.Combine(root, within))
                    Included(part root within), None
]

// ── What people read and run ────────────────────────────────────────────────────────────────

/// The text of rerun.sh. It is the same in every export: names are read from the folder when it runs.
let script: string =
    use stream = nonNull (typeof<Wish>.Assembly.GetManifestResourceStream "rerun.sh")
    use reader = new StreamReader(stream)
    reader.ReadToEnd()

let private importedOf (run: RunFolder) : Imported option =
    match run.Manifest with
    | null -> None
    | manifest -> Option.ofObj manifest.Imported

let private readme (crate: Contents) (imported: (RunFolder * Imported) list) (wish: Wish) (notes: string list) =
    let line (run: Run) =
        let again =
            if wish.Capsule then
                $"`sh rerun.sh{if crate.Runs.Length + imported.Length = 1 then String.Empty else String.Concat(' ', run.Folder.Id)}`"
            else
                ""
        $"| {run.Folder.Sweep}/{run.Folder.Id} | {Kebab.Of run.Manifest.State} | {run.Manifest.Step} | {again} |"

    String.concat "\n" [
        $"# {crate.Name}"
        ""
        crate.Description
        ""
        "| run | ended | steps | repeat with |"
        "| --- | --- | --- | --- |"
        yield! crate.Runs |> List.map line
        yield! [ for run, _ in imported -> $"| {run.Sweep}/{run.Id} | imported | | |" ]
        ""
        "`runs/` contains each run's config, trace, results and manifest; the manifest names the machine, the libraries, the sources and the"
        "data, and has the hashes of the other files."
        if wish.Crate then "`ro-crate-metadata.json` describes the same for programs, as an RO-Crate (Workflow Run Crate 0.5)."
        ""
        if wish.Capsule then
            "## Repeat a run"
            ""
            "On a machine with git and the .NET SDK, in this folder:"
            ""
            "    sh rerun.sh"
            ""
            "This checks that the files of this folder are those of `SHA256SUMS`, clones the sources from `sources.bundle` into a temporary"
            "folder, builds them from the locked packages, runs, and compares every file and tensor. A file that is added here is an error;"
            "`--data DIR` names a folder with further data. By hand, after `sha256sum --check SHA256SUMS`:"
            ""
            "    mkdir ../again"
            "    git clone sources.bundle ../again/sources"
            "    cp -R runs ../again/runs"
            $"    dotnet fsi ../again/sources/analysis/audit.fsx rerun {(List.last crate.Runs).Folder.Id} --runs ../again/runs --data data"
            ""
            "On a machine like the one that the manifest names, the verdict should be `BITWISE`. Another machine may take sums in another order."
            "There, `TOLERANCE` means that the metrics are within the tolerance in the run's config, and `STATISTICAL` that they are in the range of"
            "another seed, which needs three other seeds in this folder. `docs/audits.md` of the sources explains the verdicts."
            ""
            "`sources.bundle` also contains the history of the sources."
        if not notes.IsEmpty then
            ""
            "## Not included"
            ""
            yield! notes |> List.map (fun note -> $"* {note}")
        ""
    ]

// ── Secrets ─────────────────────────────────────────────────────────────────────────────────

/// Bytes of a file that are searched at once.
let private window = 1 <<< 26

let private placesIn (secrets: Secrets) (root: string) (path: string) = [
    use file = File.OpenRead(Path.Combine(root, path))
    let bytes = Array.zeroCreate<byte>(int (min file.Length (int64 window)))
    let mutable read = file.ReadAtLeast(bytes, bytes.Length, false)
    yield! secrets.InFile(path, bytes)

    while file.Position < file.Length do
        read <- file.ReadAtLeast(bytes, bytes.Length, false)
        yield! secrets.InFile(path, bytes.AsSpan(0, read).ToArray())
]

/// Refuses what looks like a secret: each place with its rule, and the lines that allow them.
let private refuseSecrets (where: string) (places: (string * string) list) =
    if not places.IsEmpty then
        let shown = List.truncate 20 places
        let lines (of': (string * string) -> string) =
            shown |> List.map of' |> List.distinct |> List.map (fun line -> "\n  " + line) |> String.concat ""
        let more = if places.Length > shown.Length then $"\n  and {places.Length - shown.Length} more places" else ""

        refuse
            $"{where} contain what looks like a secret, and nothing was exported:{lines fst}{more}\nRemove it, from the history too, and make the \
              secret invalid. What is not a secret is allowed by a line in {Secrets.OwnFile} at the root of the repository, with the reason:\nallow:{lines snd}"

// ── All of it ───────────────────────────────────────────────────────────────────────────────

let private fill (wish: Wish) (name: string) (runs: RunFolder list) (root: string) : Made =
    let over, notOver = runs |> List.partition (fun run -> RunStates.IsOver run.State)
    if over.IsEmpty then refuse $"{name}: no run has ended, so there is nothing to export."

    // The names become folders on another machine, and arguments in the words of README.md.
    for run in over do
        for name in [ run.Sweep; run.Id ] do
            if isNull (FolderName.Try name) then
                refuse
                    $"{JsonText.LineOf run.Path}: the folders of a run and of its sweep must have names as they were made with: {FolderName.Form}."

    let imported = over |> List.choose (fun run -> importedOf run |> Option.map (fun origin -> run, origin))
    let over = over |> List.filter (importedOf >> Option.isNone)

    if over.IsEmpty then
        refuse
            $"{name}: every run was imported from another source, so there is nothing to repeat; copy the files that were imported instead."

    let started (run: RunFolder) =
        match run.Manifest with
        | null -> DateTime.MinValue
        | manifest ->
            match manifest.Timing with
            | null -> DateTime.MinValue
            | timing -> timing.Started.GetValueOrDefault DateTime.MinValue

    // The newest sources come last: the clone checks them out, and they perform the audit.
    let over = over |> List.sortBy (fun run -> started run, run.Id)

    let told =
        over
        |> List.map (fun run ->
            let manifest = nonNull run.Manifest
            let sources = sourcesOf wish root run manifest
            let files = copyRun root run manifest
            let data = dataOf wish root manifest

            let labs =
                manifest.Argv
                |> List.ofSeq
                |> List.pairwise
                |> List.filter (fun (option, _) -> option = "--with")
                |> List.map (fun (_, assembly) ->
                    $"{JsonText.LineOf(Path.GetFileName assembly)} is not included: the run was started with this assembly of a lab.")

            { Folder = run; Manifest = manifest; Sources = sources; Files = files; Data = data |> List.map fst },
            (data |> List.choose snd) @ labs)

    let all = List.map fst told

    let importedFiles = [
        for run, origin in imported do
            for part in copyRun root run (nonNull run.Manifest) do
                part, $"A file of the imported run {run.Id}, from {origin.From}."
    ]

    let notes =
        (told |> List.collect snd)
        @ [ for run in notOver -> $"The run {run.Sweep}/{run.Id} is not included: it is {Kebab.Of run.State}." ]
        @ [
            for run, origin in imported ->
                $"The sources of {run.Sweep}/{run.Id} are not included: the run was imported from {origin.From}, and cannot be repeated."
        ]
        |> List.distinct

    let commits = all |> List.map _.Sources.Commit |> List.rev |> List.distinct |> List.rev

    let secrets = Secrets.At wish.Repository

    if wish.Capsule then
        match Withheld.inHistory secrets wish.Repository commits with
        | Error says -> refuse $"git: {says}"
        | Ok found -> refuseSecrets "the sources or their history" [ for found in found -> Withheld.say found, found.Place.Allowance ]

        bundle wish.Repository commits (Path.Combine(root, "sources.bundle"))
        Directory.CreateDirectory(Path.Combine(root, "data")) |> ignore

    let plans = [
        if wish.Plans then
            for sweep in over |> List.map (fun run -> string (Path.GetDirectoryName run.Path)) |> List.distinct do
                for file, says in
                    [
                        Plans.FileName, "The plans of the sweep, a line for each launch."
                        Retired.FileName, "The runs that were taken out of tables, with the reasons."
                    ] do
                    let source = Path.Combine(sweep, file)
                    let within = $"runs/{Path.GetFileName sweep}/{file}"

                    if File.Exists source then
                        copy source (Path.Combine(root, within))
                        part root within, says
    ]

    let states = over |> List.countBy _.State |> List.map (fun (state, count) -> $"{count} {Kebab.Of state}")
    let day = (over |> List.map started |> List.max).ToString("yyyy-MM-dd", Globalization.CultureInfo.InvariantCulture)

    let contents others = {
        Name = name
        Description =
            (match over with
             | [ run ] -> $"A run of an energy-based model ({Kebab.Of run.State}), of {day}: config, trace and results"
             | _ -> $"""{over.Length} runs of energy-based models ({String.Join(", ", states)}), to {day}: configs, traces and results""")
            + (if wish.Capsule then ", and what is needed to repeat it." else ".")
        Runs = all
        Others = others
    }

    File.WriteAllText(Path.Combine(root, "README.md"), readme (contents []) imported wish notes)

    if wish.Capsule then
        let path = Path.Combine(root, "rerun.sh")
        File.WriteAllText(path, script)

        File.SetUnixFileMode(
            path,
            UnixFileMode.UserRead
            ||| UnixFileMode.UserWrite
            ||| UnixFileMode.UserExecute
            ||| UnixFileMode.GroupRead
            ||| UnixFileMode.GroupExecute
            ||| UnixFileMode.OtherRead
            ||| UnixFileMode.OtherExecute
        )

    if wish.Crate then
        let others = [
            part root "README.md", "A description of this folder for readers."
            yield! plans
            yield! importedFiles
            if wish.Capsule then
                part root "sources.bundle", "The sources of every run as a git bundle."
                part root "rerun.sh", "Repeats a run and compares the results."
        ]

        File.WriteAllText(Path.Combine(root, "ro-crate-metadata.json"), json (contents others))

    let files =
        Directory.GetFiles(root, "*", SearchOption.AllDirectories)
        |> Array.map (fun path -> Path.GetRelativePath(root, path).Replace('\\', '/'))
        |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> Array.map (part root)

    refuseSecrets "the exported files" [
        for file in files do
            // Its contents are the history that was searched.
            if file.Path <> "sources.bundle" then for found in placesIn secrets root file.Path -> string found, found.Allowance
    ]

    let sums = files |> Array.map (fun part -> $"{part.Sha256}  {part.Path}\n") |> String.concat ""
    File.WriteAllText(Path.Combine(root, "SHA256SUMS"), sums)

    {
        Folder = root
        Runs = over.Length + imported.Length
        Files = files.Length + 1
        Bytes = files |> Array.sumBy _.Bytes
        Notes = notes
        Seal = sums
    }

/// Makes the folder completely or not at all. Throws InvalidDataException with the reason.
let make (wish: Wish) (name: string) (runs: RunFolder list) (folder: string) : Made =
    if Path.Exists folder then refuse $"{folder} already exists; delete it, or name another folder with --out."

    let folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath folder)
    // A name of its own, so that no folder of the user is replaced.
    let beside = $"{folder}.{Guid.NewGuid():N}.new"
    Directory.CreateDirectory beside |> ignore

    try
        let made = fill wish name runs beside
        Directory.Move(beside, folder)
        { made with Folder = folder }
    with _ ->
        Directory.Delete(beside, true)
        reraise ()
