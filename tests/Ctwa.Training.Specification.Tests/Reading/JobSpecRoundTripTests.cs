using System.Text.Json;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class JobSpecRoundTripTests
{
    private static readonly string[] texts = ["train.jsonl", "true", "null", "~", "12", "1e5", "0x1F", ".inf", "- a", "a: b", "#x", "x #y", "  x ", "it's", "say \"x\"", "back\\slash", "Größe", "数据", "😀", "*a", "&a", "!t", "%d", "@x", "`x`", "{x}", "[x]", "---", "...", "?", ":", "-", "x:", "2024-01-01", "<<", "=", "yes", "/abs/path with spaces", "a,b"];

    /// <summary>Options of the methods besides ctwa; their values survive as they are, whatever they are.</summary>
    private static readonly Func<double, ScalarizerSpec>[] methods =
    [
        _ => new LinearScalarizerSpec { Normalize = ScoreNormalization.Batch },
        unit => new MgdaScalarizerSpec { Normalization = GradientNormalization.LossPlus, Ideal = new NumberOrList([unit, 1]), Rescale = true, EmaRate = unit },
        _ => new MgdaScalarizerSpec { Mode = MethodMode.Reference, PerSlice = true },
        unit => new GradNormScalarizerSpec { Alpha = unit, Floor = unit / 2, Plan = CombinationPlan.SecondPass },
        unit => new DynamicScalarizerSpec { Influence = InfluenceKind.LeaveOneOut, Floor = unit / 2, GramScope = GramScope.LastBlock },
        _ => new PCGradScalarizerSpec { Order = ProjectionOrder.Fixed, OrderSeed = long.MaxValue },
        unit => new CAGradScalarizerSpec { C = unit, GramEvery = 7 },
        _ => new ImtlGScalarizerSpec { Rescale = true },
        unit => new NashMtlScalarizerSpec { MaxNorm = unit, Fairness = 1 + unit },
        _ => new AlignedMtlScalarizerSpec(),
        _ => new UPGradScalarizerSpec(),
        unit => new LagrangianScalarizerSpec { Mode = MethodMode.Reference, Constraints = new NumberOrList([unit]), LambdaStart = unit },
    ];

    /// <summary>A valid job whose values depend on the numbers.</summary>
    private static JobSpec Make(uint pick, double number, long whole, bool flag)
    {
        string text = texts[pick % texts.Length];
        double unit = double.IsFinite(number) ? Math.Abs(number) % 1 : 0.5;
        var small = Jobs.SmallSpec;
        return small with
        {
            Seed = whole & long.MaxValue,
            Data = small.Data with
            {
                Train = new DataSourceSpec { Path = text, PromptField = texts[(pick / 7) % texts.Length], AnswerField = texts[(pick / 7 + 1) % texts.Length], Count = flag ? 7 : null },
                Overlong = flag ? OverlongPolicy.Drop : OverlongPolicy.Error,
                Chat = flag ? ChatMode.Always : ChatMode.Auto,
                ChatOptions = new Dictionary<string, JsonElement> { ["flag"] = JsonSerializer.SerializeToElement(flag), ["text"] = JsonSerializer.SerializeToElement(text), ["whole"] = JsonSerializer.SerializeToElement(whole), ["unit"] = JsonSerializer.SerializeToElement(unit + double.Epsilon) },
            },
            Model = flag ? new ModelSpec { Path = text } : small.Model,
            Objectives = [small.Objectives[0] with { Weight = unit + double.Epsilon, OnFailure = FailurePolicy.Substitute, SubstituteScore = double.IsFinite(number) ? number : -1 }, small.Objectives[1] with { Reward = new ConcisenessRewardSpec { Decay = unit, Mode = MethodMode.Reference }, Weight = 2 }],
            Scalarizer = flag
                ? new CtwaScalarizerSpec { Targets = new NumberOrList([unit, -unit]), ObjectiveTargets = pick % 2 == 0 ? new NumberOrList(unit) : null, Leak = unit }
                : methods[pick % methods.Length](unit),
            Optimizer = small.Optimizer with { LearningRate = unit * 1e-7, Betas = [unit, 0] },
            WarmStart = flag ? null : new SupervisedSpec { Steps = 3, Data = new DataSourceSpec { Path = text, AnswerField = "response" }, AnswerNoise = unit },
            Update = new UpdateSpec { PromptsPerUpdate = flag ? 8 : null },
        };
    }

    [Property(MaxTest = 400)]
    public bool A_job_survives_json(uint pick, double number, long whole, bool flag)
    {
        string json = JobSpecJson.Serialize(Make(pick, number, whole, flag));
        return JobSpecJson.Serialize(JobSpecJson.Deserialize(json)) == json;
    }

    [Property(MaxTest = 400)]
    public bool A_job_survives_yaml(uint pick, double number, long whole, bool flag)
    {
        var spec = Make(pick, number, whole, flag);
        return JobSpecJson.Serialize(Jobs.Read(JobSpecYaml.Write(spec))) == JobSpecJson.Serialize(spec);
    }

    [Fact]
    public void Every_text_survives_as_text()
    {
        for (uint i = 0; i < texts.Length; i++)
        {
            var spec = Make(i, 0.25, 1, true);
            var read = Jobs.Read(JobSpecYaml.Write(spec));
            Assert.Equal(texts[i], read.Model.Path);
        }
    }

    [Fact]
    public void Resolved_yaml_names_every_default_and_is_readable()
    {
        string yaml = JobSpecYaml.Write(Jobs.SmallSpec);
        Assert.Contains("\nname: small\nkind: rl\nseed: 1\nmodel:\n  init:\n    architecture: qwen2\n    hidden_size: 64\n", yaml);
        Assert.Contains("\nobjectives:\n  - name: accuracy\n    reward:\n      kind: math_boxed\n      mode: corrected\n    weight: 0.5\n", yaml);
        Assert.Contains("\n  betas: [0.9, 0.999]\n", yaml);
        Assert.Contains("\n  learning_rate: 1e-06\n", yaml);
        Assert.Contains("\nscalarizer:\n  method: linear\n", yaml);
        Assert.DoesNotContain("null", yaml);
    }

    [Fact]
    public void Json_with_an_error_names_everything_that_is_wrong()
    {
        string json = JobSpecJson.Serialize(Jobs.SmallSpec).Replace("\"kind\":\"clarity\"", "\"kind\":\"clarty\"").Replace("\"shards\":4", "\"shards\":0");
        string message = Assert.Throws<InvalidDataException>(() => JobSpecJson.Deserialize(json)).Message;
        Assert.Contains("clarty", message);
        Assert.Contains("grid.shards", message);
    }
}
