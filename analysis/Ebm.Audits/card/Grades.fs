/// The grades of a report card. The grade of an axis is the worst among the rules that its evidence breaks, and A if it breaks none. Each
/// axis also lists what the records show.
module Ebm.Audits.Grades

open System
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Evidence
open Ebm.Audits.Comparison
open Ebm.Audits.KeptAudits
open Ebm.Audits.Rules

type Lack = { Rule: Rule; Found: string list }

type Axis = {
    Name: string
    /// The question that the axis answers.
    Asks: string
    /// None: not graded.
    Grade: Grade option
    Why: string option
    /// The evidence: a name, and what the records show.
    Shows: (string * string) list
    Lacks: Lack list
}

// ── The axes ────────────────────────────────────────────────────────────────────────────────

let private short (hash: string) = if hash.Length > 12 then hash.Substring(0, 12) else hash

let private share (holds: Made -> bool) (evidence: Evidence) =
    let n = evidence.Runs |> List.filter holds |> List.length
    if n = evidence.Runs.Length then "all runs" else $"""{n} of {Text.counted evidence.Runs.Length "run"}"""

let private values (what: Made -> string option) (evidence: Evidence) =
    match evidence.Runs |> List.choose what |> counted with
    | [] -> "nothing is recorded"
    | [ only ] -> only
    | several when several.Length > 4 -> String.Join("; ", List.truncate 4 several) + $"; and {several.Length - 4} more"
    | several -> String.Join("; ", several)


let private some (value: 'a | null) (say: 'a -> string) = value |> Option.ofObj |> Option.map say

/// The command of a plan, quoted so that it can be typed again.
let commandOf (plan: Plans.Plan) =
    let quoted (word: string) =
        if word |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || "=.,-_/+:".Contains c) then
            word
        else
            let inner = word.Replace("'", "'\\''")
            $"'{inner}'"
    let parts = plan.Overrides |> List.map (List.map quoted >> String.concat " ")
    "dotnet fsi experiments/sweep.fsx run " + String.Join(" --or ", parts)

