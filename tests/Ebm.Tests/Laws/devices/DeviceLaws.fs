/// Loading libtorch from its package, and the functions that this project adds because TorchSharp 0.107 does not have them.
module Ebm.Tests.Laws.DeviceLaws

open System
open System.Collections.Generic
open System.IO
open System.Runtime.InteropServices
open System.Text
open TorchSharp
open Ebm.Core
open Ebm.Devices
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// A 64-bit ELF file that contains only requests for versions of symbols, or definitions of versions.
let private elf (needs: (string * string list) list) (defines: string list) =
    let strings = new MemoryStream()
    strings.WriteByte 0uy
    let text (said: string) =
        let at = uint32 strings.Length
        strings.Write(Encoding.ASCII.GetBytes said)
        strings.WriteByte 0uy
        at

    let section (write: BinaryWriter -> unit) =
        let stream = new MemoryStream()
        use writer = new BinaryWriter(stream)
        write writer
        writer.Flush()
        stream.ToArray()

    let needed =
        section (fun w ->
            for i, (library, versions) in List.indexed needs do
                let size = 16u + 16u * uint32 versions.Length
                w.Write 1us
                w.Write(uint16 versions.Length)
                w.Write(text library)
                w.Write 16u
                w.Write(if i = needs.Length - 1 then 0u else size)

                for j, version in List.indexed versions do
                    w.Write 0u
                    w.Write 0us
                    w.Write(uint16 (j + 2))
                    w.Write(text version)
                    w.Write(if j = versions.Length - 1 then 0u else 16u))

    let defined =
        section (fun w ->
            for i, version in List.indexed defines do
                w.Write 1us
                w.Write 0us
                w.Write(uint16 (i + 1))
                w.Write 1us
                w.Write 0u
                w.Write 20u
                w.Write(if i = defines.Length - 1 then 0u else 28u)
                w.Write(text version)
                w.Write 0u)

    let sections = [
        if not needs.IsEmpty then 0x6ffffffeu, needed
        if not defines.IsEmpty then 0x6ffffffdu, defined
        3u, strings.ToArray()
    ]

    section (fun w ->
        let table = 64 + (sections |> List.sumBy (fun (_, bytes) -> bytes.Length))
        w.Write [| 0x7fuy; byte 'E'; byte 'L'; byte 'F'; 2uy; 1uy |]
        w.Write(Array.zeroCreate<byte>(0x28 - 6))
        w.Write(int64 table)
        w.Write(Array.zeroCreate<byte>(0x3a - 0x30))
        w.Write 64us
        w.Write(uint16 sections.Length)
        w.Write(Array.zeroCreate<byte> 2)

        for _, bytes in sections do
            w.Write bytes

        let mutable at = 64

        for kind, bytes in sections do
            w.Write 0u
            w.Write kind
            w.Write(Array.zeroCreate<byte> 16)
            w.Write(int64 at)
            w.Write(int64 bytes.Length)
            w.Write(uint32 (sections.Length - 1))
            w.Write(Array.zeroCreate<byte> 20)
            at <- at + bytes.Length)

let private library = "libstdc++.so.6"

let private is what due (got: string seq) =
    let got = List.ofSeq got
    must $"%s{what}: %A{got}, where %A{due} was due" (got = due)

/// Only the named request becomes weak, and nothing else in the file changes.
let private weakens (weaken: byte[] -> byte[]) =
    let file = elf [ "libc.so.6", [ "GLIBC_2.34" ]; library, [ "GLIBCXX_3.4.30"; "GLIBCXX_3.4.32" ] ] []
    let made = weaken file
    is "needed before" [ "GLIBCXX_3.4.30"; "GLIBCXX_3.4.32" ] (SymbolVersions.Needed(file, library))
    is "needed after" [ "GLIBCXX_3.4.30" ] (SymbolVersions.Needed(made, library))
    is "of another library" [ "GLIBC_2.34" ] (SymbolVersions.Needed(made, "libc.so.6"))
    must "the lengths differ" (made.Length = file.Length)
    let changed = Seq.zip file made |> Seq.filter (fun (a, b) -> a <> b) |> Seq.length
    must $"{changed} bytes changed" (changed = 1)

