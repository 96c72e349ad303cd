// The GPU's arithmetic: whether products and convolutions may round their inputs to TF32. And which libtorch this is.
using System.Runtime.InteropServices;
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The version of libtorch, such as 1.13.1.</summary>
    public static unsafe string __version__ => Marshal.PtrToStringUTF8((nint)Native.ebm_version())!;

    public static partial class backends
    {
        public static partial class cuda
        {
            public static partial class matmul
            {
                public static bool allow_tf32
                {
                    get => Native.ebm_tf32_matmul() != 0;
                    set =>
                        Native.Check(
                            Native.ebm_set_tf32_matmul(value ? (byte)1 : (byte)0),
                            "torch.backends.cuda.matmul.allow_tf32",
                            $"value: {value}"
                        );
                }
            }
        }

        public static partial class cudnn
        {
            public static bool allow_tf32
            {
                get => Native.ebm_tf32_cudnn() != 0;
                set =>
                    Native.Check(
                        Native.ebm_set_tf32_cudnn(value ? (byte)1 : (byte)0),
                        "torch.backends.cudnn.allow_tf32",
                        $"value: {value}"
                    );
            }
        }
    }
}
