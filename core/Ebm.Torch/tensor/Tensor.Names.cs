// Names of dimensions.
using System.Runtime.InteropServices;
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public bool has_names() => Facts("has_names").HasNames != 0;

        /// <summary>A name for each dimension; null where it has none.</summary>
        public unsafe string[] names
        {
            get
            {
                using var use = Use("names");
                var address = use.Address;
                return
                [
                    .. Enumerable.Range(0, (int)ndim).Select(dim => Marshal.PtrToStringUTF8((nint)Native.ebm_tensor_name(address, dim))!),
                ];
            }
        }

        /// <summary>A view with these names (… stands for those between); null takes all names away.</summary>
        public Tensor rename(IEnumerable<string?>? names) => alias().rename_(names);

        public unsafe Tensor rename_(IEnumerable<string?>? names)
        {
            using var use = Use("rename_");
            if (names is null)
            {
                Native.Check(Native.ebm_tensor_rename(use.Address, null, 0), "Tensor.rename_", $"self: {Describe()}");
                return this;
            }
            var given = Spread([.. names]);
            var texts = Array.ConvertAll(given, name => name is null ? 0 : Marshal.StringToCoTaskMemUTF8(name));
            try
            {
                fixed (nint* start = texts)
                {
                    var status = Native.ebm_tensor_rename(use.Address, (byte**)start, texts.Length);
                    Native.Check(status, "Tensor.rename_", status == 0 ? "" : $"self: {Describe()}, names: [{string.Join(", ", given)}]");
                }
                return this;
            }
            finally
            {
                Array.ForEach(texts, Marshal.FreeCoTaskMem);
            }
        }

        // … keeps the names of the dimensions it stands for.
        string?[] Spread(string?[] names)
        {
            var at = Array.IndexOf(names, "...");
            if (at < 0)
            {
                return names;
            }
            var kept = (int)ndim - (names.Length - 1);
            return [.. names[..at], .. this.names.Skip(at).Take(kept), .. names[(at + 1)..]];
        }
    }
}
