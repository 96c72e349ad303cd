/// Keys of signatures: ECDSA on the curve P-256, in PEM files as openssl writes them.
module Ebm.Audits.Keys

open System
open System.IO
open System.Security.Cryptography
open System.Text
open Ebm.Records
open Ebm.Audits.Workspace

/// The variable with the pass phrase of an encrypted key.
let passPhrase = "EBM_KEY_PASSPHRASE"

let private p256 = "1.2.840.10045.3.1.7"

/// The key's name in an envelope: SHA-256 of the public key, as a SubjectPublicKeyInfo in DER.
let idOf (key: ECDsa) = Canonical.Sha256(ReadOnlySpan(key.ExportSubjectPublicKeyInfo()))

let private textOf (file: string) =
    try
        // A key has a few hundred bytes; another file is not read into memory.
        match FileInfo file with
        | info when not info.Exists -> refuse $"{file}: there is no such file."
        | info when info.Length > 65_536L -> refuse $"{file}: the file is too large to be a key in PEM."
        | _ -> RegularFile.Text(file, 65_536)
    with
    | :? InvalidDataException as error -> refuse error.Message
    | :? IOException
    | :? UnauthorizedAccessException as error -> refuse $"{file}: the file cannot be read: {error.Message}"

let private readWith (file: string) (import: ECDsa -> unit) =
    let key = ECDsa.Create()

    let isP256 =
        try
            import key
            let curve = key.ExportParameters(false).Curve
            curve.IsNamed && curve.Oid.Value = p256
        with
        | :? ArgumentException
        | :? CryptographicException -> refuse $"{file}: the file is not one ECDSA key in PEM; docs/audits.md says how to make one."

    if not isP256 then refuse $"{file}: the key is not on the curve P-256 (prime256v1), the only one that signatures use here."
    key

let private marked (text: string) (kind: string) = text.Contains($"-----BEGIN {kind}-----", StringComparison.Ordinal)

/// The private key in a PEM file, PKCS#8 or SEC1. Throws ConfigException if the file has no P-256 key, or one that is encrypted and whose
/// pass phrase is not in the variable.
let privateKey (file: string) : ECDsa =
    let text = textOf file

    if marked text "ENCRYPTED PRIVATE KEY" then
        match Environment.GetEnvironmentVariable passPhrase with
        | null
        | "" ->
            refuse
                $"{file}: the key is encrypted. Set the variable {passPhrase} to its pass phrase, or decrypt a copy: openssl pkcs8 -in {file} -out <copy>."
        | phrase ->
            readWith file (fun key ->
                try
                    key.ImportFromEncryptedPem(text, phrase)
                with :? CryptographicException ->
                    refuse $"{file}: the pass phrase in the variable {passPhrase} does not fit, or the key is damaged.")
    elif text.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal) then
        refuse $"{file}: the key is encrypted in a format that .NET does not read; convert it: openssl pkcs8 -topk8 -in {file} -out <copy>."
    elif marked text "PUBLIC KEY" && not (text.Contains("PRIVATE KEY", StringComparison.Ordinal)) then
        refuse $"{file}: the file has a public key; --key needs the private one."
    else
        readWith file (fun key -> key.ImportFromPem text)

/// The public key in a PEM file. Throws ConfigException if the file has none on P-256, or a private key.
let publicKey (file: string) : ECDsa =
    let text = textOf file

    if text.Contains("PRIVATE KEY", StringComparison.Ordinal) then
        refuse $"{file}: the file has a private key; --public needs the public one: openssl pkey -in {file} -pubout -out <file>."

    readWith file (fun key -> key.ImportFromPem text)

/// Writes a new key as <name>.pem, which only its owner can read, and its public key as <name>.pub. Throws ConfigException if a file of
/// these names exists.
let create (name: string) : string * string =
    let secret, shown = name + ".pem", name + ".pub"

    for file in [ secret; shown ] do
        if Path.Exists file then refuse $"{file} exists already; a key is never replaced. Give another name."

    use key = ECDsa.Create ECCurve.NamedCurves.nistP256

    let write (path: string) (pem: string) (isSecret: bool) =
        let options = FileStreamOptions(Mode = FileMode.CreateNew, Access = FileAccess.Write)

        if isSecret && not (OperatingSystem.IsWindows()) then options.UnixCreateMode <- UnixFileMode.UserRead ||| UnixFileMode.UserWrite

        use file = new FileStream(path, options)
        file.Write(Encoding.ASCII.GetBytes(pem + "\n"))

    try
        write secret (key.ExportPkcs8PrivateKeyPem()) true
        write shown (key.ExportSubjectPublicKeyInfoPem()) false
        secret, shown
    with
    | :? IOException
    | :? UnauthorizedAccessException as error -> refuse $"{name}: the key cannot be written: {error.Message}"
