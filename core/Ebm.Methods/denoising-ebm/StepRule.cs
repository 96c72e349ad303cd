namespace Ebm.Methods;

/// <summary>A chain's step size at noise σ: η for every σ, as printed, or min(η, κσ²), because the energy's curvature reaches 1/σ².</summary>
public enum StepRule
{
    Literal,
    SigmaScaled,
}

static class StepRules
{
    /// <summary>The step size at each σ: (Levels) → (Levels).</summary>
    public static Tensor Steps(this StepRule rule, Tensor sigmas, double eta, double kappa) =>
        rule == StepRule.Literal ? full_like(sigmas, eta) : (kappa * sigmas.square()).clamp(max: eta);
}
