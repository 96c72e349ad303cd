namespace Ebm.Devices;

/// <summary>MPICH and the libraries with its binary interface, such as Intel MPI and Cray MPICH: handles are numbers, fixed by the MPICH ABI
/// Compatibility Initiative (mpi.h).</summary>
static class Mpich
{
    public static readonly string[] Files = ["libmpi.so.12", "libmpich.so.12"];

    static readonly string[] Names = ["MPICH", "Intel", "MVAPICH"];

    /// <param name="version">What MPI_Get_library_version says.</param>
    /// <returns>Null if this is another library.</returns>
    public static MpiHandles? Of(string version) =>
        Array.Exists(Names, name => version.Contains(name, StringComparison.OrdinalIgnoreCase))
            ? new(
                World: 0x44000000,
                Single: 0x4c00040a,
                Double: 0x4c00080b,
                Whole: 0x4c00083a,
                Octet: 0x4c00010d,
                Sum: 0x58000003,
                Max: 0x58000001,
                InPlace: -1
            )
            : null;
}
