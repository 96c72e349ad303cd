// What a script sees: the project's assemblies, from where `_bootstrap.fsx` had them built. The build writes the list, because with the
// real TorchSharp it is another one; being loaded from there is also how the native libraries are found.
#load "../artifacts/bin/Ebm.Sweeps/release/references.fsx"
