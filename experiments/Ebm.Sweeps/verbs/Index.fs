/// An index of all runs in SQLite, for queries in SQL and for other tools. It is rebuilt from the folders, which are the record, so it may be
/// deleted at any time.
///
///     select sweep, avg(value) from metrics join runs using (run) where name = 'grid-kl' group by sweep
module Ebm.Sweeps.Index

open System
open System.IO
open Microsoft.Data.Sqlite
open Ebm.Records
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Plan

let private schema =
    "create table runs (run text primary key, sweep text not null, grp text, state text not null, reason text, seed integer, step integer,
                        attempt integer, train_units integer, seconds real, folder text not null);
     create table settings (run text not null, key text not null, value text not null, primary key (run, key)) without rowid;
     create table metrics (run text not null, name text not null, value real, unit text, better text, protocol text, primary key (run, name))
         without rowid;
     create index runs_by_sweep on runs (sweep, state);"

/// SQLite has no NaN, so NaN becomes null.
let private boxed (value: obj | null) : obj =
    match value with
    | null -> DBNull.Value :> obj
    | :? float as number when Double.IsNaN number -> DBNull.Value :> obj
    | value -> value

let private insert (connection: SqliteConnection) table (columns: int) =
    let command = connection.CreateCommand()
    let names = [ for i in 1..columns -> $"$p{i}" ]
    command.CommandText <- $"""insert into {table} values ({String.concat ", " names})"""
    let parameters = names |> List.map (fun name -> command.Parameters.AddWithValue(name, DBNull.Value))

    fun (values: (obj | null) list) ->
        for parameter, value in List.zip parameters values do
            parameter.Value <- boxed value

        command.ExecuteNonQuery() |> ignore

/// Writes index.db atomically into the folder of all sweeps. Returns its path and the number of runs.
let rebuild (runs: string) : string * int =
    SQLitePCL.Batteries_V2.Init()
    Directory.CreateDirectory runs |> ignore
    let path = Path.Combine(runs, "index.db")
    let draft = Path.Combine(runs, $".index.db.{Environment.ProcessId}")
    File.Delete draft
    let mutable count = 0

    let write () =
        // A pooled connection would stay open after the file is renamed.
        use connection = new SqliteConnection(string (SqliteConnectionStringBuilder(DataSource = draft, Pooling = false)))
        connection.Open()
        use transaction = connection.BeginTransaction()
        use create = connection.CreateCommand()
        create.CommandText <- schema
        create.ExecuteNonQuery() |> ignore
        let run, setting, metric = insert connection "runs" 11, insert connection "settings" 3, insert connection "metrics" 6

        let found = RunTree.Look runs

        for other in found do
            match other.Why with
            | NonNull why when other.LooksLikeRun || other.Misplaced -> eprintfn $"{other.Path}: {why}; it is not in the index."
            | _ -> ()

        let runs = found |> Seq.choose (_.Run >> Option.ofObj) |> List.ofSeq

        for _, same in runs |> List.groupBy _.Id do
            for folder in same.Tail do
                eprintfn $"{folder.Path}: the index has the run of this config in the sweep {same.Head.Sweep}."

        for folder in runs |> List.distinctBy _.Id do
            let state, reason = stateOf folder.Path
            // Of a run that cannot be read, the index has only the state and the reason.
            let manifest, settings, measurements =
                try
                    folder.Manifest, List.ofSeq (folder.Config.Leaves()), List.ofSeq (folder.Measurements())
                with Mishap _ ->
                    null, [], []

            let nullable (value: Nullable<'a>) : obj | null = if value.HasValue then box value.Value else null

            match manifest with
            | null -> run [ folder.Id; folder.Sweep; null; Kebab.Of state; Option.toObj reason; null; null; null; null; null; folder.Path ]
            | manifest ->
                let units: obj | null =
                    match manifest.Cost with
                    | null -> null
                    | cost -> box cost.Train
                let seconds =
                    match manifest.Timing with
                    | null -> null
                    | timing -> nullable timing.Wall
                run [
                    folder.Id
                    folder.Sweep
                    manifest.GroupId
                    Kebab.Of state
                    Option.toObj reason
                    manifest.Seed
                    manifest.Step
                    manifest.Attempt
                    units
                    seconds
                    folder.Path
                ]

            for struct (key, leaf) in settings do
                setting [ folder.Id; key; string leaf ]

            for measured in measurements do
                metric [ folder.Id; measured.Name; measured.Value; measured.Unit; measured.Better.Word(); measured.Protocol ]

            count <- count + 1

        transaction.Commit()


    try
        write ()
    with :? SqliteException as error ->
        raise (IOException($"{draft} cannot be written: {error.Message}", error))

    File.Move(draft, path, true)
    path, count
