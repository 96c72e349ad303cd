/// Diagnoses of planted runs: each kind of trouble is told apart from the others, and no record is judged that is not there.
module Ebm.Tests.Laws.DiagnosisLaws

open System
open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Finding
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.RunFolders

/// The diagnosis of a planted run; `damage` changes its folder first.
let private diagnosedAfter (damage: string -> unit) planted =
    inFolder (fun folder ->
        let run = plant (Path.Combine(folder, "laws")) 0 planted
        damage run.Path
        Diagnosis.ofFolder run)

let private diagnosed planted = diagnosedAfter ignore planted

let private of' check (findings: Finding list) = findings |> List.find (fun found -> found.Check = check)

/// A check has a verdict, and its sentence has some words; no other check blames anything, except those named as consequences.
let private shows check verdict (words: string) (consequences: string list) (findings: Finding list) =
    let found = of' check findings
    must $"{check} blames {found.Verdict}: {found.Says}" (found.Verdict = verdict)
    must $"\"{found.Says}\" does not contain \"{words}\"" (found.Says.Contains words)

    for other in findings do
        if other.Check <> check && not (List.contains other.Check consequences) then
            must $"{other.Check} blames {other.Verdict}, too: {other.Says}" (other.Verdict = Fine || other.Verdict = NotMeasured)

let private grown (share: float) = 0.1 + 60.0 * share * share
let private withMetric name value se (planted: Planted) = {
    planted with
        Metrics = (planted.Metrics |> List.filter (fun (known, _, _) -> known <> name)) @ [ name, value, se ]
}

/// Without a grid, as for images.
let private images = {
    sound with
        Grid = false
        Energies = Some(-40.0, 5.0, 0.5)
        Metrics = [ "energy-distance", 0.05, Some 0.02; "energy-distance/gaussian", 0.2, Some 0.02 ]
}

let private even = [ 1.0 / 3.0; 1.0 / 3.0; 1.0 / 3.0 ]

/// What is planted, the run, the check that must find it, what it must blame, and words of its sentence; and which other checks may follow.
let private cases = [
    "a mode that the model lost",
    { sound with Model = [ 0.4; 0.6; 0.0 ]; Drawn = [ 0.4; 0.6; 0.0 ] },
    "modes",
    Model,
    "the model lacks 1 of 3 modes",
    []
    "a mode that the samples lost",
    { sound with Drawn = [ 0.4; 0.6; 0.0 ] },
    "modes",
    Sampler,
    "samples lack 1 of 3 modes that the model has",
    [ "chains" ]
    "weights that the samples lost", { sound with Drawn = [ 0.35; 0.3; 0.35 ] }, "modes", Sampler, "are misplaced", [ "chains" ]
    "weights that the model lost", { sound with Model = [ 0.35; 0.3; 0.35 ]; Drawn = [ 0.35; 0.3; 0.35 ] }, "modes", Model, "misplaces", []
    "samples beside the model's modes", { sound with Away = 0.3 }, "chains", Sampler, "samples do not follow the model", []
    "chains that hardly move",
    { sound with Events = [ "energy/accepted", fun share -> if share > 0.4 then 0.01 else 0.6 ] },
    "chains",
    Sampler,
    "chains hardly move",
    []
    "a runaway",
    { sound with Events = [ "energy/gap", (fun share -> -grown share); "energy/magnitude", grown ] },
    "energies",
    Model,
    "energies run away",
    []
    "a gap that ends in NaN",
    { sound with Events = [ "energy/gap", fun share -> if share > 0.9 then nan else 0.1 ] },
    "energies",
    Model,
    "is not finite",
    []
    "a density that is too flat",
    { sound with Scale = 0.3; Drawn = [ 0.29; 0.328; 0.382 ] },
    "energies",
    Model,
    "energies are too flat",
    [ "modes" ]
    "a density that is too steep",
    { sound with Scale = 4.0; Model = even; Drawn = even },
    "energies",
    Model,
    "energies are too steep",
    [ "modes" ]
    "a density worse than a Gaussian", withMetric "grid-kl" 1.2 None sound, "fit", Model, "no better than a Gaussian", []
    "a readout against the grid",
    withMetric "density-readout" 1.4 (Some 0.02) sound,
    "readout",
    Readout,
    "the density readout is wrong by 1.4 nats",
    []
    "annealing against a proposal",
    sound
    |> withMetric "ais/nll" 3.0 (Some 0.05)
    |> withMetric "ais/log-z" 1.0 (Some 0.05)
    |> withMetric "nll" 1.8 (Some 0.05)
    |> withMetric "nll/log-z" -0.2 (Some 0.05),
    "readout",
    Readout,
    "contradict each other by 1.2 nats",
    []
    "annealing that has not converged",
    withMetric "ais/gap" 7.0 (Some 0.5) sound,
    "readout",
    Readout,
    "its two directions differ by 7 nats",
    []
    "longer chains that leave the data",
    images |> withMetric "long-run/1" 0.01 (Some 0.01) |> withMetric "long-run/100" 0.4 (Some 0.02),
    "chains",
    Model,
    "only short chains look like data",
    []
    "chains that stop early",
    images |> withMetric "long-run/1" 0.4 (Some 0.02) |> withMetric "long-run/100" 0.01 (Some 0.01),
    "chains",
    Sampler,
    "chains stop early",
    []
    "chains that do not mix", images |> withMetric "chains/r-hat" 1.6 (Some 0.05), "chains", Sampler, "chains do not mix", []
    "images with energies unlike those of data",
    { images with Energies = Some(-40.0, 5.0, 30.0) },
    "energies",
    SamplerOrModel,
    "higher energies than data",
    []
    "images worse than a Gaussian",
    withMetric "energy-distance" 1.1 (Some 0.2) images,
    "fit",
    SamplerOrModel,
    "farther from the data than a Gaussian's",
    []
    "samples of no density, in wrong modes",
    images |> withMetric "mode-weights" 0.6 (Some 0.02) |> withMetric "mode-weights/floor" 0.02 None,
    "modes",
    SamplerOrModel,
    "in other modes than the data",
    []
]

