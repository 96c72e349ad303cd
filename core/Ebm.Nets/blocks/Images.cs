namespace Ebm.Nets;

/// <summary>Images whose resolution two strided convolutions halve twice.</summary>
static class Images
{
    /// <summary>A quarter of an image's side.</summary>
    /// <exception cref="SettingException">The rows are not square images whose side is a multiple of 4.</exception>
    public static long Quarter(string setting, string kind, long[] shape) =>
        shape is [_, var height, var width] && height == width && height % 4 == 0
            ? height / 4
            : throw new SettingException(
                setting,
                $"{kind} needs square images whose side is a multiple of 4; these rows have shape ({string.Join(", ", shape)})"
            );
}
