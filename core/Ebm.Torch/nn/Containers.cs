// Modules made of modules: a chain (Sequential), a list and a dictionary. Children are registered as they are added,
// a list's and a chain's under their positions.
using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace TorchSharp
{
    using Modules;

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>An empty chain: the identity, until something is appended.</summary>
            public static Sequential Sequential() => new(Array.Empty<Module<Tensor, Tensor>>());

            /// <summary>A chain of named modules.</summary>
            public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);

            /// <summary>A chain of modules, named by their positions.</summary>
            public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) => new(modules);

            /// <summary>A chain of named modules.</summary>
            public static Sequential Sequential(params Tuple<string, Module<Tensor, Tensor>>[] modules) =>
                new(modules.Select(pair => (pair.Item1, pair.Item2)).ToArray());

            /// <summary>A chain of named modules.</summary>
            public static Sequential Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules) =>
                new(modules.ToArray());

            /// <summary>A chain of named modules.</summary>
            public static Sequential Sequential(IEnumerable<Tuple<string, Module<Tensor, Tensor>>> modules) =>
                Sequential(modules.ToArray());

            /// <summary>A chain of modules, named by their positions.</summary>
            public static Sequential Sequential(IEnumerable<Module<Tensor, Tensor>> modules) => new(modules.ToArray());

            /// <summary>A list of modules, named by their positions.</summary>
            public static ModuleList<Module> ModuleList(params Module[] modules) => new(modules);

            /// <inheritdoc cref="ModuleList(Module[])"/>
            public static ModuleList<T> ModuleList<T>(params T[] modules)
                where T : Module => new(modules);

            /// <summary>A dictionary of modules.</summary>
            public static ModuleDict<Module> ModuleDict(params (string, Module)[] modules) => Filled<Module>(modules);

            /// <inheritdoc cref="ModuleDict(ValueTuple{string, Module}[])"/>
            public static ModuleDict<T> ModuleDict<T>(params (string, T)[] modules)
                where T : Module => Filled(modules);

            private static ModuleDict<T> Filled<T>((string, T)[] modules)
                where T : Module
            {
                var filled = new ModuleDict<T>();
                foreach (var entry in modules)
                    filled.Add(entry);
                return filled;
            }
        }
    }
}

namespace TorchSharp.Modules
{
    using static torch;

    /// <summary>A chain: each module is called with what the one before returned, and intermediate results are disposed.</summary>
    public class Sequential : nn.Module<Tensor, Tensor>
    {
        private readonly List<(string Name, nn.IModule<Tensor, Tensor> Module)> links = [];

        protected internal Sequential(params (string name, nn.Module<Tensor, Tensor> submodule)[] modules)
            : base(nameof(Sequential))
        {
            foreach (var (name, module) in modules)
                append(name, module);
        }

        protected internal Sequential(params nn.Module<Tensor, Tensor>[] modules)
            : base(nameof(Sequential))
        {
            foreach (var module in modules)
                append(module);
        }

        /// <summary>Adds a module at the end, under <paramref name="name"/>.</summary>
        public Sequential append(string name, nn.IModule<Tensor, Tensor> module)
        {
            register_module(name, (nn.Module)module);
            links.Add((name, module));
            return this;
        }

        /// <summary>Adds a module at the end, named by its position.</summary>
        public Sequential append(nn.IModule<Tensor, Tensor> module) => append(links.Count.ToString(), module);

        public override Tensor forward(Tensor tensor)
        {
            if (links.Count == 0)
                return tensor.alias();
            var current = tensor;
            foreach (var (_, module) in links)
            {
                var next = module.call(current);
                // A module may hand its input through; only what this chain made is its to free.
                if (!ReferenceEquals(current, tensor) && !ReferenceEquals(current, next))
                    current.Dispose();
                current = next;
            }
            return current;
        }

        /// <summary>How many modules the chain has.</summary>
        public int Count => links.Count;

