using System.CommandLine;
using System.Text;
using Ctwa.Silo.Tools.Evaluation;
using Ctwa.Training.Models;
using TorchSharp;

namespace Ctwa.Silo.Tools.Generation;

/// <summary><c>ctwa generate</c>: answers to a prompt, to a file of prompts, or to a person.</summary>
internal sealed class GenerateCommand : Command, IHandlesSignals
{
    /// <summary>Longest file of <c>--prompt-file</c> in bytes: more than any context holds.</summary>
    private const int MaxPromptBytes = 16 << 20;

    private static readonly Argument<string> Model = new("model") { Description = "Model folder, run directory (its newest checkpoint), or checkpoint.", HelpName = "DIR_OR_RUN" };
    private static readonly Option<string?> Prompt = new("--prompt", "-p") { Description = "A prompt; default: asked for, or one per line from a pipe.", HelpName = "text" };
    private static readonly Option<string?> PromptFile = new("--prompt-file") { Description = "A file that holds one prompt.", HelpName = "file" };
    private static readonly Option<string?> Data = new("--data") { Description = "A data file with many prompts, answered in batches; one JSON object per answer.", HelpName = "file" };
    private static readonly Option<string> PromptField = new("--prompt-field") { Description = "Field of the prompt in the data file.", HelpName = "name", DefaultValueFactory = _ => "prompt" };
    private static readonly Option<string?> AnswerField = new("--answer-field") { Description = "A text field of the data file; needed only where prompts are conversations.", HelpName = "name" };
    private static readonly Option<bool> Chat = new("--chat") { Description = "Prompts are what a user says, in the model's chat template; a session remembers what was said." };
    private static readonly Option<string?> System = new("--system") { Description = "First message of every conversation; implies --chat.", HelpName = "text" };
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "With --data: the file of the answers; default: the terminal.", HelpName = "file.jsonl" };
    private static readonly Option<int?> MaxNewTokens = new("--max-new-tokens") { Description = "Longest answer; default: 512, or what the model's positions allow.", HelpName = "n" };
    private static readonly Option<double?> Temperature = new("--temperature") { Description = "0 takes the likeliest token; default: the model's generation_config.json, else 1.", HelpName = "t" };
    private static readonly Option<int?> TopK = new("--top-k") { Description = "Draw from the so many likeliest tokens, 0: from all; default: the model's, else 0.", HelpName = "k" };
    private static readonly Option<double?> TopP = new("--top-p") { Description = "Draw from the likeliest tokens that hold this probability, 1: from all; default: the model's, else 1.", HelpName = "p" };
    private static readonly Option<long> Seed = new("--seed") { Description = "Seed of the answers.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<int> Samples = new("--samples", "-n") { Description = "Answers per prompt.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<int> BatchSize = new("--batch-size") { Description = "With --data: answers generated together, in whole prompts.", HelpName = "n", DefaultValueFactory = _ => 64 };
    private static readonly Option<string> Device = new("--device") { Description = "cpu, cuda or cuda:N.", HelpName = "device", DefaultValueFactory = _ => "cpu" };
    private static readonly Option<string> Type = new("--dtype") { Description = "Element type of the weights: float32, bfloat16 or float16.", HelpName = "type", DefaultValueFactory = _ => "float32" };
    private static readonly Option<int> Threads = new("--threads") { Description = "Native threads. Changing it may change last bits.", HelpName = "n", DefaultValueFactory = _ => 1 };

    private GenerateCommand()
        : base("generate", "Let a model answer: a prompt, a file of prompts, or, with neither, whatever is typed or piped in.")
    {
    }

    public static Command Create()
    {
        var command = new GenerateCommand { Model, Prompt, PromptFile, Data, PromptField, AnswerField, Output, Chat, System, MaxNewTokens, Temperature, TopK, TopP, Seed, Samples, BatchSize, Device, Type, Threads };
        command.SetAction(parsed => Run(Read(parsed), Console.In, !Console.IsInputRedirected, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command;
    }

    /// <param name="options">What the user asked for.</param>
    /// <param name="input">Prompts where the options name none.</param>
    /// <param name="interactive">The input is a person.</param>
    /// <param name="output">Answers alone.</param>
    /// <param name="error">Everything else.</param>
    internal static int Run(GenerateOptions options, TextReader input, bool interactive, TextWriter output, TextWriter error)
    {
        string[] errors = [.. options.Errors()];
        if (errors.Length > 0) { throw new ToolFailure(ToolExitCodes.BadInput, string.Join('\n', errors)); }
        _ = ModelOptions.Device(options.Device);
        _ = ModelOptions.Type(options.Type);
        ToolOutputFiles.Check(("--output", options.Output));
        string? prompt = options.PromptFile is { } file ? ReadPrompt(file) : options.Prompt;
        var description = ModelOptions.Describe(options.Model, error);
        var dialogue = Dialogue.Of(options, description);
        var (prompts, settings) = options.Data is null ? ([], null) : FileGeneration.Prepare(options, description, dialogue);
        torch.set_num_threads(options.Threads);
        using var model = ModelOptions.Load(description, options.Device, options.Type);
        error.WriteLine(settings is not null ? FileGeneration.Run(model, prompts, settings, options.Output, output) : Converse(options, model, dialogue, prompt, input, interactive, output, error));
        return ToolExitCodes.Success;
    }

    private static string Converse(GenerateOptions options, LoadedModel model, Dialogue dialogue, string? prompt, TextReader input, bool interactive, TextWriter output, TextWriter error)
    {
        using var interrupt = new AnswerInterrupt();
        var writer = new AnswerWriter(model, options, output);
        var session = new GenerateSession(writer, dialogue, options, interrupt);
        if (prompt is not null) { session.Answer(prompt, 0, output); }
        else { session.Run(input, output, error, interactive); }
        return writer.Summary();
    }

    private static string ReadPrompt(string file) => ModelOptions.Guard(() =>
    {
        if (Directory.Exists(file)) { throw new InvalidDataException($"--prompt-file '{file}' is a folder; give a text file."); }
        if (!File.Exists(file)) { throw new InvalidDataException($"--prompt-file '{file}' does not exist (looked at {Path.GetFullPath(file)})."); }
        if (new FileInfo(file).Length is 0 or > MaxPromptBytes) { throw new InvalidDataException($"--prompt-file '{file}' has {new FileInfo(file).Length} bytes; a prompt has 1 to {MaxPromptBytes}."); }
        try { return File.ReadAllText(file, new UTF8Encoding(false, throwOnInvalidBytes: true)); }
        catch (DecoderFallbackException) { throw new InvalidDataException($"--prompt-file '{file}' is not UTF-8 text; convert it."); }
    });

    private static GenerateOptions Read(ParseResult parsed) => new()
    {
        Model = parsed.GetValue(Model)!,
        Prompt = parsed.GetValue(Prompt),
        PromptFile = parsed.GetValue(PromptFile),
        Data = parsed.GetValue(Data),
        PromptField = parsed.GetValue(PromptField)!,
        AnswerField = parsed.GetValue(AnswerField),
        Output = parsed.GetValue(Output),
        Chat = parsed.GetValue(Chat) || parsed.GetValue(System) is not null,
        System = parsed.GetValue(System),
        MaxNewTokens = parsed.GetValue(MaxNewTokens),
        Temperature = parsed.GetValue(Temperature),
        TopK = parsed.GetValue(TopK),
        TopP = parsed.GetValue(TopP),
        Seed = parsed.GetValue(Seed),
        Samples = parsed.GetValue(Samples),
        BatchSize = parsed.GetValue(BatchSize),
        Device = parsed.GetValue(Device)!,
        Type = parsed.GetValue(Type)!,
        Threads = parsed.GetValue(Threads),
    };
}
