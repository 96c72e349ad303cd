// How an operator of libtorch is called. One line declares it, one line calls it:
//
//     internal static partial class Aten { public static readonly Operator add_Tensor = new("add.Tensor(self, other, alpha)"); }
//     public Tensor add(Tensor target, Scalar alpha) => Aten.add_Tensor.Tensor(this, target, alpha);
//
// The declaration is the operator's name, overload and the leading arguments that are given, as in its schema (a law compares them with
// libtorch's own); arguments left out at the end take the schema's defaults. Values convert implicitly to Argument; null is an absent
// optional. `Tensor`, `Pair`, `Triple`, `Tensors`, `Long`, `Double`, `Bool` name what comes back; `InPlace` returns its first argument;
// `Run` nothing.
// Nothing is allocated besides the result; the native handle is looked up at the first call; every failure is a TensorException.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Ebm.Torch;

internal sealed unsafe class Operator
{
    static readonly List<Operator> Declared = [];
    const int MostArguments = 32,
        StackLongs = 64;

    readonly string _declaration;
    nint _handle;

    public Operator(string declaration)
    {
        _declaration = declaration;
        lock (Declared)
        {
            Declared.Add(this);
        }
    }

    /// <summary>Every operator declared, for the law that compares them with their schemas.</summary>
    public static IReadOnlyList<Operator> All
    {
        get
        {
            RuntimeHelpers.RunClassConstructor(typeof(Aten).TypeHandle);
            lock (Declared)
            {
                return [.. Declared];
            }
        }
    }

    string Head => _declaration[.._declaration.IndexOf('(')];

    /// <summary>Such as <c>aten::add</c>.</summary>
    public string Name => "aten::" + Head.Split('.')[0];

    /// <summary>Such as <c>Tensor</c>; empty where there is none.</summary>
    public string Overload => Head.Split('.') is [_, var overload] ? overload : "";

    /// <summary>The names of the leading arguments, in order.</summary>
    public string[] ArgumentNames =>
        _declaration[(_declaration.IndexOf('(') + 1)..^1]
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The schema as libtorch prints it. Throws <see cref="TensorException"/> where this libtorch has no such operator.</summary>
    public string Schema
    {
        get
        {
            Native.Check(Native.ebm_operator_schema(Handle(), null, 0, out var length), Name);
            var text = new byte[length + 1];
            fixed (byte* start = text)
            {
                Native.Check(Native.ebm_operator_schema(Handle(), start, text.Length, out length), Name);
            }
            return Encoding.UTF8.GetString(text, 0, length);
        }
    }

    public Tensor Tensor(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Expect(Invoke(arguments, &result, 1), 1);
        return Wrap(result);
    }

    public (Tensor, Tensor) Pair(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[2];
        Expect(Invoke(arguments, results, 2), 2);
        return (Wrap(results[0]), Wrap(results[1]));
    }

    public (Tensor, Tensor, Tensor) Triple(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[3];
        Expect(Invoke(arguments, results, 3), 3);
        return (Wrap(results[0]), Wrap(results[1]), Wrap(results[2]));
    }

    public Tensor[] Tensors(params ReadOnlySpan<Argument> arguments)
    {
        const int room = 8;
        var results = stackalloc NativeValue[room];
        var found = Invoke(arguments, results, room);
        var tensors = new Tensor[found];
        if (found <= room)
        {
            for (var i = 0; i < found; i++)
            {
                tensors[i] = Wrap(results[i]);
            }
            return tensors;
        }
        var many = new NativeValue[found];
        fixed (NativeValue* start = many)
        {
            Native.ebm_results(start);
        }
        for (var i = 0; i < found; i++)
        {
            tensors[i] = Wrap(many[i]);
        }
        return tensors;
    }

    /// <summary>For an operator that changes its first argument, which is returned.</summary>
    public Tensor InPlace(Tensor self, params ReadOnlySpan<Argument> rest)
    {
        Span<Argument> arguments = [self, default, default, default, default, default, default, default];
        rest.CopyTo(arguments[1..]);
        Invoke(arguments[..(rest.Length + 1)], null, 0);
        return self;
    }

    public void Run(params ReadOnlySpan<Argument> arguments) => Invoke(arguments, null, 0);

    public long Long(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Expect(Invoke(arguments, &result, 1), 1);
        return result.Bits;
    }

    public bool Bool(params ReadOnlySpan<Argument> arguments) => Long(arguments) != 0;

    public double Double(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Expect(Invoke(arguments, &result, 1), 1);
        return result.Tag == NativeTag.Double ? BitConverter.Int64BitsToDouble(result.Bits) : result.Bits;
    }

    static Tensor Wrap(NativeValue value) => new((nint)value.Bits, value.Count);

    void Expect(int found, int expected)
    {
        if (found != expected)
        {
            throw new TensorException(Name, "", $"it returned {found} values; {expected} were expected");
        }
    }

    nint Handle()
    {
        if (_handle == 0)
        {
            Native.Check(Native.ebm_operator(Name, Overload, out var handle), Name, Overload);
            _handle = handle;
        }
        return _handle;
    }

