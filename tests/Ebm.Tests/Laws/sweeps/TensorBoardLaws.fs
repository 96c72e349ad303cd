/// TensorBoard's event files, read back by a reader of this file alone: TFRecords with their checksums, and the wire format of protocol buffers.
module Ebm.Tests.Laws.TensorBoardLaws

open System
open System.Buffers.Binary
open System.IO
open System.Text
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder
open Ebm.Tests.RunFolders

/// CRC-32C bit by bit, with Castagnoli's polynomial reflected.
let private crc (bytes: byte[]) =
    let mutable crc = 0xFFFFFFFFu

    for value in bytes do
        crc <- crc ^^^ uint32 value

        for _ in 1..8 do
            crc <- if crc &&& 1u = 1u then (crc >>> 1) ^^^ 0x82F63B78u else crc >>> 1

    ~~~crc

let private masked bytes = let crc = crc bytes in ((crc >>> 15) ||| (crc <<< 17)) + 0xa282ead8u

/// The messages of a TFRecord file.
let private records (file: byte[]) = [
    let mutable at = 0

    while at < file.Length do
        let length = file[at .. at + 7]
        must $"byte {at}: the length has another checksum" (masked length = BitConverter.ToUInt32(file, at + 8))
        let content = file[at + 12 .. at + 11 + int (BitConverter.ToInt64(length, 0))]
        must $"byte {at}: the message has another checksum" (masked content = BitConverter.ToUInt32(file, at + 12 + content.Length))
        content
        at <- at + 16 + content.Length
]

type private Field =
    | Number of uint64
    | Bytes of byte[]

/// The fields of a message: numbers of the wire types 0, 1 and 5, and bytes of type 2.
let private fields (message: byte[]) : (int * Field) list = [
    // A reference, because the function below changes it.
    let place = ref 0

    let varint () =
        let mutable value, shift, goes = 0UL, 0, true

        while goes do
            value <- value ||| (uint64 (message[place.Value] &&& 0x7Fuy) <<< shift)
            goes <- message[place.Value] >= 0x80uy
            shift <- shift + 7
            place.Value <- place.Value + 1

        value

    while place.Value < message.Length do
        let key = int (varint ())

        let value =
            match key &&& 7 with
            | 0 -> Number(varint ())
            | 1 ->
                place.Value <- place.Value + 8
                Number(BitConverter.ToUInt64(message, place.Value - 8))
            | 2 ->
                let length = int (varint ())
                place.Value <- place.Value + length
                Bytes message[place.Value - length .. place.Value - 1]
            | 5 ->
                place.Value <- place.Value + 4
                Number(uint64 (BitConverter.ToUInt32(message, place.Value - 4)))
            | other -> broken $"wire type {other}"

        key >>> 3, value
]

let private bytes number (message: (int * Field) list) =
    message
    |> List.choose (fun (known, field) ->
        match field with
        | Bytes content when known = number -> Some content
        | _ -> None)

let private number tag (message: (int * Field) list) =
    message
    |> List.tryPick (fun (known, field) ->
        match field with
        | Number value when known = tag -> Some value
        | _ -> None)

let private words (content: byte[]) = Encoding.UTF8.GetString content

/// An Event: wall_time 1, step 2, file_version 3, summary 5; its Values 1 have tag 1, simple_value 2, image 4 and tensor 8.
type private Shown = {
    Step: int64
    Time: float
    Tag: string
    Scalar: float32 option
    Image: (int * int * byte[]) option
    Text: string option
}

let private read (file: byte[]) = [
    for message in List.map fields (records file) do
        for summary in bytes 5 message |> List.map fields do
            for value in bytes 1 summary |> List.map fields do
                {
                    Step = number 2 message |> Option.defaultValue 0UL |> int64
                    Time = number 1 message |> Option.map (int64 >> BitConverter.Int64BitsToDouble) |> Option.defaultValue 0.0
                    Tag = bytes 1 value |> List.map words |> List.head
                    Scalar = number 2 value |> Option.map (uint32 >> BitConverter.UInt32BitsToSingle)
                    // Height 1, width 2, encoded_image_string 4.
                    Image =
                        bytes 4 value
                        |> List.tryHead
                        |> Option.map (fun image ->
                            let image = fields image
                            int (number 1 image).Value, int (number 2 image).Value, (bytes 4 image).Head)
                    // string_val 8 of the tensor.
                    Text = bytes 8 value |> List.tryHead |> Option.map (fun tensor -> words (bytes 8 (fields tensor)).Head)
                }
]

