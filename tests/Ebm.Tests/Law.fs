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

/// For a hundred random arguments, the same ones every time.
let forAll says (property: 'a -> bool) =
    law says (fun () ->
        try
            Check.One(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithReplay(20260101UL, 1UL), property)
        with
        | Broken _ -> reraise ()
        | e -> broken e.Message: unit)

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

/// Every law of the assembly: those of each module under `Laws`, which ends in `all`.
let everywhere: (string * Law) list =
    let modules =
        Reflection.Assembly.GetExecutingAssembly().GetTypes()
        |> Seq.filter (fun t -> t.Namespace = "Ebm.Tests.Laws" && isNull t.DeclaringType)
        |> Seq.sortBy _.Name

    let laws = [
        for t in modules do
            match t.GetProperty "all" with
            | null -> failwith $"{t.Name} has no `all`: a file of laws ends in the list of them"
            | all ->
                for law in nonNull (all.GetValue null) :?> Law list do
                    t.Name, law
    ]

    match laws |> List.countBy (fun (_, law) -> law.Says) |> List.filter (fun (_, n) -> n > 1) with
    | [] -> laws
    | twice -> failwith $"two laws say the same: {fst twice.Head}"
