/// The number of seeds that tells rows apart, for normal differences whose answer is known.
module Ebm.Tests.Laws.PowerLaws

open System
open System.IO
open System.Text.Json
open MathNet.Numerics.Distributions
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

let private uniform (generator: Generator) = (float (generator.Next() >>> 11) + 0.5) / 9007199254740992.0
let private normal (generator: Generator) = Normal.InvCDF(0.0, 1.0, uniform generator)

let private trials = 2000
/// Standard errors of a share of trials that a check allows: a law of eight checks fails by chance once in a thousand runs at most.
let private errors = 4.0
let private error (share: float) = errors * sqrt (share * (1.0 - share) / float trials)

/// The share of trials in which the sign-flip test finds differences with this mean, in standard deviations.
let private found (among: int) (effect: float) (seeds: int) =
    let generator = Generator.Of("laws", $"{among}/{effect}/{seeds}")

    let hits =
        Seq.init trials (fun _ -> Array.init seeds (fun _ -> effect + normal generator))
        |> Seq.filter (fun differences -> Significance.signFlip generator differences <= Significance.level / float among)
        |> Seq.length

    float hits / float trials

/// The number of seeds has the wanted power by brute force, and two seeds fewer have not more than it.
let private suffices wanted (among: int) effect (seeds: int) =
    let power = found among effect seeds
    must $"{seeds} seeds have a power of {power} for an effect of {effect}" (power >= wanted - error wanted)
    let least = Significance.pairsNeeded among

    if seeds - 2 >= least then
        let fewer = found among effect (seeds - 2)
        must $"{seeds - 2} seeds have a power of {fewer} for an effect of {effect} already" (fewer <= wanted + error wanted)

let private needed among effect wanted = Seeds.needed among effect wanted |> Option.get

let private shared, private own = 0.2, 0.01

/// A sweep of two rows whose values share the noise of their seed.
let private complete folder (seeds: int) =
    let generator = Generator.Of("laws", "rows")
    let noise = [| for _ in 1..seeds -> shared * normal generator |]

    completed folder [ "experiment=rings"; "method.steps=2,4"; $"seed=seeds({seeds})" ] (fun _ run ->
        1.0 + noise[int run.Spec.Seed] + own * normal generator)
    |> ignore

let private rowOf folder =
    let code, says, complains = told folder [ "power"; "--metric"; "grid-kl"; "--difference"; "0.02"; "--json" ]
    must $"exit code {code}: {complains}" (code = 0)
    use json = JsonDocument.Parse says
    let data = json.RootElement.GetProperty("data")[0]
    let row = data.GetProperty("rows")[0]
    row.GetProperty("sd").GetDouble(),
    row.GetProperty("seeds").GetInt32(),
    row.GetProperty("seeds-at-most").GetInt32(),
    data.GetProperty("at-most").GetProperty("runs").GetInt32(),
    data.GetProperty("at-most").GetProperty("seconds").GetDouble()

/// The values of the two rows, by seed.
let private values folder =
    match fst (ReportFiles.tableOf (Path.Combine(folder, "runs", "laws"))) with
    | None -> broken "there is no table"
    | Some table ->
        match [ for row in table.Rows -> row.Cells["grid-kl"].Values ] with
        | [ one; two ] -> one, two
        | rows -> broken $"there are {rows.Length} rows"

let private sd (values: float list) =
    let mean = List.average values
    sqrt ((values |> List.sumBy (fun value -> (value - mean) ** 2.0)) / float (values.Length - 1))

/// The standard deviation that the verb prints is this one.
let private usesSd (expected: float list -> float list -> float) =
    inFolder (fun folder ->
        complete folder 8
        let printed, _, _, _, _ = rowOf folder
        let one, two = values folder
        let due = expected one two
        must $"{printed} is not {due}" (abs (printed - due) < 1e-9))

