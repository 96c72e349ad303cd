/// Verdicts on registered claims: from made-up runs whose outcome is known, in a repository whose commits register them; and the project's own files of claims.
module Ebm.Tests.Laws.VerdictLaws

open System
open System.IO
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Analysis
open Ebm.Analysis.Claim
open Ebm.Analysis.Judging

// ── a repository with a claim ───────────────────────────────────────────────────────────────

/// What a made-up run ends with.
type private End =
    | At of float
    | Diverges
    | NeverRuns

let private text =
    """id: X1
paper: X
claim: One row is better.
contradicted: It is not.
limits: Nothing was trained.
runs:
  given: [ experiment=rings ]
  data: { rings: [ data=rings ] }
  seeds: 5
  rows:
    one: [ method=joint-cd ]
    two: [ method=recovery-likelihood ]
    bad: [ method=denoising-score ]
rules: [ RULE ]
control: { row: bad, breaks: "nothing, in truth" }
"""

let private better = "{ row: one, against: two, metric: grid-kl }"

let private git folder (words: string list) =
    match Git.ask folder words with
    | Ok said -> said
    | Error says -> broken says

let private fileIn folder = Path.Combine(folder, "experiments", "claims", "X1.yaml")

/// Writes the claim and commits it.
let private register folder (rule: string) =
    Directory.CreateDirectory(Path.GetDirectoryName(fileIn folder) |> string) |> ignore
    // A row that no rule uses is an error.
    let text = if rule.Contains "two" then text else text.Replace("    two: [ method=recovery-likelihood ]\n", "")
    File.WriteAllText(fileIn folder, text.Replace("RULE", rule))
    if not (Directory.Exists(Path.Combine(folder, ".git"))) then git folder [ "init"; "-q" ] |> ignore
    git folder [ "add"; "experiments" ] |> ignore
    git folder [ "commit"; "-qm"; "a claim"; "--allow-empty" ] |> ignore

let private head folder = git folder [ "rev-parse"; "HEAD" ]

let private evidence folder isQuick : Claims.Evidence =
    let runs = Path.Combine(folder, "runs")
    { Root = folder; Runs = runs; IsQuick = isQuick; Plan = Plan.plan { Sweeping.setup runs with Name = None } }

let private designOf (claim: Claim) =
    match claim.Decision with
    | Decision.Runs design -> design
    | _ -> broken "the claim has no runs"

/// Writes the folders of the claim's runs.
let private made folder isQuick (ends: string -> int -> End) =
    let from = evidence folder isQuick
    let claim = Claim.read (fileIn folder)

    for (row, _), runs in ClaimSweep.planned from.Plan isQuick claim (designOf claim) do
        for run in runs do
            let ended = ends row (int run.Seed)

            if ended <> NeverRuns then
                let at = RunFolder.Create(run.Within, run.Id, run.Config, run.Hashed)

                match ended with
                | At value -> at.Write [ Measurement("grid-kl", value, "nats", Direction.Lower, N = 100L, Protocol = "p") ]
                | _ -> ()

                at.Write(
                    RunManifest(
                        State = (if ended = Diverges then RunState.Diverged else RunState.Completed),
                        Reason = (if ended = Diverges then "planted" else null),
                        RunId = run.Id,
                        GroupId = run.Group,
                        SweepId = ClaimSweep.nameOf isQuick,
                        ConfigSha256 = at.ConfigSha256,
                        Seed = run.Seed,
                        Git = GitState(head folder),
                        Cost = Spent(1000L, 10L, 1L)
                    )
                )

    Manifests.enterRuns from.Runs (RunFolder.Under(Path.Combine(from.Runs, ClaimSweep.nameOf isQuick))) |> ignore

let private reported folder isQuick = Claims.judged (evidence folder isQuick) [ Claim.read (fileIn folder) ]

/// The report on a claim with this rule, whose runs end like this.
let private reportOf isQuick rule ends =
    inFolder (fun folder ->
        register folder rule
        made folder isQuick ends
        reported folder isQuick)

let private judgedAs rule ends = (reportOf false rule ends).Claims.Head.Judged

let private gives due rule ends =
    let judged = judgedAs rule ends
    must $"%A{judged.Verdict}, %A{judged.Why}, where %A{due} was expected: %A{judged.Parts}" (judged.Verdict = due)

