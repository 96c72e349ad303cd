/// A test is a law: a value with a sentence. It says what is true, how to ask, which planted errors it must notice, and what it lacks here.
module Ebm.Tests.Law

open System
open FsCheck
open FsCheck.FSharp

/// What a law says does not hold.
exception Broken of says: string with
    override this.Message = this.says

type Law = {
    Says: string
    Holds: unit -> unit
    /// Errors planted on purpose, by name. A law that does not break on each of them does not count as a law.
    Planted: (string * (unit -> unit)) list
    /// Why the law cannot be asked here: it is then skipped with this reason, and never passed.
    Lacks: unit -> string option
}

let law says holds = { Says = says; Holds = holds; Planted = []; Lacks = fun () -> None }

/// The same law asked of something wrong: it must break.
let breaks error asked law = { law with Planted = law.Planted @ [ error, asked ] }

/// Asked only where nothing is lacking.
let needs (lacks: unit -> string option) law = { law with Lacks = fun () -> law.Lacks() |> Option.orElseWith lacks }

let broken says : 'a = raise (Broken says)

/// Holds, or breaks with the sentence.
let must says holds = if not holds then broken says

/// Where FsCheck's random numbers start; the size, if there is one, leads straight to one case of many.
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

/// What `test --seed` gives: then every property starts there. It is set before the first law is asked.
let mutable seed: Seed option = None

/// Checks a property for random arguments: the same ones every time, unless `test --seed` gives another start. A failure names the start.
let fromSeed (own: Seed) (change: Config -> Config) property =
    let start = seed |> Option.defaultValue own
    let replay: Replay = { Rnd = Rnd(start.Value, start.Gamma); Size = start.Size }

    try
        Check.One((change (Config.QuickThrowOnFailure.WithQuietOnSuccess true)).WithReplay(Some replay), property)
    with error ->
        broken
            $"{error.Message.TrimEnd()}\nThe seed was {start}: `dotnet fsi build.fsx test --only \"part of the sentence\" --seed {start}`"

/// For a hundred random arguments.
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
    | None -> broken $"nothing was thrown; {typeof<'e>.Name} was due"
    | Some(:? 'e as e) ->
        match parts |> List.filter (e.Message.Contains >> not) with
        | [] -> ()
        | missing ->
            let quoted = missing |> List.map (sprintf "\"%s\"") |> String.concat ", "
            broken $"{typeof<'e>.Name} does not say {quoted}; it says \"{e.Message}\""
    | Some e -> broken $"{e.GetType().Name} was thrown where {typeof<'e>.Name} was due: {e.Message}"

/// Asks the law, then whether it notices each planted error.
let ask law =
    law.Holds()

    for error, asked in law.Planted do
        let noticed =
            try
                asked ()
                false
            with Broken _ ->
                true

        must $"the law does not notice a planted error: {error}" noticed

/// A file of laws that disturb nobody and that nobody disturbs, so that others are asked at the same time. Such laws reach no tensor, start no
/// process, and change nothing that a process has only once; a law says so (IndependenceLaws.fs). Without this mark a law is asked alone.
[<AttributeUsage(AttributeTargets.Class)>]
type IndependentAttribute() =
    inherit Attribute()

type Placed = { File: string; IsIndependent: bool; Law: Law }

/// Every law of the assembly: those of each module under `Laws`, which ends in `all`.
let everywhere () : Placed list =
    let modules =
        Reflection.Assembly.GetExecutingAssembly().GetTypes()
        |> Seq.filter (fun t -> t.Namespace = "Ebm.Tests.Laws" && isNull t.DeclaringType)
        |> Seq.sortBy _.Name

    let laws = [
        for t in modules do
            match t.GetProperty "all" with
            | null -> failwith $"{t.Name} has no `all`: a file of laws ends in the list of them"
            | all ->
                let isIndependent = t.IsDefined(typeof<IndependentAttribute>, false)

                for law in nonNull (all.GetValue null) :?> Law list do
                    { File = t.Name; IsIndependent = isIndependent; Law = law }
    ]

    match laws |> List.countBy _.Law.Says |> List.filter (fun (_, n) -> n > 1) with
    | [] -> laws
    | twice -> failwith $"two laws say the same: {fst twice.Head}"
