/// Declarations of sweeps: in F#, as functions or in braces, and in YAML.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.SweepLaws

open System
open System.Globalization
open Ebm.Records
open Ebm.Sweeps
open Ebm.Sweeps.Declare
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

let private braces = sweep "laws" {
    given "experiment=rings"
    axis "method.steps" [ 2; 4; 8 ]
    zip [ column "train.lr" [ 1e-3; 1e-2 ]; column "train.clip" [ 1.0; 5.0 ] ]
    whenever "method.steps == 8" "method.rounds" [ 1; 2 ]
    where "method.steps >= 4 || train.lr == 0.001"
    seeds 2
    budget 100_000L
    metric "grid-kl" Lower
    baseline "method.steps" "8"
    union (
        sweep "more" {
            given "experiment=gaussians"
            seeds 1
        }
    )
}

let private functions =
    sweep "laws"
    |> given "experiment=rings"
    |> axis "method.steps" [ 2; 4; 8 ]
    |> zip [ column "train.lr" [ 1e-3; 1e-2 ]; column "train.clip" [ 1.0; 5.0 ] ]
    |> whenever "method.steps == 8" "method.rounds" [ 1; 2 ]
    |> where "method.steps >= 4 || train.lr == 0.001"
    |> seeds 2
    |> budget 100_000L
    |> metric "grid-kl" Lower
    |> baseline "method.steps" "8"
    |> union (sweep "more" |> given "experiment=gaussians" |> seeds 1)

let private yaml =
    """sweep: laws
given: [ experiment=rings ]
axes: { method.steps: [ 2, 4, 8 ] }
zip: [ { train.lr: [ 1e-3, 1e-2 ], train.clip: [ 1.0, 5.0 ] } ]
whenever: [ { if: method.steps == 8, axes: { method.rounds: [ 1, 2 ] } } ]
where: method.steps >= 4 || train.lr == 0.001
seeds: 2
budget: 100000
metric: { grid-kl: lower }
baseline: { method.steps: 8 }
union: [ { given: [ experiment=gaussians ], seeds: 1 } ]
"""

let private json sweep = Plan.json (planned "/nowhere" sweep)

let private samePlans (others: Sweep list) =
    let due = json braces

    for other in others do
        must "another plan" (json other = due)

let private count (sweep: Sweep) = (planned "/nowhere" sweep).Runs.Length

let private withBudgets = zip [ column "method" [ "joint-cd"; "gan"; "flow" ]; column "train.budget" [ 1000L; 2000L; 3000L ] ]

/// Methods, each with its budget, and one of them with another setting.
let private declaring =
    sweep "laws"
    |> given "data=rings"
    |> given "train.lr=1e-3"
    |> either [ withBudgets >> seeds 2; given "method=gan" >> given "train.lr=1e-2" >> seeds 1 ]

let private restrict (words: string list) =
    Restrict.under (Configs.Configs(under "experiments/configs")) (words |> List.map Overrides.parse) declaring.Parts

/// Method, budget, learning rate and seed of every run of the parts.
let private runsOf (parts: Overrides.Override list list) =
    (planned "/nowhere" { declaring with Parts = parts }).Runs
    |> List.map (fun run -> run.Choices["method"].Head, Option.ofNullable run.Spec.Train.Budget, run.Spec.Train.Lr, run.Spec.Seed)

let private restricts (parts: string list -> Overrides.Override list list) =
    let runs words = runsOf (parts words)
    let zipped name budget = [ for seed in 0L .. 1L -> name, Some budget, 1e-3, seed ]
    must "one row of a zip" (runs [ "method=joint-cd" ] = zipped "joint-cd" 1000L)
    must
        "two rows, in the order of the words"
        (runs [ "method=flow,joint-cd" ] |> List.map (fun (name, _, _, _) -> name) |> List.distinct = [ "flow"; "joint-cd" ])
    must "a row and another part" (runs [ "method=gan" ] = zipped "gan" 2000L @ [ "gan", None, 1e-2, 0L ])
    must "with other words" (runs [ "method=joint-cd"; "seed=7"; "train.lr=1e-2" ] = [ "joint-cd", Some 1000L, 1e-2, 7L ])
    must "the later of two words" (runs [ "method=gan"; "method=joint-cd" ] = zipped "joint-cd" 1000L)
    must "a setting that is not a group" (runs [ "method=joint-cd"; "train.budget=2000" ] = zipped "joint-cd" 2000L)
    must
        "an option that is not declared"
        (runs [ "method=denoising-score"; "train.budget=9" ]
         |> List.forall (fun (name, budget, _, _) -> name = "denoising-score" && budget = Some 9L))

let private refused (parts: string list) (text: string) =
    throws<ConfigException, _> ("sweep.yaml, line" :: parts) (fun () -> SweepFile.parse text "sweep.yaml")

/// Each run of a plan compared with the plan of that run alone.
let private alone (change: Plan.PlannedRun -> Plan.PlannedRun) words =
    for run in (planned "/nowhere" (typed words)).Runs |> List.map change do
        let plan = planned "/nowhere" (typed run.Overrides)
        let single = plan.Runs.Head
        let texts (run: Plan.PlannedRun) = [ run.Id; run.Group; run.Hashed; run.Training; run.Config.ToYaml(); run.Composed.ToYaml() ]
        must
            $"{run.Id} differs from the same run alone"
            (plan.Runs.Length = 1 && texts run = texts single && run.Spec.Seed = single.Spec.Seed)

let private many = [ "experiment=rings"; "seed=3,1"; "method=joint-cd,flow"; "train.lr=1e-3,1e-2" ]

