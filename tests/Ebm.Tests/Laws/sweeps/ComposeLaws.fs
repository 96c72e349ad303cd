/// Composition: the config of a run from groups, defaults lists and overrides, and the source of each value.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.ComposeLaws

open System.IO
open Ebm.Records
open Ebm.Sweeps.Values
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Tests.Law
open Ebm.Tests.Folder

let private tree = [
    "sweep",
    "defaults:\n  - data: a\n  - method: m\n  - optional tuned: ${data}-${method}\n  - optional experiment: null\n  - _self_\nseed: 0\n"
    "data/a", "kind: a\nsize: 1\nshared: data\n"
    "data/b", "kind: b\nsize: 2\n"
    "method/m", "defaults: [ energy: small, _self_ ]\nkind: m\nsteps: 4\nenergy: { depth: 9 }\n"
    "method/energy/small", "kind: small\nwidth: 8\ndepth: 3\n"
    "method/energy/large", "kind: large\nlayers: 40\n"
    "experiment/e", "# What it is about.\n# @package _global_\ndefaults: [ override /data: b ]\nmethod: { steps: 5 }\n"
    "tuned/b-m", "# @package _global_\nmethod: { rate: 0.5 }\n"
]

/// The config that overrides compose from the tree with some files replaced.
let private composed (files: (string * string) list) (arguments: string list) (holds: Composed -> unit) =
    inFolder (fun folder ->
        for name, text in tree @ files do
            let path = Path.Combine(folder, name + ".yaml")
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
            File.WriteAllText(path, text)

        let overrides = [
            for argument in arguments do
                let given = parse argument

                given,
                match given.Setting with
                | Some(One value) -> Some value
                | _ -> None
        ]

        holds (Composer(Configs folder, "sweep").Compose overrides))

let private gives (files: (string * string) list) (arguments: string list) (due: string) =
    composed files arguments (fun composed ->
        let due = Document.Parse(due, "due")
        must $"{composed.Config}\nwhere\n{due}\nwas due" (composed.Config = due))

let private refuses (files: (string * string) list) (arguments: string list) (parts: string list) =
    throws<ConfigException, unit> parts (fun () -> composed files arguments ignore)

/// An experiment and `tuned` for its data and method that both name the steps, below the repository's own list.
let private tuned = [
    "sweep", File.ReadAllText(under "experiments/configs/sweep.yaml")
    "data/rings", "kind: rings\n"
    "data/b", "kind: b\n"
    "method/joint-cd", "kind: joint-cd\nsteps: 4\n"
    "train/short", "steps: 100\nrate: 1\n"
    "measure/exact-2d", "samples: 9\n"
    "experiment/e", "# @package _global_\ndefaults: [ override /data: b ]\nmethod: { steps: 5 }\n"
    "experiment/alone", "# @package _global_\ndefaults: [ override /data: b, override /tuned: null ]\nmethod: { steps: 5 }\n"
    "tuned/b-joint-cd", "# @package _global_\nmethod: { steps: 7, noise: 2 }\ntrain: { steps: 200 }\n"
]

let private tunes (files: (string * string) list) (arguments: string list) steps noise train =
    let noise = if noise = "" then "" else $", noise: {noise}"
    gives
        (tuned @ files)
        arguments
        $"{{ data: {{ kind: b }}, method: {{ kind: joint-cd, steps: {steps}{noise} }}, train: {{ steps: {train}, rate: 1 }}, measure: {{ samples: 9 }}, seed: 0, device: cpu }}"

let private energy = "energy: { kind: small, width: 8, depth: 9 }"

