/// What can go wrong with the folder, the files or the process of one run: they may be deleted, unreadable, damaged, or on a full disk. Code
/// that goes through many runs catches it for each run, so that one bad run does not end the others.
module Ebm.Sweeps.Mishap

open System
open System.ComponentModel
open System.IO
open System.Text.Json
open Ebm.Records

/// The message of such an exception. Other exceptions are errors of the program.
let (|Mishap|_|) (error: exn) : string option =
    match error with
    | :? IOException
    | :? UnauthorizedAccessException
    | :? InvalidDataException
    | :? JsonException
    | :? ConfigException
    | :? FencedException
    | :? Win32Exception -> Some error.Message
    | _ -> None
