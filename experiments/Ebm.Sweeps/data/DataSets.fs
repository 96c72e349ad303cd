/// The verbs of `data.fsx`: which published data sets there are, getting them, and checking those at hand. A file is moved to its place only when its digest is
/// right. The weights of networks that metrics read (Weights.fs) have names beside the data sets.
module Ebm.Sweeps.DataSets

open System
open System.Formats.Tar
open System.IO
open System.IO.Compression
open System.Net.Http
open Argu
open Ebm.Audits
open Ebm.Data
open Ebm.Metrics
open Ebm.Records

type private Option =
    | Data of folder: string

    interface IArgParserTemplate with
        member _.Usage = "the folder of data sets (default: the variable EBM_DATA, else data)"

let private parser = Options.parser<Option>

/// The state of a file at its place.
type State =
    | Missing
    | Right
    /// There is no digest to compare with; its own.
    | Unknown of digest: string
    | Altered of digest: string * due: string

/// The file that records the digest of the first download, in the format of sha256sum.
let private recordOf (path: string) = path + ".sha256"

let private due (file: PublishedFile) path =
    match Option.ofObj file.Digest with
    | Some digest -> Some digest
    | None when File.Exists(recordOf path) -> Some((RegularFile.Text(recordOf path, 4096).Split ' ')[0])
    | None -> None

let private compare (file: PublishedFile) place path =
    let found = file.DigestOf path

    match due file place with
    | None -> Unknown found
    | Some due when due = found -> Right
    | Some due -> Altered(found, due)

let private path (root: string) (file: PublishedFile) = (RelativePath.Parse(file.Path, "a published file")).In root

/// The state of a file below a data root.
let stateOf root (file: PublishedFile) =
    let path = path root file
    if File.Exists path then compare file path path else Missing

let private kind (file: PublishedFile) =
    match file.Kind with
    | DigestKind.ContentSha256 -> "SHA-256 of the decompressed content"
    | DigestKind.Sha256 -> "SHA-256 of the file that this project was tested with"
    | DigestKind.Md5 -> "published MD5"
    | _ -> "SHA-256 of the first download"

let private nameOf (file: PublishedFile) = nonNull (Path.GetFileName file.Path)

/// What a person does where the program cannot.
let private byHand root (set: Published) (file: PublishedFile) =
    let place = path root file
    let from = file.Address |> Option.ofObj |> Option.defaultValue set.Page
    $"get {nameOf file} from {from}, and put it into {Path.GetDirectoryName place}"

let private unpack root (file: PublishedFile) =
    match Option.ofObj file.Unpacks with
    | Some folder when not (Directory.Exists((RelativePath.Parse(folder, "a folder")).In root)) ->
        let archive = path root file
        eprintfn $"unpacking {archive}"

        if archive.EndsWith ".zip" then
            ZipFile.ExtractToDirectory(archive, nonNull (Path.GetDirectoryName archive))
        else
            use packed = RegularFile.Open archive
            use content = new GZipStream(packed, CompressionMode.Decompress)
            TarFile.ExtractToDirectory(content, root, false)
    | _ -> ()

/// Checks a download, and moves it to its place.
let private settle (file: PublishedFile) (place: string) =
    let part = Download.partOf place

    match compare file place part with
    | Altered(found, due) ->
        File.Delete part
        Error
            $"{nameOf file} has another content than the published one: its digest is {found}, and {due} is due ({kind file}); it was removed"
    | state ->
        File.Move(part, place, true)

        match state with
        | Unknown found ->
            File.WriteAllText(recordOf place, $"{found}  {nameOf file}\n")
            Ok $"got {place}; no digest is published, so that of this download was recorded: {found}"
        | _ -> Ok $"got {place}; its {kind file} is right"

/// Gets one file, unless it is there. Ok or Error, with a sentence.
let fetch (client: HttpClient) root (set: Published) (file: PublishedFile) =
    let place = path root file

    match stateOf root file, Option.ofObj file.Address with
    | Right, _ ->
        unpack root file
        Ok $"{place} is there; its {kind file} is right"
    | Unknown found, _ ->
        File.WriteAllText(recordOf place, $"{found}  {nameOf file}\n")
        unpack root file
        Ok $"{place} is there; no digest is published, so its own was recorded: {found}"
    | Altered(found, due), _ ->
        Error $"{place} is there with another content: its digest is {found}, and {due} is due ({kind file}); remove it, and fetch again"
    | Missing, None -> Error $"{set.Name} cannot be downloaded by a program: {byHand root set file}"
    | Missing, Some address ->
        try
            Download.get client address place (Download.printing (nameOf file))
            let settled = settle file place
            if Result.isOk settled then unpack root file
            settled
        with
        | :? HttpRequestException
        | :? IOException as error ->
            let kept = Download.partOf place
            let again = if File.Exists kept then $"fetch again to continue from {kept}, or " else ""
            Error $"""{address} was not downloaded ({error.Message.TrimEnd '.'}): {again}{byHand root set file}"""

/// What has a name here.
type private Named =
    | Set of Published
    | Network of WeightsPackage

