/// Wrong configs, given to the command as a user types it: one sentence, exit code 2, and no run starts.
module Ebm.Tests.Laws.ConfigLaws

open System
open System.IO
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// The declared sweep of the script.
let private sweep = Declare.sweep "laws" |> Declare.given "experiment=rings"

/// The output and exit code of the command, with a copy of the project's configs in which some files are replaced.
let private told (files: (string * string) list) (arguments: string list) =
    let mutable result = 0, "", ""

    inFolder (fun folder ->
        let scripts = Path.Combine(folder, "experiments")

        for file in Directory.GetFiles(under "experiments/configs", "*", SearchOption.AllDirectories) do
            let copy = Path.Combine(scripts, Path.GetRelativePath(under "experiments", file))
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName copy)) |> ignore
            File.Copy(file, copy)

        for name, text in files do
            File.WriteAllText(Path.Combine(scripts, "configs", name), text)

        use says = new StringWriter()
        use complains = new StringWriter()
        let out, error = Console.Out, Console.Error
        Console.SetOut says
        Console.SetError complains

        try
            let code = Cli.main scripts sweep [ yield! arguments; "--runs"; Path.Combine(folder, "runs"); "--name"; "laws" ]
            result <- code, complains.ToString(), says.ToString()
        finally
            Console.SetOut out
            Console.SetError error

        if Directory.Exists(Path.Combine(folder, "runs")) then broken $"something was started: {complains}")

    result

/// The command fails with exit code 2 and one sentence that contains all parts.
let private refused (files: (string * string) list) (arguments: string list) (parts: string list) =
    let code, complaint, _ = told files arguments
    must $"exit code {code}: {complaint}" (code = 2)
    let lines = complaint.Split('\n', StringSplitOptions.RemoveEmptyEntries)
    must $"{lines.Length} lines:\n{complaint}" (lines.Length = 1)
    let sentence = lines[0].Trim()
    must $"no full stop: {sentence}" (sentence.EndsWith '.')

    for part in parts do
        must $"\"{part}\" is missing in: {sentence}" (sentence.Contains part)

let private method' text = [ "method/joint-cd.yaml", text ]
let private energy = "energy: { kind: level-mlp }\nnoise: { kind: variance-preserving }\n"
let private place line key = $"configs/method/joint-cd.yaml, line {line}, {key}: "

