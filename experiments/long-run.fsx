/// Whether chains stay at the data when they run 10 and 100 times as long as in generation. Recovery likelihood claims it, with enough noise levels; here
/// with few and many levels, beside denoising score matching, joint-cd and contrastive divergence, on two densities of the plane and on MNIST. Three
/// paired seeds; in the plane two million units each, on MNIST half an hour on one core, or `minutes=N`. `method=joint-cd` and `data=mnist` choose among the runs.
#load "_bootstrap.fsx"
#load "_refs.fsx"
#load "_budgets.fsx"

open Ebm
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let minutes, words = Budgets.minutes 30.0 (List.ofArray (Array.tail fsi.CommandLineArgs))
let methods = [ "recovery-likelihood"; "denoising-score"; "joint-cd"; "contrastive-divergence" ]

let inThePlane =
    given "train=equal-budget"
    >> budget 2_000_000L
    >> given "measure=comparison"
    >> given "measure.metrics.long-run.factors=[1,10,100]"
    >> axis "data" [ "rings"; "gaussians" ]
    >> either [ axis "method" methods; given "method=recovery-likelihood" >> axis "method.noise.levels" [ 20; 60 ] ]

let onDigits =
    given "data=mnist"
    >> given "train=images"
    >> given "train.steps=null"
    >> given "measure=digits"
    >> given "+measure.metrics.long-run={kind: long-run, chains: 50}"
    >> Budgets.methods minutes methods

let longRun = sweep "long-run" {
    seeds 3
    either [ inThePlane; onDigits ]
    metric "long-run/100" Lower
    baseline "method" "denoising-score"
}

exit (Cli.main __SOURCE_DIRECTORY__ longRun words)
