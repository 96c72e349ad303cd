/// The bytes of a run's files: a full file of each kind, written by the code byte for byte. Seals and hashes depend on them.
[<Ebm.Tests.Law.Independent>]
module Ebm.Tests.Laws.FormatLaws

open System
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// Every field of a manifest, and two unknown ones.
let private manifest =
    """{
  "state": "completed",
  "step": 4000,
  "reason": "naïve <reason> & \"quotes\"",
  "exitCode": 0,
  "signal": 15,
  "runId": "rings-toy-s1-0123456789ab",
  "groupId": "rings-toy-0123456789ab",
  "sweepId": "laws",
  "attempt": 2,
  "seed": 1,
  "parent": {
    "run": "rings-toy-s1-0123456789ab",
    "attempt": 1,
    "step": 2000,
    "checkpoint": "ab"
  },
  "interventions": [
    {
      "what": "resume-under-other-code",
      "attempt": 2,
      "says": "the code of Ebm.Core was another"
    }
  ],
  "configSha256": "cd",
  "schema": 1,
  "argv": [
    "sweep.fsx",
    "seed=1"
  ],
  "maker": {
    "machine": "0123456789ab",
    "user": "ba9876543210"
  },
  "overrides": [
    "seed=1"
  ],
  "imported": {
    "from": "a paper, table 2",
    "file": "results.csv",
    "sha256": "fe",
    "line": 2
  },
  "origins": {
    "train.steps": "sweep.yaml:3"
  },
  "choices": {
    "method": "toy"
  },
  "script": {
    "path": "experiments/sweep.fsx",
    "sha256": "ef"
  },
  "streams": {
    "data": "00000000000000ff"
  },
  "git": {
    "commit": "1234",
    "branch": "main",
    "dirty": true,
    "describe": "v1",
    "remote": "https://example.org/it.git",
    "snapshot": {
      "commit": "5678",
      "tree": "9abc",
      "ref": "refs/ebm/1",
      "refused": [
        "large.bin: 12 MB"
      ]
    },
    "submodules": {
      "part": "def0"
    }
  },
  "build": {
    "configuration": "Release",
    "version": "1.0.0",
    "assemblies": {
      "Ebm.Core": "01"
    },
    "code": {
      "Ebm.Core": "02"
    },
    "sdk": "10.0.100",
    "compiler": "5.0.0",
    "deterministic": true,
    "tree": "03"
  },
  "runtime": {
    "dotnet": "10.0.0",
    "os": "Linux",
    "kernel": "6.1",
    "culture": "",
    "libc": "2.39",
    "serverGc": false,
    "invariant": true,
    "tieredPgo": false
  },
  "packages": {
    "TorchSharp": "0.105.0"
  },
  "packageHashes": {
    "TorchSharp": "a+b/c=="
  },
  "native": {
    "libtorch": "2.7.1",
    "build": "PyTorch built with:\n  - GCC 11.2\n",
    "blas": "MKL 2024",
    "capability": "AVX2",
    "vectorLanes": 8,
    "libraries": [
      {
        "path": "~/lib/libtorch.so",
        "sha256": "04",
        "bytes": 12,
        "original": "05"
      }
    ]
  },
  "hardware": {
    "cpu": "A CPU",
    "cores": 2,
    "memory": 8589934592,
    "features": [
      "avx2"
    ],
    "affinity": "0-1",
    "installed": 17179869184,
    "numaNodes": 1,
    "accelerators": [
      {
        "name": "A GPU",
        "id": "0123456789ab",
        "driver": "550.1",
        "memory": 1024,
        "mig": "Disabled"
      }
    ]
  },
  "device": "cpu",
  "threads": {
    "intraOp": 1,
    "interOp": 2
  },
  "scheduler": {
    "kind": "slurm",
    "job": "12",
    "index": "5",
    "node": "node7",
    "partition": "gpu",
    "limits": {
      "cpus": "2"
    }
  },
  "environment": {
    "LANG": "C.UTF-8"
  },
  "determinismLevel": {
    "requested": "D3",
    "effective": "D1"
  },
  "determinism": {
    "kernels": "effective"
  },
  "data": [
    {
      "name": "rings",
      "digest": "06",
      "files": [
        {
          "path": "rings/rows.bin",
          "bytes": 3,
          "modified": "2026-01-02T03:04:05.6789Z",
          "sha256": "07"
        }
      ],
      "rows": {
        "train": 60,
        "test": 20
      },
      "split": "08",
      "preprocessing": "09"
    }
  ],
  "timing": {
    "started": "2026-01-02T03:04:05Z",
    "ended": "2026-01-02T03:04:06.5Z",
    "wall": 1.5,
    "cpu": 1.25,
    "train": 1,
    "queued": "2026-01-02T03:04:04Z",
    "gpu": 0.1
  },
  "peak": {
    "rss": 1000,
    "vram": 2000
  },
  "cost": {
    "train": 10,
    "sample": 20,
    "measure": 30
  },
  "artefacts": [
    {
      "path": "metrics.json",
      "sha256": "0a",
      "bytes": 5,
      "tomorrow": null
    }
  ],
  "prevHash": "0b",
  "hash": "0c",
  "tomorrow": {
    "x": [
      1,
      2.50
    ]
  }
}
"""

