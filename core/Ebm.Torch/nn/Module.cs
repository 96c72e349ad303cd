// A module is a tree of names: parameters (trained), buffers (kept), children. Everything that must survive a restart or
// a move to another device is registered here; whatever is registered belongs to the module, not to a dispose scope.
using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>A named tree of parameters, buffers and child modules.</summary>
        /// <remarks>A subclass assigns its fields in its constructor and then calls <see cref="RegisterComponents"/>: fields holding
        /// modules, parameters and tensors become children, parameters and buffers under the fields' names.</remarks>
        public partial class Module : IDisposable
        {
            private readonly OrderedDictionary<string, Parameter> ownParameters = [];
            private readonly OrderedDictionary<string, (Tensor Tensor, bool Persistent)> ownBuffers = [];
            private readonly OrderedDictionary<string, Module> ownChildren = [];
            private bool componentsAreRegistered;

            /// <summary>The name given at construction; null or empty stands for the type's name.</summary>
            protected string? name;

            protected Module(string name) => this.name = name;

            /// <summary>The name given at construction, else the type's name.</summary>
            public virtual string GetName() => string.IsNullOrEmpty(name) ? GetType().Name : name;

            /// <summary>Registers a parameter and takes it out of its dispose scope.</summary>
            /// <exception cref="ArgumentNullException">The parameter is null or disposed.</exception>
            /// <exception cref="InvalidOperationException">The name is taken.</exception>
            public virtual void register_parameter(string name, Parameter param)
            {
                RequireAlive(param, name, "parameter");
                if (!ownParameters.TryAdd(name, param))
                    throw Taken(name, "parameter");
                param.DetachFromDisposeScope();
            }

            /// <summary>Registers a buffer and takes it out of its dispose scope. The state dictionary has the persistent ones.</summary>
            /// <exception cref="ArgumentNullException">The tensor is null or disposed.</exception>
            /// <exception cref="InvalidOperationException">The name is taken.</exception>
            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                RequireAlive(tensor, name, "buffer");
                if (!ownBuffers.TryAdd(name, (tensor, persistent)))
                    throw Taken(name, "buffer");
                tensor.DetachFromDisposeScope();
            }

            /// <summary>Registers a child, whose own fields are registered first. A null child removes the name.</summary>
            /// <exception cref="ArgumentException">The name is empty or has a dot, or the child contains this module.</exception>
            /// <exception cref="InvalidOperationException">The name is taken.</exception>
            public virtual void register_module(string name, Module submodule)
            {
                if (submodule is null)
                {
                    ownChildren.Remove(name);
                    return;
                }
                if (string.IsNullOrEmpty(name) || name.Contains('.'))
                    throw new ArgumentException(
                        $"\"{name}\" cannot name a child of {GetName()}: dots join names, and an empty name joins nothing.",
                        nameof(name)
                    );
                if (ownChildren.ContainsKey(name))
                    throw Taken(name, "child");
                submodule.RegisterComponents();
                if (ReferenceEquals(submodule, this) || submodule.modules().Contains(this, ReferenceEqualityComparer.Instance))
                    throw new ArgumentException(
                        $"{submodule.GetName()} contains {GetName()}, so it cannot be its child \"{name}\": modules form a tree.",
                        nameof(submodule)
                    );
                ownChildren.Add(name, submodule);
            }

            /// <inheritdoc cref="register_module"/>
            public void add_module(string name, Module module) => register_module(name, module);

            /// <summary>Registers what this object's fields hold (its base classes' fields too) and is not registered yet.</summary>
            protected virtual void RegisterComponents()
            {
                if (componentsAreRegistered)
                    return;
                componentsAreRegistered = true;

                // A layer that registered its weight by name keeps that name, whatever the field is called.
                var known = new HashSet<object>(ReferenceEqualityComparer.Instance);
                known.UnionWith(ownChildren.Values);
                known.UnionWith(ownParameters.Values);
                known.UnionWith(ownBuffers.Values.Select(buffer => buffer.Tensor));

                foreach (var field in Fields(GetType()))
                {
                    var component = field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;
                    if (ownChildren.ContainsKey(component) || ownParameters.ContainsKey(component) || ownBuffers.ContainsKey(component))
                        continue;
                    switch (field.GetValue(this))
                    {
                        case Module module when known.Add(module):
                            register_module(component, module);
                            break;
                        case Parameter parameter when known.Add(parameter):
                            register_parameter(component, parameter);
                            break;
                        case Tensor tensor when known.Add(tensor):
                            register_buffer(component, tensor);
                            break;
                    }
                }
            }

            private static IEnumerable<FieldInfo> Fields(Type type)
            {
                const BindingFlags declaredHere =
                    BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly;
                for (var level = type; level is not null && level != typeof(Module); level = level.BaseType)
                    foreach (var field in level.GetFields(declaredHere))
                        if (!field.FieldType.IsValueType)
                            yield return field;
            }

            /// <summary>
            /// Sets or replaces a parameter, in its place among its siblings; null removes it. The one before is not disposed.
            /// </summary>
            protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                if (value is null)
                    ownParameters.Remove(name);
                else
                {
                    RequireAlive(value, name, "parameter");
                    ownParameters[name] = value;
                    value.DetachFromDisposeScope();
                }
            }

            /// <summary>
            /// Sets or replaces a buffer, in its place among its siblings; null removes it. The one before is not disposed.
            /// </summary>
            protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                if (value is null)
                    ownBuffers.Remove(name);
                else
                {
                    RequireAlive(value, name, "buffer");
                    ownBuffers[name] = (value, persistent);
                    value.DetachFromDisposeScope();
                }
            }

            /// <summary>Forgets every child, without disposing it.</summary>
            protected void ClearModules() => ownChildren.Clear();

            // A layer's property stores what this returns: the new tensor, registered; the old one is disposed.
            private protected Parameter? Own(string name, Parameter? before, Parameter? after)
            {
                if (ReferenceEquals(before, after))
                    return after;
                ConditionallyRegisterParameter(name, after);
                before?.Dispose();
                return after;
            }

            private protected Tensor? OwnBuffer(string name, Tensor? before, Tensor? after)
            {
                if (ReferenceEquals(before, after))
                    return after;
                ConditionallyRegisterBuffer(name, after);
                before?.Dispose();
                return after;
            }

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Disposes the parameters, buffers and children.</summary>
            protected virtual void Dispose(bool disposing)
            {
                if (!disposing)
                    return;
                foreach (var parameter in ownParameters.Values)
                    parameter.Dispose();
                foreach (var (buffer, _) in ownBuffers.Values)
                    buffer.Dispose();
                foreach (var child in ownChildren.Values)
                    child.Dispose();
            }

            private void RequireAlive(Tensor? tensor, string name, string role)
            {
                if (tensor is null || tensor.IsInvalid)
                    throw new ArgumentNullException(
                        nameof(tensor),
                        $"{GetName()} cannot register {(tensor is null ? "null" : "a disposed tensor")} as its {role} \"{name}\"; "
                            + "create the tensor before registering it."
                    );
            }

            private InvalidOperationException Taken(string name, string role) =>
                new($"{GetName()} already has a {role} \"{name}\"; give this one another name.");
        }
    }
}
