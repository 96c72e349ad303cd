/// The structure of the project: the references between projects, the places of files, and what the repository must not contain.
module Ebm.Tests.Laws.Architecture

open System
open System.Diagnostics
open System.IO
open System.Reflection
open System.Reflection.Emit
open System.Text.RegularExpressions
open System.Xml.Linq
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// The projects that each project may reference; all may reference Ebm.Records.
let private arrows =
    Map [
        "Ebm.Devices", []
        "Ebm.Records", []
        "Ebm.Core", [ "Ebm.Devices" ]
        "Ebm.Nets", [ "Ebm.Core" ]
        "Ebm.Data", [ "Ebm.Core" ]
        "Ebm.Methods", [ "Ebm.Core" ]
        // One metric trains a classifier.
        "Ebm.Metrics", [ "Ebm.Core"; "Ebm.Nets" ]
        "Ebm.Runs", [ "Ebm.Core"; "Ebm.Nets"; "Ebm.Data"; "Ebm.Methods"; "Ebm.Metrics" ]
        "Ebm.Runner", [ "Ebm.Runs" ]
        "Ebm.Analysis", []
        "Ebm.Audits", [ "Ebm.Analysis" ]
        "Ebm.Sweeps", [ "Ebm.Runs"; "Ebm.Analysis"; "Ebm.Audits" ]
        "Ebm.Cli", [ "Ebm.Sweeps" ]
        // The template of a repository; it has no assembly.
        "Ebm.Templates", []
        "Ebm.Watch", [ "Ebm.Runs"; "Ebm.Analysis"; "Ebm.Audits"; "Ebm.Sweeps" ]
    ]

/// These projects may reference any other, and no project references them.
let private watchers = [ "Ebm.Tests"; "Ebm.Bench"; "Lab" ]

let private generated = set [ "bin"; "obj"; ".git"; ".paket"; "paket-files"; "node_modules"; ".vs"; ".idea"; ".vscode" ]
let private results = set [ under "artifacts"; under "runs"; under "reports"; under "data" ]

let rec private below (folder: string) : string list = [
    yield! Directory.GetFiles folder
    for inner in Directory.GetDirectories folder do
        if not (results.Contains inner || generated.Contains(nonNull (Path.GetFileName inner))) then yield! below inner
]

/// Every file of the repository, by its path from the root.
let private files = lazy (below root |> List.map (fun f -> Path.GetRelativePath(root, f).Replace('\\', '/')))

let private ofKind (endings: string list) = files.Value |> List.filter (fun f -> List.exists (fun (e: string) -> f.EndsWith e) endings)
let private read file = File.ReadAllText(under file)
let private stem (file: string) = nonNull (Path.GetFileNameWithoutExtension file)

/// Comments may name anything.
let private code file = Regex.Replace(read file, @"(?m)//.*$|\(\*(?!\)).*?\*\)|/\*.*?\*/", "", RegexOptions.Singleline)

let private references project = [
    for reference in XDocument.Load(under project).Descendants "ProjectReference" do
        match reference.Attribute "Include" with
        | null -> ()
        | path -> stem (path.Value.Replace('\\', '/'))
]

let private keepsArrows (projects: (string * string list) list) =
    for project, seen in projects do
        match arrows.TryFind project with
        | None ->
            if not (List.contains project watchers) then broken $"{project} has no plan: list in Architecture.fs what it may reference"
        | Some allowed ->
            for other in seen do
                must $"{project} → {other}: this reference is not allowed" (other = "Ebm.Records" || List.contains other allowed)

let private projects () = ofKind [ ".csproj"; ".fsproj" ] |> List.map (fun p -> stem p, references p)

let private namesOf (folder: string) (pattern: string) =
    ofKind [ ".cs"; ".fs" ]
    |> List.filter (fun f -> not (f.StartsWith folder) && not (f.StartsWith "tests/"))
    |> List.collect (fun f -> [ for m in Regex.Matches(code f, pattern) -> $"{f} names {m.Value}" ])