let all = [
    law "the seeds for a normal difference are those of the paired t-test in the literature, or up to two more" (fun () ->
        // Of 80 % at level .05, two-sided: Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988; noncentral t.
        for effect, due in [ 0.3, 90; 0.5, 34; 0.8, 15; 1.0, 10 ] do
            let seeds = needed 1 effect 0.8
            must $"{seeds} seeds for an effect of {effect}, where the t-test needs {due}" (seeds >= due - 1 && seeds <= due + 2))
    |> breaks "the t-test's power at one seed fewer than the least" (fun () -> must "34" (Seeds.ofStudent 0.05 0.5 20 >= 0.8))

    law "the power of the number of seeds is the wanted one by brute force, with and without Holm" (fun () ->
        for among, effect, wanted in [ 1, 0.8, 0.8; 3, 0.8, 0.8; 1, 1.2, 0.9; 5, 1.5, 0.8 ] do
            suffices wanted among effect (needed among effect wanted))
    |> breaks "Holm's factor left out" (fun () -> suffices 0.8 5 0.8 (needed 1 0.8 0.8))
    |> breaks "a variance of half the size" (fun () -> suffices 0.8 1 0.8 (needed 1 (0.8 * sqrt 2.0) 0.8))

    law "no number of seeds is below the fewest with which the test can be significant at all" (fun () ->
        for among in 1..6 do
            let seeds = needed among 100.0 0.8
            must $"{seeds} seeds of {among} tests" (seeds = Significance.pairsNeeded among))

    law "the upper limit of a standard deviation is above the true one in four samples of five" (fun () ->
        let generator = Generator.Of("laws", "upper")

        for count in [ 3; 5; 10 ] do
            let above =
                Seq.init trials (fun _ -> [ for _ in 1..count -> normal generator ])
                |> Seq.filter (fun sample -> Seeds.upper count (sd sample) >= 1.0)
                |> Seq.length

            let share = float above / float trials
            must $"{share} of samples of {count}" (abs (share - 0.8) <= error 0.8))

    law "the verb uses the differences over common seeds" (fun () -> usesSd (fun one two -> sd (List.map2 (-) one two)))
    |> breaks "the variance of unpaired rows" (fun () -> usesSd (fun one two -> sqrt (sd one ** 2.0 + sd two ** 2.0)))

    law "the verb's estimate is below its limit, costs as the pilot runs did, and its text fits in 100 columns" (fun () ->
        inFolder (fun folder ->
            complete folder 4
            let _, seeds, most, runs, seconds = rowOf folder
            must $"{seeds} and {most}" (seeds >= 6 && most >= seeds)
            must $"{runs} runs in {seconds} s" (runs = 2 * (most - 4) && seconds = 36.0 * float runs)
            let _, says, _ = told folder [ "power"; "--metric"; "grid-kl"; "--ratio"; "0.98" ]
            let widest = says.Split '\n' |> Array.map _.Length |> Array.max
            must $"{widest} columns:\n{says}" (widest <= 100)
            must says (says.Contains "fewer than 6 seeds cannot be significant")))

    law "the verb leaves out imported rows, which are no pairs, and counts them in Holm's factor" (fun () ->
        inFolder (fun folder ->
            complete folder 6
            let file = Path.Combine(folder, "theirs.csv")
            File.WriteAllLines(file, "method,seed,from,grid-kl" :: [ for seed in 0..5 -> $"theirs,{seed},a paper,0.0{seed + 1}" ])
            let code, _, complains = told folder [ "import"; file ]
            must complains (code = 0)
            let code, says, complains = told folder [ "power"; "--metric"; "grid-kl"; "--ratio"; "0.9"; "--json" ]
            must complains (code = 0)
            use json = JsonDocument.Parse says
            let data = json.RootElement.GetProperty("data")[0]
            must says (data.GetProperty("tests").GetInt32() = 2 && data.GetProperty("rows").GetArrayLength() = 1)
            must says (not ((string (data.GetProperty "against")).Contains "theirs"))))

    law "the verb says when no run has finished, and when the other rows are imported" (fun () ->
        let refuses folder arguments (part: string) =
            let code, _, complains = told folder ([ "power"; "--ratio"; "0.9" ] @ arguments)
            must $"{code}: {complains}" (code = 2 && complains.Contains part && complains.Trim().Split('\n').Length = 1)

        inFolder (fun folder ->
            complete folder 6

            for run in RunFolder.Under(Path.Combine(folder, "runs")) do
                let was = nonNull run.Manifest

                run.Write(
                    RunManifest(
                        State = RunState.Failed,
                        RunId = was.RunId,
                        GroupId = was.GroupId,
                        SweepId = was.SweepId,
                        ConfigSha256 = was.ConfigSha256,
                        Seed = was.Seed
                    )
                )

                run.Remove "metrics.json"

            refuses folder [] "has finished")

        inFolder (fun folder ->
            complete folder 6
            let file = Path.Combine(folder, "theirs.csv")
            File.WriteAllLines(file, "method,seed,from,grid-kl" :: [ for seed in 0..5 -> $"theirs,{seed},a paper,0.0{seed + 1}" ])
            let code, _, complains = told folder [ "import"; file ]
            must complains (code = 0)
            let code, _, complains = told folder [ "retire"; "--where"; "method.steps == 4"; "--because"; "the disk was full" ]
            must complains (code = 0)
            refuses folder [ "--metric"; "grid-kl" ] "apart from 1 imported row"))

    law "the verb refuses two seeds, a missing difference, and values that mean nothing, in one sentence" (fun () ->
        inFolder (fun folder ->
            complete folder 2

            for arguments, part in
                [
                    [ "--metric"; "grid-kl"; "--ratio"; "0.9" ], "2 seeds in common with method.steps="
                    [ "--metric"; "grid-kl" ], "--ratio"
                    [ "--metric"; "grid-kl"; "--ratio"; "1" ], "other than 1"
                    [ "--metric"; "grid-kl"; "--ratio"; "NaN" ], "positive number"
                    [ "--metric"; "grid-kl"; "--difference"; "0" ], "other than 0"
                    [ "--metric"; "grid-kl"; "--ratio"; "0.9"; "--power"; "2" ], "below 1"
                    [ "--metric"; "grid-k"; "--ratio"; "0.9" ], "did you mean grid-kl"
                    [ "--ratio"; "0.9" ], "--metric"
                ] do
                let code, _, complains = told folder ("power" :: arguments)
                must $"{code}: {complains}" (code = 2 && complains.Contains part && complains.Trim().Split('\n').Length = 1)))
]
