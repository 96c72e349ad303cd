// What a script sees: the project's assemblies, which `_bootstrap.fsx` had built. The build writes the list; it also tells torch where its
// native libraries are.
#load "../artifacts/bin/Ebm.Sweeps/release/references.fsx"
