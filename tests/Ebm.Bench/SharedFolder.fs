/// A folder in memory that simulated machines share, with simulated time. Below the root, each process sees the folder under a name of its own:
/// /simulated-1/node7.2/runs is the folder `runs` as the second process of node7 sees it.
///
/// Events happen one after the other, in the order of simulated time. An event is a function that calls the project's own code; at each of its calls
/// to the file system, the simulation may pause it, end its process for ever, or refuse to write. Other events happen during a pause: the thread
/// waits, and another one continues with them, so that exactly one thread works at any time.
module Ebm.Bench.SharedFolder

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Ebm.Records

/// The process that made the call has ended.
exception Killed

/// A process of a machine.
[<ReferenceEquality>]
type Process = {
    Machine: string
    /// The name below the root: node7.2.
    Name: string
    /// The machine's clock minus that of the file server.
    Skew: TimeSpan
    /// It has ended.
    mutable IsDead: bool
    /// It is paused: its timers wait, too.
    mutable IsPaused: bool
    /// Called before each of its calls to the file system.
    mutable Reached: unit -> unit
}

/// A text in lines, each with its line break.
let private linesOf (text: byte[]) : byte[][] =
    let lines = ResizeArray<byte[]>()
    let mutable start = 0

    while start < text.Length do
        let next = Array.IndexOf(text, 10uy, start)
        let past = if next < 0 then text.Length else next + 1
        lines.Add text[start .. past - 1]
        start <- past

    lines.ToArray()

/// A file, or a folder with its entries.
[<AllowNullLiteral>]
type Node(isFolder: bool) =
    static let none = Dictionary<string, Node>()
    let entries = if isFolder then Dictionary<string, Node>() else none
    let mutable bytes: byte[] = [||]
    let mutable packed = None
    member _.Entries = entries
    member _.IsFolder = isFolder

    /// A file's content.
    member _.Bytes
        with get () =
            match packed with
            | None -> bytes
            | Some(lines: byte[][], changed) -> Array.concat (Array.mapi (fun i line -> defaultArg (Map.tryFind i changed) line) lines)
        and set value =
            bytes <- value
            packed <- None

    member _.Length =
        match packed with
        | None -> bytes.Length
        | Some(lines, changed) -> Seq.sum (Seq.mapi (fun i (line: byte[]) -> (defaultArg (Map.tryFind i changed) line).Length) lines)

    /// Keeps only the lines that differ from those of another file of the same kind.
    member node.Pack(lines: byte[][]) =
        let own = linesOf bytes

        if own.Length = lines.Length then
            packed <-
                Some(
                    lines,
                    Map [
                        for i in 0 .. own.Length - 1 do
                            if not (own[i].AsSpan().SequenceEqual(lines[i])) then i, own[i]
                    ]
                )
            bytes <- [||]

    member val Written = DateTime.MinValue with get, set
    /// The process that has the file open alone.
    member val Owner: Process option = None with get, set

/// A simulation's clock and its future.
type Future(start: DateTime) =
    let events = PriorityQueue<unit -> unit, struct (DateTime * int64)>()
    let mutable count = 0L
    let mutable now = start
    let mutable isOver = false
    let mutable failure: exn option = None
    let mutable before = ignore
    let ended = new ManualResetEventSlim()
    // Threads without an event to continue, and threads in the middle of one.
    let free = Stack<SemaphoreSlim>()
    let paused = HashSet<SemaphoreSlim>()

    let stop error =
        if not isOver then
            isOver <- true
            failure <- error

            for thread in Seq.append free paused do
                thread.Release() |> ignore

            ended.Set()

    let loop () =
        while not isOver do
            let mutable event, due = Unchecked.defaultof<_>, struct (DateTime.MinValue, 0L)

            if events.TryDequeue(&event, &due) then
                let struct (time, _) = due
                now <- max now time

                try
                    before ()
                    event ()
                with error ->
                    stop (Some error)
            else
                stop None

    let begin' () = Thread(loop, 1 <<< 20, IsBackground = true).Start()

    member _.Now = now

    member _.At(time: DateTime, event: unit -> unit) =
        count <- count + 1L
        events.Enqueue(event, struct (max now time, count))

    member future.After(delay: TimeSpan, event: unit -> unit) = future.At(now + delay, event)

    /// Lets other events happen for a while, in the middle of an event.
    member future.Pause(delay: TimeSpan) =
        let own = new SemaphoreSlim 0
        paused.Add own |> ignore

        future.After(
            delay,
            fun () ->
                // The thread that paused continues; this one waits until another event pauses.
                let next = new SemaphoreSlim 0
                free.Push next
                paused.Remove own |> ignore
                own.Release() |> ignore
                next.Wait()
        )

        match free.TryPop() with
        | true, other -> other.Release() |> ignore
        | _ -> begin' ()

        own.Wait()
        if isOver then raise Killed

    /// Executes all events; `check` is called before each, and may throw.
    member _.Run(check: unit -> unit) =
        before <- check
        begin' ()
        ended.Wait()
        failure |> Option.iter (fun error -> raise (AggregateException(error.Message, error)))