        [IndexerName("SequentialItems")]
        public nn.IModule<Tensor, Tensor> this[int index] => links[index].Module;

        /// <summary>The part from <c>start</c> up to, not including, <c>end</c>, sharing its modules with this chain.</summary>
        [IndexerName("SequentialItems")]
        public Sequential this[(int? start, int? end) index] => this[(index.start ?? 0)..(index.end ?? links.Count)];

        /// <inheritdoc cref="this[ValueTuple{int?, int?}]"/>
        [IndexerName("SequentialItems")]
        public Sequential this[Range index]
        {
            get
            {
                var part = new Sequential(Array.Empty<nn.Module<Tensor, Tensor>>());
                foreach (var (name, module) in links[index])
                    part.append(name, module);
                return part;
            }
        }
    }

    /// <summary>A list of modules. It registers them under their positions; calling them is its owner's business.</summary>
    public class ModuleList<T> : nn.Module, IList<T>
        where T : nn.Module
    {
        private readonly List<T> items = [];

        public ModuleList(params T[] modules)
            : base("ModuleList") => append(modules);

        public T this[int index]
        {
            get => items[index];
            set => Change(() => items[index] = value);
        }

        public int Count => items.Count;
        public bool IsReadOnly => false;

        public void Add(T item) => Change(() => items.Add(item));

        public void append(params T[] parameters) => Change(() => items.AddRange(parameters));

        public void extend(IEnumerable<T> modules) => Change(() => items.AddRange(modules));

        public void Insert(int index, T item) => Change(() => items.Insert(index, item));

        public void RemoveAt(int index) => Change(() => items.RemoveAt(index));

        public void Clear() => Change(items.Clear);

        public bool Contains(T item) => items.Contains(item);

        public int IndexOf(T item) => items.IndexOf(item);

        public void CopyTo(T[] array, int arrayIndex) => items.CopyTo(array, arrayIndex);

        public IEnumerator<T> GetEnumerator() => items.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public bool Remove(T item)
        {
            var position = items.IndexOf(item);
            if (position >= 0)
                RemoveAt(position);
            return position >= 0;
        }

        private void Change(Action edit)
        {
            edit();
            ClearModules();
            for (var i = 0; i < items.Count; i++)
                register_module(i.ToString(), items[i]);
        }
    }

    /// <summary>A dictionary of modules, in the order they were added.</summary>
    public class ModuleDict<T> : nn.Module, IEnumerable<(string, T)>
        where T : nn.Module
    {
        private readonly OrderedDictionary<string, T> entries = [];

        public ModuleDict()
            : base("ModuleDict") { }

        public T this[string key]
        {
            get => entries[key];
            set
            {
                entries[key] = value;
                Register();
            }
        }

        public (string, T) this[int index] => (entries.GetAt(index).Key, entries.GetAt(index).Value);
        public int Count => entries.Count;
        public ICollection<string> Keys => entries.Keys;
        public ICollection<T> Values => entries.Values;

        public IEnumerable<string> keys() => entries.Keys;

        public IEnumerable<T> values() => entries.Values;

        public IEnumerator<(string, T)> items() => GetEnumerator();

        public bool ContainsKey(string key) => entries.ContainsKey(key);

        public bool TryGetValue(string key, [MaybeNullWhen(false)] out T value) => entries.TryGetValue(key, out value);

        public void Add((string, T) item) => Add(item.Item1, item.Item2);

        public IEnumerator<(string, T)> GetEnumerator() => entries.Select(entry => (entry.Key, entry.Value)).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Add(string key, T value)
        {
            entries.Add(key, value);
            register_module(key, value);
        }

        public bool Remove(string key)
        {
            var removed = entries.Remove(key);
            Register();
            return removed;
        }

        public void Clear()
        {
            entries.Clear();
            Register();
        }

        private void Register()
        {
            ClearModules();
            foreach (var (key, module) in entries)
                register_module(key, module);
        }
    }
}
