/// Copies, moves and merges of runs are no alterations: a ledger's heads belong to the place of the folder that had it. The audit says which
/// of them it sees.
module Ebm.Tests.Laws.PlaceLaws

open System
open System.IO
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Audits
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.Processes
open Ebm.Tests.AuditWorld

let private copied (from: string) (target: string) = must "it cannot be copied" (ends "cp" [ "-a"; from; target ] = 0)

/// An audit of another folder of runs with the world's repository: its exit code is 0, and it says this.
let private intact (world: World) (runs: string) (says: string) =
    let found = Verify.verify world.Root (Some world.Data) None runs []
    let shown = found.Alterations |> List.map (fun a -> $"{Kebab.Of a.What}: {a.Subject}: {a.Says}") |> String.concat "; "
    must $"{runs}: {shown}" found.Alterations.IsEmpty
    let notes = String.concat " " found.Notes
    must $"{says} is not in: {notes}" (notes.Contains says)
    let workspace = { Workspace.at world.Root with Runs = runs; Data = world.Data; Json = true }
    must "its exit code" (quietly (fun () -> Audit.perform workspace [ "verify" ]) = 0)

let private altered (world: World) (runs: string) (what: Altered) =
    let found = Verify.verify world.Root (Some world.Data) None runs []
    must $"%A{found.Alterations}" (found.Alterations |> List.exists (fun alteration -> alteration.What = what))

/// The world in another folder of runs.
let private at (world: World) (name: string) = Path.Combine(world.Root, name)

/// A run is executed in a folder of runs, as by a sweep.
let private goesOn (world: World) (runs: string) seed =
    let there = World(world.Root, runs)
    Ledger.within world.Root runs (fun () -> begun there "rings" seed |> ended RunState.Completed |> entered there)

let private cases: (string * (World -> unit)) list = [
    "a copy is audited first, and then the original",
    (fun world ->
        copied world.Runs (at world "copy")
        intact world (at world "copy") "moved or copied"
        intact world world.Runs "A copy of this ledger"
        intact world (at world "copy") ""
        intact world world.Runs "A copy of this ledger")
    "a copy and the original both go on",
    (fun world ->
        copied world.Runs (at world "copy")
        goesOn world (at world "copy") 7
        goesOn world world.Runs 8
        goesOn world (at world "copy") 9
        intact world (at world "copy") "A copy of this ledger"
        intact world world.Runs "A copy of this ledger")
    "the original goes on after it was copied, and the copy is audited",
    (fun world ->
        copied world.Runs (at world "copy")
        goesOn world world.Runs 7
        intact world (at world "copy") "This folder is a copy from entry"
        intact world world.Runs "A copy of this ledger")
    "three copies",
    (fun world ->
        // Other runs in each, because equal entries of one second are equal lines.
        for name, seed in [ "a", 7; "b", 8; "c", 9 ] do
            copied world.Runs (at world name)
            goesOn world (at world name) seed

        for name in [ "c"; "a"; "b"; "runs" ] do
            intact world (at world name) "A copy of this ledger")
    "a copy of a copy",
    (fun world ->
        copied world.Runs (at world "a")
        goesOn world (at world "a") 7
        copied (at world "a") (at world "b")
        intact world (at world "b") "moved or copied"
        intact world world.Runs "A copy of this ledger")
    "the folder is moved, goes on, and moves back",
    (fun world ->
        Directory.Move(world.Runs, at world "moved")
        intact world (at world "moved") "moved or copied"
        goesOn world (at world "moved") 7
        Directory.Move(at world "moved", world.Runs)
        intact world world.Runs "")
    "a copy that went on takes the place of the original",
    (fun world ->
        copied world.Runs (at world "copy")
        goesOn world (at world "copy") 7
        Directory.Delete(world.Runs, true)
        Directory.Move(at world "copy", world.Runs)
        intact world world.Runs "")
    "the folder is renamed twice",
    (fun world ->
        Directory.Move(world.Runs, at world "a")
        Directory.Move(at world "a", at world "b")
        intact world (at world "b") "moved or copied")
    "the sweeps of another machine are merged into the folder",
    (fun world ->
        let other = at world "other"
        goesOn world other 7
        let there = World(world.Root, other)
        begun there "spirals" 0 |> ended RunState.Completed |> entered there
        copied (Path.Combine(other, "spirals")) world.Runs
        copied (there.Run("rings", 7)).Path (Path.Combine(world.Runs, "rings"))
        intact world world.Runs "Without an entry in the ledger: "
        goesOn world world.Runs 8
        intact world world.Runs "")
    "a clone has not fetched the heads, fetches them, and fetches them again",
    (fun world ->
        let git where arguments = Git.ask where arguments |> Result.defaultWith failwith
        git world.Root [ "commit"; "--quiet"; "--allow-empty"; "-m"; "first" ] |> ignore
        let clone = at world "clone"
        git world.Root [ "clone"; "--quiet"; world.Root; clone ] |> ignore
        copied world.Runs (Path.Combine(clone, "runs"))
        let seen () = (Verify.verify clone (Some world.Data) None (Path.Combine(clone, "runs")) [])
        must "before" ((seen ()).Alterations.IsEmpty && (seen ()).Notes |> List.exists _.Contains("No repository keeps the head"))
        git clone [ "fetch"; "--quiet"; "origin"; "refs/ebm/*:refs/ebm/*" ] |> ignore
        must "after" ((seen ()).Alterations.IsEmpty && (seen ()).Notes |> List.exists _.Contains("moved or copied"))
        goesOn world world.Runs 7
        git clone [ "fetch"; "--quiet"; "origin"; "refs/ebm/*:refs/ebm/*" ] |> ignore
        must
            $"%A{(seen ()).Alterations}"
            ((seen ()).Alterations.IsEmpty && (seen ()).Notes |> List.exists _.Contains("This folder is a copy")))
    "an archive is unpacked elsewhere",
    (fun world ->
        let archive, target = at world "runs.tar", at world "unpacked"
        must "tar" (ends "tar" [ "-C"; world.Root; "-cf"; archive; "runs" ] = 0)
        Directory.CreateDirectory target |> ignore
        must "tar" (ends "tar" [ "-C"; target; "-xf"; archive ] = 0)
        intact world (Path.Combine(target, "runs")) "moved or copied")
    "a copy of one sweep, without the ledger",
    (fun world ->
        Directory.CreateDirectory(at world "part") |> ignore
        copied (Path.Combine(world.Runs, "rings")) (at world "part")
        intact world (at world "part") "Without a ledger")
]

