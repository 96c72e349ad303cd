namespace Ebm.Runs;
