/// The ledger, `<runs>/ledger.jsonl`: a line for each plan, launch, begun attempt, ended attempt, import, retired run, table and audit. A line has the hash of the
/// line before it, so that a removed, edited, moved or inserted line shows. The first line gives the ledger an id. In a repository, the hash
/// of the last line (the head) is kept as a commit under refs/ebm/ledger/<id>, with the place of the folder that had it: copies of a ledger
/// share its id, and each goes on by itself.
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
    /// An attempt or a measurement begins; the hash is that of the run's manifest before it.
    let begin' = "begin"
    /// A sweep's plans.jsonl, one of its launches, and the SHA256SUMS of its report.
    let plan, launch, report = "plan", "launch", "report"
    /// A result of another source; the hash is that of its manifest.
    let import = "import"
    /// A run was taken out of tables, or counts again. The subject is the run with the reason, the hash that of the sweep's retired.jsonl.
    let retire, restore = "retire", "restore"

type Entry = {
    Seq: int64
    /// UTC.
    Time: string
    /// A name from `Kind`.
    Kind: string
    Subject: string
    /// The hash of the entry's subject: a manifest's own hash, that of a file.
    Hash: string
    /// SHA-256 of the line before, without its line break; empty in the first line.
    PrevHash: string
}

let pathOf (runs: string) = Path.Combine(runs, "ledger.jsonl")

/// Writes to a ledger. A failure is only printed, so that no result is lost.
let trying (write: unit -> unit) =
    try
        write ()
    with
    | :? IOException
    | :? UnauthorizedAccessException
    | :? InvalidDataException as error -> eprintfn $"The ledger could not be written: {error.Message}"

/// The hash of a line, which the next line contains.
let hashOf (line: string) = Canonical.Sha256 line

let private written (entry: Entry) = JsonText.LineOf entry

/// None if the line is not a ledger entry.
let private read (line: string) : Entry option =
    // Stands for bytes that are not UTF-8.
    if line.Contains '\uFFFD' then
        None
    else
        try
            Some(JsonText.Read<Entry>(line, "ledger.jsonl"))
        with :? InvalidDataException ->
            None

/// Bytes of a ledger, and letters of a line; they are held in memory.
let private largest, private longest = 128_000_000L, 100_000

/// The complete lines; a last line without a line break, left by a process that died, is not one. Bytes that are not UTF-8, or a byte-order
/// mark, make a line that is not an entry.
let linesOf (runs: string) =
    if not (File.Exists(pathOf runs)) then
        []
    else
        let path = pathOf runs

        if FileInfo(path).Length > largest then
            raise (InvalidDataException $"{path}: the ledger has more than {largest} bytes, the most that can be read.")

        // Decoded without looking for a byte-order mark, so that every line has the bytes of the file.
        List.ofSeq (RegularFile.WholeLines(path, longest, mayHaveMark = true))

/// The entries of a folder's ledger; none without a ledger.
let entries (runs: string) : Entry list = linesOf runs |> List.choose read

// ── Writing ─────────────────────────────────────────────────────────────────────────────────

