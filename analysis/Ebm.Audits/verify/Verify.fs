/// Checks that run folders are unchanged. It computes every hash again: of the config, of the manifest over itself, of its chain of
/// attempts, of every artefact, of plans, launches and reports, of the data files on this machine, and of the ledger. Each kind of
/// difference is an alteration with a name. Nothing is trained or written.
module Ebm.Audits.Verify

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open System.Threading
open System.Threading.Tasks
open Ebm.Records

type Verification = {
    Runs: int
    Files: int64
    Bytes: int64
    Alterations: Alteration list
    /// What could not be checked, and why.
    Notes: string list
    Ledger: Ledger.Ledger option
}

let private seedOf (config: string) =
    try
        use json = JsonText.Parse config

        match json.RootElement.ValueKind with
        | JsonValueKind.Object ->
            match json.RootElement.TryGetProperty "seed" with
            | true, seed -> Some(seed.GetRawText())
            | _ -> None
        | _ -> None
    with :? JsonException ->
        None

type private Counts() =
    let mutable files, bytes = 0L, 0L
    member _.Files = files
    member _.Bytes = bytes

    member _.Hash(path: string) =
        Interlocked.Increment &files |> ignore
        Interlocked.Add(&bytes, FileInfo(path).Length) |> ignore
        Canonical.Sha256OfFile path

    /// The hash of a file; of a pipe or a device, the reason why it is not read, which equals no hash.
    member counts.HashOrWhy(path: string) =
        match RegularFile.Refusal path with
        | null -> counts.Hash path
        | says -> says

    /// The hash of a record, which is small; of a file of a gigabyte, a pipe or a device, the reason why it is not read.
    member counts.HashOfRecord(path: string) =
        match RegularFile.Refusal path with
        | null when FileInfo(path).Length > 1_000_000_000L -> "the file is too large"
        | _ -> counts.HashOrWhy path

/// Reads a manifest: the manifest, if it is valid, and its alterations.
let private manifestAt (path: string) : RunManifest option * (Altered * string) list =
    try
        match RunManifest.Read path with
        | struct (_, Seal.Broken) -> None, [ Altered.ManifestEdited, $"{Path.GetFileName path} does not match its own hash" ]
        | struct (manifest, _) -> Some manifest, []
    with :? InvalidDataException as error ->
        None, [ Altered.ManifestEdited, error.Message ]

/// The manifests of earlier attempts that can be read, and the alterations of their chain.
let private attempts (folder: RunFolder) (manifest: RunManifest) : RunManifest list * (Altered * string) list =
    let earlier = [
        if Directory.Exists(folder.In "attempts") then
            for path in Directory.GetDirectories(folder.In "attempts") |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) do
                let file = Path.Combine(path, "manifest.json")
                if File.Exists file then Path.GetFileName path |> string, manifestAt file
    ]

    let wrong = [
        for name, (_, wrong) in earlier do
            for _, says in wrong do
                Altered.AttemptEdited, $"attempts/{name}: {says}"

        if earlier |> List.forall (fun (_, (there, _)) -> there.IsSome) then
            let chain = manifest :: [ for _, (there, _) in earlier -> there.Value ] |> List.sortBy _.Attempt

            for before, next in List.pairwise chain do
                if next.Attempt = before.Attempt then
                    Altered.AttemptInserted, $"attempt {next.Attempt} exists twice"
                elif not (isNull next.PrevHash) && next.PrevHash <> before.Hash then
                    Altered.AttemptMissing,
                    $"attempt {next.Attempt} does not follow attempt {before.Attempt} as it is now: one was removed or replaced"

            if not (isNull chain.Head.PrevHash) then
                Altered.AttemptMissing, $"attempt {chain.Head.Attempt} followed an earlier one, which is gone"
    ]

    earlier |> List.choose (fun (_, (there, _)) -> there), wrong