let private shows: Map<string, Evidence -> (string * string) list> =
    Map [
        "code",
        (fun e -> [
            "sources", values (fun m -> sources m.Manifest |> Option.map short) e
            "working tree", values (fun m -> some m.Manifest.Git (fun git -> if git.Dirty then "with uncommitted changes" else "clean")) e
            "it computes", values codeOf e
            "to have it", "git worktree add --detach <folder> <sources>"
        ])
        "config",
        (fun e -> [
            "configs",
            $"""config.json of {share (fun m -> m.Run.Id.EndsWith("-" + short m.Manifest.ConfigSha256)) e} has the hash that its folder and manifest name"""
            "asked for by", String.Join("; ", e.Plans |> List.map commandOf |> List.distinct |> List.truncate 3)
        ])
        "data",
        (fun e -> [
            "digests",
            values
                (fun m ->
                    if m.Manifest.Data.Count = 0 then
                        None
                    else
                        Some(String.Join(", ", m.Manifest.Data |> Seq.map (fun d -> $"{d.Name} {short d.Digest}"))))
                e
            "rows",
            values
                (fun m ->
                    match List.ofSeq m.Manifest.Data with
                    | [] -> None
                    | sets ->
                        Some(
                            String.Join(
                                "; ",
                                [
                                    for set in sets do
                                        match set.Rows with
                                        | null -> ()
                                        | rows -> String.Join(", ", [ for KeyValue(part, n) in rows -> $"{part} {n}" ])
                                ]
                            )
                        ))
                e
            "split", "with the random stream named data, in " + share (fun m -> not (isEmpty m.Manifest.Streams)) e
        ])
        "environment",
        (fun e -> [
            "machine", values (fun m -> Some(machineOf m) |> Option.filter ((<>) "")) e
            "system", values (fun m -> some m.Manifest.Runtime (fun runtime -> $".NET {runtime.Dotnet}, {runtime.Os}")) e
            "packages",
            values
                (fun m ->
                    some m.Manifest.Packages (fun p ->
                        String.Join(", ", p |> Seq.sortBy _.Key |> Seq.map (fun p -> $"{p.Key} {p.Value}"))))
                e
            "lock", (if e.Unlocked.IsEmpty && e.AbsentCommits.IsEmpty then "paket.lock in the sources" else "not in all sources")
        ])
        "determinism",
        (fun e -> [
            "level",
            values (fun m -> some m.Manifest.DeterminismLevel (fun level -> $"{level.Requested} requested, {level.Effective} effective")) e
            "switches",
            values
                (fun m ->
                    some m.Manifest.Determinism (fun switches ->
                        String.Join(", ", switches |> Seq.sortBy _.Key |> Seq.map (fun s -> $"{s.Key}: {s.Value}"))))
                e
            "audits",
            (match e.Audits with
             | [] -> "none is kept"
             | audits ->
                 let independent = audits |> List.filter (fun (_, kept) -> kept.Independent = Some true) |> List.length
                 let of' = audits |> List.countBy (fun (_, kept) -> nameOf kept.Verdict) |> List.sort
                 let entries = String.Join(", ", audits |> List.truncate 12 |> List.map (fun (entry, _) -> entry.Seq))
                 let more = if audits.Length > 12 then ", …" else ""
                 let counts = String.Join(", ", [ for verdict, n in of' -> $"{n} {verdict}" ])
                 $"{counts}; {independent} by others; ledger entries {entries}{more}")
        ])
        "statistics",
        (fun e -> [
            let counts = e.Table.Rows |> List.map _.Completed |> List.sort

            "seeds a row",
            (if counts.IsEmpty then "none"
             elif counts.Head = List.last counts then string counts.Head
             else $"{counts.Head} to {List.last counts}")
            "runs",
            $"{e.Table.Counts.Planned} planned, {e.Table.Counts.Used} used, {e.Table.Counts.Diverged} diverged, {e.Table.Counts.Failed} failed"
            "interval and test", String.Join(" ", Notes.all e.Table |> List.truncate 1)
        ])
        "tuning",
        (fun e -> [
            "decides",
            (match metrics e with
             | [ Some metric ] -> $"{metric}, declared at launch"
             | _ -> "not declared, or changed later")
            for data, methods in settings e do
                $"settings on {data}", String.Join(", ", [ for method', n in methods -> $"{method'} {n}" ])

            for name, n in e.Searches do
                "search", $"{name}: {n} trials"

            match e.Chosen, e.Confirmed with
            | Some(name, runs), _ -> "chosen in", $"""{name}, {Text.counted runs.Length "run"} on other seeds"""
            | None, Some(name, runs) -> "confirmed in", $"""{name}, {Text.counted runs.Length "run"}"""
            | None, None -> ()
        ])
        "artefacts",
        (fun e -> [
            "hashes", (if e.Altered.IsEmpty then "every hash holds" else $"{e.Altered.Length} alterations")
            "ledger",
            (match e.Ledger with
             | Some ledger -> ledger.Id
             | None -> "there is none")
            "to look again", $"dotnet fsi analysis/audit.fsx verify {e.Table.Sweep}"
        ])
    ]

let private axes = [
    "code", "Are the sources of each run known, kept and complete?"
    "config", "Are each setting and its origin known?"
    "data", "Are the bytes that each run read known?"
    "environment", "Are the machine and the libraries of each run known?"
    "determinism", "Does a repeated run give the same results?"
    "statistics", "Do the numbers have an uncertainty and a number of runs?"
    "tuning", "Are all tried settings known, and was the metric declared beforehand?"
    "artefacts", "Are all written files still there and unchanged?"
]

/// Why an axis is not graded; None if it has something to grade.
let private ungraded (evidence: Evidence) axis =
    match axis with
    | "statistics" when evidence.Table.Counts.Used + evidence.Table.Counts.Imported = 0 -> Some "No run has completed."
    | "determinism" when evidence.Audits.IsEmpty && evidence.Runs |> List.forall (fun made -> isEmpty made.Manifest.Determinism) ->
        Some "The records have no determinism switches and no audits."
    | "tuning" when evidence.Plans.IsEmpty -> Some "Nothing was declared at launch: the sweep has no plans.jsonl."
    | _ -> None

/// Every axis with its grade, its evidence, and the rules that lower the grade.
let grade (evidence: Evidence) : Axis list = [
    for name, asks in axes do
        let lacks = [
            for rule in rules do
                if rule.Axis = name then
                    match rule.Found evidence with
                    | [] -> ()
                    | found -> { Rule = rule; Found = found }
        ]

        let why = ungraded evidence name

        {
            Name = name
            Asks = asks
            Why = why
            Grade =
                match why, lacks with
                | Some _, _ -> None
                | None, [] -> Some A
                | None, lacks -> Some(lacks |> List.map _.Rule.Grade |> List.maxBy rank)
            Shows = shows[name] evidence |> List.filter (fun (_, says) -> says <> "")
            Lacks = if why.IsSome then [] else lacks |> List.sortBy (fun lack -> -(rank lack.Rule.Grade))
        }
]
