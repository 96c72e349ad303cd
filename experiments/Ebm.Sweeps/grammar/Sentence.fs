/// Raises an error with its place, key and sentence, and lists the known names in one.
module Ebm.Sweeps.Sentence

open System
open Ebm.Records

let fail (source: Source) key says : 'a = raise (ConfigException(source, key, says))

let listed (names: string seq) = String.Join(", ", names)
