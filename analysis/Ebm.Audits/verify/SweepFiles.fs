/// Checks the files of a sweep besides its runs against the ledger: its plans, its retired runs, its launches, and its report.
module Ebm.Audits.SweepFiles

open System
open System.IO
open Ebm.Analysis
open Ebm.Records

let private entriesOf kind (entries: Ledger.Entry list) = entries |> List.filter (fun entry -> entry.Kind = kind)

/// The plans are entered before they are written, so a process that died in between left the plans of the entry before.
let private plans hash (runs: string) (entries: Ledger.Entry list) = [
    for sweep, known in entries |> entriesOf Ledger.Kind.plan |> List.groupBy _.Subject do
        let file = Path.Combine(runs, sweep, Plans.FileName)
        let last = List.last known
        let subject = $"{sweep}/{Plans.FileName}"

        let isBegun =
            entries
            |> List.exists (fun entry -> entry.Kind = Ledger.Kind.begin' && entry.Seq > last.Seq && entry.Subject.StartsWith(sweep + "/"))

        if File.Exists file then
            let found: string = hash file
            let before = known |> List.rev |> List.tryItem 1

            if found <> last.Hash && (isBegun || before |> Option.forall (fun before -> before.Hash <> found)) then
                { Subject = subject; What = Altered.PlansChanged; Says = $"its plans do not match entry {last.Seq} of the ledger" }
        elif isBegun || known.Length > 1 then
            { Subject = subject; What = Altered.PlansMissing; Says = $"the ledger has its plans as entry {last.Seq}, but the file is gone" }
]

/// The file with a sweep's retired runs has the hash of the last decision.
let private retired hash (runs: string) (sweeps: string list) (entries: Ledger.Entry list) = [
    for sweep in sweeps do
        let file = Retired.fileOf (Path.Combine(runs, sweep))
        let last = entries |> List.tryFindBack (fun entry -> Retirement.isOf sweep entry)
        let altered what says = { Subject = $"{sweep}/{Retired.FileName}"; What = what; Says = says }

        match last, File.Exists file with
        | None, false -> ()
        | None, true -> altered Altered.RetiredChanged "the ledger has no retired run of this sweep"
        | Some last, false -> altered Altered.RetiredMissing $"the ledger has it as entry {last.Seq}, {last.Subject}, but the file is gone"
        | Some last, true ->
            if (hash file: string) <> last.Hash then
                altered Altered.RetiredChanged $"it does not match entry {last.Seq} of the ledger, {last.Subject}"
]

/// A launch is named by the first digits of its hash, and the ledger has all digits.
let private launches hash (runs: string) (sweeps: string list) (entries: Ledger.Entry list) = [
    for entry in entries |> entriesOf Ledger.Kind.launch do
        let file = RelativePath.Try entry.Subject |> Option.ofObj |> Option.map _.In(runs) |> Option.defaultValue ""

        if not (File.Exists file) then
            {
                Subject = entry.Subject
                What = Altered.LaunchMissing
                Says = $"the ledger has it as entry {entry.Seq}, but the file is gone"
            }
        elif hash file <> entry.Hash then
            { Subject = entry.Subject; What = Altered.LaunchChanged; Says = $"it does not match entry {entry.Seq} of the ledger" }

    for sweep in sweeps do
        let folder = Path.Combine(runs, sweep, SweepFolder.Launches)

        if Directory.Exists folder then
            for file in Directory.GetFiles(folder, "*.json") |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) do
                let name = string (Path.GetFileNameWithoutExtension file)

                if not ((hash file: string).StartsWith(name, StringComparison.Ordinal)) || name.Length < 12 then
                    {
                        Subject = $"{sweep}/{SweepFolder.Launches}/{name}.json"
                        What = Altered.LaunchChanged
                        Says = "its name is not the hash of its content"
                    }
]

