namespace Ebm.Data;

/// <summary>The tables of the UCI repository that configs name. A `table` reads them; here is where they come from.</summary>
static class Uci
{
    const string At = "https://archive.ics.uci.edu/ml/machine-learning-databases/";

    public static readonly Published Wine =
            new(
                "wine",
                "measurements of 1,599 red and 4,898 white wines (Cortez et al. 2009)",
                "https://archive.ics.uci.edu/dataset/186/wine+quality",
                [
                    new(
                        "uci/winequality-red.csv",
                        At + "wine-quality/winequality-red.csv",
                        DigestKind.Sha256,
                        "96a224ef9ebae8693908a0cd805ef6a00c533fd0a1dc6b905839cd43f70c383b"
                    ),
                    new(
                        "uci/winequality-white.csv",
                        At + "wine-quality/winequality-white.csv",
                        DigestKind.Sha256,
                        "dcbc0f14015f74c1ef369cce30a405b9721955e0129b82d1cfc123187683cce5"
                    ),
                ]
            ),
        Parkinsons =
            new(
                "parkinsons",
                "5,875 recordings of speech (Tsanas and Little 2009)",
                "https://archive.ics.uci.edu/dataset/189/parkinsons+telemonitoring",
                [
                    new(
                        "uci/parkinsons_updrs.data",
                        At + "parkinsons/telemonitoring/parkinsons_updrs.data",
                        DigestKind.Sha256,
                        "3b35fb705c56a6ed1a039f3c09619aef20e0d133ce4811a3d164f4302f6166e4"
                    ),
                ]
            );
}
