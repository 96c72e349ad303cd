/// A sweep trains once what several of its runs would train: while one of them trains, the others wait, and its plan, its forecast and its
/// shards know it.
module Ebm.Tests.Laws.SharingLaws

open System
open System.IO
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

/// Three values of a setting of generation, for two seeds: six runs, two trainings.
let private words = [ "experiment=rings"; "method=joint-cd"; "method.sample-steps=5,6,7"; "seed=0,1" ]

/// A substitute for the runner that ticks when it begins, before it ends, and as the first run of its seed trains in between.
let private runner =
    """#!/bin/sh
folder=$2
ticks="$folder/../../ticks"
end() { sed "s/\"state\": *\"[a-z]*\"/\"state\": \"$1\"/" "$folder/manifest.json" > "$folder/.m.$$" && mv "$folder/.m.$$" "$folder/manifest.json"; }
seed=$(sed 's/.*"seed":\([0-9]*\).*/\1/' "$folder/config.json")
echo "$seed begins" >> "$ticks"
end running
echo "progress 1 10 train"
if [ -e "$ticks.$seed" ]; then
  echo "progress 1 10 sample"
  echo . >> "$ticks.drawing.$seed"
  WAIT
else
  sleep 0.1
  echo > "$ticks.$seed"
fi
echo "$seed ends" >> "$ticks"
end completed
"""

let private alone = runner.Replace("WAIT", ":")

/// Draws until the other run that takes the training draws, too.
let private together = runner.Replace("WAIT", "while [ $(wc -l < \"$ticks.drawing.$seed\") -lt 2 ]; do sleep 0.02; done")

/// Trains until another run of its seed has begun.
let private twice = alone.Replace("sleep 0.1", "while [ $(grep -c \"$seed begins\" \"$ticks\") -lt 2 ]; do sleep 0.02; done")

/// A launch of the six runs; what happened, in order.
let private launchedAs (change: Plan.PlannedRun -> Plan.PlannedRun) script (holds: Child.Outcome list -> (string * string) list -> unit) =
    inFolder (fun folder ->
        let plan = planned (runsOf folder) (typed words)
        use _ = Hold.take plan.Folder Hold.Whole

        let settings = {
            Launch.defaults (executable folder script) with
                Workers = 4
                Timeout = Some(TimeSpan.FromSeconds 60.0)
                OnError = Launch.Continue
        }

        let outcomes, _ = Launch.launch settings (jobs { plan with Runs = List.map change plan.Runs }) (Silent())

        holds outcomes [
            for line in File.ReadAllLines(Path.Combine(runsOf folder, "ticks")) do
                match line.Split ' ' with
                | [| seed; what |] -> seed, what
                | _ -> ()
        ])

let private launched script holds = launchedAs id script holds

let private beforeTheOthers ticks =
    for seed in [ "0"; "1" ] do
        let own = ticks |> List.filter (fst >> (=) seed) |> List.map snd
        must $"seed {seed}: %A{own}" (List.truncate 2 own = [ "begins"; "ends" ])

/// A completed run of the plan, with the training's identity, and its time.
let private complete (plan: Plan.Plan) (run: Plan.PlannedRun) =
    let at = RunFolder.Create(plan.Folder, run.Id, run.Config, run.Hashed)

    at.Write(
        RunManifest(
            State = RunState.Completed,
            RunId = run.Id,
            GroupId = run.Group,
            SweepId = "laws",
            ConfigSha256 = at.ConfigSha256,
            TrainingSha256 = run.Training,
            Timing = Timing(DateTime.UnixEpoch, Wall = 36.0, Train = 30.0)
        )
    )

