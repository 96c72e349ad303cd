/// Hands every law to xunit as a test whose name is the law's sentence and whose trait `Laws` is its file.
namespace Ebm.Tests

#nowarn "44" // xunit keeps the empty constructor, which its stored cases need, out of everyone else's reach

open System
open Xunit
open Xunit.Abstractions
open Xunit.Sdk
open Ebm.Tests.Law

/// One law as xunit's test case: named by its sentence, skipped with the reason where something is lacking.
type LawCase =
    inherit XunitTestCase

    new() = { inherit XunitTestCase() }

    new(sink, method: ITestMethod, says: string) =
        { inherit XunitTestCase(sink, TestMethodDisplay.Method, TestMethodDisplayOptions.None, method, [| box says |]) }

    member private case.Law = everywhere |> List.find (fun (_, law) -> law.Says = string case.TestMethodArguments[0])

    override case.GetDisplayName(_, _) = string case.TestMethodArguments[0]
    override case.GetSkipReason _ = (snd case.Law).Lacks() |> Option.toObj

    override case.Initialize() =
        base.Initialize()
        case.Traits.Add("Laws", Collections.Generic.List [ fst case.Law ])

type EveryLaw(sink: IMessageSink) =
    interface IXunitTestCaseDiscoverer with
        member _.Discover(_, method, _) = everywhere |> Seq.map (fun (_, law) -> new LawCase(sink, method, law.Says) :> IXunitTestCase)

[<AttributeUsage(AttributeTargets.Method); XunitTestCaseDiscoverer("Ebm.Tests.EveryLaw", "Ebm.Tests")>]
type LawsAttribute() =
    inherit FactAttribute()

type Suite() =
    [<Laws>]
    member _.``the law holds``(says: string) = everywhere |> List.find (fun (_, law) -> law.Says = says) |> snd |> World.ask
