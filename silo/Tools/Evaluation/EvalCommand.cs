using System.CommandLine;
using System.Text;
using TorchSharp;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary><c>ctwa eval</c>: scores a model on held-out prompts, alone or beside another.</summary>
internal static class EvalCommand
{
    private static readonly Argument<string> Model = new("model") { Description = "Run directory (its newest checkpoint), checkpoint, or model folder.", HelpName = "RUN_OR_DIR" };
    private static readonly Option<string?> Baseline = new("--baseline") { Description = "Compare with this model, run or checkpoint on the same prompts and random numbers.", HelpName = "RUN_OR_DIR" };
    private static readonly Option<string?> Job = new("--job", "--objectives") { Description = "Job file whose objectives, limits and held-out data count; default: the run's.", HelpName = "JOB.yaml" };
    private static readonly Option<string[]> Rewards = new("--reward") { Description = "An objective in place of the job's: KIND, NAME=KIND, or NAME={kind: KIND, ...}. May be repeated.", HelpName = "name=kind", DefaultValueFactory = _ => [] };
    private static readonly Option<string?> Data = new("--data") { Description = "Data file; default: the job's data.test, else data.validation.", HelpName = "file" };
    private static readonly Option<string?> Task = new("--task") { Description = "A built-in task instead of a file: arithmetic (its test problems).", HelpName = "task" };
    private static readonly Option<int?> MinTerms = new("--min-terms") { Description = "Task: fewest terms of a chain; default 4.", HelpName = "n" };
    private static readonly Option<int?> MaxTerms = new("--max-terms") { Description = "Task: most terms of a chain; default 5.", HelpName = "n" };
    private static readonly Option<string?> PromptField = new("--prompt-field") { Description = "Field of the prompt in the data file; default: the job's, else prompt.", HelpName = "name" };
    private static readonly Option<string?> AnswerField = new("--answer-field") { Description = "Field of the expected answer; default: the job's, else answer.", HelpName = "name" };
    private static readonly Option<bool> Chat = new("--chat") { Description = "Plain prompts become a user's message in the model's chat template; default: as the job's data.chat says, else only conversations do." };
    private static readonly Option<int?> Prompts = new("--prompts") { Description = "Only the first so many prompts; default: all, of a run's own data schedule.validation_prompts.", HelpName = "n" };
    private static readonly Option<int?> Samples = new("--samples", "-k") { Description = "Answers per prompt; default: schedule.validation_samples, without a job 4.", HelpName = "k" };
    private static readonly Option<int?> MaxNewTokens = new("--max-new-tokens") { Description = "Longest answer; default: rollout.max_new_tokens, without a job 512 or what fits.", HelpName = "n" };
    private static readonly Option<double?> Temperature = new("--temperature") { Description = "0 takes the likeliest token; default: schedule.validation_temperature, without a job 1.", HelpName = "t" };
    private static readonly Option<int> TopK = new("--top-k") { Description = "Draw from the so many likeliest tokens; 0: from all.", HelpName = "k" };
    private static readonly Option<double> TopP = new("--top-p") { Description = "Draw from the likeliest tokens that hold this probability; 1: from all.", HelpName = "p", DefaultValueFactory = _ => 1 };
    private static readonly Option<long?> Seed = new("--seed") { Description = "Seed of answers and intervals; default: the job's, without a job 1.", HelpName = "n" };
    private static readonly Option<int> BatchSize = new("--batch-size") { Description = "Answers generated together, in whole prompts. Changing it may change last bits, and rarely a token.", HelpName = "n", DefaultValueFactory = _ => 64 };
    private static readonly Option<int> Bootstrap = new("--bootstrap") { Description = "Draws of the bootstrap intervals.", HelpName = "n", DefaultValueFactory = _ => 1000 };
    private static readonly Option<double?> ReferenceLength = new("--reference-length") { Description = "Tokens that conciseness compares with; default: the run's yardstick, the baseline's mean, or the mean of these answers.", HelpName = "tokens" };
    private static readonly Option<string> Device = new("--device") { Description = "cpu, cuda or cuda:N.", HelpName = "device", DefaultValueFactory = _ => "cpu" };
    private static readonly Option<string> Type = new("--dtype") { Description = "Element type of the weights: float32, bfloat16 or float16.", HelpName = "type", DefaultValueFactory = _ => "float32" };
    private static readonly Option<int> Threads = new("--threads") { Description = "Native threads. Changing it may change last bits.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Write everything as JSON into this file.", HelpName = "file.json" };
    private static readonly Option<string?> SamplesOut = new("--samples-out") { Description = "Write every answer with its scores into this file, one JSON object a line.", HelpName = "file.jsonl" };

