/// The inputs of a result: a change of code, libraries or data makes it stale; a change of a comment does not.
module Ebm.Tests.Laws.InputsLaws

open System
open System.Collections.Generic
open System.IO
open System.Reflection.Metadata
open System.Reflection.Metadata.Ecma335
open System.Reflection.PortableExecutable
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Sweeping

let private core = typeof<Ebm.Core.KindAttribute>.Assembly.Location

/// A copy of an assembly with some bytes inverted.
let private altered (folder: string) (name: string) (where: PEReader -> MetadataReader -> int * int) =
    let bytes = File.ReadAllBytes core
    use image = new PEReader(new MemoryStream(Array.copy bytes))
    let start, length = where image (image.GetMetadataReader())

    for i in start .. start + length - 1 do
        bytes[i] <- ~~~bytes[i]

    let path = Path.Combine(folder, name)
    File.WriteAllBytes(path, bytes)
    path

/// The module id, which changes with every change of a source file, even of a comment.
let private moduleId (image: PEReader) (reader: MetadataReader) =
    image.PEHeaders.MetadataStartOffset + reader.GetHeapMetadataOffset HeapIndex.Guid, 16

let private debugInformation (image: PEReader) (_: MetadataReader) =
    let largest = image.ReadDebugDirectory() |> Seq.maxBy _.DataSize
    largest.DataPointer, largest.DataSize

/// One constant inside one method.
let private instruction (image: PEReader) (reader: MetadataReader) =
    let method =
        reader.MethodDefinitions
        |> Seq.map reader.GetMethodDefinition
        |> Seq.maxBy (fun m -> if m.RelativeVirtualAddress = 0 then 0 else image.GetMethodBody(m.RelativeVirtualAddress).Size)

    let section = image.PEHeaders.SectionHeaders[image.PEHeaders.GetContainingSectionIndex method.RelativeVirtualAddress]
    let offset = method.RelativeVirtualAddress - section.VirtualAddress + section.PointerToRawData
    offset + 12, 1

let private unmoved (hash: string -> string) =
    inFolder (fun folder ->
        let due = hash core
        must "the module id must not count" (hash (altered folder "id.dll" moduleId) = due)
        must "debug information must not count" (hash (altered folder "debug.dll" debugInformation) = due)
        must "an instruction must count" (hash (altered folder "code.dll" instruction) <> due))

/// A completed run in a sweep's folder, made by the code in `bin` from a file of data.
let private made (folder: string) (holds: Plan.PlannedRun -> string -> string -> (Reuse -> Plan.Plan) -> unit) =
    inFolder (fun bin ->
        File.Copy(core, Path.Combine(bin, "Ebm.Core.dll"))
        let data = Path.Combine(folder, "rows.bin")
        File.WriteAllText(data, "rows")
        let runs = Path.Combine(folder, "runs")
        let sweep = typed [ "experiment=rings" ]
        let run = (planned runs sweep).Runs.Head
        let at = RunFolder.Create(Path.GetDirectoryName run.Folder |> nonNull, run.Id, run.Config, run.Hashed)
        let code: IReadOnlyDictionary<string, string> = readOnlyDict [ "Ebm.Core", CodeHash.Of(Path.Combine(bin, "Ebm.Core.dll")) ]
        let file = DataFile("rows.bin", 4L, File.GetLastWriteTimeUtc data, Canonical.Sha256OfFile data)

        at.Write(
            RunManifest(
                State = RunState.Completed,
                RunId = run.Id,
                GroupId = run.Group,
                SweepId = "laws",
                ConfigSha256 = at.ConfigSha256,
                Build = BuildState("Release", "0", Code = code),
                Data = [| DataState("rows", "d", [| file |]) |]
            )
        )

        let plan reuse =
            let inputs = Inputs(bin, [||], folder)
            Plan.plan { setup runs with Stale = fun manifest -> Option.ofObj (inputs.Changed(manifest, reuse)) } sweep

        holds run bin data plan)

let private says state (part: string) (plan: Plan.Plan) =
    let run = plan.Runs.Head
    must $"{run.State}: {run.Reason}" (run.State = state && (string run.Reason).Contains part)

let private fresh (plan: Plan.Plan) = says RunState.Completed "" plan

let all = [
    law
        "an assembly's code is its types and instructions: its module id and debug information, which comments change, do not count"
        (fun () -> unmoved CodeHash.Of)
    |> breaks "the hash of the file" (fun () -> unmoved Canonical.Sha256OfFile)

    law "a completed run is stale when its code has changed, and the reason names the assembly; the user chooses what counts" (fun () ->
        inFolder (fun folder ->
            made folder (fun _ bin _ plan ->
                fresh (plan Reuse.Exact)
                File.Copy(altered folder "code.dll" instruction, Path.Combine(bin, "Ebm.Core.dll"), true)
                says RunState.Stale "the code of Ebm.Core has changed" (plan Reuse.Exact)
                fresh (plan Reuse.Data)
                fresh (plan Reuse.Config)
                File.Delete(Path.Combine(bin, "Ebm.Core.dll"))
                says RunState.Stale "not there" (plan Reuse.Exact))))

    law "a completed run is stale when a file of its data has changed, but not when it was only touched" (fun () ->
        inFolder (fun folder ->
            made folder (fun _ _ data plan ->
                File.SetLastWriteTimeUtc(data, DateTime.UtcNow.AddDays 1.0)
                fresh (plan Reuse.Data)
                File.WriteAllText(data, "sowr")
                says RunState.Stale "rows.bin has changed" (plan Reuse.Data)
                fresh (plan Reuse.Config)
                File.Delete data
                says RunState.Stale "rows.bin is not there" (plan Reuse.Exact))))
]