/// Runs `act` while no other process appends; other processes wait.
let private alone (runs: string) (act: unit -> 'a) : 'a =
    let path = Path.Combine(runs, ".ledger.lock")
    let deadline = DateTime.UtcNow + TimeSpan.FromSeconds 30.0
    // EWOULDBLOCK of Linux: another process has it. Waiting does not mend any other error, such as a disk that is read-only.
    let taken = 11

    let free () =
        try
            Some(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        with :? IOException as error when error.HResult = taken && DateTime.UtcNow < deadline ->
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
/// written, and InvalidDataException if a line is not a ledger entry.
let append (runs: string) (items: Entry list -> (string * string * string) list) : unit =
    Directory.CreateDirectory runs |> ignore

    alone runs (fun () ->
        let lines = linesOf runs
        let entries = lines |> List.choose read

        if entries.Length < lines.Length then
            let line = 1 + (lines |> List.findIndex (read >> Option.isNone))
            raise (
                InvalidDataException
                    $"{pathOf runs}, line {line}: it is not an entry, so nothing can be appended; `audit verify` prints what was altered."
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

/// Enters a text or a file by its hash, unless the last entry of this kind and subject has the same hash.
let enter (runs: string) (kind: string) (subject: string) (hash: string) =
    append runs (fun entries ->
        match entries |> List.tryFindBack (fun entry -> entry.Kind = kind && entry.Subject = subject) with
        | Some last when last.Hash = hash -> []
        | _ -> [ kind, subject, hash ])

/// Enters a table by the hash of one of its files.
let enterTable (runs: string) (sweep: string) (file: string) = enter runs Kind.table sweep (Canonical.Sha256OfFile file)

// ── The head ────────────────────────────────────────────────────────────────────────────────

let refOf (id: string) = $"refs/ebm/ledger/{id}"

let private hidden (text: string) = (Canonical.Sha256 text).Substring(0, 16)

/// Identifies a folder by hashes of its path and of its machine's name, because heads fetched from another machine may have the same path.
let private placeOf (runs: string) =
    $"place {hidden (Path.TrimEndingDirectorySeparator(Path.GetFullPath runs))}\nmachine {hidden Environment.MachineName}"

/// A head that a repository keeps: the number and the hash of a line, and the place of the folder that had it.
type private Head = { Seq: int64; Hash: string; Place: string }

/// The id and the heads of every ledger of a repository, the last head first; of one ledger if its id is given.
let private headsOf (repository: string) (id: string option) : (string * Head * DateTime) list =
    let which = id |> Option.map refOf |> Option.defaultValue "--glob=refs/ebm/ledger"

    match Git.ask repository [ "log"; "--format=%ct%n%B%x00"; which; "--" ] with
    | Error _ -> []
    | Ok text -> [
        for message in text.Split('\000', StringSplitOptions.RemoveEmptyEntries) do
            let lines = message.Trim('\n').Split '\n'
            let field (name: string) =
                lines |> Array.tryFind _.StartsWith(name + " ") |> Option.map (fun line -> line.Substring(name.Length + 1))

            match field "ledger", field "entry", field "hash" with
            | Some id, Some entry, Some hash ->
                let place = lines |> Array.filter (fun line -> line.StartsWith "place " || line.StartsWith "machine ") |> String.concat "\n"
                id, { Seq = int64 entry; Hash = hash; Place = place }, DateTimeOffset.FromUnixTimeSeconds(int64 lines[0]).UtcDateTime
            | _ -> ()
      ]

/// The heads of a ledger that a repository keeps, the last one first: number and hash of a line.
let anchored (repository: string) (id: string) : (int64 * string) list = [
    for _, head, _ in headsOf repository (Some id) -> head.Seq, head.Hash
]

/// The ids of the ledgers of this folder whose heads are kept, each with the time of its last head in UTC.
let kept (repository: string) (runs: string) : (string * DateTime) list =
    headsOf repository None
    |> List.filter (fun (_, head, _) -> head.Place = placeOf runs)
    |> List.map (fun (id, _, time) -> id, time)
    |> List.distinctBy fst

// ── Reading and judging ─────────────────────────────────────────────────────────────────────

/// An alteration of a ledger, and its place.
type Fault = { What: Altered; Says: string }

type Ledger = {
    Id: string
    Entries: Entry list
    Faults: Fault list
    /// The number of entries after the last kept head; None if no head is kept.
    Loose: int64 option
    /// What the kept heads say about copies of this ledger.
    Copies: string option
}

let private span (low: int64) (high: int64) = if low = high then $"entry {low}" else $"entries {low} to {high}"

/// Finds faults by number. A gap is a removal; a number that occurs twice is an insertion, and so is a line that the next one does not
/// follow by hash; numbers out of order are a reordering; if two lines follow by number but not by hash, the first was edited.
let private faults (lines: (string * Entry) list) = [
    let hashes = lines |> List.map (fst >> hashOf) |> HashSet
    let followed = lines |> List.map (fun (_, entry) -> entry.PrevHash) |> HashSet

    let real, inserted =
        lines
        |> List.groupBy (fun (_, entry) -> entry.Seq)
        |> List.map (fun (seq, same) ->
            match same with
            | [ one ] -> one, []
            | several ->
                // The original is the line that others follow, or that follows another, by hash.
                let follows (line: string, entry: Entry) =
                    (if hashes.Contains entry.PrevHash then 1 else 0) + (if followed.Contains(hashOf line) then 2 else 0)

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
        |> List.filter (fun entry -> entry.Kind = Kind.run || entry.Kind = Kind.import)
        |> List.groupBy _.Subject
        |> List.collect (fun (_, same) -> same.Tail |> List.filter (fun entry -> entry.Hash <> same.Head.Hash))

    for entry in again do
        { What = Altered.LedgerInserted; Says = $"entry {entry.Seq} enters {entry.Subject} a second time, with another manifest" }

    // A sweep enters the beginning of each measurement; a ledger without beginnings is older. The first entry of a run that came from
    // another machine has none.
    let ofRuns =
        sorted
        |> List.map snd
        |> List.skipWhile (fun entry -> entry.Kind <> Kind.begin')
        |> List.filter (fun entry -> List.contains entry.Kind [ Kind.begin'; Kind.run; Kind.measure ])

    for _, same in ofRuns |> List.groupBy _.Subject do
        for before, entry in List.pairwise same do
            if entry.Kind = Kind.measure && before.Kind <> Kind.begin' && entry.Hash <> before.Hash then
                {
                    What = Altered.LedgerInserted
                    Says = $"entry {entry.Seq} enters another measurement of {entry.Subject}, which had not begun"
                }

    for (line, entry), (_, next) in List.pairwise sorted do
        if next.Seq > entry.Seq + 1L then
            { What = Altered.LedgerRemoved; Says = $"{span (entry.Seq + 1L) (next.Seq - 1L)} was removed".Replace("s was", "s were") }
        elif next.PrevHash <> hashOf line then
            { What = Altered.LedgerEdited; Says = $"entry {entry.Seq} ({entry.Kind} {entry.Subject}) was edited or replaced" }
]

/// Compares a ledger with its kept heads: a fault, or what they say about copies. Heads of this place must all be in the ledger. A folder
/// without heads of its place was moved, copied, or fetched: then the ledger must end where a kept head is, or contain every head.
let private headFault
    (id: string)
    (heads: Head list)
    (place: string)
    (hashes: IReadOnlyDictionary<string, int64>)
    (last: int64)
    : Fault option * string option =
    let missing heads = heads |> List.filter (fun head -> not (hashes.ContainsKey head.Hash))
    let present = heads |> List.filter (fun head -> hashes.ContainsKey head.Hash) |> List.map _.Seq
    let kept = if present.IsEmpty then -1L else List.max present
    let own = heads |> List.filter (fun head -> head.Place = place)
    let copies = heads |> List.map _.Place |> List.distinct |> List.filter ((<>) place)

    let fault (absent: Head list) =
        match absent |> List.filter (fun head -> head.Seq <= last) |> List.tryHead with
        | None ->
            let latest = absent |> List.map _.Seq |> List.max
            Some { What = Altered.LedgerRemoved; Says = $"{span (last + 1L) latest} at its end were removed: {refOf id} has a later head" }
        | Some head ->
            let since = if kept < 0L then "from its beginning" else $"after entry {kept}"

            Some {
                What = Altered.LedgerRewritten
                Says = $"it was rewritten {since}: its entry {head.Seq} does not match the head in {refOf id}"
            }

    match missing own, missing heads with
    | (_ :: _ as absent), _ -> fault absent, None
    | [], [] when own.IsEmpty && not heads.IsEmpty ->
        None, Some "The kept heads of this ledger are of another folder or machine: this folder was moved or copied."
    | [], [] -> None, None
    | [], later when not own.IsEmpty || kept = last ->
        let latest = later |> List.map _.Seq |> List.max
        let parted = if own.IsEmpty then $" This folder is a copy from entry {kept}." else ""
        None, Some $"A copy of this ledger in another folder or on another machine has gone on to entry {latest}.{parted}"
    | [], absent -> fault absent, None
    |> fun (fault, says) -> fault, (if copies.IsEmpty then None else says)

/// The ledger, its last line, and its kept heads.
let private loaded (repository: string) (runs: string) : (Ledger * string * Head list) option =
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

        let id =
            whole
            |> List.tryPick (fun (_, entry) -> if entry.Kind = Kind.ledger then Some entry.Subject else None)
            |> Option.defaultValue ""

        let heads = if id = "" then [] else [ for _, head, _ in headsOf repository (Some id) -> head ]
        let hashes = whole |> List.map (fun (line, entry) -> hashOf line, entry.Seq) |> readOnlyDict
        let last = if whole.IsEmpty then -1L else whole |> List.map (fun (_, entry) -> entry.Seq) |> List.max
        let inside = faults whole
        let outside, copies = headFault id heads (placeOf runs) hashes last
        let present = heads |> List.filter (fun head -> hashes.ContainsKey head.Hash) |> List.map _.Seq

        let ledger = {
            Id = id
            Entries = List.map snd whole
            Loose = if heads.IsEmpty then None else Some(last - (if present.IsEmpty then -1L else List.max present))
            Copies = copies
            Faults = [
                if unreadable > 0 then { What = Altered.LedgerTorn; Says = $"{unreadable} of its lines are not ledger entries" }
                yield! inside

                match outside with
                // Lines that were edited in place explain a missing head.
                | Some fault when inside.IsEmpty || fault.What = Altered.LedgerRemoved -> fault
                | _ -> ()
            ]
        }

        Some(ledger, List.last lines, heads)

/// Reads and checks the ledger of a folder of runs; None if it has no ledger. `repository` may keep its head.
let load (repository: string) (runs: string) : Ledger option = loaded repository runs |> Option.map (fun (ledger, _, _) -> ledger)

// ── Keeping the head ────────────────────────────────────────────────────────────────────────

/// Keeps the hash of the last line as a commit in a repository; Error if that is not possible, or if the ledger was altered, because a kept
/// head vouches for all lines before it.
let anchor (repository: string) (runs: string) : Result<unit, string> =
    match loaded repository runs with
    | None -> Ok()
    | Some({ Faults = fault :: _ }, _, _) -> Error $"the ledger was altered: {fault.Says}"
    | Some(_, last, heads) when heads |> List.exists (fun head -> head.Hash = hashOf last && head.Place = placeOf runs) -> Ok()
    | Some(ledger, last, _) ->
        let name = refOf ledger.Id
        let before = Git.ask repository [ "rev-parse"; "--verify"; "--quiet"; name ] |> Result.defaultValue ""
        let says = $"ledger {ledger.Id}\n\nentry {(List.last ledger.Entries).Seq}\nhash {hashOf last}\n{placeOf runs}\n"
        let parent = if before = "" then [] else [ "-p"; before ]

        Git.ask repository [ "mktree" ]
        |> Result.bind (fun tree -> Git.tell repository [] says ([ "commit-tree"; tree ] @ parent))
        |> Result.bind (fun commit -> Git.ask repository [ "update-ref"; name; commit.Trim(); before ])
        |> Result.map ignore

/// Writes to a ledger, and keeps its head before and after: a folder that was copied has a head of its own before it goes on. A failure is only
/// printed, so that no result is lost.
let within (repository: string) (runs: string) (write: unit -> unit) =
    trying (fun () ->
        anchor repository runs |> ignore
        write ()
        anchor repository runs |> ignore)
