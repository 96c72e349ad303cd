/// Event files of TensorBoard, made from the records of runs: scalars of training and metrics, pictures, and the config as text. The records
/// themselves do not change.
///
/// The messages are TorchSharp's, from the protocol buffers of TensorBoard. Its SummaryWriter is not used: it writes the clock, the host's name
/// and the process into each file, opens the file for every value, and needs a native library to copy a PNG.
module Ebm.Sweeps.TensorBoard

open System
open System.Buffers.Binary
open System.Collections.Generic
open System.IO
open System.Numerics
open Google.Protobuf
open TorchSharp
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Child
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked

type private Message = Tensorboard.Event
type private Summary = Tensorboard.Summary
type private Value = Tensorboard.Summary.Types.Value
type private Image = Tensorboard.Summary.Types.Image

// ── The file format ─────────────────────────────────────────────────────────────────────────

/// CRC-32C of some bytes, masked as TFRecord files do: a checksum of bytes that contain checksums would be weak.
let private masked (bytes: ReadOnlySpan<byte>) =
    let mutable crc = 0xFFFFFFFFu

    for value in bytes do
        crc <- BitOperations.Crc32C(crc, value)

    BitOperations.RotateRight(~~~crc, 15) + 0xa282ead8u

/// A TFRecord: the length (8 bytes), its checksum (4), the message, its checksum (4); little-endian.
let private record (stream: Stream) (message: Message) =
    let content = message.ToByteArray()
    let frame = Array.zeroCreate<byte> 12
    BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(), int64 content.Length)
    BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan 8, masked (ReadOnlySpan(frame, 0, 8)))
    let check = Array.zeroCreate<byte> 4
    BinaryPrimitives.WriteUInt32LittleEndian(check.AsSpan(), masked (ReadOnlySpan content))
    stream.Write frame
    stream.Write content
    stream.Write check

// ── A run's events ──────────────────────────────────────────────────────────────────────────

let private scalar (tag: string) (value: float) =
    let summary = Summary()
    summary.Value.Add(Value(Tag = tag, SimpleValue = float32 value))
    summary

let private text (tag: string) (says: string) = torch.utils.tensorboard.Summary.text (tag, says)

/// A PNG as it is, with its size from its header: eight bytes of signature, eight of the first chunk's head, then width and height.
let private picture (tag: string) (png: byte[]) =
    let size at = BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(png, at, 4))
    // TensorBoard counts channels; it reads them from the PNG itself.
    let image = Image(Width = size 16, Height = size 20, Colorspace = 3, EncodedImageString = ByteString.CopyFrom png)
    let summary = Summary()
    summary.Value.Add(Value(Tag = tag, Image = image))
    summary

/// Recorded values in the order of their steps, as they were written: events before the measures of the same step. The order of a run that
/// goes on only grows at its end.
let private recorded (run: RunFolder) : seq<struct (int64 * string * float)> = seq {
    use events = run.Events().GetEnumerator()
    use measures = run.Measures().GetEnumerator()
    let mutable event, measure = events.MoveNext(), measures.MoveNext()

    while event || measure do
        if event && (not measure || events.Current.Step <= measures.Current.Step) then
            struct (events.Current.Step, events.Current.What, events.Current.Value)
            event <- events.MoveNext()
        else
            struct (measures.Current.Step, "measured/" + measures.Current.Measurement.Name, measures.Current.Measurement.Value)
            measure <- measures.MoveNext()
}

