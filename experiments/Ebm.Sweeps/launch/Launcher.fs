/// A way to execute runs, as a value. A file in launchers/ with a value `launcher` adds one, and so does an assembly that references this
/// one; --launcher selects one by name.
module Ebm.Sweeps.Launcher

open System
open System.IO
open System.Reflection
open Argu
open Ebm.Records
open Ebm.Sweeps.Child
open Ebm.Sweeps.Launch
open Ebm.Sweeps.Sentence

/// A scheduler's report on a run.
type Told = {
    Task: string
    /// The scheduler's own word for the state.
    Word: string
    IsQueued: bool
    /// The state that the word implies if the run's folder has no final state.
    State: RunState option
}

type Launching =
    /// Executes runs and waits for them. Returns their outcomes and, if it was asked to stop, the exit code for that.
    | Executes of (Settings -> Job list -> IDisplay -> Outcome list * int option)
    /// Gives the runs of a sweep's folder to a scheduler. Returns the numbers of the scheduler's jobs.
    | Submits of (Settings -> string -> Job list -> string list)

type Launcher = {
    Name: string
    /// The description that `help` prints.
    Says: string
    /// The parsers of its own options.
    Options: ArgumentParser list
    /// The way to launch, from its own options among the arguments; and the other arguments.
    Read: string list -> Launching * string list
    /// The scheduler's report on the runs of a sweep's folder, by their ids.
    Told: string -> Map<string, Told>
    /// Cancels the scheduler's remaining jobs of a sweep's folder. Returns their numbers.
    Stop: string -> string list
}

/// Every launcher, by name.
let all () : Launcher list =
    let own = typeof<Launcher>.Assembly
    let sees (assembly: Assembly) =
        not assembly.IsDynamic
        && (assembly = own || assembly.GetReferencedAssemblies() |> Array.exists (fun name -> name.Name = own.GetName().Name))

    [
        for assembly in AppDomain.CurrentDomain.GetAssemblies() |> Array.filter sees do
            for type' in assembly.GetTypes() do
                match type'.GetProperty("launcher", BindingFlags.Public ||| BindingFlags.Static) with
                | null -> ()
                | property ->
                    match property.GetValue null with
                    | :? Launcher as launcher -> launcher
                    | _ -> ()
    ]
    |> List.sortBy _.Name

/// Throws ConfigException with the known names.
let find (name: string) : Launcher =
    let launchers = all ()
    let source = Source.CommandLine $"--launcher {name}"

    match launchers |> List.filter (fun launcher -> launcher.Name = name) with
    | [ launcher ] -> launcher
    | _ :: _ -> fail source "" $"Two launchers are named {name}; rename the one that was added."
    | [] ->
        let known = launchers |> List.map _.Name
        let meant = Spelling.DidYouMean(name, known)
        fail source "" $"""Unknown launcher "{name}". Known launchers: {listed known}{meant}."""

/// The reports of all schedulers on the runs of a sweep's folder.
let told (folder: string) : Map<string, Told> = Map.ofSeq (all () |> Seq.collect (fun launcher -> Map.toSeq (launcher.Told folder)))

/// The folder in a sweep's folder where the launcher of this name keeps its files; tables do not look for runs there.
let folder (name: string) (sweep: string) = Path.Combine(sweep, SweepFolder.Launches, name)