let private all = [
    for set in Published.All -> set.Name, Set set
    for package in WeightsPackage.All -> package.Name, Network package
]

let private find (names: string list) =
    let known = List.map fst all

    [
        for name in names do
            match all |> List.tryFind (fst >> (=) name) with
            | Some(_, one) -> one
            | None ->
                Options.usage name $"""Unknown data set "{name}". Known: {String.Join(", ", known)}{Spelling.DidYouMean(name, known)}."""
    ]

let private list root =
    for set in Published.All do
        let states = set.Files |> Seq.map (fun file -> File.Exists(path root file)) |> List.ofSeq
        let there =
            if List.forall id states then "is here"
            elif List.exists id states then "is here in part"
            else "not here"
        printfn $"{set.Name, -14} {there, -15} {set.Says}"
        printfn $"               {set.Page}"

    for package in WeightsPackage.All do
        let there = if isNull (package.Missing(Weights.packages ())) then "is here" else "not here"
        printfn $"{package.Name, -14} {there, -15} {package.Says}"
        printfn $"               the NuGet package {package.Package} {package.Version}"

    printfn $"The data root is {root}; --data or the variable EBM_DATA sets another."
    0

let private fetchAll root (named: Named list) =
    use client = new HttpClient()

    let ends = [
        for one in named do
            let results =
                match one with
                | Set set -> Seq.map (fetch client root set) set.Files
                | Network package -> Seq.singleton (Weights.fetch (Weights.packages ()) package)

            for result in results ->
                match result with
                | Ok says ->
                    printfn $"{says}."
                    0
                | Error says ->
                    eprintfn $"{says}."
                    1
    ]

    List.max ends

let private verify root (named: Named list) =
    let asked = not named.IsEmpty

    let verifySet (set: Published) = [
        for file in set.Files do
            let place = path root file

            match stateOf root file with
            | Right ->
                printfn $"{set.Name}: {place}: its {kind file} is right."
                0
            | Unknown digest ->
                printfn $"{set.Name}: {place}: no digest is published or recorded; its SHA-256 is {digest}."
                0
            | Missing when not asked -> ()
            | Missing ->
                eprintfn $"{set.Name}: {place} is missing: {byHand root set file}."
                1
            | Altered(found, due) ->
                eprintfn $"{set.Name}: {place} was altered: its digest is {found}, and {due} is due ({kind file})."
                3
    ]

    let verifyWeights (package: WeightsPackage) =
        match Weights.verify (Weights.packages ()) package with
        | 1, _ when not asked -> []
        | code, says ->
            (if code = 0 then stdout else stderr).WriteLine $"{package.Name}: {says}."
            [ code ]

    let chosen = if asked then named else List.map snd all
    let ofSets = [
        for one in chosen do
            match one with
            | Set set -> yield! verifySet set
            | Network _ -> ()
    ]
    let ofNetworks = [
        for one in chosen do
            match one with
            | Network package -> yield! verifyWeights package
            | Set _ -> ()
    ]
    let isEmpty = ofSets.IsEmpty && (ofNetworks.IsEmpty || not asked)
    if isEmpty then eprintfn $"There is no file of a published data set in {root}; --data or the variable EBM_DATA sets another."
    List.max ((if isEmpty then [ 1 ] else []) @ ofSets @ ofNetworks)

let private help () =
    printfn "dotnet fsi experiments/data.fsx list              the published data sets and weights of networks, and which are here"
    printfn "dotnet fsi experiments/data.fsx fetch NAME…       downloads, checks and unpacks them; continues an interrupted download"
    printfn "dotnet fsi experiments/data.fsx verify [NAME…]    compares the files at hand with their digests"
    printfn ""
    printfn "  --data FOLDER   the folder of data sets (default: the variable EBM_DATA, else data)"
    printfn ""
    printfn "Exit codes: 0 done, 1 a file is missing or was not downloaded, 2 an error of usage, 3 a file was altered."
    0

/// Runs the script with its arguments. Returns the exit code.
let main (experiments: string) (arguments: string list) : int =
    Command.Run(fun () ->
        let options, words = Options.read parser arguments
        let isHelp = List.contains "help" words || List.exists Options.asksHelp words
        if not isHelp then Options.refuseOthers "data.fsx" "help" (Options.names parser) words
        let root =
            Options.place
                "--data"
                (options.TryGetResult Data)
                "EBM_DATA"
                (Path.Combine(nonNull (Path.GetDirectoryName experiments), "data"))

        match words with
        | [] -> help ()
        | _ when isHelp -> help ()
        | [ "list" ] -> list root
        | [ "fetch" ] -> Options.usage "fetch" "fetch needs the name of a data set; list prints them."
        | "fetch" :: names -> fetchAll root (find names)
        | "verify" :: names -> verify root (find names)
        | word :: _ ->
            Options.usage
                word
                $"""Unknown verb "{word}". Known: list, fetch, verify, help{Spelling.DidYouMean(word, [ "list"; "fetch"; "verify"; "help" ])}.""")
