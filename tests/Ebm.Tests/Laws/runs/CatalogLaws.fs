/// The catalog: valid configs, the messages for invalid ones, and the identity of what they describe.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.CatalogLaws

open System
open System.IO
open Ebm.Core
open Ebm.Methods
open Ebm.Records
open Ebm.Runs
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private catalog = lazy (Catalog.Load [])
let private file = "experiments/configs/method/x.yaml"
let private parse text = Document.Parse(text, file)

let private good = "kind: joint-cd\nenergy: { kind: level-mlp, width: 16 }\nnoise: { kind: variance-preserving, low: 0.05 }\nsteps: 4\n"

let private build (document: Document) = catalog.Value.Build<ISpec<Method>>(document, "method")
let private kinds = lazy (catalog.Value.Kinds typeof<ISpec<Method>> |> String.concat ", ")

let private keys (t: Type) =
    (t.GetConstructors()[0]).GetParameters() |> Array.map (fun p -> Kebab.Case(nonNull p.Name)) |> String.concat ", "

/// The whole message, word for word.
let private says (due: string) (document: Document) =
    try
        build document |> ignore
        broken $"no error instead of \"{due}\""
    with :? ConfigException as e ->
        must $"\"{e.Message}\"\ninstead of\n\"{due}\"" (e.Message = due)

let private edited (path: string) (argument: string) (value: obj) =
    (parse good).With(path, Document.From(value, Source.CommandLine argument))

let private experiment (text: string) =
    catalog.Value.Resolve<ExperimentSpec>(
        Document.Parse(
            $"data: {{ kind: gaussians }}\nmethod: {{ kind: joint-cd, energy: {{ kind: level-mlp }}, noise: {{ kind: variance-preserving }} }}\n{text}",
            "x.yaml"
        )
    )

let private idOf text = (Identity.Of (experiment text).Identity).RunId

