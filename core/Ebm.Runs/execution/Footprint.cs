using System.Globalization;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// A lower bound of a run's memory, computed before it allocates any: builds the method on libtorch's meta device, where tensors have shapes but no
/// values, with optimizers and averages. So networks need not declare their size.
/// </summary>
/// <param name="Weights">Number of trained weights.</param>
/// <param name="Bytes">The larger of the bytes for training and for sampling.</param>
public sealed record Footprint(long Weights, double Bytes)
{
    /// <param name="shape">Shape of one row.</param>
    /// <returns>Null if the method cannot be built: errors are reported by the real build, and code that reads values fails on the meta
    /// device.</returns>
    public static Footprint? Of(ExperimentSpec spec, long[] shape)
    {
        using var scope = NewDisposeScope();
        try
        {
            using var method = spec.Method.Build(new Site(shape, META, new Rng(0, META), ""));
            using var optimizers = new Optimizers(method, spec.Train);
            using var averages = new Averages(method, spec.Train.Average);
            return Of(method, optimizers, averages, spec, shape);
        }
        catch (Exception)
        {
            return null;
        }
    }

    internal static Footprint Of(Method method, Optimizers optimizers, Averages averages, ExperimentSpec spec, long[] shape)
    {
        var (weights, state) = (Size(method.parameters()), Size(method.state_dict().Values));
        var averaged = Size(averages.Memory().Select(m => m.Value));
        // The outputs of layers are kept until the gradient is computed; counts those of the largest part, because an update trains one part.
        var outputs = method.Parts.Values.Select(part => part.modules().Sum(Outputs)).DefaultIfEmpty().Max();
        var widest = method.modules().Select(Outputs).DefaultIfEmpty().Max();

        var training = weights + Size(optimizers.Memory().Select(m => m.Value)) + Single(spec.Train.Batch, outputs);
        // Weights and buffers are lent while sampling; samples exist in chunks, as a whole and as bytes for a file.
        var (samples, atOnce) = (spec.Measure.Samples, Math.Min(spec.Measure.Samples, spec.Measure.AtOnce));
        var drawing = state + 3 * Single(samples, shape.Size()) + Single(atOnce, widest);
        return new(method.parameters().Sum(p => p.numel()), state + averaged + Math.Max(training, drawing));
    }

    /// <summary>Throws if this machine lacks memory for a run; names the setting that saves most if halved.</summary>
    /// <param name="config">The config with every default.</param>
    /// <exception cref="ConfigException">There is not enough memory.</exception>
    public static void Check(Catalog catalog, Document config, long[] shape)
    {
        if (config.Get("measure.samples") is var samples && samples.AsInteger() > Array.MaxLength / shape.Size())
            throw new ConfigException(
                samples.Source,
                "measure.samples",
                $"samples is {samples}: their file can contain at most {Array.MaxLength} numbers, and a row has {shape.Size()}; lower it."
            );

        Footprint? With(Document changed) => Of(catalog.Resolve<ExperimentSpec>(changed).Value, shape);

        if (With(config) is not { } found || found.Bytes <= Capacity.Bytes)
            return;
        var (path, value, _) = config
            .Leaves()
            .Where(leaf => leaf.Value.Value is > 1L)
            .Select(leaf => (leaf.Path, leaf.Value, Left: Halved(leaf.Path, (long)leaf.Value.Value!)))
            .MinBy(leaf => leaf.Left);
        var key = ConfigException.LastKey(path);
        var makes = string.Create(CultureInfo.InvariantCulture, $"a method of {found.Weights:#,0} weights, its training and its samples");
        throw new ConfigException(value.Source, path, $"{key} {Capacity.TooLarge(value.ToString()!, found.Bytes, makes)}.");

        double Halved(string path, long value)
        {
            try
            {
                return With(config.With(path, Document.From(value / 2)))?.Bytes ?? double.PositiveInfinity;
            }
            catch (ConfigException)
            {
                return double.PositiveInfinity;
            }
        }
    }

    static double Size(IEnumerable<Tensor> tensors) => tensors.Sum(t => (double)t.numel() * t.element_size());

    static double Single(double rows, double numbers) => rows * numbers * sizeof(float);

    static double Outputs(nn.Module module) =>
        module switch
        {
            Modules.Linear layer => layer.weight.shape[0],
            Modules.Conv2d layer => layer.weight.shape[0],
            _ => 0,
        };
}
