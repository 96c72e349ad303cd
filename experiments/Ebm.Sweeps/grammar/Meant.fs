/// What a user of other programs may have meant: for each argument in their words, one sentence that says what to write here instead.
module Ebm.Sweeps.Meant

open System.Text.RegularExpressions
open Ebm.Records

/// Names that differ only in case and in _ for - are the same.
let private normal (name: string) = name.ToLowerInvariant().Replace('_', '-')

let private named (pairs: (string * string) list) =
    Map [
        for ours, theirs in pairs do
            for name in theirs.Split ' ' do
                name, ours
    ]

/// Our settings, and what other programs call them.
let private settings =
    named [
        "train.lr", "lr learning-rate learningrate train.learning-rate"
        "train.batch", "batch batch-size batchsize bs train.batch-size"
        "train.budget", "budget"
        "seed", "random-seed random-state manual-seed"
        "method", "model algorithm algo"
        "data", "dataset"
        "device", "gpu cuda accelerator"
        "method.energy.width", "width hidden hidden-size hidden-dim"
    ]

/// Our verbs, and what other programs call them.
let private verbs =
    named [
        "run", "train fit start launch execute sweep multirun resume continue"
        "plan", "dry-run dryrun preview"
        "measure", "eval evaluate test"
        "table", "results compare leaderboard show summary"
        "report", "html figures"
        "list", "ls options methods metrics"
        "status", "ps progress monitor"
        "stop", "kill cancel abort"
        "why", "config explain"
        "logs", "log tail"
        "audit verify", "verify check"
        "audit rerun", "rerun reproduce"
    ]

/// Our options, and what other programs call them.
let private options =
    named [
        "--workers N", "j jobs n-jobs num-workers processes parallel n-workers"
        "--runs FOLDER", "out output output-dir outdir logdir log-dir save-dir"
        "--dry-run", "n dry preview"
        "--redo all", "force overwrite rerun"
        "--sweep FILE, or experiment=NAME for an option of the group", "config config-name config-file cfg c"
        "nothing: several values already make a run for each", "m multirun"
        "nothing: the same command continues what was stopped", "resume continue restart"
        "--where EXPRESSION", "filter"
    ]

let private length value = $"the length of training is train.steps={value}, or a budget of gradient evaluations, train.budget=1000000"

/// The sentence for a setting, by its name alone.
let private ofKey (key: string) (value: string) =
    match normal key with
    | "seeds"
    | "n-seeds"
    | "num-seeds" -> Some $"a number of seeds is written seeds({value})"
    | "epochs"
    | "epoch"
    | "num-epochs"
    | "max-epochs"
    | "n-epochs"
    | "train.epochs" -> Some $"there are no epochs: {length 1000}"
    | "steps"
    | "num-steps"
    | "max-steps"
    | "iterations"
    | "iters" -> Some $"{length value}, and the steps of a method's chains are method.steps={value}"
    | "workers"
    | "num-workers"
    | "n-jobs"
    | "jobs" -> Some $"the number of runs at once is an option: --workers {value}"
    | name ->
        match settings.TryFind name with
        | Some "device" -> Some "a device is written device=cuda:0 or device=cpu"
        | Some ours when ours <> key -> Some $"write {ours}={value}"
        | _ -> None

/// The sentence for the value of a setting that takes whole numbers.
let private ofRange (key: string) (value: string) =
    let range = Regex.Match(value, @"\A[\[({]?([0-9]+)(:|-|\.\.\.?|\.\.=|…)([0-9]+)[\])}]?\z")
    let list = Regex.Match(value, @"\A[\[({]([0-9]+([ ,;]+[0-9]+)*)[\])}]\z|\A([0-9]+([ ;]+[0-9]+)+)\z")

    if range.Success && not (Regex.IsMatch(value, @"\A[0-9]+\.\.[0-9]+\z")) then
        let low, high = range.Groups[1].Value, range.Groups[3].Value
        Some $"both ends are included in {key}={low}..{high}, and the second is not in {key}=range({low},{high}); write one of them"
    elif list.Success then
        let items = Regex.Replace(value, @"[^0-9]+", " ").Trim().Replace(' ', ',')
        Some $"write {key}={items} for a run for each"
    else
        None

/// The sentence for an override.
let ofOverride (text: string) : string option =
    let cut = text.IndexOf '='
    let key, value = if cut < 0 then text, "" else text.Substring(0, cut), text.Substring(cut + 1)

    if cut = 0 then Some "an override is one word, key=value, without blanks around ="
    elif cut < 0 || Regex.IsMatch(value, @"\A(zip|sobol|tpe)[ \t]*\(") then None
    elif value.StartsWith '=' then Some $"one = is enough: {key}={value.TrimStart '='}"
    elif value.Length > 1 && value.EndsWith ',' then Some $"leave out the comma at the end: {key}={value.TrimEnd ','}"
    elif key = "launcher" then Some $"where runs execute is an option: --launcher {value}"
    elif key = "seed" then ofRange key value
    elif key = "device" && Regex.IsMatch(value, @"\A(gpu|cuda|[0-9]+)\z") then Some "a device is written device=cuda:0 or device=cpu"
    else ofKey key value

/// The sentence for an argument with dashes that is not an option here. `next` is the argument after it, and `known` are the options.
let ofOption (known: string list) (groups: string list) (argument: string) (next: string option) : string option =
    let cut = argument.IndexOf '='
    let typed = if cut < 0 then argument else argument.Substring(0, cut)
    let name = normal (typed.TrimStart '-')
    let value =
        if cut >= 0 then
            argument.Substring(cut + 1)
        else
            next |> Option.filter (fun next -> not (next.StartsWith '-' || next.Contains '=')) |> Option.defaultValue "VALUE"

    if typed <> "--" + name && List.contains ("--" + name) known then
        Some $"the option is written --{name}"
    else
        match options.TryFind name, ofKey name value with
        | Some ours, _ when ours.StartsWith "nothing: " -> Some $"leave it out, because {ours.Substring 9}"
        | Some ours, _ -> Some $"write {ours}"
        | None, Some says -> Some says
        | None, None when List.contains name groups || name = "seed" || name = "device" || name.Contains '.' ->
            Some $"settings have no dashes: {name}={value}"
        | _ -> None

/// The sentence for a word that is neither a verb nor an override. `optionsOf` has the options of a group.
let ofWord (groups: string list) (optionsOf: string -> string list) (word: string) (next: string option) : string option =
    let chosen group =
        optionsOf group |> List.tryFind (fun option -> normal option = normal word) |> Option.map (fun option -> $"{group}={option}")

    let pair = Regex.Match(word, @"\A([A-Za-z][\w.-]*):(.+)\z")

    match [ "experiment"; "method"; "data" ] |> List.tryPick chosen, verbs.TryFind(normal word), next with
    | _, _, Some next when List.contains word groups && List.contains next (optionsOf word) -> Some $"write {word}={next}"
    | Some choice, _, _ -> Some $"write {choice}"
    | _, Some verb, _ -> Some $"the verb is {verb}"
    | _ when pair.Success -> Some $"write {pair.Groups[1].Value}={pair.Groups[2].Value}"
    | _ when List.contains word groups -> Some $"write {word}=option; list {word} prints the options"
    | _ -> None