let all = [
    law "groups are merged at their names, and a file's keys win over those of the files that it names" (fun () ->
        gives [] [] $"{{ data: {{ kind: a, size: 1, shared: data }}, method: {{ kind: m, steps: 4, {energy} }}, seed: 0 }}")
    |> breaks "the named file wins" (fun () ->
        gives
            [ "method/m", "defaults: [ _self_, energy: small ]\nkind: m\nsteps: 4\nenergy: { depth: 9 }\n" ]
            []
            $"{{ data: {{ kind: a, size: 1, shared: data }}, method: {{ kind: m, steps: 4, {energy} }}, seed: 0 }}")

    law "an experiment overrides the choice of another list, and `tuned` uses the final choices" (fun () ->
        gives [] [ "experiment=e" ] $"{{ data: {{ kind: b, size: 2 }}, method: {{ kind: m, steps: 5, rate: 0.5, {energy} }}, seed: 0 }}")

    law
        "the settings for data and a method win over the groups', an experiment's values over them, and the command line's over all"
        (fun () ->
            tunes [] [ "data=b" ] 7 "2" 200
            tunes [] [ "experiment=e" ] 5 "2" 200
            tunes [] [ "experiment=e"; "method.steps=9"; "train.steps=300" ] 9 "2" 300
            tunes [] [ "experiment=alone" ] 5 "" 100)
    |> breaks "a list with `tuned` after the experiment" (fun () ->
        let list = snd tuned.Head
        let swapped =
            list
                .Replace("- optional experiment: null", "- experiment")
                .Replace("- optional tuned: ${data}-${method}", "- optional experiment: null")
        tunes [ "sweep", swapped.Replace("- experiment", "- optional tuned: ${data}-${method}") ] [ "experiment=e" ] 5 "2" 200)

    law "the command line wins over the overrides of an experiment" (fun () ->
        gives
            []
            [ "experiment=e"; "data=a" ]
            $"{{ data: {{ kind: a, size: 1, shared: data }}, method: {{ kind: m, steps: 5, {energy} }}, seed: 0 }}")

    law "packages: a group at another name, a global header, and a header with a path" (fun () ->
        gives
            [ "sweep", "defaults: [ data@here.below: a, method/energy: small, extra: x ]\n"; "extra/x", "# @package put.there\nv: 1\n" ]
            []
            "{ here: { below: { kind: a, size: 1, shared: data } }, method: { energy: { kind: small, width: 8, depth: 3 } }, put: { there: { v: 1 } } }")

    law "a group is added, deleted, or set to no option" (fun () ->
        gives [] [ "~data"; "method=null" ] "{ seed: 0 }"
        gives [] [ "~data=a"; "~method"; "+data@other=b" ] "{ other: { kind: b, size: 2 }, seed: 0 }"
        refuses [] [ "~data=b" ] [ "~data=b"; "data is a, not b" ]
        refuses [] [ "+data=b" ] [ "already choose an option of data" ])

    law "the error for a missing option names the known options; a missing optional one is left out" (fun () ->
        refuses [] [ "data=aa" ] [ "command line, \"data=aa\""; "Known options: a, b"; "did you mean a?" ]
        refuses [] [ "experiment=ee" ] [ "Unknown option \"ee\" of experiment"; "did you mean e?" ]
        refuses [ "sweep", "defaults: [ dta: a ]\n" ] [] [ "sweep.yaml, line 1"; "did you mean data?" ]
        refuses [ "experiment/e", "defaults: [ e ]\n" ] [ "experiment=e" ] [ "includes itself" ])

    law
        "a group inside another option is overridden by its name and package, or by its name if it occurs once, and wins over later settings"
        (fun () ->
            let files = [
                "net/small", "kind: small\nwidth: 8\n"
                "net/large", "kind: large\nlayers: 40\n"
                "method/m", "defaults: [ _self_, /net@energy: small ]\nkind: m\nenergy: { kind: small, depth: 9 }\n"
                "tuned/a-m", "# @package _global_\nmethod: { energy: { kind: small, width: 2 } }\n"
            ]
            let both = ("method/m", "defaults: [ _self_, /net@energy: small, /net@critic: small ]\nkind: m\n") :: List.removeAt 2 files
            let gives files arguments energy =
                gives files arguments $"{{ data: {{ kind: a, size: 1, shared: data }}, method: {{ kind: m, {energy} }}, seed: 0 }}"
            let large = "energy: { kind: large, layers: 40 }"
            gives files [] "energy: { kind: small, depth: 9, width: 2 }"
            gives files [ "net=large" ] large
            gives files [ "net@method.energy=large" ] large
            gives files [ "method.energy.layers=7"; "net=large" ] "energy: { kind: large, layers: 7 }"
            gives
                (("experiment/e", "# @package _global_\ndefaults: [ override /net@method.energy: large ]\n") :: List.removeAt 3 files)
                [ "experiment=e" ]
                large
            gives both [ "net@method.critic=large" ] "energy: { kind: small, width: 2 }, critic: { kind: large, layers: 40 }"
            refuses both [ "net=large" ] [ "occurs several times, as net@method.critic, net@method.energy; write net@method.critic=large" ]
            refuses files [ "net@method.enrgy=large" ] [ "no defaults list names net@method.enrgy"; "net@method.energy" ]
            refuses files [ "net=lrge" ] [ "Unknown option \"lrge\" of net"; "did you mean large?" ])

    law "a mapping whose kind changes is replaced, and overrides for the new kind stay" (fun () ->
        gives
            []
            [ "method.energy.layers=7"; "method.energy.kind=large" ]
            "{ data: { kind: a, size: 1, shared: data }, method: { kind: m, steps: 4, energy: { kind: large, layers: 7 } }, seed: 0 }"

        gives
            []
            [ "method/energy=large" ]
            "{ data: { kind: a, size: 1, shared: data }, method: { kind: m, steps: 4, energy: { kind: large, layers: 40, depth: 9 } }, seed: 0 }")

    law "set, added, forced, deleted: mappings merge, lists and scalars are replaced" (fun () ->
        let data text = $"{{ data: {text}, seed: 0 }}"
        gives [] [ "~method"; "data={size: 5}" ] (data "{ kind: a, size: 5, shared: data }")
        gives [] [ "~method"; "data.size=[1,2]"; "+data.new=1.0" ] (data "{ kind: a, size: [1, 2], shared: data, new: 1.0 }")
        gives [] [ "~method"; "++data.size=3"; "~data.shared" ] (data "{ kind: a, size: 3 }")
        refuses [] [ "+data.size=3" ] [ "data.size already exists"; "a.yaml, line 2" ]
        refuses [] [ "~data.sizes" ] [ "data.sizes does not exist"; "did you mean size?" ])

    law "an interpolation keeps its target's type, resolves relative paths, and must not be circular" (fun () ->
        let data text = $"{{ data: {text}, seed: 0 }}"

        gives
            [ "data/a", "size: 1\nsame: ${data.size}\nbeside: ${.size}\nup: ${..seed}\ntext: n${.size}-${seed}\nplain: \\${x}\n" ]
            [ "~method" ]
            (data "{ size: 1, same: 1, beside: 1, up: 0, text: n1-0, plain: \"${x}\" }")

        gives [ "data/a", "v: ${oc.env:EBM_NOT_SET_ANYWHERE,1e-3}\nw: ${oc.select:no.where,x}\n" ] [ "~method" ] (data "{ v: 1e-3, w: x }")
        refuses [ "data/a", "one: ${data.other}\nother: ${data.one}\n" ] [ "~method" ] [ "refers to itself"; "line 1" ]
        refuses [ "data/a", "size: 1\none: ${data.sice}\n" ] [ "~method" ] [ "names a key that the config does not have"; "data.size" ]
        refuses [ "data/a", "one: ${now:x}\n" ] [ "~method" ] [ "Unknown resolver now" ])

    law "a value ??? must be given, and does not replace a given value" (fun () ->
        refuses [ "data/a", "size: ???\n" ] [] [ "a.yaml, line 1, size"; "write data.size=value" ]
        gives [ "data/a", "size: ???\n" ] [ "~method"; "data.size=3" ] "{ data: { size: 3 }, seed: 0 }"
        gives [ "sweep", "defaults: [ data: b, _self_ ]\ndata: { size: ??? }\n" ] [] "{ data: { kind: b, size: 2 } }")

    law "every value has the place where it was written" (fun () ->
        composed [] [ "experiment=e"; "method.energy.width=16" ] (fun composed ->
            let from (path: string) = string (composed.Config.Get path).Source

            for path, due in
                [
                    "data.size", "data/b.yaml, line 2"
                    "method.steps", "experiment/e.yaml, line 4"
                    "method.rate", "tuned/b-m.yaml, line 2"
                    "method.energy.depth", "method/m.yaml, line 4"
                    "method.energy.width", "command line, \"method.energy.width=16\""
                    "seed", "sweep.yaml, line 7"
                ] do
                must $"{path} comes from {from path} instead of {due}" ((from path).EndsWith due)))
]