/// Whether a path in a run's folder, or a folder on the way to it, is a link: the runner makes none, and a link may lead to any file.
let private isLinked (folder: RunFolder) (name: string) =
    let parts = name.Split '/'

    seq { 1 .. parts.Length } |> Seq.exists (fun count -> not (isNull (FileInfo(folder.In(Array.truncate count parts)).LinkTarget)))

/// Folders that the run did not make, and files among its earlier attempts that are not theirs. Hidden files and folders are not read.
let private foreign (folder: RunFolder) (listed: HashSet<string>) = [
    let made =
        HashSet [
            yield! [ "checkpoint"; "checkpoint.next"; "checkpoint.previous"; "arrays"; "attempts" ]

            for path in listed do
                let parts = path.Split '/'
                yield! [ for count in 1 .. parts.Length - 1 -> String.Join('/', Array.truncate count parts) ]
        ]

    let attemptsOwn = set [ "manifest.json"; "stdout.log"; "stderr.log" ]

    for path in Seq.append (FolderTree.Folders folder.Path) (FolderTree.Files folder.Path) do
        let name = Path.GetRelativePath(folder.Path, path).Replace('\\', '/')
        let parts = name.Split '/'

        if parts |> Array.forall (fun part -> not (part.StartsWith '.')) then
            if parts[0] = "attempts" then
                let isOwn =
                    match parts with
                    | [| _ |] -> Directory.Exists path
                    | [| _; number |] -> Directory.Exists path && number |> Seq.forall Char.IsAsciiDigit
                    | [| _; _; file |] -> attemptsOwn.Contains file && not (Directory.Exists path)
                    | _ -> false

                if not isOwn then name
                elif not (isNull (FileInfo(path).LinkTarget)) then $"the link {name}"
            elif Directory.Exists path && not (made.Contains name) then
                $"the folder {name}"
]

/// The manifest of a measurement that was interrupted while it replaced results, and its alterations.
let private adoptingOf (folder: RunFolder) : RunManifest option * (Altered * string) list =
    match folder.AdoptingFile with
    | null -> None, []
    | file ->
        let manifest, wrong = manifestAt file
        manifest, [ for what, says in wrong -> what, $"the manifest of an interrupted measurement: {says}" ]

let private artefacts (counts: Counts) (folder: RunFolder) (adopting: RunManifest option) (manifest: RunManifest) = [
    let listed = manifest.Artefacts |> Seq.map _.Path |> HashSet
    // An interrupted measurement replaced some results, or was about to; its own manifest names them.
    let adopted = adopting |> Option.map (fun adopting -> Map [ for artefact in adopting.Artefacts -> artefact.Path, artefact.Sha256 ])

    let isAdopted (name: string) =
        match adopted with
        | None -> false
        | Some hashes ->
            match hashes.TryFind name, File.Exists(folder.In name) with
            | Some hash, true -> counts.HashOrWhy(folder.In name) = hash
            // The old folder of arrays is removed before the new one is put in place.
            | _, isThere -> not isThere && name.StartsWith "arrays/"

    if adopted.IsSome then
        Altered.MeasureInterrupted,
        "a measurement was interrupted while it replaced results, so some do not match the manifest; measure the run again"

    for artefact in manifest.Artefacts do
        let path = folder.In artefact.Path

        if isLinked folder artefact.Path then
            Altered.ArtefactLinked, $"{artefact.Path} is a link, which the run did not write"
        elif isAdopted artefact.Path then
            ()
        elif not (File.Exists path) then
            Altered.ArtefactMissing, $"{artefact.Path} is gone"
        // The config has its own check.
        elif artefact.Path <> "config.json" then
            if FileInfo(path).Length <> artefact.Bytes then
                Altered.ArtefactChanged, $"{artefact.Path} has {FileInfo(path).Length} bytes, and had {artefact.Bytes}"
            elif counts.HashOrWhy path <> artefact.Sha256 then
                Altered.ArtefactChanged, $"{artefact.Path} does not match its hash"

    // Manifests without seals are older and do not list checkpoints.
    let knowsCheckpoints = not (isNull manifest.Hash)

    for name in foreign folder listed do
        Altered.ArtefactExtra, $"{name} was not there when the run ended"

    for name in folder.ArtefactNames() do
        if not (listed.Contains name || isAdopted name) && (knowsCheckpoints || not (name.StartsWith "checkpoint/")) then
            Altered.ArtefactExtra, $"{name} was not there when the run ended"
]

