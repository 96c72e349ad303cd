/// Searches: points that fill a cube evenly, an estimator that learns from its trials, and a journal that makes a search repeatable.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.SearchLaws

open System
open System.IO
open Ebm.Sweeps
open Ebm.Sweeps.Values
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// Each of 2^k equal parts of the unit interval contains one of 2^k numbers.
let private stratified what (points: float list) =
    let parts = points |> List.map (fun u -> int (u * float points.Length)) |> List.sort
    must $"{what}: the parts are %A{parts}" (parts = [ 0 .. points.Length - 1 ])

let private everyLine (point: int -> float[]) count =
    for dimension in 0 .. Sobol.dimensions - 1 do
        stratified $"dimension {dimension}" [ for i in 0 .. count - 1 -> (point i)[dimension] ]

let private space: Search = {
    Trials = 50
    Batch = 5
    Seed = 3L
    Space = [
        "lr", Between(1e-5, 1e-1, true, false)
        "steps", Between(1.0, 40.0, false, true)
        "start", Among [ Text "data"; Text "noise" ]
    ]
}

/// Lowest at lr = 1e-3, steps = 12, start = data.
let private loss (at: float[]) =
    match List.mapi (fun i (_, range) -> Sobol.valueAt range at[i]) space.Space with
    | [ Float lr; Int steps; Text start ] ->
        (Math.Log10 lr + 3.0) ** 2.0 + (float steps / 12.0 - 1.0) ** 2.0 + (if start = "data" then 0.0 else 1.0)
    | _ -> nan

let private searched (propose: Search -> int -> Tpe.Trial list -> float[]) seed =
    let search = { space with Seed = int64 seed }

    ([], [ 0 .. search.Trials - 1 ])
    ||> List.fold (fun known index ->
        let at = propose search index (List.rev known)
        { Tpe.At = at; Tpe.Value = Some(loss at) } :: known)
    |> List.rev

let private bestOf (trials: Tpe.Trial list) = trials |> List.map _.Value.Value |> List.min

/// In at least 28 of 41 searches, the best trial is better than the best of as many Sobol points.
let private wins propose =
    [ 0..40 ]
    |> List.filter (fun seed -> bestOf (searched propose seed) < bestOf (searched (fun search i _ -> Sobol.point search.Seed 3 i) seed))
    |> List.length

// By chance, 28 or more of 41 have odds of 1.4 %.
let private learns propose =
    let wins = wins propose
    must $"it wins {wins} of 41" (wins >= 28)

let rec private going folder =
    Search.tell folder space (fun settings ->
        let value (key: string) = (settings |> List.find (fun (text: string) -> text.StartsWith(key + "="))).Substring(key.Length + 1)
        Some((Math.Log10(float (value "lr")) + 3.0) ** 2.0 + float (value "steps") / 40.0))

    if (Search.trials folder space).Length < space.Trials then
        Search.ask folder space
        going folder

let private bytes folder = [ for file in Directory.GetFiles folder |> Array.sort -> File.ReadAllText file ]

let all = [
    law "each coordinate of a Sobol sequence is stratified: each of 2^k equal parts contains one of 2^k numbers, for every seed" (fun () ->
        for seed in [ 0L; 7L ] do
            for count in [ 2; 8; 64 ] do
                everyLine (Sobol.point seed Sobol.dimensions) count)
    |> breaks "random numbers" (fun () ->
        let random = Random 1
        let points = Array.init 64 (fun _ -> Array.init Sobol.dimensions (fun _ -> random.NextDouble()))
        everyLine (fun i -> points[i]) 64)

    law "in the first two dimensions of a Sobol sequence, every elementary rectangle of area 2^-k contains one of 2^k points" (fun () ->
        for k in 1..5 do
            for a in 0..k do
                let columns, rows = 1 <<< a, 1 <<< (k - a)
                let cells = [
                    for i in 0 .. (1 <<< k) - 1 -> let p = Sobol.point 2L 2 i in int (p[0] * float columns), int (p[1] * float rows)
                ]
                must $"2^{k} points in {columns} × {rows}" ((List.distinct cells).Length = cells.Length))

    law "sobol draws in the given scale, whole numbers with both ends, and choices evenly" (fun () ->
        match (Overrides.parse "s=sobol(64, train.lr=log(1e-5,1e-1), n=int(interval(1,4)), k=[a,b])").Setting with
        | Some(Together [ "train.lr", rates; "n", counts; "k", kinds ]) ->
            let below =
                rates
                |> List.filter (function
                    | Float x -> x < 1e-3
                    | _ -> false)
                |> List.length
            must $"{below} of 64 rates are in the lower half of the decades" (below = 32)
            must "whole numbers" (counts |> List.countBy id |> List.sort = [ for n in 1L .. 4L -> Int n, 16 ])
            must "choices" (kinds |> List.countBy id |> List.sort = [ Text "a", 32; Text "b", 32 ])
        | other -> broken $"%A{other}")

    law "the estimator finds better settings than as many evenly spread points" (fun () -> learns Tpe.propose)
    |> breaks "proposals that forget what was found" (fun () -> learns (fun search i _ -> Sobol.point (search.Seed + 1000L) 3 i))

    law "a search that is repeated, or interrupted anywhere and continued, makes the same proposals, which its journal records" (fun () ->
        inFolder (fun folder ->
            let at (name: string) = (Directory.CreateDirectory(Path.Combine(folder, name))).FullName
            going (at "once")
            let due = bytes (at "once")
            going (at "again")
            must "another search" (bytes (at "again") = due)
            let journal = Path.GetFileName(Directory.GetFiles(at "once")[0])
            let text = due.Head

            for cut in [ text.Length / 7; text.Length / 3; text.Length - 2 ] do
                let folder = at $"cut {cut}"
                File.WriteAllText(Path.Combine(folder, nonNull journal), text.Substring(0, cut))
                going folder
                must
                    $"cut at {cut} of {text.Length}, it makes other proposals"
                    (Search.asked folder space = Search.asked (at "once") space)))
    |> breaks "another seed" (fun () ->
        inFolder (fun folder ->
            going folder
            must "the same" (Search.asked folder { space with Seed = 4L } = Search.asked folder space)))

    law "a search has its sweep's name before its first run, and its trials are planned runs as soon as they are proposed" (fun () ->
        inFolder (fun folder ->
            let setup = { Sweeping.setup folder with Name = None }
            let plan () =
                Plan.plan setup (Sweeping.typed [ "experiment=rings"; "seed=0,1"; "s=tpe(6, train.lr=log(1e-4,1e-2), batch=2)" ])
            let first = plan ()
            must $"{first.Sweep} has {first.Runs.Length} runs" (first.Sweep = "rings" && first.Runs.IsEmpty && first.Searches.Length = 1)
            must "it says nothing of the runs to come" (first.Foreseen.Length = 2)
            Search.ask first.Folder first.Searches.Head
            let runs = (plan ()).Runs
            must $"{runs.Length} runs" (runs.Length = 4 && (runs |> List.distinctBy _.Spec.Train.Lr |> List.length) = 2)))
]
