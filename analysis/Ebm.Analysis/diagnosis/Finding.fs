/// A finding: one statement about a run, the numbers that support it, and what to try. A check makes one from a run's records.
module Ebm.Analysis.Finding

open Ebm.Analysis.Evidence

/// What a finding blames.
type Verdict =
    /// The samples do not follow the model's density.
    | Sampler
    /// The model's density or its energies are wrong.
    | Model
    /// The samples are wrong, and the records do not show which of the two is the cause.
    | SamplerOrModel
    /// Two computations of one log density disagree.
    | Readout
    | Fine
    | NotMeasured

type Finding = {
    /// The check's name.
    Check: string
    Verdict: Verdict
    /// One sentence of at most 90 characters.
    Says: string
    /// The numbers, with the name of the metric or the file where each stands.
    Evidence: string list
    /// A setting of this run's method with a new value, if a setting may help.
    Try: string option
}

type Check = {
    /// One word: what is judged.
    Name: string
    /// The records that it reads.
    Reads: string
    Judge: Evidence -> Finding
}

/// The longest sentence of a finding.
let longest = 90

/// A finding without evidence yet.
let finding check verdict (says: string) = { Check = check; Verdict = verdict; Says = Text.short longest says; Evidence = []; Try = None }

/// More standard errors than this are not chance: for a normal error, it happens once in 370 sound runs.
let manyErrors = 3.0
