/// Budgets of training on images, in units, from minutes. A unit is the gradient of one row, whose time differs between methods by a factor of eight,
/// so half an hour is another number of units for each; `train.budget=3000000` on the command line gives all methods the same number instead.
/// `minutes=N` on the command line of a script that loads this file replaces its half hour. The budget, not the time, is part of a run's id: on every
/// machine the same words are the same runs, and only take another time.
module Ebm.Budgets

open System
open System.Globalization
open Ebm.Sweeps

/// Units of training in a second of one core of an AMD EPYC (Zen 4), with the settings of `configs/tuned/mnist-<method>.yaml`.
/// Denoising-EBM's is estimated for it: with its present settings, a core of Zen 5 beside other work did 1,300 to 1,500.
let perSecond = [
    "joint-cd", 1800.0
    "recovery-likelihood", 1700.0
    "denoising-ebm", 1200.0
    "generalized-ebm", 2200.0
    "contrastive-divergence", 3800.0
    "denoising-score", 800.0
    "gan", 2300.0
]

/// `minutes=N` among the words of a command line, or this many, and the other words.
let minutes (usually: float) (words: string list) : float * string list =
    let asked, others = words |> List.partition _.StartsWith("minutes=")

    match asked |> List.map (fun word -> word, Double.TryParse(word["minutes=".Length ..], CultureInfo.InvariantCulture)) with
    | [] -> usually, others
    | [ _, (true, count) ] when count > 0.0 && count <= 1e5 -> count, others
    | (word, _) :: _ ->
        eprintfn $"{word}: the minutes of training for each run must be one number from 0 to 100000; write minutes=30, for example."
        exit 2

/// The units that a method spends in so many minutes, in thousands.
let units (minutes: float) (method: string) : int64 =
    let speed = perSecond |> List.find (fst >> (=) method) |> snd
    max 1000L (1000L * int64 (Math.Round(60.0 * minutes * speed / 1000.0)))

/// An axis over methods, each with its budget.
let methods (minutes: float) (names: string list) : Declare.Sweep -> Declare.Sweep =
    Declare.zip [ Declare.column "method" names; Declare.column "train.budget" (names |> List.map (units minutes)) ]
