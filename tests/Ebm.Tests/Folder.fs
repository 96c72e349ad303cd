/// The folders of the repository and its data, and temporary folders for laws.
module Ebm.Tests.Folder

open System
open System.IO

/// The repository's root; outputs are below it.
let root =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith $"{AppContext.BaseDirectory} is not in the repository: no folder above it has Ebm.Research.sln"
        | at when File.Exists(Path.Combine(at.FullName, "Ebm.Research.sln")) -> at.FullName
        | at -> up at.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

let under path = Path.Combine(root, path)

/// A temporary folder for a law, deleted at its end.
let inFolder (holds: string -> 'a) : 'a =
    let folder = Directory.CreateTempSubdirectory "ebm-law-"

    try
        holds folder.FullName
    finally
        folder.Delete true

/// The folder of data sets: EBM_DATA, else `data` at the root.
let dataRoot =
    match Environment.GetEnvironmentVariable "EBM_DATA" with
    | null
    | "" -> under "data"
    | folder -> folder

let needsData file =
    Law.needs (fun () ->
        if File.Exists(Path.Combine(dataRoot, file)) then None else Some $"the data folder has no {file}; EBM_DATA sets another folder")
