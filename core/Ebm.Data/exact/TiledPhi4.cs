using System.Runtime.CompilerServices;

namespace Ebm.Data;

/// <summary>The action of <see cref="Phi4"/> on tiles. A data set of 10⁵ rows is 10⁷ slopes, each of which libtorch computes in thirty passes.</summary>
/// <param name="side">L.</param>
/// <param name="massSquared">m².</param>
/// <param name="coupling">λ.</param>
sealed unsafe class TiledPhi4(int side, double massSquared, double coupling) : TiledEnergy
{
    public override int Memory => 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        // S = Σ φ² (2 + m²/2 + λφ²) − φ (right + below), as each of the 2L² bonds has one first end.
        T linear = T.Of((float)(2 + massSquared / 2)),
            cubic = T.Of((float)coupling),
            linearSlope = T.Of((float)(4 + massSquared)),
            cubicSlope = T.Of((float)(4 * coupling));
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var sum = T.Of(0);
            for (var row = 0; row < side; row++)
            for (var column = 0; column < side; column++)
            {
                var at = T.Load(Site(x, row, column) + lane);
                var ahead = T.Load(Site(x, row, column + 1) + lane) + T.Load(Site(x, row + 1, column) + lane);
                var square = at * at;
                sum += at * (at * T.MultiplyAdd(cubic, square, linear) - ahead);
                if (slope == null)
                    continue;
                var behind = T.Load(Site(x, row, column - 1) + lane) + T.Load(Site(x, row - 1, column) + lane);
                T.Store(at * T.MultiplyAdd(cubicSlope, square, linearSlope) - ahead - behind, Site(slope, row, column) + lane);
            }
            T.Store(sum, energy + lane);
        }
    }

    /// <summary>The number of a site in all rows; a row or column just beyond the lattice is the one at its other end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float* Site(float* x, int row, int column) => x + (Around(row) * side + Around(column)) * Tile.Rows;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    int Around(int place) =>
        place < 0 ? place + side
        : place >= side ? place - side
        : place;
}
