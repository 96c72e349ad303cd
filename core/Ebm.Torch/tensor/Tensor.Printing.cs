// How a tensor shows itself: shape, dtype, device, then its values, of which long dimensions show both ends.
using System.Globalization;
using System.Text;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        const int Ends = 3,
            MostShownWhole = 1000;

        public override string ToString()
        {
            if (IsInvalid)
            {
                return "a disposed tensor";
            }
            var head = $"[{string.Join("x", shape)}], type = {dtype}, device = {device}";
            if (is_meta || is_sparse || is_complex() || has_names())
            {
                return head;
            }
            if (numel() == 0)
            {
                return $"{head}\n[]";
            }
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var values = torch.is_floating_point(dtype) ? detach().cpu().to(ScalarType.Float64) : detach().cpu().to(ScalarType.Int64);
            var text = new StringBuilder(head).Append('\n');
            Print(text, values, dtype == ScalarType.Bool, numel() > MostShownWhole, 1);
            return text.ToString();
        }

        static void Print(StringBuilder text, Tensor values, bool logical, bool abridged, int indent)
        {
            if (values.ndim == 0)
            {
                text.Append(
                    values.dtype == ScalarType.Float64 ? values.item<double>().ToString("g5", CultureInfo.InvariantCulture)
                    : logical
                        ? values.item<long>() != 0 ? "true"
                            : "false"
                    : values.item<long>().ToString(CultureInfo.InvariantCulture)
                );
                return;
            }
            var separator = values.ndim == 1 ? ", " : $",\n{new string(' ', indent)}";
            var rows = values.shape[0];
            text.Append('[');
            for (long row = 0; row < rows; row++)
            {
                text.Append(row > 0 ? separator : "");
                if (abridged && row == Ends && rows > 2 * Ends)
                {
                    text.Append('…').Append(separator);
                    row = rows - Ends;
                }
                Print(text, values.select(0, row), logical, abridged, indent + 1);
            }
            text.Append(']');
        }
    }
}
