/// What a refusal says: the place, the key and the sentence; and the names that are known, in a row.
module Ebm.Sweeps.Sentence

open System
open Ebm.Records

let fail (source: Source) key says : 'a = raise (ConfigException(source, key, says))

let listed (names: string seq) = String.Join(", ", names)
