/// Finds the commit that changed what a run computes. Between the run's own sources, whose trace is recorded, and a later commit, each
/// commit that is tested is built in a separate folder and runs the first steps; each test halves the range. The repository is only read:
/// its working tree, index and branch stay as they are. Commits with the same runner sources have the same outcome.
module Ebm.Audits.Bisect

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Audits.Comparison
open Ebm.Audits.Scratch
open Ebm.Audits.Repetition

// ── Searching ───────────────────────────────────────────────────────────────────────────────

type Outcome =
    /// It computes the recorded values.
    | Same
    | Parts of Parting
    /// It cannot be built or run; `lasting` if another try would fail, too.
    | Untold of why: string * lasting: bool

type Found =
    /// The last version computes the recorded values.
    | Unchanged
    /// The first version that computes something else. `suspects`, the versions right before it that could not be tested, may be the cause.
    | Changed of first: int * Parting * suspects: int list
    /// The run's own sources also compute something else here, so the code is not the cause.
    | NotTheCode of Parting
    | NotTold of why: string

/// Searches the versions 1 to `last` of a history. Version 0 has the recorded values; it is tested only if all others differ from them.
/// `ask` gets the version and the greatest number of tests that may follow.
let search (last: int) (ask: int -> int -> Outcome) : Found =
    let left inQuestion = if inQuestion <= 0 then 0 else int (ceil (Math.Log2(float (inQuestion + 1))))

    let rec narrow same (first: int, parting) untold =
        let inQuestion = [ same + 1 .. first - 1 ] |> List.filter (fun version -> not (List.contains version untold))

        match inQuestion with
        | [] ->
            let suspects = [ same + 1 .. first - 1 ]

            if same > 0 then
                Changed(first, parting, suspects)
            else
                match ask 0 0 with
                | Parts own -> NotTheCode own
                | Same
                | Untold _ -> Changed(first, parting, suspects)
        | _ ->
            let middle = inQuestion[inQuestion.Length / 2]

            match ask middle (left (inQuestion.Length / 2)) with
            | Same -> narrow middle (first, parting) untold
            | Parts parting -> narrow same (middle, parting) untold
            | Untold _ -> narrow same (first, parting) (middle :: untold)

    if last = 0 then
        Unchanged
    else
        match ask last (left (last - 1)) with
        | Same -> Unchanged
        | Untold(why, _) -> NotTold why
        | Parts parting -> narrow 0 (last, parting) []

// ── History ─────────────────────────────────────────────────────────────────────────────────

type Commit = {
    Hash: string
    /// The author's date, ISO 8601.
    Date: string
    Subject: string
}

/// The paths that the runner is built from.
let private compiled = [ "core"; "Directory.Build.props"; "global.json"; "paket.lock" ]

let private git (repository: string) (arguments: string list) =
    match Git.ask repository arguments with
    | Ok said -> said
    | Error says -> raise (InvalidDataException $"git: {says}")

/// For each commit, a hash of the paths that the runner is built from.
let private sources (repository: string) (commits: string list) : string list =
    let asked =
        String.concat "" [
            for commit in commits do
                for path in compiled -> $"{commit}:./{path}\n"
        ]

    match Git.tell repository [] asked [ "cat-file"; "--batch-check=%(objectname)" ] with
    | Error says -> raise (InvalidDataException $"git: {says}")
    | Ok said ->
        said.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        // Git prints a missing path with its commit, which would make equal commits differ.
        |> Array.map (fun line -> if line.EndsWith " missing" then "missing" else line)
        |> Array.chunkBySize compiled.Length
        |> Array.map (fun hashes -> Canonical.Sha256(String.Join("\n", hashes)))
        |> List.ofArray

let private commitOf (repository: string) (hash: string) =
    let parts = (git repository [ "show"; "--no-patch"; "--format=%H%x00%aI%x00%s"; hash ]).Split '\000'
    { Hash = parts[0]; Date = parts[1]; Subject = parts[2] }

/// The first of consecutive commits with the same sources.
type private Candidate = { Commit: Commit; Sources: string }

/// The run's own sources, then the later commits on the way to a commit, oldest first, by first parents.
let private history (repository: string) (run: RunFolder) (manifest: RunManifest) (bad: string) : Candidate list * int =
    let own, head =
        match manifest.Git with
        | null -> raise (InvalidDataException $"{run}: its manifest names no commit, so the search has no start.")
        | git ->
            match git.Snapshot with
            | null -> git.Commit, git.Commit
            | snapshot -> snapshot.Commit, git.Commit

    if not (Git.isHash own && Git.isHash head) then
        raise (InvalidDataException $"{run}: what its manifest names as its sources is not the hash of a commit.")

    match Git.ask repository [ "rev-parse"; "--verify"; "--quiet"; own + "^{commit}" ] with
    | Ok found when found <> "" -> ()
    | _ ->
        raise (
            InvalidDataException
                $"{run}: its sources, commit {own}, are not in this repository; `git fetch origin 'refs/ebm/*:refs/ebm/*'` may bring them."
        )

    let from =
        match Git.ask repository [ "merge-base"; head; bad ] with
        | Ok commit when commit <> "" -> commit
        | _ -> raise (InvalidDataException $"{run}: its commit {head} and {bad} have no history in common.")

    let later =
        (git repository [ "rev-list"; "--first-parent"; "--reverse"; $"{from}..{bad}" ]).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray

    let all = own :: from :: later

    let versions =
        List.zip all (sources repository all)
        |> List.fold
            (fun versions (hash, sources) ->
                match versions with
                | (_, last) :: _ when last = sources -> versions
                | _ -> (hash, sources) :: versions)
            []
        |> List.rev
        |> List.map (fun (hash, sources) -> { Commit = commitOf repository hash; Sources = sources })

    versions, later.Length