    [SkipLocalsInit]
    int Invoke(ReadOnlySpan<Argument> arguments, NativeValue* results, int room)
    {
        var handle = _handle != 0 ? _handle : Handle();
        if (arguments.Length > MostArguments)
        {
            throw new TensorException(Name, "", $"{arguments.Length} arguments; at most {MostArguments} can be given");
        }
        var values = stackalloc NativeValue[MostArguments];
        var near = stackalloc long[StackLongs];
        var longs = LongsNeeded(arguments);
        var far = longs > StackLongs ? (long*)NativeMemory.Alloc((nuint)longs, sizeof(long)) : null;
        var lists = far != null ? far : near;
        var entered = 0;
        try
        {
            for (; entered < arguments.Length; entered++)
            {
                lists += Enter(arguments, entered, &values[entered], lists);
            }
            int found;
            if (Native.ebm_call(handle, values, arguments.Length, results, room, &found) != 0)
            {
                var says = Native.Error();
                throw new TensorException(Name, Describe(arguments), says);
            }
            return found;
        }
        finally
        {
            for (var i = 0; i < entered; i++)
            {
                Leave(arguments[i]);
            }
            if (far != null)
            {
                NativeMemory.Free(far);
            }
        }
    }

    static int LongsNeeded(ReadOnlySpan<Argument> arguments)
    {
        var longs = 0;
        foreach (ref readonly var argument in arguments)
        {
            longs += argument.Tag switch
            {
                NativeTag.Ints => Unsafe.As<long[]>(argument.Reference!).Length,
                NativeTag.Doubles => Unsafe.As<double[]>(argument.Reference!).Length,
                NativeTag.Tensors => Unsafe.As<Tensor?[]>(argument.Reference!).Length,
                NativeTag.Bools => (Unsafe.As<bool[]>(argument.Reference!).Length + 7) / 8,
                NativeTag.String => (Encoding.UTF8.GetByteCount(Unsafe.As<string>(argument.Reference!)) + 7) / 8,
                _ => 0,
            };
        }
        return longs;
    }

    /// <summary>Writes one value, holding what it refers to; returns how many longs of `list` it took.</summary>
    int Enter(ReadOnlySpan<Argument> arguments, int position, NativeValue* value, long* list)
    {
        ref readonly var argument = ref arguments[position];
        value->Tag = argument.Tag;
        value->Bits = argument.Bits;
        value->Count = 0;
        switch (argument.Tag)
        {
            case NativeTag.Tensor:
                value->Bits = Enter(Unsafe.As<Tensor>(argument.Reference!), position);
                return 0;
            case NativeTag.Generator:
                value->Bits = Unsafe.As<Generator>(argument.Reference!).Enter();
                return 0;
            case NativeTag.Device:
                var device = Unsafe.As<Device>(argument.Reference!);
                value->Count = (int)device.type;
                value->Bits = device.index;
                return 0;
            case NativeTag.Ints:
                var ints = Unsafe.As<long[]>(argument.Reference!);
                ints.CopyTo(new Span<long>(list, ints.Length));
                return Place(value, list, ints.Length, ints.Length);
            case NativeTag.Doubles:
                var doubles = Unsafe.As<double[]>(argument.Reference!);
                doubles.CopyTo(new Span<double>(list, doubles.Length));
                return Place(value, list, doubles.Length, doubles.Length);
            case NativeTag.Bools:
                var bools = Unsafe.As<bool[]>(argument.Reference!);
                bools.CopyTo(new Span<bool>(list, bools.Length));
                return Place(value, list, bools.Length, (bools.Length + 7) / 8);
            case NativeTag.String:
                var room = (Encoding.UTF8.GetByteCount(Unsafe.As<string>(argument.Reference!)) + 7) / 8;
                return Place(
                    value,
                    list,
                    Encoding.UTF8.GetBytes(Unsafe.As<string>(argument.Reference!), new Span<byte>(list, room * 8)),
                    room
                );
            case NativeTag.Tensors:
                return Place(
                    value,
                    list,
                    EnterAll(Unsafe.As<Tensor?[]>(argument.Reference!), (nint*)list, position),
                    Unsafe.As<Tensor?[]>(argument.Reference!).Length
                );
            default:
                return 0;
        }
    }

    static int Place(NativeValue* value, long* list, int count, int longs)
    {
        value->Bits = (long)list;
        value->Count = count;
        return longs;
    }

    nint Enter(Tensor tensor, int position) =>
        tensor.TryEnter(out var address)
            ? address
            : throw new ObjectDisposedException("torch.Tensor", $"{Name}: argument '{NameOf(position)}' is a tensor that was disposed of.");

    int EnterAll(Tensor?[] tensors, nint* list, int position)
    {
        var entered = 0;
        try
        {
            for (; entered < tensors.Length; entered++)
            {
                list[entered] = tensors[entered] is { } tensor ? Enter(tensor, position) : 0;
            }
            return tensors.Length;
        }
        catch
        {
            for (var i = 0; i < entered; i++)
            {
                tensors[i]?.Leave();
            }
            throw;
        }
    }

    static void Leave(in Argument argument)
    {
        switch (argument.Tag)
        {
            case NativeTag.Tensor:
                Unsafe.As<Tensor>(argument.Reference!).Leave();
                break;
            case NativeTag.Tensors:
                foreach (var tensor in Unsafe.As<Tensor?[]>(argument.Reference!))
                {
                    tensor?.Leave();
                }
                break;
            case NativeTag.Generator:
                Unsafe.As<Generator>(argument.Reference!).Leave();
                break;
        }
    }

    string NameOf(int position) => ArgumentNames is var names && position < names.Length ? names[position] : $"#{position + 1}";

    string Describe(ReadOnlySpan<Argument> arguments)
    {
        var says = new StringBuilder();
        for (var i = 0; i < arguments.Length; i++)
        {
            says.Append(i > 0 ? ", " : "").Append(NameOf(i)).Append(": ").Append(arguments[i].Describe());
        }
        return says.ToString();
    }

    public override string ToString() => _declaration;
}