let private none (found: string list) = must (String.concat "; " found) found.IsEmpty

let private core = typeof<Method>.Assembly
let private methods = (Catalog.Load []).Kinds typeof<ISpec<Method>>

let private methodsAssembly () = nonNull ((Catalog.Load []).Find(typeof<ISpec<Method>>, "joint-cd")) |> _.Assembly

/// The public ones: a method may have internal classes that add interfaces to its variants.
let private methodClasses () =
    methodsAssembly().GetExportedTypes() |> Array.filter (fun t -> typeof<Method>.IsAssignableFrom t && not t.IsAbstract)

/// The contents of Ebm.Methods: folders, and files besides the project's.
let private methodFolders () =
    [
        for file in files.Value do
            match List.ofArray (file.Split '/') with
            | "core" :: "Ebm.Methods" :: first :: _ when not (first.EndsWith ".csproj") -> first
            | _ -> ()
    ]
    |> List.distinct

let private keepsFolders (folders: string list) =
    let kinds = methodClasses () |> Array.map (fun t -> Kebab.Case t.Name) |> Set.ofArray
    must $"folders {folders}, methods {kinds}" (Set.ofList folders = kinds)

/// Two records with the same kind and role, made for the law.
let private twins () =
    let assembly = AssemblyBuilder.DefineDynamicAssembly(AssemblyName "Twins", AssemblyBuilderAccess.Run)
    let types = assembly.DefineDynamicModule "Twins"
    let role = types.DefineType("IRole", TypeAttributes.Public ||| TypeAttributes.Interface ||| TypeAttributes.Abstract).CreateType()
    let kind = CustomAttributeBuilder(nonNull (typeof<KindAttribute>.GetConstructor [| typeof<string> |]), [| box "twin" |])

    for name in [ "One"; "Other" ] do
        let record = types.DefineType(name, TypeAttributes.Public ||| TypeAttributes.Class, typeof<obj>, [| role |])
        record.SetCustomAttribute kind
        record.CreateType() |> ignore

    assembly

let private nuget =
    match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
    | null
    | "" -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
    | folder -> folder

/// Name and version of each package of a lock, with its dependencies in the lock.
let private locked (text: string) = [
    for m in Regex.Matches(text, @"(?m)^    (?<name>\S+) \((?<version>[^)]+)\).*\n(?<needs>(?:      .*\n?)*)") ->
        m.Groups["name"].Value,
        m.Groups["version"].Value,
        [ for n in Regex.Matches(m.Groups["needs"].Value, @"(?m)^      (\S+)") -> n.Groups[1].Value ]
]

/// The dependencies of a package for this framework: those of its nearest group.
let private needsOf (name: string, version: string) =
    let folder = Path.Combine(nuget, name.ToLowerInvariant())
    let same (found: string) =
        Version.TryParse found |> fst
        && (Version.Parse(found + (if found.Split('.').Length = 2 then ".0" else ""))).ToString(3) =
            (Version.Parse(version + (if version.Split('.').Length = 2 then ".0" else ""))).ToString(3)
    let installed =
        if Directory.Exists folder then Directory.GetDirectories folder |> Array.filter (Path.GetFileName >> nonNull >> same) else [||]

    match Array.tryHead installed with
    | None -> []
    | Some at ->
        let spec = XDocument.Load(Path.Combine(at, $"{name.ToLowerInvariant()}.nuspec"))
        let local (e: XElement) = e.Name.LocalName
        let groups =
            spec.Descendants()
            |> Seq.filter (fun e ->
                local e = "group"
                && (match e.Parent with
                    | null -> false
                    | p -> local p = "dependencies"))
            |> List.ofSeq
        let framework (g: XElement) =
            match g.Attribute "targetFramework" with
            | null -> ""
            | a -> a.Value.ToLowerInvariant().TrimStart('.')
        let nearest =
            [ for v in 10..-1..5 -> $"net{v}.0" ]
            @ [ "netcoreapp3.1"; "netcoreapp3.0"; "netcoreapp2.1"; "netstandard2.1"; "netstandard2.0"; "netstandard1.6"; "" ]
        let ids (e: XElement) =
            e.Elements()
            |> Seq.filter (fun d -> local d = "dependency")
            |> Seq.map (fun d -> (nonNull (d.Attribute "id")).Value)
            |> List.ofSeq

        nearest
        |> List.tryPick (fun f ->
            groups |> List.tryFind (fun g -> framework g = f || framework g = f.Replace("netstandard", "netstandard,version=v")))
        |> Option.map ids
        |> Option.defaultValue []