// ── Probing ─────────────────────────────────────────────────────────────────────────────────

type Probe = {
    Commit: Commit
    Outcome: Outcome
    /// An earlier search found the outcome.
    Remembered: bool
}

type Bisection = {
    Found: Found
    /// The commits to which the version numbers of the finding refer.
    Versions: Commit list
    Commits: int
    Until: int64
    Probes: Probe list
}

/// How a runner is built from a commit: programs that run in its root one after the other, with environment variables.
type Building = { Programs: (string * string list) list; Variables: (string * string) list }

/// Builds only the runner, from locked packages. They come from NuGet's first source, as in the project's build.
let building () : Building =
    let variables =
        match Environment.GetEnvironmentVariable "NUGET_SOURCE" with
        | null
        | "" ->
            let start = ProcessStartInfo("dotnet", [ "nuget"; "list"; "source"; "--format"; "short" ], RedirectStandardOutput = true)
            use child = nonNull (Process.Start start)

            child.StandardOutput.ReadToEnd().Split '\n'
            |> Array.tryFind _.StartsWith("E ")
            |> Option.map (fun line -> "NUGET_SOURCE", line.Substring(2).Trim())
            |> Option.toList
        | _ -> []

    {
        Programs = [
            "dotnet", [ "tool"; "restore" ]
            "dotnet", [ "paket"; "restore" ]
            "dotnet", [ "build"; "core/Ebm.Runner"; "-c"; "Release"; "--nologo"; "-v"; "quiet"; "--disable-build-servers" ]
        ]
        Variables = variables
    }

let private complaint (said: string) =
    let lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
    lines |> Array.tryFind _.Contains(": error ") |> Option.orElse (Array.tryLast lines) |> Option.defaultValue "no error message"

/// The outcomes of earlier searches for a run, by the hash of the sources; kept in a file, so that no version is tested twice.
type private Memory(path: string) =
    let read (line: string) =
        use json = JsonText.Parse line
        let text (name: string) = json.RootElement.GetProperty(name).GetString() |> string

        let outcome =
            match text "outcome" with
            | "same" -> Same
            | "parts" -> Parts { Step = Some(json.RootElement.GetProperty("step").GetInt64()); What = text "what" }
            | _ -> Untold(text "what", true)

        text "sources", outcome

    let mutable known =
        if File.Exists path then
            File.ReadAllLines path
            |> Array.filter _.EndsWith('}') // the last line may be incomplete
            |> Array.map read
            |> Map.ofArray
        else
            Map.empty

    member _.Find sources = known.TryFind sources

    member _.Keep(sources: string, commit: Commit, outcome: Outcome) =
        let line (name: string) (step: int64 option) (what: string) =
            JsonText.LineOf(fields [ "sources" => sources; "commit" => commit.Hash; "outcome" => name; "step" => step; "what" => what ])

        match outcome with
        | Untold(_, false) -> ()
        | _ ->
            known <- known.Add(sources, outcome)
            Directory.CreateDirectory(Path.GetDirectoryName path |> string) |> ignore

            File.AppendAllText(
                path,
                (match outcome with
                 | Same -> line "same" None ""
                 | Parts parting -> line "parts" (Some(defaultArg parting.Step 0L)) parting.What
                 | Untold(why, _) -> line "untold" None why)
                + "\n"
            )

