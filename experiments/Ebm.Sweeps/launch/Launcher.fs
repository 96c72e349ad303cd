/// A way to execute runs, as a value. A file in launchers/ with a value `launcher` adds one, and so does an assembly that references this
/// one; --launcher selects one by name.
module Ebm.Sweeps.Launcher

open System
open System.IO
open System.Reflection
open Argu
open Ebm.Records
open Ebm.Sweeps.Child
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Launch
open Ebm.Sweeps.Sentence

/// A scheduler's report on a run.
type Told = {
    Task: string
    /// The scheduler's own word for the state.
    Word: string
    /// Why the task waits or ended, in the scheduler's words.
    Why: string option
    /// The task runs, or will run without another submission.
    IsQueued: bool
    /// The state that the word implies if the run's folder does not say how the run ended.
    State: RunState option
    /// The file with the task's output.
    Log: string option
}

/// A run's state and reason: those of its folder, or the scheduler's where the folder has no end, or where a person cancelled the task.
let heard (told: Told option) (state: RunState, reason: string option) : RunState * string option =
    match told with
    | None -> state, reason
    | Some told ->
        let why = told.Why |> Option.map (fun why -> $" ({why})") |> Option.defaultValue ""
        let log = if told.IsQueued then "" else told.Log |> Option.map (fun log -> $"; its log is {log}") |> Option.defaultValue ""
        let says = $"task {told.Task} is {told.Word}{why}{log}"

        match state, told.State with
        | (RunState.Pending | RunState.Lost), Some implied -> implied, Some says
        | RunState.Preempted, Some RunState.Interrupted -> RunState.Interrupted, Some says
        | RunState.Preempted, Some RunState.Pending -> state, Some says
        | _ -> state, reason

type Launching =
    /// Executes runs and waits for them. Returns their outcomes and, if it was asked to stop, the exit code for that.
    | Executes of (Settings -> Job list -> IDisplay -> Outcome list * int option)
    | Submits of Submitting

and Submitting = {
    /// The lines that describe a submission. Writes nothing.
    Describe: Settings -> string -> Job list -> string list
    /// Gives the runs of a sweep's folder to a scheduler. Returns the numbers of the scheduler's jobs.
    Submit: Settings -> string -> Job list -> string list
}

type Launcher = {
    Name: string
    /// The description that `help` prints.
    Says: string
    /// The parsers of its own options.
    Options: ArgumentParser list
    /// The way to launch, from the option of the config group `launcher` that names it, if any, and its own options among the arguments; and the
    /// other arguments.
    Read: Document option -> string list -> Launching * string list
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
let private find (source: Source) (name: string) (options: string list) : Launcher =
    let launchers = all ()

    match launchers |> List.filter (fun launcher -> launcher.Name = name) with
    | [ launcher ] -> launcher
    | _ :: _ -> fail source "" $"Two launchers are named {name}; rename the one that was added."
    | [] ->
        let known = launchers |> List.map _.Name |> List.append options |> List.distinct |> List.sort
        let meant = Spelling.DidYouMean(name, known)
        fail source "" $"""Unknown launcher "{name}". Known launchers: {listed known}{meant}."""

/// The config group whose options describe a lab's schedulers.
let group = "launcher"

/// The launcher of a name, or of the option of the group `launcher` with this name, and that option's settings.
let chosen (configs: Configs) (name: string) : Launcher * Document option =
    let options = configs.Options group

    if List.contains name options then
        let body = configs.Settings $"{group}/{name}"
        let kind = body.Get "kind"
        find kind.Source (string kind) [], Some body
    else
        find (Source.CommandLine $"--launcher {name}") name options, None

/// The reports of all schedulers on the runs of a sweep's folder.
let told (folder: string) : Map<string, Told> = Map.ofSeq (all () |> Seq.collect (fun launcher -> Map.toSeq (launcher.Told folder)))

/// The folder in a sweep's folder where the launcher of this name keeps its files; tables do not look for runs there.
let folder (name: string) (sweep: string) = Path.Combine(sweep, SweepFolder.Launches, name)