let private lockHolds (text: string) =
    let packages = locked text
    must "the lock contains a registry's address" (not (text.Contains "://"))
    must "the lock contains no package" (not packages.IsEmpty)
    let known = packages |> List.map (fun (name, _, _) -> name.ToLowerInvariant()) |> set

    for name, version, said in packages do
        for need in said @ needsOf (name, version) |> List.distinct do
            must $"{name} needs {need}, which the lock does not have" (known.Contains(need.ToLowerInvariant()))

    for m in Regex.Matches(read "paket.dependencies", @"(?m)^nuget (\S+) (\S+)") do
        must $"{m.Groups[1].Value} is required, but not in the lock" (known.Contains(m.Groups[1].Value.ToLowerInvariant()))

let private texts () =
    ofKind [
        ".cs"
        ".fs"
        ".fsx"
        ".csproj"
        ".fsproj"
        ".props"
        ".targets"
        ".yaml"
        ".yml"
        ".json"
        ".md"
        ".sh"
        ".cpp"
        ".h"
        ".sln"
        ".lock"
        ".dependencies"
        "run"
        ".cff"
        ".editorconfig"
        "LICENSE"
        ".gitignore"
    ]
    // This file contains the patterns that it searches for.
    |> List.filter (fun f -> not (f.EndsWith "Architecture.fs"))

let private speaksOf (pattern: string) = [
    for file in texts () do
        for i, line in File.ReadLines(under file) |> Seq.indexed do
            let m = Regex.Match(line, pattern)
            if m.Success then $"{file}, line {i + 1}: {m.Value}"
]

