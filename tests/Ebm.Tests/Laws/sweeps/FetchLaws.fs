/// Getting published data sets, from a server on this machine: a download is continued where it stopped, a file with another digest is not kept, and
/// what cannot be downloaded says what a person has to do.
module Ebm.Tests.Laws.FetchLaws

open System
open System.Formats.Tar
open System.IO
open System.IO.Compression
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Security.Cryptography
open System.Text
open System.Text.RegularExpressions
open System.Threading
open Ebm.Data
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law

/// A server of one file. It notes the first byte of each request, and ends each answer after so many bytes.
type private Server(content: byte[], ranges: bool, cut: int) =
    let listener = new TcpListener(IPAddress.Loopback, 0)
    let asked = ResizeArray<int>()

    let answer (client: TcpClient) =
        use client = client
        use stream = client.GetStream()
        use reader = new StreamReader(stream, Encoding.ASCII, false, 1024, leaveOpen = true)
        let lines = Seq.initInfinite (fun _ -> reader.ReadLine()) |> Seq.takeWhile (String.IsNullOrEmpty >> not) |> List.ofSeq
        let range =
            lines
            |> List.tryPick (fun line ->
                let found = Regex.Match(nonNull line, @"\ARange: bytes=(\d+)-") in
                if found.Success then Some(int found.Groups[1].Value) else None)
        let from = if ranges then defaultArg range 0 else 0
        lock asked (fun () -> asked.Add(defaultArg range 0))

        let head =
            if from >= content.Length then
                $"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{content.Length}\r\nContent-Length: 0\r\n"
            elif from > 0 then
                $"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{content.Length - 1}/{content.Length}\r\nContent-Length: {content.Length - from}\r\n"
            else
                $"HTTP/1.1 200 OK\r\nContent-Length: {content.Length}\r\n"

        stream.Write(ReadOnlySpan(Encoding.ASCII.GetBytes(head + "Connection: close\r\n\r\n")))
        if from < content.Length then stream.Write(content, from, min cut (content.Length - from))
        stream.Flush()
        client.Client.Shutdown SocketShutdown.Send

    do
        listener.Start()
        let serve () =
            try
                while true do
                    answer (listener.AcceptTcpClient())
            with
            | :? SocketException
            | :? ObjectDisposedException -> ()
        Thread(serve, IsBackground = true).Start()

    member _.Asked = lock asked (fun () -> List.ofSeq asked)
    member _.Address = $"http://127.0.0.1:{(listener.LocalEndpoint :?> IPEndPoint).Port}/rows.bin"
    interface IDisposable with
        member _.Dispose() = listener.Stop()

let private content = Array.init 200_000 (fun i -> byte (i * i / 7))
let private sha256 (bytes: byte[]) = Convert.ToHexStringLower(SHA256.HashData bytes)

let private fileAt (address: string) kind (digest: string | null) = PublishedFile("set/rows.bin", address, kind, digest)
let private setOf file = Published("set", "rows", "https://example.org/rows", [| file |])

let private serving content ranges cut (asked: Server -> string -> unit) =
    use server = new Server(content, ranges, cut)
    Folder.inFolder (asked server)

let private fetch root (file: PublishedFile) =
    use client = new HttpClient()
    DataSets.fetch client root (setOf file) file

let private right =
    function
    | Ok(_: string) -> ()
    | Error says -> broken says

let private failsWith (parts: string list) =
    function
    | Ok(says: string) -> broken $"it worked: {says}"
    | Error(says: string) ->
        for part in parts do
            must $"\"{part}\" is missing in: {says}" (says.Contains part)

let private continues ranges =
    serving content ranges 60_000 (fun server root ->
        let file = fileAt server.Address DigestKind.Sha256 (sha256 content)
        let place = Path.Combine(root, "set", "rows.bin")
        for due in [ 60_000L; 120_000L; 180_000L ] do
            failsWith [ "rows.bin was not downloaded"; "fetch again to continue"; "put it into" ] (fetch root file)
            must "the place has an unfinished file" (not (File.Exists place))
            let got = FileInfo(place + ".part").Length
            must $"{got} bytes are kept, {due} are due" (got = due)
        right (fetch root file)
        must "other bytes" (File.ReadAllBytes place = content && not (File.Exists(place + ".part")))
        must $"%A{server.Asked}" (server.Asked = [ 0; 60_000; 120_000; 180_000 ]))

