namespace Ctwa.Training.Datasets;

/// <summary>Part of a generated task's problems. The parts are disjoint; only <see cref="Train"/> is ever trained on. Values are part of the arithmetic of a job: never renumber.</summary>
public enum DatasetSplit
{
    Train = 0,
    Validation = 1,
    Test = 2,
}
