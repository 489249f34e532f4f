using System.CommandLine;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa schema</c></summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        var command = new Command("schema", "Print the JSON schema of the job file, for editors.");
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(JobSchema.Json().TrimEnd());
            return ExitCodes.Success;
        });
        return command.WithExamples(("ctwa schema > ctwa.schema.json", "then, as the first line of a job: # yaml-language-server: $schema=./ctwa.schema.json"));
    }
}