let private noSpace path = IOException($"No space left on device : '{path}'", 28)

/// The content of an open file.
type private Handle
    (node: Node, place: string, reach: unit -> unit, isFull: unit -> bool, now: unit -> DateTime, closed: unit -> unit, isEnd) =
    inherit Stream()
    let mutable position = if isEnd then node.Bytes.LongLength else 0L
    let mutable isOpen = true
    override _.CanRead = isOpen
    override _.CanSeek = isOpen
    override _.CanWrite = isOpen
    override _.Length = int64 node.Length

    override _.Position
        with get () = position
        and set value = position <- value

    override _.Flush() = reach ()

    override _.Seek(offset, origin) =
        position <-
            match origin with
            | SeekOrigin.Begin -> offset
            | SeekOrigin.Current -> position + offset
            | _ -> node.Bytes.LongLength + offset
        position

    override _.SetLength length =
        reach ()
        let bytes = node.Bytes
        node.Bytes <- Array.init (int length) (fun i -> if i < bytes.Length then bytes[i] else 0uy)
        node.Written <- now ()

    override _.Read(buffer: byte[], offset, count) =
        let bytes = node.Bytes
        let got = max 0 (min count (bytes.Length - int position))
        Array.Copy(bytes, int position, buffer, offset, got)
        position <- position + int64 got
        got

    override _.Write(buffer: byte[], offset, count) =
        reach ()
        if isFull () then raise (noSpace place)
        let from = if isEnd then node.Bytes.Length else int position
        let bytes = if from + count > node.Bytes.Length then Array.zeroCreate (from + count) else Array.copy node.Bytes
        if not (obj.ReferenceEquals(bytes, node.Bytes)) then Array.Copy(node.Bytes, bytes, node.Bytes.Length)
        Array.Copy(buffer, offset, bytes, from, count)
        node.Bytes <- bytes
        node.Written <- now ()
        position <- int64 (from + count)

    override _.Dispose isDisposing =
        if isOpen then
            isOpen <- false
            closed ()
        base.Dispose isDisposing

