namespace Ebm.Metrics;
