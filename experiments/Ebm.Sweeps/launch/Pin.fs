/// The code of a sweep, pinned at launch: the compiled runner is copied aside once, under the hash of its files, and every run of the
/// launch executes that copy. Editing and building while a sweep is at work changes nothing for it.
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

/// Beside a lab's assembly may lie anything; what programs are made of is taken.
let private beside (folder: string) =
    Directory.GetFiles folder
    |> Array.filter (fun file -> List.contains (Path.GetExtension file) [ ".dll"; ".so"; ".json"; ".xml" ])
    |> sorted folder

/// A pin that no sweep uses goes a week after it was last taken.
let private kept = TimeSpan.FromDays 7.0

let private use' (pin: string) = new FileStream(pin + ".used", FileMode.OpenOrCreate, FileAccess.Read, FileShare.Read)

let private tidy (pins: string) =
    for pin in Directory.GetDirectories pins do
        if DateTime.UtcNow - Directory.GetLastWriteTimeUtc pin > kept then
            try
                use _ = new FileStream(pin + ".used", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
                Directory.Delete(pin, true)
            with :? IOException ->
                // A sweep is at work with it.
                ()

/// What is taken stays until it is given back.
type Pinned = {
    /// The runner to start.
    Runner: string
    /// A lab's own assemblies, where they lie now.
    With: string list
    /// Names the code in words and logs.
    Hash: string
    Held: IDisposable
}

/// Copies the runner's folder, and a lab's assemblies with what lies beside them, below `pins`; what is there already is used.
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
            // Another sweep has made the same pin meanwhile.
            Directory.Delete(draft, true)

    Directory.SetLastWriteTimeUtc(pin, DateTime.UtcNow)

    let place (path: string) =
        Path.Combine(pin, string (folders |> List.findIndexBack ((=) (folderOf path))), string (Path.GetFileName path))

    {
        Runner = Path.Combine(pin, "0", string (Path.GetFileName runner))
        With = with' |> List.map place
        Hash = hash
        Held = held
    }