    public static Command Create()
    {
        var command = new Command("eval", "Score a model on held-out prompts: mean, best, worst and majority of k answers per objective, with intervals; or compare it with another.")
        {
            Model, Baseline, Job, Rewards, Data, Task, MinTerms, MaxTerms, PromptField, AnswerField, Chat, Prompts, Samples, MaxNewTokens, Temperature, TopK, TopP, Seed,
            BatchSize, Bootstrap, ReferenceLength, Device, Type, Threads, Output, SamplesOut,
        };
        command.SetAction((parsed, cancellation) => RunAsync(Read(parsed), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, cancellation));
        return command;
    }

    internal static async Task<int> RunAsync(EvalOptions options, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        string[] errors = [.. options.Errors()];
        if (errors.Length > 0) { throw new ToolFailure(ToolExitCodes.BadInput, string.Join('\n', errors)); }
        _ = ModelOptions.Device(options.Device);
        _ = ModelOptions.Type(options.Type);
        ToolOutputFiles.Check(("--output", options.Output), ("--samples-out", options.SamplesOut));
        var inputs = EvalInputs.Resolve(options, error);
        using var rewards = EvalRewards.Open(inputs.Job, options.Device, error);
        torch.set_num_threads(options.Threads);
        var result = await new EvalRun(inputs, options, rewards, error).RunAsync(cancellationToken);
        foreach (string line in EvalTable.Lines(result)) { await output.WriteLineAsync(line); }
        if (options.Output is { } json)
        {
            ToolOutputFiles.Write(json, EvalJson.Write(result));
            await output.WriteLineAsync($"written      {EvalTable.Shown(Path.GetFullPath(json))}");
        }

        if (options.SamplesOut is { } lines)
        {
            ToolOutputFiles.Write(lines, Encoding.UTF8.GetBytes(string.Concat(EvalJson.Samples(result).Select(line => line + "\n"))));
            await output.WriteLineAsync($"written      {EvalTable.Shown(Path.GetFullPath(lines))}");
        }

        return ToolExitCodes.Success;
    }

    private static EvalOptions Read(ParseResult parsed) => new()
    {
        Model = parsed.GetValue(Model)!,
        Baseline = parsed.GetValue(Baseline),
        Job = parsed.GetValue(Job),
        Rewards = parsed.GetValue(Rewards) ?? [],
        Data = parsed.GetValue(Data),
        Task = parsed.GetValue(Task),
        MinTerms = parsed.GetValue(MinTerms),
        MaxTerms = parsed.GetValue(MaxTerms),
        PromptField = parsed.GetValue(PromptField),
        AnswerField = parsed.GetValue(AnswerField),
        Chat = parsed.GetValue(Chat),
        Prompts = parsed.GetValue(Prompts),
        Samples = parsed.GetValue(Samples),
        MaxNewTokens = parsed.GetValue(MaxNewTokens),
        Temperature = parsed.GetValue(Temperature),
        TopK = parsed.GetValue(TopK),
        TopP = parsed.GetValue(TopP),
        Seed = parsed.GetValue(Seed),
        BatchSize = parsed.GetValue(BatchSize),
        Bootstrap = parsed.GetValue(Bootstrap),
        ReferenceLength = parsed.GetValue(ReferenceLength),
        Device = parsed.GetValue(Device)!,
        Type = parsed.GetValue(Type)!,
        Threads = parsed.GetValue(Threads),
        Output = parsed.GetValue(Output),
        SamplesOut = parsed.GetValue(SamplesOut),
    };
}
