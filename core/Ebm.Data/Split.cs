namespace Ebm.Data;

/// <summary>A random split of rows, by the stream `split` of the data: first the test rows, then those for validation, then those for training.</summary>
sealed class Split
{
    readonly Site site;
    readonly Tensor order;
    readonly long test,
        validation;

    /// <param name="count">The number of rows.</param>
    /// <param name="test">The share of test rows.</param>
    /// <param name="validation">The share of rows for validation.</param>
    public Split(long count, double test, double validation, Site site)
    {
        this.site = site;
        order = site.Rng.Stream("split").Permutation(count).to(site.Device);
        (this.test, this.validation) = ((long)Math.Round(test * count), (long)Math.Round(validation * count));
    }

    /// <param name="rows">(count, …), on any device.</param>
    /// <returns>Rows on the site's device.</returns>
    public Tensor Train(Tensor rows) => Part(rows, test + validation, order.shape[0] - test - validation);

    /// <inheritdoc cref="Train"/>
    public Tensor Test(Tensor rows) => Part(rows, 0, test);

    /// <inheritdoc cref="Train"/>
    public Tensor Validation(Tensor rows) => Part(rows, test, validation);

    /// <summary>The places of the training, validation and test rows: int64, on the site's device.</summary>
    public (Tensor Train, Tensor Validation, Tensor Test) Places =>
        (
            order.narrow(0, test + validation, order.shape[0] - test - validation),
            order.narrow(0, test, validation),
            order.narrow(0, 0, test)
        );

    Tensor Part(Tensor rows, long from, long count) => rows.to(site.Device).index_select(0, order.narrow(0, from, count));
}