/// A run's event file. All times are that of the run's start, so the same records give the same bytes; the steps are those of training.
let content (run: RunFolder) : byte[] =
    let manifest = run.Manifest

    // The first attempt's, so that the file of a resumed run goes on.
    let began =
        Seq.append (run.Attempts()) (Option.toList (Option.ofObj manifest))
        |> Seq.tryPick (fun manifest -> manifest.Timing |> Option.ofObj |> Option.bind (fun timing -> Option.ofNullable timing.Started))
        |> Option.map (fun started -> (started.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds)
        |> Option.defaultValue 0.0

    use stream = new MemoryStream()
    let add step (summary: Summary) = record stream (Message(WallTime = began, Step = step, Summary = summary))
    record stream (Message(WallTime = began, FileVersion = "brain.Event:2"))
    if File.Exists(run.In "config.yaml") then
        add 0L (text "config" ("```yaml\n" + RegularFile.Text(run.In "config.yaml", RegularFile.Record) + "```"))

    for struct (step, tag, value) in recorded run do
        add step (scalar tag value)

    match manifest with
    | NonNull manifest when RunStates.IsOver manifest.State ->
        let struct (metrics, _) = run.ReadMetrics()

        for metric in metrics do
            add manifest.Step (scalar ("metrics/" + metric.Name) metric.Value)

        if File.Exists(run.In "samples.png") then
            let png = RegularFile.Bytes(run.In "samples.png", RegularFile.Record)
            if png.Length > 24 then add manifest.Step (picture "samples" png)

        let findings = Diagnosis.ofFolder run |> List.map (fun found -> $"* {Diagnosis.word found.Verdict}, {found.Check}: {found.Says}")
        add manifest.Step (text "diagnosis" (String.Join("\n", findings)))
    | _ -> ()

    stream.ToArray()

/// The name that TensorBoard recognises by its part "tfevents".
[<Literal>]
let FileName = "events.out.tfevents.ebm"

/// Writes a run's event file below a folder and returns its path. New records are appended, because TensorBoard keeps the file open; a file
/// that does not begin with what it should is replaced.
let write (folder: string) (run: RunFolder) : string =
    let path = Path.Combine(folder, run.Id, FileName)
    let whole = content run
    Directory.CreateDirectory(Path.Combine(folder, run.Id)) |> ignore
    let before = if File.Exists path then RegularFile.Bytes(path, Int32.MaxValue) else [||]

    if before.Length > 0 && before.AsSpan().SequenceEqual(ReadOnlySpan(whole, 0, min before.Length whole.Length)) then
        use file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)
        file.Write(whole, before.Length, whole.Length - before.Length)
    else
        AtomicFile.Write(path, (fun (stream: Stream) -> stream.Write whole))

    path

// ── The verb and the option ─────────────────────────────────────────────────────────────────

/// reports/<sweep>/tensorboard, or the sweep's folder below that of --out: the same config has the same id in two sweeps.
let private folderOf (place: Place) (sweep: string) =
    place.Given.Options.TryGetResult <@ Out @>
    |> Option.map (fun out -> Path.Combine(Options.folder "--out" out, sweep))
    |> Option.defaultWith (fun () -> Path.Combine(place.Reports, sweep, "tensorboard"))

/// The least seconds between two looks at the records of running runs.
let private pause = 5.0

/// Writes the event files of running runs as they grow, and of each run when it ends.
let internal following (place: Place) (display: Launch.IDisplay) : Launch.IDisplay =
    let clock = Diagnostics.Stopwatch.StartNew()
    let rest = ref pause
    let failed = HashSet<string>()

    // A full disk must not end a sweep; it is said once for each run.
    let follow (run: string) =
        try
            let run = RunFolder.Open run
            write (folderOf place run.Sweep) run |> ignore
        with Mishap why ->
            if failed.Add run then display.Say $"{Path.GetFileName run} has no event file: {why}"

    if not (place.Given.Options.Contains <@ CommandLine.Option.Tensorboard @>) then
        display
    else
        {
            new Launch.IDisplay with
                member _.Say text = display.Say text
                member _.Began job = display.Began job

                member _.Tick snapshot =
                    if clock.Elapsed.TotalSeconds > rest.Value then
                        clock.Restart()

                        for child in snapshot.Active do
                            follow child.Job.Run.Folder

                        // Long records take at most a tenth of the launcher's time.
                        rest.Value <- max pause (9.0 * clock.Elapsed.TotalSeconds)
                        clock.Restart()

                    display.Tick snapshot

                member _.Ended(outcome, snapshot) =
                    follow outcome.Job.Run.Folder
                    display.Ended(outcome, snapshot)
        }

/// The runs that the words name, else those of the sweeps that they select.
let private runsOf (place: Place) =
    match place.Given.Words with
    | [ word ] when
        not (Directory.Exists(Path.Combine(place.Runs, word))) && Directory.Exists place.Runs && not (runsNamed place.Runs word).IsEmpty
          ->
          [ findRun place.Runs word ]
    | _ -> sweepFolders place |> List.collect (RunFolder.Under >> List.ofSeq)

let internal export (place: Place) =
    let mutable failures = 0

    let folders = [
        for run in runsOf place do
            let folder = folderOf place run.Sweep

            try
                write folder run |> ignore
                folder
            with Mishap why ->
                failures <- failures + 1
                eprintfn $"{relative run.Path} has no event file: {why}"
    ]

    if folders.IsEmpty && failures = 0 then usage "tensorboard" $"{relative place.Runs} has no run yet."

    for folder, written in List.countBy id folders do
        Console.WriteLine $"""{Text.counted written "event file"}; to look at them: tensorboard --logdir {relative folder}"""

    if failures = 0 then 0 else 1
