using System.CommandLine;
using Ctwa.Client.Commands;

namespace Ctwa.Silo.Tools;

/// <summary>Examples in the help of the tools.</summary>
internal static class ToolExamples
{
    private static readonly (string[] Verb, (string Line, string What)[] Examples)[] s_all =
    [
        (["data"], [("ctwa data inspect train.jsonl", "look into a file"), ("ctwa data prepare gsm8k --from DIR --out DIR", "prepare a public data set")]),
        (["data", "prepare"], [("ctwa data prepare math500 --from ~/downloads/math500 --out data/math500", "MATH-500"), ("ctwa data prepare gsm8k --from ~/downloads/gsm8k --out data/gsm8k", "GSM8K")]),
        (["data", "prepare", "math500"], [("ctwa data prepare math500 --from ~/downloads/math500 --out data/math500", "split 60/20/20"), ("ctwa data prepare math500 --from test.jsonl --out data/math500 --split reference", "split as the paper's reference code does")]),
        (["data", "prepare", "gsm8k"], [("ctwa data prepare gsm8k --from ~/downloads/gsm8k --out data/gsm8k --validation 200", "hold out 200 problems of the training part")]),
        (["data", "inspect"], [("ctwa data inspect data/math500/train.jsonl --rows 3", "counts, lengths and the first rows"), ("ctwa data inspect train.parquet --json", "the same for programs")]),
        (["eval"], [("ctwa eval runs/quickstart-20261127-081511 --samples 8", "score a run's newest checkpoint"), ("ctwa eval RUN --baseline OTHER -o eval.json", "compare two, with intervals"), ("ctwa eval DIR --task arithmetic --reward math_boxed", "a model folder on the built-in task")]),
        (["generate"], [("ctwa generate RUN --prompt \"12 + 30 =\"", "one answer"), ("ctwa generate DIR", "a conversation in the terminal")]),
        (["model"], [("ctwa model inspect DIR", "what is in a model folder"), ("ctwa model export RUN --out DIR", "a run's weights as a Hugging Face folder")]),
        (["model", "inspect"], [("ctwa model inspect ~/models/Qwen2.5-1.5B", "shape, files, memory, and what is wrong"), ("ctwa model inspect RUN --json", "for programs")]),
        (["model", "init"], [("ctwa model init --preset qwen2.5-0.5b --out models/random", "a model with random weights")]),
        (["model", "export"], [("ctwa model export runs/quickstart-20261127-081511 --out models/quickstart", "the newest checkpoint without optimizer")]),
    ];

    /// <summary>Gives every tool its examples.</summary>
    public static void AddTo(Command root)
    {
        foreach (var (verb, examples) in s_all)
        {
            var command = root;
            foreach (string word in verb) { command = command.Subcommands.Single(one => one.Name == word); }
            command.WithExamples(examples);
        }
    }
}