/// The report of one sweep: its SHA256SUMS has an entry, and each file listed there its hash.
let private report hash (runs: string) (reports: string) (sweep: string) (entries: Ledger.Entry list) : Alteration list * string list =
    let folder = Path.Combine(reports, sweep)
    let sums = Path.Combine(folder, ReportFiles.sums)
    let changed what says = [ { Subject = $"reports/{sweep}"; What = what; Says = says } ], []

    let own = entries |> entriesOf Ledger.Kind.report |> List.filter (fun entry -> entry.Subject = sweep)
    let found: string = if File.Exists sums then hash sums else ""
    let isKnown = found <> "" && own |> List.exists (fun entry -> entry.Hash = found)

    match List.tryLast own with
    | _ when not (Directory.Exists folder) -> [], []
    | Some last when last.Hash = "" ->
        // Each table is the one of the last sums, or the new one; the page and its figures are not compared.
        let before = if isKnown then Map.ofList (ReportFiles.read sums) else Map.empty

        let tables =
            match ReportFiles.tableOf (Path.Combine(runs, sweep)) with
            | Some table, _ -> Report.files table
            | None, _ -> []

        [
            for name, text in tables do
                let path = Path.Combine(folder, name)

                if File.Exists path then
                    let found: string = hash path

                    if found <> Canonical.Sha256 text && before.TryFind name <> Some found then
                        {
                            Subject = $"reports/{sweep}/{name}"
                            What = Altered.ReportChanged
                            Says = "the report was not written to its end, and this is neither the table of the runs nor the last one"
                        }
        ],
        [ $"The report of {sweep} was not written to its end; write it again with: report." ]
    | Some last when found = "" ->
        changed Altered.ReportMissing $"the ledger has its {ReportFiles.sums} as entry {last.Seq}, but the file is gone"
    | Some last ->
        if not isKnown then
            changed Altered.ReportChanged $"its {ReportFiles.sums} matches no entry of the ledger"
        else
            [
                for name, sha256 in ReportFiles.read sums do
                    let path = RelativePath.Try name |> Option.ofObj |> Option.map _.In(folder) |> Option.defaultValue ""

                    if not (File.Exists path) then
                        { Subject = $"reports/{sweep}/{name}"; What = Altered.ReportMissing; Says = "the file is gone" }
                    elif hash path <> sha256 then
                        { Subject = $"reports/{sweep}/{name}"; What = Altered.ReportChanged; Says = "it was changed after it was written" }
            ],
            (if found = last.Hash then [] else [ $"The report of {sweep} is an older one; write it again with: report." ])
    | None ->
        // Before reports were sealed, only the table had an entry.
        let table = Path.Combine(folder, "table.csv")
        let known = entries |> entriesOf Ledger.Kind.table |> List.filter (fun entry -> entry.Subject = sweep) |> List.map _.Hash

        if known.IsEmpty || not (File.Exists table) || List.contains (hash table) known then
            [], []
        else
            match Report.tableOf (Path.Combine(runs, sweep)) with
            | Some made, _ when Csv.runs made = RegularFile.Text(table, RegularFile.Record) -> [], []
            | _ -> changed Altered.ReportChanged "its table.csv matches no entry of the ledger, and not the runs"

/// The alterations of these files, and what could not be told. `hash` gives a file's SHA-256; `sweeps` limits the check, None checks all.
let check
    (hash: string -> string)
    (runs: string)
    (reports: string option)
    (sweeps: string list option)
    (entries: Ledger.Entry list)
    : Alteration list * string list =
    let sweeps = sweeps |> Option.defaultWith (fun () -> SweepFolder.Under runs |> Seq.map (Path.GetFileName >> string) |> List.ofSeq)
    let isAsked (entry: Ledger.Entry) = List.contains ((entry.Subject.Split '/')[0]) sweeps
    let asked = entries |> List.filter isAsked

    let found, notes =
        match reports with
        | None -> [], []
        | Some reports -> [ for sweep in sweeps -> report hash runs reports sweep asked ] |> List.unzip

    plans hash runs asked @ retired hash runs sweeps asked @ launches hash runs sweeps asked @ List.concat found, List.concat notes
