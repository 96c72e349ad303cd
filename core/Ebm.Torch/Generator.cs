// Streams of random numbers, each with a state of its own.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public class Generator : IDisposable
    {
        NativeOwner _owner;

        /// <summary>A new stream, independent of every other; the same seed gives the same numbers.</summary>
        /// <param name="seed">Any 64 bits.</param>
        /// <param name="device">Where its numbers are drawn; null is the processor.</param>
        public Generator(ulong seed = 0, Device? device = null)
        {
            device ??= CPU;
            Native.Check(
                Native.ebm_generator((int)device.type, device.index, seed, out var handle),
                "torch.Generator",
                $"seed: {seed}, device: {device}"
            );
            _owner = new NativeOwner(handle);
        }

        Generator(nint handle) => _owner = new NativeOwner(handle);

        /// <summary>The processor's generator that operators use when they are given none.</summary>
        public static Generator Default => DefaultOf(CPU);

        static Generator DefaultOf(Device device)
        {
            Native.Check(
                Native.ebm_generator_default((int)device.type, device.index, out var handle),
                "torch.Generator.Default",
                $"device: {device}"
            );
            return new Generator(handle);
        }

        public IntPtr Handle => _owner.IsDisposed ? throw Disposed() : _owner.Address;

        public Device device
        {
            get
            {
                using var use = Use();
                Native.ebm_generator_device(use.Address, out var type, out var index);
                return new Device((DeviceType)type, index);
            }
        }

        /// <summary>Starts the stream anew from a seed; returns itself.</summary>
        public Generator manual_seed(long seed)
        {
            using var use = Use();
            Native.Check(Native.ebm_generator_set_seed(use.Address, (ulong)seed), "Generator.manual_seed", $"seed: {seed}");
            return this;
        }

        /// <summary>The seed it was started from.</summary>
        public long initial_seed()
        {
            using var use = Use();
            Native.Check(Native.ebm_generator_current_seed(use.Address, out var seed), "Generator.initial_seed");
            return (long)seed;
        }

        /// <summary>Starts the stream anew from a seed of the operating system, which is returned.</summary>
        public long seed()
        {
            using var use = Use();
            Native.Check(Native.ebm_generator_fresh_seed(use.Address, out var seed), "Generator.seed");
            return (long)seed;
        }

        /// <summary>Everything that decides the numbers to come: a uint8 tensor.</summary>
        public Tensor get_state()
        {
            using var use = Use();
            Native.Check(Native.ebm_generator_state(use.Address, out var state), "Generator.get_state");
            return new Tensor(state);
        }

        /// <param name="value">What <see cref="get_state"/> of a generator on the same kind of device returned.</param>
        public void set_state(Tensor value)
        {
            using var use = Use();
            using var state = value.Use("set_state");
            Native.Check(Native.ebm_generator_set_state(use.Address, state.Address), "Generator.set_state", $"value: {value.Describe()}");
        }

        ~Generator() => Dispose(false);

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (_owner.Address != 0 && _owner.Disown())
            {
                Leave();
            }
        }

        internal nint Enter() => _owner.TryEnter(out var address) ? address : throw Disposed();

        internal void Leave()
        {
            if (_owner.Leave())
            {
                Native.ebm_generator_release(_owner.Address);
            }
        }

        Hold Use() => new(this, Enter());

        readonly ref struct Hold(Generator generator, nint address)
        {
            public nint Address => address;

            public void Dispose() => generator.Leave();
        }

        static ObjectDisposedException Disposed() => new("torch.Generator", "the generator was disposed of.");

        public override string ToString() => _owner.IsDisposed ? "a disposed generator" : $"generator on {device}";
    }

    /// <summary>Seeds the default generators of all devices.</summary>
    public static Generator manual_seed(long seed) => random.manual_seed(seed);

    public static long seed() => random.seed();

    public static long initial_seed() => random.initial_seed();

    public static Tensor get_rng_state() => random.get_rng_state();

    public static void set_rng_state(Tensor new_state) => random.set_rng_state(new_state);

    public static partial class random
    {
        /// <summary>Seeds the default generators of all devices; returns the processor's.</summary>
        public static Generator manual_seed(long seed)
        {
            Native.Check(Native.ebm_manual_seed((ulong)seed), "torch.manual_seed", $"seed: {seed}");
            return Generator.Default;
        }

        public static long seed()
        {
            using var generator = Generator.Default;
            return generator.seed();
        }

        public static long initial_seed()
        {
            using var generator = Generator.Default;
            return generator.initial_seed();
        }

        public static Tensor get_rng_state()
        {
            using var generator = Generator.Default;
            return generator.get_state();
        }

        public static void set_rng_state(Tensor new_state)
        {
            using var generator = Generator.Default;
            generator.set_state(new_state);
        }
    }
}
