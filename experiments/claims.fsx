/// The claims of the papers, each registered in `claims/<id>.yaml` before its runs: what would contradict it, the rule that decides, and a control that must
/// fail. `run` executes what is missing and asks the laws, `table` prints the verdicts, `report` writes them to `reports/claims`. `--only A1,B4` chooses claims;
/// `--quick` shows in minutes that all works, and decides nothing. All of it takes three to four hours on two free
/// cores, by estimate from single runs.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps

exit (Claims.main __SOURCE_DIRECTORY__ (Array.tail fsi.CommandLineArgs))