let private metrics =
    """{
  "grid-kl": {
    "value": 0.03,
    "unit": "nats",
    "better": "lower",
    "scale": "log",
    "se": 0.002,
    "n": 262144,
    "protocol": "p<é>"
  },
  "long-run/1": {
    "value": "NaN",
    "unit": "",
    "better": "none",
    "scale": "linear"
  },
  "nll": {
    "value": "-Infinity",
    "unit": "nats",
    "better": "lower",
    "scale": "linear",
    "se": "Infinity"
  }
}
"""

let private events = "{\"step\":1,\"what\":\"energy/gap\",\"value\":-0.18}\n{\"step\":2,\"what\":\"energy/loss\",\"value\":\"Infinity\"}\n"

let private measures =
    "{\"step\":2,\"name\":\"nll\",\"value\":\"NaN\",\"unit\":\"nats\",\"better\":\"lower\",\"scale\":\"linear\",\"n\":7}\n"

let private state =
    """{
  "attempt": 2,
  "step": 300,
  "units": 76800,
  "measured": 200,
  "seconds": 1.5,
  "cursor": {
    "epoch": 3,
    "position": 128
  },
  "health": {
    "energy/gap": {
      "recent": [
        0.25,
        1
      ],
      "now": 0,
      "before": null,
      "highest": 1
    }
  },
  "best": null
}
"""

/// A manifest's text that is read and written again does not change.
let private comesBack (text: string) =
    let again = RunManifest.Parse(text, "manifest.json").ToJson()
    must $"the text differs:\n{again}" (again = text)

/// The contents of a run's folder after writing these files.
let private written (names: string -> string) =
    inFolder (fun folder ->
        let config = Document.Parse("seed: 1", "config.yaml")
        let json = Canonical.Json config
        let run = RunFolder.Create(folder, $"a-{Canonical.Sha256(json).Substring(0, 12)}", config, json)

        run.Write [
            Measurement("grid-kl", 0.03, "nats", Direction.Lower, "log", Se = 0.002, N = 262144L, Protocol = "p<é>")
            Measurement(names "long-run/1", nan, "", Direction.None)
            Measurement("nll", -infinity, "nats", Direction.Lower, Se = infinity)
        ]

        run.Append [ Event(1L, "energy/gap", -0.18); Event(2L, "energy/loss", infinity) ]
        run.Append [ MeasuredAt(2L, Measurement("nll", nan, "nats", Direction.Lower, N = 7L)) ]

        for file, due in [ "metrics.json", metrics; "events.jsonl", events; "measures.jsonl", measures ] do
            let found = File.ReadAllText(run.In file)
            must $"{file} differs:\n{found}" (found = due))

let private stateOf best =
    TrainingState(
        Attempt = Nullable 2,
        Step = 300L,
        Units = 76800L,
        Measured = 200L,
        Seconds = 1.5,
        Cursor = Cursor(3L, 128L),
        Health = readOnlyDict [ "energy/gap", Window([| 0.25; 1.0 |], 0.0, Nullable(), 1.0) ],
        Best = best
    )

let all = [
    law "a manifest's bytes are the expected ones: keys and their order, indentation, escapes, unknown fields" (fun () ->
        comesBack manifest)
    |> breaks "two keys in another order" (fun () ->
        comesBack (manifest.Replace("  \"rss\": 1000,\n    \"vram\": 2000", "  \"vram\": 2000,\n    \"rss\": 1000")))
    |> breaks "a written null" (fun () -> comesBack (manifest.Replace("  \"signal\": 15,", "  \"signal\": null,")))

    law "the bytes of metrics, events and measures are the expected ones, including NaN and infinities" (fun () -> written id)
    |> breaks "another name" (fun () -> written (fun _ -> "long-run/2"))

    law "the bytes of a checkpoint's state.json are the expected ones, and are read back" (fun () ->
        let text = JsonText.ReadableOf(stateOf null)
        must $"the text differs:\n{text}" (text = state)
        must "it reads back differently" (JsonText.ReadableOf(JsonText.Read<TrainingState>(text, "state.json")) = text))
    |> breaks "a best measurement" (fun () -> must "the same" (JsonText.ReadableOf(stateOf (Best(2L, "nll", 1.0))) = state))
]
