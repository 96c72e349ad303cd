namespace Ebm.Audits

/// The kinds of alterations of run folders, plans, retired runs, launches, data, reports, audits, the ledger, and signatures. `Kebab` gives their names: `config-edited`, …
type Altered =
    | ConfigMissing = 0
    | ConfigEdited = 1
    | ManifestMissing = 2
    | ManifestEdited = 3
    | ManifestReplaced = 4
    | AttemptMissing = 5
    | AttemptEdited = 6
    | AttemptReplaced = 7
    | AttemptInserted = 8
    | RunRenamed = 9
    | RunMoved = 10
    | RunRemoved = 11
    | MeasureInterrupted = 12
    | ArtefactMissing = 13
    | ArtefactChanged = 14
    | ArtefactLinked = 15
    | ArtefactExtra = 16
    | DataChanged = 17
    | AuditMissing = 18
    | AuditChanged = 19
    | LedgerRemoved = 20
    | LedgerReplaced = 21
    | LedgerEdited = 22
    | LedgerReordered = 23
    | LedgerInserted = 24
    | LedgerRewritten = 25
    | LedgerTorn = 26
    | ManifestUnknown = 27
    | RunMisplaced = 28
    | PlansChanged = 29
    | PlansMissing = 30
    | LaunchChanged = 31
    | LaunchMissing = 32
    | ReportChanged = 33
    | ReportMissing = 34
    | SignatureMissing = 35
    | SignatureInvalid = 36
    | SignedRunChanged = 37
    | SignedRunRemoved = 38
    | SignedLedgerRewritten = 39
    | RetiredChanged = 40
    | RetiredMissing = 41
    | TrainingContradicted = 42

type Alteration = {
    /// sweep/run, another file of a sweep, a data file, or ledger.
    Subject: string
    What: Altered
    Says: string
}