let all = [
    law "projects reference each other only as planned" (fun () -> keepsArrows (projects ()))
    |> breaks "Methods references Nets" (fun () -> keepsArrows [ "Ebm.Methods", [ "Ebm.Core"; "Ebm.Nets" ] ])
    |> breaks "Methods references Data" (fun () -> keepsArrows [ "Ebm.Methods", [ "Ebm.Core"; "Ebm.Data" ] ])
    |> breaks "Analysis references Core" (fun () -> keepsArrows [ "Ebm.Analysis", [ "Ebm.Core" ] ])
    |> breaks "Analysis references Audits" (fun () -> keepsArrows [ "Ebm.Analysis", [ "Ebm.Audits" ] ])

    law "every planned project exists" (fun () ->
        let there = projects () |> List.map fst |> set
        none [
            for name in arrows.Keys do
                if not (there.Contains name) then $"{name} is missing"
        ])

    law "nothing is named Utils, Helpers, Common, Manager or Base" (fun () ->
        none [
            for file in ofKind [ ".cs"; ".fs"; ".fsx"; ".cpp"; ".h" ] do
                if Regex.IsMatch(stem file, @"(Utils?|Helpers?|Common|Manager)$|^Base$") then file
        ])

    law "every method is one class with one kind, its name in kebab case" (fun () ->
        let classes = methodClasses () |> Array.map (fun t -> Kebab.Case t.Name) |> Array.sort |> List.ofArray
        let kinds =
            methods
            |> List.ofSeq
            |> List.filter (fun k -> (nonNull ((Catalog.Load []).Find(typeof<ISpec<Method>>, k))).Assembly = methodsAssembly ())
        must $"classes {classes}, kinds {kinds}" (classes = List.sort kinds))

    law "every method has a folder, its kind in Ebm.Methods" (fun () -> keepsFolders (methodFolders ()))
    |> breaks "a file beside the folders" (fun () -> keepsFolders ("Other.cs" :: methodFolders ()))

    law "a kind is unique within its role" (fun () -> Catalog.Load [] |> ignore)
    |> breaks "two records of one role and kind" (fun () ->
        try
            Catalog.Of [ twins () :> Assembly ] |> ignore
        with :? ConfigException as e when e.Message.Contains "twin" ->
            broken e.Message)

    law "every kind of data and method has an option file" (fun () ->
        let catalog = Catalog.Load []
        let written group =
            [
                for f in files.Value do
                    if f.StartsWith $"experiments/configs/{group}/" then
                        (Document.Read(under f)).Find "kind" |> Option.ofObj |> Option.map (fun kind -> $"{kind}")
            ]
            |> List.choose id

        none [
            for group, role in [ "data", typeof<ISpec<IDataset>>; "method", typeof<ISpec<Method>> ] do
                for kind in catalog.Kinds role do
                    if
                        (nonNull (catalog.Find(role, kind))).Assembly <> Assembly.GetExecutingAssembly()
                        && not (List.contains kind (written group))
                    then
                        $"the {group} {kind} has no file under experiments/configs/{group}"
        ])

    law "no library source outside Ebm.Methods names a method" (fun () ->
        let names = [ for t in methodClasses () -> $@"\b{t.Name}\w*\b" ] @ [ for k in methods -> $"\"{k}\"" ]
        none (namesOf "core/Ebm.Methods/" (String.concat "|" names)))

    law "only Convolution calls libtorch's convolutions, which are wrong on some processors" (fun () ->
        none [
            for file in ofKind [ ".cs" ] do
                if file.StartsWith "core/" && stem file <> "Convolution" && Regex.IsMatch(read file, @"\bconv(_transpose)?2d\(") then
                    $"{file}: call Convolution.Of"
        ])

    law "the lock has every package's dependencies and no registry's address" (fun () -> lockHolds (read "paket.lock"))
    |> breaks "an address" (fun () -> lockHolds ((read "paket.lock").Replace("%NUGET_SOURCE%", "https://example.org")))
    |> breaks "a package without its dependencies" (fun () ->
        lockHolds (Regex.Replace(read "paket.lock", @"(?m)^    Google\.Protobuf .*\n", "")))
    |> breaks "a lock made with a cold cache" (fun () ->
        // Such a lock has the required packages without their dependencies.
        let asked = [ for m in Regex.Matches(read "paket.dependencies", @"(?m)^nuget (\S+)") -> m.Groups[1].Value ]
        let cold =
            Regex.Replace(read "paket.lock", @"(?m)^      .*\n", "").Split('\n')
            |> Array.filter (fun l -> not (l.StartsWith "    ") || List.exists (fun a -> l.StartsWith $"    {a} (") asked)
        lockHolds (String.concat "\n" cold))

    law "the repository contains no machine's paths and no registry's address" (fun () ->
        none (speaksOf @"(?<![\w.~])/(work|home|root|Users)/\w|/tmp/\w|[A-Z]:\\\\Users|api\.nuget\.org|registry\.npmjs"))

    law "every script loads its bootstrap, then its references, in two steps" (fun () ->
        none [
            for file in ofKind [ ".fsx" ] do
                if (file.StartsWith "experiments/" || file.StartsWith "analysis/") && not ((stem file).StartsWith '_') then
                    let loads = [
                        for line in File.ReadLines(under file) do
                            if line.StartsWith "#load" then line
                    ]
                    let shown = String.concat " " loads
                    if not (Regex.IsMatch(shown, @"^#load ""(\.\./experiments/)?_bootstrap\.fsx""[^#]* #load ""_refs\.fsx""")) then
                        $"{file}: {shown}"
        ])
]
