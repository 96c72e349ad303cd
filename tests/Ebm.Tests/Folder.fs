/// Where the repository lies, where its data lie, and folders that a law has for itself.
module Ebm.Tests.Folder

open System
open System.IO

/// The repository's root: outputs lie under it.
let root =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith $"{AppContext.BaseDirectory} does not lie in the repository: no folder above it holds Ebm.Research.sln"
        | at when File.Exists(Path.Combine(at.FullName, "Ebm.Research.sln")) -> at.FullName
        | at -> up at.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

let under path = Path.Combine(root, path)

/// A folder of the law's own, gone when the law has been asked.
let inFolder (holds: string -> 'a) : 'a =
    let folder = Directory.CreateTempSubdirectory "ebm-law-"

    try
        holds folder.FullName
    finally
        folder.Delete true

/// Where data sets lie: EBM_DATA, else `data` at the root.
let dataRoot =
    match Environment.GetEnvironmentVariable "EBM_DATA" with
    | null
    | "" -> under "data"
    | folder -> folder

let needsData file =
    Law.needs (fun () ->
        if File.Exists(Path.Combine(dataRoot, file)) then
            None
        else
            Some $"there is no {file} under the data folder; EBM_DATA names another")