/// The folder of the run whose training a run took; none if it trained itself, or the record names no folder.
let private sourceOf (path: string) (manifest: RunManifest) : (ParentState * string) option =
    match manifest.TrainedBy with
    | null -> None
    | source ->
        match FolderName.Try source.Run with
        | null -> None
        | name -> Some(source, name.In(string (Path.GetDirectoryName path)))

/// Compares the record of another run's training with that run's manifests and with the run's own files. A run that is gone is a note.
let private training (path: string) (manifest: RunManifest) = [
    match manifest.TrainedBy, sourceOf path manifest with
    | null, _ -> ()
    | source, None -> Altered.TrainingContradicted, $"the run whose training it took, {JsonText.LineOf source.Run}, is not below this sweep"
    | source, Some(_, folder) when [ "config.json"; "manifest.json" ] |> List.forall (fun name -> File.Exists(Path.Combine(folder, name))) ->
        let from = RunFolder.Open folder

        let made =
            match manifestAt (from.In "manifest.json") with
            | Some last, _ -> last :: fst (attempts from last) |> List.tryFind (fun one -> one.Attempt = source.Attempt)
            | None, _ -> None

        let start = "checkpoint/"
        let weights (run: RunManifest) = [
            for file in run.Artefacts do
                if file.Path.StartsWith start then struct (file.Path.Substring start.Length, file.Sha256)
        ]

        match made with
        | None -> Altered.TrainingContradicted, $"attempt {source.Attempt} of {source.Run}, whose training it took, is gone"
        | Some made when made.TrainingSha256 <> manifest.TrainingSha256 ->
            Altered.TrainingContradicted, $"{source.Run}, whose training it took, was trained with other settings"
        | Some made when ParentState.HashOf(weights made) <> source.Checkpoint || made.Step <> source.Step ->
            Altered.TrainingContradicted, $"the checkpoint of {source.Run} is not the one whose hash this run recorded"
        | Some made ->
            // The state also names the attempt that took it.
            let own = Map [ for struct (name, hash) in weights manifest -> name, hash ]

            for struct (name, hash) in weights made do
                if name <> "state.json" && own.TryFind name <> Some hash then
                    Altered.TrainingContradicted, $"its {start}{name} is not that of {source.Run}, whose training it took"
    | _ -> ()
]

let private config (counts: Counts) (folder: string) (id: string) (manifest: RunManifest option) = [
    let path = Path.Combine(folder, "config.json")

    if not (File.Exists path) then
        Altered.ConfigMissing, "config.json is gone"
    else
        let hash = counts.HashOfRecord path
        let names = id.EndsWith("-" + hash.Substring(0, 12), StringComparison.Ordinal)

        match manifest with
        | Some manifest when manifest.ConfigSha256 = hash ->
            if not names then Altered.RunRenamed, $"the folder is named {id}, but its run is {manifest.RunId}"
        | Some manifest when names ->
            // The folder and its config agree, so the manifest is of another run.
            Altered.ManifestReplaced, $"manifest.json belongs to the run {manifest.RunId}"
        | Some manifest ->
            match seedOf (if hash.Contains ' ' then "" else RegularFile.Text(path, RegularFile.Record)) with
            | Some seed when seed <> string manifest.Seed ->
                Altered.ConfigEdited, $"config.json is not the config that ran: its seed is {seed}, and the run's was {manifest.Seed}"
            | _ ->
                Altered.ConfigEdited, "config.json is not the config that ran: its hash differs from those of the folder and the manifest"
        | None -> if not names then Altered.ConfigEdited, "the folder's name is not the hash of its config.json: one of them was altered"
]

