/// The ledger, `<runs>/ledger.jsonl`: a line for each run that ended, each table and each audit. A line has the hash of the line before it,
/// so that a removed, edited, moved or inserted line shows. The first line gives the ledger an id. In a repository, the hash of the last
/// line (the head) is kept as a commit under refs/ebm/ledger/<id>.
///
/// The ledger does not prove that an entry was honest when it was made. It does not show a rewrite of all lines after the last kept head,
/// or of all lines if no head is kept.
module Ebm.Audits.Ledger

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open System.Threading
open Ebm.Records

/// The kinds of entries; the first line has `ledger`. A line of an unknown kind, from a newer version, is a valid entry.
module Kind =
    let ledger, run, measure, table, audit = "ledger", "run", "measure", "table", "audit"

type Entry = {
    Seq: int64
    /// UTC.
    Time: string
    /// A name from `Kind`.
    Kind: string
    Subject: string
    /// The hash of the entry's subject: a manifest's own hash, a table's file.
    Hash: string
    /// SHA-256 of the line before, without its line break; empty in the first line.
    PrevHash: string
}

let pathOf (runs: string) = Path.Combine(runs, "ledger.jsonl")

/// The hash of a line, which the next line contains.
let hashOf (line: string) = Canonical.Sha256 line

let private written (entry: Entry) = JsonText.LineOf entry

/// None if the line is not a ledger entry.
let private read (line: string) : Entry option =
    try
        Some(JsonText.Read<Entry>(line, "ledger.jsonl"))
    with :? InvalidDataException ->
        None

