using Ctwa.Training.Native;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Native;

public sealed class ComputeDeviceTests
{
    [Fact]
    public void The_cpu_is_always_there() => Assert.Equal(DeviceType.CPU, Assert.Single(ComputeDevice.ParseList("cpu")).type);

    [Theory]
    [InlineData("gpu", "is 'gpu'; accepted are auto, cpu, cuda and cuda:N")]
    [InlineData("cuda:", "is 'cuda:'; accepted are")]
    [InlineData("cuda:-1", "is 'cuda:-1'; accepted are")]
    [InlineData("cpu,cpu", "names cpu twice")]
    [InlineData("", "is ''; accepted are")]
    public void Other_names_are_refused(string names, string expected) =>
        Assert.StartsWith(expected, Assert.Throws<ArgumentException>(() => ComputeDevice.ParseList(names)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("cuda")]
    [InlineData("cuda:all")]
    [InlineData("cuda:0,cuda:1")]
    public void A_gpu_that_is_not_there_is_refused_with_what_to_do(string names)
    {
        Assert.SkipWhen(torch.cuda.is_available(), "this machine has a GPU.");
        Assert.Contains("this libtorch finds no GPU: the packaged one is for CPUs", Assert.Throws<ArgumentException>(() => ComputeDevice.ParseList(names)).Message, StringComparison.Ordinal);
        Assert.Equal(DeviceType.CPU, ComputeDevice.Parse("auto").type);
    }
}
