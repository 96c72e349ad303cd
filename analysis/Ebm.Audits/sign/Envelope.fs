/// A signed text in a file of its own: a DSSE envelope (Dead Simple Signing Envelope, v1.0) with an in-toto statement as its payload.
///
/// A signature covers the payload's exact bytes and their type, and the payload is read from these bytes only after a signature over them
/// was found valid. So the envelope's other fields, the notation of its JSON and of its base64, and which of the two forms (r, s) and
/// (r, n − s) a signature has, change nothing.
module Ebm.Audits.Envelope

open System
open System.IO
open System.Security.Cryptography
open System.Text
open Ebm.Records

let payloadType = "application/vnd.in-toto+json"

/// Mutable for the reader of JSON, so that a field may be missing.
[<CLIMutable>]
type Signature = {
    /// The signing key's id. Nothing protects it, so it only explains why a signature is not valid.
    Keyid: string | null
    /// Base64 of an ASN.1 DER sequence (r, s).
    Sig: string | null
}

type Envelope = { PayloadType: string; Payload: string; Signatures: Signature list }

/// The bytes that are signed: the pre-authentication encoding.
let signedBytes (payloadType: string) (payload: byte[]) : byte[] =
    let header = $"DSSEv1 {Encoding.UTF8.GetByteCount payloadType} {payloadType} {payload.Length} "
    Array.append (Encoding.UTF8.GetBytes header) payload

/// An envelope around a payload with one signature, as the text of a file.
let sign (key: ECDsa) (payload: byte[]) : string =
    let signature = key.SignData(signedBytes payloadType payload, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)

    JsonText.FileOf {
        PayloadType = payloadType
        Payload = Convert.ToBase64String payload
        Signatures = [ { Keyid = Keys.idOf key; Sig = Convert.ToBase64String signature } ]
    }

/// The largest envelope that is read: a statement about a hundred thousand runs has fewer bytes.
let private largest = 64_000_000L

/// Throws InvalidDataException if an element of a list is null, which the reader of JSON permits.
let noNull (what: string) (elements: 'a list) =
    if elements |> List.exists (fun element -> obj.ReferenceEquals(element, null)) then
        raise (InvalidDataException $"one of its {what} is null")

/// The record in some bytes of JSON. Throws InvalidDataException; also if the text is not UTF-8, which other readers may replace.
let strictly<'a> (bytes: byte[]) (file: string) : 'a =
    try
        JsonText.Read<'a>(UTF8Encoding(false, true).GetString bytes, file)
    with :? DecoderFallbackException as error ->
        raise (InvalidDataException($"{file}: its text is not UTF-8.", error))

/// The bytes of base64 in its usual alphabet or that of URLs; None if the text is not base64.
let private bytesOf (text: string | null) =
    try
        Some(Convert.FromBase64String((string text).Replace('-', '+').Replace('_', '/')))
    with :? FormatException ->
        None

/// What a file says to the owner of a public key.
type Reading =
    /// A valid signature by the key over this payload.
    | Valid of payload: byte[]
    /// It names the key, or is not an envelope: why it has no valid signature.
    | Invalid of why: string
    /// It only has signatures that name other keys.
    | OfOthers

/// Reads an envelope's file and checks its signatures with a public key.
let read (key: ECDsa) (file: string) : Reading =
    try
        let length = FileInfo(file).Length
        // A pipe has length 0 and would block.
        if length = 0L then raise (InvalidDataException "it is empty")
        if length > largest then raise (InvalidDataException $"it has more than {largest} bytes")
        let envelope = strictly<Envelope> (RegularFile.Bytes(file, RegularFile.Record)) (Path.GetFileName file |> string)
        noNull "signatures" envelope.Signatures

        match bytesOf envelope.Payload with
        | None -> Invalid "its payload is not base64"
        | Some _ when envelope.Signatures.IsEmpty -> Invalid "it has no signature"
        | Some payload ->
            let message = signedBytes envelope.PayloadType payload

            let isValid (signature: Signature) =
                match bytesOf signature.Sig with
                | None -> false
                | Some bytes ->
                    try
                        key.VerifyData(message, bytes, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
                    with :? CryptographicException ->
                        false

            if envelope.Signatures |> List.exists isValid then
                if envelope.PayloadType = payloadType then Valid payload else Invalid $"its payload has the type {envelope.PayloadType}"
            elif envelope.Signatures |> List.forall (fun signature -> not (isNull signature.Keyid) && signature.Keyid <> Keys.idOf key) then
                OfOthers
            else
                Invalid "no signature in it is valid: it was edited, or made with another key"
    with
    | :? InvalidDataException as error -> Invalid error.Message
    | :? IOException
    | :? UnauthorizedAccessException -> Invalid "it cannot be read"
