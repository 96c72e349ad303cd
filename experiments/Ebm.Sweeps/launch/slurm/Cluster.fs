/// What a lab writes once about its SLURM cluster: an option of the config group `launcher`, such as launcher/ours.yaml.
///
///     kind: slurm
///     partition: gpu
///     gres: gpu:1
///     mem: 16G
///     time: 4:00:00
///     at-once: 32
///     runs-per-task: 1
///     setup: cluster/modules.sh
///     container: lab.sif
///     container-options: [ --nv ]
///
/// All keys but those of `own` are the long options of sbatch.
module Ebm.Sweeps.Cluster

open System
open Ebm.Records
open Ebm.Sweeps.Sentence

type Cluster = {
    /// Options of sbatch, such as --partition=gpu.
    Sbatch: string list
    /// Tasks at the same time.
    AtOnce: int option
    RunsPerTask: int option
    /// A shell file that each task reads before it starts the runner.
    Setup: string option
    /// An image in which Apptainer starts the runner, and further options of `apptainer exec`.
    Container: string option
    ContainerOptions: string list
}

let nothing = { Sbatch = []; AtOnce = None; RunsPerTask = None; Setup = None; Container = None; ContainerOptions = [] }

let private own = [ "kind"; "at-once"; "runs-per-task"; "setup"; "container"; "container-options" ]

/// The options of sbatch that describe a task. The others belong to the launcher: the array, the logs, the name.
let private ofSbatch = [
    "account"
    "begin"
    "comment"
    "constraint"
    "cpus-per-gpu"
    "cpus-per-task"
    "deadline"
    "exclude"
    "exclusive"
    "export"
    "gpus"
    "gpus-per-node"
    "gpus-per-task"
    "gres"
    "hint"
    "licenses"
    "mail-type"
    "mail-user"
    "mem"
    "mem-per-cpu"
    "mem-per-gpu"
    "nice"
    "nodelist"
    "partition"
    "qos"
    "reservation"
    "signal"
    "threads-per-core"
    "time"
    "time-min"
    "tmp"
    "wckey"
]

let private text (key: string) (node: Document) =
    match node.Value with
    | :? string as text when text <> "" && not (Seq.exists Char.IsControl text) -> text
    | _ -> raise (node.IsNot(key, "a text of one line"))

let private count key (node: Document) =
    match Option.ofNullable (node.AsInteger()) with
    | Some n when n >= 1L && n <= 1_000_000L -> Some(int n)
    | _ -> raise (node.IsNot(key, "a count from 1 to 1000000"))

/// true gives --key, a text or a whole number --key=value.
let private option (key: string) (node: Document) =
    match node.Value with
    | :? bool as isSet -> [ if isSet then $"--{key}" ]
    | :? int64 as number -> [ $"--{key}={number}" ]
    | _ -> [ $"--{key}={text key node}" ]

/// Reads the body of a launcher's option. Throws ConfigException with the file and the line.
let read (document: Document) : Cluster =
    let word (cluster: Cluster) (entry: Entry) =
        let key, node = entry.Key, entry.Value

        match key with
        | "kind" -> cluster
        | "at-once" -> { cluster with AtOnce = count key node }
        | "runs-per-task" -> { cluster with RunsPerTask = count key node }
        | "setup" -> { cluster with Setup = Some(text key node) }
        | "container" -> { cluster with Container = Some(text key node) }
        | "container-options" when node.IsList -> { cluster with ContainerOptions = [ for item in node.Items -> text key item ] }
        | "container-options" -> raise (node.IsNot(key, "a list of texts"))
        | key when List.contains key ofSbatch -> { cluster with Sbatch = cluster.Sbatch @ option key node }
        | other ->
            let known = own @ ofSbatch
            fail
                entry.KeySource
                other
                $"unknown key {other}{Spelling.DidYouMean(other, known)}. A launcher of kind slurm has {listed own}, and these options of \
                  sbatch: {listed ofSbatch}. Others are given on the command line: --slurm \"--{other}=…\"."

    List.ofSeq document.Entries |> List.fold word nothing
