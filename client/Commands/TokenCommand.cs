using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa token</c>: makes a token and its entry for the silos' file, which holds only the hash.</summary>
internal static class TokenCommand
{
    public static Command Create()
    {
        var name = new Option<string>("--name") { Description = "Whose it is: letters, digits, '.', '_', '-' and '@'.", Required = true, HelpName = "name" };
        var role = new Option<string>("--role") { Description = "read, submit or admin.", Required = true, HelpName = "role" };
        role.AcceptOnlyFromAmong([.. Enum.GetNames<GridRole>().Select(word => word.ToLowerInvariant())]);
        var command = new Command("token", "Make a token for a client of a grid, and the entry for the silos' --tokens file.") { name, role };
        command.SetAction(async parsed =>
        {
            string owner = parsed.GetValue(name)!;
            if (owner.Length is 0 or > 64 || !owner.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '@')) { throw new CommandFailure(ExitCodes.BadInput, $"--name is '{owner}'; accepted are up to 64 letters, digits, '.', '_', '-' and '@'."); }
            string token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
            string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
            var output = parsed.InvocationConfiguration.Output;
            await output.WriteLineAsync($"for {owner}, shown only now: {token}\nfor the file of tokens:");
            await output.WriteLineAsync($$"""{ "name": "{{owner}}", "role": "{{parsed.GetValue(role)}}", "sha256": "{{hash}}" }""");
            return ExitCodes.Success;
        });
        return command.WithExamples(("ctwa token --name alice --role submit", "a token for alice, and the line for the file"));
    }
}
