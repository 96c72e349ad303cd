/// A test is a law: a sentence, a check that it holds, planted errors that the check must detect, and what it needs from the machine.
module Ebm.Tests.Law

open System
open FsCheck
open FsCheck.FSharp

/// A law does not hold.
exception Broken of says: string with
    override this.Message = this.says

type Law = {
    Says: string
    Holds: unit -> unit
    /// Planted errors, by name. A law must fail on each of them.
    Planted: (string * (unit -> unit)) list
    /// Why the law cannot run on this machine; it is then skipped with this reason and does not count as passed.
    Lacks: unit -> string option
}

let law says holds = { Says = says; Holds = holds; Planted = []; Lacks = fun () -> None }

/// Adds a planted error, on which the law must fail.
let breaks error asked law = { law with Planted = law.Planted @ [ error, asked ] }

/// Skips the law if something is lacking.
let needs (lacks: unit -> string option) law = { law with Lacks = fun () -> law.Lacks() |> Option.orElseWith lacks }

let broken says : 'a = raise (Broken says)

/// Fails with the sentence unless it holds.
let must says holds = if not holds then broken says

/// The start of FsCheck's random numbers; a size, if given, selects one case directly.
type Seed = {
    Value: uint64
    Gamma: uint64
    Size: int option
} with

    override seed.ToString() =
        match seed.Size with
        | Some size -> $"{seed.Value},{seed.Gamma},{size}"
        | None -> $"{seed.Value},{seed.Gamma}"

    static member Of(value, gamma) = { Value = value; Gamma = gamma; Size = None }

let usualSeed = Seed.Of(20260101UL, 1UL)

/// The value of `test --seed`, at which every property then starts. It is set before the first law runs.
let mutable seed: Seed option = None

/// Checks a property for random arguments, the same ones every time unless `test --seed` gives another start. A failure prints the start.
let fromSeed (own: Seed) (change: Config -> Config) property =
    let start = seed |> Option.defaultValue own
    let replay: Replay = { Rnd = Rnd(start.Value, start.Gamma); Size = start.Size }

    try
        Check.One((change (Config.QuickThrowOnFailure.WithQuietOnSuccess true)).WithReplay(Some replay), property)
    with error ->
        broken
            $"{error.Message.TrimEnd()}\nThe seed was {start}: `dotnet fsi build.fsx test --only \"part of the sentence\" --seed {start}`"

/// Checks a property for a hundred random arguments.
let forAll says (property: 'a -> bool) = law says (fun () -> fromSeed usualSeed id property)

/// The call throws exactly this exception, whose message has all the parts.
let throws<'e, 'a when 'e :> exn> (parts: string list) (call: unit -> 'a) =
    let thrown =
        try
            call () |> ignore
            None
        with e ->
            Some e

    match thrown with
    | None -> broken $"nothing was thrown; {typeof<'e>.Name} was expected"
    | Some(:? 'e as e) ->
        match parts |> List.filter (e.Message.Contains >> not) with
        | [] -> ()
        | missing ->
            let quoted = missing |> List.map (sprintf "\"%s\"") |> String.concat ", "
            broken $"{typeof<'e>.Name} does not contain {quoted}; its message is \"{e.Message}\""
    | Some e -> broken $"{e.GetType().Name} was thrown instead of {typeof<'e>.Name}: {e.Message}"

/// Runs the law, then checks that it detects each planted error.
let ask law =
    law.Holds()

    for error, asked in law.Planted do
        let noticed =
            try
                asked ()
                false
            with Broken _ ->
                true

        must $"the law does not detect a planted error: {error}" noticed

/// Marks a file of laws that may run at the same time as others. Such laws use no tensor, start no process, and change no process-wide
/// state; a law checks this (IndependenceLaws.fs). Laws without this mark run one at a time.
[<AttributeUsage(AttributeTargets.Class)>]
type IndependentAttribute() =
    inherit Attribute()

type Placed = { File: string; IsIndependent: bool; Law: Law }

/// Every law of the assembly: the list `all` of each module under `Laws`.
let everywhere () : Placed list =
    let modules =
        Reflection.Assembly.GetExecutingAssembly().GetTypes()
        |> Seq.filter (fun t -> t.Namespace = "Ebm.Tests.Laws" && isNull t.DeclaringType)
        |> Seq.sortBy _.Name

    let laws = [
        for t in modules do
            match t.GetProperty "all" with
            | null -> failwith $"{t.Name} has no `all`: a file of laws ends with their list"
            | all ->
                let isIndependent = t.IsDefined(typeof<IndependentAttribute>, false)

                for law in nonNull (all.GetValue null) :?> Law list do
                    { File = t.Name; IsIndependent = isIndependent; Law = law }
    ]

    match laws |> List.countBy _.Law.Says |> List.filter (fun (_, n) -> n > 1) with
    | [] -> laws
    | twice -> failwith $"two laws have the same sentence: {fst twice.Head}"
