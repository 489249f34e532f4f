using System.CommandLine;
using System.Text.Json.Nodes;
using Ctwa.Client.Contexts;
using Ctwa.Client.Output;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa context</c>: short names for grids.</summary>
internal static class ContextCommand
{
    public static Command Create() => new Command("context", "Give grids short names, so that other commands need no addresses.") { Add(), List(), Show(), Use(), Remove() }
        .WithExamples(("ctwa context add prod --redis rediss://redis.example.org --cluster-id prod --token-env PROD_TOKEN", "name a grid"), ("ctwa context use prod", "speak to it from now on"), ("ctwa jobs --context prod", "speak to it once"));

    private static Command Add()
    {
        var name = new Argument<string>("name") { Description = $"Name of the context: {GridContext.NameForm}." };
        var grid = new GridOptions();
        var token = new Option<string?>("--token-env") { Description = $"Environment variable that holds the token; default: {GridOptions.TokenVariable}. The token itself is never stored.", HelpName = "NAME" };
        var password = new Option<string?>("--redis-password-env") { Description = "Environment variable that holds the Redis' password; default: CTWA_REDIS_PASSWORD.", HelpName = "NAME" };
        var use = new Option<bool>("--use") { Description = "Make it the current context. The first one becomes that anyway." };
        var replace = new Option<bool>("--replace") { Description = "Replace a context of this name." };
        var command = new Command("add", "Store where a grid is. Secrets are not stored, only the names of their variables.") { name, token, password, use, replace };
        grid.AddPlacesTo(command);
        command.SetAction(parsed => Run(parsed, (file, book, output) =>
        {
            string chosen = parsed.GetValue(name)!;
            var context = grid.ReadContext(parsed, Environment.CurrentDirectory) with { TokenEnv = parsed.GetValue(token), RedisPasswordEnv = parsed.GetValue(password) };
            Check(chosen, context, book, parsed.GetValue(replace));
            book.Contexts[chosen] = context;
            bool current = parsed.GetValue(use) || book.Current is null || book.Current == chosen;
            file.Save(current ? book with { Current = chosen } : book);
            output.WriteLine(current ? $"context {chosen} is stored, and is the current one" : $"context {chosen} is stored; make it the current one with: ctwa context use {chosen}");
        }));
        return command.WithExamples(
            ("ctwa context add lab --redis 10.0.0.1:6379 --cluster-id lab", "a grid behind a Redis"),
            ("ctwa context add prod --redis rediss://ctwa@redis.example.org/2 --cluster-id prod --token-env PROD_TOKEN --redis-password-env PROD_REDIS --tls-ca ca.pem", "with TLS, token and password"),
            ("ctwa context add here --gateway 127.0.0.1:30000 --cluster-id ctwa", "one silo"));
    }

