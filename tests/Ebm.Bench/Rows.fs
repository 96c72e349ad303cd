/// The measured rows: one workload each, alone or against a reference, printed as they are measured and written as Markdown or JSON.
module Ebm.Bench.Rows

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Ebm.Bench.Paired

/// NaN where a row has no such number.
type Row = {
    Name: string
    /// Seconds of one step.
    Ours: float
    Reference: float
    Ratio: float
    Low: float
    High: float
    /// The share that the ratio may have at most.
    Bound: float
    /// Gradients of one row per second.
    Gradients: float
    /// Share of the peak of multiply-adds.
    Share: float
    /// MiB.
    Memory: float
    /// How it grows.
    Exponent: float
    /// Why the row was not measured; empty if it was.
    Skipped: string
}

let unmeasured name reason = {
    Name = name
    Ours = nan
    Reference = nan
    Ratio = nan
    Low = nan
    High = nan
    Bound = nan
    Gradients = nan
    Share = nan
    Memory = nan
    Exponent = nan
    Skipped = reason
}

let private seconds = 0.25

let peak () = Memory.peak "/proc/self/status"

/// Where lines for a reader go: standard output, or standard error if standard output is for JSON.
let mutable out: TextWriter = Console.Out

let private shown (unit: string) (value: float) = if Double.IsNaN value then "" else value.ToString unit

let heading () =
    fprintfn
        out
        "%-52s %10s %10s %7s %12s %7s %8s %7s %6s"
        "workload"
        "ours, µs"
        "ref., µs"
        "ratio"
        "middle half"
        "at most"
        "grad./s"
        "peak"
        "MiB"

let private spread (row: Row) = if Double.IsNaN row.Ratio then "" else $"{row.Low:F2}–{row.High:F2}"

let private rows = Collections.Generic.List<Row>()

/// Adds a row that its workload prints in its own way.
let keep (row: Row) = rows.Add row

let add (row: Row) =
    keep row

    if row.Skipped <> "" then
        fprintfn out "%-52s skipped: %s" row.Name row.Skipped
    else
        fprintfn
            out
            "%-52s %10.1f %10s %7s %12s %7s %8s %7s %6.0f"
            row.Name
            (1e6 * row.Ours)
            (shown "F1" (1e6 * row.Reference))
            (shown "F2" row.Ratio)
            (spread row)
            (shown "F2" row.Bound)
            (if Double.IsNaN row.Gradients then "" else $"{row.Gradients / 1e3:F0}k")
            (if Double.IsNaN row.Share then "" else $"{100.0 * row.Share:F0} %%")
            row.Memory

/// Bound of the ratio, gradients of one row per step, floating point operations per step with their peak in GF/s, and how often to measure.
type Cost = { Bound: float; Gradients: float; Flops: float; Peak: float; Rounds: int }

let free = { Bound = nan; Gradients = nan; Flops = nan; Peak = nan; Rounds = 11 }

/// Measures a workload: against another one if there is one, else alone.
let measure name (cost: Cost) (ours: Timed) (other: Timed option) =
    try
        Memory.forget ()

        let compared =
            match other with
            | None -> { A = alone cost.Rounds seconds ours; B = nan; Ratios = [||] }
            | Some other -> compare cost.Rounds seconds ours other

        let quantile p = if compared.Ratios.Length = 0 then nan else quantile p compared.Ratios

        add {
            Name = name
            Ours = compared.A
            Reference = compared.B
            Ratio = quantile 0.5
            Low = quantile 0.25
            High = quantile 0.75
            Bound = cost.Bound
            Gradients = cost.Gradients / compared.A
            Share = cost.Flops / compared.A / 1e9 / cost.Peak
            Memory = peak ()
            Exponent = nan
            Skipped = ""
        }
    with Reference.Lacks reason ->
        add (unmeasured name reason)

/// A table in Markdown, without rows that were not measured.
let writeMarkdown (path: string) =
    File.WriteAllLines(
        path,
        [
            "| workload | ours, µs | reference, µs | ratio | middle half | at most | share of the peak |"
            "| --- | --- | --- | --- | --- | --- | --- |"
            for row in rows do
                if not (Double.IsNaN row.Ours) then
                    let ours, reference, ratio = shown "F1" (1e6 * row.Ours), shown "F1" (1e6 * row.Reference), shown "F2" row.Ratio
                    let share = if Double.IsNaN row.Share then "" else $"{100.0 * row.Share:F0} %%"
                    $"""| {row.Name} | {ours} | {reference} | {ratio} | {spread row} | {shown "F2" row.Bound} | {share} |"""
        ]
    )

/// What all rows have in common.
let about = JsonObject()

let number (value: float) : JsonNode | null = if Double.IsFinite value then JsonValue.Create value else null

/// One object: what all rows have in common, then the rows. A number that a row has not is null.
let json () =
    let all = about.DeepClone().AsObject()

    all["rows"] <-
        JsonArray [|
            for row in rows ->
                let one = JsonObject()
                one["workload"] <- JsonValue.Create row.Name

                for name, value in
                    [
                        "seconds", row.Ours
                        "reference", row.Reference
                        "ratio", row.Ratio
                        "low", row.Low
                        "high", row.High
                        "at-most", row.Bound
                        "gradients-per-second", row.Gradients
                        "share-of-peak", row.Share
                        "memory-mib", row.Memory
                        "exponent", row.Exponent
                    ] do
                    one[name] <- number value

                if row.Skipped <> "" then one["skipped"] <- JsonValue.Create row.Skipped

                one :> JsonNode
        |]

    all.ToJsonString(JsonSerializerOptions(WriteIndented = true))
