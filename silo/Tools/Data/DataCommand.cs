using System.CommandLine;

namespace Ctwa.Silo.Tools.Data;

/// <summary><c>ctwa data</c>: what there is to do with data files before training.</summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Prepare public data sets for training, and look into data files.")
    {
        new Command("prepare", "Turn a data set as it is downloaded into training, validation and test files.") { PrepareCommand.Math500(), PrepareCommand.Gsm8k() },
        InspectCommand.Create(),
    };
}
