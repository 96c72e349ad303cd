/// What a command says of input that it refuses: one sentence, of an error whose message people see.
module Ebm.Tests.Refusing

open System.IO
open Ebm.Core
open Ebm.Records
open Ebm.Tests.Law

/// The call fails with an error that a command prints as one sentence, which has all the parts.
let refused (parts: string list) (call: unit -> unit) =
    let said =
        try
            call ()
            broken "was accepted"
        with
        | :? SettingException
        | :? ConfigException
        | :? InvalidDataException
        | :? IOException as error -> error.Message

    must $"more than a line: {said}" (not (said.Contains '\n'))

    for part in parts do
        must $"\"{part}\" is missing in: {said}" (said.Contains part)
