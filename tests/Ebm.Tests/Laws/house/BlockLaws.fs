/// Every fenced block of the README and the pages does what the page says. The words after a block's language name the place of the file, as a
/// reader would make it: `fsharp experiments/look.fsx` is type-checked there, and run if arguments follow; `csharp lab/Mine.cs` is compiled
/// outside the clone; `yaml experiments/configs/method/mine.yaml` is composed. A block for which no law is named fails, with its page and line.
/// The blocks marked `console` are commands, which DocsLaws runs.
module Ebm.Tests.Laws.BlockLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Sweeps
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Sentence
open Ebm.Tests
open Ebm.Tests.Law

type Block = {
    Page: string
    Line: int
    Language: string
    /// The words after the language.
    Place: string list
    Text: string
} with

    override block.ToString() = $"{block.Page}, line {block.Line}"

let private blocks (page: string) (lines: string list) : Block list =
    let rec outside found (lines: (int * string) list) =
        match lines with
        | [] -> List.rev found
        | (number, line) :: rest when line.TrimStart().StartsWith "```" ->
            let words = line.Trim().Substring(3).Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
            let inside = rest |> List.takeWhile (fun (_, line) -> line.Trim() <> "```")

            let block = {
                Page = page
                Line = number
                Language = List.tryHead words |> Option.defaultValue ""
                Place = List.truncate words.Length words |> List.skip (min 1 words.Length)
                Text = inside |> List.map snd |> String.concat "\n"
            }

            outside (block :: found) (List.skip (min rest.Length (inside.Length + 1)) rest)
        | _ :: rest -> outside found rest

    outside [] (lines |> List.mapi (fun i line -> i + 1, line))

/// Runs a program in a folder; its exit code and output.
let private ended (folder: string) (program: string) (arguments: string list) =
    let start = ProcessStartInfo(program, arguments, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true)

    Processes.finished (nonNull (Process.Start start))

let private succeeds (block: Block) folder program arguments =
    let code, said = ended folder program arguments
    must $"{block}: `{program} {listed arguments}` ends with exit code {code}; it says:\n{said}" (code = 0)

// ── F# ──────────────────────────────────────────────────────────────────────────────────────

/// Writes the script in the clone, at the place that the page names, and deletes it afterwards. A file that is there stays.
let private script (block: Block) (place: string) (arguments: string list) =
    let path = Folder.under place
    must $"{block}: {place} exists; name another file in the block's first line" (not (File.Exists path))

    try
        File.WriteAllText(path, block.Text + "\n")

        if arguments.IsEmpty then
            succeeds block Folder.root "dotnet" [ "fsi"; "--typecheck-only"; place ]
        else
            Folder.inFolder (fun folder -> succeeds block Folder.root "dotnet" ([ "fsi"; place ] @ arguments @ [ "--runs"; folder ]))
    finally
        File.Delete path

// ── C# ──────────────────────────────────────────────────────────────────────────────────────

let private project =
    """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <Nullable>enable</Nullable>
    <ImplicitUsings>enable</ImplicitUsings>
  </PropertyGroup>
  <ItemGroup>
    <Using Include="TorchSharp" />
    <Using Include="TorchSharp.torch" Static="true" />
    <Using Include="TorchSharp.Modules" Alias="Modules" />
    <Reference Include="{bin}/Ebm.*.dll;{bin}/TorchSharp.dll" />
  </ItemGroup>
</Project>
"""

/// Compiles files in one project outside the clone, with the names that the pages give them, against the project's assemblies.
let private compiles (files: (string * string) list) =
    Folder.inFolder (fun folder ->
        File.WriteAllText(
            Path.Combine(folder, "Outside.csproj"),
            project.Replace("{bin}", Folder.under "artifacts/bin/Ebm.Sweeps/release")
        )

        for name, text in files do
            let path = Path.Combine(folder, name)
            Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
            File.WriteAllText(path, text + "\n")

        let code, said = ended folder "dotnet" [ "build"; "--nologo"; "-v"; "quiet"; "--disable-build-servers" ]
        must $"{listed (List.map fst files)}: the files do not compile outside the clone; the compiler says:\n{said}" (code = 0))

// ── YAML ────────────────────────────────────────────────────────────────────────────────────

