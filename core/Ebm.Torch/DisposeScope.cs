// What is made inside a scope is freed when the scope ends, unless it is moved out.
//
// A tensor knows its scope; the scope's list may hold tensors that have left it, and is swept when it has doubled. So leaving a scope
// (by Dispose, on whatever thread) writes one field and touches no list.
namespace TorchSharp;

public static partial class torch
{
    /// <summary>Opens a scope on this thread: tensors made until it is disposed of belong to it.</summary>
    public static DisposeScope NewDisposeScope() => DisposeScopeManager.Open();

    /// <summary>The innermost open scope of this thread.</summary>
    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.Current;

    /// <summary>Evaluates inside a scope of its own; only the result leaves it.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }

    public partial class Tensor
    {
        internal DisposeScope? OwningDisposeScope { get; set; }

        /// <summary>Moves to the scope around its own; where there is none, to no scope.</summary>
        public Tensor MoveToOuterDisposeScope()
        {
            OwningDisposeScope?.MoveToOuter(this);
            return this;
        }

        /// <summary>Belongs to no scope any more: freed by Dispose or by the finalizer.</summary>
        public Tensor DetachFromDisposeScope()
        {
            OwningDisposeScope?.Detach(this);
            return this;
        }

        /// <summary>Moves to the scope of <paramref name="other"/>.</summary>
        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.OwningDisposeScope);

        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (OwningDisposeScope is { } own)
            {
                own.MoveToOther(other, this);
            }
            else
            {
                other?.Attach(this);
            }
            return this;
        }
    }
}

public sealed class DisposeScope : IDisposable
{
    const int FirstSweep = 64;

    readonly List<torch.Tensor> _entries = [];
    int _sweepAt = FirstSweep;
    bool _closed;

    internal DisposeScope(DisposeScope? outer) => Outer = outer;

    internal DisposeScope? Outer { get; set; }

    /// <summary>The tensors in the scope now.</summary>
    public IReadOnlyList<IDisposable> DisposablesView
    {
        get
        {
            Open();
            Sweep();
            return [.. _entries];
        }
    }

    public int DisposablesCount => DisposablesView.Count;

    public bool Contains(IDisposable disposable) => disposable is torch.Tensor tensor && tensor.OwningDisposeScope == this;

    /// <summary>Takes tensors in, out of whatever scope they are in.</summary>
    public void Attach(IDisposable disposable)
    {
        Open();
        var tensor = TensorOf(disposable);
        if (tensor.OwningDisposeScope != this && !tensor.IsInvalid)
        {
            Add(tensor);
        }
    }

    public void Attach(params IDisposable[] disposables) => Attach((IEnumerable<IDisposable>)disposables);

    public IReadOnlyList<IDisposable> Attach(IEnumerable<IDisposable> disposables)
    {
        var attached = disposables.ToList();
        attached.ForEach(Attach);
        return attached;
    }

    /// <summary>Moves those of the tensors that are in this scope to the scope around it; where there is none, to no scope.</summary>
    public void MoveToOuter(IEnumerable<IDisposable> disposables) => MoveToOther(Outer, disposables);

    public void MoveToOuter(params IDisposable[] disposables) => MoveToOther(Outer, disposables);

    public T MoveToOuter<T>(T disposable)
        where T : IDisposable => MoveToOther(Outer, disposable);

    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => MoveToOther(Outer, first, second);

    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => MoveToOther(Outer, first, second, third);

    /// <summary>Moves those of the tensors that are in this scope to another; to none when it is null.</summary>
    public void MoveToOther(DisposeScope? scope, IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
        {
            Move(scope, disposable);
        }
    }

    public void MoveToOther(DisposeScope? scope, params IDisposable[] disposables) =>
        MoveToOther(scope, (IEnumerable<IDisposable>)disposables);

    public T MoveToOther<T>(DisposeScope? scope, T disposable)
        where T : IDisposable
    {
        Move(scope, disposable);
        return disposable;
    }