/// Values with a little noise, the same for all rows of a seed and a little that is the row's own.
let private values (means: (string * float) list) (row: string) (seed: int) =
    At((Map means)[row] + 0.01 * float seed + 0.002 * float ((seed * 7 + row.Length * 3) % 5))

let private clear = values [ "one", 0.1; "two", 0.3; "bad", 0.5 ]
let private contrary = values [ "one", 0.3; "two", 0.1; "bad", 0.5 ]
let private sound = values [ "one", 0.1; "two", 0.3; "bad", 0.05 ]

let private undecided row seed =
    match row with
    | "one" -> At(0.2 + (if seed % 2 = 0 then 0.05 else -0.06))
    | "two" -> At 0.2
    | _ -> At 0.5

let private except row seed ended (ends: string -> int -> End) name at = if name = row && at = seed then ended else ends name at

// ── laws ────────────────────────────────────────────────────────────────────────────────────

let private verdictsFollow (pass: string -> int -> End) =
    gives Pass better pass
    gives Fail better contrary
    gives Inconclusive better undecided
    gives Void better sound
    gives NotTested better (except "two" 3 NeverRuns clear)
    gives NotTested better (except "bad" 3 NeverRuns clear)

let private boundsFollow (low: float) =
    gives Pass "{ row: one, metric: grid-kl, below: 0.2 }" (values [ "one", low; "two", 0.3; "bad", 0.5 ])
    gives Fail "{ row: one, metric: grid-kl, above: 0.2 }" sound
    gives Inconclusive "{ row: one, metric: grid-kl, below: 0.125 }" clear
    gives Pass "{ row: one, metric: grid-kl, between: [0, 0.3] }" clear
    gives Inconclusive "{ row: one, metric: grid-kl, below: 0.2 }" (except "one" 2 Diverges clear)

let private marginsFollow () =
    gives Fail "{ row: one, against: two, metric: grid-kl, by: 0.3 }" clear
    gives Pass "{ row: one, against: two, metric: grid-kl, by: -0.3 }" contrary
    gives Pass "{ row: one, against: two, metric: grid-kl, wins: 5 }" clear
    gives Inconclusive "{ row: one, against: two, metric: grid-kl, wins: 5, fails: 3 }" (except "one" 2 (At 0.9) clear)
    gives Fail "{ row: one, against: two, metric: grid-kl, wins: 5, fails: 5 }" (except "one" 2 (At 0.9) clear)

/// A diverged run is a loss: `left` is what is made of the run of seed 2.
let private lossesCount (left: End) =
    let oneLost = judgedAs better (except "one" 2 left clear)
    must $"a diverged run passed: %A{oneLost.Parts}" (oneLost.Verdict = Inconclusive && oneLost.Parts.Head.Lost = 1)
    must $"it is a pair of {oneLost.Parts.Head.Seeds}" (oneLost.Parts.Head.Seeds = 5 && oneLost.Parts.Head.Wins = 4)
    must "the loss is not in the mean" (oneLost.Parts.Head.Estimate < 0.15)
    let ours row _ = if row = "one" then Diverges else At 0.3
    let report = reportOf false better ours
    let none = report.Claims.Head.Judged
    must $"%A{none}" (none.Verdict = Fail && none.Parts.Head.Wins = 0)
    // Without a completed pair, nothing says by how much.
    must $"%A{none}" (Double.IsNaN none.Parts.Head.Estimate && none.Parts.Head.P.IsNone)
    must "the page does not say so" ((ClaimPage.markdown report).Contains "no seed has a value of")
    for name, file in ClaimPage.files report do
        must $"{name} has NaN" (name.EndsWith ".json" || not (file.Contains "NaN"))
    let theirs row seed =
        if row = "two" then Diverges
        elif row = "bad" then Diverges
        else clear row seed
    gives Pass better theirs
    let both row seed = if row <> "bad" && seed = 1 then Diverges else clear row seed
    let judged = judgedAs better both
    must $"a seed that both lose is a win: {judged.Parts.Head.Wins}" (judged.Parts.Head.Wins = 4)