let private forgeries: (string * Altered * string * (World -> unit)) list = [
    "a copy's end is cut off after an audit",
    Altered.LedgerRemoved,
    "copy",
    (fun world ->
        copied world.Runs (at world "copy")
        goesOn world (at world "copy") 7
        let copy = World(world.Root, at world "copy")
        rewrite copy (Array.truncate 5 (lines copy)))
    "the original is rewritten while a copy is intact",
    Altered.LedgerRewritten,
    "runs",
    (fun world ->
        copied world.Runs (at world "copy")
        goesOn world (at world "copy") 7
        let all = lines world
        all[all.Length - 1] <- Regex.Replace(all[all.Length - 1], "\"hash\":\".", "\"hash\":\"z")
        rewrite world all)
    "the folder is moved, and entries are added without a kept head after a later head",
    Altered.LedgerRemoved,
    "moved",
    (fun world ->
        let all = lines world
        goesOn world world.Runs 7
        anchored world
        Directory.Move(world.Runs, at world "moved")
        let moved = World(world.Root, at world "moved")
        rewrite moved all
        Ledger.append moved.Runs (fun _ -> [ "audit", "verify every sweep", String('0', 64) ]))
    "an older copy takes the place of the original",
    Altered.LedgerRemoved,
    "runs",
    (fun world ->
        copied world.Runs (at world "copy")
        goesOn world world.Runs 7
        Directory.Delete(world.Runs, true)
        Directory.Move(at world "copy", world.Runs))
    "a ledger is rewritten, audited, and audited again",
    Altered.LedgerRewritten,
    "runs",
    (fun world ->
        let all = lines world
        all[all.Length - 1] <- Regex.Replace(all[all.Length - 1], "\"hash\":\".", "\"hash\":\"z")
        rewrite world all
        must "the audit" (audited world [ "verify" ] = 3)
        must "a head is kept of it" (Result.isError (Ledger.anchor world.Root world.Runs)))
]

let all = [
    for name, happens in cases do
        law $"no alteration: {name}" (fun () -> inWorld happens)
        |> breaks "a run is forged" (fun () ->
            inWorld (fun world ->
                replace (world.File(1, "metrics.json")) "0.140625" "0.130625"
                happens world))
        |> needsGit

    for name, what, folder, alter in forgeries do
        law $"an audit notices that {name}" (fun () ->
            inWorld (fun world ->
                alter world
                altered world (at world folder) what))
        |> breaks "nothing was done" (fun () -> inWorld (fun world -> altered world world.Runs what))
        |> needsGit
]