let all = [
    law "the message for an unknown kind has the file, the line, the known kinds and a suggestion" (fun () ->
        parse (good.Replace("joint-cd", "joint-dc"))
        |> says $"{file}, line 1, kind: \"joint-dc\" is not known here; known are {kinds.Value} (did you mean joint-cd?).")

    law "the message for an unknown key has the file, the line, the known keys and a suggestion" (fun () ->
        parse (good.Replace("steps", "stpes"))
        |> says $"{file}, line 4, stpes: joint-cd has no such setting; it has {keys typeof<JointCdSpec>} (did you mean steps?).")

    law "the message for a wrong type on the command line has the argument, the wanted type and the value" (fun () ->
        edited "noise.low" "method.noise.low=x" "x" |> says "command line, \"method.noise.low=x\": low is a number; \"x\" is not one.")

    law "the message for a value that a record rejects has the place where it was written" (fun () ->
        parse (good.Replace("steps: 4", "steps: 0"))
        |> says $"{file}, line 4, steps: steps must be between 1 and 100000; 0 is not allowed."
        edited "step" "method.step=-1" -1.0 |> says "command line, \"method.step=-1\": step must be positive; -1 is not allowed.")

    law
        "other mistakes have messages too: a missing kind, a text for a mapping, an unknown choice, yes for true, 1.5 for a whole number"
        (fun () ->
            let refused (parts: string list) (text: string) = throws<ConfigException, _> (file :: parts) (fun () -> build (parse text))
            refused [ "line 1, kind"; "missing"; "joint-cd" ] "steps: 4"
            refused [ "line 2, energy"; "{ kind: level-mlp }" ] "kind: joint-cd\nenergy: level-mlp\n"
            refused [ "line 5, start"; "data, persistent, hybrid or noise"; "did you mean hybrid?" ] (good + "start: hybird\n")
            refused [ "line 5, adjusted"; "true or false"; "write true" ] (good + "adjusted: yes\n")
            refused [ "line 5, rounds"; "whole number"; "1.5" ] (good + "rounds: 1.5\n")
            refused [ "line 1"; "energy" ] "kind: joint-cd\nnoise: { kind: variance-preserving }\n")

    law "any value of a setting is accepted or rejected with a message" (fun () ->
        let awkward = [
            "null"
            "true"
            "-1"
            "1e400"
            "0"
            "3.5"
            ".nan"
            "-.inf"
            "x"
            "''"
            "[]"
            "[1, x]"
            "{}"
            "{ kind: x }"
            "{ kind: level-mlp }"
            "9223372036854775807"
        ]

        for setting in (typeof<JointCdSpec>.GetConstructors()[0]).GetParameters() do
            for value in awkward do
                let lines = good.Split('\n') |> Array.filter (fun l -> not (l.StartsWith(Kebab.Case(nonNull setting.Name) + ":")))
                let text = String.Join("\n", lines) + $"{Kebab.Case(nonNull setting.Name)}: {value}\n"

                try
                    build (parse text) |> ignore
                with
                | :? ConfigException as e -> must e.Message (e.Message.StartsWith file && e.Message.EndsWith '.')
                | e -> broken $"{setting.Name}: {value}: {e.GetType().Name}: {e.Message}")

    law "the resolved config contains every default, and resolves to itself" (fun () ->
        let once = (experiment "seed: 3").Document
        let again = catalog.Value.Resolve<ExperimentSpec>(once).Document
        must "it changed" (again.ToYaml() = once.ToYaml())
        for path in
            [
                "train.lr"
                "train.optimizer.kind"
                "train.schedule.kind"
                "measure.samples"
                "method.steps"
                "method.energy.width"
                "method.noise.low"
                "device"
                "threads"
            ] do
            must $"{path} is missing" (not (isNull (once.Find path))))

    law "a run's id depends on its config, but not on the order of keys, omitted defaults, or the notation of numbers" (fun () ->
        let id = idOf "seed: 0"
        must
            "keys in another order"
            (id =
                (Identity.Of(
                    catalog.Value
                        .Resolve<ExperimentSpec>(
                            Document.Parse(
                                "seed: 0\nmethod: { noise: { kind: variance-preserving }, energy: { kind: level-mlp }, kind: joint-cd }\ndata: { kind: gaussians }",
                                "y.yaml"
                            )
                        )
                        .Identity
                ))
                    .RunId)
        must "defaults written out" (id = idOf "seed: 0\ntrain: { lr: 1e-3, batch: 256 }")
        must "the seed left out" (id = idOf "")
        must "another spelling of a number" (idOf "train: { lr: 0.01 }" = idOf "train: { lr: 1.0e-2 }")
        must "a whole number for a float" (idOf "train: { clip: 5 }" = idOf "train: { clip: 5.0 }")
        must
            $"{id} is not data, method, seed and twelve digits"
            (Text.RegularExpressions.Regex.IsMatch(id, "^gaussians-joint-cd-s0-[0-9a-f]{12}$")))

    law "the id depends on the settings that affect the result, and on no others" (fun () ->
        let id = idOf ""
        for other in [ "seed: 1"; "train: { lr: 2e-3 }"; "train: { steps: 10 }"; "train: { record-every: 7 }"; "matmul: medium" ] do
            must $"{other} has the same id" (idOf other <> id)
        for same in [ "matmul: highest"; "threads: 2"; "device: cuda:0"; "measure: { samples: 7 }"; "logging: { progress: 3 }" ] do
            must $"{same} has another id" (idOf same = id)
        let group text = (Identity.Of (experiment text).Identity).GroupId
        must "seeds of one group must share the group's id" (group "seed: 1" = group "seed: 2")
        must "two groups must have two ids" (group "train: { lr: 2e-3 }" <> group ""))

    law "an additional assembly is found, and a file that is not an assembly is rejected with its path" (fun () ->
        inFolder (fun folder ->
            let path = Path.Combine(folder, "my.dll")
            throws<ConfigException, _> [ "--with"; path; "no such file" ] (fun () -> Catalog.Load [ path ])
            File.WriteAllText(path, "not an assembly")
            throws<ConfigException, _> [ path; "not a .NET assembly" ] (fun () -> Catalog.Load [ path ])
            throws<ConfigException, _> [ "[Kind(" ] (fun () -> Catalog.Load [ typeof<YamlDotNet.Core.Parser>.Assembly.Location ])
            let lab = Path.Combine(AppContext.BaseDirectory, "Lab.dll")
            must "the additional method is missing" ((Catalog.Load [ lab ]).Kinds typeof<ISpec<Method>> |> Seq.contains "moving-mean")
            must "it must not be known without --with" (not (catalog.Value.Kinds typeof<ISpec<Method>> |> Seq.contains "moving-mean"))))

    law "every kind and every setting has a doc comment" (fun () ->
        let missing = [
            for role in
                [
                    typeof<ISpec<Method>>
                    typeof<ISpec<IDataset>>
                    typeof<ISpec<IMetric>>
                    typeof<ISpec<NoiseSchedule>>
                    typeof<ILevelEnergySpec>
                    typeof<TrainSpec>
                    typeof<MeasureSpec>
                    typeof<IOptimizer>
                ] do
                for kind in catalog.Value.Describe role do
                    if not (kind.Kind.StartsWith "law-") then
                        if kind.Doc = "" then $"{kind.Kind} ({role.Name})"
                        for setting in kind.Settings do
                            if setting.Doc = "" && setting.Wants.StartsWith "a number" then $"{kind.Kind}.{setting.Key}"
        ]

        must (String.concat ", " missing) missing.IsEmpty)
]