/// The shared folder. `stale` is how long a process sees what it has seen before, as long as it changes nothing there itself, like a client of NFS.
type SharedFolder(future: Future, root: string, stale: TimeSpan) =
    let top = Node true
    let processes = Dictionary<string, Process>()
    // The lines of the first file of each name; others keep what differs.
    let models = Dictionary<string, byte[][]>()
    // What a machine has seen of a folder.
    let seen = Dictionary<struct (string * string), Dictionary<string, struct (DateTime * (obj | null))>>()

    let split (path: string) =
        let parts = path.Substring(root.Length).Split('/', StringSplitOptions.RemoveEmptyEntries)

        match processes.TryGetValue parts[0] with
        | true, by -> by, parts
        | _ -> raise Killed

    /// The process that a path belongs to, when it may make a call.
    let calls path =
        let by, parts = split path
        if by.IsDead then raise Killed
        by.Reached()
        if by.IsDead then raise Killed
        by, parts

    let child (folder: Node) name =
        match folder.Entries.TryGetValue name with
        | true, node -> node
        | _ -> null

    /// The node of a path's first parts; null if it is missing.
    let walk (parts: string[]) count =
        let mutable node = top
        let mutable i = 1

        while i < count && not (isNull node) do
            node <- if node.IsFolder then child node parts[i] else null
            i <- i + 1

        node

    let find (parts: string[]) = walk parts parts.Length
    let missing (path: string) : exn = FileNotFoundException($"Could not find file '{path}'.", path)
    let noFolder (path: string) : exn = DirectoryNotFoundException($"Could not find a part of the path '{path}'.")

    let above path (parts: string[]) =
        match walk parts (parts.Length - 1) with
        | null -> raise (noFolder path)
        | node when not node.IsFolder -> raise (noFolder path)
        | node -> node

    let folderOf (parts: string[]) count = String.Join('/', parts, 1, count - 1)

    /// The folder with `count` parts has changed; the machine that did it forgets what it saw there.
    let changed (by: Process) (folder: Node) (parts: string[]) count =
        folder.Written <- future.Now
        if stale > TimeSpan.Zero then lock seen (fun () -> seen.Remove(struct (by.Machine, folderOf parts count)) |> ignore)

    /// An answer about a folder, or the one that this machine got a short time ago.
    let remembered (by: Process) what (parts: string[]) count (answer: unit -> 'a) : 'a =
        if stale = TimeSpan.Zero then
            answer ()
        else
            let place = struct (by.Machine, folderOf parts count)

            // The status looks from several threads.
            lock seen (fun () ->
                let known =
                    match seen.TryGetValue place with
                    | true, known -> known
                    | _ ->
                        let none = Dictionary()
                        seen[place] <- none
                        none

                match known.TryGetValue what with
                | true, struct (time, before) when future.Now - time < stale -> unbox<'a> before
                | _ ->
                    let now = answer ()
                    known[what] <- struct (future.Now, box now)
                    now)

    let fits (pattern: string) (name: string) =
        if pattern = "*" then true
        elif pattern.StartsWith '*' then name.EndsWith(pattern.Substring 1, StringComparison.Ordinal)
        elif pattern.EndsWith '*' then name.StartsWith(pattern.Substring(0, pattern.Length - 1), StringComparison.Ordinal)
        else name = pattern

    let listed (path: string) pattern isFolder =
        let by, parts = calls path

        remembered by $"{pattern} {isFolder}" parts parts.Length (fun () ->
            match find parts with
            | null -> raise (noFolder path)
            | folder -> [|
                for KeyValue(name, node) in folder.Entries do
                    if node.IsFolder = isFolder && fits pattern name then name
              |])
        |> Array.map (fun name -> path.TrimEnd '/' + "/" + name)

    /// Until this time, nothing can be written, because the disk is full.
    member val FullUntil = DateTime.MinValue with get, set

    /// Called after each rename, with the new path below the folder and the content.
    member val Moved: string * byte[] -> unit = ignore with get, set

    /// Adds a process, which sees the folder at the path that is returned.
    member _.Start(machine: string, number: int, skew: TimeSpan) =
        let name = $"{machine}.{number}"
        let started = { Machine = machine; Name = name; Skew = skew; IsDead = false; IsPaused = false; Reached = ignore }
        processes[name] <- started
        started, root + name

    /// Forgets a process that has ended.
    member _.End(ended: Process) =
        ended.IsDead <- true
        processes.Remove ended.Name |> ignore

    /// The content of a file at a path below the folder, without the name of a process; null if it is missing.
    member _.Look(path: string) : byte[] | null =
        match find (Array.append [| "" |] (path.Split('/', StringSplitOptions.RemoveEmptyEntries))) with
        | null -> null
        | node -> node.Bytes

    interface IVolume with
        member _.Root = root
        member _.Machine path = (fst (split path)).Machine
        member _.Now path = future.Now + (fst (split path)).Skew

        member _.Every(path, period, action) =
            let by, _ = split path
            let mutable isOver = false

            let rec tick () =
                if not (isOver || by.IsDead) then
                    if not by.IsPaused then
                        try
                            action.Invoke()
                        with Killed ->
                            ()

                    future.After(period, tick)

            future.After(period, tick)

            {
                new IDisposable with
                    member _.Dispose() = isOver <- true
            }

        member _.HasFile path =
            let by, parts = calls path
            remembered by $"file {Array.last parts}" parts (parts.Length - 1) (fun () ->
                let node = find parts in not (isNull node) && not node.IsFolder)

        member _.HasFolder path =
            let by, parts = calls path
            remembered by $"folder {Array.last parts}" parts (parts.Length - 1) (fun () ->
                let node = find parts in not (isNull node) && node.IsFolder)

        member _.Folders(path, pattern) = listed path pattern true
        member _.Files(path, pattern) = listed path pattern false

        member _.Written path =
            let by, parts = calls path

            remembered by $"written {Array.last parts}" parts (parts.Length - 1) (fun () ->
                match find parts with
                | null -> DateTime.FromFileTimeUtc 0L
                | node -> node.Written)

        member _.Length path =
            let _, parts = calls path

            match find parts with
            | null -> raise (missing path)
            | node -> int64 node.Length

        member folder.MakeFolder(path, isNew) =
            let by, parts = calls path
            if folder.FullUntil > future.Now && isNull (find parts) then raise (noSpace path)

            if isNew then
                let above = above path parts
                if not (isNull (child above parts[parts.Length - 1])) then raise (IOException $"The file '{path}' already exists.")
                above.Entries[parts[parts.Length - 1]] <- Node true
                changed by above parts (parts.Length - 1)
            else
                let mutable node = top

                for i in 1 .. parts.Length - 1 do
                    match child node parts[i] with
                    | null ->
                        let made = Node true
                        node.Entries[parts[i]] <- made
                        changed by node parts i
                        node <- made
                    | there when there.IsFolder -> node <- there
                    | _ -> raise (IOException $"The file '{path}' already exists.")

        member folder.Move(from, to') =
            let by, parts = calls from
            let _, target = split to'
            let source, destination = above from parts, above to' target
            let name, newName = parts[parts.Length - 1], target[target.Length - 1]

            match child source name, child destination newName with
            | null, _ -> raise (missing from)
            | moved, there when not (isNull there) && (there.IsFolder <> moved.IsFolder || there.IsFolder && there.Entries.Count > 0) ->
                raise (IOException $"Cannot create '{to'}' because a file or folder with the same name already exists.")
            | moved, _ ->
                source.Entries.Remove name |> ignore
                destination.Entries[newName] <- moved
                changed by source parts (parts.Length - 1)
                changed by destination target (target.Length - 1)
                if not moved.IsFolder then
                    folder.Moved(String.Join('/', target, 1, target.Length - 1), moved.Bytes)

                    match models.TryGetValue newName with
                    | true, model -> moved.Pack model
                    | _ -> models[newName] <- linesOf moved.Bytes

        member _.Delete path =
            let by, parts = calls path

            match walk parts (parts.Length - 1) with
            | null -> raise (noFolder path)
            | above ->
                if not (above.Entries.Remove parts[parts.Length - 1]) then
                    // Deleting a missing file is no error.
                    ()

                changed by above parts (parts.Length - 1)

        member folder.Open(path, mode, isAlone) =
            let by, parts = calls path
            let isFull () = folder.FullUntil > future.Now
            let above = above path parts
            let name = parts[parts.Length - 1]
            let there = child above name

            let node =
                match there, mode with
                | null, FileMode.Open -> raise (missing path)
                | null, _ ->
                    if isFull () then raise (noSpace path)
                    let made = Node(false, Written = future.Now)
                    above.Entries[name] <- made
                    changed by above parts (parts.Length - 1)
                    made
                | there, _ when there.IsFolder -> raise (UnauthorizedAccessException $"Access to the path '{path}' is denied.")
                | _, FileMode.CreateNew -> raise (IOException $"The file '{path}' already exists.")
                | there, _ -> there

            // A lock holds on its machine only.
            match node.Owner with
            | Some owner when not owner.IsDead && owner.Machine = by.Machine ->
                raise (IOException $"The process cannot access the file '{path}' because it is being used by another process.")
            | _ -> ()

            if isAlone then node.Owner <- Some by
            // Opening a file asks the server for its attributes.
            if stale > TimeSpan.Zero then
                lock seen (fun () -> seen.Remove(struct (by.Machine, folderOf parts (parts.Length - 1))) |> ignore)

            let reach () =
                if by.IsDead then raise Killed
                by.Reached()
                if by.IsDead then raise Killed

            let closed () = if isAlone && node.Owner = Some by then node.Owner <- None
            new Handle(node, path, reach, isFull, (fun () -> future.Now), closed, (mode = FileMode.Append))

        member _.Sync path = calls path |> ignore