/// A run folder: its manifest, those of its earlier attempts and of an interrupted measurement, and its alterations.
type private Read = {
    Manifest: RunManifest option
    Earlier: RunManifest list
    Adopting: RunManifest option
    Wrong: (Altered * string) list
}

let private recordsOf (counts: Counts) (found: RunTree.Found) : Read =
    let path, id = found.Path, found.Id
    let file = Path.Combine(path, "manifest.json")

    let linked =
        [ "config.json"; "manifest.json" ] |> List.filter (fun name -> not (isNull (FileInfo(Path.Combine(path, name)).LinkTarget)))

    if found.Misplaced then
        { Manifest = None; Earlier = []; Adopting = None; Wrong = [ Altered.RunMisplaced, nonNull found.Why ] }
    elif not linked.IsEmpty then
        {
            Manifest = None
            Earlier = []
            Adopting = None
            Wrong = [ for name in linked -> Altered.ArtefactLinked, $"{name} is a link, which the run did not write" ]
        }
    elif not (File.Exists file) then
        let hasBegun =
            Directory.EnumerateFileSystemEntries path
            |> Seq.map (Path.GetFileName >> string)
            |> Seq.exists (fun name -> not (name.StartsWith '.') && name <> "config.json" && name <> "config.yaml")

        {
            Manifest = None
            Earlier = []
            Adopting = None
            Wrong = [
                yield! config counts path id None

                if hasBegun then Altered.ManifestMissing, "it has results but no manifest.json, so it cannot be checked"
            ]
        }
    else
        // The manifest that was found is of the same bytes; one that is not valid is read again, for what is wrong with it.
        let manifest, wrong =
            match found.Manifest, found.Seal with
            | NonNull manifest, (Seal.Holds | Seal.Absent) -> Some manifest, []
            | _ -> manifestAt file

        match manifest, wrong with
        | None, wrong -> { Manifest = None; Earlier = []; Adopting = None; Wrong = wrong @ config counts path id None }
        | Some manifest, _ when not (File.Exists(Path.Combine(path, "config.json"))) -> {
            Manifest = Some manifest
            Earlier = []
            Adopting = None
            Wrong = config counts path id (Some manifest)
          }
        | Some manifest, _ ->
            let folder = RunFolder.Open path
            let earlier, chain = attempts folder manifest
            let adopting, broken = adoptingOf folder

            {
                Manifest = Some manifest
                Earlier = earlier
                Adopting = adopting
                Wrong = [
                    yield! config counts path id (Some manifest)

                    if manifest.SweepId <> folder.Sweep then
                        Altered.RunMoved, $"it ran in the sweep {manifest.SweepId}, but is in {folder.Sweep}"

                    yield! chain
                    yield! broken

                    if RunStates.IsOver manifest.State then
                        yield! artefacts counts folder adopting manifest
                        yield! training path manifest
                ]
            }

/// Checks one folder. Whatever makes it no run is an alteration, too.
let private run (counts: Counts) (found: RunTree.Found) : Read =
    let read = recordsOf counts found

    match found.Why with
    | NonNull why when read.Wrong.IsEmpty -> { read with Wrong = [ Altered.RunRenamed, why ] }
    | _ -> read