/// The complete lines; a last line without a line break, left by a process that died, is not one.
let private linesOf (runs: string) =
    if not (File.Exists(pathOf runs)) then
        []
    else
        use file = new FileStream(pathOf runs, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
        use reader = new StreamReader(file, UTF8Encoding false)
        let text = reader.ReadToEnd()
        List.ofArray (text.Split '\n' |> Array.take (text.Split('\n').Length - 1))

// ── Writing ─────────────────────────────────────────────────────────────────────────────────

/// Runs `act` while no other process appends; other processes wait.
let private alone (runs: string) (act: unit -> 'a) : 'a =
    let path = Path.Combine(runs, ".ledger.lock")
    let deadline = DateTime.UtcNow + TimeSpan.FromSeconds 30.0

    let free () =
        try
            Some(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        with :? IOException when DateTime.UtcNow < deadline && Directory.Exists runs ->
            None

    // Not inside the exception handler, because a recursive call from a handler is not a tail call.
    let rec hold () =
        match free () with
        | Some held -> held
        | None ->
            Thread.Sleep(Random.Shared.Next(2, 12))
            hold ()

    use _ = hold ()
    act ()

/// Appends the items that `items` returns for the entries so far. Throws IOException or UnauthorizedAccessException if the folder cannot be
/// written, and InvalidDataException if the last line is not a ledger entry.
let append (runs: string) (items: Entry list -> (string * string * string) list) : unit =
    Directory.CreateDirectory runs |> ignore

    alone runs (fun () ->
        let lines = linesOf runs
        let entries = lines |> List.choose read

        if not lines.IsEmpty && (read (List.last lines)).IsNone then
            raise (
                InvalidDataException
                    $"{pathOf runs}: its last line is not an entry, so nothing can be appended; `audit verify` prints what was altered."
            )

        match items entries with
        | [] -> ()
        | items ->
            let time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)
            let items = if lines.IsEmpty then (Kind.ledger, Guid.NewGuid().ToString("N").Substring(0, 16), "") :: items else items
            let last = lines |> List.tryLast
            let mutable prev = last |> Option.map hashOf |> Option.defaultValue ""
            let mutable seq = last |> Option.bind read |> Option.map (fun entry -> entry.Seq + 1L) |> Option.defaultValue 0L
            let text = StringBuilder()

            for kind, subject, hash in items do
                let line = written { Seq = seq; Time = time; Kind = kind; Subject = subject; Hash = hash; PrevHash = prev }
                text.Append(line).Append('\n') |> ignore
                prev <- hashOf line
                seq <- seq + 1L

            use file = new FileStream(pathOf runs, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read)
            // Removes the incomplete last line of a process that died.
            file.SetLength(lines |> List.sumBy (fun line -> int64 (Encoding.UTF8.GetByteCount line) + 1L))
            file.Seek(0L, SeekOrigin.End) |> ignore
            file.Write(Encoding.UTF8.GetBytes(string text))
            file.Flush true)

/// The ledger's name for an attempt of a run.
let subjectOf (sweep: string) (run: string) (attempt: int) = $"{sweep}/{run}#{attempt}"

/// Enters the ended runs of a sweep's folder that have no entry. An attempt is entered once, so that `verify` detects every later change.
let enterRuns (runs: string) (folders: RunFolder seq) =
    let ended = [
        for folder in folders do
            match folder.Manifest with
            | null -> ()
            | manifest when not (RunStates.IsOver manifest.State) -> ()
            | manifest ->
                match manifest.Hash with
                | null -> ()
                | hash -> Kind.run, subjectOf folder.Sweep folder.Id manifest.Attempt, hash
    ]

    if not ended.IsEmpty then
        append runs (fun entries ->
            let known = HashSet(entries |> Seq.filter (fun entry -> entry.Kind = Kind.run) |> Seq.map _.Subject)
            ended |> List.filter (fun (_, subject, _) -> known.Add subject))

/// Enters a run that was measured again: it has a new manifest of the same attempt.
let enterMeasured (runs: string) (folder: RunFolder) =
    match folder.Manifest with
    | null -> ()
    | manifest ->
        match manifest.Hash with
        | null -> ()
        | hash -> append runs (fun _ -> [ Kind.measure, subjectOf folder.Sweep folder.Id manifest.Attempt, hash ])

/// Enters a table by the hash of one of its files; the same table is entered once.
let enterTable (runs: string) (sweep: string) (file: string) =
    let hash = Canonical.Sha256OfFile file

    append runs (fun entries ->
        match entries |> List.tryFindBack (fun entry -> entry.Kind = Kind.table && entry.Subject = sweep) with
        | Some last when last.Hash = hash -> []
        | _ -> [ Kind.table, sweep, hash ])

// ── The head ────────────────────────────────────────────────────────────────────────────────

let refOf (id: string) = $"refs/ebm/ledger/{id}"

let private hidden (text: string) = (Canonical.Sha256 text).Substring(0, 16)

/// Identifies a folder by hashes of its path and of its machine's name, because heads fetched from another machine may have the same path.
let private placeOf (runs: string) =
    $"place {hidden (Path.TrimEndingDirectorySeparator(Path.GetFullPath runs))}\nmachine {hidden Environment.MachineName}"

/// Keeps the hash of the last line as a commit in a repository; Error if that is not possible.
let anchor (repository: string) (runs: string) : Result<unit, string> =
    match linesOf runs with
    | [] -> Ok()
    | lines ->
        let last = List.last lines

        match read lines.Head, read last with
        | Some first, Some head ->
            let name = refOf first.Subject
            let before = Git.ask repository [ "rev-parse"; "--verify"; "--quiet"; name ]
            let says = $"ledger {first.Subject}\n\nentry {head.Seq}\nhash {hashOf last}\n{placeOf runs}\n"
            let bind next result = Result.bind next result

            Git.ask repository [ "log"; "-1"; "--format=%B"; name; "--" ]
            |> function
                | Ok message when message.Contains $"hash {hashOf last}\n{placeOf runs}" -> Ok()
                | _ ->
                    Git.ask repository [ "mktree" ]
                    |> bind (fun tree ->
                        let parent =
                            match before with
                            | Ok commit when commit <> "" -> [ "-p"; commit ]
                            | _ -> []

                        Git.tell repository [] says ([ "commit-tree"; tree ] @ parent))
                    |> bind (fun commit -> Git.ask repository [ "update-ref"; name; commit.Trim(); (before |> Result.defaultValue "") ])
                    |> Result.map ignore
        | _ -> Error "its lines are not ledger entries"

/// The heads of a ledger that a repository keeps, the last one first: number and hash of a line.
let anchored (repository: string) (id: string) : (int64 * string) list =
    match Git.ask repository [ "log"; "--format=%B%x00"; refOf id; "--" ] with
    | Error _ -> []
    | Ok text -> [
        for message in text.Split('\000', StringSplitOptions.RemoveEmptyEntries) do
            let field (name: string) =
                message.Split '\n'
                |> Array.tryFind (fun line -> line.StartsWith(name + " "))
                |> Option.map (fun line -> line.Substring(name.Length + 1))

            match field "entry", field "hash" with
            | Some entry, Some hash -> int64 entry, hash
            | _ -> ()
      ]

/// The ids of the ledgers of this folder whose heads are kept, each with the time of its last head in UTC.
let kept (repository: string) (runs: string) : (string * DateTime) list =
    match
        Git.ask repository [ "for-each-ref"; "--format=%(refname:lstrip=3) %(committerdate:unix) %(contents:body)%00"; "refs/ebm/ledger" ]
    with
    | Error _ -> []
    | Ok text -> [
        for one in text.Split('\000', StringSplitOptions.RemoveEmptyEntries) do
            if one.Contains(placeOf runs, StringComparison.Ordinal) then
                match one.Trim().Split(' ') with
                | words when words.Length > 1 -> words[0], DateTimeOffset.FromUnixTimeSeconds(int64 words[1]).UtcDateTime
                | _ -> ()
      ]

// ── Reading and judging ─────────────────────────────────────────────────────────────────────

/// An alteration of a ledger, and its place.
type Fault = { What: Altered; Says: string }

type Ledger = {
    Id: string
    Entries: Entry list
    Faults: Fault list
    /// The number of entries after the last kept head; None if no head is kept.
    Loose: int64 option
}

let private span (low: int64) (high: int64) = if low = high then $"entry {low}" else $"entries {low} to {high}"

/// Finds faults by number. A gap is a removal; a number that occurs twice is an insertion, and so is a line that the next one does not
/// follow by hash; numbers out of order are a reordering; if two lines follow by number but not by hash, the first was edited.
let private faults (lines: (string * Entry) list) = [
    let real, inserted =
        lines
        |> List.groupBy (fun (_, entry) -> entry.Seq)
        |> List.map (fun (seq, same) ->
            match same with
            | [ one ] -> one, []
            | several ->
                // The original is the line that others follow, or that follows another, by hash.
                let hashes = HashSet(lines |> List.map (fst >> hashOf))
                let follows (line: string, entry: Entry) =
                    (if hashes.Contains entry.PrevHash then 1 else 0)
                    + (if lines |> List.exists (fun (_, next) -> next.PrevHash = hashOf line) then 2 else 0)

                let best = several |> List.maxBy follows
                best, several |> List.filter (fun one -> not (obj.ReferenceEquals(fst one, fst best))))
        |> List.unzip

    for _, entry in List.concat inserted do
        { What = Altered.LedgerInserted; Says = $"an entry numbered {entry.Seq} ({entry.Kind} {entry.Subject}) was inserted" }

    let order = real |> List.map (fun (_, entry) -> entry.Seq)

    if order <> List.sort order then
        let moved = List.zip order (List.sort order) |> List.filter (fun (a, b) -> a <> b) |> List.map (fst >> string) |> String.concat ", "
        { What = Altered.LedgerReordered; Says = $"entries {moved} are in another order than they were written" }

    let sorted = real |> List.sortBy (fun (_, entry) -> entry.Seq)

    match sorted with
    | (_, first) :: _ when first.Seq > 0L -> { What = Altered.LedgerRemoved; Says = $"{span 0L (first.Seq - 1L)} were removed" }
    | (_, first) :: _ when first.PrevHash <> "" || first.Kind <> Kind.ledger -> { What = Altered.LedgerEdited; Says = "entry 0 was edited" }
    | _ -> ()

    let again =
        sorted
        |> List.map snd
        |> List.filter (fun entry -> entry.Kind = Kind.run)
        |> List.groupBy _.Subject
        |> List.collect (fun (_, same) -> same.Tail |> List.filter (fun entry -> entry.Hash <> same.Head.Hash))

    for entry in again do
        { What = Altered.LedgerInserted; Says = $"entry {entry.Seq} enters {entry.Subject} a second time, with another manifest" }

    for (line, entry), (_, next) in List.pairwise sorted do
        if next.Seq > entry.Seq + 1L then
            { What = Altered.LedgerRemoved; Says = $"{span (entry.Seq + 1L) (next.Seq - 1L)} was removed".Replace("s was", "s were") }
        elif next.PrevHash <> hashOf line then
            { What = Altered.LedgerEdited; Says = $"entry {entry.Seq} ({entry.Kind} {entry.Subject}) was edited or replaced" }
]

/// Reads and checks the ledger of a folder of runs; None if it has no ledger. `repository` may keep its head.
let load (repository: string) (runs: string) : Ledger option =
    match linesOf runs with
    | [] -> None
    | lines ->
        let whole = [
            for line in lines do
                match read line with
                | Some entry -> line, entry
                | None -> ()
        ]

        let unreadable = lines.Length - whole.Length
        let id = whole |> List.tryHead |> Option.map (fun (_, entry) -> entry.Subject) |> Option.defaultValue ""
        let heads = if id = "" then [] else anchored repository id
        let hashes = whole |> List.map (fun (line, entry) -> hashOf line, entry.Seq) |> dict
        let last = if whole.IsEmpty then -1L else whole |> List.map (fun (_, entry) -> entry.Seq) |> List.max

        Some {
            Id = id
            Entries = List.map snd whole
            Loose = heads |> List.tryHead |> Option.map (fun (seq, _) -> max 0L (last - seq))
            Faults = [
                if unreadable > 0 then { What = Altered.LedgerTorn; Says = $"{unreadable} of its lines are not ledger entries" }
                let inside = faults whole
                yield! inside

                match heads with
                | (seq, hash) :: earlier when not (hashes.ContainsKey hash) ->
                    if seq > last then
                        {
                            What = Altered.LedgerRemoved
                            Says = $"{span (last + 1L) seq} at its end were removed: {refOf id} has a later head"
                        }
                    elif inside.IsEmpty then
                        let since =
                            match earlier |> List.tryFind (fun (_, hash) -> hashes.ContainsKey hash) with
                            | Some(kept, _) -> $"after entry {kept}"
                            | None -> "from its beginning"

                        {
                            What = Altered.LedgerRewritten
                            Says = $"it was rewritten {since}: its entry {seq} does not match the head in {refOf id}"
                        }
                | _ -> ()
            ]
        }
