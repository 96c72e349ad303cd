/// The laws that decide claims: asked in a process of their own, whose record is kept beside the runs. A record counts as long as the programs of the laws
/// have the same bytes.
module Ebm.Sweeps.AskedLaws

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Ebm.Analysis.Claim
open Ebm.Analysis.Fields
open Ebm.Analysis.Judging
open Ebm.Audits
open Ebm.Records

[<Literal>]
let FileName = "laws.jsonl"

/// The program of the laws in a repository.
let program (root: string) = Path.Combine(root, "artifacts", "bin", "Ebm.Tests", "release", "Ebm.Tests.dll")

/// A hash of the project's assemblies beside the program; None if it is not built.
let private build (root: string) : string option =
    if not (File.Exists(program root)) then
        None
    else
        Directory.GetFiles(string (Path.GetDirectoryName(program root)), "Ebm.*.dll")
        |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> Seq.map (fun path -> $"{Path.GetFileName path} {Canonical.Sha256OfFile path}\n")
        |> String.concat ""
        |> Canonical.Sha256
        |> Some

/// What the program writes for one law: see tests/Ebm.Tests/Asking.fs.
let private outcome (line: string) : LawOutcome =
    use json = JsonText.Parse line
    let root = json.RootElement
    let word = string (root.GetProperty("outcome").GetString())
    let why =
        match root.TryGetProperty "why" with
        | true, found -> Option.ofObj (found.GetString())
        | _ -> None

    {
        Sentence = string (root.GetProperty("law").GetString())
        Passed = word = "passed"
        IsSkipped = word = "skipped"
        IsBlind = why |> Option.exists _.Contains("the law does not detect a planted error")
        Why = why
        Noticed = [ for one in root.GetProperty("noticed").EnumerateArray() -> string (one.GetString()) ]
    }

let private written (law: LawOutcome) =
    fields [
        "law" => law.Sentence
        "outcome"
        => (if law.Passed then "passed"
            elif law.IsSkipped then "skipped"
            else "failed")
        "why" => Option.toObj law.Why
        "noticed" => law.Noticed
    ]

type private Record = { Claim: string; Parts: string list; Build: string; Asked: Asked }

/// A line that cannot be read is a record of nothing: its laws are asked again.
let private records (folder: string) : Record list = [
    let path = Path.Combine(folder, FileName)

    if Disk.HasFile path then
        for line in RegularFile.Lines path do
            try
                use json = JsonText.Parse line
                let root = json.RootElement
                let texts (element: JsonElement) = [ for one in element.EnumerateArray() -> string (one.GetString()) ]

                {
                    Claim = string (root.GetProperty("claim").GetString())
                    Parts = texts (root.GetProperty "parts")
                    Build = string (root.GetProperty("build").GetString())
                    Asked = {
                        Laws = [ for law in root.GetProperty("laws").EnumerateArray() -> outcome (law.GetRawText()) ]
                        Commit =
                            match root.TryGetProperty "commit" with
                            | true, commit -> Option.ofObj (commit.GetString())
                            | _ -> None
                        Seconds = root.GetProperty("seconds").GetDouble()
                    }
                }
            with
            | :? JsonException
            | :? InvalidOperationException
            | :? Collections.Generic.KeyNotFoundException -> ()
]

/// The newest record of a claim with these parts, under the present program if there is one.
let recorded (root: string) (folder: string) (claim: Claim) (parts: string list) : Asked option =
    let present = build root

    records folder
    |> List.filter (fun record -> record.Claim = claim.Id && record.Parts = parts && (present.IsNone || present = Some record.Build))
    |> List.tryLast
    |> Option.map _.Asked

/// Asks the laws of a claim, and appends the record.
let ask (root: string) (folder: string) (claim: Claim) (parts: string list) : Asked =
    let path = program root
    let clock = Stopwatch.StartNew()

    let laws =
        [
            for part in parts do
                let record = Path.GetTempFileName()

                try
                    let start = ProcessStartInfo("dotnet", [ path; "laws"; "--only"; part; "--record"; record ])
                    start.RedirectStandardOutput <- true
                    start.RedirectStandardError <- true
                    use child = nonNull (Process.Start start)
                    let errors = child.StandardError.ReadToEndAsync()
                    child.StandardOutput.ReadToEnd() |> ignore
                    child.WaitForExit()

                    match File.ReadAllLines record |> Array.filter ((<>) "") with
                    | [||] ->
                        let last = errors.Result.TrimEnd().Split '\n' |> Array.last
                        let detail = if last = "" then "" else $" Its last line is \"{last}\"."

                        Sentence.fail
                            (Source.Of claim.File)
                            "laws"
                            $"the program of the laws has none with \"{part}\" in its sentence; a build of all laws may help: dotnet fsi build.fsx build --for everything.{detail}"
                    | lines -> yield! lines |> Array.map outcome
                finally
                    File.Delete record
        ]
        |> List.distinctBy _.Sentence

    let asked = {
        Laws = laws
        Commit =
            match Git.ask root [ "rev-parse"; "HEAD" ] with
            | Ok commit -> Some commit
            | Error _ -> None
        Seconds = clock.Elapsed.TotalSeconds
    }

    let line =
        JsonText.LineOf(
            fields [
                "claim" => claim.Id
                "parts" => parts
                "build" => (build root |> Option.defaultValue "")
                "commit" => Option.toObj asked.Commit
                "seconds" => Math.Round(asked.Seconds, 1)
                "laws" => [ for law in laws -> written law ]
            ]
        )

    Directory.CreateDirectory folder |> ignore
    let file = Path.Combine(folder, FileName)
    let before = if Disk.HasFile file then RegularFile.Text(file, RegularFile.Record) else ""
    AtomicFile.Write(file, before + line + "\n")
    asked
