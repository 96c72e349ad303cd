using System.Globalization;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// What a run takes of the machine's memory at least, known before it takes any: the method is built once on libtorch's meta device, where
/// tensors have shapes and no numbers, with its optimizers and averages. No net says how large it is, so none can forget to.
/// </summary>
/// <param name="Weights">Numbers that train.</param>
/// <param name="Bytes">In training or in drawing samples, whichever takes more.</param>
public sealed record Footprint(long Weights, double Bytes)
{
    /// <param name="shape">Of one row.</param>
    /// <returns>Null where it cannot be built: what is wrong is said when it is built in earnest, and what reads numbers finds none here.</returns>
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
        // What a layer puts out stays until the gradient is taken: of the largest part at least, for an update moves one.
        var outputs = method.Parts.Values.Select(part => part.modules().Sum(Outputs)).DefaultIfEmpty().Max();
        var widest = method.modules().Select(Outputs).DefaultIfEmpty().Max();

        var training = weights + Size(optimizers.Memory().Select(m => m.Value)) + Single(spec.Train.Batch, outputs);
        // The weights and buffers are lent; samples are there in pieces, as a whole and on their way to a file.
        var (samples, atOnce) = (spec.Measure.Samples, Math.Min(spec.Measure.Samples, spec.Measure.AtOnce));
        var drawing = state + 3 * Single(samples, shape.Size()) + Single(atOnce, widest);
        return new(method.parameters().Sum(p => p.numel()), state + averaged + Math.Max(training, drawing));
    }

    /// <summary>Refuses a run that this machine has no memory for, by the setting whose half would save most.</summary>
    /// <param name="config">With every default written out.</param>
    /// <exception cref="ConfigException">There is no room.</exception>
    public static void Check(Catalog catalog, Document config, long[] shape)
    {
        if (config.Get("measure.samples") is var samples && samples.AsInteger() > Array.MaxLength / shape.Size())
            throw new ConfigException(
                samples.Source,
                "measure.samples",
                $"samples is {samples}: a file of them holds {Array.MaxLength} numbers at most, and a row has {shape.Size()}; lower it."
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