let private quickDecidesNothing isQuick =
    for ends in [ clear; contrary; undecided; sound ] do
        let report = reportOf isQuick better ends
        for name, file in ClaimPage.files report do
            must $"{name} has PASS" (not (file.Contains "PASS"))

        let said = ClaimPage.markdown report
        must "it does not say that quick runs decide nothing" (said.Contains "decide nothing")

    for verdict in [ Pass; Fail; Inconclusive; Void; NotTested ] do
        must "a word of --quick is one of a decision" (verdict = NotTested || Wording.word true verdict <> Wording.word false verdict)

/// `again` is what happens to the claim's file after its runs.
let private changesAreMarked (again: string -> unit) =
    inFolder (fun folder ->
        register folder better
        made folder false clear
        let mark () = (reported folder false).Claims.Head.Registration.Changed
        must $"marked without a change: {mark ()}" (mark ()).IsNone
        again folder
        let uncommitted = mark ()
        must "a change that is not committed has no mark" (uncommitted |> Option.exists _.Contains("not committed"))
        git folder [ "commit"; "-qam"; "changed" ] |> ignore
        let later = mark ()
        must $"a later commit has no mark: {later}" (later |> Option.exists _.Contains("does not contain it"))
        let said = ClaimPage.markdown (reported folder false)
        must "the page does not say so" (said.Contains "CHANGED AFTER ITS RUNS"))

/// The claims of the project, and what each is decided by.
let private committed = lazy (Claim.readAll (under "experiments/claims"))

let private composes (change: Claim list -> Claim list) =
    inFolder (fun folder ->
        let claims = change committed.Value
        let all = everywhere ()

        for isQuick in [ false; true ] do
            try
                Claims.check (evidence folder isQuick) claims
            with :? ConfigException as error ->
                broken error.Message

        for claim in claims do
            match claim.Decision with
            // A build of some laws alone does not have those of all claims.
            | Decision.Laws parts when all.Length > 500 ->
                let laws = [
                    for part in parts do
                        let found = Asking.chosen (Some part) all
                        must $"{claim.Id}: no law has \"{part}\"" (not found.IsEmpty)
                        yield! found
                ]

                must $"{claim.Id}: no planted error" (laws |> List.exists (fun placed -> not placed.Law.Planted.IsEmpty))
            | _ -> ())

let private registersAll (change: Claim list -> Claim list) =
    let claims = change committed.Value
    let due = [
        for paper, count in [ "A", 8; "B", 8; "C", 8; "D", 7; "OUR", 3 ] do
            for i in 1..count -> $"{paper}{i}"
    ]
    must $"%A{claims |> List.map _.Id}" ((claims |> List.map _.Id) = due)

    let decidable =
        claims
        |> List.filter (fun claim ->
            match claim.Decision with
            | Decision.Needs _ -> false
            | _ -> true)

    must $"{decidable.Length} are decidable" (decidable.Length >= 22)

let private measured otherwise (claim: Claim) =
    match claim.Decision with
    | Decision.Runs design when claim.Id = "A1" -> {
        claim with
            Decision = Decision.Runs { design with Given = design.Given @ [ otherwise, Source.Of "planted" ] }
      }
    | _ -> claim

let private withRule (id: string) (rule: Rule -> Rule) (claim: Claim) =
    match claim.Decision with
    | Decision.Runs design when claim.Id = id -> { claim with Decision = Decision.Runs { design with Rules = List.map rule design.Rules } }
    | _ -> claim

/// A sentence names the numbers of its part, and its direction and verdict.
let private agrees (part: Part) (said: string) =
    let has (words: string) = must $"\"{said}\" does not have \"{words}\"" (said.Contains words)
    let half = (part.High - part.Low) / 2.0
    has (Wording.number half part.Low)
    has (Wording.number half part.High)
    has (Wording.number half (abs part.Estimate))

    match part.Rule.Demand with
    | Between _ -> ()
    | _ ->
        has (if part.Estimate > 0.0 then " is better than " else " is worse than ")
        must
            $"\"{said}\" has the other direction"
            (not (said.Contains(if part.Estimate > 0.0 then " is worse than " else " is better than ")))

    match part.Verdict, part.Rule.Demand with
    | Pass, Better _ -> has "on the claim's side"
    | Fail, Better _ -> has "contradicts the claim"
    | Inconclusive, Better _ -> has "do not decide"
    | Pass, Between _ -> has "within the bound"
    | Fail, Between _ -> has "outside the bound"
    | _ -> ()