let all = [
    law "runs that differ only in their seed have the ids, configs and trainings that each has alone" (fun () ->
        alone id many
        alone id (List.rev many))
    |> breaks "a run with the documents of another seed" (fun () -> alone (fun run -> { run with Seed = run.Setting.First }) many)

    law "a value that refers to the seed follows it" (fun () ->
        for run in (planned "/nowhere" (typed [ "experiment=rings"; "train.steps=${seed}"; "seed=5,6" ])).Runs do
            must $"{run.Id} has {run.Spec.Train.Steps} steps" (run.Spec.Train.Steps = System.Nullable run.Seed))

    law "a sweep in F#, as functions or in braces, and in YAML gives the same plan, byte for byte" (fun () ->
        samePlans [ functions; SweepFile.parse yaml "sweep.yaml" ]
        let written = SweepFile.parse yaml "sweep.yaml"
        must "what decides is lost" (written.Metric = braces.Metric && written.Where = braces.Where && written.Baseline = braces.Baseline))
    |> breaks "axes in another order" (fun () ->
        samePlans [ SweepFile.parse (yaml.Replace("seeds: 2\n", "").Replace("\naxes:", "\nseeds: 2\naxes:")) "sweep.yaml" ])

    law "a plan does not depend on the culture or on the folder of the runs" (fun () ->
        let due = json braces
        let culture = CultureInfo.CurrentCulture

        try
            for name in [ "de-DE"; "tr-TR" ] do
                CultureInfo.CurrentCulture <- CultureInfo.GetCultureInfo name
                must name (json braces = due && Plan.json (planned "/elsewhere" functions) = due)
        finally
            CultureInfo.CurrentCulture <- culture)

    law
        "a grid has the product of its axes' lengths as its number of runs, a zip the length of its columns, a union the number of different runs"
        (fun () ->
            let random = Random 5

            for _ in 1..6 do
                let a, b, n = random.Next(1, 4), random.Next(1, 4), random.Next(1, 4)
                let grid = sweep "laws" |> given "experiment=rings" |> axis "method.steps" [ 1..a ] |> seeds b
                must $"{a} × {b}" (count grid = a * b)
                let zipped = zip [ column "method.rounds" [ 1..n ]; column "train.lr" [ for i in 1..n -> float i / 100.0 ] ] grid
                must $"{a} × {b} × {n} in step" (count zipped = a * b * n)
                let other = sweep "laws" |> given "experiment=rings" |> axis "method.steps" [ 2..4 ] |> seeds 2
                let both =
                    List.distinct [
                        for s in [ 1..a ] do
                            for seed in 1..b -> s, seed
                    ]
                    @ [
                        for s in 2..4 do
                            for seed in 1..2 -> s, seed
                    ]
                must $"{a} × {b} and 3 × 2" (count (union other grid) = (List.distinct both).Length))

    law "a conditional axis multiplies the runs that fit its condition, and no others" (fun () ->
        let plan =
            planned
                "/nowhere"
                (sweep "laws"
                 |> given "experiment=rings"
                 |> axis "method.steps" [ 2; 4 ]
                 |> whenever "method.steps == 4" "method.rounds" [ 1; 2; 3 ])
        let found = [
            for run in plan.Runs -> run.Config.Integer "method.steps", run.Overrides |> List.exists _.StartsWith("method.rounds=")
        ]
        must $"%A{found}" (found = [ 2L, false; 4L, true; 4L, true; 4L, true ]))

    law "glob selects the options of a group by patterns; a key that is not a group, or a pattern without a match, is an error" (fun () ->
        let methods text =
            (planned "/nowhere" (typed [ "experiment=rings"; "seed=0"; text ])).Runs |> List.map (fun run -> run.Choices["method"].Head)
        let there = Configs.Configs(under "experiments/configs").Options "method"
        let due = there |> List.filter (fun name -> name.StartsWith "contrastive-divergence" && not (name.EndsWith "jem") || name = "flow")
        must "one pattern" (methods "method=glob(f*w)" = [ "flow" ])
        must "lists" (methods "method=glob([contrastive-*,flow], exclude=*jem)" = due && due.Length > 3)
        throws<ConfigException, _> [ "train.lr is not a group"; "Known groups" ] (fun () -> methods "train.lr=glob(*)")
        throws<ConfigException, _> [ "no option of method matches" ] (fun () -> methods "method=glob(nothing*)"))

    law "options of a group that a sweep declares choose among its parts and the rows of its zips; other words replace" (fun () ->
        restricts restrict)
    |> breaks "words that replace in every part" (fun () ->
        restricts (fun words ->
            declaring.Parts |> List.map (fun part -> words |> List.map Overrides.parse |> List.fold Declare.replace part)))

    law "a sweep's condition leaves out the runs that do not fit, also in shards" (fun () ->
        let all = sweep "laws" |> given "experiment=rings" |> axis "method.steps" [ 2; 4; 8 ] |> seeds 3
        let fitting = planned "/nowhere" (all |> where "method.steps > 2" |> where "seed in {0..1}")
        must $"{fitting.Runs.Length} fit" (fitting.Runs.Length = 4)
        must "something else fits" (fitting.Runs |> List.forall (fun run -> run.Config.Integer "method.steps" > 2L && run.Spec.Seed < 2L)))

    law "the error for an invalid YAML sweep has the line" (fun () ->
        refused [ "line 2"; "axis"; "did you mean axes?" ] "sweep: s\naxis: { a: [ 1 ] }\n"
        refused [ "line 2"; "a count"; "seeds" ] "sweep: s\nseeds: many\n"
        refused [ "line 2"; "no value" ] "sweep: s\naxes: { a: [] }\n"
        refused [ "line 2"; "lower or higher" ] "sweep: s\nmetric: { kl: down }\n"
        refused [ "name is missing" ] "seeds: 3\n")
]
