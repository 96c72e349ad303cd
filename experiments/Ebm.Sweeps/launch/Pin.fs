/// Pins the code of a sweep at launch: the compiled runner is copied once, under the hash of its files, and every run of the launch
/// executes that copy. Edits and builds during a sweep do not affect it.
module Ebm.Sweeps.Pin

open System
open System.IO
open System.Text
open Ebm.Records

let private sorted (folder: string) (files: string[]) =
    files
    |> Array.map (fun file -> Path.GetRelativePath(folder, file).Replace('\\', '/'))
    |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

let private files (folder: string) = Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> sorted folder

/// The folder of a lab's assembly may contain other files; only those of programs are copied.
let private beside (folder: string) =
    Directory.GetFiles folder
    |> Array.filter (fun file -> List.contains (Path.GetExtension file) [ ".dll"; ".so"; ".json"; ".xml" ])
    |> sorted folder

/// A pin that no sweep uses is deleted a week after its last use.
let private kept = TimeSpan.FromDays 7.0

let private use' (pin: string) = new FileStream(pin + ".used", FileMode.OpenOrCreate, FileAccess.Read, FileShare.Read)

let private tidy (pins: string) =
    for pin in Directory.GetDirectories pins do
        if DateTime.UtcNow - Directory.GetLastWriteTimeUtc pin > kept then
            try
                use _ = new FileStream(pin + ".used", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
                Directory.Delete(pin, true)
            with :? IOException ->
                // A running sweep uses it.
                ()

/// A pin in use; it is not deleted until `Held` is disposed.
type Pinned = {
    /// The runner to start.
    Runner: string
    /// The current paths of a lab's own assemblies.
    With: string list
    /// Names the code in messages and logs.
    Hash: string
    Held: IDisposable
}

/// Copies the runner's folder, and a lab's assemblies with the programs next to them, into `pins`, or uses an existing copy.
let take (pins: string) (runner: string) (with': string list) : Pinned =
    let folderOf (path: string) = string (Path.GetDirectoryName path)
    let labs = with' |> List.map folderOf |> List.distinct
    let folders = folderOf runner :: labs
    let listed = (folderOf runner, files (folderOf runner)) :: [ for lab in labs -> lab, beside lab ]
    let text = StringBuilder()

    for folder, names in listed do
        for name in names do
            text.Append(name).Append(' ').Append(Canonical.Sha256OfFile(Path.Combine(folder, name))).Append('\n') |> ignore

    let hash = (Canonical.Sha256(string text)).Substring(0, 12)
    let pin = Path.Combine(pins, hash)
    Directory.CreateDirectory pins |> ignore
    tidy pins
    let held = use' pin

    if not (Directory.Exists pin) then
        let draft = $"{pin}.{Environment.MachineName}-{Environment.ProcessId}"

        for i, (folder, names) in List.indexed listed do
            for name in names do
                let copy = Path.Combine(draft, string i, name)
                Directory.CreateDirectory(string (Path.GetDirectoryName copy)) |> ignore
                File.Copy(Path.Combine(folder, name), copy)

        try
            Directory.Move(draft, pin)
        with :? IOException when Directory.Exists pin ->
            // Another sweep has made the same pin at the same time.
            Directory.Delete(draft, true)

    Directory.SetLastWriteTimeUtc(pin, DateTime.UtcNow)

    let place (path: string) =
        Path.Combine(pin, string (folders |> List.findIndexBack ((=) (folderOf path))), string (Path.GetFileName path))

    { Runner = Path.Combine(pin, "0", string (Path.GetFileName runner)); With = with' |> List.map place; Hash = hash; Held = held }