/// Checks the data files of runs that are on this machine.
let private data (counts: Counts) (root: string option) (manifests: RunManifest list) =
    let files =
        [
            for manifest in manifests do
                for set in manifest.Data do
                    match set.Files with
                    | null -> ()
                    | files -> yield! files
        ]
        |> List.distinctBy (fun file -> file.Path, file.Sha256)

    let wrong = ConcurrentBag()
    let absent = ConcurrentBag()

    Parallel.ForEach(
        files,
        fun (file: DataFile) ->
            match root, RelativePath.Try file.Path with
            // Older runs may name a file outside the data folder; it is not read.
            | _, null -> absent.Add file.Path
            | Some root, path when Path.Exists(DataPlace.Of(root, path)) ->
                let now: string | null =
                    try
                        DataPlace.Digest(DataPlace.Of(root, path), (fun file -> counts.HashOrWhy file))
                    with :? InvalidDataException as error ->
                        error.Message

                if now <> file.Sha256 then
                    wrong.Add { Subject = file.Path; What = Altered.DataChanged; Says = "the data file has other bytes than the runs read" }
            | _ -> absent.Add file.Path
    )
    |> ignore

    List.ofSeq wrong, List.ofSeq absent |> List.sort

let private explained (known: Manifests.Known) (read: Read) =
    [ read.Manifest; read.Adopting ] |> List.choose id |> List.collect (Manifests.contradictions known read.Earlier) |> List.distinct

/// Compares the ledger with the runs that exist and those that are missing. `sweeps` limits the check to these sweeps; None checks all.
let private entered (sweeps: string list option) (about: IReadOnlyDictionary<string, Manifests.Known>) (found: Map<string, Read>) = [
    for KeyValue(run, known) in about do
        if sweeps |> Option.forall (List.contains (run.Split('/')[0])) then
            match found.TryFind run, Manifests.ends known |> List.tryLast with
            | None, Some(_, entry) -> {
                Subject = run
                What = Altered.RunRemoved
                Says = $"the ledger has it as entry {entry.Seq}, but its folder is gone"
              }
            | None, None -> ()
            | Some read, _ ->
                for what, says in explained known read do
                    { Subject = run; What = what; Says = says }
]

/// The alterations of some folders of runs, by id: their files do not match their manifests, or the ledger does not explain these. A sweep does
/// not count such runs as done.
let changed (runs: string) (folders: string list) : Map<string, Alteration list> =
    let counts = Counts()
    let known = Manifests.known (Ledger.entries runs)
    let wanted = set folders

    let check (found: RunTree.Found) =
        let read = run counts found
        let name = $"{found.Sweep}/{found.Id}"

        let unexplained =
            match known.TryGetValue name with
            | true, known -> explained known read
            | _ -> []

        found.Id, [ for what, says in read.Wrong @ unexplained -> { Subject = name; What = what; Says = says } ]

    folders
    |> Seq.map (Path.GetDirectoryName >> string)
    |> Seq.distinct
    |> Seq.collect RunTree.Look
    |> Seq.filter (fun found -> wanted.Contains found.Path)
    |> Array.ofSeq
    |> Array.Parallel.map check
    |> Array.filter (fun (_, wrong) -> not wrong.IsEmpty)
    |> Map.ofArray

/// Detects a replaced ledger: runs had ended when the head of another ledger of this folder was last kept. If all runs ended later, the
/// folder was emptied, or the runs have other times now; a note says so.
let private former (repository: string) (runs: string) (ledger: Ledger.Ledger option) (manifests: RunManifest list) = [
    for id, time in Ledger.kept repository runs do
        if ledger |> Option.forall (fun ledger -> ledger.Id <> id) then
            let before =
                manifests
                |> List.filter (fun manifest ->
                    match manifest.Timing with
                    | null -> false
                    | timing -> timing.Ended.HasValue && timing.Ended.Value < time)

            match ledger with
            | None ->
                Ok {
                    Subject = "ledger"
                    What = Altered.LedgerRemoved
                    Says = $"ledger.jsonl is gone; {Ledger.refOf id} has the hash of its last line"
                }
            | Some ledger when before.IsEmpty ->
                Error
                    $"The ledger {ledger.Id} replaced the ledger {id}; if nobody emptied this folder, runs were removed or have other times now."
            | Some ledger ->
                Ok {
                    Subject = "ledger"
                    What = Altered.LedgerReplaced
                    Says =
                        $"the ledger {ledger.Id} replaced another one: {before.Length} of the runs had ended when {Ledger.refOf id} last kept the head of this folder's ledger"
                }
]