let private isSound (findings: Finding list) =
    for found in findings do
        must $"{found.Check} blames {found.Verdict}: {found.Says}" (found.Verdict = Fine)

    let line = Diagnosis.line findings
    must line (line.StartsWith "fine: ")

let all = [
    law "a sound run is diagnosed as sound, by every check" (fun () ->
        isSound (diagnosed { sound with Metrics = sound.Metrics @ [ "ladder/grid-error", 0.01, Some 0.02 ] }))
    |> breaks "a lost mode" (fun () -> isSound (diagnosed { sound with Drawn = [ 0.4; 0.6; 0.0 ] }))

    law "planted troubles of sampler, model and readout are told apart, and a sound part of the run is not blamed" (fun () ->
        for name, planted, check, verdict, words, consequences in cases do
            try
                diagnosed planted |> shows check verdict words consequences
            with Broken says ->
                broken $"{name}: {says}")
    |> breaks "the sampler's trouble taken for the model's" (fun () ->
        diagnosed { sound with Drawn = [ 0.4; 0.6; 0.0 ] } |> shows "modes" Model "the model lacks" [])

    law "a diverged run blames its energies, with the recorded reason" (fun () ->
        let findings = diagnosed { sound with State = RunState.Diverged }
        let found = of' "energies" findings
        must found.Says (found.Verdict = Model && found.Says = "training diverged at step 400")
        must $"%A{found.Evidence}" (found.Evidence = [ "planted (manifest.json)" ]))

    law
        "a run that diverged in its first steps is told a rate that weights can follow, beside the rate as it was typed, and its chains are not judged"
        (fun () ->
            let diverged = { sound with State = RunState.Diverged; Events = [ "energy/gap", id; "energy/accepted/0", (fun _ -> 0.0) ] }
            let judged (records: int) (rate: string) (typed: Map<string, string>) =
                inFolder (fun folder ->
                    let settings = ("train.lr", rate) :: List.tail diverged.Settings
                    let path = (plant (Path.Combine(folder, "laws")) 0 { diverged with Settings = settings }).Path
                    let events = Path.Combine(path, "events.jsonl")
                    File.WriteAllLines(events, File.ReadAllLines events |> Array.truncate (2 * records))
                    Diagnosis.ofRun { (fst (Runs.under path)).Head with Asked = typed })
            let tries records rate typed = (of' "energies" (judged records rate (Map typed))).Try |> Option.defaultValue "nothing"

            for records, rate, typed, due in
                [
                    2, "1000000.0", [ "train.lr", "1e6" ], "train.lr=0.01 instead of 1e6"
                    2, "1000000.0", [], "train.lr=0.01 instead of 1000000"
                    2, "0.001", [], "train.lr=0.0001 instead of 0.001"
                    40, "0.001", [], "train.lr=0.0003 instead of 0.001"
                ] do
                let found = tries records rate typed
                must found (found = due)

            must "chains are judged" ((of' "chains" (judged 2 "1000000.0" Map.empty)).Verdict = NotMeasured)
            must "chains are not judged" ((of' "chains" (judged 40 "0.001" Map.empty)).Verdict = Sampler))

    law "what was not recorded is not judged: no events, no metrics, no arrays" (fun () ->
        let findings = diagnosed { sound with Events = []; Metrics = []; Grid = false }

        for found in findings do
            must $"{found.Check}: {found.Says}" (found.Verdict = NotMeasured)

        must (Diagnosis.line findings) (Diagnosis.line findings = "not measured"))

    law "damaged records are not judged, and hide no other record" (fun () ->
        for file in [ "arrays/landscape.npy"; "arrays/index.json"; "samples.npy"; "events.jsonl" ] do
            let findings = sound |> diagnosedAfter (fun folder -> File.WriteAllText(Path.Combine(folder, file), "{ \"damaged\n"))

            for found in findings do
                must $"{file}, {found.Check}: {found.Says}" (found.Verdict = Fine || found.Verdict = NotMeasured)

            must $"{file} hides grid-kl" ((of' "fit" findings).Verdict = Fine))

    law "metrics that are NaN or infinite are not judged" (fun () ->
        for value in [ nan; infinity; -infinity ] do
            let planted = {
                images with
                    Metrics = [
                        for name in [ "grid-kl"; "energy-distance"; "long-run/1"; "long-run/100"; "ais/gap"; "mode-weights" ] ->
                            name, value, Some nan
                    ]
            }

            for found in diagnosed planted do
                must $"{found.Check}: {found.Says}" (found.Verdict = Fine || found.Verdict = NotMeasured))

    law "every finding is at most 90 characters, has evidence unless it was not measured, and proposes a setting of this run" (fun () ->
        for _, planted, _, _, _, _ in cases do
            for found in diagnosed planted do
                must found.Says (found.Says.Length <= longest)
                must $"{found.Check} has no evidence" (found.Verdict = NotMeasured || not found.Evidence.IsEmpty)

                for tries in Option.toList found.Try do
                    must tries (planted.Settings |> List.exists (fun (key, _) -> tries.StartsWith(key + "="))))

    law "a line has at most 100 columns and begins with what is wrong" (fun () ->
        for name, planted, _, verdict, _, _ in cases do
            let line = Diagnosis.line (diagnosed planted)
            must $"{name}: {line}" (line.Length <= Diagnosis.width)
            let blamed = [ for verdict in [ Sampler; Model; SamplerOrModel; Readout ] -> Diagnosis.word verdict + ": " ]
            must $"{name}: {line}" (blamed |> List.exists (fun (word: string) -> line.StartsWith word)))

    law "the mass of modes is that of the mixture, and twice the energies have half the scale" (fun () ->
        inFolder (fun folder ->
            let run = plant (Path.Combine(folder, "laws")) 0 { sound with Scale = 2.0; Model = even }
            let plane = (Evidence.of' (fst (Runs.under run.Path)).Head).Plane.Value.Value
            let count, mode = plane.Modes.Value
            let weights = Plane.masses count mode plane.TruthMass |> Array.sort
            must $"%A{weights}" (count = 3)
            // The tails beyond the valleys weigh less than a thousandth.
            for weight, truth in Seq.zip weights [ 0.2; 0.3; 0.5 ] do
                must $"%A{weights}" (abs (weight - truth) < 1e-3)

            // Newton's last step in log β is below 1e-4.
            let other = plant (Path.Combine(folder, "laws")) 1 { sound with Model = even }
            let truth = (Evidence.of' (fst (Runs.under other.Path)).Head).Plane.Value.Value.ModelMass
            let scale = Plane.scale { plane with TruthMass = truth }
            must $"the scale is {scale}" (abs (log (scale / 0.5)) < 1e-3)))

    law "a record with hundreds of thousands of peaks in a row ends no process, and one that is not finite is not judged" (fun () ->
        let cells = 400_000
        // Peaks that rise slowly, with shallow valleys between them: each joins the next, in one long path.
        let values = [| for i in 0 .. cells - 1 -> float32 (float i * 1e-6 - (if i % 2 = 0 then 0.0 else 0.1 + float i * 2e-6)) |]
        let axis = NamedArray("landscape-axis", [| "x" |], [| int64 cells |], [| for i in 0 .. cells - 1 -> float32 i |])
        let field values = NamedArray("field", [| "x" |], [| int64 cells |], values)

        let plane (truth: float32[]) =
            Plane.of'
                (fun name ->
                    Some(
                        if name = "landscape-axis" then axis
                        elif name = "truth" then field truth
                        else field values
                    ))
                (lazy None)

        must "it has modes" (fst (plane values).Value.Modes.Value >= 1)

        for wrong in [ nanf; infinityf ] do
            must $"{wrong} is judged" (plane (Array.append [| wrong |] values[1..])).IsNone)
]
