using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// Checks the files of a run's data set before the run starts. Only what a plan can do quickly is checked: that they are there, that they are
/// regular files, and their headers. Their content is read by the run.
/// </summary>
public static class DataFiles
{
    /// <param name="data">The record of the data set; one that reads no files has nothing to check.</param>
    /// <param name="config">The run's config, which has the places where its settings were written.</param>
    /// <param name="dataRoot">The folder that contains the files of data sets.</param>
    /// <exception cref="ConfigException">A file is missing or has another header than the settings need.</exception>
    public static void Check(ISpec<IDataset> data, Document config, string dataRoot)
    {
        if (data is not IReadsFiles files)
            return;
        try
        {
            RunContext.Placed(
                config,
                "data",
                () =>
                {
                    files.Check(dataRoot);
                    return true;
                }
            );
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            var key = new[] { "data.file", "data.folder" }.FirstOrDefault(key => config.Find(key) is not null) ?? "data";
            var node = config.Get(key);
            throw new ConfigException(node.Source, key, $"{error.Message.TrimEnd('.')}.", error);
        }
    }
}