/// A trained run with a picture of its samples, 3 × 2 images of 8 × 8.
let private pictured folder =
    let run = trained (Path.Combine(folder, "laws")) "one" 0 RunState.Completed null []
    let png = Png.Grid(ReadOnlySpan<float32>(Array.zeroCreate (6 * 64)), 6, 1, 8, 8, 3)
    run.Write("samples.png", fun stream -> stream.Write png)
    File.WriteAllText(run.In "config.yaml", "seed: 0\n")
    run, png

/// Every scalar is at its step with its value, the picture has its size, and the config its text.
let private isWhole (run: RunFolder) (png: byte[]) (file: byte[]) =
    let shown = read file

    let expected = [
        for event in run.Events() -> event.Step, event.What, event.Value
        for measured in run.Measures() -> measured.Step, "measured/" + measured.Measurement.Name, measured.Measurement.Value
        for metric in run.Measurements() -> 40L, "metrics/" + metric.Name, metric.Value
    ]

    for step, tag, value in expected do
        must
            $"{tag} at step {step} is not {value}"
            (shown |> List.exists (fun one -> one.Step = step && one.Tag = tag && one.Scalar = Some(float32 value)))

    must "there are more scalars than records" ((shown |> List.choose _.Scalar).Length = expected.Length)
    let big at = BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(png, at, 4))

    match shown |> List.choose _.Image with
    | [ height, width, content ] ->
        must $"the picture is {width} × {height}" (width = big 16 && height = big 20)
        must "the picture has other bytes" (content = png)
    | other -> broken $"{other.Length} pictures"

    let text tag = shown |> List.find (fun one -> one.Tag = tag + "/text_summary") |> _.Text.Value
    must (text "config") (text "config" = "```yaml\nseed: 0\n```")
    must (text "diagnosis") ((text "diagnosis").Contains "fine, fit: ")

    for one in shown do
        must $"{one.Tag} is not at the run's start" (one.Time = 1767225600.0)

/// The event file of a run, changed.
let private changed (change: byte[] -> byte[]) =
    inFolder (fun folder ->
        let run, png = pictured folder
        isWhole run png (change (TensorBoard.content run)))

let all = [
    law "TensorBoard's event file of a run has every recorded value at its step, the metrics, the picture and the config" (fun () ->
        changed id)
    |> breaks "a flipped bit in a message" (fun () ->
        changed (fun file -> file |> Array.mapi (fun i value -> if i = file.Length / 2 then value ^^^ 1uy else value)))
    |> breaks "a flipped bit in a length" (fun () ->
        changed (fun file -> file |> Array.mapi (fun i value -> if i = 0 then value ^^^ 1uy else value)))
    |> breaks "a lost record" (fun () ->
        changed (fun file ->
            let first = 16 + int (BitConverter.ToInt64(file, 0))
            let second = first + 16 + int (BitConverter.ToInt64(file, first))
            let third = second + 16 + int (BitConverter.ToInt64(file, second))
            Array.append file[.. second - 1] file[third..]))

    law "the checksum of event files is CRC-32C: that of 123456789 is e3069283" (fun () ->
        must "the check value differs" (crc (Encoding.ASCII.GetBytes "123456789") = 0xE3069283u))

    law "the same records give the same event file in any folder, and the run's folder does not change" (fun () ->
        inFolder (fun one ->
            inFolder (fun other ->
                let (first, _), (second, _) = pictured one, pictured other
                let before = first.Artefacts() |> Seq.map string |> List.ofSeq
                must "the bytes differ" (TensorBoard.content first = TensorBoard.content second)
                TensorBoard.write (Path.Combine(one, "out")) first |> ignore
                must "the run's folder has changed" (before = (first.Artefacts() |> Seq.map string |> List.ofSeq)))))

    law "while a run goes on, its event file only grows at its end; an altered file is replaced" (fun () ->
        inFolder (fun folder ->
            let run = trained (Path.Combine(folder, "laws")) "one" 0 RunState.Running null []
            let path = TensorBoard.write folder run
            let early = File.ReadAllBytes path
            must "there is no record yet" ((read early).Length > 4)
            run.Append [ Event(50L, "energy/gap", 0.25) ]
            TensorBoard.write folder run |> ignore
            let late = File.ReadAllBytes path
            must "the file did not grow" (late.Length > early.Length)
            must "the file does not begin as before" (late[.. early.Length - 1] = early)
            must "the new value is not the last" ((List.last (read late)).Scalar = Some 0.25f)
            File.WriteAllText(path, "something else")
            TensorBoard.write folder run |> ignore
            must "an altered file is not replaced" (File.ReadAllBytes path = late)))
]
