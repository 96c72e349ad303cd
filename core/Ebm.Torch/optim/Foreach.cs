// Arithmetic on lists of tensors, one call per list: on a GPU one kernel, on a CPU one crossing into libtorch instead of
// one per parameter. The lists are aligned; an empty list is nothing to do.
using Ebm.Torch;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        internal static partial class Aten
        {
            public static readonly Operator foreach_zero_ = new("_foreach_zero_(self)");
            public static readonly Operator foreach_neg = new("_foreach_neg(self)");
            public static readonly Operator foreach_sqrt = new("_foreach_sqrt(self)");
            public static readonly Operator foreach_mul_Scalar_ = new("_foreach_mul_.Scalar(self, scalar)");
            public static readonly Operator foreach_add_Scalar_ = new("_foreach_add_.Scalar(self, scalar)");
            public static readonly Operator foreach_add_List = new("_foreach_add.List(self, other, alpha)");
            public static readonly Operator foreach_add_List_ = new("_foreach_add_.List(self, other, alpha)");
            public static readonly Operator foreach_addcmul_Scalar_ = new("_foreach_addcmul_.Scalar(self, tensor1, tensor2, value)");
            public static readonly Operator foreach_addcdiv_Scalar_ = new("_foreach_addcdiv_.Scalar(self, tensor1, tensor2, value)");
            public static readonly Operator foreach_maximum_List_ = new("_foreach_maximum_.List(self, other)");
            public static readonly Operator foreach_norm = new("_foreach_norm.Scalar(self, ord)");
        }
    }
}

namespace TorchSharp.Modules
{
    internal static class Foreach
    {
        /// <summary>a ← 0.</summary>
        internal static void Zero(Tensor[] a)
        {
            if (a.Length > 0)
                Aten.foreach_zero_.Run(a);
        }

        /// <summary>a ← s a.</summary>
        internal static void Multiply(Tensor[] a, double s)
        {
            if (a.Length > 0)
                Aten.foreach_mul_Scalar_.Run(a, s);
        }

        /// <summary>a ← a + s.</summary>
        internal static void Add(Tensor[] a, double s)
        {
            if (a.Length > 0)
                Aten.foreach_add_Scalar_.Run(a, s);
        }

        /// <summary>a ← a + s b.</summary>
        internal static void Add(Tensor[] a, Tensor[] b, double s)
        {
            if (a.Length > 0)
                Aten.foreach_add_List_.Run(a, b, s);
        }

        /// <summary>a ← a + s b c.</summary>
        internal static void AddProducts(Tensor[] a, Tensor[] b, Tensor[] c, double s)
        {
            if (a.Length > 0)
                Aten.foreach_addcmul_Scalar_.Run(a, b, c, s);
        }

        /// <summary>a ← a + s b / c.</summary>
        internal static void AddQuotients(Tensor[] a, Tensor[] b, Tensor[] c, double s)
        {
            if (a.Length > 0)
                Aten.foreach_addcdiv_Scalar_.Run(a, b, c, s);
        }

        /// <summary>a ← max(a, b).</summary>
        internal static void TakeLarger(Tensor[] a, Tensor[] b)
        {
            if (a.Length > 0)
                Aten.foreach_maximum_List_.Run(a, b);
        }

        /// <summary>−a.</summary>
        internal static Tensor[] Negated(Tensor[] a) => a.Length == 0 ? a : Aten.foreach_neg.Tensors(a);

        /// <summary>√a.</summary>
        internal static Tensor[] Roots(Tensor[] a) => a.Length == 0 ? a : Aten.foreach_sqrt.Tensors(a);

        /// <summary>a + s b.</summary>
        internal static Tensor[] Sum(Tensor[] a, Tensor[] b, double s) => a.Length == 0 ? a : Aten.foreach_add_List.Tensors(a, b, s);

        /// <summary>The norm of all entries together, read back from the device.</summary>
        internal static double Norm(Tensor[] a, double order) =>
            Aten.linalg_vector_norm.Tensor(Aten.stack.Tensor(Aten.foreach_norm.Tensors(a, order)), order).ToDouble();
    }
}
