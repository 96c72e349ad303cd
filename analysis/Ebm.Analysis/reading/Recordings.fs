/// What runs recorded during training, by name. A file that grows is read on from where the last reading ended, so that a page about running
/// runs can ask every second.
module Ebm.Analysis.Recordings

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open Ebm.Records

/// A run's recorded steps and values by name, in order.
type Record = Dictionary<string, List<struct (int64 * float)>>

/// The recordings of runs. A record that it gives grows with later readings of the same file.
type Recordings() =
    let followed = ConcurrentDictionary<struct (string * bool), Follower * Record>()

    let read (isEvents: bool) (folder: RunFolder) : Record =
        let follower, record =
            followed.GetOrAdd(
                struct (folder.Path, isEvents),
                fun _ -> (if isEvents then Follower.OfEvents folder else Follower.OfMeasures folder), Record(StringComparer.Ordinal)
            )

        lock follower (fun () ->
            try
                let mutable isAnother = false
                let added = follower.Next &isAnother
                if isAnother then record.Clear()

                for value in added do
                    match record.TryGetValue value.What with
                    | true, values -> values.Add(struct (value.Step, value.Value))
                    | _ -> record[value.What] <- List [ struct (value.Step, value.Value) ]
            with
            | :? InvalidDataException
            | :? IOException
            | :? UnauthorizedAccessException ->
                // The next reading begins at the start of the file.
                record.Clear()
                followed.TryRemove(struct (folder.Path, isEvents)) |> ignore)

        record

    /// The values of events.jsonl; empty if they cannot be read.
    member _.Events folder = read true folder

    /// The metrics taken during training; empty if they cannot be read.
    member _.Measures folder = read false folder

    /// Releases the records of runs whose folders are gone.
    member _.Forget() =
        for struct (path, _) as key in List.ofSeq followed.Keys do
            if not (Directory.Exists path) then followed.TryRemove key |> ignore
