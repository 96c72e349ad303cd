/// The compiled code of a file that is marked as independent reaches no tensor, no other process and no state that the whole process shares.
/// The search follows every call, closure and task, and every implementation of an interface that may be called.
module Ebm.Tests.Laws.IndependenceLaws

open System
open System.Collections.Generic
open System.IO
open Mono.Cecil
open Ebm.Tests.Law

let private tensors = nonNull (typeof<TorchSharp.torch>.Assembly.GetName().Name)

/// The assemblies of this repository without the tensor library, and their types by name, with nested types.
let private types =
    lazy
        (let rec withNested (t: TypeDefinition) : TypeDefinition list =
            t
            :: [
                for inner in t.NestedTypes do
                    yield! withNested inner
            ]

         let files =
             Directory.GetFiles(AppContext.BaseDirectory, "*.dll")
             |> Array.filter (fun file ->
                 let name = nonNull (Path.GetFileNameWithoutExtension file)
                 (name.StartsWith "Ebm." || name = "Lab") && name <> tensors)

         dict [
             for file in files do
                 for t in ModuleDefinition.ReadModule(file).Types do
                     for t in withNested t -> t.FullName, t
         ])

let private nameOf (reference: TypeReference) = reference.GetElementType().FullName

let private ours (reference: TypeReference) =
    match types.Value.TryGetValue(nameOf reference) with
    | true, t -> Some t
    | _ -> None

/// The types that inherit or implement a type of this repository, directly or indirectly.
let private heirs =
    lazy
        (let rec ancestors (t: TypeDefinition) = [
            for reference in Seq.append (Option.toList (Option.ofObj t.BaseType)) (t.Interfaces |> Seq.map _.InterfaceType) do
                match ours reference with
                | Some ancestor ->
                    ancestor.FullName
                    yield! ancestors ancestor
                | None -> ()
         ]

         [
             for t in types.Value.Values do
                 for ancestor in List.distinct (ancestors t) -> ancestor, t
         ]
         |> List.groupBy fst
         |> List.map (fun (ancestor, pairs) -> ancestor, List.map snd pairs)
         |> Map.ofList)

/// State that the whole process shares. A culture belongs to a thread, and these functions of the C library to a file.
let private disturbs (reference: MemberReference) =
    let name = $"{nameOf reference.DeclaringType}.{reference.Name}"
    let isTensor =
        match reference.DeclaringType.GetElementType().Scope with
        | null -> false
        | scope -> scope.Name = tensors || scope.Name = tensors + ".dll"
    let isSetter =
        match reference with
        | :? MethodReference as method -> not method.HasThis && method.Name.StartsWith "set_" && (ours method.DeclaringType).IsNone
        | _ -> false

    match name with
    | "System.Globalization.CultureInfo.set_CurrentCulture"
    | "System.Globalization.CultureInfo.set_CurrentUICulture" -> None
    | "System.Diagnostics.Process.Start"
    | "System.Environment.SetEnvironmentVariable"
    | "System.Environment.Exit"
    | "System.IO.Directory.SetCurrentDirectory"
    | "System.Console.SetOut"
    | "System.Console.SetError"
    | "System.Console.SetIn"
    | "System.AppContext.SetSwitch"
    | "System.Runtime.InteropServices.PosixSignalRegistration.Create"
    | "System.Runtime.InteropServices.NativeLibrary.Load"
    | "System.Runtime.InteropServices.NativeLibrary.TryLoad" -> Some name
    | _ when isTensor || isSetter -> Some name
    | _ -> None

let private harmless = set [ "open"; "close"; "fsync"; "mkdir"; "statx" ]

let private isInitial (method: MethodDefinition) =
    method.IsConstructor && method.IsStatic || method.DeclaringType.FullName.StartsWith "<StartupCode$"

/// A field that any thread may write, except the compiler's own (cached delegates).
let private isShared (field: FieldDefinition) =
    not (field.CustomAttributes |> Seq.exists (fun a -> a.AttributeType.Name = nameof ThreadStaticAttribute))
    && not (field.DeclaringType.Name.StartsWith "<>")