let private textsAgree (say: Part -> string) =
    for rule in [ better; "{ row: one, metric: grid-kl, below: 0.2 }"; "{ row: one, against: two, metric: grid-kl, wins: 4, fails: 2 }" ] do
        for ends in [ clear; contrary; undecided ] do
            let report = reportOf false rule ends
            let judged = report.Claims.Head.Judged
            let page = ClaimPage.markdown report

            for part in judged.Parts do
                agrees part (say part)
                must "the page does not have the sentence" (page.Contains(Wording.part part))
                must "the table does not have the estimate" (page.Contains(Wording.estimate part))

let private refused (change: string -> string) (parts: string list) =
    throws<ConfigException, _> parts (fun () -> Claim.parse "X1.yaml" (change (text.Replace("RULE", better))))

let private refusedByRows (change: string -> string) (parts: string list) =
    inFolder (fun folder ->
        register folder better
        File.WriteAllText(fileIn folder, change (File.ReadAllText(fileIn folder)))
        let claim = Claim.read (fileIn folder)
        throws<ConfigException, _> parts (fun () -> ClaimSweep.cells false claim (designOf claim)))

let private lawOf passed noticed why : LawOutcome = {
    Sentence = "a law"
    Passed = passed
    Why = why
    IsSkipped = false
    Noticed = noticed
    IsBlind = why |> Option.exists _.Contains("does not detect")
}

let private byLaws (laws: LawOutcome list option) =
    let claim = { Claim.parse "X1.yaml" (text.Replace("RULE", better)) with Decision = Decision.Laws [ "a law" ] }
    (Judging.ofLaws claim (laws |> Option.map (fun laws -> { Laws = laws; Commit = None; Seconds = 1.0 }))).Verdict

let private lawsDecide (noticed: string list) =
    let gives due laws = let found = byLaws laws in must $"%A{found} where %A{due} was expected" (found = due)
    gives Pass (Some [ lawOf true noticed None; lawOf true [] None ])
    gives Fail (Some [ lawOf true noticed None; lawOf false [] (Some "it is 3") ])
    gives Void (Some [ lawOf true [] None ])
    gives Void (Some [ lawOf false [] (Some "the law does not detect a planted error: a sign") ])
    gives NotTested (Some [ { lawOf false [] (Some "no moon") with IsSkipped = true } ])
    gives NotTested None

let private recordsLaws (laws: Law list) =
    let lines = ResizeArray<string>()
    let placed = [ for law in laws -> { File = "OneLaws"; IsIndependent = false; Law = law } ]
    Asking.runRecorded lines.Add TextWriter.Null TextWriter.Null placed |> ignore
    let all = String.Join("\n", lines)
    must $"the record is\n{all}" (lines.Count = 2 && all.Contains "\"noticed\":[\"an error\"]" && all.Contains "\"outcome\":\"passed\"")
    must $"the record is\n{all}" (all.Contains "\"outcome\":\"failed\"" && all.Contains "two is not three")

/// Two claims of the same rows; the other one has this number of seeds.
let private sharesRuns seeds =
    inFolder (fun folder ->
        register folder better
        let from = evidence folder false
        let claim = Claim.read (fileIn folder)
        let other = { claim with Id = "X2"; Decision = Decision.Runs { designOf claim with Seeds = seeds } }
        let plan = from.Plan(ClaimSweep.sweep false [ claim; other ])
        must $"{plan.Runs.Length} runs" (plan.Runs.Length = 15 && plan.Duplicates = 15)
        let quick = from.Plan(ClaimSweep.sweep true [ claim ])
        must $"{quick.Folder}" (quick.Folder <> plan.Folder && quick.Runs.Length = 9))

let private noticing = law "one holds" ignore |> breaks "an error" (fun () -> must "planted" false)
let private failing = law "one fails" (fun () -> must "two is not three" (2 = 3))