    public (T1 first, T2 second) MoveToOther<T1, T2>(DisposeScope? scope, T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (MoveToOther(scope, first), MoveToOther(scope, second));

    public (T1 first, T2 second, T3 third) MoveToOther<T1, T2, T3>(DisposeScope? scope, T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (MoveToOther(scope, first), MoveToOther(scope, second), MoveToOther(scope, third));

    /// <summary>Takes those of the tensors that are in this scope out of every scope.</summary>
    public void Detach(IEnumerable<IDisposable> disposables) => MoveToOther(null, disposables);

    public void Detach(params IDisposable[] disposables) => MoveToOther(null, disposables);

    public T Detach<T>(T disposable)
        where T : IDisposable => MoveToOther(null, disposable);

    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => MoveToOther(null, first, second);

    public (T1 first, T2 second, T3 third) Detach<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => MoveToOther(null, first, second, third);

    /// <summary>Frees what is in the scope now, and keeps the scope open.</summary>
    public void DisposeEverything() => DisposeEverythingBut((IEnumerable<IDisposable>)[]);

    /// <summary>Frees what is in the scope now except for some, which stay in it.</summary>
    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        Open();
        var keep = inKeep.ToHashSet<object>(ReferenceEqualityComparer.Instance);
        var entries = _entries.ToArray();
        _entries.Clear();
        foreach (var tensor in entries.Where(tensor => tensor.OwningDisposeScope == this))
        {
            if (keep.Contains(tensor))
            {
                _entries.Add(tensor);
            }
            else
            {
                tensor.Dispose();
            }
        }
    }

    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    public T DisposeEverythingBut<T>(T keep)
        where T : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[keep]);
        return keep;
    }

    public (T1 first, T2 second) DisposeEverythingBut<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second]);
        return (first, second);
    }

    public (T1 first, T2 second, T3 third) DisposeEverythingBut<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second, third]);
        return (first, second, third);
    }

    /// <summary>Says that a tensor was disposed of by other means; Tensor.Dispose says so itself.</summary>
    public void MarkAsDisposed(IDisposable disposable)
    {
        Open();
        if (Contains(disposable))
        {
            ((torch.Tensor)disposable).OwningDisposeScope = null;
        }
    }

    /// <summary>Frees everything in the scope and closes it. A second time does nothing.</summary>
    public void Dispose()
    {
        if (_closed)
        {
            return;
        }
        _closed = true;
        foreach (var tensor in _entries)
        {
            if (tensor.OwningDisposeScope == this)
            {
                tensor.Dispose();
            }
        }
        _entries.Clear();
        DisposeScopeManager.Close(this);
    }

    internal void Add(torch.Tensor tensor)
    {
        if (_entries.Count >= _sweepAt)
        {
            Sweep();
            _sweepAt = Math.Max(FirstSweep, 2 * _entries.Count);
        }
        _entries.Add(tensor);
        tensor.OwningDisposeScope = this;
    }

    void Move(DisposeScope? scope, IDisposable disposable)
    {
        Open();
        var tensor = TensorOf(disposable);
        if (tensor.OwningDisposeScope != this || scope == this)
        {
            return;
        }
        tensor.OwningDisposeScope = null;
        scope?.Attach(tensor);
    }

    // A tensor that left and came back is listed twice.
    void Sweep()
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        _entries.RemoveAll(tensor => tensor.OwningDisposeScope != this || !seen.Add(tensor));
    }

    void Open() => ObjectDisposedException.ThrowIf(_closed, this);

    static torch.Tensor TensorOf(IDisposable disposable) =>
        disposable as torch.Tensor
        ?? throw new InvalidOperationException(
            $"DisposeScope holds tensors; it was given {(disposable is null ? "null" : "a " + disposable.GetType().Name)}."
        );
}

/// <summary>The open scopes of each thread, innermost first.</summary>
public class DisposeScopeManager
{
    [ThreadStatic]
    static DisposeScope? innermost;

    internal static DisposeScope? Current => innermost;

    internal static DisposeScope Open() => innermost = new DisposeScope(innermost);

    /// <summary>Puts a new tensor into this thread's innermost scope; false where none is open.</summary>
    internal static bool Register(torch.Tensor tensor)
    {
        innermost?.Add(tensor);
        return innermost is not null;
    }

    // Scopes may be closed out of order: the one that goes is taken out of the chain.
    internal static void Close(DisposeScope closed)
    {
        if (innermost == closed)
        {
            innermost = closed.Outer;
            return;
        }
        for (var scope = innermost; scope is not null; scope = scope.Outer)
        {
            if (scope.Outer == closed)
            {
                scope.Outer = closed.Outer;
                return;
            }
        }
    }
}