/// libtorch's description of itself, in a process with these environment variables.
let private libraries (variables: (string * string) list) =
    let start =
        Diagnostics.ProcessStartInfo(Sweeping.realRunner, [ "libraries" ], RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in variables do
        start.Environment[name] <- value

    Processes.finished (nonNull (Diagnostics.Process.Start start))

let private loaded () =
    if File.Exists "/proc/self/maps" then
        File.ReadLines "/proc/self/maps"
        |> Seq.choose (fun line -> if line.Contains '/' then Some(line.Substring(line.IndexOf '/')) else None)
        |> Seq.distinct
        |> Seq.filter (fun path -> path.Contains "torch" || path.Contains "libc10" || path.Contains "TorchSharp.so")
        |> List.ofSeq
    else
        []

/// Native files of the tensor library in build outputs.
let private copied (outputs: string) =
    Directory.GetFiles(outputs, "*", SearchOption.AllDirectories)
    |> Array.filter (fun path ->
        let name = string (Path.GetFileName path)
        name.StartsWith "libtorch" || name.StartsWith "libc10" || name.StartsWith "libLibTorchSharp")

/// Each precision of products is read back after it is set; in the highest, a product is exact that fewer bits would round.
let private switches (set: Matmul -> unit) =
    try
        for precision in [ Matmul.Medium; Matmul.High; Matmul.Highest ] do
            set precision
            must $"{precision} is not in force" (Machine.Matmul = Nullable precision)

        let fine = torch.eye 256L * (1.0 + 1.0 / 8192.0)
        must "rounded" (values (fine.mm(torch.eye 256L).flatten()) = values (fine.flatten ()))
    finally
        Machine.Matmul <- Nullable Matmul.Highest

/// Pages that the system gave to this process so far.
let private pages () =
    let stat = File.ReadAllText "/proc/self/stat"
    let fields = stat.Substring(stat.LastIndexOf ')' + 2).Split ' '
    int64 fields[7]

[<DllImport "libc.so.6">]
extern int private malloc_trim(unativeint pad)

/// Twenty tensors of 4 MiB, 1024 pages each, in each of ten steps that free them.
let private reused (after: unit -> unit) =
    let step () =
        do
            use _ = torch.NewDisposeScope()
            for _ in 1..20 do
                torch.ones ([| 1L <<< 20 |], dtype = torch.float32) |> ignore
        after ()

    FreedMemory.Keep()

    for _ in 1..3 do
        step ()

    let before = pages ()

    for _ in 1..10 do
        step ()

    let taken = pages () - before
    must $"ten steps took {taken} new pages for 204,800 that they freed" (taken < 20_480L)

let all = [
    law "a step of training gets the memory that the step before freed, not new pages" (fun () -> reused ignore)
    |> breaks "memory that is returned after each step" (fun () -> reused (fun () -> malloc_trim 0un |> ignore))
    |> needs (fun () -> if OperatingSystem.IsLinux() then None else Some "reads /proc")

    law "the versions of symbols that a library requests and defines are read from its ELF sections; other files are rejected" (fun () ->
        is "needed" [ "A_1"; "A_2" ] (SymbolVersions.Needed(elf [ "other.so", [ "B_1" ]; library, [ "A_1"; "A_2" ] ] [], library))
        is "needed of nobody" [] (SymbolVersions.Needed(elf [ "other.so", [ "B_1" ] ] [], library))
        is "none" [] (SymbolVersions.Needed(elf [] [ "A_1" ], library))
        is "had" [ "A_1"; "A_2"; "A_3" ] (SymbolVersions.Defined(elf [] [ "A_1"; "A_2"; "A_3" ]))

        for bytes in [ [||]; Array.zeroCreate 100; Encoding.ASCII.GetBytes(String('x', 200)) ] do
            throws<InvalidDataException, _> [ "not a 64-bit little-endian ELF file" ] (fun () -> SymbolVersions.Needed(bytes, library)))

    law "an adapted copy has one weak request, and no other byte differs" (fun () ->
        weakens (fun file -> SymbolVersions.Weakened(file, library, "GLIBCXX_3.4.32")))
    |> breaks "another request" (fun () -> weakens (fun file -> SymbolVersions.Weakened(file, library, "GLIBCXX_3.4.30")))
    |> breaks "none" (fun () -> weakens id)

    law "a file that does not request a version cannot be adapted for it" (fun () ->
        throws<InvalidDataException, _> [ "GLIBCXX_9"; "0 times" ] (fun () ->
            SymbolVersions.Weakened(elf [ library, [ "GLIBCXX_3.4.32" ] ] [], library, "GLIBCXX_9")))

    law "if more versions are missing, or the file is unknown, the error says what to do" (fun () ->
        is "lacking" [ "A_2" ] (Natives.Lacking([ "A_1"; "A_2" ], [| "A_1"; "A_0" |]))
        let said = Natives.TooOld("/p/libLibTorchSharp.so", [| "GLIBCXX_3.4.30"; "GLIBCXX_3.4.32" |], true)

        for part in
            [ "GLIBCXX_3.4.30 and GLIBCXX_3.4.32"; "LD_LIBRARY_PATH"; "gcc/13"; "libstdcxx"; "container"; "Debian 13"; "Ubuntu 24.04" ] do
            must $"{part} is missing in: {said}" (said.Contains part)

        must "it does not say that the file is unknown" ((Natives.TooOld("/p/x", [| "A" |], false)).Contains "cannot be adapted"))

    law "the native libraries are loaded once, from their packages, and no output folder contains them" (fun () ->
        let paths = loaded ()
        must "libtorch_cpu.so is not loaded" (paths |> List.exists (fun path -> path.EndsWith "libtorch_cpu.so"))

        for name, files in paths |> List.groupBy (fun path -> string (Path.GetFileName path)) do
            must $"%s{name} is loaded from %A{files}" (files.Length = 1)

        let copies = copied (Folder.under "artifacts/bin")
        must $"%A{Array.truncate 3 copies} were copied" (copies.Length = 0))
    |> breaks "a copy" (fun () ->
        Folder.inFolder (fun folder ->
            File.WriteAllText(Path.Combine(folder, "libtorch_cpu.so"), "")
            must "a copy" ((copied folder).Length = 0)))

    law "the adapted copy and the package's file have the recorded hashes" (fun () ->
        match Natives.Copy with
        | null -> ()
        | copy ->
            must "the copy" (Ebm.Records.Canonical.Sha256OfFile copy.Path = copy.Sha256)
            must "the package's file" (Ebm.Records.Canonical.Sha256OfFile copy.Original = copy.OriginalSha256)
            must "they are one" (copy.Sha256 <> copy.OriginalSha256)
            weakens (fun file -> SymbolVersions.Weakened(file, library, copy.Version)))

    law "repeatable kernels are switched on and off by libtorch's exports" (fun () ->
        try
            must "it cannot be asked" (Machine.Deterministic true)
            must "it is not on" (Machine.IsDeterministic = Nullable true)
            must "it cannot be asked" (Machine.Deterministic false)
            must "it is not off" (Machine.IsDeterministic = Nullable false)
        finally
            Machine.Deterministic false |> ignore)

    law "the precision of float32 products is set and read by libtorch's exports" (fun () ->
        switches (fun precision -> Machine.Matmul <- Nullable precision))
    |> breaks "it stays as it was" (fun () -> switches ignore)

    law "libtorch reports its version, its BLAS, its build and the instructions of its kernels" (fun () ->
        must $"{Natives.Version}" (torch.__version__.StartsWith Natives.Version)
        must $"{Machine.Blas}" ((string Machine.Blas).Contains "Math Kernel Library")
        must
            $"{Machine.TorchBuild}"
            ((string Machine.TorchBuild).Contains "PyTorch built with" && not ((string Machine.TorchBuild).Contains "CPU capability"))
        must $"{Machine.Capability}" (List.contains (string Machine.Capability) [ "AVX512"; "AVX2"; "DEFAULT" ]))

    law "ATEN_CPU_CAPABILITY lowers the instructions of kernels" (fun () ->
        let code, said = libraries [ "ATEN_CPU_CAPABILITY", "default" ]
        must said (code = 0 && said.Contains "DEFAULT kernels"))
    |> breaks "it is not set" (fun () ->
        let _, said = libraries []
        must said (said.Contains "DEFAULT kernels"))
    |> needs (fun () -> if Machine.Capability = "DEFAULT" then Some "this CPU has no others" else None)

    law "the gradient of an unused tensor is null, and the other gradients are computed" (fun () ->
        let x = (torch.ones 3L).requires_grad_ true
        let y = (torch.ones 3L).requires_grad_ true
        let found = Gradients.Of((x * 2.0).sum(), [| x; y |])
        must "of what is used" (not (isNull found[0]) && values (nonNull found[0]) = [| 2.0; 2.0; 2.0 |])
        must "of what is not used" (isNull found[1])
        must "of a loss without a graph" (Gradients.Of(torch.ones 1L, [| x |]) |> Seq.forall isNull))

    law "a numerical failure inside libtorch is an exception that names it, and the process continues" (fun () ->
        throws<Runtime.InteropServices.ExternalException, _> [ "cholesky" ] (fun () -> torch.linalg.cholesky (-(torch.eye 3L))))
]
