// Refers to the project's assemblies, which `_bootstrap.fsx` has built. The build writes this list; the list also tells torch where its native
// libraries are.
#load "../artifacts/bin/Ebm.Sweeps/release/references.fsx"
