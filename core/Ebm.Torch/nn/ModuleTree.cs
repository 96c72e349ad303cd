// Walking a module's tree: names joined by dots, parents before children, each tensor and each name once.
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            private bool inTraining = true;

            /// <summary>Parameters with their dotted names; one that several modules share comes once, under its first name.</summary>
            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) =>
                Once(Walk(recurse, module => module.ownParameters.Select(entry => (entry.Key, entry.Value))));

            /// <inheritdoc cref="named_parameters"/>
            public virtual IEnumerable<Parameter> parameters(bool recurse = true) =>
                named_parameters(recurse).Select(entry => entry.parameter);

            /// <summary>Buffers with their dotted names; one that several modules share comes once, under its first name.</summary>
            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(
                bool recurse = true,
                bool include_nonpersistent = true
            ) =>
                Once(
                    Walk(
                        recurse,
                        module =>
                            module
                                .ownBuffers.Where(entry => entry.Value.Persistent || include_nonpersistent)
                                .Select(entry => (entry.Key, entry.Value.Tensor))
                    )
                );

            /// <inheritdoc cref="named_buffers"/>
            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(entry => entry.buffer);

            /// <summary>The direct children.</summary>
            public virtual IEnumerable<(string name, Module module)> named_children() =>
                ownChildren.Select(entry => (entry.Key, entry.Value));

            /// <inheritdoc cref="named_children"/>
            public virtual IEnumerable<Module> children() => ownChildren.Values;

            /// <summary>All modules below this one (itself not included): the direct children first, then each child's own.</summary>
            public virtual IEnumerable<(string name, Module module)> named_modules() =>
                named_children()
                    .Concat(
                        named_children()
                            .SelectMany(child => child.module.named_modules().Select(inner => ($"{child.name}.{inner.name}", inner.module)))
                    );

            /// <inheritdoc cref="named_modules"/>
            public virtual IEnumerable<Module> modules() => named_modules().Select(entry => entry.module);

            /// <summary>Applies <paramref name="fn"/> to the children, theirs included, and then to this module.</summary>
            public virtual Module apply(Action<Module> fn)
            {
                foreach (var child in children())
                    child.apply(fn);
                fn(this);
                return this;
            }

            /// <summary>Puts this module and all below it into training mode, or out of it.</summary>
            public virtual void train(bool train = true)
            {
                inTraining = train;
                foreach (var child in children())
                    child.train(train);
            }

            /// <summary>The same as <c>train(false)</c>.</summary>
            public virtual void eval() => train(false);

            /// <summary>Whether the module is in training mode; a new module is.</summary>
            public virtual bool training => inTraining;

            /// <summary>The parameter of that dotted name, or null.</summary>
            public virtual Parameter? get_parameter(string target) =>
                Owner(target, out var last)?.ownParameters.TryGetValue(last, out var parameter) == true ? parameter : null;

            /// <summary>The buffer of that dotted name, or null.</summary>
            public virtual Tensor? get_buffer(string target) =>
                Owner(target, out var last)?.ownBuffers.TryGetValue(last, out var buffer) == true ? buffer.Tensor : null;

            /// <summary>Whether there is a parameter of that dotted name.</summary>
            public virtual bool has_parameter(string target) => get_parameter(target) is not null;

            /// <summary>Whether there is a buffer of that dotted name.</summary>
            public virtual bool has_buffer(string target) => get_buffer(target) is not null;

            // The module that a dotted name's last part belongs to.
            private Module? Owner(string target, out string last)
            {
                var parts = target.Split('.');
                last = parts[^1];
                Module? module = this;
                foreach (var part in parts[..^1])
                    if (!module.ownChildren.TryGetValue(part, out module))
                        return null;
                return module;
            }

            private IEnumerable<(string Name, T Tensor)> Walk<T>(bool recurse, Func<Module, IEnumerable<(string, T)>> own)
            {
                foreach (var entry in own(this))
                    yield return entry;
                if (!recurse)
                    yield break;
                foreach (var (name, child) in ownChildren)
                foreach (var (inner, tensor) in child.Walk(true, own))
                    yield return ($"{name}.{inner}", tensor);
            }

            private static IEnumerable<(string, T)> Once<T>(IEnumerable<(string Name, T Tensor)> entries)
                where T : Tensor
            {
                var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
                foreach (var entry in entries)
                    if (seen.Add(entry.Tensor))
                        yield return entry;
            }
        }
    }
}
