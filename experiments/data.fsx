/// Gets published data sets and checks them: `list`, `fetch NAME`, `verify NAME`. A download is continued where it stopped, and a file that has not
/// the published digest is not kept. Without a network, `fetch` says where to get a file, and where to put it.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps

exit (DataSets.main __SOURCE_DIRECTORY__ (List.ofArray (Array.tail fsi.CommandLineArgs)))
