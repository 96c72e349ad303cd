// Where a tensor lies: the processor, or one of the GPUs. A device that is not there is an error, never another device.
using Ebm.Torch;

namespace TorchSharp;

public enum DeviceType
{
    CPU = 0,
    CUDA = 1,
    MKLDNN = 2,
    OPENGL = 3,
    OPENCL = 4,
    IDEEP = 5,
    HIP = 6,
    FPGA = 7,
    MSNPU = 8,
    XLA = 9,
    MPS = 13,
    META = 14,
}

public static partial class torch
{
    public class Device
    {
        /// <param name="description"><c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</param>
        public Device(string description)
        {
            var parts = description.Split(':');
            type = TypeOf(parts[0], description);
            index =
                parts.Length == 1 ? -1
                : parts.Length == 2 && int.TryParse(parts[1], out var given) && given >= 0 ? given
                : throw new ArgumentException($"\"{description}\" is no device; write cpu, cuda or cuda:0.", nameof(description));
        }

        public Device(string deviceType, int index = -1)
            : this(TypeOf(deviceType, deviceType), index) { }

        /// <param name="deviceType">The kind of device.</param>
        /// <param name="index">Which one; −1 is the current one.</param>
        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            this.index = index;
        }

        /// <summary>The GPU with this index.</summary>
        public Device(int index)
            : this(DeviceType.CUDA, index) { }

        public DeviceType type { get; }

        /// <summary>Which of its kind; −1 for the only one, or the current one.</summary>
        public int index { get; }

        public override string ToString() =>
            type == DeviceType.CPU || index < 0 ? type.ToString().ToLowerInvariant() : $"{type.ToString().ToLowerInvariant()}:{index}";

        public static implicit operator Device(string description) => new(description);

        static DeviceType TypeOf(string name, string description) =>
            Enum.TryParse<DeviceType>(name.ToUpperInvariant(), out var type) && !char.IsAsciiDigit(name[0])
                ? type
                : throw new ArgumentException($"\"{description}\" is no device; write cpu, cuda or cuda:0.");
    }

    static Device? default_device;

    public static readonly Device CPU = new(DeviceType.CPU);
    public static readonly Device META = new(DeviceType.META);
    public static Device CUDA => InitializeDevice(new Device(DeviceType.CUDA));
    public static Device MPS => InitializeDevice(new Device(DeviceType.MPS));

    public static Device device(string description) => InitializeDevice(new Device(description));

    public static Device device(string deviceType, int index = -1) => InitializeDevice(new Device(deviceType, index));

    public static Device device(DeviceType deviceType, int index = -1) => InitializeDevice(new Device(deviceType, index));

    public static Device device(int index) => new(DeviceType.CUDA, index);

    /// <summary>The device itself, or the default device for null. Throws when this machine has no such device.</summary>
    public static Device InitializeDevice(Device? device)
    {
        device ??= get_default_device();
        InitializeDeviceType(device.type);
        return device.type != DeviceType.CUDA || device.index < cuda.device_count()
            ? device
            : throw new InvalidOperationException(
                $"there is no {device}: this machine has {cuda.device_count()} GPUs, of which the first is cuda:0."
            );
    }

    /// <summary>Throws when this machine (or this libtorch) has no such device.</summary>
    public static void InitializeDeviceType(DeviceType deviceType)
    {
        if (!TryInitializeDeviceType(deviceType))
        {
            throw new InvalidOperationException(
                $"Torch device type {deviceType} is not available on this machine, or not in this libtorch."
            );
        }
    }

    public static bool TryInitializeDeviceType(DeviceType deviceType) =>
        deviceType switch
        {
            DeviceType.CPU or DeviceType.META => true,
            DeviceType.CUDA => cuda.device_count() > 0,
            _ => false,
        };

    public static Device get_default_device() => default_device ?? CPU;

    public static void set_default_device(Device device) => default_device = InitializeDevice(device);

    public static void set_default_device(string device) => set_default_device(new Device(device));

    public static bool cuda_is_available() => cuda.is_available();

    public static bool mps_is_available() => false;

    public static partial class cuda
    {
        static int? count;

        public static bool is_available() => device_count() > 0;

        public static bool is_cudnn_available() => Native.ebm_cudnn_available() != 0;

        public static int device_count() => count ??= Native.ebm_cuda_device_count();

        /// <summary>Seeds the current GPU's default generator.</summary>
        public static void manual_seed(long seed) =>
            Native.Check(Native.ebm_cuda_manual_seed((ulong)seed), "torch.cuda.manual_seed", $"seed: {seed}");

        /// <summary>Seeds the default generator of every GPU.</summary>
        public static void manual_seed_all(long seed) =>
            Native.Check(Native.ebm_cuda_manual_seed_all((ulong)seed), "torch.cuda.manual_seed_all", $"seed: {seed}");

        /// <summary>Waits until everything queued on a GPU is done.</summary>
        public static void synchronize(Device? device = null)
        {
            InitializeDeviceType(DeviceType.CUDA);
            Native.Check(Native.ebm_cuda_synchronize(device?.index ?? -1), "torch.cuda.synchronize", $"device: {device}");
        }
    }
}