let all = [
    law "while a run trains, runs with the same training wait, and other runs go first" (fun () ->
        launched alone (fun outcomes ticks ->
            must $"%A{outcomes}" (outcomes.Length = 6 && outcomes |> List.forall (fun one -> one.State = RunState.Completed))
            beforeTheOthers ticks
            let begun = ticks |> List.filter (snd >> (=) "begins") |> List.truncate 2 |> List.map fst |> List.sort
            must $"%A{begun} began first" (begun = [ "0"; "1" ])))
    |> breaks "the launch does not know that their training is the same" (fun () ->
        launchedAs (fun run -> { run with Training = run.Id }) twice (fun _ ticks -> beforeTheOthers ticks))

    law "runs that take a training draw at the same time" (fun () ->
        launched together (fun outcomes _ ->
            must
                $"%A{[ for one in outcomes -> one.State, one.Reason ]}"
                (outcomes.Length = 6 && outcomes |> List.forall (fun one -> one.State = RunState.Completed))))

    law "of runs that differ in a setting of generation, a sweep trains one, and says whose training the others took" (fun () ->
        inFolder (fun folder ->
            let plan =
                planned
                    (runsOf folder)
                    (typed [
                        "experiment=rings"
                        "method=level-classifier"
                        "method.sample-steps=2,3,4"
                        "train.steps=4"
                        "measure.samples=20"
                        "~measure.metrics"
                    ])
            use _ = Hold.take plan.Folder Hold.Whole
            let outcomes, _ = Launch.launch { Launch.defaults realRunner with Workers = 2 } (jobs plan) (Silent())
            must
                $"%A{[ for one in outcomes -> one.State, one.Reason ]}"
                (outcomes |> List.forall (fun one -> one.State = RunState.Completed))
            let first, others = outcomes |> List.partition _.TrainedBy.IsNone
            must $"{first.Length} runs trained" (first.Length = 1)

            for other in others do
                must $"{other.TrainedBy}" (other.TrainedBy = Some first.Head.Job.Run.Id)

            let status = String.Join('\n', Status.lines plan.Folder)
            let by = $"training of {first.Head.Job.Run.Id}"
            must status ((status.Split by).Length = 3)
            let code, said, _ = told folder [ "why"; others.Head.Job.Run.Id ]
            must said (code = 0 && said.Contains $"Its training is that of {first.Head.Job.Run.Id}, 4 steps")))

    law "a plan says how many trainings its runs need, and forecasts the others without training" (fun () ->
        inFolder (fun folder ->
            let plan () = planned (runsOf folder) (typed words)
            let counted (due: string) =
                let code, said, _ = told folder ("plan" :: words @ [ "--reuse"; "config" ])
                must said (code = 0 && said.Contains due)

            counted "6 runs to do with 2 trainings: runs that differ only in settings of generation share one."
            let first = plan ()
            complete first first.Runs.Head
            counted "5 runs to do with 1 training: "
            // The two others of seed 0 take six seconds each, those of seed 1 36 and twice six.
            let found = (Forecast.ofPlan (plan ())).Seconds
            must $"{found} s" (abs (found - 60.0) < 1e-9)
            let code, said, _ = told folder [ "plan"; "method=flow"; "seed=0,1" ]
            must said (code = 0 && not (said.Contains "training"))))

    law "status and page expect one training of planned runs that share it" (fun () ->
        inFolder (fun folder ->
            let plan = planned (runsOf folder) (typed words)
            let ids = [ for run in plan.Runs -> run.Id ]

            let left trainings begun =
                let trainings =
                    Ebm.Analysis.Plans.trainingsOf [ { Overrides = []; Metric = None; Baseline = []; Runs = ids; Trainings = trainings } ]
                let waiting = ids |> List.filter (fun id -> not (List.contains id begun))
                let usual = Pace.usual [ ids.Head, Timing(Wall = 36.0, Train = 30.0) ]
                let found = Pace.sweep usual [] (Pace.sharing trainings begun waiting) DateTime.UnixEpoch
                (Option.get found).Median.TotalSeconds

            let trainings = [ for run in plan.Runs -> run.Training ]
            // Two runs train, and four take what they trained.
            must $"{left trainings []} s" (abs (left trainings [] - 96.0) < 1e-9)
            must $"{left trainings [ ids.Head ]} s after one" (abs (left trainings [ ids.Head ] - 60.0) < 1e-9)
            must $"{left [] []} s without a record" (abs (left [] [] - 216.0) < 1e-9)))

    law "runs with one training are in one shard" (fun () ->
        let plan = planned "/nowhere" (typed words)

        let shard i =
            let given = CommandLine.read (Configs.Configs(under "experiments/configs")) [ "run"; "--shard"; $"{i}/2" ]
            (CommandLine.selected given plan).Runs |> List.map _.Training |> List.distinct

        let one, other = shard 1, shard 2
        must $"%A{one} %A{other}" (one.Length = 1 && other.Length = 1 && one <> other))
]