/// Mistakes: name, changed files, arguments, and parts of the message.
let private wrong: (string * (string * string) list * string list * string list) list = [
    "an unknown kind",
    method' ("kind: joint-dc\n" + energy),
    [],
    [ place 1 "kind"; "\"joint-dc\" is not known here"; "did you mean joint-cd?" ]
    "a misspelt key",
    method' ("kind: joint-cd\n" + energy + "stpes: 4\n"),
    [],
    [ place 4 "stpes"; "joint-cd has no such setting"; "did you mean steps?" ]
    "a wrong type", method' ("kind: joint-cd\n" + energy + "steps: many\n"), [], [ place 4 "steps"; "a whole number"; "\"many\"" ]
    "a key twice", method' ("kind: joint-cd\n" + energy + "steps: 4\nsteps: 5\n"), [], [ place 5 "steps"; "twice"; "line 4" ]
    "a negative step", method' ("kind: joint-cd\n" + energy + "step: -0.1\n"), [], [ place 4 "step"; "must be positive"; "-0.1" ]
    "a missing key", method' "kind: joint-cd\nenergy: { kind: level-mlp }\n", [], [ "configs/method/joint-cd.yaml, line 1"; "noise" ]
    "a missing option file", [], [ "method=joint-dc" ], [ "command line, \"method=joint-dc\""; "did you mean joint-cd?" ]
    "a missing file in a list of defaults",
    [ "experiment/rings.yaml", "# @package _global_\ndefaults:\n  - override /data: rigns\n" ],
    [],
    [ "configs/experiment/rings.yaml, line 3"; "rigns"; "did you mean rings?" ]
    "one value among five hundred",
    [],
    [ "train.batch=" + String.Join(',', [ for i in 1..500 -> if i = 417 then 0 else i ]) ],
    [ "batch must be positive; 0 is not allowed" ]
    "an empty axis", [], [ "method.steps=choice()" ], [ "command line, \"method.steps=choice()\""; "steps" ]
    "a tab", method' "kind: joint-cd\nenergy:\n\tkind: level-mlp\n", [], [ "configs/method/joint-cd.yaml, line 3"; "tab" ]
    "yes for true", method' ("kind: joint-cd\n" + energy + "adjusted: yes\n"), [], [ place 4 "adjusted"; "write true" ]
    "a value that no key has", [], [ "method.noise.low=x" ], [ "command line, \"method.noise.low=x\": low is a number; \"x\" is not one." ]
    "a misspelt key on the command line", [], [ "method.stpes=3" ], [ "command line, \"method.stpes=3\""; "did you mean" ]
    "a group's option that a value cannot be", [], [ "data=ring" ], [ "command line, \"data=ring\""; "did you mean rings?" ]
    "an interpolation in a circle",
    [ "train/short.yaml", "steps: ${train.batch}\nbatch: ${train.steps}\n" ],
    [],
    [ "configs/train/short.yaml, line 1, steps"; "train.steps → train.batch → train.steps" ]
    "an interpolation of nothing",
    [ "train/short.yaml", "steps: ${train.stpes}\n" ],
    [],
    [ "configs/train/short.yaml, line 1"; "train.stpes" ]
    "an option that no verb has", [], [ "--wrokers=2" ], [ "--wrokers"; "--workers" ]
    "a net that is another method's", [], [ "method=joint-cd"; "energy=conv" ], [ "configs/energy/conv.yaml, line 2, kind"; "level-conv" ]
    "a group that the method does not have",
    [],
    [ "method=flow"; "energy=conv" ],
    [ "command line, \"energy=conv\""; "generator@method.net" ]
    "a GPU that is not there", [], [ "device=cuda:7" ], [ "cuda:7" ]
    "a kind that belongs to another role",
    method' "kind: joint-cd\nenergy: { kind: variance-preserving }\nnoise: { kind: variance-preserving }\n",
    [],
    [ place 2 "kind"; "variance-preserving" ]
    "a mapping where a number belongs",
    method' ("kind: joint-cd\n" + energy + "steps: { kind: x }\n"),
    [],
    [ place 4 "steps"; "a whole number" ]
]

/// The runs that a command line plans, by their ids, in order.
let private planned (arguments: string list) =
    let code, complaint, says = told [] ("plan" :: "--json" :: arguments)
    must $"exit code {code}: {complaint}" (code = 0)
    use json = Text.Json.JsonDocument.Parse says
    [ for run in json.RootElement.GetProperty("runs").EnumerateArray() -> nonNull (run.GetProperty("id").GetString()) ]

let private counted (arguments: string list) due =
    let found = (planned arguments).Length
    let said = String.concat " " arguments
    must $"{said} makes {found} runs where {due} were due" (found = due)

/// The files that experiments read; a plan looks at their headers.
let private files =
    Map [
        "images", "mnist/train-images-idx3-ubyte.gz"
        "mnist", "mnist/train-images-idx3-ubyte.gz"
        "parkinsons", "uci/parkinsons_updrs.data"
        "red-wine", "uci/winequality-red.csv"
        "table", "uci/winequality-red.csv"
        "white-wine", "uci/winequality-white.csv"
    ]

/// A data root with files of CIFAR-10 and CelebA that have the right names and sizes, and nothing in them: a plan reads no more.
let private hollow (asked: string -> unit) =
    inFolder (fun root ->
        let made name (bytes: int64) =
            let path = Path.Combine(root, name)
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
            use file = File.Create path
            file.SetLength bytes
        for name in [ for i in 1..5 -> $"data_batch_{i}.bin" ] @ [ "test_batch.bin" ] do
            made $"cifar-10-batches-bin/{name}" 30_730_000L
        made "celeba/img_align_celeba/000001.jpg" 1L
        File.WriteAllText(Path.Combine(root, "celeba/list_eval_partition.txt"), "000001.jpg 0\n")
        asked root)