/// Checks the reports of audits: each is named by its hash, and each entry from the first kept report on has one.
let private audits (counts: Counts) (runs: string) (ledger: Ledger.Ledger option) : Alteration list = [
    let folder = Path.Combine(runs, SweepFolder.Audits)

    // A ledger with beginnings is of a version that keeps every report.
    let always =
        match ledger with
        | Some ledger when ledger.Entries |> List.exists (fun entry -> entry.Kind = Ledger.Kind.begin') ->
            ledger.Entries |> List.find (fun entry -> entry.Kind = Ledger.Kind.begin') |> _.Seq
        | _ -> Int64.MaxValue

    if Directory.Exists folder || always < Int64.MaxValue then
        let there = if Directory.Exists folder then Directory.GetFiles(folder, "*.json") else [||]
        let files = there |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
        let names = files |> Array.map (Path.GetFileNameWithoutExtension >> string) |> HashSet

        for file, name in Seq.zip files (files |> Array.map (Path.GetFileNameWithoutExtension >> string)) do
            if counts.HashOfRecord file <> name then
                { Subject = $"audits/{name}"; What = Altered.AuditChanged; Says = "the report of an audit does not match its hash" }

        match ledger with
        | None -> ()
        | Some ledger ->
            for entry in
                ledger.Entries
                |> List.filter (fun entry -> entry.Kind = Ledger.Kind.audit)
                |> List.skipWhile (fun entry -> not (names.Contains entry.Hash) && entry.Seq < always) do
                if not (names.Contains entry.Hash) then
                    {
                        Subject = $"audits/{entry.Hash}"
                        What = Altered.AuditMissing
                        Says = $"the ledger has it as entry {entry.Seq}, {entry.Subject}, but its report is gone"
                    }
]

/// How many runs of a sweep are retired; a file that is not valid is an alteration.
let private retiredIn (sweep: string) =
    try
        (Ebm.Analysis.Retired.read sweep).Count
    with :? InvalidDataException ->
        0

/// Checks everything in `runs`, or some of its sweeps; `repository` may keep the ledger's head, `dataRoot` has the data, `reports` the
/// reports.
let verify (repository: string) (dataRoot: string option) (reports: string option) (runs: string) (sweeps: string list) : Verification =
    let folders =
        (if sweeps.IsEmpty then
             RunTree.Look runs |> List.ofSeq
         else
             sweeps |> List.collect (fun sweep -> List.ofSeq (RunTree.Look(Path.Combine(runs, sweep)))))
        |> List.filter (fun found -> found.LooksLikeRun || found.Misplaced)

    let counts = Counts()
    let results = Array.zeroCreate<Read> folders.Length

    // Runs are checked in parallel, because hashing takes most of the time.
    Parallel.For(0, folders.Length, (fun i -> results[i] <- run counts folders[i])) |> ignore

    let read = List.zip [ for found in folders -> $"{found.Sweep}/{found.Id}" ] (List.ofArray results)
    let manifests = read |> List.choose (fun (_, run) -> run.Manifest)
    let ledger = Ledger.load repository runs
    let replaced = former repository runs ledger manifests
    let changed, absent = data counts dataRoot manifests

    let beside, unfinished =
        match ledger with
        | None -> [], []
        | Some ledger -> SweepFiles.check counts.HashOfRecord runs reports (if sweeps.IsEmpty then None else Some sweeps) ledger.Entries

    let unsealed = manifests |> List.filter (fun manifest -> isNull manifest.Hash) |> List.length

    // What the ledger knows of each run; nothing without a ledger.
    let about =
        Manifests.known (
            match ledger with
            | Some ledger -> ledger.Entries
            | None -> []
        )

    let unentered =
        match ledger with
        | None -> []
        | Some _ ->
            let isEntered name =
                match about.TryGetValue name with
                | true, known -> not (Manifests.ends known).IsEmpty
                | _ -> false

            [
                for name, run in read do
                    match run.Manifest with
                    | Some manifest when RunStates.IsOver manifest.State && not (isEntered name) -> name
                    | _ -> ()
            ]

    let orphans = [
        for found, run in List.zip folders (List.ofArray results) do
            match run.Manifest |> Option.bind (sourceOf found.Path) with
            | Some(_, folder) when not (Directory.Exists folder) -> $"{found.Sweep}/{found.Id}"
            | _ -> ()
    ]

    let some (names: string list) =
        String.concat ", " (List.truncate 3 names) + (if names.Length > 3 then $" and {names.Length - 3} more" else "")

    {
        Runs = folders.Length
        Files = counts.Files
        Bytes = counts.Bytes
        Ledger = ledger
        Alterations = [
            for name, run in read do
                for what, says in run.Wrong do
                    { Subject = name; What = what; Says = says }

            yield! changed |> List.sortBy _.Subject
            yield! audits counts runs ledger
            yield! beside

            match ledger with
            | Some ledger ->
                for fault in ledger.Faults do
                    { Subject = "ledger"; What = fault.What; Says = fault.Says }

                yield! entered (if sweeps.IsEmpty then None else Some sweeps) about (Map.ofList read)
            | None -> ()

            for one in replaced do
                match one with
                | Ok alteration -> alteration
                | Error _ -> ()
        ]
        Notes = [
            "Not covered: logs, hidden files, journals of searches, files of launchers, report cards."
            if unsealed > 0 then
                $"""{Ebm.Analysis.Text.counted unsealed "run"} without a sealed manifest: artefacts were checked, manifests cannot be."""

            if not orphans.IsEmpty then
                $"The run whose training it took is gone, so its weights were compared with its own manifest only: {some orphans}."

            if not absent.IsEmpty then $"{absent.Length} data files are not on this machine and were not compared: {some absent}."

            match ledger with
            | None -> "Without a ledger, removed runs cannot be detected."
            | Some ledger ->
                if not unentered.IsEmpty then $"Without an entry in the ledger: {some unentered}."

                yield! unfinished

                for sweep in folders |> List.map (_.Path >> Path.GetDirectoryName >> string) |> List.distinct do
                    match retiredIn sweep with
                    | 0 -> ()
                    | n ->
                        $"""Retired in {Path.GetFileName sweep}: {Ebm.Analysis.Text.counted n "run"}; its {Ebm.Analysis.Retired.FileName} has the reasons."""

                match manifests |> List.filter (fun manifest -> not (isNull manifest.Imported)) with
                | [] -> ()
                | imported ->
                    $"""Imported: {Ebm.Analysis.Text.counted imported.Length "run"}, with the files that were imported; nothing here can repeat them."""

                for name, run in read do
                    match about.TryGetValue name with
                    | true, known ->
                        for one in run.Earlier do
                            if Manifests.isSuperseded known one then
                                $"{name}: attempt {one.Attempt} was altered before a later attempt replaced it."
                    | _ -> ()

                for one in replaced do
                    match one with
                    | Ok _ -> ()
                    | Error note -> note

                yield! Option.toList ledger.Copies

                match ledger.Loose with
                | None ->
                    $"No repository keeps the head of ledger {ledger.Id}, so a complete rewrite would not be noticed; in a clone, git fetch origin 'refs/ebm/*:refs/ebm/*' brings it."
                | Some 0L -> ()
                | Some loose ->
                    $"The last {loose} entries of ledger {ledger.Id} were written after its head was kept; that is normal while a sweep runs, and its end keeps the head anew."
        ]
    }
