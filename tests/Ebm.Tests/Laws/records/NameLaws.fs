/// Names that become folders, and paths that files name, cannot lead out of their folder.
module Ebm.Tests.Laws.NameLaws

open System
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// Names that are no folder's: other folders, options, commands, line breaks, letters of other scripts that look like Latin ones.
let private hostile = [
    ""
    "."
    ".."
    "../x"
    "/x"
    "a/b"
    "a\\b"
    "a\n"
    "\na"
    "a\u0000b"
    "-rf"
    ".git"
    "a b"
    "$(id)"
    "`id`"
    "a;id"
    "a'b"
    "a\"b"
    "*"
    "~"
    "é"
    "rіngs" // with a Cyrillic i
    "a\u202Eb"
    "１" // a full-width digit
    String('a', FolderName.Longest + 1)
]

let private harmless = [
    "a"
    "_"
    "0"
    "rings"
    "rings-joint-cd-s0-0123456789ab"
    "a.b_c-D"
    "methods..2"
    String('a', FolderName.Longest)
]

let private isJudged (isName: string -> bool) =
    for name in hostile do
        must $"\"{name}\" passes" (not (isName name))

    for name in harmless do
        must $"\"{name}\" is refused" (isName name)

let private isRelative (isPath: string -> bool) =
    for path in
        [ ""; "/"; "/etc/passwd"; ".."; "../x"; "a/../../x"; "a/.."; "./a"; "a//b"; "a/"; "a\\..\\b"; "a\nb"; "a\u0000"; "a/\u007f" ] do
        must $"\"{path}\" passes" (not (isPath path))

    for path in [ "a"; "a/b"; ".config/x.json"; "a b/c.bin"; "née.fs"; "...a"; "-x"; "a..b/c" ] do
        must $"\"{path}\" is refused" (isPath path)

let private isFolderName name = not (isNull (FolderName.Try name))

let all = [
    law "a folder's name is one part of a path, of harmless ASCII characters, with room for a suffix" (fun () -> isJudged isFolderName)
    |> breaks "a pattern that ends in $" (fun () ->
        isJudged (fun name ->
            Text.RegularExpressions.Regex.IsMatch(name, "^[A-Za-z0-9_][A-Za-z0-9._-]*$") && name.Length <= FolderName.Longest))
    |> breaks "letters of every script" (fun () ->
        isJudged (fun name -> Text.RegularExpressions.Regex.IsMatch(name, @"\A\w[\w.-]*\z") && name.Length <= FolderName.Longest))

    law "a folder's name leads to a folder directly below another one" (fun () ->
        for name in harmless do
            let path = (nonNull (FolderName.Try name)).In "/runs"
            must path (Path.GetDirectoryName(Path.GetFullPath path) = "/runs"))

    law "a relative path stays inside its folder" (fun () ->
        isRelative (fun path -> not (isNull (RelativePath.Try path)))
        throws<InvalidDataException, _> [ "manifest.json"; "\"../x\""; "stays inside" ] (fun () ->
            RelativePath.Parse("../x", "manifest.json")))
    |> breaks "absolute paths pass" (fun () -> isRelative (fun path -> not (isNull (RelativePath.Try(path.TrimStart '/'))) && path <> ""))

    law "in a folder without links, a link on the way to a file is refused" (fun () ->
        inFolder (fun folder ->
            Directory.CreateDirectory(Path.Combine(folder, "run", "arrays")) |> ignore
            File.WriteAllText(Path.Combine(folder, "secret"), "")
            File.WriteAllText(Path.Combine(folder, "run", "arrays", "a"), "")
            File.CreateSymbolicLink(Path.Combine(folder, "run", "file"), Path.Combine(folder, "secret")) |> ignore
            Directory.CreateSymbolicLink(Path.Combine(folder, "run", "up"), folder) |> ignore
            let inRun path () = RelativePath.Parse(path, "a law").WithoutLinks(Path.Combine(folder, "run"))
            must "no link" (inRun "arrays/a" () = Path.Combine(folder, "run", "arrays", "a"))

            for path in [ "file"; "up/secret"; "up/run/arrays/a" ] do
                throws<InvalidDataException, _> [ "link" ] (inRun path)))

    law "no sweep has a name that leads elsewhere or is reserved, from --name, a file, a script or an experiment" (fun () ->
        for name in hostile @ [ "audits"; "Audits"; "ledger.jsonl"; "index.db" ] do
            let quoted = JsonText.LineOf name
            throws<ConfigException, _> [] (fun () -> SweepFile.parse $"sweep: {quoted}\ngiven: [ experiment=rings ]\n" "x.yaml")
            throws<ConfigException, _> [] (fun () -> SweepFolder.Name(name, Source.Code)))

    law "a run's id is a folder's name, and no array's file is outside its run" (fun () ->
        inFolder (fun folder ->
            let config = Document.Parse("seed: 0", "config.yaml")
            let hashed = Canonical.Json config
            let hash = (Canonical.Sha256 hashed).Substring(0, 12)

            for id in [ $"../x-{hash}"; $"$(id)-{hash}"; $"a\n-{hash}"; $"/x-{hash}"; $"-x-{hash}"; $"a b-{hash}" ] do
                throws<InvalidDataException, _> [ "a run's id must be" ] (fun () -> RunFolder.Create(folder, id, config, hashed))

            must "a folder was made" (Directory.GetFileSystemEntries folder = [||])
            let run = RunFolder.Create(folder, $"toy-{hash}", config, hashed)
            run.Write([ NamedArray("x", [| "x" |], [| 1L |], [| 0f |]) ])
            let index = run.In("arrays", "index.json")
            File.Copy(run.In("arrays", "x.npy"), Path.Combine(folder, "other.npy"))
            File.WriteAllText(index, (File.ReadAllText index).Replace("x.npy", "../../other.npy"))
            throws<InvalidDataException, _> [ "index.json"; "../../other.npy" ] (fun () -> run.Array "x")))

    law "a data file is below the data root" (fun () ->
        let spec file () = Ebm.Data.TableSpec file
        (spec "uci/wine.csv") () |> ignore

        for file in [ "../secret.csv"; "/etc/passwd"; "a/../../b.csv"; ""; "a\nb.csv" ] do
            throws<Ebm.Core.SettingException, _> [ "below the data root" ] (spec file))

    law "an option's file is in the folder of configs" (fun () ->
        inFolder (fun folder ->
            File.WriteAllText(Path.Combine(folder, "outside.yaml"), "x: 1")
            Directory.CreateDirectory(Path.Combine(folder, "configs", "data")) |> ignore
            File.WriteAllText(Path.Combine(folder, "configs", "data", "rings.yaml"), "x: 1")
            let configs = Configs.Configs(Path.Combine(folder, "configs"))
            must "its own" (configs.Has "data/rings" && configs.Options "data" = [ "rings" ])

            for name in [ "../outside"; "data/../../outside"; $"{folder}/outside"; "data/./rings"; "data//rings" ] do
                must name (not (configs.Has name))

            for group in [ ".."; "data/.."; folder; "." ] do
                must group (configs.Options group = [] && not (configs.IsGroup group))))

    law "a lock's name is a part of a sweep only as a whole" (fun () ->
        inFolder (fun folder ->
            for name in [ "shard-99999999999-of-1"; "shard-1-of-2\n"; "shard-1-of-2x"; "shard-١-of-2"; "xshard-1-of-2"; "shard-1-of-2" ] do
                File.WriteAllText(Path.Combine(folder, name + ".lock"), "")

            let parts = Hold.filed folder ".lock"
            must $"%A{parts}" (parts = [ Hold.Shard(1, 2) ])))
]