/// An experiment is planned as it is, apart from the place of its files.
let private isValid (name: string) =
    if name.StartsWith "cifar10-" || name.StartsWith "celeba64-" then
        hollow (fun root -> counted [ $"experiment={name}"; "--data"; root ] 1)
    // The sources contain no folder of pictures.
    elif name = "images" then
        counted [ "experiment=images"; "data.kind=mnist" ] 1
    else
        counted [ $"experiment={name}" ] 1

let all = [
    for name, files, arguments, parts in wrong do
        law $"{name} gives one sentence with its place and exit code 2, and no run starts" (fun () ->
            refused files ("run" :: arguments) parts)

    for file in Directory.GetFiles(under "experiments/configs/experiment") |> Array.sort do
        let name = nonNull (Path.GetFileNameWithoutExtension file)
        let valid = law $"the project's config {name} is valid" (fun () -> isValid name)
        files.TryFind name |> Option.map (fun file -> needsData file valid) |> Option.defaultValue valid

    law "every net, generator and noise schedule of a group is given to some method by one word" (fun () ->
        let configs = Configs.Configs(under "experiments/configs")
        let catalog = Catalog.Load []

        let takes word method' =
            try
                let document, _ = EveryMethod.composed [ $"method={method'}"; word ]
                catalog.Build<ISpec<Method>>(document, "method") |> ignore
                true
            with :? ConfigException ->
                false

        for group in [ "energy"; "generator"; "noise" ] do
            for option in configs.Options group do
                let word = $"{group}={option}"
                must $"no method takes {word}" (configs.Options "method" |> List.exists (takes word)))

    law "axes are multiplied, seeds counted, zipped keys vary together, and a union leaves out duplicates" (fun () ->
        counted [ "method.steps=2,4,8"; "seed=0,1" ] 6
        counted [ "seed=seeds(5)" ] 5
        counted [ "train.lr=logrange(1e-4,1e-2,3)"; "method.rounds=range(1,4)" ] 9
        counted [ "pair=zip(method.steps=[2,4,8], method.rounds=[1,2,3])"; "seed=0,1" ] 6
        counted [ "seed=0,1"; "--or"; "seed=1,2" ] 3
        counted [ "method.steps=4,4" ] 1
        counted [ "data=rings,gaussians"; "method=joint-cd" ] 2)

    law "planning depends only on the command line: the same runs in the same order, the last axis fastest" (fun () ->
        let arguments = [ "method.steps=2,4"; "seed=0,1,2" ]
        let runs = planned arguments
        must "it differs from itself" (planned arguments = runs)
        let seeds = runs |> List.map (fun id -> (id.Split("-s")[1]).Split('-')[0])
        must $"%A{seeds}" (seeds = [ "0"; "1"; "2"; "0"; "1"; "2" ]))

    law "filtering commutes with sharding, and the shards together contain every run once" (fun () ->
        let arguments = [ "method.steps=2,4,8"; "seed=0,1,2" ]
        let all = planned arguments
        let shards = [ for i in 1..3 -> planned (arguments @ [ $"--shard={i}/3" ]) ]
        must "a run is missing or there twice" (List.sort (List.concat shards) = List.sort all)
        let fitting = planned (arguments @ [ "--where=method.steps >= 4 && seed in {0..1}" ])
        must $"{fitting.Length} fit where 4 were due" (fitting.Length = 4)
        let both = [ for i in 1..3 -> planned (arguments @ [ $"--shard={i}/3"; "--where=method.steps >= 4 && seed in {0..1}" ]) ]
        must "it does not commute" (List.sort (List.concat both) = List.sort fitting))
]
