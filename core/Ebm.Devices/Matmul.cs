namespace Ebm.Devices;

/// <summary>
/// How libtorch may multiply float32 matrices: in float32; with fewer bits, about those of TensorFloat32; or in bfloat16. What the lower two do
/// depends on the machine. The values are libtorch's.
/// </summary>
public enum Matmul
{
    Highest,
    High,
    Medium,
}