/// Builds a commit in a separate folder, runs the first steps, and compares them with the run.
let private probe (scratch: Scratch) (building: Building) (conditions: Conditions) steps (run: RunFolder) (commit: Commit) : Outcome =
    let clone = Path.Combine(scratch.Folder, commit.Hash.Substring(0, 12))
    let quietly = [ "-c"; "core.hooksPath=/dev/null"; "-c"; "advice.detachedHead=false" ]
    let top = git conditions.Repository [ "rev-parse"; "--show-toplevel" ]
    let inside = git conditions.Repository [ "rev-parse"; "--show-prefix" ]
    git scratch.Folder (quietly @ [ "clone"; "--quiet"; "--shared"; "--no-checkout"; top; clone ]) |> ignore
    git clone (quietly @ [ "checkout"; "--quiet"; "--detach"; commit.Hash ]) |> ignore
    let root = Path.Combine(clone, inside)

    try
        let failed =
            building.Programs
            |> List.tryPick (fun (program, arguments) ->
                let ended = scratch.Run(root, building.Variables, program, arguments)
                if ended.Code = 0 then None else Some(ended.Output + "\n" + ended.Errors))

        match failed with
        // A compiler error comes again; a package that could not be restored may be available the next time.
        | Some said -> Untold($"it does not build: {complaint said}", said.Contains ": error CS")
        | None ->
            let runner = Path.Combine(root, "artifacts", "bin", "Ebm.Runner", "release", "ebm-runner")

            try
                match Smoke.smoke runner conditions steps run with
                | _, { Verdict = Failed; Reason = reason } -> Untold(defaultArg reason "it did not reach the last compared step", true)
                | _, { Parting = Some parting } -> Parts parting
                | _ -> Same
            with :? InvalidDataException as error ->
                Untold(error.Message, true)
    finally
        if Directory.Exists clone then Directory.Delete(clone, true)

let private short (hash: string) = hash.Substring(0, 12)

/// The first commit after a run's own, up to `bad`, that computes something else within so many steps. The folder `memory` keeps outcomes;
/// `say` gets the progress. Throws InvalidDataException with the reason if the search is not possible, and Stopped.
let bisect building (conditions: Conditions) (memory: string) (say: string -> unit) steps (bad: string) (run: RunFolder) : Bisection =
    let manifest =
        match run.Manifest with
        | null -> raise (InvalidDataException $"{run}: it has no manifest, so it cannot be repeated.")
        | manifest -> manifest

    match run.Config.Find "device" with
    | null -> ()
    | device when string device.Value = "cpu" -> ()
    | device ->
        raise (
            InvalidDataException
                $"{run}: it ran on {device.Value}, where the order of sums may vary; run it again on the CPU, and search from that run."
        )

    let traced = run.Traces() |> Seq.map _.Step |> Seq.distinct |> List.ofSeq
    if traced.IsEmpty then raise (InvalidDataException $"{run}: its trace.jsonl is empty, so there are no steps to compare.")

    let until = traced |> List.tryFind (fun step -> step >= steps) |> Option.defaultValue (List.last traced)
    let bad = git conditions.Repository [ "rev-parse"; "--verify"; bad + "^{commit}" ]
    let versions, commits = history conditions.Repository run manifest bad
    let versions = Array.ofList versions

    // Every commit gets the run's own config, so no config is composed.
    let conditions = { conditions with Compose = fun _ _ _ _ -> Composition.Untold "each commit gets the run's own config" }

    let asked =
        String.Join(
            "\n",
            [
                string manifest.Hash
                string until
                string conditions.Threads
                for name, value in conditions.Variables do
                    $"{name}={value}"
                yield! conditions.With
                match manifest.Native with
                | null -> ()
                | native -> native.Libtorch
            ]
        )

    let memory = Memory(Path.Combine(memory, $"{run.Id}-{(Canonical.Sha256 asked).Substring(0, 12)}.jsonl"))
    let probes = ResizeArray<Probe>()
    let built = ResizeArray<float>()

    let told outcome =
        match outcome with
        | Same -> "gives the same values"
        | Parts { Step = Some step; What = what } -> $"differs at step {step}: {what}"
        | Parts { What = what } -> $"differs: {what}"
        | Untold(why, _) -> why

    say $"{commits} commits after the run's own, {versions.Length - 1} of them with other runner sources; comparing up to step {until}"

    inScratch (fun scratch ->
        let ask version left =
            let commit = versions[version].Commit

            let outcome, remembered =
                match memory.Find versions[version].Sources with
                | Some outcome -> outcome, true
                | None ->
                    let clock = Stopwatch.StartNew()
                    say $"{short commit.Hash} {commit.Subject}: building"
                    let outcome = probe scratch building conditions steps run commit
                    memory.Keep(versions[version].Sources, commit, outcome)
                    built.Add clock.Elapsed.TotalSeconds
                    outcome, false

            probes.Add { Commit = commit; Outcome = outcome; Remembered = remembered }

            let eta =
                match left, built.Count with
                | 0, _ -> ""
                | _, 0 -> $" (about {left} to go)"
                | _ ->
                    let seconds = Seq.average built * float left
                    let shown = (if seconds < 90.0 then seconds else seconds / 60.0).ToString("0", CultureInfo.InvariantCulture)
                    $""" (about {left} to go, some {shown} {if seconds < 90.0 then "s" else "min"})"""

            say $"""{short commit.Hash} {told outcome}{if remembered then ", known from an earlier search" else ""}{eta}"""
            outcome

        {
            Found = search (versions.Length - 1) ask
            Versions = [ for version in versions -> version.Commit ]
            Commits = commits
            Until = until
            Probes = List.ofSeq probes
        })