let private composes (block: Block) (place: string) =
    Folder.inFolder (fun folder ->
        let file = Path.Combine(folder, place)
        Directory.CreateDirectory(string (Path.GetDirectoryName file)) |> ignore
        File.WriteAllText(file, block.Text + "\n")
        let config = Regex.Match(place, @"\Aexperiments/configs/(.+)/([^/]+)\.yaml\z")

        try
            let configs = Configs(Path.Combine(folder, "experiments/configs"), Folder.under "experiments/configs")

            if config.Success && config.Groups[1].Value = Launcher.group then
                let launcher, settings = Launcher.chosen configs config.Groups[2].Value
                launcher.Read settings [] |> ignore
            elif config.Success then
                let choice = Overrides.parse $"{config.Groups[1].Value}={config.Groups[2].Value}"
                let value =
                    choice.Setting
                    |> Option.map (function
                        | Values.One value -> value
                        | _ -> broken $"{block}: not a name")
                Composer(configs, "sweep").Compose [ choice, value ] |> ignore
            elif place = ".ebm-secrets.yaml" then
                Secrets.At folder |> ignore
            elif place.StartsWith "analysis/tables/" || place.StartsWith "experiments/claims/" then
                must $"{block}: {place} does not contain this text" ((File.ReadAllText(Folder.under place)).Contains block.Text)
            elif not (place.Contains '/') then
                SweepFile.ofFile file |> ignore
            else
                broken $"{block}: no law reads a YAML file at {place}"
        with :? ConfigException as error ->
            broken $"{block}: {error.Message}")

// ── The rules ───────────────────────────────────────────────────────────────────────────────

/// The check of a block; None for text, for commands, and for C#, which is compiled all at once.
let private check (block: Block) : (unit -> unit) option =
    match block.Language, block.Place with
    | "", _ -> None
    | "console", ([] | [ "dry" ] | [ "by"; "hand" ] | [ "exit"; _ ]) -> None
    | ("latex" | "python"), [ "by"; "hand" ] -> None
    | "csharp", [ _ ] -> None
    | "fsharp", place :: arguments when place.EndsWith ".fsx" -> Some(fun () -> script block place arguments)
    | "yaml", [ place ] -> Some(fun () -> composes block place)
    | "sh", [] -> Some(fun () -> succeeds block Folder.root "sh" [ "-n"; "-c"; block.Text ])
    | language, place ->
        let said = String.Join(' ', language :: place)
        broken
            $"{block}: no law checks a block `{said}`; write the place of its file after the language (`fsharp experiments/mine.fsx`, \
              `csharp lab/Mine.cs`, `yaml experiments/configs/<group>/<option>.yaml`)"

let private pages = [
    for page in
        "README.md" :: [ for file in Directory.GetFiles(Folder.under "docs", "*.md") |> Array.sort -> $"docs/{Path.GetFileName file}" ] do
        page, List.ofArray (File.ReadAllLines(Folder.under page))
]

let private all' = lazy (pages |> List.collect (fun (page, lines) -> blocks page lines))

/// The blocks of one text, checked.
let private follow (text: string) =
    for block in blocks "a page" (List.ofArray (text.Split '\n')) do
        check block |> Option.iter (fun check -> check ())

let all = [
    law "every fenced block of the pages is checked by a law" (fun () ->
        let unchecked = [
            for block in all'.Value do
                try
                    check block |> ignore
                with Broken says ->
                    says
        ]

        must (String.concat "\n" unchecked) unchecked.IsEmpty)
    |> breaks "a language without a law" (fun () -> follow "```python\nprint()\n```")
    |> breaks "a script without its place" (fun () -> follow "```fsharp\nlet x = 1\n```")
    |> breaks "a command with an unknown word" (fun () -> follow "```console sometimes\n$ true\n```")

    law "the YAML of the pages composes at the place that the page names" (fun () ->
        for block in all'.Value do
            if block.Language = "yaml" then check block |> Option.iter (fun check -> check ()))
    |> breaks "an option that does not exist" (fun () ->
        follow "```yaml experiments/configs/experiment/mine.yaml\n# @package _global_\ndefaults: [ override /data: nowhere ]\n```")
    |> breaks "a misspelt key of a sweep" (fun () -> follow "```yaml mine.yaml\nsweep: mine\ngivn: [ seed=1 ]\n```")
    |> breaks "a table that differs from its file" (fun () -> follow "```yaml analysis/tables/comparison.yaml\ntitle: mine\n```")

    law "the F# of the pages is accepted by F# Interactive at the place that the page names" (fun () ->
        for block in all'.Value do
            if block.Language = "fsharp" then check block |> Option.iter (fun check -> check ()))
    |> breaks "a function that does not exist" (fun () ->
        follow "```fsharp experiments/law.fsx\n#load \"_bootstrap.fsx\"\n#load \"_refs.fsx\"\nEbm.Sweeps.Cli.mian ()\n```")

    law "the C# of the pages and the example assembly compile outside the clone" (fun () ->
        compiles [
            for file in Directory.GetFiles(Folder.under "tests/Lab", "*.cs") do
                string (Path.GetFileName file), File.ReadAllText file
            for block in all'.Value do
                if block.Language = "csharp" then
                    for place in block.Place do
                        place, block.Text
        ])
    |> breaks "a type that does not exist" (fun () -> compiles [ "Mine.cs", "public sealed class Mine : Ebm.Core.Nothing;" ])

    law "the shell's lines of the pages are read by sh" (fun () ->
        for block in all'.Value do
            if block.Language = "sh" then check block |> Option.iter (fun check -> check ()))
    |> breaks "a loop without an end" (fun () -> follow "```sh\nfor i in 1 2; do echo $i\n```")
]
