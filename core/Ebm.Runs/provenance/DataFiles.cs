using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// Checks the files of a run's data set and metrics before the run starts, and whether the method's nets take its rows. Only what a plan can do quickly is
/// checked: that the files are there, that they are regular ones, and their headers. Their content is read by the run.
/// </summary>
public static class DataFiles
{
    /// <param name="data">The record of the data set; one that reads no files has nothing to check.</param>
    /// <param name="config">The run's config, which has the places where its settings were written.</param>
    /// <param name="dataRoot">The folder that contains the files of data sets.</param>
    /// <exception cref="ConfigException">A file is missing or has another header than the settings need.</exception>
    public static void Check(ISpec<IDataset> data, Document config, string dataRoot)
    {
        if (data is IReadsFiles files)
            Asked(
                config,
                () =>
                {
                    files.Check(dataRoot);
                    return true;
                }
            );
    }

    /// <summary>Checks the files that metrics read.</summary>
    /// <param name="measure">The metrics of the run.</param>
    /// <param name="config">As for <see cref="Check"/>.</param>
    /// <param name="dataRoot">As for <see cref="Check"/>.</param>
    /// <exception cref="ConfigException">A file is missing.</exception>
    public static void CheckMetrics(MeasureSpec measure, Document config, string dataRoot)
    {
        foreach (var (name, metric) in measure.Metrics)
            try
            {
                (metric as IReadsFiles)?.Check(dataRoot);
            }
            catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                var key = $"measure.metrics.{name}";
                throw new ConfigException(config.Get(key).Source, key, $"{error.Message.TrimEnd('.')}.", error);
            }
    }

    /// <summary>Asks about files; an error has the place of the setting that names them.</summary>
    static T Asked<T>(Document config, Func<T> ask)
    {
        try
        {
            return RunContext.Placed(config, "data", ask);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            var key = new[] { "data.file", "data.folder" }.FirstOrDefault(key => config.Find(key) is not null) ?? "data";
            throw new ConfigException(config.Get(key).Source, key, $"{error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <summary>Checks the shape of rows that is known before reading them, after <see cref="Check"/>.</summary>
    /// <param name="data">The record of the data set.</param>
    /// <param name="method">The record of the method; its nets are settings of it, or of its parts.</param>
    /// <param name="config">As for <see cref="Check"/>.</param>
    /// <param name="dataRoot">As for <see cref="Check"/>.</param>
    /// <exception cref="ConfigException">A net cannot be built for such rows; the message proposes sizes of pictures, if they have a
    /// setting.</exception>
    public static void CheckShape(ISpec<IDataset> data, ISpec<Method> method, Document config, string dataRoot)
    {
        if (data is not IReadsFiles files)
            return;
        foreach (var (path, net) in Nets(method, "method"))
            if (Asked(config, () => files.ShapeIn(dataRoot)) is { } shape && !net.Takes(shape))
            {
                var key = new[] { "data.size", "data.file" }.FirstOrDefault(key => config.Find(key) is not null) ?? "data";
                var sizes = key == "data.size" ? Sizes(net, shape) : [];
                throw new ConfigException(
                    config.Get(key).Source,
                    key,
                    $"{path} is {Catalog.KindOf(net.GetType())}, which needs {net.Needed}, but the rows have shape ({string.Join(", ", shape)}); "
                        + (sizes.Length > 0 ? $"write {string.Join(" or ", sizes)}." : "choose another net, or other rows.")
                );
            }
    }

    /// <summary>The nets in a record, with the places of their settings.</summary>
    static IEnumerable<(string Path, INeedsShape Net)> Nets(object record, string path)
    {
        if (record is INeedsShape net)
            yield return (path, net);
        foreach (var setting in CatalogShape.Of(record.GetType()).Settings)
            if (setting.Of(record) is { } value && Catalog.KindOf(value.GetType()) is not null)
                foreach (var below in Nets(value, Document.Join(path, setting.Key)))
                    yield return below;
    }

    /// <summary>The overrides with the nearest smaller and the nearest larger size that the net takes.</summary>
    static string[] Sizes(INeedsShape net, long[] shape)
    {
        long[] Square(int side) => [shape[0], side, side];
        var now = (int)shape[1..].Min();
        int[] smaller = [.. Enumerable.Range(1, now).Reverse().Where(side => net.Takes(Square(side))).Take(1)];
        int[] larger = [.. Enumerable.Range(now + 1, now).Where(side => net.Takes(Square(side))).Take(1)];
        return [.. smaller.Concat(larger).Select(side => FormattableString.Invariant($"data.size={side}"))];
    }
}