/// Everything shared that the methods reach, each with the calls that lead there.
let private disturbed (roots: MethodDefinition seq) =
    let seen = HashSet<string>()
    let waiting = Queue<MethodDefinition * string list>()
    let found = Dictionary<string, string list>()
    let reach way (method: MethodDefinition) = if seen.Add method.FullName then waiting.Enqueue(method, way)
    let find way what = found.TryAdd(what, List.rev way) |> ignore

    let initials way (t: TypeDefinition) = t.Methods |> Seq.filter isInitial |> Seq.iter (reach way)
    // A constructed object may be called through every interface that it implements.
    let made way (t: TypeDefinition) = t.Methods |> Seq.filter _.IsVirtual |> Seq.iter (reach way)

    let call way (reference: MethodReference) (t: TypeDefinition) =
        initials way t

        if reference.Name = ".ctor" then made way t

        for method in t.Methods do
            if method.Name = reference.Name && method.Parameters.Count = reference.Parameters.Count then
                reach way method

                if method.IsVirtual then
                    for heir in heirs.Value.TryFind t.FullName |> Option.defaultValue [] do
                        for implementation in heir.Methods do
                            if implementation.Name = method.Name || implementation.Name.EndsWith("." + method.Name) then
                                reach way implementation

    let field way (within: MethodDefinition) (code: Cil.OpCode) (reference: FieldReference) (t: TypeDefinition) =
        initials way t

        if code = Cil.OpCodes.Stsfld && not (isInitial within) then
            for field in t.Fields do
                if field.Name = reference.Name && isShared field then find way $"a value for {t.FullName}.{field.Name}"

    Seq.iter (reach []) roots

    while waiting.Count > 0 do
        let method, way = waiting.Dequeue()
        let way = method.FullName :: way

        if method.IsPInvokeImpl then
            let library, entry = method.PInvokeInfo.Module.Name, method.PInvokeInfo.EntryPoint
            if not (library = "libc" && harmless.Contains entry) then find way $"{entry} of {library}"

        if method.HasBody then
            // The state machine of a task is a struct without a constructor call.
            for variable in method.Body.Variables do
                if variable.VariableType.IsValueType then ours variable.VariableType |> Option.iter (made way)

            for step in method.Body.Instructions do
                match step.Operand with
                | :? MemberReference as reference when not (isNull reference.DeclaringType) ->
                    match disturbs reference, ours reference.DeclaringType, reference with
                    | Some what, _, _ -> find way what
                    | None, Some t, (:? MethodReference as reference) -> call way reference t
                    | None, Some t, (:? FieldReference as reference) -> field way method step.OpCode reference t
                    | _ -> ()
                | _ -> ()

    List.ofSeq found

/// The methods of a file: of its module, its closures and its initialisation.
let private methodsOf (file: string) = [
    for t in types.Value.Values do
        let outermost = (t.FullName.Split '/')[0]
        if outermost = $"Ebm.Tests.Laws.{file}" || outermost = $"<StartupCode$Ebm-Tests>.{file}" then yield! t.Methods
]

let private isIndependent file =
    for found in disturbed (methodsOf file) do
        let way = found.Value |> List.map (sprintf "\n    %s") |> String.concat ""
        broken $"{file} is marked as independent, but reaches {found.Key} by these calls:{way}"

/// Several ways to reach an environment variable, one for each kind of call.
type private IWay =
    abstract Go: unit -> unit

module private Ways =
    let set () = Environment.SetEnvironmentVariable("EBM_NOBODY", "")
    let private way = {
        new IWay with
            member _.Go() = set ()
    }
    let mutable private last = 0
    let call () = set ()
    let closure () = List.iter (fun _ -> set ()) [ 1 ]
    let iterator () = seq { set () } |> Seq.length |> ignore
    let task' () = (task { set () }).Wait()
    let async' () = async { set () } |> Async.RunSynchronously
    let object' () = way.Go()
    let behind (way: IWay) = way.Go()
    let comparison () =
        List.sortWith
            (fun (a: int) b ->
                set ()
                compare a b)
            [ 1; 2 ]
        |> ignore
    let value () = last <- last + 1
    let nothing () = List.sum [ 1; 2 ] |> ignore

let private comesToNothing way =
    let methods = [
        for t in types.Value.Values do
            if t.FullName.StartsWith "Ebm.Tests.Laws.IndependenceLaws/Ways" then
                for method in t.Methods do
                    if method.Name = way then method
    ]

    must $"there is no {way}" (not methods.IsEmpty)
    must $"{way} disturbs something" (disturbed methods).IsEmpty

let all = [
    law "independent laws reach no tensor, no process and no state of the whole process" (fun () ->
        let files = everywhere () |> List.filter _.IsIndependent |> List.map _.File |> List.distinct
        must "no file is independent" (not files.IsEmpty)
        List.iter isIndependent files)
    |> breaks "a file that computes" (fun () -> isIndependent "KernelLaws")
    |> breaks "a file that starts processes" (fun () -> isIndependent "DocsLaws")
    |> breaks "a file that leads the console elsewhere" (fun () -> isIndependent "VerbLaws")

    [
        nameof Ways.call
        nameof Ways.closure
        nameof Ways.iterator
        nameof Ways.task'
        nameof Ways.async'
        nameof Ways.object'
        nameof Ways.behind
        nameof Ways.comparison
        nameof Ways.value
    ]
    |> List.fold
        (fun law way -> law |> breaks $"one by way of {way}" (fun () -> comesToNothing way))
        (law "a function that reaches no shared state is distinguished from one that does" (fun () -> comesToNothing (nameof Ways.nothing)))
]
