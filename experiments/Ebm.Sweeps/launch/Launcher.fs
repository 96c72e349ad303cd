/// A way of getting runs executed, as a value. A file in launchers/ that has a value `launcher` adds one, as does any assembly that sees this
/// one; --launcher takes its name.
module Ebm.Sweeps.Launcher

open System
open System.IO
open Argu
open Ebm.Records
open Ebm.Sweeps.Child
open Ebm.Sweeps.Launch
open Ebm.Sweeps.Sentence

/// What a scheduler says of a run that it was given.
type Told = {
    Task: string
    /// The scheduler's own word for the run's state.
    Word: string
    IsQueued: bool
    /// The state that the word implies where the run's folder has none that is settled.
    State: RunState option
}

type Launching =
    /// Executes runs and waits for them. Returns their outcomes and, when it was told to stop, the exit code for that.
    | Executes of (Settings -> Job list -> IDisplay -> Outcome list * int option)
    /// Hands the runs of a sweep's folder to a scheduler. Returns the numbers of the scheduler's jobs.
    | Submits of (Settings -> string -> Job list -> string list)

type Launcher = {
    Name: string
    /// What `help` says of it.
    Says: string
    /// The parsers of its own options.
    Options: ArgumentParser list
    /// How it launches, by its own options among the arguments; and the other arguments.
    Read: string list -> Launching * string list
    /// What its scheduler says of the runs of a sweep's folder, by their ids.
    Told: string -> Map<string, Told>
    /// Cancels the jobs that its scheduler still has of a sweep's folder. Returns their numbers.
    Stop: string -> string list
}

/// Every launcher, by name.
let all () : Launcher list =
    let own = typeof<Launcher>.Assembly
    let sees (assembly: Reflection.Assembly) =
        not assembly.IsDynamic
        && (assembly = own || assembly.GetReferencedAssemblies() |> Array.exists (fun name -> name.Name = own.GetName().Name))

    [
        for assembly in AppDomain.CurrentDomain.GetAssemblies() |> Array.filter sees do
            for type' in assembly.GetTypes() do
                match type'.GetProperty "launcher" with
                | null -> ()
                | property ->
                    match property.GetValue null with
                    | :? Launcher as launcher -> launcher
                    | _ -> ()
    ]
    |> List.sortBy _.Name

/// Throws ConfigException with the names that are known.
let find (name: string) : Launcher =
    let launchers = all ()

    match launchers |> List.tryFind (fun launcher -> launcher.Name = name) with
    | Some launcher -> launcher
    | None ->
        let known = launchers |> List.map _.Name
        let meant = Spelling.DidYouMean(name, known)
        fail (Source.CommandLine $"--launcher {name}") "" $"""Unknown launcher "{name}". Known launchers: {listed known}{meant}."""

/// What any scheduler says of the runs of a sweep's folder.
let told (folder: string) : Map<string, Told> = Map.ofSeq (all () |> Seq.collect (fun launcher -> Map.toSeq (launcher.Told folder)))

/// The folder below a sweep's in which the launcher of this name keeps files of its own; no table looks for runs there.
let folder (name: string) (sweep: string) = Path.Combine(sweep, SweepFolder.Launches, name)

/// A word as the shell takes it.
let quoted (text: string) = "'" + text.Replace("'", "'\\''") + "'"