let all: Law list = [
    law "a download that is interrupted is kept, continued where it stopped, and has the bytes of the whole" (fun () -> continues true)
    |> breaks "a server that begins anew each time" (fun () -> continues false)

    law "a server without ranges begins anew, and the file is right" (fun () ->
        serving content false Int32.MaxValue (fun server root ->
            let place = Path.Combine(root, "set", "rows.bin")
            Directory.CreateDirectory(Path.Combine(root, "set")) |> ignore
            File.WriteAllBytes(place + ".part", Array.truncate 70_000 (Array.rev content))
            right (fetch root (fileAt server.Address DigestKind.Sha256 (sha256 content)))
            must "other bytes" (File.ReadAllBytes place = content)))

    law "a part that is already whole is checked and moved" (fun () ->
        serving content true Int32.MaxValue (fun server root ->
            let place = Path.Combine(root, "set", "rows.bin")
            Directory.CreateDirectory(Path.Combine(root, "set")) |> ignore
            File.WriteAllBytes(place + ".part", content)
            right (fetch root (fileAt server.Address DigestKind.Sha256 (sha256 content)))
            must "it is not in its place" (File.Exists place)))

    law "a download with another digest is removed, and never in the place of the file" (fun () ->
        serving content true Int32.MaxValue (fun server root ->
            failsWith [ "another content"; sha256 content ] (fetch root (fileAt server.Address DigestKind.Sha256 (String('0', 64))))
            must "it is kept" (Directory.GetFiles(Path.Combine(root, "set")) |> Array.isEmpty)))

    law "each kind of digest is that of its bytes: MD5, SHA-256, and SHA-256 of gzip's content" (fun () ->
        use memory = new MemoryStream()
        do
            use zip = new GZipStream(memory, CompressionLevel.Fastest, leaveOpen = true)
            zip.Write(content, 0, content.Length)
        let zipped = memory.ToArray()
        for bytes, kind, digest in
            [
                content, DigestKind.Md5, Convert.ToHexStringLower(MD5.HashData content)
                content, DigestKind.Sha256, sha256 content
                zipped, DigestKind.ContentSha256, sha256 content
            ] do
            serving bytes true Int32.MaxValue (fun server root ->
                let file = fileAt server.Address kind digest
                right (fetch root file)
                must $"{kind}" (DataSets.stateOf root file = DataSets.Right)
                File.WriteAllBytes(
                    Path.Combine(root, "set", "rows.bin"),
                    (if kind = DigestKind.ContentSha256 then zipped[.. zipped.Length - 12] else content[1..])
                )
                must
                    $"an altered file is right by {kind}"
                    (try
                        DataSets.stateOf root file <> DataSets.Right
                     with :? InvalidDataException ->
                         true)))

    law "without a published digest, that of the first download is recorded, and an altered file is noticed" (fun () ->
        serving content true Int32.MaxValue (fun server root ->
            let file = fileAt server.Address DigestKind.FirstFetch null
            let place = Path.Combine(root, "set", "rows.bin")
            right (fetch root file)
            must "another record" (File.ReadAllText(place + ".sha256") = $"{sha256 content}  rows.bin\n")
            must "it is not right" (DataSets.stateOf root file = DataSets.Right)
            File.WriteAllBytes(place, content[1..])
            must "not noticed" (DataSets.stateOf root file = DataSets.Altered(sha256 content[1..], sha256 content))
            failsWith [ "another content"; "remove it" ] (fetch root file)))

    law "an archive is unpacked into the data root" (fun () ->
        use memory = new MemoryStream()
        do
            use zip = new GZipStream(memory, CompressionLevel.Fastest, leaveOpen = true)
            use writer = new TarWriter(zip)
            writer.WriteEntry(PaxTarEntry(TarEntryType.RegularFile, "inside/a.bin", DataStream = new MemoryStream([| 1uy; 2uy |])))
        let archive = memory.ToArray()
        serving archive true Int32.MaxValue (fun server root ->
            let file = PublishedFile("rows.tar.gz", server.Address, DigestKind.Sha256, sha256 archive, "inside")
            right (fetch root file)
            must "not unpacked" (File.ReadAllBytes(Path.Combine(root, "inside", "a.bin")) = [| 1uy; 2uy |])
            right (fetch root file)))

    law "what cannot be reached, or not by a program, says where to get it and where to put it" (fun () ->
        Folder.inFolder (fun root ->
            // Nothing listens on the port of a server that has stopped.
            let address = use server = new Server([||], true, 0) in server.Address
            failsWith
                [ address; "was not downloaded"; $"put it into {root}/set" ]
                (fetch root (fileAt address DigestKind.Sha256 (sha256 content)))
            let file = PublishedFile("set/rows.bin", null, DigestKind.FirstFetch, null)
            failsWith [ "https://example.org/rows"; $"put it into {root}/set" ] (fetch root file)))

    law
        "every published set has a page, files below the data root, and a digest or the first fetch's; kinds have the right lengths"
        (fun () ->
            let sets = List.ofSeq Published.All
            must
                $"%A{sets |> List.map _.Name}"
                (Set.isSubset
                    (set [ "mnist"; "fashion-mnist"; "cifar-10"; "cifar-100"; "svhn"; "celeba"; "wine"; "parkinsons" ])
                    (sets |> List.map _.Name |> set))
            for one in sets do
                must one.Page (one.Page.StartsWith "http")
                for file in one.Files do
                    must file.Path (not (isNull (RelativePath.Try file.Path)))
                    let length =
                        match file.Kind with
                        | DigestKind.Md5 -> Some 32
                        | DigestKind.FirstFetch -> None
                        | _ -> Some 64
                    must $"{file.Path}: {file.Digest}" ((Option.ofObj file.Digest |> Option.map String.length) = length))

    law "the digests of the files at hand are those that are published" (fun () ->
        for one in Published.All do
            for file in one.Files do
                match DataSets.stateOf Folder.dataRoot file with
                | DataSets.Altered(found, due) -> broken $"{file.Path} has {found}, {due} is due"
                | _ -> ())
    |> Folder.needsData (Path.Combine("mnist", "train-images-idx3-ubyte.gz"))

    law "the verbs print help, refuse other words with the known ones, and say by their exit codes what they found" (fun () ->
        let run root words = DataSets.main (Path.Combine(root, "experiments")) (words @ [ "--data"; root ])
        Folder.inFolder (fun root ->
            for words, due in
                [
                    [ "help" ], 0
                    [ "list" ], 0
                    [ "verify"; "mnist" ], 1
                    [ "verify" ], 1
                    [ "fetch"; "celeba" ], 1
                    [ "fetch"; "mnits" ], 2
                    [ "fetch" ], 2
                    [ "get" ], 2
                    [ "list"; "--fast" ], 2
                ] do
                let code = run root words
                must $"%A{words} ends with {code}, {due} is due" (code = due)
            Directory.CreateDirectory(Path.Combine(root, "uci")) |> ignore
            File.WriteAllText(Path.Combine(root, "uci", "winequality-red.csv"), "altered")
            must "an altered file" (run root [ "verify" ] = 3)))
]
