// Gradients of many parameters at once: their common norm or their entries limited; and parameters as one vector.
using Ebm.Torch;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class utils
        {
            /// <summary>
            /// Scales the gradients, in place, so that as one vector they are no longer than <paramref name="max_norm"/>.
            /// </summary>
            /// <returns>The norm before, read back from the device; 0 without gradients.</returns>
            public static double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2.0)
            {
                using var _ = no_grad();
                using var scope = NewDisposeScope();
                var gradients = Gradients(tensors);
                if (gradients.Length == 0)
                    return 0;

                var norm = Foreach.Norm(gradients, norm_type);
                // Never a division by 0; and a norm that is not a number spoils every gradient, as it should, instead of none.
                var factor = max_norm / (norm + 1e-6);
                if (!(factor >= 1))
                    Foreach.Multiply(gradients, factor);
                return norm;
            }

            /// <summary>Cuts each entry of the gradients, in place, to [−clip_value, clip_value].</summary>
            public static void clip_grad_value_(IEnumerable<Parameter> tensors, double clip_value)
            {
                using var _ = no_grad();
                using var scope = NewDisposeScope();
                foreach (var gradient in Gradients(tensors))
                    gradient.clamp_(-clip_value, clip_value);
            }

            /// <summary>All entries of all parameters, in order, with their graph: (n).</summary>
            public static Tensor parameters_to_vector(IEnumerable<Parameter> tensors)
            {
                using var scope = NewDisposeScope();
                return cat(tensors.Select(tensor => tensor.reshape(-1)).ToList()).MoveToOuterDisposeScope();
            }

            /// <summary>Copies a vector (n) into the parameters, in order.</summary>
            /// <exception cref="ArgumentException">The vector is not as long as the parameters together; nothing was copied.</exception>
            public static void vector_to_parameters(Tensor vec, IEnumerable<Parameter> tensors)
            {
                using var _ = no_grad();
                using var scope = NewDisposeScope();
                var parameters = tensors.ToList();
                var sizes = parameters.Select(parameter => parameter.numel()).ToArray();
                if (vec.ndim != 1 || vec.numel() != sizes.Sum())
                    throw new ArgumentException(
                        $"The parameters have {sizes.Sum()} entries together; the vector is {vec.Describe()}.",
                        nameof(vec)
                    );
                foreach (var (parameter, part) in parameters.Zip(vec.split(sizes)))
                    parameter.copy_(part.view_as(parameter));
            }

            private static Tensor[] Gradients(IEnumerable<Parameter> parameters) =>
                parameters.Select(parameter => parameter.grad).OfType<Tensor>().ToArray();
        }
    }
}
