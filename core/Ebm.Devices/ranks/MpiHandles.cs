namespace Ebm.Devices;

/// <summary>
/// The values of MPI's constants in one implementation. The standard fixes their names, not their values: handles are pointers to variables in Open
/// MPI, and numbers in MPICH. Both fit a native integer, by which functions take them on 64-bit processors.
/// </summary>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="Single">MPI_FLOAT.</param>
/// <param name="Double">MPI_DOUBLE.</param>
/// <param name="Whole">MPI_INT64_T.</param>
/// <param name="Octet">MPI_BYTE.</param>
/// <param name="Sum">MPI_SUM.</param>
/// <param name="Max">MPI_MAX.</param>
/// <param name="InPlace">MPI_IN_PLACE.</param>
sealed record MpiHandles(nint World, nint Single, nint Double, nint Whole, nint Octet, nint Sum, nint Max, nint InPlace);