let all = [
    law "a claim passes, fails, is inconclusive, void or not tested as its runs and its control are" (fun () -> verdictsFollow clear)
    |> breaks "the rows the other way round" (fun () -> verdictsFollow contrary)

    law "a claim with a bound passes if the whole interval is within it and no run diverged" (fun () -> boundsFollow 0.1)
    |> breaks "values beyond the bound" (fun () -> boundsFollow 0.25)

    law "a margin and a number of wins shift the verdict as the rule says" marginsFollow
    |> breaks "wins without all seeds" (fun () ->
        gives Pass "{ row: one, against: two, metric: grid-kl, wins: 5 }" (except "one" 2 (At 0.9) clear))

    law "a diverged run of a claim is a loss in its mean, its wins and its verdict" (fun () -> lossesCount Diverges)
    |> breaks "it counts as if it had not diverged" (fun () -> lossesCount (clear "one" 2))

    law "--quick prints no PASS and says that it decides nothing" (fun () -> quickDecidesNothing true)
    |> breaks "runs of full length" (fun () -> quickDecidesNothing false)

    law "a claim whose file was changed after its runs, or is not committed, is marked" (fun () ->
        changesAreMarked (fun folder -> File.AppendAllText(fileIn folder, "# another comment\n")))
    |> breaks "nothing was changed" (fun () -> changesAreMarked ignore)

    law
        "every claim of the project reads, its rows compose, its metrics are measured, alike if it shares a run, and its laws exist"
        (fun () -> composes id)
    |> breaks "a claim that measures shared runs in another way" (fun () -> composes (List.map (measured "measure=exact-2d")))
    |> breaks "a rule about a metric that no run measures" (fun () ->
        composes (List.map (withRule "A1" (fun rule -> { rule with Metric = "long-run/1" }))))

    law "the project registers the thirty-one claims of the papers and three of its own, at least 22 of them with runs or laws" (fun () ->
        registersAll id)
    |> breaks "a claim that was not registered" (fun () -> registersAll (List.filter (fun claim -> claim.Id <> "C5")))
    |> breaks "claims that need what is not here" (fun () ->
        registersAll (List.map (fun claim -> { claim with Decision = Decision.Needs "a machine" })))

    law "the text on a claim has the numbers, the direction and the verdict of its table" (fun () -> textsAgree Wording.part)
    |> breaks "the direction of the opposite number" (fun () ->
        textsAgree (fun part -> Wording.part { part with Estimate = -part.Estimate }))

    law "a mistake in a claim's file is an error that names the file, the line and the key" (fun () ->
        refused (fun text -> text.Replace("contradicted: It is not.\n", "")) [ "X1.yaml"; "contradicted"; "needs the key" ]
        refused (fun text -> text.Replace("seeds: 5", "seds: 5")) [ "X1.yaml, line 9"; "seds"; "did you mean seeds" ]
        refused (fun text -> text.Replace("seeds: 5", "seeds: many")) [ "X1.yaml, line 9"; "seeds"; "a whole number" ]
        refused (fun text -> text.Replace("against: two", "against: tow")) [ "X1.yaml, line 14"; "tow"; "two" ]
        refused (fun text -> text.Replace("against: two", "by: 3")) [ "line 14"; "by needs against" ]
        refused (fun text -> text.Replace("row: bad", "row: worst")) [ "line 15"; "there is no worst" ]
        refused (fun text -> text + "laws: [ a law ]\n") [ "one of runs, laws and needs" ]
        refused (fun text -> text.Replace("id: X1", "id: X2")) [ "line 1"; "the name of its file" ])
    |> breaks "a file without a mistake" (fun () -> refused id [ "X1.yaml" ])

    law "a setting of a claim with several values, and a row that no rule uses, are errors at their line" (fun () ->
        refusedByRows _.Replace("method=joint-cd", "\"method.steps=1,2\"") [ "line 11"; "one value" ]
        refusedByRows _.Replace("    bad:", "    idle: [ method=flow ]\n    bad:") [ "line 13"; "no rule and no control" ])
    |> breaks "one value, and no other row" (fun () -> refusedByRows id [ "line 11" ])

    law "claims with laws are decided by them, and are void without a planted error that is detected" (fun () -> lawsDecide [ "an error" ])
    |> breaks "no planted error" (fun () -> lawsDecide [])

    law "the record of laws has each law's outcome and the planted errors that it detected" (fun () -> recordsLaws [ noticing; failing ])
    |> breaks "a law without planted errors" (fun () -> recordsLaws [ { noticing with Planted = [] }; failing ])

    law "a run that two claims need is planned once, and --quick plans into another folder" (fun () -> sharesRuns 5)
    |> breaks "the other claim has more seeds" (fun () -> sharesRuns 6)
]
