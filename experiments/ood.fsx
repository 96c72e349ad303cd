/// How well energies tell other images from test images, and how well scores do that need no model, in the shape of the fourth table of Denoising-EBM's
/// paper: digits against clothes, clothes against digits, and each of them, and CIFAR-10 as JPEG, against constants, noise, blur and
/// interpolations. Three paired seeds, half an hour each on one core; `minutes=N` for another time. `data=mnist` and `method=joint-cd` choose among the runs.
#load "_bootstrap.fsx"
#load "_refs.fsx"
#load "_budgets.fsx"

open Ebm
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let minutes, words = Budgets.minutes 30.0 (List.ofArray (Array.tail fsi.CommandLineArgs))

/// Runs on a data set, measured against others of the same shape.
let against (others: string list) (data: string) =
    let sets = others |> List.map (fun other -> $"{other}: {{kind: {other}}}") |> String.concat ", "
    given $"data={data}" >> given $"measure.metrics.out-of-distribution.sets={{{sets}}}"

let methods = [ "denoising-ebm"; "joint-cd"; "recovery-likelihood"; "contrastive-divergence"; "denoising-score" ]

let ood = sweep "ood" {
    given "train=images"
    given "train.steps=null"
    given "measure=out-of-distribution"
    seeds 3
    either [ "mnist" |> against [ "fashion-mnist" ]; "fashion-mnist" |> against [ "mnist" ]; "cifar10-jpeg" |> against [] ]
    either [ Budgets.methods minutes methods ]
    metric "auroc/interpolation/margin" Higher
}

exit (Cli.main __SOURCE_DIRECTORY__ ood words)