    private static Command List()
    {
        var json = JsonOption.Create();
        var command = new Command("list", "List the contexts; a star marks the current one.") { json };
        command.SetAction(parsed => Run(parsed, (_, book, output) =>
        {
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonText.Write(new JsonObject { ["current"] = book.Current, ["contexts"] = new JsonArray([.. book.Contexts.Select(one => (JsonNode)Json(one.Key, one.Value, book))]) }));
                return;
            }

            if (book.Contexts.Count == 0)
            {
                output.WriteLine("no contexts; add one with: ctwa context add NAME --redis HOST:PORT --cluster-id NAME");
                return;
            }

            string[][] rows = [["", "name", "cluster", "grid"], .. book.Contexts.Select(one => (string[])[one.Key == book.Current ? "*" : "", one.Key, one.Value.ClusterId, one.Value.Where])];
            foreach (string line in TextTable.Left(rows)) { output.WriteLine(line); }
        }));
        return command.WithExamples(("ctwa context list", "all contexts"), ("ctwa context list --json", "the same for programs"));
    }

    private static Command Show()
    {
        var name = Known("Name of the context; default: the current one.", ArgumentArity.ZeroOrOne);
        var json = JsonOption.Create();
        var command = new Command("show", "Show a context, and whether the variables that it names are set.") { name, json };
        command.SetAction(parsed => Run(parsed, (_, book, output) =>
        {
            string chosen = parsed.GetValue(name) ?? book.Current ?? throw new CommandFailure(ExitCodes.BadInput, "there is no current context; name one, or choose one with: ctwa context use NAME");
            var context = Require(book, chosen);
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonText.Write(Json(chosen, context, book)));
                return;
            }

            string Set(string? variable, string usual) => $"{variable ?? usual} ({(Environment.GetEnvironmentVariable(variable ?? usual) is { Length: > 0 } ? "set" : "not set")})";
            (string, string?)[] rows =
            [
                ("context", chosen + (chosen == book.Current ? " (current)" : "")), ("cluster", context.ClusterId), ("redis", context.Redis), ("gateway", context.Gateway),
                ("token in", Set(context.TokenEnv, GridOptions.TokenVariable)),
                ("password in", context.Redis is null ? null : Set(context.RedisPasswordEnv, Grains.Abstractions.RedisEndpoint.PasswordVariable)),
                ("redis ca", context.RedisCa), ("tls ca", context.TlsCa), ("certificate", context.TlsCertificate), ("key", context.TlsKey),
            ];
            foreach (var (title, value) in rows.Where(row => row.Item2 is not null)) { output.WriteLine($"{title,-11}  {value}"); }
        }));
        return command.WithExamples(("ctwa context show", "the current context"), ("ctwa context show prod --json", "another one, for programs"));
    }

    private static Command Use()
    {
        var name = Known("Name of the context.", ArgumentArity.ExactlyOne);
        var command = new Command("use", "Make a context the current one: commands that name no grid speak to it.") { name };
        command.SetAction(parsed => Run(parsed, (file, book, output) =>
        {
            string chosen = parsed.GetValue(name)!;
            _ = Require(book, chosen);
            file.Save(book with { Current = chosen });
            output.WriteLine($"context {chosen} is the current one");
        }));
        return command.WithExamples(("ctwa context use prod", "speak to this grid from now on"));
    }

    private static Command Remove()
    {
        var name = Known("Name of the context.", ArgumentArity.ExactlyOne);
        var command = new Command("remove", "Forget a context. The grid is not touched.") { name };
        command.SetAction(parsed => Run(parsed, (file, book, output) =>
        {
            string chosen = parsed.GetValue(name)!;
            _ = Require(book, chosen);
            book.Contexts.Remove(chosen);
            file.Save(book.Current == chosen ? book with { Current = null } : book);
            output.WriteLine(book.Current == chosen ? $"context {chosen} is removed; there is no current one now" : $"context {chosen} is removed");
        }));
        return command.WithExamples(("ctwa context remove old", "forget a name"));
    }

    private static Argument<string> Known(string description, ArgumentArity arity)
    {
        var name = new Argument<string>("name") { Description = description, Arity = arity, HelpName = "name" };
        name.CompletionSources.Add(_ => CompletionSources.Contexts());
        return name;
    }

    private static int Run(ParseResult parsed, Action<ContextFile, ContextBook, TextWriter> act)
    {
        var file = ContextFile.Find(Environment.GetEnvironmentVariable) ?? throw new CommandFailure(ExitCodes.StorageFailed, "contexts are stored in your home folder, and neither HOME nor XDG_CONFIG_HOME is set.");
        act(file, file.Load(), parsed.InvocationConfiguration.Output);
        return ExitCodes.Success;
    }

    private static GridContext Require(ContextBook book, string name) => book.Contexts.TryGetValue(name, out var found) ? found
        : throw new CommandFailure(ExitCodes.BadInput, $"there is no context '{name}'; {(book.Contexts.Count == 0 ? "there are none" : "known are " + string.Join(", ", book.Contexts.Keys))}.");

    private static void Check(string name, GridContext context, ContextBook book, bool replace)
    {
        var errors = new List<string>();
        if (!GridContext.IsName(name)) { errors.Add($"the name is '{name}'; accepted are {GridContext.NameForm}."); }
        else if (book.Contexts.ContainsKey(name) && !replace) { errors.Add($"there is a context '{name}' already; give --replace, or another name."); }
        foreach (var (option, variable) in new[] { ("--token-env", context.TokenEnv), ("--redis-password-env", context.RedisPasswordEnv) })
        {
            if (variable is not null && !GridContext.IsVariable(variable)) { errors.Add($"{option} takes the name of an environment variable, such as PROD_TOKEN: letters, digits and '_'. What was given is none (it is not repeated here, since it may be a secret)."); }
        }

        try { _ = GridOptions.Target(context, null, _ => null, advise: false); }
        catch (CommandFailure wrong) { errors.Add(wrong.Message); }
        if (errors.Count > 0) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
    }

    private static JsonObject Json(string name, GridContext context, ContextBook book) => new()
    {
        ["name"] = name,
        ["current"] = name == book.Current,
        ["cluster_id"] = context.ClusterId,
        ["redis"] = context.Redis,
        ["gateway"] = context.Gateway,
        ["token_env"] = context.TokenEnv,
        ["redis_password_env"] = context.RedisPasswordEnv,
        ["redis_ca"] = context.RedisCa,
        ["tls_ca"] = context.TlsCa,
        ["tls_certificate"] = context.TlsCertificate,
        ["tls_key"] = context.TlsKey,
    };
}
