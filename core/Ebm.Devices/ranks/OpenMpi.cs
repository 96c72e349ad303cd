using System.Runtime.InteropServices;

namespace Ebm.Devices;

/// <summary>Open MPI: handles are addresses of exported variables (ompi/include/mpi.h).</summary>
static class OpenMpi
{
    public static readonly string[] Files = ["libmpi.so.40", "libmpi.so"];

    /// <summary>The handles of a loaded library; null if it is not Open MPI.</summary>
    public static MpiHandles? Of(nint library)
    {
        if (!NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out var world))
            return null;
        nint At(string name) => NativeLibrary.GetExport(library, name);
        return new(
            world,
            At("ompi_mpi_float"),
            At("ompi_mpi_double"),
            At("ompi_mpi_int64_t"),
            At("ompi_mpi_byte"),
            At("ompi_mpi_op_sum"),
            At("ompi_mpi_op_max"),
            InPlace: 1
        );
    }
}
